"""Libraries made for JAX inside labeled programs: one op by named core dims, with JAX's gradient.

A package that is not installed is skipped.
"""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import xarray as xr

import xgrad as xg

RATE = xr.DataArray([0.3, 1.2], dims="site", coords={"site": ["Oslo", "Rome"]}, name="rate")
START = xr.DataArray([2.0, 1.0], dims="species", coords={"species": ["hare", "lynx"]})
TIMES = xr.DataArray([0.5, 1.0, 2.0], dims="time", coords={"time": [0.5, 1.0, 2.0]})
pytestmark = pytest.mark.slow  # what they are made of compiles for long
ROUTES = pytest.mark.parametrize("ad", ["auto", "symbolic", "jax"])


@ROUTES
def test_a_differential_equation_solved_by_diffrax(ad):
    """y' = -rate y from y0, for every site by ``vmap``: y0 e^(-rate t), with its gradient."""
    diffrax = pytest.importorskip("diffrax")

    def solve(rate, start, times):
        return diffrax.diffeqsolve(
            diffrax.ODETerm(lambda t, y, rate: -rate * y),
            diffrax.Tsit5(),
            t0=0.0,
            t1=2.0,
            dt0=0.01,
            y0=start,
            args=rate,
            saveat=diffrax.SaveAt(ts=times),
            stepsize_controller=diffrax.PIDController(rtol=1e-9, atol=1e-10),
            max_steps=4096,
        ).ys

    def trajectory(rate, start, times):
        return xg.apply_jax(
            solve,
            rate,
            start,
            times,
            input_core_dims=[[], ["species"], ["time"]],
            output_core_dims=[["time", "species"]],
        )

    exact = START * np.exp(-RATE * TIMES)
    found = xg.jit(trajectory, ad=ad)(RATE, START, TIMES)
    assert found.dims == ("site", "time", "species")
    xr.testing.assert_allclose(found, exact.transpose(*found.dims), rtol=1e-7)

    gradient = xg.grad(lambda rate: trajectory(rate, START, TIMES).sum(), ad=ad)(RATE)
    xr.testing.assert_allclose(gradient, -(TIMES * exact).sum(["time", "species"]), rtol=1e-6)
    assert gradient.site.identical(RATE.site)


@ROUTES
def test_a_network_of_equinox(ad):
    """Its gradient by the labeled input is that of JAX, and by its weights, given as an argument."""
    eqx = pytest.importorskip("equinox")
    with jax.enable_x64(True):
        network = eqx.nn.MLP(2, 1, 8, 2, activation=jnp.tanh, key=jax.random.key(0))
    weights, rest = eqx.partition(network, eqx.is_array)
    leaves, shape = jax.tree.flatten(weights)

    def run(x, *leaves):
        return eqx.combine(jax.tree.unflatten(shape, leaves), rest)(x)[0]

    def response(x, leaves):
        dims = [[f"{i}_{axis}" for axis in range(leaf.ndim)] for i, leaf in enumerate(leaves)]
        labeled = [xr.DataArray(leaf, dims=d) for leaf, d in zip(leaves, dims, strict=True)]
        return xg.apply_jax(run, x, *labeled, input_core_dims=[["species"], *dims])

    x = RATE * START
    cost = lambda x, leaves: (response(x, leaves) ** 2).sum("site")  # noqa: E731
    by_hand = lambda x, leaves: (jax.vmap(lambda v: run(v, *leaves))(x) ** 2).sum()  # noqa: E731
    with jax.enable_x64(True):
        expected = jax.grad(by_hand, argnums=(0, 1))(jnp.asarray(x.values), leaves)
    by_x, by_weights = xg.grad(cost, argnums=(0, 1), ad=ad)(x, leaves)
    np.testing.assert_allclose(by_x, expected[0], rtol=1e-10)
    assert by_x.indexes.keys() == x.indexes.keys()
    for one, other in zip(by_weights, expected[1], strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-10, atol=1e-14)


def test_a_whole_network_as_the_function_and_as_an_argument():
    """As the function its weights are constants; as an argument they have a gradient, in the same module."""
    eqx = pytest.importorskip("equinox")
    with jax.enable_x64(True):
        network = eqx.nn.MLP(2, "scalar", 4, 1, activation=jnp.tanh, key=jax.random.key(0))
        value = jax.vmap(network)(jnp.asarray((RATE * START).values))
        held, kept = eqx.partition(network, eqx.is_array)
        slopes = jax.grad(
            lambda held: jax.vmap(eqx.combine(held, kept))((RATE * START).values).sum()
        )(held)
    x = RATE * START
    held_by_us = xg.jit(lambda x: xg.apply_jax(network, x, input_core_dims=[["species"]]))
    for _ in range(2):
        np.testing.assert_allclose(held_by_us(x), value, rtol=1e-12)

    def total(network, x):
        run = lambda network, x: network(x)  # noqa: E731
        return xg.apply_jax(run, network, x, input_core_dims=[[], ["species"]]).sum()

    found = xg.grad(total)(network, x)
    np.testing.assert_allclose(found.layers[0].weight, slopes.layers[0].weight, rtol=1e-10)
    np.testing.assert_allclose(found.layers[1].bias, slopes.layers[1].bias, rtol=1e-10)
