"""``interp`` of traced data, and of any data at traced positions: the curves of one variable along some of its dims.

xarray's own ``Dataset.interp`` validates, sorts, splits independent dims and labels the result; what takes its place
here is the step that it leaves to SciPy, ``interpolate_variable``. Positions are looked up among the coord's labels
(while tracing, where both are concrete) and values gathered there, or multiplied by the interpolation's matrix.
"""

from collections.abc import Callable, Hashable, Mapping
from functools import reduce
from itertools import product
from typing import Any, Final, NamedTuple, get_args

import numpy as np
import xarray as xr
from xarray.core import missing as xarray_missing
from xarray.core.types import InterpnOptions
from xarray.core.variable import broadcast_variables

from xgrad.errors import UnsupportedError
from xgrad.labels.core import AbstractTraced, is_traced_array
from xgrad.labels.methods import curves
from xgrad.labels.methods.curves import Curve, interval, is_concrete, pick, put
from xgrad.labels.scope import fresh
from xgrad.labels.slots import read_variable

Targets = Mapping[Hashable, tuple[xr.Variable, xr.Variable]]  # dim: its coord, the positions asked


# ---- what stands in for xarray's functions -------------------------------------------------------------------------


def interpolate_variable(original: Callable[..., xr.Variable]) -> Callable[..., xr.Variable]:
    """``var`` at new positions along one dim, or along several that depend on each other."""

    def interpolate(
        var: xr.Variable, indexes_coords: Targets, *, method: Any, kwargs: dict[str, Any]
    ) -> xr.Variable:
        involved = [var, *[v for pair in indexes_coords.values() for v in pair]]
        if not indexes_coords or all(is_concrete(v) for v in involved):
            return original(var, indexes_coords, method=method, kwargs=kwargs)
        at = {dim: _numbers(*pair) for dim, pair in indexes_coords.items()}
        data = xr.Variable(var.dims, read_variable(var).data)
        many = len(at) > 1
        result = (_on_grid if many else _along_one)(_floating(data), at, method, kwargs)
        result.attrs = var.attrs
        return result

    return interpolate


def localize(original: Callable[..., Any]) -> Callable[..., Any]:
    """Only the part of the table that is needed, where the positions are known."""

    def narrow(obj: Any, indexes_coords: dict[Any, Any]) -> Any:
        known = {k: v for k, v in indexes_coords.items() if all(is_concrete(x) for x in v)}
        obj, narrowed = original(obj, known) if known else (obj, {})
        return obj, {k: narrowed.get(k, v) for k, v in indexes_coords.items()}

    return narrow


def interp(original: Callable[..., xr.Dataset]) -> Callable[..., xr.Dataset]:
    """``Dataset.interp``, also at traced positions, which come back as a coord."""

    def interpolate(self: xr.Dataset, coords: Any = None, *args: Any, **kwargs: Any) -> xr.Dataset:
        named = coords or {k: v for k, v in kwargs.items() if k not in _OPTIONS}
        options = {k: v for k, v in kwargs.items() if k in _OPTIONS}
        if not any(_traced_data(v) is not None for v in named.values()):
            return original(self, coords, *args, **kwargs)
        moving: dict[Hashable, Hashable] = {}
        asked = {k: _as_target(self, k, v, moving) for k, v in named.items()}
        return _with_dims(original(self, asked, *args, **options), moving)

    return interpolate


_OPTIONS: Final = ("method", "assume_sorted", "kwargs", "method_non_numeric")


def _traced_data(value: Any) -> AbstractTraced | None:
    data = getattr(value, "variable", value)
    data = read_variable(data).data if isinstance(data, xr.Variable) else data
    return data if isinstance(data, AbstractTraced) else None


def _as_target(
    dataset: xr.Dataset, dim: Hashable, value: Any, moving: dict[Hashable, Hashable]
) -> Any:
    """Positions along a dim of another name, noted in ``moving``, where they are traced: they can be no index."""
    data = _traced_data(value)
    if data is None:
        return value
    if not hasattr(value, "dims"):
        attrs = dataset.coords[dim].attrs if dim in dataset.coords else None
        value = xr.Variable((dim,)[: data.ndim], data, attrs)
    if value.dims != (dim,):
        return value
    moving[dim] = fresh(dim, {*dataset.dims, *moving.values()})
    return xr.Variable((moving[dim],), data, value.attrs)


