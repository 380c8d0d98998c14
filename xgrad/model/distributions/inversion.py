"""Quantiles of any distribution of numbers with a cdf, by bisection: for draws, since they have no gradient."""

from collections.abc import Callable
from typing import Any

import numpy as np
import xarray as xr

from xgrad.model.distributions.base import Distribution, Labeled
from xgrad.transforms.control.scan import scan

_FAR = 700.0  # e^700 is about the largest float
_MANY = 2.0**40  # the largest count that is looked for
_HALVINGS = 60

Path = Callable[[Labeled], Labeled]


def bisected(distribution: Distribution, q: xr.DataArray) -> xr.DataArray:
    """The lowest value at which the cdf reaches ``q``, to about 15 digits; it has no gradient."""
    lower, upper = distribution.ends
    if distribution.support.discrete:
        low = q * 0.0 + np.clip(lower - 1.0, -_MANY, _MANY)
        high = q * 0.0 + np.clip(upper, -_MANY, _MANY)
        return _halved(distribution, q, low, high, np.ceil).astype("int64")
    path, low, high = _path(lower, upper)
    return path(_halved(distribution, q, low + q * 0.0, high + q * 0.0, path))


def _path(lower: Labeled, upper: Labeled) -> tuple[Path, Labeled, Labeled]:
    """A way through all values, with its ends; of arrays of bounds some may be infinite."""
    below, above = np.isfinite(lower), np.isfinite(upper)
    bounded = below & above

    def path(v: Labeled) -> Labeled:
        across = xr.where(bounded, lower + (upper - lower) * v, upper - np.exp(-v))
        return xr.where(above, across, xr.where(below, lower + np.exp(v), np.sinh(v)))

    return path, xr.where(bounded, 0.0, -_FAR), xr.where(bounded, 1.0, _FAR)


def _halved(
    distribution: Distribution, q: xr.DataArray, low: Labeled, high: Labeled, path: Path
) -> xr.DataArray:
    """The upper end of the last of the halved intervals, each with a cdf below ``q`` at its lower end alone."""

    def step(ends: tuple[Any, Any], _: Any) -> tuple[tuple[Any, Any], None]:
        low, high = ends
        middle = 0.5 * (low + high)
        if path is np.ceil:
            middle = xr.where(high - low > 1.5, np.floor(middle), high)
        too_low = distribution.cdf(path(middle)) < q
        return (xr.where(too_low, middle, low), xr.where(too_low, high, middle)), None

    (_, found), _ = scan(step, (low, high), length=_HALVINGS)
    return found
