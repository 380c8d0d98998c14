"""Loops taken apart, and the driver of the loop rules: innermost loops first, each rule until none applies.

The rules are in ``rules.loops``. A rule takes one loop and says what stands for each of its outputs; ``fused`` takes
two. They ask what XLA cannot know: which carries are equal in every step, which loops are one.
"""

import dataclasses
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

from xgrad.axes.loops import Scan
from xgrad.graph import Builder, Fired, Graph, Node, Rules, Var, located, substitute, toposort
from xgrad.lower.nested import map_inner, rewrite_everywhere


class Carry(NamedTuple):
    """What is carried: its first value, and its value before and after a step."""

    start: Var
    before: Var
    after: Var


class Row(NamedTuple):
    """A sequence, and its slice in a step."""

    whole: Var
    slice: Var


class Fixed(NamedTuple):
    """What is the same in all steps, outside and inside the body."""

    outside: Var
    inside: Var


Outputs = list[Var | None]  # what stands for each output of a loop; None for one that nothing uses


class Loop(NamedTuple):
    """A scan, taken apart: every variable of its body beside what it stands for."""

    op: Scan
    carries: tuple[Carry, ...]
    rows: tuple[Row, ...]
    fixed: tuple[Fixed, ...]
    stacks: tuple[Var, ...]

    @classmethod
    def of(cls, op: Scan, inputs: Sequence[Var]) -> "Loop":
        """The parts of a scan on these inputs."""
        outside, inside = op.parts(inputs), op.parts(op.body.inputs)
        after = op.body.outputs[: op.carries]
        return cls(
            op,
            tuple(map(Carry, outside.carries, inside.carries, after)),
            tuple(map(Row, outside.sequences, inside.sequences)),
            tuple(map(Fixed, outside.invariants, inside.invariants)),
            op.stacks,
        )

    @property
    def body(self) -> Graph:
        inside = [c.before for c in self.carries], [r.slice for r in self.rows]
        inputs = [*inside[0], *inside[1], *[f.inside for f in self.fixed]]
        return Graph(inputs, [*[c.after for c in self.carries], *self.stacks])

    def build(self) -> tuple[Var, ...]:
        """A new scan: the last carries, then the stacked outputs."""
        op = self.op
        op = dataclasses.replace(
            op, body=self.body, carries=len(self.carries), sequences=len(self.rows)
        )
        starts, wholes = [c.start for c in self.carries], [r.whole for r in self.rows]
        return op.apply(*starts, *wholes, *[f.outside for f in self.fixed])

    def substituted(self, mapping: dict[Var, Var]) -> "Loop":
        """This loop with some variables of its body replaced; the inputs of the body stay listed."""
        outs = iter(substitute(self.body.outputs, mapping))
        carries = tuple([c._replace(after=next(outs)) for c in self.carries])
        return self._replace(carries=carries, stacks=tuple(outs))

    def renewed(self) -> "Loop":
        """The same loop with fresh variables for the inputs of its body."""
        op = self.op
        inputs = self.body.inputs
        fresh = [Var(v.type, name=v.name, source=v.source) for v in inputs]
        body = Graph(fresh, self.body(*fresh))
        outside = [c.start for c in self.carries], [r.whole for r in self.rows]
        op = dataclasses.replace(op, body=body)
        return Loop.of(op, [*outside[0], *outside[1], *[f.outside for f in self.fixed]])

    def keeping(self, carries: Iterable[int], stacks: Iterable[int]) -> Outputs:
        """The outputs of this loop with only some of its carries and stacked outputs."""
        carries, stacks = list(carries), list(stacks)
        kept = self._replace(
            carries=tuple([self.carries[k] for k in carries]),
            stacks=tuple([self.stacks[k] for k in stacks]),
        )
        outputs: Outputs = [None] * (len(self.carries) + len(self.stacks))
        places = [*carries, *[len(self.carries) + k for k in stacks]]
        for place, out in zip(places, kept.build(), strict=True):
            outputs[place] = out
        return outputs

    def all(self) -> Outputs:
        """The outputs of this loop."""
        return list(self.build())


class Uses(NamedTuple):
    """What the graph around does with the outputs of a loop."""

    used: frozenset[int]
    readers: dict[int, list[Node]]  # the nodes that read an output
    results: frozenset[int]  # outputs of the loop that are outputs of the graph


class LoopRule(NamedTuple):
    """One equation about a loop; ``apply`` gives what stands for its outputs, or None where it does not apply."""

    name: str
    apply: Callable[[Loop, Uses], Outputs | None]


class PairRule(NamedTuple):
    """One equation about two loops, the first of which stands before the second."""

    name: str
    apply: Callable[[Loop, Loop, "Path"], tuple[Outputs, Outputs] | None]


class Path(NamedTuple):
    """How the second of two loops depends on the first."""

    direct: dict[int, int]  # {sequence of the second: stacked output of the first that it is}
    otherwise: bool  # in any other way too
    steady: frozenset[int]  # the invariants of the second that the first may have too
    shared: frozenset[int]  # the stacked outputs of the first that others than the second read


class LoopRules(NamedTuple):
    """The tables of the loop rules."""

    single: tuple[LoopRule, ...]
    pairs: tuple[PairRule, ...]

    def without(self, names: Sequence[str]) -> "LoopRules":
        """The tables less some rules, by name."""
        return LoopRules(
            tuple([r for r in self.single if r.name not in names]),
            tuple([r for r in self.pairs if r.name not in names]),
        )


def simplify(graph: Graph, rules: Rules, loop_rules: LoopRules, fired: list[Fired]) -> Graph:
    """``graph`` with all rules applied, in the graphs that its ops hold too, until none fires."""
    while True:
        graph = rewrite_everywhere(graph, rules, fired)
        log: list[Fired] = []
        graph = rewrite_loops(graph, loop_rules, log)
        if not log:
            return graph
        fired.extend(log)


