"""Loops in many shapes: steps, first carries and sequences, for ``xgrad.scan`` and for a Python loop alike."""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import xarray as xr

RNG = np.random.default_rng(2024)


class Shape(NamedTuple):
    """One loop. ``arguments(length)`` gives init and xs; both are differentiated by."""

    name: str
    step: Callable[[Any, Any], tuple[Any, Any]]
    arguments: Callable[[int], tuple[Any, Any]]


def series(length: int, **sizes: int) -> xr.DataArray:
    """Numbers along ``time``, with labels."""
    shape = (length, *sizes.values())
    coords = {"time": 10.0 + np.arange(length)}
    return xr.DataArray(RNG.normal(size=shape) / 2, coords, ("time", *sizes), name="series")


def array(**sizes: int) -> xr.DataArray:
    return xr.DataArray(RNG.normal(size=tuple(sizes.values())) / 2, dims=tuple(sizes), name="state")


MIXING = array(site=3, other=3)


def recurrence(c: Any, x: Any) -> tuple[Any, Any]:
    c = np.tanh(0.5 * c + x)
    return c, c**2


def with_labels(c: Any, x: Any) -> tuple[Any, Any]:
    c = c * 0.5 + x / x.time
    return c, (c, x)


def turned(c: Any, x: Any) -> tuple[Any, Any]:
    """Gives the carry back with its dims in another order."""
    return np.sin(x * c.transpose("height", "site")), c.sum("height")


def mixed(c: Any, x: Any) -> tuple[Any, Any]:
    c = np.tanh((MIXING * c.rename(site="other")).sum("other") + x)
    return c, {"energy": (c**2).sum(), "state": c}


def several(c: Any, x: Any) -> tuple[Any, Any]:
    a, b = c["a"], c["b"]
    return {"a": np.cos(b) + x, "b": 0.3 * a * b}, a - b


def of_dataset(c: Any, x: Any) -> tuple[Any, Any]:
    new = c.assign(u=np.sin(c.v) + x.rain, v=c.v * 0.9 + x.sun * c.u)
    return new, new


def nothing_carried(c: Any, x: Any) -> tuple[Any, Any]:
    return c, np.exp(x) * 2


def nothing_stacked(c: Any, x: Any) -> tuple[Any, Any]:
    return c * x + 1.0, None


def dataset(length: int | None) -> xr.Dataset:
    if length is None:
        return xr.Dataset({"u": array(site=2), "v": array(site=2)})
    return xr.Dataset({"rain": series(length, site=2), "sun": series(length)})


SHAPES = (
    Shape("recurrence", recurrence, lambda n: (array(), series(n))),
    Shape("labels", with_labels, lambda n: (array(site=3), series(n, site=3))),
    Shape("turned", turned, lambda n: (array(site=3, height=2), series(n, height=2))),
    Shape("mixed", mixed, lambda n: (array(site=3), series(n, site=3))),
    Shape("several", several, lambda n: ({"a": array(), "b": array(site=2).sum()}, series(n))),
    Shape("dataset", of_dataset, lambda n: (dataset(None), dataset(n))),
    Shape("nothing carried", nothing_carried, lambda n: ((), series(n, site=2))),
    Shape("nothing stacked", nothing_stacked, lambda n: (array(site=2), series(n, site=2))),
)


def python_loop(step: Any, init: Any, xs: Any, length: int, reverse: bool) -> tuple[Any, list[Any]]:
    """The same in Python: the last carry, and the outputs in the order of the slices."""
    carry, ys = init, [None] * length
    for t in reversed(range(length)) if reverse else range(length):
        carry, ys[t] = step(carry, xs.isel(time=t))
    return carry, ys
