"""The border between NumPy arrays and JAX arrays, and the cheapest right way across it.

Times below are for a float64 array on CPU (JAX 0.10): they are on the path of every call.
"""

from collections.abc import Sequence
from typing import Any, TypeGuard

import jax
import numpy as np
from jax.core import Tracer


def is_jax_array(x: Any) -> TypeGuard[jax.Array]:
    """Whether ``x`` lives in JAX: a device array or a tracer."""
    return isinstance(x, jax.Array)


def is_tracer(x: Any) -> TypeGuard[Tracer]:
    """Whether ``x`` is a value of a JAX trace (``jit``, ``vmap``, ``grad``) in progress."""
    return isinstance(x, Tracer)


def has_64_bits() -> bool:
    """Whether JAX's 64-bit types are on here."""
    return bool(jax.config.read("jax_enable_x64"))


def to_device(arrays: Sequence[np.ndarray]) -> tuple[jax.Array, ...]:
    """NumPy arrays as device arrays of exactly their dtype, once for many calls.

    A transfer would cost each call 1 to 2 µs per array, and more on a GPU.

    They are uncommitted: a call with inputs on another device takes them there. Inside a trace they
    are still concrete, so that they may be kept.
    """
    with jax.ensure_compile_time_eval(), jax.enable_x64(True):
        return tuple([jax.device_put(a) for a in arrays])


def to_numpy(x: jax.Array) -> np.ndarray:
    """A result as a NumPy array that its owner may write into.

    ``np.asarray`` would be a read-only view (0.5 µs at any size). ``np.array`` copies: 0.6 µs up to
    some 1000 numbers, 19 µs for 100,000, which is a pass over memory after a computation that made
    at least one. ``np.from_dlpack`` is read-only too, and slower. A writable view of the device
    buffer is not safe: XLA may hand an input's buffer back as an output.
    """
    return np.array(x)
