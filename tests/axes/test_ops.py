"""The contract of every tensor op, on the examples: types, and derivatives of first and second order."""

import dataclasses

import numpy as np
import pytest

from tests.axes.derivatives import (
    Arrays,
    differentiable_inputs,
    directions,
    finite_differences,
    graph_of,
    pairing,
    pullback_graph,
    pushforward_graph,
)
from tests.axes.examples import EXAMPLES, Example
from xgrad.axes.interpret import evaluate
from xgrad.graph import Graph, Op, check

each_example = pytest.mark.parametrize("example", EXAMPLES, ids=[repr(x.op) for x in EXAMPLES])


def test_every_op_has_an_example():
    shown = {type(x.op).__name__ for x in EXAMPLES}
    ops = {name for name, op in Op.registry.items() if op.__module__.startswith("xgrad.axes.")}
    missing = sorted(ops - shown)
    assert not missing, f"tests/axes/examples.py needs a line at({missing[0]}(...), ...)"


@each_example
def test_emission_has_the_inferred_type(example: Example, rng: np.random.Generator):
    inputs = example.inputs(rng)
    graph = check(graph_of(example.op, inputs))
    found = [(x.shape, x.dtype) for x in evaluate(graph, inputs)]
    assert found == [(v.type.shape, v.type.dtype) for v in graph.outputs]


@each_example
def test_equal_ops_are_equal_and_hash_alike(example: Example):
    twin = dataclasses.replace(example.op)
    assert twin is not example.op
    assert twin == example.op
    assert hash(twin) == hash(example.op)


@each_example
def test_both_modes_agree(example: Example, rng: np.random.Generator):
    """<ct, J t> = <Jᵀ ct, t>, at ties and zeros too."""
    inputs = example.inputs(rng)
    graph = graph_of(example.op, inputs)
    wrt = differentiable_inputs(graph)
    if wrt:
        assert_adjoint(graph, inputs, wrt, rng)


@each_example
def test_derivative_is_the_limit_of_differences(example: Example, rng: np.random.Generator):
    inputs = example.inputs(rng)
    graph = graph_of(example.op, inputs)
    wrt = differentiable_inputs(graph)
    if wrt and example.smooth:
        assert_differences(graph, inputs, wrt, rng)


@each_example
def test_second_derivative(example: Example, rng: np.random.Generator):
    """The pullback is differentiated like any other function: in both modes, against differences."""
    inputs = example.inputs(rng)
    graph = graph_of(example.op, inputs)
    wrt = differentiable_inputs(graph)
    if not wrt:
        return
    pulled = pullback_graph(graph, wrt)
    arguments = [*inputs, *directions(rng, [v.type for v in pulled.inputs[len(inputs) :]])]
    assert_adjoint(pulled, arguments, wrt, rng)
    if example.smooth:
        assert_differences(pulled, arguments, wrt, rng)


def assert_adjoint(
    graph: Graph, inputs: Arrays, wrt: tuple[int, ...], rng: np.random.Generator
) -> None:
    tangents = directions(rng, [graph.inputs[i].type for i in wrt])
    pulled = check(pullback_graph(graph, wrt))
    pushed = check(pushforward_graph(graph, wrt))
    cts = directions(rng, [v.type for v in pulled.inputs[len(graph.inputs) :]])
    forward = pairing(cts, evaluate(pushed, [*inputs, *tangents]))
    reverse = pairing(evaluate(pulled, [*inputs, *cts]), tangents)
    np.testing.assert_allclose(forward, reverse, rtol=1e-6, atol=1e-9)


def assert_differences(
    graph: Graph, inputs: Arrays, wrt: tuple[int, ...], rng: np.random.Generator
) -> None:
    tangents = directions(rng, [graph.inputs[i].type for i in wrt])
    exact = evaluate(pushforward_graph(graph, wrt), [*inputs, *tangents])
    near = finite_differences(graph, inputs, wrt, tangents)
    for a, b in zip(exact, near, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-6)
