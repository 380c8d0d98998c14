"""What a loop reads step by step, and what it stacks: labeled slices of sequences along a dim, and the way back."""

from collections.abc import Hashable, Sequence
from typing import Any, NamedTuple

import numpy as np
import xarray as xr

from xgrad.errors import (
    AlignmentError,
    ArgumentError,
    DimensionError,
    SizeMismatchError,
    nearest,
)
from xgrad.graph import Var
from xgrad.labels import is_traced, unwrap, wrap
from xgrad.labels.chosen import choose
from xgrad.labels.slots import read_variable
from xgrad.names import Dim, XType, build
from xgrad.transforms.calls.backing import is_numeric
from xgrad.transforms.control.carry import here, parts, symbolic
from xgrad.transforms.tree import flatten, leaf_paths, unflatten

_STEPS = object()  # stands for a coord that numbers the steps
STEP_DIM = "step"  # of stacked outputs where no dim is given


class Sequences:
    """The sequences of a loop: ``rows`` are their variables, the dim of the loop first."""

    def __init__(self, xs: Any, dim: Dim | None, length: int | None, verb: str) -> None:
        leaves, self._structure = flatten(xs)
        paths = leaf_paths(self._structure, "xs")
        leaves = [symbolic(leaf, path) for leaf, path in zip(leaves, paths, strict=True)]
        self.verb = verb
        self.dim: Dim = _chosen_dim(leaves, dim, verb)
        self.rows: list[Var] = []
        self._coords: dict[Hashable, int] = {}  # places of the rows of coords that change
        self.labels = _labels(leaves, paths, self.dim, verb)
        pairs = zip(leaves, paths, strict=True)
        self._leaves = [self._enter_leaf(leaf, path) for leaf, path in pairs]
        self.length = self._checked_length(leaves, paths, length)

    def without_step_labels(self, leaf: Any) -> Any:
        """A first carry less the coords that are others in every step: ``x.isel(time=0)`` is of no time in a step."""
        if not isinstance(leaf, xr.DataArray | xr.Dataset):
            return leaf
        changing = {name for sliced in self._leaves for name in sliced.coords}
        return leaf.drop_vars([name for name in leaf.coords if name in changing])

    def slices(self) -> list[Var]:
        """Fresh variables for one slice of each row."""
        return [
            Var(
                XType(v.type.dims[1:], v.type.shape[1:], v.type.dtype), name=v.name, source=v.source
            )
            for v in self.rows
        ]

    def enter(self, slices: Sequence[Var]) -> Any:
        """The sequences as one step sees them: slices with their labels, those along the dim as 0-d coords."""
        arrays = [wrap(v) for v in slices]
        return unflatten(self._structure, [leaf.enter(arrays) for leaf in self._leaves])

    def _enter_leaf(self, leaf: Any, path: str) -> "_SlicedLeaf":
        if not isinstance(leaf, xr.DataArray | xr.Dataset):
            return _SlicedLeaf(
                leaf, (self._row(leaf, path),) if is_traced(leaf) else (), {}, self.dim
            )
        if self.dim not in leaf.dims:
            raise self._missing(leaf, path)
        changing = [name for name, c in leaf.coords.items() if self.dim in c.dims]
        coords = {name: self._coord(leaf.coords[name]) for name in changing}
        places = []
        for part in parts(leaf, path):
            sliced = self.dim in part.var.type.dims
            places.append(self._add(part.var) if sliced else part.var)
        known = {name: place for name, place in coords.items() if place is not None}
        return _SlicedLeaf(leaf.drop_vars(changing), tuple(places), known, self.dim)

    def _row(self, array: Any, path: str) -> int:
        """An array without labels is read along its first axis."""
        if array.ndim == 0:
            raise DimensionError(
                f"xgrad.{self.verb}: `{path}` has no axis to go along{here()}.\n"
                "What is the same in all steps need not be handed in: use it in the step."
            )
        return self._add(unwrap(array, (self.dim, *[("axis", k) for k in range(1, array.ndim)])))

    def _add(self, var: Var) -> int:
        rest = [d for d in var.type.dims if d != self.dim]
        self.rows.append(build.transpose(var, (self.dim, *rest)))
        return len(self.rows) - 1

    def _coord(self, coord: xr.DataArray) -> "_SlicedCoord | None":
        """Where the values of a coord along the dim come from; None for a grid of labels that are no numbers."""
        data = read_variable(coord.variable)[0]
        rest = tuple([d for d in coord.dims if d != self.dim])
        if is_traced(data) or is_numeric(coord.dtype):
            traced = data if is_traced(data) else coord.values
            return _SlicedCoord(rest, self._coord_row(coord.name, unwrap(traced, coord.dims)), None)
        if rest:
            return None
        steps = unwrap(np.arange(coord.size), coord.dims)
        return _SlicedCoord(rest, self._coord_row(_STEPS, steps), coord.values)

    def _coord_row(self, name: Hashable, values: Var) -> int:
        if name not in self._coords:
            self._coords[name] = self._add(values)
        return self._coords[name]

    def _missing(self, leaf: Any, path: str) -> DimensionError:
        dims = tuple(leaf.dims)
        return DimensionError(
            f"xgrad.{self.verb}: `{path}` has no dim {self.dim!r}{here()}; it has the dims {dims}"
            f"{nearest(self.dim, dims) or '.'}\n"
            "What is the same in all steps need not be handed in: use it in the step."
        )

    def _checked_length(
        self, leaves: Sequence[Any], paths: Sequence[str], length: int | None
    ) -> int:
        sizes = [(path, _length(leaf, self.dim)) for leaf, path in zip(leaves, paths, strict=True)]
        known = [(path, n) for path, n in sizes if n is not None]
        given = [("length", length)] if length is not None else []
        if not known and not given:
            raise ArgumentError(
                f"xgrad.{self.verb}: how many steps{here()}?\n"
                "Give xs, or length=... where there is nothing to go along."
            )
        (name, first), *others = [*known, *given]
        for other, n in others:
            if n != first:
                raise SizeMismatchError(
                    f"xgrad.{self.verb}: `{name}` has {first} steps along {self.dim!r},"
                    f" and `{other}` has {n}{here()}.\n"
                    "Align them first, or take as many steps of each: .isel."
                )
        assert first is not None
        return first


