"""Graphs of single ops and of their derivatives, run by the reference interpreter."""

from collections.abc import Sequence

import numpy as np

from xgrad.axes.base import AbstractOpaque, AbstractTensorOp, Flow, TensorType, is_float
from xgrad.axes.interpret import evaluate
from xgrad.gradient.expand import expand_pullback, expand_pushforward
from xgrad.gradient.ops import Pullback, Pushforward, cotangent_dtype
from xgrad.graph import Graph, Var

Arrays = Sequence[np.ndarray]


def graph_of(op: AbstractTensorOp, inputs: Arrays) -> Graph:
    """The graph that is this one op."""
    variables = [Var(TensorType(x.shape, x.dtype)) for x in inputs]
    return Graph(variables, op.apply(*variables))


def differentiable_inputs(graph: Graph) -> tuple[int, ...]:
    """The float inputs of a graph of one op that pass a derivative by a rule of ours."""
    ((op, node),) = [(node.op, node) for node in graph.nodes]
    if isinstance(op, AbstractOpaque):
        return ()
    types = [v.type for v in node.inputs]
    return tuple(
        i
        for i, t in enumerate(types)
        if is_float(t.dtype)
        and any(op.flow(i, k, types) is Flow.VALUE for k in range(len(node.outputs)))
    )


def pushforward_graph(graph: Graph, wrt: tuple[int, ...]) -> Graph:
    """From the inputs and the tangents of ``wrt`` to the tangents of the outputs."""
    tangents = [Var(graph.inputs[i].type) for i in wrt]
    inputs = (*graph.inputs, *tangents)
    return Graph(inputs, expand_pushforward(Pushforward(graph, wrt), inputs))


def pullback_graph(graph: Graph, wrt: tuple[int, ...]) -> Graph:
    """From the inputs and the cotangents of the outputs to the cotangents of ``wrt``."""
    cts = [Var(v.type._replace(dtype=cotangent_dtype(v.type.dtype))) for v in graph.outputs]
    inputs = (*graph.inputs, *cts)
    return Graph(inputs, expand_pullback(Pullback(graph, wrt), inputs))


def directions(rng: np.random.Generator, types: Sequence[TensorType]) -> list[np.ndarray]:
    """Random tangents or cotangents."""
    return [_direction(rng, t) for t in types]


def _direction(rng: np.random.Generator, t: TensorType) -> np.ndarray:
    real = rng.normal(size=t.shape)
    return np.asarray(
        real + 1j * rng.normal(size=t.shape) if t.dtype.kind == "c" else real, t.dtype
    )


def pairing(cts: Arrays, tangents: Arrays) -> float:
    """<ct, t>; of complex numbers the real part of the product, without a conjugate."""
    with np.errstate(all="ignore"):
        return sum(float(np.sum(ct * t).real) for ct, t in zip(cts, tangents, strict=True))


def finite_differences(
    graph: Graph, inputs: Arrays, wrt: tuple[int, ...], tangents: Arrays
) -> Arrays:
    """The central difference quotient of the outputs along ``tangents``, of the sixth order in the step."""
    step = 3e-4

    def shifted(by: float) -> list[np.ndarray]:
        moved = list(inputs)
        for i, t in zip(wrt, tangents, strict=True):
            moved[i] = moved[i] + by * t
        return evaluate(graph, moved)

    rings = [zip(shifted(k * step), shifted(-k * step), strict=True) for k in (1, 2, 3)]
    pairs = zip(*[[up - down for up, down in ring] for ring in rings], strict=True)
    return [(45 * near - 9 * further + far) / (60 * step) for near, further, far in pairs]
