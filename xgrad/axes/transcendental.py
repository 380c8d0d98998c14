"""Elementwise powers, exponentials, logarithms, trigonometric and hyperbolic functions, one and two inputs."""

import math
from typing import Any

import numpy as np

from xgrad.axes.arithmetic import (
    Partials,
    add,
    divide,
    multiply,
    negative,
    reciprocal,
    rsqrt,
    scaled,
    square,
    subtract,
)
from xgrad.axes.base import AbstractElementwise
from xgrad.axes.constants import full_like, ones_like, scalar_value, zeros_like
from xgrad.axes.logic import equal, logical_and, where
from xgrad.graph import Var


class Power(AbstractElementwise):
    """d/dx = y x^(y-1) and d/dy = log(x) x^y, both continued to x = 0: there 0^y = 0 for every y > 0."""

    def emit(self, xp: Any, x: Any, y: Any) -> Any:
        return xp.power(x, y)

    def partials(self, out: Var, x: Var, y: Var) -> Partials:
        zero = equal(x, zeros_like(x))
        log_x = log(where(zero, ones_like(x), x))
        return (_power_by_base(out, x, y), multiply(log_x, out))


def _power_by_base(out: Var, x: Var, y: Var) -> Var:
    """y x^(y-1); of a constant exponent no more than that."""
    exponent = scalar_value(y)
    if exponent is None:
        # 0 * 0^-1 is NaN where the derivative of x^0 is 0: at that one point any other base will do
        both_zero = logical_and(equal(x, zeros_like(x)), equal(y, zeros_like(y)))
        return multiply(y, power(where(both_zero, ones_like(x), x), subtract(y, ones_like(y))))
    if exponent == 0:
        return zeros_like(x)
    return scaled(power(x, full_like(y, exponent - 1)), exponent)


class IntegerPower(AbstractElementwise):
    """x to a fixed whole power, by multiplications: d = n x^(n-1)"""

    exponent: int

    def emit(self, xp: Any, x: Any) -> Any:
        return xp.lax.integer_pow(x, self.exponent)

    def partials(self, out: Var, x: Var) -> Partials:
        n = self.exponent
        return (zeros_like(x) if n == 0 else scaled(integer_power(x, n - 1), n),)


class Exp(AbstractElementwise):
    def emit(self, xp: Any, x: Any) -> Any:
        return xp.exp(x)

    def partials(self, out: Var, x: Var) -> Partials:
        return (out,)


class Exp2(AbstractElementwise):
    def emit(self, xp: Any, x: Any) -> Any:
        return xp.exp2(x)

    def partials(self, out: Var, x: Var) -> Partials:
        return (scaled(out, math.log(2)),)


class Expm1(AbstractElementwise):
    def emit(self, xp: Any, x: Any) -> Any:
        return xp.expm1(x)

    def partials(self, out: Var, x: Var) -> Partials:
        return (add(out, ones_like(out)),)


class Log(AbstractElementwise):
    def emit(self, xp: Any, x: Any) -> Any:
        return xp.log(x)

    def partials(self, out: Var, x: Var) -> Partials:
        return (reciprocal(x),)


class Log2(AbstractElementwise):
    def emit(self, xp: Any, x: Any) -> Any:
        return xp.log2(x)

    def partials(self, out: Var, x: Var) -> Partials:
        return (reciprocal(scaled(x, math.log(2))),)


class Log10(AbstractElementwise):
    def emit(self, xp: Any, x: Any) -> Any:
        return xp.log10(x)

    def partials(self, out: Var, x: Var) -> Partials:
        return (reciprocal(scaled(x, math.log(10))),)


class Log1p(AbstractElementwise):
    def emit(self, xp: Any, x: Any) -> Any:
        return xp.log1p(x)

    def partials(self, out: Var, x: Var) -> Partials:
        return (reciprocal(add(x, ones_like(x))),)


class Sin(AbstractElementwise):
    def emit(self, xp: Any, x: Any) -> Any:
        return xp.sin(x)

    def partials(self, out: Var, x: Var) -> Partials:
        return (cos(x),)


class Cos(AbstractElementwise):
    def emit(self, xp: Any, x: Any) -> Any:
        return xp.cos(x)

    def partials(self, out: Var, x: Var) -> Partials:
        return (negative(sin(x)),)


class Tan(AbstractElementwise):
    """d = 1 + out²"""

    def emit(self, xp: Any, x: Any) -> Any:
        return xp.tan(x)

    def partials(self, out: Var, x: Var) -> Partials:
        return (add(square(out), ones_like(out)),)


class Arcsin(AbstractElementwise):
    """d = 1 / √(1 - x²)"""

    def emit(self, xp: Any, x: Any) -> Any:
        return xp.arcsin(x)

    def partials(self, out: Var, x: Var) -> Partials:
        return (rsqrt(one_minus_square(x)),)


class Arccos(AbstractElementwise):
    """d = -1 / √(1 - x²)"""

    def emit(self, xp: Any, x: Any) -> Any:
        return xp.arccos(x)

    def partials(self, out: Var, x: Var) -> Partials:
        return (negative(rsqrt(one_minus_square(x))),)


