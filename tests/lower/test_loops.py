"""Loop rules: every one keeps the values, does what its name says, and leaves alone what it must."""

import numpy as np
import pytest

from tests.lower.loop_graphs import N, Vars, assert_equal, loops, scan, size, var
from xgrad.axes.arithmetic import Floor, add, multiply, subtract
from xgrad.axes.base import Flow
from xgrad.axes.constants import full
from xgrad.axes.loops import Scan
from xgrad.axes.reduce import sum_
from xgrad.axes.spread import expand
from xgrad.axes.structural import reverse, slice_axis
from xgrad.axes.transcendental import sin
from xgrad.graph import Fired, Graph, Var, check
from xgrad.lower.canonical import CANONICAL
from xgrad.lower.loops import LoopRules, rewrite_loops, simplify
from xgrad.lower.rules.loops import LOOPS


def only(name: str) -> LoopRules:
    """The tables with one rule."""
    return LoopRules(
        tuple([r for r in LOOPS.single if r.name == name]),
        tuple([r for r in LOOPS.pairs if r.name == name]),
    )


def rewritten(name: str, inputs: Vars, outputs: Vars, rng: np.random.Generator) -> Graph:
    """The graph after one rule, which must have fired; its values must be those before."""
    graph, log = Graph(inputs, outputs), []
    new = check(rewrite_loops(check(graph), only(name), log))
    assert {f.rule for f in log} == {name}
    assert_equal(graph, new, rng)
    return new


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
