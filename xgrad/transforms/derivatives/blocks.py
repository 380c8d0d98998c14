"""The labels of a Jacobian: which names its dims and coords take on the side of the input, and its containers.

A block has the dims and coords of the output, then those of the input. What has a name that the output has too gets a
suffix on the side of the input. A Dataset on either side gives a Dataset of blocks.
"""

from collections.abc import Hashable, Mapping, Sequence
from typing import Any, NamedTuple

import xarray as xr

from xgrad.graph import Var
from xgrad.labels import is_traced, wrap
from xgrad.labels.core import is_new
from xgrad.labels.slots import read_variable
from xgrad.names import build
from xgrad.names.types import Dim
from xgrad.transforms.derivatives.targets import Target, Targets

Names = Mapping[Hashable, Hashable]


class Part(NamedTuple):
    """One array of an output or input: its variable, the dims and sizes that users see, and how they call its dims."""

    var: Var
    sizes: Mapping[Dim, int]
    shown: Mapping[Dim, Dim]


class Piece(NamedTuple):
    """One leaf of the outputs or inputs: its labels, and its arrays by name (of a DataArray and an array: None)."""

    labels: Any
    parts: Mapping[Any, Part]
    bare: bool
    path: str


class Side(NamedTuple):
    """All outputs or all inputs of a Jacobian."""

    pieces: tuple[Piece, ...]

    @property
    def parts(self) -> list[tuple[Piece, Part]]:
        """All arrays, leaf by leaf, each with its leaf."""
        return [(piece, part) for piece in self.pieces for part in piece.parts.values()]

    @property
    def vars(self) -> list[Var]:
        """The variables of all arrays."""
        return [part.var for _, part in self.parts]


def side_of(targets: Targets) -> Side:
    """The leaves of ``targets``, with what labels need to be known of them."""
    return Side(tuple([_piece(target) for target in targets.each]))


def _piece(target: Target) -> Piece:
    leaf = target.leaf
    if isinstance(leaf, xr.Dataset):
        names = [k for k, v in leaf.data_vars.items() if is_traced(read_variable(v.variable)[0])]
        dims = [leaf[k].dims for k in names]
    else:
        names = [None] * len(target.arrays)
        labeled = isinstance(leaf, xr.DataArray)
        dims = [leaf.dims if labeled else _numbered(a.ndim) for a in target.arrays]
    parts = [_part(a, d) for a, d in zip(target.arrays, dims, strict=True)]
    bare = not isinstance(leaf, xr.DataArray | xr.Dataset)
    labels = xr.DataArray() if bare else leaf
    return Piece(labels, dict(zip(names, parts, strict=True)), bare, target.name)


def _numbered(ndim: int) -> tuple[str, ...]:
    """What xarray calls axes without names."""
    return tuple([f"dim_{i}" for i in range(ndim)])


def _part(array: Any, dims: Sequence[Dim]) -> Part:
    shown = {name: d for name, d in zip(array.names, dims, strict=True) if not is_new(name)}
    return Part(array.value, dict(zip(dims, array.shape, strict=True)), shown)


# ---- names -------------------------------------------------------------------------------------------------------
def names_for(output: Piece, wrt: Piece, suffix: str) -> Names:
    """What the dims and coords of an input are called beside those of an output."""
    taken = {*_dims(output), *output.labels.coords}
    own = [*_dims(wrt), *wrt.labels.coords]
    moved = {d for d in _dims(wrt) if d in taken}
    names: dict[Hashable, Hashable] = {}
    for name in dict.fromkeys(own):
        dims = wrt.labels[name].dims if name in wrt.labels.coords else ()
        if name in taken or moved & set(dims):
            names[name] = _free(name, {*taken, *own, *names.values()}, suffix)
        else:
            names[name] = name
    return names


def _dims(piece: Piece) -> list[Dim]:
    return list(dict.fromkeys(d for part in piece.parts.values() for d in part.sizes))


def _free(name: Hashable, taken: set, suffix: str) -> Hashable:
    """``name`` with the suffix, as often as it takes."""
    new = f"{name}{suffix}"
    while new in taken:
        new = f"{new}{suffix}"
    return new


# ---- blocks ------------------------------------------------------------------------------------------------------
class Style(NamedTuple):
    """How blocks are called: the suffix of what is on both sides, and whether one is named ``d(y)/d(x)``."""

    suffix: str
    named: bool


def leaf_of(y: Piece, x: Piece, made: Mapping[tuple[Any, Any], Var], style: Style) -> Any:
    """The block of one output leaf by one input leaf; ``made`` has those of their arrays, by the names of both."""
    names = names_for(y, x, style.suffix)
    blocks = {
        (u, a): _spread(block, y.parts[u], x.parts[a], names) for (u, a), block in made.items()
    }
    if y.bare and x.bare:
        (block,) = blocks.values()
        return wrap(block)
    coords = _coords(y, x, names)
    arrays = {_name(*key, style.suffix): _labeled(block, coords) for key, block in blocks.items()}
    if isinstance(y.labels, xr.Dataset) or isinstance(x.labels, xr.Dataset):
        return xr.Dataset(arrays)
    (array,) = arrays.values()
    both = y.labels.name, x.labels.name
    array.name = f"d({both[0]})/d({both[1]})" if style.named and None not in both else None
    return array


def _spread(block: Var, y: Part, x: Part, names: Names) -> Var:
    """A block with the dims that users see, in their order; those of size 1 that only a layout has are added."""
    shared = {d for d in x.shown.values() if names[d] not in block.type.dims}
    theirs = {names[d]: n for d, n in x.sizes.items() if d not in shared}
    sizes = {**y.sizes, **theirs}
    return build.broadcast(block, sizes, sizes.values())


def _name(u: Any, a: Any, suffix: str) -> Any:
    """The name of a block in a Dataset: of the variable that has one; of two, ``u_wrt_a``."""
    if u is None or a is None:
        return a if u is None else u
    return f"{u}{suffix}_{a}"


def _coords(y: Piece, x: Piece, names: Names) -> xr.Dataset:
    """The coords of both sides, under the names that they have in a block."""
    ours, theirs = y.labels.coords.to_dataset(), x.labels.coords.to_dataset()
    theirs = theirs.drop_vars([k for k, c in theirs.coords.items() if _same(c, ours.coords.get(k))])
    known = {*theirs.dims, *theirs.coords}
    renamed = theirs.rename({k: new for k, new in names.items() if k in known and new != k})
    return ours.assign_coords(renamed.coords)


def _same(coord: xr.DataArray, other: xr.DataArray | None) -> bool:
    """Whether a 0-d coord is on the other side as well."""
    return other is not None and not coord.dims and coord.variable.identical(other.variable)


def _labeled(block: Var, coords: xr.Dataset) -> xr.DataArray:
    dims = block.type.dims
    strange = [name for name, c in coords.coords.items() if not set(c.dims) <= set(dims)]
    return xr.DataArray(wrap(block), coords=coords.drop_vars(strange).coords, dims=dims)
