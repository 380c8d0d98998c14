"""Reductions over groups of entries along one axis, and their transpose: one code per entry says its group.

A negative code belongs to no group. What is in a group need not be adjacent; ``is_sorted`` says that the codes ascend,
which XLA may use. One pass over the data, however many groups there are.

A further input may say the same as the codes in another way: ``places`` [steps, rows] has where the first, second, …
entries of all rows stand, negative ones nowhere, and ``rows / size`` rows make up a group. Then JAX adds up these
instead of scattering, which is several times as fast where groups are of about one size (``special.py``).
"""

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np

from xgrad.axes.arithmetic import divide, maximum
from xgrad.axes.base import AbstractGeneral, AbstractLinear, Flow, TensorType
from xgrad.axes.constants import full, ones_like, zeros_like
from xgrad.axes.index import Layout
from xgrad.axes.logic import cast, equal, is_nan, where
from xgrad.graph import Var

_WHY = "the code only decides which group a value belongs to"


def _with_size(shape: Sequence[int], axis: int, size: int) -> tuple[int, ...]:
    return (*shape[:axis], size, *shape[axis + 1 :])


class SegmentTake(AbstractLinear):
    """For every entry along ``axis`` the value of its group, 0 without a group: the transpose of ``SegmentSum``."""

    why = _WHY
    linear_in = (0,)
    axis: int
    is_sorted: bool = False

    def layout(self, shape: tuple[int, ...]) -> Layout:
        return Layout(shape, 0, (self.axis,), 1)

    def infer(self, x: TensorType, codes: TensorType, *places: TensorType) -> TensorType:
        return TensorType(_with_size(x.shape, self.axis, codes.shape[0]), x.dtype)

    def emit(self, xp: Any, x: Any, codes: Any, *places: Any) -> Any:
        end = [(0, int(axis == self.axis), 0) for axis in range(x.ndim)]
        wide = xp.lax.pad(x, xp.zeros_like(x, shape=()), end)
        places = outside_last(xp, codes, x.shape[self.axis])
        return xp.gather(wide, (places,), self.layout(wide.shape), "promise")

    def transpose(self, i: int, ct: Var, x: Var, *groups: Var) -> Var:
        return SegmentSum(self.axis, x.type.shape[self.axis], self.is_sorted)(ct, *groups)


class SegmentSum(AbstractLinear):
    """The sum over each of ``size`` groups of entries along ``axis``; of none it is 0."""

    why = _WHY
    linear_in = (0,)
    kind: ClassVar[str] = "add"
    axis: int
    size: int
    is_sorted: bool = False

    def infer(self, x: TensorType, codes: TensorType, *places: TensorType) -> TensorType:
        return _inferred(self, x, codes)

    def start(self, dtype: np.dtype) -> Any:
        return 0

    def emit(self, xp: Any, x: Any, codes: Any, *places: Any) -> Any:
        return _emitted(self, xp, x, codes)

    def transpose(self, i: int, ct: Var, x: Var, *groups: Var) -> Var:
        return SegmentTake(self.axis, self.is_sorted)(ct, *groups)


class AbstractSegmentExtreme(AbstractGeneral):
    """The greatest or least value of each group. Those that attain it share the derivative equally."""

    why = _WHY
    differentiable_in = (0,)
    kind: ClassVar[str]
    axis: int
    size: int
    is_sorted: bool = False

    def infer(self, x: TensorType, codes: TensorType, *places: TensorType) -> TensorType:
        return _inferred(self, x, codes)

    def emit(self, xp: Any, x: Any, codes: Any, *places: Any) -> Any:
        return _emitted(self, xp, x, codes)

    def pullback(
        self, wanted: Sequence[int], ins: Sequence[Var], outs: Sequence[Var], cts: Sequence[Var]
    ) -> dict[int, Var]:
        (x, *groups), (ct,) = ins, cts
        attains, count = self._ties(x, groups, outs[0])
        share = self._take(divide(ct, count), groups)
        return {0: where(attains, share, zeros_like(share))}

    def pushforward(
        self, ins: Sequence[Var], outs: Sequence[Var], tangents: dict[int, Var]
    ) -> tuple[Var, ...]:
        (x, *groups), t = ins, tangents[0]
        attains, count = self._ties(x, groups, outs[0])
        return (divide(self._sum(where(attains, t, zeros_like(t)), groups), count),)

    def _ties(self, x: Var, groups: Sequence[Var], out: Var) -> tuple[Var, Var]:
        """Which values attain the extreme of their group, and how many do in each (1 where none does)."""
        attains = equal(x, self._take(out, groups))
        count = self._sum(cast(attains, x.type.dtype), groups)
        return attains, maximum(count, ones_like(count))

    def _take(self, x: Var, groups: Sequence[Var]) -> Var:
        return SegmentTake(self.axis, self.is_sorted)(x, *groups)

    def _sum(self, x: Var, groups: Sequence[Var]) -> Var:
        return SegmentSum(self.axis, self.size, self.is_sorted)(x, *groups)


