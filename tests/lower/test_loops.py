"""Loop rules: every one keeps the values, does what its name says, and leaves alone what it must."""

from collections.abc import Callable, Container, Sequence
from typing import Any

import numpy as np
import pytest

from xgrad.axes.arithmetic import Floor, add, multiply, subtract
from xgrad.axes.base import Flow, TensorType
from xgrad.axes.constants import full
from xgrad.axes.interpret import evaluate
from xgrad.axes.loops import Scan
from xgrad.axes.reduce import sum_
from xgrad.axes.spread import expand
from xgrad.axes.structural import reverse, slice_axis
from xgrad.axes.transcendental import sin
from xgrad.graph import Fired, Graph, Var, check
from xgrad.lower.canonical import CANONICAL
from xgrad.lower.cut import Questions
from xgrad.lower.loops import LoopRules, rewrite_loops, simplify
from xgrad.lower.rules.loops import LOOPS
from xgrad.lower.rules.packing import PACKING
from xgrad.lower.rules.residuals import RESIDUALS

N = 5
Vars = Sequence[Var]


def var(*shape: int) -> Var:
    return Var(TensorType(shape, np.dtype(float)))


def scan(
    step: Callable[[Vars, Vars, Vars], tuple[Vars, Vars]],
    starts: Vars = (),
    rows: Vars = (),
    fixed: Vars = (),
    **options: Any,
) -> tuple[Var, ...]:
    """A loop whose step maps (carries, slices, invariants) to (carries, outputs)."""
    c, w = [var(*v.type.shape) for v in starts], [var(*v.type.shape) for v in fixed]
    x = [var(*v.type.shape[1:]) for v in rows]
    carried, stacked = step(c, x, w)
    body = Graph([*c, *x, *w], [*carried, *stacked])
    options = {"length": N, **options}
    return Scan(body, len(c), len(x), **options).apply(*starts, *rows, *fixed)


def only(name: str) -> LoopRules:
    """The tables with one rule."""
    return LoopRules(
        tuple([r for r in LOOPS.single if r.name == name]),
        tuple([r for r in LOOPS.pairs if r.name == name]),
    )


def loops(graph: Graph) -> list[Scan]:
    return [node.op for node in graph.nodes if isinstance(node.op, Scan)]


def size(op: Scan) -> tuple[int, int, int, int]:
    """Carries, sequences, invariants, stacked outputs."""
    invariants = len(op.body.inputs) - op.carries - op.sequences
    return op.carries, op.sequences, invariants, len(op.stacks)


def rewritten(name: str, inputs: Vars, outputs: Vars, rng: np.random.Generator) -> Graph:
    """The graph after one rule, which must have fired; its values must be those before."""
    graph, log = Graph(inputs, outputs), []
    new = check(rewrite_loops(check(graph), only(name), log))
    assert {f.rule for f in log} == {name}
    assert_equal(graph, new, rng)
    return new


def assert_equal(one: Graph, other: Graph, rng: np.random.Generator) -> None:
    arrays = [rng.normal(size=v.type.shape) for v in one.inputs]
    for a, b in zip(evaluate(one, arrays), evaluate(other, arrays), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-13)


def assert_declines(name: str, inputs: Vars, outputs: Vars) -> None:
    log: list[Fired] = []
    rewrite_loops(Graph(inputs, outputs), only(name), log)
    assert log == []


def two(c: Vars, x: Vars, w: Vars) -> tuple[Vars, Vars]:
    """Two carries that do not know of each other."""
    return [sin(add(c[0], x[0])), multiply(c[1], w[0])], [c[0], sin(x[1])]


def parts() -> tuple[list[Var], tuple[Var, ...]]:
    inputs = [var(2), var(2), var(N, 2), var(N, 2), var(2)]
    return inputs, scan(two, inputs[:2], inputs[2:4], inputs[4:])


