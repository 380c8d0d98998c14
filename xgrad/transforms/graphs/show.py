"""``xgrad.dprint``: graphs as text."""

import sys
from typing import Any, TextIO

from xgrad.graph import Graph, Var, format_graph
from xgrad.labels import unwrap
from xgrad.transforms.calls.stages import Stages
from xgrad.transforms.calls.trace import free_inputs
from xgrad.transforms.graphs.function import GraphFunction
from xgrad.transforms.parts import parts_of


def dprint(*values: Any, file: TextIO | str | None = None) -> str | None:
    """Print the graphs of symbolic arrays as trees, with dims, sizes and the lines that made them.

    Takes symbolic DataArrays and Datasets, traced arrays, variables, graphs, ``f.stages(...)`` and compiled graphs.
    ``file="str"`` returns the text instead of printing it.

    >>> import xgrad as xg
    >>> x = xg.xtensor("x", dims="time", shape=3)
    >>> print(dprint(x, file="str"))
    x: float64(time: 3)
    """
    text = "\n\n".join([_text(value) for value in values])
    if file == "str":
        return text
    print(text, file=sys.stdout if file is None else file)  # pyright: ignore[reportArgumentType]
    return None


def _text(value: Any) -> str:
    if isinstance(value, GraphFunction):
        value = value.stages()
    if isinstance(value, Stages):
        return str(value)
    graph = graph_of(value)
    return repr(value) if graph is None else format_graph(graph)


def graph_of(value: Any) -> Graph | None:
    """The graph of symbolic arrays; of stages the graph of names; None where there is none."""
    if isinstance(value, GraphFunction):
        value = value.stages()
    if isinstance(value, Stages):
        return value.names
    if isinstance(value, Graph):
        return value
    variables = [value] if isinstance(value, Var) else [unwrap(part) for part in parts_of(value)]
    return Graph(free_inputs(variables), variables) if variables else None
