"""One loop for what two batched graphs, or two choices by one index, compute alike.

The derivative of a batched graph, or of a choice, is another one around the derivative of what is inside, and so holds
the loops of the way there once more. Here they move to where they are already: what the second needs of them, the
residuals, is handed over. Of a choice that is what the branch that is taken computes; a branch that has less to hand
over than another gives zeros in its place. Inside, the loops over the same range become one (``fused``).

Batches computed in chunks are left alone: to hand over what all places keep would take the memory that chunks save.

Why it ends: every firing lowers the number of loops.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Hashable, Sequence
from itertools import combinations
from typing import NamedTuple

from xgrad.axes.barrier import Barrier
from xgrad.axes.base import TensorType
from xgrad.axes.batched import Batched
from xgrad.axes.constants import full
from xgrad.axes.loops import Scan, Switch, While
from xgrad.gradient.ops import JvpCall, VjpCall
from xgrad.graph import (
    Builder,
    Fired,
    Graph,
    Node,
    Op,
    Var,
    held_graphs,
    located,
    substitute,
    toposort,
)
from xgrad.lower.nested import WholeRule, map_inner

BATCH = WholeRule(
    "one_batch"
)  # batch(f)(x), batch(g)(x, ȳ): the loops of g that are those of f are in the first
CHOICE = WholeRule(
    "one_choice"
)  # choose(i, f…)(x), choose(i, g…)(x, ȳ): so are those of branch g of branch f

Simplify = Callable[[Graph], Graph]


class Operand(NamedTuple):
    """What is handed to a graph inside; ``mapped`` where each place gets its own slice."""

    outside: Var
    mapped: bool


class Frame(NamedTuple):
    """A node that holds graphs on the same operands, taken apart; those with equal keys may become one."""

    key: Hashable
    rule: WholeRule
    steering: tuple[Var, ...]  # what chooses among the graphs
    graphs: tuple[Graph, ...]
    operands: tuple[Operand, ...]
    build: Callable[[Sequence[Graph], Sequence[Operand]], tuple[Var, ...]]


def one_of_each(
    graph: Graph, disabled: Collection[str], simplify: Simplify, fired: list[Fired]
) -> Graph:
    """``graph`` with the loops that its batches and choices repeat computed once, innermost first."""
    graph = map_inner(
        graph, lambda g: one_of_each(g, disabled, simplify, fired), (VjpCall, JvpCall)
    )
    while True:
        joined = _join_one_pair(graph, disabled, simplify, fired)
        if joined is graph:
            return graph
        graph = joined


def _join_one_pair(
    graph: Graph, disabled: Collection[str], simplify: Simplify, fired: list[Fired]
) -> Graph:
    def settle(inner: Graph) -> Graph:
        return simplify(one_of_each(simplify(inner), disabled, simplify, fired))

    groups: dict[Hashable, list[Node]] = defaultdict(list)
    for node in graph.nodes:
        frame = _frame(node)
        if frame and frame.rule.name not in disabled and all_loops(held_graphs(node.op)):
            groups[frame.key].append(node)
    for nodes in groups.values():
        for first, second in combinations(nodes, 2):
            with located(second.source):
                joined = _joined(graph, first, second, settle)
            if joined is not None:
                fired.append(Fired(_taken_apart(second).rule.name, second.outputs[0], joined[1]))
                return joined[0]
    return graph


def _frame(node: Node) -> Frame | None:
    op = node.op
    if isinstance(op, Batched) and op.chunk is None:
        operands = tuple(map(Operand, node.inputs, op.mapped))
        return Frame((Batched, op.size), BATCH, (), (op.graph,), operands, _batch(op))
    if isinstance(op, Switch):
        operands = tuple([Operand(v, mapped=False) for v in node.inputs[1:]])
        index = node.inputs[0]
        key = (Switch, index, len(op.branches))
        return Frame(key, CHOICE, (index,), op.branches, operands, _choice(index))
    return None


def _taken_apart(node: Node) -> Frame:
    frame = _frame(node)
    assert frame is not None
    return frame


def _batch(op: Batched) -> Callable[[Sequence[Graph], Sequence[Operand]], tuple[Var, ...]]:
    def build(graphs: Sequence[Graph], operands: Sequence[Operand]) -> tuple[Var, ...]:
        made = Batched(graphs[0], tuple([o.mapped for o in operands]), op.size)
        return made.apply(*[o.outside for o in operands])

    return build


def _choice(index: Var) -> Callable[[Sequence[Graph], Sequence[Operand]], tuple[Var, ...]]:
    def build(graphs: Sequence[Graph], operands: Sequence[Operand]) -> tuple[Var, ...]:
        return Switch(tuple(graphs)).apply(index, *[o.outside for o in operands])

    return build


# ---- two of them -----------------------------------------------------------------------------------------------------
def _joined(
    graph: Graph, first: Node, second: Node, simplify: Simplify
) -> tuple[Graph, Var] | None:
    """``graph`` with the loops that two frames share in the first alone; and what is the second's first output now."""
    one, two = _taken_apart(first), _taken_apart(second)
    after = below(graph, first)
    free = [o.outside not in after for o in two.operands]
    parts = [_Part.of(g, free) for g in two.graphs]
    before = all_loops(one.graphs) + sum([held_loops(n) for part in parts for n in part.moved])
    if before == all_loops(one.graphs):
        return None
    slots = _slots([part.types for part in parts])
    shared = [o for o, is_free in zip(two.operands, free, strict=True) if is_free]
    graphs = [
        simplify(_early(g, one.operands, part, shared, slots))
        for g, part in zip(one.graphs, parts, strict=True)
    ]
    if all_loops(graphs) >= before:
        return None
    results = one.build(graphs, _united(one.operands, shared))
    count, builder = len(first.outputs), Builder()
    new = dict(zip(first.outputs, results[:count], strict=True))
    given = substitute([o.outside for o in two.operands], new, builder)
    operands = [o._replace(outside=v) for o, v in zip(two.operands, given, strict=True)]
    made = _rest(two, parts, slots, operands, results[count:])
    new.update(zip(second.outputs, made, strict=True))
    return Graph(graph.inputs, substitute(graph.outputs, new, builder)), made[0]


