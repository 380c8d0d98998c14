"""What xarray leaves to compiled libraries or pandas for missing values, as NumPy functions of traced arrays."""

from typing import Any

import numpy as np

from xgrad.labels.duck.joining import take
from xgrad.labels.duck.nan_reductions import can_be_nan

Array = Any


def push(array: Array, n: int | None, axis: int, method: str = "") -> Array:
    """Every NaN filled with the last value before it along ``axis``, no more than ``n`` steps away."""
    if not can_be_nan(array):
        return array
    size = array.shape[axis]
    steps = np.arange(size).reshape(
        [size if i == axis % array.ndim else 1 for i in range(array.ndim)]
    )
    last = np.maximum.accumulate(np.where(np.isnan(array), -1, steps), axis=axis)
    near = (last >= 0) & (steps - last <= (size if n is None else n))
    found = np.take_along_axis(array, np.maximum(last, 0), axis=axis)
    return np.where(near, found, array.dtype.type(np.nan))


def first_valid(values: Array, axis: Any, keepdims: bool = False) -> Array:
    """The first value along ``axis`` that is not NaN."""
    (axis,) = axis if isinstance(axis, tuple) else (axis,)
    if values.dtype.kind not in "fc":
        found = take(values, [0], axis=axis)
    else:
        place = np.argmax(~np.isnan(values), axis=axis, keepdims=True)
        found = np.take_along_axis(values, place, axis=axis)
    return found if keepdims else np.squeeze(found, axis)


def last_valid(values: Array, axis: Any, keepdims: bool = False) -> Array:
    """The last value along ``axis`` that is not NaN."""
    (axis,) = axis if isinstance(axis, tuple) else (axis,)
    return first_valid(np.flip(values, axis), axis, keepdims)
