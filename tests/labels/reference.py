"""Running a traced function without JAX: trace, lower, and evaluate the tensor graph with NumPy."""

from collections.abc import Callable
from typing import Any

import numpy as np
import xarray as xr

from xgrad.axes.interpret import evaluate
from xgrad.graph import Graph, check
from xgrad.labels import Trace, TracedArray, open_trace, unwrap, wrap
from xgrad.lower.names_to_axes import lower
from xgrad.names.types import XType


def run(function: Callable[..., Any], *args: Any) -> Any:
    """``function(*args)`` traced with respect to every array in ``args``, its graph evaluated at their values.

    Arguments and results are nests of tuples, lists and dicts of NumPy arrays, DataArrays and Datasets; numbers,
    and lists of numbers, stay concrete.
    """
    values: list[np.ndarray] = []
    with open_trace() as trace:
        result = function(*[traced(x, trace, values) for x in args])
        outputs: list[Any] = []
        visit(result, lambda leaf: outputs.append(unwrap(leaf)) or leaf)
        graph = check(Graph(trace.inputs, outputs))
    computed = iter(evaluate(check(lower(graph)), values))
    return visit(result, lambda leaf: next(computed))


def traced(value: Any, trace: Trace, values: list[np.ndarray]) -> Any:
    """``value`` with every array an input of ``trace``; the arrays are appended to ``values``."""
    if isinstance(value, np.ndarray):
        values.append(value)
        dims = tuple([f"d{i}" for i in range(value.ndim)])
        return wrap(trace.input(XType(dims, value.shape, value.dtype), f"x{len(values)}"))
    if isinstance(value, xr.Variable):
        values.append(value.values)
        type_ = XType(value.dims, value.shape, value.dtype)
        return xr.Variable(value.dims, wrap(trace.input(type_, f"x{len(values)}")), value.attrs)
    if isinstance(value, xr.DataArray):
        return value.copy(deep=False, data=traced(value.variable, trace, values).data)
    if isinstance(value, xr.Dataset):
        new = {k: traced(v.variable, trace, values) for k, v in value.data_vars.items()}
        return value.assign(new)
    if type(value) in (tuple, list):
        return type(value)([traced(v, trace, values) for v in value])
    return value


def visit(value: Any, on_traced: Callable[[TracedArray], Any]) -> Any:
    """``value`` with ``on_traced`` of each traced array in its place."""
    if isinstance(value, TracedArray):
        return on_traced(value)
    if isinstance(value, xr.DataArray):
        coords = {k: visit(v.variable, on_traced) for k, v in value.coords.items()}
        variable = visit(value.variable, on_traced)
        labels = xr.Coordinates(coords=coords, indexes=dict(value.xindexes))
        return xr.DataArray(variable, coords=labels, name=value.name)
    if isinstance(value, xr.Dataset):
        made = {k: visit(v, on_traced) for k, v in value.variables.items()}
        coords = {k: made.pop(k) for k in list(value.coords)}
        labels = xr.Coordinates(coords=coords, indexes=dict(value.xindexes))
        return xr.Dataset(made, coords=labels, attrs=value.attrs)
    if isinstance(value, xr.Variable):
        data = visit(value._data, on_traced)
        return value if data is value._data else xr.Variable(value.dims, data, value.attrs)
    if isinstance(value, dict):
        return {k: visit(v, on_traced) for k, v in value.items()}
    if isinstance(value, tuple) and hasattr(value, "_fields"):
        return type(value)(*[visit(v, on_traced) for v in value])
    if isinstance(value, tuple | list):
        return type(value)([visit(v, on_traced) for v in value])
    return value
