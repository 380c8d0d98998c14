"""Random keys: labeled arrays of key words, made of seeds, split, and watched for being used twice.

A key is a DataArray of unsigned integers with the dim ``key_data``, as ``jax.random.key_data`` gives them; all its
other dims are a batch of keys. So keys are arguments of compiled functions, carries of loops, and mapped by ``vmap``
like any labeled array.
"""

import warnings
from collections.abc import Mapping
from typing import Any

import numpy as np
import xarray as xr

from xgrad.axes.random import DiscreteDraw
from xgrad.errors import ArgumentError, KeyReuseWarning
from xgrad.functions.calls import apply
from xgrad.graph import user_source
from xgrad.graph.source import Source
from xgrad.jax_backend import random as backend
from xgrad.labels import FREE, current_trace
from xgrad.labels.core import AbstractTraced, make, trace_of
from xgrad.labels.duck.elementwise import conform
from xgrad.labels.scope import is_in_loop
from xgrad.names import build

KEY = "key_data"  # the dim of a key's words
_UINT32 = np.dtype(np.uint32)
_SIZES = {impl: words for words, impl in backend.WORDS.items()}

Sizes = Mapping[Any, int] | int


def key(seed: Any, *, impl: str = "threefry2x32") -> xr.DataArray:
    """The key of a seed, the words of ``jax.random.key(seed)``; a labeled array of seeds gives a key each.

    ``impl`` is the generator, ``"threefry2x32"`` or ``"rbg"``. Raises ArgumentError for another, or for a seed that is
    no integer.

    >>> key(0)
    <xarray.DataArray (key_data: 2)> Size: 8B
    array([0, 0], dtype=uint32)
    Dimensions without coordinates: key_data
    """
    if impl not in _SIZES:
        raise ArgumentError(
            f"the generators of keys are {', '.join(_SIZES)}; there is none called {impl!r}."
        )
    dtype = getattr(seed, "dtype", None)
    if dtype is None and (isinstance(seed, bool) or not isinstance(seed, int)):
        raise ArgumentError(f"a seed is an integer, not {seed!r}.")
    if dtype is not None and dtype.kind not in "iu":
        raise ArgumentError(f"a seed is an integer, not of dtype {dtype}.")
    if not isinstance(seed, xr.DataArray | AbstractTraced):
        return xr.DataArray(backend.new_key(int(seed), impl), dims=KEY)
    labeled = seed if isinstance(seed, xr.DataArray) else xr.DataArray(seed)
    return apply(_seeded, labeled, out=[[KEY]], keep_attrs=False, impl=impl)


def split(key: Any, sizes: Sizes = 2) -> xr.DataArray:
    """Independent keys from one, as ``jax.random.split`` makes them: along new dims, ``{"chain": 4}``, or 2 to unpack.

    A number gives that many along a dim ``key``. The key that was split must not be used again. Raises ArgumentError
    for what is no key.

    >>> first, second = split(key(0))
    >>> split(key(0), {"chain": 4}).sizes["chain"]
    4
    """
    named = {"key": sizes} if isinstance(sizes, int) else dict(sizes)
    words = spend(as_key(key), "split")
    found = apply(
        _split,
        words,
        core=[[KEY]],
        out=[[*named, KEY]],
        resized=[KEY],
        sizes=tuple(named.values()),
        keep_attrs=False,
    )
    return found.transpose(*[d for d in words.dims if d != KEY], *named, KEY)


def fold_in(key: Any, data: Any) -> xr.DataArray:
    """The key of a key and an integer, as ``jax.random.fold_in`` makes it: one each for an array of integers.

    Keys and integers broadcast by name. Raises ArgumentError for what is no key.

    >>> steps = xr.DataArray([0, 1, 2], dims="step")
    >>> fold_in(key(0), steps).sizes["step"]
    3
    """
    return apply(_folded, as_key(key), data, core=[[KEY], []], out=[[KEY]], keep_attrs=False)


def as_jax_key(key: Any) -> Any:
    """A key outside of compiled functions as JAX's own typed key, for other libraries.

    >>> as_jax_key(key(0)).dtype
    key<fry>
    """
    return backend.as_key(np.asarray(as_key(key).values))


def as_key(value: Any) -> xr.DataArray:
    """What users pass as a key, as a labeled array of words: that, typed keys of JAX, or the words of one key."""
    if isinstance(value, xr.DataArray) and KEY in value.dims:
        return _checked(value, value.dtype, value.sizes[KEY])
    if backend.is_typed_key(value):
        value = backend.key_words(value)
    data: Any = value.data if isinstance(value, xr.DataArray | xr.Variable) else value
    if getattr(data, "ndim", None) == 1 and getattr(data, "dtype", None) == _UINT32:
        return _checked(xr.DataArray(data, dims=KEY), data.dtype, data.shape[0])
    if getattr(data, "dtype", None) == _UINT32 and data.ndim > 1:
        raise ArgumentError(
            f"an array of keys of shape {data.shape[:-1]} has no named dims.\n"
            "Split a key along a named dim: xgrad.random.split(key, {'chain': 4})."
        )
    raise ArgumentError(
        f"a draw takes a key first, not {_described(value)}.\nMake one of a seed: key = xgrad.random.key(0)."
    )


