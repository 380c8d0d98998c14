"""``xgrad.linalg``: linear algebra on labeled arrays, with gradients.

``dims`` names the dim of the rows and that of the columns, in this order; with an array of two dims it may be left
out. All other dims are batch dims: they broadcast by name. Integers count as float64. Rows and columns are different
dims, so that results are clear about which is which: the inverse of A(row, col) is A⁻¹(col, row), and the solution of
A x = b has the dim ``col``, with its labels.

What a program asks of a matrix is looked at as a whole when it is compiled: ``inv(a) @ b`` solves, ``log(det(a))``
does not overflow, one factorisation serves all questions about one matrix and their gradients, and a matrix that is
symmetric, triangular, diagonal, block diagonal or a Kronecker product by construction is treated as one.

>>> import xarray as xr, xgrad as xg
>>> a = xr.DataArray([[2.0, 0.0], [1.0, 4.0]], {"row": ["x", "y"], "col": ["u", "v"]}, ("row", "col"))
>>> b = xr.DataArray([2.0, 5.0], {"row": ["x", "y"]}, ("row",))
>>> xg.linalg.solve(a, b, dims=("row", "col"))
<xarray.DataArray (col: 2)> Size: 16B
array([1., 1.])
Coordinates:
  * col      (col) <U1 8B 'u' 'v'
"""

from collections.abc import Hashable
from typing import Any, Literal, NamedTuple

import numpy as np
import xarray as xr

from xgrad.errors import ArgumentError, DimensionError
from xgrad.functions.calls import Labeled, apply, check_labeled, core_dims
from xgrad.functions.matrices import (
    Dims,
    absent,
    aligned,
    joined_labels,
    matrix_dims,
    same_space,
    square_dims,
)
from xgrad.labels.duck import matrices as kernels

__all__ = [
    "block_diag",
    "cho_solve",
    "cholesky",
    "cond",
    "det",
    "diagonal",
    "eigh",
    "eigvalsh",
    "expm",
    "inv",
    "kron",
    "lstsq",
    "matrix_power",
    "matrix_rank",
    "norm",
    "pinv",
    "qr",
    "slogdet",
    "solve",
    "solve_triangular",
    "svd",
    "svdvals",
    "trace",
]


class SlogdetResult(NamedTuple):
    """A determinant as ``sign * exp(logabsdet)``."""

    sign: Any
    logabsdet: Any


class EighResult(NamedTuple):
    """Eigenvalues, ascending, and the eigenvectors that belong to them."""

    eigenvalues: Any
    eigenvectors: Any


class SVDResult(NamedTuple):
    """A = U diag(S) Vh."""

    U: Any
    S: Any
    Vh: Any


class QRResult(NamedTuple):
    """A = Q R."""

    Q: Any
    R: Any


# ---- systems and inverses ------------------------------------------------------------------------------------------
def solve(
    a: Labeled,
    b: Labeled,
    dims: Dims = None,
    *,
    assume_a: Literal["gen", "sym", "pos"] = "gen",
) -> Any:
    """x with Σ_col a x = b: its dims are the other dims of ``b``, then ``col`` with its labels.

    ``b`` has the dim of the rows; all its other dims, and those of ``a``, are batch dims. ``assume_a``: "sym" reads the
    symmetric part of ``a``, and tries Cholesky first; "pos" relies on Cholesky, so that x is NaN where ``a`` is not
    positive definite (under ``xgrad.checks()`` an error names the matrix). Gradients: b̄ = a⁻ᵀ x̄, ā = -b̄ xᵀ.

    Raises DimensionError, SizeMismatchError, and AlignmentError where the labels of the rows differ.

    >>> import xarray as xr, xgrad as xg
    >>> a = xr.DataArray([[2.0, 0.0], [0.0, 4.0]], dims=("row", "col"))
    >>> xg.linalg.solve(a, xr.DataArray([2.0, 2.0], dims="row")).values
    array([1. , 0.5])
    """
    row, col = square_dims("solve a x = b", a, dims)
    b = _right_side("solve a x = b", a, b, row, col)
    choices = {"gen": kernels.solve, "sym": kernels.solve_symmetric, "pos": kernels.solve_positive}
    if assume_a not in choices:
        raise ArgumentError(f"solve: assume_a is one of {tuple(choices)}, not {assume_a!r}.")
    if assume_a != "gen":
        same_space("solve a symmetric system", a, (row, col))
    return apply(choices[assume_a], a, b, core=[[row, col], [row]], out=[[col]])


