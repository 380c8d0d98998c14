"""``xgrad.scan`` equals a Python loop, and so do its gradients, by both routes; its programs are loops, and few."""

from functools import cache
from typing import Any

import jax
import numpy as np
import pytest
import xarray as xr

import xgrad
from tests.transforms.loop_shapes import (
    MIXED,
    OTHERS,
    SHAPES,
    Shape,
    array,
    python_loop,
    series,
)
from xgrad.axes.loops import Scan
from xgrad.graph import Graph
from xgrad.transforms.tree import flatten

each_shape = pytest.mark.parametrize("shape", SHAPES, ids=[s.name for s in SHAPES])
each_length = pytest.mark.parametrize("length", [0, 1, 7])
each_direction = pytest.mark.parametrize("reverse", [False, True], ids=["forward", "reverse"])
each_route = pytest.mark.parametrize("ad", ["symbolic", "jax"])


def numbers(tree: Any) -> list[np.ndarray]:
    """All arrays of a result."""
    leaves, _ = flatten(tree)
    found = []
    for leaf in leaves:
        if isinstance(leaf, xr.Dataset):
            found += [v.values for v in leaf.data_vars.values()]
        elif leaf is not None:
            found.append(np.asarray(leaf))
    return found


def assert_close(found: Any, expected: Any) -> None:
    for a, b in zip(numbers(found), numbers(expected), strict=True):
        assert a.shape == b.shape and a.dtype == b.dtype
        np.testing.assert_allclose(a, b, rtol=1e-12, atol=1e-12)


def energy(tree: Any) -> Any:
    """A number that depends on everything in ``tree``."""
    leaves, _ = flatten(tree)
    total = 0.0
    for leaf in leaves:
        parts = leaf.data_vars.values() if isinstance(leaf, xr.Dataset) else [leaf]
        for part in parts:
            total = total + (np.sin(part) * part).sum() if part is not None else total
    return total


def loops(graph: Graph) -> int:
    """The loops of a program, those inside others included."""
    inner = [g for node in graph.nodes for g in node.op.parameters.values() if isinstance(g, Graph)]
    mine = sum(isinstance(node.op, Scan) for node in graph.nodes)
    return mine + sum([loops(g) for g in inner])


# ---- values and gradients ------------------------------------------------------------------------------------------
@each_shape
@each_length
@each_direction
def test_a_loop_is_a_python_loop_and_so_are_its_gradients(shape: Shape, length: int, reverse: bool):
    check_against_python(shape, length, reverse)


@pytest.mark.parametrize("shape", OTHERS, ids=[s.name for s in OTHERS])
def test_other_loops_are_too(shape: Shape):
    check_against_python(shape, 7, reverse=False)


def check_against_python(shape: Shape, length: int, reverse: bool) -> None:
    """Values and labels against xarray, eagerly; gradients by both routes against the unrolled loop."""
    init, xs = shape.arguments(length)
    which = (0, 1) if tree_leaves(init) else (1,)
    unrolled = shape.unrolled(length, reverse)

    def looped(init: Any, xs: Any) -> Any:
        result = shape.looped(reverse)(init, xs)
        return energy(result), result

    carry, rows = unrolled(init, xs)
    options: Any = {} if length else {"disconnected_inputs": "ignore"}
    in_python = xgrad.value_and_grad(lambda init, xs: energy(unrolled(init, xs)), which, **options)
    expected = in_python(init, xs)
    for ad in ("symbolic", "jax"):
        compiled = xgrad.jit(looped, ad=ad)
        gradient = xgrad.value_and_grad(compiled, which, has_aux=True, **options)
        (value, (last, ys)), found = gradient(init, xs)
        assert_close((value, found), expected)
        assert_close(last, _in_order_of(carry, init))
        for place, y in enumerate(tree_leaves(ys)):
            if y is not None:
                assert_stacked(y, [tree_leaves(row)[place] for row in rows], xs)
        if ad == "symbolic" and shape.is_alone:
            assert gradient.stages(init, xs).hlo.count(" while(") <= 2


