"""Why a derivative exists or not: two independent answers, followed along every path of a graph.

*Connected* asks whether the values of an input affect the values of an output; *definition* asks whether the
derivative has a meaning and a rule. Each op states the flow of each input (``axes.base.Flow``); here the flows along
paths are put together: the first non-connected edge disconnects a path, one connected path connects, and one
connected undefined path makes the whole undefined.
"""

from collections.abc import Sequence
from enum import Enum
from typing import Any, NamedTuple

from xgrad.axes.base import Flow
from xgrad.graph import Graph, Node, Var, toposort


class Definition(Enum):
    """Whether the derivative has a meaning and a rule."""

    DEFINED = "defined"
    UNDEFINED = "undefined"
    NOT_IMPLEMENTED = "not implemented"


class GradStatus(NamedTuple):
    """The two answers for one (output, input) pair, the reason in words, and the path (nodes, input first)."""

    connected: bool
    definition: Definition
    reason: str
    path: tuple[Node, ...]


_ITSELF = GradStatus(True, Definition.DEFINED, "it is the same variable", ())
_UNUSED = GradStatus(False, Definition.DEFINED, "it is not used", ())

_AFTER: dict[Flow, tuple[bool, Definition]] = {
    Flow.VALUE: (True, Definition.DEFINED),
    Flow.STEP: (True, Definition.DEFINED),
    Flow.POSITION: (False, Definition.UNDEFINED),
    Flow.MEANINGLESS: (True, Definition.UNDEFINED),
    Flow.MISSING: (True, Definition.NOT_IMPLEMENTED),
    Flow.UNUSED: (False, Definition.DEFINED),
}


def grad_status(graph: Graph, output: int, wrt: int) -> GradStatus:
    """The status of output ``output`` of ``graph`` with respect to its input ``wrt``."""
    return statuses([graph.outputs[output]], graph.inputs[wrt])[0]


def statuses(outputs: Sequence[Var], wrt: Var) -> list[GradStatus]:
    """The status of each output with respect to one variable, in one walk."""
    found: dict[Var, GradStatus] = {wrt: _ITSELF}
    for node in toposort(outputs, stop=[wrt]):
        reached = [(i, found[v]) for i, v in enumerate(node.inputs) if v in found]
        if reached:
            for out in node.outputs:
                found[out] = _combine([_step(node, i, out.index, s) for i, s in reached])
    return [found.get(v, _UNUSED) for v in outputs]


def _step(node: Node, i: int, out: int, before: GradStatus) -> GradStatus:
    """``before`` carried over one edge: from input ``i`` of ``node`` to its output ``out``."""
    if not before.connected:
        return before
    flow = _flow(node, i, out)
    connected, definition = _AFTER[flow]
    path = (*before.path, node) if len(before.path) < _LONGEST_PATH else before.path
    if flow in (Flow.VALUE, Flow.STEP):
        return before._replace(path=path)
    reason = why(node, i)
    if not connected:
        return GradStatus(False, definition, reason, path)
    if before.definition is not Definition.DEFINED:
        return before._replace(path=path)
    return GradStatus(True, definition, reason, path)


_LONGEST_PATH = 64  # a path is shown to a person; keeping every prefix of a long chain would cost its square


def _flow(node: Node, i: int, out: int) -> Flow:
    op: Any = node.op
    return op.flow(i, out, [v.type for v in node.inputs])


def why(node: Node, i: int) -> str:
    """The reason, in words, that the values of input ``i`` do not pass through ``node``."""
    op: Any = node.op
    reason = getattr(op, "why", "") or "it does not pass a derivative"
    return reason(i) if callable(reason) else reason


def _combine(found: Sequence[GradStatus]) -> GradStatus:
    connected = [s for s in found if s.connected]
    undefined = [s for s in connected if s.definition is not Definition.DEFINED]
    return (undefined or connected or list(found))[0]
