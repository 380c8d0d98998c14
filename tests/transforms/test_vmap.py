"""``vmap`` and ``vectorize_graph``: against a Python loop with ``xr.concat``; labels, nesting, gradients, mistakes."""

import numpy as np
import pytest
import xarray as xr

import xgrad as xg
from tests.transforms.samples import rain, weather
from xgrad.errors import AlignmentError, ArgumentError, DimensionError, SizeMismatchError


def weights() -> xr.DataArray:
    return xr.DataArray([0.5, 1.5, 2.5, 3.5], dims="city", name="weights")


def looped(fun, dim, *args):
    """What ``vmap`` must give, one step after the other."""
    size = next(a.sizes[dim] for a in args if dim in a.dims)
    labels = next((a[dim].variable for a in args if dim in a.coords), None)
    along = dim if labels is None else xr.IndexVariable(dim, labels)
    steps = []
    for i in range(size):
        step = fun(*[_step(a, dim, i) for a in args])
        steps.append(step)
    return xr.concat(steps, along, coords="minimal", compat="override")


def _step(array, dim, i):
    if dim not in array.dims:
        return array
    kept = [name for name, c in array.coords.items() if dim not in c.dims]
    return array.isel({dim: i}).reset_coords(drop=True).assign_coords({k: array[k] for k in kept})


def cumulate(r):
    return r.cumsum(r.dims[-1]) * r.max()


FUNCTIONS = {
    "reduction": lambda r: (r**2).sum(),
    "running sum": cumulate,
    "sum over the rest": lambda r: r - r.mean(),
    "indexing": lambda r: r[::-1] * r[1],
    "assignment": lambda r: xg.at(r)[{r.dims[0]: 1}].set(r.sum()),
    "joined": lambda r: xr.concat([r, r**2], "part"),
    "padded with itself": lambda r: r.pad({r.dims[0]: (1, 0)}, constant_values=0.0),
    "argmax": lambda r: r.argmax(r.dims[0]),
    "product with itself": lambda r: r * r.rename({r.dims[0]: "other"}).drop_vars("other"),
    "broadcast": lambda r: r.expand_dims(copy=2),
    "constant": lambda r: r * 0 + 7,
    "where": lambda r: xr.where(r > r.mean(), r, 0.0),
    "solve": lambda r: r.copy(
        data=np.linalg.inv(np.eye(r.size) + r.data[:, None] * r.data) @ r.data
    ),
    "gradient": lambda r: xg.grad(lambda r: (np.sin(r) * r.sum()).sum())(r),
    "jacobian": lambda r: xg.jacobian(lambda r: np.sin(r) * r.sum())(r),
}


@pytest.mark.parametrize("dim", ["time", "city"])
@pytest.mark.parametrize("name", FUNCTIONS)
def test_values_are_those_of_a_loop(name, dim):
    fun, r = FUNCTIONS[name], rain().drop_vars(["height", "run"])
    f = xg.vmap(fun, dim)
    found, expected = f(r), looped(xg.jit(fun), dim, r)
    assert found.dims == expected.dims and found.dims[0] == dim
    xr.testing.assert_allclose(found, expected)
    xr.testing.assert_allclose(f.reference(r), expected)
    assert found.dtype == expected.dtype


def test_labels():
    r = rain()
    found = xg.vmap(lambda r: r.mean(), "city")(r)
    assert found.dims == ("city",)
    xr.testing.assert_identical(
        found.coords.to_dataset(), r.isel(time=0, drop=True).coords.to_dataset()
    )
    seen = []
    xg.vmap(lambda r: seen.append((r.dims, set(r.coords), r.name, r.attrs)) or r, "city")(r)
    assert seen == [(("time",), {"time", "run"}, "rain", r.attrs)]


def test_arguments_without_the_dim_are_shared():
    r, w = rain(), weights()
    found = xg.vmap(lambda r, w, k: (r * w).sum() + k, "time")(r, w, 2.0)
    np.testing.assert_allclose(found, (r * w).sum("city") + 2)
    by_name = xg.vmap(lambda r, *, w: (r * w).sum(), "city")(r, w=w)
    np.testing.assert_allclose(by_name, (r * w).sum("time"))


def test_datasets_and_containers():
    w = weather()
    found = xg.vmap(lambda w: w * 2 + w.wind.sum(), "time")(w)
    assert isinstance(found, xr.Dataset)
    assert found.rain.dims == ("time", "city") and found.wind.dims == ("time", "city")
    np.testing.assert_allclose(found.rain, w.rain * 2 + w.wind.sum())
    nested = xg.vmap(lambda p: {"a": (p["r"].sum(), 3), "b": "text"}, "city")({"r": rain()})
    assert nested["b"] == "text"
    np.testing.assert_allclose(nested["a"][0], rain().sum("time"))
    assert list(nested["a"][1]) == [3, 3, 3, 3]


