"""NumPy functions that take a DataArray for its data alone: the data are traced, and the result has no labels.

Eager code gets a NumPy array from these, for the DataArray is converted to one. A function that finds a method of the
DataArray, as ``np.sum`` does, is left to go its way.
"""

from collections.abc import Callable
from typing import Any, Final

import numpy as np
import xarray as xr

from xgrad.errors import TracedValueError
from xgrad.labels.core import AbstractTraced
from xgrad.labels.slots import read_variable

TO_ARRAYS: Final = frozenset(
    {
        *(
            np.where,
            np.select,
            np.diff,
            np.ediff1d,
            np.gradient,
            np.trapezoid,
            np.interp,
            np.unwrap,
        ),
        *(np.nansum, np.nanprod, np.nanmean, np.nanvar, np.nanstd, np.nanmax, np.nanmin),
        *(np.nancumsum, np.nancumprod, np.nanargmax, np.nanargmin, np.nanmedian),
        *(np.nanquantile, np.nanpercentile, np.median, np.quantile, np.percentile, np.average),
        *(np.concatenate, np.stack, np.vstack, np.hstack, np.dstack, np.column_stack, np.tile),
        *(np.sort, np.argsort, np.searchsorted, np.digitize, np.histogram, np.count_nonzero),
        *(np.dot, np.vdot, np.inner, np.outer, np.einsum, np.tensordot, np.kron, np.trace),
        *(np.linalg.norm, np.cov, np.corrcoef, np.convolve, np.correlate, np.polyval),
        *(np.roll, np.flip, np.flipud, np.fliplr, np.rot90, np.ravel, np.tril, np.triu),
        *(np.expand_dims, np.broadcast_to, np.meshgrid, np.copy, np.nan_to_num, np.isclose),
        *(np.ones_like, np.zeros_like, np.full_like, np.fft.fft, np.fft.rfft, np.fft.ifft),
    }
)


def array_function(original: None) -> Callable[..., Any]:
    """``__array_function__`` of DataArrays and Variables, which eager xarray does not have."""

    def __array_function__(self: Any, function: Any, types: Any, args: Any, kwargs: Any) -> Any:
        if any([issubclass(t, AbstractTraced) for t in types]):
            return NotImplemented  # theirs knows what to do
        try:
            return function._implementation(*args, **kwargs)  # as if there were no such method
        except TracedValueError:
            if function not in TO_ARRAYS:
                raise
        return function(*_data(args), **_data(kwargs))

    return __array_function__


def _data(given: Any) -> Any:
    """``given`` with the data of all labeled arrays in it."""
    if isinstance(given, xr.DataArray | xr.Variable):
        variable = given.variable if isinstance(given, xr.DataArray) else given
        data = read_variable(variable).data
        return data if isinstance(data, AbstractTraced) else given.values
    if type(given) in (tuple, list):
        return type(given)([_data(x) for x in given])
    return {k: _data(v) for k, v in given.items()} if type(given) is dict else given
