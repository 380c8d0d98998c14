"""The immutable graph: ops, nodes, variables, closed functions, rewriting, checking and printing. Knows no arrays."""

from xgrad.graph.check import GraphError, check
from xgrad.graph.core import (
    Builder,
    Graph,
    Node,
    Op,
    Var,
    held_graphs,
    moment,
    rebuild,
    substitute,
    toposort,
)
from xgrad.graph.printing import format_graph
from xgrad.graph.rules import DECLINE, Any_, Fired, Rule, Rules, match, rewrite, rule
from xgrad.graph.source import Place, Source, current_source, located, user_source

__all__ = [
    "DECLINE",
    "Any_",
    "Builder",
    "Fired",
    "Graph",
    "GraphError",
    "Node",
    "Op",
    "Place",
    "Rule",
    "Rules",
    "Source",
    "Var",
    "check",
    "current_source",
    "format_graph",
    "held_graphs",
    "located",
    "match",
    "moment",
    "rebuild",
    "rewrite",
    "rule",
    "substitute",
    "toposort",
    "user_source",
]
