"""The mode of every derivative is chosen by what it costs, may be asked for, and is shown."""

import numpy as np
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
