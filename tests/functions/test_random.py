"""``xg.random``: the numbers of JAX bit for bit, labels, gradients along the path, keys everywhere, keys used twice."""

import warnings

import jax
import numpy as np
import pytest
import xarray as xr

import xgrad as xg
from xgrad.errors import (
    ArgumentError,
    DimensionError,
    GradUndefinedError,
    KeyReuseWarning,
    SizeMismatchError,
)

KEY, JAX_KEY = xg.random.key(3), jax.random.key(3)
SHAPE = (4, 3)
SIZES = dict(zip(("time", "city"), SHAPE, strict=True))
A = xr.DataArray([0.5, 1.0, 3.0], {"city": ["a", "b", "c"]}, "city")
B = xr.DataArray([2.0, 1.5, 0.7], {"city": ["a", "b", "c"]}, "city")


def words(keys) -> np.ndarray:
    return np.asarray(jax.random.key_data(keys))


# name: parameters by name, and what JAX draws
SAME = {
    "normal": ({}, lambda r, k: r.normal(k, SHAPE)),
    "uniform": ({}, lambda r, k: r.uniform(k, SHAPE)),
    "cauchy": ({}, lambda r, k: r.cauchy(k, SHAPE)),
    "gumbel": ({}, lambda r, k: r.gumbel(k, SHAPE)),
    "laplace": ({}, lambda r, k: r.laplace(k, SHAPE)),
    "logistic": ({}, lambda r, k: r.logistic(k, SHAPE)),
    "exponential": ({}, lambda r, k: r.exponential(k, SHAPE)),
    "maxwell": ({}, lambda r, k: r.maxwell(k, SHAPE)),
    "rademacher": ({}, lambda r, k: r.rademacher(k, SHAPE)),
    "bits": ({}, lambda r, k: r.bits(k, SHAPE)),
    "t": ({"df": A}, lambda r, k: r.t(k, A.values, SHAPE)),
    "truncated_normal": (
        {"lower": -A, "upper": B},
        lambda r, k: r.truncated_normal(k, -A.values, B.values, SHAPE),
    ),
    "generalized_normal": ({"p": 1.5}, lambda r, k: r.generalized_normal(k, 1.5, SHAPE)),
    "gamma": ({"a": A}, lambda r, k: r.gamma(k, A.values, SHAPE)),
    "loggamma": ({"a": A}, lambda r, k: r.loggamma(k, A.values, SHAPE)),
    "chisquare": ({"df": A}, lambda r, k: r.chisquare(k, A.values, SHAPE)),
    "beta": ({"a": A, "b": B}, lambda r, k: r.beta(k, A.values, B.values, SHAPE)),
    "f": (
        {"dfnum": A, "dfden": B},  # of which JAX wants the full shape
        lambda r, k: r.f(k, *[np.broadcast_to(x, SHAPE) for x in (A, B)], SHAPE),
    ),
    "lognormal": ({"sigma": A}, lambda r, k: r.lognormal(k, A.values, SHAPE)),
    "pareto": ({"b": A}, lambda r, k: r.pareto(k, A.values, SHAPE)),
    "rayleigh": ({"scale": A}, lambda r, k: r.rayleigh(k, A.values, SHAPE)),
    "double_sided_maxwell": ({}, lambda r, k: r.double_sided_maxwell(k, 0.0, 1.0, SHAPE)),
    "weibull_min": (
        {"scale": A, "concentration": B},
        lambda r, k: r.weibull_min(k, A.values, B.values, SHAPE),
    ),
    "wald": ({"mean": A}, lambda r, k: r.wald(k, A.values, SHAPE)),
    "triangular": (
        {"left": -A, "mode": 0.0, "right": B},
        lambda r, k: r.triangular(k, -A.values, 0.0, B.values, SHAPE),
    ),
    "bernoulli": ({"p": A / 4}, lambda r, k: r.bernoulli(k, A.values / 4, SHAPE)),
    "binomial": ({"n": 10, "p": A / 4}, lambda r, k: r.binomial(k, 10, A.values / 4, SHAPE)),
    "geometric": ({"p": A / 4}, lambda r, k: r.geometric(k, A.values / 4, SHAPE)),
    "poisson": ({"lam": A}, lambda r, k: r.poisson(k, A.values, SHAPE)),
    "randint": ({"minval": 3, "maxval": 10}, lambda r, k: r.randint(k, SHAPE, 3, 10)),
}


