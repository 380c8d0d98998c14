"""``apply_ufunc(vectorize=True)`` on traced arrays against eager xarray."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import xarray as xr

import xgrad
from tests.labels.programs import assert_gradient, assert_same_program
from xgrad.errors import TracedValueError

RNG = np.random.default_rng(17)
T = xr.DataArray(
    RNG.normal(size=(5, 3, 4)),
    {"time": np.arange(5.0), "lat": [-30.0, 0.0, 30.0], "lon": [0, 90, 180, 270]},
    ("time", "lat", "lon"),
    "tas",
    {"units": "K"},
)
W = xr.DataArray([[1.0, 2.0, 3.0], [3.0, 2.0, 1.0]], dims=("run", "lat"), coords={"lat": T.lat})
NEW = np.array([-40.0, 0.0, 10.0, 40.0])


def slope(y: Any, x: Any) -> Any:
    """A function that is right for 1-d slices alone."""
    assert np.ndim(y) == np.ndim(x) == 1
    x = x - np.mean(x)
    return np.dot(x, y) / np.dot(x, x)


def two(y: Any) -> Any:
    assert y.ndim == 1
    return y[0] - y[-1], np.cumsum(y)[1:]


def windowed(y: Any) -> Any:
    y = y.copy()
    y[1:-1] = (y[:-2] + y[2:]) / 2
    return y


def cholesky_of_outer(y: Any) -> Any:
    return np.linalg.cholesky(np.outer(y, y) + np.eye(len(y)))


def apply(function: Any, *args: Any, core: Any, out: Any = ((),), **options: Any) -> Any:
    return xr.apply_ufunc(
        function, *args, input_core_dims=core, output_core_dims=out, vectorize=True, **options
    )


PROGRAMS: list[Callable[..., Any]] = [
    lambda t: apply(slope, t, t.time, core=[["time"], ["time"]]),
    lambda t: apply(slope, t, W, core=[["lat"], ["lat"]]),
    lambda t: apply(slope, t.isel(time=0, lon=0), t.lat, core=[["lat"], ["lat"]]),
    lambda t: apply(
        slope, t.isel(time=0), t.isel(time=1, lon=0), core=[["lat"], ["lat"]], join="override"
    ),
    lambda t: apply(two, t, core=[["lat"]], out=[[], ["d"]]),
    lambda t: apply(windowed, t, core=[["time"]], out=[["time"]]),
    lambda t: apply(cholesky_of_outer, t, core=[["lat"]], out=[["i", "j"]]),
    lambda t: apply(
        np.interp,
        NEW,
        t.lat,
        t,
        core=[["lat"], ["lat"], ["lat"]],
        out=[["lat"]],
        exclude_dims={"lat"},
    ),
    lambda t: apply(
        np.interp, t.isel(lat=0, drop=True) * 10, t.lat, t.lat**2, core=[[], ["lat"], ["lat"]]
    ),
    lambda t: apply(lambda x, y: x * y + 1, t, W, core=[[], []]),
    lambda t: apply(lambda x: np.sort(x)[::-1], t, core=[["lon"]], out=[["lon"]]),
    lambda t: apply(lambda x: np.ones(2), t, core=[["lon"]], out=[["k"]]),
    lambda t: apply(lambda x: x.sum() > 0, t, core=[["lon"]]),
    lambda t: apply(slope, t, t.time, core=[["time"], ["time"]], keep_attrs=True),
    lambda t: apply(slope, t, t.time, core=[["time"], ["time"]], output_dtypes=["float32"]),
    lambda t: apply(lambda x, p: (x**p).sum(), t, core=[["lat"]], kwargs={"p": 3}),
    lambda t: apply(np.median, t.to_dataset().assign(b=t * 2), core=[["lat"]]),
]


@pytest.mark.parametrize("k", range(len(PROGRAMS)))
def test_programs(k: int) -> None:
    assert_same_program(PROGRAMS[k], T)


@pytest.mark.parametrize("k", [0, 1, 3, 4, 5, 6, 7, 8, 9, 10])
def test_gradients(k: int) -> None:
    assert_gradient(PROGRAMS[k], T)


def test_a_captured_traced_value_takes_part() -> None:
    def program(t: Any) -> Any:
        level = t.mean().data
        return apply(lambda y: (y - level).max(), t, core=[["lat"]])

    assert_same_program(program, T)
    assert_gradient(program, T)


def test_nested() -> None:
    def outer(y: Any) -> Any:
        inner = xr.DataArray(y, dims=("lat", "time"))
        return apply(lambda z: (z**2).sum(), inner, core=[["time"]]).data

    assert_same_program(lambda t: apply(outer, t, core=[["lat", "time"]], out=[["lat"]]), T)


def test_the_function_runs_once() -> None:
    calls = []
    xgrad.jit(lambda t: apply(lambda y: calls.append(1) or y.sum(), t, core=[["lat"]]))(T)
    assert len(calls) == 1


def test_decisions_on_values_are_refused() -> None:
    with pytest.raises(TracedValueError, match="`if`"):
        xgrad.jit(lambda t: apply(lambda y: y if y > 0 else -y, t, core=[[]]))(T)