def _right_side(doing: str, a: Labeled, b: Labeled, row: Hashable, col: Hashable) -> Labeled:
    check_labeled(doing, b)
    b = aligned(doing, a, b, row)
    absent(doing, b, col)
    return b


def solve_triangular(
    a: Labeled,
    b: Labeled,
    dims: Dims = None,
    *,
    lower: bool = True,
    trans: bool = False,
    unit_diagonal: bool = False,
) -> Any:
    """x with Σ_col a x = b, reading only the lower (or upper) triangle of ``a``; with ``trans``, Σ_row a x = b.

    With ``trans`` it is ``b`` that has the dim of the columns, and x that of the rows. With ``unit_diagonal`` the
    diagonal is taken to be 1. Errors as in ``solve``.

    >>> import xarray as xr, xgrad as xg
    >>> a = xr.DataArray([[2.0, 9.0], [1.0, 4.0]], dims=("row", "col"))
    >>> xg.linalg.solve_triangular(a, xr.DataArray([2.0, 5.0], dims="row")).values
    array([1., 1.])
    """
    row, col = square_dims("solve a triangular system", a, dims)
    given, found = (col, row) if trans else (row, col)
    b = _right_side("solve a triangular system", a, b, given, found)
    return apply(
        kernels.solve_triangular,
        a,
        b,
        core=[[row, col], [given]],
        out=[[found]],
        lower=bool(lower),
        trans=bool(trans),
        unit_diagonal=bool(unit_diagonal),
    )


def cho_solve(factor: Labeled, b: Labeled, dims: Dims = None) -> Any:
    """x with (L Lᵀ) x = b for a lower Cholesky factor L(row, col): x has the dim ``row``, as ``b`` has.

    Errors as in ``solve``.

    >>> import xarray as xr, xgrad as xg
    >>> a = xr.DataArray([[4.0, 2.0], [2.0, 5.0]], dims=("row", "col"))
    >>> b = xr.DataArray([6.0, 7.0], dims="row")
    >>> xg.linalg.cho_solve(xg.linalg.cholesky(a), b).values
    array([1., 1.])
    """
    row, col = square_dims("solve by a Cholesky factor", factor, dims)
    b = aligned("solve by a Cholesky factor", factor, b, row)
    absent("solve by a Cholesky factor", b, col)
    return apply(kernels.cho_solve, factor, b, core=[[row, col], [row]], out=[[row]])


def lstsq(a: Labeled, b: Labeled, dims: Dims = None, *, rtol: float | None = None) -> Any:
    """The x of smallest norm among those with the smallest |Σ_col a x - b|; ``a`` may have any shape and rank.

    Singular values below ``rtol`` times the largest count as zero (default: the larger size times the rounding unit).
    Dims and errors as in ``solve``. The gradient is that at constant rank.

    >>> import xarray as xr, xgrad as xg
    >>> a = xr.DataArray([[1.0, 0.0], [1.0, 1.0], [1.0, 2.0]], dims=("time", "term"))
    >>> xg.linalg.lstsq(a, xr.DataArray([1.0, 3.0, 5.0], dims="time")).round(6).values
    array([1., 2.])
    """
    row, col = matrix_dims("solve a least-squares problem", a, dims)
    b = _right_side("solve a least-squares problem", a, b, row, col)
    return apply(kernels.lstsq, a, b, core=[[row, col], [row]], out=[[col]], rtol=rtol)


def inv(a: Labeled, dims: Dims = None) -> Any:
    """The inverse, with dims (col, row): ``xr.dot(inv(a), b, dim=row)`` has the dim ``col``.

    In a compiled function such a product is a solution, and no inverse is computed. Raises DimensionError, and
    SizeMismatchError where the matrices are not square.

    >>> import xarray as xr, xgrad as xg
    >>> a = xr.DataArray([[2.0, 0.0], [0.0, 4.0]], dims=("row", "col"))
    >>> xg.linalg.inv(a).dims
    ('col', 'row')
    """
    row, col = square_dims("invert", a, dims)
    return apply(kernels.inv, a, core=[[row, col]], out=[[col, row]])


def pinv(a: Labeled, dims: Dims = None, *, rtol: float | None = None) -> Any:
    """The Moore-Penrose inverse, with dims (col, row), of matrices of any shape and rank.

    Singular values below ``rtol`` times the largest count as zero (default: the larger size times the rounding unit).
    The gradient is that at constant rank (Golub & Pereyra 1973).

    >>> import xarray as xr, xgrad as xg
    >>> a = xr.DataArray([[1.0], [1.0]], dims=("row", "col"))
    >>> xg.linalg.pinv(a).round(6).values
    array([[0.5, 0.5]])
    """
    row, col = matrix_dims("take the pseudo-inverse", a, dims)
    return apply(kernels.pinv, a, core=[[row, col]], out=[[col, row]], rtol=rtol)


