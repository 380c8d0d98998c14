"""``xgrad.special``: the special functions of SciPy on labeled arrays, with gradients.

Arguments are DataArrays, Datasets, arrays and numbers, which broadcast by name; integers count as float64. The names
and the order of the arguments are those of ``scipy.special``, whose ufuncs may be called on traced arrays as well. What
runs is JAX's version, inside and outside of compiled functions. Formulas of derivatives are with the ops in
``docs/ops.md``; where there is none by an argument, ``grad`` says so.

>>> import xarray as xr, xgrad as xg
>>> x = xr.DataArray([0.5, 1.0, 5.0], dims="x")
>>> xg.special.gammaln(x).round(4).values
array([0.5724, 0.    , 3.1781])
>>> xg.grad(lambda x: xg.special.gammaln(x).sum())(x).round(4).values
array([-1.9635, -0.5772,  1.5061])
"""

import inspect
from collections.abc import Callable, Hashable, Sequence
from typing import Any

import numpy as np
import scipy.special
import xarray as xr

from xgrad.axes import gammas, integrals, special
from xgrad.axes.base import AbstractElementwise
from xgrad.errors import ArgumentError
from xgrad.functions.calls import Dims, Labeled, along, apply, check_labeled, core_dims
from xgrad.labels.duck import special as kernels
from xgrad.labels.duck.making import sinc as _sinc

Function = Callable[..., Any]


def _named(name: str, kernel: Callable[..., Any], parameters: Sequence[str], doc: str) -> Function:
    """A public function: ``kernel`` on labeled arrays, with a name, a signature and a docstring."""
    kinds = inspect.Parameter.POSITIONAL_OR_KEYWORD
    signature = inspect.Signature([inspect.Parameter(p, kinds) for p in parameters])

    def function(*args: Labeled, **kwargs: Labeled) -> Any:
        try:
            bound = signature.bind(*args, **kwargs)
        except TypeError as error:
            raise ArgumentError(f"xgrad.special.{name}{signature}: {error}.") from None
        return apply(kernel, *bound.args, out=outputs)

    outputs = ((), ()) if name in ("fresnel", "sici") else ((),)
    function.__name__ = function.__qualname__ = name
    function.__doc__ = f"{doc}\n\nElementwise; arguments broadcast by name."
    function.__signature__ = signature  # pyright: ignore[reportFunctionMemberAccess]
    return function


def _op(name: str, op: type[AbstractElementwise], doc: str) -> Function:
    """A function that is one op, whose inputs it names."""
    names = [p for p in inspect.signature(op.emit).parameters if p not in ("self", "xp")]
    return _named(name, kernels.function_of(op), names, doc)


# ---- the gamma function's family -----------------------------------------------------------------------------------
gamma = _op("gamma", gammas.Gamma, "Γ(x).")
gammaln = _op("gammaln", special.Gammaln, "log |Γ(x)|.")
loggamma = _op("loggamma", gammas.Loggamma, "log Γ(x), and NaN where Γ(x) is negative.")
gammasgn = _op("gammasgn", gammas.Gammasgn, "The sign of Γ(x); its derivative is zero.")
digamma = _op("digamma", special.Digamma, "ψ(x), the derivative of log Γ(x).")
psi = digamma
polygamma = _op(
    "polygamma", special.Polygamma, "The n-th derivative of ψ at x; none by the integer n."
)
factorial = _op("factorial", gammas.Factorial, "Γ(n + 1).")
beta = _op("beta", gammas.Beta, "B(a, b) = Γ(a) Γ(b) / Γ(a + b).")
betaln = _op("betaln", gammas.Betaln, "log B(a, b).")
poch = _op("poch", gammas.Poch, "The Pochhammer symbol Γ(z + m) / Γ(z).")
comb = _op("comb", gammas.Comb, "The number of ways to take k of n.")
gammainc = _op(
    "gammainc", gammas.Gammainc, "The regularised lower incomplete gamma function P(a, x)."
)
gammaincc = _op(
    "gammaincc", gammas.Gammaincc, "The regularised upper incomplete gamma function Q(a, x)."
)
betainc = _op(
    "betainc", gammas.Betainc, "The regularised incomplete beta function; a derivative by x alone."
)
betaincc = _named("betaincc", kernels.betaincc, ("a", "b", "x"), "1 - betainc(a, b, x).")
spence = _op("spence", gammas.Spence, "The dilogarithm of 1 - x.")

