"""Every rule that simplifies fires, keeps the value to the last bit, and lets a near miss alone."""

import numpy as np
import pytest

from tests.lower.cases import (
    AbstractRuleTests,
    Case,
    graph_of,
    names_fired,
)
from xgrad.axes import elementwise as e
from xgrad.axes import special as s
from xgrad.axes.constants import Constant, constant, full, full_like, iota
from xgrad.axes.cumulative import CumMax, CumMin, CumProd, CumSum
from xgrad.axes.index import Take
from xgrad.axes.interpret import evaluate
from xgrad.axes.reduce import All, Max, Min, Prod, Sum
from xgrad.axes.reduce import Any as AnyOf
from xgrad.axes.stable import LogCosh, SinhOverCosh
from xgrad.axes.structural import Concat, Expand, Pad, Permute, Reshape, Slice, pad, slice_axis
from xgrad.graph import Rules, rewrite
from xgrad.lower.canonical import CANONICAL, FAST
from xgrad.lower.rules.fast_math import FAST_MATH
from xgrad.lower.rules.folding import FOLDING, LARGEST
from xgrad.lower.rules.identities import IDENTITIES
from xgrad.lower.rules.indexing import INDEXING
from xgrad.lower.rules.missing import MISSING
from xgrad.lower.rules.reductions import REDUCTIONS
from xgrad.lower.rules.signs import SIGNS

X = np.array([[0.5, -1.5, np.nan, -0.0], [np.inf, 0.0, -2.0, -np.inf], [1.0, 3.0, -0.25, 7.0]])
Y = np.array([[2.0, -0.5, 1.0, 0.0], [3.0, -np.inf, 0.25, np.nan], [-1.0, 0.0, 2.0, 0.5]])
C = X > 0
I = np.array([2, 0, 1])  # noqa: E741
ARRAYS = (X, Y, C, I)

minus, add, sub, mul, div = e.negative, e.add, e.subtract, e.multiply, e.divide


def one(x, v=1.0):
    return full_like(x, v)


def known(*shape):
    return constant(np.arange(1.0, np.prod(shape) + 1).reshape(shape))


def repeated(x):
    """Repeated along a new first axis, and a new last one."""
    return Expand((2, 3, 4, 5), (1, 2))(x)


def column(x):
    return Reshape((3,))(slice_axis(x, 1, 0, 1))


def rows(x):
    """The first row, repeated."""
    return Expand((3, 4), (1,))(Reshape((4,))(slice_axis(x, 0, 0, 1)))


def with_sign(x):
    """With and without, so that both are computed."""
    return mul(minus(x), x)


def both_parts(x):
    """Two parts of what is computed once."""
    y = e.exp(x)
    return add(part(y), slice_axis(y, 0, 0, 2))


def single(x):
    return Reshape((1, 3, 1, 4))(x)


def part(x):
    return slice_axis(x, 0, 1, 3)


def isnan_of(op):
    return Case(lambda x, y, c, i: e.IsNan()(op()(x)), lambda x, y, c, i: e.IsNan()(e.Sqrt()(x)))


