"""Labeled values as JSON and plain arrays: what comes back is what was written, and what cannot is said by name."""

import dataclasses
import datetime
from collections import OrderedDict
from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np
import pandas as pd
import pytest
import xarray as xr

from tests.transforms.samples import rain, weather
from xgrad.errors import ExportError
from xgrad.transforms.calls.arguments import guard_of
from xgrad.transforms.calls.portable import packed, unpacked


class Pair(NamedTuple):
    first: Any
    second: Any


@dataclasses.dataclass
class Model:
    rate: Any
    name: str = dataclasses.field(metadata={"static": True})


TIMES = pd.date_range("2001-01-01", periods=3, freq="MS")
GRID = xr.DataArray(
    np.arange(6.0).reshape(2, 3),
    {"site": ["Oslo", "Bergen"], "time": TIMES, "run": 7, "height": ("site", [1.5, 2.5])},
    ("site", "time"),
    "tas",
    {"units": "K", "range": [1, 2.5], "flags": np.array([1, 2], "int8"), "none": None},
)
OBJECTS = np.array(["a", None, "ccc"], object)
STACKED = GRID.stack(cell=("time", "site"))
DATASET = xr.Dataset({"b": GRID, "a": ("site", ["x", "y"])}, attrs={"title": "toy", 3: (1, "two")})

VALUES = {
    "plain": [None, True, 3, -0.5, "text", 10**30],
    "not in JSON": (1 + 2j, slice(1, None, 2), np.float32(1.5), np.datetime64("2001-01-01"), ...),
    "dtypes": (np.dtype("float32"), np.dtype("<U3"), jnp.dtype("bfloat16")),
    "containers": {"a": Pair([1, 2], (3,)), 2: {}, (1, "b"): Model(0.5, "decay"), "empty": ()},
    "labels": GRID,
    "a coord without an index": GRID.drop_indexes("time"),
    "an index besides": GRID.set_xindex("height"),
    "several levels": STACKED,
    "some levels": STACKED.isel(cell=[3, 0]),
    "intervals": GRID.groupby_bins("height", [0, 2, 5]).mean("site"),
    "categories": GRID.assign_coords(
        site=pd.CategoricalIndex(["b", "a"], categories=["b", "c", "a"], ordered=True),
        season=("time", pd.Categorical(["wet", "dry", None])),
    ),
    "categories that are intervals": GRID.assign_coords(site=pd.cut([1.5, 2.5], [0, 2, 5])),
    "durations": GRID.assign_coords(time=TIMES - TIMES[0]),
    "objects": GRID.assign_coords(time=OBJECTS),
    "no labels": xr.DataArray(1.0),
    "a name that is no string": GRID.rename(("a", 1)),
    "a Dataset": DATASET,
    "the samples": [rain(), weather()],
    "a DataTree": xr.DataTree.from_dict({"/a": weather(), "/a/b": weather()[["height"]], "/c": DATASET}, name="root"),
    "a Variable": xr.Variable(("x",), [1, 2], {"units": "m"}),
}  # fmt: skip


def roundtrip(value, **options):
    (found,) = unpacked(*packed([value], ["x"], **options), **options)
    return found


@pytest.mark.parametrize("name", VALUES)
def test_what_is_read_is_what_was_written(name):
    value = VALUES[name]
    found = roundtrip(value, allow_pickle=False)
    assert list(guard_of(value, "x").differences(guard_of(found, "x"), "x")) == []
    if isinstance(value, xr.DataArray | xr.Dataset | xr.DataTree | xr.Variable):
        xr.testing.assert_identical(found, value)


@pytest.mark.parametrize("name", [n for n, v in VALUES.items() if isinstance(v, xr.DataArray)])
def test_labels_have_their_types_indexes_and_order(name):
    value, found = VALUES[name], roundtrip(VALUES[name], allow_pickle=False)
    assert list(found.coords) == list(value.coords)
    assert {k: v.dtype for k, v in found.coords.items()} == {
        k: v.dtype for k, v in value.coords.items()
    }
    assert {k: type(i) for k, i in found.xindexes.items()} == {
        k: type(i) for k, i in value.xindexes.items()
    }
    for key, index in value.xindexes.items():
        assert index.equals(found.xindexes[key])


