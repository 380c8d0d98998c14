"""Graphs as pictures, in SVG: a box for each op, with its type, arrows from what it is computed from.

What an op holds (the body of a loop, the function that a derivative is of) is drawn inside its box. A constant is drawn
beside each of its uses. Which colour an op has is the caller's to say: nothing here knows the ops of any layer.
"""

import html
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from xgrad.graph.core import Graph, Node, Op, Var
from xgrad.graph.layout import Edge, layered

KindOf = Callable[[Op], str]

COLOURS = {  # of each kind the fill and the border
    "input": ("#dbeafe", "#2563eb"),
    "constant": ("#f3f4f6", "#9ca3af"),
    "elementwise": ("#dcfce7", "#16a34a"),
    "reduction": ("#ffedd5", "#ea580c"),
    "movement": ("#f3e8ff", "#9333ea"),
    "loop or branch": ("#fef9c3", "#ca8a04"),
    "derivative": ("#fee2e2", "#dc2626"),
    "other": ("#ccfbf1", "#0d9488"),
    "result": ("#1e3a8a", "#1e3a8a"),
    "inferred": ("#ffffff", "#374151"),  # from here on those of variables of models
    "observed": ("#bfdbfe", "#1d4ed8"),
    "known": ("#e5e7eb", "#6b7280"),
    "computed": ("#dcfce7", "#16a34a"),
    "potential": ("#ffedd5", "#ea580c"),
}
_SIZE, _LINE, _MARGIN, _PADDING = 12, 17.0, 16.0, 10.0
_LETTER = 0.61 * _SIZE  # the width of one, in the fonts below
_LONGEST = 44  # letters of a line; the whole of it is in the tooltip
_FONT = "ui-monospace, 'DejaVu Sans Mono', Menlo, Consolas, monospace"


class Drawing(NamedTuple):
    """Elements of SVG, and the room they take."""

    svg: str
    width: float
    height: float


@dataclass(frozen=True)
class Box:
    """What is drawn for one input, op, constant or result."""

    kind: str
    lines: tuple[str, ...]  # the first is its name
    tooltip: str
    inner: tuple[tuple[str, Drawing], ...] = ()

    @property
    def width(self) -> float:
        text = [text_width(line) for line in self.lines]
        inside = [max(d.width, text_width(title)) for title, d in self.inner]
        return max([*text, *inside]) + 2 * _PADDING

    @property
    def height(self) -> float:
        inside = sum([_LINE + drawing.height + _PADDING for _, drawing in self.inner])
        return _LINE * len(self.lines) + _PADDING + inside


def to_svg(graph: Graph, kind_of: KindOf) -> str:
    """The picture of a graph as a document of SVG."""
    return document(_drawing(graph, kind_of))


def document(drawing: Drawing) -> str:
    """A document of SVG, with a legend of the colours in it."""
    legend = _legend([kind for kind in COLOURS if f'class="{kind}"' in drawing.svg])
    width = max(drawing.width, legend.width) + 2 * _MARGIN
    height = drawing.height + legend.height + 3 * _MARGIN
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:.0f}" height="{height:.0f}"'
        f' viewBox="0 0 {width:.0f} {height:.0f}" font-family="{_FONT}" font-size="{_SIZE}">\n'
        f'<rect width="100%" height="100%" rx="6" fill="white"/>\n'
        f"{moved(drawing.svg, _MARGIN, _MARGIN)}\n"
        f"{moved(legend.svg, _MARGIN, drawing.height + 2 * _MARGIN)}\n</svg>\n"
    )


def _drawing(graph: Graph, kind_of: KindOf) -> Drawing:
    """A graph, laid out. A graph inside an op is drawn before the one around it."""
    boxes, edges = _Boxes(graph, kind_of).found()
    layout = layered([(box.width, box.height) for box in boxes], edges)
    arrows = [arrow(path) for path in layout.edges]
    drawn = [
        moved(box_svg(box), place.x - box.width / 2, place.y)
        for box, place in zip(boxes, layout.boxes, strict=True)
    ]
    return Drawing("\n".join([*arrows, *drawn]), layout.width, layout.height)


class _Boxes:
    """The boxes of a graph, each after what it is computed from, and the arrows between them."""

    def __init__(self, graph: Graph, kind_of: KindOf) -> None:
        self.graph = graph
        self.kind_of = kind_of
        self.boxes: list[Box] = []
        self.edges: list[Edge] = []
        self.at: dict[Any, int] = {}  # the number of the box of a node or of an input

    def found(self) -> tuple[list[Box], list[Edge]]:
        for i, v in enumerate(self.graph.inputs):
            self.at[v] = self.add(Box("input", (v.name or f"in{i}", str(v.type)), _tooltip(v)))
        for node in self.graph.nodes:
            if node.inputs:
                self.at[node] = self.add_with(_op_box(node, self.kind_of), node.inputs)
        for i, v in enumerate(self.graph.outputs):
            name = "result" if len(self.graph.outputs) == 1 else f"result {i}"
            self.add_with(Box("result", (name,), _tooltip(v)), [v])
        return self.boxes, self.edges

    def add(self, box: Box) -> int:
        self.boxes.append(box)
        return len(self.boxes) - 1

    def add_with(self, box: Box, inputs: Sequence[Var]) -> int:
        """A box, and the arrows into it in the order of the inputs."""
        starts = [self.start(v) for v in inputs]
        number = self.add(box)
        for k, (start, leaves) in enumerate(starts):
            self.edges.append(Edge(start, number, leaves, (k + 1) / (len(inputs) + 1)))
        return number

    def start(self, v: Var) -> tuple[int, float]:
        """The box of a value, made here for a constant, and the place where its arrows leave it."""
        if v.node is None:
            if v not in self.at:
                self.at[v] = self.add(Box("input", (v.name or "free", str(v.type)), _tooltip(v)))
            return self.at[v], 0.5
        if not v.node.inputs:
            return self.add(Box("constant", (_label(v.node.op),), _tooltip(v))), 0.5
        return self.at[v.node], (v.index + 1) / (len(v.node.outputs) + 1)


