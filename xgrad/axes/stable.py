"""Elementwise functions that a formula of simpler ones would compute with few digits or none, or overflow in."""

import math
from typing import Any, NamedTuple

from xgrad.axes.arithmetic import (
    Partials,
    add,
    divide,
    negative,
    reciprocal,
    scaled,
    square,
    subtract,
)
from xgrad.axes.base import AbstractElementwise
from xgrad.axes.constants import ones_like, zeros_like
from xgrad.axes.logic import equal, where
from xgrad.axes.special import Digamma, InverseMills, Polygamma
from xgrad.axes.transcendental import Cosh, exp, log, tanh
from xgrad.graph import Var

# Each branch of a choice is computed at a harmless argument where the other is chosen: JAX's own derivatives of these
# emissions would otherwise meet 0 * inf.


class Log1mexp(AbstractElementwise):
    """log(1 - e^x) for x < 0, by expm1 near 0 and by log1p far from it: d = -e^(x - out)"""

    def emit(self, xp: Any, x: Any) -> Any:
        border = xp.full_like(x, -math.log(2))
        is_near = xp.greater(x, border)
        near, far = xp.where(is_near, x, border), xp.where(is_near, border, x)
        by_expm1 = xp.log(xp.negative(xp.expm1(near)))
        return xp.where(is_near, by_expm1, xp.log1p(xp.negative(xp.exp(far))))

    def partials(self, out: Var, x: Var) -> Partials:
        return (negative(exp(subtract(x, out))),)


class LogCosh(AbstractElementwise):
    """log cosh x, which is |x| - log 2 far out and x²/2 near 0: d = tanh x"""

    def emit(self, xp: Any, x: Any) -> Any:
        is_near = xp.less(xp.absolute(x), xp.ones_like(x))
        near = xp.where(is_near, x, xp.ones_like(x))
        half = xp.sinh(xp.multiply(near, xp.full_like(x, 0.5)))
        by_sinh = xp.log1p(xp.multiply(xp.full_like(x, 2), xp.multiply(half, half)))
        size = xp.absolute(x)
        tail = xp.log1p(xp.exp(xp.multiply(size, xp.full_like(x, -2))))
        far = xp.add(xp.subtract(size, xp.full_like(x, math.log(2))), tail)
        return xp.where(is_near, by_sinh, far)

    def partials(self, out: Var, x: Var) -> Partials:
        return (tanh(x),)


class LogErfc(AbstractElementwise):
    """log erfc x: d = -√2 φ(y) / Φ(y) at y = -√2 x"""

    def emit(self, xp: Any, x: Any) -> Any:
        border = xp.full_like(x, 0.5)
        is_near = xp.less(x, border)
        near, far = xp.where(is_near, x, border), xp.where(is_near, border, x)
        tail = xp.subtract(xp.log(xp.special.erfcx(far)), xp.multiply(far, far))
        return xp.where(is_near, xp.log1p(xp.negative(xp.special.erf(near))), tail)

    def partials(self, out: Var, x: Var) -> Partials:
        return (scaled(InverseMills()(scaled(x, -math.sqrt(2))), -math.sqrt(2)),)


class Radius(AbstractElementwise):
    """√(x² + y²) from the ratio of the two, which is not squared too large or too small; NaN where either is.

    d/dx = x / out, and 0 at the origin.
    """

    commutes = True

    def emit(self, xp: Any, x: Any, y: Any) -> Any:
        one, zero = xp.ones_like(x), xp.zeros_like(x)
        high = xp.maximum(xp.absolute(x), xp.absolute(y))
        low = xp.minimum(xp.absolute(x), xp.absolute(y))
        divisor = xp.where(xp.logical_or(xp.equal(high, zero), xp.isinf(high)), one, high)
        ratio = xp.divide(low, divisor)
        return xp.multiply(high, xp.sqrt(xp.add(one, xp.multiply(ratio, ratio))))

    def partials(self, out: Var, x: Var, y: Var) -> Partials:
        radius = where(equal(out, zeros_like(out)), ones_like(out), out)
        return (divide(x, radius), divide(y, radius))


class SinhOverCosh(AbstractElementwise):
    """tanh x: d = 1 / cosh² x, which 1 - tanh² x has no digits of where tanh x is nearly 1"""

    def emit(self, xp: Any, x: Any) -> Any:
        return xp.tanh(x)

    def partials(self, out: Var, x: Var) -> Partials:
        return (square(reciprocal(Cosh()(x))),)


