"""NumPy's sorts, searches, counts and order statistics on traced arrays.

Order statistics sort once, NaN last, and then read between two neighbours of each quantile's place.
"""

import math
from collections.abc import Callable
from typing import Any, Final

import numpy as np
from numpy.lib.array_utils import normalize_axis_index

from xgrad.errors import UnsupportedError
from xgrad.labels.core import is_traced_array, make, real
from xgrad.labels.duck.joining import take
from xgrad.labels.duck.nan_reductions import can_be_nan
from xgrad.labels.duck.reductions import NO_VALUE, Axis, normal_axes, refuse_options
from xgrad.names import build

Array = Any

# ---- order ---------------------------------------------------------------------------------------------------------


def sort(
    a: Array, axis: int | None = -1, kind: Any = None, order: Any = None, *, stable: Any = None
) -> Array:
    if axis is None:
        a, axis = np.ravel(a), 0
    var, dims = real(a)
    return make(build.sort(var, dims[normalize_axis_index(axis, a.ndim)]), dims, a.scope)


def argsort(
    a: Array, axis: int | None = -1, kind: Any = None, order: Any = None, *, stable: Any = None
) -> Array:
    if axis is None:
        a, axis = np.ravel(a), 0
    var, dims = real(a)
    return make(build.argsort(var, dims[normalize_axis_index(axis, a.ndim)]), dims, a.scope)


def partition(
    a: Array, kth: Any, axis: int | None = -1, kind: Any = None, order: Any = None
) -> Array:
    return sort(a, axis)  # sorted is partitioned, at every kth


def argpartition(
    a: Array, kth: Any, axis: int | None = -1, kind: Any = None, order: Any = None
) -> Array:
    return argsort(a, axis)


# ---- search --------------------------------------------------------------------------------------------------------


_COUNTED = 32


def searchsorted(a: Array, v: Array, side: str = "left", sorter: Any = None) -> Array:
    """Where in the sorted ``a`` the values belong, by halving: each step reads one value per place.

    In a short table all values are compared and counted.
    """
    if sorter is not None:
        a = take(a, sorter)
    size = np.shape(a)[0]
    before = np.less if side == "left" else np.less_equal
    if size <= _COUNTED:
        return np.sum(_comes_before(before, a, np.expand_dims(v, -1)), axis=-1)
    place = np.zeros_like(v, dtype=np.int64)  # how many values of a are known to come before v
    for step in [2**k for k in reversed(range(size.bit_length()))]:
        probe = place + step
        passed = _comes_before(before, take(a, np.minimum(probe, size) - 1), v)
        place = np.where((probe <= size) & passed, probe, place)
    return place


def _comes_before(before: np.ufunc, found: Array, v: Array) -> Array:
    """NaN is sorted last, so all numbers come before it."""
    passed = before(found, v)
    return passed | np.isnan(v) if np.result_type(v).kind in "fc" else passed


def digitize(x: Array, bins: Array, right: bool = False) -> Array:
    side = "left" if right else "right"
    if is_traced_array(bins) or np.all(np.diff(bins) >= 0):
        return np.searchsorted(bins, x, side)
    other = "right" if right else "left"
    return len(bins) - np.searchsorted(np.asarray(bins)[::-1], x, other)


def isin(
    element: Array,
    test_elements: Array,
    assume_unique: bool = False,
    invert: bool = False,
    *,
    kind: Any = None,
) -> Array:
    found = np.any(np.equal(np.expand_dims(element, -1), np.ravel(test_elements)), axis=-1)
    return np.logical_not(found) if invert else found


def bincount(x: Array, /, weights: Array = None, minlength: int = 0) -> Array:
    if is_traced_array(x):
        raise UnsupportedError(
            "np.bincount of traced positions: the length of the result would depend on the data.\n"
            "Compare with every bin instead: (x[:, None] == np.arange(n)).sum(0)."
        )
    size = max(minlength, int(np.max(x, initial=-1)) + 1)
    return np.matmul((x[:, None] == np.arange(size)).T.astype(np.float64), weights)


