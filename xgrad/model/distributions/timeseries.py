"""Distributions of whole series, each value of which depends on the ones before."""

from typing import Any

import xarray as xr

from xgrad.errors import ArgumentError
from xgrad.functions import random
from xgrad.model.distributions.base import Distribution, Labeled, Sizes
from xgrad.model.distributions.continuous import Normal
from xgrad.model.distributions.parameters import Parameter, table
from xgrad.model.distributions.supports import Support, positive
from xgrad.model.distributions.vector_supports import RealVectors
from xgrad.transforms.control.scan import scan


class AbstractSeries(Distribution):
    """A series along ``dim``, with steps of standard deviation ``sigma``, and first values from ``init``."""

    sigma: Labeled
    init: Distribution
    dim: Any

    @property
    def event_dims(self) -> tuple[Any, ...]:
        return (self.dim,)

    def _check_dim(self) -> None:
        if self.dim is None:
            raise ArgumentError(
                f"{type(self).__name__}: say in dim= along which dim the series lies."
            )

    @property
    def support(self) -> Support:
        return RealVectors((self.dim,))

    def _from(self, parameter: Labeled, start: int) -> Labeled:
        """A parameter for the values from position ``start`` on, where it varies along the series."""
        if self.dim not in getattr(parameter, "dims", ()):
            return parameter
        return _unlabeled(parameter.isel({self.dim: slice(start, None)}), self.dim)


class GaussianRandomWalk(AbstractSeries):
    """A random walk along ``dim``: each value is the one before plus a normal step of mean ``mu`` and ``sigma``.

    The first value is from ``init``; by default it is one step from 0. Where ``mu`` and ``sigma`` vary along ``dim``,
    they are those of the step to the value at that position.

    >>> x = xr.DataArray([0.0, 1.0, 1.0], dims="time")
    >>> round(float(GaussianRandomWalk.dist(dim="time").log_density(x)), 4)
    -3.2568
    """

    parameters = table(
        mu=Parameter(default=0.0),
        sigma=Parameter(positive, 1.0),
        init=Parameter(None, None),
        dim=Parameter(None, None),
    )
    mu: Labeled

    def _settle(self) -> None:
        self._check_dim()
        self.core_dims = (self.dim,)

    def _log_density(self, x: Labeled) -> Labeled:
        x = _unlabeled(x, self.dim)
        steps = Normal.dist(self._from(self.mu, 1), self._from(self.sigma, 1))
        later = steps.log_density(x.diff(self.dim)).sum(self.dim)
        return self._first.log_density(x.isel({self.dim: 0})) + later

    def _draw(self, key: Any, sizes: Sizes) -> xr.DataArray:
        first, later = random.split(key)
        start = self._first.draw(first, self._batch(sizes))
        steps = Normal.dist(self._from(self.mu, 1), self._from(self.sigma, 1))
        walked = steps.draw(later, {**sizes, self.dim: sizes[self.dim] - 1})
        return xr.concat([start.expand_dims(self.dim), walked], self.dim).cumsum(self.dim)

    @property
    def _first(self) -> Distribution:
        if self.init is not None:
            return self.init
        return Normal.dist(self._at_start(self.mu), self._at_start(self.sigma))

    def _at_start(self, parameter: Labeled) -> Labeled:
        if self.dim not in getattr(parameter, "dims", ()):
            return parameter
        return _unlabeled(parameter, self.dim).isel({self.dim: 0})


class AR(AbstractSeries):
    """An autoregression along ``dim``: x(t) = constant + Σ rho(k) x(t - k) + sigma e(t), e standard normal.

    ``rho`` has the coefficients of the values 1, 2, … steps before along the dim ``lag``; without it there is one. As
    many first values are independent, each from the distribution ``init``.

    >>> from xgrad.model import Normal
    >>> x = xr.DataArray([0.0, 1.0, 1.0], dims="time")
    >>> dist = AR.dist(xr.DataArray([0.5], dims="lag"), init=Normal.dist(), dim="time")
    >>> round(float(dist.log_density(x)), 4)
    -3.3818
    """

    parameters = table(
        rho=Parameter(),
        sigma=Parameter(positive, 1.0),
        init=Parameter(None),
        dim=Parameter(None, None),
        constant=Parameter(default=0.0),
        lag=Parameter(None, None),
    )
    rho: Labeled
    constant: Labeled
    lag: Any

    def _settle(self) -> None:
        self._check_dim()
        dims = getattr(self.rho, "dims", ())
        if self.lag is None and "lag" in dims:
            self.lag = "lag"
        if self.lag is not None and self.lag not in dims:
            raise ArgumentError(f"AR: rho has the dims {dims}, and not lag={self.lag!r}.")
        if not isinstance(self.init, Distribution):
            raise ArgumentError(
                "AR: init is the distribution of the first values, as in init=Normal.dist(0.0, 1.0)."
            )
        self.core_dims = (self.dim, *([] if self.lag is None else [self.lag]))

    @property
    def _coefficients(self) -> list[Labeled]:
        """That of the value one step before, of the one two steps before, …"""
        if self.lag is None:
            return [self.rho]
        rho = _unlabeled(self.rho, self.lag)
        return [rho.isel({self.lag: k}) for k in range(rho.sizes[self.lag])]

    def _log_density(self, x: Labeled) -> Labeled:
        x, p = _unlabeled(x, self.dim), len(self._coefficients)
        mean = self._mean([x.isel({self.dim: slice(p - k, -k)}) for k in range(1, p + 1)], p)
        later = Normal.dist(mean, self._from(self.sigma, p))
        start, rest = x.isel({self.dim: slice(0, p)}), x.isel({self.dim: slice(p, None)})
        of_start = self.init.log_density(start).sum(self.dim)
        return of_start + later.log_density(rest).sum(self.dim)

    def _mean(self, before: list[Labeled], start: int) -> Labeled:
        """The mean given the values 1, 2, … steps before."""
        weighted = [rho * x for rho, x in zip(self._coefficients, before, strict=True)]
        return sum(weighted, start=self._from(self.constant, start))

    def _draw(self, key: Any, sizes: Sizes) -> xr.DataArray:
        p = len(self._coefficients)
        first, later = random.split(key)
        start = self.init.draw(first, {**self._batch(sizes), self.dim: p})
        length = sizes[self.dim] - p
        noise = Normal.dist(self._from(self.constant, p), self._from(self.sigma, p))
        noise = noise.draw(later, {**self._batch(sizes), self.dim: length})
        past = [
            start.isel({self.dim: p - k}) + 0.0 * noise.isel({self.dim: 0}) for k in range(1, p + 1)
        ]

        def step(past: list[Labeled], noise: Labeled) -> tuple[list[Labeled], Labeled]:
            new = noise + sum([rho * x for rho, x in zip(self._coefficients, past, strict=True)])
            return [new, *past[:-1]], new

        _, drawn = scan(step, past, noise, dim=self.dim)
        return xr.concat([start, drawn.transpose(*start.dims)], self.dim)


def _unlabeled(x: Labeled, dim: Any) -> Labeled:
    return x.drop_vars([k for k, c in x.coords.items() if dim in c.dims])
