"""Rules of linear algebra: each fires, keeps the value, and lets a near miss alone; and what whole programs come to."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import pytest

from xgrad.axes import elementwise as e
from xgrad.axes.base import TensorType
from xgrad.axes.constants import constant, full, full_like
from xgrad.axes.contract import Einsum
from xgrad.axes.index import Gather
from xgrad.axes.interpret import evaluate
from xgrad.axes.linalg import Cholesky, Eigh, Eigvalsh, TriedCholesky
from xgrad.axes.matrices import Tril, Triu, diagonal, diagonal_matrix, matmul, transposed
from xgrad.axes.solving import Det, Inv, LogDet, LuFactors, Slogdet, Solve, SolveTriangular
from xgrad.axes.spread import Expand, Sum
from xgrad.axes.structural import Concat, Permute, Reshape, pad, slice_axis
from xgrad.graph import Graph, Rules, Var, check, rewrite
from xgrad.lower.chains import reorder_chains
from xgrad.lower.factors import share_factors
from xgrad.lower.rules.matrices import MATRICES
from xgrad.lower.rules.mirror import is_symmetric
from xgrad.lower.rules.structured import STRUCTURES, blocks, kron_parts
from xgrad.lower.rules.zeros import Zeros, diagonal_of, zeros_of

N = 4
RNG = np.random.default_rng(0)
A, B = (RNG.normal(size=(N, N)) + 3 * np.eye(N) for _ in range(2))
X, Y = RNG.normal(size=(2, N))
S = RNG.normal(size=(3, N, N)) + 3 * np.eye(N)  # a stack of matrices
ARRAYS = (A, B, X, Y, S)

EYE = np.eye(N)


class Case(NamedTuple):
    """``fires(a, b, x, y, s)`` is an expression that the rule changes, ``near`` one that it must not."""

    fires: Callable[..., Var]
    near: Callable[..., Var]


def positive(a):
    """A Aᵀ + I"""
    return e.Add()(matmul(a, transposed(a)), constant(EYE))


def lower(a):
    """A lower triangular matrix, as NumPy's ``tril`` gives it under the trace."""
    return e.Where()(constant(np.tri(N, dtype=bool)), a, full_like(a, 0))


def gram(a):
    return matmul(lower(a), transposed(lower(a)))


def diag(x):
    return diagonal_matrix(x)


def kron(a, b):
    n, m = a.type.shape[0], b.type.shape[0]
    product = e.Multiply()(Expand((n, m, n, m), (0, 2))(a), Expand((n, m, n, m), (1, 3))(b))
    return Reshape((n * m, n * m))(product)


def two_blocks(a, b):
    """[[A, 0], [0, B]]"""
    zero = full((N, N), 0, float)
    return Concat(0)(Concat(1)(a, zero), Concat(1)(zero, b))


def column(x):
    return Reshape((N, 1))(x)


def columns(x, y):
    """A matrix with eight rows."""
    return Concat(0)(column(x), column(y))


def long(x):
    return Reshape((16, 1))(e.Multiply()(Expand((N, N), (0,))(x), Expand((N, N), (1,))(x)))


def stacked(a):
    return Expand((3, N, N), (1, 2))(a)


def einsum(equation, *arrays):
    terms, output = equation.split("->")
    operands = tuple(tuple(map(ord, term)) for term in terms.split(","))
    return Einsum(operands, tuple(map(ord, output)))(*arrays)


def positions(k=0):
    return constant(np.arange(N) + k)


MATRIX_OF = {  # a matrix of each structure, and one that is nearly of it
    "diagonal": (lambda a, b, x: diag(x), lambda a, b, x: e.Add()(diag(x), lower(a))),
    "triangular": (lambda a, b, x: Triu()(a), lambda a, b, x: Triu(-1)(a)),
    "gram": (lambda a, b, x: gram(a), lambda a, b, x: matmul(lower(a), lower(a))),
    "kron": (
        lambda a, b, x: kron(a, b),
        lambda a, b, x: Reshape((16, 16))(
            e.Add()(Expand((N,) * 4, (0, 2))(a), Expand((N,) * 4, (1, 3))(b))
        ),
    ),
    "blocks": (
        lambda a, b, x: two_blocks(a, b),
        lambda a, b, x: Concat(0)(Concat(1)(a, b), Concat(1)(full((N, N), 0, float), b)),
    ),
}

