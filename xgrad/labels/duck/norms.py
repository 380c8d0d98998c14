"""Norms on traced arrays, and what is told from singular values: condition numbers and ranks."""

from typing import Any

import numpy as np

from xgrad.labels.duck.linalg import float_dtype, svdvals

Array = Any


def norm(x: Array, ord: Any = None, axis: Any = None, keepdims: bool = False) -> Array:
    x = x.astype(np.float64) if x.dtype.kind in "biu" else x
    if axis is None and (
        ord is None or (ord == "fro" and x.ndim == 2) or (ord == 2 and x.ndim == 1)
    ):
        total = np.sqrt(np.sum(np.square(np.abs(np.ravel(x)))))
        return np.reshape(total, (1,) * x.ndim) if keepdims else total
    axes = tuple(range(x.ndim)) if axis is None else (axis,) if np.ndim(axis) == 0 else tuple(axis)
    if len(axes) == 1:
        return _vector_norm(x, ord, axes[0], keepdims)
    return _matrix_norm(x, ord, axes, keepdims)


def _vector_norm(x: Array, ord: Any, axis: int, keepdims: bool) -> Array:
    size = np.abs(x)
    if ord in (None, 2):
        return np.sqrt(np.sum(np.square(size), axis=axis, keepdims=keepdims))
    if ord in (np.inf, -np.inf):
        return (np.max if ord > 0 else np.min)(size, axis=axis, keepdims=keepdims)
    if ord == 0:
        return np.sum((x != 0).astype(size.dtype), axis=axis, keepdims=keepdims)
    return np.sum(size**ord, axis=axis, keepdims=keepdims) ** (1.0 / ord)


def _matrix_norm(x: Array, ord: Any, axes: tuple[int, ...], keepdims: bool) -> Array:
    if ord in (None, "fro"):
        return np.sqrt(np.sum(np.square(np.abs(x)), axis=axes, keepdims=keepdims))
    moved = np.moveaxis(x, axes, (-2, -1))
    if ord in (1, -1, np.inf, -np.inf):
        sums = np.sum(np.abs(moved), axis=-2 if abs(ord) == 1 else -1)
        result = (np.max if ord > 0 else np.min)(sums, axis=-1)
    else:
        pick = {2: np.max, -2: np.min, "nuc": np.sum}[ord]
        result = pick(svdvals(moved), axis=-1)
    return np.expand_dims(result, tuple([k % x.ndim for k in axes])) if keepdims else result


def vector_norm(x: Array, /, *, axis: Any = None, keepdims: bool = False, ord: Any = 2) -> Array:
    """The norm of the values along some axes, taken as one vector."""
    axes = tuple(range(x.ndim)) if axis is None else (axis,) if np.ndim(axis) == 0 else tuple(axis)
    last = [k % x.ndim for k in axes]
    kept = [k for k in range(x.ndim) if k not in last]
    moved = np.transpose(x, [*kept, *last])
    flat = np.reshape(moved, (*[x.shape[k] for k in kept], -1))
    found = norm(flat, ord, axis=-1)
    shape = [1 if k in last else n for k, n in enumerate(x.shape)]
    return np.reshape(found, shape) if keepdims else found


def matrix_norm(x: Array, /, *, keepdims: bool = False, ord: Any = "fro") -> Array:
    return norm(x, ord, (-2, -1), keepdims)


def cond(x: Array, p: Any = None) -> Array:
    """The condition number: of singular values by default, else in a norm."""
    if p in (None, 2, -2):
        s = svdvals(x)
        largest, smallest = s[..., 0], s[..., -1]
        return smallest / largest if p == -2 else largest / smallest
    return norm(x, p, (-2, -1)) * norm(np.linalg.inv(x), p, (-2, -1))


def matrix_rank(A: Array, tol: Any = None, hermitian: bool = False, *, rtol: Any = None) -> Array:
    """How many singular values count: those above ``tol``, by default what rounding makes of the largest."""
    s = svdvals(A)
    largest = np.max(s, axis=-1, keepdims=True)
    relative = max(A.shape[-2:]) * np.finfo(float_dtype(A)).eps if rtol is None else rtol
    bound = largest * relative if tol is None else tol
    return np.sum(s > bound, axis=-1)
