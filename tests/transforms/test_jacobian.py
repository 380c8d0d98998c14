"""``jacobian``, ``hessian``, ``hessian_vector_product``: against JAX on hand-written code and differences; labels."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import xarray as xr

import xgrad as xg
from tests.transforms.samples import rain, weather
from xgrad.errors import (
    AlignmentError,
    ArgumentError,
    DimensionError,
    DisconnectedInputError,
    GradUndefinedError,
    JacobianSizeError,
    SizeMismatchError,
)

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


FUNCTIONS = {"decay": (decay, jax_decay), "mixed": (mixed, jax_mixed)}
ROUTES = pytest.mark.parametrize("ad", ["symbolic", "jax"])
MODES = pytest.mark.parametrize("mode", ["auto", "forward", "reverse"])


def of_jax(transform, function, *arrays):
    with jax.enable_x64(True):
        return transform(function)(*[np.asarray(a) for a in arrays])


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


# ---- pointwise dims ------------------------------------------------------------------------------------------------
@ROUTES
@MODES
@pytest.mark.parametrize("pointwise", ["auto", "time", ["time"], ("time", "k")])
def test_pointwise_is_the_diagonal(pointwise, mode, ad):
    def f(signal, rates):
        return np.exp(-signal * rates) * rates.sum("k")

    x, r = signal(), (rates() * signal() / signal()).transpose("k", "time")
    dims = pointwise
    if pointwise == ("time", "k"):
        f = decay
    dense = xg.jacobian(f, (0, 1))(x, r)
    short = xg.jacobian(f, (0, 1), pointwise=dims, mode=mode, ad=ad)(x, r)
    assert "time_wrt" not in short[0].dims + short[1].dims
    for a, b in zip(short, dense, strict=True):
        shared = [d for d in ("time", "k") if f"{d}_wrt" in b.dims and f"{d}_wrt" not in a.dims]
        eyes = [xr.DataArray(np.eye(b.sizes[d]), dims=(d, f"{d}_wrt")) for d in shared]
        np.testing.assert_allclose(xr.dot(a, *eyes, dim=[]).transpose(*b.dims), b, atol=1e-12)


def test_pointwise_finds_each_block_its_dims():
    w = weather()
    found = xg.jacobian(lambda w: w.rain * w.wind + w.rain.mean("time"), pointwise="auto")(w)
    assert found.rain.dims == ("time", "city", "time_wrt")
    assert found.wind.dims == ("time", "city")


def test_pointwise_hessians():
    def cost(x, r):
        return decay(x, r).sum() + (x**3).mean()

    dense = xg.hessian(cost, (0, 1))(signal(), rates())
    short = xg.hessian(cost, (0, 1), pointwise="auto")(signal(), rates())
    assert short[0][0].dims == ("time",)
    assert short[0][1].dims == ("time", "k")
    assert short[1][1].dims == ("k",)
    np.testing.assert_allclose(np.diag(dense[0][0]), short[0][0])
    np.testing.assert_allclose(np.diag(dense[1][1]), short[1][1])
    np.testing.assert_allclose(dense[0][1], short[0][1])
    np.testing.assert_allclose(
        dense[1][0].transpose("k", "time"), short[1][0].transpose("k", "time")
    )


def test_what_pointwise_saves():
    """On 1,000 steps: less than twice the work of a gradient, and fifty times less than that of all entries."""
    x = xr.DataArray(np.linspace(0.1, 1, 1000), dims="time")

    def model(x):
        return np.exp(-x) * np.sin(3 * x) + x**2 / (1 + x)

    gradient = xg.grad(lambda x: model(x).sum()).stages(x).cost
    short = xg.jacobian(model, pointwise="auto").stages(x).cost
    dense = xg.jacobian(model).stages(x).cost
    assert short.flops < 2 * gradient.flops and short.bytes_accessed < 2 * gradient.bytes_accessed
    assert dense.flops > 50 * short.flops and dense.bytes_accessed > 50 * short.bytes_accessed


# ---- hessians ------------------------------------------------------------------------------------------------------
def energy(x: xr.DataArray) -> xr.DataArray:
    return (np.exp(x) * x.cumsum("time")).sum() * x.mean()


def jax_energy(x):
    return (jnp.exp(x) * jnp.cumsum(x)).sum() * x.mean()


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


# ---- mistakes ------------------------------------------------------------------------------------------------------
def message(cls, call) -> str:
    with pytest.raises(cls) as error:
        call()
    return str(error.value)


def here(line: int) -> str:
    return f"test_jacobian.py:{line}"


def mixing(x):
    return x.cumsum("time") * 2


LINE = mixing.__code__.co_firstlineno + 1


def test_a_mixing_dim_is_refused_with_its_op():
    assert message(DimensionError, lambda: xg.jacobian(mixing, pointwise="time")(signal())) == (
        "the Jacobian of `result` by `x` is not pointwise along 'time':"
        f" XCumReduce sum(time) mixes its entries ({here(LINE)}).\n"
        "Take 'time' out of pointwise, or let pointwise='auto' find the dims."
    )

    def curved(x):
        return (mixing(x) ** 2).sum()

    assert message(DimensionError, lambda: xg.hessian(curved, pointwise="time")(signal())) == (
        "the Hessian by `x` and `x` is not pointwise along 'time':"
        f" XCumReduce sum(time) mixes its entries ({here(LINE)}).\n"
        "Take 'time' out of pointwise, or let pointwise='auto' find the dims."
    )

    def renamed(x):
        return x.rename(time="t") ** 2

    assert message(DimensionError, lambda: xg.jacobian(renamed, pointwise="time")(signal())) == (
        "the Jacobian of `result` by `x` is not pointwise along 'time': in the result its entries lie along 't'.\n"
        "Take 'time' out of pointwise, or let pointwise='auto' find the dims."
    )


MISTAKES = {
    "unknown dim": (
        DimensionError,
        lambda: xg.jacobian(mixing, pointwise="tim")(signal()),
        "pointwise names the dim 'tim'; the inputs have the dims ('time',); did you mean 'time'?",
    ),
    "disconnected": (
        DisconnectedInputError,
        lambda: xg.jacobian(lambda x, y: x**2, 1)(signal(), rates()),
        "the result does not depend on the values of `y`: it is not used.\n"
        "Differentiate with respect to something that the result uses,"
        ' or pass disconnected_inputs="ignore" for zeros.',
    ),
    "mode": (
        ArgumentError,
        lambda: xg.jacobian(mixing, mode="forwards"),
        "mode must be one of 'auto', 'forward', 'reverse'; got 'forwards'; did you mean 'forward'?",
    ),
    "chunk": (
        ArgumentError,
        lambda: xg.jacobian(mixing, chunk=0),
        "chunk must be 'auto', None or a positive int; got 0.",
    ),
    "suffix": (
        ArgumentError,
        lambda: xg.hessian(mixing, suffix=""),
        "suffix must not be empty: it tells the dims of the input from the output's.",
    ),
    "ad": (
        ArgumentError,
        lambda: xg.jacobian(mixing, ad="torch"),
        "ad must be one of 'auto', 'symbolic', 'jax'; got 'torch'.",
    ),
    "constant": (
        ArgumentError,
        lambda: xg.jacobian(lambda x: (x, "text"))(signal()),
        "`result[1]` is a constant; return only what depends on the arguments.",
    ),
    "no direction": (
        ArgumentError,
        lambda: xg.hessian_vector_product(energy)(signal()),
        "the Hessian product of energy takes its arguments and then the direction, by position;"
        " it was called with 1 positional arguments.",
    ),
    "directions": (
        ArgumentError,
        lambda: xg.hessian_vector_product(decay, (0, 1))(signal(), rates(), signal()),
        "the directions must be a tuple with one for each of the 2 arguments in argnums.",
    ),
    "dims of the direction": (
        DimensionError,
        lambda: xg.hessian_vector_product(energy)(signal(), rates()),
        "the directions of `x` have the dims ('k',); `x` has ('time',).",
    ),
    "size of the direction": (
        SizeMismatchError,
        lambda: xg.hessian_vector_product(energy)(signal(), signal()[:2]),
        "the directions of `x` have size 2 along 'time'; `x` has 5.",
    ),
    "labels of the direction": (
        AlignmentError,
        lambda: xg.hessian_vector_product(energy)(signal(), signal().assign_coords(time=range(N))),
        "the directions of `x` have other labels along 'time' than `x`.\n"
        "Align them first: values.reindex_like(array).",
    ),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_mistakes(name):
    cls, call, expected = MISTAKES[name]
    assert message(cls, call) == expected


def test_a_jacobian_that_is_too_large():
    with xg.options(jacobian_bytes=100):
        assert message(JacobianSizeError, lambda: xg.jacobian(mixing)(signal())) == (
            "the Jacobian of float64(time: 5) by float64(time: 5) would take 0.0 GiB; the limit is 0.0 GiB.\n"
            "Name the dims that do not mix (pointwise='auto'), use products with it (xgrad.pushforward, xgrad.pullback,"
            " xgrad.hessian_vector_product), or raise the limit: xgrad.options(jacobian_bytes=...)."
        )
        assert xg.jacobian(lambda x: x**2, pointwise="auto")(signal()).dims == ("time",)


def test_undefined_derivatives_are_refused():
    def picked(x, n):
        return x.isel(time=n) ** 2

    n = xr.DataArray([0, 1], dims="p")
    with pytest.raises(DisconnectedInputError, match="does not depend on the values of `n`"):
        xg.jacobian(picked, 1)(signal().drop_vars("time"), n)
    with pytest.raises(GradUndefinedError, match="with respect to `n` is undefined"):
        xg.jacobian(lambda x, n: xg.undefined_grad(n) * x, 1)(signal(), n.rename(p="time")[0])
