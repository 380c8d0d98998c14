"""``xgrad.signal``: convolutions, correlations, trends and spectra along named dims, with gradients.

>>> import xarray as xr, xgrad as xg
>>> x = xr.DataArray([1.0, 2.0, 3.0, 4.0], {"time": [0, 1, 2, 3]}, "time")
>>> smooth = xr.DataArray([0.25, 0.5, 0.25], dims="lag")
>>> xg.signal.convolve(x, smooth, "time", kernel_dim="lag", mode="same").values
array([1.  , 2.  , 3.  , 2.75])
"""

from collections.abc import Hashable
from typing import Any

import numpy as np
import xarray as xr

from xgrad.errors import ArgumentError, SizeMismatchError
from xgrad.functions import fft as transforms
from xgrad.functions.calls import along, apply, core_dims, one_dim
from xgrad.labels.duck import windows

_MODES = ("full", "same", "valid")


# ---- convolution ---------------------------------------------------------------------------------------------------
def convolve(
    x: xr.DataArray,
    kernel: xr.DataArray,
    dim: Hashable | list[Hashable],
    *,
    kernel_dim: Hashable | list[Hashable] | None = None,
    mode: str = "same",
) -> xr.DataArray:
    """Σ_k x(t - k) kernel(k) along ``dim``; ``kernel_dim`` is the dim of the kernel (default: its only one).

    ``mode``: ``"same"`` (the labels of ``x``, the kernel centred), ``"full"`` (without labels along ``dim``) or
    ``"valid"`` (where the kernel fits, with the labels of its centre). Along several dims, given as a list, with a list
    of those of the kernel (default: of the same names). All other dims broadcast by name. Raises
    DimensionError for dims that are not there, SizeMismatchError where the kernel is longer than ``x``.

    >>> x = xr.DataArray([1.0, 2.0, 3.0], dims="x")
    >>> convolve(x, xr.DataArray([1.0, 1.0], dims="k"), "x", mode="full").values
    array([1., 3., 5., 3.])
    """
    if _are_several(dim):
        return _filtered_grid(windows.convolve_grids, "convolve", x, kernel, dim, kernel_dim, mode)
    return _filtered(windows.convolve_rows, "convolve", x, kernel, dim, kernel_dim, mode)


def correlate(
    x: xr.DataArray,
    kernel: xr.DataArray,
    dim: Hashable | list[Hashable],
    *,
    kernel_dim: Hashable | list[Hashable] | None = None,
    mode: str = "same",
) -> xr.DataArray:
    """Σ_k x(t + k) kernel*(k) along ``dim``: see ``convolve``.

    >>> x = xr.DataArray([1.0, 2.0, 3.0], dims="x")
    >>> correlate(x, xr.DataArray([0.0, 1.0], dims="k"), "x", mode="valid").values
    array([2., 3.])
    """
    if _are_several(dim):
        grids = windows.correlate_grids
        return _filtered_grid(grids, "correlate", x, kernel, dim, kernel_dim, mode)
    return _filtered(windows.correlate_rows, "correlate", x, kernel, dim, kernel_dim, mode)


def fftconvolve(
    x: xr.DataArray,
    kernel: xr.DataArray,
    dim: Hashable,
    *,
    kernel_dim: Hashable | None = None,
    mode: str = "same",
) -> xr.DataArray:
    """``convolve`` by way of Fourier transforms: for long kernels, n log n instead of n m operations.

    >>> x = xr.DataArray([1.0, 2.0, 3.0], dims="x")
    >>> fftconvolve(x, xr.DataArray([1.0, 1.0], dims="k"), "x", mode="full").round(6).values
    array([1., 3., 5., 3.])
    """
    return _filtered(_fft_rows, "convolve", x, kernel, dim, kernel_dim, mode)


