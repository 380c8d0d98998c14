"""Compiled functions inside JAX's own transforms, and as plain JAX functions."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import xarray as xr

import xgrad as xg
from tests.transforms.samples import rain, weather
from xgrad.errors import ArgumentError, PrecisionWarning, SizeMismatchError


@pytest.fixture(autouse=True)
def in_64_bits():
    with jax.enable_x64(True):
        yield


@xg.jit
def energy(x):
    return (x**2).sum()


def of_array(values):
    """A function of a bare array that goes through labels and a compiled function."""
    return energy(xr.DataArray(values, dims=("time", "city"), coords={"city": list("abcd")})).data


VALUES = np.arange(12.0).reshape(3, 4)


def test_under_jit():
    assert jax.jit(of_array)(VALUES) == (VALUES**2).sum()


def test_under_grad():
    np.testing.assert_array_equal(jax.grad(of_array)(VALUES), 2 * VALUES)


def test_under_vmap():
    stack = np.stack([VALUES, VALUES + 1])
    np.testing.assert_array_equal(jax.vmap(of_array)(stack), (stack**2).sum((1, 2)))


def test_under_all_of_them_with_one_trace():
    fresh = xg.jit(lambda x: (x**3).sum())

    def wrapped(v):
        return fresh(xr.DataArray(v, dims=("time", "city"))).data

    result = jax.jit(jax.vmap(jax.grad(wrapped)))(np.stack([VALUES, -VALUES]))
    np.testing.assert_allclose(result, 3 * np.stack([VALUES, VALUES]) ** 2)
    assert fresh.cache_info().traces == 1


def test_raw_tracers_and_labels_of_results():
    double = xg.jit(lambda x: (x * 2).rename("y"))

    def body(values):
        result = double(rain().copy(data=values))
        assert result.name == "y" and result.dims == ("time", "city")
        xr.testing.assert_identical(
            result.city, rain().city.reset_coords("run", drop=True).assign_coords(run=5)
        )
        return xg.jit(lambda a: a + 1)(result.data)

    np.testing.assert_array_equal(jax.jit(body)(VALUES), VALUES * 2 + 1)


def test_our_gradient_inside_a_jax_trace():
    slope = xg.grad(lambda x: (x**3).sum())

    def body(v):
        return slope(xr.DataArray(v, dims=("time", "city"))).data

    np.testing.assert_allclose(jax.jit(body)(VALUES), 3 * VALUES**2)


# ---- to_jax --------------------------------------------------------------------------------------------------------
def model(params, x):
    return {"mean": (params["scale"] * x + params["shift"]).mean("time"), "n": x.sizes["time"]}


def example():
    return {"shift": 1.0, "scale": xr.DataArray(np.ones(4), dims="city")}, rain()


def test_to_jax_takes_and_gives_arrays():
    function = xg.to_jax(model, *example())
    result = function({"shift": 2.0, "scale": np.full(4, 3.0)}, VALUES)
    assert isinstance(result["mean"], jax.Array) and result["n"] == 3
    np.testing.assert_allclose(result["mean"], 3 * VALUES.mean(0) + 2)


def test_to_jax_under_transforms_of_jax():
    function = xg.to_jax(lambda p, x: model(p, x)["mean"].sum(), *example())
    params = {"scale": jnp.full(4, 3.0), "shift": jnp.asarray(2.0)}
    slope = jax.jit(jax.grad(function))(params, VALUES)  # jax hands dicts over with sorted keys
    np.testing.assert_allclose(slope["scale"], VALUES.mean(0))
    np.testing.assert_allclose(slope["shift"], 4.0)
    many = jax.vmap(function, in_axes=(None, 0))(params, np.stack([VALUES, VALUES + 1]))
    np.testing.assert_allclose(many, 3 * VALUES.mean(0).sum() + 8 + np.array([0, 12]))


def test_a_dataset_is_a_dict_of_arrays():
    function = xg.to_jax(lambda d: d * 2, weather())
    given = {"rain": VALUES, "wind": np.ones(4), "bias": 3.0}
    result = function(given)
    assert list(result) == ["rain", "wind", "bias"]
    np.testing.assert_array_equal(result["wind"], 2 * np.ones(4))


def test_other_arguments_than_the_examples():
    function = xg.to_jax(model, *example())
    with pytest.raises(ArgumentError) as error:
        function({"shift": 2.0}, VALUES)
    assert str(error.value) == (
        "the arguments must have the containers of the examples given to xgrad.to_jax:"
        " ({'shift': ·, 'scale': ·}, ·); got ({'shift': ·}, ·)."
    )
    with pytest.raises(SizeMismatchError) as error:
        function({"shift": 2.0, "scale": np.ones(3)}, VALUES)
    assert str(error.value) == (
        "`args[0]['scale']` has shape (3,), and had (4,) in the example given to xgrad.to_jax."
    )


def test_a_trace_of_32_bits_says_what_it_loses():
    add = xg.jit(lambda a: a + np.arange(4.0))
    with jax.enable_x64(False), pytest.warns(PrecisionWarning, match="64-bit types off"):
        assert jax.jit(add)(VALUES).dtype == np.float32
