"""The arguments of a call: labeled arrays, and containers of them; see ``leaves`` for what a guard is."""

from collections.abc import Callable, Hashable, Iterator, Sequence
from typing import Any

import xarray as xr

from xgrad.errors import UnsupportedTypeError, class_name
from xgrad.labels.slots import (
    make_dataarray,
    make_dataset,
    make_variable,
    read_dataarray,
    read_dataset,
    read_variable,
)
from xgrad.transforms.calls.backing import Backing
from xgrad.transforms.calls.guard import (
    LabelsGuard,
    attr_differences,
    became,
    copied_coords,
    same_attrs,
    snapshot,
)
from xgrad.transforms.calls.leaves import (
    AbstractDataGuard,
    ArrayGuard,
    Enter,
    Guard,
    NumberGuard,
    Receiver,
    ReceiverGuard,
    StaticGuard,
    compared,
    data_guard,
    is_array,
    is_constant,
)
from xgrad.transforms.tree import Kind, kind_of


class VariableGuard(AbstractDataGuard):
    """An ``xarray.Variable``: dims and attrs, no coords."""

    __slots__ = ("attrs", "dims")

    def __init__(self, value: xr.Variable, path: str) -> None:
        data, self.dims, attrs = read_variable(value)
        self.attrs = snapshot(attrs)
        self.data = data_guard(data, path, self.dims)

    def holds(self, value: Any, arrays: list[Any]) -> bool:
        if not isinstance(value, xr.Variable):
            return False
        data, dims, attrs = read_variable(value)
        return dims == self.dims and same_attrs(attrs, self.attrs) and self.data.holds(data, arrays)

    def enter(self, value: xr.Variable, enter: Enter) -> xr.Variable:
        entered = self.data.enter(read_variable(value).data, enter)
        return make_variable(self.dims, entered, snapshot(self.attrs))

    def differences(self, new: "VariableGuard", path: str) -> Iterator[str]:
        yield from compared(self.data, new.data, path)
        yield from attr_differences(self.attrs, new.attrs, path)


class DataArrayGuard(AbstractDataGuard):
    """A DataArray: its data, dims, coords, name and attrs."""

    __slots__ = ("attrs", "dims", "labels", "name")

    def __init__(self, value: xr.DataArray, path: str) -> None:
        data, self.dims, attrs, coords, indexes, self.name = read_dataarray(value)
        self.attrs = snapshot(attrs)
        self.data = data_guard(data, path, self.dims)
        self.labels = LabelsGuard(coords, indexes, path)

    @property
    def key(self) -> Hashable:
        return (self.name, self.data.key, self.labels.key)

    def holds(self, value: Any, arrays: list[Any]) -> bool:
        if type(value) is not xr.DataArray:
            return False
        data, dims, attrs, coords, indexes, name = read_dataarray(value)
        return (
            dims == self.dims
            and name == self.name
            and ((not attrs and self.attrs is None) or same_attrs(attrs, self.attrs))
            and self.data.holds(data, arrays)
            and self.labels.holds(coords, indexes)
        )

    def enter(self, value: xr.DataArray, enter: Enter) -> xr.DataArray:
        data, *_, coords, indexes, name = read_dataarray(value)
        entered = self.data.enter(data, enter)
        variable = make_variable(self.dims, entered, snapshot(self.attrs))
        return make_dataarray(variable, copied_coords(coords), name, dict(indexes))

    def differences(self, new: "DataArrayGuard", path: str) -> Iterator[str]:
        yield from compared(self.data, new.data, path)
        yield from self.labels.differences(new.labels, path)
        if self.name != new.name:
            yield became(path, "the name", self.name, new.name)
        yield from attr_differences(self.attrs, new.attrs, path)


