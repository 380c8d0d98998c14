"""``xg.signal``: the values of SciPy by dim, labels, gradients."""

import numpy as np
import pytest
import scipy.signal
import xarray as xr

import xgrad as xg
from xgrad.errors import ArgumentError, DimensionError, SizeMismatchError

MODES = ("full", "same", "valid")
each_mode = pytest.mark.parametrize("mode", MODES)


@pytest.fixture
def x(rng) -> xr.DataArray:
    coords = {"t": 0.5 * np.arange(9), "c": ["a", "b"]}
    return xr.DataArray(rng.normal(size=(9, 2)), coords, ("t", "c"), attrs={"units": "m"})


@each_mode
@pytest.mark.parametrize("size", [1, 3, 4])
def test_values_are_those_of_scipy(mode, size, x, rng):
    k = xr.DataArray(rng.normal(size=size), dims="lag")
    for name in ("convolve", "correlate", "fftconvolve"):
        found = getattr(xg.signal, name)(x, k, "t", mode=mode)
        for i in range(2):
            expected = getattr(scipy.signal, name)(x.values[:, i], k.values, mode)
            np.testing.assert_allclose(found.isel(c=i), expected, atol=1e-13)
        assert found.dims == ("t", "c")
        xr.testing.assert_identical(found.c, x.c)


def test_labels_are_those_of_the_middle_of_the_kernel(x):
    k = xr.DataArray(np.ones(3) / 3, dims="lag")
    same, valid, full = (xg.signal.convolve(x, k, "t", mode=m) for m in ("same", "valid", "full"))
    xr.testing.assert_identical(same.t, x.t)
    np.testing.assert_array_equal(valid.t, x.t[1:-1])
    xr.testing.assert_allclose(valid, x.rolling(t=3, center=True).mean().dropna("t").drop_attrs())
    assert "t" not in full.coords and full.sizes["t"] == 11


def test_kernels_broadcast_by_name(x, rng):
    k = xr.DataArray(rng.normal(size=(2, 3, 4)), dims=("c", "t", "filter"))
    found = xg.jit(lambda x, k: xg.signal.convolve(x, k, "t"))(x, k)
    assert found.dims == ("t", "c", "filter")
    one = scipy.signal.convolve(x.values[:, 1], k.values[1, :, 2], "same")
    np.testing.assert_allclose(found.isel(c=1, filter=2), one, atol=1e-13)


@pytest.mark.parametrize("name", ["convolve", "correlate", "fftconvolve"])
def test_gradients(name, x, rng):
    k = xr.DataArray(rng.normal(size=3), dims="lag")
    function = getattr(xg.signal, name)
    xg.verify_grad(lambda x, k: (function(x, k, "t", mode="full") ** 2).sum(), [x, k])


def test_complex_kernels():
    x = xr.DataArray([1.0, 2.0, 3.0], dims="t")
    k = xr.DataArray([1j, 1.0], dims="lag")
    for name in ("convolve", "correlate", "fftconvolve"):
        expected = (
            scipy.signal.correlate(x.values, k.values, "full")
            if name == "correlate"
            else scipy.signal.convolve(x.values, k.values, "full")
        )
        np.testing.assert_allclose(
            getattr(xg.signal, name)(x, k, "t", mode="full"), expected, atol=1e-14
        )


@pytest.mark.parametrize("kind", ["linear", "constant"])
def test_detrending(kind, x):
    found = xg.signal.detrend(x, "t", type=kind)
    np.testing.assert_allclose(found, scipy.signal.detrend(x.values, axis=0, type=kind), atol=1e-14)
    assert found.dims == x.dims
    xr.testing.assert_identical(found.t, x.t)


