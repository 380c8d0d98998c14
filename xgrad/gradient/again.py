"""Computing again instead of keeping: parts of a program of which the way back keeps the inputs alone.

The pullback of such a part computes it once more, from inputs behind a barrier: without one, the two would be merged,
and what was not to be kept would be. What a policy keeps is handed over from the first time.
"""

from collections.abc import Callable, Sequence
from typing import Any

from xgrad.axes.barrier import Barrier
from xgrad.axes.base import Flow
from xgrad.axes.flow import graph_flows
from xgrad.axes.interpret import interpreter
from xgrad.axes.loops import Keeps, unpacked
from xgrad.gradient.ops import Pullback, Pushforward
from xgrad.graph import Builder, Graph, Node, Op, Var, substitute, toposort

Vars = Sequence[Var]
Expand = Callable[..., tuple[Var, ...]]


class Checkpoint(Op):
    """The outputs of ``graph``, of which derivatives keep what ``policy`` says, or nothing. Holds for all layers."""

    graph: Graph
    policy: Keeps | None = None

    def infer(self, *types: Any) -> Any:
        return unpacked([v.type for v in self.graph.outputs])

    def emit(self, xp: Any, *arrays: Any) -> Any:
        return unpacked(interpreter(self.graph, xp)(*arrays))

    def flow(self, i: int, out: int, types: Sequence[Any]) -> Flow:
        return graph_flows(self.graph)[i][out]

    def why(self, i: int) -> str:
        """The reason is inside."""
        return "what is checkpointed passes no derivative from it"

    def describe(self) -> str:
        """What ``dprint`` shows."""
        return "Checkpoint"


class Known(Op):
    """``y``, which has been computed before, with the derivatives of ``x``, by which it is computed here."""

    def infer(self, x: Any, y: Any) -> Any:
        return x

    def flow(self, i: int, out: int, types: Sequence[Any]) -> Flow:
        return Flow.VALUE if i == 0 else Flow.UNUSED

    def why(self, i: int) -> str:
        """Of the value that is known."""
        return "it is the same value as the one beside it"


def push_checkpoint(
    expand: Expand, node: Node, ins: Vars, outs: Vars, tangents: dict[int, Var]
) -> tuple[Var, ...]:
    """Forward mode keeps nothing anyway."""
    op = _checkpoint(node)
    return expand(Pushforward(op.graph, tuple(tangents)), (*ins, *tangents.values()))


def pull_checkpoint(
    expand: Expand, node: Node, ins: Vars, outs: Vars, wanted: Sequence[int], cts: Vars
) -> dict[int, Var]:
    """The pullback of the graph, laid out anew behind a barrier; what the policy keeps is taken from before it."""
    op = _checkpoint(node)
    kept = [v for n in op.graph.nodes if op.policy and op.policy.saves(n) for v in n.outputs]
    before = Graph(op.graph.inputs, kept)(*ins) if kept else ()
    given = [*ins, *before, *cts]
    fresh = [Var(v.type, source=v.source) for v in given]
    pulled = expand(Pullback(_with_known(op.graph, kept), tuple(wanted)), fresh)
    return dict(zip(wanted, _behind_barrier(pulled, fresh, given), strict=True))


def _behind_barrier(outputs: Vars, fresh: Vars, given: Vars) -> tuple[Var, ...]:
    """``outputs``, which are computed from ``fresh``, computed from ``given``: those that are read behind a barrier.

    What a barrier hands on is kept until then, so it gets no more than is read once known values are taken as they are.
    """
    known = {n.outputs[0]: n.inputs[1] for n in toposort(outputs) if isinstance(n.op, Known)}
    bare = substitute(outputs, known)
    read = {v for node in toposort(bare) for v in node.inputs} | set(bare)
    passing = {f: g for f, g in zip(fresh, given, strict=True) if f in read}
    behind = Barrier().apply(*passing.values()) if passing else ()
    inside = dict(zip(fresh, given, strict=True)) | dict(zip(passing, behind, strict=True))
    return substitute(outputs, inside)


def _with_known(graph: Graph, kept: Vars) -> Graph:
    """``graph`` with further inputs: the values ``kept`` of it, which are known."""
    known = {v: Var(v.type) for v in kept}
    builder = Builder()
    new: dict[Var, Var] = {v: v for v in graph.inputs}
    for node in graph.nodes:
        made = builder.node(node.op, [new[v] for v in node.inputs], node)
        for old, out in zip(node.outputs, made.outputs, strict=True):
            new[old] = Known()(out, known[old]) if old in known else out
    return Graph([*graph.inputs, *known.values()], [new[v] for v in graph.outputs])


def _checkpoint(node: Node) -> Checkpoint:
    assert isinstance(node.op, Checkpoint)
    return node.op
