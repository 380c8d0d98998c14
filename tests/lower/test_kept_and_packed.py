"""What a loop back takes from the loop there, at the least cost; and many small carries as one."""

from collections.abc import Callable, Container
from typing import Any

import numpy as np
import pytest

from tests.lower.loop_graphs import N, Vars, assert_equal, loops, scan, size, var
from xgrad.axes.arithmetic import add, multiply, subtract
from xgrad.axes.constants import full
from xgrad.axes.loops import Scan
from xgrad.axes.transcendental import sin
from xgrad.graph import Fired, Graph, Var, check
from xgrad.lower.canonical import CANONICAL
from xgrad.lower.cut import Questions
from xgrad.lower.loops import rewrite_loops, simplify
from xgrad.lower.rules.loops import LOOPS
from xgrad.lower.rules.packing import PACKING
from xgrad.lower.rules.residuals import RESIDUALS


def there_and_back(again: Callable[[Var], Vars], size: int = 64) -> tuple[list[Var], Vars]:
    """A loop that stacks its carries, and one back over them: c̄ times what ``again`` gives of the carry."""
    c, x = var(size), var(N, size)
    _, before = scan(lambda c, x, w: ([add(again(c[0])[0], x[0])], [c[0]]), [c], [x])

    def back(c: Vars, x: Vars, w: Vars) -> tuple[Vars, Vars]:
        found = c[0]
        for factor in again(x[0]):
            found = multiply(found, factor)
        return [found], []

    return [c, x], scan(back, [c], [before], reverse=True)


def kept(inputs: Vars, outputs: Vars, rng: np.random.Generator) -> Graph:
    """The graph with the cheapest values handed over, which took one change and keeps the values."""
    graph, log = Graph(inputs, outputs), []
    new = check(rewrite_loops(graph, RESIDUALS, log))
    assert [f.rule for f in log] == ["kept"]
    assert_equal(graph, new, rng)
    return simplify(new, CANONICAL, LOOPS, [])


def test_what_is_costly_is_handed_to_the_loop_back(rng: np.random.Generator):
    forward, back = loops(kept(*there_and_back(lambda v: [sin(v)]), rng))
    assert (len(forward.stacks), back.sequences) == (1, 1)  # the sine, and no carry
    assert [type(node.op).__name__ for node in back.body.nodes] == ["Multiply"]


def test_one_product_is_handed_over_in_place_of_its_factors(rng: np.random.Generator):
    """What only the way back needs is computed on the way there, where less is to be stacked for it."""
    c, x = var(64), var(N, 64)
    _, before, more = scan(lambda c, x, w: ([add(sin(c[0]), x[0])], [c[0], sin(c[0])]), [c], [x])
    product = lambda c, x, w: ([multiply(c[0], multiply(x[0], x[1]))], [])  # noqa: E731
    back = scan(product, [c], [before, more], reverse=True)
    forward, backward = loops(kept([c, x], back, rng))
    assert (len(forward.stacks), backward.sequences) == (1, 1)
    assert [type(node.op).__name__ for node in backward.body.nodes] == ["Multiply"]


def test_what_is_cheap_is_computed_again(rng: np.random.Generator):
    """Of c and 2 c, one is stacked."""
    inputs, outputs = there_and_back(lambda v: [add(v, v), v])
    log: list[Fired] = []
    rewrite_loops(Graph(inputs, outputs), RESIDUALS, log)
    assert log == []


def test_sequences_are_read_again_and_not_stacked(rng: np.random.Generator):
    c, x = var(64), var(N, 64)
    _, scaled = scan(lambda c, x, w: ([multiply(c[0], x[0])], [add(x[0], x[0])]), [c], [x])
    back = scan(lambda c, x, w: ([multiply(c[0], x[0])], []), [c], [scaled], reverse=True)
    (backward,) = loops(kept([c, x], back, rng))  # nothing is left of the loop forward
    assert backward.sequences == 1


def test_invariants_of_the_loop_back_cost_nothing(rng: np.random.Generator):
    """sin(c) w, with a w that only the loop back has, is one value to stack."""
    c, x, w = var(64), var(N, 64), var(64)
    _, before = scan(lambda c, x, w: ([add(c[0], x[0])], [c[0]]), [c], [x])

    def back(c: Vars, x: Vars, w: Vars) -> tuple[Vars, Vars]:
        both = multiply(sin(x[0]), w[0])
        return [multiply(c[0], multiply(both, both))], []

    outputs = scan(back, [c], [before], [w], reverse=True)
    log: list[Fired] = []
    graph = Graph([c, x, w], outputs)
    new = rewrite_loops(graph, RESIDUALS, log)
    assert_equal(graph, new, rng)


def test_checkpointed_loops_compute_again(rng: np.random.Generator):
    c, x = var(64), var(N, 64)
    step = lambda c, x, w: ([add(sin(c[0]), x[0])], [c[0]])  # noqa: E731
    _, before = scan(step, [c], [x], recompute=True)
    back = scan(lambda c, x, w: ([sin(x[0])], []), [c], [before], reverse=True, recompute=True)
    log: list[Fired] = []
    rewrite_loops(Graph([c, x], back), RESIDUALS, log)
    assert log == []