def _with_dims(dataset: xr.Dataset, moving: Mapping[Hashable, Hashable]) -> xr.Dataset:
    """``dataset`` with the names of dims put back; their coords stay without index."""
    back = {new: old for old, new in moving.items()}
    if not back:
        return dataset
    variables = {
        name: xr.Variable([back.get(d, d) for d in v.dims], read_variable(v).data, v.attrs)
        if not back.keys().isdisjoint(v.dims)
        else v
        for name, v in dataset.variables.items()
    }
    coords = {k: variables.pop(k) for k in dataset.coords}
    labels = xr.Coordinates(coords=coords, indexes=dict(dataset.xindexes))
    return xr.Dataset(variables, coords=labels, attrs=dataset.attrs)


def _numbers(x: xr.Variable, new_x: xr.Variable) -> tuple[xr.Variable, xr.Variable]:
    """A coord and positions along it as plain variables of numbers; dates become the time since the first."""
    (x,), (new_x,) = xarray_missing._floatize_x([x.to_base_variable()], [new_x.to_base_variable()])
    return x, new_x


def _floating(var: xr.Variable) -> xr.Variable:
    return var if var.dtype.kind in "fc" else var.astype(np.float64)


# ---- along one dim -------------------------------------------------------------------------------------------------


def _along_one(var: xr.Variable, at: Targets, method: Any, kwargs: dict[str, Any]) -> xr.Variable:
    ((dim, (x, new_x)),) = at.items()
    kind, options = xarray_missing._get_interpolator(method, vectorizeable_only=True, **kwargs)
    known = is_concrete(x) and is_concrete(new_x)
    if known:  # SciPy says what is wrong with the options, or that positions are out of bounds
        kind(x.values, np.zeros(x.size), **options)(new_x.values.ravel())
    elif options.get("bounds_error"):
        raise UnsupportedError(
            "interp with bounds_error=True at traced positions: whether they are in bounds is not known while the"
            " function is traced.\nLeave it out: positions out of bounds then give fill_value."
        )
    sliced = any(
        d in var.dims and d != dim for d in new_x.dims
    )  # eager xarray works slice by slice
    curve = Curve(var, dim, x, new_x, known, var.ndim == 1 or sliced)
    result = CURVES[method](curve, options) if method in CURVES else _unknown(method)
    return _filled(result, curve, Fill.of(method, options))


def _unknown(method: Any) -> Any:
    raise UnsupportedError(
        f"interp with method={method!r} has no traced form.\n"
        f"Use one of: {', '.join(sorted(CURVES))}."
    )


CURVES: Final[dict[str, Callable[[Curve, dict[str, Any]], xr.Variable]]] = {
    "linear": lambda curve, options: curves.linear(curve),
    "slinear": lambda curve, options: curves.spline(curve, 1),
    "nearest": lambda curve, options: curves.nearest(curve),
    "zero": lambda curve, options: curves.spline(curve, 0),
    "quadratic": lambda curve, options: curves.spline(curve, 2),
    "cubic": lambda curve, options: curves.spline(curve, 3),
    "quintic": lambda curve, options: curves.spline(curve, 5),
    "polynomial": lambda curve, options: curves.spline(curve, int(options["order"])),
    "barycentric": lambda curve, options: curves.through_all(curve, "barycentric"),
    "krogh": lambda curve, options: curves.through_all(curve, "krogh"),
    "krog": lambda curve, options: curves.through_all(curve, "krogh"),
    "pchip": lambda curve, options: curves.hermite(curve, curves.pchip_slopes),
    "akima": lambda curve, options: curves.hermite(curve, curves.akima_slopes),
    "makima": lambda curve, options: curves.hermite(curve, curves.makima_slopes),
}


class Fill(NamedTuple):
    """What stands below and above the table; ``extrapolate`` leaves the curve there."""

    below: Any = np.nan
    above: Any = np.nan
    extrapolate: bool = False

    @classmethod
    def of(cls, method: str, options: Mapping[str, Any]) -> "Fill":
        """As the options of SciPy's interpolator of this kind ask for."""
        if method in ("barycentric", "krogh", "krog"):
            return cls(extrapolate=True)
        if method in ("pchip", "akima", "makima"):
            return cls(extrapolate=bool(options.get("extrapolate")))
        value = options.get("fill_value")
        if isinstance(value, str):
            return cls(extrapolate=True)
        below, above = value if isinstance(value, tuple) else (value, value)
        below, above = (np.nan if v is None else v for v in (below, above))
        return cls(below, above)


