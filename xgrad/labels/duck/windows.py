"""NumPy's functions of neighbours along an axis: pad, windows, differences, integrals, interpolation, convolution."""

from collections.abc import Callable, Sequence
from typing import Any, Final

import numpy as np
from numpy.lib.array_utils import normalize_axis_index, normalize_axis_tuple

from xgrad.axes.arithmetic import Divide, Subtract
from xgrad.errors import UnsupportedError
from xgrad.labels.core import is_traced_array, make, real, trace_of
from xgrad.labels.duck.elementwise import as_traced, conform
from xgrad.labels.duck.joining import take
from xgrad.labels.recording import recorded
from xgrad.labels.scope import fresh
from xgrad.names import build

Array = Any
Widths = Sequence[tuple[int, int]]

# ---- pad -----------------------------------------------------------------------------------------------------------


def pad(array: Array, pad_width: Any, mode: Any = "constant", **options: Any) -> Array:
    widths = _widths(pad_width, array.ndim)
    if mode == "constant":
        return _pad_constant(array, widths, options.get("constant_values", 0))
    if mode not in (*_BY_POSITION, *_ENDS):
        raise UnsupportedError(f"np.pad with mode={mode!r} has no traced form")
    for axis, width in enumerate(widths):
        if any(width):
            array = _pad_axis(array, axis, width, mode, options)
    return array


def _widths(pad_width: Any, ndim: int) -> list[tuple[int, int]]:
    if isinstance(pad_width, dict):
        given = {k % ndim: v for k, v in pad_width.items()}
        pairs = [given.get(i, (0, 0)) for i in range(ndim)]
        return [(p, p) if np.ndim(p) == 0 else tuple(p) for p in pairs]
    return [(int(a), int(b)) for a, b in np.broadcast_to(pad_width, (ndim, 2))]


def _pad_constant(array: Array, widths: Widths, values: Any) -> Array:
    var, dims = real(array)
    pairs = [values] if is_traced_array(values) else np.unique(values)
    if len(pairs) == 1:
        steps = [(pairs[0], dict(zip(dims, widths, strict=True)))]
    else:
        steps = []
        for axis, (low, high) in enumerate(np.broadcast_to(values, (array.ndim, 2))):
            before, after = widths[axis]
            steps += [(low, {dims[axis]: (before, 0)}), (high, {dims[axis]: (0, after)})]
    for fill, pads in steps:
        var = build.pad(var, pads, conform(fill, (), (), array.dtype))
    return make(var, dims, trace_of([array, values]))


_BY_POSITION = ("edge", "wrap", "reflect", "symmetric")  # every new value is one of the old


def _pad_axis(
    array: Array, axis: int, width: tuple[int, int], mode: Any, options: dict[str, Any]
) -> Array:
    if mode in ("reflect", "symmetric") and options.get("reflect_type") == "odd":
        return _pad_odd(array, axis, width, mode)
    if mode in _BY_POSITION:
        return take(array, np.pad(np.arange(array.shape[axis]), width, mode), axis=axis)
    low, high = _ENDS[mode](array, axis, width, options)
    return np.concatenate([low, array, high], axis=axis)


def _pad_odd(array: Array, axis: int, width: tuple[int, int], mode: Any) -> Array:
    """Reflected at the ends and turned upside down: each value is one of the old, with a sign, and multiples of ends.

    What NumPy does to an array is linear: its coefficients are found by doing it to each unit vector.
    """
    size = array.shape[axis]
    table = np.pad(np.eye(size, dtype=np.int64), ((0, 0), width), mode, reflect_type="odd")
    moved = np.moveaxis(array, axis, -1)
    padded = np.matmul(moved, table.astype(array.dtype))
    inside = np.moveaxis(padded, -1, axis)
    low, high = _cut(inside, axis, None, width[0]), _cut(inside, axis, width[0] + size, None)
    return np.concatenate([low, array, high], axis=axis)


def _pair(values: Any, axis: int, ndim: int) -> tuple[Any, Any]:
    """The option's values before and after the array along one axis."""
    low, high = np.broadcast_to(values, (ndim, 2))[axis]
    return low, high


def _edges(array: Array, axis: int) -> tuple[Array, Array]:
    return take(array, [0], axis=axis), take(array, [-1], axis=axis)


