"""Sums taken together: the same values and derivatives, in fewer reductions."""

import jax
import numpy as np

from tests.jax_backend import graphs
from xgrad.axes.arithmetic import multiply
from xgrad.axes.constants import constant
from xgrad.axes.logic import less
from xgrad.axes.loops import While
from xgrad.axes.spread import Sums, expand, sum_
from xgrad.axes.transcendental import exp
from xgrad.graph import Graph, check
from xgrad.jax_backend.emit import emit
from xgrad.jax_backend.sums import taken_together


def groups(graph):
    """How many sums are taken together in each node that does."""
    return [len(node.inputs) for node in graph.nodes if isinstance(node.op, Sums)]


def several():
    """Two sums at once, and one of what the first of them gave; one of a short vector, one of an array."""
    x, y, short, array = graphs.var(21), graphs.var(21), graphs.var(5), graphs.var(21, 2)
    first, second = sum_(multiply(x, y), (0,)), sum_(exp(x), (0,))
    later = sum_(multiply(expand(first, (21,), ()), y), (0,))
    return Graph([x, y, short, array], [later, second, first, sum_(short, (0,)), sum_(array, (0,))])


def looped():
    """``x`` doubles until it is long; neither the sums by ``y`` alone nor the count change what it is."""
    x, y = graphs.var(), graphs.var(16)
    row = multiply(expand(x, (16,), ()), y)
    total = sum_(multiply(row, row), (0,))
    kept, also = sum_(y, (0,)), sum_(multiply(y, y), (0,))
    larger = multiply(x, multiply(multiply(total, sum_(row, (0,))), multiply(kept, also)))
    condition = Graph([x, y], [less(x, constant(np.float64(1e3)))])
    start, given = graphs.var(), graphs.var(16)
    loop = While(condition, Graph([x, y], [larger]), 1)
    return Graph([start, given], loop.apply(start, given))


def test_sums_that_need_not_one_another_are_one_reduction(rng):
    graph = several()
    together = check(taken_together(graph))
    assert groups(together) == [2, 1]
    arrays = graphs.arrays_for(graph, rng)
    with jax.enable_x64(True):
        for got, want in zip(emit(together)(*arrays), emit(graph)(*arrays), strict=True):
            np.testing.assert_allclose(got, want, rtol=1e-13)
        reductions = str(jax.make_jaxpr(emit(together))(*arrays)).count(" = reduce[")
    assert reductions == 6  # of each of the two: in lanes, across them, what is left over


def test_loops_keep_what_does_not_change_in_sums_of_its_own():
    (node,) = taken_together(looped()).nodes
    assert isinstance(node.op, While)
    assert groups(node.op.body) == [2, 2]


def test_derivatives_of_jax(rng):
    y = rng.uniform(1, 2, 16)

    def pushed(graph):
        with jax.enable_x64(True):
            return jax.jvp(lambda x: emit(graph)(x, y)[0], (1.5,), (1.0,))

    np.testing.assert_allclose(pushed(taken_together(looped())), pushed(looped()), rtol=1e-12)
