"""Labels that vanish in a join inside a trace are said, once; what a user asks for is not."""

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
import xarray as xr

import xgrad
from xgrad.errors import LabelsDroppedWarning

TIME = pd.date_range("2000-01-01", periods=12)
RAIN = xr.DataArray(np.arange(12.0), {"time": TIME}, ("time",), "rain")
TEMP = RAIN[4:].rename("temp")
WIDE = xr.DataArray(np.arange(3.0), {"lat": [0.1, 0.2, 0.3]}, ("lat",))
NARROW = WIDE.assign_coords(lat=np.array([0.1, 0.2, 0.3], np.float32))


def said(program: Callable[..., Any], *args: xr.DataArray) -> list[str]:
    """The warnings of one call."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        xgrad.jit(program)(*args)
    assert all(w.category is LabelsDroppedWarning and w.filename == __file__ for w in caught)
    return [str(w.message) for w in caught]


def test_the_message_names_dim_operands_and_labels() -> None:
    (message,) = said(lambda a, b: a + b, RAIN, TEMP)
    line = test_the_message_names_dim_operands_and_labels.__code__.co_firstlineno + 1
    assert message == (
        f"labels along 'time' that not all operands have are dropped at test_joins.py:{line}:\n"
        "  4 of 12 of operand 1 (`rain`): 2000-01-01 00:00:00, 2000-01-02 00:00:00,"
        " 2000-01-03 00:00:00, …\n"
        "  0 of 8 of operand 2 (`temp`)\n"
        "If that is meant, say so with xr.align(a, b, join='inner') before; if not, reindex one of"
        " them, or make it an error with xr.set_options(arithmetic_join='exact')."
    )


def test_rounding_to_float32_is_recognised() -> None:
    (message,) = said(lambda a, b: a * b, WIDE, NARROW)
    assert message.endswith(
        "Some differ only by rounding to float32: give both the same labels,"
        " as in b.assign_coords(lat=a.lat)."
    )


def test_a_line_is_said_once() -> None:
    assert len(said(lambda a, b: sum((a * b).sum() for _ in range(3)), RAIN, TEMP)) == 1


@pytest.mark.parametrize(
    "program",
    [
        lambda a, b: xr.dot(a, b),
        lambda a, b: a.where(b > 5),
        lambda a, b: xr.Dataset({"a": a}) * b,
        lambda a, b: a + TEMP,
        lambda a, b: xr.cov(a, b),
    ],
)
def test_every_implicit_join_warns(program: Callable[..., Any]) -> None:
    assert said(program, RAIN, TEMP)


@pytest.mark.parametrize(
    "program",
    [
        lambda a, b: a + b.reindex(time=TIME),
        lambda a, b: sum(xr.align(a, b)),
        lambda a, b: a.fillna(b),
        lambda a, b: a.reindex_like(b) + b,
        lambda a, b: a.groupby("time.day") - a[:6].groupby("time.day").mean(),
        lambda a, b: xr.concat([a, b], "run", join="outer"),
        lambda a, b: a + a[::-1],  # another order, no label lost
    ],
)
def test_what_is_asked_for_or_loses_nothing_is_silent(program: Callable[..., Any]) -> None:
    assert said(program, RAIN, TEMP) == []


def test_eager_joins_elsewhere_are_silent() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        _ = RAIN + TEMP
