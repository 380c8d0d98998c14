"""``xg.linalg``: the values of NumPy and SciPy, labels, batches by name, gradients by three ways, errors."""

import re

import numpy as np
import pytest
import scipy.linalg
import xarray as xr

import xgrad as xg
from xgrad.errors import (
    AlignmentError,
    ArgumentError,
    DimensionError,
    GradNotImplementedError,
    SizeMismatchError,
)

RNG = np.random.default_rng(0)
N = 3
ROWS, COLUMNS, TIMES = ["a", "b", "c"], [10, 20, 30], [1.5, 2.5]
DIMS = ("row", "col")


def batch(values):
    """Matrices at two times, the dims in an order of their own."""
    coords = {"row": ROWS, "col": COLUMNS, "time": TIMES}
    array = xr.DataArray(values, coords, ("time", "row", "col"), name="a")
    return array.transpose("row", "time", "col")


GENERAL = batch(RNG.normal(size=(2, N, N)) + 3 * np.eye(N))
_Q = np.linalg.qr(RNG.normal(size=(2, N, N)))[0]
POSITIVE_VALUES = (_Q * [1.0, 2.0, 4.0]) @ np.swapaxes(_Q, -1, -2)
POSITIVE = batch(POSITIVE_VALUES).assign_coords(col=ROWS)  # rows and columns mean the same
TALL = xr.DataArray(
    RNG.normal(size=(2, 4, N)), {"col": COLUMNS, "time": TIMES}, ("time", "row", "col")
)
VECTOR = xr.DataArray(RNG.normal(size=(N, 2)), {"row": ROWS, "day": [5, 6]}, ("row", "day"))
LONG = xr.DataArray(RNG.normal(size=4), dims="row")


def each(function, *arrays):
    """What NumPy makes of the matrices at every time."""
    found = [function(*[np.asarray(x[k]) for x in arrays]) for k in range(2)]
    return np.stack(found)


def stacked(a):
    return a.transpose("time", "row", "col").values


G, P, T = stacked(GENERAL), POSITIVE_VALUES, stacked(TALL)

