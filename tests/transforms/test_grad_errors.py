"""What is said where there is no gradient, or where it is asked for wrongly: whole messages, to be read aloud."""

import inspect

import numpy as np
import pytest
import xarray as xr

import xgrad as xg
from xgrad.axes.special import Polygamma
from xgrad.errors import (
    AlignmentError,
    ArgumentError,
    CostNotScalarError,
    DimensionError,
    DisconnectedInputError,
    GradNotImplementedError,
    GradUndefinedError,
    SizeMismatchError,
)
from xgrad.labels import unwrap, wrap
from xgrad.names import build


def symbol(name, dtype="float64", coords=None, **sizes):
    return xg.xtensor(name, dims=tuple(sizes), shape=sizes, dtype=dtype, coords=coords)


X, W = symbol("x", a=3, b=4), symbol("w", b=4)
N = symbol("n", "int64", s=2)
L = symbol("l", coords={"b": list("pqrs")}, b=4)
COST = (X * W).sum()
Y = (X * W).rename("y")


def polygamma(n, x):
    order = build.cast(unwrap(n.data), np.float64)
    return xr.DataArray(wrap(build.elemwise(Polygamma(), order, unwrap(x.data))), dims=x.dims)


def taken(x, n):
    return x.isel(b=n).sum()


def special(x, n):
    m = n * 2
    return polygamma(m, x).sum()


FUNCTIONS = {  # words in capitals stand for lines of this file
    "unused": (
        DisconnectedInputError,
        lambda: xg.grad(lambda x, y: (x**2).sum(), 1)(np.ones(3), np.ones(3)),
        "the cost does not depend on the values of `y`: it is not used.\n"
        "Differentiate with respect to something that the cost uses,"
        ' or pass disconnected_inputs="ignore" for zeros.',
    ),
    "an index": (
        DisconnectedInputError,
        lambda: xg.grad(taken, 1)(
            xr.DataArray(np.ones((3, 4)), dims=("a", "b")), xr.DataArray([1, 2], dims="s")
        ),
        "the cost does not depend on the values of `n`: `n` only decides which values of `x` are taken"
        " (XIndex(b=[…]), TAKEN).\n"
        "Differentiate with respect to something that the cost uses,"
        ' or pass disconnected_inputs="ignore" for zeros.',
    ),
    "undefined": (
        GradUndefinedError,
        lambda: xg.grad(special, 1)(xr.DataArray(np.ones(3), dims="a"), xr.DataArray(2)),
        "the gradient with respect to `n` is undefined: the order of polygamma is an integer"
        " (XElemwise polygamma).\n"
        "Its values go through XElemwise multiply, DOUBLED; XElemwise cast(float64);"
        " XElemwise polygamma; XElemwise where, SPECIAL; XReduce sum(a), SPECIAL.\n"
        "Take it out of what is differentiated, or hold it constant on the way: xgrad.disconnected_grad(...).",
    ),
    "not implemented": (
        GradNotImplementedError,
        lambda: xg.grad(lambda x: xg.apply_host(np.sin, x))(2.0),
        "the gradient with respect to `x` is not implemented: a host function has the gradient that"
        " apply_host(..., pullback=...) is given, and by floats alone (XBlockwise HostCall(sin): () → (), AT).\n"
        "Take it out of what is differentiated, or hold it constant on the way: xgrad.disconnected_grad(...).",
    ),
    "a cost with dims": (
        CostNotScalarError,
        lambda: xg.grad(lambda x: x**2)(xr.DataArray(np.ones((2, 3)), dims=("time", "city"))),
        "the cost has dims (time: 2, city: 3); a gradient needs a 0-d cost.\n"
        "Sum or average over them first, or use xgrad.jacobian for the derivative of every element.",
    ),
    "a Dataset as cost": (
        CostNotScalarError,
        lambda: xg.grad(lambda x: xr.Dataset({"a": x}))(1.0),
        "the cost is a Dataset; a gradient needs one 0-d array.\n"
        "Return one number, for instance the sum of its variables.",
    ),
    "no cost at all": (
        CostNotScalarError,
        lambda: xg.grad(lambda x: None)(1.0),
        "the cost is a NoneType; a gradient needs one 0-d array of numbers.\n"
        "Return the cost itself, and other results beside it with has_aux=True.",
    ),
    "no such argument": (
        ArgumentError,
        lambda: xg.grad(taken, 2)(1.0, 2.0),
        "argnums=2 of taken: it was called with 2 positional arguments.\n"
        "Pass the argument by position, or change argnums.",
    ),
    "an argument twice": (
        ArgumentError,
        lambda: xg.grad(taken, (0, 0)),
        "argnums=(0, 0) names an argument twice; name each once.",
    ),
    "no numbers": (
        ArgumentError,
        lambda: xg.grad(lambda how, x: x.sum())("mean", np.ones(3)),
        "`how` holds no numbers: there is nothing to differentiate with respect to.",
    ),
    "strings": (
        ArgumentError,
        lambda: xg.grad(lambda x: 1.0)(xr.DataArray(["a", "b"], dims="x")),
        "`x` holds strings: there is nothing to differentiate with respect to.",
    ),
    "dates": (
        ArgumentError,
        lambda: xg.grad(lambda t: 1.0)(
            xr.DataArray(np.array(["2001-01-01"], "datetime64[ns]"), dims="x")
        ),
        "`t` holds dates: pass numbers to differentiate with respect to, (t - t[0]) / np.timedelta64(1, 'D').",
    ),
    "symbols of a function": (
        ArgumentError,
        lambda: xg.grad(taken, consider_constant=[X]),
        "consider_constant and known_grads name symbolic arrays, which grad(taken) does not see yet.\n"
        "Use them inside the function, on its arrays; or hold a value constant with xgrad.disconnected_grad(...).",
    ),
}