QUICK = "normal uniform t truncated_normal bits rayleigh triangular bernoulli randint double_sided_maxwell".split()


def drawn(names) -> tuple[dict, dict]:
    """What we draw and what JAX does, each in one program."""

    def ours(key):
        keys = {name: key + np.uint32(0) for name in names}  # the same for all, on purpose
        return {
            name: getattr(xg.random, name)(keys[name], SIZES, **SAME[name][0]) for name in names
        }

    with jax.enable_x64(True):
        theirs = jax.jit(lambda k: {name: SAME[name][1](jax.random, k) for name in names})
        return xg.jit(ours)(KEY), {n: np.asarray(v) for n, v in theirs(JAX_KEY).items()}


@pytest.mark.parametrize(
    "names", [QUICK, pytest.param(list(SAME), marks=pytest.mark.slow)], ids=["some", "all"]
)
def test_the_numbers_are_those_of_jax(names):
    ours, theirs = drawn(names)
    for name in names:
        assert ours[name].dims == ("time", "city")
        # JAX's F divides constants while compiling, which rounds in another order
        rtol = 1e-15 if name == "f" else 0
        np.testing.assert_allclose(ours[name].values, theirs[name], rtol=rtol, err_msg=name)


def test_the_numbers_are_the_same_at_once():
    for name in ("normal", "poisson"):
        draw = getattr(xg.random, name)
        compiled = xg.jit(lambda key, name=name, draw=draw: draw(key, SIZES, **SAME[name][0]))
        np.testing.assert_array_equal(draw(KEY, SIZES, **SAME[name][0]), compiled(KEY))


def test_all_distributions_of_jax_are_there():
    not_draws = {
        "PRNGKey",
        "clone",
        "key_data",
        "key_dtype",
        "key_impl",
        "wrap_key_data",
        "random_gamma_p",
    }
    names = {n for n in dir(jax.random) if not n.startswith("_")} - not_draws
    assert {n for n in names if not hasattr(xg.random, n)} == set()


def test_location_and_scale_by_name():
    z = jax.jit(lambda k: jax.random.normal(k, SHAPE, float))
    with jax.enable_x64(True):
        expected = 10 + A.values * np.asarray(z(JAX_KEY))
    found = xg.random.normal(KEY, {"time": 4}, loc=10, scale=A)
    assert found.dims == ("time", "city")
    np.testing.assert_allclose(found, expected, rtol=1e-15)
    low = xg.random.uniform(KEY, {"time": 4}, low=-1, high=A)
    assert bool(((low > -1) & (low < A)).all())


def test_dims_coords_and_dtypes():
    found = xg.random.normal(KEY, {"n": 2}, loc=A, coords={"day": [5, 6, 7]})
    assert found.dims == ("n", "day", "city")
    assert found.day.values.tolist() == [5, 6, 7]
    xr.testing.assert_identical(found.city, A.city)
    assert xg.random.normal(KEY).shape == ()
    assert xg.random.normal(KEY, loc=A.astype("float32")).dtype == np.float32
    assert xg.random.normal(KEY, loc=A.astype(int)).dtype == np.float64
    assert xg.random.gamma(KEY, None, A, dtype="float32").dtype == np.float32
    assert xg.random.poisson(KEY, None, A, dtype="int32").dtype == np.int32
    assert xg.random.bernoulli(KEY, {"x": 2}).dtype == bool


def test_single_precision_is_that_of_jax():
    found = xg.random.normal(KEY, SIZES, dtype="float32")
    np.testing.assert_array_equal(found, jax.random.normal(JAX_KEY, SHAPE, np.float32))


