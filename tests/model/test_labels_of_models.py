"""Names and labels that models take from arrays, and where those of several arrays disagree; copies; other data."""

import copy
import pickle

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from scipy import stats

from xgrad.errors import (
    AlignmentError,
    ArgumentError,
    ModelContextError,
    ObservedValueError,
    SizeMismatchError,
)
from xgrad.model import Data, Deterministic, Gamma, HalfNormal, Model, Normal, Poisson, define

COUNTY = {"county": ["a", "b", "c"]}
Y = xr.DataArray(
    [1.0, 2.0, 3.0, 4.0], dims="obs", coords={"county": ("obs", list("abac"))}, name="y"
)
LEVEL = np.array([0.0, 1.0, 2.0])
TERMS = stats.norm.logpdf(Y, LEVEL[[0, 1, 0, 2]])


class TestCoords:
    def test_parameters_give_theirs(self):
        depth = xr.DataArray(LEVEL, COUNTY)
        with Model() as m:
            assert Normal("level", depth).indexes["county"].tolist() == COUNTY["county"]
        assert m.dims.sizes == {"county": 3}

    @pytest.mark.parametrize("first", [True, False])
    def test_rows_labeled_by_what_is_a_dim_elsewhere(self, first):
        with Model(None if first else COUNTY) as m:
            y = Data(Y)
            level = Normal("level", Data("depth", xr.DataArray(LEVEL, COUNTY)), 1.0)
            Normal("seen", Deterministic("mean", level.sel(county=y.county)), 1.0, observed=y)
        np.testing.assert_allclose(m.logp({"level": LEVEL}, terms=True).seen, TERMS)
        assert m.prior(2)["prior"].indexes["county"].tolist() == COUNTY["county"]

    def test_coords_on_which_arrays_disagree_stay_with_them(self):
        table = xr.DataArray(
            [[1.0, 2.0], [3.0, 4.0]],
            {"site": ["u", "v"], "time": [10, 20], "group": ("site", ["p", "q"])},
            ("site", "time"),
        )
        with Model() as m:
            mean = Normal("mean", dims="site") if "site" in m.dims.sizes else Normal("mean")
            Normal("first", mean, 1.0, observed=table.isel(time=0))
            Normal(
                "second",
                mean,
                1.0,
                observed=table.isel(time=1).assign_coords(group=("site", [1, 2])),
            )
        terms = m.logp({"mean": 0.5}, terms=True)
        np.testing.assert_allclose(terms.second, stats.norm.logpdf([2.0, 4.0], 0.5))
        assert set(m.prior(2)["observed_data"].coords) == {"site"}

    def test_labels_of_pandas_count(self):
        column = pd.Series([1.0, 2.0], index=["u", "v"])
        with Model() as m:
            Normal("seen", observed=column, dims="site")
        assert list(m.dims.coords.site.values) == ["u", "v"]
        with Model({"site": ["v", "u"]}), pytest.raises(AlignmentError, match="'u' here, 'v' in"):
            Normal("seen", observed=column, dims="site")
        with Model({"site": ["v", "u"]}) as counted:
            Normal("seen", observed=column.reset_index(drop=True), dims="site")
        assert list(counted.dims.coords.site.values) == ["v", "u"]

    def test_imputed_entries_label_nothing_else(self):
        gaps = xr.DataArray([1.0, np.nan, 3.0], COUNTY)
        with Model() as m:
            Gamma("seen", 2.0, HalfNormal("rate"), observed=gaps, missing="impute")
        assert set(m.logp({"rate": 1.0, "seen_missing": [2.0]}, terms=True).seen.coords) == {
            "county"
        }


