"""Distributions of integers."""

from typing import Any

import numpy as np
import xarray as xr

from xgrad.functions import random, special
from xgrad.model.distributions.base import Distribution, Labeled, Sizes
from xgrad.model.distributions.parameters import Alternative, Parameter, table
from xgrad.model.distributions.supports import (
    Integers,
    Point,
    Support,
    counts,
    integers,
    nonnegative,
    positive,
    unit_closed,
)


class AbstractCounts(Distribution):
    """A distribution of 0, 1, 2, …"""

    @property
    def support(self) -> Support:
        return counts


class AbstractTrial(Distribution):
    """What is made of trials that succeed with probability ``p``, or with the log-odds ``logit_p``."""

    either = ("p", "logit_p")
    p: Labeled
    logit_p: Labeled

    @property
    def probability(self) -> Labeled:
        return special.expit(self.logit_p) if self.p is None else self.p

    def _log_chances(self, successes: Labeled, failures: Labeled) -> Labeled:
        """log(p^successes (1 - p)^failures), exact where p or 1 - p is tiny."""
        if self.p is not None:
            return special.xlogy(successes, self.p) + special.xlog1py(failures, -self.p)
        won, lost = special.log_expit(self.logit_p), special.log_expit(-self.logit_p)
        return successes * won + failures * lost


class Bernoulli(AbstractTrial):
    """1 with probability ``p``, else 0; or by the log-odds ``logit_p``.

    >>> round(float(Bernoulli.dist(0.25).log_density(1)), 4)
    -1.3863
    """

    parameters = table(p=Parameter(unit_closed, None), logit_p=Parameter(default=None))

    @property
    def support(self) -> Support:
        return Integers(0, 1)

    def _log_density(self, x: Labeled) -> Labeled:
        return self._log_chances(x, 1.0 - x)

    def _draw(self, key: Any, sizes: Sizes) -> xr.DataArray:
        return random.bernoulli(key, sizes, p=self.probability).astype("int64")

    def _cdf(self, x: Labeled) -> Labeled:
        return xr.where(x < 1, 1.0 - self.probability, 1.0)


class Binomial(AbstractTrial):
    """The number of successes in ``n`` trials of probability ``p``, or of log-odds ``logit_p``.

    >>> round(float(Binomial.dist(4, 0.5).log_density(2)), 4)
    -0.9808
    """

    parameters = table(
        n=Parameter(counts), p=Parameter(unit_closed, None), logit_p=Parameter(default=None)
    )
    n: Labeled

    @property
    def support(self) -> Support:
        return Integers(0, self.n)

    def _log_density(self, x: Labeled) -> Labeled:
        return log_comb(self.n, x) + self._log_chances(x, self.n - x)

    def _draw(self, key: Any, sizes: Sizes) -> xr.DataArray:
        return random.binomial(key, sizes, n=self.n, p=self.probability).astype("int64")

    def _cdf(self, x: Labeled) -> Labeled:
        return special.betainc(self.n - x, x + 1.0, 1.0 - self.probability)


class BetaBinomial(Distribution):
    """The number of successes in ``n`` trials, whose probability is a beta variable of ``alpha`` and ``beta``.

    log p(x) = log C(n, x) + log B(x + alpha, n - x + beta) - log B(alpha, beta).

    >>> round(float(BetaBinomial.dist(4, 1.0, 1.0).log_density(2)), 4)
    -1.6094
    """

    parameters = table(n=Parameter(counts), alpha=Parameter(positive), beta=Parameter(positive))
    n: Labeled
    alpha: Labeled
    beta: Labeled

    @property
    def support(self) -> Support:
        return Integers(0, self.n)

    def _log_density(self, x: Labeled) -> Labeled:
        a, b = self.alpha, self.beta
        chances = special.betaln(x + a, self.n - x + b) - special.betaln(a, b)
        return log_comb(self.n, x) + chances

    def _draw(self, key: Any, sizes: Sizes) -> xr.DataArray:
        first, second = random.split(key)
        p = random.beta(first, sizes, a=self.alpha, b=self.beta)
        return random.binomial(second, sizes, n=self.n, p=p).astype("int64")


