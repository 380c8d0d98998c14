"""Lowering to axes: every XOp, lowered and computed by NumPy, equals xarray on the same arrays."""

from collections.abc import Callable, Hashable, Sequence
from typing import Any

import numpy as np
import pytest
import xarray as xr

from xgrad.axes.elementwise import Add, Multiply, Where
from xgrad.axes.interpret import evaluate
from xgrad.axes.linalg import Solve
from xgrad.axes.structural import Constant, Expand, Full, Permute
from xgrad.gradient.ops import Pullback
from xgrad.graph import Graph, Op, Source, Var, check, located
from xgrad.lower.names_to_axes import LOWERINGS, lower
from xgrad.names import AbstractXOp, XType, build


def array(seed: int, /, dtype: Any = float, **sizes: int) -> xr.DataArray:
    """Normal numbers (booleans where ``dtype`` is bool) along dims of these sizes."""
    values = np.random.default_rng(seed).normal(size=tuple(sizes.values()))
    return xr.DataArray(
        values > 0 if dtype is bool else (3 * values).astype(dtype), dims=list(sizes)
    )


def positions(seed: int, n: int, /, **sizes: int) -> xr.DataArray:
    """Positions below ``n`` along dims of these sizes."""
    values = np.random.default_rng(seed).integers(0, n, tuple(sizes.values()))
    return xr.DataArray(values, dims=list(sizes))


def lowered(function: Callable[..., Var], arrays: Sequence[xr.DataArray]) -> Graph:
    """The tensor graph of a function of variables like ``arrays``."""
    inputs = [Var(XType(a.dims, a.shape, a.dtype)) for a in arrays]
    names = check(Graph(inputs, [function(*inputs)]))
    return check(lower(names), "lowering")


def run(function: Callable[..., Var], *arrays: xr.DataArray) -> xr.DataArray:
    """What a function of variables computes of ``arrays``, by way of the tensor graph."""
    inputs = [Var(XType(a.dims, a.shape, a.dtype)) for a in arrays]
    out = function(*inputs)
    (values,) = evaluate(lowered(function, arrays), [a.values for a in arrays])
    assert (values.shape, values.dtype) == (out.type.shape, out.type.dtype)
    return xr.DataArray(values, dims=out.type.dims)


def assert_same(found: xr.DataArray, expected: Any) -> None:
    """Equal dims in equal order, dtype, and values to rounding."""
    expected = xr.DataArray(expected)
    assert found.dims == expected.dims
    assert found.dtype == expected.dtype
    np.testing.assert_allclose(found.values, expected.values, rtol=1e-12)


X = array(1, a=4, b=3, c=5)
Y = array(2, c=5, a=4)
Z = array(3, d=2, b=3)
S = array(4)
EMPTY = array(5, a=4, b=0)
ONE = array(6, a=1, b=3)
B = array(7, bool, b=3, c=5)
N = array(8, np.int64, a=4, b=3)

PAIRS = [(X, X), (X, Y), (Y, X), (X, Z), (Z, Y), (X, S), (S, X), (S, S), (EMPTY, Y), (ONE, Z)]


@pytest.mark.parametrize(("x", "y"), PAIRS)
def test_elementwise_ops_broadcast_by_name(x: xr.DataArray, y: xr.DataArray) -> None:
    assert_same(run(lambda x, y: build.elemwise(Add(), x, y), x, y), x + y)


def test_where_broadcasts_by_name() -> None:
    found = run(lambda c, x, y: build.elemwise(Where(), c, x, y), B, X, Y)
    expected = xr.where(B, X, Y).transpose("b", "c", "a")
    assert_same(found, expected)


def test_cast() -> None:
    assert_same(run(lambda x: build.cast(x, np.float32), N), N.astype(np.float32))


def test_a_constant_keeps_its_dims() -> None:
    assert_same(run(lambda: build.constant(X.values, X.dims)), X)
    graph = lowered(lambda: build.constant(X.values, X.dims), [])
    assert [type(n.op) for n in graph.nodes] == [Constant]


def test_an_inline_scalar_is_spread_without_a_node() -> None:
    graph = lowered(lambda x: build.elemwise(Multiply(), x, build.scalar(2.0)), [X])
    assert [type(n.op) for n in graph.nodes] == [Full, Multiply]
    assert_same(run(lambda x: build.elemwise(Multiply(), x, build.scalar(2.0)), X), X * 2.0)


