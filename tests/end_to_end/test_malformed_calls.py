"""What a user reads who calls xarray wrongly in a compiled function. Whole messages, to be read aloud.

LINE stands for a line of this file. Where eager xarray raises, what is raised is of the same class too; where it does
not, the result is xarray's, with a warning where labels are lost.
"""

import io
import re
import threading
import warnings
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import pytest
import xarray as xr

import xgrad as xg
from xgrad.errors import (
    ArgumentError,
    DimensionError,
    LabelsDroppedWarning,
    TracedValueError,
    UnsupportedError,
    UnsupportedTypeError,
)

TIME = pd.date_range("2001-01-01", periods=4)
TEMP = xr.DataArray(
    np.arange(12.0).reshape(4, 3),
    {"time": TIME, "city": ["Oslo", "Rome", "Cairo"]},
    ("time", "city"),
    "temp",
)
RAIN = (TEMP + 1).rename("rain")
BOTH = xr.Dataset({"rain": RAIN, "temp": TEMP})
THREE = xr.DataArray(np.arange(3.0), dims="x", name="three")
FOUR = xr.DataArray(np.arange(4.0), dims="x", name="four")
LABELED = xr.DataArray(np.arange(4.0), {"x": [1, 2, 3, 4]}, ("x",), "a")
OPEN = io.StringIO()
NORTH = xr.DataArray(np.arange(3.0), {"lat": [0.1, 0.2, 0.3]}, ("lat",), "f")


class Case(NamedTuple):
    """A program, its arguments, and what is said; ``error`` where eager code would not raise."""

    program: Callable[..., Any]
    args: tuple[Any, ...]
    message: str
    error: type[Exception] | None = None


def case(program: Callable[..., Any], *args: Any, says: str, error: Any = None) -> Case:
    return Case(program, args, says, error)


NO_TIM = "LINE: there is no dim 'tim' among (time, city); did you mean 'time'?"
NO_Q = "LINE: there is no dim 'q' among (time, city)."
NOT_KNOWN = ", which are not known while the function is traced.\n"
STAY = (
    "Stay with the array (xarray methods, operators and NumPy functions are traced),"
    " or return it and use its values outside."
)
LABELS = "See .indexes['{0}'] for its labels; numbers and dates may also be looked up with method='nearest'."


def count_up(a):
    for _ in range(a.sum()):
        pass


ARITHMETIC = {
    "1 sizes of a dim differ": case(
        lambda a, b: a + b,
        THREE,
        FOUR,
        says="LINE: dim 'x' has size 3 in one array and 4 in another.\n"
        "Select the same entries of both first, or give the dim labels in both, by which they are aligned.",
    ),
    "7 labels come twice": case(
        lambda a, b: a + b,
        LABELED.assign_coords(x=[1, 1, 2, 3]),
        LABELED,
        says="LINE: labels along dim 'x' come more than once (the first is 1), and differ from those of the other"
        " array.\nDrop the repeated ones, a.drop_duplicates('x'), or align by position: a.drop_vars('x').",
    ),
    "8 strings and numbers": case(
        lambda a, b: a + b,
        xr.DataArray(["u", "v"], dims="x", name="s"),
        THREE[:2],
        says="LINE: strings and numbers cannot be combined by add: `s` has dtype <U1.\n"
        "Convert the strings to numbers first, or keep them in a coord.",
    ),
    "8 a string and numbers": case(
        lambda a: a + "u",
        THREE,
        says="LINE: strings and numbers cannot be combined by +: 'u'.\n"
        "Convert the strings to numbers first, or keep them in a coord.",
        error=TypeError,
    ),
    "8 strings and numbers in a Dataset": case(
        lambda d: d + 1,
        xr.Dataset({"s": ("x", ["u", "v"]), "a": THREE[:2]}),
        says="LINE: strings and numbers cannot be combined by add: `s` has dtype <U1.\n"
        "Convert the strings to numbers first, or keep them in a coord.",
    ),
    "9 dates added up": case(
        lambda d: d.when + d.when,
        xr.Dataset({"when": ("x", TIME), "a": ("x", np.ones(4))}),
        says="LINE: dates cannot be combined by add: the difference of two is a duration, and a date and a duration"
        " add up.\nSubtract one of them, or convert: (t - t[0]) / np.timedelta64(1, 'D').",
    ),
    "10 an array without dims": case(
        lambda a: a + np.ones(5),
        TEMP,
        says="LINE: cannot add: arrays of shape (time: 4, city: 3) (`a`) and shape (5,) do not fit together axis by"
        " axis. Use named dims (DataArrays), or reshape one of them.",
    ),
}

