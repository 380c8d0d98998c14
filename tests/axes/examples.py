"""One line or more per tensor op: the op, and its inputs from seeded random numbers. The contract tests run on these.

A new op needs one line here and no test function. ``smooth=False`` says that the op is not differentiable at these
inputs (ties, zeros, kinks): there our own conventions must still agree in both modes, but no oracle applies.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from xgrad.axes import (
    contract,
    cumulative,
    elementwise,
    gammas,
    index,
    integrals,
    linalg,
    loops,
    random,
    recurrence,
    reduce,
    segment,
    sliding,
    softmax,
    sort,
    special,
    spread,
    stable,
    structural,
    window,
)
from xgrad.axes.barrier import Barrier
from xgrad.axes.base import AbstractTensorOp, TensorType
from xgrad.axes.batched import Batched
from xgrad.axes.checked import Checked, Violation
from xgrad.axes.fft import Fft
from xgrad.axes.literal import Literal
from xgrad.axes.opaque import HostCall, JaxCall
from xgrad.axes.printed import Printed
from xgrad.graph import Graph, Var

Rng = np.random.Generator
Draw = Callable[[Rng], np.ndarray]


class Example(NamedTuple):
    """An op at some inputs."""

    op: AbstractTensorOp
    draws: tuple[Draw, ...]
    smooth: bool = True
    twice: bool = True  # False: an input has no derivative of second order

    def inputs(self, rng: Rng) -> list[np.ndarray]:
        return [draw(rng) for draw in self.draws]


def at(op: AbstractTensorOp, *draws: Draw, smooth: bool = True, twice: bool = True) -> Example:
    return Example(op, draws, smooth, twice)


def normal(*shape: int) -> Draw:
    """Anything."""
    return lambda rng: np.asarray(rng.normal(size=shape))


def between(low: float, high: float, *shape: int) -> Draw:
    """Anything between two bounds."""
    return lambda rng: rng.uniform(low, high, size=shape)


def given(*values: Any, dtype: Any = None) -> Draw:
    """These values."""
    return lambda rng: np.array(values, dtype=dtype)


def integers(low: int, high: int, *shape: int) -> Draw:
    """Whole numbers from ``low`` up to, not including, ``high``."""
    return lambda rng: rng.integers(low, high, size=shape)


def booleans(*shape: int) -> Draw:
    return lambda rng: rng.random(size=shape) < 0.5


def complexes(*shape: int) -> Draw:
    return lambda rng: rng.normal(size=shape) + 1j * rng.normal(size=shape)


def permutations(rows: int, n: int) -> Draw:
    """In every row, the positions along it in any order."""
    return lambda rng: np.argsort(rng.random(size=(rows, n)), axis=-1)


def matrices(*shape: int) -> Draw:
    """Well-conditioned matrices."""
    return lambda rng: rng.normal(size=shape) + 3 * np.eye(shape[-1])


def positive_matrices(*shape: int) -> Draw:
    """Symmetric positive definite matrices with eigenvalues well apart."""

    def draw(rng: Rng) -> np.ndarray:
        q, _ = np.linalg.qr(rng.normal(size=shape))
        return (q * np.arange(1.0, shape[-1] + 1)) @ np.swapaxes(q, -1, -2)

    return draw


def tensor(*shape: int, dtype: Any = float) -> Var:
    """An input of a body."""
    return Var(TensorType(shape, np.dtype(dtype)))


def _step() -> Graph:
    """c, x, w -> sin(c) + x w, c x"""
    c, x, w = tensor(2), tensor(2), tensor()
    scaled = elementwise.multiply(x, spread.expand(w, (2,), ()))
    new = elementwise.add(elementwise.sin(c), scaled)
    return Graph((c, x, w), (new, elementwise.multiply(c, x)))


def _count() -> tuple[Graph, Graph, int]:
    """n + 1 while n < w"""
    n, w = tensor(dtype=int), tensor(dtype=int)
    more = elementwise.add(n, structural.full((), 1, int))
    return Graph((n, w), (elementwise.less(n, w),)), Graph((n, w), (more,)), 1


def _branches() -> tuple[Graph, Graph]:
    """x, w -> exp(x), or x w"""
    x, w = tensor(2), tensor()
    scaled = elementwise.multiply(x, spread.expand(w, (2,), ()))
    return Graph((x, w), (elementwise.exp(x),)), Graph((x, w), (scaled,))


def given_scalar(value: int) -> Draw:
    """The number of a branch."""
    return lambda rng: np.asarray(value, np.int32)


def _users_square(x: Any) -> Any:
    """Stands for a user's function: it works on NumPy's and on JAX's arrays."""
    return x * x


