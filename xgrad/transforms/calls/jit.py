"""``xgrad.jit``: compiled functions of labeled arrays, called through a guard, an executable and a template.

Two caches keep labels from costing compiles. A call whose arguments are as some earlier trace assumed them (key 1:
dims, labels, dtypes, static values, options) runs what that trace made. Another call is traced, which is cheap; if the
tensor graph it is lowered to has the structure of one compiled before (key 2), its executable is used again.
"""

import functools
import threading
from collections.abc import Callable, Hashable, Mapping
from typing import Any, get_args, overload

from xgrad.errors import ArgumentError
from xgrad.graph import Graph
from xgrad.jax_backend.devices import Division, Layout, on_device
from xgrad.jax_backend.executable import CompileOptions
from xgrad.labels.scope import FREE, current_trace
from xgrad.labels.slots import read_options
from xgrad.options import AD, current_options
from xgrad.transforms.calls.arguments import CallGuard
from xgrad.transforms.calls.cache import CacheInfo, Entry, TraceCache
from xgrad.transforms.calls.exporting import PathLike, write
from xgrad.transforms.calls.leaves import Receiver
from xgrad.transforms.calls.portable import global_object
from xgrad.transforms.calls.program import Program
from xgrad.transforms.calls.retraces import MANY, Retraces, retraces, warn_of_many
from xgrad.transforms.calls.signature import Names, Numbers, Signature
from xgrad.transforms.calls.stages import Stages
from xgrad.transforms.calls.trace import trace_call
from xgrad.transforms.parts import parts_of
from xgrad.transforms.tree import flatten, kind_of


class Compiled:
    """A function of labeled arrays that is traced once per kind of arguments, compiled by XLA, and then run.

    Made by ``xgrad.jit``; its results are those of the function itself. See ``jit`` for the options.
    """

    __qualname__: str  # of the function

    def __init__(
        self,
        fun: Callable[..., Any],
        *,
        static_argnums: Numbers = None,
        static_argnames: Names = None,
        donate_argnums: Numbers = None,
        ad: str = "auto",
        device: Any = None,
        mesh: Any = None,
        shard: Mapping[Hashable, Any] | None = None,
    ) -> None:
        self.fun = fun
        self.compile_options = {
            "static_argnums": static_argnums,
            "static_argnames": static_argnames,
            "donate_argnums": donate_argnums,
            "ad": ad,
            "device": device,
            "mesh": mesh,
            "shard": shard,
        }
        self._division = None if shard is None else Division(mesh, shard)
        functools.update_wrapper(self, fun, updated=())
        self._signature = Signature(fun, static_argnums, static_argnames, donate_argnums)
        self._cache = TraceCache()
        self._lock = threading.RLock()

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        situation = _situation()
        for (
            entry
        ) in self._cache.recent:  # first of all, and in line: this is the path of every call
            arrays = entry.guard.arrays(args, kwargs)
            if arrays is not None and entry.situation == situation:
                entry.hits += 1
                return entry.program.run(arrays, entry.on_host)
        if is_symbolic(args, kwargs):
            return self.fun(*[x.object if type(x) is Receiver else x for x in args], **kwargs)
        entry, arrays = self._find(args, kwargs)
        return entry.program.run(arrays, entry.on_host)

    def _find(self, args: tuple, kwargs: dict[str, Any]) -> tuple[Entry, list[Any]]:
        """The entry for a call, traced here if need be, and the arrays of the call."""
        guard = self._signature.guard(args, kwargs)
        situation = _situation()
        with self._lock:  # one trace per signature, however many threads want it
            found = self._cache.find(guard.key, situation, args, kwargs)
            if found is not None:
                found[0].hits += 1
            else:
                self._cache.add(self._traced(guard, situation, args, kwargs))
                if self._cache.info().traces == MANY:
                    warn_of_many(
                        self._signature.name, self._cache.entries, self._signature.argument
                    )
                found = self._cache.find(guard.key, situation, args, kwargs)
        if found is None:
            raise AssertionError("a guard must hold for the arguments it was made of")
        return found

    def _traced(
        self, guard: CallGuard, situation: Hashable, args: tuple, kwargs: dict[str, Any]
    ) -> Entry:
        traced = trace_call(self.fun, guard, args, kwargs)
        options = CompileOptions(self._signature.donated(guard), self._layout(traced.graph))
        program = Program(traced, self._signature.name, self.compile_options["ad"], options)
        return Entry(guard, situation, program)

    def _layout(self, graph: Graph) -> Layout | None:
        """On which device, or how divided over several, a traced call runs."""
        device, division = self.compile_options["device"], self._division
        if division is None:
            return None if device is None else on_device(device)
        division.check_used({dim for v in graph.inputs for dim in v.type.dims})
        return Layout(
            division.rest,
            tuple(
                [
                    division.of_argument(v.name or "an argument", v.type.dims, v.type.shape)
                    for v in graph.inputs
                ]
            ),
            tuple([division.of_result(v.type.dims, v.type.shape) for v in graph.outputs]),
        )

    # ---- looking inside --------------------------------------------------------------------------------------------
    def stages(self, *args: Any, **kwargs: Any) -> Stages:
        """What becomes of a call: the graph of names, the graph of axes, source, HLO and cost; printable."""
        return self.program(*args, **kwargs).stages

    def program(self, *args: Any, **kwargs: Any) -> Program:
        """What a call runs; traced here if need be."""
        return self._find(args, kwargs)[0].program

    def export(self, *args: Any, path: PathLike, allow_pickle: bool = False, **kwargs: Any) -> None:
        """Write the program of a call to a file, with its labels, for ``xgrad.load_exported``.

        For the platform that is in use here. The file has no numbers of arguments, and no encodings of coords. Labels,
        attrs and constants that are neither numbers, strings, dates, intervals nor containers of them need
        ``allow_pickle``; such a file can run any code when it is loaded.

        Raises ExportError for a program that calls functions on the host, for a result with labels that are computed,
        and for what needs ``allow_pickle``.
        """
        names = [self._signature.argument(i) for i in range(len(args))]
        program = self.program(*args, **kwargs)
        write(path, self._signature.name, program, names, (args, kwargs), allow_pickle)

    def reference(self, *args: Any, **kwargs: Any) -> Any:
        """The result computed by NumPy, one op at a time and with no rewrites: for those who doubt a compiled one."""
        entry, arrays = self._find(args, kwargs)
        return entry.program.run_reference(arrays)

    def cache_info(self) -> CacheInfo:
        """Traces, compiles and hits so far, and the entries held now."""
        return self._cache.info()

    def retraces(self) -> Retraces:
        """Why calls were traced anew; see ``explain_retrace``."""
        with self._lock:
            return retraces(
                self._signature.name,
                self.cache_info(),
                self._cache.entries,
                self._signature.argument,
            )

    def clear_cache(self) -> None:
        """Forget all traces, and start counting anew. (Executables are shared by all functions, and stay.)"""
        with self._lock:
            self._cache = TraceCache()

    # ---- as a member of a class, and of a module -------------------------------------------------------------------
    def __get__(self, instance: Any, owner: type | None = None) -> "Compiled | BoundCompiled":
        return self if instance is None else BoundCompiled(self, instance)

    def __reduce__(self) -> Any:
        if global_object(self.__module__, self.__qualname__) is self:
            return self.__qualname__  # by reference, as functions are pickled
        return _rebuild, (self.fun, self.compile_options)

    def __repr__(self) -> str:
        return f"<xgrad.jit of {self._signature.name}>"


