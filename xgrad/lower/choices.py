"""What is chosen for each lazy derivative of a graph, in words: the mode, why, and who differentiates."""

from collections.abc import Iterator, Sequence
from math import prod

from xgrad.gradient.modes import is_pushed
from xgrad.gradient.ops import Pullback, Pushforward
from xgrad.graph import Graph, Node, Var, held_graphs


def choices(graph: Graph, ad: str) -> tuple[str, ...]:
    """A line for each derivative in ``graph``, the outer ones first, those that they hold indented."""
    return tuple(_lines(graph.nodes, ad, ""))


def _lines(nodes: Sequence[Node], ad: str, indent: str) -> Iterator[str]:
    for node in nodes:
        deeper = indent
        if isinstance(node.op, Pullback | Pushforward):
            line = f"  # {node.source}" if node.source else ""
            yield f"{indent}{_choice(node.op, node.inputs, node.op.ad or ad)}{line}"
            deeper = indent + "  "
        for inner in held_graphs(node.op):
            yield from _lines(inner.nodes, ad, deeper)


def _choice(op: Pullback | Pushforward, inputs: Sequence[Var], route: str) -> str:
    wrt = [inputs[i] for i in op.wrt]
    pushed = isinstance(op, Pullback) and is_pushed(op, route)
    who = "by JAX" if route == "jax" and not pushed else "symbolic"
    what = f"{type(op).__name__} of {_size(op.graph.outputs)} by {_names(wrt)} ({_size(wrt)})"
    if isinstance(op, Pushforward):
        return f"{what}: forward mode, {who}"
    if pushed and op.mode == "auto":
        return f"{what}: forward mode, {who}: by one number, a loop carries the derivative along"
    if pushed:
        return f"{what}: forward mode, {who}: as asked for"
    return f"{what}: reverse mode, {who}"


def _size(variables: Sequence[Var]) -> str:
    total = sum([prod(v.type.shape) for v in variables])
    return f"{total:,} number{'' if total == 1 else 's'}"


def _names(variables: Sequence[Var]) -> str:
    return ", ".join([f"`{v.name}`" if v.name else "an array" for v in variables])
