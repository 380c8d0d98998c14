"""Curves through the values of each slice that are not missing, which is known only when the program runs.

SciPy is given the valid values alone. Here the sizes stay: what is missing takes part in a system of its own that the
curve does not depend on, or comes last, behind the count of what is valid. Knots follow the mask and not the data, so
splines are linear in the data. Slices lie along the last axis; a system of n equations is solved for each.
"""

from typing import Any, NamedTuple

import numpy as np

Array = Any


def spline(x: np.ndarray, values: Array, valid: Array, order: int) -> Array:
    """The spline of ``order`` through the valid ``values`` at ascending ``x``, as ``scipy.interpolate.interp1d``.

    NaN where a slice has no more values than the order, for which SciPy raises. Source: C. de Boor, A Practical Guide
    to Splines, chapters IX and XIII.
    """
    n = len(x)
    count = np.sum(valid, axis=-1, keepdims=True)
    enough = count > order
    basis = _basis(x, _knots(x, valid, count, order), count, order)
    basis = np.where(enough[..., None], basis, 0.0)
    apart = (count + np.cumsum(~valid, axis=-1) - 1)[..., None] == np.arange(n)
    system = np.where(valid[..., None], basis, apart)
    system = np.where(enough[..., None], system, np.eye(n))
    weights = np.linalg.solve(system, values[..., None])
    return np.where(enough, np.matmul(basis, weights)[..., 0], np.nan)


