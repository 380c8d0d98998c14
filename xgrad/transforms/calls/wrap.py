"""Results, leaf by leaf: what a trace returned, as templates that make the same around the arrays of each call.

Labels were computed once, while tracing. A result shares with the template only what nobody can write to: index coords
without attrs and encoding. All else is made anew, so that users may change a result in place.
"""

import copy
import io
from collections.abc import Callable, Hashable, Iterator, Sequence
from typing import Any, Protocol

import numpy as np
import xarray as xr

from xgrad.errors import UnsupportedTypeError, class_name
from xgrad.graph import Var
from xgrad.labels import is_traced, unwrap
from xgrad.labels.chosen import ChosenLabels
from xgrad.labels.slots import (
    Indexes,
    copied_coord,
    make_dataarray,
    make_dataset,
    make_variable,
    read_dataarray,
    read_dataset,
    read_extras,
    read_variable,
)
from xgrad.transforms.tree import flatten, unflatten

Output = Callable[
    [Any], int
]  # registers a traced array as an output of the graph: its position among them


class Template(Protocol):
    """Makes one leaf of a result from all output arrays of a call."""

    def build(self, arrays: Sequence[Any]) -> Any:
        """The leaf for these arrays."""
        ...

    def plain(self, arrays: Sequence[Any]) -> Any:
        """The leaf without labels: its array, or a dict of arrays for a Dataset."""
        ...


class ArrayTemplate:
    """A traced array without labels."""

    __slots__ = ("_position",)

    def __init__(self, value: Any, output: Output) -> None:
        self._position = output(value)

    def build(self, arrays: Sequence[Any]) -> Any:
        array = arrays[self._position]
        return array[()] if type(array) is np.ndarray and not array.ndim else array

    def plain(self, arrays: Sequence[Any]) -> Any:
        return arrays[self._position]


class VariableTemplate:
    """A Variable of traced data."""

    __slots__ = ("_attrs", "_dims", "_position")

    def __init__(self, value: xr.Variable, output: Output) -> None:
        data, self._dims, attrs = read_variable(value)
        self._attrs = attrs or None
        self._position = output(data)

    def build(self, arrays: Sequence[Any]) -> xr.Variable:
        attrs = self._attrs
        return make_variable(self._dims, arrays[self._position], attrs and dict(attrs))

    def plain(self, arrays: Sequence[Any]) -> Any:
        return arrays[self._position]


_NOTHING = ((None, None), ({}, None), (None, {}), ({}, {}))  # no attrs, no encoding


class CoordTemplate:
    """A concrete coord or variable: shared where nothing in it can be written to, copied otherwise."""

    __slots__ = ("_shareable", "_variable")

    def __init__(self, value: xr.Variable) -> None:
        self._variable = copied_coord(value)
        self._shareable = isinstance(value, xr.IndexVariable) and not any(read_extras(value))

    def build(self, arrays: Sequence[Any]) -> xr.Variable:
        if self._shareable and read_extras(self._variable) in _NOTHING:
            return self._variable
        return self._copy()

    def plain(self, arrays: Sequence[Any]) -> Any:
        return self._variable.values

    def _copy(self) -> xr.Variable:
        """A copy; of an index coord that a user has written attrs or encoding into, one without them."""
        new = copied_coord(self._variable)
        if self._shareable:
            new.attrs, new.encoding = {}, {}
            self._variable = new
        return new


class LabelsTemplate:
    """A Variable of labels chosen by traced positions: they are looked up in their table."""

    __slots__ = ("_attrs", "_dims", "_position", "_table")

    def __init__(self, value: xr.Variable, output: Output) -> None:
        labels, self._dims, attrs = read_variable(value)
        self._attrs = attrs or None
        self._table = labels.table
        self._position = output(labels.places)

    def build(self, arrays: Sequence[Any]) -> xr.Variable:
        attrs = self._attrs
        return make_variable(self._dims, self.plain(arrays), attrs and dict(attrs))

    def plain(self, arrays: Sequence[Any]) -> Any:
        return np.asarray(self._table[np.asarray(arrays[self._position])])


class DataArrayTemplate:
    """A DataArray of which the data, or a coord, is traced."""

    __slots__ = ("_coords", "_indexes", "_name", "_to_index", "_variable")

    def __init__(self, value: xr.DataArray, output: Output) -> None:
        *_, coords, indexes, self._name = read_dataarray(value)
        self._variable = _part(value.variable, output)
        self._coords = [(name, _part(v, output).build) for name, v in coords.items()]
        self._indexes = dict(indexes)
        self._to_index = _to_index(coords, indexes)

    def build(self, arrays: Sequence[Any]) -> xr.DataArray:
        coords = {}
        for name, build in self._coords:  # no comprehension: its frame costs more than the loop
            coords[name] = build(arrays)
        indexes = self._indexes.copy()
        for name in self._to_index:
            _index(name, coords, indexes)
        return make_dataarray(self._variable.build(arrays), coords, self._name, indexes)

    def plain(self, arrays: Sequence[Any]) -> Any:
        return self._variable.plain(arrays)


