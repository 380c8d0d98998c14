"""Rules about loops. Written ``loop(c; x; w) -> c, y``: carries, sequences, what stays the same; stacked outputs.

Why they end: a rule lowers the number of loops; or of steps; or of the carries, sequences, invariants and outputs of a
loop taken together; or moves work out of a loop; or (``last_output``) turns a stacked output into a carry, which none
undoes.
"""

from collections.abc import Sequence
from typing import Any

from xgrad.axes.arithmetic import Add, Multiply
from xgrad.axes.constants import Full, Iota
from xgrad.axes.spread import Expand, expand
from xgrad.gradient.markers import AbstractMarker, CustomGradient
from xgrad.graph import Op, Var, substitute, toposort
from xgrad.lower.loops import Fixed, Loop, LoopRule, LoopRules, Outputs, PairRule, Path, Uses
from xgrad.lower.rules.parallel import parallel
from xgrad.lower.rules.steps import cut_short, few_steps, last_output, turned


# ---- what nobody needs -----------------------------------------------------------------------------------------------
def _dead_output(loop: Loop, uses: Uses) -> Outputs | None:
    """A stacked output that nothing uses is not made."""
    count = len(loop.carries)
    live = [k for k in range(len(loop.stacks)) if count + k in uses.used]
    return None if len(live) == len(loop.stacks) else loop.keeping(range(count), live)


def _dead_carry(loop: Loop, uses: Uses) -> Outputs | None:
    """A carry that neither is used nor reaches anything that is used is not carried."""
    live = {k for k in range(len(loop.carries)) if k in uses.used}
    while True:
        needed = _reads([*loop.stacks, *[loop.carries[k].after for k in live]])
        reached = live | {k for k, c in enumerate(loop.carries) if c.before in needed}
        if reached == live:
            break
        live = reached
    if len(live) == len(loop.carries):
        return None
    return loop.keeping(sorted(live), range(len(loop.stacks)))


def _dead_sequence(loop: Loop, uses: Uses) -> Outputs | None:
    """A sequence of which no slice is read is not cut."""
    needed = _reads(loop.body.outputs)
    rows = tuple([r for r in loop.rows if r.slice in needed])
    return None if len(rows) == len(loop.rows) else loop._replace(rows=rows).all()


def _dead_invariant(loop: Loop, uses: Uses) -> Outputs | None:
    """What the body does not read is not handed in."""
    needed = _reads(loop.body.outputs)
    fixed = tuple([f for f in loop.fixed if f.inside in needed])
    return None if len(fixed) == len(loop.fixed) else loop._replace(fixed=fixed).all()


def _reads(outputs: Sequence[Var]) -> set[Var]:
    """The variables that ``outputs`` are computed from, themselves included."""
    return {v for node in toposort(outputs) for v in node.inputs} | set(outputs)


# ---- what is there twice ---------------------------------------------------------------------------------------------
def _equal_sequence(loop: Loop, uses: Uses) -> Outputs | None:
    """loop(; x, x) = loop(; x)"""
    first = {r.whole: r for r in reversed(loop.rows)}
    same = {r.slice: first[r.whole].slice for r in loop.rows if first[r.whole] is not r}
    if not same:
        return None
    return (
        loop.substituted(same)
        ._replace(rows=tuple([r for r in loop.rows if r.slice not in same]))
        .all()
    )


def _equal_invariant(loop: Loop, uses: Uses) -> Outputs | None:
    """loop(;; w, w) = loop(;; w)"""
    first = {f.outside: f for f in reversed(loop.fixed)}
    same = {f.inside: first[f.outside].inside for f in loop.fixed if first[f.outside] is not f}
    if not same:
        return None
    fixed = tuple([f for f in loop.fixed if f.inside not in same])
    return loop.substituted(same)._replace(fixed=fixed).all()


def _equal_output(loop: Loop, uses: Uses) -> Outputs | None:
    """Two stacked outputs of one value are one."""
    first = {y: k for k, y in reversed(list(enumerate(loop.stacks)))}
    if len(first) == len(loop.stacks):
        return None
    outputs = loop.keeping(range(len(loop.carries)), sorted(first.values()))
    count = len(loop.carries)
    for k, y in enumerate(loop.stacks):
        outputs[count + k] = outputs[count + first[y]]
    return outputs


