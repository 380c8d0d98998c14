"""Python loops over traced arrays: allowed, slow to compile where they are long, and then said, once per line.

A loop is known by what it leaves: one line of the user's takes slices of one dim at more than a few positions.
"""

import warnings
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np
import xarray as xr

from xgrad.errors import SlowLoopWarning
from xgrad.graph import Source, current_source, user_source
from xgrad.labels.core import AbstractTraced
from xgrad.labels.scope import Trace
from xgrad.labels.slots import read_variable
from xgrad.names import Dim

MANY = 50  # slices beyond which a Python loop is worth a word


def iterate(original: Callable[[Any], Iterator[Any]]) -> Callable[[Any], Iterator[Any]]:
    """``DataArray._iter`` that warns before a long traced array is gone through slice by slice."""

    def _iter(self: xr.DataArray) -> Iterator[Any]:
        data = read_variable(self.variable).data
        source = user_source()
        if isinstance(data, AbstractTraced) and len(self) > MANY and source is not None:
            _warn(data.scope, source, self.dims[0], str(len(self)), _name(self.name))
        return original(self)

    return _iter


def notice(array: AbstractTraced, indexers: Mapping[Dim, Any]) -> None:
    """Count the positions that the user's line takes along each dim of ``array``; warn where they are many."""
    sizes = array.cell.content.type.sizes
    for dim, position in indexers.items():
        if isinstance(position, int | np.integer) and sizes.get(dim, 0) > MANY:
            _count(array, dim, int(position))


def _count(array: AbstractTraced, dim: Dim, position: int) -> None:
    source = current_source()
    if source is None:
        return
    taken = array.scope.taken.setdefault((source, dim), set())
    taken.add(position)
    if len(taken) > MANY:
        name = _name(array.cell.content.name)
        _warn(array.scope, source, dim, f"more than {MANY}", name)


def _warn(trace: Trace, source: Source, dim: Dim, slices: str, name: str | None) -> None:
    """Say it, unless it has been said of this line and dim in this trace."""
    if (SlowLoopWarning, source, dim) in trace.said:
        return
    trace.said.add((SlowLoopWarning, source, dim))
    message = _message(source, dim, slices, name)
    warnings.warn_explicit(message, SlowLoopWarning, source.file, source.line)


def _message(source: Source, dim: Dim, slices: str, name: str | None) -> str:
    labeled = isinstance(dim, str)
    along = f"along {dim!r}" if labeled else "along its first axis"
    what, x = (f"`{name}`", name) if name else ("a traced array", "x")
    keyword = f", dim={dim!r}" if labeled else ""
    return (
        f"the Python loop at {source} takes {slices} slices of {what} {along}, one part of the program each: it is"
        " slow to compile.\nOne loop, whatever the length:\n"
        f"    def step(carry, {x}):  # one slice of it\n"
        "        ...\n"
        "        return carry, output\n"
        f"    carry, outputs = xgrad.scan(step, init, {x}{keyword})"
    )


def _name(name: Any) -> str | None:
    """The name of an array, where code can have it."""
    return name if isinstance(name, str) and name.isidentifier() else None
