"""``xgrad.fft``: discrete Fourier transforms along named dims, with frequencies as coords, and exact inverses.

The dim ``time`` becomes ``freq_time`` (``freq_dim=`` changes it). Its labels are cycles per unit of the coord of
``time``, whose spacing must be even; per second for dates (``unit=`` changes it), per step where there are no labels.
Their attrs say what the inverse needs: the first label, the spacing, the size. Phases are those of ``numpy.fft``: they
count from the first label. Gradients are the transposed transforms.

>>> import numpy as np, xarray as xr, xgrad as xg
>>> x = xr.DataArray([1.0, 2.0, 0.0, 4.0], {"time": [0.0, 0.5, 1.0, 1.5]}, "time")
>>> spectrum = xg.fft.rfft(x, "time")
>>> spectrum.freq_time.values
array([0. , 0.5, 1. ])
>>> xr.testing.assert_allclose(xg.fft.irfft(spectrum, "freq_time"), x)
"""

from collections.abc import Callable, Hashable, Iterable
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import xarray as xr

from xgrad.errors import ArgumentError, SizeMismatchError
from xgrad.functions.calls import apply, core_dims

_HALVES = ("rfft", "ihfft")  # these give the frequencies from 0 on alone
_TOLERANCE = 1e-6  # by how much steps may differ, relatively


class Grid(NamedTuple):
    """Even labels along a dim: the first, the step in ``unit``, how many; dates where ``dates``."""

    dim: Hashable
    size: int
    step: float = 1.0
    start: Any = None  # None: there are no labels
    unit: str = ""
    dates: bool = False


# ---- transforms ----------------------------------------------------------------------------------------------------
def fft(
    x: xr.DataArray,
    dim: Hashable,
    n: int | None = None,
    *,
    norm: str | None = None,
    freq_dim: Hashable | None = None,
    unit: str = "s",
) -> xr.DataArray:
    """The transform along ``dim``, as ``numpy.fft.fft``; ``n`` steps of it (zeros are added at the end).

    Raises DimensionError for a dim that ``x`` lacks, ArgumentError where its labels are uneven or no numbers or dates.

    >>> fft(xr.DataArray([1.0, 1.0], dims="x"), "x").freq_x.values
    array([ 0. , -0.5])
    """
    return _forward("fft", x, dim, n, norm, freq_dim, unit)


def rfft(
    x: xr.DataArray,
    dim: Hashable,
    n: int | None = None,
    *,
    norm: str | None = None,
    freq_dim: Hashable | None = None,
    unit: str = "s",
) -> xr.DataArray:
    """The transform of real ``x`` along ``dim``, for frequencies from 0 on; see ``fft``.

    >>> rfft(xr.DataArray([1.0, 1.0, 1.0], dims="x"), "x").values
    array([3.+0.j, 0.+0.j])
    """
    return _forward("rfft", x, dim, n, norm, freq_dim, unit)


def ihfft(
    x: xr.DataArray,
    dim: Hashable,
    n: int | None = None,
    *,
    norm: str | None = None,
    freq_dim: Hashable | None = None,
    unit: str = "s",
) -> xr.DataArray:
    """The inverse transform of real ``x`` along ``dim``, for frequencies from 0 on; see ``fft``.

    >>> ihfft(xr.DataArray([1.0, 1.0], dims="x"), "x").real.values
    array([1., 0.])
    """
    return _forward("ihfft", x, dim, n, norm, freq_dim, unit)


def ifft(
    x: xr.DataArray,
    dim: Hashable,
    n: int | None = None,
    *,
    norm: str | None = None,
    time_dim: Hashable | None = None,
) -> xr.DataArray:
    """The inverse of ``fft``: along ``dim``, the frequencies, back to the dim and the labels that they came from.

    Without the attrs that ``fft`` gives, the dim gets the name ``time_dim`` or the prefix ``time_``, and labels from 0
    on where frequencies have an even spacing. Raises DimensionError for a dim that ``x`` lacks.

    >>> ifft(fft(xr.DataArray([1.0, 2.0], dims="x"), "x"), "freq_x").real.values
    array([1., 2.])
    """
    return _backward("ifft", x, dim, n, norm, time_dim)


