"""Derivatives of every order and mode through functions from outside: of JAX, of the host, with rules of their own.

Each function is written three times; the oracle is the same function as xgrad itself differentiates it.
"""

import jax.numpy as jnp
import numpy as np
import pytest
import xarray as xr

import xgrad as xg
from xgrad.errors import GradNotImplementedError

X = xr.DataArray([0.5, 1.5, 3.0], dims="site", coords={"site": list("abc")}, name="x")
K = xr.DataArray([0.2, 0.7], dims="k", name="k")


def plain(x):
    return np.sin(x) * x


def pull_host(x, ct):
    return (ct * (np.cos(x) * x + np.sin(x)),)


def push_host(x, t):
    return t * (np.cos(x) * x + np.sin(x))


def by_jax(x):
    return xg.apply_jax(lambda x: jnp.sin(x) * x, x)


def by_host(x):
    return xg.apply_host(lambda x: np.sin(x) * x, x, pullback=pull_host, pushforward=push_host)


def backwards(x):
    return xg.apply_host(lambda x: np.sin(x) * x, x, pullback=pull_host)


def forwards(x):
    return xg.apply_host(lambda x: np.sin(x) * x, x, pushforward=push_host)


by_pullback = xg.custom_gradient(
    plain, pullback=lambda args, out, ct: (ct * (np.cos(args[0]) * args[0] + np.sin(args[0])),)
)
by_pushforward = xg.custom_gradient(
    plain, pushforward=lambda args, out, t: t[0] * (np.cos(args[0]) * args[0] + np.sin(args[0]))
)

TWICE = {"jax": by_jax, "custom pullback": by_pullback, "custom pushforward": by_pushforward}
ONCE = {**TWICE, "host": by_host}

each_once = pytest.mark.parametrize("name", ONCE)
each_twice = pytest.mark.parametrize("name", TWICE)
each_route = pytest.mark.parametrize("ad", ["symbolic", "jax"])


def grown(f):
    """The function inside a loop, whose carry it changes."""

    def loop(x, k):
        step = lambda c, k: (c * k + f(c), f(c * k))  # noqa: E731
        last, steps = xg.scan(step, x, k, dim="k")
        return last + steps.sum("k")

    return loop


def mapped(f):
    return xg.vmap(lambda x: f(x) * f(x + 1), "site")


def same(found, expected):
    np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-13)
    assert found.dims == expected.dims


@each_route
@each_once
def test_gradients_and_pushforwards(name, ad):
    f = ONCE[name]
    same(xg.grad(lambda x: f(x).sum(), ad=ad)(X), xg.grad(lambda x: plain(x).sum())(X))
    same(xg.pushforward(f, (X,), (X,), ad=ad)[1], xg.pushforward(plain, (X,), (X,))[1])


@each_route
@each_once
@pytest.mark.parametrize("mode", ["auto", "forward", "reverse"])
def test_jacobians(name, mode, ad):
    f = ONCE[name]
    expected = xg.jacobian(lambda x: plain(x) * x.sum())(X)
    same(xg.jacobian(lambda x: f(x) * x.sum(), mode=mode, ad=ad)(X), expected)


@each_route
@each_twice
def test_hessians_and_their_products(name, ad):
    f = TWICE[name]
    cost, true = lambda x: (f(x) ** 2).sum() * x.sum(), lambda x: (plain(x) ** 2).sum() * x.sum()
    same(xg.hessian(cost, ad=ad)(X), xg.hessian(true)(X))
    product = xg.hessian_vector_product(cost, ad=ad)(X, X)
    same(product, xg.hessian_vector_product(true)(X, X))


@each_once
def test_inside_a_mapped_function(name):
    f = ONCE[name]
    same(mapped(f)(X), mapped(plain)(X))
    same(xg.grad(lambda x: mapped(f)(x).sum())(X), xg.grad(lambda x: mapped(plain)(x).sum())(X))
    slope = xg.vmap(xg.grad(lambda x: f(x)), "site")
    same(slope(X), xg.vmap(xg.grad(lambda x: plain(x)), "site")(X))
    same(xg.jacobian(mapped(f))(X), xg.jacobian(mapped(plain))(X))


