"""``xgrad.checkpoint`` changes no number, and what it does not keep is computed again."""

from typing import Any

import jax
import numpy as np
import pytest
import xarray as xr

import xgrad
from tests.transforms.loop_shapes import array
from xgrad import errors
from xgrad.axes.contract import Einsum

each_route = pytest.mark.parametrize("ad", ["symbolic", "jax"])
POLICIES = [None, "nothing", "dots", "everything", jax.checkpoint_policies.dots_saveable]

MATRIX = array(x=100, y=100) / 5
WIDE = array(x=100, sample=200)


def layer(x: Any, matrix: Any) -> Any:
    hidden = np.tanh(xr.dot(matrix, x.rename(x="y"), dim="y"))
    return np.sin(np.exp(-hidden * hidden)) * hidden


def network(layer: Any, depth: int = 6) -> Any:
    def cost(matrix: Any, x: Any) -> Any:
        for _ in range(depth):
            x = layer(x, matrix)
        return (x**2).sum()

    return cost


def memory(gradient: Any) -> float:
    """In units of one layer's values."""
    return gradient.program(MATRIX, WIDE).executable.memory().temporaries / WIDE.nbytes


@each_route
def test_it_changes_no_number_and_saves_memory(ad: str):
    plain = xgrad.value_and_grad(xgrad.jit(network(layer), ad=ad), (0, 1))
    value, slopes = plain(MATRIX, WIDE)
    for policy in POLICIES:
        cost = network(xgrad.checkpoint(layer, policy))
        gradient = xgrad.value_and_grad(xgrad.jit(cost, ad=ad), (0, 1))
        found, by_policy = gradient(MATRIX, WIDE)
        np.testing.assert_allclose(found, value, rtol=1e-12)
        for a, b in zip(by_policy, slopes, strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-10, atol=1e-14)
            assert a.dims == b.dims
        if policy is None:
            assert memory(gradient) < memory(plain) - 3


def slab(x: Any) -> Any:
    """Two products in a row: the first is needed to go back through the second."""
    first = np.cos(xr.dot(MATRIX, x.rename(x="y"), dim="y"))
    return np.sin(xr.dot(MATRIX, first.rename(x="y"), dim="y"))


@pytest.mark.parametrize(("policy", "products"), [(None, 6), ("dots", 4), ("everything", 4)])
def test_what_is_kept_is_not_computed_again(policy: Any, products: int):
    """Forward two products, backward two; and two again where nothing is kept."""
    part = xgrad.checkpoint(slab, policy)
    stages = xgrad.grad(lambda x: np.exp(part(x)).sum()).stages(WIDE)
    assert sum(isinstance(node.op, Einsum) for node in stages.optimised.nodes) == products


def nested(x: Any) -> Any:
    return xgrad.checkpoint(lambda x: xgrad.checkpoint(np.sin)(x * x))(x)


@each_route
def test_it_nests_and_has_derivatives_of_any_order(ad: str):
    inner = xgrad.jit(nested, ad=ad)
    third = xgrad.grad(lambda x: xgrad.grad(lambda x: xgrad.grad(inner)(x))(x))
    x = 0.7
    expected = -12 * x * np.sin(x * x) - 8 * x**3 * np.cos(x * x)
    np.testing.assert_allclose(third(xr.DataArray(x)), expected, rtol=1e-12)
    policy = xgrad.checkpoint(lambda x: np.sin(x * x), "everything")
    second = xgrad.grad(lambda x: xgrad.grad(xgrad.jit(policy, ad=ad))(x))
    expected = 2 * np.cos(x * x) - 4 * x * x * np.sin(x * x)
    np.testing.assert_allclose(second(xr.DataArray(x)), expected, rtol=1e-12)


def test_forward_mode_goes_through():
    x, direction = array(x=3), array(x=3)
    _, moved = xgrad.pushforward(nested, (x,), (direction,))
    np.testing.assert_allclose(moved, 2 * x * np.cos(x * x) * direction, rtol=1e-12)


@each_route
def test_in_steps_of_loops_and_in_vmap(ad: str):
    xs = array(time=5, site=3)

    def cost(step: Any, xs: Any) -> Any:
        return (xgrad.scan(step, xs.isel(time=0) * 0, xs, dim="time")[1] ** 2).sum()

    def step(c: Any, x: Any) -> tuple[Any, Any]:
        c = np.tanh(c * 0.5 + np.sin(x) * x)
        return c, c

    expected = xgrad.grad(lambda xs: cost(step, xs))(xs)
    for policy in (None, "everything"):
        part = xgrad.checkpoint(step, policy)
        found = xgrad.grad(xgrad.jit(lambda xs, part=part: cost(part, xs), ad=ad))(xs)
        np.testing.assert_allclose(found, expected, rtol=1e-12)
        mapped = xgrad.vmap(lambda xs, part=part: cost(part, xs), "site")
        found = xgrad.grad(xgrad.jit(lambda xs, f=mapped: f(xs).sum(), ad=ad))(xs)
        np.testing.assert_allclose(found, expected, rtol=1e-12)


def test_containers_datasets_and_what_is_taken_from_outside():
    scale = xr.DataArray(2.0)

    def part(params: Any, *, power: int) -> Any:
        data = params["data"]
        return {
            "sum": scale * (data.u**power).sum(),
            "all": data.assign(v=data.u * SCALE[0]),
            "n": 1,
        }

    SCALE: list[Any] = [None]

    def cost(scale: Any, data: Any) -> Any:
        SCALE[0] = scale
        found = xgrad.checkpoint(part)({"data": data}, power=3)
        assert found["all"].v.dims == ("x",) and found["all"].x.values.tolist() == [5, 6, 7]
        return found["sum"] + (found["all"].v ** 2).sum() * found["n"]

    data = xr.Dataset({"u": array(x=3)}, coords={"x": [5, 6, 7]})
    outside = xr.DataArray(1.5)
    by_scale, by_data = xgrad.grad(cost, (0, 1))(outside, data)
    np.testing.assert_allclose(by_scale, 2 * 1.5 * (data.u**2).sum(), rtol=1e-12)
    np.testing.assert_allclose(by_data.u, 6 * data.u**2 + 2 * 1.5**2 * data.u, rtol=1e-12)


def test_outside_of_compiled_functions_it_is_the_function():
    assert xgrad.checkpoint(lambda x: x + 1)(1) == 2


def test_the_source_runs():
    gradient = xgrad.grad(
        xgrad.jit(lambda x: network(xgrad.checkpoint(layer, "dots"), 2)(MATRIX, x), ad="jax")
    )
    stages = gradient.stages(WIDE)
    assert "policy=jax.checkpoint_policies.dots_saveable" in stages.source
    scope: dict[str, Any] = {}
    exec(stages.source, scope)
    program = next(v for k, v in scope.items() if f"def {k}(" in stages.source)
    found = program(WIDE.values, *stages.source_arguments)
    np.testing.assert_allclose(found, gradient(WIDE), rtol=1e-12)


def test_another_policy_is_refused():
    with pytest.raises(errors.ArgumentError) as found:
        xgrad.checkpoint(np.sin, "sqrt")  # pyright: ignore
    assert str(found.value).split(" (test_checkpoint")[0] == (
        "xgrad.checkpoint: policy must be None, 'nothing', 'dots', 'everything' or one of"
        " jax.checkpoint_policies, not 'sqrt'"
    )
