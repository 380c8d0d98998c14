"""Coords, attrs, names and the options of xarray: results are identical to those of eager code."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import xarray as xr

import xgrad as xg

FIELD = xr.DataArray(
    np.arange(12.0).reshape(4, 3),
    {
        "x": [1, 2, 3, 4],
        "y": ["a", "b", "c"],
        "mass": ("x", [1.0, 2.0, 3.0, 4.0], {"units": "kg"}),
        "area": (("x", "y"), np.ones((4, 3))),
        "run": 5,
        "when": np.datetime64("2001-01-01", "ns"),
    },
    ("x", "y"),
    "temp",
    {"units": "K", "levels": [1, 2]},
)
HEIGHT = xr.DataArray([1.0, 2.0, 3.0, 4.0], dims="x")
STACKED = FIELD.stack(z=("x", "y"))


def raised(a: xr.DataArray, h: xr.DataArray) -> xr.DataArray:
    return a.assign_coords(height=h * 2)


TRACED_COORDS: dict[str, Callable[..., Any]] = {
    "assigned": lambda a, h: raised(a, h) + 1,
    "used": lambda a, h: (raised(a, h) * 3).height,
    "reduced away": lambda a, h: raised(a, h).mean("x"),
    "reduced along": lambda a, h: raised(a, h).mean("y"),
    "one step": lambda a, h: raised(a, h).isel(x=1),
    "some steps": lambda a, h: raised(a, h).sel(x=[4, 1]),
    "reset": lambda a, h: raised(a, h).reset_coords("height"),
    "in a Dataset": lambda a, h: raised(a, h).to_dataset() * 2,
    "on both sides": lambda a, h: raised(a, h) + raised(a, h),
    "on one side": lambda a, h: raised(a, h) + a,
    "concatenated": lambda a, h: xr.concat([raised(a, h), raised(a, h)], "run"),
}


@pytest.mark.parametrize("name", TRACED_COORDS)
def test_coords_that_are_traced(name: str):
    program = TRACED_COORDS[name]
    xr.testing.assert_identical(xg.jit(program)(FIELD, HEIGHT), program(FIELD, HEIGHT))


@pytest.mark.parametrize("ad", ["symbolic", "jax"])
def test_gradients_by_a_traced_coord(ad: str):
    def cost(h: xr.DataArray) -> xr.DataArray:
        return (raised(FIELD, h**2).isel(x=[0, 2]).height ** 2).sum()

    gradient = xg.jit(xg.grad(cost), ad=ad)(HEIGHT)
    np.testing.assert_allclose(gradient, 16.0 * HEIGHT**3 * [1, 0, 1, 0])


LABELS: dict[str, Callable[[xr.DataArray], Any]] = {
    "scalar coords that differ": lambda a: a[0] - a.isel(x=1, drop=True),
    "swapped": lambda a: a.swap_dims(x="mass").sel(mass=2.0),
    "stacked": lambda a: a.stack(z=("x", "y")) * 2,
    "stacked and back": lambda a: (a.stack(z=("x", "y")) * 2).unstack("z"),
    "an index taken away": lambda a: a.reset_index("x") + 1,
    "groups by a coord": lambda a: a.groupby("mass").sum(),
    "equal attrs": lambda a: a * a,
    "attrs that differ": lambda a: a - a.assign_attrs(units="C"),
    "names that differ": lambda a: a + a.rename("rain"),
    "a choice": lambda a: xr.where(a > 2, a, 0),
}


@pytest.mark.parametrize("name", LABELS)
def test_labels(name: str):
    xr.testing.assert_identical(xg.jit(LABELS[name])(FIELD), LABELS[name](FIELD))


MULTI: dict[str, Callable[[xr.DataArray], Any]] = {
    "arithmetic": lambda a: a * 2,
    "one level": lambda a: a.sel(x=2) * 2,
    "a tuple": lambda a: a.sel(z=(2, "b")),
    "back to dims": lambda a: a.unstack("z"),
    "reduced": lambda a: a.sum("z"),
    "aligned": lambda a: xr.align(a[2:], a[:5])[0] + xr.align(a[2:], a[:5])[1],
    "renamed": lambda a: a.rename(x="row"),
}


@pytest.mark.parametrize("name", MULTI)
def test_a_multiindex(name: str):
    xr.testing.assert_identical(xg.jit(MULTI[name])(STACKED), MULTI[name](STACKED))


# ---- options -------------------------------------------------------------------------------------------------------

KEEPING: dict[str, Callable[[xr.DataArray], Any]] = {
    "a product": lambda a: a * 2,
    "of two": lambda a: a * a,
    "a mean": lambda a: a.mean("x"),
    "a function": lambda a: np.square(a),
    "a choice": lambda a: xr.where(a > 1, a, 0),
    "windows": lambda a: a.rolling(x=2).sum(),
    "groups": lambda a: a.groupby("mass").sum(),
    "a dot": lambda a: xr.dot(a, a, dim="x"),
}


@pytest.mark.parametrize("keep", [True, False, "default"])
@pytest.mark.parametrize("name", KEEPING)
def test_keep_attrs(name: str, keep: bool | str):
    with xr.set_options(keep_attrs=keep):
        xr.testing.assert_identical(xg.jit(KEEPING[name])(FIELD), KEEPING[name](FIELD))


JOINED: dict[str, Callable[[xr.DataArray], Any]] = {
    "arrays": lambda a: a[1:] + a[:3],
    "datasets": lambda a: a[1:].to_dataset() + a[:3].to_dataset(),
}


@pytest.mark.filterwarnings("ignore::xgrad.errors.LabelsDroppedWarning")
@pytest.mark.parametrize("join", ["inner", "outer", "left", "right"])
@pytest.mark.parametrize("name", JOINED)
def test_arithmetic_join(name: str, join: Any):
    with xr.set_options(arithmetic_join=join):
        xr.testing.assert_identical(xg.jit(JOINED[name])(FIELD), JOINED[name](FIELD))


def test_exact_joins_raise_as_in_eager_code():
    with xr.set_options(arithmetic_join="exact"):
        with pytest.raises(xr.AlignmentError, match="the labels along dim 'x' differ"):
            xg.jit(JOINED["arrays"])(FIELD)


def test_broadcasting_can_be_refused():
    with xr.set_options(arithmetic_broadcast=False):
        with pytest.raises(ValueError, match="automatic broadcasting is disabled"):
            xg.jit(lambda a: a[:, 0] * a[0])(FIELD)


@pytest.mark.filterwarnings("ignore::xgrad.errors.LabelsDroppedWarning")
def test_options_are_part_of_the_key():
    program = xg.jit(JOINED["arrays"])
    for join in ("inner", "outer", "inner"):
        with xr.set_options(arithmetic_join=join):
            xr.testing.assert_identical(program(FIELD), JOINED["arrays"](FIELD))
    assert program.cache_info().traces == 2
    for keep in (True, False, True):
        with xr.set_options(keep_attrs=keep):
            assert bool(program(FIELD).attrs) == keep
    assert program.cache_info().traces == 4 and program.cache_info().compiles == 2
