"""The contract of every tensor op on JAX: it computes what NumPy does, and ``jax.vjp`` of it agrees with our rule."""

from collections.abc import Sequence
from typing import Any

import jax
import numpy as np
import pytest

from tests.axes.derivatives import (
    Arrays,
    differentiable_inputs,
    directions,
    graph_of,
    pullback_graph,
)
from tests.axes.examples import EXAMPLES, Example
from xgrad.axes.base import AbstractElementwise
from xgrad.axes.gammas import GammaincByA, Spence
from xgrad.axes.index import Scatter
from xgrad.axes.interpret import evaluate, interpreter
from xgrad.axes.linalg import Qr, Svd
from xgrad.axes.loops import Switch, While
from xgrad.axes.opaque import HostCall
from xgrad.axes.special import LogNdtr, Ndtr, Ndtri
from xgrad.graph import Graph
from xgrad.jax_backend.namespace import jax_namespace
from xgrad.jax_backend.special import SPECIAL

IN_PYTHON = (HostCall, Switch, While)  # as the interpreter runs them
UP_TO_SIGNS = (Svd, Qr)  # their factors are not unique
NO_RULE_IN_JAX = (
    Scatter(0, 1, "multiply"),  # where positions may be equal
    GammaincByA(),
    Spence(),  # it differentiates the series, which gives NaN
)

each_example = pytest.mark.parametrize("example", EXAMPLES, ids=[repr(x.op) for x in EXAMPLES])
NOT_IN_BFLOAT16 = (Ndtr, LogNdtr, Ndtri, Spence)  # JAX has them from float32 on
ELEMENTWISE = [x for x in EXAMPLES if isinstance(x.op, AbstractElementwise)]
each_elementwise = pytest.mark.parametrize(
    "example", ELEMENTWISE, ids=[repr(x.op) for x in ELEMENTWISE]
)
JAX_DIFFERENTIATES = [x for x in EXAMPLES if x.smooth and x.op not in NO_RULE_IN_JAX]
smooth_example = pytest.mark.parametrize(
    "example", JAX_DIFFERENTIATES, ids=[repr(x.op) for x in JAX_DIFFERENTIATES]
)


def run_on_jax(graph: Graph, inputs: Arrays) -> list[Any]:
    """The outputs as JAX computes them."""
    with jax.enable_x64(True):
        arrays = [jax.numpy.asarray(x) for x in inputs]
        return _at_once(graph, interpreter(graph, jax_namespace, SPECIAL))(*arrays)


@each_example
def test_jax_computes_what_numpy_does(example: Example, rng: np.random.Generator):
    inputs = example.inputs(rng)
    graph = graph_of(example.op, inputs)
    found, expected = run_on_jax(graph, inputs), evaluate(graph, inputs)
    for a, b in zip(found, expected, strict=True):
        assert (a.shape, a.dtype) == (b.shape, b.dtype)
    if isinstance(example.op, UP_TO_SIGNS):
        found, expected = [np.abs(x) for x in found], [np.abs(x) for x in expected]
    assert_close(found, expected)


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
@each_elementwise
def test_low_precision_is_kept(example: Example, dtype: str, rng: np.random.Generator):
    """Forward and backwards, what JAX makes has the inferred types."""
    if dtype == "bfloat16" and isinstance(example.op, NOT_IN_BFLOAT16):
        return
    inputs = [x.astype(dtype) if x.dtype == np.float64 else x for x in example.inputs(rng)]
    graph = graph_of(example.op, inputs)
    for g in (graph, pullback_graph(graph, differentiable_inputs(graph))):
        shapes = [jax.ShapeDtypeStruct(v.type.shape, v.type.dtype) for v in g.inputs]
        with jax.enable_x64(True):
            found = jax.eval_shape(interpreter(g, jax_namespace, SPECIAL), *shapes)
        assert [(x.shape, x.dtype) for x in found] == [tuple(v.type) for v in g.outputs]


@smooth_example
def test_our_pullback_is_that_of_jax(example: Example, rng: np.random.Generator):
    """Forward values come from JAX, and the two pullbacks get the same cotangents."""
    inputs = example.inputs(rng)
    graph = graph_of(example.op, inputs)
    wrt = differentiable_inputs(graph)
    if not wrt:
        return
    pulled = pullback_graph(graph, wrt)
    cts = directions(rng, [v.type for v in pulled.inputs[len(inputs) :]])
    assert_close(run_on_jax(pulled, [*inputs, *cts]), jax_pullback(graph, inputs, wrt, cts))


def _at_once(graph: Graph, function: Any) -> Any:
    """Compiled as one program, which is quicker than op by op, where no op runs Python."""
    return function if any(isinstance(n.op, IN_PYTHON) for n in graph.nodes) else jax.jit(function)


def jax_pullback(graph: Graph, inputs: Arrays, wrt: Sequence[int], cts: Arrays) -> list[Any]:
    """What ``jax.vjp`` makes of the emitted graph."""

    def outputs(*values: Any) -> list[Any]:
        arrays: list[Any] = [jax.numpy.asarray(x) for x in inputs]
        for i, value in zip(wrt, values, strict=True):
            arrays[i] = value
        return interpreter(graph, jax_namespace, SPECIAL)(*arrays)

    def pulled(primals: Sequence[Any], cts: Sequence[Any]) -> list[Any]:
        return list(jax.vjp(outputs, *primals)[1](list(cts)))

    with jax.enable_x64(True):
        primals = [jax.numpy.asarray(inputs[i]) for i in wrt]
        return _at_once(graph, pulled)(primals, [jax.numpy.asarray(ct) for ct in cts])


def assert_close(found: Sequence[Any], expected: Sequence[Any]) -> None:
    for a, b in zip(found, expected, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-6 if a.dtype == np.float32 else 1e-10, atol=1e-12)
