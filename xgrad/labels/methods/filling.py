"""Gaps filled from their neighbours, and ranks: what xarray leaves to SciPy and bottleneck, on traced arrays.

Which values are missing is not known while tracing. Running extremes of positions find, for each place, the nearest
values before and after it; everything else is gathers and masks.
"""

from collections.abc import Callable
from typing import Any, Final, NamedTuple

import numpy as np
import xarray as xr

from xgrad.errors import UnsupportedError
from xgrad.labels.core import AbstractTraced, is_traced_array, make, real
from xgrad.labels.duck.nan_reductions import can_be_nan
from xgrad.labels.methods import splines
from xgrad.labels.methods.slices import over_slices
from xgrad.labels.recording import recorded
from xgrad.labels.slots import read_variable
from xgrad.names import build

Array = Any

# ---- interpolate_na ------------------------------------------------------------------------------------------------


class Gaps(NamedTuple):
    """Values with gaps along the last axis, and for each place the positions of the values around it.

    ``before`` is -1 where none is, ``after`` the size of the axis. ``low`` and ``high`` are the two values whose line
    is read there: around a gap; at the ends the nearest two, or where nothing is read, any.
    """

    values: Array
    x: np.ndarray
    valid: Array
    before: Array
    after: Array
    low: Array
    high: Array


def interpolate_gaps(original: Callable[..., Any]) -> Callable[..., Any]:
    """``func_interpolate_na``: NaN replaced by what a curve through the other values says there."""

    def fill(interpolator: Any, y: Array, x: Array, **options: Any) -> Array:
        if not is_traced_array(y):
            return original(interpolator, y, x, **options)
        return _fill(interpolator, y, x, options)

    return over_slices(fill)


def _fill(interpolator: Any, y: Array, x: np.ndarray, options: dict[str, Any]) -> Array:
    name = interpolator.__name__.removesuffix("Interpolator").lower().removesuffix("1d")
    kind = options.get("method", name)
    curve_of = _kind(kind, options.get("order"))
    if curve_of is None:
        raise UnsupportedError(
            f"interpolate_na with method={kind!r} has no traced form: its curve depends on which values are missing.\n"
            f"Use one of: {', '.join(KINDS)}, polynomial with order=. Where the gaps are known, drop them for interp."
        )
    if not can_be_nan(y) or y.shape[-1] < 3:  # a gap has a value on both sides
        return y
    endless = kind in ENDLESS or options.get("extrapolate")
    ends = None if endless else _ends(options.get("fill_value"))
    gaps = _gaps(y, np.asarray(x, np.float64), extrapolate=ends is None)
    curve = curve_of(gaps).astype(y.dtype, copy=False)
    if ends is None:
        return np.where(gaps.valid | ~_several(gaps), y, curve)
    below, above = ends
    first, last = gaps.before < 0, gaps.after >= y.shape[-1]
    if np.isnan(below) and np.isnan(above):
        return np.where(gaps.valid | first | last, y, curve)
    curve = np.where(last, above, np.where(first, below, curve)).astype(y.dtype, copy=False)
    return np.where(gaps.valid | ~_several(gaps), y, curve)


def _kind(kind: Any, order: int | None) -> Callable[[Gaps], Array] | None:
    """How a kind of curve is read in the gaps; None where there is no traced form."""
    if kind == "polynomial" and order is not None and order > 0:
        return _through(splines.spline, order)
    return KINDS.get(kind)


def _several(gaps: Gaps) -> Array:
    """Whether there are two values at least: a slice with fewer stays as it is."""
    return np.sum(gaps.valid, axis=-1, keepdims=True) > 1


def _ends(fill_value: Any) -> tuple[Any, Any] | None:
    """What stands before the first and after the last value; None leaves the curve there."""
    if isinstance(fill_value, str):
        return None
    if isinstance(fill_value, tuple | list):
        low, high = fill_value
        return low, high
    return (np.nan, np.nan) if fill_value is None else (fill_value, fill_value)


def _gaps(y: Array, x: np.ndarray, extrapolate: bool) -> Gaps:
    size = y.shape[-1]
    steps = np.arange(size)
    valid = ~np.isnan(y)
    before = running("max", np.where(valid, steps, -1))
    after = running("min", np.where(valid, steps, size), reverse=True)
    low, high = before, after
    if extrapolate:
        first, last = after[..., :1], before[..., -1:]
        second = np.min(np.where(valid & (steps > first), steps, size), -1, keepdims=True)
        second_last = np.max(np.where(valid & (steps < last), steps, -1), -1, keepdims=True)
        low = np.where(before < 0, first, np.where(after >= size, second_last, before))
        high = np.where(before < 0, second, np.where(after >= size, last, after))
    low, high = (np.clip(k, 0, size - 1) for k in (low, high))
    return Gaps(np.where(valid, y, 0.0), x, valid, before, after, low, high)


@recorded
def running(kind: str, array: Array, reverse: bool = False) -> Array:
    """The running extreme along the last axis, from its start or its end."""
    var, dims = real(array)
    return make(build.cumreduce(kind, var, dims[-1], reverse), dims, array.scope)


