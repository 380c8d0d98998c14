"""Long Python loops over traced arrays are said to be slow, with the scan to write; others are not."""

import re
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import xarray as xr

import xgrad
from xgrad.errors import SlowLoopWarning

RAIN = xr.DataArray(
    np.ones((60, 2)), coords={"time": np.arange(60)}, dims=("time", "site"), name="rain"
)


def over_slices(rain: Any) -> Any:
    total = 0.0
    for row in rain:
        total = total + row
    return total


def by_position(rain: Any) -> Any:
    total = 0.0
    for i in range(rain.sizes["time"]):
        total = total + rain.isel(time=i)
    return total


def by_label(rain: Any) -> Any:
    return sum([rain.sel(time=day) for day in rain.indexes["time"]])


def by_brackets(rain: Any) -> Any:
    total = 0.0
    for i in range(1, 60):
        total = total + rain[i] * rain[i - 1, 0]
    return total


def written(rain: Any) -> Any:
    out = xr.zeros_like(rain)
    for i in range(60):
        out[i] = 1.0
    return out + rain


def helped(rain: Any) -> Any:
    """The line that takes the slices is that of another function."""
    return sum([one_day(rain, i) for i in range(60)])


def one_day(rain: Any, i: int) -> Any:
    return rain.isel(time=i)


def said(function: Callable[..., Any], *args: Any) -> list[warnings.WarningMessage]:
    with warnings.catch_warnings(record=True) as found:
        warnings.simplefilter("always")
        xgrad.jit(function)(*args)
    return list(found)


SCAN = (
    "slices of `rain` along 'time', one part of the program each: it is slow to compile.\n"
    "One loop, whatever the length:\n"
    "    def step(carry, rain):  # one slice of it\n"
    "        ...\n"
    "        return carry, output\n"
    "    carry, outputs = xgrad.scan(step, init, rain, dim='time')"
)


@pytest.mark.parametrize(
    ("loop", "count"),
    [
        (over_slices, "60"),
        (by_position, "more than 50"),
        (by_label, "more than 50"),
        (by_brackets, "more than 50"),
        (helped, "more than 50"),
    ],
)
def test_a_long_loop_is_said_once_with_the_scan_to_write(loop: Any, count: str):
    (warning,) = said(loop, RAIN)
    assert warning.category is SlowLoopWarning and warning.filename == __file__
    line = rf"test_iteration\.py:{warning.lineno}"
    expected = rf"the Python loop at {line} takes {count} {re.escape(SCAN)}"
    assert re.fullmatch(expected, str(warning.message))


def test_assignments_count_too():
    (warning,) = said(written, RAIN)
    assert "more than 50 slices of a traced array along 'time'" in str(warning.message)
    assert "def step(carry, x):" in str(warning.message)


def test_the_result_is_that_of_the_loop():
    with pytest.warns(SlowLoopWarning):
        found = xgrad.jit(over_slices)(RAIN)
    np.testing.assert_array_equal(found, [60.0, 60.0])


def test_the_warning_can_be_silenced():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.simplefilter("ignore", SlowLoopWarning)
        xgrad.jit(by_position)(RAIN)


def test_gradients_warn_once_too():
    with pytest.warns(SlowLoopWarning) as found:
        xgrad.grad(lambda rain: by_position(rain).sum())(RAIN)
    assert len(found) == 1


def months(rain: Any) -> Any:
    by_month = rain.isel(time=slice(48)).coarsen(time=4).sum()
    return sum([by_month.isel(time=m) for m in range(12)])


def a_few(rain: Any) -> Any:
    """Two lines take sixty slices together, but neither takes many."""
    first = sum([rain.isel(time=i) for i in range(30)])
    return first + sum([rain.isel(time=i) for i in range(30, 60)])


def always_the_same(rain: Any) -> Any:
    total = 0.0
    for _ in range(60):
        total = total + rain.isel(time=0)
    return total


def many_sites(rain: Any) -> Any:
    return sum([rain.isel(site=i % 2) for i in range(60)])


@pytest.mark.parametrize("function", [months, a_few, always_the_same, many_sites])
def test_short_loops_are_not(function: Any):
    assert said(function, RAIN) == []


def test_neither_is_a_scan_nor_what_xarray_does():
    def running(rain: Any) -> Any:
        last, _ = xgrad.scan(lambda c, row: (c + row, None), RAIN[0] * 0, rain, dim="time")
        weeks = rain.rolling(time=7).mean() + rain.cumsum("time") + rain.shift(time=3)
        return last, weeks, rain.groupby(rain.time % 12).mean(), rain.diff("time")

    assert said(running, RAIN) == []


def test_eager_loops_are_not():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        by_position(RAIN)
