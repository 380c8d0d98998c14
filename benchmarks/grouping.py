"""Groups and windows: the compiled program beside one written by hand for JAX, which takes and gives labels too.

The hand-written ones are ``jax.ops.segment_sum`` and differences of a cumulative sum, both without a thought of missing
values; xgrad's leave them out, as xarray does.
"""

from collections.abc import Callable, Iterator
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pandas as pd
import xarray as xr

import xgrad
from benchmarks.measure import interleaved

DAYS = pd.date_range("1990-01-01", "2019-12-31")
CODES = np.asarray(DAYS.day_of_year, np.int32) - 1
WINDOW = 365


@jax.jit
def segment_mean(x: jax.Array, codes: jax.Array) -> jax.Array:
    """By hand: two sums."""
    total = jax.ops.segment_sum(x, codes, 366)
    count = jax.ops.segment_sum(jnp.ones(x.shape[0]), codes, 366)
    return total / count.reshape(-1, *[1] * (x.ndim - 1))


@jax.jit
def running_mean(x: jax.Array) -> jax.Array:
    """By hand: differences of running totals, which lose digits in long data."""
    totals = jnp.concatenate([jnp.zeros(1), jnp.cumsum(x)])
    means = (totals[WINDOW:] - totals[:-WINDOW]) / WINDOW
    return jnp.concatenate([jnp.full(WINDOW - 1, jnp.nan), means])


def climatology(width: int) -> str:
    """The mean of each day of the year over 30 years, at ``width`` places."""
    data = np.random.default_rng(0).normal(size=(len(DAYS), width) if width else len(DAYS))
    dims, codes = ("time", "place")[: data.ndim], jnp.asarray(CODES)
    t = xr.DataArray(jnp.asarray(data), {"time": DAYS}, dims, "t")
    labels = {"dayofyear": np.arange(1, 367)}

    def by_hand(t: xr.DataArray) -> xr.DataArray:
        means = segment_mean(t.data, codes)
        return xr.DataArray(means, labels, ("dayofyear", *t.dims[1:]), t.name)

    return _ratio(xgrad.jit(lambda t: t.groupby("time.dayofyear").mean()), by_hand, t)


def rolling(n: int = 1_000_000) -> str:
    """Means of 365 neighbours."""
    t = xr.DataArray(jnp.asarray(np.random.default_rng(0).normal(size=n)), dims="time")

    def by_hand(t: xr.DataArray) -> xr.DataArray:
        return xr.DataArray(running_mean(t.data), dims=t.dims)

    return _ratio(xgrad.jit(lambda t: t.rolling(time=WINDOW).mean()), by_hand, t)


def _ratio(mine: Callable[..., Any], by_hand: Callable[..., Any], t: xr.DataArray) -> str:
    calls = {"xgrad": lambda: mine(t).data.block_until_ready()}
    calls["by hand"] = lambda: by_hand(t).data.block_until_ready()
    found = interleaved(calls, rounds=15, calls=5)
    times = found["xgrad"].median, found["by hand"].median
    return f"{times[0] / times[1]:.2f}× ({1e6 * times[0]:.0f} µs against {1e6 * times[1]:.0f} µs)"


def rows() -> Iterator[tuple[str, str]]:
    """Means by the day of the year at some places, and of windows."""
    with jax.enable_x64(True):
        for width in (0, 4, 50, 600):
            yield f"mean by day of the year, {width or 'no'} places beside", climatology(width)
        yield f"rolling mean over {WINDOW} of 1e6", rolling()
