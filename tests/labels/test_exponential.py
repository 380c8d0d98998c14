"""``rolling_exp`` under the trace, against pandas, which has the same definitions (eager xarray needs numbagg)."""

from typing import Any

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from xarray.computation.rolling_exp import RollingExp

import xgrad
from tests.labels.programs import assert_gradient, assert_same_program

RNG = np.random.default_rng(19)
T = xr.DataArray(
    RNG.normal(300, 1, size=(9, 2, 3)),
    {"time": np.arange(9), "lat": [0.0, 1.0]},
    ("time", "lat", "lon"),
    "tas",
    {"units": "K"},
)
HOLED = T.where(xr.DataArray(RNG.random(T.shape) > 0.3, dims=T.dims))
HOLED[:3, 0, 0] = np.nan
MOMENTS = ["mean", "sum", "var", "std"]


def by_pandas(a: xr.DataArray, name: str, **window: Any) -> xr.DataArray:
    frame = pd.DataFrame(a.transpose("time", ...).values.reshape(a.sizes["time"], -1))
    moments = frame.ewm(adjust=True, ignore_na=False, **window)
    values = getattr(moments, name)().values.reshape(a.transpose("time", ...).shape)
    return a.transpose("time", ...).copy(data=values).transpose(*a.dims)


@pytest.mark.parametrize("name", MOMENTS)
@pytest.mark.parametrize("data", [T, HOLED], ids=["whole", "holed"])
@pytest.mark.parametrize("window", [{"span": 4}, {"alpha": 0.3}, {"halflife": 2}, {"com": 1.5}])
def test_moments(name: str, data: xr.DataArray, window: dict[str, float]) -> None:
    ((kind, size),) = window.items()

    def program(a: Any) -> Any:
        return getattr(a.rolling_exp(time=size, window_type=kind), name)()

    assert_same_program(program, data, want=by_pandas(data, name, **window), rtol=1e-8)
    moved = data.transpose("lat", "lon", "time")
    assert_same_program(program, moved, want=by_pandas(moved, name, **window), rtol=1e-8)


@pytest.mark.parametrize("name", MOMENTS)
def test_gradients(name: str) -> None:
    def program(a: Any) -> Any:
        return getattr(a.rolling_exp(time=4), name)()

    assert_gradient(program, HOLED - 300, eager=lambda a: by_pandas(a, name, span=4), rtol=1e-4)


def test_two_arrays() -> None:
    other = T**2 / 300 + RNG.normal(size=T.shape)
    series, partner = (pd.DataFrame(x.values.reshape(9, -1)) for x in (HOLED, other))
    for name in ("cov", "corr"):
        columns = [
            getattr(series[k].where(partner[k].notna()).ewm(span=4), name)(
                partner[k].where(series[k].notna())
            )
            for k in series
        ]
        want = HOLED.copy(data=np.stack(columns, -1).reshape(HOLED.shape))
        assert_same_program(
            lambda a, b, name=name: getattr(a.rolling_exp(time=4), name)(b),
            HOLED,
            other,
            want=want,
            rtol=1e-6,
        )


def test_what_weighs_too_little_is_missing() -> None:
    got = xgrad.jit(lambda a: RollingExp(a, {"time": 4}, min_weight=0.5).mean())(T)
    weight = 0.4 * np.cumsum(0.6 ** np.arange(9))
    np.testing.assert_array_equal(got.isnull().values[:, 0, 0], weight < 0.5)


def test_datasets_and_attrs() -> None:
    want = by_pandas(T, "mean", span=3)
    dataset = T.to_dataset().assign(other=("q", [1.0]))
    assert_same_program(
        lambda ds: ds.rolling_exp(time=3).mean(), dataset, want=dataset.assign(tas=want), rtol=1e-8
    )
    assert_same_program(
        lambda a: a.rolling_exp(time=3).mean(keep_attrs=False), T, want=want.drop_attrs(), rtol=1e-8
    )
