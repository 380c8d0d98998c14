"""What is masked away has gradient zero, whatever the function does behind the mask.

Ten functions that are infinite, undefined or without a derivative at some points, four ways in which users leave such
points out: forty programs. Gradient and Hessian product are finite, and equal to those of the same program run on the
points that are kept.
"""

import numpy as np
import pytest
import xarray as xr

import xgrad as xg

SITES = list("abcdef")
ROWS = {"site": SITES, "day": [1, 2, 3]}


def at(*values):
    return xr.DataArray(np.array(values, float), {"site": SITES}, ("site",), name="x")


def rows(*values):
    return xr.DataArray(np.array(values, float), ROWS, ("site", "day"), name="x")


GRID = rows([0, 0, 0], [1, 2, 3], [0, 0, 0], [0.5, -1, 2], [2, 0.1, 1], [3, 3, 3.5])
STEADY = rows([2, 2, 2], [1, 2, 3], [5, 5, 5], [0.5, -1, 2], [2, 0.1, 1], [3, 3, 3.5])
FAR = rows([-np.inf] * 3, [1, 2, 3], [-np.inf] * 3, [0.5, -1, 2], [2, 0.1, 1], [3, 3, 3.5])
TABLE = xr.DataArray([0.0, 1.0, 4.0, 9.0], {"r": [0.0, 1.0, 2.0, 3.0]}, ("r",))

KEEP = xr.DataArray([False, True, False, True, True, True], {"site": SITES}, ("site",))


def looked_up(x):
    return np.log(TABLE.interp(r=x.drop_vars("site")).assign_coords(site=x.site))


FUNCTIONS = {
    "sqrt": (np.sqrt, at(0, 2, -1, 0.5, 1, 3)),
    "log": (np.log, at(0, 2, -1, 0.5, 1, 3)),
    "power": (lambda x: x**-1.5, at(0, 2, -1, 0.5, 1, 3)),
    "reciprocal": (lambda x: 1 / x, at(0, 2, 0, -0.5, 1, 3)),
    "arccos": (np.arccos, at(1, 0.2, -1, 0.5, -0.7, 0.9)),
    "arctan2": (lambda x: np.arctan2(x**3, x**2 * (x + 2)), at(0, 2, 0, 0.5, 1, 3)),
    "norm": (lambda x: np.sqrt((x**2).sum("day")), GRID),
    "std": (lambda x: x.std("day"), STEADY),
    "logsumexp": (lambda x: x.max("day") + np.log(np.exp(x - x.max("day")).sum("day")), FAR),
    "interp": (lambda x: looked_up(x), at(0, 2.3, 0, 0.5, 1.2, 2.9)),
}  # fmt: skip

MASKS = {
    "where, in the result": lambda f, x: xr.where(KEEP, f(x), 0.0).sum("site"),
    "where, then skipna": lambda f, x: f(x).where(KEEP).mean("site") * 4,
    "where, then fillna": lambda f, x: f(x).where(KEEP).fillna(0.0).sum("site"),
    "masked before": lambda f, x: f(x.where(KEEP)).fillna(0.0).clip(-50, 50).sum("site"),
}


def kept(f, x):
    return f(x).sum("site")


def hessian_product(cost, x, v):
    return xg.grad(lambda x: (xg.grad(cost)(x) * v).sum(skipna=False))(x)


@pytest.mark.parametrize("mask", MASKS)
@pytest.mark.parametrize("name", FUNCTIONS)
def test_gradient_and_hessian_product(name, mask):
    f, x = FUNCTIONS[name]
    v = xr.DataArray(np.random.default_rng(1).normal(size=x.shape), x.coords, x.dims)
    chosen = KEEP.values

    def cost(x):
        return MASKS[mask](f, x)

    def cost_of_kept(x):
        return kept(f, x)

    for derivative, expected in [
        (xg.grad(cost)(x), xg.grad(cost_of_kept)(x[chosen])),
        (hessian_product(cost, x, v), hessian_product(cost_of_kept, x[chosen], v[chosen])),
    ]:
        assert np.isfinite(derivative.values).all()
        np.testing.assert_array_equal(derivative.values[~chosen], 0)
        np.testing.assert_allclose(
            derivative.values[chosen], expected.values, rtol=1e-10, atol=1e-12
        )