# name: the call, its argument, what NumPy or SciPy says (time first), and the dims of the result
UNARY = {
    "inv": (lambda a: xg.linalg.inv(a, DIMS), GENERAL, np.linalg.inv(G), ("time", "col", "row")),
    "pinv": (lambda a: xg.linalg.pinv(a, DIMS), TALL, np.linalg.pinv(T), ("time", "col", "row")),
    "det": (lambda a: xg.linalg.det(a, DIMS), GENERAL, np.linalg.det(G), ("time",)),
    "slogdet": (
        lambda a: xg.linalg.slogdet(a, DIMS).logabsdet,
        GENERAL,
        np.linalg.slogdet(G)[1],
        ("time",),
    ),
    "trace": (
        lambda a: xg.linalg.trace(a, DIMS),
        POSITIVE,
        np.trace(P, axis1=1, axis2=2),
        ("time",),
    ),
    "diagonal": (
        lambda a: xg.linalg.diagonal(a, DIMS),
        POSITIVE,
        np.diagonal(P, 0, 1, 2),
        ("time", "row"),
    ),
    "norm of matrices": (
        lambda a: xg.linalg.norm(a, DIMS),
        TALL,
        each(np.linalg.norm, T),
        ("time",),
    ),
    "norm of vectors": (
        lambda a: xg.linalg.norm(a, "col", ord=3),
        TALL,
        np.linalg.norm(T, 3, axis=-1),
        ("time", "row"),
    ),
    "norm of all": (lambda a: xg.linalg.norm(a), TALL, np.sqrt((T**2).sum()), ()),
    "nuclear norm": (
        lambda a: xg.linalg.norm(a, DIMS, ord="nuc"),
        TALL,
        np.linalg.norm(T, "nuc", (1, 2)),
        ("time",),
    ),
    "cond": (lambda a: xg.linalg.cond(a, DIMS), TALL, np.linalg.cond(T), ("time",)),
    "cond in a norm": (
        lambda a: xg.linalg.cond(a, DIMS, p="fro"),
        GENERAL,
        np.linalg.cond(G, "fro"),
        ("time",),
    ),
    "cholesky": (
        lambda a: xg.linalg.cholesky(a, DIMS),
        POSITIVE,
        np.linalg.cholesky(P),
        ("time", "row", "col"),
    ),
    "cholesky, upper": (
        lambda a: xg.linalg.cholesky(a, DIMS, upper=True),
        POSITIVE,
        np.swapaxes(np.linalg.cholesky(P), -1, -2),
        ("time", "row", "col"),
    ),
    "eigvalsh": (
        lambda a: xg.linalg.eigvalsh(a, DIMS),
        POSITIVE,
        np.linalg.eigvalsh(P),
        ("time", "eigen"),
    ),
    "eigh": (
        lambda a: abs(xg.linalg.eigh(a, DIMS, eigen="mode").eigenvectors),
        POSITIVE,
        abs(np.linalg.eigh(P)[1]),
        ("time", "row", "mode"),
    ),
    "svdvals": (
        lambda a: xg.linalg.svdvals(a, DIMS),
        TALL,
        np.linalg.svd(T, compute_uv=False),
        ("time", "singular"),
    ),
    "svd": (
        lambda a: abs(xg.linalg.svd(a, DIMS, singular="k").U),
        TALL,
        abs(np.linalg.svd(T, full_matrices=False)[0]),
        ("time", "row", "k"),
    ),
    "svd, right": (
        lambda a: abs(xg.linalg.svd(a, DIMS, singular="k").Vh),
        TALL,
        abs(np.linalg.svd(T, full_matrices=False)[2]),
        ("time", "k", "col"),
    ),
    "qr": (
        lambda a: abs(xg.linalg.qr(a, DIMS).Q),
        TALL,
        abs(np.linalg.qr(T)[0]),
        ("time", "row", "qr"),
    ),
    "qr, right": (
        lambda a: abs(xg.linalg.qr(a, DIMS).R),
        TALL,
        abs(np.linalg.qr(T)[1]),
        ("time", "qr", "col"),
    ),
    "matrix_power": (
        lambda a: xg.linalg.matrix_power(a, 3, DIMS),
        POSITIVE,
        np.linalg.matrix_power(P, 3),
        ("time", "row", "col"),
    ),
    "matrix_power, negative": (
        lambda a: xg.linalg.matrix_power(a, -2, DIMS),
        POSITIVE,
        np.linalg.matrix_power(P, -2),
        ("time", "row", "col"),
    ),
    "expm": (
        lambda a: xg.linalg.expm(a, DIMS),
        POSITIVE,
        scipy.linalg.expm(P),
        ("time", "row", "col"),
    ),
    "kron": (
        lambda a: xg.linalg.kron(a, GENERAL, DIMS),
        POSITIVE,
        each(np.kron, P, G),
        ("time", "row", "col"),
    ),
    "block_diag": (
        lambda a: xg.linalg.block_diag(a, 2 * a, dims=DIMS),
        POSITIVE,
        each(lambda p: scipy.linalg.block_diag(p, 2 * p), P),
        ("time", "row", "col"),
    ),
}

B = np.swapaxes(np.broadcast_to(VECTOR.values, (2, N, 2)), -1, -2)  # time, day, row


def solutions(matrices, vectors=B):
    """time, day, col"""
    return np.swapaxes(np.linalg.solve(matrices, np.swapaxes(vectors, -1, -2)), -1, -2)


LOWER, UPPER, UNIT = np.tril(G), np.triu(G), np.tril(G, -1) + np.eye(N)
SYMMETRIC_VECTOR = VECTOR.assign_coords(row=ROWS)
BINARY = {
    "solve": (lambda a, b: xg.linalg.solve(a, b, DIMS), GENERAL, solutions(G), "col"),
    "solve, symmetric": (
        lambda a, b: xg.linalg.solve(a, b, DIMS, assume_a="sym"),
        POSITIVE,
        solutions(P),
        "col",
    ),
    "solve, positive": (
        lambda a, b: xg.linalg.solve(a, b, DIMS, assume_a="pos"),
        POSITIVE,
        solutions(P),
        "col",
    ),
    "solve_triangular": (
        lambda a, b: xg.linalg.solve_triangular(a, b, DIMS),
        GENERAL,
        solutions(LOWER),
        "col",
    ),
    "solve_triangular, upper": (
        lambda a, b: xg.linalg.solve_triangular(a, b, DIMS, lower=False),
        GENERAL,
        solutions(UPPER),
        "col",
    ),
    "solve_triangular, unit": (
        lambda a, b: xg.linalg.solve_triangular(a, b, DIMS, unit_diagonal=True),
        GENERAL,
        solutions(UNIT),
        "col",
    ),
    "solve_triangular, transposed": (
        lambda a, b: xg.linalg.solve_triangular(
            a, b.rename(row="col").assign_coords(col=COLUMNS), DIMS, trans=True
        ),
        GENERAL,
        solutions(np.swapaxes(LOWER, -1, -2)),
        "row",
    ),
    "cho_solve": (
        lambda a, b: xg.linalg.cho_solve(a, b, DIMS),
        POSITIVE,
        solutions(np.tril(P) @ np.swapaxes(np.tril(P), -1, -2)),
        "row",
    ),
    "inverse times": (
        lambda a, b: xr.dot(xg.linalg.inv(a, DIMS), b, dim="row"),
        GENERAL,
        solutions(G),
        "col",
    ),
}


