"""Batched graphs in JAX: ``vmap`` of the emitted graph, or ``lax.map`` of it over chunks.

Chunks are for where memory is short, and for searches: a batch of loops that end when they have found something runs
until the slowest has. On a processor, chunks that stay in its cache and end when their own slowest does take a third of
the time.
"""

import math
from collections.abc import Callable, Sequence
from typing import Any

import jax

from xgrad.axes.batched import Batched
from xgrad.axes.loops import While
from xgrad.graph import Graph, held_graphs

Function = Callable[..., Sequence[Any]]
# bytes that the places of a chunk are given; what is computed of them takes several times that
IN_CACHE = 2**17


def batch(op: Batched, inner: Function, arrays: Sequence[Any]) -> Any:
    """The outputs of ``op.graph``, emitted as ``inner``, at every place."""
    each = _of_mapped(op, inner, arrays)
    moving = tuple([x for x, m in zip(arrays, op.mapped, strict=True) if m])
    chunk = chunk_of(op)
    if chunk is None:
        outs = jax.vmap(each, axis_size=op.size)(*moving)
    else:
        outs = jax.lax.map(lambda places: each(*places), moving, batch_size=chunk)
    return outs[0] if len(outs) == 1 else outs


def chunk_of(op: Batched) -> int | None:
    """How many places are computed at a time; None for all of them."""
    if op.chunk is not None or not searches(op):
        return op.chunk
    given = [v.type for v, mapped in zip(op.graph.inputs, op.mapped, strict=True) if mapped]
    most = max(1, IN_CACHE // max(1, sum([math.prod(t.shape) * t.dtype.itemsize for t in given])))
    if op.size <= most:
        return None
    fewest = -(-op.size // most)
    # what an uneven number leaves over is a program of its own, to be compiled too
    even = [op.size // n for n in range(fewest, 4 * fewest) if op.size % n == 0]
    return even[0] if even else most


def searches(op: Batched) -> bool:
    """Whether a batch is of loops that end when they have found something, on a processor."""
    return jax.default_backend() == "cpu" and _holds_search(op.graph)


def _holds_search(graph: Graph) -> bool:
    ops = [node.op for node in graph.nodes]
    return any(isinstance(op, While) or any(map(_holds_search, held_graphs(op))) for op in ops)


def _of_mapped(op: Batched, inner: Function, arrays: Sequence[Any]) -> Callable[..., tuple]:
    """``inner`` as a function of one place's share of the mapped inputs; the others are as they are."""

    def each(*moving: Any) -> tuple[Any, ...]:
        rest = iter(moving)
        return tuple(
            inner(*[next(rest) if m else x for x, m in zip(arrays, op.mapped, strict=True)])
        )

    return each
