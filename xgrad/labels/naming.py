"""Telling a traced array the names that xarray has given to its axes."""

from collections.abc import Hashable

from xgrad.graph import located, user_source
from xgrad.labels.core import AbstractTraced
from xgrad.names.types import Dim


def named(array: AbstractTraced, dims: tuple[Hashable, ...]) -> AbstractTraced:
    """``array`` with its axes called ``dims``, no longer weak: the same object where that is so already.

    New axes have no dim to be renamed, and dims given twice, which xarray allows for a moment, are no names.
    """
    if not array.weak and (array.cell.named and array.names == dims or len(set(dims)) < len(dims)):
        return array
    return _renamed(array, dims)


def _renamed(array: AbstractTraced, dims: tuple[Hashable, ...]) -> AbstractTraced:
    names: list[Dim] = list(array.cell.content.type.dims)
    for axis, dim in zip(array.axes, dims, strict=True):
        if isinstance(axis, int):
            names[axis] = dim
    with located(user_source()):
        cell = array.cell.rename(names) if names else array.cell
    if cell is array.cell and not array.weak:
        return array
    return AbstractTraced.final(cell, array.axes)
