"""The log marginal likelihood of a Gaussian process, as it stands in a textbook, and its gradient.

``naive_labeled`` inverts the covariance and takes the logarithm of its determinant; ``naive_by_hand`` is the same
in JAX; ``expert_by_hand`` is what someone writes who knows that there is one Cholesky factor, and that determinants
overflow.
"""

import re
from collections.abc import Callable, Iterator
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import xarray as xr

import xgrad as xg
from benchmarks.measure import interleaved

POINTS, FEATURES = 1000, 3
Parameters = dict[str, Any]


def data(points: int = POINTS) -> tuple[xr.DataArray, xr.DataArray]:
    """Inputs and observations, seeded."""
    rng = np.random.default_rng(0)
    x = xr.DataArray(rng.normal(size=(points, FEATURES)), dims=("point", "feature"))
    y = xr.DataArray(np.sin(x.values.sum(1)) + 0.1 * rng.normal(size=points), dims="point")
    return x, y


def parameters() -> Parameters:
    """Amplitude, length scale and noise; the determinant of the covariance of 1,000 points is below all floats."""
    return {name: xr.DataArray(v) for name, v in [("size", 1.2), ("scale", 0.9), ("noise", 0.3)]}


def naive_labeled(x: xr.DataArray, y: xr.DataArray) -> Callable[[Parameters], Any]:
    """As in a textbook, in xarray: y K⁻¹ y and log(det(K))."""
    other = x.rename(point="other")
    same = xr.DataArray(np.eye(x.sizes["point"]), dims=("point", "other"))
    core = {"input_core_dims": [["point", "other"]]}

    def log_likelihood(p: Parameters) -> Any:
        distance = ((x - other) ** 2).sum("feature")
        covariance = p["size"] ** 2 * np.exp(-distance / (2 * p["scale"] ** 2))
        covariance = covariance + p["noise"] ** 2 * same
        inverse = xr.apply_ufunc(
            np.linalg.inv, covariance, **core, output_core_dims=[["point", "other"]]
        )
        determinant = xr.apply_ufunc(np.linalg.det, covariance, **core)
        fit = xr.dot(y, inverse, y.rename(point="other"))
        return -0.5 * fit - 0.5 * np.log(determinant) - 0.5 * y.size * np.log(2 * np.pi)

    return log_likelihood


def _covariance(x: Any, p: Parameters) -> Any:
    distance = ((x[:, None] - x[None]) ** 2).sum(-1)
    covariance = p["size"] ** 2 * jnp.exp(-distance / (2 * p["scale"] ** 2))
    return covariance + p["noise"] ** 2 * jnp.eye(len(x))


def naive_by_hand(x: Any, y: Any) -> Callable[[Parameters], Any]:
    """The same in JAX."""

    def log_likelihood(p: Parameters) -> Any:
        covariance = _covariance(x, p)
        fit = y @ jnp.linalg.inv(covariance) @ y
        size = jnp.log(jnp.linalg.det(covariance))
        return -0.5 * fit - 0.5 * size - 0.5 * len(y) * np.log(2 * np.pi)

    return log_likelihood


def expert_by_hand(x: Any, y: Any) -> Callable[[Parameters], Any]:
    """By one Cholesky factor, in JAX."""

    def log_likelihood(p: Parameters) -> Any:
        factor = jax.scipy.linalg.cho_factor(_covariance(x, p), lower=True)
        fit = y @ jax.scipy.linalg.cho_solve(factor, y)
        half_size = jnp.log(jnp.diagonal(factor[0])).sum()
        return -0.5 * fit - half_size - 0.5 * len(y) * np.log(2 * np.pi)

    return log_likelihood


def factorisations(hlo: str) -> dict[str, int]:
    """How often an optimised program calls each factorisation of LAPACK."""
    names = re.findall(r'custom_call_target="lapack_d(potrf|getrf)', hlo)
    return {name: names.count(name) for name in ("potrf", "getrf")}


def rows(rounds: int = 7) -> Iterator[tuple[str, str]]:
    """Value and gradient of the three, interleaved; and what came out."""
    x, y = data()
    start = parameters()
    ours = xg.jit(xg.value_and_grad(naive_labeled(x, y)))
    with jax.enable_x64(True):
        plain = {name: jnp.asarray(v.values) for name, v in start.items()}
        naive = jax.jit(jax.value_and_grad(naive_by_hand(x.values, y.values)))
        expert = jax.jit(jax.value_and_grad(expert_by_hand(x.values, y.values)))

        def run(function: Any) -> Any:
            with jax.enable_x64(True):
                return jax.block_until_ready(function(plain))

        contenders = {
            "ours": lambda: ours(start),
            "naive": lambda: run(naive),
            "expert": lambda: run(expert),
        }
        values = {
            "xgrad": float(ours(start)[0]),
            "naive JAX": float(run(naive)[0]),
            "expert JAX": float(run(expert)[0]),
        }
        times = interleaved(contenders, rounds=rounds, calls=1)
    yield "speed over the same naive JAX", f"{times['naive'].median / times['ours'].median:.2f}×"
    yield (
        "time over an expert's Cholesky in JAX",
        f"{times['ours'].median / times['expert'].median:.2f}×",
    )
    yield "values", ", ".join([f"{name}: {v:.6f}" for name, v in values.items()])
    yield "factorisations", str(factorisations(ours.stages(start).hlo))
