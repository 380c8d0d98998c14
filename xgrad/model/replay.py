"""Expressions of a model for other values of what they depend on: of the same sizes, or, for new data, of others."""

from collections.abc import Iterable, Mapping
from typing import Any

import xarray as xr

from xgrad.graph import Var, substitute
from xgrad.labels import is_traced, unwrap, wrap
from xgrad.labels.slots import read_variable
from xgrad.names import build
from xgrad.transforms.graphs.resize import resize
from xgrad.transforms.parts import parts_of
from xgrad.transforms.tree import tree_map

Pairs = Iterable[tuple[xr.DataArray, xr.DataArray]]


class Replay:
    """Symbols and the values that take their place."""

    def __init__(self, pairs: Pairs = ()) -> None:
        self._new: dict[Var, Var] = {}
        self._labels = xr.Dataset()
        self._old: dict[Any, xr.Variable] = {}
        for symbol, value in pairs:
            self.put(symbol, value)

    def put(self, symbol: xr.DataArray, value: xr.DataArray) -> None:
        """From now on ``value`` takes the place of ``symbol``."""
        old = unwrap(parts_of(symbol)[0], symbol.dims)
        new = unwrap(read_variable(value.variable)[0], value.dims)
        self._new[old] = build.cast(build.transpose(new, symbol.dims), symbol.dtype)
        self._labels = self._labels.assign_coords(_plain_coords(value))
        self._old.update({k: c.variable for k, c in _plain_coords(symbol).items()})

    def __call__(self, expressions: Any) -> Any:
        """A DataArray, or any container of them, computed from the new values; what is not symbolic is kept."""
        return tree_map(self._replayed, expressions)

    def _replayed(self, leaf: Any) -> Any:
        if not is_traced(leaf):
            return leaf
        (part,) = parts_of(leaf)
        old = unwrap(part, leaf.dims)
        (new,) = self._computed([old])
        coords = self._coords(leaf, new.type.sizes)
        return xr.DataArray(wrap(new), coords, leaf.dims, leaf.name, leaf.attrs)

    def labeled(self, value: xr.DataArray, symbol: xr.DataArray) -> xr.DataArray:
        """``value`` with the labels that what takes the place of ``symbol`` has."""
        return value.assign_coords(self._coords(symbol, value.sizes))

    def _coords(self, symbol: xr.DataArray, sizes: Mapping[Any, int]) -> dict[Any, xr.DataArray]:
        """The coords of ``symbol``: where they are those of a symbol that was replaced, the new ones."""
        own = _plain_coords(symbol)
        known = {k: self._kept(k, c) for k, c in own.items()}
        more = {k: c for k, c in self._labels.coords.items() if k not in own and k not in self._old}
        found = {**known, **more}
        return {k: c for k, c in found.items() if c is not None and _fits(c, sizes)}

    def _kept(self, name: Any, coord: xr.DataArray) -> xr.DataArray | None:
        """A coord, or the one in its place; of a part of labels that are replaced there is none."""
        old, new = self._old.get(name), self._labels.coords.get(name)
        if old is None or new is None or new.variable.equals(old):
            return coord
        return new if coord.variable.equals(old) else None

    def _computed(self, outputs: list[Var]) -> tuple[Var, ...]:
        same = all(old.type.shape == new.type.shape for old, new in self._new.items())
        return substitute(outputs, self._new) if same else resize(outputs, self._new)


def _plain_coords(array: xr.DataArray) -> dict[Any, xr.DataArray]:
    """The coords that are known: those computed from symbols belong to the symbols."""
    return {
        k: c.drop_vars(set(c.coords) - {k})
        for k, c in array.coords.items()
        if not is_traced(c.variable)
    }


def _fits(coord: xr.DataArray, sizes: Mapping[Any, int]) -> bool:
    return all(sizes.get(d) == n for d, n in coord.sizes.items())
