"""What XOps say of themselves: types, the flow of values, and the text that a printed graph shows."""

import numpy as np
import pytest

from xgrad.axes.base import Flow
from xgrad.axes.elementwise import Add, Floor, Greater, Where
from xgrad.graph import Graph, Op, Var, format_graph
from xgrad.names import (
    AbstractXOp,
    XBatched,
    XScan,
    XSwitch,
    XType,
    XWhile,
    build,
    partial,
)


def var(name: str, dtype: type = float, **sizes: int) -> Var:
    return Var(XType(tuple(sizes), tuple(sizes.values()), np.dtype(dtype)), name=name)


X = var("x", time=4, lat=3)
N = var("n", int, time=4)
B = var("b", bool, time=4)
IDX = var("idx", int, p=2)
ZERO = build.scalar(0.0)
CODES = np.array([0, 1, -1, 0])


def index(x: Var) -> Var:
    return build.index(x, {"time": 3, "lat": slice(1, None)})


def batched(about: str = "", chunk: int | None = None) -> Var:
    part = var("x", lat=3)
    return XBatched(Graph([part], [part]), "time", (True,), 4, chunk, about)(X)


def looped(reverse: bool = False) -> Var:
    """The running sum along time."""
    total, row = var("total", lat=3), var("x", lat=3)
    more = build.elemwise(Add(), total, row)
    op = XScan(Graph([total, row], [more, more]), "time", 4, 1, 1, reverse)
    return op.apply(build.index(X, {"time": 0}), X)[1]


def repeated() -> Var:
    """A number, as long as it is above zero."""
    n = var("n")
    test = build.elemwise(Greater(), n, ZERO)
    return XWhile(Graph([n], [test]), Graph([n], [n]), 1)(ZERO)


def chosen() -> Var:
    n = var("n")
    return XSwitch((Graph([n], [n]), Graph([n], [ZERO])))(build.scalar(1, np.int32), ZERO)


DESCRIPTIONS = {
    "XElemwise add": build.elemwise(Add(), X, N),
    "XElemwise cast(float32)": build.cast(X, np.float32),
    "XConstant 0.0": ZERO,
    "XConstant [1, 2]": build.constant([1, 2], ["a"]),
    "XIota(a: 5)": build.iota("a", 5),
    "XReduce sum(time)": build.reduce("sum", X, ["time"]),
    "XReduce max(time, lat)": build.reduce("max", X, ["time", "lat"]),
    "XCumReduce sum(time)": build.cumreduce("sum", X, "time"),
    "XCumReduce sum(time, from the end)": build.cumreduce("sum", X, "time", reverse=True),
    "XDot(time)": build.dot([X, X], ["time"]),
    "XIndex(time=3, lat=1:3)": index(X),
    "XIndex(time=3, lat=1:3, lat→y)": build.rename_new(index(X), {"lat": "y"}),
    "XIndex(time=3::-2)": build.index(X, {"time": slice(None, None, -2)}),
    "XIndex(lat=[…])": build.index(X, {"lat": IDX}),
    "XIndexUpdate add(time=0)": build.index_update(X, ZERO, {"time": 0}, "add"),
    "XConcat(time)": build.concat([X, X], "time"),
    "XPad(time: 1+2)": build.pad(X, {"time": (1, 2)}, ZERO),
    "XWindow(time, w: 2)": build.window(X, "time", "w", 2),
    "XSegmentTotals(time→g: 2)": partial.segment_totals(X, "time", "g", 2, CODES)[0],
    "XSegmentReduce sum(time→g: 2)": partial.segment_reduce("sum", X, "time", "g", 2, CODES),
    "XWindowReduce max(time: 3)": partial.window_reduce("max", X, "time", 3),
    "XWindowReduce max(time→t: 3)": build.rename_new(
        partial.window_reduce("max", X, "time", 3), {"time": "t"}
    ),
    "XMerge((time, lat)→z)": build.merge(X, ["time", "lat"], "z"),
    "XSplit(time→(a: 2, b: 2))": build.split(X, "time", {"a": 2, "b": 2}),
    "XRename(time→t)": build.rename(X, {"time": "t"}),
    "XBroadcast(lat: 3, time: 4)": build.transpose(X, ["lat", "time"]),
    "XSort(time)": build.sort(X, "time"),
    "XArgsort(time)": build.argsort(X, "time"),
    "XBatched(time: 4)": batched(),
    "XBatched(time: 4, 2 at a time)  for a test": batched("for a test", 2),
    "XScan(time: 4, 1 carried)": looped(),
    "XScan(time: 4, from the end, 1 carried)": looped(reverse=True),
    "XWhile(1 carried)": repeated(),
    "XSwitch(2 branches)": chosen(),
    "XBlockwise add: (lat), (lat) → (lat)": build.blockwise(
        Add(), [X, X], [["lat"], ["lat"]], [["lat"]]
    )[0],
}


@pytest.mark.parametrize("text", DESCRIPTIONS)
def test_description(text: str) -> None:
    op = DESCRIPTIONS[text].op
    assert isinstance(op, AbstractXOp) and op.describe() == text


def test_values_flow_through_a_batched_graph_as_through_the_graph() -> None:
    row, k, unused = var("row", lat=3), var("k", int), var("unused")
    inner = Graph([row, k, unused], [build.index(row, {"lat": k})])
    op = XBatched(inner, "time", (True, False, False), 4)
    types = [v.type for v in (X, k, unused)]
    assert [op.flow(i, 0, types) for i in range(3)] == [Flow.VALUE, Flow.POSITION, Flow.UNUSED]
    assert [bool(op.why(i)) for i in range(3)] == [False, True, False]