def assert_stacked(y: Any, rows: list[Any], xs: Any) -> None:
    """Dims, labels and values of the slices, with those of the dim before them."""
    np.testing.assert_array_equal(y.time, xs.time)
    assert y.sizes["time"] == len(rows)
    for t, row in enumerate(rows):
        assert_close(y.isel(time=t), row)
        assert tuple(y.isel(time=t).dims) == tuple(row.dims)


def tree_leaves(tree: Any) -> list[Any]:
    return flatten(tree)[0]


def _in_order_of(carry: Any, init: Any) -> Any:
    if isinstance(carry, xr.DataArray):
        return carry.transpose(*init.dims)
    return carry


@each_shape
def test_the_reference_interpreter_gives_the_same_gradients(shape: Shape):
    init, xs = shape.arguments(4)
    gradient = xgrad.grad(lambda xs: energy(shape.looped(False)(init, xs)))
    assert_close(gradient.reference(xs), gradient(xs))


def test_the_first_slice_may_begin():
    """It has a label of the dim, which is not that of any step."""
    xs = series(4, site=2)
    last, sums = xgrad.scan(lambda c, x: (c + x, c + x), xs[0], xs[1:], dim="time")
    np.testing.assert_allclose(sums, xs.cumsum("time")[1:], rtol=1e-12)
    assert "time" not in last.coords and sums.time.values.tolist() == [11.0, 12.0, 13.0]


def test_a_step_sees_dates_and_other_labels():
    xs = xr.DataArray([1.0, 2.0], coords={"time": np.array(["2024-01-01", "2024-01-02"], "M8[D]")})
    xs = xs.assign_coords(name=("time", ["a", "b"]), site=7, number=("time", [10, 20]))
    seen = []

    def step(c: Any, x: Any) -> tuple[Any, Any]:
        seen.append({name: (coord.dims, coord.dtype.kind) for name, coord in x.coords.items()})
        return c + x * x.number, x

    last, ys = xgrad.scan(step, 0.0, xs, dim="time")
    none = ()
    expected = {
        "time": (none, "M"),
        "name": (none, "U"),
        "site": (none, "i"),
        "number": (none, "i"),
    }
    assert seen[0] == expected
    assert float(last) == 50
    xr.testing.assert_identical(ys, xs)


def test_what_is_taken_from_outside_is_an_input_of_one_loop():
    xs, rate = series(3, site=2), array(site=2)

    def looped(xs: Any, rate: Any) -> Any:
        step = lambda c, x: (c * rate + x, c.sum())  # noqa: E731
        return xgrad.scan(step, xr.zeros_like(rate), xs, dim="time")[1]

    stages = xgrad.jit(looped).stages(xs, rate)
    text = xgrad.dprint(stages.names, file="str")
    head, *inputs = [line.split("  #")[0] for line in text.split("\n\n")[0].splitlines()]
    assert head == "XScan(time: 3, 1 carried).1: float64(time: 3)"
    assert {"xs", "rate"} <= {line.strip("├└─│ ").split(":")[0] for line in inputs}
    body = text.split("\n\n")[1].splitlines()
    assert body[0].startswith("XScan#0: (") and body[0].endswith("xs, rate)")
    assert body[1].split("  #")[0] == "XElemwise add: float64(site: 2)"
    slopes = xgrad.grad(lambda rate: energy(looped(xs, rate)))(rate)
    step = xr.DataArray([1e-6, 0.0], dims="site")
    change = energy(looped(xs, rate + step)) - energy(looped(xs, rate - step))
    np.testing.assert_allclose(slopes[0], change / 2e-6, rtol=1e-6)


def test_the_name_is_what_a_step_gives():
    xs = series(3)
    last, ys = xgrad.scan(lambda c, x: ((c + x).rename("level"),) * 2, 0.0, xs, dim="time")
    assert last.name == ys.name == "level"


