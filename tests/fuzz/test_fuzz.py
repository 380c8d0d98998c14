"""Random labeled programs under the trace against eager xarray. A failure prints its seed and the smallest program."""

import numpy as np
import pytest

from tests.fuzz.inputs import World
from tests.fuzz.operations import OPERATIONS
from tests.fuzz.programs import (
    Program,
    Runner,
    Step,
    by_reference,
    by_xla,
    make_program,
    mismatch,
    shrink,
)

LENGTH = 5


def check(seed: int, run: Runner) -> None:
    """Fail with the smallest program that does."""
    program = make_program(np.random.default_rng(seed), LENGTH)
    if mismatch(program, run) is not None:
        small = shrink(program, run)
        pytest.fail(f"seed {seed}: {mismatch(small, run)}\n{small}", pytrace=False)


@pytest.mark.parametrize("block", range(10))
def test_interpreted(block: int) -> None:
    for seed in range(20 * block, 20 * block + 20):
        check(seed, by_reference)


@pytest.mark.parametrize("seed", range(10_000, 10_008))
def test_compiled(seed: int) -> None:
    check(seed, by_xla)


@pytest.mark.slow
@pytest.mark.parametrize("block", range(20))
def test_many_interpreted(block: int) -> None:
    for seed in range(100 * block, 100 * block + 100):
        check(seed, by_reference)


@pytest.mark.slow
@pytest.mark.parametrize("block", range(12))
def test_many_compiled(block: int) -> None:
    for seed in range(10_000 + 10 * block, 10_010 + 10 * block):
        check(seed, by_xla)


def test_programs_use_every_operation() -> None:
    """No operation is always refused: a thousand programs have each of them."""
    used = {
        s.operation
        for seed in range(600)
        for s in make_program(np.random.default_rng(seed), LENGTH).steps
    }
    assert sorted(set(OPERATIONS) - used) == []


def test_a_failure_shrinks_to_the_step_that_fails() -> None:
    x = World(np.random.default_rng(0)).array(np.random.default_rng(1))
    steps = [Step("unary", (0,), {"f": np.negative})]
    steps += [Step("unary", (i,), {"f": f}) for i, f in enumerate([np.abs, np.square], 1)]

    def fails_at_squares(function: Program, arguments: object) -> object:
        if any(s.params["f"] is np.square for s in function.__self__.steps):  # pyright: ignore
            raise AssertionError("squares")
        return function(*arguments)

    program = Program((x,), frozenset(), tuple(steps))
    assert [s.params["f"] for s in shrink(program, fails_at_squares).steps] == [np.square]
