"""Every distribution as a free and as an observed variable of a model."""

from typing import Any

import jax
import numpy as np
import pytest
import xarray as xr

import xgrad.model as d
from tests.model.families import DISCRETE, SMOOTH
from tests.model.test_vectors import CASES
from xgrad.errors import ArgumentError


def declare(name: str, dist: Any, **options: Any) -> xr.DataArray:
    """A variable of the open model with the distribution ``dist``."""
    if isinstance(dist, d.Custom):
        functions = {"logp": dist.logp, "random": dist.random, "support": dist.support}
        return d.Custom(name, *dist.arguments, **functions, **options)
    return type(dist)(name, **dist.values, **options)


Points = dict[str, xr.DataArray]


def modelled(dists: dict[str, Any], points: Points, sizes: dict[str, int]) -> d.Model:
    """A model in which each distribution is that of an observed variable and, if continuous, of a free one."""
    with d.Model(coords=dict(sizes)) as m:
        for name, dist in dists.items():
            declare(f"seen {name}", dist, observed=points[name])
            if not dist.support.discrete:
                declare(name, dist)
        declare("other", d.Normal.dist())
    return m


def assert_density(m: d.Model, dists: dict[str, Any], points: Points) -> None:
    """The density is the sum of those of the distributions, and derivatives are finite."""
    values = {name: points[name].isel(obs=0) for name in m.free if name != "other"}
    values["other"] = xr.DataArray(0.5)
    terms = m.logp(values, terms=True)
    for name, dist in dists.items():
        expected = dist.log_density(points[name])
        np.testing.assert_allclose(terms[f"seen {name}"], expected, rtol=1e-11, err_msg=name)
        if name in m.free:
            np.testing.assert_allclose(terms[name], expected[0], rtol=1e-11, err_msg=name)
    np.testing.assert_allclose(m.logp(values), sum(t.sum() for t in terms.values()), rtol=1e-12)
    assert all(np.isfinite(m.dlogp(values)[name]).all() for name in m.free)
    assert_gradient(m)


def assert_draws(m: d.Model, dists: dict[str, Any]) -> None:
    """The check passes, and draws from the prior are in the support."""
    assert not m.check().bad
    prior = m.prior(32)  # as many as the check draws, so that it is one program
    for name, dist in dists.items():
        for group, site in (("prior", name), ("prior_predictive", f"seen {name}")):
            if site in prior[group]:
                assert prior[group][site].sizes["draw"] == 32
                assert bool(dist.support.contains(prior[group][site]).all()), site


def assert_gradient(m: d.Model) -> None:
    """JAX's gradient of the density of unbounded values is that of finite differences, by a random way."""
    rng = np.random.default_rng(0)
    start = {k: 0.3 * rng.normal(size=v.shape) for k, v in m.logp_fn.start.items()}
    way = {k: rng.normal(size=v.shape) for k, v in start.items()}

    with jax.enable_x64(True):
        both = jax.jit(
            jax.value_and_grad(lambda t: m.logp_fn({k: v + t * way[k] for k, v in start.items()}))
        )
        high, low = float(both(1e-5)[0]), float(both(-1e-5)[0])
        slope = float(both(0.0)[1])
    np.testing.assert_allclose(slope, (high - low) / 2e-5, rtol=1e-5, atol=1e-5)


