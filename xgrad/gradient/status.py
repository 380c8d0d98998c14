"""Why a derivative exists or not: two independent answers, followed along every path of a graph.

*Connected* asks whether the values of an input affect the values of an output; *definition* asks whether the
derivative has a meaning and a rule. Each op states the flow of each input (``axes.base.Flow``); ``axes.flow`` says how
flows go together. Here one path is kept that speaks for all: with every edge, its flow, its reason and its line.
"""

from collections.abc import Sequence
from enum import Enum
from typing import Any, NamedTuple

from xgrad.axes.base import Flow
from xgrad.axes.flow import CONNECTED, after, beside, edge_flow
from xgrad.gradient.markers import Wrt
from xgrad.graph import Graph, Node, Source, Var, markup, toposort
from xgrad.names import XBroadcast, XRename


class Definition(Enum):
    """Whether the derivative has a meaning and a rule."""

    DEFINED = "defined"
    UNDEFINED = "undefined"
    NOT_IMPLEMENTED = "not implemented"


DEFINITIONS: dict[Flow, Definition] = {
    Flow.VALUE: Definition.DEFINED,
    Flow.STEP: Definition.DEFINED,
    Flow.POSITION: Definition.UNDEFINED,
    Flow.MEANINGLESS: Definition.UNDEFINED,
    Flow.MISSING: Definition.NOT_IMPLEMENTED,
    Flow.UNUSED: Definition.DEFINED,
}


class Edge(NamedTuple):
    """One step of a path: from input ``i`` of a node to its output ``out``."""

    node: Node
    i: int
    out: int

    @property
    def flow(self) -> Flow:
        """How the values of the input reach the output."""
        return edge_flow(self.node, self.i, self.out)

    @property
    def reason(self) -> str:
        """Why they do not simply pass, in words; empty where they do."""
        return "" if self.flow is Flow.VALUE else why(self.node, self.i, self.flow)

    @property
    def source(self) -> Source | None:
        """The user's line."""
        return self.node.source

    @property
    def op(self) -> str:
        """The op, as ``dprint`` shows it."""
        return op_text(self.node)

    def __str__(self) -> str:
        reason = f" ({self.reason})" if self.reason else ""
        return f"{self.flow.value}{reason}: {self.op}{f'  # {self.source}' if self.source else ''}"

    __repr__ = __str__


class GradStatus(NamedTuple):
    """The two answers for one (output, input) pair, the reason in words, and the path that decides, input first.

    ``print`` shows the edges of the path. An output that does not use the input is disconnected; ``definition`` then
    says what the derivative of the other outputs asked about is.
    """

    connected: bool
    definition: Definition
    reason: str
    path: tuple[Edge, ...]

    def __str__(self) -> str:
        answer = "connected" if self.connected else "disconnected"
        lines = [f"{answer}, {self.definition.value}: {self.reason}"]
        return "\n".join([*lines, *[f"  {edge}" for edge in self.path]])

    __repr__ = __str__

    def _repr_html_(self) -> str:
        head, *path = str(self).splitlines()
        rows = [(e.flow.value, e.reason, e.op, str(e.source or "")) for e in self.path]
        marks = [edge == self.decisive for edge in self.path]
        return markup.page(head, [markup.table(_HEADER, rows, marks)] if path else [])

    @property
    def decisive(self) -> Edge | None:
        """The edge at which the connection, or the meaning of the derivative, was lost; else None."""
        if not self.connected:
            return next((e for e in self.path if e.flow not in CONNECTED), None)
        stops = (Flow.MEANINGLESS, Flow.MISSING)
        return next((e for e in self.path if e.flow in stops), None)


_HEADER = ("flow", "why", "op", "line")
UNUSED = GradStatus(False, Definition.DEFINED, "it is not used", ())  # by any output


class _Trail(NamedTuple):
    """A path, last edge first; ``flow`` is that of the whole of it, ``reach`` how far the values themselves came."""

    flow: Flow
    reach: int
    edge: Edge | None = None
    before: "_Trail | None" = None

    def edges(self) -> tuple[Edge, ...]:
        """The edges, first to last."""
        found: list[Edge] = []
        trail: _Trail | None = self
        while trail is not None and trail.edge is not None:
            found.append(trail.edge)
            trail = trail.before
        return tuple(reversed(found))


_START = _Trail(Flow.VALUE, 0)


def grad_status(graph: Graph, output: int, wrt: int) -> GradStatus:
    """The status of output ``output`` of ``graph`` with respect to its input ``wrt``."""
    return statuses(graph.outputs, graph.inputs[wrt])[output]


