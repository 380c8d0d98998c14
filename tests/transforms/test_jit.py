"""``xgrad.jit``: what goes in and comes out. The oracle is the same function, run eagerly by xarray."""

import dataclasses
import pickle
from typing import NamedTuple

import jax
import numpy as np
import pytest
import xarray as xr

import xgrad as xg
from tests.transforms.samples import rain, same, weather

identical = xr.testing.assert_identical


def in_jax(x: xr.DataArray) -> xr.DataArray:
    with jax.enable_x64(True):
        return x.copy(data=jax.device_put(x.values))


BODIES = {
    "arithmetic": lambda x: (2 * x - x.mean("time")) / 3,
    "reduce": lambda x: x.sum(),
    "select": lambda x: x.sel(city=["a", "c"]).isel(time=slice(1, None)),
    "coord": lambda x: x * x.height,
    "rename": lambda x: x.rename("y").rename(city="place"),
    "new coord": lambda x: x.assign_coords(double=("city", [2, 4, 6, 8])) + 1,
    "traced coord": lambda x: x.assign_coords(mean=("city", x.mean("time").data)),
    "transpose": lambda x: x.transpose("city", ...) + 1,
    "drop": lambda x: x.drop_vars("city") * 2,
    "dataset": lambda x: x.to_dataset() + 1,
    "to array": lambda x: xr.Dataset({"p": x, "q": x + 1}).to_array("what"),
    "numpy": lambda x: np.exp(x),
    "attrs": lambda x: (x + 1).assign_attrs(history="plus one"),
    "index": lambda x: x.city,
    "concrete coord": lambda x: x.height,
    "identity": lambda x: x,
    "stack": lambda x: (x + 0).stack(place=("time", "city")),
    "int": lambda x: x.argmax("city"),
    "bool": lambda x: x > 3,
}


@pytest.mark.parametrize("name", BODIES)
def test_results_are_those_of_xarray(name):
    compiled = xg.jit(BODIES[name])
    for _ in range(2):  # from the trace, and from the cache
        result, expected = compiled(rain()), BODIES[name](rain())
        if isinstance(expected, xr.Dataset):
            identical(result, expected)
        else:
            same(result, expected)


def test_a_dataset_is_mapped_like_in_xarray():

    def body(d):
        return d * 2 + d.mean("time")

    identical(xg.jit(body)(weather()), body(weather()))


def test_a_datatree_goes_in_and_out():
    tree = xr.DataTree.from_dict({"/": weather(), "/low": weather() - 1}, name="root")

    def double(t):
        return t.map_over_datasets(lambda d: d * 2)

    identical(xg.jit(double)(tree), double(tree))


def test_a_variable_goes_in_and_out():
    variable = rain().variable
    identical(xg.jit(lambda v: v * 2)(variable), variable * 2)


def test_a_multiindex_survives():
    stacked = rain().drop_vars("height").stack(place=("time", "city"))
    identical(xg.jit(lambda x: (x * 2).unstack("place"))(stacked), (stacked * 2).unstack("place"))


@dataclasses.dataclass
class Params:
    weight: xr.DataArray
    rate: float
    label: str = "p"


class Pair(NamedTuple):
    left: xr.DataArray
    right: float


def test_containers_go_in_and_out():
    x = rain()

    def body(p, pair, many):
        return {"p": Params(p.weight * p.rate, p.rate), "pair": Pair(pair.left + 1, pair.right)}, [
            *many
        ]

    result, many = xg.jit(body)(Params(x, 2.0), Pair(x, 1.0), (x, {"deep": x}))
    identical(result["p"].weight, x * 2)
    identical(result["pair"].left, x + 1)
    identical(many[1]["deep"], x)
    assert (type(result["p"]), type(result["pair"]), type(many)) == (Params, Pair, list)
    assert (result["p"].label, result["p"].rate, result["pair"].right) == ("p", 2.0, 1.0)


