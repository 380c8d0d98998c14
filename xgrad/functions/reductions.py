"""Reductions by dim that neither NumPy nor xarray has by these names: running and NaN-skipping ones."""

from collections.abc import Hashable
from typing import Any

import numpy as np
import xarray as xr

from xgrad.axes.cumulative import CumLogsumexp
from xgrad.functions.calls import Dims, Labeled, along, core_dims, one_dim
from xgrad.functions.special import logsumexp
from xgrad.labels.duck.linalg import blockwise


def cumlogsumexp(x: Labeled, dim: Hashable | None = None, *, reverse: bool = False) -> Any:
    """log Σ e^x over all entries up to each one along ``dim`` (default: the only one), without overflow.

    ``reverse``: over those from each one on. Entries of -∞ count as nothing. Raises DimensionError for a dim that ``x``
    lacks.

    >>> x = xr.DataArray([800.0, 800.0], dims="x")
    >>> cumlogsumexp(x, "x").round(4).values
    array([800.    , 800.6931])
    """
    return along(_running, x, (one_dim("cumlogsumexp", x, dim),), reverse=bool(reverse))


def _running(a: Any, *, reverse: bool) -> Any:
    a = a if a.dtype.kind == "f" else a.astype(np.float64)
    return blockwise(CumLogsumexp(reverse), a, 1, [(0,)])[0]


def nanlogsumexp(
    x: xr.DataArray | xr.Dataset, dim: Dims = None, *, weights: Labeled | None = None
) -> Any:
    """``special.logsumexp`` of what is not NaN along ``dim`` (None: all dims); -∞ where nothing is left.

    >>> x = xr.DataArray([0.0, float("nan"), 0.0], dims="x")
    >>> nanlogsumexp(x, "x").round(4).item()
    0.6931
    """
    dims = core_dims("take nanlogsumexp", x, dim)
    return logsumexp(x.where(x.notnull(), -np.inf), dims, weights=weights)


def nanmedian(x: xr.DataArray | xr.Dataset, dim: Dims = None) -> Any:
    """The median of what is not NaN along ``dim`` (None: all dims); NaN where nothing is left.

    >>> nanmedian(xr.DataArray([1.0, float("nan"), 3.0], dims="x"), "x").item()
    2.0
    """
    return x.median(core_dims("take nanmedian", x, dim), skipna=True)


def nanquantile(
    x: xr.DataArray | xr.Dataset, q: Any, dim: Dims = None, *, method: Any = "linear"
) -> Any:
    """Quantiles ``q`` of what is not NaN along ``dim`` (None: all dims), along a dim ``quantile`` where q is an array.

    >>> nanquantile(xr.DataArray([1.0, float("nan"), 3.0], dims="x"), 0.25, "x").item()
    1.5
    """
    return x.quantile(q, core_dims("take nanquantile", x, dim), method=method, skipna=True)
