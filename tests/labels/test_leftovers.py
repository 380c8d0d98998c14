"""What xarray and NumPy do off the beaten track: traced against eager."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
import xarray as xr

import xgrad
from tests.labels.programs import assert_gradient, assert_same, assert_same_program
from xgrad.errors import LabelsDroppedWarning, UnsupportedTypeError

RNG = np.random.default_rng(3)
A = xr.DataArray(RNG.normal(size=(4, 3)), {"x": [1, 2, 3, 4]}, ("x", "y"), "a", {"units": "K"})
DATES = pd.date_range("2000-01-30", periods=2)
WITHOUT_DATE = xr.DataArray(
    [[0.0, 2.0], [-1.0, 1.5]],
    {"time": DATES, "x": np.array(["2000-01-30", "NaT"], "M8[us]")},
    ("time", "x"),
)
PLACES = np.array([[0, 2, 1], [1, 0, 3], [0, 2, 0]])


def _put(a: Any) -> Any:
    new = a.copy()
    np.put_along_axis(new.data, PLACES, -1.0, 0)
    np.put_along_axis(new.data, np.argmax(new.data, 0)[None], 9.0, axis=0)
    return new


def _write_variable(a: Any) -> Any:
    new = a.copy()
    new.data[1] = a.variable[0]
    return new


PROGRAMS: dict[str, Callable[[Any], Any]] = {
    "np.clip": lambda a: np.clip(a, -0.5, 0.5),
    "np.clip from above": lambda a: np.clip(a, None, 0.5) + a,
    "np.clip by arrays": lambda a: np.clip(a, a - 0.1, 0.2).drop_attrs(),
    "a variable written": _write_variable,
    "put along an axis": _put,
    **{
        f"{mode} turned over, {width}": lambda a, m=mode, w=width: a.pad(
            x=w, mode=m, reflect_type="odd"
        )
        for mode in ("reflect", "symmetric")
        for width in ((1, 2), (5, 3), (0, 9))
    },
}


@pytest.mark.parametrize("name", PROGRAMS)
def test_programs(name: str) -> None:
    if "by arrays" in name:  # which keeps attrs
        assert_same(xgrad.jit(PROGRAMS[name])(A), PROGRAMS[name](A))
    else:
        assert_same_program(PROGRAMS[name], A)
    if name != "put along an axis":
        assert_gradient(PROGRAMS[name], A)


def test_clip_of_what_is_not_traced_is_numpys() -> None:
    def program(a: Any) -> Any:
        assert isinstance(np.clip(A, 0, 1).data, np.ndarray)
        return a

    xgrad.jit(program)(A)


def test_unstack_with_a_missing_label() -> None:
    """Eager xarray puts it into the last place."""
    assert_same_program(lambda a: a.stack(z=["x", "time"])[..., ::2].unstack("z"), WITHOUT_DATE)


def test_an_empty_constant_is_joined_at_its_length() -> None:
    empty = np.broadcast_to(np.zeros((4, 1)), (4, 0)).astype(float)
    assert_same_program(
        lambda a: xr.DataArray(np.concatenate([empty, a.data], axis=0), dims=("x", "y")),
        A[:, :0],
    )


def test_traced_coords_that_are_computed_in_the_same_way_are_kept() -> None:
    def program(a: Any) -> Any:
        one = a.assign_coords(m=a.mean("y"))
        return one.isel(x=[0, 1]) + one.isel(x=[0, 1]) * 2

    got = xgrad.jit(program)(A)
    xr.testing.assert_allclose(got, program(A))
    assert "m" in got.coords


def test_traced_coords_that_may_differ_are_dropped_with_a_warning() -> None:
    def program(a: Any) -> Any:
        return a.assign_coords(m=a.mean("y")) + a.assign_coords(m=a.max("y"))

    with pytest.warns(LabelsDroppedWarning, match="the coord 'm' is dropped at test_leftovers.py"):
        got = xgrad.jit(program)(A)
    xr.testing.assert_allclose(got, program(A))
    assert "m" not in got.coords


@pytest.mark.parametrize("dim", ["y", "member"])
@pytest.mark.parametrize("over", ["x", None])
@pytest.mark.filterwarnings("ignore:In a future version of xarray")
def test_traced_coords_that_may_differ_are_lined_up_by_concat(dim: str, over: str | None) -> None:
    def program(a: Any) -> Any:
        one, other = a.assign_coords(top=a.max(over)), (2 * a).assign_coords(top=a.sum(over))
        return xr.concat([one, other, one], dim)

    assert_same_program(program, A)


def test_variables_that_cannot_be_masked_are_named() -> None:
    names = {"k": ("x", list("abcd")), "when": ("x", pd.date_range("2000-01-01", periods=4))}
    data = xr.Dataset({"a": A, **names})
    message = (
        r"at .*test_leftovers.py:\d+ .* 'k' is .*, 'when' is datetime64\[us\].\n"
        r"Make them coords before, ds.set_coords\(\['k', 'when'\]\)"
    )
    with pytest.raises(UnsupportedTypeError, match=message):
        xgrad.jit(lambda d: d.where(d.a.sum("y") > 0))(data)
    assert_same_program(lambda d: d.where(d.a.sum("y") > 0), data.set_coords(list(names)))


def test_a_rolling_mean_counts_once() -> None:
    names = xgrad.jit(lambda a: a.rolling(x=2).mean()).stages(A).names
    assert str(xgrad.dprint(names, file="str")).count("XWindowReduce") == 2
    assert len(names.nodes) <= 20
