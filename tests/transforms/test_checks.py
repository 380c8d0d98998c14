"""Run-time checks: what they find, where they say it is, what they let pass, and that they cost nothing when off."""

import re

import jax
import numpy as np
import pytest
import xarray as xr

import xgrad as xg
from xgrad.errors import (
    ArgumentError,
    LabelNotFoundError,
    NonFiniteError,
    NotDefiniteError,
    OutOfRangeError,
)
from xgrad.options import current_options

RAIN = xr.DataArray(
    [[2.0, 0.0], [np.nan, 3.0]], {"time": [10, 20], "city": ["Oslo", "Rome"]}, ("time", "city")
)
WHOLE = RAIN.fillna(1.0)
PLACES = xr.DataArray([0, 2], dims="k")


def message(program, *args, ad="symbolic"):
    """What the checks say of a call, without the number of the line."""
    with xg.checks(), pytest.raises(xg.errors.XgradError) as caught:
        xg.jit(program, ad=ad)(*args)
    return re.sub(r"test_checks\.py:\d+", "LINE", str(caught.value))


# ---- positions and labels ------------------------------------------------------------------------------------------


def test_a_position_out_of_range():
    assert message(lambda x, i: x.isel(city=i), RAIN, PLACES) == (
        "LINE: cannot index dim 'city' at 2: it has size 2, at position 1 along k.\n"
        "Positions run from -2 to 1; without checks those beyond are taken to be the nearest in range."
    )


@pytest.mark.parametrize("position", [-3, 2, 5])
def test_each_position_beyond_the_ends(position):
    with xg.checks(), pytest.raises(OutOfRangeError, match=f"dim 'city' at {position}: .* size 2"):
        xg.jit(lambda x, i: x.isel(city=i))(RAIN, position)
    with xg.checks(), pytest.raises(IndexError):
        xg.jit(lambda x, i: x[:, i])(RAIN, position)


def test_positions_in_range_give_what_xarray_gives():
    places = xr.DataArray([0, -1, -2, 1], dims="k")
    with xg.checks():
        found = xg.jit(lambda x, i: x.isel(city=i))(RAIN, places)
    xr.testing.assert_identical(found, RAIN.isel(city=places))


def test_writing_out_of_range():
    def write(x, i):
        x[{"city": i}] = 1.0
        return x

    assert "cannot index dim 'city' at 2" in message(write, RAIN, PLACES)


def test_without_checks_positions_are_clipped():
    found = xg.jit(lambda x, i: x.isel(city=i))(RAIN, PLACES)
    np.testing.assert_array_equal(found, RAIN.isel(city=[0, 1]))


def test_a_label_that_is_not_there():
    asked = xr.DataArray([10, 21], dims="k")
    assert message(lambda x, t: x.sel(time=t), RAIN, asked) == (
        "LINE: 21 is not among the labels of dim 'time', which run from 10 to 20, at position 1 along k.\n"
        "Look up with method='nearest', or mask such entries; without checks the next label is taken, or the last."
    )
    with xg.checks(), pytest.raises(LabelNotFoundError):
        xg.jit(lambda x, t: x.sel(time=t))(RAIN, 20.5)
    with (
        xg.checks(),
        pytest.raises(KeyError, match=r"9\.5 is before all of the labels of dim 'time'"),
    ):
        xg.jit(lambda x, t: x.sel(time=t, method="pad"))(RAIN, 9.5)


def test_labels_that_are_there_give_what_xarray_gives():
    asked = xr.DataArray([20, 10, 20], dims="k")
    with xg.checks():
        found = xg.jit(lambda x, t: x.sel(time=t))(RAIN, asked)
    xr.testing.assert_identical(found, RAIN.sel(time=asked))


# ---- finite values -------------------------------------------------------------------------------------------------

KEEP_OUT = (
    "\nKeep such entries out before, as in xr.where(x > 0, x, 1), and choose after;"
    " where the place is a derivative, the line is that of the value it belongs to."
)


def test_op_line_and_labels_of_what_is_not_finite():
    said = message(lambda x: (1 / x).sum(), RAIN)
    assert said == f"LINE: divide made inf of finite values, at time=10, city='Rome'.{KEEP_OUT}"


def test_what_is_skipped_as_missing_counts():
    said = message(lambda x: np.log(x - 1).mean("city"), WHOLE)
    assert said.startswith("LINE: log made nan of finite values, at time=10, city='Rome'.")


@pytest.mark.parametrize("ad", ["symbolic", "jax"])
def test_derivatives_are_looked_at(ad):
    said = message(xg.grad(lambda x: np.sqrt(x.fillna(1)).sum()), RAIN, ad=ad)
    assert " made inf of finite values, at time=10, city='Rome'." in said


@pytest.mark.parametrize("ad", ["symbolic", "jax"])
def test_forward_values_of_a_derivative_are_looked_at(ad):
    said = message(xg.value_and_grad(lambda x: np.log(x - 2).sum()), WHOLE, ad=ad)
    assert said.startswith("LINE: log made ")