CASES = {
    **{
        f"isnan_{op.__name__.lower()}": isnan_of(op)
        for op in (
            *(e.Negative, e.Absolute, e.Square, e.Reciprocal, e.Cbrt, e.Exp, e.Exp2, e.Expm1),
            *(e.Sinh, e.Cosh, e.Tanh, SinhOverCosh, e.Arctan, e.Arcsinh),
            *(s.Expit, s.LogExpit, s.Erf, s.Erfc, s.Ndtr),
        )
    },
    "isnan_power": Case(
        lambda x, y, c, i: e.IsNan()(e.IntegerPower(-3)(x)),
        lambda x, y, c, i: e.IsNan()(e.Power()(x, y)),
    ),
    "isnan_cast": Case(
        lambda x, y, c, i: e.IsNan()(e.Cast(np.dtype("f4"))(x)),
        lambda x, y, c, i: e.IsNan()(e.Cast(np.dtype("f8"))(i)),
    ),
    "isnan_plus": Case(
        lambda x, y, c, i: e.IsNan()(add(one(x, 2.0), x)),
        lambda x, y, c, i: e.IsNan()(add(x, one(x, np.inf))),
    ),
    "isnan_less": Case(
        lambda x, y, c, i: e.IsNan()(sub(x, one(x, 1e308))),
        lambda x, y, c, i: e.IsNan()(sub(x, one(x, np.inf))),
    ),
    "isnan_less_from": Case(
        lambda x, y, c, i: e.IsNan()(sub(one(x, 2.0), x)),
        lambda x, y, c, i: e.IsNan()(sub(one(x, np.nan), x)),
    ),
    "isnan_times": Case(
        lambda x, y, c, i: e.IsNan()(mul(x, one(x, 1e308))),
        lambda x, y, c, i: e.IsNan()(mul(x, one(x, np.inf))),
    ),
    "isnan_divided": Case(
        lambda x, y, c, i: e.IsNan()(div(x, one(x, 3.0))),
        lambda x, y, c, i: e.IsNan()(div(one(x, 3.0), x)),
    ),
    "reshape_negative": Case(
        lambda x, y, c, i: Reshape((4, 3))(minus(x)), lambda x, y, c, i: Reshape((4, 3))(e.exp(x))
    ),
    "isfinite_negative": Case(
        lambda x, y, c, i: e.IsFinite()(minus(x)), lambda x, y, c, i: e.IsFinite()(e.Absolute()(x))
    ),
    "not_equal_negative": Case(
        lambda x, y, c, i: e.NotEqual()(minus(x), full_like(x, 0)),
        lambda x, y, c, i: e.NotEqual()(minus(x), full_like(x, 1)),
    ),
    **{
        f"{op.__name__.lower()}_of_negative": Case(
            lambda x, y, c, i, op=op: op()(minus(x)), lambda x, y, c, i: e.Sin()(minus(x))
        )
        for op in (e.Square, e.Absolute, e.Cos, e.Cosh, LogCosh)
    },
    "square_of_absolute": Case(
        lambda x, y, c, i: e.square(e.Absolute()(x)), lambda x, y, c, i: e.square(e.Sign()(x))
    ),
    "absolute_twice": Case(
        lambda x, y, c, i: e.Absolute()(e.Absolute()(x)),
        lambda x, y, c, i: e.Absolute()(e.Sign()(x)),
    ),
    "multiply_same": Case(lambda x, y, c, i: mul(x, x), lambda x, y, c, i: mul(c, c)),
    "sum_negative": Case(
        lambda x, y, c, i: Sum((1,))(minus(x)), lambda x, y, c, i: Prod((1,))(minus(x))
    ),
    "multiply_repeated_negative": Case(
        lambda x, y, c, i: mul(x, Expand((3, 4), (0,))(minus(Sum((1,))(y)))),
        lambda x, y, c, i: add(x, Expand((3, 4), (0,))(minus(Sum((1,))(y)))),
    ),
    "maximum_same": Case(lambda x, y, c, i: e.maximum(x, x), lambda x, y, c, i: e.maximum(x, y)),
    "minimum_same": Case(lambda x, y, c, i: e.minimum(x, x), lambda x, y, c, i: e.minimum(x, y)),
    "not_twice": Case(
        lambda x, y, c, i: e.logical_not(e.logical_not(c)),
        lambda x, y, c, i: e.logical_not(e.less(x, y)),
    ),
    "add_minus_zero": Case(
        lambda x, y, c, i: add(one(x, -0.0), x), lambda x, y, c, i: add(x, one(x, 0.0))
    ),
    "divide_negatives": Case(
        lambda x, y, c, i: div(minus(x), minus(y)), lambda x, y, c, i: mul(minus(x), minus(y))
    ),
    "divide_negative": Case(
        lambda x, y, c, i: div(minus(x), y), lambda x, y, c, i: div(e.Absolute()(x), y)
    ),
    "divide_by_negative": Case(
        lambda x, y, c, i: div(x, minus(y)), lambda x, y, c, i: div(x, e.Absolute()(y))
    ),
    # reductions
    "sum_repeated": Case(
        lambda x, y, c, i: Sum((0, 1))(repeated(x)), lambda x, y, c, i: Sum((1,))(repeated(x))
    ),
    "prod_repeated": Case(
        lambda x, y, c, i: Prod((1, 3))(repeated(x)),
        lambda x, y, c, i: Prod((0,))(Expand((100, 3, 4), (1, 2))(x)),
    ),
    **{
        f"{op.__name__.lower()}_repeated": Case(
            lambda x, y, c, i, op=op: op((0, 2))(repeated(x)),
            lambda x, y, c, i, op=op: op((0,))(Expand((0, 3, 4), (1, 2))(x)),
        )
        for op in (Max, Min)
    },
    **{
        f"{op.__name__.lower()}_repeated": Case(
            lambda x, y, c, i, op=op: op((0, 2))(repeated(c)),
            lambda x, y, c, i, op=op: op((1,))(repeated(c)),
        )
        for op in (AnyOf, All)
    },
    "sum_full": Case(
        lambda x, y, c, i: add(Sum((0,))(full((5, 3), 0.5, "f8")), column(x)),
        lambda x, y, c, i: Sum((0,))(x),
    ),
    **{
        f"{op.__name__.lower()}_full": Case(
            lambda x, y, c, i, op=op: mul(op((0,))(full((5, 3), 0.5, "f8")), column(x)),
            lambda x, y, c, i, op=op: op((0,))(x),
        )
        for op in (Max, Min)
    },
    **{
        f"{op.__name__.lower()}_full": Case(
            lambda x, y, c, i, op=op: e.logical_and(op((0,))(full((5, 3), True, bool)), column(c)),
            lambda x, y, c, i, op=op: op((0,))(c),
        )
        for op in (AnyOf, All)
    },
    **{
        f"{op.__name__.lower()}_single": Case(
            lambda x, y, c, i, op=op: op((0, 1, 2))(single(x)),
            lambda x, y, c, i, op=op: op((1, 3))(single(x)),
        )
        for op in (Sum, Prod, Max, Min)
    },
    **{
        f"{op.__name__.lower()}_single": Case(
            lambda x, y, c, i, op=op: op((0, 1, 2))(single(c)),
            lambda x, y, c, i, op=op: op((1, 3))(single(c)),
        )
        for op in (AnyOf, All)
    },
    **{
        f"{op.__name__.lower()}_single": Case(
            lambda x, y, c, i, op=op: op(2)(single(x)), lambda x, y, c, i, op=op: op(1)(x)
        )
        for op in (CumSum, CumProd, CumMax, CumMin)
    },
    # parts
    "slice_exp": Case(
        lambda x, y, c, i: part(e.exp(x)),
        lambda x, y, c, i: both_parts(x),
    ),
    "slice_where": Case(
        lambda x, y, c, i: part(e.where(c, x, y)), lambda x, y, c, i: e.where(c, x, y)
    ),
    "take_add": Case(
        lambda x, y, c, i: Take(1)(add(x, y), i),
        lambda x, y, c, i: Take(0)(add(x, y), i),
    ),
    "slice_permuted": Case(
        lambda x, y, c, i: Slice((1, 0), (4, 3), (2, 1))(Permute((1, 0))(x)),
        lambda x, y, c, i: Slice((1, 0), (3, 3), (1, 1))(x),
    ),
    "slice_expanded": Case(
        lambda x, y, c, i: Slice((1, 0, 1, 0), (2, 3, 4, 5), (1, 1, 2, 3))(repeated(x)),
        lambda x, y, c, i: Slice((1, 0), (3, 3), (1, 1))(x),
    ),
    "take_expanded": Case(
        lambda x, y, c, i: Take(0)(Expand((3, 3, 4), (1, 2))(x), i),
        lambda x, y, c, i: Take(0)(x, i),
    ),
    "concat_empty": Case(
        lambda x, y, c, i: Concat(0)(Slice((0, 0), (0, 4), (1, 1))(y), x),
        lambda x, y, c, i: Concat(0)(y, x),
    ),
    "take_twice": Case(
        lambda x, y, c, i: Take(1)(Take(1)(x, i), Slice((1,), (3,), (1,))(i)),
        lambda x, y, c, i: Take(0)(Take(1)(x, i), i),
    ),
    # known arrays
    "fold_array_add": Case(
        lambda x, y, c, i: mul(x, add(known(3, 4), known(3, 4))),
        lambda x, y, c, i: add(x, known(3, 4)),
    ),
    "fold_array_sum": Case(
        lambda x, y, c, i: mul(x, Sum((0,))(known(2, 3, 4))),
        lambda x, y, c, i: add(x, known(3, 4)),
    ),
    "fold_array_permute": Case(
        lambda x, y, c, i: mul(x, Permute((1, 0))(known(4, 3))),
        lambda x, y, c, i: add(x, known(3, 4)),
    ),
    "fold_array_concat": Case(
        lambda x, y, c, i: mul(x, Concat(0)(known(1, 4), known(2, 4))),
        lambda x, y, c, i: Concat(0)(known(1, 4), x),
    ),
}