def _knots(x: np.ndarray, valid: Array, count: Array, order: int) -> Array:
    """Both ends, ``order + 1`` times, and between them the valid places, or their middles, less those next to the ends.

    There are as many as if all places were valid: the last end is repeated.
    """
    known = np.sort(np.where(valid, x, np.inf), axis=-1)
    last = np.max(np.where(valid, x, -np.inf), axis=-1, keepdims=True)
    between = known if order % 2 else (known[..., 1:] + known[..., :-1]) / 2
    number = np.arange(len(x) + order + 1)
    places = np.clip(number - order - 1 + (order + 1) // 2, 0, between.shape[-1] - 1)
    knots = np.where(number < count, np.take(between, places, axis=-1), last)
    return np.where(number <= order, known[..., :1], knots)


def _basis(x: np.ndarray, knots: Array, count: Array, order: int) -> Array:
    """What each B-spline is at each place; beyond the ends, the outermost pieces go on."""
    x = x[:, None]
    number = np.arange(knots.shape[-1])
    inner = (number > order) & (number < count)
    piece = order + np.sum((knots[..., None, :] <= x) & inner[..., None, :], axis=-1)
    basis = (piece[..., None] == number[:-1]).astype(np.float64)
    knots = knots[..., None, :]
    for d in range(1, order + 1):
        ends = knots.shape[-1] - d
        start, stop = knots[..., :ends], knots[..., d:]
        width = np.where(stop > start, stop - start, np.inf)
        rising, falling = (x - start) / width, (stop - x) / width
        basis = rising[..., :-1] * basis[..., :-1] + falling[..., 1:] * basis[..., 1:]
    return basis


def polynomial(x: np.ndarray, values: Array, valid: Array) -> Array:
    """The polynomial through all valid values, at the places of the others.

    Source: J.-P. Berrut and L. N. Trefethen, Barycentric Lagrange Interpolation, SIAM Review 46 (2004).
    """
    x = x * (4.0 / max(np.ptp(x), np.finfo(float).tiny))
    apart = x[:, None] - x
    factors = np.where(valid[..., None, :] & (apart != 0), apart, 1.0)
    weights = np.where(valid, 1.0 / np.prod(factors, axis=-1), 0.0)
    shares = weights[..., None, :] / np.where(valid[..., None] | (apart == 0), 1.0, apart)
    total = np.sum(shares, axis=-1)
    return np.matmul(shares, values[..., None])[..., 0] / np.where(valid, 1.0, total)


class Points(NamedTuple):
    """The valid values of each slice, one after another; after them comes whatever, but widths of 1 and rises of 0."""

    places: Array
    known: Array
    width: Array  # from each to the next
    rise: Array  # over the width
    last: Array  # the position of the last of them

    @classmethod
    def of(cls, x: np.ndarray, values: Array, valid: Array) -> "Points":
        n, steps = len(x), np.arange(len(x))
        last = np.maximum(np.sum(valid, axis=-1, keepdims=True) - 1, 0)
        order = np.minimum(np.sort(np.where(valid, steps, n), axis=-1), n - 1)
        places, known = _at(np.broadcast_to(x, order.shape), order), _at(values, order)
        real = steps[:-1] < last
        width = np.where(real, places[..., 1:] - places[..., :-1], 1.0)
        rise = np.where(real, (known[..., 1:] - known[..., :-1]) / width, 0.0)
        return cls(places, known, width, rise, last)

    def curve(self, x: np.ndarray, valid: Array, slopes: Array) -> Array:
        """The cubic pieces with these ``slopes`` at the points."""
        piece = np.clip(np.cumsum(valid, axis=-1) - 1, 0, np.maximum(self.last - 1, 0))
        after = np.minimum(piece + 1, len(x) - 1)
        h = _at(self.width, np.minimum(piece, len(x) - 2))
        t = (x - _at(self.places, piece)) / h
        bend = 3 * t**2 - 2 * t**3
        level = _at(self.known, piece) * (1 - bend) + _at(self.known, after) * bend
        tilt = _at(slopes, piece) * t * (1 - t) ** 2 - _at(slopes, after) * t**2 * (1 - t)
        return level + h * tilt


def _at(table: Array, places: Array) -> Array:
    """Entries along the last axis, the nearest in range."""
    return np.take_along_axis(table, np.clip(places, 0, table.shape[-1] - 1), -1)


def pchip(x: np.ndarray, values: Array, valid: Array) -> Array:
    """The monotonic curve of Fritsch and Butland, as ``scipy.interpolate.PchipInterpolator`` has it.

    Its slopes inside are weighted harmonic means of the rises to both sides, and 0 where these turn.
    """
    points = Points.of(x, values, valid)
    _, _, width, rise, last = points
    before, after = rise[..., :-1], rise[..., 1:]
    near, far = 2 * width[..., 1:] + width[..., :-1], width[..., 1:] + 2 * width[..., :-1]
    same = before * after > 0
    one, two = np.where(same, before, 1.0), np.where(same, after, 1.0)
    inside = np.where(same, (near + far) / (near / one + far / two), 0.0)
    first = _end_slope(width[..., :1], width[..., 1:2], rise[..., :1], rise[..., 1:2], last)
    h, k, outer, inner = (_at(a, last - i) for a in (width, rise) for i in (1, 2))
    end = _end_slope(h, k, outer, inner, last)
    slopes = np.concatenate([first, inside, end], axis=-1)
    return points.curve(x, valid, np.where(np.arange(len(x)) == last, end, slopes))


def _end_slope(h: Array, k: Array, rise: Array, inner: Array, last: Array) -> Array:
    """The slope at an end, of three points that keep the shape; the rise itself where there are only two."""
    slope = ((2 * h + k) * rise - h * inner) / (h + k)
    steep = (rise * inner < 0) & (np.abs(slope) > 3 * np.abs(rise))
    slope = np.where(slope * rise <= 0, 0.0, np.where(steep, 3 * rise, slope))
    return np.where(last < 2, rise, slope)


def akima(x: np.ndarray, values: Array, valid: Array, modified: bool = False) -> Array:
    """Akima's curve, or the ``modified`` one, as ``scipy.interpolate.Akima1DInterpolator`` has it.

    A slope lies between the two rises beside a point, nearer to the one that changes less beyond; past the ends, rises
    change as they did before.
    """
    points = Points.of(x, values, valid)
    rises = _beyond_ends(points.rise, points.last)
    apart = np.abs(rises[..., 1:] - rises[..., :-1])
    if modified:
        apart = apart + 0.5 * np.abs(rises[..., 1:] + rises[..., :-1])
    after, before = apart[..., 2:], apart[..., :-2]
    there = np.arange(len(x)) <= points.last
    total = np.where(there, after + before, 0.0)
    clear = total > 1e-9 * np.max(total, axis=-1, keepdims=True)
    share = before / np.where(clear, total, 1.0)
    low, high = rises[..., 1:-2], rises[..., 2:-1]
    slopes = np.where(clear, low + share * (high - low), 0.5 * (rises[..., 3:] + rises[..., :-3]))
    slopes = np.where(points.last < 2, points.rise[..., :1], slopes)
    return points.curve(x, valid, slopes)


def _beyond_ends(rise: Array, last: Array) -> Array:
    """Rises with two more before the first and after the last."""
    first, second = rise[..., :1], rise[..., 1:2]
    below = [3 * first - 2 * second, 2 * first - second]
    outer, inner = _at(rise, last - 1), _at(rise, last - 2)
    rises = np.concatenate([*below, rise, outer, outer], axis=-1)
    place = np.arange(rises.shape[-1]) - 2 - last
    return np.where(
        place == 0, 2 * outer - inner, np.where(place == 1, 3 * outer - 2 * inner, rises)
    )
