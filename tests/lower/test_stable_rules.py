"""Every rule that stabilises fires, keeps the value (NaN and infinities included), and lets a near miss alone."""

import numpy as np
import pytest

from tests.lower.cases import (
    AbstractRuleTests,
    Case,
    assert_fires_and_keeps_the_value,
    names_fired,
)
from xgrad.axes import elementwise as e
from xgrad.axes import special as s
from xgrad.axes.constants import full_like
from xgrad.axes.contract import Einsum
from xgrad.axes.gammas import Gamma
from xgrad.axes.reduce import Prod, Sum
from xgrad.axes.softmax import LogSoftmax, Softmax
from xgrad.axes.spread import expand
from xgrad.axes.structural import Permute
from xgrad.lower.canonical import CANONICAL
from xgrad.lower.rules.logs import LOGS
from xgrad.lower.rules.stabilise import STABLE

INF, NAN = np.inf, np.nan
SPECIAL = np.array([NAN, INF, -INF, 0.0, -0.7, 0.3, 1.0, 2.5])
X, Y = [np.ascontiguousarray(a) for a in np.meshgrid(SPECIAL, SPECIAL, indexing="ij")]
Z = np.array(  # rows to be reduced
    [
        [0.3, -1.2, 2.0],
        [-INF, 0.5, 1.0],
        [-INF, -INF, -INF],
        [INF, 0.0, 1.0],
        [NAN, 0.0, 1.0],
        [-2.0, 3.0, -0.5],
        [0.0, 2.0, 3.0],
        [-1.0, 0.0, -2.0],
    ]
)
W = np.array([0.5, 2.0, 1.5]) * np.linspace(0.5, 2, 8)[:, None]
W[0], W[5] = [0.0, 0.0, 2.0], [-1.0, 3.0, 0.5]
ARRAYS = (X, Y, Z, W)


def one(x, v=1.0):
    return full_like(x, v)


def minus(x):
    return e.Negative()(x)


def row_sum(x):
    return Sum((1,))(x)


def spread_sum(x):
    return expand(row_sum(x), (8, 3), (0,))


def skipping(x):
    return e.Where()(e.IsNan()(x), one(x, 0.0), x)


def mean(x, n=3.0):
    total = row_sum(x)
    return e.Divide()(total, one(total, n))


def lgamma(x):
    return s.Gammaln()(x)


def complex_of(x):
    return e.Cast(np.dtype("c16"))(x)


exp, log, add, sub, mul, div = e.exp, e.log, e.add, e.subtract, e.multiply, e.divide

