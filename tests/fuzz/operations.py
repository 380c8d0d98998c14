"""The steps of random programs: one function per kind of operation, and how its parameters are drawn.

Parameters are drawn for the eager values that a step will meet. What eager xarray refuses is not taken up: ``draw``
need not know every rule. ``exact`` operations give the same bits in whatever order they are computed; only what is
exact may be compared, rounded or chosen by, since rounding would decide.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import xarray as xr

from tests.fuzz.inputs import LABELS, Rng

Array = xr.DataArray
Params = dict[str, Any]


class Operation(NamedTuple):
    """``apply(*arrays, **draw(rng, *arrays))``."""

    apply: Callable[..., Any]
    draw: Callable[..., Params]
    arity: int
    exact: bool  # keeps exact values exact
    needs_exact: bool  # its result is not continuous


OPERATIONS: dict[str, Operation] = {}


def _none(rng: Rng, *arrays: Array) -> Params:
    return {}


def operation(
    draw: Callable[..., Params] = _none, *, arity: int = 1, exact: bool = True, steps: bool = False
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Enter a function of arrays into the table under its name."""

    def enter(apply: Callable[..., Any]) -> Callable[..., Any]:
        OPERATIONS[apply.__name__] = Operation(apply, draw, arity, exact, steps)
        return apply

    return enter


def pick(rng: Rng, options: Any) -> Any:
    return options[rng.integers(len(options))]


def some_dims(rng: Rng, x: Array) -> Any:
    """A dim, several, all or none, in the ways that users write it."""
    dims = list(x.dims)
    kind = rng.integers(4)
    if kind == 0 or not dims:
        return None
    if kind == 1:
        return list(rng.permutation(np.array(dims, dtype=object))[: rng.integers(1, len(dims) + 1)])
    return pick(rng, dims) if kind == 2 else ...


def one_dim(rng: Rng, x: Array) -> Params:
    return {"dim": pick(rng, x.dims)}


# ---- elementwise -----------------------------------------------------------------------------------------------


@operation(lambda rng, x: {"f": pick(rng, [np.negative, np.abs, np.square])})
def unary(x: Array, f: Any) -> Array:
    return f(x)


@operation(
    lambda rng, x: {"f": pick(rng, [np.sin, np.tanh, np.arctan, np.cbrt, np.exp])}, exact=False
)
def smooth(x: Array, f: Any) -> Array:
    return f(x)


@operation(lambda rng, x: {"f": pick(rng, [np.sign, np.floor, np.rint, np.isfinite])}, steps=True)
def stepwise(x: Array, f: Any) -> Array:
    return f(x)


@operation(lambda rng, x: {"dtype": pick(rng, ["float64", "float32", "int64", "bool"])}, steps=True)
def astype(x: Array, dtype: str) -> Array:
    return x.astype(dtype)


@operation(lambda rng, x: {"f": pick(rng, ["isnull", "notnull"])}, steps=True)
def missing(x: Array, f: str) -> Array:
    return getattr(x, f)()


def _number(rng: Rng, x: Array) -> Params:
    numbers = [2, -3, 0.5, True, np.float32(1.5), np.float64(2), np.int32(3)]
    f = pick(rng, [np.add, np.subtract, np.multiply, np.maximum, np.fmin])
    return {"f": f, "number": pick(rng, numbers), "turned": bool(rng.integers(2))}


@operation(_number)
def with_number(x: Array, f: Any, number: Any, turned: bool) -> Array:
    return f(number, x) if turned else f(x, number)


_BINARY: list[Any] = [np.add, np.subtract, np.multiply, np.maximum, np.minimum, np.fmax]


@operation(lambda rng, x, y: {"f": pick(rng, _BINARY)}, arity=2)
def binary(x: Array, y: Array, f: Any) -> Array:
    return f(x, y)


@operation(lambda rng, x, y: {"name": pick(rng, ["__add__", "__sub__", "__mul__"])}, arity=2)
def operator(x: Array, y: Array, name: str) -> Array:
    return getattr(x, name)(y)


@operation(arity=2, exact=False)
def divide(x: Array, y: Array) -> Array:
    return x / (abs(y) + 1)


@operation(
    lambda rng, x, y: {"f": pick(rng, [np.less, np.equal, np.greater_equal])}, arity=2, steps=True
)
def compare(x: Array, y: Array, f: Any) -> Array:
    return f(x, y)


@operation(arity=2, steps=True)
def floor_divide(x: Array, y: Array) -> Array:
    return x // (abs(y) + 1) + x % 2


@operation(arity=2, steps=True)
def where(x: Array, y: Array) -> Array:
    return x.where(y > 0)


@operation(arity=3, steps=True)
def choose(x: Array, y: Array, z: Array) -> Array:
    return xr.where(x > 0, y, z)


