"""Matrices whose structure the graph shows: what their solutions, inverses and determinants come to.

``STRUCTURES`` is a table: how a structure is seen, and what becomes of x in A x = B, of the inverse, of the sign
and the logarithm of the size of the determinant. The first that fits counts.
"""

from collections.abc import Callable
from functools import reduce
from typing import Any, NamedTuple

import numpy as np

from xgrad.axes.constants import full_like, iota
from xgrad.axes.contract import Einsum
from xgrad.axes.elementwise import (
    Absolute,
    Add,
    Divide,
    Exp,
    Log,
    Multiply,
    Sign,
    Square,
    add,
    cast,
    equal,
    multiply,
    reciprocal,
)
from xgrad.axes.matrices import diagonal_matrix, transposed
from xgrad.axes.reduce import Prod
from xgrad.axes.solving import Det, Inv, Slogdet, Solve, SolveTriangular
from xgrad.axes.spread import Expand, expand, sum_
from xgrad.axes.structural import Concat, Full, Pad, Permute, Reshape, concat, reshape, slice_axis
from xgrad.graph import Var
from xgrad.lower.rules.zeros import diagonal_of, is_diagonal, is_triangular, zeros_of

Determinant = tuple[Var, Var]  # its sign, and the logarithm of its size


class Structure(NamedTuple):
    """One structure: ``parts(A)`` are what the other functions are given, None where A is not of it.

    ``determinant`` gives its sign and the logarithm of its size, ``det`` the number itself.
    """

    name: str
    parts: Callable[[Var], Any]
    solve: Callable[[Any, Var], Var]
    inverse: Callable[[Any, Var], Var]
    determinant: Callable[[Any], Determinant]
    det: Callable[[Any], Var]


def identity_like(x: Var) -> Var:
    """Identity matrices in the shape of ``x``."""
    rows, columns = x.type.ndim - 2, x.type.ndim - 1
    shape = x.type.shape
    return cast(equal(iota(shape, rows), iota(shape, columns)), x.type.dtype)


# ---- diagonal ------------------------------------------------------------------------------------------------------
def _diagonal(x: Var) -> Var | None:
    return diagonal_of(x) if is_diagonal(x) else None


def _divided(d: Var, b: Var) -> Var:
    """D⁻¹ B = B / d"""
    return Divide()(b, expand(d, b.type.shape, range(d.type.ndim)))


def _inverse_diagonal(d: Var, x: Var) -> Var:
    return diagonal_matrix(reciprocal(d))


def _product(d: Var) -> Var:
    """Π d"""
    return Prod((d.type.ndim - 1,))(d)


def _of_diagonal(d: Var) -> Determinant:
    """Π d"""
    last = (d.type.ndim - 1,)
    return Prod(last)(Sign()(d)), sum_(Log()(Absolute()(d)), last)


# ---- triangular ----------------------------------------------------------------------------------------------------
class Triangle(NamedTuple):
    """A triangular matrix, or the transpose of one."""

    matrix: Var
    lower: bool
    transpose: bool

    def solve(self, b: Var) -> Var:
        return SolveTriangular(self.lower, self.transpose)(self.matrix, b)


def _triangle(x: Var) -> Triangle | None:
    if x.type.dtype.kind == "c" or not is_triangular(x):
        return None
    if isinstance(x.op, Permute):
        inner = transposed(x) if x.op.perm[:-2] != tuple(range(x.type.ndim - 2)) else x.inputs[0]
        return Triangle(inner, zeros_of(inner).above, True)
    return Triangle(x, zeros_of(x).above, False)


def _inverse_triangle(t: Triangle, x: Var) -> Var:
    return t.solve(identity_like(x))


def _det_of_triangle(t: Triangle) -> Var:
    return _product(diagonal_of(t.matrix))


def _of_triangle(t: Triangle) -> Determinant:
    return _of_diagonal(diagonal_of(t.matrix))


