"""What tests of rule tables share: a rule fires on one expression, keeps its value, and leaves a near miss alone."""

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from xgrad.axes.base import TensorType
from xgrad.axes.interpret import evaluate
from xgrad.graph import Graph, Rules, Var, check, rewrite

Expression = Callable[..., Var]


class Case(NamedTuple):
    """``fires`` is an expression of the inputs that the rule changes, ``near`` one that it must not.

    ``mends``: the rule gives numbers where the formula as written has NaN.
    """

    fires: Expression
    near: Expression
    mends: bool = False


def graph_of(expression: Expression, arrays: Sequence[np.ndarray]) -> Graph:
    inputs = [Var(TensorType(a.shape, a.dtype)) for a in arrays]
    return Graph(inputs, [expression(*inputs)])


def names_fired(expression: Expression, arrays: Sequence[np.ndarray], rules: Rules) -> set[str]:
    fired = []
    check(rewrite(graph_of(expression, arrays), rules, fired))
    return {f.rule for f in fired}


def assert_fires_and_keeps_the_value(
    name: str, case: Case, arrays: Sequence[np.ndarray], rules: Rules, rtol: float = 1e-12
) -> None:
    before = check(graph_of(case.fires, arrays))
    fired = []
    after = check(rewrite(before, rules, fired))
    assert name in {f.rule for f in fired}
    (old,), (new,) = evaluate(before, arrays), evaluate(after, arrays)
    assert old.dtype == new.dtype
    if case.mends and old.dtype.kind == "f":
        new = np.where(np.isnan(old), np.nan, new)
    np.testing.assert_allclose(new, old, rtol=rtol, atol=1e-15)


def rules_without_case(rules: Rules, cases: Mapping[str, Case]) -> list[str]:
    return sorted({r.name for r in rules.rules} ^ set(cases))
