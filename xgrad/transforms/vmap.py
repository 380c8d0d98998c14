"""``xgrad.vmap``: a function at every step along a named dim, as one program.

The function is run once, on symbols for one step; what it records is then made again for all steps (``widen``).
"""

from collections.abc import Callable, Hashable, Sequence
from functools import wraps
from typing import Any, NamedTuple

import numpy as np
import xarray as xr

from xgrad.errors import (
    AlignmentError,
    DimensionError,
    SizeMismatchError,
    UnsupportedTypeError,
    nearest,
)
from xgrad.gradient.widen import widen
from xgrad.graph import Var, located, user_source
from xgrad.labels import is_traced, unwrap, wrap
from xgrad.labels.slots import read_variable
from xgrad.names import build
from xgrad.names.types import Dim
from xgrad.transforms.calls.backing import is_known
from xgrad.transforms.calls.jit import Compiled
from xgrad.transforms.tree import flatten, leaf_paths, unflatten


def vmap(fun: Callable[..., Any], dim: Hashable) -> Compiled:
    """``fun`` at every step along ``dim`` of the arguments that have it, as one program without a loop.

    Inside, those arguments (DataArrays, variables of Datasets, in any containers) have lost the dim and all coords
    along it; the others are the same at every step. Every array of the result gains the dim, as its first, with the
    coords that the arguments have along it. Numbers and arrays that do not depend on a mapped argument are repeated;
    other constants are handed out as they are. It can be used inside and outside of compiled functions, nested, and
    with ``grad`` on either side.

    Raises DimensionError where no argument has the dim, or a result has one of that name already; SizeMismatchError and
    AlignmentError where arguments disagree about it.

    >>> import xgrad as xg, xarray as xr
    >>> x = xr.DataArray([[3.0, 1.0], [2.0, 4.0]], dims=("time", "city"), coords={"city": ["Oslo", "Rome"]})
    >>> xg.vmap(lambda x: x - x[0], "city")(x)
    <xarray.DataArray (city: 2, time: 2)> Size: 32B
    array([[ 0., -1.],
           [ 0.,  3.]])
    Coordinates:
      * city     (city) <U4 32B 'Oslo' 'Rome'
    Dimensions without coordinates: time
    """
    inner = fun.fun if isinstance(fun, Compiled) else fun

    @wraps(inner)
    def mapped(*args: Any, **kwargs: Any) -> Any:
        with located(user_source()):
            mapping = _Mapping(dim, (args, kwargs), _name(fun))
        given, keywords = mapping.arguments
        result = inner(*given, **keywords)
        with located(user_source()):
            return mapping.gathered(result)

    return Compiled(mapped, **(fun.compile_options if isinstance(fun, Compiled) else {}))


def _name(fun: Any) -> str:
    return getattr(fun, "__name__", type(fun).__name__)


class _Stack(NamedTuple):
    """The dim under a name that nothing inside can have, so that ``fun`` may use its name for something else."""

    dim: Dim

    def __repr__(self) -> str:
        return f"each {self.dim}"


class _Mapping:
    """One call under ``vmap``: its arguments taken apart into steps, and results put together along the dim."""

    def __init__(self, dim: Dim, call: tuple, name: str) -> None:
        self.dim = dim
        self.stack = _Stack(dim)
        self.wide: dict[Var, Var] = {}
        leaves, self.structure = flatten(call)
        self.labels = _Labels(dim)
        paths = leaf_paths(self.structure, "")
        for leaf, path in zip(leaves, paths, strict=True):
            self.labels.add(leaf, path)
        if self.labels.size is None:
            raise _no_argument(dim, leaves, name)
        self.size = self.labels.size
        self.arguments = unflatten(self.structure, [self._step(leaf) for leaf in leaves])

    def _step(self, leaf: Any) -> Any:
        """A leaf as ``fun`` sees it."""
        if isinstance(leaf, xr.DataArray):
            return self._step_of_array(leaf)
        if isinstance(leaf, xr.Dataset) and self.dim in leaf.dims:
            rest = leaf.drop_vars([*leaf.data_vars, *_along(leaf, self.dim)])
            data = {k: self._step_of_array(v).variable for k, v in leaf.data_vars.items()}
            return rest.assign(data)[list(data)]
        return leaf

    def _step_of_array(self, array: xr.DataArray) -> xr.DataArray:
        if self.dim not in array.dims:
            return array
        data = read_variable(array.variable)[0]
        if is_known(data):
            raise UnsupportedTypeError(
                f"vmap over {self.dim!r}: {_text(array.name) or 'an array'!r} has this dim and holds"
                f" {data.dtype} values, which cannot be traced and would be others at each step;"
                " make it a coord, or drop it."
            )
        whole = unwrap(data, array.dims)
        whole = build.rename(whole, {self.dim: self.stack})
        kept = [d for d in array.dims if d != self.dim]
        sizes = whole.type.sizes
        type_ = whole.type._replace(dims=tuple(kept), shape=tuple([sizes[d] for d in kept]))
        part = Var(type_, name=whole.name or _text(array.name), source=whole.source)
        self.wide[part] = whole
        coords = array.drop_vars(_along(array, self.dim)).coords
        return xr.DataArray(wrap(part), coords, kept, array.name, array.attrs)

    def gathered(self, result: Any) -> Any:
        """The result of ``fun`` for all steps."""
        leaves, structure = flatten(result)
        found = [arrays_of(leaf) for leaf in leaves]
        outputs = [v for arrays in found for v in arrays.values()]
        made = iter([self._whole(v) for v in widen(outputs, self.wide)])
        done = []
        for leaf, arrays in zip(leaves, found, strict=True):
            done.append(self._labeled(leaf, {name: next(made) for name in arrays}))
        return unflatten(structure, done)

    def _whole(self, var: Var) -> Var:
        """A result with the dim in front; repeated along it where it does not depend on a mapped argument."""
        if self.dim in var.type.dims:
            raise DimensionError(
                f"vmap over {self.dim!r}: a result has a dim of that name already: {_inner(var)}.\n"
                "Rename it inside the function, or map over the dim under another name."
            )
        if self.stack in var.type.dims:
            return build.rename(var, {self.stack: self.dim})
        t = var.type
        return build.broadcast(var, (self.dim, *t.dims), (self.size, *t.shape))

    def _labeled(self, leaf: Any, made: dict[Any, Var]) -> Any:
        if isinstance(leaf, xr.DataArray) and made:
            return self._array(leaf, made[None])
        if isinstance(leaf, xr.Dataset):
            arrays = {
                k: self._array(v, made[k]) if k in made else v for k, v in leaf.data_vars.items()
            }
            return xr.Dataset(arrays, leaf.coords, leaf.attrs)
        return wrap(made[None]) if made else leaf

    def _array(self, leaf: xr.DataArray, var: Var) -> xr.DataArray:
        dims = (self.dim, *leaf.dims)
        array = xr.DataArray(wrap(var), leaf.coords, dims, leaf.name, leaf.attrs)
        return array.assign_coords(self.labels.fitting(array))


