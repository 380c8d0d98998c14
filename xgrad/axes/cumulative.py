"""Running totals, products and extremes along one axis, and the linear recurrence that gives their derivatives."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from xgrad.axes.arithmetic import add, multiply, subtract
from xgrad.axes.base import AbstractGeneral, AbstractLinear, TensorType
from xgrad.axes.constants import full, full_like, zeros_like
from xgrad.axes.logic import IsFinite, NotEqual, cast, equal, less, logical_and, logical_or, where
from xgrad.axes.structural import pad_axis, slice_axis
from xgrad.axes.transcendental import exp
from xgrad.graph import Var


class CumSum(AbstractLinear):
    """The running total, from the front or from the back."""

    axis: int
    reverse: bool = False

    def infer(self, x: TensorType) -> TensorType:
        return x

    def emit(self, xp: Any, x: Any) -> Any:
        return xp.lax.cumsum(x, self.axis, self.reverse)

    def transpose(self, i: int, ct: Var, x: Var) -> Var:
        return cumsum(ct, self.axis, not self.reverse)


class AbstractCumulative(AbstractGeneral):
    """A running value of the input's type, from the front or from the back."""

    axis: int
    reverse: bool = False

    def infer(self, x: TensorType) -> TensorType:
        return x

    def before(self, x: Var, fill: Any = 0) -> Var:
        """The value one position earlier in the running order."""
        return shift(x, self.axis, self.reverse, fill)

    def after(self, x: Var, fill: Any = 0) -> Var:
        """The value one position later in the running order."""
        return shift(x, self.axis, not self.reverse, fill)


class AbstractOfParts(AbstractGeneral):
    """An op whose results can count in parts: what is in none of these must not spoil their derivatives."""

    def pullback_of_parts(self, x: Var, out: Var, ct: Var) -> Var:
        """The pullback where masks or slices have made the cotangent zero in places."""
        raise NotImplementedError(f"{type(self).__name__}.pullback_of_parts")


class CumProd(AbstractCumulative, AbstractOfParts):
    """The running product. With p the product of all earlier values, both modes are recurrences without a division:

    ẏ_i = x_i ẏ_{i-1} + p_i ẋ_i    and    x̄_i = p_i s_i,  s_i = ȳ_i + x_{i+1} s_{i+1}
    """

    def emit(self, xp: Any, x: Any) -> Any:
        return xp.lax.cumprod(x, self.axis, self.reverse)

    def pullback(
        self, wanted: Sequence[int], ins: Sequence[Var], outs: Sequence[Var], cts: Sequence[Var]
    ) -> dict[int, Var]:
        s = linear_recurrence(self.after(ins[0]), cts[0], self.axis, not self.reverse)
        return {0: multiply(self.before(outs[0], fill=1), s)}

    def pushforward(
        self, ins: Sequence[Var], outs: Sequence[Var], tangents: dict[int, Var]
    ) -> tuple[Var, ...]:
        b = multiply(self.before(outs[0], fill=1), tangents[0])
        return (linear_recurrence(ins[0], b, self.axis, self.reverse),)

    def pullback_of_parts(self, x: Var, out: Var, ct: Var) -> Var:
        counts = _counts(ct, self.axis, self.reverse)
        known = logical_or(counts, IsFinite()(x))
        kept = where(known, x, zeros_like(x))
        found = self.pullback([0], [kept], [out], [ct])[0]
        known = logical_or(counts, logical_and(IsFinite()(x), IsFinite()(found)))
        return where(known, found, zeros_like(found))


class AbstractCumulativeExtreme(AbstractCumulative):
    """The running extreme. At each position its derivative is that of ``maximum``: a tie is shared equally.

    With k_i = 1 where the extreme is still that of position i-1, 0 where it is a new one, 1/2 where both are equal:

    ẏ_i = (1 - k_i) ẋ_i + k_i ẏ_{i-1}    and    x̄_i = (1 - k_i) s_i,  s_i = ȳ_i + k_{i+1} s_{i+1}
    """

    def pullback(
        self, wanted: Sequence[int], ins: Sequence[Var], outs: Sequence[Var], cts: Sequence[Var]
    ) -> dict[int, Var]:
        kept = self._kept(ins[0], outs[0], cts[0].type.dtype)
        s = linear_recurrence(self.after(kept), cts[0], self.axis, not self.reverse)
        return {0: _without(kept, s)}

    def pushforward(
        self, ins: Sequence[Var], outs: Sequence[Var], tangents: dict[int, Var]
    ) -> tuple[Var, ...]:
        kept = self._kept(ins[0], outs[0], tangents[0].type.dtype)
        b = _without(kept, tangents[0])
        return (linear_recurrence(kept, b, self.axis, self.reverse),)

    def _kept(self, x: Var, out: Var, dtype: np.dtype) -> Var:
        """k: how much of the running extreme is that of one position earlier."""
        n = out.type.shape[self.axis]
        one, other = slice_axis(out, self.axis, 1, n), slice_axis(out, self.axis, 0, n - 1)
        still = pad_axis(equal(one, other), self.axis, int(not self.reverse), int(self.reverse))
        return multiply(cast(still, dtype), where(equal(x, out), *_half_and_one(x, dtype)))


def _half_and_one(x: Var, dtype: np.dtype) -> tuple[Var, Var]:
    shape = x.type.shape
    return full(shape, 0.5, dtype), full(shape, 1, dtype)


