"""Functions that build XOp nodes: dims are checked, and no node is made that does nothing.

No builder changes dtypes, except that what is written into an array (``pad``, ``index_update``)
takes that array's.
"""

from collections.abc import Iterable, Mapping, Sequence
from math import prod
from typing import Any

import numpy as np

from xgrad.axes.base import AbstractTensorOp
from xgrad.axes.elementwise import Cast, Where
from xgrad.axes.literal import Literal
from xgrad.graph import Var
from xgrad.names import messages
from xgrad.names.base import AbstractXOp, op_name
from xgrad.names.compute import (
    POSITION_KINDS,
    REDUCTION_DTYPES,
    XArgsort,
    XBlockwise,
    XCumReduce,
    XDot,
    XElemwise,
    XReduce,
    XSort,
)
from xgrad.names.indexing import XIndex, XIndexUpdate, selection
from xgrad.names.positions import Mode, UserIndexer, at_steps, check_written, kept_steps, plan
from xgrad.names.structure import (
    XBroadcast,
    XConcat,
    XConstant,
    XIota,
    XMerge,
    XPad,
    XRename,
    XSplit,
    XWindow,
    without,
)
from xgrad.names.types import Dim, join_sizes


def constant(
    value: Any, dims: Iterable[Dim] = (), *, weak: bool = False, inline: bool = False
) -> Var:
    """A concrete array; an input of the program, except that ``inline`` writes a scalar into it."""
    literal = value if isinstance(value, Literal) else Literal(value)
    return XConstant(literal, tuple(dims), weak, inline)()


def scalar(value: Any, dtype: Any = None, *, weak: bool = False) -> Var:
    """A 0-d constant that is written into the program; ``weak`` for a Python number."""
    return constant(np.asarray(value, dtype), weak=weak, inline=True)


def iota(dim: Dim, size: int, dtype: Any = np.int64) -> Var:
    """0, 1, 2, … along ``dim``."""
    return XIota(dim, size, np.dtype(dtype))()


def elemwise(op: AbstractTensorOp, *xs: Var) -> Var:
    """An elementwise op, broadcast by name; ``SizeMismatchError`` where a dim has two sizes."""
    _check_sizes(op, xs)
    return XElemwise(op)(*unspread(xs))


def unspread(xs: Sequence[Var]) -> Sequence[Var]:
    """``xs`` with a spread number as the number alone, where the other operands have its dims, in their order."""
    if not any([isinstance(x.op, XBroadcast) for x in xs]):
        return xs
    bare = [x.inputs[0] if _is_spread_number(x) else x for x in xs]
    dims = [join_sizes([x.type for x in operands]) for operands in (bare, xs)]
    return bare if list(dims[0].items()) == list(dims[1].items()) else xs


def _is_spread_number(x: Var) -> bool:
    if not isinstance(x.op, XBroadcast):
        return False
    number = x.inputs[0]
    return isinstance(number.op, XConstant) and number.op.inline and not number.type.dims


def cast(x: Var, dtype: Any) -> Var:
    """``x`` in another dtype, no longer weak. A scalar constant is cast at once."""
    dtype = np.dtype(dtype)
    if x.type.dtype == dtype and not x.type.weak:
        return x
    if isinstance(x.op, XConstant) and not x.type.dims:
        return constant(x.op.value.value.astype(dtype), inline=x.op.inline)
    return XElemwise(Cast(dtype))(x)


def where(condition: Var, x: Var, y: Var) -> Var:
    """``x`` where the condition holds, elsewhere ``y``, broadcast by name."""
    return elemwise(Where(), condition, x, y)


def reduce(kind: str, x: Var, dims: Iterable[Dim]) -> Var:
    """The sum, prod, max, min, any, all over ``dims``, or the argmax, argmin along one dim."""
    dims = _known_dims(f"take the {kind} over", x, dims)
    if kind in POSITION_KINDS and len(dims) != 1:
        raise messages.one_dim_needed(kind, x, dims)
    if not dims and REDUCTION_DTYPES[kind] in (None, x.type.dtype):
        return x
    return XReduce(kind, dims)(x)


def cumreduce(kind: str, x: Var, dim: Dim, reverse: bool = False) -> Var:
    """The running sum, prod, max or min along ``dim``, from its start or from its end."""
    _known_dims(f"take the running {kind} along", x, (dim,))
    return XCumReduce(kind, dim, reverse)(x)


def sort(x: Var, dim: Dim) -> Var:
    """The values along ``dim`` in ascending order, NaN last."""
    _known_dims("sort along", x, (dim,))
    return XSort(dim)(x)


