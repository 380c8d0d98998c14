"""Special functions, elementwise: the gamma, error and logistic families and Bessel functions."""

import math
from typing import Any

from xgrad.axes.arithmetic import (
    Partials,
    add,
    divide,
    multiply,
    negative,
    reciprocal,
    scaled,
    sign,
    square,
    subtract,
)
from xgrad.axes.base import AbstractElementwise, AbstractPartly
from xgrad.axes.constants import full_like, ones_like, zeros_like
from xgrad.axes.logic import equal, where
from xgrad.axes.transcendental import Expit as Expit
from xgrad.axes.transcendental import exp, expit, log, log1p
from xgrad.graph import Var


class Gammaln(AbstractElementwise):
    """log |Γ(x)|"""

    def emit(self, xp: Any, x: Any) -> Any:
        return xp.special.gammaln(x)

    def partials(self, out: Var, x: Var) -> Partials:
        return (Digamma()(x),)


class Digamma(AbstractElementwise):
    """(log Γ)'(x)"""

    def emit(self, xp: Any, x: Any) -> Any:
        return xp.special.digamma(x)

    def partials(self, out: Var, x: Var) -> Partials:
        return (Polygamma()(ones_like(x), x),)


class Polygamma(AbstractPartly):
    """The n-th derivative of digamma at x; n holds whole numbers in the dtype of x."""

    why = "the order of polygamma is an integer"
    meaningless = (0,)

    def emit(self, xp: Any, n: Any, x: Any) -> Any:
        return xp.special.polygamma(n, x)

    def partials(self, out: Var, n: Var, x: Var) -> Partials:
        return (None, Polygamma()(add(n, ones_like(n)), x))


class Erf(AbstractElementwise):
    """d = 2/√π e^(-x²)"""

    def emit(self, xp: Any, x: Any) -> Any:
        return xp.special.erf(x)

    def partials(self, out: Var, x: Var) -> Partials:
        return (scaled(exp(negative(square(x))), 2 / math.sqrt(math.pi)),)


class Erfc(AbstractElementwise):
    """d = -2/√π e^(-x²)"""

    def emit(self, xp: Any, x: Any) -> Any:
        return xp.special.erfc(x)

    def partials(self, out: Var, x: Var) -> Partials:
        return (scaled(exp(negative(square(x))), -2 / math.sqrt(math.pi)),)


class Erfinv(AbstractElementwise):
    """d = √π/2 e^(out²)"""

    def emit(self, xp: Any, x: Any) -> Any:
        return xp.special.erfinv(x)

    def partials(self, out: Var, x: Var) -> Partials:
        return (scaled(exp(square(out)), math.sqrt(math.pi) / 2),)


class Logit(AbstractElementwise):
    """log(x / (1 - x)): d = 1 / (x (1 - x))"""

    def emit(self, xp: Any, x: Any) -> Any:
        return xp.special.logit(x)

    def partials(self, out: Var, x: Var) -> Partials:
        return (reciprocal(multiply(x, subtract(ones_like(x), x))),)


class LogExpit(AbstractElementwise):
    """log(1 / (1 + e^-x)): d = expit(-x), which stays exact far out."""

    def emit(self, xp: Any, x: Any) -> Any:
        return xp.special.log_expit(x)

    def partials(self, out: Var, x: Var) -> Partials:
        return (expit(negative(x)),)


class Ndtr(AbstractElementwise):
    """The normal distribution function: d = e^(-x²/2) / √(2π)"""

    def emit(self, xp: Any, x: Any) -> Any:
        return xp.special.ndtr(x)

    def partials(self, out: Var, x: Var) -> Partials:
        return (exp(_log_normal(x)),)


class LogNdtr(AbstractElementwise):
    """The logarithm of ``Ndtr``: d = φ(x) / Φ(x), far out too, where ``Ndtr`` itself is 0."""

    def emit(self, xp: Any, x: Any) -> Any:
        """By the scaled tail below -1, and by what is missing from 1 above: neither loses digits.

        Either is computed at -1 where the other is chosen, for the sake of JAX's own derivative of it.
        """
        border, half = xp.full_like(x, -1), xp.full_like(x, 0.5)
        is_low = xp.less(x, border)
        low, high = xp.where(is_low, x, border), xp.where(is_low, border, x)
        root = xp.full_like(x, 1 / math.sqrt(2))
        tail = xp.special.erfcx(xp.negative(xp.multiply(low, root)))
        missing = xp.multiply(xp.special.erfc(xp.multiply(high, root)), half)
        scaled_back = xp.subtract(
            xp.log(xp.multiply(tail, half)), xp.multiply(xp.multiply(low, low), half)
        )
        return xp.where(is_low, scaled_back, xp.log1p(xp.negative(missing)))

    def partials(self, out: Var, x: Var) -> Partials:
        return (InverseMills()(x),)


class InverseMills(AbstractElementwise):
    """φ(x) / Φ(x), the normal density over its distribution function: d = -out (x + out)"""

    def emit(self, xp: Any, x: Any) -> Any:
        tail = xp.special.erfcx(xp.multiply(x, xp.full_like(x, -1 / math.sqrt(2))))
        return xp.divide(xp.full_like(x, math.sqrt(2 / math.pi)), tail)

    def partials(self, out: Var, x: Var) -> Partials:
        return (negative(multiply(out, add(x, out))),)


class Ndtri(AbstractElementwise):
    """The inverse of ``Ndtr``: d = √(2π) e^(out²/2)"""

    def emit(self, xp: Any, x: Any) -> Any:
        return xp.special.ndtri(x)

    def partials(self, out: Var, x: Var) -> Partials:
        return (exp(negative(_log_normal(out))),)


class I0e(AbstractElementwise):
    """The modified Bessel function of order 0 times e^-|x|: d = I1e - sign(x) out"""

    def emit(self, xp: Any, x: Any) -> Any:
        return xp.special.i0e(x)

    def partials(self, out: Var, x: Var) -> Partials:
        return (subtract(I1e()(x), multiply(sign(x), out)),)


class I1e(AbstractElementwise):
    """The modified Bessel function of order 1 times e^-|x|: d = I0e - (sign(x) + 1/x) out, and 1/2 at 0"""

    def emit(self, xp: Any, x: Any) -> Any:
        return xp.special.i1e(x)

    def partials(self, out: Var, x: Var) -> Partials:
        zero = equal(x, zeros_like(x))
        safe = where(zero, ones_like(x), x)
        slope = subtract(I0e()(x), multiply(add(sign(x), reciprocal(safe)), out))
        return (where(zero, full_like(x, 0.5), slope),)


class Xlogy(AbstractElementwise):
    """x log y, and 0 where x is: d/dx = log y, d/dy = x / y"""

    def emit(self, xp: Any, x: Any, y: Any) -> Any:
        return xp.special.xlogy(x, y)

    def partials(self, out: Var, x: Var, y: Var) -> Partials:
        return (log(y), divide(x, y))


class Xlog1py(AbstractElementwise):
    """x log(1 + y), and 0 where x is: d/dx = log(1 + y), d/dy = x / (1 + y)"""

    def emit(self, xp: Any, x: Any, y: Any) -> Any:
        return xp.special.xlog1py(x, y)

    def partials(self, out: Var, x: Var, y: Var) -> Partials:
        return (log1p(y), divide(x, add(y, ones_like(y))))


def _log_normal(x: Var) -> Var:
    """The logarithm of the normal density."""
    return subtract(scaled(square(x), -0.5), full_like(x, math.log(2 * math.pi) / 2))
