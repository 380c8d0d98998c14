"""The traces of one compiled function, those used last first, and what is told of them."""

from collections.abc import Hashable
from typing import Any, NamedTuple

from xgrad.transforms.calls.arguments import CallGuard
from xgrad.transforms.calls.program import Program

LIMIT = 128  # traces kept per function
RECENT = 4  # of these, how many a call tries before its arguments are described in full


class CacheInfo(NamedTuple):
    """What a compiled function did so far: ``compiles`` counts the different programs that its traces needed."""

    traces: int
    compiles: int
    hits: int
    entries: int


class Entry:
    """A program, and what must hold of a call for it to be the right one."""

    __slots__ = ("guard", "hits", "key", "number", "on_host", "program", "situation")

    def __init__(self, guard: CallGuard, situation: Hashable, program: Program) -> None:
        self.guard = guard
        self.key = guard.key
        self.situation = (
            situation  # what a trace depends on besides its arguments: options in force
        )
        self.program = program
        self.on_host = guard.backing == "numpy"
        self.hits = 0
        self.number = 0  # of the trace, counted from 1 when it enters a cache


class TraceCache:
    """The entries of one function. Readers need no lock: ``recent`` is replaced, never changed."""

    def __init__(self) -> None:
        self.recent: tuple[Entry, ...] = ()
        self._entries: list[Entry] = []
        self._compiled: set[int] = set()  # hashes of programs, so that these are not kept alive
        self._traces = 0
        self._hits = 0  # of entries that are gone

    def find(
        self, key: Hashable, situation: Hashable, args: tuple, kwargs: dict[str, Any]
    ) -> tuple[Entry, list[Any]] | None:
        """The entry for a call, now the first, and the arrays of the call. Only under the function's lock."""
        for entry in self._entries:
            if entry.key != key or entry.situation != situation:
                continue
            arrays = entry.guard.arrays(args, kwargs)
            if arrays is not None:
                self._put_first(entry)
                return entry, arrays
        return None

    def add(self, entry: Entry) -> None:
        """A new entry, just traced. Only under the function's lock."""
        self._traces += 1
        entry.number = self._traces
        self._compiled.add(hash((entry.program.executable.graph, entry.program.executable.options)))
        self._put_first(entry)

    def info(self) -> CacheInfo:
        """What happened so far; a hit is a call that needed no trace."""
        hits = self._hits + sum(entry.hits for entry in self._entries)
        return CacheInfo(self._traces, len(self._compiled), hits, len(self._entries))

    @property
    def entries(self) -> tuple[Entry, ...]:
        """What is held, in the order of tracing."""
        return tuple(sorted(self._entries, key=lambda entry: entry.number))

    def _put_first(self, entry: Entry) -> None:
        others = [e for e in self._entries if e is not entry]
        self._hits += sum(e.hits for e in others[LIMIT - 1 :])
        self._entries = [entry, *others[: LIMIT - 1]]
        self.recent = tuple(self._entries[:RECENT])
