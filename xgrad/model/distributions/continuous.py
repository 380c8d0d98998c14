"""Distributions of one number on the whole real line, or between bounds that are parameters."""

import math
from typing import Any

import numpy as np
import xarray as xr

from xgrad.functions import random, special
from xgrad.model.distributions.base import Distribution, Labeled, Sizes, open_uniform
from xgrad.model.distributions.parameters import Parameter, table
from xgrad.model.distributions.supports import (
    Interval,
    Real,
    Support,
    bound,
    none_where_infinite,
    nonnegative,
    positive,
)
from xgrad.transforms.control.branches import while_loop

LOG_SQRT_2PI = 0.5 * math.log(2.0 * math.pi)
_SQRT_2 = math.sqrt(2.0)


class Normal(Distribution):
    """The normal distribution with mean ``mu`` and standard deviation ``sigma``.

    log p(x) = -((x - mu) / sigma)² / 2 - log sigma - log(2π) / 2.

    >>> float(Normal.dist(0.0, 1.0).log_density(0.0))  # doctest: +ELLIPSIS
    -0.91893...
    """

    parameters = table(mu=Parameter(default=0.0), sigma=Parameter(positive, 1.0))
    mu: Labeled
    sigma: Labeled

    def _log_density(self, x: Labeled) -> Labeled:
        z = (x - self.mu) / self.sigma
        return -0.5 * z**2 - np.log(self.sigma) - LOG_SQRT_2PI

    def _draw(self, key: Any, sizes: Sizes) -> xr.DataArray:
        return self.mu + self.sigma * random.normal(key, sizes)

    def _cdf(self, x: Labeled) -> Labeled:
        return special.ndtr((x - self.mu) / self.sigma)

    def log_cdf(self, x: Labeled) -> Labeled:
        return special.log_ndtr((x - self.mu) / self.sigma)

    def log_survival(self, x: Labeled) -> Labeled:
        return special.log_ndtr((self.mu - x) / self.sigma)

    def _quantile(self, q: Labeled) -> Labeled:
        return self.mu + self.sigma * special.ndtri(q)

    def standardised(self) -> tuple[Labeled, Labeled, Distribution]:
        return self.mu, self.sigma, Normal.dist()


class StudentT(Distribution):
    """Student's t distribution with ``nu`` degrees of freedom, location ``mu`` and scale ``sigma``.

    log p(x) = log Γ((nu+1)/2) - log Γ(nu/2) - log(nu π)/2 - log sigma - (nu+1)/2 log(1 + z²/nu), z = (x - mu)/sigma.

    >>> round(float(StudentT.dist(3.0).log_density(1.0)), 4)
    -1.5763
    """

    parameters = table(
        nu=Parameter(positive), mu=Parameter(default=0.0), sigma=Parameter(positive, 1.0)
    )
    nu: Labeled
    mu: Labeled
    sigma: Labeled

    def _log_density(self, x: Labeled) -> Labeled:
        nu, z = self.nu, (x - self.mu) / self.sigma
        normaliser = special.gammaln(0.5 * (nu + 1.0)) - special.gammaln(0.5 * nu)
        normaliser = normaliser - 0.5 * np.log(nu * math.pi) - np.log(self.sigma)
        return normaliser - 0.5 * (nu + 1.0) * np.log1p(z**2 / nu)

    def _draw(self, key: Any, sizes: Sizes) -> xr.DataArray:
        return self.mu + self.sigma * random.t(key, sizes, df=self.nu)

    def _cdf(self, x: Labeled) -> Labeled:
        z = (x - self.mu) / self.sigma
        tail = 0.5 * special.betainc(0.5 * self.nu, 0.5, self.nu / (self.nu + z**2))
        return xr.where(z > 0, 1.0 - tail, tail)

    def standardised(self) -> tuple[Labeled, Labeled, Distribution]:
        return self.mu, self.sigma, StudentT.dist(self.nu)


class Cauchy(Distribution):
    """The Cauchy distribution with location ``alpha`` and scale ``beta``.

    p(x) = 1 / (π beta (1 + z²)), z = (x - alpha) / beta.

    >>> round(float(Cauchy.dist().log_density(1.0)), 4)
    -1.8379
    """

    parameters = table(alpha=Parameter(default=0.0), beta=Parameter(positive, 1.0))
    alpha: Labeled
    beta: Labeled

    def _log_density(self, x: Labeled) -> Labeled:
        z = (x - self.alpha) / self.beta
        return -math.log(math.pi) - np.log(self.beta) - np.log1p(z**2)

    def _cdf(self, x: Labeled) -> Labeled:
        return 0.5 + np.arctan((x - self.alpha) / self.beta) / math.pi

    def _quantile(self, q: Labeled) -> Labeled:
        return self.alpha + self.beta * np.tan(math.pi * (q - 0.5))

    def standardised(self) -> tuple[Labeled, Labeled, Distribution]:
        return self.alpha, self.beta, Cauchy.dist()