def test_every_op_has_a_description() -> None:
    described = {type(x.op) for x in DESCRIPTIONS.values()}
    ops = {c for c in Op.registry.values() if issubclass(c, AbstractXOp)}
    assert described == ops


def test_a_printed_graph_shows_dims_by_name() -> None:
    graph = Graph([X, N], [build.reduce("sum", build.elemwise(Add(), X, N), ["time"])])
    assert format_graph(graph) == (
        "XReduce sum(time): float64(lat: 3)\n"
        "└─ XElemwise add: float64(time: 4, lat: 3)\n"
        "   ├─ x: float64(time: 4, lat: 3)\n"
        "   └─ n: int64(time: 4)"
    )


FLOWS = [
    (build.elemwise(Add(), X, X), [Flow.VALUE, Flow.VALUE]),
    (build.elemwise(Add(), N, N), [Flow.STEP, Flow.STEP]),
    (build.elemwise(Greater(), X, X), [Flow.STEP, Flow.STEP]),
    (build.elemwise(Floor(), X), [Flow.STEP]),
    (build.elemwise(Where(), B, X, X), [Flow.STEP, Flow.VALUE, Flow.VALUE]),
    (build.cast(X, int), [Flow.STEP]),
    (build.cast(N, float), [Flow.VALUE]),
    (build.reduce("sum", X, ["time"]), [Flow.VALUE]),
    (build.reduce("argmax", X, ["time"]), [Flow.STEP]),
    (build.reduce("any", B, ["time"]), [Flow.STEP]),
    (build.cumreduce("prod", X, "time"), [Flow.VALUE]),
    (build.dot([X, X], ["time"]), [Flow.VALUE, Flow.VALUE]),
    (build.sort(X, "time"), [Flow.VALUE]),
    (build.argsort(X, "time"), [Flow.STEP]),
    (build.index(X, {"lat": IDX}), [Flow.VALUE, Flow.POSITION]),
    (build.index(N, {"time": IDX}), [Flow.STEP, Flow.POSITION]),
    (build.index_update(X, ZERO, {"lat": IDX}), [Flow.VALUE, Flow.VALUE, Flow.POSITION]),
    (build.pad(X, {"time": (1, 1)}, ZERO), [Flow.VALUE, Flow.VALUE]),
    (build.concat([X, X], "time"), [Flow.VALUE, Flow.VALUE]),
    (build.window(X, "time", "w", 2), [Flow.VALUE]),
    (build.rename(X, {"time": "t"}), [Flow.VALUE]),
    (build.blockwise(Add(), [X, N], [["time"]] * 2, [["time"]])[0], [Flow.VALUE, Flow.VALUE]),
    (looped(), [Flow.VALUE, Flow.VALUE]),
    (repeated(), [Flow.VALUE]),
    (chosen(), [Flow.STEP, Flow.VALUE]),
]


@pytest.mark.parametrize(("out", "flows"), FLOWS)
def test_flow(out: Var, flows: list[Flow]) -> None:
    op = out.op
    assert isinstance(op, AbstractXOp)
    types = [v.type for v in out.inputs]
    assert [op.flow(i, out.index, types) for i in range(len(types))] == flows


def test_why_an_index_passes_no_derivative() -> None:
    taken, written = build.index(X, {"lat": IDX}).op, build.index_update(X, ZERO, {"lat": IDX}).op
    assert isinstance(taken, AbstractXOp) and isinstance(written, AbstractXOp)
    assert taken.why(1) == "{this} only decides which values of {array} are taken"
    assert written.why(2) == "{this} only decides where in {array} values are written"


def test_weak_is_for_python_numbers_alone() -> None:
    two = build.scalar(2, weak=True)
    assert build.elemwise(Add(), two, two).type.weak
    assert not build.elemwise(Add(), two, N).type.weak
    assert not build.cast(two, two.type.dtype).type.weak


def test_a_scalar_constant_is_cast_at_once() -> None:
    two = build.cast(build.scalar(2, weak=True), np.float32)
    assert two.op == build.scalar(2.0, np.float32).op


NOTHING_TO_DO = {
    "index": lambda: build.index(X, {"time": slice(None), "lat": slice(0, 3)}),
    "reduce": lambda: build.reduce("sum", X, []),
    "cast": lambda: build.cast(X, float),
    "broadcast": lambda: build.broadcast(X, ["time", "lat"], [4, 3]),
    "transpose": lambda: build.transpose(X, ["time", "lat"]),
    "pad": lambda: build.pad(X, {"time": (0, 0)}, ZERO),
    "concat": lambda: build.concat([X], "time"),
    "merge": lambda: build.merge(X, ["lat"], "lat"),
    "split": lambda: build.split(X, "lat", {"lat": 3}),
}


@pytest.mark.parametrize("case", NOTHING_TO_DO)
def test_what_does_nothing_is_the_variable_itself(case: str) -> None:
    assert NOTHING_TO_DO[case]() is X


def test_overwriting_everything_is_what_is_written() -> None:
    y = build.index_update(X, ZERO, {"time": slice(None)})
    assert y.inputs == (ZERO,) and y.type == X.type


def test_a_spread_number_meets_its_partners_as_a_number() -> None:
    x = Var(XType(("time", "city"), (4, 3), np.dtype("f8")))
    zeros = build.broadcast(build.scalar(0.0), ("time", "city"), (4, 3))
    assert build.elemwise(Add(), x, zeros).inputs == (x, zeros.inputs[0])
    other = build.broadcast(build.scalar(0.0), ("city", "time"), (3, 4))
    assert build.elemwise(Add(), other, x).inputs == (other, x), "the order of dims comes from it"
