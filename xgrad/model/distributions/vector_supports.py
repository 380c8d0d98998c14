"""Sets of vectors and matrices: what is tested along their dims, which the answer no longer has."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr

from xgrad.model.distributions import vector_bijections as maps
from xgrad.model.distributions.bijections import Bijection, Identity
from xgrad.model.distributions.supports import Support

Array = Any  # a DataArray
TOLERANCE = 1e-6  # of sums, which are rounded


@dataclass(frozen=True, eq=False)
class RealVectors(Support):
    """All arrays of real numbers along ``dims``."""

    dims: tuple[Any, ...]

    def contains(self, x: Array) -> Array:
        return np.isfinite(x).all(self.dims)

    def inside(self, x: Array) -> Array:
        return 0.0

    def bijection(self) -> Bijection:
        return Identity()

    def __str__(self) -> str:
        return "the real vectors"


@dataclass(frozen=True, eq=False)
class SimplexVectors(Support):
    """Shares along ``dim``: from 0 to 1, and 1 in sum."""

    dim: Any

    def contains(self, x: Array) -> Array:
        return (x >= 0).all(self.dim) & (abs(x.sum(self.dim) - 1.0) < TOLERANCE)

    def inside(self, x: Array) -> Array:
        return 1.0 / x.sizes[self.dim]

    def bijection(self) -> Bijection:
        return maps.Simplex(self.dim)

    def __str__(self) -> str:
        return f"the shares along {self.dim!r}, which sum to 1"


@dataclass(frozen=True, eq=False)
class CountVectors(Support):
    """Integers along ``dim``, none negative, with the sum ``n``."""

    n: Any
    dim: Any
    discrete = True

    def contains(self, x: Array) -> Array:
        whole = np.isfinite(x) & (x == np.floor(x)) & (x >= 0)
        return whole.all(self.dim) & (x.sum(self.dim) == self.n)

    def inside(self, x: Array) -> Array:
        return 0

    def __str__(self) -> str:
        return f"the counts along {self.dim!r}, which sum to n"


@dataclass(frozen=True, eq=False)
class ZeroSumArrays(Support):
    """Arrays of real numbers that sum to zero along each of ``dims``."""

    dims: tuple[Any, ...]

    def contains(self, x: Array) -> Array:
        size = 1.0 + abs(x).sum(self.dims)
        small = [(abs(x.sum(d)) < TOLERANCE * size).all(set(self.dims) - {d}) for d in self.dims]
        inside = np.isfinite(x).all(self.dims)
        for test in small:
            inside = inside & test
        return inside

    def inside(self, x: Array) -> Array:
        return 0.0

    def bijection(self) -> Bijection:
        return maps.ZeroSum(self.dims)

    def __str__(self) -> str:
        return f"the arrays that sum to 0 along {', '.join(map(repr, self.dims))}"


@dataclass(frozen=True, eq=False)
class CholeskyCorrs(Support):
    """Lower Cholesky factors of correlation matrices: rows of length 1, a positive diagonal, and 0 above it."""

    row: Any
    col: Any

    def contains(self, x: Array) -> Array:
        n = x.sizes[self.row]
        above = xr.DataArray(np.tri(n, k=-1, dtype=bool), dims=(self.col, self.row))
        diagonal = xr.DataArray(np.eye(n, dtype=bool), dims=(self.row, self.col))
        entries = xr.where(above, x == 0, xr.where(diagonal, x > 0, np.isfinite(x)))
        lengths = abs((x**2).sum(self.col) - 1.0) < TOLERANCE
        return entries.all([self.row, self.col]) & lengths.all(self.row)

    def inside(self, x: Array) -> Array:
        return xr.DataArray(np.eye(x.sizes[self.row]), dims=(self.row, self.col)).astype(x.dtype)

    def bijection(self) -> Bijection:
        return maps.CholeskyCorr(self.row, self.col)

    def __str__(self) -> str:
        return "the Cholesky factors of correlation matrices"
