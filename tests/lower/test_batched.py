"""Taking out of a batched graph what is the same at all its places."""

import numpy as np
import pytest

from xgrad.axes.base import TensorType
from xgrad.axes.batched import Batched
from xgrad.axes.constants import full
from xgrad.axes.elementwise import add, exp, multiply, sin
from xgrad.axes.interpret import evaluate
from xgrad.axes.spread import expand, sum_
from xgrad.axes.structural import constant
from xgrad.graph import Graph, Var, check
from xgrad.lower.batched import hoist

FLOATS = TensorType((3,), np.dtype(float))


def batched(inner: Graph, size: int = 4, mapped: tuple[bool, ...] = (True, False)) -> Graph:
    types = [v.type for v in inner.inputs]
    inputs = [
        Var(TensorType((size, *t.shape), t.dtype) if m else t)
        for t, m in zip(types, mapped, strict=True)
    ]
    return Graph(inputs, Batched(inner, mapped, size).apply(*inputs))


def shared_waves() -> Graph:
    x, w = Var(FLOATS), Var(FLOATS)
    wave = sin(exp(w))
    return Graph((x, w), (sum_(multiply(x, wave), (0,)), add(x, w)))


def steady_output() -> Graph:
    x, w = Var(FLOATS), Var(FLOATS)
    return Graph((x, w), (multiply(x, full((3,), 2.0, float)), exp(w), w))


def spread_number() -> Graph:
    x, w = Var(FLOATS), Var(FLOATS)
    total = sum_(sin(w), (0,))
    return Graph((x, w), (multiply(x, expand(total, (3,), ())),))


def captured_array() -> Graph:
    x, w = Var(FLOATS), Var(FLOATS)
    return Graph((x, w), (multiply(x, add(w, constant(np.arange(3.0)))),))


def nested() -> Graph:
    x, w = Var(FLOATS), Var(FLOATS)
    row, shared = Var(TensorType((), np.dtype(float))), Var(FLOATS)
    inner = Graph((row, shared), (multiply(expand(row, (3,), ()), exp(sin(shared))),))
    return Graph((x, w), Batched(inner, (True, False), 3).apply(x, w))


MAKERS = (shared_waves, steady_output, spread_number, captured_array, nested)


@pytest.mark.parametrize("make", MAKERS, ids=lambda make: make.__name__)
def test_values_stay(make, rng):
    graph = batched(make())
    hoisted = check(hoist(graph))
    arrays = [rng.normal(size=v.type.shape) for v in graph.inputs]
    for a, b in zip(evaluate(graph, arrays), evaluate(hoisted, arrays), strict=True):
        np.testing.assert_allclose(a, b)


def inside(graph: Graph) -> Graph:
    (node,) = [node for node in graph.nodes if isinstance(node.op, Batched)]
    return node.op.graph


@pytest.mark.parametrize(
    ("make", "left"),
    [
        (shared_waves, {"Multiply", "Sum", "Add"}),
        (steady_output, {"Full", "Multiply"}),
        (spread_number, {"Expand", "Multiply"}),
        (captured_array, {"Multiply"}),
    ],
    ids=lambda x: getattr(x, "__name__", ""),
)
def test_only_what_depends_on_the_place_stays_inside(make, left):
    found = inside(hoist(batched(make())))
    assert {type(node.op).__name__ for node in found.nodes} == left


def test_steady_values_leave_every_batch_they_are_in():
    outer = inside(hoist(batched(nested())))
    assert {type(node.op).__name__ for node in outer.nodes} == {"Batched"}
    assert len(inside(outer).nodes) == 2
