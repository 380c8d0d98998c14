"""Nonlinear least squares of traced data: the solver, and its derivative by the implicit function theorem.

The residuals are a closed graph of the parameters and of all that they are measured by. One loop of damped
Gauss-Newton steps finds the parameters: Levenberg and Marquardt's, where each is damped by the greatest effect that it
has had (Moré 1978, as in MINPACK), forgotten as far as it is beyond what it has now; by Nielsen's rule (1999) after a
step that is taken and MINPACK's after one that is not. Bounds are kept by projection. Derivatives do not go through the
loop: where the gradient of the cost vanishes, its change by the data tells how the parameters move, at the cost of one
linear solve. The loop evaluates the residuals and their derivatives once per step; what the last step would bring is
known before it, and there they are not evaluated again.
"""

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from xgrad.axes.base import Flow, is_float
from xgrad.gradient.lazy import close, lazy_pullback, lazy_pushforward
from xgrad.gradient.markers import CustomGradient
from xgrad.gradient.ops import cotangent_type
from xgrad.graph import Graph, Var
from xgrad.labels.core import make, real
from xgrad.labels.scope import Trace, enter_trace, leave_trace
from xgrad.names import XWhile, build
from xgrad.names.types import XType

Array = Any
Bounds = tuple[Array, ...]  # the lower and the upper ones, or nothing
PARAM, ROW = "_param", "_row"  # the dims of the parameters; no dims of a user's
FLOAT = np.dtype(np.float64)
NUMBER = XType((), (), FLOAT)
ROUNDING = float(np.finfo(FLOAT).eps)
SETTLED = (
    1e-16  # what a value's share in the cost may still fall by after the last step, relative to all
)
CLOSE = 1e-12  # and by the last step
DAMPING = 0.03  # at the start
LEAST = 0.2  # of the damping stays after a step that brought what was foreseen
SHORTENED = 0.1, 0.25  # how much a step can be shortened at once where it failed
FADED = 1e4  # how far above a parameter's effect the greatest so far may stay, squared
SMALL = 4  # so many equations are written out: LAPACK, called for each slice, takes longer


class Local(NamedTuple):
    """The cost around a point, as if the residuals were linear."""

    cost: Array  # half the sum of squares
    gradient: Array
    normal: Array  # a row and a column for each parameter

    @property
    def sizes(self) -> Array:
        """Of each parameter's effect on the residuals, squared."""
        return np.stack([self.normal[k, k] for k in range(self.gradient.shape[0])])


class State(NamedTuple):
    """What a step hands on to the next."""

    params: Array
    cost: Array
    gradient: Array
    normal: Array
    damping: Array
    sizes: Array  # of each parameter's effect on the residuals, the greatest so far, squared
    direction: Array  # of the next step
    steps: Array
    done: Array

    @property
    def local(self) -> Local:
        """The cost around the parameters."""
        return Local(self.cost, self.gradient, self.normal)