def test_dead_output(rng: np.random.Generator):
    inputs, outs = parts()
    new = rewritten("dead_output", inputs, [*outs[:2], outs[3]], rng)
    assert [size(op) for op in loops(new)] == [(2, 2, 1, 1)]
    assert_declines("dead_output", inputs, outs)


def test_dead_carry(rng: np.random.Generator):
    inputs, outs = parts()
    new = rewritten("dead_carry", inputs, [outs[0], *outs[2:]], rng)
    assert [size(op) for op in loops(new)] == [(1, 2, 1, 2)]
    assert_declines("dead_carry", inputs, outs[1:])  # carry 0 reaches an output


def test_dead_sequence_and_invariant(rng: np.random.Generator):
    inputs, outs = parts()
    new = rewritten("dead_carry", inputs, [outs[0], outs[2]], rng)
    assert_declines("dead_sequence", inputs, outs)
    log: list[Fired] = []
    small = simplify(new, CANONICAL, LOOPS, log)
    assert [size(op) for op in loops(small)] == [(1, 1, 0, 1)]
    assert {"dead_output", "dead_sequence", "dead_invariant"} <= {f.rule for f in log}
    assert_equal(new, small, rng)


def test_equal_sequence(rng: np.random.Generator):
    x, c = var(N), var()
    outs = scan(lambda c, x, w: ([add(c[0], x[0])], [multiply(x[0], x[1])]), [c], [x, x])
    assert [size(op) for op in loops(rewritten("equal_sequence", [c, x], outs, rng))] == [
        (1, 1, 0, 1)
    ]


def test_equal_invariant(rng: np.random.Generator):
    w, c = var(), var()
    outs = scan(lambda c, x, w: ([add(c[0], w[0])], [multiply(w[0], w[1])]), [c], [], [w, w])
    new = rewritten("equal_invariant", [c, w], outs, rng)
    assert [size(op) for op in loops(new)] == [(1, 0, 1, 1)]


def test_equal_output(rng: np.random.Generator):
    c = var()

    def step(c: Vars, x: Vars, w: Vars) -> tuple[Vars, Vars]:
        y = sin(c[0])
        return [y], [y, y]

    assert [size(op) for op in loops(rewritten("equal_output", [c], scan(step, [c]), rng))] == [
        (1, 0, 0, 1)
    ]


def test_equal_carry(rng: np.random.Generator):
    """a' = a b, b' = b a: equal at first, and so in every step."""
    c = var()

    def step(c: Vars, x: Vars, w: Vars) -> tuple[Vars, Vars]:
        return [multiply(c[0], c[1]), multiply(c[1], c[0])], [add(c[0], c[1])]

    new = rewritten("equal_carry", [c], scan(step, [c, c]), rng)
    assert [size(op) for op in loops(new)] == [(1, 0, 0, 1)]


def test_carries_that_part_later_are_not_equal():
    """a' = b, b' = 2 c, c' = c: a and b are equal at first, and differ from the second step on."""
    c, d = var(), var()

    def step(c: Vars, x: Vars, w: Vars) -> tuple[Vars, Vars]:
        return [c[1], add(c[2], c[2]), c[2]], [c[0]]

    assert_declines("equal_carry", [c, d], scan(step, [c, c, d]))


def test_constant_carry(rng: np.random.Generator):
    c, d = var(), var()
    outs = scan(lambda c, x, w: ([multiply(c[0], c[1]), c[1]], [c[1]]), [c, d])
    new = rewritten("constant_carry", [c, d], outs, rng)
    assert [size(op) for op in loops(new)] == [(1, 0, 1, 1)]


def test_constant_invariant(rng: np.random.Generator):
    c = var()
    outs = scan(lambda c, x, w: ([multiply(c[0], w[0])], [c[0]]), [c], [], [full((), 2.0, float)])
    new = rewritten("constant_invariant", [c], outs, rng)
    assert [size(op) for op in loops(new)] == [(1, 0, 0, 1)]


