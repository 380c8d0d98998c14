"""NumPy's functions that choose, join, cut up and take: where, concatenate, stack, split, take and their kin."""

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any, NoReturn

import numpy as np
from numpy.lib.array_utils import normalize_axis_index

from xgrad.errors import SizeMismatchError, UnsupportedError
from xgrad.labels.core import New, is_new, is_traced_array, make, real, trace_of
from xgrad.labels.duck import elementwise
from xgrad.labels.duck.elementwise import as_traced, common_names, conform, result_dtype
from xgrad.labels.scope import fresh
from xgrad.names import build

Array = Any


def where(condition: Array, x: Any = None, y: Any = None) -> Array:
    if x is None or y is None:
        raise data_dependent("where(condition)", "np.where(condition, x, y)")
    return elementwise.where(condition, x, y)


def data_dependent(function: str, instead: str) -> UnsupportedError:
    """The error for a function whose result's shape depends on values."""
    return UnsupportedError(
        f"np.{function} of traced data: the shape of the result would depend on the data.\nUse {instead}."
    )


def refused(function: str, instead: str) -> Callable[..., Any]:
    """In the place of a NumPy function that no trace can have."""

    def refuse(*args: Any, **kwargs: Any) -> NoReturn:
        raise data_dependent(function, instead)

    return refuse


def select(condlist: Sequence[Array], choicelist: Sequence[Array], default: Any = 0) -> Array:
    result = default
    for condition, choice in reversed(list(zip(condlist, choicelist, strict=True))):
        result = np.where(condition, choice, result)
    return result


# ---- joining -------------------------------------------------------------------------------------------------------


def concatenate(
    arrays: Sequence[Array],
    axis: int | None = 0,
    out: Any = None,
    *,
    dtype: Any = None,
    casting: Any = "same_kind",
) -> Array:
    arrays = [x if is_traced_array(x) else np.asarray(x) for x in arrays]
    if axis is None:
        arrays, axis = [np.ravel(x) for x in arrays], 0
    axis = normalize_axis_index(axis, np.ndim(arrays[0]))
    _check_joined(arrays, axis)
    dtype = result_dtype(arrays) if dtype is None else np.dtype(dtype)
    arrays = [_joinable(x, axis) for x in arrays]
    shape = [None if i == axis else n for i, n in enumerate(arrays[0].shape)]
    names = common_names(arrays, shape)
    if is_new(names[axis]):
        names = (*names[:axis], fresh("concat", names), *names[axis + 1 :])
    parts = [conform(x, names, x.shape, dtype) for x in arrays]
    return make(build.concat(parts, names[axis]), names, trace_of(arrays))


def _joinable(x: Array, axis: int) -> Array:
    """``x`` such that an axis without a dim, or a constant's that repeats, counts as one step along ``axis``."""
    if not is_traced_array(x):
        return np.ascontiguousarray(x) if x.shape[axis] > 1 else x
    if is_new(x.names[axis]) and x.shape[axis] != 1:
        var, dims = real(x)
        return make(var, dims, x.scope)
    return x


def _check_joined(arrays: Sequence[Array], axis: int) -> None:
    """All arrays have the same shape but for ``axis``."""
    rest = [tuple([n for i, n in enumerate(np.shape(x)) if i != axis]) for x in arrays]
    if len(set(rest)) > 1 or len({np.ndim(x) for x in arrays}) > 1:
        shapes = ", ".join(sorted({str(np.shape(x)) for x in arrays}))
        raise SizeMismatchError(
            f"cannot concatenate: the shapes {shapes} must agree but for axis {axis}."
        )


def stack(arrays: Sequence[Array], axis: int = 0, out: Any = None, **options: Any) -> Array:
    axis = normalize_axis_index(axis, np.ndim(arrays[0]) + 1)
    return np.concatenate([np.expand_dims(x, axis) for x in arrays], axis=axis, **options)


def vstack(tup: Sequence[Array], **options: Any) -> Array:
    return np.concatenate([np.atleast_2d(x) for x in tup], axis=0, **options)


def hstack(tup: Sequence[Array], **options: Any) -> Array:
    arrays = [np.atleast_1d(x) for x in tup]
    return np.concatenate(arrays, axis=0 if arrays[0].ndim == 1 else 1, **options)


def dstack(tup: Sequence[Array]) -> Array:
    return np.concatenate([np.atleast_3d(x) for x in tup], axis=2)


def column_stack(tup: Sequence[Array]) -> Array:
    columns = [np.expand_dims(np.atleast_1d(x), -1) if np.ndim(x) < 2 else x for x in tup]
    return np.concatenate(columns, axis=1)


def append(arr: Array, values: Array, axis: int | None = None) -> Array:
    return np.concatenate([arr, values], axis=axis)


