"""Delegation of derivative nodes to JAX: one joint node per lazy one, which also gives the primal outputs.

Where the graph around computes the same primal outputs, it takes them from the joint node, so that the forward pass
(loops included) runs once; except where the cotangents themselves are computed from them.
"""

from collections.abc import Sequence

from xgrad.gradient.expand import lay_out
from xgrad.gradient.ops import JvpCall, Pullback, Pushforward, VjpCall
from xgrad.graph import Graph, Node, Var, substitute, toposort


def delegate_pullback(op: Pullback, inputs: Sequence[Var]) -> tuple[Var, ...]:
    """The cotangents of ``op.wrt`` from a ``VjpCall``."""
    return VjpCall(op.graph, op.wrt).apply(*inputs)[len(op.graph.outputs) :]


def delegate_pushforward(op: Pushforward, inputs: Sequence[Var]) -> tuple[Var, ...]:
    """The tangents of the outputs from a ``JvpCall``."""
    return JvpCall(op.graph, op.wrt).apply(*inputs)[len(op.graph.outputs) :]


def share_primals(graph: Graph) -> Graph:
    """``graph`` with primal outputs taken from the joint nodes that compute them anyway."""
    for k in range(len(_joint_nodes(graph))):
        graph = _share(
            graph, _joint_nodes(graph)[k]
        )  # sharing rebuilds the graph, not the number of these nodes
    return graph


def _joint_nodes(graph: Graph) -> list[Node]:
    return [node for node in graph.nodes if isinstance(node.op, VjpCall | JvpCall)]


def _share(graph: Graph, node: Node) -> Graph:
    inside: Graph = node.op.graph  # pyright: ignore[reportAttributeAccessIssue]
    here = lay_out(inside, node.inputs[: len(inside.inputs)])
    twins = _equal_vars(graph, [here[v] for v in inside.outputs])
    upstream = {out for n in toposort(node.inputs) for out in n.outputs}
    mapping = {
        twin: node.outputs[k]
        for k, twin in enumerate(twins)
        if twin is not None and twin.node is not None and twin not in upstream
    }
    if not mapping:
        return graph
    return Graph(graph.inputs, substitute(graph.outputs, mapping))


def _equal_vars(graph: Graph, wanted: Sequence[Var]) -> list[Var | None]:
    """The variables of ``graph`` that compute the same as ``wanted``, by value numbering; None where there is none."""
    numbers: dict[tuple, tuple[Var, ...]] = {}
    same: dict[Var, Var] = {}
    for node in graph.nodes:
        numbers.setdefault((node.op, *[same.get(v, v) for v in node.inputs]), node.outputs)
    for node in toposort(wanted):
        found = numbers.get((node.op, *[same.get(v, v) for v in node.inputs]))
        if found is not None:
            same.update(zip(node.outputs, found, strict=True))
    owned = {out for node in graph.nodes for out in node.outputs}
    return [same.get(v) if v in same else (v if v in owned else None) for v in wanted]
