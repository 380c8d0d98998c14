"""``xgrad.curvefit`` against eager xarray, which calls SciPy slice by slice, and against SciPy itself."""

import numpy as np
import pytest
import scipy.optimize
import xarray as xr

import xgrad as xg
from xgrad.errors import (
    AlignmentError,
    ArgumentError,
    DimensionError,
    FitError,
    UnsupportedTypeError,
)

STEPS = np.linspace(0, 5, 20)
TIME = xr.DataArray(STEPS, dims="time", coords={"time": STEPS})
SITE = xr.DataArray([1.0, 2.0, 3.0], dims="site", coords={"site": ["a", "b", "c"]})
NOISE = np.random.default_rng(0).normal(0, 0.05, (3, 20))
Y = (SITE * np.exp(-TIME / 2) + NOISE).assign_attrs(units="K").rename("y")
HOLED = Y.where(Y > 0.1)
TIGHT = {"ftol": 1e-14, "xtol": 1e-14, "gtol": 1e-14}


def decay(t, size, rate=1.5):
    return size * np.exp(-t / rate)


def assert_as_xarray(found: xr.Dataset, want: xr.Dataset) -> None:
    """The variables that xarray gives, with its labels and attrs; the covariance as far as SciPy's differences go."""
    assert found[list(want)].attrs == want.attrs
    for name in want:
        xr.testing.assert_allclose(found[name], want[name], rtol=1e-3 if "cov" in name else 1e-6)


def test_many_pixels_with_gaps():
    rng = np.random.default_rng(1)
    t = xr.DataArray(np.linspace(0, 5, 50), dims="time", coords={"time": np.linspace(0, 5, 50)})
    pixels = ("pixel", 60)
    size, rate = (
        xr.DataArray(rng.uniform(a, b, pixels[1]), dims="pixel") for a, b in ((1, 3), (0.5, 2))
    )
    y = size * np.exp(-t / rate) + 0.05 * xr.DataArray(
        rng.normal(size=(60, 50)), dims=("pixel", "time")
    )
    y = y.where(xr.DataArray(rng.uniform(size=(60, 50)) > 0.1, dims=("pixel", "time")))
    assert_as_xarray(xg.curvefit(y, "time", decay), y.curvefit("time", decay, kwargs=TIGHT))


def peak(x, height, centre, width):
    return height * np.exp(-0.5 * ((x - centre) / width) ** 2)


def test_what_minpack_finds_from_afar():
    """From the guesses 1, 1, 1 many first steps lead to where the curve is flat."""
    rng = np.random.default_rng(2)
    x = np.linspace(0.1, 5, 50)
    truth = rng.uniform([1, 1, 0.5], [3, 3, 1], (60, 3)).T[:, :, None]
    values = peak(x, *truth) + 0.03 * rng.normal(size=(60, 50))
    y = xr.DataArray(values, dims=("pixel", "x"), coords={"x": x})
    found, want = xg.curvefit(y, "x", peak), y.curvefit("x", peak, kwargs=TIGHT)
    fits = [abs(fit.curvefit_coefficients) for fit in (found, want)]  # a width's sign is nothing
    xr.testing.assert_allclose(*fits, rtol=1e-6)


@pytest.mark.parametrize("rate", [3.0, 10.0])
def test_what_had_a_great_effect_at_the_start_moves_all_the_same(rate):
    """Where growth is guessed to be much too fast, steps are not damped by its effect there forever."""
    t = np.linspace(0.1, 10, 40)
    rng = np.random.default_rng(3)
    values = 2 * np.exp(0.3 * t) * (1 + 0.02 * rng.normal(size=(5, 40)))
    y = xr.DataArray(values, dims=("pixel", "t"), coords={"t": t})
    found = xg.curvefit(y, "t", lambda t, a, b: a * np.exp(b * t), p0={"a": 1.0, "b": rate})
    want = y.curvefit("t", lambda t, a, b: a * np.exp(b * t), p0={"a": 2.0, "b": 0.3}, kwargs=TIGHT)
    assert_as_xarray(found, want)


