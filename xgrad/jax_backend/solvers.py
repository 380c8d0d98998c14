"""Roots and minima of emitted graphs, by optimistix: as functions of JAX arrays, whose gradients are implicit.

optimistix differentiates its solutions by the implicit function theorem, and not through the steps that led there.
"""

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import jax
import jax.numpy as jnp

from xgrad.graph import Graph
from xgrad.jax_backend.emit import emit
from xgrad.jax_backend.extras import require

Array = Any

# how a solver can end, by the number that programs return for it: optimistix' name, and what users are told
ENDINGS: Mapping[str, str] = {
    "successful": "converged",
    "nonlinear_max_steps_reached": "stopped at max_steps before it converged",
    "nonlinear_divergence": "diverged",
    "nonfinite": "met NaN or infinite values",
    "singular": "met a singular matrix of derivatives",
    "stagnation": "its linear solver stagnated",
    "breakdown": "its linear solver broke down",
    "nonfinite_input": "met NaN or infinite values",
    "max_steps_reached": "its linear solver did not converge",
}

METHODS: Mapping[str, Mapping[str, str]] = {
    "root": {
        "dogleg": "Dogleg",
        "newton": "Newton",
        "chord": "Chord",
        "levenberg_marquardt": "LevenbergMarquardt",
        "gauss_newton": "GaussNewton",
    },
    "minimize": {
        "bfgs": "BFGS",
        "lbfgs": "LBFGS",
        "nonlinear_cg": "NonlinearCG",
        "nelder_mead": "NelderMead",
    },
    "least_squares": {
        "levenberg_marquardt": "LevenbergMarquardt",
        "dogleg": "Dogleg",
        "gauss_newton": "GaussNewton",
    },
}


@dataclasses.dataclass(frozen=True)
class Solver:
    """A problem of ``kind`` for a graph, whose first ``count`` inputs are sought: a function of all its inputs.

    Gives the solution, then whether it converged, after how many steps, how it ended, and the size of the residuals (of
    a root, the greatest; of least squares, half the sum of squares) or the minimum.
    """

    kind: str
    graph: Graph
    count: int
    method: str
    rtol: float
    atol: float
    max_steps: int

    @property
    def __name__(self) -> str:
        return self.kind

    def __call__(self, *arrays: Array) -> tuple[Array, ...]:
        optimistix = require("optimistix", f"xgrad.{self.kind}")
        start, outside = arrays[: self.count], arrays[self.count :]
        cost = self._cost()
        solver = getattr(optimistix, METHODS[self.kind][self.method])(self.rtol, self.atol)
        seek = {"root": "root_find", "minimize": "minimise"}.get(self.kind, self.kind)
        found = getattr(optimistix, seek)(
            cost, solver, tuple(start), tuple(outside), max_steps=self.max_steps, throw=False
        )
        solution = found.value
        size = SIZES[self.kind](cost(solution, outside))
        ending = _ending(optimistix.RESULTS, found.result)
        steps = jnp.asarray(found.stats["num_steps"], jnp.int64)
        return (*solution, ending == 0, steps, ending, size)

    def _cost(self) -> Callable[..., Any]:
        run = emit(self.graph)

        def cost(parameters: Sequence[Array], outside: Sequence[Array]) -> Any:
            found = run(*parameters, *outside)
            return found[0] if self.kind == "minimize" else tuple(found)

        return cost


def _ending(results: Any, found: Any) -> Array:
    """How a solver ended, as a number: the place in ``ENDINGS``."""
    number = jnp.asarray(len(ENDINGS) - 1, jnp.int64)
    for place, name in enumerate(ENDINGS):
        if hasattr(results, name):
            number = jnp.where(found == getattr(results, name), place, number)
    return number


def _greatest(residuals: Sequence[Array]) -> Array:
    return jnp.max(jnp.concatenate([jnp.abs(jnp.ravel(r)) for r in residuals]))


def _half_squares(residuals: Sequence[Array]) -> Array:
    return sum([jnp.sum(jnp.square(r)) for r in residuals], jnp.zeros(())) / 2


SIZES: Mapping[str, Callable[[Any], Array]] = {
    "root": lambda residuals: jax.lax.stop_gradient(_greatest(residuals)),
    "minimize": lambda cost: cost,
    "least_squares": _half_squares,
}