def test_second_derivatives_equal_those_of_the_unrolled_loop():
    shape, length = MIXED, 4
    init, xs = shape.arguments(length)
    direction = array(site=3)

    def product(cost: Any) -> Any:
        return xgrad.grad(lambda init: (xgrad.grad(cost)(init) * direction).sum())(init)

    def looped(init: Any) -> Any:
        return energy(xgrad.scan(shape.step, init, xs, dim="time"))

    def unrolled(init: Any) -> Any:
        return energy(python_loop(shape.step, init, xs.drop_vars("time"), length, False))

    assert_close(product(looped), product(unrolled))


def test_numbers_take_the_dtype_of_the_step():
    xs = series(3).astype("float32")
    last, ys = xgrad.scan(lambda c, x: (c + x, c), 0, xs, dim="time")
    assert last.dtype == ys.dtype == np.float32
    count, _ = xgrad.scan(lambda c, x: (c + 1, None), 0, xs, dim="time")
    assert count.dtype == np.int64 and count == 3


def test_arrays_without_labels():
    xs = np.arange(6.0).reshape(3, 2)
    last, ys = xgrad.scan(lambda c, x: (c + x, c * x), np.zeros(2), xs)
    np.testing.assert_array_equal(last, [6.0, 9.0])
    np.testing.assert_array_equal(ys, [[0, 0], [0, 3], [8, 20]])


def test_a_loop_of_some_steps_without_sequences():
    last, ys = xgrad.scan(lambda c, _: (2 * c, c), xr.DataArray(1.0, name="n"), length=4)
    assert float(last) == 16 and ys.dims == ("step",) and ys.values.tolist() == [1, 2, 4, 8]


def test_map_is_a_loop_over_a_dim():
    x = series(4, site=3)
    found = xgrad.map(lambda row: row.max() - row.min(), x, dim="site")
    xr.testing.assert_allclose(found, x.max("time") - x.min("time"))


# ---- size -----------------------------------------------------------------------------------------------------------
def test_the_program_does_not_grow_with_the_number_of_steps():
    def cost(c: Any, length: int) -> Any:
        return (xgrad.scan(lambda c, _: (np.sin(c) * 0.9, c.sum()), c, length=length)[1] ** 2).sum()

    sizes = []
    for length in (10, 1000):
        gradient = xgrad.grad(xgrad.jit(cost, static_argnames="length"))
        stages = gradient.stages(array(site=3), length=length)
        sizes.append((len(stages.source.splitlines()), len(stages.hlo.splitlines())))
    assert sizes[0][0] == sizes[1][0]
    assert sizes[1][1] < 1.1 * sizes[0][1]


# ---- checkpoints ---------------------------------------------------------------------------------------------------
POLICIES = [
    "nothing",
    "dots",
    "everything",
    jax.checkpoint_policies.dots_with_no_batch_dims_saveable,
]


LOOP = MIXED.arguments(11)


@cache
def slopes_of_loop(checkpoint: Any, reverse: bool, ad: str) -> Any:
    """Value and gradients of a loop over ``LOOP``."""

    def cost(init: Any, xs: Any) -> Any:
        options = {"dim": "time", "reverse": reverse, "checkpoint": checkpoint}
        return energy(xgrad.scan(MIXED.step, init, xs, **options))

    return xgrad.value_and_grad(xgrad.jit(cost, ad=ad), (0, 1))(*LOOP)


@pytest.mark.parametrize("checkpoint", ["sqrt", "auto", 1, 4, 100, *POLICIES])
@each_direction
@each_route
def test_checkpoints_change_no_number(checkpoint: Any, reverse: bool, ad: str):
    assert_close(slopes_of_loop(checkpoint, reverse, ad), slopes_of_loop(None, reverse, ad))


