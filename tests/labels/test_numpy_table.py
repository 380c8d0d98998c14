"""Every NumPy function of the table, on traced arrays, against NumPy itself: values, shape and dtype."""

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from tests.labels.reference import run
from xgrad.errors import UnsupportedError
from xgrad.labels.duck.numpy_table import FUNCTIONS

RNG = np.random.default_rng(0)
A = RNG.normal(size=(3, 4))
B = RNG.normal(size=(3, 4))
C = RNG.normal(size=(2, 3, 4))
V = RNG.normal(size=6)
W = RNG.normal(size=4)
F = A.astype(np.float32)
H = A.astype(np.float16)
I8 = RNG.integers(-9, 9, (3, 4)).astype(np.int8)
I = RNG.integers(-9, 9, (3, 4))  # noqa: E741
T = A > 0
Z = A + 1j * B
N = np.where(RNG.random((3, 4)) < 0.3, np.nan, A)
N[1] = np.nan
M = RNG.normal(size=(2, 3, 3))
S = M @ M.swapaxes(-1, -2) + 3 * np.eye(3)
TABLE = np.array([-1.0, -0.2, 0.0, 0.3, 1.5])
ROWS = np.array([2, 0])

Case = tuple[Callable[..., Any], tuple[Any, ...], dict[str, Any]]


def case(function: Callable[..., Any], *args: Any, **options: Any) -> Case:
    return function, args, options


def reductions() -> list[Case]:
    plain = [
        np.sum,
        np.prod,
        np.max,
        np.min,
        np.amax,
        np.amin,
        np.any,
        np.all,
        np.mean,
        np.var,
        np.std,
        np.ptp,
        np.count_nonzero,
    ]
    skipping = [
        np.nansum,
        np.nanprod,
        np.nanmax,
        np.nanmin,
        np.nanmean,
        np.nanvar,
        np.nanstd,
        np.nanmedian,
    ]
    cases = [
        case(f, x, axis=k) for f in plain for x, k in ((A, None), (C, (0, 2)), (I8, 1), (F, -1))
    ]
    cases += [case(f, A, axis=0, keepdims=True) for f in [*plain, *skipping, np.median]]
    cases += [case(f, T) for f in plain if f is not np.ptp]
    cases += [case(f, H, axis=1) for f in (np.sum, np.mean, np.var)]
    cases += [case(f, Z, axis=1) for f in (np.sum, np.prod, np.mean, np.var, np.any)]
    cases += [
        case(f, x, axis=k)
        for f in skipping
        for x, k in ((N, None), (N, 0), (N, 1), (F, 0), (I8, 1))
    ]
    cases += [
        case(f, x, axis=k) for f in (np.argmax, np.argmin) for x, k in ((A, None), (A, 1), (I8, 0))
    ]
    cases += [
        case(f, x, axis=0) for f in (np.nanargmax, np.nanargmin) for x in (N[[0, 2]][:, :1], A)
    ]
    cases += [
        case(f, x, axis=k) for f in (np.cumsum, np.cumprod) for x, k in ((A, None), (I8, 1), (T, 0))
    ]
    cases += [case(f, N, axis=1) for f in (np.nancumsum, np.nancumprod)]
    cases += [
        case(f, A, axis=1, include_initial=True) for f in (np.cumulative_sum, np.cumulative_prod)
    ]
    cases += [case(f, V) for f in (np.cumulative_sum, np.cumulative_prod)]
    cases += [case(np.sum, A, dtype="f4"), case(np.sum, A, where=T), case(np.max, A, initial=9.0)]
    cases += [
        case(np.var, A, axis=0, ddof=1),
        case(np.nanvar, N, axis=0, ddof=1),
        case(np.std, F, 1),
    ]
    cases += [
        case(np.average, A, 1, W),
        case(np.average, A, 0),
        case(np.average, A, weights=np.abs(B)),
    ]
    cases += [
        case(np.maximum.accumulate, A, 1),
        case(np.add.reduce, C, 1),
        case(np.minimum.accumulate, A),
    ]
    return cases