@pytest.mark.parametrize("window", ["hann", "hamming", "blackman", "boxcar"])
def test_spectra_are_those_of_scipy(window, rng):
    x = xr.DataArray(rng.normal(size=(2, 50)), {"t": 0.1 * np.arange(50)}, ("c", "t"))
    found = xg.signal.welch(x, "t", nperseg=16, window=window)
    f, expected = scipy.signal.welch(x.values, 10.0, window, nperseg=16)
    assert found.dims == ("c", "freq_t")
    np.testing.assert_allclose(found.freq_t, f)
    np.testing.assert_allclose(found, expected, rtol=1e-10, atol=1e-30)


def test_gradient_of_a_spectrum(rng):
    x = xr.DataArray(rng.normal(size=(2, 20)), dims=("c", "t"))
    xg.verify_grad(lambda x: xg.signal.welch(x, "t", nperseg=8).sum(), [x])


def test_bad_input(x):
    k = xr.DataArray(np.ones((3, 2)), dims=("lag", "c"))
    with pytest.raises(DimensionError, match=r"dims .'lag', 'c'.: say which"):
        xg.signal.convolve(x, k, "t")
    with pytest.raises(DimensionError, match="cannot convolve along dim 'time'"):
        xg.signal.convolve(x, k, "time", kernel_dim="lag")
    with pytest.raises(SizeMismatchError, match="the kernel has size 20"):
        xg.signal.convolve(x, xr.DataArray(np.ones(20), dims="lag"), "t")
    with pytest.raises(ArgumentError, match="mode is one of"):
        xg.signal.convolve(x, k, "t", kernel_dim="lag", mode="sane")
    with pytest.raises(ArgumentError, match="there is none called 'han'"):
        xg.signal.welch(x, "t", window="han")
    with pytest.raises(ArgumentError, match="named dims"):
        xg.signal.detrend(np.ones(3), "t")


def test_variables_without_the_dim_are_left_alone():
    x = xr.DataArray([1.0, 2.0, 3.0], dims="t")
    found = xg.signal.convolve(
        xr.Dataset({"a": x, "b": 1.0}), xr.DataArray([1.0, 1.0], dims="k"), "t"
    )
    np.testing.assert_array_equal(found.a, [1.0, 3.0, 5.0])
    assert found.b == 1.0


def test_an_unknown_trend():
    with pytest.raises(ArgumentError, match="detrend is 'linear', 'constant' or None, not 'cubic'"):
        xg.signal.welch(xr.DataArray(np.zeros(8), dims="t"), "t", nperseg=4, detrend="cubic")


@pytest.mark.parametrize("mode", ["same", "full", "valid"])
def test_along_two_dims(mode, rng):
    coords = {"lat": np.arange(5), "lon": np.arange(7.0)}
    x = xr.DataArray(rng.normal(size=(2, 5, 7)), coords, ("t", "lat", "lon"))
    k = xr.DataArray(rng.normal(size=(3, 4)), dims=("lat", "lon"))
    found = xg.signal.convolve(x, k, ["lat", "lon"], mode=mode)
    expected = np.stack([scipy.signal.convolve(a, k.values, mode) for a in x.values])
    np.testing.assert_allclose(found, expected, rtol=1e-10, atol=1e-12)
    assert found.dims == x.dims and ("lat" in found.coords) == (mode != "full")


def test_correlations_along_two_dims(rng):
    x = xr.DataArray(rng.normal(size=(5, 7)), dims=("lat", "lon"))
    k = xr.DataArray(rng.normal(size=(3, 2)), dims=("i", "j"))
    found = xg.signal.correlate(x, k, ["lat", "lon"], kernel_dim=["i", "j"], mode="valid")
    np.testing.assert_allclose(
        found, scipy.signal.correlate(x.values, k.values, "valid"), rtol=1e-10
    )
    with pytest.raises(ArgumentError, match="the kernel has as many dims"):
        xg.signal.correlate(x, k, ["lat", "lon"], kernel_dim=["i"])
    with pytest.raises(SizeMismatchError, match="the kernel has size 5 along 'i'"):
        xg.signal.convolve(k, x.rename(lat="i", lon="j"), ["i", "j"])
