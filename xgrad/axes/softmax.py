"""Sums of exponentials and what they are divided by, along axes: from the greatest value, so that none overflows."""

from collections.abc import Sequence
from math import prod
from typing import Any

import numpy as np

from xgrad.axes.arithmetic import add, multiply, negative, subtract
from xgrad.axes.base import AbstractGeneral, TensorType
from xgrad.axes.constants import full_like, zeros_like
from xgrad.axes.logic import equal, where
from xgrad.axes.spread import other_axes, spread, sum_, without_axes
from xgrad.axes.transcendental import exp
from xgrad.graph import Var


class Softmax(AbstractGeneral):
    """e^x / Σ e^x along ``axes``. Where all x are -∞, NaN as of 0 / 0, or 0 if ``or_zero``.

    With ``or_zero`` it is made of the sums that Logsumexp and LogSoftmax take, so that beside one of them, as in its
    derivative, they are taken once. d = out (t - Σ out t), in both modes.
    """

    axes: tuple[int, ...]
    or_zero: bool = False

    def infer(self, x: TensorType) -> TensorType:
        return x

    def emit(self, xp: Any, x: Any) -> Any:
        top = _greatest(xp, x, self.axes)
        if self.or_zero:
            total = _total(xp, _rest(xp, x, top, self))
            return xp.divide(xp.exp(_below(xp, x, top, self)), _wide(xp, total, x, self))
        terms = xp.exp(xp.subtract(x, _wide(xp, _finite(xp, top), x, self)))
        return xp.divide(terms, _wide(xp, xp.sum(terms, self.axes), x, self))

    def pullback(
        self, wanted: Sequence[int], ins: Sequence[Var], outs: Sequence[Var], cts: Sequence[Var]
    ) -> dict[int, Var]:
        return {0: self._derivative(outs[0], cts[0])}

    def pushforward(
        self, ins: Sequence[Var], outs: Sequence[Var], tangents: dict[int, Var]
    ) -> tuple[Var, ...]:
        return (self._derivative(outs[0], tangents[0]),)

    def _derivative(self, out: Var, t: Var) -> Var:
        part = multiply(out, t)  # read twice: the mask around t is then fused into it
        mean = spread(sum_(part, self.axes), out.type.shape, self.axes)
        return subtract(part, multiply(out, mean))


class SoftmaxMinus(AbstractGeneral):
    """softmax(x) Σ y - y along ``axes``: what goes backwards through LogSoftmax, but for the sign.

    For the greatest x it is (Σ y - y) - (1 - softmax) Σ y, which has all digits where the share is nearly 1.
    """

    axes: tuple[int, ...]

    def describe(self) -> str:
        """How graphs are printed with it."""
        return f"softmax(x)·Σy - y (axes={self.axes})"

    def infer(self, x: TensorType, y: TensorType) -> TensorType:
        assert x == y, (self, x, y)
        return x

    def emit(self, xp: Any, x: Any, y: Any) -> Any:
        top = _greatest(xp, x, self.axes)
        rest = _rest(xp, x, top, self)
        total = _wide(xp, _total(xp, rest), x, self)
        y_total = _wide(xp, xp.sum(y, self.axes), x, self)
        share = xp.divide(xp.exp(_below(xp, x, top, self)), total)
        others = xp.divide(_wide(xp, rest, x, self), total)
        of_greatest = xp.subtract(xp.subtract(y_total, y), xp.multiply(others, y_total))
        of_less = xp.subtract(xp.multiply(share, y_total), y)
        return xp.where(xp.equal(x, _wide(xp, top, x, self)), of_greatest, of_less)

    def pullback(
        self, wanted: Sequence[int], ins: Sequence[Var], outs: Sequence[Var], cts: Sequence[Var]
    ) -> dict[int, Var]:
        x, y = ins
        found = {0: self._by_x(x, y, cts[0]), 1: negative(_less_mean(x, cts[0], self.axes))}
        return {i: found[i] for i in wanted}

    def pushforward(
        self, ins: Sequence[Var], outs: Sequence[Var], tangents: dict[int, Var]
    ) -> tuple[Var, ...]:
        x, y = ins
        moved = [self._by_x(x, y, tangents[0])] if 0 in tangents else []
        moved += [SoftmaxMinus(self.axes)(x, tangents[1])] if 1 in tangents else []
        return (moved[0] if len(moved) == 1 else add(*moved),)

    def _by_x(self, x: Var, y: Var, t: Var) -> Var:
        """Σ y softmax (t - Σ softmax t), in both modes."""
        total = spread(sum_(y, self.axes), x.type.shape, self.axes)
        bend = multiply(softmax(x, self.axes, or_zero=True), _less_mean(x, t, self.axes))
        return multiply(total, bend)


