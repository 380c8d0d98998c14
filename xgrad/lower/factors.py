"""One factorisation of a matrix for all that is asked of it: solutions, inverses, determinants, and their gradients.

A pass over the whole graph, after gradients are expanded. A matrix that is symmetric by construction is factored by
Cholesky; where it turns out not to be positive definite, by LU like any other, so that no value is lost: one of the two
branches runs. The LU factors of other matrices are shared where more than one question is asked.

Why it ends: afterwards no question about these matrices is left.
"""

from collections import defaultdict
from collections.abc import Callable, Collection
from typing import NamedTuple

import numpy as np

from xgrad.axes.base import TensorType
from xgrad.axes.constants import full, iota, ones_like
from xgrad.axes.elementwise import Absolute, IsFinite, Log, Sign, add, cast, multiply, where
from xgrad.axes.index import Gather, Take
from xgrad.axes.linalg import TriedCholesky
from xgrad.axes.loops import Switch
from xgrad.axes.matrices import diagonal
from xgrad.axes.reduce import All, Prod
from xgrad.axes.solving import Det, Inv, LogDet, LuFactors, Slogdet, Solve, SolveTriangular
from xgrad.axes.sort import Argsort
from xgrad.axes.spread import expand, sum_
from xgrad.axes.structural import Permute
from xgrad.gradient.ops import JvpCall, VjpCall
from xgrad.graph import Builder, Fired, Graph, Node, Var, located
from xgrad.lower.nested import WholeRule, map_inner
from xgrad.lower.rules.matrices import log_of, swaps
from xgrad.lower.rules.mirror import is_symmetric
from xgrad.lower.rules.structured import identity_like

CHOLESKY = WholeRule("cholesky_factors")  # A = Aᵀ: L Lᵀ where there is an L, else as any other
LU = WholeRule("lu_factors")  # A[order] = L U for all that is asked of A
_SMALLEST = 4  # the determinants of smaller matrices have formulas


class Factors(NamedTuple):
    """The factors of a matrix in one array; ``index`` says which: 1 for Cholesky, 0 for LU; None where it is LU."""

    packed: Var
    order: Var
    sign: Var  # of the order
    index: Var | None


def share_factors(graph: Graph, disabled: Collection[str], fired: list[Fired]) -> Graph:
    """``graph`` with one factorisation for each matrix, in the graphs that its ops hold too.

    Not in those that JAX will differentiate: through the branch that is not taken it would multiply zero by NaN.
    """
    graph = map_inner(
        graph, lambda inner: share_factors(inner, disabled, fired), (VjpCall, JvpCall)
    )
    kinds = _kinds(graph, disabled)
    if not kinds:
        return graph
    builder = Builder()
    new: dict[Var, Var] = {v: v for v in graph.inputs}
    made: dict[Var, Factors] = {}
    for node in graph.nodes:
        asked = _matrix(node)
        if asked in kinds:
            with located(node.source):
                if asked not in made:
                    made[asked] = _FACTORED[kinds[asked]](new[asked])
                outputs = _answer(node, made[asked], [new[v] for v in node.inputs])
            fired.append(Fired(kinds[asked].name, node.outputs[0], outputs[0]))
        else:
            outputs = builder.node(node.op, [new[v] for v in node.inputs], node).outputs
        new.update(zip(node.outputs, outputs, strict=True))
    return Graph(graph.inputs, [new[v] for v in graph.outputs])


_ASKING = (Solve, Inv, Det, LogDet, Slogdet)


def _matrix(node: Node) -> Var | None:
    """The matrix that a node asks something of, whichever way it is turned."""
    if not isinstance(node.op, _ASKING):
        return None
    x = node.inputs[0]
    return x.inputs[0] if isinstance(x.op, Permute) and swaps(x.op.perm) else x


def _kinds(graph: Graph, disabled: Collection[str]) -> dict[Var, WholeRule]:
    """How each matrix is factored, of which something is asked."""
    asked: dict[Var, list[Node]] = defaultdict(list)
    for node in graph.nodes:
        matrix = _matrix(node)
        if matrix is not None:
            asked[matrix].append(node)
    kinds = {}
    for matrix, nodes in asked.items():
        kind = _kind(matrix, nodes)
        if kind is not None and kind.name not in disabled:
            kinds[matrix] = kind
    return kinds


def _kind(matrix: Var, nodes: list[Node]) -> WholeRule | None:
    """Cholesky for what is symmetric, LU where it is asked of twice; None for a lone question."""
    if matrix.type.dtype.kind != "f" or not matrix.type.size:
        return None
    if matrix.type.shape[-1] < _SMALLEST and all(not isinstance(n.op, Solve | Inv) for n in nodes):
        return None
    if is_symmetric(matrix):
        return CHOLESKY
    return LU if len(nodes) > 1 else None