# ---- error functions and the normal distribution -------------------------------------------------------------------
erf = _op("erf", special.Erf, "2/√π ∫ e^(-t²) dt from 0 to x.")
erfc = _op("erfc", special.Erfc, "1 - erf(x), exact far out.")
erfcx = _op("erfcx", integrals.Erfcx, "e^(x²) erfc(x).")
erfinv = _op("erfinv", special.Erfinv, "The inverse of erf.")
erfcinv = _named("erfcinv", kernels.erfcinv, ("x",), "The inverse of erfc.")
dawsn = _op("dawsn", integrals.Dawsn, "Dawson's integral e^(-x²) ∫ e^(t²) dt.")
wofz = _op("wofz", integrals.Wofz, "Faddeeva's function of a complex number.")
owens_t = _op("owens_t", integrals.OwensT, "Owen's T function.")
ndtr = _op("ndtr", special.Ndtr, "The distribution function of the standard normal.")
log_ndtr = _op("log_ndtr", special.LogNdtr, "log ndtr(x), exact far out.")
ndtri = _op("ndtri", special.Ndtri, "The quantile of the standard normal.")

# ---- logistic functions --------------------------------------------------------------------------------------------
expit = _op("expit", special.Expit, "1 / (1 + e^-x).")
log_expit = _op("log_expit", special.LogExpit, "log expit(x), exact far out.")
logit = _op("logit", special.Logit, "log(x / (1 - x)), the inverse of expit.")

# ---- integrals and series ------------------------------------------------------------------------------------------
expi = _op("expi", integrals.Expi, "The exponential integral Ei(x).")
exp1 = _op("exp1", integrals.Exp1, "The exponential integral E1(x).")
expn = _op(
    "expn", integrals.Expn, "The exponential integral E_n(x); no derivative by the integer n."
)
exprel = _op("exprel", integrals.Exprel, "(e^x - 1) / x.")
sici = _named("sici", kernels.sici, ("x",), "The sine and the cosine integral, a pair.")
fresnel = _named("fresnel", kernels.fresnel, ("x",), "Fresnel's integrals S and C, a pair.")
hyp1f1 = _op(
    "hyp1f1",
    integrals.Hyp1f1,
    "Kummer's function 1F1(a; b; x); derivatives by a and b for |x| up to 100, and a no whole number ≤ 0.",
)
hyp2f1 = _op(
    "hyp2f1", integrals.Hyp2f1, "Gauss's function 2F1(a, b; c; x); a derivative by x alone."
)
sinc = _named("sinc", _sinc, ("x",), "sin(πx) / (πx).")

# ---- Bessel functions ----------------------------------------------------------------------------------------------
i0 = _op("i0", integrals.I0, "The modified Bessel function of order 0.")
i0e = _op("i0e", special.I0e, "e^-|x| i0(x).")
i1 = _op("i1", integrals.I1, "The modified Bessel function of order 1.")
i1e = _op("i1e", special.I1e, "e^-|x| i1(x).")

# ---- logarithms and entropies --------------------------------------------------------------------------------------
xlogy = _op("xlogy", special.Xlogy, "x log y, and 0 where x is 0.")
xlog1py = _op("xlog1py", special.Xlog1py, "x log(1 + y), and 0 where x is 0.")
entr = _op("entr", integrals.Entr, "-x log x, and 0 at 0.")
rel_entr = _op("rel_entr", integrals.RelEntr, "x log(x / y), and 0 where x is 0.")
kl_div = _op("kl_div", integrals.KlDiv, "x log(x / y) - x + y.")
boxcox = _named("boxcox", kernels.boxcox, ("x", "lmbda"), "(x^λ - 1) / λ, and log x where λ is 0.")
boxcox1p = _named("boxcox1p", kernels.boxcox1p, ("x", "lmbda"), "boxcox(1 + x, λ).")


def zeta(x: Labeled, q: Labeled = 1.0) -> Any:
    """Hurwitz' zeta function Σ_k (k + q)^-x; Riemann's for q = 1. A derivative by q alone.

    Elementwise; arguments broadcast by name.

    >>> round(float(zeta(2.0)), 4)
    1.6449
    """
    return apply(kernels.function_of(gammas.Zeta), x, q)


def multigammaln(a: Labeled, d: int) -> Any:
    """The logarithm of the multivariate gamma function of dimension ``d``, a whole number.

    Elementwise.

    >>> round(float(multigammaln(3.0, 2)), 4)
    1.5502
    """
    if not isinstance(d, int) or d < 1:
        raise ArgumentError(
            f"multigammaln: the dimension d must be a whole number from 1 on, not {d!r}."
        )
    return apply(kernels.multigammaln, a, d=d)


