"""``differentiate``, ``integrate`` and ``cumulative_integrate`` under the trace against eager xarray."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
import xarray as xr

import xgrad
from tests.labels.programs import assert_gradient, assert_same_program

RNG = np.random.default_rng(23)
T = xr.DataArray(
    RNG.normal(size=(6, 4, 3)),
    {
        "time": pd.to_datetime(
            ["2001-01-01", "2001-01-03", "2001-01-04", "2001-02-01", "2001-02-02", "2001-03-01"]
        ),
        "lat": [30.0, 10.0, 5.0, -20.0],
        "depth": ("lat", [0.0, 1.0, 2.0, 3.0]),
        "lead": ("time", pd.to_timedelta([0, 1, 2, 3, 5, 8], "D")),
    },
    ("time", "lat", "x"),
    "tas",
    {"units": "K"},
)
PROGRAMS: list[Callable[..., Any]] = [
    lambda a: a.differentiate("lat"),
    lambda a: a.differentiate("lat", edge_order=2),
    lambda a: a.differentiate("depth"),
    lambda a: a.differentiate("depth", edge_order=2),
    lambda a: a.differentiate("time"),
    lambda a: a.differentiate("time", datetime_unit="D"),
    lambda a: a.differentiate("time", edge_order=2, datetime_unit="h"),
    lambda a: a.differentiate("lead", datetime_unit="s"),
    lambda a: a.transpose("x", "lat", "time").differentiate("lat"),
    lambda a: a.isel(lat=slice(2)).differentiate("lat"),
    lambda a: a.astype("float32").differentiate("lat"),
    lambda a: a.astype("float32").differentiate("depth"),
    lambda a: (a * 10).astype(int).differentiate("lat"),
    lambda a: a.differentiate("x"),
    lambda a: a.to_dataset().assign(b=a.lat * 2, c=("q", [1.0])).differentiate("lat"),
    lambda a: a.integrate("lat"),
    lambda a: a.integrate(["lat", "x"]),
    lambda a: a.integrate("time", datetime_unit="D"),
    lambda a: a.integrate("time"),
    lambda a: a.cumulative_integrate("lat"),
    lambda a: a.cumulative_integrate(["time", "depth"], datetime_unit="h"),
    lambda a: a.to_dataset().assign(b=a.lat * 2).integrate("lat"),
    lambda a: a.to_dataset().cumulative_integrate("depth"),
]


@pytest.mark.parametrize("k", range(len(PROGRAMS)))
def test_programs(k: int) -> None:
    assert_same_program(PROGRAMS[k], T)


@pytest.mark.parametrize("k", [0, 1, 3, 5, 6, 15, 17, 19])
def test_gradients(k: int) -> None:
    assert_gradient(PROGRAMS[k], T)


def test_errors_are_xarrays() -> None:
    for call in (program := lambda a: a.differentiate("lot"), xgrad.jit(program)):
        with pytest.raises(ValueError, match="'lot' not found"):
            call(T)
