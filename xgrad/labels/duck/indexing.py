"""NumPy's indexing of traced arrays, read and written: basic keys give views, integer and boolean arrays copies.

A key is first spread over the axes, one entry each; entries become indexers of named dims. Index arrays that vary along
one axis of their own, as xarray passes for orthogonal indexing, stay one-dimensional, and slices where they run evenly.
"""

import operator
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import xarray as xr

from xgrad.errors import UnsupportedError
from xgrad.graph import Var
from xgrad.labels.cells import with_names
from xgrad.labels.core import (
    AbstractTraced,
    Name,
    New,
    axes_of,
    is_new,
    make,
    real,
    rearranged,
    trace_of,
    view,
)
from xgrad.labels.duck.elementwise import cast_to, common_shape, conform, find_dim, where
from xgrad.labels.iteration import notice
from xgrad.labels.scope import fresh
from xgrad.names import Slice, build
from xgrad.names.types import Dim

Entry = Any  # int, slice, None, or an integer array (concrete or traced)


class Selection(NamedTuple):
    """Part of an array: what to do along its dims, and what the axes of the part show."""

    array: AbstractTraced
    indexers: dict[Dim, Any]
    names: list[Name]
    shape: tuple[int, ...]


def getitem(array: AbstractTraced, key: Any) -> AbstractTraced:
    """``array[key]``: a view for a basic key, otherwise a new array."""
    entries = spread(array, key)
    if any(is_array(e) for e in entries):
        part = _advanced(array, entries)
        picked = build.index(part.array.value, part.indexers)
        return make(picked, part.names, trace_of([array, *entries]))
    return _basic_view(array, entries)


def _basic_view(array: AbstractTraced, entries: Sequence[Entry]) -> AbstractTraced:
    part = _basic(array, entries)
    notice(part.array, part.indexers)
    dims = array.cell.content.type.dims
    if not part.indexers:
        return rearranged(array, axes_of(dims, part.names))
    how = Part(tuple([(dims.index(d), i) for d, i in part.indexers.items()]))
    return view(array, how.read(array.value), how, part.names)


def setitem(array: AbstractTraced, key: Any, value: Any) -> None:
    """``array[key] = value``: rebinds the array, and every array that it is a view of."""
    value = value.data if isinstance(value, xr.Variable | xr.DataArray) else value
    mask = _traced_mask(key)
    if mask is not None:
        value, key = _masked(array, mask, value), ...
    entries = spread(array, key)
    select = _advanced if any(is_array(e) for e in entries) else _basic
    part = select(array, entries)
    notice(part.array, part.indexers)
    if part.array is not array or any(is_new(a) and a != New(1) for a in array.axes):
        raise ValueError("assignment destination is read-only: it is broadcast; .copy() it first")
    array.cell.write(written(array, part, value))


def written(array: AbstractTraced, part: Selection, value: Any, kind: str = "set") -> Var:
    """The content of ``array`` with ``value`` set at, or combined with, a part of it."""
    value = _without_leading_ones(value, len(part.shape))
    shape = common_shape([value, np.broadcast_to(0, part.shape)], "cannot assign")
    if shape != part.shape:
        raise ValueError(f"cannot assign: a value of shape {np.shape(value)} to {part.shape}")
    return build.index_update(
        array.value, conform(value, part.names, part.shape, array.dtype), part.indexers, kind
    )


def _without_leading_ones(value: Any, ndim: int) -> Any:
    """NumPy lets a value have more axes than its place, if they have size 1."""
    extra = np.ndim(value) - ndim
    return value[(0,) * extra] if extra > 0 and set(np.shape(value)[:extra]) == {1} else value


class Part(NamedTuple):
    """The view that a basic key gives: what it does along the dims of its base, by their positions."""

    indexers: tuple[tuple[int, int | slice], ...]

    def by_name(self, base: Var) -> dict[Dim, Any]:
        return {base.type.dims[i]: indexer for i, indexer in self.indexers}

    def read(self, base: Var) -> Var:
        return build.index(base, self.by_name(base))

    def write(self, base: Var, new: Var) -> Var:
        dropped = {i for i, indexer in self.indexers if isinstance(indexer, int)}
        kept = tuple([d for i, d in enumerate(base.type.dims) if i not in dropped])
        return build.index_update(base, with_names(new, kept), self.by_name(base))


