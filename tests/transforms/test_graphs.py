"""Graphs built by hand: ``xtensor``, ``function``, ``graph_replace``, ``constant``, ``dprint`` and ``stages``."""

import io

import jax
import numpy as np
import pytest
import xarray as xr

import xgrad as xg
from tests.transforms.samples import rain, same
from xgrad.errors import (
    AlignmentError,
    ArgumentError,
    DimensionError,
    SizeMismatchError,
    TracedValueError,
    UnsupportedTypeError,
)


@pytest.fixture
def x():
    return xg.xtensor("x", dims=("time", "city"), shape=(3, 4))


@pytest.fixture
def w():
    return xg.xtensor("w", dims="city", shape=4)


def message(error):
    return str(error.value)


def test_a_symbol_is_a_dataarray(x):
    assert isinstance(x, xr.DataArray) and xg.is_traced(x)
    assert (x.name, x.dims, x.shape, x.dtype) == ("x", ("time", "city"), (3, 4), np.float64)
    assert xg.xtensor("c", dims="city", coords={"city": list("abc")}).sizes == {"city": 3}
    assert xg.xtensor("s", dtype="int8").shape == ()


def test_function_computes(x, w):
    f = xg.function([x, w], (x * w).sum("city"))
    r = rain()
    result = f(r, np.arange(4.0))
    same(result, xr.DataArray((r.values * np.arange(4.0)).sum(1), dims="time"))
    same(f(r.transpose(), w=np.arange(4)), result)
    same(f.reference(r, np.arange(4.0)), result)


def test_outputs_come_in_their_containers(x):
    f = xg.function([x], {"mean": x.mean(), "many": [x, x + 1]})
    result = f(np.ones((3, 4)))
    assert result["mean"] == 1.0 and (result["many"][1] == 2).all()


def test_labels_of_symbols_are_labels_of_results():
    coords = {"city": list("abcd")}
    x = xg.xtensor("x", dims="city", shape=4, coords=coords)
    f = xg.function(x, x.sel(city=["b", "d"]))
    y = xr.DataArray(np.arange(4.0), coords, "city")
    same(f(y), y.sel(city=["b", "d"]).rename("x"))
    with pytest.raises(AlignmentError) as error:
        f(y.assign_coords(city=list("wxyz")))
    assert message(error) == (
        "input `x`: its labels along 'city' differ from those of the symbolic array.\n"
        "Select or reindex first: value.reindex_like(symbol), or make the symbol without coords."
    )


def test_results_live_where_values_live(w):
    f = xg.function(w, w * 2)
    assert isinstance(f(np.ones(4)).data, np.ndarray)
    with jax.enable_x64(True):
        assert isinstance(f(jax.numpy.ones(4)).data, jax.Array)


def test_values_take_the_dtype_of_the_input(w):
    assert xg.function(w, w * 2)(np.ones(4, "float32")).dtype == np.float64
    n = xg.xtensor("n", dtype="int64")
    with pytest.raises(ArgumentError) as error:
        xg.function(n, n)(1.5 * np.ones(()))
    assert message(error) == (
        "input `n` has dtype int64; got float64, which does not convert without loss."
    )


def test_any_array_of_the_graph_may_be_an_input(w):
    double = w * 2
    np.testing.assert_array_equal(xg.function(double, double + 1)(np.zeros(4)), np.ones(4))


def test_gradients_of_graphs(w):
    f = xg.function(w, xg.grad((w**3).sum(), w))
    np.testing.assert_allclose(f(np.arange(4.0)), 3 * np.arange(4.0) ** 2)


def test_constants(w):
    f = xg.function(w, w + xg.constant([1, 2, 3, 4], dims="city"))
    np.testing.assert_array_equal(f(np.zeros(4)), [1, 2, 3, 4])
    height = rain().height
    same(xg.function([], xg.constant(height))(), height)
    assert xg.as_xtensor(w) is w
    assert xg.as_xtensor(2.0, name="two").name == "two"


def test_graph_replace(x, w):
    out = (x * w).sum("city").rename("out")
    by_name = xg.graph_replace(out, {"w": np.ones(4)})
    same(
        xg.function(x, by_name)(rain()),
        rain().sum("city").drop_vars(["time", "run"]).drop_attrs().rename("out"),
    )
    by_pair = xg.graph_replace([out], [(w, x.mean("time"))])[0]
    values = rain().values
    np.testing.assert_allclose(xg.function(x, by_pair)(values), (values * values.mean(0)).sum(1))
    with pytest.raises(ArgumentError) as error:
        xg.graph_replace(out, {"ww": w})
    assert message(error) == (
        "the graph has the inputs `x`, `w`, and none called 'ww'; did you mean 'w'?"
    )
    with pytest.raises(DimensionError) as error:
        xg.graph_replace(out, {"w": x})
    assert message(error) == "`w` has the dims ('city',); its replacement has ('time', 'city')."


