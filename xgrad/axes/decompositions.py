"""Decompositions of rectangular matrices on the last two axes: singular values, and orthogonal times triangular."""

from collections.abc import Sequence
from typing import Any

from xgrad.axes.arithmetic import add, multiply, real_dtype, reciprocal, subtract
from xgrad.axes.base import AbstractGeneral, Flow, TensorType
from xgrad.axes.constants import ones_like, scalar_value, zeros_like
from xgrad.axes.logic import equal, where
from xgrad.axes.matrices import Tril, batched_einsum, matmul, transposed
from xgrad.axes.solving import SolveTriangular
from xgrad.axes.spread import expand
from xgrad.axes.structural import concat, slice_axis
from xgrad.graph import Var


class Svd(AbstractGeneral):
    """Singular vectors and values: U, s, Vᵀ, with s descending; ``full`` makes U and Vᵀ square.

    With F_ij = 1 / (s_j² - s_i²) and K = F ∘ (X - Xᵀ), the cotangent is (Townsend 2016, real matrices)
    U (K_U s + s K_V + s̄) Vᵀ, plus what U and V turn out of their own spaces. F is 0 between equal values: a function
    that does not tell their vectors apart has no derivative there.
    """

    why = "the derivative of complex matrices, and of vectors that fill up a square, is not written"
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

    def flow(self, i: int, out: int, types: Sequence[TensorType]) -> Flow:
        (a,) = types
        filled = self.full and a.shape[-1] != a.shape[-2] and out != 1
        return Flow.MISSING if filled or a.dtype.kind == "c" else Flow.VALUE

    def pullback(
        self, wanted: Sequence[int], ins: Sequence[Var], outs: Sequence[Var], cts: Sequence[Var]
    ) -> dict[int, Var]:
        u, s, vt = _of_values(*outs)
        found = batched_einsum("...ik,...k,...kj->...ij", u, cts[1], vt)
        if not _is_zero(cts[0]):
            found = add(found, matmul(_turned_vectors(u, s, cts[0]), vt))
        if not _is_zero(cts[2]):
            v = _turned_vectors(transposed(vt), s, transposed(cts[2]))
            found = add(found, matmul(u, transposed(v)))
        return {0: found}

    def pushforward(
        self, ins: Sequence[Var], outs: Sequence[Var], tangents: dict[int, Var]
    ) -> tuple[Var, ...]:
        u, s, vt = _of_values(*outs)
        v, t = transposed(vt), tangents[0]
        inner = matmul(matmul(transposed(u), t), v)
        values = batched_einsum("...ii->...i", inner)
        one = _moved_vectors(u, s, _columns(inner, s), matmul(t, v))
        other = _moved_vectors(v, s, _columns(transposed(inner), s), matmul(transposed(t), u))
        if one.type != outs[0].type or other.type != transposed(outs[2]).type:
            return (zeros_like(outs[0]), values, zeros_like(outs[2]))  # nothing asks for these
        return (one, values, transposed(other))


def _of_values(u: Var, s: Var, vt: Var) -> tuple[Var, Var, Var]:
    """The vectors that belong to the values, without those that fill up a square."""
    k, axis = s.type.shape[-1], u.type.ndim - 1
    return slice_axis(u, axis, 0, k), s, slice_axis(vt, axis - 1, 0, k)


def _is_zero(x: Var) -> bool:
    return scalar_value(x) == 0


def _turned_vectors(u: Var, s: Var, ct: Var) -> Var:
    """U (F ∘ (Uᵀ Ū - Ūᵀ U)) s + (1 - U Uᵀ) Ū / s"""
    inner = matmul(transposed(u), ct)
    turned = multiply(_inverse_gaps(s), subtract(inner, transposed(inner)))
    apart = subtract(ct, matmul(u, inner))
    return add(matmul(u, _columns(turned, s)), _columns(apart, _inverse(s)))


def _moved_vectors(u: Var, s: Var, inner: Var, moved: Var) -> Var:
    """U (F ∘ (X + Xᵀ)) + (1 - U Uᵀ) Ȧ V / s, with X = Uᵀ Ȧ V s"""
    turned = multiply(_inverse_gaps(s), add(inner, transposed(inner)))
    apart = subtract(moved, matmul(u, matmul(transposed(u), moved)))
    return add(matmul(u, turned), _columns(apart, _inverse(s)))


def _columns(x: Var, s: Var) -> Var:
    """Every column of ``x`` times its number."""
    return batched_einsum("...ik,...k->...ik", x, s)