# ---- keys ----------------------------------------------------------------------------------------------------------
def test_keys_are_those_of_jax():
    np.testing.assert_array_equal(KEY, words(JAX_KEY))
    np.testing.assert_array_equal(xg.random.split(KEY), words(jax.random.split(JAX_KEY)))
    two = xg.random.split(KEY, {"chain": 2, "draw": 3})
    assert two.dims == ("chain", "draw", "key_data")
    np.testing.assert_array_equal(two, words(jax.random.split(JAX_KEY, (2, 3))))
    folded = xg.random.fold_in(two, xr.DataArray([7, 8], dims="step"))
    assert folded.dims == ("chain", "draw", "step", "key_data")
    one = jax.random.fold_in(jax.random.split(JAX_KEY, (2, 3))[1, 2], 8)
    np.testing.assert_array_equal(folded[1, 2, 1], words(one))
    seeds = xr.DataArray([1, 2], dims="s")
    np.testing.assert_array_equal(xg.jit(xg.random.key)(seeds)[1], words(jax.random.key(2)))
    rbg = jax.random.key(1, impl="rbg")
    found = xg.random.normal(xg.random.key(1, impl="rbg"), SIZES, dtype="float32")
    np.testing.assert_array_equal(found, jax.random.normal(rbg, SHAPE, np.float32))


def test_typed_keys_and_plain_words_are_taken():
    expected = xg.random.normal(KEY, SIZES)
    np.testing.assert_array_equal(xg.random.normal(JAX_KEY, SIZES), expected)
    np.testing.assert_array_equal(xg.random.normal(KEY.values, SIZES), expected)
    found = xg.jit(lambda words: xg.random.normal(words, SIZES))(KEY.values)
    np.testing.assert_array_equal(found, expected)
    assert bool(xg.random.as_jax_key(KEY) == JAX_KEY)


def test_a_batch_of_keys_draws_for_each():
    keys = xg.random.split(KEY, {"chain": 3})
    scale = xr.DataArray([1.0, 2.0, 3.0], dims="chain")
    each = [xg.random.gamma(keys[i], {"n": 4}, A) for i in range(3)]
    found = xg.random.gamma(keys, {"n": 4}, A, scale=scale)
    assert found.dims == ("chain", "n", "city")
    for i, one in enumerate(each):
        np.testing.assert_allclose(found[i], one * (i + 1), rtol=1e-15)


def test_keys_in_compiled_functions_loops_and_maps():
    def draw(key):
        return xg.random.normal(key, {"n": 2}, loc=A)

    np.testing.assert_array_equal(xg.jit(draw)(KEY), draw(KEY))
    keys = xg.random.split(KEY, {"chain": 3})
    mapped = xg.jit(xg.vmap(draw, "chain"))(keys)
    np.testing.assert_array_equal(mapped.transpose("chain", ...), draw(keys))

    def step(carry, _):
        key, total = carry
        key, now = xg.random.split(key)
        return (key, total + xg.random.normal(now)), total

    with warnings.catch_warnings():
        warnings.simplefilter("error", KeyReuseWarning)
        (last, total), _ = xg.jit(lambda key: xg.scan(step, (key, xr.DataArray(0.0)), length=3))(
            KEY
        )
    key, expected = KEY, 0.0
    for _ in range(3):
        key, now = xg.random.split(key)
        expected = expected + float(xg.random.normal(now))
    np.testing.assert_array_equal(last, key)
    assert float(total) == pytest.approx(expected)


def test_one_key_in_a_map_of_parameters_draws_the_same_noise():
    found = xg.vmap(lambda a: xg.random.normal(KEY, {"n": 3}, loc=a), "city")(A * 0)
    assert bool((found == found.isel(city=0)).all())


def test_the_reference_and_the_source_draw_the_same():
    f = xg.jit(lambda key, a: xg.random.gamma(key, {"n": 2}, a))
    np.testing.assert_allclose(f.reference(KEY, A), f(KEY, A), rtol=1e-14)
    names: dict = {}
    exec(f.stages(KEY, A).source, names)
    np.testing.assert_allclose(names["program"](KEY.values, A.values), f(KEY, A), rtol=1e-14)


# ---- used twice ----------------------------------------------------------------------------------------------------
def test_a_key_used_twice_warns_with_both_lines():
    def twice(key):
        return xg.random.normal(key) + xg.random.uniform(key)

    with pytest.warns(
        KeyReuseWarning, match=r"uniform: the key.* is used twice \(first at test_random"
    ) as got:
        xg.jit(twice)(KEY)
    assert got[0].filename == __file__


