"""Repeating comes last: an elementwise op on values repeated alike is done once for each value, then repeated.

Why it ends: each rule lowers the number of values computed.
"""

from typing import Any

from xgrad.axes.constants import Full
from xgrad.axes.structural import Expand
from xgrad.graph import DECLINE, Rules, Var
from xgrad.lower.rules.elementwise import for_each_op
from xgrad.lower.rules.patterns import variable


def _before_repeating(out: Var) -> Any:
    """op(expand x, expand y, full v) = expand op(x, y, full v)"""
    expansions = {x.op for x in out.inputs if isinstance(x.op, Expand)}
    if len(expansions) != 1 or not all(isinstance(x.op, Expand | Full) for x in out.inputs):
        return DECLINE
    (expand,) = expansions
    shape = tuple([expand.shape[a] for a in expand.axes])
    small = [x.inputs[0] if isinstance(x.op, Expand) else _full(x, shape) for x in out.inputs]
    return expand(out.op(*small))  # pyright: ignore[reportOptionalCall]


def _full(x: Var, shape: tuple[int, ...]) -> Var:
    return Full(shape, x.op.value)()  # pyright: ignore[reportOptionalMemberAccess, reportAttributeAccessIssue]


EXPANSIONS = Rules(
    *for_each_op("repeat_last", lambda i: variable(f"x{i}"), _before_repeating, among=Expand)
)
