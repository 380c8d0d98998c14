"""From names to axes: every XOp becomes ops on axis numbers, by one line in a table.

A variable of dims (d0, d1, …) becomes a tensor with its axes in that order. Broadcasting by name
becomes at most one Permute and one Expand. Renaming vanishes. Lines of the user's program are
inherited.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from xgrad.axes import reduce
from xgrad.axes.batched import Batched
from xgrad.axes.contract import Einsum
from xgrad.axes.elementwise import cast
from xgrad.axes.index import Window
from xgrad.axes.loops import Scan, Switch, While
from xgrad.axes.sort import Argsort, Sort
from xgrad.axes.structural import Constant, Full, Iota, Pad, concat, permute, reshape
from xgrad.gradient.markers import MARKERS, Wrt
from xgrad.graph import Graph, Node, Op, Place, Source, Var, located
from xgrad.lower.arrange import arrange
from xgrad.lower.indexing import lower_index, lower_update
from xgrad.lower.nested import inner_graphs, with_inner
from xgrad.lower.partial import lower_segment, lower_totals, lower_window
from xgrad.names import (
    Dim,
    XArgsort,
    XBatched,
    XBlockwise,
    XBroadcast,
    XConcat,
    XConstant,
    XCumReduce,
    XDot,
    XElemwise,
    XIndex,
    XIndexUpdate,
    XIota,
    XMerge,
    XPad,
    XReduce,
    XRename,
    XScan,
    XSegmentReduce,
    XSegmentTotals,
    XSort,
    XSplit,
    XSwitch,
    XType,
    XWhile,
    XWindow,
    XWindowReduce,
)
from xgrad.names.base import tensor_type
from xgrad.options import option


def lower(graph: Graph) -> Graph:
    """The tensor graph of a names graph, with as many inputs and outputs."""
    new: dict[Var, Var] = {
        v: Var(tensor_type(v.type), name=v.name, source=v.source) for v in graph.inputs
    }
    for node in graph.nodes:
        with located(_place(node)):
            outputs = _lower_node(node, [new[v] for v in node.inputs])
        new.update(zip(node.outputs, outputs, strict=True))
    return Graph([new[v] for v in graph.inputs], [new[v] for v in graph.outputs])


def _place(node: Node) -> Source | None:
    """The line of a node; where run-time checks are on, with what their messages need to name a place."""
    source = node.source
    if source is None or not option("checks"):
        return source
    if isinstance(node.op, XScan | XBatched):
        length = node.op.length if isinstance(node.op, XScan) else node.op.size
        return Place.at(source, (node.op.dim,), (length,))
    made = node.outputs[0].type
    return Place.at(source, made.dims, made.shape)


def _lower_node(node: Node, ins: Sequence[Var]) -> tuple[Var, ...]:
    lowering = LOWERINGS.get(type(node.op), _lower_holder)
    outputs = lowering(node.op, node, *ins)
    return outputs if isinstance(outputs, tuple) else (outputs,)


def _lower_holder(op: Op, node: Node, *ins: Var) -> tuple[Var, ...]:
    """An op that holds graphs (a derivative, a loop) is the same op on the lowered graphs."""
    if not inner_graphs(op):
        raise AssertionError(f"{type(op).__name__} is not in LOWERINGS and holds no graph")
    return with_inner(op, lower).apply(*ins)


def _lower_elemwise(op: XElemwise, node: Node, *xs: Var) -> Var:
    return op.op(*_aligned(node.inputs, xs, node.outputs[0].type))


def _aligned(vars: Sequence[Var], xs: Sequence[Var], out: XType) -> list[Var]:
    """The tensors ``xs`` of ``vars``, each with the axes of ``out``."""
    sizes = out.sizes
    return [arrange(x, v.type.dims, out.dims, sizes) for v, x in zip(vars, xs, strict=True)]


def _lower_constant(op: XConstant, node: Node) -> Var:
    return Full((), op.value)() if op.inline and not op.dims else Constant(op.value)()


def _lower_iota(op: XIota, node: Node) -> Var:
    return Iota((op.size,), 0, op.dtype)()


def _lower_reduce(op: XReduce, node: Node, x: Var) -> Var:
    if op.kind in POSITIONS:
        return POSITIONS[op.kind](_axis(node, *op.dims))(x)
    axes = tuple(sorted([_axis(node, d) for d in op.dims]))
    if op.kind in TESTS:
        return TESTS[op.kind](axes)(cast(x, np.bool_))
    return REDUCTIONS[op.kind](axes)(x)


REDUCTIONS: dict[str, Callable[..., Op]] = {
    "sum": reduce.Sum,
    "prod": reduce.Prod,
    "max": reduce.Max,
    "min": reduce.Min,
}
TESTS: dict[str, Callable[..., Op]] = {"any": reduce.Any, "all": reduce.All}
POSITIONS: dict[str, Callable[..., Op]] = {"argmax": reduce.Argmax, "argmin": reduce.Argmin}
CUMULATIVE: dict[str, Callable[..., Op]] = {
    "sum": reduce.CumSum,
    "prod": reduce.CumProd,
    "max": reduce.CumMax,
    "min": reduce.CumMin,
}


def _lower_cumreduce(op: XCumReduce, node: Node, x: Var) -> Var:
    return CUMULATIVE[op.kind](_axis(node, op.dim), op.reverse)(x)


def _lower_dot(op: XDot, node: Node, *xs: Var) -> Var:
    number: dict[Dim, int] = {}
    for v in node.inputs:
        for dim in v.type.dims:
            number.setdefault(dim, len(number))
    operands = tuple([tuple([number[d] for d in v.type.dims]) for v in node.inputs])
    return Einsum(operands, tuple([number[d] for d in node.outputs[0].type.dims]))(*xs)


def _lower_sort(op: XSort, node: Node, x: Var) -> Var:
    return Sort(_axis(node, op.dim))(x)


def _lower_argsort(op: XArgsort, node: Node, x: Var) -> Var:
    return Argsort(_axis(node, op.dim))(x)


def _lower_concat(op: XConcat, node: Node, *xs: Var) -> Var:
    """Each input with all dims of the result, but its own size along the dim of concatenation."""
    joined = op.joined([v.type for v in node.inputs])
    parts = []
    for v, x in zip(node.inputs, xs, strict=True):
        sizes = {**joined.sizes, op.dim: v.type.sizes.get(op.dim, 1)}
        parts.append(arrange(x, v.type.dims, joined.dims, sizes))
    return concat(parts, joined.dims.index(op.dim))


def _lower_pad(op: XPad, node: Node, x: Var, fill: Var) -> Var:
    widths = {dim: (low, high) for dim, low, high in op.pads}
    low, high = zip(*[widths.get(d, (0, 0)) for d in node.inputs[0].type.dims], strict=True)
    return Pad(low, high, (0,) * len(low))(x, fill)


def _lower_window(op: XWindow, node: Node, x: Var) -> Var:
    return Window(_axis(node, op.dim), op.size)(x)


def _lower_merge(op: XMerge, node: Node, x: Var) -> Var:
    merged = [_axis(node, d) for d in op.dims]
    kept = [axis for axis in range(x.type.ndim) if axis not in merged]
    return reshape(permute(x, [*kept, *merged]), node.outputs[0].type.shape)


def _lower_split(op: XSplit, node: Node, x: Var) -> Var:
    return reshape(x, node.outputs[0].type.shape)


def _same_tensor(op: Op, node: Node, x: Var) -> Var:
    """What changes only names, or only says something of a value."""
    return x


def _same_op(op: Op, node: Node, x: Var) -> Var:
    """A marker of derivatives stays, since they are expanded after lowering."""
    return op(x)


def _lower_broadcast(op: XBroadcast, node: Node, x: Var) -> Var:
    (spread,) = _aligned(node.inputs, (x,), node.outputs[0].type)
    return spread


def _lower_blockwise(op: XBlockwise, node: Node, *xs: Var) -> tuple[Var, ...]:
    """Each input with all batch axes first, then its core axes."""
    batch = op.batch_sizes([v.type for v in node.inputs])
    ins = []
    for v, x, dims in zip(node.inputs, xs, op.tensor_dims(batch), strict=True):
        ins.append(arrange(x, v.type.dims, dims, {**v.type.sizes, **batch}))
    return op.op.apply(*ins)


def _lower_batched(op: XBatched, node: Node, *xs: Var) -> tuple[Var, ...]:
    return Batched(lower(op.graph), op.mapped, op.size, op.chunk).apply(*xs)


def _lower_scan(op: XScan, node: Node, *xs: Var) -> tuple[Var, ...]:
    """The dim of the loop leads already, and the bodies have no axis for it."""
    counts = (op.carries, op.sequences, op.length)
    options = (op.reverse, op.unroll, op.recompute, op.parallel)
    return Scan(lower(op.body), *counts, *options).apply(*xs)


def _lower_while(op: XWhile, node: Node, *xs: Var) -> tuple[Var, ...]:
    return While(lower(op.condition), lower(op.body), op.carries).apply(*xs)


def _lower_switch(op: XSwitch, node: Node, *xs: Var) -> tuple[Var, ...]:
    return Switch(tuple([lower(b) for b in op.branches])).apply(*xs)


def _axis(node: Node, dim: Dim) -> int:
    """The axis of ``dim`` in the first input."""
    return node.inputs[0].type.dims.index(dim)


LOWERINGS: dict[type[Op], Callable[..., Any]] = {
    **dict.fromkeys(MARKERS, _same_op),
    XElemwise: _lower_elemwise,
    XConstant: _lower_constant,
    XIota: _lower_iota,
    XReduce: _lower_reduce,
    XCumReduce: _lower_cumreduce,
    XDot: _lower_dot,
    XSort: _lower_sort,
    XArgsort: _lower_argsort,
    XIndex: lower_index,
    XIndexUpdate: lower_update,
    XConcat: _lower_concat,
    XPad: _lower_pad,
    XWindow: _lower_window,
    XSegmentReduce: lower_segment,
    XSegmentTotals: lower_totals,
    XWindowReduce: lower_window,
    XMerge: _lower_merge,
    XSplit: _lower_split,
    XRename: _same_tensor,
    Wrt: _same_tensor,
    XBroadcast: _lower_broadcast,
    XBlockwise: _lower_blockwise,
    XBatched: _lower_batched,
    XScan: _lower_scan,
    XWhile: _lower_while,
    XSwitch: _lower_switch,
}
