"""Density-like expressions of small models with all rewrite rules on and with all off: digits, time and exact counts.

The truth is the same code in eager xarray on ``clongdouble`` arrays: a step of 1e-25 times i along one direction gives
the value and the derivative by that direction, to the last digits of float64.
"""

import re
import time
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from types import SimpleNamespace
from typing import Any, NamedTuple

import jax
import numpy as np
import xarray as xr

import xgrad as xg
from benchmarks.measure import interleaved
from xgrad.lower.catalogue import rule_names

STEP = 1e-25
HALF_LOG_2PI = 0.5 * np.log(2 * np.pi)


class Density(NamedTuple):
    """A scalar of labeled arrays, written on a library ``m`` of what eager xarray has for NumPy's own dtypes alone."""

    name: str
    function: Callable[..., Any]
    arguments: tuple[xr.DataArray, ...]


class Measured(NamedTuple):
    """Relative errors of value and derivative; the optimised program of both, and its flops and bytes."""

    value: float
    derivative: float
    run: Callable[[], Any]
    flops: float
    bytes: float


# ---- the expressions -------------------------------------------------------------------------------------------------
def _logp(x: Any, mean: Any, scale: Any) -> Any:
    return -0.5 * ((x - mean) / scale) ** 2 - np.log(scale) - HALF_LOG_2PI


def autoregression(m: Any, t: Any, phi: Any) -> Any:
    innovation = (t - phi * t.shift(time=1)).isel(time=slice(1, None))
    first = _logp(t.isel(time=0, drop=True), 0.0, 1.2 / np.sqrt(1 - phi**2))
    return (_logp(innovation, 0.0, 1.2).sum("time") + first).sum()


def kalman_filter(m: Any, t: Any, noise: Any) -> Any:
    mean, var, total = t.isel(time=0, drop=True) * 0, 1.0 + 0 * t.isel(time=0, drop=True), 0.0
    for k in range(6):
        var = var + 0.5
        innovation, s = t.isel(time=k, drop=True) - mean, var + noise
        total = total + _logp(innovation, 0.0, np.sqrt(s))
        mean, var = mean + var / s * innovation, var * noise / s
    return total.sum()  # pyright: ignore[reportAttributeAccessIssue]


def _kernel(p: Any, q: Any, length: Any) -> Any:
    return np.exp(-0.5 * ((p - q) ** 2).sum("d") / length**2)


def marginal_likelihood(m: Any, x: Any, y: Any, length: Any) -> Any:
    size = x.sizes["n"]
    k = _kernel(x, x.rename(n="m"), length) + 0.1 * xr.DataArray(np.eye(size), dims=("n", "m"))
    core = {"input_core_dims": [["n", "m"]]}
    factor = xr.apply_ufunc(m.cholesky, k, **core, output_core_dims=[["n", "m"]])
    both = {"input_core_dims": [["n", "m"], ["n"]], "output_core_dims": [["m"]]}
    white = xr.apply_ufunc(m.solve, factor, y, **both)
    half_size = xr.apply_ufunc(lambda a: np.log(np.diagonal(a)).sum(-1), factor, **core)
    return -0.5 * (white**2).sum("m") - half_size - size * HALF_LOG_2PI


def posterior_mean(m: Any, x: Any, y: Any, length: Any) -> Any:
    size = x.sizes["n"]
    k = _kernel(x, x.rename(n="m"), length) + 0.2 * xr.DataArray(np.eye(size), dims=("n", "m"))
    both = {"input_core_dims": [["n", "m"], ["n"]], "output_core_dims": [["m"]]}
    weights = xr.apply_ufunc(m.solve, k, y, **both)
    new = xr.DataArray([[0.0, 0.1, 0.2], [1.0, -1.0, 0.5]], dims=("new", "d"))
    return (_kernel(new, x.rename(n="m"), length) * weights).sum()


def matern(m: Any, x: Any, length: Any) -> Any:
    z = x / length
    squares = ((z - z.rename(n="m")) ** 2).sum("d")
    r = np.sqrt(3 * xr.where(m.is_positive(squares), squares, 1.0))
    return xr.where(m.is_positive(squares), (1 + r) * np.exp(-r), 1.0).sum()


def kernel_density(m: Any, y: Any, length: Any) -> Any:
    z = (xr.DataArray(np.linspace(-2, 2, 50), dims="g") - y) / length
    return (np.exp(-0.5 * z**2).mean("n") / (length * np.sqrt(2 * np.pi))).sum()


def log_kernel_density(m: Any, y: Any, length: Any) -> Any:
    z = (xr.DataArray(np.linspace(-2, 2, 50), dims="g") - y) / length
    return np.log(np.exp(-0.5 * z**2).mean("n") / (length * np.sqrt(2 * np.pi))).sum()


def attention(m: Any, x: Any, beta: Any) -> Any:
    score = xr.dot(x * beta, x.rename(n="key") * 0.5, dim="d") / np.sqrt(3)
    weight = np.exp(score - m.greatest(score, "key"))
    return (xr.dot(weight / weight.sum("key"), x.rename(n="key"), dim="key") ** 2).sum()


