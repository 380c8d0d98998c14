"""JAX as the ``xp`` of emissions: ``jax.numpy``, with the hot names bound to the primitives of ``jax.lax``.

Emissions hand over arrays of exact shapes and dtypes, so the promotion and broadcasting of ``jax.numpy`` would only
cost tracing time. Only the public names of JAX are used.
"""

from typing import Any

import jax
import jax.numpy as jnp
import jax.scipy.linalg
import jax.scipy.special
import numpy as np
from jax import lax

_DIRECT = {
    "negative": lax.neg,
    "sign": lax.sign,
    "floor": lax.floor,
    "ceil": lax.ceil,
    "square": lax.square,
    "sqrt": lax.sqrt,
    "cbrt": lax.cbrt,
    "exp": lax.exp,
    "exp2": lax.exp2,
    "expm1": lax.expm1,
    "log": lax.log,
    "log1p": lax.log1p,
    "sin": lax.sin,
    "cos": lax.cos,
    "tan": lax.tan,
    "arcsin": lax.asin,
    "arccos": lax.acos,
    "arctan": lax.atan,
    "arctan2": lax.atan2,
    "sinh": lax.sinh,
    "cosh": lax.cosh,
    "tanh": lax.tanh,
    "arcsinh": lax.asinh,
    "arccosh": lax.acosh,
    "arctanh": lax.atanh,
    "subtract": lax.sub,
    "maximum": lax.max,
    "minimum": lax.min,
    "equal": lax.eq,
    "not_equal": lax.ne,
    "less": lax.lt,
    "less_equal": lax.le,
    "greater": lax.gt,
    "greater_equal": lax.ge,
    "bitwise_and": lax.bitwise_and,
    "bitwise_or": lax.bitwise_or,
    "bitwise_xor": lax.bitwise_xor,
    "invert": lax.bitwise_not,
    "where": lax.select,
    "full": lax.full,
}


def _add(x: Any, y: Any) -> Any:
    """The sum; of truth values, whether either holds."""
    return lax.bitwise_or(x, y) if x.dtype == bool else lax.add(x, y)


def _absolute(x: Any) -> Any:
    """The absolute value; truth values and unsigned integers are their own, which JAX refuses to say."""
    return x if x.dtype.kind in "bu" else lax.abs(x)


def _multiply(x: Any, y: Any) -> Any:
    """The product; of truth values, whether both hold."""
    return lax.bitwise_and(x, y) if x.dtype == bool else lax.mul(x, y)


def _astype(x: Any, dtype: np.dtype) -> Any:
    """``x`` in another dtype; of a complex number, the real part."""
    drop = x.dtype.kind == "c" and dtype.kind != "c"
    return lax.convert_element_type(lax.real(x) if drop else x, dtype)


def linear_recurrence(a: Any, b: Any, axis: int, reverse: bool) -> Any:
    """y_i = a_i y_{i-1} + b_i along an axis, in parallel: each step is a map y -> a y + b, and maps compose."""

    def compose(first: tuple[Any, Any], then: tuple[Any, Any]) -> tuple[Any, Any]:
        return lax.mul(first[0], then[0]), lax.add(lax.mul(then[0], first[1]), then[1])

    return lax.associative_scan(compose, (a, b), reverse=reverse, axis=axis)[1]


def matrix_recurrence(a: Any, b: Any, reverse: bool) -> Any:
    """y_i = A_i y_{i-1} + b_i along the first axis, in parallel: maps y -> A y + b compose."""

    def compose(first: tuple[Any, Any], then: tuple[Any, Any]) -> tuple[Any, Any]:
        moved = jnp.einsum("nij,nj->ni", then[0], first[1], precision="highest")
        return jnp.matmul(then[0], first[0], precision="highest"), lax.add(moved, then[1])

    return lax.associative_scan(compose, (a, b), reverse=reverse)[1]


class JaxNamespace:
    """Functions by name; after the first look-up a name is an attribute like any other."""

    absolute = staticmethod(_absolute)
    add = staticmethod(_add)
    astype = staticmethod(_astype)
    multiply = staticmethod(_multiply)
    linear_recurrence = staticmethod(linear_recurrence)
    matrix_recurrence = staticmethod(matrix_recurrence)
    lax = lax
    linalg = jnp.linalg
    expm = staticmethod(jax.scipy.linalg.expm)
    fft = jnp.fft
    random = jax.random
    special = jax.scipy.special

    def __getattr__(self, name: str) -> Any:
        found = _DIRECT.get(name) or getattr(jnp, name)
        setattr(self, name, found)
        return found


jax_namespace = JaxNamespace()