def test_minimum_cuts_against_all_answers(rng: np.random.Generator):
    """The least cost over all ways to answer seven questions, found by trying them all."""
    for _ in range(20):
        alone = rng.integers(0, 9, 7)
        pairs = [(*rng.choice(7, 2, replace=False), rng.integers(1, 9)) for _ in range(12)]
        questions = Questions()
        questions.must(0)
        for k, amount in enumerate(alone):
            questions.costs(k, int(amount))
        for a, b, amount in pairs:
            questions.costs_unless(int(a), int(b), int(amount))
        questions.needs(1, 2)
        answers, total = questions.answers()

        def cost(yes: Container[Any], alone: Any = alone, pairs: Any = pairs) -> float:
            if 0 not in yes or (1 in yes and 2 not in yes):
                return np.inf
            single = sum([amount for k, amount in enumerate(alone) if k in yes])
            return single + sum([w for a, b, w in pairs if a in yes and b not in yes])

        every = [{k for k in range(7) if bits >> k & 1} for bits in range(128)]
        assert total == cost(answers) == min(map(cost, every))


# ---- many small carries ----------------------------------------------------------------------------------------------
def neighbours(shape: tuple[int, ...] = (), lanes: int = 6) -> tuple[list[Var], Vars]:
    """cₖ' = aₖ sin(cₖ) + cₖ₊₁ xₖ - k, with all that is carried stacked, and one more carry that is unlike them."""
    starts = [var(*shape) for _ in range(lanes)]
    rows, fixed = [var(N, *shape) for _ in range(lanes)], [var(*shape) for _ in range(lanes)]
    other = var(*shape)

    def step(c: Vars, x: Vars, w: Vars) -> tuple[Vars, Vars]:
        waves = [multiply(a, sin(v)) for a, v in zip(w, c, strict=False)]
        pushed = [multiply(c[(k + 1) % lanes], x[k]) for k in range(lanes)]
        left = [full(shape, k + 1, float) for k in range(lanes)]
        new = [subtract(add(a, b), d) for a, b, d in zip(waves, pushed, left, strict=True)]
        return [*new, add(c[lanes], multiply(new[2], c[0]))], [*c[:lanes], add(new[0], new[1])]

    outs = scan(step, [*starts, other], rows, fixed)
    return [*starts, other, *rows, *fixed], outs


@pytest.mark.parametrize("shape", [(), (3,)])
def test_many_small_carries_are_packed(rng: np.random.Generator, shape: tuple[int, ...]):
    inputs, outs = neighbours(shape)
    graph, log = Graph(inputs, outs), []
    new = check(rewrite_loops(graph, PACKING, log))
    assert [f.rule for f in log] == ["packed"]
    assert_equal(graph, new, rng)
    small = simplify(new, CANONICAL, LOOPS, [])
    (op,) = loops(small)
    carries, rows, _, stacks = size(op)
    assert (carries, rows, stacks) == (
        2,
        1,
        2,
    )  # the lanes and the other; their rows; what they stack
    assert [type(node.op).__name__ for node in op.body.nodes].count("Sin") == 1
    assert_equal(graph, small, rng)


def test_lanes_of_a_packed_output_stay_packed_in_the_loop_that_reads_them(rng: np.random.Generator):
    inputs, outs = neighbours()
    back = scan(
        lambda c, x, w: ([add(v, multiply(v, y)) for v, y in zip(c, x, strict=True)], []),
        inputs[:6],
        outs[7:13],
        reverse=True,
    )
    graph, log = Graph(inputs, back), []
    new = simplify(check(rewrite_loops(graph, PACKING, log)), CANONICAL, LOOPS, [])
    assert_equal(graph, new, rng)
    assert [size(op)[:2] for op in loops(new)] == [(1, 1), (1, 1)]
    second = [node for node in new.nodes if isinstance(node.op, Scan)][1]
    assert isinstance(second.inputs[1].op, Scan)  # handed over as it is


def test_few_carries_and_unlike_ones_stay_apart():
    log: list[Fired] = []
    inputs, outs = neighbours(lanes=3)
    rewrite_loops(Graph(inputs, outs), PACKING, log)
    starts = [var() for _ in range(4)]
    unlike = [sin, lambda v: add(v, v), lambda v: multiply(v, v), lambda v: subtract(sin(v), v)]
    outs = scan(lambda c, x, w: ([f(v) for f, v in zip(unlike, c, strict=True)], []), starts)
    rewrite_loops(Graph(starts, outs), PACKING, log)
    large = [var(100) for _ in range(4)]
    rewrite_loops(
        Graph(large, scan(lambda c, x, w: ([sin(v) for v in c], []), large)), PACKING, log
    )
    assert log == []


def test_lanes_in_any_order_are_gathered(rng: np.random.Generator):
    order = [3, 0, 5, 1, 7, 2, 6, 4]
    starts = [var() for _ in order]
    outs = scan(
        lambda c, x, w: ([multiply(sin(c[k]), c[j]) for j, k in enumerate(order)], []), starts
    )
    graph, log = Graph(starts, outs), []
    new = check(rewrite_loops(graph, PACKING, log))
    assert [f.rule for f in log] == ["packed"]
    assert_equal(graph, new, rng)
