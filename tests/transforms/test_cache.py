"""The two caches: what costs a trace, what costs a compile, and what costs nothing."""

import gc
import threading
import weakref

import numpy as np
import pandas as pd
import pytest
import xarray as xr

import xgrad as xg
from tests.transforms.samples import rain, weather
from xgrad.transforms.calls.cache import LIMIT
from xgrad.transforms.calls.guard import IndexTokens, same_attrs, snapshot

test_set = {1, 2}


@pytest.fixture
def double():
    return xg.jit(lambda x: x * 2)


def check(compiled, *calls, traces, compiles):
    """Call with each of ``calls``; compare with eager xarray, and count."""
    for x in calls:
        xr.testing.assert_identical(compiled(x), x * 2)
    info = compiled.cache_info()
    assert (info.traces, info.compiles, info.hits) == (traces, compiles, len(calls) - traces)


def test_equal_but_fresh_labels_cost_nothing(double):
    check(double, rain(), rain(), rain().copy(deep=True), traces=1, compiles=1)


def test_results_of_operations_cost_nothing(double):
    x = rain()
    check(double, x, x.copy(), x + 0 * x, x.transpose("time", "city"), traces=1, compiles=1)


def set_in_place(x, name, value):
    x.coords[name].values[...] = value
    return x


def with_coord_attrs(x):
    x.time.attrs["calendar"] = "standard"
    return x


CHANGES = {
    "index values": lambda x: x.assign_coords(time=x.time + np.timedelta64(1, "D")),
    "index strings": lambda x: x.assign_coords(city=list("wxyz")),
    "other coord": lambda x: x.assign_coords(height=2 * x.height),
    "coord in place": lambda x: set_in_place(x, "height", 7.0),
    "scalar coord": lambda x: x.assign_coords(run=6),
    "coord dtype": lambda x: x.assign_coords(run=5.0),
    "coord gone": lambda x: x.drop_vars("run"),
    "index gone": lambda x: x.drop_indexes("city"),
    "index coord gone": lambda x: x.drop_vars("city"),
    "coord attrs": with_coord_attrs,
    "name": lambda x: x.rename("snow"),
    "attrs": lambda x: x.assign_attrs(units="inch"),
    "no attrs": lambda x: x.drop_attrs(deep=False),
    "dims": lambda x: x.rename(city="place"),
}


@pytest.mark.parametrize("change", CHANGES)
def test_new_labels_cost_a_trace_but_no_compile(double, change):
    x = rain()
    check(double, x, traces=1, compiles=1)
    changed = CHANGES[change](rain())
    xr.testing.assert_identical(double(changed), changed * 2)
    xr.testing.assert_identical(double(rain()), rain() * 2)
    info = double.cache_info()
    assert (info.traces, info.compiles) == (2, 1)


def test_a_coord_changed_in_place_in_the_same_object_is_noticed(double):
    x = rain()
    double(x)
    set_in_place(x, "height", 7.0)
    xr.testing.assert_identical(double(x), x * 2)
    x.city.attrs["long_name"] = "village"
    xr.testing.assert_identical(double(x), x * 2)
    x.attrs["levels"].append(3)
    xr.testing.assert_identical(double(x), x * 2)
    assert double.cache_info()[:2] == (4, 1)


def test_new_sizes_and_dtypes_cost_a_compile(double):
    x = rain()
    check(double, x, x.isel(time=slice(2)), x.astype("float32"), x > 3, traces=4, compiles=4)


def test_positions_are_lifted_so_that_new_ones_cost_no_compile():
    compiled = xg.jit(lambda x: x.sel(city=["d", "a", "c"]))
    for cities in (
        "abcd",
        "badc",
        "dcab",
    ):  # no three positions are evenly spaced: those would be a slice
        x = rain().assign_coords(city=list(cities))
        xr.testing.assert_identical(compiled(x), x.sel(city=["d", "a", "c"]))
    assert compiled.cache_info()[:2] == (3, 1)


def test_datasets_are_guarded_by_their_variables(double):
    d = weather()
    check(double, d, weather(), d[["wind", "rain", "bias"]], traces=2, compiles=2)
    changed = weather().assign_attrs(source="other")
    xr.testing.assert_identical(double(changed), changed * 2)
    assert double.cache_info().traces == 3


@pytest.mark.filterwarnings("ignore::xgrad.errors.LabelsDroppedWarning")  # it is what they are for
def test_xarray_options_are_part_of_the_key():

    def body(x, y):
        return x + y

    compiled = xg.jit(body)
    x = rain()
    y = x.isel(city=slice(1, None))
    for join in ("inner", "outer", "inner"):
        with xr.set_options(arithmetic_join=join):
            xr.testing.assert_identical(compiled(x, y), body(x, y))
    with xr.set_options(keep_attrs=False):
        xr.testing.assert_identical(compiled(x, y), body(x, y))
    assert compiled.cache_info()[0] == 3


def test_options_of_xgrad_are_part_of_the_key(double):
    double(rain())
    with xg.options(ad="jax"):
        double(rain())
    double(rain())
    assert double.cache_info().traces == 2


