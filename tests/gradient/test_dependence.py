"""Which ops keep the entries along a dim apart: a row per op, checked by the numbers of its Jacobian too."""

from collections.abc import Callable

import numpy as np
import pytest

from xgrad.axes.elementwise import Add, Exp, Greater, Multiply, Subtract
from xgrad.axes.interpret import evaluate
from xgrad.axes.linalg import Inv
from xgrad.gradient.batched import batch
from xgrad.gradient.dependence import HOLDING, RULES, Apart, Mixed, State, Summed, dependence
from xgrad.gradient.jacobian import Block, blocks_of, plan_for
from xgrad.gradient.lazy import Wrt, lazy_pullback, lazy_pushforward
from xgrad.graph import Graph, Op, Var
from xgrad.lower.pipeline import reference_graph
from xgrad.names import AbstractXOp, XArgsort, XConstant, XIota, XType, build


def var(name: str, **sizes: int) -> Var:
    return Var(XType(tuple(sizes), tuple(sizes.values()), np.dtype(float)), name=name)


X = var("x", t=4, k=3)
Y = var("y", t=4)
P = build.constant([2, 0, 1], ["p"])
PER_T = build.constant([2, 0, 1, 1], ["t"])


def exp(x: Var) -> Var:
    return build.elemwise(Exp(), x)


def times(x: Var, y: Var) -> Var:
    return build.elemwise(Multiply(), x, y)


def plus(x: Var, y: Var) -> Var:
    return build.elemwise(Add(), x, y)


def total(x: Var, *dims: str) -> Var:
    return build.reduce("sum", x, dims or x.type.dims)


def renamed(x: Var) -> Var:
    return build.rename(exp(x), {"t": "s"})


def inverted(x: Var) -> Var:
    eye = build.constant(np.eye(3), ("k", "j"))
    matrices = plus(times(x, build.rename(x, {"k": "j"})), eye)
    return build.blockwise(Inv(), [matrices], [("k", "j")], [("k", "j")])[0]


APART: dict[str, Callable[[Var], Var]] = {  # functions that keep entries along t apart
    "elementwise": lambda x: plus(exp(x), times(x, Y)),
    "only compared across": lambda x: build.where(
        build.elemwise(Greater(), x, build.reduce("max", x, ["t"])), x, Y
    ),
    "reduced elsewhere": lambda x: build.reduce("max", x, ["k"]),
    "running elsewhere": lambda x: build.cumreduce("prod", x, "k"),
    "dot elsewhere": lambda x: build.dot([x, x], ["k"]),
    "sorted elsewhere": lambda x: build.sort(x, "k"),
    "indexed elsewhere": lambda x: build.index(x, {"k": 1}),
    "point by point": lambda x: build.index(x, {"k": PER_T}, "promise"),
    "written elsewhere": lambda x: build.index_update(x, Y, {"k": 0}),
    "written into": lambda x: build.index_update(x, build.scalar(0.0), {"t": 1}),
    "joined elsewhere": lambda x: build.concat([x, exp(x)], "k"),
    "padded elsewhere": lambda x: build.pad(x, {"k": (1, 1)}, build.scalar(0.0)),
    "windows elsewhere": lambda x: build.window(x, "k", "w", 2),
    "split elsewhere": lambda x: build.split(
        build.index(x, {"k": slice(2)}), "k", {"a": 1, "b": 2}
    ),
    "merged elsewhere": lambda x: build.merge(
        build.broadcast(x, ("t", "k", "n"), (4, 3, 2)), ["k", "n"], "z"
    ),
    "transposed": lambda x: build.transpose(x, ["k", "t"]),
    "marked": lambda x: Wrt()(exp(x)),
    "core dims elsewhere": inverted,
    "pulled back": lambda x: lazy_pullback([exp(x)], [x], [exp(x)])[0],
    "gradient of a sum": lambda x: lazy_pullback([total(exp(x))], [x], [build.scalar(1.0)])[0],
    "gradient of a mean of squares": lambda x: lazy_pullback(
        [times(build.dot([x, x], ["t", "k"]), build.scalar(0.5))], [x], [build.scalar(1.0)]
    )[0],
    "gradient by a partner": lambda x: lazy_pullback(
        [total(times(exp(x), Y))], [Y], [build.scalar(1.0)]
    )[0],
    "pushed forward": lambda x: lazy_pushforward([exp(x)], [x], [x])[0],
    "batched over it": lambda x: over_t(x),
    "batched elsewhere": lambda x: over_k(x),
}


def over_t(x: Var) -> Var:
    row = var("row", k=3)
    return batch([total(exp(row))], {row: x}, "t")[0]


def over_k(x: Var) -> Var:
    column = var("column", t=4)
    return batch([exp(column)], {column: x}, "k")[0]


