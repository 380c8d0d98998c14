"""Small graphs for testing derivatives: built with tensor ops, evaluated by the reference interpreter."""

from collections.abc import Callable, Sequence

import numpy as np

from xgrad.axes.base import TensorType
from xgrad.axes.interpret import evaluate
from xgrad.gradient.ops import Pullback, Pushforward, cotangent_type
from xgrad.graph import Graph, Var, check
from xgrad.lower.canonical import CANONICAL
from xgrad.lower.derivatives import expand_derivatives
from xgrad.lower.nested import rewrite_everywhere


def graph_of(fun: Callable[..., Var | Sequence[Var]], *arrays: np.ndarray) -> Graph:
    """The graph of a function of variables, for arguments like ``arrays``."""
    inputs = [Var(TensorType(a.shape, a.dtype)) for a in arrays]
    out = fun(*inputs)
    return Graph(inputs, [out] if isinstance(out, Var) else out)


def simplify(graph: Graph) -> Graph:
    return rewrite_everywhere(graph, CANONICAL)


def compiled(graph: Graph, ad: str = "symbolic") -> Graph:
    """The graph with its derivatives expanded, checked after every step."""
    expanded = check(expand_derivatives(check(simplify(graph)), ad, simplify))
    return check(simplify(expanded))


def pullback_graph(graph: Graph, wrt: Sequence[int] = (0,), ad: str = "") -> Graph:
    """The graph of the cotangents of ``wrt``: takes the inputs and a cotangent per output."""
    inputs = [Var(v.type) for v in graph.inputs]
    cts = [Var(cotangent_type(v.type)) for v in graph.outputs]
    return Graph([*inputs, *cts], Pullback(graph, tuple(wrt), ad).apply(*inputs, *cts))


def pushforward_graph(graph: Graph, wrt: Sequence[int] = (0,), ad: str = "") -> Graph:
    """The graph of the tangents of the outputs: takes the inputs and a tangent per wrt."""
    inputs = [Var(v.type) for v in graph.inputs]
    tangents = [Var(cotangent_type(graph.inputs[i].type)) for i in wrt]
    return Graph([*inputs, *tangents], Pushforward(graph, tuple(wrt), ad).apply(*inputs, *tangents))


def run(graph: Graph, *arrays: np.ndarray) -> list[np.ndarray]:
    return evaluate(compiled(graph), arrays)


def gradient(fun: Callable[..., Var], *arrays: np.ndarray, wrt: int = 0) -> np.ndarray:
    """The gradient of a scalar function by one argument."""
    one = np.ones((), np.float64)
    return run(pullback_graph(graph_of(fun, *arrays), (wrt,)), *arrays, one)[0]
