"""A tensor graph as one function of JAX arrays, to be traced by ``jax.jit``.

Emission only looks up what every op says of itself (``emit``), or what ``EMISSION`` says instead
where XLA must be told otherwise. Arrays held by the graph are lifted into inputs first, so that
their values are in no executable.
"""

import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np

from xgrad.axes.batched import Batched
from xgrad.axes.constants import Constant
from xgrad.axes.interpret import Overrides, interpreter
from xgrad.axes.linalg import TriedCholesky
from xgrad.axes.loops import Scan, Switch, While
from xgrad.axes.opaque import HostCall
from xgrad.axes.printed import Printed
from xgrad.axes.spread import Sums
from xgrad.gradient.again import Checkpoint
from xgrad.gradient.ops import JvpCall, VjpCall
from xgrad.graph import Builder, Graph, Node, Var
from xgrad.jax_backend import delegate, loops
from xgrad.jax_backend.batch import batch, searches
from xgrad.jax_backend.calls import call_back, print_back
from xgrad.jax_backend.factors import tried_cholesky
from xgrad.jax_backend.namespace import jax_namespace
from xgrad.jax_backend.special import SPECIAL
from xgrad.jax_backend.sums import sums, taken_together


def emit(graph: Graph, xp: Any = jax_namespace) -> Callable[..., list[Any]]:
    """``graph`` as a function of arrays that returns a list of outputs; to be traced by JAX."""
    return interpreter(graph, xp, EMISSION)


def _vjp_call(op: VjpCall, xp: Any, *arrays: Any) -> tuple[Any, ...]:
    return delegate.vjp(op, emit(op.graph, xp), arrays)


def _jvp_call(op: JvpCall, xp: Any, *arrays: Any) -> tuple[Any, ...]:
    return delegate.jvp(op, emit(op.graph, xp), arrays)


def _batched(op: Batched, xp: Any, *arrays: Any) -> Any:
    graph = taken_together(op.graph) if searches(op) else op.graph
    return batch(op, emit(graph, xp), arrays)


def _scan(op: Scan, xp: Any, *arrays: Any) -> Any:
    return loops.scan(op, lambda graph: emit(graph, xp), arrays)


def _while(op: While, xp: Any, *arrays: Any) -> Any:
    return loops.while_loop(op, lambda graph: emit(graph, xp), arrays)


def _switch(op: Switch, xp: Any, *arrays: Any) -> Any:
    return loops.switch(op, lambda graph: emit(graph, xp), arrays)


def _checkpoint(op: Checkpoint, xp: Any, *arrays: Any) -> Any:
    return loops.checkpoint(op, lambda graph: emit(graph, xp), arrays)


EMISSION: Overrides = {
    TriedCholesky: tried_cholesky,
    HostCall: call_back,
    Printed: print_back,
    **SPECIAL,
    VjpCall: _vjp_call,
    JvpCall: _jvp_call,
    Batched: _batched,
    Scan: _scan,
    While: _while,
    Switch: _switch,
    Checkpoint: _checkpoint,
    Sums: sums,
}


def lift(graph: Graph) -> tuple[Graph, tuple[np.ndarray, ...]]:
    """``graph`` with its array literals turned into further inputs at the end, and their arrays.

    Graphs inside delegated derivatives are lifted too. The lifted graph is the key of the
    executable: two graphs that differ in the values of their arrays alone (groups, gather
    positions, captured data) share one.
    """
    return _Lifting().run(graph)


class _Lifting:
    """One lifting: the inputs made so far and their arrays."""

    def __init__(self) -> None:
        self.inputs: list[Var] = []
        self.arrays: list[np.ndarray] = []
        self.builder = Builder()

    def run(self, graph: Graph) -> tuple[Graph, tuple[np.ndarray, ...]]:
        new: dict[Var, Var] = {v: v for v in graph.inputs}
        for node in graph.nodes:
            outs = self.outputs(node, tuple([new[v] for v in node.inputs]))
            new.update(zip(node.outputs, outs, strict=True))
        if not self.inputs:
            return graph, ()
        lifted = Graph((*graph.inputs, *self.inputs), [new[v] for v in graph.outputs])
        return lifted, tuple(self.arrays)

    def outputs(self, node: Node, inputs: tuple[Var, ...]) -> tuple[Var, ...]:
        if isinstance(node.op, Constant):
            return (self.input(node.op.value.value, like=node.outputs[0]),)
        if isinstance(node.op, VjpCall | JvpCall):
            return self.derivative(node, node.op, inputs)
        if isinstance(node.op, Batched):
            return self.batched(node, node.op, inputs)
        return self.builder.node(node.op, inputs, node).outputs

    def input(self, array: np.ndarray, like: Var) -> Var:
        self.inputs.append(Var(like.type, source=like.source))
        self.arrays.append(array)
        return self.inputs[-1]

    def derivative(
        self, node: Node, op: VjpCall | JvpCall, inputs: tuple[Var, ...]
    ) -> tuple[Var, ...]:
        """The node of the lifted inner graph, whose new inputs stand before the (co)tangents."""
        inner, extra = self.inner(op.graph)
        count = len(op.graph.inputs)
        lifted = dataclasses.replace(op, graph=inner)
        return self.builder.node(lifted, (*inputs[:count], *extra, *inputs[count:]), node).outputs

    def batched(self, node: Node, op: Batched, inputs: tuple[Var, ...]) -> tuple[Var, ...]:
        """The node of the lifted inner graph, whose new inputs are shared by all places."""
        inner, extra = self.inner(op.graph)
        mapped = (*op.mapped, *(False,) * len(extra))
        lifted = dataclasses.replace(op, graph=inner, mapped=mapped)
        return self.builder.node(lifted, (*inputs, *extra), node).outputs

    def inner(self, graph: Graph) -> tuple[Graph, list[Var]]:
        """A graph inside an op, lifted, and the inputs here that its new inputs stand for."""
        inner, arrays = lift(graph)
        added = inner.inputs[len(graph.inputs) :]
        return inner, [self.input(a, like=v) for a, v in zip(arrays, added, strict=True)]
