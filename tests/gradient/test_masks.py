"""Where-safe cotangents: an infinity or NaN of a derivative behind a mask never leaks."""

import numpy as np
import pytest

from tests.gradient.small import gradient, graph_of, pullback_graph, pushforward_graph, run
from xgrad.axes import elementwise as e
from xgrad.axes.cumulative import CumLogsumexp, CumProd
from xgrad.axes.reduce import Prod, sum_
from xgrad.axes.structural import constant, expand, permute, reshape, slice_axis
from xgrad.gradient.masks import masked, scale

X = np.array([-1.0, 0.0, 2.0])
FUNCTIONS = {
    "log": (e.log, lambda x: 1 / x),
    "sqrt": (e.sqrt, lambda x: 0.5 / np.sqrt(x)),
    "reciprocal": (e.reciprocal, lambda x: -1 / x**2),
    "log of log1p": (lambda x: e.log(e.log1p(x)), lambda x: 1 / (np.log1p(x) * (1 + x))),
    "through a permutation": (lambda x: _detour(e.log(x)), lambda x: 1 / x),
}


def _detour(x):
    return reshape(permute(reshape(x, (3, 1)), (1, 0)), (3,))


def positive(f):
    def fun(x):
        zero = e.zeros_like(x)
        return sum_(e.where(e.greater(x, zero), f(x), zero), (0,))

    return fun


@pytest.mark.parametrize("name", FUNCTIONS)
def test_masked_branch_has_gradient_zero(name):
    f, slope = FUNCTIONS[name]
    np.testing.assert_allclose(gradient(positive(f), X), [0, 0, slope(2.0)], rtol=1e-14)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_masked_else_branch_too(name):
    f, slope = FUNCTIONS[name]

    def fun(x):
        zero = e.zeros_like(x)
        return sum_(e.where(e.LessEqual()(x, zero), zero, f(x)), (0,))

    np.testing.assert_allclose(gradient(fun, X), [0, 0, slope(2.0)], rtol=1e-14)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_second_derivative_is_finite_both_ways(name):
    inner = pullback_graph(graph_of(positive(FUNCTIONS[name][0]), X))
    for outer in (pullback_graph, pushforward_graph):
        arguments = (X, np.ones(()), np.ones(3))
        (second,) = run(outer(inner), *arguments)
        assert np.isfinite(second).all()
        assert second[0] == second[1] == 0


def test_mask_survives_broadcasting():
    """where(mask over (a, b), log(x over a), 0): a row cut off as a whole gets zero, not 0 * inf."""
    mask = np.array([[False, False], [True, False], [True, True]])

    def fun(x, m):
        y = expand(e.log(x), (3, 2), (0,))
        return sum_(e.where(m, y, e.zeros_like(y)), (0, 1))

    x = np.array([0.0, 3.0, 2.0])
    (ct,) = run(pullback_graph(graph_of(fun, x, mask)), x, mask, np.ones(()))
    np.testing.assert_allclose(ct, [0, 1 / 3, 1])


def test_scale_keeps_nested_masks_outermost():
    x = graph_of(lambda x: x, X).inputs[0]
    m, n = e.greater(x, e.zeros_like(x)), e.less(x, e.ones_like(x))
    ct = e.where(m, e.where(n, e.zeros_like(x), x), e.zeros_like(x))
    outer = masked(scale(ct, x))
    assert outer is not None and outer.mask is m and outer.keep
    inner = masked(outer.value)
    assert inner is not None and inner.mask is n and not inner.keep


# ---- sums of masked cotangents: no one mask says what is cut off ---------------------------------------------------
def two_terms(x):
    """Both where(x > 0, log x, 0) and where(x > 1, log x, 0): at 0 both are cut off, and neither mask is the other."""
    zero = e.zeros_like(x)
    y = e.log(x)
    above = e.where(e.greater(x, zero), y, zero)
    return sum_(e.add(above, e.where(e.greater(x, e.ones_like(x)), e.multiply(y, y), zero)), (0,))


