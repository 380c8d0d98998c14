"""Maps onto supports: round trips, and log-Jacobians against determinants."""

import jax
import numpy as np
import pytest
import xarray as xr

import xgrad as xg
from xgrad.errors import ArgumentError
from xgrad.model import (
    CholeskyCorr,
    Log,
    Logit,
    Model,
    Normal,
    Ordered,
    Simplex,
    ZeroSum,
)
from xgrad.model.distributions.bijections import Affine
from xgrad.model.distributions.vector_supports import CholeskyCorrs, SimplexVectors, ZeroSumArrays

below = np.tril_indices(4, -1)
CASES = {  # the map, sizes of values, and the entries that determine a value
    "log": (Log(0.5), {"k": 3}, ...),
    "log downwards": (Log(0.5, downwards=True), {"k": 3}, ...),
    "logit": (Logit(-1.0, 2.0), {"k": 3}, ...),
    "affine": (Affine(0.5, 1.7), {"k": 3}, ...),
    "ordered": (Ordered("k"), {"k": 5}, ...),
    "simplex": (Simplex("k"), {"k": 5}, slice(None, -1)),
    "cholesky_corr": (CholeskyCorr("k", "j"), {"k": 4, "j": 4}, below),
    "zero sums": (ZeroSum(("k", "j")), {"k": 3, "j": 4}, None),
}
SUPPORTS = {
    "simplex": SimplexVectors("k"),
    "cholesky_corr": CholeskyCorrs("k", "j"),
    "zero sums": ZeroSumArrays(("k", "j")),
}
every = pytest.mark.parametrize("name", CASES)


def unbounded(name: str, seed: int = 0) -> xr.DataArray:
    bijection, sizes, _ = CASES[name]
    free = bijection.free_sizes(sizes)
    return xr.DataArray(
        np.random.default_rng(seed).normal(size=tuple(free.values())), dims=tuple(free)
    )


@every
def test_there_and_back(name):
    bijection, sizes, _ = CASES[name]
    u = unbounded(name)
    x = bijection.constrain(u)
    assert dict(x.sizes) == sizes
    xr.testing.assert_allclose(bijection.unconstrain(x), u, rtol=1e-9)
    if name in SUPPORTS:
        assert bool(SUPPORTS[name].contains(x))


@every
def test_log_jacobian_is_that_of_the_determinant(name):
    bijection, sizes, entries = CASES[name]
    u = unbounded(name)

    with jax.enable_x64(True):
        flat = u.values.ravel()
        shape = u.shape
        constrain = xg.to_jax(lambda u: bijection.constrain(u).transpose(*sizes), u)
        jacobian = np.asarray(jax.jacfwd(lambda v: constrain(v.reshape(shape)))(flat))
    if entries is None:  # an isometry: volumes on the subspace are kept
        jacobian = jacobian.reshape(-1, flat.size)
        np.testing.assert_allclose(jacobian.T @ jacobian, np.eye(flat.size), atol=1e-12)
        expected = 0.0
    else:
        _, expected = np.linalg.slogdet(jacobian[entries].reshape(flat.size, flat.size))
    found = xr.DataArray(bijection.log_jacobian(u)).sum()
    np.testing.assert_allclose(found, expected, rtol=1e-10, atol=1e-12)


@every
def test_far_out_the_log_jacobian_and_its_gradient_stay_finite(name):
    bijection = CASES[name][0]
    for scale in (1e-8, 40.0):
        u = scale * unbounded(name)
        found = xg.value_and_grad(
            lambda u: xr.DataArray(bijection.log_jacobian(u)).sum() + 0.0 * u.sum()
        )(u)
        assert all(np.isfinite(v).all() for v in found)


def test_batches_are_mapped_one_by_one():
    for name in ("ordered", "simplex", "cholesky_corr", "zero sums"):
        bijection = CASES[name][0]
        one, two = unbounded(name, 1), unbounded(name, 2)
        both = bijection.constrain(xr.concat([one, two], "batch"))
        xr.testing.assert_allclose(both.isel(batch=1), bijection.constrain(two))


class TestByName:
    def test_of_a_variable_with_one_dim(self):
        with Model(coords={"cut": 3}) as m:
            Normal("c", 0.0, 5.0, dims="cut", transform="ordered")
        values = m.logp_fn.constrain({"c__ordered": np.array([0.5, 0.0, 0.0])})
        np.testing.assert_allclose(values["c"], [0.5, 1.5, 2.5])

    def test_of_a_positive_number(self):
        with Model() as m:
            Normal("c", transform="log")
        assert list(m.logp_fn.start) == ["c__log"]

    def test_unknown(self):
        with Model(), pytest.raises(ArgumentError, match="did you mean 'ordered'"):
            Normal("c", transform="orderd")

    def test_of_more_dims_than_a_vector_has(self):
        with Model(coords={"cut": 3, "item": 2}):
            with pytest.raises(ArgumentError, match=r"needs 1 dim.*xgrad.model.Ordered\(...\)"):
                Normal("c", dims=("item", "cut"), transform="ordered")
