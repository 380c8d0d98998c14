"""Loops in batches, branches and loops: the way there is computed once for a gradient, however deep it is."""

from collections.abc import Callable
from typing import Any

import jax
import numpy as np
import pytest
import xarray as xr

import xgrad
from tests.transforms.test_loop_counts import while_loops

X = xr.DataArray(np.linspace(0.1, 1.2, 12).reshape(4, 3), dims=("b", "p"))
V = X.isel(b=2)
Cost = Callable[[Any], Any]


def total(x: Any) -> Any:
    return x.sum(skipna=False)


def loop(x: Any, steps: int = 7) -> Any:
    """A loop whose last carry and stacked outputs both count."""
    xs = xr.DataArray(np.linspace(0.1, 1.0, steps), dims="t")
    last, ys = xgrad.scan(lambda c, u: (np.sin(c) * u + x, c**2), x, xs, dim="t")
    return total(last) + total(ys)


def batch(x: Any) -> Any:
    return total(xgrad.vmap(loop, dim="b")(x) ** 2)


def batch_of_batches(x: Any) -> Any:
    scales = xr.DataArray([0.5, 1.0], dims="k")
    each = xgrad.vmap(lambda row: xgrad.vmap(lambda k: loop(k * row), dim="k")(scales), dim="b")
    return total(each(x) ** 2)


def branches(x: Any) -> Any:
    """Two branches that keep different things: loops of different lengths."""
    return xgrad.cond(total(x) > 0, lambda x: loop(x, 7), lambda x: loop(2 * x, 5) ** 2, x) ** 2


def one_branch_with_a_loop(x: Any) -> Any:
    return xgrad.cond(total(x) > 0, loop, lambda x: total(x * x), x) ** 2


def choice(x: Any) -> Any:
    ways = [loop, lambda x: loop(np.cos(x)), lambda x: total(np.exp(x))]
    return xgrad.switch(np.floor(total(x)).astype(int) - 1, ways, x) ** 2


def bounded(x: Any) -> Any:
    grown = xgrad.while_loop(lambda c: total(c) < 50, lambda c: 1.5 * c + np.sin(c), x, max_steps=9)
    return total(grown) ** 2


def batch_of_bounded(x: Any) -> Any:
    return total(xgrad.vmap(bounded, dim="b")(x))


def choices_in_a_batch(x: Any) -> Any:
    return total(xgrad.vmap(branches, dim="b")(x) ** 2)


def outer(step: Callable[[Any, Any], Any], x: Any, **how: Any) -> Any:
    """A loop around other things."""
    xs = xr.DataArray(np.linspace(0.2, 0.9, 6), dims="s")
    last, ys = xgrad.scan(lambda c, u: (step(c, u), c**2), x, xs, dim="s", **how)
    return total(last) ** 2 + total(ys)


def inner(c: Any, u: Any, steps: int = 5) -> Any:
    xs = xr.DataArray(np.linspace(0.1, 1.0, steps), dims="t")
    return xgrad.scan(lambda c, v: (np.sin(c) * v + u, None), c * u, xs, dim="t")[0]


def nested(x: Any) -> Any:
    return outer(inner, x)


def thrice_nested(x: Any) -> Any:
    xs = xr.DataArray(np.linspace(0.1, 1.0, 4), dims="r")
    return outer(
        lambda c, u: xgrad.scan(lambda c, v: (inner(c, u * v), None), c, xs, dim="r")[0], x
    )


def batch_in_a_loop(x: Any) -> Any:
    return outer(lambda c, u: xgrad.vmap(lambda row: inner(row, u), dim="b")(c), x)


def branches_in_a_loop(x: Any) -> Any:
    short, long = [lambda c, u, n=n: inner(c, u, n) for n in (4, 5)]
    return outer(lambda c, u: xgrad.cond(u > 0.5, short, long, c, u), x)


def mapped(x: Any) -> Any:
    return total(xgrad.map(loop, x, dim="b") ** 2) ** 2


COUNTS: list[
    tuple[Cost, xr.DataArray, int, int]
] = [  # the loops of the value, and of the value and gradient
    (batch, X, 1, 2),
    (batch_of_batches, X, 1, 2),
    (branches, V, 2, 4),
    (one_branch_with_a_loop, V, 1, 2),
    (choice, V, 2, 4),
    (bounded, V, 1, 2),
    (batch_of_bounded, X, 1, 2),
    (choices_in_a_batch, X, 2, 4),
    (nested, V, 2, 4),
    (thrice_nested, V, 3, 6),
    (batch_in_a_loop, X, 2, 4),
    (branches_in_a_loop, V, 3, 6),
    (mapped, X, 2, 4),
]


