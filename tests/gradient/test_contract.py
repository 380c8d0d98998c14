"""The contract of tensor ops, for the ops that derivatives are made of: a derivative of one is right like any other.

Pullbacks and pushforwards, lazy and by JAX, of a formula, a loop, a while loop, a branch and a batched graph; a marker;
a function with a rule of its own. Of each the adjoint identity and finite differences, and so of its pullback again.
"""

from collections.abc import Callable

import jax
import numpy as np
import pytest

from tests.axes.derivatives import directions, pairing
from tests.axes.examples import EXAMPLES
from tests.gradient.small import compiled, graph_of, pullback_graph, pushforward_graph
from xgrad.axes import elementwise as e
from xgrad.axes.base import Flow, is_float
from xgrad.axes.batched import Batched
from xgrad.axes.loops import Scan, Switch, While
from xgrad.axes.reduce import sum_
from xgrad.axes.structural import full
from xgrad.gradient.markers import CustomGradient, Wrt
from xgrad.gradient.ops import JvpCall, Pullback, Pushforward, VjpCall, cotangent_type
from xgrad.graph import Graph, Op, Var
from xgrad.jax_backend.emit import emit
from xgrad.lower.derivatives import strip_everywhere

RNG = np.random.default_rng(5)
X, Y = RNG.uniform(0.5, 1.5, 3), RNG.uniform(0.5, 1.5, 3)


def formula() -> Graph:
    def outputs(x: Var, y: Var) -> list[Var]:
        product = e.multiply(e.sin(x), y)
        return [product, sum_(e.multiply(product, e.exp(x)), (0,))]

    return graph_of(outputs, X, Y)


def counted() -> Graph:
    """x * y * y * y, by a while loop."""
    n, x, y = (
        Var(full((), 0, int).type),
        Var(formula().inputs[0].type),
        Var(formula().inputs[0].type),
    )
    more = Graph((n, x, y), (e.less(n, full((), 3, int)),))
    step = Graph((n, x, y), (e.add(n, full((), 1, int)), e.multiply(x, y)))
    return graph_of(lambda x, y: While(more, step, 2).apply(full((), 0, int), x, y)[1], X, Y)


def of_example(kind: type[Op]) -> tuple[Graph, list[np.ndarray]]:
    """The graph of the first example of an op that is differentiable, and its inputs."""
    example = next(x for x in EXAMPLES if type(x.op) is kind)
    arrays = example.inputs(np.random.default_rng(1))
    return graph_of(lambda *vars: list(example.op.apply(*vars)), *arrays), arrays


def derivative(
    kind: type[Op], graph: Graph, arrays: list[np.ndarray]
) -> tuple[Graph, list[np.ndarray]]:
    """The graph of one derivative op: its inputs are those of ``graph``, then (co)tangents."""
    wrt = tuple([i for i, v in enumerate(graph.inputs) if is_float(v.type.dtype)])
    pulls = kind in (Pullback, VjpCall)
    tail = (
        [cotangent_type(v.type) for v in graph.outputs]
        if pulls
        else [graph.inputs[i].type for i in wrt]
    )
    inputs = [Var(v.type) for v in graph.inputs] + [Var(t) for t in tail]
    given = directions(np.random.default_rng(2), tail)
    return Graph(inputs, kind(graph, wrt).apply(*inputs)), [*arrays, *given]


def custom() -> Graph:
    """x exp(y), which says so itself."""
    inner = graph_of(lambda x, y: e.multiply(x, e.exp(y)), X, Y)
    (out,) = inner.outputs
    ct, tx, ty = (Var(out.type) for _ in range(3))
    x, y, z = (Var(out.type) for _ in range(3))
    pull = Graph((x, y, z, ct), (e.multiply(ct, e.exp(y)), e.multiply(ct, z)))
    push = Graph((x, y, z, tx, ty), (e.add(e.multiply(tx, e.exp(y)), e.multiply(ty, z)),))
    op = CustomGradient(inner, pull, push, 2, (Flow.VALUE, Flow.VALUE), ("", ""))
    return graph_of(lambda x, y: op.apply(x, y)[0], X, Y)


def marked() -> Graph:
    return graph_of(lambda x, y: e.multiply(Wrt()(x), e.sin(y)), X, Y)


CASES: dict[str, Callable[[], tuple[Graph, list[np.ndarray]]]] = {
    **{
        f"{kind.__name__} of a formula": lambda kind=kind: derivative(kind, formula(), [X, Y])
        for kind in (Pullback, Pushforward, VjpCall, JvpCall)
    },
    **{
        f"{kind.__name__} of {held.__name__}": lambda kind=kind, held=held: derivative(
            kind, *of_example(held)
        )
        for kind in (Pullback, Pushforward)
        for held in (Scan, Switch, Batched)
    },
    "Pushforward of While": lambda: derivative(Pushforward, counted(), [X, Y]),
    "CustomGradient": lambda: (custom(), [X, Y]),
    "Wrt": lambda: (marked(), [X, Y]),
}
FORWARD_ALONE = ("Pushforward of While",)  # its number of steps is not known: nothing can be stored

each_case = pytest.mark.parametrize("name", CASES)


def run(graph: Graph, arrays: list[np.ndarray]) -> list[np.ndarray]:
    """The outputs, computed by JAX."""
    with jax.enable_x64(True):
        return [
            np.asarray(x)
            for x in emit(strip_everywhere(compiled(graph)))(*map(jax.numpy.asarray, arrays))
        ]


def floats(graph: Graph) -> tuple[int, ...]:
    return tuple([i for i, v in enumerate(graph.inputs) if is_float(v.type.dtype)])


def check(graph: Graph, arrays: list[np.ndarray], reverse: bool = True) -> None:
    """<ct, J t> = <Jᵀ ct, t>, and J t is the limit of differences."""
    rng, wrt = np.random.default_rng(3), floats(graph)
    tangents = directions(rng, [graph.inputs[i].type for i in wrt])
    moved = run(pushforward_graph(graph, wrt), [*arrays, *tangents])
    if reverse:
        cts = directions(rng, [cotangent_type(v.type) for v in graph.outputs])
        pulled = run(pullback_graph(graph, wrt), [*arrays, *cts])
        np.testing.assert_allclose(
            pairing(cts, moved), pairing(pulled, tangents), rtol=1e-10, atol=1e-10
        )
    for found, expected in zip(moved, differences(graph, arrays, tangents), strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-6)


def differences(
    graph: Graph, arrays: list[np.ndarray], tangents: list[np.ndarray]
) -> list[np.ndarray]:
    step, wrt = 1e-3, floats(graph)

    def at(h: float) -> list[np.ndarray]:
        moved = list(arrays)
        for i, t in zip(wrt, tangents, strict=True):
            moved[i] = moved[i] + h * t
        return run(graph, moved)

    near, far = (zip(at(k * step), at(-k * step), strict=True) for k in (1, 2))
    return [(8 * (a - b) - (c - d)) / (12 * step) for (a, b), (c, d) in zip(near, far, strict=True)]


@each_case
def test_first_order(name: str) -> None:
    check(*CASES[name](), reverse=name not in FORWARD_ALONE)


@each_case
def test_second_order(name: str) -> None:
    graph, arrays = CASES[name]()
    mode = pushforward_graph if name in FORWARD_ALONE else pullback_graph
    derived = mode(graph, floats(graph))
    rest = directions(np.random.default_rng(4), [v.type for v in derived.inputs[len(arrays) :]])
    check(derived, [*arrays, *rest], reverse=name not in FORWARD_ALONE)
