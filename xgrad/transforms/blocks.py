"""The labels of a Jacobian: which names its dims and coords take on the side of the input, and its containers.

A block has the dims and coords of the output, then those of the input. What has a name that the output has too gets a
suffix on the side of the input. A Dataset on either side gives a Dataset of blocks.
"""

from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import Any, NamedTuple

import xarray as xr

from xgrad.graph import Var
from xgrad.labels import unwrap, wrap
from xgrad.labels.slots import read_variable
from xgrad.names.types import Dim
from xgrad.transforms.parts import parts_of
from xgrad.transforms.tree import Structure, flatten, leaf_paths, unflatten

Names = Mapping[Hashable, Hashable]


class Piece(NamedTuple):
    """One leaf of the outputs or inputs: its labels, and the variables of its arrays by the name of each.

    A DataArray, and an array without labels (``bare``), has one variable, named None.
    """

    labels: Any
    vars: Mapping[Any, Var]
    bare: bool
    path: str


class Side(NamedTuple):
    """All outputs or all inputs of a Jacobian: their leaves, in containers."""

    pieces: tuple[Piece, ...]
    structure: Structure

    @property
    def vars(self) -> list[Var]:
        """All variables, leaf by leaf."""
        return [v for piece in self.pieces for v in piece.vars.values()]


def side_of(value: Any, root: str, mark: Callable[[Var], Var] = lambda v: v) -> Side:
    """The leaves of ``value`` that hold traced data, each of its variables replaced by ``mark`` of it."""
    leaves, structure = flatten(value)
    paths = leaf_paths(structure, root)
    pieces = [_piece(leaf, path, mark) for leaf, path in zip(leaves, paths, strict=True)]
    return Side(tuple(pieces), structure)


def _piece(leaf: Any, path: str, mark: Callable[[Var], Var]) -> Piece:
    if isinstance(leaf, xr.Dataset):
        found = {k: _var(v.variable, mark) for k, v in leaf.data_vars.items() if parts_of(v)}
        return Piece(leaf, found, False, path)
    if isinstance(leaf, xr.DataArray):
        return Piece(leaf, {None: _var(leaf.variable, mark)} if parts_of(leaf) else {}, False, path)
    found = {None: mark(_with_numbered_dims(part)) for part in parts_of(leaf)}
    return Piece(xr.DataArray(), found, True, path)


def _var(variable: xr.Variable, mark: Callable[[Var], Var]) -> Var:
    return mark(unwrap(read_variable(variable)[0], variable.dims))


def _with_numbered_dims(array: Any) -> Var:
    """The variable of an array without labels: its dims are called as xarray calls them."""
    return unwrap(array, [f"dim_{i}" for i in range(array.ndim)])


def with_vars(piece: Piece, leaf: Any, vars: Mapping[Any, Var]) -> Any:
    """``leaf``, of which ``piece`` was made, around other variables of the same types."""
    if piece.bare:
        return wrap(vars[None]) if vars else leaf
    data = {name: wrap(v) for name, v in vars.items()}
    if isinstance(leaf, xr.DataArray):
        return leaf.copy(deep=False, data=data[None]) if data else leaf
    kept = {k: data.get(k, read_variable(v.variable)[0]) for k, v in leaf.data_vars.items()}
    return leaf.copy(deep=False, data=kept)


# ---- names -------------------------------------------------------------------------------------------------------
def names_for(output: Piece, wrt: Piece, suffix: str) -> Names:
    """What the dims and coords of an input are called beside those of an output."""
    taken = {*_dims(output), *output.labels.coords}
    names: dict[Hashable, Hashable] = {d: _free(d, taken, suffix) for d in _dims(wrt)}
    for name, coord in wrt.labels.coords.items():
        moved = any(names[d] != d for d in coord.dims)
        names.setdefault(name, _free(name, taken, suffix, moved))
    return names


def _dims(piece: Piece) -> list[Dim]:
    return list(dict.fromkeys(d for v in piece.vars.values() for d in v.type.dims))


def _free(name: Hashable, taken: set, suffix: str, moved: bool = False) -> Hashable:
    """``name``, with the suffix as often as it takes where it is taken (and at least once where ``moved``)."""
    new = f"{name}{suffix}" if moved else name
    while new in taken:
        new = f"{new}{suffix}"
    return new


# ---- blocks ------------------------------------------------------------------------------------------------------
def assemble(
    outputs: Side, wrt: Side, made: Sequence[Sequence[Var]], suffix: str, *, named: bool
) -> Any:
    """The Jacobian in the containers of the outputs, each leaf of which becomes those of the inputs.

    ``made[i][j]`` is the block of output variable i by input variable j, numbered leaf by leaf. ``named`` asks for the
    name ``d(y)/d(x)`` where both have names.
    """
    rows = iter(made)
    leaves = []
    for y in outputs.pieces:
        mine = [next(rows) for _ in y.vars]
        columns = iter(range(len(wrt.vars)))
        blocks = []
        for x in wrt.pieces:
            at = [next(columns) for _ in x.vars]
            found = {
                (u, a): mine[i][j]
                for i, u in enumerate(y.vars)
                for a, j in zip(x.vars, at, strict=True)
            }
            blocks.append(_leaf(y, x, found, suffix, named))
        leaves.append(unflatten(wrt.structure, blocks))
    return unflatten(outputs.structure, leaves)


def _leaf(y: Piece, x: Piece, found: Mapping[tuple[Any, Any], Var], suffix: str, named: bool) -> Any:
    if y.bare and x.bare:
        (block,) = found.values()
        return wrap(block)
    coords = _coords(y, x, suffix)
    arrays = {
        _name(u, a, suffix): _labeled(block, coords) for (u, a), block in found.items()
    }
    if isinstance(y.labels, xr.Dataset) or isinstance(x.labels, xr.Dataset):
        return xr.Dataset(arrays)
    (array,) = arrays.values()
    names = y.labels.name, x.labels.name
    array.name = f"d({names[0]})/d({names[1]})" if named and None not in names else None
    return array


def _name(u: Any, a: Any, suffix: str) -> Any:
    """The name of a block in a Dataset: of the variable that has one; of two, ``u_wrt_a``."""
    if u is None or a is None:
        return a if u is None else u
    return f"{u}{suffix}_{a}"


def _coords(y: Piece, x: Piece, suffix: str) -> xr.Dataset:
    """The coords of both sides, under the names that they have in a block."""
    names = names_for(y, x, suffix)
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
