"""Key 1, the labels: what a trace assumed about the coords, indexes and attrs of its arguments, and whether it holds.

A guard is asked at every call, so its cost does not depend on the length of indexed coords: pandas Indexes are
immutable, and compared by content once; after that by identity or by the token their content was given. Other coords
can be written to in place, so they are compared by content with a snapshot, every time.
"""

import copy
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
from xgrad.labels.slots import Coords, Indexes, copied_coord, read_variable


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


class CoordGuard:
    """What was assumed about one coord: its dims, attrs, and index or content."""

    __slots__ = ("attrs", "content", "dims", "index", "pandas", "token")

    def __init__(self, variable: xr.Variable, index: Any, path: str) -> None:
        data, self.dims, attrs = read_variable(variable)
        self.attrs = snapshot(attrs)
        self.index = index
        self.pandas = index.index if isinstance(index, PandasIndex) else None
        self.token = None if self.pandas is None else TOKENS.token(self.pandas)
        self.content = Content(data, path) if index is None else None

    def holds(self, variable: xr.Variable, index: Any) -> bool:
        """Whether a coord is as assumed."""
        data, dims, attrs = read_variable(variable)
        if dims != self.dims or not same_attrs(attrs, self.attrs):
            return False
        if self.content is not None:
            return index is None and self.content.holds(data)
        return index is not None and self.index_holds(index)

    def index_holds(self, index: Any) -> bool:
        """Whether an index is the assumed one, or equal to it."""
        if index is self.index:
            return True
        if type(index) is not type(self.index):
            return False
        if self.pandas is None:
            return bool(index.equals(self.index))
        same = index.index is self.pandas or TOKENS.token(index.index) == self.token
        return same and index.coord_dtype == self.index.coord_dtype

    @property
    def key(self) -> Hashable:
        """A hashable equal for equal indexes; says nothing of what is compared by content."""
        return (self.dims, self.token)


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

    __slots__ = ("_items", "count", "indexes")

    def __init__(self, coords: Coords, indexes: Indexes, path: str) -> None:
        self._items = [
            (k, CoordGuard(v, indexes.get(k), f"{path}.coords[{k!r}]")) for k, v in coords.items()
        ]
        self.count = len(coords)
        self.indexes = len(indexes)

    def holds(self, coords: Coords, indexes: Indexes) -> bool:
        """Whether the coords are as assumed."""
        if len(coords) != self.count or len(indexes) != self.indexes:
            return False
        get = indexes.get
        for (name, variable), (expected, guard) in zip(coords.items(), self._items, strict=True):
            if name != expected or not guard.holds(variable, get(name)):
                return False
        return True

    @property
    def key(self) -> Hashable:
        return tuple([(name, guard.key) for name, guard in self._items])


def snapshot(attrs: dict | None) -> dict | None:
    """A copy of ``attrs`` that later writes do not reach; None for no attrs."""
    return copy.deepcopy(attrs) if attrs else None


def same_attrs(attrs: dict | None, expected: dict | None) -> bool:
    """Whether attrs are equal; arrays among them by content."""
    if not attrs:
        return expected is None
    if expected is None or len(attrs) != len(expected):
        return False
    try:
        return bool(attrs == expected)
    except ValueError:  # an array among the values has no single truth value
        return all(k in expected and _same_value(v, expected[k]) for k, v in attrs.items())


def _same_value(one: Any, other: Any) -> bool:
    try:
        return bool(np.array_equal(one, other))
    except (TypeError, ValueError):
        return False


def copied_coords(coords: Coords) -> Coords:
    """Coords for a trace or a result: nothing a user can write to is shared."""
    return {name: copied_coord(variable) for name, variable in coords.items()}