SHAPES = {
    "13 an unknown dim": case(lambda a: a.mean("tim"), TEMP, says=NO_TIM),
    "14 an unknown axis": case(
        lambda a: a.mean(axis=5),
        TEMP,
        says="LINE: there is no axis 5 in an array of dims (time, city).\nName the dim instead: dim='...'.",
    ),
    "15 transpose by an unknown dim": case(
        lambda a: a.transpose("time", "z"),
        TEMP,
        says="LINE: there is no dim 'z' among (time, city).",
    ),
    "15 transpose by too few": case(
        lambda a: a.transpose("time"),
        TEMP,
        says="LINE: transpose leaves out 'city'.\nName every dim, or write ... for the others.",
    ),
    "16 stack to a dim that is there": case(
        lambda a: a.stack(time=("time", "city")),
        TEMP,
        says="LINE: stack cannot make a dim 'time': there is one of that name.\nGive the new dim another name.",
    ),
    "16 stack of an unknown dim": case(lambda a: a.stack(z=("time", "q")), TEMP, says=NO_Q),
    "17 unstack of what is not stacked": case(
        lambda a: a.unstack("time"),
        TEMP,
        says="LINE: cannot unstack dim 'time': its labels are no MultiIndex.\n"
        "Make one first, with .stack or .set_index(time=[...]).",
    ),
    "17 unstack of an unknown dim": case(lambda a: a.unstack("q"), TEMP, says=NO_Q),
    "18 rename to a dim that is there": case(
        lambda a: a.rename(time="city"),
        TEMP,
        says="LINE: cannot rename to 'city': there is a dim or coord of that name.\nRename or drop that one as well.",
    ),
    "18 rename of an unknown dim": case(lambda a: a.rename(tim="t"), TEMP, says=NO_TIM),
    "19 expand_dims by a dim that is there": case(
        lambda a: a.expand_dims("time"),
        TEMP,
        says="LINE: expand_dims cannot add dim 'time': it is there already.\nUse another name, or broadcast.",
    ),
    "20 squeeze of a long dim": case(
        lambda a: a.squeeze("time"),
        TEMP,
        says="LINE: cannot squeeze dim 'time': it has size 4.\n"
        "Pick one entry, .isel(time=0), or reduce over it.",
    ),
    "20 squeeze of an unknown dim": case(lambda a: a.squeeze("q"), TEMP, says=NO_Q),
    "21 split into the wrong number": case(
        lambda a: a.coarsen(time=3).construct(time=("year", "month")),
        TEMP,
        says="LINE: cannot coarsen dim 'time': its size 4 is no multiple of 3.\n"
        "Say what to do with the rest: boundary='trim' or boundary='pad'.",
    ),
    "21 reshape to the wrong number": case(
        lambda a: a.data.reshape(5, 3),
        TEMP,
        says="LINE: cannot reshape 12 entries to (5, 3).\nBy dims: .stack and .unstack know the sizes.",
        error=ValueError,
    ),
    "22 concat where another dim differs": case(
        lambda a, b: xr.concat([a, b], "y"),
        THREE,
        FOUR,
        says="LINE: dim 'x' has size 3 in one array and 4 in another.\n"
        "Select the same entries of both first, or give the dim labels in both, by which they are aligned.",
    ),
    "22 concat where other labels differ": case(
        lambda a: xr.concat([a, a[:, :2]], "time", join="exact"),
        TEMP,
        says="LINE: the labels along dim 'city' differ, and this function joins only equal ones.\n"
        "Align the arrays first: a, b = xgrad.align(a, b, join='inner').",
    ),
    "23 concat of nothing": case(
        lambda a: xr.concat([], "time"),
        TEMP,
        says="LINE: there is nothing to concatenate along 'time'.\nPass at least one array.",
    ),
    "24 dot over an unknown dim": case(lambda a, b: xr.dot(a, b, dim="q"), TEMP, RAIN, says=NO_Q),
    "25 a window of nothing": case(
        lambda a: a.rolling(time=0).mean(),
        TEMP,
        says="LINE: cannot roll a window of 0 along dim 'time'.\nA window has at least one entry.",
    ),
    "25 a window along an unknown dim": case(lambda a: a.rolling(tim=2).mean(), TEMP, says=NO_TIM),
    "26 blocks that do not fit": case(
        lambda a: a.coarsen(time=3).mean(),
        TEMP,
        says="LINE: cannot coarsen dim 'time': its size 4 is no multiple of 3.\n"
        "Say what to do with the rest: boundary='trim' or boundary='pad'.",
    ),
    "26 blocks along an unknown dim": case(lambda a: a.coarsen(tim=2).mean(), TEMP, says=NO_TIM),
    "27 a negative pad": case(
        lambda a: a.pad(time=-1),
        TEMP,
        says="LINE: cannot pad dim 'time' by -1: widths are not negative.\nTo drop entries, use .isel.",
    ),
    "28 the largest of nothing": case(
        lambda a: a.isel(time=slice(0)).argmax("time"),
        TEMP,
        says="LINE: there is no argmax along dim 'time', which has size 0.\nSelect at least one entry first.",
    ),
    "29 a quantile in percent": case(
        lambda a: a.quantile(1.5, "time"),
        TEMP,
        says="LINE: a quantile is a share between 0 and 1, not 1.5.\nDivide percentages by 100.",
    ),
    "30 a running sum along an unknown dim": case(
        lambda a: (a > 2).cumsum("tim"), TEMP, says=NO_TIM
    ),
    "31 differences along an unknown dim": case(lambda a: a.diff("tim"), TEMP, says=NO_TIM),
    "31 a negative number of differences": case(
        lambda a: a.diff("time", n=-1),
        TEMP,
        says="LINE: diff along dim 'time' cannot be taken -1 times.\nPass n=1, or more.",
    ),
}

