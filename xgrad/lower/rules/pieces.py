"""Pieces of an array: what is cut from a whole put together from parts, and parts put into zeros and added up.

The transpose of cutting pieces out is a chain of sums of pieces, each put into zeros of the whole. Pieces that do not
overlap are put together instead: nothing is added, and the zeros are never made. A sum with zero is exact, so that no
value changes but the sign of a zero.

Why it ends: each rule lowers the number of borders and sums, or moves a slice towards the inputs.
"""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np

from xgrad.axes.arithmetic import Add
from xgrad.axes.base import TensorType
from xgrad.axes.constants import Full, full
from xgrad.axes.literal import Literal
from xgrad.axes.structural import Concat, Pad, Reverse, Slice, concat, pad, slice_
from xgrad.graph import DECLINE, Rules, Var, rule
from xgrad.lower.rules.patterns import (
    A,
    B,
    C,
    P,
    Q,
    S,
    X,
    Y,
    a_full,
    is_number,
    variable,
)

Z = variable("z")


# ---- pieces in zeros -------------------------------------------------------------------------------------------------
class _Piece(NamedTuple):
    """A part of an axis."""

    start: int
    stop: int
    values: Var


def _pieces(v: Var) -> tuple[int, list[_Piece]] | None:
    """The axis along which ``v`` is zero but for some pieces, and these; None where it is something else."""
    if isinstance(v.op, Concat):
        return v.op.axis, _parts(v, v.op.axis, 0)
    if not isinstance(v.op, Pad) or any(v.op.interior) or not _is_zero(v.inputs[1]):
        return None
    axes = [a for a, around in enumerate(zip(v.op.low, v.op.high, strict=True)) if any(around)]
    return (axes[0], _parts(v.inputs[0], axes[0], v.op.low[axes[0]])) if len(axes) == 1 else None


def _parts(v: Var, axis: int, start: int) -> list[_Piece]:
    """The parts that ``v`` is made of from ``start`` on, without those that are zero."""
    joined = isinstance(v.op, Concat) and v.op.axis == axis
    found = []
    for part in v.inputs if joined else [v]:
        stop = start + part.type.shape[axis]
        if not _is_zero(part):
            found.append(_Piece(start, stop, part))
        start = stop
    return found


def _is_zero(v: Var) -> bool:
    value: Any = v.op.value if isinstance(v.op, Full) else None
    return (
        isinstance(value, Literal) and is_number(value, 0) and not np.signbit(np.real(value.value))
    )


def _together(one: Var, other: Var) -> Var | None:
    """The pieces of both in one array; None where some overlap."""
    mine, its = _pieces(one), _pieces(other)
    if mine is None or its is None or mine[0] != its[0]:
        return None
    pieces = sorted([*mine[1], *its[1]], key=lambda p: p.start)
    if not pieces or any(a.stop > b.start for a, b in pairwise(pieces)):
        return None
    return _joined(pieces, mine[0], one.type)


def _joined(pieces: Sequence[_Piece], axis: int, whole: TensorType) -> Var:
    """The pieces, with zeros between and around them."""
    parts = [pieces[0].values]
    for before, piece in pairwise(pieces):
        shape = list(whole.shape)
        shape[axis] = piece.start - before.stop
        parts += [full(tuple(shape), 0, whole.dtype)] if shape[axis] else []
        parts.append(piece.values)
    low, high = [0] * whole.ndim, [0] * whole.ndim
    low[axis], high[axis] = pieces[0].start, whole.shape[axis] - pieces[-1].stop
    return pad(concat(parts, axis), low, high)


def _add_pieces(out: Var) -> Any:
    found = _together(*out.inputs)
    return DECLINE if found is None else found


def _add_further_piece(out: Var, z: Var) -> Any:
    found = _together(out.inputs[0].inputs[1], out.inputs[1])
    return DECLINE if found is None else Add()(z, found)


# ---- pieces of pieces ------------------------------------------------------------------------------------------------
def _pad_twice(out: Var, x: Var, y: Var) -> Any:
    inner, outer = out.inputs[0].op, out.op
    assert isinstance(inner, Pad) and isinstance(outer, Pad)
    if any(inner.interior) or any(outer.interior):
        return DECLINE
    low = tuple([a + b for a, b in zip(inner.low, outer.low, strict=True)])
    high = tuple([a + b for a, b in zip(inner.high, outer.high, strict=True)])
    return Pad(low, high, inner.interior)(x, y)


