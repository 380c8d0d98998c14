"""Marks for run-time checks on traced arrays, and the labels by which their messages name a place.

All of it does nothing while checks are off.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import xarray as xr

from xgrad.axes.checked import Checked, Violation
from xgrad.graph import current_source, located, user_source
from xgrad.labels.core import AbstractTraced, make, trace_of
from xgrad.labels.duck.elementwise import conform
from xgrad.labels.scope import FREE, outermost_trace
from xgrad.names import build
from xgrad.options import option

Array = Any


def checked(
    kind: str, array: Array, ok: Callable[[], Array], violation: Violation, value: Array = None
) -> Array:
    """``array``, marked to be checked when the program runs: ``ok()`` must hold everywhere.

    ``kind`` is that of ``xgrad.checks``. ``ok`` gives truth values that broadcast to ``array``, as does ``value``, the
    one for the message; ``ok`` is called only where checks of this kind are on. This is the hook for checks of any
    sort: in a violation, ``error`` is a key of the table in ``functions.checks``.
    """
    if kind not in option("checks") or not isinstance(array, AbstractTraced):
        return array
    with located(current_source() or user_source()):
        names, var = array.names, array.value
        condition = conform(ok(), names, array.shape, np.dtype(bool))
        told = condition if value is None else conform(value, names, array.shape, value.dtype)
        marked = build.elemwise(Checked(violation), var, condition, told)
        return make(build.transpose(marked, var.type.dims), names, trace_of([array]))


def positive_definite(factor: Array, matrix: Array) -> Array:
    """The Cholesky factor of ``matrix``, in the last two axes: where there is none, though the matrix is finite."""

    def has_factor() -> Array:
        axes = (-2, -1)
        found = np.isfinite(factor).all(axis=axes, keepdims=True)
        return found | ~np.isfinite(matrix).all(axis=axes, keepdims=True)

    violation = _NOT_DEFINITE
    if isinstance(factor, AbstractTraced):
        violation = violation._replace(whole=tuple(factor.names[-2:]))
    return checked("definite", factor, has_factor, violation)


_NOT_DEFINITE = Violation(
    "NotDefiniteError",
    "a matrix is not positive definite, and has no Cholesky factor",
    "Is it symmetric, with rows that are independent? A small number added to its diagonal keeps rounding away.",
)


def empty_as_missing(count: Array) -> Array:
    """How many values there are, NaN for none: so a mean of nothing is missing, and not made by dividing 0 by 0."""
    return np.where(count == 0, np.nan, count) if "finite" in option("checks") else count


def noting(original: Callable[..., None]) -> Callable[..., None]:
    """``PandasIndex.__init__``: a trace with checks keeps the indexes that it meets."""

    def __init__(self: xr.indexes.PandasIndex, *args: Any, **kwargs: Any) -> None:
        original(self, *args, **kwargs)
        note(self)

    return __init__


def note(index: Any) -> None:
    """Keep ``index`` for messages, if checks are on."""
    if isinstance(index, xr.indexes.PandasIndex) and option("checks"):
        trace = outermost_trace()
        if trace is not FREE:
            trace.indexes.append(index)
