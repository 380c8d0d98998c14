"""The gamma function's family: beta, incomplete gamma and beta, zeta, Pochhammer symbol, binomial coefficients."""

from typing import Any

from xgrad.axes.arithmetic import (
    Partials,
    absolute,
    add,
    divide,
    multiply,
    negative,
    subtract,
)
from xgrad.axes.base import AbstractElementwise, AbstractPartly
from xgrad.axes.constants import full_like, ones_like
from xgrad.axes.logic import less, where
from xgrad.axes.special import Digamma, Gammaln
from xgrad.axes.transcendental import exp, log, log1p
from xgrad.graph import Var


class Gamma(AbstractElementwise):
    """Γ(x): d = Γ(x) ψ(x)"""

    def emit(self, xp: Any, x: Any) -> Any:
        return xp.special.gamma(x)

    def partials(self, out: Var, x: Var) -> Partials:
        return (multiply(out, digamma(x)),)


class Gammasgn(AbstractElementwise):
    """The sign of Γ(x)."""

    why = "it is constant between its jumps"
    steps = (0,)

    def emit(self, xp: Any, x: Any) -> Any:
        return xp.special.gammasgn(x)

    def partials(self, out: Var, x: Var) -> Partials:
        return (None,)


class Loggamma(AbstractElementwise):
    """log Γ(x), and NaN where Γ is negative: d = ψ(x)"""

    def emit(self, xp: Any, x: Any) -> Any:
        return xp.special.loggamma(x)

    def partials(self, out: Var, x: Var) -> Partials:
        return (digamma(x),)


class Factorial(AbstractElementwise):
    """Γ(n + 1), 0 for negative n: d = out ψ(n + 1)"""

    def emit(self, xp: Any, n: Any) -> Any:
        return xp.special.factorial(n)

    def partials(self, out: Var, n: Var) -> Partials:
        return (multiply(out, digamma(add(n, ones_like(n)))),)


class Beta(AbstractElementwise):
    """Γ(a) Γ(b) / Γ(a + b): d/da = out (ψ(a) - ψ(a + b))"""

    def emit(self, xp: Any, a: Any, b: Any) -> Any:
        return xp.special.beta(a, b)

    def partials(self, out: Var, a: Var, b: Var) -> Partials:
        joint = digamma(add(a, b))
        return tuple([multiply(out, subtract(digamma(x), joint)) for x in (a, b)])


class Betaln(AbstractElementwise):
    """log B(a, b): d/da = ψ(a) - ψ(a + b)"""

    def emit(self, xp: Any, a: Any, b: Any) -> Any:
        return xp.special.betaln(a, b)

    def partials(self, out: Var, a: Var, b: Var) -> Partials:
        joint = digamma(add(a, b))
        return subtract(digamma(a), joint), subtract(digamma(b), joint)


class Poch(AbstractElementwise):
    """Γ(z + m) / Γ(z): d/dz = out (ψ(z + m) - ψ(z)), d/dm = out ψ(z + m)"""

    def emit(self, xp: Any, z: Any, m: Any) -> Any:
        return xp.special.poch(z, m)

    def partials(self, out: Var, z: Var, m: Var) -> Partials:
        joint = digamma(add(z, m))
        return multiply(out, subtract(joint, digamma(z))), multiply(out, joint)


class Comb(AbstractElementwise):
    """How many ways to take k of n: d/dn = out (ψ(n + 1) - ψ(n - k + 1)), d/dk = out (ψ(n - k + 1) - ψ(k + 1))"""

    def emit(self, xp: Any, n: Any, k: Any) -> Any:
        return xp.special.comb(n, k)

    def partials(self, out: Var, n: Var, k: Var) -> Partials:
        rest, all_, some = (digamma(add(x, ones_like(x))) for x in (subtract(n, k), n, k))
        return multiply(out, subtract(all_, rest)), multiply(out, subtract(rest, some))


class Gammainc(AbstractElementwise):
    """P(a, x), the lower incomplete gamma function over Γ(a): d/dx = x^(a-1) e^-x / Γ(a)"""

    def emit(self, xp: Any, a: Any, x: Any) -> Any:
        return xp.special.gammainc(a, x)

    def partials(self, out: Var, a: Var, x: Var) -> Partials:
        return GammaincByA()(a, x), _gamma_density(a, x)


class Gammaincc(AbstractElementwise):
    """Q(a, x) = 1 - P(a, x)"""

    def emit(self, xp: Any, a: Any, x: Any) -> Any:
        return xp.special.gammaincc(a, x)

    def partials(self, out: Var, a: Var, x: Var) -> Partials:
        return negative(GammaincByA()(a, x)), negative(_gamma_density(a, x))


class GammaincByA(AbstractPartly):
    """dP(a, x)/da: d/dx = x^(a-1) e^-x / Γ(a) (log x - ψ(a))"""

    why = "the second derivative of the incomplete gamma function by its parameter has no formula here"
    missing = (0,)

    def emit(self, xp: Any, a: Any, x: Any) -> Any:
        return xp.lax.igamma_grad_a(a, x)

    def partials(self, out: Var, a: Var, x: Var) -> Partials:
        return None, multiply(_gamma_density(a, x), subtract(log(x), digamma(a)))


class Betainc(AbstractPartly):
    """I_x(a, b), the incomplete beta function over B(a, b): d/dx = x^(a-1) (1-x)^(b-1) / B(a, b)"""

    why = "the derivative of the incomplete beta function by its parameters has no formula here"
    missing = (0, 1)

    def emit(self, xp: Any, a: Any, b: Any, x: Any) -> Any:
        return xp.special.betainc(a, b, x)

    def partials(self, out: Var, a: Var, b: Var, x: Var) -> Partials:
        one = ones_like(x)
        left, right = multiply(subtract(a, one), log(x)), subtract(b, one)
        logs = add(left, multiply(right, log1p(negative(x))))
        return None, None, exp(subtract(logs, Betaln()(a, b)))


class Zeta(AbstractPartly):
    """Σ_k (k + q)^-x: d/dq = -x ζ(x + 1, q)"""

    why = "the derivative of the zeta function by its exponent has no formula here"
    missing = (0,)

    def emit(self, xp: Any, x: Any, q: Any) -> Any:
        return xp.special.zeta(x, q)

    def partials(self, out: Var, x: Var, q: Var) -> Partials:
        return None, negative(multiply(x, Zeta()(add(x, ones_like(x)), q)))


class Spence(AbstractElementwise):
    """-∫ log t / (t - 1) dt from 1 to x: d = -log x / (x - 1), which is -1 at 1"""

    def emit(self, xp: Any, x: Any) -> Any:
        return xp.special.spence(x)

    def partials(self, out: Var, x: Var) -> Partials:
        return (negative(_log_ratio(x)),)


def _log_ratio(x: Var) -> Var:
    """log x / (x - 1), by its power series near 1, so that its own derivatives are right there too."""
    apart = subtract(x, ones_like(x))
    near = less(absolute(apart), full_like(x, 1e-3))
    series = full_like(x, 0)
    for k in range(6, -1, -1):
        series = add(multiply(series, apart), full_like(x, (-1.0) ** k / (k + 1)))
    safe = where(near, full_like(x, 2), x)
    return where(near, series, divide(log(safe), subtract(safe, ones_like(x))))


def _gamma_density(a: Var, x: Var) -> Var:
    """x^(a-1) e^-x / Γ(a)"""
    power = multiply(subtract(a, ones_like(a)), log(x))
    return exp(subtract(subtract(power, x), Gammaln()(a)))


def digamma(x: Var) -> Var:
    return Digamma()(x)
