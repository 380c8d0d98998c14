"""What users are told when dims do not fit: every message, whole, so that they can be read aloud."""

from collections.abc import Callable

import numpy as np
import pytest

from xgrad.axes.elementwise import Add, Hypot
from xgrad.errors import (
    DimensionError,
    OutOfRangeError,
    SizeMismatchError,
    UnsupportedTypeError,
)
from xgrad.graph import Source, Var, located
from xgrad.names import XType, build


def var(name: str | None, line: int, dtype: type = float, **sizes: int) -> Var:
    t = XType(tuple(sizes), tuple(sizes.values()), np.dtype(dtype))
    return Var(t, name=name, source=Source("/home/me/model.py", line))


RAIN = var("rain", 12, time=365, lat=4)
TEMP = var("temp", 14, time=366)
MASK = var("mask", 15, bool, time=365)
INDEX = var("idx", 16, int, lat=5)
MATRIX = var("m", 17, i=3, j=3)
with located(Source("/home/me/model.py", 20)):
    SUM = build.reduce("sum", RAIN, ["lat"])
ZERO = build.scalar(0.0)

CASES: list[tuple[Callable[[], object], type[Exception], str]] = [
    (
        lambda: build.elemwise(Add(), RAIN, TEMP),
        SizeMismatchError,
        "cannot add: dim 'time' has size 365 in `rain` (model.py:12) and 366 in `temp` (model.py:14).\n"
        "Align them first: rain, temp = xgrad.align(rain, temp, join='inner').",
    ),
    (
        lambda: build.elemwise(Hypot(), SUM, TEMP),
        SizeMismatchError,
        "cannot apply hypot: dim 'time' has size 365 in operand 1 (model.py:20) and 366 in `temp` (model.py:14).\n"
        "Align them first: a, b = xgrad.align(a, b, join='inner').",
    ),
    (
        lambda: build.dot([RAIN, TEMP], ["time"]),
        SizeMismatchError,
        "cannot multiply: dim 'time' has size 365 in `rain` (model.py:12) and 366 in `temp` (model.py:14).\n"
        "Align them first: rain, temp = xgrad.align(rain, temp, join='inner').",
    ),
    (
        lambda: build.concat([RAIN, TEMP], "lat"),
        SizeMismatchError,
        "cannot concatenate along 'lat': dim 'time' has size 365 in `rain` (model.py:12)"
        " and 366 in `temp` (model.py:14).\n"
        "Align them first: rain, temp = xgrad.align(rain, temp, join='inner').",
    ),
    (
        lambda: build.reduce("sum", RAIN, ["tim"]),
        DimensionError,
        "cannot take the sum over dim 'tim': `rain` (model.py:12) has the dims ('time', 'lat');"
        " did you mean 'time'?",
    ),
    (
        lambda: build.reduce("max", ZERO, ["time"]),
        DimensionError,
        "cannot take the max over dim 'time': the array has no dims.",
    ),
    (
        lambda: build.reduce("argmax", RAIN, ["time", "lat"]),
        DimensionError,
        "cannot take the argmax over ('time', 'lat') of `rain` (model.py:12): a position is along one dim.\n"
        "Merge the dims first, with .stack.",
    ),
    (
        lambda: build.index(RAIN, {"lta": 0}),
        DimensionError,
        "cannot index dim 'lta': `rain` (model.py:12) has the dims ('time', 'lat'); did you mean 'lat'?",
    ),
    (
        lambda: build.index(RAIN, {"lat": 4}),
        OutOfRangeError,
        "cannot index dim 'lat' of `rain` (model.py:12) at 4: it has size 4.",
    ),
    (
        lambda: build.index(RAIN, {"lat": build.constant([0, -5], ["p"])}),
        OutOfRangeError,
        "cannot index dim 'lat' of `rain` (model.py:12) at -5: it has size 4.",
    ),
    (
        lambda: build.index(RAIN, {"time": MASK}),
        UnsupportedTypeError,
        "cannot index dim 'time' of `rain` (model.py:12) with an array of dtype bool.\n"
        "How many values a mask keeps is unknown while tracing: keep the shape, with .where(mask).",
    ),
    (
        lambda: build.index(RAIN, {"time": TEMP}),
        UnsupportedTypeError,
        "cannot index dim 'time' of `rain` (model.py:12) with an array of dtype float64.\n"
        "Index with integers: .astype(int).",
    ),
    (
        lambda: build.index(RAIN, {"time": INDEX}),
        SizeMismatchError,
        "cannot index `rain` (model.py:12): dim 'lat' has size 5, and the selection has 4.\n"
        "Select as many values as there are, or use a dim of another name.",
    ),
    (
        lambda: build.index_update(RAIN, TEMP, {"time": slice(3)}),
        SizeMismatchError,
        "cannot write into `rain` (model.py:12): dim 'time' has size 366, and the selection has 3.\n"
        "Select as many values as there are, or use a dim of another name.",
    ),
    (
        lambda: build.index_update(RAIN, TEMP, {"time": 0}),
        DimensionError,
        "cannot write into `rain` (model.py:12): `temp` (model.py:14) has the dims ('time',),"
        " and 'time' would be lost.",
    ),
    (
        lambda: build.rename(RAIN, {"time": "lat"}),
        DimensionError,
        "cannot rename: the result would have the dim 'lat' twice, in ('lat', 'lat').\n"
        "Give one of the two another name first, with .rename.",
    ),
    (
        lambda: build.pad(TEMP, {"time": (-1, 2)}, ZERO),
        SizeMismatchError,
        "cannot pad dim 'time' of `temp` (model.py:14) by (-1, 2): widths must not be negative.\n"
        "To drop values, index instead.",
    ),
    (
        lambda: build.window(RAIN, "lat", "w", 5),
        SizeMismatchError,
        "cannot take windows of 5 along dim 'lat' of `rain` (model.py:12): it has size 4.",
    ),
    (
        lambda: build.split(RAIN, "time", {"year": 7, "day": 52}),
        SizeMismatchError,
        "cannot split dim 'time' of `rain` (model.py:12) into {'year': 7, 'day': 52}: it has size 365.",
    ),
    (
        lambda: build.broadcast(RAIN, ["lat", "lon"], [4, 2]),
        DimensionError,
        "cannot broadcast to the dims ('lat', 'lon'): `rain` (model.py:12) has the dims ('time', 'lat'),"
        " and 'time' would be lost.",
    ),
    (
        lambda: build.broadcast(TEMP, ["lat", "time"], [4, 365]),
        SizeMismatchError,
        "cannot broadcast dim 'time' of `temp` (model.py:14) to size 365: it has size 366.",
    ),
    (
        lambda: build.blockwise(Add(), [MATRIX, MATRIX], [["i"], ["j"]], [["i"]]),
        DimensionError,
        "cannot apply add: dim 'j' of `m` (model.py:17) is a core dim of another input.\n"
        "Give one of the two another name first, with .rename.",
    ),
    (
        lambda: build.blockwise(Add(), [MATRIX, MATRIX], [["i"], ["i"]], [["j"]]),
        DimensionError,
        "cannot apply add: the result would have the dim 'j' twice, in ('j', 'j').\n"
        "Give one of the two another name first, with .rename.",
    ),
]


@pytest.mark.parametrize(("call", "error", "message"), CASES)
def test_message(call: Callable[[], object], error: type[Exception], message: str) -> None:
    with pytest.raises(error) as caught:
        call()
    assert type(caught.value) is error
    assert str(caught.value) == message
