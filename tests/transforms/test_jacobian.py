"""``jacobian``: against JAX on hand-written code and differences; labels, containers, symbols."""

from typing import NamedTuple

import jax
import numpy as np
import pytest
import xarray as xr

import xgrad as xg
from tests.transforms.jacobians import (
    MODES,
    ROUTES,
    N,
    decay,
    energy,
    jax_decay,
    jax_energy,
    jax_mixed,
    mixed,
    of_jax,
    rates,
    signal,
)
from tests.transforms.samples import rain, weather

FUNCTIONS = {"decay": (decay, jax_decay), "mixed": (mixed, jax_mixed)}


@ROUTES
@MODES
@pytest.mark.parametrize("name", FUNCTIONS)
def test_values_are_those_of_jax(name, mode, ad):
    ours, theirs = FUNCTIONS[name]
    f = xg.jacobian(ours, (0, 1), mode=mode, ad=ad)
    found = f(signal(), rates())
    expected = of_jax(lambda g: jax.jacfwd(g, (0, 1)), theirs, signal(), rates())
    for a, b in zip(found, expected, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-12)
    if ad == "jax":
        return
    for a, b in zip(f.reference(signal(), rates()), expected, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-12)


@MODES
@pytest.mark.parametrize("chunk", [None, 2, 3, 100])
def test_chunks_give_the_same(mode, chunk):
    expected = xg.jacobian(mixed)(signal(), rates())
    found = xg.jacobian(mixed, mode=mode, chunk=chunk)(signal(), rates())
    xr.testing.assert_allclose(found, expected)
    xr.testing.assert_identical(found.coords.to_dataset(), expected.coords.to_dataset())


def test_values_are_the_limit_of_differences():
    x, step = signal(), 1e-6
    found = xg.jacobian(mixed)(x, rates())
    for i in range(N):
        shift = xr.where(np.arange(N) == i, step, 0.0)
        high, low = (
            mixed(x.copy(data=x.values + shift), rates()),
            mixed(x.copy(data=x.values - shift), rates()),
        )
        np.testing.assert_allclose(found[:, i], (high - low) / (2 * step), rtol=1e-7, atol=1e-8)


# ---- labels --------------------------------------------------------------------------------------------------------
def test_labels_of_both_sides():
    r = rain()
    found = xg.jacobian(lambda r: (r**2).sum("city").rename("total"))(r)
    assert found.name == "d(total)/d(rain)"
    assert found.dims == ("time", "time_wrt", "city")
    assert found.attrs == {}
    xr.testing.assert_identical(found.time.drop_vars("run"), r.time.drop_vars("run"))
    np.testing.assert_array_equal(found.time_wrt, r.time)
    assert found.height.dims == ("city",) and found.run == 5
    assert found.indexes["time_wrt"].equals(r.indexes["time"])


def test_coords_along_a_clashing_dim_go_with_it():
    found = xg.jacobian(lambda r: r.mean("time") ** 2)(rain())
    assert found.dims == ("city", "time", "city_wrt")
    assert found.height.dims == ("city",)
    assert found.height_wrt.dims == ("city_wrt",)
    np.testing.assert_array_equal(found.height_wrt, rain().height)


def test_the_suffix_is_chosen_and_repeated_where_it_must_be():
    found = xg.jacobian(lambda x: x**2, suffix="_in")(signal())
    assert found.dims == ("time", "time_in")
    third = xg.jacobian(xg.hessian(lambda x: (x**4).sum()))(signal())
    assert third.dims == ("time", "time_wrt", "time_wrt_wrt")
    np.testing.assert_array_equal(third.time_wrt_wrt, signal().time)
    expected = of_jax(lambda g: jax.jacfwd(jax.hessian(g)), lambda x: (x**4).sum(), signal())
    np.testing.assert_allclose(third, expected, atol=1e-12)


def test_a_dim_of_the_input_that_is_a_coord_of_the_output():
    found = xg.jacobian(lambda x: x.isel(time=2) ** 2)(signal())
    assert found.dims == ("time_wrt",) and found.time == 20
    np.testing.assert_array_equal(found.time_wrt, signal().time)


def test_a_multiindex_is_kept():
    x = xr.DataArray(np.arange(4.0), dims="z")
    x = x.assign_coords(xr.Coordinates.from_pandas_multiindex(_pairs(), "z"))
    found = xg.jacobian(lambda x: x**2)(x)
    assert found.dims == ("z", "z_wrt")
    assert list(found.indexes["z_wrt"]) == list(_pairs())


def _pairs():
    return rain().isel(city=slice(2), time=slice(2)).stack(z=("city", "time")).indexes["z"]


def test_arrays_and_numbers_without_labels():
    x = np.array([1.0, 2.0])
    found = xg.jacobian(lambda x: x[:, None] * x)(x)
    assert isinstance(found, np.ndarray) and found.shape == (2, 2, 2)
    assert xg.jacobian(lambda a: a**3)(2.0) == 12.0
    named = xg.jacobian(lambda a: a * signal())(2.0)
    xr.testing.assert_identical(named.drop_vars("time"), signal().rename(None).drop_vars("time"))
    mixed_sides = xg.jacobian(lambda s: s.data * np.ones((2, 1)))(signal())
    assert mixed_sides.dims == ("dim_0", "dim_1", "time")


def test_dtypes_are_those_of_gradients():
    x = signal().astype("float32")
    assert xg.jacobian(lambda x: x.astype(float) ** 2)(x).dtype == np.float32
    whole = xr.DataArray([1, 2], dims="x")
    found = xg.jacobian(lambda n: n * 0.5)(whole)
    assert found.dtype == np.float64
    np.testing.assert_array_equal(found, 0.5 * np.eye(2))


