"""Matrices on the last two axes, all axes before them batch: triangles, products, diagonals, symmetric parts."""

from typing import Any

from xgrad.axes.arithmetic import add, multiply, scaled
from xgrad.axes.base import AbstractLinear, TensorType
from xgrad.axes.constants import iota, zeros_like
from xgrad.axes.contract import Einsum
from xgrad.axes.logic import equal, where
from xgrad.axes.spread import expand
from xgrad.axes.structural import permute
from xgrad.graph import Var


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


def batched_einsum(equation: str, *arrays: Var) -> Var:
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
    return batched_einsum("...ij,...jk->...ik", x, y)


def diagonal(x: Var) -> Var:
    """The diagonal of matrices."""
    return batched_einsum("...ii->...i", x)


def trace(x: Var) -> Var:
    """The sum of the diagonal of matrices."""
    return batched_einsum("...ii->...", x)


def transposed(x: Var) -> Var:
    """Matrices with rows for columns."""
    *batch, rows, columns = range(x.type.ndim)
    return permute(x, (*batch, columns, rows))


def symmetric_part(x: Var) -> Var:
    """(x + xᵀ) / 2"""
    return scaled(add(x, transposed(x)), 0.5)


def times_matrix(factor: Var, x: Var) -> Var:
    """One number for each matrix, times the matrix."""
    return multiply(expand(factor, x.type.shape, range(factor.type.ndim)), x)


def diagonal_matrix(x: Var) -> Var:
    """Matrices with ``x`` on the diagonal."""
    shape = (*x.type.shape, x.type.shape[-1])
    n = len(shape)
    on_diagonal = equal(iota(shape, n - 2), iota(shape, n - 1))
    spread_out = expand(x, shape, range(n - 1))
    return where(on_diagonal, spread_out, zeros_like(spread_out))