@pytest.mark.parametrize("captured", [False, True])
def test_a_key_from_outside_of_a_loop_is_used_in_each_step(captured):
    steps = xr.DataArray([1.0, 2.0], dims="t")

    def walk(key):
        key = KEY if captured else key
        return xg.scan(lambda x, _: (x + xg.random.normal(key), x), 0.0, steps, dim="t")[0]

    with pytest.warns(KeyReuseWarning, match="from outside of a loop is used in each of its steps"):
        xg.jit(walk)(KEY)


def test_a_key_folded_in_or_carried_is_another_in_each_step():
    def fold(key):
        step = xr.DataArray([0, 1], dims="t")

        def each(x, i):
            return (x + xg.random.normal(xg.random.fold_in(key, i)), x)

        return xg.scan(each, 0.0, step, dim="t")[0]

    def carry(key):
        def step(state, _):
            key, x = state
            key, now = xg.random.split(key)
            return (key, x + xg.random.normal(now)), x

        return xg.scan(step, (key, 0.0), xr.DataArray([0.0, 0.0], dims="t"), dim="t")[1]

    with warnings.catch_warnings():
        warnings.simplefilter("error", KeyReuseWarning)
        xg.jit(lambda key: (fold(key), carry(xg.random.fold_in(key, 7))))(KEY)


def test_typed_keys_of_jax_are_arguments():
    draw = xg.jit(lambda key: xg.random.normal(key, {"x": 3}))
    for seed in (1, 2):
        found = draw(jax.random.key(seed)).values
        np.testing.assert_array_equal(found, draw(xg.random.key(seed)).values)


def test_rows_in_orders_of_their_own():
    x = xr.DataArray(np.arange(24.0).reshape(4, 6), {"b": list("wxyz")}, ("b", "t"))
    moved = xg.random.permutation(KEY, x, "t", labels="stay", independent=True)
    np.testing.assert_array_equal(np.sort(moved, axis=1), x)
    assert len({tuple(row % 6) for row in moved.values}) > 1 and moved.b.identical(x.b)
    with pytest.raises(ArgumentError, match="no labels to move"):
        xg.random.permutation(KEY, x, "t", independent=True)


def test_a_captured_key_used_twice_warns():
    with pytest.warns(KeyReuseWarning, match="split"):
        xg.jit(lambda x: x + xg.random.normal(KEY) + xg.random.split(KEY).sum())(A)


def test_no_warning_outside_of_traces_or_after_a_split(recwarn):
    xg.random.normal(KEY), xg.random.normal(KEY)

    def good(key):
        first, second = xg.random.split(key)
        return xg.random.normal(first) + xg.random.normal(second)

    f = xg.jit(good)
    f(KEY), f(KEY)
    assert not recwarn.list


# ---- gradients -----------------------------------------------------------------------------------------------------
PATHWISE = [
    "weibull_min",
    *[pytest.param(n, marks=pytest.mark.slow) for n in ("gamma", "t", "beta")],
]


@pytest.mark.parametrize("name", PATHWISE)
def test_gradients_follow_the_path(name):
    """As JAX's, which are checked against differences of its own numbers where these are smooth."""
    parameters, _ = SAME[name]
    wrt = {k: v for k, v in parameters.items() if isinstance(v, xr.DataArray)}
    weights = xr.DataArray(np.arange(12.0).reshape(SHAPE), dims=("time", "city"))

    def cost(wrt):
        return (weights * getattr(xg.random, name)(KEY, SIZES, **wrt)).sum()

    found = xg.grad(cost)(wrt)
    with jax.enable_x64(True):
        raw = {k: jax.numpy.asarray(v.values) for k, v in wrt.items()}

        def jax_cost(raw):
            named = dict(shape=SHAPE)
            return (weights.values * getattr(jax.random, name)(JAX_KEY, **raw, **named)).sum()

        expected = jax.grad(jax_cost)(raw)
    for k, g in found.items():
        assert g.dims == ("city",)
        np.testing.assert_allclose(g, expected[k], rtol=1e-10)


def test_location_and_scale_have_symbolic_gradients_of_any_order():
    def cost(loc, scale):
        return (xg.random.normal(KEY, {"n": 5}, loc=loc, scale=scale) ** 2).sum()

    z = xg.random.normal(KEY, {"n": 5, "city": 3})
    loc, scale = xg.grad(cost, (0, 1))(A, B)
    np.testing.assert_allclose(loc, 2 * (A + B * z).sum("n"))
    np.testing.assert_allclose(scale, 2 * ((A + B * z) * z).sum("n"))
    second = xg.hessian(lambda loc: cost(loc, B))(A)
    np.testing.assert_allclose(second, 10 * np.eye(3))


