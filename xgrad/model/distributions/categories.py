"""Distributions of one of several categories, which are numbered from 0."""

from typing import Any

import numpy as np
import xarray as xr

from xgrad.errors import ArgumentError
from xgrad.functions import random, special
from xgrad.labels import is_traced
from xgrad.model.distributions.base import Labeled, Sizes
from xgrad.model.distributions.parameters import CORE_DIMS, Parameter, core_dims_of, table
from xgrad.model.distributions.supports import Integers, Support, unit_closed
from xgrad.model.distributions.vectors import AbstractAlong, check_sum_of_one


class AbstractCategory(AbstractAlong):
    """A category, whose number lacks the dim along which a parameter has an entry for each."""

    @property
    def event_dims(self) -> tuple[Any, ...]:
        return ()


class Categorical(AbstractCategory):
    """The category k with probability ``p`` at k along ``core_dims``; or softmax(``logit_p``).

    >>> round(float(Categorical.dist(xr.DataArray([0.2, 0.8], dims="kind")).log_density(1)), 4)
    -0.2231
    """

    parameters = table(
        p=Parameter(unit_closed, None), logit_p=Parameter(default=None), core_dims=CORE_DIMS
    )
    either = ("p", "logit_p")
    p: Labeled
    logit_p: Labeled

    def _settle(self) -> None:
        given = self._given
        self.core_dims = core_dims_of(self, self.core_dims, given)
        if self.p is not None:
            check_sum_of_one(self, "p", self.p, self.dim)

    @property
    def _given(self) -> Labeled:
        return self.logit_p if self.p is None else self.p

    @property
    def support(self) -> Support:
        return Integers(0, self._given.sizes[self.dim] - 1)

    def _log_density(self, x: Labeled) -> Labeled:
        if self.p is not None:
            # the logarithm is that of the probability picked, so that others may be 0
            return np.log(picked(self.p, x, self.dim))
        return picked(special.log_softmax(self.logit_p, self.dim), x, self.dim)

    def _draw(self, key: Any, sizes: Sizes) -> xr.DataArray:
        # log of a p of 0 is wanted, and is no reason to warn
        logits = self.logit_p if self.p is None else special.xlogy(1.0, self.p)
        return random.categorical(key, sizes, logits, dim=self.dim)

    def _cdf(self, x: Labeled) -> Labeled:
        p = special.softmax(self.logit_p, self.dim) if self.p is None else self.p
        return xr.where(numbers(p, self.dim) <= x, p, 0.0).sum(self.dim)


class OrderedLogistic(AbstractCategory):
    """The category of ``eta`` plus logistic noise between ``cutpoints``, which increase along ``core_dims``.

    p(k) = expit(c(k) - eta) - expit(c(k-1) - eta), with c(-1) = -∞ and infinity after the last: one category more than
    cutpoints.

    >>> dist = OrderedLogistic.dist(cutpoints=xr.DataArray([-1.0, 1.0], dims="cut"))
    >>> round(float(dist.log_density(1)), 4)
    -0.7719
    """

    parameters = table(eta=Parameter(default=0.0), cutpoints=Parameter(), core_dims=CORE_DIMS)
    eta: Labeled
    cutpoints: Labeled

    def _settle(self) -> None:
        self.core_dims = core_dims_of(self, self.core_dims, self.cutpoints)
        if not is_traced(self.cutpoints) and (self.cutpoints.diff(self.dim) <= 0).any():
            raise ArgumentError(f"OrderedLogistic: cutpoints must increase along {self.dim!r}.")

    @property
    def support(self) -> Support:
        return Integers(0, self.cutpoints.sizes[self.dim])

    def _log_density(self, x: Labeled) -> Labeled:
        # expit(b) - expit(a) = expit(b) expit(-a) (1 - e^(a - b)); the last is one number for each category
        lower = picked(self.cutpoints, x - 1, self.dim)
        upper = picked(self.cutpoints, x, self.dim)
        above = xr.where(x > 0, special.log_expit(self.eta - lower), 0.0)
        highest = self.cutpoints.sizes[self.dim]
        below = xr.where(x < highest, special.log_expit(upper - self.eta), 0.0)
        between = np.log(-np.expm1(-self.cutpoints.diff(self.dim)))
        return above + below + picked(between, x - 1, self.dim)

    def _draw(self, key: Any, sizes: Sizes) -> xr.DataArray:
        noisy = self.eta + random.logistic(key, sizes)
        return (noisy > self.cutpoints).sum(self.dim).astype("int64")

    def _cdf(self, x: Labeled) -> Labeled:
        return special.expit(picked(self.cutpoints, x, self.dim) - self.eta)


def numbers(array: Labeled, dim: Any) -> xr.DataArray:
    """The positions along ``dim``."""
    return xr.DataArray(np.arange(array.sizes[dim]), dims=dim)


def picked(array: Labeled, x: Labeled, dim: Any) -> Labeled:
    """The entry of ``array`` at the position ``x`` along ``dim``; 0 at positions that it lacks."""
    return xr.where(numbers(array, dim) == x, array, 0.0).sum(dim)
