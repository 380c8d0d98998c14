"""What rewriting costs: its share of the time to the first result, and its growth with the length of a program."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from statistics import median
from typing import Any
from unittest import mock

import jax
import numpy as np

import xgrad
from benchmarks.measure import seconds
from benchmarks.programs import programs
from xgrad.axes.base import TensorType
from xgrad.axes.elementwise import add, exp, log, multiply, tanh
from xgrad.graph import Graph, Var, rewrite
from xgrad.jax_backend.executable import executables
from xgrad.lower import pipeline
from xgrad.lower.canonical import CANONICAL

ROUNDS = 5
LENGTHS = (2_000, 4_000, 8_000)
_REWRITING = ("simplify", "rewrite_loops", "reorder_chains", "share_factors", "rewrite_everywhere")


def rows() -> Iterator[tuple[str, str]]:
    """The share for value and gradient of each program, then seconds per node."""
    for program in programs():
        gradient = partial(xgrad.value_and_grad, argnums=program.argnums)
        for what, make in {"value": xgrad.jit, "value and gradient": gradient}.items():
            shares = [_share(make, program) for _ in range(ROUNDS)]
            yield f"{program.name}, {what}", f"{100 * median(shares):.1f} %"
    for length in LENGTHS:
        graph = chain(length)
        took = median([seconds(lambda graph=graph: rewrite(graph, CANONICAL)) for _ in range(3)])
        yield f"a chain of {len(graph.nodes):,} nodes", f"{1e6 * took / length:.1f} µs per node"


def _share(make: Callable[..., Any], program: Any) -> float:
    """Time spent in rewriting over the time to the first result, on fresh caches."""
    jax.clear_caches()
    executables.clear()
    with _timed() as spent:
        total = seconds(lambda: make(lambda *a: program.labeled(*a))(*program.arguments))
    return sum(spent) / total


@contextmanager
def _timed() -> Iterator[list[float]]:
    """The seconds that each outermost call of what rewrites takes."""
    spent: list[float] = []
    depth = [0]

    def timed(function: Callable[..., Any]) -> Callable[..., Any]:
        def run(*args: Any) -> Any:
            depth[0] += 1
            start = time.perf_counter()
            try:
                return function(*args)
            finally:
                depth[0] -= 1
                if not depth[0]:
                    spent.append(time.perf_counter() - start)

        return run

    with mock.patch.multiple(pipeline, **{n: timed(getattr(pipeline, n)) for n in _REWRITING}):
        yield spent


def chain(length: int) -> Graph:
    """A program of about this many nodes, with rules to apply all along it."""
    x = Var(TensorType((8,), np.dtype("f8")))
    y = x
    for _ in range(length // 4):
        y = add(tanh(y), log(multiply(exp(y), x)))
    return Graph([x], [y])
