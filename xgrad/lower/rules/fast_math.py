"""Identities of real numbers that floating-point numbers keep only roughly: in force under ``options(fast_math=True)``.

They round differently, or forget an infinity, a NaN or the sign of a zero. Why it ends: each rule lowers the number of
nodes, or of elements computed.
"""

from typing import Any

import numpy as np

from xgrad.axes.constants import full_like
from xgrad.axes.elementwise import (
    Add,
    Divide,
    Exp,
    Log,
    Multiply,
    Negative,
    Reciprocal,
    Sqrt,
    Square,
    Subtract,
)
from xgrad.axes.literal import Literal
from xgrad.axes.reduce import Sum
from xgrad.axes.structural import Expand
from xgrad.graph import DECLINE, Rules, Var, rule
from xgrad.lower.rules.exponentials import is_real
from xgrad.lower.rules.patterns import A, N, P, S, X, Y, Z, a_full, is_number


def _real(make: Any) -> Any:
    """``make(x, y)`` on real floats alone."""
    return lambda out, x, y: make(x, y) if is_real(out) else DECLINE


def _folded(op: Any, out: Var, x: Var, v: Literal, n: Literal) -> Any:
    """(x op v) op n = x op (v op n)"""
    if not is_real(out):
        return DECLINE
    with np.errstate(all="ignore"):
        return op(x, full_like(x, getattr(np, type(op).__name__.lower())(v.value, n.value)))


def _zero_of(out: Var, v: Literal) -> Any:
    return full_like(out, 0) if is_number(v, 0) and is_real(out) else DECLINE


def _sum_of_scaled(out: Var, x: Var, y: Var, a: tuple, s: tuple, p: tuple) -> Any:
    """Σ expand(x) y = x Σ y where x is the same along all axes that are summed."""
    if not is_real(out) or set(p) & set(a):
        return DECLINE
    left = [axis for axis in range(len(s)) if axis not in a]
    return Multiply()(Expand(out.type.shape, tuple([left.index(k) for k in p]))(x), Sum(a)(y))


def _reciprocal_of(out: Var, x: Var, v: Literal) -> Any:
    """x / v = x * (1 / v)"""
    if not is_real(out) or v.value == 0:
        return DECLINE
    return Multiply()(x, full_like(x, 1 / v.value))


FAST_MATH = Rules(
    rule("multiply_zero", Multiply()(X, a_full()), lambda out, v: _zero_of(out, v)),  # x * 0 = 0
    rule(  # x + 0 = x
        "add_zero",
        Add()(X, a_full()),
        lambda out, x, v: x if is_number(v, 0) and is_real(out) else DECLINE,
    ),
    rule(  # x - x = 0
        "subtract_same",
        Subtract()(X, X),
        lambda out, x: full_like(x, 0) if is_real(out) else DECLINE,
    ),
    rule(  # x / x = 1
        "divide_same", Divide()(X, X), lambda out, x: full_like(x, 1) if is_real(out) else DECLINE
    ),
    rule(  # -(x - y) = y - x
        "negative_of_subtract", Negative()(Subtract()(X, Y)), _real(lambda x, y: Subtract()(y, x))
    ),
    rule(  # -x - y = -(x + y)
        "negative_subtract",
        Subtract()(Negative()(X), Y),
        _real(lambda x, y: Negative()(Add()(x, y))),
    ),
    rule("reciprocal_twice", Reciprocal()(Reciprocal()(X)), lambda x: x),  # 1/(1/x) = x
    rule(  # 1 / (x / y) = y / x
        "reciprocal_divide", Reciprocal()(Divide()(X, Y)), _real(lambda x, y: Divide()(y, x))
    ),
    rule("divide_constant", Divide()(X, a_full()), _reciprocal_of),  # x / v = x * (1/v)
    rule(  # (x + v) + n = x + (v + n)
        "add_constants",
        Add()(Add()(X, a_full()), a_full(N)),
        lambda out, x, v, n: _folded(Add(), out, x, v, n),
    ),
    rule(  # (x * v) * n = x * (v n)
        "multiply_constants",
        Multiply()(Multiply()(X, a_full()), a_full(N)),
        lambda out, x, v, n: _folded(Multiply(), out, x, v, n),
    ),
    rule(  # e^x e^y = e^(x + y)
        "multiply_exps", Multiply()(Exp()(X), Exp()(Y)), _real(lambda x, y: Exp()(Add()(x, y)))
    ),
    rule("exp_log", Exp()(Log()(X)), lambda out, x: x if is_real(out) else DECLINE),  # e^log x = x
    rule("square_sqrt", Square()(Sqrt()(X)), lambda out, x: x if is_real(out) else DECLINE),  # √x²
    rule(  # x y + x z = x (y + z)
        "add_common_factor",
        Add()(Multiply()(X, Y), Multiply()(X, Z)),
        lambda out, x, y, z: Multiply()(x, Add()(y, z)) if is_real(out) else DECLINE,
    ),
    rule(  # x y - x z = x (y - z)
        "subtract_common_factor",
        Subtract()(Multiply()(X, Y), Multiply()(X, Z)),
        lambda out, x, y, z: Multiply()(x, Subtract()(y, z)) if is_real(out) else DECLINE,
    ),
    rule("sum_of_scaled", Sum(A)(Multiply()(Expand(S, P)(X), Y)), _sum_of_scaled),  # Σ x y = x Σ y
    rule(  # Σ v x = v Σ x
        "sum_of_multiple",
        Sum(A)(Multiply()(X, a_full())),
        lambda out, x, v, a: (
            Multiply()(Sum(a)(x), full_like(out, v.value)) if is_real(out) else DECLINE
        ),
    ),
)
