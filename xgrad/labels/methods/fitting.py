"""``polyfit`` of traced data: least squares on a basis made orthogonal while tracing; NaN is left out by a mask."""

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import xarray as xr

from xgrad.errors import UnsupportedError
from xgrad.labels.core import AbstractTraced
from xgrad.labels.duck.nan_reductions import can_be_nan
from xgrad.labels.slots import read_variable

Array = Any


def polyfit(original: Callable[..., xr.Dataset]) -> Callable[..., xr.Dataset]:
    """``Dataset.polyfit``; whether a traced array has NaN is not known: they are left out unless told otherwise."""

    def fit(
        self: xr.Dataset,
        dim: Any,
        deg: int,
        skipna: bool | None = None,
        rcond: float | None = None,
        w: Any = None,
        full: bool = False,
        cov: Any = False,
    ) -> xr.Dataset:
        weights = self.coords.get(w) if isinstance(w, str) else w
        _refuse_traced("the weights w", weights)
        _refuse_traced("the coord of the fit", self.coords.get(dim))
        if skipna is None and any(is_traced(v) for v in self.data_vars.values()):
            skipna = True
        return original(self, dim, deg, skipna, rcond, w, full, cov)

    return fit


def is_traced(array: Any) -> bool:
    """Whether the data of an array of any kind is traced."""
    variable = getattr(array, "variable", array)
    data = read_variable(variable).data if isinstance(variable, xr.Variable) else variable
    return isinstance(data, AbstractTraced)


def _refuse_traced(what: str, array: Any) -> None:
    if is_traced(array):
        raise UnsupportedError(
            f"polyfit needs the numbers of {what}, which are traced.\n"
            "Solve the normal equations instead: xgrad.linalg.lstsq, or np.linalg.solve(A.T @ A, A.T @ y)."
        )


def least_squares(
    lhs: np.ndarray, rhs: Array, rcond: float | None = None, skipna: bool = False
) -> tuple[Array, Array]:
    """The coefficients that fit each column of ``rhs`` best, and the sums of squares that remain.

    The singular vectors of ``lhs`` are the basis: without NaN the fit is one product with a concrete matrix; with NaN
    left out, each column has its own normal equations, nearly those of an orthogonal basis. Where a column has fewer
    values than coefficients NumPy gives the smallest of all solutions with a warning; here they are NaN.
    """
    columns = np.reshape(rhs, (rhs.shape[0], -1))
    if columns.dtype.kind != "c":
        columns = columns.astype(np.float64, copy=False)
    basis, back = _orthogonal(lhs, rcond)
    solve = _masked if skipna and can_be_nan(columns) else _complete
    inner, left, enough = solve(basis, columns)
    coefficients = np.matmul(back, inner)
    determined = basis.shape[1] == lhs.shape[1]
    residuals = np.where(determined & enough, np.sum(left * left, axis=0), np.nan)
    shape = rhs.shape[1:]
    return np.reshape(coefficients, (-1, *shape)), np.reshape(residuals, shape or (1,))


def _orthogonal(lhs: np.ndarray, rcond: float | None) -> tuple[np.ndarray, np.ndarray]:
    """An orthonormal basis of the columns of ``lhs``, and the way from its coefficients back to those of ``lhs``."""
    u, s, vt = np.linalg.svd(lhs, full_matrices=False)
    kept = s > (rcond if rcond is not None else np.finfo(float).eps * max(lhs.shape)) * s[0]
    if kept.sum() != lhs.shape[1]:
        warnings.warn("Polyfit may be poorly conditioned", np.exceptions.RankWarning, stacklevel=2)
    return u[:, kept], vt[kept].T / s[kept]


def _complete(basis: np.ndarray, columns: Array) -> tuple[Array, Array, Any]:
    inner = np.matmul(basis.T, columns)
    return inner, columns - np.matmul(basis, inner), len(columns) > basis.shape[1]


def _masked(basis: np.ndarray, columns: Array) -> tuple[Array, Array, Array]:
    """Each column's own normal equations, with the values that it has."""
    valid = ~np.isnan(columns)
    values = np.where(valid, columns, 0.0)
    count = np.sum(valid, axis=0)
    products = basis[:, :, None] * basis[:, None, :]
    size = basis.shape[1]
    normal = np.tensordot(valid.astype(np.float64), products, axes=(0, 0))  # pyright: ignore
    solvable = count >= size
    normal = np.where(solvable[:, None, None], normal, np.eye(size))
    right = np.matmul(values.T, basis)
    inner = np.linalg.solve(normal, right[:, :, None])[:, :, 0].T
    inner = np.where(solvable, inner, np.nan)
    left = np.where(valid, values - np.matmul(basis, inner), 0.0)
    return inner, left, count > size