def _ramp(array: Array, axis: int, width: tuple[int, int], options: dict[str, Any]) -> list[Array]:
    ends = _pair(options.get("end_values", 0), axis, array.ndim)
    parts = []
    for edge, end, n, reverse in zip(_edges(array, axis), ends, width, (False, True), strict=True):
        share = np.linspace(0, 1, n, endpoint=False)[:: -1 if reverse else 1]
        share = share.reshape([n if i == axis else 1 for i in range(array.ndim)])
        parts.append((end + share * (edge - end)).astype(array.dtype))
    return parts


def _summary(reduce: Callable[..., Array]) -> Callable[..., list[Array]]:
    """Both ends filled with one statistic of the values nearest to each end."""

    def ends(
        array: Array, axis: int, width: tuple[int, int], options: dict[str, Any]
    ) -> list[Array]:
        lengths = options.get("stat_length")
        lengths = (None, None) if lengths is None else _pair(lengths, axis, array.ndim)
        parts = []
        for n, length, low in zip(width, lengths, (True, False), strict=True):
            length = array.shape[axis] if length is None else int(length)
            near = slice(None, length) if low else slice(array.shape[axis] - length, None)
            part = reduce(array[(slice(None),) * axis + (near,)], axis=axis, keepdims=True)
            part = np.rint(part) if array.dtype.kind in "iu" and part.dtype.kind == "f" else part
            parts.append(np.repeat(part.astype(array.dtype), n, axis=axis))
        return parts

    return ends


_ENDS: Final[dict[str, Callable[..., list[Array]]]] = {
    "linear_ramp": _ramp,
    "maximum": _summary(np.max),
    "minimum": _summary(np.min),
    "mean": _summary(np.mean),
    "median": _summary(np.median),
}


# ---- windows and differences ---------------------------------------------------------------------------------------


def sliding_window_view(
    x: Array, window_shape: Any, axis: Any = None, *, subok: bool = False, writeable: bool = False
) -> Array:
    sizes = (window_shape,) if np.ndim(window_shape) == 0 else tuple(window_shape)
    axes = (
        range(x.ndim) if axis is None else normalize_axis_tuple(axis, x.ndim, allow_duplicate=True)
    )
    var, dims = real(x)
    for along, size in zip(axes, sizes, strict=True):
        window = fresh(f"{dims[along]}_window", dims)
        var = build.window(var, dims[along], window, int(size))
        dims = [*dims, window]
    return make(var, dims, x.scope)


def diff(a: Array, n: int = 1, axis: int = -1, prepend: Any = None, append: Any = None) -> Array:
    axis = normalize_axis_index(axis, np.ndim(a))
    ends = [_end(x, a, axis) for x in (prepend, append)]
    parts = [*ends[0], a, *ends[1]]
    a = np.concatenate(parts, axis=axis) if len(parts) > 1 else a
    for _ in range(n):
        later, earlier = _cut(a, axis, 1, None), _cut(a, axis, None, -1)
        a = np.not_equal(later, earlier) if a.dtype == bool else later - earlier
    return a


def _end(value: Any, a: Array, axis: int) -> list[Array]:
    if value is None or value is np._NoValue:  # pyright: ignore[reportAttributeAccessIssue]
        return []
    shape = [1 if i == axis else n for i, n in enumerate(np.shape(a))]
    return [np.broadcast_to(value, shape) if np.ndim(value) == 0 else value]


def _cut(a: Array, axis: int, start: int | None, stop: int | None) -> Array:
    return a[(slice(None),) * axis + (slice(start, stop),)]


def ediff1d(ary: Array, to_end: Any = None, to_begin: Any = None) -> Array:
    parts = [to_begin, diff(np.ravel(ary)), to_end]
    return np.concatenate([np.ravel(p) for p in parts if p is not None])


def gradient(f: Array, *varargs: Any, axis: Any = None, edge_order: int = 1) -> Any:
    axes = range(f.ndim) if axis is None else normalize_axis_tuple(axis, f.ndim)
    spacings = varargs or (1.0,)
    spacings = list(spacings) * (len(axes) if len(spacings) == 1 else 1)
    f = f.astype(np.float64) if f.dtype.kind in "iu" else f
    results = [
        _gradient(f, h, k, edge_order).astype(f.dtype, copy=False)
        for h, k in zip(spacings, axes, strict=True)
    ]
    single = len(results) == 1 and (axis is None or np.ndim(axis) == 0)
    return results[0] if single else tuple(results)


