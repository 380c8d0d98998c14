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
    """The message, which shows a line of this file, with that left out."""
    with pytest.raises(error) as found:
        run()
    text, lines = re.subn(
        r" \(test_loop_errors.py:\d+\)| at test_loop_errors.py:\d+", "", str(found.value)
    )
    assert lines >= 1, text
    return text


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
        "xgrad.scan: along which dim? xs has 'time', 'site'.\nSay dim=..."
    )


def test_no_number_of_steps():
    assert message(errors.ArgumentError, scan(lambda c, x: (c, None), xs=None)) == (
        "xgrad.scan: how many steps?\nGive xs, or length=... where there is nothing to go along."
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
        "xgrad.scan: checkpoint must be None, 'sqrt', 'auto', a positive int, or a policy ('nothing', 'dots',"
        " 'everything', one of jax.checkpoint_policies), not 'root'."
    )


@pytest.mark.parametrize(
    ("option", "what"),
    [
        ({"length": -1}, "length must be an int, 0 or more, not -1"),
        ({"length": 2.5}, "length must be an int, 0 or more, not 2.5"),
        ({"unroll": 0}, "unroll must be a positive int, not 0"),
        ({"lags": 0}, "lags must be a positive int, not 0"),
        ({"lags": True}, "lags must be a positive int, not True"),
    ],
)
def test_options_that_are_no_counts(option: dict[str, Any], what: str):
    found = message(errors.ArgumentError, scan(lambda c, x: (c, None), **option))
    assert found == f"xgrad.scan: {what}."


def test_several_dims_at_once():
    found = message(errors.DimensionError, scan(lambda c, x: (c, None), dim=["time", "site"]))
    assert found == (
        "xgrad.scan: a loop goes along one dim, not along ['time', 'site'].\n"
        "Name one; scan inside the step for another, or .stack them."
    )


def test_a_number_of_steps_that_the_sequences_do_not_have():
    found = message(errors.SizeMismatchError, scan(lambda c, x: (c, None), length=4))
    assert found == (
        "xgrad.scan: `xs` has 3 steps along 'time', and `length` has 4.\n"
        "Align them first, or take as many steps of each: .isel."
    )


def test_a_sequence_without_axes():
    found = message(errors.DimensionError, scan(lambda c, x: (c, None), C, {"x": X, "n": 1.0}))
    assert found == (
        "xgrad.scan: `xs['n']` has no axis to go along.\n"
        "What is the same in all steps need not be handed in: use it in the step."
    )


def test_a_carry_of_other_variables():
    init = {"state": xr.Dataset({"u": C, "v": C})}
    found = message(
        errors.ArgumentError,
        scan(lambda c, x: ({"state": c["state"].rename(v="w")}, None), init),
    )
    assert found == (
        "xgrad.scan: `init['state']` is a Dataset of 'u', 'v' before a step and a Dataset of 'u', 'w' after it.\n"
        "Return from a step what it was given, in the same containers."
    )


def test_a_variable_of_a_carry_that_changes():
    found = message(
        errors.UnsupportedTypeError,
        scan(lambda c, x: (c.assign(v=c.v > 0), None), xr.Dataset({"u": C, "v": C})),
    )
    assert found == (
        "xgrad.scan: `init['v']` has the dtype float64 before a step and bool after it.\n"
        "A carry keeps its dtype: begin with an array of the wider one, or cast with .astype."
    )


def test_a_carry_that_is_forgotten():
    found = message(errors.ArgumentError, scan(lambda c, x: (None, c)))
    assert found == (
        "xgrad.scan: `init` is a DataArray before a step and the constant None after it.\n"
        "Return from a step what it was given, in the same containers."
    )


def test_a_constant_that_changes():
    found = message(errors.ArgumentError, scan(lambda c, x: (("odd", c[1]), None), ("even", C)))
    assert found == (
        "xgrad.scan: `init[0]` is the constant 'even' before a step, and 'odd' after it.\n"
        "Only numbers and arrays may differ: return a number instead."
    )


def test_an_array_without_labels_that_changes_its_shape():
    found = message(
        errors.SizeMismatchError,
        scan(lambda c, x: (np.concatenate([c, c]), None), np.zeros(2), X),
    )
    assert found == (
        "xgrad.scan: `init` has the shape (2,) before a step and (4,) after it.\n"
        "A carry keeps its sizes: return what grows as an output of the step instead."
    )


