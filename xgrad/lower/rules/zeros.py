"""Where matrices are zero by construction: above the diagonal, below it, or both, in which case they are diagonal.

Read off the expression: factors of Cholesky, masks that are comparisons of positions or arrays known in advance,
products with them. An argument that happens to be triangular is not found.
"""

from collections.abc import Callable
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np

from xgrad.axes import elementwise as e
from xgrad.axes.base import AbstractElementwise
from xgrad.axes.constants import Constant, Full, Iota, constant, full, iota
from xgrad.axes.contract import Einsum
from xgrad.axes.linalg import Cholesky
from xgrad.axes.literal import Literal
from xgrad.axes.matrices import Tril, Triu, diagonal
from xgrad.axes.solving import Inv
from xgrad.axes.spread import Expand
from xgrad.axes.structural import Permute
from xgrad.graph import Var


class Zeros(NamedTuple):
    """Whether a matrix is zero everywhere above, and everywhere below its diagonal."""

    above: bool
    below: bool

    def __and__(self, other: "Zeros") -> "Zeros":
        return Zeros(self.above and other.above, self.below and other.below)

    def __or__(self, other: "Zeros") -> "Zeros":
        return Zeros(self.above or other.above, self.below or other.below)


_NONE, _BOTH = Zeros(False, False), Zeros(True, True)
_DEEPEST = 8  # an expression nested deeper is not looked through


def zeros_of(x: Var, depth: int = _DEEPEST) -> Zeros:
    """The triangles on the last two axes of ``x`` that are zero, or false."""
    if x.type.ndim < 2 or x.type.shape[-1] != x.type.shape[-2]:
        return _NONE
    look = _LOOKS.get(type(x.op))
    return look(x, depth - 1) if look and depth else _NONE


def is_diagonal(x: Var) -> bool:
    """Whether all of ``x`` but the diagonal is zero."""
    return zeros_of(x) == _BOTH


def is_triangular(x: Var) -> bool:
    """Whether one of the triangles of ``x`` is zero."""
    return zeros_of(x) != _NONE


def _constant(x: Var, depth: int) -> Zeros:
    return _zeros_in(x.op.value)  # pyright: ignore[reportOptionalMemberAccess, reportAttributeAccessIssue]


@lru_cache(maxsize=32)
def _zeros_in(literal: Literal) -> Zeros:
    array = literal.value
    return Zeros(not np.triu(array, 1).any(), not np.tril(array, -1).any())


def _full(x: Var, depth: int) -> Zeros:
    return _NONE if x.op.value.value else _BOTH  # pyright: ignore[reportOptionalMemberAccess, reportAttributeAccessIssue]


def _where(x: Var, depth: int) -> Zeros:
    """Zero where either choice is, or where the one that is not zero is never chosen."""
    condition, one, other = x.inputs
    taken, left = zeros_of(one, depth), zeros_of(other, depth)
    return (
        (taken & left)
        | (left & zeros_of(condition, depth))
        | (taken & _never_false(condition, depth))
    )


def _never_false(mask: Var, depth: int) -> Zeros:
    """The triangles where a mask holds everywhere."""
    if isinstance(mask.op, Constant):
        return _zeros_in_negation(mask.op.value)
    if isinstance(mask.op, e.LogicalNot | e.Invert):
        return zeros_of(mask.inputs[0], depth)
    negation = _NEGATIONS.get(type(mask.op))
    return _compared(mask, negation) if negation else _NONE


@lru_cache(maxsize=32)
def _zeros_in_negation(literal: Literal) -> Zeros:
    return _zeros_in(Literal(~literal.value))


def _comparison(x: Var, depth: int) -> Zeros:
    return _compared(x, type(x.op))


def _compared(x: Var, comparison: Any) -> Zeros:
    """Above the diagonal the position along the rows is the smaller one, below it the larger."""
    ndim = x.type.ndim
    axes = [v.op.axis if isinstance(v.op, Iota) else None for v in x.inputs]
    if axes == [ndim - 2, ndim - 1]:
        return _WHERE_FALSE[comparison]
    if axes == [ndim - 1, ndim - 2]:
        above, below = _WHERE_FALSE[comparison]
        return Zeros(below, above)
    return _NONE


_WHERE_FALSE = {  # a comparison of the row with the column
    e.Equal: Zeros(True, True),
    e.NotEqual: Zeros(False, False),
    e.Less: Zeros(False, True),
    e.LessEqual: Zeros(False, True),
    e.Greater: Zeros(True, False),
    e.GreaterEqual: Zeros(True, False),
}
_NEGATIONS: dict[type[Any], type[Any]] = {
    e.Equal: e.NotEqual,
    e.NotEqual: e.Equal,
    e.Less: e.GreaterEqual,
    e.LessEqual: e.Greater,
    e.Greater: e.LessEqual,
    e.GreaterEqual: e.Less,
}