class Problem(NamedTuple):
    """Residuals, a graph of each parameter and of values from outside, which are at hand in ``outside``."""

    residuals: Graph
    outside: Sequence[Var]

    @classmethod
    def of(cls, function: Callable[[list[Array]], Array], like: Array) -> "Problem":
        """The residuals that a function of parameters ``like`` these gives."""
        symbols = [_array(Var(NUMBER), like.scope) for _ in range(like.size)]
        found = _vector(np.ravel(function(symbols)).astype(FLOAT, copy=False), "_residual")
        return cls(*close([found.value], [s.value for s in symbols]))

    @property
    def size(self) -> int:
        """How many residuals there are."""
        (found,) = self.residuals.outputs
        return found.type.shape[0]

    def at(self, params: Iterable[Array]) -> Array:
        """The residuals, of one axis."""
        each = list(params)
        (found,) = self.residuals(*[p.value for p in each], *self.outside)
        return _array(found, each[0].scope)

    def local(self, params: Array) -> Local:
        """The cost and its derivatives, but for those of the residuals' second order."""
        each = list(_vector(params))
        found, one = self.at(each), build.scalar(1.0)
        rows = [
            _array(lazy_pushforward([found.value], [p.value], [one])[0], params.scope) for p in each
        ]
        gradient = np.stack([np.sum(row * found) for row in rows])
        return Local(0.5 * np.sum(np.square(found)), gradient, _products(rows))

    def cost(self, params: Array) -> Array:
        return 0.5 * np.sum(np.square(self.at(params)))

    def gradient(self, params: Array) -> Array:
        """Of the cost, by the parameters; 0 at the solution."""
        cost = self.cost(params)
        (found,) = lazy_pullback([cost.value], [params.value], [build.scalar(1.0)])
        return _array(found, params.scope)

    def hessian(self, params: Array) -> Array:
        gradient = self.gradient(params)
        rows = [
            lazy_pushforward([gradient.value], [params.value], [unit.value])[0]
            for unit in _units(params)
        ]
        return np.stack([_array(row, params.scope) for row in rows])


def minimise(
    problem: Problem, start: Array, lower: Array, upper: Array, limit: int, *, bounded: bool = True
) -> Array:
    """The parameters at which the sum of the squares of the residuals is least; NaN where none are found.

    ``start``, ``lower`` and ``upper`` are traced arrays of one axis; ``bounded=False`` says that the bounds are known
    to be infinite. The search goes downhill from ``start`` and takes ``limit`` steps at the most. Differentiable, any
    number of times, by the bounds and by all that the residuals are computed from. Where a parameter is at a bound it
    moves with it.
    """
    start, lower, upper = (_vector(x) for x in (start, lower, upper))
    graph, params = problem.residuals, Var(_type(start.size))
    inputs = [start.value, lower.value, upper.value, *problem.outside]
    changes = [Var(cotangent_type(v.type)) for v in inputs]
    search = partial(_search, limit=limit, bounded=bounded)
    whole = _closed(inputs, [params], lambda given: [search(*_split(graph, given))])
    pull = _closed([*inputs, params, params], changes, lambda given: _pulled(graph, given))
    push = _closed([*inputs, params, *changes], [params], lambda given: [_pushed(graph, given)])
    flows = (Flow.STEP, *[_flow(v) for v in inputs[1:]])
    reasons = ("the solution does not change with the start", *[_WHY] * (len(inputs) - 1))
    op = CustomGradient(whole, pull, push, len(inputs), flows, reasons, "least_squares")
    return _array(op.apply(*inputs)[0], start.scope)


_WHY = "derivatives of a fit are by floats"


def _array(var: Var, trace: Trace) -> Array:
    return make(var, None, trace)


def _flow(v: Var) -> Flow:
    return Flow.VALUE if is_float(v.type.dtype) else Flow.STEP


def _type(size: int) -> XType:
    return XType((PARAM,), (size,), FLOAT)


def _vector(array: Array, dim: str = PARAM) -> Array:
    """An array of one axis, which is called ``dim``."""
    var, (name,) = real(array)
    return _array(build.rename(var, {name: dim}), array.scope)


def _units(params: Array) -> list[Array]:
    """The directions of the parameters."""
    size = params.shape[0]
    place = _array(build.iota(PARAM, size), params.scope)
    return [(place == k).astype(FLOAT) for k in range(size)]


def _eye(params: Array) -> Array:
    return np.stack(_units(params))


# ---- closed graphs -----------------------------------------------------------------------------


def _closed(
    inputs: Sequence[Var], like: Sequence[Var], function: Callable[[list[Array]], Sequence[Array]]
) -> Graph:
    """The graph of a function of arrays like the variables ``inputs``; its results are of the types of ``like``."""
    fresh = [Var(v.type, name=v.name, source=v.source) for v in inputs]
    trace = enter_trace()
    try:
        results = function([_array(v, trace) for v in fresh])
        return Graph(fresh, [_named(r, v.type) for r, v in zip(results, like, strict=True)])
    finally:
        leave_trace(trace)