@pytest.mark.parametrize("repeated", [False, True])
def test_constant_sequence(rng: np.random.Generator, repeated: bool):
    c, w = var(2), var(2)
    x = expand(w, (N, 2), (1,)) if repeated else full((N, 2), 3.0, float)
    outs = scan(lambda c, x, w: ([multiply(c[0], x[0])], [c[0]]), [c], [x])
    new = rewritten("constant_sequence", [c, w], outs, rng)
    assert [size(op) for op in loops(new)] == [(1, 0, 1, 1)]


def test_hoisted(rng: np.random.Generator):
    c, w = var(2), var()

    def step(c: Vars, x: Vars, w: Vars) -> tuple[Vars, Vars]:
        return [multiply(c[0], expand(sin(w[0]), (2,), ()))], [add(c[0], c[0])]

    new = rewritten("hoisted", [c, w], scan(step, [c], [], [w]), rng)
    (op,) = loops(new)
    assert "Sin" not in [type(node.op).__name__ for node in op.body.nodes]
    assert "Expand" in [type(node.op).__name__ for node in op.body.nodes]  # costs nothing inside


def test_steady_output(rng: np.random.Generator):
    c, x, w = var(), var(N), var()
    outs = scan(lambda c, x, w: ([add(c[0], x[0])], [x[0], w[0], c[0]]), [c], [x], [w])
    new = rewritten("steady_output", [c, x, w], outs, rng)
    assert [len(op.stacks) for op in loops(new)] == [1]


@pytest.mark.parametrize("length", [0, 1])
def test_few_steps(rng: np.random.Generator, length: int):
    c, x = var(2), var(length, 2)
    outs = scan(lambda c, x, w: ([add(c[0], x[0])], [sin(c[0])]), [c], [x], length=length)
    assert loops(rewritten("few_steps", [c, x], outs, rng)) == []


@pytest.mark.parametrize("backwards", [False, True])
def test_last_output(rng: np.random.Generator, backwards: bool):
    c, x = var(2), var(N, 2)
    _, y, z = scan(
        lambda c, x, w: ([add(c[0], x[0])], [add(c[0], x[0]), sin(c[0])]),
        [c],
        [x],
        reverse=backwards,
    )
    at = 0 if backwards else N - 1
    lasts = [slice_axis(v, 0, at, at + 1) for v in (y, z)]
    new = rewritten("last_output", [c, x], lasts, rng)
    assert [len(op.stacks) for op in loops(new)] == [0]
    assert_declines("last_output", [c, x], [slice_axis(y, 0, 1, 2)])
    assert_declines("last_output", [c, x], [*lasts, y, z])


@pytest.mark.parametrize("backwards", [False, True])
def test_steps_after_the_last_that_is_read_are_not_taken(rng: np.random.Generator, backwards: bool):
    c, x = var(2), var(N, 2)
    step = lambda c, x, w: ([add(c[0], x[0])], [add(c[0], x[0]), sin(c[0])])  # noqa: E731
    last, y, z = scan(step, [c], [x], reverse=backwards)
    read = [slice_axis(y, 0, 1, 3), slice_axis(z, 0, 2, 4) if backwards else slice_axis(z, 0, 0, 2)]
    new = rewritten("cut_short", [c, x], read, rng)
    assert [op.length for op in loops(new)] == [4 if backwards else 3]
    assert_declines("cut_short", [c, x], [*read, last])
    assert_declines("cut_short", [c, x], [*read, sum_(y, (0,))])
    assert_declines("cut_short", [c, x], [*read, y])


def test_one_slice_in_the_middle_is_a_shorter_loop_that_stacks_nothing(rng: np.random.Generator):
    c, x = var(2), var(N, 2)
    _, y = scan(lambda c, x, w: ([add(c[0], x[0])], [sin(c[0])]), [c], [x])
    graph, log = Graph([c, x], [slice_axis(y, 0, 2, 3)]), []
    small = simplify(graph, CANONICAL, LOOPS, log)
    assert [(op.length, len(op.stacks)) for op in loops(small)] == [(3, 0)]
    assert "Pad" not in {type(node.op).__name__ for node in small.nodes}
    assert_equal(graph, small, rng)


