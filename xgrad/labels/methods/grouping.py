"""Reductions by groups: ``groupby`` and ``resample`` of traced data as one segment reduction for all groups.

xarray takes the groups apart, reduces each and puts the results together. Here the values of all groups are reduced at
once; the codes are known while tracing, and xarray's own code makes the labels of the result.
"""

from collections.abc import Callable, Sequence
from typing import Any, Final, NamedTuple

import numpy as np
import xarray as xr
from xarray.core import duck_array_ops
from xarray.core.common import _is_numeric_aggregatable_dtype
from xarray.core.groupby import DataArrayGroupByBase, DatasetGroupByBase, check_reduce_dims
from xarray.core.options import _get_keep_attrs
from xarray.core.resample import DatasetResample
from xarray.groupers import RESAMPLE_DIM

from xgrad.errors import UnsupportedError
from xgrad.labels.checked import empty_as_missing
from xgrad.labels.core import AbstractTraced
from xgrad.labels.methods.group_order import median, quantile
from xgrad.labels.methods.groups import Grouped, Groups
from xgrad.labels.recording import recorded
from xgrad.labels.scope import subject
from xgrad.labels.slots import read_variable

Array = Any
GroupBy = Any


# ---- one function per reduction: (values in groups, skipna, options) -----------------------


def _filled(kind: str, identity: int) -> Callable[..., Array]:
    """Sums and products: missing values change nothing, unless fewer than ``min_count`` are left."""

    def reduce(g: Grouped, skipna: bool | None = None, min_count: int | None = None) -> Array:
        dtype = np.sum(np.empty(0, g.values.dtype)).dtype
        if not g.skips(skipna):
            result = g.reduced(kind, g.values.astype(dtype, copy=False))
            if skipna is not True or min_count is None:
                return result
            return np.where(g.sizes(result.ndim) < min_count, np.nan, result)
        if min_count is None or kind != "sum":
            holes = np.isnan(g.values)
            result = g.reduced(kind, np.where(holes, g.values.dtype.type(identity), g.values))
            count = None if min_count is None else g.count(~holes)
        else:
            result, count = g.totals()
        return result if count is None else _enough(result, count, min_count)

    return reduce


def _enough(result: Array, count: Array, min_count: int | None) -> Array:
    """NaN where there are fewer values than wanted."""
    return np.where(count < min_count, result.dtype.type(np.nan), result)


def _mean(g: Grouped, skipna: bool | None = None) -> Array:
    if g.skips(skipna):
        total, count = g.totals()
        return total / empty_as_missing(count).astype(total.dtype)
    dtype = np.mean(np.empty(1, g.values.dtype)).dtype
    total = g.total(g.values.astype(dtype, copy=False))
    return total / g.sizes(total.ndim).astype(total.dtype)


def _var(g: Grouped, skipna: bool | None = None, ddof: float = 0) -> Array:
    """In two passes: the mean of each group, then the squares of what is left."""
    if not g.skips(skipna):
        apart = g.values - g.spread(_mean(g, skipna))
        total = g.total(_squared(apart))
        freedom = np.maximum(g.sizes(total.ndim) - ddof, 0)
        return total / freedom.astype(total.dtype)
    (total, count), zero = g.totals(), g.values.dtype.type(0)
    valid = ~np.isnan(g.values)
    centre = total / np.maximum(count, 1).astype(total.dtype)  # finite, so that gradients are
    total = g.total(_squared(np.where(valid, g.values - g.spread(centre), zero)))
    freedom = count - ddof
    divided = total / np.maximum(freedom, 1).astype(total.dtype)
    return np.where(freedom <= 0, total.dtype.type(np.nan), divided)


def _squared(a: Array) -> Array:
    return np.square(np.absolute(a) if a.dtype.kind == "c" else a)


def _std(g: Grouped, skipna: bool | None = None, ddof: float = 0) -> Array:
    return np.sqrt(_var(g, skipna, ddof))


def _extreme(kind: str, nothing: float, of_truth: str) -> Callable[..., Array]:
    def reduce(g: Grouped, skipna: bool | None = None) -> Array:
        if not g.skips(skipna):
            return g.reduced(of_truth if g.values.dtype == bool else kind, g.values)
        holes = np.isnan(g.values)
        found = g.reduced(kind, np.where(holes, g.values.dtype.type(nothing), g.values))
        return np.where(g.reduced("all", holes), found.dtype.type(np.nan), found)

    return reduce


