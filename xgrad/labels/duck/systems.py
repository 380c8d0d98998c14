"""Linear systems on traced arrays: matrices are the last two axes, all axes before them are batch."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from xgrad.axes import linalg as ops
from xgrad.axes.base import AbstractTensorOp
from xgrad.errors import SizeMismatchError
from xgrad.graph import user_source
from xgrad.labels.core import Name, New, is_new, is_traced_array, make, real, trace_of
from xgrad.labels.duck.elementwise import as_traced, common_names, conform
from xgrad.labels.duck.linalg import float_dtype, square
from xgrad.labels.scope import fresh
from xgrad.names import build
from xgrad.names.types import Dim

Array = Any


def solve(a: Array, b: Array) -> Array:
    return _system(ops.Solve(), a, b)


def solve_triangular(
    a: Array, b: Array, *, lower: bool = False, trans: bool = False, unit_diagonal: bool = False
) -> Array:
    """x with A x = b, or Aᵀ x = b, reading one triangle of A alone."""
    return _system(ops.SolveTriangular(lower, trans, unit_diagonal), a, b)


def cho_solve(factor: Array, b: Array) -> Array:
    """x with L Lᵀ x = b"""
    inner = solve_triangular(factor, b, lower=True)
    return solve_triangular(factor, inner, lower=True, trans=True)


def _system(op: AbstractTensorOp, a: Array, b: Array) -> Array:
    """``op`` on a stack of matrices and a stack of right-hand sides, or one vector; as NumPy broadcasts them."""
    dtype = float_dtype(a, b)
    like = a if is_traced_array(a) else b
    a, b = square(as_traced(a, like)), as_traced(b, like)
    if b.ndim == 1:
        return _system(op, a, b[:, None])[..., 0]
    if b.shape[-2] != a.shape[-1]:
        raise _unequal_rows(a.shape[-1], b.shape[-2])
    a, b = _with_core_dims(a), _with_core_dims(b)
    batch_shape = np.broadcast_shapes(a.shape[:-2], b.shape[:-2])
    batch = _distinct(common_names([_batch_of(a), _batch_of(b)], batch_shape), ())
    rows, columns, right = _distinct([*a.names[-2:], b.names[-1]], batch)
    matrix = conform(a, [*batch, rows, columns], (*batch_shape, *a.shape[-2:]), dtype)
    sides = conform(b, [*batch, rows, right], (*batch_shape, *b.shape[-2:]), dtype)
    core = [(rows, columns), (rows, right)]
    (x,) = build.blockwise(op, [matrix, sides], core, [(columns, right)])
    shown = [d if d in x.type.dims else New(n) for d, n in zip(batch, batch_shape, strict=True)]
    return make(x, [*shown, columns, right], trace_of([a, b]))


def _batch_of(x: Array) -> Array:
    """An array that has the batch axes of ``x`` alone; matrices may be empty."""
    return np.sum(x, axis=(-2, -1))


def _unequal_rows(rows: int, sides: int) -> SizeMismatchError:
    line = user_source()
    at = f"{line}: " if line else ""
    return SizeMismatchError(
        f"{at}cannot solve A x = b: A has {rows} rows, and b has {sides} numbers.\n"
        "Select the same rows of both; several right-hand sides are the columns of b."
    )


def _with_core_dims(a: Array) -> Array:
    """``a`` with a dim behind each of its last two axes."""
    return make(*real(a), a.scope) if any(is_new(n) for n in a.names[-2:]) else a


def _distinct(names: Sequence[Name], taken: Sequence[Dim]) -> list[Dim]:
    """A dim for each name, none of them twice or among ``taken``."""
    dims: list[Dim] = []
    for name in names:
        used = {*names, *taken, *dims}
        if is_new(name):
            dims.append(fresh("new", used))
        else:
            dims.append(fresh(name, used) if name in (*taken, *dims) else name)
    return dims


def lstsq(a: Array, b: Array, rcond: Any = None) -> tuple[Array, Array, int, Array]:
    """The least-squares solution by the pseudo-inverse; the rank is taken to be full, as no trace knows it."""
    s = np.linalg.svd(a, full_matrices=False, compute_uv=False)  # pyright: ignore
    x = np.matmul(np.linalg.pinv(a), b)  # pyright: ignore
    apart = np.matmul(a, x) - b
    return (
        x,
        np.sum(np.square(np.abs(apart)), axis=0, keepdims=np.ndim(b) == 1),
        min(np.shape(a)),
        s,
    )


def tensorsolve(a: Array, b: Array, axes: Any = None) -> Array:
    if axes is not None:
        moved = [k % np.ndim(a) for k in axes]
        a = np.transpose(a, [*[k for k in range(np.ndim(a)) if k not in moved], *moved])
    found = np.shape(a)[np.ndim(b) :]
    flat = np.reshape(a, (np.size(b), int(np.prod(found))))
    return np.reshape(solve(flat, np.ravel(b)), found)


def tensorinv(a: Array, ind: int = 2) -> Array:
    rows, columns = np.shape(a)[:ind], np.shape(a)[ind:]
    flat = np.reshape(a, (int(np.prod(rows)), int(np.prod(columns))))
    return np.reshape(np.linalg.inv(flat), (*columns, *rows))
