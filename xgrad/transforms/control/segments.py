"""Checkpointing: a long loop as a loop over segments, of which derivatives keep the first carries alone.

The inner loop is computed again on the way back. With n steps in segments of m, n/m + m carries are kept at a time, at
the cost of one more run of the steps.
"""

import dataclasses
import math
from collections.abc import Sequence

from xgrad.graph import Graph, Var
from xgrad.jax_backend.policies import Policy
from xgrad.names import Dim, XScan, XType, build
from xgrad.transforms.control.options import Checkpoint, is_count, is_policy

_MUCH = 64 * 2**20  # bytes of carries beyond which "auto" keeps only some of them


def run_loop(op: XScan, inputs: Sequence[Var], checkpoint: Checkpoint) -> tuple[Var, ...]:
    """The outputs of the loop; in segments where ``checkpoint`` asks for it."""
    if is_policy(checkpoint):
        return dataclasses.replace(op, recompute=Policy.of(checkpoint)).apply(*inputs)
    size = _segment(op, checkpoint)
    if size is None or size >= op.length or size < 1:
        return op.apply(*inputs)
    count = op.length // size
    within, rest = count * size, op.length - count * size
    carries, rows, invariants = _split(op, inputs)
    edge = rest if op.reverse else within  # the segments come first, in the order of the steps
    spans = [(edge, op.length), (0, edge)] if op.reverse else [(0, edge), (edge, op.length)]
    pieces = [[_rows(x, op.dim, *span) for x in rows] for span in spans]
    results = _run_segments(op, [*carries, *pieces[0], *invariants], count, size)
    if not rest:
        return results
    tail = dataclasses.replace(op, length=rest)
    last = tail.apply(*results[: op.carries], *pieces[1], *invariants)
    stacks = list(zip(results[op.carries :], last[op.carries :], strict=True))
    joined = [build.concat(pair[::-1] if op.reverse else pair, op.dim) for pair in stacks]
    return (*last[: op.carries], *joined)


def _segment(op: XScan, checkpoint: Checkpoint) -> int | None:
    """The number of steps of a segment; None for all in one."""
    root = math.isqrt(max(op.length - 1, 0)) + 1
    if checkpoint is None:
        return None
    if checkpoint == "sqrt":
        return root
    if checkpoint == "auto":
        step = sum([_bytes(v.type) for v in op.body.inputs[: op.carries]])
        return root if step * op.length > _MUCH else None
    assert is_count(checkpoint), checkpoint
    return checkpoint


def _bytes(t: XType) -> int:
    return math.prod(t.shape) * t.dtype.itemsize


def _run_segments(op: XScan, inputs: Sequence[Var], count: int, size: int) -> tuple[Var, ...]:
    """A loop over ``count`` segments around a loop of ``size`` steps."""
    outer = ("segment", op.dim)
    carries, rows, invariants = _split(op, inputs)
    split = [
        _leading(build.split(x, op.dim, {outer: count, op.dim: size}), outer, op.dim) for x in rows
    ]
    inner = dataclasses.replace(op, length=size)
    body = _segment_body(inner, carries, split, invariants)
    loop = dataclasses.replace(op, body=body, dim=outer, length=count, recompute=True, unroll=1)
    results = loop.apply(*carries, *split, *invariants)
    stacks = [_merged(y, outer, op.dim) for y in results[op.carries :]]
    return (*results[: op.carries], *stacks)


def _segment_body(
    inner: XScan, carries: Sequence[Var], rows: Sequence[Var], invariants: Sequence[Var]
) -> Graph:
    slices = [Var(XType(x.type.dims[1:], x.type.shape[1:], x.type.dtype)) for x in rows]
    inputs = [*[Var(v.type) for v in carries], *slices, *[Var(v.type) for v in invariants]]
    return Graph(inputs, inner.apply(*inputs))


def _split(op: XScan, inputs: Sequence[Var]) -> tuple[Sequence[Var], Sequence[Var], Sequence[Var]]:
    first = op.carries + op.sequences
    return inputs[: op.carries], inputs[op.carries : first], inputs[first:]


def _rows(x: Var, dim: Dim, start: int, stop: int) -> Var:
    return build.index(x, {dim: slice(start, stop)})


def _leading(x: Var, *dims: Dim) -> Var:
    return build.transpose(x, (*dims, *[d for d in x.type.dims if d not in dims]))


def _merged(y: Var, outer: Dim, dim: Dim) -> Var:
    """[segment, dim, ...] -> [dim, ...]"""
    rest = [d for d in y.type.dims if d not in (outer, dim)]
    return build.transpose(build.merge(y, (outer, dim), dim), (dim, *rest))
