"""Distributions of one number that are not symmetric."""

import math
from typing import Any

import numpy as np
import xarray as xr

from xgrad.functions import random, special
from xgrad.model.distributions.base import Distribution, Labeled, Sizes
from xgrad.model.distributions.continuous import LOG_SQRT_2PI
from xgrad.model.distributions.parameters import Alternative, Parameter, table
from xgrad.model.distributions.positive import AbstractPositive
from xgrad.model.distributions.supports import Support, positive, unit_closed

_SQRT_HALF = math.sqrt(0.5)


class AsymmetricLaplace(Distribution):
    """A Laplace distribution around ``mu`` whose ``scale`` is divided by ``kappa`` above, and multiplied below.

    p(x) = exp(-|z| kappa^sign(z)) / (scale (kappa + 1 / kappa)), z = (x - mu) / scale. By ``q`` instead of ``kappa``,
    ``mu`` is the quantile of q: kappa² = q / (1 - q).

    >>> round(float(AsymmetricLaplace.dist(2.0).log_density(1.0)), 4)
    -2.9163
    """

    parameters = table(
        kappa=Parameter(positive), mu=Parameter(default=0.0), scale=Parameter(positive, 1.0)
    )
    alternatives = (Alternative(("q",), lambda q: {"kappa": (q / (1.0 - q)) ** 0.5}),)
    kappa: Labeled
    mu: Labeled
    scale: Labeled

    def _log_density(self, x: Labeled) -> Labeled:
        k, z = self.kappa, (x - self.mu) / self.scale
        return xr.where(z > 0, -z * k, z / k) - np.log(k + 1.0 / k) - np.log(self.scale)

    @property
    def _below(self) -> Labeled:
        """The probability of less than ``mu``."""
        return self.kappa**2 / (1.0 + self.kappa**2)

    def _cdf(self, x: Labeled) -> Labeled:
        k, z, below = self.kappa, (x - self.mu) / self.scale, self._below
        tail = np.exp(-abs(z) * xr.where(z > 0, k, 1.0 / k))
        return xr.where(z > 0, 1.0 - (1.0 - below) * tail, below * tail)

    def _quantile(self, q: Labeled) -> Labeled:
        k, below = self.kappa, self._below
        high = q > below
        tail = xr.where(high, (1.0 - q) / (1.0 - below), q / below)
        return self.mu + self.scale * np.log(tail) * xr.where(high, -1.0 / k, k)


class SkewNormal(Distribution):
    """The skew normal distribution with location ``mu``, scale ``sigma`` and slant ``alpha``.

    p(x) = 2 φ(z) Φ(alpha z) / sigma, z = (x - mu) / sigma.

    >>> round(float(SkewNormal.dist(alpha=2.0).log_density(1.0)), 4)
    -0.7488
    """

    parameters = table(
        mu=Parameter(default=0.0), sigma=Parameter(positive, 1.0), alpha=Parameter(default=0.0)
    )
    mu: Labeled
    sigma: Labeled
    alpha: Labeled

    def _log_density(self, x: Labeled) -> Labeled:
        z = (x - self.mu) / self.sigma
        whole = -0.5 * z**2 - LOG_SQRT_2PI + math.log(2.0) - np.log(self.sigma)
        return whole + special.log_ndtr(self.alpha * z)

    def _draw(self, key: Any, sizes: Sizes) -> xr.DataArray:
        first, second = random.split(key)
        slanted = self.alpha * abs(random.normal(first, sizes)) + random.normal(second, sizes)
        return self.mu + self.sigma * slanted / np.sqrt(1.0 + self.alpha**2)

    def _cdf(self, x: Labeled) -> Labeled:
        z = (x - self.mu) / self.sigma
        return np.maximum(special.ndtr(z) - 2.0 * special.owens_t(z, self.alpha), 0.0)

    def standardised(self) -> tuple[Labeled, Labeled, Distribution]:
        return self.mu, self.sigma, SkewNormal.dist(0.0, 1.0, self.alpha)


