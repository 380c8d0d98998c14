"""What ``xgrad.linalg`` records, on arrays of a trace: matrices are the last two axes, vectors the last one."""

from typing import Any

import numpy as np

from xgrad.axes import linalg as ops
from xgrad.labels.core import is_traced_array
from xgrad.labels.duck import norms, products, systems
from xgrad.labels.duck.elementwise import as_traced
from xgrad.labels.duck.linalg import blockwise, cholesky, matrix, pinv, square
from xgrad.labels.duck.linalg import det as det
from xgrad.labels.duck.linalg import expm as expm
from xgrad.labels.duck.linalg import inv as inv
from xgrad.labels.duck.linalg import matrix_power as matrix_power
from xgrad.labels.duck.linalg import qr as _qr
from xgrad.labels.duck.linalg import slogdet as _slogdet
from xgrad.labels.duck.linalg import svd as _svd
from xgrad.labels.duck.linalg import svdvals as svdvals
from xgrad.labels.duck.norms import cond as cond
from xgrad.labels.duck.norms import matrix_rank as matrix_rank
from xgrad.labels.duck.shapes import broadcast_to, swapaxes

Array = Any


def _traced(*arrays: Array) -> list[Array]:
    """All of them as arrays of the trace, which one of them is."""
    like = next(x for x in arrays if is_traced_array(x))
    return [as_traced(x, like) for x in arrays]


def solve(a: Array, b: Array) -> Array:
    return systems.solve(a, b[..., None])[..., 0]


def solve_symmetric(a: Array, b: Array) -> Array:
    """By the symmetric part, which is seen to be one."""
    a, b = _traced(a, b)
    return solve((a + swapaxes(a, -1, -2)) / 2, b)


def solve_positive(a: Array, b: Array) -> Array:
    a, b = _traced(a, b)
    return cho_solve(cholesky(a), b)


def solve_triangular(a: Array, b: Array, **options: bool) -> Array:
    return systems.solve_triangular(a, b[..., None], **options)[..., 0]


def cho_solve(factor: Array, b: Array) -> Array:
    return systems.cho_solve(factor, b[..., None])[..., 0]


def lstsq(a: Array, b: Array, rtol: float | None) -> Array:
    a, b = _traced(a, b)
    return products.matmul(pinv(a, rtol=rtol), b[..., None])[..., 0]


def slogdet(a: Array) -> tuple[Array, ...]:
    return tuple(_slogdet(a))


def eigh(a: Array) -> tuple[Array, ...]:
    return blockwise(ops.Eigh(), square(a), 2, [(1,), (0, 1)])


def eigvalsh(a: Array) -> Array:
    return blockwise(ops.Eigvalsh(), square(a), 2, [(1,)])[0]


def svd(a: Array) -> tuple[Array, ...]:
    return tuple(_svd(a, full_matrices=False))


def qr(a: Array) -> tuple[Array, ...]:
    return tuple(_qr(a))


def trace(a: Array) -> Array:
    return np.einsum("...ii->...", a)


def diagonal(a: Array) -> Array:
    return np.einsum("...ii->...i", a)


def norm(x: Array, ord: Any, count: int) -> Array:
    """Along the last ``count`` axes."""
    if count not in (1, 2):
        return norms.vector_norm(x, axis=tuple(range(x.ndim - count, x.ndim)))
    return norms.norm(x, ord, tuple(range(x.ndim - count, x.ndim)))


def kron(a: Array, b: Array) -> Array:
    product = a[..., :, None, :, None] * b[..., None, :, None, :]
    rows, columns = a.shape[-2] * b.shape[-2], a.shape[-1] * b.shape[-1]
    return np.reshape(product, (*product.shape[:-4], rows, columns))


def block_diag(*arrays: Array) -> Array:
    """Each with zeros to its left and right, one below the other."""
    batch = np.broadcast_shapes(*[x.shape[:-2] for x in arrays])
    columns, before, rows = sum([x.shape[-1] for x in arrays]), 0, []
    for x in _traced(*arrays):
        widths = (before, columns - before - x.shape[-1])
        whole = broadcast_to(matrix(x), (*batch, *x.shape[-2:]))
        rows.append(np.pad(whole, [(0, 0)] * (len(batch) + 1) + [widths]))
        before += x.shape[-1]
    return np.concatenate(rows, axis=-2)