@pytest.fixture(params=["eager", "jit"])
def how(request):
    """Outside and inside of compiled functions."""
    return (lambda f: f) if request.param == "eager" else xg.jit


@pytest.mark.parametrize("name", UNARY)
def test_values_and_labels(name, how):
    call, a, expected, dims = UNARY[name]
    found = how(call)(a)
    assert found.dims == dims
    np.testing.assert_allclose(found.values, expected, rtol=1e-9, atol=1e-12)
    for dim in {*dims} & {"time", "row", "col"}:
        if dim in a.coords and found.sizes[dim] == a.sizes[dim]:
            np.testing.assert_array_equal(found[dim], a[dim])


@pytest.mark.parametrize("name", BINARY)
def test_solutions(name, how):
    """The right-hand sides lack the dim of the batch and have another; the matrix is at two times."""
    call, a, expected, dim = BINARY[name]
    found = how(call)(a, VECTOR)
    np.testing.assert_allclose(found.transpose("time", "day", dim).values, expected, rtol=1e-9)
    assert set(found.dims) == {"time", "day", dim}
    np.testing.assert_array_equal(found[dim], a[dim])
    np.testing.assert_array_equal(found["day"], VECTOR["day"])


def test_least_squares(how):
    found = how(lambda a, b: xg.linalg.lstsq(a, b, DIMS))(TALL, LONG)
    expected = np.stack([np.linalg.lstsq(t, LONG.values)[0] for t in T])
    np.testing.assert_allclose(found.transpose("time", "col").values, expected, rtol=1e-9)
    np.testing.assert_array_equal(found["col"], COLUMNS)


def test_matrix_rank(how):
    a = xr.DataArray(
        [[[1.0, 1.0], [1.0, 1.0]], [[1.0, 0.0], [0.0, 2.0]]], dims=("time", "row", "col")
    )
    assert how(lambda a: xg.linalg.matrix_rank(a, DIMS))(a).values.tolist() == [1, 2]


def test_sign_of_a_determinant(how):
    sign, size = how(lambda a: xg.linalg.slogdet(a, DIMS))(-GENERAL)
    np.testing.assert_array_equal(sign, np.linalg.slogdet(-G)[0])
    np.testing.assert_allclose(size, np.linalg.slogdet(G)[1])


def test_decompositions_multiply_to_the_matrix(how):
    u, s, vh = how(lambda a: xg.linalg.svd(a, DIMS))(TALL)
    np.testing.assert_allclose((u * s).dot(vh, dim="singular").transpose(*TALL.dims), TALL)
    q, r = how(lambda a: xg.linalg.qr(a, DIMS))(TALL)
    np.testing.assert_allclose(q.dot(r, dim="qr").transpose(*TALL.dims), TALL)
    w, v = how(lambda a: xg.linalg.eigh(a, DIMS))(POSITIVE)
    again = (v * w).dot(v.rename(row="col"), dim="eigen").transpose(*POSITIVE.dims)
    np.testing.assert_allclose(again, POSITIVE)


def test_labels_are_aligned():
    """The rows of the right-hand side come in the order of the matrix, whatever theirs was."""
    found = xg.linalg.solve(GENERAL, VECTOR.isel(row=[2, 0, 1]), DIMS)
    xr.testing.assert_allclose(found, xg.linalg.solve(GENERAL, VECTOR, DIMS))


def test_blocks_keep_labels():
    a = xr.DataArray(np.eye(2), {"row": ["p", "q"], "col": ["p", "q"]}, DIMS)
    found = xg.linalg.block_diag(a, POSITIVE.isel(time=0, drop=True), dims=DIMS)
    assert found["row"].values.tolist() == ["p", "q", *ROWS]


