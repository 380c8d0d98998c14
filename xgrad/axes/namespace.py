"""NumPy as the ``xp`` of emissions: the reference interpreter, and evaluation of constants.

NumPy itself, with ``special`` from SciPy, and the handful of functions of ``jax.lax`` that emissions use because
NumPy has no exact word for them, with the same signatures.
"""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import scipy.linalg
import scipy.special

Array = Any


class AbstractNamespace:
    """Functions by name: our own where there is one, else those of a module."""

    def __init__(self, module: Any) -> None:
        self._module = module

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._module, name)
        setattr(self, name, found)  # the next look-up is direct
        return found


class LaxLinalg:
    """The functions of ``jax.lax.linalg`` that emissions use, in NumPy."""

    def triangular_solve(
        self,
        a: Array,
        b: Array,
        *,
        left_side: bool,
        lower: bool,
        transpose_a: bool,
        unit_diagonal: bool = False,
    ) -> Array:
        assert left_side
        triangle = np.tril(a) if lower else np.triu(a)
        if unit_diagonal:
            triangle = np.where(np.eye(a.shape[-1], dtype=bool), np.ones_like(a), triangle)
        return np.linalg.solve(np.swapaxes(triangle, -1, -2) if transpose_a else triangle, b)

    def lu(self, a: Array) -> tuple[Array, Array, Array]:
        """Both factors in one matrix, the row that each step swapped with its own, and the order that results."""
        factors = np.empty_like(a)
        pivots, order = (np.empty(a.shape[:-1], np.int32) for _ in range(2))
        (factor,) = scipy.linalg.get_lapack_funcs(("getrf",), (a,))
        for place in np.ndindex(a.shape[:-2]):
            factors[place], pivots[place], _ = factor(a[place])
            order[place] = _order_of(pivots[place])
        return factors, pivots, order


def _order_of(pivots: Array) -> Array:
    """The rows after all swaps."""
    order = np.arange(len(pivots))
    for step, other in enumerate(pivots):
        order[[step, other]] = order[[other, step]]
    return order


class NumpyLax(AbstractNamespace):
    """The functions of ``jax.lax`` that emissions use; those that NumPy has under the same name are NumPy's."""

    linalg = LaxLinalg()

    def broadcast_in_dim(self, x: Array, shape: Sequence[int], axes: Sequence[int]) -> Array:
        new = tuple([a for a in range(len(shape)) if a not in axes])
        return np.broadcast_to(np.expand_dims(x, new), shape)

    def broadcasted_iota(self, dtype: np.dtype, shape: Sequence[int], axis: int) -> Array:
        positions = np.arange(shape[axis], dtype=dtype)
        return self.broadcast_in_dim(positions, shape, (axis,))

    def rsqrt(self, x: Array) -> Array:
        return np.reciprocal(np.sqrt(x))

    def integer_pow(self, x: Array, n: int) -> Array:
        """By squaring, as XLA does it."""
        if n < 0:
            return np.reciprocal(self.integer_pow(x, -n))
        result = np.ones_like(x)
        for bit in f"{n:b}":
            result = np.square(result) * x if bit == "1" else np.square(result)
        return result

    def slice(
        self, x: Array, starts: Sequence[int], stops: Sequence[int], steps: Sequence[int]
    ) -> Array:
        return x[tuple(map(slice, starts, stops, steps))]

    def slice_in_dim(self, x: Array, start: int, stop: int | None, axis: int) -> Array:
        return np.moveaxis(np.moveaxis(x, axis, 0)[start:stop], 0, axis)

    def pad(self, x: Array, fill: Array, config: Sequence[tuple[int, int, int]]) -> Array:
        sizes = zip(np.shape(x), config, strict=True)
        shape = [low + n + max(n - 1, 0) * gap + high for n, (low, high, gap) in sizes]
        out = np.full(shape, fill, dtype=np.asarray(x).dtype)
        places = zip(shape, config, strict=True)
        out[tuple([slice(low, n - high, gap + 1) for n, (low, high, gap) in places])] = x
        return out

    def rev(self, x: Array, axes: Sequence[int]) -> Array:
        return np.flip(x, tuple(axes))

    def reduce_sum(self, x: Array, axes: Sequence[int]) -> Array:
        return np.sum(x, axis=tuple(axes), dtype=np.asarray(x).dtype)

    def reduce_prod(self, x: Array, axes: Sequence[int]) -> Array:
        return np.prod(x, axis=tuple(axes), dtype=np.asarray(x).dtype)

    def reduce_max(self, x: Array, axes: Sequence[int]) -> Array:
        return np.max(x, axis=tuple(axes))

    def reduce_min(self, x: Array, axes: Sequence[int]) -> Array:
        return np.min(x, axis=tuple(axes))

    def reduce_or(self, x: Array, axes: Sequence[int]) -> Array:
        return np.any(x, axis=tuple(axes))

    def reduce_and(self, x: Array, axes: Sequence[int]) -> Array:
        return np.all(x, axis=tuple(axes))

    def argmax(self, x: Array, axis: int, index_dtype: Any) -> Array:
        return np.argmax(x, axis).astype(index_dtype)

    def argmin(self, x: Array, axis: int, index_dtype: Any) -> Array:
        return np.argmin(x, axis).astype(index_dtype)

    def igamma_grad_a(self, a: Array, x: Array) -> Array:
        """The derivative of P(a, x) = Σ_n x^(a+n) e^-x / Γ(a+n+1), term by term; for x up to some hundreds."""
        p = np.expand_dims(a, -1) + np.arange(1, 2000, dtype=a.dtype)
        x = np.expand_dims(x, -1)
        terms = np.exp((p - 1) * np.log(x) - x - scipy.special.gammaln(p))
        return np.sum(terms * (np.log(x) - scipy.special.digamma(p)), -1, dtype=a.dtype)

    def cumsum(self, x: Array, axis: int, reverse: bool) -> Array:
        return _cumulative(np.add, x, axis, reverse)

    def cumlogsumexp(self, x: Array, axis: int, reverse: bool) -> Array:
        return _cumulative(np.logaddexp, x, axis, reverse)

    def top_k(self, x: Array, k: int) -> tuple[Array, Array]:
        order = np.argsort(np.negative(x), -1, stable=True)[..., :k]
        return np.take_along_axis(x, order, -1), order

    def cumprod(self, x: Array, axis: int, reverse: bool) -> Array:
        return _cumulative(np.multiply, x, axis, reverse)

    def cummax(self, x: Array, axis: int, reverse: bool) -> Array:
        return _cumulative(np.maximum, x, axis, reverse)

    def cummin(self, x: Array, axis: int, reverse: bool) -> Array:
        return _cumulative(np.minimum, x, axis, reverse)