CASES = {
    "expm1": Case(
        lambda x, y, z, w: sub(exp(x), one(x)), lambda x, y, z, w: sub(exp(x), one(x, 2))
    ),
    "expm1_plus": Case(
        lambda x, y, z, w: add(one(x, -1), exp(x)), lambda x, y, z, w: add(exp(x), one(x, -2))
    ),
    "one_minus_exp": Case(
        lambda x, y, z, w: sub(one(x), exp(x)), lambda x, y, z, w: sub(one(x, 3), exp(x))
    ),
    "one_minus_erf": Case(
        lambda x, y, z, w: sub(one(x), s.Erf()(x)), lambda x, y, z, w: sub(y, s.Erf()(x))
    ),
    "one_minus_erfc": Case(
        lambda x, y, z, w: sub(one(x), s.Erfc()(x)), lambda x, y, z, w: sub(one(x, 2), s.Erfc()(x))
    ),
    "one_plus_erf": Case(
        lambda x, y, z, w: add(one(x), s.Erf()(x)), lambda x, y, z, w: add(s.Erf()(x), one(x, 2))
    ),
    "one_minus_ndtr": Case(
        lambda x, y, z, w: sub(one(x), s.Ndtr()(x)), lambda x, y, z, w: sub(s.Ndtr()(x), one(x))
    ),
    "one_minus_expit": Case(
        lambda x, y, z, w: sub(one(x), s.Expit()(x)), lambda x, y, z, w: sub(s.Expit()(x), one(x))
    ),
    "one_minus_cos": Case(
        lambda x, y, z, w: sub(one(x), e.Cos()(x)), lambda x, y, z, w: sub(one(x), e.Sin()(x))
    ),
    "erfcx": Case(
        lambda x, y, z, w: mul(s.Erfc()(x), exp(e.square(x))),
        lambda x, y, z, w: mul(s.Erfc()(x), exp(e.square(y))),
        mends=True,
    ),
    "expit": Case(
        lambda x, y, z, w: div(exp(x), add(one(x), exp(x))),
        lambda x, y, z, w: div(exp(x), add(one(x, 2), exp(x))),
        mends=True,
    ),
    "logistic": Case(
        lambda x, y, z, w: div(y, add(one(x), exp(x))),
        lambda x, y, z, w: div(y, add(one(x, 2), exp(x))),
    ),
    "reciprocal_logistic": Case(
        lambda x, y, z, w: e.reciprocal(add(exp(minus(x)), one(x))),
        lambda x, y, z, w: e.reciprocal(add(exp(minus(x)), one(x, 2))),
    ),
    "softmax": Case(
        lambda x, y, z, w: div(exp(z), spread_sum(exp(z))),
        lambda x, y, z, w: div(exp(z), spread_sum(exp(w))),
    ),
    "exp_log_softmax": Case(
        lambda x, y, z, w: exp(LogSoftmax((1,))(z)),
        lambda x, y, z, w: e.Expm1()(LogSoftmax((1,))(z)),
    ),
    "x_log_x": Case(
        lambda x, y, z, w: mul(log(x), x), lambda x, y, z, w: mul(y, log(x)), mends=True
    ),
    "hypot": Case(
        lambda x, y, z, w: e.Sqrt()(add(e.square(x), e.square(y))),
        lambda x, y, z, w: e.Sqrt()(add(add(e.square(x), e.square(y)), e.square(x))),
    ),
    "variance": Case(
        lambda x, y, z, w: sub(mean(e.square(z)), e.square(mean(z))),
        lambda x, y, z, w: sub(mean(e.square(z), 2), e.square(mean(z, 2))),
    ),
    "sinh": Case(
        lambda x, y, z, w: sub(exp(x), exp(minus(x))), lambda x, y, z, w: sub(exp(x), exp(minus(y)))
    ),
    "cosh": Case(
        lambda x, y, z, w: add(exp(minus(x)), exp(x)), lambda x, y, z, w: add(exp(x), exp(minus(y)))
    ),
    "tanh": Case(
        lambda x, y, z, w: div(e.Sinh()(x), e.Cosh()(x)),
        lambda x, y, z, w: div(e.Sinh()(x), e.Cosh()(y)),
        mends=True,
    ),
    "coth": Case(
        lambda x, y, z, w: div(e.Cosh()(x), e.Sinh()(x)),
        lambda x, y, z, w: div(e.Cosh()(x), e.Sinh()(y)),
        mends=True,
    ),
    "tanh_scaled": Case(
        lambda x, y, z, w: div(sub(exp(x), exp(minus(x))), add(exp(x), exp(minus(x)))),
        lambda x, y, z, w: div(sub(exp(x), exp(minus(x))), add(exp(y), exp(minus(y)))),
        mends=True,
    ),
    "tanh_of_expm1": Case(
        lambda x, y, z, w: div(sub(exp(x), one(x)), add(exp(x), one(x))),
        lambda x, y, z, w: div(sub(exp(x), one(x)), add(exp(x), one(x, 2))),
        mends=True,
    ),
    "gammaln_difference": Case(
        lambda x, y, z, w: sub(lgamma(add(y, x)), lgamma(x)),
        lambda x, y, z, w: sub(lgamma(mul(y, x)), lgamma(x)),
    ),
    "gammaln_difference_below": Case(
        lambda x, y, z, w: sub(lgamma(x), lgamma(add(x, y))),
        lambda x, y, z, w: sub(lgamma(x), lgamma(mul(x, y))),
    ),
    "gammaln_difference_scaled": Case(
        lambda x, y, z, w: sub(lgamma(mul(one(x, 0.5), add(x, y))), lgamma(mul(x, one(x, 0.5)))),
        lambda x, y, z, w: sub(lgamma(mul(one(x, 0.5), add(x, y))), lgamma(mul(x, one(x, 0.25)))),
    ),
    "gammaln_difference_divided": Case(
        lambda x, y, z, w: sub(lgamma(div(add(x, one(x)), one(x, 2))), lgamma(div(x, one(x, 2)))),
        lambda x, y, z, w: sub(lgamma(div(add(x, one(x)), one(x, 2))), lgamma(div(y, one(x, 2)))),
    ),
    "betaln": Case(
        lambda x, y, z, w: sub(add(lgamma(x), lgamma(y)), lgamma(add(x, y))),
        lambda x, y, z, w: sub(add(lgamma(x), lgamma(y)), lgamma(mul(x, y))),
    ),
    "betaln_joined": Case(
        lambda x, y, z, w: add(lgamma(x), sub(lgamma(y), lgamma(add(x, y)))),
        lambda x, y, z, w: add(y, sub(lgamma(y), lgamma(add(x, y)))),
    ),
    "log_exp": Case(lambda x, y, z, w: log(exp(x)), lambda x, y, z, w: log(exp(complex_of(x)))),
    "logsumexp": Case(
        lambda x, y, z, w: log(row_sum(exp(z))), lambda x, y, z, w: log(row_sum(e.Expm1()(z)))
    ),
    "logsumexp_dot": Case(
        lambda x, y, z, w: log(Einsum(((0, 1), (0, 1)), (0,))(w, exp(z))),
        lambda x, y, z, w: log(Einsum(((0, 1), (2, 1)), (0, 2))(exp(z), w)),
    ),
    "logaddexp": Case(
        lambda x, y, z, w: log(add(exp(x), exp(y))),
        lambda x, y, z, w: log(add(exp(x), y)),
    ),
    "log1p": Case(
        lambda x, y, z, w: log(add(one(x), x)), lambda x, y, z, w: log(add(one(x, 2), x))
    ),
    "log1p_minus": Case(
        lambda x, y, z, w: log(sub(one(x), x)), lambda x, y, z, w: log(sub(x, one(x)))
    ),
    "log1p_exp": Case(lambda x, y, z, w: e.log1p(exp(x)), lambda x, y, z, w: e.log1p(e.Exp2()(x))),
    "log_minus_expm1": Case(
        lambda x, y, z, w: log(sub(one(x), exp(x))), lambda x, y, z, w: log(e.Expm1()(x))
    ),
    "log1p_minus_exp": Case(
        lambda x, y, z, w: e.log1p(minus(exp(x))), lambda x, y, z, w: e.log1p(minus(e.Exp2()(x)))
    ),
    "log_expit": Case(
        lambda x, y, z, w: log(div(one(x), add(one(x), exp(minus(x))))),
        lambda x, y, z, w: log(e.Tanh()(x)),
    ),
    "log1p_minus_expit": Case(
        lambda x, y, z, w: e.log1p(minus(s.Expit()(x))), lambda x, y, z, w: e.log1p(s.Expit()(x))
    ),
    "log_half_erfc": Case(
        lambda x, y, z, w: log(mul(one(x, 0.5), s.Erfc()(x))),
        lambda x, y, z, w: log(mul(one(x, 0.25), s.Erfc()(x))),
    ),
    "log_erfc_by_two": Case(
        lambda x, y, z, w: log(div(s.Erfc()(x), one(x, 2))),
        lambda x, y, z, w: log(div(s.Erfc()(x), one(x, 4))),
    ),
    "log_erfc": Case(lambda x, y, z, w: log(s.Erfc()(x)), lambda x, y, z, w: log(s.Erf()(x))),
    "log1p_minus_erf": Case(
        lambda x, y, z, w: e.log1p(minus(s.Erf()(x))), lambda x, y, z, w: e.log1p(s.Erf()(x))
    ),
    "log_ndtr": Case(lambda x, y, z, w: log(s.Ndtr()(x)), lambda x, y, z, w: log(s.Ndtri()(x))),
    "log_cosh": Case(lambda x, y, z, w: log(e.Cosh()(x)), lambda x, y, z, w: log(e.Sinh()(x))),
    "log_gamma": Case(lambda x, y, z, w: log(Gamma()(x)), lambda x, y, z, w: log(lgamma(x))),
    "log_product": Case(
        lambda x, y, z, w: log(mul(exp(x), e.Absolute()(y))),
        lambda x, y, z, w: log(mul(e.Sqrt()(x), y)),
    ),
    "log_quotient": Case(
        lambda x, y, z, w: log(div(e.Absolute()(y), exp(x))),
        lambda x, y, z, w: log(div(y, e.Sqrt()(x))),
    ),
    "log_square": Case(
        lambda x, y, z, w: log(e.square(x)), lambda x, y, z, w: log(e.square(complex_of(x)))
    ),
    "log_power": Case(
        lambda x, y, z, w: log(e.IntegerPower(3)(x)), lambda x, y, z, w: log(e.Power()(x, y))
    ),
    "log_sqrt": Case(lambda x, y, z, w: log(e.Sqrt()(x)), lambda x, y, z, w: log(e.Cbrt()(x))),
    "log_prod": Case(
        lambda x, y, z, w: log(Prod((1,))(z)), lambda x, y, z, w: log(Prod((1,))(complex_of(z)))
    ),
    "log_softmax_of": Case(
        lambda x, y, z, w: log(Softmax((1,))(z)), lambda x, y, z, w: e.log1p(Softmax((1,))(z))
    ),
    "log_missing": Case(
        lambda x, y, z, w: log(div(exp(z), spread_sum(skipping(exp(z))))),
        lambda x, y, z, w: log(e.Where()(e.IsNan()(z), w, Softmax((1,))(z))),
    ),
    "log_softmax": Case(
        lambda x, y, z, w: sub(z, expand(log(row_sum(exp(z))), (8, 3), (0,))),
        lambda x, y, z, w: sub(z, expand(log(row_sum(exp(w))), (8, 3), (0,))),
    ),
    "log_softmax_skipping": Case(
        lambda x, y, z, w: sub(z, expand(log(row_sum(skipping(exp(z)))), (8, 3), (0,))),
        lambda x, y, z, w: sub(w, expand(log(row_sum(skipping(exp(z)))), (8, 3), (0,))),
    ),
}


