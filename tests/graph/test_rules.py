"""Pattern rules: what matches, what does not, merging of what rules make, tables that do not end."""

import pytest

from tests.graph.toy import ToyAdd, ToyShift
from xgrad.graph import DECLINE, Any_, Graph, Rules, Var, rewrite, rule
from xgrad.graph.rules import RewriteLoopError

X, A, B = Any_("x"), Any_("a"), Any_("b")

SHIFTS = Rules(
    rule("shift_zero", ToyShift(A)(X), lambda x, a: x if a == 0 else DECLINE),  # x + 0 = x
    rule(
        "shift_twice", ToyShift(B)(ToyShift(A)(X)), lambda x, a, b: ToyShift(a + b)(x)
    ),  # (x+a)+b = x+(a+b)
    rule("add_same", ToyAdd()(X, X), lambda x: ToyShift(100)(x)),
)


def test_rules_apply_until_none_fires():
    x = Var("int")
    out = ToyShift(-3)(ToyShift(1)(ToyShift(2)(x)))
    fired = []
    assert rewrite(Graph([x], [out]), SHIFTS, fired).outputs == (x,)
    assert [f.rule for f in fired] == ["shift_twice", "shift_twice", "shift_zero"]


def test_a_repeated_pattern_variable_means_the_same_value():
    x, y = Var("int"), Var("int")
    assert rewrite(Graph([x, y], [ToyAdd()(x, y)]), SHIFTS).nodes[0].op == ToyAdd()
    assert rewrite(Graph([x, y], [ToyAdd()(ToyShift(1)(x), ToyShift(1)(x))]), SHIFTS).nodes[
        0
    ].op == ToyShift(101)


def test_what_rules_make_is_merged_with_what_is_there():
    x = Var("int")
    out = ToyAdd()(ToyAdd()(ToyShift(3)(x), ToyShift(2)(ToyShift(1)(x))), x)
    graph = rewrite(Graph([x], [out]), SHIFTS)
    assert [n.op for n in graph.nodes] == [ToyShift(103), ToyAdd()]


def test_a_rule_can_be_switched_off_by_name():
    x = Var("int")
    graph = Graph([x], [ToyShift(1)(ToyShift(2)(x))])
    assert rewrite(graph, SHIFTS.without(["shift_twice"])) == graph


def test_a_table_that_does_not_end_is_reported_by_name():
    forever = Rules(
        rule("up", ToyShift(A)(X), lambda x, a: ToyShift(a + 1)(x) if a % 2 == 0 else DECLINE),
        rule("down", ToyShift(A)(X), lambda x, a: ToyShift(a - 1)(x) if a % 2 else DECLINE),
    )
    x = Var("int")
    with pytest.raises(
        RewriteLoopError, match="these rewrite rules do not come to an end: down, up"
    ):
        rewrite(Graph([x], [ToyShift(0)(x)]), forever)


def test_rewriting_a_long_chain_is_not_recursive():
    x = Var("int")
    out = x
    for _ in range(30_000):
        out = ToyShift(1)(out)
    assert rewrite(Graph([x], [out]), SHIFTS).nodes[0].op == ToyShift(30_000)
