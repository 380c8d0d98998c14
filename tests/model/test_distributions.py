"""Log-densities, distribution functions, quantiles and draws against SciPy; gradients against finite differences."""

import numpy as np
import pytest
import xarray as xr
from scipy import stats

import xgrad as xg
from tests.model.families import CONTINUOUS, DISCRETE, Family
from xgrad.errors import ArgumentError
from xgrad.model import Bernoulli, Beta, Exponential, Gamma, InverseGamma, NegativeBinomial, Normal

FAMILIES = {**CONTINUOUS, **DISCRETE}
every = pytest.mark.parametrize("name", FAMILIES)
every_continuous = pytest.mark.parametrize("name", CONTINUOUS)


def points(family: Family) -> xr.DataArray:
    """Fifty points: the edges and what is beyond them, and random ones."""
    inner = family.scipy.rvs(50 - len(family.edges), random_state=np.random.default_rng(0))
    return xr.DataArray(np.concatenate([family.edges, np.asarray(inner, float)]), dims="point")


def log_density_of_scipy(name: str, x: np.ndarray) -> np.ndarray:
    family = FAMILIES[name].scipy
    return (family.logpmf if name in DISCRETE else family.logpdf)(x)


def inside(family: Family) -> xr.DataArray:
    """The points at which a density is smooth."""
    x = points(family)
    return x[len(family.edges) :]


@every
def test_log_density_is_that_of_scipy(name):
    x = points(FAMILIES[name])
    found = FAMILIES[name].ours.log_density(x)
    assert found.dims == ("point",)
    np.testing.assert_allclose(found, log_density_of_scipy(name, x.values), rtol=1e-12, atol=1e-12)


@every_continuous
@pytest.mark.parametrize("ad", ["symbolic", "jax"])
def test_gradient_is_that_of_finite_differences(name, ad):
    dist, x = CONTINUOUS[name].ours, inside(CONTINUOUS[name])
    step = 1e-6 * np.maximum(1.0, abs(x))
    numeric = (dist.log_density(x + step) - dist.log_density(x - step)) / (2 * step)
    with xg.options(ad=ad):
        found = xg.grad(lambda x: dist.log_density(x).sum())(x)
    np.testing.assert_allclose(found, numeric, rtol=1e-5, atol=1e-5)


@every
def test_outside_the_support_the_gradient_is_zero(name):
    dist = FAMILIES[name].ours
    x = points(FAMILIES[name])
    x = x[~np.isfinite(log_density_of_scipy(name, x.values))]
    if name in CONTINUOUS:
        gradient = xg.grad(lambda x: dist.log_density(x).sum())(x)
        outside = gradient.where(~dist.support.contains(x), drop=True)
        np.testing.assert_array_equal(outside, 0.0)


@pytest.mark.parametrize("name", [n for n, f in FAMILIES.items() if f.has_cdf])
def test_distribution_function_is_that_of_scipy(name):
    x = points(FAMILIES[name])
    found = FAMILIES[name].ours.cdf(x)
    np.testing.assert_allclose(found, FAMILIES[name].scipy.cdf(x.values), rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("name", [n for n, f in CONTINUOUS.items() if f.has_quantile])
def test_quantile_is_that_of_scipy(name):
    q = xr.DataArray(np.linspace(0.001, 0.999, 50), dims="q")
    found = CONTINUOUS[name].ours.quantile(q)
    np.testing.assert_allclose(found, CONTINUOUS[name].scipy.ppf(q.values), rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize(
    "name", sorted(set(CONTINUOUS) - {"VonMises"})
)  # SciPy's cdf is not cut at ±π
def test_draws_are_distributed_as_the_density_says(name):
    draws = CONTINUOUS[name].ours.draw(xg.random.key(1), {"draw": 100_000})
    assert draws.dims == ("draw",)
    assert stats.kstest(draws.values, CONTINUOUS[name].scipy.cdf).pvalue > 1e-4


@pytest.mark.parametrize("name", DISCRETE)
def test_draws_have_the_frequencies_of_the_density(name):
    n = 100_000
    draws = DISCRETE[name].ours.draw(xg.random.key(1), {"draw": n})
    values, observed = np.unique(draws.values, return_counts=True)
    expected = n * DISCRETE[name].scipy.pmf(values)
    frequent = expected > 10
    z = (observed - expected)[frequent] / np.sqrt(expected[frequent])
    assert np.sum(z**2) < stats.chi2(frequent.sum()).ppf(1 - 1e-4)


@every
def test_every_parameter_broadcasts_by_dims(name):
    dist, x = FAMILIES[name].ours, points(FAMILIES[name])
    for parameter, value in dist.values.items():
        if isinstance(value, int | float):
            spread = dist.replaced(lambda v: v)
            setattr(spread, parameter, xr.DataArray([value, value], dims="model"))
            found = spread.log_density(x)
            assert set(found.dims) == {"model", "point"}
            np.testing.assert_allclose(found.isel(model=1), dist.log_density(x), rtol=1e-12)


@pytest.mark.parametrize(
    ("given", "mean", "sd"),
    [
        (Gamma.dist(mu=3.0, sigma=0.5), 3.0, 0.5),
        (InverseGamma.dist(mu=3.0, sigma=0.5), 3.0, 0.5),
        (Beta.dist(mu=0.3, sigma=0.1), 0.3, 0.1),
        (Exponential.dist(scale=2.0), 2.0, 2.0),
        (NegativeBinomial.dist(n=4.0, p=0.4), 6.0, np.sqrt(15.0)),
    ],
    ids=lambda x: type(x).__name__,
)
def test_alternative_parameters_mean_what_they_say(given, mean, sd):
    draws = given.draw(xg.random.key(0), {"draw": 100_000})
    assert float(draws.mean()) == pytest.approx(mean, rel=0.02)
    assert float(draws.std()) == pytest.approx(sd, rel=0.02)


class TestBadParameters:
    def test_an_unknown_one(self):
        with pytest.raises(
            ArgumentError, match="Normal has no parameter 'sigam'; did you mean 'sigma'"
        ):
            Normal.dist(0.0, sigam=1.0)

    def test_one_that_is_missing(self):
        with pytest.raises(ArgumentError, match="Gamma needs the parameter 'beta'"):
            Gamma.dist(1.0)

    def test_both_of_two_ways(self):
        with pytest.raises(ArgumentError, match="Bernoulli takes exactly one of p and logit_p"):
            Bernoulli.dist(0.5, logit_p=0.0)

    def test_too_many(self):
        with pytest.raises(
            ArgumentError, match="Normal takes the parameters mu, sigma; got 3 values"
        ):
            Normal.dist(0.0, 1.0, 2.0)

    def test_one_outside_its_support(self):
        with pytest.raises(ArgumentError, match=r"Bernoulli: p=1.5 is not in \[0, 1\]"):
            Bernoulli.dist(1.5)
