"""Checks of a labeled program: traced against eager, and its gradient, both ways, against finite differences."""

import contextlib
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import xarray as xr

import xgrad
from tests.labels.reference import run

Program = Callable[..., Any]


def assert_same_program(program: Program, *args: Any, want: Any = None, rtol: float = 1e-9) -> None:
    """``program`` gives the same traced as eagerly (or as ``want``): values, dtype, dims, coords, name, attrs."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert_same(run(program, *args), program(*args) if want is None else want, rtol)


def assert_same(got: Any, want: Any, rtol: float = 1e-9) -> None:
    """``got`` is ``want``, but for rounding in floats."""
    assert type(got) is type(want), (type(got), type(want))
    if isinstance(want, tuple | list):
        for one, other in zip(got, want, strict=True):
            assert_same(one, other, rtol)
        return
    if isinstance(want, xr.Dataset):
        assert list(got.data_vars) == list(want.data_vars)
        assert got.attrs == want.attrs
        assert set(got.coords) == set(want.coords), (list(got.coords), list(want.coords))
        for name in want.variables:
            assert_same_variable(got.variables[name], want.variables[name], rtol)
        return
    if isinstance(want, xr.DataArray):
        assert got.name == want.name, (got.name, want.name)
        assert set(got.coords) == set(want.coords), (list(got.coords), list(want.coords))
        for name in want.coords:
            assert_same_variable(got.coords[name].variable, want.coords[name].variable, rtol)
        got, want = got.variable, want.variable
    assert_same_variable(got, want, rtol)


def assert_same_variable(got: Any, want: Any, rtol: float) -> None:
    if isinstance(want, xr.Variable):
        assert got.dims == want.dims, (got.dims, want.dims)
        assert got.attrs == want.attrs, (got.attrs, want.attrs)
        got, want = got.values, want.values
    got, want = np.asarray(got), np.asarray(want)
    assert got.dtype == want.dtype, (got.dtype, want.dtype)
    if want.dtype.kind not in "fc":
        np.testing.assert_array_equal(got, want)
        return
    rtol = max(rtol, 1e-5 if want.dtype == np.float32 else 0.0)
    size = np.abs(want[np.isfinite(want)]).max(initial=0.0)
    np.testing.assert_allclose(got, want, rtol=rtol, atol=rtol * size)


def assert_gradient(
    program: Program, *args: Any, eager: Program | None = None, rtol: float = 1e-5
) -> None:
    """The gradient of a weighted sum by the first argument, made both ways, is that of finite differences.

    ``eager`` computes the reference where the program cannot run eagerly here.
    """
    rng = np.random.default_rng(7)
    weights: dict[int, Any] = {}

    def cost(x: Any, *rest: Any, by: Program = program) -> Any:
        total = 0.0
        for k, part in enumerate(_float_parts(by(x, *rest))):
            w = weights.setdefault(k, rng.normal(size=part.shape))
            total = total + (part * xr.DataArray(w, dims=part.dims)).sum()
        return total

    x, *rest = args
    with contextlib.ExitStack() as stack:
        stack.enter_context(warnings.catch_warnings())
        warnings.simplefilter("ignore")
        direction = x.copy(data=rng.normal(size=x.shape))
        step = 1e-6
        ends = [float(cost(x + s * direction, *rest, by=eager or program)) for s in (step, -step)]
        slope = (ends[0] - ends[1]) / (2 * step)
        for ad in ("symbolic", "jax"):
            with xgrad.options(ad=ad):
                found = xgrad.grad(cost)(x, *rest)
            assert found.dims == x.dims
            valid = ~np.isnan(x.values)
            assert not np.isnan(found.values[valid]).any(), f"NaN in the gradient ({ad})"
            got = float((found.values * direction.values)[valid].sum())
            np.testing.assert_allclose(got, slope, rtol=rtol, atol=1e-6, err_msg=ad)


def _float_parts(result: Any) -> list[xr.DataArray]:
    if isinstance(result, tuple | list):
        return [p for r in result for p in _float_parts(r)]
    if isinstance(result, xr.Dataset):
        return [p for v in result.data_vars.values() for p in _float_parts(v)]
    return [result] if result.dtype.kind == "f" else []
