"""``polyfit`` and ``xr.polyval`` under the trace against eager xarray."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
import xarray as xr

import xgrad
from tests.labels.programs import assert_gradient, assert_same_program
from xgrad.errors import UnsupportedError

RNG = np.random.default_rng(5)
TIME = pd.date_range("2001-01-01", periods=24, freq="MS")
T = xr.DataArray(
    RNG.normal(280, 5, (24, 3, 2)),
    {"time": TIME, "lat": [-30.0, 0.0, 30.0], "step": ("time", np.arange(24.0))},
    ("time", "lat", "lon"),
    "tas",
    {"units": "K"},
)
S = T.swap_dims(time="step").drop_vars("time")
HOLED = S.where(xr.DataArray(RNG.random(S.shape) > 0.2, dims=S.dims))
EMPTY = S.where(S.lat != 0)
DS = xr.Dataset({"a": S, "b": HOLED.isel(lon=0), "c": S.lat * 1.0}, attrs={"title": "toy"})
W = np.linspace(1, 2, 24)

PROGRAMS: list[Callable[..., Any]] = [
    lambda a: a.polyfit("step", 1),
    lambda a: a.polyfit("step", 3).polyfit_coefficients,
    lambda a: a.polyfit("step", 0),
    lambda a: a.polyfit("step", 2, skipna=True),
    lambda a: a.polyfit("step", 2, w=W),
    lambda a: a.polyfit("step", 2, w="step"),
    lambda a: a.polyfit("step", 2, full=True),
    lambda a: a.polyfit("step", 2, cov=True),
    lambda a: a.polyfit("step", 2, cov="unscaled", w=W),
    lambda a: a.polyfit("lat", 1),
    lambda a: a.isel(lat=0, lon=0).polyfit("step", 2, full=True),
    lambda a: a.isel(lat=0, lon=0).polyfit("step", 2, cov=True),
    lambda a: a.isel(step=slice(3)).polyfit("step", 2, full=True),
    lambda a: a - xr.polyval(a.step, a.polyfit("step", deg=1).polyfit_coefficients),
    lambda a: xr.polyval(a.lat, a.polyfit("step", 2)),
]


@pytest.mark.parametrize("k", range(len(PROGRAMS)))
def test_programs(k: int) -> None:
    assert_same_program(PROGRAMS[k], S, rtol=1e-8)


@pytest.mark.parametrize("k", [*range(9), 10, 11, 13, 14])
@pytest.mark.parametrize("data", [HOLED, EMPTY], ids=["holed", "empty"])
def test_missing_values_are_left_out(k: int, data: xr.DataArray) -> None:
    assert_same_program(PROGRAMS[k], data, rtol=1e-8)


@pytest.mark.parametrize("k", [1, 4, 6, 7, 13])
@pytest.mark.parametrize("data", [S, HOLED], ids=["whole", "holed"])
def test_gradients(k: int, data: xr.DataArray) -> None:
    assert_gradient(PROGRAMS[k], data)


@pytest.mark.parametrize("deg", [0, 1, 2])
def test_dates(deg: int) -> None:
    assert_same_program(lambda a: a.polyfit("time", deg), T, rtol=1e-7)
    fit = T.polyfit("time", deg).polyfit_coefficients
    assert_same_program(lambda c: xr.polyval(T.time, c), fit, rtol=1e-7)


def test_datasets_and_integers() -> None:
    assert_same_program(lambda ds: ds.polyfit("step", 1), DS, rtol=1e-8)
    assert_same_program(lambda a: a.polyfit("step", 1), (S * 10).astype(int), rtol=1e-8)
    assert_same_program(lambda a: a.polyfit("step", 1), S.astype("float32"), rtol=1e-8)


def test_fewer_values_than_coefficients_give_nan() -> None:
    few = S.where(S.step < 2)
    assert xgrad.jit(lambda a: a.polyfit("step", 2).polyfit_coefficients)(few).isnull().all()


def test_traced_weights_are_refused() -> None:
    with pytest.raises(UnsupportedError, match="needs the numbers of the weights w"):
        xgrad.jit(lambda a, w: a.polyfit("step", 1, w=w))(S, S.step * 2)


def test_a_poor_basis_is_said() -> None:
    twice = S.assign_coords(step=np.r_[np.zeros(12), np.ones(12)])
    with pytest.warns(np.exceptions.RankWarning, match="poorly conditioned"):
        xgrad.jit(lambda a: a.polyfit("step", 2).polyfit_coefficients)(twice)


def test_a_basis_cut_off_is_said_as_eager_xarray_says_it() -> None:
    with pytest.warns(np.exceptions.RankWarning, match="poorly conditioned") as told:
        assert_same_program(lambda a: a.polyfit("step", 2, rcond=0.1), S, rtol=1e-8)
    assert len(told) == 2
