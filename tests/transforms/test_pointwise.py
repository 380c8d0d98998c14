"""Jacobians and Hessians without the zero blocks along dims that do not mix, and what that saves."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import xarray as xr

import xgrad as xg
from tests.transforms.jacobians import (
    MODES,
    ROUTES,
    decay,
    jax_mixed,
    rates,
    signal,
)
from tests.transforms.samples import weather


@ROUTES
@MODES
@pytest.mark.parametrize("pointwise", ["auto", "time", ["time"], ("time", "k")])
def test_pointwise_is_the_diagonal(pointwise, mode, ad):
    def f(signal, rates):
        return np.exp(-signal * rates) * rates.sum("k")

    x, r = signal(), (rates() * signal() / signal()).transpose("k", "time")
    dims = pointwise
    if pointwise == ("time", "k"):
        f = decay
    dense = xg.jacobian(f, (0, 1))(x, r)
    short = xg.jacobian(f, (0, 1), pointwise=dims, mode=mode, ad=ad)(x, r)
    assert "time_wrt" not in short[0].dims + short[1].dims
    for a, b in zip(short, dense, strict=True):
        shared = [d for d in ("time", "k") if f"{d}_wrt" in b.dims and f"{d}_wrt" not in a.dims]
        eyes = [xr.DataArray(np.eye(b.sizes[d]), dims=(d, f"{d}_wrt")) for d in shared]
        np.testing.assert_allclose(xr.dot(a, *eyes, dim=[]).transpose(*b.dims), b, atol=1e-12)


def test_pointwise_finds_each_block_its_dims():
    w = weather()
    found = xg.jacobian(lambda w: w.rain * w.wind + w.rain.mean("time"), pointwise="auto")(w)
    assert found.rain.dims == ("time", "city", "time_wrt")
    assert found.wind.dims == ("time", "city")


def test_pointwise_hessians():
    def cost(x, r):
        return decay(x, r).sum() + (x**3).mean()

    dense = xg.hessian(cost, (0, 1))(signal(), rates())
    short = xg.hessian(cost, (0, 1), pointwise="auto")(signal(), rates())
    assert short[0][0].dims == ("time",)
    assert short[0][1].dims == ("time", "k")
    assert short[1][1].dims == ("k",)
    np.testing.assert_allclose(np.diag(dense[0][0]), short[0][0])
    np.testing.assert_allclose(np.diag(dense[1][1]), short[1][1])
    np.testing.assert_allclose(dense[0][1], short[0][1])
    np.testing.assert_allclose(
        dense[1][0].transpose("k", "time"), short[1][0].transpose("k", "time")
    )


def test_what_pointwise_saves():
    """On 1,000 steps: less than twice the work of a gradient, and fifty times less than that of all entries."""
    x = xr.DataArray(np.linspace(0.1, 1, 1000), dims="time")

    def model(x):
        return np.exp(-x) * np.sin(3 * x) + x**2 / (1 + x)

    gradient = xg.grad(lambda x: model(x).sum()).stages(x).cost
    short = xg.jacobian(model, pointwise="auto").stages(x).cost
    dense = xg.jacobian(model).stages(x).cost
    assert short.flops < 2 * gradient.flops and short.bytes_accessed < 2 * gradient.bytes_accessed
    assert dense.flops > 50 * short.flops and dense.bytes_accessed > 50 * short.bytes_accessed


def plain_mixed(signal, rates):
    """As ``jax_mixed``: no NaN is looked for."""
    waves = np.sin(signal * rates).sum("k", skipna=False)
    return waves * signal.cumsum("time", skipna=False)


def plain_energy(signal, rates):
    return (np.exp(signal) * plain_mixed(signal, rates)).sum(skipna=False)


def jax_plain_energy(signal, rates):
    return (jnp.exp(signal) * jax_mixed(signal, rates)).sum()


def along(signal, rates):
    """The Hessian product of JAX, along the signal itself."""
    slope = jax.grad(jax_plain_energy)
    return jax.jvp(lambda s: slope(s, rates), (signal,), (signal,))[1]


WORK = {
    "forward": (xg.jacobian(plain_mixed), jax.jacfwd(jax_mixed)),
    "reverse": (xg.jacobian(plain_mixed, mode="reverse"), jax.jacrev(jax_mixed)),
    "by the few": (xg.jacobian(plain_mixed, 1), jax.jacfwd(jax_mixed, 1)),
    "hessian": (xg.hessian(plain_energy), jax.hessian(jax_plain_energy)),
    "product": (
        xg.jit(lambda s, r: xg.hessian_vector_product(plain_energy)(s, r, s)),
        along,
    ),
}


@pytest.mark.parametrize("name", WORK)
def test_no_more_operations_than_jax(name):
    ours, theirs = WORK[name]
    x = xr.DataArray(np.linspace(0.1, 1, 100), dims="time")
    with jax.enable_x64(True):
        compiled = jax.jit(theirs).lower(x.values, rates().values).compile()
    assert ours.stages(x, rates()).cost.flops <= 1.001 * compiled.cost_analysis()["flops"]
