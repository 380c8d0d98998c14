"""Where a sign is taken at last: of what is repeated before it is repeated; of what is padded by subtracting it.

Until then signs travel to the outputs, so that they meet and cancel, and padded pieces are put together. A sum that is
zero may change the sign of that zero.

Why it ends: each rule lowers the number of elements that are negated.
"""

from collections.abc import Callable
from typing import Any

from xgrad.axes.elementwise import Add, Divide, Multiply, Negative, Subtract
from xgrad.axes.literal import Literal
from xgrad.axes.structural import Expand, Pad
from xgrad.graph import DECLINE, Rules, Var, rule
from xgrad.lower.rules.patterns import A, D, P, S, X, Y, a_full, is_number


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


def _less_padded(out: Var, x: Var, y: Var, v: Literal) -> Any:
    padded = out.inputs[1] if out.inputs[0] is x else out.inputs[0]
    border: Any = padded.op
    return Subtract()(x, border(y, padded.inputs[1])) if is_number(v, 0) else DECLINE


SIGNS = Rules(
    rule(  # x + [-y, 0] = x - [y, 0]
        "add_negative_padded", Add()(X, Pad(A, P, D)(Negative()(Y), a_full())), _less_padded
    ),
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
