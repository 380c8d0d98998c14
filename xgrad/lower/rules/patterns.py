"""The pattern variables that the rule tables are written with, and small questions they ask."""

from typing import Any

from xgrad.axes.constants import Full
from xgrad.axes.literal import Literal
from xgrad.graph import Any_

X, Y, M, N = Any_("x"), Any_("y"), Any_("m"), Any_("n")
P, Q, D, S, V = Any_("p"), Any_("q"), Any_("d"), Any_("s"), Any_("v")
A, B, C = Any_("a"), Any_("b"), Any_("c")


def a_full(value: Any = V, shape: Any = S) -> Any:
    """The pattern of an inline constant; or, with values, the constant itself."""
    return Full(shape, value)()


def is_number(literal: Literal, number: float) -> bool:
    """Whether an inline constant is this number."""
    return literal.value.dtype.kind in "iufc" and literal.value[()] == number