class BoundCompiled:
    """A compiled method of one object. The object is an argument where it is a container of arrays, else a constant."""

    def __init__(self, compiled: Compiled, instance: Any) -> None:
        self._compiled = compiled
        self._self = instance if kind_of(instance) is not None else Receiver(instance)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self._compiled(self._self, *args, **kwargs)

    def stages(self, *args: Any, **kwargs: Any) -> Stages:
        """See ``Compiled.stages``."""
        return self._compiled.stages(self._self, *args, **kwargs)

    def reference(self, *args: Any, **kwargs: Any) -> Any:
        """See ``Compiled.reference``."""
        return self._compiled.reference(self._self, *args, **kwargs)

    def cache_info(self) -> CacheInfo:
        """Of the method, for all objects together."""
        return self._compiled.cache_info()

    def retraces(self) -> Retraces:
        """Of the method, for all objects together."""
        return self._compiled.retraces()

    def clear_cache(self) -> None:
        """Of the method, for all objects together."""
        self._compiled.clear_cache()


def explain_retrace(fun: Compiled | BoundCompiled) -> Retraces:
    """Why a compiled function was traced more than once: which assumption failed against the nearest earlier trace.

    The result prints as a list, and has a row in ``retraces`` for each trace but the first, among those still held:
    the argument, and the dim, dtype, label, attr, static value or option that differed, first differing label included.
    After 50 traces of one function a RecompileWarning says so once.

    Raises ArgumentError for a function that is not compiled.

    >>> import numpy as np, xgrad as xg
    >>> total = xg.jit(lambda x: x.sum())
    >>> for size in (2, 2, 3):
    ...     _ = total(xg.DataArray(np.ones(size), dims="time"))
    >>> explain_retrace(total)
    `<lambda>`: 2 traces, 2 programs compiled, 1 calls that needed neither
    trace 2, against trace 1:
      `x`: the size of dim 'time' is 3, was 2
    """
    if not isinstance(fun, Compiled | BoundCompiled):
        raise ArgumentError(
            f"explain_retrace takes a compiled function, such as xgrad.jit makes, not a {type(fun).__name__}."
        )
    return fun.retraces()


