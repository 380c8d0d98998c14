"""The dims of a model: their sizes and labels, each given once and held to."""

from collections.abc import Hashable, Iterable, Mapping, Sequence
from types import EllipsisType
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from xgrad.errors import (
    AlignmentError,
    ArgumentError,
    DimensionError,
    DuplicateNameError,
    SizeMismatchError,
    UnsupportedTypeError,
    nearest,
)

Dims = str | Sequence[Hashable | EllipsisType] | EllipsisType | None


KEY = "key_data"
RESULT_DIMS = ("chain", "draw")


class ModelDims:
    """Sizes by dim, and the coords along them."""

    def __init__(self, coords: Mapping[Any, Any] | None = None) -> None:
        if not isinstance(coords, Mapping | None) or isinstance(coords, xr.DataTree):
            raise ArgumentError(
                "Model: coords is a mapping from dims to labels or sizes, or a Dataset; got a"
                f" {type(coords).__name__}."
            )
        self.sizes: dict[Hashable, int] = {}
        self.coords = xr.Dataset()
        self._conflicting: set[Hashable] = set()
        for dim, labels in dict(coords or {}).items():
            if isinstance(labels, int | np.integer) and not isinstance(labels, bool):
                self.add_size(dim, int(labels), f"coords={{{dim!r}: {labels}}}")
            elif isinstance(labels, xr.DataArray) and dim not in labels.dims:
                self.add_labels(_named_as(dim, labels), f"coords[{dim!r}]")
            else:
                _check_flat(getattr(labels, "indexes", {}).get(dim, labels), f"coords[{dim!r}]")
                self.add_labels(_coord(dim, labels), f"coords[{dim!r}]")

    def add_size(self, dim: Hashable, size: int, what: str) -> None:
        """A dim of this size; SizeMismatchError where it has another one already. ``what`` is named in messages."""
        if dim not in self.sizes:
            _check_new(dim, size, what)
            self._set_aside(dim)
        known = self.sizes.setdefault(dim, size)
        if known != size:
            raise SizeMismatchError(
                f"{what}: dim {dim!r} has size {size} here, and {known} in the model; give the values for the same"
                f" {dim!r}, or call the dim something else."
            )

    def add_labels(self, coord: xr.DataArray, what: str) -> None:
        """The labels of a dim, or another coord.

        Raises AlignmentError where the model has other labels for the dim. Of other coords, those on which arrays
        disagree stay with the arrays, as do those that are called like another dim.
        """
        for dim, size in coord.sizes.items():
            self.add_size(dim, size, what)
        name = coord.name
        if name in coord.dims:
            known = self.coords.get(name)
            if known is not None and not coord.to_index().equals(known.to_index()):
                raise _other_labels(what, name, coord, known)
        elif name in self.sizes or name in self._conflicting:
            return
        elif name in self.coords and not coord.variable.equals(self.coords[name].variable):
            self._set_aside(name)
            self._conflicting.add(name)
            return
        if name not in self.coords:
            self.coords = self.coords.assign_coords({name: coord})

    def _set_aside(self, name: Hashable) -> None:
        """No coord of the model is called ``name``."""
        self.coords = self.coords.drop_vars([name], errors="ignore")

    def add(self, array: xr.DataArray, what: str) -> None:
        """The dims and coords of an array."""
        self.add_indexes(array, what, array.dims)
        for name in array.coords:
            if name not in array.dims:
                self.add_labels(_alone(array.coords[name]), what)

    def add_indexes(self, array: xr.DataArray, what: str, dims: Iterable[Hashable]) -> None:
        """Some dims of an array and the labels along them."""
        for dim in dims:
            self.add_size(dim, array.sizes[dim], what)
            if dim in array.indexes:
                _check_flat(array.indexes[dim], f"{what}: the labels along {dim!r}")
                self.add_labels(_alone(array.coords[dim]), what)

    def add_results(self, array: xr.DataArray, what: str) -> None:
        """The dims of a computed array, which results hold beside the others.

        Along dims with labels it may have some of them only.
        """
        for dim, size in array.sizes.items():
            if dim not in self.sizes:
                _check_new(dim, size, what)
            if dim in array.indexes and dim in self.coords:
                _check_unique(array.indexes[dim], self.coords[dim].to_index(), dim, what)
            elif dim not in array.indexes or dim in self.sizes:
                self.add_size(dim, size, what)

    @property
    def coord_names(self) -> set[Hashable]:
        """What coords are called, of the model or of single arrays."""
        return {*self.coords.coords, *self._conflicting}

    def copy(self) -> "ModelDims":
        """The same dims, to which others can be added."""
        other = ModelDims()
        other.sizes, other.coords = dict(self.sizes), self.coords
        other._conflicting = set(self._conflicting)
        return other

    def of(self, dims: Iterable[Hashable]) -> dict[Any, xr.DataArray]:
        """The coords of an array with these dims."""
        dims = set(dims)
        return {k: c for k, c in self.coords.coords.items() if c.dims and set(c.dims) <= dims}

    def resolve(
        self, what: str, dims: Dims, implied: Mapping[Hashable, int]
    ) -> dict[Hashable, int]:
        """The dims of a variable with their sizes.

        ``implied`` are those that its parameters or values have; ``...`` in ``dims`` stands for the ones not named.
        Raises DimensionError for a dim of no known size, or where ``dims`` lacks an implied one.
        """
        names = _named(what, dims, implied)
        for dim, size in implied.items():
            if dim not in names:
                raise DimensionError(
                    f"{what}: dims={tuple(names)} lacks {dim!r}, which its parameters or values have; add it, or"
                    " write dims=(..., ) for all of theirs."
                )
            self.add_size(dim, size, what)
        return {dim: self._size(what, dim) for dim in names}

    def _size(self, what: str, dim: Hashable) -> int:
        if dim not in self.sizes:
            known = ", ".join([repr(d) for d in self.sizes]) or "none"
            raise DimensionError(
                f"{what}: the model has no dim {dim!r} (its dims: {known}){nearest(dim, self.sizes)}\n"
                f"Give it labels or a size: Model(coords={{{dim!r}: ...}})."
            )
        return self.sizes[dim]


