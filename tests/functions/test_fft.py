"""``xg.fft``: the values of NumPy, frequencies as coords, inverses that bring labels back, gradients."""

import numpy as np
import pytest
import xarray as xr

import xgrad as xg
from xgrad.errors import ArgumentError, DimensionError, SizeMismatchError


@pytest.fixture
def x(rng) -> xr.DataArray:
    coords = {"y": ["a", "b"], "t": ("t", 10 + 0.25 * np.arange(7), {"units": "m"})}
    return xr.DataArray(rng.normal(size=(2, 7, 3)), coords, ("y", "t", "z"))


@pytest.mark.parametrize("norm", [None, "ortho", "forward"])
@pytest.mark.parametrize("kind", ["fft", "rfft", "ihfft"])
def test_values_and_frequencies(kind, norm, x):
    found = getattr(xg.fft, kind)(x, "t", norm=norm)
    assert found.dims == ("y", "freq_t", "z")
    np.testing.assert_allclose(
        found, getattr(np.fft, kind)(x.values, axis=1, norm=norm), atol=1e-13
    )
    frequencies = np.fft.fftfreq if kind == "fft" else np.fft.rfftfreq
    np.testing.assert_allclose(found.freq_t, frequencies(7, 0.25))
    assert found.freq_t.attrs["units"] == "1/m"
    xr.testing.assert_identical(found.y, x.y)


@pytest.mark.parametrize("there, back", [("fft", "ifft"), ("rfft", "irfft"), ("ihfft", "hfft")])
@pytest.mark.parametrize("size", [6, 7])
def test_inverses_bring_values_and_labels_back(there, back, size, x):
    x = x.isel(t=slice(size))

    def round_trip(x):
        return getattr(xg.fft, back)(getattr(xg.fft, there)(x, "t"), "freq_t").real

    for found in (round_trip(x), xg.jit(round_trip)(x)):
        assert found.dims == x.dims
        xr.testing.assert_allclose(found, x.drop_attrs(), rtol=1e-12)


def test_dates_have_frequencies_per_unit_and_come_back():
    times = np.datetime64("2001-01-01", "ns") + np.arange(8) * np.timedelta64(6, "h")
    x = xr.DataArray(np.arange(8.0), {"time": times}, "time")
    per_second = xg.fft.rfft(x, "time")
    per_day = xg.fft.rfft(x, "time", unit="D")
    np.testing.assert_allclose(per_second.freq_time, np.fft.rfftfreq(8, 6 * 3600))
    np.testing.assert_allclose(per_day.freq_time, np.fft.rfftfreq(8, 0.25))
    assert per_day.freq_time.attrs["units"] == "1/D"
    for spectrum in (per_second, per_day):
        back = xg.fft.irfft(spectrum, "freq_time")
        np.testing.assert_array_equal(back.time, times)
        np.testing.assert_allclose(back, x)


def test_several_dims(x):
    x = x.drop_vars("y")
    np.testing.assert_allclose(xg.fft.fftn(x), np.fft.fftn(x.values), atol=1e-12)
    np.testing.assert_allclose(
        xg.fft.fft2(x, ("y", "z")), np.fft.fft2(x.values, axes=(0, 2)), atol=1e-12
    )
    half = xg.fft.rfftn(x, ("t", "z"))
    np.testing.assert_allclose(half, np.fft.rfftn(x.values, axes=(1, 2)), atol=1e-12)
    xr.testing.assert_allclose(xg.fft.irfftn(half, ("freq_t", "freq_z")), x.drop_attrs())
    xr.testing.assert_allclose(xg.fft.ifftn(xg.fft.fftn(x)).real, x.drop_attrs())
    xr.testing.assert_allclose(
        xg.fft.ifft2(xg.fft.fft2(x, ("y", "z")), ("freq_y", "freq_z")).real, x.drop_attrs()
    )


def test_shifts_move_labels(x):
    spectrum = xg.fft.fft(x, "t")
    shifted = xg.fft.fftshift(spectrum, "freq_t")
    assert bool((np.diff(shifted.freq_t) > 0).all())
    np.testing.assert_array_equal(shifted, np.fft.fftshift(spectrum.values, axes=1))
    xr.testing.assert_equal(xg.fft.ifftshift(shifted, "freq_t"), spectrum)


def test_other_sizes_and_names(x):
    found = xg.fft.rfft(x, "t", 10, freq_dim="k")
    np.testing.assert_allclose(found, np.fft.rfft(x.values, 10, axis=1), atol=1e-13)
    assert found.dims == ("y", "k", "z")
    cut = xg.fft.irfft(found.drop_vars("k"), "k", 9, time_dim="t")
    np.testing.assert_allclose(cut, np.fft.irfft(found.values, 9, axis=1), atol=1e-13)
    assert cut.dims == ("y", "t", "z")
    plain = xr.DataArray(np.ones((3,)), {"f": [0.0, 0.5, 1.0]}, "f")
    assert xg.fft.irfft(plain, "f").time_f.values.tolist() == [0.0, 0.5, 1.0, 1.5]


@pytest.mark.parametrize("ad", ["symbolic", "jax"])
def test_gradients(ad, x, rng):
    weights = xr.DataArray(rng.normal(size=4), dims="freq_t")

    def cost(x):
        spectrum = xg.fft.rfft(x, "t")
        return ((np.abs(spectrum) ** 2) * weights.variable).sum()

    found = xg.grad(xg.jit(cost, ad=ad))(x)
    near = xg.numeric_grad(cost, [x])
    np.testing.assert_allclose(
        found, near[0] if isinstance(near, list | tuple) else near, rtol=1e-6
    )


# ---- bad input -----------------------------------------------------------------------------------------------------
def test_uneven_labels_are_refused_with_their_place():
    x = xr.DataArray(np.ones(4), {"t": [0.0, 1.0, 2.5, 3.0]}, "t")
    with pytest.raises(ArgumentError, match=r"not evenly spaced: 1.5 at position 1"):
        xg.fft.fft(x, "t")
    assert xg.fft.fft(x.drop_vars("t"), "t").freq_t.size == 4


def test_labels_without_spacing_are_refused(x):
    with pytest.raises(ArgumentError, match="have no spacing"):
        xg.fft.fft(x, "y")


def test_unknown_dims_sizes_and_norms(x):
    with pytest.raises(DimensionError, match="cannot take rfft along dim 'time'"):
        xg.fft.rfft(x, "time")
    with pytest.raises(SizeMismatchError, match="there must be one at least"):
        xg.fft.rfft(x, "t", 0)
    with pytest.raises(ArgumentError, match="norm is"):
        xg.fft.rfft(x, "t", norm="backwards")
    with pytest.raises(ArgumentError, match="two dims"):
        xg.fft.fft2(x, ("t",))