def statuses(outputs: Sequence[Var], wrt: Var, stop: Sequence[Var] = ()) -> list[GradStatus]:
    """The status of each output with respect to one variable, in one walk; ``stop`` counts as constant."""
    trails = _trails(outputs, wrt, stop)
    elsewhere = DEFINITIONS[beside([trails[v].flow for v in outputs if v in trails])]
    unused = UNUSED._replace(definition=elsewhere)
    return [_status(trails[v]) if v in trails else unused for v in outputs]


def worst(found: Sequence[GradStatus]) -> GradStatus:
    """The status that speaks for several: one that is connected and undefined, else connected, else the last lost."""
    connected = [s for s in found if s.connected]
    undefined = [s for s in connected if s.definition is not Definition.DEFINED]
    return (undefined or connected or sorted(found, key=lambda s: -len(s.path)))[0]


def _trails(outputs: Sequence[Var], wrt: Var, stop: Sequence[Var]) -> dict[Var, _Trail]:
    found: dict[Var, _Trail] = {wrt: _START}
    for node in toposort(outputs, stop=[wrt, *stop]):
        reached = [(i, found[v]) for i, v in enumerate(node.inputs) if v in found]
        if reached:
            for out in node.outputs:
                found[out] = _decisive([_extended(t, Edge(node, i, out.index)) for i, t in reached])
    return found


def _extended(trail: _Trail, edge: Edge) -> _Trail:
    flow = after(trail.flow, _flow_or_else(edge))
    reach = trail.reach + (trail.flow in CONNECTED)
    return _Trail(flow, reach, edge, trail)


def _flow_or_else(edge: Edge) -> Flow:
    """The flow of an edge; where this output does not use the input, but another one could make no sense of a
    fraction of it, that of a position: disconnected, and it would be undefined."""
    flow = edge.flow
    if flow is not Flow.UNUSED:
        return flow
    others = beside([edge_flow(edge.node, edge.i, k) for k in range(len(edge.node.outputs))])
    return Flow.POSITION if DEFINITIONS[others] is Definition.UNDEFINED else Flow.UNUSED


def _decisive(trails: Sequence[_Trail]) -> _Trail:
    """The path that speaks for several: the shortest; where none is connected, that on which values came furthest."""
    if len(trails) == 1:
        return trails[0]
    flow = beside([t.flow for t in trails])
    choose = min if flow in CONNECTED else max
    return choose([t for t in trails if t.flow is flow], key=lambda t: t.reach)


def _status(trail: _Trail) -> GradStatus:
    flow, path = trail.flow, trail.edges()
    status = GradStatus(flow in CONNECTED, DEFINITIONS[flow], "", path)
    return status._replace(reason=_reason(status, flow))


def _reason(status: GradStatus, flow: Flow) -> str:
    if status.decisive is not None:
        return status.decisive.reason
    if flow is Flow.VALUE:
        return "its values pass" if status.path else "it is the same variable"
    return next(e.reason for e in status.path if e.flow is Flow.STEP)


_TRANSPARENT = (Wrt, XRename, XBroadcast)

_WHY: dict[Flow, str] = {
    Flow.VALUE: "",
    Flow.STEP: "its values pass in steps, so the derivative is zero",
    Flow.POSITION: "it only decides which values there are, and where",
    Flow.MEANINGLESS: "a fraction of it has no meaning",
    Flow.MISSING: "the rule of its derivative is not written",
    Flow.UNUSED: "it is not used",
}


def why(node: Node, i: int, flow: Flow = Flow.POSITION) -> str:
    """The reason, in words, that the values of input ``i`` do not simply pass through ``node``.

    An op says it itself; ``{this}`` and ``{array}`` in it stand for the names of the input and of the first input.
    """
    op: Any = node.op
    said = getattr(op, "why", "")
    text: str = (said(i) if callable(said) else said) or _WHY[flow]  # pyright: ignore[reportAssignmentType]
    name, array = _name(node.inputs[i]), _name(node.inputs[0])
    text = text.replace("{this}", f"`{name}`" if name else "an index")
    return text.replace("{array}", f"`{array}`" if array else "the array")


def _name(v: Var) -> str | None:
    """The name of a variable, or of the one that it shows unchanged."""
    while v.node is not None and isinstance(v.op, _TRANSPARENT):
        v = v.node.inputs[0]
    return v.name


def op_text(node: Node) -> str:
    """The op of a node, as ``dprint`` shows it."""
    describe = getattr(node.op, "describe", None)
    return describe() if describe is not None else repr(node.op)