def shifted_logsumexp(m: Any, t: Any) -> Any:
    top = m.greatest(t, "time")
    return (top + np.log(np.exp(t - top).sum("time"))).sum()


def densities() -> tuple[Density, ...]:
    """All of them with their data, seeded."""
    rng = np.random.default_rng(2)
    t = xr.DataArray(rng.normal(size=(365, 20)), dims=("time", "city"))
    x = xr.DataArray(rng.normal(size=(60, 3)), dims=("n", "d"))
    y = xr.DataArray(rng.normal(size=60), dims="n")
    beta = xr.DataArray(rng.normal(size=3), dims="d")
    phi, length, noise = (xr.DataArray(v) for v in (0.6, 0.8, 0.3))
    return (
        Density("autoregression", autoregression, (t, phi)),
        Density("Kalman filter, written out", kalman_filter, (t, noise)),
        Density("marginal likelihood of a Gaussian process", marginal_likelihood, (x, y, length)),
        Density("posterior mean of a Gaussian process", posterior_mean, (x, y, length)),
        Density("Matérn kernel", matern, (x, length)),
        Density("kernel density", kernel_density, (y, length)),
        Density("log of a kernel density", log_kernel_density, (y, length)),
        Density("attention", attention, (x, beta)),
        Density("log Σ exp less the greatest", shifted_logsumexp, (t,)),
    )


# ---- the libraries ---------------------------------------------------------------------------------------------------
USUAL = SimpleNamespace(
    cholesky=np.linalg.cholesky,
    solve=np.linalg.solve,
    is_positive=lambda x: x > 0,
    greatest=lambda x, dim: x.max(dim),
)


def _long_cholesky(a: Any) -> Any:
    factor = np.zeros_like(a)
    for j in range(len(a)):
        rest = a[j:, j] - factor[j:, :j] @ factor[j, :j]
        factor[j:, j] = rest / np.sqrt(rest[0])
    return factor


def _long_solve(a: Any, b: Any) -> Any:
    rows = np.concatenate([a, b[:, None]], 1)
    for j in range(len(a)):
        top = j + np.argmax(abs(rows[j:, j]))
        rows[[j, top]] = rows[[top, j]]
        rows[j] = rows[j] / rows[j, j]
        others = np.arange(len(a)) != j
        rows[others] -= rows[others, j, None] * rows[j]
    return rows[:, -1]


LONG = SimpleNamespace(
    cholesky=_long_cholesky,
    solve=_long_solve,
    is_positive=lambda x: x.real > 0,
    greatest=lambda x, dim: x.real.max(dim),
)


# ---- measuring -------------------------------------------------------------------------------------------------------
def directions(d: Density) -> list[np.ndarray]:
    rng = np.random.default_rng(3)
    return [rng.normal(size=a.shape) for a in d.arguments]


def truth(d: Density) -> tuple[Any, Any]:
    """The value, and the derivative by the direction."""
    moved = [
        a.astype(np.clongdouble) + 1j * np.longdouble(STEP) * v
        for a, v in zip(d.arguments, directions(d), strict=True)
    ]
    found = d.function(LONG, *moved).item()
    return found.real, found.imag / np.longdouble(STEP)


def measured(d: Density, on: bool) -> Measured:
    which = tuple(range(len(d.arguments)))
    function = xg.value_and_grad(lambda *args: d.function(USUAL, *args), argnums=which)
    with nullcontext() if on else xg.options(disable=tuple(sorted(rule_names()))):
        value, gradient = function(*d.arguments)
        stages = function.stages(*d.arguments)
    pairs = zip(gradient, directions(d), strict=True)
    along = sum(np.sum(g.values.astype(np.longdouble) * v) for g, v in pairs)
    exact, slope = truth(d)
    off = abs(np.longdouble(value.item()) - exact) / abs(exact), abs(along - slope) / abs(slope)
    cost = stages.cost
    return Measured(*map(float, off), program(d, stages), cost.flops, cost.bytes_accessed)


def program(d: Density, stages: Any) -> Callable[[], Any]:
    """The source that the program prints, to be run on its arrays: what a call with labels costs is left out."""
    made: dict[str, Any] = {}
    exec(stages.source, made)
    name = re.findall(r"^def (\w+)\(", stages.source, re.MULTILINE)[-1]
    with jax.enable_x64(True):
        arrays = [
            jax.device_put(a) for a in (*[a.values for a in d.arguments], *stages.source_arguments)
        ]
    return lambda: jax.block_until_ready(made[name](*arrays))


def rows() -> Iterator[tuple[str, str]]:
    for d in densities():
        on, off = measured(d, True), measured(d, False)
        runs = {"on": on.run, "off": off.run}
        times = interleaved(runs, rounds=61, calls=10, clock=time.process_time)
        errors = [f"{m.value:.0e} · {m.derivative:.0e}" for m in (on, off)]
        ratio = times["on"].median / times["off"].median
        yield (
            d.name,
            f"errors {errors[0]} (off {errors[1]}), processor time {ratio:.2f}×, flops {on.flops / off.flops:.2f}×,"
            f" bytes {on.bytes / off.bytes:.2f}×",
        )
