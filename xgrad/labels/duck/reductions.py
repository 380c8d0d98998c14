"""Reductions and running totals of NumPy, with the forms that leave out NaN, on traced arrays.

Result dtypes are NumPy's: sums of small integers and booleans are int64, means of integers float64. A reduction that
leaves out NaN is a mask and one reduction, so that its gradient is right at the holes. Where NumPy raises for data (all
of a slice NaN), a traced program cannot: ``nanargmax`` and ``nanargmin`` then give 0.
"""

import math
from typing import Any

import numpy as np
from numpy.lib.array_utils import normalize_axis_index, normalize_axis_tuple

from xgrad.errors import UnsupportedError
from xgrad.labels.core import AbstractTraced, New, is_new, make, real
from xgrad.labels.duck.elementwise import cast_to
from xgrad.names import build

Array = Any  # an array, traced or not
Axis = int | tuple[int, ...] | None
NO_VALUE: Any = np._NoValue  # pyright: ignore[reportAttributeAccessIssue]  # what NumPy passes for an option not given


def normal_axes(axis: Axis, ndim: int) -> tuple[int, ...]:
    """The axes to reduce, counted from the start; all where ``axis`` is None."""
    return tuple(range(ndim)) if axis is None else normalize_axis_tuple(axis, ndim)


def refuse_options(function: str, **options: Any) -> None:
    """Raise for options of a NumPy function that have no traced form."""
    given = [k for k, v in options.items() if v is not None and v is not NO_VALUE and v is not True]
    if given:
        raise UnsupportedError(
            f"np.{function} with {', '.join(f'{k}=' for k in given)} has no traced form"
        )


def _reduce(kind: str, a: AbstractTraced, axis: Axis, keepdims: Any) -> AbstractTraced:
    """One XReduce over the dims behind ``axis``; axes that only repeat the value are made real where that counts."""
    axes = normal_axes(axis, a.ndim)
    repeated = [i for i in axes if is_new(a.names[i]) and a.shape[i] != 1]
    if repeated:
        var, names = real(a)
    else:
        var, names = a.value, list(a.names)
    dims = [names[i] for i in axes if not is_new(names[i])]
    out = build.reduce(kind, var, dims)
    if keepdims is True:
        kept = [New(1) if i in axes else n for i, n in enumerate(names)]
    else:
        kept = [n for i, n in enumerate(names) if i not in axes]
    return make(out, kept, a.scope, weak=a.weak and kind not in ("any", "all"))


def _total_dtype(dtype: np.dtype) -> np.dtype:
    """The dtype in which NumPy adds and multiplies up values of ``dtype``."""
    if dtype.kind in "bi":
        return np.dtype(np.int64)
    return np.dtype(np.uint64) if dtype.kind == "u" else dtype


_IDENTITY = {"sum": 0, "prod": 1, "any": False, "all": True}


def _masked(kind: str, a: Array, where: Any) -> Array:
    return a if where is NO_VALUE or where is True else np.where(where, a, _IDENTITY[kind])


def _total(
    kind: str,
    combine: np.ufunc,
    a: Array,
    axis: Axis = None,
    dtype: Any = None,
    out: Any = None,
    keepdims: Any = NO_VALUE,
    initial: Any = NO_VALUE,
    where: Any = NO_VALUE,
) -> Array:
    refuse_options(kind, out=out)
    a = _masked(kind, a, where)
    a = a.astype(np.dtype(dtype) if dtype is not None else _total_dtype(a.dtype), copy=False)
    result = _reduce(kind, a, axis, keepdims)
    return result if initial is NO_VALUE else combine(result, initial)


def sum_(a: Array, *args: Any, **kwargs: Any) -> Array:
    return _total("sum", np.add, a, *args, **kwargs)


def prod(a: Array, *args: Any, **kwargs: Any) -> Array:
    return _total("prod", np.multiply, a, *args, **kwargs)


def _extreme(
    kind: str,
    combine: np.ufunc,
    a: Array,
    axis: Axis = None,
    out: Any = None,
    keepdims: Any = NO_VALUE,
    initial: Any = NO_VALUE,
    where: Any = NO_VALUE,
) -> Array:
    refuse_options(kind, out=out)
    if where is not NO_VALUE and where is not True:
        a = np.where(where, a, initial)
    axes = normal_axes(axis, a.ndim)
    if initial is NO_VALUE and math.prod([a.shape[i] for i in axes]) == 0:
        raise ValueError(f"zero-size array to reduction operation {kind} which has no identity")
    result = _reduce(kind, a, axis, keepdims)
    return result if initial is NO_VALUE else combine(result, initial)


