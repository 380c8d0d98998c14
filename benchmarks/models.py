"""Small models whose gradients are compared: in xarray code, and by hand in JAX, skipping NaN as xarray does.

Where values are missing, the gradient of the JAX form is NaN; ours is not.
"""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import xarray as xr

from benchmarks.programs import Program

DAYS, CITIES, POINTS = 365, 20, 60
HALF_LOG_2PI = 0.5 * np.log(2 * np.pi)


def _logp(x: Any, mean: Any, scale: Any, xp: Any) -> Any:
    return -0.5 * ((x - mean) / scale) ** 2 - xp.log(scale) - HALF_LOG_2PI


def autoregression_labeled(t: Any, phi: Any) -> Any:
    """The log-likelihood of an autoregressive process in every city."""
    innovation = (t - phi * t.shift(time=1)).isel(time=slice(1, None))
    first = _logp(t.isel(time=0, drop=True), 0.0, 1.2 / np.sqrt(1 - phi**2), np)
    return (_logp(innovation, 0.0, 1.2, np).sum("time") + first).sum()


def autoregression_by_hand(t: Any, phi: Any) -> Any:
    innovation = t[1:] - phi * t[:-1]
    first = _logp(t[0], 0.0, 1.2 / jnp.sqrt(1 - phi**2), jnp)
    return jnp.nansum(jnp.nansum(_logp(innovation, 0.0, 1.2, jnp), 0) + first)


def filter_labeled(t: Any, noise: Any) -> Any:
    """The log-likelihood of a local level model by a Kalman filter, ten steps written out."""
    mean, var, total = t.isel(time=0, drop=True) * 0, 1.0 + 0 * t.isel(time=0, drop=True), 0.0
    for k in range(10):
        var = var + 0.5
        innovation, s = t.isel(time=k, drop=True) - mean, var + noise
        total = total + _logp(innovation, 0.0, np.sqrt(s), np)
        mean, var = mean + var / s * innovation, var * noise / s
    return total.sum()


def filter_by_hand(t: Any, noise: Any) -> Any:
    mean, var, total = t[0] * 0, 1.0 + 0 * t[0], 0.0
    for k in range(10):
        var = var + 0.5
        innovation, s = t[k] - mean, var + noise
        total = total + _logp(innovation, 0.0, jnp.sqrt(s), jnp)
        mean, var = mean + var / s * innovation, var * noise / s
    return jnp.nansum(total)


def process_labeled(x: Any, y: Any, length: Any) -> Any:
    """The marginal likelihood of a Gaussian process."""
    core = ["n", "m"]
    squares = ((x - x.rename(n="m")) ** 2).sum("d")
    k = np.exp(-0.5 * squares / length**2) + 0.1 * xr.DataArray(np.eye(POINTS), dims=core)
    factor = xr.apply_ufunc(np.linalg.cholesky, k, input_core_dims=[core], output_core_dims=[core])
    white = xr.apply_ufunc(
        np.linalg.solve, factor, y, input_core_dims=[core, ["n"]], output_core_dims=[["m"]]
    )
    diagonal = xr.apply_ufunc(np.diagonal, factor, input_core_dims=[core], output_core_dims=[["n"]])
    return -0.5 * (white**2).sum("m") - np.log(diagonal).sum("n") - POINTS * HALF_LOG_2PI


def process_by_hand(x: Any, y: Any, length: Any) -> Any:
    squares = jnp.nansum((x[:, None] - x[None]) ** 2, -1)
    k = jnp.exp(-0.5 * squares / length**2) + 0.1 * jnp.eye(POINTS)
    factor = jnp.linalg.cholesky(k)
    white = jax.scipy.linalg.solve_triangular(factor, y, lower=True)
    return (
        -0.5 * jnp.nansum(white**2)
        - jnp.nansum(jnp.log(jnp.diagonal(factor)))
        - POINTS * HALF_LOG_2PI
    )


def posterior_labeled(x: Any, y: Any, length: Any) -> Any:
    """The sum of the squares of a Gaussian process's posterior mean at new points."""

    def kernel(p: Any, q: Any) -> Any:
        return np.exp(-0.5 * ((p - q) ** 2).sum("d") / length**2)

    core, other = ["n", "m"], x.rename(n="m")
    k = kernel(x, other) + 0.2 * xr.DataArray(np.eye(POINTS), dims=core)
    weights = xr.apply_ufunc(
        np.linalg.solve, k, y, input_core_dims=[core, ["n"]], output_core_dims=[["m"]]
    )
    new = xr.DataArray(np.linspace(-1, 1, 30).reshape(10, 3), dims=("new", "d"))
    return (kernel(new, other).dot(weights) ** 2).sum()


def posterior_by_hand(x: Any, y: Any, length: Any) -> Any:
    def kernel(p: Any, q: Any) -> Any:
        return jnp.exp(-0.5 * jnp.nansum((p[:, None] - q[None]) ** 2, -1) / length**2)

    weights = jnp.linalg.solve(kernel(x, x) + 0.2 * jnp.eye(POINTS), y)
    new = jnp.linspace(-1, 1, 30).reshape(10, 3)
    return jnp.nansum((kernel(new, x) @ weights) ** 2)


def density_labeled(y: Any, length: Any) -> Any:
    """A kernel density on a grid."""
    grid = xr.DataArray(np.linspace(-2, 2, 50), dims="g")
    z = (grid - y) / length
    return np.exp(-0.5 * z**2).mean("n") / (length * np.sqrt(2 * np.pi))


