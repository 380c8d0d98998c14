"""Boxes in lanes: each group in a frame of its own from top to bottom, rows in the order of computation."""

from collections.abc import Hashable, Sequence
from typing import NamedTuple

from xgrad.graph.layout import Point

_GAP, _ROW_GAP, _FRAME = 20.0, 46.0, 14.0
_TITLE = 20.0  # room below the boxes of a frame for its name


class Frame(NamedTuple):
    """The rectangle around the boxes of one group."""

    left: float
    top: float
    width: float
    height: float


class Lanes(NamedTuple):
    """The middle of the top of each box, the frame of each group, and the size of all."""

    boxes: tuple[Point, ...]
    frames: dict[Hashable, Frame]
    width: float
    height: float


def in_lanes(
    sizes: Sequence[tuple[float, float]],
    groups: Sequence[Hashable],
    edges: Sequence[tuple[int, int]],
) -> Lanes:
    """Places for boxes of these widths and heights, of these groups; edges lead from one box to another, never round.

    Every box is in the row before that of the first one that it leads to.
    """
    rows = _rows(len(sizes), edges)
    heights = [
        max(h for (_, h), r in zip(sizes, rows, strict=True) if r == row)
        for row in range(max(rows) + 1)
    ]
    tops = [_FRAME + sum(heights[:i]) + i * _ROW_GAP for i in range(len(heights))]
    places: list[Point] = [Point(0.0, 0.0)] * len(sizes)
    frames: dict[Hashable, Frame] = {}
    left = 0.0
    for group in dict.fromkeys(groups):
        members = [i for i, g in enumerate(groups) if g == group]
        width = _fill_lane(members, sizes, rows, tops, left + _FRAME, places)
        top = min(tops[rows[i]] for i in members) - _FRAME
        bottom = max(tops[rows[i]] + heights[rows[i]] for i in members) + _TITLE
        frames[group] = Frame(left, top, width + 2 * _FRAME, bottom - top)
        left += width + 2 * _FRAME + _GAP
    return Lanes(tuple(places), frames, left - _GAP, tops[-1] + heights[-1] + _TITLE)


def _rows(count: int, edges: Sequence[tuple[int, int]]) -> list[int]:
    """The row of each box: as many boxes follow the longest way down from it."""
    below = [0] * count
    for _ in range(count):  # at most so many until nothing moves, as no edges lead round
        moved = False
        for start, end in edges:
            if below[start] <= below[end]:
                below[start], moved = below[end] + 1, True
        if not moved:
            break
    last = max(below)
    return [last - n for n in below]


def _fill_lane(
    members: Sequence[int],
    sizes: Sequence[tuple[float, float]],
    rows: Sequence[int],
    tops: Sequence[float],
    left: float,
    places: list[Point],
) -> float:
    """Put the boxes of one group in its lane, each row in its middle; gives the width of the lane."""
    by_row: dict[int, list[int]] = {}
    for i in members:
        by_row.setdefault(rows[i], []).append(i)
    widths = {
        row: sum(sizes[i][0] for i in found) + _GAP * (len(found) - 1)
        for row, found in by_row.items()
    }
    lane = max(widths.values())
    for row, found in by_row.items():
        x = left + (lane - widths[row]) / 2
        for i in found:
            places[i] = Point(x + sizes[i][0] / 2, tops[row])
            x += sizes[i][0] + _GAP
    return lane
