"""``interp`` and ``interp_like`` under the trace against eager xarray, with gradients by data and by positions."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
import xarray as xr

import xgrad
from tests.labels.programs import assert_gradient, assert_same_program
from xgrad.errors import UnsupportedError

RNG = np.random.default_rng(3)
TIME = pd.date_range("2001-01-01", periods=6, freq="D")
T = xr.DataArray(
    RNG.normal(size=(6, 5, 4)),
    {"time": TIME, "lat": [-60.0, -20.0, 10.0, 20.0, 60.0], "lon": [0, 90, 180, 270], "run": 3},
    ("time", "lat", "lon"),
    "tas",
    {"units": "K"},
)
LINE = T.isel(time=0, lon=0, drop=True)
HOLED = LINE.where(LINE.lat != 10)
N = (T * 10).astype(int)
SCATTERED = xr.DataArray([-50.0, 0.0, 59.0], dims="station", coords={"station": ["a", "b", "c"]})
METHODS = [
    "linear",
    "nearest",
    "zero",
    "slinear",
    "quadratic",
    "cubic",
    "quintic",
    "barycentric",
    "krogh",
    "pchip",
    "akima",
    "makima",
]
LONG = xr.DataArray(
    RNG.normal(size=(7, 2)), {"x": [0.0, 0.5, 2.0, 3.0, 5.0, 5.5, 8.0]}, ("x", "c"), "long"
)

PROGRAMS: list[Callable[..., Any]] = [
    lambda t: t.interp(lat=[0.0, 59.0]),
    lambda t: t.interp(lat=7.0),
    lambda t: t.interp(lat=20.0),
    lambda t: t.interp(lat=[-60.0, 60.0, 100.0, -90.0]),
    lambda t: t.isel(lat=slice(None, None, -1)).interp(lat=[0.0, 59.0]),
    lambda t: t.isel(lat=[2, 0, 3, 4, 1]).interp(lat=[0.0, 59.0, -59.0]),
    lambda t: t.interp(lat=[0.0, 5.0], lon=[45, 91, 180]),
    lambda t: t.interp(lon=[45, 91, 180], lat=[0.0, 5.0], method="nearest"),
    lambda t: t.interp(lon=45, lat=3.0),
    lambda t: t.interp(lat=SCATTERED),
    lambda t: t.interp(lat=SCATTERED, lon=SCATTERED * 2 + 130),
    lambda t: t.interp(lat=SCATTERED, lon=SCATTERED * 2 + 130, method="nearest"),
    lambda t: t.interp(lat=SCATTERED, lon=SCATTERED + 30),
    lambda t: t.interp(lat=SCATTERED, lon=SCATTERED + 30, kwargs={"fill_value": None}),
    lambda t: t.interp(lat=SCATTERED, lon=SCATTERED + 30, kwargs={"fill_value": -7.0}),
    lambda t: t.interp(lat=[0.0, 5.0], lon=[10.0, 40.0, 200.0], method="cubic"),
    lambda t: t.interp(lat=SCATTERED, lon=SCATTERED * 2 + 130, method="cubic"),
    lambda t: t.interp(lat=SCATTERED, lon=SCATTERED * 2 + 130, method="slinear"),
    lambda t: t.interp(lat=xr.DataArray([[0.0, 1.0], [30.0, np.nan]], dims=("a", "b"))),
    lambda t: t.interp(lat=xr.DataArray(np.linspace(-60, 80, 6), dims="time")),
    lambda t: t.interp(lat=xr.DataArray(np.linspace(-60, 80, 6), dims="time"), method="cubic"),
    lambda t: t.interp(lat=xr.DataArray([1.0, 2.0, 3.0, 4.0], dims="lon"), method="nearest"),
    lambda t: t.interp(lat=[-90.0, 0.0, 90.0], kwargs={"fill_value": "extrapolate"}),
    lambda t: t.interp(lat=[-90.0, 0.0, 90.0], kwargs={"fill_value": 5.0}),
    lambda t: t.interp(lat=[-90.0, 0.0, 90.0], kwargs={"fill_value": (1.0, 2.0)}),
    lambda t: t.interp(time=["2001-01-02T12", "2001-01-03", "2001-02-01"]),
    lambda t: t.interp(time=pd.date_range("2001-01-01", periods=4, freq="7h")),
    lambda t: t.interp(time=np.datetime64("2001-01-02T07"), method="nearest"),
    lambda t: t.interp(time=pd.date_range("2001-01-01", periods=4, freq="7h"), method="cubic"),
    lambda t: t.drop_vars("lat").interp(lat=[0.5, 3.0]),
    lambda t: t.assign_coords(h=("lat", np.arange(5.0))).interp(lat=[0.0, 33.0]),
    lambda t: t.assign_coords(h=("lat", list("abcde"))).interp(lat=[0.0, 33.0]),
    lambda t: t.interp_like(xr.DataArray(np.zeros(2), {"lat": [-10.0, 10.0]}, "lat")),
    lambda t: t.interp_like(T.isel(lat=[0, 2], time=slice(1, 4)) * 0, method="nearest"),
    lambda t: t.interp({"lat": np.array([3.0])}, "nearest"),
    lambda t: t.to_dataset().assign(n=N, w=T.lon * 1.0, s=("q", ["u", "v"])).interp(lat=[0.0]),
]


@pytest.mark.parametrize("k", range(len(PROGRAMS)))
def test_programs(k: int) -> None:
    assert_same_program(PROGRAMS[k], T)


@pytest.mark.parametrize("k", [0, 5, 6, 10, 14, 15, 16, 19, 20, 22, 26])
def test_gradients_by_the_data(k: int) -> None:
    assert_gradient(PROGRAMS[k], T)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.int64, np.complex128])
def test_kinds(method: str, dtype: Any) -> None:
    values = (LONG * 10).astype(dtype)
    if dtype == np.complex128:
        if "akima" in method or method == "pchip":
            return  # SciPy has them for real values alone
        values = values * (1 + 2j)
    new = [0.0, 0.2, 0.5, 1.9, 4.4, 5.2, 7.9, 8.0]
    assert_same_program(lambda a: a.interp(x=new, method=method), values)
    assert_same_program(lambda a: a.isel(c=0).interp(x=new, method=method), values)
    if method not in ("barycentric", "krogh"):
        assert_same_program(lambda a: a.interp(x=[-1.0, 3.3, 9.0], method=method), values)


@pytest.mark.parametrize("method", ["polynomial"])
def test_polynomials_of_an_order(method: str) -> None:
    assert_same_program(lambda a: a.interp(x=[0.2, 7.0], method=method, kwargs={"order": 4}), LONG)


@pytest.mark.parametrize("method", METHODS)
def test_gradients_of_kinds(method: str) -> None:
    assert_gradient(lambda a: a.interp(x=[0.2, 1.9, 4.4, 7.9], method=method), LONG)


@pytest.mark.parametrize("method", ["linear", "nearest", "slinear", "zero", "cubic"])
@pytest.mark.parametrize("by", [1, 2])
def test_missing_values_spread_as_in_scipy(method: str, by: int) -> None:
    holed = HOLED if by == 1 else T.where(T.lat != 10)
    new = [-60.0, -30.0, -20.0, 5.0, 10.0, 15.0, 20.0, 60.0]
    assert_same_program(lambda a: a.interp(lat=new, method=method), holed)


def test_a_table_of_one_label() -> None:
    assert_same_program(lambda a: a.isel(lat=[1]).interp(lat=[-20.0, 0.0], method="nearest"), T)


AT = xr.DataArray([0.3, 2.2, 7.1], dims="p", coords={"p": [10, 20, 30]})


@pytest.mark.parametrize(
    "method", ["linear", "nearest", "zero", "slinear", "quadratic", "cubic", "pchip", "akima"]
)
def test_traced_positions(method: str) -> None:
    assert_same_program(lambda at: LONG.interp(x=at, method=method), AT)
    assert_same_program(lambda at: LONG.interp(x=at + 3, method=method), AT)
    assert_same_program(lambda at, a: a.interp(x=at, method=method), AT, LONG)
    assert_gradient(lambda at: LONG.interp(x=at, method=method), AT)


def test_traced_positions_along_the_dim_itself() -> None:
    moved = xr.DataArray([0.3, 2.2, 7.1], dims="x", coords={"x": [0.3, 2.2, 7.1]})
    assert_same_program(lambda at: LONG.interp(x=at.drop_vars("x")), moved)
    assert_same_program(lambda at: LONG.interp(x=at.data), moved)
    assert_same_program(lambda at: LONG.interp({"x": at[0].data}, "nearest"), AT)


def test_traced_positions_in_two_dims() -> None:
    lat, lon = SCATTERED.drop_vars("station"), SCATTERED.drop_vars("station") * 2 + 130
    for method in ("linear", "nearest"):
        assert_same_program(lambda a, b, m=method: T.interp(lat=a, lon=b, method=m), lat, lon)
    assert_gradient(lambda a, b: T.interp(lat=a, lon=b), lat, lon)


def test_traced_positions_within_slices() -> None:
    at = xr.DataArray(np.linspace(-51, 52, 6), dims="time")
    assert_same_program(lambda a: T.interp(lat=a), at)
    assert_gradient(lambda a: T.interp(lat=a), at)


def test_what_has_no_traced_form_says_so() -> None:
    with pytest.raises(UnsupportedError, match="bounds_error=True at traced positions"):
        xgrad.jit(lambda at: LONG.interp(x=at, kwargs={"bounds_error": True}))(AT)
    with pytest.raises(UnsupportedError, match="'krogh' at traced positions"):
        xgrad.jit(lambda at: LONG.interp(x=at, method="krogh"))(AT)
    with pytest.raises(UnsupportedError, match="method='pchip' has no traced form"):
        xgrad.jit(lambda t: t.interp(lat=SCATTERED, lon=SCATTERED, method="pchip"))(T)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    ("program", "error"),
    [
        (lambda t: t.interp(lat=[0.0, 100.0], kwargs={"bounds_error": True}), ValueError),
        (lambda t: t.interp(lat=[0.0], method="spline"), ValueError),
        (lambda t: t.interp(lat=[0.0], method="nonsense"), ValueError),
        (lambda t: t.interp(lat=[0.0], kwargs={"nonsense": 1}), TypeError),
        (lambda t: t.interp(time=[0.0]), TypeError),
        (lambda t: (t > 0).interp(lat=[0.0]), TypeError),
        (lambda t: t.interp(lot=[0.0]), ValueError),
        (lambda t: t.isel(lat=slice(2)).interp(lat=[0.0], method="cubic"), ValueError),
    ],
)
def test_errors_are_xarrays(program: Callable[..., Any], error: type[Exception]) -> None:
    for call in (program, xgrad.jit(program)):
        with pytest.raises(error):
            call(T)
