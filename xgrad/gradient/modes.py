"""Forward mode for a gradient: where there is one number to differentiate by, one pushforward gives all of it.

Through loops it is much the cheaper way: the tangent rides along in the loop of the values, where reverse mode needs a
second loop and memory for what lies between. The n-th derivative of a recurrence by one number stays one loop.
"""

from collections.abc import Sequence

from xgrad.axes.arithmetic import add, multiply
from xgrad.axes.base import is_float
from xgrad.axes.constants import full
from xgrad.axes.logic import cast
from xgrad.axes.loops import Scan, While
from xgrad.axes.spread import sum_
from xgrad.axes.structural import reshape
from xgrad.gradient.expand import expand_pushforward
from xgrad.gradient.markers import holds_markers
from xgrad.gradient.oneway import FORWARD, has_mode
from xgrad.gradient.ops import Pullback, Pushforward, cotangent_type
from xgrad.graph import Graph, Var, held_graphs


def is_pushed(op: Pullback, route: str) -> bool:
    """Whether a pullback is done by one pushforward: where asked for, or where it is cheaper and not left to JAX."""
    if op.mode != "auto":
        return op.mode == FORWARD
    return route != "jax" and _prefers_forward(op)


def _prefers_forward(op: Pullback) -> bool:
    """By one real number, and through a loop.

    Markers change cotangents and tangents each in its own way, so that the mode must be the one asked for.
    """
    if not by_one_number(op) or holds_markers(op.graph) or not _is_real(op.graph):
        return False
    wrt = [op.graph.inputs[i] for i in op.wrt]
    return has_loop(op.graph) and has_mode(op.graph.outputs, wrt, FORWARD)


def by_one_number(op: Pullback) -> bool:
    """Whether a pullback is with respect to one real number."""
    wrt = [op.graph.inputs[i].type for i in op.wrt]
    return len(wrt) == 1 and wrt[0].size == 1 and wrt[0].dtype.kind == "f"


def has_loop(graph: Graph) -> bool:
    """Whether a loop is among the nodes of ``graph``."""
    return any(isinstance(node.op, Scan | While) for node in graph.nodes)


def holds_while(graph: Graph) -> bool:
    """Whether a while loop is in ``graph``, or in a graph that one of its ops holds."""
    stack = [graph]
    while stack:
        for node in stack.pop().nodes:
            if isinstance(node.op, While):
                return True
            stack += held_graphs(node.op)
    return False


def _is_real(graph: Graph) -> bool:
    return all(v.type.dtype.kind != "c" for v in graph.outputs)


def pull_by_pushing(op: Pullback, inputs: Sequence[Var]) -> tuple[Var, ...]:
    """The cotangent of one number: Σ <ct, J 1>."""
    graph, (wrt,) = op.graph, op.wrt
    primals, cts = inputs[: len(graph.inputs)], inputs[len(graph.inputs) :]
    type = cotangent_type(graph.inputs[wrt].type)
    moved = expand_pushforward(
        Pushforward(graph, op.wrt), (*primals, full(type.shape, 1, type.dtype))
    )
    terms = [
        cast(_product(ct, t), type.dtype)
        for ct, t, out in zip(cts, moved, graph.outputs, strict=True)
        if is_float(out.type.dtype)
    ]
    if not terms:
        return (full(type.shape, 0, type.dtype),)
    result = terms[0]
    for term in terms[1:]:
        result = add(result, term)
    return (reshape(result, type.shape),)


def _product(ct: Var, tangent: Var) -> Var:
    """<ct, t>"""
    product = multiply(ct, tangent)
    return sum_(product, range(product.type.ndim)) if product.type.ndim else product
