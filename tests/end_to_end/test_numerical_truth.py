"""Values and gradients where naive formulas give NaN, infinity or no digits: against limits, and mpmath's 60 digits.

Each program is written as a user writes it, in NumPy and xarray, with no care taken.
"""

import mpmath
import numpy as np
import pytest
import xarray as xr

import xgrad as xg

INF = np.inf
both_routes = pytest.mark.parametrize("ad", ["auto", "symbolic"])


def at(*values):
    return xr.DataArray(np.array(values, float), dims="x")


def log_sum_exp(x):
    return np.log(np.exp(x).sum())


def cross_entropy(x):
    """-log(softmax(x)) of the first entry."""
    return -np.log(np.exp(x) / np.exp(x).sum("x")).isel(x=0)


def softplus(x):
    return np.log(1 + np.exp(x)).sum()


def log_sigmoid(x):
    return np.log(1 / (1 + np.exp(-x))).sum()


def log1mexp(x):
    return np.log(1 - np.exp(x)).sum()


def log_where_positive(x):
    return xr.where(x > 0, np.log(x), 0.0).sum()


def norm(x):
    return np.sqrt((x**2).sum())


def softmax(x):
    return (np.exp(x) / np.exp(x).sum("x")).isel(x=1)


# ---- what is known without a computer: a program, where, its value and its gradient --------------------------------
LIMITS = {
    "where(x > 0, log x, 0) at 0": (log_where_positive, at(0, 2), np.log(2), [0, 0.5]),
    "sqrt(sum x²) at 0": (norm, at(0, 0, 0), 0, [0, 0, 0]),
    "std of a constant": (lambda x: x.std("x"), at(2, 2, 2), 0, [0, 0, 0]),
    "std of one number": (lambda x: x.std("x"), at(2), 0, [0]),
    "std of a constant by weights": (
        lambda x: x.weighted(xr.DataArray([1.0, 3.0], dims="x")).std("x"), at(2, 2), 0, [0, 0],
    ),
    "prod at [0, 2, 3]": (lambda x: x.prod("x"), at(0, 2, 3), 0, [6, 0, 0]),
    "prod of two zeros": (lambda x: x.prod("x"), at(0, 0, 3), 0, [0, 0, 0]),
    "cumprod with a zero": (lambda x: x.cumprod("x").sum(), at(2, 0, 3), 2, [1, 8, 0]),
    "norm at 0 behind a mask": (
        lambda x: xr.where(x.sum() > 0, norm(x), 0.0), at(0, 0), 0, [0, 0],
    ),
    "sqrt at 0 behind a mask": (
        lambda x: xr.where(x > 0, np.sqrt(x), 0.0).sum(), at(0, 4), 2, [0, 0.25],
    ),
    "std of constants behind a mask": (
        lambda x: xr.where(x > 1, x.std("x"), 0.0).sum(), at(1, 1), 0, [0, 0],
    ),
    "x**2 at 0": (lambda x: (x**2).sum(), at(0, 3), 9, [0, 6]),
    "x**1.5 at 0": (lambda x: (x**1.5).sum(), at(0, 4), 8, [0, 3]),
    "x**1.0 at 0": (lambda x: (x**1.0).sum(), at(0, 4), 4, [1, 1]),
    "x**0 at 0": (lambda x: (x**0).sum(), at(0, 4), 2, [0, 0]),
    "x**y at 0, by x": (lambda x: (x ** at(2.0, 1.0)).sum(), at(0, 0), 0, [0, 1]),
    "x**y at 0, by y": (lambda y: (at(0.0, 3.0) ** y).sum(), at(2, 1), 3, [0, 3 * np.log(3)]),
    "log(sum(exp x)) with -inf": (log_sum_exp, at(-INF, 0, 0), np.log(2), [0, 0.5, 0.5]),
    "softmax with -inf": (softmax, at(-INF, 0, 0), 0.5, [0, 0.25, -0.25]),
    "mean, skipping NaN": (lambda x: x.mean("x"), at(1, np.nan, 3), 2, [0.5, 0, 0.5]),
    "std, skipping NaN": (lambda x: x.std("x"), at(1, np.nan, 3), 1, [-0.5, 0, 0.5]),
    "prod, skipping NaN": (lambda x: x.prod("x"), at(2, np.nan, 3), 6, [3, 0, 2]),
    "max, skipping NaN": (lambda x: x.max("x"), at(2, np.nan, 3), 3, [0, 0, 1]),
}  # fmt: skip


