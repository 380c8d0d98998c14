"""The same model for other data: every site made again, for arrays of the same or of other sizes and labels."""

from collections.abc import Container, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import xarray as xr

from xgrad.errors import ArgumentError, DimensionError, UnsupportedError, nearest
from xgrad.labels import is_traced
from xgrad.model.declaring import check_values, data_site, labeled
from xgrad.model.dims import ModelDims
from xgrad.model.places import first_value
from xgrad.model.replay import Replay
from xgrad.model.sites import DataSite, FreeSite, ObservedSite, Site, Sites, data_sites
from xgrad.transforms.calls.backing import is_numeric
from xgrad.transforms.graphs.symbols import xtensor


def exchanged(
    sites: Sites, dims: ModelDims, given: Mapping[str, Any]
) -> tuple[dict[str, Site], ModelDims]:
    """The sites and dims of a model whose data are those in ``given`` where it names them.

    Raises ArgumentError for names that are no data, and SizeMismatchError where only some of the data along a dim that
    changes size are given, or where the model holds on to the old size.
    """
    known = data_sites(sites)
    check_given(sites, given)
    exchange = _Exchange(_kept_dims(dims, known, given))
    for site in known.values():
        exchange.data(site, given)
    return {name: exchange.made(site, given) for name, site in sites.items()}, exchange.dims


def given_data(data: Any) -> dict[str, Any]:
    """The arrays by name in a Dataset or a mapping."""
    if not isinstance(data, Mapping) or isinstance(data, xr.DataTree):
        raise ArgumentError(
            f"data= is a Dataset, or a mapping from the names of data to arrays; got a {type(data).__name__}."
        )
    arrays = data.data_vars if isinstance(data, xr.Dataset) else data
    return {str(name): array for name, array in arrays.items()}


def check_given(sites: Sites, given: Mapping[str, Any], placeholders: Container[str] = ()) -> None:
    """Raise ArgumentError for new values of what is no data, or of another kind than the data.

    Of ``placeholders`` only the dims count.
    """
    known = data_sites(sites)
    for name, value in given.items():
        if isinstance(sites.get(name), DataSite) and name not in known:
            raise ArgumentError(
                f"data {name!r} are no numbers, so they are part of the expressions of the model and cannot be"
                " exchanged; write the model as a function of them (xgrad.model.define), or code them as integers."
            )
        if name not in known:
            raise ArgumentError(
                f"the model has no data {name!r}{nearest(name, known) or '.'} It has {', '.join(known) or 'none'}."
            )
        _check_dims(known[name], value)
        if name not in placeholders:
            _check_kind(known[name], value)


def _check_dims(site: DataSite, value: Any) -> None:
    if isinstance(value, xr.DataArray) and set(value.dims) != set(site.symbol.dims):
        raise DimensionError(
            f"new data {site.name!r}: they have the dims {value.dims}, and those of the model {site.symbol.dims};"
            " rename or select."
        )


def _check_kind(site: DataSite, value: Any) -> None:
    """Raise where new values would lose something as values of the type of the old ones."""
    what = f"new data {site.name!r}"
    found = labeled(value, site.symbol.dims, what)
    if not is_numeric(found.dtype):
        raise ArgumentError(
            f"{what} hold {found.dtype}, and those of the model numbers ({site.symbol.dtype})."
        )
    lost = _lost(found, site.symbol.dtype)
    if lost.any():
        raise ArgumentError(
            f"{what}: {int(lost.sum())} of {lost.size} values cannot be {site.symbol.dtype}, as those of the model are;"
            f" the first is {first_value(found, lost)}. Convert them, or declare the data with a wider type."
        )


def _lost(values: xr.DataArray, dtype: np.dtype) -> xr.DataArray:
    """Where values are others as ``dtype``, but for rounding of floats."""
    if dtype.kind in "fc":
        return (values.imag != 0.0) & (dtype.kind == "f")
    with np.errstate(invalid="ignore"):
        return values != values.real.astype(dtype)


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
        self._data: dict[str, DataSite] = {}

    def made(self, site: Site, given: Mapping[str, Any]) -> Site:
        """``site`` for the new data."""
        if isinstance(site, DataSite):
            return self.data(site, given)
        if isinstance(site, FreeSite):
            return self._free(site)
        if isinstance(site, ObservedSite):
            return self._observed(site, given)
        return replace(site, symbol=self._replay(site.symbol))

    def data(self, site: DataSite, given: Mapping[str, Any]) -> DataSite:
        """Data for the new values, or for their own."""
        if site.name not in self._data:
            self._data[site.name] = self._exchanged(site, given)
        return self._data[site.name]

    def _exchanged(self, site: DataSite, given: Mapping[str, Any]) -> DataSite:
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
        data = self.data(site.data, given)
        distribution = site.distribution.replaced(self._replay)
        if site.data.name in given:
            what = f"new data of {type(distribution).__name__} {site.name!r}"
            check_values(what, distribution, data.value, site.seen is not None)
        seen = site.seen if site.seen is None else self._replay(site.seen)
        return replace(
            site, symbol=self._replay(site.symbol), distribution=distribution, data=data, seen=seen
        )