class LogSoftmax(AbstractGeneral):
    """x - log Σ e^x along ``axes``: exact where one term is nearly all of the sum, too. d = t - Σ softmax t"""

    axes: tuple[int, ...]

    def infer(self, x: TensorType) -> TensorType:
        return x

    def emit(self, xp: Any, x: Any) -> Any:
        top = _greatest(xp, x, self.axes)
        rest = xp.log1p(_rest(xp, x, top, self))
        return xp.subtract(xp.subtract(x, _wide(xp, top, x, self)), _wide(xp, rest, x, self))

    def pullback(
        self, wanted: Sequence[int], ins: Sequence[Var], outs: Sequence[Var], cts: Sequence[Var]
    ) -> dict[int, Var]:
        (x,), (ct,) = ins, cts
        return {0: SoftmaxMinus(self.axes)(x, negative(ct))}

    def pushforward(
        self, ins: Sequence[Var], outs: Sequence[Var], tangents: dict[int, Var]
    ) -> tuple[Var, ...]:
        return (_less_mean(ins[0], tangents[0], self.axes),)


class Logsumexp(AbstractGeneral):
    """log Σ e^x over ``axes``, which are dropped. d = Σ softmax t, and 0 where all x are -∞"""

    axes: tuple[int, ...]

    def infer(self, x: TensorType) -> TensorType:
        return TensorType(without_axes(x.shape, self.axes), x.dtype)

    def emit(self, xp: Any, x: Any) -> Any:
        top = _greatest(xp, x, self.axes)
        if _is_empty(x, self.axes):
            return top
        return xp.add(top, xp.log1p(_rest(xp, x, top, self)))

    def pullback(
        self, wanted: Sequence[int], ins: Sequence[Var], outs: Sequence[Var], cts: Sequence[Var]
    ) -> dict[int, Var]:
        (x,), (ct,) = ins, cts
        share = softmax(x, self.axes, or_zero=True)
        return {0: multiply(spread(ct, x.type.shape, self.axes), share)}

    def pushforward(
        self, ins: Sequence[Var], outs: Sequence[Var], tangents: dict[int, Var]
    ) -> tuple[Var, ...]:
        share = softmax(ins[0], self.axes, or_zero=True)
        return (sum_(multiply(share, tangents[0]), self.axes),)


