"""Weighted quantiles under the trace, of traced and of concrete weights, with weights of zero and missing values."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import xarray as xr

from tests.labels.programs import assert_gradient, assert_same_program

RNG = np.random.default_rng(5)
A = xr.DataArray(RNG.normal(size=(5, 3)), {"x": range(5)}, ("x", "y"), "a", {"units": "K"})
HOLED = A.where(abs(A) > 0.3)
HOLED[1] = np.nan
W = xr.DataArray([1.0, 2.0, 0.0, 3.0, 0.5], {"x": range(5)}, "x")

QUANTILES: list[Callable[..., Any]] = [
    lambda a, w: a.weighted(w).quantile([0.0, 0.1, 0.5, 1.0], dim="x"),
    lambda a, w: a.weighted(w).quantile(0.5),
    lambda a, w: a.weighted(w).quantile([0.25, 0.5], dim=["y", "x"], keep_attrs=True),
    lambda a, w: a.weighted(w).quantile(0.5, dim="x", skipna=False),
    lambda a, w: a.weighted(w > 1).quantile(0.3, dim="x"),
    lambda a, w: a.weighted(w * 0).quantile(0.3, dim="x"),
    lambda a, w: a.weighted(w.isel(x=[3, 1])).quantile(0.3, dim="x"),
    lambda a, w: a.astype("float32").weighted(w).quantile(0.7, dim="x"),
    lambda a, w: a.to_dataset().weighted(w).quantile([0.5, 0.2], dim="x"),
]


@pytest.mark.parametrize("function", QUANTILES)
@pytest.mark.parametrize("array", [A, HOLED])
def test_weighted_quantile(function: Callable[..., Any], array: xr.DataArray) -> None:
    assert_same_program(function, array, W)
    assert_same_program(lambda a: function(a, W), array)


def test_gradient_by_the_values_and_by_the_weights() -> None:
    assert_gradient(lambda a: HOLED.fillna(a).weighted(W).quantile([0.2, 0.6], dim="x"), A)
    assert_gradient(lambda w: HOLED.weighted(w).quantile([0.2, 0.6], dim="x"), W + 0.5)


def test_a_quantile_out_of_range() -> None:
    with pytest.raises(ValueError, match="q values must be between 0 and 1"):
        assert_same_program(lambda a, w: a.weighted(w).quantile(1.5), A, W, want=A)
