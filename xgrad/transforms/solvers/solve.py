"""``xgrad.root``, ``xgrad.minimize`` and ``xgrad.least_squares``: one op each, with implicit gradients.

The user's function is traced once, with the parameters as variables; what it uses from outside comes in by further
inputs, by which the solution can be differentiated.
"""

import warnings
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple

import numpy as np
import xarray as xr

from xgrad.axes.base import TensorType
from xgrad.axes.checked import Violation
from xgrad.axes.opaque import JaxCall
from xgrad.errors import (
    ArgumentError,
    ConvergenceWarning,
    CostNotScalarError,
    SizeMismatchError,
    UnsupportedTypeError,
    in_short,
    nearest,
)
from xgrad.gradient.markers import DisconnectedGrad
from xgrad.graph import Graph, Var, located, moment, user_source
from xgrad.jax_backend.extras import require
from xgrad.jax_backend.solvers import ENDINGS, METHODS, Solver
from xgrad.labels import is_traced, open_trace, unwrap, wrap
from xgrad.labels.checked import checked
from xgrad.lower.pipeline import compile_graph
from xgrad.names import build
from xgrad.options import current_options
from xgrad.transforms.calls.jit import Compiled, is_symbolic
from xgrad.transforms.control.carry import Carry, here, parts, symbolic
from xgrad.transforms.control.closing import close_over
from xgrad.transforms.control.scan import build_carries, fresh_vars
from xgrad.transforms.solvers.bounds import parameters_of, without_infinite
from xgrad.transforms.tree import Structure, flatten, leaf_paths, tree_map


class Solution(NamedTuple):
    """What a solver found.

    ``value``: the parameters, as ``x0``; ``success``: whether it converged; ``steps``: after how many steps;
    ``ending``: how it ended, as a number that ``message`` puts into words; ``size``: the greatest residual of a root,
    the minimum, or half the sum of squares. All but the value are 0-d DataArrays, or have the dims of ``vmap``.
    """

    value: Any
    success: Any
    steps: Any
    ending: Any
    size: Any

    @property
    def message(self) -> str:
        """How the solver ended, in words; of several problems, all that happened."""
        if is_traced(self.ending):
            return "known when the program has run"
        found = sorted({int(k) for k in np.ravel(np.asarray(self.ending))})
        return "; ".join([_TOLD[k] for k in found])


_TOLD = tuple(ENDINGS.values())


class Settings(NamedTuple):
    """How to solve: the method, when to stop."""

    kind: str
    method: str
    rtol: float
    atol: float
    max_steps: int


class Held(NamedTuple):
    """The parameters that are not sought: fixed by name, and tied, by functions of the others."""

    fixed: Sequence[Any]
    tied: Mapping[Any, Callable[[Any], Any]] | None


def root(
    f: Callable[..., Any],
    x0: Any,
    args: Sequence[Any] = (),
    *,
    bounds: Any = None,
    fixed: Sequence[Any] = (),
    tied: Mapping[Any, Callable[[Any], Any]] | None = None,
    method: str = "dogleg",
    rtol: float = 1e-8,
    atol: float = 1e-8,
    max_steps: int = 256,
) -> Solution:
    """Parameters ``x`` with ``f(x, *args) = 0``, from ``x0`` on.

    ``x0`` is a DataArray, a Dataset, a number or a dict (or other containers) of them, and so is what ``f`` returns,
    which has as many numbers. ``bounds`` are pairs (lower, upper), None for no bound, for all parameters or by name for
    the entries of a dict or Dataset; ``fixed`` names entries that keep the values of ``x0``, and ``tied`` has for each
    entry that is computed from the others a function of these: ``tied={"b": lambda p: 2 * p["a"]}``. Tied ones need no
    start. Other dims: ``vmap``.

    The solution can be differentiated by ``args``, by fixed parameters and by all that ``f`` captures, by the implicit
    function theorem, also in compiled functions; not by ``x0``. Needs optimistix (``pip install 'xgrad[fit]'``).
    Methods: dogleg, newton, chord, levenberg_marquardt, gauss_newton.

    Outside of compiled functions warns (ConvergenceWarning) where it did not converge; inside, ``success`` says so, and
    under ``xgrad.checks()`` it is a FitError.
    Raises ArgumentError for options that do not fit, SizeMismatchError for another number of residuals than parameters.

    >>> import xarray as xr, xgrad as xg
    >>> a = xr.DataArray([2.0, 9.0], {"n": ["two", "nine"]}, "n")
    >>> xg.root(lambda x, a: x**2 - a, a, (a,)).value.round(6).values
    array([1.414214, 3.      ])
    >>> xg.grad(lambda a: xg.root(lambda x, a: x**2 - a, a, (a,)).value.sum())(a).round(6).values
    array([0.353553, 0.166667])
    """
    return _solve(
        Settings("root", method, rtol, atol, max_steps), f, x0, args, bounds, Held(fixed, tied)
    )