def _count(g: Grouped) -> Array:
    return g.count(duck_array_ops.notnull(g.values)).astype(np.int64)


def _test(kind: str) -> Callable[..., Array]:
    return lambda g: g.reduced(kind, g.values.astype(bool, copy=False))


def _first(g: Grouped, skipna: bool | None = None) -> Array:
    return _at_end(g, skipna, "min", 0)


def _last(g: Grouped, skipna: bool | None = None) -> Array:
    return _at_end(g, skipna, "max", -1)


def _at_end(g: Grouped, skipna: bool | None, kind: str, end: int) -> Array:
    """The values at the first or last position of each group; with ``skipna``, at that of a valid value."""
    if not g.skips(skipna):
        return np.take(g.values, np.array([m[end] for m in g.groups.members]), axis=0)
    n = len(g.groups.codes)
    nowhere = n if kind == "min" else -1
    steps = np.arange(n).reshape(-1, *[1] * (g.values.ndim - 1))
    place = g.reduced(kind, np.where(np.isnan(g.values), nowhere, steps))
    found = np.take_along_axis(g.values, np.clip(place, 0, n - 1), axis=0)
    return np.where(place == nowhere, found.dtype.type(np.nan), found)


REDUCTIONS: Final[dict[Any, Callable[..., Array]]] = {  # by xarray's function for one group
    duck_array_ops.sum: _filled("sum", 0),
    duck_array_ops.prod: _filled("prod", 1),
    duck_array_ops.mean: _mean,
    duck_array_ops.var: _var,
    duck_array_ops.std: _std,
    duck_array_ops.max: _extreme("max", -np.inf, "any"),
    duck_array_ops.min: _extreme("min", np.inf, "all"),
    duck_array_ops.count: _count,
    duck_array_ops.array_any: _test("any"),
    duck_array_ops.array_all: _test("all"),
    duck_array_ops.first: _first,
    duck_array_ops.last: _last,
    duck_array_ops.median: median,
}
_OPTIONS: Final = {"skipna", "min_count", "ddof", "numeric_only"}


# ---- the way through xarray ------------------------------------------------------------------


class GroupReduction(NamedTuple):
    """What is handed to ``map`` in place of a function of one group: a reduction of all of them."""

    function: Any
    dims: tuple[Any, ...] | None  # None: all
    keep_attrs: bool
    options: dict[str, Any]

    def of_variable(self, variable: xr.Variable, groups: Groups, along: Any) -> xr.Variable:
        """A variable with a value per group, along a first dim."""
        dims = [d for d in variable.dims if self.dims is None or d in self.dims]
        data = read_variable(variable).data
        if along in dims and isinstance(data, AbstractTraced):
            return self._at_once(variable, data, groups, along, dims)
        if along in dims:  # a concrete neighbour of traced variables
            parts = [self._plainly(variable[{along: m}], dims) for m in groups.members]
            return xr.Variable.concat(parts, groups.name)
        whole = self._plainly(variable, dims)
        return whole.set_dims((groups.name, *whole.dims), (len(groups.members), *whole.shape))

    def _plainly(self, variable: xr.Variable, dims: Sequence[Any]) -> xr.Variable:
        everything = len(dims) == variable.ndim != 1
        return variable.reduce(
            self.function, None if everything else dims, keep_attrs=self.keep_attrs, **self.options
        )

    def _at_once(
        self, variable: xr.Variable, data: Array, groups: Groups, along: Any, dims: Sequence[Any]
    ) -> xr.Variable:
        grouped, rest = _grouped(variable.dims, data, groups, along, dims)
        result = REDUCTIONS[self.function](grouped, **self.options)
        return xr.Variable(
            (groups.name, *rest), result, variable.attrs if self.keep_attrs else None
        )

    def of_array(self, groupby: GroupBy) -> xr.DataArray:
        obj: xr.DataArray = groupby._obj
        variable = self.of_variable(obj.variable, Groups.of(groupby), groupby._group_dim)
        result = obj._replace_maybe_drop_dims(variable)
        return _labelled(groupby, groupby._restore_dim_order(result))

    def of_dataset(self, groupby: GroupBy) -> xr.Dataset:
        obj: xr.Dataset = groupby._obj
        groups, along = Groups.of(groupby), groupby._group_dim
        options = dict(self.options)
        numeric = options.pop("numeric_only", False)
        reduction = self._replace(options=options)
        variables = {
            name: reduction.of_variable(v.variable, groups, along)
            for name, v in obj.data_vars.items()
            if not numeric or _is_numeric_aggregatable_dtype(v.variable)
        }
        gone = [d for d in obj.dims if self.dims is None or d in self.dims]
        coords = obj.drop_vars(list(obj.data_vars)).drop_dims(gone, errors="ignore")
        result = coords.assign(variables)
        result.attrs = obj.attrs if self.keep_attrs else {}
        return _along_dim(groupby, _labelled(groupby, result))


