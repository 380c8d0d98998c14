"""Distributions of one positive number, or of a share between 0 and 1."""

import math
from typing import Any

import numpy as np
import xarray as xr

from xgrad.functions import random, special
from xgrad.model.distributions.base import Distribution, Labeled, Sizes
from xgrad.model.distributions.continuous import IMPROPER, LOG_SQRT_2PI, StudentT
from xgrad.model.distributions.parameters import Alternative, Parameter, table
from xgrad.model.distributions.supports import (
    Interval,
    Support,
    nonnegative,
    positive,
    unit_closed,
)

_SQRT_2 = math.sqrt(2.0)


class AbstractPositive(Distribution):
    """A distribution of a positive number."""

    @property
    def support(self) -> Support:
        return positive


class AbstractNonnegative(Distribution):
    """A distribution of a number that is positive or zero."""

    @property
    def support(self) -> Support:
        return nonnegative


class HalfNormal(AbstractNonnegative):
    """The absolute value of a normal variable of mean 0 and standard deviation ``sigma``.

    >>> round(float(HalfNormal.dist(2.0).log_density(1.0)), 4)
    -1.0439
    """

    parameters = table(sigma=Parameter(positive, 1.0))
    sigma: Labeled

    def _log_density(self, x: Labeled) -> Labeled:
        return -0.5 * (x / self.sigma) ** 2 - np.log(self.sigma) - LOG_SQRT_2PI + math.log(2.0)

    def _draw(self, key: Any, sizes: Sizes) -> xr.DataArray:
        return self.sigma * abs(random.normal(key, sizes))

    def _cdf(self, x: Labeled) -> Labeled:
        return special.erf(x / (self.sigma * _SQRT_2))

    def _quantile(self, q: Labeled) -> Labeled:
        return self.sigma * _SQRT_2 * special.erfinv(q)


class HalfStudentT(AbstractNonnegative):
    """The absolute value of a Student t variable with ``nu`` degrees of freedom and scale ``sigma``.

    >>> round(float(HalfStudentT.dist(3.0).log_density(1.0)), 4)
    -0.8831
    """

    parameters = table(nu=Parameter(positive), sigma=Parameter(positive, 1.0))
    nu: Labeled
    sigma: Labeled

    @property
    def _whole(self) -> StudentT:
        return StudentT.dist(self.nu, 0.0, self.sigma)

    def _log_density(self, x: Labeled) -> Labeled:
        return self._whole.log_density(x) + math.log(2.0)

    def _draw(self, key: Any, sizes: Sizes) -> xr.DataArray:
        return abs(self._whole.draw(key, sizes))

    def _cdf(self, x: Labeled) -> Labeled:
        return 2.0 * self._whole.cdf(x) - 1.0


class HalfCauchy(AbstractNonnegative):
    """The absolute value of a Cauchy variable around 0 with scale ``beta``.

    >>> round(float(HalfCauchy.dist(2.0).log_density(1.0)), 4)
    -1.3679
    """

    parameters = table(beta=Parameter(positive, 1.0))
    beta: Labeled

    def _log_density(self, x: Labeled) -> Labeled:
        return math.log(2.0 / math.pi) - np.log(self.beta) - np.log1p((x / self.beta) ** 2)

    def _cdf(self, x: Labeled) -> Labeled:
        return 2.0 / math.pi * np.arctan(x / self.beta)

    def _quantile(self, q: Labeled) -> Labeled:
        return self.beta * np.tan(0.5 * math.pi * q)


class LogNormal(AbstractPositive):
    """A positive number whose logarithm is normal with mean ``mu`` and standard deviation ``sigma``.

    >>> round(float(LogNormal.dist().log_density(1.0)), 4)
    -0.9189
    """

    parameters = table(mu=Parameter(default=0.0), sigma=Parameter(positive, 1.0))
    mu: Labeled
    sigma: Labeled

    def _log_density(self, x: Labeled) -> Labeled:
        log = np.log(x)
        z = (log - self.mu) / self.sigma
        return -0.5 * z**2 - np.log(self.sigma) - LOG_SQRT_2PI - log

    def _draw(self, key: Any, sizes: Sizes) -> xr.DataArray:
        return np.exp(self.mu + self.sigma * random.normal(key, sizes))

    def _cdf(self, x: Labeled) -> Labeled:
        return special.ndtr((np.log(x) - self.mu) / self.sigma)

    def _quantile(self, q: Labeled) -> Labeled:
        return np.exp(self.mu + self.sigma * special.ndtri(q))


class Exponential(AbstractNonnegative):
    """The exponential distribution with rate ``lam``, or mean ``scale``: p(x) = lam exp(-lam x).

    >>> round(float(Exponential.dist(2.0).log_density(1.0)), 4)
    -1.3069
    """

    parameters = table(lam=Parameter(positive, 1.0))
    alternatives = (Alternative(("scale",), lambda scale: {"lam": 1.0 / scale}),)
    lam: Labeled

    def _log_density(self, x: Labeled) -> Labeled:
        return np.log(self.lam) - self.lam * x

    def _cdf(self, x: Labeled) -> Labeled:
        return -np.expm1(-self.lam * x)

    def _quantile(self, q: Labeled) -> Labeled:
        return -np.log1p(-q) / self.lam