GRAPHS = {
    "not in the graph": (
        DisconnectedInputError,
        lambda: xg.grad(X.sum(), W),
        "the cost does not depend on the values of `w`: it is not used.\n"
        "Differentiate with respect to something that the cost uses,"
        ' or pass disconnected_inputs="ignore" for zeros.',
    ),
    "held constant": (
        DisconnectedInputError,
        lambda: xg.grad((Y**2).sum(), W, consider_constant=[Y]),
        "the cost does not depend on the values of `w`: it is used only through `y`, which this call holds constant.\n"
        "Differentiate with respect to something that the cost uses,"
        ' or pass disconnected_inputs="ignore" for zeros.',
    ),
    "twice": (
        ArgumentError,
        lambda: xg.grad(COST, [X, W, X]),
        "wrt has `x` twice; name each array once.",
    ),
    "not symbolic": (
        ArgumentError,
        lambda: xg.grad(COST, xr.DataArray(1.0)),
        "wrt must be a symbolic array (xgrad.xtensor, or a value inside a traced function), not DataArray.",
    ),
    "broadcast": (
        ArgumentError,
        lambda: xg.grad(COST, W.expand_dims(new=2)),
        "`w` repeats a smaller array along a dim it was broadcast to.\n"
        "Take the derivative with respect to the array before it was broadcast.",
    ),
    "consider_constant": (
        ArgumentError,
        lambda: xg.grad(COST, X, consider_constant=[N]),
        "consider_constant has `n`, which is no part of the graph that is differentiated.\n"
        "Leave it out, or pass the very array that the cost was computed from.",
    ),
    "disconnected_inputs": (
        ArgumentError,
        lambda: xg.grad(COST, X, disconnected_inputs="rais"),
        "disconnected_inputs must be one of 'raise', 'warn', 'ignore'; got 'rais'; did you mean 'raise'?",
    ),
    "return_disconnected": (
        ArgumentError,
        lambda: xg.grad(COST, X, return_disconnected="zeros"),
        "return_disconnected must be one of 'zero', 'none', 'disconnected'; got 'zeros'; did you mean 'zero'?",
    ),
    "null_gradients": (
        ArgumentError,
        lambda: xg.grad(COST, X, null_gradients=None),
        "null_gradients must be one of 'raise', 'return'; got None.",
    ),
    "ad": (
        ArgumentError,
        lambda: xg.grad(COST, X, ad="numeric"),
        "ad must be one of 'auto', 'symbolic', 'jax'; got 'numeric'.",
    ),
    "nothing to start from": (
        ArgumentError,
        lambda: xg.grad(None, X),
        "grad(None, wrt) needs known_grads to start from; or pass a cost.",
    ),
    "known_grads": (
        ArgumentError,
        lambda: xg.grad(None, X, known_grads=[Y]),
        "known_grads must be pairs (array, its gradient): a list of them, since DataArrays cannot be keys of a dict.",
    ),
    "known_grads of another graph": (
        ArgumentError,
        lambda: xg.grad(COST, X, known_grads=[(N, np.ones(2))]),
        "known_grads has `n`, which is no part of the graph that is differentiated.\n"
        "Leave it out, or pass the very array that the cost was computed from.",
    ),
    "known_grads beside others": (
        ArgumentError,
        lambda: xg.grad(None, X, known_grads=[(Y, np.ones((3, 4))), (N, np.ones(2))]),
        "known_grads has `n`, which is no part of the graph that is differentiated.\n"
        "Leave it out, or pass the very array that the cost was computed from.",
    ),
    "known_grads, dims": (
        DimensionError,
        lambda: xg.grad(None, X, known_grads=[(Y, W)]),
        "the known_grads of `y` have the dims ('b',); `y` has ('a', 'b').",
    ),
    "known_grads, shape": (
        SizeMismatchError,
        lambda: xg.grad(None, X, known_grads=[(Y, np.ones((4, 3)))]),
        "the known_grads of `y` have the shape (4, 3); `y` has (a: 3, b: 4).",
    ),
    "cotangents, dims": (
        DimensionError,
        lambda: xg.pullback(Y, X, xr.DataArray(np.ones((3, 4)), dims=("a", "c"))),
        "the cotangents of `y` have the dims ('a', 'c'); `y` has ('a', 'b').",
    ),
    "cotangents, size": (
        SizeMismatchError,
        lambda: xg.pullback(Y, X, xr.DataArray(np.ones((3, 5)), dims=("a", "b"))),
        "the cotangents of `y` have size 5 along 'b'; `y` has 4.",
    ),
    "cotangents, labels": (
        AlignmentError,
        lambda: xg.pullback(
            (L * 2).rename("m"), L, xr.DataArray(np.ones(4), dims="b", coords={"b": list("pqrt")})
        ),
        "the cotangents of `m` have other labels along 'b' than `m`.\n"
        "Align them first: values.reindex_like(array).",
    ),
    "cotangents, containers": (
        ArgumentError,
        lambda: xg.pullback([Y, W], X, np.ones((3, 4))),
        "the cotangents must come in the containers of what they belong to: 2 arrays (y, w); got 1 in a ndarray.",
    ),
    "tangents of an output": (
        DisconnectedInputError,
        lambda: xg.pushforward(W.rename("v") * 2, X, np.ones((3, 4))),
        "the output `v` does not depend on the values of `x`.\n"
        'Leave it out, or pass disconnected_outputs="ignore" for zeros.',
    ),
    "disconnected_outputs": (
        ArgumentError,
        lambda: xg.pushforward(Y, X, np.ones((3, 4)), disconnected_outputs="no"),
        "disconnected_outputs must be one of 'raise', 'warn', 'ignore'; got 'no'; did you mean 'ignore'?",
    ),
    "subgraph_grad": (
        ArgumentError,
        lambda: xg.subgraph_grad([X], [Y]),
        "subgraph_grad needs a cost, or known gradients to start from.",
    ),
    "pullback of a function": (
        ArgumentError,
        lambda: xg.pullback(taken, X, N, null_gradients="return"),
        "pullback of a function takes no option 'null_gradients'; it is one of pullback(outputs, wrt, cotangents).",
    ),
    "explain": (
        ArgumentError,
        lambda: xg.explain(Y, X, W),
        "of symbolic arrays, ask for one wrt (or a list of them): (outputs, wrt); got 2 arguments after the outputs.",
    ),
}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_functions(name):
    cls, call, expected = FUNCTIONS[name]
    with pytest.raises(cls) as error:
        call()
    lines = {"AT": (call, 0), "TAKEN": (taken, 1), "DOUBLED": (special, 1), "SPECIAL": (special, 2)}
    for word, (function, further) in lines.items():
        line = inspect.getsourcelines(function)[1] + further
        expected = expected.replace(word, f"test_grad_errors.py:{line}")
    assert str(error.value) == expected


@pytest.mark.parametrize("name", GRAPHS)
def test_graphs(name):
    cls, call, expected = GRAPHS[name]
    with pytest.raises(cls) as error:
        call()
    assert str(error.value) == expected


def test_the_classes_are_those_that_numpy_and_xarray_users_expect():
    assert issubclass(DisconnectedInputError, ValueError)
    assert issubclass(GradUndefinedError, TypeError)
    assert issubclass(GradNotImplementedError, NotImplementedError)
    assert issubclass(CostNotScalarError, TypeError)
    assert issubclass(xg.errors.GradientError, AssertionError)