def _without(kept: Var, t: Var) -> Var:
    """(1 - k) t; 0 where nothing is left of it, whatever t is."""
    one = full_like(kept, 1)
    return where(equal(kept, one), zeros_like(t), multiply(subtract(one, kept), t))


class CumMax(AbstractCumulativeExtreme):
    def emit(self, xp: Any, x: Any) -> Any:
        return xp.lax.cummax(x, self.axis, self.reverse)


class CumMin(AbstractCumulativeExtreme):
    def emit(self, xp: Any, x: Any) -> Any:
        return xp.lax.cummin(x, self.axis, self.reverse)


class LinearRecurrence(AbstractCumulative):
    """y_i = a_i y_{i-1} + b_i from y_{-1} = 0, along one axis, from the front or from the back.

    ẏ_i = a_i ẏ_{i-1} + (ḃ_i + ȧ_i y_{i-1})    and    b̄_i = ȳ_i + a_{i+1} b̄_{i+1},  ā_i = b̄_i y_{i-1}
    """

    def infer(self, a: TensorType, b: TensorType) -> TensorType:
        assert a == b, (a, b)
        return b

    def emit(self, xp: Any, a: Any, b: Any) -> Any:
        return xp.linear_recurrence(a, b, self.axis, self.reverse)

    def pullback(
        self, wanted: Sequence[int], ins: Sequence[Var], outs: Sequence[Var], cts: Sequence[Var]
    ) -> dict[int, Var]:
        b_ct = linear_recurrence(self.after(ins[0]), cts[0], self.axis, not self.reverse)
        rules = {0: lambda: multiply(b_ct, self.before(outs[0])), 1: lambda: b_ct}
        return {i: rules[i]() for i in wanted}

    def pushforward(
        self, ins: Sequence[Var], outs: Sequence[Var], tangents: dict[int, Var]
    ) -> tuple[Var, ...]:
        terms = []
        if 0 in tangents:
            terms.append(multiply(tangents[0], self.before(outs[0])))
        if 1 in tangents:
            terms.append(tangents[1])
        b = terms[0] if len(terms) == 1 else add(*terms)
        return (linear_recurrence(ins[0], b, self.axis, self.reverse),)


class CumLogsumexp(AbstractOfParts):
    """log Σ_{j≤i} e^{x_j} along the last axis, from the front or from the back; 0 of the shares where all are -∞.

    With p_i = e^{x_i - out_i} and d_i = e^{out_{i-1} - out_i}, neither above 1:

    ẏ_i = p_i ẋ_i + d_i ẏ_{i-1}    and    x̄_i = p_i s_i,  s_i = ȳ_i + d_{i+1} s_{i+1}
    """

    reverse: bool = False

    def infer(self, x: TensorType) -> TensorType:
        return x

    def emit(self, xp: Any, x: Any) -> Any:
        return xp.lax.cumlogsumexp(x, x.ndim - 1, self.reverse)

    def pullback(
        self, wanted: Sequence[int], ins: Sequence[Var], outs: Sequence[Var], cts: Sequence[Var]
    ) -> dict[int, Var]:
        return {0: self._pulled(*self._shares(ins[0], outs[0]), cts[0])}

    def pushforward(
        self, ins: Sequence[Var], outs: Sequence[Var], tangents: dict[int, Var]
    ) -> tuple[Var, ...]:
        share, decay = self._shares(ins[0], outs[0])
        new = multiply(share, tangents[0])
        return (linear_recurrence(decay, new, outs[0].type.ndim - 1, self.reverse),)

    def _pulled(self, share: Var, decay: Var, ct: Var) -> Var:
        axis = ct.type.ndim - 1
        later = shift(decay, axis, not self.reverse)
        return multiply(share, linear_recurrence(later, ct, axis, not self.reverse))

    def pullback_of_parts(self, x: Var, out: Var, ct: Var) -> Var:
        counts = _counts(ct, out.type.ndim - 1, self.reverse)
        known = logical_or(counts, less(out, full_like(out, np.inf)))

        def kept(v: Var) -> Var:
            return where(known, v, zeros_like(v))

        share, decay = self._shares(x, out)
        return kept(self._pulled(kept(share), kept(decay), ct))

    def _shares(self, x: Var, out: Var) -> tuple[Var, Var]:
        """Of each total what is new, and what was there before."""
        nothing = equal(out, full_like(out, -np.inf))
        safe = where(nothing, zeros_like(out), out)
        before = shift(out, out.type.ndim - 1, self.reverse, -np.inf)
        return exp(subtract(x, safe)), exp(subtract(before, safe))


def _counts(ct: Var, axis: int, reverse: bool) -> Var:
    """Whether the cotangent of a running value is not zero at a position, or at one that is later in its order."""
    here = cast(NotEqual()(ct, zeros_like(ct)), np.dtype(np.int8))
    return cast(CumMax(axis, not reverse)(here), np.dtype(bool))


def shift(x: Var, axis: int, backwards: bool, fill: Any = 0) -> Var:
    """Every value moved one position along an axis, towards its end or ``backwards``; ``fill`` comes in."""
    n = x.type.shape[axis]
    if n == 0:
        return x
    if backwards:
        return pad_axis(slice_axis(x, axis, 1, n), axis, 0, 1, fill)
    return pad_axis(slice_axis(x, axis, 0, n - 1), axis, 1, 0, fill)


def cumsum(x: Var, axis: int, reverse: bool = False) -> Var:
    return CumSum(axis, reverse)(x)


def linear_recurrence(a: Var, b: Var, axis: int, reverse: bool = False) -> Var:
    return LinearRecurrence(axis, reverse)(a, b)