# ---- determinants, traces, norms -----------------------------------------------------------------------------------
def det(a: Labeled, dims: Dims = None) -> Any:
    """The determinant. In a compiled function ``log(det(a))`` neither overflows nor underflows; see also ``slogdet``.

    Raises DimensionError, and SizeMismatchError where the matrices are not square.

    >>> import xarray as xr, xgrad as xg
    >>> float(xg.linalg.det(xr.DataArray([[2.0, 0.0], [0.0, 4.0]], dims=("row", "col"))))
    8.0
    """
    return apply(kernels.det, a, core=[square_dims("take the determinant", a, dims)])


def slogdet(a: Labeled, dims: Dims = None) -> SlogdetResult:
    """The sign of the determinant, and the logarithm of its size: ``(sign, logabsdet)``. Errors as in ``det``.

    >>> import xarray as xr, xgrad as xg
    >>> xg.linalg.slogdet(xr.DataArray([[1.0, 0.0], [0.0, -1.0]], dims=("row", "col"))).sign.values
    array(-1.)
    """
    core = square_dims("take the determinant", a, dims)
    return SlogdetResult(*apply(kernels.slogdet, a, core=[core], out=[(), ()]))


def trace(a: Labeled, dims: Dims = None) -> Any:
    """The sum of the diagonal, on which the labels of rows and columns must agree; AlignmentError where they do not.

    In a compiled function the trace of a product is computed without the product.

    >>> import xarray as xr, xgrad as xg
    >>> float(xg.linalg.trace(xr.DataArray([[1.0, 2.0], [3.0, 4.0]], dims=("row", "col"))))
    5.0
    """
    return apply(kernels.trace, a, core=[same_space("take the trace", a, dims)])


def diagonal(a: Labeled, dims: Dims = None) -> Any:
    """The diagonal, along the dim of the rows and with its labels. Errors as in ``trace``.

    >>> import xarray as xr, xgrad as xg
    >>> xg.linalg.diagonal(xr.DataArray([[1.0, 2.0], [3.0, 4.0]], dims=("row", "col")))
    <xarray.DataArray (row: 2)> Size: 16B
    array([1., 4.])
    Dimensions without coordinates: row
    """
    row, col = same_space("take the diagonal", a, dims)
    return apply(kernels.diagonal, a, core=[[row, col]], out=[[row]])


def norm(
    x: Labeled, dims: Dims | Hashable = None, *, ord: float | Literal["fro", "nuc"] | None = None
) -> Any:
    """The norm along one dim (of vectors), two (of matrices), or by default all (Frobenius). Its gradient at 0 is 0.

    ``ord`` is as in ``numpy.linalg.norm``: for vectors any number (default 2); for matrices "fro" (default), "nuc", 1,
    -1, 2, -2, inf or -inf. Raises DimensionError for unknown dims, ArgumentError for an ``ord`` that there is not.

    >>> import xarray as xr, xgrad as xg
    >>> xg.linalg.norm(xr.DataArray([[3.0, 4.0], [6.0, 8.0]], dims=("city", "xy")), "xy").values
    array([ 5., 10.])
    """
    along = core_dims("take the norm", x, dims)  # pyright: ignore[reportArgumentType]
    known = {1: None, 2: ("fro", "nuc", 1, -1, 2, -2, np.inf, -np.inf)}.get(len(along), ())
    if ord is not None and (isinstance(ord, str) if known is None else ord not in known):
        raise ArgumentError(
            f"norm: along {len(along)} dims {along} there is no norm with ord={ord!r}; name one dim for vectors,"
            " two for matrices."
        )
    return apply(kernels.norm, x, core=[along], ord=ord, count=len(along))


def cond(a: Labeled, dims: Dims = None, *, p: float | Literal["fro", "nuc"] | None = None) -> Any:
    """The condition number: the largest over the smallest singular value, or |A| |A⁻¹| in the norm ``p``.

    >>> import xarray as xr, xgrad as xg
    >>> float(xg.linalg.cond(xr.DataArray([[4.0, 0.0], [0.0, 2.0]], dims=("row", "col"))))
    2.0
    """
    by_values = p in (None, 2, -2)
    core = (matrix_dims if by_values else square_dims)("take the condition number", a, dims)
    return apply(kernels.cond, a, core=[core], p=p)