def test_a_sum_of_masked_terms_is_cut_off_where_all_are():
    np.testing.assert_allclose(gradient(two_terms, X), [0, 0, (1 + 2 * np.log(2)) / 2])


def test_what_is_zero_by_chance_keeps_its_second_derivative():
    """The cotangent of each (x - 1) is zero at 1, and no mask has made it so."""

    def fun(x):
        zero, d = e.zeros_like(x), e.subtract(x, e.ones_like(x))
        square = e.multiply(d, d)
        parts = [e.where(test(x, zero), square, zero) for test in (e.greater, e.NotEqual())]
        return sum_(e.multiply(e.add(*parts), e.exp(x)), (0,))

    x = np.array([1.0, 0.0])
    inner = pullback_graph(graph_of(fun, x))
    for outer in (pullback_graph, pushforward_graph):
        (second,) = run(outer(inner), x, np.ones(()), np.array([1.0, 0.0]))
        np.testing.assert_allclose(second, [4 * np.e, 0], rtol=1e-12)


def test_through_maximum_and_reductions():
    zero = np.array([0.0, 2.0])

    def relu(x):
        return sum_(e.maximum(e.log(x), e.zeros_like(x)), (0,))

    np.testing.assert_allclose(gradient(relu, zero), [0, 0.5])

    def product(x):
        p = Prod((0,))(e.log(x))
        return e.where(e.greater(p, e.ones_like(p)), p, e.zeros_like(p))

    np.testing.assert_allclose(gradient(product, zero), [0, 0])


def first(cost, x, v):
    return gradient(cost, x)


def hessian_product(cost, x, v):
    return run(pullback_graph(pullback_graph(graph_of(cost, x))), x, np.ones(()), v)[0]


# ---- running products: a hole is a factor of all that is after it, and of nothing before it ------------------------
CHOICES = {  # what an objective sees of the running products before position k
    "masked": lambda p, k: e.where(_before(p, k), p, e.zeros_like(p)),
    "masked squares": lambda p, k: e.where(_before(p, k), e.multiply(p, p), e.zeros_like(p)),
    "sliced": lambda p, k: slice_axis(p, 0, 0, k),
    "the finite ones": lambda p, k: e.where(e.IsFinite()(p), p, e.zeros_like(p)),
}


def _before(x, k):
    return constant(np.arange(x.type.shape[0]) < k)


RUNNING = {"products": CumProd(0), "totals": CumLogsumexp()}


@pytest.mark.parametrize("running", RUNNING)
@pytest.mark.parametrize("choice", CHOICES)
@pytest.mark.parametrize("place", [0, 2, 4])
@pytest.mark.parametrize("hole", [np.nan, np.inf])
def test_a_hole_spoils_no_gradient_of_what_runs_before_it(hole, place, choice, running):
    x, v = np.array([2.0, -3.0, 0.5, 4.0, 1.5]), np.linspace(-1, 2, 5)
    x[place] = hole
    kept = slice(place)

    def cost(x):
        return sum_(CHOICES[choice](RUNNING[running](x), place), (0,))

    for derivative in (first, hessian_product):
        found = derivative(cost, x, v)
        np.testing.assert_allclose(found[kept], derivative(cost, x[kept], v[kept]), rtol=1e-12)
        np.testing.assert_array_equal(found[place:], 0)


@pytest.mark.parametrize("running", RUNNING)
def test_what_counts_for_nothing_by_chance_is_not_cut_off(running):
    """The gradient by x is linear in the weights, where they are zero, too."""
    x, v, one = np.array([2.0, -3.0, 0.5, 4.0]), np.linspace(1, 2, 4), np.ones(())

    def cost(x, w):
        total = e.multiply(w, RUNNING[running](x))
        return sum_(e.where(_before(x, 3), total, e.zeros_like(total)), (0,))

    def by_weights(w):
        slope = pullback_graph(graph_of(cost, x, w), (0,))
        return run(pullback_graph(slope, (1,)), x, w, one, v)[0]

    found = by_weights(np.array([1.0, 0, 0, 0]))
    np.testing.assert_allclose(found, by_weights(np.ones(4)), rtol=1e-12)
