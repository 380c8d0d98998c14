"""xarray programs on traced data against the same programs run eagerly: values, dtypes, dims, coords, names, attrs."""

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from tests.labels.programs import assert_same_program
from tests.labels.reference import run

RNG = np.random.default_rng(1)
TIME = pd.date_range("2001-01-01", periods=12, freq="MS")
LAT = [-30.0, 0.0, 30.0]


def temperature() -> xr.DataArray:
    values = RNG.normal(280, 5, (12, 3, 4))
    coords = {"time": TIME, "lat": LAT, "lon": [0, 90, 180, 270], "height": 2.0}
    return xr.DataArray(values, coords, ("time", "lat", "lon"), "tas", {"units": "K"})


T = temperature()
G = T.where(T > 277)  # with gaps
S = (T.isel(time=slice(3, None), lat=[2, 0]) / 100).rename("s")  # other labels, another order
INTS = (T * 0 + RNG.integers(-5, 9, T.shape)).astype("int32").rename("n")
AREA = np.cos(np.deg2rad(T.lat))
K = (
    T.isel(time=slice(0, 3), lon=0, drop=True)
    .transpose("lat", "time")
    .drop_vars(["time", "lat", "height"])
)
DS = xr.Dataset({"a": T, "b": G.mean("lon"), "n": INTS.isel(lon=0)}, attrs={"title": "toy"})