RIGHT = {"kron": lambda x, y: long(x), "blocks": columns}


def structure_cases(name):
    """What is asked of a matrix: the solution, the inverse, the determinant and its logarithms."""
    is_one, is_near = MATRIX_OF[name]
    right = RIGHT.get(name, lambda x, y: column(y))
    asked = {
        "solve": lambda m, x, y: Solve()(m, right(x, y)),
        "inverse": lambda m, x, y: Inv()(m),
        "det": lambda m, x, y: Det()(m),
        "logdet": lambda m, x, y: LogDet()(m),
        "slogdet": lambda m, x, y: e.Multiply()(*Slogdet().apply(m)),
    }
    return {
        f"{question}_{name}": Case(
            lambda a, b, x, y, s, ask=ask: ask(is_one(a, b, x), x, y),
            lambda a, b, x, y, s, ask=ask: ask(is_near(a, b, x), x, y),
        )
        for question, ask in asked.items()
    }


CASES = {
    "inverse_product": Case(
        lambda a, b, x, y, s: einsum("ij,j->i", Inv()(a), x),
        lambda a, b, x, y, s: einsum("ij,ij->i", Inv()(a), b),
    ),
    "inverse_summed": Case(
        lambda a, b, x, y, s: Sum((0,))(e.Multiply()(Expand((N, N), (0,))(x), Inv()(a))),
        lambda a, b, x, y, s: Sum((0,))(e.Multiply()(b, Inv()(a))),
    ),
    "log_det": Case(
        lambda a, b, x, y, s: e.Log()(Det()(a)), lambda a, b, x, y, s: e.Exp()(Det()(a))
    ),
    "log_absolute_det": Case(
        lambda a, b, x, y, s: e.Log()(e.Absolute()(Det()(e.Negative()(a)))),
        lambda a, b, x, y, s: e.Log()(e.Square()(Det()(a))),
    ),
    "logdet_scaled": Case(
        lambda a, b, x, y, s: LogDet()(e.Multiply()(full_like(a, 2.5), a)),
        lambda a, b, x, y, s: LogDet()(e.Multiply()(full_like(a, -2.5), a)),
    ),
    "symmetric_inverse": Case(
        lambda a, b, x, y, s: transposed(Inv()(positive(a))),
        lambda a, b, x, y, s: transposed(Inv()(e.Add()(matmul(a, a), b))),
    ),
    "symmetric_system": Case(
        lambda a, b, x, y, s: Solve()(transposed(positive(a)), b),
        lambda a, b, x, y, s: Solve()(transposed(matmul(a, b)), b),
    ),
    "inverse_of_transpose": Case(
        lambda a, b, x, y, s: Inv()(transposed(a)),
        lambda a, b, x, y, s: Inv()(Permute((1, 0, 2))(cube(s))),
    ),
    "det_of_transpose": Case(
        lambda a, b, x, y, s: Det()(transposed(s)), lambda a, b, x, y, s: Det()(s)
    ),
    "logdet_of_transpose": Case(
        lambda a, b, x, y, s: LogDet()(transposed(s)), lambda a, b, x, y, s: LogDet()(s)
    ),
    "slogdet_of_transpose": Case(
        lambda a, b, x, y, s: Slogdet().apply(transposed(s))[1],
        lambda a, b, x, y, s: Slogdet().apply(s)[1],
    ),
    "cholesky_of_gram": Case(
        lambda a, b, x, y, s: Cholesky()(gram_of(Cholesky()(positive(a)))),
        lambda a, b, x, y, s: Cholesky()(gram(a)),
    ),
    "diagonal_product": Case(
        lambda a, b, x, y, s: matmul(diag(x), a), lambda a, b, x, y, s: matmul(lower(b), a)
    ),
    "kron_product": Case(
        lambda a, b, x, y, s: matmul(kron(a, b), long(x)),
        lambda a, b, x, y, s: einsum("ij,kj->ik", Reshape((16, 3))(s), Reshape((16, 3))(s)),
    ),
    "repeated_system": Case(
        lambda a, b, x, y, s: Solve()(stacked(a), s), lambda a, b, x, y, s: Solve()(s, stacked(a))
    ),
    "repeated_triangle": Case(
        lambda a, b, x, y, s: SolveTriangular(True)(stacked(a), s),
        lambda a, b, x, y, s: SolveTriangular(True)(s, stacked(a)),
    ),
    **{
        f"repeated_{type(op).__name__.lower()}": Case(
            lambda a, b, x, y, s, op=op: op.apply(stacked(positive(a)))[-1],
            lambda a, b, x, y, s, op=op: op.apply(s)[-1],
        )
        for op in (Inv(), Det(), LogDet(), Slogdet(), Cholesky(), Eigvalsh())
    },
    "repeated_eigh": Case(
        lambda a, b, x, y, s: Eigh().apply(stacked(positive(a)))[0],
        lambda a, b, x, y, s: Eigh().apply(s)[0],
    ),
    "product_order": Case(
        lambda a, b, x, y, s: einsum("i,ij,j->", x, a, y),
        lambda a, b, x, y, s: einsum("ij,j->i", a, y),
    ),
    "product_of_transpose": Case(
        lambda a, b, x, y, s: matmul(transposed(a), b), lambda a, b, x, y, s: matmul(a, b)
    ),
    "product_of_number": Case(
        lambda a, b, x, y, s: einsum("ij,jk->ik", Expand((N, N), ())(Sum((0,))(x)), b),
        lambda a, b, x, y, s: einsum("ij,jk->ik", Expand((N, N), (0,))(x), b),
    ),
    "sum_before_product": Case(
        lambda a, b, x, y, s: einsum("ij,jk->", a, b), lambda a, b, x, y, s: einsum("ij,ij->", a, b)
    ),
    "sum_of_one": Case(
        lambda a, b, x, y, s: einsum("ij,kj->ik", column(x), column(y)),
        lambda a, b, x, y, s: einsum("ij,kj->ik", a, b),
    ),
    "product_elementwise": Case(
        lambda a, b, x, y, s: einsum("i,j->ji", x, y),
        lambda a, b, x, y, s: einsum("i,i->", x, y),
    ),
    "diagonal_of_product": Case(
        lambda a, b, x, y, s: diagonal(matmul(a, b)), lambda a, b, x, y, s: diagonal(a)
    ),
    "einsum_of_one": Case(
        lambda a, b, x, y, s: einsum("ijk->kj", s), lambda a, b, x, y, s: einsum("iji->j", cube(s))
    ),
    "sum_of_product": Case(
        lambda a, b, x, y, s: Sum((0, 1))(matmul(a, b)),
        lambda a, b, x, y, s: Sum((0, 1))(e.Multiply()(a, b)),
    ),
    "diagonal_taken": Case(
        lambda a, b, x, y, s: Gather(0, 2)(a, positions(), positions()),
        lambda a, b, x, y, s: Gather(0, 2)(a, constant(np.arange(3)), constant(np.arange(1, 4))),
    ),
    **{name: case for s in STRUCTURES for name, case in structure_cases(s.name).items()},
}


