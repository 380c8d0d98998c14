"""NumPy's functions that rearrange: layouts, reshapes (views, as in NumPy), flips, rolls, tiles, diagonals."""

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.lib.array_utils import normalize_axis_index, normalize_axis_tuple

from xgrad.graph import Var
from xgrad.labels.constants import constant
from xgrad.labels.core import (
    Axis,
    Name,
    New,
    axes_of,
    is_new,
    make,
    real,
    rearranged,
    view,
)
from xgrad.labels.duck.indexing import getitem
from xgrad.labels.scope import fresh
from xgrad.names import build

Array = Any

# ---- layouts -------------------------------------------------------------------------------------------------------


def transpose(a: Array, axes: Any = None) -> Array:
    order = range(a.ndim)[::-1] if axes is None else normalize_axis_tuple(axes, a.ndim)
    if len(order) != a.ndim:
        raise ValueError("axes don't match array")
    return rearranged(a, [a.axes[i] for i in order])


def moveaxis(a: Array, source: Any, destination: Any) -> Array:
    source = normalize_axis_tuple(source, a.ndim, "source")
    destination = normalize_axis_tuple(destination, a.ndim, "destination")
    order = [i for i in range(a.ndim) if i not in source]
    for to, axis in sorted(zip(destination, source, strict=True)):
        order.insert(to, axis)
    return transpose(a, order)


def rollaxis(a: Array, axis: int, start: int = 0) -> Array:
    axis = normalize_axis_index(axis, a.ndim)
    start = start + a.ndim if start < 0 else start
    return moveaxis(a, axis, start - 1 if axis < start else start)


def swapaxes(a: Array, axis1: int, axis2: int) -> Array:
    order = list(range(a.ndim))
    order[axis1], order[axis2] = order[axis2], order[axis1]
    return transpose(a, order)


def matrix_transpose(x: Array, /) -> Array:
    return swapaxes(x, -1, -2)


def expand_dims(a: Array, axis: Any) -> Array:
    axes = (axis,) if np.ndim(axis) == 0 else tuple(axis)
    new = normalize_axis_tuple(axes, a.ndim + len(axes))
    own = iter(a.axes)
    return rearranged(a, [New(1) if i in new else next(own) for i in range(a.ndim + len(new))])


def squeeze(a: Array, axis: Any = None) -> Array:
    if axis is None:
        gone = tuple([i for i, n in enumerate(a.shape) if n == 1])
    else:
        gone = normalize_axis_tuple(axis, a.ndim)
    if any(a.shape[i] != 1 for i in gone):
        raise ValueError("cannot select an axis to squeeze out which has size not equal to one")
    return getitem(a, tuple([0 if i in gone else slice(None) for i in range(a.ndim)]))


def broadcast_to(array: Array, shape: Any, subok: bool = False) -> Array:
    shape = (shape,) if isinstance(shape, int) else tuple(shape)
    if np.broadcast_shapes(array.shape, shape) != shape:
        raise ValueError(f"cannot broadcast an array of shape {array.shape} to {shape}")
    lead = len(shape) - array.ndim
    repeated = [i for i, n in enumerate(array.shape) if n != shape[lead + i]]
    index = tuple([0 if i in repeated else slice(None) for i in range(array.ndim)])
    kept = getitem(array, index) if repeated else array
    own = iter(kept.axes)
    axes: list[Axis] = [
        New(n) if i < lead or i - lead in repeated else next(own) for i, n in enumerate(shape)
    ]
    return rearranged(kept, axes)


def broadcast_arrays(*args: Array, subok: bool = False) -> tuple[Array, ...]:
    shape = np.broadcast_shapes(*[np.shape(x) for x in args])
    return tuple([np.broadcast_to(x, shape) for x in args])


def atleast_1d(*arrays: Array) -> Any:
    return _each(arrays, lambda x: np.reshape(x, (1,)) if np.ndim(x) == 0 else x)


def atleast_2d(*arrays: Array) -> Any:
    return _each(arrays, lambda x: np.expand_dims(atleast_1d(x), 0) if np.ndim(x) < 2 else x)


def atleast_3d(*arrays: Array) -> Any:
    return _each(arrays, lambda x: np.expand_dims(atleast_2d(x), -1) if np.ndim(x) < 3 else x)