@both_routes
@pytest.mark.parametrize("name", LIMITS)
def test_limits(name, ad):
    program, x, value, gradient = LIMITS[name]
    found, slope = xg.value_and_grad(program, ad=ad)(x)
    np.testing.assert_allclose(found, value, rtol=1e-14, atol=1e-300)
    np.testing.assert_allclose(slope, gradient, rtol=1e-13, atol=1e-15)


@pytest.mark.parametrize("name", LIMITS)
def test_forward_mode_has_the_same_limits(name):
    program, x, _, gradient = LIMITS[name]
    for k, expected in enumerate(gradient):
        if np.isfinite(x[k]):
            _, moved = xg.pushforward(program, (x,), (xr.DataArray(np.eye(x.size)[k], dims="x"),))
            np.testing.assert_allclose(moved, expected, rtol=1e-13, atol=1e-15)


# ---- what mpmath knows ---------------------------------------------------------------------------------------------
def each(f):
    return lambda *x: mpmath.fsum([f(v) for v in x])


def mp_cross_entropy(*x):
    return mpmath.log(mpmath.fsum([mpmath.exp(v) for v in x])) - x[0]


def mp_log_sum_exp(*x):
    return mpmath.log(mpmath.fsum([mpmath.exp(v) for v in x]))


EXACT = {
    "log(sum(exp x)) at [800, 801]": (log_sum_exp, mp_log_sum_exp, at(800, 801)),
    "log(sum(exp x)) at [-800, -801]": (log_sum_exp, mp_log_sum_exp, at(-800, -801)),
    "-log(softmax) at [800, 0]": (cross_entropy, mp_cross_entropy, at(800, 0)),
    "-log(softmax) at [0, 800]": (cross_entropy, mp_cross_entropy, at(0, 800)),
    "log(1 + exp x) at 800": (softplus, each(lambda v: mpmath.log1p(mpmath.exp(v))), at(800, -800, 1)),
    "log(sigmoid x) at [-800, 820]": (
        log_sigmoid, each(lambda v: -mpmath.log1p(mpmath.exp(-v))), at(-800, 820),
    ),
    "log(1 - exp x) at -1e-20": (
        log1mexp, each(lambda v: mpmath.log(-mpmath.expm1(v))), at(-1e-20, -1.0, -50.0),
    ),
    "log1p near 0": (lambda x: np.log1p(x).sum(), each(mpmath.log1p), at(1e-20, -1e-18)),
    "expm1 near 0": (lambda x: np.expm1(x).sum(), each(mpmath.expm1), at(1e-20, -1e-18)),
    "log(1 + x) near 0": (lambda x: np.log(1 + x).sum(), each(mpmath.log1p), at(1e-20, 3e-18)),
    "exp(x) - 1 near 0": (lambda x: (np.exp(x) - 1).sum(), each(mpmath.expm1), at(1e-20, 3e-18)),
}  # fmt: skip


@both_routes
@pytest.mark.parametrize("name", EXACT)
def test_extreme_arguments(name, ad):
    program, exact, x = EXACT[name]
    found, slope = xg.value_and_grad(program, ad=ad)(x)
    with mpmath.workdps(60):
        point = [mpmath.mpf(float(v)) for v in x.values]
        value = exact(*point)
        partials = [
            mpmath.diff(
                exact, point, tuple(int(i == k) for i in range(len(point))), h=mpmath.mpf(10) ** -45
            )
            for k in range(len(point))
        ]
    np.testing.assert_allclose(float(found), float(value), rtol=4e-15)
    np.testing.assert_allclose(slope, [float(p) for p in partials], rtol=1e-13, atol=1e-300)


