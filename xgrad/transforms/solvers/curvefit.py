"""``xgrad.curvefit``: xarray's ``curvefit`` for all slices at once, with weights, standard errors and success.

xarray prepares the slices and ``labels.curvefit`` solves them, as for ``DataArray.curvefit`` in a compiled function.
Here are what it does not take or tell, and the program for calls from outside of compiled functions.
"""

from collections.abc import Callable, Hashable, Iterable, Mapping
from functools import lru_cache, partial
from typing import Any, NamedTuple

import numpy as np
import xarray as xr

from xgrad.errors import FitError
from xgrad.graph import current_source, located, user_source
from xgrad.labels.methods.curvefit import Report, reporting
from xgrad.transforms.calls.jit import Compiled, is_symbolic
from xgrad.transforms.control.carry import symbolic
from xgrad.transforms.solvers.fit_checks import (
    check_fit,
    check_numbers,
    first_place,
    is_of,
    place_of,
)

Data = xr.DataArray | xr.Dataset


class Plan(NamedTuple):
    """What is known of a fit while it is traced."""

    func: Callable[..., Any]
    reduce_dims: tuple[Hashable, ...]
    skipna: bool
    param_names: tuple[str, ...] | None
    kwargs: tuple[tuple[str, Any], ...]


class Given(NamedTuple):
    """The numbers of a fit, labeled."""

    data: Data
    coords: list[str | xr.DataArray]
    p0: dict[str, Any]
    bounds: dict[str, tuple[Any, Any]]
    weights: Any
    sigma: Any


def curvefit(
    data: Data,
    coords: str | xr.DataArray | Iterable[str | xr.DataArray],
    func: Callable[..., Any],
    reduce_dims: Hashable | Iterable[Hashable] = None,
    skipna: bool = True,
    p0: Mapping[str, Any] | None = None,
    bounds: Mapping[str, tuple[Any, Any]] | None = None,
    param_names: Iterable[str] | None = None,
    errors: str = "raise",
    kwargs: Mapping[str, Any] | None = None,
    *,
    weights: Any = None,
    sigma: Any = None,
    absolute_sigma: bool = False,
) -> xr.Dataset:
    """Fit the curve ``func(x, *params)`` along ``coords``, for every entry along all other dims of ``data`` at once.

    Arguments and results are those of ``xarray.DataArray.curvefit``: ``p0`` and ``bounds`` by the name of the
    parameter, as numbers or as DataArrays with any of the other dims; NaN is left out. Further, ``weights`` multiply
    residuals and ``sigma`` divides them, with any dims of the data; values of weight 0 or NaN are left out. With
    ``absolute_sigma`` the covariance is not scaled by the residuals.

    Gives ``curvefit_coefficients`` (…, param) and ``curvefit_covariance`` (…, cov_i, cov_j), and beside them
    ``curvefit_stderr`` (…, param), and of dims … ``curvefit_chi2``, the weighted sum of squares, ``curvefit_dof``,
    values less parameters, and ``curvefit_success``; for a Dataset, each with the name of its variable before it.

    One compiled program of damped least squares; ``func`` is traced once per kind of data, and what it captures is
    known then, as in ``xgrad.jit``. Works in compiled functions; the solution has gradients by all but ``p0``, by the
    implicit function theorem. ``kwargs`` are those of SciPy's ``curve_fit`` that have a meaning here (``maxfev``); the
    search stops at rounding, not at ``ftol``.

    Raises FitError (a RuntimeError) where no parameters are found, unless ``errors="ignore"`` or in a compiled
    function, where they are NaN. Raises ArgumentError for names, bounds and first guesses that do not fit,
    DimensionError for dims, AlignmentError for labels, UnsupportedTypeError for a coord of dates.

    >>> import numpy as np, xarray as xr, xgrad as xg
    >>> t = xr.DataArray([0.0, 1.0, 2.0, 3.0], dims="t", coords={"t": [0.0, 1.0, 2.0, 3.0]})
    >>> y = xr.DataArray([2.0, 3.0], dims="site", coords={"site": ["a", "b"]}) * np.exp(-0.5 * t)
    >>> found = xg.curvefit(y, "t", lambda t, size, rate: size * np.exp(-rate * t))
    >>> found.curvefit_coefficients.sel(param="size").round(6).values
    array([2., 3.])
    >>> found.curvefit_success.values
    array([ True,  True])
    """
    along: list[Any] = [coords] if isinstance(coords, str | xr.DataArray) else list(coords)
    options = {**(kwargs or {}), **({"absolute_sigma": True} if absolute_sigma else {})}
    names = None if param_names is None else tuple(param_names)
    plan = Plan(func, _dims(reduce_dims), bool(skipna), names, tuple(options.items()))
    check_fit(data, along, func, plan.reduce_dims, names, errors, p0, bounds, weights, sigma)
    along = [_by_name(coord, data) for coord in along]
    given = Given(data, along, _starts(p0), _limits(bounds), _labeled(weights), _labeled(sigma))
    if is_symbolic(given):
        return _fit_traced(plan, given)
    check_numbers(given.p0, given.bounds, given.sigma, given.weights)
    found = _program(plan)(given)
    if errors == "raise":
        _raise_for_failures(found)
    return found