class TestObserved:
    def test_masked_entries_are_missing(self):
        masked = np.ma.masked_array([1.0, 5.0, 2.0], [0, 1, 0])
        with Model() as m:
            Normal("seen", observed=masked, dims="row", missing="drop")
        expected = stats.norm.logpdf([1.0, 0.0, 2.0]) * [1, 0, 1]
        np.testing.assert_allclose(m.logp({}, terms=True).seen, expected)

    def test_integers_of_which_none_is_masked_stay_integers(self):
        assert Model().data("index", np.ma.masked_array([1, 2]), "row").dtype == int

    def test_a_variable_takes_over_the_name_of_its_data(self):
        @define
        def declared(y):
            Normal("y", Normal("mean"), 1.0, observed=y)

        m = declared(Y)
        assert list(m.sites) == ["mean", "y"]
        expected = stats.norm.logpdf(0.5) + stats.norm.logpdf(Y, 0.5).sum()
        assert float(m.logp({"mean": 0.5})) == pytest.approx(expected)
        assert float(m.with_data({"y": Y + 1}).logp({"mean": 1.5})) == pytest.approx(
            expected + stats.norm.logpdf(1.5) - stats.norm.logpdf(0.5)
        )

    def test_imputed_entries_must_not_hide_others_outside_the_support(self):
        gaps = xr.DataArray([-1.0, np.nan], dims="row")
        with Model(), pytest.raises(ObservedValueError, match=r"1 of 2 .* first is -1.0"):
            Gamma("seen", 2.0, 1.0, observed=gaps, missing="impute")


class TestOtherData:
    @pytest.fixture
    def counts(self) -> Model:
        with Model() as m:
            Poisson("count", HalfNormal("rate"), observed=xr.DataArray([1, 2], dims="row"))
        return m

    @pytest.mark.parametrize(
        ("new", "said"),
        [
            ([1, -2], r"1 of 2 observed values are outside .* first is -2"),
            (
                [1.5, 2.0],
                "1 of 2 values cannot be int64, as those of the model are; the first is 1.5",
            ),
            ([1j, 2.0], "1 of 2 values cannot be int64"),
            (["a", "b"], "hold <U1, and those of the model numbers"),
        ],
    )
    def test_it_is_checked_like_the_first(self, counts, new, said):
        with pytest.raises((ArgumentError, ObservedValueError), match=said):
            counts.with_data({"count": xr.DataArray(new, dims="row")})

    @pytest.mark.parametrize(
        ("old", "new"),
        [
            (np.array([1, 2], "uint8"), [-1, 300]),
            ([True, False], [2, 0]),
            ([1.0, 2.0], [1j, 2.0]),
            ([1.0, 2.0], xr.Dataset()),
        ],
        ids=["sign", "condition", "complex", "dataset"],
    )
    def test_values_that_the_type_cannot_hold(self, old, new):
        with Model() as m:
            Data("known", old, "row")
        with pytest.raises(ArgumentError, match=r"cannot be|known values, not a Dataset"):
            m.with_data({"known": new})

    def test_missing_values(self):
        with Model() as m:
            Normal("seen", Normal("mean"), observed=Y)
        with pytest.raises(ObservedValueError, match="1 of 4 observed values are missing"):
            m.with_data({"seen": Y.where(Y != 2)})

    def test_predictions_of_other_sizes_and_of_what_the_posterior_lacks(self, counts):
        draws = counts.laplace(3)["posterior"]
        new = {"count": xr.DataArray(np.full(5, np.nan), {"row": list("abcde")})}
        found = counts.predict(draws, new)["posterior_predictive/count"]
        assert found.indexes["row"].tolist() == list("abcde")
        with pytest.raises(ArgumentError, match="the posterior lacks the free variable 'rate'"):
            counts.predict(draws.to_dataset().rename(rate="speed"))