def _slice_padded(out: Var, x: Var, y: Var) -> Any:
    """Where the slice lies inside of x, or outside, or all around it."""
    cut, padded = out.op, out.inputs[0].op
    assert isinstance(cut, Slice) and isinstance(padded, Pad)
    if any(padded.interior) or any(s != 1 for s in cut.steps):
        return DECLINE
    starts, stops, low, high = [], [], [], []
    for a, b, before, n in zip(cut.starts, cut.stops, padded.low, x.type.shape, strict=True):
        start, stop = max(a - before, 0), min(b - before, n)
        if start >= stop:
            return _all_fill(out, y)
        starts.append(start)
        stops.append(stop)
        low.append(start + before - a)
        high.append(b - before - stop)
    if any([*low, *high]):
        return (
            Pad(tuple(low), tuple(high), padded.interior)(x, y)
            if _all(x, starts, stops)
            else DECLINE
        )
    return slice_(x, starts, stops)


def _all_fill(out: Var, fill: Var) -> Any:
    value: Any = getattr(fill.op, "value", None)
    return (
        full(out.type.shape, value.value, out.type.dtype) if isinstance(value, Literal) else DECLINE
    )


def _all(x: Var, starts: list[int], stops: list[int]) -> bool:
    return not any(starts) and tuple(stops) == x.type.shape


def _slice_joined(out: Var, x: Var) -> Any:
    """A slice that lies in one of the parts, or is some of the parts."""
    cut, joined = out.op, x.op
    assert isinstance(cut, Slice)
    if not isinstance(joined, Concat) or cut.steps[joined.axis] != 1:
        return DECLINE
    axis, begin = joined.axis, 0
    start, stop = cut.starts[axis], cut.stops[axis]
    for part in x.inputs:
        end = begin + part.type.shape[axis]
        if begin <= start < stop <= end:
            return _moved(cut, axis, begin, part)
        begin = end
    return DECLINE


def _moved(cut: Slice, axis: int, by: int, part: Var) -> Var:
    starts, stops = list(cut.starts), list(cut.stops)
    starts[axis], stops[axis] = starts[axis] - by, stops[axis] - by
    return slice_(part, starts, stops, cut.steps)


# ---- back to front ---------------------------------------------------------------------------------------------------
def _slice_reversed(out: Var, x: Var, a: tuple[int, ...]) -> Any:
    cut = out.op
    assert isinstance(cut, Slice)
    if any(cut.steps[axis] != 1 for axis in a):
        return DECLINE
    starts, stops = list(cut.starts), list(cut.stops)
    for axis in a:
        size = x.type.shape[axis]
        starts[axis], stops[axis] = size - cut.stops[axis], size - cut.starts[axis]
    return Reverse(a)(slice_(x, starts, stops, cut.steps))


def _reverse_single(out: Var, x: Var, a: tuple[int, ...]) -> Any:
    left = tuple([axis for axis in a if x.type.shape[axis] > 1])
    if left == a:
        return DECLINE
    return Reverse(left)(x) if left else x


PIECES = Rules(
    rule(  # [x, 0] + [0, y] = [x, y]
        "add_pieces", Add()(X, Pad(P, Q, C)(Y, a_full())), _add_pieces
    ),
    rule(  # (z + [x, 0]) + [0, y] = z + [x, y]
        "add_further_piece",
        Add()(Add()(Z, X), Pad(P, Q, C)(Y, a_full())),
        _add_further_piece,
    ),
    rule(  # a border around a border is one
        "pad_twice", Pad(A, B, C)(Pad(P, Q, C)(X, Y), Y), _pad_twice
    ),
    rule(  # [0, x, 0][x's place] = x
        "slice_padded", Slice(P, Q, S)(Pad(A, B, C)(X, Y)), _slice_padded
    ),
    rule("slice_joined", Slice(P, Q, S)(X), _slice_joined),  # [x, y][x's place] = x
    rule(  # x[::-1][a:b] = x[n-b:n-a][::-1]
        "slice_reversed", Slice(P, Q, S)(Reverse(A)(X)), _slice_reversed
    ),
    rule("reverse_single", Reverse(A)(X), _reverse_single),  # one value has no order
)
