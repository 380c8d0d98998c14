"""Gradients are expanded after the forward graph was simplified: what it is turned into has a gradient of its own."""

import numpy as np
import xarray as xr

import xgrad as xg

RNG = np.random.default_rng(0)
X = xr.DataArray(RNG.normal(size=(5, 3)), dims=("n", "k"), name="x")
Y = xr.DataArray(np.eye(3)[[0, 1, 2, 0, 1]], dims=("n", "k"), name="y")


def cross_entropy(x, y):
    return -(y * np.log(np.exp(x) / np.exp(x).sum("k", skipna=False))).sum(skipna=False)


def printed(compiled, *args):
    """The optimised graph without lines of this file, and its ops without types."""
    text = xg.dprint(compiled.stages(*args).optimised, file="str")
    return [line.split(":")[0].split("(")[0] for line in text.splitlines()]


def test_a_softmax_cross_entropy():
    """softmax(x) Σy - y, as one op that keeps all digits where a share is nearly 1."""
    slope = xg.grad(cross_entropy)
    text = xg.dprint(slope.stages(X, Y).optimised, file="str").splitlines()
    assert [line.partition(" (axes")[0].partition(":")[0] for line in text] == [
        "softmax(x)·Σy - y",
        "├─ x",
        "└─ y",
    ]
    softmax = np.exp(X) / np.exp(X).sum("k")
    np.testing.assert_allclose(slope(X, Y), softmax - Y, atol=1e-15)
    far = X * 1000
    np.testing.assert_allclose(slope(far, Y).sum("k"), 0, atol=1e-12)
    assert np.isfinite(xg.hessian_vector_product(cross_entropy)(far, Y, X)).all()


def test_log_of_a_sum_of_exponentials():
    """softmax(x), of the one op that the cost has become."""
    slope = xg.grad(lambda x: np.log(np.exp(x).sum("k", skipna=False)).sum(skipna=False))
    assert printed(slope, X) == ["Softmax", "└─ x"]


def test_known_shapes_leave_no_trace():
    """The gradient of a sum is a constant, and that of a mean: no sizes are computed."""
    total = xg.grad(lambda x: x.mean(skipna=False) * 3 + x.sum(skipna=False))
    assert printed(total, X) == ["Full"]
