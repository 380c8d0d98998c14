"""Models that cannot be fitted say why, with the names of what is at fault."""

import numpy as np
import pytest
import xarray as xr

from xgrad.errors import (
    ArgumentError,
    DuplicateNameError,
    ModelCheckError,
    ObservedValueError,
    SizeMismatchError,
)
from xgrad.model import Bernoulli, Data, Model, Normal, Poisson, Uniform

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


SITES = {"site": list("abc")}
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
    "coords that are none": (
        lambda: Model(coords=["site"]),
        "Model: coords is a mapping from dims to labels or sizes, or a Dataset; got a list.",
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
        pytest.raises((ArgumentError, DuplicateNameError)) as error,
    ):
        declare()
    assert str(error.value) == said
