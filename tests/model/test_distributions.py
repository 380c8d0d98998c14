"""Log-densities, distribution functions, quantiles and draws against SciPy; gradients against finite differences."""

import numpy as np
import pytest
import xarray as xr
from scipy import stats

import xgrad as xg
from tests.model.families import CONTINUOUS, DISCRETE, LUMPED, SMOOTH, Family, Formulas
from xgrad.errors import ArgumentError
from xgrad.model import (
    Bernoulli,
    Beta,
    Censored,
    DiracDelta,
    DiscreteUniform,
    Exponential,
    Gamma,
    HalfNormal,
    InverseGamma,
    Model,
    NegativeBinomial,
    Normal,
    OrderedLogistic,
    Poisson,
    StudentT,
    Truncated,
    TruncatedNormal,
    Uniform,
)

FAMILIES = {**SMOOTH, **DISCRETE}
every = pytest.mark.parametrize("name", FAMILIES)
every_smooth = pytest.mark.parametrize("name", SMOOTH)


def points(family: Family) -> xr.DataArray:
    """Fifty points: the edges and what is beyond them, and random ones."""
    inner = family.scipy.rvs(50 - len(family.edges), random_state=np.random.default_rng(0))
    return xr.DataArray(np.concatenate([family.edges, np.asarray(inner, float)]), dims="point")


def log_density_of_scipy(name: str, x: np.ndarray) -> np.ndarray:
    family = FAMILIES[name].scipy
    return (family.logpmf if name in DISCRETE else family.logpdf)(x)


def inside(family: Family) -> xr.DataArray:
    """The points at which a density is smooth."""
    x = points(family)[len(family.edges) :]
    values, counts = np.unique(x, return_counts=True)
    return x[~np.isin(x, values[counts > 1])]  # what occurs more than once is a lump


@every
def test_log_density_is_that_of_scipy(name):
    x = points(FAMILIES[name])
    found = FAMILIES[name].ours.log_density(x)
    assert found.dims == ("point",)
    np.testing.assert_allclose(found, log_density_of_scipy(name, x.values), rtol=1e-12, atol=1e-12)


@every_smooth
@pytest.mark.parametrize("ad", ["symbolic", "jax"])
def test_gradient_is_that_of_finite_differences(name, ad):
    dist, x = SMOOTH[name].ours, inside(SMOOTH[name])
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
    if name in SMOOTH:
        gradient = xg.grad(lambda x: dist.log_density(x).sum())(x)
        outside = gradient.where(~dist.support.contains(x), drop=True)
        np.testing.assert_array_equal(outside, 0.0)


@pytest.mark.parametrize("name", [n for n, f in FAMILIES.items() if f.has_cdf])
def test_distribution_function_is_that_of_scipy(name):
    x = points(FAMILIES[name])
    dist = FAMILIES[name].ours
    found = dist.cdf(x)
    np.testing.assert_allclose(found, FAMILIES[name].scipy.cdf(x.values), rtol=1e-10, atol=1e-12)
    ends = xr.DataArray([-np.inf, np.inf, np.nan], dims="point")
    np.testing.assert_array_equal(dist.cdf(ends), [0.0, 1.0, np.nan])


@pytest.mark.parametrize("name", [n for n, f in CONTINUOUS.items() if f.has_quantile])
def test_quantile_is_that_of_scipy(name):
    q = xr.DataArray(np.linspace(0.001, 0.999, 50), dims="q")
    found = CONTINUOUS[name].ours.quantile(q)
    np.testing.assert_allclose(found, CONTINUOUS[name].scipy.ppf(q.values), rtol=1e-9, atol=1e-12)
    if isinstance(CONTINUOUS[name].scipy, Formulas):
        return
    ends = np.array([-0.1, 0.0, 1.0, 1.1, np.nan])
    found = CONTINUOUS[name].ours.quantile(xr.DataArray(ends, dims="q"))
    np.testing.assert_allclose(found, CONTINUOUS[name].scipy.ppf(ends), rtol=1e-12)


NOT_CUT = {"VonMises"}  # at ±π, in SciPy


@pytest.mark.parametrize("name", sorted(set(CONTINUOUS) - NOT_CUT))
def test_draws_are_distributed_as_the_density_says(name):
    draws = CONTINUOUS[name].ours.draw(xg.random.key(1), {"draw": 100_000})
    assert draws.dims == ("draw",)
    assert stats.kstest(draws.values, CONTINUOUS[name].scipy.cdf).pvalue > 1e-4


@pytest.mark.parametrize("name", LUMPED)
def test_draws_fall_on_lumps_as_often_as_the_density_says(name):
    draws = LUMPED[name].ours.draw(xg.random.key(1), {"draw": 100_000}).values
    values, counts = np.unique(draws, return_counts=True)
    lumps = values[counts > 1]
    share = np.exp(log_density_of_scipy(name, lumps))
    off = (counts[counts > 1] / draws.size - share) / np.sqrt(share * (1 - share) / draws.size)
    assert (abs(off) < 4.0).all() and lumps.size
    quantiles = np.quantile(draws, [0.5, 0.75])
    found = LUMPED[name].scipy.cdf(quantiles + 1e-9)
    assert (found > np.array([0.5, 0.75]) - 0.01).all()


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