ARITHMETIC: list[Callable[..., Any]] = [
    lambda t, s: t + s,
    lambda t, s: (t - t.mean("time")) / t.std("time"),
    lambda t, s: t.isel(time=0) * s,
    lambda t, s: t.T * t,
    lambda t, s: 2 - T + t,
    lambda t, s: AREA * t,
    lambda t, s: t**2 // 3 % 7,
    lambda t, s: np.exp(-t / 100) + np.maximum(t, 280),
    lambda t, s: (t > 280) & ~(t > 285) | (s.mean() > 0),
    lambda t, s: t.clip(275, 285).round(1).astype("float32"),
    lambda t, s: xr.where(t > 280, t, s.mean()),
    lambda t, s: t.where(t > 280, 0.0),
    lambda t, s: t.where(T.lat > 0, drop=True),
    lambda t, s: xr.dot(t, s, dim="time"),
    lambda t, s: t @ AREA,
    lambda t, s: t - t.mean(["lat", "lon"]) + t.max(),
    lambda t, s: xr.cov(t, t**2, "time") + xr.corr(t, t**2, "time"),
    lambda t, s: (
        xr.polyval(T.lat, xr.DataArray([1.0, 2.0], dims="degree", coords={"degree": [0, 2]})) * t
    ),
]
REDUCTIONS = [
    "sum",
    "prod",
    "mean",
    "max",
    "min",
    "std",
    "var",
    "median",
    "any",
    "all",
    "count",
    "cumsum",
    "cumprod",
]
MISSING: list[Callable[..., Any]] = [
    lambda g: g.fillna(0),
    lambda g: g.fillna(G.mean("time")),
    lambda g: g.isnull().sum("time"),
    lambda g: g.notnull().any(),
    lambda g: g.mean("time", skipna=False),
    lambda g: g.sum("time", min_count=12),
    lambda g: g.argmax("time", skipna=False),
    lambda g: g.combine_first(T[:, :, :2] * 0),
    lambda g: g.quantile([0.1, 0.5], "time"),
    lambda g: g.quantile(0.3),
    lambda g: g.weighted(AREA).mean(("lat", "lon")),
    lambda g: g.weighted(AREA).std("lat"),
    lambda g: g.groupby("time.season").first(),
    lambda g: g.groupby("time.season").last(skipna=False),
]
INDEXING: list[Callable[..., Any]] = [
    lambda t: t.isel(time=-1, lat=slice(1, None), lon=slice(None, None, -2)),
    lambda t: t[::6, 1:3, 0] * t[0, 1, -1],
    lambda t: t[[0, 5, 7], :, [0, 2, 3]],
    lambda t: t[:, [True, False, True]],
    lambda t: t.sel(lat=30, lon=[270, 0]),
    lambda t: t.sel(time="2001-03"),
    lambda t: t.sel(lat=slice(-30, 0), time=slice("2001-02", "2001-05")),
    lambda t: t.sel(lat=25, method="nearest"),
    lambda t: t.isel(lat=xr.DataArray([0, 2], dims="p"), lon=xr.DataArray([3, 0], dims="p")),
    lambda t: t.isel(time=xr.DataArray([0, 5], dims="p"), lon=xr.DataArray([3, 0], dims="p")),
    lambda t: t.isel(time=xr.DataArray([[0, 5], [1, 2]], dims=("p", "q"))),
    lambda t: t.isel(lat=xr.DataArray([0, 2, 1], dims="time")[:1].isel(time=0)),
    lambda t: t.reindex(lat=[0.0, 30.0, 60.0], lon=[0, 45], fill_value=-1.0),
    lambda t: t.reindex(time=TIME[::-1]),
    lambda t: t.drop_sel(lat=[0.0]),
    lambda t: t.sortby("lat", ascending=False),
    lambda t: t.head(lat=1).squeeze(),
    lambda t: sum(month for month in t[:3].drop_vars("time")),
]
SHAPES: list[Callable[..., Any]] = [
    lambda t: t.transpose("lon", ..., "time"),
    lambda t: t.stack(point=("lat", "lon")).mean("time"),
    lambda t: t.stack(point=("lat", "lon")).unstack("point"),
    lambda t: t.isel(lat=0).stack(z=("time", "lon"))[::3].unstack("z"),
    lambda t: t.expand_dims(run=[1, 2]).sum("run"),
    lambda t: t.broadcast_like(xr.DataArray(np.ones(2), dims="new")),
    lambda t: t.shift(time=2, fill_value=0.0),
    lambda t: t.shift(lon=-1),
    lambda t: t.roll(lon=1, roll_coords=True),
    lambda t: t.pad(lat=(1, 2), constant_values=1.0),
    lambda t: t.pad(lon=2, mode="wrap"),
    lambda t: t.diff("time", label="lower"),
    lambda t: t.rename(lat="lon", lon="lat"),
    lambda t: t.swap_dims(lat="row"),
    lambda t: xr.concat([t, t * 2], pd.Index(["x", "y"], name="member")),
    lambda t: xr.concat([t[:2], t[5:7]], "time"),
    lambda t: xr.concat([t[0], T[1]], "time"),
    lambda t: xr.full_like(t, 3) + xr.zeros_like(t),
    lambda t: t.differentiate("lat") + t.integrate("lon"),
    lambda t: t.cumulative_integrate("lat"),
    lambda t: t.to_dataset("lat").rename({k: f"lat{i}" for i, k in enumerate(LAT)}),
]
GROUPS: list[Callable[..., Any]] = [
    lambda t: t.groupby("time.season").mean(),
    lambda t: t.groupby("time.season") - t.groupby("time.season").mean(),
    lambda t: t.groupby("time.season").map(lambda x: x - x.mean("time")),
    lambda t: t.groupby_bins("lat", [-40, 0, 40]).sum(),
    lambda t: t.resample(time="QS").mean(),
    lambda t: t.resample(time="QS").median(),
    lambda t: t.groupby("lon").quantile(0.5),
]
WINDOWS: list[Callable[..., Any]] = [
    lambda t: t.rolling(time=3).mean(),
    lambda t: t.rolling(time=3, center=True, min_periods=1).sum(),
    lambda t: t.rolling(time=4).construct("w"),
    lambda t: t.rolling(time=2, lon=2).max(),
    lambda t: t.rolling(time=3).std(),
    lambda t: t.coarsen(time=3).mean(),
    lambda t: t.coarsen(time=5, boundary="trim").max(),
    lambda t: t.coarsen(time=5, boundary="pad").sum(),
    lambda t: t.cumulative("time").mean(),
]
CORE = [["lat", "time"]]
UFUNCS: list[Callable[..., Any]] = [
    lambda k: xr.apply_ufunc(np.linalg.inv, k, input_core_dims=CORE, output_core_dims=CORE),
    lambda k: xr.apply_ufunc(np.linalg.det, k, input_core_dims=CORE),
    lambda k: xr.apply_ufunc(
        lambda x: np.einsum("ij,kj->ik", x, x)[..., 0],
        k,
        input_core_dims=CORE,
        output_core_dims=[["lat"]],
    ),
    lambda k: xr.apply_ufunc(np.ptp, k, input_core_dims=CORE, kwargs={"axis": (-2, -1)}),
    lambda k: k.reduce(np.sum, "lat"),
    lambda k: xr.apply_ufunc(lambda x, y: np.hypot(x, y) + np.sort(x), k, 2.0),
]


def _assigns(t: xr.DataArray) -> Any:
    new = t.copy()
    new[0] = 0.0
    new.loc[{"lat": 30.0}] = new.sel(lat=0.0, drop=True)
    new[{"lon": [1, 3]}] *= 2
    new += 1
    return new, t


def _writes_where(t: xr.DataArray) -> Any:
    new = t.copy()
    new[{"time": xr.DataArray([0, 1], dims="p"), "lat": xr.DataArray([2, 0], dims="p")}] = -1.0
    return new.where(new > 0, -new)


