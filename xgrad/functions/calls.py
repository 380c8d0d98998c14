"""Calling functions of arrays on labeled ones: xarray aligns, broadcasts by name and labels; the function records.

A function here is written once, for the traced arrays of ``xgrad.labels``. Where there is no trace it is compiled and
run at once, so that it gives the same numbers inside and outside of compiled functions.
"""

from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
import xarray as xr

from xgrad.errors import ArgumentError, DimensionError, UnsupportedTypeError, nearest
from xgrad.functions.checks import Labels
from xgrad.functions.runnable import Runnable
from xgrad.graph import Graph, Source, located, user_source
from xgrad.jax_backend import is_jax_array, to_numpy
from xgrad.labels import FREE, current_trace, open_trace, unwrap, wrap
from xgrad.labels.constants import NUMBERS, constant
from xgrad.labels.core import is_traced_array, make
from xgrad.labels.messages.translation import translated
from xgrad.labels.recording import recorded
from xgrad.lower.pipeline import compile_graph
from xgrad.names.types import XType
from xgrad.options import Options, current_options

Array = Any  # a traced array, a concrete one, or a number
Labeled = Any  # a DataArray or Dataset; arrays and numbers broadcast against them
Dims = Hashable | Iterable[Hashable] | None


@dataclass(frozen=True)
class Kernel:
    """A function of traced arrays, with options, as a function of any arrays: recorded in a trace, else run."""

    function: Callable[..., Any]
    options: tuple[tuple[str, Any], ...] = ()

    @recorded
    def __call__(self, *arrays: Array) -> Any:
        if any(is_traced_array(x) for x in arrays):
            return self.record(arrays)
        if current_trace() is not FREE:
            return self.record([_traced_constant(x) for x in arrays])
        return _run(self, arrays)

    def record(self, arrays: Sequence[Array]) -> Any:
        return self.function(*arrays, **dict(self.options))


def apply(
    function: Callable[..., Any],
    *args: Labeled,
    core: Sequence[Sequence[Hashable]] | None = None,
    out: Sequence[Sequence[Hashable]] = ((),),
    resized: Iterable[Hashable] = (),
    keep_attrs: bool | None = None,
    **options: Any,
) -> Any:
    """``function`` of the arrays of labeled arguments, core dims last: aligned and labeled as xarray's arithmetic is.

    ``core`` has the core dims of each argument, ``out`` those of each result, ``resized`` the dims that change size.
    """
    settings = xr.get_options()
    with translated(called_by_user=True):
        return xr.apply_ufunc(
            Kernel(function, tuple(options.items())),
            *args,
            input_core_dims=core or [()] * len(args),
            output_core_dims=out,
            exclude_dims=set(resized),
            join=settings["arithmetic_join"],
            dataset_join=settings["arithmetic_join"],
            dataset_fill_value=np.nan,
            keep_attrs=settings["keep_attrs"] in (True, "default")
            if keep_attrs is None
            else keep_attrs,
        )


def along(
    function: Callable[..., Any],
    x: Labeled,
    dims: Sequence[Hashable],
    *others: Labeled,
    **options: Any,
) -> Any:
    """``function`` of ``x`` along ``dims``, which keep their sizes and places; ``others`` have them too."""

    def each(array: xr.DataArray) -> xr.DataArray:
        core = [dims] * (1 + len(others))
        result = apply(function, array, *others, core=core, out=[dims], **options)
        return result.transpose(*array.dims, ...)

    if isinstance(x, xr.Dataset):
        return x.map(lambda v: each(v) if set(dims) <= set(v.dims) else v, keep_attrs=True)
    return each(x)


def core_dims(doing: str, x: Labeled, dim: Dims) -> tuple[Hashable, ...]:
    """The dims that ``dim`` means, each one of ``x``; None and ``...`` mean all.

    ``ArgumentError`` for what has no named dims, ``DimensionError`` for a dim that ``x`` lacks.
    """
    check_labeled(doing, x)
    known = tuple(x.dims)
    if dim is None or dim is ...:
        return known
    dims = (dim,) if isinstance(dim, str) or not isinstance(dim, Iterable) else tuple(dim)
    for d in dims:
        if d not in known:
            raise DimensionError(
                f"cannot {doing} along dim {d!r}: the array has the dims {known}{nearest(d, known) or '.'}"
            )
    return dims


def one_dim(doing: str, x: Labeled, dim: Hashable | None) -> Hashable:
    """The one dim that ``dim`` means: the only one that ``x`` has, if it is None."""
    dims = core_dims(doing, x, dim)
    if len(dims) == 1:
        return dims[0]
    raise DimensionError(
        f"{doing} is along one dim, and the array has the dims {dims}: say which with dim=…."
        if dims
        else f"{doing} is along a dim, and the array has none."
    )


def check_labeled(doing: str, x: Labeled) -> None:
    """Raise where ``x`` has no named dims."""
    if not isinstance(x, xr.DataArray | xr.Dataset | xr.Variable):
        raise ArgumentError(
            f"{doing} works along named dims, and was given {_article(x)}.\n"
            "Name its dims first: xgrad.DataArray(x, dims=(…))."
        )


def _article(x: Any) -> str:
    return "a NumPy array" if isinstance(x, np.ndarray) else f"an object of type {type(x).__name__}"


# ---- at once -------------------------------------------------------------------------------------------------------
class _Program(NamedTuple):
    """A kernel compiled for arrays of certain types."""

    run: Runnable
    single: bool


def _run(kernel: Kernel, arrays: Sequence[Array]) -> Any:
    """The result for concrete arrays: in JAX where one of them is, else in NumPy."""
    given = [x if type(x) in NUMBERS or is_jax_array(x) else np.asarray(x) for x in arrays]
    options = current_options()
    line = user_source() if options.checks else None  # for what a check says
    program = _program(kernel, tuple(map(_type, given)), options, line)
    found = program.run(given)
    outputs = found if any(map(is_jax_array, given)) else [to_numpy(x)[()] for x in found]
    return outputs[0] if program.single else tuple(outputs)


@lru_cache(maxsize=1024)
def _program(
    kernel: Kernel, types: tuple[XType, ...], options: Options, line: Source | None
) -> _Program:
    with located(line), open_trace() as trace:
        results = kernel.record([wrap(trace.input(t)) for t in types])
        single = not isinstance(results, tuple)
        graph = Graph(trace.inputs, [unwrap(r) for r in ((results,) if single else results)])
    return _Program(Runnable.of(compile_graph(graph, options.ad).optimised, Labels()), single)


def _type(x: Array) -> XType:
    """The type of a concrete array; axes are numbered from the last, so that arrays that broadcast agree."""
    if type(x) in NUMBERS:
        return XType((), (), np.result_type(type(x)), weak=type(x) is not bool)
    if x.dtype.kind in "OSUTMm":
        raise UnsupportedTypeError(
            f"data of dtype {x.dtype} cannot be computed with; convert it to numbers first."
        )
    return XType(tuple([f"axis -{x.ndim - k}" for k in range(x.ndim)]), x.shape, x.dtype)


def _traced_constant(x: Array) -> Array:
    values = np.asarray(x)
    dims = tuple([f"axis -{values.ndim - k}" for k in range(values.ndim)])
    weak = type(x) in NUMBERS and type(x) is not bool
    return make(constant(values, dims), dims, current_trace(), weak=weak)
