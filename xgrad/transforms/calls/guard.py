"""Key 1, the labels: what a trace assumed about the coords, indexes and attrs of its arguments, and whether it holds.

A guard is asked at every call, so its cost does not depend on the length of indexed coords: pandas Indexes are
immutable, and compared by content once; after that by identity or by the token their content was given. Other coords
can be written to in place, so they are compared by content with a snapshot, every time.
"""

import itertools
import reprlib
import threading
import weakref
from collections.abc import Hashable, Iterator
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr
from xarray.indexes import PandasIndex

from xgrad.errors import UnsupportedTypeError
from xgrad.jax_backend.arrays import is_tracer
from xgrad.labels.slots import Coords, Indexes, copied_coord, read_attrs, read_variable


class IndexTokens:
    """Gives pandas Indexes of equal content the same number, and remembers it by identity while they live."""

    def __init__(self) -> None:
        self._by_identity: dict[int, tuple[weakref.ref, int]] = {}
        self._by_content: dict[Hashable, list[tuple[weakref.ref, int]]] = {}
        self._counter = itertools.count()
        self._lock = threading.Lock()

    def token(self, index: pd.Index) -> int:
        """A number equal for equal indexes; linear in the length at the first sight of an object, constant after it."""
        known = self._by_identity.get(id(index))
        if known is not None and known[0]() is index:
            return known[1]
        with self._lock:
            return self._learn(index)

    def _learn(self, index: pd.Index) -> int:
        peers = self._by_content.setdefault(_summary(index), [])
        peers[:] = [(ref, token) for ref, token in peers if ref() is not None]
        token = next((t for ref, t in peers if _is(index, ref())), None)
        token = next(self._counter) if token is None else token
        identity = id(index)
        ref = weakref.ref(index, lambda dead: self._forget(identity, dead))
        self._by_identity[identity] = (ref, token)
        peers.append((ref, token))
        return token

    def _forget(self, identity: int, dead: weakref.ref) -> None:
        known = self._by_identity.get(identity)
        if known is not None and known[0] is dead:
            del self._by_identity[identity]


def _is(index: pd.Index, other: pd.Index | None) -> bool:
    return other is not None and index.identical(other)


def _summary(index: pd.Index) -> Hashable:
    """Something cheap that equal indexes share."""
    ends = (index[0], index[-1]) if len(index) else ()
    return (type(index), str(index.dtype), len(index), str(ends))


TOKENS = IndexTokens()


def became(path: str, what: str, before: Any, now: Any) -> str:
    """How something of an argument changed, in words.

    >>> became("x", "dtype", np.dtype("int64"), np.dtype("int32"))
    '`x`: dtype is int32, was int64'
    """
    return f"`{path}`: {what} is {_shown(now)}, was {_shown(before)}"


def _shown(value: Any) -> str:
    plain = isinstance(
        value, np.dtype | np.datetime64 | np.timedelta64 | pd.Timestamp | pd.Timedelta
    )
    if plain or (isinstance(value, np.generic) and value.dtype.kind in "biufc"):
        return str(value)
    return reprlib.repr(value)


def _first_different(before: Any, now: Any, path: str, what: str) -> Iterator[str]:
    """The first place at which two sequences of labels or values differ, if any."""
    if len(before) != len(now):
        yield became(path, f"the number of {what}s", len(before), len(now))
    for i, (old, new) in enumerate(zip(before, now, strict=False)):
        if not _is_same(old, new):
            yield became(path, f"the {what} at position {i}", old, new)
            return


def attr_differences(before: dict | None, now: dict | None, path: str) -> Iterator[str]:
    """Which attrs are not the same, in words."""
    before, now = before or {}, now or {}
    for key in dict.fromkeys([*before, *now]):
        if key not in now:
            yield f"`{path}.attrs`: {key!r} is gone"
        elif key not in before:
            yield f"`{path}.attrs`: {key!r} is new"
        elif not _is_same(before[key], now[key]):
            yield became(f"{path}.attrs[{key!r}]", "the value", before[key], now[key])


