"""Making lazy derivatives: what a user asks for becomes one node, checked at once and expanded much later.

The node holds the closed subgraph between ``wrt`` and the outputs. What does not depend on ``wrt`` stays outside and
comes in as further inputs, so no rewrite can lose a variable, and nothing constant is differentiated.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

from xgrad.axes.base import Flow
from xgrad.axes.structural import Constant
from xgrad.gradient.ops import Pullback, Pushforward
from xgrad.graph import Graph, Node, Op, Var, substitute, toposort
from xgrad.names import XConstant


class Wrt(Op):
    """The variable at which a function is differentiated: the same value, set apart from other uses of it.

    So ``grad(lambda y: (x * y).sum())(x)`` differentiates by ``y`` alone. Lowering drops it.
    """

    def infer(self, x: Any) -> Any:
        return x

    def flow(self, i: int, out: int, types: Sequence[Any]) -> Flow:
        return Flow.VALUE

    def describe(self) -> str:
        """What ``dprint`` shows."""
        return "Wrt"


class Closed(NamedTuple):
    """A closed subgraph, whose first inputs stand for ``wrt`` and the others for ``captured``."""

    graph: Graph
    captured: tuple[Var, ...]


def close(outputs: Sequence[Var], wrt: Sequence[Var], stop: Sequence[Var] = ()) -> Closed:
    """The part of the graph of ``outputs`` that depends on ``wrt``, as a closed graph; ``stop`` counts as constant."""
    inputs = [Var(v.type, name=v.name, source=v.source) for v in wrt]
    inside: dict[Var, Var] = dict(zip(wrt, inputs, strict=True))
    depends = set(wrt)
    captured: dict[Var, Var] = {v: _stand_in(v) for v in stop if v not in depends}
    kept: list[Node] = []
    for node in toposort(outputs, stop=[*wrt, *stop]):
        if any(v in depends for v in node.inputs):
            depends.update(node.outputs)
            kept.append(node)
    for v in [*[v for node in kept for v in node.inputs], *outputs]:
        if v not in depends and not _stays_inside(v):
            captured.setdefault(v, _stand_in(v))
    made = substitute(outputs, {**captured, **inside})
    return Closed(Graph([*inputs, *captured.values()], made), tuple(captured))


def _stand_in(v: Var) -> Var:
    return Var(v.type, name=v.name, source=v.source)


def _stays_inside(v: Var) -> bool:
    """Whether a constant is part of the formula (a number, a counter), rather than data to be handed in."""
    if v.node is None or v.node.inputs:
        return False
    is_data = isinstance(v.op, Constant) or (isinstance(v.op, XConstant) and not v.op.inline)
    return not is_data


def lazy_pullback(
    outputs: Sequence[Var], wrt: Sequence[Var], cts: Sequence[Var], *, stop: Sequence[Var] = (), ad: str = ""
) -> tuple[Var, ...]:
    """One ``Pullback`` node: the cotangents of ``wrt`` from the cotangents of ``outputs``.

    A variable of ``wrt`` may be computed from another: each gets its total derivative.
    """
    graph, captured = close(outputs, wrt, stop)
    made = Pullback(graph, tuple(range(len(wrt))), ad).apply(*wrt, *captured, *cts)
    return _chain(wrt, made, stop, ad)


def _chain(wrt: Sequence[Var], cts: Sequence[Var], stop: Sequence[Var], ad: str) -> tuple[Var, ...]:
    """Cotangents that also flow through those variables of ``wrt`` that are computed from others of them."""
    found = dict(zip(wrt, cts, strict=True))
    inner = [out for node in toposort(wrt, stop=stop) for out in node.outputs if out in found]
    for v in reversed(inner):
        sources = [u for u in wrt if u is not v and _reaches(u, v, stop)]
        if sources:
            graph, captured = close([v], sources, stop)
            more = Pullback(graph, tuple(range(len(sources))), ad).apply(*sources, *captured, found[v])
            found.update({u: _add(found[u], m) for u, m in zip(sources, more, strict=True)})
    return tuple([found[v] for v in wrt])


def _reaches(source: Var, target: Var, stop: Sequence[Var]) -> bool:
    if target.node is None:
        return False
    return any(source in node.inputs for node in toposort([target], stop=[source, *stop]))


def lazy_pushforward(
    outputs: Sequence[Var], wrt: Sequence[Var], tangents: Sequence[Var], *, stop: Sequence[Var] = (), ad: str = ""
) -> tuple[Var, ...]:
    """One ``Pushforward`` node: the tangents of ``outputs`` from the tangents of ``wrt``."""
    graph, captured = close(outputs, wrt, stop)
    return Pushforward(graph, tuple(range(len(wrt))), ad).apply(*wrt, *captured, *tangents)
