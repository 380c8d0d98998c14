"""Random programs: made against eager xarray, run traced, compared, and made smaller where they fail."""

import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

import numpy as np
import xarray as xr

import xgrad
from tests.fuzz.inputs import Rng, World
from tests.fuzz.operations import OPERATIONS

Runner = Callable[[Callable[..., Any], Sequence[xr.DataArray]], Any]
LARGEST = 1e6  # beyond, the rounding of different orders would show


class Step(NamedTuple):
    """``operation`` applied to earlier values: the inputs come first, then the results of steps."""

    operation: str
    places: tuple[int, ...]
    params: dict[str, Any]

    def __str__(self) -> str:
        values = ", ".join([f"v{i}" for i in self.places])
        return f"{self.operation}({values}, {self.params})"


class Program(NamedTuple):
    """Inputs, of which those in ``captured`` are constants to the function, and steps."""

    inputs: tuple[xr.DataArray, ...]
    captured: frozenset[int]
    steps: tuple[Step, ...]

    def __call__(self, *arguments: xr.DataArray) -> dict[str, xr.DataArray]:
        """The results of all steps."""
        given = iter(arguments)
        values = [x if i in self.captured else next(given) for i, x in enumerate(self.inputs)]
        for step in self.steps:
            found = [values[i] for i in step.places]
            values.append(OPERATIONS[step.operation].apply(*found, **step.params))
        return {f"v{i}": v for i, v in enumerate(values) if i >= len(self.inputs)}

    @property
    def arguments(self) -> list[xr.DataArray]:
        return [x for i, x in enumerate(self.inputs) if i not in self.captured]

    def __str__(self) -> str:
        lines = [
            f"v{i}{' (captured)' if i in self.captured else ''} = {x!r}"
            for i, x in enumerate(self.inputs)
        ]
        lines += [f"v{i} = {s}" for i, s in enumerate(self.steps, len(self.inputs))]
        return "\n".join(lines)


@contextmanager
def quiet() -> Iterator[None]:
    """What xarray and NumPy warn of is no matter here."""
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        yield


def eagerly(program: Program) -> dict[str, xr.DataArray]:
    """What eager xarray makes of it."""
    return program(*program.arguments)


# ---- making ------------------------------------------------------------------------------------------------------


@quiet()
def make_program(rng: Rng, length: int) -> Program:
    """A program of up to ``length`` steps, every one of which eager xarray accepts."""
    world = World(rng)
    inputs = [world.array(rng) for _ in range(rng.integers(1, 4))]
    if rng.random() < 0.3:
        inputs.append(inputs[0])  # the same object twice
    captured = frozenset(i for i in range(1, len(inputs)) if rng.random() < 0.2)
    program = Program(tuple(inputs), captured, ())
    values, exact = list(inputs), [True] * len(inputs)
    for _ in range(4 * length):
        step = _draw_step(rng, values, exact)
        value = None if step is None else _value(values, step)
        if step is None or value is None:
            continue
        program = program._replace(steps=(*program.steps, step))
        values.append(value)
        exact.append(OPERATIONS[step.operation].exact and all(exact[i] for i in step.places))
        if len(program.steps) == length:
            break
    return program


def _draw_step(rng: Rng, values: Sequence[xr.DataArray], exact: Sequence[bool]) -> Step | None:
    name = list(OPERATIONS)[rng.integers(len(OPERATIONS))]
    operation = OPERATIONS[name]
    recent = [i for i in range(len(values)) for _ in range(1 + (i == len(values) - 1) * 2)]
    places = tuple([int(recent[rng.integers(len(recent))]) for _ in range(operation.arity)])
    if operation.needs_exact and not all(exact[i] for i in places):
        return None
    try:
        return Step(name, places, operation.draw(rng, *[values[i] for i in places]))
    except (ValueError, IndexError):  # no dim, no coord, nothing to pick from
        return None


def _value(values: Sequence[xr.DataArray], step: Step) -> xr.DataArray | None:
    """What eager xarray gives for a step, if it does and numbers stay small."""
    found = [values[i] for i in step.places]
    try:
        value = OPERATIONS[step.operation].apply(*found, **step.params)
    except Exception:  # eager xarray refuses: for whatever reason, it is no program
        return None
    if not isinstance(value, xr.DataArray) or value.dtype.kind not in "fib" or value.size > 2000:
        return None
    return value if not np.any(abs(value.values.astype(float)) > LARGEST) else None


# ---- running and comparing ---------------------------------------------------------------------------------------


def by_reference(function: Callable[..., Any], arguments: Sequence[xr.DataArray]) -> Any:
    return xgrad.jit(function).reference(*arguments)


def by_xla(function: Callable[..., Any], arguments: Sequence[xr.DataArray]) -> Any:
    return xgrad.jit(function)(*arguments)


@quiet()
def mismatch(program: Program, run: Runner) -> str | None:
    """How the traced program differs from the eager one; None where it does not."""
    want = eagerly(program)
    try:
        got = run(program.__call__, program.arguments)
        for name in want:
            assert_same(got[name], want[name])
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    return None


def assert_same(got: xr.DataArray, want: xr.DataArray) -> None:
    """Identical, with floats equal but for rounding."""
    for name, variable in [("", want.variable), *want._coords.items()]:
        mine = got.variable if name == "" else got._coords[name]
        assert mine.dtype == variable.dtype, f"dtype {mine.dtype} for {variable.dtype} of {name!r}"
        assert mine.dims == variable.dims, f"dims {mine.dims} for {variable.dims} of {name!r}"
        if variable.dtype.kind == "f":
            rtol = 2e-4 if variable.dtype == np.float32 else 1e-8
            size = float(abs(variable.values[np.isfinite(variable.values)]).max(initial=1.0))
            np.testing.assert_allclose(mine.values, variable.values, rtol, rtol * size)
    floats = {
        k: c.variable
        for k, c in want.coords.items()
        if c.dtype.kind == "f" and k not in want.indexes
    }
    same = got.assign_coords(floats)
    same = same.copy(data=want.values) if want.dtype.kind == "f" else same
    xr.testing.assert_identical(same, want)
    assert list(got.coords) == list(want.coords) or set(got.coords) == set(want.coords)


# ---- shrinking ---------------------------------------------------------------------------------------------------


@quiet()
def shrink(program: Program, run: Runner) -> Program:
    """The program with as few steps as still fail."""
    smaller = True
    while smaller:
        smaller = False
        for place in reversed(range(len(program.steps))):
            candidate = without_step(program, place)
            if candidate.steps and _fails(candidate, run):
                program, smaller = candidate, True
                break
    return program


def without_step(program: Program, place: int) -> Program:
    """The program less one step; what used its result uses its first operand."""
    gone, stand_in = len(program.inputs) + place, program.steps[place].places[0]

    def moved(i: int) -> int:
        return stand_in if i == gone else i - (i > gone)

    rest = [s for k, s in enumerate(program.steps) if k != place]
    return program._replace(
        steps=tuple([s._replace(places=tuple(map(moved, s.places))) for s in rest])
    )


def _fails(program: Program, run: Runner) -> bool:
    try:
        eagerly(program)
    except Exception:  # no program any more
        return False
    return mismatch(program, run) is not None
