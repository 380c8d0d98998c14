"""Warm calls and tracing against eager xarray on NumPy arrays."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import xarray as xr

import xgrad
from benchmarks.measure import interleaved, median_ratio, seconds
from benchmarks.programs import Program, programs
from xgrad.transforms.calls.trace import trace_function

ROUNDS = 9


def rows() -> Iterator[tuple[str, str]]:
    """Per program: how many times faster a warm call is, and what tracing costs."""
    for program in programs():
        yield f"{program.name}, value", _faster(program, xgrad.jit(program.labeled))
        gradient = xgrad.value_and_grad(program.labeled, argnums=program.argnums)
        yield f"{program.name}, value and gradient over eager value", _faster(program, gradient)
        yield f"{program.name}, tracing", _tracing(program)
    yield "single operations of 3×3 arrays, tracing", _tracing_operations()


def _faster(program: Program, compiled: Callable[..., Any]) -> str:
    args = program.arguments
    found = interleaved(
        {"eager": lambda: program.labeled(*args), "compiled": lambda: compiled(*args)},
        rounds=ROUNDS,
        calls=5,
    )
    ratio = found["eager"].median / found["compiled"].median
    mine, theirs = found["compiled"].median * 1e3, found["eager"].median * 1e3
    return f"{ratio:.1f}× faster  ({mine:.2f} ms against {theirs:.2f} ms)"


OPERATIONS: dict[str, Callable[[xr.DataArray], Any]] = {
    "a + a": lambda a: a + a,
    "where": lambda a: a.where(a > 0),
    "mean": lambda a: a.mean("x"),
    "std": lambda a: a.std("x"),
    "std without skipna": lambda a: a.std("x", skipna=False),
    "median": lambda a: a.median("x"),
    "median without skipna": lambda a: a.median("x", skipna=False),
    "quantile": lambda a: a.quantile(0.3, "x"),
    "isel": lambda a: a.isel(x=0),
    "sel": lambda a: a.sel(x=[1, 3]),
    "concat": lambda a: xr.concat([a, a], "x"),
    "interp": lambda a: a.interp(x=[1.5, 2.5]),
    "coarsen": lambda a: a.coarsen(x=3).mean(),
    "differentiate": lambda a: a.differentiate("x"),
    "integrate": lambda a: a.integrate("x"),
    "shift": lambda a: a.shift(x=1),
    "roll": lambda a: a.roll(x=1),
    "cumsum": lambda a: a.cumsum("x"),
    "interpolate_na": lambda a: a.interpolate_na("x"),
    "rolling": lambda a: a.rolling(x=2).mean(),
    "groupby": lambda a: a.groupby("x").mean(),
    "weighted": lambda a: a.weighted(abs(a)).mean("x"),
    "polyfit": lambda a: a.polyfit("x", 1),
    "stack": lambda a: a.stack(z=("x", "y")).unstack("z"),
}


def _tracing(program: Program) -> str:
    small = tuple([a.isel({d: slice(0, 3) for d in a.dims}) for a in program.arguments])
    return f"{_tracing_ratio(program.labeled, small):.2f}× eager xarray's own time"


def _tracing_operations() -> str:
    a = xr.DataArray(np.eye(3), {"x": [1, 2, 3]}, ("x", "y"), "a")
    ratios = {name: _tracing_ratio(f, (a,)) for name, f in OPERATIONS.items()}
    return ", ".join([f"{name} {ratio:.1f}×" for name, ratio in ratios.items()])


def _tracing_ratio(function: Callable[..., Any], args: tuple[Any, ...]) -> float:
    """The time of a whole trace, opened and closed, over that of the eager call."""
    function(*args)
    trace_function(function, args, {})
    pairs = [
        (seconds(lambda: trace_function(function, args, {})), seconds(lambda: function(*args)))
        for _ in range(ROUNDS)
    ]
    return median_ratio(pairs)