def histogram(
    a: Array, bins: Any = 10, range: Any = None, density: Any = None, weights: Any = None
) -> tuple[Array, np.ndarray]:
    if is_traced_array(bins) or (np.ndim(bins) == 0 and range is None):
        raise UnsupportedError(
            "np.histogram of traced data needs its edges: pass bins as an array, or a number of them with range="
        )
    edges = np.histogram_bin_edges(np.zeros(0), bins, range)
    a = np.ravel(a)
    place = np.searchsorted(edges, a, "right") - 1
    place = np.where(a == edges[-1], len(edges) - 2, place)
    hits = place[:, None] == np.arange(len(edges) - 1)
    counts = np.sum(
        hits if weights is None else np.where(hits, np.ravel(weights)[:, None], 0), axis=0
    )
    return (counts / np.diff(edges) / np.sum(counts) if density else counts), edges


# ---- order statistics ----------------------------------------------------------------------------------------------


def _last(a: Array, axis: Axis) -> Array:
    """``a`` with the axes to reduce laid out along a last one."""
    axes = normal_axes(axis, a.ndim)
    moved = np.moveaxis(a, axes, range(-len(axes), 0))
    kept = moved.shape[: a.ndim - len(axes)]
    return np.reshape(moved, (*kept, math.prod(moved.shape[len(kept) :])))


def _valid(ordered: Array, skip: bool) -> Any:
    """How many values of each slice count: a number, or an array where NaN is left out."""
    if not skip or not can_be_nan(ordered):
        return ordered.shape[-1]
    return np.sum(~np.isnan(ordered), axis=-1)


def _at(ordered: Array, place: Array) -> Array:
    """The values at concrete places, shared by all slices, or at traced places of each slice along a last axis."""
    if is_traced_array(place):
        return np.take_along_axis(ordered, place, axis=-1)
    return ordered[..., place]


def _with_nan(result: Array, ordered: Array, count: Any) -> Array:
    """NaN where NaN takes part, or where nothing is left."""
    if is_traced_array(count):
        return np.where((count == 0)[..., None], result.dtype.type(np.nan), result)
    if not can_be_nan(ordered):
        return result
    return np.where(np.isnan(ordered[..., -1:]), result.dtype.type(np.nan), result)


def _shared(values: Array, middle: Array) -> Array:
    """The ``middle`` value of each slice as the greatest of those up to it: so ties share its derivative."""
    lowest = values.dtype.type(-np.inf)
    return np.max(np.where(values <= middle, values, lowest), axis=-1, keepdims=True)


