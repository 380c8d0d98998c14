"""Functions defined by integrals and series: exponential, sine and Fresnel integrals, error, Bessel, entropy."""

import math
from typing import Any

from xgrad.axes.arithmetic import (
    Partials,
    absolute,
    add,
    divide,
    multiply,
    negative,
    reciprocal,
    scaled,
    square,
    subtract,
)
from xgrad.axes.base import AbstractElementwise, AbstractPartly
from xgrad.axes.constants import full_like, ones_like, zeros_like
from xgrad.axes.logic import equal, less, where
from xgrad.axes.special import Erf
from xgrad.axes.transcendental import cos, exp, log, sin
from xgrad.graph import Var


# ---- exponential integrals -----------------------------------------------------------------------------------------
class Expi(AbstractElementwise):
    """Ei(x): d = e^x / x"""

    def emit(self, xp: Any, x: Any) -> Any:
        return xp.special.expi(x)

    def partials(self, out: Var, x: Var) -> Partials:
        return (divide(exp(x), x),)


class Exp1(AbstractElementwise):
    """E1(x): d = -e^-x / x"""

    def emit(self, xp: Any, x: Any) -> Any:
        return xp.special.exp1(x)

    def partials(self, out: Var, x: Var) -> Partials:
        return (negative(divide(exp(negative(x)), x)),)


class Expn(AbstractPartly):
    """E_n(x); n holds whole numbers in the dtype of x: d/dx = -E_(n-1)(x), and -(e^-x + out) / x where n is 0"""

    why = "the order of an exponential integral is an integer"
    meaningless = (0,)

    def emit(self, xp: Any, n: Any, x: Any) -> Any:
        return xp.special.expn(n, x)

    def partials(self, out: Var, n: Var, x: Var) -> Partials:
        zero = less(n, ones_like(n))
        before = Expn()(where(zero, n, subtract(n, ones_like(n))), x)
        return None, negative(where(zero, divide(add(exp(negative(x)), out), x), before))


class Si(AbstractElementwise):
    """The sine integral ∫ sin t / t dt: d = sin x / x, which is 1 at 0"""

    def emit(self, xp: Any, x: Any) -> Any:
        return xp.special.sici(x)[0]

    def partials(self, out: Var, x: Var) -> Partials:
        zero = equal(x, zeros_like(x))
        safe = where(zero, ones_like(x), x)
        return (where(zero, ones_like(x), divide(sin(safe), safe)),)


class Ci(AbstractElementwise):
    """The cosine integral: d = cos x / x"""

    def emit(self, xp: Any, x: Any) -> Any:
        return xp.special.sici(x)[1]

    def partials(self, out: Var, x: Var) -> Partials:
        return (divide(cos(x), x),)


class FresnelS(AbstractElementwise):
    """∫ sin(π t²/2) dt: d = sin(π x²/2)"""

    def emit(self, xp: Any, x: Any) -> Any:
        return xp.special.fresnel(x)[0]

    def partials(self, out: Var, x: Var) -> Partials:
        return (sin(scaled(square(x), math.pi / 2)),)


class FresnelC(AbstractElementwise):
    """∫ cos(π t²/2) dt: d = cos(π x²/2)"""

    def emit(self, xp: Any, x: Any) -> Any:
        return xp.special.fresnel(x)[1]

    def partials(self, out: Var, x: Var) -> Partials:
        return (cos(scaled(square(x), math.pi / 2)),)


# ---- relatives of the error function -------------------------------------------------------------------------------
class Dawsn(AbstractElementwise):
    """Dawson's integral e^(-x²) ∫ e^(t²) dt: d = 1 - 2 x out"""

    def emit(self, xp: Any, x: Any) -> Any:
        return xp.special.dawsn(x)

    def partials(self, out: Var, x: Var) -> Partials:
        return (subtract(ones_like(x), scaled(multiply(x, out), 2)),)


