"""Posteriors by normal distributions of the unbounded values, as labeled draws: variational fits, and pathfinder."""

import time
from typing import Any

import numpy as np
import xarray as xr

from xgrad.errors import ArgumentError, nearest
from xgrad.jax_backend import variational
from xgrad.jax_backend.variational import METHODS, FitSettings
from xgrad.model.notices import notice
from xgrad.model.progress import progress_bar
from xgrad.model.results import known_groups, provenance, tree
from xgrad.model.sampling import Posterior, starting_points

_HIGHEST_K = (
    0.7  # Vehtari, Simpson, Gelman, Yao, Gabry (2024), "Pareto smoothed importance sampling"
)


def fit(
    posterior: Posterior,
    key: xr.DataArray,
    settings: FitSettings,
    draws: int,
    progress: bool | None,
) -> xr.DataTree:
    """The groups ``posterior``, ``fit`` (the evidence lower bound of each step) and the data."""
    if settings.method not in METHODS:
        raise ArgumentError(
            f"method={settings.method!r} is none of {', '.join(map(repr, METHODS))}"
            f"{nearest(settings.method, METHODS)}"
        )
    unbounded, began = posterior.unbounded, time.perf_counter()
    with progress_bar("fit", 1, settings.steps, progress) as report:
        found = variational.fit(
            unbounded.form,
            unbounded.others,
            unbounded.start,
            np.asarray(key.values),
            settings,
            draws,
            report,
        )
    attrs = {
        **provenance("blackjax", key),
        "sampler": f"variational ({settings.method})",
        "sampling_time": time.perf_counter() - began,
        "learning_rate": settings.learning_rate,
        "samples": settings.samples,
    }
    history = xr.Dataset({"elbo": ("step", found.elbo)}, {"step": np.arange(found.elbo.size)})
    return _tree(posterior, found.positions, {"fit": history}, attrs)


def pathfinder(posterior: Posterior, key: xr.DataArray, draws: int, paths: int) -> xr.DataTree:
    """The groups ``posterior`` and the data; warns (ConvergenceWarning) where the approximation is a bad one."""
    unbounded, seed, began = posterior.unbounded, np.asarray(key.values), time.perf_counter()
    start = starting_points(unbounded, paths, seed)
    found = variational.pathfinder(unbounded.form, unbounded.others, start, seed, draws)
    if not found.pareto_k < _HIGHEST_K:
        notice(
            "the normal distributions that pathfinder found are far from the posterior"
            f" (Pareto k is {found.pareto_k:.2f}; below {_HIGHEST_K} is good);"
            " take its draws as a rough picture, and sample."
        )
    attrs = {
        **provenance("blackjax", key),
        "sampler": "pathfinder",
        "sampling_time": time.perf_counter() - began,
        "paths": paths,
        "pareto_k": found.pareto_k,
    }
    return _tree(posterior, found.positions, {}, attrs)


def _tree(
    posterior: Posterior, positions: dict[str, Any], groups: dict[str, xr.Dataset], attrs: Any
) -> xr.DataTree:
    draws = posterior.labeled({k: v[None] for k, v in positions.items()})
    known = known_groups(posterior.density.sites)
    return tree({"posterior": draws, **groups, **known}, attrs)