def _checked(key: xr.DataArray, dtype: Any, words: int) -> xr.DataArray:
    if dtype != _UINT32 or words not in backend.WORDS:
        raise ArgumentError(
            f"a key has 2 or 4 words of dtype uint32 along {KEY!r}; this array has {words} of dtype {dtype}."
        )
    return key


def _described(value: Any) -> str:
    if isinstance(value, xr.DataArray):
        return f"a DataArray of dtype {value.dtype} with the dims {value.dims}: keys are uint32, with the dim {KEY!r}"
    return (
        repr(value)
        if isinstance(value, int | float | str)
        else f"an object of type {type(value).__name__}"
    )


# ---- use -----------------------------------------------------------------------------------------------------------
def spend(key: xr.DataArray, doing: str) -> xr.DataArray:
    """``key``, which may not be used again: ``KeyReuseWarning`` names the user's lines if it was in this trace.

    A key from outside of a loop is used again in each step.
    """
    trace, here = current_trace(), user_source()
    data = key.variable.data
    if isinstance(data, AbstractTraced):
        if data.value in trace.spent:
            _warn(doing, _twice(data.value.name, trace.spent[data.value]), _SPLIT, here)
        elif is_in_loop(data.scope):
            _warn(doing, _each_step(data.value.name), _FOLD, here)
        trace.spent[data.value] = here
    elif trace is not FREE:
        token = (KEY, np.asarray(data).tobytes())
        if token in trace.said:
            _warn(doing, _twice(None, None), _SPLIT, here)
        elif is_in_loop(FREE):
            _warn(doing, _each_step(None), _FOLD, here)
        trace.said.add(token)
    return key


_SPLIT = "Split it first: key, other = xgrad.random.split(key)."
_FOLD = "Make one for each step: xgrad.random.fold_in(key, step), or split one into a carry."


def _called(name: str | None) -> str:
    return f"the key `{name}`" if name else "a key"


def _twice(name: str | None, before: Source | None) -> str:
    first = f" (first at {before})" if before is not None else ""
    return f"{_called(name)} is used twice{first}, so that the numbers are the same, or depend on each other"


def _each_step(name: str | None) -> str:
    return f"{_called(name)} from outside of a loop is used in each of its steps, so that the numbers are the same"


def _warn(doing: str, what: str, way: str, here: Source | None) -> None:
    text = f"{doing}: {what}.\n{way}"
    if here is None:
        warnings.warn(text, KeyReuseWarning, stacklevel=2)
    else:
        warnings.warn_explicit(text, KeyReuseWarning, here.file, here.line)


# ---- on arrays -----------------------------------------------------------------------------------------------------
def _seeded(seed: Any, *, impl: str) -> Any:
    words = _SIZES[impl]
    sampler = backend.Sampler("seed", (words,), _UINT32, (("impl", impl),), core=0)
    return _keys(sampler, (seed,), (seed.dtype,), seed.ndim, core=0)


def _split(words: Any, *, sizes: tuple[int, ...]) -> Any:
    sampler = backend.Sampler("split", (*sizes, words.shape[-1]), _UINT32)
    return _keys(sampler, (words,), (_UINT32,), words.ndim - 1)


def _folded(words: Any, data: Any) -> Any:
    shape = np.broadcast_shapes(words.shape[:-1], np.shape(data))
    sampler = backend.Sampler("fold_in", words.shape[-1:], _UINT32)
    words = np.broadcast_to(words, (*shape, words.shape[-1]))
    data = np.broadcast_to(data, shape)
    return _keys(sampler, (words, data), (_UINT32, np.dtype(np.int64)), len(shape))


def _keys(
    sampler: backend.Sampler,
    arrays: tuple[Any, ...],
    dtypes: tuple[np.dtype, ...],
    batch: int,
    core: int = 1,
) -> Any:
    """New keys for each place of the batch; axes before the last one of the first array are batch."""
    names = [f"{KEY}_{k}" for k in range(batch)]
    shape = np.shape(arrays[0])[:batch]
    cores = [[KEY] if k < core else [] for k in range(len(arrays))]
    given = [
        build.broadcast(conform(x, [*names, *own], np.shape(x), dtype), [*names, *own], np.shape(x))
        for x, own, dtype in zip(arrays, cores, dtypes, strict=True)
    ]
    out = [*[f"{KEY}_new_{k}" for k in range(len(sampler.shape) - 1)], f"{KEY}_words"]
    op = DiscreteDraw(sampler, sampler.shape, _UINT32, core)
    (found,) = build.blockwise(op, given, cores, [out])
    return make(
        build.broadcast(found, [*names, *out], (*shape, *sampler.shape)), None, trace_of(arrays)
    )