@each_once
def test_inside_a_loop(name):
    found, expected = grown(ONCE[name]), grown(plain)
    same(found(X, K), expected(X, K))
    for argnum in (0, 1):
        slopes = [xg.grad(lambda x, k, g=g: g(x, k).sum(), argnum) for g in (found, expected)]
        same(slopes[0](X, K), slopes[1](X, K))
        for mode in ("forward", "reverse"):
            wide = [xg.jacobian(g, argnum, mode=mode)(X, K) for g in (found, expected)]
            same(wide[0], wide[1])


@each_twice
def test_second_derivatives_inside_loops_and_mapped_functions(name):
    f = TWICE[name]
    loops = [xg.hessian(lambda x, g=g: (grown(g)(x, K) ** 2).sum())(X) for g in (f, plain)]
    same(*loops)
    maps = [xg.hessian(lambda x, g=g: (mapped(g)(x) ** 2).sum())(X) for g in (f, plain)]
    same(*maps)


# ---- host functions with a rule for one mode -----------------------------------------------------------------------
def test_a_jacobian_takes_the_mode_that_there_is():
    expected = xg.jacobian(plain)(X)
    same(xg.jacobian(backwards)(X), expected)
    same(xg.jacobian(forwards)(X), expected)
    wide = lambda x: backwards(x).sum()  # noqa: E731  (forward would be chosen for one number)
    assert xg.jacobian(wide)(X[0]).item() == pytest.approx(xg.jacobian(plain)(X[0]).item())


def test_a_loop_by_one_number_takes_the_mode_that_there_is():
    """Forward mode is the cheaper one there."""
    found = xg.grad(lambda x: grown(backwards)(x, K))(xr.DataArray(0.4))
    same(found, xg.grad(lambda x: grown(plain)(x, K))(xr.DataArray(0.4)))


def test_tangents_over_other_dims():
    def host(x, k):
        return xg.apply_host(
            lambda x, k: k * x.sum(),
            x,
            k,
            input_core_dims=[["site"], []],
            pushforward=lambda x, k, tx, tk: tk * x.sum() + k * tx.sum(),
        )

    _, moved = xg.pushforward(host, (X, K), (2 * X, K))
    np.testing.assert_allclose(moved, 3 * K * X.sum())


LINE = backwards.__code__.co_firstlineno + 1
LINE_FORWARDS = forwards.__code__.co_firstlineno + 1

MISSING = {
    "forward": (
        lambda: xg.pushforward(backwards, (X,), (X,)),
        f"HostCall(<lambda>) has a pullback, and no rule for forward mode (test_grad_outside.py:{LINE}).\n"
        'Use reverse mode (grad, pullback, mode="reverse"), give apply_host a pushforward as well,'
        " or write the function in JAX and use apply_jax.",
    ),
    "a forward Jacobian": (
        lambda: xg.jacobian(backwards, mode="forward")(X),
        f"HostCall(<lambda>) has a pullback, and no rule for forward mode (test_grad_outside.py:{LINE}).\n"
        'Use reverse mode (grad, pullback, mode="reverse"), give apply_host a pushforward as well,'
        " or write the function in JAX and use apply_jax.",
    ),
    "reverse": (
        lambda: xg.grad(lambda x: forwards(x).sum())(X),
        "HostCall(<lambda>) has a pushforward, and no rule for reverse mode"
        f" (test_grad_outside.py:{LINE_FORWARDS}).\n"
        'Use forward mode (pushforward, mode="forward"), give apply_host a pullback as well,'
        " or write the function in JAX and use apply_jax.",
    ),
    "a second derivative": (
        lambda: xg.grad(lambda x: xg.grad(lambda x: backwards(x).sum())(x).sum())(X),
        "a higher derivative is not implemented: a host function has the gradient that"
        " apply_host(..., pullback=...) is given, and by floats alone"
        f" (HostCall(pull_host), test_grad_outside.py:{LINE}).\n"
        "Take no further derivative of it, or hold it constant on the way: xgrad.disconnected_grad(...).",
    ),
}


@pytest.mark.parametrize("name", MISSING)
def test_a_mode_without_a_rule(name):
    call, expected = MISSING[name]
    with pytest.raises(GradNotImplementedError) as error:
        call()
    assert str(error.value) == expected
