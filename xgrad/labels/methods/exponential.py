"""``rolling_exp`` of traced data: exponentially weighted moments as linear recurrences, for which no numbagg is needed.

A total of weighted values is multiplied by ``1 - alpha`` at each step and gains the next value; NaN adds nothing, and
does not count. Moments are of values less their mean along the dim, which changes no result but keeps the digits.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import xarray as xr
from xarray.computation import rolling_exp as xarray_rolling_exp

from xgrad.axes.cumulative import LinearRecurrence
from xgrad.labels.core import AbstractTraced, is_traced_array, make, real
from xgrad.labels.recording import recorded
from xgrad.labels.slots import read_variable
from xgrad.names import build

Array = Any


def is_traced_object(obj: Any) -> bool:
    """Whether the data of a DataArray, or a variable of a Dataset, is traced."""
    parts = obj.data_vars.values() if isinstance(obj, xr.Dataset) else [obj]
    return any(isinstance(read_variable(p.variable).data, AbstractTraced) for p in parts)


def init(original: Callable[..., None]) -> Callable[..., None]:
    """``RollingExp(...)``, which asks for numbagg."""

    def __init__(
        self: Any,
        obj: Any,
        windows: Any,
        window_type: str = "span",
        min_weight: float = 0.0,
    ) -> None:
        if not is_traced_object(obj):
            original(self, obj, windows, window_type, min_weight)
            return
        ((dim, window), *_) = windows.items()
        self.obj, self.dim, self.min_weight = obj, dim, min_weight
        self.alpha = xarray_rolling_exp._get_alpha(**{window_type: window})
        self.kwargs = {"alpha": self.alpha, "axis": -1, "min_weight": min_weight}

    return __init__


def moment(function: Callable[..., Array]) -> Callable[[Any], Any]:
    """A method of ``RollingExp`` that gives a moment; ``keep_attrs`` is an option of mean and sum alone."""

    def replace(original: Callable[..., Any]) -> Callable[..., Any]:
        def method(self: Any, *others: Any, **options: Any) -> Any:
            objects = [o for o in others if isinstance(o, xr.DataArray | xr.Dataset)]
            if not any(is_traced_object(o) for o in (self.obj, *objects)):
                return original(self, *others, **options)
            flags = [o for o in others if o is None or isinstance(o, bool)]
            keep = options.get("keep_attrs", flags[0] if flags else None)
            if keep is None:
                keep = xr.get_options()["keep_attrs"] in (True, "default")
            return xr.apply_ufunc(
                function,
                self.obj,
                *objects,
                input_core_dims=[[self.dim]] * (1 + len(objects)),
                output_core_dims=[[self.dim]],
                kwargs={"alpha": self.alpha, "min_weight": self.min_weight},
                keep_attrs=keep,
                on_missing_core_dim="copy",
            ).transpose(*self.obj.dims)

        return method

    return replace


# ---- totals --------------------------------------------------------------------------------------------------------


@recorded
def decaying_total(a: Array, decay: float) -> Array:
    """y_i = decay y_{i-1} + a_i along the last axis."""
    var, dims = real(a)
    every = tuple(dims)
    var = build.broadcast(var, every, a.shape)
    factor = build.broadcast(build.scalar(decay, var.type.dtype), every, a.shape)
    # all dims are core dims, so that the axis stays where it is
    op = LinearRecurrence(len(every) - 1)
    (total,) = build.blockwise(op, [factor, var], [every, every], [every])
    return make(total, every, a.scope)


class _Weights:
    """The totals of the weights of the values that count."""

    def __init__(self, valid: Array, alpha: float, min_weight: float) -> None:
        ones = valid.astype(np.float64)
        self.decay = 1.0 - alpha
        self.valid = valid
        self.total = decaying_total(ones, self.decay)
        self.squares = decaying_total(ones, self.decay**2)
        self.enough = (self.total * alpha >= min_weight) & (self.total > 0)

    def of(self, values: Array) -> Array:
        return decaying_total(np.where(self.valid, values, 0.0), self.decay)

    def mean(self, values: Array) -> Array:
        return self.of(values) / np.where(self.enough, self.total, 1.0)

    def known(self, result: Array, where: Array = True) -> Array:
        return np.where(self.enough & where, result, np.nan)

    @property
    def unbiased(self) -> Array:
        """What a second moment lacks for being unbiased: 0 as long as there is one value."""
        total = np.where(self.enough, self.total, 1.0)
        return 1.0 - self.squares / (total * total)


def _floating(a: Array) -> Array:
    return a if a.dtype.kind == "f" else a.astype(np.float64)


def _centred(a: Array, valid: Array) -> Array:
    values = np.where(valid, a, 0.0)
    count = np.maximum(np.sum(valid, axis=-1, keepdims=True), 1)
    return values - np.sum(values, axis=-1, keepdims=True) / count


def mean(a: Array, alpha: float, min_weight: float) -> Array:
    a = _floating(a)
    weights = _Weights(~np.isnan(a), alpha, min_weight)
    return weights.known(weights.mean(a)).astype(a.dtype, copy=False)


def sum_(a: Array, alpha: float, min_weight: float) -> Array:
    a = _floating(a)
    weights = _Weights(~np.isnan(a), alpha, min_weight)
    return weights.known(weights.of(a)).astype(a.dtype, copy=False)


def _second(a: Array, b: Array, alpha: float, min_weight: float) -> tuple[_Weights, list[Array]]:
    """The weights of pairs that count, and the biased moments of aa, bb, ab."""
    a, b = (_floating(x if is_traced_array(x) else np.asarray(x)) for x in (a, b))
    valid = ~np.isnan(a) & ~np.isnan(b)
    weights = _Weights(valid, alpha, min_weight)
    x, y = _centred(a, valid), _centred(b, valid)
    mean_x, mean_y = weights.mean(x), weights.mean(y)
    return weights, [
        weights.mean(one * other) - mean_one * mean_other
        for one, other, mean_one, mean_other in (
            (x, x, mean_x, mean_x),
            (y, y, mean_y, mean_y),
            (x, y, mean_x, mean_y),
        )
    ]


def cov(a: Array, b: Array, alpha: float, min_weight: float) -> Array:
    weights, (_, _, both) = _second(a, b, alpha, min_weight)
    spread = weights.unbiased
    several = spread > 0
    return weights.known(both / np.where(several, spread, 1.0), several)


def corr(a: Array, b: Array, alpha: float, min_weight: float) -> Array:
    weights, (one, other, both) = _second(a, b, alpha, min_weight)
    scale = one * other
    several = (weights.unbiased > 0) & (scale > 0)
    return weights.known(both / np.sqrt(np.where(several, scale, 1.0)), several)


def var(a: Array, alpha: float, min_weight: float) -> Array:
    return cov(a, a, alpha, min_weight).astype(_floating(a).dtype, copy=False)


def std(a: Array, alpha: float, min_weight: float) -> Array:
    spread = var(a, alpha, min_weight)
    return np.sqrt(np.maximum(spread, 0.0))