def _grouped(
    names: Sequence[Any], data: Array, groups: Groups, along: Any, dims: Sequence[Any]
) -> tuple[Grouped, list[Any]]:
    """Traced data of the dims ``names`` ready for the reduction over ``dims``, and the dims that are left."""
    first = [along, *[d for d in dims if d != along]]
    order = [names.index(d) for d in first]
    values = np.moveaxis(data, order, range(len(order)))
    if groups.overlap:
        positions, groups = groups.apart()
        values = np.take(values, positions, axis=0)
    rest = [d for d in names if d not in first]
    return Grouped(values, groups, tuple(range(1, len(order)))), rest


class GroupQuantile:
    """``quantile`` of all groups at once; xarray's own, of one entry of zeros, tells what the result is like."""

    def __init__(self, groupby: GroupBy, q: Any, dim: Any, **options: Any) -> None:
        self.groupby, self.q, self.dim, self.options = groupby, np.asarray(q, float), dim, options
        self.obj, self.along = groupby._obj, groupby._group_dim
        self.dims = (
            set(self.obj.dims) if dim is ... else {dim} if isinstance(dim, str) else set(dim)
        )
        is_array = isinstance(self.obj, xr.DataArray)
        self.variables = (
            [self.obj.variable] if is_array else [v.variable for v in self.obj.values()]
        )

    @property
    def applies(self) -> bool:
        """Whether all that is reduced is traced numbers along the dim that is grouped."""
        name = self.groupby.encoded.unique_coord.dims[0]
        left = set(self.obj.dims) - self.dims
        return (
            self.options.get("interpolation") is None
            and self.along in self.dims <= set(self.obj.dims)
            and name not in left
            and all([self._is_traced(v) for v in self.variables])
        )

    def _is_traced(self, variable: xr.Variable) -> bool:
        data = read_variable(variable).data
        known = isinstance(data, AbstractTraced) and data.dtype.kind not in "bc"
        return known and self.along in variable.dims

    def result(self) -> Any:
        groups = Groups.of(self.groupby)
        one = self.obj.isel({self.along: groups.members[0][:1]})
        if isinstance(one, xr.DataArray):
            zeros: Any = one.copy(data=np.zeros(one.shape, one.dtype))
        else:
            zeros = one.copy(data={k: np.zeros(v.shape, v.dtype) for k, v in one.items()})
        like = zeros.quantile(self.q, self.dim, **self.options)
        if isinstance(like, xr.DataArray):
            variable = self._of_variable(self.obj.variable, like.variable, groups)
            found = xr.DataArray(variable, like.coords, name=like.name)
            return _labelled(self.groupby, self.groupby._restore_dim_order(found))
        parts = {
            k: self._of_variable(self.obj[k].variable, v.variable, groups) for k, v in like.items()
        }
        found = xr.Dataset(parts, like.coords, like.attrs)
        return _along_dim(self.groupby, _labelled(self.groupby, found))

    def _of_variable(self, of: xr.Variable, like: xr.Variable, groups: Groups) -> xr.Variable:
        dims = [d for d in of.dims if d in self.dims]
        grouped, rest = _grouped(of.dims, read_variable(of).data, groups, self.along, dims)
        method, skipna = self.options["method"], self.options["skipna"]
        data = quantile(grouped, self.q, method, skipna).astype(like.dtype, copy=False)
        names = ("quantile", groups.name, *rest) if self.q.ndim else (groups.name, *rest)
        return xr.Variable(names, data, like.attrs).transpose(groups.name, *like.dims)


def _labelled(groupby: GroupBy, result: Any) -> Any:
    """The labels of the groups, empty ones put back: what xarray does after it has concatenated."""
    result = result.assign_coords(groupby.encoded.coords)
    return groupby._maybe_reindex(groupby._maybe_unstack(result))


