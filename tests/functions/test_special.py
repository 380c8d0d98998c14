"""``xg.special``: the values of SciPy, the gradient both ways and by differences, broadcasting by name."""

import warnings

import jax
import numpy as np
import pytest
import scipy.special
import xarray as xr

import xgrad as xg
from xgrad.errors import ArgumentError, DimensionError, GradNotImplementedError, GradUndefinedError
from xgrad.functions import special as public

SMOOTH = (0.3, 0.9, 1.7, 2.6)
INSIDE = (0.1, 0.3, 0.55, 0.9)
ANY = (-2.1, -0.4, 0.6, 3.1)

# name: values of each argument, and the arguments that have no derivative
ARGUMENTS = {
    "gamma": ((SMOOTH,), ()),
    "gammaln": ((SMOOTH,), ()),
    "loggamma": ((SMOOTH,), ()),
    "gammasgn": ((ANY,), ()),
    "digamma": ((SMOOTH,), ()),
    "polygamma": (((0, 1, 2, 3), SMOOTH), (0,)),
    "factorial": ((SMOOTH,), ()),
    "beta": ((SMOOTH, SMOOTH[::-1]), ()),
    "betaln": ((SMOOTH, SMOOTH[::-1]), ()),
    "poch": ((SMOOTH, SMOOTH[::-1]), ()),
    "comb": (((4.0, 5.0, 6.0, 7.5), SMOOTH), ()),
    "gammainc": ((SMOOTH, SMOOTH[::-1]), ()),
    "gammaincc": ((SMOOTH, SMOOTH[::-1]), ()),
    "betainc": ((SMOOTH, SMOOTH[::-1], INSIDE), (0, 1)),
    "betaincc": ((SMOOTH, SMOOTH[::-1], INSIDE), (0, 1)),
    "spence": ((SMOOTH,), ()),
    "erf": ((ANY,), ()),
    "erfc": ((ANY,), ()),
    "erfcx": ((ANY,), ()),
    "erfinv": ((INSIDE,), ()),
    "erfcinv": ((INSIDE,), ()),
    "dawsn": ((ANY,), ()),
    "owens_t": ((ANY, SMOOTH), ()),
    "ndtr": ((ANY,), ()),
    "log_ndtr": ((ANY,), ()),
    "ndtri": ((INSIDE,), ()),
    "expit": ((ANY,), ()),
    "log_expit": ((ANY,), ()),
    "logit": ((INSIDE,), ()),
    "expi": ((SMOOTH,), ()),
    "exp1": ((SMOOTH,), ()),
    "expn": (((1, 2, 3, 4), SMOOTH), (0,)),
    "exprel": ((ANY,), ()),
    "hyp1f1": ((SMOOTH, SMOOTH[::-1], INSIDE), ()),
    "hyp2f1": ((SMOOTH, SMOOTH, SMOOTH[::-1], INSIDE), (0, 1, 2)),
    "i0": ((ANY,), ()),
    "i0e": ((ANY,), ()),
    "i1": ((ANY,), ()),
    "i1e": ((ANY,), ()),
    "xlogy": ((SMOOTH, SMOOTH[::-1]), ()),
    "xlog1py": ((SMOOTH, SMOOTH[::-1]), ()),
    "entr": ((SMOOTH,), ()),
    "rel_entr": ((SMOOTH, SMOOTH[::-1]), ()),
    "kl_div": ((SMOOTH, SMOOTH[::-1]), ()),
    "boxcox": ((SMOOTH, (0.0, -1.0, 0.5, 2.0)), ()),
    "boxcox1p": ((SMOOTH, (0.0, -1.0, 0.5, 2.0)), ()),
    "zeta": (((1.5, 2.0, 3.0, 6.0), SMOOTH), (0,)),
    "sinc": ((ANY,), ()),
    "sici": ((SMOOTH,), ()),
    "fresnel": ((ANY,), ()),
}
NO_UFUNC = ("sinc", "polygamma", "comb", "factorial")
UFUNCS = tuple([name for name in ARGUMENTS if name not in NO_UFUNC])
each_function = pytest.mark.parametrize("name", ARGUMENTS)


def arrays(name: str) -> list[xr.DataArray]:
    """The arguments of a function, all along one dim."""
    return [xr.DataArray(np.array(values), dims="x") for values in ARGUMENTS[name][0]]


def oracle(name: str, *args):
    return np.sinc(*args) if name == "sinc" else getattr(scipy.special, name)(*args)


def total(name: str):
    """A function with results of both outputs where there are two."""

    def function(*args):
        found = getattr(xg.special, name)(*args)
        return found[0] * 2 + found[1] if isinstance(found, tuple) else found

    return function