class Poisson(AbstractCounts):
    """The number of events where ``mu`` are expected: p(x) = mu^x e^-mu / x!.

    >>> round(float(Poisson.dist(2.0).log_density(1)), 4)
    -1.3069
    """

    parameters = table(mu=Parameter(nonnegative))
    mu: Labeled

    def _log_density(self, x: Labeled) -> Labeled:
        return special.xlogy(x, self.mu) - self.mu - special.gammaln(x + 1.0)

    def _draw(self, key: Any, sizes: Sizes) -> xr.DataArray:
        return random.poisson(key, sizes, lam=self.mu)

    def _cdf(self, x: Labeled) -> Labeled:
        return special.gammaincc(x + 1.0, self.mu)


class NegativeBinomial(AbstractCounts):
    """Counts of mean ``mu`` and variance mu + mu² / ``alpha``.

    Or, by ``n`` and ``p``, the failures before ``n`` successes of probability ``p``.

    log p(x) = log C(x + alpha - 1, x) + alpha log(alpha / (mu + alpha)) + x log(mu / (mu + alpha)).

    >>> round(float(NegativeBinomial.dist(2.0, 1.0).log_density(1)), 4)
    -1.5041
    """

    parameters = table(mu=Parameter(positive), alpha=Parameter(positive))
    alternatives = (Alternative(("n", "p"), lambda n, p: {"mu": n * (1.0 - p) / p, "alpha": n}),)
    mu: Labeled
    alpha: Labeled

    def _log_density(self, x: Labeled) -> Labeled:
        mu, a = self.mu, self.alpha
        ways = -special.betaln(a, x + 1.0) - np.log(x + a)
        return ways - a * np.log1p(mu / a) - special.xlog1py(x, a / mu)

    def _draw(self, key: Any, sizes: Sizes) -> xr.DataArray:
        first, second = random.split(key)
        rate = random.gamma(first, sizes, a=self.alpha) * self.mu / self.alpha
        return random.poisson(second, sizes, lam=rate)

    def _cdf(self, x: Labeled) -> Labeled:
        return special.betainc(self.alpha, x + 1.0, self.alpha / (self.mu + self.alpha))


class Geometric(Distribution):
    """The number of trials up to the first success, each of probability ``p``: p(x) = p (1 - p)^(x - 1), x = 1, 2, …

    >>> round(float(Geometric.dist(0.5).log_density(2)), 4)
    -1.3863
    """

    parameters = table(p=Parameter(unit_closed))
    p: Labeled

    @property
    def support(self) -> Support:
        return Integers(1)

    def _log_density(self, x: Labeled) -> Labeled:
        return np.log(self.p) + special.xlog1py(x - 1.0, -self.p)

    def _draw(self, key: Any, sizes: Sizes) -> xr.DataArray:
        return random.geometric(key, sizes, p=self.p)

    def _cdf(self, x: Labeled) -> Labeled:
        return -np.expm1(x * np.log1p(-self.p))


class DiscreteUniform(Distribution):
    """An integer from ``lower`` to ``upper``, all of the same probability.

    >>> round(float(DiscreteUniform.dist(1, 6).log_density(3)), 4)
    -1.7918
    """

    parameters = table(lower=Parameter(integers, 0), upper=Parameter(integers))
    lower: Labeled
    upper: Labeled

    @property
    def support(self) -> Support:
        return Integers(self.lower, self.upper)

    def _log_density(self, x: Labeled) -> Labeled:
        return -np.log(self.upper - self.lower + 1.0) + 0.0 * x

    def _draw(self, key: Any, sizes: Sizes) -> xr.DataArray:
        return random.randint(key, sizes, minval=self.lower, maxval=self.upper + 1)

    def _cdf(self, x: Labeled) -> Labeled:
        return (x - self.lower + 1.0) / (self.upper - self.lower + 1.0)


class DiracDelta(Distribution):
    """The value ``c`` with probability 1.

    >>> round(float(DiracDelta.dist(2.0).log_density(2.0)), 4)
    0.0
    """

    parameters = table(c=Parameter())
    c: Labeled

    @property
    def support(self) -> Support:
        return Point(self.c)

    def _log_density(self, x: Labeled) -> Labeled:
        return 0.0 * (x + self.c)

    def _draw(self, key: Any, sizes: Sizes) -> xr.DataArray:
        return xr.zeros_like(random.uniform(key, sizes)) + self.c


def log_comb(n: Labeled, k: Labeled) -> Labeled:
    """log of the number of ways to take ``k`` of ``n``."""
    return -special.betaln(n - k + 1.0, k + 1.0) - np.log(n + 1.0)
