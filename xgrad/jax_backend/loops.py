"""Loops and branches as XLA knows them: one ``lax.scan``, ``lax.while_loop`` or ``lax.switch`` for each.

``emit`` is the emission of graphs, handed in; see ``emit``.
"""

from collections.abc import Callable, Sequence
from typing import Any

import jax
from jax import lax

from xgrad.axes.loops import Scan, Switch, While, unpacked
from xgrad.gradient.again import Checkpoint
from xgrad.graph import Graph

Emit = Callable[[Graph], Callable[..., Sequence[Any]]]


def scan(op: Scan, emit: Emit, arrays: Sequence[Any]) -> Any:
    """One ``lax.scan``; of a loop that recomputes, JAX too keeps for derivatives the carries, and what it is told."""
    run = emit(op.body)
    carries, sequences, invariants = op.parts(arrays)

    def step(carried: tuple[Any, ...], slices: tuple[Any, ...]) -> tuple[tuple, tuple]:
        results = tuple(run(*carried, *slices, *invariants))
        return results[: op.carries], results[op.carries :]

    policy = getattr(op.recompute, "function", None)  # of True none: nothing is kept
    body = jax.checkpoint(step, prevent_cse=False, policy=policy) if op.recompute else step
    options = {"length": op.length, "reverse": op.reverse, "unroll": op.unroll}
    carried, stacked = lax.scan(body, carries, sequences, **options)
    return unpacked((*carried, *stacked))


def checkpoint(op: Checkpoint, emit: Emit, arrays: Sequence[Any]) -> Any:
    """One ``jax.checkpoint``; left where JAX differentiates what it stands in."""
    policy = getattr(op.policy, "function", None)
    return unpacked(jax.checkpoint(_tuple_of(emit(op.graph)), policy=policy)(*arrays))


def while_loop(op: While, emit: Emit, arrays: Sequence[Any]) -> Any:
    """One ``lax.while_loop``."""
    test, step = emit(op.condition), emit(op.body)
    carries, invariants = tuple(arrays[: op.carries]), arrays[op.carries :]
    found = lax.while_loop(
        lambda c: test(*c, *invariants)[0], lambda c: tuple(step(*c, *invariants)), carries
    )
    return unpacked(found)


def switch(op: Switch, emit: Emit, arrays: Sequence[Any]) -> Any:
    """One ``lax.switch``; it clips the index."""
    index, *operands = arrays
    branches = [_tuple_of(emit(b)) for b in op.branches]
    return unpacked(lax.switch(index, branches, *operands))


def _tuple_of(run: Callable[..., Sequence[Any]]) -> Callable[..., tuple[Any, ...]]:
    return lambda *arrays: tuple(run(*arrays))