def test_what_is_not_traced_comes_out_as_it_is():
    value = xg.jit(lambda x: (None, True, "s", x.sizes["time"], x.time.values))(rain())
    assert value[:4] == (None, True, "s", 3)
    np.testing.assert_array_equal(value[4], rain().time.values)


def test_arrays_have_no_labels():
    a = np.arange(6, dtype="float32").reshape(2, 3)
    result = xg.jit(lambda a: a.T @ a + a.sum(axis=0))(a)
    np.testing.assert_allclose(result, a.T @ a + a.sum(axis=0))
    assert type(result) is np.ndarray and result.dtype == np.float32


@pytest.mark.parametrize("number", [3, 2.5, 1 + 2j, np.float32(1.5), np.int8(3), np.bool_(True)])
def test_numbers_promote_as_in_numpy(number):
    x = rain().astype("float32")
    identical(xg.jit(lambda x, n: x * n)(x, number), x * number)
    assert xg.jit(lambda n: n * 2)(number) == number * 2


def test_keyword_arguments_and_defaults():
    def body(x, y=2.0, *, z):
        return x * y + z

    compiled = xg.jit(body)
    x = rain()
    identical(compiled(x, z=1.0), body(x, z=1.0))
    identical(compiled(z=1.0, y=x, x=x), body(x, x, z=1.0))
    assert compiled.__name__ == "body" and compiled.__wrapped__ is body


# ---- where results live --------------------------------------------------------------------------------------------
def test_numpy_in_numpy_out_and_writable():
    x = rain()
    result = xg.jit(lambda x: x)(x)
    assert type(result.variable._data) is np.ndarray
    result[...] = 0
    identical(x, rain())


def test_jax_in_jax_out():
    result = xg.jit(lambda x: x * 2)(in_jax(rain()))
    assert isinstance(result.data, jax.Array)
    assert result.dtype == np.float64
    identical(result.copy(data=np.asarray(result.data)), rain() * 2)


def test_one_jax_array_among_the_arguments_is_enough():
    assert isinstance(xg.jit(lambda x, y: y + 1)(in_jax(rain()), rain()).data, jax.Array)


def test_a_result_can_be_changed_without_harm():
    compiled = xg.jit(lambda x: x * 2)
    result = compiled(rain())
    result.attrs["units"] = "inch"
    result.city.attrs["long_name"] = "changed"
    result.time.attrs["new"] = 1
    result.time.encoding["units"] = "days since 2000"
    result.height.values[...] = 0
    del result.coords["run"]
    identical(compiled(rain()), rain() * 2)
    assert compiled(rain()).time.encoding == {}


def test_float64_without_touching_the_flag_of_jax():
    assert xg.jit(lambda x: x * 2)(rain()).dtype == np.float64
    assert jax.numpy.ones(1).dtype == np.float32


def test_lazy_data_and_foreign_byte_order():
    big = rain().astype(">f8")
    compiled = xg.jit(lambda x: x * 2)
    for _ in range(2):
        identical(compiled(big), rain() * 2)
    assert compiled.cache_info().traces == 1
    number = rain().drop_vars("time").assign_coords(time=[1, 2, 3]).time
    identical(xg.jit(lambda t: t * 2)(number), number * 2)


# ---- static arguments ----------------------------------------------------------------------------------------------
def test_constants_are_static_by_themselves():

    def body(x, how):
        return getattr(x, how)("time")

    compiled = xg.jit(body)
    for how in ("mean", "sum", "mean"):
        identical(compiled(rain(), how), body(rain(), how))
    assert compiled.cache_info()[:3] == (2, 2, 1)


@pytest.mark.parametrize("static", [{"static_argnums": 1}, {"static_argnames": "n"}])
def test_a_number_can_be_made_static(static):

    def body(x, n):
        return sum(x * i for i in range(n))

    compiled = xg.jit(body, **static)
    identical(compiled(rain(), 3), body(rain(), 3))
    identical(compiled(rain(), n=3), body(rain(), 3))