def _named(result: Array, type_: XType) -> Var:
    """The value of a result, its axes called as in ``type_``."""
    var, dims = real(result)
    var = build.rename(build.transpose(var, dims), dict(zip(dims, type_.dims, strict=True)))
    return build.cast(var, type_.dtype)


def _split(graph: Graph, given: Sequence[Array]) -> tuple[Problem, Array, Array, Array]:
    """The problem, the start and the bounds, from the inputs of one of the graphs."""
    count = len(graph.inputs) - given[0].size
    outside = [x.value for x in given[3 : 3 + count]]
    return Problem(graph, outside), given[0], given[1], given[2]


# ---- the search --------------------------------------------------------------------------------


def _search(
    problem: Problem, start: Array, lower: Array, upper: Array, *, limit: int, bounded: bool
) -> Array:
    """A step further than where the loop ends; NaN where it came to no end."""
    bounds = (lower, upper) if bounded else ()
    first = problem.local(start)
    damping, sizes = _array(build.scalar(DAMPING, FLOAT), start.scope), first.sizes
    damped, none = _damped(damping, sizes), _array(build.scalar(0.0, FLOAT), start.scope)
    direction, done = _aimed(start, first, damped, none, problem.size, bounds)
    begin = [start, *first, damping, sizes, direction]
    carries = [_named(x, t) for x, t in zip(begin, _types(start.size), strict=True)]
    carries += [build.scalar(0, np.int64), done.value]
    invariants = [*[x.value for x in bounds], *problem.outside]
    ends = len(carries), len(carries) + len(bounds)

    def states(given: Sequence[Array]) -> tuple[State, Problem, Bounds]:
        inside = problem._replace(outside=[x.value for x in given[ends[1] :]])
        return State(*given[: ends[0]]), inside, tuple(given[ends[0] : ends[1]])

    def again(given: Sequence[Array]) -> list[Array]:
        state, *_ = states(given)
        return [~state.done & (state.steps < limit)]

    given = [*carries, *invariants]
    body = _closed(given, carries, lambda given: _step(*states(given)))
    loop = XWhile(_closed(given, [done.value], again), body, len(carries))
    last = State(*[_array(v, start.scope) for v in loop.apply(*given)])
    good = last.done & np.isfinite(last.cost)
    return np.where(good, _kept(last.params + last.direction, bounds), np.nan)


def _types(size: int) -> tuple[XType, ...]:
    """Of the floats in a ``State``, in order."""
    along, normal = _type(size), XType((PARAM, ROW), (size, size), FLOAT)
    return along, NUMBER, along, normal, NUMBER, along, along


def _step(state: State, problem: Problem, bounds: Bounds) -> State:
    """One damped step downhill, taken where the cost is less after it, and where the next one leads.

    Near the end rounding hides what a step gains: there it is taken on trust, until nothing more is to be expected.
    """
    params, cost, damping = state.params, state.cost, state.damping
    trial = _kept(params + state.direction, bounds)
    after, moved = problem.local(trial), trial - params
    foreseen = _foreseen(state.local, moved)
    level = after.cost <= (1 + 16 * ROUNDING) * cost
    close_by = (foreseen > 0) & (foreseen <= 1e-10 * cost) & level
    better = (after.cost < cost) | close_by
    ratio = np.where(close_by, 1.0, (cost - after.cost) / np.where(foreseen > 0, foreseen, 1.0))
    shrunk = damping * np.maximum(LEAST, 1 - (2 * np.clip(ratio, 0.0, 2.0) - 1) ** 3)
    grown = (1 + damping) / _shortened(state.local, moved, after.cost) - 1
    reached = np.where(better, trial, params)
    local = Local(*[np.where(better, x, y) for x, y in zip(after, state.local, strict=True)])
    next_damping = np.where(better, np.maximum(shrunk, 1e-13), grown)
    sizes = np.clip(state.sizes, local.sizes, FADED * local.sizes)
    damped = _damped(next_damping, sizes)
    brought = np.where(better, foreseen, 0.0)
    direction, settled = _aimed(reached, local, damped, brought, problem.size, bounds)
    done = settled | (~better & (damping > 1e12))
    return State(reached, *local, next_damping, sizes, direction, state.steps + 1, done)


