"""``grad`` of symbolic arrays: its options, as they are described where PyTensor users know them from."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import xarray as xr

import xgrad as xg
from xgrad.errors import DisconnectedWarning
from xgrad.gradient.status import GradStatus


def symbol(name, dtype="float64", **sizes):
    return xg.xtensor(name, dims=tuple(sizes), shape=sizes, dtype=dtype)


X, W = symbol("x", a=3, b=4), symbol("w", b=4)
RNG = np.random.default_rng(7)
XV, WV = RNG.normal(size=(3, 4)), RNG.normal(size=4)


def value(expression):
    return np.asarray(xg.function([X, W], expression, ad="auto")(XV, WV))


def named(expression, name):
    return expression.rename(name)


def test_one_several_and_other_containers():
    cost = (X * W).sum()
    assert isinstance(xg.grad(cost, X), xr.DataArray)
    assert isinstance(xg.grad(cost, [X]), list) and isinstance(xg.grad(cost, (X, W)), tuple)
    nested = xg.grad(cost, {"a": X, "b": [W]})
    np.testing.assert_allclose(value(nested["b"][0]), XV.sum(0))
    dataset = xg.grad(cost, xr.Dataset({"u": X, "v": W}))
    np.testing.assert_allclose(value(dataset["v"]), XV.sum(0))


def test_names():
    cost = named((X * W).sum(), "cost")
    assert xg.grad(cost, X).name == "d(cost)/d(x)"
    assert xg.grad(cost, X, add_names=False).name == "x"
    assert xg.grad(cost.rename(None), X).name is None


def test_intermediate_values_in_any_layout():
    y = X * W
    cost = (y.transpose() ** 2).sum()
    for shown in (y, y.transpose(), y.expand_dims("new")):
        slope = xg.grad(cost, shown)
        assert slope.dims == shown.dims
        expected = xr.DataArray(2 * XV * WV, dims=("a", "b"))
        np.testing.assert_allclose(
            value(slope.squeeze()), expected.transpose(*slope.squeeze().dims)
        )


def test_a_variable_computed_from_another_gets_its_total_derivative():
    y = named(X * W, "y")
    dx, dy = xg.grad((y**2).sum() + X.sum(), [X, y])
    np.testing.assert_allclose(value(dy), 2 * XV * WV)
    np.testing.assert_allclose(value(dx), 2 * XV * WV**2 + 1)


def test_consider_constant():
    y = named(X * W, "y")
    cost = (y * X).sum()
    np.testing.assert_allclose(value(xg.grad(cost, X)), 2 * XV * WV)
    np.testing.assert_allclose(value(xg.grad(cost, X, consider_constant=[y])), XV * WV)
    np.testing.assert_allclose(value(xg.grad(cost, X, consider_constant=[W])), 2 * XV * WV)


def test_known_grads():
    y, z = named(X * W, "y"), named(np.sin(X), "z")
    from_y = xg.grad(None, X, known_grads=[(y, z)])
    np.testing.assert_allclose(value(from_y), np.sin(XV) * WV)
    both = xg.grad(None, [X, y], known_grads=[(y, np.ones((3, 4))), (z, 2 * X)])
    np.testing.assert_allclose(value(both[0]), WV + 2 * XV * np.cos(XV))
    np.testing.assert_allclose(value(both[1]), np.ones((3, 4)))


def test_known_grads_take_the_place_of_what_the_cost_sends():
    y = named(X * W, "y")
    cost = (y**2).sum() + (3 * X).sum()
    found = xg.grad(cost, [X, y], known_grads=[(y, np.ones((3, 4)))])
    np.testing.assert_allclose(value(found[0]), WV + np.full((3, 4), 3.0))
    np.testing.assert_allclose(value(found[1]), np.ones((3, 4)))


def test_a_known_gradient_of_a_value_computed_from_another_known_one():
    y = named(X * W, "y")
    z = named(y**2, "z")
    found = xg.grad(None, X, known_grads=[(z, np.ones((3, 4))), (y, 5 * np.ones((3, 4)))])
    np.testing.assert_allclose(
        value(found), 5 * np.broadcast_to(WV, (3, 4))
    )  # z stops at y, whose gradient is known


def test_known_gradients_without_effect_on_wrt_of_values_that_the_cost_uses():
    v, y = named(2 * W, "v"), named(X * W, "y")
    cost = (v * X).sum()
    on_the_way = xg.grad(cost, X, known_grads=[(v, np.ones(4))])
    np.testing.assert_allclose(value(on_the_way), np.broadcast_to(2 * WV, (3, 4)))
    beside = xg.grad(cost, X, known_grads=[(y, np.ones((3, 4)))])
    np.testing.assert_allclose(value(beside), np.broadcast_to(3 * WV, (3, 4)))


def test_what_is_disconnected():
    cost = X.sum()
    options = {"disconnected_inputs": "ignore"}
    np.testing.assert_array_equal(value(xg.grad(cost, W, **options)), np.zeros(4))
    assert xg.grad(cost, [X, W], return_disconnected="none", **options)[1] is None
    status = xg.grad(cost, [X, W], return_disconnected="disconnected", **options)[1]
    assert isinstance(status, GradStatus) and not status.connected
    with pytest.warns(DisconnectedWarning) as caught:
        np.testing.assert_array_equal(
            value(xg.grad(cost, W, disconnected_inputs="warn")), np.zeros(4)
        )
    assert str(caught[0].message) == (
        "the cost does not depend on the values of `w`: it is not used.\n"
        "Differentiate with respect to something that the cost uses,"
        ' or pass disconnected_inputs="ignore" for zeros.'
    )
    assert caught[0].filename == __file__


def test_null_gradients_are_returned_as_their_status():
    bad = xg.undefined_grad(W)
    dx, dw = xg.grad((X * bad).sum(), [X, W], null_gradients="return")
    np.testing.assert_allclose(value(dx), np.broadcast_to(WV, (3, 4)))
    assert isinstance(dw, GradStatus) and dw.connected and dw.definition.value == "undefined"


def test_one_node_per_call():
    slopes = xg.grad((np.exp(X) * W).sum(), [X, W])
    text = xg.dprint(*slopes, file="str")
    assert text.count("Pullback.0") == 1 and "Pullback.1" in text


def test_integers_have_float_gradients():
    n = symbol("n", "int64", b=4)
    slope = xg.grad((X * n).sum(), n)
    assert slope.dtype == np.float64
    np.testing.assert_allclose(xg.function([X, n], slope)(XV, np.arange(4)), XV.sum(0))


@pytest.mark.parametrize("ad", ["symbolic", "jax", "auto"])
def test_routes_per_call(ad):
    found = value(xg.grad((np.sin(X) * W).sum(), X, ad=ad))
    np.testing.assert_allclose(found, np.cos(XV) * WV)


# ---- renamed variables ---------------------------------------------------------------------------------------------
MADE = {
    "concat": lambda: xr.concat([X, X], "a"),
    "pad": lambda: X.pad(a=(1, 1), constant_values=0.0),
    "index": lambda: X.isel(a=xr.DataArray([0, 2], dims="a")),
    "slice": lambda: X.isel(a=slice(0, 2)),
    "stack": lambda: X.stack(a2=("a", "b")).drop_vars(["a2", "a", "b"]).rename(a2="a"),
    "renamed input": lambda: X.rename(a="a0").rename(a0="a"),
}


@pytest.mark.parametrize("case", MADE)
def test_a_gradient_by_what_is_renamed_later(case):
    y = MADE[case]()
    cost = (y.rename(a="c") ** 2).sum() + (y.rename(a="c").rename(c="d") * 3.0).sum()
    slope = xg.grad(cost, y)
    assert slope.dims == y.dims
    np.testing.assert_allclose(value(slope), 2 * value(y) + 3.0)


def test_swapped_names():
    y = named(X.isel(b=slice(0, 3)), "y")
    cost = (y.rename(a="b", b="a") * y).sum()
    values = XV[:, :3]
    np.testing.assert_allclose(value(xg.grad(cost, y)), values.T + values.T)


# ---- pullback, pushforward, subgraph_grad --------------------------------------------------------------------------
def test_pullback_of_symbols():
    y, z = named(X * W, "y"), named(np.sin(X).sum("a"), "z")
    cy, cz = RNG.normal(size=(3, 4)), RNG.normal(size=4)
    dx, dw = xg.pullback([y, z], (X, W), [xr.DataArray(cy.T, dims=("b", "a")), cz])
    with jax.enable_x64(True):
        _, pull = jax.vjp(lambda x, w: (x * w, jnp.sin(x).sum(0)), XV, WV)
        expected = pull((jnp.asarray(cy), jnp.asarray(cz)))
    for mine, theirs in zip((dx, dw), expected, strict=True):
        np.testing.assert_allclose(value(mine), theirs)
    assert xg.Lop is xg.pullback and xg.Rop is xg.pushforward


def test_pushforward_of_symbols_is_the_adjoint():
    y = named(X * W, "y")
    tx, tw, cy = RNG.normal(size=(3, 4)), RNG.normal(size=4), RNG.normal(size=(3, 4))
    moved = xg.pushforward(y, (X, W), (tx, tw))
    assert moved.dims == y.dims
    np.testing.assert_allclose(value(moved), tx * WV + XV * tw)
    dx, dw = xg.pullback(y, (X, W), cy)
    np.testing.assert_allclose(
        (value(moved) * cy).sum(), (value(dx) * tx).sum() + (value(dw) * tw).sum()
    )


def test_outputs_without_a_tangent():
    y, n = named(X * 2, "y"), named(W * 3, "n")
    tangents = xg.pushforward([y, n], X, np.ones((3, 4)), disconnected_outputs="ignore")
    np.testing.assert_array_equal(value(tangents[1]), np.zeros(4))
    found = xg.pushforward(
        {"y": y, "n": n},
        X,
        np.ones((3, 4)),
        disconnected_outputs="ignore",
        return_disconnected="none",
    )
    assert found["n"] is None


def test_subgraph_grad_piece_by_piece():
    y = named(np.exp(X) * W, "y")
    cost = (y**2).sum()
    (dx, dw), (dy,) = xg.subgraph_grad([X, W], [y], cost=cost + W.sum())
    np.testing.assert_array_equal(value(dx), np.zeros((3, 4)))
    np.testing.assert_array_equal(value(dw), np.ones(4))
    (dx, dw), _ = xg.subgraph_grad([X, W], [], start=[(y, dy)], cost=W.sum())
    whole = xg.grad(cost + W.sum(), [X, W])
    np.testing.assert_allclose(value(dx), value(whole[0]))
    np.testing.assert_allclose(value(dw), value(whole[1]))


def test_subgraph_grad_with_details():
    y = named(X * W, "y")
    found = xg.subgraph_grad([W], [], start=[(y, np.ones((3, 4)))], cost=(W**2).sum(), details=True)
    grads, ends, from_start, from_cost = found
    assert ends == []
    np.testing.assert_allclose(value(from_start[0]), XV.sum(0))
    np.testing.assert_allclose(value(from_cost[0]), 2 * WV)
    np.testing.assert_allclose(value(grads[0]), XV.sum(0) + 2 * WV)
