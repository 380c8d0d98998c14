"""Traced weights: xarray looks into weights for missing values when it is given them, and there is nothing to see yet.

A weight that is NaN makes the results NaN that it takes part in, where eager xarray raises.
"""

from collections.abc import Callable
from typing import Any

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