def max_(a: Array, *args: Any, **kwargs: Any) -> Array:
    return _extreme("max", np.maximum, a, *args, **kwargs)


def min_(a: Array, *args: Any, **kwargs: Any) -> Array:
    return _extreme("min", np.minimum, a, *args, **kwargs)


def any_(
    a: Array, axis: Axis = None, out: Any = None, keepdims: Any = NO_VALUE, *, where: Any = NO_VALUE
) -> Array:
    refuse_options("any", out=out)
    return _reduce("any", _masked("any", a.astype(bool, copy=False), where), axis, keepdims)


def all_(
    a: Array, axis: Axis = None, out: Any = None, keepdims: Any = NO_VALUE, *, where: Any = NO_VALUE
) -> Array:
    refuse_options("all", out=out)
    return _reduce("all", _masked("all", a.astype(bool, copy=False), where), axis, keepdims)


def _position(kind: str, a: Array, axis: int | None, out: Any, keepdims: Any) -> Array:
    refuse_options(kind, out=out)
    if axis is None:
        result = _position(kind, np.ravel(a), 0, None, False)
        return np.reshape(result, (1,) * a.ndim) if keepdims is True else result
    axis = normalize_axis_index(axis, a.ndim)
    if a.shape[axis] == 0:
        raise ValueError(f"attempt to get {kind} of an empty sequence")
    var, dims = real(a)
    result = make(build.reduce(kind, var, [dims[axis]]), dims[:axis] + dims[axis + 1 :], a.scope)
    return np.expand_dims(result, axis) if keepdims is True else result  # pyright: ignore


def argmax(a: Array, axis: Any = None, out: Any = None, *, keepdims: Any = NO_VALUE) -> Array:
    return _position("argmax", a, axis, out, keepdims)


def argmin(a: Array, axis: Any = None, out: Any = None, *, keepdims: Any = NO_VALUE) -> Array:
    return _position("argmin", a, axis, out, keepdims)


def count_nonzero(a: Array, axis: Axis = None, *, keepdims: bool = False) -> Array:
    return np.sum(a != 0, axis=axis, keepdims=keepdims)


def ptp(a: Array, axis: Axis = None, out: Any = None, keepdims: Any = NO_VALUE) -> Array:
    refuse_options("ptp", out=out)
    return max_(a, axis, None, keepdims) - min_(a, axis, None, keepdims)


# ---- moments -------------------------------------------------------------------------------------------------------


def _mean_dtype(dtype: np.dtype) -> np.dtype:
    return np.dtype(np.float64) if dtype.kind in "biu" else dtype


def _precise(dtype: np.dtype) -> np.dtype:
    """The dtype in which a mean of values of ``dtype`` is computed: float16 would overflow."""
    return np.dtype(np.float32) if dtype == np.float16 else dtype


def _count(a: Array, axis: Axis) -> int:
    return math.prod([a.shape[i] for i in normal_axes(axis, a.ndim)])


def mean(
    a: Array,
    axis: Axis = None,
    dtype: Any = None,
    out: Any = None,
    keepdims: Any = NO_VALUE,
    *,
    where: Any = NO_VALUE,
) -> Array:
    refuse_options("mean", out=out)
    result = np.dtype(dtype) if dtype is not None else _mean_dtype(a.dtype)
    total = sum_(a, axis, _precise(result), None, keepdims, where=where)
    if where is NO_VALUE or where is True:
        count = _count(a, axis)
    else:
        taken = np.broadcast_to(where, a.shape)
        count = np.sum(taken, axis=axis, keepdims=keepdims is True)
    return np.true_divide(total, cast_to(count, total.dtype)).astype(result, copy=False)


