"""Medians and quantiles of groups: one sort for all of them, from which the wanted places are read.

Groups of about one size are laid out side by side. Others are sorted in one row, by group and then by value: where each
group starts in it is known while tracing.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from xgrad.axes.sort import ArgsortWithin
from xgrad.labels.core import make, real
from xgrad.labels.duck.sorting import between
from xgrad.labels.methods.groups import Array, Grouped, Groups
from xgrad.names import build


def median(g: Grouped, skipna: bool | None = None) -> Array:
    dtype = np.mean(np.empty(1, g.values.dtype)).dtype
    g = g._replace(values=g.values.astype(dtype, copy=False))
    if g.groups.even:
        return _side_by_side(g, g.skips(skipna), np.nanmedian)
    return _Ordered(g, g.skips(skipna)).median()


def quantile(g: Grouped, q: np.ndarray, method: Any, skipna: bool | None = None) -> Array:
    """The quantiles ``q``, along a first axis if there are several."""
    g = g._replace(values=g.values.astype(np.result_type(g.values.dtype, q.dtype), copy=False))
    if g.groups.even:
        return _side_by_side(
            g, g.skips(skipna), lambda a, axis: np.nanquantile(a, q, axis, method=method)
        )
    ordered = _Ordered(g, g.skips(skipna))
    found = [ordered.quantile(each, method) for each in q.ravel()]
    return np.stack(found) if q.ndim else found[0]


def _side_by_side(g: Grouped, skip: bool, statistic: Callable[..., Array]) -> Array:
    """A row for each group, filled up with NaN, which is sorted last."""
    table, nan = g.groups.table(), g.values.dtype.type(np.nan)
    there = (table >= 0).reshape(*table.shape, *[1] * (g.values.ndim - 1))
    rows = np.take(g.values, np.maximum(table, 0), axis=0)
    axes = (1, *[i + 1 for i in g.others])
    found = statistic(np.where(there, rows, nan), axis=axes)
    return found if skip else np.where(np.any(np.isnan(rows) & there, axis=axes), nan, found)


class _Ordered:
    """The values sorted by group, and by value within each group, NaN last."""

    def __init__(self, g: Grouped, skip: bool) -> None:
        self.flat = g = _flat(g)
        self.skip = skip
        var, (dim, *rest) = real(g.values)
        codes = build.constant(g.groups.codes, [dim])
        (order,) = build.blockwise(ArgsortWithin(), [var, codes], [[dim], [dim]], [[dim]])
        place: Any = make(order, [dim, *rest], g.values.scope)
        self.values = np.take_along_axis(g.values, place, axis=0)
        self.missing = np.isnan(g.values)
        sizes = g.groups.sizes.reshape(-1, *[1] * len(rest))
        self.starts = np.cumsum(sizes, axis=0) - sizes
        self.count = g.count(~self.missing).astype(np.int64) if skip else sizes

    def at(self, place: Array) -> Array:
        """For each group the value at a place within it."""
        shape = (len(self.starts), *self.values.shape[1:])
        return np.take_along_axis(self.values, np.broadcast_to(self.starts + place, shape), axis=0)

    def told(self, found: Array) -> Array:
        """``found``, but NaN where nothing is left, or where NaN takes part."""
        gone = self.count == 0 if self.skip else self.flat.reduced("any", self.missing)
        return np.where(gone, found.dtype.type(np.nan), found)

    def median(self) -> Array:
        """The mean of the two middle values, each as the greatest up to it: so ties share its derivative."""
        lowest = self.values.dtype.type(-np.inf)
        values = self.flat.values

        def shared(middle: Array) -> Array:
            below = values <= self.flat.spread(middle)
            return self.flat.reduced("max", np.where(below, values, lowest))

        halves = (np.maximum(self.count - 1, 0) // 2, self.count // 2)
        one, two = [shared(self.at(half)) for half in halves]
        return self.told((one + two) / 2)

    def quantile(self, q: Any, method: str) -> Array:
        count = np.maximum(self.count, 1).astype(np.float64)
        return self.told(between(self.at, count, q, method))


def _flat(g: Grouped) -> Grouped:
    """The same with one axis to reduce, its entries in the order of their groups."""
    positions, groups = g.groups.apart()
    each = int(np.prod([g.values.shape[i] for i in g.others], dtype=int))
    values = np.take(g.values, positions, axis=0)
    rest = values.shape[1 + len(g.others) :]
    sizes = groups.sizes * each
    members = np.split(np.arange(sizes.sum()), np.cumsum(sizes)[:-1])
    flat = Groups(groups.name, tuple(members), np.repeat(groups.codes, each))
    return Grouped(np.reshape(values, (len(positions) * each, *rest)), flat, ())
