"""Reductions of every run of ``size`` neighbours along an axis, without building the runs.

A run is put together from runs of 1, 2, 4, … neighbours, each of which joins two of half its length: about
2 log2(size) steps over the data, whatever it holds. Sums are added up pairwise, so that no digit is lost in long data,
as it would be in differences of running totals. ``pieces`` says which runs are joined.
"""

from collections.abc import Callable, Sequence
from typing import Any

from xgrad.axes.arithmetic import add, divide, maximum, minimum, multiply, scaled, subtract
from xgrad.axes.base import AbstractGeneral, AbstractLinear, TensorType
from xgrad.axes.constants import ones_like, zeros_like
from xgrad.axes.logic import equal, where
from xgrad.axes.spread import spread, sum_
from xgrad.axes.structural import pad_axis, slice_axis
from xgrad.graph import Var

State = tuple[Any, ...]  # what is known of each run: one array or several
Cut = Callable[[Any, int, int], Any]  # a part of an array along the axis


def pieces(size: int) -> list[tuple[int, int]]:
    """Disjoint runs that a run of ``size`` is made of: pairs (power, offset) for 2^power neighbours from ``offset`` on.

    >>> pieces(13)
    [(0, 0), (2, 1), (3, 5)]
    """
    found, offset = [], 0
    for power in range(size.bit_length()):
        if size >> power & 1:
            found.append((power, offset))
            offset += 1 << power
    return found


def joined(
    state: State, size: int, n: int, cut: Cut, join: Callable[[State, State], State]
) -> State:
    """What is known of the runs of ``size`` among ``n`` entries of which ``state`` is known."""

    def part(of: State, start: int, count: int) -> State:
        return tuple([cut(x, start, start + count) for x in of])

    offsets, count, result = dict(pieces(size)), n - size + 1, None
    for power in range(size.bit_length()):
        if power:
            half = 1 << power - 1
            n -= half
            state = join(part(state, 0, n), part(state, half, n))
        if power in offsets:
            piece = part(state, offsets[power], count)
            result = piece if result is None else join(result, piece)
    assert result is not None
    return result


def _emitted(xp: Any, state: State, op: Any, join: Callable[[State, State], State]) -> State:
    def cut(x: Any, start: int, stop: int) -> Any:
        return xp.lax.slice_in_dim(x, start, stop, axis=op.axis)

    return joined(state, op.size, state[0].shape[op.axis], cut, join)


_RADIX = (
    8  # runs joined at a time: for sums fewer, longer steps over the data are faster than halving
)


def _summed(xp: Any, x: Any, axis: int, size: int) -> Any:
    """Sums of runs of 1, 8, 64, … neighbours, and of as many of each as make up ``size``."""
    count, offset, span, total = x.shape[axis] - size + 1, 0, 1, None

    def added(total: Any, runs: Any, starts: Sequence[int], length: int) -> Any:
        for start in starts:
            part = xp.lax.slice_in_dim(runs, start, start + length, axis=axis)
            total = part if total is None else xp.add(total, part)
        return total

    while size:
        size, digit = divmod(size, _RADIX)
        total = added(total, x, range(offset, offset + digit * span, span), count)
        offset += digit * span
        if size:
            length = x.shape[axis] - (_RADIX - 1) * span
            x = added(None, x, range(0, _RADIX * span, span), length)
            span *= _RADIX
    return total


def _inferred(op: Any, x: TensorType) -> TensorType:
    shape = list(x.shape)
    shape[op.axis] += 1 - op.size
    assert op.size > 0 and shape[op.axis] >= 0, (op, x)
    return TensorType(tuple(shape), x.dtype)


