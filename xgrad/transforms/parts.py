"""The traced arrays inside one labeled object, and the same object around other arrays."""

from collections.abc import Sequence
from typing import Any

import xarray as xr

from xgrad.labels import TracedArray, is_traced
from xgrad.labels.slots import read_variable


def parts_of(leaf: Any) -> list[TracedArray]:
    """The traced data of a DataArray, of each variable of a Dataset, or of an array itself; in a fixed order."""
    return [data for _, data in _data_of(leaf) if is_traced(data)]


def with_parts(leaf: Any, parts: Sequence[Any]) -> Any:
    """``leaf`` with its traced data, in the order of ``parts_of``, replaced; the labels are kept."""
    rest = iter(parts)
    new = {name: next(rest) if is_traced(data) else data for name, data in _data_of(leaf)}
    if isinstance(leaf, xr.DataArray):
        return leaf.copy(deep=False, data=new[None])
    if isinstance(leaf, xr.Dataset):
        return leaf.copy(deep=False, data=new)
    return new.get(None, leaf)


def _data_of(leaf: Any) -> list[tuple[Any, Any]]:
    if isinstance(leaf, xr.DataArray):
        return [(None, read_variable(leaf.variable)[0])]
    if isinstance(leaf, xr.Dataset):
        return [(name, read_variable(v.variable)[0]) for name, v in leaf.data_vars.items()]
    return [(None, leaf)]


def part_paths(leaf: Any, path: str) -> list[str]:
    """How a user would write each part of ``leaf``, which is ``path``; in the order of ``parts_of``."""
    traced = [name for name, data in _data_of(leaf) if is_traced(data)]
    return [path if name is None else f"{path}[{name!r}]" for name in traced]
