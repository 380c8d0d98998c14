"""What tests of rule tables share: a rule fires on one expression, keeps its value, and leaves a near miss alone."""

from collections.abc import Callable, Mapping, Sequence
from typing import ClassVar, NamedTuple

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


class AbstractRuleTests:
    """The tests of every rule of ``table``, each with its case, as ``rules`` apply them to ``arrays``."""

    table: ClassVar[Rules]
    cases: ClassVar[Mapping[str, Case]]
    arrays: ClassVar[Sequence[np.ndarray]]
    rules: ClassVar[Rules]
    rtol: ClassVar[float] = 1e-12

    def test_every_rule_has_a_case(self):
        assert sorted({r.name for r in self.table.rules} ^ set(self.cases)) == []

    def test_rule_fires_and_keeps_the_value(self, name):
        case = self.cases[name]
        assert_fires_and_keeps_the_value(name, case, self.arrays, self.rules, self.rtol)

    def test_near_miss_is_left_alone(self, name):
        assert name not in names_fired(self.cases[name].near, self.arrays, self.rules)

    def test_rule_is_switched_off_by_name(self, name):
        rules = self.rules.without((name,))
        assert name not in names_fired(self.cases[name].fires, self.arrays, rules)