INDEXING = {
    "32 a position out of range": case(
        lambda a: a.isel(city=5),
        TEMP,
        says="cannot index dim 'city' of `a` (LINE) at 5: it has size 3.",
    ),
    "33 a position along an unknown dim": case(lambda a: a.isel(q=0), TEMP, says=NO_Q),
    "34 an unknown label": case(
        lambda a: a.sel(city="Rom"),
        TEMP,
        says="LINE: 'Rom' is not among the labels of dim 'city'; did you mean 'Rome'?\n"
        + LABELS.format("city"),
    ),
    "34 an unknown label among others": case(
        lambda a: a.sel(city=["Rome", "Lima", "Quito"]),
        TEMP,
        says="LINE: 'Lima', 'Quito' are not among the labels of dim 'city'.\n"
        + LABELS.format("city"),
    ),
    "34 an unknown date": case(
        lambda a: a.sel(time="2005"),
        TEMP,
        says="LINE: '2005' is not among the labels of dim 'time'.\n" + LABELS.format("time"),
    ),
    "35 labels of a dim without any": case(
        lambda a: a.sel(x=1, method="nearest"),
        THREE,
        says="LINE: dim 'x' has no labels, so method= and tolerance= mean nothing.\n"
        "Select by position, .isel(x=...), or give it labels: .assign_coords(x=...).",
    ),
    "35 labels of an unknown dim": case(lambda a: a.sel(q=1), TEMP, says=NO_Q),
    "36 half a position": case(
        lambda a: a.isel(time=1.5),
        TEMP,
        says="LINE: cannot index dim 'time' at 1.5: positions are integers.\n"
        "Convert them, .astype(int), or select by label: .sel(time=...).",
    ),
    "36 half positions": case(
        lambda a: a.isel(time=[0.5]),
        TEMP,
        says="LINE: cannot index dim 'time' at [0.5]: positions are integers.\n"
        "Convert them, .astype(int), or select by label: .sel(time=...).",
    ),
    "37 a mask of the wrong length": case(
        lambda a: a.isel(time=np.array([True, False])),
        TEMP,
        says="LINE: a mask along dim 'time' has 2 entries, and the dim has 4.\n"
        "Make the mask from the array itself, or from its coords.",
    ),
    "38 a mask made of data": case(
        lambda a: a[:, 0][a[:, 0] > 2],
        TEMP,
        says="LINE: selecting along dim 'time' by a traced mask: how many entries it keeps would depend on the data"
        + NOT_KNOWN
        + "Keep the shape: array.where(mask), without drop=True; reductions skip what is missing.",
        error=UnsupportedError,
    ),
    "38 dropping by a mask made of data": case(
        lambda a: a[:, 0].where(a[:, 0] > 2, drop=True),
        TEMP,
        says="LINE: selecting along dim 'time' by a traced mask: how many entries it keeps would depend on the data"
        + NOT_KNOWN
        + "Keep the shape: array.where(mask), without drop=True; reductions skip what is missing.",
        error=UnsupportedError,
    ),
    "39 bounds that are computed": case(
        lambda a, n: a[n : n + 2],
        TEMP,
        2,
        says="an index, size or range needs the numbers in `n` (LINE; no dims) at LINE"
        + NOT_KNOWN
        + "A size, position or option that is fixed for a call: name it in static_argnames.",
        error=TracedValueError,
    ),
    "41 the nearest of strings": case(
        lambda a: a.sel(city="Rom", method="nearest"),
        TEMP,
        says="LINE: the labels of dim 'city' are not sorted, so none is nearest, before or after.\n"
        "Sort them first (.sortby), or look up exact labels, without method=.",
    ),
    "42 indexers that do not go together": case(
        lambda a: a.isel(
            time=xr.DataArray([0, 1], dims="k"), city=xr.DataArray([0, 1, 2], dims="k")
        ),
        TEMP,
        says="LINE: the indexers differ in size along dim 'k': 2 and 3.\n"
        "Indexers that share a dim are taken point by point; give them different dims to take every combination.",
    ),
}

