"""Parts of what was computed or moved: only the part is computed, and one position stands for two.

Why it ends: each rule moves a slice or a gather towards the inputs, and lowers the number of values computed on the way
or of positions looked up.
"""

from typing import Any

from xgrad.axes.index import Take
from xgrad.axes.structural import Concat, Expand, Permute, Slice
from xgrad.graph import DECLINE, Rule, Rules, Var, rule
from xgrad.graph.rules import Readers
from xgrad.lower.rules.elementwise import ELEMENTWISE, arity, pattern
from xgrad.lower.rules.patterns import A, B, C, M, N, P, Q, S, X, Y, variable


def _of_elementwise(out: Var, readers: Readers) -> Any:
    """op(x, y)[part] = op(x[part], y[part]), where nothing else needs the rest of op(x, y)."""
    whole = out.inputs[0]
    if readers(whole) > 1 or out.type.size >= whole.type.size:
        return DECLINE
    move: Any = out.op
    parts = [move(x, *out.inputs[1:]) for x in whole.inputs]
    op: Any = whole.op
    return op(*parts)


def _rules_of_elementwise() -> tuple[Rule, ...]:
    """One rule for slices and one for gathers per elementwise op."""
    made = []
    for op in ELEMENTWISE:
        whole = pattern(op, [variable(f"x{i}") for i in range(arity(op))])
        name = op.__name__.lower()
        made += [rule(f"slice_{name}", Slice(A, B, C)(whole), _of_elementwise)]
        made += [rule(f"take_{name}", Take(M, N)(whole, Y), _of_elementwise)]
    return tuple(made)


def _slice_permuted(out: Var, x: Var, p: tuple[int, ...]) -> Any:
    """x.p[part] = x[part as it lies].p"""
    cut: Any = out.op
    order = sorted(range(len(p)), key=lambda k: p[k])
    starts, stops, steps = [
        tuple([bounds[k] for k in order]) for bounds in (cut.starts, cut.stops, cut.steps)
    ]
    return Permute(p)(Slice(starts, stops, steps)(x))


def _slice_expanded(out: Var, x: Var, p: tuple[int, ...]) -> Any:
    """expand(x)[part] = expand(x[part])"""
    cut: Any = out.op
    starts, stops, steps = [
        tuple([bounds[axis] for axis in p]) for bounds in (cut.starts, cut.stops, cut.steps)
    ]
    part = Slice(starts, stops, steps)
    return Expand(out.type.shape, p)(x if part.cut_shape() == x.type.shape else part(x))


def _take_expanded(out: Var, x: Var, y: Var, p: tuple[int, ...]) -> Any:
    """Of repeated values any are the same; what is not repeated is taken before it is."""
    take: Any = out.op
    before = tuple([k for k in p if k < take.axis])
    after = tuple([k + y.type.ndim - 1 for k in p if k > take.axis])
    if take.axis not in p:
        return Expand(out.type.shape, (*before, *after))(x)
    if out.type.size >= out.inputs[0].type.size:
        return DECLINE
    place = p.index(take.axis)
    points = tuple(range(take.axis, take.axis + y.type.ndim))
    return Expand(out.type.shape, (*before, *points, *after))(Take(place, take.mode)(x, y))


def _take_twice(out: Var, x: Var, y: Var, readers: Readers) -> Any:
    """x[i][j] = x[i[j]] along one axis, where j picks no more than i did, and nothing else needs x[i]."""
    inner, outer = out.inputs
    first: Any = inner.op
    last: Any = out.op
    if y.type.ndim != 1 or first.axis != last.axis or outer.type.size > y.type.size:
        return DECLINE
    if readers(inner) > 1:
        return DECLINE
    return Take(first.axis, first.mode)(x, Take(0, last.mode)(y, outer))


def _without_empty(out: Var) -> Any:
    """What has no values adds nothing to what is put together."""
    op: Any = out.op
    full = [x for x in out.inputs if x.type.shape[op.axis]]
    if len(full) == len(out.inputs) or not full:
        return DECLINE
    return full[0] if len(full) == 1 else Concat(op.axis)(*full)


INDEXING = Rules(
    *_rules_of_elementwise(),
    rule("slice_permuted", Slice(A, B, C)(Permute(P)(X)), _slice_permuted),  # x.p[a:b] = x[a:b].p
    rule(  # expand(x)[a:b] = expand(x[a:b])
        "slice_expanded", Slice(A, B, C)(Expand(S, P)(X)), _slice_expanded
    ),
    rule("take_expanded", Take(A, M)(Expand(S, P)(X), Y), _take_expanded),  # expand(x)[i]
    *[
        rule("concat_empty", Concat(A)(*parts), _without_empty)  # [x, nothing] = x
        for parts in ((X, Y), (X, Y, Q))
    ],
    rule("take_twice", Take(A, N)(Take(B, M)(X, Y), Q), _take_twice),  # x[i][j] = x[i[j]]
)
