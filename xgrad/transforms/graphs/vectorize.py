"""``xgrad.vectorize_graph``: a graph built by hand, for many values of its inputs at a time."""

from collections.abc import Iterable, Mapping
from typing import Any

import xarray as xr

from xgrad.errors import DimensionError, SizeMismatchError
from xgrad.gradient.widen import widen
from xgrad.graph import Var, located, user_source
from xgrad.labels import unwrap, wrap
from xgrad.labels.slots import read_variable
from xgrad.names import build
from xgrad.names.messages import operand
from xgrad.transforms.calls.trace import free_inputs
from xgrad.transforms.graphs.function import named_input
from xgrad.transforms.parts import parts_of
from xgrad.transforms.tree import flatten, unflatten
from xgrad.transforms.vmap import arrays_of


def vectorize_graph(outputs: Any, replace: Mapping[str, Any] | Iterable[tuple[Any, Any]]) -> Any:
    """``outputs`` for inputs with more dims: each symbolic array in ``replace`` gives way to one with new dims.

    ``replace`` is a list of pairs ``(old, new)``, or a dict from the names of inputs. What depends on a new array has
    its new dims, first, with their coords. New dims of the same name in several arrays are one dim.

    Raises ArgumentError for a name that no input has, DimensionError where a new array lacks a dim of the old one, or
    brings one that the graph has already, SizeMismatchError where sizes differ.

    >>> import xgrad as xg
    >>> x = xg.xtensor("x", dims="time", shape=3)
    >>> many = xg.xtensor("many", dims=("chain", "time"), shape=(4, 3))
    >>> xg.vectorize_graph(x.sum("time"), {"x": many}).sizes
    Frozen({'chain': 4})
    """
    leaves, structure = flatten(outputs)
    found = [arrays_of(leaf) for leaf in leaves]
    vars_ = [v for arrays in found for v in arrays.values()]
    pairs = list(replace.items() if isinstance(replace, Mapping) else replace)
    roots = free_inputs(vars_)
    olds = [
        named_input(old, roots) if isinstance(old, str) else unwrap(parts_of(old)[0])
        for old, _ in pairs
    ]
    coords = xr.Dataset()
    for old, (_, new) in zip(olds, pairs, strict=True):
        coords = coords.assign_coords(_new_coords(new, old).coords)
    with located(user_source()):
        wide = {old: _wider(old, new) for old, (_, new) in zip(olds, pairs, strict=True)}
        made = iter(widen(vars_, wide))
    done = [
        _labeled(leaf, {name: next(made) for name in arrays}, coords)
        for leaf, arrays in zip(leaves, found, strict=True)
    ]
    return unflatten(structure, done)


def _wider(old: Var, new: Any) -> Var:
    """``new`` as a variable: its new dims, then those of ``old`` in their order."""
    dims = old.type.dims
    array = read_variable(new.variable)[0] if isinstance(new, xr.DataArray) else new
    var = unwrap(array, new.dims if isinstance(new, xr.DataArray) else None)
    missing = [d for d in dims if d not in var.type.dims]
    if missing:
        raise DimensionError(
            f"the new array for {operand(old)} has the dims {var.type.dims}, and lacks {missing[0]!r}."
        )
    for dim, n in old.type.sizes.items():
        if var.type.sizes[dim] != n:
            raise SizeMismatchError(
                f"the new array for {operand(old)}: dim {dim!r} has size {var.type.sizes[dim]}, not {n}."
            )
    extra = [d for d in var.type.dims if d not in dims]
    return build.cast(build.transpose(var, (*extra, *dims)), old.type.dtype)


def _new_coords(new: Any, old: Var) -> xr.Dataset:
    """The coords of a new array along its new dims alone."""
    if not isinstance(new, xr.DataArray):
        return xr.Dataset()
    known = new.coords.to_dataset()
    return known.drop_vars(
        [k for k, c in known.coords.items() if not c.dims or set(c.dims) & set(old.type.dims)]
    )


def _labeled(leaf: Any, made: dict[Any, Var], coords: xr.Dataset) -> Any:
    if isinstance(leaf, xr.DataArray):
        return _array(leaf, made[None], coords)
    if isinstance(leaf, xr.Dataset):
        arrays = {k: _array(leaf[k], v, coords) for k, v in made.items()}
        return xr.Dataset(arrays, leaf.coords, leaf.attrs)
    return wrap(made[None]) if made else leaf


def _array(leaf: xr.DataArray, var: Var, coords: xr.Dataset) -> xr.DataArray:
    dims = (*[d for d in var.type.dims if d not in leaf.dims], *leaf.dims)
    array = xr.DataArray(wrap(var), leaf.coords, dims, leaf.name, leaf.attrs)
    strange = [k for k, c in coords.coords.items() if not set(c.dims) <= set(dims)]
    return array.assign_coords(coords.drop_vars(strange).coords)
