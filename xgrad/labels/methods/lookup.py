"""``sel`` by traced labels: looked up among the labels of an index of numbers, which are known while tracing."""

from collections.abc import Callable
from typing import Any, Final

import numpy as np
import xarray as xr
from xarray.core.indexing import IndexSelResult

from xgrad.axes.checked import Violation
from xgrad.errors import UnsupportedError
from xgrad.labels.checked import checked
from xgrad.labels.duck.joining import take
from xgrad.labels.methods.positions import traced_data

Array = Any
Place = Callable[[np.ndarray, Array, bool], Array]


def select(original: Callable[..., IndexSelResult]) -> Callable[..., IndexSelResult]:
    """``PandasIndex.sel`` with a traced label.

    Whether a label is there cannot be told while tracing: one that is not gives the next label, or the last; with
    ``method`` the one that it asks for, or the first or last. ``tolerance`` needs to know, and is refused.
    """

    def sel(
        self: xr.indexes.PandasIndex,
        labels: dict[Any, Any],
        method: Any = None,
        tolerance: Any = None,
    ) -> IndexSelResult:
        ((_, label),) = labels.items()
        data: Any = traced_data(label)
        if data is None:
            return original(self, labels, method, tolerance)
        _check(self, method, tolerance)
        table = self.index.to_numpy()
        order = np.argsort(table, kind="stable") if method is None else np.arange(table.size)
        descending = method is not None and not self.index.is_monotonic_increasing
        if descending:  # before and after are meant in the order of the index
            table, data = -table.astype(np.float64), -data
        found = PLACES[method](table[order], data, descending)
        place = _found(self, method, table[order], data, found)
        return IndexSelResult({self.dim: _like(label, take(order, place))})

    return sel


def _check(index: xr.indexes.PandasIndex, method: Any, tolerance: Any) -> None:
    labels = index.index
    if labels.to_numpy().dtype.kind not in "iuf" or not labels.is_unique or not labels.size:
        raise UnsupportedError(
            f"sel along {index.dim!r} by traced labels needs an index of distinct numbers;"
            f" its labels are of dtype {labels.dtype}.\nUse isel with traced positions."
        )
    if tolerance is not None:
        raise UnsupportedError(
            f"sel along {index.dim!r} by traced labels with tolerance=: whether a label is near enough is not known"
            " while the function is traced.\nMask the result with .where(abs(found - wanted) <= tolerance)."
        )
    if method is not None and not (
        labels.is_monotonic_increasing or labels.is_monotonic_decreasing
    ):
        raise ValueError("index must be monotonic increasing or decreasing")
    if method not in PLACES:
        raise ValueError(
            f"Invalid fill method. Expecting pad (ffill), backfill (bfill) or nearest. Got {method}"
        )


def _found(
    index: xr.indexes.PandasIndex, method: Any, table: np.ndarray, label: Array, place: Array
) -> Array:
    """``place`` in range; marked, where run-time checks are on, to be that of a label which is there."""
    near = np.clip(place, 0, table.size - 1)

    def is_there() -> Array:
        return (take(table, near) == label) if method is None else (near == place)

    return checked("indices", near, is_there, _not_there(index, method), label)


def _not_there(index: xr.indexes.PandasIndex, method: Any) -> Violation:
    which = {None: "is not among", "pad": "is before all of", "ffill": "is before all of"}
    ends = f"from {index.index.min()} to {index.index.max()}"
    return Violation(
        "LabelNotFoundError",
        f"{{value}} {which.get(method, 'is after all of')} the labels of dim {index.dim!r}, which run {ends}",
        "Look up with method='nearest', or mask such entries; without checks the next label is taken, or the last.",
    )


def _before(table: np.ndarray, label: Array, descending: bool) -> Array:
    return np.searchsorted(table, label, side="right") - 1


def _after(table: np.ndarray, label: Array, descending: bool) -> Array:
    return np.searchsorted(table, label, side="left")


def _nearest(table: np.ndarray, label: Array, descending: bool) -> Array:
    """Half way between two labels pandas takes the larger one."""
    last = table.size - 1
    low = np.clip(_before(table, label, descending), 0, last)
    high = np.clip(_after(table, label, descending), 0, last)
    below, above = np.abs(label - take(table, low)), np.abs(take(table, high) - label)
    return np.where(below <= above if descending else below < above, low, high)


PLACES: Final[dict[Any, Place]] = {
    None: _after,
    "pad": _before,
    "ffill": _before,
    "backfill": _after,
    "bfill": _after,
    "nearest": _nearest,
}


def _like(label: Any, place: Array) -> Any:
    """Positions in the container of the labels that were asked for."""
    if isinstance(label, xr.DataArray):
        return label.copy(data=place)
    if isinstance(label, xr.Variable):
        return xr.Variable(label.dims, place)
    return place