def _equal_carry(loop: Loop, uses: Uses) -> Outputs | None:
    """Carries that begin equal, and are equal after a step if they are before, are one."""
    classes = _carry_classes(loop)
    if len(set(classes)) == len(classes):
        return None
    first = {c: classes.index(c) for c in classes}
    leaders = sorted(first.values())
    same = {
        c.before: loop.carries[first[k]].before for c, k in zip(loop.carries, classes, strict=True)
    }
    outputs = loop.substituted(same).keeping(leaders, range(len(loop.stacks)))
    for k, found in enumerate(classes):
        outputs[k] = outputs[first[found]]
    return outputs


def _carry_classes(loop: Loop) -> list[int]:
    """A number for each carry, equal for equal ones: the coarsest partition that a step keeps."""
    classes = _numbered([c.start for c in loop.carries])
    while len(set(classes)) < len(classes):
        after = _values_after(loop, classes)
        finer = _numbered(list(zip(classes, after, strict=True)))
        if len(set(finer)) == len(set(classes)):
            return finer
        classes = finer
    return classes


def _numbered(keys: Sequence[Any]) -> list[int]:
    numbers: dict[Any, int] = {}
    return [numbers.setdefault(key, len(numbers)) for key in keys]


def _values_after(loop: Loop, classes: Sequence[int]) -> list[Any]:
    """A number for each carry after a step, equal where carries of one class being equal makes them so."""
    found: dict[Var, Any] = {v: ("input", k) for k, v in enumerate(loop.body.inputs)}
    found.update({c.before: ("class", k) for c, k in zip(loop.carries, classes, strict=True)})
    numbers: dict[Any, int] = {}
    for node in loop.body.nodes:
        ins = [found[v] for v in node.inputs]
        key = (node.op, *(sorted(ins, key=repr) if isinstance(node.op, _COMMUTATIVE) else ins))
        number = numbers.setdefault(key, len(numbers))
        found.update({out: ("value", number, out.index) for out in node.outputs})
    return [found[c.after] for c in loop.carries]


_COMMUTATIVE = (Add, Multiply)


# ---- what is the same in all steps -----------------------------------------------------------------------------------
def _constant_carry(loop: Loop, uses: Uses) -> Outputs | None:
    """c' = c: what a step does not change is the same in all steps."""
    still = [k for k, c in enumerate(loop.carries) if c.after is c.before]
    if not still:
        return None
    moving = [k for k in range(len(loop.carries)) if k not in still]
    fixed = [Fixed(loop.carries[k].start, loop.carries[k].before) for k in still]
    outputs = loop._replace(fixed=(*loop.fixed, *fixed)).keeping(moving, range(len(loop.stacks)))
    for k in still:
        outputs[k] = loop.carries[k].start
    return outputs


def _constant_invariant(loop: Loop, uses: Uses) -> Outputs | None:
    """A number that is handed in is written into the body."""
    written = [f for f in loop.fixed if isinstance(f.outside.op, Full)]
    if not written:
        return None
    values = {f.inside: Full(f.outside.op.shape, f.outside.op.value)() for f in written}  # pyright: ignore[reportOptionalMemberAccess, reportAttributeAccessIssue]
    fixed = tuple([f for f in loop.fixed if f.inside not in values])
    return loop.substituted(values)._replace(fixed=fixed).all()


def _constant_sequence(loop: Loop, uses: Uses) -> Outputs | None:
    """A sequence of equal slices is one slice, the same in all steps."""
    found = {r.slice: same for r in loop.rows if (same := _every_slice(r.whole)) is not None}
    if not found:
        return None
    inside = {slice: Var(v.type) for slice, v in found.items()}
    rows = tuple([r for r in loop.rows if r.slice not in found])
    fixed = [Fixed(found[slice], inside[slice]) for slice in found]
    return loop.substituted(inside)._replace(rows=rows, fixed=(*loop.fixed, *fixed)).all()


def _every_slice(whole: Var) -> Var | None:
    """The slice that ``whole`` repeats along its first axis; None where slices differ."""
    op = whole.op
    if isinstance(op, Full):
        return Full(op.shape[1:], op.value)()
    if isinstance(op, Expand) and 0 not in op.axes:
        return expand(whole.inputs[0], op.shape[1:], [a - 1 for a in op.axes])
    return None


