"""One loop for what a derivative taken by JAX computes on its way there, and others read too.

The value and the derivative are one node then (``VjpCall``), which hands out the value. What is returned beside it, by
``has_aux``, may need other results of the same loop: the node hands them out too, and JAX does not differentiate them.

Why it ends: every firing lowers the number of loops.
"""

from collections.abc import Callable, Collection

from xgrad.gradient.ops import JvpCall, VjpCall
from xgrad.graph import Fired, Graph, Node, Var, located, substitute, toposort
from xgrad.lower.frames import all_loops, below, held_loops, read_of
from xgrad.lower.nested import WholeRule

ASIDE = WholeRule(
    "handed_aside"
)  # vjp(f)(x, ȳ), g(x): the loops of g that are those of f are in the first


def hand_aside(
    graph: Graph,
    disabled: Collection[str],
    simplify: Callable[[Graph], Graph],
    fired: list[Fired],
) -> Graph:
    """``graph`` with the loops that JAX runs for a derivative computed there alone."""
    if ASIDE.name in disabled:
        return graph
    for k in range(len(_delegated(graph))):
        node = _delegated(graph)[k]
        with located(node.source):
            mapping = _handed(graph, node, simplify)
        if mapping:
            fired.append(Fired(ASIDE.name, node.outputs[0], mapping[node.outputs[0]]))
            graph = Graph(graph.inputs, substitute(graph.outputs, mapping))
    return graph


def _delegated(graph: Graph) -> list[Node]:
    return [node for node in graph.nodes if isinstance(node.op, VjpCall)]


def _handed(graph: Graph, node: Node, simplify: Callable[[Graph], Graph]) -> dict[Var, Var]:
    """What stands for the outputs of ``node`` and of the loops that it can run; empty where that saves none."""
    op = node.op
    assert isinstance(op, VjpCall)
    count, outs = len(op.graph.inputs), len(op.graph.outputs)
    loops = _loops_beside(graph, node)
    wanted = read_of(graph, loops)
    inside = dict(zip(node.inputs[:count], op.graph.inputs, strict=True))
    fixed = {v: Var(v.type, source=v.source) for v in _leaves(wanted, node) if v not in inside}
    joint = simplify(
        Graph(
            [*op.graph.inputs, *fixed.values()],
            [*op.graph.outputs, *substitute(wanted, inside | fixed)],
        )
    )
    if all_loops([joint]) >= all_loops([op.graph]) + sum(map(held_loops, loops)):
        return {}
    joined = VjpCall(joint, op.wrt, op.aside + len(wanted))
    made = joined.apply(*node.inputs[:count], *fixed, *node.inputs[count:])
    first, aside, cts = made[:outs], made[outs : outs + len(wanted)], made[outs + len(wanted) :]
    mapping = dict(zip(node.outputs, [*first, *cts], strict=True))
    return mapping | dict(zip(wanted, aside, strict=True))


def _loops_beside(graph: Graph, node: Node) -> list[Node]:
    """The loops that neither lead to ``node`` nor come from it."""
    apart = {*toposort(node.inputs), node}
    after = below(graph, node)
    return [
        n
        for n in graph.nodes
        if held_loops(n)
        and n not in apart
        and n.outputs[0] not in after
        and not isinstance(n.op, VjpCall | JvpCall)
    ]


def _leaves(wanted: Collection[Var], node: Node) -> list[Var]:
    """What else ``wanted`` are computed from: inputs of the graph, and loops that lead to ``node``."""
    before = [v for n in toposort(node.inputs) if held_loops(n) for v in n.outputs]
    stop = set(before) | set(node.inputs)
    read = [v for n in toposort(list(wanted), stop=list(stop)) for v in n.inputs]
    return [v for v in dict.fromkeys(read) if v.node is None or v in before]
