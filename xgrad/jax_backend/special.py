"""Ops that JAX must be told about in its own words: a table from op class to emission.

Like ``emit``, these functions use only functions of ``xp`` and the fields of the op, so that a recording ``xp`` can
print them.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from xgrad.axes.arithmetic import FloorDivide, Fmod, Remainder
from xgrad.axes.index import Gather, Layout, PutAdd, Scatter, SliceUpdate, Take
from xgrad.axes.special import LogExpit, Polygamma
from xgrad.graph import Op

Array = Any

_MODES = {"promise": "promise_in_bounds", "clip": "clip"}


def _starts(xp: Any, indices: Sequence[Array]) -> Array:
    """The index arrays side by side on a new last axis, as gathers and scatters want them."""
    return xp.expand_dims(indices[0], -1) if len(indices) == 1 else xp.stack(indices, axis=-1)


def _gather(op: Take | Gather, xp: Any, x: Array, *indices: Array) -> Array:
    layout = op.layout
    batch = tuple(range(layout.batch))
    numbers = xp.lax.GatherDimensionNumbers(
        offset_dims=layout.window,
        collapsed_slice_dims=layout.axes,
        start_index_map=layout.axes,
        operand_batching_dims=batch,
        start_indices_batching_dims=batch,
    )
    starts = _starts(xp, indices)
    return xp.lax.gather(x, starts, numbers, layout.slice_sizes, mode=_MODES[op.mode])


def _put(
    xp: Any,
    kind: str,
    mode: str,
    layout: Layout,
    x: Array,
    updates: Array,
    indices: Sequence[Array],
) -> Array:
    batch = tuple(range(layout.batch))
    numbers = xp.lax.ScatterDimensionNumbers(
        update_window_dims=layout.window,
        inserted_window_dims=layout.axes,
        scatter_dims_to_operand_dims=layout.axes,
        operand_batching_dims=batch,
        scatter_indices_batching_dims=batch,
    )
    scatters = {
        "set": xp.lax.scatter,
        "add": xp.lax.scatter_add,
        "multiply": xp.lax.scatter_mul,
        "min": xp.lax.scatter_min,
        "max": xp.lax.scatter_max,
    }
    return scatters[kind](x, _starts(xp, indices), updates, numbers, mode=_MODES[mode])


def _scatter(op: Scatter, xp: Any, x: Array, updates: Array, *indices: Array) -> Array:
    return _put(xp, op.kind, op.mode, op.layout, x, updates, indices)


def _put_add(op: PutAdd, xp: Any, x: Array, idx: Array) -> Array:
    zeros = xp.zeros_like(x, shape=op.shape)
    return _put(xp, "add", op.mode, op.layout, zeros, x, (idx,))


def _slice_update(op: SliceUpdate, xp: Any, x: Array, v: Array) -> Array:
    """A contiguous part is written where it stands; XLA does so in place where it can."""
    if op.kind == "set" and all(step == 1 for step in op.steps):
        return xp.lax.dynamic_update_slice(x, v, op.starts)
    return op.emit(xp, x, v)


def _floor_divide(op: FloorDivide, xp: Any, x: Array, y: Array) -> Array:
    infinity = _infinity_or_zero(xp, y)
    return _where_divisible(xp, xp.floor_divide, x, y, xp.multiply(x, infinity))


def _remainder(op: Remainder, xp: Any, x: Array, y: Array) -> Array:
    return _where_divisible(xp, xp.remainder, x, y, _nan_or_zero(xp, y))


def _fmod(op: Fmod, xp: Any, x: Array, y: Array) -> Array:
    return _where_divisible(xp, xp.fmod, x, y, _nan_or_zero(xp, y))


def _where_divisible(
    xp: Any, divide: Callable[..., Array], x: Array, y: Array, by_zero: Array
) -> Array:
    """``divide(x, y)``, and ``by_zero`` where y is zero: XLA leaves integer division by zero open."""
    zero = xp.equal(y, xp.zeros_like(y))
    return xp.where(zero, by_zero, divide(x, xp.where(zero, xp.ones_like(y), y)))


def _infinity_or_zero(xp: Any, like: Array) -> Array:
    """2**1024: infinity for floats, and 0 for integers, which wrap around; one emission serves both."""
    return xp.lax.integer_pow(xp.full_like(like, 2), 1024)


def _nan_or_zero(xp: Any, like: Array) -> Array:
    """NaN for floats and 0 for integers."""
    infinity = _infinity_or_zero(xp, like)
    return xp.subtract(infinity, infinity)


def _log_expit(op: LogExpit, xp: Any, x: Array) -> Array:
    """-log(1 + e^-x)"""
    return xp.negative(xp.logaddexp(xp.negative(x), xp.zeros_like(x)))


def _polygamma(op: Polygamma, xp: Any, n: Array, x: Array) -> Array:
    """JAX insists on an integer dtype for the order."""
    return xp.special.polygamma(xp.astype(n, np.dtype("int32")), x)


SPECIAL: dict[type[Op], Callable[..., Array]] = {
    FloorDivide: _floor_divide,
    Fmod: _fmod,
    Gather: _gather,
    LogExpit: _log_expit,
    Polygamma: _polygamma,
    PutAdd: _put_add,
    Remainder: _remainder,
    Scatter: _scatter,
    SliceUpdate: _slice_update,
    Take: _gather,
}
