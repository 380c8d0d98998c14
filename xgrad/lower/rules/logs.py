"""Logarithms of what overflows, underflows or cancels before the logarithm is taken.

Why it ends: each rule replaces a logarithm by an op that is none, or by logarithms of what it was taken of: factors,
bases, terms, each of fewer nodes.

The logarithm of a product of an exponential and a negative number is NaN, also where the exponential underflows to 0,
of which the formula as written has -∞.
"""

from typing import Any

import numpy as np

from xgrad.axes.constants import Full, full_like, scalar_value
from xgrad.axes.contract import Einsum
from xgrad.axes.elementwise import (
    Absolute,
    Add,
    Cosh,
    Divide,
    Exp,
    Expit,
    Expm1,
    IntegerPower,
    IsNan,
    Less,
    Log,
    Log1p,
    Logaddexp,
    Multiply,
    Negative,
    Sign,
    Sqrt,
    Square,
    Subtract,
    Where,
)
from xgrad.axes.gammas import Gamma, Loggamma
from xgrad.axes.literal import Literal
from xgrad.axes.reduce import Prod, Sum
from xgrad.axes.softmax import LogSoftmax, Logsumexp, Softmax, WeightedLogsumexp
from xgrad.axes.special import Erf, Erfc, LogExpit, LogNdtr, Ndtr
from xgrad.axes.stable import Log1mexp, LogCosh, LogErfc
from xgrad.axes.structural import Expand
from xgrad.graph import DECLINE, Rules, Var, rule
from xgrad.lower.rules.exponentials import as_sum, factors, is_real, positive_exponent
from xgrad.lower.rules.missing import says_where_missing
from xgrad.lower.rules.patterns import A, B, N, P, S, V, X, Y, a_full, is_number


def _real(make: Any) -> Any:
    """``make`` on real floats alone: the logarithm of a complex number has branches."""
    return lambda out, x: make(x) if is_real(out) else DECLINE


def _log1p(out: Var, x: Var, v: Literal) -> Any:
    return Log1p()(x) if is_real(out) and is_number(v, 1) else DECLINE


def _log1p_minus(out: Var, x: Var, v: Literal) -> Any:
    return Log1p()(Negative()(x)) if is_real(out) and is_number(v, 1) else DECLINE


def _softplus(x: Var) -> Var:
    return Logaddexp()(full_like(x, 0), x)


def _half_log(x: Var) -> Var:
    return Multiply()(Log()(x), full_like(x, 0.5))


def _logsumexp(out: Var) -> Any:
    """The sum of w e^x: without weights, with one constant positive weight, or with an array of any."""
    found = as_sum(out.inputs[0])
    if found is None or not is_real(out):
        return DECLINE
    x, weight = found.terms
    if weight is None:
        return Logsumexp(found.axes)(x)
    value = scalar_value(weight)
    if value is not None and 0 < value < np.inf:
        return Add()(Logsumexp(found.axes)(x), full_like(out, np.log(value)))
    return WeightedLogsumexp(found.axes)(x, weight)


def _log_factors(out: Var) -> Any:
    """log(a b / c) = log a + log b - log c for the factors that are positive, and have a stable logarithm."""
    found = factors(out.inputs[0]) if is_real(out) else None
    if found is None:
        return DECLINE
    up, down = [Log()(v) for v in found.above], [Log()(v) for v in found.below]
    total = up.pop(0) if up else Negative()(down.pop(0))
    for v in up:
        total = Add()(total, v)
    for v in down:
        total = Subtract()(total, v)
    return total


def _logaddexp(out: Var, a: Var, b: Var) -> Any:
    one, other = positive_exponent(a), positive_exponent(b)
    if one is None or other is None or (isinstance(a.op, Full) and isinstance(b.op, Full)):
        return DECLINE
    return Logaddexp()(one, other)


def _log_power(out: Var, x: Var, n: int) -> Any:
    """log x^n = n log x for odd n, n log |x| for even n."""
    if not is_real(out) or n == 0:
        return DECLINE
    base = x if n % 2 else Absolute()(x)
    return Multiply()(Log()(base), full_like(x, n))


def _log_prod(out: Var, x: Var, a: tuple[int, ...]) -> Any:
    """log Π x = Σ log |x|, and NaN where an odd number of factors is negative."""
    if not is_real(out):
        return DECLINE
    total = Sum(a)(Log()(Absolute()(x)))
    negative = Less()(Prod(a)(Sign()(x)), full_like(out, 0))
    return Where()(negative, full_like(out, np.nan), total)


def _log_half(half: float) -> Any:
    """log(erfc(x) / 2) = log_ndtr(-√2 x), the constant being ``half``."""

    def make(out: Var, x: Var, v: Literal) -> Any:
        if not is_real(out) or not is_number(v, half):
            return DECLINE
        return LogNdtr()(Multiply()(x, full_like(x, -np.sqrt(2))))

    return make