def test_turned(rng: np.random.Generator):
    c, x = var(), var(N)
    last, y = scan(lambda c, x, w: ([add(c[0], x[0])], [sin(c[0])]), [c], [reverse(x, (0,))])
    new = rewritten("turned", [c, x], [last, reverse(y, (0,))], rng)
    assert [op.reverse for op in loops(new)] == [True]


def test_loops_over_the_same_range_are_fused(rng: np.random.Generator):
    c, x = var(), var(N)
    one = scan(lambda c, x, w: ([add(c[0], x[0])], [sin(c[0])]), [c], [x])
    other = scan(lambda c, x, w: ([multiply(c[0], x[0])], []), [c], [x])
    new = rewritten("fused", [c, x], [*one, *other], rng)
    assert [size(op)[0] for op in loops(new)] == [2]


def test_a_loop_over_what_another_stacks_is_fused_with_it(rng: np.random.Generator):
    c, x = var(), var(N)
    one = scan(lambda c, x, w: ([add(c[0], x[0])], [sin(c[0])]), [c], [x])
    other = scan(lambda c, x, w: ([multiply(c[0], x[0])], [x[0]]), [c], [one[1]])
    assert len(loops(rewritten("fused", [c, x], other, rng))) == 1


def test_loops_that_need_more_than_one_step_of_another_stay_apart():
    c, x = var(), var(N)
    one = scan(lambda c, x, w: ([add(c[0], x[0])], [sin(c[0])]), [c], [x])
    sum_first = scan(lambda c, x, w: ([multiply(c[0], w[0])], []), [c], [], [sum_(one[1], (0,))])
    assert_declines("fused", [c, x], sum_first)
    from_last = scan(lambda c, x, w: ([subtract(c[0], x[0])], []), [one[0]], [one[1]])
    assert_declines("fused", [c, x], from_last)
    backwards = scan(lambda c, x, w: ([multiply(c[0], x[0])], []), [c], [x], reverse=True)
    assert_declines("fused", [c, x], [*one, *backwards])


def test_rules_reach_into_loops_inside_loops(rng: np.random.Generator):
    c, grid = var(), var(3, N)

    def outer(c: Vars, x: Vars, w: Vars) -> tuple[Vars, Vars]:
        inner = scan(lambda c, x, w: ([add(c[0], x[0])], [sin(x[0])]), [c[0]], [x[0]])
        return [inner[0]], []

    graph = Graph([c, grid], scan(outer, [c], [grid], length=3))
    small = simplify(graph, CANONICAL, LOOPS, [])
    (op,) = loops(small)
    assert [size(inner) for inner in loops(op.body)] == [(1, 1, 0, 0)]
    assert_equal(graph, small, rng)


def test_rules_can_be_disabled():
    assert len(LOOPS.without(["fused"]).pairs) == 0
    assert len(LOOPS.without(["hoisted"]).single) == len(LOOPS.single) - 1


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


# ---- how values flow ---------------------------------------------------------------------------------------------
def test_flows_go_through_carries():
    """a' = b, b' = floor(x), y = a: x reaches y in steps, two rounds later; b reaches it by value."""
    c, d, x = var(), var(), var(N)
    outs = scan(lambda c, x, w: ([c[1], Floor()(x[0])], [c[0]]), [c, d], [x])
    node = outs[0].node
    assert node is not None and isinstance(node.op, Scan)
    types = [v.type for v in node.inputs]
    found = [[node.op.flow(i, k, types) for k in range(3)] for i in range(3)]
    value, step, unused = Flow.VALUE, Flow.STEP, Flow.UNUSED
    assert found == [[unused, unused, value], [value, unused, value], [step, step, step]]
