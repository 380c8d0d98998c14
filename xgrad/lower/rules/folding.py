"""What small known arrays give is computed here and now.

Why it ends: each rule takes one op with known inputs away. Only small results are kept: they travel with the program.
"""

from typing import Any

import numpy as np

from xgrad.axes.constants import Constant, Full
from xgrad.axes.literal import Literal
from xgrad.axes.namespace import numpy_namespace
from xgrad.axes.reduce import All, Max, Min, Prod, Sum
from xgrad.axes.reduce import Any as AnyOf
from xgrad.axes.structural import Concat, Permute, Reshape, Reverse, Slice
from xgrad.graph import DECLINE, Rule, Rules, Var, rule
from xgrad.lower.rules.elementwise import ELEMENTWISE, arity, pattern
from xgrad.lower.rules.patterns import A, B, C, P, S, V, X, variable

LARGEST = 4096  # elements of an array that is computed in advance


def _computed(out: Var) -> Any:
    """The value of an op on arrays known in advance, by the reference emission."""
    if out.type.size > LARGEST or not all([_is_known(x) for x in out.inputs]):
        return DECLINE
    op: Any = out.op
    with np.errstate(all="ignore"):
        value = np.asarray(op.emit(numpy_namespace, *[_value(x) for x in out.inputs]))
    return Constant(Literal(value.astype(out.type.dtype)))()


def _is_known(x: Var) -> bool:
    return isinstance(x.op, Constant | Full) and x.type.size <= LARGEST


def _value(x: Var) -> np.ndarray:
    op: Any = x.op
    return np.broadcast_to(op.value.value, x.type.shape)


def _known() -> Any:
    return Constant(V)()


def _elementwise() -> tuple[Rule, ...]:
    """For each elementwise op, one rule per place where a known array may stand."""
    made = []
    for op in ELEMENTWISE:
        count = arity(op)
        for place in range(count):
            inputs = [_known() if i == place else variable(f"x{i}") for i in range(count)]
            made.append(_folding(op, pattern(op, inputs)))
    return tuple(made)


def _folding(op: type[Any], left: Any) -> Rule:
    return rule(f"fold_array_{op.__name__.lower()}", left, _computed)


FOLDING = Rules(
    *_elementwise(),
    *[_folding(op, op(A)(_known())) for op in (Sum, Prod, Max, Min, AnyOf, All)],
    _folding(Permute, Permute(P)(_known())),
    _folding(Reshape, Reshape(S)(_known())),
    _folding(Reverse, Reverse(A)(_known())),
    _folding(Slice, Slice(A, B, C)(_known())),
    _folding(Concat, Concat(A)(_known(), X)),
)