def test_broadcasting_is_one_permute_and_one_expand() -> None:
    graph = lowered(lambda x, y: build.elemwise(Add(), x, y), [X, Y])
    assert [type(n.op) for n in graph.nodes] == [Permute, Expand, Add]


def test_iota() -> None:
    assert_same(run(lambda: build.iota("a", 5)), xr.DataArray(np.arange(5), dims="a"))


DIMS = [["a"], ["b"], ["c", "a"], ["a", "b", "c"]]


@pytest.mark.parametrize("dims", DIMS)
@pytest.mark.parametrize("kind", ["sum", "prod", "max", "min"])
def test_reductions(kind: str, dims: list[str]) -> None:
    assert_same(run(lambda x: build.reduce(kind, x, dims), X), getattr(X, kind)(dims))


@pytest.mark.parametrize("kind", ["any", "all"])
@pytest.mark.parametrize("x", [B, N])
def test_tests_of_any_dtype(kind: str, x: xr.DataArray) -> None:
    assert_same(run(lambda x: build.reduce(kind, x, ["b"]), x), getattr(x, kind)("b"))


@pytest.mark.parametrize("kind", ["argmax", "argmin"])
@pytest.mark.parametrize("dim", "abc")
def test_positions(kind: str, dim: str) -> None:
    assert_same(run(lambda x: build.reduce(kind, x, [dim]), X), getattr(X, kind)(dim))


def test_reductions_of_nothing() -> None:
    assert_same(run(lambda x: build.reduce("sum", x, ["b"]), EMPTY), EMPTY.sum("b"))
    assert_same(run(lambda x: build.reduce("all", x, []), N), N.astype(bool))


CUMULATIVE = {
    "sum": np.cumsum,
    "prod": np.cumprod,
    "max": np.maximum.accumulate,
    "min": np.minimum.accumulate,
}


@pytest.mark.parametrize("dim", "abc")
@pytest.mark.parametrize("kind", CUMULATIVE)
@pytest.mark.parametrize("reverse", [False, True])
def test_running_reductions(kind: str, dim: str, reverse: bool) -> None:
    steps = slice(None, None, -1 if reverse else 1)
    there = X.isel({dim: steps})
    expected = there.copy(data=CUMULATIVE[kind](there.values, axis=X.dims.index(dim)))
    found = run(lambda x: build.cumreduce(kind, x, dim, reverse), X)
    assert_same(found, expected.isel({dim: steps}))


@pytest.mark.parametrize("dims", [[], ["a"], ["c", "b"], ["a", "b", "c", "d"]])
@pytest.mark.parametrize("arrays", [(X, Y, Z), (Z, X), (X,), (X, S, Z)])
def test_dot(dims: list[str], arrays: tuple[xr.DataArray, ...]) -> None:
    dims = [d for d in dims if any(d in x.dims for x in arrays)]
    product = arrays[0]
    for x in arrays[1:]:
        product = product * x
    found = run(lambda *xs: build.dot(xs, dims), *arrays)
    np.testing.assert_allclose(found, product.sum(dims), rtol=1e-10)
    assert found.dims == product.sum(dims).dims


@pytest.mark.parametrize("dim", "abc")
def test_sorting(dim: str) -> None:
    axis = X.dims.index(dim)
    assert_same(run(lambda x: build.sort(x, dim), X), X.copy(data=np.sort(X, axis)))
    expected = X.copy(data=np.argsort(X.values, axis, kind="stable"))
    assert_same(run(lambda x: build.argsort(x, dim), X), expected)


SLICES = [
    {"a": 0},
    {"a": -1, "c": 2},
    {"a": slice(1, 3)},
    {"a": slice(None, None, 2), "b": 1},
    {"b": slice(None, None, -1)},
    {"c": slice(4, 0, -2), "a": slice(3, 1, -1)},
    {"c": slice(None, None, -3), "b": 0},
    {"a": slice(2, 2), "c": slice(1, 0)},
    {"a": 1, "b": 2, "c": 3},
    {"a": slice(-3, None)},
]


