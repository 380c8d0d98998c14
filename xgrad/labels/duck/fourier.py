"""numpy.fft on traced arrays."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from xgrad.axes.fft import Fft
from xgrad.labels.duck.linalg import blockwise

Array = Any


def one_axis(kind: str) -> Callable[..., Array]:
    """``np.fft.<kind>``, a transform along one axis."""

    def transform(
        a: Array, n: int | None = None, axis: int = -1, norm: str | None = None, out: Any = None
    ) -> Array:
        a = np.moveaxis(_transformable(a, kind), axis, -1)
        (result,) = blockwise(Fft(kind, -1, n, norm), a, 1, [(0,)])
        return np.moveaxis(result, -1, axis)

    return transform


def _transformable(a: Array, kind: str) -> Array:
    return a if a.dtype.kind in "fc" and a.dtype != np.float16 else a.astype(np.float64)


def several_axes(kind: str) -> Callable[..., Array]:
    """``np.fft.<kind>n``: the transform along one axis after the other, the real one on the last axis."""
    transform = one_axis({"rfft": "fft", "irfft": "ifft"}.get(kind, kind))
    last = one_axis(kind)

    def transforms(
        a: Array,
        s: Sequence[int] | None = None,
        axes: Sequence[int] | None = None,
        norm: str | None = None,
        out: Any = None,
    ) -> Array:
        axes = range(-len(s) if s is not None else -a.ndim, 0) if axes is None else axes
        sizes = [None] * len(axes) if s is None else list(s)
        steps = list(zip(axes, sizes, strict=True))
        if kind == "rfft":
            a = last(a, steps[-1][1], steps[-1][0], norm)
        for axis, n in steps[:-1] if kind in ("rfft", "irfft") else steps:
            a = transform(a, n, axis, norm)
        return last(a, steps[-1][1], steps[-1][0], norm) if kind == "irfft" else a

    return transforms


def two_axes(kind: str) -> Callable[..., Array]:
    """``np.fft.<kind>2``."""
    transforms = several_axes(kind)

    def transform(
        a: Array, s: Any = None, axes: Sequence[int] = (-2, -1), norm: Any = None, out: Any = None
    ) -> Array:
        return transforms(a, s, axes, norm)

    return transform


def fftshift(x: Array, axes: Any = None) -> Array:
    return _shifted(x, axes, lambda n: n // 2)


def ifftshift(x: Array, axes: Any = None) -> Array:
    return _shifted(x, axes, lambda n: -(n // 2))


def _shifted(x: Array, axes: Any, by: Callable[[int], int]) -> Array:
    axes = tuple(range(x.ndim)) if axes is None else tuple(np.atleast_1d(axes))
    return np.roll(x, [by(x.shape[k]) for k in axes], axes)
