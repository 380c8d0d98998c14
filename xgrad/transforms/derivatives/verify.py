"""``verify_grad`` and ``numeric_grad``: gradients checked against differences of values, with a labeled report."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
import xarray as xr

from xgrad.axes.base import is_float
from xgrad.errors import ArgumentError, GradientError
from xgrad.labels.slots import read_variable
from xgrad.transforms.calls.jit import Compiled
from xgrad.transforms.derivatives.derive import check_choice
from xgrad.transforms.derivatives.functions import argument_name, inner_function
from xgrad.transforms.derivatives.grad import grad
from xgrad.transforms.derivatives.pullback import pushforward
from xgrad.transforms.tree import flatten, leaf_paths, unflatten

# dtype -> (step, absolute and relative tolerance): the step balances the fourth power of itself against rounding
_SCALES: dict[str, tuple[float, float]] = {
    "float64": (1e-3, 1e-6),
    "float32": (3e-2, 1e-2),
    "float16": (1e-1, 1e-1),
}


class Mismatch(NamedTuple):
    """The worst coordinate of one comparison; ``score`` above 1 means that both tolerances are exceeded."""

    mode: str
    order: int
    test: int
    where: str
    analytic: float
    numeric: float
    abs_error: float
    rel_error: float
    score: float


class GradientReport(NamedTuple):
    """What ``verify_grad`` compared: the worst coordinate of all, the tolerances, and both gradients of its test."""

    worst: Mismatch
    abs_tol: float
    rel_tol: float
    analytic: Any
    numeric: Any

    @property
    def passed(self) -> bool:
        return self.worst.score <= 1

    def __str__(self) -> str:
        w = self.worst
        verdict = "agree" if self.passed else "differ"
        return (
            f"the gradient and finite differences {verdict}; worst at {w.where}"
            f" ({w.mode} mode, order {w.order}, test {w.test}):\n"
            f"  analytic {w.analytic:.10g}\n"
            f"  numeric  {w.numeric:.10g}\n"
            f"  absolute error {w.abs_error:.3g} (tolerance {self.abs_tol:.3g}),"
            f" relative error {w.rel_error:.3g} (tolerance {self.rel_tol:.3g})"
        )

    __repr__ = __str__


def numeric_grad(fun: Callable[..., Any], points: Any, eps: float | None = None) -> Any:
    """The gradient of a 0-d ``fun`` at ``points`` by central differences, in the containers and labels of the points.

    ``points`` is a tuple (or list) with the arguments, or the only argument. Four values of ``fun`` for each number, of
    an error of the fourth order in the step: ``eps`` times the greater of 1 and the number (by default as the dtype
    has digits). What is not a float counts as constant, and gets zeros.

    Raises ArgumentError where there is nothing to differentiate by.

    >>> import xarray as xr
    >>> x = xr.DataArray([1.0, 2.0], dims="x")
    >>> numeric_grad(lambda x: (x**3).sum(), x).values.round(6)
    array([ 3., 12.])
    """
    args, alone = _arguments(points)
    coordinates = _Coordinates(args, fun)
    compiled = Compiled(inner_function(fun))
    gradient = coordinates.rebuilt(_differences(coordinates, lambda *a: float(compiled(*a)), eps))
    return gradient[0] if alone else gradient


def verify_grad(
    fun: Callable[..., Any],
    points: Any,
    rng: Any = None,
    n_tests: int = 2,
    eps: float | None = None,
    abs_tol: float | None = None,
    rel_tol: float | None = None,
    *,
    order: int = 1,
    modes: Sequence[str] = ("reverse", "forward"),
) -> GradientReport:
    """Check derivatives of ``fun`` at ``points`` against finite differences; return a report, or raise with it.

    ``points`` is a tuple (or list) with the arguments, or the only argument. What ``fun`` returns, any container of
    arrays, is projected ``n_tests`` times on random numbers of ``rng`` (a seed or a ``numpy.random.Generator``; by
    default the same in every call). Every coordinate of the gradient of the projection is compared, in forward mode one
    direction; ``order=2`` compares those of a projection of the gradient, too. A coordinate fails where its error
    exceeds both ``abs_tol`` and, relative to the sum of the two magnitudes, ``rel_tol``.

    Raises GradientError, whose ``report`` has both gradients and the worst coordinate; and what ``grad`` raises.

    >>> import xarray as xr, xgrad as xg
    >>> xg.verify_grad(lambda x: x**2, xr.DataArray([1.0, 2.0], dims="x")).passed
    True
    """
    for mode in modes:
        check_choice("modes", mode, ("reverse", "forward"))
    args, _ = _arguments(points)
    check = _Check(
        fun, args, np.random.default_rng(0 if rng is None else rng), eps, abs_tol, rel_tol
    )
    reports = list(check.reports(n_tests, order, tuple(modes)))
    report = max(reports, key=lambda r: (not r.passed and r.worst.mode == "reverse", r.worst.score))
    if not report.passed:  # one that names a coordinate, where there is one
        raise GradientError(str(report), report)
    return report


def _arguments(points: Any) -> tuple[tuple[Any, ...], bool]:
    several = type(points) in (tuple, list)
    return (tuple(points) if several else (points,)), not several


class _Check:
    """One ``verify_grad``: compares gradients, order by order."""

    def __init__(
        self,
        fun: Callable[..., Any],
        args: tuple[Any, ...],
        rng: np.random.Generator,
        eps: float | None,
        abs_tol: float | None,
        rel_tol: float | None,
    ) -> None:
        self.fun = inner_function(fun)
        self.coordinates = _Coordinates(args, fun)
        self.rng = rng
        _, tolerance = _scale(self.coordinates.dtype)
        self.eps = eps
        self.abs_tol = tolerance if abs_tol is None else abs_tol
        self.rel_tol = tolerance if rel_tol is None else rel_tol

    def reports(self, n_tests: int, order: int, modes: tuple[str, ...]) -> Iterator[GradientReport]:
        """A report for each test, mode and order."""
        for test in range(1, n_tests + 1):
            value = self.fun
            for k in range(1, order + 1):
                projected = self.projection(value)
                slope = grad(projected, self.coordinates.argnums)
                yield from self.compare(projected, slope, modes, k, test)
                value = slope

    def projection(self, fun: Callable[..., Any]) -> Callable[..., Any]:
        """The sum of everything that ``fun`` returns, times random numbers that stay the same."""
        seed = int(self.rng.integers(2**32))

        def projected(*args: Any) -> Any:
            rng = np.random.default_rng(seed)
            leaves, _ = flatten(inner_function(fun)(*args))
            terms = [
                (x * rng.normal(size=x.shape)).sum()
                for leaf in leaves
                for x in _arrays(leaf)
                if is_float(x.dtype)
            ]
            if not terms:
                raise ArgumentError("verify_grad: the function returns no float array.")
            return sum(terms[1:], terms[0])

        return projected

    def compare(
        self, fun: Any, slope: Any, modes: tuple[str, ...], order: int, test: int
    ) -> Iterator[GradientReport]:
        points = self.coordinates
        compiled = Compiled(fun)
        numeric = _differences(points, lambda *a: float(compiled(*a)), self.eps)
        if "reverse" in modes:
            analytic = points.values_of(slope(*points.args))
            yield self.report(analytic, numeric, points.names, "reverse", order, test)
        if "forward" in modes:
            direction = self.rng.normal(size=len(numeric))
            tangents = points.rebuilt(direction)
            _, moved = pushforward(fun, points.args, tangents)
            expected = np.array([numeric @ direction])
            names = ["a random direction"]
            yield self.report(np.array([float(moved)]), expected, names, "forward", order, test)

    def report(
        self,
        analytic: np.ndarray,
        numeric: np.ndarray,
        names: Any,
        mode: str,
        order: int,
        test: int,
    ) -> GradientReport:
        abs_error = np.abs(analytic - numeric)
        rel_error = abs_error / np.maximum(np.abs(analytic) + np.abs(numeric), np.finfo(float).tiny)
        score = np.minimum(abs_error / self.abs_tol, rel_error / self.rel_tol)
        score = np.where(np.isnan(score), np.inf, score)
        k = int(np.argmax(score))
        found = [float(x[k]) for x in (analytic, numeric, abs_error, rel_error, score)]
        where = names[k] if isinstance(names, list) else names(k)
        mismatch = Mismatch(mode, order, test, where, *found)
        both = (analytic, numeric)
        if mode == "reverse":
            both = (self.coordinates.rebuilt(analytic), self.coordinates.rebuilt(numeric))
        return GradientReport(mismatch, self.abs_tol, self.rel_tol, *both)


def _arrays(leaf: Any) -> list[Any]:
    """The arrays of a leaf of a result."""
    if isinstance(leaf, xr.Dataset):
        return list(leaf.data_vars.values())
    return [leaf] if hasattr(leaf, "dtype") and hasattr(leaf, "sum") else []


# ---- points, number by number --------------------------------------------------------------------------------------
class _Block(NamedTuple):
    """One float array of the points: where it stands in the vector of all numbers, and what it is called."""

    leaf: int
    variable: Any
    path: str
    array: Any
    start: int

    @property
    def values(self) -> np.ndarray:
        return np.asarray(_data(self.array))

    def where(self, k: int) -> str:
        """The k-th number by its labels: ``x[time=2, city='Oslo']``; without labels by its position."""
        place = np.unravel_index(k, self.values.shape)
        if not isinstance(self.array, xr.DataArray):
            return f"{self.path}[{', '.join(map(str, place))}]" if place else self.path
        steps = [
            f"{dim}={self.array[dim].values[i].item()!r}"
            if dim in self.array.coords
            else f"{dim}={int(i)}"
            for dim, i in zip(self.array.dims, place, strict=True)
        ]
        return f"{self.path}[{', '.join(steps)}]" if steps else self.path


class _Coordinates:
    """The floats in the arguments of a function, as one vector."""

    def __init__(self, args: tuple[Any, ...], fun: Callable[..., Any]) -> None:
        self.args = args
        self.leaves, self.structure = flatten(args)
        self.blocks: list[_Block] = []
        paths = [
            path
            for i, arg in enumerate(args)
            for path in leaf_paths(flatten(arg)[1], argument_name(fun, i))
        ]
        for k, (leaf, path) in enumerate(zip(self.leaves, paths, strict=True)):
            self._add(k, leaf, path)
        if not self.blocks:
            raise ArgumentError("there is no float among the points to differentiate by.")

    def _add(self, k: int, leaf: Any, path: str) -> None:
        items: Any = leaf.data_vars.items() if isinstance(leaf, xr.Dataset) else [(None, leaf)]
        for name, array in items:
            data = _data(array)
            if is_float(np.asarray(data).dtype) and np.asarray(data).dtype.kind == "f":
                called = path if name is None else f"{path}[{name!r}]"
                self.blocks.append(_Block(k, name, called, array, self.size))

    @property
    def size(self) -> int:
        return self.blocks[-1].start + self.blocks[-1].values.size if self.blocks else 0

    @property
    def dtype(self) -> np.dtype:
        """The least precise dtype."""
        return min([b.values.dtype for b in self.blocks], key=lambda d: d.itemsize)

    @property
    def argnums(self) -> tuple[int, ...]:
        """The arguments that hold floats."""
        counts = np.cumsum([len(flatten(arg)[0]) for arg in self.args])
        return tuple(
            sorted({int(np.searchsorted(counts, b.leaf, side="right")) for b in self.blocks})
        )

    @property
    def vector(self) -> np.ndarray:
        return np.concatenate([b.values.ravel().astype(float) for b in self.blocks])

    def names(self, k: int) -> str:
        """The k-th number, by the labels of its array."""
        block = next(b for b in reversed(self.blocks) if b.start <= k)
        return block.where(k - block.start)

    def at(self, vector: np.ndarray) -> tuple[Any, ...]:
        """The arguments with other floats."""
        return self._around(vector, keep=True)

    def rebuilt(self, vector: np.ndarray) -> tuple[Any, ...]:
        """A derivative by the arguments, with their labels."""
        return self._around(vector, keep=False)

    def _around(self, vector: np.ndarray, *, keep: bool) -> tuple[Any, ...]:
        leaves = list(self.leaves) if keep else [_no_derivative(leaf) for leaf in self.leaves]
        for b in self.blocks:
            values = b.values
            data = (
                vector[b.start : b.start + values.size].reshape(values.shape).astype(values.dtype)
            )
            leaves[b.leaf] = _with_data(leaves[b.leaf], b.variable, data)
        return unflatten(self.structure, leaves)

    def values_of(self, gradients: tuple[Any, ...]) -> np.ndarray:
        """The vector of a derivative by the arguments ``argnums``."""
        by_position = dict(zip(self.argnums, gradients, strict=True))
        given = [by_position.get(i, arg) for i, arg in enumerate(self.args)]
        leaves, _ = flatten(tuple(given))
        found = [
            leaves[b.leaf] if b.variable is None else leaves[b.leaf][b.variable]
            for b in self.blocks
        ]
        return np.concatenate([np.asarray(_data(x)).ravel().astype(float) for x in found])


def _data(array: Any) -> Any:
    return read_variable(array.variable)[0] if isinstance(array, xr.DataArray) else array


def _with_data(leaf: Any, variable: Any, data: np.ndarray) -> Any:
    if isinstance(leaf, xr.Dataset):
        return leaf.assign({variable: leaf[variable].copy(data=data)})
    return leaf.copy(data=data) if isinstance(leaf, xr.DataArray) else data[()]


def _no_derivative(leaf: Any) -> Any:
    """Zeros in place of what is not a float."""
    if isinstance(leaf, xr.Dataset):
        return leaf.map(_no_derivative, keep_attrs=True)
    if isinstance(leaf, bool) or not hasattr(leaf, "dtype"):
        return 0.0 if isinstance(leaf, int) and not isinstance(leaf, bool) else leaf
    if leaf.dtype.kind in "biu":
        return leaf.astype(float) * 0.0
    return leaf


def _differences(
    points: _Coordinates, value: Callable[..., float], eps: float | None
) -> np.ndarray:
    """(8 (f(x+h) - f(x-h)) - (f(x+2h) - f(x-2h))) / 12 h, for each coordinate"""
    x = points.vector
    relative, _ = _scale(points.dtype)
    steps = (relative if eps is None else eps) * np.maximum(1.0, np.abs(x))
    slopes = np.empty(x.size)
    for k, h in enumerate(steps):
        unit = np.zeros(x.size)
        unit[k] = h
        near = value(*points.at(x + unit)) - value(*points.at(x - unit))
        far = value(*points.at(x + 2 * unit)) - value(*points.at(x - 2 * unit))
        slopes[k] = (8 * near - far) / (12 * h)
    return slopes


def _scale(dtype: np.dtype) -> tuple[float, float]:
    return _SCALES.get(dtype.name, _SCALES["float16"])
