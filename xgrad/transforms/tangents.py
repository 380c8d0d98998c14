"""Directions that a user gives for an argument: checked against it, as variables."""

from typing import Any

import numpy as np
import xarray as xr

from xgrad.errors import AlignmentError, ArgumentError, DimensionError, SizeMismatchError
from xgrad.gradient.ops import cotangent_dtype
from xgrad.graph import Var
from xgrad.labels import unwrap
from xgrad.labels.slots import read_variable
from xgrad.names import build
from xgrad.transforms.blocks import Piece, Side
from xgrad.transforms.tree import flatten


def tangent_vars(given: Any, like: Side) -> list[Var]:
    """One variable per variable of ``like``, of its dims and dtype, from ``given``, which has the same containers.

    Raises ArgumentError for other containers or variables, DimensionError, SizeMismatchError and AlignmentError for
    arrays that do not fit.
    """
    leaves, structure = flatten(given)
    if structure != like.structure:
        raise ArgumentError("the direction p must have the containers of the argument that it is for.")
    return [
        _fitting(_data(leaf, name, piece), v, _called(piece, name))
        for leaf, piece in zip(leaves, like.pieces, strict=True)
        for name, v in piece.vars.items()
    ]


def _data(leaf: Any, name: Any, piece: Piece) -> Any:
    if not isinstance(piece.labels, xr.Dataset):
        _check_labels(leaf, piece.labels, piece.path)
        return leaf
    if not isinstance(leaf, xr.Dataset) or name not in leaf.data_vars:
        raise ArgumentError(
            f"the direction p for `{piece.path}` must be a Dataset with its variable {name!r}."
        )
    _check_labels(leaf[name], piece.labels, _called(piece, name))
    return leaf[name]


def _check_labels(leaf: Any, labels: Any, path: str) -> None:
    """Labels along the same dim must agree where both have them."""
    indexes = leaf.xindexes if isinstance(leaf, xr.DataArray) else {}
    for name, index in indexes.items():
        if name in labels.xindexes and not index.equals(labels.xindexes[name]):
            raise AlignmentError(
                f"the direction p for `{path}`: its labels along {name!r} differ from those of `{path}`.\n"
                f"Select or reindex first: p.reindex_like({path})."
            )


def _fitting(data: Any, like: Var, path: str) -> Var:
    """``data`` as a variable of the dims of ``like``, in the dtype of a tangent."""
    dims = like.type.dims
    var = _var(data, dims, path)
    for dim, n in like.type.sizes.items():
        if var.type.sizes[dim] != n:
            raise SizeMismatchError(
                f"the direction p for `{path}`: dim {dim!r} has size {var.type.sizes[dim]}, and {n} in `{path}`."
            )
    return build.cast(build.transpose(var, dims), cotangent_dtype(like.type.dtype))


def _var(data: Any, dims: tuple, path: str) -> Var:
    if isinstance(data, xr.DataArray):
        found = data.dims
        array = read_variable(data.variable)[0]
    else:
        array = data if hasattr(data, "dtype") else np.asarray(data)
        found = dims if array.ndim == len(dims) else tuple([f"dim_{i}" for i in range(array.ndim)])
    if set(found) != set(dims):
        raise DimensionError(
            f"the direction p for `{path}` has the dims {tuple(found)}; `{path}` has {tuple(dims)}."
        )
    return unwrap(array, found)


def _called(piece: Piece, name: Any) -> str:
    return piece.path if name is None else f"{piece.path}[{name!r}]"
