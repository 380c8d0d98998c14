"""Ops without inputs: a scalar spread over a shape, an array known in advance, and positions along an axis."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from xgrad.axes.base import AbstractStep, TensorType
from xgrad.axes.literal import Literal
from xgrad.graph import Var


class Full(AbstractStep):
    """One scalar everywhere. It is part of the program, so rewrite rules and XLA see its value."""

    shape: tuple[int, ...]
    value: Literal

    def infer(self) -> TensorType:
        return TensorType(self.shape, self.value.value.dtype)

    def emit(self, xp: Any) -> Any:
        return xp.full(self.shape, self.value.value.item(), dtype=self.value.value.dtype)


class Constant(AbstractStep):
    """An array known in advance. The backend lifts it into an input, so its content is in no cache key."""

    value: Literal

    def infer(self) -> TensorType:
        return TensorType(self.value.value.shape, self.value.value.dtype)

    def emit(self, xp: Any) -> Any:
        return xp.asarray(self.value.value)


class Iota(AbstractStep):
    """The position along one axis."""

    shape: tuple[int, ...]
    axis: int
    dtype: np.dtype

    def infer(self) -> TensorType:
        return TensorType(self.shape, self.dtype)

    def emit(self, xp: Any) -> Any:
        return xp.lax.broadcasted_iota(self.dtype, self.shape, self.axis)


def full(shape: Sequence[int], value: Any, dtype: DTypeLike) -> Var:
    """``value`` everywhere."""
    return Full(tuple(shape), Literal(np.asarray(value, dtype=dtype)))()


def full_like(x: Var, value: Any) -> Var:
    """``value`` everywhere, in the shape and dtype of ``x``."""
    return full(x.type.shape, value, x.type.dtype)


def zeros_like(x: Var) -> Var:
    """Zero everywhere, in the shape and dtype of ``x``."""
    return full_like(x, 0)


def ones_like(x: Var) -> Var:
    """One everywhere, in the shape and dtype of ``x``."""
    return full_like(x, 1)


def constant(value: Any) -> Var:
    """An array known in advance."""
    return Constant(Literal(value))()


def iota(shape: Sequence[int], axis: int, dtype: DTypeLike = np.int64) -> Var:
    """The position along ``axis``."""
    return Iota(tuple(shape), axis, np.dtype(dtype))()


def position_dtype(n: int) -> np.dtype:
    """The narrowest dtype that our own rules use for positions below ``n``."""
    return np.dtype(np.int32 if n <= np.iinfo(np.int32).max else np.int64)


def scalar_value(x: Var) -> Any:
    """The scalar that ``x`` is everywhere where it is a ``Full``; None otherwise."""
    return x.op.value.value[()] if isinstance(x.op, Full) else None
