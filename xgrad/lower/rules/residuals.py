"""What a backward loop takes from the forward one, and what it computes again.

A derivative's backward loop starts from the carries and sequences of each step alone, and so would run all of the
forward step again. Much of it is worth keeping: what is stacked is written once and read once, what is not is computed
again from what is. Which values to stack is a minimum cut, exact for the costs in ``lower.costs``. With v *needed* on
the way back and v *computed* there as the questions, the costs are

    traffic(v)  where v is needed and not computed (half of it where others read it, so that it is written anyway),
    cost(v)     where v is computed, nothing where only the way back computes it: then one of the loops must,

and a v that is computed needs the operands of its op. What stays the same in all steps is there for nothing.

Why it ends: every firing lowers the total cost.
"""

from collections.abc import Sequence
from typing import Any

from xgrad.axes.loops import Keeps
from xgrad.graph import Builder, Node, Var, substitute
from xgrad.lower.costs import cost, traffic
from xgrad.lower.cut import Questions
from xgrad.lower.frames import held_loops
from xgrad.lower.loops import Fixed, Loop, LoopRules, Outputs, PairRule, Path, Row
from xgrad.lower.rules.loops_inside import handed_inside


def _kept(one: Loop, two: Loop, path: Path) -> tuple[Outputs, Outputs] | None:
    """two(stacked carries of one) = two(stacked values of one, the cheapest that give all it needs)"""
    if one.op.length != two.op.length or not (path.direct or _share_rows(one, two, path)):
        return None
    if one.op.recompute is True or one.op.recompute != two.op.recompute:
        return None
    one = _with_invariants(one, two, path)
    return _kept_inside(one, two, path) or _kept_here(one, two, path)


def _share_rows(one: Loop, two: Loop, path: Path) -> bool:
    """Whether the second goes back over the sequences of the first, as it does where nothing is carried."""
    return path.otherwise and not {r.whole for r in one.rows}.isdisjoint(
        [r.whole for r in two.rows]
    )


def _kept_inside(one: Loop, two: Loop, path: Path) -> tuple[Outputs, Outputs] | None:
    """What is kept where loops inside the steps are kept too; None where it is cheaper to run them all again."""
    handed = handed_inside(one, two, path, _given(one, two, path))
    if handed is None:
        return None
    known = _Known(handed.one, handed.two, handed.path)
    cut = _Cut(known, handed.one, handed.two, handed.path)
    if sum(map(held_loops, cut.computed)) >= handed.loops:
        return None
    made = _handed_over(handed.one, handed.two, handed.path, known, cut.stacked)
    return made[0][: len(one.carries) + len(one.stacks)], made[1]


def _kept_here(one: Loop, two: Loop, path: Path) -> tuple[Outputs, Outputs] | None:
    known = _Known(one, two, path)
    cut = _Cut(known, one, two, path)
    return _handed_over(one, two, path, known, cut.stacked) if cut.saves else None


def _with_invariants(one: Loop, two: Loop, path: Path) -> Loop:
    """The first loop with the invariants of the second too, as far as they do not depend on it."""
    there = {f.outside for f in one.fixed}
    further = [two.fixed[k] for k in sorted(path.steady) if two.fixed[k].outside not in there]
    new = [Fixed(f.outside, Var(f.inside.type, source=f.inside.source)) for f in further]
    return one._replace(fixed=(*one.fixed, *new))


class _Known:
    """The variables of the second body that depend on the first loop alone, as variables of the body of the first."""

    def __init__(self, one: Loop, two: Loop, path: Path) -> None:
        self.inside = _given(one, two, path)
        self.steady = {f.inside for f in one.fixed}  # the same in all steps
        self.makers: dict[Var, Node] = {}
        builder = Builder()
        for node in one.body.nodes:
            self._add(builder.node(node.op, node.inputs, node))
        self.there = set(self.makers.values())  # what the first body computes
        for node in two.body.nodes:
            if all(v in self.inside for v in node.inputs):
                ins = [self.inside[v] for v in node.inputs]
                twin = builder.node(node.op, ins, node)
                self.inside.update(zip(node.outputs, twin.outputs, strict=True))
                self._add(twin)
        self.frontier = self._read_by_the_rest(two)

    def _add(self, node: Node) -> None:
        self.makers.update(dict.fromkeys(node.outputs, node))
        if all(v in self.steady for v in node.inputs):
            self.steady.update(node.outputs)

    def _read_by_the_rest(self, two: Loop) -> list[Var]:
        """The variables, as in the second body, that what depends on more than the first loop reads."""
        rest = [n for n in two.body.nodes if n.outputs[0] not in self.inside]
        read = [*[v for n in rest for v in n.inputs], *two.body.outputs]
        return [v for v in dict.fromkeys(read) if v in self.inside and not self.is_steady(v)]

    def is_steady(self, v: Var) -> bool:
        """Whether a variable of the second body is the same in all steps."""
        return self.inside[v] in self.steady


