"""NumPy's reductions that leave out NaN: a mask, a fill that does not count, and the plain reduction."""

from collections.abc import Callable
from typing import Any

import numpy as np

from xgrad.labels.checked import empty_as_missing
from xgrad.labels.duck.reductions import NO_VALUE, Array, Axis, normal_axes, refuse_options


def can_be_nan(a: Array) -> bool:
    return a.dtype.kind in "fc"


def _filled(plain: Callable[..., Array], fill: float) -> Callable[..., Array]:
    """``plain`` with NaN replaced by a value that changes nothing."""

    def reduce(a: Array, *args: Any, **kwargs: Any) -> Array:
        return plain(
            np.where(np.isnan(a), a.dtype.type(fill), a) if can_be_nan(a) else a, *args, **kwargs
        )

    return reduce


nansum = _filled(np.sum, 0)
nanprod = _filled(np.prod, 1)
nancumsum = _filled(np.cumsum, 0)
nancumprod = _filled(np.cumprod, 1)
nanargmax = _filled(np.argmax, -np.inf)
nanargmin = _filled(np.argmin, np.inf)


def _extreme(plain: Callable[..., Array], fill: float) -> Callable[..., Array]:
    """``plain`` over what is not NaN; NaN where nothing is left."""

    def reduce(
        a: Array,
        axis: Axis = None,
        out: Any = None,
        keepdims: Any = NO_VALUE,
        initial: Any = NO_VALUE,
        where: Any = NO_VALUE,
    ) -> Array:
        refuse_options(plain.__name__, out=out, initial=initial, where=where)
        keep = keepdims is True
        if not can_be_nan(a):
            return plain(a, axis=axis, keepdims=keep)
        holes = np.isnan(a)
        found = plain(np.where(holes, a.dtype.type(fill), a), axis=axis, keepdims=keep)
        return np.where(np.all(holes, axis=axis, keepdims=keep), a.dtype.type(np.nan), found)

    return reduce


nanmax = _extreme(np.max, -np.inf)
nanmin = _extreme(np.min, np.inf)


class _Valid:
    """The values of an array that are no NaN, ready to be summed: their mask, and how many they are."""

    def __init__(self, a: Array, axis: Axis) -> None:
        self.a = a
        self.axis = axis
        self.mask = ~np.isnan(a)
        # in float64, exact up to 2**53 and much faster than a sum of integers
        self.count = np.sum(self.mask, axis=axis, dtype=np.float64)

    def mean(self) -> Array:
        zero = self.a.dtype.type(0)
        return self.per_value(np.sum(np.where(self.mask, self.a, zero), axis=self.axis))

    def per_value(self, total: Array) -> Array:
        """A sum of what is zero where values are missing, divided by how many are there."""
        return total / empty_as_missing(self.count).astype(total.dtype, copy=False)

    def squares(self, centre: Array) -> Array:
        """The sum of the squared distances from ``centre``, which has the axes that are reduced."""
        apart = np.where(self.mask, self.a - centre, self.a.dtype.type(0))
        squares = np.square(np.absolute(apart) if self.a.dtype.kind == "c" else apart)
        return np.sum(squares, axis=self.axis)


def _shown(result: Array, a: Array, axis: Axis, keepdims: Any) -> Array:
    """A result without its reduced axes, or with them."""
    return np.expand_dims(result, normal_axes(axis, a.ndim)) if keepdims is True else result


def nanmean(
    a: Array,
    axis: Axis = None,
    dtype: Any = None,
    out: Any = None,
    keepdims: Any = NO_VALUE,
    *,
    where: Any = NO_VALUE,
) -> Array:
    refuse_options("nanmean", out=out, where=where)
    if not can_be_nan(a):
        return np.mean(a, axis=axis, dtype=dtype, keepdims=keepdims is True)
    a = a.astype(dtype or a.dtype, copy=False)
    return _shown(_Valid(a, axis).mean(), a, axis, keepdims)


def nanvar(
    a: Array,
    axis: Axis = None,
    dtype: Any = None,
    out: Any = None,
    ddof: float = 0,
    keepdims: Any = NO_VALUE,
    *,
    where: Any = NO_VALUE,
    mean: Any = NO_VALUE,
    correction: Any = NO_VALUE,
) -> Array:
    refuse_options("nanvar", out=out, where=where)
    ddof = ddof if correction is NO_VALUE else correction
    if not can_be_nan(a):
        return np.var(a, axis=axis, dtype=dtype, ddof=ddof, keepdims=keepdims is True)  # pyright: ignore
    a = a.astype(dtype or a.dtype, copy=False)
    valid = _Valid(a, axis)
    centre = _shown(valid.mean(), a, axis, True) if mean is NO_VALUE else mean
    total = valid.squares(centre)
    if ddof == 0:
        return _shown(valid.per_value(total), a, axis, keepdims)
    freedom = valid.count - ddof
    few = freedom <= 0
    divided = total / np.where(few, 1, freedom).astype(total.dtype, copy=False)
    return _shown(np.where(few, total.dtype.type(np.nan), divided), a, axis, keepdims)


def nanstd(a: Array, *args: Any, **kwargs: Any) -> Array:
    return np.sqrt(nanvar(a, *args, **kwargs))
