"""What is the same at all places of a batched graph is computed outside it, once.

There it merges with the same values around, the primal ones of a derivative first of all; and a batch that is computed
in chunks, or by the reference interpreter, does not repeat it.
"""

from collections.abc import Sequence

from xgrad.axes.batched import Batched
from xgrad.axes.constants import Full, Iota
from xgrad.axes.spread import Expand
from xgrad.graph import Builder, Graph, Var, located, substitute
from xgrad.lower.nested import map_inner

_FREE = (Expand, Full, Iota)  # cost nothing inside, and would take memory outside


def hoist(graph: Graph) -> Graph:
    """``graph`` with the steady values of its batched graphs computed outside them, innermost first."""
    graph = map_inner(graph, hoist)
    if not any(isinstance(node.op, Batched) for node in graph.nodes):
        return graph
    builder = Builder()
    new: dict[Var, Var] = {v: v for v in graph.inputs}
    for node in graph.nodes:
        inputs = [new[v] for v in node.inputs]
        if isinstance(node.op, Batched):
            with located(node.source):
                outputs = _hoisted(node.op, inputs)
        else:
            outputs = builder.node(node.op, inputs, node).outputs
        new.update(zip(node.outputs, outputs, strict=True))
    return Graph(graph.inputs, [new[v] for v in graph.outputs])


def _hoisted(op: Batched, inputs: Sequence[Var]) -> tuple[Var, ...]:
    """The outputs of a batched graph on ``inputs``, after taking out of it what is steady."""
    pairs = list(zip(op.graph.inputs, inputs, op.mapped, strict=True))
    shared = {inside: outside for inside, outside, mapped in pairs if not mapped}
    wanted = _frontier(op.graph, set(shared))
    outside = substitute(wanted, shared)
    inside = {v: Var(v.type, name=v.name, source=v.source) for v in wanted}
    places = [(part, whole) for part, whole, mapped in pairs if mapped]
    given = [*places, *zip(inside.values(), outside, strict=True)]
    mapped = (*(True,) * len(places), *(False,) * len(wanted))
    body = Graph([part for part, _ in given], substitute(op.graph.outputs, inside))
    return Batched(body, mapped, op.size, op.chunk).apply(*[whole for _, whole in given])


def _frontier(graph: Graph, shared: set[Var]) -> list[Var]:
    """The steady values that the rest of ``graph`` is computed from."""
    steady, needed = set(shared), []
    for node in graph.nodes:
        if all(v in steady for v in node.inputs):
            steady.update(node.outputs)
        else:
            needed += node.inputs
    stack = [v for v in reversed([*needed, *graph.outputs]) if v in steady]
    found: dict[Var, None] = {}
    while stack:
        v = stack.pop()
        if isinstance(v.op, _FREE):
            stack += v.inputs
        else:
            found[v] = None
    return list(found)
