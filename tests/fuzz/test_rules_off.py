"""Each rule switched off in turn: programs compute the same without it, values and gradients."""

import itertools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest
import xarray as xr

import xgrad
from benchmarks.accuracy import DIM, XARRAY
from benchmarks.accuracy_table import TABLE, Expression
from tests.fuzz.programs import make_program, mismatch, quiet
from xgrad.axes.interpret import evaluate
from xgrad.lower.pipeline import compile_graph
from xgrad.transforms.calls.trace import trace_function
from xgrad.transforms.tree import flatten

LENGTH = 5


class Rewritten:
    """Runs functions by NumPy on the graph that would be compiled; ``fired`` are the rules that made the last one."""

    def __init__(self, disabled: Sequence[str] = ()) -> None:
        self.disabled = tuple(disabled)
        self.fired: list[str] = []

    def __call__(self, function: Callable[..., Any], arguments: Sequence[xr.DataArray]) -> Any:
        with xgrad.options(disable=self.disabled):
            traced = trace_function(function, tuple(arguments), {})
            stages = compile_graph(traced.graph, "symbolic")
        self.fired = sorted({f.rule for f in stages.rewrites})
        assert not set(self.fired) & set(self.disabled)
        arrays = [np.asarray(x.values) for x in flatten(tuple(arguments))[0]]
        return traced.result.build(evaluate(stages.optimised, arrays))


def check(seed: int, most: int) -> None:
    """A random program with all rules, then with one of those that fired off, for ``most`` of them."""
    program = make_program(np.random.default_rng(seed), LENGTH)
    everything = Rewritten()
    assert mismatch(program, everything) is None, f"seed {seed}\n{program}"
    chosen = np.random.default_rng(seed).permutation(everything.fired)[:most]
    for rule in chosen:
        wrong = mismatch(program, Rewritten([str(rule)]))
        assert wrong is None, f"seed {seed} without {rule}: {wrong}\n{program}"


@pytest.mark.parametrize("block", range(4))
def test_programs_without_a_rule(block: int) -> None:
    for seed in range(20_000 + 10 * block, 20_010 + 10 * block):
        check(seed, most=2)


@pytest.mark.slow
@pytest.mark.parametrize("block", range(40))
def test_many_programs_without_each_rule(block: int) -> None:
    for seed in range(30_000 + 10 * block, 30_010 + 10 * block):
        check(seed, most=1000)


def moderate(e: Expression, rng: np.random.Generator) -> list[xr.DataArray]:
    """Arguments with the signs of those in the table, where the formula as written is accurate."""
    signs = [np.sign(np.array(a)) + (np.array(a) == 0) for a in e.arguments]
    return [
        xr.DataArray(s * rng.uniform(0.2, 0.9, s.shape), dims=(DIM,) if s.shape else ())
        for s in signs
    ]


def value_and_gradient(e: Expression, rewritten: Rewritten, arguments: Any) -> list[np.ndarray]:
    function = xgrad.value_and_grad(
        lambda *x: e.function(XARRAY, *x), argnums=tuple(range(len(arguments)))
    )
    value, gradient = rewritten(function.fun, arguments)
    return [value.values, *[g.values for g in gradient]]


@quiet()
def test_stable_forms_without_each_of_their_rules() -> None:
    for number, e in enumerate(TABLE):
        everything = Rewritten()
        draws = (moderate(e, np.random.default_rng((number, k))) for k in itertools.count())
        arguments = next(a for a in draws if np.isfinite(e.function(XARRAY, *a)))
        want = value_and_gradient(e, everything, arguments)
        for rule in everything.fired:
            for a, b in zip(value_and_gradient(e, Rewritten([rule]), arguments), want, strict=True):
                np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-12, err_msg=f"{e}: {rule}")
