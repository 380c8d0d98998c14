"""A closed graph repeated along a new leading axis.

Nothing is done to the ops inside: JAX repeats the emitted graph with ``vmap``, NumPy in a loop. What does not depend on
a mapped input is computed once. The derivative is the same op around the derivative of the graph; it is written in
``gradient.batched``, since it makes derivative nodes.
"""

from collections.abc import Sequence
from typing import Any

from xgrad.axes.base import AbstractGeneral, Flow, TensorType
from xgrad.axes.flow import edge_flow, graph_flows
from xgrad.axes.interpret import interpreter
from xgrad.graph import Graph, Node


class Batched(AbstractGeneral):
    """``graph`` at each of ``size`` places: the inputs in ``mapped`` and all outputs have them as their first axis.

    ``chunk`` places at a time (None: all at once) bounds the memory, at the cost of a loop.
    """

    graph: Graph
    mapped: tuple[bool, ...]
    size: int
    chunk: int | None = None

    def infer(self, *types: TensorType) -> tuple[TensorType, ...]:
        expected = [
            _with_axis(v.type, self.size) if m else v.type
            for v, m in zip(self.graph.inputs, self.mapped, strict=True)
        ]
        assert list(types) == expected, (types, expected)
        return tuple([_with_axis(v.type, self.size) for v in self.graph.outputs])

    def emit(self, xp: Any, *arrays: Any) -> Any:
        """One place after the other."""
        run = interpreter(self.graph, xp)
        rows = [
            run(*[x[k] if m else x for x, m in zip(arrays, self.mapped, strict=True)])
            for k in range(self.size)
        ]
        empty = [xp.zeros((0, *v.type.shape), v.type.dtype) for v in self.graph.outputs]
        outs = [xp.stack(column) for column in zip(*rows, strict=True)] if rows else empty
        return outs[0] if len(outs) == 1 else tuple(outs)

    def flow(self, i: int, out: int, types: Sequence[TensorType]) -> Flow:
        return graph_flows(self.graph)[i][out]

    def describe(self) -> str:
        """The op in a few words; the graph is printed after those that hold it."""
        return f"Batched({self.size}{chunk_text(self.chunk)})"


def _with_axis(t: TensorType, size: int) -> TensorType:
    return TensorType((size, *t.shape), t.dtype)


def chunk_text(chunk: int | None) -> str:
    """How many places are computed at a time, for printing."""
    return "" if chunk is None else f", {chunk} at a time"


def blocking_input(graph: Graph, i: int) -> tuple[Node, int] | None:
    """The first node, and its input, at which the values of input ``i`` stop or lose their meaning."""
    reached = {graph.inputs[i]}
    for node in graph.nodes:
        for k, v in enumerate(node.inputs):
            outs = node.outputs if v in reached else ()
            flows = {out: edge_flow(node, k, out.index) for out in outs}
            if any(flow not in _PASSING for flow in flows.values()):
                return node, k
            reached.update([out for out, flow in flows.items() if flow is not Flow.UNUSED])
    return None


_PASSING = (Flow.VALUE, Flow.STEP, Flow.UNUSED)
