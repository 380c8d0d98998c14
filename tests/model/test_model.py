"""Declaring models: dims and coords, names, data, observations, and the log-density of what was declared."""

import jax
import numpy as np
import pytest
import xarray as xr
from scipy import stats

from benchmarks.posteriors import EFFECT, ERROR, SCHOOLS, eight_schools
from xgrad.errors import (
    AlignmentError,
    ArgumentError,
    DimensionError,
    DuplicateNameError,
    ModelContextError,
    ObservedValueError,
    SizeMismatchError,
)
from xgrad.model import (
    Data,
    Deterministic,
    HalfNormal,
    Model,
    Normal,
    Potential,
    Uniform,
    define,
)

VALUES = {"mu": 1.0, "tau": 2.0, "theta": np.arange(8.0)}


def eight_schools_by_scipy() -> dict:
    return {
        "mu": stats.norm.logpdf(1.0, 0.0, 5.0),
        "tau": stats.halfnorm.logpdf(2.0, 0.0, 5.0),
        "theta": stats.norm.logpdf(np.arange(8.0), 1.0, 2.0),
        "y": stats.norm.logpdf(EFFECT.values, np.arange(8.0), ERROR.values),
    }


class TestDensity:
    def test_terms_are_those_of_scipy(self):
        terms = eight_schools(False).logp(VALUES, terms=True)
        for name, expected in eight_schools_by_scipy().items():
            np.testing.assert_allclose(terms[name], expected, rtol=1e-13)
        assert list(terms.school.values) == SCHOOLS

    def test_the_log_density_is_their_sum(self):
        expected = sum(np.sum(t) for t in eight_schools_by_scipy().values())
        assert float(eight_schools(False).logp(VALUES)) == pytest.approx(expected, rel=1e-13)

    def test_the_gradient_has_the_labels_of_the_variables(self):
        gradient = eight_schools(False).dlogp(VALUES)
        theta = np.arange(8.0)
        expected = -(theta - 1.0) / 4.0 + (EFFECT.values - theta) / ERROR.values**2
        np.testing.assert_allclose(gradient.theta, expected, rtol=1e-12)
        assert list(gradient.school.values) == SCHOOLS

    def test_second_derivatives_have_the_labels_of_both(self):
        found = eight_schools(False).d2logp(VALUES)["theta"]["theta"]
        expected = np.diag(-1 / 4.0 - 1 / ERROR.values**2)
        np.testing.assert_allclose(found, expected, rtol=1e-12)
        assert [list(found[d].values) for d in found.dims] == [SCHOOLS, SCHOOLS]

    def test_derivatives_of_each_term_add_up(self):
        m = eight_schools(False)
        slopes, bends = m.dlogp(VALUES, terms=True), m.d2logp(VALUES, terms=True)
        assert list(slopes) == list(bends) == ["mu", "tau", "theta", "y"]
        np.testing.assert_allclose(slopes["mu"].mu, -1.0 / 25.0)
        assert float(abs(slopes["y"].mu)) == 0.0
        whole, blocks = m.dlogp(VALUES), m.d2logp(VALUES)
        for name in whole:
            xr.testing.assert_allclose(sum(s[name] for s in slopes.values()), whole[name])
            xr.testing.assert_allclose(
                sum(b["tau"][name] for b in bends.values()), blocks["tau"][name]
            )

    def test_a_function_of_data_gives_the_same_density(self):
        @define
        def schools(effect, error, spread):
            mu, tau = Normal("mu", 0.0, 5.0), HalfNormal("tau", spread)
            Normal("y", Normal("theta", mu, tau, dims="school"), error, observed=effect)

        made = schools(EFFECT, ERROR, spread=5.0)
        assert set(made.known) == {"effect", "error"}
        xr.testing.assert_allclose(made.logp(VALUES), eight_schools(False).logp(VALUES))
        half = {"effect": EFFECT[:4], "error": ERROR[:4]}
        found = made.with_data(half).logp({**VALUES, "theta": np.arange(4.0)}, terms=True)
        np.testing.assert_allclose(found.y, eight_schools_by_scipy()["y"][:4])

    def test_a_non_centred_form_is_the_same_density_of_the_same_variables(self):
        one, other = eight_schools(False).logp(VALUES), eight_schools(True).logp(VALUES)
        xr.testing.assert_identical(one, other)

    def test_potentials_are_added(self):
        with Model() as m:
            x = Normal("x")
            Potential("penalty", -3.0 * abs(x))
        assert float(m.logp({"x": 2.0})) == pytest.approx(stats.norm.logpdf(2.0) - 6.0)

    def test_outside_the_support_it_is_minus_infinity(self):
        with Model() as m:
            HalfNormal("x")
        assert float(m.logp({"x": -1.0})) == -np.inf
        assert float(m.dlogp({"x": -1.0}).x) == 0.0

    def test_a_value_for_a_name_that_the_model_has_not(self):
        with pytest.raises(ArgumentError, match="no free variable 'taa'; did you mean 'tau'"):
            eight_schools(False).logp({**VALUES, "taa": 1.0})

    def test_labels_of_values_must_be_those_of_the_variable(self):
        shuffled = xr.DataArray(np.arange(8.0), coords={"school": SCHOOLS[::-1]})
        with pytest.raises(
            AlignmentError, match="value for 'theta': its labels along 'school' are"
        ):
            eight_schools(False).logp({**VALUES, "theta": shuffled})


