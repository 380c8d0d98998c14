"""Where xarray's own code needs to know of traced arrays: one table of methods, replaced while there is a trace.

Each replacement looks at its object: where nothing in it is traced it calls the original, so that eager code, in this
thread or another, is not affected. The replacements are installed when the first trace opens (or the first symbolic
array is made by hand), and the originals are put back when the last one is gone.
"""

import threading
from collections.abc import Callable
from typing import Any, Final, NamedTuple

import numpy as np
import xarray as xr
from xarray.computation import apply_ufunc as xarray_apply_ufunc
from xarray.computation import computation as xarray_computation
from xarray.computation import fit as xarray_fit
from xarray.computation.rolling import DataArrayRolling
from xarray.computation.rolling_exp import RollingExp
from xarray.computation.weighted import Weighted
from xarray.core import duck_array_ops, nputils
from xarray.core import groupby as xarray_groupby
from xarray.core import missing as xarray_missing
from xarray.namedarray.core import NamedArray
from xarray.structure import concat as xarray_concat
from xarray.structure import merge as xarray_merge
from xarray.structure.alignment import Aligner

from xgrad.graph import substitute
from xgrad.labels import checked, iteration
from xgrad.labels.chosen import ChosenLabels
from xgrad.labels.core import AbstractTraced
from xgrad.labels.duck import coerced
from xgrad.labels.messages.escapes import BOOL, COMPARE, COMPLEX, FLOAT, INT, escape
from xgrad.labels.methods import (
    clipping,
    conflicts,
    curvefit,
    exponential,
    filling,
    fitting,
    grouping,
    interpolation,
    joins,
    lookup,
    missing,
    positions,
    rolling,
    slices,
    unstacking,
    weighting,
)
from xgrad.labels.methods.refusals import KEEP_MISSING, asking, per_variable, selecting
from xgrad.labels.naming import named
from xgrad.labels.slots import read_variable, set_variable_data


class Hook(NamedTuple):
    """One method of an xarray class, or function of a module, and what takes its place: ``replace(original)``."""

    owner: Any
    name: str
    replace: Callable[[Any], Any]


def _naming_init(original: Callable[..., None]) -> Callable[..., None]:
    """A new Variable tells its traced data the dims that xarray has decided on."""

    def __init__(self: xr.Variable, *args: Any, **kwargs: Any) -> None:
        original(self, *args, **kwargs)
        _tell_names(self)

    return __init__


def _naming_setter(original: property) -> property:
    """So does a Variable whose dims are set."""

    def set_dims(self: Any, value: Any) -> None:
        original.__set__(self, value)
        _tell_names(self)

    return property(original.fget, set_dims, original.fdel, original.__doc__)


def _tell_names(variable: Any) -> None:
    data = variable._data
    if isinstance(data, AbstractTraced):
        set_variable_data(variable, named(data, variable._dims))


def _equals(original: Callable[..., bool]) -> Callable[..., bool]:
    """Traced data are equal if they are computed in the same way; more cannot be known."""

    def equals(self: xr.Variable, other: Any, *args: Any, **kwargs: Any) -> bool:
        other = getattr(other, "variable", other)
        if not isinstance(other, xr.Variable):
            return original(self, other, *args, **kwargs)
        mine, theirs = read_variable(self).data, read_variable(other).data
        if isinstance(mine, ChosenLabels) and isinstance(theirs, ChosenLabels):
            if self.dims == other.dims and _are_same_labels(mine, theirs):
                return True
            raise escape(mine.places, COMPARE)
        traced = [x for x in (mine, theirs) if isinstance(x, AbstractTraced)]
        if not traced:
            return original(self, other, *args, **kwargs)
        if self.dims != other.dims or self.shape != other.shape:
            return False
        if len(traced) == 2 and _is_same(*traced):
            return True
        if conflicts.takes_apart(kwargs.get("equiv")):
            return False
        raise escape(traced[0], COMPARE)

    return equals


def _are_same_labels(one: ChosenLabels, other: ChosenLabels) -> bool:
    """Whether labels are of one table, at positions computed alike."""
    return np.array_equal(one.table, other.table) and _is_same(one.places, other.places)


def _is_same(one: AbstractTraced, other: AbstractTraced) -> bool:
    """Whether two arrays are the same value, or computed alike from the same values."""
    if one.axes != other.axes or one.value.type != other.value.type:
        return False
    first, second = substitute([one.value, other.value], {})
    return first is second


def _traced_or(function: Callable[..., Any]) -> Callable[[Any], Any]:
    """``function`` in place of one of xarray's functions of arrays, where one of these is traced."""

    def replace(original: Callable[..., Any]) -> Callable[..., Any]:
        def dispatch(*args: Any, **kwargs: Any) -> Any:
            traced = any(isinstance(x, AbstractTraced) for x in args)
            return (function if traced else original)(*args, **kwargs)

        return dispatch

    return replace


