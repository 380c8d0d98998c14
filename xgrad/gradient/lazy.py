"""Making lazy derivatives: what a user asks for becomes one node, checked at once and expanded much later.

The node holds the closed subgraph between ``wrt`` and the outputs. What does not depend on ``wrt`` stays outside and
comes in as further inputs, so no rewrite can lose a variable, and nothing constant is differentiated.
"""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from xgrad.axes.elementwise import Add
from xgrad.axes.structural import Constant
from xgrad.gradient.markers import Wrt as Wrt
from xgrad.gradient.ops import Pullback, Pushforward
from xgrad.graph import Builder, Graph, Node, Op, Var, substitute, toposort
from xgrad.names import XConstant, XElemwise, XRename


class Closed(NamedTuple):
    """A closed subgraph, whose first inputs stand for ``wrt`` and the others for ``captured``."""

    graph: Graph
    captured: tuple[Var, ...]


def close(
    outputs: Sequence[Var], wrt: Sequence[Var], stop: Sequence[Var] = (), cut: Sequence[Var] = ()
) -> Closed:
    """The part of the graph of ``outputs`` that depends on ``wrt``, as a closed graph; ``stop`` counts as constant.

    So do the outputs in ``cut``, wherever others use them.
    """
    inputs = [_stand_in(v) for v in wrt]
    inside: dict[Var, Var] = dict(zip(wrt, inputs, strict=True))
    depends = {v for v in wrt if v not in cut}
    captured: dict[Var, Var] = {}
    kept: list[Node] = []
    formula: set[Var] = (
        set()
    )  # what is computed from numbers and counters alone: rules want to see it
    ends = _ends(outputs, wrt, cut)
    for node in ends.nodes(stop=[*wrt, *stop, *cut]):
        if any(v in depends for v in node.inputs):
            depends.update([v for v in node.outputs if v not in cut])
            kept.append(node)
        elif all(v in formula for v in node.inputs) and not _is_data(node):
            formula.update(node.outputs)
    for v in [*[v for node in kept for v in node.inputs], *ends.plain, *ends.below]:
        if v not in depends and v not in formula:
            captured.setdefault(v, _stand_in(v))
    captured.update([(v, captured[first]) for v, first in _equal_data(captured).items()])
    return _closed(outputs, inside, captured, ends)


def _equal_data(captured: Iterable[Var]) -> dict[Var, Var]:
    """Arrays that are there twice, each with the first of its kind: rules want to see that they are the same."""
    first: dict[tuple[Op, ...], Var] = {}
    arrays = {v: ops for v in captured if (ops := _array(v))}
    return {v: first[ops] for v, ops in arrays.items() if first.setdefault(ops, v) is not v}


def _array(v: Var) -> tuple[Op, ...]:
    """The array that a variable is, and its renames; nothing for what is computed."""
    ops: list[Op] = []
    while v.node is not None:
        ops.append(v.node.op)
        if _is_data(v.node):
            return tuple(ops)
        if not isinstance(v.node.op, XRename):
            return ()
        v = v.node.inputs[0]
    return ()


class _Ends(NamedTuple):
    """The outputs of a graph to close: those that others may use as they are, and the nodes of those cut off."""

    plain: tuple[Var, ...]
    cut: dict[Var, Node]

    def nodes(self, stop: Sequence[Var]) -> list[Node]:
        """Every node that the outputs need, each after its inputs."""
        found = toposort([*self.plain, *self.below], stop)
        return list(dict.fromkeys([*found, *self.cut.values()]))

    @property
    def below(self) -> list[Var]:
        """What the outputs that are cut off are computed from."""
        return [v for node in self.cut.values() for v in node.inputs]


def _ends(outputs: Sequence[Var], wrt: Sequence[Var], cut: Sequence[Var]) -> _Ends:
    computed = {v: v.node for v in outputs if v in cut and v not in wrt and v.node is not None}
    return _Ends(tuple([v for v in outputs if v not in computed]), computed)


def _closed(
    outputs: Sequence[Var], inside: dict[Var, Var], captured: dict[Var, Var], ends: _Ends
) -> Closed:
    builder = Builder()
    uses = {**inside, **captured}
    made = {v: inside.get(v, v) for v in ends.plain}
    rest = [v for v in ends.plain if v not in inside]
    made.update(zip(rest, substitute(rest, uses, builder), strict=True))
    for v, node in ends.cut.items():
        below = substitute(node.inputs, uses, builder)
        made[v] = builder.node(node.op, below, node).outputs[v.index]
    given = {inner: v for v, inner in reversed(captured.items())}  # of equal ones the first
    inputs = list(dict.fromkeys(captured.values()))
    graph = Graph([*inside.values(), *inputs], [made[v] for v in outputs])
    return Closed(graph, tuple([given[v] for v in inputs]))


def _stand_in(v: Var) -> Var:
    return Var(v.type, name=v.name, source=v.source)


def _is_data(node: Node) -> bool:
    """Whether a node is an array to be handed in, rather than a number or counter that belongs to the formula."""
    return isinstance(node.op, Constant) or (isinstance(node.op, XConstant) and not node.op.inline)


def lazy_pullback(
    outputs: Sequence[Var],
    wrt: Sequence[Var],
    cts: Sequence[Var],
    *,
    stop: Sequence[Var] = (),
    cut: Sequence[Var] = (),
    ad: str = "",
    mode: str = "auto",
) -> tuple[Var, ...]:
    """One ``Pullback`` node: the cotangents of ``wrt`` from the cotangents of ``outputs``.

    A variable of ``wrt`` may be computed from another: each gets its total derivative, by one more node each. The
    cotangents of the outputs in ``cut`` are known: what other outputs would send to them does not count.
    """
    graph, captured = close(outputs, wrt, stop, cut)
    made = Pullback(graph, tuple(range(len(wrt))), ad, mode).apply(*wrt, *captured, *cts)
    walls = [*stop, *[v for v in cut if v not in wrt]]
    return _chain(wrt, made, walls, ad)


def _chain(wrt: Sequence[Var], cts: Sequence[Var], stop: Sequence[Var], ad: str) -> tuple[Var, ...]:
    """Cotangents that also flow through those variables of ``wrt`` that are computed from others of them."""
    found = dict(zip(wrt, cts, strict=True))
    inner = [out for node in toposort(wrt, stop=stop) for out in node.outputs if out in found]
    for v in reversed(inner):
        sources = [u for u in wrt if u is not v and _reaches(u, v, stop)]
        if sources:
            graph, captured = close([v], sources, stop)
            op = Pullback(graph, tuple(range(len(sources))), ad)
            more = op.apply(*sources, *captured, found[v])
            found.update({u: _ADD(found[u], m) for u, m in zip(sources, more, strict=True)})
    return tuple([found[v] for v in wrt])


_ADD = XElemwise(Add())


def _reaches(source: Var, target: Var, stop: Sequence[Var]) -> bool:
    if target.node is None:
        return False
    return any(source in node.inputs for node in toposort([target], stop=[source, *stop]))


def lazy_pushforward(
    outputs: Sequence[Var],
    wrt: Sequence[Var],
    tangents: Sequence[Var],
    *,
    stop: Sequence[Var] = (),
    ad: str = "",
) -> tuple[Var, ...]:
    """One ``Pushforward`` node: the tangents of ``outputs`` from the tangents of ``wrt``."""
    graph, captured = close(outputs, wrt, stop)
    return Pushforward(graph, tuple(range(len(wrt))), ad).apply(*wrt, *captured, *tangents)