def _hoisted(loop: Loop, uses: Uses) -> Outputs | None:
    """What is computed from nothing that changes is computed once, before the loop."""
    steady, needed = {f.inside for f in loop.fixed}, []
    for node in loop.body.nodes:
        if all(v in steady for v in node.inputs) and not isinstance(node.op, _KEPT):
            steady.update(node.outputs)
        else:
            needed += node.inputs
    frontier = _computed([v for v in [*needed, *loop.body.outputs] if v in steady])
    if not frontier:
        return None
    outside = substitute(frontier, {f.inside: f.outside for f in loop.fixed})
    inside = {v: Var(v.type, source=v.source) for v in frontier}
    fixed = [Fixed(o, inside[v]) for o, v in zip(outside, frontier, strict=True)]
    return loop.substituted(inside)._replace(fixed=(*loop.fixed, *fixed)).all()


_KEPT = (AbstractMarker, CustomGradient)  # they change the cotangents of every step, not their sum


def _computed(wanted: Sequence[Var]) -> list[Var]:
    """The values to compute before the loop; numbers and repeated values stay inside, where they cost nothing."""
    found: dict[Var, None] = {}
    stack, seen = list(reversed(wanted)), set()
    while stack:
        v = stack.pop()
        if v in seen or v.node is None:
            continue
        seen.add(v)
        if isinstance(v.op, Expand | Full | Iota):
            stack += v.node.inputs
        else:
            found[v] = None
    return list(found)


def _steady_output(loop: Loop, uses: Uses) -> Outputs | None:
    """A stacked output that is the same in all steps is repeated; one that is a slice is the sequence."""
    steady = {f.inside: f.outside for f in loop.fixed}
    rows = {r.slice: r.whole for r in loop.rows}
    found = {
        k: v
        for k, y in enumerate(loop.stacks)
        if (v := _stacked(y, steady, rows, loop)) is not None
    }
    if not found:
        return None
    left = [k for k in range(len(loop.stacks)) if k not in found]
    outputs = loop.keeping(range(len(loop.carries)), left)
    for k, whole in found.items():
        outputs[len(loop.carries) + k] = whole
    return outputs


def _stacked(y: Var, steady: dict[Var, Var], rows: dict[Var, Var], loop: Loop) -> Var | None:
    shape = (loop.op.length, *y.type.shape)
    if y in rows:
        return rows[y]
    if y in steady:
        return expand(steady[y], shape, range(1, len(shape)))
    return Full(shape, y.op.value)() if isinstance(y.op, Full) else None


# ---- two loops -------------------------------------------------------------------------------------------------------
def _fused(one: Loop, two: Loop, path: Path) -> tuple[Outputs, Outputs] | None:
    """Loops over the same range, of which the second reads the first step by step at most, are one loop."""
    if path.otherwise or not _same_range(one.op, two.op):
        return None
    two = two.renewed()
    handed = {two.rows[i].slice: one.stacks[k] for i, k in path.direct.items()}
    two = two.substituted(handed)
    rows = [r for i, r in enumerate(two.rows) if i not in path.direct]
    joint = Loop(
        one.op,
        (*one.carries, *two.carries),
        (*one.rows, *rows),
        (*one.fixed, *two.fixed),
        (*one.stacks, *two.stacks),
    )
    results = joint.all()
    cuts = [
        0,
        len(one.carries),
        len(joint.carries),
        len(joint.carries) + len(one.stacks),
        len(results),
    ]
    carries = results[: cuts[1]], results[cuts[1] : cuts[2]]
    stacks = results[cuts[2] : cuts[3]], results[cuts[3] :]
    return [*carries[0], *stacks[0]], [*carries[1], *stacks[1]]


def _same_range(one: Op, two: Op) -> bool:
    fields = ("length", "reverse", "unroll", "recompute", "parallel")
    return all(one.parameters[name] == two.parameters[name] for name in fields)


LOOPS = LoopRules(
    single=(
        LoopRule("few_steps", few_steps),
        LoopRule("dead_output", _dead_output),
        LoopRule("dead_carry", _dead_carry),
        LoopRule("dead_sequence", _dead_sequence),
        LoopRule("dead_invariant", _dead_invariant),
        LoopRule("equal_sequence", _equal_sequence),
        LoopRule("equal_invariant", _equal_invariant),
        LoopRule("equal_output", _equal_output),
        LoopRule("constant_carry", _constant_carry),
        LoopRule("constant_invariant", _constant_invariant),
        LoopRule("constant_sequence", _constant_sequence),
        LoopRule("equal_carry", _equal_carry),
        LoopRule("hoisted", _hoisted),
        LoopRule("steady_output", _steady_output),
        LoopRule("cut_short", cut_short),
        LoopRule("last_output", last_output),
        LoopRule("turned", turned),
        LoopRule("parallel", parallel),
    ),
    pairs=(PairRule("fused", _fused),),
)
