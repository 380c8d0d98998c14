"""What may join a model: names that results can hold, and expressions of its own symbols."""

from collections.abc import Hashable
from typing import Any

import numpy as np
import xarray as xr

from xgrad.errors import ArgumentError, DuplicateNameError, ModelContextError
from xgrad.graph import toposort
from xgrad.labels import is_traced
from xgrad.model.dims import RESULT_DIMS, ModelDims
from xgrad.model.distributions.parameters import described, is_real
from xgrad.model.sites import (
    FreeSite,
    PotentialSite,
    Site,
    Sites,
    computed_from,
    kind,
    unbounded_name,
    var_of,
)
from xgrad.transforms.graphs.symbols import as_xtensor


def admit(site: Site, sites: Sites, dims: ModelDims) -> None:
    """Raise where ``site`` cannot join ``sites``: for its name, or for symbols that are not theirs."""
    check_name(site.name)
    if site.name in sites:
        raise DuplicateNameError(
            f"the model has a variable {site.name!r} already ({kind(sites[site.name])}, declared at"
            f" {sites[site.name].source}); give this one another name."
        )
    _check_dims_and_coords({*sites, site.name}, dims)
    if isinstance(site, FreeSite):
        _check_unbounded(site, sites)
    _check_own(site, sites)


def check_name(name: str) -> None:
    """Raise ArgumentError for a name under which results cannot hold a variable."""
    if not name or "/" in name or name.startswith("__"):
        raise ArgumentError(
            f"a variable cannot be called {name!r}: names are not empty, have no '/' (results are trees of groups)"
            " and do not begin with two underscores; call it something else."
        )


def _check_dims_and_coords(names: set[Hashable], dims: ModelDims) -> None:
    for what, taken in (("dim", {*dims.sizes, *RESULT_DIMS}), ("coord", dims.coord_names)):
        both = names & taken
        if both:
            raise DuplicateNameError(
                f"{min(map(str, both))!r} is the name of a variable and of a {what} of the results, which cannot hold"
                " both; call one of them something else."
            )


def _check_unbounded(site: FreeSite, sites: Sites) -> None:
    name = unbounded_name(site)
    parts = name.split("__")
    for called in ["__".join(parts[:n]) for n in range(1, len(parts) + 1)]:
        other = sites.get(called)
        if isinstance(other, FreeSite) and unbounded_name(other) == name:
            raise DuplicateNameError(
                f"the unbounded forms of {other.name!r} and of {site.name!r} are both called {name!r}; give this one"
                " another name."
            )


def _check_own(site: Site, sites: Sites) -> None:
    """Raise ModelContextError where a site is computed from symbols that are of no site of the model."""
    roots = [var_of(x) for x in computed_from(site) if is_traced(x)]
    if not roots:
        return
    own = tuple([v for other in (*sites.values(), site) for v in other.own])
    used = [*roots, *[v for node in toposort(roots, own) for v in node.inputs]]
    known = set(own)
    for var in used:
        if var.node is None and var not in known:
            where = f" (made at {var.source})" if var.source else ""
            raise ModelContextError(
                f"{kind(site)} {site.name!r} is computed from `{var.name or 'a symbol'}`{where}, which is not of this"
                " model; declare it in this model, or use known values."
            )


def expression(what: str, name: str, value: Any) -> xr.DataArray:
    """What a user gave to be computed, as a symbolic array. Raises ArgumentError for what is no number and no array."""
    if isinstance(value, xr.Dataset) or not (
        is_traced(value) or isinstance(value, xr.DataArray) or _is_number(value)
    ):
        raise ArgumentError(
            f"{what} {name!r} is {described(value)}; give a number, or a DataArray, whose dims are named."
        )
    return as_xtensor(value, name=name)


def potential_site(name: str, value: Any, source: Any) -> PotentialSite:
    """A term of the log-density. Raises ArgumentError where it is no real number."""
    term = expression("Potential", name, value)
    if not is_real(term.dtype) or term.dtype.kind == "b":
        raise ArgumentError(
            f"Potential {name!r} is a term of the log-density, which is a real number, not {term.dtype}; for a"
            " condition write xr.where(condition, 0.0, -np.inf)."
        )
    return PotentialSite(name, term, source)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float | complex | np.generic) or (
        hasattr(value, "dtype") and np.ndim(value) == 0
    )
