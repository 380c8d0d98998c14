"""``grad_status`` and ``explain``: the table of gradients.md, row by row, and the cases of the old discussions."""

import numpy as np
import pytest
import xarray as xr

import xgrad as xg
from xgrad.axes.special import Polygamma
from xgrad.errors import TracedValueError
from xgrad.gradient.status import Definition, Edge, GradStatus, grad_status
from xgrad.graph import Graph, Var
from xgrad.labels import unwrap, wrap
from xgrad.names import build

YES, NO = True, False
DEFINED, UNDEFINED, MISSING = Definition.DEFINED, Definition.UNDEFINED, Definition.NOT_IMPLEMENTED
NONE, ZEROS = "none", "zeros"


def symbol(name, dtype="float64", **sizes):
    return xg.xtensor(name, dims=tuple(sizes), shape=sizes, dtype=dtype)


X, Y, P = symbol("x", t=4), symbol("y", t=4), symbol("p", "int64", s=2)
I, J = symbol("i", "int64", t=4), symbol("j", "int64", t=4)  # noqa: E741
B = symbol("b", "bool", t=4)
K, S = symbol("k", "int64"), symbol("s")


def polygamma(n, x):
    op, order = Polygamma(), build.cast(unwrap(n.data), np.float64)
    return xr.DataArray(wrap(build.elemwise(op, order, unwrap(x.data))), dims=x.dims)


def searchsorted(edges, x):
    found = np.searchsorted(edges.data, x.data)
    return xr.DataArray(found, dims=x.dims)


def host(x):
    return xg.apply_host(np.sin, x)


def counted(start, step):
    """``arange(start, stop, step)`` where the size is known: that is what ``stop`` decides."""
    return start + step * xr.DataArray(np.arange(4), dims="t")


KEY = xg.xtensor("key", dims=("word",), shape=(2,), dtype="uint32")


def drawn(draw, *parameters):
    return draw(KEY, {"t": 4}, *parameters)


VALUES = {
    "x": [0.3, 1.7, -2.2, 0.9],
    "y": [1.5, 0.2, -1.0, 4.0],
    "i": [2, 0, 3, 1],
    "j": [1, 2, 2, 5],
}
VALUES |= {"b": [True, False, True, True], "k": 2, "s": 1.5, "key": [0, 7]}

