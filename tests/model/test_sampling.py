"""Posteriors by sampling and by approximation: labels, statistics, warnings, compiles, files; and what chains say."""

import sys
import warnings
from typing import ClassVar

import numpy as np
import pytest
import xarray as xr

from benchmarks.posteriors import SCHOOLS, eight_schools
from xgrad.errors import ArgumentError, ConvergenceWarning, ModelCheckError
from xgrad.jax_backend import nuts
from xgrad.model import Data, Model, Normal, Potential
from xgrad.model.chains import diagnose
from xgrad.model.diagnostics import summary, warn_of_chains
from xgrad.model.progress import progress_bar

pytest.importorskip("blackjax")

X = xr.DataArray(np.linspace(-1, 1, 20), dims="time", name="x")
Y = (2.0 * X + 0.1 * np.random.default_rng(0).normal(size=20)).rename("y")


def regression(y: xr.DataArray = Y) -> Model:
    with Model() as m:
        slope = Normal("slope", 0.0, 10.0)
        Normal("y", slope * Data("x", X), 0.1, observed=y)
    return m


def exact(y: xr.DataArray = Y) -> tuple[float, float]:
    """The mean and the standard deviation of the slope, in closed form."""
    precision = float((X**2).sum()) / 0.01 + 0.01
    return float((X * y).sum()) / 0.01 / precision, precision**-0.5


@pytest.fixture(scope="module")
def posterior() -> xr.DataTree:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return eight_schools(True).sample(200, 300, 2, keep_warmup=True, log_likelihood=True)


class TestTree:
    def test_groups(self, posterior):
        assert set(posterior.children) == {
            "posterior",
            "sample_stats",
            "log_likelihood",
            "warmup_posterior",
            "warmup_sample_stats",
            "observed_data",
            "constant_data",
        }

    def test_labels(self, posterior):
        theta = posterior["posterior/theta"]
        assert theta.sizes == {"chain": 2, "draw": 200, "school": 8}
        assert list(theta.school.values) == SCHOOLS
        assert posterior["log_likelihood/y"].dims == ("chain", "draw", "school")
        assert posterior["warmup_posterior"].sizes["draw"] == 300
        assert {"diverging", "acceptance_rate", "tree_depth", "energy", "lp", "n_steps"} < set(
            posterior["sample_stats"].data_vars
        )

    def test_log_likelihood_is_that_of_the_draws(self, posterior):
        draw = {"chain": 1, "draw": 7}
        values = posterior["posterior"].to_dataset().isel(draw).drop_vars(["chain", "draw"])
        terms = eight_schools(True).logp(dict(values.data_vars), terms=True)
        np.testing.assert_allclose(posterior["log_likelihood/y"].isel(draw), terms.y, rtol=1e-12)

    def test_attributes_say_where_it_comes_from(self, posterior):
        attrs = posterior["posterior"].attrs
        assert attrs["inference_library"] == "blackjax"
        assert attrs["chains"] == 2
        assert attrs["seed"] == "0 0"
        assert attrs["sampling_time"] > 0
        assert {"xgrad_version", "jax_version", "xarray_version", "created_at"} < set(attrs)

    def test_it_comes_back_from_a_file_as_it_was(self, posterior, tmp_path):
        pytest.importorskip("h5netcdf")
        path = tmp_path / "posterior.nc"
        posterior.to_netcdf(path, engine="h5netcdf")
        with xr.open_datatree(path, engine="h5netcdf") as found:
            xr.testing.assert_identical(found.load(), posterior)

    def test_arviz_reads_it(self, posterior):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            az = pytest.importorskip("arviz")
            data = getattr(az, "from_datatree", lambda tree: tree)(posterior)  # since 1.0 as it is
            table = az.summary(data, var_names=["mu"])
            pytest.importorskip("matplotlib").use("agg")
            az.plot_trace(data, var_names=["mu", "theta"])
        np.testing.assert_allclose(
            table.loc["mu", "mean"], posterior["posterior/mu"].mean(), atol=1e-3
        )


