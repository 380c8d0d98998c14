"""Reductions that drop axes: product, extremes and where they stand. Sum, Any and All come from ``spread``."""

from collections.abc import Sequence
from math import prod as product
from typing import Any as Anything

import numpy as np

from xgrad.axes.arithmetic import divide, maximum, multiply
from xgrad.axes.base import AbstractGeneral, AbstractStep, TensorType
from xgrad.axes.constants import full_like, ones_like, zeros_like
from xgrad.axes.cumulative import (
    CumMax,
    CumMin,
    CumProd,
    CumSum,
    LinearRecurrence,
    cumsum,
    linear_recurrence,
)
from xgrad.axes.logic import cast, equal, where
from xgrad.axes.spread import All, Any, Sum, any_, other_axes, spread, sum_, without_axes
from xgrad.axes.structural import concat, inverse_order, pad_axis, permute, reshape, slice_axis
from xgrad.graph import Var

__all__ = [
    "All",
    "Any",
    "Argmax",
    "Argmin",
    "CumMax",
    "CumMin",
    "CumProd",
    "CumSum",
    "LinearRecurrence",
    "Max",
    "Min",
    "Prod",
    "Sum",
    "any_",
    "cumsum",
    "leave_one_out",
    "linear_recurrence",
    "max_",
    "min_",
    "sum_",
]


class AbstractReduction(AbstractGeneral):
    """Drops ``axes``; keeps the dtype."""

    axes: tuple[int, ...]

    def infer(self, x: TensorType) -> TensorType:
        return TensorType(without_axes(x.shape, self.axes), x.dtype)


class Prod(AbstractReduction):
    """The product. Its derivative by a factor is the product of the others, exact however many are zero."""

    def emit(self, xp: Anything, x: Anything) -> Anything:
        return xp.lax.reduce_prod(x, self.axes)

    def pullback(
        self, wanted: Sequence[int], ins: Sequence[Var], outs: Sequence[Var], cts: Sequence[Var]
    ) -> dict[int, Var]:
        (x,), (ct,) = ins, cts
        return {0: multiply(spread(ct, x.type.shape, self.axes), leave_one_out(x, self.axes))}

    def pushforward(
        self, ins: Sequence[Var], outs: Sequence[Var], tangents: dict[int, Var]
    ) -> tuple[Var, ...]:
        return (sum_(multiply(tangents[0], leave_one_out(ins[0], self.axes)), self.axes),)


class AbstractExtreme(AbstractReduction):
    """The greatest or least value. Those that attain it share the derivative equally."""

    def pullback(
        self, wanted: Sequence[int], ins: Sequence[Var], outs: Sequence[Var], cts: Sequence[Var]
    ) -> dict[int, Var]:
        (x,), (ct,) = ins, cts
        attains, count = self._ties(x, outs[0])
        share = spread(divide(ct, count), x.type.shape, self.axes)
        return {0: where(attains, share, zeros_like(share))}

    def pushforward(
        self, ins: Sequence[Var], outs: Sequence[Var], tangents: dict[int, Var]
    ) -> tuple[Var, ...]:
        t = tangents[0]
        attains, count = self._ties(ins[0], outs[0])
        some = maximum(count, ones_like(count))
        return (divide(sum_(where(attains, t, zeros_like(t)), self.axes), some),)

    def _ties(self, x: Var, out: Var) -> tuple[Var, Var]:
        """Which values attain the extreme, and how many they are; none does where the extreme is NaN."""
        attains = equal(x, spread(out, x.type.shape, self.axes))
        count = sum_(cast(attains, x.type.dtype), self.axes)
        return attains, count


class Max(AbstractExtreme):
    """The greatest value; NaN where there is one."""

    def emit(self, xp: Anything, x: Anything) -> Anything:
        return xp.lax.reduce_max(x, self.axes)


class Min(AbstractExtreme):
    """The least value; NaN where there is one."""

    def emit(self, xp: Anything, x: Anything) -> Anything:
        return xp.lax.reduce_min(x, self.axes)


class AbstractArgExtreme(AbstractStep):
    """The position along one axis, which is dropped; the first of several, and of the first NaN if there is one."""

    why = "a position is constant between its jumps"
    axis: int

    def infer(self, x: TensorType) -> TensorType:
        return TensorType(without_axes(x.shape, (self.axis,)), np.dtype(np.int64))


class Argmax(AbstractArgExtreme):
    def emit(self, xp: Anything, x: Anything) -> Anything:
        return xp.lax.argmax(x, self.axis, np.int64)


class Argmin(AbstractArgExtreme):
    def emit(self, xp: Anything, x: Anything) -> Anything:
        return xp.lax.argmin(x, self.axis, np.int64)


def leave_one_out(x: Var, axes: Sequence[int]) -> Var:
    """For every value the product of all others along ``axes``, without a division: right at zeros, to any order.

    A tree of products of neighbours is built up and walked down again: about 3 multiplications per value.
    """
    kept = other_axes(x.type.ndim, axes)
    order = (*kept, *axes)
    moved = permute(x, order)
    size = product([x.type.shape[a] for a in axes])
    rows = reshape(moved, (*[x.type.shape[a] for a in kept], size))
    others = reshape(_others_in_rows(rows), moved.type.shape)
    return permute(others, inverse_order(order))


def _others_in_rows(x: Var) -> Var:
    """The product of all other values along the last axis."""
    axis = x.type.ndim - 1
    levels: list[tuple[Var, Var, int]] = []
    while (n := x.type.shape[axis]) > 1:
        even = pad_axis(x, axis, 0, n % 2, fill=1)
        half = even.type.shape[axis] // 2
        left, right = slice_axis(even, axis, 0, half), slice_axis(even, axis, half, 2 * half)
        levels.append((left, right, n))
        x = multiply(left, right)
    others = full_like(x, 1)
    for left, right, n in reversed(levels):
        both = concat([multiply(others, right), multiply(others, left)], axis)
        others = slice_axis(both, axis, 0, n)
    return others


def max_(x: Var, axes: Sequence[int]) -> Var:
    return Max(tuple(axes))(x)


def min_(x: Var, axes: Sequence[int]) -> Var:
    return Min(tuple(axes))(x)