class TestPredictions:
    ROWS = xr.DataArray(np.arange(3.0), {"row": [0, 1, 2]}, name="x")

    def declared(self, labels: bool) -> Model:
        rows = self.ROWS if labels else self.ROWS.drop_vars("row")
        with Model() as m:
            x = Data(rows)
            level = Normal("level", dims="row")
            Deterministic("mean", Normal("slope") * x)
            Normal("y", level + m["mean"], 1.0, observed=rows.rename("y"))
        return m

    def test_new_rows_need_no_values_of_what_is_computed(self):
        m = straight(self.ROWS, 2 * self.ROWS)
        with m:
            Deterministic("mean", m["slope"] * m["x"])
        draws = m.laplace(4)
        new = xr.DataArray(np.arange(9.0), {"row": np.arange(9) + 2})
        mean = m.predict(draws, {"x": new})["predictions/mean"]
        xr.testing.assert_allclose(mean, (draws["posterior/slope"] * new).rename("mean"))

    def test_sizes_that_no_labels_tell_apart(self):
        m = self.declared(labels=False)
        draws = m.laplace(4)
        new = {"x": xr.DataArray(np.arange(5.0), dims="row")}
        with pytest.raises(SizeMismatchError, match="'level' has size 3 along 'row' in the post"):
            m.predict(draws, new)
        found = m.predict(draws, new, new_levels="prior")
        assert found["predictions/level"].sizes["row"] == 5
        kept = m.predict(draws, {"x": new["x"][:3]})["predictions/mean"]
        np.testing.assert_allclose(kept.isel(row=2), 2.0 * draws["posterior/slope"])

    @pytest.mark.parametrize(
        ("compute", "said"),
        [
            (lambda x: x.expand_dims(draw=3), "'draw' is a dim of all results"),
            (lambda x: x.isel(row=slice(2)).drop_vars("row"), "has size 2 here, and 3 in the"),
            (lambda x: x.isel(row=[0, 2, 2]), "the label 2 along 'row' more than once"),
        ],
    )
    def test_computed_values_that_results_cannot_hold(self, compute, said):
        with Model({"row": [0, 1, 2]}), pytest.raises(ValueError, match=said):
            Deterministic("part", compute(Normal("level", dims="row")))

    def test_computed_values_in_another_order(self):
        with Model({"row": list("cab")}) as m:
            Deterministic("turned", Normal("level", dims="row").isel(row=[2, 0, 1]))
        for drawn in (m.prior(2)["prior"], m.laplace(2)["posterior"]):
            xr.testing.assert_allclose(drawn["turned"], drawn["level"].rename("turned"))
            assert list(drawn.row.values) == list("cab")

    def test_computed_values_at_some_labels(self):
        with Model({"row": [0, 1, 2]}) as m:
            Deterministic("part", Normal("level", dims="row").isel(row=slice(2)))
        drawn = m.prior(2)["prior"]
        xr.testing.assert_allclose(
            drawn["part"], drawn["level"].where(drawn.row < 2).rename("part")
        )


@define
def straight(x, y):
    Normal("seen", Normal("slope") * x, 1.0, observed=y)


class TestCopies:
    def test_a_copy_is_declared_on_its_own(self):
        m = straight(Y, 2 * Y)
        for other in (copy.copy(m), copy.deepcopy(m)):
            with other:
                Normal("more")
            assert set(other.sites) - set(m.sites) == {"more"}
        assert float(m.logp({"slope": 2.0})) == pytest.approx(
            stats.norm.logpdf(2.0) + 4 * stats.norm.logpdf(0.0)
        )

    def test_a_model_of_a_function_is_pickled_with_its_data(self):
        m = straight(Y, 2 * Y)
        xr.testing.assert_identical(
            pickle.loads(pickle.dumps(m)).logp({"slope": 1.0}), m.logp({"slope": 1.0})
        )

    def test_a_model_of_a_block_says_what_to_do(self):
        with Model() as m:
            Normal("level")
        with pytest.raises(TypeError, match="write it as a function"):
            pickle.dumps(m)

    def test_variables_of_another_model(self):
        with Model():
            level = Normal("level")
        with (
            Model(),
            pytest.raises(ModelContextError, match=r"computed from `level` .*not of this"),
        ):
            Normal("seen", level, 1.0, observed=Y)