class Arctan(AbstractElementwise):
    """d = 1 / (1 + x²)"""

    def emit(self, xp: Any, x: Any) -> Any:
        return xp.arctan(x)

    def partials(self, out: Var, x: Var) -> Partials:
        return (reciprocal(add(square(x), ones_like(x))),)


class Sinh(AbstractElementwise):
    def emit(self, xp: Any, x: Any) -> Any:
        return xp.sinh(x)

    def partials(self, out: Var, x: Var) -> Partials:
        return (Cosh()(x),)


class Cosh(AbstractElementwise):
    def emit(self, xp: Any, x: Any) -> Any:
        return xp.cosh(x)

    def partials(self, out: Var, x: Var) -> Partials:
        return (Sinh()(x),)


class Tanh(AbstractElementwise):
    def emit(self, xp: Any, x: Any) -> Any:
        return xp.tanh(x)

    def partials(self, out: Var, x: Var) -> Partials:
        return (one_minus_square(out),)


class Arcsinh(AbstractElementwise):
    """d = 1 / √(x² + 1)"""

    def emit(self, xp: Any, x: Any) -> Any:
        return xp.arcsinh(x)

    def partials(self, out: Var, x: Var) -> Partials:
        return (rsqrt(add(square(x), ones_like(x))),)


class Arccosh(AbstractElementwise):
    """d = 1 / √((x - 1) (x + 1)), the product kept apart because x² - 1 cancels near 1."""

    def emit(self, xp: Any, x: Any) -> Any:
        return xp.arccosh(x)

    def partials(self, out: Var, x: Var) -> Partials:
        one = ones_like(x)
        return (rsqrt(multiply(subtract(x, one), add(x, one))),)


class Arctanh(AbstractElementwise):
    """d = 1 / (1 - x²)"""

    def emit(self, xp: Any, x: Any) -> Any:
        return xp.arctanh(x)

    def partials(self, out: Var, x: Var) -> Partials:
        return (reciprocal(one_minus_square(x)),)


class Arctan2(AbstractElementwise):
    """The angle of the point (x, y): d/dy = x / (x² + y²), d/dx = -y / (x² + y²)"""

    def emit(self, xp: Any, y: Any, x: Any) -> Any:
        return xp.arctan2(y, x)

    def partials(self, out: Var, y: Var, x: Var) -> Partials:
        norm2 = add(square(x), square(y))
        return (divide(x, norm2), negative(divide(y, norm2)))


class Hypot(AbstractElementwise):
    """√(x² + y²): d/dx = x / out, and 0 at the origin."""

    def emit(self, xp: Any, x: Any, y: Any) -> Any:
        return xp.hypot(x, y)

    def partials(self, out: Var, x: Var, y: Var) -> Partials:
        radius = where(equal(out, zeros_like(out)), ones_like(out), out)
        return (divide(x, radius), divide(y, radius))


class Expit(AbstractElementwise):
    """1 / (1 + e^-x): d = out expit(-x), as 1 - out has few digits for large x"""

    def emit(self, xp: Any, x: Any) -> Any:
        return xp.special.expit(x)

    def partials(self, out: Var, x: Var) -> Partials:
        return (multiply(out, expit(negative(x))),)


class Logaddexp(AbstractElementwise):
    """log(e^x + e^y): d/dx = expit(x - y), and 0 where both terms are e^-∞ = 0"""

    commutes = True

    def emit(self, xp: Any, x: Any, y: Any) -> Any:
        return xp.logaddexp(x, y)

    def partials(self, out: Var, x: Var, y: Var) -> Partials:
        nothing, zero = equal(out, full_like(out, -np.inf)), zeros_like(out)
        return (
            where(nothing, zero, expit(subtract(x, y))),
            where(nothing, zero, expit(subtract(y, x))),
        )


class Logaddexp2(AbstractElementwise):
    """log2(2^x + 2^y): d/dx = 2^(x - out)"""

    def emit(self, xp: Any, x: Any, y: Any) -> Any:
        return xp.logaddexp2(x, y)

    def partials(self, out: Var, x: Var, y: Var) -> Partials:
        total = _without_minus_infinity(out)
        return (Exp2()(subtract(x, total)), Exp2()(subtract(y, total)))


def _without_minus_infinity(total: Var) -> Var:
    """``total``, and 0 where all terms are e^-∞ = 0: there x - total would be NaN, and the derivative is 0."""
    return where(equal(total, full_like(total, -np.inf)), zeros_like(total), total)


def one_minus_square(x: Var) -> Var:
    return subtract(ones_like(x), square(x))


def power(x: Var, y: Var) -> Var:
    return Power()(x, y)


def integer_power(x: Var, n: int) -> Var:
    """x to the power n; without a power where n is 0 or 1."""
    return ones_like(x) if n == 0 else x if n == 1 else IntegerPower(n)(x)


def exp(x: Var) -> Var:
    return Exp()(x)


def expm1(x: Var) -> Var:
    return Expm1()(x)


def expit(x: Var) -> Var:
    return Expit()(x)


def log(x: Var) -> Var:
    return Log()(x)


def log1p(x: Var) -> Var:
    return Log1p()(x)


def sin(x: Var) -> Var:
    return Sin()(x)


def cos(x: Var) -> Var:
    return Cos()(x)


def tanh(x: Var) -> Var:
    return Tanh()(x)
