"""Distributions of vectors, matrices and series: densities against SciPy and numpyro, gradients, draws."""

from typing import Any, NamedTuple

import jax
import numpy as np
import pytest
import xarray as xr
from scipy import stats

import xgrad as xg
import xgrad.model as d
from xgrad.errors import ArgumentError, DimensionError, SizeMismatchError

RNG = np.random.default_rng(0)
N = 5
ROOT = RNG.normal(size=(N, N))
COV = ROOT @ ROOT.T / N + np.eye(N)
MEAN = RNG.normal(size=N)
ALPHA = np.array([0.7, 1.0, 2.5, 4.0, 1.3])
P = np.array([0.1, 0.3, 0.2, 0.25, 0.15])


def along(values: Any, *dims: str) -> xr.DataArray:
    return xr.DataArray(np.asarray(values), dims=dims)


class Case(NamedTuple):
    """A distribution, the log-density of each row of an array, rows inside and outside the support."""

    ours: d.Normal
    log: Any
    inner: np.ndarray
    outer: list[Any]
    sizes: dict[str, int] = {"k": N}  # noqa: RUF012

    @property
    def dims(self) -> tuple[str, ...]:
        return tuple(self.sizes)


def zero_sum(x: np.ndarray, sigma: float) -> np.ndarray:
    cov = sigma**2 * (np.eye(N) - 1.0 / N)
    return stats.multivariate_normal(cov=cov, allow_singular=True).logpdf(x)


def two_ways(x: np.ndarray, sigma: float) -> np.ndarray:
    """Of arrays that sum to zero along both of two dims."""
    n, m = x.shape[1:]
    centred = [np.eye(k) - 1.0 / k for k in (n, m)]
    whole = stats.multivariate_normal(cov=sigma**2 * np.kron(*centred), allow_singular=True)
    return whole.logpdf(x.reshape(len(x), -1))


def of_steps(x: np.ndarray) -> np.ndarray:
    steps = np.diff(x, axis=1, prepend=0.0)
    return stats.norm(0.2, 0.7).logpdf(steps).sum(1)


def of_autoregression(x: np.ndarray) -> np.ndarray:
    mean = 0.1 + 0.5 * x[:, 1:-1] + 0.3 * x[:, :-2]
    later = stats.norm(mean, 0.7).logpdf(x[:, 2:]).sum(1)
    return stats.norm(0.0, 2.0).logpdf(x[:, :2]).sum(1) + later


def lkj(x: np.ndarray, eta: float) -> np.ndarray:
    """By the product of the beta densities of its partial correlations, which are independent."""
    n = x.shape[-1]
    total = np.zeros(len(x))
    for i in range(1, n):
        rest = np.ones(len(x))
        for j in range(i):
            z = x[:, i, j] / np.sqrt(rest)
            b = eta + 0.5 * (n - 2 - j)
            total += stats.beta(b, b).logpdf(0.5 * (z + 1.0)) - np.log(2.0) - 0.5 * np.log(rest)
            rest = rest - x[:, i, j] ** 2
    return total


def factors(n: int, count: int) -> np.ndarray:
    roots = RNG.normal(size=(count, n, 2 * n))
    covs = roots @ np.swapaxes(roots, 1, 2)
    scale = 1.0 / np.sqrt(np.einsum("cii->ci", covs))
    return np.linalg.cholesky(covs * scale[:, :, None] * scale[:, None, :])


def mixture_of_vectors(x: np.ndarray) -> np.ndarray:
    logs = [stats.multivariate_normal(m, COV).logpdf(x) for m in (MEAN, -MEAN)]
    return np.logaddexp(np.log(0.4) + logs[0], np.log(0.6) + logs[1])


COUNTS = RNG.multinomial(12, P, size=47).astype(float)
SHARES = RNG.dirichlet(ALPHA, size=47)
CENTRED = RNG.normal(size=(48, N))
CENTRED = CENTRED - CENTRED.mean(1, keepdims=True)
PLANE = RNG.normal(size=(48, 3, 4))
PLANE = PLANE - PLANE.mean(1, keepdims=True)
PLANE = PLANE - PLANE.mean(2, keepdims=True)
FREE = RNG.normal(size=(48, N))
NOT_REAL = [[0.0, np.nan, 0, 0, 0], [np.inf, 0, 0, 0, 0]]

