"""Functions of labeled arrays and the same by hand in JAX, that the tests of Jacobians share."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import xarray as xr

N = 5


def signal() -> xr.DataArray:
    return xr.DataArray(
        np.linspace(0.2, 1.4, N), dims="time", coords={"time": np.arange(N) * 10}, name="signal"
    )


def rates() -> xr.DataArray:
    return xr.DataArray([0.5, 1.5, 2.5], dims="k", coords={"k": list("abc")}, name="rates")


def decay(signal: xr.DataArray, rates: xr.DataArray) -> xr.DataArray:
    return np.exp(-signal * rates).rename("decay")


def jax_decay(signal, rates):
    return jnp.exp(-signal[:, None] * rates)


def mixed(signal: xr.DataArray, rates: xr.DataArray) -> xr.DataArray:
    return (np.sin(signal * rates).sum("k") * signal.cumsum("time")).rename("mixed")


def jax_mixed(signal, rates):
    return jnp.sin(signal[:, None] * rates).sum(1) * jnp.cumsum(signal)


ROUTES = pytest.mark.parametrize("ad", ["symbolic", "jax"])
MODES = pytest.mark.parametrize("mode", ["auto", "forward", "reverse"])


def of_jax(transform, function, *arrays):
    with jax.enable_x64(True):
        return transform(function)(*[np.asarray(a) for a in arrays])


def energy(x: xr.DataArray) -> xr.DataArray:
    return (np.exp(x) * x.cumsum("time")).sum() * x.mean()


def jax_energy(x):
    return (jnp.exp(x) * jnp.cumsum(x)).sum() * x.mean()
