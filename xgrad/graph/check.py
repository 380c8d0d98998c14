"""The invariant between any two passes: every node's types are what its op infers, and the graph is closed."""

from collections.abc import Sequence

from xgrad.errors import XgradError
from xgrad.graph.core import Graph, Node, Var


class GraphError(XgradError, AssertionError):
    """A pass made a graph that is not well formed: a defect of that pass."""


def check(graph: Graph, after: str = "building") -> Graph:
    """``graph`` itself; a ``GraphError`` that names the pass and the node where it is not well typed or not closed."""
    known: set[Var] = set(graph.inputs)
    for node in graph.nodes:
        _check_closed(node.inputs, known, f"{node.op!r} after {after}")
        _check_types(node, after)
        known.update(node.outputs)
    _check_closed(graph.outputs, known, f"the outputs after {after}")
    return graph


def _check_closed(used: Sequence[Var], known: set[Var], where: str) -> None:
    for v in used:
        if v not in known:
            raise GraphError(f"{where}: {v!r} is neither an input of the graph nor computed in it")


def _check_types(node: Node, after: str) -> None:
    inferred = node.op.infer(*[v.type for v in node.inputs])
    types = inferred if type(inferred) is tuple else (inferred,)
    stated = tuple([v.type for v in node.outputs])
    if types != stated:
        raise GraphError(f"{node.op!r} after {after}: says {stated}, infers {types}")