# an expression, the variable, connected, definition, and the gradient of its sum: numbers, zeros or none
TABLE = {
    "int * int, first": (I * J, I, YES, DEFINED, ZEROS),
    "int * int, second": (I * J, J, YES, DEFINED, ZEROS),
    "int * float, the int": (I * X, I, YES, DEFINED, VALUES["x"]),
    "slice start": (X.isel(t=K), K, NO, UNDEFINED, NONE),
    "integer index": (X.isel(t=I), I, NO, UNDEFINED, NONE),
    "take": (xr.apply_ufunc(np.take, X, I), I, NO, UNDEFINED, NONE),
    "gather": (
        xr.apply_ufunc(np.take_along_axis, X, I, kwargs={"axis": 0}),
        I,
        NO,
        UNDEFINED,
        NONE,
    ),
    "permutation": (X.isel(t=xr.apply_ufunc(np.argsort, Y)), Y, NO, UNDEFINED, NONE),
    "written index": (xg.at(X)[{"t": I}].set(0.0), I, NO, UNDEFINED, NONE),
    "indexed values": (X.isel(t=I), X, YES, DEFINED, [1.0, 1.0, 1.0, 1.0]),
    "comparison, left": ((X > Y) * 1.0, X, YES, DEFINED, ZEROS),
    "comparison, right": ((X > Y) * 1.0, Y, YES, DEFINED, ZEROS),
    "equality": ((X == Y) * 1.0, X, YES, DEFINED, ZEROS),
    "logical": ((B & (X > 0)) * 1.0, B, YES, DEFINED, ZEROS),
    "floor": (np.floor(X), X, YES, DEFINED, ZEROS),
    "ceil": (np.ceil(X), X, YES, DEFINED, ZEROS),
    "round": (X.round(), X, YES, DEFINED, ZEROS),
    "sign": (np.sign(X), X, YES, DEFINED, ZEROS),
    "cast to int": (X.astype(int) * 1.0, X, YES, DEFINED, ZEROS),
    "argmax": (X.argmax("t") * 1.0, X, YES, DEFINED, ZEROS),
    "argsort": (xr.apply_ufunc(np.argsort, X) * 1.0, X, YES, DEFINED, ZEROS),
    "searchsorted": (searchsorted(X, Y) * 1.0, Y, YES, DEFINED, ZEROS),
    "count": (X.count("t") * 1.0, X, YES, DEFINED, ZEROS),
    "where, c": (xr.where(B, X, Y), B, YES, DEFINED, ZEROS),
    "where, x": (xr.where(B, X, Y), X, YES, DEFINED, [1.0, 0.0, 1.0, 1.0]),
    "where, y": (xr.where(B, X, Y), Y, YES, DEFINED, [0.0, 1.0, 0.0, 0.0]),
    "clip, x": (X.clip(-1, 1), X, YES, DEFINED, [1.0, 0.0, 0.0, 1.0]),
    "clip, lo": (xr.apply_ufunc(np.clip, X, Y, 9.0), Y, YES, DEFINED, [1.0, 0.0, 1.0, 1.0]),
    "clip, hi": (xr.apply_ufunc(np.clip, X, -9.0, Y), Y, YES, DEFINED, [0.0, 1.0, 0.0, 0.0]),
    "maximum": (np.maximum(X, Y), X, YES, DEFINED, [0.0, 1.0, 0.0, 0.0]),
    "maximum, ties share": (np.maximum(X, X.copy()), X, YES, DEFINED, [1.0, 1.0, 1.0, 1.0]),
    "cast int to float": (I.astype(float), I, YES, DEFINED, [1.0, 1.0, 1.0, 1.0]),
    "cast bool to float": (B.astype(float), B, YES, DEFINED, [1.0, 1.0, 1.0, 1.0]),
    "polygamma, n": (polygamma(K, Y**2), K, YES, UNDEFINED, NONE),
    "polygamma, x": (polygamma(K, Y**2), Y, YES, DEFINED, None),
    "order of an exponential integral": (xg.special.expn(K, Y**2), K, YES, UNDEFINED, NONE),
    "exponential integral, x": (xg.special.expn(K, Y**2), Y, YES, DEFINED, None),
    "arange, start": (counted(S, 1.0), S, YES, DEFINED, 4.0),
    "arange, step": (counted(0.0, S), S, YES, DEFINED, 6.0),
    "arange of integers, start": (counted(K, 1), K, YES, DEFINED, ZEROS),
    "arange of integers, step": (counted(0, K), K, YES, DEFINED, ZEROS),
    "a draw, its location": (drawn(xg.random.normal, S, 2.0), S, YES, DEFINED, 4.0),
    "a draw, its scale": (drawn(xg.random.normal, 0.0, S), S, YES, DEFINED, None),
    "a draw, a shape": (drawn(xg.random.gamma, S), S, YES, DEFINED, None),
    "a draw, a probability": (drawn(xg.random.beta, S, 2.0), S, YES, DEFINED, None),
    "a draw, its key": (drawn(xg.random.normal, S, 2.0), KEY, YES, UNDEFINED, NONE),
    "a discrete draw, its rate": (drawn(xg.random.poisson, S) * 1.0, S, YES, UNDEFINED, NONE),
    "a discrete draw, its key": (drawn(xg.random.poisson, S) * 1.0, KEY, YES, UNDEFINED, NONE),
    "pow, base": (abs(X) ** Y, X, YES, DEFINED, None),
    "pow, exponent": (abs(X) ** Y, Y, YES, DEFINED, None),
    "disconnected_grad": (xg.disconnected_grad(X), X, NO, DEFINED, ZEROS),
    "zero_grad": (xg.zero_grad(X), X, YES, DEFINED, ZEROS),
    "undefined_grad": (xg.undefined_grad(X), X, YES, UNDEFINED, NONE),
    "host function": (host(X), X, YES, MISSING, NONE),
    "unused": (X, Y, NO, DEFINED, ZEROS),
}