class TestPosterior:
    @pytest.mark.parametrize(
        "backend", ["blackjax", pytest.param("numpyro", marks=pytest.mark.slow)]
    )
    def test_it_is_the_exact_one(self, backend):
        pytest.importorskip(backend)
        found = regression().sample(500, 300, 2, seed=1, backend=backend)
        statistics = summary(found).slope
        mean, spread = exact()
        error = abs(float(statistics.sel(statistic="mean")) - mean)
        assert error < 4 * float(statistics.sel(statistic="mcse"))
        assert float(statistics.sel(statistic="sd")) == pytest.approx(spread, rel=0.2)

    @pytest.mark.slow
    @pytest.mark.parametrize("backend", ["blackjax", "numpyro"])
    def test_one_chain_of_variables_some_of_which_have_no_entries(self, backend):
        pytest.importorskip(backend)
        with Model(coords={"nobody": 0}) as m:
            Normal("level", dims="nobody")
            Normal("y", Normal("mean"), 0.1, observed=Y)
        found = m.sample(50, 50, 1, backend=backend)["posterior"]
        assert found["level"].shape == (1, 50, 0)
        assert found["mean"].shape == (1, 50)

    def test_it_is_the_same_for_the_same_seed(self):
        first, second, other = (regression().sample(60, 50, 1, seed=s) for s in (3, 3, 4))
        xr.testing.assert_equal(first["posterior"].to_dataset(), second["posterior"].to_dataset())
        assert not np.allclose(first["posterior/slope"], other["posterior/slope"])

    def test_other_data_of_the_same_sizes_and_other_lengths_compile_nothing(self):
        m = regression()
        m.sample(60, 50, 1)
        before = nuts.compiles()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            found = m.with_data({"y": -Y}).sample(200, 100, 2)
        assert nuts.compiles() == before
        assert float(found["posterior/slope"].mean()) == pytest.approx(-exact()[0], abs=0.1)

    @pytest.mark.parametrize("method", ["meanfield", "fullrank"])
    def test_variational_fits_find_it(self, method):
        found = regression().fit(method, draws=2000, steps=1500, learning_rate=0.05)
        mean, spread = exact()
        assert float(found["posterior/slope"].mean()) == pytest.approx(mean, abs=0.05)
        assert float(found["posterior/slope"].std()) == pytest.approx(spread, rel=0.3)
        assert found["fit/elbo"].sizes == {"step": 1500}
        assert float(found["fit/elbo"][-1]) > float(found["fit/elbo"][0])

    @pytest.mark.slow
    def test_pathfinder_finds_it(self):
        found = regression().pathfinder(1000, paths=2)
        mean, spread = exact()
        assert float(found["posterior/slope"].mean()) == pytest.approx(mean, abs=0.02)
        assert float(found["posterior/slope"].std()) == pytest.approx(spread, rel=0.2)


class TestRefusals:
    def test_an_unknown_backend(self):
        with pytest.raises(ArgumentError) as error:
            regression().sample(backend="numpro")
        assert str(error.value) == (
            "backend='numpro' is none of 'blackjax', 'numpyro'; did you mean 'numpyro'?"
        )

    def test_an_unknown_method(self):
        with pytest.raises(
            ArgumentError, match=r"is none of 'meanfield', 'fullrank'; did you mean"
        ):
            regression().fit("mean_field")

    @pytest.mark.parametrize("what", ["sample", "map", "laplace", "fit", "pathfinder"])
    def test_a_density_that_is_not_finite_at_the_start_is_told_before(self, what):
        with Model() as m:
            Potential("wall", np.log(Normal("x") - 10.0))
        with pytest.raises(ModelCheckError, match=r"wall .* <-- not finite"):
            getattr(m, what)()