def test_the_step_of_a_loop():
    def run(x):
        return xg.scan(lambda c, r: (c / (r - 1), c), xr.DataArray(1.0), x, dim="time")[1]

    said = message(run, WHOLE.isel(city=0))
    assert said.startswith(
        "LINE: divide made inf of finite values, in the step time=20 of the loop at LINE."
    )


def test_the_step_of_a_loop_in_a_loop():
    def inner(c, r):
        return c + 1 / (r - 3), None

    def outer(c, row):
        return xg.scan(inner, c, row, dim="city")

    said = message(lambda x: xg.scan(outer, xr.DataArray(0.0), x, dim="time")[0], WHOLE)
    assert said.startswith(
        "LINE: divide made inf of finite values, in the step city='Rome' of the loop at LINE,"
        " in the step time=20 of the loop at LINE."
    )


def test_the_step_of_a_loop_run_backwards():
    def run(x):
        return xg.scan(
            lambda c, r: (c / (r - 1), c), xr.DataArray(1.0), x, dim="time", reverse=True
        )[0]

    x = xr.DataArray([1.0, 3.0, 1.0], {"time": [10, 20, 30]}, ("time",))
    assert "in the step time=30 of" in message(run, x)


def test_the_step_of_a_while_loop():
    def run(x):
        step = lambda c: {"n": c["n"] - 1, "x": x / (c["n"] - 2)}  # noqa: E731
        return xg.while_loop(lambda c: c["n"] > 0, step, {"n": 4.0, "x": x})["x"]

    said = message(run, WHOLE.isel(time=1))
    assert said.startswith(
        "LINE: divide made inf of finite values, at city='Oslo', in step 2 of the loop at LINE."
    )


def test_gradients_of_loops():
    def cost(x):
        return xg.scan(lambda c, r: (np.sqrt(c * r), None), xr.DataArray(1.0), x, dim="time")[0]

    said = message(xg.grad(cost), xr.DataArray([1.0, 0.0], {"time": [1, 2]}, ("time",)))
    assert "in the step time=2 of the loop" in said


def test_branches_and_maps():
    said = message(lambda x: xg.cond(x.sum() > 0, np.log, abs, x - 2), WHOLE + 2)
    assert said.startswith("LINE: log made -inf of finite values, at time=10, city='Rome'.")
    said = message(lambda x: xg.vmap(lambda y: 1 / y, "time")(x), WHOLE)
    assert "divide made inf of finite values, at time=10, city='Rome'" in said


FINE = {
    "missing values stay missing": lambda x: x * 2,
    "and are skipped": lambda x: x.mean("city"),
    "also where nothing is left": lambda x: x.where(x > 100).mean("city"),
    "in groups": lambda x: x.groupby("time").mean("time"),
    "what where does not choose": lambda x: xr.where(x > 0, np.log(x), 0.0),
    "and its gradient": xg.grad(lambda x: xr.where(x > 0, np.sqrt(x), 0.0).sum()),
    "infinities on the way": lambda x: np.exp(-np.exp(x.fillna(0) + 1000)),
    "extremes": lambda x: x.max("time") - x.min(),
    "windows": lambda x: x.rolling(time=2).mean(),
    "interpolation": lambda x: x.interp(time=[12, 40]),
    "quantiles": lambda x: x.quantile(0.3, "city"),
    "weights": lambda x: x.weighted(x.fillna(0)).mean("city"),
}


@pytest.mark.parametrize("name", FINE)
def test_what_is_fine(name):
    with np.errstate(all="ignore"):
        expected = xg.jit(FINE[name])(RAIN)
        with xg.checks():
            found = xg.jit(FINE[name])(RAIN)
    xr.testing.assert_allclose(found, expected)


# ---- definite matrices ---------------------------------------------------------------------------------------------

MATRICES = xr.DataArray(
    np.stack([np.eye(2), -np.eye(2)]), {"city": ["Oslo", "Rome"]}, ("city", "i", "j")
)


def cholesky(m):
    core = [["i", "j"]]
    return xr.apply_ufunc(np.linalg.cholesky, m, input_core_dims=core, output_core_dims=core)


def test_a_matrix_that_is_not_definite():
    expected = (
        "LINE: a matrix is not positive definite, and has no Cholesky factor, at city='Rome'.\n"
        "Is it symmetric, with rows that are independent? A small number added to its diagonal keeps rounding away."
    )
    assert message(cholesky, MATRICES) == expected
    assert message(lambda m: xg.linalg.cholesky(m, dims=("i", "j")), MATRICES) == expected
    assert message(lambda m: xg.linalg.cholesky(m, dims=("j", "i")), MATRICES.T) == expected
    with xg.checks("definite"), pytest.raises(np.linalg.LinAlgError):
        xg.jit(cholesky)(MATRICES)
    with xg.checks("definite"), pytest.raises(NotDefiniteError):
        xg.jit(lambda x: np.linalg.cholesky(-x.data @ x.data.T))(WHOLE)


