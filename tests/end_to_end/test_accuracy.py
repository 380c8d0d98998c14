"""Values and gradients at extreme arguments against mpmath: the targets of benchmarks/accuracy.py."""

import pytest

from benchmarks.accuracy import TARGET, by_xgrad, errors
from benchmarks.accuracy_table import TABLE, Expression

QUICK = TABLE[::8]
REST = [e for e in TABLE if e not in QUICK]


def assert_accurate(e: Expression) -> None:
    measured = errors(e, by_xgrad(e))
    assert measured.value < TARGET, measured
    assert measured.gradient < TARGET, measured


def test_the_table_has_at_least_sixty_expressions():
    assert len(set(TABLE)) == len(TABLE) >= 60


@pytest.mark.parametrize("expression", QUICK, ids=str)
def test_some_expressions_are_accurate(expression: Expression):
    assert_accurate(expression)


@pytest.mark.slow
@pytest.mark.parametrize("expression", REST, ids=str)
def test_expressions_are_accurate(expression: Expression):
    assert_accurate(expression)