CASES = {
    "MvNormal": Case(
        d.MvNormal.dist(along(MEAN, "k"), along(COV, "k", "j")),
        stats.multivariate_normal(MEAN, COV).logpdf,
        FREE,
        NOT_REAL,
    ),
    "MvNormal by factor": Case(
        d.MvNormal.dist(0.5, chol=along(np.linalg.cholesky(COV), "k", "j"), core_dims=("k", "j")),
        stats.multivariate_normal(np.full(N, 0.5), COV).logpdf,
        FREE,
        NOT_REAL,
    ),
    "Dirichlet": Case(
        d.Dirichlet.dist(along(ALPHA, "k")),
        lambda x: stats.dirichlet(ALPHA).logpdf(x.T),
        SHARES,
        [[0.2, 0.2, 0.2, 0.2, 0.3], [-0.2, 0.4, 0.4, 0.2, 0.2], [np.nan] * N],
    ),
    "Multinomial": Case(
        d.Multinomial.dist(12, along(P, "k")),
        stats.multinomial(12, P).logpmf,
        COUNTS,
        [[12, 1, 0, 0, 0], [13, -1, 0, 0, 0], [11.5, 0.5, 0, 0, 0]],
    ),
    "DirichletMultinomial": Case(
        d.DirichletMultinomial.dist(12, along(ALPHA, "k")),
        lambda x: stats.dirichlet_multinomial(ALPHA, 12).logpmf(x.astype(int)),
        COUNTS,
        [[12, 1, 0, 0, 0], [13, -1, 0, 0, 0], [11.5, 0.5, 0, 0, 0]],
    ),
    "ZeroSumNormal": Case(
        d.ZeroSumNormal.dist(1.7, core_dims="k"),
        lambda x: zero_sum(x, 1.7),
        CENTRED,
        [[1, 0, 0, 0, 0], NOT_REAL[0]],
    ),
    "ZeroSumNormal both ways": Case(
        d.ZeroSumNormal.dist(1.7, core_dims=("k", "j")),
        lambda x: two_ways(x, 1.7),
        PLANE,
        [np.eye(3, 4), np.outer([1.0, -1.0, 0.0], [1.0, 1.0, 1.0, 1.0])],
        {"k": 3, "j": 4},
    ),
    "LKJCholesky": Case(
        d.LKJCholesky.dist(1.7, core_dims=("k", "j")),
        lambda x: lkj(x, 1.7),
        factors(4, 47),
        [2.0 * np.eye(4), np.eye(4)[::-1], -np.eye(4)],
        {"k": 4, "j": 4},
    ),
    "GaussianRandomWalk": Case(
        d.GaussianRandomWalk.dist(0.2, 0.7, dim="k"), of_steps, FREE, NOT_REAL
    ),
    "AR": Case(
        d.AR.dist(along([0.5, 0.3], "lag"), 0.7, d.Normal.dist(0.0, 2.0), "k", 0.1),
        of_autoregression,
        FREE,
        NOT_REAL,
    ),
    "Mixture of vectors": Case(
        d.Mixture.dist(
            along([0.4, 0.6], "which"),
            d.MvNormal.dist(
                along([MEAN, -MEAN], "which", "k"), along(COV, "k", "j"), core_dims=("k", "j")
            ),
        ),
        mixture_of_vectors,
        FREE,
        NOT_REAL,
    ),
}

every = pytest.mark.parametrize("name", CASES)


def rows(name: str) -> tuple[xr.DataArray, np.ndarray]:
    """Points inside and, at the end, outside; and the log-densities."""
    case = CASES[name]
    outer = np.array(case.outer, float)
    x = np.concatenate([case.inner, outer])
    logs = np.concatenate([case.log(case.inner), np.full(len(outer), -np.inf)])
    return along(x, "point", *case.dims), logs


@every
def test_log_density_is_that_of_the_formula(name):
    x, expected = rows(name)
    found = CASES[name].ours.log_density(x)
    assert found.dims == ("point",) and x.sizes["point"] >= 50
    np.testing.assert_allclose(found, expected, rtol=2e-12, atol=2e-12)