def order_statistics() -> list[Case]:
    methods = [
        "linear",
        "lower",
        "higher",
        "nearest",
        "midpoint",
        "hazen",
        "weibull",
        "median_unbiased",
    ]
    methods += [
        "normal_unbiased",
        "interpolated_inverted_cdf",
        "inverted_cdf",
        "averaged_inverted_cdf",
    ]
    methods += ["closest_observation"]
    q = [0.0, 0.1, 0.5, 0.77, 1.0]
    cases = [
        case(f, A, q, axis=1, method=m) for f in (np.quantile, np.nanquantile) for m in methods
    ]
    cases += [case(np.nanquantile, N, q, axis=k) for k in (0, 1, None)]
    cases += [case(np.quantile, N, 0.3, axis=k, keepdims=True) for k in (0, (0, 1))]
    cases += [
        case(np.quantile, F, 0.3),
        case(np.quantile, F, q),
        case(np.quantile, I8, 0.25, axis=0),
    ]
    cases += [case(np.percentile, A, [10, 90], axis=0), case(np.nanpercentile, N, 40, axis=0)]
    cases += [
        case(np.median, x, axis=k) for x, k in ((A, 0), (C, (0, 2)), (F, None), (I8, 1), (N, 1))
    ]
    return cases


def shapes() -> list[Case]:
    return [
        case(np.transpose, C, (2, 0, 1)),
        case(np.transpose, C),
        case(np.moveaxis, C, 0, -1),
        case(np.moveaxis, C, (0, 1), (2, 0)),
        case(np.rollaxis, C, 2),
        case(np.rollaxis, C, 0, 3),
        case(np.swapaxes, C, 0, 2),
        case(np.matrix_transpose, C),
        case(np.expand_dims, A, (0, -1)),
        case(np.squeeze, A[:, None, :1]),
        case(np.squeeze, A[:, None, :1], 1),
        case(np.broadcast_to, W, (3, 4)),
        case(np.broadcast_to, A[:, :1], (2, 3, 4)),
        case(np.broadcast_arrays, A[:, :1], W),
        case(np.atleast_1d, A[0, 0], A),
        case(np.atleast_2d, V),
        case(np.atleast_3d, V),
        case(np.atleast_3d, A),
        *[
            case(np.reshape, C, s)
            for s in ((6, 4), (2, -1), (24,), (3, 2, 2, 2), (4, 6), (1, 2, 12, 1))
        ],
        case(np.reshape, A[:, :1], (1, 3)),
        case(np.reshape, C, (4, 6), order="F"),
        case(np.reshape, A[:0], (2, 0)),
        case(np.ravel, C),
        *[case(np.flip, C, k) for k in (None, 1, (0, 2))],
        case(np.flipud, A),
        case(np.fliplr, A),
        *[case(np.rot90, A, k) for k in range(4)],
        case(np.roll, A, 2),
        case(np.roll, A, -1, 1),
        case(np.roll, A, (1, 2), (0, 1)),
        case(np.repeat, A, 2),
        case(np.repeat, A, [1, 0, 2], 0),
        case(np.tile, A, 2),
        case(np.tile, A, (2, 1, 3)),
        *[case(np.diagonal, C, k, 1, 2) for k in (-1, 0, 2)],
        case(np.trace, M, 0, 1, 2),
        *[case(np.diag, x, k) for x in (V, A) for k in (-1, 0, 2)],
        *[case(f, C, k) for f in (np.tril, np.triu) for k in (-1, 0, 1)],
    ]


def joins() -> list[Case]:
    return [
        case(np.where, T, A, B),
        case(np.where, T, I8, 2.5),
        case(np.where, T, F, 2.5),
        case(np.where, T, A[:, :1], W),
        case(np.select, [A > 1, A > 0], [B, A], 7.0),
        case(np.concatenate, [A, B], 1),
        case(np.concatenate, [A, I8]),
        case(np.concatenate, [A, V[:4][None]], 0),
        case(np.concatenate, [A, B], None),
        *[case(np.stack, [A, B], k) for k in (0, 1, -1)],
        *[case(f, [A, B]) for f in (np.vstack, np.hstack, np.dstack, np.column_stack)],
        *[case(f, [W, W]) for f in (np.vstack, np.hstack, np.dstack, np.column_stack)],
        case(np.append, A, B, 0),
        case(np.split, A, 2, 1),
        case(np.array_split, V, 4),
        case(np.array_split, A, [1, 3], 1),
        case(np.unstack, A, axis=1),
        case(np.delete, V, [0, 2]),
        case(np.take, A, ROWS, 0),
        case(np.take, A, 1, 1),
        case(np.take, A, ROWS),
        case(np.take, A, np.array([7, -9]), 1, mode="clip"),
        case(np.take, A, np.array([7, -9]), 1, mode="wrap"),
        case(np.take_along_axis, A, np.argsort(A, 1), 1),
        case(np.take_along_axis, A, np.array([[1], [0], [3]]), 1),
        case(np.take_along_axis, A, np.array([[1, 0, 0, 2]]), 0),
        case(np.unravel_index, np.array([3, 11, 0]), (3, 4)),
    ]