def _seen(x: Any) -> None:
    """Stands for what prints a value."""


def _users_draw(words: Any, scale: Any) -> Any:
    """Stands for a sampler: three numbers for one key."""
    return words[..., :1] * scale


floats3 = TensorType((3,), np.dtype(float))


def _waves() -> Graph:
    """Two outputs: a sum of waves with weights, and the products alone."""
    x, w = Var(floats3), Var(floats3)
    waves = elementwise.multiply(elementwise.sin(x), w)
    return Graph((x, w), (spread.sum_(waves, (0,)), elementwise.multiply(x, w)))


e, s, n = elementwise, special, normal(2, 3)
g, i = gammas, integrals
positive, unit, zeros = between(0.2, 3, 2, 3), between(-0.9, 0.9, 2, 3), given(0.0, -0.0, 1.0)
whole, truth = integers(-5, 6, 2, 3), booleans(2, 3)
edges = given(-np.inf, -1.0, -0.0, 0.0, 2.0, np.inf, np.nan)
ties = given([1.0, 2.0, 2.0], [0.0, 0.0, -1.0])

EXAMPLES = (
    # signs, rounding and parts
    at(e.Negative(), n),
    at(e.Absolute(), n),
    at(e.Absolute(), zeros, smooth=False),
    at(e.Absolute(), whole),
    at(e.Absolute(), truth),
    at(e.Absolute(), complexes(3)),
    at(e.Sign(), n),
    at(e.Sign(), edges, smooth=False),
    at(e.Floor(), n),
    *[at(op(), whole) for op in (e.Floor, e.Ceil, e.Trunc)],
    at(e.Ceil(), n),
    at(e.Trunc(), n),
    at(e.Rint(), between(-3, 3, 8)),
    at(e.Rint(), given(-0.5, 0.5, 1.5, 2.5)),
    at(e.Copysign(), n, n),
    at(e.Heaviside(), n, n),
    at(e.Heaviside(), zeros, normal(3), smooth=False),
    at(e.Real(), complexes(3)),
    at(e.Imag(), complexes(3)),
    at(e.Imag(), n),
    at(e.Conjugate(), complexes(3)),
    at(e.Conjugate(), n),
    # arithmetic
    at(e.Add(), n, n),
    at(e.Add(), truth, truth),
    at(e.Subtract(), n, n),
    at(e.Multiply(), n, n),
    at(e.Multiply(), complexes(3), complexes(3)),
    at(e.Divide(), n, positive),
    at(e.FloorDivide(), between(-9, 9, 7), between(1, 3, 7)),
    at(e.FloorDivide(), given(1.0, -1.0, 0.0), given(0.0, 0.0, 0.0), smooth=False),
    at(e.FloorDivide(), whole, integers(-2, 3, 2, 3)),
    at(e.Remainder(), between(-9, 9, 7), between(1, 3, 7)),
    at(e.Remainder(), between(-9, 9, 7), between(-3, -1, 7)),
    at(e.Remainder(), given(1.0, -1.0, 0.0), given(0.0, 0.0, 0.0), smooth=False),
    at(e.Remainder(), whole, integers(-2, 3, 2, 3)),
    at(e.Fmod(), between(-9, 9, 7), between(1, 3, 7)),
    at(e.Fmod(), whole, integers(-2, 3, 2, 3)),
    at(e.Maximum(), n, n),
    at(e.Maximum(), ties, given([1.0, 2.0, 3.0], [0.0, -0.0, -1.0]), smooth=False),
    at(e.Maximum(), edges, given(*np.zeros(7)), smooth=False),
    at(e.Minimum(), n, n),
    at(e.Minimum(), ties, given([1.0, 2.0, 3.0], [0.0, -0.0, -1.0]), smooth=False),
    at(e.Fmax(), n, n),
    at(e.Fmax(), edges, given(*np.zeros(7)), smooth=False),
    at(e.Fmin(), n, n),
    at(e.Fmin(), ties, given([1.0, 2.0, 3.0], [0.0, -0.0, -1.0]), smooth=False),
    # powers
    at(e.Square(), n),
    at(e.Sqrt(), positive),
    at(e.SqrtOfSquares(), positive),
    at(e.Cbrt(), positive),
    at(e.Rsqrt(), positive),
    at(e.Reciprocal(), positive),
    at(e.Power(), positive, n),
    at(e.Power(), given(0.0, 0.0, 0.0), given(2.0, 1.0, 3.5), smooth=False),
    at(e.Power(), whole, integers(0, 4, 2, 3)),
    at(e.IntegerPower(3), n),
    at(e.IntegerPower(-2), positive),
    at(e.IntegerPower(1), n),
    at(e.IntegerPower(0), zeros),
    # exponentials and logarithms
    at(e.Exp(), n),
    at(e.Exp2(), n),
    at(e.Expm1(), n),
    at(e.Log(), positive),
    at(e.Log2(), positive),
    at(e.Log10(), positive),
    at(e.Log1p(), positive),
    at(e.Logaddexp(), n, n),
    at(e.Logaddexp2(), n, n),
    at(e.Logaddexp(), given(-np.inf, -np.inf, 0.0), given(-np.inf, 1.0, -np.inf), smooth=False),
    # angles
    at(e.Sin(), n),
    at(e.Cos(), n),
    at(e.Tan(), unit),
    at(e.Arcsin(), unit),
    at(e.Arccos(), unit),
    at(e.Arctan(), n),
    at(e.Arctan2(), n, n),
    at(e.Hypot(), n, n),
    at(e.Hypot(), given(0.0, 1.0), given(0.0, 0.0), smooth=False),
    at(e.Sinh(), n),
    at(e.Cosh(), n),
    at(e.Tanh(), n),
    at(e.Arcsinh(), n),
    at(e.Arccosh(), between(1.2, 3, 4)),
    at(e.Arctanh(), unit),
    # truth and bits
    at(e.IsNan(), edges),
    at(e.IsFinite(), edges),
    at(e.IsInf(), edges),
    at(e.Signbit(), edges),
    at(e.Equal(), whole, whole),
    at(e.NotEqual(), whole, whole),
    at(e.Less(), whole, whole),
    at(e.LessEqual(), whole, whole),
    at(e.Greater(), n, n),
    at(e.GreaterEqual(), whole, whole),
    at(e.LogicalNot(), truth),
    at(e.LogicalAnd(), truth, truth),
    at(e.LogicalOr(), truth, truth),
    at(e.LogicalXor(), truth, truth),
    at(e.Invert(), whole),
    at(e.Invert(), truth),
    at(e.BitwiseAnd(), whole, whole),
    at(e.BitwiseOr(), whole, whole),
    at(e.BitwiseXor(), truth, truth),
    at(e.LeftShift(), whole, integers(0, 5, 2, 3)),
    at(e.RightShift(), whole, integers(0, 5, 2, 3)),
    at(e.BitwiseCount(), whole),
    at(e.Gcd(), whole, integers(-9, 9, 2, 3)),
    at(e.Lcm(), whole, integers(-9, 9, 2, 3)),
    at(e.Where(), truth, n, n),
    at(Checked(Violation("OutOfRangeError", "at {value}", "look")), n, truth, n),
    at(e.Where(), truth, whole, whole),
    at(e.Cast(np.dtype("float32")), n, smooth=False),
    at(e.Cast(np.dtype("float64")), n),
    at(e.Cast(np.dtype("float64")), whole),
    at(e.Cast(np.dtype("int32")), n),
    at(e.Cast(np.dtype("bool")), whole),
    at(e.Cast(np.dtype("complex128")), n),
    # special functions
    at(s.Gammaln(), positive),
    at(s.Digamma(), positive),
    at(s.Polygamma(), given(0.0, 1.0, 2.0), between(0.5, 3, 3)),
    at(s.Erf(), n),
    at(s.Erfc(), n),
    at(s.Erfinv(), unit),
    at(s.Expit(), n),
    at(s.Logit(), between(0.1, 0.9, 4)),
    at(s.LogExpit(), n),
    at(s.LogExpit(), given(-800.0, 800.0)),
    at(s.Ndtr(), n),
    at(s.LogNdtr(), n),
    at(s.LogNdtr(), given(-30.0, 5.0)),
    at(s.InverseMills(), n),
    at(s.InverseMills(), given(-20.0, -5.0, 20.0)),
    at(s.Ndtri(), between(0.1, 0.9, 4)),
    at(s.I0e(), positive),
    at(s.I1e(), positive),
    at(s.I1e(), zeros, smooth=False),
    at(s.Xlogy(), n, positive),
    at(s.Xlog1py(), n, positive),
    # what stable forms are made of
    at(stable.Log1mexp(), between(-3, -0.1, 6)),
    at(stable.LogCosh(), n),
    at(stable.LogErfc(), between(-2, 6, 6)),
    at(stable.Radius(), n, n),
    at(stable.Radius(), given(0.0, 3.0, 0.0), given(0.0, 0.0, -4.0), smooth=False),
    at(stable.SinhOverCosh(), n),
    at(stable.XLogX(), positive),
    at(stable.LogRise(), given(0.5, 3.0, 40.0, 300.0), given(2.0, 0.25, 3.0, 0.5)),
    at(stable.DigammaRise(), given(0.5, 3.0, 40.0, 300.0), given(2.0, 0.25, 3.0, 0.5)),
    at(softmax.Softmax((1,)), normal(2, 3)),
    at(softmax.Softmax((0, 2), or_zero=True), normal(2, 3, 2)),
    at(softmax.SoftmaxMinus((0, 2)), normal(2, 3, 2), normal(2, 3, 2)),
    at(softmax.LogSoftmax((0, 2)), normal(2, 3, 2)),
    at(softmax.Logsumexp((0, 2)), normal(2, 3, 2)),
    at(softmax.Logsumexp((1,)), given([0.0, -np.inf], [-np.inf, -np.inf]), smooth=False),
    at(softmax.Logsumexp((1,)), normal(2, 0), smooth=False),
    at(softmax.WeightedLogsumexp((1,)), normal(2, 3), between(0.5, 2, 2, 3)),
    at(softmax.WeightedLogsumexp((1,)), normal(2, 2), given([0.0, 1.0], [2.0, 3.0]), smooth=False),
    at(g.Gamma(), positive),
    at(g.Gammasgn(), between(-2.9, 3, 6)),
    at(g.Loggamma(), positive),
    at(g.Factorial(), positive),
    at(g.Beta(), positive, positive),
    at(g.Betaln(), positive, positive),
    at(g.Poch(), positive, positive),
    at(g.Comb(), between(4, 6, 3), between(1, 3, 3)),
    at(g.Gammainc(), positive, positive, twice=False),
    at(g.Gammaincc(), positive, positive, twice=False),
    at(g.GammaincByA(), positive, positive),
    at(g.Betainc(), positive, positive, between(0.1, 0.9, 2, 3)),
    at(g.Zeta(), between(1.5, 4, 3), between(0.5, 3, 3)),
    at(g.Spence(), between(0.2, 3, 4)),
    at(g.Spence(), given(1.0, 1.0 + 1e-5)),
    at(i.Expi(), positive),
    at(i.Exp1(), positive),
    at(i.Expn(), given(1.0, 2.0, 3.0), between(0.5, 3, 3)),
    at(i.Si(), n),
    at(i.Ci(), positive),
    at(i.FresnelS(), n),
    at(i.FresnelC(), n),
    at(i.Dawsn(), n),
    at(i.Erfcx(), n),
    at(i.Wofz(), complexes(3)),
    at(i.OwensT(), n, n),
    at(i.Hyp1f1(), positive, between(1, 3, 2, 3), unit, twice=False),
    at(i.Hyp1f1By(0), positive, between(1, 3, 2, 3), unit),
    at(i.Hyp1f1By(1), positive, between(1, 3, 2, 3), unit),
    at(i.Hyp2f1(), positive, positive, between(1, 3, 2, 3), unit),
    at(i.I0(), n),
    at(i.I1(), n),
    at(i.I1(), given(0.0), smooth=False),
    at(i.Exprel(), n),
    at(i.Exprel(), given(0.0, 0.01, 0.0999, 0.1001)),
    at(i.Entr(), positive),
    at(i.RelEntr(), positive, positive),
    at(i.KlDiv(), positive, positive),
    # random numbers
    at(random.Draw(_users_draw, (3,), np.dtype(float)), integers(0, 9, 4, 2), normal(4, 3)),
    at(random.DiscreteDraw(_users_draw, (3,), np.dtype(int)), integers(0, 9, 2), integers(0, 9, 3)),
    # structure
    at(structural.Full((2, 3), Literal(1.5))),
    at(structural.Full((), Literal(np.True_))),
    at(structural.Constant(Literal(np.arange(3.0)))),
    at(structural.Iota((2, 3), 1, np.dtype("int64"))),
    at(structural.Expand((4, 2, 3, 2), (1, 2)), n),
    at(structural.Permute((2, 0, 1)), normal(2, 3, 4)),
    at(structural.Reshape((3, 2)), n),
    at(structural.Reverse((0,)), n),
    at(structural.Slice((0, 1), (2, 6), (1, 2)), normal(3, 7)),
    at(structural.Slice((1, 2), (1, 3), (1, 1)), normal(3, 7)),
    at(structural.Pad((1, 0), (0, 2), (0, 1)), n, normal()),
    at(structural.Concat(1), n, normal(2, 1), normal(2, 0)),
    at(window.Window(1, 3), normal(2, 7, 2)),
    at(window.Window(0, 1), normal(3)),
    at(sliding.WindowSum(1, 3), normal(2, 7, 2)),
    at(sliding.WindowSum(0, 7), integers(-5, 6, 9)),
    at(sliding.WindowMax(1, 7), normal(2, 9, 2)),
    at(sliding.WindowMax(0, 5), given(1.0, 2, 2, 2, 0, np.nan, 3, 3, 1, 3, 3), smooth=False),
    at(sliding.WindowMin(0, 4), normal(6)),
    at(sliding.WindowMin(0, 3), given(0.0, 0, 0, 1, 1, 0), smooth=False),
    at(sliding.WindowSquares(1, 3), normal(2, 6), given(*np.ones((2, 6)))),
    at(sliding.WindowSquares(0, 3), normal(6), given(0.0, 1, 1, 0, 0, 0)),
    at(segment.SegmentSum(1, 3), normal(2, 5, 2), given(2, 0, -1, 0, 2)),
    at(segment.SegmentSum(0, 2, True), integers(-5, 6, 4), given(0, 0, 1, 1)),
    at(
        segment.SegmentSum(1, 2),
        normal(2, 5),
        given(1, 0, -1, 0, 1),
        given([1, 0], [3, 4]),
    ),
    at(
        segment.SegmentMax(0, 2),
        normal(4),
        given(1, 0, 0, 1),
        given([1, -1, 0, -1], [2, -1, 3, -1]),
    ),
    at(segment.SegmentTotals(1, 3), normal(2, 5, 2), given(2, 0, -1, 0, 2)),
    at(segment.SegmentTotals(0, 2), given(1.0, np.nan, 2, np.nan), given(0, 0, 0, 1), smooth=False),
    at(segment.SegmentTotals(0, 2), normal(4, 3), given(0, 1, 1, 0), given([0, 1], [3, 2])),
    at(segment.SegmentTake(1), normal(2, 3, 2), given(2, 0, -1, 0, 2)),
    at(segment.SegmentTake(0, True), normal(3), given(0, 0, 2, 2)),
    at(segment.SegmentMax(1, 3), normal(2, 5), given(2, 0, -1, 0, 1)),
    at(
        segment.SegmentMax(0, 2),
        given(0.0, 1, 1, 0, np.nan, 2),
        given(-1, 0, 0, 0, 1, 1),
        smooth=False,
    ),
    at(segment.SegmentMin(0, 2), integers(-5, 6, 4), given(0, 1, 1, 0)),
    at(segment.SegmentMin(0, 3), given(1.0, 1, 1, 4), given(0, 0, 0, 2), smooth=False),
    at(window.Unwindow(1, 3, (2, 7, 2)), normal(2, 5, 2, 3)),
    at(window.SliceUpdate((0, 1), (2, 3), (1, 1), "set"), normal(3, 4), normal(2, 2)),
    at(window.SliceUpdate((0, 1), (3, 4), (2, 2), "set"), normal(3, 4), normal(2, 2)),
    at(window.SliceUpdate((1, 0), (3, 4), (1, 3), "add"), normal(3, 4), normal(2, 2)),
    # reductions
    at(reduce.Sum((0, 2)), normal(2, 3, 4)),
    at(reduce.Sum((0,)), whole),
    at(spread.Sums(), normal(11), normal(11)),
    at(reduce.Prod((1,)), normal(2, 5)),
    at(reduce.Prod((0, 2)), normal(2, 3, 4)),
    at(reduce.Prod((0,)), given(0.0, 2.0, 3.0)),
    at(reduce.Prod((0,)), given(0.0, 2.0, 0.0)),
    at(reduce.Max((1,)), normal(3, 4)),
    at(reduce.Max((0, 1)), ties, smooth=False),
    at(reduce.Max((0,)), edges, smooth=False),
    at(reduce.Min((0, 1)), n),
    at(reduce.Min((1,)), ties, smooth=False),
    at(reduce.Any((1,)), truth),
    at(reduce.All((0, 1)), truth),
    at(reduce.Argmax(1), ties),
    at(reduce.Argmin(0), edges),
    at(cumulative.CumSum(1), n),
    at(cumulative.CumSum(0, reverse=True), n),
    at(cumulative.CumProd(1), n),
    at(cumulative.CumProd(0, reverse=True), given(2.0, 0.0, 3.0, 0.0, 5.0)),
    at(cumulative.CumMax(0), normal(6)),
    at(cumulative.CumMax(1, reverse=True), ties, smooth=False),
    at(cumulative.CumMin(0), normal(6)),
    at(cumulative.CumMin(1), ties, smooth=False),
    at(cumulative.LinearRecurrence(1), normal(2, 5), normal(2, 5)),
    at(cumulative.LinearRecurrence(0, reverse=True), normal(5), normal(5)),
    at(recurrence.MatrixRecurrence(), normal(5, 2, 2), normal(5, 2)),
    at(recurrence.MatrixRecurrence(reverse=True), normal(4, 3, 3), normal(4, 3)),
    at(cumulative.CumLogsumexp(), normal(2, 5)),
    at(cumulative.CumLogsumexp(reverse=True), normal(5)),
    at(cumulative.CumLogsumexp(), given(-np.inf, -np.inf, 1.0, 800.0, -800.0), smooth=False),
    # indexing and sorting
    at(sort.ArgsortWithin(), ties, given([1, 0, 1], [0, 0, 0])),
    at(sort.ArgsortWithin(), edges, given(2, 0, 0, 1, 0, 1, 1)),
    at(sort.TopPositions(2), ties),
    at(sort.TopPositions(3), given(-np.inf, -1.0, 0.0, 2.0, np.inf, np.nan)),
    at(index.Take(1), normal(2, 5, 2), integers(0, 5, 3, 2)),
    at(index.Take(0, "clip"), normal(4), integers(-3, 8, 6)),
    at(index.PutAdd(1, "promise", (2, 5, 2)), normal(2, 3, 2), integers(0, 5, 3)),
    at(index.TakeAlong(0), normal(5, 2, 2), integers(0, 5, 3, 2, 2)),
    at(index.PutAlong(1, 5), normal(2, 4), integers(0, 5, 2, 4)),
    at(index.Gather(1, 1), normal(2, 5, 2), integers(0, 5, 2, 3)),
    at(index.Gather(0, 2), normal(3, 4, 2), integers(0, 3, 5), integers(0, 4, 5)),
    at(index.Gather(0, 1, "clip"), normal(3), integers(-2, 6, 2, 2)),
    at(index.Scatter(0, 1, "set"), normal(4, 2), normal(3, 2), given(2, 0, 2)),
    at(index.Scatter(1, 1, "set"), normal(2, 5), normal(2, 5), permutations(2, 5)),
    at(index.Scatter(1, 1, "add"), normal(2, 5, 2), normal(2, 3, 2), integers(0, 5, 2, 3)),
    at(
        index.Scatter(0, 2, "add", "clip"),
        normal(3, 4),
        normal(5),
        integers(-2, 6, 5),
        integers(-2, 6, 5),
    ),
    at(index.Scatter(0, 1, "multiply"), normal(4), normal(3), given(2, 0, 2)),
    at(index.Scatter(0, 1, "min"), normal(4), normal(3), given(2, 0, 2)),
    at(
        index.Scatter(0, 1, "max"),
        given(1.0, 2.0, 3.0),
        given(1.0, 1.0, 3.0),
        given(0, 0, 2),
        smooth=False,
    ),
    at(sort.Sort(1), normal(2, 5)),
    at(sort.Sort(0), edges, smooth=False),
    at(sort.Argsort(0), ties),
    at(sort.Argsort(0), edges),
    at(sort.Argsort(1, np.dtype("int32")), n),
    # contraction and linear algebra
    at(contract.Einsum(((0, 1, 2), (0, 2, 3)), (0, 1, 3)), normal(2, 3, 4), normal(2, 4, 2)),
    at(contract.Einsum(((0, 1), (2, 1)), (2, 0)), normal(2, 3), normal(4, 3)),
    at(contract.Einsum(((0, 1), (0, 2)), (1, 0, 2)), normal(2, 3), normal(2, 4)),
    at(contract.Einsum(((0, 0, 1),), (0,)), normal(3, 3, 2)),
    at(contract.Einsum(((0,), (1,), (0, 1)), ()), normal(2), normal(3), normal(2, 3)),
    at(contract.Einsum(((), (0,)), (0,)), normal(), normal(3)),
    at(contract.Einsum(((), (0,)), ()), lambda rng: np.array(np.nan), normal(0), smooth=False),
    at(linalg.Tril(1), normal(2, 3, 4)),
    at(linalg.Triu(-1), normal(3, 3)),
    at(linalg.Cholesky(), positive_matrices(2, 3, 3)),
    at(linalg.Inv(), matrices(2, 3, 3)),
    at(linalg.Solve(), matrices(2, 3, 3), normal(2, 3, 2)),
    at(linalg.SolveTriangular(True), matrices(3, 3), normal(3, 2)),
    at(linalg.SolveTriangular(False, transpose=True), matrices(2, 3, 3), normal(2, 3, 2)),
    at(linalg.SolveTriangular(True, unit=True), matrices(2, 3, 3), normal(2, 3, 2)),
    at(linalg.Det(), matrices(2, 3, 3)),
    at(linalg.LogDet(), positive_matrices(2, 3, 3)),
    at(linalg.LuFactors(), matrices(2, 3, 3)),
    at(linalg.TriedCholesky(), positive_matrices(2, 3, 3)),
    at(linalg.Expm(), normal(2, 3, 3)),
    at(linalg.Pinv(1e-10), normal(2, 4, 3)),
    at(linalg.Pinv(1e-10), normal(3, 4)),
    at(linalg.Svd(), normal(4, 3)),
    at(linalg.Qr(), normal(3, 3)),
    at(linalg.Qr(), normal(2, 3, 4)),
    at(linalg.Slogdet(), matrices(2, 3, 3)),
    at(linalg.Eigh(), positive_matrices(2, 3, 3)),
    at(linalg.Eigvalsh(), positive_matrices(3, 3)),
    at(linalg.Svd(), normal(2, 3, 4)),
    at(linalg.Svd(full=True), normal(3, 3)),
    at(linalg.Qr(), normal(2, 4, 3)),
    at(linalg.Qr(full=True), normal(4, 3)),
    at(Fft("fft", 0), normal(5)),
    at(Fft("fft", 0, 3, "ortho"), complexes(5)),
    at(Fft("ifft", 1, 6), complexes(2, 5)),
    at(Fft("rfft", 0), normal(6)),
    at(Fft("rfft", 1, 5), normal(2, 8)),
    at(Fft("irfft", 0, norm="ortho"), complexes(4)),
    at(Fft("irfft", -1, 5), complexes(2, 4)),
    at(Fft("irfft", 0), normal(4)),
    at(Fft("hfft", -1, None, "ortho"), complexes(2, 4)),
    at(Fft("ihfft", -1, 7), normal(2, 8)),
    at(Fft("irfft", 0, 9, "forward"), complexes(3)),
    at(JaxCall(_users_square, (floats3,)), normal(3)),
    at(HostCall(_users_square, (floats3,)), normal(3)),
    at(Printed(_seen), normal(3)),
    at(Printed(_seen), integers(0, 9, 3)),
    # loops and branches
    at(loops.Scan(_step(), 1, 1, 4), normal(2), normal(4, 2), normal()),
    at(loops.Scan(_step(), 1, 1, 3, reverse=True), normal(2), normal(3, 2), normal()),
    at(Barrier(), normal(3), normal(2, 2)),
    at(loops.While(*_count()), integers(0, 3), integers(7, 9)),
    at(loops.Switch(_branches()), given_scalar(0), normal(2), normal()),
    at(loops.Switch(_branches()), given_scalar(5), normal(2), normal()),
    # graphs
    at(Batched(_waves(), (True, False), 4), normal(4, 3), normal(3)),
    at(Batched(_waves(), (True, True), 3, 2), normal(3, 3), normal(3, 3)),
)