def matrix_rank(a: Labeled, dims: Dims = None, *, tol: float | None = None) -> Any:
    """How many singular values are above ``tol`` (default: what rounding makes of the largest). Its gradient is zero.

    >>> import xarray as xr, xgrad as xg
    >>> int(xg.linalg.matrix_rank(xr.DataArray([[1.0, 1.0], [1.0, 1.0]], dims=("row", "col"))))
    1
    """
    return apply(kernels.matrix_rank, a, core=[matrix_dims("take the rank", a, dims)], tol=tol)


# ---- decompositions ------------------------------------------------------------------------------------------------
def cholesky(a: Labeled, dims: Dims = None, *, upper: bool = False) -> Any:
    """L(row, col), lower triangular, with Σ_col L(row, col) L(row', col) = a; or with ``upper`` its transpose.

    ``a`` is read as its symmetric part, and so is its gradient: L⁻ᵀ Φ(Lᵀ L̄) L⁻¹, Φ the lower half (Murray 2016). Where
    ``a`` is not positive definite the lower triangle of L is NaN; under ``xgrad.checks()`` an error names the matrix.
    Labels of rows and columns must agree (AlignmentError).

    >>> import xarray as xr, xgrad as xg
    >>> xg.linalg.cholesky(xr.DataArray([[4.0, 2.0], [2.0, 5.0]], dims=("row", "col"))).values
    array([[2., 0.],
           [1., 2.]])
    """
    core = same_space("take the Cholesky factor", a, dims)
    return apply(kernels.cholesky, a, core=[core], out=[core], upper=bool(upper))


def eigh(a: Labeled, dims: Dims = None, *, eigen: Hashable = "eigen") -> EighResult:
    """Eigenvalues (eigen), ascending, and eigenvectors (row, eigen) of symmetric matrices.

    ``eigen`` names the new dim. ``a`` is read as its symmetric part. The gradient through the eigenvectors leaves out
    pairs of equal eigenvalues: it is right for what does not tell these apart. Errors as in ``cholesky``.

    >>> import xarray as xr, xgrad as xg
    >>> w, v = xg.linalg.eigh(xr.DataArray([[2.0, 0.0], [0.0, 1.0]], dims=("row", "col")))
    >>> w.values, v.dims
    (array([1., 2.]), ('row', 'eigen'))
    """
    row, col = same_space("take eigenvalues", a, dims)
    _check_new("eigh", "eigen", a, eigen)
    return EighResult(*apply(kernels.eigh, a, core=[[row, col]], out=[[eigen], [row, eigen]]))


def eigvalsh(a: Labeled, dims: Dims = None, *, eigen: Hashable = "eigen") -> Any:
    """Eigenvalues (eigen), ascending, of symmetric matrices; as ``eigh`` without the vectors.

    >>> import xarray as xr, xgrad as xg
    >>> xg.linalg.eigvalsh(xr.DataArray([[2.0, 0.0], [0.0, 1.0]], dims=("row", "col"))).values
    array([1., 2.])
    """
    core = same_space("take eigenvalues", a, dims)
    _check_new("eigvalsh", "eigen", a, eigen)
    return apply(kernels.eigvalsh, a, core=[core], out=[[eigen]])


def svd(a: Labeled, dims: Dims = None, *, singular: Hashable = "singular") -> SVDResult:
    """U(row, singular), S(singular), descending, and Vh(singular, col) with a = Σ_singular U S Vh.

    ``singular`` names the new dim, of the smaller of the two sizes. The gradient (Townsend 2016) leaves out pairs of
    equal singular values, and is given for real matrices. Raises DimensionError.

    >>> import xarray as xr, xgrad as xg
    >>> u, s, vh = xg.linalg.svd(xr.DataArray([[3.0, 0.0], [0.0, 4.0]], dims=("row", "col")))
    >>> s.values, vh.dims
    (array([4., 3.]), ('singular', 'col'))
    """
    row, col = matrix_dims("take singular values", a, dims)
    _check_new("svd", "singular", a, singular)
    out = [[row, singular], [singular], [singular, col]]
    return SVDResult(*apply(kernels.svd, a, core=[[row, col]], out=out))


def svdvals(a: Labeled, dims: Dims = None, *, singular: Hashable = "singular") -> Any:
    """Singular values (singular), descending; as ``svd`` without the vectors.

    >>> import xarray as xr, xgrad as xg
    >>> xg.linalg.svdvals(xr.DataArray([[3.0, 0.0], [0.0, 4.0]], dims=("row", "col"))).values
    array([4., 3.])
    """
    core = matrix_dims("take singular values", a, dims)
    _check_new("svdvals", "singular", a, singular)
    return apply(kernels.svdvals, a, core=[core], out=[[singular]])


