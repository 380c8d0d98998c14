"""The storage behind traced arrays: what makes writes and views behave as NumPy's do on an immutable graph.

A ``Cell`` is NumPy's buffer: it holds the Var that is its content now, and a write puts another Var in. The cell of a
view has a base and a ``View``: how its content is read from the base's, and how a new content is written back. A write
raises the version of the root; cells that show an older version are recomputed when they are next read.
"""

from collections.abc import Sequence
from itertools import pairwise
from typing import Protocol

from xgrad.graph import Var
from xgrad.labels.scope import Trace, check_usable
from xgrad.names import build
from xgrad.names.types import Dim


class View(Protocol):
    """A part or another arrangement of a base. Dims are positions in the base's dims: names may change."""

    def read(self, base: Var) -> Var:
        """The view's content."""
        ...

    def write(self, base: Var, new: Var) -> Var:
        """The base's content after ``new`` is written through the view."""
        ...


class Same:
    """The whole base, under other names."""

    def read(self, base: Var) -> Var:
        return base

    def write(self, base: Var, new: Var) -> Var:
        return new


SAME = Same()


class Cell:
    """A value that can be rebound. All its contents have the same shape and dtype, and keep its names."""

    __slots__ = ("base", "content", "named", "own", "root", "seen", "trace", "version", "view")

    def __init__(
        self, content: Var, trace: Trace, base: "Cell | None" = None, view: View = SAME
    ) -> None:
        self.content = content
        self.trace = trace
        self.base = base
        self.view = view
        self.named = False
        self.own = trace.meets(content)  # as yet nobody else has seen the content
        self.root = self if base is None else base.root
        self.version = 0  # counts the writes, in a root
        self.seen = self.root.version  # the version that ``content`` shows

    def read(self) -> Var:
        """The content now. Raises where the trace is over."""
        check_usable(self.trace, self.content)
        self.own = False
        if self.seen != self.root.version:
            self._refresh()
        return self.content

    def _refresh(self) -> None:
        """Recompute this cell and the stale ones between it and the root, from the root on."""
        stale: list[Cell] = []
        cell: Cell | None = self
        while cell is not None and cell.seen != cell.root.version:
            stale.append(cell)
            cell = cell.base
        for cell in reversed(stale):
            if cell.base is not None:
                content = cell.view.read(cell.base.content)
                cell.content = with_names(content, cell.content.type.dims)
            cell.seen = cell.root.version

    def write(self, content: Var) -> None:
        """Rebind this cell, and every cell it is a view of."""
        self.read()
        chain: list[Cell] = [self]
        while chain[-1].base is not None:
            chain.append(chain[-1].base)
        self.content = with_names(content, self.content.type.dims)
        for part, whole in pairwise(chain):
            updated = part.view.write(whole.read(), part.content)
            whole.content = with_names(updated, whole.content.type.dims)
        self.root.version += 1
        for cell in chain:
            cell.seen = self.root.version

    def rename(self, names: Sequence[Dim]) -> "Cell":
        """A cell with this content and other names; itself where nobody has named it, or looked into it, yet.

        Only then is the content made anew under its names. A variable that somebody holds stays what it is, and the
        renamed one is computed from it: gradients by either are connected.
        """
        if not self.named and self.own:
            self.content = build.rename_new(self.content, _changes(self.content, tuple(names)))
            self.named = True
            return self
        cell = Cell(with_names(self.read(), tuple(names)), self.trace, self)
        cell.named = True
        return cell


def with_names(var: Var, names: tuple[Dim, ...]) -> Var:
    """``var`` with its dims renamed to ``names`` by position."""
    return var if var.type.dims == names else build.rename(var, _changes(var, names))


def _changes(var: Var, names: tuple[Dim, ...]) -> dict[Dim, Dim]:
    return {old: new for old, new in zip(var.type.dims, names, strict=True) if old != new}
