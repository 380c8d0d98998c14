"""How XLA reduces by groups: by a scatter; or, where the places of the entries are at hand, row by row.

The first entries of all groups are read at once, then the second ones, and so on, each time one gather. The program is
longer, but XLA makes one loop of it, over all groups at a time, and keeps the running results in registers.
"""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from xgrad.axes.index import Layout
from xgrad.axes.segment import COUNT, SegmentReduction, SegmentSum, SegmentTake, SegmentTotals

Array = Any


class How(NamedTuple):
    """A kind of reduction: of two arrays, of many along some axes, and by a scatter."""

    two: Callable[[Array, Array], Array]
    many: Callable[[Array, Sequence[int]], Array]
    scatter: Callable[..., Array]


def _how(xp: Any, kind: str) -> How:
    return {
        "add": How(xp.lax.add, xp.lax.reduce_sum, xp.lax.scatter_add),
        "max": How(xp.lax.max, xp.lax.reduce_max, xp.lax.scatter_max),
        "min": How(xp.lax.min, xp.lax.reduce_min, xp.lax.scatter_min),
    }[kind]


def segment(op: SegmentReduction, xp: Any, x: Array, codes: Array, *places: Array) -> Array:
    if not places:
        return _scattered(op, xp, x, codes)
    dtype = np.dtype(x.dtype)

    def entries(rows: Array, there: Array) -> list[Array]:
        return [xp.where(there, rows, xp.full(rows.shape, op.start(dtype), dtype=dtype))]

    return _by_rows(op, xp, x, places[0], entries, op.kind)[0]


def totals(
    op: SegmentTotals, xp: Any, x: Array, codes: Array, *places: Array
) -> tuple[Array, Array]:
    if not places:
        holes = xp.isnan(x)
        values = xp.where(holes, xp.zeros_like(x), x)
        valid = xp.astype(xp.logical_not(holes), COUNT)
        total = SegmentSum(op.axis, op.size, op.is_sorted)
        return _scattered(total, xp, values, codes), _scattered(total, xp, valid, codes)

    def entries(rows: Array, there: Array) -> list[Array]:
        valid = xp.logical_and(there, xp.logical_not(xp.isnan(rows)))
        values = xp.where(valid, rows, xp.zeros_like(rows))
        return [values, xp.astype(valid, COUNT)]

    total, count = _by_rows(op, xp, x, places[0], entries, "add")
    return total, count


def segment_take(op: SegmentTake, xp: Any, x: Array, codes: Array, *places: Array) -> Array:
    layout = op.layout(x.shape)
    return xp.lax.gather(
        x,
        xp.expand_dims(codes, -1),
        gather_numbers(xp, layout),
        layout.slice_sizes,
        indices_are_sorted=op.is_sorted,
        mode="fill",
        fill_value=0,
    )


def _scattered(op: SegmentReduction, xp: Any, x: Array, codes: Array) -> Array:
    """Negative codes are out of range, and dropped."""
    shape = (*x.shape[: op.axis], op.size, *x.shape[op.axis + 1 :])
    return _how(xp, op.kind).scatter(
        xp.full(shape, op.start(np.dtype(x.dtype)), dtype=x.dtype),
        xp.expand_dims(codes, -1),
        x,
        scatter_numbers(xp, Layout(shape, 0, (op.axis,), 1)),
        indices_are_sorted=op.is_sorted,
        mode="drop",
    )


def _by_rows(
    op: SegmentReduction | SegmentTotals,
    xp: Any,
    x: Array,
    places: Array,
    entries: Callable[[Array, Array], list[Array]],
    kind: str,
) -> list[Array]:
    """The results of each group, from ``entries(rows, there)``: ``rows`` of ``x``, and whether they are any group's."""
    how, (steps, rows) = _how(xp, kind), places.shape
    layout = Layout(x.shape, 0, (op.axis,), 1)
    wide = (*x.shape[: op.axis], rows, *x.shape[op.axis + 1 :])
    numbers, found = gather_numbers(xp, layout), []
    for k in range(steps):
        at = xp.lax.index_in_dim(places, k, keepdims=False)
        nowhere = xp.zeros_like(at)
        there = xp.lax.broadcast_in_dim(xp.greater_equal(at, nowhere), wide, (op.axis,))
        starts = xp.expand_dims(xp.maximum(at, nowhere), -1)
        sizes = layout.slice_sizes
        row = xp.lax.gather(x, starts, numbers, sizes, mode="promise_in_bounds")
        new = entries(row, there)
        found = [how.two(a, b) for a, b in zip(found, new, strict=True)] if k else new
    if rows == op.size:
        return found
    parts = (*x.shape[: op.axis], op.size, rows // op.size, *x.shape[op.axis + 1 :])
    return [how.many(xp.reshape(a, parts), (op.axis + 1,)) for a in found]


def gather_numbers(xp: Any, layout: Layout) -> Any:
    batch = tuple(range(layout.batch))
    return xp.lax.GatherDimensionNumbers(
        offset_dims=layout.window,
        collapsed_slice_dims=layout.axes,
        start_index_map=layout.axes,
        operand_batching_dims=batch,
        start_indices_batching_dims=batch,
    )


def scatter_numbers(xp: Any, layout: Layout) -> Any:
    batch = tuple(range(layout.batch))
    return xp.lax.ScatterDimensionNumbers(
        update_window_dims=layout.window,
        inserted_window_dims=layout.axes,
        scatter_dims_to_operand_dims=layout.axes,
        operand_batching_dims=batch,
        scatter_indices_batching_dims=batch,
    )