def test_containers_and_python_types_are_part_of_the_key():
    compiled = xg.jit(lambda p: p)
    for value in (1, 2, 1.5, True, (1, 2), [1, 2], {"a": 1}, {"b": 1}, "s", None, 3):
        assert compiled(value) == value
    assert compiled.cache_info().traces == 9


@pytest.mark.filterwarnings("ignore::xgrad.errors.RecompileWarning")
def test_the_entries_used_last_are_kept(double):
    for n in range(1, LIMIT + 3):
        double(np.float64(n) * np.ones(()) if n == 1 else rain().assign_coords(run=n))
    info = double.cache_info()
    assert (info.traces, info.entries) == (LIMIT + 2, LIMIT)
    double(rain().assign_coords(run=LIMIT + 2))
    double(rain().assign_coords(run=2))
    assert double.cache_info().traces == LIMIT + 3
    double.clear_cache()
    assert double.cache_info() == (0, 0, 0, 0)


def test_entries_do_not_keep_the_data_alive(double):
    x = rain()
    reference = weakref.ref(x.variable._data)
    double(x)
    del x
    gc.collect()
    assert reference() is None


def test_one_trace_per_signature_when_threads_race():
    count = []
    compiled = xg.jit(lambda x: count.append(1) or x * 2)
    barrier = threading.Barrier(4)
    results = []

    def call():
        barrier.wait()
        results.append(compiled(rain()))

    threads = [threading.Thread(target=call) for _ in range(4)]
    [t.start() for t in threads]
    [t.join() for t in threads]
    assert len(count) == 1
    for result in results:
        xr.testing.assert_identical(result, rain() * 2)


# ---- tokens and attrs ----------------------------------------------------------------------------------------------
def test_indexes_of_equal_content_have_one_token():
    tokens = IndexTokens()
    first = pd.Index([1, 2, 3])
    token = tokens.token(first)
    assert tokens.token(pd.Index([1, 2, 3])) == token == tokens.token(first)
    assert tokens.token(pd.Index([1, 2, 4])) != token
    assert tokens.token(pd.Index([1.0, 2.0, 3.0])) != token


def test_tokens_do_not_keep_indexes_alive():
    tokens = IndexTokens()
    index = pd.Index([1, 2, 3])
    reference = weakref.ref(index)
    tokens.token(index)
    del index
    gc.collect()
    assert reference() is None
    assert tokens._by_identity == {}


@pytest.mark.parametrize(
    ("attrs", "other", "same"),
    [
        (None, {}, True),
        ({"a": 1}, {"a": 1}, True),
        ({"a": 1}, {"a": 2}, False),
        ({"a": 1}, {"b": 1}, False),
        ({"a": np.arange(3)}, {"a": np.arange(3)}, True),
        ({"a": np.arange(3)}, {"a": np.arange(4)}, False),
        ({"a": [1, {"b": np.ones(2)}]}, {"a": [1, {"b": np.ones(2)}]}, True),
        ({"a": [1, {"b": np.ones(2)}]}, {"a": [1, {"b": np.zeros(2)}]}, False),
        ({"a": float("nan")}, {"a": float("nan")}, True),
        ({"a": np.float32("nan")}, {"a": np.float32("nan")}, True),
        ({"a": test_set}, {"a": test_set}, True),
    ],
)
def test_attrs_are_compared_by_content(attrs, other, same):
    assert same_attrs(other, snapshot(attrs)) is same


def test_attrs_of_any_kind_are_no_obstacle(double):
    odd = {"nan": np.float64("nan"), "object": object(), "array": np.array([1.0, np.nan])}
    x = rain().assign_attrs(odd)
    for _ in range(2):
        xr.testing.assert_identical(double(x), x * 2)
    x.attrs["array"][0] = 7
    xr.testing.assert_identical(double(x), x * 2)
    assert double.cache_info().traces == 2


def test_the_order_of_variables_and_coords_is_part_of_the_key():

    def body(d):
        return d.drop_vars(["time", "city"]).to_array("name")

    compiled = xg.jit(body)
    d = weather()[["rain", "wind"]]
    for value in (d, d[["wind", "rain"]]):
        xr.testing.assert_identical(compiled(value), body(value))
    coords = rain().reset_coords(drop=True).assign_coords(p=1.0, q=2.0)
    other = rain().reset_coords(drop=True).assign_coords(q=2.0, p=1.0)

    def names(x):
        return list(x.reset_coords(["p", "q"]).data_vars)

    gather = xg.jit(names)
    assert [gather(coords), gather(other)] == [names(coords), names(other)]


def test_an_index_is_compared_by_content_once(double, monkeypatch):
    seen = []
    learn = IndexTokens._learn
    monkeypatch.setattr(
        IndexTokens, "_learn", lambda self, index: seen.append(index) or learn(self, index)
    )
    double(rain())
    fresh = rain()
    for _ in range(3):
        double(fresh)
    assert len(seen) == 4  # two indexes of two arrays