# ---- factors -------------------------------------------------------------------------------------------------------
def _by_lu(a: Var) -> Factors:
    packed, order, sign = LuFactors().apply(a)
    return Factors(packed, order, sign, None)


def _by_cholesky(a: Var) -> Factors:
    """L where Cholesky finds one for every matrix of the batch; else the factors of LU."""
    lower = TriedCholesky()(a)
    found = IsFinite()(diagonal(lower))
    index = cast(All(tuple(range(found.type.ndim)))(found), np.dtype(np.int32))
    branches = (_lu_branch(a.type), _cholesky_branch(a.type))
    packed, order, sign = Switch(branches).apply(index, a, lower)
    return Factors(packed, order, sign, index)


def _lu_branch(t: TensorType) -> Graph:
    a, lower = Var(t), Var(t)
    return Graph([a, lower], LuFactors().apply(a))


def _cholesky_branch(t: TensorType) -> Graph:
    a, lower = Var(t), Var(t)
    order = iota(t.shape[:-1], len(t.shape) - 2, np.int32)
    return Graph([a, lower], [lower, order, full(t.shape[:-2], 1, t.dtype)])


_FACTORED: dict[WholeRule, Callable[[Var], Factors]] = {CHOLESKY: _by_cholesky, LU: _by_lu}


# ---- answers -------------------------------------------------------------------------------------------------------
def _answer(node: Node, f: Factors, inputs: list[Var]) -> tuple[Var, ...]:
    """The outputs of a node from the factors of its matrix."""
    if isinstance(node.op, Solve):
        return (_solution(node, f, inputs[1]),)
    if isinstance(node.op, Inv):
        return (_solution(node, f, identity_like(inputs[0])),)
    if isinstance(node.op, Det):
        return (_product(f),)
    sign, size = _determinant(f)
    return (log_of(sign, size),) if isinstance(node.op, LogDet) else (sign, size)


def _solution(node: Node, f: Factors, b: Var) -> Var:
    """x by two triangular systems: from L and its transpose, or from L and U in the order of the rows."""
    turned = isinstance(node.inputs[0].op, Permute) and swaps(node.inputs[0].op.perm)
    if f.index is None:
        return _lu_solution(turned)(f.packed, f.order, b)
    given = [f.packed, f.order, b]
    branches = (_branch(given, _lu_solution(turned)), _branch(given, _cholesky_solution))
    return Switch(branches)(f.index, *given)


def _branch(given: list[Var], make: Callable[..., Var]) -> Graph:
    inputs = [Var(v.type) for v in given]
    return Graph(inputs, [make(*inputs)])


def _cholesky_solution(lower: Var, order: Var, b: Var) -> Var:
    """L⁻ᵀ (L⁻¹ b)"""
    return SolveTriangular(True, True)(lower, SolveTriangular(True)(lower, b))


def _lu_solution(turned: bool) -> Callable[..., Var]:
    """U⁻¹ L⁻¹ b[order]; for Aᵀ, the order undone at last."""

    def straight(packed: Var, order: Var, b: Var) -> Var:
        inner = SolveTriangular(True, False, True)(packed, _rows(b, order))
        return SolveTriangular(False)(packed, inner)

    def transposed(packed: Var, order: Var, b: Var) -> Var:
        inner = SolveTriangular(False, True)(packed, b)
        undone = Argsort(order.type.ndim - 1)(order)
        return _rows(SolveTriangular(True, True, True)(packed, inner), undone)

    return transposed if turned else straight


def _rows(b: Var, order: Var) -> Var:
    batch = order.type.ndim - 1
    return Gather(batch, 1)(b, order) if batch else Take(0)(b, order)


def _product(f: Factors) -> Var:
    """The determinant: the diagonal of Cholesky's factor counts twice."""
    d = diagonal(f.packed)
    once = Prod((d.type.ndim - 1,))(d)
    if f.index is None:
        return multiply(f.sign, once)
    by_cholesky = expand(cast(f.index, np.dtype(bool)), once.type.shape, ())
    return multiply(multiply(f.sign, once), where(by_cholesky, once, ones_like(once)))


def _determinant(f: Factors) -> tuple[Var, Var]:
    """Its sign and the logarithm of its size; the diagonal of Cholesky's factor counts twice, and is positive."""
    d = diagonal(f.packed)
    last = (d.type.ndim - 1,)
    size = sum_(Log()(Absolute()(d)), last)
    sign = multiply(f.sign, Prod(last)(Sign()(d)))
    if f.index is None:
        return sign, size
    times = add(cast(f.index, size.type.dtype), full((), 1, size.type.dtype))
    return sign, multiply(size, expand(times, size.type.shape, ()))
