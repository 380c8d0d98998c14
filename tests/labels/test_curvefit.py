"""``curvefit`` under the trace against eager xarray, which calls SciPy; derivatives against finite differences."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import xarray as xr

import xgrad
from tests.labels.programs import assert_gradient, assert_same
from xgrad.errors import UnsupportedError

RNG = np.random.default_rng(0)
STEPS = np.linspace(0, 5, 20)
SITE = xr.DataArray([1.0, 2.0, 3.0], dims="site", coords={"site": ["a", "b", "c"]})
TIME = xr.DataArray(STEPS, dims="time", coords={"time": STEPS})
A = (SITE * np.exp(-TIME / 2) + RNG.normal(0, 0.05, (3, 20))).assign_attrs(units="K").rename("y")
HOLED = A.where(A > 0.1)
TIGHT = {"ftol": 1e-14, "xtol": 1e-14, "gtol": 1e-14}


def decay(t: Any, size: Any, rate: Any = 1.5) -> Any:
    return size * np.exp(-t / rate)


FITS: dict[str, Callable[[Any], Any]] = {
    "plain": lambda a: a.curvefit("time", decay),
    "guesses": lambda a: a.curvefit("time", decay, p0={"size": SITE, "rate": 1.5}),
    "bounds": lambda a: a.curvefit("time", decay, bounds={"rate": (0, 5)}),
    "at a bound": lambda a: a.curvefit("time", decay, bounds={"rate": (0, 1.6)}, kwargs=TIGHT),
    "over two dims": lambda a: a.curvefit(["time"], decay, reduce_dims="site"),
    "dataset": lambda a: a.to_dataset().curvefit("time", lambda x, a, b, c: a + b * x + c * x**2),
    "one slice": lambda a: a.isel(site=0).curvefit("time", decay),
    "names of parameters": lambda a: a.curvefit(
        "time", lambda x, *p: p[0] + p[1] * x, param_names=["i", "s"], p0={"i": 0, "s": 1}
    ),
    "two coords": lambda a: a.drop_vars("site").curvefit(
        [SITE.drop_vars("site") + 0 * a.time, a.time],
        lambda x, size, rate: size * x[0] * np.exp(-x[1] / rate),
        reduce_dims=["site", "time"],
    ),
    "failures ignored": lambda a: a.curvefit("time", decay, errors="ignore"),
}


def assert_fits(fit: Callable[..., Any], *args: Any) -> None:
    """The same result; the covariance is SciPy's only as far as its differences go."""
    want = fit(*args)
    got = xgrad.jit(fit).reference(*args)
    assert_same(got, want, rtol=1e-3)
    for name in [k for k in want if "coefficients" in k]:
        assert_same(got[name], want[name], rtol=1e-6)


@pytest.mark.parametrize("fit", FITS)
def test_fits(fit: str) -> None:
    assert_fits(FITS[fit], HOLED)


def test_compiled() -> None:
    assert_same(xgrad.jit(FITS["plain"])(A), FITS["plain"](A), rtol=1e-4)


def test_known_errors() -> None:
    kwargs = {"sigma": 1 + STEPS, "absolute_sigma": True}
    assert_fits(lambda a: a.curvefit("time", decay, kwargs=kwargs), A)


def test_nothing_to_fit_is_nan() -> None:
    empty = A.where(SITE > 1)
    assert_fits(lambda a: a.curvefit("time", decay), empty)


def test_traced_guesses_and_bounds() -> None:
    def fit(a: Any, s: Any) -> Any:
        start, limits = {"size": s * 1.1}, {"rate": (0.0 * s, s * 0 + 1.6)}
        return a.curvefit("time", decay, p0=start, bounds=limits, kwargs=TIGHT)

    assert_fits(fit, A, SITE)


@pytest.mark.parametrize(
    "fit", ["plain", *[pytest.param(f, marks=pytest.mark.slow) for f in ("at a bound", "dataset")]]
)
def test_gradients(fit: str) -> None:
    assert_gradient(FITS[fit], HOLED, eager=xgrad.jit(FITS[fit]), rtol=1e-4)


def test_gradients_by_what_the_function_captures_and_by_bounds() -> None:
    def fit(c: Any) -> Any:
        def shifted(t: Any, size: Any, rate: Any) -> Any:
            return decay(t, size, rate) + c.data

        limits = {"rate": (0, xr.where(SITE > 1, 1.3 + c, 9))}
        return A.curvefit("time", shifted, bounds=limits).curvefit_coefficients

    assert_gradient(fit, xr.DataArray(0.1), eager=xgrad.jit(fit))


def test_a_traced_array_in_the_function_alone() -> None:
    def fit(c: Any) -> Any:
        shifted = lambda t, size, rate: decay(t, size, rate) + c.data  # noqa: E731
        return A.curvefit("time", shifted, kwargs=TIGHT)

    assert_fits(fit, xr.DataArray(0.1))


@pytest.mark.slow
def test_second_derivatives() -> None:
    def gradient(a: xr.DataArray) -> xr.DataArray:
        return xgrad.grad(lambda a: a.curvefit("time", decay).curvefit_coefficients.sum())(a)

    assert_gradient(gradient, A.isel(site=0), eager=xgrad.jit(gradient), rtol=1e-4)


def test_one_loop_for_all_slices() -> None:
    names = xgrad.jit(FITS["plain"]).stages(A).names
    assert str(xgrad.dprint(names, file="str")).count("least_squares") == 1


def test_mistakes() -> None:
    with pytest.raises(TypeError, match="2 parameters cannot be found from 1 values"):
        xgrad.jit(lambda a: a.curvefit("time", decay))(A[:, :1])
    with pytest.raises(UnsupportedError, match="curvefit with loss for SciPy's curve_fit"):
        xgrad.jit(lambda a: a.curvefit("time", decay, kwargs={"loss": "cauchy"}))(A)
    with pytest.raises(ValueError, match="has unexpected dimensions"):
        xgrad.jit(lambda a: a.curvefit("time", decay, p0={"size": TIME}))(A)


def test_no_solution_is_nan() -> None:
    stuck = xgrad.jit(lambda a: a.curvefit("time", decay, kwargs={"maxfev": 1}))(A)
    assert stuck.curvefit_coefficients.isnull().all()
