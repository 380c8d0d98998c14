"""``xgrad.draw``: graphs as pictures."""

import os
from pathlib import Path
from typing import Any

from xgrad.errors import ArgumentError, UnsupportedTypeError
from xgrad.graph import markup
from xgrad.transforms.graphs.kinds import MOST_NODES, drawn, nodes_within
from xgrad.transforms.graphs.show import graph_of


class Picture:
    """A graph as a picture: notebooks show it, ``svg`` is its source, ``save`` writes it to a file."""

    def __init__(self, svg: str) -> None:
        self.svg = svg

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the picture to ``path``, which ends in ``.svg`` or ``.html``; ArgumentError for another ending."""
        if Path(path).suffix not in (".svg", ".html"):
            raise ArgumentError(
                f"a picture is written as .svg or .html; {os.fspath(path)!r} ends in {Path(path).suffix!r}."
            )
        page = f"<!DOCTYPE html>\n<meta charset='utf-8'>\n{self.svg}"
        text = self.svg if Path(path).suffix == ".svg" else page
        Path(path).write_text(text, encoding="utf-8")

    def __repr__(self) -> str:
        return f"<Picture: {self.svg.count('<title>')} boxes, shown in notebooks; save(path) writes it to a file>"

    def _repr_html_(self) -> str:
        return markup.svg(self.svg)


def draw(value: Any, path: str | os.PathLike[str] | None = None) -> Picture:
    """Draw the graph of symbolic arrays: a box for each op, coloured by kind, with dims, sizes and dtype.

    Takes what ``dprint`` takes: symbolic DataArrays and Datasets, variables, graphs of either layer such as
    ``f.stages(...).axes``, and ``f.stages(...)`` and compiled graphs, of which it draws the graph of names. Bodies of
    loops, and the functions that lazy derivatives are of, are drawn inside the boxes of these. The tooltip of a box has
    the op in full, and the user's line. ``path`` saves the picture, as ``.svg`` or ``.html``.

    Raises UnsupportedTypeError for what has no graph, ArgumentError for another ending of ``path``, and for a graph of
    more nodes than anybody could look at.

    >>> import xgrad as xg
    >>> x = xg.xtensor("x", dims="time", shape=3)
    >>> draw((x**2).sum("time"))
    <Picture: 8 boxes, shown in notebooks; save(path) writes it to a file>
    """
    graph = graph_of(value)
    if graph is None:
        raise UnsupportedTypeError(
            f"xgrad.draw takes symbolic arrays, graphs and stages, not a {type(value).__name__};"
            " of a compiled function, draw f.stages(...) of a call."
        )
    count = nodes_within(graph)
    if count > MOST_NODES:
        raise ArgumentError(
            f"the graph has {count} nodes, and a picture of more than {MOST_NODES} cannot be read;"
            " draw a part of it, or print it with xgrad.dprint."
        )
    picture = Picture(drawn(graph))
    if path is not None:
        picture.save(path)
    return picture