FAST_CASES = {
    "multiply_zero": Case(
        lambda x, y, c, i: add(y, mul(one(x, 0.0), x)), lambda x, y, c, i: mul(x, one(x, 2.0))
    ),
    "add_zero": Case(
        lambda x, y, c, i: add(x, one(x, 0.0)), lambda x, y, c, i: add(x, one(x, 1.0))
    ),
    "subtract_same": Case(lambda x, y, c, i: add(y, sub(x, x)), lambda x, y, c, i: sub(x, y)),
    "divide_same": Case(lambda x, y, c, i: mul(y, div(x, x)), lambda x, y, c, i: div(x, y)),
    "negative_of_subtract": Case(
        lambda x, y, c, i: minus(sub(x, y)), lambda x, y, c, i: minus(add(x, y))
    ),
    "negative_subtract": Case(
        lambda x, y, c, i: sub(minus(x), y), lambda x, y, c, i: sub(x, minus(y))
    ),
    "reciprocal_twice": Case(
        lambda x, y, c, i: e.reciprocal(e.reciprocal(x)),
        lambda x, y, c, i: e.reciprocal(e.exp(x)),
    ),
    "reciprocal_divide": Case(
        lambda x, y, c, i: e.reciprocal(div(x, y)), lambda x, y, c, i: e.reciprocal(mul(x, y))
    ),
    "divide_constant": Case(
        lambda x, y, c, i: div(x, one(x, 3.0)), lambda x, y, c, i: div(x, one(x, 0.0))
    ),
    "add_constants": Case(
        lambda x, y, c, i: add(one(x, 2.0), add(x, one(x, 3.0))),
        lambda x, y, c, i: add(y, add(x, one(x, 3.0))),
    ),
    "multiply_constants": Case(
        lambda x, y, c, i: mul(one(x, 0.7), mul(one(x, 3.0), x)),
        lambda x, y, c, i: mul(one(x, 0.7), mul(y, x)),
    ),
    "multiply_exps": Case(
        lambda x, y, c, i: mul(e.exp(x), e.exp(y)), lambda x, y, c, i: mul(e.exp(x), y)
    ),
    "exp_log": Case(
        lambda x, y, c, i: e.exp(e.log(e.Absolute()(x))), lambda x, y, c, i: e.exp(e.log1p(x))
    ),
    "square_sqrt": Case(
        lambda x, y, c, i: e.square(e.sqrt(e.Absolute()(x))), lambda x, y, c, i: e.square(e.exp(x))
    ),
    "add_common_factor": Case(
        lambda x, y, c, i: add(mul(e.exp(y), x), mul(x, y)),
        lambda x, y, c, i: add(mul(e.exp(x), x), mul(y, y)),
    ),
    "subtract_common_factor": Case(
        lambda x, y, c, i: sub(mul(e.exp(y), x), mul(x, y)),
        lambda x, y, c, i: sub(mul(e.exp(x), x), mul(y, y)),
    ),
    "sum_of_scaled": Case(
        lambda x, y, c, i: Sum((0,))(mul(Expand((3, 4), (1,))(Sum((0,))(x)), y)),
        lambda x, y, c, i: Sum((0, 1))(mul(Expand((3, 4), (1,))(Sum((0,))(x)), y)),
    ),
    "sum_of_multiple": Case(
        lambda x, y, c, i: Sum((0,))(mul(x, one(x, 3.0))), lambda x, y, c, i: Sum((0,))(mul(x, y))
    ),
}
SIGN_CASES = {
    "add_negative_padded": Case(
        lambda x, y, c, i: add(pad(minus(x), (1, 0), (0, 2)), pad(y, (0, 2), (1, 0))),
        lambda x, y, c, i: add(
            Pad((1, 0), (0, 2), (0, 0))(minus(x), full((), 1.0, "f8")), pad(y, (0, 2), (1, 0))
        ),
    ),
    "negative_repeated_factor": Case(
        lambda x, y, c, i: minus(mul(x, rows(y))), lambda x, y, c, i: minus(mul(x, y))
    ),
    "negative_repeated_dividend": Case(
        lambda x, y, c, i: minus(div(rows(y), x)),
        lambda x, y, c, i: with_sign(div(rows(y), x)),
    ),
    "negative_repeated_divisor": Case(
        lambda x, y, c, i: minus(div(x, rows(y))), lambda x, y, c, i: div(minus(x), rows(y))
    ),
}
GENERATED = ("slice_", "take_", "fold_array_")  # one rule for each op, made alike: some of them
FINITE = (np.abs(np.nan_to_num(X, posinf=5, neginf=-5)) + 0.5, np.nan_to_num(Y, neginf=-1) + 0.1)

