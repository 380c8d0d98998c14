"""NUTS by blackjax, run in blocks of steps: one compiled program for warm-up and sampling, a thread for each chain.

The adaptation is Stan's (step size by dual averaging, a diagonal mass matrix in growing windows), from the same parts
as blackjax's own ``window_adaptation``. Blocks have one size, whatever is asked for, so that everything compiles once;
between them the host can report how far it is. A chain is compiled by itself and not as one of a batch: that compiles
four times as fast, and no chain waits for the longest trajectory of the others.
"""

import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, replace
from functools import lru_cache
from threading import Event
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from xgrad.jax_backend.extras import require
from xgrad.jax_backend.own_gradient import Form

Arrays = dict[str, Any]
Report = Callable[[int, int], None]  # the number of a chain, and how many steps it has made
_SAMPLING = 2  # the stage after blackjax's 0 (fast) and 1 (slow)
_NOTHING, _WARMED_UP = 0, 2  # events after a step; 1 is the end of a window
_BLOCK = 50
_PURPOSE = "Model.sample"


@dataclass(frozen=True)
class Settings:
    """How to sample. ``dense`` adapts a full mass matrix."""

    draws: int = 1000
    tune: int = 1000
    chains: int = 4
    target_accept: float = 0.8
    max_depth: int = 10
    dense: bool = False

    @property
    def attrs(self) -> dict[str, Any]:
        """The settings as attributes of a file."""
        return {k: int(v) if isinstance(v, bool) else v for k, v in asdict(self).items()}

    @property
    def warmup(self) -> int:
        """The steps of warm-up, in whole blocks."""
        return -(-self.tune // _BLOCK) * _BLOCK

    @property
    def steps(self) -> int:
        """All steps of a chain."""
        return self.warmup + self.draws


class Adaptation(NamedTuple):
    """The state of the warm-up of a chain, and what it has led to so far."""

    step: Any
    mass: Any
    step_size: Any
    inverse_mass: Any


class Chain(NamedTuple):
    """Where a chain is: its position with density and gradient, its key, and its adaptation."""

    state: Any
    key: Any
    adapted: Adaptation


class Draws(NamedTuple):
    """Unbounded positions by name and what the sampler says of them: arrays of shape (chain, step, …)."""

    positions: Arrays
    stats: Arrays


def run(
    form: Form, others: Any, start: Arrays, seed: Any, settings: Settings, report: Report
) -> tuple[Draws, Draws]:
    """Warm-up and draws from the density ``form`` of the data ``others``.

    The arrays of ``start`` lead with the chains. ``seed`` is the words of a key. Each chain tells ``report`` after
    every block how far it is.
    """
    # what depends on the lengths and not on the program is left out of the key
    sampler = _sampler(form, replace(settings, draws=0, tune=0, chains=1))
    plan = list(_plan(settings))
    stopped = Event()
    with jax.enable_x64(True):
        keys = jax.random.split(jax.random.wrap_key_data(jnp.asarray(seed)), settings.chains)

    def chain(i: int) -> list[Draws]:
        found = []
        with jax.enable_x64(True):
            now = sampler.begin({k: v[i] for k, v in start.items()}, keys[i], others)
            for rows in plan:
                if stopped.is_set():
                    break
                now, (positions, stats) = sampler.block(now, rows, others)
                found.append(jax.tree.map(np.asarray, Draws(positions, stats)))
                report(i, min(len(found) * _BLOCK, settings.steps))
        return found

    with ThreadPoolExecutor(min(settings.chains, os.cpu_count() or 1)) as pool:
        try:
            blocks = list(pool.map(chain, range(settings.chains)))
        finally:
            stopped.set()  # where one chain failed, or the user interrupts, the others end after their block
    return _cut(_joined(blocks), settings)


def compiles() -> int:
    """How many samplers were compiled so far; one serves all data of the same sizes."""
    return _sampler.cache_info().misses


def _plan(settings: Settings) -> Iterator[np.ndarray]:
    """For each block: (stage, event) of each of its steps."""
    warmup = settings.warmup
    build_schedule = require("blackjax.adaptation.window_adaptation", _PURPOSE).build_schedule
    stages = np.array(build_schedule(warmup), int).reshape(warmup, 2)
    stages[-1:, 1] = _WARMED_UP
    for i in range(0, warmup, _BLOCK):
        yield stages[i : i + _BLOCK]
    for _ in range(0, settings.draws, _BLOCK):
        yield np.tile([_SAMPLING, _NOTHING], (_BLOCK, 1))


def _joined(blocks: list[list[Draws]]) -> Draws:
    chains = [jax.tree.map(lambda *b: np.concatenate(b), *chain) for chain in blocks]
    return jax.tree.map(lambda *c: np.stack(c), *chains)


def _cut(whole: Draws, settings: Settings) -> tuple[Draws, Draws]:
    """Warm-up, and as many draws as are wanted."""
    n, end = settings.warmup, settings.steps
    warmup, draws = (jax.tree.map(lambda x, s=s: x[:, s], whole) for s in (slice(n), slice(n, end)))
    return warmup, draws


@lru_cache(maxsize=32)
def _sampler(form: Form, settings: Settings) -> "_Sampler":
    return _Sampler(form, settings)


class _Sampler:
    """The functions of one chain."""

    def __init__(self, form: Form, settings: Settings) -> None:
        self._form = form
        self._depth = settings.max_depth
        self._init = require("blackjax.mcmc.hmc", _PURPOSE).init
        self._kernel = require("blackjax.mcmc.nuts", _PURPOSE).build_kernel()
        mass = require("blackjax.adaptation.mass_matrix", _PURPOSE)
        step = require("blackjax.adaptation.step_size", _PURPOSE)
        self._mass_init, self._mass_update, self._mass_final = mass.mass_matrix_adaptation(
            not settings.dense
        )
        self._step_init, self._step_update, self._step_final = step.dual_averaging_adaptation(
            settings.target_accept
        )
        self.begin = jax.jit(self._begin)
        self.block = jax.jit(self._block)

    def _begin(self, position: Arrays, key: Any, others: Any) -> Chain:
        """A chain before its first step."""
        size = sum([x.size for x in jax.tree.leaves(position)])
        mass = self._mass_init(size)
        adapted = Adaptation(self._step_init(1.0), mass, jnp.asarray(1.0), mass.inverse_mass_matrix)
        chain = Chain(self._init(position, self._form.bound(others)), key, adapted)
        return jax.tree.map(_strong, chain)

    def _block(self, chain: Chain, rows: Any, others: Any) -> tuple[Chain, tuple[Arrays, Arrays]]:
        """As many steps as there are rows of (stage, event)."""
        density = self._form.bound(others)
        return jax.lax.scan(lambda c, row: self._step(density, c, row), chain, rows)

    def _step(
        self, density: Callable[[Arrays], Any], chain: Chain, row: Any
    ) -> tuple[Chain, tuple[Arrays, Arrays]]:
        key, now = jax.random.split(chain.key)
        adapted = chain.adapted
        state, info = self._kernel(
            now, chain.state, density, adapted.step_size, adapted.inverse_mass, self._depth
        )
        new = self._adapt(adapted, row, state.position, info.acceptance_rate)
        after = jax.tree.map(_strong, Chain(state, key, new))
        return after, (state.position, _stats(state, info, adapted))

    def _adapt(self, adapted: Adaptation, row: Any, position: Arrays, rate: Any) -> Adaptation:
        stage, event = row
        stages = (self._fast, self._slow, lambda a, *_: a)
        events = (lambda a: a, self._window_end, self._warmed_up)
        adapted = jax.lax.switch(stage, stages, adapted, position, rate)
        return jax.lax.switch(event, events, adapted)

    def _fast(self, adapted: Adaptation, position: Arrays, rate: Any) -> Adaptation:
        step = self._step_update(adapted.step, rate)
        return adapted._replace(step=step, step_size=jnp.exp(step.log_step_size))

    def _slow(self, adapted: Adaptation, position: Arrays, rate: Any) -> Adaptation:
        mass = self._mass_update(adapted.mass, position)
        return self._fast(adapted, position, rate)._replace(mass=mass)

    def _window_end(self, adapted: Adaptation) -> Adaptation:
        mass = self._mass_final(adapted.mass)
        step = self._step_init(self._step_final(adapted.step))
        return Adaptation(step, mass, jnp.exp(step.log_step_size), mass.inverse_mass_matrix)

    def _warmed_up(self, adapted: Adaptation) -> Adaptation:
        return adapted._replace(step_size=self._step_final(adapted.step))


def _strong(x: Any) -> Any:
    """``x`` with a dtype that does not yield to others: a second type would be a second compile."""
    x = jnp.asarray(x)
    is_key = jnp.issubdtype(x.dtype, jax.dtypes.prng_key)
    return x if is_key else jax.lax.convert_element_type(x, x.dtype)


def _stats(state: Any, info: Any, adapted: Adaptation) -> Arrays:
    """What ArviZ calls sample_stats."""
    return {
        "lp": state.logdensity,
        "diverging": info.is_divergent,
        "energy": info.energy,
        "tree_depth": info.num_trajectory_expansions,
        "n_steps": info.num_integration_steps,
        "acceptance_rate": info.acceptance_rate,
        "step_size": adapted.step_size,
    }
