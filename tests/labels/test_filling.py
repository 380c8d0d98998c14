"""Gaps filled and ranks under the trace; where eager xarray needs bottleneck, against pandas and SciPy."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from scipy.stats import rankdata

import xgrad
from tests.labels.programs import assert_gradient, assert_same, assert_same_program
from tests.labels.reference import run
from xgrad.errors import UnsupportedError

RNG = np.random.default_rng(11)
DEPTH = [0.0, 5.0, 20.0, 50.0, 120.0, 121.0, 130.0, 200.0, 210.0]
P = xr.DataArray(
    RNG.normal(size=(9, 4, 2)),
    {"depth": DEPTH, "cast": list("abcd"), "run": 1},
    ("depth", "cast", "site"),
    "theta",
    {"units": "K"},
)
HOLED = P.where(xr.DataArray(RNG.random(P.shape) > 0.4, dims=P.dims))
HOLED[:, 1, 0] = np.nan  # nothing there
HOLED[:, 2, 0] = np.where(np.arange(9) == 4, 1.5, np.nan)  # one value
HOLED[:, 2, 1] = np.where(np.isin(np.arange(9), [2, 6]), [1.5], np.nan)  # gaps at both ends
DAILY = xr.DataArray(
    np.where(RNG.random(20) > 0.5, RNG.normal(size=20), np.nan),
    {"time": pd.date_range("2001-01-01", periods=20)},
    ("time",),
    "obs",
)

GAPS: list[Callable[..., Any]] = [
    lambda a: a.interpolate_na("depth"),
    lambda a: a.interpolate_na("depth", use_coordinate=False),
    lambda a: a.transpose("site", "depth", "cast").interpolate_na("depth"),
    lambda a: a.interpolate_na("depth", fill_value="extrapolate"),
    lambda a: a.interpolate_na("depth", fill_value=-3.0),
    lambda a: a.interpolate_na("depth", fill_value=(-3.0, 4.0)),
    lambda a: a.interpolate_na("depth", limit=1),
    lambda a: a.interpolate_na("depth", limit=2, fill_value="extrapolate"),
    lambda a: a.interpolate_na("depth", method="nearest"),
    lambda a: a.interpolate_na("depth", method="nearest", fill_value="extrapolate"),
    lambda a: a.interpolate_na("depth", method="zero"),
    lambda a: a.interpolate_na("depth", method="zero", fill_value="extrapolate"),
    lambda a: a.interpolate_na("depth", method="slinear"),
    lambda a: a.interpolate_na("depth", keep_attrs=False),
    lambda a: a.assign_coords(z=("depth", np.arange(9.0) ** 2)).interpolate_na(
        "depth", use_coordinate="z"
    ),
    lambda a: (
        a.to_dataset().assign(n=("depth", np.arange(9)), w=a.cast == "a").interpolate_na("depth")
    ),
    lambda a: a.astype("float32").interpolate_na("depth"),
]


@pytest.mark.parametrize("k", range(len(GAPS)))
def test_gaps(k: int) -> None:
    assert_same_program(GAPS[k], HOLED)


@pytest.mark.parametrize("k", range(12))
def test_gradients_of_gaps(k: int) -> None:
    assert_gradient(GAPS[k], HOLED)


@pytest.mark.parametrize("method", ["linear", "nearest"])
def test_gaps_between_dates(method: Any) -> None:
    assert_same_program(lambda a: a.interpolate_na("time", method=method), DAILY)
    assert_same_program(lambda a: a.interpolate_na("time", limit=2, method=method), DAILY)


def test_integers_have_no_gaps() -> None:
    assert_same_program(lambda a: a.interpolate_na("depth"), (P * 10).astype(int))


SMOOTH: list[dict[str, Any]] = [
    {"method": "quadratic"},
    {"method": "cubic"},
    {"method": "cubic", "fill_value": "extrapolate"},
    {"method": "polynomial", "order": 4, "limit": 1},
    {"method": "pchip"},
    {"method": "akima"},
    {"method": "makima", "extrapolate": True},
    {"method": "barycentric"},
]
WELL_KNOWN = P.where(
    xr.DataArray([[1, 0, 1, 1, 0, 0, 1, 1, 1], [0, 1, 1, 0, 1, 1, 0, 1, 0]], dims=("site", "depth"))
    | (P.cast == "a")
)


@pytest.mark.parametrize("options", SMOOTH)
def test_smooth_curves_through_what_is_there(options: dict[str, Any]) -> None:
    program = lambda a: a.interpolate_na("depth", **options)  # noqa: E731
    assert_same_program(program, WELL_KNOWN, rtol=1e-7)
    assert_same_program(program, WELL_KNOWN.isel(cast=1, site=1).astype("float32"))


@pytest.mark.parametrize("method", ["cubic", "pchip", "makima"])
def test_gradients_of_smooth_curves(method: Any) -> None:
    assert_gradient(
        lambda a: a.interpolate_na("depth", method=method), WELL_KNOWN.isel(cast=1, site=0)
    )


@pytest.mark.parametrize("method", ["pchip", "akima", "krogh", "quadratic"])
def test_few_values(method: Any) -> None:
    """Two points have a line; the quadratic spline, for which SciPy raises, is NaN there."""
    a = xr.DataArray([[1.0, np.nan, 4.0], [np.nan, 2.0, np.nan], [1.0, np.nan, np.nan]])
    got = run(lambda a: a.interpolate_na("dim_1", method=method), a)
    middle = np.nan if method == "quadratic" else 2.5
    np.testing.assert_allclose(got, [[1, middle, 4], *a.values[1:]])
    np.testing.assert_array_equal(
        run(lambda a: a[:, :2].interpolate_na("dim_1", method=method), a), a[:, :2]
    )


@pytest.mark.filterwarnings("ignore:The 1d SplineInterpolator class")
def test_a_smoothing_spline_is_refused() -> None:
    with pytest.raises(
        UnsupportedError, match="interpolate_na with method='spline' has no traced form"
    ):
        xgrad.jit(lambda a: a.interpolate_na("depth", method="spline"))(HOLED)


def long_gaps(a: xr.DataArray, limit: float) -> xr.DataArray:
    """What ``max_gap`` leaves: linear interpolation of gaps that are no longer than ``limit``, by the coord."""
    filled = a.interpolate_na("depth").transpose("depth", ...)
    values, x = a.transpose("depth", ...).values.reshape(9, -1), np.asarray(DEPTH)
    keep = np.ones_like(values, bool)
    for column, mask in zip(values.T, keep.T, strict=True):
        valid = np.flatnonzero(~np.isnan(column))
        for i in np.flatnonzero(np.isnan(column)):
            before, after = valid[valid < i], valid[valid > i]
            start = x[before[-1]] if before.size else x[0]
            end = x[after[0]] if after.size else x[-1]
            mask[i] = end - start <= limit
    shape = filled.shape
    return filled.where(xr.DataArray(keep.reshape(shape), dims=filled.dims)).transpose(*a.dims)


@pytest.mark.parametrize("limit", [10, 35.0, 500])
def test_long_gaps_stay(limit: float) -> None:
    program = lambda a: a.interpolate_na("depth", max_gap=limit)  # noqa: E731
    assert_same_program(program, HOLED, want=long_gaps(HOLED, limit))
    assert_gradient(program, HOLED, eager=lambda a: long_gaps(a, limit))


# ---- pushed values -------------------------------------------------------------------------------------------------


def pushed(a: xr.DataArray, dim: str, limit: int | None = None, back: bool = False) -> xr.DataArray:
    """What bottleneck would give, by pandas."""
    moved = a.transpose(dim, ...)
    frame = pd.DataFrame(moved.values.reshape(moved.shape[0], -1))
    filled = frame.bfill(limit=limit) if back else frame.ffill(limit=limit)
    return moved.copy(data=filled.values.reshape(moved.shape)).transpose(*a.dims)


@pytest.mark.parametrize("limit", [None, 1, 2])
@pytest.mark.parametrize("back", [False, True])
@pytest.mark.parametrize("dim", ["depth", "cast"])
def test_pushed_values(dim: str, back: bool, limit: int | None) -> None:
    def program(a: Any) -> Any:
        return a.bfill(dim, limit) if back else a.ffill(dim, limit)

    want = pushed(HOLED, dim, limit, back)
    assert_same_program(program, HOLED, want=want)
    assert_same(run(program, HOLED.to_dataset()), want.to_dataset())
    assert_same_program(program, HOLED.astype("float32"), want=want.astype("float32"))
    assert_gradient(program, HOLED, eager=lambda a: pushed(a, dim, limit, back))


def test_integers_are_not_pushed() -> None:
    ints = (P * 10).astype(int)
    assert_same_program(lambda a: a.ffill("depth"), ints, want=ints)
    assert_same_program(lambda a: a.bfill("cast", 1), ints, want=ints)


# ---- ranks ---------------------------------------------------------------------------------------------------------


def ranked(a: xr.DataArray, dim: str, pct: bool) -> xr.DataArray:
    """What bottleneck would give, by SciPy."""
    axis = a.get_axis_num(dim)
    ranks = a.copy(data=rankdata(a.values, axis=axis, nan_policy="omit").astype(float))
    return ranks / a.notnull().sum(dim) if pct else ranks


TIED = HOLED.round(0)


@pytest.mark.parametrize("pct", [False, True])
@pytest.mark.parametrize("dim", ["depth", "cast"])
@pytest.mark.parametrize("kind", [float, "float32", int, bool])
def test_ranks(dim: str, pct: bool, kind: Any) -> None:
    data = TIED.fillna(0).astype(kind) if kind in (int, bool) else TIED.astype(kind)
    want = ranked(data, dim, pct)
    assert_same_program(lambda a: a.rank(dim, pct=pct), data, want=want)
    dataset = data.to_dataset().assign(other=("q", [1.0, 2.0]))
    assert_same_program(lambda a: a.rank(dim, pct=pct), dataset, want=want.to_dataset())


def test_ranks_of_an_unknown_dim() -> None:
    with pytest.raises(ValueError, match="no dim 'dept'"):
        xgrad.jit(lambda a: a.rank("dept"))(P)
