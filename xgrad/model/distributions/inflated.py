"""Distributions with more zeros, or others, than a usual one has."""

from typing import Any, ClassVar

import numpy as np
import xarray as xr

from xgrad.functions import random
from xgrad.model.distributions.base import Distribution, Labeled, Sizes
from xgrad.model.distributions.discrete import Binomial, NegativeBinomial, Poisson
from xgrad.model.distributions.parameters import Parameter, table
from xgrad.model.distributions.positive import Gamma, LogNormal
from xgrad.model.distributions.supports import (
    Support,
    counts,
    nonnegative,
    positive,
    unit_closed,
)
from xgrad.model.distributions.truncated import Truncated

SHARE = Parameter(unit_closed)


class AbstractMixedWithZero(Distribution):
    """A variable that is 0 in some cases, and drawn from a usual distribution in the share ``psi`` of them."""

    family: ClassVar[
        type[Distribution]
    ]  # of the usual one; its parameters are the others of this one
    psi: Labeled

    @property
    def usual(self) -> Distribution:
        """The distribution of the other cases."""
        return self.family.dist(**{k: v for k, v in self.values.items() if k != "psi"})

    @property
    def support(self) -> Support:
        return self.usual.support


class AbstractZeroInflated(AbstractMixedWithZero):
    """0 with the probability 1 - ``psi``, else as usual, which may be 0 as well.

    p(0) = 1 - psi + psi f(0), and p(x) = psi f(x).
    """

    def _log_density(self, x: Labeled) -> Labeled:
        usual = np.log(self.psi) + self.usual.log_density(x)
        return xr.where(x == 0, np.logaddexp(np.log1p(-self.psi), usual), usual)

    def _draw(self, key: Any, sizes: Sizes) -> xr.DataArray:
        first, second = random.split(key)
        drawn = self.usual.draw(second, sizes)
        return xr.where(random.bernoulli(first, sizes, p=self.psi), drawn, 0)

    def _cdf(self, x: Labeled) -> Labeled:
        return 1.0 - self.psi + self.psi * self.usual.cdf(x)


class ZeroInflatedPoisson(AbstractZeroInflated):
    """A Poisson variable of mean ``mu`` in a share ``psi`` of the cases, else 0.

    >>> round(float(ZeroInflatedPoisson.dist(0.8, 2.0).log_density(0)), 4)
    -1.1768
    """

    family = Poisson
    parameters = table(psi=SHARE, mu=Parameter(nonnegative))


class ZeroInflatedBinomial(AbstractZeroInflated):
    """A binomial variable of ``n`` trials of probability ``p`` in a share ``psi`` of the cases, else 0.

    >>> round(float(ZeroInflatedBinomial.dist(0.8, 4, 0.5).log_density(0)), 4)
    -1.3863
    """

    family = Binomial
    parameters = table(psi=SHARE, n=Parameter(counts), p=Parameter(unit_closed))


class ZeroInflatedNegativeBinomial(AbstractZeroInflated):
    """A negative binomial variable of ``mu`` and ``alpha`` in a share ``psi`` of the cases, else 0.

    >>> round(float(ZeroInflatedNegativeBinomial.dist(0.8, 2.0, 1.0).log_density(0)), 4)
    -0.7621
    """

    family = NegativeBinomial
    parameters = table(psi=SHARE, mu=Parameter(positive), alpha=Parameter(positive))


class AbstractHurdle(AbstractMixedWithZero):
    """0 with the probability 1 - ``psi``, else as usual, given that it is not 0.

    p(0) = 1 - psi, and p(x) = psi f(x) / (1 - f(0)).
    """

    @property
    def support(self) -> Support:
        return counts if self.usual.support.discrete else nonnegative

    @property
    def is_lumped(self) -> bool:
        return True

    def _given_some(self, p: Labeled) -> Labeled:
        """A usual probability, given that the value is not 0."""
        if not self.usual.support.discrete:
            return p
        zero = np.exp(self.usual.log_density(0))
        return (p - zero) / (1.0 - zero)

    def _log_some(self) -> Labeled:
        """The logarithm of the usual probability of values other than 0."""
        if not self.usual.support.discrete:
            return 0.0
        return np.log(-np.expm1(self.usual.log_density(0)))

    def _log_density(self, x: Labeled) -> Labeled:
        above = xr.where(x == 0, 1.0, x)
        usual = np.log(self.psi) + self.usual.log_density(above) - self._log_some()
        return xr.where(x == 0, np.log1p(-self.psi), usual)

    def _draw(self, key: Any, sizes: Sizes) -> xr.DataArray:
        first, second = random.split(key)
        some = random.bernoulli(first, sizes, p=self.psi)
        return xr.where(some, self._draw_above(second, sizes), 0)

    def _draw_above(self, key: Any, sizes: Sizes) -> xr.DataArray:
        return self.usual.draw(key, sizes)

    def _cdf(self, x: Labeled) -> Labeled:
        return 1.0 - self.psi + self.psi * self._given_some(self.usual.cdf(x))


class AbstractHurdleCounts(AbstractHurdle):
    """A hurdle before counts."""

    def _draw_above(self, key: Any, sizes: Sizes) -> xr.DataArray:
        return Truncated.dist(self.usual, lower=1).draw(key, sizes)


class HurdlePoisson(AbstractHurdleCounts):
    """A Poisson variable of ``mu``, given that it is not 0, in a share ``psi`` of the cases, else 0.

    >>> round(float(HurdlePoisson.dist(0.8, 2.0).log_density(0)), 4)
    -1.6094
    """

    family = Poisson
    parameters = table(psi=SHARE, mu=Parameter(positive))


class HurdleNegativeBinomial(AbstractHurdleCounts):
    """A negative binomial variable of ``mu`` and ``alpha``, given that it is not 0, in a share ``psi``, else 0.

    >>> round(float(HurdleNegativeBinomial.dist(0.8, 2.0, 1.0).log_density(0)), 4)
    -1.6094
    """

    family = NegativeBinomial
    parameters = table(psi=SHARE, mu=Parameter(positive), alpha=Parameter(positive))


class HurdleGamma(AbstractHurdle):
    """A gamma variable of ``alpha`` and ``beta`` in a share ``psi`` of the cases, else 0.

    >>> round(float(HurdleGamma.dist(0.8, 2.0, 1.0).log_density(0.0)), 4)
    -1.6094
    """

    family = Gamma
    parameters = table(psi=SHARE, alpha=Parameter(positive), beta=Parameter(positive))


class HurdleLogNormal(AbstractHurdle):
    """A log-normal variable of ``mu`` and ``sigma`` in a share ``psi`` of the cases, else 0.

    >>> round(float(HurdleLogNormal.dist(0.8).log_density(0.0)), 4)
    -1.6094
    """

    family = LogNormal
    parameters = table(psi=SHARE, mu=Parameter(default=0.0), sigma=Parameter(positive, 1.0))