@pytest.mark.parametrize("row", TABLE)
def test_the_table(row):
    expression, wrt, connected, definition, _ = TABLE[row]
    status = xg.grad_status(expression, wrt)
    assert (status.connected, status.definition) == (connected, definition)
    assert status.reason


@pytest.mark.parametrize("row", TABLE)
def test_the_gradients_of_the_table(row):
    expression, wrt, connected, definition, expected = TABLE[row]
    cost = expression.astype(float).sum()
    options = {"disconnected_inputs": "ignore", "null_gradients": "return"}
    if expected is NONE:
        options["return_disconnected"] = "disconnected"
        found = xg.grad(cost, wrt, **options)
        assert isinstance(found, GradStatus)
        assert (found.connected, found.definition) == (connected, definition)
        return
    found = xg.grad(cost, wrt, **options)
    assert found.dtype == np.float64 and found.dims == wrt.dims
    if expected is None:
        return  # the values are those of the contract tests
    inputs = [X, Y, I, J, B, K, S, KEY]
    value = xg.function(inputs, found)(*[np.array(VALUES[v.name], v.dtype) for v in inputs])
    np.testing.assert_allclose(value, np.zeros(wrt.shape) if expected is ZEROS else expected)


# sizes and places that shapes are made of are numbers when a function is traced: a symbol is refused, by what it does
REFUSED = {
    "full, the size": lambda n: np.zeros(n.data),
    "eye, the size": lambda n: np.eye(n.data),
    "eye, the offset": lambda n: np.eye(3, k=n.data),
    "diagonal, the offset": lambda n: np.diagonal(np.eye(3) * S.data, n.data),
    "arange, the stop": lambda n: np.arange(n.data),
    "number of repeats": lambda n: np.repeat(X.data, n.data),
    "split sizes": lambda n: np.split(X.data, [n.data]),
    "roll amount": lambda n: X.roll(t=n.data),
    "shift amount": lambda n: X.shift(t=n.data),
    "window size": lambda n: X.rolling(t=n.data).sum(),
    "axis": lambda n: np.sum(X.data, axis=n.data),
    "slice stop": lambda n: X.data[: n.data],
    "axis of a concatenation": lambda n: np.concatenate([X.data, X.data], axis=n.data),
    "axis of a sort": lambda n: np.sort(X.data, axis=n.data),
    "axis of an argsort": lambda n: np.argsort(X.data, axis=n.data),
    "offset of a filled diagonal": lambda n: np.eye(4, k=n.data) * S.data + X.data,
    "matrix_power, the exponent": lambda n: np.linalg.matrix_power(np.eye(2) * S.data, n.data),
}


@pytest.mark.parametrize("row", REFUSED)
def test_what_decides_a_shape_cannot_be_traced(row):
    with pytest.raises(TracedValueError) as error:
        REFUSED[row](symbol("n", "int64"))  # of its own: what is refused may have been rebound
    assert "which are not known while the function is traced" in str(error.value)


def test_a_discrete_output_makes_steps():
    assert xg.grad_status(I.sum() * 1.0, I).connected
    g = xg.function([I], xg.grad(I.sum() * 1.5, I))([1, 2, 3, 4])
    np.testing.assert_array_equal(g, np.zeros(4))


# ---- the discussions -----------------------------------------------------------------------------------------------
def test_the_four_cases_of_x_plus_one_and_polygamma():
    """x + 1, polygamma(y, 1): connected and defined are asked apart, and neither hides the other."""
    x, n, at = symbol("x"), symbol("n", "int64"), xg.constant(1.0)
    found = xg.grad_status([x + 1, polygamma(n, at)], [x, n])
    answers = [[(s.connected, s.definition) for s in row] for row in found]
    assert answers == [
        [(True, DEFINED), (False, UNDEFINED)],
        [(False, DEFINED), (True, UNDEFINED)],
    ]
    assert found[0][1].reason == "it is not used"
    assert found[1][1].reason == "the order of polygamma is an integer"


