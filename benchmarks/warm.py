"""Warm run time over hand-written JAX on the same arrays: with labels, and of the compiled program alone."""

import statistics
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

import xgrad
from benchmarks.measure import interleaved
from benchmarks.models import models
from benchmarks.programs import Program, programs


def rows() -> Iterator[tuple[str, str]]:
    """Value and value-with-gradient of each program, the gradient of each model, and the medians of the gradients."""
    for title, each, parts in (
        ("programs", programs(), ("value", "value and gradient")),
        ("models", models(), ("value and gradient",)),
    ):
        found = {(p.name, part): _compare(p, *_contenders(p, part)) for p in each for part in parts}
        for (name, part), times in found.items():
            yield f"{name}, {part}", times.text()
        gradients = [times for (_, part), times in found.items() if part != "value"]
        labeled = statistics.median([t.ours / t.hand for t in gradients])
        alone = statistics.median([t.alone / t.hand for t in gradients])
        yield f"median of the {title}, value and gradient", f"{labeled:.2f}×, alone {alone:.2f}×"


class _Times(NamedTuple):
    """Seconds per call: with labels, of the compiled program alone, and of what is written by hand."""

    ours: float
    alone: float
    hand: float

    def text(self) -> str:
        ours, alone, hand = [t * 1e6 for t in self]
        return (
            f"{ours / hand:.2f}×, alone {alone / hand:.2f}×"
            f"  ({ours:.0f} µs, alone {alone:.0f} µs, by hand {hand:.0f} µs)"
        )


def _contenders(program: Program, part: str) -> tuple[Callable[..., Any], Callable[..., Any]]:
    """Ours, and what is written by hand."""
    if part == "value":
        return xgrad.jit(program.labeled), jax.jit(program.by_hand)
    which = program.argnums
    by_hand = jax.jit(jax.value_and_grad(program.by_hand, argnums=which))
    return xgrad.value_and_grad(program.labeled, argnums=which), by_hand


def _compare(program: Program, ours: Any, hand: Callable[..., Any]) -> _Times:
    with jax.enable_x64(True):  # for the whole measurement: the same float64 program on both sides
        labeled = [a.copy(data=jnp.asarray(a.values)) for a in program.arguments]
        raw = [a.data for a in labeled]
        compiled = ours.program(*labeled)
        found = interleaved(
            {
                "ours": lambda: jax.block_until_ready(_arrays(ours(*labeled))),
                "alone": lambda: jax.block_until_ready(
                    compiled.executable(*raw, *compiled.constants)
                ),
                "hand": lambda: jax.block_until_ready(hand(*raw)),
            },
            rounds=15,
            calls=20,
        )
    return _Times(*[found[name].median for name in ("ours", "alone", "hand")])


def _arrays(result: Any) -> Any:
    """The JAX arrays inside labeled results."""
    return jax.tree.map(lambda x: getattr(x, "data", x), result)
