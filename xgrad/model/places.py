"""Where in an array something is, in the words of messages."""

import numpy as np
import xarray as xr

from xgrad.model.dims import plain


def first_value(array: xr.DataArray, where: xr.DataArray) -> str:
    """The first value at which ``where`` holds, with its labels; of vectors, the first one."""
    values = array.transpose(*where.dims, ...).values[where.values]
    return f"{plain(values[0])!r} at {first_place(where)}"


def first_place(where: xr.DataArray) -> str:
    """The first entry at which ``where`` holds, by its labels, or positions where there are none."""
    place = np.argwhere(np.atleast_1d(where.values))[0]
    indexes = where.indexes
    named = zip(where.dims, place, strict=False)
    found = [f"{d}={plain(indexes[d][i])!r}" if d in indexes else f"{d}[{i}]" for d, i in named]
    return ", ".join(found) or "its only entry"