@pytest.mark.parametrize(
    "dtype", ["bool", "int8", "float16", "complex64", "bfloat16", ">f4", "M8[s]"]
)
def test_arrays(dtype):
    for array in (np.array([[1, 0, 1]]), np.ones((2, 0)), np.array(1), np.zeros((3, 2))):
        value = array.astype(jnp.dtype(dtype) if dtype == "bfloat16" else dtype)
        found = roundtrip(value, allow_pickle=False)
        assert found.dtype == value.dtype
        np.testing.assert_array_equal(found, value)


def test_arrays_of_one_number_and_arrays_in_jax():
    assert len(packed([np.zeros((1000, 1000))], ["x"], False)[1]) < 1000
    zeros = roundtrip(np.array([0.0, -0.0]), allow_pickle=False)
    assert np.signbit(zeros).tolist() == [False, True]
    found = roundtrip(jnp.arange(3, dtype="float32"), allow_pickle=False)
    assert isinstance(found, jnp.ndarray) and found.tolist() == [0, 1, 2]


CALENDARS = ["standard", "noleap", "360_day", "julian", "all_leap", "proleptic_gregorian"]


@pytest.mark.parametrize("calendar", CALENDARS)
def test_dates_of_other_calendars(calendar):
    cftime = pytest.importorskip("cftime")
    months = xr.date_range("2001-01-30", periods=3, freq="MS", calendar=calendar, use_cftime=True)
    value = GRID.assign_coords(time=months, before=("time", months[::-1])).assign_attrs(
        made=months[1]
    )
    plain = cftime.datetime(850, 2, 3, 4, 5, 6, 7, calendar=calendar)
    for x in (value, value[:, 0], value.assign_coords(run=plain)):
        found = roundtrip(x, allow_pickle=False)
        xr.testing.assert_identical(found, x)
        assert list(guard_of(x, "x").differences(guard_of(found, "x"), "x")) == []
        for name in ("time", "before", "run"):
            for old, new in zip(x[name].values.flat, found[name].values.flat, strict=True):
                assert (repr(new), type(new)) == (repr(old), type(old))
    assert isinstance(roundtrip(value, allow_pickle=False).indexes["time"], xr.CFTimeIndex)


class Local(NamedTuple):
    x: int


def _inside():
    return NamedTuple("Inside", [("x", int)])(1)


REFUSED = {
    "a function": ([1, dataclasses.replace], "x[1]", "function"),
    "a date": (datetime.date(2001, 1, 1), "x", "datetime.date"),
    "a date among labels": (
        GRID.assign_coords(time=[datetime.date(2001, 1, d) for d in (1, 2, 3)]),
        "x.coords['time']", "datetime.date",
    ),
    "an attr": (GRID.assign_attrs(made=datetime.date(2001, 1, 1)), "x.attrs['made']", "datetime.date"),
    "categories of dates": (
        GRID.assign_coords(site=pd.CategoricalIndex([datetime.date(2001, 1, d) for d in (1, 2)])),
        "x.coords['site']", "datetime.date",
    ),
    "a kind of dict": ({"a": OrderedDict(b=1)}, "x['a']", "collections.OrderedDict"),
    "a local class": ({"a": _inside()}, "x['a']", "Inside"),
    "masked": (np.ma.masked_array([1.0], [True]), "x", "MaskedArray"),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_what_needs_pickle_is_refused(name):
    value, path, what = REFUSED[name]
    with pytest.raises(ExportError) as error:
        packed([value], ["x"], False)
    first, second = str(error.value).split("\n")
    assert first.startswith(f"`{path}` holds a ") and first.endswith("holds only by pickle.")
    assert what in first
    assert second.startswith("Leave it out, make it numbers or strings, or pass allow_pickle=True")


def test_pickle_has_to_be_allowed_twice():
    value = REFUSED["a date among labels"][0]
    data = packed([value], ["x"], True)
    with pytest.raises(ExportError, match="to read these can run any code"):
        unpacked(*data, False)
    xr.testing.assert_identical(unpacked(*data, True)[0], value)


def test_classes_are_looked_up_and_never_made_to_run():
    text, arrays = packed([Pair(1, 2)], ["x"], False)
    for old, new, message in [
        (b'"Pair"', b'"Triple"', "of the class tests.transforms.test_portable.Triple"),
        (b'"tests.transforms.test_portable"', b'"nowhere"', "Import nowhere, or define it, before"),
        (b'"Pair"', b'"roundtrip"', "which is not there"),
        (b'"Pair"', b'"Model"', "holds a NamedTuple of the class"),
    ]:
        with pytest.raises(ExportError, match=message):
            unpacked(text.replace(old, new), arrays, False)