def test_dims_may_be_left_out():
    a = POSITIVE.isel(time=0, drop=True)
    xr.testing.assert_identical(xg.linalg.det(a), xg.linalg.det(a, DIMS))


def test_integers_count_as_floats(how):
    a = xr.DataArray([[2, 0], [0, 4]], dims=DIMS)
    assert how(xg.linalg.inv)(a).values.tolist() == [[0.5, 0.0], [0.0, 0.25]]


@pytest.mark.parametrize("dtype", ["float32", "complex128"])
def test_dtypes(dtype, how):
    a = GENERAL.astype(dtype)
    assert how(lambda a: xg.linalg.inv(a, DIMS))(a).dtype == dtype


# ---- gradients -----------------------------------------------------------------------------------------------------
def weights(x):
    """Numbers of the shape of ``x``, so that every part of it counts differently."""
    return x.copy(data=np.cos(np.arange(1.0, x.size + 1)).reshape(x.shape)).drop_vars(
        list(x.coords)
    )


def differences(cost, x, symmetric):
    """Central differences in every coordinate; for symmetric matrices in both places at once, half to each."""
    found = np.zeros(x.shape)
    for place in np.ndindex(x.shape):
        step = np.zeros(x.shape)
        step[place] = 1e-6
        if symmetric:
            moved = x.copy(data=step).rename(row="col", col="row").transpose(*x.dims).values
            step = (step + moved) / 2
        up, down = (float(cost(x.copy(data=x.values + s))) for s in (step, -step))
        found[place] = (up - down) / 2e-6
    return found


BY_JAX_TOO = (
    "inv",
    "pinv",
    "slogdet",
    "cholesky",
    "eigh",
    "eigvalsh",
    "svd",
    "qr",
    "expm",
    "solve",
    "solve_triangular",
)
SYMMETRIC_ONLY = ("cholesky", "eig", "solve, sym", "solve, pos")


@pytest.mark.parametrize("name", [*UNARY, *BINARY])
def test_gradients(name):
    """By our rules and by JAX's, against central differences."""
    if name in UNARY:
        call, a, *_ = UNARY[name]
    else:
        solve, a, *_ = BINARY[name]
        call = lambda a: solve(a, VECTOR)  # noqa: E731
    w = weights(call(a))
    cost = xg.jit(lambda a: (call(a) * w).sum())
    expected = differences(cost, a, name.startswith(SYMMETRIC_ONLY))
    for ad in ("symbolic", "jax") if name in BY_JAX_TOO else ("symbolic",):
        found = xg.grad(cost, ad=ad)(a)
        assert found.dims == a.dims
        np.testing.assert_allclose(found.values, expected, rtol=2e-5, atol=2e-6)


@pytest.mark.parametrize(
    "name", ["solve", "solve, symmetric", "solve_triangular, transposed", "cho_solve"]
)
def test_gradients_of_right_sides(name):
    solve, a, *_ = BINARY[name]
    w = weights(solve(a, VECTOR))
    cost = xg.jit(lambda b: (solve(a, b) * w).sum())
    expected = differences(cost, VECTOR, False)
    for ad in ("symbolic", "jax"):
        np.testing.assert_allclose(xg.grad(cost, ad=ad)(VECTOR), expected, rtol=2e-5, atol=2e-6)


@pytest.mark.parametrize("name", ["slogdet", "cholesky", "svdvals", "solve"])
def test_second_derivatives(name):
    """The product of the Hessian and a direction against differences of gradients."""
    if name in UNARY:
        call, a, *_ = UNARY[name]
    else:
        call, a = (lambda a: BINARY["solve"][0](a, VECTOR)), GENERAL
    a = a.isel(time=[0])
    w = weights(call(a))

    def cost(a):
        return (call(a) * w).sum()

    direction = a.copy(data=np.sin(np.arange(a.size)).reshape(a.shape))
    if a is POSITIVE or name in ("cholesky", "eigvalsh"):
        turned = direction.rename(row="col", col="row").transpose(*a.dims)
        direction = (direction + turned.values) / 2
    gradient = xg.jit(xg.grad(cost))
    step = 1e-6
    expected = (gradient(a + step * direction) - gradient(a - step * direction)) / (2 * step)
    found = xg.hessian_vector_product(cost)(a, direction)
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)


