"""Decompositions of matrices; and, from ``matrices`` and ``solving``, all else there is of linear algebra.

A matrix is the last two axes, and all axes before them are batch. A matrix said to be symmetric is read as its
symmetric part (A + Aᵀ)/2, so that its cotangent is symmetric.
"""

from collections.abc import Sequence
from typing import Any

from xgrad.axes.arithmetic import add, multiply, real_dtype, reciprocal, scaled, subtract
from xgrad.axes.base import AbstractGeneral, AbstractOpaque, Flow, TensorType
from xgrad.axes.constants import ones_like, zeros_like
from xgrad.axes.decompositions import Qr, Svd
from xgrad.axes.functions_of_matrices import Expm, Pinv
from xgrad.axes.logic import equal, where
from xgrad.axes.matrices import (
    Tril,
    Triu,
    batched_einsum,
    diagonal,
    diagonal_matrix,
    matmul,
    symmetric_part,
    trace,
    transposed,
)
from xgrad.axes.solving import (
    Det,
    Inv,
    LogDet,
    LuFactors,
    Slogdet,
    Solve,
    SolveTriangular,
    inv,
    matrix_power,
    solve,
)
from xgrad.axes.spread import expand
from xgrad.graph import Var

__all__ = [
    "Cholesky",
    "Det",
    "Eigh",
    "Eigvalsh",
    "Expm",
    "Inv",
    "LogDet",
    "LuFactors",
    "Pinv",
    "Qr",
    "Slogdet",
    "Solve",
    "SolveTriangular",
    "Svd",
    "TriedCholesky",
    "Tril",
    "Triu",
    "diagonal",
    "inv",
    "matmul",
    "matrix_power",
    "solve",
    "symmetric_part",
    "trace",
    "transposed",
]


class AbstractSymmetric(AbstractGeneral):
    """A decomposition of the symmetric part of a real matrix. Complex matrices have no rule of ours."""

    why = "the derivative for complex matrices is not written"

    def flow(self, i: int, out: int, types: Sequence[TensorType]) -> Flow:
        return Flow.MISSING if types[0].dtype.kind == "c" else Flow.VALUE


class Cholesky(AbstractSymmetric):
    """L with L Lᵀ = A, lower. With Φ the lower half (diagonal halved), L̇ = L Φ(L⁻¹ Ȧ L⁻ᵀ) and Ā = L⁻ᵀ Φ(Lᵀ L̄) L⁻¹."""

    def infer(self, a: TensorType) -> TensorType:
        return a

    def emit(self, xp: Any, a: Any) -> Any:
        return xp.linalg.cholesky(a)

    def pullback(
        self, wanted: Sequence[int], ins: Sequence[Var], outs: Sequence[Var], cts: Sequence[Var]
    ) -> dict[int, Var]:
        (lower,) = outs
        inner = _lower_half(matmul(transposed(lower), cts[0]))
        return {0: symmetric_part(_between(lower, inner, transpose=True))}

    def pushforward(
        self, ins: Sequence[Var], outs: Sequence[Var], tangents: dict[int, Var]
    ) -> tuple[Var, ...]:
        (lower,) = outs
        inner = _between(lower, symmetric_part(tangents[0]), transpose=False)
        return (matmul(lower, _lower_half(inner)),)


class TriedCholesky(AbstractOpaque):
    """The lower Cholesky factor of a matrix that may have none: NaN then, and a way around it. Made by rewrites."""

    def infer(self, a: TensorType) -> TensorType:
        return a

    def emit(self, xp: Any, a: Any) -> Any:
        return xp.linalg.cholesky(a)


def _lower_half(x: Var) -> Var:
    """The lower triangle with half the diagonal: Φ(x) + Φ(x)ᵀ = x for symmetric x."""
    return scaled(add(Tril(0)(x), Tril(-1)(x)), 0.5)


def _between(lower: Var, x: Var, transpose: bool) -> Var:
    """L⁻¹ x L⁻ᵀ, or with ``transpose`` L⁻ᵀ x L⁻¹."""
    solve_lower = SolveTriangular(True, transpose)
    return transposed(solve_lower(lower, transposed(solve_lower(lower, x))))


class Eigh(AbstractSymmetric):
    """Eigenvalues, ascending, and eigenvectors. With M = Vᵀ Ȧ V and F_ij = 1/(w_j - w_i):

    ẇ = diag M, V̇ = V (F ∘ M), and Ā = V (diag w̄ + F ∘ (Vᵀ V̄)) Vᵀ. F is 0 between equal eigenvalues: a function that
    does not tell them apart has no derivative there.
    """

    def infer(self, a: TensorType) -> tuple[TensorType, TensorType]:
        return (TensorType(a.shape[:-1], real_dtype(a.dtype)), a)

    def emit(self, xp: Any, a: Any) -> Any:
        return xp.linalg.eigh(a)

    def pullback(
        self, wanted: Sequence[int], ins: Sequence[Var], outs: Sequence[Var], cts: Sequence[Var]
    ) -> dict[int, Var]:
        w, v = outs
        mixed = multiply(_inverse_gaps(w), matmul(transposed(v), cts[1]))
        inner = add(diagonal_matrix(cts[0]), mixed)
        return {0: symmetric_part(matmul(matmul(v, inner), transposed(v)))}

    def pushforward(
        self, ins: Sequence[Var], outs: Sequence[Var], tangents: dict[int, Var]
    ) -> tuple[Var, ...]:
        w, v = outs
        inner = matmul(matmul(transposed(v), symmetric_part(tangents[0])), v)
        return (diagonal(inner), matmul(v, multiply(_inverse_gaps(w), inner)))


def _inverse_gaps(w: Var) -> Var:
    """F_ij = 1 / (w_j - w_i), and 0 where the two are equal."""
    shape = (*w.type.shape, w.type.shape[-1])
    batch = range(w.type.ndim - 1)
    across, down = (
        expand(w, shape, (*batch, len(shape) - 1)),
        expand(w, shape, (*batch, len(batch))),
    )
    gaps = subtract(across, down)
    same = equal(gaps, zeros_like(gaps))
    inverse = reciprocal(where(same, ones_like(gaps), gaps))
    return where(same, zeros_like(gaps), inverse)


class Eigvalsh(AbstractSymmetric):
    """Eigenvalues, ascending. The derivative needs the eigenvectors: Ā = V diag(ct) Vᵀ."""

    def infer(self, a: TensorType) -> TensorType:
        return TensorType(a.shape[:-1], real_dtype(a.dtype))

    def emit(self, xp: Any, a: Any) -> Any:
        return xp.linalg.eigvalsh(a)

    def pullback(
        self, wanted: Sequence[int], ins: Sequence[Var], outs: Sequence[Var], cts: Sequence[Var]
    ) -> dict[int, Var]:
        _, v = Eigh().apply(ins[0])
        return {0: batched_einsum("...ik,...k,...jk->...ij", v, cts[0], v)}

    def pushforward(
        self, ins: Sequence[Var], outs: Sequence[Var], tangents: dict[int, Var]
    ) -> tuple[Var, ...]:
        _, v = Eigh().apply(ins[0])
        return (batched_einsum("...ik,...ij,...jk->...k", v, symmetric_part(tangents[0]), v),)
