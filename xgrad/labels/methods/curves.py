"""Curves through values along one dim: linear, stepwise, splines, and Hermite cubics with slopes of several kinds.

Everything is a Variable, whose dims say what belongs together; any of them may be traced. Where the coord and the
positions are both concrete, places and weights are numbers known while tracing.
"""

from collections.abc import Callable, Hashable, Mapping
from math import factorial
from typing import Any, NamedTuple

import numpy as np
import xarray as xr

from xgrad.errors import UnsupportedError
from xgrad.labels.core import AbstractTraced
from xgrad.labels.duck.elementwise import as_traced
from xgrad.labels.slots import read_variable


class Curve(NamedTuple):
    """Values ``var`` at ``x`` along ``dim``, asked at ``new_x``."""

    var: xr.Variable
    dim: Hashable
    x: xr.Variable
    new_x: xr.Variable
    known: bool  # both x and new_x are concrete
    by_slice: bool  # eager xarray interpolates each 1-D slice by itself


def is_concrete(variable: xr.Variable) -> bool:
    return not isinstance(read_variable(variable).data, AbstractTraced)


# ---- looking up ----------------------------------------------------------------------------------------------------


def searchsorted(x: xr.Variable, new_x: xr.Variable, side: str) -> xr.Variable:
    """Where in the ascending ``x`` the positions belong."""
    table, places = x.data, new_x.data
    return xr.Variable(new_x.dims, np.searchsorted(table, places, side=side))  # pyright: ignore


def interval(
    x: xr.Variable, new_x: xr.Variable, dim: Hashable, side: str
) -> tuple[xr.Variable, xr.Variable]:
    """The two neighbours between which positions lie; the first or last two outside of the table."""
    last = x.sizes[dim] - 1
    if not last:
        only = xr.Variable(new_x.dims, np.zeros(new_x.shape, int))
        return only, only
    if side == "left":
        high = _clipped(searchsorted(x, new_x, side), 1, last)
        return high - 1, high
    low = _clipped(searchsorted(x, new_x, side) - 1, 0, last - 1)
    return low, low + 1


def _clipped(places: xr.Variable, low: int, high: int) -> xr.Variable:
    data: Any = places.data
    return xr.Variable(places.dims, np.clip(data, low, high))


def pick(variable: xr.Variable, dim: Hashable, places: xr.Variable) -> xr.Variable:
    """The values at positions along ``dim``; point by point along the dims that both have."""
    return pick_point(variable, {dim: places})


def pick_point(variable: xr.Variable, places: Mapping[Any, xr.Variable]) -> xr.Variable:
    """The values at positions along several dims."""
    traced: list[Any] = [p.data for p in places.values() if not is_concrete(p)]
    if traced and is_concrete(variable):
        variable = xr.Variable(variable.dims, as_traced(variable.values, traced[0]))
    return variable.isel(places)


def put(result: xr.Variable, where: xr.Variable, value: Any) -> xr.Variable:
    """``result`` with ``value`` where the condition holds."""
    return result.where(~where, value)


# ---- piecewise -----------------------------------------------------------------------------------------------------


def linear(curve: Curve, side: str = "left") -> xr.Variable:
    """The straight line between the neighbours.

    In 1-D float64 slices, which eager xarray leaves to NumPy, a value that is there counts even beside a NaN.
    """
    var, dim, x, new_x, *_ = curve
    low, high = interval(x, new_x, dim, side)
    x_low, x_high = pick(x, dim, low), pick(x, dim, high)
    y_low, y_high = pick(var, dim, low), pick(var, dim, high)
    result = (y_high - y_low) / (x_high - x_low) * (new_x - x_low) + y_low
    if side == "left" and curve.by_slice and var.dtype == np.float64:
        for place, y in ((x_high, y_high), (x_low, y_low)):
            there = new_x == place
            if not is_concrete(there) or there.values.any():
                result = put(result, there & result.isnull(), y)
    return result


