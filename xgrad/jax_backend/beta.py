"""log B(a, b) to full precision; JAX's own is good to six digits for arguments above 8.

Three forms by size, after W. Fullerton's ``lbeta`` (SLATEC): for a large argument log Γ is replaced by Stirling's
formula with a correction, so that the large parts cancel on paper. The series of the correction is 5.11.1 of the DLMF.
"""

import math
from typing import Any

from xgrad.axes.gammas import Betaln

Array = Any
_LARGE = 10.0
_STIRLING = (  # B(2k) / (2k (2k - 1)), the coefficients of x^(1 - 2k)
    1 / 12,
    -1 / 360,
    1 / 1260,
    -1 / 1680,
    1 / 1188,
    -691 / 360360,
    1 / 156,
    -3617 / 122400,
)


def betaln(op: Betaln, xp: Any, a: Array, b: Array) -> Array:
    """log B(a, b) = log Γ(p) + log Γ(q) - log Γ(p + q), p the smaller and q the larger of the two."""
    p, q = xp.minimum(a, b), xp.maximum(a, b)
    large = xp.full_like(q, _LARGE)
    return xp.where(
        xp.greater_equal(p, large),
        _both_large(xp, p, q),
        xp.where(xp.greater_equal(q, large), _one_large(xp, p, q), _small(xp, p, q)),
    )


def _small(xp: Any, p: Array, q: Array) -> Array:
    ours = xp.add(xp.special.gammaln(p), xp.special.gammaln(q))
    return xp.subtract(ours, xp.special.gammaln(xp.add(p, q)))


def _one_large(xp: Any, p: Array, q: Array) -> Array:
    """log Γ(p) + c(q) - c(p+q) + p - p log(p+q) + (q - 1/2) log(1 - p/(p+q))"""
    total = xp.add(p, q)
    correction = xp.subtract(_correction(xp, q), _correction(xp, total))
    ours = xp.add(xp.special.gammaln(p), xp.add(correction, p))
    ours = xp.subtract(ours, xp.multiply(p, xp.log(total)))
    share = xp.log1p(xp.negative(xp.divide(p, total)))
    return xp.add(ours, xp.multiply(xp.subtract(q, xp.full_like(q, 0.5)), share))


def _both_large(xp: Any, p: Array, q: Array) -> Array:
    """log(2π / q) / 2 + c(p) + c(q) - c(p+q) + (p - 1/2) log(p/(p+q)) + q log(1 - p/(p+q))"""
    total = xp.add(p, q)
    ratio = xp.divide(p, total)
    correction = xp.add(_correction(xp, p), xp.subtract(_correction(xp, q), _correction(xp, total)))
    root = xp.multiply(xp.full_like(q, 0.5), xp.log(xp.divide(xp.full_like(q, 2 * math.pi), q)))
    mine = xp.multiply(xp.subtract(p, xp.full_like(p, 0.5)), xp.log(ratio))
    other = xp.multiply(q, xp.log1p(xp.negative(ratio)))
    return xp.add(xp.add(root, correction), xp.add(mine, other))


def _correction(xp: Any, x: Array) -> Array:
    """log Γ(x) - (x - 1/2) log x + x - log(2π) / 2, for x from 10 up."""
    x = xp.maximum(x, xp.full_like(x, _LARGE))
    inverse = xp.reciprocal(x)
    square = xp.square(inverse)
    out = xp.full_like(x, _STIRLING[-1])
    for coefficient in reversed(_STIRLING[:-1]):
        out = xp.add(xp.multiply(out, square), xp.full_like(x, coefficient))
    return xp.multiply(out, inverse)
