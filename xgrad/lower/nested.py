"""Rewriting through the graphs that ops hold (lazy derivatives, delegated calls, loops)."""

import dataclasses
from collections.abc import Callable

from xgrad.graph import Builder, Fired, Graph, Op, Rules, Var, rewrite


def rewrite_everywhere(graph: Graph, rules: Rules, fired: list[Fired] | None = None) -> Graph:
    """``rewrite`` on ``graph`` and on every graph held by an op in it, innermost first."""
    return rewrite(map_inner(graph, lambda g: rewrite_everywhere(g, rules, fired)), rules, fired)


def map_inner(graph: Graph, change: Callable[[Graph], Graph]) -> Graph:
    """``graph`` with ``change`` applied to every graph that an op of it holds as a field.

    Recursion is as deep as derivatives and loops are nested, not as the graph is long.
    """
    if not any(inner_graphs(node.op) for node in graph.nodes):
        return graph
    builder = Builder()
    new: dict[Var, Var] = {v: v for v in graph.inputs}
    for node in graph.nodes:
        op = with_inner(node.op, change)
        made = builder.node(op, [new[v] for v in node.inputs], node)
        new.update(zip(node.outputs, made.outputs, strict=True))
    return Graph(graph.inputs, [new[v] for v in graph.outputs])


def inner_graphs(op: Op) -> dict[str, Graph]:
    """The fields of ``op`` that are graphs."""
    return {name: value for name, value in op.parameters.items() if isinstance(value, Graph)}


def with_inner(op: Op, change: Callable[[Graph], Graph]) -> Op:
    """``op`` with ``change`` applied to the graphs it holds."""
    held = inner_graphs(op)
    if not held:
        return op
    return dataclasses.replace(op, **{name: change(g) for name, g in held.items()})  # pyright: ignore[reportArgumentType, reportCallIssue]