ASSIGNMENTS: list[Callable[..., Any]] = [
    _assigns,
    _writes_where,
    lambda t: t.assign_coords(m=t.mean("lon"), lat=[1, 2, 3]),
    lambda t: t.copy(data=t.data * 2),
    lambda t: (t.assign_coords(m=t.mean("lon")) * 2).m,
    lambda t: t.to_dataset(name="a").assign(b=lambda d: d.a.mean("lat")).to_dataarray("v"),
]
DATASETS: list[Callable[..., Any]] = [
    lambda d: d.mean("time"),
    lambda d: d + d.mean(),
    lambda d: d.where(d.a > 280),
    lambda d: d.isel(time=0).map(np.sqrt),
    lambda d: d.resample(time="QS").sum(),
    lambda d: d.assign(c=d.a * d.b).drop_vars("n"),
    lambda d: xr.merge([d[["a"]], (d.b * 2).to_dataset(name="c")]),
    lambda d: d[["a", "b"]].to_dataarray().sum("variable"),
]


def check(function: Callable[..., Any], *args: Any) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        expected = function(*args)
        got = run(function, *args)
    for g, e in zip(*[x if isinstance(x, tuple) else (x,) for x in (got, expected)], strict=True):
        assert type(g) is type(e)
        xr.testing.assert_allclose(g, e, rtol=1e-9)
        assert g.attrs == e.attrs and set(g.xindexes) == set(e.xindexes)
        if isinstance(e, xr.DataArray):
            assert (g.dims, g.dtype, g.name) == (e.dims, e.dtype, e.name)
        else:
            assert {k: (v.dims, v.dtype) for k, v in g.items()} == {
                k: (v.dims, v.dtype) for k, v in e.items()
            }


@pytest.mark.parametrize("function", ARITHMETIC)
def test_arithmetic(function: Callable[..., Any]) -> None:
    check(function, T, S)


@pytest.mark.parametrize(
    "array", [T, G, INTS, T.astype("float32"), T > 280], ids=["full", "gaps", "ints", "f4", "bools"]
)
@pytest.mark.parametrize("dim", ["time", ("lat", "lon"), None])
@pytest.mark.parametrize("name", REDUCTIONS)
def test_reductions(name: str, dim: Any, array: xr.DataArray) -> None:
    small = array[:3] * array.dtype.type(1)
    if name in ("cumprod", "prod") and array.dtype.kind == "f":
        small = small / array.dtype.type(280)
    check(lambda t: getattr(t, name)(dim), small)


@pytest.mark.parametrize("function", MISSING)
def test_missing_values(function: Callable[..., Any]) -> None:
    check(function, G)


@pytest.mark.parametrize("function", [*INDEXING, *SHAPES, *GROUPS, *ASSIGNMENTS])
def test_labels(function: Callable[..., Any]) -> None:
    check(function, T)


@pytest.mark.parametrize("array", [T, G, INTS], ids=["full", "gaps", "ints"])
@pytest.mark.parametrize("function", WINDOWS)
def test_windows(function: Callable[..., Any], array: xr.DataArray) -> None:
    check(function, array)


@pytest.mark.parametrize("function", UFUNCS)
def test_apply_ufunc(function: Callable[..., Any]) -> None:
    check(function, K)


@pytest.mark.parametrize("function", DATASETS)
def test_datasets(function: Callable[..., Any]) -> None:
    check(function, DS)


def test_fills_from_the_last_value_and_the_next() -> None:
    gaps = xr.DataArray(
        [[np.nan, 1, np.nan, np.nan, 2], [3, np.nan, 4, np.nan, np.nan]], dims=("x", "t")
    )
    forward = [[np.nan, 1, 1, np.nan, 2], [3, 3, 4, 4, np.nan]]
    backward = [[1, 1, 2, 2, 2], [3, 4, 4, np.nan, np.nan]]
    np.testing.assert_array_equal(run(lambda g: g.ffill("t", limit=1), gaps), forward)
    np.testing.assert_array_equal(run(lambda g: g.bfill("t"), gaps), backward)


def test_traced_positions_select() -> None:
    groups = xr.DataArray([2, 0, 1, 1], dims="obs")
    check(lambda a, i: a.isel(lat=i), T.drop_vars("lat"), groups)
    check(lambda a, i: a.drop_vars("lat")[:, i], T, groups)


def test_the_arguments_are_not_written_to() -> None:
    before = T.copy(deep=True)
    check(_assigns, T)
    xr.testing.assert_identical(T, before)


def test_weights_of_an_array_that_is_repeated_along_all_dims() -> None:
    like = xr.DataArray(np.ones((2, 4)), dims=("time", "y"))
    for name in ("sum", "mean"):
        assert_same_program(
            lambda a, n=name: getattr(a.broadcast_like(like).weighted(a), n)("y"),
            xr.DataArray(2.0, name="a"),
        )