def test_a_split_and_the_same_slices_agree():
    """Where to cut only decides which values come, whether written as a split or as slices: static, or an index."""
    places = xr.DataArray(np.arange(2), dims="t")
    for taken in (X.isel(t=K), X.isel(t=places + K), X.isel(t=places - K)):
        assert xg.grad_status(taken, K)[:2] == (False, UNDEFINED)
        assert xg.grad_status(taken, X)[:2] == (True, DEFINED)
    mask = xr.where(
        xr.DataArray(np.arange(4), dims="t") < K, X, 0.0
    )  # the same by a comparison is a step
    assert xg.grad_status(mask, K)[:2] == (True, DEFINED)
    parts = {"split": np.split(X.data, [1]), "slices": (X.data[:1], X.data[1:])}
    for low, high in parts.values():
        cost = (low**2).sum() + high.sum()
        slope = xg.function(X, xg.grad(xr.DataArray(cost), X))(np.arange(1.0, 5.0))
        np.testing.assert_array_equal(slope, [2.0, 1.0, 1.0, 1.0])


def rows_permuted(x, order):
    """Each row by an order of its own."""
    return xr.apply_ufunc(np.take_along_axis, x, order, kwargs={"axis": -1})


# what the discussion finds inconsistent among operators: the same question has the same answer here
ALIKE = {
    "an index, however it is written": [
        (X.isel(t=I), I),
        (xr.apply_ufunc(np.take, X, I), I),
        (rows_permuted(X, I), I),
        (xg.at(X)[{"t": I}].set(0.0), I),
        (xg.at(X)[{"t": I}].add(1.0), I),
        (X.isel(t=K), K),
    ],
    "the key of a sort": [
        (X.isel(t=xr.apply_ufunc(np.argsort, Y)), Y),
        (
            xr.apply_ufunc(
                np.take_along_axis, X, xr.apply_ufunc(np.argsort, Y), kwargs={"axis": 0}
            ),
            Y,
        ),
    ],
}


@pytest.mark.parametrize("question", ALIKE)
def test_operators_that_do_the_same_have_the_same_status(question):
    found = [xg.grad_status(expression, wrt)[:2] for expression, wrt in ALIKE[question]]
    assert found == [(False, UNDEFINED)] * len(found)


def test_over_several_paths_one_that_is_connected_connects():
    both = X.isel(t=I) * I
    assert xg.grad_status(both, I)[:2] == (True, DEFINED)
    g = xg.function([X, I], xg.grad(both.sum(), I))(np.arange(4.0), [3, 2, 1, 0])
    np.testing.assert_array_equal(g, [3.0, 2.0, 1.0, 0.0])
    assert xg.grad_status(polygamma(K, Y) + K, K)[:2] == (True, UNDEFINED)


def test_along_a_path_the_first_loss_disconnects():
    status = xg.grad_status(np.sin(X.isel(t=xr.where(I > 1, I, 0)) ** 2), I)
    assert status[:2] == (False, UNDEFINED)
    flows = [e.flow.value for e in status.path]
    assert set(flows[: flows.index("position")]) == {"step", "value"}  # the second is a rename
    assert flows[flows.index("position") + 1 :] == ["value", "value"]
    assert status.decisive.op.startswith("XIndex")


def test_edges_name_flow_reason_and_line():
    status = xg.grad_status(X.isel(t=I), I)
    edge = status.path[-1]
    assert isinstance(edge, Edge) and edge.flow.value == "position"
    assert edge.reason == "`i` only decides which values of `x` are taken"
    assert edge.source.file == __file__
    head, *_, last = str(status).splitlines()
    assert head == "disconnected, undefined: `i` only decides which values of `x` are taken"
    assert last == (
        f"  position (`i` only decides which values of `x` are taken): {edge.op}  # {edge.source}"
    )


