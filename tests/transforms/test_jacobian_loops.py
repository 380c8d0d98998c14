"""Jacobians, pointwise dims and ``vmap`` through loops."""

import numpy as np
import pytest
import xarray as xr

import xgrad as xg
from xgrad.errors import DimensionError


def forcing() -> xr.DataArray:
    values = np.random.default_rng(1).uniform(0.1, 1, size=(6, 4))
    return xr.DataArray(values, dims=("time", "site"), name="forcing")


def rate() -> xr.DataArray:
    return xr.DataArray([0.2, 0.4, 0.6, 0.8], dims="site", name="rate")


def model(rate, forcing):
    _, ys = xg.scan(lambda c, u: (c * rate + u, c**2), xr.zeros_like(rate), forcing, dim="time")
    return ys


def spread_along(array, dim, other):
    """``array`` as the diagonal along ``dim`` and ``other``."""
    return array * xr.DataArray(np.eye(array.sizes[dim]), dims=(dim, other))


@pytest.mark.parametrize("mode", ["forward", "reverse"])
def test_a_loop_keeps_sites_apart(mode):
    k, u = rate(), forcing()
    by_rate, by_forcing = xg.jacobian(model, (0, 1), mode=mode, pointwise="site")(k, u)
    assert by_rate.dims == ("time", "site")
    assert by_forcing.dims == ("time", "site", "time_wrt")
    dense = xg.jacobian(model, (0, 1))(k, u)
    for short, full in zip((by_rate, by_forcing), dense, strict=True):
        found = spread_along(short, "site", "site_wrt").transpose(*full.dims)
        np.testing.assert_allclose(found, full, atol=1e-14)


def test_chunks_of_derivatives_of_a_loop():
    expected = xg.jacobian(model, 1)(rate(), forcing())
    found = xg.jacobian(model, 1, mode="forward", chunk=5)(rate(), forcing())
    xr.testing.assert_allclose(found, expected)


def test_hessians_through_a_loop():
    def cost(k, u):
        return (model(k, u) ** 2).sum()

    short = xg.hessian(cost, pointwise="auto")(rate(), forcing())
    assert short.dims == ("site",)
    np.testing.assert_allclose(short, np.diag(xg.hessian(cost)(rate(), forcing())))


def test_the_dim_of_a_loop_mixes_unless_nothing_is_carried():
    line = model.__code__.co_firstlineno + 1
    with pytest.raises(DimensionError) as error:
        xg.jacobian(model, 1, pointwise="time")(rate(), forcing())
    assert str(error.value) == (
        "the Jacobian of `result` by `forcing` is not pointwise along 'time':"
        f" XScan(time: 6, 1 carried) mixes its entries (test_jacobian_loops.py:{line}).\n"
        "Take 'time' out of pointwise, or let pointwise='auto' find the dims."
    )

    def each(u):
        return xg.map(lambda x: x * x.sum(), u, dim="time")

    found = xg.jacobian(each, pointwise="time")(forcing())
    assert found.dims == ("time", "site", "site_wrt")
    dense = xg.jacobian(each)(forcing())
    np.testing.assert_allclose(
        spread_along(found, "time", "time_wrt").transpose(*dense.dims), dense
    )


def test_mapped_loops_and_their_gradients():
    k, u = rate(), forcing()
    found = xg.vmap(model, "site")(k, u)
    np.testing.assert_allclose(found, model(k, u).transpose("site", "time"))
    slope = xg.grad(lambda k, u: (model(k, u) ** 2).sum())
    np.testing.assert_allclose(xg.vmap(slope, "site")(k, u), slope(k, u))
    outer = xg.grad(lambda k, u: (xg.vmap(model, "site")(k, u) ** 2).sum())
    np.testing.assert_allclose(outer(k, u), slope(k, u))