def _united(first: Sequence[Operand], second: Sequence[Operand]) -> list[Operand]:
    return list(dict.fromkeys([*first, *second]))


def below(graph: Graph, first: Node) -> set[Var]:
    """What is computed from the outputs of ``first``."""
    found = set(first.outputs)
    for node in graph.nodes:
        if any(v in found for v in node.inputs):
            found.update(node.outputs)
    return found


class _Part(NamedTuple):
    """A graph of the second, and what of it can be computed before: the loops, or all where nothing is missing."""

    graph: Graph
    free: list[Var]  # its inputs that are there before
    moved: list[Node]
    handed: list[Var]  # what the rest of the graph reads of them

    @classmethod
    def of(cls, graph: Graph, free: Sequence[bool]) -> "_Part":
        if all(free):
            return cls(graph, [*graph.inputs], [*graph.nodes], [*dict.fromkeys(graph.outputs)])
        given = [v for v, is_free in zip(graph.inputs, free, strict=True) if is_free]
        graph = opened(graph, given)
        moved = [node for node in known_nodes(graph, given) if held_loops(node)]
        return cls(graph, given, moved, read_of(graph, moved))

    @property
    def types(self) -> Counter[TensorType]:
        return Counter([v.type for v in self.handed])

    def placed(self, slots: Sequence[TensorType]) -> list[Var | None]:
        """What goes into each slot; None where there is nothing for it."""
        left = {t: [v for v in self.handed if v.type == t] for t in slots}
        return [left[t].pop(0) if left[t] else None for t in slots]

    def filled(self, slots: Sequence[TensorType]) -> list[Var]:
        """The same with zeros in what is left empty."""
        pairs = zip(slots, self.placed(slots), strict=True)
        return [full(t.shape, 0, t.dtype) if v is None else v for t, v in pairs]


def known_nodes(graph: Graph, given: Sequence[Var]) -> list[Node]:
    """The nodes that need no more than ``given``; none behind a barrier, where all is to be computed again."""
    known, found = set(given), list[Node]()
    for node in graph.nodes:
        if all(v in known for v in node.inputs) and not isinstance(node.op, Barrier):
            known.update(node.outputs)
            found.append(node)
    return found


def read_of(graph: Graph, nodes: Sequence[Node]) -> list[Var]:
    """The outputs of ``nodes`` that the rest of ``graph`` reads."""
    cut = [v for node in nodes for v in node.outputs]
    rest = toposort(graph.outputs, stop=cut)
    read = {v for node in rest for v in node.inputs} | set(graph.outputs)
    return [v for v in cut if v in read]


def _slots(parts: Sequence[Counter[TensorType]]) -> list[TensorType]:
    """The fewest types that have room for what each branch hands over."""
    union: Counter[TensorType] = Counter()
    for types in parts:
        union |= types
    return list(union.elements())


def _early(
    graph: Graph,
    operands: Sequence[Operand],
    part: _Part,
    shared: Sequence[Operand],
    slots: Sequence[TensorType],
) -> Graph:
    """A graph of the first with what the second needs of its loops as further outputs."""
    types = [v.type for v in (*graph.inputs, *part.free)]
    inside = {o: Var(t) for o, t in zip([*operands, *shared], types, strict=True)}
    outputs = graph(*[inside[o] for o in operands])
    places = dict(zip(part.free, [inside[o] for o in shared], strict=True))
    filled = substitute(part.filled(slots), places)
    return Graph([inside[o] for o in _united(operands, shared)], [*outputs, *filled])


