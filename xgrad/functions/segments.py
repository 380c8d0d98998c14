"""Reductions by groups that integers tell apart: the number of groups is known, the integers may be traced."""

from collections.abc import Callable, Hashable, Sequence
from typing import Any

import numpy as np
import xarray as xr

from xgrad.axes.literal import Literal
from xgrad.errors import ArgumentError
from xgrad.functions.calls import apply, one_dim
from xgrad.labels import is_traced
from xgrad.labels.core import make, real, trace_of
from xgrad.labels.duck.elementwise import as_traced, conform
from xgrad.labels.scope import fresh
from xgrad.names import build, partial

Array = Any

_WRITES = {"sum": "add", "prod": "multiply", "max": "max", "min": "min"}


def _reduction(kind: str, what: str) -> Callable[..., xr.DataArray]:
    """A public function: the reduction of ``kind``."""

    def reduce(
        x: xr.DataArray,
        codes: xr.DataArray,
        dim: Hashable | None = None,
        *,
        size: int | None = None,
        labels: Sequence[Any] | None = None,
        new_dim: Hashable = "segment",
    ) -> xr.DataArray:
        dim = one_dim(f"segment_{kind}", codes, dim) if dim is None else dim
        size = _checked_size(kind, codes, size, labels)
        found = _reduced(kind, x, codes, dim, size, new_dim)
        return found if labels is None else found.assign_coords({new_dim: list(labels)})

    reduce.__name__ = reduce.__qualname__ = f"segment_{kind}"
    reduce.__doc__ = f"""{what} of the values of each group along ``dim`` (default: the only dim of ``codes``).

    ``codes`` are the groups, integers from 0 on, which may be traced and have further dims; negative ones and those
    from ``size`` on belong to no group. ``size`` is the number of groups: by default that of ``labels``, which the new
    dim ``new_dim`` gets, or one more than the greatest code, if it is known. (By known labels ``groupby`` does
    the same.) Raises ArgumentError where the size is not known, DimensionError for unknown dims.

    >>> x = xr.DataArray([1.0, 2.0, 3.0], dims="x")
    >>> segment_{kind}(x, xr.DataArray([1, 1, 0], dims="x"), labels=["a", "b"]).dims
    ('segment',)
    """
    return reduce


segment_sum = _reduction("sum", "The sum")
segment_prod = _reduction("prod", "The product")
segment_max = _reduction("max", "The greatest (-∞ of none)")
segment_min = _reduction("min", "The least (∞ of none)")
segment_mean = _reduction("mean", "The mean (NaN of none)")


def _checked_size(kind: str, codes: Any, size: int | None, labels: Sequence[Any] | None) -> int:
    if labels is not None:
        if size not in (None, len(labels)):
            raise ArgumentError(f"segment_{kind}: size={size}, and there are {len(labels)} labels.")
        return len(labels)
    if getattr(codes, "dtype", np.dtype(float)).kind not in "iu":
        raise ArgumentError(
            f"segment_{kind}: codes are an array of integers along the dim to reduce."
        )
    if size is not None:
        return int(size)
    if is_traced(codes):
        raise ArgumentError(
            f"segment_{kind}: how many groups there are is not known while tracing; say it with size=…, or labels=…."
        )
    return int(codes.max(skipna=False)) + 1 if codes.size else 0


def _reduced(
    kind: str, x: xr.DataArray, codes: xr.DataArray, dim: Hashable, size: int, new_dim: Hashable
) -> xr.DataArray:
    if kind == "mean":
        count = _reduced("sum", xr.ones_like(x, dtype=float), codes, dim, size, new_dim)
        return _reduced("sum", x, codes, dim, size, new_dim) / count.where(count > 0)
    core = {"core": [[dim], [dim]], "out": [[new_dim]], "kind": kind, "size": size}
    known = codes.ndim == 1 and not is_traced(codes)
    for given in (x, codes):
        one_dim(f"segment_{kind}", given, dim)
    if known and dim not in x.coords and dim not in codes.coords:
        core["core"] = [[dim]]
        values = np.where(codes.values < size, codes.values, -1)
        found = apply(_by_known, x, **core, codes=Literal(values.astype(np.int32)))
    else:
        found = apply(scattered, x, codes, **core)
    return found.transpose(*[new_dim if d == dim else d for d in x.dims], ...)


def _by_known(x: Array, *, codes: Literal, kind: str, size: int) -> Array:
    """Codes that are part of the program."""
    var, dims = real(x)
    new = fresh("segment", dims)
    found = partial.segment_reduce(kind, var, dims[-1], new, size, codes.value)
    return make(found, [*dims[:-1], new], x.scope)


def scattered(x: Array, codes: Array, *, kind: str, size: int) -> Array:
    """Codes that are arrays of the program, for each row along the last axis their own or the same for all."""
    like = x if hasattr(x, "scope") else codes
    shape = np.broadcast_shapes(np.shape(x), np.shape(codes))
    x = as_traced(np.broadcast_to(x, shape), like)
    nothing = neutral(kind, x.dtype)
    outside = (codes < 0) | (codes >= size)
    values = np.where(outside, nothing, x)
    places = np.where(outside, 0, codes)
    names = [f"row_{k}" for k in range(len(shape) - 1)]
    own = [*names, "entry"]
    base = build.broadcast(build.scalar(nothing), [*names, "segment"], [*shape[:-1], size])
    written = build.broadcast(conform(values, own, shape, x.dtype), own, shape)
    at = conform(places, own, shape, np.dtype(np.int64))
    found = build.index_update(base, written, {"segment": at}, _WRITES[kind])
    return make(found, [*names, "segment"], trace_of([values, places]))


def neutral(kind: str, dtype: np.dtype) -> Any:
    """What a reduction of nothing gives."""
    if kind in ("sum", "prod"):
        return dtype.type(kind == "prod")
    if dtype.kind in "iu":
        limits = np.iinfo(dtype)
        return dtype.type(limits.min if kind == "max" else limits.max)
    return dtype.type(-np.inf if kind == "max" else np.inf)