def _gradient(f: Array, spacing: Any, axis: int, edge_order: int) -> Array:
    """Second order inside, also for uneven spacing; one-sided differences at the ends."""
    if f.shape[axis] < edge_order + 1:
        raise ValueError(
            f"np.gradient: an axis of size {f.shape[axis]} is too short for edge_order={edge_order}"
        )
    steps = spacing if np.ndim(spacing) == 0 else np.diff(spacing)
    even = np.ndim(steps) == 0 or (not is_traced_array(steps) and bool((steps == steps[0]).all()))
    if even and edge_order == 1 and f.dtype.kind in "fc" and not is_traced_array(steps):
        return _central(f, steps if np.ndim(steps) == 0 else steps[0], axis)
    f = np.moveaxis(f, axis, -1)
    if even:
        h = steps if np.ndim(steps) == 0 else steps[0]
        inside = (f[..., 2:] - f[..., :-2]) / (2.0 * h)
        before = after = (h, h)
    else:
        a, b = steps[:-1], steps[1:]
        inside = (
            -b / (a * (a + b)) * f[..., :-2]
            + (b - a) / (a * b) * f[..., 1:-1]
            + a / (b * (a + b)) * f[..., 2:]
        )
        before, after = (
            (steps[0], steps[min(1, len(steps) - 1)]),
            (steps[-1], steps[max(-2, -len(steps))]),
        )
    n, (h, k) = f.shape[-1], after
    first = _at_edge([f[..., i : i + 1] for i in range(edge_order + 1)], before)
    last = _at_edge([f[..., n - 1 - i : n - i] for i in range(edge_order + 1)], (-h, -k))
    return np.moveaxis(np.concatenate([first, inside, last], axis=-1), -1, axis)


@recorded
def _central(f: Array, step: float, axis: int) -> Array:
    """What lies between the neighbours of each value, at an end between it and its only one, over their distance."""
    var, dims = real(f)
    dim, n = dims[axis], f.shape[axis]
    ends = [(slice(1), slice(n - 1)), (slice(1, n), slice(n - 1, n))]
    below, above = [build.concat([build.index(var, {dim: s}) for s in pair], dim) for pair in ends]
    distances = np.full(n, 2 * step, f.dtype)
    distances[[0, -1]] = step
    rise = build.elemwise(Subtract(), above, below)
    slope = build.elemwise(Divide(), rise, build.constant(distances, (dim,)))
    return make(slope, dims, f.scope)


def _at_edge(values: list[Array], steps: tuple[Any, Any]) -> Array:
    """The derivative at the first of two or three values."""
    h, k = steps
    if len(values) == 2:
        return (values[1] - values[0]) / h
    return (
        -(2.0 * h + k) / (h * (h + k)) * values[0]
        + (h + k) / (h * k) * values[1]
        - h / (k * (h + k)) * values[2]
    )


def trapezoid(y: Array, x: Any = None, dx: Any = 1.0, axis: int = -1) -> Array:
    axis = normalize_axis_index(axis, np.ndim(y))
    if x is None:
        steps = dx
    elif np.ndim(x) == 1:
        steps = np.reshape(np.diff(x), [-1 if i == axis else 1 for i in range(np.ndim(y))])
    else:
        steps = np.diff(x, axis=axis)
    return np.sum(steps * (_cut(y, axis, 1, None) + _cut(y, axis, None, -1)) / 2.0, axis=axis)


def convolve(a: Array, v: Array, mode: str = "full") -> Array:
    long, short = (a, v) if np.size(a) >= np.size(v) else (v, a)
    return convolve_rows(long, short, mode=mode)


def correlate(a: Array, v: Array, mode: str = "valid") -> Array:
    return convolve(a, np.conj(np.flip(v)), mode)


