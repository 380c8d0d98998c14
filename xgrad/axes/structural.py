"""Ops that move, cut and join values without computing with them; each stands beside its transpose.

All are linear, and carry the mask of a masked cotangent along: it moves exactly as the cotangent does.
"""

from collections.abc import Sequence
from typing import Any

from xgrad.axes.base import AbstractLinear, TensorType
from xgrad.axes.constants import (
    Constant,
    Full,
    Iota,
    constant,
    full,
    full_like,
    iota,
    ones_like,
    scalar_value,
    zeros_like,
)
from xgrad.axes.logic import where
from xgrad.axes.spread import Expand, expand, spread, sum_
from xgrad.graph import Var

__all__ = [
    "Concat",
    "Constant",
    "Expand",
    "Full",
    "Iota",
    "Pad",
    "Permute",
    "Reshape",
    "Reverse",
    "Slice",
    "concat",
    "constant",
    "expand",
    "full",
    "full_like",
    "inverse_order",
    "iota",
    "ones_like",
    "pad",
    "pad_axis",
    "permute",
    "reshape",
    "reverse",
    "scalar_value",
    "slice_",
    "slice_axis",
    "spread",
    "zeros_like",
]


class AbstractMove(AbstractLinear):
    """Moves values, and computes nothing."""


class Permute(AbstractMove):
    """Axes in another order: axis k of the output is axis ``perm[k]`` of the input."""

    perm: tuple[int, ...]

    def infer(self, x: TensorType) -> TensorType:
        assert sorted(self.perm) == list(range(x.ndim)), (self, x)
        return TensorType(tuple([x.shape[p] for p in self.perm]), x.dtype)

    def emit(self, xp: Any, x: Any) -> Any:
        return xp.lax.transpose(x, self.perm)

    def transpose(self, i: int, ct: Var, x: Var) -> Var:
        return permute(ct, inverse_order(self.perm))


class Reshape(AbstractMove):
    """The same values in the same row-major order in another shape."""

    shape: tuple[int, ...]

    def infer(self, x: TensorType) -> TensorType:
        assert x.size == TensorType(self.shape, x.dtype).size, (self, x)
        return TensorType(self.shape, x.dtype)

    def emit(self, xp: Any, x: Any) -> Any:
        return xp.lax.reshape(x, self.shape)

    def transpose(self, i: int, ct: Var, x: Var) -> Var:
        return reshape(ct, x.type.shape)


class Reverse(AbstractMove):
    """Some axes back to front."""

    axes: tuple[int, ...]

    def infer(self, x: TensorType) -> TensorType:
        return x

    def emit(self, xp: Any, x: Any) -> Any:
        return xp.lax.rev(x, self.axes)

    def transpose(self, i: int, ct: Var, x: Var) -> Var:
        return self(ct)


class Slice(AbstractMove):
    """``x[starts[0]:stops[0]:steps[0], ...]`` with 0 <= start <= stop <= size and step >= 1 on every axis."""

    starts: tuple[int, ...]
    stops: tuple[int, ...]
    steps: tuple[int, ...]

    def infer(self, x: TensorType) -> TensorType:
        bounds = list(zip(self.starts, self.stops, self.steps, x.shape, strict=True))
        assert all(0 <= a <= b <= n and s >= 1 for a, b, s, n in bounds), (self, x)
        return TensorType(self.cut_shape(), x.dtype)

    def cut_shape(self) -> tuple[int, ...]:
        """The shape of what is cut out."""
        bounds = zip(self.starts, self.stops, self.steps, strict=True)
        return tuple([len(range(a, b, s)) for a, b, s in bounds])

    def high(self, shape: Sequence[int]) -> tuple[int, ...]:
        """How much of an array of this shape lies above the last value that is cut out."""
        ends = [
            a + max((k - 1) * s + 1, 0) if k else a
            for a, k, s in zip(self.starts, self.cut_shape(), self.steps, strict=True)
        ]
        return tuple([n - end for n, end in zip(shape, ends, strict=True)])

    def emit(self, xp: Any, x: Any) -> Any:
        return xp.lax.slice(x, self.starts, self.stops, self.steps)

    def transpose(self, i: int, ct: Var, x: Var) -> Var:
        interior = tuple([s - 1 for s in self.steps])
        zero = full((), 0, ct.type.dtype)
        return Pad(self.starts, self.high(x.type.shape), interior)(ct, zero)


