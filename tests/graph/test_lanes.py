"""Boxes in lanes: within the frames of their groups, without overlaps, in rows from cause to effect."""

import itertools

import numpy as np
import pytest

from xgrad.graph.lanes import in_lanes


@pytest.mark.parametrize("seed", range(20))
def test_boxes_are_in_their_frames_and_edges_go_down(seed):
    rng = np.random.default_rng(seed)
    count = int(rng.integers(1, 15))
    sizes = [(float(w), float(h)) for w, h in rng.uniform(20, 90, (count, 2))]
    groups = [str(g) for g in rng.integers(0, 3, count)]
    edges = [(int(rng.integers(0, end)), end) for end in range(1, count) for _ in range(2)]
    names = dict(zip(groups, rng.uniform(20, 300, count), strict=True))
    lanes = in_lanes(sizes, groups, edges, names)
    boxes = [
        (p.x - w / 2, p.x + w / 2, p.y, p.y + h)
        for p, (w, h) in zip(lanes.boxes, sizes, strict=True)
    ]
    for one, other in itertools.combinations(boxes, 2):
        beside = one[1] <= other[0] or other[1] <= one[0]
        assert beside or one[3] <= other[2] or other[3] <= one[2]
    for group, (left, right, top, bottom) in zip(groups, boxes, strict=True):
        frame = lanes.frames[group]
        assert frame.left <= left and right <= frame.left + frame.width
        assert frame.top <= top and bottom <= frame.top + frame.height
    for group, frame in lanes.frames.items():
        assert frame.width > names[group]
        assert 0 <= frame.left and frame.left + frame.width <= lanes.width
    for (start, end), path in zip(edges, lanes.edges, strict=True):
        assert boxes[start][3] == path[0].y < path[-1].y == boxes[end][2]
        for (x, top), (_, bottom) in zip(
            path[2:-1:2], path[3:-1:2], strict=True
        ):  # rows on the way
            for left, right, above, below in boxes:
                assert not (left < x < right and above < bottom and below > top)


def test_lanes_stand_in_the_order_of_the_shortest_edges():
    groups = ["home", "", "county", "home"]  # from scalars to counties to homes
    lanes = in_lanes(
        [(50.0, 20.0)] * 4, groups, [(1, 2), (2, 3), (0, 3)], dict.fromkeys(groups, 30.0)
    )
    assert lanes.frames["home"].left < lanes.frames["county"].left < lanes.frames[""].left
