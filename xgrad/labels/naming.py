"""Telling a traced array the names that xarray has given to its axes."""

from collections.abc import Hashable

from xgrad.graph import located, user_source
from xgrad.labels.core import AbstractTraced


def named(array: AbstractTraced, dims: tuple[Hashable, ...]) -> AbstractTraced:
    """``array`` with its axes called ``dims``, no longer weak: the same object where that is so already.

    New axes have no dim to be renamed, and dims given twice, which xarray allows for a moment, are no names.
    """
    cell = array.cell
    old = cell.content.type.dims
    names = list(old)
    for axis, dim in zip(array.axes, dims, strict=True):
        if isinstance(axis, int):
            names[axis] = dim
    if tuple(names) == old:
        cell.named = True
    elif len(set(names)) == len(names):
        with located(user_source()):
            cell = cell.rename(names)
    if cell is array.cell and not array.weak:
        return array
    return AbstractTraced.final(cell, array.axes)