TRACING = {
    "43 a branch on data": case(
        lambda a: a if a.sum() > 0 else -a,
        TEMP,
        says="bool(), `if` or `while` needs the numbers in a traced value (LINE; no dims) at LINE"
        + NOT_KNOWN
        + "Choose between values with xr.where(condition, a, b), between branches with xgrad.cond,"
        " and repeat with xgrad.scan.",
        error=TracedValueError,
    ),
    "44 a Python number": case(
        lambda a: float(a[0, 0]),
        TEMP,
        says="float() needs the numbers in a traced value (LINE; no dims) at LINE"
        + NOT_KNOWN
        + STAY,
        error=TracedValueError,
    ),
    "44 the values": case(
        lambda a: np.asarray(a),
        TEMP,
        says="a NumPy array (.values, np.asarray, plotting, SciPy) needs the numbers in `a` (LINE; time: 4, city: 3)"
        " at LINE" + NOT_KNOWN + STAY,
        error=TracedValueError,
    ),
    "45 a range of an array": case(
        count_up,
        TEMP,
        says="LINE: range() and sizes need an integer, and the value of an array is not known while the function is"
        " traced.\nRepeat with xgrad.scan or xgrad.while_loop, or pass a number and name it in static_argnames.",
    ),
    "45 a range of a number": case(
        lambda a, n: [a[i] for i in range(n)],
        TEMP,
        3,
        says="an index, size or range needs the numbers in `n` (LINE; no dims) at LINE"
        + NOT_KNOWN
        + "A size, position or option that is fixed for a call: name it in static_argnames.",
        error=TracedValueError,
    ),
    "48 a result that is no array": case(
        lambda a: OPEN,
        TEMP,
        says="the function returned a _io.StringIO, which was made once, while it was traced, and cannot be made"
        " anew by the compiled function.\nReturn labeled arrays, arrays, numbers, containers of them, or constants.",
        error=UnsupportedTypeError,
    ),
    "51 a variable that is not there": case(
        lambda d: d["ran"],
        BOTH,
        says="LINE: there is no variable 'ran' among (time, city, rain, temp); did you mean 'rain'?",
    ),
    "51 variables that are not there": case(
        lambda d: d[["rain", "tem"]],
        BOTH,
        says="LINE: there is no variable 'tem' among (time, city, rain, temp); did you mean 'temp'?",
    ),
    "51 an attribute that is not there": case(
        lambda d: d.ran,
        BOTH,
        says="LINE: there is no variable 'ran' among (time, city, rain, temp); did you mean 'rain'?",
    ),
}