def test_gradient_of_a_norm_at_zero():
    x = xr.DataArray(np.zeros(3), dims="x")
    assert xg.grad(lambda x: xg.linalg.norm(x))(x).values.tolist() == [0, 0, 0]


def test_least_squares_gradient():
    cost = xg.jit(lambda a: (xg.linalg.lstsq(a, LONG, DIMS) * [1.0, -2.0, 3.0]).sum())
    expected = differences(cost, TALL, False)
    np.testing.assert_allclose(xg.grad(cost)(TALL), expected, rtol=1e-5, atol=1e-6)


def test_complex_decompositions_have_no_gradient():
    a = GENERAL.isel(time=0).astype(complex)
    with pytest.raises(GradNotImplementedError, match="complex"):
        xg.grad(lambda a: abs(xg.linalg.svdvals(a, DIMS)).sum())(a)


# ---- what is compiled ----------------------------------------------------------------------------------------------
def rules_of(function, *arguments):
    return {f.rule for f in xg.jit(function).stages(*arguments).rewrites}


def hlo_calls(function, *arguments):
    """How often the optimised program calls each function of LAPACK."""
    calls = re.findall(r'target="lapack_d(\w+?)_ffi"', xg.jit(function).stages(*arguments).hlo)
    return {name: calls.count(name) for name in set(calls)}


ONE = GENERAL.isel(time=0, drop=True)
B1 = VECTOR.isel(day=0, drop=True)
BIG = xr.DataArray(RNG.normal(size=(5, 5)) + 4 * np.eye(5), dims=DIMS)
SIDE = xr.DataArray(RNG.normal(size=5), dims="row")


def test_an_inverse_times_a_vector_is_a_solution():
    def function(a, b):
        return xr.dot(xg.linalg.inv(a), b, dim="row")

    assert "inverse_product" in rules_of(function, ONE, B1)
    assert "jnp.linalg.inv" not in xg.jit(function).stages(ONE, B1).source


def test_one_lu_for_solution_determinant_and_gradient():
    def cost(a):
        return xg.linalg.solve(a, SIDE).sum() + xg.linalg.slogdet(a).logabsdet

    assert hlo_calls(xg.value_and_grad(cost), BIG)["getrf"] == 1


def test_log_of_a_determinant_does_not_overflow():
    a = xr.DataArray(np.eye(400) * 1e3, dims=DIMS)
    found = xg.jit(lambda a: np.log(xg.linalg.det(a)))(a)
    np.testing.assert_allclose(found, 400 * np.log(1e3))
    negative = a.copy(data=np.diag([-1.0, *np.ones(399)]))
    assert np.isnan(xg.jit(lambda a: np.log(xg.linalg.det(a)))(negative))


def test_determinant_of_a_product_of_factors_needs_no_lu():
    def function(a):
        factor = xg.linalg.cholesky(a, DIMS)
        return np.log(
            xg.linalg.det(factor.dot(factor.rename(row="other"), dim="col"), ("row", "other"))
        )

    a = BIG.dot(BIG.rename(row="other"), dim="col").rename(other="col")
    assert hlo_calls(function, a) == {"potrf": 1}
    np.testing.assert_allclose(xg.jit(function)(a), np.linalg.slogdet(a)[1])


def test_the_trace_of_a_product_needs_no_product():
    def function(a, b):
        return xg.linalg.trace(a.dot(b.rename(row="col", col="other"), dim="col"), ("row", "other"))

    stages = xg.jit(function).stages(BIG, BIG)
    assert "diagonal_of_product" in {f.rule for f in stages.rewrites}
    np.testing.assert_allclose(function(BIG, BIG), xg.jit(function)(BIG, BIG))
    assert all(v.type.ndim < 2 for node in stages.optimised.nodes for v in node.outputs)


def test_a_chain_is_associated_by_cost():
    def function(a, b, x):
        product = a.dot(b.rename(row="col", col="k"), dim="col")
        return product.dot(x.rename(row="k"), dim="k")

    assert "chain_order" in rules_of(function, BIG, BIG, SIDE)
    stages = xg.jit(
        lambda a, b, x: xr.dot(a, b.rename(row="col", col="k"), x.rename(row="k"))
    ).stages(BIG, BIG, SIDE)
    assert "product_order" in {f.rule for f in stages.rewrites}