def rewrite_loops(graph: Graph, rules: LoopRules, log: list[Fired]) -> Graph:
    """``graph`` with the loop rules applied, innermost first."""
    graph = map_inner(graph, lambda inner: rewrite_loops(inner, rules, log))
    if not any(isinstance(node.op, Scan) for node in graph.nodes):
        return graph
    while True:
        before = len(log)
        graph = _sweep(graph, rules, log)
        if len(log) == before:
            graph = _join_one_pair(graph, rules, log)
        if len(log) == before:
            return graph


def _sweep(graph: Graph, rules: LoopRules, log: list[Fired]) -> Graph:
    """One rule at every loop where one applies."""
    uses = _all_uses(graph)
    builder = Builder()
    new: dict[Var, Var] = {v: v for v in graph.inputs}
    for node in graph.nodes:
        inputs = [new[v] for v in node.inputs]
        outputs = None
        if isinstance(node.op, Scan):
            with located(node.source):
                outputs = _apply_one(Loop.of(node.op, inputs), uses[node], node, rules, log)
        if outputs is None:
            outputs = builder.node(node.op, inputs, node).outputs
        new.update(
            {old: out for old, out in zip(node.outputs, outputs, strict=True) if out is not None}
        )
    return Graph(graph.inputs, [new[v] for v in graph.outputs])


def _apply_one(
    loop: Loop, uses: Uses, node: Node, rules: LoopRules, log: list[Fired]
) -> Outputs | None:
    for rule in rules.single:
        outputs = rule.apply(loop, uses)
        if outputs is not None:
            _note(rule.name, node, outputs, log)
            return outputs
    return None


def _note(name: str, node: Node, outputs: Outputs, log: list[Fired]) -> None:
    """Log a rule with the first output that is left."""
    left = [(old, new) for old, new in zip(node.outputs, outputs, strict=True) if new is not None]
    before, after = left[0] if left else (node.inputs[0], node.inputs[0])
    log.append(Fired(name, before, after))


def _all_uses(graph: Graph) -> dict[Node, Uses]:
    readers: dict[Node, dict[int, list[Node]]] = defaultdict(lambda: defaultdict(list))
    for node in graph.nodes:
        for v in dict.fromkeys(node.inputs):
            if v.node is not None and isinstance(v.node.op, Scan):
                readers[v.node][v.index].append(node)
    results: dict[Node, set[int]] = defaultdict(set)
    for v in graph.outputs:
        if v.node is not None:
            results[v.node].add(v.index)
    return {
        node: Uses(
            frozenset({*readers[node], *results[node]}), readers[node], frozenset(results[node])
        )
        for node in graph.nodes
        if isinstance(node.op, Scan)
    }


# ---- two loops -----------------------------------------------------------------------------------------------------
def _join_one_pair(graph: Graph, rules: LoopRules, log: list[Fired]) -> Graph:
    """The first two loops that a rule makes one."""
    uses = _all_uses(graph)
    for j, second in enumerate(uses):
        for first in list(uses)[:j]:
            joined = _joined(first, second, uses[first], rules, log)
            if joined is not None:
                return Graph(graph.inputs, substitute(graph.outputs, joined))
    return graph


def _joined(
    first: Node, second: Node, uses: Uses, rules: LoopRules, log: list[Fired]
) -> dict[Var, Var] | None:
    assert isinstance(first.op, Scan) and isinstance(second.op, Scan)
    path = _path(first, second, uses)
    one, two = Loop.of(first.op, first.inputs), Loop.of(second.op, second.inputs)
    for rule in rules.pairs:
        with located(second.source):
            made = rule.apply(one, two, path)
        if made is not None:
            _note(rule.name, second, made[1], log)
            pairs = [
                *zip(first.outputs, made[0], strict=True),
                *zip(second.outputs, made[1], strict=True),
            ]
            return {old: new for old, new in pairs if new is not None}
    return None


def _path(first: Node, second: Node, uses: Uses) -> Path:
    """How ``second`` depends on ``first``.

    What comes from other inputs of the graph than the first does is not for it: a cotangent that is handed to a graph
    inside a batch, or a branch, would keep the loop of the way there from being computed before.
    """
    assert isinstance(first.op, Scan) and isinstance(second.op, Scan)
    given = _leaves(first.inputs)
    begin, carries = second.op.carries + second.op.sequences, first.op.carries
    direct: dict[int, int] = {}
    otherwise = False
    steady: set[int] = set()
    for i, v in enumerate(second.inputs):
        if second.op.carries <= i < begin and v.node is first and v.index >= carries:
            direct[i - second.op.carries] = v.index - carries
        elif _depends(v, first):
            otherwise = True
        elif i >= begin and _leaves([v]) <= given:
            steady.add(i - begin)
    read = [(k - carries, readers) for k, readers in uses.readers.items() if k >= carries]
    shared = {k for k, readers in read if any(reader is not second for reader in readers)}
    shared |= {k - carries for k in uses.results if k >= carries}
    return Path(direct, otherwise, frozenset(steady), frozenset(shared))


def _leaves(outputs: Sequence[Var]) -> set[Var]:
    """The inputs of the graph that ``outputs`` are computed from."""
    found = {v for node in toposort(outputs) for v in node.inputs} | set(outputs)
    return {v for v in found if v.node is None}


def _depends(v: Var, first: Node) -> bool:
    """Whether ``v`` is computed from outputs of ``first``."""
    seen: set[Node] = set()
    stack = [v]
    while stack:
        node = stack.pop().node
        if node is first:
            return True
        if node is not None and node not in seen:
            seen.add(node)
            stack += node.inputs
    return False