def _middle(ordered: Array, count: Any) -> list[Array]:
    """The value in the middle of each slice, or the two where it has, or may have, an even number."""
    if not is_traced_array(count):
        return [ordered[..., k : k + 1] for k in sorted({(count - 1) // 2, count // 2})]
    half = (np.expand_dims(count, -1) - np.array([1, 0])) // 2
    pair = _at(ordered, np.maximum(half, 0))
    return [pair[..., :1], pair[..., 1:]]


def _median(a: Array, axis: Axis, keepdims: Any, skip: bool) -> Array:
    dtype = np.float64 if a.dtype.kind in "biu" else a.dtype
    values = _last(a, axis).astype(dtype, copy=False)
    ordered = np.sort(values, axis=-1)
    count = _valid(ordered, skip)
    if ordered.shape[-1] == 0:
        result = np.full_like(np.sum(ordered, axis=-1), np.nan)
    else:
        shared = [_shared(values, m) for m in _middle(ordered, count)]
        middle = shared[0] if len(shared) == 1 else (shared[0] + shared[1]) / 2
        result = _with_nan(middle, ordered, count)[..., 0]
    return np.expand_dims(result, normal_axes(axis, a.ndim)) if keepdims is True else result


def median(
    a: Array,
    axis: Axis = None,
    out: Any = None,
    overwrite_input: bool = False,
    keepdims: Any = False,
) -> Array:
    refuse_options("median", out=out)
    return _median(a, axis, keepdims, skip=False)


def nanmedian(
    a: Array,
    axis: Axis = None,
    out: Any = None,
    overwrite_input: bool = False,
    keepdims: Any = NO_VALUE,
) -> Array:
    refuse_options("nanmedian", out=out)
    return _median(a, axis, keepdims, skip=True)


def _by_parameters(alpha: float, beta: float) -> Callable[[Any, Any], Any]:
    """Hyndman and Fan's continuous methods: the place of quantile q among n values."""
    return lambda n, q: n * q + (alpha + q * (1 - alpha - beta)) - 1


def _inverted_cdf(n: Any, q: Any) -> Any:
    return np.ceil(n * q) - 1


def _averaged_inverted_cdf(n: Any, q: Any) -> Any:
    whole = n * q
    return np.where(np.floor(whole) == whole, whole - 0.5, np.ceil(whole) - 1)


def _closest_observation(n: Any, q: Any) -> Any:
    below = n * q - 1 - 0.5
    up = np.where((np.floor(below) == below) & (np.floor(below) % 2 == 1), 0, 1)
    return np.floor(below) + up


PLACES: Final[dict[str, Callable[[Any, Any], Any]]] = {
    "linear": lambda n, q: (n - 1) * q,
    "lower": lambda n, q: np.floor((n - 1) * q),
    "higher": lambda n, q: np.ceil((n - 1) * q),
    "nearest": lambda n, q: np.rint((n - 1) * q),
    "midpoint": lambda n, q: 0.5 * (np.floor((n - 1) * q) + np.ceil((n - 1) * q)),
    "hazen": _by_parameters(0.5, 0.5),
    "weibull": _by_parameters(0, 0),
    "median_unbiased": _by_parameters(1 / 3, 1 / 3),
    "normal_unbiased": _by_parameters(3 / 8, 3 / 8),
    "interpolated_inverted_cdf": _by_parameters(0, 1),
    "inverted_cdf": _inverted_cdf,
    "averaged_inverted_cdf": _averaged_inverted_cdf,
    "closest_observation": _closest_observation,
}


def _quantile(a: Array, q: Any, axis: Axis, method: str, keepdims: Any, skip: bool) -> Array:
    if method not in PLACES:
        raise ValueError(f"{method!r} is not a valid method. Use one of: {', '.join(PLACES)}")
    q = np.asarray(q, a.dtype if isinstance(q, int | float) and a.dtype.kind == "f" else None)
    if q.size and not (q.min() >= 0 and q.max() <= 1):
        raise ValueError("Quantiles must be in the range [0, 1]")
    ordered = np.sort(_last(a, axis), axis=-1)
    ordered = ordered.astype(np.result_type(a.dtype, q.dtype), copy=False)
    count = _valid(ordered, skip)
    number = np.maximum(count, 1)[..., None].astype(q.dtype) if is_traced_array(count) else count
    found = between(lambda place: _at(ordered, place), number, q.ravel(), method)
    result = _with_nan(found, ordered, count)
    result = np.reshape(result, (*result.shape[:-1], *q.shape))
    result = np.moveaxis(result, range(-q.ndim, 0), range(q.ndim))
    if keepdims is not True:
        return result
    return np.expand_dims(result, tuple([q.ndim + i for i in normal_axes(axis, a.ndim)]))


def between(at: Callable[[Array], Array], count: Any, q: Any, method: str) -> Array:
    """The values at the places of quantiles ``q`` of ``count`` values, read by ``at`` and interpolated."""
    place = PLACES[method](count, q)
    place = np.minimum(np.maximum(place, 0), count - 1)
    lower = np.floor(place)
    upper = np.minimum(lower + 1, count - 1)
    one, two = (at(k.astype(np.int64)) for k in (lower, upper))
    share = (place - lower).astype(one.dtype)
    apart = two - one
    near = one + apart * share
    return np.where(share >= 0.5, two - apart * (1 - share), near)


def quantile(
    a: Array,
    q: Any,
    axis: Axis = None,
    out: Any = None,
    overwrite_input: bool = False,
    method: str = "linear",
    keepdims: Any = False,
    *,
    weights: Any = None,
    interpolation: Any = None,
) -> Array:
    refuse_options("quantile", out=out, weights=weights)
    return _quantile(a, q, axis, method, keepdims, skip=False)


def nanquantile(
    a: Array,
    q: Any,
    axis: Axis = None,
    out: Any = None,
    overwrite_input: bool = False,
    method: str = "linear",
    keepdims: Any = NO_VALUE,
    *,
    weights: Any = None,
    interpolation: Any = None,
) -> Array:
    refuse_options("nanquantile", out=out, weights=weights)
    return _quantile(a, q, axis, method, keepdims, skip=True)


def percentile(a: Array, q: Any, *args: Any, **kwargs: Any) -> Array:
    return quantile(a, np.true_divide(q, 100) if np.ndim(q) else q / 100, *args, **kwargs)


def nanpercentile(a: Array, q: Any, *args: Any, **kwargs: Any) -> Array:
    return nanquantile(a, np.true_divide(q, 100) if np.ndim(q) else q / 100, *args, **kwargs)
