"""Markers, custom gradients and functions from outside: what they change, on both routes, traced and eagerly."""

import re

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import xarray as xr

import xgrad as xg
from tests.transforms.samples import rain, weather
from xgrad.errors import (
    ArgumentError,
    DisconnectedInputError,
    GradNotImplementedError,
    GradUndefinedError,
    SizeMismatchError,
)

X = xr.DataArray([0.5, -1.5, 3.0], dims="x", coords={"x": list("abc")}, name="x")
each_route = pytest.mark.parametrize("ad", ["symbolic", "jax", "auto"])

MARKERS = {  # f(marker(x) ** 2) + x: the gradient of the sum
    "disconnected": (xg.disconnected_grad, lambda x: 1 + 0 * x),
    "zero": (xg.zero_grad, lambda x: 1 + 0 * x),
    "clip": (lambda x: xg.grad_clip(x, -2.0, 2.0), lambda x: 1 + np.clip(2 * x, -2, 2)),
    "clip away from zero": (
        lambda x: xg.grad_clip(x, 0.5, 2.0),
        lambda x: 1 + np.clip(2 * x, 0.5, 2),
    ),
    "scale": (lambda x: xg.grad_scale(x, -3.0), lambda x: 1 - 6 * x),
}


def cost(marker):
    return lambda x: (marker(x) ** 2 + x).sum()


@each_route
@pytest.mark.parametrize("name", MARKERS)
def test_values_stay_and_gradients_change(name, ad):
    marker, expected = MARKERS[name]
    value, slope = xg.value_and_grad(cost(marker), ad=ad)(X)
    np.testing.assert_allclose(value, (X**2 + X).sum())
    xr.testing.assert_allclose(slope, expected(X))
    np.testing.assert_allclose(xg.jit(xg.grad(cost(marker)), ad=ad)(X), expected(X))


@pytest.mark.parametrize("name", MARKERS)
def test_markers_leave_concrete_arrays_alone(name):
    marker, _ = MARKERS[name]
    assert marker(X) is X
    tree = {"a": weather(), "b": [X, 2.0, "c"]}
    assert marker(tree)["b"][0] is X


def test_markers_take_containers():
    found = xg.grad(lambda p: (xg.zero_grad(p)["rain"] * p["rain"]).sum())(weather())
    np.testing.assert_allclose(found["rain"], weather()["rain"])


@each_route
def test_second_derivatives_meet_the_marker_again(ad):
    def f(x):
        return (xg.grad_scale(x, 3.0) ** 3).sum()

    second = xg.grad(lambda x: xg.grad(f, ad=ad)(x).sum(), ad=ad)(X)
    np.testing.assert_allclose(second, 3 * 3 * 6 * X)


def test_forward_mode_does_the_same():
    _, moved = xg.pushforward(lambda x: xg.grad_scale(x, 3.0) ** 2, (X,), (X,))
    np.testing.assert_allclose(moved, 6 * X**2)
    _, moved = xg.pushforward(lambda x: xg.grad_clip(x, -1, 1) * 2, (X,), (X,))
    np.testing.assert_allclose(moved, 2 * X.clip(-1, 1))


def test_markers_are_no_part_of_the_program():
    stages = xg.jit(xg.grad(cost(lambda x: xg.grad_scale(xg.grad_clip(x, -9, 9), 1.5)))).stages(X)
    names = [type(n.op).__name__ for n in stages.optimised.nodes]
    assert not {"GradScale", "GradClip", "Wrt"} & set(names)
    compiled = xg.jit(lambda x: xg.disconnected_grad(x) * 2)
    assert compiled.reference(X).identical(compiled(X))


def test_masked_gradients_stay_masked_through_markers():
    x = xr.DataArray([-1.0, 0.0, 4.0], dims="x")

    def f(x):
        return xr.where(x > 0, xg.grad_clip(xg.grad_scale(np.sqrt(x), 2.0), -5, 5), 0.0).sum()

    np.testing.assert_allclose(xg.grad(f)(x), [0.0, 0.0, 0.5])


