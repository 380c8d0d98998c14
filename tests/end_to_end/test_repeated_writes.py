"""Several values written to one place: the last wins, as in NumPy, and the others have no part in the gradient."""

import numpy as np
import pytest
import xarray as xr

import xgrad as xg

X = xr.DataArray(np.arange(12.0).reshape(4, 3), dims=("time", "city"))
V = xr.DataArray(np.arange(100.0, 106.0).reshape(2, 3), dims=("time", "city"))


def rows(x, v):
    y = x * 1.0
    y[{"time": [2, 2]}] = v
    return y


def points(x, v):
    y = x * 1.0
    where = {
        "time": xr.DataArray([1, 0, 1], dims="p"),
        "city": xr.DataArray([2, 0, 2], dims="p"),
    }
    y[where] = xr.DataArray(v.data[0], dims="p")
    return y


@pytest.mark.parametrize("write", [rows, points])
def test_the_last_value_wins(write):
    expected = write(X, V)
    xr.testing.assert_identical(xg.jit(write)(X, V), expected)
    xr.testing.assert_identical(xg.jit(write).reference(X, V), expected)
    gradient = xg.grad(lambda x, v: write(x, v).sum(), argnums=1)(X, V)
    step = [
        float(write(X, V + np.eye(6)[i].reshape(2, 3)).sum() - expected.sum()) for i in range(6)
    ]
    np.testing.assert_array_equal(gradient.values.ravel(), step)
