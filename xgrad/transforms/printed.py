"""``xgrad.debug_print``: labeled values, printed from inside a compiled function."""

import dataclasses
from typing import Any

import numpy as np
import xarray as xr

from xgrad.axes.printed import Printed
from xgrad.graph import located, user_source
from xgrad.labels import is_traced, unwrap, wrap
from xgrad.names import build
from xgrad.transforms.parts import parts_of, with_parts
from xgrad.transforms.tree import tree_map


def debug_print(value: Any, title: str = "") -> Any:
    """``value``, which is printed with its labels whenever a compiled function computes it.

    ``value`` is an array, a DataArray, a Dataset or any container of them; the result stands for it, and must be used:
    what no result depends on is not computed, and so not printed. In a loop it prints at every step, under
    ``xgrad.vmap`` all entries at once, and in derivatives not at all. Prints may come a moment after the call returns
    (``jax.effects_barrier()`` waits for them). Outside compiled functions it prints at once.

    >>> import jax, xgrad as xg
    >>> x = xg.DataArray([1.0, 2.0], dims="city", coords={"city": ["Oslo", "Rome"]})
    >>> total = xg.jit(lambda x: xg.debug_print(2 * x, "doubled").sum())(x); jax.effects_barrier()
    doubled
    <xarray.DataArray (city: 2)> Size: 16B
    array([2., 4.])
    Coordinates:
      * city     (city) <U4 32B 'Oslo' 'Rome'
    """
    source = user_source()

    def printed(leaf: Any) -> Any:
        parts = parts_of(leaf)
        if not parts:
            _print(title, leaf)
            return leaf
        with located(source):
            return with_parts(leaf, _marked(leaf, parts, title))

    return tree_map(printed, value)


def _marked(leaf: Any, parts: list[Any], title: str) -> list[Any]:
    """The parts of a leaf, each to be shown under its labels."""
    if isinstance(leaf, xr.Dataset):
        arrays = [leaf[k] for k in leaf.data_vars if is_traced(leaf[k].variable.data)]
        return [_marked(array, [part], title)[0] for array, part in zip(arrays, parts, strict=True)]
    var = unwrap(parts[0])
    return [wrap(build.elemwise(Printed(Show.of(title, leaf)), var))]


@dataclasses.dataclass(frozen=True, eq=False)
class Show:
    """Prints the array of a value with the labels that were known when it was traced."""

    title: str
    like: xr.DataArray | None

    __name__ = "debug_print"

    @classmethod
    def of(cls, title: str, leaf: Any) -> "Show":
        """For the values of a leaf."""
        if not isinstance(leaf, xr.DataArray):
            return cls(title, None)
        known = {k: c for k, c in leaf.coords.items() if not is_traced(c.variable.data)}
        return cls(title, xr.DataArray(np.empty(leaf.shape, bool), known, leaf.dims, leaf.name))

    def __call__(self, array: np.ndarray) -> None:
        like = self.like
        if like is None or like.shape != array.shape:  # along dims of vmap
            return _print(self.title, array)
        return _print(self.title, like.copy(data=array))


def _print(title: str, value: Any) -> None:
    print(*[title] * bool(title), value, sep="\n", flush=True)
