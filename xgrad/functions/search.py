"""Searching and counting by dim: positions in sorted tables, histograms over static bins, the greatest values."""

from collections.abc import Hashable
from typing import Any

import numpy as np
import xarray as xr

from xgrad.axes.sort import TopPositions
from xgrad.errors import ArgumentError, DimensionError, SizeMismatchError
from xgrad.functions.calls import Dims, apply, core_dims, one_dim
from xgrad.functions.segments import scattered
from xgrad.labels.duck import sorting
from xgrad.labels.duck.linalg import blockwise


def searchsorted(
    table: xr.DataArray, values: Any, dim: Hashable | None = None, *, side: str = "left"
) -> Any:
    """Where in ``table``, ascending along ``dim`` (default: its only one), ``values`` belong: ``numpy.searchsorted``.

    ``values`` are labeled arrays or numbers, whose other dims and those of the table broadcast by name. NaN belongs at
    the end. The derivative is zero. Raises DimensionError for dims that do not fit.

    >>> table = xr.DataArray([1.0, 2.0, 3.0], dims="x")
    >>> searchsorted(table, xr.DataArray([0.5, 2.0, 9.0], dims="y")).values
    array([0, 1, 3])
    """
    if side not in ("left", "right"):
        raise ArgumentError(f"searchsorted: side is 'left' or 'right', not {side!r}.")
    dim = one_dim("searchsorted", table, dim)
    if dim in getattr(values, "dims", ()):
        raise DimensionError(
            f"searchsorted: the values have the dim {dim!r} of the table.\nRename it in one of them first."
        )
    table = table.drop_vars([dim], errors="ignore")
    alone = table.ndim == 1
    return apply(
        _searched, table, values, core=[[dim], []], side=side, alone=alone, keep_attrs=False
    )


def _searched(table: Any, values: Any, *, side: str, alone: bool) -> Any:
    if alone:
        return sorting.searchsorted(table, values, side)
    before = np.less if side == "left" else np.less_equal
    values = np.expand_dims(values, -1)
    return np.sum(before(table, values) | np.isnan(values), axis=-1)


def histogram(
    x: xr.DataArray,
    bins: Any = 10,
    dim: Dims = None,
    *,
    range: tuple[float, float] | None = None,
    weights: Any = None,
    density: bool = False,
    bin_dim: Hashable = "bin",
) -> xr.DataArray:
    """How many values along ``dim`` (None: all dims) fall into each bin, or the sum of their ``weights``.

    ``bins`` are known while tracing: edges in ascending order, or a number of them with ``range=(low, high)``. The last
    bin includes its right edge; NaN and what lies outside do not count. The result has the dim ``bin_dim``, labeled by
    centres, with the coords ``left`` and ``right``. With ``density`` its integral is one. There is a gradient by the
    weights; that by ``x`` is zero. Raises ArgumentError for bins that do not fit, DimensionError for unknown dims.

    >>> x = xr.DataArray([0.1, 0.2, 0.9, 1.0], dims="x")
    >>> histogram(x, 2, range=(0, 1)).values
    array([2, 2])
    """
    dims = core_dims("take a histogram", x, dim)
    edges = _edges(bins, range)
    given = (x,) if weights is None else xr.broadcast(x, weights)
    counts = apply(
        _counted,
        *given,
        core=[dims] * len(given),
        out=[[bin_dim]],
        keep_attrs=False,
        edges=tuple(edges.tolist()),
        ndim=len(dims),
        density=bool(density),
    )
    left, right = edges[:-1], edges[1:]
    labels = {"left": (bin_dim, left), "right": (bin_dim, right), bin_dim: (left + right) / 2}
    return counts.assign_coords(labels)


def _edges(bins: Any, range: tuple[float, float] | None) -> np.ndarray:
    if isinstance(bins, int | np.integer) and not isinstance(bins, bool):
        if range is None or bins < 1:
            raise ArgumentError(
                f"histogram of {bins} bins needs their range: range=(low, high), known while tracing; or pass edges."
            )
        return np.linspace(range[0], range[1], int(bins) + 1)
    try:
        edges = np.asarray(bins, float)
    except (TypeError, ValueError, RuntimeError):
        edges = np.zeros(0)
    if edges.ndim != 1 or edges.size < 2 or not bool(np.all(np.diff(edges) > 0)):
        raise ArgumentError(
            "histogram: bins are a number, or two or more ascending edges known while tracing."
        )
    return edges


def _counted(
    x: Any, weights: Any = None, *, edges: tuple[float, ...], ndim: int, density: bool
) -> Any:
    borders = np.array(edges)
    size = len(edges) - 1
    x = np.reshape(x, (*x.shape[: x.ndim - ndim], -1))
    place = sorting.searchsorted(borders, x, "right") - 1
    place = np.where(x == borders[-1], size - 1, place)  # NaN belongs at the end, outside
    values = np.ones(x.shape, np.int64) if weights is None else np.reshape(weights, x.shape)
    counts = scattered(values, place, kind="sum", size=size)
    if not density:
        return counts
    return counts / (np.sum(counts, axis=-1, keepdims=True) * np.diff(borders))


def top_k(
    x: xr.DataArray,
    k: int,
    dim: Hashable | None = None,
    *,
    largest: bool = True,
    rank_dim: Hashable = "rank",
) -> xr.DataArray:
    """The ``k`` greatest values along ``dim`` (default: the only one), greatest first, with their labels.

    ``rank_dim`` takes the place of ``dim``, whose labels become a coord. With ``largest=False`` the least, least first.
    NaN comes last, and of equal values the first. The gradient goes to the entries taken. Raises SizeMismatchError for
    more than there are.

    >>> x = xr.DataArray([3.0, 9.0, 5.0], {"city": ["a", "b", "c"]}, "city")
    >>> top_k(x, 2, "city").city.values.tolist()
    ['b', 'c']
    """
    dim = one_dim("top_k", x, dim)
    if isinstance(k, bool) or not isinstance(k, int | np.integer) or not 0 <= k <= x.sizes[dim]:
        raise SizeMismatchError(
            f"top_k: k is a whole number from 0 to {x.sizes[dim]}, the size of {dim!r}; not {k!r}."
        )
    places = apply(
        _top,
        x.variable,
        core=[[dim]],
        out=[[rank_dim]],
        keep_attrs=False,
        k=int(k),
        largest=bool(largest),
    )
    order = [rank_dim if d == dim else d for d in x.dims]
    return x.isel({dim: places}).transpose(*order)


def _top(x: Any, *, k: int, largest: bool) -> Any:
    x = x.astype(np.int64) if x.dtype.kind == "b" else x
    if not largest:
        x = np.invert(x) if x.dtype.kind in "iu" else -x
    return blockwise(TopPositions(k), x, 1, [(None,)])[0]
