"""What a backward loop takes from the forward one, and what it computes again.

A derivative's backward loop starts from the carries and sequences of each step alone, and so would run all of the
forward step again. Here it is handed what the forward loop has computed anyway, where that costs something: products of
matrices, reductions, transcendental functions. A few sums, products and moves of
values are cheaper to compute again than to write out and read back; a long row of them is not.
"""

from typing import Any, NamedTuple

from xgrad.axes.base import AbstractElementwise, AbstractStep
from xgrad.axes.loops import AbstractControl
from xgrad.axes.spread import Expand
from xgrad.axes.structural import AbstractMove
from xgrad.graph import Op, Var
from xgrad.lower.loops import Loop, LoopRules, Outputs, PairRule, Path, Row

_COSTLY_MODULES = ("xgrad.axes.transcendental", "xgrad.axes.special")


def _is_cheap(op: Op | None) -> bool:
    """Whether an op costs no more than the way to memory and back."""
    if type(op).__module__ in _COSTLY_MODULES:
        return False
    return isinstance(op, AbstractElementwise | AbstractMove | AbstractStep | Expand)


def _kept(one: Loop, two: Loop, path: Path) -> tuple[Outputs, Outputs] | None:
    """What the second loop computes from a step of the first, and the first has computed, is stacked and read."""
    opposite = one.op.reverse != two.op.reverse and one.op.length == two.op.length
    if not opposite or not path.direct or one.op.recompute or two.op.recompute:
        return None
    twins = _twins(one, two, path)
    wanted = _costly(two, twins)
    if not wanted:
        return None
    extended = one._replace(stacks=(*one.stacks, *[twins.computed[v] for v in wanted]))
    outputs = extended.all()
    count = len(outputs) - len(wanted)
    slices = {v: Var(v.type, source=v.source) for v in wanted}
    new = {two.rows[i].whole: outputs[len(one.carries) + k] for i, k in path.direct.items()}
    old_rows = [Row(new.get(r.whole) or r.whole, r.slice) for r in two.rows]
    rows = [
        Row(whole, slices[v]) for v, whole in zip(wanted, outputs[count:], strict=True) if whole
    ]
    back = two.substituted(slices)._replace(rows=(*old_rows, *rows)).all()
    return outputs[:count], back


class _Twins(NamedTuple):
    """Variables of the second body, and what is the same in the first: handed over, or computed in both."""

    given: dict[Var, Var]
    computed: dict[Var, Var]


def _twins(one: Loop, two: Loop, path: Path) -> _Twins:
    wholes = {r.whole: r.slice for r in one.rows}
    outside = {f.outside: f.inside for f in one.fixed}
    given = {r.slice: wholes[r.whole] for r in two.rows if r.whole in wholes}
    given |= {f.inside: outside[f.outside] for f in two.fixed if f.outside in outside}
    given |= {two.rows[i].slice: one.stacks[k] for i, k in path.direct.items()}
    numbers: dict[tuple[Any, ...], tuple[Var, ...]] = {
        (node.op, *node.inputs): node.outputs for node in one.body.nodes
    }
    computed: dict[Var, Var] = {}
    for node in two.body.nodes:
        ins = [given.get(v) or computed.get(v) for v in node.inputs]
        found = numbers.get((node.op, *ins))
        if found is not None:
            computed.update(zip(node.outputs, found, strict=True))
    return _Twins(given, computed)


def _costly(two: Loop, twins: _Twins) -> list[Var]:
    """The values to hand over: those next to what the second loop needs that cost much to compute again."""
    needed = [v for n in two.body.nodes for v in n.inputs if n.outputs[0] not in twins.computed]
    stack = [v for v in [*needed, *two.body.outputs] if v in twins.computed]
    handed = _worth_handing(two, twins)
    found: dict[Var, None] = {}
    seen: set[Var] = set()
    while stack:
        v = stack.pop()
        if v in seen or v not in twins.computed or v.node is None:
            continue
        seen.add(v)
        if v in handed:
            found[v] = None
        else:
            stack += v.node.inputs
    return list(found)


def _worth_handing(two: Loop, twins: _Twins) -> set[Var]:
    """The values that cost much to compute from what is handed over already."""
    worth: set[Var] = set()
    costs: dict[Var, int] = {}
    for node in two.body.nodes:
        if node.outputs[0] not in twins.computed or isinstance(node.op, AbstractControl):
            continue
        own = (1 if node.inputs else 0) if _is_cheap(node.op) else _MUCH
        cost = own + sum([costs.get(v, 0) for v in node.inputs])
        if cost >= _MUCH:
            worth.update(node.outputs)
        costs.update(dict.fromkeys(node.outputs, 0 if cost >= _MUCH else cost))
    return worth


_MUCH = 9  # cheap ops that together cost as much as the way to memory and back


RESIDUALS = LoopRules(single=(), pairs=(PairRule("kept", _kept),))
