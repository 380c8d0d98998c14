"""Differences, quotients and products that cancel or overflow, as functions that do not.

Why it ends: each rule puts an op that no rule of this table starts from in place of one that a rule starts from. A
value changes only where the formula as written has few digits, overflows on the way, or is 0/0 or 0 * inf.
"""

import math
from typing import Any

import numpy as np

from xgrad.axes.arithmetic import maximum, minimum
from xgrad.axes.constants import Full, full_like, scalar_value
from xgrad.axes.elementwise import (
    Add,
    Cast,
    Cos,
    Cosh,
    Divide,
    Exp,
    Expit,
    Expm1,
    Invert,
    IsNan,
    Log,
    LogicalNot,
    Minimum,
    Multiply,
    Negative,
    Reciprocal,
    Sin,
    Sinh,
    Sqrt,
    Square,
    Subtract,
    Where,
)
from xgrad.axes.integrals import Erfcx
from xgrad.axes.literal import Literal
from xgrad.axes.reduce import Sum
from xgrad.axes.softmax import LogSoftmax, Softmax, WeightedLogsumexp
from xgrad.axes.special import Erf, Erfc, Gammaln, Ndtr
from xgrad.axes.spread import spread
from xgrad.axes.stable import LogRise, Radius, SinhOverCosh, XLogX
from xgrad.axes.structural import Expand
from xgrad.graph import DECLINE, Rules, Var, rule
from xgrad.lower.rules.exponentials import as_exponential, is_real
from xgrad.lower.rules.patterns import A, B, C, D, P, S, X, Y, a_full, is_number


def _with_one(make: Any) -> Any:
    """``make(x)`` where the constant of the pattern is 1 and the numbers are real."""
    return lambda out, x, v: make(x) if is_number(v, 1) and is_real(out) else DECLINE


def _real(make: Any) -> Any:
    return lambda out, x: make(x) if is_real(out) else DECLINE


def _negative(x: Var) -> Var:
    return Negative()(x)


def _scaled(x: Var, factor: float) -> Var:
    return Multiply()(x, full_like(x, factor))


def _add_minus_one(out: Var, x: Var, v: Literal) -> Any:
    return Expm1()(x) if is_number(v, -1) and is_real(out) else DECLINE


def _versine(x: Var) -> Var:
    return _scaled(Square()(Sin()(_scaled(x, 0.5))), 2)


def _logistic(out: Var, x: Var, y: Var, v: Literal) -> Any:
    if not is_number(v, 1) or not is_real(out):
        return DECLINE
    share = Expit()(Negative()(x))
    return share if isinstance(y.op, Full) and is_number(y.op.value, 1) else Multiply()(y, share)


# ---- softmax ---------------------------------------------------------------------------------------------------------
def _share(out: Var, x: Var, y: Var, a: tuple, s: tuple, p: tuple) -> Any:
    """w e^x / Σ w e^x = w e^(x - log Σ w e^x), also where the sum skips what is missing."""
    top = as_exponential(x)
    if top is None or not is_real(out) or a != tuple([k for k in range(len(s)) if k not in p]):
        return DECLINE
    if y is x and top.weight is None:
        return Softmax(a)(top.x)
    below = as_exponential(y)
    if below is None or not (y is x or _skips(y, x)):
        return DECLINE
    if top.weight is None or below.weight is None:
        missing = IsNan()(top.x)
        return Where()(missing, full_like(top.x, np.nan), Softmax(a)(below.x))
    total = WeightedLogsumexp(a)(below.x, below.weight)
    return Multiply()(top.weight, Exp()(Subtract()(top.x, spread(total, s, a))))


def _skips(y: Var, x: Var) -> bool:
    """Whether ``y`` is ``x``, and 0 where something is missing."""
    if not isinstance(y.op, Where):
        return False
    missing, zero, other = y.inputs
    return isinstance(missing.op, IsNan) and scalar_value(zero) == 0 and other is x


