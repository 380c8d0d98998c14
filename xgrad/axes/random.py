"""Draws of random numbers: each a function of a key, the words of which are its last axis, and of parameters."""

from collections.abc import Callable, Sequence
from typing import Any, ClassVar

import numpy as np

from xgrad.axes.base import AbstractOpaque, Flow, TensorType, is_float


class AbstractDraw(AbstractOpaque):
    """``sampler(*inputs)``, in which axes before the core of the first input are a batch.

    ``shape`` is what is drawn for one key. The first input is the key, and all others have its batch first. Two draws
    are the same where the samplers are equal.
    """

    pathwise: ClassVar[bool]

    sampler: Callable[..., Any]
    shape: tuple[int, ...]
    dtype: np.dtype
    core: int = 1

    def describe(self) -> str:
        return f"{type(self).__name__}({getattr(self.sampler, 'name', 'function')})"

    __repr__ = describe

    def infer(self, key: TensorType, *parameters: TensorType) -> TensorType:
        batch = key.shape[: key.ndim - self.core]
        return TensorType((*batch, *self.shape), self.dtype)

    def emit(self, xp: Any, key: Any, *parameters: Any) -> Any:
        return self.sampler(key, *parameters)

    def flow(self, i: int, out: int, types: Sequence[TensorType]) -> Flow:
        passes = self.pathwise and i > 0 and is_float(types[i].dtype)
        return Flow.VALUE if passes else Flow.MEANINGLESS


class Draw(AbstractDraw):
    """A draw that moves smoothly with its parameters: the gradient follows the path of each number (JAX's rule)."""

    why = "a draw has no derivative by its key"
    pathwise = True


class DiscreteDraw(AbstractDraw):
    """A draw of integers, truth values or keys: its parameters decide where it jumps."""

    why = "a discrete draw has no derivative by its parameters, and none by its key"
    pathwise = False