class TestUnboundedDensity:
    @pytest.mark.parametrize("noncentered", [False, True])
    def test_it_is_the_density_with_the_log_jacobians(self, noncentered):
        m = eight_schools(noncentered)
        offset = (np.arange(8.0) - 1.0) / 2.0
        flat = {"mu": 1.0, "tau__log": np.log(2.0)}
        flat |= {"theta__offset": offset} if noncentered else {"theta": np.arange(8.0)}
        jacobian = np.log(2.0) + (8 * np.log(2.0) if noncentered else 0.0)
        with jax.enable_x64(True):
            found = m.logp_fn(flat)
        np.testing.assert_allclose(found, float(m.logp(VALUES)) + jacobian, rtol=1e-13)

    def test_it_is_differentiated_by_our_gradient(self):
        m = eight_schools(True)
        with jax.enable_x64(True):
            flat = {k: v + 0.3 for k, v in m.logp_fn.start.items()}
            found = jax.jit(jax.grad(m.logp_fn))(flat)
            for name, value in flat.items():
                for i in np.ndindex(value.shape):
                    step = np.zeros(value.shape)
                    step[i] = 1e-6
                    up, down = (
                        m.logp_fn({**flat, name: value + step}),
                        m.logp_fn({**flat, name: value - step}),
                    )
                    assert found[name][i] == pytest.approx(float(up - down) / 2e-6, abs=1e-6)

    def test_constrain_is_the_way_back(self):
        m = eight_schools(True)
        with jax.enable_x64(True):
            values = m.logp_fn.constrain({"mu": 1.0, "tau__log": 0.0, "theta__offset": np.ones(8)})
            back = m.logp_fn.unconstrain(values)
        assert list(back) == ["mu", "tau__log", "theta__offset"]
        for found, expected in zip(back.values(), [1.0, 0.0, np.ones(8)], strict=True):
            np.testing.assert_allclose(found, expected, atol=1e-15)
        np.testing.assert_allclose(values["theta"], 2.0)
        np.testing.assert_allclose(values["tau"], 1.0)

    def test_calls_that_cannot_be(self):
        density = eight_schools(True).logp_fn
        with pytest.raises(ArgumentError, match=r"64 bits, and those types of JAX are off"):
            density(density.start)
        with jax.enable_x64(True):
            with pytest.raises(ArgumentError, match=r"lacks 'tau__log'; it needs mu, tau__log, "):
                density({"mu": 0.0, "tau": 1.0})
            with pytest.raises(SizeMismatchError, match=r"'mu' has the shape \(3,\)"):
                density({**density.start, "mu": np.zeros(3)})
            with pytest.raises(ArgumentError, match="values lacks 'tau'"):
                density.unconstrain({"mu": 0.0})
            with pytest.raises(SizeMismatchError, match=r"'theta' has the shape \(3,\); the var"):
                density.unconstrain({"mu": 0.0, "tau": 1.0, "theta": [1.0, 2.0, 3.0]})

    def test_values_with_labels_are_not_taken_by_their_place(self):
        with Model({"site": ["a", "b"]}) as m:
            Normal("level", dims="site")
        turned = xr.DataArray([1.0, 2.0], {"site": ["b", "a"]})
        with pytest.raises(AlignmentError, match="its labels along 'site'"):
            m.logp_fn.unconstrain({"level": turned})