# ---- moments ---------------------------------------------------------------------------------------------------------
def _variance(out: Var, x: Var, y: Var, a: tuple, c: Var) -> Any:
    """Σ x² / n - (Σ x / n)² = Σ (x - Σ x / n)² / n for the count n of the values that are summed."""
    squares, values = _unmasked(x), _unmasked(y)
    if squares[1].op != Square() or squares[1].inputs[0] is not values[1]:
        return DECLINE
    if squares[0] is not values[0] or not _is_count(c, x, a, squares[0]) or not is_real(out):
        return DECLINE
    mean = spread(Divide()(Sum(a)(y), c), x.type.shape, a)
    square = Square()(Subtract()(values[1], mean))
    mask = squares[0]
    kept = square if mask is None else Where()(mask, full_like(square, 0), square)
    return Divide()(Sum(a)(kept), c)


def _unmasked(x: Var) -> tuple[Var | None, Var]:
    """The mask and the values of where(mask, 0, values); no mask around anything else."""
    if isinstance(x.op, Where):
        mask, zero, values = x.inputs
        if isinstance(zero.op, Full) and is_number(zero.op.value, 0):
            return mask, values
    return None, x


def _is_count(c: Var, x: Var, axes: tuple[int, ...], mask: Var | None) -> bool:
    """Whether ``c`` is how many values of ``x`` are summed over ``axes``: those not under the mask."""
    if mask is None:
        n = math.prod([x.type.shape[k] for k in axes])
        return isinstance(c.op, Full) and is_number(c.op.value, n)
    if c.op != Sum(axes) or not isinstance(c.inputs[0].op, Cast):
        return False
    present = c.inputs[0].inputs[0]
    return isinstance(present.op, Invert | LogicalNot) and present.inputs[0] is mask


# ---- gamma -----------------------------------------------------------------------------------------------------------
def _log_beta(a: Var, b: Var) -> Var:
    """By the smaller of the two and how far it raises the larger: no sum of large logarithms is taken."""
    low, high = minimum(a, b), maximum(a, b)
    return Subtract()(Gammaln()(low), LogRise()(high, low))


def _rise(out: Var, x: Var, d: Var) -> Var:
    """From x v by d v, for the constant v that both are scaled by."""
    scaled = out.inputs[1].inputs[0]
    scale: Any = scaled.op
    v = next(y for y in scaled.inputs if y is not x)
    return LogRise()(scaled, scale(d, v))