STRUCTURED = {
    "kron": lambda a, b: xg.linalg.solve(xg.linalg.kron(a, a), b),
    "blocks": lambda a, b: xg.linalg.solve(xg.linalg.block_diag(a, a), b),
}


@pytest.mark.parametrize(("name", "size"), [("kron", 25), ("blocks", 10)])
def test_structure_is_used(name, size):
    """Two systems of five instead of one of 25 or ten; values and gradients as with the whole matrix."""
    b = xr.DataArray(RNG.normal(size=size), dims="row")
    call = STRUCTURED[name]
    assert f"solve_{name}" in rules_of(call, BIG, b)
    make = {"kron": np.kron, "blocks": scipy.linalg.block_diag}[name]
    whole = make(BIG.values, BIG.values)
    np.testing.assert_allclose(xg.jit(call)(BIG, b), np.linalg.solve(whole, b), rtol=1e-8)
    cost = xg.jit(lambda a: (call(a, b) * np.arange(size)).sum())
    np.testing.assert_allclose(
        xg.grad(cost)(BIG), differences(cost, BIG, False), rtol=1e-4, atol=1e-6
    )


def test_a_diagonal_matrix_divides():
    same = xr.DataArray(np.eye(5), dims=DIMS)

    def function(x, b):
        return xg.linalg.solve(x * same, b, DIMS)

    assert "solve_diagonal" in rules_of(function, SIDE, SIDE)
    np.testing.assert_allclose(xg.jit(function)(SIDE, SIDE), np.ones(5))
    assert not hlo_calls(function, SIDE, SIDE)


def test_one_matrix_and_many_right_sides_are_one_system():
    assert "repeated_system" in rules_of(lambda a, b: xg.linalg.solve(a, b), ONE, VECTOR)


# ---- errors --------------------------------------------------------------------------------------------------------
WRONG = {
    "not square": (
        lambda: xg.linalg.inv(TALL, DIMS),
        SizeMismatchError,
        r"test_linalg.py:\d+: a square matrix is needed, and this one has 4 rows and 3 columns along dims 'row' and"
        r" 'col'.\nSelect as many of each; for least squares use pinv or lstsq.",
    ),
    "not square, NumPy": (
        lambda: xg.jit(lambda a: xr.apply_ufunc(np.linalg.det, a, input_core_dims=[DIMS]))(TALL),
        np.linalg.LinAlgError,
        r"test_linalg.py:\d+: a square matrix is needed, and this one has 4 rows and 3 columns along dims 'row' and"
        r" 'col'.\n.*",
    ),
    "a missing dim": (
        lambda: xg.linalg.det(GENERAL, ("row", "cols")),
        DimensionError,
        r"test_linalg.py:\d+: cannot take the determinant: the array has no dim 'cols', but \('row', 'time', 'col'\);"
        r" did you mean 'col'\?",
    ),
    "dims not said": (
        lambda: xg.linalg.det(GENERAL),
        DimensionError,
        r"test_linalg.py:\d+: cannot take the determinant: the array has the dims \('row', 'time', 'col'\), and which"
        r" two of them are rows and columns is not said.\nSay dims=\(row, column\); the others are batch dims.",
    ),
    "one dim": (
        lambda: xg.linalg.det(GENERAL, "row"),
        DimensionError,
        r"test_linalg.py:\d+: cannot take the determinant with dims='row': two different dims are needed, that of the"
        r" rows and that of the columns.",
    ),
    "no dims at all": (
        lambda: xg.linalg.det(G),
        ArgumentError,
        r"take the determinant works along named dims, and was given a NumPy array.\n"
        r"Name its dims first: xgrad.DataArray\(x, dims=\(…\)\).",
    ),
    "a right side without rows": (
        lambda: xg.linalg.solve(ONE, B1.rename(row="x")),
        DimensionError,
        r"test_linalg.py:\d+: cannot solve a x = b: the right-hand side has no dim 'row', but \('x',\).",
    ),
    "a right side with columns": (
        lambda: xg.linalg.solve(ONE, B1.expand_dims(col=COLUMNS)),
        DimensionError,
        r"test_linalg.py:\d+: cannot solve a x = b: the right-hand side has dim 'col', which the solution gets from"
        r" the columns of the matrix.\nRename it in the right-hand side: b.rename\(\{'col': ...\}\).",
    ),
    "sizes": (
        lambda: xg.linalg.solve(BIG, LONG),
        SizeMismatchError,
        r"test_linalg.py:\d+: cannot solve a x = b: dim 'row' has size 5 in the matrix and 4 in the right-hand side."
        r"\nSelect the same steps of both.",
    ),
    "sizes, NumPy": (
        lambda: xg.jit(
            lambda a, b: xr.apply_ufunc(
                np.linalg.solve, a, b, input_core_dims=[DIMS, ["k"]], output_core_dims=[["col"]]
            )
        )(BIG, LONG.rename(row="k")),
        SizeMismatchError,
        r"test_linalg.py:\d+: cannot solve A x = b: A has 5 rows, and b has 4 numbers.\n"
        r"Select the same rows of both; several right-hand sides are the columns of b.",
    ),
    "labels": (
        lambda: xg.linalg.solve(ONE, B1.assign_coords(row=["a", "b", "z"])),
        AlignmentError,
        r"test_linalg.py:\d+: cannot solve a x = b: the labels along dim 'row' are 3 labels in the matrix and 3 labels"
        r" in the right-hand side; 'c' is in one of them alone.\n"
        r"Align them first: a, b = xgrad.align\(a, b, join='inner'\), and keep the matrix square.",
    ),
    "labels of rows and columns": (
        lambda: xg.linalg.trace(ONE),
        AlignmentError,
        r"test_linalg.py:\d+: cannot take the trace: row 0 along 'row' is 'a', and column 0 along 'col' is "
        r"(np.int64\()?10\)?.\nPut both in one order: a = a.reindex\(\{'col': a\['row'\].values\}\).",
    ),
    "a new dim that is there": (
        lambda: xg.linalg.eigh(POSITIVE, DIMS, eigen="time"),
        DimensionError,
        r"eigh: the array has a dim 'time' already; name the new dim otherwise: eigen=…",
    ),
    "an unknown norm": (
        lambda: xg.linalg.norm(TALL, DIMS, ord=3),
        ArgumentError,
        r"norm: along 2 dims \('row', 'col'\) there is no norm with ord=3; name one dim for vectors, two for matrices.",
    ),
    "an unknown assumption": (
        lambda: xg.linalg.solve(ONE, B1, assume_a="spd"),
        ArgumentError,
        r"solve: assume_a is one of \('gen', 'sym', 'pos'\), not 'spd'.",
    ),
    "an exponent that is no integer": (
        lambda: xg.linalg.matrix_power(POSITIVE, 0.5, DIMS),
        ArgumentError,
        r"matrix_power: the exponent is 0.5, and must be an integer that is known while tracing.",
    ),
    "no blocks": (
        lambda: xg.linalg.block_diag(),
        ArgumentError,
        r"block_diag: no arrays were given.",
    ),
}


