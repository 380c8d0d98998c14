"""What derivatives are taken of and by: the variables inside labeled arrays, under the names that users know.

A target is one leaf of a pytree: a DataArray, a Dataset or a bare traced array. Its variables are those that the graph
has, whatever layout the array shows them in; a derivative by it is laid out as the array is.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import xarray as xr

from xgrad.errors import AlignmentError, ArgumentError, DimensionError, SizeMismatchError
from xgrad.gradient.markers import Wrt
from xgrad.gradient.ops import cotangent_dtype
from xgrad.graph import Var
from xgrad.labels import TracedArray, is_traced, unwrap, wrap
from xgrad.labels.core import is_new
from xgrad.labels.trace import laid_out
from xgrad.names import build
from xgrad.transforms.calls.backing import is_numeric
from xgrad.transforms.calls.leaves import is_array
from xgrad.transforms.parts import part_paths, parts_of, with_parts
from xgrad.transforms.tree import Structure, flatten, leaf_paths, tree_map, unflatten


class Target:
    """One leaf: its traced ``arrays``, the variable of each, and how a user writes each."""

    __slots__ = ("arrays", "leaf", "name", "paths", "vars")

    def __init__(self, leaf: Any, name: str) -> None:
        self.leaf = leaf
        self.name = name
        self.arrays = parts_of(leaf)
        self.paths = part_paths(leaf, name)
        self.vars = [a.value for a in self.arrays]

    def like(self, values: Sequence[Var]) -> Any:
        """The leaf around other values, of the dims of its variables."""
        pairs = zip(self.arrays, values, strict=True)
        return with_parts(self.leaf, [laid_out(array, v) for array, v in pairs])

    def check_whole(self) -> None:
        """Raise where the array shows a variable several times over: no derivative tells the copies apart."""
        for array, path in zip(self.arrays, self.paths, strict=True):
            if any(
                is_new(name) and n > 1 for name, n in zip(array.names, array.shape, strict=True)
            ):
                raise ArgumentError(
                    f"`{path}` repeats a smaller array along a dim it was broadcast to.\n"
                    "Take the derivative with respect to the array before it was broadcast."
                )


class Targets:
    """A pytree of targets."""

    def __init__(self, tree: Any, name: str, *, own_names: bool = False) -> None:
        leaves, self.structure = flatten(tree)
        paths = leaf_paths(self.structure, name)
        names = [
            str(getattr(leaf, "name", None) or path) if own_names else path
            for leaf, path in zip(leaves, paths, strict=True)
        ]
        self.name = names[0] if len(names) == 1 else name
        self.each = [Target(leaf, n) for leaf, n in zip(leaves, names, strict=True)]

    structure: Structure

    @property
    def vars(self) -> list[Var]:
        """The variables of all targets."""
        return [v for target in self.each for v in target.vars]

    def rebuilt(self, leaves: Sequence[Any]) -> Any:
        """The pytree around other leaves."""
        return unflatten(self.structure, leaves)

    def like(self, values: Sequence[Var]) -> Any:
        """The pytree around other values, one for each of ``vars``."""
        rest = iter(values)
        return self.rebuilt(
            [target.like([next(rest) for _ in target.vars]) for target in self.each]
        )


def marked(value: Any) -> Any:
    """``value``, an argument of a function that is differentiated, set apart from other uses of its arrays."""
    return tree_map(_marked_leaf, value)


def _marked_leaf(leaf: Any) -> Any:
    leaf = _with_constants(leaf)
    parts = parts_of(leaf)
    return with_parts(leaf, [wrap(Wrt()(unwrap(part))) for part in parts]) if parts else leaf


def _with_constants(leaf: Any) -> Any:
    """``leaf`` with the numbers that it holds as constants of the graph: what a traced function captured, or wrote."""
    if isinstance(leaf, xr.DataArray):
        return leaf.copy(deep=False, data=_constant(leaf.variable.data, leaf.dims))
    if isinstance(leaf, xr.Dataset):
        variables = leaf.data_vars.items()
        return leaf.copy(
            deep=False, data={k: _constant(v.variable.data, v.dims) for k, v in variables}
        )
    if isinstance(leaf, int | float | complex) and not isinstance(leaf, bool | np.generic):
        return wrap(build.scalar(leaf, weak=True))
    return _constant(leaf) if is_array(leaf) else leaf


def _constant(data: Any, dims: Sequence[Any] | None = None) -> Any:
    if is_traced(data) or not is_numeric(getattr(data, "dtype", None)):
        return data
    return wrap(unwrap(np.asarray(data), dims))


def symbols(tree: Any, role: str) -> Targets:
    """The symbolic arrays of ``tree`` as targets. ``ArgumentError`` where a leaf is none, or is there twice."""
    found = Targets(tree, role, own_names=True)
    seen: dict[Var, str] = {}
    for target in found.each:
        if not target.vars:
            raise ArgumentError(
                f"{role} must be a symbolic array (xgrad.xtensor, or a value inside a traced function),"
                f" not {type(target.leaf).__name__}."
            )
        target.check_whole()
        for v in target.vars:
            if v in seen:
                raise ArgumentError(f"{role} has `{target.name}` twice; name each array once.")
            seen[v] = target.name
    return found


# ---- values that must fit a target: cotangents, tangents -----------------------------------------------------------
def fitted(values: Any, targets: Targets, role: str) -> list[Var]:
    """``values``, a pytree like that of ``targets``, as one variable of a derivative's type for each of their vars.

    Raises ArgumentError for another pytree, DimensionError, SizeMismatchError and AlignmentError for arrays whose dims,
    sizes or labels are not those of the target.
    """
    leaves, structure = flatten(values)
    if structure != targets.structure:
        raise ArgumentError(
            f"the {role} must come in the containers of what they belong to: {len(targets.each)} arrays"
            f" ({_list([t.name for t in targets.each])}); got {len(leaves)} in a {type(values).__name__}."
        )
    pairs = zip(leaves, targets.each, strict=True)
    return [v for value, target in pairs for v in _fitted_leaf(value, target, role)]


def _fitted_leaf(value: Any, target: Target, role: str) -> list[Var]:
    if isinstance(target.leaf, xr.Dataset):
        return [
            _fitted_part(piece, array, var, path, role)
            for piece, array, var, path in zip(
                _pieces(value, target, role), target.arrays, target.vars, target.paths, strict=True
            )
        ]
    labels = target.leaf if isinstance(target.leaf, xr.DataArray) else None
    return [
        _fitted_part(value, array, var, target.name, role, labels)
        for array, var in zip(target.arrays, target.vars, strict=True)
    ]


def _pieces(value: Any, target: Target, role: str) -> list[Any]:
    """The variables of a Dataset of values, in the order of those of the target."""
    names = [name for name, v in target.leaf.data_vars.items() if is_traced(v.variable)]
    if not isinstance(value, xr.Dataset | Mapping) or any(name not in value for name in names):
        given = (
            _list([repr(k) for k in value])
            if isinstance(value, xr.Dataset | Mapping)
            else type(value).__name__
        )
        raise ArgumentError(
            f"the {role} of the Dataset `{target.name}` need its variables {_list(map(repr, names))}; got {given}."
        )
    return [value[name] for name in names]


def _fitted_part(
    value: Any,
    array: TracedArray,
    var: Var,
    path: str,
    role: str,
    labels: xr.DataArray | None = None,
) -> Var:
    """``value`` with the dims of ``var``, which ``array`` shows, in the dtype of a derivative."""
    dims, shape = labels.dims if labels is not None else array.names, array.shape
    if isinstance(value, xr.DataArray):
        if labels is not None:
            _check_labels(value, labels, path, role)
            value = value.transpose(*dims)
        value = value.variable.data
    if np.shape(value) != shape:
        raise SizeMismatchError(
            f"the {role} of `{path}` have the shape {np.shape(value)}; `{path}` has {_sizes(dims, shape)}."
        )
    return _laid_back(value, array, var)


def _laid_back(value: Any, array: TracedArray, var: Var) -> Var:
    """``value``, an array in the layout of ``array``, as a variable of the dims of ``var``."""
    shown = [name for name in array.names if not is_new(name)]
    given = value if is_traced(value) else np.asarray(value)
    squeezed = given.reshape(
        [n for name, n in zip(array.names, array.shape, strict=True) if not is_new(name)]
    )
    found = unwrap(squeezed, shown)
    return build.cast(build.transpose(found, var.type.dims), cotangent_dtype(var.type.dtype))


def _check_labels(value: xr.DataArray, like: xr.DataArray, path: str, role: str) -> None:
    if set(value.dims) != set(like.dims):
        raise DimensionError(
            f"the {role} of `{path}` have the dims {value.dims}; `{path}` has {like.dims}."
        )
    for dim in like.dims:
        if value.sizes[dim] != like.sizes[dim]:
            raise SizeMismatchError(
                f"the {role} of `{path}` have size {value.sizes[dim]} along {dim!r}; `{path}` has {like.sizes[dim]}."
            )
        ours, theirs = like.xindexes.get(dim), value.xindexes.get(dim)
        if ours is not None and theirs is not None and not ours.equals(theirs):
            raise AlignmentError(
                f"the {role} of `{path}` have other labels along {dim!r} than `{path}`.\n"
                "Align them first: values.reindex_like(array)."
            )


def _sizes(dims: Sequence[Any], shape: Sequence[int]) -> str:
    return (
        "("
        + ", ".join(
            [str(n) if is_new(d) else f"{d}: {n}" for d, n in zip(dims, shape, strict=True)]
        )
        + ")"
    )


def _list(names: Any) -> str:
    return ", ".join([str(name) for name in names])
