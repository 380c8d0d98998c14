"""Sorting along an axis. NaN comes last, and equal values keep their order."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from xgrad.axes.base import AbstractGeneral, AbstractStep, TensorType
from xgrad.axes.index import put_along, take_along
from xgrad.graph import Var


class Argsort(AbstractStep):
    """The positions of the values in ascending order."""

    axis: int

    def infer(self, x: TensorType) -> TensorType:
        return TensorType(x.shape, np.dtype(np.int64))

    def emit(self, xp: Any, x: Any) -> Any:
        return xp.argsort(x, axis=self.axis, stable=True)


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
        return {0: put_along(cts[0], argsort(ins[0], self.axis), self.axis)}

    def pushforward(
        self, ins: Sequence[Var], outs: Sequence[Var], tangents: dict[int, Var]
    ) -> tuple[Var, ...]:
        return (take_along(tangents[0], argsort(ins[0], self.axis), self.axis),)


def sort(x: Var, axis: int) -> Var:
    return Sort(axis)(x)


def argsort(x: Var, axis: int) -> Var:
    return Argsort(axis)(x)