@operation(arity=2, steps=True)
def where_other(x: Array, y: Array) -> Array:
    return x.where(x > 0, y)


@operation(lambda rng, x: {"low": pick(rng, [-0.5, 0, None]), "high": pick(rng, [1, 0.75])})
def clip(x: Array, low: Any, high: Any) -> Array:
    return x.clip(low, high)


@operation(arity=2)
def fillna(x: Array, y: Array) -> Array:
    return x.fillna(y)


@operation(arity=2)
def combine_first(x: Array, y: Array) -> Array:
    return x.combine_first(y)


# ---- reductions ------------------------------------------------------------------------------------------------


def _reduction(*names: str) -> Callable[..., Params]:
    def draw(rng: Rng, x: Array) -> Params:
        options: Params = {"name": pick(rng, names), "dim": some_dims(rng, x)}
        if options["name"] not in ("count", "any", "all"):
            options["skipna"] = pick(rng, [None, None, True, False])
        if options["name"] == "sum" and rng.random() < 0.3:
            options["min_count"] = int(rng.integers(1, 4))
        if rng.random() < 0.2:
            options["keep_attrs"] = False
        return options

    return draw


@operation(_reduction("sum", "max", "min", "count"))
def reduce(x: Array, name: str, dim: Any, **options: Any) -> Array:
    return getattr(x, name)(dim, **options)


@operation(_reduction("mean", "var", "std", "prod", "median"), exact=False)
def reduce_roughly(x: Array, name: str, dim: Any, **options: Any) -> Array:
    return getattr(x, name)(dim, **options)


@operation(lambda rng, x: {"name": pick(rng, ["any", "all"]), "dim": some_dims(rng, x)}, steps=True)
def test(x: Array, name: str, dim: Any) -> Array:
    return getattr(x > 0, name)(dim)


def _quantile(rng: Rng, x: Array) -> Params:
    if x.dtype == np.float32 and x.isnull().all():
        raise ValueError(
            "NumPy's dtype depends on the data: float32 where all are NaN, else float64"
        )
    return {"q": pick(rng, [0.3, [0.0, 0.5]]), "dim": some_dims(rng, x)}


@operation(_quantile, exact=False)
def quantile(x: Array, q: Any, dim: Any) -> Array:
    return x.quantile(q, dim)


@operation(lambda rng, x: {**one_dim(rng, x), "name": pick(rng, ["argmax", "argmin"])}, steps=True)
def position(x: Array, name: str, dim: Any) -> Array:
    return getattr(x.fillna(0), name)(dim)


@operation(lambda rng, x: {**one_dim(rng, x), "name": pick(rng, ["cumsum", "cumprod"])})
def cumulative(x: Array, name: str, dim: Any) -> Array:
    return getattr(x, name)(dim)


@operation(lambda rng, x: {**one_dim(rng, x), "method": pick(rng, ["linear", "nearest"])})
def interpolate_na(x: Array, dim: Any, method: str) -> Array:
    return x.interpolate_na(dim, method=method)


@operation(lambda rng, x: {**one_dim(rng, x), "label": pick(rng, ["upper", "lower"])})
def diff(x: Array, dim: Any, label: str) -> Array:
    return x.diff(dim, label=label)


@operation(lambda rng, x, y: {"dim": pick(rng, [None, ..., *x.dims])}, arity=2)
def dot(x: Array, y: Array, dim: Any) -> Array:
    return xr.dot(x, y, dim=dim)


@operation(
    lambda rng, x, y: {"dim": some_dims(rng, x), "name": pick(rng, ["mean", "sum", "std"])},
    arity=2,
    exact=False,
)
def weighted(x: Array, y: Array, name: str, dim: Any) -> Array:
    return getattr(x.weighted(abs(y).fillna(1)), name)(dim)


@operation(
    lambda rng, x, y: {"q": pick(rng, [0.3, [0.0, 0.5]]), "dim": some_dims(rng, x)},
    arity=2,
    steps=True,  # of small integers as weights, none of which is next to zero
    exact=False,
)
def weighted_quantile(x: Array, y: Array, q: Any, dim: Any) -> Array:
    return x.weighted(abs(y).fillna(1)).quantile(q, dim=dim)


@operation(
    lambda rng, x, y: {"f": pick(rng, [xr.cov, xr.corr]), **one_dim(rng, x)}, arity=2, exact=False
)
def covariance(x: Array, y: Array, f: Any, dim: Any) -> Array:
    return f(x, y, dim)


# ---- indexing --------------------------------------------------------------------------------------------------


def _indexer(rng: Rng, n: int) -> Any:
    kind = rng.integers(4)
    if kind == 0:
        return int(rng.integers(-n, n))
    if kind == 1:
        return [int(i) for i in rng.integers(-n, n, rng.integers(1, 4))]
    if kind == 2:
        return slice(int(rng.integers(0, n)), None, pick(rng, [1, 2, -1]))
    return slice(None, int(rng.integers(0, n + 1)))


