"""``grad``, ``pullback``, ``pushforward`` of functions: containers, nesting, inside and outside compiled functions."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import xarray as xr

import xgrad as xg
from tests.transforms.samples import rain
from xgrad.gradient.status import GradStatus

X = rain()
WEIGHTS = xr.Dataset({"slope": ("city", [1.0, 2.0, 0.5, -1.0]), "level": 0.25})


def model(params, x):
    return {"y": np.tanh(params.slope * x + params.level), "total": (params.slope**2).sum()}


def plain(slope, level, x):
    return jnp.tanh(slope * x + level), (slope**2).sum()


@pytest.fixture(autouse=True)
def wide():
    with jax.enable_x64(True):
        yield


def cotangents():
    rng = np.random.default_rng(3)
    return {"y": X.copy(data=rng.normal(size=X.shape)), "total": 2.0}


def expected_pullback():
    ct = cotangents()
    at = (WEIGHTS.slope.values, WEIGHTS.level.values, X.values)
    return jax.vjp(plain, *at)[1]((jnp.asarray(ct["y"].values), jnp.asarray(2.0)))


def check(found):
    params, x = found
    slope, level, dx = expected_pullback()
    np.testing.assert_allclose(params.slope, slope)
    np.testing.assert_allclose(params.level, level)
    np.testing.assert_allclose(x, dx)
    xr.testing.assert_identical(x.copy(data=X.data), X)


def test_pullback():
    outputs, pull = xg.pullback(model, WEIGHTS, X)
    xr.testing.assert_allclose(outputs["y"], model(WEIGHTS, X)["y"])
    check(pull(cotangents()))


def test_pullback_inside_a_compiled_function():
    check(xg.jit(lambda p, x, ct: xg.pullback(model, p, x)[1](ct))(WEIGHTS, X, cotangents()))
    check(xg.jit(lambda p, x: xg.pullback(xg.jit(model), p, x)[1](cotangents()))(WEIGHTS, X))


@pytest.mark.parametrize("inside", [False, True])
def test_pushforward(inside):
    tangents = (WEIGHTS * 2, X * 0.5)

    def run(p, x):
        return xg.pushforward(model, (p, x), (p * 2, x * 0.5))

    outputs, moved = (
        xg.jit(run)(WEIGHTS, X) if inside else xg.pushforward(model, (WEIGHTS, X), tangents)
    )
    at = (WEIGHTS.slope.values, WEIGHTS.level.values, X.values)
    ts = (2 * at[0], 2 * at[1], 0.5 * at[2])
    y, ty = jax.jvp(plain, at, ts)
    np.testing.assert_allclose(outputs["y"].transpose("time", "city"), y[0])
    np.testing.assert_allclose(moved["y"].transpose("time", "city"), ty[0])
    np.testing.assert_allclose(moved["total"], ty[1])


def test_they_nest():
    """The Hessian times a direction, forward over reverse and reverse over reverse."""

    def cost(x):
        return (np.sin(x) * x.shift(city=1, fill_value=0.0)).sum()

    def slope(x):
        return xg.grad(cost)(x)

    t = X * 0.1 + 1
    _, forward = xg.pushforward(slope, (X,), (t,))
    (backward,) = xg.pullback(slope, X)[1](t)
    h = 1e-5
    differences = (xg.grad(cost)(X + h * t) - xg.grad(cost)(X - h * t)) / (2 * h)
    np.testing.assert_allclose(forward, differences, atol=1e-8)
    np.testing.assert_allclose(backward, forward, rtol=1e-12)


def test_auxiliary_results():
    def fun(x):
        return ((x**2).sum(), {"n": x.size, "mean": x.mean()})

    _, pull, aux = xg.pullback(fun, X, has_aux=True)
    assert aux["n"] == 12
    np.testing.assert_allclose(pull(1.0)[0], 2 * X)
    _, moved, aux = xg.pushforward(fun, (X,), (X,), has_aux=True)
    np.testing.assert_allclose(moved, 2 * (X**2).sum())


def test_arguments_that_hold_nothing_to_differentiate_by():
    _, pull = xg.pullback(
        lambda x, how, n: x.isel(city=n) * (2 if how == "double" else 1),
        X,
        "double",
        np.array([0, 1]),
    )
    dx, how, dn = pull(np.ones((3, 2)))
    assert how == "double"
    np.testing.assert_array_equal(dn, np.zeros(2))
    np.testing.assert_array_equal(dx.sum("time"), [6.0, 6.0, 0.0, 0.0])


def test_options_of_grad():
    def unused(x, y):
        return (x**2).sum()

    slopes = xg.grad(unused, (0, 1), disconnected_inputs="ignore", return_disconnected="none")(X, X)
    assert slopes[1] is None
    slopes = xg.grad(unused, (0, 1), disconnected_inputs="ignore")(X, X)
    np.testing.assert_array_equal(slopes[1], 0 * X)

    def bad(x, y):
        return (x * xg.undefined_grad(y)).sum()

    slopes = xg.grad(bad, (0, 1), null_gradients="return")(X, X)
    assert isinstance(slopes[1], GradStatus)
    np.testing.assert_allclose(slopes[0], X)


def test_of_intermediate_values_inside_a_trace():
    @xg.jit
    def slope(x):
        y = np.exp(x)
        return xg.grad((y**3).sum(), y), xg.pushforward(y, x, xr.ones_like(x))

    by_y, moved = slope(X / 10)
    np.testing.assert_allclose(by_y, 3 * np.exp(X / 10) ** 2)
    np.testing.assert_allclose(moved, np.exp(X / 10))