HOOKS: Final = (
    Hook(xr.Variable, "__init__", _naming_init),
    Hook(NamedArray, "dims", _naming_setter),
    Hook(xr.Variable, "equals", _equals),
    Hook(xr.Variable, "__array_function__", coerced.array_function),
    Hook(xr.DataArray, "__array_function__", coerced.array_function),
    Hook(Aligner, "align_indexes", joins.warn_of_dropped),
    Hook(xarray_merge, "unique_variable", conflicts.unique_variable),
    Hook(xarray_concat, "lazy_array_equiv", conflicts.apart_unless_same),
    Hook(xr.Dataset, "_calculate_binary_op", conflicts.calculate),
    Hook(xarray_apply_ufunc, "apply_dict_of_variables_vfunc", per_variable),
    Hook(Weighted, "__init__", weighting.take_weights),
    Hook(DataArrayRolling, "_array_reduce", rolling.without_compiled),
    Hook(DataArrayRolling, "reduce", rolling.reduce_windows),
    Hook(DataArrayRolling, "mean", rolling.mean_windows),
    Hook(DataArrayRolling, "_counts", rolling.count_windows),
    Hook(xr.Variable, "coarsen_reshape", rolling.name_blocks),
    Hook(duck_array_ops, "einsum", _traced_or(np.einsum)),  # which may ask opt_einsum
    Hook(xr.DataArray, "clip", clipping.clip),
    Hook(xr.DataArray, "_iter", iteration.iterate),
    Hook(xr.DataArray, "__bool__", asking(BOOL)),
    Hook(xr.DataArray, "__int__", asking(INT)),
    Hook(xr.DataArray, "__float__", asking(FLOAT)),
    Hook(xr.DataArray, "__complex__", asking(COMPLEX)),
    Hook(xr.DataArray, "dropna", selecting("dropna", KEEP_MISSING)),
    Hook(xr.Dataset, "interp", interpolation.interp),
    Hook(xarray_missing, "_localize", interpolation.localize),
    Hook(xarray_missing, "interpolate_variable", interpolation.interpolate_variable),
    Hook(xr.Dataset, "polyfit", fitting.polyfit),
    Hook(xr.Dataset, "curvefit", curvefit.curvefit),
    Hook(xarray_fit, "apply_ufunc", curvefit.apply_fit),
    Hook(xarray_fit, "least_squares", _traced_or(fitting.least_squares)),
    Hook(xarray_missing, "func_interpolate_na", filling.interpolate_gaps),
    Hook(xr.Variable, "rank", filling.rank_variable),
    Hook(xr.Dataset, "rank", filling.rank_dataset),
    Hook(xarray_apply_ufunc, "_vectorize", slices.vectorize),
    Hook(xr.Variable, "__getitem__", positions.getitem),
    Hook(xr.Dataset, "_isel_fancy", positions.isel_fancy),
    Hook(xr.indexes.PandasIndex, "sel", lookup.select),
    Hook(xr.indexes.PandasIndex, "__init__", checked.noting),
    Hook(xr.Dataset, "_unstack_full_reindex", unstacking.reindex),
    Hook(xr.Dataset, "sortby", positions.sortby),
    Hook(xarray_computation, "_calc_idxminmax", positions.labels_of_extremes),
    Hook(RollingExp, "__init__", exponential.init),
    Hook(RollingExp, "mean", exponential.moment(exponential.mean)),
    Hook(RollingExp, "sum", exponential.moment(exponential.sum_)),
    Hook(RollingExp, "var", exponential.moment(exponential.var)),
    Hook(RollingExp, "std", exponential.moment(exponential.std)),
    Hook(RollingExp, "cov", exponential.moment(exponential.cov)),
    Hook(RollingExp, "corr", exponential.moment(exponential.corr)),
    Hook(xarray_missing, "push", _traced_or(missing.push)),
    Hook(nputils, "nanfirst", _traced_or(missing.first_valid)),
    Hook(nputils, "nanlast", _traced_or(missing.last_valid)),
    Hook(xarray_groupby, "_resolve_group", grouping.resolve_group),
    *[Hook(owner, "reduce", grouping.reduce_groups) for owner in grouping.REDUCING],
    *[Hook(owner, "map", grouping.map_groups) for owner in grouping.MAPPING],
)


class _Installed(NamedTuple):
    """A replacement, for as long as what it replaces is the same: ``own`` is None where the owner inherits it."""

    owner: Any
    name: str
    original: Any
    own: Any
    replacement: Any


class _Installation:
    """Counts who needs the hooks, over all threads."""

    def __init__(self) -> None:
        # reentrant: a finalizer may call ``remove`` while this very thread is in ``install``
        self.lock = threading.RLock()
        self.users = 0
        self.made: list[_Installed] = []  # one for each hook, after the first time

    def prepare(self) -> list[_Installed]:
        """The replacements: those of last time, made anew where what they replace has changed since."""
        if not self.made:
            self.made = [_prepared(hook) for hook in HOOKS]
        for number, (owner, name, original, own, _) in enumerate(self.made):
            if owner.__dict__.get(name) is not own or getattr(owner, name, None) is not original:
                self.made[number] = _prepared(HOOKS[number])
        return self.made


def _prepared(hook: Hook) -> _Installed:
    original = getattr(hook.owner, hook.name, None)
    own = vars(hook.owner).get(hook.name)
    return _Installed(hook.owner, hook.name, original, own, hook.replace(original))


_STATE: Final = _Installation()


def install() -> None:
    """Install the hooks, or count one more user of them."""
    with _STATE.lock:
        _STATE.users += 1
        if _STATE.users == 1:
            for owner, name, _, _, replacement in _STATE.prepare():
                setattr(owner, name, replacement)


def remove() -> None:
    """Count one user less; put the originals back after the last."""
    with _STATE.lock:
        _STATE.users -= 1
        if _STATE.users == 0:
            for owner, name, _, own, _ in reversed(_STATE.made):
                if own is None:  # it was inherited
                    delattr(owner, name)
                else:
                    setattr(owner, name, own)
