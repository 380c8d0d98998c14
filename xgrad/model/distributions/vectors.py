"""Distributions of vectors and matrices along core dims."""

import math
from typing import Any

import numpy as np
import xarray as xr

from xgrad.errors import ArgumentError
from xgrad.functions import linalg, random, special
from xgrad.labels import is_traced
from xgrad.model.distributions.base import Distribution, Labeled, Sizes
from xgrad.model.distributions.continuous import LOG_SQRT_2PI
from xgrad.model.distributions.parameters import CORE_DIMS, Parameter, as_tuple, core_dims_of, table
from xgrad.model.distributions.supports import Support, counts, positive, unit_closed
from xgrad.model.distributions.vector_bijections import CholeskyCorr, running_before
from xgrad.model.distributions.vector_supports import (
    TOLERANCE,
    CholeskyCorrs,
    CountVectors,
    RealVectors,
    SimplexVectors,
    ZeroSumArrays,
)


class MvNormal(Distribution):
    """The multivariate normal distribution with mean ``mu`` and covariance ``cov``, or its lower factor ``chol``.

    ``core_dims`` are the rows and columns of the matrix; ``mu`` and the values lie along the first.
    log p(x) = -|L⁻¹(x - mu)|² / 2 - log det L - n log(2π) / 2, L Lᵀ = cov.

    >>> x = xr.DataArray([0.0, 1.0], dims="i")
    >>> dist = MvNormal.dist(cov=xr.DataArray([[2.0, 0.5], [0.5, 1.0]], dims=("i", "j")))
    >>> round(float(dist.log_density(x)), 4)
    -2.6891
    """

    parameters = table(
        mu=Parameter(default=0.0),
        cov=Parameter(default=None),
        chol=Parameter(default=None),
        core_dims=CORE_DIMS,
    )
    either = ("cov", "chol")
    mu: Labeled
    cov: Labeled
    chol: Labeled

    def _settle(self) -> None:
        matrix = self.cov if self.chol is None else self.chol
        dims = core_dims_of(self, self.core_dims, matrix, 2)
        own = [d for d in dims if d in getattr(self.mu, "dims", ())]
        if len(own) > 1 or (own == [dims[1]] and self.core_dims):
            raise ArgumentError(
                f"MvNormal: core_dims={dims!r} are rows and columns, and mu has only the rows {dims[0]!r};"
                f" here its dims are {self.mu.dims}."
            )
        self.core_dims = dims[::-1] if own == [dims[1]] else dims
        if self.cov is not None and not is_traced(self.cov):
            _check_covariance(self.cov, dims)

    @property
    def event_dims(self) -> tuple[Any, ...]:
        return self.core_dims[:1]

    @property
    def support(self) -> Support:
        return RealVectors(self.event_dims)

    @property
    def _factor(self) -> Labeled:
        return linalg.cholesky(self.cov, self.core_dims) if self.chol is None else self.chol

    def _log_density(self, x: Labeled) -> Labeled:
        row, col = self.core_dims
        factor = self._factor
        z = linalg.solve_triangular(factor, x - self.mu, (row, col))
        log_det = np.log(linalg.diagonal(factor, (row, col))).sum(row)
        return -0.5 * (z**2).sum(col) - log_det - factor.sizes[row] * LOG_SQRT_2PI

    def _draw(self, key: Any, sizes: Sizes) -> xr.DataArray:
        col = self.core_dims[1]
        factor = self._factor
        z = random.normal(key, {**self._batch(sizes), col: factor.sizes[col]})
        return self.mu + xr.dot(factor, z, dim=[col])


def _check_covariance(cov: xr.DataArray, dims: tuple[Any, ...]) -> None:
    matrices = cov.transpose(..., *dims).values
    lowest = np.linalg.eigvalsh(0.5 * (matrices + np.swapaxes(matrices, -1, -2))).min(initial=1.0)
    if not lowest > 0:
        raise ArgumentError(
            f"MvNormal: cov is not positive definite along {dims!r}: its lowest eigenvalue is {lowest:.3g}."
        )


class AbstractAlong(Distribution):
    """A distribution of vectors along the one core dim of a parameter."""

    @property
    def dim(self) -> Any:
        """The core dim."""
        return self.core_dims[0]