def test_dates_that_a_step_hands_on():
    dated = X.assign_coords(time=np.array(["2024-01-01", "2024-01-02", "2024-01-03"], "M8[ns]"))
    found = message(errors.UnsupportedTypeError, scan(lambda c, x: (c, x.time), C, dated))
    assert found == (
        "`ys` holds labels of dtype datetime64[ns]; loops and branches hand on numbers alone.\n"
        "Labels stay on as coords: return the array that has them, or numbers made of them beforehand."
    )


def test_lags_without_values_before_the_first_step():
    found = message(errors.DimensionError, scan(lambda c, x: (c, None), {"y": C}, lags=2))
    assert found == (
        "xgrad.scan: with lags=2, `init['y']` holds the 2 values before the first step along 'time';"
        " it is (site: 2).\n"
        "Give as many values as there are lags, the latest last (where reverse=True, first)."
    )


def test_lags_with_another_number_of_values():
    found = message(errors.SizeMismatchError, scan(lambda c, x: (c, None), X, lags=2))
    assert found == (
        "xgrad.scan: with lags=2, `init` holds the 2 values before the first step along 'time';"
        " it is (time: 3, site: 2).\n"
        "Give as many values as there are lags, the latest last (where reverse=True, first)."
    )


def test_lags_of_a_number():
    found = message(errors.UnsupportedTypeError, scan(lambda c, x: (c, None), 0.0, lags=2))
    assert found == (
        "xgrad.scan: with lags=2, `init` holds the values before the first step along 'time'; it has no dims.\n"
        "Make it a DataArray that has the dim."
    )


def test_lags_with_a_dim_of_that_name():
    found = message(
        errors.DimensionError, scan(lambda c, x: (c, None), X.rename(site="lag"), lags=3)
    )
    assert found == (
        "xgrad.scan: with lags=3, `init` has a dim 'lag' of its own.\nGive it another name, with .rename."
    )


def test_a_window_that_is_returned_whole():
    found = message(errors.DimensionError, scan(lambda past, x: (past, None), X, lags=3))
    assert found == (
        "xgrad.scan: `init` has the dims (site: 2) before a step and (lag: 3, site: 2) after it.\n"
        "A carry keeps its dims: begin with an array that has them all (xgrad.broadcast), or reduce them."
    )


def test_branches_with_different_dims():
    run = lambda: xgrad.cond(C.sum() > 0, lambda x: x, lambda x: x.sum("time"), X)  # noqa: E731
    assert message(errors.DimensionError, run) == (
        "xgrad.cond: `result` has the dims (time: 3, site: 2) in the first branch and (site: 2) in another.\n"
        "All branches give the same dims: broadcast, or reduce."
    )


def test_branches_with_different_containers():
    run = lambda: xgrad.switch(C.sum().astype(int), [lambda: (1.0, C), lambda: C])  # noqa: E731
    assert message(errors.ArgumentError, run) == (
        "xgrad.switch: the containers are (., .) in the first branch and . in another.\n"
        "Return the same from all branches, in the same containers."
    )


def test_branches_with_different_dtypes():
    run = lambda: xgrad.cond(C.sum() > 0, lambda: {"n": C}, lambda: {"n": C > 0})  # noqa: E731
    assert message(errors.UnsupportedTypeError, run) == (
        "xgrad.cond: `result['n']` has the dtype float64 in the first branch and bool in another.\n"
        "All branches give the same dtype: cast with .astype."
    )


def test_an_index_that_is_no_integer():
    run = lambda: xgrad.switch(C.sum(), [lambda: 1.0, lambda: 2.0])  # noqa: E731
    assert message(errors.UnsupportedTypeError, run) == (
        "the index of xgrad.switch is float64(); it must be a 0-d integer.\n"
        "Reduce it, or cast it with .astype(int)."
    )


def test_no_branches():
    run = lambda: xgrad.switch(0, [])  # noqa: E731
    assert message(errors.ArgumentError, run) == "xgrad.switch needs at least one branch."


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


def test_a_body_that_changes_the_carry():
    def run() -> Any:
        return xgrad.while_loop(lambda c: c["n"] < 3, lambda c: {"n": C}, {"n": C[0]})

    assert message(errors.DimensionError, run) == (
        "xgrad.while_loop: `init['n']` has the dims () before a step and (site: 2) after it.\n"
        "A carry keeps its dims: begin with an array that has them all (xgrad.broadcast), or reduce them."
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