class _Labels:
    """What the arguments know of the dim: its size, and their coords along it."""

    def __init__(self, dim: Dim) -> None:
        self.dim = dim
        self.size: int | None = None
        self.path = ""
        self.coords = xr.Dataset()

    def add(self, leaf: Any, path: str) -> None:
        """Take the coords of one more argument, which must agree with those before."""
        if not isinstance(leaf, xr.DataArray | xr.Dataset) or self.dim not in leaf.dims:
            return
        size = leaf.sizes[self.dim]
        if self.size is None:
            self.size, self.path = size, path
        if size != self.size:
            raise SizeMismatchError(
                f"vmap over {self.dim!r}: it has size {self.size} in {_argument(self.path)}"
                f" and {size} in {_argument(path)}."
            )
        new = leaf.coords.to_dataset()
        new = new.drop_vars([k for k, c in new.coords.items() if self.dim not in c.dims])
        index, known = new.xindexes.get(self.dim), self.coords.xindexes.get(self.dim)
        if index is not None and known is not None and not index.equals(known):
            raise AlignmentError(
                f"vmap over {self.dim!r}: the labels along it differ between {_argument(self.path)} and"
                f" {_argument(path)}.\nAlign them first: xgrad.align(a, b, join='inner')."
            )
        new = new.drop_vars([k for k in new.coords if k in self.coords.coords])
        self.coords = self.coords.assign_coords(new.coords)

    def fitting(self, array: xr.DataArray) -> xr.Coordinates:
        """The coords that an array of the result can bear: those whose dims it has."""
        ours = self.coords.coords
        strange = [
            k for k, c in ours.items() if not set(c.dims) <= set(array.dims) or k in array.coords
        ]
        return self.coords.drop_vars(strange).coords


def _along(obj: Any, dim: Dim) -> list[Hashable]:
    """The names of the coords along a dim."""
    return [name for name, coord in obj.coords.items() if dim in coord.dims]


def arrays_of(leaf: Any) -> dict[Any, Var]:
    """The arrays of a result leaf as variables, their dims as xarray calls them."""
    if isinstance(leaf, xr.DataArray):
        data = read_variable(leaf.variable)[0]
        return {} if is_known(data) else {None: unwrap(data, leaf.dims)}
    if isinstance(leaf, xr.Dataset):
        found = {name: arrays_of(array) for name, array in leaf.data_vars.items()}
        return {name: arrays[None] for name, arrays in found.items() if arrays}
    if is_traced(leaf):
        return {None: unwrap(leaf)}
    numbers = isinstance(leaf, int | float | complex | np.ndarray | np.generic)
    return {None: unwrap(np.asarray(leaf))} if numbers and not isinstance(leaf, bool) else {}


def _inner(var: Var) -> tuple[Dim, ...]:
    return tuple([d for d in var.type.dims if not isinstance(d, _Stack)])


def _argument(path: str) -> str:
    """The path ``[0][1].rate`` of the arguments (positional, keywords) as a user would say it."""
    where, rest = ("argument ", path[4:]) if path.startswith("[0]") else ("", path[4:])
    head, _, tail = rest.partition("]")
    return f"{where}{head.strip(chr(39))}{tail}"


def _no_argument(dim: Dim, leaves: Sequence[Any], name: str) -> DimensionError:
    labeled = [x for x in leaves if isinstance(x, xr.DataArray | xr.Dataset)]
    known = list(dict.fromkeys(d for x in labeled for d in x.dims))
    return DimensionError(
        f"vmap of {name} over {dim!r}: no argument has that dim; there are {tuple(known)}"
        f"{nearest(dim, known) or '.'}"
    )


def _text(name: Hashable) -> str | None:
    return None if name is None else str(name)
