"""Traced positions: ``isel``, ``[]``, ``sortby``, ``idxmax`` and ``idxmin``, with the labels of what is taken."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
import xarray as xr

import xgrad
from tests.labels.programs import assert_gradient, assert_same
from xgrad.errors import LabelsDroppedWarning, TracedValueError, UnsupportedError

RNG = np.random.default_rng(13)
TIME = pd.date_range("2001-01-01", periods=5, freq="MS")
T = xr.DataArray(
    RNG.normal(size=(5, 3, 4)),
    {
        "time": TIME,
        "lat": [-30.0, 0.0, 30.0],
        "lon": [0, 90, 180, 270],
        "site": ("lat", ["a", "b", "c"], {"kind": "station"}),
        "area": ("lat", [1.0, 2.0, 3.0]),
    },
    ("time", "lat", "lon"),
    "tas",
    {"units": "K"},
)
HOLED = T.where(T > -0.5)
HOLED[:, 1, 1] = np.nan
STRINGS = T.swap_dims(lat="site")
I = xr.DataArray([2, 0, 1, 2], dims="p", coords={"p": list("wxyz")})  # noqa: E741
K = xr.DataArray(1)


def assert_compiled(program: Callable[..., Any], *args: Any) -> None:
    """The compiled program gives what the eager one does, indexes included."""
    got, want = xgrad.jit(program)(*args), program(*args)
    assert_same(got, want)
    for one, other in zip(_labeled(got), _labeled(want), strict=True):
        assert set(one.xindexes) == set(other.xindexes)


def _labeled(result: Any) -> list[Any]:
    return [p for r in result for p in _labeled(r)] if isinstance(result, tuple) else [result]


TAKEN: list[Callable[..., Any]] = [
    lambda a, i, k: a.isel(lat=i),
    lambda a, i, k: a.isel(lat=i.drop_vars("p"), drop=True),
    lambda a, i, k: a.isel(lat=k),
    lambda a, i, k: a.isel(lat=k, drop=True),
    lambda a, i, k: a.isel(time=k),
    lambda a, i, k: a.isel(time=k, lon=[0, 2]),
    lambda a, i, k: a.isel(time=i, lat=i),
    lambda a, i, k: a[k],
    lambda a, i, k: a[i, 1:],
    lambda a, i, k: a[:, i.data],
    lambda a, i, k: a.isel(lat=i.data),
    lambda a, i, k: a.isel(time=i.data),
    lambda a, i, k: a.isel(lat=xr.Variable("lat", i.data)),
    lambda a, i, k: a.isel(lat=i, lon=k),
    lambda a, i, k: a.to_dataset().assign(n=a.lat * 2, w=a.lon * 1.0).isel(lat=i),
    lambda a, i, k: a.swap_dims(lat="site").isel(site=i),
    lambda a, i, k: a.swap_dims(lat="site").isel(site=i.data),
    lambda a, i, k: T.isel(lat=i),
    lambda a, i, k: T.isel(time=i.data) + a.mean(),
    lambda a, i, k: T.to_dataset()["tas"][k],
    lambda a, i, k: T.lat[i],
    lambda a, i, k: T.time[i],
    lambda a, i, k: T.site[i],
    lambda a, i, k: T.time[k],
]


@pytest.mark.parametrize("k", range(len(TAKEN)))
def test_taken_at_traced_positions(k: int) -> None:
    assert_compiled(TAKEN[k], T, I, K)


@pytest.mark.parametrize("k", [0, 2, 6, 8, 13])
def test_gradients_of_what_is_taken(k: int) -> None:
    assert_gradient(lambda a: TAKEN[k](a, I, K), T)


def test_a_multi_index_is_dropped_with_a_warning() -> None:
    stacked = T.isel(lon=0, drop=True).stack(z=("time", "lat"))
    with pytest.warns(
        LabelsDroppedWarning, match="the MultiIndex of z, time, lat is taken at traced"
    ):
        taken = xgrad.jit(lambda a, i: a.isel(z=i.data))(stacked, I)
    want = stacked.isel(z=I.values).reset_index("z")
    assert_same(taken, want)


SORTED: list[Callable[..., Any]] = [
    lambda a: a.sortby(a.isel(time=0, lon=0)),
    lambda a: a.sortby(a.isel(time=0, lon=0), ascending=False),
    lambda a: a.sortby(a.isel(lat=0, lon=0)),
    lambda a: a.sortby([(a.isel(time=0, lon=0) > 0).drop_vars("time"), a.lat]),
    lambda a: a.sortby([a.lat, (a.isel(time=0, lon=0) > 0).drop_vars("time")], ascending=False),
    lambda a: a.sortby([a.isel(lat=0, lon=0, drop=True), a.isel(time=0, lon=0, drop=True)]),
    lambda a: a.sortby(lambda x: -x.isel(time=1, lat=1)),
    lambda a: a.sortby([(a.isel(time=0, lon=0, drop=True) > 9), a.site], ascending=False),
    lambda a: a.to_dataset().assign(m=a.mean(("time", "lon"))).sortby("m"),
    lambda a: a.to_dataset().assign(m=a.mean(("lat", "lon"))).sortby(["m"], ascending=False),
    lambda a: T.sortby(a.isel(time=0, lon=0)),
    lambda a: a.swap_dims(lat="site").sortby(a.swap_dims(lat="site").isel(time=0, lon=0)),
]


@pytest.mark.parametrize("k", range(len(SORTED)))
def test_sorted_by_traced_values(k: int) -> None:
    assert_compiled(SORTED[k], T)


@pytest.mark.parametrize("k", range(3))
def test_missing_values_are_sorted_last(k: int) -> None:
    assert_compiled(SORTED[k], T.where(T.lat != 0))
    assert_compiled(SORTED[k], HOLED)


@pytest.mark.parametrize("k", [0, 2, 5])
def test_gradients_of_what_is_sorted(k: int) -> None:
    assert_gradient(SORTED[k], T)


def test_other_sorts_are_xarrays() -> None:
    assert_compiled(lambda a: a.sortby("lon", ascending=False), T)
    with pytest.raises(ValueError, match="not 1-D"):
        xgrad.jit(lambda a: a.sortby(a.isel(time=0)))(T)


EXTREMES: list[Callable[..., Any]] = [
    lambda a: a.idxmax("time"),
    lambda a: a.idxmin("time"),
    lambda a: a.idxmax("lat"),
    lambda a: a.idxmin("lon"),
    lambda a: a.idxmax("lon", fill_value=-1),
    lambda a: a.idxmax("time", keep_attrs=False),
    lambda a: a.idxmax("time", fill_value=np.datetime64("1970-01-01", "us")),
    lambda a: a.swap_dims(lat="site").idxmin("site"),
    lambda a: a.swap_dims(lat="site").idxmin("site", fill_value="none"),
    lambda a: a.isel(lat=0, lon=0).idxmax(),
    lambda a: a.to_dataset().assign(b=-a).idxmax("time"),
    lambda a: a.idxmax("time").isel(lat=slice(1), lon=-1),
    lambda a: a.idxmax("time").transpose().rename("when"),
    lambda a: a.idxmax("time") == TIME[2].to_datetime64(),
    lambda a: a.idxmax("time") - TIME[0].to_datetime64(),
    lambda a: (a.idxmin("time"), a.idxmax("time")),
]


@pytest.mark.parametrize("k", range(len(EXTREMES)))
def test_labels_of_extremes(k: int) -> None:
    assert_compiled(EXTREMES[k], T)
    assert_compiled(EXTREMES[k], HOLED)


def test_labels_of_extremes_of_integers_and_without_skipping() -> None:
    assert_compiled(lambda a: a.idxmax("time"), (T * 10).astype(int))
    assert_compiled(lambda a: a.idxmax("lat"), (T * 10).astype(int))
    assert_compiled(lambda a: a.idxmax("time", skipna=False), T)


def test_errors_of_idxmax_are_xarrays() -> None:
    with pytest.raises(KeyError, match="'tim' not found"):
        xgrad.jit(lambda a: a.idxmax("tim"))(T)
    with pytest.raises(ValueError, match="Must supply 'dim'"):
        xgrad.jit(lambda a: a.idxmax())(T)


def test_what_chosen_labels_cannot_do_says_so() -> None:
    with pytest.raises(UnsupportedError, match=r"np\.subtract of labels of dtype datetime64"):
        xgrad.jit(lambda a: a.idxmax("time") - a.idxmin("time"))(T)
    with pytest.raises(TracedValueError, match="NumPy array"):
        xgrad.jit(lambda a: a.idxmax("time").values)(T)


LABELS = xr.DataArray([29.0, -30.0, 15.0, -15.0, 99.0], dims="p")
THERE = xr.DataArray([30.0, -30.0, 0.0], dims="p", coords={"p": list("xyz")})
SELECTED: list[Callable[..., Any]] = [
    lambda a, there, near: a.sel(lat=there),
    lambda a, there, near: a.sel(lat=there.drop_vars("p").data),
    lambda a, there, near: a.sel(lat=there[1]),
    lambda a, there, near: a.sel(lat=there[0].data),
    lambda a, there, near: a.isel(lat=[2, 0, 1]).sel(lat=there),
    lambda a, there, near: a.sel(lat=near, method="nearest"),
    lambda a, there, near: a.sel(lat=near, lon=90, method="nearest"),
    lambda a, there, near: a.isel(lat=slice(None, None, -1)).sel(lat=near, method="nearest"),
    lambda a, there, near: a.sel(lat=near[1:], method="pad"),
    lambda a, there, near: a.isel(lat=slice(None, None, -1)).sel(lat=near[:4], method="pad"),
    lambda a, there, near: a.isel(lat=slice(None, None, -1)).sel(lat=near[1:], method="bfill"),
    lambda a, there, near: a.sel(lat=near[:4], method="bfill"),
    lambda a, there, near: T.sel(lat=near, method="nearest"),
    lambda a, there, near: T.sel(lat=there, time="2001-02-01") * a.mean(),
]


@pytest.mark.parametrize("k", range(len(SELECTED)))
def test_selected_by_traced_labels(k: int) -> None:
    assert_compiled(SELECTED[k], T, THERE, LABELS)


def test_selection_that_must_know_the_labels_is_refused() -> None:
    with pytest.raises(UnsupportedError, match="needs an index of distinct numbers"):
        xgrad.jit(lambda a, i: a.sel(time=i))(T, K)
    with pytest.raises(UnsupportedError, match="with tolerance="):
        xgrad.jit(lambda a, i: a.sel(lat=i, method="nearest", tolerance=1))(T, THERE)


def test_an_indexer_with_labels_of_its_own_dim_is_refused() -> None:
    program = lambda a: a.isel(time=a.isel(lat=0, lon=0).argsort())  # noqa: E731
    for call in (program, xgrad.jit(program)):
        with pytest.raises(IndexError, match="'time' conflicts between indexed and indexing"):
            call(T)


def test_labels_chosen_at_the_same_positions_are_the_same() -> None:
    table = xr.DataArray(RNG.normal(size=3), {"site": ["a", "b", "c"]})
    of = xr.DataArray([2, 0, 2, 1], dims="house")

    def both(x: Any, of: Any) -> Any:
        return x.isel(site=of) + 2 * (x**2).isel(site=of)

    assert_same(xgrad.jit(both)(table, of), both(table, of))
    with pytest.warns(LabelsDroppedWarning):
        xgrad.jit(lambda x, of: x.isel(site=of) + x.isel(site=of - 1))(table, of)
