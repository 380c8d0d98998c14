"""Moving windows of traced data against eager xarray, which lays the windows out; and their graphs."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import xarray as xr

import xgrad
from tests.labels.programs import assert_gradient, assert_same_program
from xgrad.graph import format_graph

RNG = np.random.default_rng(6)
T = xr.DataArray(
    RNG.normal(size=(13, 3)),
    {
        "time": np.arange(13) * 2.0,
        "lat": [10, 20, 30],
        "height": 2.0,
        "name": ("time", list("a" * 13)),
    },
    ("time", "lat"),
    "tas",
    {"units": "K"},
)
GAPS = T.where(T > -1.0)
N = (T * 10).astype("int32")
FAR = 1e6 + 1e-3 * T  # a variance that a difference of sums of squares would lose

WINDOWS: dict[str, Callable[[Any], Any]] = {
    "trailing": lambda x: x.rolling(time=4),
    "centred": lambda x: x.rolling(time=5, center=True, min_periods=2),
    "centred, even": lambda x: x.rolling(time=4, center=True, min_periods=1),
    "of one": lambda x: x.rolling(time=1),
    "longer than the array": lambda x: x.rolling(time=20, min_periods=3),
    "longer than the array, centred": lambda x: x.rolling(time=20, center=True, min_periods=3),
    "two dims": lambda x: x.rolling(time=3, lat=2, min_periods=2, center={"lat": True}),
    "cumulative": lambda x: x.cumulative("time"),
    "cumulative along two": lambda x: x.cumulative(["time", "lat"], min_periods=2),
}
REDUCTIONS: dict[str, Callable[[Any], Any]] = {
    "sum": lambda r: r.sum(),
    "mean": lambda r: r.mean(),
    "max": lambda r: r.max(keep_attrs=False),
    "min": lambda r: r.min(),
    "count": lambda r: r.count(),
    "prod": lambda r: r.prod(),
    "var": lambda r: r.var(),
    "std": lambda r: r.std(ddof=1),
    "median": lambda r: r.median(),
}
each_window = pytest.mark.parametrize("window", WINDOWS)
each_reduction = pytest.mark.parametrize("reduction", REDUCTIONS)


@each_window
@each_reduction
def test_reduction(window: str, reduction: str) -> None:
    for x in (GAPS, N, T.astype("float32"), FAR):
        # a variance of 1e-6 about 1e6 has six digits, whoever computes it
        rtol = 1e-5 if x is FAR and reduction in ("var", "std") else 1e-6
        assert_same_program(lambda x: REDUCTIONS[reduction](WINDOWS[window](x)), x, rtol=rtol)


@pytest.mark.parametrize("reduction", ["sum", "mean", "prod", "count"])
def test_truth_values(reduction: str) -> None:
    assert_same_program(lambda x: REDUCTIONS[reduction](x.rolling(time=3)), T > 0)


OTHERS: list[Callable[..., Any]] = [
    lambda x: x.fillna(0).rolling(time=3).argmax(),
    lambda x: x.rolling(time=3).reduce(np.nanmax),
    lambda x: x.rolling(time=4).construct("w", stride=2),
    lambda x: x.rolling(time=4).construct("w").mean("w"),
    lambda x: x.to_dataset().rolling(time=3, lat=2).mean(),
    lambda x: x.to_dataset().assign(c=("q", [1.0, 2.0])).rolling(time=3).std(),
    lambda x: x.coarsen(time=4, boundary="trim").mean(),
    lambda x: x.coarsen(time=4, lat=3, boundary="pad", side="right").max(),
    lambda x: x.coarsen(time=13).construct(time=("a", "b")),
]


@pytest.mark.parametrize("program", OTHERS)
def test_other_uses_of_windows(program: Callable[..., Any]) -> None:
    assert_same_program(program, GAPS.drop_vars("name"))


@pytest.mark.parametrize("window", ["trailing", "centred", "two dims", "cumulative"])
@pytest.mark.parametrize("reduction", [r for r in REDUCTIONS if r != "count"])
def test_gradient(window: str, reduction: str) -> None:
    assert_gradient(lambda x: REDUCTIONS[reduction](WINDOWS[window](x)).fillna(0), GAPS)


def test_gradient_of_ties_is_shared() -> None:
    x = xr.DataArray([2.0, 1, 2, 2, 0], dims="t")
    found = xgrad.grad(lambda x: (x.rolling(t=4).max() * [0, 0, 0, 6.0, 6.0]).sum())(x)
    np.testing.assert_allclose(found, [2, 0, 2 + 3, 2 + 3, 0])


def test_windows_are_not_laid_out() -> None:
    x = xr.DataArray(RNG.normal(size=1000), dims="time", name="x")
    for name in ("mean", "max", "std"):
        f = xgrad.jit(lambda x, n=name: getattr(x.rolling(time=100), n)())
        text = format_graph(f.stages(x).names)
        assert "XWindow(" not in text and "XWindowReduce" in text


def test_blocks_keep_their_dim() -> None:
    f = xgrad.jit(lambda x: x.coarsen(time=4, boundary="trim").sum())
    text = format_graph(f.stages(T.drop_vars("name")).names)
    assert "XSplit(time→(time: 3, time_block: 4))" in text
    assert "XRename" not in text


def test_no_digit_is_lost_in_long_data() -> None:
    """A difference of running totals would be wrong by 1e-4 behind a value of 1e12."""
    x = xr.DataArray(RNG.normal(size=5000), dims="time")
    x[3] = 1e12
    got = xgrad.jit(lambda x: x.rolling(time=50).sum())(x)
    xr.testing.assert_allclose(got[60:], x.rolling(time=50).sum()[60:], rtol=1e-12, atol=1e-12)


def test_windows_are_never_laid_out() -> None:
    """A long window along long data: what the compiled program holds at once, by XLA's own account."""
    t = xr.DataArray(np.zeros(1_000_000), dims="time")
    memory = xgrad.jit(lambda t: t.rolling(time=365).mean()).program(t).executable.memory()
    assert memory.temporaries + memory.outputs < 8 * t.nbytes
