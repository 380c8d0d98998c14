"""How declarations become sites: dims and coords are settled, symbols made, observations checked."""

import dataclasses
from collections.abc import Hashable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from xgrad.errors import ArgumentError, DimensionError, ObservedValueError, nearest
from xgrad.graph import user_source
from xgrad.labels import is_traced
from xgrad.model.dims import Dims, ModelDims, check_dims, names_of
from xgrad.model.distributions.base import Distribution, leaves
from xgrad.model.distributions.bijections import Affine, Bijection
from xgrad.model.distributions.parameters import is_real
from xgrad.model.distributions.vector_bijections import named_bijection
from xgrad.model.places import first_place, first_value
from xgrad.model.sites import DataSite, FreeSite, ObservedSite, Sites
from xgrad.transforms.calls.backing import is_numeric
from xgrad.transforms.graphs.symbols import xtensor

MISSING = ("error", "drop", "impute")


@dataclasses.dataclass(frozen=True, eq=False)
class Declaration:
    """A variable as the user wrote it: a name, a distribution, and options."""

    name: str
    distribution: Distribution
    dims: Dims = None
    observed: Any = None
    missing: str = "error"
    transform: Bijection | str | None = None
    noncentered: bool = False

    @property
    def what(self) -> str:
        """How messages speak of it."""
        return f"{type(self.distribution).__name__} {self.name!r}"


_OPTIONS = tuple([f.name for f in dataclasses.fields(Declaration)][2:])


def declaration(
    name: str, family: type[Distribution], args: Sequence[Any], given: Mapping[str, Any]
) -> Declaration:
    """What the user declared. Raises ArgumentError for options of other values than they may have."""
    options = {k: v for k, v in given.items() if k in _OPTIONS}
    parameters = {k: v for k, v in given.items() if k not in _OPTIONS}
    if not isinstance(name, str):
        raise ArgumentError(
            f"{family.__name__}: the first argument is the name of the variable, not {type(name).__name__};"
            f" write {family.__name__}.dist(...) for a distribution by itself."
        )
    check_dims(f"{family.__name__} {name!r}", options.get("dims"))
    found = Declaration(name, _distribution(name, family, args, parameters), **options)
    _check_options(found)
    return found


def _check_options(found: Declaration) -> None:
    if found.missing not in MISSING:
        raise ArgumentError(
            f"{found.what}: missing={found.missing!r} is none of {MISSING}{nearest(found.missing, MISSING)}"
        )
    if not isinstance(found.transform, Bijection | str | None):
        made = "; make one: {0.__name__}()" if isinstance(found.transform, type) else ""
        raise ArgumentError(
            f"{found.what}: transform= is the name of a map, or a map such as Log(); got"
            f" {found.transform!r}{made.format(found.transform)}."
        )
    if found.noncentered and found.transform is not None:
        raise ArgumentError(
            f"{found.what}: noncentered=True is a transform by itself (by location and scale); leave one of it and"
            " transform= out."
        )


def _distribution(
    name: str, family: type[Distribution], args: Sequence[Any], parameters: Mapping[str, Any]
) -> Distribution:
    """The distribution of a variable, whose name is told where a parameter is wrong."""
    try:
        return family.dist(*args, **parameters)
    except ArgumentError as error:
        said = str(error).replace(family.__name__, f"{family.__name__} {name!r}", 1)
        raise ArgumentError(said) from None


def data_site(
    dims: ModelDims, name: str, value: Any, names: Dims = None, what: str | None = None
) -> DataSite:
    """Known values as a site; numbers become symbolic, others (strings, dates) stay as they are.

    ``what`` they are is named in messages.
    """
    what = what or f"data {name!r}"
    check_dims(what, names)
    array = labeled(value, names, what)
    if name in array.coords and name not in array.dims:
        array = array.drop_vars(name)  # a coord taken as data: it is both
    dims.add(array, what)
    array = array.assign_coords(dims.of(array.dims)).rename(name)
    if not is_numeric(array.dtype):
        return DataSite(name, array, user_source(), array)
    symbol = xtensor(name, array.dims, array.shape, array.dtype, array.coords)
    return DataSite(name, symbol, user_source(), array)


