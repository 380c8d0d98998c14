"""Discrete Fourier transforms along one axis. They are linear; cotangents pair as the real part of ``ct * t``."""

from dataclasses import replace
from typing import Any

import numpy as np

from xgrad.axes.arithmetic import Real, conjugate, scaled
from xgrad.axes.base import AbstractLinear, TensorType
from xgrad.axes.constants import full_like, iota, zeros_like
from xgrad.axes.logic import equal, logical_or, where
from xgrad.axes.structural import pad_axis, slice_axis
from xgrad.graph import Var

_SINGLE = ("float16", "float32", "complex64", "bfloat16")
_TO_REAL = ("irfft", "hfft")
_DUAL_NORMS = {None: "forward", "backward": "forward", "forward": "backward", "ortho": "ortho"}


class Fft(AbstractLinear):
    """``numpy.fft.<kind>`` along one axis, which may count from the end.

    ``n`` is the length that is transformed (for irfft and hfft, that of the result); None: as long as it is.
    """

    kind: str
    axis: int
    n: int | None = None
    norm: str | None = None

    def infer(self, x: TensorType) -> TensorType:
        n = self.length(x)
        shape = list(x.shape)
        shape[self.axis] = n // 2 + 1 if self.kind in ("rfft", "ihfft") else n
        names = ("float32", "float64") if self.kind in _TO_REAL else ("complex64", "complex128")
        return TensorType(tuple(shape), np.dtype(names[x.dtype.name not in _SINGLE]))

    def length(self, x: TensorType) -> int:
        """The number of points in time."""
        if self.n is not None:
            return self.n
        size = x.shape[self.axis]
        return 2 * (size - 1) if self.kind in _TO_REAL else size

    def emit(self, xp: Any, x: Any) -> Any:
        return getattr(xp.fft, self.kind)(x, n=self.n, axis=self.axis, norm=self.norm)

    def transpose(self, i: int, ct: Var, x: Var) -> Var:
        """The matrix of a transform is symmetric: a transform is its own transpose, but for its halves."""
        resolved = replace(self, n=self.length(x.type), axis=self.axis % x.type.ndim)
        moved = _TRANSPOSES[self.kind](resolved, ct)
        resized = _resized(moved, self.axis, x.type.shape[self.axis])
        return resized if x.type.dtype.kind == "c" else Real()(resized)


def _transpose_full(op: Fft, ct: Var) -> Var:
    """fftᵀ = fft"""
    return op(ct)


def _transpose_rfft(op: Fft, ct: Var) -> Var:
    """rfft is the first half of fft: its transpose is that of fft, with zeros for the other half."""
    return replace(op, kind="fft")(ct)


def _transpose_irfft(op: Fft, ct: Var) -> Var:
    """Each frequency stands for its mirror image too and counts twice; not the first, nor the middle of an even n."""
    half = conjugate(replace(op, kind="rfft", norm=_DUAL_NORMS[op.norm])(ct))
    place = iota(half.type.shape, op.axis)
    alone = equal(place, zeros_like(place))
    if op.n is not None and op.n % 2 == 0:
        alone = logical_or(alone, equal(place, full_like(place, op.n // 2)))
    return where(alone, half, scaled(half, 2))


def _transpose_hfft(op: Fft, ct: Var) -> Var:
    """hfft is irfft of the conjugate, scaled the other way."""
    return conjugate(_transpose_irfft(replace(op, norm=_DUAL_NORMS[op.norm]), ct))


def _transpose_ihfft(op: Fft, ct: Var) -> Var:
    """ihfft is the conjugate of rfft, scaled the other way."""
    return _transpose_rfft(replace(op, norm=_DUAL_NORMS[op.norm]), conjugate(ct))


_TRANSPOSES = {
    "fft": _transpose_full,
    "ifft": _transpose_full,
    "rfft": _transpose_rfft,
    "irfft": _transpose_irfft,
    "hfft": _transpose_hfft,
    "ihfft": _transpose_ihfft,
}


def _resized(x: Var, axis: int, size: int) -> Var:
    """``x`` cut off or filled up with zeros to ``size`` along ``axis``."""
    n = x.type.shape[axis]
    return slice_axis(x, axis, 0, size) if size <= n else pad_axis(x, axis, 0, size - n)


def fft(x: Var, kind: str, axis: int, n: int | None = None, norm: str | None = None) -> Var:
    """``numpy.fft.<kind>`` along one axis."""
    return Fft(kind, axis, n, norm)(x)