def minimize(
    f: Callable[..., Any],
    x0: Any,
    args: Sequence[Any] = (),
    *,
    bounds: Any = None,
    fixed: Sequence[Any] = (),
    tied: Mapping[Any, Callable[[Any], Any]] | None = None,
    method: str = "bfgs",
    rtol: float = 1e-8,
    atol: float = 1e-8,
    max_steps: int = 1024,
) -> Solution:
    """Parameters ``x`` at which the 0-d ``f(x, *args)`` is least, from ``x0`` on: a local minimum.

    Parameters, bounds, gradients, warnings and errors as for ``root``. Methods: bfgs, lbfgs, nonlinear_cg, nelder_mead.
    Raises CostNotScalarError where ``f`` does not return one number.

    >>> import xarray as xr, xgrad as xg
    >>> x0 = {"a": 0.0, "b": xr.DataArray([1.0, 1.0], dims="x")}
    >>> found = xg.minimize(lambda p: (p["a"] - 3.0) ** 2 + (p["b"] ** 2).sum(), x0, bounds={"a": (None, 2.0)})
    >>> round(float(found.value["a"]), 5), bool(found.success)
    (2.0, True)
    """
    return _solve(
        Settings("minimize", method, rtol, atol, max_steps), f, x0, args, bounds, Held(fixed, tied)
    )


def least_squares(
    residual: Callable[..., Any],
    x0: Any,
    args: Sequence[Any] = (),
    *,
    bounds: Any = None,
    fixed: Sequence[Any] = (),
    tied: Mapping[Any, Callable[[Any], Any]] | None = None,
    method: str = "levenberg_marquardt",
    rtol: float = 1e-8,
    atol: float = 1e-8,
    max_steps: int = 256,
) -> Solution:
    """Parameters ``x`` at which the sum of squares of ``residual(x, *args)`` is least, from ``x0`` on.

    Residuals are a DataArray or containers of them, of any number. Parameters, bounds, gradients, warnings and errors
    as for ``root``. Methods: levenberg_marquardt, dogleg, gauss_newton.

    >>> import numpy as np, xarray as xr, xgrad as xg
    >>> t = xr.DataArray([0.0, 1.0, 2.0, 3.0], dims="t")
    >>> y = 2.0 * np.exp(-0.5 * t)
    >>> model = lambda p, y: p["a"] * np.exp(-p["k"] * t) - y
    >>> found = xg.least_squares(model, {"a": 1.0, "k": 1.0}, (y,))
    >>> round(float(found.value["a"]), 4), round(float(found.value["k"]), 4)
    (2.0, 0.5)
    """
    settings = Settings("least_squares", method, rtol, atol, max_steps)
    return _solve(settings, residual, x0, args, bounds, Held(fixed, tied))


# ---- in the user's words -------------------------------------------------------------------------------------------
def _solve(
    settings: Settings,
    f: Callable[..., Any],
    x0: Any,
    args: Sequence[Any],
    bounds: Any,
    held: Held,
) -> Solution:
    _check(settings)
    if not isinstance(args, tuple | list):
        raise ArgumentError(
            f"{settings.kind}: args is a tuple of the further arguments of the function, not {in_short(args)}."
        )
    bounds = without_infinite(bounds)
    if is_symbolic(x0, args, bounds):
        return _solve_traced(settings, f, held, x0, tuple(args), bounds)
    parameters_of(settings.kind, x0, bounds, *held)  # with numbers known, more can be checked
    solution = Compiled(partial(_solve_traced, settings, f, held))(x0, tuple(args), bounds)
    if not bool(np.all(np.asarray(solution.success))):
        warnings.warn(f"{settings.kind} {solution.message}.", ConvergenceWarning, stacklevel=3)
    return solution


def _check(settings: Settings) -> None:
    known = METHODS[settings.kind]
    if settings.method not in known:
        hint = nearest(settings.method, known) or "."
        raise ArgumentError(
            f"{settings.kind}: the methods are {', '.join(known)}; there is none called {settings.method!r}{hint}"
        )
    require("optimistix", f"xgrad.{settings.kind}")


def _solve_traced(
    settings: Settings,
    f: Callable[..., Any],
    held: Held,
    x0: Any,
    args: tuple,
    bounds: Any,
) -> Solution:
    with located(user_source()):
        x0 = tree_map(as_float, x0)
        parameters = parameters_of(settings.kind, x0, bounds, *held)
        leaves, structure = flatten(parameters.release(x0))
        paths = leaf_paths(structure, "x0")
        leaves = [symbolic(leaf, path) for leaf, path in zip(leaves, paths, strict=True)]
        sought = _Sought(
            [Carry.of(x, path).strong() for x, path in zip(leaves, paths, strict=True)], structure
        )
        starts = [
            DisconnectedGrad()(v)
            for c, x in zip(sought.carries, leaves, strict=True)
            for v in c.start(x)
        ]
    problem = _traced(settings, lambda z: f(parameters.enforce(z), *args), sought)
    with located(user_source()):
        *found, success, steps, ending, size = _applied(settings, problem, starts)
        found = [_converged(settings, v, success) for v in found]
        value = parameters.enforce(build_carries(sought.carries, structure, found))
        said = [xr.DataArray(wrap(v)) for v in (success, steps, ending, size)]
    return Solution(value, *said)


