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
from xgrad.axes.base import Flow, is_float
from xgrad.axes.batched import Batched
from xgrad.axes.constants import Constant, Full
from xgrad.axes.interpret import evaluate
from xgrad.axes.logic import Cast
from xgrad.axes.loops import Scan, Switch, While
from xgrad.axes.opaque import JaxCall
from xgrad.axes.random import DiscreteDraw, Draw
from xgrad.graph import Graph, Op, check

FIXED_TYPES = (
    Constant,
    Full,
    Cast,
    JaxCall,
    Draw,
    DiscreteDraw,
    Batched,
    Scan,
    Switch,
    While,
)  # their fields say the dtype

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
def test_float32_stays_float32(example: Example, rng: np.random.Generator):
    """Forward and backwards: no constant or rule makes anything wider."""
    if isinstance(example.op, FIXED_TYPES):
        return
    inputs = [narrow(x) for x in example.inputs(rng)]
    graph = check(graph_of(example.op, inputs))
    wrt = differentiable_inputs(graph)
    for g in (graph, check(pullback_graph(graph, wrt))):
        arguments = [*inputs, *directions(rng, [v.type for v in g.inputs[len(inputs) :]])]
        found = [x.dtype for x in evaluate(g, arguments)]
        assert found == [v.type.dtype for v in g.outputs]
        assert all(d == narrow(np.empty(0, d)).dtype for d in found) or not wrt


@each_example
def test_an_input_without_derivative_says_why(example: Example, rng: np.random.Generator):
    graph = graph_of(example.op, example.inputs(rng))
    (node,) = graph.nodes
    types = [v.type for v in node.inputs]
    flows = {
        example.op.flow(i, k, types) for i in range(len(types)) for k in range(len(node.outputs))
    }
    assert flows <= {Flow.VALUE, Flow.UNUSED} or example.op.why or not is_float(types[0].dtype)


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
    if not wrt or not example.twice:
        return
    pulled = pullback_graph(graph, wrt)
    arguments = [*inputs, *directions(rng, [v.type for v in pulled.inputs[len(inputs) :]])]
    assert_adjoint(pulled, arguments, wrt, rng)
    if example.smooth:
        assert_differences(pulled, arguments, wrt, rng)


def narrow(x: np.ndarray) -> np.ndarray:
    """``x`` in single precision where it is a float."""
    return x.astype({"f": np.float32, "c": np.complex64}.get(x.dtype.kind, x.dtype))


def assert_adjoint(
    graph: Graph, inputs: Arrays, wrt: tuple[int, ...], rng: np.random.Generator
) -> None:
    tangents = directions(rng, [graph.inputs[i].type for i in wrt])
    pulled = check(pullback_graph(graph, wrt))
    pushed = check(pushforward_graph(graph, wrt))
    cts = directions(rng, [v.type for v in pulled.inputs[len(graph.inputs) :]])
    forward = pairing(cts, evaluate(pushed, [*inputs, *tangents]))
    reverse = pairing(evaluate(pulled, [*inputs, *cts]), tangents)
    single = any(v.type.dtype == np.float32 for v in graph.outputs)
    tolerance = 1e-6 if single else 1e-10
    np.testing.assert_allclose(forward, reverse, rtol=tolerance, atol=tolerance)


def assert_differences(
    graph: Graph, inputs: Arrays, wrt: tuple[int, ...], rng: np.random.Generator
) -> None:
    tangents = directions(rng, [graph.inputs[i].type for i in wrt])
    exact = evaluate(pushforward_graph(graph, wrt), [*inputs, *tangents])
    near = finite_differences(graph, inputs, wrt, tangents)
    for a, b in zip(exact, near, strict=True):
        size = abs(b[np.isfinite(b)]).max(initial=1.0)
        np.testing.assert_allclose(a, b, rtol=1e-6, atol=1e-6 * size)
