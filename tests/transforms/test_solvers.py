"""``root``, ``minimize`` and ``least_squares``: labeled solutions, bounds, fixed parameters, implicit gradients."""

import importlib

import numpy as np
import pytest
import scipy.optimize
import xarray as xr

import xgrad as xg
from xgrad.errors import (
    AlignmentError,
    ArgumentError,
    ConvergenceWarning,
    CostNotScalarError,
    DimensionError,
    DisconnectedInputError,
    SizeMismatchError,
)

pytest.importorskip("optimistix")

A = xr.DataArray([2.0, 9.0], {"n": ["two", "nine"]}, "n")
T = xr.DataArray(np.linspace(0.0, 4.0, 12), dims="t")


def decay(p, y):
    return p["a"] * np.exp(-p["k"] * T) - y


@pytest.fixture
def y(rng) -> xr.DataArray:
    return 2.0 * np.exp(-0.5 * T) + 0.05 * xr.DataArray(rng.normal(size=12), dims="t")


def differences(f, x, step=1e-5):
    """Central differences of a 0-d function by every entry of an array."""
    found = np.zeros(x.shape)
    for i in np.ndindex(x.shape):
        by = np.zeros(x.shape)
        by[i] = step
        found[i] = (float(f(x + by)) - float(f(x - by))) / (2 * step)
    return found


# ---- values --------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("method", ["dogleg", "newton", "chord", "levenberg_marquardt"])
def test_roots_keep_labels(method):
    found = xg.root(lambda x, a: x**2 - a, A, (A,), method=method)
    xr.testing.assert_allclose(found.value, np.sqrt(A))
    assert bool(found.success) and found.message == "converged" and int(found.steps) > 0
    assert float(found.size) < 1e-6


@pytest.mark.parametrize("method", ["bfgs", "lbfgs", "nelder_mead"])
def test_minima_are_those_of_scipy(method):
    def rosenbrock(x):
        x, y = x["x"], x["y"]
        return (1 - x) ** 2 + 10 * (y - x**2) ** 2

    found = xg.minimize(rosenbrock, {"x": -0.5, "y": xr.DataArray(0.5)}, method=method)
    assert [float(v) for v in found.value.values()] == pytest.approx([1, 1], abs=1e-4)


@pytest.mark.parametrize("method", ["levenberg_marquardt", "dogleg"])
def test_least_squares_are_those_of_scipy(method, y):
    found = xg.least_squares(decay, {"a": 1.0, "k": 1.0}, (y,), method=method)
    expected = scipy.optimize.least_squares(
        lambda p: p[0] * np.exp(-p[1] * T.values) - y.values, [1.0, 1.0], xtol=1e-12
    )
    assert [float(v) for v in found.value.values()] == pytest.approx(expected.x, rel=1e-6)
    assert float(found.size) == pytest.approx(expected.cost)


def test_datasets_and_several_dims():
    target = xr.Dataset({"a": A, "b": ("m", [1.0, 2.0, 3.0])})
    found = xg.minimize(lambda p: sum(((p - target) ** 2).sum().data_vars.values()), 0 * target)
    assert isinstance(found.value, xr.Dataset)
    xr.testing.assert_allclose(found.value, target, atol=1e-6)
    mixed = xg.root(lambda p: {"q": p["a"] + 1, "r": p["b"] - A}, {"a": 0, "b": 0 * A})
    assert float(mixed.value["a"]) == pytest.approx(-1)
    xr.testing.assert_allclose(mixed.value["b"], A)


# ---- bounds and fixed parameters -----------------------------------------------------------------------------------
@pytest.mark.parametrize(
    "bounds, expected",
    [
        ((None, 2.0), 2.0),
        ((4.0, None), 4.0),
        ((0.0, 10.0), 3.0),
        ((0.0, 1.0), 1.0),
        ((5.0, np.inf), 5.0),
    ],
)
def test_bounds(bounds, expected):
    start = {2.0: 1.0, 4.0: 6.0, 3.0: 5.0, 1.0: 0.5, 5.0: 6.0}[expected]
    found = xg.minimize(lambda x: (x - 3.0) ** 2, start, bounds=bounds)
    assert float(found.value) == pytest.approx(expected, abs=1e-5)


def test_bounds_by_name_and_fixed_parameters(y):
    start = {"a": 1.0, "k": 0.7}
    found = xg.least_squares(decay, start, (y,), bounds={"a": (0.0, 1.5)})
    expected = scipy.optimize.least_squares(
        lambda p: p[0] * np.exp(-p[1] * T.values) - y.values,
        [1.0, 0.7],
        bounds=([0, -np.inf], [1.5, np.inf]),
    )
    assert [float(v) for v in found.value.values()] == pytest.approx(expected.x, rel=1e-4)
    held = xg.least_squares(decay, start, (y,), fixed="k")
    assert float(held.value["k"]) == 0.7
    shape = np.exp(-0.7 * T)
    assert float(held.value["a"]) == pytest.approx(float((shape * y).sum() / (shape**2).sum()))
    assert list(held.value) == ["a", "k"]


