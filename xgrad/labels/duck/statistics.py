"""NumPy's functions of samples, one per row or column: covariances, and polynomials fitted by least squares."""

from typing import Any

import numpy as np

from xgrad.labels.duck.reductions import refuse_options

Array = Any


def cov(
    m: Array,
    y: Array = None,
    rowvar: bool = True,
    bias: bool = False,
    ddof: int | None = None,
    fweights: Any = None,
    aweights: Any = None,
    *,
    dtype: Any = None,
) -> Array:
    refuse_options("cov", fweights=fweights, aweights=aweights)
    dtype = np.result_type(m, np.float64, *([] if y is None else [y])) if dtype is None else dtype
    samples = [_rows(a, rowvar).astype(dtype) for a in (m, y) if a is not None]
    x = samples[0] if y is None else np.concatenate(samples, axis=0)
    apart = x - np.mean(x, axis=1, keepdims=True)
    freedom = max(x.shape[1] - (ddof if ddof is not None else 0 if bias else 1), 0)
    return np.squeeze(np.matmul(apart, np.conj(apart).T) / freedom)


def _rows(a: Array, rowvar: bool) -> Array:
    """One variable per row."""
    if np.ndim(a) > 2:
        raise ValueError("an array of samples has more than 2 dimensions")
    rows = np.reshape(a, (1, -1)) if np.ndim(a) < 2 else a
    return rows.T if not rowvar and rows.shape[0] != 1 else rows


def corrcoef(x: Array, y: Array = None, rowvar: bool = True, *, dtype: Any = None) -> Array:
    c = cov(x, y, rowvar, dtype=dtype)
    if np.ndim(c) == 0:
        return c / c
    spread = np.sqrt(np.real(np.diagonal(c)))
    c = c / spread[:, None] / spread[None, :]
    return c if np.iscomplexobj(c) else np.clip(c, -1, 1)


def vander(x: Array, N: int | None = None, increasing: bool = False) -> Array:
    powers = range(np.shape(x)[0] if N is None else N)
    columns = [x**k for k in powers]
    return np.stack(columns if increasing else columns[::-1], axis=-1)


def polyfit(
    x: Array,
    y: Array,
    deg: int,
    rcond: float | None = None,
    full: bool = False,
    w: Array = None,
    cov: Any = False,
) -> Array:
    """Least squares by the pseudo-inverse; a rank that is not full is not told, as no trace knows it."""
    refuse_options("polyfit", full=int(full) or None, cov=str(cov) if cov else None)
    left, right = vander(x * 1.0, deg + 1), y * 1.0
    if w is not None:
        left, right = left * w[:, None], right * (w if np.ndim(y) == 1 else w[:, None])
    scale = np.sqrt(np.sum(left * left, axis=0))
    found = np.linalg.lstsq(left / scale, right, rcond)[0]
    return (found.T / scale).T