@pytest.mark.parametrize(
    ("cost", "x", "there", "both"), COUNTS, ids=[cost.__name__ for cost, *_ in COUNTS]
)
@pytest.mark.parametrize("sign", [1, -1])
def test_every_loop_there_has_one_loop_back(
    cost: Cost, x: xr.DataArray, there: int, both: int, sign: int
):
    """The loops of the value and as many again; the other sign takes the other branch."""
    x = sign * x
    found = xgrad.value_and_grad(cost)
    value, slope = found(x)
    by_jax = xgrad.value_and_grad(xgrad.jit(cost, ad="jax"))(x)
    np.testing.assert_allclose(value, by_jax[0], rtol=1e-12)
    np.testing.assert_allclose(slope, by_jax[1], rtol=1e-11, atol=1e-13)
    assert while_loops(xgrad.jit(cost), x) == there
    assert while_loops(found, x) == both
    assert while_loops(xgrad.grad(cost), x) == both


@pytest.mark.parametrize(("cost", "x"), [(batch, X), (branches, V), (nested, V)])
def test_products_with_hessians(cost: Cost, x: xr.DataArray):
    direction = xr.DataArray(np.cos(np.arange(x.size)).reshape(x.shape), dims=x.dims)
    product = xgrad.hessian_vector_product(cost)
    slope, step = xgrad.grad(cost), 1e-6
    difference = (slope(x + step * direction) - slope(x - step * direction)) / (2 * step)
    np.testing.assert_allclose(product(x, direction), difference, rtol=1e-5, atol=1e-5)
    assert while_loops(product, x, direction) == while_loops(slope, x)


def test_loops_inside_steps_that_keep_some_carries_run_once_more():
    """Both loops there; back, the segments, and in each its steps there and back: with the loop inside each."""
    found = xgrad.grad(lambda x: outer(inner, x, checkpoint=3))
    np.testing.assert_allclose(found(V), xgrad.grad(nested)(V), rtol=1e-12)
    assert while_loops(found, V) == 8


def test_what_is_checkpointed_is_computed_again():
    """Behind a barrier nothing is known: the loop there runs again, as was asked."""
    cost: Cost = lambda x: total(xgrad.vmap(xgrad.checkpoint(loop), dim="b")(x) ** 2)  # noqa: E731
    found = xgrad.value_and_grad(cost)
    np.testing.assert_allclose(found(X)[1], xgrad.grad(batch)(X), rtol=1e-12)
    assert while_loops(found, X) == 3


@pytest.mark.parametrize(
    ("rule", "cost", "x"), [("one_batch", batch, X), ("one_choice", branches, V)]
)
def test_rules_that_are_off(rule: str, cost: Cost, x: xr.DataArray):
    found = xgrad.value_and_grad(cost)
    fired = {fired.rule for fired in found.stages(x).rewrites}
    assert rule in fired
    expected = found(x)[1]
    with xgrad.options(disable=(rule,)):
        assert while_loops(found, x) in (3, 6)
        np.testing.assert_allclose(found(x)[1], expected, rtol=1e-12)


@pytest.mark.parametrize("ad", ["symbolic", "jax"])
def test_what_is_returned_beside_the_cost_comes_from_the_same_loop(ad: str):
    """Stacked outputs, a carry that the cost does not need, and a count: on both routes one loop there, one back."""

    def cost(x: Any) -> Any:
        def step(state: Any, u: Any) -> tuple[Any, Any]:
            c, d, k = state
            return (np.sin(c) * u + x, d + c, k + 1), (c**2, np.floor(9 * c).astype(int))

        xs = xr.DataArray(np.linspace(0.1, 1.0, 7), dims="t")
        (last, between, steps), ys = xgrad.scan(step, (2 * x, x, 0), xs, dim="t")
        return total(last) ** 2, (between * 3, ys, steps)

    found = xgrad.value_and_grad(xgrad.jit(cost, ad=ad), has_aux=True)
    (value, aux), slope = found(V)
    expected = xgrad.jit(cost)(V)
    for one, other in zip(jax.tree.leaves((value, aux)), jax.tree.leaves(expected), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-13)
    np.testing.assert_allclose(slope, xgrad.grad(lambda x: cost(x)[0])(V), rtol=1e-12)
    assert while_loops(found, V) == 2
    if ad == "jax":
        namespace: dict[str, Any] = {}
        exec(found.stages(V).source, namespace)  # the printed program hands them out too
        printed = jax.tree.leaves(namespace["cost"](V.values))
        np.testing.assert_allclose(printed[0], value, rtol=1e-13)
        with xgrad.options(disable=("handed_aside",)):
            assert while_loops(found, V) == 3