# ---- containers ----------------------------------------------------------------------------------------------------
def test_a_dataset_gives_a_dataset_of_blocks():
    w = weather()
    by_one = xg.jacobian(lambda w: w.rain * w.wind)(w)
    assert isinstance(by_one, xr.Dataset) and list(by_one.data_vars) == ["rain", "wind", "bias"]
    assert by_one.wind.dims == ("time", "city", "city_wrt")
    assert by_one.bias.dims == ("time", "city") and (by_one.bias == 0).all()
    of_two = xg.jacobian(lambda r: xr.Dataset({"a": r**2, "b": r.sum()}))(rain())
    assert of_two.a.dims == ("time", "city", "time_wrt", "city_wrt")
    assert of_two.b.dims == ("time_wrt", "city_wrt") and (of_two.b == 1).all()
    both = xg.jacobian(lambda w: w**2)(w)
    assert both["rain_wrt_wind"].dims == ("time", "city", "city_wrt")
    np.testing.assert_array_equal(both["bias_wrt_bias"], 2 * w.bias)


class Params(NamedTuple):
    rate: xr.DataArray
    level: float


def test_containers_nest():
    def f(p: Params, x):
        return {"y": p.rate * x + p.level, "z": [p.level**2]}

    out = xg.jacobian(f, (0, 1))(Params(rates(), 3.0), signal())
    by_params, by_signal = out["y"]
    assert isinstance(by_params, Params)
    assert by_params.rate.dims == ("k", "time", "k_wrt")
    assert by_params.level.dims == ("k", "time")
    assert by_signal.dims == ("k", "time", "time_wrt")
    assert out["z"][0][0].level == 6.0
    np.testing.assert_array_equal(out["z"][0][0].rate, np.zeros(3))


# ---- nesting -------------------------------------------------------------------------------------------------------
def test_inside_of_compiled_functions_and_gradients():
    def norm(x):
        return (xg.jacobian(lambda x: x**3)(x) ** 2).sum()

    found = xg.jit(xg.grad(norm))(signal())
    np.testing.assert_allclose(found, 36 * signal() ** 3)
    twice = xg.jit(lambda x: xg.jacobian(xg.jacobian(lambda x: x**3))(x))(signal())
    expected = of_jax(lambda g: jax.jacfwd(jax.jacfwd(g)), lambda x: x**3, signal())
    np.testing.assert_allclose(twice, expected, atol=1e-12)


@ROUTES
def test_newton_step_inside_a_gradient(ad):
    def newton(x, r):
        h = xg.hessian(lambda x: ((x - r) ** 4).sum(), ad=ad)(x)
        return (h.sum("time_wrt") * x).sum()

    found = xg.grad(newton, ad=ad)(signal(), 0.5)
    x = signal().values
    np.testing.assert_allclose(found, 24 * (x - 0.5) * x + 12 * (x - 0.5) ** 2, rtol=1e-12)


# ---- symbols -------------------------------------------------------------------------------------------------------
def test_of_symbols():
    x = xg.xtensor("x", dims="time", coords={"time": np.arange(N)})
    r = xg.xtensor("r", dims="k", shape=3)
    y = (x * r).sum("k").rename("y")
    j = xg.jacobian(y, x)
    assert j.dims == ("time", "time_wrt") and j.name == "d(y)/d(x)"
    np.testing.assert_array_equal(j.time_wrt, np.arange(N))
    by_both = xg.jacobian(y, [x, r], pointwise="time")
    assert isinstance(by_both, list) and [b.dims for b in by_both] == [("time",), ("time", "k")]
    f = xg.function([x, r], [j, *by_both])
    dense, short, by_r = f(signal().values, rates().values)
    np.testing.assert_allclose(dense, rates().values.sum() * np.eye(N))
    np.testing.assert_allclose(short, np.full(N, rates().values.sum()))
    np.testing.assert_allclose(by_r, np.broadcast_to(signal().values[:, None], (N, 3)))


def test_hessians_of_symbols():
    x = xg.xtensor("x", dims="time", shape=N)
    p = xg.xtensor("p", dims="time", shape=N)
    cost = energy(x)
    f = xg.function([x, p], [xg.hessian(cost, x), xg.hessian_vector_product(cost, x, p)])
    h, hp = f(signal().values, np.arange(float(N)))
    np.testing.assert_allclose(h, of_jax(jax.hessian, jax_energy, signal()), rtol=1e-11)
    np.testing.assert_allclose(hp, h.values @ np.arange(N), rtol=1e-11)


def test_a_transposed_symbol():
    x = xg.xtensor("x", dims=("a", "b"), shape=(2, 3))
    j = xg.jacobian((x**2).sum("a"), x.T)
    assert j.dims == ("b", "b_wrt", "a")


# ---- what is shown -------------------------------------------------------------------------------------------------
def test_the_mode_and_chunks_are_shown():
    text = str(xg.jacobian(decay, chunk=2).stages(signal(), rates()))
    assert (
        f"XBatched(unit: {N}, 2 at a time)  Jacobian by `signal` (forward: 5 forward, 15 reverse)"
        in text
    )
    text = str(xg.jacobian(lambda x, r: decay(x, r).sum("time"), 0).stages(signal(), rates()))
    assert "Jacobian of an array (reverse: 5 forward, 3 reverse)" in text


def test_chunks_are_chosen_by_memory(monkeypatch):
    monkeypatch.setattr("xgrad.gradient.jacobian.CHUNK_BYTES", 300)
    text = str(xg.jacobian(lambda x: x**2).stages(signal()))
    assert f"XBatched(unit: {N}, 3 at a time)" in text
