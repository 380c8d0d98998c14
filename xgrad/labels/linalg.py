"""numpy.linalg on traced arrays: matrices are the last two axes, all axes before them are batch."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from xgrad.axes import linalg as ops
from xgrad.axes.base import AbstractTensorOp
from xgrad.errors import UnsupportedError
from xgrad.labels.checked import positive_definite
from xgrad.labels.core import (
    AbstractTraced,
    Name,
    New,
    is_new,
    is_traced_array,
    make,
    real,
    trace_of,
)
from xgrad.labels.elementwise import as_traced, common_names, conform, result_dtype
from xgrad.labels.scope import fresh
from xgrad.names import build
from xgrad.names.types import Dim

Array = Any


def _float_dtype(*arrays: Array) -> np.dtype:
    """The dtype in which numpy.linalg computes."""
    dtype = result_dtype(arrays)
    if dtype == np.float16:
        raise TypeError("array type float16 is unsupported in linalg")
    return np.dtype(np.float64) if dtype.kind in "biu" else dtype


def blockwise(
    op: AbstractTensorOp, a: AbstractTraced, core: int, outs: Sequence[Sequence[int | None]]
) -> tuple[Array, ...]:
    """``op`` on the last ``core`` axes of ``a``.

    ``outs`` says for each core axis of each output which core dim of ``a`` it shows; None: a new one.
    """
    var, dims = real(a)
    batch, own = dims[: a.ndim - core], dims[a.ndim - core :]
    out_dims: list[tuple[Dim, ...]] = []
    for axes in outs:
        names: list[Dim] = []
        for k in axes:
            names.append(fresh("new", {*dims, *names}) if k is None else own[k])
        out_dims.append(tuple(names))
    results = build.blockwise(op, [var], [own], out_dims)
    return tuple(
        [make(v, [*batch, *names], a.scope) for v, names in zip(results, out_dims, strict=True)]
    )


def _matrix(a: Array) -> AbstractTraced:
    """``a`` as a stack of matrices in the dtype of the computation."""
    if a.ndim < 2:
        raise np.linalg.LinAlgError(
            f"{a.ndim}-dimensional array given. Array must be at least two-dimensional"
        )
    return a.astype(_float_dtype(a), copy=False)


def _square(a: Array) -> AbstractTraced:
    if np.ndim(a) >= 2 and a.shape[-1] != a.shape[-2]:
        raise np.linalg.LinAlgError("Last 2 dimensions of the array must be square")
    return _matrix(a)


class SlogdetResult(NamedTuple):
    sign: Array
    logabsdet: Array


class EighResult(NamedTuple):
    eigenvalues: Array
    eigenvectors: Array


class SVDResult(NamedTuple):
    U: Array
    S: Array
    Vh: Array


class QRResult(NamedTuple):
    Q: Array
    R: Array


def cholesky(a: Array, /, *, upper: bool = False) -> Array:
    matrix = _square(a)
    (factor,) = blockwise(ops.Cholesky(), matrix, 2, [(0, 1)])
    factor = positive_definite(factor, matrix)
    return np.conj(np.swapaxes(factor, -1, -2)) if upper else factor


def inv(a: Array) -> Array:
    return blockwise(ops.Inv(), _square(a), 2, [(0, 1)])[0]


def det(a: Array) -> Array:
    return blockwise(ops.Det(), _square(a), 2, [()])[0]


def slogdet(a: Array) -> Any:
    return SlogdetResult(*blockwise(ops.Slogdet(), _square(a), 2, [(), ()]))


def eigh(a: Array, UPLO: str = "L") -> Any:
    return EighResult(*blockwise(ops.Eigh(), _square(_full(a, UPLO)), 2, [(1,), (0, 1)]))


def eigvalsh(a: Array, UPLO: str = "L") -> Array:
    return blockwise(ops.Eigvalsh(), _square(_full(a, UPLO)), 2, [(1,)])[0]


def _full(a: Array, uplo: str) -> Array:
    """The symmetric matrix of which NumPy reads one triangle."""
    lower = np.tril(a) if uplo.upper() == "L" else np.swapaxes(np.triu(a), -1, -2)
    return lower + np.conj(np.swapaxes(np.tril(lower, -1), -1, -2))


def svd(
    a: Array, full_matrices: bool = True, compute_uv: bool = True, hermitian: bool = False
) -> Any:
    rows, columns = a.shape[-2:]
    small = 0 if rows <= columns else 1
    outs = [(0, None), (small,), (None, 1)]
    results = blockwise(ops.Svd(bool(full_matrices)), _matrix(a), 2, outs)
    return SVDResult(*results) if compute_uv else results[1]


def svdvals(x: Array, /) -> Array:
    return svd(x, full_matrices=False, compute_uv=False)


def qr(a: Array, mode: str = "reduced") -> Any:
    if mode not in ("reduced", "complete", "r"):
        raise UnsupportedError(f"np.linalg.qr with mode={mode!r} has no traced form; use 'reduced'")
    results = blockwise(ops.Qr(mode == "complete"), _matrix(a), 2, [(0, None), (None, 1)])
    return results[1] if mode == "r" else QRResult(*results)


def solve(a: Array, b: Array) -> Array:
    dtype = _float_dtype(a, b)
    like = a if is_traced_array(a) else b
    a, b = as_traced(a, like), as_traced(b, like)
    if b.ndim == 1:
        return solve(a, b[:, None])[..., 0]
    a, b = _with_core_dims(a), _with_core_dims(b)
    batch_shape = np.broadcast_shapes(a.shape[:-2], b.shape[:-2])
    batch = _distinct(common_names([a[..., 0, 0], b[..., 0, 0]], batch_shape), ())
    rows, columns, right = _distinct([*a.names[-2:], b.names[-1]], batch)
    matrix = conform(a, [*batch, rows, columns], (*batch_shape, *a.shape[-2:]), dtype)
    sides = conform(b, [*batch, rows, right], (*batch_shape, *b.shape[-2:]), dtype)
    core = [(rows, columns), (rows, right)]
    (x,) = build.blockwise(ops.Solve(), [matrix, sides], core, [(columns, right)])
    shown = [d if d in x.type.dims else New(n) for d, n in zip(batch, batch_shape, strict=True)]
    return make(x, [*shown, columns, right], trace_of([a, b]))


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


def matrix_power(a: Array, n: int) -> Array:
    a = _square(a)
    if n < 0:
        return matrix_power(inv(a), -n)
    result: Array = None
    while n:
        if n % 2:
            result = a if result is None else np.matmul(result, a)
        n //= 2
        a = np.matmul(a, a) if n else a
    eye = np.eye(a.shape[-1], dtype=a.dtype)
    return np.zeros_like(a) + eye if result is None else result  # pyright: ignore


def pinv(a: Array, rcond: Any = None, hermitian: bool = False, *, rtol: Any = None) -> Array:
    u, s, vh = svd(np.conj(a), full_matrices=False)
    given = rcond if rcond is not None else rtol
    cutoff = max(a.shape[-2:]) * np.finfo(s.dtype).eps if given is None else given
    small = s <= cutoff * np.max(s, axis=-1, keepdims=True)
    inverse = np.where(small, s.dtype.type(0), 1 / np.where(small, s.dtype.type(1), s))
    return np.matmul(np.swapaxes(vh, -1, -2), inverse[..., None] * np.swapaxes(u, -1, -2))


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


def multi_dot(arrays: Sequence[Array], *, out: Any = None) -> Array:
    result = arrays[0]
    for x in arrays[1:]:
        result = np.dot(result, x)
    return result
