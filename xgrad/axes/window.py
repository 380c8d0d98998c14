"""Parts of an array read and written in place: sliding windows, and updates of a slice."""

from dataclasses import replace
from typing import Any

from xgrad.axes.base import AbstractLinear, TensorType
from xgrad.axes.constants import zeros_like
from xgrad.axes.spread import without_axes
from xgrad.axes.structural import Slice
from xgrad.graph import Op, Var


class Window(AbstractLinear):
    """All windows of ``size`` neighbours along an axis; the place within the window is a new last axis.

    Along ``axis`` n - size + 1 windows remain.
    """

    axis: int
    size: int

    def infer(self, x: TensorType) -> TensorType:
        shape = list(x.shape)
        shape[self.axis] -= self.size - 1
        assert shape[self.axis] >= 0, (self, x)
        return TensorType((*shape, self.size), x.dtype)

    def emit(self, xp: Any, x: Any) -> Any:
        # a window at a time: XLA fuses the slices into what reads them
        shifted = [
            xp.lax.slice_in_dim(x, k, k + 1 - self.size or None, axis=self.axis)
            for k in range(self.size)
        ]
        return xp.stack(shifted, axis=-1)

    def transpose(self, i: int, ct: Var, x: Var) -> Var:
        return Unwindow(self.axis, self.size, x.type.shape)(ct)


class Unwindow(AbstractLinear):
    """Add up what all windows hold of each place, in an array of shape ``shape``: the transpose of ``Window``."""

    axis: int
    size: int
    shape: tuple[int, ...]

    def infer(self, x: TensorType) -> TensorType:
        return TensorType(self.shape, x.dtype)

    def emit(self, xp: Any, x: Any) -> Any:
        """Each window is padded by one row more than its neighbour: as one long row, that shifts it into place.

        [size, m] padded to [size, m + size] and read as rows of m + size - 1 has row k moved right by k.
        """
        n, rest = self.shape[self.axis], without_axes(self.shape, (self.axis,))
        rows = xp.moveaxis(x, (-1, self.axis), (-2, -1))
        padding = [(0, 0, 0)] * (len(rest) + 1) + [(0, self.size, 0)]
        padded = xp.lax.pad(rows, xp.zeros_like(x, shape=()), padding)
        long = xp.lax.reshape(padded, (*rest, self.size * (n + 1)))
        cut = xp.lax.slice_in_dim(long, 0, self.size * n, axis=-1)
        shifted = xp.lax.reshape(cut, (*rest, self.size, n))
        return xp.moveaxis(xp.lax.reduce_sum(shifted, (len(rest),)), -1, self.axis)

    def transpose(self, i: int, ct: Var, x: Var) -> Var:
        return Window(self.axis, self.size)(ct)


class SliceUpdate(AbstractLinear):
    """``x`` with ``v`` set in, or added to, a slice of it; ``shape`` of x is noted when the op is applied."""

    starts: tuple[int, ...]
    stops: tuple[int, ...]
    steps: tuple[int, ...]
    kind: str
    shape: tuple[int, ...] = ()

    @property
    def cut(self) -> Slice:
        """The part of x that changes."""
        return Slice(self.starts, self.stops, self.steps)

    def apply(self, *inputs: Var) -> tuple[Var, ...]:
        return Op.apply(replace(self, shape=inputs[0].type.shape), *inputs)

    def infer(self, x: TensorType, v: TensorType) -> TensorType:
        assert self.cut.infer(x) == v, (self, x, v)
        return x

    def emit(self, xp: Any, x: Any, v: Any) -> Any:
        high = self.cut.high(self.shape)
        config = [(a, b, s - 1) for a, b, s in zip(self.starts, high, self.steps, strict=True)]
        placed = xp.lax.pad(v, xp.zeros_like(v, shape=()), config)
        if self.kind == "add":
            return xp.add(x, placed)
        inside = xp.full(self.cut.cut_shape(), True, dtype=bool)
        return xp.where(xp.lax.pad(inside, False, config), placed, x)

    def transpose(self, i: int, ct: Var, x: Var, v: Var) -> Var:
        if i == 1:
            return self.cut(ct)
        return ct if self.kind == "add" else self(ct, zeros_like(v))

    def move_mask(self, i: int, mask: Var, *ins: Var) -> Var:
        return self.transpose(i, mask, *ins)
