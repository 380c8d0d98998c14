"""A model as a picture, in SVG and in Mermaid: its variables, what each depends on, and plates for dims."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from xgrad.graph import markup, toposort
from xgrad.graph.lanes import Frame, in_lanes
from xgrad.graph.picture import (
    Box,
    Drawing,
    arrow,
    box_svg,
    caption,
    document,
    moved,
    text_width,
)
from xgrad.labels import is_traced
from xgrad.model.sites import (
    DataSite,
    DeterministicSite,
    FreeSite,
    ObservedSite,
    PotentialSite,
    Site,
    Sites,
    expressions_of,
    var_of,
)

_SHAPES = {  # the brackets that Mermaid draws each kind with
    FreeSite: ("([", "])"),
    ObservedSite: ("([", "])"),
    DataSite: ("[/", "/]"),
    DeterministicSite: ("[", "]"),
    PotentialSite: ("{{", "}}"),
}
_COLOURS = {  # the colours of each kind in the picture
    FreeSite: "inferred",
    ObservedSite: "observed",
    DataSite: "known",
    DeterministicSite: "computed",
    PotentialSite: "potential",
}
_ENTITIES = {"#": "#35;", '"': "#quot;", "<": "#lt;", ">": "#gt;", "&": "#amp;"}
_STYLES = (
    "    classDef observed fill:#cfe3f7,stroke:#1f5f99",
    "    classDef free fill:#ffffff,stroke:#555555",
)


@dataclass(frozen=True)
class ModelGraph:
    """The picture of a model. Notebooks show its ``svg``; ``print`` gives its ``source`` in Mermaid."""

    source: str
    svg: str = field(repr=False)

    def __str__(self) -> str:
        return self.source

    def _repr_mimebundle_(self, **_: Any) -> dict[str, str]:
        return {
            "text/html": markup.svg(self.svg),
            "image/svg+xml": self.svg,
            "text/plain": self.source,
        }


def draw(sites: Sites) -> ModelGraph:
    """The variables of a model, arrows from what each depends on, and a plate around those with the same dims."""
    links = [(parent, name) for name, site in sites.items() for parent in parents(site, sites)]
    return ModelGraph(_mermaid(sites, links), document(_drawing(sites, links)))


def _mermaid(sites: Sites, links: Sequence[tuple[str, str]]) -> str:
    names = {name: f"v{i}" for i, name in enumerate(sites)}
    plates: dict[str, list[Site]] = {}
    for site in sites.values():
        plates.setdefault(_dims_text(site), []).append(site)
    lines = ["flowchart TD"]
    for i, (dims, members) in enumerate(plates.items()):
        lines += _plate(f"plate{i}", dims, [_node(names[s.name], s) for s in members])
    lines += [f"    {names[parent]} --> {names[name]}" for parent, name in links]
    return "\n".join([*lines, *_STYLES])


def _drawing(sites: Sites, links: Sequence[tuple[str, str]]) -> Drawing:
    """The same with a lane for each plate."""
    if not sites:
        return Drawing("", 0.0, 0.0)
    number = {name: i for i, name in enumerate(sites)}
    boxes = [_box(site) for site in sites.values()]
    groups = [_dims_text(site) for site in sites.values()]
    edges = [(number[parent], number[name]) for parent, name in links]
    widths = {dims: text_width(dims) for dims in groups}
    lanes = in_lanes([(box.width, box.height) for box in boxes], groups, edges, widths)
    plates = [(str(dims), frame) for dims, frame in lanes.frames.items() if dims]
    frames = [_frame(frame) for _, frame in plates]
    drawn = [
        moved(box_svg(box), place.x - box.width / 2, place.y)
        for box, place in zip(boxes, lanes.boxes, strict=True)
    ]
    arrows = [arrow(path) for path in lanes.edges]
    titles = [
        _title(dims, frame) for dims, frame in plates
    ]  # the last, so that no arrow crosses one
    return Drawing("\n".join([*frames, *arrows, *drawn, *titles]), lanes.width, lanes.height)


def _box(site: Site) -> Box:
    family = [f"~ {_family(site)}"] if _family(site) else []
    tooltip = "\n".join(
        [site.name, _dims_text(site) or "0-d", *([str(site.source)] if site.source else [])]
    )
    return Box(_COLOURS[type(site)], (site.name, *family), tooltip)


_PLATE = "#f9fafb"


def _frame(frame: Frame) -> str:
    left, top, width, height = frame
    return (
        f'<rect x="{left:.1f}" y="{top:.1f}" width="{width:.1f}" height="{height:.1f}" rx="8"'
        f' fill="{_PLATE}" stroke="#9ca3af" stroke-dasharray="5 3"/>'
    )


def _title(dims: str, frame: Frame) -> str:
    """The dims of a plate, at its foot; a margin of its colour covers the arrows that pass behind the letters."""
    margin = f' stroke="{_PLATE}" stroke-width="5" paint-order="stroke"'
    return caption(
        dims, frame.left + frame.width / 2, frame.top + frame.height - 19, "#4b5563", margin
    )


def parents(site: Site, sites: Sites) -> list[str]:
    """The names of the variables from which a site is computed directly."""
    known = {var_of(s.symbol): name for name, s in sites.items() if is_traced(s.symbol)}
    roots = [var_of(x) for x in expressions_of(site) if is_traced(x)]
    own = var_of(site.symbol) if is_traced(site.symbol) else None
    stop = {v: name for v, name in known.items() if name != site.name and v is not own}
    used = [*roots, *[v for node in toposort(roots, tuple(stop)) for v in node.inputs]]
    return list(dict.fromkeys([stop[v] for v in used if v in stop]))


def _dims_text(site: Site) -> str:
    return " × ".join([f"{d} ({n})" for d, n in site.symbol.sizes.items()])


def _plate(identity: str, dims: str, nodes: Sequence[str]) -> list[str]:
    if not dims:
        return list(nodes)
    return [
        f'    subgraph {identity}["{_escaped(dims)}"]',
        *[f"    {node}" for node in nodes],
        "    end",
    ]


def _node(identity: str, site: Site) -> str:
    opening, closing = _SHAPES[type(site)]
    text = f"{site.name} ~ {_family(site)}" if _family(site) else site.name
    kind = ":::observed" if isinstance(site, ObservedSite | DataSite) else ":::free"
    return f'    {identity}{opening}"{_escaped(text)}"{closing}{kind}'


def _escaped(text: str) -> str:
    """Text that Mermaid shows as it is."""
    return "".join([_ENTITIES.get(letter, letter) for letter in text])


def _family(site: Site) -> str:
    """The name of the distribution, where a variable has one."""
    return type(site.distribution).__name__ if isinstance(site, FreeSite | ObservedSite) else ""