def _op_box(node: Node, kind_of: KindOf) -> Box:
    types = [str(v.type) for v in node.outputs]
    more = [f"and {len(types) - 3} more"] if len(types) > 3 else []
    inner = tuple([(name, _drawing(g, kind_of)) for name, g in held_by_name(node.op)])
    lines = (_label(node.op), *types[:3], *more)
    return Box(kind_of(node.op), lines, _tooltip(node.outputs[0]), inner)


def held_by_name(op: Op) -> Iterator[tuple[str, Graph]]:
    """The graphs that an op holds, each under the name of its field."""
    for name, value in op.parameters.items():
        for i, held in enumerate(value if isinstance(value, tuple) else (value,)):
            if isinstance(held, Graph):
                yield (f"{name} {i}" if isinstance(value, tuple) else name), held


def _label(op: Op) -> str:
    """The op in a few words, without the graphs that it holds."""
    describe = getattr(op, "describe", None)
    if describe is not None:
        return _short(describe())
    held = {name for name, _ in held_by_name(op)}
    inside = ", ".join([f"{k}={v}" for k, v in op.parameters.items() if k not in held])
    return _short(f"{type(op).__name__}({inside})" if inside else type(op).__name__)


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _LONGEST else line[: _LONGEST - 1] + "…"


def _tooltip(v: Var) -> str:
    """What is shown where the pointer rests: the op in full, its type, and the user's line."""
    what = v.name or "input" if v.op is None else " ".join(str(v.op).split())[:400]
    return "\n".join([what, str(v.type), *([str(v.source)] if v.source else [])])


# ---- SVG -----------------------------------------------------------------------------------------------------------


def moved(svg: str, x: float, y: float) -> str:
    """Elements at another place."""
    return f'<g transform="translate({x:.1f},{y:.1f})">{svg}</g>'


def box_svg(box: Box) -> str:
    """A box with its lines, and what is inside it."""
    fill, border = COLOURS[box.kind]
    ink = "#ffffff" if box.kind == "result" else "#111827"
    round_ends = _LINE if box.kind in ("input", "result", "constant") else 5
    parts = [
        f"<title>{html.escape(box.tooltip)}</title>",
        f'<rect width="{box.width:.1f}" height="{box.height:.1f}" rx="{min(round_ends, box.height / 2):.1f}"'
        f' fill="{fill}" stroke="{border}"/>',
    ]
    for i, line in enumerate(box.lines):
        colour, weight = (ink, ' font-weight="600"') if i == 0 else ("#4b5563", "")
        parts.append(caption(line, box.width / 2, _PADDING / 2 + _LINE * i, colour, weight))
    y = _PADDING / 2 + _LINE * len(box.lines)
    for title, drawing in box.inner:
        parts.append(caption(title, box.width / 2, y, border, ' font-style="italic"'))
        parts.append(moved(drawing.svg, (box.width - drawing.width) / 2, y + _LINE + 4))
        y += _LINE + drawing.height + _PADDING
    return f'<g class="{box.kind}">{"".join(parts)}</g>'


def caption(text: str, x: float, top: float, colour: str, style: str) -> str:
    """A line of text, in the middle of ``x``."""
    y = top + 0.74 * _LINE
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="middle" fill="{colour}"{style}>'
        f"{html.escape(text)}</text>"
    )


def text_width(text: str) -> float:
    """The room that a line of text takes."""
    return len(text) * _LETTER


def arrow(points: Sequence[tuple[float, float]]) -> str:
    """A line straight down through rows and bent between them, with a head."""
    (x, y), *rest = points
    steps = [f"M{x:.1f},{y:.1f}"]
    for i, (to_x, to_y) in enumerate(rest):
        middle = (y + to_y) / 2
        bend = f"C{x:.1f},{middle:.1f} {to_x:.1f},{middle:.1f} {to_x:.1f},{to_y:.1f}"
        steps.append(bend if i % 2 else f"L{to_x:.1f},{to_y:.1f}")
        x, y = to_x, to_y
    head = f"M{x - 3.5:.1f},{y - 7:.1f}L{x:.1f},{y:.1f}L{x + 3.5:.1f},{y - 7:.1f}"
    return f'<path d="{" ".join(steps)} {head}" fill="none" stroke="#6b7280"/>'


def _legend(kinds: Sequence[str]) -> Drawing:
    parts, x = [], 0.0
    for kind in kinds:
        fill, border = COLOURS[kind]
        parts.append(
            f'<rect x="{x:.1f}" width="12" height="12" rx="3" fill="{fill}" stroke="{border}"/>'
            f'<text x="{x + 18:.1f}" y="10.5" fill="#4b5563">{html.escape(kind)}</text>'
        )
        x += 18 + text_width(kind) + 18
    return Drawing("".join(parts), x, 12.0)