class DatasetGuard:
    """A Dataset: its data variables, coords and attrs."""

    __slots__ = ("attrs", "labels", "names", "variables")

    def __init__(self, value: xr.Dataset, path: str) -> None:
        variables, coord_names, attrs, indexes = read_dataset(value)
        self.attrs = snapshot(attrs)
        self.names = list(
            variables
        )  # of coords too; their order is that of to_array, and so of values
        self.labels = LabelsGuard(_within(variables, coord_names), indexes, path)
        self.variables = {
            name: VariableGuard(v, f"{path}[{name!r}]")
            for name, v in variables.items()
            if name not in coord_names
        }

    @property
    def key(self) -> Hashable:
        return (tuple([(k, v.key) for k, v in self.variables.items()]), self.labels.key)

    @property
    def backings(self) -> tuple[Backing | None, ...]:
        return tuple([backing for v in self.variables.values() for backing in v.backings])

    def holds(self, value: Any, arrays: list[Any]) -> bool:
        if type(value) is not xr.Dataset:
            return False
        variables, coord_names, attrs, indexes = read_dataset(value)
        if list(variables) != self.names or not same_attrs(attrs, self.attrs):
            return False
        for name, guard in self.variables.items():
            if name in coord_names or not guard.holds(variables[name], arrays):
                return False
        return self.labels.holds(_within(variables, coord_names), indexes)

    def enter(self, value: xr.Dataset, enter: Enter) -> xr.Dataset:
        variables, coord_names, _, indexes = read_dataset(value)
        coords = copied_coords(_within(variables, coord_names))
        entered = {
            name: coords[name] if name in coords else self.variables[name].enter(v, enter)
            for name, v in variables.items()
        }
        attrs = snapshot(self.attrs)
        return make_dataset(entered, set(coord_names), dict(value.sizes), attrs, dict(indexes))

    def differences(self, new: "DatasetGuard", path: str) -> Iterator[str]:
        if self.names != new.names:
            yield became(path, "the list of variables", self.names, new.names)
        for name, guard in self.variables.items():
            if name in new.variables:
                yield from guard.differences(new.variables[name], f"{path}[{name!r}]")
        yield from self.labels.differences(new.labels, path)
        yield from attr_differences(self.attrs, new.attrs, path)


def _within(variables: dict, names: set) -> dict:
    return {name: v for name, v in variables.items() if name in names}


class ContainerGuard:
    """A tuple, list, dict, dataclass or DataTree of arguments."""

    __slots__ = ("_kind", "_type", "_what", "children")

    def __init__(self, value: Any, path: str) -> None:
        self._type = type(value)
        self._kind: Kind = kind_of(value)  # pyright: ignore[reportAttributeAccessIssue]
        self._what, children = self._kind.split(value)
        self.children = tuple(
            [guard_of(c, path + self._kind.step(self._what, i)) for i, c in enumerate(children)]
        )

    @property
    def key(self) -> Hashable:
        return (self._type, self._what, *[child.key for child in self.children])

    @property
    def backings(self) -> tuple[Backing | None, ...]:
        return tuple([backing for child in self.children for backing in child.backings])

    def holds(self, value: Any, arrays: list[Any]) -> bool:
        if type(value) is not self._type:
            return False
        what, children = self._kind.split(value)
        if what != self._what:
            return False
        return all(
            [g.holds(child, arrays) for g, child in zip(self.children, children, strict=True)]
        )

    def enter(self, value: Any, enter: Enter) -> Any:
        _, children = self._kind.split(value)
        entered = [g.enter(c, enter) for g, c in zip(self.children, children, strict=True)]
        return self._kind.join(self._type, self._what, entered)

    def differences(self, new: "ContainerGuard", path: str) -> Iterator[str]:
        if self._type is not new._type:
            yield became(path, "the type", self._type.__name__, new._type.__name__)
        elif self.steps != new.steps:
            yield became(path, "the list of parts", self.steps, new.steps)
        else:
            for old, other, step in zip(self.children, new.children, self.steps, strict=True):
                yield from compared(old, other, path + step)

    @property
    def steps(self) -> list[str]:
        """How the user writes the way to each child."""
        return [self._kind.step(self._what, i) for i in range(len(self.children))]


