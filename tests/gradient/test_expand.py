"""Symbolic expansion: reverse and forward mode, sharing, sums of paths, nesting, and cost in nodes."""

import numpy as np
import pytest

from tests.gradient.small import (
    compiled,
    gradient,
    graph_of,
    pullback_graph,
    pushforward_graph,
    run,
)
from xgrad.axes import elementwise as e
from xgrad.axes.reduce import sum_
from xgrad.axes.structural import expand, full
from xgrad.gradient.ops import Pullback
from xgrad.graph import Graph, format_graph

X = np.array([0.3, -1.2, 2.0])


def wavy(x):
    """A scalar with shared subexpressions and a repeated input."""
    y = e.multiply(e.sin(x), x)
    return sum_(e.add(e.multiply(y, y), e.exp(y)), (0,))


def wavy_numpy(x):
    y = np.sin(x) * x
    return np.sum(y * y + np.exp(y))


def differences(fun, x, h=1e-6):
    return np.array([(fun(x + h * d) - fun(x - h * d)) / (2 * h) for d in np.eye(x.size)])


def test_gradient_equals_finite_differences():
    np.testing.assert_allclose(gradient(wavy, X), differences(wavy_numpy, X), rtol=1e-7)


def test_pushforward_is_the_adjoint_of_pullback():
    t = np.array([0.7, 0.1, -2.0])
    graph = graph_of(wavy, X)
    (forward,) = run(pushforward_graph(graph), X, t)
    (backward,) = run(pullback_graph(graph), X, np.ones(()))
    np.testing.assert_allclose(forward, backward @ t, rtol=1e-13)


@pytest.mark.parametrize("outer", [pullback_graph, pushforward_graph])
def test_second_derivative_both_over_reverse(outer):
    inner = graph_of(
        lambda x: Pullback(graph_of(wavy, X), (0,)).apply(x, full((), 1.0, "f8"))[0], X
    )
    t = np.array([0.2, -0.4, 1.0])

    def slope(x):
        return gradient(wavy, x)

    expected = (
        slope(X + 1e-6 * t) - slope(X - 1e-6 * t)
    ) / 2e-6  # the Hessian is symmetric: both modes give H t
    np.testing.assert_allclose(run(outer(inner), X, t)[0], expected, rtol=1e-6)


def test_unused_input_gets_zeros_of_its_type():
    graph = graph_of(lambda x, y: sum_(x, (0,)), X, np.zeros((2, 2), np.float32))
    (ct,) = run(pullback_graph(graph, (1,)), X, np.zeros((2, 2), np.float32), np.ones(()))
    assert ct.dtype == np.float32
    np.testing.assert_array_equal(ct, np.zeros((2, 2)))


def test_integer_input_gets_a_float_gradient():
    n = np.array([2, 5, 7])
    graph = graph_of(lambda x, n: sum_(e.multiply(x, e.cast(n, "f8")), (0,)), X, n)
    (ct,) = run(pullback_graph(graph, (1,)), X, n, np.ones(()))
    np.testing.assert_array_equal(ct, X)


def test_step_gives_zeros():
    np.testing.assert_array_equal(gradient(lambda x: sum_(e.Floor()(x), (0,)), X), np.zeros(3))


def test_forward_values_are_shared_with_the_gradient():
    def value_and_slope(x):
        inner = graph_of(lambda x: sum_(e.exp(e.sin(x)), (0,)), X)
        (slope,) = Pullback(inner, (0,)).apply(x, full((), 1.0, "f8"))
        return [*inner(x), slope]

    graph = compiled(graph_of(value_and_slope, X))
    ops = [type(node.op).__name__ for node in graph.nodes]
    assert sorted(ops) == ["Cos", "Exp", "Multiply", "Sin", "Sum"]


def test_one_node_per_call_until_it_is_expanded():
    graph = pullback_graph(graph_of(wavy, X))
    assert [type(n.op).__name__ for n in graph.nodes] == ["Pullback"]
    assert format_graph(graph, sources=False).splitlines()[0] == "Pullback: float64[3]"


def test_expansion_grows_linearly_with_the_chain():
    def chain(n):
        def fun(x):
            for _ in range(n):
                x = e.sin(x)
            return sum_(x, (0,))

        return len(compiled(pullback_graph(graph_of(fun, X))).nodes)

    assert chain(400) - chain(200) == 2 * (chain(300) - chain(200))
    assert chain(200) < 5 * 200


def test_broadcast_inside_is_summed_back():
    a = np.array(1.5)

    def fun(a, x):
        return sum_(e.multiply(expand(a, (3,), ()), x), (0,))

    (ct,) = run(pullback_graph(graph_of(fun, a, X)), a, X, np.ones(()))
    np.testing.assert_allclose(ct, X.sum())


def test_graph_outputs_may_be_inputs():
    graph = Graph((g := graph_of(lambda x: x, X)).inputs, g.inputs)
    np.testing.assert_array_equal(run(pullback_graph(graph), X, 2 * X)[0], 2 * X)