class TestRules(AbstractRuleTests):
    table, cases, arrays, rules = STABLE + LOGS, CASES, ARRAYS, CANONICAL


# Further spellings of one rule: what they become, and that they keep the value.
SPELLINGS = {
    "sum of weighted exponentials": (lambda x, y, z, w: log(row_sum(mul(w, exp(z)))), "logsumexp"),
    "constant weight": (lambda x, y, z, w: log(row_sum(mul(one(z, 0.3), exp(z)))), "logsumexp"),
    "weights divided": (lambda x, y, z, w: log(row_sum(div(exp(z), w))), "logsumexp"),
    "skipping what is missing": (lambda x, y, z, w: log(row_sum(skipping(exp(z)))), "logsumexp"),
    "a mean": (lambda x, y, z, w: log(mean(exp(z))), "log_quotient"),
    "of a transpose": (
        lambda x, y, z, w: log(Sum((0,))(exp(Permute((1, 0))(z)))),
        "logsumexp",
    ),
    "over all": (lambda x, y, z, w: log(Sum((0, 1))(exp(e.Minimum()(w, w)))), "logsumexp"),
    "two exponentials": (lambda x, y, z, w: log(row_sum(mul(exp(w), exp(z)))), "logsumexp"),
    "a dot of two exponentials": (
        lambda x, y, z, w: log(Einsum(((0, 1), (0, 1)), (0,))(exp(w), exp(z))),
        "logsumexp_dot",
    ),
    "weights along the sum": (
        lambda x, y, z, w: log(Einsum(((0, 1), (1,)), (0,))(exp(z), Sum((0,))(e.square(w)))),
        "logsumexp_dot",
    ),
    "two weighted": (
        lambda x, y, z, w: log(add(mul(one(x, 0.3), exp(x)), mul(exp(y), one(x, 0.7)))),
        "logaddexp",
    ),
    "a constant and an exponential": (
        lambda x, y, z, w: log(add(one(x, 0.3), exp(x))),
        "logaddexp",
    ),
    "softplus": (lambda x, y, z, w: log(add(one(x), exp(x))), "logaddexp"),
    "weighted softmax": (
        lambda x, y, z, w: div(mul(w, exp(z)), spread_sum(mul(w, exp(z)))),
        "softmax",
    ),
    "skipping softmax": (
        lambda x, y, z, w: div(exp(z), spread_sum(skipping(exp(z)))),
        "softmax",
    ),
    "a logistic density": (
        lambda x, y, z, w: log(mul(s.Expit()(x), sub(one(x), s.Expit()(x)))),
        "log_product",
    ),
    "half of one plus erf": (
        lambda x, y, z, w: log(mul(add(s.Erf()(x), one(x)), one(x, 0.5))),
        "log_half_erfc",
    ),
    "skipping variance": (
        lambda x, y, z, w: sub(
            div(row_sum(skipping(e.square(z))), _present(e.square(z))),
            e.square(div(row_sum(skipping(z)), _present(z))),
        ),
        "variance",
    ),
    "mean times mean": (
        lambda x, y, z, w: sub(mean(mul(z, z)), mul(mean(z), mean(z))),
        "variance",
    ),
}