def _log_softmax(out: Var, x: Var, s: tuple, p: tuple, a: tuple) -> Any:
    """x - log Σ e^x, the sum spread over the axes that it was taken along."""
    along = tuple([k for k in range(len(s)) if k not in p])
    return LogSoftmax(a)(x) if a == along else DECLINE


def _log_softmax_skipping(x: Var, y: Var, v: Any, s: tuple, p: tuple, a: tuple) -> Any:
    """The same where the sum skips what is missing, which stays missing in the result."""
    along = tuple([k for k in range(len(s)) if k not in p])
    missing = IsNan()(y)
    if a != along or v.value != -np.inf or not says_where_missing(missing, x):
        return DECLINE
    filled = Where()(missing, full_like(x, -np.inf), x)
    return Where()(missing, full_like(x, np.nan), LogSoftmax(a)(filled))


def _log_missing(out: Var, x: Var, y: Var, a: tuple, v: Literal) -> Any:
    if not np.isnan(v.value):
        return DECLINE
    return Where()(IsNan()(x), full_like(out, v.value), LogSoftmax(a)(y))


LOGS = Rules(
    rule("log_exp", Log()(Exp()(X)), _real(lambda x: x)),  # log e^x = x
    rule("logsumexp", Log()(Sum(A)(X)), _logsumexp),  # log Σ w e^x = m + log Σ w e^(x - m)
    rule("logsumexp_dot", Log()(Einsum(P, S)(X, Y)), _logsumexp),  # the same of a dot product
    rule("logaddexp", Log()(Add()(A, B)), _logaddexp),  # log(e^a + e^b) = a + log1p(e^(b - a))
    rule("log1p", Log()(Add()(X, a_full())), _log1p),  # log(x + 1) = log1p(x)
    rule("log1p_minus", Log()(Subtract()(a_full(), X)), _log1p_minus),  # log(1 - x) = log1p(-x)
    rule("log1p_exp", Log1p()(Exp()(X)), _real(_softplus)),  # log1p(e^x) = log(e^0 + e^x)
    rule("log_minus_expm1", Log()(Negative()(Expm1()(X))), _real(Log1mexp())),  # log(1 - e^x)
    rule("log1p_minus_exp", Log1p()(Negative()(Exp()(X))), _real(Log1mexp())),  # the same
    rule("log_expit", Log()(Expit()(X)), _real(LogExpit())),  # log(1 / (1 + e^-x))
    rule(  # log(1 - expit(x)) = log_expit(-x)
        "log1p_minus_expit",
        Log1p()(Negative()(Expit()(X))),
        _real(lambda x: LogExpit()(Negative()(x))),
    ),
    rule("log_half_erfc", Log()(Multiply()(Erfc()(X), a_full())), _log_half(0.5)),  # log(erfc(x)/2)
    rule("log_erfc_by_two", Log()(Divide()(Erfc()(X), a_full())), _log_half(2)),  # the same
    rule("log_erfc", Log()(Erfc()(X)), _real(LogErfc())),  # log erfc(x) = log erfcx(x) - x²
    rule("log1p_minus_erf", Log1p()(Negative()(Erf()(X))), _real(LogErfc())),  # log(1 - erf(x))
    rule("log_ndtr", Log()(Ndtr()(X)), _real(LogNdtr())),  # log Φ(x)
    rule("log_cosh", Log()(Cosh()(X)), _real(LogCosh())),  # log cosh(x) = |x| - log 2 + …
    rule("log_gamma", Log()(Gamma()(X)), _real(Loggamma())),  # log Γ(x), NaN where Γ is negative
    rule("log_product", Log()(Multiply()(X, Y)), _log_factors),  # log(e^x y) = x + log y
    rule("log_quotient", Log()(Divide()(X, Y)), _log_factors),  # log(e^x / y) = x - log y
    rule("log_square", Log()(Square()(X)), lambda out, x: _log_power(out, x, 2)),  # 2 log|x|
    rule(
        "log_power", Log()(IntegerPower(N)(X)), lambda out, x, n: _log_power(out, x, n)
    ),  # n log x
    rule("log_sqrt", Log()(Sqrt()(X)), _real(_half_log)),  # log √x = log(x) / 2
    rule("log_prod", Log()(Prod(A)(X)), _log_prod),  # log Π x = Σ log|x|, NaN where Π x < 0
    rule("log_softmax_of", Log()(Softmax(A, B)(X)), lambda x, a: LogSoftmax(a)(x)),  # log softmax x
    rule(  # what is missing is missing from the logarithm too
        "log_missing",
        Log()(Where()(IsNan()(X), a_full(), Softmax(A, B)(Y))),
        _log_missing,
    ),
    rule(  # x - log Σ e^x = log softmax x
        "log_softmax", Subtract()(X, Expand(S, P)(Logsumexp(A)(X))), _log_softmax
    ),
    rule(  # the same, skipping what is missing
        "log_softmax_skipping",
        Subtract()(X, Expand(S, P)(Logsumexp(A)(Where()(IsNan()(Y), a_full(V, N), X)))),
        _log_softmax_skipping,
    ),
)