# ---- L Lᵀ ----------------------------------------------------------------------------------------------------------
class Gram(NamedTuple):
    """L Lᵀ, or Lᵀ L where ``turned``, of a triangular L."""

    factor: Var
    lower: bool
    turned: bool


def gram(x: Var) -> Gram | None:
    """The triangular factor of a product of a matrix and its own transpose."""
    op: Any = x.op
    if not isinstance(op, Einsum) or len(x.inputs) != 2 or x.inputs[0] is not x.inputs[1]:
        return None
    if x.type.ndim < 2 or len(set(op.output)) < x.type.ndim or x.type.dtype.kind != "f":
        return None
    *batch, rows, columns = op.output
    terms = [list(term) for term in op.operands]
    lower = zeros_of(x.inputs[0]).above
    if not is_triangular(x.inputs[0]) or any(term[:-2] != batch for term in terms):
        return None
    ends = {tuple(term[-2:]) for term in terms}
    (middle, *others) = [k for k in terms[0] if k not in op.output] or [None]
    if others or middle is None:
        return None
    if ends == {(rows, middle), (columns, middle)}:
        return Gram(x.inputs[0], lower, False)
    return Gram(x.inputs[0], lower, True) if ends == {(middle, rows), (middle, columns)} else None


def _solve_gram(g: Gram, b: Var) -> Var:
    """(L Lᵀ)⁻¹ B = L⁻ᵀ (L⁻¹ B)"""
    inner = SolveTriangular(g.lower, g.turned)(g.factor, b)
    return SolveTriangular(g.lower, not g.turned)(g.factor, inner)


def _inverse_gram(g: Gram, x: Var) -> Var:
    return _solve_gram(g, identity_like(x))


def _of_gram(g: Gram) -> Determinant:
    """(Π d)²; of what Cholesky gives, no sign is needed."""
    d = diagonal_of(g.factor)
    sign, size = _of_diagonal(d)
    return Square()(sign), multiply(size, full_like(size, 2))


def _det_of_gram(g: Gram) -> Var:
    return Square()(_product(diagonal_of(g.factor)))


# ---- Kronecker products --------------------------------------------------------------------------------------------
class Kron(NamedTuple):
    """A ⊗ B"""

    one: Var
    other: Var

    @property
    def sizes(self) -> tuple[int, int]:
        return self.one.type.shape[0], self.other.type.shape[0]


def kron_parts(x: Var) -> Kron | None:
    """The factors of a Kronecker product of two matrices: a product of four axes, reshaped to two."""
    found = _axes_of_product(x)
    if found is None:
        return None
    product, groups = found
    factors = _outer_factors(product)
    if factors is None or [len(g) for g in groups] != [2, 2]:
        return None
    (i, k), (j, m) = groups
    for (one, own), (other, others) in (factors, factors[::-1]):
        if set(own) == {i, j} and set(others) == {k, m}:
            return Kron(_with_axes(one, own, (i, j)), _with_axes(other, others, (k, m)))
    return None


def _axes_of_product(x: Var) -> tuple[Var, list[list[int]]] | None:
    """The product below reshapes and transposes of a matrix, and which of its axes make up each axis of it."""
    if x.type.ndim != 2 or not isinstance(x.op, Reshape):
        return None
    path: list[Var] = []
    while isinstance(x.op, Reshape | Permute):
        path.append(x)
        x = x.inputs[0]
    if x.type.ndim != 4 or 1 in x.type.shape:
        return None
    groups: list[list[int]] = [[a] for a in range(4)]
    for v in reversed(path):
        if isinstance(v.op, Permute):
            groups = [groups[p] for p in v.op.perm]
        else:
            merged = _merged(groups, x.type.shape, v.type.shape)
            if merged is None:
                return None
            groups = merged
    return x, groups


