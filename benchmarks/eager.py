"""Warm calls and tracing against eager xarray on NumPy arrays."""

from collections.abc import Callable, Iterator
from typing import Any

import xgrad
from benchmarks.measure import interleaved, median_ratio, seconds
from benchmarks.programs import Program, programs
from xgrad.transforms.calls.trace import trace_function

ROUNDS = 9


def rows() -> Iterator[tuple[str, str]]:
    """Per program: how many times faster a warm call is, and what tracing costs."""
    for program in programs():
        yield f"{program.name}, value", _faster(program, xgrad.jit(program.labeled))
        gradient = xgrad.value_and_grad(program.labeled, argnums=program.argnums)
        yield f"{program.name}, value and gradient over eager value", _faster(program, gradient)
        yield f"{program.name}, tracing", _tracing(program)


def _faster(program: Program, compiled: Callable[..., Any]) -> str:
    args = program.arguments
    found = interleaved(
        {"eager": lambda: program.labeled(*args), "compiled": lambda: compiled(*args)},
        rounds=ROUNDS,
        calls=5,
    )
    ratio = found["eager"].median / found["compiled"].median
    mine, theirs = found["compiled"].median * 1e3, found["eager"].median * 1e3
    return f"{ratio:.1f}× faster  ({mine:.2f} ms against {theirs:.2f} ms)"


def _tracing(program: Program) -> str:
    small = [a.isel({d: slice(0, 3) for d in a.dims}) for a in program.arguments]
    program.labeled(*small)
    pairs = [
        (
            seconds(lambda: trace_function(program.labeled, tuple(small), {})),
            seconds(lambda: program.labeled(*small)),
        )
        for _ in range(ROUNDS)
    ]
    return f"{median_ratio(pairs):.2f}× eager xarray's own time"
