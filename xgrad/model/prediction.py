"""Predicting from a posterior: for the data of the model, or for new ones with other labels and sizes."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import xarray as xr

from xgrad.errors import ArgumentError, LabelNotFoundError, SizeMismatchError, nearest
from xgrad.functions import random
from xgrad.graph import toposort
from xgrad.labels import is_traced
from xgrad.model.density import Values
from xgrad.model.dims import plain
from xgrad.model.exchange import check_given
from xgrad.model.results import LATENT, SAMPLE, labeled, only, together
from xgrad.model.simulation import Simulation, check_counts
from xgrad.model.sites import (
    DataSite,
    ObservedSite,
    Sites,
    computed_from,
    data_sites,
    free_sites,
    known_values,
    var_of,
)

_CHUNK_BYTES = 2**28  # what the draws of one run may take
LEVELS = ("error", "prior")


def predict(
    simulation: Simulation, sites: Sites, posterior: xr.Dataset, data: Values, key: Any, chunk: Any
) -> xr.Dataset:
    """Draws along ``SAMPLE`` of all that follows from the free variables in ``posterior``, by ``chunk`` samples."""
    values = {name: posterior[name] for name in free_sites(sites) if name in posterior}
    partial = {name: v for name, v in values.items() if bool(v.isnull().any())}
    values = {name: v for name, v in values.items() if name not in partial}
    n = posterior.sizes[SAMPLE]
    step = _chunk(posterior, data, n) if chunk == "auto" else int(chunk)
    keys = random.split(key, {"run": -(-n // step)})
    runs = []
    for i, start in enumerate(range(0, n, step)):
        these = {SAMPLE: slice(start, start + step)}
        now, later = ({k: v.isel(these) for k, v in part.items()} for part in (values, partial))
        runs.append(simulation.completed(keys.isel(run=i), now, later, data))
    joined: Any = runs[0] if len(runs) == 1 else xr.concat(runs, SAMPLE)
    return joined


def groups(
    sites: Sites, drawn: xr.Dataset, data: Values, coords: Mapping[Any, xr.DataArray]
) -> dict[str, xr.Dataset]:
    """What was drawn and the data it was drawn for, with the coords of the data or else of the model."""
    coords = {**coords, **{k: c for array in data.values() for k, c in array.coords.items()}}
    drawn = labeled(drawn, coords)
    return {
        "posterior_predictive": only(drawn, sites, ObservedSite),
        "predictions": only(drawn, sites, *LATENT),
        "predictions_constant_data": only(together(data), sites, DataSite),
    }


def _chunk(posterior: xr.Dataset, data: Values, n: int) -> int:
    """As many samples as fit, in runs of even size: a last, shorter run would be compiled by itself."""
    rows = max([a.size for a in data.values()], default=1)
    each = posterior.nbytes // n + 8 * rows
    runs = max(1, -(-n * each // _CHUNK_BYTES))
    while n % runs:
        runs += 1
    return n // runs


def new_data(sites: Sites, given: Mapping[str, Any]) -> Values:
    """The constant data of a model, with the values in ``given`` in place of its own.

    New values of what is observed only tell sizes and labels. Raises ArgumentError for names that the model has not,
    and where a part of the data has other sizes than the rest.
    """
    known = known_values(sites)
    observed = _only_observed(sites)
    check_given(sites, given, observed)
    constant = {k: v for k, v in known.items() if k in given or k not in observed}
    symbols = data_sites(sites)
    found = {
        name: _like(symbols[name].symbol, given.get(name, value))
        for name, value in constant.items()
    }
    _check_sizes(found, given)
    return found


def _only_observed(sites: Sites) -> set[str]:
    """The data that are observations, and from which nothing is computed."""
    roots = [var_of(x) for site in sites.values() for x in computed_from(site) if is_traced(x)]
    used = {*roots, *[v for node in toposort(roots) for v in node.inputs]}
    seen = [s.data for s in sites.values() if isinstance(s, ObservedSite)]
    return {d.name for d in seen if var_of(d.symbol) not in used}


def _like(symbol: xr.DataArray, value: Any) -> xr.DataArray:
    array = (
        value
        if isinstance(value, xr.DataArray)
        else xr.DataArray(np.asarray(value), dims=symbol.dims)
    )
    return array.transpose(*symbol.dims)


def _check_sizes(data: Values, given: Mapping[str, Any]) -> None:
    sizes = {d: (n, name) for name in given if name in data for d, n in data[name].sizes.items()}
    for name, array in data.items():
        for dim, n in array.sizes.items():
            wanted, source = sizes.get(dim, (n, name))
            if n != wanted:
                raise ArgumentError(
                    f"data {name!r} has size {n} along {dim!r}, and the new {source!r} has {wanted};"
                    f" give new values for {name!r} too."
                )


def check_options(new_levels: Any, chunk: Any) -> None:
    """Raise ArgumentError for options of other values than they may have."""
    if new_levels not in LEVELS:
        raise ArgumentError(
            f"new_levels={new_levels!r} is none of {', '.join(map(repr, LEVELS))}{nearest(str(new_levels), LEVELS)}"
        )
    if chunk != "auto":
        check_counts(chunk=chunk)


def free_samples(sites: Sites, samples: xr.Dataset, new_levels: str) -> xr.Dataset:
    """The free variables among ``samples``: the others follow from them.

    Raises ArgumentError where there are no samples, or where they lack one that is not to be drawn from the prior.
    """
    if not samples.sizes[SAMPLE]:
        raise ArgumentError("the posterior has no draws, so there is nothing to predict from.")
    lacking = [name for name in free_sites(sites) if name not in samples]
    if lacking and new_levels != "prior":
        raise ArgumentError(
            f"the posterior lacks the free variable {lacking[0]!r}; it has {', '.join(map(str, samples))}.\n"
            'Add it, or draw what is lacking from the prior: new_levels="prior".'
        )
    return samples[[name for name in free_sites(sites) if name in samples]]


def at_labels(posterior: xr.Dataset, data: Values, new_levels: str) -> xr.Dataset:
    """``posterior`` at the labels of ``data``, along the dims that both have.

    Values at labels that the posterior has not are NaN with ``new_levels="prior"``; else LabelNotFoundError names them.
    """
    for array in data.values():
        for dim, index in array.indexes.items():
            if dim in posterior.indexes and not index.equals(posterior.indexes[dim]):
                unknown = [plain(x) for x in index if x not in posterior.indexes[dim]]
                if unknown and new_levels != "prior":
                    raise _unknown_labels(dim, unknown, len(index))
                posterior = posterior.reindex({dim: index})
        posterior = _of_sizes(posterior, array, new_levels)
    return posterior


def _of_sizes(posterior: xr.Dataset, array: xr.DataArray, new_levels: str) -> xr.Dataset:
    """``posterior`` without variables of another size than the data, along dims whose entries no labels tell apart."""
    differ = {d for d, n in array.sizes.items() if posterior.sizes.get(d, n) != n}
    lost = [name for name, v in posterior.data_vars.items() if differ & set(v.dims)]
    if lost and new_levels != "prior":
        dim = min(differ, key=str)
        raise SizeMismatchError(
            f"{lost[0]!r} has size {posterior.sizes[dim]} along {dim!r} in the posterior, and the new data have"
            f" {array.sizes[dim]}; no labels say which entries are the same.\nGive both labels along {dim!r}, or draw"
            ' all anew from the prior: new_levels="prior".'
        )
    return posterior.drop_vars(lost)


def _unknown_labels(dim: Any, unknown: list[Any], n: int) -> LabelNotFoundError:
    return LabelNotFoundError(
        f"{len(unknown)} of {n} labels along {dim!r} are not in the posterior, the first {unknown[0]!r}.\n"
        'Leave them out, or draw what belongs to them from the prior: new_levels="prior".'
    )
