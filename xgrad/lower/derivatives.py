"""Where lazy derivatives become ordinary ops or JAX calls: innermost first, each by its route or the function's."""

from collections.abc import Callable, Sequence

from xgrad.gradient.delegate import delegate_pullback, delegate_pushforward, share_primals
from xgrad.gradient.expand import expand_pullback, expand_pushforward
from xgrad.gradient.markers import holds_markers, strip_markers
from xgrad.gradient.modes import holds_while, prefers_forward, pull_by_pushing
from xgrad.gradient.ops import Pullback, Pushforward
from xgrad.graph import Builder, Graph, Op, Var, located
from xgrad.lower.nested import map_inner

Expansion = Callable[..., tuple[Var, ...]]

REFERENCE = "reference"  # the route of the reference interpreter, which has no JAX: symbolic whatever a node names

ROUTES: dict[tuple[type[Op], str], Expansion] = {
    (Pullback, "symbolic"): expand_pullback,
    (Pullback, "auto"): expand_pullback,  # an op without a rule is delegated alone
    (Pullback, "jax"): delegate_pullback,
    (Pushforward, "symbolic"): expand_pushforward,
    (Pushforward, "auto"): expand_pushforward,
    (Pushforward, "jax"): delegate_pushforward,
}


def expand_derivatives(graph: Graph, ad: str, simplify: Callable[[Graph], Graph]) -> Graph:
    """``graph`` without lazy derivatives. ``simplify`` is applied to each subgraph before it is differentiated."""
    graph = map_inner(graph, lambda inner: simplify(expand_derivatives(inner, ad, simplify)))
    if not any(isinstance(node.op, Pullback | Pushforward) for node in graph.nodes):
        return graph
    return share_primals(_expand_here(graph, ad))


def _expand_here(graph: Graph, ad: str) -> Graph:
    builder = Builder()
    new: dict[Var, Var] = {v: v for v in graph.inputs}
    for node in graph.nodes:
        inputs: Sequence[Var] = [new[v] for v in node.inputs]
        if isinstance(node.op, Pullback | Pushforward):
            with located(node.source):
                outputs = _expansion(node.op, ad)(node.op, inputs)
        else:
            outputs = builder.node(node.op, inputs, node).outputs
        new.update(zip(node.outputs, outputs, strict=True))
    return Graph(graph.inputs, [new[v] for v in graph.outputs])


def _expansion(op: Pullback | Pushforward, ad: str) -> Expansion:
    """How a lazy derivative is expanded: by its route, and in the mode that costs less."""
    route = _route(op, ad)
    if route != "jax" and isinstance(op, Pullback) and prefers_forward(op):
        return pull_by_pushing
    return ROUTES[type(op), route]


def _route(op: Pullback | Pushforward, ad: str) -> str:
    """The route that the node names, else the function's; what only our rules know (or refuse) is symbolic."""
    wanted = "symbolic" if ad == REFERENCE else op.ad or ad
    ours = holds_markers(op.graph) or (isinstance(op, Pullback) and holds_while(op.graph))
    return "symbolic" if wanted == "jax" and ours else wanted


def strip_everywhere(graph: Graph) -> Graph:
    """``graph`` without markers, also in the graphs that its ops hold."""
    return strip_markers(map_inner(graph, strip_everywhere))
