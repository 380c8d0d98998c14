"""The programs that are measured, each in three forms: xarray code, the same by hand in JAX, and its data.

``twelve`` is the size of a formula in a paper, ``two_hundred`` that of a model; both end in a 0-d cost, so that they
have a gradient. The JAX form is what an expert would write on positional arrays.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np
import xarray as xr

TIME, SITE = 365, 40


class Program(NamedTuple):
    """``labeled(*arrays)`` on DataArrays and ``by_hand(*arrays)`` on JAX arrays give the same 0-d cost."""

    name: str
    labeled: Callable[..., Any]
    by_hand: Callable[..., Any]
    arguments: tuple[xr.DataArray, ...]

    @property
    def argnums(self) -> tuple[int, ...]:
        """All of them: the gradient is taken by every argument."""
        return tuple(range(len(self.arguments)))


def _data(rng: np.random.Generator) -> tuple[xr.DataArray, ...]:
    coords = {"time": np.arange(TIME), "site": [f"s{i}" for i in range(SITE)]}
    temp = xr.DataArray(rng.normal(size=(TIME, SITE)), coords, ("time", "site"), name="temp")
    rate = xr.DataArray(
        rng.uniform(0.5, 1.5, SITE), {"site": coords["site"]}, ("site",), name="rate"
    )
    rain = xr.DataArray(rng.normal(size=(SITE, TIME)), coords, ("site", "time"), name="rain")
    return temp, rate, rain


def twelve_labeled(temp: Any, rate: Any, rain: Any) -> Any:
    """Twelve operations, with a broadcast, a transposed operand and two reductions."""
    growth = np.exp(-temp * rate)
    wet = 1 / (1 + np.exp(-rain))
    anomaly = growth * wet - (growth * wet).mean("time", skipna=False)
    return (anomaly**2).sum(skipna=False) + np.log(rate).sum(skipna=False)


def twelve_by_hand(temp: Any, rate: Any, rain: Any) -> Any:
    growth = jnp.exp(-temp * rate)
    wet = 1 / (1 + jnp.exp(-rain.T))
    anomaly = growth * wet - (growth * wet).mean(0)
    return (anomaly**2).sum() + jnp.log(rate).sum()


def skipping_labeled(temp: Any, rate: Any, rain: Any) -> Any:
    """The same as xarray users write it: missing values are skipped."""
    growth = np.exp(-temp * rate)
    wet = 1 / (1 + np.exp(-rain))
    anomaly = growth * wet - (growth * wet).mean("time")
    return (anomaly**2).sum() + np.log(rate).sum()


def skipping_by_hand(temp: Any, rate: Any, rain: Any) -> Any:
    growth = jnp.exp(-temp * rate)
    wet = 1 / (1 + jnp.exp(-rain.T))
    anomaly = growth * wet - jnp.nanmean(growth * wet, 0)
    return jnp.nansum(anomaly**2) + jnp.nansum(jnp.log(rate))


def masked_by_hand(temp: Any, rate: Any, rain: Any) -> Any:
    """As above, with every missing value replaced before it is used: so that the gradient is finite, as ours is."""
    known = ~jnp.isnan(rate)
    there = ~(jnp.isnan(temp) | jnp.isnan(rain.T)) & known
    rate = jnp.where(known, rate, 1.0)
    growth = jnp.exp(-jnp.where(there, temp, 0.0) * rate)
    product = growth / (1 + jnp.exp(-jnp.where(there, rain.T, 0.0)))
    count = there.sum(0)
    mean = jnp.where(there, product, 0.0).sum(0) / jnp.where(count == 0, 1, count)
    anomaly = jnp.where(there, product - mean, 0.0)
    return (anomaly**2).sum() + jnp.where(known, jnp.log(rate), 0.0).sum()


def two_hundred_labeled(temp: Any, rate: Any) -> Any:
    """Forty rounds of five operations: a product, a shift, a hyperbolic tangent, a mean over time, an anomaly."""
    state = temp
    for _ in range(40):
        state = np.tanh(state * rate + 0.5)
        state = state - state.mean("time", skipna=False)
    return (state**2).sum(skipna=False)


def two_hundred_by_hand(temp: Any, rate: Any) -> Any:
    state = temp
    for _ in range(40):
        state = jnp.tanh(state * rate + 0.5)
        state = state - state.mean(0)
    return (state**2).sum()


def programs() -> tuple[Program, ...]:
    """All programs with their data, seeded."""
    data = _data(np.random.default_rng(0))
    return (
        Program("12 operations", twelve_labeled, twelve_by_hand, data),
        Program("12 operations, skipping NaN", skipping_labeled, skipping_by_hand, data),
        Program("12 operations, gradient behind NaN", skipping_labeled, masked_by_hand, data),
        Program("200 operations", two_hundred_labeled, two_hundred_by_hand, data[:2]),
    )
