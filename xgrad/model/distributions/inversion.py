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
    lower, upper = distribution.support.bounds
    if distribution.support.discrete:
        low = q * 0.0 + (-_MANY if lower is None else lower - 1.0)
        high = q * 0.0 + (_MANY if upper is None else upper)
        return _halved(distribution, q, low, high, np.ceil).astype("int64")
    path, low, high = _path(lower, upper)
    return path(_halved(distribution, q, low + q * 0.0, high + q * 0.0, path))


def _path(lower: Labeled, upper: Labeled) -> tuple[Path, float, float]:
    """A way through all values, with its ends."""
    if lower is None and upper is None:
        return np.sinh, -_FAR, _FAR
    if upper is None:
        return (lambda v: lower + np.exp(v)), -_FAR, _FAR
    if lower is None:
        return (lambda v: upper - np.exp(-v)), -_FAR, _FAR
    width = upper - lower
    far = lambda v: np.exp(_FAR * (2.0 * v - 1.0))  # noqa: E731
    return (lambda v: lower + xr.where(np.isfinite(width), width * v, far(v))), 0.0, 1.0


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
