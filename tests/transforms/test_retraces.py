"""Why a call was traced anew: the argument, and what of it differed from the nearest earlier trace."""

import re
from dataclasses import dataclass

import numpy as np
import pytest
import xarray as xr

import xgrad as xg
from tests.transforms.samples import rain, weather
from xgrad.errors import ArgumentError, RecompileWarning
from xgrad.transforms.calls.retraces import MANY

DAY = np.timedelta64(1, "D")

CHANGES = {
    "size": (lambda x: x.isel(time=slice(1)), "`x`: the size of dim 'time' is 1, was "),
    "dims": (lambda x: x.rename(time="t"), "`x`: dims is ('t', 'city'), was ('time', 'city')"),
    "dtype": (lambda x: x.astype("float32"), "`x`: dtype is float32, was float64"),
    "name": (lambda x: x.rename("snow"), "`x`: the name is 'snow', was "),
    "new attr": (lambda x: x.assign_attrs(made="now"), "`x.attrs`: 'made' is new"),
    "coord gone": (lambda x: x.drop_vars("run"), "`x`: the list of coords is "),
    "coord value": (
        lambda x: x.assign_coords(height=x.height + 1),
        "`x.coords['height']`: the value at position 0 is ",
    ),
    "coord dtype": (
        lambda x: x.assign_coords(run=5.0),
        "`x.coords['run']`: dtype is float64, was int64",
    ),
    "index gone": (
        lambda x: x.drop_indexes("city"),
        "`x.coords['city']`: the index is 'NoneType', was 'PandasIndex'",
    ),
    "coord attrs": (
        lambda x: x.assign_coords(height=x.height.assign_attrs(surveyed="2001")),
        "`x.coords['height'].attrs`: 'surveyed' is new",
    ),
    "kind": (lambda x: x.values, "`x`: the kind of argument is 'Array', was 'DataArray'"),
    "time": (
        lambda x: x.assign_coords(time=x.time + DAY),
        "`x.coords['time']`: the label at position 0 is ",
    ),
}


@pytest.mark.parametrize("change", CHANGES)
def test_what_differs_is_named(change):
    make, expected = CHANGES[change]
    double = xg.jit(lambda x: x * 2)
    before, after = rain(), make(rain())
    double(before), double(after)
    (retrace,) = xg.explain_retrace(double).retraces
    assert (retrace.number, retrace.nearest) == (2, 1)
    found = [text for text in retrace.differences if text.startswith(expected)]
    assert found, retrace.differences


def test_the_first_label_that_differs_is_shown():
    double = xg.jit(lambda x: x * 2)
    x = xr.DataArray(np.ones(4), dims="city", coords={"city": list("abcd")})
    double(x), double(x.assign_coords(city=list("abxy")))
    assert str(xg.explain_retrace(double)).splitlines() == [
        "`<lambda>`: 2 traces, 1 programs compiled, 0 calls that needed neither",
        "trace 2, against trace 1:",
        "  `x.coords['city']`: the label at position 2 is 'x', was 'c'",
    ]


def test_the_nearest_trace_is_the_one_that_differs_least():
    double = xg.jit(lambda x: x * 2)
    x = xr.DataArray(np.ones(4), dims="city", coords={"city": list("abcd")}, name="x")
    double(x), double(x.astype("int32").rename("y")), double(x.rename("z"))
    assert [r.nearest for r in xg.explain_retrace(double).retraces] == [1, 1]


@dataclass
class Parameters:
    slope: float
    levels: list


def test_containers_and_static_values():
    total = xg.jit(lambda p, n, *, by=None: p.slope * n + p.levels[0], static_argnames="n")
    total(Parameters(1.0, [2.0]), 3)
    total(Parameters(1.0, [2.0]), 4)
    total(Parameters(1, [2.0]), 3)
    total(Parameters(1.0, [2.0, 3.0]), 3)
    total(Parameters(1.0, [2.0]), 3, by="time")
    assert [r.differences for r in xg.explain_retrace(total).retraces] == [
        ("`n`: the static value is 4, was 3",),
        ("`p.slope`: the type is 'int', was 'float'",),
        ("`p.levels`: the list of parts is ['[0]', '[1]'], was ['[0]']",),
        ("`the call`: the list of keywords is ['by'], was []",),
    ]


def test_datasets_and_options():
    double = xg.jit(lambda ds: ds * 2)
    ds = weather()
    double(ds)
    name = next(iter(ds.data_vars))
    double(ds.drop_vars(name))
    with xg.options(fast_math=True):
        double(ds)
    with xr.set_options(keep_attrs=False):
        double(ds)
    first, second, third = [r.differences for r in xg.explain_retrace(double).retraces]
    assert first[0].startswith("`ds`: the list of variables is [")
    assert second == ("the option fast_math of xgrad is True, was False",)
    assert third == ("options of xarray are others",)


def test_methods_and_html():
    class Scale:
        @xg.jit
        def double(self, x):
            return 2 * x

    scale = Scale()
    scale.double(np.ones(2)), scale.double(np.ones(3))
    found = xg.explain_retrace(scale.double)
    assert found.retraces[0].differences == ("`x`: the size of dim 'dim_0' is 3, was 2",)
    assert "<td" in found._repr_html_() and "the size of dim" in found._repr_html_()
    with pytest.raises(ArgumentError, match=r"takes a compiled function, such as xgrad\.jit makes"):
        xg.explain_retrace(len)


def test_many_traces_are_warned_of_once():
    double = xg.jit(lambda x, n: x * n, static_argnames="n")
    for n in range(MANY - 1):
        double(1.0, n)
    with pytest.warns(RecompileWarning) as caught:
        double(1.0, -1)
    assert len(caught) == 1 and caught[0].filename == __file__
    text = str(caught[0].message)
    assert re.match(r"`<lambda>` has been traced 50 times", text)
    assert "  `n`: the static value is -1, was 48\n" in text
    double(1.0, -2)  # silent: warnings are errors here