class DatasetTemplate:
    """A Dataset."""

    __slots__ = ("_attrs", "_coord_names", "_indexes", "_sizes", "_to_index", "_variables")

    def __init__(self, value: xr.Dataset, output: Output) -> None:
        variables, coord_names, self._attrs, indexes = read_dataset(value)
        self._variables = [(name, _part(v, output)) for name, v in variables.items()]
        self._coord_names = set(coord_names)
        self._sizes = dict(value.sizes)
        self._indexes = dict(indexes)
        self._to_index = _to_index({k: variables[k] for k in coord_names}, indexes)

    def build(self, arrays: Sequence[Any]) -> xr.Dataset:
        variables: dict[Hashable, Any] = {k: part.build(arrays) for k, part in self._variables}
        attrs = dict(self._attrs) if self._attrs else None
        indexes = self._indexes.copy()
        for name in self._to_index:
            _index(name, variables, indexes)
        return make_dataset(variables, self._coord_names.copy(), self._sizes.copy(), attrs, indexes)

    def plain(self, arrays: Sequence[Any]) -> dict[Hashable, Any]:
        names = self._coord_names
        return {k: part.plain(arrays) for k, part in self._variables if k not in names}


class ConcreteTemplate:
    """Anything that holds no traced data: arrays are copied for each call, other objects handed out as they are."""

    __slots__ = ("_value",)

    def __init__(self, value: Any) -> None:
        if isinstance(value, _USED_UP):
            raise UnsupportedTypeError(_not_a_result(value))
        self._value = copy.copy(value) if isinstance(value, np.ndarray) else value

    def build(self, arrays: Sequence[Any]) -> Any:
        value = self._value
        return value.copy() if isinstance(value, np.ndarray) else value

    def plain(self, arrays: Sequence[Any]) -> Any:
        return self.build(arrays)


_USED_UP = (io.IOBase, Iterator)  # open files, generators: what one caller takes from them is gone


def _not_a_result(value: Any) -> str:
    return (
        f"the function returned a {class_name(value)}, which was made once, while it was traced, and cannot be made"
        " anew by the compiled function.\nReturn labeled arrays, arrays, numbers, containers of them, or constants."
    )


def _part(
    variable: xr.Variable, output: Output
) -> VariableTemplate | LabelsTemplate | CoordTemplate:
    data = read_variable(variable)[0]
    if isinstance(data, ChosenLabels):
        return LabelsTemplate(variable, output)
    return VariableTemplate(variable, output) if is_traced(data) else CoordTemplate(variable)


def _to_index(coords: dict[Hashable, xr.Variable], indexes: Indexes) -> list[Hashable]:
    """The coords along their own dim that get an index when their labels are known: the traced ones have none."""
    return [
        name
        for name, v in coords.items()
        if v.dims == (name,) and name not in indexes and is_traced(read_variable(v)[0])
    ]


def _index(name: Hashable, variables: dict[Hashable, Any], indexes: Indexes) -> None:
    """Make the coord ``name`` an index."""
    index = xr.indexes.PandasIndex.from_variables({name: variables[name]}, options={})
    variables.update(index.create_variables({name: variables[name]}))
    indexes[name] = index


_TEMPLATES: tuple[tuple[type, Callable[[Any, Output], Template]], ...] = (
    (xr.DataArray, DataArrayTemplate),
    (xr.Dataset, DatasetTemplate),
    (xr.Variable, _part),
)


def _template(value: Any, output: Output) -> Template:
    for cls, make in _TEMPLATES:
        if isinstance(value, cls):
            return make(value, output)
    return ArrayTemplate(value, output) if is_traced(value) else ConcreteTemplate(value)


class ResultTemplate:
    """The whole result of a traced function; ``outputs`` are the variables that its arrays are computed from."""

    __slots__ = ("_leaves", "_structure", "build", "outputs")

    def __init__(self, result: Any) -> None:
        """Must be called while the trace is open."""
        self.outputs: list[Var] = []
        leaves, self._structure = flatten(result)
        self._leaves = [_template(leaf, self._output) for leaf in leaves]
        alone = result is leaves[0] if len(leaves) == 1 else False
        self.build: Callable[[Sequence[Any]], Any] = (
            self._leaves[0].build if alone else self._build_all
        )

    def _output(self, traced: Any) -> int:
        self.outputs.append(unwrap(traced))
        return len(self.outputs) - 1

    def _build_all(self, arrays: Sequence[Any]) -> Any:
        return unflatten(self._structure, [leaf.build(arrays) for leaf in self._leaves])

    def plain(self, arrays: Sequence[Any]) -> Any:
        """The result's arrays without labels, in its containers."""
        return unflatten(self._structure, [leaf.plain(arrays) for leaf in self._leaves])
