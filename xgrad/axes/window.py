"""Parts of an array read and written in place: sliding windows, and updates of a slice."""

from typing import Any

from xgrad.axes.base import AbstractLinear, TensorType
from xgrad.axes.constants import full
from xgrad.axes.structural import Slice
from xgrad.graph import Var


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
        # one slice for each place in the window: XLA never builds the windows where it can read on
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
        zero = xp.zeros_like(x, shape=())
        total = None
        for k in range(self.size):
            place = xp.lax.slice_in_dim(x, k, k + 1, axis=-1)
            config = [(0, 0, 0)] * len(self.shape)
            config[self.axis] = (k, self.size - 1 - k, 0)
            shifted = xp.lax.pad(xp.squeeze(place, -1), zero, config)
            total = shifted if total is None else xp.add(total, shifted)
        return total

    def transpose(self, i: int, ct: Var, x: Var) -> Var:
        return Window(self.axis, self.size)(ct)


class SliceUpdate(AbstractLinear):
    """``x`` with ``v`` set in, or added to, a slice of it."""

    starts: tuple[int, ...]
    stops: tuple[int, ...]
    steps: tuple[int, ...]
    kind: str

    @property
    def cut(self) -> Slice:
        """The part of x that changes."""
        return Slice(self.starts, self.stops, self.steps)

    def infer(self, x: TensorType, v: TensorType) -> TensorType:
        assert self.cut.infer(x) == v, (self, x, v)
        return x

    def emit(self, xp: Any, x: Any, v: Any) -> Any:
        high = self.cut.high(x.shape)
        config = [(a, b, s - 1) for a, b, s in zip(self.starts, high, self.steps, strict=True)]
        placed = xp.lax.pad(v, xp.zeros_like(v, shape=()), config)
        if self.kind == "add":
            return xp.add(x, placed)
        inside = xp.full(self.cut.cut_shape(), True, dtype=bool)
        return xp.where(xp.lax.pad(inside, False, config), placed, x)

    def transpose(self, i: int, ct: Var, x: Var, v: Var) -> Var:
        if i == 1:
            return self.cut(ct)
        return ct if self.kind == "add" else self(ct, full(v.type.shape, 0, ct.type.dtype))