def test_disconnected_and_undefined_are_said_to_be_so():
    with pytest.raises(
        DisconnectedInputError, match="disconnected_grad makes it a constant for derivatives"
    ):
        xg.grad(lambda x: xg.disconnected_grad(x).sum())(X)
    with pytest.raises(GradUndefinedError) as error:
        xg.grad(lambda x: xg.undefined_grad(x).sum(skipna=False))(X)
    assert re.sub(r"test_markers\.py:\d+", "LINE", str(error.value)) == (
        "the gradient with respect to `x` is undefined: undefined_grad says that it has no derivative"
        " (UndefinedGrad, LINE).\n"
        "Its values go through UndefinedGrad, LINE; XReduce sum(x), LINE.\n"
        "Take it out of what is differentiated, or hold it constant on the way: xgrad.disconnected_grad(...)."
    )


MISTAKES = {
    "bounds": (lambda: xg.grad_clip(X, 2, 1), "grad_clip needs lo <= hi; got lo=2 and hi=1."),
    "a string": (
        lambda: xg.grad_scale(X, "a"),
        "grad_scale(x, ...): k must be a number known while tracing, not str.",
    ),
    "a traced number": (
        lambda: xg.jit(lambda x, k: xg.grad_scale(x, k))(X, 2.0),
        "grad_scale(x, ...): k must be a number known while tracing, not TracedArray.",
    ),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_mistakes(name):
    call, expected = MISTAKES[name]
    with pytest.raises(ArgumentError) as error:
        call()
    assert str(error.value).splitlines()[0] == expected


# ---- custom gradients ----------------------------------------------------------------------------------------------
def squares(x, k):
    return {"y": k * x**2}


def pull_squares(args, out, ct):
    x, k = args
    return 2 * k * x * ct["y"] * 100, (x**2 * ct["y"]).sum() * 100


def push_squares(args, out, tangents):
    (x, k), (tx, tk) = args, tangents
    return {"y": (2 * k * x * tx + tk * x**2) * 100}


RULES = {
    "pullback": {"pullback": pull_squares},
    "pushforward": {"pushforward": push_squares},
    "both": {"pullback": pull_squares, "pushforward": push_squares},
}


@each_route
@pytest.mark.parametrize("rules", RULES)
def test_custom_gradient_in_both_modes(rules, ad):
    f = xg.custom_gradient(squares, **RULES[rules])

    def run(x, k):
        return np.sin(f(x, k)["y"]).sum()

    dx, dk = xg.grad(run, (0, 1), ad=ad)(X, 2.0)
    c = np.cos(2.0 * X**2)
    np.testing.assert_allclose(dx, 100 * 4 * X * c)
    np.testing.assert_allclose(dk, 100 * (X**2 * c).sum())
    _, moved = xg.pushforward(run, (X, 2.0), (X, 1.0), ad=ad)
    np.testing.assert_allclose(moved, (dx * X).sum() + dk)
    xr.testing.assert_identical(f(X, 2.0)["y"], squares(X, 2.0)["y"])
    np.testing.assert_allclose(xg.jit(f)(X, 2.0)["y"], 2.0 * X**2)


@pytest.mark.parametrize("rules", RULES)
def test_custom_gradients_are_differentiated_again(rules):
    f = xg.custom_gradient(squares, **RULES[rules])

    def slope(x):
        return xg.grad(lambda x: f(x, 1.0)["y"].sum())(x).sum()

    np.testing.assert_allclose(xg.grad(slope)(X), 0 * X + 200.0)


def test_rules_say_where_there_is_no_derivative():
    f = xg.custom_gradient(
        lambda x, n, m, z: x * n * m * z,
        pullback=lambda args, out, ct: (
            ct,
            xg.grad_undefined("n counts things"),
            xg.grad_not_implemented("nobody wrote it"),
            0,
        ),
    )

    def run(x, n, m, z):
        return f(x, n, m, z).sum()

    args = (X, X, X, X)
    np.testing.assert_array_equal(xg.grad(run)(*args), [1, 1, 1])
    np.testing.assert_array_equal(xg.grad(run, 3)(*args), [0, 0, 0])
    with pytest.raises(GradUndefinedError, match="is undefined: n counts things"):
        xg.grad(run, 1)(*args)
    with pytest.raises(GradNotImplementedError, match="is not implemented: nobody wrote it"):
        xg.grad(run, 2)(*args)


def test_what_a_custom_function_takes_from_outside():
    @xg.jit
    def run(x, y):
        f = xg.custom_gradient(lambda x: x * y, pullback=lambda args, out, ct: (7 * ct * y,))
        return xg.grad(f(x).sum(), x), xg.grad_status(f(x).sum(), y).definition.value

    slope, status = run(X, 2 * X)
    np.testing.assert_allclose(slope, 14 * X)
    assert status == "not implemented"


CUSTOM_MISTAKES = {
    "no rule": (
        lambda: xg.custom_gradient(squares),
        "custom_gradient(squares) needs a rule: pass pullback=, pushforward=, or both.",
    ),
    "too few": (
        lambda: xg.jit(xg.custom_gradient(squares, lambda args, out, ct: (ct["y"],)))(X, 1.0),
        "the pullback of `squares` must return a tuple of 2 cotangents, one per argument; it returned 1.",
    ),
    "None": (
        lambda: xg.jit(xg.custom_gradient(squares, lambda args, out, ct: (ct["y"], None)))(X, 1.0),
        "the pullback of `squares` returned None for `k`.",
    ),
}


@pytest.mark.parametrize("name", CUSTOM_MISTAKES)
def test_mistakes_in_rules(name):
    call, expected = CUSTOM_MISTAKES[name]
    with pytest.raises(ArgumentError) as error:
        call()
    assert str(error.value).splitlines()[0] == expected


# ---- functions from outside ----------------------------------------------------------------------------------------
def solve(a, b):
    return jnp.linalg.solve(a, b)


def matrices():
    rng = np.random.default_rng(0)
    a = xr.DataArray(
        rng.normal(size=(2, 3, 3)) + 4 * np.eye(3),
        dims=("time", "row", "col"),
        coords={"time": [1, 2]},
    )
    b = xr.DataArray(rng.normal(size=(5, 3)), dims=("city", "row"))
    return a, b


def apply_solve(a, b):
    return xg.apply_jax(
        solve, a, b, input_core_dims=[["row", "col"], ["row"]], output_core_dims=[["col"]]
    )


def test_apply_jax_maps_over_the_other_dims():
    a, b = matrices()
    for found in (apply_solve(a, b), xg.jit(apply_solve)(a, b)):
        assert found.dims == ("time", "city", "col") and "time" in found.coords
        expected = np.linalg.solve(
            a.values[:, None], np.broadcast_to(b.values, (2, 5, 3))[..., None]
        )[..., 0]
        np.testing.assert_allclose(found, expected)


@each_route
def test_the_gradient_of_apply_jax_is_that_of_jax(ad):
    a, b = matrices()
    da, db = xg.grad(lambda a, b: (apply_solve(a, b) ** 2).sum(), (0, 1), ad=ad)(a, b)

    def plain(a, b):
        each = jax.vmap(jax.vmap(solve, (None, 0)), (0, None))
        return (each(a, b) ** 2).sum()

    with jax.enable_x64(True):
        ja, jb = jax.grad(plain, (0, 1))(jnp.asarray(a.values), jnp.asarray(b.values))
    np.testing.assert_allclose(da, ja, rtol=1e-12)
    np.testing.assert_allclose(db, jb, rtol=1e-12)


def test_apply_jax_has_second_derivatives_and_pushforwards():
    def f(x):
        return xg.apply_jax(jnp.sinh, x)

    second = xg.grad(lambda x: xg.grad(lambda x: f(x).sum())(x).sum())(X)
    np.testing.assert_allclose(second, np.sinh(X), rtol=1e-12)
    _, moved = xg.pushforward(f, (X,), (X,))
    np.testing.assert_allclose(moved, np.cosh(X) * X)


def network(params, x):
    return jnp.tanh(params["w"] @ x + params["b"]), x.sum()


def test_apply_jax_takes_containers_of_arrays_whole():
    x = rain() / 10
    params = {"w": np.ones((2, 4)) * 0.1, "b": np.zeros(2)}

    def run(params, x):
        hidden, total = xg.apply_jax(
            network, params, x, input_core_dims=[[], ["city"]], output_core_dims=[["unit"], []]
        )
        return hidden.sum() + total.sum()

    slopes, dx = xg.grad(run, (0, 1))(params, x)
    with jax.enable_x64(True):

        def plain(p, x):
            return sum(o.sum() for o in jax.vmap(network, (None, 0))(p, x))

        expected = jax.grad(plain, (0, 1))(jax.tree.map(jnp.asarray, params), jnp.asarray(x.values))
    np.testing.assert_allclose(slopes["w"], expected[0]["w"])
    np.testing.assert_allclose(slopes["b"], expected[0]["b"])
    np.testing.assert_allclose(dx, expected[1])


def test_apply_jax_of_datasets_and_changed_sizes():
    d = weather()[["rain", "wind"]]
    found = xg.apply_jax(
        lambda x: x[:2],
        d,
        input_core_dims=[["city"]],
        output_core_dims=[["city"]],
        output_sizes={"city": 2},
    )
    np.testing.assert_allclose(found["rain"], d["rain"].values[:, :2])
    assert found["wind"].dims == ("city",)


def test_one_op_for_one_call():
    a, b = matrices()
    graph = xg.jit(apply_solve).stages(a, b).names
    assert [type(n.op).__name__ for n in graph.nodes].count("XBlockwise") == 1


def test_integers_have_no_derivative_through_jax():
    n = xr.DataArray([1, 2], dims="n")
    with pytest.raises(GradNotImplementedError, match="JAX gives no derivative by integers"):
        xg.grad(lambda n: xg.apply_jax(lambda n: n * 1.5, n).sum())(n)


def test_apply_host():
    calls = []

    def host(x, y):
        calls.append(x.dtype)
        return np.sort(x) * y

    x, y = rain(), xr.DataArray(2.0)
    found = xg.jit(
        lambda x, y: (
            xg.apply_host(host, x, y, input_core_dims=[["city"], []], output_core_dims=[["city"]])
            + 1
        )
    )(x, y)
    np.testing.assert_allclose(found, np.sort(x.values, 1) * 2 + 1)
    assert calls and set(calls) == {np.dtype(float)}
    with pytest.raises(GradNotImplementedError, match="a host function has the gradient"):
        xg.grad(lambda x: xg.apply_host(np.sin, x).sum())(x)


def test_apply_host_with_a_gradient():
    def pull(x, k, ct):
        return ct * k * np.cos(x), (ct * np.sin(x)).sum()

    def run(x, k):
        y = xg.apply_host(
            lambda x, k: k * np.sin(x),
            x,
            k,
            input_core_dims=[["city"], []],
            output_core_dims=[["city"]],
            pullback=pull,
        )
        return (y**2).sum()

    dx, dk = xg.grad(run, (0, 1))(rain(), 3.0)
    np.testing.assert_allclose(dx, 9 * 2 * np.sin(rain()) * np.cos(rain()))
    np.testing.assert_allclose(dk, 2 * 3 * (np.sin(rain()) ** 2).sum())
    with pytest.raises(GradNotImplementedError, match="no rule for forward mode"):
        xg.pushforward(run, (rain(), 3.0), (rain(), 0.0))


OUTSIDE_MISTAKES = {
    "entries": (
        ArgumentError,
        lambda: xg.apply_jax(jnp.sin, X, X, input_core_dims=[["x"]]),
        "sin: input_core_dims has 1 entries for 2 arguments; give one list of dims each.",
    ),
    "a string": (
        ArgumentError,
        lambda: xg.apply_jax(jnp.sum, X, input_core_dims=["x"]),
        "sum: input_core_dims must be one list of dims per argument; 'x' is no list.",
    ),
    "outputs": (
        ArgumentError,
        lambda: xg.apply_jax(lambda x: (x, x), X),
        "apply_jax(<lambda>): the function returns 2 arrays, and output_core_dims has 1 entries.",
    ),
    "axes": (
        ArgumentError,
        lambda: xg.apply_jax(lambda x: x, X, input_core_dims=[["x"]]),
        "apply_jax(<lambda>): the function returns an array of shape (3,), for the output_core_dims ().",
    ),
    "size": (
        SizeMismatchError,
        lambda: xg.apply_jax(lambda x: x[:2], X, input_core_dims=[["x"]], output_core_dims=[["x"]]),
        "apply_jax(<lambda>): the function returns 2 numbers along 'x', which has size 3.",
    ),
    "unknown size": (
        ArgumentError,
        lambda: xg.apply_host(lambda x: x, X, input_core_dims=[["x"]], output_core_dims=[["y"]]),
        "apply_host(<lambda>): the size of the output dim 'y' is not known; say output_sizes={'y': …}.",
    ),
}


@pytest.mark.parametrize("name", OUTSIDE_MISTAKES)
def test_mistakes_with_functions_from_outside(name):
    cls, call, expected = OUTSIDE_MISTAKES[name]
    with pytest.raises(cls) as error:
        call()
    assert str(error.value).splitlines()[0] == expected
