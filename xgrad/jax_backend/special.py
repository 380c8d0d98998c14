"""Ops that JAX must be told about in its own words: a table from op class to emission.

Like ``emit``, these functions compute with the functions of ``xp`` alone, so that a recording ``xp`` can print them;
of the arrays they read shape and dtype.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from xgrad.axes.arithmetic import FloorDivide, Fmod, Remainder
from xgrad.axes.barrier import Barrier
from xgrad.axes.base import TensorType
from xgrad.axes.contract import Einsum
from xgrad.axes.gammas import Betaln
from xgrad.axes.index import Gather, PutAdd, PutAlong, Scatter, Take, TakeAlong
from xgrad.axes.integrals import OwensT
from xgrad.axes.loops import unpacked
from xgrad.axes.random import DiscreteDraw, Draw
from xgrad.axes.segment import SegmentMax, SegmentMin, SegmentSum, SegmentTake, SegmentTotals
from xgrad.axes.sort import Argsort
from xgrad.axes.special import LogExpit, Polygamma
from xgrad.axes.spread import other_axes
from xgrad.axes.window import SliceUpdate
from xgrad.graph import Op
from xgrad.jax_backend.beta import betaln
from xgrad.jax_backend.random import emit_draw
from xgrad.jax_backend.segments import (
    gather_numbers,
    scatter_numbers,
    segment,
    segment_take,
    totals,
)

Array = Any
Axes = tuple[int, ...]

_MODES = {"promise": "promise_in_bounds", "clip": "clip"}


def _gather(op: Take | Gather, xp: Any, x: Array, *indices: Array) -> Array:
    layout = op.layout(x.shape, indices[0].ndim)
    starts, numbers = _starts(xp, indices), gather_numbers(xp, layout)
    return xp.lax.gather(x, starts, numbers, layout.slice_sizes, mode=_MODES[op.mode])


def _scatter(op: Scatter, xp: Any, x: Array, updates: Array, *indices: Array) -> Array:
    put = {
        "set": xp.lax.scatter,
        "add": xp.lax.scatter_add,
        "multiply": xp.lax.scatter_mul,
        "min": xp.lax.scatter_min,
        "max": xp.lax.scatter_max,
    }[op.kind]
    numbers = scatter_numbers(xp, op.gather.layout(x.shape, indices[0].ndim))
    return put(x, _starts(xp, indices), updates, numbers, mode=_MODES[op.mode])


def _put_add(op: PutAdd, xp: Any, x: Array, idx: Array) -> Array:
    zeros = xp.zeros_like(x, shape=op.shape)
    numbers = scatter_numbers(xp, op.layout(idx.ndim))
    return xp.lax.scatter_add(zeros, _starts(xp, (idx,)), x, numbers, mode=_MODES[op.mode])


def _take_along(op: TakeAlong, xp: Any, x: Array, idx: Array) -> Array:
    rows = other_axes(x.ndim, (op.axis,))
    numbers = xp.lax.GatherDimensionNumbers(
        offset_dims=(),
        collapsed_slice_dims=(op.axis,),
        start_index_map=(op.axis,),
        operand_batching_dims=rows,
        start_indices_batching_dims=rows,
    )
    starts = _starts(xp, (idx,))
    return xp.lax.gather(x, starts, numbers, (1,) * x.ndim, mode="promise_in_bounds")


def _put_along(op: PutAlong, xp: Any, x: Array, idx: Array) -> Array:
    rows = other_axes(x.ndim, (op.axis,))
    numbers = xp.lax.ScatterDimensionNumbers(
        update_window_dims=(),
        inserted_window_dims=(op.axis,),
        scatter_dims_to_operand_dims=(op.axis,),
        operand_batching_dims=rows,
        scatter_indices_batching_dims=rows,
    )
    zeros = xp.zeros_like(x, shape=op.put_shape(x.shape))
    return xp.lax.scatter_add(zeros, _starts(xp, (idx,)), x, numbers, mode="promise_in_bounds")


def _starts(xp: Any, indices: Sequence[Array]) -> Array:
    """The index arrays side by side on a new last axis, as gathers and scatters want them."""
    return xp.expand_dims(indices[0], -1) if len(indices) == 1 else xp.stack(indices, axis=-1)


def _slice_update(op: SliceUpdate, xp: Any, x: Array, v: Array) -> Array:
    """A contiguous part is written where it stands; XLA does so in place where it can."""
    if op.kind == "set" and all(step == 1 for step in op.steps):
        return xp.lax.dynamic_update_slice(x, v, op.starts)
    return op.emit(xp, x, v)


def _argsort(op: Argsort, xp: Any, x: Array) -> Array:
    """The positions are sorted along in their own dtype; ``argsort`` would take eight bytes each."""
    positions = xp.lax.broadcasted_iota(op.dtype, x.shape, op.axis)
    _, order = xp.lax.sort((x, positions), dimension=op.axis, is_stable=True, num_keys=1)
    return order


def _einsum(op: Einsum, xp: Any, *arrays: Array) -> Array:
    """A plain product of two arrays is one ``dot_general``, which traces ten times as fast as ``einsum``.

    A diagonal is taken: ``einsum`` would add up all of the matrix, with zeros off the diagonal. A sum of nothing is 0,
    where ``einsum`` may sum one factor first, and multiply that 0 by NaN.
    """
    if any([0 in x.shape for x in arrays]):
        shape = op.infer(*[TensorType(x.shape, x.dtype) for x in arrays]).shape
        return xp.zeros(shape, arrays[0].dtype)
    if len(arrays) == 1 and _is_diagonal(op.operands[0], op.output):
        return _diagonal(xp, arrays[0], op.operands[0], op.output)
    plan = _product_plan(op) if arrays[0].dtype.kind != "b" else None
    if plan is None:
        return op.emit(xp, *arrays)
    first, dimension_numbers, perm = plan
    product = xp.lax.dot_general(arrays[first], arrays[1 - first], dimension_numbers)
    return product if perm == tuple(range(len(perm))) else xp.lax.transpose(product, perm)


def _is_diagonal(labels: Sequence[int], output: Sequence[int]) -> bool:
    """Whether one label stands twice, and all are in the output."""
    return len(set(labels)) == len(labels) - 1 and set(labels) == set(output)


def _diagonal(xp: Any, x: Array, labels: Sequence[int], output: Sequence[int]) -> Array:
    twice = next(k for k in output if labels.count(k) == 2)
    first = labels.index(twice)
    taken = xp.diagonal(x, 0, first, labels.index(twice, first + 1))
    made = [*[k for k in labels if k != twice], twice]
    perm = _axes(output, made)
    return taken if perm == tuple(range(len(perm))) else xp.lax.transpose(taken, perm)


class _Product(NamedTuple):
    """How ``dot_general`` computes an einsum: which operand goes first, and how its result is turned."""

    first: int
    dimension_numbers: tuple[tuple[Axes, Axes], tuple[Axes, Axes]]
    perm: Axes


def _product_plan(op: Einsum) -> _Product | None:
    """For two operands where every label stands in both or in the output, and in neither twice; else None."""
    if len(op.operands) != 2:
        return None
    both = set(op.operands[0]) & set(op.operands[1])
    known = both | set(op.output)
    if any(len(set(term)) < len(term) or not set(term) <= known for term in op.operands):
        return None
    plans = [_ordered_product(op, both, first) for first in (0, 1)]
    return min(plans, key=lambda plan: plan.perm)  # no turning comes first


def _ordered_product(op: Einsum, both: set[int], first: int) -> _Product:
    x, y = op.operands[first], op.operands[1 - first]
    batch = [k for k in op.output if k in both]
    contracted = [k for k in x if k in both and k not in batch]
    made = [*batch, *[k for k in (*x, *y) if k not in both]]
    return _Product(
        first,
        ((_axes(contracted, x), _axes(contracted, y)), (_axes(batch, x), _axes(batch, y))),
        _axes(op.output, made),
    )


def _axes(labels: Sequence[int], term: Sequence[int]) -> Axes:
    """Where the labels stand in ``term``."""
    return tuple([term.index(k) for k in labels])


def _floor_divide(op: FloorDivide, xp: Any, x: Array, y: Array) -> Array:
    """Of floats by zero: infinite, where JAX has NaN."""
    if _is_integer(x):
        return _guarded(xp, xp.floor_divide, x, y)
    zero = xp.equal(y, xp.zeros_like(y))
    return xp.where(zero, xp.divide(x, y), xp.floor_divide(x, y))


def _remainder(op: Remainder, xp: Any, x: Array, y: Array) -> Array:
    return _guarded(xp, xp.remainder, x, y) if _is_integer(x) else xp.remainder(x, y)


def _fmod(op: Fmod, xp: Any, x: Array, y: Array) -> Array:
    return _guarded(xp, xp.fmod, x, y) if _is_integer(x) else xp.fmod(x, y)


def _is_integer(x: Array) -> bool:
    return x.dtype.kind in "iu"


def _guarded(xp: Any, divide: Callable[..., Array], x: Array, y: Array) -> Array:
    """``divide(x, y)``, and 0 where y is 0: XLA leaves open what integers divided by zero are."""
    zero = xp.equal(y, xp.zeros_like(y))
    return xp.where(zero, xp.zeros_like(x), divide(x, xp.where(zero, xp.ones_like(y), y)))


def _log_expit(op: LogExpit, xp: Any, x: Array) -> Array:
    """-log(1 + e^-x)"""
    return xp.negative(xp.logaddexp(xp.negative(x), xp.zeros_like(x)))


def _polygamma(op: Polygamma, xp: Any, n: Array, x: Array) -> Array:
    """JAX insists on an integer dtype for the order."""
    return xp.special.polygamma(xp.astype(n, np.dtype("int32")), x)


def _owens_t(op: OwensT, xp: Any, h: Array, a: Array) -> Array:
    """JAX computes it in double precision whatever it is given."""
    return xp.astype(xp.special.owens_t(h, a), np.dtype(h.dtype))


def _barrier(op: Barrier, xp: Any, *arrays: Array) -> Any:
    return unpacked(xp.lax.optimization_barrier(arrays))


SPECIAL: Mapping[type[Op], Callable[..., Array]] = {
    Draw: emit_draw,
    DiscreteDraw: emit_draw,
    Argsort: _argsort,
    Barrier: _barrier,
    Betaln: betaln,
    Einsum: _einsum,
    FloorDivide: _floor_divide,
    Fmod: _fmod,
    Gather: _gather,
    LogExpit: _log_expit,
    OwensT: _owens_t,
    Polygamma: _polygamma,
    PutAdd: _put_add,
    PutAlong: _put_along,
    Remainder: _remainder,
    Scatter: _scatter,
    SegmentMax: segment,
    SegmentMin: segment,
    SegmentSum: segment,
    SegmentTake: segment_take,
    SegmentTotals: totals,
    SliceUpdate: _slice_update,
    Take: _gather,
    TakeAlong: _take_along,
}