class TestDims:
    def test_dims_coords_and_names_are_taken_from_arrays(self):
        with Model() as m:
            assert Data(ERROR).name == "error"
        assert m.dims.sizes == {"school": 8}
        assert list(m["error"].school.values) == SCHOOLS

    def test_a_dataset_gives_coords_and_data(self):
        m = Model(xr.Dataset({"effect": EFFECT}))
        assert list(m.known) == ["effect"]
        assert list(m.dims.coords.school.values) == SCHOOLS

    def test_ellipsis_stands_for_the_dims_of_the_parameters(self):
        with Model(coords={"row": 3, "school": SCHOOLS}):
            level = Normal("level", dims="school")
            assert Normal("x", level, dims=("row", ...)).dims == ("row", "school")

    def test_a_deterministic_value_has_the_dims_it_has(self):
        with Model(coords={"school": SCHOOLS}):
            assert Deterministic("twice", 2 * Normal("x", dims="school")).dims == ("school",)

    def test_an_unknown_dim(self):
        with Model(coords={"school": SCHOOLS}), pytest.raises(DimensionError) as error:
            Normal("x", dims="scool")
        assert str(error.value) == (
            "Normal 'x': the model has no dim 'scool' (its dims: 'school'); did you mean 'school'?\n"
            "Give it labels or a size: Model(coords={'scool': ...})."
        )

    def test_dims_that_lack_one_of_the_parameters(self):
        with Model(coords={"school": SCHOOLS, "year": 3}):
            level = Normal("level", dims="school")
            with pytest.raises(DimensionError, match=r"dims=\('year',\) lacks 'school'"):
                Normal("x", level, dims="year")

    def test_two_sizes_of_a_dim(self):
        with (
            Model(coords={"school": 7}),
            pytest.raises(SizeMismatchError, match="size 8 here, and 7 in the model"),
        ):
            Data(ERROR)

    def test_other_labels_than_the_model_has(self):
        with Model(coords={"school": SCHOOLS[::-1]}), pytest.raises(AlignmentError) as error:
            Data(ERROR)
        assert str(error.value) == (
            "data 'error': its labels along 'school' are not those of the model (8 of 8 differ; the first: 'A' here,"
            " 'H' in the model).\nSelect or reindex first, or give the model these labels."
        )


class TestBadDeclarations:
    def test_outside_a_model(self):
        with pytest.raises(ModelContextError, match="Normal 'x' is declared outside a model"):
            Normal("x")

    def test_the_same_name_twice(self):
        with (
            Model(),
            pytest.raises(DuplicateNameError, match=r"'x' already \(free, declared at"),
        ):
            Normal("x")
            Normal("x")

    def test_a_scale_that_is_not_positive(self):
        with (
            Model(),
            pytest.raises(ArgumentError, match=r"Normal 'x': sigma=-1.0 is not in \(0, ∞\)"),
        ):
            Normal("x", 0.0, -1.0)

    def test_missing_values_without_a_policy(self):
        with Model(), pytest.raises(ObservedValueError) as error:
            Normal("y", 0.0, 1.0, observed=EFFECT.where(EFFECT != 7))
        assert str(error.value) == (
            "Normal 'y': 1 of 8 observed values are missing; the first at school='D'.\n"
            'Say what to do with them: missing="drop" leaves them out, missing="impute" infers them.'
        )

    def test_values_outside_the_support(self):
        with Model(), pytest.raises(ObservedValueError) as error:
            HalfNormal("y", 1.0, observed=EFFECT)
        assert str(error.value) == (
            "HalfNormal 'y': 2 of 8 observed values are outside [0, ∞); the first is -3.0 at school='C'."
        )

    def test_a_family_without_a_non_centred_form(self):
        with Model(), pytest.raises(ArgumentError, match="Uniform has no location and scale"):
            Uniform("x", 0.0, 1.0, noncentered=True)


class TestMissing:
    def test_dropped_values_do_not_count(self):
        with Model() as m:
            mu = Normal("mu")
            Normal("y", mu, 1.0, observed=EFFECT.where(EFFECT > 0), missing="drop")
        terms = m.logp({"mu": 1.0}, terms=True)
        assert float(terms.y.sel(school="C")) == 0.0
        np.testing.assert_allclose(terms.y.sel(school="A"), stats.norm.logpdf(28.0, 1.0))
        np.testing.assert_allclose(
            m.dlogp({"mu": 1.0}).mu, -1.0 + (EFFECT - 1.0).where(EFFECT > 0).sum()
        )
