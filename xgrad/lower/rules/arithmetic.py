"""Arithmetic identities that keep the value to the last bit, or round less.

Why it ends: each rule lowers the number of nodes or of roundings, or moves a sign towards the outputs.
"""

from typing import Any

import numpy as np

from xgrad.axes.constants import full_like
from xgrad.axes.elementwise import (
    Add,
    Divide,
    IntegerPower,
    Multiply,
    Negative,
    Power,
    Reciprocal,
    Sqrt,
    Square,
    Subtract,
)
from xgrad.axes.literal import Literal
from xgrad.graph import DECLINE, Rules, Var, rule
from xgrad.lower.rules.patterns import N, X, Y, a_full, is_number

ARITHMETIC = Rules(
    rule(
        "multiply_one", Multiply()(X, a_full()), lambda x, v: x if is_number(v, 1) else DECLINE
    ),  # x * 1 = x
    rule(
        "divide_one", Divide()(X, a_full()), lambda x, v: x if is_number(v, 1) else DECLINE
    ),  # x / 1 = x
    rule(
        "subtract_zero", Subtract()(X, a_full()), lambda x, v: x if _plus_zero(v) else DECLINE
    ),  # x - 0 = x
    rule(
        "multiply_minus_one",
        Multiply()(X, a_full()),
        lambda x, v: _minus(x) if is_number(v, -1) else DECLINE,
    ),  # x * -1 = -x
    rule(
        "multiply_by_power_of_two",
        Multiply()(Multiply()(X, a_full()), a_full(N)),
        lambda x, v, n: _scaled_once(x, v, n),
    ),  # (x * v) * n = x * (v n) where v or n is ±2^k
    rule("negative_twice", Negative()(Negative()(X)), lambda x: x),  # -(-x) = x
    rule(
        "add_negative", Add()(X, Negative()(Y)), lambda x, y: Subtract()(x, y)
    ),  # x + (-y) = x - y
    rule(
        "subtract_negative", Subtract()(X, Negative()(Y)), lambda x, y: Add()(x, y)
    ),  # x - (-y) = x + y
    rule(
        "multiply_reciprocal", Multiply()(X, Reciprocal()(Y)), lambda x, y: Divide()(x, y)
    ),  # x * (1/y) = x / y
    rule(
        "multiply_negative", Multiply()(X, Negative()(Y)), lambda x, y: _minus(Multiply()(x, y))
    ),  # x * -y = -(x * y)
    rule(
        "power_integer", Power()(X, a_full()), lambda x, v: _integer_power(x, v)
    ),  # x ** n by products
    rule(
        "power_half", Power()(X, a_full()), lambda x, v: _root(x, v)
    ),  # x ** 0.5 = √x, as NumPy's arrays do
)


def _plus_zero(v: Literal) -> bool:
    return is_number(v, 0) and not np.signbit(np.real(v.value))


def _scaled_once(x: Var, v: Literal, n: Literal) -> Any:
    """x times both numbers: the same to the last bit, since a power of two only moves the exponent."""
    if x.type.dtype.kind != "f" or not (_only_scales(v) or _only_scales(n)):
        return DECLINE
    if not all([2.0**-_FAR <= abs(m.value[()]) <= 2.0**_FAR for m in (v, n)]):
        return DECLINE  # beyond the range of numbers it would not be the same
    return Multiply()(x, full_like(x, v.value[()] * n.value[()]))


_FAR = 16


def _only_scales(v: Literal) -> bool:
    return abs(np.frexp(v.value[()])[0]) == 0.5


def _minus(x: Var) -> Var:
    return Negative()(x)


_LARGEST_POWER = 64  # beyond it, products round more than pow


def _integer_power(x: Var, v: Literal) -> Any:
    exponent = v.value[()]
    if (
        x.type.dtype.kind not in "fc"
        or exponent != np.round(exponent)
        or abs(exponent) > _LARGEST_POWER
    ):
        return DECLINE
    n = int(np.real(exponent))
    simple = {-1: Reciprocal(), 1: None, 2: Square()}
    if n == 0:
        return DECLINE
    if n in simple:
        op = simple[n]
        return x if op is None else op(x)
    return IntegerPower(n)(x)


def _root(x: Var, v: Literal) -> Any:
    return Sqrt()(x) if x.type.dtype.kind == "f" and is_number(v, 0.5) else DECLINE