@pytest.mark.parametrize("name", WRONG)
def test_errors(name):
    call, error, message = WRONG[name]
    with pytest.raises(error) as caught:
        call()
    assert re.search(f"{message}$", str(caught.value)), str(caught.value)


def test_not_positive_definite_is_nan():
    """Documented: the lower triangle of the factor is NaN, and so is what is computed from it."""
    a = xr.DataArray([[1.0, 2.0], [2.0, 1.0]], dims=DIMS)
    assert np.isnan(xg.linalg.cholesky(a).values[np.tri(2, dtype=bool)]).all()
    assert np.isnan(xg.linalg.solve(a, xr.DataArray([1.0, 2.0], dims="row"), assume_a="pos")).all()
    symmetric = xg.linalg.solve(a, xr.DataArray([1.0, 2.0], dims="row"), assume_a="sym")
    np.testing.assert_allclose(symmetric, [1.0, 0.0], atol=1e-12)


def test_not_positive_definite_under_checks():
    """The error names the matrix by its labels."""
    indefinite = POSITIVE.copy(
        data=np.where(POSITIVE["time"].values[:, None] > 2, -1, 1) * POSITIVE.values
    )
    with xg.checks(), pytest.raises(xg.errors.NotDefiniteError, match=r"time.*2\.5"):
        xg.jit(lambda a: xg.linalg.cholesky(a, DIMS))(indefinite)


def test_a_system_without_rows():
    a = xr.DataArray(np.zeros((3, 0, 0)), dims=("b", "i", "j"))
    b = xr.DataArray(np.zeros((0, 2)), dims=("i", "r"))
    assert xg.linalg.solve(a, b, ("i", "j")).shape == (3, 2, 0)
