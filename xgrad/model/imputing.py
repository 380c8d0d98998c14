"""Missing observations as free variables: their entries, where they belong, and the observation completed by them."""

from typing import Any

import numpy as np
import xarray as xr

from xgrad.errors import ArgumentError
from xgrad.graph import user_source
from xgrad.model.declaring import Declaration, check_observed, check_values
from xgrad.model.dims import ModelDims
from xgrad.model.distributions.bijections import Bijection, Identity
from xgrad.model.distributions.continuous import Flat
from xgrad.model.distributions.vector_bijections import named_bijection
from xgrad.model.sites import DataSite, FreeSite, Imputed, ObservedSite
from xgrad.transforms.graphs.symbols import xtensor


def imputed_sites(
    dims: ModelDims, found: Declaration, data: DataSite
) -> tuple[FreeSite, ObservedSite]:
    """The missing values of a variable, to be inferred with the others; and the variable completed by them.

    They are the free variable ``<name>_missing`` along the dim ``<name>_gap``, with coords of where each belongs. It
    has no density of its own: that of the completed variable counts.
    """
    check_observed(dims, found, data)
    check_values(found.what, found.distribution, data.value, True)
    missing = data.value.isnull()
    entries = _entries(dims, found, missing)
    completed = xr.where(
        missing, entries.site.symbol.isel(_numbered(entries, missing)), data.symbol
    )
    completed = (
        completed.drop_vars(list(entries.site.symbol.coords))
        .transpose(*data.symbol.dims)
        .rename(found.name)
    )
    whole = ObservedSite(
        found.name, completed, user_source(), found.distribution, data, imputed=entries
    )
    return entries.site, whole


def _entries(dims: ModelDims, found: Declaration, missing: xr.DataArray) -> Imputed:
    name, gap = f"{found.name}_missing", f"{found.name}_gap"
    if not missing.dims:
        raise ArgumentError(
            f"{found.what}: its only value is missing; leave observed= out, and it is inferred."
        )
    places = dict(zip(missing.dims, np.nonzero(missing.values), strict=True))
    n = int(missing.sum())
    labels = {
        f"{gap}_{d}": (gap, missing[d].values[p]) for d, p in places.items() if d in missing.indexes
    }
    dims.add_size(gap, n, name)
    for coord in xr.Coordinates(labels).values():
        dims.add_labels(coord, name)
    symbol = xtensor(name, gap, n, "float64", labels)
    bijection = _bijection(found)
    site = FreeSite(name, symbol, user_source(), Flat.dist(), bijection)
    return Imputed(site, {d: xr.DataArray(p, dims=gap) for d, p in places.items()})


def _bijection(found: Declaration) -> Bijection:
    """The map of single entries onto the support."""
    core = found.distribution.event_dims
    if found.distribution.support.discrete:
        raise ArgumentError(
            f"{found.what}: missing values of it would be discrete latent variables, which gradient-based inference"
            ' cannot sample; missing="drop" leaves them out.'
        )
    if isinstance(found.transform, str):
        bijection = named_bijection(found.transform, found.what, (), ())
    else:
        bijection = found.transform or found.distribution.support.bijection()
    if core and not isinstance(bijection, Identity):
        raise ArgumentError(
            f"{found.what}: entries along {core[0]!r} depend on each other, so missing ones cannot be imputed alone;"
            ' missing="drop" leaves out vectors that lack some.'
        )
    return bijection


def _numbered(entries: Imputed, missing: xr.DataArray) -> dict[Any, xr.DataArray]:
    """For each entry of the whole its number among the missing ones; any number where it is not missing."""
    numbers = np.zeros(missing.shape, np.int64)
    numbers[missing.values] = np.arange(int(missing.sum()))
    (gap,) = entries.site.symbol.dims
    return {gap: xr.DataArray(numbers, dims=missing.dims)}