class _SlicedCoord(NamedTuple):
    """A coord along the dim: its other dims, the place of its row; of dates and strings, the labels to choose from."""

    dims: tuple[Hashable, ...]
    place: int
    table: np.ndarray | None

    def enter(self, slice: Any) -> Any:
        """The values in a step."""
        return slice if self.table is None else choose(self.table, slice)


class _SlicedLeaf(NamedTuple):
    """One leaf: its labels, for each part the place of its row (or the part itself), and the coords that change."""

    whole: Any
    places: tuple[Any, ...]
    coords: dict[Hashable, _SlicedCoord]
    dim: Dim

    def enter(self, arrays: Sequence[Any]) -> Any:
        """One slice, around the arrays of all rows."""
        data = [arrays[p] if isinstance(p, int) else wrap(p) for p in self.places]
        coords = {
            name: xr.Variable(source.dims, source.enter(arrays[source.place]))
            for name, source in self.coords.items()
        }
        leaf = self._slice(data)
        return leaf.assign_coords(coords) if coords else leaf

    def _slice(self, data: Sequence[Any]) -> Any:
        whole = self.whole
        if isinstance(whole, xr.DataArray):
            dims = self._rest(whole.dims)
            return xr.DataArray(data[0], whole.coords, dims, whole.name, whole.attrs)
        if isinstance(whole, xr.Dataset):
            named = zip(whole.data_vars.items(), data, strict=True)
            variables = {name: (self._rest(v.dims), part, v.attrs) for (name, v), part in named}
            return xr.Dataset(variables, whole.coords, whole.attrs)
        return data[0] if data else whole

    def _rest(self, dims: tuple[Hashable, ...]) -> list[Hashable]:
        return [d for d in dims if d != self.dim]


