"""Draws from a model: of everything from the prior, or of what was observed, for given values of the free variables."""

from collections.abc import Hashable, Mapping
from typing import Any

import numpy as np
import xarray as xr

from xgrad.errors import ArgumentError, UnsupportedError
from xgrad.functions import random
from xgrad.functions.keys import as_key
from xgrad.model.density import Values
from xgrad.model.distributions.vector_bijections import Ordered
from xgrad.model.replay import Replay
from xgrad.model.results import SAMPLE, together
from xgrad.model.sites import (
    DeterministicSite,
    FreeSite,
    ObservedSite,
    Site,
    Sites,
    data_sites,
)
from xgrad.transforms.calls.jit import Compiled
from xgrad.transforms.vmap import vmap


class Simulation:
    """Draws from the model that consists of ``sites``."""

    def __init__(self, sites: Sites) -> None:
        self._sites = sites
        observed = [s for s in sites.values() if isinstance(s, ObservedSite)]
        self._parts = {s.imputed.site.name for s in observed if s.imputed}  # drawn with the whole
        self._run: Compiled = vmap(self.traced_draw, SAMPLE)

    def draws(self, key: Any, n: int, data: Values) -> xr.Dataset:
        """``n`` draws of all variables from the prior, along ``SAMPLE``."""
        return together(self._run(random.split(key, {SAMPLE: n}), {}, {}, data))

    def completed(self, key: Any, values: Values, partial: Values, data: Values) -> xr.Dataset:
        """What follows from values of free variables, which lie along ``SAMPLE``: the others, and what was observed.

        Of the variables in ``partial``, what is NaN is drawn.
        """
        (n,) = {v.sizes[SAMPLE] for v in (*values.values(), *partial.values())}
        return together(self._run(random.split(key, {SAMPLE: n}), values, partial, data))

    def traced_draw(self, key: Any, values: Values, partial: Values, data: Values) -> Values:
        """One draw of each variable that ``values`` lacks, in order, and the deterministic ones.

        Of the variables in ``partial``, only what is NaN is drawn.
        """
        symbols = data_sites(self._sites)
        replay = Replay([(symbols[name].symbol, array) for name, array in data.items()])
        sizes = _sizes([*data.values(), *values.values(), *partial.values()])
        found: Values = {}
        for i, (name, site) in enumerate(self._sites.items()):
            if isinstance(site, DeterministicSite):
                found[name] = replay(site.symbol)
            elif name in values:
                found[name] = values[name]
            elif isinstance(site, FreeSite | ObservedSite) and name not in self._parts:
                drawn = _draw(site, replay, random.fold_in(key, i), sizes)
                found[name] = partial[name].fillna(drawn) if name in partial else drawn
            if isinstance(site, FreeSite | ObservedSite) and name in found:
                replay.put(site.symbol, found[name])
                found.update(_missing_part(site, found[name]))
        return {name: array for name, array in found.items() if name not in values}


def _missing_part(site: Site, whole: xr.DataArray) -> Values:
    """The imputed entries of an observation, out of a draw of the whole."""
    if not isinstance(site, ObservedSite) or site.imputed is None:
        return {}
    return {site.imputed.site.name: site.imputed.of(whole)}


def _draw(site: Any, replay: Replay, key: Any, sizes: Mapping[Any, int]) -> xr.DataArray:
    """A value of the site's distribution, its parameters computed from what was drawn before."""
    wanted = {d: sizes.get(d, n) for d, n in site.symbol.sizes.items()}
    try:
        drawn = site.distribution.replaced(replay).draw(key, wanted)
    except NotImplementedError as error:
        raise UnsupportedError(f"there are no draws of {site.name!r}: {error}.") from None
    if isinstance(site, FreeSite) and isinstance(site.bijection, Ordered):
        drawn = _sorted(drawn, site.bijection.dim)
    drawn = drawn.transpose(*site.symbol.dims).astype(site.symbol.dtype)
    return replay.labeled(drawn, site.symbol)


def _sorted(drawn: xr.DataArray, dim: Hashable) -> xr.DataArray:
    """Independent draws of one distribution, given that they are in order."""
    core = [[dim]]
    return xr.apply_ufunc(np.sort, drawn, input_core_dims=core, output_core_dims=core)


def _sizes(arrays: list[xr.DataArray]) -> dict[Any, int]:
    return {d: n for array in arrays for d, n in array.sizes.items()}


def seed_key(seed: Any) -> xr.DataArray:
    """A seed or a key as a key."""
    if isinstance(seed, int | np.integer):
        return random.key(int(seed))
    try:
        return as_key(seed)
    except ArgumentError:
        raise ArgumentError(
            f"seed={seed!r} is no seed; give an integer, or a key: xgrad.random.key(0)."
        ) from None


def check_counts(least: int = 1, **values: Any) -> None:
    """Raise ArgumentError for numbers of draws, chains or steps that are not whole, or too few."""
    for name, value in values.items():
        whole = isinstance(value, int | np.integer) and not isinstance(value, bool)
        if not whole or value < least:
            raise ArgumentError(f"{name}={value!r}: give a whole number, at least {least}.")
