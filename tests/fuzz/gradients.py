"""Random programs made differentiable: continuous inputs, a 0-d cost, and what eager xarray says of its slope.

The programs are those of ``programs``, with every float among the inputs moved off the lattice, so that no two values
tie by chance. Their cost is a weighted sum of everything they compute. The oracle is the difference quotient of the
*eager* cost; a program that has a kink at its inputs, which the quotients themselves show, is no example.
"""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
import xarray as xr

import xgrad
from tests.fuzz.inputs import Rng
from tests.fuzz.programs import Program, eagerly, make_program, quiet, without_step
from xgrad.axes.interpret import evaluate
from xgrad.lower.pipeline import compile_graph
from xgrad.transforms.calls.trace import trace_function
from xgrad.transforms.tree import flatten

LARGEST = 1e4  # of a value: beyond, differences lose the digits that are asked for
STEP = 1e-3
AGREE = 2e-8  # how well difference quotients agree where there is no kink, relative to the size of the cost


class Cost(NamedTuple):
    """The weighted sum of all finite floats that a program computes; the weights are constants."""

    program: Program
    weights: dict[str, np.ndarray]

    def __call__(self, *arguments: xr.DataArray) -> Any:
        values = self.program(*arguments)
        terms = []
        for name, weight in self.weights.items():
            v = values[name].variable.astype(float)  # without coords: nothing is aligned
            kept = xr.Variable(v.dims, weight != 0)
            terms.append((xr.where(kept, v, 0.0) * xr.Variable(v.dims, weight)).sum(skipna=False))
        return xr.DataArray(sum(terms[1:], terms[0]))

    def eagerly(self, *arguments: xr.DataArray) -> float:
        """The same, of eager values, without a dozen objects of xarray for each."""
        values = self.program(*arguments)
        terms = [w * np.where(w != 0, values[k].values, 0.0) for k, w in self.weights.items()]
        return float(sum(map(np.sum, terms)))


class Example(NamedTuple):
    """A program with its cost: by which arguments it is differentiated, along what, and the slope of the eager cost."""

    program: Program
    cost: Cost
    wrt: tuple[int, ...]
    tangents: tuple[xr.DataArray, ...]
    slope: float
    scale: float  # what the slope is to be compared with


@quiet()
def make_example(rng: Rng, length: int) -> Example | None:
    """A program with a slope; None where one that is drawn has none."""
    return example_of(continuous(make_program(rng, length), rng), rng)


def example_of(program: Program, rng: Rng) -> Example | None:
    """The example of a program; None where its cost has no slope."""
    wrt = tuple([i for i, x in enumerate(program.arguments) if x.dtype == np.float64 and x.size])
    try:
        values = eagerly(program)
    except Exception:  # off the lattice it is another program, which eager xarray may refuse
        return None
    if (
        not wrt
        or not program.steps
        or _is_rough(program, values)
        or _multiplies_gaps(program, values)
    ):
        return None
    cost = Cost(program, {name: _weights(rng, v) for name, v in values.items()})
    tangents = tuple([_tangent(rng, program.arguments[i]) for i in wrt])
    terms = [
        w * np.nan_to_num(values[name].values.astype(float)) for name, w in cost.weights.items()
    ]
    scale = max(1.0, float(sum([abs(term).sum() for term in terms])))
    slope = _slope(cost, program.arguments, wrt, tangents, scale)
    return None if slope is None else Example(program, cost, wrt, tangents, slope, scale)


def _multiplies_gaps(program: Program, values: dict[str, xr.DataArray]) -> bool:
    """Whether a matrix product meets a NaN: a mask of its result does not reach into the sum, in JAX or here."""
    found = [*program.inputs, *values.values()]
    return any(
        s.operation == "dot" and any(found[i].isnull().any() for i in s.places)
        for s in program.steps
    )


def continuous(program: Program, rng: Rng) -> Program:
    """``program`` with floats of double precision that are no multiples of anything."""
    inputs: dict[int, xr.DataArray] = {}
    for x in program.inputs:  # the same object twice stays the same object twice
        if id(x) not in inputs:
            inputs[id(x)] = _moved(x, rng) if x.dtype.kind == "f" else x
    return program._replace(inputs=tuple([inputs[id(x)] for x in program.inputs]))


def _moved(x: xr.DataArray, rng: Rng) -> xr.DataArray:
    return x.astype(float) + rng.uniform(-0.1, 0.1, x.shape)


def _is_rough(program: Program, values: dict[str, xr.DataArray]) -> bool:
    """Whether single precision or large numbers would hide what differences are to show; or a dim is there twice."""
    steps = any(s.params.get("dtype") == "float32" for s in program.steps)
    narrow = any(v.dtype in (np.float32, np.float16) for v in values.values())
    large = any(np.any(abs(v.values.astype(float)) > LARGEST) for v in values.values())
    doubled = any(len(set(v.dims)) < v.ndim for v in values.values())
    return steps or narrow or large or doubled


def _weights(rng: Rng, value: xr.DataArray) -> np.ndarray:
    """A weight for each finite number of a result."""
    finite = np.isfinite(value.values.astype(float))
    return np.where(finite, rng.uniform(0.5, 1.5, value.shape) * rng.choice([-1, 1]), 0.0)


def _tangent(rng: Rng, x: xr.DataArray) -> xr.DataArray:
    return x.copy(data=rng.uniform(0.5, 1.0, x.shape) * rng.choice([-1.0, 1.0], x.shape))


