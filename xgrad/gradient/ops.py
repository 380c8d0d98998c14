"""Derivatives as nodes: lazy ones that hold a whole closed subgraph, and the joint ones that JAX will differentiate.

``Pullback`` and ``Pushforward`` stand for the derivative of ``graph``, whatever its layer: the same op holds a names
graph before lowering and a tensor graph after. Nothing is differentiated when they are made; ``expand`` (symbolic) or
``delegate`` (JAX) does that, after the graph around and inside them has been simplified.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from xgrad.axes.base import Flow, is_float
from xgrad.axes.flow import CONNECTED, beside, graph_flows
from xgrad.graph import Graph, Op, Var


def cotangent_dtype(dtype: np.dtype) -> np.dtype:
    """The dtype of a derivative with respect to a value of ``dtype``: its own where it is a float, else float64."""
    return dtype if is_float(dtype) else np.dtype(np.float64)


def cotangent_type(type: Any) -> Any:
    """The type of a cotangent (and of a tangent) of a value of ``type``, an XType or a TensorType."""
    return type._replace(dtype=cotangent_dtype(type.dtype))


class AbstractDerivative(Op):
    """A derivative of ``graph`` with respect to its inputs at the positions ``wrt``."""

    def check_inputs(self, types: Sequence[Any], expected_tail: Sequence[Any]) -> None:
        """Our own invariant: the types of the inputs are those of the graph, then the (co)tangents."""
        expected = [v.type for v in self.primal_graph.inputs] + [
            cotangent_type(t) for t in expected_tail
        ]
        if [_strong(t) for t in types] != [_strong(t) for t in expected]:
            raise AssertionError(
                f"{type(self).__name__}: inputs {list(types)}, expected {expected}"
            )

    @property
    def primal_graph(self) -> Graph:
        return getattr(self, "graph")  # noqa: B009  (a field of every subclass, unknown to this base)

    def describe(self) -> str:
        """What ``dprint`` shows instead of the fields."""
        return f"{type(self).__name__}"


class Pullback(AbstractDerivative):
    """Cotangents of some inputs of ``graph``, lazily.

    Inputs: the inputs of ``graph``, then one cotangent per output of ``graph``. Outputs: one cotangent per ``wrt``.
    ``<ct, J t> = <pullback(ct), t>`` for every tangent ``t``. ``ad`` is "symbolic", "jax", "auto" or "" (as the
    function is compiled); ``mode`` is "reverse", "auto", or by one number "forward".
    """

    graph: Graph
    wrt: tuple[int, ...]
    ad: str = ""
    mode: str = "auto"

    def infer(self, *types: Any) -> tuple[Any, ...]:
        self.check_inputs(types, [v.type for v in self.graph.outputs])
        return tuple([_strong(cotangent_type(self.graph.inputs[i].type)) for i in self.wrt])

    def flow(self, i: int, out: int, types: Sequence[Any]) -> Flow:
        return _pullback_flow(self.graph, i, self.wrt[out])


class Pushforward(AbstractDerivative):
    """Tangents of the outputs of ``graph``, lazily.

    Inputs: the inputs of ``graph``, then one tangent per ``wrt``. Outputs: one tangent per output of ``graph``.
    """

    graph: Graph
    wrt: tuple[int, ...]
    ad: str = ""

    def infer(self, *types: Any) -> tuple[Any, ...]:
        self.check_inputs(types, [self.graph.inputs[i].type for i in self.wrt])
        return tuple([_strong(cotangent_type(v.type)) for v in self.graph.outputs])

    def flow(self, i: int, out: int, types: Sequence[Any]) -> Flow:
        return _pushforward_flow(self.graph, i, self.wrt, out)


class VjpCall(AbstractDerivative):
    """``graph`` and its pullback in one node, emitted as ``jax.vjp``: the forward pass runs once.

    Inputs as ``Pullback``. Outputs: the outputs of ``graph``, then one cotangent per ``wrt``. The last outputs of the
    graph, as many as ``aside`` says, are handed out alone: they have no cotangent.
    """

    graph: Graph
    wrt: tuple[int, ...]
    aside: int = 0

    @property
    def pulled(self) -> tuple[Var, ...]:
        """The outputs of the graph that have a cotangent."""
        return self.graph.outputs[: len(self.graph.outputs) - self.aside]

    def infer(self, *types: Any) -> tuple[Any, ...]:
        self.check_inputs(types, [v.type for v in self.pulled])
        primal = [v.type for v in self.graph.outputs]
        return (*primal, *[cotangent_type(self.graph.inputs[i].type) for i in self.wrt])

    def flow(self, i: int, out: int, types: Sequence[Any]) -> Flow:
        primals = len(self.graph.outputs)
        if out < primals:
            return _primal_flow(self.graph, i, out)
        pulled = Graph(self.graph.inputs, self.pulled) if self.aside else self.graph
        return _pullback_flow(pulled, i, self.wrt[out - primals])


class JvpCall(AbstractDerivative):
    """``graph`` and its pushforward in one node, emitted as ``jax.jvp``.

    Inputs as ``Pushforward``. Outputs: the outputs of ``graph``, then one tangent per output.
    """

    graph: Graph
    wrt: tuple[int, ...]

    def infer(self, *types: Any) -> tuple[Any, ...]:
        self.check_inputs(types, [self.graph.inputs[i].type for i in self.wrt])
        primal = [v.type for v in self.graph.outputs]
        return (*primal, *[cotangent_type(t) for t in primal])

    def flow(self, i: int, out: int, types: Sequence[Any]) -> Flow:
        primals = len(self.graph.outputs)
        if out < primals:
            return _primal_flow(self.graph, i, out)
        return _pushforward_flow(self.graph, i, self.wrt, out - primals)


def _primal_flow(graph: Graph, i: int, out: int) -> Flow:
    """The joint nodes compute the graph itself too, which does not use the (co)tangents."""
    return graph_flows(graph)[i][out] if i < len(graph.inputs) else Flow.UNUSED


def _pullback_flow(graph: Graph, i: int, wrt: int) -> Flow:
    """A cotangent depends on an input as the outputs do that have it; on a cotangent of such an output, linearly."""
    flows = graph_flows(graph)
    reached = [k for k, flow in enumerate(flows[wrt]) if flow in CONNECTED]
    if i < len(graph.inputs):
        return beside([flows[i][k] for k in reached])
    return flows[wrt][i - len(graph.inputs)] if i - len(graph.inputs) in reached else Flow.UNUSED


def _pushforward_flow(graph: Graph, i: int, wrt: Sequence[int], out: int) -> Flow:
    """A tangent depends on an input as its output does; on the tangent of an input, as on the input."""
    flows = graph_flows(graph)
    source = i if i < len(graph.inputs) else wrt[i - len(graph.inputs)]
    flow = flows[source][out]
    return flow if i < len(graph.inputs) or flow in CONNECTED else Flow.UNUSED


def _strong(type: Any) -> Any:
    """``type`` without the mark of Python numbers, which derivatives do not inherit."""
    return type._replace(weak=False) if hasattr(type, "weak") else type
