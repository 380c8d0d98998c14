"""Boxes in lanes: each group in a frame of its own from top to bottom, rows in the order of computation."""

from collections.abc import Hashable, Mapping, Sequence
from itertools import accumulate, pairwise, permutations
from typing import Any, NamedTuple

from xgrad.graph.layout import Point

_GAP, _ROW_GAP, _FRAME = 20.0, 46.0, 14.0
_TITLE = 20.0  # room below the boxes of a frame for its name
_BESIDE = 8.0  # how far from a box a line passes it
_MOST_ORDERED = 6  # lanes of which all orders are tried


class Frame(NamedTuple):
    """The rectangle around the boxes of one group."""

    left: float
    top: float
    width: float
    height: float


class Lanes(NamedTuple):
    """The middle of the top of each box, the frame of each group, the size of all; for each edge its points.

    These are where it leaves a box, and where it ends and begins each row on its way, which has no box there.
    """

    boxes: tuple[Point, ...]
    frames: dict[Hashable, Frame]
    edges: tuple[tuple[Point, ...], ...]
    width: float
    height: float


def in_lanes(
    sizes: Sequence[tuple[float, float]],
    groups: Sequence[Hashable],
    edges: Sequence[tuple[int, int]],
    names: Mapping[Any, float],
) -> Lanes:
    """Places for boxes of these widths and heights, of these groups; edges lead from one box to another, never round.

    Every box is in the row before that of the first one that it leads to. ``names``: how wide the name of a group is.
    """
    rows = _rows(len(sizes), edges)
    heights = [
        max(h for (_, h), r in zip(sizes, rows, strict=True) if r == row)
        for row in range(max(rows) + 1)
    ]
    tops = [_FRAME + sum(heights[:i]) + i * _ROW_GAP for i in range(len(heights))]
    groups_of = {g: [i for i, h in enumerate(groups) if h == g] for g in dict.fromkeys(groups)}
    lanes = [_lane(found, sizes, rows, names[g]) for g, found in groups_of.items()]
    lefts, width = _side_by_side(lanes, edges)
    places = [Point(0.0, 0.0)] * len(sizes)
    frames: dict[Hashable, Frame] = {}
    for (group, members), lane, left in zip(groups_of.items(), lanes, lefts, strict=True):
        top = min([tops[rows[i]] for i in members]) - _FRAME
        bottom = max([tops[rows[i]] + heights[rows[i]] for i in members]) + _TITLE
        frames[group] = Frame(left, top, lane.width, bottom - top)
        for i, x in lane.places.items():
            places[i] = Point(left + x, tops[rows[i]])
    in_rows = _Rows(sizes, rows, places, tops, heights)
    paths = tuple([in_rows.path(start, end) for start, end in edges])
    return Lanes(tuple(places), frames, paths, width, tops[-1] + heights[-1] + _TITLE)


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


class _Lane(NamedTuple):
    """One lane: its width, and how far to the right of its left side the middle of each of its boxes is."""

    width: float
    places: dict[int, float]


def _lane(
    members: Sequence[int],
    sizes: Sequence[tuple[float, float]],
    rows: Sequence[int],
    name: float,
) -> _Lane:
    """The boxes of one group, each row of them in the middle of the lane."""
    by_row: dict[int, list[int]] = {}
    for i in members:
        by_row.setdefault(rows[i], []).append(i)
    widths = {
        row: sum([sizes[i][0] for i in found]) + _GAP * (len(found) - 1)
        for row, found in by_row.items()
    }
    width = max(name, *widths.values()) + 2 * _FRAME
    places = {}
    for row, found in by_row.items():
        x = (width - widths[row]) / 2
        for i in found:
            places[i] = x + sizes[i][0] / 2
            x += sizes[i][0] + _GAP
    return _Lane(width, places)


def _side_by_side(
    lanes: Sequence[_Lane], edges: Sequence[tuple[int, int]]
) -> tuple[list[float], float]:
    """The left side of each lane, in the order in which edges are shortest, and the width of all.

    Many lanes stay in the order in which they are given.
    """
    given = tuple(range(len(lanes)))
    orders = permutations(given) if len(lanes) <= _MOST_ORDERED else [given]
    lefts = min([_lefts(lanes, order) for order in orders], key=lambda x: _length(lanes, edges, x))
    return lefts, sum([lane.width + _GAP for lane in lanes]) - _GAP


def _lefts(lanes: Sequence[_Lane], order: Sequence[int]) -> list[float]:
    before = accumulate([lanes[k].width + _GAP for k in order], initial=0.0)
    return [left for _, left in sorted(zip(order, before, strict=False))]


def _length(
    lanes: Sequence[_Lane], edges: Sequence[tuple[int, int]], lefts: Sequence[float]
) -> float:
    """How far edges go to the side, altogether."""
    x = {
        i: left + x for lane, left in zip(lanes, lefts, strict=True) for i, x in lane.places.items()
    }
    return sum([abs(x[start] - x[end]) for start, end in edges])


class _Rows(NamedTuple):
    """Boxes in their places: what lines have to pass by."""

    sizes: Sequence[tuple[float, float]]
    rows: Sequence[int]
    places: Sequence[Point]
    tops: Sequence[float]
    heights: Sequence[float]

    def path(self, start: int, end: int) -> tuple[Point, ...]:
        """The points of a line from one box to another."""
        (x, top), (to, foot) = self.places[start], self.places[end]
        first, last = self.rows[start], self.rows[end]
        points = [Point(x, top + self.sizes[start][1]), Point(x, self.below(first))]
        for row in range(first + 1, last):
            x = self.free(row, x + (to - x) / (last - row + 1))
            points += [Point(x, self.tops[row]), Point(x, self.below(row))]
        return (*points, Point(to, foot))

    def below(self, row: int) -> float:
        """Where a row ends, with the names of frames that end there; to there lines go straight."""
        return self.tops[row] + self.heights[row] + _TITLE

    def free(self, row: int, wanted: float) -> float:
        """The place in a row that is nearest to the wanted one and in none of its boxes."""
        taken = sorted(
            (place.x - width / 2 - _BESIDE, place.x + width / 2 + _BESIDE)
            for place, (width, _), own in zip(self.places, self.sizes, self.rows, strict=True)
            if own == row
        )
        edges = [-float("inf"), *[x for sides in taken for x in sides], float("inf")]
        gaps = [(left, right) for left, right in list(pairwise(edges))[::2] if left <= right]
        return min(
            [min(max(wanted, left), right) for left, right in gaps], key=lambda x: abs(x - wanted)
        )
