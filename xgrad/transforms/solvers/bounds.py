"""Parameters within bounds, held fixed or tied to others: what a solver seeks, and how the parameters are made of it.

A parameter with bounds is a smooth function of one without: between two bounds a sine, above or below one the branch of
a hyperbola (as in MINUIT). A solution at a bound is an ordinary point there, so that implicit gradients are right.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import xarray as xr

from xgrad.errors import ArgumentError, DimensionError, in_short, nearest
from xgrad.labels import is_traced
from xgrad.transforms.solvers.fit_checks import check_labels, refuse
from xgrad.transforms.tree import tree_map

_INSIDE = 1e-3  # how far a start at a bound is moved inside, relatively or by itself; there nothing would move it
WHOLE = object()  # the name of parameters that are no dict and no Dataset


class Bound(NamedTuple):
    """A lower and an upper bound; None where there is none."""

    lower: Any = None
    upper: Any = None

    @property
    def bounds(self) -> list[Any]:
        """Those that there are."""
        return [b for b in self if b is not None]

    def release(self, x: Any) -> Any:
        """The unbounded variable for a parameter."""
        lower, upper = self
        if lower is None:
            return _above(upper - x)
        if upper is None:
            return _above(x - lower)
        place = 2 * (x - lower) / (upper - lower) - 1
        return np.arcsin(np.clip(place, -1 + _INSIDE, 1 - _INSIDE))

    def enforce(self, z: Any) -> Any:
        """The parameter for the unbounded variable."""
        lower, upper = self
        if lower is None:
            return upper + 1 - np.sqrt(z * z + 1)
        if upper is None:
            return lower - 1 + np.sqrt(z * z + 1)
        return lower + (upper - lower) * (np.sin(z) + 1) / 2


def _above(distance: Any) -> Any:
    """z with √(z² + 1) - 1 = distance."""
    return np.sqrt((np.maximum(distance, _INSIDE) + 1) ** 2 - 1)


class Parameters(NamedTuple):
    """How ``x0`` is divided into what is sought, what is held fixed and what is computed from these."""

    like: Any  # ``x0``, for what containers know beside their entries
    held: dict[Any, Any]
    tied: dict[Any, Callable[[Any], Any]]
    order: tuple[Any, ...]
    bounds: dict[Any, Bound]

    def release(self, x0: Any) -> dict[Any, Any]:
        """What is sought, at the start: by name, without bounds."""
        entries = _entries(x0)
        sought = [k for k in self.order if k not in self.held and k not in self.tied]
        return {k: self._map(k, "release", entries[k]) for k in sought}

    def enforce(self, sought: Mapping[Any, Any]) -> Any:
        """The parameters as the user's function takes them."""
        made = {k: self._map(k, "enforce", v) for k, v in sought.items()}
        if self.order == (WHOLE,):
            return made[WHOLE]
        free = self._whole({k: {**self.held, **made}[k] for k in self.order if k not in self.tied})
        if not self.tied:
            return free
        tied = {k: rule(free) for k, rule in self.tied.items()}
        return self._whole({k: tied[k] if k in tied else free[k] for k in self.order})

    def _whole(self, entries: dict[Any, Any]) -> Any:
        if isinstance(self.like, xr.Dataset):
            return xr.Dataset(entries, self.like.coords, self.like.attrs)
        return entries

    def _map(self, name: Any, way: str, value: Any) -> Any:
        bound = self.bounds.get(name, Bound())
        return tree_map(getattr(bound, way), value) if bound.bounds else value


def parameters_of(
    doing: str, x0: Any, bounds: Any, fixed: Sequence[Any], tied: Mapping[Any, Any] | None = None
) -> Parameters:
    """The division that the user asks for. ArgumentError where names or bounds do not fit."""
    entries = _entries(x0)
    fixed = (fixed,) if isinstance(fixed, str) else tuple(fixed)
    tied = {} if tied is None else dict(tied)
    _check_tied(doing, tied, entries, fixed, bounds)
    entries = {**entries, **dict.fromkeys(tied)}
    _check_names(doing, "fixed", fixed, entries)
    if {*fixed, *tied} == set(entries) and entries:
        both = "fixed or tied" if tied else "fixed"
        raise ArgumentError(f"{doing}: all parameters are {both}; there is nothing to seek.")
    within = _bounds(doing, bounds, entries)
    found = {k: b for k, b in within.items() if k not in fixed and k not in tied}
    for name, bound in found.items():
        _check_start(doing, name, entries[name], bound)
    held = {k: entries[k] for k in fixed}
    return Parameters(x0, held, tied, tuple(entries), found)


def _entries(x0: Any) -> dict[Any, Any]:
    if isinstance(x0, xr.Dataset):
        return {name: x0[name] for name in x0.data_vars}
    return dict(x0) if isinstance(x0, dict) else {WHOLE: x0}


