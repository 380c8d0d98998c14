"""``xgrad.ravel``: there and back."""

import jax
import numpy as np
import pytest
import scipy.optimize
import xarray as xr

import xgrad as xg
from tests.transforms.samples import rain, weather
from xgrad.errors import SizeMismatchError, UnsupportedTypeError

PARAMS = {
    "array": rain(),
    "dataset": weather(),
    "more": (np.arange(3, dtype="int32"), 2.5, "a constant", None),
}


def check(result):
    xr.testing.assert_identical(result["array"], PARAMS["array"])
    xr.testing.assert_identical(result["dataset"], PARAMS["dataset"])
    np.testing.assert_array_equal(result["more"][0], PARAMS["more"][0])
    assert result["more"][0].dtype == np.int32
    assert result["more"][1:] == PARAMS["more"][1:]


def test_there_and_back():
    vector, unravel = xg.ravel(PARAMS)
    assert vector.shape == (12 + 12 + 4 + 1 + 3 + 1,) and vector.dtype == np.float64
    check(unravel(vector))


def test_inside_a_compiled_function():
    vector, unravel = xg.ravel(PARAMS)
    check(xg.jit(lambda v: unravel(v))(vector))
    twice = xg.jit(lambda p: xg.ravel(p)[0] * 2)({"a": rain(), "b": 1.0})
    np.testing.assert_array_equal(twice[:12], 2 * rain().values.ravel())


def test_what_comes_back_is_not_a_view():
    vector, unravel = xg.ravel({"a": rain()})
    result = unravel(vector)["a"]
    vector[:] = 0
    xr.testing.assert_identical(result, rain())


def test_in_jax():
    with jax.enable_x64(True):
        params = {"a": rain().copy(data=jax.numpy.asarray(rain().values)), "b": 2.0}
    vector, unravel = xg.ravel(params)
    assert isinstance(vector, jax.Array) and vector.dtype == np.float64
    assert isinstance(unravel(vector)["a"].data, jax.Array)
    with jax.enable_x64(True):
        slope = jax.grad(lambda v: unravel(v)["a"].data.sum())(vector)
    np.testing.assert_array_equal(slope, [1.0] * 12 + [0.0])


def test_for_scipy():
    target = rain()
    cost = xg.value_and_grad(lambda p: ((p["level"] - target) ** 2).mean())
    start, unravel = xg.ravel({"level": xr.zeros_like(target.isel(time=0, drop=True))})

    def flat_cost(vector):
        value, slope = cost(unravel(vector))
        return float(value), xg.ravel(slope)[0]

    found = scipy.optimize.minimize(flat_cost, start, jac=True, method="L-BFGS-B")
    np.testing.assert_allclose(unravel(found.x)["level"], target.mean("time"), atol=1e-5)


def test_nothing_is_an_empty_vector():
    vector, unravel = xg.ravel({"a": "constant"})
    assert vector.shape == (0,) and unravel(vector) == {"a": "constant"}


def test_mistakes():
    _, unravel = xg.ravel({"a": rain()})
    with pytest.raises(SizeMismatchError) as error:
        unravel(np.zeros(3))
    assert (
        str(error.value) == "unravel takes a vector of 12 numbers, and got an array of shape (3,)."
    )
    with pytest.raises(UnsupportedTypeError) as error:
        xg.ravel({"names": np.array(["a", "b"])})
    assert (
        str(error.value)
        == "`params['names']` holds <U1, and cannot be part of a vector of numbers."
    )
