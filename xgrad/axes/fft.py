"""Discrete Fourier transforms along one axis."""

from typing import Any

import numpy as np

from xgrad.axes.base import AbstractOpaque, TensorType

_COMPLEX = {"float32": "complex64", "complex64": "complex64"}
_REAL = {"complex64": "float32", "float32": "float32"}


class Fft(AbstractOpaque):
    """``numpy.fft.<kind>`` along one axis: fft, ifft, rfft, irfft, hfft or ihfft.

    ``n`` is the length that is transformed (for irfft and hfft, of the result); None: as long as it is.
    """

    kind: str
    axis: int
    n: int | None = None
    norm: str | None = None

    def infer(self, x: TensorType) -> TensorType:
        shape = list(x.shape)
        size = self.n
        if self.kind in ("irfft", "hfft"):
            size = 2 * (shape[self.axis] - 1) if size is None else size
            dtype = _REAL.get(x.dtype.name, "float64")
        else:
            size = shape[self.axis] if size is None else size
            size = size // 2 + 1 if self.kind in ("rfft", "ihfft") else size
            dtype = _COMPLEX.get(x.dtype.name, "complex128")
        shape[self.axis] = size
        return TensorType(tuple(shape), np.dtype(dtype))

    def emit(self, xp: Any, x: Any) -> Any:
        return getattr(xp.fft, self.kind)(x, n=self.n, axis=self.axis, norm=self.norm)


def fft(x: Any, kind: str, axis: int, n: int | None = None, norm: str | None = None) -> Any:
    return Fft(kind, axis, n, norm)(x)