def _damped(damping: Array, sizes: Array) -> Array:
    """What is added for each parameter; one without an effect is damped all the same."""
    return damping * np.where(sizes > 0, sizes, 1.0)


def _shortened(local: Local, moved: Array, cost: Array) -> Array:
    """The part of a failed step where the cost is least, by the parabola through both costs and the first slope."""
    slope = np.sum(local.gradient * moved)
    bent = cost - local.cost - slope
    least = np.where(bent > 0, -0.5 * slope / np.where(bent > 0, bent, 1.0), 0.0)
    return np.clip(least, *SHORTENED)


def _aimed(
    params: Array, local: Local, damped: Array, brought: Array, count: int, bounds: Bounds
) -> tuple[Array, Array]:
    """The next step, and whether so little is to be expected of those after it that it can be the last.

    ``brought`` is what was expected of the step before; 0 for none. Of a step that is short because it is damped,
    little says nothing: there no parameter may promise more alone.
    """
    held = _held(params, local.gradient, bounds)
    direction, unit = _direction(local, damped, held), count * local.cost
    ahead = _foreseen(local, direction)
    free = np.all(damped <= local.sizes)
    near = (ahead <= CLOSE * unit) & (free | (_alone(local, held) <= SETTLED * unit))
    return direction, near & (_left(ahead, brought) <= SETTLED * unit)


def _left(ahead: Array, brought: Array) -> Array:
    """What steps can bring after the next one if each is shorter than the one before by the same factor.

    ``ahead`` is expected of the next one, ``brought`` was of the one before: they go with the squares of the steps.
    """
    falls = (ahead > 0) & (ahead < brought)
    rate = np.sqrt(np.where(falls, ahead, 0.0) / np.where(falls, brought, 1.0))
    return ahead * np.where(falls, np.minimum(1.0, np.square(rate / (1 - rate))), 1.0)


def _alone(local: Local, held: Array | None) -> Array:
    """The most that the cost would fall by if one parameter moved, and none were damped."""
    sizes = local.sizes
    gains = np.where(
        sizes > 0, 0.5 * np.square(local.gradient) / np.where(sizes > 0, sizes, 1.0), 0.0
    )
    return np.max(gains if held is None else np.where(held, 0.0, gains))


def _kept(params: Array, bounds: Bounds) -> Array:
    """The nearest parameters within the bounds."""
    if not bounds:
        return params
    lower, upper = bounds
    return np.minimum(np.maximum(params, lower), upper)


def _held(params: Array, gradient: Array, bounds: Bounds) -> Array | None:
    """Which parameters are held at a bound."""
    if not bounds:
        return None
    lower, upper = bounds
    return ((params <= lower) & (gradient > 0)) | ((params >= upper) & (gradient < 0))


def _foreseen(local: Local, moved: Array) -> Array:
    """What the cost would fall by if the residuals were linear. What is held at a bound has not moved."""
    bent = np.sum(moved * np.sum(local.normal * moved, axis=-1))
    return -np.sum(local.gradient * moved) - 0.5 * bent


def _direction(local: Local, damped: Array, held: Array | None) -> Array:
    """The Gauss-Newton step, each parameter damped; none of a parameter that is held."""
    matrix, gradient = local.normal + _eye(damped) * damped, local.gradient
    if held is None:
        return -solve_definite(matrix, gradient)
    apart = held[:, None] | held[None, :]
    return -solve_definite(np.where(apart, _eye(damped), matrix), np.where(held, 0.0, gradient))


