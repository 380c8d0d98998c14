"""NUTS by blackjax, run in blocks: one compiled step for warm-up and sampling, all chains at once.

The adaptation is Stan's (step size by dual averaging, a diagonal mass matrix in growing windows), from the same parts
as blackjax's own ``window_adaptation``. Blocks have one size, whatever is asked for, so that everything compiles once;
between them the host can report how far it is.
"""

from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from xgrad.jax_backend.extras import require

Arrays = dict[str, Any]
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


class Block(NamedTuple):
    """Some steps of all chains: arrays of shape (chain, step, …)."""

    warmup: bool
    positions: Arrays
    stats: Arrays


def run(
    density: Callable[[Arrays], Any], start: Arrays, seed: Any, settings: Settings
) -> Iterator[Block]:
    """Sample ``density`` from ``start``, whose arrays lead with the chains. ``seed`` is the words of a key.

    Warm-up comes first. Both parts are rounded up to whole blocks; surplus draws are not handed out.
    """
    sampler = _Sampler(density, settings)
    block = jax.jit(jax.vmap(sampler.block, in_axes=(0, None)))
    with jax.enable_x64(True):
        keys = jax.random.split(jax.random.wrap_key_data(jnp.asarray(seed)), settings.chains)
        chains = jax.jit(jax.vmap(sampler.begin))(start, keys)
    for warmup, wanted, rows in _plan(settings):
        with jax.enable_x64(True):
            chains, found = block(chains, rows)
        positions, stats = jax.tree.map(lambda x, n=wanted: np.asarray(x)[:, :n], found)
        yield Block(warmup, positions, stats)


def _plan(settings: Settings) -> Iterator[tuple[bool, int, np.ndarray]]:
    """For each block: whether it is warm-up, how many of its steps are wanted, and (stage, event) of each."""
    warmup = -(-settings.tune // _BLOCK) * _BLOCK
    build_schedule = require("blackjax.adaptation.window_adaptation", _PURPOSE).build_schedule
    stages = np.array(build_schedule(warmup), int).reshape(warmup, 2)
    stages[-1:, 1] = _WARMED_UP
    for i in range(0, warmup, _BLOCK):
        yield True, _BLOCK, stages[i : i + _BLOCK]
    for i in range(0, settings.draws, _BLOCK):
        yield False, min(_BLOCK, settings.draws - i), np.tile([_SAMPLING, _NOTHING], (_BLOCK, 1))


class _Sampler:
    """The functions of one chain."""

    def __init__(self, density: Callable[[Arrays], Any], settings: Settings) -> None:
        self._density = density
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

    def begin(self, position: Arrays, key: Any) -> Chain:
        """A chain before its first step."""
        size = sum([x.size for x in jax.tree.leaves(position)])
        mass = self._mass_init(size)
        adapted = Adaptation(self._step_init(1.0), mass, jnp.asarray(1.0), mass.inverse_mass_matrix)
        return Chain(self._init(position, self._density), key, adapted)

    def block(self, chain: Chain, rows: Any) -> tuple[Chain, tuple[Arrays, Arrays]]:
        """As many steps as there are rows of (stage, event)."""
        return jax.lax.scan(self._step, chain, rows)

    def _step(self, chain: Chain, row: Any) -> tuple[Chain, tuple[Arrays, Arrays]]:
        key, now = jax.random.split(chain.key)
        adapted = chain.adapted
        state, info = self._kernel(
            now, chain.state, self._density, adapted.step_size, adapted.inverse_mass, self._depth
        )
        new = self._adapt(adapted, row, state.position, info.acceptance_rate)
        return Chain(state, key, new), (state.position, _stats(state, info, adapted))

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
