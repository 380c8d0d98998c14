"""Opening a trace, and the way between variables of the graph and the arrays that users see."""

import weakref
from collections.abc import Hashable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import xarray as xr

from xgrad.graph import Var
from xgrad.labels.cells import Cell
from xgrad.labels.chosen import ChosenLabels
from xgrad.labels.core import AbstractTraced, axes_of, real
from xgrad.labels.duck.arrays import TracedArray
from xgrad.labels.methods import hooks
from xgrad.labels.scope import FREE, Trace, current_trace, enter_trace, leave_trace
from xgrad.labels.slots import read_variable
from xgrad.names import build


@contextmanager
def open_trace(repeats: bool = False) -> Iterator[Trace]:
    """A trace: while it is open, values of it record what is done to them. Traces nest; that of a step ``repeats``."""
    hooks.install()
    trace = enter_trace(repeats)
    try:
        yield trace
    finally:
        leave_trace(trace)
        hooks.remove()


def free_symbol(var: Var) -> TracedArray:
    """A variable as an array that belongs to no trace, for graphs made by hand. The hooks stay while it exists."""
    hooks.install()
    weakref.finalize(var, hooks.remove).atexit = False
    return wrap(var, FREE)


def wrap(var: Var, trace: Trace | None = None) -> TracedArray:
    """A variable as an array whose axes are its dims, of the trace open now if none is given."""
    cell = Cell(var, trace or current_trace())
    return TracedArray(cell, axes_of(var.type.dims, None), var.type.weak)


def unwrap(array: Any, dims: Sequence[Hashable] | None = None) -> Var:
    """The variable of an array, its dims in the order of the axes (and called ``dims``); constants are accepted."""
    if not isinstance(array, AbstractTraced):
        return build.constant(array, dims or [f"dim_{i}" for i in range(getattr(array, "ndim", 0))])
    var, names = real(array)
    var = build.broadcast(var, names, array.shape)
    return var if dims is None else build.rename(var, dict(zip(names, dims, strict=True)))


def laid_out(array: AbstractTraced, var: Var) -> TracedArray:
    """``var``, which has the dims of the variable of ``array``, as an array that shows them in the same order."""
    return TracedArray(Cell(var, current_trace()), array.axes)


def is_traced(obj: Any) -> bool:
    """Whether ``obj`` is a traced array, or an xarray object that holds one.

    >>> import xgrad as xg
    >>> is_traced(xg.xtensor("x", dims="time", shape=3)), is_traced(xr.DataArray([1.0], dims="time"))
    (True, False)
    """
    if isinstance(obj, AbstractTraced | ChosenLabels):
        return True
    if isinstance(obj, xr.Variable):
        return isinstance(read_variable(obj).data, AbstractTraced | ChosenLabels)
    if isinstance(obj, xr.DataArray):
        return is_traced(obj.variable) or any(is_traced(c.variable) for c in obj.coords.values())
    if isinstance(obj, xr.Dataset):
        return any(is_traced(v) for v in obj.variables.values())
    if isinstance(obj, xr.DataTree):
        return any(is_traced(node.to_dataset(inherit=False)) for node in obj.subtree)
    return False
