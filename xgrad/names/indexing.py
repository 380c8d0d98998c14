"""The XOps that take values out at positions along named dims, and that write values there.

An indexer says what happens along one dim: an ``int`` picks one step and drops the dim, a ``Slice``
keeps the dim, an ``At`` refers to an index array among the inputs, whose own dims take the place of
the dim. Index arrays that share a dim, with each other or with a dim that stays, work point by
point along it; otherwise they are orthogonal.
"""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from xgrad.names.base import AbstractXOp, Renames, arrows, renamed, then
from xgrad.names.types import Dim, XType, join_sizes, xtype


class Slice(NamedTuple):
    """``size`` steps along a dim: ``start``, ``start + step``, …; ``step`` may be negative."""

    start: int
    size: int
    step: int = 1

    def __str__(self) -> str:
        stop = self.start + self.size * self.step
        ends = f"{self.start}:{stop if stop >= 0 else ''}"
        return ends if self.step == 1 else f"{ends}:{self.step}"


class At(NamedTuple):
    """The positions in index array ``k``."""

    k: int


Indexer = int | Slice | At
Indexers = tuple[tuple[Dim, Indexer], ...]


class XIndex(AbstractXOp):
    """The values of ``x`` at positions: inputs ``x, *index arrays``.

    ``mode`` "promise": index arrays are in range; "wrap": negative positions count from the end,
    then all are clipped. The dims of the result come as in xarray: those of an index array where
    the dim that it indexes stood, each once.
    """

    indexers: Indexers
    mode: str = "promise"
    renames: Renames = ()

    def infer(self, x: XType, *arrays: XType) -> XType:
        picked = selection(self.indexers, x, arrays)
        return picked._replace(dims=renamed(picked.dims, self.renames))

    def is_position(self, i: int) -> bool:
        return i > 0

    def why(self, i: int) -> str:
        return (
            "{this} only decides which values of {array} are taken"
            if i
            else AbstractXOp.why(self, i)
        )

    def owned(self, out: int, types: Sequence[XType]) -> frozenset[Dim]:
        x, *arrays = types
        indexed = dict(self.indexers)
        kept = {d for d in x.dims if d not in indexed}
        made = set(selection(self.indexers, x, arrays).dims) - kept
        return frozenset(renamed(made, self.renames))

    def rename(self, mapping: Mapping[Dim, Dim], out: int) -> "XIndex":
        return dataclasses.replace(self, renames=then(self.renames, mapping))

    def arguments(self) -> str:
        inside = indexers_text(self.indexers)
        return f"{inside}, {arrows(self.renames)}" if self.renames else inside


class XIndexUpdate(AbstractXOp):
    """``x`` with ``v`` written at positions: inputs ``x, v, *index arrays``.

    ``v`` broadcasts by name to the dims that ``XIndex`` would give. ``kind`` is "set", "add",
    "multiply", "min" or "max"; of several values set at one place, the last wins.
    """

    indexers: Indexers
    kind: str = "set"
    mode: str = "promise"

    def infer(self, x: XType, v: XType, *arrays: XType) -> XType:
        picked = selection(self.indexers, x, arrays)
        if join_sizes([picked, v]) != picked.sizes:
            raise AssertionError(f"{self!r}: {v} does not fit into {picked}")
        return x._replace(weak=False)

    def is_position(self, i: int) -> bool:
        return i > 1

    def why(self, i: int) -> str:
        return (
            "{this} only decides where in {array} values are written"
            if i > 1
            else AbstractXOp.why(self, i)
        )

    def describe(self) -> str:
        return f"XIndexUpdate {self.kind}({indexers_text(self.indexers)})"


def selection(indexers: Indexers, x: XType, arrays: Sequence[XType]) -> XType:
    """The type of the values of ``x`` at ``indexers``."""
    by_dim = dict(indexers)
    sizes: dict[Dim, int] = {}
    for dim, n in x.sizes.items():
        for d, size in _replacing(dim, n, by_dim.get(dim), arrays).items():
            if sizes.setdefault(d, size) != size:
                raise AssertionError(f"{indexers}: dim {d!r} has the sizes {sizes[d]} and {size}")
    return xtype(sizes, x.dtype, x.weak)


def _replacing(
    dim: Dim, size: int, indexer: Indexer | None, arrays: Sequence[XType]
) -> dict[Dim, int]:
    """The dims that take the place of ``dim``."""
    if indexer is None:
        return {dim: size}
    if isinstance(indexer, Slice):
        return {dim: indexer.size}
    return arrays[indexer.k].sizes if isinstance(indexer, At) else {}


def indexers_text(indexers: Indexers) -> str:
    """Indexers for printing; an index array is written ``[…]``."""
    return ", ".join(
        [f"{dim}={'[…]' if isinstance(indexer, At) else indexer}" for dim, indexer in indexers]
    )
