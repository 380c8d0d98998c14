"""Emission on JAX against the reference interpreter and against ``jax.vjp``; lifting of arrays."""

import jax
import numpy as np
import pytest

from tests.jax_backend import graphs
from xgrad.axes.interpret import evaluate
from xgrad.gradient.ops import Pullback, VjpCall
from xgrad.graph import Graph, check
from xgrad.jax_backend.emit import emit, lift


def run(graph, arrays):
    with jax.enable_x64(True):
        return [np.asarray(x) for x in jax.jit(emit(graph))(*arrays)]


@pytest.mark.parametrize("make", graphs.PLAIN, ids=lambda make: make.__name__)
def test_emission_computes_what_the_reference_computes(make, rng):
    graph = check(make())
    arrays = graphs.arrays_for(graph, rng)
    for v, got, expected in zip(
        graph.outputs, run(graph, arrays), evaluate(graph, arrays), strict=True
    ):
        assert (got.shape, got.dtype) == (expected.shape, expected.dtype) == v.type
        np.testing.assert_allclose(got, expected, rtol=1e-12, atol=1e-12)


WEIGHTS = np.array([1.0, 2.0, 3.0])


def cubic(x, y):
    return x**3 * (y + WEIGHTS)


def test_a_vjp_call_gives_outputs_and_cotangents(rng):
    x, y, ct = arrays = graphs.arrays_for(graphs.pulled_back(), rng)
    value, position, x_ct = run(graphs.pulled_back(), arrays)
    np.testing.assert_allclose(value, cubic(x, y), rtol=1e-12)
    assert position == np.argmax(value)
    np.testing.assert_allclose(x_ct, ct * 3 * x**2 * (y + WEIGHTS), rtol=1e-12)


def test_a_jvp_call_gives_outputs_and_tangents_zero_for_integers(rng):
    x, y, tangent = arrays = graphs.arrays_for(graphs.pushed_forward(), rng)
    _, _, moved, of_position = run(graphs.pushed_forward(), arrays)
    np.testing.assert_allclose(moved, tangent * 3 * x**2 * (y + WEIGHTS), rtol=1e-12)
    assert (of_position, of_position.dtype) == (0, np.float64)


def test_a_vjp_call_inside_a_vjp_call(rng):
    x, y = arrays = graphs.arrays_for(graphs.pulled_back_twice(), rng)
    gradient, x_ct, y_ct = run(graphs.pulled_back_twice(), arrays)
    np.testing.assert_allclose(gradient, 3 * x**2 * (y + WEIGHTS), rtol=1e-12)
    np.testing.assert_allclose(x_ct, 6 * x * (y + WEIGHTS), rtol=1e-12)
    np.testing.assert_allclose(y_ct, 3 * x**2, rtol=1e-12)


def test_a_derivative_that_nobody_expanded_is_our_defect():
    x, ct = graphs.var(3), graphs.var(3)
    lazy = Pullback(graphs.weighted(), (0,)).apply(x, ct)
    with pytest.raises(AssertionError, match="expand its gradients first"):
        emit(Graph((x, ct), lazy))


def test_lifting_turns_array_literals_into_inputs_and_leaves_scalars():
    graph = graphs.weighted((4.0, 5.0, 6.0))
    lifted, (weights,) = lift(graph)
    assert [v.type for v in check(lifted).inputs] == [graph.inputs[0].type] * 2
    np.testing.assert_array_equal(weights, [4.0, 5.0, 6.0])
    assert len(lifted.nodes) == len(graph.nodes) - 1


def test_a_graph_without_array_literals_is_lifted_as_it_is():
    graph = graphs.elementwise()
    assert lift(graph) == (graph, ())
    assert lift(graph)[0] is graph


@pytest.mark.parametrize("make", graphs.DELEGATED, ids=lambda make: make.__name__)
def test_lifting_reaches_into_delegated_derivatives(make, rng):
    graph = make()
    lifted, constants = lift(graph)
    check(lifted)
    arrays = graphs.arrays_for(graph, rng)
    assert [list(c) for c in constants] == [[1.0, 2.0, 3.0]]
    for got, expected in zip(run(lifted, (*arrays, *constants)), run(graph, arrays), strict=True):
        np.testing.assert_array_equal(got, expected)


def test_a_lifted_vjp_call_keeps_its_inputs_before_its_cotangents():
    lifted, _ = lift(graphs.pulled_back())
    (call,) = [n for n in lifted.nodes if isinstance(n.op, VjpCall)]
    x, y, ct, weights = lifted.inputs
    assert call.inputs[:4] == (x, y, weights, ct)


def test_graphs_that_differ_in_array_values_alone_are_equal_when_lifted():
    one, other = graphs.weighted((1.0, 2.0, 3.0)), graphs.weighted((4.0, 5.0, 6.0))
    assert one != other
    assert lift(one)[0] == lift(other)[0]


def test_a_long_chain_is_lifted_hashed_and_interpreted_without_recursion():
    graph = graphs.chain(100_000)
    lifted, constants = lift(graph)
    assert hash(lifted) == hash(lift(graphs.chain(100_000))[0])
    (value,) = evaluate(lifted, (np.zeros(2), *constants))
    assert np.isfinite(value).all()
