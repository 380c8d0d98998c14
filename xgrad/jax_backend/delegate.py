"""Derivatives left to JAX: a value and its vjp or jvp jointly, so that the forward pass runs once.

Our graphs say float64 for the (co)tangent of an integer output, where it is ignored; JAX wants its
own ``float0``.
"""

from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from xgrad.axes.base import TensorType, is_float
from xgrad.gradient.ops import JvpCall, VjpCall, cotangent_type

Function = Callable[..., Sequence[Any]]


def vjp(op: VjpCall, inner: Function, arrays: Sequence[Any]) -> tuple[Any, ...]:
    """The outputs of ``op.graph``, emitted as ``inner``; then the cotangents of ``op.wrt``."""
    count = len(op.graph.inputs)
    primals, cotangents = arrays[:count], arrays[count:]
    function, count = _of_wrt(op.wrt, inner, primals), len(op.pulled)

    def parted(*moving: Any) -> tuple[tuple[Any, ...], tuple[Any, ...]]:
        outs = function(*moving)
        return outs[:count], outs[count:]

    outs, pullback, aside = jax.vjp(parted, *[primals[i] for i in op.wrt], has_aux=True)
    types = [v.type for v in op.pulled]
    return (*outs, *aside, *pullback(tuple(map(_to_jax, types, cotangents))))


def jvp(op: JvpCall, inner: Function, arrays: Sequence[Any]) -> tuple[Any, ...]:
    """The outputs of ``op.graph``, emitted as ``inner``; then their tangents."""
    count = len(op.graph.inputs)
    primals, tangents = arrays[:count], arrays[count:]
    moving = tuple([primals[i] for i in op.wrt])
    outs, moved = jax.jvp(_of_wrt(op.wrt, inner, primals), moving, tuple(tangents))
    types = [v.type for v in op.graph.outputs]
    return (*outs, *map(_from_jax, types, moved))


def _of_wrt(wrt: Sequence[int], inner: Function, primals: Sequence[Any]) -> Callable[..., tuple]:
    """``inner`` as a function of its inputs ``wrt`` alone."""

    def function(*moving: Any) -> tuple[Any, ...]:
        everything = list(primals)
        for i, x in zip(wrt, moving, strict=True):
            everything[i] = x
        return tuple(inner(*everything))

    return function


def _to_jax(type: TensorType, cotangent: Any) -> Any:
    return cotangent if is_float(type.dtype) else np.zeros(type.shape, jax.dtypes.float0)


def _from_jax(type: TensorType, tangent: Any) -> Any:
    return tangent if is_float(type.dtype) else jnp.zeros(*cotangent_type(type))
