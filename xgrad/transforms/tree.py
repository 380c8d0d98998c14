"""Pytrees: tuples, lists, dicts, NamedTuples, dataclasses and DataTrees of leaves, nested as one likes.

A container kind is one row of a table: how to take a value apart, how to put it together, how to write the path to a
child. Nothing here knows what the leaves are.
"""

import copy
import dataclasses
from collections.abc import Callable, Hashable, Sequence
from typing import Any, NamedTuple

import xarray as xr


class Kind(NamedTuple):
    """A kind of container: ``split(value) -> (what, children)``, ``join(type, what, children) -> value``.

    ``what`` is hashable and says all that is not in the children: keys, names of fields. ``step(what, i)`` writes the
    way from a container to its i-th child as the user would.
    """

    split: Callable[[Any], tuple[Hashable, Sequence[Any]]]
    join: Callable[[type, Any, Sequence[Any]], Any]
    step: Callable[[Any, int], str]


class Leaf(NamedTuple):
    """The structure of a leaf."""


class Branch(NamedTuple):
    """The structure of a container: hashable, equal for equal structures."""

    type: type
    kind: Kind
    what: Any
    children: tuple["Structure", ...]


Structure = Leaf | Branch
LEAF = Leaf()


class _Fields(NamedTuple):
    """The fields of a dataclass that hold children, and the values of those that are marked static, as JAX does."""

    names: tuple[str, ...]
    static: tuple[tuple[str, Hashable], ...]


def _join_dataclass(cls: type, fields: _Fields, children: Sequence[Any]) -> Any:
    value = object.__new__(
        cls
    )  # not cls(...): __post_init__ may look at values, which are traced here
    for name, child in (*zip(fields.names, children, strict=True), *fields.static):
        object.__setattr__(value, name, child)
    return value


def _split_dataclass(value: Any) -> tuple[Hashable, Sequence[Any]]:
    names, static = [], []
    for f in dataclasses.fields(value):
        (static if f.metadata.get("static") else names).append(f.name)
    fields = _Fields(tuple(names), tuple([(name, getattr(value, name)) for name in static]))
    return fields, [getattr(value, name) for name in names]


def _join_mapping(cls: type, what: tuple[Any, ...], children: Sequence[Any]) -> Any:
    empty, *keys = what
    value = copy.copy(empty.value)  # keeps what a subclass holds besides its items
    value.update(zip(keys, children, strict=True))
    return value


class _Empty:
    """An emptied dict of a subclass, equal to every other one: the keys beside it tell structures apart."""

    __slots__ = ("value",)

    def __init__(self, value: dict) -> None:
        self.value = copy.copy(value)
        self.value.clear()

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Empty)

    def __hash__(self) -> int:
        return 0


def _split_datatree(value: xr.DataTree) -> tuple[Hashable, Sequence[Any]]:
    nodes = {  # a member of a larger tree keeps the coords that it inherits
        path: node.to_dataset(inherit=node is value) for path, node in value.subtree_with_keys
    }
    return (value.name, *nodes), list(nodes.values())


def _join_datatree(cls: type, what: tuple[Any, ...], children: Sequence[Any]) -> Any:
    name, *paths = what
    if not all(isinstance(child, xr.Dataset) for child in children):
        return dict(
            zip(paths, children, strict=True)
        )  # what a DataTree cannot hold, such as rows of blocks
    return xr.DataTree.from_dict(dict(zip(paths, children, strict=True)), name=name)


def _item(what: Any, i: int) -> str:
    return f"[{i}]"


TUPLE = Kind(lambda v: (len(v), v), lambda cls, n, kids: tuple(kids), _item)
LIST = Kind(lambda v: (len(v), v), lambda cls, n, kids: list(kids), _item)
NAMEDTUPLE = Kind(
    lambda v: (v._fields, v), lambda cls, n, kids: cls(*kids), lambda f, i: f".{f[i]}"
)
DICT = Kind(
    lambda v: (tuple(v), tuple(v.values())),
    lambda cls, keys, kids: dict(zip(keys, kids, strict=True)),
    lambda keys, i: f"[{keys[i]!r}]",
)
MAPPING = Kind(
    lambda v: ((_Empty(v), *v), tuple(v.values())), _join_mapping, lambda w, i: f"[{w[i + 1]!r}]"
)
DATACLASS = Kind(_split_dataclass, _join_dataclass, lambda fields, i: f".{fields.names[i]}")
DATATREE = Kind(_split_datatree, _join_datatree, lambda w, i: f"[{w[i + 1]!r}]")

_KINDS: dict[type, Kind | None] = {tuple: TUPLE, list: LIST, dict: DICT, xr.DataTree: DATATREE}


def kind_of(value: Any) -> Kind | None:
    """The kind of container that ``value`` is; None for a leaf."""
    cls = type(value)
    try:
        return _KINDS[cls]
    except KeyError:
        return _KINDS.setdefault(cls, kind_of_type(cls))


def kind_of_type(cls: type) -> Kind | None:
    """The kind of container that values of a class are; None for leaves."""
    if cls in _KINDS:
        return _KINDS[cls]
    if issubclass(cls, tuple):
        return NAMEDTUPLE if hasattr(cls, "_fields") else None
    if issubclass(cls, dict):
        return MAPPING
    return DATACLASS if dataclasses.is_dataclass(cls) else None


def flatten(value: Any) -> tuple[list[Any], Structure]:
    """The leaves of ``value``, left to right, and its structure."""
    leaves: list[Any] = []
    return leaves, _flatten_into(value, leaves)


def _flatten_into(value: Any, leaves: list[Any]) -> Structure:
    kind = kind_of(value)
    if kind is None:
        leaves.append(value)
        return LEAF
    what, children = kind.split(value)
    return Branch(type(value), kind, what, tuple([_flatten_into(c, leaves) for c in children]))


def unflatten(structure: Structure, leaves: Sequence[Any]) -> Any:
    """The inverse of ``flatten``."""
    rest = iter(leaves)
    value = _unflatten_from(structure, rest)
    if next(rest, LEAF) is not LEAF:
        raise AssertionError("more leaves than the structure has")
    return value


def _unflatten_from(structure: Structure, rest: Any) -> Any:
    if isinstance(structure, Leaf):
        return next(rest)
    children = [_unflatten_from(child, rest) for child in structure.children]
    return structure.kind.join(structure.type, structure.what, children)


def tree_map(function: Callable[..., Any], value: Any) -> Any:
    """``value`` with ``function`` applied to each leaf."""
    leaves, structure = flatten(value)
    return unflatten(structure, [function(leaf) for leaf in leaves])


def leaf_paths(structure: Structure, root: str = "") -> list[str]:
    """How a user would write each leaf: ``params['k'][0].rate``."""
    if isinstance(structure, Leaf):
        return [root]
    paths: list[str] = []
    for i, child in enumerate(structure.children):
        paths += leaf_paths(child, root + structure.kind.step(structure.what, i))
    return paths