@pytest.mark.parametrize("trial", range(2))  # the second time nothing is traced anew
def test_functions_called_on_data_at_once(trial):
    def factor():
        return xg.linalg.cholesky(MATRICES, dims=("i", "j"))

    assert np.isnan(factor()[1]).any()
    with xg.checks():
        with pytest.raises(NotDefiniteError) as caught:
            factor()
        assert re.sub(r"test_checks\.py:\d+", "LINE", str(caught.value)).startswith(
            "LINE: a matrix is not positive definite, and has no Cholesky factor, at position 1 along axis -3.\n"
        )
        with pytest.raises(
            NonFiniteError, match=r"xlogy made -inf .*, at position 1 along axis -1\."
        ):
            xg.special.xlogy(1.0, WHOLE[0])
        xr.testing.assert_identical(xg.linalg.cholesky(MATRICES[0]), MATRICES[0])


def test_each_call_has_its_own_line():
    one = lambda: xg.special.xlogy(1.0, WHOLE)  # noqa: E731
    other = lambda: xg.special.xlogy(1.0, WHOLE)  # noqa: E731
    lines = []
    for call in (one, other, one):
        with xg.checks("finite"), pytest.raises(NonFiniteError) as caught:
            call()
        lines.append(str(caught.value).split(" ")[0])
    assert lines[0] == lines[2] != lines[1]


# ---- solvers that stop ---------------------------------------------------------------------------------------------

STARTS = xr.DataArray([-4.0, 1.0], {"city": ["Oslo", "Rome"]}, ("city",))


@pytest.mark.parametrize("solver", ["root", "minimize"])
def test_a_solver_that_stops_before_it_converges(solver):
    pytest.importorskip("optimistix")
    functions = {"root": lambda x, a: x**2 + a, "minimize": lambda x, a: a * x}

    def found(a):
        x0 = {"x": xr.DataArray(3.0)}
        return getattr(xg, solver)(lambda p, a: functions[solver](p["x"], a), x0, (a,), max_steps=9)

    converged = "Oslo" if solver == "root" else None
    expected = (
        f"LINE: {solver} stopped before it converged, at city={'Rome' if converged else 'Oslo'!r}.\n"
        "Start it nearer to a solution, or give it more than max_steps=9, another method, or a larger rtol and atol."
    )
    assert message(xg.vmap(lambda a: found(a).value["x"], "city").fun, STARTS) == expected
    assert np.isfinite(xg.jit(xg.vmap(lambda a: found(a).value["x"], "city"))(STARTS)).all()
    if converged:
        with xg.checks():
            assert abs(found(STARTS.sel(city=converged)).value["x"] - 2) < 1e-6


# ---- the switch ----------------------------------------------------------------------------------------------------


def test_checks_are_part_of_the_key_and_cost_nothing_when_off():
    program = xg.jit(lambda x, i: 1 / x.isel(city=i))
    before = program.stages(RAIN, 1).optimised
    with xg.checks(), pytest.raises(NonFiniteError):
        program(RAIN, 1)
    assert np.isinf(program(RAIN, 1)[0])
    assert program.stages(RAIN, 1).optimised == before
    assert program.cache_info().traces == 2


def test_some_checks_alone():
    with xg.checks("indices"):
        assert np.isinf(xg.jit(lambda x: 1 / x)(RAIN)).any()
        with pytest.raises(OutOfRangeError):
            xg.jit(lambda x, i: x.isel(city=i))(RAIN, 9)
    with pytest.raises(ArgumentError) as error:
        xg.checks("finit")
    assert str(error.value) == (
        "the run-time checks are indices, finite, definite, converged; there is none called 'finit';"
        " did you mean 'finite'?"
    )


def test_for_good_and_as_an_option():
    before = current_options()
    try:
        xg.checks()
        assert current_options().checks == ("indices", "finite", "definite", "converged")
        xg.options(checks=False)
        assert current_options().checks == ()
    finally:
        xg.options(**before._asdict())
    with xg.options(checks=True), pytest.raises(NonFiniteError):
        xg.jit(lambda x: 1 / x)(RAIN)


def test_graphs_built_by_hand():
    with xg.checks():
        x = xg.xtensor("x", dims="city", shape=2)
        inverse = xg.function([x], 1 / x)
        with pytest.raises(NonFiniteError, match=r"divide made inf .*, at position 1 along city\."):
            inverse([1.0, 0.0])


def test_inside_jax_nothing_is_checked():
    with xg.checks():
        program = xg.jit(lambda x: 1 / x)
        assert np.isinf(jax.jit(program)(np.zeros(2, "float32"))).all()
        plain = xg.to_jax(lambda x: 1 / x, np.zeros(2, "float32"))
        assert np.isinf(plain(np.zeros(2, "float32"))).all()


def test_results_in_jax_stay_there():
    with xg.checks():
        found = xg.jit(lambda x: x + 1)(jax.numpy.ones(2))
    assert isinstance(found, jax.Array)
