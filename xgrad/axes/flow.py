"""How flows go together: one after another along a path, side by side over several paths, and through a whole graph.

Along a path the first edge that is not connected disconnects; over several paths one connected path connects, and one
that is connected and undefined makes the whole undefined. Serves every op that holds a graph (derivatives, loops).
"""

from collections.abc import Iterable
from functools import lru_cache, reduce
from typing import Any

from xgrad.axes.base import Flow
from xgrad.graph import Graph, Node, Var

CONNECTED = frozenset((Flow.VALUE, Flow.STEP, Flow.MEANINGLESS, Flow.MISSING))

# of several paths the one that stands first here decides
_PRECEDENCE = (Flow.MEANINGLESS, Flow.MISSING, Flow.VALUE, Flow.STEP, Flow.POSITION, Flow.UNUSED)
_RANK = {flow: rank for rank, flow in enumerate(_PRECEDENCE)}


def after(before: Flow, edge: Flow) -> Flow:
    """The flow along a path that goes on over ``edge``.

    >>> after(Flow.STEP, Flow.VALUE)
    <Flow.STEP: 'step'>
    >>> after(Flow.POSITION, Flow.VALUE)
    <Flow.POSITION: 'position'>
    """
    if before is Flow.VALUE or before not in CONNECTED:
        return edge if before is Flow.VALUE else before
    if before is Flow.STEP:
        return Flow.STEP if edge is Flow.VALUE else edge
    return before if edge in CONNECTED else Flow.POSITION


def beside(flows: Iterable[Flow]) -> Flow:
    """The flow over several paths; of none, ``UNUSED``.

    >>> beside([Flow.POSITION, Flow.VALUE])
    <Flow.VALUE: 'value'>
    """
    return min(flows, key=_RANK.__getitem__, default=Flow.UNUSED)


def edge_flow(node: Node, i: int, out: int) -> Flow:
    """How input ``i`` of ``node`` reaches its output ``out``."""
    op: Any = node.op
    return op.flow(i, out, [v.type for v in node.inputs])


@lru_cache(maxsize=256)
def graph_flows(graph: Graph) -> tuple[tuple[Flow, ...], ...]:
    """How each input of ``graph`` reaches each of its outputs: ``flows[input][output]``."""
    return tuple([_flows_from(graph, v) for v in graph.inputs])


def _flows_from(graph: Graph, source: Var) -> tuple[Flow, ...]:
    found: dict[Var, Flow] = {source: Flow.VALUE}
    for node in graph.nodes:
        reached = [(i, found[v]) for i, v in enumerate(node.inputs) if v in found]
        if reached:
            for out in node.outputs:
                paths = [after(flow, edge_flow(node, i, out.index)) for i, flow in reached]
                found[out] = beside(paths)
    return tuple([found.get(v, Flow.UNUSED) for v in graph.outputs])


def along(*edges: Flow) -> Flow:
    """The flow along a path of these edges.

    >>> along(Flow.VALUE, Flow.STEP, Flow.VALUE)
    <Flow.STEP: 'step'>
    """
    return reduce(after, edges, Flow.VALUE)