class Erfcx(AbstractElementwise):
    """e^(x²) erfc(x): d = 2 x out - 2/√π, far out by its series in 1/x², where that cancels

    Source of the series: NIST Digital Library of Mathematical Functions, 7.12.1
    """

    def emit(self, xp: Any, x: Any) -> Any:
        return xp.special.erfcx(x)

    def partials(self, out: Var, x: Var) -> Partials:
        scale = 2 / math.sqrt(math.pi)
        border = full_like(x, 10)
        near = less(x, border)
        half = divide(full_like(x, -0.5), square(where(near, border, x)))
        series = ones_like(x)
        for k in range(14, 0, -1):  # Σ (2k - 1)!! half^k, over the first term
            series = add(ones_like(x), scaled(multiply(series, half), 2 * k + 1))
        direct = subtract(scaled(multiply(x, out), 2), full_like(x, scale))
        return (where(near, direct, scaled(multiply(half, series), scale)),)


class Wofz(AbstractElementwise):
    """Faddeeva's function e^(-z²) erfc(-iz) of complex z: d = 2i/√π - 2 z out"""

    def emit(self, xp: Any, z: Any) -> Any:
        return xp.special.wofz(z)

    def partials(self, out: Var, z: Var) -> Partials:
        return (subtract(full_like(z, 2j / math.sqrt(math.pi)), scaled(multiply(z, out), 2)),)


class OwensT(AbstractElementwise):
    """Owen's T: d/dh = -e^(-h²/2) erf(a h/√2) / √(8π), d/da = e^(-h² (1 + a²)/2) / (2π (1 + a²))"""

    def emit(self, xp: Any, h: Any, a: Any) -> Any:
        return xp.special.owens_t(h, a)

    def partials(self, out: Var, h: Var, a: Var) -> Partials:
        inside = Erf()(scaled(multiply(a, h), math.sqrt(0.5)))
        by_h = scaled(multiply(exp(scaled(square(h), -0.5)), inside), -1 / math.sqrt(8 * math.pi))
        more = add(ones_like(a), square(a))
        density = exp(scaled(multiply(square(h), more), -0.5))
        return by_h, scaled(divide(density, more), 1 / (2 * math.pi))


# ---- hypergeometric functions --------------------------------------------------------------------------------------
class Hyp1f1(AbstractPartly):
    """Kummer's function 1F1(a; b; x): d/dx = a/b 1F1(a + 1; b + 1; x)"""

    def emit(self, xp: Any, a: Any, b: Any, x: Any) -> Any:
        return xp.special.hyp1f1(a, b, x)

    def partials(self, out: Var, a: Var, b: Var, x: Var) -> Partials:
        by_parameters = [Hyp1f1By(place)(a, b, x) for place in (0, 1)]
        return *by_parameters, multiply(divide(a, b), Hyp1f1()(*_next(a, b), x))


_TERMS = 300  # of its series: enough for |x| up to 100, beyond which JAX's own function changes its method


class Hyp1f1By(AbstractPartly):
    """d 1F1(a; b; x) by a (0) or b (1), term by term: Σ_k t_k Σ_{j<k} 1/(a + j), or −Σ_k t_k Σ_{j<k} 1/(b + j)

    where t_k = Π_{j<k} (a + j) x / ((b + j) (j + 1)) is the term of 1F1; for |x| up to 100. The derivative by x is that
    of a/b 1F1(a + 1; b + 1; x).
    """

    place: int
    why = "the second derivative of a hypergeometric function by its parameters has no formula here"
    missing = (0, 1)

    def emit(self, xp: Any, a: Any, b: Any, x: Any) -> Any:
        axis = len(a.shape)
        table = (*a.shape, _TERMS)
        a, b, x = [xp.broadcast_to(xp.expand_dims(v, axis), table) for v in (a, b, x)]
        j = xp.broadcast_to(xp.arange(_TERMS, dtype=a.dtype), table)
        one = xp.full(table, 1, dtype=a.dtype)
        a, b = xp.add(a, j), xp.add(b, j)
        ratios = xp.divide(xp.multiply(a, x), xp.multiply(b, xp.add(j, one)))
        slopes = xp.divide(*((one, a) if self.place == 0 else (xp.negative(one), b)))
        terms, sums = xp.lax.cumprod(ratios, axis, False), xp.lax.cumsum(slopes, axis, False)
        return xp.lax.reduce_sum(xp.multiply(terms, sums), (axis,))

    def partials(self, out: Var, a: Var, b: Var, x: Var) -> Partials:
        more, rate = _next(a, b), divide(a, b)
        outer = divide(ones_like(b), b) if self.place == 0 else negative(divide(rate, b))
        first = multiply(outer, Hyp1f1()(*more, x))
        return None, None, add(first, multiply(rate, Hyp1f1By(self.place)(*more, x)))