STABLE = Rules(
    rule("expm1", Subtract()(Exp()(X), a_full()), _with_one(Expm1())),  # e^x - 1 = expm1(x)
    rule("expm1_plus", Add()(Exp()(X), a_full()), _add_minus_one),  # e^x + -1 = expm1(x)
    rule(  # 1 - e^x = -expm1(x)
        "one_minus_exp", Subtract()(a_full(), Exp()(X)), _with_one(lambda x: _negative(Expm1()(x)))
    ),
    rule("one_minus_erf", Subtract()(a_full(), Erf()(X)), _with_one(Erfc())),  # 1 - erf = erfc
    rule("one_minus_erfc", Subtract()(a_full(), Erfc()(X)), _with_one(Erf())),  # 1 - erfc = erf
    rule(  # 1 + erf(x) = erfc(-x)
        "one_plus_erf", Add()(Erf()(X), a_full()), _with_one(lambda x: Erfc()(_negative(x)))
    ),
    rule(  # 1 - Φ(x) = Φ(-x)
        "one_minus_ndtr", Subtract()(a_full(), Ndtr()(X)), _with_one(lambda x: Ndtr()(_negative(x)))
    ),
    rule(  # 1 - expit(x) = expit(-x)
        "one_minus_expit",
        Subtract()(a_full(), Expit()(X)),
        _with_one(lambda x: Expit()(_negative(x))),
    ),
    rule("one_minus_cos", Subtract()(a_full(), Cos()(X)), _with_one(_versine)),  # 2 sin²(x/2)
    rule("erfcx", Multiply()(Exp()(Square()(X)), Erfc()(X)), _real(Erfcx())),  # e^x² erfc(x)
    rule(  # e^x / (1 + e^x) = expit(x)
        "expit", Divide()(Exp()(X), Add()(Exp()(X), a_full())), _with_one(Expit())
    ),
    rule(  # 1 / (1 + e^x) = expit(-x)
        "reciprocal_logistic",
        Reciprocal()(Add()(Exp()(X), a_full())),
        _with_one(lambda x: Expit()(_negative(x))),
    ),
    rule("softmax", Divide()(X, Expand(S, P)(Sum(A)(Y))), _share),  # w e^x / Σ w e^x
    rule(  # e^log_softmax(x) = softmax(x)
        "exp_log_softmax", Exp()(LogSoftmax(A)(X)), lambda x, a: Softmax(a)(x)
    ),
    rule("x_log_x", Multiply()(X, Log()(X)), _real(XLogX())),  # x log x, and 0 at 0
    rule(  # √(x² + y²) from y/x
        "hypot",
        Sqrt()(Add()(Square()(X), Square()(Y))),
        lambda out, x, y: Radius()(x, y) if is_real(out) else DECLINE,
    ),
    rule(  # Σx²/n - (Σx/n)² = Σ(x - Σx/n)²/n
        "variance", Subtract()(Divide()(Sum(A)(X), C), Square()(Divide()(Sum(A)(Y), C))), _variance
    ),
    rule(  # e^x - e^-x = 2 sinh x
        "sinh",
        Subtract()(Exp()(X), Exp()(Negative()(X))),
        _real(lambda x: _scaled(Sinh()(x), 2)),
    ),
    rule(  # e^x + e^-x = 2 cosh x
        "cosh", Add()(Exp()(X), Exp()(Negative()(X))), _real(lambda x: _scaled(Cosh()(x), 2))
    ),
    rule("tanh", Divide()(Sinh()(X), Cosh()(X)), _real(SinhOverCosh())),  # sinh / cosh = tanh
    rule(  # cosh / sinh = 1 / tanh
        "coth", Divide()(Cosh()(X), Sinh()(X)), _real(lambda x: Reciprocal()(SinhOverCosh()(x)))
    ),
    rule(  # v sinh / (v cosh) = tanh
        "tanh_scaled",
        Divide()(Multiply()(Sinh()(X), a_full()), Multiply()(Cosh()(X), a_full())),
        lambda out, x, v: SinhOverCosh()(x) if is_real(out) and _is_usual(v) else DECLINE,
    ),
    rule(  # (e^x - 1) / (e^x + 1) = tanh(x/2)
        "tanh_of_expm1",
        Divide()(Expm1()(X), Add()(Exp()(X), a_full())),
        _with_one(lambda x: SinhOverCosh()(_scaled(x, 0.5))),
    ),
    rule("logistic", Divide()(Y, Add()(Exp()(X), a_full())), _logistic),  # y/(1+e^x) = y expit(-x)
    rule(  # log|Γ(x + d) / Γ(x)|
        "gammaln_difference",
        Subtract()(Gammaln()(Add()(X, D)), Gammaln()(X)),
        lambda x, d: LogRise()(x, d),
    ),
    rule(  # the same upside down
        "gammaln_difference_below",
        Subtract()(Gammaln()(X), Gammaln()(Add()(X, D))),
        lambda x, d: Negative()(LogRise()(x, d)),
    ),
    *[
        rule(  # log|Γ((x + d) v) / Γ(x v)|, and the same of (x + d) / v
            f"gammaln_difference_{scale}",
            Subtract()(Gammaln()(op(Add()(X, D), a_full())), Gammaln()(op(X, a_full()))),
            lambda out, x, d: _rise(out, x, d),
        )
        for scale, op in {"scaled": Multiply(), "divided": Divide()}.items()
    ],
    rule(  # log|Γ(a) Γ(b) / Γ(a + b)|
        "betaln",
        Subtract()(Add()(Gammaln()(A), Gammaln()(B)), Gammaln()(Add()(A, B))),
        lambda a, b: _log_beta(a, b),
    ),
    rule(  # the same after the first two were joined
        "betaln_joined",
        Subtract()(Gammaln()(A), LogRise()(B, A)),
        lambda a, b: DECLINE if isinstance(a.op, Minimum) else _log_beta(a, b),
    ),
)


def _is_usual(v: Literal) -> bool:
    return bool(np.isfinite(v.value) and v.value != 0)
