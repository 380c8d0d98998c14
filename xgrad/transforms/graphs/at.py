"""``xgrad.at``: the whole of an array with one part, chosen by dim names, changed. Nothing is written in place."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import xarray as xr

from xgrad.errors import DimensionError, UnsupportedTypeError, nearest
from xgrad.graph import Var, located, user_source
from xgrad.labels import unwrap, wrap
from xgrad.names import build
from xgrad.names.types import Dim
from xgrad.transforms.calls.jit import Compiled, is_symbolic


def at(x: xr.DataArray) -> "At":
    """Functional updates of ``x`` by dim names: ``at(x)[{"time": 0}].set(v)``, ``add``, ``multiply``, ``min``, ``max``.

    Indexers are positions: an int, a slice, a one-dimensional array of ints (orthogonal), or a DataArray of ints, whose
    dims take the place of the indexed one (two that share a dim work point by point); they may be traced. New values
    broadcast by name; their labels are not looked at. Of several values set at one place the last wins; all of them
    count for ``add``, ``multiply``, ``min`` and ``max``.

    Raises DimensionError for a dim that ``x`` lacks, SizeMismatchError for values that do not fit.

    >>> import xarray as xr
    >>> x = xr.DataArray([1.0, 2.0, 3.0], dims="time")
    >>> at(x)[{"time": slice(1, None)}].multiply(10).values
    array([ 1., 20., 30.])
    """
    if not isinstance(x, xr.DataArray):
        raise UnsupportedTypeError(
            f"xgrad.at takes a DataArray, whose dims have names, not a {type(x).__name__}."
        )
    return At(x)


class At:
    """An array about to be indexed; see ``at``."""

    def __init__(self, array: xr.DataArray) -> None:
        self._array = array

    def __getitem__(self, indexers: Mapping[Dim, Any]) -> "Part":
        if not isinstance(indexers, Mapping):
            raise DimensionError(
                "xgrad.at is indexed by name: at(x)[{'time': 0}] or at(x)[dict(time=slice(1, None))]"
                f" with the dims {tuple(self._array.dims)}."
            )
        for dim in indexers:
            if dim not in self._array.dims:
                raise DimensionError(
                    f"cannot update at dim {dim!r}: the array has the dims {tuple(self._array.dims)}"
                    f"{nearest(dim, self._array.dims) or '.'}"
                )
        return Part(self._array, dict(indexers))


def _update(kind: str, doc: str) -> Callable[["Part", Any], xr.DataArray]:
    def update(self: "Part", values: Any) -> xr.DataArray:
        return self._updated(kind, values)

    update.__doc__ = doc
    return update


class Part:
    """A part of an array; see ``at``."""

    def __init__(self, array: xr.DataArray, indexers: dict[Dim, Any]) -> None:
        self._array = array
        self._indexers = indexers

    set = _update("set", "The array with this part replaced by ``values``.")
    add = _update("add", "The array with ``values`` added to this part.")
    multiply = _update("multiply", "The array with this part multiplied by ``values``.")
    min = _update(
        "min", "The array with this part where it is smaller than ``values``, else ``values``."
    )
    max = _update(
        "max", "The array with this part where it is larger than ``values``, else ``values``."
    )

    def _updated(self, kind: str, values: Any) -> xr.DataArray:
        if is_symbolic(self._array, values, self._indexers):
            return self._record(kind, self._array, values)
        compiled = Compiled(lambda array, new: self._record(kind, array, new))
        return compiled(self._array, values)

    def _record(self, kind: str, array: xr.DataArray, values: Any) -> xr.DataArray:
        with located(user_source()):
            x = unwrap(_data(array), array.dims)
            indexers = {dim: _indexer(dim, i) for dim, i in self._indexers.items()}
            new = _values(values, build.index(x, indexers).type.dims)
            return array.copy(deep=False, data=wrap(build.index_update(x, new, indexers, kind)))


def _indexer(dim: Dim, indexer: Any) -> Any:
    """What the names graph takes: an int, a slice, or a variable with dims."""
    if isinstance(indexer, int | np.integer | slice):
        return indexer
    if isinstance(indexer, xr.DataArray | xr.Variable):
        return unwrap(_data(indexer), indexer.dims)
    array = np.asarray(indexer) if isinstance(indexer, list | tuple) else indexer
    return unwrap(array, (dim,) * array.ndim)


def _data(labeled: xr.DataArray | xr.Variable) -> Any:
    variable = labeled.variable if isinstance(labeled, xr.DataArray) else labeled
    return variable.data


def _values(values: Any, dims: tuple[Dim, ...]) -> Var:
    """The new values as a variable; an array without names has those of the last dims of the part."""
    if isinstance(values, xr.DataArray | xr.Variable):
        return unwrap(_data(values), values.dims)
    array = values if hasattr(values, "ndim") else np.asarray(values)
    if array.ndim > len(dims):
        raise DimensionError(
            f"the new values have {array.ndim} axes, the part to be changed only the dims {dims}."
        )
    return unwrap(array, dims[len(dims) - array.ndim :])
