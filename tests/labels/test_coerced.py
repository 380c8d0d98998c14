"""NumPy functions that take a DataArray for its data alone: under the trace they give what NumPy gives of the data."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import xarray as xr

import xgrad
from xgrad.errors import TracedValueError

A = xr.DataArray(np.random.default_rng(0).normal(size=(4, 3)), {"x": [1, 2, 3, 4]}, ("x", "y"), "a")
PROGRAMS: dict[str, Callable[[Any], Any]] = {
    "where": lambda a: np.where(a > 0, a, 0.0),
    "diff": np.diff,
    "nanmean": lambda a: np.nanmean(a, axis=0),
    "percentile": lambda a: np.percentile(a, 30),
    "concatenate": lambda a: np.concatenate([a, a * 2]),
    "einsum": lambda a: np.einsum("xy,xy->x", a, a),
    "norm": np.linalg.norm,
    "gradient": lambda a: np.gradient(a, axis=0),
    "average": lambda a: np.average(a, axis=0),
    "searchsorted": lambda a: np.searchsorted([0.0, 1.0], a),
}


@pytest.mark.parametrize("name", PROGRAMS)
def test_as_numpy(name: str) -> None:
    got, want = xgrad.jit(PROGRAMS[name]).reference(A), PROGRAMS[name](A)
    assert not isinstance(got, xr.DataArray)
    np.testing.assert_allclose(got, want, rtol=1e-12)


@pytest.mark.parametrize("ad", ["symbolic", "jax"])
def test_gradient(ad: str) -> None:
    cost = lambda a: (np.where(a > 0, a, 0.0) ** 2).sum()  # noqa: E731
    xr.testing.assert_allclose(xgrad.jit(xgrad.grad(cost), ad=ad)(A), 2 * A.where(A > 0, 0.0))


def test_functions_that_find_a_method_go_their_way() -> None:
    def program(a: xr.DataArray) -> xr.DataArray:
        return np.sum(a, axis=0) + np.mean(a, axis=0) + np.clip(a, 0, 1)

    xr.testing.assert_allclose(xgrad.jit(program)(A), program(A))


@pytest.mark.parametrize("function", [np.asarray, np.linalg.pinv, lambda a: np.reshape(a, 12)])
def test_conversions_are_refused(function: Callable[..., Any]) -> None:
    with pytest.raises(TracedValueError, match="a NumPy array"):
        xgrad.jit(function)(A)


def test_eager_arrays_are_left_alone() -> None:
    def program(a: xr.DataArray) -> xr.DataArray:
        assert type(np.diff(A)) is np.ndarray
        assert isinstance(np.sum(A), xr.DataArray)
        return a + np.nanmax(A)

    xr.testing.assert_allclose(xgrad.jit(program)(A), program(A))