def irfft(
    x: xr.DataArray,
    dim: Hashable,
    n: int | None = None,
    *,
    norm: str | None = None,
    time_dim: Hashable | None = None,
) -> xr.DataArray:
    """The inverse of ``rfft``, of the size that it came from, or ``n``; see ``ifft``.

    >>> irfft(rfft(xr.DataArray([1.0, 2.0, 4.0], dims="x"), "x"), "freq_x").values
    array([1., 2., 4.])
    """
    return _backward("irfft", x, dim, n, norm, time_dim)


def hfft(
    x: xr.DataArray,
    dim: Hashable,
    n: int | None = None,
    *,
    norm: str | None = None,
    time_dim: Hashable | None = None,
) -> xr.DataArray:
    """The inverse of ``ihfft``; see ``ifft``.

    >>> hfft(ihfft(xr.DataArray([1.0, 2.0, 4.0], dims="x"), "x"), "freq_x").values
    array([1., 2., 4.])
    """
    return _backward("hfft", x, dim, n, norm, time_dim)


# ---- along several dims --------------------------------------------------------------------------------------------
def fftn(
    x: xr.DataArray,
    dims: Iterable[Hashable] | None = None,
    *,
    norm: str | None = None,
    unit: str = "s",
) -> xr.DataArray:
    """``fft`` along each of ``dims`` (None: all).

    >>> fftn(xr.DataArray([[1.0, 2.0]], dims=("y", "x"))).dims
    ('freq_y', 'freq_x')
    """
    for dim in core_dims("transform", x, dims):
        x = fft(x, dim, norm=norm, unit=unit)
    return x


def ifftn(
    x: xr.DataArray, dims: Iterable[Hashable] | None = None, *, norm: str | None = None
) -> xr.DataArray:
    """``ifft`` along each of ``dims`` (None: all): the inverse of ``fftn``.

    >>> ifftn(fftn(xr.DataArray([[1.0, 2.0]], dims=("y", "x")))).real.values
    array([[1., 2.]])
    """
    for dim in core_dims("transform", x, dims):
        x = ifft(x, dim, norm=norm)
    return x


def rfftn(
    x: xr.DataArray,
    dims: Iterable[Hashable] | None = None,
    *,
    norm: str | None = None,
    unit: str = "s",
) -> xr.DataArray:
    """``rfft`` along the last of ``dims`` (None: all), then ``fft`` along the others.

    >>> rfftn(xr.DataArray([[1.0, 2.0]], dims=("y", "x"))).sizes["freq_x"]
    2
    """
    *others, last = core_dims("transform", x, dims)
    return fftn(rfft(x, last, norm=norm, unit=unit), others, norm=norm, unit=unit)


def irfftn(
    x: xr.DataArray, dims: Iterable[Hashable] | None = None, *, norm: str | None = None
) -> xr.DataArray:
    """``ifft`` along all of ``dims`` (None: all) but the last, then ``irfft`` along it: the inverse of ``rfftn``.

    >>> irfftn(rfftn(xr.DataArray([[1.0, 2.0]], dims=("y", "x")))).values
    array([[1., 2.]])
    """
    *others, last = core_dims("transform", x, dims)
    return irfft(ifftn(x, others, norm=norm), last, norm=norm)


def fft2(
    x: xr.DataArray, dims: tuple[Hashable, Hashable], *, norm: str | None = None, unit: str = "s"
) -> xr.DataArray:
    """``fftn`` along two dims.

    >>> fft2(xr.DataArray([[1.0, 2.0]], dims=("y", "x")), ("y", "x")).sum().real.item()
    2.0
    """
    return fftn(x, _two(dims), norm=norm, unit=unit)


