"""Printing from inside compiled functions: what, when, under which labels, and that it changes nothing."""

import jax
import numpy as np
import pytest
import xarray as xr

import xgrad as xg


@pytest.fixture
def x():
    return xr.DataArray(
        [[1.0, 2.0], [3.0, 4.0]], coords={"city": ["a", "b"]}, dims=("time", "city"), name="x"
    )


def printed(capsys):
    jax.effects_barrier()
    return capsys.readouterr().out


@pytest.mark.parametrize("ad", ["symbolic", "jax"])
def test_values_are_printed_with_labels_and_derivatives_stay(x, capsys, ad):
    def cost(x):
        return (xg.debug_print(x.mean("time"), "mean") ** 2).sum()

    value, slope = xg.value_and_grad(xg.jit(cost, ad=ad))(x)
    assert f"mean\n{x.mean('time')}\n" in printed(capsys)
    plain = xg.value_and_grad(lambda x: (x.mean("time") ** 2).sum())(x)
    xr.testing.assert_identical(value, plain[0])
    xr.testing.assert_identical(slope, plain[1])


def test_it_prints_at_every_call_in_the_order_of_dims(x, capsys):
    f = xg.jit(lambda x: xg.debug_print(x.T))
    for scale in (1.0, 2.0):
        xr.testing.assert_identical(f(scale * x), scale * x.T)
        assert printed(capsys) == f"{scale * x.T}\n"
    assert f.cache_info().traces == 1


def test_outside_and_in_the_reference(x, capsys):
    assert xg.debug_print(x, "eager") is x
    assert printed(capsys) == f"eager\n{x}\n"
    xg.jit(lambda x: xg.debug_print(x))(x)
    printed(capsys)
    xg.jit(lambda x: xg.debug_print(x)).reference(x)
    assert printed(capsys) == f"{x}\n"


def test_containers_and_datasets(x, capsys):
    ds = xr.Dataset({"x": x, "y": x.sum("time")})
    found = xg.jit(lambda d: xg.debug_print(d, "here"))({"ds": ds, "n": np.ones(2)})
    xr.testing.assert_identical(found["ds"], ds)
    text = printed(capsys)
    assert text.count("here\n") == 3
    assert str(ds.y) in text and "[1. 1.]" in text


def test_loops_and_vmap(x, capsys):
    def step(level, row):
        level = xg.debug_print(level + row, "level")
        return level, level

    xg.jit(lambda x: xg.scan(step, 0 * x.isel(time=0), x, dim="time")[1])(x)
    assert printed(capsys).count("level\n") == 2
    doubled = xg.vmap(lambda row: xg.debug_print(2 * row, "row"), "time")(x)
    np.testing.assert_array_equal(doubled.transpose("time", "city"), 2 * x)
    assert printed(capsys).startswith("row\n[[")


def test_what_is_not_used_is_not_printed(x, capsys):
    def f(x):
        xg.debug_print(x, "unused")
        return x + 1

    xg.jit(f)(x)
    assert printed(capsys) == ""


def test_the_source_prints_too(x, capsys):
    source = xg.jit(lambda x: xg.debug_print(x * 2)).stages(x).source
    space = {}
    exec(source, space)
    space["program"](x.values)
    assert "[[2. 4.]\n [6. 8.]]" in printed(capsys)
