"""xarray's private slots that xgrad reads and fills: all of them, in this one file, each with a way by the public API.

The fast ways are taken where this xarray has the slots as expected (``FAST``); a test proves that both ways agree. What
is read is not copied, and what is given to a constructor is not either: it belongs to the new object.
"""

from collections.abc import Callable, Hashable
from functools import partial
from importlib import import_module
from operator import attrgetter, itemgetter
from typing import Any, Final, NamedTuple

import numpy as np
import xarray as xr

Coords = dict[Hashable, xr.Variable]
Indexes = dict[Hashable, Any]  # xarray.Index by coord
Attrs = dict[Any, Any] | None


class VariableParts(NamedTuple):
    """An array, as it is kept (for an index xarray's adapter), its dims and attrs."""

    data: Any
    dims: tuple[Hashable, ...]
    attrs: Attrs


class DatasetParts(NamedTuple):
    """What a Dataset is made of: data variables and coords together, and which are coords."""

    variables: Coords
    coord_names: set[Hashable]
    attrs: Attrs
    indexes: Indexes


# ---- by the public API ---------------------------------------------------------------------------------------------


def public_read_variable(variable: xr.Variable) -> VariableParts:
    return VariableParts(variable.data, variable.dims, dict(variable.attrs) or None)


def public_read_extras(variable: xr.Variable) -> tuple[Attrs, Attrs]:
    return dict(variable.attrs) or None, dict(variable.encoding) or None


def public_read_attrs(variable: xr.Variable) -> Attrs:
    return dict(variable.attrs) or None


def public_read_dataarray(
    array: xr.DataArray,
) -> tuple[Any, tuple, Attrs, Coords, Indexes, Hashable]:
    """The data, dims, attrs, coords, indexes and name."""
    coords = {name: coord.variable for name, coord in array.coords.items()}
    data, dims, attrs = public_read_variable(array.variable)
    return data, dims, attrs, coords, dict(array.xindexes), array.name


def public_read_dataset(dataset: xr.Dataset) -> DatasetParts:
    variables = dict(dataset.variables)
    return DatasetParts(
        variables, set(dataset.coords), dict(dataset.attrs) or None, dict(dataset.xindexes)
    )


def public_set_variable_data(variable: xr.Variable, data: Any) -> None:
    variable.data = data


def public_copied_coord(variable: xr.Variable) -> xr.Variable:
    """A copy of which nothing that a user can write to is shared; the values of an index cannot be written to."""
    return variable.copy(deep=not isinstance(variable, xr.IndexVariable))


def public_make_variable(dims: tuple[Hashable, ...], data: Any, attrs: Attrs = None) -> xr.Variable:
    return xr.Variable(dims, data, attrs)


def public_make_dataarray(
    variable: xr.Variable, coords: Coords, name: Hashable | None, indexes: Indexes
) -> xr.DataArray:
    labels = xr.Coordinates(coords=coords, indexes=indexes)
    return xr.DataArray(variable, coords=labels, name=name)


def public_make_dataset(
    variables: Coords,
    coord_names: set[Hashable],
    sizes: dict[Hashable, int],
    attrs: Attrs,
    indexes: Indexes,
) -> xr.Dataset:
    coords = {name: v for name, v in variables.items() if name in coord_names}
    data = {name: v for name, v in variables.items() if name not in coord_names}
    return xr.Dataset(data, coords=xr.Coordinates(coords=coords, indexes=indexes), attrs=attrs)


_MATTER = (
    "arithmetic_broadcast",
    "arithmetic_compat",
    "arithmetic_join",
    "keep_attrs",
    "use_new_combine_kwarg_defaults",
)


def public_read_options() -> Hashable:
    """The xarray options in force that a trace depends on, as a hashable."""
    options = xr.get_options()
    return tuple([options.get(name) for name in _MATTER])


# ---- by the slots --------------------------------------------------------------------------------------------------


def _fast_read_variable(variable: Any) -> VariableParts:
    return VariableParts(variable._data, variable._dims, variable._attrs)


