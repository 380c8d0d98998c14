"""Indexers as users write them, in normal form: in range, not negative, none without effect."""

import operator
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple
from typing import Literal as OneOf

import numpy as np

from xgrad.axes.checked import Checked
from xgrad.axes.elementwise import Cast, GreaterEqual, Less, LogicalAnd
from xgrad.axes.literal import Literal
from xgrad.graph import Var, located
from xgrad.names import messages
from xgrad.names.compute import XElemwise
from xgrad.names.indexing import At, Indexer, Indexers, Slice
from xgrad.names.structure import XConstant
from xgrad.names.types import Dim, XType
from xgrad.options import option

Mode = OneOf["promise", "wrap"]
UserIndexer = int | slice | Slice | Var


class Plan(NamedTuple):
    """Normal indexers, the index arrays they refer to, and whether those may be out of range."""

    indexers: Indexers
    arrays: tuple[Var, ...]
    mode: Mode


def plan(x: Var, indexers: Mapping[Any, UserIndexer], mode: Mode | None) -> Plan:
    """``indexers`` in normal form, in the order of the dims of ``x``.

    ``mode`` None: "promise" where all index arrays are concrete, and so checked here; else "wrap".
    """
    for dim in indexers:
        if dim not in x.type.dims:
            raise messages.unknown_dim("index", dim, x)
    done: list[tuple[Dim, Indexer]] = []
    arrays: list[Var] = []
    for dim, size in zip(x.type.dims, x.type.shape, strict=True):
        if dim not in indexers:
            continue
        normal = _normal(x, dim, indexers[dim])
        if isinstance(normal, Var):
            normal = normal if mode else in_range(normal, dim, size)
            done.append((dim, At(len(arrays))))
            arrays.append(normal)
        elif normal != Slice(0, size):
            done.append((dim, normal))
    _check_shared_dims(x, tuple(done), arrays)
    return Plan(tuple(done), tuple(arrays), mode or _mode(arrays))


def _mode(arrays: Sequence[Var]) -> Mode:
    return "promise" if all(isinstance(a.op, XConstant) for a in arrays) else "wrap"


def _normal(x: Var, dim: Dim, indexer: UserIndexer) -> int | Slice | Var:
    if isinstance(indexer, Slice):
        return indexer
    if isinstance(indexer, slice):
        start, stop, step = indexer.indices(x.type.sizes[dim])
        return Slice(start, len(range(start, stop, step)), step)
    if isinstance(indexer, Var):
        return _normal_array(x, dim, indexer)
    return _in_range(x, dim, operator.index(indexer))


def _normal_array(x: Var, dim: Dim, array: Var) -> int | Var:
    """Concrete positions are counted from the start, and a single one is an int."""
    if array.type.dtype.kind not in "iu":
        raise messages.bad_index_dtype(x, dim, array)
    if not isinstance(array.op, XConstant):
        return array
    positions = array.op.value.value
    if positions.ndim == 0:
        return _in_range(x, dim, int(positions))
    if positions.size and (positions.min() < 0 or positions.max() >= x.type.sizes[dim]):
        return _counted_from_start(x, dim, array, positions)
    return array


def _counted_from_start(x: Var, dim: Dim, array: Var, positions: np.ndarray) -> Var:
    for extreme in (positions.min(), positions.max()):
        _in_range(x, dim, int(extreme))
    counted = np.where(positions < 0, positions + x.type.sizes[dim], positions)
    with located(array.source):
        return XConstant(Literal(counted), array.type.dims)()


def _in_range(x: Var, dim: Dim, position: int) -> int:
    size = x.type.sizes[dim]
    if not -size <= position < size:
        raise messages.out_of_bounds(x, dim, position)
    return position % size


def _check_shared_dims(x: Var, indexers: Indexers, arrays: Sequence[Var]) -> None:
    """Dims that index arrays share with each other or with what stays of ``x`` must agree."""
    by_dim: dict[Dim, Any] = dict(indexers)
    sizes: dict[Dim, int] = {}
    for dim, n in x.type.sizes.items():
        indexer = by_dim.get(dim)
        if indexer is None:
            sizes[dim] = n
        elif isinstance(indexer, Slice):
            sizes[dim] = indexer.size
    for array in arrays:
        for dim, n in array.type.sizes.items():
            if sizes.setdefault(dim, n) != n:
                raise messages.selection_clash(f"index {messages.operand(x)}", dim, n, sizes[dim])


def in_range(positions: Var, dim: Dim, size: int) -> Var:
    """``positions`` along ``dim``; where they are not known and run-time checks are on, marked to be in range."""
    if isinstance(positions.op, XConstant) or "indices" not in option("checks"):
        return positions
    ends = [XConstant(Literal(np.asarray(n, np.int64)), inline=True)() for n in (-size, size)]
    wide = XElemwise(Cast(np.dtype(np.int64)))(positions)
    above = XElemwise(GreaterEqual())(wide, ends[0])
    ok = XElemwise(LogicalAnd())(above, XElemwise(Less())(wide, ends[1]))
    return XElemwise(Checked(messages.out_of_range(dim, size)))(positions, ok, wide)


class Kept(NamedTuple):
    """Which steps along ``dim`` are written to places that no later step is written to."""

    dim: Dim
    steps: np.ndarray


def kept_steps(x: Var, normal: Plan) -> list[Kept]:
    """Where known positions come twice, the steps that count: the last one wins, as in NumPy.

    XLA promises no order among writes to one place. Looks at positions along one dim, alone or point by point.
    """
    found = []
    indexed = {dim for dim, _ in normal.indexers}
    for dim in dict.fromkeys([d for a in normal.arrays for d in a.type.dims]):
        arrays = [a for a in normal.arrays if dim in a.type.dims]
        own = dim in x.type.dims and dim not in indexed  # each step writes to a place of its own
        if own or any(a.type.ndim != 1 or not isinstance(a.op, XConstant) for a in arrays):
            continue
        places = np.stack([_positions(a) for a in arrays])
        _, from_end = np.unique(places[:, ::-1], axis=1, return_index=True)
        if from_end.size < places.shape[1]:
            found.append(Kept(dim, np.sort(places.shape[1] - 1 - from_end)))
    return found


def at_steps(normal: Plan, kept: Kept) -> Plan:
    """The plan with the index arrays along one dim cut down to the steps that count."""
    arrays = []
    for a in normal.arrays:
        cut = kept.dim in a.type.dims
        arrays.append(XConstant(Literal(_positions(a)[kept.steps]), a.type.dims)() if cut else a)
    return normal._replace(arrays=tuple(arrays))


def _positions(array: Var) -> np.ndarray:
    op: Any = array.op
    return op.value.value


def check_written(x: Var, v: Var, picked: XType) -> None:
    """What is written must fit what is selected: ``v`` broadcasts to ``picked``, not back."""
    doing = f"write into {messages.operand(x)}"
    extra = [d for d in v.type.dims if d not in picked.dims]
    if extra:
        raise messages.missing_dims(doing, v, extra)
    for dim, n in v.type.sizes.items():
        if n != picked.sizes[dim]:
            raise messages.selection_clash(doing, dim, n, picked.sizes[dim])
