"""Sampling a posterior: starting points, chains, and the labeled result with what the sampler says of it."""

import time
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import xarray as xr

from xgrad.errors import ConvergenceWarning
from xgrad.jax_backend import nuts
from xgrad.jax_backend.nuts import Block, Settings
from xgrad.model.density import Density
from xgrad.model.results import SAMPLE, as_chains, known_groups, labeled, tree
from xgrad.model.sites import known_values
from xgrad.model.unbounded import UnboundedDensity
from xgrad.transforms.vmap import vmap

Arrays = dict[str, Any]


def sample(
    density: Density,
    unbounded: UnboundedDensity,
    key: xr.DataArray,
    settings: Settings,
    report: Callable[[Block], None],
    coords: Any,
) -> xr.DataTree:
    """The posterior by NUTS: the groups ``posterior``, ``sample_stats`` and the data."""
    started = time.perf_counter()
    positions, stats = _chains(unbounded, np.asarray(key.values), settings, report)
    posterior = labeled(as_chains(_latent(density, unbounded, positions), settings.chains), coords)
    _warn_of_divergences(stats["diverging"])
    groups = {
        "posterior": posterior,
        "sample_stats": xr.Dataset(
            {k: (("chain", "draw"), v) for k, v in stats.items()}, _index(posterior)
        ),
    }
    attrs = {
        "sampler": "NUTS (blackjax)",
        "seconds": time.perf_counter() - started,
        **settings.attrs,
    }
    return tree({**groups, **known_groups(density.sites)}, attrs)


def _chains(
    unbounded: UnboundedDensity,
    seed: np.ndarray,
    settings: Settings,
    report: Callable[[Block], None],
) -> tuple[Arrays, Arrays]:
    """Unbounded draws by name and what the sampler says of them, of shape (chain, draw, …)."""
    start = starting_points(unbounded, settings.chains, seed)
    blocks = []
    for block in nuts.run(unbounded, start, seed, settings):
        report(block)
        if not block.warmup:
            blocks.append(block)
    return _joined([b.positions for b in blocks]), _joined([b.stats for b in blocks])


def starting_points(unbounded: UnboundedDensity, chains: int, seed: np.ndarray) -> Arrays:
    """The start of each chain: uniformly between -1 and 1 around the start of the density."""
    rng = np.random.default_rng(seed)
    return {k: v + rng.uniform(-1.0, 1.0, (chains, *v.shape)) for k, v in unbounded.start.items()}


def _joined(blocks: list[Arrays]) -> Arrays:
    return {k: np.concatenate([b[k] for b in blocks], axis=1) for k in blocks[0]}


def _latent(density: Density, unbounded: UnboundedDensity, positions: Arrays) -> xr.Dataset:
    """Free and deterministic variables for unbounded draws, along ``SAMPLE``."""
    flat = {k: v.reshape(-1, *v.shape[2:]) for k, v in positions.items()}
    run = vmap(density.traced_latent, SAMPLE)
    return xr.Dataset(run(unbounded.labeled(flat, SAMPLE), known_values(density.sites)))


def _index(posterior: xr.Dataset) -> dict[str, Any]:
    return {"chain": posterior.chain, "draw": posterior.draw}


def _warn_of_divergences(diverging: np.ndarray) -> None:
    if diverging.any():
        warnings.warn(
            f"{int(diverging.sum())} of {diverging.size} draws diverged: the posterior has places that the sampler"
            " cannot follow, and these draws are biased.\n"
            "Use noncentered=True for hierarchies, or a higher target_accept.",
            ConvergenceWarning,
            stacklevel=4,
        )