SPECIAL = {
    "gammaln": (xg.special.gammaln, mpmath.loggamma, [1e-8, 0.5, 171.3, 1e6]),
    "digamma": (xg.special.digamma, mpmath.digamma, [1e-6, 0.5, 30.0, 1e8]),
    "erf": (xg.special.erf, mpmath.erf, [1e-12, 0.5, 3.0, 6.0]),
    "erfc": (xg.special.erfc, mpmath.erfc, [-3.0, 0.5, 5.0, 20.0]),
    "erfinv": (xg.special.erfinv, mpmath.erfinv, [1e-10, 0.3, 0.999]),
    "expit": (xg.special.expit, lambda v: 1 / (1 + mpmath.exp(-v)), [-700.0, -30.0, 0.1, 30.0]),
    "logit": (xg.special.logit, lambda p: mpmath.log(p / (1 - p)), [1e-300, 1e-10, 0.4]),
    "log_expit": (xg.special.log_expit, lambda v: -mpmath.log1p(mpmath.exp(-v)), [-800.0, -3.0, 30.0]),
    "log_ndtr": (xg.special.log_ndtr, lambda v: mpmath.log(mpmath.ncdf(v)), [-30.0, -3.0, 1.0]),
    "i0e": (xg.special.i0e, lambda v: mpmath.besseli(0, v) * mpmath.exp(-v), [1e-6, 1.0, 50.0]),
}  # fmt: skip


@pytest.mark.parametrize("name", SPECIAL)
def test_special_functions_and_their_derivatives(name):
    ours, exact, points = SPECIAL[name]
    x = at(*points)
    found, slope = xg.jit(ours)(x), xg.grad(lambda x: ours(x).sum())(x)
    with mpmath.workdps(60):
        values = [float(exact(mpmath.mpf(p))) for p in points]
        slopes = [
            float(mpmath.diff(exact, mpmath.mpf(p), h=mpmath.mpf(10) ** -40 * p)) for p in points
        ]
    np.testing.assert_allclose(found, values, rtol=1e-11)
    np.testing.assert_allclose(slope, slopes, rtol=1e-9)


# ---- kinks ---------------------------------------------------------------------------------------------------------
KINKS = {
    "abs": (lambda x: abs(x).sum(), at(0, -2, 3), [0, -1, 1]),
    "max": (lambda x: x.max("x"), at(3, 1, 3), [0.5, 0, 0.5]),
    "min": (lambda x: x.min("x"), at(1, 1, 3), [0.5, 0.5, 0]),
    "maximum": (lambda x: np.maximum(x, 2.0).sum(), at(2, 1, 3), [0.5, 0, 1]),
    "minimum": (lambda x: np.minimum(x, 2.0).sum(), at(2, 1, 3), [0.5, 1, 0]),
    "median": (lambda x: x.median("x"), at(2, 2, 5), [0.5, 0.5, 0]),
    "clip": (lambda x: x.clip(0, 2).sum(), at(0, 1, 2), [0.5, 1, 0.5]),
}


@pytest.mark.parametrize("name", KINKS)
def test_conventions_in_both_modes(name):
    program, x, expected = KINKS[name]
    np.testing.assert_allclose(xg.grad(program)(x), expected, atol=1e-15)
    for k, slope in enumerate(expected):
        _, moved = xg.pushforward(program, (x,), (xr.DataArray(np.eye(3)[k], dims="x"),))
        np.testing.assert_allclose(moved, slope, atol=1e-15)


def test_sort_passes_through_its_permutation():
    x, w = at(3, 1, 2), np.array([10.0, 20.0, 30.0])
    sort = lambda x: xr.apply_ufunc(np.sort, x, input_core_dims=[["x"]], output_core_dims=[["x"]])  # noqa: E731
    np.testing.assert_array_equal(xg.grad(lambda x: (sort(x) * w).sum())(x), [30, 10, 20])


