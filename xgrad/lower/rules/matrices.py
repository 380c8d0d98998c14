"""Linear algebra: solutions instead of inverses, logarithms of determinants, and what the structure of a matrix saves.

Why it ends: a rule removes an inverse, a determinant or a general solution in favour of smaller or triangular ones, or
of products; none makes a larger one. Where a matrix is singular, so that the equations hold for nothing, infinities and
NaN may stand elsewhere than without the rules; a number taken out of a product or a sum is taken to be finite.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from xgrad.axes.constants import full_like, zeros_like
from xgrad.axes.contract import Einsum
from xgrad.axes.elementwise import Absolute, Log, Multiply, add, less, where
from xgrad.axes.linalg import Cholesky, Eigh, Eigvalsh
from xgrad.axes.matrices import transposed
from xgrad.axes.reduce import Sum
from xgrad.axes.solving import Det, Inv, LogDet, Slogdet, Solve, SolveTriangular
from xgrad.axes.spread import Expand, expand
from xgrad.axes.structural import Permute, inverse_order, permute, reshape
from xgrad.graph import DECLINE, Rule, Rules, Var, rule
from xgrad.lower.rules.mirror import is_symmetric
from xgrad.lower.rules.patterns import A, B, M, N, P, S, V, X, Y, a_full
from xgrad.lower.rules.products import PRODUCTS, an_einsum
from xgrad.lower.rules.structured import (
    STRUCTURES,
    Structure,
    gram,
    kron_parts,
    kron_times,
)
from xgrad.lower.rules.zeros import diagonal_of, is_diagonal

# ---- inverses in products ------------------------------------------------------------------------------------------


def _solve_instead(out: Var) -> Any:
    """Σ_j (A⁻¹)_ij b_j… is the solution of A x = b, whatever else b has."""
    op: Any = out.op
    for i, x in enumerate(out.inputs):
        if isinstance(x.op, Inv) and not isinstance(out.inputs[1 - i].op, Inv):
            found = _solution(
                x.inputs[0], op.operands[i], out.inputs[1 - i], op.operands[1 - i], op.output
            )
            if found is not None:
                return found
    return DECLINE


def _solution(
    a: Var, own: tuple[int, ...], b: Var, other: tuple[int, ...], output: tuple[int, ...]
) -> Var | None:
    """The product of A⁻¹ and ``b`` by labels, as a solution; None where it is no matrix product."""
    *batch, rows, columns = own
    if rows in other and columns not in other:
        a, rows, columns = transposed(a), columns, rows
    distinct = len(set(own)) == len(own) and len(set(other)) == len(other)
    if not distinct or rows in other or columns not in other or columns in output:
        return None
    right = [k for k in other if k not in (*batch, columns)]
    if set(output) != {*batch, rows, *right}:
        return None
    sizes = dict(zip((*own, *other), (*a.type.shape, *b.type.shape), strict=True))
    sizes[rows] = sizes[columns]
    side = _arranged(b, other, (*batch, columns, *right), sizes)
    shape = tuple([sizes[k] for k in (*batch, columns)])
    wide = int(np.prod([sizes[k] for k in right], dtype=np.int64))
    x = Solve()(a, reshape(side, (*shape, wide)))
    made = (*batch, rows, *right)
    return permute(reshape(x, side.type.shape), [made.index(k) for k in output])


def _solve_instead_of_sum(x: Var, y: Var, a: tuple[int, ...]) -> Any:
    """The same where the product is one of elements, and then summed."""
    labels = tuple(range(x.type.ndim))
    kept = tuple([k for k in labels if k not in a])
    for matrix, other in ((x, y), (y, x)):
        turned: Any = matrix.op
        inverse = matrix.inputs[0] if isinstance(turned, Permute) else matrix
        if not isinstance(inverse.op, Inv) or not isinstance(other.op, Expand):
            continue
        order = inverse_order(turned.perm) if isinstance(turned, Permute) else labels
        found = _solution(inverse.inputs[0], order, other.inputs[0], other.op.axes, kept)
        if found is not None:
            return found
    return DECLINE


def _arranged(x: Var, have: tuple[int, ...], want: tuple[int, ...], sizes: dict[int, int]) -> Var:
    moved = permute(x, [have.index(k) for k in want if k in have])
    return expand(moved, [sizes[k] for k in want], [i for i, k in enumerate(want) if k in have])


# ---- structure in products -----------------------------------------------------------------------------------------
def _scaled_rows(out: Var) -> Any:
    """A diagonal matrix in a product is its diagonal: D B = d ∘ B."""
    op: Any = out.op
    for i, x in enumerate(out.inputs):
        own, other = op.operands[i], op.operands[1 - i]
        if len(own) < 2 or not is_diagonal(x):
            continue
        keep, gone = own[-2:]
        if keep == gone or not ({keep, gone} & set(other)) or {keep, gone} <= set(op.output):
            continue
        if gone in op.output:
            keep, gone = gone, keep
        terms = [(*own[:-2], keep), tuple([keep if k == gone else k for k in other])]
        inputs = [diagonal_of(x), out.inputs[1 - i]]
        return Einsum(tuple(terms), op.output)(*inputs)
    return DECLINE


def _kron_product(out: Var) -> Any:
    """(A ⊗ B) x without A ⊗ B."""
    op: Any = out.op
    for i, x in enumerate(out.inputs):
        k = kron_parts(x) if x.type.ndim == 2 else None
        b, own, other = out.inputs[1 - i], op.operands[i], op.operands[1 - i]
        if k is None or len(set(own)) < 2 or b.type.ndim > 2 or len(set(other)) < len(other):
            continue
        middle = [label for label in own if label in other and label not in op.output]
        if len(middle) != 1 or len(op.output) != b.type.ndim:
            continue
        if middle[0] == own[0]:
            k = k._replace(one=transposed(k.one), other=transposed(k.other))
        (rows,) = [label for label in own if label != middle[0]]
        right = [label for label in other if label != middle[0]]
        if rows in other or rows not in op.output or not set(right) <= set(op.output):
            continue
        side = permute(b, [other.index(label) for label in (*middle, *right)])
        columns = reshape(side, (*side.type.shape, 1)[:2])
        found = reshape(kron_times(k, columns), side.type.shape)
        return permute(found, [(rows, *right).index(label) for label in op.output])
    return DECLINE


# ---- determinants --------------------------------------------------------------------------------------------------
def _log_det(x: Var) -> Any:
    return DECLINE if x.type.dtype.kind == "c" else LogDet()(x)


def _log_of_size(x: Var) -> Var:
    return Slogdet().apply(x)[1]


def log_of(sign: Var, size: Var) -> Var:
    """The logarithm of a determinant: NaN where it is negative, with the derivative of the logarithm of its size."""
    zero = zeros_like(size)
    return add(size, where(less(sign, zeros_like(sign)), full_like(size, np.nan), zero))


def _logdet_scaled(x: Var, v: Any) -> Any:
    """log det(c A) = n log c + log det A for c > 0"""
    factor = v.value[()]
    if not (np.isfinite(factor) and factor > 0):
        return DECLINE
    inner = LogDet()(x)
    return add(inner, full_like(inner, x.type.shape[-1] * np.log(factor)))


def _cholesky_of_gram(x: Var) -> Any:
    """The factor of L Lᵀ is L, where its diagonal is known to be positive."""
    found = gram(x)
    known = found is not None and isinstance(found.factor.op, Cholesky) and not found.turned
    return found.factor if found is not None and known else DECLINE


# ---- transposes ----------------------------------------------------------------------------------------------------
def swaps(p: tuple[int, ...]) -> bool:
    """Whether a permutation turns matrices and leaves the batch alone."""
    n = len(p)
    return n >= 2 and p == (*range(n - 2), n - 1, n - 2)


def _inverse_of_transpose(x: Var, p: tuple[int, ...]) -> Any:
    return Permute(p)(Inv()(x)) if swaps(p) else DECLINE


def _determinant_of_transpose(out: Var, x: Var, p: tuple[int, ...]) -> Any:
    op: Any = out.op
    return op.apply(x)[out.index] if swaps(p) else DECLINE


def _symmetric_inverse(x: Var, p: tuple[int, ...]) -> Any:
    return Inv()(x) if swaps(p) and is_symmetric(x) else DECLINE


def _symmetric_system(a: Var, b: Var, p: tuple[int, ...]) -> Any:
    return Solve()(a, b) if swaps(p) and is_symmetric(a) else DECLINE


# ---- the same matrix many times ------------------------------------------------------------------------------------
def _asked_once(out: Var, x: Var, s: tuple[int, ...], a: tuple[int, ...]) -> Any:
    """What is asked of a matrix that is repeated along batch axes is asked once, and the answer repeated."""
    kept = len(s) - 2
    if a[-2:] != (kept, kept + 1):
        return DECLINE
    op: Any = out.op
    found = op.apply(x)[out.index]
    core = tuple(range(kept, out.type.ndim))
    return Expand(out.type.shape, (*a[:-2], *core))(found)


def _right_sides(out: Var, x: Var, b: Var, s: tuple[int, ...], a: tuple[int, ...]) -> Any:
    """One matrix with many right-hand sides, where the same matrix stood along batch axes."""
    batch = len(s) - 2
    if a[-2:] != (batch, batch + 1):
        return DECLINE
    op: Any = out.op
    apart = [k for k in range(batch) if k not in a]
    order = (*a[:-2], batch, *apart, batch + 1)
    side = permute(b, order)
    wide = int(np.prod(side.type.shape[len(a) - 1 :], dtype=np.int64))
    found = op(x, reshape(side, (*x.type.shape[:-1], wide)))
    return permute(reshape(found, side.type.shape), inverse_order(order))


def _repeated(op: Any) -> Rule:
    return rule(f"repeated_{type(op).__name__.lower()}", op(Expand(S, A)(X)), _asked_once)


_ASKED_ONCE = (Inv(), Det(), LogDet(), Slogdet(), Cholesky(), Eigh(), Eigvalsh())


# ---- one rule for each structure and each question -----------------------------------------------------------------
def _when(structure: Structure, make: Callable[..., Any]) -> Callable[[Var], Any]:
    def applied(out: Var) -> Any:
        parts = None if out.type.dtype.kind == "c" else structure.parts(out.inputs[0])
        return DECLINE if parts is None else make(parts, out)

    return applied


def _structure_rules(s: Structure) -> tuple[Rule, ...]:
    """The five questions about matrices of one structure."""
    return (
        rule(  # x in A x = B for A diagonal, triangular, L Lᵀ, a Kronecker product or block diagonal
            f"solve_{s.name}", Solve()(A, B), _when(s, lambda m, out: s.solve(m, out.inputs[1]))
        ),
        rule(  # A⁻¹ for the same
            f"inverse_{s.name}", Inv()(A), _when(s, lambda m, out: s.inverse(m, out.inputs[0]))
        ),
        rule(f"det_{s.name}", Det()(A), _when(s, lambda m, out: s.det(m))),  # Π d, (Π d)², …
        rule(  # Σ log d, 2 Σ log d, n log det A + m log det B, …
            f"logdet_{s.name}", LogDet()(A), _when(s, lambda m, out: log_of(*s.determinant(m)))
        ),
        rule(  # the same with its sign
            f"slogdet_{s.name}", Slogdet()(A), _when(s, lambda m, out: s.determinant(m)[out.index])
        ),
    )


MATRICES = (
    Rules(
        rule(
            "inverse_product", an_einsum(2), lambda out: _solve_instead(out)
        ),  # A⁻¹ b = solve(A, b)
        rule("inverse_summed", Sum(A)(Multiply()(X, Y)), _solve_instead_of_sum),  # Σ_j (A⁻¹)_ij b_j
        rule(
            "log_det", Log()(Det()(X)), lambda x: _log_det(x)
        ),  # log(det A), which does not overflow
        rule(  # log|det A|
            "log_absolute_det", Log()(Absolute()(Det()(X))), lambda x: _log_of_size(x)
        ),
        rule(  # log det(c A) = n log c + log det A
            "logdet_scaled", LogDet()(Multiply()(a_full(), X)), _logdet_scaled
        ),
        rule("symmetric_inverse", Permute(P)(Inv()(X)), _symmetric_inverse),  # A = Aᵀ: (A⁻¹)ᵀ = A⁻¹
        rule("symmetric_system", Solve()(Permute(P)(A), B), _symmetric_system),  # A = Aᵀ
        rule(
            "inverse_of_transpose", Inv()(Permute(P)(X)), _inverse_of_transpose
        ),  # (Aᵀ)⁻¹ = (A⁻¹)ᵀ
        rule("det_of_transpose", Det()(Permute(P)(X)), _determinant_of_transpose),  # det Aᵀ = det A
        rule(  # log det Aᵀ = log det A
            "logdet_of_transpose", LogDet()(Permute(P)(X)), _determinant_of_transpose
        ),
        rule(  # the same with its sign
            "slogdet_of_transpose", Slogdet()(Permute(P)(X)), _determinant_of_transpose
        ),
        rule("cholesky_of_gram", Cholesky()(X), lambda x: _cholesky_of_gram(x)),  # chol(L Lᵀ) = L
        rule("diagonal_product", an_einsum(2), lambda out: _scaled_rows(out)),  # D B = d ∘ B
        rule("kron_product", an_einsum(2), lambda out: _kron_product(out)),  # (A ⊗ B) x by parts
        *map(_repeated, _ASKED_ONCE),  # f(A, A, …) = f(A), f(A), …
        rule("repeated_system", Solve()(Expand(S, A)(X), B), _right_sides),  # one A, all b at once
        rule("repeated_triangle", SolveTriangular(M, N, V)(Expand(S, A)(X), B), _right_sides),
        *[r for s in STRUCTURES for r in _structure_rules(s)],
    )
    + PRODUCTS
)