def made() -> list[Case]:
    likes = [case(f, x) for f in (np.zeros_like, np.ones_like) for x in (A, I8)]
    return [
        *likes,
        case(np.full_like, I8, 1.7),
        case(np.full_like, A, 2, dtype="f4", shape=(2, 5)),
        case(np.copy, A),
        case(np.real, Z),
        case(np.imag, Z),
        case(np.imag, A),
        case(np.real, A),
        case(np.angle, Z),
        case(np.angle, Z, True),
        case(np.iscomplex, Z),
        case(np.isreal, A),
        *[case(f, x, d) for f in (np.round, np.around) for x in (A * 100, F) for d in (0, 1, -1)],
        case(np.round, I8),
        case(np.fix, A),
        case(np.clip, A, -0.5, 0.5),
        case(np.clip, I8, 1.5, None),
        case(np.clip, A, None, B),
        case(np.clip, F, 0, None),
        case(np.nan_to_num, N),
        case(np.nan_to_num, np.array([np.inf, -np.inf, np.nan], np.float32), nan=1.0, posinf=2.0),
        case(np.isclose, A, A + 1e-9),
        case(np.isclose, N, N, equal_nan=True),
        case(np.isposinf, A),
        case(np.isneginf, A),
        case(np.sinc, A),
        case(np.sinc, A * 0),
        case(np.astype, A, np.int64),
    ]


def ordered() -> list[Case]:
    return [
        *[case(f, x, k) for f in (np.sort,) for x in (A, N, I8) for k in (-1, 0, None)],
        *[case(np.argsort, x, k, stable=True) for x in (A, I8) for k in (-1, 0)],
        *[case(np.searchsorted, TABLE, x, s) for x in (A, TABLE) for s in ("left", "right")],
        *[
            case(np.digitize, A, t, r)
            for t in (TABLE.tolist(), TABLE[::-1].tolist())
            for r in (False, True)
        ],
        case(np.isin, I8, [1, -3, 7]),
        case(np.isin, N, [np.nan, 0.0], invert=True),
        case(np.histogram, A, TABLE.tolist()),
        case(np.histogram, V, TABLE.tolist(), weights=V + 9, density=True),
        case(np.histogram, A, 5, (-1.0, 1.0)),
    ]


def neighbours() -> list[Case]:
    pads = [((1, 2), (0, 3)), 1, ((2, 0), (0, 0))]
    modes = [
        "constant",
        "edge",
        "wrap",
        "reflect",
        "symmetric",
        "linear_ramp",
        "maximum",
        "minimum",
        "mean",
        "median",
    ]
    uneven = np.array([0.0, 0.5, 2.0, 2.25])
    return [
        *[case(np.pad, A, p, mode=m) for p in pads for m in modes],
        case(np.pad, A, 1, constant_values=((1.0, 2.0), (3.0, 4.0))),
        case(np.pad, I8, 2, constant_values=5),
        case(np.lib.stride_tricks.sliding_window_view, A, 2, 1),
        case(np.lib.stride_tricks.sliding_window_view, A, (2, 3)),
        case(np.diff, A),
        case(np.diff, A, 2, 0),
        case(np.diff, T, axis=1),
        case(np.diff, A, prepend=0.0, append=B),
        case(np.ediff1d, V, to_begin=[9.0]),
        case(np.gradient, A),
        case(np.gradient, A, axis=1),
        case(np.gradient, A, 2.0, axis=0, edge_order=2),
        case(np.gradient, A, uneven, axis=1),
        case(np.gradient, A, uneven, axis=1, edge_order=2),
        case(np.gradient, I8, axis=1),
        case(np.trapezoid, A, axis=0),
        case(np.trapezoid, A, uneven),
        *[case(np.convolve, V, W, m) for m in ("full", "same", "valid")],
        *[case(np.convolve, V, W[:3], m) for m in ("full", "same", "valid")],
        *[case(np.correlate, V, W, m) for m in ("full", "valid")],
        case(np.interp, A, TABLE, np.array([1.0, 4.0, 9.0, 2.0, 0.0])),
        case(np.interp, A, TABLE, np.array([1.0, 4.0, 9.0, 2.0, 0.0]), left=-1.0, right=-2.0),
        case(np.unwrap, V * 5),
        case(np.polyval, [1.0, -2.0, 0.5], A),
        case(np.linspace, A[0], B[0], 5),
    ]


