"""What is said of loops and branches that do not fit: every message, whole."""

import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import xarray as xr

import xgrad
from xgrad import errors

X = xr.DataArray(np.zeros((3, 2)), dims=("time", "site"), name="x")
C = xr.DataArray(np.zeros(2), dims="site", name="c")


def message(error: type[Exception], run: Callable[[], Any]) -> str:
    """The message, with lines of files left out."""
    with pytest.raises(error) as found:
        run()
    return re.sub(r" \([\w.]+:\d+\)| at [\w.]+:\d+", "", str(found.value))


def scan(step: Callable[..., Any], init: Any = C, xs: Any = X, **options: Any) -> Callable[[], Any]:
    return lambda: xgrad.scan(step, init, xs, **{"dim": "time", **options})


def test_a_carry_that_gains_a_dim():
    found = message(
        errors.DimensionError,
        scan(lambda c, x: ({"pos": c["pos"] + x}, None), {"pos": xr.DataArray(0.0)}),
    )
    assert found == (
        "xgrad.scan: `init['pos']` has the dims () before a step and (site: 2) after it.\n"
        "A carry keeps its dims: begin with an array that has them all (xgrad.broadcast), or reduce them."
    )


def test_a_carry_that_changes_its_size():
    found = message(
        errors.SizeMismatchError, scan(lambda c, x: (xr.concat([c, c], "site"), None), C, X)
    )
    assert found == (
        "xgrad.scan: `init` has the sizes (site: 2) before a step and (site: 4) after it.\n"
        "A carry keeps its sizes: return what grows as an output of the step instead."
    )


def test_a_carry_that_changes_its_dtype():
    found = message(errors.UnsupportedTypeError, scan(lambda c, x: (c + x, None), C.astype("f4")))
    assert found == (
        "xgrad.scan: `init` has the dtype float32 before a step and float64 after it.\n"
        "A carry keeps its dtype: begin with an array of the wider one, or cast with .astype."
    )


def test_a_carry_in_other_containers():
    found = message(errors.ArgumentError, scan(lambda c, x: ([c[0]], None), (C, C)))
    assert found == (
        "xgrad.scan: the containers are (., .) before a step and [.] after it.\n"
        "Return from a step what it was given, in the same containers."
    )


def test_a_carry_of_another_kind():
    found = message(errors.ArgumentError, scan(lambda c, x: (c.to_dataset(), None)))
    assert found == (
        "xgrad.scan: `init` is a DataArray before a step and a Dataset after it.\n"
        "Return from a step what it was given, in the same containers."
    )


def test_a_step_without_a_pair():
    assert message(errors.ArgumentError, scan(lambda c, x: c)) == (
        "xgrad.scan: a step returns a pair (carry, output), not a DataArray.\n"
        "Where there is no output, return (carry, None)."
    )


def test_sequences_of_different_lengths():
    xs = {"a": X, "b": X.isel(time=slice(2))}
    assert message(errors.SizeMismatchError, scan(lambda c, x: (c, None), C, xs)) == (
        "xgrad.scan: `xs['a']` has 3 steps along 'time', and `xs['b']` has 2.\n"
        "Align them first, or take as many steps of each: .isel."
    )


def test_sequences_with_different_labels():
    xs = (X.assign_coords(time=[0, 1, 2]), X.assign_coords(time=[1, 2, 3]))
    assert message(errors.AlignmentError, scan(lambda c, x: (c, None), C, xs)) == (
        "xgrad.scan: the labels of `xs[0]` and `xs[1]` along 'time' differ.\n"
        "Align them first: xgrad.align(..., join='inner')."
    )


def test_a_sequence_without_the_dim():
    assert message(errors.DimensionError, scan(lambda c, x: (c, None), dim="tim")) == (
        "xgrad.scan: `xs` has no dim 'tim'; it has the dims ('time', 'site'); did you mean 'time'?\n"
        "What is the same in all steps need not be handed in: use it in the step."
    )


