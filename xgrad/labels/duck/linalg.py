"""numpy.linalg on traced arrays: matrices are the last two axes, all axes before them are batch."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from xgrad.axes import linalg as ops
from xgrad.axes.base import AbstractTensorOp
from xgrad.errors import SizeMismatchError, UnsupportedError
from xgrad.graph import user_source
from xgrad.labels.checked import positive_definite
from xgrad.labels.core import (
    AbstractTraced,
    is_new,
    is_traced_array,
    make,
    real,
)
from xgrad.labels.duck.elementwise import result_dtype
from xgrad.labels.scope import fresh
from xgrad.names import build
from xgrad.names.types import Dim

Array = Any


def float_dtype(*arrays: Array) -> np.dtype:
    """The dtype in which numpy.linalg computes."""
    dtype = result_dtype(arrays)
    if dtype == np.float16:
        raise TypeError("array type float16 is unsupported in linalg")
    return np.dtype(np.float64) if dtype.kind in "biu" else dtype


class NotSquareError(SizeMismatchError, np.linalg.LinAlgError):
    """Matrices that are not square, where they must be."""


def not_square(sizes: Sequence[int], names: Sequence[Any] = ()) -> NotSquareError:
    """The error for matrices of these sizes, along these dims where they are known."""
    named = [d for d in names if not is_new(d)]
    along = f" along dims {named[0]!r} and {named[1]!r}" if len(named) == 2 else ""
    line = user_source()
    at = f"{line}: " if line else ""
    return NotSquareError(
        f"{at}a square matrix is needed, and this one has {sizes[0]} rows and {sizes[1]} columns{along}.\n"
        "Select as many of each; for least squares use pinv or lstsq."
    )


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


def matrix(a: Array) -> AbstractTraced:
    """``a`` as a stack of matrices in the dtype of the computation."""
    if a.ndim < 2:
        raise np.linalg.LinAlgError(
            f"{a.ndim}-dimensional array given. Array must be at least two-dimensional"
        )
    return a.astype(float_dtype(a), copy=False)


def square(a: Array) -> AbstractTraced:
    if np.ndim(a) >= 2 and a.shape[-1] != a.shape[-2]:
        raise not_square(a.shape[-2:], a.names[-2:] if is_traced_array(a) else ())
    return matrix(a)


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
    given = square(a)
    (factor,) = blockwise(ops.Cholesky(), given, 2, [(0, 1)])
    factor = positive_definite(factor, given)
    return np.conj(np.swapaxes(factor, -1, -2)) if upper else factor


def inv(a: Array) -> Array:
    return blockwise(ops.Inv(), square(a), 2, [(0, 1)])[0]


def det(a: Array) -> Array:
    return blockwise(ops.Det(), square(a), 2, [()])[0]


def slogdet(a: Array) -> Any:
    return SlogdetResult(*blockwise(ops.Slogdet(), square(a), 2, [(), ()]))


def eigh(a: Array, UPLO: str = "L") -> Any:
    return EighResult(*blockwise(ops.Eigh(), square(_full(a, UPLO)), 2, [(1,), (0, 1)]))


def eigvalsh(a: Array, UPLO: str = "L") -> Array:
    return blockwise(ops.Eigvalsh(), square(_full(a, UPLO)), 2, [(1,)])[0]


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
    results = blockwise(ops.Svd(bool(full_matrices and compute_uv)), matrix(a), 2, outs)
    return SVDResult(*results) if compute_uv else results[1]


def svdvals(x: Array, /) -> Array:
    return svd(x, full_matrices=False, compute_uv=False)


def qr(a: Array, mode: str = "reduced") -> Any:
    if mode not in ("reduced", "complete", "r"):
        raise UnsupportedError(f"np.linalg.qr with mode={mode!r} has no traced form; use 'reduced'")
    results = blockwise(ops.Qr(mode == "complete"), matrix(a), 2, [(0, None), (None, 1)])
    return results[1] if mode == "r" else QRResult(*results)


def matrix_power(a: Array, n: int) -> Array:
    a = square(a)
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
    given = rcond if rcond is not None else rtol
    cutoff = max(a.shape[-2:]) * np.finfo(float_dtype(a)).eps if given is None else given
    if np.ndim(cutoff) == 0 and not is_traced_array(cutoff) and a.dtype.kind != "c":
        return blockwise(ops.Pinv(float(cutoff)), matrix(a), 2, [(1, 0)])[0]
    u, s, vh = svd(np.conj(a), full_matrices=False)
    small = s <= cutoff * np.max(s, axis=-1, keepdims=True)
    inverse = np.where(small, s.dtype.type(0), 1 / np.where(small, s.dtype.type(1), s))
    return np.matmul(np.swapaxes(vh, -1, -2), inverse[..., None] * np.swapaxes(u, -1, -2))


def expm(a: Array) -> Array:
    return blockwise(ops.Expm(), square(a), 2, [(0, 1)])[0]


def multi_dot(arrays: Sequence[Array], *, out: Any = None) -> Array:
    result = arrays[0]
    for x in arrays[1:]:
        result = np.dot(result, x)
    return result
