"""A draw of labeled random numbers: from a sampler of arrays, a key and parameters to an array with dims and coords.

The dims of a draw are those of a batch of keys, then the sizes asked for, then those of the parameters, which broadcast
by name. With one key the numbers are those that JAX draws for an array of that shape.
"""

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr

from xgrad.axes.random import DiscreteDraw, Draw
from xgrad.errors import ArgumentError, DimensionError
from xgrad.functions.calls import Kernel
from xgrad.functions.keys import KEY, as_key, spend
from xgrad.jax_backend.random import Sampler
from xgrad.labels.core import is_traced_array, make, trace_of
from xgrad.labels.duck.elementwise import conform, result_dtype
from xgrad.labels.messages.translation import translated
from xgrad.names import build
from xgrad.names.types import Dim

Array = Any
_UINT32 = np.dtype(np.uint32)


@dataclass(frozen=True)
class Plan:
    """What is drawn, but for the shape: the sampler's name and options, and the dims of its parameters and result.

    ``cores``: the core dims of each parameter of the sampler; ``out``: core dims of the result with their sizes.
    ``dtype`` None: the float dtype that the parameters promote to, which is the dtype of ``given`` where that is None.
    ``finish`` makes the result of the numbers drawn and of the parameters that the sampler does not take, with
    ``constants`` in place of some.
    """

    sampler: str
    cores: tuple[tuple[Dim, ...], ...] = ()
    out: tuple[tuple[Dim, int], ...] = ()
    discrete: bool = False
    dtype: np.dtype | None = None
    given: np.dtype | None = None
    options: tuple[tuple[str, Any], ...] = ()
    spread: bool = True  # whether parameters are wanted with all dims of the draw
    finish: Callable[..., Array] | None = None


def draw(
    plan: Plan,
    key: Any,
    sizes: Mapping[Any, int] | None,
    coords: Mapping[Any, Any] | None,
    parameters: Mapping[str, Any],
    extra: Mapping[str, Any] | None = None,
) -> xr.DataArray:
    """The labeled draw; ``extra`` are the parameters of ``plan.finish``."""
    words = spend(as_key(key), plan.sampler)
    frame = _frame(plan.sampler, sizes, coords)
    given = {**parameters, **(extra or {})}
    for name, value in given.items():
        _check_parameter(plan.sampler, name, value)
    batch = [d for d in words.dims if d != KEY]
    cores = [*plan.cores, *[()] * len(extra or {})]
    dims = _dims(batch, frame, list(given.values()), cores)
    _check_free(plan, dims)

    def kernel(words: Array, frame: Array, *arrays: Array) -> Array:
        """Called by xarray with arrays that broadcast; of the frame the shape alone is wanted."""
        shapes = [np.shape(a)[: np.ndim(a) - len(c)] for a, c in zip(arrays, cores, strict=True)]
        shape = np.broadcast_shapes(words.shape[:-1], frame.shape, *shapes)
        ones = (0,) * (words.ndim - 1 - len(batch))
        words = words[(slice(None),) * len(batch) + ones] if ones else words
        options = (("plan", plan), ("dims", dims), ("shape", shape), ("batch", len(batch)))
        options += (("extra", tuple(extra or ())),)
        return Kernel(_drawn, options)(words, *arrays)

    with translated(called_by_user=True):
        return xr.apply_ufunc(
            kernel,
            words,
            frame,
            *given.values(),
            input_core_dims=[[KEY], [], *cores],
            output_core_dims=[[d for d, _ in plan.out]],
            join=xr.get_options()["arithmetic_join"],
            keep_attrs=False,
        )


def _drawn(
    words: Array,
    *arrays: Array,
    plan: Plan,
    dims: tuple[Dim, ...],
    shape: tuple[int, ...],
    batch: int,
    extra: tuple[str, ...],
) -> Array:
    """The draw of traced arrays (or some that are) which broadcast to ``shape``."""
    count = len(plan.cores)
    dtype = plan.dtype or plan.given or _float_dtype(arrays)
    of_parameters = _parameter_dtype(plan, dtype, arrays[:count])
    core = dims[batch:] if plan.spread else ()
    sizes = dict(zip(dims, shape, strict=True))
    key = _conformed(words, (KEY,), dims[:batch], sizes, _UINT32, dims[:batch])
    given = [
        _conformed(x, own, dims, sizes, of_parameters, core)
        for x, own in zip(arrays[:count], plan.cores, strict=True)
    ]
    drawn = (*shape[batch:], *[n for _, n in plan.out])
    op = (DiscreteDraw if plan.discrete else Draw)(
        Sampler(plan.sampler, drawn, dtype, plan.options), drawn, dtype
    )
    out = (*dims[batch:], *[d for d, _ in plan.out])
    in_cores = [(KEY,), *[(*core, *own) for own in plan.cores]]
    (found,) = build.blockwise(op, [key, *given], in_cores, [out])
    result = make(found, (*dims[:batch], *out), trace_of([words, *arrays]))
    if plan.finish is None or not extra:
        return result
    return plan.finish(result, **dict(zip(extra, arrays[count:], strict=True))).astype(
        dtype, copy=False
    )


