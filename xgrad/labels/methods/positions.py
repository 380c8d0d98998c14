"""Traced positions in xarray's indexing: ``isel``, ``[]``, ``sortby``, ``idxmax`` and ``idxmin``.

An index over a dim that is taken at traced positions cannot be made while tracing. Its labels are taken like data;
where they still belong to the dim when the call returns, they are made an index then.
"""

import warnings
from collections import defaultdict
from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr
from xarray.core import dtypes

from xgrad.errors import LabelsDroppedWarning, UnsupportedError
from xgrad.graph import user_source
from xgrad.labels.chosen import ChosenLabels, choose
from xgrad.labels.core import AbstractTraced, is_traced_array
from xgrad.labels.duck.elementwise import as_traced
from xgrad.labels.duck.joining import take
from xgrad.labels.slots import read_variable

_NUMBERS = "biufc"


def traced_data(value: Any) -> AbstractTraced | None:
    """The traced array in an indexer or key; None where there is none."""
    if type(value) in (int, slice):
        return None
    value = getattr(value, "variable", value)
    data = read_variable(value).data if isinstance(value, xr.Variable) else value
    return data if isinstance(data, AbstractTraced) else None


# ---- indexing a variable -------------------------------------------------------------------------------------------


def getitem(original: Callable[..., xr.Variable]) -> Callable[..., xr.Variable]:
    """``Variable[key]`` with traced arrays in the key, also of a variable that is not traced."""

    def __getitem__(self: xr.Variable, key: Any) -> xr.Variable:
        keys = key if isinstance(key, tuple) else (key,)
        found = [d for d in map(traced_data, keys) if d is not None]
        if not found:
            return original(self, key)
        scalars: list[str] = []
        spread = tuple([_with_axis(k, scalars) for k in keys])
        taken = original(_takeable(self, found[0]), spread)
        return taken.isel(dict.fromkeys(scalars, 0)) if scalars else taken

    return __getitem__


def _with_axis(key: Any, scalars: list[str]) -> Any:
    """A traced 0-d key as one of a single step along a dim of its own, noted in ``scalars``."""
    data = traced_data(key)
    if data is None or data.ndim:
        return key
    scalars.append(f"_position_{len(scalars)}")
    return xr.Variable((scalars[-1],), data[None])  # pyright: ignore[reportIndexIssue]


def _takeable(variable: xr.Variable, like: AbstractTraced) -> xr.Variable:
    """``variable`` as one that can be taken at traced positions."""
    data = read_variable(variable).data
    if isinstance(data, AbstractTraced | ChosenLabels):
        return variable
    values = np.asarray(variable.values)
    if values.dtype.kind in _NUMBERS:
        data = as_traced(values, like)
    else:
        places = np.arange(values.size).reshape(values.shape)
        data = ChosenLabels(values.ravel(), as_traced(places, like))
    return xr.Variable(variable.dims, data, variable.attrs)


# ---- indexing labeled objects --------------------------------------------------------------------------------------


def isel_fancy(original: Callable[..., xr.Dataset]) -> Callable[..., xr.Dataset]:
    """``Dataset._isel_fancy`` with traced positions: indexes along their dims become coords without an index."""

    def isel(self: xr.Dataset, indexers: Mapping[Any, Any], **options: Any) -> xr.Dataset:
        moved = {k for k, v in indexers.items() if traced_data(v) is not None}
        if not moved:
            return original(self, indexers, **options)
        _check_masks(indexers, moved)
        _check_conflicts(self, indexers, moved)
        return original(_without_indexes(self, moved), indexers, **options)

    return isel


def _check_masks(indexers: Mapping[Any, Any], moved: set[Hashable]) -> None:
    """A traced mask would decide on the size of the result."""
    for dim in moved:
        mask: Any = traced_data(indexers[dim])
        if mask.dtype.kind == "b":
            line = user_source()
            raise UnsupportedError(
                f"{f'{line}: ' if line else ''}selecting along dim {dim!r} by a traced mask: how many entries it keeps"
                " would depend on the data, which are not known while the function is traced.\n"
                "Keep the shape: array.where(mask), without drop=True; reductions skip what is missing."
            )


def _check_conflicts(
    dataset: xr.Dataset, indexers: Mapping[Any, Any], moved: set[Hashable]
) -> None:
    """An indexer may have labels along a dim that is indexed only if they are those found there."""
    for dim, indexer in indexers.items():
        labels = indexer.coords if isinstance(indexer, xr.DataArray) else {}
        for name in moved.intersection(labels, dataset.coords):
            raise IndexError(
                f"dimension coordinate {name!r} conflicts between indexed and indexing objects: the indexer of {dim!r}"
                f" has labels along {name!r}, and whether the ones that its positions find are the same is not known"
                f" while the function is traced.\nDrop them: indexer.drop_vars({name!r})."
            )