class WeightedLogsumexp(AbstractGeneral):
    """log Σ w e^x over ``axes``; weights of any sign, and what has weight 0 counts for nothing, unless it is NaN.

    d/dx = w e^(x - out), d/dw = e^(x - out)
    """

    axes: tuple[int, ...]

    def infer(self, x: TensorType, w: TensorType) -> TensorType:
        assert x == w, (self, x, w)
        return TensorType(without_axes(x.shape, self.axes), x.dtype)

    def emit(self, xp: Any, x: Any, w: Any) -> Any:
        zero = xp.zeros_like(x)
        absent = xp.equal(w, zero)
        present = xp.where(absent, xp.minimum(x, xp.full_like(x, -np.inf)), x)
        top = _greatest(xp, present, self.axes)
        shifted = xp.subtract(present, _wide(xp, _finite(xp, top), x, self))
        return xp.add(top, xp.log(xp.sum(xp.multiply(w, xp.exp(shifted)), self.axes)))

    def pullback(
        self, wanted: Sequence[int], ins: Sequence[Var], outs: Sequence[Var], cts: Sequence[Var]
    ) -> dict[int, Var]:
        x, w = ins
        ct = spread(cts[0], x.type.shape, self.axes)
        by_weight = multiply(ct, self._ratio(x, outs[0]))
        found = {0: multiply(by_weight, w), 1: by_weight}
        return {i: found[i] for i in wanted}

    def pushforward(
        self, ins: Sequence[Var], outs: Sequence[Var], tangents: dict[int, Var]
    ) -> tuple[Var, ...]:
        x, w = ins
        moved = [multiply(w, tangents[0])] if 0 in tangents else []
        moved += [tangents[1]] if 1 in tangents else []
        change = moved[0] if len(moved) == 1 else add(*moved)
        return (sum_(multiply(self._ratio(x, outs[0]), change), self.axes),)

    def _ratio(self, x: Var, out: Var) -> Var:
        """e^(x - out), and 0 where the sum is empty."""
        nothing = equal(out, full_like(out, -np.inf))
        total = spread(where(nothing, zeros_like(out), out), x.type.shape, self.axes)
        return exp(subtract(x, total))


def _greatest(xp: Any, x: Any, axes: tuple[int, ...]) -> Any:
    """The greatest value over ``axes``; -∞ where there is none."""
    if _is_empty(x, axes):
        return xp.full(without_axes(x.shape, axes), -np.inf, dtype=x.dtype)
    return xp.lax.reduce_max(x, axes)


def _is_empty(x: Any, axes: tuple[int, ...]) -> bool:
    return prod([x.shape[a] for a in axes]) == 0


def _finite(xp: Any, top: Any) -> Any:
    """``top``, and 0 where it is infinite: what is subtracted before exponentials are taken."""
    return xp.where(xp.isinf(top), xp.zeros_like(top), top)


def _below(xp: Any, x: Any, top: Any, op: Any) -> Any:
    """x - top; and x itself where all are -∞."""
    nothing = xp.equal(top, xp.full_like(top, -np.inf))
    return xp.subtract(x, _wide(xp, xp.where(nothing, xp.zeros_like(top), top), x, op))


def _rest(xp: Any, x: Any, top: Any, op: Any) -> Any:
    """Σ e^(x - top) - 1: without the greatest term, which is 1, so that small ones keep their digits.

    XLA would write two arrays of the size of x before summing if the sums had an array in common: so what is compared
    for one is compared in another way for the other.
    """
    wide = _wide(xp, top, x, op)
    smaller = xp.where(xp.equal(x, wide), xp.full_like(x, -np.inf), _below(xp, x, top, op))
    ties = xp.sum(xp.astype(xp.greater_equal(x, wide), x.dtype), op.axes)
    return xp.add(xp.sum(xp.exp(smaller), op.axes), xp.subtract(ties, xp.ones_like(ties)))


def _total(xp: Any, rest: Any) -> Any:
    return xp.add(rest, xp.ones_like(rest))


def _wide(xp: Any, small: Any, x: Any, op: Any) -> Any:
    """A value per row spread over the axes that were reduced."""
    return xp.lax.broadcast_in_dim(small, x.shape, other_axes(x.ndim, op.axes))


def _less_mean(x: Var, t: Var, axes: tuple[int, ...]) -> Var:
    """t - Σ softmax(x) t"""
    mean = sum_(multiply(softmax(x, axes, or_zero=True), t), axes)
    return subtract(t, spread(mean, t.type.shape, axes))


def softmax(x: Var, axes: Sequence[int], or_zero: bool = False) -> Var:
    return Softmax(tuple(axes), or_zero)(x)