def var(
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
    refuse_options("var", out=out, where=where)
    ddof = ddof if correction is NO_VALUE else correction
    result = np.dtype(dtype) if dtype is not None else _mean_dtype(a.dtype)
    a = a.astype(_precise(result), copy=False)
    centre = _mean_of(a, axis) if mean is NO_VALUE else mean
    total = sum_(_squared(a - centre), axis, None, None, keepdims)
    freedom = max(_count(a, axis) - ddof, 0)
    real_result = np.dtype(f"f{result.itemsize // 2}") if result.kind == "c" else result
    return np.true_divide(total, total.dtype.type(freedom)).astype(real_result, copy=False)


def _mean_of(a: Array, axis: Axis) -> Array:
    return mean(a, axis, keepdims=True)


def _squared(a: Array) -> Array:
    return np.square(a) if a.dtype.kind != "c" else np.square(a.real) + np.square(a.imag)


def std(a: Array, *args: Any, **kwargs: Any) -> Array:
    return np.sqrt(var(a, *args, **kwargs))


def average(
    a: Array,
    axis: Axis = None,
    weights: Any = None,
    returned: bool = False,
    *,
    keepdims: Any = NO_VALUE,
) -> Array:
    keep = keepdims is True
    if weights is None:
        result = np.mean(a, axis=axis, keepdims=keep)
        total = np.full_like(result, _count(a, axis))
        return (result, total) if returned else result
    dtype = np.result_type(a, weights, *([np.float64] if np.result_type(a).kind in "biu" else []))
    if np.shape(weights) != np.shape(a):
        axes = normal_axes(axis, np.ndim(a))
        spread = [np.shape(a)[i] if i in axes else 1 for i in range(np.ndim(a))]
        weights = np.reshape(np.transpose(weights, np.argsort(axes)), spread)
    weights = np.broadcast_to(weights, np.shape(a))
    total = np.sum(weights, axis=axis, dtype=dtype, keepdims=keep)
    result = np.sum(np.multiply(a, weights, dtype=dtype), axis=axis, keepdims=keep) / total
    return (result, np.broadcast_to(total, np.shape(result))) if returned else result


# ---- running totals ------------------------------------------------------------------------------------------------


def _cumulative(kind: str, a: Array, axis: int | None, dtype: Any, out: Any) -> Array:
    refuse_options(f"cum{kind}", out=out)
    if axis is None:
        return _cumulative(kind, np.ravel(a), 0, dtype, None)
    a = a.astype(np.dtype(dtype) if dtype is not None else _total_dtype(a.dtype), copy=False)
    return _running(kind, a, axis)


def cumsum(a: Array, axis: int | None = None, dtype: Any = None, out: Any = None) -> Array:
    return _cumulative("sum", a, axis, dtype, out)


def cumprod(a: Array, axis: int | None = None, dtype: Any = None, out: Any = None) -> Array:
    return _cumulative("prod", a, axis, dtype, out)


def _running(kind: str, a: Array, axis: int) -> Array:
    var, dims = real(a)
    dim = dims[normalize_axis_index(axis, a.ndim)]
    return make(build.cumreduce(kind, var, dim), dims, a.scope)


def running_max(a: Array, axis: int = 0) -> Array:
    """``np.maximum.accumulate``."""
    return _running("max", a, axis)


def running_min(a: Array, axis: int = 0) -> Array:
    """``np.minimum.accumulate``."""
    return _running("min", a, axis)


def _cumulative_with_initial(
    kind: str, x: Array, axis: int | None, dtype: Any, out: Any, include_initial: bool
) -> Array:
    axis = 0 if axis is None and x.ndim == 1 else axis
    if axis is None:
        raise ValueError(f"np.cumulative_{kind} of an array with {x.ndim} axes needs an axis")
    result = _cumulative(kind, x, axis, dtype, out)
    if not include_initial:
        return result
    first = np.full_like(np.take(result, [0], axis=axis), _IDENTITY[kind])
    return np.concatenate([first, result], axis=axis)


def cumulative_sum(
    x: Array,
    /,
    *,
    axis: Any = None,
    dtype: Any = None,
    out: Any = None,
    include_initial: bool = False,
) -> Array:
    return _cumulative_with_initial("sum", x, axis, dtype, out, include_initial)


def cumulative_prod(
    x: Array,
    /,
    *,
    axis: Any = None,
    dtype: Any = None,
    out: Any = None,
    include_initial: bool = False,
) -> Array:
    return _cumulative_with_initial("prod", x, axis, dtype, out, include_initial)