# ---- matrices ------------------------------------------------------------------------------------------------------
def matrix(values):
    return xr.DataArray(np.array(values, float), dims=("row", "col"))


def test_cholesky_and_eigh_see_the_symmetric_part():
    """The gradient is symmetric, and that along every symmetric direction: the input is taken to be symmetric."""
    a = matrix([[4.0, 1.0, 0.5], [1.0, 3.0, 0.2], [0.5, 0.2, 2.0]])
    weights = np.arange(9.0).reshape(3, 3)
    costs = {
        "cholesky": lambda a: (xg.linalg.cholesky(a) * weights).sum(),
        "eigh": lambda a: (xg.linalg.eigh(a)[0] * np.array([1.0, 2.0, 5.0])).sum(),
    }
    for cost in costs.values():
        slope = xg.grad(cost)(a)
        np.testing.assert_allclose(slope, slope.values.T, atol=1e-13)
        d = matrix([[0.3, 0.1, -0.2], [0.1, 0.5, 0.4], [-0.2, 0.4, 0.1]])
        h = 1e-5
        expected = (xg.jit(cost)(a + h * d) - xg.jit(cost)(a - h * d)) / (2 * h)
        np.testing.assert_allclose((slope * d).sum(), expected, rtol=1e-8)


REPEATED = {
    "trace of a square": (
        lambda a: (xg.linalg.eigh(a)[0] ** 2).sum(), lambda a: 2 * a,
    ),
    "log determinant": (
        lambda a: np.log(xg.linalg.eigh(a)[0]).sum(), lambda a: np.linalg.inv(a),
    ),
    "the mean of two whole eigenspaces": (lambda a: _projected(a), None),
}  # fmt: skip


def _projected(a):
    """Σ λ² of the two lowest, and the projector on them: the same whichever eigenvectors are taken."""
    values, vectors = np.linalg.eigh(a.data)
    low = vectors[:, :2]
    return xr.DataArray(
        ((low @ low.T) * np.sqrt(np.arange(9.0)).reshape(3, 3)).sum() + (values[:2] ** 2).sum()
    )


@pytest.mark.parametrize("name", REPEATED)
@pytest.mark.parametrize("values", [np.diag([2.0, 2.0, 3.0]), np.diag([2.0, 2.0, 2.0])])
def test_repeated_eigenvalues_where_the_cost_is_symmetric_in_them(name, values):
    cost, expected = REPEATED[name]
    if expected is not None:
        np.testing.assert_allclose(xg.grad(cost)(matrix(values)), expected(values), atol=1e-13)
    elif values[2, 2] != values[0, 0]:  # else the two are no whole eigenspace
        d = np.array([[0.3, 0.1, -0.2], [0.1, 0.5, 0.4], [-0.2, 0.4, 0.1]])
        h = 1e-4
        ends = [float(xg.jit(cost)(matrix(values + s * h * d))) for s in (1, -1)]
        slope = (xg.grad(cost)(matrix(values)).values * d).sum()
        np.testing.assert_allclose(slope, (ends[0] - ends[1]) / (2 * h), rtol=1e-6)


# ---- higher derivatives --------------------------------------------------------------------------------------------
def test_higher_derivatives_at_the_difficult_points():
    """A Hessian product is finite, and the limit, where the gradient is."""
    ones = at(1, 1)
    for program, x, expected in [
        (log_sum_exp, at(800, 801), None),
        (cross_entropy, at(800, 0), [0, 0]),
        (softplus, at(800, -800), [0, 0]),
        (log_where_positive, at(0, 2), [0, -0.25]),
        (lambda x: x.prod("x"), at(0, 2), [1, 1]),
        (lambda x: (x**2).sum(), at(0, 0), [2, 2]),
    ]:
        found = xg.hessian_vector_product(program)(x, ones)
        assert np.isfinite(found).all()
        if expected is not None:
            np.testing.assert_allclose(found, expected, atol=1e-12)