class SegmentMax(AbstractSegmentExtreme):
    """The greatest value of each group, NaN where there is one; the least there is, of none."""

    kind: ClassVar[str] = "max"

    def start(self, dtype: np.dtype) -> Any:
        return np.iinfo(dtype).min if dtype.kind in "iu" else -np.inf


class SegmentMin(AbstractSegmentExtreme):
    """The least value of each group, NaN where there is one; the greatest there is, of none."""

    kind: ClassVar[str] = "min"

    def start(self, dtype: np.dtype) -> Any:
        return np.iinfo(dtype).max if dtype.kind in "iu" else np.inf


class SegmentTotals(AbstractGeneral):
    """Of each group the sum of the values that are no NaN, and how many these are, in one pass."""

    why = _WHY
    differentiable_in = (0,)
    axis: int
    size: int
    is_sorted: bool = False

    def infer(
        self, x: TensorType, codes: TensorType, *places: TensorType
    ) -> tuple[TensorType, TensorType]:
        total = _inferred(self, x, codes)
        return total, total._replace(dtype=COUNT)

    def emit(self, xp: Any, x: Any, codes: Any, *places: Any) -> tuple[Any, Any]:
        holes = xp.isnan(x)
        values = xp.where(holes, xp.zeros_like(x), x)
        total = SegmentSum(self.axis, self.size, self.is_sorted)
        valid = xp.astype(xp.logical_not(holes), COUNT)
        return total.emit(xp, values, codes), total.emit(xp, valid, codes)

    def flow(self, i: int, out: int, types: Sequence[TensorType]) -> Flow:
        return Flow.STEP if out else AbstractGeneral.flow(self, i, out, types)

    def pullback(
        self, wanted: Sequence[int], ins: Sequence[Var], outs: Sequence[Var], cts: Sequence[Var]
    ) -> dict[int, Var]:
        x, *groups = ins
        spread = SegmentTake(self.axis, self.is_sorted)(cts[0], *groups)
        return {0: where(is_nan(x), zeros_like(spread), spread)}

    def pushforward(
        self, ins: Sequence[Var], outs: Sequence[Var], tangents: dict[int, Var]
    ) -> tuple[Var, ...]:
        (x, *groups), t = ins, tangents[0]
        kept = where(is_nan(x), zeros_like(t), t)
        total = SegmentSum(self.axis, self.size, self.is_sorted)(kept, *groups)
        return total, full(outs[1].type.shape, 0, np.dtype(np.float64))


COUNT = np.dtype(np.int32)  # narrow, for a pass over the data is bound by memory
SegmentReduction = SegmentSum | SegmentMax | SegmentMin


def _inferred(op: Any, x: TensorType, codes: TensorType) -> TensorType:
    assert codes.shape == (x.shape[op.axis],), (op, x, codes)
    return TensorType(_with_size(x.shape, op.axis, op.size), x.dtype)


def _emitted(op: Any, xp: Any, x: Any, codes: Any) -> Any:
    """Values without a group are put into one more at the end, which is cut off."""
    wide = _with_size(x.shape, op.axis, op.size + 1)
    start = xp.full(wide, op.start(np.dtype(x.dtype)), dtype=x.dtype)
    places = outside_last(xp, codes, op.size)
    put = xp.scatter(start, x, (places,), Layout(wide, 0, (op.axis,), 1), op.kind, "promise")
    return xp.lax.slice_in_dim(put, 0, op.size, axis=op.axis)


def outside_last(xp: Any, codes: Any, size: int) -> Any:
    """``codes`` with ``size`` for those that are negative."""
    last = xp.full(codes.shape, size, dtype=codes.dtype)
    return xp.where(xp.less(codes, xp.zeros_like(codes)), last, codes)
