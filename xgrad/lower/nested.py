"""Rewriting through the graphs that ops hold (lazy derivatives, delegated calls, loops)."""

import dataclasses
from collections.abc import Callable
from functools import cache
from typing import Any, NamedTuple

from xgrad.graph import Builder, Fired, Graph, Node, Op, Rules, Var, rebuild, rewrite


class WholeRule(NamedTuple):
    """The name of an equation that is applied by a pass over the whole graph: at one place it cannot be decided."""

    name: str


def rewrite_everywhere(graph: Graph, rules: Rules, fired: list[Fired] | None = None) -> Graph:
    """``rewrite`` on ``graph`` and on every graph held by an op in it, innermost first."""
    return rewrite(map_inner(graph, lambda g: rewrite_everywhere(g, rules, fired)), rules, fired)


def map_inner(
    graph: Graph, change: Callable[[Graph], Graph], but: tuple[type[Op], ...] = ()
) -> Graph:
    """``graph`` with ``change`` applied to every graph that an op of it holds as a field, ``but`` for some ops.

    Recursion is as deep as derivatives and loops are nested, not as the graph is long.
    """
    if not any(inner_graphs(node.op) for node in graph.nodes):
        return graph
    builder = Builder()
    new: dict[Var, Var] = {v: v for v in graph.inputs}
    for node in graph.nodes:
        op = node.op if isinstance(node.op, but) else with_inner(node.op, change)
        made = builder.node(op, [new[v] for v in node.inputs], node)
        new.update(zip(node.outputs, made.outputs, strict=True))
    return Graph(graph.inputs, [new[v] for v in graph.outputs])


def inner_graphs(op: Op) -> dict[str, Graph | tuple[Graph, ...]]:
    """The fields of ``op`` that are graphs, or tuples of graphs."""
    names = _graph_fields(type(op))
    return {name: value for name in names if _holds_graphs(value := getattr(op, name))}


@cache
def _graph_fields(op_class: type[Op]) -> tuple[str, ...]:
    """The fields of an op class that are declared to be graphs, or tuples of them: most have none."""
    fields = dataclasses.fields(op_class)  # pyright: ignore[reportArgumentType]
    return tuple([f.name for f in fields if "Graph" in str(f.type)])


def _holds_graphs(value: Any) -> bool:
    if isinstance(value, Graph):
        return True
    return isinstance(value, tuple) and bool(value) and isinstance(value[0], Graph)


def with_inner(op: Op, change: Callable[[Graph], Graph]) -> Op:
    """``op`` with ``change`` applied to the graphs it holds."""
    held = inner_graphs(op)
    if not held:
        return op
    changed = {
        name: change(value) if isinstance(value, Graph) else tuple(map(change, value))
        for name, value in held.items()
    }
    return dataclasses.replace(op, **changed)  # pyright: ignore[reportArgumentType, reportCallIssue]


def map_inner_of(graph: Graph, change: Callable[[Op, Graph], Graph]) -> Graph:
    """``map_inner`` with a ``change`` that is told the op that holds the graph."""
    return rebuild(graph, lambda node, inputs: _changed(node, inputs, change))


def _changed(
    node: Node, inputs: tuple[Var, ...], change: Callable[[Op, Graph], Graph]
) -> tuple[Var, ...]:
    op = with_inner(node.op, lambda inner: change(node.op, inner))
    if op is node.op and all(a is b for a, b in zip(inputs, node.inputs, strict=True)):
        return node.outputs
    return Node(op, inputs, [v.type for v in node.outputs], node.source).outputs
