"""Batched graphs in JAX: ``vmap`` of the emitted graph, or ``lax.map`` of it over chunks where memory is short."""

from collections.abc import Callable, Sequence
from typing import Any

import jax

from xgrad.axes.batched import Batched

Function = Callable[..., Sequence[Any]]


def batch(op: Batched, inner: Function, arrays: Sequence[Any]) -> Any:
    """The outputs of ``op.graph``, emitted as ``inner``, at every place."""
    each = _of_mapped(op, inner, arrays)
    moving = tuple([x for x, m in zip(arrays, op.mapped, strict=True) if m])
    if op.chunk is None:
        outs = jax.vmap(each, axis_size=op.size)(*moving)
    else:
        outs = jax.lax.map(lambda places: each(*places), moving, batch_size=op.chunk)
    return outs[0] if len(outs) == 1 else outs


def _of_mapped(op: Batched, inner: Function, arrays: Sequence[Any]) -> Callable[..., tuple]:
    """``inner`` as a function of one place's share of the mapped inputs; the others are as they are."""

    def each(*moving: Any) -> tuple[Any, ...]:
        rest = iter(moving)
        return tuple(
            inner(*[next(rest) if m else x for x, m in zip(arrays, op.mapped, strict=True)])
        )

    return each
