"""A value with a condition that it must meet: the mark by which run-time checks find what to look at.

The checks themselves are made after all rewrites, by ``lower.checks``; to every other pass, and to derivatives, the
mark is the identity. It is made only while checks are on.
"""

from typing import Any, NamedTuple

from xgrad.axes.base import AbstractLinear, TensorType
from xgrad.graph import Var


class Violation(NamedTuple):
    """What is told where a condition is not met.

    ``error`` names the class in ``xgrad.errors``. ``text`` says what is wrong; in it ``{value}`` stands for the first
    offending value. The place is added, and then ``advice``. Along the dims in ``whole`` the condition is one for all
    places: these are not told.
    """

    error: str
    text: str
    advice: str
    whole: tuple[Any, ...] = ()


class Checked(AbstractLinear):
    """``x``; where ``ok`` does not hold, ``value`` is what is wrong. All have one shape."""

    why = "the condition is only looked at"
    linear_in = (0,)
    violation: Violation

    def infer(self, x: TensorType, ok: TensorType, value: TensorType) -> TensorType:
        assert ok.dtype == bool and x.shape == ok.shape == value.shape, (x, ok, value)
        return x

    def emit(self, xp: Any, x: Any, ok: Any, value: Any) -> Any:
        return x

    def transpose(self, i: int, ct: Var, x: Var, ok: Var, value: Var) -> Var:
        return ct
