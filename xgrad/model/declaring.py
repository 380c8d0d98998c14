"""How declarations become sites: dims and coords are settled, symbols made, observations checked."""

import dataclasses
from collections.abc import Hashable, Mapping, Sequence
from typing import Any

import numpy as np
import xarray as xr

from xgrad.errors import ArgumentError, DimensionError, ObservedValueError, nearest
from xgrad.graph import user_source
from xgrad.labels import is_traced
from xgrad.model.dims import Dims, ModelDims, check_dims
from xgrad.model.distributions.base import Distribution
from xgrad.model.distributions.bijections import Affine, Bijection
from xgrad.model.distributions.vector_bijections import named_bijection
from xgrad.model.places import first_place, first_value
from xgrad.model.sites import DataSite, FreeSite, ObservedSite
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
    if found.missing not in MISSING:
        raise ArgumentError(
            f"{found.what}: missing={found.missing!r} is none of {MISSING}{nearest(found.missing, MISSING)}"
        )
    return found


def _distribution(
    name: str, family: type[Distribution], args: Sequence[Any], parameters: Mapping[str, Any]
) -> Distribution:
    """The distribution of a variable, whose name is told where a parameter is wrong."""
    try:
        return family.dist(*args, **parameters)
    except ArgumentError as error:
        said = str(error).replace(family.__name__, f"{family.__name__} {name!r}", 1)
        raise ArgumentError(said) from None


def data_site(dims: ModelDims, name: str, value: Any, names: Dims = None) -> DataSite:
    """Known values as a site; numbers become symbolic, others (strings, dates) stay as they are."""
    check_dims(f"data {name!r}", names)
    array = labeled(value, names, f"data {name!r}")
    dims.add(array, f"data {name!r}")
    array = array.assign_coords(dims.of(array.dims)).rename(name)
    if not is_numeric(array.dtype):
        return DataSite(name, array, user_source(), array)
    symbol = xtensor(name, array.dims, array.shape, array.dtype, array.coords)
    return DataSite(name, symbol, user_source(), array)


def labeled(value: Any, dims: Dims, what: str) -> xr.DataArray:
    """A value as a DataArray; arrays without names need ``dims``."""
    if isinstance(value, xr.DataArray):
        return value
    array = np.asarray(value)
    names = (dims,) if isinstance(dims, str) else tuple(dims or ())
    if len(names) != array.ndim:
        raise ArgumentError(
            f"{what}: dims={names} does not name each axis of an array of shape {array.shape}; pass a DataArray, or"
            " name each axis in dims=."
        )
    return xr.DataArray(array, dims=names)


def free_site(dims: ModelDims, found: Declaration) -> FreeSite:
    """A variable to be inferred, as a site with a symbol of its own."""
    distribution = found.distribution
    if distribution.support.discrete:
        raise ArgumentError(
            f"{found.what} is a discrete latent variable, which gradient-based inference cannot sample.\n"
            "Sum it out of the density by hand (a Mixture does), or give it observed=."
        )
    sizes = dims.resolve(found.what, _wanted_dims(found), implied_sizes(distribution))
    symbol = xtensor(found.name, tuple(sizes), sizes, "float64", dims.of(sizes))
    bijection, standard = _bijection(found, tuple(sizes))
    return FreeSite(found.name, symbol, user_source(), distribution, bijection, standard)


def implied_sizes(distribution: Distribution) -> dict[Any, int]:
    """The dims that values have since the parameters have them."""
    return {**distribution.batch_sizes, **distribution.core_sizes}


def _wanted_dims(found: Declaration) -> Dims:
    """The dims that were asked for, to which those of one value belong."""
    core = found.distribution.event_dims
    if found.dims is None:
        return (..., *[d for d in core if d not in implied_sizes(found.distribution)])
    names = (found.dims,) if isinstance(found.dims, str) else tuple(found.dims)
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
    dims.resolve(found.what, data.symbol.dims, implied_sizes(found.distribution))
    missing = is_missing(data.value)
    if missing.any() and found.missing == "error":
        raise _missing_values(found, missing)
    _check_support(found, data, missing)
    seen = None if found.missing == "error" else ~is_missing(data.symbol)
    return ObservedSite(found.name, data.symbol, user_source(), found.distribution, data, seen)


def is_missing(array: xr.DataArray) -> xr.DataArray:
    """Where values are missing; integers never are."""
    return array.isnull()


def _check_support(found: Declaration, data: DataSite, missing: xr.DataArray) -> None:
    """Raise where a value lies outside the support, as far as that is known before parameters are."""
    inside = found.distribution.support.contains(data.value)
    if is_traced(inside):
        return
    outside = ~(inside | missing.any(set(missing.dims) - set(inside.dims)))
    if outside.any():
        raise ObservedValueError(
            f"{found.what}: {int(outside.sum())} of {outside.size} observed values are outside"
            f" {found.distribution.support}; the first is {first_value(data.value, outside)}."
        )


def _missing_values(found: Declaration, missing: xr.DataArray) -> ObservedValueError:
    return ObservedValueError(
        f"{found.what}: {int(missing.sum())} of {missing.size} observed values are missing;"
        f" the first at {first_place(missing)}.\n"
        'Say what to do with them: missing="drop" leaves them out, missing="impute" infers them.'
    )