def _along_dim(groupby: GroupBy, result: xr.Dataset) -> xr.Dataset:
    """A resampled Dataset along its own dim (``DatasetResample.map``)."""
    if not isinstance(groupby, DatasetResample):
        return result
    dim: Any = groupby._dim
    result = result.drop_vars(dim, errors="ignore")
    return result.rename({RESAMPLE_DIM: dim}) if RESAMPLE_DIM in result.dims else result


def _reduction(groupby: GroupBy, function: Any, dim: Any, options: dict[str, Any]) -> Any:
    """The dims to reduce (None: all) where the reduction can be of all groups at once; else NotImplemented."""
    if groupby._by_chunked or function not in REDUCTIONS or not _OPTIONS.issuperset(options):
        return NotImplemented
    along, name = groupby._group_dim, groupby.encoded.unique_coord.dims[0]
    obj = groupby._obj
    variables = [obj.variable] if isinstance(obj, xr.DataArray) else list(obj.variables.values())
    if not any(isinstance(read_variable(v).data, AbstractTraced) for v in variables):
        return NotImplemented
    if function is duck_array_ops.median and any(v.dtype.kind in "bc" for v in variables):
        return NotImplemented
    dims = (along,) if dim is None else (dim,) if isinstance(dim, str) else dim
    dims = None if dims is ... else tuple(dims)
    left = [d for d in obj.dims if dims is not None and d not in dims]
    if (dims is not None and along not in dims) or name in left:
        return NotImplemented  # the groups stay as they are, or the result has two dims of one name
    return dims


def reduce_groups(original: Callable[..., Any]) -> Callable[..., Any]:
    """``reduce`` of a GroupBy: of all groups at once where data is traced."""

    @recorded
    def reduce(
        self: GroupBy,
        func: Any,
        dim: Any = None,
        *,
        axis: Any = None,
        keep_attrs: bool | None = None,
        shortcut: bool = True,
        **options: Any,
    ) -> Any:
        dims = NotImplemented if axis is not None else _reduction(self, func, dim, options)
        if dims is NotImplemented:
            return original(
                self,
                func,
                dim,
                axis=axis,
                keep_attrs=keep_attrs,
                shortcut=shortcut,
                **options,
            )
        check_reduce_dims(... if dims is None else list(dims), self.dims)
        keep = _get_keep_attrs(default=True) if keep_attrs is None else keep_attrs
        return self.map(GroupReduction(func, dims, keep, options), shortcut=True)

    return reduce


def map_groups(original: Callable[..., Any]) -> Callable[..., Any]:
    """``map`` of a GroupBy, which a reduction of all groups passes through, and ``quantile`` too."""

    @recorded
    def map(self: GroupBy, func: Any, *args: Any, **kwargs: Any) -> Any:
        if func in (xr.DataArray.quantile, xr.Dataset.quantile) and not args:
            options = {k: v for k, v in kwargs.items() if k not in ("shortcut", "args")}
            quantiles = GroupQuantile(self, **options)
            if quantiles.applies:
                return quantiles.result()
        if not isinstance(func, GroupReduction):
            return original(self, func, *args, **kwargs)
        is_array = isinstance(self, DataArrayGroupByBase)
        return func.of_array(self) if is_array else func.of_dataset(self)

    return map


def resolve_group(original: Callable[..., Any]) -> Callable[..., Any]:
    """xarray's ``_resolve_group``: what is grouped by must be known while tracing."""

    def resolve(obj: Any, group: Any) -> Any:
        found = original(obj, group)
        data = read_variable(found.variable).data if isinstance(found, xr.DataArray) else None
        if not isinstance(data, AbstractTraced):
            return found
        raise UnsupportedError(
            f"groupby by {subject(data.value, dims=True)}: how many groups there are would depend on the data,"
            " which are not known while the function is traced.\n"
            "Group by a coord, or by an array that is not an argument; for a known number of groups that are numbered"
            " from 0 use xgrad.segment_sum, segment_mean, ... by dim. Numbers of bins with known edges are"
            " xgrad.searchsorted(edges, values) - 1."
        )

    return resolve


REDUCING: Final = (DataArrayGroupByBase, DatasetGroupByBase)  # whose ``reduce`` is replaced
MAPPING: Final = (*REDUCING, DatasetResample)  # whose ``map`` is
