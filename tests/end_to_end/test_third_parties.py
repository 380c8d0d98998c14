"""Packages made for xarray run in compiled functions as they are: values, labels and gradients against eager code.

docs/third_parties.md says which of their functions cannot, and why. A package that is not installed is skipped.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import xarray as xr

import xgrad as xg

RNG = np.random.default_rng(7)
OBSERVED = xr.DataArray(
    RNG.normal(size=(8, 3)) + 3.0,
    {"time": np.arange(8), "site": ["a", "b", "c"]},
    ("time", "site"),
    "level",
)
FORECAST = OBSERVED + 0.1 * RNG.normal(size=(8, 3))
MATRICES = xr.DataArray(RNG.normal(size=(2, 3, 3)) + 5 * np.eye(3), dims=("site", "i", "j"))
VECTORS = xr.DataArray(RNG.normal(size=(2, 3)), dims=("site", "i"))


def check(program: Callable[..., Any], *args: xr.DataArray) -> None:
    """The compiled result is the eager one; the gradient is that of finite differences along a random direction."""
    expected = program(*args)
    found = xg.jit(program)(*args)
    xr.testing.assert_allclose(found, expected)
    xr.testing.assert_identical(found.copy(data=expected.data), expected)

    first, *rest = args
    direction = first.copy(data=RNG.normal(size=first.shape))
    h = 1e-6
    ahead, behind = (program(first + s * h * direction, *rest).sum() for s in (1, -1))
    for ad in ("symbolic", "jax"):
        gradient = xg.jit(xg.grad(lambda *a: program(*a).sum()), ad=ad)(*args)
        slope = float((gradient * direction).sum())
        assert slope == pytest.approx(float(ahead - behind) / (2 * h), rel=1e-5, abs=1e-7)


# ---- accessors -----------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module", autouse=True)
def accessors():
    @xr.register_dataarray_accessor("anomalies")
    class Anomalies:
        """What users write: keeps the array, computes with its methods."""

        def __init__(self, array: xr.DataArray) -> None:
            self.array = array

        def of(self, dim: str) -> xr.DataArray:
            return self.array - self.array.mean(dim)

        @property
        def scaled(self) -> xr.DataArray:
            return self.of("time") / self.array.std("time")

    @xr.register_dataset_accessor("budget")
    class Budget:
        def __init__(self, dataset: xr.Dataset) -> None:
            self.dataset = dataset

        def net(self) -> xr.DataArray:
            return (self.dataset.gain - self.dataset.loss).rename("net")

    yield
    del xr.DataArray.anomalies, xr.Dataset.budget  # pyright: ignore[reportAttributeAccessIssue]


def test_an_accessor_of_dataarrays():
    check(lambda x: x.anomalies.of("time") ** 2, OBSERVED)
    check(lambda x: x.anomalies.scaled**3, OBSERVED)


def test_an_accessor_of_datasets():
    def net(gain: xr.DataArray, loss: xr.DataArray) -> xr.DataArray:
        return xr.Dataset({"gain": gain, "loss": loss**2}).budget.net()

    check(net, OBSERVED, FORECAST)
    dataset = xr.Dataset({"gain": OBSERVED, "loss": FORECAST})
    found = xg.jit(lambda d: d.budget.net())(dataset)
    xr.testing.assert_identical(found, dataset.budget.net())


# ---- packages ------------------------------------------------------------------------------------------------------

SKILL = (
    "rmse mae mse me pearson_r r2 mape smape effective_sample_size linslope median_absolute_error"
)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", SKILL.split())
def test_xskillscore(name: str):
    xskillscore = pytest.importorskip("xskillscore")
    check(lambda a, b: getattr(xskillscore, name)(a, b, "time"), FORECAST, OBSERVED)


LINALG: dict[str, Callable[[Any], Callable[..., xr.DataArray]]] = {
    "inv": lambda la: lambda m: la.inv(m, dims=("i", "j")),
    "det": lambda la: lambda m: la.det(m, dims=("i", "j")),
    "trace": lambda la: lambda m: la.trace(m, dims=("i", "j")),
    "norm": lambda la: lambda m: la.norm(m, dims=("i", "j")),
    "matmul": lambda la: lambda m: la.matmul(m, m, dims=("i", "j")),
    "solve": lambda la: lambda m: la.solve(m, VECTORS, dims=("i", "j")),
}


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", LINALG)
def test_xarray_einstats(name: str):
    linalg = pytest.importorskip("xarray_einstats.linalg")
    check(LINALG[name](linalg), MATRICES)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", ["interp", "diff", "cumsum"])
@pytest.mark.parametrize("padding", ["periodic", "fill"])
def test_xgcm(name: str, padding: str):
    xgcm = pytest.importorskip("xgcm")
    axes = xr.Dataset(coords={"centre": np.arange(0.5, 9), "left": np.arange(9.0)})
    where = {"X": {"center": "centre", "left": "left"}}
    grid = xgcm.Grid(axes, coords=where, padding=padding, autoparse_metadata=False)
    wind = xr.DataArray(RNG.normal(size=9), {"centre": axes.centre}, ("centre",), "wind")
    padding = "fill" if name == "cumsum" else padding
    check(lambda u: getattr(grid, name)(u, "X", padding=padding) ** 2, wind)


SPECTRA: dict[str, Callable[[Any], Callable[..., xr.DataArray]]] = {
    "power": lambda xrft: lambda a: xrft.power_spectrum(a, dim="time", detrend="constant"),
    "fft": lambda xrft: (
        lambda a: abs(xrft.fft(a, dim="time", true_phase=False, true_amplitude=False))
    ),
    "cross": lambda xrft: (
        lambda a: abs(xrft.cross_spectrum(a, FORECAST, dim="time", true_phase=False))
    ),
}


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", SPECTRA)
def test_xrft(name: str):
    xrft = pytest.importorskip("xrft")
    check(SPECTRA[name](xrft), OBSERVED)
