"""``hessian`` and ``hessian_vector_product``: against JAX on hand-written code, and what a product costs."""

import jax
import numpy as np
import xarray as xr

import xgrad as xg
from tests.transforms.jacobians import (
    ROUTES,
    N,
    energy,
    jax_energy,
    of_jax,
    rates,
    signal,
)


@ROUTES
def test_hessian(ad):
    found = xg.hessian(energy, ad=ad)(signal())
    np.testing.assert_allclose(found, of_jax(jax.hessian, jax_energy, signal()), rtol=1e-11)
    assert found.dims == ("time", "time_wrt") and found.name is None
    np.testing.assert_allclose(found, found.values.T)


@ROUTES
def test_hessian_vector_product(ad):
    x = signal()
    p = x.copy(data=np.arange(float(N)))
    product = xg.hessian_vector_product(energy, ad=ad)
    found = product(x, p)
    np.testing.assert_allclose(found, xg.hessian(energy)(x).values @ p.values, rtol=1e-11)
    xr.testing.assert_identical(found.coords.to_dataset(), x.coords.to_dataset())
    if ad == "symbolic":
        xr.testing.assert_allclose(product.reference(x, p), found)


def test_a_product_never_makes_the_hessian():
    x = xr.DataArray(np.ones(1000), dims="time")
    product = xg.hessian_vector_product(lambda x: (np.exp(x) * x.sum()).sum())
    graph = product.stages(x, x).optimised
    assert max(v.type.size for node in graph.nodes for v in node.outputs) <= 1000


def test_products_of_several_arguments_and_containers():
    def cost(p, x):
        return (p["r"] * x).sum() ** 2 + p["s"] ** 3

    p, x = {"r": rates(), "s": 2.0}, signal()
    along = {"r": rates() * 0 + 1, "s": 1.0}
    by_p, by_x = xg.hessian_vector_product(cost, (0, 1))(p, x, (along, x))
    assert by_p["s"] == 12.0
    assert by_p["r"].dims == ("k",) and by_x.dims == ("time",)
    total = float(x.sum() * rates().sum())
    moved = float(x.sum() * 3 + x.sum() * rates().sum())
    np.testing.assert_allclose(by_p["r"], 2 * moved * x.sum() + 2 * total * x.sum())


def test_a_linear_cost_has_no_curvature():
    found = xg.hessian(lambda x: x.sum())(signal())
    np.testing.assert_array_equal(found, np.zeros((N, N)))
    np.testing.assert_array_equal(
        xg.hessian_vector_product(lambda x: x.sum())(signal(), signal()), 0
    )
