"""The fast ways through xarray's slots give what the public API gives."""

from typing import Any

import numpy as np
import pytest
import xarray as xr

from xgrad.labels import slots

ARRAYS = [
    xr.DataArray(
        np.arange(6.0).reshape(2, 3),
        dims=("x", "y"),
        coords={
            "x": ["a", "b"],
            "h": 2.0,
            "xy": (("x", "y"), np.ones((2, 3))),
            "y": ("y", [3, 4, 5], {"u": "m"}),
        },
        name="t",
        attrs={"units": "K"},
    ),
    xr.DataArray(1.5),
    xr.DataArray([1, 2], dims="x").assign_coords(x=[1, 2]).stack(p=["x"]),
]


def test_this_xarray_has_the_slots() -> None:
    assert slots.FAST


def same_variables(one: dict[Any, xr.Variable], other: dict[Any, xr.Variable]) -> None:
    assert list(one) == list(other)
    for a, b in zip(one.values(), other.values(), strict=True):
        xr.testing.assert_identical(a, b)


def same_indexes(one: dict[Any, Any], other: dict[Any, Any]) -> None:
    assert list(one) == list(other)
    assert all(a is b for a, b in zip(one.values(), other.values(), strict=True))


@pytest.mark.parametrize("array", ARRAYS)
def test_reading_a_dataarray(array: xr.DataArray) -> None:
    fast, public = slots.read_dataarray(array), slots.public_read_dataarray(array)
    assert fast[0] is public[0]
    assert (fast[1], fast[2] or None, fast[5]) == (public[1], public[2] or None, public[5])
    same_variables(fast[3], public[3])
    same_indexes(fast[4], public[4])


@pytest.mark.parametrize("array", ARRAYS)
def test_reading_a_variable(array: xr.DataArray) -> None:
    for variable in (array.variable, *[c.variable for c in array.coords.values()]):
        fast, public = slots.read_variable(variable), slots.public_read_variable(variable)
        np.testing.assert_array_equal(np.asarray(fast.data), np.asarray(public.data))
        assert (fast.dims, fast.attrs or None) == (public.dims, public.attrs)
        assert [x or None for x in slots.read_extras(variable)] == list(
            slots.public_read_extras(variable)
        )


@pytest.mark.parametrize("array", ARRAYS)
def test_making_a_dataarray(array: xr.DataArray) -> None:
    made = []
    for read, variable, make in (
        (slots.read_dataarray, slots.make_variable, slots.make_dataarray),
        (slots.public_read_dataarray, slots.public_make_variable, slots.public_make_dataarray),
    ):
        data, dims, attrs, coords, indexes, name = read(array)
        made.append(
            make(variable(dims, data, dict(attrs or {})), dict(coords), name, dict(indexes))
        )
    for new in made:
        xr.testing.assert_identical(new, array)
        assert list(new.xindexes) == list(array.xindexes)


@pytest.mark.parametrize("array", ARRAYS[:2])
def test_a_dataset(array: xr.DataArray) -> None:
    dataset = xr.Dataset({"a": array, "b": array.mean() * 2}, attrs={"title": "toy"})
    fast, public = slots.read_dataset(dataset), slots.public_read_dataset(dataset)
    same_variables(fast.variables, public.variables)
    same_indexes(fast.indexes, public.indexes)
    assert (fast.coord_names, fast.attrs) == (public.coord_names, public.attrs)
    for parts, make in ((fast, slots.make_dataset), (public, slots.public_make_dataset)):
        variables, names, attrs, indexes = parts
        new = make(
            dict(variables), set(names), dict(dataset.sizes), dict(attrs or {}), dict(indexes)
        )
        xr.testing.assert_identical(new, dataset)
        assert new.sizes == dataset.sizes


def test_the_options_that_matter_are_read() -> None:
    assert slots.read_options() == slots.public_read_options()
    with xr.set_options(arithmetic_join="outer"):
        assert slots.read_options() == slots.public_read_options()
        inside = slots.read_options()
    assert slots.read_options() != inside


def test_data_is_replaced_without_conversion() -> None:
    for replace in (slots.set_variable_data, slots.public_set_variable_data):
        variable, data = xr.Variable("x", [1.0, 2.0]), np.array([3.0, 4.0])
        replace(variable, data)
        assert variable.data is data


def test_a_copied_coord_shares_nothing_that_can_be_written() -> None:
    array = ARRAYS[0]
    for name in ("x", "xy"):
        copied = slots.copied_coord(array.coords[name].variable)
        xr.testing.assert_identical(copied, array.coords[name].variable)
        copied.attrs["new"] = 1
        assert "new" not in array.coords[name].attrs
    assert not np.shares_memory(slots.copied_coord(array.xy.variable).values, array.xy.values)
