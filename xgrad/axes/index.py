"""Values at positions: taking and gathering, and putting back, which is their transpose."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from xgrad.axes.arithmetic import divide, multiply
from xgrad.axes.base import AbstractGeneral, AbstractLinear, TensorType
from xgrad.axes.constants import full, iota, ones_like, position_dtype, zeros_like
from xgrad.axes.logic import cast, equal, where
from xgrad.axes.spread import expand, without_axes
from xgrad.axes.structural import reshape
from xgrad.axes.window import SliceUpdate, Unwindow, Window
from xgrad.graph import Var

__all__ = [
    "Gather",
    "Layout",
    "PutAdd",
    "PutAlong",
    "Scatter",
    "SliceUpdate",
    "Take",
    "TakeAlong",
    "Unwindow",
    "Window",
    "take",
    "take_along",
]


class Layout(NamedTuple):
    """How positions pick from x: what is picked has the axes of x, with the ``points`` axes in place of ``axes``."""

    shape: tuple[int, ...]  # of x
    batch: int  # this many leading axes of x and of the positions go together
    axes: tuple[int, ...]  # the axes that are indexed: adjacent
    points: int  # this many axes the positions have beyond the batch

    @property
    def window(self) -> tuple[int, ...]:
        """The axes of what is picked that are neither batch nor points."""
        before = range(self.batch, self.axes[0])
        end = self.axes[0] + self.points
        return (*before, *range(end, end + len(self.shape) - self.axes[-1] - 1))

    @property
    def slice_sizes(self) -> tuple[int, ...]:
        """How much of each axis of x one position picks."""
        single = (*range(self.batch), *self.axes)
        return tuple([1 if a in single else n for a, n in enumerate(self.shape)])


class Take(AbstractLinear):
    """``x`` at the positions ``idx`` along one axis: the axes of ``idx`` stand in place of that axis."""

    why = "the index only decides which values are taken"
    linear_in = (0,)
    axis: int
    mode: str = "promise"

    def layout(self, shape: tuple[int, ...], ndim: int) -> Layout:
        return Layout(shape, 0, (self.axis,), ndim)

    def infer(self, x: TensorType, idx: TensorType) -> TensorType:
        shape = (*x.shape[: self.axis], *idx.shape, *x.shape[self.axis + 1 :])
        return TensorType(shape, x.dtype)

    def emit(self, xp: Any, x: Any, idx: Any) -> Any:
        return xp.gather(x, (idx,), self.layout(x.shape, idx.ndim), self.mode)

    def transpose(self, i: int, ct: Var, x: Var, idx: Var) -> Var:
        return PutAdd(self.axis, self.mode, x.type.shape)(ct, idx)


class PutAdd(AbstractLinear):
    """Add values at positions along one axis of zeros of shape ``shape``: the transpose of ``Take``."""

    why = "the index only decides where values are put"
    linear_in = (0,)
    axis: int
    mode: str
    shape: tuple[int, ...]

    def layout(self, ndim: int) -> Layout:
        return Layout(self.shape, 0, (self.axis,), ndim)

    def infer(self, x: TensorType, idx: TensorType) -> TensorType:
        return TensorType(self.shape, x.dtype)

    def emit(self, xp: Any, x: Any, idx: Any) -> Any:
        zeros = xp.zeros_like(x, shape=self.shape)
        return xp.scatter(zeros, x, (idx,), self.layout(idx.ndim), "add", self.mode)

    def transpose(self, i: int, ct: Var, x: Var, idx: Var) -> Var:
        return Take(self.axis, self.mode)(ct, idx)


class TakeAlong(AbstractLinear):
    """For every position of ``idx`` the value of ``x`` at that place along ``axis``, on the same row.

    ``idx`` is as long as it likes along ``axis`` and has the shape of ``x`` otherwise; it must be in range.
    """

    why = "the index only decides which values are taken"
    linear_in = (0,)
    axis: int

    def infer(self, x: TensorType, idx: TensorType) -> TensorType:
        rows = [without_axes(t.shape, (self.axis,)) for t in (x, idx)]
        assert x.ndim == idx.ndim and rows[0] == rows[1], (self, x, idx)
        return TensorType(idx.shape, x.dtype)

    def emit(self, xp: Any, x: Any, idx: Any) -> Any:
        return xp.take_along_axis(x, idx, self.axis)

    def transpose(self, i: int, ct: Var, x: Var, idx: Var) -> Var:
        return PutAlong(self.axis, x.type.shape[self.axis])(ct, idx)


class PutAlong(AbstractLinear):
    """Values added up at the places ``idx`` along ``axis`` of zeros of ``size`` there: transpose of ``TakeAlong``."""

    why = "the index only decides where values are put"
    linear_in = (0,)
    axis: int
    size: int

    def infer(self, x: TensorType, idx: TensorType) -> TensorType:
        assert x.shape == idx.shape, (self, x, idx)
        return TensorType(self.put_shape(x.shape), x.dtype)

    def put_shape(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        """The shape of the result for values of this shape."""
        return (*shape[: self.axis], self.size, *shape[self.axis + 1 :])

    def emit(self, xp: Any, x: Any, idx: Any) -> Any:
        return xp.put_along(xp.zeros_like(x, shape=self.put_shape(x.shape)), idx, x, self.axis)

    def transpose(self, i: int, ct: Var, x: Var, idx: Var) -> Var:
        return TakeAlong(self.axis)(ct, idx)


class Gather(AbstractLinear):
    """x [batch, indexed, rest] at ``count`` index arrays [batch, points], one for each indexed axis.

    The result is [batch, points, rest].
    """

    why = "the index only decides which values are taken"
    linear_in = (0,)
    batch: int
    count: int
    mode: str = "promise"

    def layout(self, shape: tuple[int, ...], ndim: int) -> Layout:
        axes = tuple(range(self.batch, self.batch + self.count))
        return Layout(shape, self.batch, axes, ndim - self.batch)

    def infer(self, x: TensorType, *idx: TensorType) -> TensorType:
        assert len(idx) == self.count, self
        assert all(i.shape == idx[0].shape for i in idx), idx
        assert idx[0].shape[: self.batch] == x.shape[: self.batch], (self, x, idx)
        return TensorType((*idx[0].shape, *x.shape[self.batch + self.count :]), x.dtype)

    def emit(self, xp: Any, x: Any, *idx: Any) -> Any:
        return xp.gather(x, idx, self.layout(x.shape, idx[0].ndim), self.mode)

    def transpose(self, i: int, ct: Var, x: Var, *idx: Var) -> Var:
        return Scatter(self.batch, self.count, "add", self.mode)(zeros_like(x), ct, *idx)


class Scatter(AbstractGeneral):
    """``updates`` put into ``x`` at positions, in the layout of ``Gather``; ``kind`` says how they meet what is there.

    set: with a position given twice the last update wins, and it alone has the derivative;
    add, multiply: all of them count; min, max: ties share equally.
    """

    why = "the index only decides where values are put"
    differentiable_in = (0, 1)
    batch: int
    count: int
    kind: str
    mode: str = "promise"

    @property
    def gather(self) -> Gather:
        """What reads the positions that this writes."""
        return Gather(self.batch, self.count, self.mode)

    def infer(self, x: TensorType, updates: TensorType, *idx: TensorType) -> TensorType:
        assert updates == self.gather.infer(x, *idx), (self, x, updates, idx)
        return x

    def emit(self, xp: Any, x: Any, updates: Any, *idx: Any) -> Any:
        layout = self.gather.layout(x.shape, idx[0].ndim)
        return xp.scatter(x, updates, idx, layout, self.kind, self.mode)

    def pullback(
        self, wanted: Sequence[int], ins: Sequence[Var], outs: Sequence[Var], cts: Sequence[Var]
    ) -> dict[int, Var]:
        weigh, (ct,) = self._weights(ins, outs[0]), cts
        rules = {
            0: lambda: weigh.x(ct),
            1: lambda: weigh.updates(self.gather(ct, *ins[2:])),
        }
        return {i: rules[i]() for i in wanted}

    def pushforward(
        self, ins: Sequence[Var], outs: Sequence[Var], tangents: dict[int, Var]
    ) -> tuple[Var, ...]:
        weigh = self._weights(ins, outs[0])
        moved = weigh.x(tangents[0]) if 0 in tangents else zeros_like(outs[0])
        if 1 in tangents:
            moved = self.put("add", moved, weigh.updates(tangents[1]), ins[2:])
        return (moved,)

    def _weights(self, ins: Sequence[Var], out: Var) -> "Weights":
        x, updates, *idx = ins
        return _WEIGHTS[self.kind](self, x, updates, idx, out)

    def put(self, kind: str, x: Var, updates: Var, idx: Sequence[Var]) -> Var:
        """``updates`` put into ``x`` at the positions in another way."""
        return Scatter(self.batch, self.count, kind, self.mode)(x, updates, *idx)


Weigh = Callable[[Var], Var]


class Weights(NamedTuple):
    """The derivative of a scatter, for both modes: ẏ = x(ẋ) + add at idx(updates(u̇)); each scales value by value."""

    x: Weigh
    updates: Weigh


def _weights_add(op: Scatter, x: Var, updates: Var, idx: Sequence[Var], out: Var) -> Weights:
    return Weights(lambda t: t, lambda t: t)


def _weights_set(op: Scatter, x: Var, updates: Var, idx: Sequence[Var], out: Var) -> Weights:
    """What is written over counts no more; of several updates of one position the one that is read back does."""
    points = idx[0].type
    names = reshape(iota((points.size,), 0, position_dtype(points.size)), points.shape)
    nobody = full(x.type.shape[: op.batch + op.count], -1, names.type.dtype)
    read_back = op.gather(op.put("set", nobody, names, idx), *idx)
    wins = expand(equal(read_back, names), updates.type.shape, range(points.ndim))
    return Weights(
        lambda t: op.put("set", t, zeros_like(updates), idx),
        lambda t: where(wins, t, zeros_like(t)),
    )


def _weights_multiply(op: Scatter, x: Var, updates: Var, idx: Sequence[Var], out: Var) -> Weights:
    """The product of the other factors; where an update is 0, it is taken to be the only one at its position."""
    zero = equal(updates, zeros_like(updates))
    safe = where(zero, ones_like(updates), updates)
    others = where(zero, op.gather(x, *idx), divide(op.gather(out, *idx), safe))
    return Weights(
        lambda t: multiply(t, op.put("multiply", ones_like(x), updates, idx)),
        lambda t: multiply(t, others),
    )


def _weights_extreme(op: Scatter, x: Var, updates: Var, idx: Sequence[Var], out: Var) -> Weights:
    """An equal share for all that attain the extreme."""
    x_attains, u_attains = equal(x, out), equal(updates, op.gather(out, *idx))
    dtype = x.type.dtype
    count = op.put("add", cast(x_attains, dtype), cast(u_attains, dtype), idx)
    return Weights(
        lambda t: where(x_attains, divide(t, count), zeros_like(t)),
        lambda t: where(u_attains, divide(t, op.gather(count, *idx)), zeros_like(t)),
    )


_WEIGHTS = {
    "add": _weights_add,
    "set": _weights_set,
    "multiply": _weights_multiply,
    "min": _weights_extreme,
    "max": _weights_extreme,
}


def take(x: Var, idx: Var, axis: int, mode: str = "promise") -> Var:
    return Take(axis, mode)(x, idx)


def take_along(x: Var, idx: Var, axis: int) -> Var:
    return TakeAlong(axis)(x, idx)