def test_some_pixels_at_a_time(monkeypatch):
    y = xr.concat([(1 + k) * HOLED.isel(site=k % 3, drop=True) for k in range(7)], "site")
    both = xr.concat([y, 2 * y], "row").transpose("site", "row", "time")
    whole = xg.curvefit(both.transpose("row", ...), "time", decay)
    monkeypatch.setattr("xgrad.jax_backend.batch.IN_CACHE", 1000)  # two sites: one is left over
    xr.testing.assert_allclose(xg.curvefit(both, "time", decay), whole.transpose("site", ...))


@pytest.mark.parametrize(
    "options",
    [
        {"p0": {"size": SITE, "rate": 1.5}},
        {"p0": {"size": SITE}, "bounds": {"rate": (0, 5 * SITE), "size": (0, np.inf)}},
        {"reduce_dims": "site"},
    ],
    ids=["guesses", "bounds", "two dims"],
)
def test_options_of_xarray(options):
    assert_as_xarray(
        xg.curvefit(HOLED, "time", decay, **options),
        HOLED.curvefit("time", decay, **options, kwargs=TIGHT),
    )


def test_names_of_parameters_and_coords_as_arrays():
    def line(t, *coefficients):
        return coefficients[0] + coefficients[1] * t

    names = ["level", "slope"]
    want = HOLED.curvefit("time", line, param_names=names, kwargs=TIGHT)
    for coords, given in (("time", names), (TIME, tuple(names)), ([HOLED.time], names)):
        assert_as_xarray(xg.curvefit(HOLED, coords, line, param_names=given), want)


def test_several_coords():
    where = xr.DataArray([0.0, 0.5, 2.0], dims="at", coords={"at": [0.0, 0.5, 2.0]})
    y = (HOLED + 0.3 * where).transpose("at", "site", "time")

    def plane(coords, level, slope, rate):
        at, time = coords
        return level + slope * at * np.ones_like(time) + rate * time

    want = y.curvefit(["at", "time"], plane, kwargs=TIGHT)
    assert_as_xarray(xg.curvefit(y, ["at", "time"], plane), want)
    assert_as_xarray(xg.curvefit(y, [where, "time"], plane), want)


def test_datasets():
    both = xr.Dataset({"y": HOLED, "z": 2 * Y})
    found = xg.curvefit(both, "time", decay)
    assert_as_xarray(found, both.curvefit("time", decay, kwargs=TIGHT))
    assert {"y_curvefit_stderr", "z_curvefit_success", "z_curvefit_chi2"} <= set(found)


@pytest.mark.parametrize("absolute", [False, pytest.param(True, marks=pytest.mark.slow)])
def test_details_are_those_of_scipy(absolute):
    sigma = 0.05 + 0.02 * SITE * (1 + TIME)
    found = xg.curvefit(HOLED, "time", decay, sigma=sigma, absolute_sigma=absolute)
    for site in SITE.site.values:
        y, s = HOLED.sel(site=site).values, sigma.sel(site=site).values
        there = ~np.isnan(y)
        params, covariance = scipy.optimize.curve_fit(
            decay, STEPS[there], y[there], [1, 1.5], s[there], absolute, **TIGHT
        )
        chi2 = (((y - decay(STEPS, *params)) / s)[there] ** 2).sum()
        one = found.sel(site=site)
        np.testing.assert_allclose(one.curvefit_coefficients, params, rtol=1e-6)
        np.testing.assert_allclose(one.curvefit_stderr, np.sqrt(np.diag(covariance)), rtol=1e-4)
        np.testing.assert_allclose(one.curvefit_covariance, covariance, rtol=1e-4)
        assert float(one.curvefit_chi2) == pytest.approx(chi2)
        assert int(one.curvefit_dof) == there.sum() - 2
    assert found.curvefit_success.dims == ("site",) and bool(found.curvefit_success.all())