# ---- keys ----------------------------------------------------------------------------------------------------------


def spread(array: AbstractTraced, key: Any) -> list[Entry]:
    """One entry for each axis of ``array``, and a ``None`` for each new axis."""
    entries = [_entry(k) for k in (key if isinstance(key, tuple) else (key,))]
    entries = [e for entry in entries for e in _positions_of_mask(entry)]
    used = sum([e is not None and e is not Ellipsis for e in entries])
    if used > array.ndim:
        raise IndexError(
            f"too many indices: the array has {array.ndim} axes, and {used} were indexed"
        )
    rest = [slice(None)] * (array.ndim - used)
    at = [i for i, e in enumerate(entries) if e is Ellipsis]
    if len(at) > 1:
        raise IndexError("an index can only have a single ellipsis ('...')")
    at = at[0] if at else len(entries)
    return entries[:at] + rest + entries[at + 1 :]


def _entry(key: Any) -> Entry:
    if key is None or key is Ellipsis or isinstance(key, slice):
        return key
    if isinstance(key, AbstractTraced):
        if key.dtype.kind == "b":
            raise UnsupportedError(
                "indexing with a traced boolean array: the shape of the result would depend on the data.\n"
                "Use array.where(mask), or xr.where(mask, array, fill), which keep the shape."
            )
        return key
    values = np.asarray(key)
    if values.size == 0 and isinstance(key, list):
        return values.astype(np.intp)
    if values.dtype.kind not in "iub":
        raise IndexError(
            "arrays are indexed by integers, slices (':'), ellipsis ('...'), None and integer or boolean"
            f" arrays, not {type(key).__name__} of dtype {values.dtype}"
        )
    return operator.index(values[()]) if values.ndim == 0 and values.dtype.kind != "b" else values


def is_array(entry: Entry) -> bool:
    return isinstance(entry, np.ndarray | AbstractTraced)


def _positions_of_mask(entry: Entry) -> Sequence[Entry]:
    """A concrete boolean array as the integer arrays that it stands for."""
    if isinstance(entry, np.ndarray) and entry.dtype == bool:
        return entry.nonzero()
    return (entry,)


def _traced_mask(key: Any) -> AbstractTraced | None:
    first = key[0] if isinstance(key, tuple) and len(key) == 1 else key
    traced = isinstance(first, AbstractTraced) and first.dtype.kind == "b"
    return first if traced else None  # pyright: ignore[reportReturnType]


def _masked(array: AbstractTraced, mask: AbstractTraced, value: Any) -> Any:
    """``array`` with one value where ``mask`` is true: what assigning through a traced mask comes to."""
    if np.size(value) != 1:
        raise UnsupportedError(
            "assigning several values through a traced boolean mask: how many are used would depend on the data.\n"
            "Use xr.where(mask, values, array)."
        )
    trailing = (None,) * (array.ndim - mask.ndim)
    number = cast_to(np.reshape(value, ()), array.dtype)
    return where(getitem(mask, (..., *trailing)), number, array)


# ---- basic keys ----------------------------------------------------------------------------------------------------


def _basic(array: AbstractTraced, entries: Sequence[Entry]) -> Selection:
    indexers: dict[Dim, Any] = {}
    names: list[Name] = []
    shape: list[int] = []
    own = iter(zip(array.names, array.shape, strict=True))
    for entry in entries:
        if entry is None:
            names.append(New(1))
            shape.append(1)
            continue
        name, size = next(own)
        if isinstance(entry, int):
            _pick(indexers, name, size, entry)
            continue
        length = len(range(*entry.indices(size)))
        shape.append(length)
        names.append(New(length) if is_new(name) else name)
        if not is_new(name) and entry != slice(None):
            indexers[name] = entry
    return Selection(array, indexers, names, tuple(shape))


def _pick(indexers: dict[Dim, Any], name: Name, size: int, position: int) -> None:
    if not is_new(name):
        indexers[name] = position
    elif not -size <= position < size:
        raise IndexError(f"index {position} is out of bounds for an axis of size {size}")


# ---- integer arrays ------------------------------------------------------------------------------------------------


