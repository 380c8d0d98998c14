"""Sums of vectors taken together, in the loops of searches on a processor.

There XLA adds the values of a sum one after the other, since another order rounds otherwise, and every sum is a pass of
its own. Here the sums of vectors of one length that need not one another are one reduction, of partial sums side by
side: what several of them add up is computed once, where it is added, and some values at a time.
"""

import dataclasses
from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Any

from jax import lax

from xgrad.axes.loops import While, unpacked
from xgrad.axes.spread import Sum, Sums
from xgrad.graph import Graph, Node, Var

SIDE = 8  # partial sums of a vector: what a processor adds at once


def sums(op: Sums, xp: Any, *vectors: Any) -> Any:
    """The sum of each vector, in one reduction, or in two where something is left over."""
    length = vectors[0].shape[0]
    even = length - length % SIDE
    total = _added(_added([x[:even].reshape(-1, SIDE) for x in vectors]))
    rest = _added([x[even:] for x in vectors])
    return unpacked(_pairs(total, rest) if length % SIDE else total)


def _added(arrays: Sequence[Any]) -> Sequence[Any]:
    """Each summed along its first axis, in one reduction."""
    return lax.reduce(list(arrays), [x.dtype.type(0) for x in arrays], _pairs, (0,))


def _pairs(one: Sequence[Any], other: Sequence[Any]) -> list[Any]:
    return [x + y for x, y in zip(one, other, strict=True)]


def taken_together(graph: Graph, moving: Sequence[Var] | None = None) -> Graph:
    """``graph`` with its sums of vectors, and those in its loops, taken together; they round otherwise.

    ``moving`` are the inputs that differ from one step of a loop to the next; all, if None. Sums that depend on none of
    them are kept apart: XLA computes these before the loop.
    """
    new: dict[Var, Var] = {v: v for v in graph.inputs}
    for nodes in _in_rounds(graph, graph.inputs if moving is None else moving):
        outs = _together(nodes, [new[v] for node in nodes for v in node.inputs])
        new.update(zip([v for node in nodes for v in node.outputs], outs, strict=True))
    return Graph(graph.inputs, [new[v] for v in graph.outputs])


def _in_rounds(graph: Graph, moving: Sequence[Var]) -> Iterator[list[Node]]:
    """The nodes, each after what it needs: by how many sums have to be known one after the other, sums last."""
    needed: dict[Var, int] = defaultdict(int)
    moves = set(moving)
    rounds: dict[int, tuple[list[Node], dict[tuple, list[Node]]]] = defaultdict(
        lambda: ([], defaultdict(list))
    )
    for node in graph.nodes:
        first = max([needed[v] for v in node.inputs], default=0)
        is_sum, moved = _is_sum(node), not moves.isdisjoint(node.inputs)
        others, sums = rounds[first]
        (sums[_length(node), moved] if is_sum else others).append(node)
        needed.update(dict.fromkeys(node.outputs, first + is_sum))
        moves.update(node.outputs if moved else ())
    for _, (others, sums) in sorted(rounds.items()):
        yield from [[node] for node in others]
        yield from sums.values()


def _is_sum(node: Node) -> bool:
    """Whether a node is the sum of a vector that is long enough for partial sums, and keeps its digits in them."""
    if not isinstance(node.op, Sum):
        return False
    shape, dtype = node.inputs[0].type.shape, node.inputs[0].type.dtype
    return len(shape) == 1 and shape[0] >= SIDE and dtype.kind == "f" and dtype.itemsize >= 4


def _length(node: Node) -> int:
    return node.inputs[0].type.shape[0]


def _together(nodes: Sequence[Node], inputs: Sequence[Var]) -> Sequence[Var]:
    """The outputs of a node, or of sums as one, on other inputs."""
    node = nodes[0]
    if _is_sum(node):
        return Sums().apply(*inputs)
    op = node.op
    if isinstance(op, While):
        body = taken_together(op.body, op.body.inputs[: op.carries])
        op = dataclasses.replace(op, body=body)
    return Node(op, inputs, [v.type for v in node.outputs], node.source).outputs
