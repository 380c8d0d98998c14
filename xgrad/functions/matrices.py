"""Labeled arrays as matrices: which dims are rows and columns, whether they fit, and whether their labels agree."""

from collections.abc import Hashable, Sequence
from typing import Any

import numpy as np
import xarray as xr

from xgrad.errors import AlignmentError, DimensionError, SizeMismatchError, nearest
from xgrad.functions.calls import Labeled, check_labeled
from xgrad.graph import user_source
from xgrad.labels.duck.linalg import not_square

Dims = Sequence[Hashable] | None
Pair = tuple[Hashable, Hashable]


def matrix_dims(doing: str, a: Labeled, dims: Dims) -> Pair:
    """The dims of rows and columns: ``dims``, or the only two that ``a`` has.

    ``DimensionError`` where they are not two, or ``a`` lacks one.
    """
    check_labeled(doing, a)
    known = tuple(a.dims)
    if dims is None:
        if len(known) != 2:
            raise DimensionError(
                f"{_at()}cannot {doing}: the array has the dims {known}, and which two of them are rows and"
                " columns is not said.\nSay dims=(row, column); the others are batch dims."
            )
        return known[0], known[1]
    pair = (dims,) if isinstance(dims, str) else tuple(dims)
    if len(pair) != 2 or pair[0] == pair[1]:
        raise DimensionError(
            f"{_at()}cannot {doing} with dims={dims!r}: two different dims are needed, that of the rows and that"
            " of the columns."
        )
    for dim in pair:
        require(doing, "the array", a, dim)
    return pair[0], pair[1]


def require(doing: str, what: str, x: Labeled, dim: Hashable) -> None:
    """``DimensionError`` where ``x`` lacks a dim."""
    if dim not in x.dims:
        known = tuple(x.dims)
        raise DimensionError(
            f"{_at()}cannot {doing}: {what} has no dim {dim!r}, but {known}{nearest(dim, known) or '.'}"
        )


def square_dims(doing: str, a: Labeled, dims: Dims) -> Pair:
    """The dims of rows and columns of square matrices; ``SizeMismatchError`` where they are not square."""
    pair = matrix_dims(doing, a, dims)
    sizes = [a.sizes[d] for d in pair]
    if sizes[0] != sizes[1]:
        raise not_square(sizes, pair)
    return pair


def same_space(doing: str, a: Labeled, dims: Dims) -> Pair:
    """The dims of square matrices whose rows and columns stand for the same things, so that labels must be the same.

    ``AlignmentError`` where both dims have labels, and other ones.
    """
    row, column = square_dims(doing, a, dims)
    labels = [a.indexes[d] for d in (row, column) if d in a.indexes]
    if len(labels) == 2 and not labels[0].equals(labels[1].rename(labels[0].name)):
        k = int(np.argmax(np.asarray(labels[0] != labels[1])))
        raise AlignmentError(
            f"{_at()}cannot {doing}: row {k} along {row!r} is {labels[0][k]!r}, and column {k} along {column!r} is"
            f" {labels[1][k]!r}.\nPut both in one order: a = a.reindex({{{column!r}: a[{row!r}].values}})."
        )
    return row, column


def aligned(doing: str, a: Labeled, b: Labeled, dim: Hashable) -> Labeled:
    """``b`` with its steps along ``dim`` in the order of those of ``a``.

    ``AlignmentError`` where one has labels that the other lacks, ``SizeMismatchError`` where sizes differ.
    """
    require(doing, "the right-hand side", b, dim)
    if dim in a.indexes and dim in b.indexes:
        mine, theirs = a.indexes[dim], b.indexes[dim]
        if mine.equals(theirs):
            return b
        extra = [*mine.symmetric_difference(theirs)]
        if extra or not mine.is_unique or len(mine) != len(theirs):
            raise AlignmentError(
                f"{_at()}cannot {doing}: the labels along dim {dim!r} are {_counted(mine)} in the matrix and"
                f" {_counted(theirs)} in the right-hand side{_first(extra)}.\n"
                "Align them first: a, b = xgrad.align(a, b, join='inner'), and keep the matrix square."
            )
        return b.sel({dim: mine})
    if a.sizes[dim] != b.sizes[dim]:
        raise SizeMismatchError(
            f"{_at()}cannot {doing}: dim {dim!r} has size {a.sizes[dim]} in the matrix and {b.sizes[dim]} in the"
            " right-hand side.\nSelect the same steps of both."
        )
    return b


def absent(doing: str, b: Labeled, dim: Hashable) -> None:
    """``DimensionError`` where ``b`` has a dim that the result gets from the matrix."""
    if dim in b.dims:
        raise DimensionError(
            f"{_at()}cannot {doing}: the right-hand side has dim {dim!r}, which the solution gets from the columns of"
            f" the matrix.\nRename it in the right-hand side: b.rename({{{dim!r}: ...}})."
        )


def _counted(index: Any) -> str:
    return f"{len(index)} label{'s' if len(index) != 1 else ''}"


def _first(extra: Sequence[Any]) -> str:
    return f"; {extra[0]!r} is in one of them alone" if extra else ""


def _at() -> str:
    line = user_source()
    return f"{line}: " if line else ""


def joined_labels(arrays: Sequence[xr.DataArray], dim: Hashable) -> Any:
    """The labels along ``dim`` of all arrays, one after the other; None where one has none."""
    indexes = [a.indexes.get(dim) for a in arrays]
    if any(index is None for index in indexes):
        return None
    first, *others = indexes
    return first.append(others)  # pyright: ignore[reportOptionalMemberAccess]