class WindowSum(AbstractLinear):
    """The sum of every run of ``size`` neighbours along an axis, of which n - size + 1 remain."""

    axis: int
    size: int

    def infer(self, x: TensorType) -> TensorType:
        return _inferred(self, x)

    def emit(self, xp: Any, x: Any) -> Any:
        return _summed(xp, x, self.axis, self.size)

    def transpose(self, i: int, ct: Var, x: Var) -> Var:
        """Entry j is in the runs j - size + 1 to j: the sum of a run of the padded cotangent."""
        return self(pad_axis(ct, self.axis, self.size - 1, self.size - 1))


class AbstractWindowExtreme(AbstractGeneral):
    """The greatest or least value of every run. Those that attain it share the derivative equally."""

    axis: int
    size: int

    def combine(self, x: Var, y: Var) -> Var:
        """The extreme of two values."""
        raise NotImplementedError(f"{type(self).__name__}.combine")

    def infer(self, x: TensorType) -> TensorType:
        return _inferred(self, x)

    def pullback(
        self, wanted: Sequence[int], ins: Sequence[Var], outs: Sequence[Var], cts: Sequence[Var]
    ) -> dict[int, Var]:
        ties = _Ties(self, ins[0], outs[0])
        return {0: ties.scattered(divide(cts[0], ties.count))}

    def pushforward(
        self, ins: Sequence[Var], outs: Sequence[Var], tangents: dict[int, Var]
    ) -> tuple[Var, ...]:
        ties = _Ties(self, ins[0], outs[0])
        return (divide(ties.collected(tangents[0]), ties.count),)


class WindowMax(AbstractWindowExtreme):
    def combine(self, x: Var, y: Var) -> Var:
        return maximum(x, y)

    def emit(self, xp: Any, x: Any) -> Any:
        return _emitted(xp, (x,), self, lambda a, b: (xp.maximum(a[0], b[0]),))[0]


class WindowMin(AbstractWindowExtreme):
    def combine(self, x: Var, y: Var) -> Var:
        return minimum(x, y)

    def emit(self, xp: Any, x: Any) -> Any:
        return _emitted(xp, (x,), self, lambda a, b: (xp.minimum(a[0], b[0]),))[0]


class _Ties:
    """Which entries attain the extreme of a run, followed through the runs that it is joined from."""

    def __init__(self, op: AbstractWindowExtreme, x: Var, out: Var) -> None:
        self.axis, self.size, self.n = op.axis, op.size, x.type.shape[op.axis]
        self.pieces = pieces(op.size)
        self.halves: list[tuple[Var, Var]] = []
        levels = [x]
        for power in range(op.size.bit_length() - 1):
            length = self._length(power + 1)
            parts = [self._cut(levels[-1], start, length) for start in (0, 1 << power)]
            levels.append(op.combine(*parts))
            self.halves.append((equal(parts[0], levels[-1]), equal(parts[1], levels[-1])))
        n = out.type.shape[self.axis]
        self.whole = {p: equal(self._cut(levels[p], start, n), out) for p, start in self.pieces}
        count = self.collected(ones_like(x))
        self.count = maximum(count, ones_like(count))  # none attains a NaN

    def collected(self, t: Var) -> Var:
        """For every run the sum of ``t`` over the entries that attain its extreme."""
        levels = [t]
        for power, masks in enumerate(self.halves):
            starts, length = (0, 1 << power), self._length(power + 1)
            parts = [self._cut(levels[-1], start, length) for start in starts]
            levels.append(add(*map(_kept, masks, parts)))
        n = self._length(0) - self.size + 1
        return _total([_kept(self.whole[p], self._cut(levels[p], at, n)) for p, at in self.pieces])

    def scattered(self, ct: Var) -> Var:
        """The transpose of ``collected``."""
        pending = {
            p: self._put(_kept(self.whole[p], ct), start, self._length(p))
            for p, start in self.pieces
        }
        for power in reversed(range(len(self.halves))):
            above, length = pending[power + 1], self._length(power)
            first, second = self.halves[power]
            terms = [
                self._put(_kept(first, above), 0, length),
                self._put(_kept(second, above), 1 << power, length),
            ]
            pending[power] = _total([*terms, *[pending[p] for p in (power,) if p in pending]])
        return pending[0]

    def _length(self, power: int) -> int:
        """How many runs of 2^power there are."""
        return self.n - (1 << power) + 1

    def _cut(self, x: Var, start: int, length: int) -> Var:
        return slice_axis(x, self.axis, start, start + length)

    def _put(self, x: Var, start: int, length: int) -> Var:
        return pad_axis(x, self.axis, start, length - start - x.type.shape[self.axis])