def _conformed(
    x: Array,
    own: tuple[Dim, ...],
    dims: tuple[Dim, ...],
    sizes: dict[Dim, int],
    dtype: np.dtype,
    wanted: tuple[Dim, ...],
) -> Any:
    """An array as a value with its core dims ``own``, those of ``dims`` that it has, and all that are ``wanted``."""
    before = np.ndim(x) - len(own)
    here = {**sizes, **dict(zip(own, np.shape(x)[before:], strict=True))}
    names = (*dims[len(dims) - before :], *own)
    value = conform(x, names, [here[d] for d in names], dtype)
    full = [d for d in dims if d in value.type.dims or d in wanted] + list(own)
    return build.broadcast(value, full, [here[d] for d in full])


def _float_dtype(arrays: Sequence[Array]) -> np.dtype:
    """The float dtype that parameters promote to; float64 of integers, and of none."""
    found = result_dtype(arrays) if arrays else np.dtype(np.float64)
    return found if found.kind == "f" else np.dtype(np.float64)


def _parameter_dtype(plan: Plan, dtype: np.dtype, arrays: Sequence[Array]) -> np.dtype:
    """In what dtype the sampler is given its parameters."""
    if plan.sampler == "randint":
        return dtype
    return _float_dtype(arrays) if plan.discrete else dtype


# ---- labels --------------------------------------------------------------------------------------------------------
def _frame(
    doing: str, sizes: Mapping[Any, int] | None, coords: Mapping[Any, Any] | None
) -> xr.DataArray:
    """An array that stands for the sizes and coords asked for; it takes no memory."""
    labels = {} if coords is None else dict(coords)
    asked = _checked_sizes(doing, sizes)
    for dim, values in labels.items():
        if dim not in asked and getattr(values, "ndim", 1) == 1:
            asked[dim] = np.size(values)
    data = np.broadcast_to(np.zeros((), np.int8), tuple(asked.values()))
    with translated(called_by_user=True):
        return xr.DataArray(data, labels, tuple(asked))


def _checked_sizes(doing: str, sizes: Mapping[Any, int] | None) -> dict[Any, int]:
    if sizes is None:
        return {}
    if not isinstance(sizes, Mapping):
        raise ArgumentError(
            f"{doing}: sizes go by dim, as in {{'time': 10}}, and cannot be {sizes!r};"
            " without them the draw has the dims of its parameters."
        )
    for dim, n in sizes.items():
        if isinstance(n, bool) or not isinstance(n, int | np.integer) or n < 0:
            raise ArgumentError(
                f"{doing}: the size of dim {dim!r} must be a whole number known while tracing, not {n!r}."
            )
    return {dim: int(n) for dim, n in sizes.items()}


def _check_parameter(doing: str, name: str, value: Any) -> None:
    if isinstance(value, xr.DataArray):
        return
    if isinstance(value, xr.Dataset) or (np.ndim(value) and not isinstance(value, xr.Variable)):
        kind = (
            "a Dataset" if isinstance(value, xr.Dataset) else f"an array of shape {np.shape(value)}"
        )
        raise ArgumentError(
            f"{doing}: the parameter {name!r} is {kind} without named dims; pass a DataArray or a number."
        )
    if not (
        is_traced_array(value)
        or isinstance(value, int | float | np.generic | np.ndarray | xr.Variable)
    ):
        if not hasattr(value, "dtype"):
            raise ArgumentError(f"{doing}: the parameter {name!r} must be numbers, not {value!r}.")


def _dims(
    batch: Sequence[Hashable], frame: xr.DataArray, given: Sequence[Any], cores: Sequence[Any]
) -> tuple[Hashable, ...]:
    """The dims of a draw before its core dims, in the order in which xarray meets them."""
    own = [
        [d for d in getattr(x, "dims", ()) if d not in c] for x, c in zip(given, cores, strict=True)
    ]
    return tuple(dict.fromkeys([*batch, *frame.dims, *[d for dims in own for d in dims]]))


def _check_free(plan: Plan, dims: Sequence[Hashable]) -> None:
    """A core dim of the result must not be among the other dims of the draw."""
    for dim, _ in plan.out:
        if dim in dims:
            raise DimensionError(
                f"{plan.sampler}: the draw would have the dim {dim!r} twice, as one of its own and among {tuple(dims)}."
            )