class Gamma(AbstractPositive):
    """The gamma distribution with shape ``alpha`` and rate ``beta``; or with mean ``mu`` and deviation ``sigma``.

    log p(x) = alpha log beta - log Γ(alpha) + (alpha - 1) log x - beta x.

    >>> round(float(Gamma.dist(2.0, 1.0).log_density(1.0)), 4)
    -1.0
    """

    parameters = table(alpha=Parameter(positive), beta=Parameter(positive))
    alternatives = (
        Alternative(
            ("mu", "sigma"),
            lambda mu, sigma: {"alpha": mu**2 / sigma**2, "beta": mu / sigma**2},
        ),
    )
    alpha: Labeled
    beta: Labeled

    def _log_density(self, x: Labeled) -> Labeled:
        a, b = self.alpha, self.beta
        return a * np.log(b) - special.gammaln(a) + special.xlogy(a - 1.0, x) - b * x

    def _draw(self, key: Any, sizes: Sizes) -> xr.DataArray:
        return random.gamma(key, sizes, a=self.alpha) / self.beta

    def _cdf(self, x: Labeled) -> Labeled:
        return special.gammainc(self.alpha, self.beta * x)


class InverseGamma(AbstractPositive):
    """The distribution of 1 / y, y a gamma variable with shape ``alpha`` and rate ``beta``; or by ``mu`` and ``sigma``.

    log p(x) = alpha log beta - log Γ(alpha) - (alpha + 1) log x - beta / x.

    >>> round(float(InverseGamma.dist(2.0).log_density(1.0)), 4)
    -1.0
    """

    parameters = table(alpha=Parameter(positive), beta=Parameter(positive, 1.0))
    alternatives = (
        Alternative(
            ("mu", "sigma"),
            lambda mu, sigma: {
                "alpha": 2.0 + (mu / sigma) ** 2,
                "beta": mu * (1.0 + (mu / sigma) ** 2),
            },
        ),
    )
    alpha: Labeled
    beta: Labeled

    def _log_density(self, x: Labeled) -> Labeled:
        a, b = self.alpha, self.beta
        return a * np.log(b) - special.gammaln(a) - (a + 1.0) * np.log(x) - b / x

    def _draw(self, key: Any, sizes: Sizes) -> xr.DataArray:
        return self.beta / random.gamma(key, sizes, a=self.alpha)

    def _cdf(self, x: Labeled) -> Labeled:
        return special.gammaincc(self.alpha, self.beta / x)


class Weibull(AbstractNonnegative):
    """The Weibull distribution with shape ``alpha`` and scale ``beta``; its cdf is 1 - exp(-(x / beta)^alpha).

    >>> round(float(Weibull.dist(2.0).log_density(1.0)), 4)
    -0.3069
    """

    parameters = table(alpha=Parameter(positive), beta=Parameter(positive, 1.0))
    alpha: Labeled
    beta: Labeled

    def _log_density(self, x: Labeled) -> Labeled:
        a, z = self.alpha, x / self.beta
        return np.log(a / self.beta) + special.xlogy(a - 1.0, z) - z**a

    def _cdf(self, x: Labeled) -> Labeled:
        return -np.expm1(-((x / self.beta) ** self.alpha))

    def _quantile(self, q: Labeled) -> Labeled:
        return self.beta * (-np.log1p(-q)) ** (1.0 / self.alpha)


class Pareto(Distribution):
    """The Pareto distribution with exponent ``alpha``, from ``m`` up: p(x) = alpha m^alpha / x^(alpha + 1).

    >>> round(float(Pareto.dist(2.0).log_density(1.5)), 4)
    -0.5232
    """

    parameters = table(alpha=Parameter(positive), m=Parameter(positive, 1.0))
    alpha: Labeled
    m: Labeled

    @property
    def support(self) -> Support:
        return Interval(self.m, closed=(True, False))

    def _log_density(self, x: Labeled) -> Labeled:
        log = np.log(x)
        return np.log(self.alpha) - log - self.alpha * (log - np.log(self.m))

    def _cdf(self, x: Labeled) -> Labeled:
        return -np.expm1(self.alpha * np.log(self.m / x))

    def _quantile(self, q: Labeled) -> Labeled:
        return self.m * np.exp(-np.log1p(-q) / self.alpha)


class HalfFlat(AbstractNonnegative):
    """No density at all on the numbers from 0 up: log p(x) = 0. It cannot be drawn from.

    >>> round(float(HalfFlat.dist().log_density(-1.0)), 4)
    -inf
    """

    def _log_density(self, x: Labeled) -> Labeled:
        return 0.0 * x

    def _draw(self, key: Any, sizes: Sizes) -> xr.DataArray:
        raise NotImplementedError(IMPROPER)


class Beta(Distribution):
    """The beta distribution of shares with ``alpha`` and ``beta``.

    Or by mean ``mu`` and standard deviation ``sigma``, or by ``mu`` and ``nu`` = alpha + beta.

    log p(x) = (alpha - 1) log x + (beta - 1) log(1 - x) - log B(alpha, beta).

    >>> round(float(Beta.dist(2.0, 3.0).log_density(0.5)), 4)
    0.4055
    """

    parameters = table(alpha=Parameter(positive), beta=Parameter(positive))
    alternatives = (
        Alternative(
            ("mu", "sigma"), lambda mu, sigma: _by_total(mu, mu * (1.0 - mu) / sigma**2 - 1.0)
        ),
        Alternative(("mu", "nu"), lambda mu, nu: _by_total(mu, nu)),
    )
    alpha: Labeled
    beta: Labeled

    @property
    def support(self) -> Support:
        return unit_closed

    def _log_density(self, x: Labeled) -> Labeled:
        a, b = self.alpha, self.beta
        return special.xlogy(a - 1.0, x) + special.xlog1py(b - 1.0, -x) - special.betaln(a, b)

    def _draw(self, key: Any, sizes: Sizes) -> xr.DataArray:
        return random.beta(key, sizes, a=self.alpha, b=self.beta)

    def _cdf(self, x: Labeled) -> Labeled:
        return special.betainc(self.alpha, self.beta, x)


def _by_total(mu: Labeled, total: Labeled) -> dict[str, Labeled]:
    return {"alpha": mu * total, "beta": (1.0 - mu) * total}
