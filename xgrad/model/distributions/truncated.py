"""Distributions with bounds: what is beyond does not occur (truncated), or is told as the bound (censored)."""

from typing import Any

import numpy as np
import xarray as xr

from xgrad.errors import ArgumentError
from xgrad.model.distributions.base import Distribution, Labeled, Sizes
from xgrad.model.distributions.base import open_uniform as uniform
from xgrad.model.distributions.inversion import bisected
from xgrad.model.distributions.parameters import Parameter, table
from xgrad.model.distributions.supports import (
    Integers,
    Interval,
    Support,
    bound,
    none_where_infinite,
)


class AbstractCut(Distribution):
    """A distribution of numbers with bounds."""

    parameters = table(
        distribution=Parameter(None),
        lower=Parameter(bound, None),
        upper=Parameter(bound, None),
    )
    distribution: Distribution
    lower: Labeled
    upper: Labeled

    def _settle(self) -> None:
        family = type(self).__name__
        if not isinstance(self.distribution, Distribution):
            raise ArgumentError(
                f"{family} takes a distribution made by .dist(...), not {type(self.distribution).__name__};"
                " a variable of a model has its density in the model already."
            )
        if self.distribution.core_dims:
            raise ArgumentError(
                f"{family}: {type(self.distribution).__name__} is a distribution of vectors."
            )
        self.lower, self.upper = none_where_infinite(self.lower), none_where_infinite(self.upper)
        if self.lower is None and self.upper is None:
            raise ArgumentError(f"{family} takes lower, upper, or both.")

    @property
    def support(self) -> Support:
        whole = self.distribution.support
        low, high = whole.bounds
        bounds = _inner(low, self.lower, max), _inner(high, self.upper, min)
        if whole.discrete:
            return Integers(*bounds)
        closed = getattr(whole, "closed", (False, False))
        return Interval(
            *bounds,
            closed=(closed[0] or self.lower is not None, closed[1] or self.upper is not None),
        )

    def _before(self, bound: Labeled) -> Labeled:
        """Up to where values are less than ``bound``."""
        return np.ceil(bound) - 1 if self.distribution.support.discrete else bound


class Truncated(AbstractCut):
    """``distribution``, given that the value lies between ``lower`` and ``upper`` (None: no bound), both included.

    log p(x) = log f(x) - log(F(upper) - F(lower)). It must have a cdf F. Far out in the tail of a normal distribution
    ``TruncatedNormal`` is more exact.

    >>> from xgrad.model import Normal
    >>> round(float(Truncated.dist(Normal.dist(), lower=0.0).log_density(1.0)), 4)
    -0.7258
    """

    def _log_density(self, x: Labeled) -> Labeled:
        return self.distribution.log_density(x) - self._log_mass()

    def _log_mass(self) -> Labeled:
        whole = self.distribution
        if self.lower is None:
            return whole.log_cdf(self.upper)
        if self.upper is None:
            return whole.log_survival(self._before(self.lower))
        return np.log(whole.cdf(self.upper) - whole.cdf(self._before(self.lower)))

    def _shares(self) -> tuple[Labeled, Labeled]:
        """The cdf at both ends."""
        below = 0.0 if self.lower is None else self.distribution.cdf(self._before(self.lower))
        return below, 1.0 if self.upper is None else self.distribution.cdf(self.upper)

    def _cdf(self, x: Labeled) -> Labeled:
        below, above = self._shares()
        return (self.distribution.cdf(x) - below) / (above - below)

    def _quantile(self, q: Labeled) -> Labeled:
        below, above = self._shares()
        return self.distribution.quantile(below + q * (above - below))

    def _draw(self, key: Any, sizes: Sizes) -> xr.DataArray:
        q = uniform(key, sizes)
        if self.distribution.has_quantile:
            return self.quantile(q).clip(self.lower, self.upper)
        return bisected(self, q)

    @property
    def has_quantile(self) -> bool:
        return self.distribution.has_quantile


class Censored(AbstractCut):
    """``distribution``, of which values beyond ``lower`` and ``upper`` (None: no bound) are told as the bound.

    log p(x) = log f(x) between them, log F(lower) at the lower and log(1 - F(upper)) at the upper bound. It must have
    a cdf F.

    >>> from xgrad.model import Normal
    >>> round(float(Censored.dist(Normal.dist(), lower=0.0).log_density(0.0)), 4)
    -0.6931
    """

    @property
    def is_lumped(self) -> bool:
        return True

    def _log_density(self, x: Labeled) -> Labeled:
        whole = self.distribution
        value = whole.log_density(x)
        if self.lower is not None:
            value = xr.where(x <= self.lower, whole.log_cdf(self.lower), value)
        if self.upper is not None:
            beyond = whole.log_survival(self._before(self.upper))
            value = xr.where(x >= self.upper, beyond, value)
        return value

    def _cdf(self, x: Labeled) -> Labeled:
        return self.distribution.cdf(x)

    def _draw(self, key: Any, sizes: Sizes) -> xr.DataArray:
        return self.distribution.draw(key, sizes).clip(self.lower, self.upper)


def _inner(own: Labeled, given: Labeled, choose: Any) -> Labeled:
    """The bound that holds, of the distribution's and the one given."""
    if own is None or given is None:
        return given if own is None else own
    if isinstance(own, xr.DataArray) or isinstance(given, xr.DataArray):
        return np.maximum(own, given) if choose is max else np.minimum(own, given)
    return choose(own, given)