def test_the_flow_through_a_pullback_is_that_of_its_graph():
    slope = xg.grad((X.isel(t=I) ** 2 * Y).sum(), X)
    assert xg.grad_status(slope, X)[:2] == (True, DEFINED)
    assert xg.grad_status(slope, Y)[:2] == (True, DEFINED)
    assert xg.grad_status(slope, I)[:2] == (False, UNDEFINED)
    step = xg.grad(xr.where(X > Y, X**2, 0.0).sum(), X)
    assert xg.grad_status(step, Y)[:2] == (True, DEFINED)
    np.testing.assert_array_equal(
        xg.function([X, Y], xg.grad(step.sum(), Y))(np.ones(4), np.zeros(4)), np.zeros(4)
    )


def test_of_functions():
    def model(p, n):
        return {"a": p["u"] * n, "b": p["v"].isel(t=n)}

    ones, n = xr.DataArray(np.ones(4), dims="t"), xr.DataArray([0, 1], dims="s")
    found = xg.grad_status(model, {"u": ones, "v": ones}, n)
    assert found["a"]["u"][:2] == (True, DEFINED)
    assert found["a"]["v"].connected is False and found["a"]["v"].definition is DEFINED
    found = xg.grad_status(model, {"u": ones, "v": ones}, n, argnums=1)
    assert found["a"][:2] == (True, DEFINED) and found["b"][:2] == (False, UNDEFINED)
    assert found["b"].reason == "`n` only decides which values of `p['v']` are taken"
    both = xg.grad_status(model, {"u": ones, "v": ones}, n, argnums=(0, 1))
    assert both["b"][1][:2] == (False, UNDEFINED)
    inside = xg.jit(lambda n: xg.explain(lambda n: ones.isel(t=n), n).status[0].connected)
    assert inside(n) is False


def test_a_constant_is_disconnected():
    status = xg.grad_status(lambda x: {"y": x, "n": 3.0}, np.ones(2))
    assert status["y"].connected and status["n"][:3] == (False, DEFINED, "it is not used")


def test_explain_prints_a_tree():
    cost = (np.sin(X).sum() * X.isel(t=P)).rename("cost")
    line = cost.data.value.source
    text = str(xg.explain(cost, [X, P]))
    assert text.splitlines() == [
        "cost by x: connected, defined: its values pass",
        f"XElemwise multiply  # {line}",
        f"├─ value: XReduce sum(t)  # {line}",
        f"│  └─ value: XElemwise where  # {line}",
        f"│     ├─ step (the condition only chooses between the two): XElemwise is_nan  # {line}",
        f"│     │  └─ step (a truth value is constant between its jumps): XElemwise sin [1]  # {line}",
        "│     │     └─ value: x",
        "│     └─ value: XElemwise [1] ···",
        f"└─ value: XIndex(t=[…])  # {line}",
        "   └─ value: x",
        "",
        "cost by p: disconnected, undefined: `p` only decides which values of `x` are taken",
        f"XElemwise multiply  # {line}",
        f"└─ value: XIndex(t=[…])  # {line}",
        "   └─ position (`p` only decides which values of `x` are taken): p",
    ]


def test_explain_looks_into_pullbacks():
    slope = xg.grad((X**2 * Y).sum().rename("c"), X)
    text = str(xg.explain(slope, Y))
    assert text.startswith("d(c)/d(x) by y: connected, defined")
    assert "Pullback #0" in text and "#0: output 0 by y" in text


def test_explain_has_an_html_form():
    page = xg.explain(X > Y, X)._repr_html_()
    assert page.startswith('<div class="xgrad"><details open><summary')
    assert ">outputs by x: connected, defined: " in page.split("</summary>")[0]
    assert page.count("<pre") == 1


def test_long_chains_are_no_problem():
    v = x = Var(unwrap(X.data).type, name="x")
    for _ in range(3000):
        v = build.elemwise(Polygamma(), build.scalar(1.0), v)
    assert grad_status(Graph([x], [v]), 0, 0).connected
