"""Programs of thousands of operations: no recursion anywhere, and as many nodes as the program has, not more."""

import sys

import numpy as np
import xarray as xr

import xgrad as xg
from xgrad.lower.pipeline import compile_graph
from xgrad.transforms.calls.trace import trace_function

X = xr.DataArray([0.1, 0.2, 0.3], {"x": [1, 2, 3]}, ("x",))


def chain(length):
    def cost(x):
        for i in range(length):
            x = np.sin(x) * (1 + i / length)
        return x.sum(skipna=False)

    return cost


def nodes(length):
    traced = trace_function(xg.grad(chain(length)).fun, (X,), {})
    return len(compile_graph(traced.graph).optimised.nodes)


def test_a_gradient_longer_than_the_recursion_limit():
    length = 2 * sys.getrecursionlimit()
    assert nodes(length) - nodes(length // 2) == 2 * (nodes(length // 2) - nodes(length // 4))


def test_the_reference_interpreter_runs_it():
    gradient = xg.grad(chain(50))
    np.testing.assert_allclose(gradient.reference(X), gradient(X), rtol=1e-12)
