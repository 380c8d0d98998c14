"""The exponential and the pseudo-inverse of matrices on the last two axes, all axes before them batch."""

from collections.abc import Sequence
from typing import Any

from xgrad.axes.arithmetic import add, subtract
from xgrad.axes.base import AbstractGeneral, Flow, TensorType
from xgrad.axes.constants import zeros_like
from xgrad.axes.matrices import matmul, transposed
from xgrad.axes.structural import concat, slice_axis
from xgrad.graph import Var


class Expm(AbstractGeneral):
    """exp(A) = Σ Aᵏ / k!, by scaling and squaring.

    The derivative L(A, E) is the upper right block of exp [[A, E], [0, A]] (Najfeld & Havel 1995), and Ā = L(Aᵀ, ct).
    """

    def infer(self, a: TensorType) -> TensorType:
        assert a.shape[-1] == a.shape[-2], a
        return a

    def emit(self, xp: Any, a: Any) -> Any:
        return xp.expm(a)

    def pullback(
        self, wanted: Sequence[int], ins: Sequence[Var], outs: Sequence[Var], cts: Sequence[Var]
    ) -> dict[int, Var]:
        return {0: _change_of_exponential(transposed(ins[0]), cts[0])}

    def pushforward(
        self, ins: Sequence[Var], outs: Sequence[Var], tangents: dict[int, Var]
    ) -> tuple[Var, ...]:
        return (_change_of_exponential(ins[0], tangents[0]),)


def _change_of_exponential(a: Var, change: Var) -> Var:
    rows, columns, n = a.type.ndim - 2, a.type.ndim - 1, a.type.shape[-1]
    upper, lower = concat([a, change], columns), concat([zeros_like(a), a], columns)
    whole = Expm()(concat([upper, lower], rows))
    return slice_axis(slice_axis(whole, rows, 0, n), columns, n, 2 * n)


class Pinv(AbstractGeneral):
    """The Moore-Penrose inverse P of A; singular values below ``rtol`` times the largest count as zero.

    Where the rank is constant, Ṗ = -P Ȧ P + P Pᵀ Ȧᵀ (1 - A P) + (1 - P A) Ȧᵀ Pᵀ P (Golub & Pereyra 1973).
    """

    why = "the derivative for complex matrices is not written"
    rtol: float

    def infer(self, a: TensorType) -> TensorType:
        return TensorType((*a.shape[:-2], a.shape[-1], a.shape[-2]), a.dtype)

    def flow(self, i: int, out: int, types: Sequence[TensorType]) -> Flow:
        return Flow.MISSING if types[0].dtype.kind == "c" else Flow.VALUE

    def emit(self, xp: Any, a: Any) -> Any:
        return xp.linalg.pinv(a, rtol=self.rtol)

    def pullback(
        self, wanted: Sequence[int], ins: Sequence[Var], outs: Sequence[Var], cts: Sequence[Var]
    ) -> dict[int, Var]:
        (a,), (p,) = ins, outs
        turned, ct = transposed(p), transposed(cts[0])
        through = matmul(matmul(turned, cts[0]), turned)
        left, right = matmul(ct, matmul(p, turned)), matmul(matmul(turned, p), ct)
        return {0: subtract(add(_beside(a, p, left), _beside_right(p, a, right)), through)}

    def pushforward(
        self, ins: Sequence[Var], outs: Sequence[Var], tangents: dict[int, Var]
    ) -> tuple[Var, ...]:
        (a,), (p,) = ins, outs
        turned, t = transposed(p), transposed(tangents[0])
        through = matmul(matmul(p, tangents[0]), p)
        left, right = matmul(matmul(p, turned), t), matmul(t, matmul(turned, p))
        return (subtract(add(_beside_right(a, p, left), _beside(p, a, right)), through),)


def _beside(a: Var, p: Var, x: Var) -> Var:
    """(1 - A P) x"""
    return subtract(x, matmul(a, matmul(p, x)))


def _beside_right(a: Var, p: Var, x: Var) -> Var:
    """x (1 - A P)"""
    return subtract(x, matmul(matmul(x, a), p))