# ---- small matrices ----------------------------------------------------------------------------


def _products(rows: Sequence[Array]) -> Array:
    """Of each row with each."""
    if len(rows) > SMALL:
        return np.matmul(np.stack(rows), np.stack(rows).T)
    found = {(i, j): np.sum(rows[i] * rows[j]) for i in range(len(rows)) for j in range(i + 1)}
    full = [[found[max(i, j), min(i, j)] for j in range(len(rows))] for i in range(len(rows))]
    return np.stack([np.stack(row) for row in full])


def solve_definite(matrix: Array, right: Array) -> Array:
    """The solution for a positive definite matrix, which needs no pivots."""
    size = matrix.shape[0]
    if size > SMALL:
        return np.linalg.solve(matrix, right)
    rows = [[matrix[i, j] for j in range(size)] + [right[i]] for i in range(size)]
    for k in range(size):
        for i in range(k + 1, size):
            factor = rows[i][k] / rows[k][k]
            rows[i] = [x - factor * y for x, y in zip(rows[i], rows[k], strict=True)]
    found: list[Array] = [0.0] * size
    for k in reversed(range(size)):
        known = [rows[k][j] * found[j] for j in range(k + 1, size)]
        found[k] = (rows[k][size] - sum(known, 0.0)) / rows[k][k]
    return np.stack(found)


# ---- derivatives -------------------------------------------------------------------------------


class _Optimum(NamedTuple):
    """The conditions that hold at a solution: no gradient along free parameters, the others at a bound."""

    problem: Problem
    params: Array
    at_lower: Array
    at_upper: Array

    @classmethod
    def of(cls, graph: Graph, given: Sequence[Array]) -> "_Optimum":
        problem, _, lower, upper = _split(graph, given)
        params = given[3 + len(problem.outside)]
        return cls(problem, params, params <= lower, params >= upper)

    def solved(self, hessian: Array, right: Array) -> Array:
        """``right`` by the inverse Hessian among free parameters; 0 at bounds."""
        free: Array = ~(self.at_lower | self.at_upper)
        both = free[:, None] & free[None, :]
        matrix = np.where(both, hessian, _eye(self.params))
        return np.linalg.solve(matrix, np.where(free, right, 0.0))


def _pulled(graph: Graph, given: Sequence[Array]) -> list[Array]:
    """Cotangents of the start (none), the bounds and what is outside."""
    optimum, start, ct = _Optimum.of(graph, given), given[0], given[-1]
    params, outside = optimum.params, optimum.problem.outside
    gradient, hessian = optimum.problem.gradient(params), optimum.problem.hessian(params)
    weights = optimum.solved(hessian, ct)
    at_bound = ct - np.matmul(hessian, weights)
    bounds = [np.where(at, at_bound, 0.0) for at in (optimum.at_lower, optimum.at_upper)]
    down = _named(-weights, params.value.type)
    pulled = lazy_pullback([gradient.value], outside, [down]) if outside else ()
    return [0.0 * start, *bounds, *[_array(v, params.scope) for v in pulled]]


def _pushed(graph: Graph, given: Sequence[Array]) -> Array:
    """The tangent of the parameters."""
    optimum = _Optimum.of(graph, given)
    params, outside = optimum.params, optimum.problem.outside
    tangents = given[4 + len(outside) :]
    gradient, hessian = optimum.problem.gradient(params), optimum.problem.hessian(params)
    bound = np.where(optimum.at_lower, tangents[1], 0.0)
    bound = np.where(optimum.at_upper, tangents[2], bound)
    change = np.matmul(hessian, bound)
    if outside:
        moved = lazy_pushforward([gradient.value], outside, [t.value for t in tangents[3:]])
        change = change + _array(moved[0], params.scope)
    return bound - optimum.solved(hessian, change)