@every
@pytest.mark.parametrize("ad", ["symbolic", "jax"])
def test_gradient_is_that_of_finite_differences_and_zero_outside(name, ad):
    case = CASES[name]
    if case.ours.support.discrete:
        pytest.skip("has no gradient by its values")
    x, logs = rows(name)
    x = x.isel(point=slice(-6, None))
    inner = np.isfinite(logs[-6:])
    bijection = case.ours.support.bijection()
    log = case.ours.log_density
    with xg.options(ad=ad):
        found = xg.grad(lambda x: log(x).sum())(x)
        assert not found.values[~inner].any()
        u = bijection.unconstrain(x.isel(point=np.flatnonzero(inner)))
        wrapped = xg.jit(lambda u: log(bijection.constrain(u)).sum())
        slope = xg.grad(wrapped)(u)
    way = along(np.random.default_rng(1).normal(size=u.shape), *u.dims)
    step = 1e-5
    numeric = (wrapped(u + step * way) - wrapped(u - step * way)) / (2 * step)
    np.testing.assert_allclose((slope * way).sum(), numeric, rtol=1e-6)


@every
def test_parameters_broadcast_and_move_the_density(name):
    dist = CASES[name].ours
    x = rows(name)[0][:3]
    for parameter, value in dist.values.items():
        if isinstance(value, float | int):
            spread = dist.replaced(lambda v: v)
            setattr(spread, parameter, along([value, value, 2 * value], "model"))
        elif isinstance(value, xr.DataArray):
            spread = dist.replaced(lambda v: v)
            setattr(spread, parameter, value.expand_dims(model=3) * along([1, 1, 1], "model"))
        else:
            continue
        found = spread.log_density(x)
        assert set(found.dims) == {"model", "point"}
        np.testing.assert_allclose(found.isel(model=1), dist.log_density(x), rtol=1e-12)


@every
def test_single_precision_stays_single(name):
    dist = CASES[name].ours.replaced(
        lambda v: v.astype("float32") if isinstance(v, xr.DataArray) else v
    )
    x, expected = rows(name)
    found = dist.log_density(x[:3].astype("float32"))
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, expected[:3], rtol=1e-3)


MOMENTS = {
    "MvNormal": (MEAN, COV),
    "MvNormal by factor": (np.full(N, 0.5), COV),
    "Dirichlet": (stats.dirichlet(ALPHA).mean(), stats.dirichlet(ALPHA).cov()),
    "Multinomial": (12 * P, stats.multinomial(12, P).cov()),
    "DirichletMultinomial": (
        stats.dirichlet_multinomial(ALPHA, 12).mean(),
        stats.dirichlet_multinomial(ALPHA, 12).cov(),
    ),
    "ZeroSumNormal": (np.zeros(N), 1.7**2 * (np.eye(N) - 1.0 / N)),
    "GaussianRandomWalk": (
        0.2 * np.arange(1, N + 1),
        0.49 * np.minimum.outer(np.arange(1, N + 1), np.arange(1, N + 1)),
    ),
    "Mixture of vectors": (
        -0.2 * MEAN,
        COV + np.outer(MEAN, MEAN) * (1 - 0.04),
    ),
}


@pytest.mark.parametrize("name", MOMENTS)
def test_draws_have_the_moments(name):
    case, n = CASES[name], 100_000
    draws = case.ours.draw(xg.random.key(1), {"draw": n, **case.sizes})
    assert set(draws.dims) == {"draw", *case.dims}
    values = draws.transpose("draw", *case.dims).values
    mean, cov = MOMENTS[name]
    scale = np.sqrt(np.diag(cov))
    assert (abs(values.mean(0) - mean) < 5 * scale / np.sqrt(n)).all()
    assert (abs(np.cov(values.T) - cov) < 0.03 * np.outer(scale, scale)).all()
    assert bool(case.ours.support.contains(draws).all())


def test_draws_of_an_autoregression_follow_its_recurrence():
    dist = d.AR.dist(along([0.5, 0.3], "lag"), 1e-9, d.Normal.dist(0.0, 2.0), "k", 0.1)
    x = dist.draw(xg.random.key(0), {"draw": 100, "k": 7}).transpose("draw", "k").values
    expected = 0.1 + 0.5 * x[:, 1:-1] + 0.3 * x[:, :-2]
    np.testing.assert_allclose(x[:, 2:], expected, atol=1e-7)
    assert x[:, 0].std() == pytest.approx(2.0, rel=0.3)
    noisy = d.AR.dist(0.5, 1.0, d.Normal.dist(0.0, 1.0), "k")
    assert noisy.draw(xg.random.key(0), {"draw": 4000, "k": 3}).std("draw").values == pytest.approx(
        [1.0, 1.25**0.5, 1.3125**0.5], rel=0.05
    )


