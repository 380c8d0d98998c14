"""How indexing by named dims becomes slices, takes, gathers and scatters.

Every selection has two parts, one after the other: a static one (ints and slices), then a dynamic
one (index arrays). An update goes the other way: it writes into the static part of the array by
index arrays, and puts the part back.
"""

from collections.abc import Hashable, Mapping, Sequence
from typing import NamedTuple

from xgrad.axes.base import AbstractTensorOp
from xgrad.axes.elementwise import Maximum, Minimum, Multiply, add, full_like, less, where
from xgrad.axes.index import Gather, Scatter, SliceUpdate, Take
from xgrad.axes.structural import Reverse, reshape, slice_
from xgrad.graph import Node, Var
from xgrad.lower.arrange import arrange
from xgrad.names.indexing import At, Indexer, Indexers, Slice, XIndex, XIndexUpdate, selection
from xgrad.names.types import XType

Name = Hashable  # of an axis: a dim, or a place that an index array will fill


class IndexArray(NamedTuple):
    """An index array, the names of its axes, and the axis that it picks from."""

    array: Var
    dims: tuple[Name, ...]
    sizes: dict[Name, int]
    place: Name


class Tensor(NamedTuple):
    """A variable with a name for each axis."""

    var: Var
    names: tuple[Name, ...]

    @property
    def sizes(self) -> dict[Name, int]:
        return dict(zip(self.names, self.var.type.shape, strict=True))

    def arranged(self, names: Sequence[Name], sizes: Mapping[Name, int] | None = None) -> "Tensor":
        """This tensor with exactly the axes ``names``, repeated along those that it lacks."""
        return Tensor(arrange(self.var, self.names, names, sizes or self.sizes), tuple(names))


def lower_index(op: XIndex, node: Node, x: Var, *arrays: Var) -> Var:
    """Slice; a Take for each orthogonal index array; one Gather for those that work pointwise."""
    x_type, *array_types = [v.type for v in node.inputs]
    block = Block.of(op.indexers, x_type)
    tensor, indices = _dynamic(op.indexers, op.mode, x_type, block.take(x), arrays, array_types)
    alone, joint = _orthogonal_first(tensor, indices)
    for index in alone:
        tensor = _take(tensor, index, op.mode)
    if joint:
        tensor = _gather(tensor, joint, op.mode)
    return tensor.arranged(selection(op.indexers, x_type, array_types).dims).var


def lower_update(op: XIndexUpdate, node: Node, x: Var, v: Var, *arrays: Var) -> Var:
    """A SliceUpdate; with index arrays, a Scatter into the slice, which is then put back."""
    x_type, v_type, *array_types = [u.type for u in node.inputs]
    block = Block.of(op.indexers, x_type)
    values = Tensor(v, v_type.dims)
    if arrays:
        tensor, indices = _dynamic(op.indexers, op.mode, x_type, block.take(x), arrays, array_types)
        return block.put(x, _scatter(tensor, values, indices, op).var, "set")
    picked = selection(op.indexers, x_type, ())
    values = values.arranged(picked.dims, picked.sizes)
    if op.kind in COMBINE:
        return block.put(x, COMBINE[op.kind](block.take(x), values.var), "set")
    return block.put(x, values.var, op.kind)


COMBINE: dict[str, AbstractTensorOp] = {  # updates that a slice has no op for: read, combine, set
    "multiply": Multiply(),
    "min": Minimum(),
    "max": Maximum(),
}


class Block(NamedTuple):
    """The static part of a selection: a block, some axes of it read backwards, some dropped."""

    starts: tuple[int, ...]
    stops: tuple[int, ...]
    steps: tuple[int, ...]
    backwards: tuple[int, ...]
    dropped: tuple[int, ...]

    @classmethod
    def of(cls, indexers: Indexers, x: XType) -> "Block":
        """The block that the ints and slices among ``indexers`` select."""
        by_dim = dict(indexers)
        ranges = [_range(by_dim.get(d), n) for d, n in zip(x.dims, x.shape, strict=True)]
        return cls(
            tuple([min(r[0], r[-1]) if r else 0 for r in ranges]),
            tuple([max(r[0], r[-1]) + 1 if r else 0 for r in ranges]),
            tuple([abs(r.step) for r in ranges]),
            tuple([axis for axis, r in enumerate(ranges) if r.step < 0]),
            tuple([axis for axis, d in enumerate(x.dims) if isinstance(by_dim.get(d), int)]),
        )

    def take(self, x: Var) -> Var:
        """The block of ``x``, its backward axes reversed and its dropped axes gone."""
        block = self._reverse(slice_(x, self.starts, self.stops, self.steps))
        shape = [n for axis, n in enumerate(block.type.shape) if axis not in self.dropped]
        return reshape(block, shape)

    def put(self, x: Var, block: Var, kind: str) -> Var:
        """``x`` with its block set to ``block``, or with ``block`` added to it."""
        bounds = zip(self.starts, self.stops, self.steps, strict=True)
        shape = tuple([len(range(*b)) for b in bounds])
        whole = self._reverse(reshape(block, shape))
        if kind == "set" and shape == x.type.shape:
            return whole
        return SliceUpdate(self.starts, self.stops, self.steps, kind)(x, whole)

    def _reverse(self, x: Var) -> Var:
        return Reverse(self.backwards)(x) if self.backwards else x


