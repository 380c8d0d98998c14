"""Which steps a loop takes, in which direction, and what of them is stacked: the rules that ask what is read of it.

The equations are those of ``rules.loops``, whose table they are in.
"""

import dataclasses

from xgrad.axes.structural import (
    Reverse,
    Slice,
    expand,
    full,
    pad_axis,
    reshape,
    reverse,
    slice_axis,
)
from xgrad.graph import Var
from xgrad.lower.loops import Carry, Loop, Outputs, Uses


def few_steps(loop: Loop, uses: Uses) -> Outputs | None:
    """No step: nothing changes. One step: the body itself."""
    if loop.op.length == 0:
        empty = [full((0, *y.type.shape), 0, y.type.dtype) for y in loop.stacks]
        return [*[c.start for c in loop.carries], *empty]
    if loop.op.length > 1:
        return None
    slices = [reshape(r.whole, r.slice.type.shape) for r in loop.rows]
    inputs = [*[c.start for c in loop.carries], *slices, *[f.outside for f in loop.fixed]]
    outs = loop.body(*inputs)
    count = len(loop.carries)
    return [*outs[:count], *[reshape(y, (1, *y.type.shape)) for y in outs[count:]]]


def last_output(loop: Loop, uses: Uses) -> Outputs | None:
    """ys[-1] is what the last step gave: a carry. Nothing is stacked for it."""
    count = len(loop.carries)
    found = [k for k in range(len(loop.stacks)) if loop.op.length and _only_last(loop, k, uses)]
    if not found:
        return None
    after = {c.after: k for k, c in enumerate(loop.carries)}
    new = [k for k in found if loop.stacks[k] not in after]
    extended = loop._replace(carries=(*loop.carries, *[_carrying(loop.stacks[k]) for k in new]))
    left = [k for k in range(len(loop.stacks)) if k not in found]
    kept = extended.keeping(range(count + len(new)), left)
    lasts = {k: kept[after.get(loop.stacks[k], 0)] for k in found} | {
        k: kept[count + i] for i, k in enumerate(new)
    }
    outputs = [*kept[:count], *kept[count + len(new) :]]
    for k, last in lasts.items():
        assert last is not None
        shape = (loop.op.length, *last.type.shape)
        outputs[count + k] = expand(last, shape, range(1, len(shape)))
    return outputs


def _carrying(y: Var) -> Carry:
    """A carry of which only the last value counts."""
    return Carry(full(y.type.shape, 0, y.type.dtype), Var(y.type), y)


def _only_last(loop: Loop, k: int, uses: Uses) -> bool:
    """Whether all that is read of a stacked output is the slice of the last step."""
    place = len(loop.carries) + k
    last = 0 if loop.op.reverse else loop.op.length - 1
    readers = uses.readers.get(place, [])
    if place in uses.results or not readers:
        return False
    return all(
        isinstance(n.op, Slice) and n.op.starts[0] == last and n.op.cut_shape()[0] == 1
        for n in readers
    )


def cut_short(loop: Loop, uses: Uses) -> Outputs | None:
    """y[:m], and no carry, of a loop of n steps: a loop of m steps; y has any values, say 0, from there on."""
    carries, n = len(loop.carries), loop.op.length
    m = max([_steps_read(n, loop.op.reverse, place, uses) for place in uses.used], default=n)
    if m >= n or any(place < carries for place in uses.used):
        return None
    low, high = (n - m, 0) if loop.op.reverse else (0, n - m)
    rows = [r._replace(whole=slice_axis(r.whole, 0, low, n - high)) for r in loop.rows]
    short = dataclasses.replace(loop.op, length=m)
    outputs = loop._replace(op=short, rows=tuple(rows)).all()
    return [y and (pad_axis(y, 0, low, high) if k >= carries else y) for k, y in enumerate(outputs)]


def _steps_read(n: int, reverse: bool, place: int, uses: Uses) -> int:
    """The number of steps until a stacked output has been made as far as it is read."""
    readers = [node.op for node in uses.readers.get(place, [])]
    if place in uses.results or not all(isinstance(op, Slice) for op in readers):
        return n
    slices = [op for op in readers if isinstance(op, Slice)]
    ends = [n - op.starts[0] if reverse else op.stops[0] for op in slices if op.cut_shape()[0]]
    return max(ends, default=0)


def turned(loop: Loop, uses: Uses) -> Outputs | None:
    """loop(; x[::-1]) = the loop in the other direction over x, its outputs reversed"""
    if not loop.rows or not all(_is_reversed(r.whole) for r in loop.rows):
        return None
    rows = tuple([r._replace(whole=_unreversed(r.whole)) for r in loop.rows])
    flipped = dataclasses.replace(loop.op, reverse=not loop.op.reverse)
    outputs = loop._replace(op=flipped, rows=rows).all()
    count = len(loop.carries)
    return [*outputs[:count], *[y and reverse(y, (0,)) for y in outputs[count:]]]


def _is_reversed(whole: Var) -> bool:
    return isinstance(whole.op, Reverse) and 0 in whole.op.axes


def _unreversed(whole: Var) -> Var:
    assert isinstance(whole.op, Reverse)
    rest = tuple([a for a in whole.op.axes if a != 0])
    return Reverse(rest)(*whole.inputs) if rest else whole.inputs[0]
