"""Roots of sums of squares: norms and standard deviations, whose gradient at zero is zero rather than 0 * inf.

Why it ends: a rule takes away the root that it starts from.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from xgrad.axes.constants import Constant, Full
from xgrad.axes.contract import Einsum
from xgrad.axes.elementwise import (
    Add,
    Cast,
    Divide,
    IntegerPower,
    Multiply,
    Sqrt,
    SqrtOfSquares,
    Square,
    Where,
)
from xgrad.axes.reduce import Sum
from xgrad.axes.segment import SegmentSum, SegmentTotals
from xgrad.axes.sliding import WindowSquares, WindowSum
from xgrad.axes.structural import Expand, Permute, Reshape, Slice
from xgrad.graph import DECLINE, Op, Rules, Var, rule, toposort
from xgrad.lower.rules.patterns import X

Parts = Callable[[Var], tuple[Var, ...] | None]

# What a sum of squares is made of: for an op, the inputs that must be sums of squares too; None where it is not one.
MADE_OF: dict[type[Op], Parts] = {
    Square: lambda v: (),
    IntegerPower: lambda v: () if v.op.exponent > 0 and v.op.exponent % 2 == 0 else None,  # pyright: ignore[reportOptionalMemberAccess, reportAttributeAccessIssue]
    Multiply: lambda v: () if v.inputs[0] is v.inputs[1] else _scaled(v),
    # by a count; a negative divisor makes the root NaN, with or without this
    Divide: lambda v: _weighted_mean(v) or v.inputs[:1],
    Add: lambda v: v.inputs,
    Einsum: lambda v: _weighted(v),
    Sum: lambda v: v.inputs,
    SegmentSum: lambda v: v.inputs[:1],
    SegmentTotals: lambda v: v.inputs[:1],
    WindowSum: lambda v: v.inputs,
    WindowSquares: lambda v: (),
    Where: lambda v: tuple([x for x in v.inputs[1:] if not _is_missing(x)]),
    **dict.fromkeys((Cast, Expand, Permute, Reshape, Slice), lambda v: v.inputs),
}


def _scaled(v: Var) -> tuple[Var, ...] | None:
    variable = tuple([x for x in v.inputs if not isinstance(x.op, Full)])
    return variable if len(variable) == 1 else None


def _weighted(v: Var) -> tuple[Var, ...] | None:
    """The values of Σ w x for constant weights that are not negative."""
    values = [x for x in v.inputs if not isinstance(x.op, Constant)]
    weights = [x.op.value.value for x in v.inputs if isinstance(x.op, Constant)]
    return tuple(values) if len(values) == 1 and all(np.all(w >= 0) for w in weights) else None


def _weighted_mean(v: Var) -> tuple[Var, ...] | None:
    """The values of Σ w x / Σ w, where it is one: the size of its weights cancels, so they may be left out."""
    above, below = v.inputs
    if not isinstance(above.op, Multiply | Einsum) or len(above.inputs) != 2:
        return None
    known = {x for node in toposort([below]) for x in node.inputs}
    values = [x for x, w in (above.inputs, above.inputs[::-1]) if w in known and x not in known]
    return tuple(values) if len(values) == 1 else None


def _is_missing(x: Var) -> bool:
    return isinstance(x.op, Full) and bool(
        np.all((x.op.value.value == 0) | np.isnan(x.op.value.value))
    )


def is_sum_of_squares(x: Var) -> bool:
    """Whether ``x`` is put together from squares in such a way that it is zero only where they all are."""
    todo = [x]
    while todo:
        v = todo.pop()
        made_of = None if v.op is None else MADE_OF.get(type(v.op))
        parts = None if made_of is None else made_of(v)
        if parts is None:
            return False
        todo.extend(parts)
    return True


def _root(x: Var) -> Any:
    return SqrtOfSquares()(x) if is_sum_of_squares(x) else DECLINE


ROOTS = Rules(
    rule("sqrt_of_squares", Sqrt()(X), _root),  # √Σx²: the same value, another gradient at 0
)