def _bounds(doing: str, bounds: Any, entries: Mapping[Any, Any]) -> dict[Any, Bound]:
    if bounds is None:
        return {}
    if isinstance(bounds, Mapping):
        _check_names(doing, "bounds", tuple(bounds), entries)
        return {name: _bound(doing, name, b) for name, b in bounds.items()}
    return {name: _bound(doing, name, bounds) for name in entries}


def _bound(doing: str, name: Any, value: Any) -> Bound:
    if not isinstance(value, tuple | list) or len(value) != 2:
        of = "" if name is WHOLE else f" of {name!r}"
        raise ArgumentError(
            f"{doing}: the bounds{of} are a pair (lower, upper), None for no bound; not {in_short(value)}."
        )
    for b in value:
        if isinstance(b, list | tuple | dict | str):
            raise ArgumentError(
                f"{doing}: a bound is a number or a DataArray, or None; not {in_short(b)}."
            )
        if _is_known_array(b) and bool(np.any(np.isinf(b))):
            raise ArgumentError(
                f"{doing}: a bound has infinite entries beside finite ones; give parameters with and without"
                " bounds names of their own, in a dict or Dataset."
            )
    return Bound(*value)


def without_infinite(bounds: Any) -> Any:
    """``bounds`` with None for infinite numbers, and for arrays of these alone."""

    def finite(b: Any) -> Any:
        known = isinstance(b, float) or _is_known_array(b)
        return None if known and bool(np.all(np.isinf(b))) else b

    return tree_map(finite, bounds)


def _is_known_array(value: Any) -> bool:
    return isinstance(value, xr.DataArray | np.ndarray) and not is_traced(value)


def _check_names(doing: str, what: str, names: Sequence[Any], entries: Mapping[Any, Any]) -> None:
    for name in names:
        if name not in entries:
            known = [k for k in entries if k is not WHOLE]
            have = (
                f"they are {', '.join(map(repr, known))}"
                if known
                else "these have no names (pass a dict)"
            )
            raise ArgumentError(
                f"{doing}: {what} names the parameter {name!r}, and {have}{nearest(name, known) or '.'}"
            )


def _check_tied(
    doing: str,
    tied: Mapping[Any, Any],
    entries: Mapping[Any, Any],
    fixed: Sequence[Any],
    bounds: Any,
) -> None:
    """Tied parameters are entries by name, computed by functions, and nothing else besides."""
    if tied and WHOLE in entries:
        raise ArgumentError(
            f"{doing}: tied parameters are entries of a dict or Dataset; these have no names."
        )
    for name, rule in tied.items():
        if not callable(rule):
            raise ArgumentError(
                f"{doing}: the tied parameter {name!r} is a function of the others, such as lambda p: 2 * p['a'];"
                f" not {in_short(rule)}."
            )
        limits = bounds if isinstance(bounds, Mapping) else ()
        for what, names in (("fixed", fixed), ("bounded", limits)):
            if name in names:
                raise ArgumentError(
                    f"{doing}: the parameter {name!r} is tied and {what}; it can be one of them."
                )


def _check_start(doing: str, name: Any, start: Any, bound: Bound) -> None:
    """Bounds have the dims and labels of the start; it lies within them, where numbers are known."""
    own = "" if name is WHOLE else f" {name!r}"
    arrays = [b for b in bound.bounds if isinstance(b, xr.DataArray) and b.ndim]
    for b in arrays:
        _check_dims(doing, own, start, b)
    numbers = [start, *bound.bounds]
    if any(is_traced(x) or isinstance(x, dict | list | tuple | xr.Dataset) for x in numbers):
        return
    start, lower, upper = (_labeled_as(start, x) for x in (start, *bound))
    whose = own or " the parameters"
    if lower is not None and upper is not None:
        crossed = f"{doing}: the lower bound of{whose} is not below the upper one"
        refuse(lower >= upper, crossed, lower, upper)
    said = f"{doing}: the start of{whose} lies"
    if lower is not None:
        refuse(start < lower, f"{said} below its lower bound", start, lower)
    if upper is not None:
        refuse(start > upper, f"{said} above its upper bound", start, upper)


def _labeled_as(start: Any, value: Any) -> Any:
    """A bound with labels: of an array without, those that the start has at its places."""
    if value is None or isinstance(value, xr.DataArray):
        return value
    if isinstance(start, xr.DataArray):
        return start.copy(data=np.broadcast_to(value, start.shape))
    return xr.DataArray(value)


def _check_dims(doing: str, own: str, start: Any, bound: xr.DataArray) -> None:
    what = f"a bound of{own or ' the parameters'}"
    dims = list(getattr(start, "dims", ()))
    for dim in bound.dims:
        if dim not in dims:
            raise DimensionError(
                f"{doing}: {what} has the dim {dim!r}, which is none of the parameter; its dims are {dims}."
            )
    if isinstance(start, xr.DataArray):
        check_labels(f"{doing}: {what}", bound, start, "the start")
