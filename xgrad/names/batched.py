"""A closed names graph repeated along a named dim: what ``vmap`` and Jacobians are made of."""

from collections.abc import Mapping, Sequence
from typing import Any

from xgrad.axes.base import Flow
from xgrad.axes.batched import blocking_input, chunk_text
from xgrad.axes.flow import graph_flows
from xgrad.graph import Graph
from xgrad.names.base import AbstractXOp
from xgrad.names.types import Dim, XType


class XBatched(AbstractXOp):
    """``graph`` at each of ``size`` places along ``dim``.

    The dim comes first in the inputs in ``mapped`` and in all outputs. ``chunk`` places are computed
    at a time (None: all at once). ``about`` says for what, in printed graphs alone.
    """

    graph: Graph
    dim: Dim
    mapped: tuple[bool, ...]
    size: int
    chunk: int | None = None
    about: str = ""

    def infer(self, *types: XType) -> tuple[XType, ...]:
        expected = [
            self.with_dim(v.type) if m else v.type
            for v, m in zip(self.graph.inputs, self.mapped, strict=True)
        ]
        assert [_strong(t) for t in types] == [_strong(t) for t in expected], (types, expected)
        return tuple([_strong(self.with_dim(v.type)) for v in self.graph.outputs])

    def with_dim(self, t: XType) -> XType:
        """``t`` with the dim before its others."""
        return t._replace(dims=(self.dim, *t.dims), shape=(self.size, *t.shape))

    def flow(self, i: int, out: int, types: Sequence[XType]) -> Flow:
        return graph_flows(self.graph)[i][out]

    def why(self, i: int) -> str:
        blocked = blocking_input(self.graph, i)
        if blocked is None:
            return ""
        node, k = blocked
        reason: Any = getattr(node.op, "why", "")
        return str(reason(k) if callable(reason) else reason)

    def owned(self, out: int, types: Sequence[XType]) -> frozenset[Dim]:
        return frozenset()  # the inputs have the dim too

    def rename(self, mapping: Mapping[Dim, Dim], out: int) -> "XBatched":
        raise AssertionError("no dim of a batched graph is its own")

    def describe(self) -> str:
        inside = f"{self.dim}: {self.size}{chunk_text(self.chunk)}"
        return f"XBatched({inside}){f'  {self.about}' if self.about else ''}"


def _strong(t: XType) -> XType:
    return t._replace(weak=False)
