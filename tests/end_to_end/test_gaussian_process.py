"""A Gaussian process written as in a textbook: inverse, determinant and all, made accurate and fast by rewriting."""

import re

import jax
import numpy as np
import pytest
import scipy.linalg
import scipy.stats
import xarray as xr

import xgrad as xg
from benchmarks import gp

AD = ["symbolic", "jax"]


def covariance(x, p):
    distance = ((x[:, None] - x[None]) ** 2).sum(-1)
    kernel = p["size"] ** 2 * np.exp(-distance / (2 * p["scale"] ** 2))
    return kernel + p["noise"] ** 2 * np.eye(len(x))


def expected(x, y, p):
    """SciPy's density, and the gradient ½ tr((α αᵀ - K⁻¹) dK) (Rasmussen & Williams, 5.9), dK by differences."""
    p = {name: float(v) for name, v in p.items()}
    k = covariance(x, p)
    value = scipy.stats.multivariate_normal(np.zeros(len(y)), k).logpdf(y)
    inverse = scipy.linalg.cho_solve(scipy.linalg.cho_factor(k), np.eye(len(y)))
    alpha = inverse @ y
    gradient = {}
    for name in p:
        up, down = ({**p, name: p[name] + step} for step in (1e-5, -1e-5))
        slope = (covariance(x, up) - covariance(x, down)) / 2e-5
        gradient[name] = 0.5 * ((np.outer(alpha, alpha) - inverse) * slope).sum()
    return value, gradient


def spelled_by_module(x, y):
    """The same through ``xg.linalg``."""
    other = x.rename(point="other")
    same = xr.DataArray(np.eye(x.sizes["point"]), dims=("point", "other"))
    dims = ("point", "other")

    def log_likelihood(p):
        kernel = p["size"] ** 2 * np.exp(-((x - other) ** 2).sum("feature") / (2 * p["scale"] ** 2))
        k = kernel + p["noise"] ** 2 * same
        fit = xr.dot(y, xg.linalg.inv(k, dims), y.rename(point="other"))
        size = np.log(xg.linalg.det(k, dims))
        return -0.5 * fit - 0.5 * size - 0.5 * y.size * np.log(2 * np.pi)

    return log_likelihood


SPELLINGS = {"numpy": gp.naive_labeled, "module": spelled_by_module}


@pytest.mark.parametrize(
    ("spelling", "points", "ad"),
    [*[(name, 12, ad) for name in SPELLINGS for ad in AD], ("numpy", 400, "symbolic")],
)
def test_value_and_gradient(spelling, points, ad):
    """At 400 points the determinant is below all floats: NumPy's logarithm of it is -inf."""
    x, y = gp.data(points)
    p = gp.parameters() | {"noise": xr.DataArray(0.05)}
    value, gradient = xg.value_and_grad(SPELLINGS[spelling](x, y), ad=ad)(p)
    true_value, true_gradient = expected(x.values, y.values, p)
    np.testing.assert_allclose(value, true_value, rtol=1e-9)
    for name, g in gradient.items():
        np.testing.assert_allclose(g, true_gradient[name], rtol=1e-5, atol=1e-6)


def test_naive_numpy_is_not_finite():
    x, y = gp.data(400)
    with np.errstate(all="ignore"):
        assert not np.isfinite(gp.naive_labeled(x, y)(gp.parameters() | {"noise": 0.05}))


def test_one_cholesky_for_value_and_gradient():
    """Counted in the optimised program: one factor, no inverse, LU only in a branch that is not taken."""
    x, y = gp.data(50)
    stages = xg.jit(xg.value_and_grad(gp.naive_labeled(x, y))).stages(gp.parameters())
    assert gp.factorisations(stages.hlo) == {"potrf": 1, "getrf": 1}
    assert not re.search("linalg.(inv|det|solve)", stages.source)
    fired = {f.rule for f in stages.rewrites}
    assert {"inverse_product", "log_det", "symmetric_inverse", "cholesky_factors"} <= fired


def test_second_derivative():
    """Against central differences of the gradient."""
    x, y = gp.data(12)
    p = gp.parameters()
    function = gp.naive_labeled(x, y)
    by_scale = lambda scale: function({**p, "scale": scale})  # noqa: E731
    step = 1e-5
    up, down = (xg.grad(by_scale)(p["scale"] + s) for s in (step, -step))
    np.testing.assert_allclose(
        xg.hessian(by_scale)(p["scale"]), (up - down) / (2 * step), rtol=1e-5
    )


@pytest.mark.parametrize("ad", AD)
def test_symmetric_but_not_positive_definite(ad):
    """Cholesky fails, LU does not: the value and the gradient are those of the program as written."""
    rng = np.random.default_rng(1)
    x = xr.DataArray(rng.normal(size=6), dims="i")
    b = xr.DataArray(rng.normal(size=6), dims="i")

    def matrix(x):
        return np.abs(x - x.rename(i="j"))

    def naive(x):
        core = {"input_core_dims": [["i", "j"]]}
        inverse = xr.apply_ufunc(np.linalg.inv, matrix(x), **core, output_core_dims=[["i", "j"]])
        size = np.log(-xr.apply_ufunc(np.linalg.det, matrix(x), **core))
        return xr.dot(b, inverse, b.rename(i="j")) + size

    assert np.linalg.eigvalsh(matrix(x).values)[0] < 0 < np.linalg.eigvalsh(matrix(x).values)[-1]
    compiled = xg.value_and_grad(naive, ad=ad)
    value, gradient = compiled(x)
    fired = {f.rule for f in compiled.stages(x).rewrites}
    assert "cholesky_factors" in fired or ad == "jax"  # JAX differentiates the plain ops
    np.testing.assert_allclose(value, naive(x), rtol=1e-9)
    for k in range(6):
        step = xr.zeros_like(x)
        step[k] = 1e-6
        slope = (naive(x + step) - naive(x - step)) / 2e-6
        np.testing.assert_allclose(gradient[k], slope, rtol=1e-5, atol=1e-6)
    with jax.enable_x64(True):  # and the compiled function inside JAX's own gradient
        around = jax.grad(xg.to_jax(naive, x))(x.values)
    np.testing.assert_allclose(around, gradient, rtol=1e-8)