def qr(a: Labeled, dims: Dims = None, *, new: Hashable = "qr") -> QRResult:
    """Q(row, new) with orthonormal columns and R(new, col), upper triangular, with a = Σ_new Q R.

    ``new`` names the new dim, of the smaller of the two sizes. The gradient (Walter & Lehmann 2010) needs the leading
    square of R to be invertible. Raises DimensionError.

    >>> import xarray as xr, xgrad as xg
    >>> q, r = xg.linalg.qr(xr.DataArray([[1.0, 2.0], [0.0, 3.0]], dims=("row", "col")))
    >>> q.dims, r.dims
    (('row', 'qr'), ('qr', 'col'))
    """
    row, col = matrix_dims("take a QR decomposition", a, dims)
    _check_new("qr", "new", a, new)
    return QRResult(*apply(kernels.qr, a, core=[[row, col]], out=[[row, new], [new, col]]))


def _check_new(name: str, argument: str, a: Labeled, dim: Hashable) -> None:
    if dim in a.dims:
        raise DimensionError(
            f"{name}: the array has a dim {dim!r} already; name the new dim otherwise: {argument}=…"
        )


# ---- functions of matrices -----------------------------------------------------------------------------------------
def matrix_power(a: Labeled, n: int, dims: Dims = None) -> Any:
    """The product of ``n`` times ``a``, by squaring; of the inverse where ``n`` is negative, the identity for 0.

    Labels of rows and columns must agree (AlignmentError).

    >>> import xarray as xr, xgrad as xg
    >>> xg.linalg.matrix_power(xr.DataArray([[1.0, 1.0], [0.0, 1.0]], dims=("row", "col")), 5).values
    array([[1., 5.],
           [0., 1.]])
    """
    core = same_space("take a power", a, dims)
    if not isinstance(n, int | np.integer) or isinstance(n, bool):
        raise ArgumentError(
            f"matrix_power: the exponent is {n!r}, and must be an integer that is known while tracing."
        )
    return apply(kernels.matrix_power, a, core=[core], out=[core], n=int(n))


def expm(a: Labeled, dims: Dims = None) -> Any:
    """The exponential Σ aᵏ / k!, by scaling and squaring (Higham 2005); labels as in ``matrix_power``.

    Its derivative in the direction E is a block of the exponential of [[a, E], [0, a]].

    >>> import xarray as xr, xgrad as xg
    >>> xg.linalg.expm(xr.DataArray([[0.0, 1.0], [0.0, 0.0]], dims=("row", "col"))).values
    array([[1., 1.],
           [0., 1.]])
    """
    core = same_space("take the exponential", a, dims)
    return apply(kernels.expm, a, core=[core], out=[core])


# ---- matrices made of matrices -------------------------------------------------------------------------------------
def kron(a: Labeled, b: Labeled, dims: Dims = None) -> Any:
    """The Kronecker product a ⊗ b, with the dims (row, col) of the products of the sizes, without labels.

    Both have the dims; others are batch dims. In a compiled function solutions, determinants and products with vectors
    are computed from ``a`` and ``b``.

    >>> import xarray as xr, xgrad as xg
    >>> a = xr.DataArray([[1.0, 2.0]], dims=("row", "col"))
    >>> xg.linalg.kron(a, a).values
    array([[1., 2., 2., 4.]])
    """
    core = matrix_dims("take a Kronecker product", a, dims)
    matrix_dims("take a Kronecker product", b, core)
    return apply(kernels.kron, a, b, core=[core, core], out=[core], resized=core)


def block_diag(*arrays: xr.DataArray, dims: Dims = None) -> Any:
    """Matrices along the diagonal of a larger one, zero elsewhere; labels one after the other, where all have them.

    In a compiled function each block is solved and factored by itself.

    >>> import xarray as xr, xgrad as xg
    >>> a = xr.DataArray([[1.0]], dims=("row", "col"))
    >>> xg.linalg.block_diag(a, 2 * a).values
    array([[1., 0.],
           [0., 2.]])
    """
    if not arrays:
        raise ArgumentError("block_diag: no arrays were given.")
    core = matrix_dims("put on a diagonal", arrays[0], dims)
    for x in arrays:
        matrix_dims("put on a diagonal", x, core)
    result = apply(kernels.block_diag, *arrays, core=[core] * len(arrays), out=[core], resized=core)
    labels = {dim: joined_labels(arrays, dim) for dim in core}
    return result.assign_coords({dim: index for dim, index in labels.items() if index is not None})
