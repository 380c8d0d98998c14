"""What arithmetic drops since the operands do not agree: coords of one name that differ, and variables of one Dataset.

Eager xarray keeps coords that are equal, and drops those that differ without a word. Here that is said. Traced ones
that are not computed in the same way are taken to differ, for whether they are equal is not known while tracing.
``concat`` takes them to differ as well, and lines them up as it does with all that differs: nothing is lost.
"""

import sys
import warnings
from collections.abc import Callable, Hashable
from typing import Any

import xarray as xr

from xgrad.errors import LabelsDroppedWarning, TracedValueError
from xgrad.graph import Source, user_source
from xgrad.graph.source import is_user_file
from xgrad.labels.core import AbstractTraced
from xgrad.labels.scope import current_trace, outermost_trace
from xgrad.labels.slots import read_variable


def unique_variable(original: Callable[..., Any]) -> Callable[..., Any]:
    """``unique_variable`` of xarray's merging: of arithmetic it drops the coord where it raises MergeError."""

    def unique(name: Any, variables: Any, compat: Any = "broadcast_equals", *args: Any) -> Any:
        try:
            return original(name, variables, compat, *args)
        except TracedValueError as error:
            if compat != "minimal":
                raise
            _say(("conflict", name), _MAY_DIFFER.format(name))
            raise xr.MergeError(f"traced coords {name!r} may differ") from error
        except xr.MergeError:
            if compat == "minimal" and not _is_step(name) and _is_traced_operator():
                _say(("conflict", name), _DIFFER.format(name, _values(variables)))
            raise

    return unique


def apart_unless_same(original: Callable[..., Any]) -> Callable[..., Any]:
    """``lazy_array_equiv`` where ``concat`` asks it what differs: see ``takes_apart``."""

    def equivalent(one: Any, other: Any) -> Any:
        return original(one, other)

    equivalent.takes_apart = True  # pyright: ignore[reportFunctionMemberAccess]
    return equivalent


def takes_apart(equivalent: Any) -> bool:
    """Whether a comparison of variables is to take traced ones that may differ to differ."""
    return getattr(equivalent, "takes_apart", False)


def _is_step(name: Hashable) -> bool:
    """Whether a coord is what the choice of one step of an argument's dim leaves: that such differ is the rule."""
    return any([name in var.type.dims for var in outermost_trace().inputs])


_MAY_DIFFER = (
    "the coord {0!r} is dropped at LINE: operands have traced ones that are computed in different ways,"
    " and whether they are equal is not known while the function is traced (eager xarray drops coords that differ).\n"
    "Drop it from all but one of them: b.drop_vars({0!r})."
)
_DIFFER = (
    "the coord {0!r} is dropped at LINE: operands have different ones{1}.\n"
    "If that is meant, drop it from one of them: b.drop_vars({0!r}), or .isel(..., drop=True)."
)


def calculate(original: Callable[..., Any]) -> Callable[..., Any]:
    """Dataset's ``_calculate_binary_op``: of two Datasets the result has the variables that both have."""

    def calculate_binary_op(
        self: xr.Dataset, f: Any, other: Any, join: str = "inner", *args: Any, **kwargs: Any
    ) -> Any:
        if isinstance(other, xr.Dataset) and join == "inner":
            odd = [repr(name) for name in set(self.data_vars) ^ set(other.data_vars)]
            if odd and _is_traced_operator():
                _say(("variables", *odd), _ONE_SIDED.format(", ".join(sorted(odd))))
        return original(self, f, other, join, *args, **kwargs)

    return calculate_binary_op


_ONE_SIDED = (
    "variables that only one of two Datasets has are dropped at LINE: {0}.\n"
    "If that is meant, select those of both first: a[list(names)]."
)


def _is_traced_operator() -> bool:
    """Whether this is for an operator one of whose operands is traced."""
    frame = sys._getframe(2)
    while frame is not None and not is_user_file(frame.f_code.co_filename):
        if frame.f_code.co_name == "_binary_op":
            return any([_is_traced(frame.f_locals.get(name)) for name in ("self", "other")])
        frame = frame.f_back
    return False


def _is_traced(operand: Any) -> bool:
    if isinstance(operand, xr.Dataset):
        return any([_is_traced(v) for v in operand.data_vars.values()])
    variable = getattr(operand, "variable", None)
    return variable is not None and isinstance(read_variable(variable).data, AbstractTraced)


def _values(variables: list[xr.Variable]) -> str:
    """The different values of single coords."""
    if any(v.ndim or isinstance(read_variable(v).data, AbstractTraced) for v in variables):
        return ""
    return f" ({', '.join([str(v.values) for v in variables])})"


def _say(what: Hashable, message: str) -> None:
    source, said = user_source() or Source("<unknown>", 0), current_trace().said
    if (source, what) in said:
        return
    said.add((source, what))
    text = message.replace("LINE", str(source), 1)
    warnings.warn_explicit(text, LabelsDroppedWarning, source.file, source.line)