class Pad(AbstractLinear):
    """``fill`` around and between the values: ``low`` before, ``high`` after, ``interior`` between two of them."""

    low: tuple[int, ...]
    high: tuple[int, ...]
    interior: tuple[int, ...]

    def infer(self, x: TensorType, fill: TensorType) -> TensorType:
        assert fill == TensorType((), x.dtype), (self, x, fill)
        spread_out = [n + max(n - 1, 0) * k for n, k in zip(x.shape, self.interior, strict=True)]
        around = zip(self.low, spread_out, self.high, strict=True)
        return TensorType(tuple([a + n + b for a, n, b in around]), x.dtype)

    def emit(self, xp: Any, x: Any, fill: Any) -> Any:
        config = tuple(zip(self.low, self.high, self.interior, strict=True))
        return xp.lax.pad(x, fill, config)

    def _inverse(self, shape: Sequence[int]) -> Slice:
        steps = tuple([k + 1 for k in self.interior])
        sizes = zip(self.low, shape, steps, strict=True)
        stops = tuple([a + max((n - 1) * s + 1, 0) if n else a for a, n, s in sizes])
        return Slice(self.low, stops, steps)

    def transpose(self, i: int, ct: Var, x: Var, fill: Var) -> Var:
        if i == 0:
            return self._inverse(x.type.shape)(ct)
        inside = self(full(x.type.shape, True, bool), full((), False, bool))
        return sum_(where(inside, zeros_like(ct), ct), range(ct.type.ndim))


class Concat(AbstractMove):
    """One after the other along an axis."""

    axis: int

    def infer(self, *types: TensorType) -> TensorType:
        shape = list(types[0].shape)
        shape[self.axis] = sum(t.shape[self.axis] for t in types)
        return TensorType(tuple(shape), types[0].dtype)

    def emit(self, xp: Any, *arrays: Any) -> Any:
        return xp.lax.concatenate(arrays, self.axis)

    def transpose(self, i: int, ct: Var, *ins: Var) -> Var:
        sizes = [x.type.shape[self.axis] for x in ins]
        start = sum(sizes[:i])
        return slice_axis(ct, self.axis, start, start + sizes[i])


def inverse_order(order: Sequence[int]) -> tuple[int, ...]:
    """The permutation that undoes ``order``."""
    return tuple(sorted(range(len(order)), key=order.__getitem__))


def permute(x: Var, perm: Sequence[int]) -> Var:
    """Axes in another order; ``x`` itself where it is the same order."""
    return x if list(perm) == list(range(len(perm))) else Permute(tuple(perm))(x)


def reshape(x: Var, shape: Sequence[int]) -> Var:
    """``x`` in another shape; ``x`` itself where it is the same."""
    return x if x.type.shape == tuple(shape) else Reshape(tuple(shape))(x)


def reverse(x: Var, axes: Sequence[int]) -> Var:
    return Reverse(tuple(axes))(x)


def slice_(
    x: Var, starts: Sequence[int], stops: Sequence[int], steps: Sequence[int] | None = None
) -> Var:
    """A regular part of ``x``; ``x`` itself where it is all of it."""
    steps = tuple(steps or (1,) * len(starts))
    cut = Slice(tuple(starts), tuple(stops), steps)
    return x if cut.cut_shape() == x.type.shape else cut(x)


def slice_axis(x: Var, axis: int, start: int, stop: int, step: int = 1) -> Var:
    """``x`` between two positions along one axis."""
    starts, stops, steps = [0] * x.type.ndim, list(x.type.shape), [1] * x.type.ndim
    starts[axis], stops[axis], steps[axis] = start, stop, step
    return slice_(x, starts, stops, steps)


def pad(x: Var, low: Sequence[int], high: Sequence[int], fill: Any = 0) -> Var:
    """``x`` with a scalar around it; ``x`` itself where nothing is added."""
    if not any(low) and not any(high):
        return x
    return Pad(tuple(low), tuple(high), (0,) * len(low))(x, full((), fill, x.type.dtype))


def pad_axis(x: Var, axis: int, low: int, high: int, fill: Any = 0) -> Var:
    """``x`` with a scalar before and after it along one axis."""
    lows, highs = [0] * x.type.ndim, [0] * x.type.ndim
    lows[axis], highs[axis] = low, high
    return pad(x, lows, highs, fill)


def concat(parts: Sequence[Var], axis: int) -> Var:
    """One after the other along an axis; the part itself where there is one."""
    return parts[0] if len(parts) == 1 else Concat(axis)(*parts)
