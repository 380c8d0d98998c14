"""Warm run time over hand-written JAX on the same arrays, labels included on our side."""

from collections.abc import Callable, Iterator
from typing import Any

import jax
import jax.numpy as jnp

import xgrad
from benchmarks.measure import interleaved
from benchmarks.programs import Program, programs


def rows() -> Iterator[tuple[str, str]]:
    """Value and value-with-gradient of each program."""
    for program in programs():
        which = program.argnums
        value = xgrad.jit(program.labeled), jax.jit(program.by_hand)
        gradient = (
            xgrad.value_and_grad(program.labeled, argnums=which),
            jax.jit(jax.value_and_grad(program.by_hand, argnums=which)),
        )
        yield f"{program.name}, value", _compare(program, *value)
        yield f"{program.name}, value and gradient", _compare(program, *gradient)


def _compare(program: Program, ours: Callable[..., Any], hand: Callable[..., Any]) -> str:
    with jax.enable_x64(True):  # for the whole measurement: the same float64 program on both sides
        labeled = [a.copy(data=jnp.asarray(a.values)) for a in program.arguments]
        raw = [a.data for a in labeled]
        found = interleaved(
            {
                "ours": lambda: jax.block_until_ready(_arrays(ours(*labeled))),
                "hand": lambda: jax.block_until_ready(hand(*raw)),
            },
            rounds=15,
            calls=20,
        )
    mine, theirs = found["ours"].median, found["hand"].median
    return f"{mine / theirs:.2f}×  ({mine * 1e6:.0f} µs against {theirs * 1e6:.0f} µs)"


def _arrays(result: Any) -> Any:
    """The JAX arrays inside labeled results."""
    return jax.tree.map(lambda x: getattr(x, "data", x), result)