@operation(
    lambda rng, x: {"at": {d: _indexer(rng, n) for d, n in x.sizes.items() if rng.random() < 0.6}}
)
def isel(x: Array, at: Any) -> Array:
    return x.isel(at)


@operation(
    lambda rng, x: {
        "at": {
            d: xr.DataArray(rng.integers(0, n, 2), dims="point")
            for d, n in x.sizes.items()
            if rng.random() < 0.6
        }
    }
)
def isel_pointwise(x: Array, at: Any) -> Array:
    return x.isel(at)


def _labels_there(rng: Rng, x: Array) -> Params:
    dims = [d for d in x.indexes if d in x.dims]
    d = pick(rng, dims)
    labels = x[d].values
    return {"at": {d: pick(rng, [labels[0], labels[: rng.integers(1, 4)], slice(labels[0], None)])}}


@operation(_labels_there)
def sel(x: Array, at: Any) -> Array:
    return x.sel(at)


def _other_labels(rng: Rng, x: Array) -> Params:
    d = pick(rng, [d for d in x.indexes if d in x.dims])
    kind = {"i": "int", "f": "float", "M": "datetime"}.get(x[d].dtype.kind, "string")
    labels = rng.permutation(LABELS[kind])[: rng.integers(0, 5)]
    return {"at": {d: labels}, "fill": pick(rng, [{}, {}, {"fill_value": -1.0}])}


@operation(_other_labels)
def reindex(x: Array, at: Any, fill: Any) -> Array:
    return x.reindex(at, **fill)


@operation(lambda rng, x: {**one_dim(rng, x), "ascending": bool(rng.integers(2))})
def sortby(x: Array, dim: Any, ascending: bool) -> Array:
    return x.sortby(dim, ascending=ascending)


# ---- shape and labels ------------------------------------------------------------------------------------------


@operation(lambda rng, x: {"dims": [str(d) for d in rng.permutation(list(x.dims))]})
def transpose(x: Array, dims: Any) -> Array:
    return x.transpose(*dims)


@operation(
    lambda rng, x: {"sizes": pick(rng, [{"w": 1}, {"w": [5, 6]}]), "axis": pick(rng, [0, -1])}
)
def expand_dims(x: Array, sizes: Any, axis: int) -> Array:
    return x.expand_dims(sizes, axis=axis)


@operation()
def squeeze(x: Array) -> Array:
    return x.squeeze(drop=True)


@operation(lambda rng, x: {"dims": [str(d) for d in rng.permutation(list(x.dims))[:2]]})
def stack(x: Array, dims: Any) -> Array:
    return x.stack(z=dims)


@operation(lambda rng, x: {"dims": [str(d) for d in rng.permutation(list(x.dims))[:2]]})
def unstack(x: Array, dims: Any) -> Array:
    return x.stack(z=dims)[..., ::2].unstack("z")


@operation(lambda rng, x: {"dim": pick(rng, x.dims)})
def rename(x: Array, dim: Any) -> Array:
    return x.rename({dim: "renamed"}).rename("r")


@operation(lambda rng, x: {"name": pick(rng, list(x.coords))})
def drop_vars(x: Array, name: Any) -> Array:
    return x.drop_vars(name)


@operation(lambda rng, x: one_dim(rng, x))
def traced_coord(x: Array, dim: Any) -> Array:
    return x.assign_coords(total=x.sum(dim, keep_attrs=False))


@operation(
    lambda rng, x: {
        **one_dim(rng, x),
        "n": int(rng.integers(-2, 3)),
        "fill": pick(rng, [{}, {"fill_value": 1}]),
    }
)
def shift(x: Array, dim: Any, n: int, fill: Any) -> Array:
    return x.shift({dim: n}, **fill)


@operation(
    lambda rng, x: {
        **one_dim(rng, x),
        "n": int(rng.integers(-2, 3)),
        "coords": bool(rng.integers(2)),
    }
)
def roll(x: Array, dim: Any, n: int, coords: bool) -> Array:
    return x.roll({dim: n}, roll_coords=coords)


@operation(
    lambda rng, x: {**one_dim(rng, x), "mode": pick(rng, ["constant", "edge", "wrap", "reflect"])}
)
def pad(x: Array, dim: Any, mode: str) -> Array:
    return x.pad({dim: (1, 2)}, mode=mode)


@operation(lambda rng, x, y: {"dim": pick(rng, [*x.dims, "member"])}, arity=2)
def concat(x: Array, y: Array, dim: Any) -> Array:
    return xr.concat([x, y], dim, join="outer", coords="minimal", compat="override")