def _range(indexer: Indexer | None, size: int) -> range:
    """The positions along one axis that stay after the static part."""
    if isinstance(indexer, int):
        return range(indexer, indexer + 1)
    if isinstance(indexer, Slice):
        start, count, step = indexer
        return range(start, start + count * step, step)
    return range(size)


def _dynamic(
    indexers: Indexers,
    mode: str,
    x: XType,
    block: Var,
    arrays: Sequence[Var],
    array_types: Sequence[XType],
) -> tuple[Tensor, list[IndexArray]]:
    """What the static part leaves to do: a tensor with places, and index arrays to fill them."""
    by_dim = dict(indexers)
    names: list[Name] = []
    indices: list[IndexArray] = []
    for dim, size in zip(x.dims, x.shape, strict=True):
        indexer = by_dim.get(dim)
        if isinstance(indexer, At):
            place = _Place()
            names.append(place)
            array, t = arrays[indexer.k], array_types[indexer.k]
            array = _wrapped(array, size) if mode == "wrap" else array
            indices.append(IndexArray(array, t.dims, t.sizes, place))
        elif not isinstance(indexer, int):
            names.append(dim)
    return Tensor(block, tuple(names)), indices


class _Place:
    """The name of an axis that an index array will replace: no dim equals it."""


def _wrapped(index: Var, size: int) -> Var:
    """Negative positions counted from the end: i < 0 -> i + size"""
    zero, n = full_like(index, 0), full_like(index, size)
    return where(less(index, zero), add(index, n), index)


def _orthogonal_first(
    tensor: Tensor, indices: Sequence[IndexArray]
) -> tuple[list[IndexArray], list[IndexArray]]:
    """The index arrays that share no dim with each other or with the tensor, and those that do."""
    used = [*tensor.names, *[d for index in indices for d in index.dims]]
    alone = [index for index in indices if all(used.count(d) == 1 for d in index.dims)]
    return alone, [index for index in indices if index not in alone]


def _take(tensor: Tensor, index: IndexArray, mode: str) -> Tensor:
    """[.., place, ..] -> [.., dims of the index array, ..]"""
    axis = tensor.names.index(index.place)
    names = (*tensor.names[:axis], *index.dims, *tensor.names[axis + 1 :])
    return Tensor(Take(axis, TENSOR_MODES[mode])(tensor.var, index.array), names)


def _gather(tensor: Tensor, indices: Sequence[IndexArray], mode: str) -> Tensor:
    """[batch, places, rest] -> [batch, points, rest]"""
    axes = GatherAxes.of(tensor, indices)
    op = Gather(len(axes.batch), len(indices), TENSOR_MODES[mode])
    source = tensor.arranged((*axes.batch, *axes.places, *axes.rest))
    picked = op(source.var, *axes.spread(indices))
    return Tensor(picked, (*axes.batch, *axes.points, *axes.rest))


def _scatter(
    tensor: Tensor, values: Tensor, indices: Sequence[IndexArray], op: XIndexUpdate
) -> Tensor:
    """[batch, places, rest] updated by values [batch, points, rest]"""
    axes = GatherAxes.of(tensor, indices)
    scatter = Scatter(len(axes.batch), len(indices), op.kind, TENSOR_MODES[op.mode])
    target = tensor.arranged((*axes.batch, *axes.places, *axes.rest))
    sizes = {**tensor.sizes, **axes.sizes}
    updates = values.arranged((*axes.batch, *axes.points, *axes.rest), sizes)
    written = scatter(target.var, updates.var, *axes.spread(indices))
    return Tensor(written, target.names).arranged(tensor.names)


TENSOR_MODES = {"promise": "promise", "wrap": "clip"}  # wrapped positions may still be out of range


class GatherAxes(NamedTuple):
    """The axes of a gather: shared with the index arrays, the places, theirs alone, the rest."""

    batch: tuple[Name, ...]
    places: tuple[Name, ...]
    points: tuple[Name, ...]
    rest: tuple[Name, ...]
    sizes: dict[Name, int]

    @classmethod
    def of(cls, tensor: Tensor, indices: Sequence[IndexArray]) -> "GatherAxes":
        """The axes for picking from ``tensor`` with ``indices`` at once."""
        sizes = {d: n for index in indices for d, n in index.sizes.items()}
        places = tuple([index.place for index in indices])
        kept = [name for name in tensor.names if name not in places]
        return cls(
            batch=tuple([name for name in kept if name in sizes]),
            places=places,
            points=tuple([d for d in sizes if d not in kept]),
            rest=tuple([name for name in kept if name not in sizes]),
            sizes=sizes,
        )

    def spread(self, indices: Sequence[IndexArray]) -> list[Var]:
        """The index arrays with the axes [batch, points]."""
        want = (*self.batch, *self.points)
        return [arrange(index.array, index.dims, want, self.sizes) for index in indices]