class ExGaussian(Distribution):
    """The sum of a normal variable of ``mu`` and ``sigma`` and an exponential one of mean ``nu``.

    p(x) = exp(w² / 2 - z² / 2) Φ(-w) / nu, z = (x - mu) / sigma, w = sigma / nu - z.

    >>> round(float(ExGaussian.dist(nu=2.0).log_density(1.0)), 4)
    -1.4371
    """

    parameters = table(
        mu=Parameter(default=0.0), sigma=Parameter(positive, 1.0), nu=Parameter(positive)
    )
    mu: Labeled
    sigma: Labeled
    nu: Labeled

    def _log_density(self, x: Labeled) -> Labeled:
        # e^(w²/2) Φ(-w) = erfcx(w/√2) / 2, in which nothing overflows where w > 0
        z = (x - self.mu) / self.sigma
        w = self.sigma / self.nu - z
        high = xr.where(w > 0, w, 0.0)
        low = xr.where(w > 0, 0.0, w)
        scaled = xr.where(
            w > 0,
            np.log(0.5 * special.erfcx(high * _SQRT_HALF)),
            0.5 * low**2 + special.log_ndtr(-low),
        )
        return scaled - 0.5 * z**2 - np.log(self.nu)

    def _draw(self, key: Any, sizes: Sizes) -> xr.DataArray:
        first, second = random.split(key)
        normal = self.mu + self.sigma * random.normal(first, sizes)
        return normal + self.nu * random.exponential(second, sizes)

    def _cdf(self, x: Labeled) -> Labeled:
        z = (x - self.mu) / self.sigma
        return special.ndtr(z) - self.nu * np.exp(self._log_density(x))


class Wald(AbstractPositive):
    """The inverse normal distribution with mean ``mu`` and shape ``lam``; or by ``mu`` and ``phi`` = lam / mu.

    p(x) = √(lam / 2πx³) exp(-lam (x - mu)² / (2 mu² x)).

    >>> round(float(Wald.dist(1.0, 2.0).log_density(1.5)), 4)
    -1.3472
    """

    parameters = table(mu=Parameter(positive), lam=Parameter(positive))
    alternatives = (Alternative(("mu", "phi"), lambda mu, phi: {"mu": mu, "lam": mu * phi}),)
    mu: Labeled
    lam: Labeled

    def _log_density(self, x: Labeled) -> Labeled:
        off = (x - self.mu) / self.mu
        return 0.5 * np.log(self.lam) - LOG_SQRT_2PI - 1.5 * np.log(x) - 0.5 * self.lam * off**2 / x

    def _draw(self, key: Any, sizes: Sizes) -> xr.DataArray:
        return self.lam * random.wald(key, sizes, mean=self.mu / self.lam)

    def _cdf(self, x: Labeled) -> Labeled:
        root, ratio = np.sqrt(self.lam / x), x / self.mu
        behind = 2.0 * self.lam / self.mu + special.log_ndtr(-root * (ratio + 1.0))
        return special.ndtr(root * (ratio - 1.0)) + np.exp(behind)


class Kumaraswamy(Distribution):
    """Shares with the cdf 1 - (1 - x^a)^b.

    >>> round(float(Kumaraswamy.dist(2.0, 3.0).log_density(0.5)), 4)
    0.5232
    """

    parameters = table(a=Parameter(positive), b=Parameter(positive))
    a: Labeled
    b: Labeled

    @property
    def support(self) -> Support:
        return unit_closed

    def _log_density(self, x: Labeled) -> Labeled:
        a, b = self.a, self.b
        log = special.xlogy(a - 1.0, x) + special.xlog1py(b - 1.0, -(x**a))
        return log + np.log(a) + np.log(b)

    def _cdf(self, x: Labeled) -> Labeled:
        return -np.expm1(self.b * np.log1p(-(x**self.a)))

    def _quantile(self, q: Labeled) -> Labeled:
        return (-np.expm1(np.log1p(-q) / self.b)) ** (1.0 / self.a)