def _any_input(x: Var, depth: int) -> Zeros:
    one, other = [zeros_of(v, depth) for v in x.inputs]
    return one | other


def _all_inputs(x: Var, depth: int) -> Zeros:
    one, other = [zeros_of(v, depth) for v in x.inputs]
    return one & other


def _first_input(x: Var, depth: int) -> Zeros:
    return zeros_of(x.inputs[0], depth)


def _permute(x: Var, depth: int) -> Zeros:
    inner, ndim = zeros_of(x.inputs[0], depth), x.type.ndim
    last: tuple[int, ...] = x.op.perm[-2:]  # pyright: ignore[reportOptionalMemberAccess, reportAttributeAccessIssue]
    if last == (ndim - 2, ndim - 1):
        return inner
    return Zeros(inner.below, inner.above) if last == (ndim - 1, ndim - 2) else _NONE


def _expand(x: Var, depth: int) -> Zeros:
    ndim, axes = x.type.ndim, x.op.axes  # pyright: ignore[reportOptionalMemberAccess, reportAttributeAccessIssue]
    return zeros_of(x.inputs[0], depth) if axes[-2:] == (ndim - 2, ndim - 1) else _NONE


def _triangle(x: Var, depth: int) -> Zeros:
    k: int = x.op.k  # pyright: ignore[reportOptionalMemberAccess, reportAttributeAccessIssue]
    own = Zeros(isinstance(x.op, Tril) and k <= 0, isinstance(x.op, Triu) and k >= 0)
    return own | zeros_of(x.inputs[0], depth)


def _einsum(x: Var, depth: int) -> Zeros:
    """The product of two upper, or two lower matrices is one too."""
    op: Any = x.op
    if len(x.inputs) != 2 or len(op.output) < 2:
        return _NONE
    *batch, rows, columns = op.output
    middle = [k for k in op.operands[0] if k not in op.output]
    if len(middle) != 1:
        return _NONE
    terms = ((*batch, rows, middle[0]), (*batch, middle[0], columns))
    return _all_inputs(x, depth) if op.operands == terms else _NONE


_LOOKS: dict[type[Any], Callable[[Var, int], Zeros]] = {
    Constant: _constant,
    Full: _full,
    e.Where: _where,
    **dict.fromkeys(_WHERE_FALSE, _comparison),
    **dict.fromkeys((e.Multiply, e.LogicalAnd, e.BitwiseAnd), _any_input),
    **dict.fromkeys((e.Add, e.Subtract, e.LogicalOr, e.BitwiseOr), _all_inputs),
    **dict.fromkeys(
        (e.Negative, e.Cast, e.Divide, e.Sqrt, e.Square, e.Absolute, Inv), _first_input
    ),
    Permute: _permute,
    Expand: _expand,
    Tril: _triangle,
    Triu: _triangle,
    Cholesky: lambda x, depth: Zeros(True, False),
    Einsum: _einsum,
}


def diagonal_of(x: Var, depth: int = _DEEPEST) -> Var:
    """The diagonal on the last two axes of ``x``, without computing the rest of the matrix where that is easy."""
    op, last = x.op, (x.type.ndim - 2, x.type.ndim - 1)
    shape = x.type.shape[:-1]
    if isinstance(op, AbstractElementwise) and depth:
        return op(*[diagonal_of(v, depth - 1) for v in x.inputs])
    if isinstance(op, Full):
        return full(shape, op.value.value, op.value.value.dtype)
    if isinstance(op, Iota):
        return iota(shape, min(op.axis, last[0]), op.dtype)
    if isinstance(op, Constant):
        return constant(np.ascontiguousarray(np.diagonal(op.value.value, 0, *last)))
    if isinstance(op, Expand) and not set(last) <= set(op.axes):
        axes = tuple([min(a, last[0]) for a in op.axes])
        return (
            x.inputs[0]
            if op.axes and shape == x.inputs[0].type.shape
            else Expand(shape, axes)(x.inputs[0])
        )
    if isinstance(op, Permute) and set(op.perm[-2:]) == set(last):
        inner = diagonal_of(x.inputs[0], depth)
        perm = tuple([min(p, last[0]) for p in op.perm[:-1]])
        return inner if perm == tuple(range(len(perm))) else Permute(perm)(inner)
    return diagonal(x)
