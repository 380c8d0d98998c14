"""Linear systems on the last two axes, all axes before them batch: solutions, inverses, determinants."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from xgrad.axes.arithmetic import multiply, negative, real_dtype, subtract
from xgrad.axes.base import AbstractGeneral, AbstractOpaque, Flow, TensorType
from xgrad.axes.constants import ones_like, zeros_like
from xgrad.axes.matrices import (
    Tril,
    Triu,
    diagonal,
    diagonal_matrix,
    matmul,
    times_matrix,
    trace,
    transposed,
)
from xgrad.graph import Var


class Solve(AbstractGeneral):
    """x with A x = B: ẋ = A⁻¹ (Ḃ - Ȧ x), B̄ = A⁻ᵀ x̄, Ā = -B̄ xᵀ"""

    def infer(self, a: TensorType, b: TensorType) -> TensorType:
        assert a.shape[-1] == a.shape[-2] == b.shape[-2] and a.shape[:-2] == b.shape[:-2], (a, b)
        return b

    def emit(self, xp: Any, a: Any, b: Any) -> Any:
        return xp.linalg.solve(a, b)

    def pullback(
        self, wanted: Sequence[int], ins: Sequence[Var], outs: Sequence[Var], cts: Sequence[Var]
    ) -> dict[int, Var]:
        b_ct = solve(transposed(ins[0]), cts[0])
        rules = {0: lambda: negative(matmul(b_ct, transposed(outs[0]))), 1: lambda: b_ct}
        return {i: rules[i]() for i in wanted}

    def pushforward(
        self, ins: Sequence[Var], outs: Sequence[Var], tangents: dict[int, Var]
    ) -> tuple[Var, ...]:
        return (solve(ins[0], _residual(outs[0], tangents, lambda t: t)),)


class SolveTriangular(AbstractGeneral):
    """x with A x = B, or Aᵀ x = B with ``transpose``; only the lower or the upper triangle of A is read.

    With ``unit`` the diagonal of A is not read, and taken to be 1.
    """

    lower: bool
    transpose: bool = False
    unit: bool = False

    def infer(self, a: TensorType, b: TensorType) -> TensorType:
        return Solve().infer(a, b)

    def emit(self, xp: Any, a: Any, b: Any) -> Any:
        return xp.lax.linalg.triangular_solve(
            a,
            b,
            left_side=True,
            lower=self.lower,
            transpose_a=self.transpose,
            unit_diagonal=self.unit,
        )

    def pullback(
        self, wanted: Sequence[int], ins: Sequence[Var], outs: Sequence[Var], cts: Sequence[Var]
    ) -> dict[int, Var]:
        b_ct = SolveTriangular(self.lower, not self.transpose, self.unit)(ins[0], cts[0])
        rules = {0: lambda: self._matrix_ct(b_ct, outs[0]), 1: lambda: b_ct}
        return {i: rules[i]() for i in wanted}

    def _matrix_ct(self, b_ct: Var, x: Var) -> Var:
        left, right = (x, b_ct) if self.transpose else (b_ct, x)
        return negative(self._triangle(matmul(left, transposed(right))))

    def pushforward(
        self, ins: Sequence[Var], outs: Sequence[Var], tangents: dict[int, Var]
    ) -> tuple[Var, ...]:
        def read(t: Var) -> Var:
            return transposed(self._triangle(t)) if self.transpose else self._triangle(t)

        return (self(ins[0], _residual(outs[0], tangents, read)),)

    def _triangle(self, x: Var) -> Var:
        k = 1 if self.unit else 0
        return Tril(-k)(x) if self.lower else Triu(k)(x)


def _residual(x: Var, tangents: dict[int, Var], read: Callable[[Var], Var]) -> Var:
    """Ḃ - Ȧ x, where ``read`` gives the matrix that stands in the equation."""
    if 0 not in tangents:
        return tangents[1]
    moved = matmul(read(tangents[0]), x)
    return subtract(tangents[1], moved) if 1 in tangents else negative(moved)


class Inv(AbstractGeneral):
    """Ȧ⁻¹ = -A⁻¹ Ȧ A⁻¹, and Ā = -A⁻ᵀ ct A⁻ᵀ"""

    def infer(self, a: TensorType) -> TensorType:
        assert a.shape[-1] == a.shape[-2], a
        return a

    def emit(self, xp: Any, a: Any) -> Any:
        return xp.linalg.inv(a)

    def pullback(
        self, wanted: Sequence[int], ins: Sequence[Var], outs: Sequence[Var], cts: Sequence[Var]
    ) -> dict[int, Var]:
        turned = transposed(outs[0])
        return {0: negative(matmul(matmul(turned, cts[0]), turned))}

    def pushforward(
        self, ins: Sequence[Var], outs: Sequence[Var], tangents: dict[int, Var]
    ) -> tuple[Var, ...]:
        return (negative(matmul(matmul(outs[0], tangents[0]), outs[0])),)


class Det(AbstractGeneral):
    """The determinant: ḋ = d tr(A⁻¹ Ȧ), and Ā = ct d A⁻ᵀ. The derivative of a singular matrix is not finite."""

    def infer(self, a: TensorType) -> TensorType:
        assert a.shape[-1] == a.shape[-2], a
        return TensorType(a.shape[:-2], a.dtype)

    def emit(self, xp: Any, a: Any) -> Any:
        return xp.linalg.det(a)

    def pullback(
        self, wanted: Sequence[int], ins: Sequence[Var], outs: Sequence[Var], cts: Sequence[Var]
    ) -> dict[int, Var]:
        return {0: times_matrix(multiply(cts[0], outs[0]), transposed(inv(ins[0])))}

    def pushforward(
        self, ins: Sequence[Var], outs: Sequence[Var], tangents: dict[int, Var]
    ) -> tuple[Var, ...]:
        return (multiply(outs[0], trace(solve(ins[0], tangents[0]))),)


class Slogdet(AbstractGeneral):
    """The sign of the determinant, and the logarithm of its size: l̇ = tr(A⁻¹ Ȧ), and Ā = ct A⁻ᵀ."""

    why = "the sign is constant between its jumps"

    def infer(self, a: TensorType) -> tuple[TensorType, TensorType]:
        assert a.shape[-1] == a.shape[-2], a
        return (TensorType(a.shape[:-2], a.dtype), TensorType(a.shape[:-2], real_dtype(a.dtype)))

    def emit(self, xp: Any, a: Any) -> Any:
        return xp.linalg.slogdet(a)

    def flow(self, i: int, out: int, types: Sequence[TensorType]) -> Flow:
        if types[0].dtype.kind == "c":
            return Flow.MISSING
        return Flow.VALUE if out == 1 else Flow.STEP

    def pullback(
        self, wanted: Sequence[int], ins: Sequence[Var], outs: Sequence[Var], cts: Sequence[Var]
    ) -> dict[int, Var]:
        return {0: times_matrix(cts[1], transposed(inv(ins[0])))}

    def pushforward(
        self, ins: Sequence[Var], outs: Sequence[Var], tangents: dict[int, Var]
    ) -> tuple[Var, ...]:
        return (zeros_like(outs[0]), trace(solve(ins[0], tangents[0])))


class LogDet(AbstractGeneral):
    """log(det A), NaN where the determinant is negative: l̇ = tr(A⁻¹ Ȧ), and Ā = ct A⁻ᵀ, whatever the sign."""

    def infer(self, a: TensorType) -> TensorType:
        assert a.shape[-1] == a.shape[-2], a
        return TensorType(a.shape[:-2], a.dtype)

    def emit(self, xp: Any, a: Any) -> Any:
        sign, size = xp.linalg.slogdet(a)
        return xp.where(xp.less(sign, xp.zeros_like(sign)), xp.full_like(size, np.nan), size)

    def pullback(
        self, wanted: Sequence[int], ins: Sequence[Var], outs: Sequence[Var], cts: Sequence[Var]
    ) -> dict[int, Var]:
        return {0: times_matrix(cts[0], transposed(inv(ins[0])))}

    def pushforward(
        self, ins: Sequence[Var], outs: Sequence[Var], tangents: dict[int, Var]
    ) -> tuple[Var, ...]:
        return (trace(solve(ins[0], tangents[0])),)


class LuFactors(AbstractOpaque):
    """Both factors of A[order] = L U in one matrix, the diagonal of ones of L left out; the order; and its sign, ±1.

    What solutions, inverses and determinants of one matrix share. Rewrites make it, after gradients are expanded.
    """

    def infer(self, a: TensorType) -> tuple[TensorType, TensorType, TensorType]:
        assert a.shape[-1] == a.shape[-2], a
        order = TensorType(a.shape[:-1], np.dtype(np.int32))
        return (a, order, TensorType(a.shape[:-2], a.dtype))

    def emit(self, xp: Any, a: Any) -> Any:
        factors, pivots, order = xp.lax.linalg.lu(a)
        steps = xp.lax.broadcasted_iota(pivots.dtype, pivots.shape, pivots.ndim - 1)
        swaps = xp.lax.reduce_sum(
            xp.astype(xp.not_equal(pivots, steps), np.dtype(a.dtype)), (pivots.ndim - 1,)
        )
        odd = xp.remainder(swaps, xp.full_like(swaps, 2))
        return factors, order, xp.subtract(xp.ones_like(odd), xp.add(odd, odd))


def matrix_power(x: Var, n: int) -> Var:
    """x multiplied ``n`` times, by squaring; of the inverse where ``n`` is negative; the identity where it is 0."""
    if n < 0:
        return matrix_power(inv(x), -n)
    result: Var | None = None
    while n:
        if n % 2:
            result = x if result is None else matmul(result, x)
        n //= 2
        x = matmul(x, x) if n else x
    return diagonal_matrix(diagonal(ones_like(x))) if result is None else result


def inv(x: Var) -> Var:
    return Inv()(x)


def solve(a: Var, b: Var) -> Var:
    return Solve()(a, b)
