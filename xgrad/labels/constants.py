"""Concrete arrays and numbers met by traced ones, as constants of the graph.

A captured array is read when it is met, so that what its owner writes into it later does not count. As long as nobody
does, all its uses in a trace share one copy, which the compiled program takes as one input.
"""

from functools import lru_cache
from typing import Any

import numpy as np

from xgrad.axes.literal import Literal
from xgrad.errors import UnsupportedTypeError
from xgrad.graph import Var
from xgrad.labels.scope import FREE, current_trace
from xgrad.names.structure import XConstant
from xgrad.names.types import Dim

NUMBERS = (bool, int, float, complex)
_SHARED_FROM = 1024  # bytes; smaller literals are equal by their content in any case


def check_dtype(doing: str, dtype: np.dtype) -> None:
    """Raise where an operand is of a dtype that no compiled program has."""
    if dtype.kind in "OSUTMm" or dtype.fields is not None:
        raise UnsupportedTypeError(
            f"{doing}: data of dtype {dtype} cannot take part in a compiled function;"
            " keep it in a coord, or convert it to numbers first"
        )


_SECOND = np.timedelta64(1, "s")


def in_seconds(value: Any) -> Any:
    """Dates and durations as the floats that a compiled program computes with: seconds, since 1970-01-01; NaT is NaN.

    Anything else is returned as it is.
    """
    if not isinstance(value, np.ndarray | np.generic) or value.dtype.kind not in "mM":
        return value
    since = value - np.datetime64(0, "s") if value.dtype.kind == "M" else value  # pyright: ignore
    return since / _SECOND  # pyright: ignore


def scalar(value: Any, dtype: np.dtype) -> Var:
    """A number, written into the program."""
    if type(value) in NUMBERS:
        return _number(value, repr(value), dtype).apply()[0]
    return XConstant(Literal(np.asarray(value).astype(dtype)), inline=True)()


@lru_cache(maxsize=1024)
def _number(value: Any, text: str, dtype: np.dtype) -> XConstant:
    """The constant of a Python number, told from others by how it is written, for 0.0 is equal to -0.0 and to False."""
    return XConstant(Literal(dtype.type(value)), inline=True)


def constant(values: np.ndarray, dims: tuple[Dim, ...], dtype: np.dtype | None = None) -> Var:
    """A concrete array with names, which the program takes as an input; a single number is written into it."""
    check_dtype("a captured array", values.dtype)
    dtype = values.dtype if dtype is None else dtype
    return XConstant(_literal(values, dtype), dims, inline=values.ndim == 0)()


def _literal(values: np.ndarray, dtype: np.dtype) -> Literal:
    """A copy of ``values``: the one made before in this trace, if they have not changed since."""
    trace = current_trace()
    if trace is FREE or values.nbytes < _SHARED_FROM:
        return Literal(values.astype(dtype, copy=False))
    place = (values.__array_interface__["data"], values.strides, values.shape, values.dtype, dtype)
    _, literal = trace.literals.get(place, (None, None))
    if literal is None or not _same(literal.value, values):
        literal = Literal(values.astype(dtype, copy=False))
        trace.literals[place] = (
            values,
            literal,
        )  # the owner is kept, so that its place is not reused
    return literal


def _same(literal: np.ndarray, values: np.ndarray) -> bool:
    current = values.astype(literal.dtype, copy=False)
    return np.array_equal(literal, current, equal_nan=literal.dtype.kind in "fc")
