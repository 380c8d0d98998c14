"""What a traced array is, without NumPy's protocols: a cell and, for each axis, the dim it shows.

NumPy's functions are implemented in the files beside this one on ``AbstractTraced``; ``arrays.TracedArray`` is its one
final class and adds the protocols by which NumPy and xarray reach those functions.
"""

import math
from collections.abc import Iterable, Sequence
from typing import Any, ClassVar, NamedTuple

import numpy as np

from xgrad.graph import Var
from xgrad.labels.cells import Cell
from xgrad.labels.scope import Trace, fresh, innermost
from xgrad.names import build
from xgrad.names.types import Dim


class New(NamedTuple):
    """An axis that no dim of the value stands behind: the value is repeated ``size`` times along it."""

    size: int


Axis = int | New  # a position among the dims of the cell's content, or a new axis
Name = Dim | New  # the same by name


class AbstractTraced:
    """An array of a traced function: behaves as a NumPy array of this shape and dtype, and records ops."""

    __slots__ = ("__weakref__", "axes", "cell", "dtype", "shape", "weak")

    final: ClassVar[type["AbstractTraced"]]

    def __init_subclass__(cls) -> None:
        AbstractTraced.final = cls

    def __init__(self, cell: Cell, axes: tuple[Axis, ...], weak: bool = False) -> None:
        type_ = cell.content.type
        self.cell = cell
        self.axes = axes
        self.dtype: np.dtype = type_.dtype
        self.weak = weak  # made of Python numbers alone
        sizes = type_.shape
        self.shape: tuple[int, ...] = (
            sizes
            if axes == _plain_axes(len(sizes))
            else tuple([sizes[a] if type(a) is int else a.size for a in axes])  # pyright: ignore[reportAttributeAccessIssue]
        )

    @property
    def value(self) -> Var:
        """The content now: its dims are those among ``names``, in any order."""
        return self.cell.read()

    @property
    def scope(self) -> Trace:
        return self.cell.trace

    @property
    def names(self) -> tuple[Name, ...]:
        """For each axis the dim it shows, or ``New(size)``."""
        dims = self.cell.content.type.dims
        axes = self.axes
        if axes == _plain_axes(len(dims)):
            return dims
        return tuple([dims[a] if type(a) is int else a for a in axes])

    @property
    def ndim(self) -> int:
        return len(self.shape)

    @property
    def size(self) -> int:
        return math.prod(self.shape)


_PLAIN: list[tuple[int, ...]] = [()]


def _plain_axes(ndim: int) -> tuple[int, ...]:
    """``(0, 1, ..., ndim - 1)``."""
    while len(_PLAIN) <= ndim:
        _PLAIN.append(tuple(range(len(_PLAIN))))
    return _PLAIN[ndim]


def make(
    var: Var, names: Sequence[Name] | None, trace: Trace, *, weak: bool = False
) -> AbstractTraced:
    """A new array of the value ``var`` whose axes show ``names`` (default: the dims of ``var``)."""
    return AbstractTraced.final(Cell(var, trace), axes_of(var.type.dims, names), weak)


def axes_of(dims: tuple[Dim, ...], names: Sequence[Name] | None) -> tuple[Axis, ...]:
    """The layout in which a value with these dims shows ``names``."""
    if names is None or tuple(names) == dims:
        return _plain_axes(len(dims))
    return tuple([n if type(n) is New else dims.index(n) for n in names])


def rearranged(array: AbstractTraced, axes: Sequence[Axis]) -> AbstractTraced:
    """Another layout of the same cell: shares its writes, adds no node."""
    if tuple(axes) == array.axes:
        return array
    return AbstractTraced.final(array.cell, tuple(axes), array.weak)


def view(array: AbstractTraced, content: Var, how: Any, names: Sequence[Name]) -> AbstractTraced:
    """An array that is a view of ``array``: ``how`` reads and writes it through the base."""
    cell = Cell(content, array.scope, array.cell, how)
    return AbstractTraced.final(cell, axes_of(content.type.dims, names))


def detached(array: AbstractTraced) -> AbstractTraced:
    """The same value in a cell of its own: writes to either do not reach the other."""
    cell = Cell(array.value, array.scope)
    cell.named = array.cell.named
    return AbstractTraced.final(cell, array.axes, array.weak)


def real(array: AbstractTraced) -> tuple[Var, list[Dim]]:
    """The value with a dim behind every axis, and the dims in the order of the axes."""
    var, names = array.value, array.names
    if New not in map(type, names):
        return var, list(names)
    dims: list[Dim] = []
    taken = {n for n in names if type(n) is not New}
    for name in names:
        dims.append(fresh("new", taken.union(dims)) if type(name) is New else name)
    return build.broadcast(var, tuple(dims), array.shape), dims


def trace_of(arrays: Iterable[Any]) -> Trace:
    """The trace that a result computed from these belongs to; what is not traced does not count."""
    return innermost(*[a.cell.trace for a in arrays if isinstance(a, AbstractTraced)])


def is_traced_array(value: Any) -> bool:
    """Whether ``value`` is a traced array; functions that take both kinds go on as if it were of any type."""
    return isinstance(value, AbstractTraced)


def is_new(name: Name) -> bool:
    """Whether no dim stands behind an axis."""
    return type(name) is New