def _present(x):
    return row_sum(e.Cast(np.dtype("f8"))(e.Invert()(e.IsNan()(x))))


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_spelling_is_recognised(spelling):
    expression, name = SPELLINGS[spelling]
    case = Case(expression, expression, mends=True)
    assert_fires_and_keeps_the_value(name, case, ARRAYS, CANONICAL, rtol=1e-11)


NEAR = {
    "a negative constant": lambda x, y, z, w: log(add(one(x, -0.3), exp(x))),
    "a sum of something else": lambda x, y, z, w: log(row_sum(z)),
    "another axis": lambda x, y, z, w: div(exp(z), expand(Sum((0,))(exp(z)), (8, 3), (1,))),
    "the softmax of other values": lambda x, y, z, w: div(exp(w), spread_sum(skipping(exp(z)))),
    "another count": lambda x, y, z, w: sub(
        div(row_sum(e.square(z)), _present(z)), e.square(div(row_sum(z), _present(z)))
    ),
}


def test_near_misses_of_several_rules():
    stable = {r.name for r in (STABLE + LOGS).rules} - {"softmax"}
    for what, expression in NEAR.items():
        assert not names_fired(expression, ARRAYS, CANONICAL) & stable, what


def test_an_empty_sum():
    x = np.zeros((2, 0))
    assert_fires_and_keeps_the_value(
        "logsumexp", Case(lambda x: log(row_sum(exp(x))), log), (x,), CANONICAL
    )


def test_a_long_product_is_read_only_so_far():
    def expression(x):
        value = exp(x)
        for _ in range(2000):
            value = mul(value, x)
        return log(row_sum(value))

    assert "logsumexp" not in names_fired(expression, (Z,), CANONICAL)
