"""Pytrees: apart and together again, and how their leaves are called."""

import collections
import dataclasses
from typing import NamedTuple

import xarray as xr

from xgrad.transforms.tree import flatten, leaf_paths, tree_map, unflatten


class Pair(NamedTuple):
    left: object
    right: object


@dataclasses.dataclass(frozen=True)
class Point:
    x: object
    y: object = dataclasses.field(default=0, kw_only=True)

    def __post_init__(self):
        if self.x == "traced":
            raise AssertionError("must not be called with traced values")


class Counter(dict):
    def __init__(self, start, **items):
        super().__init__(**items)
        self.start = start


TREE = {
    "a": (1, [2, Pair(3, None)]),
    "b": Point(4, y={"k": 5}),
    "c": (),
    7: collections.OrderedDict(z=6),
}


def test_there_and_back():
    leaves, structure = flatten(TREE)
    assert leaves == [1, 2, 3, None, 4, 5, 6]
    back = unflatten(structure, leaves)
    assert back == TREE
    assert (type(back["a"][1][1]), type(back["b"]), type(back[7])) == (
        Pair,
        Point,
        collections.OrderedDict,
    )


def test_structures_are_values():
    assert flatten(TREE)[1] == flatten(tree_map(str, TREE))[1]
    assert hash(flatten(TREE)[1]) == hash(flatten(TREE)[1])
    assert flatten((1, 2))[1] != flatten([1, 2])[1]
    assert flatten({"a": 1})[1] != flatten({"b": 1})[1]


def test_paths_are_what_a_user_writes():
    paths = leaf_paths(flatten(TREE)[1], "p")
    assert paths == [
        "p['a'][0]",
        "p['a'][1][0]",
        "p['a'][1][1].left",
        "p['a'][1][1].right",
        "p['b'].x",
        "p['b'].y['k']",
        "p[7]['z']",
    ]


def test_a_dataclass_is_rebuilt_without_its_checks():
    assert tree_map(lambda leaf: "traced", Point(1)).x == "traced"


def test_a_subclass_of_dict_keeps_what_it_holds_besides():
    back = tree_map(lambda leaf: leaf + 1, Counter(3, a=1))
    assert type(back) is Counter and back.start == 3 and back == {"a": 2}


def test_a_datatree_is_a_container_of_datasets():
    tree = xr.DataTree.from_dict(
        {"/": xr.Dataset({"a": 1}), "/low/x": xr.Dataset({"b": 2})}, name="t"
    )
    leaves, structure = flatten(tree)
    assert [type(leaf) for leaf in leaves] == [xr.Dataset] * 3
    xr.testing.assert_identical(unflatten(structure, leaves), tree)
    assert leaf_paths(structure, "t")[-1] == "t['low/x']"


def test_labeled_arrays_are_leaves():
    x = xr.DataArray([1.0])
    assert flatten([x])[0][0] is x
