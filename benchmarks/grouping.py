"""Groups and windows: the compiled program beside one written by hand for JAX.

    python -m benchmarks.grouping

The hand-written ones are ``jax.ops.segment_sum`` and differences of a cumulative sum, both without a thought of missing
values; xgrad's leave them out, as xarray does. Times are medians of interleaved calls, in microseconds.
"""

import time
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pandas as pd
import xarray as xr

import xgrad

DAYS = pd.date_range("1990-01-01", "2019-12-31")
CODES = np.asarray(DAYS.day_of_year, np.int32) - 1
WINDOW = 365


def medians(calls: dict[str, Callable[[], Any]], rounds: int = 15) -> dict[str, float]:
    """The median time of each call, in microseconds."""
    times: dict[str, list[float]] = {name: [] for name in calls}
    for call in calls.values():
        call().block_until_ready()
    for _ in range(rounds):
        for name, call in calls.items():
            start = time.perf_counter()
            call().block_until_ready()
            times[name].append(time.perf_counter() - start)
    return {name: round(1e6 * float(np.median(ts)), 1) for name, ts in times.items()}


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


def climatology(width: int) -> dict[str, float]:
    """The mean of each day of the year over 30 years, at ``width`` places."""
    data = np.random.default_rng(0).normal(size=(len(DAYS), width) if width else len(DAYS))
    x, codes = jnp.asarray(data), jnp.asarray(CODES)
    dims = ("time", "place")[: data.ndim]
    t = xr.DataArray(x, {"time": DAYS}, dims, "t")
    run = xgrad.jit(lambda t: t.groupby("time.dayofyear").mean())
    return medians({"xgrad": lambda: run(t).data, "by hand": lambda: segment_mean(x, codes)})


def rolling(n: int = 1_000_000) -> dict[str, float]:
    x = jnp.asarray(np.random.default_rng(0).normal(size=n))
    t = xr.DataArray(x, dims="time")
    run = xgrad.jit(lambda t: t.rolling(time=WINDOW).mean())
    return medians({"xgrad": lambda: run(t).data, "by hand": lambda: running_mean(x)})


def main() -> None:
    with jax.enable_x64(True):
        for width in (0, 4, 50, 600):
            print(f"day-of-year mean, {width or 'no'} places beside:", climatology(width))
        print(f"rolling mean over {WINDOW} of 1e6:", rolling())


if __name__ == "__main__":
    main()
