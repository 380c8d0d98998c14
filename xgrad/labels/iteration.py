"""Python loops over traced arrays: allowed, and slow to compile where they are long."""

import warnings
from collections.abc import Callable, Iterator
from typing import Any

import xarray as xr

from xgrad.errors import SlowLoopWarning
from xgrad.labels.core import AbstractTraced
from xgrad.labels.slots import read_variable

MANY = 50  # slices beyond which a Python loop is worth a word


def iterate(original: Callable[[Any], Iterator[Any]]) -> Callable[[Any], Iterator[Any]]:
    """``DataArray._iter`` that warns where a traced array is gone through slice by slice, and is long."""

    def _iter(self: xr.DataArray) -> Iterator[Any]:
        if isinstance(read_variable(self.variable).data, AbstractTraced) and len(self) > MANY:
            warnings.warn(_advice(self), SlowLoopWarning, stacklevel=3)
        return original(self)

    return _iter


def _advice(array: xr.DataArray) -> str:
    name = f"`{array.name}`" if array.name else "a traced array"
    dim = array.dims[0]
    return (
        f"a Python loop over the {len(array)} slices of {name} along {dim!r} makes a program of that many parts,"
        f" which is slow to compile.\nWrite the body as a step and use xgrad.scan(step, init, xs, dim={dim!r}):"
        " one loop, whatever the length."
    )
