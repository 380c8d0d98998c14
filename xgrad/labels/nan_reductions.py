"""NumPy's reductions that leave out NaN: a mask, a fill that does not count, and the plain reduction."""

from collections.abc import Callable
from typing import Any

import numpy as np

from xgrad.labels.reductions import NO_VALUE, Array, Axis, refuse_options


def can_be_nan(a: Array) -> bool:
    return a.dtype.kind in "fc"


def _filled(plain: Callable[..., Array], fill: float) -> Callable[..., Array]:
    """``plain`` with NaN replaced by a value that changes nothing."""

    def reduce(a: Array, *args: Any, **kwargs: Any) -> Array:
        return plain(np.where(np.isnan(a), a.dtype.type(fill), a) if can_be_nan(a) else a, *args, **kwargs)

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
    keep = keepdims is True
    if not can_be_nan(a):
        return np.mean(a, axis=axis, dtype=dtype, keepdims=keep)
    valid = ~np.isnan(a)
    total = np.sum(np.where(valid, a, a.dtype.type(0)), axis=axis, dtype=dtype, keepdims=keep)
    return total / np.sum(valid, axis=axis, keepdims=keep).astype(total.dtype)


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
    keep = keepdims is True
    ddof = ddof if correction is NO_VALUE else correction
    if not can_be_nan(a):
        return np.var(a, axis=axis, dtype=dtype, ddof=ddof, keepdims=keep)  # pyright: ignore
    a = a.astype(dtype or a.dtype, copy=False)
    centre = nanmean(a, axis, keepdims=True) if mean is NO_VALUE else mean
    valid = ~np.isnan(a)
    apart = np.where(valid, a - centre, a.dtype.type(0))
    squares = np.square(np.absolute(apart)) if a.dtype.kind == "c" else np.square(apart)
    total = np.sum(squares, axis=axis, keepdims=keep)
    freedom = np.sum(valid, axis=axis, keepdims=keep) - ddof
    few = freedom <= 0
    divided = total / np.where(few, 1, freedom).astype(total.dtype)
    return np.where(few, total.dtype.type(np.nan), divided)


def nanstd(a: Array, *args: Any, **kwargs: Any) -> Array:
    return np.sqrt(nanvar(a, *args, **kwargs))
