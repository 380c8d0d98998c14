"""Host functions have a derivative in the modes that the user wrote a rule for: which modes a graph can be taken in."""

from collections.abc import Sequence
from typing import Any

from xgrad.axes.base import Flow
from xgrad.axes.flow import CONNECTED, edge_flow
from xgrad.axes.opaque import HostCall
from xgrad.errors import GradNotImplementedError
from xgrad.graph import Graph, Node, Var, held_graphs, toposort

FORWARD, REVERSE = "forward", "reverse"

_WAY_OUT = {
    FORWARD: "has a pullback, and no rule for forward mode{line}.\n"
    'Use reverse mode (grad, pullback, mode="reverse"), give apply_host a pushforward as well,'
    " or write the function in JAX and use apply_jax.",
    REVERSE: "has a pushforward, and no rule for reverse mode{line}.\n"
    'Use forward mode (pushforward, mode="forward"), give apply_host a pullback as well,'
    " or write the function in JAX and use apply_jax.",
}


def has_mode(outputs: Sequence[Var], wrt: Sequence[Var], mode: str) -> bool:
    """Whether ``outputs`` can be differentiated in ``mode``."""
    return _lacking(outputs, wrt, mode) is None


def check_mode(outputs: Sequence[Var], wrt: Sequence[Var], mode: str) -> None:
    """Raise ``GradNotImplementedError`` where a host function on the way has no rule for ``mode``."""
    found = _lacking(outputs, wrt, mode)
    if found is not None:
        call, node = found
        line = f" ({node.source})" if node.source else ""
        raise GradNotImplementedError(f"{call!r} {_WAY_OUT[mode].format(line=line)}")


def holds_host_call(graph: Graph) -> bool:
    """Whether a host function is in ``graph``, or in a graph that one of its ops holds."""
    return any(_host_call(node) is not None for node in _all_nodes(graph.nodes))


def _lacking(outputs: Sequence[Var], wrt: Sequence[Var], mode: str) -> tuple[HostCall, Node] | None:
    """The first host function between ``wrt`` and ``outputs`` that has a rule, but none for ``mode``."""
    depends = set(wrt)
    for node in toposort(outputs, stop=wrt):
        reached = [i for i, v in enumerate(node.inputs) if v in depends]
        for out in node.outputs:
            if any(edge_flow(node, i, out.index) in CONNECTED for i in reached):
                depends.add(out)
        if not any(_passes(node, i) for i in reached):
            continue
        for inner in _all_nodes([node]):
            call = _host_call(inner)
            if call is not None and call.lacks(mode):
                return call, inner if inner.source else node
    return None


def _passes(node: Node, i: int) -> bool:
    return any(edge_flow(node, i, out.index) is Flow.VALUE for out in node.outputs)


def _all_nodes(nodes: Sequence[Node]) -> Sequence[Node]:
    """These nodes, and those of the graphs that they hold."""
    found, todo = [], list(nodes)
    while todo:
        node = todo.pop()
        found.append(node)
        todo += [n for graph in held_graphs(node.op) for n in graph.nodes]
    return found


def _host_call(node: Node) -> HostCall | None:
    """The host function of a node on axes, or of one on names, which holds it."""
    op: Any = getattr(node.op, "op", node.op)
    return op if isinstance(op, HostCall) else None
