"""``curvefit`` of traced data: xarray prepares the slices, and the solver of ``least_squares`` fits many at once.

xarray hands each slice, without its missing values, to SciPy's ``curve_fit``. Here missing values count for nothing;
one slice is traced, and repeated for all (``slices``). The parameters are those that SciPy finds, to the last digits;
what SciPy gives up, raising RuntimeError, is NaN.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, Final, NamedTuple

import numpy as np
import xarray as xr

from xgrad.errors import UnsupportedError
from xgrad.labels.core import is_traced_array
from xgrad.labels.duck.elementwise import as_traced
from xgrad.labels.methods.fitting import is_traced
from xgrad.labels.methods.least_squares import Local, Problem, minimise, solve_definite
from xgrad.labels.methods.slices import in_one
from xgrad.labels.scope import FREE, current_trace

Array = Any


class Report:
    """What ``xgrad.curvefit`` wants to know beside the parameters, and what its residuals are multiplied by."""

    def __init__(self, weights: Any = None) -> None:
        self.weights = weights  # a DataArray, or none; NaN and 0 leave a value out
        self.found: list[dict[str, xr.DataArray]] = []  # for each variable, by the names of DETAILS


DETAILS: Final = {"stderr": ["param"], "chi2": [], "dof": [], "success": []}  # and their core dims


class Fit(NamedTuple):
    """One call of ``curvefit``: what the function of a slice must know."""

    func: Callable[..., Array]
    skipna: bool
    coords: int  # how many there are
    report: Report | None


_FIT: ContextVar[Fit | None] = ContextVar("fit", default=None)
_REPORT: ContextVar[Report | None] = ContextVar("report", default=None)


@contextmanager
def reporting(report: Report) -> Iterator[None]:
    """Within it, ``curvefit`` of traced data fills a report."""
    token = _REPORT.set(report)
    try:
        yield
    finally:
        _REPORT.reset(token)


def curvefit(original: Callable[..., xr.Dataset]) -> Callable[..., xr.Dataset]:
    """``Dataset.curvefit``, which leaves word for ``apply_fit``."""

    def fit(
        self: xr.Dataset,
        coords: Any,
        func: Callable[..., Any],
        reduce_dims: Any = None,
        skipna: bool = True,
        *args: Any,
        **kwargs: Any,
    ) -> xr.Dataset:
        single = isinstance(coords, str | xr.DataArray) or not np.iterable(coords)
        along = [coords] if single else list(coords)
        token = _FIT.set(Fit(func, skipna, len(along), _REPORT.get()))
        try:
            return original(self, along, func, reduce_dims, skipna, *args, **kwargs)
        finally:
            _FIT.reset(token)

    return fit


def apply_fit(original: Callable[..., Any]) -> Callable[..., Any]:
    """``apply_ufunc`` as ``curvefit`` calls it: with a function of one slice that can be traced, where data is."""

    def apply(func: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        fit = _FIT.get()
        if fit is None:
            return original(func, *args, **kwargs)
        if not any(is_traced(x) for x in args):
            like = _captured(fit, args)
            if like is None:
                return original(func, *args, **kwargs)
            args = (args[0].copy(data=as_traced(args[0].values, like)), *args[1:])

        return _applied(original, fit, args, kwargs)

    return apply


def _applied(
    original: Callable[..., Any], fit: Fit, args: Sequence[Any], kwargs: dict[str, Any]
) -> Any:
    """The parameters and their covariance; the rest goes into the report, if one is wanted."""
    report = fit.report

    @in_one
    def of_slice(data: Array, *rest: Array, **options: Any) -> tuple[Array, ...]:
        return tuple(_fitted(fit, data, rest, options).values())

    if report is None:
        return original(in_one(lambda *a, **k: of_slice(*a, **k)[:2]), *args, **kwargs)
    cores, out = kwargs["input_core_dims"], kwargs["output_core_dims"]
    if report.weights is not None:
        others = set(args[0].dims) - set(cores[0])
        args, cores = (
            [*args, report.weights.broadcast_like(args[0], exclude=others)],
            [*cores, cores[0]],
        )
    dtypes = (*kwargs["output_dtypes"], np.float64, np.float64, np.int64, np.bool_)
    more = {
        "input_core_dims": cores,
        "output_core_dims": [*out, *DETAILS.values()],
        "output_dtypes": dtypes,
    }
    params, covariance, *rest = original(of_slice, *args, **{**kwargs, **more})
    report.found.append(dict(zip(DETAILS, rest, strict=True)))
    return params, covariance


def _captured(fit: Fit, args: Sequence[Any]) -> Array | None:
    """A traced array, where the function to fit has captured one: seen by calling it with first guesses."""
    if current_trace() is FREE:
        return None
    positions, size = args[1 : 1 + fit.coords], (len(args) - 1 - fit.coords) // 3
    guesses = [np.ravel(x)[0] for x in args[1 + fit.coords :][:size]]
    found = fit.func(np.squeeze(np.vstack([np.ravel(c) for c in positions])), *guesses)
    return found if is_traced_array(found) else None


# ---- one slice ---------------------------------------------------------------------------------

_UNUSED: Final = {"check_finite", "ftol", "gtol", "method", "xtol", "jac", "x_scale", "verbose"}
_KNOWN: Final = {"absolute_sigma", "max_nfev", "maxfev", "sigma", *_UNUSED}


def _fitted(
    fit: Fit, data: Array, rest: Sequence[Array], options: dict[str, Any]
) -> dict[str, Array]:
    """The parameters that fit a slice best, their covariance, and the ``DETAILS``."""
    _check(options)
    weights = _weights(fit, rest, options, data)
    positions, given = rest[: fit.coords], rest[fit.coords :]
    size = len(given) // 3
    start, lower, upper = (_stacked(given[k * size : (k + 1) * size], data) for k in range(3))
    x, y = np.vstack([np.ravel(c) for c in positions]), np.ravel(data)
    valid = np.any(~np.isnan(x), axis=0) & ~np.isnan(y) if fit.skipna else np.ones(y.shape, bool)
    if y.shape[0] < size:
        raise TypeError(
            f"curvefit: {size} parameters cannot be found from {y.shape[0]} values.\n"
            "Fit along more values, or fewer parameters."
        )
    if fit.report is not None and fit.report.weights is not None:
        valid = valid & (weights > 0)  # NaN is not
        weights = np.where(valid, weights, 0.0)
    at, y = np.squeeze(x), np.where(valid, y, 0.0)

    def residuals(params: Array) -> Array:
        apart = fit.func(at, *[params[k] for k in range(size)]) - y
        return np.where(valid, apart, 0.0) * weights

    limit = options.get("maxfev") or options.get("max_nfev") or 200 * (size + 1)
    problem = Problem.of(residuals, start)
    count = np.sum(valid)
    bounded = any(is_traced_array(x) or np.any(np.isfinite(x)) for x in given[size:])
    found = minimise(problem, start, lower, upper, int(limit), bounded=bounded)
    found = np.where(count >= size, found, np.nan)
    absolute = bool(options.get("absolute_sigma"))
    there = problem.local(found)
    covariance = _covariance(there, found, count, absolute)
    return {
        "params": found,
        "covariance": covariance,
        "stderr": np.sqrt(np.stack([covariance[k, k] for k in range(size)])),
        "chi2": np.where(np.isnan(found[0]), np.nan, 2 * there.cost),
        "dof": count - size,
        "success": ~np.any(np.isnan(found)),
    }


def _weights(fit: Fit, rest: Sequence[Array], options: dict[str, Any], data: Array) -> Array:
    """What residuals are multiplied by: the last of the arguments where a report says so, or by SciPy's ``sigma``."""
    if fit.report is None or fit.report.weights is None:
        return 1 / _sigma(options, np.ravel(data))
    return np.ravel(rest[-1])


