"""Strings, dates and Python objects as data: known while a function is traced, and as in eager code there and back."""

import numpy as np
import pandas as pd
import pytest
import xarray as xr

import xgrad as xg
from xgrad.errors import UnsupportedTypeError

DAY = np.timedelta64(1, "D")
STATIONS = xr.Dataset(
    {
        "rain": ("t", [1.0, 2.0, 3.0]),
        "count": ("t", [1, 2, 3]),
        "wet": ("t", [True, False, True]),
        "name": ("t", ["x", "y", "x"]),
        "when": ("t", pd.date_range("2001-01-01", periods=3)),
        "age": ("t", pd.timedelta_range("1D", periods=3)),
        "note": ("t", np.array(["a", None, 3], object)),
        "bias": 2.0,
    },
    coords={"t": [1, 2, 3]},
    attrs={"source": "made up"},
)

PROGRAMS = {
    "untouched": lambda d: d,
    "beside others": lambda d: d.assign(rain=d.rain * 2),
    "selected": lambda d: d.isel(t=[0, 2]),
    "reduced": lambda d: d.mean(),
    "dates reduced": lambda d: d[["rain", "when"]].max(),
    "a mask": lambda d: d.rain.where(d.name == "x"),
    "a selection": lambda d: d.rain.sel(t=d.t[d.name != "x"]),
    "groups": lambda d: d.rain.groupby(d.name).mean(),
    "a coord": lambda d: d.set_coords("name").rain.groupby("name").sum(),
    "dates apart": lambda d: d.when - d.when[0],
    "dates as numbers": lambda d: d.rain * ((d.when - d.when[0]) / DAY),
    "parts of dates": lambda d: d.when.dt.dayofyear * d.rain,
    "methods of strings": lambda d: d.name.str.upper(),
    "shifted": lambda d: d[["rain", "when", "name"]].shift(t=1),
    "reindexed": lambda d: d[["rain", "when", "name"]].reindex(t=[1, 2, 5]),
    "joined": lambda d: xr.concat([d[["rain", "name"]]] * 2, "run"),
    "sorted": lambda d: d.sortby("name", ascending=False),
    "alone": lambda d: d.name[::-1],
}


@pytest.mark.parametrize("name", PROGRAMS)
def test_as_in_eager_code(name):
    xr.testing.assert_identical(xg.jit(PROGRAMS[name])(STATIONS), PROGRAMS[name](STATIONS))


def test_positions_that_are_traced():
    places = xr.DataArray([2, 0], dims="k")
    found = xg.jit(lambda d, i: d.isel(t=i))(STATIONS, places)
    xr.testing.assert_identical(found, STATIONS.isel(t=places))


def test_arrays_without_labels_and_single_arrays():
    given = {"names": np.array(["a", "b"]), "when": STATIONS.when, "v": STATIONS.name.variable}
    found = xg.jit(lambda g: g)(given)
    np.testing.assert_array_equal(found["names"], given["names"])
    xr.testing.assert_identical(found["when"], given["when"])
    xr.testing.assert_identical(found["v"], given["v"])


def test_they_are_part_of_the_key_by_content():
    program = xg.jit(lambda d: d.rain.where(d.name == "x").sum())
    assert float(program(STATIONS)) == 4.0
    assert float(program(STATIONS.copy(deep=True))) == 4.0
    assert program.cache_info().traces == 1
    changed = STATIONS.copy(deep=True)
    changed["name"][1] = "x"
    assert float(program(changed)) == 6.0
    assert program.cache_info()[:2] == (2, 1)  # another trace, no other executable


def test_the_function_cannot_reach_the_callers_array():
    def write(d):
        d["name"][0] = "q"
        return d.name

    assert xg.jit(write)(STATIONS)[0] == "q"
    assert STATIONS.name[0] == "x"


@pytest.mark.parametrize("ad", ["symbolic", "jax"])
def test_gradients_leave_them_as_they_are(ad):
    gradient = xg.jit(xg.grad(lambda d: (d.rain**2).where(d.name == "x").sum()), ad=ad)(STATIONS)
    np.testing.assert_array_equal(gradient.rain, [2.0, 0.0, 6.0])
    np.testing.assert_array_equal(gradient["count"], [0.0, 0.0, 0.0])
    known = ["name", "when", "age", "note"]
    xr.testing.assert_identical(gradient[known], STATIONS[known])


def test_captured():
    found = xg.jit(lambda x: STATIONS.assign(twice=2 * x))(STATIONS.rain)
    xr.testing.assert_identical(found, STATIONS.assign(twice=2 * STATIONS.rain))


SECONDS = {
    "durations": (lambda d: d.rain * d.age, lambda d: d.rain * (d.age / np.timedelta64(1, "s"))),
    "dates": (
        lambda d: d.when.data + d.rain.data,
        lambda d: d.when.data.astype("M8[ns]").astype(float) / 1e9 + d.rain.data,
    ),
    "one duration": (lambda d: d.rain / DAY, lambda d: d.rain / 86400.0),
    "missing": (
        lambda d: d.rain * d.age.where(d.t > 1),
        lambda d: d.rain * (d.age.where(d.t > 1) / np.timedelta64(1, "s")),
    ),
}


@pytest.mark.parametrize("name", SECONDS)
def test_computed_with_traced_numbers_they_are_seconds(name):
    program, expected = SECONDS[name]
    np.testing.assert_allclose(xg.jit(program)(STATIONS), expected(STATIONS), rtol=1e-15)


def test_plain_functions_and_vectors_leave_them_out():
    function = xg.to_jax(lambda d: d.rain * 2, STATIONS[["rain", "name"]])
    np.testing.assert_array_equal(function({"rain": np.ones(3)}), [2.0, 2.0, 2.0])
    vector, back = xg.ravel(STATIONS[["rain", "name", "bias"]])
    assert vector.shape == (4,)
    xr.testing.assert_identical(back(vector), STATIONS[["rain", "name", "bias"]])


def test_they_cannot_be_cut_into_steps():
    with pytest.raises(UnsupportedTypeError) as error:
        xg.vmap(lambda d: d, "t")(STATIONS)
    assert str(error.value) == (
        "vmap over 't': 'name' has this dim and holds <U1 values, which cannot be traced and would be others at each"
        " step; make it a coord, or drop it."
    )
    doubled = xg.vmap(lambda d: d.assign(rain=2 * d.rain), "t")(
        STATIONS[["rain"]].assign(name=("k", ["a", "b"]))
    )
    np.testing.assert_array_equal(doubled.rain, [2.0, 4.0, 6.0])
    np.testing.assert_array_equal(doubled.name, ["a", "b"])