def test_every_elementwise_function_is_tested():
    special_cases = {"wofz", "psi", "multigammaln", "bernoulli", "bessel_jn", "sph_harm_y"}
    along_dims = {"logsumexp", "softmax", "log_softmax"}
    made = {
        name
        for name, value in vars(public).items()
        if callable(value)
        and getattr(value, "__module__", "") == public.__name__
        and name[0] != "_"
    }
    assert made - along_dims - special_cases == set(ARGUMENTS)


def everything(call, names=tuple(ARGUMENTS)):
    """All functions in one program: a function of all arguments, by name."""
    return lambda given: {name: call(name)(*given[name]) for name in names}


@pytest.fixture(scope="module")
def values() -> dict:
    """The values of every function, compiled: those that are ufuncs of SciPy in one program, the others in another."""
    found = {}
    for names in (UFUNCS, NO_UFUNC):
        program = xg.jit(everything(lambda name: getattr(xg.special, name), names))
        found |= program({name: arrays(name) for name in names})
    return found


@each_function
def test_values_are_those_of_scipy(name, values):
    expected = oracle(name, *[x.values for x in arrays(name)])
    for part, value in zip(*map(np.atleast_2d, (values[name], expected)), strict=True):
        np.testing.assert_allclose(part, value, rtol=2e-10, atol=1e-14)


@pytest.mark.parametrize("name", ["gammaln", "betainc", "xlogy", "sici"])
def test_values_are_the_same_at_once(name, values):
    np.testing.assert_array_equal(getattr(xg.special, name)(*arrays(name)), values[name])


WEIGHTS = xr.DataArray([1.0, -2.0, 0.5, 3.0], dims="x")


@pytest.fixture(scope="module", params=["symbolic", "jax"])
def gradients(request) -> dict:
    """The gradients of every function by every argument that it has one by, in one program."""
    names = list(ARGUMENTS) if request.param == "symbolic" else MADE_OF_SEVERAL
    given = {name: arrays(name) for name in names}
    wrt = {
        name: {i: x for i, x in enumerate(given[name]) if i not in ARGUMENTS[name][1]}
        for name in names
    }

    def cost(wrt):
        costs = []
        for name in names:
            args = [wrt[name].get(i, x) for i, x in enumerate(given[name])]
            costs.append((WEIGHTS * total(name)(*args)).sum())
        return sum(costs)

    return xg.jit(xg.grad(cost), ad=request.param)(wrt)


# single ops are compared with the derivatives of JAX in tests/jax_backend
MADE_OF_SEVERAL = ["boxcox", "boxcox1p", "erfcinv", "sinc", "sici", "xlogy"]


@each_function
def test_gradients_are_differences(name, gradients):
    for i, gradient in gradients.get(name, {}).items():
        near = differences(name, arrays(name), i) * WEIGHTS
        np.testing.assert_allclose(gradient, near, rtol=1e-6, atol=1e-7)


def differences(name: str, given: list[xr.DataArray], i: int) -> np.ndarray:
    """Central differences of SciPy's values by one argument."""
    step = 1e-6

    def value(by: float) -> np.ndarray:
        moved = [x.values + by if k == i else x.values for k, x in enumerate(given)]
        found = oracle(name, *moved)
        return found[0] * 2 + found[1] if isinstance(found, tuple) else found

    return (value(step) - value(-step)) / (2 * step)


def test_the_exponential_integral_of_order_zero():
    """E_0 is e^-x / x, of which JAX has no derivative."""
    gradient = xg.grad(lambda x: xg.special.expn(0, x))
    assert float(gradient(0.7)) == pytest.approx(-np.exp(-0.7) * (1 / 0.7 + 1 / 0.7**2))


@pytest.mark.parametrize("name", [n for n, (_, without) in ARGUMENTS.items() if without])
def test_where_there_is_no_derivative_it_is_said(name):
    given, (_, without) = [x.astype(float) for x in arrays(name)], ARGUMENTS[name]
    for i in without:
        with pytest.raises((GradNotImplementedError, GradUndefinedError)):
            xg.grad(lambda *args: total(name)(*args).sum(), i)(*given)


PAIRS = ("sici", "fresnel")


def test_the_functions_of_scipy_reach_the_same_ops(values):
    given = {name: arrays(name) for name in UFUNCS}

    def applied(name):
        out = [(), ()] if name in PAIRS else [()]
        ufunc = getattr(scipy.special, name)
        return lambda *args: xr.apply_ufunc(ufunc, *args, output_core_dims=out)

    found = xg.jit(everything(applied, UFUNCS))(given)
    for name in UFUNCS:
        np.testing.assert_array_equal(found[name], values[name])
    np.testing.assert_array_equal(xg.jit(scipy.special.erf)(*given["erf"]), values["erf"])


