"""The same model for other data: every site made again, for arrays of the same or of other sizes and labels."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from xgrad.errors import ArgumentError, UnsupportedError, nearest
from xgrad.labels import is_traced
from xgrad.model.declaring import data_site
from xgrad.model.dims import ModelDims
from xgrad.model.replay import Replay
from xgrad.model.sites import DataSite, FreeSite, ObservedSite, Site, Sites, data_sites
from xgrad.transforms.graphs.symbols import xtensor


def exchanged(
    sites: Sites, dims: ModelDims, given: Mapping[str, Any]
) -> tuple[dict[str, Site], ModelDims]:
    """The sites and dims of a model whose data are those in ``given`` where it names them.

    Raises ArgumentError for names that are no data, and SizeMismatchError where only some of the data along a dim that
    changes size are given, or where the model holds on to the old size.
    """
    known = data_sites(sites)
    for name in given:
        if name not in known:
            raise ArgumentError(
                f"the model has no data {name!r}{nearest(name, known) or '.'} It has {', '.join(known)}."
            )
    exchange = _Exchange(_kept_dims(dims, known, given))
    return {name: exchange.made(site, given) for name, site in sites.items()}, exchange.dims


def _kept_dims(
    dims: ModelDims, known: Mapping[str, DataSite], given: Mapping[str, Any]
) -> ModelDims:
    """The dims of the model without those along which data are exchanged: they get their sizes anew."""
    changed = {d for name in given for d in known[name].symbol.dims}
    kept = ModelDims()
    kept.sizes = {d: n for d, n in dims.sizes.items() if d not in changed}
    kept.coords = dims.coords.drop_vars(
        [k for k, c in dims.coords.coords.items() if set(c.dims) & changed]
    )
    return kept


class _Exchange:
    """Makes the sites of a model again, in their order."""

    def __init__(self, dims: ModelDims) -> None:
        self.dims = dims
        self._replay = Replay()

    def made(self, site: Site, given: Mapping[str, Any]) -> Site:
        """``site`` for the new data."""
        if isinstance(site, DataSite):
            return self._data(site, given)
        if isinstance(site, FreeSite):
            return self._free(site)
        if isinstance(site, ObservedSite):
            return self._observed(site, given)
        return replace(site, symbol=self._replay(site.symbol))

    def _data(self, site: DataSite, given: Mapping[str, Any]) -> DataSite:
        value = given.get(site.name, site.value)
        new = data_site(self.dims, site.name, value, site.symbol.dims)
        if is_traced(site.symbol):
            self._replay.put(site.symbol, new.symbol)
        return replace(new, source=site.source)

    def _free(self, site: FreeSite) -> FreeSite:
        sizes = {d: self.dims.sizes.get(d, n) for d, n in site.symbol.sizes.items()}
        symbol = xtensor(site.name, tuple(sizes), sizes, site.symbol.dtype, self.dims.of(sizes))
        self._replay.put(site.symbol, symbol)
        return replace(
            site,
            symbol=symbol,
            distribution=site.distribution.replaced(self._replay),
            bijection=site.bijection.replaced(self._replay),
            standard=site.standard and site.standard.replaced(self._replay),
        )

    def _observed(self, site: ObservedSite, given: Mapping[str, Any]) -> ObservedSite:
        if site.imputed is not None and site.data.name in given:
            raise UnsupportedError(
                f"{site.name!r} has imputed values, whose number belongs to the data it was declared with;"
                " declare the model as a function (xgrad.model.define) and call it with the new data."
            )
        data = self._data(site.data, given)
        seen = site.seen if site.seen is None else self._replay(site.seen)
        distribution = site.distribution.replaced(self._replay)
        return replace(
            site, symbol=self._replay(site.symbol), distribution=distribution, data=data, seen=seen
        )