def test_true_and_one_are_different():
    compiled = xg.jit(lambda x, flag: x * 2 if flag is True else x, static_argnames="flag")
    identical(compiled(rain(), 1), rain())
    identical(compiled(rain(), True), rain() * 2)


# ---- as functions are used -----------------------------------------------------------------------------------------
class Model:
    def __init__(self, factor):
        self.factor = factor

    @xg.jit
    def predict(self, x):
        return x * self.factor

    @xg.jit(static_argnames="n")
    def repeat(self, x, n):
        return sum(x for _ in range(n))


def test_methods():
    one, two = Model(2.0), Model(3.0)
    for _ in range(2):
        identical(one.predict(rain()), rain() * 2)
        identical(two.predict(rain()), rain() * 3)
    assert Model.predict.cache_info().traces == 2
    identical(one.repeat(rain(), n=2), rain() + rain())
    assert "Multiply" in str(one.predict.stages(rain()))


@dataclasses.dataclass
class Linear:
    slope: xr.DataArray
    offset: float

    @xg.jit
    def __call__(self, x):
        return self.slope * x + self.offset


def test_the_object_of_a_method_may_be_a_container_of_arrays():
    slope = xr.DataArray([1.0, 2.0], dims="k")
    for offset in (1.0, 2.0):
        identical(Linear(slope, offset)(3.0), slope * 3.0 + offset)
    assert Linear.__call__.cache_info().traces == 1


@xg.jit
def at_module_level(x):
    return x + 1


def test_pickled_by_reference():
    assert pickle.loads(pickle.dumps(at_module_level)) is at_module_level
    wrapped = pickle.loads(pickle.dumps(xg.jit(np.sin, ad="jax")))
    assert wrapped.fun is np.sin and wrapped.compile_options["ad"] == "jax"


def test_nested_compiled_functions_are_inlined():
    inner = xg.jit(lambda x: x * 2)
    outer = xg.jit(lambda x: inner(x) + inner(x.mean("time")))
    identical(outer(rain()), rain() * 2 + rain().mean("time") * 2)
    assert inner.cache_info().traces == 0


@pytest.mark.filterwarnings("ignore::xgrad.errors.LabelsDroppedWarning")  # it is what they are for
def test_captured_arrays_join_with_their_labels():
    weight = xr.DataArray([1.0, 2.0], dims="city", coords={"city": ["c", "a"]})
    noise = np.arange(4.0)

    def body(x):
        return x * weight + (x * noise).sum("time")

    identical(xg.jit(body)(rain()), body(rain()))


def test_the_reference_interpreter_has_labels_too():

    def body(x):
        return x.mean("time") * 2

    identical(xg.jit(body).reference(rain()), body(rain()))


def test_a_device_can_be_named():
    identical(xg.jit(lambda x: x * 2, device="cpu")(rain()), rain() * 2)
    identical(xg.jit(lambda x: x * 2, device=jax.devices()[0])(rain()), rain() * 2)


def test_donated_memory_may_be_taken():
    x = in_jax(rain())
    result = xg.jit(lambda x, y: x + y, donate_argnums=0)(x, rain())
    identical(result.copy(data=np.asarray(result.data)), rain() + rain())
    assert x.data.is_deleted()


def test_compiling_twice_keeps_the_options_of_each():
    inner = xg.jit(lambda x, n: x * n, static_argnames="n")
    outer = xg.jit(inner, ad="jax")
    assert outer.fun is inner
    assert (inner.compile_options["static_argnames"], outer.compile_options["ad"]) == ("n", "jax")
    identical(outer(rain(), 2), rain() * 2)


def test_methods_in_a_trace_are_inlined():
    model = Model(2.0)
    identical(xg.jit(lambda x: model.predict(x) + 1)(rain()), rain() * 2 + 1)
    symbol = xg.xtensor("x", dims="city", shape=4)
    assert xg.is_traced(model.predict(symbol))
