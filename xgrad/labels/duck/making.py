"""NumPy's functions that make arrays like others, describe them, round, compare and clean them."""

from typing import Any

import numpy as np

from xgrad.labels.constants import check_dtype, scalar
from xgrad.labels.core import is_new, is_traced_array, make
from xgrad.labels.duck.elementwise import elementwise_op, kind_of, result_dtype
from xgrad.labels.messages.escapes import COMPARE, escape
from xgrad.labels.scope import fresh
from xgrad.names import build

Array = Any


def filled_like(a: Array, value: Any, dtype: Any = None, shape: Any = None) -> Array:
    """A new array of one value, with the shape, dims and dtype of ``a`` where not given."""
    if is_traced_array(value):
        spread = np.broadcast_to(value, a.shape if shape is None else shape)
        return spread.astype(dtype or a.dtype)
    if not is_traced_array(a):
        return np.full_like(a, value, dtype=dtype, shape=shape)
    dtype = np.dtype(dtype if dtype is not None else a.dtype)
    check_dtype("full_like", dtype)
    names: list[Any] = list(a.names) if shape is None else [None] * len(_shape(shape))
    for i, name in enumerate(names):
        if name is None or is_new(name):
            names[i] = fresh("new", names)
    var = scalar(np.asarray(value).astype(dtype), dtype)
    return make(
        build.broadcast(var, names, a.shape if shape is None else _shape(shape)), names, a.scope
    )


def _shape(shape: Any) -> tuple[int, ...]:
    return (shape,) if isinstance(shape, int) else tuple(shape)


def full_like(
    a: Array,
    fill_value: Any,
    dtype: Any = None,
    order: str = "K",
    subok: bool = True,
    shape: Any = None,
    *,
    device: Any = None,
) -> Array:
    return filled_like(a, fill_value, dtype, shape)


def zeros_like(
    a: Array,
    dtype: Any = None,
    order: str = "K",
    subok: bool = True,
    shape: Any = None,
    *,
    device: Any = None,
) -> Array:
    return filled_like(a, 0, dtype, shape)


def ones_like(
    a: Array,
    dtype: Any = None,
    order: str = "K",
    subok: bool = True,
    shape: Any = None,
    *,
    device: Any = None,
) -> Array:
    return filled_like(a, 1, dtype, shape)


def copy(a: Array, order: str = "K", subok: bool = False) -> Array:
    return a.copy()


def copyto(dst: Array, src: Any, casting: str = "same_kind", where: Any = True) -> None:
    if not np.can_cast(np.result_type(src), dst.dtype, casting):  # pyright: ignore[reportArgumentType]
        raise TypeError(f"cannot cast from {np.result_type(src)} to {dst.dtype} by {casting!r}")
    dst[...] = src if where is True else np.where(where, src, dst)


# ---- what arrays are -----------------------------------------------------------------------------------------------


def result_type(*arrays_and_dtypes: Any) -> np.dtype:
    return np.result_type(*[_typical(x) for x in arrays_and_dtypes])


def _typical(x: Any) -> Any:
    """Something concrete that promotes as ``x`` does."""
    if not is_traced_array(x):
        return x
    kind = kind_of(x)
    return kind(0) if type(kind) is type else kind


def can_cast(from_: Any, to: Any, casting: Any = "safe") -> bool:
    one, other = (x.dtype if is_traced_array(x) else x for x in (from_, to))
    return np.can_cast(one, other, casting)


def shape(a: Array) -> tuple[int, ...]:
    return a.shape


def ndim(a: Array) -> int:
    return a.ndim


def size(a: Array, axis: Any = None) -> int:
    return a.size if axis is None else int(np.prod([a.shape[i] for i in np.atleast_1d(axis)]))


def iscomplexobj(x: Array) -> bool:
    return x.dtype.kind == "c"


def isrealobj(x: Array) -> bool:
    return x.dtype.kind != "c"


def array_repr(arr: Array, *args: Any, **kwargs: Any) -> str:
    return repr(arr)


# ---- parts of complex numbers --------------------------------------------------------------------------------------


def real(val: Array) -> Array:
    return elementwise_op("real", val) if val.dtype.kind == "c" else val