def _check(options: dict[str, Any]) -> None:
    unknown = sorted(set(options) - _KNOWN)
    if unknown or np.ndim(options.get("sigma", 0)) > 1:
        what = ", ".join(unknown) or "a matrix of sigma"
        raise UnsupportedError(
            f"curvefit with {what} for SciPy's curve_fit has no traced form.\n"
            "Leave it out, call DataArray.curvefit outside of compiled functions, or minimise a cost of your own."
        )


def _stacked(numbers: Sequence[Array], like: Array) -> Array:
    """Numbers, traced or not, along one axis."""
    return np.stack([as_traced(x, like).astype(np.float64) for x in numbers])  # pyright: ignore


def _sigma(options: dict[str, Any], y: Array) -> Array:
    sigma = options.get("sigma")
    if sigma is None:
        return 1.0
    if np.shape(sigma) != y.shape:
        raise ValueError(
            f"curvefit: `sigma` has the shape {np.shape(sigma)}; it must be {y.shape}."
        )
    return sigma


def _covariance(there: Local, params: Array, count: Array, absolute: bool) -> Array:
    """The inverse of the normal matrix, by the variance of the residuals unless these have a known scale.

    Infinite where there are no more values than parameters, or the parameters are not determined.
    """
    cost, _, normal = there
    size = params.shape[0]
    scale = np.sqrt(np.stack([normal[k, k] for k in range(size)]))
    scales = scale[:, None] * scale[None, :]
    units = np.eye(size)
    columns = [solve_definite(normal / scales, as_traced(unit, params)) for unit in units]
    inverse = np.stack(columns) / scales
    if absolute:
        factor = 1.0
    else:
        freedom = np.where(count > size, count - size, 1)
        factor = np.where(count > size, 2 * cost / freedom, np.inf)
    known = np.all(np.isfinite(inverse)) & np.all(np.isfinite(factor))
    found = np.where(known, np.where(known, inverse, 0.0) * np.where(known, factor, 0.0), np.inf)
    return np.where(np.isnan(params[0]), np.nan, found)