def check_dims(what: str, dims: Any) -> None:
    """Raise ArgumentError for dims that are neither a name nor several."""
    several = isinstance(dims, Sequence) and all([isinstance(d, Hashable) for d in dims])
    if dims is not None and dims is not ... and not several:
        raise ArgumentError(f"{what}: dims is a name, or a tuple of names; got {dims!r}.")


def names_of(dims: Dims) -> tuple[Any, ...]:
    """The names in ``dims``; no dims given are those that there are."""
    if dims is None or dims is ...:
        return (...,)
    return (dims,) if isinstance(dims, str) else tuple(dims)


def _named(what: str, dims: Dims, implied: Mapping[Hashable, int]) -> list[Hashable]:
    names = names_of(dims)
    rest = [d for d in implied if d not in names]
    found = [d for name in names for d in (rest if name is ... else [name])]
    if len(set(found)) < len(found):
        raise DimensionError(f"{what}: dims={tuple(names)} names a dim twice; name each once.")
    return found


def _check_new(dim: Hashable, size: int, what: str) -> None:
    """Raise where a model cannot have a dim of this name and size."""
    if dim in RESULT_DIMS:
        raise DuplicateNameError(
            f"{what}: {dim!r} is a dim of all results, one entry for each {dim} of the posterior, so a model cannot"
            f" have a dim of that name; call yours something else, 'my_{dim}' for example."
        )
    if str(dim).startswith("__"):
        raise ArgumentError(
            f"{what}: names that begin with two underscores, as the dim {dim!r} does, are kept for xgrad; rename it."
        )
    if dim == KEY:
        raise ArgumentError(
            f"{what}: {dim!r} is the dim of random keys; call yours something else."
        )
    if size < 0:
        raise ArgumentError(f"{what}: a dim has no negative size; give its labels, or how many.")


def _check_unique(index: pd.Index, known: pd.Index, dim: Hashable, what: str) -> None:
    """Raise AlignmentError for labels beside which results cannot hold those that the model has."""
    if not index.is_unique and not index.equals(known):
        raise AlignmentError(
            f"{what}: it has the label {plain(index[index.duplicated()][0])!r} along {dim!r} more than once, and"
            f" results hold it beside others by label; drop its labels and rename {dim!r} for it."
        )


def _check_flat(index: Any, what: str) -> None:
    if isinstance(index, pd.MultiIndex):
        raise UnsupportedTypeError(
            f"{what}: a MultiIndex is held neither by models nor by files of their results; make its levels plain"
            " coords, by .reset_index(...)."
        )


def _coord(dim: Hashable, labels: Any) -> xr.DataArray:
    if isinstance(labels, xr.DataArray):
        return labels if labels.name is not None else labels.rename(dim)
    values = np.asarray(labels)
    if values.ndim != 1:
        raise ArgumentError(
            f"coords[{dim!r}] is {labels!r}; give the labels along {dim!r} as a list or a one-dimensional array, or"
            " their number as an integer."
        )
    return xr.DataArray(values, dims=(dim,), coords={dim: values}, name=dim)


def _named_as(dim: Hashable, labels: xr.DataArray) -> xr.DataArray:
    """Labels that are found along another dim, as those of ``dim``; another coord of a Dataset as it is."""
    if labels.name == dim or labels.ndim != 1:
        return labels.rename(dim)
    return _coord(dim, labels.values)


def _alone(coord: xr.DataArray) -> xr.DataArray:
    return coord.drop_vars([k for k in coord.coords if k != coord.name])


def check_labels(known: xr.DataArray, found: xr.DataArray, what: str) -> None:
    """Raise where an array has other sizes or labels along its dims than a variable of the model."""
    dims = ModelDims()
    dims.add_indexes(known, what, known.dims)
    dims.add_indexes(found, what, found.dims)


def _other_labels(
    what: str, dim: Hashable, found: xr.DataArray, known: xr.DataArray
) -> AlignmentError:
    differ = [(a, b) for a, b in zip(found.values, known.values, strict=True) if a != b]
    first = (
        f"; the first: {plain(differ[0][0])!r} here, {plain(differ[0][1])!r} in the model"
        if differ
        else ""
    )
    return AlignmentError(
        f"{what}: its labels along {dim!r} are not those of the model ({len(differ)} of {found.size} differ{first}).\n"
        f"Select or reindex first, or give the model these labels."
    )


def plain(value: Any) -> Any:
    """A NumPy scalar as the Python value that prints like it."""
    return value.item() if isinstance(value, np.generic) else value