_GUARDS: dict[type, Callable[[Any, str], Guard]] = {
    xr.DataArray: DataArrayGuard,
    xr.Dataset: DatasetGuard,
    xr.Variable: VariableGuard,
    xr.IndexVariable: VariableGuard,
    int: NumberGuard,
    float: NumberGuard,
    complex: NumberGuard,
    Receiver: ReceiverGuard,
}


def guard_of(value: Any, path: str) -> Guard:
    """What a trace assumes of the argument (or part of one) that the user writes as ``path``.

    Raises ``UnsupportedTypeError`` where it is neither an array, a number, a container of them, nor a constant.
    """
    make = _GUARDS.get(type(value))
    if make is not None:
        return make(value, path)
    if kind_of(value) is not None:
        return ContainerGuard(value, path)
    if is_array(value):
        return ArrayGuard(value, path)
    if is_constant(value):
        return StaticGuard(value, path)
    raise UnsupportedTypeError(_not_a_leaf(value, path))


def _not_a_leaf(value: Any, path: str) -> str:
    return (
        f"`{path}` is a {class_name(value)}, which can be neither traced nor compared between calls.\n"
        "Pass DataArrays, Datasets, NumPy or JAX arrays, numbers, containers of them, or hashable constants;"
        " an object that is fixed for the call can be named in static_argnames."
    )


class CallGuard:
    """What a trace assumed of all the arguments of a call."""

    __slots__ = ("_holds", "_keywords", "_positional")

    def __init__(self, positional: Sequence[Guard], keywords: dict[str, Guard]) -> None:
        self._positional = tuple(positional)
        self._keywords = tuple(keywords.items())
        self._holds = tuple(
            [guard.holds for guard in positional]
        )  # looked up once, not at every call

    @property
    def guards(self) -> tuple[Guard, ...]:
        """Of each argument: positional ones, then keywords in the order of the call that was traced."""
        return (*self._positional, *[guard for _, guard in self._keywords])

    @property
    def key(self) -> Hashable:
        keywords = tuple([(name, guard.key) for name, guard in self._keywords])
        return (tuple([guard.key for guard in self._positional]), keywords)

    @property
    def backing(self) -> Backing:
        """Where results live: with JAX where any array of the arguments does."""
        return "jax" if any("jax" in guard.backings for guard in self.guards) else "numpy"

    def arrays(self, args: tuple, kwargs: dict[str, Any]) -> list[Any] | None:
        """The arrays of a call for which everything assumed holds, else None."""
        if len(args) != len(self._holds) or len(kwargs) != len(self._keywords):
            return None
        arrays: list[Any] = []
        for holds, value in zip(self._holds, args, strict=True):
            if not holds(value, arrays):
                return None
        for name, guard in self._keywords:
            if name not in kwargs or not guard.holds(kwargs[name], arrays):
                return None
        return arrays

    def enter(
        self, args: tuple, kwargs: dict[str, Any], enter: Enter
    ) -> tuple[list, dict[str, Any]]:
        """The arguments as the traced function sees them."""
        traced = [g.enter(value, enter) for g, value in zip(self._positional, args, strict=True)]
        return traced, {name: g.enter(kwargs[name], enter) for name, g in self._keywords}

    def differences(self, new: "CallGuard", names: Sequence[str]) -> Iterator[str]:
        """What is not the same in another call, in words; ``names`` are those of the positional arguments."""
        if len(self._positional) != len(new._positional):
            counts = (len(self._positional), len(new._positional))
            yield became("the call", "the number of positional arguments", *counts)
        pairs = zip(self._positional, new._positional, names, strict=False)
        keywords, others = dict(self._keywords), dict(new._keywords)
        if keywords.keys() != others.keys():
            yield became("the call", "the list of keywords", sorted(keywords), sorted(others))
        common = [(keywords[name], others[name], name) for name in keywords if name in others]
        for old, other, name in [*pairs, *common]:
            yield from compared(old, other, name)