def _concat_all(rng: Rng, x: Array, y: Array) -> Params:
    if "total" in x.coords and x is y:
        raise ValueError("a traced coord is repeated, so that it may differ from the one it was")
    return {"dim": pick(rng, [*x.dims, "member"])}


@operation(_concat_all, arity=2)
def concat_all(x: Array, y: Array, dim: Any) -> Array:
    return xr.concat([x, y], dim, join="outer", coords="all", compat="equals")


@operation(arity=2)
def broadcast_like(x: Array, y: Array) -> Array:
    return x.broadcast_like(y)


@operation(arity=2)
def through_dataset(x: Array, y: Array) -> Array:
    both = xr.Dataset({"p": x.reset_coords(drop=True), "q": y.reset_coords(drop=True)})
    return (both * 2).to_dataarray("variable")


# ---- groups and windows ----------------------------------------------------------------------------------------

_EXACT_KINDS, _ROUGH_KINDS = ["sum", "max", "min", "count", "first", "last"], ["mean", "std", "var"]


def _grouped(kinds: list[str]) -> Callable[..., Params]:
    def draw(rng: Rng, x: Array) -> Params:
        by = [k for k, c in x.coords.items() if c.ndim == 1 and k != "total"]  # which is traced
        return {"by": pick(rng, by), "name": pick(rng, kinds)}

    return draw


@operation(_grouped(_EXACT_KINDS))
def groupby(x: Array, by: Any, name: str) -> Array:
    return getattr(x.groupby(by), name)()


@operation(_grouped(_ROUGH_KINDS), exact=False)
def groupby_roughly(x: Array, by: Any, name: str) -> Array:
    return getattr(x.groupby(by), name)()


def _group_arithmetic(rng: Rng, x: Array) -> Params:
    if "total" in x.coords and not x["total"].ndim:
        raise ValueError("a single traced coord is repeated by groups, so that it may differ")
    return _grouped(["sum", "max"])(rng, x)


@operation(_group_arithmetic)
def group_arithmetic(x: Array, by: Any, name: str) -> Array:
    return x.groupby(by) - getattr(x.groupby(by), name)()


@operation(lambda rng, x: {**one_dim(rng, x), "name": pick(rng, _EXACT_KINDS)})
def groupby_bins(x: Array, dim: Any, name: str) -> Array:
    return getattr(x.groupby_bins(dim, [0, 15, 16, 35]), name)()


@operation(lambda rng, x: {"freq": pick(rng, ["MS", "2D", "12h"]), "name": pick(rng, _EXACT_KINDS)})
def resample(x: Array, freq: str, name: str) -> Array:
    return getattr(x.resample(time=freq), name)()


def _rolling(kinds: list[str]) -> Callable[..., Params]:
    def draw(rng: Rng, x: Array) -> Params:
        if x.dtype == bool and "sum" not in kinds:
            raise ValueError("xarray computes moments of truth values with gaps as objects")
        dims = [str(d) for d in rng.permutation(list(x.dims))[: rng.integers(1, 3)]]
        options: Params = {"center": bool(rng.integers(2))}
        if rng.random() < 0.6:
            options["min_periods"] = int(rng.integers(1, 3))
        windows = {d: int(rng.integers(1, 5)) for d in dims}
        return {"windows": windows, "options": options, "name": pick(rng, kinds)}

    return draw


@operation(_rolling(["sum", "max", "min", "count"]))
def rolling(x: Array, windows: Any, options: Any, name: str) -> Array:
    return getattr(x.rolling(windows, **options), name)()


@operation(_rolling(["mean", "std", "var", "prod", "median"]), exact=False)
def rolling_roughly(x: Array, windows: Any, options: Any, name: str) -> Array:
    return getattr(x.rolling(windows, **options), name)()


@operation(lambda rng, x: {**one_dim(rng, x), "fill": pick(rng, [{}, {"fill_value": 0}])})
def construct(x: Array, dim: Any, fill: Any) -> Array:
    return x.rolling({dim: 2}).construct("window", **fill)


@operation(lambda rng, x: {**one_dim(rng, x), "name": pick(rng, ["sum", "max", "count"])})
def cumulated(x: Array, dim: Any, name: str) -> Array:
    return getattr(x.cumulative(dim), name)()


@operation(
    lambda rng, x: {
        **one_dim(rng, x),
        "name": pick(rng, ["sum", "max", "min"]),
        "boundary": pick(rng, ["trim", "pad"]),
    }
)
def coarsen(x: Array, dim: Any, name: str, boundary: Any) -> Array:
    return getattr(x.coarsen({dim: 2}, boundary=boundary, coord_func="min"), name)()


@operation(one_dim, exact=False)
def calculus(x: Array, dim: Any) -> Array:
    return x.differentiate(dim) + x.integrate(dim)
