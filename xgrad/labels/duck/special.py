"""Special functions of traced arrays that are made of several ops; arrays are traced, or there is one among them."""

import math
from collections.abc import Callable, Sequence
from typing import Any, Final

import numpy as np

from xgrad.axes import gammas, integrals, special
from xgrad.axes.base import AbstractElementwise
from xgrad.gradient.markers import DisconnectedGrad
from xgrad.labels.core import AbstractTraced, make
from xgrad.labels.duck.elementwise import special_function

Array = Any
Axes = Sequence[int]


def function_of(op: type[AbstractElementwise]) -> Callable[..., Array]:
    """The function of arrays that is one op."""
    return lambda *operands: special_function(op, operands)


_betainc, _exprel, _gammaln = map(function_of, (gammas.Betainc, integrals.Exprel, special.Gammaln))
_ndtri, _zeta = function_of(special.Ndtri), function_of(gammas.Zeta)
_si, _ci = function_of(integrals.Si), function_of(integrals.Ci)
_fresnel_s, _fresnel_c = function_of(integrals.FresnelS), function_of(integrals.FresnelC)


# ---- elementwise ---------------------------------------------------------------------------------------------------
def betaincc(a: Array, b: Array, x: Array) -> Array:
    """1 - I_x(a, b) = I_(1-x)(b, a)"""
    return _betainc(b, a, 1 - x)


def boxcox(x: Array, lmbda: Array) -> Array:
    """(x^λ - 1) / λ, and log x where λ is 0"""
    return _of_logarithm(np.log(x), lmbda)


def boxcox1p(x: Array, lmbda: Array) -> Array:
    """((1 + x)^λ - 1) / λ, and log(1 + x) where λ is 0"""
    return _of_logarithm(np.log1p(x), lmbda)


def _of_logarithm(log: Array, lmbda: Array) -> Array:
    return log * _exprel(np.multiply(lmbda, log))


def erfcinv(x: Array) -> Array:
    """The inverse of erfc, exact far out."""
    return _ndtri(np.multiply(x, 0.5)) * -math.sqrt(0.5)


def fresnel(x: Array) -> tuple[Array, Array]:
    """The integrals of sin(π t²/2) and of cos(π t²/2)."""
    return _fresnel_s(x), _fresnel_c(x)


def sici(x: Array) -> tuple[Array, Array]:
    """The sine and the cosine integral."""
    return _si(x), _ci(x)


def riemann_zeta(x: Array) -> Array:
    return _zeta(x, 1.0)


def multigammaln(a: Array, d: int) -> Array:
    """The logarithm of the multivariate gamma function: d (d-1)/4 log π + Σ_j gammaln(a - j/2)"""
    parts = [_gammaln(a - j / 2) if j else _gammaln(a) for j in range(d)]
    return sum(parts[1:], parts[0]) + d * (d - 1) / 4 * math.log(math.pi)


def bessel_jn(x: Array, *, v: int) -> Array:
    """J_0 to J_v along a new last axis: the mean over τ of cos(n τ - x sin τ).

    The rule of equal steps has all digits of the mean, since the integrand is periodic.
    """
    x = x if x.dtype.kind == "f" else x.astype(np.float64)
    n = BESSEL_REACH + 100
    angle = np.pi * (np.arange(n) + 0.5) / n
    turns = (np.arange(v + 1)[:, None] * angle).astype(x.dtype)
    found = np.mean(np.cos(turns - x[..., None, None] * np.sin(angle).astype(x.dtype)), axis=-1)
    return np.where(np.abs(x[..., None]) + v <= BESSEL_REACH, found, x.dtype.type(np.nan))


BESSEL_REACH: Final = 400  # for larger arguments there would have to be more points of the rule


def sph_harm_y(theta: Array, phi: Array, *, n: int, m: int) -> Array:
    """Y_n^m by the recurrence of normalised Legendre functions in n; of an order out of range it is 0."""
    order = abs(m)
    turn = np.multiply(phi, float(m))
    size = _legendre(np.cos(theta), np.sin(theta), n, order) * (-1.0) ** (order if m < 0 else 0)
    return size * np.cos(turn) + 1j * (size * np.sin(turn))


def _legendre(c: Array, s: Array, n: int, m: int) -> Array:
    """The Legendre function of degree n and order m at cos θ, with the sign and the norm of spherical harmonics."""
    start = [-math.sqrt((2 * k + 1) / (2 * k)) for k in range(1, m + 1)]
    before, here = c * 0.0, s**m * math.prod([math.sqrt(0.25 / math.pi), *start])
    if n < m:
        return before
    for k in range(m + 1, n + 1):
        rise = math.sqrt((4 * k * k - 1) / (k * k - m * m))
        fall = math.sqrt(((k - 1) ** 2 - m * m) / (4 * (k - 1) ** 2 - 1))
        before, here = here, (c * here - before * fall) * rise
    return here


COMPOSED: Final[dict[str, Callable[..., Any]]] = {  # the ufuncs of scipy.special by name
    "betaincc": betaincc,
    "boxcox": boxcox,
    "boxcox1p": boxcox1p,
    "erfcinv": erfcinv,
    "fresnel": fresnel,
    "sici": sici,
    "_riemann_zeta": riemann_zeta,
}


# ---- along axes ----------------------------------------------------------------------------------------------------
def logsumexp(x: Array, weights: Array = None, *, ndim: int = 1) -> Array:
    """log Σ w e^x along the last ``ndim`` axes; -∞ counts as nothing, and of nothing it is -∞."""
    x, axes, peak = _peaked(x, ndim)
    terms = np.exp(x - peak)
    total = np.sum(terms if weights is None else weights * terms, axis=axes)
    nothing = total == 0
    log = np.log(np.where(nothing, total.dtype.type(1), total)) + np.reshape(peak, total.shape)
    return np.where(nothing, log.dtype.type(-np.inf), log)


def softmax(x: Array, *, ndim: int = 1) -> Array:
    """e^x over its sum along the last ``ndim`` axes."""
    x, axes, peak = _peaked(x, ndim)
    terms = np.exp(x - peak)
    return terms / np.sum(terms, axis=axes, keepdims=True)


def log_softmax(x: Array, *, ndim: int = 1) -> Array:
    """The logarithm of ``softmax``, exact far out."""
    x, axes, peak = _peaked(x, ndim)
    apart = x - peak
    return apart - np.log(np.sum(np.exp(apart), axis=axes, keepdims=True))


def _peaked(x: Array, ndim: int) -> tuple[Array, tuple[int, ...], Array]:
    """``x`` as floats, its last axes, and its greatest value along them, a constant to derivatives; else 0."""
    x = x if x.dtype.kind == "f" else x.astype(np.float64)
    axes = tuple(range(-ndim, 0))
    is_empty = 0 in x.shape[-ndim:]
    top = (np.sum if is_empty else np.max)(x, axis=axes, keepdims=True)
    greatest = constant_to_derivatives(top)
    return x, axes, np.where(np.isfinite(greatest), greatest, x.dtype.type(0))


def constant_to_derivatives(x: AbstractTraced) -> Array:
    """``x``, through which no derivative passes."""
    held = make(DisconnectedGrad()(x.value), None, x.scope)
    return AbstractTraced.final(held.cell, x.axes)
