"""Posteriors of five models (``posteriors``) over numpyro's: densities, modes, and NUTS from a cold start.

Cold is the first run of a model, with all that is compiled for it; both libraries have sampled something before.
"""

import warnings
from collections.abc import Callable, Iterator
from functools import partial
from importlib import import_module
from typing import Any

import jax
import numpy as np

from benchmarks.measure import interleaved, median_ratio, seconds
from benchmarks.posteriors import MODELS
from xgrad.errors import NonFiniteError
from xgrad.model import Model, Normal

DRAWS, TUNE = 500, 500


def density_ratio(model: Model, theirs: Any, name: str) -> float:
    """The time of the log-density and its gradient over numpyro's, in loops as a sampler has them."""
    ours = model.logp_fn
    known = {k for k in ours.start if k.endswith("__offset")}
    flat = {k: jax.numpy.asarray(v) for k, v in ours.start.items()}
    other = {theirs.own_name(k, known): v for k, v in flat.items()}
    one, two = climb(ours), climb(theirs.density(theirs.MODELS[name]))
    runs = {
        "xgrad": lambda: jax.block_until_ready(one(flat)),
        "numpyro": lambda: jax.block_until_ready(two(other)),
    }
    times = interleaved(runs, rounds=101, calls=1)
    return times["xgrad"].median / times["numpyro"].median


def climb(density: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """A hundred small steps uphill."""

    def step(_: Any, x: Any) -> Any:
        value, gradient = jax.value_and_grad(density)(x)
        return jax.tree.map(lambda v, g: v + 1e-6 * g + 1e-12 * value, x, gradient)

    return jax.jit(lambda x: jax.lax.fori_loop(0, 100, step, x))


def warm_mode(model: Model) -> float:
    """Seconds of ``map``, once compiled; of the mode of the unbounded forms where there is no other."""
    try:
        model.map()
        find = model.map
    except NonFiniteError:
        find = partial(model.laplace, 1)
    return interleaved({"mode": find}, rounds=5, calls=1)["mode"].median


def _first_runs(theirs: Any) -> None:
    """What is loaded and compiled once for all models."""
    with Model() as model:
        Normal("x")
    model.sample(50, 50, 1)
    theirs.sample(lambda: theirs.numpyro.sample("x", theirs.d.Normal(0.0, 1.0)), 50, 50)


def cold(
    make: Callable[[], Model], theirs: Any, name: str, rounds: int
) -> list[tuple[float, float]]:
    """Seconds of NUTS on fresh caches, ours and numpyro's, taking turns."""
    pairs = []
    for _ in range(rounds):
        jax.clear_caches()
        ours = seconds(lambda: make().sample(DRAWS, TUNE, 4))
        jax.clear_caches()
        pairs.append((ours, seconds(lambda: theirs.sample(theirs.MODELS[name], DRAWS, TUNE))))
    return pairs


def rows(rounds: int = 3) -> Iterator[tuple[str, str]]:
    """Per model: log-density and gradient, the mode, and NUTS."""
    theirs = import_module("benchmarks.posteriors_numpyro")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of chains that are too short
        _first_runs(theirs)
        for name, make in MODELS.items():
            pairs = cold(make, theirs, name, rounds)
            model = make()
            mode = warm_mode(model)
            with jax.enable_x64(True):
                density = density_ratio(model, theirs, name)
            ours, other = np.median(pairs, 0)
            yield (
                name,
                f"density {density:.2f}×; mode {mode * 1e3:.0f} ms warm;"
                f" NUTS cold {median_ratio(pairs):.2f}× ({ours:.1f} s against {other:.1f} s)",
            )