class Dirichlet(AbstractAlong):
    """Shares along ``core_dims``, which sum to one, with concentrations ``alpha``.

    log p(x) = log Γ(Σ alpha) - Σ log Γ(alpha) + Σ (alpha - 1) log x.

    >>> x = xr.DataArray([0.2, 0.8], dims="kind")
    >>> round(float(Dirichlet.dist(xr.DataArray([1.0, 2.0], dims="kind")).log_density(x)), 4)
    0.47
    """

    parameters = table(alpha=Parameter(positive), core_dims=CORE_DIMS)
    alpha: Labeled

    def _settle(self) -> None:
        self.core_dims = core_dims_of(self, self.core_dims, self.alpha)

    @property
    def support(self) -> Support:
        return SimplexVectors(self.dim)

    def _log_density(self, x: Labeled) -> Labeled:
        a, d = self.alpha, self.dim
        normaliser = special.gammaln(a.sum(d)) - special.gammaln(a).sum(d)
        return normaliser + special.xlogy(a - 1.0, x).sum(d)

    def _draw(self, key: Any, sizes: Sizes) -> xr.DataArray:
        return random.dirichlet(key, self._batch(sizes), self.alpha, dim=self.dim)


class Multinomial(AbstractAlong):
    """How many of ``n`` fall on each entry along ``core_dims``, with probabilities ``p``, which sum to one along it.

    log p(x) = log n! + Σ (x log p - log x!).

    >>> x = xr.DataArray([2, 2], dims="kind")
    >>> round(float(Multinomial.dist(4, xr.DataArray([0.5, 0.5], dims="kind")).log_density(x)), 4)
    -0.9808
    """

    parameters = table(n=Parameter(counts), p=Parameter(unit_closed), core_dims=CORE_DIMS)
    n: Labeled
    p: Labeled

    def _settle(self) -> None:
        self.core_dims = core_dims_of(self, self.core_dims, self.p)
        check_sum_of_one(self, "p", self.p, self.dim)

    @property
    def support(self) -> Support:
        return CountVectors(self.n, self.dim)

    def _log_density(self, x: Labeled) -> Labeled:
        each = special.xlogy(x, self.p) - special.gammaln(x + 1.0)
        return special.gammaln(self.n + 1.0) + each.sum(self.dim)

    def _draw(self, key: Any, sizes: Sizes) -> xr.DataArray:
        return random.multinomial(key, self._batch(sizes), self.n, self.p, dim=self.dim)


class DirichletMultinomial(AbstractAlong):
    """A multinomial variable of ``n`` whose probabilities are a Dirichlet variable with concentrations ``alpha``.

    log p(x) = log Γ(A) + log n! - log Γ(n + A) + Σ (log Γ(x + alpha) - log Γ(alpha) - log x!), A = Σ alpha.

    >>> x = xr.DataArray([2, 2], dims="kind")
    >>> dist = DirichletMultinomial.dist(4, xr.DataArray([1.0, 1.0], dims="kind"))
    >>> round(float(dist.log_density(x)), 4)
    -1.6094
    """

    parameters = table(n=Parameter(counts), alpha=Parameter(positive), core_dims=CORE_DIMS)
    n: Labeled
    alpha: Labeled

    def _settle(self) -> None:
        self.core_dims = core_dims_of(self, self.core_dims, self.alpha)

    @property
    def support(self) -> Support:
        return CountVectors(self.n, self.dim)

    def _log_density(self, x: Labeled) -> Labeled:
        a, total = self.alpha, self.alpha.sum(self.dim)
        each = special.gammaln(x + a) - special.gammaln(a) - special.gammaln(x + 1.0)
        whole = special.gammaln(total) + special.gammaln(self.n + 1.0)
        return whole - special.gammaln(self.n + total) + each.sum(self.dim)

    def _draw(self, key: Any, sizes: Sizes) -> xr.DataArray:
        first, second = random.split(key)
        p = random.dirichlet(first, self._batch(sizes), self.alpha, dim=self.dim)
        return random.multinomial(second, None, self.n, p, dim=self.dim)