class XLogX(AbstractElementwise):
    """x log x, and 0 at 0: d = 1 + log x"""

    def emit(self, xp: Any, x: Any) -> Any:
        return xp.special.xlogy(x, x)

    def partials(self, out: Var, x: Var) -> Partials:
        return (add(log(x), ones_like(x)),)


class LogRise(AbstractElementwise):
    """log |Γ(x + d) / Γ(x)|, by Stirling's series where both are large, and so nearly equal.

    d/dx = ψ(x + d) - ψ(x), d/dd = ψ(x + d)
    """

    def emit(self, xp: Any, x: Any, d: Any) -> Any:
        y = xp.add(x, d)
        far = _far(xp, x, y, d)
        bend = xp.multiply(xp.subtract(far.x, xp.full_like(x, 0.5)), far.growth)
        main = xp.add(xp.multiply(far.d, xp.log(far.y)), xp.subtract(bend, far.d))
        tail = xp.subtract(_series(xp, far.y, _LOG_GAMMA), _series(xp, far.x, _LOG_GAMMA))
        plain = xp.subtract(xp.special.gammaln(y), xp.special.gammaln(x))
        return xp.where(far.holds, xp.add(main, tail), plain)

    def partials(self, out: Var, x: Var, d: Var) -> Partials:
        return (DigammaRise()(x, d), Digamma()(add(x, d)))


class DigammaRise(AbstractElementwise):
    """ψ(x + d) - ψ(x): d/dx = ψ'(x + d) - ψ'(x), d/dd = ψ'(x + d)"""

    def emit(self, xp: Any, x: Any, d: Any) -> Any:
        y = xp.add(x, d)
        far = _far(xp, x, y, d)
        half = xp.divide(xp.multiply(far.d, xp.full_like(x, 0.5)), xp.multiply(far.x, far.y))
        tail = xp.subtract(_series(xp, far.x, _DIGAMMA), _series(xp, far.y, _DIGAMMA))
        scaled_tail = xp.add(half, tail)
        plain = xp.subtract(xp.special.digamma(y), xp.special.digamma(x))
        return xp.where(far.holds, xp.add(far.growth, scaled_tail), plain)

    def partials(self, out: Var, x: Var, d: Var) -> Partials:
        one, y = ones_like(x), add(x, d)
        by_d = Polygamma()(one, y)
        return (subtract(by_d, Polygamma()(one, x)), by_d)


class _Far(NamedTuple):
    """Where x and y = x + d are both large; x, y and d there, and harmless numbers elsewhere; and log(y / x)."""

    holds: Any
    x: Any
    y: Any
    d: Any
    growth: Any


_LARGE = 10.0

# B_2k / (2k (2k - 1)) and B_2k / 2k, the coefficients of 1/z^(2k-1) in log Γ(z) and of -1/z^2k in ψ(z):
# NIST Digital Library of Mathematical Functions, 5.11.1 and 5.11.2
_LOG_GAMMA = (1, (1 / 12, -1 / 360, 1 / 1260, -1 / 1680, 1 / 1188, -691 / 360360, 1 / 156))
_DIGAMMA = (2, (1 / 12, -1 / 120, 1 / 252, -1 / 240, 1 / 132, -691 / 32760, 1 / 12))


def _far(xp: Any, x: Any, y: Any, d: Any) -> _Far:
    bound = xp.full_like(x, _LARGE)
    holds = xp.greater(xp.minimum(x, y), bound)
    u, v = xp.where(holds, x, bound), xp.where(holds, y, bound)
    step = xp.where(holds, d, xp.zeros_like(d))
    return _Far(holds, u, v, step, xp.log1p(xp.divide(step, u)))


def _series(xp: Any, z: Any, series: tuple[int, tuple[float, ...]]) -> Any:
    """Σ c_k / z^(first + 2k)"""
    first, coefficients = series
    inverse = xp.reciprocal(z)
    square = xp.multiply(inverse, inverse)
    total = xp.full_like(z, coefficients[-1])
    for c in reversed(coefficients[:-1]):
        total = xp.add(xp.multiply(total, square), xp.full_like(z, c))
    return xp.multiply(total, square if first == 2 else inverse)