def _filled(result: xr.Variable, curve: Curve, fill: Fill) -> xr.Variable:
    if fill.extrapolate:
        return result
    first, last = (curve.x.isel({curve.dim: k}) for k in (0, -1))
    below, above = curve.new_x < first, curve.new_x > last
    if fill.below is fill.above:
        return _put(result, below | above, fill.below)
    return _put(_put(result, below, fill.below), above, fill.above)


def _put(result: xr.Variable, where: xr.Variable, value: Any) -> xr.Variable:
    """``value`` put into ``result``, which keeps its dtype; nothing where it is known to be nowhere."""
    if is_concrete(where) and not where.values.any():
        return result
    if result.dtype.kind == "c" and not is_traced_array(value):
        value = complex(np.nan, np.nan) if np.isnan(value) else value
    if not is_traced_array(value):
        value = np.asarray(value, result.dtype)
    return put(result, where, value)


# ---- on a grid of several dims -------------------------------------------------------------------------------------


def _on_grid(var: xr.Variable, at: Targets, method: Any, kwargs: dict[str, Any]) -> xr.Variable:
    scipy_interpn, options = xarray_missing._get_interpolator_nd(method, **kwargs)
    if all(is_concrete(v) for pair in at.values() for v in pair):
        _check_grid(scipy_interpn, at, options)
    if method not in GRIDS:
        raise UnsupportedError(
            f"interp over several dims at points with method={method!r} has no traced form.\n"
            f"Use one of: {', '.join(m for m in get_args(InterpnOptions) if m in GRIDS)}."
        )
    result = GRIDS[method](var, at)
    fill = options.get("fill_value", np.nan)
    for dim, (x, new_x) in at.items():
        ends = [x.isel({dim: k}) for k in (0, -1)]
        if fill is not None:
            result = _put(result, (new_x < ends[0]) | (new_x > ends[1]), fill)
        result = _put(result, new_x.isnull(), np.nan)
    return result


def _check_grid(scipy_interpn: Callable[..., Any], at: Targets, options: Mapping[str, Any]) -> None:
    """Let SciPy say what is wrong with the options, or that points are out of bounds."""
    points = broadcast_variables(*[new_x for _, new_x in at.values()])
    grid = [x.values for x, _ in at.values()]
    zeros = np.zeros([len(x) for x in grid])
    scipy_interpn(grid, zeros, np.stack([p.values.ravel() for p in points], -1), **options)


def _multilinear(var: xr.Variable, at: Targets) -> xr.Variable:
    """The corners around each point, weighted by the opposite volumes."""
    sides = []
    for dim, (x, new_x) in at.items():
        low, high = interval(x, new_x, dim, "right")
        start, end = pick(x, dim, low), pick(x, dim, high)
        share = (new_x - start) / (end - start)
        sides.append([(dim, low, 1 - share), (dim, high, share)])
    terms = []
    for corner in product(*sides):
        weight = reduce(lambda a, b: a * b, [w for _, _, w in corner])
        terms.append(curves.pick_point(var, {d: k for d, k, _ in corner}) * weight)
    return reduce(lambda a, b: a + b, terms)


def _grid_nearest(var: xr.Variable, at: Targets) -> xr.Variable:
    places = {}
    for dim, (x, new_x) in at.items():
        low, high = interval(x, new_x, dim, "right")
        start, end = pick(x, dim, low), pick(x, dim, high)
        is_low = (new_x - start) / (end - start) <= 0.5
        places[dim] = put(high, is_low, low)
    return curves.pick_point(var, places)


def _tensor_spline(degree: int) -> Callable[[xr.Variable, Targets], xr.Variable]:
    """The product of splines of one degree along each dim."""

    def evaluate(var: xr.Variable, at: Targets) -> xr.Variable:
        weights = []
        for dim, (x, new_x) in at.items():
            if not (is_concrete(x) and is_concrete(new_x)):
                raise UnsupportedError(
                    "interp over several dims by splines needs positions that are not traced.\n"
                    "Use method='linear' or 'nearest' at traced positions."
                )
            weights.append(curves.spline_matrix(x, new_x, dim, degree))
        sources = {dim: curves.source_of(dim) for dim in at}
        return xr.dot(
            xr.Variable([sources.get(d, d) for d in var.dims], read_variable(var).data),
            *weights,
            dim=list(sources.values()),
        )

    return evaluate


GRIDS: Final[dict[str, Callable[[xr.Variable, Targets], xr.Variable]]] = {
    "linear": _multilinear,
    "nearest": _grid_nearest,
    "slinear": _tensor_spline(1),
    "cubic": _tensor_spline(3),
    "quintic": _tensor_spline(5),
}
