"""``cond``, ``switch`` and ``while_loop``: values, gradients by both routes, and what is refused."""

from typing import Any

import numpy as np
import pytest
import xarray as xr

import xgrad
from tests.transforms.loop_shapes import array

each_route = pytest.mark.parametrize("ad", ["symbolic", "jax"])


def chosen(x: Any) -> Any:
    """The square of the sum where it is positive; the cosine of it otherwise."""
    s = x.sum()
    return xgrad.cond(s > 0, lambda s: s**2, lambda s: np.cos(s) * x.max(), s)


@each_route
@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_cond_takes_one_branch(sign: float, ad: str):
    x = sign * abs(array(x=4))
    value, slope = xgrad.value_and_grad(xgrad.jit(chosen, ad=ad))(x)
    s = float(x.sum())
    expected = s**2 if sign > 0 else np.cos(s) * float(x.max())
    np.testing.assert_allclose(value, expected, rtol=1e-12)
    by_hand = np.full(4, 2 * s)
    if sign < 0:
        by_hand = np.where(x == x.max(), np.cos(s), 0) - np.sin(s) * float(x.max())
    np.testing.assert_allclose(slope, by_hand, rtol=1e-12)


def test_cond_has_the_gradient_of_the_branch_taken_alone():
    slope = xgrad.grad(lambda x: xgrad.cond(x > 0, lambda x: np.sqrt(x), lambda x: 3.0 * x, x))
    assert float(slope(xr.DataArray(-1.0))) == 3.0
    assert float(slope(xr.DataArray(0.0))) == 3.0


def test_cond_on_a_known_truth_value_is_python():
    assert xgrad.cond(True, lambda x: x + 1, lambda x: 1 / 0, 1) == 2


def test_branches_may_differ_in_the_order_of_dims():
    x = array(a=2, b=3)
    found = xgrad.cond(x.sum() > 100, lambda x: x, lambda x: (2 * x).transpose("b", "a"), x)
    xr.testing.assert_equal(found, 2 * x)


def test_branches_return_containers_and_numbers():
    found = xgrad.jit(
        lambda x: xgrad.cond(x > 0, lambda: {"y": x, "n": 1}, lambda: {"y": -x, "n": 0.5})
    )(xr.DataArray(-2.0))
    assert float(found["y"]) == 2.0 and float(found["n"]) == 0.5


@each_route
def test_switch_takes_the_nearest_branch(ad: str):
    branches = [lambda x: x, lambda x: x**2, lambda x: x**3]

    def power(x: Any, index: Any) -> Any:
        return xgrad.switch(index, branches, x).sum()

    x = array(x=3)
    run = xgrad.value_and_grad(xgrad.jit(power, ad=ad))
    for index, n in [(-1, 1), (0, 1), (1, 2), (2, 3), (9, 3)]:
        value, slope = run(x, xr.DataArray(index))
        np.testing.assert_allclose(value, (x**n).sum(), rtol=1e-12)
        np.testing.assert_allclose(slope, n * x ** (n - 1), rtol=1e-12)


def test_branches_inside_loops():
    xs = xr.DataArray([1.0, -2.0, 3.0], dims="t")

    def step(c: Any, x: Any) -> tuple[Any, Any]:
        c = xgrad.cond(x > 0, lambda c: c * x, lambda c: c + x, c)
        return c, None

    value, slope = xgrad.value_and_grad(lambda xs: xgrad.scan(step, 2.0, xs, dim="t")[0])(xs)
    assert float(value) == 0.0  # (2 * 1 - 2) * 3
    np.testing.assert_allclose(slope, [6.0, 3.0, 0.0], atol=1e-12)


def doubled(x: Any, **options: Any) -> Any:
    return xgrad.while_loop(lambda x: x.sum() < 100, lambda x: 2 * x, x, **options)


def test_a_while_loop_is_one():
    x = abs(array(x=3))
    expected = x
    while float(expected.sum()) < 100:
        expected = 2 * expected
    xr.testing.assert_allclose(doubled(x), expected)
    xr.testing.assert_allclose(doubled(x, max_steps=50), expected)
    xr.testing.assert_allclose(doubled(x, max_steps=2), 4 * x)


