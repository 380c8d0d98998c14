"""``np.clip`` of a DataArray, which NumPy hands to the method ``clip`` with an option that xarray's does not know.

Eager xarray then refuses, and NumPy clips the bare numbers and wraps the result. Traced data have no bare numbers.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import xarray as xr

from xgrad.labels.core import AbstractTraced
from xgrad.labels.slots import read_variable

_NUMPYS = object()  # stands for ``out``, where NumPy has not given it


def clip(original: Callable[..., xr.DataArray]) -> Callable[..., xr.DataArray]:
    """``DataArray.clip``, which takes the ``out=None`` of ``np.clip`` where data is traced: labels stay, attrs go."""

    def clipped(
        self: xr.DataArray, min: Any = None, max: Any = None, *, out: Any = _NUMPYS, **options: Any
    ) -> xr.DataArray:
        if out is _NUMPYS:
            return original(self, min, max, **options)
        data = read_variable(self.variable).data
        bounds = [getattr(x, "data", x) if isinstance(x, xr.DataArray) else x for x in (min, max)]
        if out is not None or not any(isinstance(x, AbstractTraced) for x in (data, *bounds)):
            return original(self, min, max, out=out, **options)
        low, high = bounds
        plain: Any = np.clip(data, low, high)
        return self.copy(data=plain).drop_attrs(deep=False)

    return clipped