def _given(one: Loop, two: Loop, path: Path) -> dict[Var, Var]:
    """The inputs of the second body that the first knows too."""
    slices = {r.whole: r.slice for r in one.rows}
    same = {f.outside: f.inside for f in one.fixed}
    given = {r.slice: slices[r.whole] for r in two.rows if r.whole in slices}
    given |= {f.inside: same[f.outside] for f in two.fixed if f.outside in same}
    return given | {two.rows[i].slice: one.stacks[k] for i, k in path.direct.items()}


class _Cut:
    """Which values are stacked; ``saves`` says whether that is cheaper than what is.

    The question v asks whether v is needed on the way back; the question of its node, whether it is computed there.
    """

    def __init__(self, known: _Known, one: Loop, two: Loop, path: Path) -> None:
        self._known = known
        self._rows = {r.slice for r in one.rows}
        self._written = {one.stacks[k] for k in path.shared}
        self._carried = {one.stacks[k] for k in path.direct.values()}
        self._policy = None if isinstance(one.op.recompute, bool) else one.op.recompute
        self._questions = Questions()
        moving = self._asked()
        answers, total = self._questions.answers()
        needed = [v for v in moving if v in answers and v not in self._rows]
        self.stacked = [v for v in needed if known.makers.get(v) not in answers]
        self.computed = [node for node in answers if isinstance(node, Node)]
        self.saves = total < self._present(two)

    def _asked(self) -> list[Var]:
        """Ask about all that the way back may need; the variables."""
        known = self._known
        wanted = [known.inside[v] for v in known.frontier]
        for v in wanted:
            self._questions.must(v)
        asked: dict[Any, None] = {}
        stack = [v for v in reversed(wanted)]
        while stack:
            v = stack.pop()
            if v in asked or v in known.steady:
                continue
            asked[v] = None
            node = known.makers.get(v)
            if node is None:
                self._questions.costs(v, self._price(v))
                continue
            self._questions.costs_unless(v, node, self._price(v))
            if node not in asked:
                asked[node] = None
                self._ask_to_compute(node)
                stack += node.inputs
        return [v for v in asked if isinstance(v, Var)]

    def _ask_to_compute(self, node: Node) -> None:
        self._questions.costs(node, cost(node) if node in self._known.there else 0)
        for v in node.inputs:
            if v not in self._known.steady:
                self._questions.needs(node, v)

    def _price(self, v: Var) -> int:
        """What it costs to have ``v`` from the first loop: to read it and, mostly, to write it; or a policy says."""
        if self._policy:
            return 1 if self._is_kept(v, self._policy) else _NEVER
        there = v in self._rows or v in self._written
        return traffic(v.type) * (1 if there else 2)

    def _is_kept(self, v: Var, policy: Keeps) -> bool:
        """Whether a policy keeps ``v``; it has no say about sequences, and what the loops share already."""
        node = self._known.makers.get(v)
        return node is None or v in self._carried or policy.saves(node)

    def _present(self, two: Loop) -> int:
        """What the second loop costs as it is, as far as it depends on the first alone."""
        known, body = self._known, two.body
        read = {v for n in body.nodes for v in n.inputs} | set(body.outputs)
        slices = [r.slice for r in two.rows if r.slice in read and r.slice in known.inside]
        made = [n.outputs[0] for n in body.nodes if n.outputs[0] in known.inside]
        nodes = {known.makers[known.inside[v]] for v in made if not known.is_steady(v)}
        values = {known.inside[v] for v in slices}
        return sum(map(self._price, values)) + sum([cost(n) for n in nodes & known.there])


_NEVER = 2**62  # more than it costs to compute anything


def _handed_over(
    one: Loop, two: Loop, path: Path, known: _Known, stacked: Sequence[Var]
) -> tuple[Outputs, Outputs]:
    """The first loop stacks these values; the second reads them, and computes from them what else it needs."""
    places = {v: k for k, v in reversed(list(enumerate(one.stacks)))}
    new = [v for v in stacked if v not in places]
    places.update({v: len(one.stacks) + k for k, v in enumerate(new)})
    outputs = one._replace(stacks=(*one.stacks, *new)).all()
    wholes = {v: outputs[len(one.carries) + places[v]] for v in stacked}
    wholes |= {r.slice: r.whole for r in one.rows}
    rows = {v: Row(_made(whole), Var(v.type, source=v.source)) for v, whole in wholes.items()}
    fixed = {f.inside: Fixed(f.outside, Var(f.inside.type)) for f in one.fixed}
    leaves = {v: r.slice for v, r in rows.items()} | {v: f.inside for v, f in fixed.items()}
    read = substitute([known.inside[v] for v in known.frontier], leaves)
    others = [r for r in two.rows if r.slice not in known.inside]
    back = two.substituted(dict(zip(known.frontier, read, strict=True)))._replace(
        rows=(*others, *rows.values()), fixed=(*two.fixed, *fixed.values())
    )
    return outputs[: len(outputs) - len(new)], back.all()


def _made(whole: Var | None) -> Var:
    assert whole is not None
    return whole


RESIDUALS = LoopRules(single=(), pairs=(PairRule("kept", _kept),))