class Laplace(Distribution):
    """The Laplace distribution with location ``mu`` and scale ``b``: p(x) = exp(-|x - mu| / b) / 2b.

    >>> round(float(Laplace.dist().log_density(1.0)), 4)
    -1.6931
    """

    parameters = table(mu=Parameter(default=0.0), b=Parameter(positive, 1.0))
    mu: Labeled
    b: Labeled

    def _log_density(self, x: Labeled) -> Labeled:
        return -abs(x - self.mu) / self.b - np.log(self.b) - math.log(2.0)

    def _cdf(self, x: Labeled) -> Labeled:
        z = (x - self.mu) / self.b
        tail = 0.5 * np.exp(-abs(z))
        return xr.where(z > 0, 1.0 - tail, tail)

    def _quantile(self, q: Labeled) -> Labeled:
        centred = q - 0.5
        return self.mu - self.b * np.sign(centred) * np.log1p(-2.0 * abs(centred))

    def standardised(self) -> tuple[Labeled, Labeled, Distribution]:
        return self.mu, self.b, Laplace.dist()


class Logistic(Distribution):
    """The logistic distribution with location ``mu`` and scale ``s``; its cdf is expit((x - mu) / s).

    >>> round(float(Logistic.dist().log_density(1.0)), 4)
    -1.6265
    """

    parameters = table(mu=Parameter(default=0.0), s=Parameter(positive, 1.0))
    mu: Labeled
    s: Labeled

    def _log_density(self, x: Labeled) -> Labeled:
        z = (x - self.mu) / self.s
        return special.log_expit(z) + special.log_expit(-z) - np.log(self.s)

    def _cdf(self, x: Labeled) -> Labeled:
        return special.expit((x - self.mu) / self.s)

    def _quantile(self, q: Labeled) -> Labeled:
        return self.mu + self.s * special.logit(q)

    def standardised(self) -> tuple[Labeled, Labeled, Distribution]:
        return self.mu, self.s, Logistic.dist()


class Gumbel(Distribution):
    """The Gumbel distribution of maxima with location ``mu`` and scale ``beta``.

    Its cdf is exp(-exp(-(x - mu) / beta)).

    >>> round(float(Gumbel.dist().log_density(1.0)), 4)
    -1.3679
    """

    parameters = table(mu=Parameter(default=0.0), beta=Parameter(positive, 1.0))
    mu: Labeled
    beta: Labeled

    def _log_density(self, x: Labeled) -> Labeled:
        z = (x - self.mu) / self.beta
        return -z - np.exp(-z) - np.log(self.beta)

    def _cdf(self, x: Labeled) -> Labeled:
        return np.exp(-np.exp(-(x - self.mu) / self.beta))

    def _quantile(self, q: Labeled) -> Labeled:
        return self.mu - self.beta * np.log(-np.log(q))

    def standardised(self) -> tuple[Labeled, Labeled, Distribution]:
        return self.mu, self.beta, Gumbel.dist()


class Uniform(Distribution):
    """The uniform distribution between ``lower`` and ``upper``.

    >>> round(float(Uniform.dist(0.0, 4.0).log_density(1.0)), 4)
    -1.3863
    """

    parameters = table(lower=Parameter(default=0.0), upper=Parameter(default=1.0))
    lower: Labeled
    upper: Labeled

    @property
    def support(self) -> Support:
        return Interval(self.lower, self.upper, closed=(True, True))

    def _log_density(self, x: Labeled) -> Labeled:
        return -np.log(self.upper - self.lower) + 0.0 * x

    def _cdf(self, x: Labeled) -> Labeled:
        return (x - self.lower) / (self.upper - self.lower)

    def _quantile(self, q: Labeled) -> Labeled:
        return self.lower + (self.upper - self.lower) * q


_FAR = 1e18  # in place of an infinite bound: its derivatives are 0, and not infinite times 0


