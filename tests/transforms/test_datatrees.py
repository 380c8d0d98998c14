"""DataTrees as arguments, results, captured constants and gradient targets."""

import numpy as np
import pytest
import xarray as xr

import xgrad as xg

TREE = xr.DataTree.from_dict(
    {
        "/": xr.Dataset(
            {"a": ("t", [1.0, 2.0, 3.0])}, coords={"t": [1, 2, 3]}, attrs={"source": "made up"}
        ),
        "/low": xr.Dataset({"b": ("t", [1.0, 4.0, 9.0])}),
        "/low/deep": xr.Dataset({"c": 2.0}),
        "/counts": xr.Dataset({"i": ("u", [1, 2])}),
    },
    name="basin",
)
NAMED = TREE.assign(place=xr.DataArray(["x", "y", "z"], dims="t"))


def with_member(tree):
    tree = tree.copy()
    tree["low/new"] = tree["low/b"] * 3
    return tree


PROGRAMS = {
    "untouched": lambda t: t,
    "arithmetic": lambda t: t * 2 + 1,
    "of two": lambda t: t + t,
    "mapped": lambda t: t.map_over_datasets(lambda d: d.mean() if d.data_vars else d),
    "mapped over two": lambda t: xr.map_over_datasets(lambda a, b: a - 2 * b, t, t),
    "a member": lambda t: t["low/b"] * 2,
    "members of two levels": lambda t: t["low"].b * t.a,
    "reduced": lambda t: t.mean(),
    "reduced along a dim": lambda t: t.sum("t"),
    "one step": lambda t: t.isel(t=0),
    "by label": lambda t: t.sel(t=[1, 3]),
    "a node as a Dataset": lambda t: t["low"].to_dataset() * 2,
    "assigned": lambda t: t.assign(z=t.a * 2),
    "a new member": with_member,
    "made anew": lambda t: xr.DataTree.from_dict({"/q": t["low"].to_dataset() * 2}),
    "filtered": lambda t: t.filter(lambda node: "b" in node.data_vars),
    "matched": lambda t: t.match("low*"),
    "captured": lambda t: TREE * t.a.sum(),
}


@pytest.mark.parametrize("name", PROGRAMS)
def test_as_in_eager_code(name: str):
    xr.testing.assert_identical(xg.jit(PROGRAMS[name])(TREE), PROGRAMS[name](TREE))


def test_a_node_as_a_result_is_a_copy_of_it():
    found = xg.jit(lambda t: t["low"])(TREE)
    xr.testing.assert_identical(found, TREE["low"].copy())


def test_strings_pass_through():
    xr.testing.assert_identical(xg.jit(lambda t: t)(NAMED), NAMED)


def test_in_containers():
    given = {"tree": TREE, "k": 3.0}
    found = xg.jit(lambda d: (d["tree"]["low/b"] * d["k"], d["tree"]))(given)
    xr.testing.assert_identical(found[0], TREE["low/b"] * 3.0)
    xr.testing.assert_identical(found[1], TREE)


@pytest.mark.parametrize("ad", ["symbolic", "jax"])
def test_gradients_are_trees(ad: str):
    def cost(t):
        return (t["low/b"] ** 2).sum() * t["low/deep/c"] + t.a.sum()

    gradient = xg.jit(xg.grad(cost), ad=ad)(NAMED)
    assert isinstance(gradient, xr.DataTree)
    assert gradient.name == "basin" and gradient.attrs == NAMED.attrs
    np.testing.assert_array_equal(gradient["low/b"], [4.0, 16.0, 36.0])
    assert float(gradient["low/deep/c"]) == 98.0
    np.testing.assert_array_equal(gradient.a, [1.0, 1.0, 1.0])
    np.testing.assert_array_equal(gradient["counts/i"], [0.0, 0.0])
    xr.testing.assert_identical(gradient.place, NAMED.place)
    xr.testing.assert_identical(gradient.t, NAMED.t)


def test_a_step_of_descent_is_tree_arithmetic():
    descend = xg.jit(lambda t: t - 0.1 * xg.grad(lambda u: (u["low/b"] ** 2).sum())(t))
    np.testing.assert_allclose(descend(TREE)["low/b"], TREE["low/b"] * 0.8)


def test_equal_trees_share_a_trace():
    program = xg.jit(lambda t: t * 2)
    program(TREE)
    program(TREE.copy(deep=True))
    assert program.cache_info().traces == 1
    later = TREE.map_over_datasets(lambda d: d.assign_coords(t=[4, 5, 6]) if "t" in d.dims else d)
    program(later)
    assert program.cache_info()[:2] == (2, 1)


def test_the_callers_tree_stays_as_it_is():
    def write(tree):
        tree["low/new"] = tree["low/b"]
        tree["a"] = tree.a * 2
        return tree

    before = TREE.copy(deep=True)
    xg.jit(write)(TREE)
    xr.testing.assert_identical(TREE, before)