def _inverse(s: Var) -> Var:
    """1 / s, and 0 where s is."""
    none = equal(s, zeros_like(s))
    return where(none, zeros_like(s), reciprocal(where(none, ones_like(s), s)))


def _inverse_gaps(s: Var) -> Var:
    """F_ij = 1 / ((s_j - s_i) (s_j + s_i)), and 0 where the two are equal: squares would differ by their rounding."""
    shape = (*s.type.shape, s.type.shape[-1])
    batch = range(s.type.ndim - 1)
    across, down = (
        expand(s, shape, axes) for axes in ((*batch, len(shape) - 1), (*batch, len(shape) - 2))
    )
    return _inverse(multiply(subtract(across, down), add(across, down)))


class Qr(AbstractGeneral):
    """Q with orthonormal columns and R upper triangular; ``full`` makes Q square.

    With M = R R̄ᵀ - Q̄ᵀ Q and M' its lower half copied to the upper, Ā = (Q̄ + Q M') R⁻ᵀ (Walter & Lehmann 2010); the
    columns of a wide matrix beyond the square follow by R₂ = Qᵀ A₂.
    """

    why = "the derivative of complex matrices, and of columns that fill up a square, is not written"
    full: bool = False

    def infer(self, a: TensorType) -> tuple[TensorType, TensorType]:
        *batch, m, n = a.shape
        k = m if self.full else min(m, n)
        return (TensorType((*batch, m, k), a.dtype), TensorType((*batch, k, n), a.dtype))

    def emit(self, xp: Any, a: Any) -> Any:
        return xp.linalg.qr(a, mode="complete" if self.full else "reduced")

    def flow(self, i: int, out: int, types: Sequence[TensorType]) -> Flow:
        *_, m, n = types[0].shape
        return Flow.MISSING if (self.full and m > n) or types[0].dtype.kind == "c" else Flow.VALUE

    def pullback(
        self, wanted: Sequence[int], ins: Sequence[Var], outs: Sequence[Var], cts: Sequence[Var]
    ) -> dict[int, Var]:
        q, q_ct = outs[0], cts[0]
        square_part, rest = _split(outs[1])
        r_ct, rest_ct = _split(cts[1])
        if rest is not None and rest_ct is not None:
            _, beyond = _split(ins[0])
            assert beyond is not None
            q_ct = add(q_ct, matmul(beyond, transposed(rest_ct)))
        m = subtract(matmul(square_part, transposed(r_ct)), matmul(transposed(q_ct), q))
        mirrored = add(Tril()(m), transposed(Tril(-1)(m)))
        ct = _over(add(q_ct, matmul(q, mirrored)), square_part, transpose=True)
        if rest_ct is None:
            return {0: ct}
        return {0: concat([ct, matmul(q, rest_ct)], ct.type.ndim - 1)}

    def pushforward(
        self, ins: Sequence[Var], outs: Sequence[Var], tangents: dict[int, Var]
    ) -> tuple[Var, ...]:
        """With Ȧ R⁻¹ = X and Ω the antisymmetric matrix of the lower half of Qᵀ X, Q̇ = X + Q (Ω - Qᵀ X)."""
        q, r = outs
        square_part, rest = _split(r)
        t, rest_t = _split(tangents[0])
        x = _over(t, square_part, transpose=False)
        inner = matmul(transposed(q), x)
        low = Tril(-1)(inner)
        turn = subtract(low, transposed(low))
        q_t = add(x, matmul(q, subtract(turn, inner)))
        r_t = matmul(subtract(inner, turn), square_part)
        if rest is None or rest_t is None:
            return (q_t, r_t)
        beyond = subtract(matmul(transposed(q), rest_t), matmul(turn, rest))
        return (q_t, concat([r_t, beyond], r_t.type.ndim - 1))


def _split(r: Var) -> tuple[Var, Var | None]:
    """The square part of a wide matrix, and the columns beyond it; all of one that is not wide."""
    *_, m, n = r.type.shape
    columns = r.type.ndim - 1
    if n <= m:
        return r, None
    return slice_axis(r, columns, 0, m), slice_axis(r, columns, m, n)


def _over(x: Var, r: Var, transpose: bool) -> Var:
    """x R⁻¹, or x R⁻ᵀ, for an upper triangular R."""
    return transposed(SolveTriangular(False, not transpose)(r, transposed(x)))