def nearest(curve: Curve) -> xr.Variable:
    """The value of the nearer neighbour; half way, the lower one's."""
    var, dim, x, new_x, *_ = curve
    half = x / 2.0
    middles = half.isel({dim: slice(1, None)}) + half.isel({dim: slice(None, -1)})
    last = x.sizes[dim] - 1
    return pick(var, dim, _clipped(searchsorted(middles, new_x, "left"), 0, last))


def previous(curve: Curve) -> xr.Variable:
    """The value at the last point that is not after the position."""
    var, dim, x, new_x, *_ = curve
    last = x.sizes[dim] - 1
    return pick(var, dim, _clipped(searchsorted(x, new_x, "right") - 1, 0, last))


# ---- linear in the data --------------------------------------------------------------------------------------------


def source_of(dim: Hashable) -> str:
    """The name of a dim in the values that a matrix is applied to; in the result the name may come again."""
    return f"{dim}_from"


def _applied(matrix: xr.Variable, var: xr.Variable, dim: Hashable) -> xr.Variable:
    source = source_of(dim)
    dims = [source if d == dim else d for d in var.dims]
    return xr.dot(xr.Variable(dims, read_variable(var).data), matrix, dim=source)


def _matrix(
    new_x: xr.Variable, dim: Hashable, evaluate: Callable[[np.ndarray], np.ndarray]
) -> xr.Variable:
    """What ``evaluate``, with one row for each value, says at the positions."""
    rows = evaluate(new_x.values.ravel())
    return xr.Variable((source_of(dim), *new_x.dims), rows.reshape(len(rows), *new_x.shape))


def _unit_splines(x: xr.Variable, degree: int) -> Any:
    """SciPy's interpolating spline of each unit vector: what one value contributes."""
    from scipy.interpolate import make_interp_spline  # noqa: PLC0415

    if x.size <= degree:
        raise ValueError(f"x and y arrays must have at least {degree + 1} entries")
    return make_interp_spline(x.values, np.eye(x.size), k=degree)


def spline_matrix(x: xr.Variable, new_x: xr.Variable, dim: Hashable, degree: int) -> xr.Variable:
    """The weight of each value at each position."""
    spline = _unit_splines(x, degree)
    return _matrix(new_x, dim, lambda places: spline(places).T)


def spline(curve: Curve, degree: int) -> xr.Variable:
    """The interpolating spline, not-a-knot at its ends. One NaN makes all of it NaN, as in SciPy."""
    var, dim, x, new_x, known, by_slice = curve
    if not is_concrete(x):
        raise UnsupportedError(
            "interp by splines needs the coord's own labels, which are traced here.\n"
            "Use method='linear' or 'nearest'."
        )
    if var.dtype.kind == "f":
        var = var.astype(np.float64, copy=False)
    if degree < 2:
        curve = curve._replace(var=var)
        return linear(curve, side="right") if degree else previous(curve)
    missing = var.isnull().any(dim if by_slice else None)
    values = put(var, missing, 0.0)
    if known:
        result = _applied(spline_matrix(x, new_x, dim, degree), values, dim)
    else:
        result = _piecewise(curve._replace(var=values), degree)
    return put(result, missing, np.nan)


def _piecewise(curve: Curve, degree: int) -> xr.Variable:
    """The spline at traced positions: its polynomials, one for each piece, gathered where the positions are."""
    _, dim, x, new_x, *_ = curve
    units = _unit_splines(x, degree)
    knots = xr.Variable((dim,), units.t[degree : len(units.t) - degree])
    low, _ = interval(knots, new_x, dim, "right")
    beyond = new_x - pick(knots, dim, low)
    result: Any = 0.0
    for order in reversed(range(degree + 1)):
        weights = units(knots.values[:-1], nu=order).T / factorial(order)
        pieces = _applied(xr.Variable((source_of(dim), dim), weights), curve.var, dim)
        result = result * beyond + pick(pieces, dim, low)
    return result


def through_all(curve: Curve, name: str) -> xr.Variable:
    """The one polynomial through all points."""
    from scipy import interpolate  # noqa: PLC0415

    kinds = {
        "barycentric": interpolate.BarycentricInterpolator,
        "krogh": interpolate.KroghInterpolator,
    }
    var, dim, x, new_x, known, _ = curve
    if not known:
        raise UnsupportedError(
            f"interp with method={name!r} at traced positions has no traced form.\n"
            "Use method='cubic', 'quadratic', 'linear', 'nearest', 'pchip' or 'akima'."
        )
    units = kinds[name](x.values, np.eye(x.size), axis=-1)
    return _applied(_matrix(new_x, dim, units), var, dim)