def test_arguments_broadcast_and_align_by_name():
    a = xr.DataArray([1.0, 2.0], {"city": ["Oslo", "Rome"]}, "city", attrs={"units": "1"})
    x = xr.DataArray([[0.5, 1.5, 2.5]] * 2, {"city": ["Rome", "Oslo"]}, ("city", "day"))
    expected = scipy.special.gammainc(a.sel(city=x.city), x)
    for found in (xg.special.gammainc(a, x), xg.jit(xg.special.gammainc)(a, x)):
        assert found.dims == ("city", "day")
        xr.testing.assert_allclose(found.sel(city=["Rome", "Oslo"]), expected.drop_attrs())


def test_datasets_numbers_and_plain_arrays_are_taken():
    data = xr.Dataset({"a": ("x", [0.5, 1.0]), "b": 2})
    xr.testing.assert_allclose(xg.special.erf(data), scipy.special.erf(data))
    assert xg.special.erf(0.5) == pytest.approx(scipy.special.erf(0.5))
    np.testing.assert_allclose(xg.special.erf(np.array([1, 2])), scipy.special.erf([1, 2]))
    assert xg.special.erf(data.a.astype("float32")).dtype == np.float32


def test_arrays_of_jax_stay_in_jax():
    found = xg.special.gammaln(jax.numpy.ones(3))
    assert isinstance(found, jax.Array)


def test_symbolic_arrays_are_taken():
    x = xg.xtensor("x", dims=("x",), shape=(3,))
    f = xg.function([x], xg.grad(xg.special.gammaln(x).sum(), x))
    np.testing.assert_allclose(f(np.array([1.0, 2.0, 3.0])), scipy.special.psi([1.0, 2.0, 3.0]))


def test_faddeeva_of_complex_numbers():
    z = xr.DataArray([0.5 + 1j, -1.0 + 0.2j], dims="x")
    np.testing.assert_allclose(xg.special.wofz(z), scipy.special.wofz(z.values), rtol=1e-10)
    np.testing.assert_allclose(xg.special.wofz(0.5), scipy.special.wofz(0.5), rtol=1e-10)


def test_multivariate_gamma_and_bernoulli_numbers():
    a = xr.DataArray([2.0, 3.5], dims="x")
    np.testing.assert_allclose(xg.special.multigammaln(a, 3), scipy.special.multigammaln(a, 3))
    slope = sum(scipy.special.psi(a - j / 2) for j in range(3))
    np.testing.assert_allclose(xg.grad(lambda a: xg.special.multigammaln(a, 3).sum())(a), slope)
    assert xg.special.bernoulli(4).n.values.tolist() == [0, 1, 2, 3, 4]


# ---- along dims ----------------------------------------------------------------------------------------------------
X = xr.DataArray(
    [[800.0, 801.0, -np.inf], [-1000.0, -np.inf, -1000.5], [-np.inf] * 3],
    {"city": ["a", "b", "c"]},
    ("city", "day"),
)


def test_logsumexp_far_out():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        expected = scipy.special.logsumexp(X.values, axis=1)
    for f in (
        xg.special.logsumexp,
        xg.jit(lambda x, dim: xg.special.logsumexp(x, dim), static_argnames="dim"),
    ):
        found = f(X, "day")
        assert found.dims == ("city",)
        np.testing.assert_allclose(found, expected, rtol=1e-15)


@pytest.mark.parametrize("ad", ["symbolic", "jax"])
def test_the_gradient_of_logsumexp_is_softmax_and_zero_of_nothing(ad):
    gradient = xg.grad(xg.jit(lambda x: xg.special.logsumexp(x, "day").sum(), ad=ad))(X)
    np.testing.assert_allclose(
        gradient[:2], scipy.special.softmax(X.values[:2], axis=1), rtol=1e-14
    )
    np.testing.assert_array_equal(gradient[2], np.zeros(3))


def test_logsumexp_with_weights_over_several_dims(rng):
    x = xr.DataArray(rng.normal(size=(2, 3, 4)), dims=("a", "b", "c"))
    w = xr.DataArray(rng.uniform(size=(4,)), dims="c")
    expected = scipy.special.logsumexp(x.values, axis=(0, 2), b=w.values)
    np.testing.assert_allclose(xg.special.logsumexp(x, ["a", "c"], weights=w), expected)
    np.testing.assert_allclose(xg.special.logsumexp(x), scipy.special.logsumexp(x.values))
    xg.verify_grad(lambda x, w: xg.special.logsumexp(x, ["c", "a"], weights=w).sum(), [x, w])


