"""``apply_ufunc(vectorize=True)`` on traced arrays: the function runs once, on symbols for one slice of core dims.

What it records is then made again for all slices at once (``gradient.widen``): ops on names broadcast by name, so that
there is neither a loop nor a call for each slice.
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Final

import numpy as np

from xgrad.gradient.widen import together, widen
from xgrad.graph import Var
from xgrad.labels.core import AbstractTraced, Name, New, is_traced_array, make, real, trace_of
from xgrad.labels.duck.elementwise import as_traced, find_dim
from xgrad.labels.methods import weighting
from xgrad.labels.recording import recorded
from xgrad.labels.scope import fresh
from xgrad.names import build
from xgrad.names.types import Dim

Array = Any

# for xarray's own functions that select by data
STAND_INS: Final[dict[str, Callable[..., Any]]] = {
    "Weighted._weighted_quantile.<locals>._weighted_quantile_1d": weighting.quantile,
}


def over_slices(function: Callable[..., Any]) -> Callable[..., Any]:
    """Mark a function of slices that takes stacks of them as well."""
    function.over_slices = True  # pyright: ignore[reportFunctionMemberAccess]
    return function


def in_one(function: Callable[..., Any]) -> Callable[..., Any]:
    """Mark a function of slices that searches: computed from first to last for some slices, then for the next ones."""
    function.repeat = together  # pyright: ignore[reportFunctionMemberAccess]
    return function


def vectorize(original: Callable[..., Any]) -> Callable[..., Any]:
    """xarray's ``_vectorize``, for traced arrays without NumPy's loop."""

    def prepare(
        func: Callable[..., Any], signature: Any, output_dtypes: Any, exclude_dims: Any
    ) -> Callable[..., Any]:
        eager = original(func, signature, output_dtypes=output_dtypes, exclude_dims=exclude_dims)
        inner = func.func if isinstance(func, partial) else func

        def call(*arrays: Array) -> Any:
            if not any(is_traced_array(x) for x in arrays):
                return eager(*arrays)
            if getattr(inner, "over_slices", False):
                return func(*arrays)
            cores = [len(dims) for dims in signature.input_core_dims]
            repeat = getattr(inner, "repeat", widen)
            outputs = _at_once(_traceable(func), arrays, cores, signature.num_outputs, repeat)
            if output_dtypes is not None:
                outputs = [x.astype(dtype) for x, dtype in zip(outputs, output_dtypes, strict=True)]
            return tuple(outputs) if signature.num_outputs > 1 else outputs[0]

        return call

    return prepare


def _traceable(func: Callable[..., Any]) -> Callable[..., Any]:
    """``func`` with its options, or what stands in for it."""
    if not isinstance(func, partial) or func.func.__module__.split(".")[0] != "xarray":
        return func
    return partial(STAND_INS.get(func.func.__qualname__, func.func), *func.args, **func.keywords)


def _at_once(
    func: Callable[..., Any],
    arrays: Sequence[Array],
    cores: Sequence[int],
    n_outputs: int,
    repeat: Callable[..., tuple[Var, ...]],
) -> list[Array]:
    """The outputs of ``func`` for all slices: the last axes of each array, as many as it has core dims."""
    stacks = [np.shape(x)[: np.ndim(x) - n] for x, n in zip(arrays, cores, strict=True)]
    shape = np.broadcast_shapes(*stacks)
    names = _names_of_loops(arrays, cores, shape)
    like = next(x for x in arrays if is_traced_array(x))
    wide: dict[Var, Var] = {}
    slices = [_slice(x, n, names, like, wide) for x, n in zip(arrays, cores, strict=True)]
    results = func(*slices)
    results = results if n_outputs > 1 else (results,)
    parts = [as_traced(r if is_traced_array(r) else np.asarray(r), like) for r in results]
    trace = trace_of([*arrays, *parts])
    variables = [real(p) for p in parts]
    made = repeat([v for v, _ in variables], wide)
    return [
        make(var, [*_shown(var, names, shape), *own], trace)
        for var, (_, own) in zip(made, variables, strict=True)
    ]


def _names_of_loops(
    arrays: Sequence[Array], cores: Sequence[int], shape: Sequence[int]
) -> list[Dim]:
    """A dim for each axis that is looped over: the first that an array has there."""
    taken = {d for x in arrays if isinstance(x, AbstractTraced) for d in x.names}
    names: list[Dim] = []
    for axis in range(-len(shape), 0):
        found = [find_dim(x, axis - n, shape[axis]) for x, n in zip(arrays, cores, strict=True)]
        known = [f.name for f in found if f and f.name is not None and f.name not in names]
        names.append(known[0] if known else fresh("loop", taken.union(names)))
    return names


@recorded
def _slice(
    array: Array, core: int, names: Sequence[Dim], like: AbstractTraced, wide: dict[Var, Var]
) -> Any:
    """What ``func`` sees of an array: a symbol for one slice; a constant that is the same for all is handed over."""
    loops = np.ndim(array) - core
    if not loops and not is_traced_array(array):
        return array
    array = as_traced(array, like)
    repeated = tuple([0 if n == 1 else slice(None) for n in array.shape[:loops]])
    kept = [
        d for d, n in zip(names[len(names) - loops :], array.shape[:loops], strict=True) if n != 1
    ]
    var, dims = real(array[repeated])  # pyright: ignore[reportIndexIssue]
    inside = _distinct(dims[len(kept) :], names)
    whole = build.rename(var, dict(zip(dims, [*kept, *inside], strict=True)))
    if not kept:
        return make(whole, inside, array.scope)
    sizes = whole.type.sizes
    type_ = whole.type._replace(dims=tuple(inside), shape=tuple([sizes[d] for d in inside]))
    part = Var(type_, name=whole.name, source=whole.source)
    wide[part] = whole
    return make(part, None, array.scope)


def _distinct(dims: Sequence[Dim], names: Sequence[Dim]) -> list[Dim]:
    """Core dims under names that no looped dim has."""
    return [fresh(d, {*dims, *names}) if d in names else d for d in dims]


def _shown(var: Var, names: Sequence[Dim], shape: Sequence[int]) -> list[Name]:
    """The looped dims; those that the result does not depend on are repeated."""
    present = var.type.dims
    return [d if d in present else New(n) for d, n in zip(names, shape, strict=True)]
