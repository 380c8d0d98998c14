"""Five models against numpyro: densities, gradients, posteriors; and what compiles."""

import jax
import numpy as np
import pytest
import xarray as xr
from scipy import stats

from benchmarks import posteriors_numpyro
from benchmarks.posteriors import EFFECT, ERROR, MODELS, eight_schools
from benchmarks.posteriors_numpyro import density, own_name
from xgrad.jax_backend.executable import executables
from xgrad.model import Data, Model, Normal
from xgrad.model.diagnostics import summary


@pytest.mark.parametrize("name", MODELS)
def test_density_and_gradient_are_those_of_numpyro(name):
    ours = MODELS[name]().logp_fn
    rng = np.random.default_rng(0)
    with jax.enable_x64(True):
        theirs = jax.jit(jax.value_and_grad(density(posteriors_numpyro.MODELS[name])))
        value_and_grad = jax.jit(jax.value_and_grad(ours))
        known = {k for k in ours.start if k.endswith("__offset")}
        for _ in range(20):
            flat = {k: v + 0.5 * rng.normal(size=v.shape) for k, v in ours.start.items()}
            value, gradient = value_and_grad(flat)
            expected, slopes = theirs({own_name(k, known): v for k, v in flat.items()})
            np.testing.assert_allclose(value, expected, rtol=1e-10)
            for key, slope in gradient.items():
                scale = np.abs(slopes[own_name(key, known)]).max()
                np.testing.assert_allclose(
                    slope, slopes[own_name(key, known)], rtol=1e-10, atol=1e-10 * scale
                )


# posterior means by `python -m benchmarks.posteriors_numpyro`: four chains of 4,000 draws after 1,000 of warm-up
REFERENCE = {
    "8 schools": {"mu": 4.4416, "tau": 3.2804},
    "radon": {
        "effect": 0.6641,
        "mean_level": 1.3866,
        "mean_slope": -0.582,
        "noise": 0.7379,
        "spread_level": 0.1635,
        "spread_slope": 0.3746,
    },
    "ordered logistic": {"cuts": [-1.6438, -0.0957, 1.233], "slope": 1.3495},
    "autoregression": {"noise": 0.548, "rho": 0.5579},
    "mixture": {"centre": [-1.8416, 0.8644], "share": 0.2475, "spread": [0.5374, 0.9264]},
}


@pytest.mark.slow
@pytest.mark.parametrize("name", REFERENCE)
def test_posterior_means_are_within_four_standard_errors(name):
    pytest.importorskip("blackjax")
    found = summary(MODELS[name]().sample(1000, 500, 4, seed=1, target_accept=0.9))
    for variable, mean in REFERENCE[name].items():
        error = abs(found[variable].sel(statistic="mean") - mean)
        own = found[variable].sel(statistic="mcse")
        assert (error < 4 * np.hypot(own, own / 2)).all(), (variable, error.values, own.values)


def test_ten_times_as_many_new_rows_are_one_compile():
    x = xr.DataArray(np.linspace(-1, 1, 20), dims="row")
    with Model() as m:
        slope = Normal("slope")
        Normal("y", slope * Data("x", x), 1.0, observed=2.0 * x)
    posterior = xr.Dataset({"slope": (("chain", "draw"), np.full((2, 50), 2.0))})
    new = xr.DataArray(np.linspace(-1, 1, 200), dims="row")
    m.predict(posterior)
    before = executables.info().compiles
    found = m.predict(posterior, {"x": new}, seed=1)
    assert executables.info().compiles == before + 1
    m.predict(posterior, {"x": -new}, seed=2)
    assert executables.info().compiles == before + 1
    assert found["posterior_predictive/y"].sizes == {"chain": 2, "draw": 50, "row": 200}


def test_the_mode_is_near_the_mean():
    mode = MODELS["ordered logistic"]().map()
    assert mode.attrs["success"] == 1
    assert float(mode.slope) == pytest.approx(1.3495, abs=0.1)


def test_the_mode_of_a_hierarchy_is_that_of_its_standard_form():
    mode = eight_schools().map()
    assert mode.attrs["success"] == 1
    offset = (mode.theta - mode.mu) / mode.tau
    parts = (
        stats.norm.logpdf(mode.mu, 0, 5),
        stats.halfnorm.logpdf(mode.tau, 0, 5),
        stats.norm.logpdf(offset),
        stats.norm.logpdf(EFFECT, mode.theta, ERROR),
    )
    assert mode.attrs["logp"] == pytest.approx(sum(np.sum(p) for p in parts), rel=1e-9)