def density_by_hand(y: Any, length: Any) -> Any:
    z = (jnp.linspace(-2, 2, 50)[:, None] - y) / length
    return jnp.nanmean(jnp.exp(-0.5 * z**2), -1) / (length * jnp.sqrt(2 * jnp.pi))


def roughness_labeled(y: Any, length: Any) -> Any:
    """The sum of the squares of a kernel density."""
    return (density_labeled(y, length) ** 2).sum("g")


def roughness_by_hand(y: Any, length: Any) -> Any:
    return jnp.nansum(density_by_hand(y, length) ** 2)


def log_density_labeled(y: Any, length: Any) -> Any:
    """The sum of the logs of a kernel density."""
    return np.log(density_labeled(y, length)).sum("g")


def log_density_by_hand(y: Any, length: Any) -> Any:
    """With the stable sum of exponentials, which ours is rewritten to."""
    power = -0.5 * ((jnp.linspace(-2, 2, 50)[:, None] - y) / length) ** 2
    there = ~jnp.isnan(power)
    total = jax.scipy.special.logsumexp(jnp.where(there, power, -jnp.inf), -1)
    return jnp.nansum(total - jnp.log(there.sum(-1) * length * jnp.sqrt(2 * jnp.pi)))


def attention_labeled(x: Any, beta: Any) -> Any:
    """Attention of observations to each other, by named dims."""
    keys = x.rename(n="key")
    score = xr.dot(x * beta, keys * 0.5, dim="d") / np.sqrt(3)
    weight = np.exp(score - score.max("key"))
    out = xr.dot(weight / weight.sum("key"), keys, dim="key")
    return (out**2).sum()


def attention_by_hand(x: Any, beta: Any) -> Any:
    score = jnp.einsum("nd,kd->nk", x * beta, x * 0.5) / jnp.sqrt(3)
    there = ~jnp.isnan(score)
    weight = jnp.where(there, jax.nn.softmax(jnp.where(there, score, -jnp.inf), 1), jnp.nan)
    return jnp.nansum(jnp.einsum("nk,kd->nd", weight, x) ** 2)


def diffusion_labeled(t: Any) -> Any:
    """How uneven a profile is after a step of diffusion between walls that let nothing through."""
    padded = t.pad(time=1, mode="edge")
    later = t + 0.2 * (padded.isel(time=slice(2, None)) - 2 * t + padded.isel(time=slice(0, -2)))
    return (later**2).sum()


def diffusion_by_hand(t: Any) -> Any:
    padded = jnp.pad(t, ((1, 1), (0, 0)), mode="edge")
    return jnp.nansum((t + 0.2 * (padded[2:] - 2 * t + padded[:-2])) ** 2)


def matern_labeled(x: Any, length: Any) -> Any:
    """The sum of the squares of a Matérn kernel, whose gradient is finite where two points are one."""
    z = x / length
    squares = ((z - z.rename(n="m")) ** 2).sum("d")
    r = np.sqrt(3 * xr.where(squares > 0, squares, 1.0))
    return (xr.where(squares > 0, (1 + r) * np.exp(-r), 1.0) ** 2).sum()


def matern_by_hand(x: Any, length: Any) -> Any:
    z = x / length
    squares = jnp.nansum((z[:, None] - z[None]) ** 2, -1)
    r = jnp.sqrt(3 * jnp.where(squares > 0, squares, 1.0))
    return jnp.nansum(jnp.where(squares > 0, (1 + r) * jnp.exp(-r), 1.0) ** 2)


def snow_melt_labeled(t: Any) -> Any:
    """What melts of a snow pack in thirty days."""
    pack, runoff = 5.0 + 0 * t.isel(time=0, drop=True), []
    for k in range(30):
        melt = np.minimum(pack, 0.9 * t.isel(time=k, drop=True).clip(min=0))
        pack = pack - melt + 0.2
        runoff.append(melt)
    return (xr.concat(runoff, "time") ** 2).sum()


def snow_melt_by_hand(t: Any) -> Any:
    pack, runoff = 5.0 + 0 * t[0], []
    for k in range(30):
        melt = jnp.minimum(pack, 0.9 * jnp.clip(t[k], 0))
        pack = pack - melt + 0.2
        runoff.append(melt)
    return jnp.nansum(jnp.stack(runoff) ** 2)


def models() -> tuple[Program, ...]:
    """All models with their data, seeded."""
    rng = np.random.default_rng(2)
    t = xr.DataArray(rng.normal(size=(DAYS, CITIES)), dims=("time", "city"))
    x = xr.DataArray(rng.normal(size=(POINTS, 3)), dims=("n", "d"))
    y = xr.DataArray(rng.normal(size=POINTS), dims="n")
    beta = xr.DataArray(rng.normal(size=3), dims="d")
    phi, length, noise = (xr.DataArray(v) for v in (0.6, 0.8, 0.3))
    return (
        Program("autoregression", autoregression_labeled, autoregression_by_hand, (t, phi)),
        Program("Kalman filter", filter_labeled, filter_by_hand, (t, noise)),
        Program("Gaussian process", process_labeled, process_by_hand, (x, y, length)),
        Program("posterior mean", posterior_labeled, posterior_by_hand, (x, y, length)),
        Program("kernel density", roughness_labeled, roughness_by_hand, (y, length)),
        Program("log of a kernel density", log_density_labeled, log_density_by_hand, (y, length)),
        Program("attention", attention_labeled, attention_by_hand, (x, beta)),
        Program("diffusion", diffusion_labeled, diffusion_by_hand, (t,)),
        Program("Matérn kernel", matern_labeled, matern_by_hand, (x, length)),
        Program("snow melt", snow_melt_labeled, snow_melt_by_hand, (t,)),
    )
