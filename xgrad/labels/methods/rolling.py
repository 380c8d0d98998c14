"""Moving windows of traced data: ``rolling`` and ``cumulative`` as reductions that never lay the windows out.

xarray builds all windows along a new dim and reduces that. Here the array is padded as xarray pads it, and reduced by
windows; which windows hold enough values, and the labels, are xarray's own affair. What is not in the table (medians,
positions, a user's function) goes xarray's way.
"""

import math
from collections.abc import Callable, Sequence
from typing import Any, Final, NamedTuple

import numpy as np
import xarray as xr
from xarray.core import dtypes, duck_array_ops

from xgrad.labels.core import AbstractTraced, make, real
from xgrad.labels.duck.elementwise import cast_to
from xgrad.labels.naming import named
from xgrad.labels.recording import recorded
from xgrad.labels.scope import fresh
from xgrad.labels.slots import read_variable
from xgrad.names import build, partial

Array = Any
Rolling = Any


class Window(NamedTuple):
    """The windows along one axis: how far the array is padded so that every entry has one."""

    axis: int
    size: int
    low: int
    high: int


def windows_of(rolling: Rolling) -> list[Window]:
    """The windows of a rolling object, along each of its dims."""
    found = []
    for dim, size, center in zip(rolling.dim, rolling.window, rolling.center, strict=True):
        low = size // 2 if center else size - 1
        found.append(Window(rolling.obj.get_axis_num(dim), size, low, size - 1 - low))
    return found


def slide(kind: str, values: Array, windows: Sequence[Window], fill: Any) -> Array:
    """``values`` reduced by windows; beyond its ends there is ``fill``, which must not count."""
    var, dims = real(values)
    for axis, size, low, high in windows:
        dim = dims[axis]
        if size >= values.shape[axis] and not high:  # everything up to here
            var = build.cumreduce(kind, var, dim)
            continue
        padded = build.pad(var, {dim: (low, high)}, build.scalar(fill, var.type.dtype))
        var = partial.window_reduce(kind, padded, dim, size)
    return make(var, dims, values.scope)


# ---- one function per reduction: (values, windows, options) ------------------------------------


def _filled(kind: str) -> Callable[..., Array]:
    """xarray has put ``fillna`` in the place of what is missing, and asks for no further care."""

    def reduce(values: Array, windows: Sequence[Window], *, fillna: Any, skipna: bool) -> Array:
        return slide(kind, values, windows, fillna)

    return reduce


def _total(kind: str) -> Callable[..., Array]:
    filled = _filled(kind)

    def reduce(values: Array, windows: Sequence[Window], **options: Any) -> Array:
        dtype = np.sum(np.empty(0, values.dtype)).dtype  # in which NumPy adds and multiplies up
        return filled(cast_to(values, dtype), windows, **options)

    return reduce


def _var(values: Array, windows: Sequence[Window], *, ddof: float = 0) -> Array:
    """Squared distances from the mean of each window, over how many values it has less ``ddof``."""
    (window,) = windows
    dtype = np.dtype(dtypes.maybe_promote(values.dtype)[0])
    valid = duck_array_ops.notnull(values)
    filled: Array = np.where(valid, values, 0)
    x, dims = real(filled.astype(dtype, copy=False))
    weight, names = real(cast_to(valid, dtype))
    weight = build.rename(weight, dict(zip(names, dims, strict=True)))
    dim, zero = dims[window.axis], build.scalar(0, dtype)
    x, weight = (build.pad(v, {dim: window[2:]}, zero) for v in (x, weight))
    squares = partial.window_reduce("squares", x, dim, window.size, weight)
    count = partial.window_reduce("sum", weight, dim, window.size)
    of_windows: list[Array] = [make(v, dims, values.scope) for v in (squares, count)]
    squares, freedom = of_windows[0], of_windows[1] - ddof
    divided = squares / np.maximum(freedom, dtype.type(1))
    return np.where(freedom <= 0, dtype.type(np.nan), divided)


def _std(values: Array, windows: Sequence[Window], *, ddof: float = 0) -> Array:
    return np.sqrt(_var(values, windows, ddof=ddof))


class Reduction(NamedTuple):
    """A reduction, and what it can do without laying windows out."""

    function: Callable[..., Array]
    kinds: str  # of dtypes
    options: frozenset[str]
    many: bool  # along several dims at once


_FILLED: Final = frozenset({"skipna", "fillna"})
REDUCTIONS: Final[dict[Any, Reduction]] = {  # by xarray's function for laid out windows
    duck_array_ops.sum: Reduction(_total("sum"), "biufc", _FILLED, True),
    duck_array_ops.prod: Reduction(_total("prod"), "biufc", _FILLED, True),
    duck_array_ops.max: Reduction(_filled("max"), "iuf", _FILLED, True),
    duck_array_ops.min: Reduction(_filled("min"), "iuf", _FILLED, True),
    duck_array_ops.var: Reduction(_var, "iuf", frozenset({"ddof"}), False),
    duck_array_ops.std: Reduction(_std, "iuf", frozenset({"ddof"}), False),
}


# ---- the way through xarray --------------------------------------------------------------------


def _traced(rolling: Rolling) -> bool:
    return (
        isinstance(read_variable(rolling.obj.variable).data, AbstractTraced)
        and rolling.obj.size > 0
    )


