"""Key 1, the labels: what a trace assumed about the coords, indexes and attrs of its arguments, and whether it holds.

A guard is asked at every call, so its cost does not depend on the length of indexed coords: pandas Indexes are
immutable, and compared by content once; after that by identity or by the token their content was given. Other coords
can be written to in place, so they are compared by content with a snapshot, every time.
"""

import itertools
import threading
import weakref
from collections.abc import Hashable
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
