"""A model as a picture, in Mermaid: its variables, what each depends on, and plates for dims."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import xarray as xr

from xgrad.graph import Var, toposort
from xgrad.labels import is_traced, unwrap
from xgrad.model.sites import (
    DataSite,
    DeterministicSite,
    FreeSite,
    ObservedSite,
    PotentialSite,
    Site,
    Sites,
)
from xgrad.transforms.parts import parts_of

_SHAPES = {  # the brackets that Mermaid draws each kind with
    FreeSite: ("([", "])"),
    ObservedSite: ("([", "])"),
    DataSite: ("[/", "/]"),
    DeterministicSite: ("[", "]"),
    PotentialSite: ("{{", "}}"),
}
_STYLES = (
    "    classDef observed fill:#cfe3f7,stroke:#1f5f99",
    "    classDef free fill:#ffffff,stroke:#555555",
)


@dataclass(frozen=True)
class ModelGraph:
    """The picture of a model, as Mermaid. Notebooks show it; ``print`` gives its source."""

    source: str

    def __str__(self) -> str:
        return self.source

    def _repr_mimebundle_(self, **_: Any) -> dict[str, str]:
        return {
            "text/vnd.mermaid": self.source,
            "text/markdown": f"```mermaid\n{self.source}\n```",
            "text/plain": self.source,
        }


def draw(sites: Sites) -> ModelGraph:
    """The variables of a model, arrows from what each depends on, and a plate around those with the same dims."""
    names = {name: f"v{i}" for i, name in enumerate(sites)}
    plates: dict[str, list[Site]] = {}
    for site in sites.values():
        plates.setdefault(_dims_text(site), []).append(site)
    lines = ["flowchart TD"]
    for i, (dims, members) in enumerate(plates.items()):
        lines += _plate(f"plate{i}", dims, [_node(names[s.name], s) for s in members])
    for name, site in sites.items():
        lines += [f"    {names[parent]} --> {names[name]}" for parent in parents(site, sites)]
    return ModelGraph("\n".join([*lines, *_STYLES]))


def parents(site: Site, sites: Sites) -> list[str]:
    """The names of the variables from which a site is computed directly."""
    known = {_var(s.symbol): name for name, s in sites.items() if is_traced(s.symbol)}
    roots = [_var(x) for x in _expressions(site) if is_traced(x)]
    own = _var(site.symbol) if is_traced(site.symbol) else None
    stop = {v: name for v, name in known.items() if name != site.name and v is not own}
    used = [*roots, *[v for node in toposort(roots, tuple(stop)) for v in node.inputs]]
    return list(dict.fromkeys([stop[v] for v in used if v in stop]))


def _expressions(site: Site) -> Sequence[Any]:
    """What a site is computed from."""
    if isinstance(site, FreeSite | ObservedSite):
        data = [site.data.symbol] if isinstance(site, ObservedSite) else []
        return [*site.distribution.values.values(), *data]
    return [] if isinstance(site, DataSite) else [site.symbol]


def _var(symbol: xr.DataArray) -> Var:
    return unwrap(parts_of(symbol)[0], symbol.dims)


def _dims_text(site: Site) -> str:
    return " × ".join([f"{d} ({n})" for d, n in site.symbol.sizes.items()])


def _plate(identity: str, dims: str, nodes: Sequence[str]) -> list[str]:
    if not dims:
        return list(nodes)
    return [f'    subgraph {identity}["{dims}"]', *[f"    {node}" for node in nodes], "    end"]


def _node(identity: str, site: Site) -> str:
    opening, closing = _SHAPES[type(site)]
    family = type(site.distribution).__name__ if isinstance(site, FreeSite | ObservedSite) else ""
    text = f"{site.name} ~ {family}" if family else site.name
    kind = ":::observed" if isinstance(site, ObservedSite | DataSite) else ":::free"
    return f'    {identity}{opening}"{text}"{closing}{kind}'