def _advanced(array: AbstractTraced, entries: Sequence[Entry]) -> Selection:
    array = _with_dims_under_arrays(array, entries)
    picks, slices = _picks(array, entries)
    shape = common_shape([e for _, e in picks], "cannot index")
    names = _names_of_points(array, picks, shape)
    basic = _basic(array, slices)
    sizes = dict(zip(array.names, array.shape, strict=True))
    indexers = basic.indexers | {d: _indexer(d, sizes[d], e, names, shape) for d, e in picks}
    start = _place_of_points(entries)
    place = len([e for e in entries[:start] if not isinstance(e, int)])
    return Selection(
        array,
        indexers,
        [*basic.names[:place], *names, *basic.names[place:]],
        (*basic.shape[:place], *shape, *basic.shape[place:]),
    )


def _with_dims_under_arrays(array: AbstractTraced, entries: Sequence[Entry]) -> AbstractTraced:
    """``array`` with a dim behind each axis that is indexed by an array."""
    entries = [e for e in entries if e is not None]
    if any(is_array(e) and is_new(n) for e, n in zip(entries, array.names, strict=True)):
        var, dims = real(array)
        return make(var, dims, array.scope)
    return array


def _picks(
    array: AbstractTraced, entries: Sequence[Entry]
) -> tuple[list[tuple[Dim, Entry]], list[Entry]]:
    """The dims indexed by arrays with their arrays; and the entries with ints in their place."""
    names = iter(array.names)
    picks, rest = [], []
    for entry in entries:
        name = None if entry is None else next(names)
        if is_array(entry):
            picks.append((name, entry))
        rest.append(_TAKEN if is_array(entry) else entry)
    return picks, rest


_TAKEN = 0  # stands for an index array among basic entries: the axis goes away, the array's own axes are added after


def _names_of_points(
    array: AbstractTraced, picks: Sequence[tuple[Dim, Entry]], shape: Sequence[int]
) -> list[Name]:
    """What the axes that the index arrays have together show in the result."""
    names: list[Name] = []
    for axis in range(-len(shape), 0):
        size = shape[axis]
        varying = [(d, e) for d, e in picks if find_dim(e, axis, size)]
        if not varying:
            names.append(New(size))
        elif len(varying) == 1 and _varies_only_along(varying[0][1], axis, size):
            names.append(varying[0][0])  # orthogonal: what is taken along a dim keeps its name
        else:
            names.append(_name_of_point(varying, axis, size, {*array.names, *names}))
    return names


def _varies_only_along(entry: Entry, axis: int, size: int) -> bool:
    return isinstance(entry, np.ndarray) and entry.size == size and entry.shape[axis] == size


def _name_of_point(
    varying: Sequence[tuple[Dim, Entry]], axis: int, size: int, taken: set[Name]
) -> Name:
    """The name that the first index array with names has there, else one made from the dim that is indexed."""
    found = [f.name for _, e in varying if (f := find_dim(e, axis, size)) and f.name is not None]
    if found and found[0] not in taken:
        return found[0]
    return fresh(found[0] if found else varying[0][0], taken)


def _indexer(dim: Dim, size: int, entry: Entry, names: Sequence[Name], shape: Sequence[int]) -> Any:
    """One index array as an indexer: a slice where it is an even run along its own dim."""
    if isinstance(entry, np.ndarray) and dim in names:
        run = _even_run(entry.ravel(), size)
        if run is not None:
            return run
    return conform(entry, names, shape, np.dtype(entry.dtype))


def _even_run(positions: np.ndarray, size: int) -> Slice | None:
    """Positions in range that follow each other at even steps, as a slice."""
    positions = np.where(positions < 0, positions + size, positions).astype(np.int64)
    if positions.size == 0:
        return Slice(0, 0)
    if positions.min() < 0 or positions.max() >= size:
        return None
    steps = np.diff(positions)
    even = steps.size > 0 and steps[0] != 0 and bool((steps == steps[0]).all())
    return Slice(int(positions[0]), positions.size, int(steps[0])) if even else None


def _place_of_points(entries: Sequence[Entry]) -> int:
    """The entry in whose place NumPy puts the axes of index arrays: the first, or 0 where they are apart."""
    at = [i for i, e in enumerate(entries) if is_array(e) or isinstance(e, int)]
    return at[0] if at[-1] - at[0] + 1 == len(at) else 0