_UNKNOWN: Any = object()  # is no index of anybody's


class CoordGuard:
    """What was assumed about one coord: its dims, attrs, and index or content.

    ``plain`` is the index last seen of a coord without attrs: where it comes again, there is no more to compare.
    """

    __slots__ = ("_content", "_dims", "_index", "_pandas", "_token", "attrs", "plain")

    def __init__(self, variable: xr.Variable, index: Any, path: str) -> None:
        data, self._dims, attrs = read_variable(variable)
        self.attrs = snapshot(attrs)
        self._content = Content(data, path) if index is None else None
        self._pandas = index.index if isinstance(index, PandasIndex) else None
        self._token = None if self._pandas is None else TOKENS.token(self._pandas)
        self.plain = _UNKNOWN
        self._remember(index)

    def holds(self, variable: xr.Variable, index: Any) -> bool:
        """Whether a coord is as assumed."""
        if not same_attrs(read_attrs(variable), self.attrs):
            return False
        if index is not None and index is self._index:
            return True
        data, dims, _ = read_variable(variable)
        if dims != self._dims:
            return False
        if self._content is not None:
            return index is None and self._content.holds(data)
        return self._is_equal(index)

    def _is_equal(self, index: Any) -> bool:
        """Whether another index is equal to the assumed one."""
        if type(index) is not type(self._index):
            return False
        if self._pandas is None:
            equal = bool(index.equals(self._index))
        else:
            same = index.index is self._pandas or TOKENS.token(index.index) == self._token
            equal = same and index.coord_dtype == self._index.coord_dtype
        if equal:
            self._remember(index)
        return equal

    def differences(self, new: "CoordGuard", path: str) -> Iterator[str]:
        """What is not the same in the guard of another coord, in words."""
        if self._dims != new._dims:
            yield became(path, "dims", self._dims, new._dims)
        if type(self._index) is not type(new._index):
            kinds = [type(guard._index).__name__ for guard in (self, new)]
            yield became(path, "the index", *kinds)
        elif self._content is not None and new._content is not None:
            yield from self._content.differences(new._content, path)
        elif not self._is_equal(new._index):
            yield from self._index_differences(new, path)
        yield from attr_differences(self.attrs, new.attrs, path)

    def _index_differences(self, new: "CoordGuard", path: str) -> Iterator[str]:
        """What makes two indexes of one type unequal."""
        if self._pandas is None or new._pandas is None:
            yield f"`{path}`: the index is another one"
            return
        if self._index.coord_dtype != new._index.coord_dtype:
            yield became(path, "dtype", self._index.coord_dtype, new._index.coord_dtype)
        found = list(_first_different(self._pandas, new._pandas, path, "label"))
        yield from found
        if not found and self._pandas.names != new._pandas.names:
            yield became(path, "the names of levels", self._pandas.names, new._pandas.names)

    def _remember(self, index: Any) -> None:
        """Most calls come with the objects of the call before."""
        self._index = index
        if index is not None and self.attrs is None:
            self.plain = index

    @property
    def key(self) -> Hashable:
        """A hashable equal for equal indexes; says nothing of what is compared by content."""
        return (self._dims, self._token)


