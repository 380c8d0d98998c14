"""Where the boxes of a picture go: rows from what is computed first to what is computed last, with few crossings.

Knows boxes and edges by number, and nothing of what they stand for. The steps are those of any layered drawing: rows
by the longest way to an end, order within rows by the mean place of neighbours, places by least squares.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import NamedTuple

_GAP, _ROW_GAP, _SWEEPS = 22.0, 34.0, 8
# How much it counts that a box is near the middle, so that long graphs do not wander off to one side; and how much that
# a line is straight, by how many of its two ends are within long edges.
_CENTRE = 0.05
_STRAIGHT = (1.0, 2.0, 8.0)


class Edge(NamedTuple):
    """An arrow, from a place along the bottom of one box to a place along the top of another (0 left, 1 right)."""

    start: int
    end: int
    leaves: float = 0.5
    enters: float = 0.5


class Point(NamedTuple):
    x: float
    y: float


class Layout(NamedTuple):
    """The middle of the top of each box; for each edge its points: where it leaves and ends each row that it is in."""

    boxes: tuple[Point, ...]
    edges: tuple[tuple[Point, ...], ...]
    width: float
    height: float


@dataclass
class _Slot:
    """A box in its row, or the place where a long edge crosses it."""

    width: float
    height: float
    row: int
    x: float = 0.0  # of its middle
    above: list["_Line"] = field(default_factory=list)
    below: list["_Line"] = field(default_factory=list)


class _Line(NamedTuple):
    """What leads to a slot in the next row: it is straight where this one is ``shift`` to the right of that one."""

    to: _Slot
    shift: float
    weight: float


def layered(sizes: Sequence[tuple[float, float]], edges: Sequence[Edge]) -> Layout:
    """Places for boxes of these widths and heights, given so that edges lead from earlier to later ones."""
    slots = _boxes(sizes, edges)
    chains = [_chain(slots, edge) for edge in edges]
    rows = _rows([*slots, *[slot for chain in chains for slot in chain[1:-1]]])
    for sweep in range(_SWEEPS):
        _order(rows, downwards=sweep % 2 == 0)
    for sweep in range(_SWEEPS):  # from one end to the other, which brings far boxes near
        for row in rows if sweep % 2 else reversed(rows):
            _place(row, [slot.above if sweep % 2 else slot.below for slot in row])
    for sweep in range(_SWEEPS):
        for row in rows if sweep % 2 else reversed(rows):
            _place(row, [[*slot.above, *slot.below] for slot in row])
    return _layout(rows, slots, chains, edges)


def _boxes(sizes: Sequence[tuple[float, float]], edges: Sequence[Edge]) -> list[_Slot]:
    """A slot for each box, in the last row from which its edges still lead downwards."""
    above_end = [0] * len(sizes)
    for edge in sorted(edges, key=lambda edge: -edge.end):
        above_end[edge.start] = max(above_end[edge.start], above_end[edge.end] + 1)
    last = max(above_end, default=0)
    return [_Slot(w, h, last - n) for (w, h), n in zip(sizes, above_end, strict=True)]


def _chain(slots: Sequence[_Slot], edge: Edge) -> list[_Slot]:
    """The slots that an edge passes, linked to each other: its two boxes, and one in every row between."""
    start, end = slots[edge.start], slots[edge.end]
    between = [_Slot(6.0, 0.0, row) for row in range(start.row + 1, end.row)]
    chain = [start, *between, end]
    leaves, enters = _shift(start, edge.leaves), _shift(end, edge.enters)
    for upper, lower in pairwise(chain):
        out = leaves if upper is start else 0.0
        into = enters if lower is end else 0.0
        weight = _STRAIGHT[(upper is not start) + (lower is not end)]
        upper.below.append(_Line(lower, into - out, weight))
        lower.above.append(_Line(upper, out - into, weight))
    return chain


def _shift(slot: _Slot, place: float) -> float:
    return (place - 0.5) * slot.width


def _rows(slots: Sequence[_Slot]) -> list[list[_Slot]]:
    rows: list[list[_Slot]] = [[] for _ in range(1 + max([s.row for s in slots], default=0))]
    for slot in slots:
        slot.x = float(len(rows[slot.row]))
        rows[slot.row].append(slot)
    return rows


def _order(rows: Sequence[list[_Slot]], *, downwards: bool) -> None:
    """Sort each row by the mean place of the neighbours in the row before; places are packed as we go."""
    for row in rows if downwards else reversed(rows):
        row.sort(key=lambda slot: _mean(slot, slot.above if downwards else slot.below))
        right = 0.0
        for slot in row:
            slot.x = right + slot.width / 2
            right += slot.width + _GAP


def _mean(slot: _Slot, lines: Sequence[_Line]) -> float:
    """The place where these lines of a slot would be straight, on average."""
    if not lines:
        return slot.x
    return _pull(lines) / sum([line.weight for line in lines])


def _pull(lines: Sequence[_Line]) -> float:
    return sum([line.weight * (line.to.x + line.shift) for line in lines])


def _place(row: Sequence[_Slot], lines: Sequence[Sequence[_Line]]) -> None:
    """The places where the lines are straightest, by least squares, that keep the order and the gaps.

    Neighbours that would overlap are moved together as one block (pool adjacent violators).
    """
    offsets = [0.0] if row else []
    for left, right in pairwise(row):
        offsets.append(offsets[-1] + (left.width + right.width) / 2 + _GAP)
    blocks: list[tuple[float, float, int]] = []  # place, weight, number of slots
    for own, offset in zip(lines, offsets, strict=True):
        weight = _CENTRE + sum([line.weight for line in own])
        block = (_pull(own) / weight - offset, weight, 1)
        while blocks and blocks[-1][0] > block[0]:
            block = _merged(blocks.pop(), block)
        blocks.append(block)
    places = [place for place, _, count in blocks for _ in range(count)]
    for slot, place, offset in zip(row, places, offsets, strict=True):
        slot.x = place + offset


def _merged(
    one: tuple[float, float, int], other: tuple[float, float, int]
) -> tuple[float, float, int]:
    weight = one[1] + other[1]
    return (one[0] * one[1] + other[0] * other[1]) / weight, weight, one[2] + other[2]


def _layout(
    rows: Sequence[Sequence[_Slot]],
    slots: Sequence[_Slot],
    chains: Sequence[Sequence[_Slot]],
    edges: Sequence[Edge],
) -> Layout:
    heights = [max([slot.height for slot in row], default=0.0) for row in rows]
    tops = [sum(heights[:i]) + i * _ROW_GAP for i in range(len(rows))]
    left = min([s.x - s.width / 2 for row in rows for s in row], default=0.0)
    right = max([s.x + s.width / 2 for row in rows for s in row], default=0.0)
    paths = []
    for chain, edge in zip(chains, edges, strict=True):
        start, *between, end = chain
        x, bottom = start.x + _shift(start, edge.leaves) - left, tops[start.row]
        path = [Point(x, bottom + start.height), Point(x, bottom + heights[start.row])]
        for slot in between:
            x = slot.x - left
            path += [Point(x, tops[slot.row]), Point(x, tops[slot.row] + heights[slot.row])]
        path.append(Point(end.x + _shift(end, edge.enters) - left, tops[end.row]))
        paths.append(tuple(path))
    boxes = tuple([Point(slot.x - left, tops[slot.row]) for slot in slots])
    return Layout(boxes, tuple(paths), right - left, tops[-1] + heights[-1])