def _merged(groups: list[list[int]], sizes: tuple[int, ...], shape: tuple[int, ...]) -> Any:
    """The groups of axes that lie behind each axis of a reshape; None where it parts one."""
    found, rest = [], list(groups)
    for n in shape:
        here, size = [], 1
        while size < n and rest:
            axes = rest.pop(0)
            here += axes
            size *= int(np.prod([sizes[a] for a in axes]))
        if size != n:
            return None
        found.append(here)
    return found if not rest else None


def _outer_factors(x: Var) -> tuple[Any, Any] | None:
    """The two factors of an elementwise product of matrices along different axes, with their axes."""
    if not isinstance(x.op, Multiply) or not all(isinstance(v.op, Expand) for v in x.inputs):
        return None
    one, other = [(v.inputs[0], v.op.axes) for v in x.inputs]  # pyright: ignore[reportOptionalMemberAccess, reportAttributeAccessIssue]
    square = all(v.type.ndim == 2 and v.type.shape[0] == v.type.shape[1] for v, _ in (one, other))
    return (one, other) if square else None


def _with_axes(x: Var, own: tuple[int, ...], wanted: tuple[int, int]) -> Var:
    return x if tuple(own) == wanted else transposed(x)


def _solve_kron(k: Kron, b: Var) -> Var:
    """(A ⊗ B)⁻¹ vec X = vec(A⁻¹ X B⁻ᵀ)"""
    return kron_times(Kron(Inv()(k.one), Inv()(k.other)), b)


def kron_times(k: Kron, b: Var) -> Var:
    """(A ⊗ B) X for X of two axes, without the product of A and B."""
    m, n = k.sizes
    parts = reshape(b, (m, n, b.type.shape[1]))
    inner = Einsum(((1, 3), (0, 3, 2)), (0, 1, 2))(k.other, parts)
    return reshape(Einsum(((0, 3), (3, 1, 2)), (0, 1, 2))(k.one, inner), b.type.shape)


def _inverse_kron(k: Kron, x: Var) -> Var:
    """A⁻¹ ⊗ B⁻¹"""
    (m, n), shape = k.sizes, (*k.sizes, *k.sizes)
    one, other = Expand(shape, (0, 2))(Inv()(k.one)), Expand(shape, (1, 3))(Inv()(k.other))
    return reshape(multiply(one, other), (m * n, m * n))


def _of_kron(k: Kron) -> Determinant:
    """det(A)ⁿ det(B)ᵐ"""
    m, n = k.sizes
    (sign_a, a), (sign_b, b) = Slogdet().apply(k.one), Slogdet().apply(k.other)
    size = add(multiply(a, full_like(a, n)), multiply(b, full_like(b, m)))
    return multiply(_power(sign_a, n), _power(sign_b, m)), size


def _det_of_kron(k: Kron) -> Var:
    """By logarithms: one factor may overflow where the other makes up for it."""
    sign, size = _of_kron(k)
    return multiply(sign, Exp()(size))


def _power(sign: Var, n: int) -> Var:
    return sign if n % 2 else Square()(sign)


# ---- block diagonal ------------------------------------------------------------------------------------------------
def blocks(x: Var) -> tuple[Var, ...] | None:
    """The square blocks along the diagonal of matrices that are zero elsewhere."""
    rows = _rows_of_blocks(x)
    if rows is not None:
        return rows
    return _sum_of_padded(x)


def _sum_of_padded(x: Var) -> tuple[Var, ...] | None:
    """[A 0; 0 0] + [0 0; 0 B] + …"""
    terms: list[tuple[int, int, Var]] = []
    todo = [x]
    while todo:
        v = todo.pop()
        if isinstance(v.op, Add):
            todo += v.inputs
            continue
        place = _padded_square(v)
        if place is None:
            return None
        terms.append(place)
    return _in_a_row(terms, x)