SUMMED: dict[
    str, tuple[Callable[[Var], Var], str]
] = {  # sums of terms, and the op that adds or moves
    "sum": (lambda x: total(exp(x)), "XReduce sum(t, k)"),
    "scaled sum": (lambda x: plus(times(total(x, "t"), build.scalar(2.0)), Y), "XReduce sum(t)"),
    "difference": (lambda x: build.elemwise(Subtract(), x, total(x, "t")), "XReduce sum(t)"),
    "dot": (lambda x: build.dot([x, x], ["t"]), "XDot(t)"),
    "running sum": (lambda x: build.cumreduce("sum", x, "t"), "XCumReduce sum(t)"),
    "shifted": (lambda x: build.index(x, {"t": slice(1, None)}), "XIndex(t=1:4)"),
    "taken": (lambda x: build.index(x, {"t": P}), "XIndex(t=[…])"),
    "joined": (lambda x: build.concat([x, x], "t"), "XConcat(t)"),
    "padded": (lambda x: build.pad(x, {"t": (1, 0)}, build.scalar(0.0)), "XPad(t: 1+0)"),
    "windows": (lambda x: build.window(x, "t", "w", 2), "XWindow(t, w: 2)"),
    "split": (lambda x: build.split(x, "t", {"a": 2, "b": 2}), "XSplit(t→(a: 2, b: 2))"),
    "merged": (lambda x: build.merge(x, ["t", "k"], "z"), "XMerge((t, k)→z)"),
    "written": (
        lambda x: build.index_update(X, x, {"t": slice(None, None, -1)}),
        "XIndexUpdate set(t=3::-1)",
    ),
    "gradient by what is shared": (
        lambda x: lazy_pullback([total(times(x, Z))], [Z], [build.scalar(1.0)])[0],
        "Pullback",
    ),
}
Z = var("z")

MIXED: dict[str, tuple[Callable[[Var], Var], str]] = {
    "maximum": (lambda x: build.reduce("max", x, ["t"]), "XReduce max(t)"),
    "running product": (lambda x: build.cumreduce("prod", x, "t"), "XCumReduce prod(t)"),
    "sorted": (lambda x: build.sort(x, "t"), "XSort(t)"),
    "function of a sum": (lambda x: exp(total(x, "t")), "XReduce sum(t)"),
    "product of sums": (lambda x: times(total(x, "t"), x), "XReduce sum(t)"),
    "gradient of a square of a sum": (
        lambda x: lazy_pullback([times(total(x), total(x))], [x], [build.scalar(1.0)])[0],
        "XReduce sum(t, k)",
    ),
    "outer product": (lambda x: times(x, build.rename(x, {"t": "s"})), "XElemwise multiply"),
}


def state_of(make: Callable[[Var], Var]) -> State | None:
    x = Wrt()(X)
    return dependence([make(x)], x, "t")[0]


@pytest.mark.parametrize("name", APART)
def test_entries_are_kept_apart(name: str) -> None:
    assert state_of(APART[name]) == Apart("t")


@pytest.mark.parametrize("name", APART)
def test_what_is_called_apart_has_a_diagonal_jacobian(name: str, rng: np.random.Generator) -> None:
    """The Jacobian by numbers: zero off the diagonal, and the same as that of the shared dim."""
    x = Wrt()(X)
    y = APART[name](x)
    dense = {(0, 0): Block({"t": "t_wrt", "k": "k_wrt"}, frozenset(), True)}
    short = {(0, 0): Block({"t": "t_wrt", "k": "k_wrt"}, frozenset("t"), True)}
    blocks = [
        blocks_of([y], [x], wanted, plan_for([y], [x], wanted, mode))[0, 0]
        for wanted, mode in ((dense, "auto"), (short, "forward"), (short, "reverse"))
    ]
    every, *diagonals = evaluate(
        reference_graph(Graph([X, Y], blocks)), [rng.normal(size=(4, 3)), rng.normal(size=4)]
    )
    dims = blocks[0].type.dims
    every = np.moveaxis(every, [dims.index("t"), dims.index("t_wrt")], [0, 1])
    for block, found in zip(blocks[1:], diagonals, strict=True):
        found = np.moveaxis(found, block.type.dims.index("t"), 0)
        np.testing.assert_allclose(every, np.einsum("t...,ts->ts...", found, np.eye(4)), atol=1e-12)


@pytest.mark.parametrize("name", SUMMED)
def test_terms_that_are_added(name: str) -> None:
    make, op = SUMMED[name]
    state = state_of(make)
    assert isinstance(state, Summed)
    assert state.node.op.describe() == op


@pytest.mark.parametrize("name", MIXED)
def test_entries_that_are_mixed(name: str) -> None:
    make, op = MIXED[name]
    state = state_of(make)
    assert isinstance(state, Mixed)
    assert state.node.op.describe() == op


def test_a_renamed_dim_keeps_entries_apart_under_its_new_name() -> None:
    assert state_of(renamed) == Apart("s")


def test_what_is_not_used_or_only_counted_is_not_dependent() -> None:
    assert state_of(lambda x: exp(Y)) is None
    assert state_of(lambda x: build.elemwise(Greater(), x, total(x, "t"))) is None


def test_what_is_not_linear_mixes_sums() -> None:
    assert isinstance(state_of(lambda x: build.cumreduce("max", x, "t")), Mixed)


def test_every_op_on_names_has_a_rule_or_passes_no_derivative() -> None:
    ops = {
        c for c in Op.registry.values() if issubclass(c, AbstractXOp) and "xgrad" in c.__module__
    }
    assert ops - {*RULES, *HOLDING} <= {XArgsort, XConstant, XIota}
