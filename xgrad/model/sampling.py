"""Sampling a posterior: starting points, chains, and the labeled result with what the sampler says of it."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr

from xgrad.errors import ArgumentError, nearest
from xgrad.jax_backend import numpyro_nuts, nuts
from xgrad.jax_backend.nuts import Draws, Settings
from xgrad.model.density import Density
from xgrad.model.diagnostics import warn_of_chains
from xgrad.model.notices import notice
from xgrad.model.progress import progress_bar
from xgrad.model.results import (
    LIKELIHOOD,
    SAMPLE,
    as_chains,
    known_groups,
    labeled,
    provenance,
    together,
    tree,
)
from xgrad.model.unbounded import UnboundedDensity

Arrays = dict[str, Any]
BACKENDS = {"blackjax": nuts.run, "numpyro": numpyro_nuts.run}


@dataclass(frozen=True)
class Wanted:
    """What of a run is wanted, and from whom."""

    backend: str = "blackjax"
    warmup: bool = False
    likelihood: bool = False
    progress: bool | None = None

    def __post_init__(self) -> None:
        if self.backend not in BACKENDS:
            raise ArgumentError(
                f"backend={self.backend!r} is none of {', '.join(map(repr, BACKENDS))}"
                f"{nearest(self.backend, BACKENDS)}"
            )


class Posterior:
    """Draws from the posterior of a model, as labeled groups."""

    def __init__(
        self, density: Density, unbounded: UnboundedDensity, coords: Mapping[Any, Any]
    ) -> None:
        self.density = density
        self.unbounded = unbounded
        self._coords = coords

    def sample(self, key: xr.DataArray, settings: Settings, wanted: Wanted) -> xr.DataTree:
        """The posterior by NUTS: the groups ``posterior``, ``sample_stats`` and the data, and what else is wanted."""
        seed = np.asarray(key.values)
        start = starting_points(self.unbounded, settings.chains, seed)
        run, began = BACKENDS[wanted.backend], time.perf_counter()
        form, others = self.unbounded.form, self.unbounded.others
        with progress_bar("chains", settings.chains, settings.steps, wanted.progress) as report:
            warmup, draws = run(form, others, start, seed, settings, report)
        seconds = time.perf_counter() - began
        groups = self._groups(draws, settings.chains)
        warn_of_divergences(draws.stats["diverging"])
        warn_of_chains(groups["posterior"])
        if wanted.likelihood:
            groups[LIKELIHOOD] = self.likelihood(draws.positions)
        if wanted.warmup:
            early = self._groups(warmup, settings.chains)
            groups |= {f"warmup_{name}": group for name, group in early.items()}
        attrs = {
            **provenance(wanted.backend, key),
            "sampler": f"NUTS ({wanted.backend})",
            "sampling_time": seconds,
            "tuning_steps": settings.warmup,
            **settings.attrs,
        }
        return tree({**groups, **known_groups(self.density.sites)}, attrs)

    def _groups(self, draws: Draws, chains: int) -> dict[str, xr.Dataset]:
        posterior = self.labeled(draws.positions)
        if not posterior.sizes["draw"]:
            return {}
        index = {"chain": posterior.chain, "draw": posterior.draw}
        stats = {k: (("chain", "draw"), v) for k, v in draws.stats.items()}
        return {"posterior": posterior, "sample_stats": xr.Dataset(stats, index)}

    def labeled(self, positions: Arrays) -> xr.Dataset:
        """Free and deterministic variables for unbounded ones of shape (chain, draw, …)."""
        return self._over_draws(self.density.latent, positions)

    def likelihood(self, positions: Arrays) -> xr.Dataset:
        """The log-density of what was observed, entry by entry, for each draw; 0 where nothing was observed."""
        return self._over_draws(self.density.likelihood, positions)

    def _over_draws(self, function: Any, positions: Arrays) -> xr.Dataset:
        chains = next(iter(positions.values())).shape[0]
        flat = {k: v.reshape(v.shape[0] * v.shape[1], *v.shape[2:]) for k, v in positions.items()}
        found = function(self.unbounded.labeled(flat, SAMPLE), self.density.known)
        return labeled(as_chains(together(found), chains), self._coords)


def starting_points(unbounded: UnboundedDensity, chains: int, seed: np.ndarray) -> Arrays:
    """The start of each chain: uniformly between -1 and 1 around the start of the density."""
    rng = np.random.default_rng(seed)
    return {k: v + rng.uniform(-1.0, 1.0, (chains, *v.shape)) for k, v in unbounded.start.items()}


def warn_of_divergences(diverging: np.ndarray) -> None:
    """Warn (ConvergenceWarning) where draws diverged."""
    if diverging.any():
        notice(
            f"{int(diverging.sum())} of {diverging.size} draws diverged: the posterior has places that the sampler"
            " cannot follow, and these draws are biased.\n"
            "Use noncentered=True for hierarchies, or a higher target_accept."
        )
