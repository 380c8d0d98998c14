"""Models that cannot be fitted say why, with the names of what is at fault."""

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from xgrad.errors import (
    ArgumentError,
    DuplicateNameError,
    ModelCheckError,
    ObservedValueError,
    SizeMismatchError,
    XgradError,
)
from xgrad.model import (
    Bernoulli,
    Categorical,
    Custom,
    Data,
    Deterministic,
    Flat,
    HalfNormal,
    Log,
    Mixture,
    Model,
    Normal,
    Poisson,
    Potential,
    Uniform,
)

CITIES = ["Oslo", "Rome", "Nice"]


def test_observed_outside_the_support():
    counts = xr.DataArray([3, -1, -2], {"city": CITIES})
    with Model(), pytest.raises(ObservedValueError) as error:
        Poisson("visits", 2.0, observed=counts)
    assert str(error.value) == (
        "Poisson 'visits': 2 of 3 observed values are outside the integers from 0 to ∞; the first is -1 at city='Rome'."
    )


def test_discrete_latent_variables():
    with Model(), pytest.raises(ArgumentError) as error:
        Bernoulli("rain", 0.3)
    assert str(error.value) == (
        "Bernoulli 'rain' is a discrete latent variable, which gradient-based inference cannot sample.\n"
        "Sum it out of the density by hand (a Mixture does), or give it observed=."
    )


def test_coords_of_the_wrong_length():
    with Model(coords={"city": CITIES}), pytest.raises(SizeMismatchError) as error:
        Data("rain", np.zeros(4), dims="city")
    assert str(error.value) == (
        "data 'rain': dim 'city' has size 4 here, and 3 in the model; give the values for the same 'city', or call the"
        " dim something else."
    )


def test_two_variables_of_one_name():
    with Model(), pytest.raises(DuplicateNameError) as error:
        Normal("x")
        Normal("x")
    assert str(error.value).startswith("the model has a variable 'x' already (free, declared at ")
    assert str(error.value).endswith("); give this one another name.")


def test_a_start_of_infinite_density_is_a_table_of_sites():
    with Model() as m:
        low = Normal("low")
        seen = xr.DataArray([0.5, -3.0], {"city": CITIES[:2]})
        Uniform("seen", low, low + 2.0, observed=seen)
    with pytest.raises(ModelCheckError) as error:
        m.map()
    first, header, *rows = str(error.value).splitlines()
    assert first == "the log-density or its gradient is not finite: see 'seen' in the table."
    assert header.split()[:3] == ["name", "is", "dims"]
    assert rows[0].split()[:2] == ["low", "free"]
    assert rows[1].startswith("seen  observed  city: 2  -inf")
    assert rows[1].endswith("<-- not finite")


def test_a_good_model_is_found_good_with_a_row_for_each_term():
    with Model() as m:
        Normal("y", Normal("x"), 1.0, observed=1.0)
    report = m.check()
    assert [row.name for row in report.rows] == ["x", "y"]
    assert report.bad == ()


def test_ordered_vectors_are_drawn_in_order():
    with Model(coords={"cut": 3}) as m:
        Normal("cuts", 0.0, 5.0, dims="cut", transform="ordered")
    drawn = m.prior(draws=50)["prior/cuts"]
    assert (drawn.diff("cut") > 0).all()


def declared(family, **options) -> Model:
    with Model() as m:
        family("level", **options)
    return m