TABLES = IDENTITIES + MISSING + REDUCTIONS + INDEXING + FOLDING


class TestRules(AbstractRuleTests):
    table = Rules(*[r for r in TABLES.rules if not r.name.startswith(GENERATED) or r.name in CASES])
    cases, arrays, rules, rtol = CASES, ARRAYS, CANONICAL, 4e-16


def test_what_is_there_anyway_is_asked_whether_it_is_missing():
    """Once for the sum, and once for the question: no more than one exponential."""

    def skipping(x, y, c, i):
        power = e.exp(x)
        return Sum((0, 1))(e.where(e.IsNan()(power), one(x, 0.0), power))

    assert "isnan_exp" not in names_fired(skipping, ARRAYS, CANONICAL)


class TestFastRules(AbstractRuleTests):
    table, cases, arrays, rules, rtol = FAST_MATH, FAST_CASES, (*FINITE, C, I), FAST, 1e-13

    def test_rule_is_off_by_default(self, name):
        assert name not in names_fired(self.cases[name].fires, ARRAYS, CANONICAL)


class TestSigns(AbstractRuleTests):
    table = rules = SIGNS
    cases, arrays, rtol = SIGN_CASES, ARRAYS, 0


def test_signs_of_zeros_are_kept():
    for name in ("add_minus_zero", "divide_negative", "divide_negatives", "square_of_absolute"):
        before = graph_of(CASES[name].fires, ARRAYS)
        after = rewrite(before, CANONICAL)
        old, new = evaluate(before, ARRAYS)[0], evaluate(after, ARRAYS)[0]
        np.testing.assert_array_equal(np.signbit(old)[old == 0], np.signbit(new)[old == 0])


def test_large_known_arrays_are_not_computed_in_advance():
    shape = (LARGEST + 1,)
    big = Constant(known(*shape).op.value)()
    assert names_fired(lambda: e.exp(big), (), CANONICAL) == set()


def test_positions_are_not_computed_in_advance():
    assert names_fired(lambda: e.negative(iota((3,), 0)), (), CANONICAL) == set()


@pytest.mark.parametrize("dtype", ["i1", "u1", "f2", "f4"])
@pytest.mark.parametrize("n", [3, 300, 70_001])
def test_sums_of_repeats_in_narrow_dtypes(dtype, n):
    x = np.array([1, 2, 0]).astype(dtype)
    repeated = graph_of(lambda x: Sum((0,))(Expand((n, 3), (1,))(x)), (x,))
    constant = graph_of(lambda x: mul(x, Sum((0,))(full((n, 3), 2, dtype))), (x,))
    for before in (repeated, constant):
        old, new = evaluate(before, (x,))[0], evaluate(rewrite(before, CANONICAL), (x,))[0]
        if dtype in ("i1", "u1") or n == 3:
            np.testing.assert_array_equal(new, old)
        else:
            np.testing.assert_allclose(new, old, rtol=2e-3)
