"""What is subtracted before exponentials are taken and cancels is left out; what does not cancel is not."""

import numpy as np
import pytest

from tests.lower.cases import (
    AbstractRuleTests,
    Case,
    assert_fires_and_keeps_the_value,
)
from xgrad.axes import elementwise as e
from xgrad.axes.constants import full_like
from xgrad.axes.reduce import All, Max, Sum
from xgrad.axes.softmax import LogSoftmax, Logsumexp, Softmax, WeightedLogsumexp
from xgrad.axes.spread import expand
from xgrad.lower.canonical import CANONICAL
from xgrad.lower.rules.shifts import SHIFTS

NAN, INF = np.nan, np.inf
Z = np.array([[0.3, -1.2, 2.0], [NAN, 0.5, 1.0], [NAN, NAN, NAN], [-INF, 800.0, 801.0]])
C = np.array([0.7, -2.0, 1.0, NAN])
W = np.array([[0.5, 2.0, 1.5]] * 4)
ARRAYS = (Z, C, W)
COLUMN = np.array([0.1, 0.2, 0.3])


def wide(c):
    return expand(c, Z.shape, (0,))


def less(x, c):
    return e.Subtract()(x, wide(c))


def filled(x, value=-INF):
    return e.Where()(e.IsNan()(x), full_like(x, value), x)


def greatest(x):
    """As ``max`` skips what is missing: NaN where nothing is there."""
    top = Max((1,))(filled(x))
    return e.Where()(All((1,))(e.IsNan()(x)), full_like(top, NAN), top)


def masked(d, share):
    return e.Where()(e.IsNan()(d), full_like(d, NAN), share(filled(d)))


def total(x):
    return Logsumexp((1,))(x)


def weighted(x, w):
    return WeightedLogsumexp((1,))(x, w)


add, subtract = e.Add(), e.Subtract()
shares = {"": Softmax((1,)), "log_": LogSoftmax((1,))}

CASES = {
    "softmax_shifted": Case(
        lambda z, c, w: shares[""](less(z, c)),
        lambda z, c, w: shares[""](subtract(z, w)),
    ),
    "log_softmax_shifted": Case(
        lambda z, c, w: shares["log_"](less(z, c)),
        lambda z, c, w: LogSoftmax((0,))(less(z, c)),
    ),
    "softmax_mask_shifted": Case(
        lambda z, c, w: masked(less(z, greatest(z)), shares[""]),
        lambda z, c, w: masked(less(z, c), shares[""]),
    ),
    "log_softmax_mask_shifted": Case(
        lambda z, c, w: masked(less(z, greatest(z)), shares["log_"]),
        lambda z, c, w: masked(less(z, greatest(w)), shares["log_"]),
    ),
    "logsumexp_shifted": Case(
        lambda z, c, w: add(c, total(less(z, c))),
        lambda z, c, w: add(greatest(w), total(less(z, c))),
    ),
    "logsumexp_shifted_less": Case(
        lambda z, c, w: add(subtract(total(filled(less(z, c))), Sum((1,))(w)), c),
        lambda z, c, w: add(subtract(Sum((1,))(w), total(less(z, c))), c),
    ),
    "logsumexp_shifted_plus": Case(
        lambda z, c, w: add(c, add(Sum((1,))(w), total(less(z, c)))),
        lambda z, c, w: subtract(add(Sum((1,))(w), total(less(z, c))), c),
    ),
    "weighted_logsumexp_shifted": Case(
        lambda z, c, w: add(c, weighted(less(z, c), w)),
        lambda z, c, w: add(c, weighted(w, less(z, c))),
    ),
    "weighted_logsumexp_shifted_less": Case(
        lambda z, c, w: add(subtract(weighted(less(z, c), w), Sum((1,))(w)), c),
        lambda z, c, w: add(subtract(weighted(z, w), Sum((1,))(w)), c),
    ),
    "weighted_logsumexp_shifted_plus": Case(
        lambda z, c, w: add(c, add(Sum((1,))(w), weighted(less(z, c), w))),
        lambda z, c, w: add(c, add(Sum((1,))(w), weighted(z, w))),
    ),
}


class TestRules(AbstractRuleTests):
    table, cases, arrays, rules = SHIFTS, CASES, ARRAYS, CANONICAL


# Whatever is subtracted, and whatever is missing: the value stays.
SHIFT = {
    "anything": lambda z, c: c,
    "the greatest, skipping": lambda z, c: greatest(z),
    "the greatest": lambda z, c: Max((1,))(z),
    "the greatest, -inf where nothing is": lambda z, c: Max((1,))(filled(z)),
    "the greatest of other values": lambda z, c: greatest(e.Negative()(z)),
}


@pytest.mark.parametrize("shift", SHIFT)
@pytest.mark.parametrize("share", shares)
@pytest.mark.parametrize("skipping", [False, True])
def test_the_value_stays(shift, share, skipping):
    def expression(z, c, w):
        d = less(z, SHIFT[shift](z, c))
        return masked(d, shares[share]) if skipping else shares[share](d)

    name = f"{share}softmax_shifted"
    case = Case(expression, expression, mends=True)
    assert_fires_and_keeps_the_value(name, case, ARRAYS, CANONICAL)


def test_the_greatest_of_all_is_constant_along_each_row():
    def expression(z, c, w):
        return Softmax((1,))(subtract(z, expand(Max((0, 1))(filled(z)), Z.shape, ())))

    case = Case(expression, expression)
    assert_fires_and_keeps_the_value("softmax_shifted", case, ARRAYS, CANONICAL)
