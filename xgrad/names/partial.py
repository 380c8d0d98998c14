"""The XOps that reduce a dim part by part: by groups of its entries, and by windows that slide along it."""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np

from xgrad.axes.base import Flow
from xgrad.axes.literal import Literal
from xgrad.axes.segment import COUNT
from xgrad.graph import Var
from xgrad.names import messages
from xgrad.names.base import AbstractXOp, Renames, arrows, renamed, then
from xgrad.names.types import Dim, XType, xtype

SEGMENT_KINDS: Final = ("sum", "prod", "max", "min", "any", "all")
WINDOW_KINDS: Final = ("sum", "prod", "max", "min", "squares")


class XSegmentReduce(AbstractXOp):
    """One value for each of ``size`` groups of entries along ``dim``, which becomes ``new``.

    ``codes`` says the group of each entry; a negative one belongs to none.
    """

    kind: str
    dim: Dim
    new: Dim
    size: int
    codes: Literal

    def infer(self, x: XType) -> XType:
        dims = renamed(x.dims, ((self.dim, self.new),))
        shape = [self.size if d == self.dim else n for d, n in x.sizes.items()]
        return XType(dims, tuple(shape), x.dtype, x.weak)

    def owned(self, out: int, types: object) -> frozenset[Dim]:
        return frozenset((self.new,))

    def rename(self, mapping: Mapping[Dim, Dim], out: int) -> "XSegmentReduce":
        return dataclasses.replace(self, new=mapping[self.new])

    def describe(self) -> str:
        return f"XSegmentReduce {self.kind}({self.dim}→{self.new}: {self.size})"


class XSegmentTotals(AbstractXOp):
    """For each group, as ``XSegmentReduce`` has them, the sum of what is no NaN, and how many values that is."""

    dim: Dim
    new: Dim
    size: int
    codes: Literal

    def infer(self, x: XType) -> tuple[XType, XType]:
        total = XSegmentReduce("sum", self.dim, self.new, self.size, self.codes).infer(x)
        return total, total._replace(dtype=COUNT, weak=False)

    def flow(self, i: int, out: int, types: Sequence[XType]) -> Flow:
        return Flow.STEP if out else AbstractXOp.flow(self, i, out, types)

    def why(self, i: int) -> str:
        return "the count changes in steps"

    def owned(self, out: int, types: object) -> frozenset[Dim]:
        return frozenset((self.new,))

    def rename(self, mapping: Mapping[Dim, Dim], out: int) -> "XSegmentTotals":
        return dataclasses.replace(self, new=mapping[self.new])

    def describe(self) -> str:
        return f"XSegmentTotals({self.dim}→{self.new}: {self.size})"


class XWindowReduce(AbstractXOp):
    """One value for every run of ``size`` neighbours along ``dim``.

    "squares" takes weights beside the values: the weighted sum of squared distances from the weighted mean.
    """

    kind: str
    dim: Dim
    size: int
    renames: Renames = ()

    def infer(self, x: XType, *weights: XType) -> XType:
        sizes = x.sizes
        sizes[self.dim] += 1 - self.size
        done = xtype(sizes, x.dtype, x.weak)
        return done._replace(dims=renamed(done.dims, self.renames))

    def is_position(self, i: int) -> bool:
        return i > 0

    def why(self, i: int) -> str:
        return "the weight says which values count" if i else AbstractXOp.why(self, i)

    def owned(self, out: int, types: object) -> frozenset[Dim]:
        return frozenset(renamed((self.dim,), self.renames))

    def rename(self, mapping: Mapping[Dim, Dim], out: int) -> "XWindowReduce":
        return dataclasses.replace(self, renames=then(self.renames, mapping))

    def describe(self) -> str:
        return f"XWindowReduce {self.kind}({arrows(self.renames) or self.dim}: {self.size})"


def segment_reduce(kind: str, x: Var, dim: Dim, new: Dim, size: int, codes: np.ndarray) -> Var:
    """``x`` with its entries along ``dim`` reduced by groups, for which ``new`` stands in its place."""
    _check_groups(x, dim, new)
    return XSegmentReduce(kind, dim, new, size, Literal(codes.astype(np.int32)))(x)


def segment_totals(x: Var, dim: Dim, new: Dim, size: int, codes: np.ndarray) -> tuple[Var, Var]:
    """By groups the sum of the values of ``x`` that are no NaN, and how many they are."""
    _check_groups(x, dim, new)
    total, count = XSegmentTotals(dim, new, size, Literal(codes.astype(np.int32))).apply(x)
    return total, count


def _check_groups(x: Var, dim: Dim, new: Dim) -> None:
    if dim not in x.type.dims:
        raise messages.unknown_dim("reduce by groups", dim, x)
    if new in x.type.dims and new != dim:
        raise messages.repeated_dim("reduce by groups", (*x.type.dims, new))


def window_reduce(kind: str, x: Var, dim: Dim, size: int, *weights: Var) -> Var:
    """``x`` with every run of ``size`` neighbours along ``dim`` reduced; ``weights`` have its dims."""
    if dim not in x.type.dims:
        raise messages.unknown_dim("take windows along", dim, x)
    if not 1 <= size <= x.type.sizes[dim]:
        raise messages.bad_window(x, dim, size)
    return XWindowReduce(kind, dim, size)(x, *weights)