def _next(*parameters: Var) -> list[Var]:
    """Each parameter and one: those of a derivative by x."""
    return [add(p, ones_like(p)) for p in parameters]


class Hyp2f1(AbstractPartly):
    """Gauss's function 2F1(a, b; c; x): d/dx = ab/c 2F1(a + 1, b + 1; c + 1; x)"""

    why = "the derivative of a hypergeometric function by its parameters has no formula here"
    missing = (0, 1, 2)

    def emit(self, xp: Any, a: Any, b: Any, c: Any, x: Any) -> Any:
        return xp.special.hyp2f1(a, b, c, x)

    def partials(self, out: Var, a: Var, b: Var, c: Var, x: Var) -> Partials:
        slope = multiply(divide(multiply(a, b), c), Hyp2f1()(*_next(a, b, c), x))
        return None, None, None, slope


# ---- Bessel functions ----------------------------------------------------------------------------------------------
class I0(AbstractElementwise):
    """The modified Bessel function of order 0: d = I1(x)"""

    def emit(self, xp: Any, x: Any) -> Any:
        return xp.special.i0(x)

    def partials(self, out: Var, x: Var) -> Partials:
        return (I1()(x),)


class I1(AbstractElementwise):
    """The modified Bessel function of order 1: d = I0(x) - out / x, which is 1/2 at 0"""

    def emit(self, xp: Any, x: Any) -> Any:
        return xp.special.i1(x)

    def partials(self, out: Var, x: Var) -> Partials:
        zero = equal(x, zeros_like(x))
        safe = where(zero, ones_like(x), x)
        slope = subtract(I0()(x), multiply(reciprocal(safe), out))
        return (where(zero, full_like(x, 0.5), slope),)


# ---- entropies -----------------------------------------------------------------------------------------------------
class Entr(AbstractElementwise):
    """-x log x, 0 at 0 and -∞ below: d = -log x - 1"""

    def emit(self, xp: Any, x: Any) -> Any:
        return xp.special.entr(x)

    def partials(self, out: Var, x: Var) -> Partials:
        return (negative(add(log(x), ones_like(x))),)


class RelEntr(AbstractElementwise):
    """x log(x/y), 0 where x is: d/dx = log(x/y) + 1, d/dy = -x/y"""

    def emit(self, xp: Any, x: Any, y: Any) -> Any:
        return xp.special.rel_entr(x, y)

    def partials(self, out: Var, x: Var, y: Var) -> Partials:
        return add(_log_of_ratio(x, y), ones_like(x)), negative(divide(x, y))


class KlDiv(AbstractElementwise):
    """x log(x/y) - x + y: d/dx = log(x/y), d/dy = 1 - x/y"""

    def emit(self, xp: Any, x: Any, y: Any) -> Any:
        return xp.special.kl_div(x, y)

    def partials(self, out: Var, x: Var, y: Var) -> Partials:
        return _log_of_ratio(x, y), subtract(ones_like(x), divide(x, y))


def _log_of_ratio(x: Var, y: Var) -> Var:
    """log(x/y), which neither overflows nor underflows in the ratio"""
    return subtract(log(x), log(y))


class Exprel(AbstractElementwise):
    """(e^x - 1) / x, which is 1 at 0: d = (e^x - out) / x, which is 1/2 at 0"""

    def emit(self, xp: Any, x: Any) -> Any:
        near = xp.less(xp.absolute(x), xp.full(x.shape, 1e-9, dtype=x.dtype))
        safe = xp.where(near, xp.ones_like(x), x)
        first = xp.add(xp.ones_like(x), xp.multiply(x, xp.full(x.shape, 0.5, dtype=x.dtype)))
        return xp.where(near, first, xp.divide(xp.expm1(safe), safe))

    def partials(self, out: Var, x: Var) -> Partials:
        """By its power series near 0, so that its own derivatives are right there too."""
        near = less(absolute(x), full_like(x, 0.1))
        series = zeros_like(x)
        for k in range(10, 0, -1):  # Σ k x^(k-1) / (k + 1)!
            series = add(multiply(series, x), full_like(x, k / math.factorial(k + 1)))
        safe = where(near, ones_like(x), x)
        return (where(near, series, divide(subtract(exp(safe), out), safe)),)
