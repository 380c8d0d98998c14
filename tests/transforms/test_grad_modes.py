"""The mode of every derivative is chosen by what it costs, may be asked for, and is shown."""

import numpy as np
import pytest
import xarray as xr

import xgrad as xg
from xgrad.axes.loops import Scan, While

X = xr.DataArray([0.1, 0.2, 0.3], dims="t", name="x")
RATE = xr.DataArray(0.5, name="rate")
HERE = "test_grad_modes.py"


def squares(c, _):
    return c**2, None


def last(rate):
    return xg.scan(squares, rate, length=4)[0]


def path(rate):
    return xg.scan(lambda c, _: (c * rate, c), rate, length=5)[1]


def cost(x):
    return (np.sin(x) * x.sum()).sum()


def loops(compiled, *args):
    graph = compiled.stages(*args).optimised
    return sum(isinstance(node.op, Scan | While) for node in graph.nodes)


def shown(compiled, *args):
    """What is chosen, without the lines of this file."""
    return [line.split("  #")[0] for line in compiled.stages(*args).derivatives]


def test_a_loop_by_one_number_is_pushed_forward():
    slope = xg.grad(last)
    assert shown(slope, RATE) == [
        "Pullback of 1 number by `rate` (1 number): forward mode, symbolic:"
        " by one number, a loop carries the derivative along"
    ]
    assert loops(slope, RATE) == 1
    np.testing.assert_allclose(slope(RATE), 16 * 0.5**15)


def test_a_loop_whose_wrt_is_smaller_than_its_cotangent_is_pushed_forward():
    @xg.jit
    def slope(rate, ct):
        return xg.pullback(path(rate), rate, ct)

    ct = xr.DataArray(np.arange(5.0), dims=path(RATE).dims)
    assert "forward mode" in shown(slope, RATE, ct)[0] and loops(slope, RATE, ct) == 1
    steps = np.arange(5)
    np.testing.assert_allclose(slope(RATE, ct), (steps * (steps + 1) * 0.5**steps).sum())


def test_by_many_numbers_a_loop_is_pulled_back():
    slope = xg.grad(lambda x: last(x).sum())
    assert shown(slope, X) == ["Pullback of 1 number by `x` (3 numbers): reverse mode, symbolic"]
    assert loops(slope, X) == 2


def test_hessian_products_are_forward_over_reverse():
    product = xg.hessian_vector_product(cost)
    outer, inner = shown(product, X, X)
    assert outer.startswith("Pushforward of 3 numbers") and outer.endswith("forward mode, symbolic")
    assert inner.startswith("  Pullback of 1 number by") and inner.endswith(
        "reverse mode, symbolic"
    )
    outer, inner = shown(xg.hessian(cost), X)
    assert outer.startswith("Pushforward") and inner.startswith("  Pullback")


def test_a_jacobian_takes_the_fewer_sweeps_and_mode_chooses_otherwise():
    wide, tall = lambda x: x.sum() ** 2, lambda a: a * X
    assert shown(xg.jacobian(wide), X)[0].startswith("Pullback")
    assert shown(xg.jacobian(tall), RATE)[0].startswith("Pushforward")
    assert shown(xg.jacobian(wide, mode="forward"), X)[0].startswith("Pushforward")
    assert shown(xg.jacobian(tall, mode="reverse"), RATE)[0].startswith("Pullback")
    for f, x in ((wide, X), (tall, RATE)):
        both = [xg.jacobian(f, mode=mode)(x) for mode in ("forward", "reverse")]
        xr.testing.assert_allclose(*both)


def test_the_route_is_shown():
    assert shown(xg.grad(cost, ad="jax"), X) == [
        "Pullback of 1 number by `x` (3 numbers): reverse mode, by JAX"
    ]


def test_printing_and_the_notebook_show_the_choice():
    stages = xg.grad(cost).stages(X)
    line = f"Pullback of 1 number by `x` (3 numbers): reverse mode, symbolic  # {HERE}:"
    assert f"=== derivatives ===\n{line}" in str(stages) and line in repr(stages)
    assert ">derivatives</summary>" in stages._repr_html_()
    assert "=== derivatives" not in str(xg.jit(cost).stages(X))


# ---- mode= overrides -----------------------------------------------------------------------------------------------
def test_reverse_mode_may_be_asked_for():
    jacobian, slope = xg.jacobian(last, mode="reverse"), xg.grad(last, mode="reverse")
    for compiled in (jacobian, slope):
        assert shown(compiled, RATE) == [
            "Pullback of 1 number by `rate` (1 number): reverse mode, symbolic"
        ]
        assert loops(compiled, RATE) == 2
        np.testing.assert_allclose(compiled(RATE), 16 * 0.5**15)


@pytest.mark.parametrize("ad", ["symbolic", "jax"])
def test_forward_mode_may_be_asked_for(ad):
    value_and_slope = xg.value_and_grad(lambda rate: rate**3, mode="forward", ad=ad)
    assert shown(value_and_slope, RATE) == [
        "Pullback of 1 number by `rate` (1 number): forward mode, symbolic: as asked for"
    ]
    assert [v.item() for v in value_and_slope(RATE)] == [0.125, 0.75]


@pytest.mark.parametrize("mode", ["auto", "forward", "reverse"])
def test_a_pullback_and_higher_derivatives_are_the_same_in_all_modes(mode):
    y, pull = xg.pullback(path, RATE, mode=mode)
    steps = np.arange(5)
    np.testing.assert_allclose(pull(xr.ones_like(y))[0], (steps + 1) @ 0.5**steps)
    again = xg.grad(xg.grad(last, mode=mode), mode=mode)
    np.testing.assert_allclose(again(RATE), 16 * 15 * 0.5**14)
    rate = xg.xtensor("rate", dims=(), shape=())
    slope = xg.function([rate], xg.grad(last(rate), rate, mode=mode))
    np.testing.assert_allclose(slope(0.5), 16 * 0.5**15)


def test_a_gradient_by_many_numbers_has_no_forward_mode():
    with pytest.raises(xg.errors.ArgumentError) as caught:
        xg.grad(cost, mode="forward")(X)
    assert str(caught.value).split("\n") == [
        'mode="forward" gives a gradient by one real number; this one is by `x` (float64(t: 3)).',
        'Leave mode out; or use jacobian(..., mode="forward"), which takes one derivative per number.',
    ]
    with pytest.raises(xg.errors.ArgumentError, match="mode must be one of 'auto', 'forward'"):
        xg.grad(cost, mode="forwards")
