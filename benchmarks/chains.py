"""A chain of traced elementwise operations through tracing, lowering, rewriting and gradient expansion, without XLA."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import xarray as xr

import xgrad
from benchmarks.measure import seconds
from xgrad.lower.pipeline import compile_graph
from xgrad.transforms.calls.trace import trace_function

LENGTHS = (5_000, 10_000, 20_000)


def rows() -> Iterator[tuple[str, str]]:
    """Microseconds per operation, which stay the same where the time is linear."""
    x = xr.DataArray(np.linspace(0, 1, 3), dims="x", coords={"x": [1, 2, 3]})
    for length in LENGTHS:
        traced: list[Any] = []
        tracing = seconds(
            lambda n=length, t=traced: t.append(trace_function(xgrad.grad(_chain(n)).fun, (x,), {}))
        )
        compiling = seconds(lambda t=traced: compile_graph(t[0].graph))
        each = 1e6 / length
        yield (
            f"{length:,} operations",
            f"tracing {tracing * each:.0f} µs each, compiling {compiling * each:.0f} µs each",
        )


def _chain(length: int) -> Any:
    def chain(x: xr.DataArray) -> xr.DataArray:
        for i in range(length // 2):
            x = np.sin(x) * (1.0 + i / length)
        return x.sum()

    return chain
