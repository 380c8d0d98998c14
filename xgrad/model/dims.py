"""The dims of a model: their sizes and labels, each given once and held to."""

from collections.abc import Hashable, Iterable, Mapping, Sequence
from types import EllipsisType
from typing import Any

import numpy as np
import xarray as xr

from xgrad.errors import (
    AlignmentError,
    ArgumentError,
    DimensionError,
    SizeMismatchError,
    nearest,
)

Dims = str | Sequence[Hashable | EllipsisType] | None


class ModelDims:
    """Sizes by dim, and the coords along them."""

    def __init__(self, coords: Mapping[Any, Any] | None = None) -> None:
        if not isinstance(coords, Mapping | None):
            raise ArgumentError(
                "Model: coords is a mapping from dims to labels or sizes, or a Dataset; got a"
                f" {type(coords).__name__}."
            )
        self.sizes: dict[Hashable, int] = {}
        self.coords = xr.Dataset()
        for dim, labels in dict(coords or {}).items():
            if isinstance(labels, int | np.integer):
                self.add_size(dim, int(labels), f"coords={{{dim!r}: {labels}}}")
            else:
                self.add_labels(_coord(dim, labels), f"coords[{dim!r}]")

    def add_size(self, dim: Hashable, size: int, what: str) -> None:
        """A dim of this size; SizeMismatchError where it has another one already. ``what`` is named in messages."""
        known = self.sizes.setdefault(dim, size)
        if known != size:
            raise SizeMismatchError(
                f"{what}: dim {dim!r} has size {size} here, and {known} in the model; give the values for the same"
                f" {dim!r}, or call the dim something else."
            )

    def add_labels(self, coord: xr.DataArray, what: str) -> None:
        """The labels of a dim, or another coord; AlignmentError where the model has others for that dim."""
        for dim, size in coord.sizes.items():
            self.add_size(dim, size, what)
        name = coord.name
        if name not in self.coords:
            self.coords = self.coords.assign_coords({name: coord})
        elif name in self.sizes and not coord.to_index().equals(self.coords[name].to_index()):
            raise _other_labels(what, name, coord, self.coords[name])

    def add(self, array: xr.DataArray, what: str) -> None:
        """The dims and coords of an array."""
        for dim, size in array.sizes.items():
            self.add_size(dim, size, what)
        for name in array.coords:
            self.add_labels(_alone(array.coords[name]), what)

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
        names = _named(dims, implied)
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
    if not isinstance(dims, str | Sequence | None):
        raise ArgumentError(f"{what}: dims is a name, or a tuple of names; got {dims!r}.")


def _named(dims: Dims, implied: Mapping[Hashable, int]) -> list[Hashable]:
    if dims is None:
        return list(implied)
    names = [dims] if isinstance(dims, str) else list(dims)
    rest = [d for d in implied if d not in names]
    found = [d for name in names for d in (rest if name is ... else [name])]
    if len(set(found)) < len(found):
        raise DimensionError(f"dims={tuple(names)} names a dim twice; name each once.")
    return found


def _coord(dim: Hashable, labels: Any) -> xr.DataArray:
    if isinstance(labels, xr.DataArray):
        return labels if labels.name is not None else labels.rename(dim)
    return xr.DataArray(np.asarray(labels), dims=(dim,), coords={dim: np.asarray(labels)}, name=dim)


def _alone(coord: xr.DataArray) -> xr.DataArray:
    return coord.drop_vars([k for k in coord.coords if k != coord.name])


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