def bernoulli(n: int, dim: Hashable = "n") -> xr.DataArray:
    """The Bernoulli numbers B_0 to B_n along ``dim``, with n as labels.

    >>> bernoulli(2).values
    array([ 1.        , -0.5       ,  0.16666667])
    """
    _check_whole("bernoulli", "n", n)
    return xr.DataArray(scipy.special.bernoulli(n)[: n + 1], {dim: np.arange(n + 1)}, (dim,))


def bessel_jn(x: Labeled, v: int, dim: Hashable = "order") -> Any:
    """The Bessel functions J_0 to J_v of the first kind, along the new dim ``dim`` with the orders as labels.

    The absolute error is some 1e-15; of arguments with |x| + v above 400 it is NaN. A derivative by x. Source: NIST
    Digital Library of Mathematical Functions, 10.9.2.

    >>> bessel_jn(xr.DataArray(1.0), 2).round(4).values
    array([0.7652, 0.4401, 0.1149])
    """
    check_labeled("take Bessel functions", x)
    _check_whole("bessel_jn", "v", v)
    found = apply(kernels.bessel_jn, x, out=[[dim]], v=v)
    return found.assign_coords({dim: np.arange(v + 1)})


def sph_harm_y(n: int, m: int, theta: Labeled, phi: Labeled) -> Any:
    """The spherical harmonic of degree ``n`` and order ``m`` at polar angle ``theta`` and azimuth ``phi``; complex.

    Elementwise; angles broadcast by name, and are in radians. Zero where |m| > n. Derivatives by the angles. Source of
    the recurrence: NIST Digital Library of Mathematical Functions, 14.10.3.

    >>> sph_harm_y(1, 0, xr.DataArray(0.0), 0.0).round(4).item()
    (0.4886+0j)
    """
    _check_whole("sph_harm_y", "n", n)
    if not isinstance(m, int):
        raise ArgumentError(f"sph_harm_y: m must be a whole number known while tracing, not {m!r}.")
    return apply(kernels.sph_harm_y, theta, phi, n=n, m=m)


def _check_whole(doing: str, name: str, value: Any) -> None:
    if not isinstance(value, int) or value < 0:
        raise ArgumentError(f"{doing}: {name} must be a whole number from 0 on, not {value!r}.")


# ---- along dims ----------------------------------------------------------------------------------------------------
def logsumexp(x: Labeled, dim: Dims = None, *, weights: Labeled | None = None) -> Any:
    """log Σ w e^x along ``dim`` (None: all dims), without overflow; ``weights`` w broadcast by name (None: ones).

    Entries of -∞ count as nothing, in the gradient too; of nothing but these it is -∞. Raises DimensionError for a dim
    that ``x`` lacks.

    >>> x = xr.DataArray([800.0, 801.0], dims="x")
    >>> logsumexp(x, "x").round(4).item()
    801.3133
    """
    dims = core_dims("take logsumexp", x, dim)
    if isinstance(x, xr.Dataset):
        return x.map(
            lambda v: logsumexp(v, [d for d in dims if d in v.dims], weights=weights),
            keep_attrs=True,
        )
    if weights is not None:
        x, weights = xr.broadcast(x, weights)
    given = (x,) if weights is None else (x, weights)
    return apply(kernels.logsumexp, *given, core=[dims] * len(given), ndim=len(dims))


def softmax(x: Labeled, dim: Dims = None) -> Any:
    """e^x over its sum along ``dim`` (None: all dims), without overflow; has the dims of ``x``.

    Raises DimensionError for a dim that ``x`` lacks.

    >>> x = xr.DataArray([800.0, 800.0], dims="x")
    >>> softmax(x, "x").values
    array([0.5, 0.5])
    """
    dims = core_dims("take softmax", x, dim)
    return along(kernels.softmax, x, dims, ndim=len(dims))


def log_softmax(x: Labeled, dim: Dims = None) -> Any:
    """The logarithm of ``softmax`` along ``dim`` (None: all dims), exact far out.

    Raises DimensionError for a dim that ``x`` lacks.

    >>> x = xr.DataArray([800.0, 0.0], dims="x")
    >>> log_softmax(x, "x").values
    array([   0., -800.])
    """
    dims = core_dims("take log_softmax", x, dim)
    return along(kernels.log_softmax, x, dims, ndim=len(dims))