def _converged(settings: Settings, found: Var, success: Var) -> Var:
    """What was found, marked for checks: the solver must have ended well."""
    violation = Violation(
        "FitError",
        f"{settings.kind} stopped before it converged",
        f"Start it nearer to a solution, or give it more than max_steps={settings.max_steps}, another method, or a"
        " larger rtol and atol.",
        whole=found.type.dims,
    )
    marked = checked("converged", wrap(found), lambda: wrap(success), violation)
    return unwrap(marked)


def as_float(leaf: Any) -> Any:
    """A parameter as floats; integers become float64."""
    if isinstance(leaf, bool) or not (
        hasattr(leaf, "dtype") or isinstance(leaf, int | float | xr.Dataset)
    ):
        raise UnsupportedTypeError(f"a parameter is made of numbers, not {in_short(leaf)}{here()}.")
    if isinstance(leaf, xr.Dataset):
        return leaf.map(as_float, keep_attrs=True)
    if isinstance(leaf, int | float):
        return np.float64(leaf)
    if leaf.dtype.kind not in "biuf":
        raise UnsupportedTypeError(
            f"parameters are real numbers; one of them has the dtype {leaf.dtype}{here()}."
        )
    return leaf if leaf.dtype.kind == "f" else leaf.astype(float)


# ---- the problem as a graph ----------------------------------------------------------------------------------------
class _Sought(NamedTuple):
    """What a solver seeks: the form of its leaves and their containers."""

    carries: list[Carry]
    structure: Structure


class _Problem(NamedTuple):
    """The function as a tensor graph, from the sought and then the outside values."""

    graph: Graph
    outside: tuple[Var, ...]


def _traced(settings: Settings, f: Callable[[Any], Any], sought: _Sought) -> _Problem:
    inputs, since = fresh_vars(sought.carries), moment()
    with open_trace():
        result = f(build_carries(sought.carries, sought.structure, inputs))
        leaves, structure = flatten(result)
        paths = leaf_paths(structure, "result")
        found = [symbolic(leaf, path) for leaf, path in zip(leaves, paths, strict=True)]
        outs = [p.var for leaf, path in zip(found, paths, strict=True) for p in parts(leaf, path)]
        outs = [build.cast(v, np.dtype(float)) if v.type.dtype.kind in "biu" else v for v in outs]
    _check_result(settings.kind, inputs, outs)
    closed = close_over([outs], inputs, since)
    stages = compile_graph(closed.graphs[0], current_options().ad)
    return _Problem(stages.optimised, closed.captured)


def _check_result(kind: str, inputs: Sequence[Var], outs: Sequence[Var]) -> None:
    if kind == "minimize" and (len(outs) != 1 or outs[0].type.dims):
        shown = (
            f"an array with the dims {outs[0].type.dims}"
            if len(outs) == 1
            else f"{len(outs)} arrays"
        )
        raise CostNotScalarError(
            f"minimize: the function returns {shown}, and must return one number{here()}.\n"
            "Reduce it with .sum(), or minimise the squares with xgrad.least_squares."
        )
    if not outs:
        raise ArgumentError(f"{kind}: the function returns no numbers{here()}.")
    unknowns, equations = (sum([_size(v) for v in vs]) for vs in (inputs, outs))
    if kind == "root" and unknowns != equations:
        raise SizeMismatchError(
            f"root: the function returns {equations} numbers for {unknowns} parameters{here()}.\n"
            "For more equations than parameters use xgrad.least_squares."
        )


def _size(v: Var) -> int:
    return int(np.prod(v.type.shape, dtype=np.int64))


def _applied(settings: Settings, problem: _Problem, starts: Sequence[Var]) -> tuple[Var, ...]:
    """The op, whose inputs are whole arrays: all their dims are core dims."""
    types = [TensorType(v.type.shape, v.type.dtype) for v in starts]
    told = [np.dtype(bool), np.dtype(np.int64), np.dtype(np.int64), _size_dtype(settings, problem)]
    outs = (*types, *[TensorType((), d) for d in told])
    solver = Solver(
        settings.kind,
        problem.graph,
        len(starts),
        settings.method,
        settings.rtol,
        settings.atol,
        settings.max_steps,
    )
    # dims of different inputs may have one name and different sizes
    inputs = [*starts, *problem.outside]
    names = [[f"{k}.{axis}" for axis in range(v.type.ndim)] for k, v in enumerate(inputs)]
    renamed = [
        build.rename(v, dict(zip(v.type.dims, own, strict=True)))
        for v, own in zip(inputs, names, strict=True)
    ]
    results = build.blockwise(
        JaxCall(solver, outs), renamed, names, [*names[: len(starts)], *[()] * len(told)]
    )
    back = [
        build.rename(r, dict(zip(own, v.type.dims, strict=True)))
        for r, own, v in zip(results, names, starts, strict=False)
    ]
    return (*back, *results[len(starts) :])


def _size_dtype(settings: Settings, problem: _Problem) -> np.dtype:
    dtypes = [v.type.dtype for v in problem.graph.outputs]
    return np.result_type(*dtypes)