@pytest.mark.parametrize("name", ["poisson", "geometric", "bernoulli"])
def test_discrete_draws_have_no_gradient(name):
    ((parameter, value),) = SAME[name][0].items()
    with pytest.raises(GradUndefinedError, match="discrete draw"):
        xg.grad(lambda a: getattr(xg.random, name)(KEY, SIZES, **{parameter: a}).sum() * 1.0)(value)


def test_a_key_has_no_gradient():
    key = xg.xtensor("key", dims=("key_data",), shape=(2,), dtype="uint32")
    status = xg.grad_status(xg.random.normal(key, {"x": 3}).sum(), key)
    assert status.connected and status.definition.value == "undefined"


# ---- core dims -----------------------------------------------------------------------------------------------------
LOGITS = xr.DataArray(np.log([[0.2, 0.3, 0.5], [0.1, 0.8, 0.1]]), dims=("group", "kind"))


def test_categorical_and_multinomial():
    found = xg.random.categorical(KEY, {"n": 5}, LOGITS, dim="kind")
    with jax.enable_x64(True):
        expected = jax.random.categorical(JAX_KEY, LOGITS.values, axis=-1, shape=(5, 2))
        counts = jax.random.multinomial(JAX_KEY, 9.0, np.exp(LOGITS.values), shape=(5, 2, 3))
    assert found.dims == ("n", "group")
    np.testing.assert_array_equal(found, expected)
    multi = xg.random.multinomial(KEY, {"n": 5}, 9, np.exp(LOGITS), dim="kind")
    assert multi.dims == ("n", "group", "kind")
    np.testing.assert_array_equal(multi, counts)


def test_dirichlet_and_its_gradient():
    alpha = xr.DataArray([[0.5, 2.0, 1.0]] * 2, {"kind": ["x", "y", "z"]}, ("group", "kind"))
    weights = xr.DataArray(np.arange(3.0), dims="kind")

    def by_jax(alpha):
        draw = jax.random.dirichlet(JAX_KEY, alpha, (4, 2))
        return (weights.values * draw).sum(), draw

    def cost(alpha):
        return (weights.variable * xg.random.dirichlet(KEY, {"n": 4}, alpha, dim="kind")).sum()

    def draw_and_slope(alpha):
        return xg.random.dirichlet(KEY, {"n": 4}, alpha, dim="kind"), xg.grad(cost)(alpha)

    with jax.enable_x64(True):
        (_, expected), slope = jax.jit(jax.value_and_grad(by_jax, has_aux=True))(alpha.values)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", KeyReuseWarning)  # the same draw is meant
        found, ours = xg.jit(draw_and_slope)(alpha)
    assert found.dims == ("n", "group", "kind") and found.kind.values.tolist() == ["x", "y", "z"]
    np.testing.assert_allclose(found, expected, rtol=1e-13)
    np.testing.assert_allclose(ours, slope, rtol=1e-9)


def test_multivariate_normal():
    cov = xr.DataArray([[2.0, 0.6], [0.6, 1.0]], {"x": ["a", "b"]}, ("x", "y"))
    mean = xr.DataArray([[1.0, 2.0]] * 3, {"x": ["a", "b"]}, ("group", "x"))
    found = xg.random.multivariate_normal(KEY, {"n": 4}, mean, cov, dims=("x", "y"))
    with jax.enable_x64(True):
        expected = jax.random.multivariate_normal(JAX_KEY, mean.values, cov.values, (4, 3))
    assert found.dims == ("n", "group", "x") and found.x.values.tolist() == ["a", "b"]
    np.testing.assert_allclose(found, expected, rtol=1e-12)
    factor = cov.copy(data=np.linalg.cholesky(cov))
    again = xg.random.multivariate_normal(KEY, {"n": 4}, mean, cholesky=factor, dims=("x", "y"))
    np.testing.assert_allclose(again, found, rtol=1e-12)

    def cost(mean, cov):
        return (xg.random.multivariate_normal(KEY, {"n": 4}, mean, cov, dims=("x", "y")) ** 2).sum()

    xg.verify_grad(lambda mean, s: cost(mean, cov * s), [mean, xr.DataArray(1.3)])