def _reduction(rolling: Rolling, function: Any, options: dict[str, Any]) -> Reduction | None:
    """What reduces without laying windows out, where it can."""
    found = REDUCTIONS.get(function)
    if found is None or not _traced(rolling) or rolling.obj.dtype.kind not in found.kinds:
        return None
    if not found.options.issuperset(options) or options.get("skipna", False) is not False:
        return None
    if (found.options is _FILLED) != ("fillna" in options):
        return None
    return found if found.many or rolling.ndim == 1 else None


def _like(rolling: Rolling, values: Array, keep_attrs: bool) -> xr.DataArray:
    obj = rolling.obj
    attrs = obj.attrs if keep_attrs else {}
    return type(obj)(values, coords=obj.coords, dims=obj.dims, attrs=attrs, name=obj.name)


def without_compiled(original: Callable[..., Any]) -> Callable[..., Any]:
    """``DataArrayRolling._array_reduce`` by xarray's own means, whichever compiled library is there for arrays."""

    def reduce(self: Rolling, **options: Any) -> Any:
        if isinstance(read_variable(self.obj.variable).data, AbstractTraced):
            options |= {"bottleneck_move_func": None, "numbagg_move_func": None}
        return original(self, **options)

    return reduce


def name_blocks(original: Callable[..., Any]) -> Callable[..., Any]:
    """``Variable.coarsen_reshape``: a dim cut into blocks keeps its name; the place in a block has one like it."""

    def reshape(self: xr.Variable, windows: Any, *args: Any, **kwargs: Any) -> Any:
        blocks, axes = original(self, windows, *args, **kwargs)
        if not isinstance(blocks, AbstractTraced):
            return blocks, axes
        taken, names = set(self.dims), []
        for dim in self.dims:
            names.append(dim)
            if dim in windows:
                block = f"{dim}_block"
                names.append(fresh(block, taken) if block in taken else block)
        return named(blocks, tuple(names)), axes

    return reshape


def reduce_windows(original: Callable[..., Any]) -> Callable[..., Any]:
    """``DataArrayRolling.reduce``, without windows laid out where data is traced."""

    @recorded
    def reduce(
        self: Rolling, func: Any, keep_attrs: bool | None = None, **options: Any
    ) -> xr.DataArray:
        given = {k: v for k, v in options.items() if k != "sliding_window_view_kwargs"}
        reduction = _reduction(self, func, given)
        if reduction is None:
            return original(self, func, keep_attrs, **options)
        keep = self._get_keep_attrs(keep_attrs)
        obj = self.obj.fillna(given["fillna"]) if "fillna" in given else self.obj
        values = reduction.function(read_variable(obj.variable).data, windows_of(self), **given)
        counts = self._counts(keep_attrs=False)
        return _like(self, values, keep).where(counts >= self.min_periods)

    return reduce


def mean_windows(original: Callable[..., Any]) -> Callable[..., Any]:
    """``DataArrayRolling.mean``: as in xarray the sum by the count, which is counted once."""

    @recorded
    def mean(self: Rolling, keep_attrs: bool | None = None, **options: Any) -> xr.DataArray:
        if options or not _traced(self) or self.obj.dtype.kind not in "iuf":
            return original(self, keep_attrs=keep_attrs, **options)
        data = read_variable(self.obj.fillna(0).variable).data
        total = REDUCTIONS[duck_array_ops.sum].function(
            data, windows_of(self), fillna=0, skipna=False
        )
        dtype, _ = dtypes.maybe_promote(total.dtype)
        counts = self._counts(keep_attrs=False)
        means = total.astype(dtype, copy=False) / counts.data.astype(dtype)
        return _like(self, means, self._get_keep_attrs(keep_attrs)).where(
            counts >= self.min_periods
        )

    return mean


def count_windows(original: Callable[..., Any]) -> Callable[..., Any]:
    """``DataArrayRolling._counts``: how many values in each window are not missing."""

    @recorded
    def counts(self: Rolling, keep_attrs: bool | None) -> xr.DataArray:
        if not _traced(self):
            return original(self, keep_attrs)
        data = read_variable(self.obj.variable).data
        if data.dtype.kind in "fc":
            valid = (~np.isnan(data)).astype(_counter(self.window))
            found = slide("sum", valid, windows_of(self), 0).astype(np.int64)
        else:
            found = _all_valid(data.shape, windows_of(self))
        return _like(self, found, bool(keep_attrs))

    return counts


def _counter(sizes: Sequence[int]) -> np.dtype:
    """The narrowest integers that hold the counts: the steps over the data are bound by memory."""
    return np.dtype(np.int16 if math.prod(sizes) < 2**15 else np.int32)


def _all_valid(shape: Sequence[int], windows: Sequence[Window]) -> np.ndarray:
    """The counts where nothing can be missing: known while tracing."""
    found = np.ones([1] * len(shape), np.int64)
    for axis, _, low, high in windows:
        at = np.arange(shape[axis])
        inside = np.minimum(at + high, shape[axis] - 1) - np.maximum(at - low, 0) + 1
        found = found * inside.reshape([-1 if i == axis else 1 for i in range(len(shape))])
    return np.broadcast_to(found, shape)