CASES = {**ARITHMETIC, **SHAPES, **INDEXING, **TRACING}


def told(error: Exception) -> str:
    """The message as a reader sees it, without the numbers of lines in this file."""
    return re.sub(r"test_malformed_calls\.py:\d+", "LINE", str(error))


@pytest.mark.parametrize("name", CASES)
def test_what_is_said(name: str):
    program, args, message, error = CASES[name]
    if error is None:
        with pytest.raises(Exception) as eager:
            program(*args)
        error = type(eager.value)
    with pytest.raises(error) as caught:
        xg.jit(program)(*args)
    assert isinstance(caught.value, xg.errors.XgradError | IndexError)
    assert told(caught.value) == message
    notes = [told(Exception(note)) for note in getattr(caught.value, "__notes__", ())]
    assert "LINE" in message or notes == ["raised while xgrad traced LINE"] or name[:2] == "48"


# ---- about the call itself -----------------------------------------------------------------------------------------

KEPT: list[Any] = []


def test_46_a_value_kept_for_later():
    xg.jit(lambda temp: KEPT.append(temp) or temp)(TEMP)
    with pytest.raises(TracedValueError) as caught:
        KEPT.pop() + 1
    assert told(caught.value) == (
        "`temp` (LINE) was made inside a traced function that has returned;"
        " return it from the function instead of keeping it"
    )


def test_47_a_value_of_another_thread():
    said: list[str] = []

    def use(temp):
        try:
            temp + 1
        except TracedValueError as error:
            said.append(told(error))

    def give_away(temp):
        thread = threading.Thread(target=use, args=(temp,))
        thread.start()
        thread.join()
        return temp

    xg.jit(give_away)(TEMP)
    assert said == [
        "`temp` (LINE) belongs to a function that another thread is tracing;"
        " pass values between threads as arguments and results of compiled functions"
    ]


@pytest.mark.parametrize("value", [None, "done", 3.5])
def test_48_constants_are_results_as_in_eager_code(value: Any):
    assert xg.jit(lambda a: {"a": a, "note": value})(TEMP)["note"] == value


def test_49_a_static_argument_without_a_hash():
    def model(temp, sizes):
        return temp

    with pytest.raises(UnsupportedTypeError) as caught:
        xg.jit(model, static_argnames="sizes")(TEMP, [1, 2])
    assert str(caught.value) == (
        "the static argument `sizes` of `model` is a list, which has no hash.\n"
        "Pass something hashable (a tuple for a list, a frozen dataclass for a dict), or let it be traced."
    )