def _filtered(
    function: Any,
    doing: str,
    x: xr.DataArray,
    kernel: xr.DataArray,
    dim: Any,
    kernel_dim: Any,
    mode: str,
) -> xr.DataArray:
    if mode not in _MODES:
        raise ArgumentError(f"{doing}: mode is one of {_MODES}, not {mode!r}.")
    if isinstance(x, xr.Dataset):
        core_dims(doing, x, (dim,))
        each = (function, doing)
        return x.map(
            lambda v: _filtered(*each, v, kernel, dim, kernel_dim, mode) if dim in v.dims else v,
            keep_attrs=True,
        )
    (dim,) = core_dims(doing, x, (dim,))
    known = tuple(kernel.dims) if isinstance(kernel, xr.DataArray) else ()
    kernel_dim = (
        dim
        if kernel_dim is None and dim in known
        else one_dim(f"{doing} with a kernel", kernel, kernel_dim)
    )
    size, length = x.sizes[dim], kernel.sizes[kernel_dim]
    if not 1 <= length <= size:
        raise _unequal(doing, length, kernel_dim, size, dim)
    short = kernel.drop_vars([kernel_dim], errors="ignore").rename({kernel_dim: "kernel"})
    found = apply(
        function,
        x,
        short,
        core=[[dim], ["kernel"]],
        out=[[dim]],
        resized=[dim],
        mode=mode,
    )
    found = found.transpose(*x.dims, ...)
    if mode == "full" or dim not in x.coords:
        return found
    before = 0 if mode == "same" else (length - 1) // 2
    return found.assign_coords({dim: x[dim].isel({dim: slice(before, before + found.sizes[dim])})})


def _are_several(dim: Any) -> bool:
    return isinstance(dim, list | tuple)


