"""Loops whose steps see several previous values: ``xgrad.scan(..., lags=k)``."""

from typing import Any

import numpy as np
import pandas as pd
import pytest
import xarray as xr

import xgrad
from tests.transforms.loop_shapes import array, series

each_route = pytest.mark.parametrize("ad", ["symbolic", "jax"])

WEIGHTS = xr.DataArray([0.6, -0.2, 0.1], coords={"lag": [1, 2, 3]})


def autoregression(past: Any, noise: Any) -> tuple[Any, Any]:
    new = (WEIGHTS * past).sum("lag") + noise
    return new, new


def by_hand(before: np.ndarray, noise: np.ndarray) -> np.ndarray:
    """All values, those before the first step included, along the first axis."""
    values = list(before)
    for e in noise:
        values.append(0.6 * values[-1] - 0.2 * values[-2] + 0.1 * values[-3] + e)
    return np.array(values)


def before(**sizes: int) -> xr.DataArray:
    return array(time=3, **sizes).assign_coords(time=[7.0, 8.0, 9.0])


def test_a_step_sees_the_last_values_by_lag():
    noise, init = series(6, site=2), before(site=2)
    last, y = xgrad.scan(autoregression, init, noise, dim="time", lags=3)
    expected = by_hand(init.values, noise.values)
    np.testing.assert_allclose(y, expected[3:], rtol=1e-12)
    np.testing.assert_allclose(last, expected[-3:], rtol=1e-12)
    assert y.dims == last.dims == ("time", "site")
    assert last.time.values.tolist() == [13.0, 14.0, 15.0]


@pytest.mark.parametrize("length", [0, 2])
def test_the_last_values_are_those_before_where_steps_are_few(length: int):
    noise, init = series(length), before()
    last, _ = xgrad.scan(autoregression, init, noise, dim="time", lags=3)
    np.testing.assert_allclose(last, by_hand(init.values, noise.values)[-3:], rtol=1e-12)
    assert last.time.values.tolist() == [7.0, 8.0, 9.0, 10.0, 11.0][length:][:3]


def test_a_loop_goes_on_where_another_ended():
    noise, init = series(8), before()
    whole, _ = xgrad.scan(autoregression, init, noise, dim="time", lags=3)
    half, _ = xgrad.scan(autoregression, init, noise[:4], dim="time", lags=3)
    rest, _ = xgrad.scan(autoregression, half, noise[4:], dim="time", lags=3)
    xr.testing.assert_allclose(rest, whole, rtol=1e-12)


def test_from_the_end_the_first_values_are_the_latest():
    noise, init = series(6), before()
    last, y = xgrad.scan(autoregression, init, noise, dim="time", lags=3, reverse=True)
    expected = by_hand(init.values[::-1], noise.values[::-1])[::-1]
    np.testing.assert_allclose(y, expected[:6], rtol=1e-12)
    np.testing.assert_allclose(last, expected[:3], rtol=1e-12)
    assert last.time.values.tolist() == [10.0, 11.0, 12.0]


def test_one_lag_and_containers():
    def step(past: Any, noise: Any) -> tuple[Any, Any]:
        level, slope = past["of"].level.sel(lag=1), past["of"].slope.sel(lag=1)
        new = xr.Dataset({"slope": slope * 0.9, "level": level + slope + noise})
        return {"of": new, "n": past["n"].sel(lag=1) + 1}, new.level

    start = xr.Dataset({"level": ("time", [1.0]), "slope": ("time", [0.5])})
    init = {"of": start, "n": xr.DataArray([0], dims="time")}
    last, y = xgrad.scan(step, init, xr.zeros_like(series(3)), dim="time", lags=1)
    np.testing.assert_allclose(y, 1 + np.cumsum([0.5, 0.45, 0.405]), rtol=1e-12)
    assert last["n"].values.tolist() == [3] and last["n"].dtype == np.int64
    assert list(last["of"].data_vars) == ["level", "slope"]


def test_labels_may_be_dates():
    days = pd.date_range("2024-02-27", periods=5)
    noise = series(5).assign_coords(time=days)
    last, _ = xgrad.scan(autoregression, before().drop_vars("time"), noise, dim="time", lags=3)
    assert last.indexes["time"].equals(days[2:])


@each_route
def test_gradients_equal_those_of_the_unrolled_loop(ad: str):
    noise, init = series(5), before()

    def looped(init: Any, noise: Any) -> Any:
        last, y = xgrad.scan(autoregression, init, noise, dim="time", lags=3)
        return (y**2).sum() + last.prod()

    def unrolled(init: Any, noise: Any) -> Any:
        values = [init.isel(time=k) for k in range(3)]
        for t in range(5):
            new = 0.6 * values[-1] - 0.2 * values[-2] + 0.1 * values[-3] + noise.isel(time=t)
            values.append(new)
        return sum([v**2 for v in values[3:]]) + values[-1] * values[-2] * values[-3]

    gradient = xgrad.grad(xgrad.jit(looped, ad=ad), (0, 1))
    for found, expected in zip(
        gradient(init, noise), xgrad.grad(unrolled, (0, 1))(init, noise), strict=True
    ):
        np.testing.assert_allclose(found, expected, rtol=1e-12)
    assert gradient.stages(init, noise).hlo.count(" while(") <= 2