def convolve_rows(a: Array, v: Array, *, mode: str) -> Array:
    """The convolution of rows along last axes, of which those of ``v`` are no longer; one is traced."""
    n = np.shape(v)[-1]
    before = {"full": n - 1, "same": n // 2, "valid": 0}[mode]
    after = {"full": n - 1, "same": n - 1 - n // 2, "valid": 0}[mode]
    like = a if is_traced_array(a) else v
    widths = [(0, 0)] * (np.ndim(a) - 1) + [(before, after)]
    padded = np.pad(as_traced(a, like), widths)  # pyright: ignore
    rows = np.lib.stride_tricks.sliding_window_view(padded, n, -1)
    return np.matmul(rows, np.flip(v, -1)[..., None])[..., 0]


def convolve_grids(a: Array, v: Array, *, mode: str, ndim: int) -> Array:
    """The convolution along the last ``ndim`` axes, as that of rows."""
    like = a if is_traced_array(a) else v
    windows, first = as_traced(a, like), np.ndim(a) - ndim
    lengths = np.shape(v)[-ndim:]
    for axis, n in enumerate(lengths, first):
        before = {"full": n - 1, "same": n // 2, "valid": 0}[mode]
        after = {"full": n - 1, "same": n - 1 - n // 2, "valid": 0}[mode]
        widths = [(before, after) if k == axis else (0, 0) for k in range(windows.ndim)]
        padded = np.pad(windows, widths)  # pyright: ignore
        windows = np.lib.stride_tricks.sliding_window_view(padded, n, axis)
    size = int(np.prod(lengths))
    flipped = np.flip(v, tuple(range(-ndim, 0)))
    column = np.reshape(flipped, (*np.shape(v)[:-ndim], *(1,) * (ndim - 1), size, 1))
    flat = np.reshape(windows, (*windows.shape[:-ndim], size))  # pyright: ignore
    return np.matmul(flat, column)[..., 0]


def correlate_grids(a: Array, v: Array, *, mode: str, ndim: int) -> Array:
    turned = np.conj(np.flip(v, tuple(range(-ndim, 0))))
    return convolve_grids(a, turned, mode=mode, ndim=ndim)


def correlate_rows(a: Array, v: Array, *, mode: str) -> Array:
    return convolve_rows(a, np.conj(np.flip(v, -1)), mode=mode)


def interp(
    x: Array, xp: Array, fp: Array, left: Any = None, right: Any = None, period: Any = None
) -> Array:
    """Linear interpolation between neighbours in the table ``xp``, which must be ascending."""
    if period is not None:
        raise UnsupportedError(
            "np.interp with period= has no traced form; wrap x and extend the table"
        )
    x, xp = (v if is_traced_array(v) else np.asarray(v, np.float64) for v in (x, xp))
    place = np.clip(np.searchsorted(xp, x, "right") - 1, 0, np.size(xp) - 2)
    start, end = take(xp, place), take(xp, place + 1)
    low, high = take(fp, place), take(fp, place + 1)
    inside = low + (high - low) / (end - start) * (x - start)
    inside = np.where(x == end, high, inside)
    result = np.where(x < xp[0], fp[0] if left is None else left, inside)
    return np.where(x > xp[-1], fp[-1] if right is None else right, result)


def unwrap(p: Array, discont: Any = None, axis: int = -1, *, period: float = 2 * np.pi) -> Array:
    jump = np.diff(p, axis=axis)
    half = period / 2
    wrapped = np.mod(jump + half, period) - half
    wrapped = np.where((wrapped == -half) & (jump > 0), half, wrapped)
    allowed = half if discont is None else max(discont, half)
    correct = np.cumsum(np.where(np.abs(jump) < allowed, 0, wrapped - jump), axis=axis)
    axis = normalize_axis_index(axis, np.ndim(p))
    parts = [_cut(p, axis, None, 1), _cut(p, axis, 1, None) + correct]
    return np.concatenate(parts, axis=axis)


def polyval(p: Array, x: Array) -> Array:
    result = np.zeros_like(x)
    for coefficient in p:
        result = result * x + coefficient
    return result


def linspace(
    start: Array,
    stop: Array,
    num: int = 50,
    endpoint: bool = True,
    retstep: bool = False,
    dtype: Any = None,
    axis: int = 0,
    **options: Any,
) -> Array:
    share = np.linspace(0.0, 1.0, num, endpoint=endpoint)
    shape = np.broadcast_shapes(np.shape(start), np.shape(stop))
    share = share.reshape(-1, *[1] * len(shape))
    values = np.moveaxis(start + share * np.subtract(stop, start), 0, axis)
    return values if dtype is None else values.astype(dtype)
