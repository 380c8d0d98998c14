"""Small graphs with loops, as the tests of the loop rules make them."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from xgrad.axes.base import TensorType
from xgrad.axes.interpret import evaluate
from xgrad.axes.loops import Scan
from xgrad.graph import Graph, Var

N = 5
Vars = Sequence[Var]


def var(*shape: int) -> Var:
    return Var(TensorType(shape, np.dtype(float)))


def scan(
    step: Callable[[Vars, Vars, Vars], tuple[Vars, Vars]],
    starts: Vars = (),
    rows: Vars = (),
    fixed: Vars = (),
    **options: Any,
) -> tuple[Var, ...]:
    """A loop whose step maps (carries, slices, invariants) to (carries, outputs)."""
    c, w = [var(*v.type.shape) for v in starts], [var(*v.type.shape) for v in fixed]
    x = [var(*v.type.shape[1:]) for v in rows]
    carried, stacked = step(c, x, w)
    body = Graph([*c, *x, *w], [*carried, *stacked])
    options = {"length": N, **options}
    return Scan(body, len(c), len(x), **options).apply(*starts, *rows, *fixed)


def loops(graph: Graph) -> list[Scan]:
    return [node.op for node in graph.nodes if isinstance(node.op, Scan)]


def size(op: Scan) -> tuple[int, int, int, int]:
    """Carries, sequences, invariants, stacked outputs."""
    invariants = len(op.body.inputs) - op.carries - op.sequences
    return op.carries, op.sequences, invariants, len(op.stacks)


def assert_equal(one: Graph, other: Graph, rng: np.random.Generator) -> None:
    arrays = [rng.normal(size=v.type.shape) for v in one.inputs]
    for a, b in zip(evaluate(one, arrays), evaluate(other, arrays), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-13)