def test_the_gradient_at_a_bound_is_that_of_the_bound():
    def solution(upper, target):
        return xg.minimize(lambda x: (x - target) ** 2, 0.5, bounds=(0.0, upper)).value

    by_bound, by_target = xg.grad(solution, (0, 1))(1.0, 3.0)
    assert float(by_bound) == pytest.approx(1, abs=1e-4)
    assert float(by_target) == pytest.approx(0, abs=1e-4)


# ---- gradients -----------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("ad", ["symbolic", "jax"])
def test_gradients_of_roots_are_differences(ad):
    def cost(a):
        found = xg.root(lambda x: x**3 + a * x - 1, xr.ones_like(A))
        return (found.value**2).sum()

    near = differences(cost, A)
    np.testing.assert_allclose(xg.grad(xg.jit(cost, ad=ad))(A), near, rtol=1e-6)


def test_gradients_of_least_squares_and_minima_are_differences(y):
    def fitted(y):
        p = xg.least_squares(decay, {"a": 1.0, "k": 1.0}, (y,), rtol=1e-12, atol=1e-12).value
        return p["a"] * 2 + p["k"] ** 2

    def lowest(y):
        p = xg.minimize(
            lambda p: (decay(p, y) ** 2).sum(), {"a": 1.5, "k": 0.6}, rtol=1e-12, atol=1e-12
        )
        return p.value["a"] * 2 + p.value["k"] ** 2

    near = differences(fitted, y, 1e-3)
    np.testing.assert_allclose(xg.grad(fitted)(y), near, rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(xg.grad(lowest)(y), near, rtol=1e-4, atol=1e-5)


def test_second_derivatives():
    square_root = lambda a: xg.root(lambda x: x**2 - a, 1.0, rtol=1e-12, atol=1e-12).value  # noqa: E731
    second = xg.grad(lambda a: xg.grad(square_root)(a))(4.0)
    assert float(second) == pytest.approx(-0.25 * 4.0**-1.5)


def test_the_gradient_by_a_fixed_parameter(y):
    def fitted(k):
        return xg.least_squares(decay, {"a": 1.0, "k": k}, (y,), fixed=("k",)).value["a"]

    assert float(xg.grad(fitted)(0.7)) == pytest.approx(
        float(differences(fitted, np.array(0.7))), rel=1e-5
    )


def test_the_start_is_not_connected():
    with pytest.raises(DisconnectedInputError):
        xg.grad(lambda x0: xg.root(lambda x: x**2 - 2, x0).value)(1.0)


# ---- in programs ---------------------------------------------------------------------------------------------------
def test_many_problems_by_vmap():
    data = xr.DataArray(np.arange(2.0, 8.0).reshape(3, 2), {"city": list("abc")}, ("city", "n"))

    def one(data):
        return xg.root(lambda x: x**2 - data, xr.ones_like(data) * 2)

    found = xg.jit(xg.vmap(one, "city"))(data)
    xr.testing.assert_allclose(found.value.transpose("city", "n"), np.sqrt(data))
    assert found.success.dims == ("city",) and bool(found.success.all())
    assert found.message == "converged"
    slope = xg.grad(lambda data: xg.vmap(one, "city")(data).value.sum())(data)
    np.testing.assert_allclose(slope.transpose("city", "n"), 0.5 / np.sqrt(data), rtol=1e-6)


def test_in_a_loop_and_in_a_compiled_function():
    def step(x, a):
        x = xg.root(lambda y: y - x - 0.1 * a * np.sin(y), x).value  # implicit Euler
        return x, x

    run = xg.jit(lambda x0, a: xg.scan(step, x0, a * xr.ones_like(T), dim="t")[0])
    gradient = xg.grad(run, 1)(1.0, 0.7)
    near = (float(run(1.0, 0.7 + 1e-5)) - float(run(1.0, 0.7 - 1e-5))) / 2e-5
    assert float(gradient) == pytest.approx(near, rel=1e-5)


def test_other_data_do_not_compile_again():
    solve = xg.jit(lambda a: xg.root(lambda x: x**2 - a, A).value)
    solve(A), solve(A + 1)
    assert solve.cache_info().compiles == 1


@pytest.mark.parametrize("kind", [dict, xr.Dataset])
def test_bounds_are_arrays_too_and_datasets_keep_attrs(kind):
    x0 = kind({"a": A, "k": 0.5})
    if kind is xr.Dataset:
        x0 = x0.assign_attrs(source="guess").assign_coords(city="Rome")
    bounds = {"a": (0.5 * A, 1.5 * A), "k": (xr.DataArray(-np.inf), 0.8)}
    found = xg.minimize(
        lambda p: ((p["a"] - [4.0, 9.5]) ** 2).sum() + (p["k"] - 1) ** 2, x0, bounds=bounds
    ).value
    assert found["a"].values == pytest.approx([3.0, 9.5]) and float(found["k"]) == pytest.approx(
        0.8
    )
    if kind is xr.Dataset:
        assert found.attrs == x0.attrs and found.coords.equals(x0.coords)


# ---- what does not work --------------------------------------------------------------------------------------------
def test_no_convergence_warns_with_the_users_line():
    with pytest.warns(ConvergenceWarning, match="stopped at max_steps") as got:
        found = xg.root(lambda x: x**2 - 2, 100.0, max_steps=2)
    assert got[0].filename == __file__
    assert not bool(found.success)
    for method in ("dogleg", "newton", "levenberg_marquardt"):  # there is no root
        with pytest.warns(ConvergenceWarning):
            xg.root(lambda x: x**2 + 1, 3.0, method=method)


def test_in_a_compiled_function_success_says_so():
    found = xg.jit(lambda x: xg.root(lambda x: x**2 - 2, x, max_steps=2))(100.0)
    assert not bool(found.success) and "max_steps" in found.message


def test_bad_input(y):
    with pytest.raises(CostNotScalarError, match="returns an array with the dims"):
        xg.minimize(lambda x: x - A, A)
    with pytest.raises(SizeMismatchError, match="returns 1 numbers for 2 parameters"):
        xg.root(lambda x: x.sum(), A)
    with pytest.raises(ArgumentError, match="did you mean 'newton'"):
        xg.root(lambda x: x, 1.0, method="newtn")
    with pytest.raises(ArgumentError, match="fixed names the parameter 'kk'"):
        xg.least_squares(decay, {"a": 1.0, "k": 1.0}, (y,), fixed="kk")
    with pytest.raises(ArgumentError, match="these have no names"):
        xg.minimize(lambda x: x**2, 1.0, fixed="x")
    with pytest.raises(ArgumentError, match="bounds of 'a' are a pair"):
        xg.least_squares(decay, {"a": 1.0, "k": 1.0}, (y,), bounds={"a": 3.0})
    with pytest.raises(ArgumentError, match="'a' lies below its lower bound"):
        xg.least_squares(decay, {"a": -1.0, "k": 1.0}, (y,), bounds={"a": (0.0, None)})
    with pytest.raises(
        ArgumentError, match="lower bound of 'a' is not below the upper one: 2 and 2"
    ):
        xg.least_squares(decay, {"a": 2.0, "k": 1.0}, (y,), bounds={"a": (2.0, 2.0)})
    with pytest.raises(ArgumentError, match="above its upper bound: 9 and 8, at n='nine'"):
        xg.minimize(lambda x: (x**2).sum(), A, bounds=(None, A.clip(max=8)))
    with pytest.raises(DimensionError, match=r"of 'k' has the dim 'n', which is none of the param"):
        xg.least_squares(decay, {"a": 2.0, "k": 1.0}, (y,), bounds={"k": (None, A)})
    with pytest.raises(AlignmentError, match="other labels along 'n' than the start: 'nine'"):
        xg.minimize(lambda x: (x**2).sum(), A, bounds=(None, A[::-1]))
    with pytest.raises(ArgumentError, match="above its upper bound: 9 and 4, at n='nine'"):
        xg.minimize(lambda x: (x**2).sum(), A, bounds=(None, np.array([3.0, 4.0])))
    with pytest.raises(ArgumentError, match=r"a number or a DataArray, or None; not \[1, 2\]"):
        xg.minimize(lambda x: (x**2).sum(), A, bounds=([1, 2], None))
    with pytest.raises(ArgumentError, match="all parameters are fixed"):
        xg.least_squares(decay, {"a": 1.0, "k": 1.0}, (y,), fixed=("a", "k"))
    with pytest.raises(
        ArgumentError, match=r"args is a tuple .*, not a xarray\.core\.dataarray\.D"
    ):
        xg.root(lambda x, a: x - a, 1.0, A)
    with pytest.raises(TypeError, match="a parameter is made of numbers"):
        xg.root(lambda x: x, "one")


def test_without_the_package_the_error_names_the_extra(monkeypatch):
    original = importlib.import_module

    def missing(name, *args):
        if name == "optimistix":
            raise ModuleNotFoundError("No module named 'optimistix'", name=name)
        return original(name, *args)

    monkeypatch.setattr("xgrad.jax_backend.extras.import_module", missing)
    with pytest.raises(ImportError, match=r"xgrad.root needs optimistix.*xgrad\[fit\]"):
        xg.root(lambda x: x, 1.0)