# ---- Hermite cubics ------------------------------------------------------------------------------------------------

# of the steps along a first axis, and the secants there: the slope at each point
Slopes = Callable[[Any, Any], Any]


def hermite(curve: Curve, slopes: Slopes) -> xr.Variable:
    """The cubic between two neighbours with their values and slopes."""
    var, dim, x, new_x, *_ = curve
    if x.size < 2:
        raise ValueError("`x` must contain at least 2 elements.")
    if var.dtype.kind == "f":
        var = var.astype(np.float64, copy=False)
    ordered = var.transpose(dim, ...)
    points: Any = x.data
    values: Any = ordered.data
    steps = np.diff(points).reshape(-1, *[1] * (var.ndim - 1))
    secants = np.diff(values, axis=0) / steps
    slope = slopes(steps, secants) if x.size > 2 else np.concatenate([secants, secants])
    slope = xr.Variable(ordered.dims, slope)
    low, high = interval(x, new_x, dim, "right")
    x_low, width = pick(x, dim, low), pick(x, dim, high) - pick(x, dim, low)
    y_low, y_high, d_low, d_high = (pick(v, dim, k) for v in (var, slope) for k in (low, high))
    s = new_x - x_low
    secant = (y_high - y_low) / width
    bend = (d_low + d_high - 2 * secant) / width
    return ((bend / width * s + ((secant - d_low) / width - bend)) * s + d_low) * s + y_low


def pchip_slopes(h: Any, m: Any) -> Any:
    """Fritsch and Butland's: the weighted harmonic mean of the secants, 0 where they turn."""
    turns = (np.sign(m[1:]) != np.sign(m[:-1])) | (m[1:] == 0) | (m[:-1] == 0)
    after, before = np.where(turns, 1.0, m[1:]), np.where(turns, 1.0, m[:-1])
    w1, w2 = 2 * h[1:] + h[:-1], h[1:] + 2 * h[:-1]
    inside = np.where(turns, 0.0, (w1 + w2) / (w1 / before + w2 / after))
    first = _end_slope(h[:1], h[1:2], m[:1], m[1:2])
    last = _end_slope(h[-1:], h[-2:-1], m[-1:], m[-2:-1])
    return np.concatenate([first, inside, last])


def _end_slope(h0: Any, h1: Any, m0: Any, m1: Any) -> Any:
    """From three points, kept from overshooting."""
    d = ((2 * h0 + h1) * m0 - h0 * m1) / (h0 + h1)
    steep = (np.sign(m0) != np.sign(m1)) & (np.abs(d) > 3.0 * np.abs(m0))
    d = np.where(steep, 3.0 * m0, d)
    kept = ((2 * h0 + h1) * m0 - h0 * m1) / (h0 + h1)
    return np.where(np.sign(kept) != np.sign(m0), 0.0, d)


def _akima(modified: bool) -> Slopes:
    """Akima's: the mean of two secants, each weighted by how much the curve bends on the other side."""

    def slopes(h: Any, m: Any) -> Any:
        before = 2.0 * m[:1] - m[1:2]
        after = 2.0 * m[-1:] - m[-2:-1]
        m = np.concatenate([2.0 * before - m[:1], before, m, after, 2.0 * after - m[-1:]])
        bends = np.abs(np.diff(m, axis=0))
        if modified:
            bends = bends + 0.5 * np.abs(m[1:] + m[:-1])
        one, other = bends[2:], bends[:-2]
        total = one + other
        defined = total > 1e-9 * np.max(total)
        share = other / np.where(defined, total, 1.0)
        return np.where(defined, m[1:-2] + share * (m[2:-1] - m[1:-2]), 0.5 * (m[3:] + m[:-3]))

    return slopes


akima_slopes, makima_slopes = _akima(modified=False), _akima(modified=True)