class TruncatedNormal(Distribution):
    """The normal distribution of ``mu`` and ``sigma``, cut off at ``lower`` and ``upper`` (None: no bound).

    log p(x) = log φ(z) - log sigma - log(Φ(b) - Φ(a)), the bounds a, b and z in units of sigma from mu.

    >>> round(float(TruncatedNormal.dist(lower=0.0).log_density(1.0)), 4)
    -0.7258
    """

    parameters = table(
        mu=Parameter(default=0.0),
        sigma=Parameter(positive, 1.0),
        lower=Parameter(bound, None),
        upper=Parameter(bound, None),
    )
    mu: Labeled
    sigma: Labeled
    lower: Labeled
    upper: Labeled

    def _settle(self) -> None:
        self.lower, self.upper = none_where_infinite(self.lower), none_where_infinite(self.upper)

    @property
    def support(self) -> Support:
        if self.lower is None and self.upper is None:
            return Real()
        return Interval(self.lower, self.upper, closed=(True, True))

    def _log_density(self, x: Labeled) -> Labeled:
        z = (x - self.mu) / self.sigma
        return -0.5 * z**2 - np.log(self.sigma) - LOG_SQRT_2PI - self._log_mass()

    def _log_mass(self) -> Labeled:
        """log(Φ(b) - Φ(a)), from the tails that are smaller."""
        if self.lower is None and self.upper is None:
            return 0.0
        if self.upper is None:
            return special.log_ndtr(-(_near(self.lower) - self.mu) / self.sigma)
        if self.lower is None:
            return special.log_ndtr((_near(self.upper) - self.mu) / self.sigma)
        _, low, high = self._tails()
        larger = special.log_ndtr(high)
        return larger + np.log(-np.expm1(special.log_ndtr(low) - larger))

    def _tails(self) -> tuple[Labeled, Labeled, Labeled]:
        """Whether both bounds lie above ``mu``; and the bounds in units of sigma, mirrored to below 0 if so."""
        a = -math.inf if self.lower is None else (_near(self.lower) - self.mu) / self.sigma
        b = math.inf if self.upper is None else (_near(self.upper) - self.mu) / self.sigma
        mirrored = a > 0
        return mirrored, xr.where(mirrored, -b, a), xr.where(mirrored, -a, b)

    def _cdf(self, x: Labeled) -> Labeled:
        mirrored, low, high = self._tails()
        z = (x - self.mu) / self.sigma
        below = special.ndtr(xr.where(mirrored, -z, z)) - special.ndtr(low)
        share = below / (special.ndtr(high) - special.ndtr(low))
        return xr.where(mirrored, 1.0 - share, share)

    def _quantile(self, q: Labeled) -> Labeled:
        mirrored, low, high = self._tails()
        share = xr.where(mirrored, 1.0 - q, q)
        z = special.ndtri((1.0 - share) * special.ndtr(low) + share * special.ndtr(high))
        return self.mu + self.sigma * xr.where(mirrored, -z, z)


def _near(bound: Labeled) -> Labeled:
    """A bound, not infinite."""
    return np.clip(bound, -_FAR, _FAR)


class VonMises(Distribution):
    """The von Mises distribution of angles from -π to π, around ``mu`` with concentration ``kappa``.

    p(x) = exp(kappa cos(x - mu)) / 2π I₀(kappa).

    >>> round(float(VonMises.dist(kappa=2.0).log_density(1.0)), 4)
    -1.5813
    """

    parameters = table(mu=Parameter(default=0.0), kappa=Parameter(nonnegative, 1.0))
    mu: Labeled
    kappa: Labeled

    @property
    def support(self) -> Support:
        return Interval(-math.pi, math.pi, closed=(True, True))

    def _log_density(self, x: Labeled) -> Labeled:
        # log I₀(κ) = log i0e(κ) + κ, and cos(d) - 1 = -2 sin²(d/2) keeps its digits where κ is large
        bend = -2.0 * np.sin(0.5 * (x - self.mu)) ** 2
        return self.kappa * bend - math.log(2.0 * math.pi) - np.log(special.i0e(self.kappa))

    def _draw(self, key: Any, sizes: Sizes) -> xr.DataArray:
        turned = _angles(key, self.kappa, {**self.batch_sizes, **sizes}) + self.mu
        return turned - 2.0 * math.pi * np.round(turned / (2.0 * math.pi))


def _angles(key: Any, kappa: Labeled, sizes: Sizes) -> xr.DataArray:
    """Draws around 0. They have no gradient by ``kappa``.

    Candidates from a wrapped Cauchy distribution are taken with the probability that makes them of the right one, and
    drawn anew where they are not: Best and Fisher (1979), with their ρ written without differences.
    """
    kappa = xr.zeros_like(random.uniform(key, sizes)) + np.maximum(kappa, 1e-12)
    tau = 1.0 + np.sqrt(1.0 + 4.0 * kappa**2)
    rho = 2.0 * kappa / (np.sqrt(tau) * (np.sqrt(tau) + _SQRT_2))
    r = (1.0 + rho**2) / (2.0 * rho)

    def draw_anew(state: tuple[Any, Any, Any]) -> tuple[Any, Any, Any]:
        count, missing, angle = state
        first, second, third = random.split(random.fold_in(key, count), 3)
        z = np.cos(math.pi * random.uniform(first, sizes))
        f = ((1.0 + r * z) / (r + z)).clip(-1.0, 1.0)
        c = kappa * (r - f)
        taken = np.log(c) + 1.0 - c >= np.log(open_uniform(second, sizes))
        side = xr.where(random.bernoulli(third, sizes), 1.0, -1.0)
        candidate = xr.where(missing, side * np.arccos(f), angle)
        return count + 1, missing & ~taken, candidate

    start = (0, xr.ones_like(kappa, dtype=bool), 0.0 * kappa)
    return while_loop(lambda state: state[1].any(), draw_anew, start)[2]


IMPROPER = "it is improper, its density has no sum; give a distribution that has one"


class Flat(Distribution):
    """No density at all: log p(x) = 0 everywhere. It cannot be drawn from.

    >>> round(float(Flat.dist().log_density(7.0)), 4)
    0.0
    """

    def _log_density(self, x: Labeled) -> Labeled:
        return 0.0 * x

    def _draw(self, key: Any, sizes: Sizes) -> xr.DataArray:
        raise NotImplementedError(IMPROPER)
