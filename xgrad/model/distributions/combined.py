"""Mixtures: a variable that follows one of several distributions, which one is not told."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import xarray as xr

from xgrad.errors import ArgumentError, SizeMismatchError
from xgrad.functions import random, special
from xgrad.model.distributions.base import Distribution, Labeled, Sizes
from xgrad.model.distributions.categories import numbers
from xgrad.model.distributions.parameters import Parameter, core_dims_of, table
from xgrad.model.distributions.supports import (
    Integers,
    Interval,
    Point,
    Real,
    Support,
    unit_closed,
)
from xgrad.model.distributions.vectors import check_sum_of_one


class Mixture(Distribution):
    """One of several distributions, with probabilities ``weights`` along ``dim``.

    ``components`` are a list of distributions, in the order of the weights; or one distribution, whose parameters have
    ``dim``. p(x) = Σ w f(x); which of them a value is from is summed out.

    >>> from xgrad.model import Normal
    >>> dist = Mixture.dist(xr.DataArray([0.5, 0.5], dims="kind"), [Normal.dist(-1.0), Normal.dist(1.0)])
    >>> round(float(dist.log_density(0.0)), 4)
    -1.4189
    """

    parameters = table(
        weights=Parameter(unit_closed), components=Parameter(None), dim=Parameter(None, None)
    )
    weights: Labeled
    components: Any
    dim: Any

    def _settle(self) -> None:
        (self.dim,) = core_dims_of(self, self.dim, self.weights, option="dim")
        check_sum_of_one(self, "weights", self.weights, self.dim)
        if isinstance(self.components, list | tuple):
            self.components = tuple(self.components)
        parts = self._parts
        if not parts or not all([isinstance(c, Distribution) for c in parts]):
            raise ArgumentError(
                "Mixture: components are distributions made by .dist(...), one for each weight, or one with the dim"
                f" {self.dim!r}."
            )
        n = self.weights.sizes[self.dim]
        if self._is_listed and len(parts) != n:
            raise SizeMismatchError(
                f"Mixture: {n} weights along {self.dim!r} for {len(parts)} components."
            )
        if len({c.support.discrete for c in parts}) > 1:
            raise ArgumentError("Mixture: components are either all discrete or all continuous.")
        if len({c.event_dims for c in parts}) > 1:
            raise ArgumentError("Mixture: all components need the same core dims.")
        self.core_dims = (self.dim, *[d for part in parts for d in part.core_dims])

    @property
    def _is_listed(self) -> bool:
        return isinstance(self.components, tuple)

    @property
    def _parts(self) -> Sequence[Distribution]:
        return self.components if self._is_listed else (self.components,)

    @property
    def event_dims(self) -> tuple[Any, ...]:
        return self._parts[0].event_dims

    @property
    def support(self) -> Support:
        return _hull([part.support for part in self._parts], self.dim)

    def log_density(self, x: Labeled) -> Labeled:
        # each component knows its own support, of which the one of the mixture is the hull
        found, x = self._of_one_dtype(x)
        terms = special.xlogy(1.0, found.weights) + found._along(lambda part: part.log_density(x))
        return special.logsumexp(terms, self.dim)

    def _cdf(self, x: Labeled) -> Labeled:
        return (self.weights * self._along(lambda part: part.cdf(x))).sum(self.dim)

    def _along(self, value: Any) -> Labeled:
        """What each component has, along ``dim``."""
        if not self._is_listed:
            return value(self.components)
        arrays = xr.broadcast(*[xr.DataArray(value(part)) for part in self._parts])
        return xr.concat(arrays, self.dim)

    def _draw(self, key: Any, sizes: Sizes) -> xr.DataArray:
        which, *keys = random.split(key, 1 + len(self._parts))
        logits = special.xlogy(1.0, self.weights)
        chosen = random.categorical(which, self._batch(sizes), logits, dim=self.dim)
        if self._is_listed:
            found = self._parts[0].draw(keys[0], sizes)
            for i, part in enumerate(self._parts[1:], start=1):
                found = xr.where(chosen == i, part.draw(keys[i], sizes), found)
            return found
        drawn = self.components.draw(keys[0], {**sizes, self.dim: self.weights.sizes[self.dim]})
        return xr.where(numbers(self.weights, self.dim) == chosen, drawn, 0).sum(self.dim)


def _hull(supports: Sequence[Support], dim: Any) -> Support:
    """The smallest set with a bijection that has all of ``supports`` in it."""
    first = supports[0]
    if not all([isinstance(s, Real | Interval | Integers | Point) for s in supports]):
        return first
    lowers, uppers = zip(*[s.bounds for s in supports], strict=True)
    lower, upper = _extreme(lowers, dim, np.minimum), _extreme(uppers, dim, np.maximum)
    if first.discrete:
        return Integers(lower, upper)
    if lower is None and upper is None:
        return Real()
    closed = [getattr(s, "closed", (False, False)) for s in supports]
    return Interval(lower, upper, closed=(any(c[0] for c in closed), any(c[1] for c in closed)))


def _extreme(bounds: Sequence[Labeled], dim: Any, choose: Any) -> Labeled:
    if any(b is None for b in bounds):
        return None
    found = bounds[0]
    for bound in bounds[1:]:
        found = bound if bound is found else choose(found, bound)
    if dim in getattr(found, "dims", ()):
        return found.min(dim) if choose is np.minimum else found.max(dim)
    return found