def products() -> list[Case]:
    return [
        case(np.dot, A, W),
        case(np.dot, W, W),
        case(np.dot, A, B.T),
        case(np.dot, C, B.T),
        case(np.inner, A, B),
        case(np.outer, V, W),
        case(np.vdot, Z, Z),
        case(np.tensordot, C, C, ([0, 2], [0, 2])),
        case(np.tensordot, A, B.T, 1),
        case(np.kron, A, B[:2, :2]),
        case(np.cross, A[:, :3], B[:, :3]),
        case(np.matmul, C, B.T),
        case(np.matmul, C, W),
        case(np.matmul, W, B.T),
        case(np.matmul, I8, I8.T),
        case(np.linalg.vecdot, A, B),
        case(np.einsum, "ij,ij->i", A, B),
        case(np.einsum, "ij,jk", A, B.T),
        case(np.einsum, "ij", A),
        case(np.einsum, "...j,j->...", C, W),
        case(np.einsum, "b...,...->b...", C, A),
        case(np.einsum, "bii->bi", M),
        case(np.einsum, "bii", M),
        case(np.einsum, "ij->ji", A),
        case(np.einsum, "ij,ij,ij", A, B, A),
        case(np.einsum, "i,j->ij", V, W),
        case(np.einsum, A, [0, 1], B, [0, 1], [1]),
        case(np.einsum, "ij,ij->i", T, T),
    ]


def linear_algebra() -> list[Case]:
    la = np.linalg
    return [
        *[
            case(f, S)
            for f in (la.cholesky, la.inv, la.det, la.slogdet, la.eigvalsh, la.pinv, la.svdvals)
        ],
        case(la.cholesky, S, upper=True),
        case(la.solve, S, M),
        case(la.solve, S[0], W[:3]),
        case(la.solve, S, M[0]),
        case(la.solve, S[0], M),
        case(la.svd, A, compute_uv=False),
        *[case(la.matrix_power, S[0], n) for n in (0, 1, 3, -2)],
        *[case(la.norm, V, o) for o in (None, 1, 2, 3, 0, np.inf, -np.inf)],
        *[case(la.norm, A, o) for o in (None, "fro", 1, -1, 2, -2, np.inf, "nuc")],
        case(la.norm, C, axis=2, keepdims=True),
        case(la.norm, C, axis=(0, 2)),
        *[case(la.cond, S, p) for p in (None, 2, -2, 1, np.inf, "fro")],
        *[case(la.matrix_norm, S, ord=o) for o in ("fro", "nuc", 2)],
        case(la.matrix_norm, S, keepdims=True),
        *[case(la.vector_norm, C, axis=k) for k in (None, 1, (0, 2))],
        case(la.vector_norm, C, axis=(2, 0), keepdims=True, ord=1),
        case(la.matrix_rank, S),
        case(la.matrix_rank, A, 1e-3),
        case(la.pinv, A),
        case(la.tensorinv, np.reshape(S[0], (1, 3, 3, 1)), 2),
        case(la.tensorsolve, np.reshape(S[0], (3, 1, 3)), V[:3]),
        case(la.multi_dot, [A, B.T, A]),
        case(la.trace, M),
        case(la.diagonal, M),
    ]


def samples() -> list[Case]:
    return [
        *[case(f, x) for f in (np.cov, np.corrcoef) for x in (A, F, I, V)],
        *[case(f, A, B, rowvar=k) for f in (np.cov, np.corrcoef) for k in (True, False)],
        case(np.cov, Z),
        case(np.cov, A, bias=True),
        case(np.cov, A, ddof=0),
        case(np.meshgrid, V, W),
        case(np.meshgrid, V, W, TABLE, indexing="ij"),
        case(np.meshgrid, V, W, TABLE, sparse=True),
        case(np.vander, V),
        case(np.vander, V, 3, increasing=True),
        case(np.polyfit, V, V**2 - V, 2),
        case(np.polyfit, V, np.stack([V, np.sin(V)], 1), 1),
        case(np.polyfit, V, np.sin(V), 1, w=np.arange(1.0, 7.0)),
    ]


