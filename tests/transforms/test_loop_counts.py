"""How many loops derivatives of loops are, exactly; the example, printed; what is in it and what is not."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import xarray as xr

import xgrad
from tests.transforms.loop_shapes import MIXED, array, series
from tests.transforms.test_scan import energy
from xgrad.axes.constants import Full
from xgrad.axes.loops import Scan
from xgrad.graph import format_graph

Cost = Callable[[Any], Any]


def while_loops(compiled: Any, *arguments: Any) -> int:
    """The loops of the optimised program."""
    return compiled.stages(*arguments).hlo.count(" while(")


# ---- the example: y -> y ** 2, four times ----------------------------------------------------------------------------
def power(x: Any) -> Any:
    """x ** 16, by a loop."""
    _, ys = xgrad.scan(lambda c, _: (c**2, c**2), x, length=4)
    return ys[-1]


def derivative(order: int) -> Any:
    found: Any = power
    for _ in range(order):
        found = xgrad.grad(found)
    return found


@pytest.mark.parametrize(("order", "factor"), [(1, 16), (2, 240), (3, 3360), (4, 43680)])
def test_each_derivative_of_a_scalar_recurrence_is_one_loop(order: int, factor: int):
    found = derivative(order)
    np.testing.assert_allclose(found(1.1), factor * 1.1 ** (16 - order), rtol=1e-12)
    stages = found.stages(1.1)
    assert stages.hlo.count(" while(") == 1
    assert {type(node.op) for node in stages.optimised.nodes} == {Scan, Full}  # nothing around it
    (loop,) = [node.op for node in stages.optimised.nodes if isinstance(node.op, Scan)]
    assert (loop.carries, loop.sequences, len(loop.stacks)) == (order + 1, 0, 0)


def test_the_second_derivative_printed():
    """No sequence, no stacked output, no slice, padding or reversal; 2 y is there once."""
    text = format_graph(derivative(2).stages(1.1).optimised, sources=False)
    print(text)
    assert text.splitlines()[0] == "Scan(4 steps, 3 carried, 0 stacked).2: float64[]"
    debris = ("Slice", "Pad", "Reverse", "Concat", "Reshape", "Expand", "Sum", "Put", "Take")
    assert not [name for name in debris if name in text]
    twice_y = [line for line in text.splitlines() if "value=2.0" in line]
    assert len(twice_y) <= 2


@pytest.mark.parametrize(("order", "most"), [(1, 2), (2, 2), (3, 2)])
def test_derivatives_by_a_vector_are_two_loops(order: int, most: int):
    """The same with eight numbers at once: reverse mode once, forward mode over it."""
    x, direction = array(p=8) + 1, array(p=8)

    def along(cost: Cost) -> Cost:
        return lambda x: (xgrad.grad(cost)(x) * direction).sum(skipna=False)

    cost: Cost = lambda x: power(x).sum(skipna=False)  # noqa: E731
    for _ in range(order - 1):
        cost = along(cost)
    found = xgrad.grad(cost)
    factor = np.prod([16 - k for k in range(order)])
    expected = factor * x ** (16 - order) * direction ** (order - 1)
    xr.testing.assert_allclose(found(x), expected.rename(found(x).name), rtol=1e-11)
    assert while_loops(found, x) <= most


# ---- products with Hessians ------------------------------------------------------------------------------------------
def kalman(x: Any) -> Any:
    """The log-likelihood of a local level model, by the logs of its two variances."""
    level, noise = np.exp(x.isel(p=0)), np.exp(x.isel(p=1))
    data = xr.DataArray(np.sin(np.arange(40.0)), dims="t")

    def step(state: Any, y: Any) -> tuple[Any, Any]:
        mean, variance = state
        variance = variance + level
        total = variance + noise
        error, gain = y - mean, variance / total
        return (mean + gain * error, variance * (1 - gain)), -0.5 * (
            np.log(total) + error**2 / total
        )

    return xgrad.scan(step, (0.0, 1.0), data, dim="t")[1].sum()


def cell(x: Any) -> Any:
    """Something like an LSTM."""
    data = xr.DataArray(np.cos(np.arange(24.0)).reshape(8, 3), dims=("t", "p"))

    def step(state: Any, u: Any) -> tuple[Any, Any]:
        memory, out = state
        gate = 1 / (1 + np.exp(-(out + u)))
        memory = gate * memory + (1 - gate) * np.tanh(x * u)
        out = gate * np.tanh(memory)
        return (memory, out), (out**2).sum()

    return xgrad.scan(step, (0 * x, 0 * x), data, dim="t")[1].sum()


def state(x: Any) -> Any:
    """A vector state that mixes."""
    return energy(xgrad.scan(MIXED.step, x.rename(p="site"), FORCING, dim="time"))


FORCING = series(6, site=3)


COSTS = [(kalman, 2), (cell, 3), (state, 3)]


@pytest.mark.parametrize(("cost", "size"), COSTS)
def test_a_product_with_the_hessian_is_two_loops(cost: Cost, size: int):
    x, direction = array(p=size), array(p=size)
    product = xgrad.hessian_vector_product(cost)
    step = 1e-5
    gradient = xgrad.grad(cost)
    difference = (gradient(x + step * direction) - gradient(x - step * direction)) / (2 * step)
    np.testing.assert_allclose(product(x, direction), difference, rtol=1e-5, atol=1e-7)
    assert while_loops(product, x, direction) <= 2


@pytest.mark.parametrize(("cost", "size"), COSTS)
def test_reverse_over_reverse_is_two_loops_too(cost: Cost, size: int):
    x, direction = array(p=size), array(p=size)

    def slope(x: Any) -> Any:
        return (xgrad.grad(cost)(x) * direction).sum(skipna=False)

    twice = xgrad.grad(slope)
    expected = xgrad.hessian_vector_product(cost)(x, direction)
    xr.testing.assert_allclose(twice(x), expected, rtol=1e-11)
    by_jax = xgrad.grad(xgrad.jit(slope, ad="jax"))(x)
    np.testing.assert_allclose(by_jax, expected, rtol=1e-11)
    np.testing.assert_allclose(twice.reference(x), expected, rtol=1e-11)
    assert while_loops(twice, x) == 2


def test_the_direction_may_depend_on_the_gradient():
    """∇ |∇f|² = 2 H ∇f: the gradient must be there before the product begins, which makes four loops of it."""
    x = array(p=3)
    steepness = xgrad.grad(lambda x: (xgrad.grad(cell)(x) ** 2).sum(skipna=False))
    expected = 2 * xgrad.hessian_vector_product(cell)(x, xgrad.grad(cell)(x))
    xr.testing.assert_allclose(steepness(x), expected, rtol=1e-11)
    assert while_loops(steepness, x) == 4


def test_the_derivative_of_a_gradient_by_what_it_was_not_taken_by():
    """∂/∂w and ∂/∂x of <v, ∂f/∂x>: mixed second derivatives, through one loop forward and one back."""
    x, w, v = array(p=3), array(p=3), array(p=3)

    def cost(x: Any, w: Any) -> Any:
        return cell(x * w)

    def slope(x: Any, w: Any) -> Any:
        return (xgrad.grad(cost)(x, w) * v).sum(skipna=False)

    mixed = xgrad.grad(slope, (0, 1))
    by_jax = xgrad.grad(xgrad.jit(slope, ad="jax"), (0, 1))(x, w)
    for ours, theirs in zip(mixed(x, w), by_jax, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-11)
    assert while_loops(mixed, x, w) == 2


def test_a_full_hessian_is_two_loops():
    assert while_loops(xgrad.hessian(cell), array(p=3)) == 2


# ---- gradients -------------------------------------------------------------------------------------------------------
def test_value_and_gradient_of_a_vector_state_are_two_loops():
    shape = MIXED
    init, xs = shape.arguments(7)
    stages = xgrad.value_and_grad(
        lambda init: energy(xgrad.scan(shape.step, init, xs, dim="time"))
    ).stages(init)
    assert sum(isinstance(node.op, Scan) for node in stages.optimised.nodes) == 2
    assert stages.hlo.count(" while(") == 2


def test_a_gradient_that_keeps_some_carries_is_five_loops():
    """Segments and their steps forward; segments back, and in each its steps once more, and back."""
    x = array(p=3)

    def cost(x: Any) -> Any:
        return xgrad.scan(lambda c, _: (np.sin(c), None), x, length=16, checkpoint="sqrt")[0].sum()

    assert while_loops(xgrad.grad(cost), x) == 5
    assert while_loops(xgrad.jit(cost), x) == 2


# ---- many small carries ----------------------------------------------------------------------------------------------
def test_the_loop_does_not_grow_with_the_number_of_scalar_carries():
    """Each carried number meets the next one; with ten of them and with forty, the loops have as many instructions."""
    bodies = []
    for count in (10, 40):

        def cost(x: Any, count: int = count) -> Any:
            def step(c: Any, _: Any) -> tuple[Any, None]:
                return [0.5 * np.sin(c[k]) * c[(k + 1) % count] for k in range(count)], None

            last, _ = xgrad.scan(step, [x.isel(p=k) for k in range(count)], length=20)
            return last[0] + last[3]

        x = array(p=count)
        gradient = xgrad.grad(cost)
        by_jax = xgrad.grad(xgrad.jit(cost, ad="jax"))(x)
        np.testing.assert_allclose(gradient(x), by_jax, rtol=1e-11, atol=1e-18)
        optimised = gradient.stages(x).optimised
        scans = [node.op for node in optimised.nodes if isinstance(node.op, Scan)]
        bodies.append([len(op.body.nodes) for op in scans])
        assert [op.carries for op in scans] == [1, 1]
    assert bodies[0] == bodies[1]


# ---- what is connected -----------------------------------------------------------------------------------------------
@pytest.mark.parametrize("ad", ["symbolic", "jax"])
def test_a_carry_that_only_feeds_itself_connects_nothing(ad: str):
    """a -> a; b and c go round in a circle, and c reaches the result a step later; n decides in jumps."""
    xs = series(5)

    def cost(a: Any, b: Any, c: Any, n: Any) -> Any:
        def step(state: Any, x: Any) -> tuple[Any, Any]:
            a, b, c, n = state
            return (np.sin(a) + b, c * x, b + np.floor(n), n), b

        return xgrad.scan(step, (a, b, c, n), xs, dim="time")[1].sum()

    given = [array() for _ in range(4)]
    with pytest.raises(xgrad.errors.DisconnectedInputError):
        xgrad.grad(xgrad.jit(cost, ad=ad), 0)(*given)
    by_b, by_c, by_n = xgrad.grad(xgrad.jit(cost, ad=ad), (1, 2, 3))(*given)
    x = xs.values
    np.testing.assert_allclose(by_b, 1 + x[1] + x[1] * x[3], rtol=1e-12)
    np.testing.assert_allclose(by_c, x[0] + x[0] * x[2], rtol=1e-12)
    assert by_n == 0