def _slope(
    cost: Cost,
    arguments: Sequence[xr.DataArray],
    wrt: Sequence[int],
    tangents: Sequence[xr.DataArray],
    scale: float,
) -> float | None:
    """The derivative along the tangents, of the sixth order in the step; None where there is a kink.

    A kink within three steps shows in the quotient of fourth order, one at the inputs themselves in those to each side.
    """

    def at(h: float) -> float:
        moved = list(arguments)
        for i, t in zip(wrt, tangents, strict=True):
            moved[i] = moved[i] + h * t
        return cost.eagerly(*moved)

    pairs = [at(k * STEP) - at(-k * STEP) for k in (1, 2, 3)]
    fourth = float(np.dot([8, -1], pairs[:2])) / (12 * STEP)
    sixth = float(np.dot([45, -9, 1], pairs)) / (60 * STEP)
    if not np.isfinite([fourth, sixth]).all() or abs(fourth - sixth) > AGREE * scale:
        return None
    here = cost.eagerly(*arguments)
    ahead, back = (at(1e-7) - here) / 1e-7, (here - at(-1e-7)) / 1e-7
    return sixth if abs(ahead - back) < 1e-4 * scale else None


# ---- gradients ---------------------------------------------------------------------------------------------------
Runner = Callable[[Any, Sequence[Any]], Any]


def gradient(example: Example, ad: str = "symbolic") -> Any:
    """The compiled gradient of the cost."""
    return xgrad.grad(example.cost.__call__, example.wrt, disconnected_inputs="ignore", ad=ad)


@quiet()
def by_rewritten(function: Any, arguments: Sequence[Any]) -> Any:
    """What NumPy makes of the graph that would be compiled, every rewrite applied."""
    traced = trace_function(function.fun, tuple(arguments), {})
    graph = compile_graph(traced.graph, "symbolic").optimised
    arrays = [np.asarray(x.values) for x in flatten(tuple(arguments))[0]]
    return traced.result.build(evaluate(graph, arrays))


@quiet()
def by_xla(function: Any, arguments: Sequence[Any]) -> Any:
    return function(*arguments)


def error_of(example: Example, run: Runner) -> str | None:
    """How the gradient differs from the slope; None where it does not."""
    try:
        found = run(gradient(example), example.program.arguments)
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    if not all(np.isfinite(g.values).all() for g in found):
        return "the gradient is not finite"
    terms = [g.values * t.values for g, t in zip(found, example.tangents, strict=True)]
    slope, size = (float(sum(map(np.sum, x))) for x in (terms, map(abs, terms)))
    if abs(slope - example.slope) <= 1e-6 * size + AGREE * example.scale:
        return None
    return f"the slope is {slope!r} by the gradient, {example.slope!r} by differences"


def disagreement(example: Example) -> str | None:
    """How the symbolic gradient differs from that of JAX, wherever JAX gives one."""
    pairs = [by_xla(gradient(example, ad), example.program.arguments) for ad in ("symbolic", "jax")]
    for ours, theirs in zip(*pairs, strict=True):
        there = np.isfinite(theirs.values)
        size = abs(theirs.values[there]).max(initial=example.scale * 1e-3)
        if not np.allclose(ours.values[there], theirs.values[there], 1e-10, 1e-10 * size):
            return f"symbolic {ours.values}, delegated {theirs.values}"
    return None


def asymmetry(example: Example, rng: Rng) -> str | None:
    """How <u, H v> differs from <v, H u>, forward over reverse; None where it does not."""
    example = _connected(example)
    product = xgrad.hessian_vector_product(example.cost.__call__, example.wrt)
    us, vs = (tuple([_tangent(rng, t) for t in example.tangents]) for _ in range(2))
    found = [by_rewritten(product, [*example.program.arguments, along]) for along in (us, vs)]
    (first, size), (second, _) = _pairing(vs, found[0]), _pairing(us, found[1])
    if abs(first - second) <= 1e-9 * (size + example.scale):
        return None
    return f"<v, H u> = {first!r}, <u, H v> = {second!r}"


@quiet()
def _connected(example: Example) -> Example:
    """The example by those arguments alone that its cost depends on."""
    found = xgrad.grad_status(
        example.cost.__call__, *example.program.arguments, argnums=example.wrt
    )
    kept = [k for k, status in enumerate(found) if status.connected]
    return example._replace(
        wrt=tuple([example.wrt[k] for k in kept]),
        tangents=tuple([example.tangents[k] for k in kept]),
    )


def _pairing(a: Sequence[xr.DataArray], b: Sequence[xr.DataArray]) -> tuple[float, float]:
    terms = [x.values * y.values for x, y in zip(a, b, strict=True)]
    return float(sum(map(np.sum, terms))), float(sum([abs(t).sum() for t in terms]))


def smallest(example: Example, fails: Callable[[Example], Any]) -> Example:
    """The example with as few steps as still fail."""
    smaller = True
    while smaller:
        smaller = False
        for place in reversed(range(len(example.program.steps))):
            candidate = _with_program(example, without_step(example.program, place))
            if candidate is not None and fails(candidate):
                example, smaller = candidate, True
                break
    return example


@quiet()
def _with_program(example: Example, program: Program) -> Example | None:
    return example_of(program, np.random.default_rng(0)) if program.steps else None