def test_a_result_of_bare_arrays():
    found = xg.vmap(lambda r: r.data * 2, "city")(rain())
    np.testing.assert_allclose(found, rain().values.T * 2)


# ---- nesting -------------------------------------------------------------------------------------------------------
def loss(r, w):
    return (np.sin(r * w) * r.sum()).sum()


@pytest.mark.parametrize("ad", ["symbolic", "jax"])
def test_gradients_of_every_step(ad):
    r, w = rain() / 10, weights()
    f = xg.vmap(xg.grad(loss, 1, ad=ad), "time")
    found = f(r, w)
    expected = looped(xg.grad(loss, 1), "time", r, w)
    assert found.dims == ("time", "city")
    np.testing.assert_allclose(found, expected)


@pytest.mark.parametrize("ad", ["symbolic", "jax"])
def test_gradients_of_a_mapped_function(ad):
    r, w = rain() / 10, weights()
    found = xg.grad(lambda r, w: (xg.vmap(loss, "time")(r, w) ** 2).sum(), (0, 1), ad=ad)(r, w)
    expected = xg.grad(lambda r, w: sum(loss(r.isel(time=i), w) ** 2 for i in range(3)), (0, 1))(
        r, w
    )
    for a, b in zip(found, expected, strict=True):
        np.testing.assert_allclose(a, b)


def test_second_derivatives_through_what_is_batched_alone():
    """A gradient inside is one node, batched; the outer derivatives go through it."""
    r, w = rain() / 10, weights()

    def cost(w):
        return (xg.vmap(xg.grad(loss, 1), "time")(r, w) ** 2).sum()

    def plain(w):
        return sum((xg.grad(loss, 1)(r.isel(time=i), w) ** 2).sum() for i in range(3))

    np.testing.assert_allclose(xg.grad(cost)(w), xg.grad(plain)(w))
    np.testing.assert_allclose(xg.hessian(cost)(w), xg.hessian(plain)(w))
    np.testing.assert_allclose(xg.grad(cost, ad="jax")(w), xg.grad(plain)(w))


def test_maps_nest_and_are_compiled_with_what_is_around():
    r, w = rain(), weights()
    found = xg.jit(xg.vmap(xg.vmap(lambda r, w: r * w + r**2, "city"), "time"))(r, w)
    assert found.dims == ("time", "city")
    np.testing.assert_allclose(found, r * w + r**2)
    outer = xg.jit(lambda r: xg.vmap(lambda x: x / r.sum(), "city")(r).sum())(r)
    np.testing.assert_allclose(outer, 1.0)


def test_a_gradient_mapped_over_two_dims():
    x = xr.DataArray(np.arange(12.0).reshape(2, 2, 3), dims=("a", "b", "c"))
    slope = xg.grad(lambda x: (x**3).sum())
    found = xg.vmap(xg.vmap(slope, "b"), "a")(x)
    assert found.dims == ("a", "b", "c")
    np.testing.assert_allclose(found, 3 * x**2)


def test_the_name_of_the_dim_is_free_inside():
    found = xg.vmap(lambda r: (r.rename(time="city").drop_vars("city") ** 2).sum(), "city")(rain())
    np.testing.assert_allclose(found, (rain() ** 2).sum("time"))


def test_a_mapped_function_is_one_program_without_a_loop():
    f = xg.vmap(lambda r, w: (r * w).sum() + r.max(), "time")
    assert "Batched" not in str(f.stages(rain(), weights()).optimised.nodes)
    assert "while" not in f.stages(rain(), weights()).hlo


# ---- graphs --------------------------------------------------------------------------------------------------------
@pytest.fixture
def x():
    return xg.xtensor("x", dims="time", shape=3)


def test_vectorized_graphs(x):
    w = xg.xtensor("w", dims="city", shape=4)
    out = {"cost": ((x * w) ** 2).sum().rename("cost"), "slope": xg.grad(((x * w) ** 2).sum(), x)}
    xs = xg.xtensor("xs", dims=("time", "chain"), shape=(3, 2), coords={"chain": ["a", "b"]})
    many = xg.vectorize_graph(out, {"x": xs})
    assert many["cost"].dims == ("chain",) and many["slope"].dims == ("chain", "time")
    assert list(many["slope"].chain) == ["a", "b"] and many["cost"].name == "cost"
    values = np.arange(6.0).reshape(3, 2)
    found = xg.function([xs, w], many)(values, weights().values)
    one = xg.function([x, w], out)
    for k in range(2):
        single = one(values[:, k], weights().values)
        np.testing.assert_allclose(found["cost"][k], single["cost"])
        np.testing.assert_allclose(found["slope"][k], single["slope"])


