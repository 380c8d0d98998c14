"""Normal approximations of a density by blackjax: the best one by stochastic gradients, and those along a climb."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from xgrad.jax_backend.extras import require
from xgrad.jax_backend.own_gradient import Form

Arrays = dict[str, Any]
METHODS = {"meanfield": "meanfield_vi", "fullrank": "fullrank_vi"}
_PATHFINDER = "Model.pathfinder"
_BLOCK = 250  # steps between reports


@dataclass(frozen=True)
class FitSettings:
    """How to fit: ``samples`` draws for each step of Adam."""

    method: str = "meanfield"
    steps: int = 10_000
    learning_rate: float = 0.01
    samples: int = 10


class Fit(NamedTuple):
    """Unbounded draws by name, of shape (draw, …), and the evidence lower bound of each step."""

    positions: Arrays
    elbo: np.ndarray


def fit(
    form: Form,
    others: Any,
    start: Arrays,
    seed: Any,
    settings: FitSettings,
    draws: int,
    report: Callable[[int, int], None],
) -> Fit:
    """The normal distribution that is nearest to the density, by the Kullback-Leibler divergence to it."""
    fitter = _fitter(form, replace(settings, steps=0))
    losses = []
    with jax.enable_x64(True):
        key = jax.random.wrap_key_data(jnp.asarray(seed))
        state = fitter.begin(start)
        for i in range(-(-settings.steps // _BLOCK)):
            keys = jax.random.split(jax.random.fold_in(key, i), _BLOCK)
            state, loss = fitter.block(state, keys, others)
            losses.append(np.asarray(loss))
            report(0, min((i + 1) * _BLOCK, settings.steps))
        found = fitter.sample(key, state, draws)
    return Fit(jax.tree.map(np.asarray, found), -np.concatenate(losses))


class _Fitter:
    """The compiled parts of a fit."""

    def __init__(self, form: Form, settings: FitSettings) -> None:
        purpose = f"Model.fit(method={settings.method!r})"
        family = require(f"blackjax.vi.{METHODS[settings.method]}", purpose)
        adam = require("optax", purpose).adam(settings.learning_rate)

        def block(state: Any, keys: Any, others: Any) -> tuple[Any, Any]:
            density = form.bound(others)

            def step(state: Any, key: Any) -> tuple[Any, Any]:
                state, info = family.step(key, state, density, adam, settings.samples)
                return state, info.elbo

            return jax.lax.scan(step, state, keys)

        self.begin = jax.jit(lambda start: jax.tree.map(_strong, family.init(start, adam)))
        self.block = jax.jit(block)
        self.sample = jax.jit(family.sample, static_argnums=2)


@lru_cache(maxsize=16)
def _fitter(form: Form, settings: FitSettings) -> _Fitter:
    return _Fitter(form, settings)


class Paths(NamedTuple):
    """Unbounded draws by name, of shape (draw, …), and how far their weights can be trusted (below 0.7: well)."""

    positions: Arrays
    pareto_k: float


def pathfinder(form: Form, others: Any, start: Arrays, seed: Any, draws: int) -> Paths:
    """Draws from the best normal distributions along climbs from each of ``start``, chosen by their importance."""
    weigh = require("blackjax.vi.multipathfinder", _PATHFINDER).psis_weights
    climb = _path(form, draws)
    with jax.enable_x64(True):
        key = jax.random.wrap_key_data(jnp.asarray(seed))
        n = len(next(iter(start.values())))
        paths = [
            climb(jax.random.fold_in(key, i), {k: v[i] for k, v in start.items()}, others)
            for i in range(n)
        ]
        found: _Path = jax.tree.map(lambda *x: np.concatenate(x), *paths)
        weights, k = jax.jit(weigh)(found)
        chosen = jax.random.categorical(jax.random.fold_in(key, n), weights, shape=(draws,))
    return Paths({name: x[np.asarray(chosen)] for name, x in found.samples.items()}, float(k))


class _Path(NamedTuple):
    """Draws along one climb, with their densities under the model and under the approximation."""

    samples: Arrays
    logp: Any
    logq: Any


@lru_cache(maxsize=16)
def _path(form: Form, draws: int) -> Callable[..., _Path]:
    """One climb by itself: a batch of them compiles for much longer."""
    single = require("blackjax.vi.pathfinder", _PATHFINDER)

    @jax.jit
    def run(key: Any, start: Arrays, others: Any) -> _Path:
        first, second = jax.random.split(key)
        density = form.bound(others)
        state, _ = single.approximate(first, density, start, draws)
        samples, logq = single.sample(second, state, draws)
        return _Path(samples, jax.vmap(density)(samples), logq)

    return run


def _strong(x: Any) -> Any:
    """``x`` with a dtype that does not yield to others: a second type would be a second compile."""
    return jax.lax.convert_element_type(x, jnp.asarray(x).dtype)