@pytest.mark.parametrize("indexers", SLICES)
def test_ints_and_slices(indexers: dict[Hashable, Any]) -> None:
    assert_same(run(lambda x: build.index(x, indexers), X), X.isel(indexers))


P, Q = positions(11, 4, p=6), positions(12, 3, q=3)
POINT_A, POINT_B, POINT_C = (positions(13 + n, n, p=6) for n in (4, 3, 5))
GRID = positions(20, 4, p=2, q=3)
ALONG_B = positions(21, 4, b=3)
ALONG_C = positions(22, 4, c=5)
ALONG_P_B = positions(23, 4, p=6, b=3)
SWAP_A, SWAP_B = positions(24, 4, b=3), positions(25, 3, a=4)
SAME = positions(26, 4, a=7)
NONE = positions(27, 4, p=0)
SINGLE = positions(28, 4)

TAKES = {
    "one": {"a": P},
    "one_last": {"c": POINT_C},
    "its_own_dim": {"a": SAME},
    "orthogonal": {"a": P, "b": Q},
    "orthogonal_apart": {"a": P, "c": Q},
    "grid": {"a": GRID},
    "pointwise": {"a": POINT_A, "b": POINT_B},
    "pointwise_apart": {"a": POINT_A, "c": POINT_C},
    "pointwise_all": {"c": POINT_C, "a": POINT_A, "b": POINT_B},
    "pointwise_and_grid": {"a": GRID, "b": Q},
    "along_a_dim_that_stays": {"a": ALONG_B},
    "along_a_later_dim": {"a": ALONG_C},
    "along_points_and_a_dim": {"a": ALONG_P_B, "c": POINT_C},
    "names_swapped": {"a": SWAP_A, "b": SWAP_B},
    "with_an_int": {"a": P, "b": 1},
    "with_slices": {"a": slice(None, None, -1), "b": POINT_B, "c": POINT_C},
    "pointwise_orthogonal_int": {"a": POINT_A, "b": POINT_B, "c": 2},
    "empty": {"a": NONE},
    "single": {"a": SINGLE},
    "single_and_points": {"a": SINGLE, "b": POINT_B},
}


def split_indexers(indexers: dict[str, Any]) -> tuple[list[str], list[xr.DataArray]]:
    """The dims that index arrays index, and the arrays."""
    dims = [d for d, i in indexers.items() if isinstance(i, xr.DataArray)]
    return dims, [indexers[d] for d in dims]


def negative(indexers: dict[str, Any]) -> dict[str, Any]:
    """The same positions, every other one counted from the end."""
    return {d: _negative(i, X.sizes[d]) for d, i in indexers.items()}


def _negative(indexer: Any, size: int) -> Any:
    if not isinstance(indexer, xr.DataArray):
        return indexer
    flip = np.arange(indexer.size).reshape(indexer.shape) % 2
    return indexer - size * flip.astype(int)


@pytest.mark.parametrize("case", TAKES)
def test_traced_index_arrays(case: str) -> None:
    indexers = negative(TAKES[case])
    dims, arrays = split_indexers(indexers)

    def take(x: Var, *idx: Var) -> Var:
        return build.index(x, {**indexers, **dict(zip(dims, idx, strict=True))})

    assert_same(run(take, X, *arrays), X.isel(indexers))


@pytest.mark.parametrize("case", TAKES)
def test_concrete_index_arrays(case: str) -> None:
    indexers = negative(TAKES[case])

    def take(x: Var) -> Var:
        constants = {
            d: build.constant(i.values, i.dims) if isinstance(i, xr.DataArray) else i
            for d, i in indexers.items()
        }
        return build.index(x, constants)

    assert_same(run(take, X), X.isel(indexers))


def test_traced_positions_out_of_range_are_clipped() -> None:
    index = xr.DataArray([-9, -4, 3, 4, 99], dims="p")
    found = run(lambda x, i: build.index(x, {"a": i}), X, index)
    assert_same(found, X.isel(a=xr.DataArray([0, 0, 3, 3, 3], dims="p")))


NUMPY_UPDATES: dict[str, Callable[[np.ndarray, Any, np.ndarray], None]] = {
    "set": lambda x, where, v: x.__setitem__(where, v),
    "add": np.add.at,
    "multiply": np.multiply.at,
    "min": np.minimum.at,
    "max": np.maximum.at,
}


