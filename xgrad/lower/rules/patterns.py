"""The pattern variables that the rule tables are written with, and small questions they ask."""

from typing import Any

from xgrad.axes.constants import Full
from xgrad.axes.literal import Literal
from xgrad.graph import Any_


def variable(name: str) -> Any:
    """A pattern variable; typed ``Any``, as it stands in for parameters of every type."""
    return Any_(name)


X, Y, Z, M, N = [variable(name) for name in "xyzmn"]
P, Q, D, S, V = [variable(name) for name in "pqdsv"]
A, B, C = [variable(name) for name in "abc"]


def a_full(value: Any = V, shape: Any = S) -> Any:
    """The pattern of an inline constant; or, with values, the constant itself."""
    return Full(shape, value)()


def is_number(literal: Literal, number: float) -> bool:
    """Whether an inline constant is this number."""
    return literal.value.dtype.kind in "iufc" and literal.value[()] == number