def argsort(x: Var, dim: Dim) -> Var:
    """The positions along ``dim`` in ascending order of their values, NaN last, ties in order."""
    _known_dims("sort along", x, (dim,))
    return XArgsort(dim)(x)


def dot(xs: Sequence[Var], dims: Iterable[Dim]) -> Var:
    """The product of all ``xs``, broadcast by name, summed over ``dims``."""
    dims = tuple(dict.fromkeys(dims))
    for dim in dims:
        if not any(dim in x.type.dims for x in xs):
            raise messages.unknown_dim("sum a product over", dim, xs[0])
    _check_sizes("multiply", xs)
    return XDot(dims)(*xs)


def index(x: Var, indexers: Mapping[Any, UserIndexer], mode: Mode | None = None) -> Var:
    """The values of ``x`` at an int, a slice or an index array along each named dim.

    ``mode`` "promise" says that index arrays are in range and not negative; by default that is
    checked for concrete ones, and traced ones are made so ("wrap"). ``IndexError`` where a concrete
    position is out of range.
    """
    normal = plan(x, indexers, mode)
    if not normal.indexers:
        return x
    return XIndex(normal.indexers, normal.mode)(x, *normal.arrays)


def index_update(
    x: Var,
    v: Var,
    indexers: Mapping[Any, UserIndexer],
    kind: str = "set",
    mode: Mode | None = None,
) -> Var:
    """``x`` with its values at ``indexers`` set to ``v``, or combined with it.

    ``kind`` is set, add, multiply, min or max. ``v`` broadcasts by name to the selection and takes
    the dtype of ``x``. Of several values set at one known place the last wins.
    """
    normal = plan(x, indexers, mode)
    picked = selection(normal.indexers, x.type, [a.type for a in normal.arrays])
    check_written(x, v, picked)
    v = cast(v, x.type.dtype)
    for kept in kept_steps(x, normal) if kind == "set" else ():
        normal = at_steps(normal, kept)
        if kept.dim in v.type.dims:
            v = index(v, {kept.dim: constant(kept.steps, (kept.dim,))})
    if kind == "set" and not normal.indexers:
        return broadcast(v, x.type.dims, x.type.shape)
    return XIndexUpdate(normal.indexers, kind, normal.mode)(x, v, *normal.arrays)


def concat(xs: Sequence[Var], dim: Dim) -> Var:
    """``xs`` one after another along ``dim``, one step where they lack it; the rest broadcasts."""
    clash = messages.find_clash([without(x.type, dim) for x in xs])
    if clash:
        raise messages.size_clash(f"concatenate along {dim!r}", xs, clash)
    if len(xs) == 1 and dim in xs[0].type.dims:
        return xs[0]
    return XConcat(dim)(*xs)


def pad(x: Var, pads: Mapping[Any, tuple[int, int]], fill: Var) -> Var:
    """``x`` with (before, after) more steps along some dims, of the value of the 0-d ``fill``."""
    _known_dims("pad", x, pads)
    for dim, (low, high) in pads.items():
        if low < 0 or high < 0:
            raise messages.bad_pad(x, dim, low, high)
    wide = tuple([(dim, low, high) for dim, (low, high) in pads.items() if low or high])
    return XPad(wide)(x, cast(fill, x.type.dtype)) if wide else x


def window(x: Var, dim: Dim, window_dim: Dim, size: int) -> Var:
    """Every run of ``size`` neighbours along ``dim``, laid out along a new last dim."""
    _known_dims("take windows along", x, (dim,))
    if not 1 <= size <= x.type.sizes[dim]:
        raise messages.bad_window(x, dim, size)
    _check_unique("take windows", (*x.type.dims, window_dim))
    return XWindow(dim, window_dim, size)(x)


def merge(x: Var, dims: Iterable[Dim], new: Dim) -> Var:
    """``dims`` laid out along one dim ``new``, their last running fastest; ``new`` comes last."""
    dims = _known_dims("merge", x, dims)
    _check_unique("merge dims", (*[d for d in x.type.dims if d not in dims], new))
    if dims == (new,) == x.type.dims[-1:]:
        return x
    return XMerge(dims, new)(x)


def split(x: Var, dim: Dim, sizes: Mapping[Any, int]) -> Var:
    """``dim`` laid out along new dims in its place, their last running fastest."""
    _known_dims("split", x, (dim,))
    if prod(sizes.values()) != x.type.sizes[dim]:
        raise messages.bad_split(x, dim, dict(sizes))
    _check_unique("split a dim", (*[d for d in x.type.dims if d != dim], *sizes))
    if tuple(sizes) == (dim,):
        return x
    return XSplit(dim, tuple(sizes), tuple(sizes.values()))(x)