def turning(init: Any, matrix: Any, checkpoint: Any) -> Any:
    """Steps of a product of matrices and something that costs as much to keep."""

    def step(c: Any, _: Any) -> tuple[Any, None]:
        return np.sin(xr.dot(matrix, c.rename(x="y"), dim="y")) * c, None

    return xgrad.scan(step, init, length=256, checkpoint=checkpoint)[0].sum()


@each_route
def test_policies_say_what_is_kept(ad: str):
    matrix = array(x=100, y=100) / 10
    gradient = xgrad.grad(xgrad.jit(turning, ad=ad, static_argnames="checkpoint"))
    memory = {
        policy: gradient.program(array(x=100), matrix, policy).executable.memory().temporaries
        for policy in ("nothing", "dots", "everything", keep_sines)
    }
    row = 256 * 100 * 8
    rows = {policy: round((bytes - memory["nothing"]) / row) for policy, bytes in memory.items()}
    assert rows["dots"] == 1
    assert rows["everything"] >= 1 and rows[keep_sines] >= 1


def keep_sines(primitive: Any, *types: Any, **parameters: Any) -> bool:
    """A policy of one's own, as JAX has them."""
    return primitive.name in ("sin", "cos")


def test_a_policy_is_named_in_the_source():
    init, xs = MIXED.arguments(3)
    for policy, name in (
        ("dots", "dots_saveable"),
        (POLICIES[-1], "dots_with_no_batch_dims_saveable"),
    ):
        run = xgrad.jit(
            lambda xs, p=policy: xgrad.scan(MIXED.step, init, xs, dim="time", checkpoint=p)[0]
        )
        assert f"policy=jax.checkpoint_policies.{name}" in run.stages(xs).source


def test_checkpoints_save_memory():
    """A tenth at most, at 4,096 steps; it is 2 √n of n."""
    init = xr.DataArray(np.full(100, 0.1), dims="x")

    def cost(init: Any, checkpoint: Any) -> Any:
        step = lambda c, _: (c + 0.01 * np.sin(c), None)  # noqa: E731
        return xgrad.scan(step, init, length=4096, checkpoint=checkpoint)[0].sum()

    gradient = xgrad.grad(xgrad.jit(cost, static_argnames="checkpoint"))
    memory = {
        how: gradient.program(init, checkpoint=how).executable.memory().temporaries
        for how in (None, "sqrt")
    }
    assert memory["sqrt"] <= 0.1 * memory[None]


def test_markers_keep_the_mode_that_was_asked_for():
    """A clipped cotangent is clipped at every step, on the way back; forward mode would clip tangents instead."""

    def cost(x: Any) -> Any:
        return xgrad.scan(lambda c, _: (2 * xgrad.grad_clip(c, -3.0, 3.0), None), x, length=3)[0]

    assert float(xgrad.grad(cost)(1.0)) == 3.0  # 1 -> 2 -> 4, clipped to 3 -> 6, clipped to 3


def test_gradients_inside_steps():
    """Gradient descent on (c - w)², its steps differentiated by w."""

    def step(c: Any, _: Any) -> tuple[Any, None]:
        return c - 0.1 * xgrad.grad(lambda c: ((c - WEIGHT[0]) ** 2).sum())(c), None

    WEIGHT: list[Any] = [None]

    def found(w: Any) -> Any:
        WEIGHT[0] = w
        return xgrad.scan(step, 0 * w, length=5)[0].sum()

    w = array(site=2)
    for ad in ("symbolic", "jax"):
        slope = xgrad.grad(xgrad.jit(found, ad=ad))(w)
        np.testing.assert_allclose(slope, np.full(2, 1 - 0.8**5), rtol=1e-12)


def test_a_step_may_not_hand_its_values_outside():
    kept = []

    def step(c: Any, x: Any) -> tuple[Any, None]:
        kept.append(x)
        return c + x, None

    def leak(xs: Any) -> Any:
        xgrad.scan(step, 0.0, xs, dim="time")
        return kept[0] * 2

    with pytest.raises(xgrad.errors.TracedValueError, match="return it from the function"):
        xgrad.jit(leak)(series(3))