def of_family(family: Any) -> xr.DataArray:
    """Three values, of which a constrained variable can have the first."""
    drawn = np.asarray(family.scipy.rvs(60, random_state=np.random.default_rng(0)), float)
    values, counts = np.unique(drawn, return_counts=True)
    alone = values if (counts > 1).mean() > 0.5 else values[counts == 1]
    return xr.DataArray(np.resize(alone[len(alone) // 2 :], 3), dims="obs")


NUMBERS = {n: f for n, f in {**SMOOTH, **DISCRETE}.items() if " " not in n}
GROUPS = {f"numbers {i}": list(NUMBERS)[i::4] for i in range(4)}
GROUPS |= {name: [name] for name in CASES}
each_group = pytest.mark.parametrize("group", GROUPS)


def of_group(group: str) -> tuple[d.Model, dict[str, Any], Points]:
    if group in CASES:
        case = CASES[group]
        dists = {"x": case.ours}
        points = {"x": xr.DataArray(case.inner[:3], dims=("obs", *case.dims))}
        return modelled(dists, points, case.sizes), dists, points
    dists = {n: NUMBERS[n].ours for n in GROUPS[group]}
    points = {n: of_family(NUMBERS[n]) for n in dists}
    return modelled(dists, points, {}), dists, points


@each_group
def test_density_in_a_model(group):
    assert_density(*of_group(group))


@each_group
@pytest.mark.slow  # programs of draws take long to compile
def test_draws_in_a_model(group):
    m, dists, _ = of_group(group)
    assert_draws(m, dists)


@pytest.mark.parametrize("name", ["Poisson", "Categorical", "Multinomial"])
def test_discrete_latent_variables_are_refused(name):
    dist = CASES["Multinomial"].ours if name == "Multinomial" else DISCRETE[name].ours
    with d.Model(), pytest.raises(ArgumentError, match=f"{name} 'x' is a discrete latent variable"):
        declare("x", dist)


class TestParametersThatAreVariables:
    """Distributions within distributions, and matrices, see what stands in place of a variable."""

    def test_of_components(self):
        data = xr.DataArray([-1.0, 0.3, 2.0], dims="obs")
        with d.Model(coords={"kind": 2}) as m:
            w = d.Dirichlet("w", xr.DataArray([2.0, 3.0], dims="kind"))
            mu = d.Normal("mu", 0.0, 3.0, dims="kind", transform="ordered")
            sigma = d.HalfNormal("sigma")
            d.Mixture("y", w, d.Normal.dist(mu, sigma), observed=data)
            d.Truncated("z", d.Normal.dist(mu.isel(kind=0), sigma), lower=-2.0, observed=data)
            d.Censored("v", d.Exponential.dist(sigma), upper=3.0, observed=abs(data))
        w, mu, sigma = np.array([0.4, 0.6]), np.array([-1.0, 1.5]), 0.7
        terms = m.logp({"w": w, "mu": mu, "sigma": sigma}, terms=True)
        kind = [xr.DataArray(a, dims="kind") for a in (w, mu)]
        expected = d.Mixture.dist(kind[0], d.Normal.dist(kind[1], sigma)).log_density(data)
        np.testing.assert_allclose(terms.y, expected)
        expected = d.Truncated.dist(d.Normal.dist(-1.0, sigma), lower=-2.0).log_density(data)
        np.testing.assert_allclose(terms.z, expected)
        assert not m.check().bad
        assert_gradient(m)
        assert m.prior(32).prior_predictive.y.dims == ("chain", "draw", "obs")

    def test_of_correlated_effects(self):
        with d.Model(coords={"effect": ["a", "b"], "effect2": ["a", "b"], "county": 3}) as m:
            corr = d.LKJCholesky("corr", 2.0, core_dims=("effect", "effect2"))
            sd = d.HalfNormal("sd", 1.0, dims="effect")
            effects = d.MvNormal(
                "effects",
                0.0,
                chol=corr * sd,
                core_dims=("effect", "effect2"),
                dims=("county", ...),
            )
            walk = d.GaussianRandomWalk("walk", 0.0, sd.isel(effect=0), dim="county")
            d.Normal(
                "y",
                effects.sum("effect") + walk,
                1.0,
                observed=xr.DataArray([1.0, 2.0, 3.0], dims="county"),
            )
        assert m["effects"].sizes == {"county": 3, "effect": 2}
        assert_gradient(m)
        assert not m.check().bad
        prior = m.prior(32).prior
        assert prior.effects.sizes["effect"] == 2 and "effect" in prior.effects.coords


class TestMissingEntriesOfVectors:
    data = xr.DataArray([[1.0, 2.0], [np.nan, 0.5]], dims=("obs", "k"))
    cov = xr.DataArray([[2.0, 0.5], [0.5, 1.0]], dims=("k", "j"))

    def test_dropped_vectors_count_for_nothing(self):
        with d.Model() as m:
            mu = d.Normal("mu")
            d.MvNormal("y", mu, self.cov, core_dims=("k", "j"), observed=self.data, missing="drop")
        expected = d.MvNormal.dist(0.3, self.cov).log_density(self.data[0])
        np.testing.assert_allclose(m.logp({"mu": 0.3}, terms=True).y, [expected, 0.0])
        assert np.isfinite(m.dlogp({"mu": 0.3}).mu)

    def test_imputed_entries_depend_on_the_others(self):
        with d.Model() as m:
            d.MvNormal("y", 0.0, self.cov, observed=self.data, missing="impute")
        assert float(m.map().y_missing[0]) == pytest.approx(0.25, abs=1e-4)

    def test_shares_cannot_be_imputed(self):
        data = xr.DataArray([[0.4, 0.6], [np.nan, 0.5]], dims=("obs", "k"))
        with (
            d.Model(),
            pytest.raises(ArgumentError, match="entries along 'k' depend on each other"),
        ):
            d.Dirichlet("y", xr.DataArray([1.0, 2.0], dims="k"), observed=data, missing="impute")
