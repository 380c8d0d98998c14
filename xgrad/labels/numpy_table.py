"""The NumPy functions that can be traced: THE table, one line each. What is not here raises and says so."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import numpy as np

from xgrad.errors import UnsupportedError
from xgrad.labels import joining, making, nan_reductions, reductions, shapes


def call_function(function: Callable[..., Any], args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
    """A NumPy function on arguments of which at least one is traced."""
    implementation = FUNCTIONS.get(function)
    if implementation is None:
        name = f"{function.__module__}.{function.__name__}".replace("numpy", "np", 1)
        raise UnsupportedError(
            f"{name} has no traced form.\n"
            "Write it with NumPy functions or xarray methods that have one, or wrap a JAX function with"
            " xgrad.apply_jax."
        )
    return implementation(*args, **kwargs)


FUNCTIONS: Final[dict[Callable[..., Any], Callable[..., Any]]] = {
    # reductions
    np.sum: reductions.sum_,
    np.prod: reductions.prod,
    np.max: reductions.max_,
    np.min: reductions.min_,
    np.any: reductions.any_,
    np.all: reductions.all_,
    np.argmax: reductions.argmax,
    np.argmin: reductions.argmin,
    np.mean: reductions.mean,
    np.var: reductions.var,
    np.std: reductions.std,
    np.average: reductions.average,
    np.count_nonzero: reductions.count_nonzero,
    np.ptp: reductions.ptp,
    np.cumsum: reductions.cumsum,
    np.cumprod: reductions.cumprod,
    np.cumulative_sum: reductions.cumulative_sum,
    np.cumulative_prod: reductions.cumulative_prod,
    # reductions that leave out NaN
    np.nansum: nan_reductions.nansum,
    np.nanprod: nan_reductions.nanprod,
    np.nanmax: nan_reductions.nanmax,
    np.nanmin: nan_reductions.nanmin,
    np.nanargmax: nan_reductions.nanargmax,
    np.nanargmin: nan_reductions.nanargmin,
    np.nanmean: nan_reductions.nanmean,
    np.nanvar: nan_reductions.nanvar,
    np.nanstd: nan_reductions.nanstd,
    np.nancumsum: nan_reductions.nancumsum,
    np.nancumprod: nan_reductions.nancumprod,
    # shape and order
    np.transpose: shapes.transpose,
    np.moveaxis: shapes.moveaxis,
    np.rollaxis: shapes.rollaxis,
    np.swapaxes: shapes.swapaxes,
    np.matrix_transpose: shapes.matrix_transpose,
    np.expand_dims: shapes.expand_dims,
    np.squeeze: shapes.squeeze,
    np.broadcast_to: shapes.broadcast_to,
    np.broadcast_arrays: shapes.broadcast_arrays,
    np.atleast_1d: shapes.atleast_1d,
    np.atleast_2d: shapes.atleast_2d,
    np.atleast_3d: shapes.atleast_3d,
    np.reshape: shapes.reshape,
    np.ravel: shapes.ravel,
    np.flip: shapes.flip,
    np.flipud: shapes.flipud,
    np.fliplr: shapes.fliplr,
    np.rot90: shapes.rot90,
    np.roll: shapes.roll,
    np.repeat: shapes.repeat,
    np.tile: shapes.tile,
    np.diagonal: shapes.diagonal,
    np.trace: shapes.trace,
    np.diag: shapes.diag,
    np.tril: shapes.tril,
    np.triu: shapes.triu,
    # choosing, joining, cutting, taking
    np.where: joining.where,
    np.select: joining.select,
    np.concatenate: joining.concatenate,
    np.stack: joining.stack,
    np.vstack: joining.vstack,
    np.hstack: joining.hstack,
    np.dstack: joining.dstack,
    np.column_stack: joining.column_stack,
    np.append: joining.append,
    np.split: joining.split,
    np.array_split: joining.array_split,
    np.unstack: joining.unstack,
    np.delete: joining.delete,
    np.take: joining.take,
    np.take_along_axis: joining.take_along_axis,
    # arrays like others, and what arrays are
    np.full_like: making.full_like,
    np.zeros_like: making.zeros_like,
    np.empty_like: making.zeros_like,
    np.ones_like: making.ones_like,
    np.copy: making.copy,
    np.copyto: making.copyto,
    np.astype: making.astype,
    np.result_type: making.result_type,
    np.can_cast: making.can_cast,
    np.shape: making.shape,
    np.ndim: making.ndim,
    np.size: making.size,
    np.iscomplexobj: making.iscomplexobj,
    np.isrealobj: making.isrealobj,
    np.array_repr: making.array_repr,
    np.array_str: making.array_repr,
    # element by element, beyond the ufuncs
    np.real: making.real,
    np.imag: making.imag,
    np.angle: making.angle,
    np.iscomplex: making.iscomplex,
    np.isreal: making.isreal,
    np.round: making.round_,
    np.around: making.round_,
    np.fix: making.fix,
    np.clip: making.clip,
    np.nan_to_num: making.nan_to_num,
    np.isclose: making.isclose,
    np.isposinf: making.isposinf,
    np.isneginf: making.isneginf,
    np.allclose: making.compare_wholes,
    np.array_equal: making.compare_wholes,
    np.array_equiv: making.compare_wholes,
    np.sinc: making.sinc,
}
