"""Small tensor graphs, made by hand, that between them use every way in which an op is emitted."""

from collections.abc import Callable, Sequence

import numpy as np

from xgrad.axes.arithmetic import add, divide, floor_divide, multiply
from xgrad.axes.base import TensorType
from xgrad.axes.batched import Batched
from xgrad.axes.constants import constant, full, iota
from xgrad.axes.contract import einsum
from xgrad.axes.cumulative import cumsum, linear_recurrence
from xgrad.axes.index import Scatter, take
from xgrad.axes.logic import cast, less, where
from xgrad.axes.reduce import Argmax, max_
from xgrad.axes.sort import argsort, sort
from xgrad.axes.special import Gammaln
from xgrad.axes.spread import expand, sum_
from xgrad.axes.structural import concat, pad, permute, reshape, reverse, slice_
from xgrad.axes.transcendental import exp, sin
from xgrad.gradient.ops import JvpCall, VjpCall
from xgrad.graph import Graph, Source, Var, located


def var(*shape: int, dtype: str = "float64", name: str | None = None) -> Var:
    """An input."""
    return Var(TensorType(shape, np.dtype(dtype)), name=name)


def arrays_for(graph: Graph, rng: np.random.Generator) -> list[np.ndarray]:
    """Arrays of the types of the inputs: floats around 0, and small positions."""
    return [_array(v.type, rng) for v in graph.inputs]


def _array(type: TensorType, rng: np.random.Generator) -> np.ndarray:
    if type.dtype.kind in "iu":
        return rng.integers(0, 3, type.shape).astype(type.dtype)
    return rng.normal(size=type.shape).astype(type.dtype)


def elementwise() -> Graph:
    x, y = var(3, name="rain"), var(3, name="temp")
    with located(Source("model.py", 12)):
        both = add(sin(x), multiply(y, y))
    return Graph((x, y), (both, divide(both, full((3,), np.nan, float))))


def weighted(weights: Sequence[float] = (1.0, 2.0, np.inf)) -> Graph:
    x = var(3, name="x")
    return Graph((x,), (multiply(exp(x), constant(np.array(weights))),))


def captured(n: int = 100) -> Graph:
    x = var(n, name="x")
    return Graph((x,), (add(x, constant(np.linspace(0, 1, n))),))


def moved() -> Graph:
    x = var(2, 3)
    wide = expand(x, (2, 3, 2), (0, 1))
    parts = concat(
        [x, reverse(x, (1,)), pad(slice_(x, (0, 1), (2, 3), (1, 2)), (0, 1), (0, 1), 7)], 0
    )
    return Graph((x,), (permute(wide, (2, 0, 1)), reshape(parts, (9, 2)), iota((2, 3), 1)))


def reduced() -> Graph:
    x = var(4, 3)
    cumulated = cumsum(x, 0, reverse=True)
    return Graph((x,), (sum_(x, (0,)), max_(x, (0, 1)), Argmax(0)(x), cumulated))


def indexed() -> Graph:
    x, idx = var(4, 3, name="x"), var(2, dtype="int64", name="in")
    taken = take(x, idx, 0)
    added = Scatter(0, 1, "add", "clip")(x, taken, idx)
    return Graph((x, idx), (taken, added))


def whole_numbers() -> Graph:
    x, y = var(3, dtype="int32"), var(3, dtype="int32")
    return Graph((x, y), (floor_divide(x, y), cast(x, np.float32)))


def recurrence() -> Graph:
    a, b = var(5), var(5)
    return Graph((a, b), (linear_recurrence(a, b, 0),))


def special() -> Graph:
    x = var(3)
    small = where(less(x, full((3,), 0, float)), exp(x), x)
    return Graph((x,), (Gammaln()(small),))


def contracted() -> Graph:
    a, b = var(2, 3), var(3, 4)
    product = einsum(((0, 1), (1, 2)), (0, 2), a, b)
    return Graph((a, b), (sort(product, 1), argsort(product, 1)))


def nothing_done() -> Graph:
    x = var(2, name="class")
    return Graph((x,), (x, x))


def cubic() -> Graph:
    """x and a constant to a float and an integer output."""
    x, y = var(3, name="x"), var(3, name="y")
    value = multiply(multiply(x, multiply(x, x)), add(y, constant(np.array([1.0, 2.0, 3.0]))))
    return Graph((x, y), (value, Argmax(0)(value)))


def pulled_back() -> Graph:
    x, y, ct = var(3, name="x"), var(3, name="y"), var(3, name="ct")
    return Graph((x, y, ct), VjpCall(cubic(), (0,)).apply(x, y, ct, full((), 0, float)))


def pushed_forward() -> Graph:
    x, y, tangent = var(3, name="x"), var(3, name="y"), var(3, name="tangent")
    return Graph((x, y, tangent), JvpCall(cubic(), (0,)).apply(x, y, tangent))


def pulled_back_twice() -> Graph:
    """The second derivative of the sum of ``cubic``, by a pullback inside a pullback."""
    x, y = var(3, name="x"), var(3, name="y")
    ones = full((3,), 1, float)
    _, _, gradient = VjpCall(cubic(), (0,)).apply(x, y, ones, full((), 0, float))
    inner = Graph((x, y), (gradient,))
    outer_x, outer_y = var(3, name="x"), var(3, name="y")
    return Graph((outer_x, outer_y), VjpCall(inner, (0, 1)).apply(outer_x, outer_y, ones))


def batched() -> Graph:
    """Inside: a value that all places share, and a derivative left to JAX, with an array that it captures."""
    return _repeated(None)


def batched_in_chunks() -> Graph:
    return _repeated(2)


def _repeated(chunk: int | None) -> Graph:
    x, w = var(3, name="x"), var(3, name="w")
    _, _, pulled = VjpCall(cubic(), (0,)).apply(x, w, sin(x), full((), 1, float))
    places = Batched(Graph((x, w), (pulled, sum_(x, (0,)))), (True, False), 5, chunk)
    many, shared = var(5, 3, name="many"), var(3, name="shared")
    return Graph((many, shared), places.apply(many, shared))


PLAIN: tuple[Callable[[], Graph], ...] = (
    elementwise,
    weighted,
    captured,
    moved,
    reduced,
    indexed,
    whole_numbers,
    recurrence,
    special,
    contracted,
    nothing_done,
)
DELEGATED: tuple[Callable[[], Graph], ...] = (
    pulled_back,
    pushed_forward,
    pulled_back_twice,
    batched,
    batched_in_chunks,
)


def chain(n: int, graph: Callable[[Var], Var] = sin) -> Graph:
    """``n`` ops in a row, with a constant at the start."""
    x = var(2)
    value = add(x, constant(np.array([1.0, 2.0])))
    for _ in range(n):
        value = graph(value)
    return Graph((x,), (value,))