def updated(x: xr.DataArray, indexers: dict[Any, Any], v: xr.DataArray, kind: str) -> xr.DataArray:
    """``x`` written to by NumPy, at the flat positions that the selection has in it."""
    flat = xr.DataArray(np.arange(x.size).reshape(x.shape), dims=x.dims).isel(indexers)
    result = x.values.copy().ravel()
    NUMPY_UPDATES[kind](result, flat.values, v.broadcast_like(flat).transpose(*flat.dims).values)
    return x.copy(data=result.reshape(x.shape))


@pytest.mark.parametrize("kind", NUMPY_UPDATES)
@pytest.mark.parametrize("indexers", SLICES)
def test_updates_of_slices(indexers: dict[Hashable, Any], kind: str) -> None:
    picked = X.isel(indexers)
    for value in (array(30, **picked.sizes), array(31)):  # pyright: ignore[reportCallIssue]
        found = run(lambda x, v: build.index_update(x, v, indexers, kind), X, value)
        assert_same(found, updated(X, indexers, value, kind))


@pytest.mark.parametrize("kind", NUMPY_UPDATES)
@pytest.mark.parametrize("case", TAKES)
def test_updates_at_index_arrays(case: str, kind: str) -> None:
    indexers = negative(TAKES[case])
    dims, arrays = split_indexers(indexers)
    picked = X.isel(indexers)
    sizes = dict(reversed(list(picked.sizes.items())))
    value = array(32) if kind == "set" else array(32, **sizes)  # pyright: ignore[reportCallIssue]

    def write(x: Var, v: Var, *idx: Var) -> Var:
        all_indexers = {**indexers, **dict(zip(dims, idx, strict=True))}
        return build.index_update(x, v, all_indexers, kind)

    assert_same(run(write, X, value, *arrays), updated(X, indexers, value, kind))


def test_overwriting_everything() -> None:
    found = run(lambda x, v: build.index_update(x, v, {}), X, Y)
    assert_same(found, Y.broadcast_like(X).transpose(*X.dims))


def test_concat_along_a_dim() -> None:
    parts = [X, array(40, c=5, b=3, a=2), array(41, a=0, b=3, c=5)]
    found = run(lambda *xs: build.concat(xs, "a"), *parts)
    assert_same(found, xr.concat(parts, "a"))


def test_concat_broadcasts_and_counts_a_missing_dim_as_one_step() -> None:
    found = run(lambda *xs: build.concat(xs, "a"), X, B.astype(float), S)
    parts = [X, *[p.expand_dims(a=1).broadcast_like(X.isel(a=[0])) for p in (B.astype(float), S)]]
    assert_same(found, xr.concat([p.transpose("a", "b", "c") for p in parts], "a"))


def test_concat_along_a_new_dim() -> None:
    found = run(lambda *xs: build.concat(xs, "new"), Y, Y.transpose())
    assert_same(found, xr.concat([Y, Y], "new"))
    renamed = run(lambda *xs: build.rename(build.concat(xs, "new"), {"new": "n"}), Y, Y)
    assert_same(renamed, xr.concat([Y, Y], "n"))


@pytest.mark.parametrize("pads", [{"a": (1, 2)}, {"c": (0, 3), "a": (2, 0)}])
def test_pad(pads: dict[str, tuple[int, int]]) -> None:
    found = run(lambda x: build.pad(x, pads, build.scalar(7)), X)
    assert_same(found, X.pad(pads, constant_values=7.0))  # pyright: ignore[reportArgumentType]


def test_pad_with_a_traced_value() -> None:
    found = run(lambda x, v: build.pad(x, {"b": (1, 0)}, v), EMPTY, S)
    assert_same(found, EMPTY.pad(b=(1, 0), constant_values=float(S)))


@pytest.mark.parametrize(("dim", "size"), [("a", 1), ("b", 3), ("c", 2)])
def test_window(dim: str, size: int) -> None:
    found = run(lambda x: build.window(x, dim, "w", size), X)
    whole = X.rolling({dim: size}).construct("w").isel({dim: slice(size - 1, None)})
    assert_same(found, whole)


