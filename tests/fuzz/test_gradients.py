"""Gradients of random labeled programs: against differences of eager xarray, against JAX, and their own derivatives.

The quick tests take a sample; ``-m slow`` takes 800 gradients, 100 comparisons with JAX and 80 Hessians.
"""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

from tests.fuzz.gradients import (
    Example,
    asymmetry,
    by_rewritten,
    by_xla,
    disagreement,
    error_of,
    make_example,
    smallest,
)

LENGTH = 5


def examples(seed: int, count: int) -> Iterator[tuple[int, Example]]:
    """The first programs from a seed on that have a slope, each with its own seed."""
    while count:
        example = make_example(np.random.default_rng(seed), LENGTH)
        if example is not None:
            yield seed, example
            count -= 1
        seed += 1


def check(seed: int, count: int, error: Callable[[Example], Any]) -> None:
    """Fail with the smallest program that does."""
    for own, example in examples(seed, count):
        if error(example) is not None:
            small = smallest(example, error)
            pytest.fail(f"seed {own}: {error(small)}\n{small.program}", pytrace=False)


def rewritten(example: Example) -> str | None:
    return error_of(example, by_rewritten)


def compiled(example: Example) -> str | None:
    return error_of(example, by_xla)


def asymmetric(example: Example) -> str | None:
    return asymmetry(example, np.random.default_rng(1))


@pytest.mark.parametrize("block", range(4))
def test_gradients_are_the_slopes_of_eager_xarray(block: int) -> None:
    check(1000 * block, 6, rewritten)


def test_compiled_gradients_are_the_slopes_of_eager_xarray() -> None:
    check(50_000, 4, compiled)


def test_symbolic_and_delegated_gradients_agree() -> None:
    check(60_000, 3, disagreement)


def test_hessians_are_symmetric() -> None:
    check(70_000, 8, asymmetric)


@pytest.mark.slow
@pytest.mark.parametrize("block", range(20))
def test_many_gradients_are_the_slopes_of_eager_xarray(block: int) -> None:
    check(1000 * block, 40, rewritten)


@pytest.mark.slow
@pytest.mark.parametrize("block", range(10))
def test_many_symbolic_and_delegated_gradients_agree(block: int) -> None:
    check(60_000 + 100 * block, 10, disagreement)


@pytest.mark.slow
@pytest.mark.parametrize("block", range(8))
def test_many_hessians_are_symmetric(block: int) -> None:
    check(70_000 + 100 * block, 10, asymmetric)


def test_programs_are_of_many_kinds() -> None:
    """Every number of dims from none to three, by names; most of the operations; and few costs that are flat."""
    found = [example for _, example in examples(0, 30)]
    ndims = {example.program.arguments[i].ndim for example in found for i in example.wrt}
    operations = {step.operation for example in found for step in example.program.steps}
    assert ndims == {0, 1, 2, 3}
    assert len(operations) > 30
    assert sum(abs(example.slope) > 1e-3 for example in found) > 20
