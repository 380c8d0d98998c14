"""Exact counts: operations and bytes of the optimised program over those of hand-written JAX."""

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import jax

import xgrad
from benchmarks.models import models
from benchmarks.programs import Program, programs


class Counts(NamedTuple):
    """Of one optimised HLO module."""

    instructions: int
    flops: float
    bytes: float


def rows() -> Iterator[tuple[str, str]]:
    """Value and value-with-gradient of each program."""
    for program in (*programs(), *models()):
        for what, (mine, hand) in compare(program).items():
            ratios = [ours / theirs for ours, theirs in zip(mine, hand, strict=True)]
            text = "instructions {:.3f}×, flops {:.3f}×, bytes {:.3f}×".format(*ratios)
            yield (
                f"{program.name}, {what}",
                f"{text}  ({mine.flops:.0f} flops, {mine.bytes:.0f} bytes)",
            )


def compare(program: Program) -> dict[str, tuple[Counts, Counts]]:
    """Ours and theirs, for the value and for the value with its gradient by all arguments."""
    return {
        "value": (
            ours(xgrad.jit(program.labeled), program),
            by_hand(program.by_hand, program),
        ),
        "value and gradient": (
            ours(xgrad.value_and_grad(program.labeled, argnums=program.argnums), program),
            by_hand(jax.value_and_grad(program.by_hand, argnums=program.argnums), program),
        ),
    }


def ours(compiled: Any, program: Program) -> Counts:
    """The counts of a compiled xgrad function."""
    stages = compiled.stages(*program.arguments)
    return Counts(_instructions(stages.hlo), stages.cost.flops, stages.cost.bytes_accessed)


def by_hand(fun: Callable[..., Any], program: Program) -> Counts:
    """The counts of a JAX function."""
    with jax.enable_x64(True):
        compiled = jax.jit(fun).lower(*[a.values for a in program.arguments]).compile()
    cost = compiled.cost_analysis()
    return Counts(_instructions(compiled.as_text()), cost["flops"], cost["bytes accessed"])


def _instructions(hlo: str) -> int:
    return sum(" = " in line for line in hlo.splitlines())