class ZeroSumNormal(Distribution):
    """Normal variables of standard deviation ``sigma``, given that they sum to zero along each of ``core_dims``.

    log p(x) = -Σ (x / sigma)² / 2 - m (log sigma + log(2π) / 2), m = Π (n - 1) of the sizes n of the core dims.

    >>> x = xr.DataArray([1.0, -1.0], dims="kind")
    >>> round(float(ZeroSumNormal.dist(core_dims="kind").log_density(x)), 4)
    -1.9189
    """

    parameters = table(sigma=Parameter(positive, 1.0), core_dims=CORE_DIMS)
    sigma: Labeled

    def _settle(self) -> None:
        self.core_dims = as_tuple(self.core_dims)
        shared = [d for d in self.core_dims if d in getattr(self.sigma, "dims", ())]
        if not self.core_dims or shared:
            raise ArgumentError(
                f"ZeroSumNormal: sigma varies along the core dim {shared[0]!r}; it may along others only."
                if shared
                else "ZeroSumNormal: say in core_dims= along which dims values sum to zero."
            )

    @property
    def support(self) -> Support:
        return ZeroSumArrays(self.core_dims)

    def _log_density(self, x: Labeled) -> Labeled:
        free = math.prod([x.sizes[d] - 1 for d in self.core_dims])
        square = ((x / self.sigma) ** 2).sum(self.core_dims)
        return -0.5 * square - free * (np.log(self.sigma) + LOG_SQRT_2PI)

    def _draw(self, key: Any, sizes: Sizes) -> xr.DataArray:
        z = random.normal(key, sizes)
        for dim in self.core_dims:
            z = z - z.mean(dim)
        return self.sigma * z


class LKJCholesky(Distribution):
    """Lower Cholesky factors L of correlation matrices C with a density of C proportional to det(C)^(eta - 1).

    ``core_dims`` are the rows and columns. With n rows, log p(L) = Σ (n - i + 2 eta - 2) log L(i, i) - log Z, i ≥ 2.
    Normaliser: Lewandowski, Kurowicka and Joe (2009), equation 17; draws by partial correlations, section 2.4.

    >>> x = xr.DataArray([[1.0, 0.0], [0.6, 0.8]], dims=("i", "j"))
    >>> round(float(LKJCholesky.dist(2.0, core_dims=("i", "j")).log_density(x)), 4)
    -0.734
    """

    parameters = table(eta=Parameter(positive, 1.0), core_dims=CORE_DIMS)
    eta: Labeled

    def _settle(self) -> None:
        self.core_dims = as_tuple(self.core_dims)
        if len(self.core_dims) != 2:
            raise ArgumentError("LKJCholesky: give the dims of rows and columns in core_dims=.")

    @property
    def support(self) -> Support:
        return CholeskyCorrs(*self.core_dims)

    def _log_density(self, x: Labeled) -> Labeled:
        row, _ = self.core_dims
        n = x.sizes[row]
        order = xr.DataArray(np.arange(n - 1.0, -1.0, -1.0), dims=row).astype(x.dtype)
        power = (order + 2.0 * (self.eta - 1.0)).isel({row: slice(1, None)})
        diagonal = linalg.diagonal(x, self.core_dims)
        below = np.log(diagonal.isel({row: slice(1, None)}).drop_vars(row, errors="ignore"))
        return (power * below).sum(row) - self._log_normaliser(n)

    def _log_normaliser(self, n: int) -> Labeled:
        if n == 1:
            return 0.0
        a = self.eta + 0.5 * (n - 1)
        whole = 0.5 * (n - 1) * math.log(math.pi) + special.multigammaln(a - 0.5, n - 1)
        return whole - (n - 1) * special.gammaln(a)

    def _draw(self, key: Any, sizes: Sizes) -> xr.DataArray:
        row, col = self.core_dims
        n = sizes[row]
        later = xr.DataArray(0.5 * np.clip(np.arange(n - 2.0, -2.0, -1.0), 0.0, None), dims=col)
        shape = self.eta + later
        z = 2.0 * random.beta(key, {**self._batch(sizes), row: n, col: n}, a=shape, b=shape) - 1.0
        bijection = CholeskyCorr(row, col)
        lower = bijection.lower(n)
        rests = running_before(xr.where(lower, np.log1p(-(z**2)), 0.0), col)
        return bijection.factor(z, rests, lower)


def check_sum_of_one(distribution: Distribution, name: str, p: Labeled, dim: Any) -> None:
    """Raise ArgumentError where probabilities that are known do not sum to one."""
    if is_traced(p):
        return
    total = p.sum(dim)
    if (abs(total - 1.0) > TOLERANCE).any():
        raise ArgumentError(
            f"{type(distribution).__name__}: {name} must sum to 1 along {dim!r}; the sums go from"
            f" {float(total.min()):.6g} to {float(total.max()):.6g}."
        )