def _late(part: _Part, slots: Sequence[TensorType]) -> Graph:
    """A graph of the second that is handed what its loops gave."""
    given = [Var(t) for t in slots]
    pairs = zip(part.placed(slots), given, strict=True)
    places = {v: place for v, place in pairs if v is not None}
    return Graph([*part.graph.inputs, *given], substitute(part.graph.outputs, places))


def _rest(
    frame: Frame,
    parts: Sequence[_Part],
    slots: Sequence[TensorType],
    operands: Sequence[Operand],
    handed: Sequence[Var],
) -> tuple[Var, ...]:
    """The outputs of a frame on ``operands`` and what is handed over."""
    filled = [Operand(v, mapped=frame.rule is BATCH) for v in handed]
    return _built(frame, [_late(part, slots) for part in parts], [*operands, *filled])


def _built(like: Frame, graphs: Sequence[Graph], operands: Sequence[Operand]) -> tuple[Var, ...]:
    """The outputs of a frame on those of the operands that it reads; what it hands on as it is stays outside."""
    count = len(graphs[0].outputs)
    passed = {
        k: o for k in range(count) if (o := _handed_on(k, like, graphs, operands)) is not None
    }
    left = [k for k in range(count) if k not in passed]
    made: Sequence[Var] = ()
    if left:
        made = like.build(
            *_read([Graph(g.inputs, [g.outputs[k] for k in left]) for g in graphs], operands)
        )
    found = passed | dict(zip(left, made, strict=True))
    return tuple([found[k] for k in range(count)])


def _handed_on(
    k: int, like: Frame, graphs: Sequence[Graph], operands: Sequence[Operand]
) -> Var | None:
    """The operand that output ``k`` is in all graphs; None where it is computed."""
    places = {g.inputs.index(g.outputs[k]) if g.outputs[k] in g.inputs else -1 for g in graphs}
    place = places.pop()
    if places or place < 0:
        return None
    operand = operands[place]
    return operand.outside if operand.mapped or like.rule is CHOICE else None


def _read(
    graphs: Sequence[Graph], operands: Sequence[Operand]
) -> tuple[list[Graph], list[Operand]]:
    """The graphs on those of the operands that one of them reads."""
    read = [{v for n in g.nodes for v in n.inputs} | set(g.outputs) for g in graphs]
    kept = [
        i
        for i in range(len(operands))
        if any(g.inputs[i] in found for g, found in zip(graphs, read, strict=True))
    ]
    left = [Graph([g.inputs[i] for i in kept], g.outputs) for g in graphs]
    return left, [operands[i] for i in kept]


# ---- one of them -----------------------------------------------------------------------------------------------------
def opened(graph: Graph, given: Sequence[Var]) -> Graph:
    """``graph`` with the loops in batches and choices that need no more than ``given`` in some of their own."""
    known, builder = set(given), Builder()
    new: dict[Var, Var] = {v: v for v in graph.inputs}
    for node in graph.nodes:
        made = builder.node(node.op, [new[v] for v in node.inputs], node)
        if all(v in known for v in made.inputs):
            known.update(made.outputs)
            outputs = made.outputs
        else:
            outputs = _opened_frame(made, known)
        new.update(zip(node.outputs, outputs, strict=True))
    return Graph(graph.inputs, [new[v] for v in graph.outputs])


def _opened_frame(node: Node, known: Collection[Var]) -> tuple[Var, ...]:
    """The outputs of a node; the loops inside that need no more than what is known are computed before the rest."""
    frame = _frame(node) if held_loops(node) else None
    if frame is None or not all(v in known for v in frame.steering):
        return node.outputs
    shared = [o for o in frame.operands if o.outside in known]
    parts = [_Part.of(g, [o in shared for o in frame.operands]) for g in frame.graphs]
    if not any(part.moved for part in parts):
        return node.outputs
    slots = _slots([part.types for part in parts])
    handed = frame.build([Graph(part.free, part.filled(slots)) for part in parts], shared)
    return _rest(frame, parts, slots, frame.operands, handed)


# ---- how many loops --------------------------------------------------------------------------------------------------
def all_loops(graphs: Sequence[Graph]) -> int:
    """The loops in some graphs, and in those that their ops hold."""
    return sum([held_loops(node) for g in graphs for node in g.nodes])


def held_loops(node: Node) -> int:
    """The loops that a node is, or holds."""
    op: Op = node.op
    return isinstance(op, Scan | While) + all_loops(held_graphs(op))
