"""What holds the numbers of an argument: NumPy or JAX, and the standard form in which an executable takes them."""

from typing import Any, Literal

import numpy as np

from xgrad.errors import UnsupportedTypeError
from xgrad.jax_backend.arrays import is_jax_array

Backing = Literal["numpy", "jax"]

_KNOWN: dict[type, Backing | None] = {np.ndarray: "numpy"}


def backing_of(data: Any) -> Backing | None:
    """Where the numbers of ``data`` live; None where it is not an array in memory (or on a device)."""
    cls = type(data)
    try:
        return _KNOWN[cls]
    except KeyError:
        return _KNOWN.setdefault(cls, _backing_of_type(data))


def _backing_of_type(data: Any) -> Backing | None:
    if isinstance(data, np.ndarray | np.generic):
        return None if isinstance(data, np.ma.MaskedArray) else "numpy"
    return "jax" if is_jax_array(data) else None


def is_numeric(dtype: Any) -> bool:
    """Whether values of ``dtype`` can be computed with: booleans, integers, floats (bfloat16 too), complex numbers."""
    if not isinstance(dtype, np.dtype):
        return False
    return dtype.kind in "biufc" or (dtype.kind == "V" and dtype.fields is None and _is_ml(dtype))


def is_known(data: Any) -> bool:
    """Whether ``data`` is an array in memory of what is not computed with: strings, dates, Python objects."""
    dtype = getattr(data, "dtype", None)
    if dtype is None or is_numeric(dtype) or isinstance(data, np.ma.MaskedArray):
        return False
    return type(data).__module__.partition(".")[0] in ("numpy", "xarray")


def _is_ml(dtype: np.dtype) -> bool:
    return dtype.name.startswith(("bfloat", "float", "int", "uint"))


def standard(data: Any, path: str) -> Any:
    """``data`` as an in-memory array of native byte order, read from disk where it is lazy.

    Raises ``UnsupportedTypeError`` naming ``path`` for what cannot be traced.
    """
    kind = backing_of(data)
    if kind is None or (kind == "numpy" and not isinstance(data, np.ndarray)):
        data = _loaded(data, path)
    if not is_numeric(data.dtype):
        raise UnsupportedTypeError(_not_numeric(data, path))
    if kind != "jax" and not data.dtype.isnative:
        data = data.astype(data.dtype.newbyteorder("="))
    return data


def _loaded(data: Any, path: str) -> np.ndarray:
    cls = type(data)
    module = cls.__module__.partition(".")[0]
    if isinstance(data, np.ma.MaskedArray) or module not in ("numpy", "xarray"):
        name = f"{module}.{cls.__qualname__}"
        way = (
            "load it first (`.load()`), or map the compiled function over its chunks"
            " (`xarray.apply_ufunc(..., dask='parallelized')`)"
            if module == "dask"
            else "convert it to a NumPy or JAX array first"
        )
        raise UnsupportedTypeError(f"`{path}` holds a {name}, which cannot be traced; {way}.")
    return np.asarray(data)


def _not_numeric(data: Any, path: str) -> str:
    if not isinstance(data.dtype, np.dtype):
        what, way = f"{data.dtype} values", "pass jax.random.key_data(key)"
    elif data.dtype.kind in "mM":
        what = f"{data.dtype} values"
        way = "make it a coord, or a number: (t - t[0]) / np.timedelta64(1, 'D')"
    else:
        what = "Python objects" if data.dtype.hasobject else f"strings ({data.dtype})"
        way = "make it a coord, convert it to numbers, or leave it out"
    return f"`{path}` holds {what}, which cannot be traced; {way}."
