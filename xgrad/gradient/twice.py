"""The pullback of a pullback is a pushforward, since second derivatives are symmetric.

For g(x) = J(x)ᵀ u the matrix of derivatives by x is that of the function <u, f(x)> twice, and so its own transpose:
the pullback of g along ḡ is the pushforward of g along ḡ, and by u it is J ḡ. Through a loop this counts: reverse mode
over reverse mode makes four loops, forward mode over reverse mode two.
"""

from collections.abc import Sequence

from xgrad.axes.base import AbstractOpaque
from xgrad.axes.loops import Scan, While
from xgrad.axes.opaque import HostCall
from xgrad.gradient.markers import AbstractMarker, CustomGradient
from xgrad.gradient.oneway import REVERSE
from xgrad.gradient.ops import Pullback, Pushforward
from xgrad.graph import Graph, Node, Var, held_graphs

Vars = Sequence[Var]

_NOT_OURS = (AbstractMarker, CustomGradient, AbstractOpaque, HostCall)  # their modes may disagree


def is_symmetric(op: Pullback) -> bool:
    """Whether a pullback is to be kept lazy for a pullback around it: a smooth one of real numbers through a loop."""
    ops = [node.op for node in _all_nodes(op.graph)]
    if not any(isinstance(o, Scan | While) for o in ops) or any(
        isinstance(o, _NOT_OURS) for o in ops
    ):
        return False
    return all(v.type.dtype.kind != "c" for v in (*op.graph.inputs, *op.graph.outputs))


def _all_nodes(graph: Graph) -> list[Node]:
    """The nodes of a graph and of the graphs that its ops hold."""
    found, stack = [], [graph]
    while stack:
        for node in stack.pop().nodes:
            found.append(node)
            stack += held_graphs(node.op)
    return found


def pull_pullback(
    node: Node, ins: Vars, outs: Vars, wanted: Sequence[int], cts: Vars
) -> dict[int, Var]:
    """x̄ = the pushforward of x -> J(x)ᵀ u along ḡ;  ū = J ḡ."""
    op = node.op
    assert isinstance(op, Pullback)
    count = len(op.graph.inputs)
    moved = tuple([i for i in wanted if i < count])
    found: dict[int, Var] = {}
    if moved:
        slopes = Pushforward(_pulled(op, moved, ins), op.wrt, op.ad).apply(*ins, *cts)
        found.update(zip(moved, slopes, strict=True))
    if len(moved) < len(wanted):
        tangents = Pushforward(op.graph, op.wrt, op.ad).apply(*ins[:count], *cts)
        found.update({i: tangents[i - count] for i in wanted if i >= count})
    return found


def _pulled(op: Pullback, wrt: tuple[int, ...], like: Vars) -> Graph:
    """The pullback with respect to other inputs, as a function."""
    inputs = [Var(v.type, name=v.name, source=v.source) for v in like]
    return Graph(inputs, Pullback(op.graph, wrt, op.ad, _kept_mode(op)).apply(*inputs))


def _kept_mode(op: Pullback) -> str:
    """Reverse mode where it was asked for; forward mode is by the one number that it was asked for."""
    return REVERSE if op.mode == REVERSE else "auto"


def push_pullback(node: Node, ins: Vars, outs: Vars, tangents: dict[int, Var]) -> tuple[Var, ...]:
    """The tangents of a pullback, lazily."""
    op = node.op
    assert isinstance(op, Pullback)
    pulled = _pulled(op, op.wrt, ins)
    return Pushforward(pulled, tuple(tangents), op.ad).apply(*ins, *tangents.values())