def observed_data(sites: Sites, dims: ModelDims, found: Declaration) -> DataSite:
    """The data that a variable was observed to be: declared by ``Data`` before, or declared now."""
    if not is_traced(found.observed):
        return data_site(dims, found.name, found.observed, found.dims)
    for site in sites.values():
        if isinstance(site, DataSite) and site.symbol is found.observed:
            return site
    raise ArgumentError(
        f"{found.what}: observed= must be an array of known values, or what Data(...) returned; got a computed one."
    )


def labeled(value: Any, dims: Dims, what: str) -> xr.DataArray:
    """A value as a DataArray; arrays without names need ``dims``. Masked entries are missing.

    Labels of pandas are kept, unless they are just counted.
    """
    if is_traced(value) or isinstance(value, xr.Dataset | Mapping | None):
        found = "a symbolic array" if is_traced(value) else f"a {type(value).__name__}"
        raise ArgumentError(f"{what}: give an array of known values, not {found}.")
    if isinstance(value, xr.DataArray):
        _check_named(value, dims, what)
        return value
    if isinstance(value, np.ma.MaskedArray):
        value = np.where(value.mask, np.nan, value.data) if np.ma.is_masked(value) else value.data
    names = tuple([d for d in names_of(dims) if d is not ...])
    if len(names) != np.ndim(value):
        raise ArgumentError(
            f"{what}: dims={names} does not name each axis of an array of shape {np.shape(value)}; pass a DataArray,"
            " or name each axis in dims=."
        )
    if isinstance(value, pd.Series | pd.DataFrame):
        array = xr.DataArray(value, dims=names)
        return array.drop_vars(
            [d for d in names if isinstance(array.indexes[d], pd.RangeIndex)]
        ).rename(None)
    return xr.DataArray(np.asarray(value), dims=names)


def _check_named(array: xr.DataArray, dims: Dims, what: str) -> None:
    """Raise DimensionError where ``dims`` were given that are not those of the array."""
    names = names_of(dims)
    unknown = [d for d in names if d is not ... and d not in array.dims]
    lacking = [d for d in array.dims if d not in names and ... not in names]
    if unknown or lacking:
        raise DimensionError(
            f"{what}: dims={names}, and the array has the dims {array.dims}; leave dims= out, since the array has"
            " names, or rename those of the array."
        )


def free_site(dims: ModelDims, found: Declaration) -> FreeSite:
    """A variable to be inferred, as a site with a symbol of its own."""
    distribution = found.distribution
    if distribution.support.discrete:
        raise ArgumentError(
            f"{found.what} is a discrete latent variable, which gradient-based inference cannot sample.\n"
            "Sum it out of the density by hand (a Mixture does), or give it observed=."
        )
    _hold_to_labels(dims, found)
    sizes = dims.resolve(found.what, _wanted_dims(found), implied_sizes(distribution))
    _check_apart(found, sizes)
    symbol = xtensor(found.name, tuple(sizes), sizes, "float64", dims.of(sizes))
    bijection, standard = _bijection(found, tuple(sizes))
    return FreeSite(found.name, symbol, user_source(), distribution, bijection, standard)


def _hold_to_labels(dims: ModelDims, found: Declaration) -> None:
    """The labels of the parameters are those of the model. Raises AlignmentError where they are not."""
    for array in leaves(found.distribution):
        if isinstance(array, xr.DataArray):
            names = [d for d in array.dims if d not in _inner_dims(found.distribution)]
            dims.add_indexes(array, f"a parameter of {found.what}", names)


def _inner_dims(distribution: Distribution) -> set[Hashable]:
    """The dims that parameters have and values have not: of categories, components, lags."""
    return set(distribution.core_dims) - set(distribution.event_dims)


