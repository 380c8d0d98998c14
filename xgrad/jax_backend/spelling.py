"""How a value is written in source: functions and types by JAX's public names, numbers exactly."""

from collections.abc import Callable, Mapping
from enum import Enum
from math import isfinite
from typing import Any

import jax
import jax.numpy as jnp
import jax.scipy.special
import numpy as np
from jax import lax

# where the name of a function is looked for, first to last; the header of the source imports these
_MODULES: Mapping[str, Any] = {
    "jnp": jnp,
    "lax": lax,
    "lax.linalg": lax.linalg,
    "jnp.linalg": jnp.linalg,
    "jnp.fft": jnp.fft,
    "jax.scipy.special": jax.scipy.special,
    "jax.scipy.linalg": jax.scipy.linalg,
    "jax.nn": jax.nn,
    "jax.random": jax.random,
    "jax": jax,
}

IMPORTS = """\
import jax
import jax.numpy as jnp
import jax.scipy
import numpy as np
from jax import lax
"""


def _public_names() -> dict[int, str]:
    """Public name by identity, of every function and type of the modules above."""
    names: dict[int, str] = {}
    for module_name, module in _MODULES.items():
        for name in dir(module):
            found = getattr(module, name)
            if not name.startswith("_") and callable(found):
                names.setdefault(id(found), f"{module_name}.{name}")
    return names


_NAMES = _public_names()


def is_public(function: Any) -> bool:
    """Whether a function or type can be written by a name of JAX's."""
    return id(function) in _NAMES


def public_name(function: Any) -> str:
    """The name of a function or type of JAX in the source."""
    return _NAMES[id(function)]


def spell(x: Any, inner: Callable[[Any], str]) -> str:
    """``x`` as an expression; ``inner`` writes the parts of containers."""
    for kind, write in _SPELLINGS.items():
        if isinstance(x, kind):
            return write(x, inner)
    if is_public(x):
        return public_name(x)
    raise AssertionError(f"no way to write {x!r} in source")


def _number(x: Any, inner: Callable[[Any], str]) -> str:
    if isinstance(x, complex):
        return f"complex({_number(x.real, inner)}, {_number(x.imag, inner)})"
    if isinstance(x, bool | int) or isfinite(x):
        return repr(x)
    return f"float({str(x)!r})"


def _numpy_scalar(x: np.generic, inner: Callable[[Any], str]) -> str:
    return f"np.asarray({_number(x.item(), inner)}, dtype={_dtype(x.dtype, inner)})"


def array_text(x: np.ndarray) -> str:
    """A small array, to the last bit."""
    numbers = _nested(x.tolist())
    return f"np.array({numbers}, dtype={_dtype(x.dtype, str)})"


def _nested(x: Any) -> str:
    if isinstance(x, list):
        return f"[{', '.join(map(_nested, x))}]"
    return _number(x, str)


def _array(x: Any, inner: Callable[[Any], str]) -> str:
    return array_text(np.asarray(x))


def _dtype(x: np.dtype, inner: Callable[[Any], str]) -> str:
    if x.name == "bool":
        return "bool"
    return f"np.{x.name}" if x.isbuiltin == 1 else f"jnp.{x.name}"


def _type(x: type, inner: Callable[[Any], str]) -> str:
    if issubclass(x, np.generic):
        return f"np.{x.__name__}"
    return public_name(x) if is_public(x) else x.__name__


def _tuple(x: tuple, inner: Callable[[Any], str]) -> str:
    names = getattr(x, "_fields", ())  # of a NamedTuple, such as GatherDimensionNumbers
    if names:
        fields = [f"{k}={inner(v)}" for k, v in zip(names, x, strict=True)]
        return f"{public_name(type(x))}({', '.join(fields)})"
    return f"({', '.join(map(inner, x))}{',' if len(x) == 1 else ''})"


def _enum(x: Enum, inner: Callable[[Any], str]) -> str:
    return f"{public_name(type(x))}.{x.name}"


_SPELLINGS: Mapping[Any, Callable[[Any, Callable[[Any], str]], str]] = {
    Enum: _enum,
    np.generic: _numpy_scalar,
    int | float | complex: _number,
    str | type(None): lambda x, inner: repr(x),
    np.dtype: _dtype,
    type: _type,
    np.ndarray | jax.Array: _array,
    tuple: _tuple,
    list: lambda x, inner: f"[{', '.join(map(inner, x))}]",
    dict: lambda x, inner: "{" + ", ".join(f"{k!r}: {inner(v)}" for k, v in x.items()) + "}",
    slice: lambda x, inner: f"slice({inner(x.start)}, {inner(x.stop)}, {inner(x.step)})",
}