# asked of every argument of every compiled call: one C function that gives a plain tuple, half the time of a method
_fast_read_extras: Callable[[Any], tuple[Attrs, Attrs]] = attrgetter("_attrs", "_encoding")
_fast_read_attrs: Callable[[Any], Attrs] = attrgetter("_attrs")
_fast_read_dataarray: Callable[[Any], tuple[Any, tuple, Attrs, Coords, Indexes, Any]] = attrgetter(
    "_variable._data", "_variable._dims", "_variable._attrs", "_coords", "_indexes", "_name"
)


def _fast_read_dataset(dataset: Any) -> DatasetParts:
    return DatasetParts(dataset._variables, dataset._coord_names, dataset._attrs, dataset._indexes)


def _fast_set_variable_data(variable: Any, data: Any) -> None:
    variable._data = data


def _fast_copied_coord(variable: Any) -> xr.Variable:
    is_index = isinstance(variable, xr.IndexVariable)
    if not is_index and type(variable._data) is not np.ndarray:
        return public_copied_coord(variable)
    new: Any = object.__new__(type(variable))
    new._dims = variable._dims
    new._data = variable._data if is_index else variable._data.copy()
    new._attrs = dict(variable._attrs) if variable._attrs else None
    new._encoding = dict(variable._encoding) if variable._encoding else None
    return new


def _fast_make_variable(dims: tuple[Hashable, ...], data: Any, attrs: Attrs = None) -> xr.Variable:
    variable: Any = object.__new__(xr.Variable)
    variable._dims = dims
    variable._data = data
    variable._attrs = attrs
    variable._encoding = None
    return variable


def _fast_make_dataarray(
    variable: xr.Variable, coords: Coords, name: Hashable | None, indexes: Indexes
) -> xr.DataArray:
    array: Any = object.__new__(xr.DataArray)
    array._variable = variable
    array._coords = coords
    array._name = name
    array._indexes = indexes
    array._close = None
    return array


def _fast_make_dataset(
    variables: Coords,
    coord_names: set[Hashable],
    sizes: dict[Hashable, int],
    attrs: Attrs,
    indexes: Indexes,
) -> xr.Dataset:
    dataset: Any = object.__new__(xr.Dataset)
    dataset._variables = variables
    dataset._coord_names = coord_names
    dataset._dims = sizes
    dataset._indexes = indexes
    dataset._attrs = attrs
    dataset._encoding = None
    dataset._close = None
    return dataset


# ---- the choice ----------------------------------------------------------------------------------------------------

_EXPECTED: Final = (
    (xr.Variable, {"_attrs", "_data", "_dims", "_encoding"}),
    (xr.DataArray, {"_close", "_coords", "_indexes", "_name", "_variable"}),
    (
        xr.Dataset,
        {"_attrs", "_close", "_coord_names", "_dims", "_encoding", "_indexes", "_variables"},
    ),
)
FAST: Final = all(slots <= set(owner.__slots__) for owner, slots in _EXPECTED)

_OPTIONS: dict[str, Hashable] = getattr(import_module("xarray.core.options"), "OPTIONS", {})
_fast_read_options: Callable[[], Hashable] = partial(itemgetter(*_MATTER), _OPTIONS)

read_variable = _fast_read_variable if FAST else public_read_variable
read_extras = _fast_read_extras if FAST else public_read_extras
read_attrs = _fast_read_attrs if FAST else public_read_attrs
read_dataarray = _fast_read_dataarray if FAST else public_read_dataarray
read_dataset = _fast_read_dataset if FAST else public_read_dataset
set_variable_data = _fast_set_variable_data if FAST else public_set_variable_data
make_variable = _fast_make_variable if FAST else public_make_variable
make_dataarray = _fast_make_dataarray if FAST else public_make_dataarray
make_dataset = _fast_make_dataset if FAST else public_make_dataset
read_options = _fast_read_options if set(_MATTER) <= set(_OPTIONS) else public_read_options
copied_coord = _fast_copied_coord if FAST else public_copied_coord
