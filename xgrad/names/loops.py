"""Loops and branches over named dims. Their bodies are names graphs; lowering makes them tensor graphs.

The dim of a loop leads its sequences and its stacked outputs, and no slice has it.
"""

from collections.abc import Sequence

import numpy as np

from xgrad.axes.base import Flow
from xgrad.axes.loops import Keeps, scan_flows, split_parts, switch_flow, while_flows
from xgrad.graph import Graph
from xgrad.names.base import AbstractXOp
from xgrad.names.types import Dim, XType


class XScan(AbstractXOp):
    """``c, y = body(c, x, w)`` for every step along ``dim``; from its end where ``reverse``.

    Inputs: the first carries, the sequences, what stays the same; outputs: the last carries, the stacked outputs. See
    ``axes.loops.Scan``.
    """

    body: Graph
    dim: Dim
    length: int
    carries: int
    sequences: int
    reverse: bool = False
    unroll: int = 1
    recompute: bool | Keeps = False
    parallel: bool = False

    def infer(self, *types: XType) -> tuple[XType, ...]:
        carries, sequences, invariants = split_parts(types, self.carries, self.sequences)
        inside = [*carries, *map(self._slice, sequences), *invariants]
        assert inside == [v.type for v in self.body.inputs], (self, inside)
        outs = [v.type for v in self.body.outputs]
        assert outs[: self.carries] == list(carries), (self, outs, carries)
        return (*carries, *map(self._stacked, outs[self.carries :]))

    def _slice(self, t: XType) -> XType:
        assert t.dims[:1] == (self.dim,) and t.shape[0] == self.length, (self, t)
        return XType(t.dims[1:], t.shape[1:], t.dtype)

    def _stacked(self, t: XType) -> XType:
        assert self.dim not in t.dims, (self, t)
        return XType((self.dim, *t.dims), (self.length, *t.shape), t.dtype)

    def flow(self, i: int, out: int, types: Sequence[XType]) -> Flow:
        return scan_flows(self.body, self.carries, self.length, i)[out]

    def why(self, i: int) -> str:
        return "the loop passes no derivative from it"

    def arguments(self) -> str:
        direction = ", from the end" if self.reverse else ""
        return f"{self.dim}: {self.length}{direction}, {self.carries} carried"


class XWhile(AbstractXOp):
    """``c = body(c, w)`` as long as ``condition(c, w)``. Inputs: the carries, what stays the same."""

    condition: Graph
    body: Graph
    carries: int

    def infer(self, *types: XType) -> tuple[XType, ...]:
        inside = [v.type for v in self.body.inputs]
        assert list(types) == inside == [v.type for v in self.condition.inputs], (self, types)
        assert [v.type for v in self.body.outputs] == inside[: self.carries], self
        return tuple(types[: self.carries])

    def flow(self, i: int, out: int, types: Sequence[XType]) -> Flow:
        return while_flows(self.condition, self.body, self.carries, i)[out]

    def why(self, i: int) -> str:
        return "the loop passes no derivative from it"

    def arguments(self) -> str:
        return f"{self.carries} carried"


class XSwitch(AbstractXOp):
    """``branches[index](operands)``; an index out of range is taken to be the nearest one in it."""

    branches: tuple[Graph, ...]

    def infer(self, index: XType, *types: XType) -> tuple[XType, ...]:
        assert index.dims == () and index.dtype == np.dtype(np.int32), (self, index)
        assert all([v.type for v in b.inputs] == list(types) for b in self.branches), self
        first, *others = [tuple([v.type for v in b.outputs]) for b in self.branches]
        assert all(types == first for types in others), self
        return first

    def flow(self, i: int, out: int, types: Sequence[XType]) -> Flow:
        return switch_flow(self.branches, i, out)

    def why(self, i: int) -> str:
        return "the index only decides which branch is taken"

    def arguments(self) -> str:
        return f"{len(self.branches)} branches"
