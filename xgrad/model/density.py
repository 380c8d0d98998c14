"""The log-density of a model and its derivatives, as compiled functions of labeled values and of the data."""

from collections.abc import Mapping
from functools import cached_property, partial
from typing import Any

import numpy as np
import xarray as xr

from xgrad.errors import ArgumentError, DimensionError, SizeMismatchError, nearest
from xgrad.model.dims import check_labels
from xgrad.model.replay import Replay
from xgrad.model.results import SAMPLE, together
from xgrad.model.sites import (
    DeterministicSite,
    FreeSite,
    ObservedSite,
    PotentialSite,
    Sites,
    data_sites,
    free_sites,
    known_values,
)
from xgrad.transforms.calls.jit import Compiled
from xgrad.transforms.derivatives.grad import grad
from xgrad.transforms.derivatives.jacobian import hessian
from xgrad.transforms.vmap import vmap

Values = dict[str, xr.DataArray]


class Density:
    """The log-density of the free variables among ``sites``, given the data among them."""

    def __init__(self, sites: Sites) -> None:
        self.sites = sites
        self._terms = Compiled(self.traced_terms)
        self._total = Compiled(self.traced_total)
        self._gradient = Compiled(grad(self.traced_total))
        self._hessian = Compiled(hessian(self.traced_total))
        self._gradients = Compiled(partial(self._traced_by_term, grad))
        self._hessians = Compiled(partial(self._traced_by_term, hessian))
        self.latent = vmap(self.traced_latent, SAMPLE)
        self.likelihood = vmap(self.traced_likelihood, SAMPLE)

    @cached_property
    def known(self) -> Values:
        """The values of all numeric data."""
        return known_values(self.sites)

    def terms(self, values: Mapping[str, Any]) -> xr.Dataset:
        """Each variable's part of the log-density, entry by entry."""
        return together(self._terms(self.labeled(values), self.known))

    def total(self, values: Mapping[str, Any]) -> xr.DataArray:
        """The log-density, 0-d."""
        return self._total(self.labeled(values), self.known)

    def gradient(self, values: Mapping[str, Any]) -> xr.Dataset:
        """The gradient of the log-density by each free variable."""
        return together(self._gradient(self.labeled(values), self.known))

    def gradients(self, values: Mapping[str, Any]) -> dict[str, xr.Dataset]:
        """The gradient of the sum of each term, by its name."""
        found = self._gradients(self.labeled(values), self.known)
        return {name: together(gradient) for name, gradient in found.items()}

    def hessian(self, values: Mapping[str, Any]) -> Any:
        """The second derivatives of the log-density by each pair of free variables."""
        return self._hessian(self.labeled(values), self.known)

    def hessians(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """The second derivatives of the sum of each term, by its name."""
        return self._hessians(self.labeled(values), self.known)

    # ---- inside a trace --------------------------------------------------------------------------------------------
    def traced_total(self, values: Values, data: Values) -> Any:
        """The sum of all terms."""
        return total(self.traced_terms(values, data))

    def traced_terms(self, values: Values, data: Values) -> Values:
        """The terms of the free variables, of the observed ones, and the potentials."""
        return Replay(self.pairs(values, data))(self._expressions())

    def _traced_by_term(self, derivative: Any, values: Values, data: Values) -> dict[str, Any]:
        """A derivative of the sum of each term."""

        def term(name: str, values: Values) -> Any:
            return total({name: self.traced_terms(values, data)[name]})

        return {name: derivative(partial(term, name))(values) for name in self._expressions()}

    def traced_unbounded(self, unbounded: Values, data: Values) -> Any:
        """The log-density of the unbounded values of the free variables."""
        density, jacobian = self.traced_parts(unbounded, data)
        return density + jacobian

    def traced_parts(self, unbounded: Values, data: Values) -> tuple[Any, Any]:
        """The log-density of the variables, of non-centred ones that of their standard form; and the log-Jacobian."""
        values, jacobian = self.traced_values(unbounded, data)
        terms = self.traced_terms(values, data)
        for name, site in free_sites(self.sites).items():
            if site.standard is not None:
                terms[name] = site.standard.log_density(unbounded[name])
        return total(terms), jacobian

    def traced_values(self, unbounded: Values, data: Values) -> tuple[Values, Any]:
        """The free variables for unbounded values, and the sum of the log-Jacobians of those that are centred."""
        replay = Replay(self.pairs({}, data))
        values, jacobian = {}, 0.0
        for name, site in free_sites(self.sites).items():
            u = unbounded[name]
            bijection = site.bijection.replaced(replay)
            values[name] = replay.labeled(bijection.constrain(u), site.symbol)
            if site.standard is None:
                jacobian = jacobian + total({name: bijection.log_jacobian(u)})
            replay.put(site.symbol, values[name])
        return values, jacobian

    def traced_inverse(self, values: Values, data: Values) -> Values:
        """The unbounded values of which those of the free variables are the images."""
        replay = Replay(self.pairs(values, data))
        return {
            name: site.bijection.replaced(replay).unconstrain(values[name])
            for name, site in free_sites(self.sites).items()
        }

    def traced_latent(self, unbounded: Values, data: Values) -> Values:
        """The free variables for unbounded values, and the deterministic ones that follow."""
        values, _ = self.traced_values(unbounded, data)
        replay = Replay(self.pairs(values, data))
        expressions = {
            k: s.symbol for k, s in self.sites.items() if isinstance(s, DeterministicSite)
        }
        return {**values, **replay(expressions)}

    def traced_likelihood(self, unbounded: Values, data: Values) -> Values:
        """The terms of what was observed, for unbounded values."""
        values, _ = self.traced_values(unbounded, data)
        terms = self.traced_terms(values, data)
        return {k: v for k, v in terms.items() if isinstance(self.sites[k], ObservedSite)}

    def pairs(self, values: Values, data: Values) -> list[tuple[xr.DataArray, xr.DataArray]]:
        """The symbols of the model and what takes their place."""
        sites = {**data_sites(self.sites), **free_sites(self.sites)}
        return [(sites[name].symbol, v) for name, v in {**data, **values}.items()]

    def _expressions(self) -> Values:
        found: Values = {}
        for name, site in self.sites.items():
            if isinstance(site, FreeSite | ObservedSite):
                found[name] = site.log_density()
            elif isinstance(site, PotentialSite):
                found[name] = site.symbol
        return found

    # ---- values from outside ---------------------------------------------------------------------------------------
    def labeled(self, values: Mapping[str, Any]) -> Values:
        """``values`` as DataArrays with the dims, coords and dtype of the free variables."""
        free = free_sites(self.sites)
        for name in values:
            if name not in free:
                raise ArgumentError(
                    f"the model has no free variable {name!r}{nearest(name, free) or '.'} It has {', '.join(free)}."
                )
        missing = [name for name in free if name not in values]
        if missing:
            raise ArgumentError(
                f"no value for the free variable {missing[0]!r}; give one for each of {', '.join(free)}."
            )
        return {name: like(site.symbol, values[name], name) for name, site in free.items()}


def total(terms: Mapping[str, Any]) -> Any:
    """The sum of all entries of all terms."""
    return sum([t.sum() if isinstance(t, xr.DataArray) else t for t in terms.values()], start=0.0)


def like(symbol: xr.DataArray, value: Any, name: str) -> xr.DataArray:
    """``value`` with the labels of ``symbol``. Raises AlignmentError for other labels along a dim, and for other dims
    and sizes.
    """
    if not isinstance(value, xr.DataArray):
        value = xr.DataArray(_spread(symbol, np.asarray(value), name), dims=symbol.dims)
    if set(value.dims) != set(symbol.dims):
        raise DimensionError(
            f"the value for {name!r} has the dims {value.dims}; the variable has {symbol.dims}."
        )
    template = xr.DataArray(np.empty(symbol.shape), symbol.coords, symbol.dims, name)
    try:
        value, _ = xr.align(value.transpose(*symbol.dims), template, join="exact")
    except xr.AlignmentError:
        check_labels(template, value, f"the value for {name!r}")  # says what differs
        raise
    return template.copy(data=value.variable.data.astype(symbol.dtype))


def _spread(symbol: xr.DataArray, value: np.ndarray, name: str) -> np.ndarray:
    try:
        return np.broadcast_to(value, symbol.shape)
    except ValueError:
        raise SizeMismatchError(
            f"the value for {name!r} has the shape {value.shape}; the variable has the sizes {dict(symbol.sizes)}."
        ) from None
