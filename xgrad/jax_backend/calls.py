"""Users' functions in programs: JAX functions repeated over batch axes, and functions called back on the host."""

from collections.abc import Callable, Sequence
from typing import Any

import jax
import numpy as np

from xgrad.axes.base import TensorType
from xgrad.axes.opaque import HostCall, Repeated
from xgrad.axes.printed import Printed


class Vmapped(Repeated):
    """A repeated JAX function."""

    def __call__(self, *arrays: Any) -> Any:
        function = self.function
        in_axes = tuple([0 if m else None for m in self.mapped])
        for _ in range(self.ndim):
            function = jax.vmap(function, in_axes=in_axes)
        return function(*arrays)


def returned_types(
    function: Callable[..., Any], types: Sequence[TensorType]
) -> tuple[TensorType, ...]:
    """What a JAX function returns for arguments of these types; nothing is computed."""
    with jax.enable_x64(True):
        given = [jax.ShapeDtypeStruct(t.shape, t.dtype) for t in types]
        returned = jax.eval_shape(function, *given)
    results = returned if isinstance(returned, tuple | list) else (returned,)
    return tuple([TensorType(tuple(r.shape), np.dtype(r.dtype)) for r in results])


def call_back(op: HostCall, xp: Any, *arrays: Any) -> Any:
    """The host function, called when the program runs."""
    results = jax.pure_callback(op.call, host_types(op), *arrays, vmap_method="sequential")
    return results[0] if len(results) == 1 else results


def print_back(op: Printed, xp: Any, x: Any) -> Any:
    """``x``, shown on the host when the program gets there."""
    jax.debug.callback(op.call, x)
    return x


def host_types(op: HostCall) -> tuple[jax.ShapeDtypeStruct, ...]:
    """The types of the results of a host function."""
    return tuple([jax.ShapeDtypeStruct(t.shape, t.dtype) for t in op.out_types])
