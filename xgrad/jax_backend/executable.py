"""Compiled programs, one per structure of a lifted tensor graph: the second of the two caches.

A graph's structure is its ops, types and wiring: no names, labels, lines or array values. So
programs that differ in these alone, from whatever function they come, share one executable.
``jax.jit`` itself holds one compilation per device and sharding, and lets no two threads compile
the same thing.
"""

import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Any, Final, NamedTuple

import jax
from jax import enable_x64
from jax.core import Tracer

from xgrad.errors import UnsupportedError
from xgrad.graph import Graph
from xgrad.jax_backend.devices import Layout
from xgrad.jax_backend.emit import emit
from xgrad.jax_backend.outer import call_in_trace


class CompileOptions(NamedTuple):
    """What else an executable depends on; hashable."""

    donate: tuple[int, ...] = ()  # positions of inputs whose memory the outputs may take
    layout: Layout | None = None  # None: inputs stay where they are

    def jit(self, function: Callable[..., Any], graph: Graph) -> Any:
        """``function``, which runs ``graph``, under ``jax.jit`` with these options."""
        if self.layout is None:
            return jax.jit(function, donate_argnums=self.donate)
        return jax.jit(
            function,
            donate_argnums=self.donate,
            in_shardings=self.layout.of_inputs(len(graph.inputs)),
            out_shardings=list(self.layout.of_outputs(len(graph.outputs))),
        )

    def placed(self, arrays: Sequence[Any]) -> Sequence[Any]:
        """Arrays where the program takes them; those that are there already stay as they are."""
        if self.layout is None:
            return arrays
        return jax.device_put(list(arrays), list(self.layout.of_inputs(len(arrays))))


DEFAULT: Final = CompileOptions()


class Cost(NamedTuple):
    """XLA's estimate for one run."""

    flops: float
    bytes_accessed: float


class Memory(NamedTuple):
    """Bytes on the device for one run."""

    arguments: int
    outputs: int
    temporaries: int
    code: int


class Executable:
    """A tensor graph, compiled when it is first called, for arrays of the types of its inputs."""

    def __init__(
        self, graph: Graph, options: CompileOptions, on_compile: Callable[[], None]
    ) -> None:
        self.graph = graph
        self.options = options
        run = emit(graph)

        def xgrad_program(*arrays: Any) -> list[Any]:  # the name shows in HLO and in profiles
            on_compile()  # this body runs when JAX traces, and only then
            return run(*arrays)

        self.jitted = options.jit(xgrad_program, graph)

    def __call__(self, *arrays: Any) -> list[Any]:
        """The outputs for NumPy arrays, device arrays or tracers, which stay where they are.

        A NumPy array goes to the device of the others, or to the default one. Dispatch is
        asynchronous. On top of the bare ``jax.jit`` call this costs 0.5 to 0.9 µs for the scope and
        0.3 µs for the look for tracers.
        """
        for x in arrays:
            if isinstance(x, Tracer):
                return call_in_trace(self.jitted, self.graph, arrays)
        with enable_x64(True):
            return self.jitted(*self.options.placed(arrays))

    def lower(self, *avals: Any) -> jax.stages.Lowered:
        """The program for inputs like ``avals``; by default, of the types that the graph says."""
        with enable_x64(True):
            return self.jitted.lower(*(avals or self._avals))

    def hlo(self) -> str:
        """The program as XLA optimised it, as text."""
        return _reported(self._compiled.as_text(), "the text of its programs")

    def cost(self) -> Cost:
        """What a run costs, as XLA counts it."""
        found = _reported(self._compiled.cost_analysis(), "the cost of its programs")
        return Cost(found.get("flops", 0.0), found.get("bytes accessed", 0.0))

    def memory(self) -> Memory:
        """What a run needs on the device."""
        found = _reported(self._compiled.memory_analysis(), "the memory of its programs")
        return Memory(
            found.argument_size_in_bytes,
            found.output_size_in_bytes,
            found.temp_size_in_bytes,
            found.generated_code_size_in_bytes,
        )

    @property
    def _avals(self) -> list[jax.ShapeDtypeStruct]:
        with enable_x64(True):
            return [jax.ShapeDtypeStruct(*v.type) for v in self.graph.inputs]

    @cached_property
    def _compiled(self) -> jax.stages.Compiled:
        with enable_x64(True):
            return self.lower().compile()


def _reported(found: Any, what: str) -> Any:
    if found is None:
        raise UnsupportedError(f"the platform {jax.default_backend()!r} does not report {what}")
    return found


class CacheInfo(NamedTuple):
    """``compiles`` counts the programs that JAX traced for XLA since the start."""

    size: int
    compiles: int
    hits: int


class ExecutableCache:
    """The executables used last, by structure. Threads that ask for one structure share one."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self._entries: OrderedDict[tuple[Graph, CompileOptions], Executable] = OrderedDict()
        self._lock = threading.Lock()
        self._counting = threading.Lock()  # its own: JAX traces while it knows nothing of ours
        self._compiles = 0
        self._hits = 0

    def get(self, graph: Graph, options: CompileOptions) -> Executable:
        """The executable of ``graph``, made if need be; it compiles later, when it is called."""
        key = (graph, options)
        hash(key)  # linear in the nodes, the first time: not while others wait
        with self._lock:
            found = self._entries.get(key)
            if found is None:
                found = self._entries[key] = Executable(graph, options, self._count)
                if len(self._entries) > self.limit:
                    self._entries.popitem(last=False)
            else:
                self._entries.move_to_end(key)
                self._hits += 1
            return found

    def info(self) -> CacheInfo:
        """What is held now, and what happened since the start."""
        with self._lock, self._counting:
            return CacheInfo(len(self._entries), self._compiles, self._hits)

    def clear(self) -> None:
        """Forget every executable; those in use go on working."""
        with self._lock:
            self._entries.clear()

    def _count(self) -> None:
        with self._counting:
            self._compiles += 1


executables: Final = ExecutableCache(limit=512)


def executable_for(graph: Graph, options: CompileOptions = DEFAULT) -> Executable:
    """The executable of a lifted graph (see ``lift``) under these options, process-wide."""
    return executables.get(graph, options)
