"""Our programs inside somebody else's JAX trace: ``jax.jit``, ``vmap``, ``grad`` around them.

Where that trace has 64-bit types on, the program becomes a part of it as it is. Where it has them
off, 64-bit values must not enter it: ``jax.vmap`` and ``jax.grad`` would transpose our float64
operations after our scope has ended, and fail on mixed types. So the program is then emitted in the
types of the trace, as JAX does with its own functions, and a ``PrecisionWarning`` says what is
computed in fewer bits than eager code would use. Integers that do not fit are an error.
"""

import warnings
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import jax
import numpy as np
from jax.core import Tracer
from jax.dtypes import canonicalize_dtype

from xgrad.axes.base import TensorType
from xgrad.axes.constants import Full
from xgrad.errors import PrecisionWarning, UnsupportedError
from xgrad.graph import Graph, user_source

_REMEDY = "Turn 64-bit types on around it: with jax.enable_x64(True): ..."


def call_in_trace(function: Callable[..., Any], graph: Graph, arrays: Sequence[Any]) -> list[Any]:
    """The outputs of ``function``, which is ``graph``, for ``arrays`` of which some are tracers."""
    if _narrowed(np.dtype(np.float64)) == np.float64:
        return function(*arrays)
    _check_integers(graph, arrays)
    _warn_of_precision(graph)
    with warnings.catch_warnings():
        # JAX would say the same of every float64 op, naming lines of ours
        warnings.filterwarnings(
            "ignore", message="Explicitly requested dtype", category=UserWarning
        )
        return function(*map(_narrow, arrays))


def _narrowed(dtype: np.dtype) -> np.dtype:
    """``dtype`` in the trace around us: itself, or with 32 bits for 64."""
    return np.dtype(canonicalize_dtype(dtype))


def _narrow(x: Any) -> Any:
    """``x`` in the dtype that the trace has for it. (NumPy arrays JAX narrows itself.)"""
    if not isinstance(x, jax.Array) or _narrowed(x.dtype) == x.dtype:
        return x
    return jax.lax.convert_element_type(x, _narrowed(x.dtype))


def _warn_of_precision(graph: Graph) -> None:
    wide = next(_wide_values(graph), "")
    if not wide:
        return
    message = (
        f"called inside a JAX trace with 64-bit types off: {wide} is computed in 32 bits. {_REMEDY}"
    )
    at = user_source()
    if at is None:
        warnings.warn(message, PrecisionWarning, stacklevel=2)
    else:
        warnings.warn_explicit(message, PrecisionWarning, at.file, at.line)


def _wide_values(graph: Graph) -> Iterator[str]:
    """The float64 and complex128 values of ``graph`` in the words of a user, outputs first."""
    for i, v in enumerate(graph.outputs):
        if _loses_digits(v.type.dtype):
            yield f"result {i} ({v.type})"
    for node in graph.nodes:
        for v in node.outputs:
            if _loses_digits(v.type.dtype):
                where = f" at {node.source}" if node.source else ""
                yield f"{type(node.op).__name__} ({v.type}){where}"


def _loses_digits(dtype: np.dtype) -> bool:
    return dtype in (np.float64, np.complex128)


def _check_integers(graph: Graph, arrays: Sequence[Any]) -> None:
    """Refuse integers of 64 bits that would wrap around, such as times in nanoseconds."""
    values = [node.op.value.value for node in graph.nodes if isinstance(node.op, Full)]
    values += [np.asarray(x) for x in arrays if not isinstance(x, Tracer)]
    for value in values:
        if value.dtype.kind in "iu" and value.size and not _fits(value):
            raise UnsupportedError(
                "called inside a JAX trace with 64-bit types off, with integers that need them: "
                f"{TensorType(value.shape, value.dtype)} from {value.min()} to {value.max()}. "
                f"{_REMEDY}"
            )


def _fits(value: np.ndarray) -> bool:
    bounds = np.iinfo(_narrowed(value.dtype))
    return bounds.min <= value.min() and value.max() <= bounds.max