def gram_of(factor):
    return matmul(factor, transposed(factor))


def cube(s):
    """An array of three equal sizes."""
    return Concat(0)(s, Reshape((1, N, N))(Sum((0,))(s)))


def graph(expression):
    inputs = [Var(TensorType(a.shape, a.dtype)) for a in ARRAYS]
    return Graph(inputs, [expression(*inputs)])


def outcome(expression, rules=MATRICES):
    """Before and after the rules, and the names of those that fired."""
    before = check(graph(expression))
    fired = []
    after = check(rewrite(before, rules, fired))
    return before, after, {f.rule for f in fired}


def test_every_rule_has_a_case():
    assert {r.name for r in MATRICES.rules} == set(CASES)


@pytest.mark.parametrize("name", CASES)
def test_rule_fires_and_keeps_the_value(name):
    before, after, fired = outcome(CASES[name].fires)
    assert name in fired
    got, expected = evaluate(after, ARRAYS)[0], evaluate(before, ARRAYS)[0]
    assert np.isfinite(expected).any() or "log" in name
    np.testing.assert_allclose(got, expected, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("name", CASES)
def test_near_miss_is_left_alone(name):
    assert name not in outcome(CASES[name].near)[2]


@pytest.mark.parametrize("name", CASES)
def test_a_rule_can_be_switched_off(name):
    assert name not in outcome(CASES[name].fires, MATRICES.without((name,)))[2]


NAN = np.where(np.arange(N) == 1, np.nan, X)


@pytest.mark.parametrize("name", CASES)
def test_missing_values_stay_missing(name):
    """NaN in the arguments is NaN in the result, or is not, with the rules as without."""
    before, after, _ = outcome(CASES[name].fires)
    arrays = (A + np.where(EYE, NAN * 0, 0), B, NAN, Y, S)
    with np.errstate(all="ignore"):
        got, expected = evaluate(after, arrays)[0], evaluate(before, arrays)[0]
    assert np.isnan(got).any() == np.isnan(expected).any()


# ---- what a matrix is seen to be -----------------------------------------------------------------------------------
def matrix(*shape):
    return Var(TensorType(shape or (N, N), np.dtype(float)))


def a_scale():
    return Var(TensorType((), np.dtype(float)))


def distances(x, scale):
    """Differences of points along a last axis of features, over a length."""
    shape = (N, N, 3)
    one, other = Expand(shape, (0, 2))(x), Expand(shape, (1, 2))(x)
    return e.Divide()(e.Subtract()(one, other), Expand(shape, ())(scale))


SYMMETRIC = {
    "kernel": lambda a, x, s: e.Exp()(e.Negative()(Sum((2,))(e.Square()(distances(x, s))))),
    "kernel of absolute distances": lambda a, x, s: Sum((2,))(e.Absolute()(distances(x, s))),
    "a product of a difference and itself": lambda a, x, s: einsum(
        "ijk,ijk->ij", distances(x, s), distances(x, s)
    ),
    "a periodic kernel": lambda a, x, s: Sum((2,))(e.Cos()(distances(x, s))),
    "by norms and products": lambda a, x, s: e.Subtract()(
        e.Add()(spread(x, 0), spread(x, 1)), e.Multiply()(full((N, N), 2, float), gram_of(x))
    ),
    "by norms and products, in another order": lambda a, x, s: e.Add()(
        e.Subtract()(spread(x, 0), e.Multiply()(full((N, N), 2, float), gram_of(x))), spread(x, 1)
    ),
    "A Aᵀ": lambda a, x, s: gram_of(a),
    "A + Aᵀ": lambda a, x, s: e.Add()(transposed(a), a),
    "A (B Bᵀ) Aᵀ": lambda a, x, s: matmul(matmul(a, gram_of(x)), transposed(a)),
    "with a diagonal": lambda a, x, s: e.Add()(gram_of(a), constant(EYE)),
    "with numbers on the diagonal": lambda a, x, s: e.Add()(
        gram_of(a), diagonal_matrix(Sum((1,))(x))
    ),
    "with a scaled identity": lambda a, x, s: e.Add()(
        gram_of(a), e.Multiply()(constant(EYE), Expand((N, N), (1,))(Sum((1,))(x)))
    ),
    "an inverse": lambda a, x, s: Inv()(gram_of(a)),
    "a constant": lambda a, x, s: constant(A + A.T),
}
NOT_SYMMETRIC = {
    "an argument": lambda a, x, s: a,
    "A A": lambda a, x, s: matmul(a, a),
    "A - Aᵀ": lambda a, x, s: e.Subtract()(a, transposed(a)),
    "cubes of differences": lambda a, x, s: Sum((2,))(
        e.Multiply()(distances(x, s), e.Square()(distances(x, s)))
    ),
    "differences": lambda a, x, s: Sum((2,))(distances(x, s)),
    "a constant": lambda a, x, s: constant(A),
    "numbers along rows": lambda a, x, s: spread(x, 0),
    "not square": lambda a, x, s: x,
}


def spread(x, axis):
    """Σ x² along one axis of a matrix."""
    return Expand((N, N), (axis,))(Sum((1,))(e.Square()(x)))


@pytest.mark.parametrize("name", SYMMETRIC)
def test_symmetric_by_construction(name):
    found = SYMMETRIC[name](matrix(), matrix(N, 3), a_scale())
    assert is_symmetric(found)


@pytest.mark.parametrize("name", NOT_SYMMETRIC)
def test_not_seen_to_be_symmetric(name):
    assert not is_symmetric(NOT_SYMMETRIC[name](matrix(), matrix(N, 3), a_scale()))


def test_symmetry_is_looked_for_in_linear_time():
    """A square of a square of …: every value is looked at once, although there are 2⁶⁰ paths to it."""
    a = gram_of(matrix())
    for _ in range(60):
        a = e.Add()(e.Multiply()(a, a), a)
    assert is_symmetric(a)
    for _ in range(5000):
        a = e.Tanh()(a)
    assert not is_symmetric(a)  # too long to be worth it


ZEROS = {
    "cholesky": (lambda a: Cholesky()(a), Zeros(True, False)),
    "its transpose": (lambda a: transposed(Cholesky()(a)), Zeros(False, True)),
    "tril": (lambda a: Tril(0)(a), Zeros(True, False)),
    "more than tril": (lambda a: Tril(1)(a), Zeros(False, False)),
    "triu": (lambda a: Triu(1)(a), Zeros(False, True)),
    "np.tril": (lower, Zeros(True, False)),
    "np.triu": (
        lambda a: e.Where()(constant(np.tri(N, k=-1, dtype=bool)), full_like(a, 0), a),
        Zeros(False, True),
    ),
    "both": (lambda a: Tril(0)(Triu(0)(a)), Zeros(True, True)),
    "a product": (lambda a: matmul(lower(a), lower(a)), Zeros(True, False)),
    "a sum": (lambda a: e.Add()(lower(a), constant(EYE)), Zeros(True, False)),
    "of two": (lambda a: e.Add()(lower(a), Triu()(a)), Zeros(False, False)),
    "scaled": (lambda a: e.Multiply()(a, constant(EYE)), Zeros(True, True)),
    "an argument": (lambda a: a, Zeros(False, False)),
}


@pytest.mark.parametrize("name", ZEROS)
def test_triangles_of_zeros(name):
    make, expected = ZEROS[name]
    a = matrix()
    x = make(a)
    assert zeros_of(x) == expected
    value = evaluate(Graph([a], [x]), (A @ A.T,))[0]
    assert not (expected.above and np.triu(value, 1).any())
    assert not (expected.below and np.tril(value, -1).any())
    diagonal_value = evaluate(Graph([a], [diagonal_of(x)]), (A @ A.T,))[0]
    np.testing.assert_array_equal(diagonal_value, np.diagonal(value))


def test_padded_blocks_are_seen():
    a, b = matrix(), matrix(2, 2)
    x = e.Add()(pad(a, (0, 0), (2, 2)), pad(b, (4, 4), (0, 0)))
    assert blocks(x) == (a, b)
    assert blocks(e.Add()(pad(a, (0, 0), (2, 2)), pad(b, (3, 4), (1, 0)))) is None


def test_a_kronecker_product_by_numpy_is_seen():
    """np.kron under the trace reshapes twice."""
    a, b = matrix(3, 3), matrix(2, 2)
    both = e.Multiply()(Expand((3, 3, 2, 2), (0, 1))(a), Expand((3, 3, 2, 2), (2, 3))(b))
    x = Reshape((6, 6))(Permute((2, 0, 1))(Reshape((3, 2, 6))(Permute((1, 3, 0, 2))(both))))
    assert kron_parts(x) == (a, b)
    assert kron_parts(Reshape((6, 6))(both)) is None


# ---- the order of chains -------------------------------------------------------------------------------------------
def chain(*shapes):
    """((A B) C) …, and its inputs."""
    inputs = [Var(TensorType(s, np.dtype(float))) for s in shapes]
    product = inputs[0]
    for x in inputs[1:]:
        product = matmul(product, x)
    return inputs, product


def multiplications(graph):
    total = 0
    for node in graph.nodes:
        sizes = {}
        for own, x in zip(node.op.operands, node.inputs, strict=True):
            sizes.update(zip(own, x.type.shape, strict=True))
        total += int(np.prod(list(sizes.values())))
    return total


def test_a_chain_is_multiplied_in_the_cheapest_order():
    """The example of Cormen et al., Introduction to Algorithms, 15.2: 15125 multiplications instead of 40500."""
    shapes = [(30, 35), (35, 15), (15, 5), (5, 10), (10, 20), (20, 25)]
    inputs, product = chain(*shapes)
    before = Graph(inputs, [product])
    fired = []
    after = check(reorder_chains(before, (), fired))
    assert (multiplications(before), multiplications(after)) == (40500, 15125)
    assert [f.rule for f in fired] == ["chain_order"]
    arrays = [RNG.normal(size=s) for s in shapes]
    np.testing.assert_allclose(
        evaluate(after, arrays)[0], evaluate(before, arrays)[0], rtol=1e-10, atol=1e-10
    )
    assert reorder_chains(before, ("chain_order",), fired) is before


def test_a_product_that_is_used_elsewhere_stays():
    inputs, product = chain((50, 50), (50, 50), (50, 1))
    kept = product.inputs[0]
    fired = []
    reorder_chains(Graph(inputs, [product, kept]), (), fired)
    assert not fired
    reorder_chains(Graph(inputs, [product]), (), fired)
    assert len(fired) == 1


def test_a_chain_in_the_best_order_stays():
    inputs, product = chain((2, 3), (3, 4), (4, 5))
    graph = Graph(inputs, [product])
    assert reorder_chains(graph, (), []) is graph


# ---- one factorisation ---------------------------------------------------------------------------------------------
def factored(*outputs, disabled=()):
    inputs = [Var(TensorType(a.shape, a.dtype)) for a in ARRAYS]
    before = rewrite(Graph(inputs, [make(*inputs) for make in outputs]), Rules())
    fired = []
    after = check(share_factors(before, disabled, fired))
    return before, after, fired


def count(graph, op):
    return sum(isinstance(node.op, op) for node in graph.nodes)


QUESTIONS = {
    "solve": lambda m, b: Solve()(m, b),
    "transposed": lambda m, b: Solve()(transposed(m), b),
    "inverse": lambda m, b: Inv()(m),
    "logdet": lambda m, b: LogDet()(m),
    "sign": lambda m, b: Slogdet().apply(m)[0],
    "size": lambda m, b: Slogdet().apply(m)[1],
    "det": lambda m, b: Det()(m),
}
MATRICES_ASKED = {
    "any": lambda a, s: a,
    "stack": lambda a, s: s,
    "of negative determinant": lambda a, s: Concat(0)(
        *[slice_axis(a, 0, k, k + 1) for k in (1, 0, 2, 3)]
    ),
    "positive": lambda a, s: positive(a),
    "positive stack": lambda a, s: einsum("kia,kja->kij", s, s),
    "symmetric": lambda a, s: e.Add()(a, transposed(a)),
    "indefinite": lambda a, s: e.Subtract()(e.Add()(a, transposed(a)), constant(7 * EYE)),
}


@pytest.mark.parametrize("name", MATRICES_ASKED)
def test_one_factorisation_answers_all_questions(name):
    """Solutions, inverses and determinants by one Cholesky or one LU, and right when Cholesky fails."""
    make = MATRICES_ASKED[name]

    def asking(question):
        def expression(a, b, x, y, s):
            m = make(a, s)
            return question(m, s if m.type.ndim == 3 else b)

        return expression

    before, after, fired = factored(*map(asking, QUESTIONS.values()))
    assert len(fired) >= len(QUESTIONS) - 1  # both outputs of slogdet come from one node
    assert count(after, (Solve, Inv, LogDet, Slogdet, Det)) == 0
    assert count(after, TriedCholesky) + count(after, LuFactors) == 1
    with np.errstate(all="ignore"):
        got, expected = evaluate(after, ARRAYS), evaluate(before, ARRAYS)
    for ours, plain in zip(got, expected, strict=True):
        np.testing.assert_allclose(ours, plain, rtol=1e-8, atol=1e-10)


def test_a_lone_question_about_any_matrix_stays():
    _, _, fired = factored(lambda a, b, x, y, s: Solve()(a, b))
    assert not fired


def test_factorisations_can_be_switched_off():
    def asking(a, b, x, y, s):
        return e.Add()(Solve()(a, b), Inv()(a))

    assert {f.rule for f in factored(asking)[2]} == {"lu_factors"}
    assert not factored(asking, disabled=("lu_factors",))[2]
    symmetric = factored(lambda a, b, x, y, s: Solve()(positive(a), b))[2]
    assert {f.rule for f in symmetric} == {"cholesky_factors"}
    off = factored(lambda a, b, x, y, s: Solve()(positive(a), b), disabled=("cholesky_factors",))
    assert not off[2]
