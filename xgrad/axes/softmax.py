"""Sums of exponentials and what they are divided by, along axes: from the greatest value, so that none overflows."""

from collections.abc import Sequence
from math import prod
from typing import Any

import numpy as np

from xgrad.axes.arithmetic import add, multiply, subtract
from xgrad.axes.base import AbstractGeneral, TensorType
from xgrad.axes.constants import full_like, zeros_like
from xgrad.axes.logic import equal, where
from xgrad.axes.spread import other_axes, spread, sum_, without_axes
from xgrad.axes.transcendental import exp
from xgrad.graph import Var


class Softmax(AbstractGeneral):
    """e^x / Σ e^x along ``axes``. Where all x are -∞, NaN as of 0 / 0, or 0 if ``or_zero``.

    d = out (t - Σ out t), in both modes.
    """

    axes: tuple[int, ...]
    or_zero: bool = False

    def infer(self, x: TensorType) -> TensorType:
        return x

    def emit(self, xp: Any, x: Any) -> Any:
        terms = xp.exp(xp.subtract(x, _wide(xp, _finite(xp, _greatest(xp, x, self.axes)), x, self)))
        total = xp.sum(terms, self.axes)
        if self.or_zero:
            total = xp.where(xp.equal(total, xp.zeros_like(total)), xp.ones_like(total), total)
        return xp.divide(terms, _wide(xp, total, x, self))

    def pullback(
        self, wanted: Sequence[int], ins: Sequence[Var], outs: Sequence[Var], cts: Sequence[Var]
    ) -> dict[int, Var]:
        return {0: self._derivative(outs[0], cts[0])}

    def pushforward(
        self, ins: Sequence[Var], outs: Sequence[Var], tangents: dict[int, Var]
    ) -> tuple[Var, ...]:
        return (self._derivative(outs[0], tangents[0]),)

    def _derivative(self, out: Var, t: Var) -> Var:
        mean = spread(sum_(multiply(out, t), self.axes), out.type.shape, self.axes)
        return multiply(out, subtract(t, mean))


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
        total = spread(sum_(ct, self.axes), x.type.shape, self.axes)
        return {0: subtract(ct, multiply(softmax(x, self.axes), total))}

    def pushforward(
        self, ins: Sequence[Var], outs: Sequence[Var], tangents: dict[int, Var]
    ) -> tuple[Var, ...]:
        (x,), t = ins, tangents[0]
        mean = sum_(multiply(softmax(x, self.axes), t), self.axes)
        return (subtract(t, spread(mean, x.type.shape, self.axes)),)


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


def _rest(xp: Any, x: Any, top: Any, op: Any) -> Any:
    """Σ e^(x - top) - 1: without the greatest term, which is 1, so that small ones keep their digits."""
    wide = _wide(xp, top, x, op)
    is_top = xp.equal(x, wide)
    terms = xp.exp(xp.subtract(x, _wide(xp, _finite(xp, top), x, op)))
    others = xp.sum(xp.where(is_top, xp.zeros_like(x), terms), op.axes)
    ties = xp.sum(xp.astype(is_top, x.dtype), op.axes)
    return xp.add(others, xp.subtract(ties, xp.ones_like(ties)))


def _wide(xp: Any, small: Any, x: Any, op: Any) -> Any:
    """A value per row spread over the axes that were reduced."""
    return xp.lax.broadcast_in_dim(small, x.shape, other_axes(x.ndim, op.axes))


def softmax(x: Var, axes: Sequence[int], or_zero: bool = False) -> Var:
    return Softmax(tuple(axes), or_zero)(x)