def _situation() -> Hashable:
    """What else a trace depends on."""
    return read_options(), current_options()


def is_symbolic(*values: Any) -> bool:
    """Whether we are inside a trace, or among ``values`` are parts of a graph built by hand."""
    if current_trace() is not FREE:
        return True
    leaves, _ = flatten(values)
    return any(parts_of(leaf) for leaf in leaves)


def _rebuild(fun: Callable[..., Any], options: dict[str, Any]) -> Compiled:
    return Compiled(fun, **options)


def _check_placement(device: Any, mesh: Any, shard: Any) -> None:
    """Raise ArgumentError for options of where to run that do not go together."""
    if (mesh is None) != (shard is None):
        raise ArgumentError(
            "mesh= and shard= go together: jit(mesh=jax.make_mesh((4,), ('data',)), shard={'member': 'data'})."
        )
    if shard is not None and not isinstance(shard, Mapping):
        raise ArgumentError(
            f"shard must say which dim goes to which axis of the mesh, as in {{'member': 'data'}}, not {shard!r}."
        )
    if device is not None and mesh is not None:
        raise ArgumentError("device= is one device and mesh= several; give one of them.")


@overload
def jit(
    fun: Callable[..., Any],
    *,
    static_argnums: Numbers = None,
    static_argnames: Names = None,
    donate_argnums: Numbers = None,
    ad: str = "auto",
    device: Any = None,
    mesh: Any = None,
    shard: Mapping[Hashable, Any] | None = None,
) -> Compiled: ...


@overload
def jit(
    fun: None = None,
    *,
    static_argnums: Numbers = None,
    static_argnames: Names = None,
    donate_argnums: Numbers = None,
    ad: str = "auto",
    device: Any = None,
    mesh: Any = None,
    shard: Mapping[Hashable, Any] | None = None,
) -> Callable[[Callable[..., Any]], Compiled]: ...


def jit(
    fun: Callable[..., Any] | None = None,
    *,
    static_argnums: Numbers = None,
    static_argnames: Names = None,
    donate_argnums: Numbers = None,
    ad: str = "auto",
    device: Any = None,
    mesh: Any = None,
    shard: Mapping[Hashable, Any] | None = None,
) -> Any:
    """Compile a function of labeled arrays; also a decorator, with or without options, for functions and methods.

    Arguments and results are DataArrays, Datasets, DataTrees, NumPy or JAX arrays, numbers, and tuples, lists, dicts,
    NamedTuples and dataclasses of them. Dims, coords, names, attrs, dtypes and values are those of the function run
    eagerly on xarray; results live where the arguments live, in NumPy or in JAX. The function is traced once per kind
    of arguments: dims, sizes, dtypes, labels, static values. Booleans, strings and other constants are always static.

    ``static_argnums``, ``static_argnames``: arguments that are constants of a trace (hashable), such as sizes.
    ``donate_argnums``: arguments held in JAX whose memory the results may take. ``ad``: how gradients are made,
    ``"auto"``, ``"symbolic"`` or ``"jax"``. ``device``: where to run, a ``jax.Device`` or a name such as ``"cpu:0"``.
    ``mesh``, ``shard``: run on several devices, with dims divided over the axes of a ``jax.sharding.Mesh``, as in
    ``shard={"member": "data", "lat": "model"}``. Arguments and results are divided along those dims that they have, and
    whole on every device along others; XLA does the rest. A function that is called inside another traced one runs
    where that one does.

    Raises ArgumentError for a call or an option that does not fit the function, SizeMismatchError for a dim that cannot
    be divided equally, UnsupportedTypeError for an argument
    that cannot be traced, TracedValueError where the function asks for numbers that are not known yet.

    >>> import xarray as xr, xgrad as xg
    >>> double = xg.jit(lambda x: 2 * x)
    >>> double(xr.DataArray([1.0, 2.0], dims="time", coords={"time": ["a", "b"]}))
    <xarray.DataArray (time: 2)> Size: 16B
    array([2., 4.])
    Coordinates:
      * time     (time) <U1 8B 'a' 'b'
    """
    _check_placement(device, mesh, shard)
    if ad not in get_args(AD):
        raise ArgumentError(f"ad must be one of {get_args(AD)}, not {ad!r}.")
    make = functools.partial(
        Compiled,
        static_argnums=static_argnums,
        static_argnames=static_argnames,
        donate_argnums=donate_argnums,
        ad=ad,
        device=device,
        mesh=mesh,
        shard=shard,
    )
    return make if fun is None else make(fun)
