"""Transposes travel to the outputs, and meet and cancel on the way.

Names leave the order of axes open, so the order of a broadcast is whatever its first operand had; a large operand that
comes second would be transposed before every use. An elementwise op on transposed operands is the transpose of the op
on the operands as they lie: what is left at the outputs is one transpose, or none. Repeated values (``Expand``,
``Full``) take any order for free.

Why it ends: each rule lowers the number of transposes, or moves one towards the outputs, or below a broadcast.
"""

from collections.abc import Sequence
from typing import Any

from xgrad.axes.constants import Full
from xgrad.axes.reduce import All, Max, Min, Prod, Sum
from xgrad.axes.reduce import Any as AnyOf
from xgrad.axes.structural import Expand, Permute
from xgrad.graph import DECLINE, Rules, Var, rule
from xgrad.lower.rules.elementwise import for_each_op
from xgrad.lower.rules.movement import is_identity
from xgrad.lower.rules.patterns import A, P, S, X, variable

Perm = tuple[int, ...]


def _sink(out: Var) -> Any:
    """op(x.p, y.p, …) = op(x, y, …).p, where at least one operand is transposed and the others do not mind."""
    perms = {x.op.perm for x in out.inputs if isinstance(x.op, Permute)}
    if len(perms) != 1:
        return DECLINE
    (perm,) = perms
    inputs = [_untransposed(x, perm) for x in out.inputs]
    if any(x is None for x in inputs):
        return DECLINE
    return Permute(perm)(out.op(*inputs))  # pyright: ignore[reportOptionalCall]


def _untransposed(x: Var, perm: Perm) -> Var | None:
    """``y`` with ``y.perm = x``, where it costs nothing; else None."""
    if isinstance(x.op, Permute):
        return x.inputs[0]
    if isinstance(x.op, Full):
        return Full(_unpermuted(x.op.shape, perm), x.op.value)()
    if isinstance(x.op, Expand):
        return _reordered(x.inputs[0], [perm[a] for a in x.op.axes], _unpermuted(x.op.shape, perm))
    return None


def _unpermuted(shape: Sequence[int], perm: Perm) -> tuple[int, ...]:
    original = [0] * len(perm)
    for i, p in enumerate(perm):
        original[p] = shape[i]
    return tuple(original)


def _reordered(x: Var, axes: Sequence[int], shape: tuple[int, ...]) -> Var:
    """``x`` spread over ``shape`` with its axis k at ``axes[k]``, in any order: transposed first, while it is small."""
    order = tuple(sorted(range(len(axes)), key=lambda k: axes[k]))
    moved = x if is_identity(order) else Permute(order)(x)
    return Expand(shape, tuple(sorted(axes)))(moved)


def _inside_expand(x: Var, s: tuple[int, ...], a: Perm, p: Perm) -> Var:
    place = {axis: i for i, axis in enumerate(p)}
    return _reordered(x, [place[axis] for axis in a], tuple([s[axis] for axis in p]))


def _reduce_first(out: Var, x: Var, a: tuple[int, ...], p: Perm) -> Var:
    """reduce(x.p, a) = reduce(x, p[a]).q"""
    reduce: Any = type(out.op)
    reduced = reduce(tuple(sorted([p[axis] for axis in a])))(x)
    kept = [axis for i, axis in enumerate(p) if i not in a]
    order = tuple([sorted(kept).index(axis) for axis in kept])
    return reduced if is_identity(order) else Permute(order)(reduced)


TRANSPOSES = Rules(
    *for_each_op("sink", lambda i: variable(f"x{i}"), _sink, among=Permute),
    rule(
        "permute_expand", Permute(P)(Expand(S, A)(X)), _inside_expand
    ),  # expand(x).p = expand(x.q)
    rule("sum_permuted", Sum(A)(Permute(P)(X)), _reduce_first),  # Σ(x.p) = (Σ x).q
    rule("prod_permuted", Prod(A)(Permute(P)(X)), _reduce_first),
    rule("max_permuted", Max(A)(Permute(P)(X)), _reduce_first),
    rule("min_permuted", Min(A)(Permute(P)(X)), _reduce_first),
    rule("any_permuted", AnyOf(A)(Permute(P)(X)), _reduce_first),
    rule("all_permuted", All(A)(Permute(P)(X)), _reduce_first),
)
