"""Reductions by groups of traced data against eager xarray, which takes the groups apart; and their graphs."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from xarray.groupers import BinGrouper, SeasonGrouper, UniqueGrouper

import xgrad
from tests.labels.programs import assert_gradient, assert_same_program
from tests.labels.reference import run
from xgrad.axes.sort import ArgsortWithin
from xgrad.errors import UnsupportedError
from xgrad.graph import format_graph
from xgrad.names import XSort

RNG = np.random.default_rng(5)
TIME = pd.date_range("2001-01-05", periods=14, freq="ME")
T = xr.DataArray(
    RNG.normal(size=(2, 14, 3)),
    {
        "time": TIME,
        "lat": [10, 20],
        "site": ("time", list("abcabcabcabcab")),
        "height": 2.0,
        "area": (("lat", "lon"), [[1.0, 2, 3], [4, 5, 6]]),
    },
    ("lat", "time", "lon"),
    "tas",
    {"units": "K"},
)
GAPS = T.where(T > -0.8).where(T.time.dt.month != 3)  # March is missing altogether
N = (T * 10).astype("int32")
TRUTH = T > 0
PLANE = xr.DataArray(
    [[0, 1, 1], [2, 0, 1]], dims=("lat", "lon"), coords={"lat": [10, 20]}, name="zone"
)

GROUPINGS: dict[str, Callable[[Any], Any]] = {
    "coordinate": lambda x: x.groupby("site"),
    "part of dates": lambda x: x.groupby("time.season"),
    "the dim itself": lambda x: x.groupby("lat"),
    "bins, one empty, one value outside": lambda x: x.groupby_bins("lat", [0, 15, 17, 19]),
    "given labels": lambda x: x.groupby(site=UniqueGrouper(labels=["b", "a"])),
    "two groupers": lambda x: x.groupby(site=UniqueGrouper(), lat=BinGrouper(bins=[5, 15, 25])),
    "a plane": lambda x: x.groupby(PLANE),
    "overlapping seasons": lambda x: x.groupby(time=SeasonGrouper(["DJFM", "MAMJ", "JJA", "SOND"])),
    "resample": lambda x: x.resample(time="QS"),
    "resample with empty bins": lambda x: x.resample(time="10D"),
}
REDUCTIONS: dict[str, Callable[[Any], Any]] = {
    "sum": lambda g: g.sum(),
    "sum of 4 at least": lambda g: g.sum(min_count=4),
    "prod": lambda g: g.prod(),
    "mean": lambda g: g.mean(),
    "mean with gaps": lambda g: g.mean(skipna=False),
    "max": lambda g: g.max(),
    "min": lambda g: g.min(keep_attrs=False),
    "count": lambda g: g.count(),
    "var": lambda g: g.var(),
    "std": lambda g: g.std(ddof=1),
    "std with gaps": lambda g: g.std(skipna=False),
    "first": lambda g: g.first(),
    "last": lambda g: g.last(skipna=False),
    "median": lambda g: g.median(),
}
each_grouping = pytest.mark.parametrize("grouping", GROUPINGS)
each_reduction = pytest.mark.parametrize("reduction", REDUCTIONS)


@each_grouping
@each_reduction
def test_reduction(grouping: str, reduction: str) -> None:
    def program(x: Any) -> Any:
        return REDUCTIONS[reduction](GROUPINGS[grouping](x))

    for x in (GAPS, N, T.astype("float32")):
        assert_same_program(program, x, rtol=1e-6)


@each_grouping
def test_tests_and_extremes_of_truth_values(grouping: str) -> None:
    for name in ("any", "all", "max", "min", "first"):
        assert_same_program(lambda x, n=name: getattr(GROUPINGS[grouping](x), n)(), TRUTH)


DIMS: list[Callable[..., Any]] = [
    lambda x: x.groupby("site").mean(...),
    lambda x: x.groupby("site").std(["time", "lon"]),
    lambda x: x.groupby("site").max(["lat", "time"]),
    lambda x: x.groupby("site").count(["time", "lat"]),
    lambda x: x.groupby("site").mean("lon"),  # the groups stay
    lambda x: x.isel(lat=0, lon=0).groupby("time.month").mean(),
    lambda x: x.resample(time="QS").sum(["time", "lon"]),
]


@pytest.mark.parametrize("program", DIMS)
def test_dims(program: Callable[..., Any]) -> None:
    assert_same_program(program, GAPS)


ARITHMETIC: list[Callable[..., Any]] = [
    lambda x: x.groupby("time.month") - x.groupby("time.month").mean(),
    lambda x: x.groupby("site") / x.groupby("site").std(),
    lambda x: x.groupby("lat") * x.groupby("lat").max(...),
    lambda x: x.groupby("time.month").fillna(x.groupby("time.month").mean()),
    lambda x: x.groupby_bins("lat", [0, 15]) + x.groupby_bins("lat", [0, 15]).mean(),
    lambda x: x.groupby("site").map(lambda part: part - part.mean("time")),
    lambda x: x.groupby("site").cumsum("time"),
    lambda x: x.groupby("site").quantile([0.2, 0.7]),
]


@pytest.mark.parametrize("program", ARITHMETIC)
def test_arithmetic(program: Callable[..., Any]) -> None:
    assert_same_program(program, GAPS)


DATASET = xr.Dataset(
    {
        "t": GAPS,
        "n": N.isel(lon=0).drop_vars("area"),
        "zone": PLANE,
        "label": ("time", list("uvwxyzuvwxyzuv")),
    },
    attrs={"title": "toy"},
)


@each_reduction
@pytest.mark.parametrize(
    "grouping", ["coordinate", "resample with empty bins", "two groupers", "the dim itself"]
)
def test_dataset(grouping: str, reduction: str) -> None:
    """Variables without the grouped dim repeat; text drops out, as do coords that were reduced."""
    if grouping == "two groupers":
        data = DATASET.drop_vars(["zone", "label"])
    else:
        data = DATASET.drop_vars("label") if reduction in ("first", "last", "count") else DATASET
    if reduction in ("first", "last"):
        data = data.drop_vars("zone", errors="ignore")  # which eager xarray cannot
    strings = data.drop_vars([k for k, v in data.items() if v.dtype.kind not in "fib"])
    assert_same_program(lambda x: REDUCTIONS[reduction](GROUPINGS[grouping](x)), strings)


def test_concrete_neighbours_of_traced_variables() -> None:
    when = xr.DataArray(TIME.values, dims="time", name="when")

    def program(t: xr.DataArray) -> xr.Dataset:
        both = xr.Dataset({"t": t, "when": when, "n": N, "zone": PLANE})
        return both.groupby("site").max()

    assert_same_program(program, GAPS)


@pytest.mark.parametrize("reduction", [r for r in REDUCTIONS if "gaps" not in r and r != "count"])
@pytest.mark.parametrize(
    "grouping", ["coordinate", "bins, one empty, one value outside", "overlapping seasons"]
)
def test_gradient(grouping: str, reduction: str) -> None:
    assert_gradient(lambda x: REDUCTIONS[reduction](GROUPINGS[grouping](x)).fillna(0), GAPS)


def test_gradient_of_ties_is_shared() -> None:
    x = xr.DataArray([1.0, 3, 3, 3, 2], dims="t", coords={"g": ("t", list("aaaab"))})
    found = xgrad.grad(lambda x: (x.groupby("g").max() * [6.0, 1.0]).sum())(x)
    np.testing.assert_allclose(found, [0, 2, 2, 2, 1])


def test_one_reduction_for_all_groups() -> None:
    """30 years of days: one pass for sums and counts, and nothing per group."""
    days = pd.date_range("1990-01-01", "2019-12-31")
    t = xr.DataArray(RNG.normal(size=len(days)), {"time": days}, ("time",), "t")
    f = xgrad.jit(lambda t: t.groupby("time.dayofyear").mean())
    assert len(f.stages(t).names.nodes) <= 10
    anomaly = xgrad.jit(lambda t: t.groupby("time.dayofyear") - t.groupby("time.dayofyear").mean())
    assert len(anomaly.stages(t).names.nodes) <= 14
    text = format_graph(anomaly.stages(t).names)
    assert text.count("XIndex") == 1
    assert text.count("XSegmentTotals(") == 1 and "XSegmentReduce" not in text
    assert "XRename" not in text and "XBroadcast" not in text


WIDE = xr.DataArray(RNG.normal(size=(200, 40)), dims=("time", "x")).where(lambda x: x > -1.5)
KEYS = {
    "even": np.arange(200) % 20,
    "many in a group": np.arange(200) % 2,
    "one large": np.maximum(np.arange(200) - 150, 0),
    "shuffled": RNG.permutation(200) % 7,
}


@pytest.mark.parametrize("keys", KEYS)
@pytest.mark.parametrize("name", ["mean", "std", "sum", "max", "min", "count"])
def test_compiled_plans(keys: str, name: str) -> None:
    """However the groups are laid out: row by row or by a scatter; wide, narrow, and the grouped axis last."""
    for x in (WIDE, WIDE[:, 0], WIDE.T, (WIDE * 4).fillna(0).astype("int32")):
        y = x.assign_coords(g=("time", KEYS[keys]))
        program = lambda y: getattr(y.groupby("g"), name)("time")  # noqa: E731
        got, want = xgrad.jit(program)(y), program(y)
        xr.testing.assert_allclose(got, want, rtol=1e-12)
        assert got.dtype == want.dtype


def test_one_sort_for_the_medians_of_all_groups() -> None:
    days = pd.date_range("2001-01-01", "2003-12-31")
    t = xr.DataArray(RNG.normal(size=len(days)), {"time": days}, ("time",), "t")
    names = xgrad.jit(lambda t: t.groupby("time.month").median()).stages(t).names
    assert sum([isinstance(node.op, XSort) for node in names.nodes]) == 1
    assert len(names.nodes) < 50


UNEVEN = (
    WIDE[:60, :3]
    .round(1)
    .assign_coords(
        g=("time", RNG.permutation(np.maximum(np.arange(60) - 40, 0))), x=[1, 2, 3], height=5.0
    )
)
ORDERS: list[Callable[..., Any]] = [
    lambda x: x.groupby("g").median(),
    lambda x: x.groupby("g").median(skipna=False),
    lambda x: x.groupby("g").median(...),
    lambda x: x.groupby("g").quantile(0.3),
    lambda x: x.T.groupby("g").quantile([0.1, 0.5, 1.0], keep_attrs=False),
    lambda x: x.groupby("g").quantile([0.1, 0.5], skipna=False),
    lambda x: x.groupby("g").quantile([0.3, 0.7], dim=["time", "x"], method="nearest"),
]


@pytest.mark.parametrize("program", ORDERS)
def test_orders_of_uneven_groups(program: Callable[..., Any]) -> None:
    for x in (UNEVEN, (UNEVEN.fillna(0) * 10).astype("int32")):
        assert_same_program(program, x)


@each_grouping
@pytest.mark.filterwarnings("ignore:All-NaN slice:RuntimeWarning")  # eager xarray's
def test_quantiles(grouping: str) -> None:
    assert_same_program(lambda x: GROUPINGS[grouping](x).quantile([0.2, 0.7]), GAPS)


def test_gradients_of_orders_in_uneven_groups() -> None:
    apart = UNEVEN[:, :1] + xr.DataArray(RNG.normal(size=60) / 100, dims="time")
    for program in (ORDERS[0], ORDERS[3]):
        assert_gradient(lambda x, p=program: p(x).fillna(0), apart)


def _sorts(op: Any) -> bool:
    return isinstance(op, XSort) or isinstance(getattr(op, "op", None), ArgsortWithin)


@pytest.mark.parametrize("program", [ORDERS[0], ORDERS[3]])
@pytest.mark.parametrize("even", [True, False])
def test_one_sort_however_many_groups(program: Callable[..., Any], even: bool) -> None:
    nodes = []
    for n in (10, 100):
        codes = np.arange(200) % n if even else np.maximum(np.arange(200) - 200 + n, 0)
        x = xr.DataArray(np.ones((200, 2)), {"g": ("time", codes)}, ("time", "x"))
        names = xgrad.jit(program).stages(x).names
        assert sum([_sorts(node.op) for node in names.nodes]) == 1
        nodes.append(len(names.nodes))
    assert nodes[0] == nodes[1] < 70


def test_traced_groups_are_refused_by_name() -> None:
    x = xr.DataArray([1.0, 2, 3], dims="t", name="x")
    with pytest.raises(UnsupportedError, match=r"groupby by `k` .*how many groups there are"):
        xgrad.jit(lambda x, k: x.groupby(k).mean())(x, (x > 1).rename("k"))


def test_traced_groups_in_known_bins() -> None:
    x, k = xr.DataArray([1.0, 2, 3, 4], dims="t"), xr.DataArray([0.5, 9, 1, 2], dims="t", name="k")
    edges = xr.DataArray([0.0, 1, 5], dims="edge")
    found = xgrad.jit(
        lambda x, k: xgrad.segment_mean(x, xgrad.searchsorted(edges, k, "edge") - 1, size=2)
    )(x, k)
    with pytest.raises(UnsupportedError, match=r"xgrad.searchsorted\(edges, values\) - 1"):
        xgrad.jit(lambda x, k: x.groupby_bins(k, edges.values).mean())(x, k)
    np.testing.assert_array_equal(found, x.groupby_bins(k, edges.values).mean())


def test_new_codes_do_not_compile_again() -> None:
    def program(x: xr.DataArray) -> xr.DataArray:
        return x.groupby("g").sum()

    f = xgrad.jit(program)
    for labels in ("aabb", "abab", "bbaa"):
        x = xr.DataArray([1.0, 2, 3, 4], dims="t", coords={"g": ("t", list(labels))})
        xr.testing.assert_identical(f(x), program(x))
    assert f.cache_info().compiles <= 2  # codes that ascend are told apart


def test_eager_groups_are_left_alone() -> None:
    captured = T.copy()

    def program(x: xr.DataArray) -> xr.DataArray:
        inside = captured.groupby("site").mean()
        assert isinstance(inside.data, np.ndarray)
        return x.groupby("site").mean() - inside

    assert float(abs(run(program, T)).max()) < 1e-12