def imag(val: Array) -> Array:
    return elementwise_op("imag", val) if val.dtype.kind == "c" else zeros_like(val)


def angle(z: Array, deg: bool = False) -> Array:
    turn = np.arctan2(np.imag(z), np.real(z))
    return turn * (180 / np.pi) if deg else turn


def iscomplex(x: Array) -> Array:
    return np.imag(x) != 0


def isreal(x: Array) -> Array:
    return np.imag(x) == 0


# ---- rounding and cleaning -----------------------------------------------------------------------------------------


def round_(a: Array, decimals: int = 0, out: Any = None) -> Array:
    if a.dtype.kind in "iu" and decimals >= 0:
        return a.copy()
    if a.dtype.kind == "b":
        return a.astype(np.float16)
    factor = 10.0 ** abs(decimals)
    if decimals == 0:
        return np.rint(a)
    rounded = np.rint(a * factor) / factor if decimals > 0 else np.rint(a / factor) * factor
    return rounded.astype(a.dtype, copy=False)


def fix(x: Array, out: Any = None) -> Array:
    return np.trunc(x)


def clip(
    a: Array,
    a_min: Any = None,
    a_max: Any = None,
    out: Any = None,
    *,
    min: Any = None,
    max: Any = None,
    **options: Any,
) -> Array:
    low, high = a_min if min is None else min, a_max if max is None else max
    bounds = [x for x in (low, high) if x is not None]
    dtype = result_dtype([a, *bounds])
    result = a.astype(dtype, copy=False) if is_traced_array(a) else np.asarray(a, dtype)
    if low is not None:
        result = np.maximum(result, low)
    if high is not None:
        result = np.minimum(result, high)
    return result if bounds else a.copy()


def nan_to_num(
    x: Array, copy: bool = True, nan: Any = 0.0, posinf: Any = None, neginf: Any = None
) -> Array:
    if x.dtype.kind not in "f":
        return x.copy()
    number, info = x.dtype.type, np.finfo(x.dtype)
    x = np.where(np.isnan(x), number(nan), x)
    x = np.where(x == np.inf, number(info.max if posinf is None else posinf), x)
    return np.where(x == -np.inf, number(info.min if neginf is None else neginf), x)


# ---- comparison ----------------------------------------------------------------------------------------------------


def isclose(
    a: Array, b: Array, rtol: float = 1e-5, atol: float = 1e-8, equal_nan: bool = False
) -> Array:
    near = np.abs(a - b) <= atol + rtol * np.abs(b)
    close = (near & np.isfinite(b)) | (a == b)
    return close | (np.isnan(a) & np.isnan(b)) if equal_nan else close


def isposinf(x: Array, out: Any = None) -> Array:
    return x == np.inf


def isneginf(x: Array, out: Any = None) -> Array:
    return x == -np.inf


def compare_wholes(a: Array, b: Array, *args: Any, **kwargs: Any) -> bool:
    """allclose, array_equal, array_equiv: their answer is a Python bool, which no trace has."""
    raise escape(a if is_traced_array(a) else b, COMPARE)


def astype(x: Array, dtype: Any, /, *, copy: bool = True, device: Any = None) -> Array:
    return x.astype(dtype, copy=copy)


def sinc(x: Array) -> Array:
    x = np.multiply(np.pi, x)
    zero = x == 0
    return np.where(zero, x.dtype.type(1), np.sin(x) / np.where(zero, x.dtype.type(1), x))


def meshgrid(
    *xi: Array, copy: bool = True, sparse: bool = False, indexing: str = "xy"
) -> tuple[Array, ...]:
    if indexing not in ("xy", "ij"):
        raise ValueError("Valid values for `indexing` are 'xy' and 'ij'.")
    axes = list(range(len(xi)))
    if indexing == "xy" and len(xi) > 1:
        axes[:2] = [1, 0]
    apart = [
        np.reshape(x, [-1 if k == at else 1 for k in range(len(xi))])
        for at, x in zip(axes, xi, strict=True)
    ]
    return tuple(apart if sparse else np.broadcast_arrays(*apart))