def fourier() -> list[Case]:
    return [
        *[
            case(f, A, axis=k)
            for f in (np.fft.fft, np.fft.ifft, np.fft.rfft, np.fft.irfft)
            for k in (0, 1)
        ],
        case(np.fft.fft, A, 6, norm="ortho"),
        *[
            case(f, A)
            for f in (
                np.fft.hfft,
                np.fft.ihfft,
                np.fft.fftn,
                np.fft.ifftn,
                np.fft.rfftn,
                np.fft.irfftn,
            )
        ],
        *[case(f, C) for f in (np.fft.fft2, np.fft.ifft2, np.fft.rfft2, np.fft.irfft2)],
        *[case(f, A) for f in (np.fft.fftshift, np.fft.ifftshift)],
        case(np.fft.fftshift, A, 1),
    ]


ALL = [
    *reductions(), *order_statistics(), *shapes(), *joins(), *made(), *ordered(), *neighbours(),
    *products(), *linear_algebra(), *samples(), *fourier(),
]  # fmt: skip
IDS = [f"{i}-{getattr(f, '__name__', f)}" for i, (f, _, _) in enumerate(ALL)]


@pytest.mark.parametrize(("function", "args", "options"), ALL, ids=IDS)
def test_equals_numpy(function: Any, args: Any, options: Any) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter(
            "ignore", RuntimeWarning
        )  # of empty slices, which a trace does not give
        expected = function(*args, **options)
    assert_same(run(lambda *xs: function(*xs, **options), *args), expected)


def assert_same(got: Any, expected: Any) -> None:
    if isinstance(expected, tuple | list):
        assert len(got) == len(expected)
        for g, e in zip(got, expected, strict=True):
            assert_same(g, e)
        return
    assert (np.shape(got), np.asarray(got).dtype) == (
        np.shape(expected),
        np.asarray(expected).dtype,
    )
    tolerance = {2: 2e-2, 4: 1e-5}.get(np.asarray(expected).dtype.itemsize, 1e-9)
    np.testing.assert_allclose(got, expected, rtol=tolerance, atol=tolerance)


def test_factors_reproduce_their_matrix() -> None:
    """Eigenvectors and factors are unique only up to sign: they are judged by what they multiply to."""
    w, v = run(np.linalg.eigh, S)
    np.testing.assert_allclose(v @ (w[..., None] * v.swapaxes(-1, -2)), S)
    for full in (False, True):
        u, s, vh = run(lambda a, full=full: np.linalg.svd(a, full_matrices=full), A)
        np.testing.assert_allclose(u[:, :3] @ (s[:, None] * vh[:3]), A)
    q, r = run(np.linalg.qr, A.T)
    np.testing.assert_allclose(q @ r, A.T)


def test_least_squares_of_full_rank() -> None:
    got, expected = run(np.linalg.lstsq, A.T, W), np.linalg.lstsq(A.T, W)
    for g, e in zip(got, expected, strict=True):
        np.testing.assert_allclose(g, e)


def test_descriptions_are_plain_python() -> None:
    def describe(a: Any, z: Any) -> Any:
        assert (np.shape(a), np.ndim(a), np.size(a), np.size(a, 1)) == ((3, 4), 2, 12, 4)
        assert np.result_type(a, np.float32) == np.float64
        assert np.can_cast(a, np.float64)
        assert np.iscomplexobj(z) and np.isrealobj(a)
        assert np.array_repr(a) == repr(a)
        return a

    run(describe, A, Z)


TESTED_ELSEWHERE = {
    np.put_along_axis,
    np.partition, np.argpartition, np.bincount, np.empty_like, np.copyto, np.shape, np.ndim, np.size,
    np.result_type, np.can_cast, np.iscomplexobj, np.isrealobj, np.array_repr, np.array_str, np.allclose,
    np.array_equal, np.array_equiv, np.nonzero, np.flatnonzero, np.argwhere, np.extract,
    np.compress, np.unique, np.linalg.eigh, np.linalg.qr, np.linalg.matmul, np.linalg.outer,
    np.linalg.tensordot, np.linalg.lstsq, np.linalg.cross, np.linalg.matrix_transpose,
}  # fmt: skip


@pytest.mark.parametrize(
    "function",
    [np.nonzero, np.flatnonzero, np.argwhere, np.unique, lambda a: np.extract(a > 0, a), np.where],
)
def test_shapes_that_would_depend_on_data(function: Callable[..., Any]) -> None:
    with pytest.raises(UnsupportedError) as error:
        run(function, A)
    assert "of traced data: the shape of the result would depend on the data.\nUse np." in str(
        error.value
    )


def test_every_function_of_the_table_is_tested() -> None:
    tested = {f for f, _, _ in ALL} | TESTED_ELSEWHERE
    assert not [f.__name__ for f in FUNCTIONS if f not in tested]
