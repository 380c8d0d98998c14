"""Renaming dims: a node of its own; or, of a value that nobody holds yet, another name in the op that owns the dim."""

import numpy as np
import pytest

from xgrad.axes.elementwise import Add
from xgrad.errors import DimensionError
from xgrad.graph import Graph, Var, check
from xgrad.names import XRename, XType, build
from xgrad.names.base import then


def var(name: str = "x", **sizes: int) -> Var:
    return Var(XType(tuple(sizes), tuple(sizes.values()), np.dtype(float)), name=name)


def array(**sizes: int) -> Var:
    return build.constant(np.zeros(tuple(sizes.values())), sizes)


INT = np.dtype(int)
X = var(a=4, b=3, c=6)
K = Var(XType(("p",), (2,), INT), name="k")

OWNED = {  # a variable, and the dims that its op owns
    "constant": (array(a=4, b=3), "ab"),
    "iota": (build.iota("a", 4), "a"),
    "concat": (build.concat([X, X], "a"), "a"),
    "concat_new": (build.concat([X, X], "new"), ["new"]),
    "pad": (build.pad(X, {"a": (1, 0), "c": (0, 2)}, build.scalar(0.0)), "ac"),
    "window": (build.window(X, "a", "w", 2), "aw"),
    "merge": (build.merge(X, ["a", "b"], "ab"), ["ab"]),
    "split": (build.split(X, "c", {"c1": 2, "c2": 3}), ["c1", "c2"]),
    "broadcast": (build.broadcast(X, ("n", "a", "b", "c"), (2, 4, 3, 6)), "n"),
    "slice": (build.index(X, {"a": slice(1, 3), "b": 0}), "a"),
    "take": (build.index(X, {"a": K, "b": slice(None, None, -1)}), "pb"),
}


@pytest.mark.parametrize("case", OWNED)
def test_a_rename_folds_into_the_op_that_owns_the_dims(case: str) -> None:
    x, owned = OWNED[case]
    mapping = {dim: f"new_{dim}" for dim in owned}
    y = build.rename_new(x, mapping)
    assert type(y.op) is type(x.op)
    assert y.type == x.type._replace(dims=tuple(mapping.get(d, d) for d in x.type.dims))
    assert build.rename_new(y, {new: old for old, new in mapping.items()}).op == x.op
    check(Graph([v for v in (X, K) if v in x.inputs], [y]))


@pytest.mark.parametrize("case", OWNED)
def test_a_rename_of_another_dim_is_a_node(case: str) -> None:
    x, owned = OWNED[case]
    others = [d for d in x.type.dims if d not in owned]
    for dim in others:
        y = build.rename_new(x, {dim: "z"})
        assert isinstance(y.op, XRename) and y.inputs == (x,)


def test_names_swap() -> None:
    x = array(a=2, b=3)
    y = build.rename_new(x, {"a": "b", "b": "a"})
    assert y.type.sizes == {"b": 2, "a": 3}
    assert y.inputs == ()


def test_names_of_window_dims_swap() -> None:
    x = build.window(var(a=5), "a", "w", 2)
    y = build.rename_new(x, {"a": "w", "w": "a"})
    assert y.type.sizes == {"w": 4, "a": 2}
    assert build.rename_new(y, {"a": "w", "w": "a"}).op == x.op


def test_what_somebody_holds_is_renamed_by_a_node() -> None:
    for x, owned in OWNED.values():
        y = build.rename(x, {dim: f"new_{dim}" for dim in owned})
        assert isinstance(y.op, XRename) and y.inputs == (x,)
        z = build.rename(y, {f"new_{dim}": dim for dim in owned})
        assert z.inputs == (y,) and z.type == x.type


@pytest.mark.parametrize("rename", [build.rename, build.rename_new])
def test_nothing_to_rename_is_the_variable_itself(rename) -> None:
    assert rename(X, {}) is X
    assert rename(X, {"a": "a"}) is X


def test_a_rename_never_makes_a_dim_twice() -> None:
    for x in (X, array(a=2, b=3)):
        with pytest.raises(DimensionError, match=r"^cannot rename: the result would have the dim"):
            build.rename_new(x, {"a": "b"})


def test_an_output_of_a_blockwise_op_is_renamed_alone() -> None:
    x = var(i=3, t=2, j=3)
    (y,) = build.blockwise(Add(), [x, x], [("i", "j")] * 2, [("i", "j")])
    z = build.rename_new(y, {"i": "j", "j": "i"})
    assert y.type.dims == ("t", "i", "j") and z.type.dims == ("t", "j", "i")
    assert z.inputs == (x, x)
    assert isinstance(build.rename_new(y, {"t": "s"}).op, XRename)


@pytest.mark.parametrize(
    ("renames", "mapping", "result"),
    [
        ((), {"a": "b"}, (("a", "b"),)),
        ((("a", "b"),), {"b": "c"}, (("a", "c"),)),
        ((("a", "b"),), {"b": "a"}, ()),
        ((("a", "b"),), {"b": "c", "d": "b"}, (("a", "c"), ("d", "b"))),
    ],
)
def test_renames_compose(renames: tuple, mapping: dict, result: tuple) -> None:
    assert then(renames, mapping) == result
