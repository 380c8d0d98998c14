"""Loops that are running totals and recurrences, done without a loop: values, gradients, forms, refusals."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import xarray as xr

import xgrad
from tests.transforms.loop_shapes import array, series

N = 9
XS = xr.Dataset({"x": series(N, site=2), "y": series(N, site=2)})
INIT = array(site=2)


def total(c: Any, s: Any) -> Any:
    return c + np.sin(s.x), c * s.y


def product(c: Any, s: Any) -> Any:
    return c * (1 + s.x / 9), c


def maximum(c: Any, s: Any) -> Any:
    return np.maximum(s.x, c), c + s.y


def minimum(c: Any, s: Any) -> Any:
    return np.minimum(c, s.x), c * c


def smoothing(c: Any, s: Any) -> Any:
    c = c + 0.3 * (s.x - c)
    return c, c**2


def recurrence(c: Any, s: Any) -> Any:
    return -(s.x * (c - 1) / 2 - s.y), c


def delayed(c: Any, s: Any) -> Any:
    return s.x, s.x - c


CASES: dict[str, Callable[[Any, Any], Any]] = {
    f.__name__: f for f in (total, product, maximum, minimum, smoothing, recurrence, delayed)
}


def ar2(c: Any, s: Any) -> Any:
    one, two = c
    new = 0.5 * one - 0.3 * two + s.x
    return (new, one), new * s.y


def mixing(c: Any, s: Any) -> Any:
    matrix = xr.DataArray([[0.5, 0.2], [-0.3, 0.9]], dims=("site", "other"))
    return xr.dot(matrix * s.x, c.rename(site="other"), dim="other") + s.y, c


def after_another(c: Any, s: Any) -> Any:
    """The second is a total of the first, and both are linear one after the other."""
    one, two = c
    return (one + s.x, two + one * s.y), two


VECTORS: dict[str, tuple[Callable[[Any, Any], Any], Any]] = {
    "ar2": (ar2, (INIT, INIT)),
    "mixing": (mixing, INIT),
    "after another": (after_another, (INIT, INIT)),
}
ALL = {name: (step, INIT) for name, step in CASES.items()} | VECTORS


def energy(result: Any) -> Any:
    last, ys = result
    leaves = last if isinstance(last, tuple) else (last,)
    return sum([(v**2).sum() for v in leaves]) + (ys * np.cos(ys)).sum()


@pytest.mark.parametrize(
    ("name", "reverse"),
    [*[(name, k % 2 == 1) for k, name in enumerate(ALL)], ("recurrence", False), ("mixing", False)],
)
def test_values_and_gradients_are_those_of_the_loop(name: str, reverse: bool):
    step, init = ALL[name]

    def run(init: Any, xs: Any, parallel: bool) -> Any:
        return energy(xgrad.scan(step, init, xs, dim="time", reverse=reverse, parallel=parallel))

    both = [
        xgrad.value_and_grad(xgrad.jit(run, static_argnames="parallel", ad=ad), (0, 1))
        for ad in ("symbolic", "jax")
    ]
    expected, slopes = both[1](init, XS, parallel=False)
    for gradient in both:
        value, found = gradient(init, XS, parallel=True)
        np.testing.assert_allclose(value, expected, rtol=1e-12)
        for ours, theirs in zip(flat(found), flat(slopes), strict=True):
            np.testing.assert_allclose(ours, theirs, rtol=1e-10, atol=1e-12)
        assert gradient.stages(init, XS, parallel=True).hlo.count(" while(") == 0


def flat(tree: Any) -> list[np.ndarray]:
    parts = tree if isinstance(tree, tuple) else (tree,)
    found: list[np.ndarray] = []
    for part in parts:
        if isinstance(part, tuple):
            found += flat(part)
        elif isinstance(part, xr.Dataset):
            found += [v.values for v in part.data_vars.values()]
        else:
            found.append(part.values)
    return found


@pytest.mark.parametrize(
    ("name", "op"),
    {
        "total": "CumSum",
        "product": "CumProd",
        "maximum": "CumMax",
        "minimum": "CumMin",
        "recurrence": "LinearRecurrence",
        "mixing": "MatrixRecurrence",
    }.items(),
)
def test_the_form_that_is_used(name: str, op: str):
    step, init = ALL[name]
    run = xgrad.jit(lambda init, xs: xgrad.scan(step, init, xs, dim="time", parallel=True))
    ops = [type(node.op).__name__ for node in run.stages(init, XS).optimised.nodes]
    assert op in ops and "Scan" not in ops


def test_a_cumulative_sum_of_integers():
    counts = xr.DataArray(np.arange(5), dims="t")
    last, ys = xgrad.scan(lambda c, x: (c + x, c), 10, counts, dim="t", parallel=True)
    assert int(last) == 20 and ys.values.tolist() == [10, 10, 11, 13, 16]


def test_second_derivatives():
    def cost(init: Any, parallel: bool) -> Any:
        return energy(xgrad.scan(recurrence, init, XS, dim="time", parallel=parallel))

    found = [
        xgrad.hessian(lambda init, p=p: cost(init, p))(INIT.rename(None)) for p in (True, False)
    ]
    np.testing.assert_allclose(found[0], found[1], rtol=1e-10, atol=1e-12)


def test_other_steps_are_refused():
    def cost(init: Any) -> Any:
        step = lambda c, s: (np.sin(c) + s.x, c)  # noqa: E731
        return xgrad.scan(step, init, XS, dim="time", parallel=True)

    with pytest.raises(xgrad.errors.UnsupportedError, match=r"1 of 1 carries \(float64\[2\]\)"):
        cost(INIT)
    with pytest.raises(xgrad.errors.ArgumentError, match="Leave one of the two away"):
        xgrad.scan(total, INIT, XS, dim="time", parallel=True, checkpoint="sqrt")
    large = array(site=80)
    step = lambda c, _: (c + c.roll(site=1), None)  # noqa: E731
    with pytest.raises(xgrad.errors.UnsupportedError, match="at most 64 numbers"):
        xgrad.scan(step, large, length=4, parallel=True)


def test_previous_values_by_lags():
    weights = xr.DataArray([0.5, -0.3, 0.1], coords={"lag": [1, 2, 3]})
    start, noise = series(3), series(12)

    def step(past: Any, e: Any) -> tuple[Any, Any]:
        new = (weights * past).sum("lag", skipna=False) + e
        return new, new

    found = [
        xgrad.scan(step, start, noise, dim="time", lags=3, parallel=p)[1] for p in (True, False)
    ]
    xr.testing.assert_allclose(found[0], found[1], rtol=1e-12)


# ---- not asked for ---------------------------------------------------------------------------------------------------
DATA = series(40)


def likelihood(a: Any, b: Any) -> Any:
    """Of an AR(2) on data: the carries hold the last two values."""

    def step(last: Any, y: Any) -> tuple[Any, Any]:
        one, two = last
        return (y, one), (y - a * one - b * two) ** 2

    return xgrad.scan(step, (0.0, 0.0), DATA, dim="time")[1].sum()


def test_carries_that_only_hold_earlier_values_need_no_loop():
    a, b = array(), array()
    y = np.concatenate([[0.0, 0.0], DATA.values])
    expected = y[2:] - float(a) * y[1:-1] - float(b) * y[:-2]
    gradient = xgrad.value_and_grad(likelihood, (0, 1))
    value, (by_a, _) = gradient(a, b)
    np.testing.assert_allclose([value, by_a], [(expected**2).sum(), -2 * expected @ y[1:-1]])
    assert gradient.stages(a, b).hlo.count(" while(") == 0


def test_running_totals_stay_a_loop_where_nobody_asks():
    run = xgrad.jit(lambda init, xs: xgrad.scan(total, init, xs, dim="time"))
    assert run.stages(INIT, XS).hlo.count(" while(") == 1


@pytest.mark.parametrize("which", [np.maximum, np.minimum])
@pytest.mark.parametrize("reverse", [False, True])
def test_ties_share_as_in_the_loop(which: Any, reverse: bool):
    """The greatest so far and the new value share a tie in each step, a long tie too."""
    x = xr.DataArray([1.0, 3.0, 3.0, 2.0, 3.0, 4.0, 4.0, 1.0, 1.0], dims="t")
    weights = xr.DataArray(np.linspace(0.3, 1.1, 9), dims="t")

    def cost(x: Any, start: Any, parallel: bool) -> Any:
        def step(c: Any, x: Any) -> tuple[Any, Any]:
            c = which(c, x)
            return c, c

        last, ys = xgrad.scan(step, start, x, dim="t", reverse=reverse, parallel=parallel)
        return 2 * last + (weights * ys).sum(skipna=False)

    for start in (-1.0, 1.0, 3.0, 9.0):
        first = xr.DataArray(start)
        loop, total = [
            xgrad.grad(lambda x, s, p=parallel: cost(x, s, p), (0, 1))(x, first)
            for parallel in (False, True)
        ]
        np.testing.assert_allclose(total[0], loop[0], rtol=1e-13, atol=1e-14)
        np.testing.assert_allclose(total[1], loop[1], rtol=1e-13, atol=1e-14)