def test_weights_are_one_over_sigma_and_zero_leaves_out():
    sigma = xr.where(TIME > 1, 0.1 + 0.1 * TIME, np.inf)
    by_sigma = xg.curvefit(Y.where(TIME > 1), "time", decay, sigma=0.1 + 0.1 * TIME)
    xr.testing.assert_allclose(by_sigma, xg.curvefit(Y, "time", decay, weights=1 / sigma))


# ---- in programs, and derivatives ------------------------------------------------------------------------------------
def test_compiled_and_within_other_functions():
    eager = xg.curvefit(HOLED, "time", decay)
    inside = xg.jit(lambda y: xg.curvefit(y, "time", decay))(HOLED)
    xr.testing.assert_allclose(inside, eager)
    captured = xg.jit(lambda s: xg.curvefit(HOLED, "time", decay).curvefit_chi2 + 0 * s)(SITE)
    xr.testing.assert_allclose(captured, eager.curvefit_chi2)


def test_other_data_do_not_compile_again():
    from xgrad.transforms.solvers.curvefit import Plan, _kept_program  # noqa: PLC0415

    def curve(t, a):
        return a * t

    for factor in (1.0, 2.0):
        xg.curvefit(factor * Y, "time", curve, p0={"a": factor})
    info = _kept_program(Plan(curve, (), True, None, ())).cache_info()
    assert (info.traces, info.hits) == (1, 1)


@pytest.mark.parametrize("ad", ["symbolic", pytest.param("jax", marks=pytest.mark.slow)])
def test_gradients_are_differences(ad):
    def cost(y, sigma):
        found = xg.curvefit(y, "time", decay, sigma=sigma)
        return (found.curvefit_coefficients**2).sum() + found.curvefit_stderr.sum()

    y, sigma = HOLED.isel(site=[0, 1]), 0.1 + 0.1 * TIME
    by_y, by_sigma = xg.grad(xg.jit(cost, ad=ad), (0, 1))(y, sigma)
    direction = np.random.default_rng(2).normal(size=20)
    h = 1e-5
    for gradient, move in ((by_y, lambda e: (y + e, sigma)), (by_sigma, lambda e: (y, sigma + e))):
        step = h * xr.DataArray(direction, dims="time")
        near = (float(cost(*move(step))) - float(cost(*move(-step)))) / (2 * h)
        assert float((gradient * direction).sum()) == pytest.approx(near, rel=1e-4)
    assert not by_y.isnull().any() and float(abs(by_y.where(y.isnull())).max()) == 0


# ---- what does not fit -----------------------------------------------------------------------------------------------
def test_failures_raise_or_are_nan():
    few = Y.where((SITE > 1) | (TIME < 0.1))
    with pytest.raises(FitError) as error:
        xg.curvefit(few, "time", decay)
    assert str(error.value) == (
        "curvefit: 1 of 3 fits found no parameters; the first, at site='a': there are 1 values for 2 parameters.\n"
        "Give better first guesses (p0) or bounds, or pass errors='ignore' to have NaN there."
    )
    found = xg.curvefit(few, "time", decay, errors="ignore")
    assert found.curvefit_success.values.tolist() == [False, True, True]
    assert bool(found.sel(site="a").curvefit_coefficients.isnull().all())
    assert bool(found.sel(site="a").curvefit_stderr.isnull().all())
    with pytest.raises(
        RuntimeError, match=r"curvefit of 'y': no parameters were found: the search came"
    ):
        xg.curvefit(Y.isel(site=0).to_dataset(), "time", decay, kwargs={"maxfev": 1})


def test_where_there_is_nothing_to_fit_nan_is_the_answer():
    empty = Y.where(SITE > 1)
    assert_as_xarray(xg.curvefit(empty, "time", decay), empty.curvefit("time", decay, kwargs=TIGHT))