class TestWarnings:
    def test_divergences_and_the_line_that_asked(self):
        with Model() as m:
            Normal("x", 0.0, 1e-3)
        with pytest.warns(ConvergenceWarning) as caught:
            m.sample(50, 0, 1)  # with a step that is far too long
        assert str(caught[0].message) == (
            "50 of 50 draws diverged: the posterior has places that the sampler cannot follow, and these draws are"
            " biased.\nUse noncentered=True for hierarchies, or a higher target_accept."
        )
        assert {w.filename for w in caught} == {__file__}

    def test_chains_that_disagree(self):
        draws = np.random.default_rng(0).normal(size=(4, 200, 2))
        draws[1, :, 1] += 3.0
        with pytest.warns(ConvergenceWarning) as caught:
            warn_of_chains(
                xr.Dataset({"x": (("chain", "draw", "city"), draws)}, {"city": ["Oslo", "Rome"]})
            )
        assert str(caught[0].message).startswith("the chains do not agree on 'x': R̂ is up to 1.472")
        assert str(caught[0].message).endswith(
            "at city='Rome' (at most 1.01 is good).\nDraw more, or warm up for longer (draws=, tune=)."
        )

    def test_few_independent_draws(self):
        draws = np.random.default_rng(0).normal(size=(4, 50))
        with pytest.warns(
            ConvergenceWarning, match=r"'x' are worth \d+ independent ones, at its only"
        ):
            warn_of_chains(xr.Dataset({"x": (("chain", "draw"), draws)}))


class Shell:
    kernel = "one"


class Display:
    """Stands for IPython: keeps what it is told to show."""

    shown: ClassVar[list[str]] = []

    def display(self, what, display_id):
        self.update(what)
        return self

    def update(self, what):
        self.shown.append(f"{what._repr_html_()} | {what!r}")

    def get_ipython(self):
        return Shell()


def test_notebooks_get_a_bar(monkeypatch):
    monkeypatch.setitem(sys.modules, "IPython", Display())
    monkeypatch.setitem(sys.modules, "IPython.display", Display())
    with progress_bar("chains", 2, 100, None) as report:
        report(0, 50)
        report(1, 100)
        report(0, 100)
    assert Display.shown[-1] == (
        '<progress max="200" value="200"></progress> 200 of 200 steps, 0 s | 200 of 200 steps, 0 s'
    )


def test_pipes_get_none(capsys):
    with progress_bar("chains", 2, 100, None) as report:
        report(0, 100)
    assert capsys.readouterr() == ("", "")


def autoregressive(phi: float, chains: int, n: int) -> np.ndarray:
    rng = np.random.default_rng(0)
    x = np.zeros((chains, n, 2))
    noise = rng.normal(size=x.shape)
    for t in range(1, n):
        x[:, t] = phi * x[:, t - 1] + noise[:, t]
    x[..., 1] = np.round(x[..., 1])  # with ties
    return x


class TestChains:
    @pytest.mark.parametrize(
        ("phi", "chains", "n"), [(0.0, 4, 500), (0.8, 4, 500), (-0.5, 2, 1001)]
    )
    def test_statistics_are_those_of_arviz(self, phi, chains, n):
        draws = autoregressive(phi, chains, n)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            az = pytest.importorskip("arviz")
            data = az.convert_to_dataset({"x": draws})
            expected = {
                "rhat": az.rhat(data).x,
                "ess_bulk": az.ess(data, method="bulk").x,
                "ess_tail": az.ess(data, method="tail").x,
                "mcse": az.mcse(data).x,
            }
        found = diagnose(draws)
        for name, values in expected.items():
            np.testing.assert_allclose(found[name], values, rtol=1e-10)

    def test_an_autoregressive_chain_is_worth_what_theory_says(self):
        found = diagnose(autoregressive(0.8, 4, 20_000)[..., :1])
        assert found["ess_bulk"] == pytest.approx(80_000 * 0.2 / 1.8, rel=0.1)

    def test_one_draw_says_nothing(self):
        found = summary(xr.Dataset({"x": (("chain", "draw", "city"), np.ones((1, 1, 2)))})).x
        known = found.notnull().all("city")
        assert list(found.statistic[known].values) == ["mean", "q5", "q50", "q95"]

    def test_constants_agree(self):
        found = diagnose(np.ones((2, 100)))
        assert found["ess_bulk"] == 200
        assert np.isnan(found["rhat"])
