"""Maps from unbounded numbers onto sets of vectors and matrices; and the names by which ``transform=`` knows all maps.

Formulas: Stan Reference Manual, chapter "Constraint Transforms" (simplexes and sums of zero by an isometry, ordered
vectors, Cholesky factors of correlations).
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import xarray as xr

from xgrad.errors import ArgumentError, nearest
from xgrad.functions import special
from xgrad.model.distributions.bijections import Bijection, Identity, Log, Logit

Array = Any  # a DataArray
_LOG_4 = math.log(4.0)


@dataclass(frozen=True, eq=False)
class ZeroSum(Bijection):
    """Arrays that sum to zero along each of ``dims``, from arrays with one entry less along each: an isometry.

    With n entries and s = Σ u, x = (u - s / (n + √n), -s / √n).

    >>> import xarray as xr
    >>> ZeroSum(("kind",)).constrain(xr.DataArray([1.0], dims="kind")).round(4).values
    array([ 0.7071, -0.7071])
    """

    dims: tuple[Any, ...]
    name: ClassVar[str] = "zerosum"

    def constrain(self, u: Array) -> Array:
        for dim in self.dims:
            n, total = u.sizes[dim] + 1, u.sum(dim)
            first = u - total / (n + math.sqrt(n))
            u = _joined(first, -total / math.sqrt(n), dim)
        return u

    def unconstrain(self, x: Array) -> Array:
        for dim in self.dims:
            n, x = x.sizes[dim], _unlabeled(x, dim)
            total = -math.sqrt(n) * x.isel({dim: -1})
            x = x.isel({dim: slice(None, -1)}) + total / (n + math.sqrt(n))
        return x

    def log_jacobian(self, u: Array) -> Array:
        return 0.0

    def free_sizes(self, sizes: Mapping[Any, int]) -> dict[Any, int]:
        return {d: n - (d in self.dims) for d, n in sizes.items()}


@dataclass(frozen=True, eq=False)
class Simplex(Bijection):
    """Shares along ``dim``, which sum to one: x = softmax(y), y the vector of zero sum that ``u`` stands for.

    log |det| = Σ log x + log(n) / 2, of the first n - 1 entries by ``u``.

    >>> import xarray as xr
    >>> Simplex("kind").constrain(xr.DataArray([0.0], dims="kind")).values
    array([0.5, 0.5])
    """

    dim: Any
    name: ClassVar[str] = "simplex"

    def constrain(self, u: Array) -> Array:
        return special.softmax(self._scores.constrain(u), self.dim)

    def unconstrain(self, x: Array) -> Array:
        log = np.log(x)
        return self._scores.unconstrain(log - log.mean(self.dim))

    def log_jacobian(self, u: Array) -> Array:
        log = special.log_softmax(self._scores.constrain(u), self.dim)
        return log.sum(self.dim) + 0.5 * math.log(u.sizes[self.dim] + 1)

    def free_sizes(self, sizes: Mapping[Any, int]) -> dict[Any, int]:
        return self._scores.free_sizes(sizes)

    @property
    def _scores(self) -> ZeroSum:
        return ZeroSum((self.dim,))


@dataclass(frozen=True, eq=False)
class Ordered(Bijection):
    """Vectors that increase along ``dim``: the first entry is u₀, and each next one exp(uᵢ) more.

    >>> import xarray as xr
    >>> Ordered("cut").constrain(xr.DataArray([1.0, 0.0, 0.0], dims="cut")).values
    array([1., 2., 3.])
    """

    dim: Any
    name: ClassVar[str] = "ordered"

    def constrain(self, u: Array) -> Array:
        first = u.isel({self.dim: [0]})
        steps = np.exp(u.isel({self.dim: slice(1, None)}))
        return xr.concat([first, steps], self.dim).cumsum(self.dim)

    def unconstrain(self, x: Array) -> Array:
        x = _unlabeled(x, self.dim)
        return xr.concat([x.isel({self.dim: [0]}), np.log(x.diff(self.dim))], self.dim)

    def log_jacobian(self, u: Array) -> Array:
        return u.isel({self.dim: slice(1, None)}).sum(self.dim)


@dataclass(frozen=True, eq=False)
class CholeskyCorr(Bijection):
    """Lower Cholesky factors L(row, col) of correlation matrices, from a number for each entry below the diagonal.

    With z = tanh(u) in the lower triangle, L(i, j) = z(i, j) √Π(1 - z(i, j')²) over j' < j, and z = 1 on the diagonal.
    log |det| is that of the entries below the diagonal. ``u`` lies along the dim ``<row>_<col>``, row by row.

    >>> import xarray as xr
    >>> CholeskyCorr("i", "j").constrain(xr.DataArray([0.0], dims="i_j")).values
    array([[1., 0.],
           [0., 1.]])
    """

    row: Any
    col: Any
    name: ClassVar[str] = "cholesky_corr"

    def constrain(self, u: Array) -> Array:
        u, lower = self._spread(u)
        return self.factor(np.tanh(u), self._log_rests(u, lower), lower)

    def factor(self, partial: Array, log_rests: Array, lower: Array) -> Array:
        """The factor from its partial correlations and the sums of log(1 - z²) over the columns before."""
        eye = xr.DataArray(np.eye(lower.sizes[self.row]), dims=lower.dims).astype(partial.dtype)
        return xr.where(lower, partial, eye) * np.exp(0.5 * log_rests)

    def unconstrain(self, x: Array) -> Array:
        # sinh u = z / √(1 - z²), and what is left of the row after z is Σ L² of the columns behind
        x = _unlabeled(_unlabeled(x, self.row), self.col)
        backwards = {self.col: slice(None, None, -1)}
        rest = (x**2).isel(backwards).cumsum(self.col).isel(backwards)
        rows, cols = np.tril_indices(x.sizes[self.row], -1)
        here = {self.row: rows, self.col: cols}
        behind = {self.row: rows, self.col: cols + 1}
        return np.arcsinh(self._picked(x, here) / np.sqrt(self._picked(rest, behind)))

    def log_jacobian(self, u: Array) -> Array:
        u, lower = self._spread(u)
        rests = self._log_rests(u, lower)
        each = xr.where(lower, _log_sech2(u) + 0.5 * rests, 0.0)
        return each.sum([self.row, self.col])

    def free_sizes(self, sizes: Mapping[Any, int]) -> dict[Any, int]:
        n = sizes[self.row]
        rest = {d: m for d, m in sizes.items() if d not in (self.row, self.col)}
        return {**rest, self.pairs: n * (n - 1) // 2}

    @property
    def pairs(self) -> str:
        """The dim of the unbounded numbers."""
        return f"{self.row}_{self.col}"

    def _spread(self, u: Array) -> tuple[Array, Array]:
        """``u`` as a matrix, in which only the entries for which the second holds mean something."""
        n = (1 + math.isqrt(1 + 8 * u.sizes[self.pairs])) // 2
        numbers = np.zeros((n, n), np.int64)
        numbers[np.tril_indices(n, -1)] = np.arange(u.sizes[self.pairs])
        places = xr.DataArray(numbers, dims=(self.row, self.col))
        return u.isel({self.pairs: places}), self.lower(n)

    def lower(self, n: int) -> Array:
        """Which entries are below the diagonal."""
        return xr.DataArray(np.tri(n, k=-1, dtype=bool), dims=(self.row, self.col))

    def _log_rests(self, u: Array, lower: Array) -> Array:
        return running_before(xr.where(lower, _log_sech2(u), 0.0), self.col)

    def _picked(self, x: Array, places: Mapping[Any, np.ndarray]) -> Array:
        return x.isel({d: xr.DataArray(p, dims=self.pairs) for d, p in places.items()})


def running_before(x: Array, dim: Any) -> Array:
    """The sum of the entries before each along ``dim``."""
    return x.cumsum(dim) - x


def _log_sech2(u: Array) -> Array:
    """log(1 - tanh(u)²)."""
    return _LOG_4 + special.log_expit(2.0 * u) + special.log_expit(-2.0 * u)


def _joined(first: Array, last: Array, dim: Any) -> Array:
    return xr.concat([first, last.expand_dims(dim)], dim).transpose(*first.dims)


def _unlabeled(x: Array, dim: Any) -> Array:
    return x.drop_vars([k for k, c in x.coords.items() if dim in c.dims])


# ---- by name -------------------------------------------------------------------------------------------------------
_NAMED: Mapping[str, tuple[int, Callable[..., Bijection]]] = {
    "identity": (0, Identity),
    "log": (0, Log),
    "logit": (0, Logit),
    "ordered": (1, Ordered),
    "simplex": (1, Simplex),
    "zerosum": (1, lambda dim: ZeroSum((dim,))),
    "cholesky_corr": (2, CholeskyCorr),
}


def named_bijection(
    name: str, what: str, core: tuple[Any, ...], dims: tuple[Any, ...]
) -> Bijection:
    """The map called ``name`` for a variable with ``dims``: of vectors along ``core`` or, lacking these, its only dims.

    Raises ArgumentError for other names, and where it is open along which dim a vector lies.
    """
    if name not in _NAMED:
        raise ArgumentError(
            f"{what}: transform={name!r} is none of {', '.join(_NAMED)}{nearest(name, _NAMED)}"
        )
    count, make = _NAMED[name]
    if count == 0:
        return make()
    along = core or dims
    if len(along) != count:
        raise ArgumentError(
            f"{what}: transform={name!r} needs {count} dim{'s' * (count > 1)}, and the variable has {dims};"
            f" pass the object, as in xgrad.model.{make.__name__ if isinstance(make, type) else 'ZeroSum'}(...)."
        )
    return make(*along)