OTHER = SITE.assign_coords(site=["a", "x", "c"])
MISTAKES = {
    "data": ({"data": Y.values}, ArgumentError, "data is a DataArray or a Dataset, not ndarray."),
    "errors": ({"errors": "warn"}, ArgumentError, "errors is 'raise' or 'ignore', not 'warn'."),
    "coord": (
        {"coords": "tim"},
        ArgumentError,
        "there is no coord 'tim'; the data has ['site', 'time']; did you mean 'time'?\n"
        "Give the dim labels with assign_coords, or pass a DataArray.",
    ),
    "no dim": (
        {"coords": TIME + 1},
        DimensionError,
        "the coords are no dims of the data, which are ['site', 'time'].\nName the dims to fit along with reduce_dims.",
    ),
    "reduce_dims": (
        {"reduce_dims": "place"},
        DimensionError,
        "reduce_dims names 'place'; the dims of the data are ['site', 'time'].",
    ),
    "parameter": (
        {"p0": {"raet": 1.0}},
        ArgumentError,
        "p0 names the parameter 'raet'; they are ['size', 'rate']; did you mean 'rate'?",
    ),
    "mapping": (
        {"bounds": (0, 1)},
        ArgumentError,
        "bounds is a mapping {name: (lower, upper)}, not tuple.",
    ),
    "pair": (
        {"bounds": {"rate": 3}},
        ArgumentError,
        "the bounds of 'rate' are a pair (lower, upper), None for no bound; not 3.",
    ),
    "dim of a guess": (
        {"p0": {"rate": TIME}},
        DimensionError,
        "the first guess of 'rate' has the dim 'time', which is none other than those fitted along; they are ['site'].",
    ),
    "labels of a bound": (
        {"bounds": {"rate": (0.0, OTHER)}},
        AlignmentError,
        "the upper bound of 'rate' has other labels along 'site' than the data:"
        " 'x' where that has 'b', at position 1.\n"
        "Bring them into line with reindex_like or xr.align.",
    ),
    "length of sigma": (
        {"sigma": TIME[:5]},
        AlignmentError,
        "sigma has 5 entries along 'time', and the data 20.",
    ),
    "no labels": (
        {"weights": np.ones(20)},
        ArgumentError,
        "weights is a number or a DataArray, whose dims say what belongs together; not ndarray.",
    ),
    "bounds that cross": (
        {"bounds": {"rate": (SITE, 2.0)}},
        ArgumentError,
        "the lower bound of 'rate' is not below the upper one: 2 and 2, at site='b'.",
    ),
    "guess outside": (
        {"bounds": {"rate": (None, 2.0)}, "p0": {"rate": SITE}},
        ArgumentError,
        "the first guess of 'rate' lies above its upper bound: 3 and 2, at site='c'.",
    ),
    "sigma": ({"sigma": TIME}, ArgumentError, "sigma is not positive: 0, at time=0.0."),
    "no parameters": (
        {"func": lambda t: t},
        ArgumentError,
        "the function has no parameters beside the coord.",
    ),
    "complex numbers": (
        {"data": Y + 1j},
        UnsupportedTypeError,
        "'y' has the dtype complex128; curves are fitted to real numbers.",
    ),
    "any number of parameters": (
        {"func": lambda t, *p: p[0] * t},
        ArgumentError,
        "the function takes any number of parameters; name them with param_names.",
    ),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_mistakes(mistake):
    given, kind, message = MISTAKES[mistake]
    with pytest.raises(kind) as error:
        xg.curvefit(**{"data": Y, "coords": "time", "func": decay, **given})
    assert str(error.value) == f"curvefit: {message}"


def test_dates_are_no_numbers():
    dated = Y.assign_coords(time=np.datetime64("2000-01-01", "ns") + np.arange(20))
    with pytest.raises(UnsupportedTypeError, match="the coord 'time' has the dtype datetime64"):
        xg.curvefit(dated, "time", decay)
    days = TIME.drop_vars("time")
    found = xg.curvefit(dated, days, decay, reduce_dims="time")
    xr.testing.assert_allclose(found, xg.curvefit(Y, "time", decay))
