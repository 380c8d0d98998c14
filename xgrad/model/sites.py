"""What a model consists of: data, free and observed variables, deterministic values, potentials; each by its name."""

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import xarray as xr

from xgrad.graph import Source, Var
from xgrad.labels import is_traced, unwrap
from xgrad.model.distributions.base import Distribution, leaves
from xgrad.model.distributions.bijections import Bijection
from xgrad.transforms.parts import parts_of


@dataclass(frozen=True, eq=False)
class Site:
    """A named part of a model. ``symbol`` stands for its value in the expressions of later sites."""

    name: str
    symbol: xr.DataArray
    source: Source | None

    @cached_property
    def own(self) -> tuple[Var, ...]:
        """What stands for values of this part in the expressions of others."""
        return (var_of(self.symbol),) if is_traced(self.symbol) else ()


@dataclass(frozen=True, eq=False)
class DataSite(Site):
    """Known values, which may be exchanged without a new model."""

    value: xr.DataArray


@dataclass(frozen=True, eq=False)
class FreeSite(Site):
    """A variable to be inferred. Samplers see it through ``bijection``, as numbers without bounds."""

    distribution: Distribution
    bijection: Bijection
    standard: Distribution | None = None  # of the unbounded value itself, where non-centred

    def log_density(self) -> xr.DataArray:
        """The expression for the log-density, entry by entry."""
        return self.distribution.log_density(self.symbol)


@dataclass(frozen=True, eq=False)
class Imputed:
    """The missing entries of an observation as a free variable of their own, and where they belong."""

    site: FreeSite
    places: Mapping[Hashable, xr.DataArray]  # of each entry, a position along each dim

    def of(self, whole: xr.DataArray) -> xr.DataArray:
        """The entries that are missing, out of a complete array."""
        return whole.isel(self.places)


@dataclass(frozen=True, eq=False)
class ObservedSite(Site):
    """A variable whose value is known: ``symbol`` is data, or data completed by imputed values."""

    distribution: Distribution
    data: DataSite  # the values as they were given; of this name, or declared before under another
    seen: Any = None  # where ``symbol`` was observed; None: everywhere
    imputed: Imputed | None = None

    @cached_property
    def own(self) -> tuple[Var, ...]:
        return var_of(self.symbol), var_of(self.data.symbol)

    def log_density(self) -> xr.DataArray:
        """The expression for the log-density, entry by entry: 0 where nothing, or not all of a vector, was observed."""
        terms = self.distribution.log_density(self.symbol)
        if self.seen is None:
            return terms
        return xr.where(self.seen.all(set(self.seen.dims) - set(terms.dims)), terms, 0.0)


@dataclass(frozen=True, eq=False)
class DeterministicSite(Site):
    """A value computed from others, kept under a name. ``symbol`` is the expression."""


@dataclass(frozen=True, eq=False)
class PotentialSite(Site):
    """A term added to the log-density. ``symbol`` is the expression."""


Sites = Mapping[str, Site]


def kind(site: Site) -> str:
    """What a part of a model is called: free, observed, data, deterministic, potential."""
    return type(site).__name__.removesuffix("Site").lower()


def unbounded_name(site: FreeSite) -> str:
    """What the unbounded form of a free variable is called: ``tau__log`` for ``tau``."""
    return f"{site.name}__{site.bijection.name}" if site.bijection.name else site.name


def expressions_of(site: Site) -> Sequence[Any]:
    """What a site is computed from, or was observed to be."""
    observed = [site.data.symbol] if isinstance(site, ObservedSite) else []
    return [*computed_from(site), *observed]


def computed_from(site: Site) -> Sequence[Any]:
    """What a site is computed from."""
    if isinstance(site, FreeSite | ObservedSite):
        return leaves(site.distribution)
    return [] if isinstance(site, DataSite) else [site.symbol]


def var_of(symbol: xr.DataArray) -> Var:
    """The variable of the graph that holds the values of a symbolic array."""
    return unwrap(parts_of(symbol)[0], symbol.dims)


def free_sites(sites: Sites) -> dict[str, FreeSite]:
    """The variables to be inferred."""
    return {k: s for k, s in sites.items() if isinstance(s, FreeSite)}


def data_sites(sites: Sites) -> dict[str, DataSite]:
    """All numeric data: what was declared by ``Data``, and what variables were observed to be."""
    found = [s.data if isinstance(s, ObservedSite) else s for s in sites.values()]
    return {s.name: s for s in found if isinstance(s, DataSite) and is_traced(s.symbol)}


def known_values(sites: Sites) -> dict[str, xr.DataArray]:
    """The values of all numeric data."""
    return {name: site.value for name, site in data_sites(sites).items()}
