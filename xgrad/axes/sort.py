"""Sorting along an axis. NaN comes last, and equal values keep their order."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from xgrad.axes.base import AbstractGeneral, AbstractStep, TensorType
from xgrad.axes.constants import position_dtype
from xgrad.axes.index import PutAlong, TakeAlong
from xgrad.graph import Var


class Argsort(AbstractStep):
    """The positions of the values in ascending order, as integers of any dtype that is wide enough."""

    why = "a position is constant between its jumps"
    axis: int
    dtype: np.dtype = np.dtype(np.int64)

    def infer(self, x: TensorType) -> TensorType:
        return TensorType(x.shape, self.dtype)

    def emit(self, xp: Any, x: Any) -> Any:
        return xp.astype(xp.argsort(x, axis=self.axis, stable=True), self.dtype)


class ArgsortWithin(AbstractStep):
    """Along the last axis the positions of the values by their groups, which are numbers, and ascending in each."""

    why = "a position is constant between its jumps"

    def infer(self, x: TensorType, groups: TensorType) -> TensorType:
        return TensorType(x.shape, np.dtype(np.int64))

    def emit(self, xp: Any, x: Any, groups: Any) -> Any:
        return xp.astype(xp.lexsort((x, groups), axis=-1), np.dtype(np.int64))


class Sort(AbstractGeneral):
    """The values in ascending order. The derivative passes through the permutation of ``Argsort``."""

    axis: int

    def infer(self, x: TensorType) -> TensorType:
        return x

    def emit(self, xp: Any, x: Any) -> Any:
        return xp.sort(x, axis=self.axis)

    def pullback(
        self, wanted: Sequence[int], ins: Sequence[Var], outs: Sequence[Var], cts: Sequence[Var]
    ) -> dict[int, Var]:
        return {0: PutAlong(self.axis, ins[0].type.shape[self.axis])(cts[0], self._order(ins[0]))}

    def pushforward(
        self, ins: Sequence[Var], outs: Sequence[Var], tangents: dict[int, Var]
    ) -> tuple[Var, ...]:
        return (TakeAlong(self.axis)(tangents[0], self._order(ins[0])),)

    def _order(self, x: Var) -> Var:
        return argsort(x, self.axis, position_dtype(x.type.shape[self.axis]))


class TopPositions(AbstractStep):
    """Along the last axis, where the k greatest values stand, greatest first; of equal ones the first, NaN last."""

    why = "a position is constant between its jumps"
    k: int

    def infer(self, x: TensorType) -> TensorType:
        return TensorType((*x.shape[:-1], self.k), np.dtype(np.int64))

    def emit(self, xp: Any, x: Any) -> Any:
        if x.dtype.kind == "f":
            x = xp.where(xp.isnan(x), xp.full_like(x, -np.inf), x)
        return xp.astype(xp.lax.top_k(x, self.k)[1], np.dtype(np.int64))


def sort(x: Var, axis: int) -> Var:
    return Sort(axis)(x)


def argsort(x: Var, axis: int, dtype: DTypeLike = np.int64) -> Var:
    return Argsort(axis, np.dtype(dtype))(x)