def _kept(mask: Var, x: Var) -> Var:
    return where(mask, x, zeros_like(x))


def _total(terms: Sequence[Var]) -> Var:
    result, *rest = terms
    for term in rest:
        result = add(result, term)
    return result


class WindowSquares(AbstractGeneral):
    """For every run the weighted sum of squared distances from its weighted mean: sum w (x - m)², m = sum w x / sum w.

    Runs are joined by (w, m, s): with d = m' - m, s of both is s + s' + d² w w' / (w + w'), so that nothing cancels.
    ``w`` is not negative; x is finite also where w is 0.

    ds_i / dx_j = 2 w_j (x_j - m_i)
    """

    why = "the weight says which values count"
    differentiable_in = (0,)
    axis: int
    size: int

    def infer(self, x: TensorType, w: TensorType) -> TensorType:
        assert x == w, (self, x, w)
        return _inferred(self, x)

    def emit(self, xp: Any, x: Any, w: Any) -> Any:
        def join(a: State, b: State) -> State:
            (w, m, s), (v, n, t) = a, b
            both, apart = xp.add(w, v), xp.subtract(n, m)
            some = xp.where(xp.greater(both, xp.zeros_like(both)), both, xp.ones_like(both))
            share = xp.divide(v, some)
            moved = xp.add(m, xp.multiply(apart, share))
            between = xp.multiply(xp.multiply(apart, apart), xp.multiply(w, share))
            return both, moved, xp.add(xp.add(s, t), between)

        return _emitted(xp, (w, x, xp.zeros_like(x)), self, join)[2]

    def pullback(
        self, wanted: Sequence[int], ins: Sequence[Var], outs: Sequence[Var], cts: Sequence[Var]
    ) -> dict[int, Var]:
        """2 w_j sum_i ct_i (x_j - m_i)"""
        (x, w), (ct,) = ins, cts
        y, means = self._centred(x, w)
        apart = subtract(multiply(y, self._gathered(ct)), self._gathered(multiply(ct, means)))
        return {0: multiply(scaled(w, 2), apart)}

    def pushforward(
        self, ins: Sequence[Var], outs: Sequence[Var], tangents: dict[int, Var]
    ) -> tuple[Var, ...]:
        """2 sum_j w_j (x_j - m_i) t_j"""
        x, w = ins
        t = multiply(w, tangents[0])
        y, means = self._centred(x, w)
        total = WindowSum(self.axis, self.size)
        return (scaled(subtract(total(multiply(y, t)), multiply(means, total(t))), 2),)

    def _gathered(self, ct: Var) -> Var:
        """For every entry the sum of the cotangents of the runs it is in."""
        rows = self.size - 1
        return WindowSum(self.axis, self.size)(pad_axis(ct, self.axis, rows, rows))

    def _centred(self, x: Var, w: Var) -> tuple[Var, Var]:
        """x, and its means over the runs, less its mean along the axis: the smaller, the less is lost."""
        y = subtract(x, spread(_mean(sum_, x, w, (self.axis,)), x.type.shape, (self.axis,)))
        total = WindowSum(self.axis, self.size)
        return y, _mean(lambda v, axes: total(v), y, w, ())


def _mean(total: Callable[..., Var], x: Var, w: Var, axes: Sequence[int]) -> Var:
    """The weighted mean; 0 where there is no weight."""
    weight = total(w, axes)
    some = where(equal(weight, zeros_like(weight)), ones_like(weight), weight)
    return divide(total(multiply(w, x), axes), some)