def broadcast(x: Var, dims: Iterable[Dim], shape: Iterable[int]) -> Var:
    """``x`` with exactly ``dims`` of the sizes ``shape``, in this order; it must have no others."""
    dims, shape = tuple(dims), tuple(shape)
    if (dims, shape) == (x.type.dims, x.type.shape):
        return x
    _check_unique("broadcast", dims)
    missing = [d for d in x.type.dims if d not in dims]
    if missing:
        raise messages.missing_dims(f"broadcast to the dims {dims}", x, missing)
    for dim, n in zip(dims, shape, strict=True):
        if dim in x.type.dims and x.type.sizes[dim] != n:
            raise messages.bad_broadcast(x, dim, n)
    return XBroadcast(dims, shape)(x)


def transpose(x: Var, dims: Iterable[Dim]) -> Var:
    """``x`` with its dims in another order."""
    dims = _known_dims("transpose", x, dims)
    return broadcast(x, dims, [x.type.sizes[d] for d in dims])


def rename(x: Var, mapping: Mapping[Any, Dim]) -> Var:
    """``x`` with other names for some dims, all taken at once: ``{a: b, b: a}`` swaps.

    A node that depends on ``x``, which lowering drops. ``DimensionError`` where a dim is unknown, or would be there
    twice.
    """
    changes = _checked_renames(x, mapping)
    return XRename(tuple(changes.items()))(x) if changes else x


def rename_new(x: Var, mapping: Mapping[Any, Dim]) -> Var:
    """``x``, which nobody else holds yet, under its first names.

    Where the op that made ``x`` owns these dims, it is made again with the new names, and no node is added. What is
    computed from the result does not depend on ``x``: hence for a variable alone that no one can ask a gradient by.
    """
    changes = _checked_renames(x, mapping)
    if not changes or x.node is None or not isinstance(x.op, AbstractXOp):
        return rename(x, changes)
    owned = x.op.owned(x.index, [v.type for v in x.inputs])
    if not owned.issuperset(changes):
        return rename(x, changes)
    return x.op.rename(changes, x.index).apply(*x.inputs)[x.index]


def _checked_renames(x: Var, mapping: Mapping[Any, Dim]) -> dict[Dim, Dim]:
    """What changes by renaming."""
    _known_dims("rename", x, mapping)
    _check_unique("rename", [mapping.get(d, d) for d in x.type.dims])
    return {old: new for old, new in mapping.items() if old != new}


def blockwise(
    op: AbstractTensorOp,
    xs: Sequence[Var],
    in_dims: Sequence[Iterable[Dim]],
    out_dims: Sequence[Iterable[Dim]],
    shared: Sequence[int] = (),
) -> tuple[Var, ...]:
    """A tensor op on core dims of each input, repeated over all others, which broadcast by name.

    The inputs in ``shared``, which have core dims alone, are handed to it as they are.
    """
    ins = tuple([tuple(dims) for dims in in_dims])
    outs = tuple([tuple(dims) for dims in out_dims])
    name = op_name(op)
    every_core = {d for dims in ins for d in dims}
    for place, (x, core) in enumerate(zip(xs, ins, strict=True)):
        _known_dims(f"apply {name} along", x, core)
        for dim in x.type.dims:
            if dim in every_core and dim not in core:
                raise messages.core_as_batch(name, x, place, dim)
    _check_sizes(op, xs)
    node = XBlockwise(op, ins, outs, tuple(shared))
    batch = tuple(node.batch_sizes([x.type for x in xs]))
    for core in outs:
        _check_unique(f"apply {name}", (*batch, *core))
    return node.apply(*xs)


def _known_dims(doing: str, x: Var, dims: Iterable[Dim]) -> tuple[Dim, ...]:
    """``dims`` as a tuple, each once; ``DimensionError`` where ``x`` lacks one."""
    dims = tuple(dict.fromkeys(dims))
    for dim in dims:
        if dim not in x.type.dims:
            raise messages.unknown_dim(doing, dim, x)
    return dims


def _check_unique(doing: str, dims: Sequence[Dim]) -> None:
    if len(set(dims)) != len(dims):
        raise messages.repeated_dim(doing, tuple(dims))


def _check_sizes(doing: str | AbstractTensorOp, xs: Sequence[Var]) -> None:
    clash = messages.find_clash([x.type for x in xs])
    if clash:
        text = doing if isinstance(doing, str) else messages.action(doing)
        raise messages.size_clash(text, xs, clash)