def _each(arrays: Sequence[Array], function: Any) -> Any:
    results = tuple([function(x) for x in arrays])
    return results[0] if len(results) == 1 else results


# ---- reshape -------------------------------------------------------------------------------------------------------


def reshape(a: Array, shape: Any, order: str = "C", *, copy: bool | None = None) -> Array:
    """A view wherever no axis merely repeats the value; ``order="F"`` counts with the first axis fastest."""
    new = _full_shape(a, (int(shape),) if isinstance(shape, int | np.integer) else tuple(shape))
    if order == "F":
        return transpose(reshape(transpose(a), new[::-1]))
    if new == a.shape:
        return a
    if a.size == 0:
        dims = tuple([f"dim_{i}" for i in range(len(new))])
        return make(constant(np.zeros(new, a.dtype), dims), dims, a.scope)
    if any(is_new(n) and n != New(1) for n in a.axes):
        var, dims = real(a)
        a = make(var, dims, a.scope)
    content, names = _reshaped(a.value, a.names, a.shape, new)
    how = Reshaped(a.axes, a.shape, axes_of(content.type.dims, names), new)
    return view(a, content, how, names)


def _full_shape(a: Array, shape: tuple[int, ...]) -> tuple[int, ...]:
    known = math.prod([n for n in shape if n != -1])
    full = tuple([a.size // known if n == -1 and known else int(n) for n in shape])
    if math.prod(full) != a.size:
        raise ValueError(f"cannot reshape array of size {a.size} into shape {shape}")
    return full


def ravel(a: Array, order: str = "C") -> Array:
    return reshape(a, -1, "F" if order == "F" else "C")


class Reshaped(NamedTuple):
    """The view that a reshape gives: layouts of the base and of the view, and their shapes."""

    base_axes: tuple[Axis, ...]
    base_shape: tuple[int, ...]
    axes: tuple[Axis, ...]
    shape: tuple[int, ...]

    def read(self, base: Var) -> Var:
        return _reshaped(base, _shown(base, self.base_axes), self.base_shape, self.shape)[0]

    def write(self, base: Var, new: Var) -> Var:
        back, names = _reshaped(new, _shown(new, self.axes), self.shape, self.base_shape)
        targets = _shown(base, self.base_axes)
        mapping = {n: t for n, t in zip(names, targets, strict=True) if not is_new(n)}
        return build.broadcast(build.rename(back, mapping), base.type.dims, base.type.shape)


def _shown(var: Var, axes: Sequence[Axis]) -> list[Name]:
    return [var.type.dims[a] if isinstance(a, int) else a for a in axes]


def _reshaped(
    var: Var, names: Sequence[Name], old: Sequence[int], new: Sequence[int]
) -> tuple[Var, list[Name]]:
    """``var``, whose axes show ``names``, in another shape; and what the new axes show."""
    ones = {n: 0 for n, size in zip(names, old, strict=True) if size == 1 and not is_new(n)}
    var = build.index(var, ones)
    result: list[Name] = [New(1)] * len(new)
    for merged, parts in _groups(old, new):
        dims = [names[i] for i in merged]
        dim = dims[0]
        if len(dims) > 1:
            dim = _merged_name(dims, var)
            var = build.merge(var, dims, dim)
        names_of_parts = _names_of_parts(dim, len(parts), var)
        var = build.split(var, dim, {n: new[i] for n, i in zip(names_of_parts, parts, strict=True)})
        for i, name in zip(parts, names_of_parts, strict=True):
            result[i] = name
    return var, result


def _merged_name(dims: Sequence[Name], var: Var) -> str:
    name = "_".join(map(str, dims))
    return fresh(name, var.type.dims) if name in var.type.dims else name


def _names_of_parts(dim: Name, count: int, var: Var) -> list[Name]:
    """Names for the dims that ``dim`` is split into; its own where it stays whole."""
    names: list[Name] = []
    for _ in range(count if count > 1 else 0):
        names.append(fresh(dim, {*var.type.dims, *names}))
    return names or [dim]


def _groups(old: Sequence[int], new: Sequence[int]) -> list[tuple[list[int], list[int]]]:
    """Runs of old and new axes, without those of size 1, that hold the same number of values, as short as possible."""
    groups: list[tuple[list[int], list[int]]] = []
    before = [i for i, n in enumerate(old) if n != 1]
    after = [i for i, n in enumerate(new) if n != 1]
    while before:
        merged, parts = [before.pop(0)], [after.pop(0)]
        have, want = old[merged[0]], new[parts[0]]
        while have != want:
            if have < want:
                merged.append(before.pop(0))
                have *= old[merged[-1]]
            else:
                parts.append(after.pop(0))
                want *= new[parts[-1]]
        groups.append((merged, parts))
    return groups


# ---- order along axes ----------------------------------------------------------------------------------------------


def flip(m: Array, axis: Any = None) -> Array:
    axes = range(m.ndim) if axis is None else normalize_axis_tuple(axis, m.ndim)
    return m[tuple([slice(None, None, -1) if i in axes else slice(None) for i in range(m.ndim)])]


def flipud(m: Array) -> Array:
    return flip(m, 0)


def fliplr(m: Array) -> Array:
    return flip(m, 1)


def rot90(m: Array, k: int = 1, axes: tuple[int, int] = (0, 1)) -> Array:
    turned = {
        0: lambda: m.copy(),
        1: lambda: swapaxes(flip(m, axes[1]), *axes),
        2: lambda: flip(m, axes),
        3: lambda: flip(swapaxes(m, *axes), axes[1]),
    }
    return turned[k % 4]()


def roll(a: Array, shift: Any, axis: Any = None) -> Array:
    if axis is None:
        return reshape(roll(ravel(a), shift, 0), a.shape)
    shifts, axes = np.broadcast_arrays(shift, axis)
    for by, along in zip(shifts.ravel(), axes.ravel(), strict=True):
        a = _roll_along(a, int(by), normalize_axis_index(int(along), a.ndim))
    return a


def _roll_along(a: Array, by: int, axis: int) -> Array:
    size = a.shape[axis]
    cut = -by % size if size else 0
    lead = (slice(None),) * axis
    parts = [a[(*lead, slice(cut, None))], a[(*lead, slice(None, cut))]]
    return np.concatenate(parts, axis=axis) if cut else a.copy()


def repeat(a: Array, repeats: Any, axis: int | None = None) -> Array:
    if axis is None:
        return repeat(ravel(a), repeats, 0)
    return np.take(a, np.repeat(np.arange(a.shape[axis]), repeats), axis=axis)


def tile(A: Array, reps: Any) -> Array:
    reps = (reps,) if np.ndim(reps) == 0 else tuple(reps)
    ndim = max(len(reps), A.ndim)
    a = reshape(A, (1,) * (ndim - A.ndim) + A.shape)
    for axis, times in enumerate((1,) * (ndim - len(reps)) + reps):
        if times != 1:
            a = np.take(a, np.tile(np.arange(a.shape[axis]), times), axis=axis)
    return a.copy() if a is A else a


# ---- diagonals and triangles ---------------------------------------------------------------------------------------


def diagonal(a: Array, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Array:
    a = moveaxis(a, (axis1, axis2), (-2, -1))
    rows, columns = a.shape[-2:]
    first = np.arange(max(0, min(rows + min(offset, 0), columns - max(offset, 0))))
    return a[..., first + max(-offset, 0), first + max(offset, 0)]


def trace(
    a: Array, offset: int = 0, axis1: int = 0, axis2: int = 1, dtype: Any = None, out: Any = None
) -> Array:
    return np.sum(diagonal(a, offset, axis1, axis2), axis=-1, dtype=dtype)


def diag(v: Array, k: int = 0) -> Array:
    if v.ndim == 2:
        return diagonal(v, k)
    padded = np.pad(v, (max(-k, 0), max(k, 0)))  # row i of the result holds value i - max(-k, 0)
    return np.where(np.eye(padded.size, k=k, dtype=bool), padded[:, None], v.dtype.type(0))


def tril(m: Array, k: int = 0) -> Array:
    return np.where(np.tri(*m.shape[-2:], k=k, dtype=bool), m, m.dtype.type(0))


def triu(m: Array, k: int = 0) -> Array:
    return np.where(np.tri(*m.shape[-2:], k=k - 1, dtype=bool), m.dtype.type(0), m)
