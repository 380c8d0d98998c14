"""Derivatives at ties, zeros and infinities, where the conventions decide and no oracle applies."""

import numpy as np
import pytest

from tests.axes.derivatives import differentiable_inputs, graph_of, pullback_graph
from xgrad.axes import contract, cumulative, elementwise, index, linalg, reduce, sort, special
from xgrad.axes.base import AbstractTensorOp
from xgrad.axes.interpret import evaluate

INF, NAN = np.inf, np.nan

CONVENTIONS = (
    # the op, its inputs, and the cotangents of its float inputs for a cotangent of ones
    (elementwise.Absolute(), [[-2.0, 0.0, -0.0, 3.0]], [[-1, 0, 0, 1]]),
    (elementwise.Maximum(), [[1.0, 2.0, 3.0], [2.0, 2.0, 2.0]], [[0, 0.5, 1], [1, 0.5, 0]]),
    (elementwise.Minimum(), [[1.0, 2.0, 3.0], [2.0, 2.0, 2.0]], [[1, 0.5, 0], [0, 0.5, 1]]),
    (elementwise.Fmax(), [[NAN, 1.0, 2.0], [1.0, NAN, 2.0]], [[0, 1, 0.5], [1, 0, 0.5]]),
    (elementwise.Fmin(), [[NAN, 1.0, 2.0], [1.0, NAN, 2.0]], [[0, 1, 0.5], [1, 0, 0.5]]),
    (elementwise.Power(), [[0.0, 0.0, 0.0], [0.0, 1.0, 2.0]], [[0, 1, 0], [0, 0, 0]]),
    (elementwise.Hypot(), [[0.0, 3.0], [0.0, 4.0]], [[0, 0.6], [0, 0.8]]),
    (elementwise.Logaddexp(), [[-INF, 0.0], [-INF, -INF]], [[0, 1], [0, 0]]),
    (elementwise.Expm1(), [[0.0, -800.0]], [[1, 0]]),
    (special.LogExpit(), [[-800.0, 0.0, 800.0]], [[1, 0.5, 0]]),
    (special.I1e(), [[0.0]], [[0.5]]),
    (reduce.Prod((0,)), [[0.0, 2.0, 3.0]], [[6, 0, 0]]),
    (reduce.Prod((0,)), [[0.0, 2.0, 0.0]], [[0, 0, 0]]),
    (reduce.Prod((0,)), [[]], [[]]),
    (reduce.Max((0,)), [[1.0, 3.0, 3.0, 2.0]], [[0, 0.5, 0.5, 0]]),
    (reduce.Min((0, 1)), [[[1.0, 1.0], [1.0, 2.0]]], [[[1 / 3, 1 / 3], [1 / 3, 0]]]),
    (reduce.Max((0,)), [[-INF, -INF]], [[0.5, 0.5]]),
    (cumulative.CumProd(0), [[2.0, 0.0, 3.0]], [[1, 8, 0]]),
    (cumulative.CumMax(0), [[1.0, 3.0, 3.0, 2.0]], [[1, 2, 1, 0]]),
    (cumulative.CumMin(0, reverse=True), [[1.0, 1.0, 2.0]], [[0.5, 1.5, 1]]),
    (cumulative.CumSum(0), [[1.0, 1.0, 2.0]], [[3, 2, 1]]),
    (sort.Sort(0), [[2.0, 1.0, 2.0]], [[1, 1, 1]]),
    (index.Scatter(0, 1, "set"), [[1.0, 1.0], [2.0, 3.0], np.array([0, 0])], [[0, 1], [0, 1]]),
    (index.Scatter(0, 1, "max"), [[1.0, 5.0], [1.0, 0.0], np.array([0, 1])], [[0.5, 1], [0.5, 0]]),
    (index.Scatter(0, 1, "multiply"), [[0.0, 5.0], [0.0, 3.0], np.array([0, 1])], [[0, 3], [0, 5]]),
    (contract.Einsum(((0, 0),), ()), [[[1.0, 2.0], [3.0, 4.0]]], [[[1, 0], [0, 1]]]),
    (linalg.Eigvalsh(), [[[2.0, 0.0], [0.0, 2.0]]], [[[1, 0], [0, 1]]]),
)


@pytest.mark.parametrize(
    ("op", "inputs", "expected"),
    CONVENTIONS,
    ids=[f"{op} at {values[0]}" for op, values, _ in CONVENTIONS],
)
def test_cotangents(op: AbstractTensorOp, inputs: list, expected: list):
    arrays = [np.asarray(x) if isinstance(x, np.ndarray) else np.asarray(x, float) for x in inputs]
    graph = graph_of(op, arrays)
    pulled = pullback_graph(graph, differentiable_inputs(graph))
    cts = [np.ones(v.type.shape) for v in graph.outputs]
    found = evaluate(pulled, [*arrays, *cts])
    for a, b in zip(found, expected, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-12)