def _chosen_dim(leaves: Sequence[Any], dim: Dim | None, verb: str) -> Dim:
    if dim is not None:
        return dim
    labeled = [leaf for leaf in leaves if isinstance(leaf, xr.DataArray | xr.Dataset)]
    dims = list(dict.fromkeys([d for leaf in labeled for d in leaf.dims]))
    if len(dims) > 1:
        raise DimensionError(
            f"xgrad.{verb}: along which dim? xs has {', '.join([repr(d) for d in dims])}{here()}.\nSay dim=..."
        )
    return dims[0] if dims else STEP_DIM


def _length(leaf: Any, dim: Dim) -> int | None:
    if isinstance(leaf, xr.DataArray | xr.Dataset):
        return leaf.sizes[dim]
    return leaf.shape[0] if is_traced(leaf) else None


def _labels(
    leaves: Sequence[Any], paths: Sequence[str], dim: Dim, verb: str
) -> xr.Coordinates | None:
    """The coords along the dim, which all sequences that have an index there agree on."""
    found: list[tuple[str, Any]] = [
        (path, leaf)
        for leaf, path in zip(leaves, paths, strict=True)
        if isinstance(leaf, xr.DataArray | xr.Dataset) and dim in leaf.coords
    ]
    if not found:
        return None
    (first, leaf), *others = found
    for path, other in others:
        same = leaf.sizes.get(dim) != other.sizes.get(dim) or _same_index(leaf, other, dim)
        if not same:
            raise AlignmentError(
                f"xgrad.{verb}: the labels of `{first}` and `{path}` along {dim!r} differ{here()}.\n"
                "Align them first: xgrad.align(..., join='inner')."
            )
    return leaf.drop_vars([name for name, c in leaf.coords.items() if c.dims != (dim,)]).coords


def _same_index(one: Any, other: Any, dim: Dim) -> bool:
    if dim not in one.xindexes or dim not in other.xindexes:
        return True
    return bool(np.array_equal(one.indexes[dim], other.indexes[dim]))


class Stacked:
    """The outputs of the steps: one leaf each, stacked along a new first dim."""

    def __init__(self, ys: Any, sequences: Sequences) -> None:
        """Must be called while the step's trace is open."""
        leaves, self._structure = flatten(ys)
        paths = leaf_paths(self._structure, "ys")
        self._leaves = [symbolic(leaf, path) for leaf, path in zip(leaves, paths, strict=True)]
        self._sequences = sequences
        found = [parts(leaf, path) for leaf, path in zip(self._leaves, paths, strict=True)]
        self._counts = [len(ps) for ps in found]
        self.vars = [self._strong(p.var, p.path) for ps in found for p in ps]

    def _strong(self, var: Var, path: str) -> Var:
        dim = self._sequences.dim
        if dim in var.type.dims:
            raise DimensionError(
                f"xgrad.{self._sequences.verb}: the output `{path}` has the dim {dim!r}, along which outputs are"
                f" stacked{here(var.source)}.\nGive it another name in the step, with .rename."
            )
        return build.cast(var, var.type.dtype)

    def build(self, vars: Sequence[Var]) -> Any:
        """The outputs around the stacked variables."""
        rest = iter(vars)
        pairs = zip(self._leaves, self._counts, strict=True)
        leaves = [self._leaf(leaf, [wrap(next(rest)) for _ in range(n)]) for leaf, n in pairs]
        return unflatten(self._structure, leaves)

    def _leaf(self, leaf: Any, arrays: Sequence[Any]) -> Any:
        if not isinstance(leaf, xr.DataArray | xr.Dataset):
            return arrays[0] if arrays else leaf
        labels, dim = self._sequences.labels, self._sequences.dim
        known = set() if labels is None else set(labels)
        coords = leaf.drop_vars(
            [name for name, c in leaf.coords.items() if name in known or is_traced(c.variable)]
        ).coords
        if isinstance(leaf, xr.DataArray):
            dims = (dim, *leaf.dims)
            new = xr.DataArray(arrays[0], coords, dims, name=leaf.name, attrs=leaf.attrs)
        else:
            named = zip(leaf.data_vars.items(), arrays, strict=True)
            data = {name: ((dim, *v.dims), array, v.attrs) for (name, v), array in named}
            new = xr.Dataset(data, coords, leaf.attrs)
        return new if labels is None else new.assign_coords(labels)
