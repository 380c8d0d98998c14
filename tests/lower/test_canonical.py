"""Every canonical rule fires, keeps the value (NaN and infinities included), and lets a near miss alone."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import pytest

from xgrad.axes import elementwise as e
from xgrad.axes.base import TensorType
from xgrad.axes.constants import Full, full, full_like
from xgrad.axes.interpret import evaluate
from xgrad.axes.literal import Literal
from xgrad.axes.reduce import All, Max, Min, Prod, Sum
from xgrad.axes.reduce import Any as AnyOf
from xgrad.axes.structural import Concat, Expand, Pad, Permute, Reshape, Reverse, Slice
from xgrad.graph import Graph, Var, check, rewrite
from xgrad.lower.canonical import CANONICAL
from xgrad.lower.rules.folding import FOLDING
from xgrad.lower.rules.identities import IDENTITIES
from xgrad.lower.rules.indexing import INDEXING
from xgrad.lower.rules.logs import LOGS
from xgrad.lower.rules.matrices import MATRICES
from xgrad.lower.rules.missing import MISSING
from xgrad.lower.rules.reductions import REDUCTIONS
from xgrad.lower.rules.shifts import SHIFTS
from xgrad.lower.rules.stabilise import STABLE

F8 = np.dtype("f8")
X = np.array([[0.5, -1.5, np.nan], [np.inf, 0.0, -2.0]])
Y = np.array([[2.0, -0.5, 1.0], [3.0, -np.inf, 0.25]])
C = X > 0


class Case(NamedTuple):
    """``fires(x, y, c)`` is an expression that the rule changes, ``near(x, y, c)`` one that it must not."""

    fires: Callable[..., Var]
    near: Callable[..., Var]


def zeros(x):
    return full_like(x, 0)


def cube(x):
    return Expand((4, 2, 3), (1, 2))(x)


CASES = {
    "multiply_one": Case(
        lambda x, y, c: e.Multiply()(x, full_like(x, 1)),
        lambda x, y, c: e.Multiply()(x, full_like(x, 2)),
    ),
    "divide_one": Case(
        lambda x, y, c: e.Divide()(x, full_like(x, 1)),
        lambda x, y, c: e.Divide()(full_like(x, 1), x),
    ),
    "subtract_zero": Case(
        lambda x, y, c: e.Subtract()(x, zeros(x)),
        lambda x, y, c: e.Subtract()(x, full_like(x, -0.0)),
    ),
    "multiply_minus_one": Case(
        lambda x, y, c: e.Multiply()(x, full_like(x, -1)),
        lambda x, y, c: e.Multiply()(x, full_like(x, 3)),
    ),
    "multiply_by_power_of_two": Case(
        lambda x, y, c: e.Multiply()(e.Multiply()(x, full_like(x, 0.3)), full_like(x, -4)),
        lambda x, y, c: e.Multiply()(e.Multiply()(x, full_like(x, 0.3)), full_like(x, 3)),
    ),
    "negative_twice": Case(
        lambda x, y, c: e.Negative()(e.Negative()(x)), lambda x, y, c: e.Negative()(e.Absolute()(x))
    ),
    "add_negative": Case(
        lambda x, y, c: e.Add()(x, e.Negative()(y)), lambda x, y, c: e.Add()(x, e.Absolute()(y))
    ),
    "subtract_negative": Case(
        lambda x, y, c: e.Subtract()(x, e.Negative()(y)),
        lambda x, y, c: e.Subtract()(e.Negative()(x), y),
    ),
    "multiply_reciprocal": Case(
        lambda x, y, c: e.Multiply()(x, e.Reciprocal()(y)),
        lambda x, y, c: e.Add()(x, e.Reciprocal()(y)),
    ),
    "multiply_negative": Case(
        lambda x, y, c: e.Multiply()(x, e.Negative()(y)),
        lambda x, y, c: e.Divide()(x, e.Negative()(y)),
    ),
    "power_integer": Case(
        lambda x, y, c: e.Power()(x, full_like(x, 3)),
        lambda x, y, c: e.Power()(x, full_like(x, 2.5)),
    ),
    "power_half": Case(
        lambda x, y, c: e.Power()(e.Absolute()(x), full_like(x, 0.5)),
        lambda x, y, c: e.Power()(x, full_like(x, 1.5)),
    ),
    "where_same": Case(lambda x, y, c: e.Where()(c, x, x), lambda x, y, c: e.Where()(c, x, y)),
    "where_constant": Case(
        lambda x, y, c: e.Where()(full(x.type.shape, True, bool), x, y),
        lambda x, y, c: e.Where()(c, x, y),
    ),
    "where_not": Case(
        lambda x, y, c: e.Where()(e.LogicalNot()(c), x, y), lambda x, y, c: e.Where()(c, x, y)
    ),
    "where_inverted": Case(
        lambda x, y, c: e.Where()(e.Invert()(c), x, y), lambda x, y, c: e.Where()(c, x, y)
    ),
    "where_twice": Case(
        lambda x, y, c: e.Where()(c, e.Where()(c, x, y), y),
        lambda x, y, c: e.Where()(c, e.Where()(e.IsNan()(y), x, y), y),
    ),
    "where_else_twice": Case(
        lambda x, y, c: e.Where()(c, x, e.Where()(c, x, y)),
        lambda x, y, c: e.Where()(c, x, e.Where()(e.IsNan()(y), x, y)),
    ),
    "add_masked": Case(
        lambda x, y, c: e.Add()(e.Where()(c, x, zeros(x)), e.Where()(c, y, zeros(x))),
        lambda x, y, c: e.Add()(e.Where()(c, x, full_like(x, 1)), e.Where()(c, y, full_like(x, 1))),
    ),
    "add_else_masked": Case(
        lambda x, y, c: e.Add()(e.Where()(c, zeros(x), x), e.Where()(c, zeros(x), y)),
        lambda x, y, c: e.Add()(e.Where()(c, zeros(x), x), e.Where()(c, y, zeros(x))),
    ),
    "where_negative": Case(
        lambda x, y, c: e.Where()(c, e.Negative()(x), zeros(x)),
        lambda x, y, c: e.Where()(c, e.Negative()(x), full_like(x, 1)),
    ),
    "where_else_negative": Case(
        lambda x, y, c: e.Where()(c, zeros(x), e.Negative()(x)),
        lambda x, y, c: e.Where()(c, y, e.Negative()(x)),
    ),
    "sqrt_of_squares": Case(
        lambda x, y, c: e.Sqrt()(Sum((0,))(e.Square()(x))),
        lambda x, y, c: e.Sqrt()(e.Add()(e.Square()(x), y)),
    ),
    "cast_same": Case(lambda x, y, c: e.Cast(F8)(x), lambda x, y, c: e.Cast(np.dtype("f4"))(x)),
    "cast_twice": Case(
        lambda x, y, c: e.Cast(F8)(e.Cast(np.dtype("i8"))(c)),
        lambda x, y, c: e.Cast(F8)(e.Cast(np.dtype("f4"))(x)),
    ),
    "permute_nothing": Case(lambda x, y, c: Permute((0, 1))(x), lambda x, y, c: Permute((1, 0))(x)),
    "permute_twice": Case(
        lambda x, y, c: Permute((1, 2, 0))(Permute((2, 0, 1))(Reshape((2, 3, 1))(x))),
        lambda x, y, c: Permute((1, 0))(x),
    ),
    "reshape_nothing": Case(lambda x, y, c: Reshape((2, 3))(x), lambda x, y, c: Reshape((3, 2))(x)),
    "reshape_twice": Case(
        lambda x, y, c: Reshape((6,))(Reshape((3, 2))(x)), lambda x, y, c: Reshape((6,))(x)
    ),
    "expand_nothing": Case(
        lambda x, y, c: Expand((2, 3), (0, 1))(x), lambda x, y, c: Expand((2, 3, 1), (0, 1))(x)
    ),
    "expand_twice": Case(
        lambda x, y, c: Expand((4, 5, 2, 3), (0, 2, 3))(cube(x)), lambda x, y, c: cube(x)
    ),
    "slice_nothing": Case(
        lambda x, y, c: Slice((0, 0), (2, 3), (1, 1))(x),
        lambda x, y, c: Slice((0, 0), (2, 2), (1, 1))(x),
    ),
    "slice_twice": Case(
        lambda x, y, c: Slice((1,), (3,), (1,))(Slice((0,), (6,), (2,))(Reshape((6,))(x))),
        lambda x, y, c: Slice((0, 1), (2, 3), (1, 1))(x),
    ),
    "reshape_repeated": Case(
        lambda x, y, c: Reshape((3, 2))(Expand((1, 2, 3), (1, 2))(x)),
        lambda x, y, c: Reshape((3, 4))(Expand((2, 2, 3), (1, 2))(x)),
    ),
    "reverse_twice": Case(
        lambda x, y, c: Reverse((1,))(Reverse((1,))(x)),
        lambda x, y, c: Reverse((1,))(Reverse((0,))(x)),
    ),
    "concat_one": Case(lambda x, y, c: Concat(0)(x), lambda x, y, c: Concat(0)(x, y)),
    "pad_nothing": Case(
        lambda x, y, c: Pad((0, 0), (0, 0), (0, 0))(x, full((), 0, F8)),
        lambda x, y, c: Pad((0, 0), (0, 1), (0, 0))(x, full((), 0, F8)),
    ),
    "sum_nothing": Case(lambda x, y, c: Sum(())(x), lambda x, y, c: Sum((0,))(x)),
    "permute_expand": Case(
        lambda x, y, c: Permute((1, 0, 2))(cube(x)), lambda x, y, c: Permute((1, 0))(x)
    ),
    "permute_full": Case(
        lambda x, y, c: e.Add()(x, Permute((1, 0))(full((3, 2), 2, F8))),
        lambda x, y, c: Permute((1, 0))(x),
    ),
    "reshape_full": Case(
        lambda x, y, c: e.Add()(x, Reshape((2, 3))(full((6,), 2, F8))),
        lambda x, y, c: Reshape((6,))(x),
    ),
    "expand_full": Case(
        lambda x, y, c: e.Add()(x, Expand((2, 3), (1,))(full((3,), 2, F8))), lambda x, y, c: cube(x)
    ),
    "slice_full": Case(
        lambda x, y, c: e.Add()(x, Slice((0, 0), (2, 3), (1, 1))(full((4, 3), 2, F8))),
        lambda x, y, c: Slice((0, 0), (1, 3), (1, 1))(x),
    ),
    "reverse_full": Case(
        lambda x, y, c: e.Add()(x, Reverse((0,))(full((2, 3), 2, F8))),
        lambda x, y, c: Reverse((0,))(x),
    ),
    **{
        f"{name}_permuted": Case(
            lambda x, y, c, op=op: op((0,))(Permute((1, 0))(x)), lambda x, y, c, op=op: op((0,))(x)
        )
        for name, op in {"sum": Sum, "prod": Prod, "max": Max, "min": Min}.items()
    },
    **{
        f"{name}_permuted": Case(
            lambda x, y, c, op=op: op((0,))(Permute((1, 0))(c)), lambda x, y, c, op=op: op((0,))(c)
        )
        for name, op in {"any": AnyOf, "all": All}.items()
    },
    "sink_add": Case(
        lambda x, y, c: e.Add()(Permute((1, 0))(x), Permute((1, 0))(y)),
        lambda x, y, c: e.Add()(Permute((1, 0))(x), Reshape((3, 2))(y)),
    ),
    "sink_where": Case(
        lambda x, y, c: e.Where()(
            Permute((1, 0))(c),
            Permute((1, 0))(x),
            Expand((3, 2), (1,))(Slice((0,), (2,), (1,))(Reshape((6,))(y))),
        ),
        lambda x, y, c: e.Where()(c, x, y),
    ),
    "repeat_last_exp": Case(lambda x, y, c: e.Exp()(cube(x)), lambda x, y, c: e.Exp()(x)),
    "repeat_last_add": Case(
        lambda x, y, c: e.Add()(cube(x), cube(y)),
        lambda x, y, c: e.Add()(
            cube(x), Expand((4, 2, 3), (0, 2))(Reshape((4, 3))(Concat(0)(y, y)))
        ),
    ),
    "fold_add": Case(
        lambda x, y, c: e.Add()(x, e.Add()(full_like(x, 1), full_like(x, 2))),
        lambda x, y, c: e.Add()(x, full_like(x, 2)),
    ),
    "fold_exp": Case(
        lambda x, y, c: e.Add()(x, e.Exp()(full_like(x, 1))), lambda x, y, c: e.Exp()(x)
    ),
}


def placed(x, low, high, fill=0.0):
    """``x`` among zeros, along its second axis."""
    return Pad((0, low), (0, high), (0, 0))(x, full((), fill, F8))


CASES |= {
    "add_pieces": Case(
        lambda x, y, c: e.Add()(placed(x, 4, 1), placed(y, 0, 5)),
        lambda x, y, c: e.Add()(placed(x, 2, 1), placed(y, 0, 3)),
    ),
    "add_further_piece": Case(
        lambda x, y, c: e.Add()(
            e.Add()(Concat(1)(x, y), placed(x, 0, 3)), placed(Reverse((1,))(y), 3, 0)
        ),
        lambda x, y, c: e.Add()(
            e.Add()(Concat(1)(x, y), placed(x, 0, 3)), placed(Reverse((1,))(y), 3, 0, 1.0)
        ),
    ),
    "pad_twice": Case(
        lambda x, y, c: Pad((1, 0), (0, 2), (0, 0))(placed(x, 1, 2, 7.0), full((), 7.0, F8)),
        lambda x, y, c: Pad((1, 0), (0, 2), (0, 0))(placed(x, 1, 2, 7.0), full((), 8.0, F8)),
    ),
    "slice_padded": Case(
        lambda x, y, c: Slice((0, 2), (2, 4), (1, 1))(placed(x, 1, 2)),
        lambda x, y, c: Slice((0, 0), (2, 3), (1, 1))(placed(x, 1, 2)),
    ),
    "slice_joined": Case(
        lambda x, y, c: Slice((0, 4), (1, 6), (1, 1))(Concat(1)(x, y)),
        lambda x, y, c: Slice((0, 2), (1, 6), (1, 1))(Concat(1)(x, y)),
    ),
    "slice_reversed": Case(
        lambda x, y, c: Slice((0, 1), (2, 3), (2, 1))(Reverse((1,))(x)),
        lambda x, y, c: Slice((0, 0), (2, 3), (1, 2))(Reverse((1,))(x)),
    ),
    "reverse_single": Case(
        lambda x, y, c: Reverse((0, 1))(Reshape((1, 6))(x)), lambda x, y, c: Reverse((0, 1))(x)
    ),
}
GENERATED = (
    "sink_",
    "repeat_last_",
    "fold_",
)  # one rule per elementwise op, made alike: a sample of them is enough


def graph(expression):
    inputs = [Var(TensorType(a.shape, a.dtype)) for a in (X, Y, C)]
    return Graph(inputs, [expression(*inputs)])


def test_every_rule_has_a_case():
    """The tables that have cases of their own are tested beside: stable, shifted and simple rules, matrices."""
    others = (
        LOGS + STABLE + SHIFTS + MATRICES + IDENTITIES + MISSING + REDUCTIONS + INDEXING + FOLDING
    )
    here = {r.name for r in CANONICAL.rules} - {r.name for r in others.rules}
    assert not [name for name in here if name not in CASES and not name.startswith(GENERATED)]
    assert not set(CASES) - here


@pytest.mark.parametrize("name", CASES)
def test_rule_fires_and_keeps_the_value(name):
    before = check(graph(CASES[name].fires))
    fired = []
    after = check(rewrite(before, CANONICAL, fired))
    assert name in {f.rule for f in fired}
    np.testing.assert_allclose(
        evaluate(after, (X, Y, C))[0], evaluate(before, (X, Y, C))[0], rtol=1e-15
    )


@pytest.mark.parametrize("name", CASES)
def test_near_miss_is_left_alone(name):
    fired = []
    rewrite(graph(CASES[name].near), CANONICAL, fired)
    assert name not in {f.rule for f in fired}


def test_every_elementwise_op_gets_its_generated_rules():
    names = {r.name for r in CANONICAL.rules}
    for op in ("tanh", "where", "cast", "logaddexp", "floordivide"):
        assert {f"sink_{op}", f"repeat_last_{op}", f"fold_{op}"} <= names


@pytest.mark.parametrize(
    ("starts", "stops"), [((0, 0), (2, 2)), ((0, 5), (1, 7)), ((1, 2), (2, 4)), ((0, 0), (2, 7))]
)
def test_a_part_of_a_padded_array_is_a_part_or_a_padded_part(starts, stops):
    """Outside, in the border, inside, all of it; and across the edge, which stays as it is."""
    before = graph(lambda x, y, c: Slice(starts, stops, (1, 1))(placed(x, 2, 2)))
    after = check(rewrite(before, CANONICAL))
    assert len([n for n in after.nodes if n.inputs]) <= 1
    np.testing.assert_array_equal(evaluate(after, (X, Y, C))[0], evaluate(before, (X, Y, C))[0])


def test_cotangents_of_many_slices_are_one_array():
    """Σ of pieces in zeros, in any order, one of them after a gap: one concatenation, and no sum."""

    def expression(x, y, c):
        parts = [
            placed(x, 3, 8),
            placed(y, 0, 11),
            placed(x, 11, 0),
            placed(Reverse((1,))(y), 6, 5),
        ]
        return e.Add()(e.Add()(e.Add()(parts[0], parts[1]), parts[2]), parts[3])

    before = graph(expression)
    after = check(rewrite(before, CANONICAL))
    assert [type(n.op).__name__ for n in after.nodes if n.inputs] == ["Reverse", "Concat"]
    np.testing.assert_array_equal(evaluate(after, (X, Y, C))[0], evaluate(before, (X, Y, C))[0])


def test_a_sum_of_transposed_products_has_no_transpose_left():
    def expression(x, y, c):
        product = e.Multiply()(Permute((1, 0))(x), Permute((1, 0))(y))
        return Sum((0, 1))(e.Add()(product, Full((3, 2), Literal(np.float64(1)))()))

    after = rewrite(graph(expression), CANONICAL)
    assert [type(n.op).__name__ for n in after.nodes].count("Permute") == 0
