"""Chains of products in another order where that takes fewer multiplications: (A B) x = A (B x).

A pass over the whole graph, not a rule at one place: only a product that nothing else uses may be taken apart.

Why it ends: an order is changed only for one that takes fewer multiplications.
"""

from collections import Counter
from collections.abc import Collection
from math import prod
from typing import Any, NamedTuple

from xgrad.axes.contract import Einsum
from xgrad.axes.structural import Permute
from xgrad.graph import Builder, Fired, Graph, Node, Var, located
from xgrad.lower.nested import WholeRule, map_inner
from xgrad.lower.rules.products import Factor, best_plan, label_sizes, multiplied

CHAIN = WholeRule("chain_order")  # (a b) c = a (b c), by cost
_LONGEST = 10  # a longer chain is looked at in parts


class Order(NamedTuple):
    """The factors of a chain, and the order in which they are to be multiplied."""

    factors: list[Factor]
    tree: Any


def reorder_chains(graph: Graph, disabled: Collection[str], fired: list[Fired]) -> Graph:
    """``graph`` with every chain of products in the order that costs least, in the graphs that its ops hold too."""
    graph = map_inner(graph, lambda inner: reorder_chains(inner, disabled, fired))
    orders = {} if CHAIN.name in disabled else _orders(graph)
    if not orders:
        return graph
    builder = Builder()
    new: dict[Var, Var] = {v: v for v in graph.inputs}
    for node in graph.nodes:
        outputs = builder.node(node.op, [new[v] for v in node.inputs], node).outputs
        order = orders.get(node.outputs[0])
        if order is not None:
            outputs = (_in_order(node, order, new),)
            fired.append(Fired(CHAIN.name, node.outputs[0], outputs[0]))
        new.update(zip(node.outputs, outputs, strict=True))
    return Graph(graph.inputs, [new[v] for v in graph.outputs])


def _in_order(node: Node, order: Order, new: dict[Var, Var]) -> Var:
    factors = [(new[v], own) for v, own in order.factors]
    with located(node.source):
        return multiplied(factors, node.op.output, order.tree)  # pyright: ignore[reportAttributeAccessIssue]


def _orders(graph: Graph) -> dict[Var, Order]:
    """The chains that have a better order, by their last product."""
    last = [node.outputs[0] for node in reversed(graph.nodes) if isinstance(node.op, Einsum)]
    if not any(_is_link(x) for out in last for x in out.inputs):
        return {}
    uses = Counter([v for node in graph.nodes for v in node.inputs] + list(graph.outputs))
    found: dict[Var, Order] = {}
    inside: set[Var] = set()
    for out in last:
        if out not in inside:
            order = _better(out, uses, inside)
            if order is not None:
                found[out] = order
    return found


def _is_link(x: Var) -> bool:
    """Whether a factor is a product itself, turned or not."""
    x = x.inputs[0] if isinstance(x.op, Permute) else x
    return isinstance(x.op, Einsum) and len(x.inputs) == 2


def _better(out: Var, uses: Counter[Var], inside: set[Var]) -> Order | None:
    """The best order of the chain that ends in ``out``; None where it is in it."""
    factors, links = _chain(out, uses)
    if not links:
        return None
    inside.update(links)
    op: Any = out.op
    sizes = label_sizes(factors)
    plan = best_plan([own for _, own in factors], op.output, sizes)
    if plan.cost >= sum([_multiplications(v) for v in (out, *links)]):
        return None
    return Order(factors, plan.tree)


def _chain(out: Var, uses: Counter[Var]) -> tuple[list[Factor], list[Var]]:
    """The factors of a product of products, and the products inside it, which nothing else uses."""
    op: Any = out.op
    found: list[Factor] = []
    links: list[Var] = []
    fresh = 1 + max([k for own in op.operands for k in own], default=0)
    todo = list(zip(out.inputs, op.operands, strict=True))[::-1]
    while todo:
        v, own = todo.pop()
        if not (_is_link(v) and uses[v] == 1 and len(found) + len(todo) < _LONGEST):
            found.append((v, own))
            continue
        if isinstance(v.op, Permute):
            turned = dict(zip(v.op.perm, own, strict=True))
            v, own = v.inputs[0], tuple([turned[a] for a in range(len(own))])
            if uses[v] != 1:
                found.append((v, own))
                continue
        inner: Any = v.op
        names = dict(zip(inner.output, own, strict=True))
        for label in dict.fromkeys([k for term in inner.operands for k in term]):
            if label not in names:
                names[label] = fresh
                fresh += 1
        links.append(v)
        pairs = list(zip(v.inputs, inner.operands, strict=True))
        todo += [(u, tuple([names[k] for k in term])) for u, term in pairs][::-1]
    return found, links


def _multiplications(product: Var) -> int:
    """How many multiplications an einsum of two operands takes."""
    op: Any = product.op
    factors = list(zip(product.inputs, op.operands, strict=True))
    return prod(label_sizes(factors).values())
