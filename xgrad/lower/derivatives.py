"""Where lazy derivatives become ordinary ops or JAX calls: innermost first, each by its route or the function's."""

from collections.abc import Callable, Container, Sequence

from xgrad.gradient.delegate import delegate_pullback, delegate_pushforward, share_primals
from xgrad.gradient.expand import expand_pullback, expand_pushforward
from xgrad.gradient.markers import holds_markers, strip_markers
from xgrad.gradient.modes import by_one_number, holds_while, is_pushed, pull_by_pushing
from xgrad.gradient.oneway import holds_host_call
from xgrad.gradient.ops import JvpCall, Pullback, Pushforward, VjpCall
from xgrad.gradient.twice import is_symmetric
from xgrad.graph import Builder, Graph, Node, Op, Var, located
from xgrad.lower.nested import map_inner, map_inner_of

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
    return _expand(graph, ad, simplify, keep=False)


def _expand(graph: Graph, ad: str, simplify: Callable[[Graph], Graph], keep: bool) -> Graph:
    """``graph`` without lazy derivatives; with ``keep``, those are left whose own derivative is known."""

    def inside(op: Op, inner: Graph) -> Graph:
        return simplify(_expand(inner, ad, simplify, _keeps_pullbacks(op, ad)))

    while True:
        graph = map_inner_of(graph, inside)
        lazy = [node for node in graph.nodes if isinstance(node.op, Pullback | Pushforward)]
        todo = {node for node in lazy if not (keep and _is_kept(node.op, ad))}
        if not todo:
            return graph
        graph = share_primals(_expand_here(graph, ad, todo))


def _keeps_pullbacks(op: Op, ad: str) -> bool:
    """Whether the pullbacks in the graph of ``op`` may stay: it is itself one, of reverse mode and by our rules."""
    return isinstance(op, Pullback) and _is_symbolic(op, ad) and not by_one_number(op)


def _is_kept(op: Op, ad: str) -> bool:
    return isinstance(op, Pullback) and _is_symbolic(op, ad) and is_symmetric(op)


def _is_symbolic(op: Pullback, ad: str) -> bool:
    return ad != REFERENCE and _route(op, ad) != "jax"


def _expand_here(graph: Graph, ad: str, todo: Container[Node]) -> Graph:
    builder = Builder()
    new: dict[Var, Var] = {v: v for v in graph.inputs}
    for node in graph.nodes:
        inputs: Sequence[Var] = [new[v] for v in node.inputs]
        if node in todo and isinstance(node.op, Pullback | Pushforward):
            with located(node.source):
                outputs = _expansion(node.op, ad)(node.op, inputs)
        else:
            outputs = builder.node(node.op, inputs, node).outputs
        new.update(zip(node.outputs, outputs, strict=True))
    return Graph(graph.inputs, [new[v] for v in graph.outputs])


def _expansion(op: Pullback | Pushforward, ad: str) -> Expansion:
    """How a lazy derivative is expanded: by its route, and in the mode that costs less."""
    route = _route(op, ad)
    if isinstance(op, Pullback) and is_pushed(op, route):
        return pull_by_pushing
    return ROUTES[type(op), route]


def _route(op: Pullback | Pushforward, ad: str) -> str:
    """The route that the node names, else the function's; what only our rules know (or refuse) is symbolic."""
    wanted = "symbolic" if ad == REFERENCE else op.ad or ad
    ours = holds_markers(op.graph) or holds_host_call(op.graph)
    ours = ours or (isinstance(op, Pullback) and holds_while(op.graph))
    return "symbolic" if wanted == "jax" and ours else wanted


def strip_everywhere(graph: Graph) -> Graph:
    """``graph`` without markers, also in the graphs that its ops hold. What JAX differentiates has none of ours."""
    return strip_markers(map_inner(graph, strip_everywhere, but=(VjpCall, JvpCall)))
