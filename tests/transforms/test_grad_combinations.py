"""Every derivative of every kind of argument, outside and inside compiled functions, and of symbols: the same numbers.

The oracle is JAX on the numbers of the argument as one vector.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import xarray as xr

import xgrad as xg

LABELS = {"t": [10, 20, 30]}
A = np.array([0.3, -1.2, 0.7])


def plain(v):
    """The cost, of the numbers as one vector: three of ``a``, one of ``b``."""
    a, b = v[:3], v[3]
    return (jnp.sin(a) * b).sum() + (a**3).sum() * b**2


class Argument(NamedTuple):
    """One argument in its container, and how its two parts are read from it."""

    value: Any
    a: Callable[[Any], Any]
    b: Callable[[Any], Any]


class Pair(NamedTuple):
    a: Any
    b: Any


ARRAY_A = xr.DataArray(A, LABELS, ("t",), name="a")
ARRAY_B = xr.DataArray(2.5, name="b")
DATASET = xr.Dataset({"a": ARRAY_A, "b": ARRAY_B})
ARGUMENTS = {
    "tuple": Argument((ARRAY_A, ARRAY_B), lambda p: p[0], lambda p: p[1]),
    "dict": Argument({"a": ARRAY_A, "b": [ARRAY_B]}, lambda p: p["a"], lambda p: p["b"][0]),
    "NamedTuple": Argument(Pair(ARRAY_A, 2.5), lambda p: p.a, lambda p: p.b),
    "Dataset": Argument(DATASET, lambda p: p["a"], lambda p: p["b"]),
    "DataTree": Argument(
        xr.DataTree.from_dict({"/": DATASET[["a"]], "/deep": DATASET[["b"]]}),
        lambda p: p["a"],
        lambda p: p["deep/b"],
    ),
    "DataArray": Argument(
        xr.DataArray([*A, 2.5], dims="k"),
        lambda p: p.isel(k=slice(3)).rename(k="t"),
        lambda p: p.isel(k=3),
    ),
    "NumPy array": Argument(np.array([*A, 2.5]), lambda p: p[:3], lambda p: p[3]),
}
V = np.array([*A, 2.5])
D = np.array([0.2, 1.0, -0.4, 0.7])  # a direction

each_argument = pytest.mark.parametrize("name", ARGUMENTS)
outside_and_inside = pytest.mark.parametrize("inside", [False, True], ids=["outside", "inside"])


def cost_of(argument):
    def cost(p):
        a, b = argument.a(p), argument.b(p)
        return (np.sin(a) * b).sum() + (a**3).sum() * b**2

    return cost


def like(argument, vector):
    """The argument with other numbers."""
    v = [np.asarray(x, float) for x in (vector[:3], vector[3])]
    value = argument.value
    if isinstance(value, np.ndarray | xr.DataArray):
        return value * 0 + np.asarray(vector)
    a, b = ARRAY_A.copy(data=v[0]), ARRAY_B.copy(data=v[1])
    if isinstance(value, tuple) and not isinstance(value, Pair):
        return a, b
    if isinstance(value, Pair):
        return Pair(a, float(b))
    if isinstance(value, dict):
        return {"a": a, "b": [b]}
    dataset = xr.Dataset({"a": a, "b": b})
    if isinstance(value, xr.Dataset):
        return dataset
    return xr.DataTree.from_dict({"/": dataset[["a"]], "/deep": dataset[["b"]]})


def vector(argument, derivative):
    """The numbers of a derivative by the argument, which has the containers of the argument."""
    parts = argument.a(derivative), argument.b(derivative)
    return np.concatenate([np.ravel(np.asarray(x)) for x in parts])


def of_jax(derivative):
    with jax.enable_x64(True):
        return np.asarray(derivative(jnp.asarray(V)))


def run(inside, function, *args):
    return xg.jit(function)(*args) if inside else function(*args)


@outside_and_inside
@each_argument
def test_first_derivatives(name, inside):
    argument = ARGUMENTS[name]
    cost, p, expected = cost_of(argument), argument.value, of_jax(jax.grad(plain))
    slope = run(inside, lambda p: xg.grad(cost)(p), p)
    assert type(slope) is type(p)
    np.testing.assert_allclose(vector(argument, slope), expected)
    value, slope = run(inside, lambda p: xg.value_and_grad(cost)(p), p)
    np.testing.assert_allclose(vector(argument, slope), expected)
    np.testing.assert_allclose(value, of_jax(plain))
    (pulled,) = run(inside, lambda p: xg.pullback(cost, p)[1](2.0), p)
    np.testing.assert_allclose(vector(argument, pulled), 2 * expected)
    _, moved = run(inside, lambda p, t: xg.pushforward(cost, (p,), (t,)), p, like(argument, D))
    np.testing.assert_allclose(moved, expected @ D)


@outside_and_inside
@each_argument
def test_jacobians_and_products_with_the_hessian(name, inside):
    argument = ARGUMENTS[name]
    cost, p, h = cost_of(argument), argument.value, of_jax(jax.hessian(plain))
    slope = run(inside, lambda p: xg.jacobian(cost)(p), p)
    np.testing.assert_allclose(vector(argument, slope), of_jax(jax.grad(plain)))
    product = run(inside, lambda p, d: xg.hessian_vector_product(cost)(p, d), p, like(argument, D))
    np.testing.assert_allclose(vector(argument, product), h @ D)
    nested = run(
        inside,
        lambda p: xg.grad(
            lambda p: (
                xg.grad(cost)(p) if name == "NumPy array" else _a(argument, xg.grad(cost)(p))
            ).sum()
        )(p),
        p,
    )
    rows = h.sum(0) if name == "NumPy array" else h[:3].sum(0)
    np.testing.assert_allclose(vector(argument, nested), rows)


def _a(argument, derivative):
    return argument.a(derivative)


@outside_and_inside
@each_argument
def test_hessians(name, inside):
    argument = ARGUMENTS[name]
    found = run(inside, lambda p: xg.hessian(cost_of(argument))(p), argument.value)
    h = of_jax(jax.hessian(plain))
    if name in ("DataArray", "NumPy array"):
        np.testing.assert_allclose(found, h)
    elif name == "Dataset":
        np.testing.assert_allclose(found["a_wrt_a"], h[:3, :3])
        np.testing.assert_allclose(found["b_wrt_a"], h[3, :3])
        np.testing.assert_allclose(found["b_wrt_b"], h[3, 3])
    elif name == "DataTree":  # a dict of rows by the paths of the nodes, each a DataTree of blocks
        np.testing.assert_allclose(found["."]["a_wrt_a"], h[:3, :3])
        np.testing.assert_allclose(found["deep"]["b_wrt_a"], h[3, :3])
        np.testing.assert_allclose(found["deep"]["deep/b_wrt_b"], h[3, 3])
    else:
        row_a, row_b = argument.a(found), argument.b(found)
        np.testing.assert_allclose(argument.a(row_a), h[:3, :3])
        np.testing.assert_allclose(argument.b(row_a), h[:3, 3])
        np.testing.assert_allclose(argument.a(row_b), h[3, :3])
        np.testing.assert_allclose(argument.b(row_b), h[3, 3])


@each_argument
def test_checked_by_differences(name):
    argument = ARGUMENTS[name]
    numeric = xg.numeric_grad(cost_of(argument), (argument.value,))[0]
    np.testing.assert_allclose(vector(argument, numeric), of_jax(jax.grad(plain)), rtol=1e-8)
    assert xg.verify_grad(cost_of(argument), (argument.value,)).passed


@each_argument
def test_status_and_explanation(name):
    argument = ARGUMENTS[name]
    found = xg.grad_status(cost_of(argument), argument.value)
    leaves = found if isinstance(found, dict) else {"": found}
    assert "True" in str(leaves) or "connected" in str(leaves)
    text = str(xg.explain(cost_of(argument), argument.value))
    assert "connected, defined" in text and "XElemwise sin" in text


OPTIONS = {
    "zero": lambda s: np.testing.assert_array_equal(vector(ARGUMENTS["Dataset"], s), np.zeros(4)),
    "none": lambda s: s is None or pytest.fail(f"{s!r} is not None"),
    "disconnected": lambda s: s.connected and pytest.fail("it is connected"),
}


@pytest.mark.parametrize("answer", OPTIONS)
@outside_and_inside
def test_options_of_functions(answer, inside):
    """Of a pair of arguments, the second is not used; and inside, in a compiled function."""

    def cost(p, unused):
        return cost_of(ARGUMENTS["Dataset"])(p)

    options = {"disconnected_inputs": "ignore", "return_disconnected": answer}
    seen = []

    def slopes(p, q):
        found = xg.grad(cost, (0, 1), **options)(p, q)
        seen.append(found[1])
        return found[0] if inside else found

    found = run(inside, slopes, DATASET, DATASET)
    if not inside:
        OPTIONS[answer](found[1])
        found = found[0]
    elif answer != "zero":
        OPTIONS[answer](seen[0])
    np.testing.assert_allclose(vector(ARGUMENTS["Dataset"], found), of_jax(jax.grad(plain)))


# ---- symbols -------------------------------------------------------------------------------------------------------
def symbols():
    return xg.xtensor("a", dims="t", coords=LABELS), xg.xtensor("b")


def evaluated(inputs, *results):
    return xg.function(list(inputs), list(results))(A, 2.5)


SYMBOLS = {
    "tuple": lambda a, b: (a, b),
    "dict": lambda a, b: {"a": a, "b": [b]},
    "Dataset": lambda a, b: xr.Dataset({"a": a, "b": b}),
}


@pytest.mark.parametrize("name", SYMBOLS)
def test_derivatives_of_symbols_in_containers(name):
    a, b = symbols()
    argument, wrt = ARGUMENTS[name], SYMBOLS[name](a, b)
    cost = cost_of(argument)(wrt)
    gradient, h = of_jax(jax.grad(plain)), of_jax(jax.hessian(plain))
    along = SYMBOLS[name](xr.zeros_like(a) + D[:3], xr.zeros_like(b) + D[3])
    for found, expected in [
        (xg.grad(cost, wrt), gradient),
        (xg.pullback(cost, wrt, 2.0), 2 * gradient),
        (xg.jacobian(cost, wrt), gradient),
        (xg.hessian_vector_product(cost, wrt, along), h @ D),
        (xg.grad(None, wrt, known_grads=[(cost, 3.0)]), 3 * gradient),
    ]:
        parts = evaluated((a, b), argument.a(found), argument.b(found))
        np.testing.assert_allclose(np.concatenate([np.ravel(p) for p in parts]), expected)
    moved = xg.pushforward(cost, wrt, along)
    np.testing.assert_allclose(evaluated((a, b), moved)[0], gradient @ D)


def test_derivatives_of_symbols_inside_a_compiled_function():
    @xg.jit
    def inside(p):
        cost = cost_of(ARGUMENTS["Dataset"])(p)
        return (
            xg.grad(cost, p),
            xg.hessian_vector_product(cost, p, p),
            xg.grad_status(cost, p["a"]).connected,
        )

    slope, product, connected = inside(DATASET)
    h = of_jax(jax.hessian(plain))
    np.testing.assert_allclose(vector(ARGUMENTS["Dataset"], slope), of_jax(jax.grad(plain)))
    np.testing.assert_allclose(vector(ARGUMENTS["Dataset"], product), h @ V)
    assert connected