class Content:
    """A snapshot of the values of an array that its owner may write to."""

    __slots__ = ("dtype", "shape", "values")

    def __init__(self, data: Any, path: str) -> None:
        if is_tracer(data):
            raise UnsupportedTypeError(_traced_coord(path))
        array = np.asarray(data)
        self.dtype, self.shape, self.values = array.dtype, array.shape, _frozen(array)

    def holds(self, data: Any) -> bool:
        """Whether the values are the same, bit by bit (so NaN equals NaN)."""
        array = data if type(data) is np.ndarray else np.asarray(data)
        if array.shape != self.shape or array.dtype != self.dtype:
            return False
        return _frozen(array) == self.values

    def differences(self, new: "Content", path: str) -> Iterator[str]:
        """What is not the same in another snapshot, in words."""
        if self.dtype != new.dtype:
            yield became(path, "dtype", self.dtype, new.dtype)
        elif self.shape != new.shape:
            yield became(path, "the shape", self.shape, new.shape)
        else:
            yield from _first_different(self._flat(), new._flat(), path, "value")

    def _flat(self) -> Any:
        """The values one after the other, read from the snapshot."""
        if self.dtype.hasobject:
            return np.array(self.values, self.dtype).reshape(-1)
        return np.frombuffer(self.values, self.dtype)


def _traced_coord(path: str) -> str:
    return (
        f"`{path}` is being traced by JAX, but coords must be known while a function is traced;"
        " drop it (`drop_vars`), or pass it as an argument of its own."
    )


def _frozen(array: np.ndarray) -> Any:
    return array.tolist() if array.dtype.hasobject else array.tobytes()


class LabelsGuard:
    """What was assumed about all coords of a DataArray or Dataset, in their order."""

    __slots__ = ("_coords", "_indexes", "_names")

    def __init__(self, coords: Coords, indexes: Indexes, path: str) -> None:
        self._coords = [
            (name, CoordGuard(v, indexes.get(name), f"{path}.coords[{name!r}]"))
            for name, v in coords.items()
        ]
        self._names = list(coords)
        self._indexes = len(indexes)

    def holds(self, coords: Coords, indexes: Indexes) -> bool:
        """Whether the coords are as assumed."""
        if list(coords) != self._names or len(indexes) != self._indexes:
            return False
        get = indexes.get
        for name, guard in self._coords:
            index = get(name)
            if index is guard.plain and not read_attrs(coords[name]):
                continue
            if not guard.holds(coords[name], index):
                return False
        return True

    def differences(self, new: "LabelsGuard", path: str) -> Iterator[str]:
        """What is not the same in the guard of other coords, in words."""
        if self._names != new._names:
            same = set(self._names) == set(new._names)
            what = "the order of coords" if same else "the list of coords"
            yield became(path, what, self._names, new._names)
        others = dict(new._coords)
        for name, guard in self._coords:
            if name in others:
                yield from guard.differences(others[name], f"{path}.coords[{name!r}]")

    @property
    def key(self) -> Hashable:
        return tuple([(name, guard.key) for name, guard in self._coords])


def snapshot(attrs: dict | None) -> dict | None:
    """A copy of ``attrs`` that later writes to them, and to containers and arrays in them, do not reach."""
    return _copied(attrs) if attrs else None


def _copied(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _copied(v) for key, v in value.items()}
    if isinstance(value, list):
        return [_copied(v) for v in value]
    return value.copy() if isinstance(value, np.ndarray) else value


def same_attrs(attrs: dict | None, expected: dict | None) -> bool:
    """Whether attrs are equal: NaN equals NaN, arrays are compared by content."""
    if not attrs or not expected:
        return not attrs and not expected
    try:
        if attrs == expected:
            return True
    except ValueError:  # an array among the values has no single truth value
        pass
    return _is_same(attrs, expected)


def _is_same(one: Any, other: Any) -> bool:
    if one is other:
        return True
    if type(one) is not type(other):
        return False
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(_is_same(v, other[k]) for k, v in one.items())
    if isinstance(one, list | tuple):
        return len(one) == len(other) and all(map(_is_same, one, other))
    if isinstance(one, np.ndarray):
        return Content(one, "attrs").holds(other)
    try:
        return bool(one == other) or bool(one != one and other != other)
    except (TypeError, ValueError):  # an object whose comparison is no truth value
        return False


def copied_coords(coords: Coords) -> Coords:
    """Coords for a trace or a result: nothing a user can write to is shared."""
    return {name: copied_coord(variable) for name, variable in coords.items()}