def _filtered_grid(
    function: Any, doing: str, x: Any, kernel: Any, dim: Any, kernel_dim: Any, mode: str
) -> xr.DataArray:
    """Along several dims at once."""
    if mode not in _MODES:
        raise ArgumentError(f"{doing}: mode is one of {_MODES}, not {mode!r}.")
    dims = core_dims(doing, x, dim)
    theirs = core_dims(f"{doing} with a kernel", kernel, dims if kernel_dim is None else kernel_dim)
    if len(theirs) != len(dims):
        raise ArgumentError(f"{doing} along {dims}: the kernel has as many dims, not {theirs}.")
    for d, k in zip(dims, theirs, strict=True):
        if not 1 <= kernel.sizes[k] <= x.sizes[d]:
            raise _unequal(doing, kernel.sizes[k], k, x.sizes[d], d)
    names = [f"kernel_{i}" for i in range(len(dims))]
    short = kernel.drop_vars(theirs, errors="ignore").rename(dict(zip(theirs, names, strict=True)))
    found = apply(
        function,
        x,
        short,
        core=[dims, names],
        out=[dims],
        resized=dims,
        mode=mode,
        ndim=len(dims),
    )
    found = found.transpose(*x.dims, ...)
    before = {k: 0 if mode == "same" else (kernel.sizes[k] - 1) // 2 for k in theirs}
    labels = {
        d: x[d].isel({d: slice(before[k], before[k] + found.sizes[d])})
        for d, k in zip(dims, theirs, strict=True)
        if d in x.coords and mode != "full"
    }
    return found.assign_coords(labels)


def _unequal(
    doing: str, length: int, kernel_dim: Hashable, size: int, dim: Hashable
) -> SizeMismatchError:
    return SizeMismatchError(
        f"{doing}: the kernel has size {length} along {kernel_dim!r}, and the array {size} along {dim!r};"
        " the kernel must not be empty, or longer."
    )


def _fft_rows(a: Any, v: Any, *, mode: str) -> Any:
    """The convolution along last axes as a product of transforms."""
    n, m = a.shape[-1], v.shape[-1]
    length = n + m - 1
    if a.dtype.kind == "c" or v.dtype.kind == "c":
        full = np.fft.ifft(np.fft.fft(a, length) * np.fft.fft(v, length))
    else:
        full = np.fft.irfft(np.fft.rfft(a, length) * np.fft.rfft(v, length), length)
    start, stop = {
        "full": (0, length),
        "same": ((m - 1) // 2, (m - 1) // 2 + n),
        "valid": (m - 1, n),
    }[mode]
    return full[..., start:stop]


# ---- trends --------------------------------------------------------------------------------------------------------
def detrend(x: xr.DataArray, dim: Hashable, *, type: str = "linear") -> xr.DataArray:
    """``x`` less its mean (``"constant"``) or its least-squares line (``"linear"``) along ``dim``, step by step.

    Raises DimensionError for a dim that ``x`` lacks.

    >>> detrend(xr.DataArray([1.0, 2.0, 3.0], dims="x"), "x").round(6).values + 0
    array([0., 0., 0.])
    """
    if type not in ("linear", "constant"):
        raise ArgumentError(f"detrend: type is 'linear' or 'constant', not {type!r}.")
    dims = core_dims("detrend", x, (dim,))
    return along(_detrended, x, dims, kind=type)


def _detrended(a: Any, *, kind: str) -> Any:
    centred = a - np.mean(a, axis=-1, keepdims=True)
    if kind == "constant" or a.shape[-1] < 2:
        return centred
    steps = np.arange(a.shape[-1]) - (a.shape[-1] - 1) / 2
    slope = np.sum(centred * steps, axis=-1, keepdims=True) / np.sum(steps**2)
    return centred - slope * steps


# ---- spectra -------------------------------------------------------------------------------------------------------
def welch(
    x: xr.DataArray,
    dim: Hashable,
    *,
    nperseg: int = 256,
    noverlap: int | None = None,
    window: str = "hann",
    detrend: str | None = "constant",
    unit: str = "s",
) -> xr.DataArray:
    """The power spectral density along ``dim`` by Welch's mean over segments, one-sided; dim ``freq_<dim>``.

    Segments have ``nperseg`` steps (at most all), ``noverlap`` (default: half) of them shared with the next, are
    detrended and multiplied by the window (``"hann"``, ``"hamming"``, ``"blackman"`` or ``"boxcar"``). In units of x²
    per unit of frequency. Source: Welch 1967; numbers are those of ``scipy.signal.welch``.

    >>> x = xr.DataArray([1.0, -1.0] * 4, dims="t")
    >>> welch(x, "t", nperseg=4).idxmax().item()
    0.5
    """
    if window not in _WINDOWS:
        raise ArgumentError(
            f"welch: the windows are {', '.join(_WINDOWS)}; there is none called {window!r}."
        )
    if detrend not in ("linear", "constant", None):
        raise ArgumentError(f"welch: detrend is 'linear', 'constant' or None, not {detrend!r}.")
    (dim,) = core_dims("take a spectrum", x, (dim,))
    length = min(nperseg, x.sizes[dim])
    step = length - (length // 2 if noverlap is None else noverlap)
    if not 1 <= step <= length:
        raise ArgumentError(
            f"welch: segments of {length} steps cannot share {noverlap} with the next."
        )
    grid = transforms.grid_of(x, dim, unit)
    found = apply(
        _welch_rows,
        x,
        core=[[dim]],
        out=[[f"freq_{dim}"]],
        resized=[dim],
        length=length,
        step=step,
        spacing=grid.step,
        window=window,
        trend=detrend,
    )
    labels = transforms.frequencies("rfft", f"freq_{dim}", grid._replace(size=length, start=None))
    return found.transpose(*[f"freq_{dim}" if d == dim else d for d in x.dims]).assign_coords(
        {f"freq_{dim}": labels}
    )


def _cosines(*weights: float) -> Any:
    """The periodic window Σ_k (-1)^k w_k cos(2πkt/n)."""

    def window(n: int) -> np.ndarray:
        angle = 2 * np.pi * np.arange(n) / n
        terms = [(-1) ** k * w * np.cos(k * angle) for k, w in enumerate(weights)]
        return np.sum(terms, axis=0)

    return window


_WINDOWS = {
    "boxcar": _cosines(1.0),
    "hann": _cosines(0.5, 0.5),
    "hamming": _cosines(0.54, 0.46),
    "blackman": _cosines(0.42, 0.5, 0.08),
}


def _welch_rows(
    a: Any, *, length: int, step: int, spacing: float, window: str, trend: str | None
) -> Any:
    segments = np.lib.stride_tricks.sliding_window_view(a, length, -1)[..., ::step, :]
    segments = segments if trend is None else _detrended(segments, kind=trend)
    taper = _WINDOWS[window](length)
    spectrum = np.fft.rfft(segments * taper)
    power = np.real(spectrum) ** 2 + np.imag(spectrum) ** 2
    twice = np.full(
        length // 2 + 1, 2.0
    )  # each frequency stands for its mirror image too, but for the ends
    twice[0] = 1.0
    if length % 2 == 0:
        twice[-1] = 1.0
    return np.mean(power, axis=-2) * (twice * spacing / np.sum(taper**2))