def test_two_inputs_share_a_new_dim_or_have_their_own(x):
    y = xg.xtensor("y", dims="time", shape=3)
    out = xg.grad((x * y).cumsum("time").sum(), x)
    xs = xg.xtensor("xs", dims=("chain", "time"), shape=(2, 3))
    ys = xg.xtensor("ys", dims=("chain", "time"), shape=(2, 3))
    draws = xg.xtensor("draws", dims=("draw", "chain", "time"), shape=(5, 2, 3))
    assert xg.vectorize_graph(out, [(x, xs), (y, ys)]).dims == ("chain", "time")
    both = xg.vectorize_graph(out, {"x": xs, "y": draws})
    assert both.sizes == {"draw": 5, "chain": 2, "time": 3} or both.sizes == {
        "chain": 2,
        "draw": 5,
        "time": 3,
    }
    values = np.random.default_rng(0).normal(size=(5, 2, 3))
    found = xg.function([xs, draws], both)(np.ones((2, 3)), values).transpose(
        "draw", "chain", "time"
    )
    np.testing.assert_allclose(found, values * [3.0, 2.0, 1.0])


# ---- mistakes ------------------------------------------------------------------------------------------------------
def symbols():
    x = xg.xtensor("x", dims="time", shape=3)
    z = xg.xtensor("z", dims="chain", shape=2)
    return x, z, xg.xtensor("xs", dims=("chain", "time"), shape=(4, 3))


def clash():
    x, z, xs = symbols()
    return xg.vectorize_graph(x * z, {"x": xs})


def lacking():
    x, z, _ = symbols()
    return xg.vectorize_graph(x * 2, {"x": z})


def resized():
    x, *_ = symbols()
    return xg.vectorize_graph(x * 2, {"x": xg.xtensor("xs", dims=("n", "time"), shape=(4, 5))})


def unknown():
    x, _, xs = symbols()
    return xg.vectorize_graph(x * 2, {"y": xs})


MISTAKES = {
    "no such dim": (
        DimensionError,
        lambda: xg.vmap(cumulate, "tim")(rain()),
        "vmap of cumulate over 'tim': no argument has that dim; there are ('time', 'city'); did you mean 'time'?",
    ),
    "no labeled argument": (
        DimensionError,
        lambda: xg.vmap(cumulate, "time")(np.ones(3)),
        "vmap of cumulate over 'time': no argument has that dim; there are ().",
    ),
    "sizes": (
        SizeMismatchError,
        lambda: xg.vmap(loss, "city")(rain(), weights()[:2]),
        "vmap over 'city': it has size 4 in argument 0 and 2 in argument 1.",
    ),
    "labels": (
        AlignmentError,
        lambda: xg.vmap(lambda p, w: w, "city")(
            {"r": rain()}, w=weights().assign_coords(city=list("wxyz"))
        ),
        "vmap over 'city': the labels along it differ between argument 0['r'] and w.\n"
        "Align them first: xgrad.align(a, b, join='inner').",
    ),
    "dim in the result": (
        DimensionError,
        lambda: xg.vmap(lambda r: r.rename(time="city"), "city")(rain()),
        "vmap over 'city': a result has a dim of that name already: ('city',).\n"
        "Rename it inside the function, or map over the dim under another name.",
    ),
    "a new dim that is there": (
        DimensionError,
        clash,
        "the new dim 'chain' of `x` (test_vmap.py:LINE) is in the graph already, in `z` (test_vmap.py:LINE).\n"
        "Rename it in the new array first, with .rename.",
    ),
    "a dim that the new array lacks": (
        DimensionError,
        lacking,
        "the new array for `x` (test_vmap.py:LINE) has the dims ('chain',), and lacks 'time'.",
    ),
    "another size": (
        SizeMismatchError,
        resized,
        "the new array for `x` (test_vmap.py:LINE): dim 'time' has size 5, not 3.",
    ),
    "an unknown input": (
        ArgumentError,
        unknown,
        "the graph has the inputs `x`, and none called 'y'.",
    ),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_mistakes(name):
    cls, call, expected = MISTAKES[name]
    with pytest.raises(cls) as error:
        call()
    first = symbols.__code__.co_firstlineno
    text = str(error.value)
    for line in (first + 1, first + 2):
        text = text.replace(f"test_vmap.py:{line}", "test_vmap.py:LINE")
    assert text == expected
