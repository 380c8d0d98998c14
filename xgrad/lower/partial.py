"""How reductions by groups and by windows become ops on axes: a table of kinds for each."""

from collections.abc import Callable

import numpy as np

from xgrad.axes.arithmetic import multiply
from xgrad.axes.base import AbstractTensorOp
from xgrad.axes.constants import constant, full_like
from xgrad.axes.index import Take
from xgrad.axes.logic import cast, equal, logical_not, where
from xgrad.axes.reduce import Prod
from xgrad.axes.segment import SegmentMax, SegmentMin, SegmentSum
from xgrad.axes.sliding import WindowMax, WindowMin, WindowSquares, WindowSum, joined
from xgrad.axes.spread import expand
from xgrad.axes.structural import slice_axis
from xgrad.graph import Node, Var
from xgrad.lower.arrange import arrange
from xgrad.names.partial import XSegmentReduce, XWindowReduce

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
    is_sorted = bool(np.all(codes[1:] >= codes[:-1]))
    return SEGMENTS[op.kind](axis, op.size, is_sorted)(x, constant(codes))


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