@recorded
def _at(values: Array, places: Array) -> Array:
    """The values, or entries of a concrete table, at places along the last axis, under the same names."""
    at, dims = real(places)
    if is_traced_array(values):
        var, own = real(values)
        var = build.rename(var, dict(zip(own, dims, strict=True)))
    else:
        var = build.constant(values, dims[-1:])
    return make(build.index(var, {dims[-1]: at}), dims, places.scope)


def _line(gaps: Gaps) -> Array:
    y_low, y_high = (_at(gaps.values, k) for k in (gaps.low, gaps.high))
    x_low, x_high = (_at(gaps.x, k) for k in (gaps.low, gaps.high))
    width = x_high - x_low
    slope = (y_high - y_low) / np.where(width == 0, 1.0, width)
    return slope * (gaps.x - x_low) + y_low


def _nearer(gaps: Gaps) -> Array:
    x_low, x_high = (_at(gaps.x, k) for k in (gaps.low, gaps.high))
    return _at(gaps.values, np.where(gaps.x <= x_low / 2.0 + x_high / 2.0, gaps.low, gaps.high))


def _last(gaps: Gaps) -> Array:
    return _at(gaps.values, np.where(gaps.before < 0, gaps.low, np.maximum(gaps.before, 0)))


def _through(curve: Callable[..., Array], *options: Any) -> Callable[[Gaps], Array]:
    """One of the curves that need all valid values."""
    return lambda gaps: curve(gaps.x, gaps.values, gaps.valid, *options)


ENDLESS: Final = ("barycentric", "krogh")  # which know no ends
KINDS: Final[dict[str, Callable[[Gaps], Array]]] = {
    "linear": _line,
    "slinear": _line,
    "nearest": _nearer,
    "zero": _last,
    "quadratic": _through(splines.spline, 2),
    "cubic": _through(splines.spline, 3),
    "quintic": _through(splines.spline, 5),
    "pchip": _through(splines.pchip),
    "akima": _through(splines.akima),
    "makima": _through(splines.akima, True),
    "barycentric": _through(splines.polynomial),
    "krogh": _through(splines.polynomial),
}

# ---- rank ----------------------------------------------------------------------------------------------------------


def rank_dataset(original: Callable[..., xr.Dataset]) -> Callable[..., xr.Dataset]:
    """``Dataset.rank``, which asks for bottleneck before it looks at the data."""

    def rank(
        self: xr.Dataset, dim: Any, *, pct: bool = False, keep_attrs: bool | None = None
    ) -> xr.Dataset:
        if not any(_is_traced(v) for v in self.variables.values()):
            return original(self, dim, pct=pct, keep_attrs=keep_attrs)
        if dim not in self.dims:
            raise ValueError(f"Dimension {dim!r} not found in data dimensions {tuple(self.dims)}")
        ranked = {
            k: _ranked(v.variable, dim, pct) for k, v in self.data_vars.items() if dim in v.dims
        }
        result = self.drop_vars(list(self.data_vars)).assign(ranked)
        kept = xr.get_options()["keep_attrs"] if keep_attrs is None else keep_attrs
        result.attrs = {} if kept is False else dict(self.attrs)
        return result

    return rank


def _is_traced(variable: xr.Variable) -> bool:
    return isinstance(read_variable(variable).data, AbstractTraced)


def rank_variable(original: Callable[..., xr.Variable]) -> Callable[..., xr.Variable]:
    """``Variable.rank``."""

    def rank(self: xr.Variable, dim: Any, *, pct: bool = False) -> xr.Variable:
        if not _is_traced(self):
            return original(self, dim, pct=pct)
        return _ranked(self, dim, pct)

    return rank


def _ranked(variable: xr.Variable, dim: Any, pct: bool) -> xr.Variable:
    ranked = xr.apply_ufunc(
        mean_ranks, variable, input_core_dims=[[dim]], output_core_dims=[[dim]]
    ).transpose(*variable.dims)
    return ranked / variable.notnull().sum(dim) if pct else ranked


def mean_ranks(a: Array) -> Array:
    """The ranks along the last axis, from 1; equal values share the mean of theirs, and NaN stays NaN."""
    size = a.shape[-1]
    order = np.argsort(a, axis=-1)
    ordered = np.take_along_axis(a, order, axis=-1)
    same = ordered[..., 1:] == ordered[..., :-1]
    edge = np.zeros_like(same[..., :1])
    steps = np.arange(size)
    first = np.maximum.accumulate(
        np.where(np.concatenate([edge, same], axis=-1), -1, steps), axis=-1
    )
    ends = np.where(np.concatenate([same, edge], axis=-1), size, steps)
    last = np.flip(np.minimum.accumulate(np.flip(ends, -1), axis=-1), -1)
    shared = (first + last) / 2.0 + 1.0
    ranks = np.take_along_axis(shared, np.argsort(order, axis=-1), axis=-1)
    return np.where(np.isnan(a), np.nan, ranks) if a.dtype.kind in "fc" else ranks
