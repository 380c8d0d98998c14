"""The mode of a posterior, and the normal distribution that approximates the posterior around it."""

from typing import Any

import numpy as np
import xarray as xr
from scipy.optimize import minimize

from xgrad.errors import NonFiniteError
from xgrad.model.density import Density, Values
from xgrad.model.notices import notice
from xgrad.model.results import SAMPLE, together
from xgrad.model.sites import known_values
from xgrad.model.unbounded import UnboundedDensity
from xgrad.transforms.calls.jit import Compiled
from xgrad.transforms.derivatives.grad import value_and_grad
from xgrad.transforms.derivatives.jacobian import hessian
from xgrad.transforms.flat import ravel
from xgrad.transforms.vmap import vmap

_DIM = "__parameter__"


class Modes:
    """Climbs the density of a model over unbounded values, by L-BFGS-B of SciPy."""

    def __init__(self, density: Density, unbounded: UnboundedDensity) -> None:
        self._density = density
        self._data = known_values(density.sites)
        start, self._unravel = ravel(unbounded.labeled(unbounded.start))
        self._start = np.asarray(start, np.float64)
        self._of_variables = Compiled(value_and_grad(self._posterior))
        self._of_unbounded = Compiled(value_and_grad(self._unbounded))
        self._curvature = Compiled(hessian(self._unbounded))
        self._latent = vmap(self._variables, SAMPLE)

    def mode(self) -> xr.Dataset:
        """The free and deterministic variables where the density of the variables themselves is highest.

        Of non-centred ones it is that of their standard form, which has a highest point where theirs has none.
        """
        found, attrs = self._climb(self._of_variables)
        return self._labeled(found[None]).isel({SAMPLE: 0}).assign_attrs(attrs)

    def laplace(self, draws: int, seed: Any) -> xr.Dataset:
        """Draws along ``SAMPLE`` of the normal distribution with the mode and curvature of the unbounded density."""
        found, attrs = self._climb(self._of_unbounded)
        precision = -np.asarray(self._curvature(_vector(found), self._data).values)
        normal = np.random.default_rng(seed).standard_normal((draws, found.size))
        return self._labeled(found + normal @ _inverse_root(precision)).assign_attrs(attrs)

    def _climb(self, function: Compiled) -> tuple[np.ndarray, dict[str, Any]]:
        """The highest point found from the start, and how the search went."""

        def downhill(x: np.ndarray) -> tuple[float, np.ndarray]:
            value, gradient = function(_vector(x), self._data)
            return -float(value), -np.asarray(gradient.values)

        result = minimize(downhill, self._start, jac=True, method="L-BFGS-B")
        if not np.isfinite(result.fun):
            raise NonFiniteError(
                "the log-density has no highest point near the start of the search, which went to where it is not"
                " finite: that of a hierarchy grows without bound as its scale goes to 0.\nDeclare its variables"
                " noncentered=True, or sample, or take laplace(), which looks for the mode of the unbounded forms."
            )
        if not result.success:
            notice(
                f"the search for the mode ended early: {result.message}; the result is the best point found."
            )
        return result.x, {
            "logp": -result.fun,
            "steps": int(result.nit),
            "success": int(result.success),
        }

    # ---- inside a trace --------------------------------------------------------------------------------------------
    def _posterior(self, vector: xr.DataArray, data: Values) -> Any:
        """The density of the variables: no Jacobian of their unbounded forms."""
        density, _ = self._density.traced_parts(self._unravel(vector), data)
        return density

    def _unbounded(self, vector: xr.DataArray, data: Values) -> Any:
        return self._density.traced_unbounded(self._unravel(vector), data)

    def _variables(self, vector: xr.DataArray, data: Values) -> Values:
        return self._density.traced_latent(self._unravel(vector), data)

    def _labeled(self, vectors: np.ndarray) -> xr.Dataset:
        found = self._latent(xr.DataArray(vectors, dims=(SAMPLE, _DIM)), self._data)
        return together(found)


def _vector(x: np.ndarray) -> xr.DataArray:
    return xr.DataArray(x, dims=_DIM)


def _inverse_root(precision: np.ndarray) -> np.ndarray:
    """``r`` with rᵀ r = precision⁻¹, for directions in which the density does bend down.

    Raises NonFiniteError where it does not: the posterior has no normal approximation there.
    """
    values, vectors = np.linalg.eigh(0.5 * (precision + precision.T))
    if not (values > 0).all():
        raise NonFiniteError(
            f"the log-density does not bend down in {int((values <= 0).sum())} of {values.size} directions at its mode,"
            " so no normal distribution approximates it; add priors, or sample."
        )
    return (vectors / np.sqrt(values)).T