def _check_apart(found: Declaration, sizes: Iterable[Hashable]) -> None:
    """Raise DimensionError where a value has a dim along which the distribution only has parameters."""
    inner = _inner_dims(found.distribution)
    both = [d for d in sizes if d in inner]
    if both:
        raise DimensionError(
            f"{found.what}: its values have the dim {both[0]!r}, along which all entries of a parameter make one"
            " value; rename that of the values or that of the parameter."
        )


def implied_sizes(distribution: Distribution) -> dict[Any, int]:
    """The dims that values have since the parameters have them."""
    return {**distribution.batch_sizes, **distribution.core_sizes}


def _wanted_dims(found: Declaration) -> Dims:
    """The dims that were asked for, to which those of one value belong."""
    core = found.distribution.event_dims
    names = names_of(found.dims)
    lacking = [d for d in core if d not in names]
    if lacking and ... not in names:
        raise DimensionError(
            f"{found.what}: dims={names} lacks {lacking[0]!r}, along which one value lies; add it."
        )
    return (*names, *[d for d in lacking if d not in implied_sizes(found.distribution)])


def _bijection(
    found: Declaration, dims: tuple[Hashable, ...]
) -> tuple[Bijection, Distribution | None]:
    if isinstance(found.transform, str):
        return named_bijection(
            found.transform, found.what, found.distribution.event_dims, dims
        ), None
    if found.transform is not None:
        return found.transform, None
    if not found.noncentered:
        return found.distribution.support.bijection(), None
    loc, scale, standard = found.distribution.standardised()
    return Affine(loc, scale), standard


def observed_site(dims: ModelDims, found: Declaration, data: DataSite) -> ObservedSite:
    """A variable whose values are ``data``."""
    check_observed(dims, found, data)
    check_values(found.what, found.distribution, data.value, found.missing != "error")
    seen = None if found.missing == "error" else ~is_missing(data.symbol)
    return ObservedSite(found.name, data.symbol, user_source(), found.distribution, data, seen)


def check_observed(dims: ModelDims, found: Declaration, data: DataSite) -> None:
    """Raise where observed values are no numbers, or have other dims or labels than the parameters ask for."""
    if not is_real(data.value.dtype):
        raise ObservedValueError(
            f"{found.what}: observed= holds values of type {data.value.dtype}, and not real numbers; convert them."
        )
    _hold_to_labels(dims, found)
    _check_apart(found, data.value.dims)
    wanted = (*implied_sizes(found.distribution), *found.distribution.event_dims)
    lacking = [d for d in wanted if d not in data.value.dims]
    if lacking:
        raise DimensionError(
            f"{found.what}: the observed values have the dims {data.value.dims}, and lack {lacking[0]!r}, which the"
            " parameters have: there is one value for each of theirs. Observe all, or sum or select the parameters."
        )


def is_missing(array: xr.DataArray) -> xr.DataArray:
    """Where values are missing; integers never are."""
    return array.isnull()


def check_values(
    what: str, distribution: Distribution, values: xr.DataArray, may_lack: bool
) -> None:
    """Raise where a value is missing, or lies outside the support as far as that is known before parameters are."""
    missing = is_missing(values)
    if missing.any() and not may_lack:
        raise _missing_values(what, missing)
    inside = distribution.support.contains(values)
    if is_traced(inside):
        return
    outside = ~(inside | missing.any(set(missing.dims) - set(inside.dims)))
    if outside.any():
        raise ObservedValueError(
            f"{what}: {int(outside.sum())} of {outside.size} observed values are outside"
            f" {distribution.support}; the first is {first_value(values, outside)}."
        )


def _missing_values(what: str, missing: xr.DataArray) -> ObservedValueError:
    return ObservedValueError(
        f"{what}: {int(missing.sum())} of {missing.size} observed values are missing;"
        f" the first at {first_place(missing)}.\n"
        'Say what to do with them: missing="drop" leaves them out, missing="impute" infers them.'
    )
