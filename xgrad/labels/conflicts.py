"""Coords of one name in several operands of arithmetic, where whether they are equal is not known while tracing.

Eager xarray keeps coords that are equal, and drops those that differ without a word. Traced ones that are not computed
in the same way are taken to differ, and that is said.
"""

import warnings
from collections.abc import Callable
from typing import Any

import xarray as xr

from xgrad.errors import LabelsDroppedWarning, TracedValueError
from xgrad.graph import Source, user_source
from xgrad.labels.scope import current_trace


def unique_variable(original: Callable[..., Any]) -> Callable[..., Any]:
    """``unique_variable`` of xarray's merging: of arithmetic it drops the coord where it raises MergeError."""

    def unique(name: Any, variables: Any, compat: Any = "broadcast_equals", *args: Any) -> Any:
        try:
            return original(name, variables, compat, *args)
        except TracedValueError as error:
            if compat != "minimal":
                raise
            _say(name)
            raise xr.MergeError(f"traced coords {name!r} may differ") from error

    return unique


def _say(name: Any) -> None:
    source, said = user_source() or Source("<unknown>", 0), current_trace().said
    if (source, "conflict", name) in said:
        return
    said.add((source, "conflict", name))
    message = (
        f"the coord {name!r} is dropped at {source}: operands have traced ones that are computed in different ways,"
        " and whether they are equal is not known while the function is traced"
        " (eager xarray drops coords that differ).\n"
        f"Drop it from all but one of them: b.drop_vars({name!r})."
    )
    warnings.warn_explicit(message, LabelsDroppedWarning, source.file, source.line)