# ---- cutting up ----------------------------------------------------------------------------------------------------


def array_split(ary: Array, indices_or_sections: Any, axis: int = 0) -> list[Array]:
    cuts = indices_or_sections
    if np.ndim(cuts) == 0:
        cuts = np.cumsum([len(part) for part in np.array_split(np.arange(ary.shape[axis]), cuts)])[
            :-1
        ]
    lead = (slice(None),) * normalize_axis_index(axis, ary.ndim)
    edges = [0, *map(int, cuts), ary.shape[axis]]
    return [ary[(*lead, slice(a, b))] for a, b in pairwise(edges)]


def split(ary: Array, indices_or_sections: Any, axis: int = 0) -> list[Array]:
    if np.ndim(indices_or_sections) == 0 and ary.shape[axis] % indices_or_sections:
        raise ValueError("array split does not result in an equal division")
    return array_split(ary, indices_or_sections, axis)


def unstack(x: Array, /, *, axis: int = 0) -> tuple[Array, ...]:
    return tuple(np.moveaxis(x, axis, 0))


def delete(arr: Array, obj: Any, axis: int | None = None) -> Array:
    if axis is None:
        arr, axis = np.ravel(arr), 0
    return np.take(arr, np.delete(np.arange(arr.shape[axis]), obj), axis=axis)


# ---- taking --------------------------------------------------------------------------------------------------------


def take(
    a: Array, indices: Array, axis: int | None = None, out: Any = None, mode: str = "raise"
) -> Array:
    if axis is None:
        a, axis = np.ravel(a), 0
    size = np.shape(a)[axis]
    if mode == "clip":
        indices = np.clip(indices, 0, size - 1)
    elif mode == "wrap":
        indices = np.remainder(indices, size)
    if is_traced_array(indices):
        a = as_traced(a, indices)
    else:
        indices = np.asarray(indices)
    return a[(slice(None),) * normalize_axis_index(axis, a.ndim) + (indices,)]  # pyright: ignore


def unravel_index(indices: Array, shape: Sequence[int], order: str = "C") -> tuple[Array, ...]:
    sizes = list(shape)[::-1] if order == "C" else list(shape)
    positions = []
    for size in sizes:
        positions.append(np.remainder(indices, size))
        indices = np.floor_divide(indices, size)
    return tuple(positions[::-1] if order == "C" else positions)


def take_along_axis(arr: Array, indices: Array, axis: int | None = -1) -> Array:
    if axis is None:
        arr, axis = np.ravel(arr), 0
    like = arr if is_traced_array(arr) else indices
    axis = normalize_axis_index(axis, np.ndim(arr))
    shape = np.broadcast_shapes(_but(np.shape(arr), axis), _but(np.shape(indices), axis))
    x = as_traced(np.broadcast_to(arr, _with(shape, axis, np.shape(arr)[axis])), like)
    var, dims = real(x)
    points = _with(dims, axis, fresh(dims[axis], dims))
    spread = _with(shape, axis, np.shape(indices)[axis])
    at = conform(np.broadcast_to(indices, spread), points, spread, np.dtype(np.int64))
    out = build.index(var, {dims[axis]: at})
    shown = [d if d in out.type.dims else New(n) for d, n in zip(points, spread, strict=True)]
    return make(out, shown, trace_of([x, indices]))


def put_along_axis(arr: Array, indices: Array, values: Any, axis: int | None) -> None:
    """Written in place, as every assignment; of values for one known place the last wins, as in NumPy."""
    if not is_traced_array(arr):
        raise UnsupportedError(
            "np.put_along_axis of traced values into a NumPy array: it has no room for them.\n"
            "Make the array traced first: array = np.zeros_like(traced) + array."
        )
    if axis is None:
        raise UnsupportedError(
            "np.put_along_axis with axis=None has no traced form; ravel the array first."
        )
    axis = normalize_axis_index(axis, arr.ndim)
    shape = np.broadcast_shapes(_but(arr.shape, axis), _but(np.shape(indices), axis))
    places = np.broadcast_to(indices, _with(shape, axis, np.shape(indices)[axis]))
    key = [
        places if k == axis else np.arange(n).reshape([n if k == i else 1 for i in range(arr.ndim)])
        for k, n in enumerate(arr.shape)
    ]
    arr[tuple(key)] = values  # pyright: ignore[reportIndexIssue]


def _but(items: Sequence[Any], axis: int) -> tuple[Any, ...]:
    """``items`` with 1 at ``axis``."""
    return _with(items, axis, 1)


def _with(items: Sequence[Any], axis: int, item: Any) -> tuple[Any, ...]:
    return (*items[:axis], item, *items[axis + 1 :])
