"""The places of boxes in pictures: rows in the order of computation, no overlaps, arrows that go down."""

import itertools

import numpy as np
import pytest

from xgrad.graph.layout import Edge, layered


def random_graph(seed):
    rng = np.random.default_rng(seed)
    count = int(rng.integers(1, 40))
    sizes = [(float(w), float(h)) for w, h in rng.uniform(20, 200, (count, 2))]
    edges = [
        Edge(int(rng.integers(0, end)), end, *rng.uniform(0, 1, 2))
        for end in range(1, count)
        for _ in range(int(rng.integers(0, 4)))
    ]
    return sizes, edges


@pytest.mark.parametrize("seed", range(25))
def test_boxes_do_not_overlap_and_arrows_go_down(seed):
    sizes, edges = random_graph(seed)
    layout = layered(sizes, edges)
    boxes = [
        (p.x - w / 2, p.x + w / 2, p.y, p.y + h)
        for p, (w, h) in zip(layout.boxes, sizes, strict=True)
    ]
    for one, other in itertools.combinations(boxes, 2):
        beside = one[1] <= other[0] + 1e-6 or other[1] <= one[0] + 1e-6
        assert beside or one[3] <= other[2] or other[3] <= one[2]
    for left, right, top, bottom in boxes:
        assert -1e-6 <= left and right <= layout.width + 1e-6
        assert 0 <= top and bottom <= layout.height + 1e-6
    for edge, path in zip(edges, layout.edges, strict=True):
        heights = [point.y for point in path]
        assert heights == sorted(heights)
        assert path[0].y == boxes[edge.start][3]
        assert path[-1].y == boxes[edge.end][2]


@pytest.mark.parametrize("seed", range(25))
def test_the_lines_of_long_edges_pass_boxes_by(seed):
    sizes, edges = random_graph(seed)
    layout = layered(sizes, edges)
    for path in layout.edges:
        for (x, top), (_, bottom) in zip(path[2:-1:2], path[3:-1:2], strict=True):
            for place, (width, height) in zip(layout.boxes, sizes, strict=True):
                in_row = place.y < bottom and place.y + height > top
                assert not (in_row and abs(place.x - x) < width / 2)


def test_a_chain_is_straight():
    layout = layered([(50, 20), (80, 20), (30, 20)], [Edge(0, 1), Edge(1, 2)])
    assert [p.x for p in layout.boxes] == pytest.approx([40.0] * 3, abs=0.01)


def test_arguments_stand_in_their_order():
    sizes = [(40, 20)] * 3
    layout = layered(sizes, [Edge(0, 2, 0.5, 0.7), Edge(1, 2, 0.5, 0.3)])
    assert layout.boxes[1].x < layout.boxes[0].x


def test_nothing_takes_no_room():
    assert layered([], []) == ((), (), 0.0, 0.0)


def test_a_line_past_a_long_chain_does_not_push_it_aside():
    count = 12  # boxes one below the other, and an arrow from the first to the last
    chain = [Edge(k, k + 1) for k in range(count - 2)]
    ends = [Edge(0, count - 1, 0.5, 0.33), Edge(count - 2, count - 1, 0.5, 0.67)]
    layout = layered([(100, 20)] * count, [*chain, *ends])
    assert layout.width < 160
