"""How reductions by groups and by windows become ops on axes: a table of kinds for each."""

from collections.abc import Callable
from math import prod

import numpy as np

from xgrad.axes.arithmetic import multiply
from xgrad.axes.base import AbstractTensorOp
from xgrad.axes.constants import constant, full_like
from xgrad.axes.index import Take
from xgrad.axes.logic import cast, equal, logical_not, where
from xgrad.axes.reduce import Prod
from xgrad.axes.segment import SegmentMax, SegmentMin, SegmentSum, SegmentTotals
from xgrad.axes.sliding import WindowMax, WindowMin, WindowSquares, WindowSum, joined
from xgrad.axes.spread import expand
from xgrad.axes.structural import slice_axis
from xgrad.graph import Node, Var
from xgrad.lower.arrange import arrange
from xgrad.names.partial import XSegmentReduce, XSegmentTotals, XWindowReduce

SEGMENTS: dict[str, Callable[[int, int, bool], AbstractTensorOp]] = {
    "sum": SegmentSum,
    "max": SegmentMax,
    "min": SegmentMin,
}
WINDOWS: dict[str, Callable[[int, int], AbstractTensorOp]] = {
    "sum": WindowSum,
    "max": WindowMax,
    "min": WindowMin,
    "squares": WindowSquares,
}


def lower_segment(op: XSegmentReduce, node: Node, x: Var) -> Var:
    """One scatter; the codes are an input of the program."""
    codes, axis = op.codes.value, node.inputs[0].type.dims.index(op.dim)
    if op.kind == "prod":
        return _products(x, codes, axis, op.size)
    if op.kind in ("any", "all"):
        return _tests(op, node, x)
    return SEGMENTS[op.kind](axis, op.size, _is_sorted(codes))(x, *_groups(op, x, axis))


def lower_totals(op: XSegmentTotals, node: Node, x: Var) -> tuple[Var, Var]:
    """Both in one pass."""
    axis = node.inputs[0].type.dims.index(op.dim)
    found = SegmentTotals(axis, op.size, _is_sorted(op.codes.value))
    total, count = found.apply(x, *_groups(op, x, axis))
    return total, count


def _is_sorted(codes: np.ndarray) -> bool:
    return bool(np.all(codes[1:] >= codes[:-1]))


def _groups(op: XSegmentReduce | XSegmentTotals, x: Var, axis: int) -> list[Var]:
    """The codes; and the places of the entries, where groups are of about one size."""
    codes, shape = op.codes.value, x.type.shape
    places = _places(codes, op.size, shape[axis] and prod(shape) // shape[axis])
    return [constant(codes), *[constant(p) for p in places]]


STEPS = 32  # as many gathers XLA still makes one loop of, in a fraction of a second
NARROW = 16  # so wide are rows of which parts of groups are still worth adding up


def _places(codes: np.ndarray, size: int, width: int) -> list[np.ndarray]:
    """See ``axes.segment``; none where most places would be empty, or rows are wide and many in a group."""
    counts = np.bincount(codes[codes >= 0], minlength=size)
    longest = int(counts.max(initial=0))
    parts = -(-longest // STEPS)
    steps = -(-longest // max(parts, 1))
    room = size * parts * steps
    if not longest or (parts > 1 and width > NARROW) or room > 2 * counts.sum() + 32 * size:
        return []
    order = np.argsort(codes, kind="stable")[np.count_nonzero(codes < 0) :]
    rank = np.arange(order.size) - np.repeat(np.cumsum(counts) - counts, counts)
    table = np.full((size, parts * steps), -1, np.int32)
    table[codes[order], rank] = order
    return [np.ascontiguousarray(table.reshape(size * parts, steps).T)]


def _tests(op: XSegmentReduce, node: Node, x: Var) -> Var:
    """Counts of truth values: any = there are some, all = there is no false one."""
    truth = cast(x, np.bool_)
    counted = cast(truth if op.kind == "any" else logical_not(truth), np.int32)
    count = lower_segment(XSegmentReduce("sum", op.dim, op.new, op.size, op.codes), node, counted)
    none = equal(count, full_like(count, 0))
    return logical_not(none) if op.kind == "any" else none


def _products(x: Var, codes: np.ndarray, axis: int, size: int) -> Var:
    """Each group laid out along a new axis and filled up with ones: its product has a derivative at zeros too."""
    members = [np.flatnonzero(codes == group) for group in range(size)]
    longest = max([len(m) for m in members], default=0)
    table = np.zeros((size, longest), np.int32)
    for row, positions in zip(table, members, strict=True):
        row[: len(positions)] = positions
    filled = np.arange(longest) < np.array([len(m) for m in members])[:, None]
    rows = Take(axis)(x, constant(table))
    mask = expand(constant(filled), rows.type.shape, (axis, axis + 1))
    return Prod((axis + 1,))(where(mask, rows, full_like(rows, 1)))


def lower_window(op: XWindowReduce, node: Node, x: Var, *weights: Var) -> Var:
    """One op; a product is joined from plain multiplications, whose derivatives are exact at zeros."""
    dims, axis = node.inputs[0].type.dims, node.inputs[0].type.dims.index(op.dim)
    if op.kind == "prod":
        return _window_product(x, axis, op.size)
    sizes = node.inputs[0].type.sizes
    beside = [
        arrange(w, v.type.dims, dims, sizes) for w, v in zip(weights, node.inputs[1:], strict=True)
    ]
    return WINDOWS[op.kind](axis, op.size)(x, *beside)


def _window_product(x: Var, axis: int, size: int) -> Var:
    def cut(y: Var, start: int, stop: int) -> Var:
        return slice_axis(y, axis, start, stop)

    n = x.type.shape[axis]
    return joined((x,), size, n, cut, lambda a, b: (multiply(a[0], b[0]),))[0]