@pytest.mark.slow
def test_ball_and_orthogonal():
    points = xg.random.ball(KEY, {"n": 4}, core={"xy": 2}, p=1)
    matrices = xg.random.orthogonal(KEY, {"n": 4}, core={"row": 3, "col": 3})
    with jax.enable_x64(True):
        np.testing.assert_allclose(points, jax.random.ball(JAX_KEY, 2, 1, (4,)), rtol=1e-13)
        np.testing.assert_allclose(matrices, jax.random.orthogonal(JAX_KEY, 3, (4,)), rtol=1e-13)
    assert points.dims == ("n", "xy") and matrices.dims == ("n", "row", "col")


def test_choice_takes_entries_with_their_labels():
    data = xr.Dataset({"v": A, "w": ("city", [1, 2, 3])})
    found = xg.random.choice(KEY, data, "city", {"boot": 6})
    with jax.enable_x64(True):
        places = np.asarray(jax.random.choice(JAX_KEY, 3, (6,)))
    assert found.v.dims == ("boot",)
    np.testing.assert_array_equal(found.v, A.values[places])
    np.testing.assert_array_equal(found.city, A.city.values[places])
    same = xg.jit(lambda key, x: xg.random.choice(key, x, "city", {"boot": 6}))(KEY, data)
    xr.testing.assert_identical(same, found)
    p = xr.DataArray([0.0, 0.0, 1.0], dims="city")
    assert xg.random.choice(KEY, A, "city", p=p).city.item() == "c"
    slope = xg.grad(lambda a: xg.random.choice(KEY, a, "city", {"boot": 6}).sum())(A)
    np.testing.assert_array_equal(slope, np.bincount(places, minlength=3))


def test_permutation_moves_labels_or_leaves_them():
    order = np.asarray(jax.random.permutation(JAX_KEY, 3))
    moved = xg.random.permutation(KEY, A, "city")
    xr.testing.assert_identical(moved, A.isel(city=order))
    stay = xg.jit(lambda key, a: xg.random.permutation(key, a, "city", labels="stay"))(KEY, A)
    xr.testing.assert_identical(stay, A.copy(data=A.values[order]))


# ---- bad input -----------------------------------------------------------------------------------------------------
def test_a_seed_is_no_key():
    with pytest.raises(ArgumentError, match=r"takes a key first, not 0.\n.*random.key\(0\)"):
        xg.random.normal(0, {"x": 3})


@pytest.mark.parametrize("bad", [3, (3,), {"x": -1}, {"x": 2.0}])
def test_sizes_go_by_dim(bad):
    with pytest.raises(ArgumentError, match="size"):
        xg.random.normal(KEY, bad)


def test_parameters_without_dims_are_refused():
    with pytest.raises(ArgumentError, match=r"'loc' is an array of shape .3,. without named dims"):
        xg.random.normal(KEY, {"x": 3}, loc=np.ones(3))


def test_a_size_that_is_not_the_parameters():
    with pytest.raises(SizeMismatchError, match="'city' has size"):
        xg.random.normal(KEY, {"city": 4}, loc=A)


def test_missing_parameters_and_unknown_ones():
    with pytest.raises(ArgumentError, match="gamma takes a parameter 'a'"):
        xg.random.gamma(KEY, {"x": 2})
    with pytest.raises(ArgumentError, match="unexpected keyword argument 'mu'"):
        xg.random.normal(KEY, {"x": 2}, mu=1)


def test_wrong_dims():
    with pytest.raises(DimensionError, match=r"'kindd'.*did you mean 'kind'"):
        xg.random.categorical(KEY, None, LOGITS, dim="kindd")
    with pytest.raises(DimensionError, match="say which"):
        xg.random.categorical(KEY, None, LOGITS)
    with pytest.raises(DimensionError, match="'kind' twice"):
        xg.random.dirichlet(KEY, {"kind": 3}, LOGITS, dim="kind")
    with pytest.raises(SizeMismatchError, match="without replacement"):
        xg.random.choice(KEY, A, "city", {"n": 4}, replace=False)
    with pytest.raises(ArgumentError, match="has no named dims"):
        xg.random.normal(jax.random.split(JAX_KEY, 3))
