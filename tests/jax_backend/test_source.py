"""Standalone source: it runs without xgrad, and computes what the executable computes."""

import ast
import sys

import jax
import numpy as np
import pytest

from tests.axes.derivatives import graph_of
from tests.axes.examples import EXAMPLES
from tests.jax_backend import graphs
from xgrad.axes.base import TensorType
from xgrad.axes.opaque import JaxCall
from xgrad.graph import Graph
from xgrad.jax_backend.emit import lift
from xgrad.jax_backend.executable import executable_for
from xgrad.jax_backend.source import source_arguments, to_source

each_graph = pytest.mark.parametrize(
    "make", (*graphs.PLAIN, *graphs.DELEGATED), ids=lambda make: make.__name__
)


PRINTED = [x for x in EXAMPLES if not isinstance(x.op, JaxCall)]


@pytest.fixture
def without_xgrad(monkeypatch):
    """Nothing of xgrad can be imported."""
    for name in [m for m in sys.modules if m.partition(".")[0] == "xgrad"]:
        monkeypatch.setitem(sys.modules, name, None)


def load(source, name="f"):
    scope = {}
    exec(source, scope)
    return scope[name]


@each_graph
def test_source_computes_what_the_executable_computes(make, rng, without_xgrad):
    graph = make()
    compare(graph, graphs.arrays_for(graph, rng))


@pytest.mark.parametrize("example", PRINTED, ids=[repr(x.op) for x in PRINTED])
def test_source_of_every_op_computes_what_the_executable_computes(example, rng, without_xgrad):
    arrays = example.inputs(rng)
    compare(graph_of(example.op, arrays), arrays)


def compare(graph, arrays):
    got = load(to_source(graph))(*arrays, *source_arguments(graph))
    lifted, constants = lift(graph)
    expected = executable_for(lifted)(*arrays, *constants)
    for one, other in zip(jax.tree.leaves(got), expected, strict=True):
        assert one.dtype == other.dtype
        np.testing.assert_array_equal(one, other)


@each_graph
def test_source_names_each_thing_once_and_only_the_public(make):
    tree = ast.parse(to_source(make()))
    assert not [n for n in ast.walk(tree) if isinstance(n, ast.Attribute) and n.attr[0] == "_"]
    names = [n for n in ast.walk(tree) if isinstance(n, ast.Name) and n.id != "_"]
    stored = [n.id for n in names if isinstance(n.ctx, ast.Store)]
    assert len(stored) == len(set(stored))


def test_source_reads_well():
    assert (
        to_source(graphs.elementwise(), "model")
        == '''\
import jax
import jax.numpy as jnp
import jax.scipy
import numpy as np
from jax import lax


@jax.enable_x64(True)
@jax.jit
def model(rain, temp):
    """Returns float64[3], float64[3].

    rain: float64[3]
    temp: float64[3]
    """
    sin = lax.sin(rain)  # model.py:12
    multiply = lax.mul(temp, temp)  # model.py:12
    add = lax.add(sin, multiply)  # model.py:12
    full = lax.full((3,), float('nan'), dtype=np.float64)
    divide = jnp.divide(add, full)
    return add, divide
'''
    )


def test_small_arrays_are_printed_and_large_ones_are_arguments():
    assert "CONSTANT = np.array([1.0, 2.0, float('inf')], dtype=np.float64)" in to_source(
        graphs.weighted()
    )
    assert source_arguments(graphs.weighted()) == ()
    (array,) = source_arguments(graphs.captured(100))
    assert "captured: float64[100], an array that the program captured" in to_source(
        graphs.captured(100)
    )
    assert array.shape == (100,)


def test_inputs_keep_their_names_where_python_lets_them():
    x, y = graphs.var(2, name="air temperature"), graphs.var(2, name="air_temperature")
    assert "def f(air_temperature, air_temperature_2):" in to_source(Graph((x, y), (x, y)))
    assert "def f(class_2):" in to_source(graphs.nothing_done())


def users_function(x):
    return x * 2


@pytest.mark.parametrize(
    ("function", "expected"),
    [
        (jax.nn.softplus, "called = jax.nn.softplus(x0)"),
        (users_function, f"from {__name__} import users_function\n"),
        (
            lambda x: x,
            f"# function is <lambda> of {__name__}, which cannot be imported: define it here",
        ),
    ],
)
def test_functions_of_users_are_called_by_name(function, expected):
    x = graphs.var(3)
    call = JaxCall(function, (TensorType((3,), np.dtype(float)),))
    assert expected in to_source(Graph((x,), (call(x),)))