def test_several_dims_to_choose_from():
    assert message(errors.DimensionError, scan(lambda c, x: (c, None), dim=None)) == (
        "xgrad.scan: along which dim? xs has 'time', 'site'; say dim=..."
    )


def test_no_number_of_steps():
    assert message(errors.ArgumentError, scan(lambda c, x: (c, None), xs=None)) == (
        "xgrad.scan: how many steps? Give xs, or length=... where there is nothing to go along."
    )


def test_an_output_with_the_dim_of_the_loop():
    found = message(errors.DimensionError, scan(lambda c, x: (c, c.rename(site="time"))))
    assert found == (
        "xgrad.scan: the output `ys` has the dim 'time', along which outputs are stacked.\n"
        "Give it another name in the step, with .rename."
    )


def test_a_checkpoint_that_is_none():
    found = message(errors.ArgumentError, scan(lambda c, x: (c, None), checkpoint="root"))
    assert found == (
        "xgrad.scan: checkpoint must be None, 'sqrt', 'auto' or a positive int, not 'root'."
    )


def test_a_checkpoint_policy():
    found = message(errors.UnsupportedError, scan(lambda c, x: (c, None), checkpoint=lambda: None))
    assert found == (
        "xgrad.scan: checkpoint=function is not there yet; use None, 'sqrt', 'auto' or a number of steps."
    )


def test_branches_with_different_dims():
    run = lambda: xgrad.cond(C.sum() > 0, lambda x: x, lambda x: x.sum("time"), X)  # noqa: E731
    assert message(errors.DimensionError, run) == (
        "xgrad.cond: `result` has the dims (time: 3, site: 2) in the first branch and (site: 2) in another.\n"
        "All branches give the same dims: broadcast, or reduce."
    )


def test_a_predicate_that_is_no_truth_value():
    run = lambda: xgrad.cond(X.sum(), lambda: 1.0, lambda: 2.0)  # noqa: E731
    assert message(errors.UnsupportedTypeError, run) == (
        "the predicate of xgrad.cond is float64(); it must be a 0-d boolean.\n"
        "Compare, and reduce with .any() or .all()."
    )


def test_a_condition_with_dims():
    run = lambda: xgrad.while_loop(lambda c: c < 1, lambda c: c + 1, C)  # noqa: E731
    assert message(errors.UnsupportedTypeError, run) == (
        "the condition of xgrad.while_loop is bool(site: 2); it must be a 0-d boolean.\n"
        "Compare, and reduce with .any() or .all()."
    )


@pytest.mark.parametrize("ad", ["symbolic", "jax"])
def test_a_gradient_back_through_a_while_loop(ad: str):
    def cost(c: Any) -> Any:
        return xgrad.while_loop(lambda c: c.sum() < 9, lambda c: 2 * c, c).sum()

    gradient = xgrad.grad(xgrad.jit(cost, ad=ad))
    assert message(errors.GradNotImplementedError, lambda: gradient(C + 1)) == (
        "the gradient of xgrad.while_loop would go back through steps whose number is not known.\n"
        "Bound it: xgrad.while_loop(cond, body, init, max_steps=...); forward mode (xgrad.pushforward) needs no bound."
    )


def running_sum(x: Any) -> Any:
    total = 0.0
    for row in x:
        total = total + row
    return total


def test_a_long_python_loop_is_warned_of():
    x = xr.DataArray(np.ones(60), dims="time", name="rain")
    with pytest.warns(errors.SlowLoopWarning) as found:
        assert float(xgrad.jit(running_sum)(x)) == 60
    assert [str(w.message) for w in found] == [
        "a Python loop over the 60 slices of `rain` along 'time' makes a program of that many parts,"
        " which is slow to compile.\n"
        "Write the body as a step and use xgrad.scan(step, init, xs, dim='time'): one loop, whatever the length."
    ]
    assert found[0].filename == __file__


def test_a_short_python_loop_is_not():
    assert float(xgrad.jit(running_sum)(xr.DataArray(np.ones(20), dims="time"))) == 20