def test_50_too_many_arguments():
    with pytest.raises(ArgumentError) as caught:
        xg.jit(lambda a: a)(TEMP, TEMP)
    assert str(caught.value) == (
        "cannot call `<lambda>` like this: too many positional arguments.\nIts signature is <lambda>(a)."
    )


def test_52_other_dims_than_declared():
    x = xg.xtensor("x", dims=("time", "city"), shape=(4, 3))
    with pytest.raises(DimensionError) as caught:
        xg.function([x], x.mean("time"))(TEMP.rename(time="day"))
    assert str(caught.value) == (
        "input `x` has the dims ('time', 'city'); got an array with ('day', 'city')."
    )


# ---- what eager xarray accepts -------------------------------------------------------------------------------------


def set_first(a):
    a[0] = 1.0
    return a


AS_XARRAY = {
    "2 shifted labels": (lambda a, b: a + b, LABELED, LABELED.assign_coords(x=[2, 3, 4, 5])),
    "3 labels of fewer bits": (
        lambda a, b: a + b,
        NORTH,
        NORTH.assign_coords(lat=NORTH.lat.astype("f4")),
    ),
    "4 labels in another order": (lambda a, b: a + b, LABELED, LABELED[::-1]),
    "5 dims of other names": (lambda a, b: a * b, NORTH, NORTH.rename(lat="latitude")),
    "6 scalar coords that disagree": (
        lambda a, b: a + b,
        LABELED.assign_coords(run=1),
        LABELED.assign_coords(run=2),
    ),
    "11 other variables": (lambda a, b: a + b, BOTH, BOTH[["rain"]]),
    "12 a product with nothing to sum over": (lambda a, b: a @ b, LABELED, NORTH),
    "14 a reduction by axis": (lambda a: a.mean(axis=0), TEMP),
    "25 a window longer than the dim": (lambda a: a.rolling(time=10).mean(), TEMP),
    "27 a pad of a new dim": (lambda a: a.pad(tim=1), TEMP),
    "31 more differences than entries": (lambda a: a.diff("time", n=9), TEMP),
    "40 assignment": (set_first, TEMP),
}
ADVICE = (
    "If that is meant, say so with xr.align(a, b, join='inner') before; if not, reindex one of them,"
    " or make it an error with xr.set_options(arithmetic_join='exact')."
)
WARNINGS = {
    "2 shifted labels": "labels along 'x' that not all operands have are dropped at LINE:\n"
    "  1 of 4 of operand 1 (`a`): 1\n  1 of 4 of operand 2 (`a`): 5\n" + ADVICE,
    "3 labels of fewer bits": "labels along 'lat' that not all operands have are dropped at LINE:\n"
    "  3 of 3 of operand 1 (`f`): 0.1, 0.2, 0.3\n"
    "  3 of 3 of operand 2 (`f`): 0.10000000149011612, 0.20000000298023224, 0.30000001192092896\n"
    "Some differ only by rounding to float32: give both the same labels, as in b.assign_coords(lat=a.lat).",
    "6 scalar coords that disagree": "the coord 'run' is dropped at LINE: operands have different ones (1, 2).\n"
    "If that is meant, drop it from one of them: b.drop_vars('run'), or .isel(..., drop=True).",
    "11 other variables": "variables that only one of two Datasets has are dropped at LINE: 'temp'.\n"
    "If that is meant, select those of both first: a[list(names)].",
}


@pytest.mark.parametrize("name", AS_XARRAY)
def test_as_xarray_does(name: str):
    program, *args = AS_XARRAY[name]
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        found = xg.jit(program)(*args)
    said = [told(w.message) for w in caught if w.category is LabelsDroppedWarning]
    assert said == ([WARNINGS[name]] if name in WARNINGS else [])
    expected = program(*[a.copy() for a in args])
    xr.testing.assert_identical(found, expected)