SITES = {"site": list("abc")}
DEPTH = xr.DataArray([0.0, 1.0, 2.0], SITES, "site", name="depth")
SAID = {
    "a variable called like a dim": (
        lambda: Normal("site", dims="site"),
        "'site' is the name of a variable and of a dim of the results, which cannot hold both; call one of them"
        " something else.",
    ),
    "a variable called like a dim of results": (
        lambda: Normal("chain"),
        "'chain' is the name of a variable and of a dim of the results, which cannot hold both; call one of them"
        " something else.",
    ),
    "a parameter that is wrong": (
        lambda: Normal("level", 0.0, -1.0),
        "Normal 'level': sigma=-1.0 is not in (0, ∞).",
    ),
    "a parameter that there is not": (
        lambda: Normal("level", 0.0, sigm=1.0),
        "Normal 'level' has no parameter 'sigm'; did you mean 'sigma'? It takes mu, sigma.",
    ),
    "dims that are none": (
        lambda: Normal("level", dims=3),
        "Normal 'level': dims is a name, or a tuple of names; got 3.",
    ),
    "dims in a list of lists": (
        lambda: Normal("level", dims=[["site"]]),
        "Normal 'level': dims is a name, or a tuple of names; got [['site']].",
    ),
    "a truth value as coords": (
        lambda: Model(coords={"site": True}),
        "coords['site'] is True; give the labels along 'site' as a list or a one-dimensional array, or their number as"
        " an integer.",
    ),
    "coords that are none": (
        lambda: Model(coords=["site"]),
        "Model: coords is a mapping from dims to labels or sizes, or a Dataset; got a list.",
    ),
    "a dim of the results": (
        lambda: Model(coords={"draw": 3}),
        "coords={'draw': 3}: 'draw' is a dim of all results, one entry for each draw of the posterior, so a model"
        " cannot have a dim of that name; call yours something else, 'my_draw' for example.",
    ),
    "labels that are one": (
        lambda: Model(coords={"site": "abc"}),
        "coords['site'] is 'abc'; give the labels along 'site' as a list or a one-dimensional array, or their number as"
        " an integer.",
    ),
    "labels of two levels": (
        lambda: Model(coords={"site": pd.MultiIndex.from_product([[1, 2], [3]])}),
        "coords['site']: a MultiIndex is held neither by models nor by files of their results; make its levels plain"
        " coords, by .reset_index(...).",
    ),
    "labels of parameters that are others": (
        lambda: Normal("level", xr.DataArray([0.0, 1.0, 2.0], {"site": list("abd")})),
        "a parameter of Normal 'level': its labels along 'site' are not those of the model (1 of 3 differ; the first:"
        " 'd' here, 'c' in the model).\nSelect or reindex first, or give the model these labels.",
    ),
    "dims that are not those of the array": (
        lambda: Normal("level", observed=xr.zeros_like(DEPTH), dims="depth"),
        "data 'level': dims=('depth',), and the array has the dims ('site',); leave dims= out, since the array has"
        " names, or rename those of the array.",
    ),
    "observed values that lack a dim of the parameters": (
        lambda: Normal("level", DEPTH, observed=1.0),
        "Normal 'level': the observed values have the dims (), and lack 'site', which the parameters have: there is one"
        " value for each of theirs. Observe all, or sum or select the parameters.",
    ),
    "categories along the dim of the values": (
        lambda: Categorical("kind", xr.full_like(DEPTH, 1 / 3), observed=DEPTH.astype(int)),
        "Categorical 'kind': its values have the dim 'site', along which all entries of a parameter make one value;"
        " rename that of the values or that of the parameter.",
    ),
    "observed dates": (
        lambda: Normal("level", observed=DEPTH.astype("datetime64[s]")),
        "Normal 'level': observed= holds values of type datetime64[s], and not real numbers; convert them.",
    ),
    "missing counts that should be inferred": (
        lambda: Poisson("count", 1.0, observed=DEPTH.where(DEPTH > 0), missing="impute"),
        "Poisson 'count': missing values of it would be discrete latent variables, which gradient-based inference"
        ' cannot sample; missing="drop" leaves them out.',
    ),
    "a map that is not made": (
        lambda: HalfNormal("level", transform=Log),
        "HalfNormal 'level': transform= is the name of a map, or a map such as Log(); got <class"
        " 'xgrad.model.distributions.bijections.Log'>; make one: Log().",
    ),
    "two maps at once": (
        lambda: Normal("level", noncentered=True, transform=Log()),
        "Normal 'level': noncentered=True is a transform by itself (by location and scale); leave one of it and"
        " transform= out.",
    ),
    "a name that trees cannot hold": (
        lambda: Normal("a/b"),
        "a variable cannot be called 'a/b': names are not empty, have no '/' (results are trees of groups) and do not"
        " begin with two underscores; call it something else.",
    ),
    "unbounded forms of one name": (
        lambda: (HalfNormal("level"), Normal("level__log")),
        "the unbounded forms of 'level' and of 'level__log' are both called 'level__log'; give this one another name.",
    ),
    "a parameter without a value": (
        lambda: Normal("level", None),
        "Normal 'level': mu is None; give a number, or a DataArray, whose dims are named.",
    ),
    "a parameter of text": (
        lambda: Normal("level", DEPTH.site.drop_vars("site")),
        "Normal 'level': mu holds <U1, and not real numbers.",
    ),
    "data without a name": (
        lambda: Data(DEPTH.rename(None)),
        "Data: the array has no name; give one: Data('name', array), or array.rename('name').",
    ),
    "a condition as a potential": (
        lambda: Potential("limit", Normal("level") > 0),
        "Potential 'limit' is a term of the log-density, which is a real number, not bool; for a condition write"
        " xr.where(condition, 0.0, -np.inf).",
    ),
    "a deterministic array without names": (
        lambda: Deterministic("level", np.zeros(3)),
        "Deterministic 'level' is an array of shape (3,) without names of dims; give a number, or a DataArray, whose"
        " dims are named.",
    ),
    "draws that are none": (
        lambda: Model().prior(0),
        "draws=0: give a whole number, at least 1.",
    ),
    "a seed that is none": (
        lambda: Model().prior(seed="a"),
        "seed='a' is no seed; give an integer, or a key: xgrad.random.key(0).",
    ),
    "nothing to infer": (
        lambda: Model().map(),
        "the model has no free variables, so there is nothing to infer; declare one without observed=.",
    ),
    "a distribution that is none": (
        lambda: declared(Custom, logp=lambda x: None).logp({"level": 1.0}),
        "Custom: logp returned None; it returns the log-density at each value, with named dims.",
    ),
    "a support that is none": (
        lambda: Custom("level", logp=abs, support="real"),
        "Custom 'level': support= is a Support, such as Interval(0.0), or a function of the parameters; got 'real'.",
    ),
    "weights along which dim": (
        lambda: Mixture("level", DEPTH.expand_dims(kind=2) / 3, Normal.dist()),
        "Mixture 'level': say in dim= which 1 of the dims ('kind', 'site') a value is made along.",
    ),
    "draws of what has none": (
        lambda: declared(Flat).prior(2),
        "there are no draws of 'level': it is improper, its density has no sum; give a distribution that has one.",
    ),
    "data without dims": (
        lambda: Data("rain", np.zeros(3)),
        "data 'rain': dims=() does not name each axis of an array of shape (3,); pass a DataArray, or name each axis in"
        " dims=.",
    ),
}


@pytest.mark.parametrize("case", SAID)
def test_what_is_said(case):
    declare, said = SAID[case]
    with (
        Model(SITES),
        pytest.raises(XgradError) as error,
    ):
        declare()
    assert str(error.value) == said