def _cumulative(ufunc: np.ufunc, x: Array, axis: int, reverse: bool) -> Array:
    if reverse:
        return np.flip(_cumulative(ufunc, np.flip(x, axis), axis, False), axis)
    return ufunc.accumulate(x, axis, dtype=x.dtype)


_SCATTERS = {
    "add": np.add.at,
    "multiply": np.multiply.at,
    "min": np.minimum.at,
    "max": np.maximum.at,
    "set": lambda out, where, updates: out.__setitem__(where, updates),
}


class NumpyLinalg(AbstractNamespace):
    """``numpy.linalg``, where symmetric means the symmetric part, and NaN stands for what does not exist, as in JAX."""

    def cholesky(self, a: Array) -> Array:
        try:
            return np.linalg.cholesky(_symmetric_part(a))
        except np.linalg.LinAlgError:
            return np.full_like(a, np.nan)

    def eigh(self, a: Array) -> Any:
        try:
            return np.linalg.eigh(_symmetric_part(a))
        except np.linalg.LinAlgError:
            return self.eigvalsh(a), np.full_like(a, np.nan)

    def eigvalsh(self, a: Array) -> Array:
        try:
            return np.linalg.eigvalsh(_symmetric_part(a))
        except np.linalg.LinAlgError:
            return np.full_like(a[..., 0].real, np.nan)


def _symmetric_part(a: Array) -> Array:
    return (a + np.conjugate(np.swapaxes(a, -1, -2))) / 2


class NumpySpecial(AbstractNamespace):
    """SciPy's special functions, each result in the dtype of its arguments, under the names that JAX has for them."""

    def __getattr__(self, name: str) -> Any:
        function = getattr(self._module, name)

        def keep_dtype(*arrays: Array) -> Any:
            dtype = arrays[0].dtype
            results = function(*arrays)
            if isinstance(results, tuple):
                return tuple([np.asarray(r, dtype) for r in results])
            return np.asarray(results, dtype)

        setattr(self, name, keep_dtype)
        return keep_dtype


class NumpyNamespace(AbstractNamespace):
    """NumPy, SciPy's special functions, and reference versions of what JAX is told in its own way."""

    lax = NumpyLax(np)
    special = NumpySpecial(scipy.special)
    linalg = NumpyLinalg(np.linalg)
    fft = np.fft
    expm = staticmethod(scipy.linalg.expm)

    def astype(self, x: Array, dtype: np.dtype) -> Array:
        x = np.asarray(x)
        return (x.real if dtype.kind != "c" else x).astype(dtype)

    def gather(self, x: Array, indices: Sequence[Array], layout: Any, mode: str) -> Array:
        return np.asarray(x)[_selection(indices, layout, mode)]

    def scatter(
        self, x: Array, updates: Array, indices: Sequence[Array], layout: Any, kind: str, mode: str
    ) -> Array:
        out = np.array(x)
        _SCATTERS[kind](out, _selection(indices, layout, mode), updates)
        return out

    def put_along(self, x: Array, idx: Array, updates: Array, axis: int) -> Array:
        out = np.array(x)
        rows = list(np.ogrid[tuple(map(slice, np.shape(idx)))])
        rows[axis] = idx
        np.add.at(out, tuple(rows), updates)
        return out

    def linear_recurrence(self, a: Array, b: Array, axis: int, reverse: bool) -> Array:
        out = np.array(b)
        steps = range(out.shape[axis])
        rows, factors = np.moveaxis(out, axis, 0), np.moveaxis(a, axis, 0)
        for before, here in pairwise(reversed(steps) if reverse else steps):
            rows[here] += factors[here] * rows[before]
        return out

    def matrix_recurrence(self, a: Array, b: Array, reverse: bool) -> Array:
        out = np.array(b)
        steps = range(len(out))
        for before, here in pairwise(reversed(steps) if reverse else steps):
            out[here] += a[here] @ out[before]
        return out


def _selection(indices: Sequence[Array], layout: Any, mode: str) -> tuple[Any, ...]:
    """The NumPy index that picks by ``layout`` (see ``axes.index.Layout``)."""
    ndim = layout.batch + layout.points
    batch = [
        np.arange(layout.shape[a]).reshape([-1 if k == a else 1 for k in range(ndim)])
        for a in range(layout.batch)
    ]
    before = [slice(None)] * (layout.axes[0] - layout.batch)
    points = [
        np.clip(idx, 0, layout.shape[axis] - 1) if mode == "clip" else idx
        for axis, idx in zip(layout.axes, indices, strict=True)
    ]
    return (*batch, *before, *points)


numpy_namespace = NumpyNamespace(np)