@pytest.mark.parametrize("dims", [["a", "b"], ["b", "a"], ["c", "a"], ["b"], ["c", "b", "a"], []])
def test_merge(dims: list[str]) -> None:
    found = run(lambda x: build.merge(x, dims, "new"), X)
    kept = [d for d in X.dims if d not in dims]
    values = X.transpose(*kept, *dims).values.reshape([X.sizes[d] for d in kept] + [-1])
    assert_same(found, xr.DataArray(values, dims=[*kept, "new"]))


@pytest.mark.parametrize("sizes", [{"c1": 5, "c2": 1}, {"c": 1, "d": 5}, {"n": 1, "m": 5, "k": 1}])
def test_split(sizes: dict[str, int]) -> None:
    found = run(lambda x: build.split(x, "c", sizes), X)
    assert_same(
        found, xr.DataArray(X.values.reshape(4, 3, *sizes.values()), dims=["a", "b", *sizes])
    )


def test_merge_undoes_split() -> None:
    x = array(42, a=6, b=2)
    there = run(lambda x: build.merge(build.split(x, "a", {"i": 2, "j": 3}), ["i", "j"], "a"), x)
    assert_same(there, x.transpose("b", "a"))


def test_renaming_vanishes() -> None:
    def swap(x: Var) -> Var:
        return build.rename(x, {"a": "b", "b": "a"})

    assert lowered(swap, [X]).nodes == ()
    assert_same(run(swap, X), X.rename(a="b", b="a"))
    found = run(lambda x: build.elemwise(Add(), x, swap(x)), array(43, a=3, b=3))
    assert_same(found, array(43, a=3, b=3) + array(43, b=3, a=3))


@pytest.mark.parametrize("dims", [("c", "b", "a"), ("a", "n", "c", "b"), ("n", "c", "m", "a", "b")])
def test_broadcast(dims: tuple[str, ...]) -> None:
    sizes: dict[Hashable, int] = {**X.sizes, "n": 2, "m": 0}
    found = run(lambda x: build.broadcast(x, dims, [sizes[d] for d in dims]), X)
    new = {d: sizes[d] for d in dims if d not in X.dims}
    assert_same(found, X.expand_dims(new).transpose(*dims))


def test_blockwise_ops_repeat_over_dims_by_name() -> None:
    a = array(50, i=3, s=2, j=3) + 5 * xr.DataArray(np.eye(3), dims=["i", "j"])
    b = array(51, k=2, t=4, j=3)

    def solve(a: Var, b: Var) -> Var:
        (x,) = build.blockwise(Solve(), [a, b], [("i", "j"), ("j", "k")], [("i", "k")])
        return x

    expected = np.linalg.solve(
        a.transpose("s", "i", "j").values[:, None], b.transpose("t", "j", "k").values[None]
    )
    assert_same(run(solve, a, b), xr.DataArray(expected, dims=["s", "t", "i", "k"]))


def test_a_lazy_derivative_keeps_its_place() -> None:
    x = Var(XType(("a", "b"), (4, 3), np.dtype(float)))
    inner = Graph([x], [build.reduce("sum", build.elemwise(Multiply(), x, x), ["a", "b"])])
    outer = Var(x.type)
    (ct,) = Pullback(inner, (0,)).apply(outer, build.scalar(1.0))
    graph = check(lower(check(Graph([outer], [ct]))))
    op = graph.outputs[0].op
    assert isinstance(op, Pullback) and op.graph == lower(inner)


def test_lines_of_the_user_are_inherited() -> None:
    x = Var(XType(("a",), (4,), np.dtype(float)), name="x", source=Source("m.py", 1))
    with located(Source("m.py", 2)):
        y = build.index(
            build.pad(x, {"a": (1, 1)}, build.scalar(0.0)), {"a": slice(None, None, -2)}
        )
    graph = lower(Graph([x], [y]))
    assert {str(node.source) for node in graph.nodes} == {"m.py:2"}
    assert (graph.inputs[0].name, graph.inputs[0].source) == ("x", Source("m.py", 1))


def test_every_xop_is_lowered() -> None:
    assert set(LOWERINGS) >= {c for c in Op.registry.values() if issubclass(c, AbstractXOp)}


def test_a_long_chain() -> None:
    x = Var(XType(("a",), (2,), np.dtype(float)))
    y = x
    for _ in range(20_000):
        y = build.elemwise(Add(), y, x)
    assert len(lower(Graph([x], [y])).nodes) == 20_000
