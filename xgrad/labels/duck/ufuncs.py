"""NumPy's ufuncs on traced arrays: those that are one op, those made of several, and their methods and options."""

from collections.abc import Callable, Sequence
from typing import Any, Final

import numpy as np

from xgrad.errors import UnsupportedError
from xgrad.labels.core import AbstractTraced, is_traced_array
from xgrad.labels.duck import products, reductions, special
from xgrad.labels.duck.elementwise import OPS, call_ufunc, cast_to, kind_of, resolve
from xgrad.labels.duck.indexing import setitem

Array = Any  # an array or a number, traced or not


def dispatch(ufunc: np.ufunc, method: str, inputs: Sequence[Any], options: dict[str, Any]) -> Any:
    """A call of a ufunc or of one of its methods, as NumPy hands it on."""
    if method != "__call__":
        return _call_method(ufunc, method, inputs, options)
    return _call_with_options(ufunc, inputs, dict(options)) if options else call(ufunc, inputs)


def call(ufunc: np.ufunc, inputs: Sequence[Any]) -> Any:
    """``ufunc(*inputs)``. ``UnsupportedError`` for a ufunc that is not traced."""
    composed = COMPOSED.get(ufunc.__name__)
    if composed is not None:
        return composed(*inputs)
    if ufunc.__name__ in OPS:
        return call_ufunc(ufunc, inputs)
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
        inputs = [cast_to(x, np.dtype(dtype)) for x in inputs]
    result = call(ufunc, inputs)
    if out is None and where is True:
        return result
    target: Any = out[0] if out else None
    if not is_traced_array(target):
        raise UnsupportedError(
            f"{ufunc.__name__}: a traced result cannot be written into a NumPy array with out=;\n"
            "use the value that the function returns."
        )
    chosen = result if where is True else np.where(where, result, target)
    return assign(target, chosen, ufunc.__name__)


def _call_method(
    ufunc: np.ufunc, method: str, inputs: Sequence[Any], kwargs: dict[str, Any]
) -> Any:
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
    ("maximum", "accumulate"): reductions.running_max,
    ("minimum", "accumulate"): reductions.running_min,
}


def _scaled(name: str, factor: float) -> Callable[[Array], Array]:
    """A ufunc that multiplies by a constant in the dtype of its result."""

    def scale(x: Array) -> Array:
        dtype = resolve(getattr(np, name), (kind_of(x),))[-1]
        return np.multiply(x.astype(dtype), dtype.type(factor))

    return scale


def _power(x: Array, y: Array) -> Array:
    if not is_traced_array(y) and kind_of(x) is not float and np.result_type(x, y).kind in "iu":
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


def _ldexp(x: Array, exponent: Array) -> Array:
    dtype = resolve(np.ldexp, (kind_of(x), kind_of(exponent)))[-1]
    return np.multiply(x, np.exp2(np.multiply(exponent, dtype.type(1), dtype=dtype)), dtype=dtype)


def _absolute(x: Array) -> Array:
    """Of a complex number by its parts, whose derivatives are defined."""
    if np.iscomplexobj(x):
        return np.hypot(np.real(x), np.imag(x))
    return call_ufunc(np.absolute, (x,))


COMPOSED: Final[dict[str, Callable[..., Any]]] = {
    "absolute": _absolute,
    "power": _power,
    "positive": lambda x: x.astype(resolve(np.positive, (kind_of(x),))[-1]),
    "fabs": lambda x: np.absolute(x.astype(resolve(np.fabs, (kind_of(x),))[-1])),
    "deg2rad": _scaled("deg2rad", np.pi / 180),
    "radians": _scaled("deg2rad", np.pi / 180),
    "rad2deg": _scaled("rad2deg", 180 / np.pi),
    "degrees": _scaled("rad2deg", 180 / np.pi),
    "divmod": lambda x, y: (np.floor_divide(x, y), np.remainder(x, y)),
    "modf": _modf,
    "float_power": _float_power,
    "ldexp": _ldexp,
    "matmul": products.matmul,
    "vecdot": products.vecdot,
    **special.COMPOSED,
}