@every
@pytest.mark.parametrize("given", ["numbers", "arrays"])
def test_single_precision_stays_single(name, given):
    dist = FAMILIES[name].ours
    x = points(FAMILIES[name])[:3].astype("float32")

    def single(v):
        return v.astype("float32") if isinstance(v, xr.DataArray) else xr.DataArray(np.float32(v))

    if given == "arrays":
        dist = dist.replaced(lambda v: single(v) if isinstance(v, float | xr.DataArray) else v)
        counts = name in DISCRETE
        assert counts or dist.draw(xg.random.key(0), {"n": 2}).dtype == np.float32
    elif any(isinstance(v, xr.DataArray) for v in dist.values.values()):
        pytest.skip("has arrays of double precision")
    assert dist.log_density(x).dtype == np.float32


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


class TestBounds:
    """Bounds of which some are infinite: rows that are censored or cut, and rows that are not."""

    LOWER = xr.DataArray([-np.inf, 0.0, 0.0, -np.inf], dims="row")
    UPPER = xr.DataArray([np.inf, 2.0, np.inf, 1.0], dims="row")
    X = xr.DataArray([0.5, 2.0, 3.0, 1.0], dims="row")

    def cut(self, mu: float) -> np.ndarray:
        whole = stats.norm(mu)
        return whole.logpdf(self.X) - np.log(whole.cdf(self.UPPER) - whole.cdf(self.LOWER))

    def censored(self, mu: float) -> np.ndarray:
        whole = stats.norm(mu)
        return np.where(self.UPPER <= self.X, whole.logsf(self.X), whole.logpdf(self.X))

    @pytest.mark.parametrize("family", ["TruncatedNormal", "Truncated", "Censored"])
    def test_they_are_no_bounds(self, family):
        def density(mu):
            if family == "TruncatedNormal":
                return TruncatedNormal.dist(mu, 1.0, self.LOWER, self.UPPER).log_density(self.X)
            cut = Truncated if family == "Truncated" else Censored
            return cut.dist(Normal.dist(mu, 1.0), self.LOWER, self.UPPER).log_density(self.X)

        oracle = self.censored if family == "Censored" else self.cut
        mu = xr.DataArray(0.3)
        np.testing.assert_allclose(xg.jit(density)(mu), oracle(0.3), rtol=1e-13)
        slope = xg.grad(lambda mu: density(mu).sum())(mu)
        expected = (oracle(0.3 + 1e-6) - oracle(0.3 - 1e-6)).sum() / 2e-6
        assert float(slope) == pytest.approx(expected, rel=1e-7)

    def test_a_number_that_is_infinite(self):
        found = Truncated.dist(Normal.dist(), 0.0, np.inf)
        assert float(found.log_density(1.0)) == pytest.approx(stats.halfnorm.logpdf(1.0))

    def test_draws_by_bisection(self):
        drawn = Truncated.dist(Gamma.dist(2.0, 1.0), 0.5, self.UPPER + 0.1).draw(
            xg.random.key(0), {"draw": 2000}
        )
        whole = stats.gamma(2.0)
        for row, upper in zip(drawn.transpose("row", "draw"), self.UPPER + 0.1, strict=True):
            low, high = whole.cdf(0.5), whole.cdf(float(upper))
            assert (
                stats.kstest(row, lambda x, a=low, b=high: (whole.cdf(x) - a) / (b - a)).pvalue
                > 1e-5
            )

    def test_draws_by_bisection_without_a_lower_bound(self):
        cut = Truncated.dist(StudentT.dist(3.0), self.LOWER, self.UPPER)
        drawn = cut.draw(xg.random.key(0), {"draw": 500}).transpose("row", "draw")
        whole = stats.t(3.0)
        for row, low, high in zip(drawn, whole.cdf(self.LOWER), whole.cdf(self.UPPER), strict=True):
            share = (whole.cdf(row) - low) / (high - low)
            assert stats.kstest(share, "uniform").pvalue > 1e-5

    def test_counts_drawn_by_bisection(self):
        drawn = Truncated.dist(Poisson.dist(3.0), self.LOWER, self.UPPER).draw(
            xg.random.key(0), {"draw": 500}
        )
        lower, upper = self.LOWER.clip(0.0), self.UPPER
        assert bool(((drawn >= lower) & (drawn <= upper)).all())
        assert drawn.isel(row=0).mean() == pytest.approx(3.0, abs=0.4)

    def test_a_variable_that_is_bounded_in_places(self):
        with Model(), pytest.raises(ArgumentError, match="bounded in some places and not in other"):
            Truncated("x", Normal.dist(), upper=self.UPPER)

    @pytest.mark.parametrize(
        "declare",
        [
            lambda: Uniform.dist(1.0, 0.0),
            lambda: Truncated.dist(Normal.dist(), 2.0, 1.0),
            lambda: Truncated.dist(HalfNormal.dist(), upper=-1.0),
            lambda: DiscreteUniform.dist(3, 1),
        ],
    )
    def test_no_values_between_them(self, declare):
        with pytest.raises(ArgumentError, match="there are no values between its bounds: lower="):
            declare()


def test_a_value_that_is_certain():
    x = xr.DataArray([0.5, 1.0], dims="x")
    np.testing.assert_array_equal(DiracDelta.dist(0.5).log_density(x), [0.0, -np.inf])


class TestBadParameters:
    def test_one_that_follows_from_others(self):
        with pytest.raises(ArgumentError, match=r"It follows from mu=0.5, sigma=0.6\."):
            Beta.dist(mu=0.5, sigma=0.6)

    def test_cutpoints_in_no_order(self):
        with pytest.raises(ArgumentError, match="cutpoints must increase along 'cut'"):
            OrderedLogistic.dist(0.0, xr.DataArray([1.0, 0.0], dims="cut"))

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
