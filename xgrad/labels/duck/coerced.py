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

NP: Any = np  # the overloads of a hundred functions in one table take the type checker minutes

TO_ARRAYS: Final = frozenset(
    {
        *(
            NP.where,
            NP.select,
            NP.diff,
            NP.ediff1d,
            NP.gradient,
            NP.trapezoid,
            NP.interp,
            NP.unwrap,
        ),
        *(NP.nansum, NP.nanprod, NP.nanmean, NP.nanvar, NP.nanstd, NP.nanmax, NP.nanmin),
        *(NP.nancumsum, NP.nancumprod, NP.nanargmax, NP.nanargmin, NP.nanmedian),
        *(NP.nanquantile, NP.nanpercentile, NP.median, NP.quantile, NP.percentile, NP.average),
        *(NP.concatenate, NP.stack, NP.vstack, NP.hstack, NP.dstack, NP.column_stack, NP.tile),
        *(NP.sort, NP.argsort, NP.searchsorted, NP.digitize, NP.histogram, NP.count_nonzero),
        *(NP.dot, NP.vdot, NP.inner, NP.outer, NP.einsum, NP.tensordot, NP.kron, NP.trace),
        *(NP.linalg.norm, NP.cov, NP.corrcoef, NP.convolve, NP.correlate, NP.polyval),
        *(NP.polyfit, NP.vander),
        *(NP.roll, NP.flip, NP.flipud, NP.fliplr, NP.rot90, NP.ravel, NP.tril, NP.triu),
        *(NP.expand_dims, NP.broadcast_to, NP.meshgrid, NP.copy, NP.nan_to_num, NP.isclose),
        *(NP.ones_like, NP.zeros_like, NP.full_like, NP.fft.fft, NP.fft.rfft, NP.fft.ifft),
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