def ifft2(
    x: xr.DataArray, dims: tuple[Hashable, Hashable], *, norm: str | None = None
) -> xr.DataArray:
    """``ifftn`` along two dims.

    >>> ifft2(xr.DataArray([[1.0, 2.0]], dims=("y", "x")), ("y", "x")).sum().real.item()
    1.0
    """
    return ifftn(x, _two(dims), norm=norm)


def _two(dims: tuple[Hashable, Hashable]) -> tuple[Hashable, ...]:
    if isinstance(dims, str) or len(dims) != 2:
        raise ArgumentError(
            f"this transform is along two dims, not {dims!r}; fftn takes any number."
        )
    return tuple(dims)


def fftshift(x: xr.DataArray, dims: Any = None) -> xr.DataArray:
    """Values and labels with frequency 0 moved to the middle of ``dims`` (None: all).

    >>> fftshift(fft(xr.DataArray([1.0, 0.0, 0.0], dims="x"), "x")).freq_x.round(2).values
    array([-0.33,  0.  ,  0.33])
    """
    return x.roll({d: x.sizes[d] // 2 for d in core_dims("shift", x, dims)}, roll_coords=True)


def ifftshift(x: xr.DataArray, dims: Any = None) -> xr.DataArray:
    """The inverse of ``fftshift``.

    >>> x = fft(xr.DataArray([1.0, 0.0, 0.0], dims="x"), "x")
    >>> ifftshift(fftshift(x)).freq_x.round(2).values
    array([ 0.  ,  0.33, -0.33])
    """
    return x.roll({d: -(x.sizes[d] // 2) for d in core_dims("shift", x, dims)}, roll_coords=True)


# ---- how a transform is done ---------------------------------------------------------------------------------------
def _forward(
    kind: str,
    x: xr.DataArray,
    dim: Hashable,
    n: int | None,
    norm: str | None,
    freq_dim: Hashable | None,
    unit: str,
) -> xr.DataArray:
    (dim,) = core_dims(f"take {kind}", x, (dim,))
    grid = grid_of(x, dim, unit)._replace(size=_size(kind, n, x.sizes[dim]))
    name = f"freq_{dim}" if freq_dim is None else freq_dim
    found = _transformed(kind, x, dim, name, grid.size, norm)
    return found.assign_coords({name: frequencies(kind, name, grid)})


def _backward(
    kind: str,
    x: xr.DataArray,
    dim: Hashable,
    n: int | None,
    norm: str | None,
    time_dim: Hashable | None,
) -> xr.DataArray:
    (dim,) = core_dims(f"take {kind}", x, (dim,))
    grid = _origin(kind, x, dim)
    grid = grid._replace(
        size=_size(kind, n, grid.size), dim=grid.dim if time_dim is None else time_dim
    )
    found = _transformed(kind, x, dim, grid.dim, grid.size, norm)
    return found if grid.start is None else found.assign_coords({grid.dim: _labels(grid)})


def _size(kind: str, n: int | None, size: int) -> int:
    if n is None:
        n = size
    if n < 1:
        raise SizeMismatchError(f"{kind} of {n} steps: there must be one at least.")
    return int(n)


def _transformed(
    kind: str, x: xr.DataArray, dim: Hashable, name: Hashable, n: int, norm: str | None
) -> xr.DataArray:
    if norm not in (None, "backward", "ortho", "forward"):
        raise ArgumentError(f"norm is 'backward', 'ortho' or 'forward', not {norm!r}.")
    found = apply(_kernel(kind), x, core=[[dim]], out=[[name]], resized=[dim], n=n, norm=norm)
    return found.transpose(*[name if d == dim else d for d in x.dims])


_KERNELS: dict[str, Callable[..., Any]] = {}


def _kernel(kind: str) -> Callable[..., Any]:
    """The transform along the last axis, the same object every time."""

    def transform(a: Any, *, n: int, norm: str | None) -> Any:
        return getattr(np.fft, kind)(a, n, -1, norm)

    return _KERNELS.setdefault(kind, transform)


# ---- labels --------------------------------------------------------------------------------------------------------
def grid_of(x: xr.DataArray, dim: Hashable, unit: str) -> Grid:
    """The labels of ``x`` along ``dim``."""
    size = x.sizes[dim]
    index = x.indexes.get(dim)
    if index is None or size < 2:
        return Grid(dim, size)
    if isinstance(index, pd.DatetimeIndex | pd.TimedeltaIndex):
        start = (
            str(np.datetime_as_string(index.values[0]))
            if isinstance(index, pd.DatetimeIndex)
            else None
        )
        steps = np.diff(index.values) / np.timedelta64(1, unit)
        return Grid(dim, size, _even(dim, steps), start, unit, True)
    if not pd.api.types.is_numeric_dtype(index.dtype):
        raise ArgumentError(
            f"dim {dim!r} has labels of dtype {index.dtype}, which have no spacing.\n"
            f"Transform without them: x.drop_vars({dim!r})."
        )
    step = _even(dim, np.diff(index.values.astype(float)))
    return Grid(dim, size, step, float(index[0]), str(x[dim].attrs.get("units", "")))


def _even(dim: Hashable, steps: np.ndarray) -> float:
    """The one step between labels."""
    step = float(np.mean(steps))
    worst = int(np.argmax(np.abs(steps - step)))
    if abs(steps[worst] - step) > _TOLERANCE * abs(step):
        raise ArgumentError(
            f"the labels along {dim!r} are not evenly spaced: {steps[worst]:g} at position {worst}, {step:g} on"
            f" average.\nInterpolate to even labels first, with .interp, or drop them: x.drop_vars({dim!r})."
        )
    return step


def frequencies(kind: str, name: Hashable, grid: Grid) -> xr.Variable:
    """The labels of a transform of ``grid``."""
    frequency = np.fft.rfftfreq if kind in _HALVES else np.fft.fftfreq
    attrs: dict[str, Any] = {"transform_of": str(grid.dim), "size": grid.size, "spacing": grid.step}
    if grid.start is not None:
        attrs["start"] = grid.start
    if grid.unit:
        attrs["units"] = f"1/{grid.unit}"
    return xr.Variable((name,), frequency(grid.size, grid.step), attrs)


def _origin(kind: str, x: xr.DataArray, dim: Hashable) -> Grid:
    """What the frequencies along ``dim`` say of the labels that they came from."""
    size = x.sizes[dim]
    attrs = x.coords[dim].attrs if dim in x.coords else {}
    full = size if kind == "ifft" else 2 * (size - 1)
    if attrs.get("transform_of") is not None and _fits(kind, attrs["size"], size):
        unit = str(attrs.get("units", "")).removeprefix("1/")
        start = attrs.get("start")
        return Grid(
            attrs["transform_of"],
            attrs["size"],
            attrs["spacing"],
            start,
            unit,
            isinstance(start, str),
        )
    name = str(dim).removeprefix("freq_") if str(dim).startswith("freq_") else f"time_{dim}"
    index = x.indexes.get(dim)
    if index is None or size < 2 or not pd.api.types.is_numeric_dtype(index.dtype):
        return Grid(name, full)
    return Grid(name, full, 1 / (full * abs(float(index[1] - index[0]))), 0.0)


def _fits(kind: str, known: int, size: int) -> bool:
    """Whether as many frequencies are still there as there were."""
    return size == (known if kind == "ifft" else known // 2 + 1)


def _labels(grid: Grid) -> xr.Variable:
    steps = np.arange(grid.size)
    if not grid.dates:
        attrs = {"units": grid.unit} if grid.unit else {}
        return xr.Variable((grid.dim,), grid.start + grid.step * steps, attrs)
    nanoseconds = np.rint(
        steps * grid.step * (np.timedelta64(1, grid.unit) / np.timedelta64(1, "ns"))
    )
    start = np.datetime64(grid.start, "ns")
    return xr.Variable((grid.dim,), start + nanoseconds.astype("timedelta64[ns]"))