def _padded_square(v: Var) -> tuple[int, int, Var] | None:
    """Where a square lies on the diagonal of a matrix that is zero elsewhere, if ``v`` is such a matrix."""
    if not isinstance(v.op, Pad) or v.type.ndim < 2 or any(v.op.interior):
        return None
    fill, square = v.inputs[1], v.inputs[0]
    (low, other_low), n = v.op.low[-2:], square.type.shape[-1]
    around = (*v.op.low[:-2], *v.op.high[:-2])
    is_zero = isinstance(fill.op, Full) and not fill.op.value.value
    if low != other_low or square.type.shape[-2] != n or any(around) or not is_zero:
        return None
    return low, n, square


def _rows_of_blocks(x: Var) -> tuple[Var, ...] | None:
    """[[A, 0], [0, B], …]: rows one below the other, each a square between zeros."""
    if not isinstance(x.op, Concat) or x.op.axis != x.type.ndim - 2:
        return None
    terms = []
    for row in x.inputs:
        place = _square_in_row(row)
        if place is None:
            return None
        terms.append(place)
    return _in_a_row(terms, x)


def _square_in_row(row: Var) -> tuple[int, int, Var] | None:
    last = row.type.ndim - 1
    if isinstance(row.op, Pad):
        only_last = not any([*row.op.low[:-1], *row.op.high[:-1], *row.op.interior])
        zero = isinstance(row.inputs[1].op, Full) and not row.inputs[1].op.value.value
        square = row.inputs[0]
        same = square.type.shape[-1] == square.type.shape[-2]
        return (
            (row.op.low[-1], square.type.shape[-1], square) if only_last and zero and same else None
        )
    if not isinstance(row.op, Concat) or row.op.axis != last:
        return None
    start, found = 0, None
    for part in row.inputs:
        n = part.type.shape[-1]
        if not (isinstance(part.op, Full) and not part.op.value.value):
            if found is not None or n != part.type.shape[-2]:
                return None
            found = (start, n, part)
        start += n
    return found


def _in_a_row(terms: list[tuple[int, int, Var]], x: Var) -> tuple[Var, ...] | None:
    """The squares, where they follow one another without a gap and fill the diagonal."""
    end = 0
    terms = sorted(terms, key=lambda t: t[0])
    for start, n, _ in terms:
        if start != end:
            return None
        end += n
    whole = end == x.type.shape[-1] == x.type.shape[-2] and len(terms) > 1
    return tuple([square for _, _, square in terms]) if whole else None


def _solve_blocks(squares: tuple[Var, ...], b: Var) -> Var:
    """Each block by itself."""
    rows, end, found = b.type.ndim - 2, 0, []
    for square in squares:
        start, end = end, end + square.type.shape[-1]
        found.append(Solve()(square, slice_axis(b, rows, start, end)))
    return concat(found, rows)


def _inverse_blocks(squares: tuple[Var, ...], x: Var) -> Var:
    return _solve_blocks(squares, identity_like(x))


def _of_blocks(squares: tuple[Var, ...]) -> Determinant:
    """Π det"""
    pairs = [Slogdet().apply(square) for square in squares]
    sign, size = pairs[0]
    for other, more in pairs[1:]:
        sign, size = multiply(sign, other), add(size, more)
    return sign, size


def _det_of_blocks(squares: tuple[Var, ...]) -> Var:
    return reduce(multiply, [Det()(square) for square in squares])


STRUCTURES: tuple[Structure, ...] = (
    Structure("diagonal", _diagonal, _divided, _inverse_diagonal, _of_diagonal, _product),
    Structure(
        "triangular",
        _triangle,
        lambda t, b: t.solve(b),
        _inverse_triangle,
        _of_triangle,
        _det_of_triangle,
    ),
    Structure("gram", gram, _solve_gram, _inverse_gram, _of_gram, _det_of_gram),
    Structure("kron", kron_parts, _solve_kron, _inverse_kron, _of_kron, _det_of_kron),
    Structure("blocks", blocks, _solve_blocks, _inverse_blocks, _of_blocks, _det_of_blocks),
)
