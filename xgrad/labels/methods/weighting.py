"""Traced weights: xarray looks into weights for missing values when it is given them, and there is nothing to see yet.

A weight that is NaN makes the results NaN that it takes part in, where eager xarray raises. Weighted quantiles select
by what is missing and by weights of zero; here such values stay, with a weight of zero, which no quantile can tell.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import xarray as xr

from xgrad.labels.core import AbstractTraced
from xgrad.labels.slots import read_variable


def take_weights(original: Callable[..., None]) -> Callable[..., None]:
    """``Weighted.__init__``, which takes traced weights as they are."""

    def __init__(self: Any, obj: Any, weights: Any) -> None:
        is_array = isinstance(weights, xr.DataArray)
        if is_array and isinstance(read_variable(weights.variable).data, AbstractTraced):
            self.obj, self.weights = obj, weights
        else:
            original(self, obj, weights)

    return __init__


def quantile(data: Any, weights: Any, q: Any, skipna: bool, method: str = "linear") -> Any:
    """Weighted quantiles of one slice, in place of xarray's own function.

    https://aakinshin.net/posts/weighted-quantiles: the quantile is a mean of the values in order, each weighing what
    lies of its share of the total within a window as wide as one of ``n`` equal shares; ``n`` is Kish's effective size.
    """
    if method != "linear":
        raise ValueError(f"Invalid method: {method}.")
    data, weights = np.ravel(data), np.ravel(weights)
    missing = np.isnan(data)
    kept = ~missing & (weights != 0)
    none = ~kept.any()
    weights = np.where(kept, weights, 0.0)
    total = np.where(none, 1.0, weights.sum())
    n = total**2 / np.where(none, 1.0, (weights**2).sum())
    data = np.where(kept, data, 0.0)
    order = np.argsort(data)
    ends = np.append(0.0, (weights[order] / total).cumsum())
    place = (n - 1) * q[:, None] + 1
    inside = np.maximum(place - 1, np.minimum(place, n * ends))
    found = (data[order] * np.diff(inside)).sum(-1)
    return np.where(none if skipna else none | missing.any(), np.nan, found)