@pytest.mark.parametrize("name", ["softmax", "log_softmax"])
def test_softmax_keeps_dims_and_coords(name, rng):
    x = xr.DataArray(rng.normal(size=(2, 3)) * 300, {"a": [1, 2]}, ("a", "b"))
    function = getattr(xg.special, name)
    found = function(x, "a")
    assert found.dims == ("a", "b")
    xr.testing.assert_identical(found.a, x.a)
    np.testing.assert_allclose(
        found, getattr(scipy.special, name)(x.values, axis=0), rtol=1e-12, atol=1e-15
    )
    xg.verify_grad(lambda x: (function(x, "a") * x).sum(), [x / 300])


def test_datasets_along_a_dim():
    data = xr.Dataset({"a": (("x", "y"), np.ones((2, 3))), "b": ("y", np.zeros(3))})
    found = xg.special.logsumexp(data, "x")
    assert found.a.dims == ("y",) and found.b.dims == ("y",)
    assert set(xg.special.softmax(data, "x").a.dims) == {"x", "y"}


# ---- bad input -----------------------------------------------------------------------------------------------------
def test_an_unknown_dim_is_named():
    with pytest.raises(DimensionError, match=r"'dya'.*did you mean 'day'"):
        xg.special.logsumexp(X, "dya")


def test_plain_arrays_have_no_dims():
    with pytest.raises(ArgumentError, match="named dims"):
        xg.special.softmax(np.ones(3), "x")


def test_wrong_numbers_of_arguments():
    with pytest.raises(ArgumentError, match=r"special.gammainc\(a, x\): missing"):
        xg.special.gammainc(1.0)


def test_sizes_that_differ():
    a, b = xr.DataArray(np.ones(3), dims="x"), xr.DataArray(np.ones(4), dims="x")
    with pytest.raises(ValueError, match="dim 'x' has size 3 in one array and 4"):
        xg.special.beta(a, b)


def test_reductions_of_nothing():
    x = xr.DataArray(np.zeros((0, 2)), dims=("x", "y"))
    np.testing.assert_array_equal(xg.special.logsumexp(x, "x"), [-np.inf, -np.inf])
    assert xg.special.softmax(x, "x").shape == xg.special.log_softmax(x, "x").shape == (0, 2)
    with pytest.raises(ArgumentError, match="whole number from 0 on, not -1"):
        xg.special.bernoulli(-1)


def test_bessel_functions_along_their_order():
    x = xr.DataArray([0.0, 1e-3, -2.5, 30.0, 300.0, 1e4], dims="x")
    values, slopes = xg.jit(
        lambda x: (
            xg.special.bessel_jn(x, 3),
            xg.grad(lambda x: xg.special.bessel_jn(x, 3).sel(order=2).sum(skipna=False))(x),
        )
    )(x)
    assert values.dims == ("x", "order") and values.order.values.tolist() == [0, 1, 2, 3]
    orders, near = np.arange(4), x.values[:-1]
    np.testing.assert_allclose(values[:-1], scipy.special.jv(orders, near[:, None]), atol=1e-13)
    np.testing.assert_allclose(slopes[:-1], scipy.special.jvp(2, near), atol=1e-13)
    assert values[-1].isnull().all()
    with pytest.raises(ArgumentError, match=r"v must be a whole number from 0 on, not 1\.5"):
        xg.special.bessel_jn(x, 1.5)


def test_spherical_harmonics():
    theta, phi = xr.DataArray([0.0, 0.7, 2.5], dims="a"), xr.DataArray([0.3, 6.0], dims="b")
    pairs = [(0, 0), (1, -1), (3, 2), (5, -5), (8, 3), (2, 4)]

    def everything(theta, phi):
        return [xg.special.sph_harm_y(n, m, theta, phi) for n, m in pairs]

    for (n, m), found in zip(pairs, xg.jit(everything)(theta, phi), strict=True):
        expected = scipy.special.sph_harm_y(n, m, theta.values[:, None], phi.values)
        np.testing.assert_allclose(found.transpose("a", "b"), expected, atol=1e-14)
    slope = xg.grad(lambda x: xg.special.sph_harm_y(3, 2, x, 0.3).real)(xr.DataArray(0.7))
    step = [scipy.special.sph_harm_y(3, 2, 0.7 + h, 0.3).real for h in (1e-6, -1e-6)]
    assert float(slope) == pytest.approx((step[0] - step[1]) / 2e-6, rel=1e-8)