# ---- what is given ---------------------------------------------------------------------------------------------------
def _dims(dims: Any) -> tuple[Hashable, ...]:
    if dims is None:
        return ()
    return (dims,) if isinstance(dims, str) or not isinstance(dims, Iterable) else tuple(dims)


def _by_name(coord: str | xr.DataArray, data: Data) -> str | xr.DataArray:
    """The coord of a dim by its name: xarray compares coords with those of dims, and traced ones have no numbers."""
    if isinstance(coord, str):
        return coord
    return next((d for d in data.dims if isinstance(d, str) and is_of(coord, d, data)), coord)


def _starts(p0: Mapping[str, Any] | None) -> dict[str, Any]:
    return {name: _labeled(value) for name, value in dict(p0 or {}).items()}


def _limits(bounds: Mapping[str, tuple[Any, Any]] | None) -> dict[str, tuple[Any, Any]]:
    """Bounds as arrays; None is none."""
    return {
        name: (
            _labeled(-np.inf if lower is None else lower),
            _labeled(np.inf if upper is None else upper),
        )
        for name, (lower, upper) in dict(bounds or {}).items()
    }


def _labeled(value: Any) -> Any:
    """A number as a DataArray: an input of the program, so that another number is no other program."""
    number = isinstance(value, int | float) or np.shape(value) == ()
    return xr.DataArray(value) if value is not None and number else value


# ---- the program -----------------------------------------------------------------------------------------------------
def _program(plan: Plan) -> Callable[[Given], xr.Dataset]:
    try:
        return _kept_program(plan)
    except TypeError:  # a function or options that cannot be hashed
        return Compiled(partial(_fit_traced, plan))


@lru_cache(maxsize=64)
def _kept_program(plan: Plan) -> Callable[[Given], xr.Dataset]:
    return Compiled(partial(_fit_traced, plan))


def _fit_traced(plan: Plan, given: Given) -> xr.Dataset:
    with located(current_source() or user_source()):
        data = symbolic(given.data, "data")
        names = None if plan.param_names is None else list(plan.param_names)  # not as a tuple
        report = Report(_weights(given))
        with reporting(report):
            found = data.curvefit(
                given.coords,
                plan.func,
                plan.reduce_dims,
                plan.skipna,
                given.p0,
                given.bounds,
                names,
                kwargs=dict(plan.kwargs),
            )
        prefixes = [f"{name}_" for name in data] if isinstance(data, xr.Dataset) else [""]
        for prefix, details in zip(prefixes, report.found, strict=True):
            found = found.assign({f"{prefix}curvefit_{k}": v for k, v in details.items()})
        return found


def _weights(given: Given) -> Any:
    """What residuals are multiplied by; None for one and all."""
    if given.sigma is None:
        return given.weights
    return 1 / given.sigma if given.weights is None else given.weights / given.sigma


# ---- what came out ---------------------------------------------------------------------------------------------------
def _raise_for_failures(found: xr.Dataset) -> None:
    """FitError where there are values and no parameters, as SciPy has it; where there are none, NaN is the answer."""
    size = found.sizes["param"]
    told = [k for k in found if str(k).endswith("curvefit_success")]
    for name in [k for k in told if not found[k].values.all()]:
        prefix = str(name).removesuffix("curvefit_success")
        count = found[f"{prefix}curvefit_dof"] + size
        failed = ~found[name] & (count > 0)
        if bool(failed.any()):
            raise FitError(_failure(prefix.removesuffix("_"), failed, count, size))


def _failure(name: str, failed: xr.DataArray, count: xr.DataArray, size: int) -> str:
    of = f" of {name!r}" if name else ""
    which = first_place(failed)
    values = int(count.isel(which))
    why = (
        f"there are {values} values for {size} parameters"
        if values < size
        else "the search came to no end, or met NaN"
    )
    if not failed.dims:
        return f"curvefit{of}: no parameters were found: {why}.\n{_ADVICE}"
    return (
        f"curvefit{of}: {int(failed.sum())} of {failed.size} fits found no parameters; the first, at"
        f" {place_of(failed, which)}: {why}.\n{_ADVICE}"
    )


_ADVICE = "Give better first guesses (p0) or bounds, or pass errors='ignore' to have NaN there."
