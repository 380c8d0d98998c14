"""Linear algebra on the last two axes; all axes before them are batch.

Matrices said to be symmetric are read as their symmetric part (A + Aᵀ)/2, so that their cotangents are symmetric.
"""

from collections.abc import Callable, Sequence
from typing import Any

from xgrad.axes.arithmetic import add, multiply, negative, real_dtype, reciprocal, scaled, subtract
from xgrad.axes.base import (
    AbstractGeneral,
    AbstractLinear,
    AbstractOpaque,
    Flow,
    TensorType,
)
from xgrad.axes.constants import iota, ones_like, zeros_like
from xgrad.axes.contract import Einsum
from xgrad.axes.logic import equal, where
from xgrad.axes.spread import expand
from xgrad.axes.structural import permute
from xgrad.graph import Var

__all__ = [
    "Cholesky",
    "Det",
    "Eigh",
    "Eigvalsh",
    "Inv",
    "Qr",
    "Slogdet",
    "Solve",
    "SolveTriangular",
    "Svd",
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


class Tril(AbstractLinear):
    """The part on and below diagonal ``k``, zero above."""

    k: int = 0

    def infer(self, x: TensorType) -> TensorType:
        return x

    def emit(self, xp: Any, x: Any) -> Any:
        return xp.tril(x, self.k)

    def transpose(self, i: int, ct: Var, x: Var) -> Var:
        return self(ct)


class Triu(AbstractLinear):
    """The part on and above diagonal ``k``, zero below."""

    k: int = 0

    def infer(self, x: TensorType) -> TensorType:
        return x

    def emit(self, xp: Any, x: Any) -> Any:
        return xp.triu(x, self.k)

    def transpose(self, i: int, ct: Var, x: Var) -> Var:
        return self(ct)


class AbstractSymmetric(AbstractGeneral):
    """A decomposition of the symmetric part of a real matrix. Complex matrices have no rule of ours."""

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


def _lower_half(x: Var) -> Var:
    """The lower triangle with half the diagonal: Φ(x) + Φ(x)ᵀ = x for symmetric x."""
    return scaled(add(Tril(0)(x), Tril(-1)(x)), 0.5)


def _between(lower: Var, x: Var, transpose: bool) -> Var:
    """L⁻¹ x L⁻ᵀ, or with ``transpose`` L⁻ᵀ x L⁻¹."""
    solve_lower = SolveTriangular(True, transpose)
    return transposed(solve_lower(lower, transposed(solve_lower(lower, x))))


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
    """x with A x = B, or Aᵀ x = B with ``transpose``; only the lower or the upper triangle of A is read."""

    lower: bool
    transpose: bool = False

    def infer(self, a: TensorType, b: TensorType) -> TensorType:
        return Solve().infer(a, b)

    def emit(self, xp: Any, a: Any, b: Any) -> Any:
        return xp.lax.linalg.triangular_solve(
            a, b, left_side=True, lower=self.lower, transpose_a=self.transpose
        )

    def pullback(
        self, wanted: Sequence[int], ins: Sequence[Var], outs: Sequence[Var], cts: Sequence[Var]
    ) -> dict[int, Var]:
        b_ct = SolveTriangular(self.lower, not self.transpose)(ins[0], cts[0])
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
        return Tril()(x) if self.lower else Triu()(x)


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
        return {0: _times_matrix(multiply(cts[0], outs[0]), transposed(inv(ins[0])))}

    def pushforward(
        self, ins: Sequence[Var], outs: Sequence[Var], tangents: dict[int, Var]
    ) -> tuple[Var, ...]:
        return (multiply(outs[0], trace(solve(ins[0], tangents[0]))),)


class Slogdet(AbstractGeneral):
    """The sign of the determinant, and the logarithm of its size: l̇ = tr(A⁻¹ Ȧ), and Ā = ct A⁻ᵀ."""

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
        return {0: _times_matrix(cts[1], transposed(inv(ins[0])))}

    def pushforward(
        self, ins: Sequence[Var], outs: Sequence[Var], tangents: dict[int, Var]
    ) -> tuple[Var, ...]:
        return (zeros_like(outs[0]), trace(solve(ins[0], tangents[0])))


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
        inner = add(_diagonal_matrix(cts[0]), mixed)
        return {0: symmetric_part(matmul(matmul(v, inner), transposed(v)))}

    def pushforward(
        self, ins: Sequence[Var], outs: Sequence[Var], tangents: dict[int, Var]
    ) -> tuple[Var, ...]:
        w, v = outs
        inner = matmul(matmul(transposed(v), symmetric_part(tangents[0])), v)
        return (diagonal(inner), matmul(v, multiply(_inverse_gaps(w), inner)))


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
        return {0: _einsum("...ik,...k,...jk->...ij", v, cts[0], v)}

    def pushforward(
        self, ins: Sequence[Var], outs: Sequence[Var], tangents: dict[int, Var]
    ) -> tuple[Var, ...]:
        _, v = Eigh().apply(ins[0])
        return (_einsum("...ik,...ij,...jk->...k", v, symmetric_part(tangents[0]), v),)


class Svd(AbstractOpaque):
    """Singular vectors and values: U, s, Vᵀ, with s descending; ``full`` makes U and Vᵀ square."""

    full: bool = False

    def infer(self, a: TensorType) -> tuple[TensorType, TensorType, TensorType]:
        *batch, m, n = a.shape
        k = min(m, n)
        rows, columns = (m, n) if self.full else (k, k)
        return (
            TensorType((*batch, m, rows), a.dtype),
            TensorType((*batch, k), real_dtype(a.dtype)),
            TensorType((*batch, columns, n), a.dtype),
        )

    def emit(self, xp: Any, a: Any) -> Any:
        return xp.linalg.svd(a, full_matrices=self.full)


class Qr(AbstractOpaque):
    """Q with orthonormal columns and R upper triangular; ``full`` makes Q square."""

    full: bool = False

    def infer(self, a: TensorType) -> tuple[TensorType, TensorType]:
        *batch, m, n = a.shape
        k = m if self.full else min(m, n)
        return (TensorType((*batch, m, k), a.dtype), TensorType((*batch, k, n), a.dtype))

    def emit(self, xp: Any, a: Any) -> Any:
        return xp.linalg.qr(a, mode="complete" if self.full else "reduced")


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


def _times_matrix(factor: Var, x: Var) -> Var:
    """One number for each matrix, times the matrix."""
    return multiply(expand(factor, x.type.shape, range(factor.type.ndim)), x)


def _diagonal_matrix(x: Var) -> Var:
    """Matrices with ``x`` on the diagonal."""
    shape = (*x.type.shape, x.type.shape[-1])
    n = len(shape)
    on_diagonal = equal(iota(shape, n - 2), iota(shape, n - 1))
    spread_out = expand(x, shape, range(n - 1))
    return where(on_diagonal, spread_out, zeros_like(spread_out))


def _einsum(equation: str, *arrays: Var) -> Var:
    """An einsum whose equation leaves the batch to ``...``, which all operands share."""
    *terms, output = equation.replace("->", ",").split(",")
    letters = {k: 1000 + i for i, k in enumerate(dict.fromkeys("".join(terms).replace(".", "")))}
    core = len(terms[0].replace(".", ""))
    batch = tuple(range(arrays[0].type.ndim - core))

    def labels(term: str) -> tuple[int, ...]:
        return (*batch, *[letters[k] for k in term.replace(".", "")])

    return Einsum(tuple([labels(t) for t in terms]), labels(output))(*arrays)


def matmul(x: Var, y: Var) -> Var:
    """The product of matrices."""
    return _einsum("...ij,...jk->...ik", x, y)


def diagonal(x: Var) -> Var:
    """The diagonal of matrices."""
    return _einsum("...ii->...i", x)


def trace(x: Var) -> Var:
    """The sum of the diagonal of matrices."""
    return _einsum("...ii->...", x)


def transposed(x: Var) -> Var:
    """Matrices with rows for columns."""
    *batch, rows, columns = range(x.type.ndim)
    return permute(x, (*batch, columns, rows))


def symmetric_part(x: Var) -> Var:
    """(x + xᵀ) / 2"""
    return scaled(add(x, transposed(x)), 0.5)


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
    return _diagonal_matrix(diagonal(ones_like(x))) if result is None else result


def inv(x: Var) -> Var:
    return Inv()(x)


def solve(a: Var, b: Var) -> Var:
    return Solve()(a, b)
