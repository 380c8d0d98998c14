"""NumPy's ufuncs on traced arrays: those that are one op, those made of several, their methods, ``out`` and ``where``."""

from collections.abc import Callable, Sequence
from typing import Any, Final

import numpy as np

from xgrad.axes.elementwise import UFUNCS
from xgrad.errors import UnsupportedError
from xgrad.labels.core import AbstractTraced
from xgrad.labels.elementwise import call_ufunc, cast_array, kind_of, resolve
from xgrad.labels.indexing import setitem

Array = Any  # an array or a number, traced or not


def call(ufunc: np.ufunc, method: str, inputs: Sequence[Any], kwargs: dict[str, Any]) -> Any:
    """``ufunc(*inputs)``, or one of its methods. ``UnsupportedError`` for those that are not traced."""
    if method != "__call__":
        return _call_method(ufunc, method, inputs, kwargs)
    if kwargs:
        return _call_with_options(ufunc, inputs, dict(kwargs))
    if ufunc.__name__ in UFUNCS and ufunc.__name__ != "power":
        return call_ufunc(ufunc, inputs)
    if ufunc.__name__ in COMPOSED:
        return COMPOSED[ufunc.__name__](*inputs)
    raise UnsupportedError(
        f"the ufunc {ufunc.__name__!r} has no traced form.\n"
        "Write it with NumPy functions that have one, or wrap a JAX function with xgrad.apply_jax."
    )


def assign(out: AbstractTraced, result: Any, name: str) -> AbstractTraced:
    """``out[...] = result`` where NumPy's rule for in-place operators allows the cast."""
    if not np.can_cast(result.dtype, out.dtype, "same_kind"):
        raise TypeError(
            f"cannot cast the result of {name!r} from {result.dtype} to {out.dtype} in place;"
            " write `x = x op y` instead of `x op= y`, or convert with .astype first"
        )
    setitem(out, ..., result)
    return out


def _call_with_options(ufunc: np.ufunc, inputs: Sequence[Any], options: dict[str, Any]) -> Any:
    out = options.pop("out", None)
    where = options.pop("where", True)
    dtype = options.pop("dtype", None)
    options.pop("casting", None)
    if any(v is not None for v in options.values()):
        raise UnsupportedError(f"{ufunc.__name__} with {', '.join(options)} has no traced form")
    if dtype is not None:
        inputs = [np.asarray(x).astype(dtype) if not is_traced(x) else x.astype(dtype) for x in inputs]
    result = call(ufunc, "__call__", inputs, {})
    if out is None and where is True:
        return result
    (target,) = out or (None,)
    if not isinstance(target, AbstractTraced):
        raise UnsupportedError(
            f"{ufunc.__name__}: a traced result cannot be written into a NumPy array with out=;\n"
            "use the value that the function returns."
        )
    chosen = result if where is True else np.where(where, result, target)  # pyright: ignore
    return assign(target, chosen, ufunc.__name__)


def is_traced(x: Any) -> bool:
    return isinstance(x, AbstractTraced)


def _call_method(ufunc: np.ufunc, method: str, inputs: Sequence[Any], kwargs: dict[str, Any]) -> Any:
    function = METHODS.get((ufunc.__name__, method))
    if function is not None:
        first, *rest = inputs
        axis = rest[0] if rest else kwargs.pop("axis", 0)
        return function(first, axis=axis, **kwargs)
    if method == "outer":
        a, b = inputs
        return ufunc(np.reshape(a, np.shape(a) + (1,) * np.ndim(b)), b, **kwargs)
    raise UnsupportedError(f"np.{ufunc.__name__}.{method} has no traced form")


METHODS: Final[dict[tuple[str, str], Callable[..., Any]]] = {
    ("add", "reduce"): np.sum,
    ("multiply", "reduce"): np.prod,
    ("maximum", "reduce"): np.max,
    ("minimum", "reduce"): np.min,
    ("logical_and", "reduce"): np.all,
    ("logical_or", "reduce"): np.any,
    ("add", "accumulate"): np.cumsum,
    ("multiply", "accumulate"): np.cumprod,
}


def _scaled(name: str, factor: float) -> Callable[[Array], Array]:
    """A ufunc that multiplies by a constant in the dtype of its result."""

    def scale(x: Array) -> Array:
        dtype = resolve(getattr(np, name), (kind_of(x),))[-1]
        return np.multiply(x.astype(dtype), dtype.type(factor))

    return scale


def _power(x: Array, y: Array) -> Array:
    if not is_traced(y) and kind_of(x) is not float and np.result_type(x, y).kind in "iu":
        if np.any(np.less(y, 0)):
            raise ValueError("Integers to negative integer powers are not allowed.")
    return call_ufunc(np.power, (x, y))


def _modf(x: Array) -> tuple[Array, Array]:
    dtype = resolve(np.modf, (kind_of(x),))[-1]
    x = x.astype(dtype)
    whole = np.trunc(x)
    return np.copysign(np.where(np.isinf(x), dtype.type(0), x - whole), x), whole


def _float_power(x: Array, y: Array) -> Array:
    dtype = np.result_type(x, y, np.float64)
    return np.power(np.multiply(x, np.ones((), dtype)), np.multiply(y, np.ones((), dtype)))


COMPOSED: Final[dict[str, Callable[..., Any]]] = {
    "power": _power,
    "positive": lambda x: x.copy(),
    "fabs": lambda x: np.absolute(x.astype(resolve(np.fabs, (kind_of(x),))[-1])),
    "deg2rad": _scaled("deg2rad", np.pi / 180),
    "radians": _scaled("deg2rad", np.pi / 180),
    "rad2deg": _scaled("rad2deg", 180 / np.pi),
    "degrees": _scaled("rad2deg", 180 / np.pi),
    "divmod": lambda x, y: (np.floor_divide(x, y), np.remainder(x, y)),
    "modf": _modf,
    "float_power": _float_power,
    "ldexp": lambda x, e: np.multiply(x, np.exp2(e).astype(np.result_type(x))),
    "matmul": np.matmul,
}