def test_draws_of_correlations_have_the_spread_of_their_density():
    draws = CASES["LKJCholesky"].ours.draw(xg.random.key(2), {"draw": 20_000, "k": 4, "j": 4})
    factor = draws.transpose("draw", "k", "j").values
    corr = factor @ np.swapaxes(factor, 1, 2)
    b = 1.7 + 1.0  # each correlation is 2 y - 1, y a beta variable of eta + (n - 2) / 2
    for i in range(4):
        for j in range(i):
            assert stats.kstest(0.5 * (corr[:, i, j] + 1), stats.beta(b, b).cdf).pvalue > 1e-4
    assert bool(CASES["LKJCholesky"].ours.support.contains(draws).all())


class TestAgainstNumpyro:
    """Formulas of others, where SciPy has none."""

    def test_correlations(self):
        numpyro = pytest.importorskip("numpyro.distributions")
        x = factors(4, 5)
        with jax.enable_x64(True):
            expected = numpyro.LKJCholesky(4, 1.7).log_prob(x)
        found = d.LKJCholesky.dist(1.7, core_dims=("k", "j")).log_density(along(x, "n", "k", "j"))
        np.testing.assert_allclose(found, expected, rtol=1e-12)

    def test_sums_of_zero(self):
        numpyro = pytest.importorskip("numpyro.distributions")
        with jax.enable_x64(True):
            expected = numpyro.ZeroSumNormal(1.7, (N,)).log_prob(CENTRED)
        found = d.ZeroSumNormal.dist(1.7, core_dims="k").log_density(along(CENTRED, "n", "k"))
        np.testing.assert_allclose(found, expected, rtol=1e-10)

    def test_ordered_categories(self):
        numpyro = pytest.importorskip("numpyro.distributions")
        cuts, x = np.array([-1.0, 0.5, 2.0]), np.arange(4)
        with jax.enable_x64(True):
            expected = numpyro.OrderedLogistic(0.4, cuts).log_prob(x)
        found = d.OrderedLogistic.dist(0.4, along(cuts, "cut")).log_density(along(x, "n"))
        np.testing.assert_allclose(found, expected, rtol=1e-12)


class TestBadParameters:
    def test_a_covariance_that_is_none(self):
        with pytest.raises(ArgumentError, match=r"cov is not positive definite along \('k', 'j'\)"):
            d.MvNormal.dist(0.0, along([[1.0, 2.0], [2.0, 1.0]], "k", "j"))

    def test_core_dims_that_the_parameter_lacks(self):
        with pytest.raises(ArgumentError, match=r"core_dims=\('kin',\).*did you mean 'kind'"):
            d.Dirichlet.dist(along([1.0, 2.0], "kind"), core_dims="kin")

    def test_core_dims_left_open(self):
        with pytest.raises(ArgumentError, match="say in core_dims= which 1 of the dims"):
            d.Dirichlet.dist(along([[1.0, 2.0]], "city", "kind"))

    def test_probabilities_that_do_not_sum_to_one(self):
        with pytest.raises(ArgumentError, match="Multinomial: p must sum to 1 along 'kind'"):
            d.Multinomial.dist(3, along([0.5, 0.6], "kind"))

    def test_a_parameter_without_names_of_dims(self):
        with pytest.raises(ArgumentError, match=r"Normal: mu is an array of shape \(2,\)"):
            d.Normal.dist(np.array([1.0, 2.0]))

    def test_entries_outside_the_support(self):
        sigma = xr.DataArray([1.0, -2.0], {"city": ["Oslo", "Rome"]}, "city")
        with pytest.raises(ArgumentError, match=r"1 of 2 values of sigma.*-2.0 at city='Rome'"):
            d.Normal.dist(0.0, sigma)

    def test_a_variable_in_place_of_a_distribution(self):
        with d.Model():
            x = d.Normal("x")
            with pytest.raises(
                ArgumentError, match=r"Truncated takes a distribution made by .dist"
            ):
                d.Truncated.dist(x, lower=0.0)

    def test_weights_and_components_of_different_number(self):
        with pytest.raises(SizeMismatchError, match="2 weights along 'c' for 1 components"):
            d.Mixture.dist(along([0.5, 0.5], "c"), [d.Normal.dist()])

    def test_a_series_without_dim(self):
        with pytest.raises(ArgumentError, match="AR: say in dim= along which dim"):
            d.AR.dist(0.5, 1.0, d.Normal.dist())

    def test_dims_that_lack_that_of_a_value(self):
        with d.Model(coords={"k": 2, "city": 3}):
            with pytest.raises(DimensionError, match=r"dims=\('city',\) lacks 'k'"):
                d.Dirichlet("x", along([1.0, 2.0], "k"), dims="city")
