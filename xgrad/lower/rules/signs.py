"""Where a sign is taken at last: of what is repeated before it is repeated, where there is less data.

Until then signs travel to the outputs, so that they meet and cancel.

Why it ends: each rule lowers the number of elements that are negated.
"""

from collections.abc import Callable
from typing import Any

from xgrad.axes.elementwise import Divide, Multiply, Negative
from xgrad.axes.structural import Expand
from xgrad.graph import DECLINE, Rules, Var, rule
from xgrad.lower.rules.patterns import P, S, X, Y


def _negated(out: Var, y: Var, s: tuple, p: tuple, readers: Callable[[Var], int]) -> Var | None:
    """expand(-y), where nothing else reads what the sign stands before, and y is smaller."""
    if readers(out.inputs[0]) != 1 or y.type.size >= out.type.size:
        return None
    return Expand(s, p)(Negative()(y))


def _product(out: Var, x: Var, y: Var, s: tuple, p: tuple, readers: Callable[[Var], int]) -> Any:
    spread = _negated(out, y, s, p, readers)
    return DECLINE if spread is None else Multiply()(x, spread)


def _quotient(out: Var, x: Var, y: Var, s: tuple, p: tuple, readers: Callable[[Var], int]) -> Any:
    spread = _negated(out, y, s, p, readers)
    return DECLINE if spread is None else Divide()(spread, x)


def _quotient_by(
    out: Var, x: Var, y: Var, s: tuple, p: tuple, readers: Callable[[Var], int]
) -> Any:
    spread = _negated(out, y, s, p, readers)
    return DECLINE if spread is None else Divide()(x, spread)


SIGNS = Rules(
    rule(  # -(x * expand y) = x * expand(-y)
        "negative_repeated_factor", Negative()(Multiply()(X, Expand(S, P)(Y))), _product
    ),
    rule(  # -(expand y / x) = expand(-y) / x
        "negative_repeated_dividend", Negative()(Divide()(Expand(S, P)(Y), X)), _quotient
    ),
    rule(  # -(x / expand y) = x / expand(-y)
        "negative_repeated_divisor", Negative()(Divide()(X, Expand(S, P)(Y))), _quotient_by
    ),
)