def test_a_while_loop_has_a_derivative_by_one_number():
    slope = xgrad.grad(lambda x: xgrad.while_loop(lambda x: x < 100, lambda x: x * x, x))
    np.testing.assert_allclose(slope(3.0), 8 * 3.0**7)


@each_route
def test_a_bounded_while_loop_has_a_gradient(ad: str):
    x = abs(array(x=3))
    steps = np.log2(float((doubled(x) / x)[0]))
    slope = xgrad.grad(xgrad.jit(lambda x: doubled(x, max_steps=20).sum(), ad=ad))(x)
    np.testing.assert_allclose(slope, np.full(3, 2.0**steps), rtol=1e-12)


def test_several_values_are_carried_by_a_while_loop():
    def step(carry: Any) -> Any:
        n, x = carry
        return n + 1, 0.5 * (x + 2.0 / x)

    n, x = xgrad.while_loop(lambda carry: abs(carry[1] ** 2 - 2) > 1e-12, step, (0, 1.0))
    assert n == 5 and abs(x**2 - 2) < 1e-12


def test_the_source_of_branches_runs():
    f = xgrad.jit(lambda x: chosen(doubled(x)))
    x = abs(array(x=3))
    scope: dict[str, Any] = {}
    stages = f.stages(x)
    exec(stages.source, scope)
    arrays = (x.values, *stages.source_arguments)
    program = next(v for k, v in scope.items() if f"def {k}(" in stages.source)
    np.testing.assert_allclose(program(*arrays), f(x), rtol=1e-12)


# ---- inside vmap, and of numbers with and without labels ----------------------------------------------------------
MEMBERS = xr.DataArray([3.0, 5.0, 150.0], dims="member")


def newton(a: Any, **options: Any) -> Any:
    """The square root, by as many steps as each takes."""
    return xgrad.while_loop(
        lambda s: abs(s * s - a) > 1e-10 * a, lambda s: 0.5 * (s + a / s), a, **options
    )


def by_size(a: Any) -> Any:
    return xgrad.cond(a > 4, np.sqrt, lambda a: 3 * a, a)


@each_route
def test_branches_and_while_loops_in_vmap(ad: str):
    root = xgrad.vmap(xgrad.jit(newton, ad=ad), "member")
    np.testing.assert_allclose(root(MEMBERS), np.sqrt(MEMBERS), rtol=1e-12)
    bounded = xgrad.vmap(lambda a: newton(a, max_steps=40), "member")
    slopes = xgrad.grad(xgrad.jit(lambda a: bounded(a).sum(), ad=ad))(MEMBERS)
    np.testing.assert_allclose(slopes, 0.5 / np.sqrt(MEMBERS), rtol=1e-9)
    chosen = xgrad.vmap(by_size, "member")
    np.testing.assert_allclose(chosen(MEMBERS), [9.0, np.sqrt(5), np.sqrt(150)], rtol=1e-12)
    slopes = xgrad.grad(xgrad.jit(lambda a: chosen(a).sum(), ad=ad))(MEMBERS)
    np.testing.assert_allclose(slopes, [3.0, 0.5 / np.sqrt(5), 0.5 / np.sqrt(150)], rtol=1e-12)


def test_the_forward_mode_of_a_while_loop_in_vmap():
    _, moved = xgrad.pushforward(xgrad.vmap(newton, "member"), (MEMBERS,), (MEMBERS * 0 + 1,))
    np.testing.assert_allclose(moved, 0.5 / np.sqrt(MEMBERS), rtol=1e-9)


def test_a_number_may_stand_where_a_labeled_one_does():
    def cost(a: Any) -> Any:
        steps = lambda s: 0.5 * (s + a / s)  # noqa: E731
        return xgrad.while_loop(lambda s: abs(s * s - a) > 1e-12, steps, 1.0, max_steps=50)

    np.testing.assert_allclose(xgrad.grad(cost)(xr.DataArray(2.0)), 0.5 / np.sqrt(2), rtol=1e-9)
    found = xgrad.jit(lambda x: xgrad.cond(x > 0, lambda: x, lambda: 0.0))(xr.DataArray(-1.0))
    assert isinstance(found, xr.DataArray) and float(found) == 0.0