def _without_indexes(dataset: xr.Dataset, dims: set[Any]) -> xr.Dataset:
    kept = dict(dataset.xindexes)
    coords = {name: v.variable for name, v in dataset.coords.items()}
    for index, variables in dataset.xindexes.group_by_index():
        if dims.isdisjoint([d for v in variables.values() for d in v.dims]):
            continue
        several = isinstance(index, xr.indexes.PandasMultiIndex)
        for name in variables:
            del kept[name]
            coords[name] = variables[name].to_base_variable()
        if several:
            _warn_of_dropped(list(variables))
            del coords[next(d for v in variables.values() for d in v.dims)]
    labels = xr.Coordinates(coords=coords, indexes=kept)
    data = {name: v.variable for name, v in dataset.data_vars.items()}
    return xr.Dataset(data, coords=labels, attrs=dataset.attrs)


def _warn_of_dropped(names: Sequence[Hashable]) -> None:
    warnings.warn(
        f"the MultiIndex of {', '.join(map(str, names))} is taken at traced positions: its levels stay as coords,"
        " but the result has no MultiIndex. Make it again with .set_index(...) outside of the compiled function.",
        LabelsDroppedWarning,
        stacklevel=2,
    )


# ---- sortby --------------------------------------------------------------------------------------------------------


def sortby(original: Callable[..., xr.Dataset]) -> Callable[..., xr.Dataset]:
    """``Dataset.sortby`` by keys of which some are traced."""

    def sort(self: xr.Dataset, variables: Any, ascending: bool = True) -> xr.Dataset:
        keys = variables(self) if callable(variables) else variables
        given = keys if isinstance(keys, list) else [keys]
        arrays = [k if isinstance(k, xr.DataArray) else self[k] for k in given]
        if all(traced_data(a) is None for a in arrays):
            return original(self, keys, ascending)
        aligned: Any
        aligned, *arrays = xr.align(self, *arrays, join="left")
        by_dim: dict[Hashable, list[Any]] = defaultdict(list)
        for array in arrays:
            if array.ndim != 1:
                raise ValueError("Input DataArray is not 1-D.")
            by_dim[array.dims[0]].append(_sortable(array.data))
        return aligned.isel({dim: _order(by, ascending) for dim, by in by_dim.items()})

    return sort


def _sortable(data: Any) -> Any:
    """Concrete labels of any kind as numbers in the same order."""
    if is_traced_array(data) or data.dtype.kind in _NUMBERS:
        return data
    return pd.Series(data).rank(method="dense").to_numpy()


def _order(keys: Sequence[Any], ascending: bool) -> Any:
    """The order by the first key, ties by the next ones; NaN last both ways."""
    keys = list(reversed(keys))
    if ascending:
        return lexsort(keys)
    valid = [~np.isnan(k) if k.dtype.kind in "fc" else np.ones(k.shape, bool) for k in keys]
    return np.flip(lexsort([*keys, *valid]), 0)


def lexsort(keys: Sequence[Any]) -> Any:
    """``np.lexsort`` of 1-d keys: stable sorts, by the last key last."""
    order = np.argsort(keys[0], stable=True)
    for key in keys[1:]:
        order = take(order, np.argsort(take(key, order), stable=True))
    return order


# ---- idxmax and idxmin ---------------------------------------------------------------------------------------------


def labels_of_extremes(original: Callable[..., xr.DataArray]) -> Callable[..., xr.DataArray]:
    """``_calc_idxminmax`` of traced data along labels that are no numbers: their positions, then the labels there."""

    def calc(
        *,
        array: xr.DataArray,
        func: Any,
        dim: Any = None,
        fill_value: Any = dtypes.NA,
        **options: Any,
    ) -> xr.DataArray:
        name = array.dims[0] if dim is None and array.ndim == 1 else dim
        coord = array.coords.get(name)
        if traced_data(array) is None or coord is None or coord.dtype.kind in _NUMBERS:
            return original(array=array, func=func, dim=dim, fill_value=fill_value, **options)
        size = array.sizes[name]
        bare = array.drop_vars(list(array.xindexes.get_all_coords(name)))
        numbered = bare.assign_coords({name: np.arange(size)})
        places = original(array=numbered, func=func, dim=dim, fill_value=size, **options)
        filled = _may_be_filled(array, options.get("skipna"))
        table = _with_fill(coord.variable, fill_value) if filled else coord.values
        return places.copy(data=choose(table, read_variable(places.variable).data))

    return calc


def _may_be_filled(array: xr.DataArray, skipna: bool | None) -> bool:
    """Whether slices of NaN alone are filled: the places beyond the labels."""
    return bool(skipna) or (skipna is None and array.dtype.kind in "cf")


def _with_fill(labels: xr.Variable, fill_value: Any) -> np.ndarray:
    """The labels and, after them, what eager xarray puts where there is none; in the dtype of both."""
    values = labels.to_base_variable().values
    longer = xr.Variable(("label",), np.concatenate([values, values[:1]]))
    known = xr.Variable(("label",), np.arange(values.size + 1) < values.size)
    return longer.where(known, fill_value).values