def test_dprint(w, capsys):
    xg.dprint(w + 1)
    text = capsys.readouterr().out
    assert text.startswith("XElemwise add: float64(city: 4)  # test_graphs.py:")
    assert "├─ w: float64(city: 4)\n" in text
    file = io.StringIO()
    xg.dprint(w, file=file)
    assert file.getvalue() == "w: float64(city: 4)\n"
    assert xg.dprint(xg.function(w, w * 2), file="str").startswith("=== graph: names ===")


def test_stages():
    stages = xg.jit(lambda x: (x * 2).sum("time")).stages(rain())
    assert [len(g.inputs) for g in (stages.names, stages.axes, stages.optimised)] == [1, 1, 1]
    assert "HloModule" in stages.hlo
    assert stages.cost.flops > 0
    titles = [line for line in str(stages).splitlines() if line.startswith("===")]
    assert [t.split()[1].rstrip(":") for t in titles] == [
        "<lambda>",
        "axes",
        "optimised",
        "source",
        "cost",
    ]
    assert stages._repr_html_().startswith('<div class="xgrad"><b>&lt;lambda&gt;</b><details>')
    space = {}
    exec(stages.source, space)
    program = space["program"]
    np.testing.assert_allclose(program(rain().values), (rain().values * 2).sum(0))


# ---- mistakes ------------------------------------------------------------------------------------------------------
def call(inputs, outputs, *args, **kwargs):
    return xg.function(inputs, outputs)(*args, **kwargs)


def test_inputs_that_are_missing_or_no_symbols(x, w):
    with pytest.raises(ArgumentError) as error:
        xg.function([x], x * w)
    assert message(error) == (
        "the outputs depend on `w`, which is not among the inputs of xgrad.function; add it to them."
    )
    with pytest.raises(ArgumentError) as error:
        xg.function([rain()], x)
    assert message(error) == (
        "input 0 of xgrad.function must be a symbolic array, such as xgrad.xtensor makes, not DataArray."
    )


MISTAKES = {
    "too few": (ArgumentError, (), {}, "the compiled graph takes 1 values, for `w`; got 0."),
    "too many": (ArgumentError, (1, 2), {}, "the compiled graph takes 1 values, for `w`; got 2."),
    "unknown": (
        ArgumentError,
        (),
        {"v": 1},
        "the compiled graph has the inputs `w`, and none left called 'v'.",
    ),
    "size": (
        SizeMismatchError,
        (np.ones(3),),
        {},
        "input `w`: dim 'city' has size 4, and 3 in the value given for it.",
    ),
    "axes": (
        DimensionError,
        (1.0,),
        {},
        "input `w` has the dims ('city',); got an array with 0 axes.",
    ),
    "dims": (
        DimensionError,
        (xr.DataArray(np.ones(4), dims="place"),),
        {},
        "input `w` has the dims ('city',); got an array with ('place',).",
    ),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_values_that_do_not_fit(w, name):
    cls, args, kwargs, expected = MISTAKES[name]
    with pytest.raises(cls) as error:
        xg.function([w], w)(*args, **kwargs)
    assert message(error) == expected


def test_symbols_that_make_no_sense():
    with pytest.raises(DimensionError) as error:
        xg.xtensor("x", dims=("a", "b"), shape=3)
    assert (
        message(error) == "xtensor 'x': 2 dims ('a', 'b'), and 1 sizes (3,); give one size per dim."
    )
    with pytest.raises(DimensionError) as error:
        xg.xtensor("x", dims=("a", "b"), shape={"a": 3})
    assert (
        message(error) == "xtensor 'x': no size for dim 'b'; sizes are static: shape={dim: size}."
    )
    with pytest.raises(UnsupportedTypeError) as error:
        xg.xtensor("x", dtype="U3")
    assert message(error) == "xtensor 'x': dtype <U3 is not numeric, and cannot be traced."
    with pytest.raises(DimensionError) as error:
        xg.constant(np.ones((2, 3)), dims="a")
    assert message(error) == "an array with 2 axes needs as many dim names; got dims=('a',)."


def test_a_symbol_is_no_constant_of_a_compiled_function(w):
    with pytest.raises(TracedValueError) as error:
        xg.jit(lambda x: x + w)(np.ones(4))
    line = message(error).split("(")[1].split(";")[0].split(")")[0]
    assert message(error) == (
        f"`w` ({line}) is symbolic, but not an argument of the compiled function that uses it.\n"
        "Pass it as an argument, or compile the graph it is part of with xgrad.function."
    )
