"""Inline constants: computed where they meet, and the same in every order, shape and part.

Why it ends: each rule takes an op on inline constants away.
"""

from typing import Any

import numpy as np

from xgrad.axes.constants import Full
from xgrad.axes.literal import Literal
from xgrad.axes.namespace import numpy_namespace
from xgrad.axes.structural import Expand, Permute, Reshape, Reverse, Slice
from xgrad.graph import Rules, Var, rule
from xgrad.lower.rules.elementwise import for_each_op
from xgrad.lower.rules.patterns import A, B, C, P, a_full, variable


def _moved(out: Var, v: Literal) -> Var:
    return Full(out.type.shape, v)()


def _fold(out: Var) -> Var:
    """op(full a, full b, …) = full(op(a, b, …)), computed by the reference emission."""
    op: Any = out.op
    values = [x.op.value.value for x in out.inputs]  # pyright: ignore[reportOptionalMemberAccess, reportAttributeAccessIssue]
    with np.errstate(all="ignore"):
        result = np.asarray(op.emit(numpy_namespace, *values))
    return Full(out.type.shape, Literal(result.astype(out.type.dtype)))()


CONSTANTS = Rules(
    *for_each_op("fold", lambda i: a_full(variable(f"v{i}"), variable(f"s{i}")), _fold),
    rule("permute_full", Permute(P)(a_full()), _moved),  # a constant has no order
    rule("reshape_full", Reshape(P)(a_full()), _moved),  # a constant has no shape of its own
    rule("expand_full", Expand(P, A)(a_full()), _moved),  # a constant spreads as it is
    rule("slice_full", Slice(A, B, C)(a_full()), _moved),  # a constant is the same in every part
    rule("reverse_full", Reverse(A)(a_full()), _moved),  # and in every order
)
