"""Which trace a value belongs to, and whether it may still be used. Knows neither arrays nor xarray."""

import itertools
import threading
import weakref
from collections.abc import Container
from typing import Any

from xgrad.errors import TracedValueError
from xgrad.graph import Source, Var
from xgrad.names.types import XType


class Trace:
    """One run of a user's function on symbols. Its values can be used in it and in the traces opened inside it."""

    __slots__ = (
        *("closed", "indexes", "inputs", "level", "literals", "met"),
        *("repeats", "said", "spent", "taken", "thread"),
    )

    def __init__(self, level: int, thread: int | None, repeats: bool = False) -> None:
        self.level = level
        self.thread = thread  # None: values of the free scope may be used anywhere
        self.repeats = repeats  # whether what it records runs many times, as the step of a loop
        self.closed = False
        self.inputs: list[Var] = []
        self.literals: dict[Any, Any] = {}  # see ``constants``
        self.said: set[Any] = set()  # what has been warned of, see ``joins`` and ``iteration``
        self.taken: dict[Any, set[int]] = {}  # positions, see ``iteration``
        self.indexes: list[Any] = []  # of labels met, where run-time checks may name one
        self.spent: weakref.WeakKeyDictionary[Var, Source | None] = (
            weakref.WeakKeyDictionary()
        )  # random keys
        self.met: weakref.WeakSet[Var] = weakref.WeakSet()

    def input(self, type: XType, name: str | None = None, source: Source | None = None) -> Var:
        """A new input of the traced function."""
        var = Var(type, name=name, source=source)
        self.inputs.append(var)
        return var

    def meets(self, var: Var) -> bool:
        """Whether no array of this trace has held ``var`` before; from now on one has."""
        new = var not in self.met
        self.met.add(var)
        return new


FREE = Trace(-1, None)  # symbolic arrays made by hand: never closes, keeps no list


class _Open(threading.local):
    """The traces open in this thread, innermost last."""

    def __init__(self) -> None:
        self.traces: list[Trace] = []


_OPEN = _Open()


def current_trace() -> Trace:
    """The innermost trace open in this thread, else the free scope."""
    return _OPEN.traces[-1] if _OPEN.traces else FREE


def outermost_trace() -> Trace:
    """The trace in which all others of this thread are open, else the free scope."""
    return _OPEN.traces[0] if _OPEN.traces else FREE


def enter_trace(repeats: bool = False) -> Trace:
    """A new innermost trace of this thread."""
    trace = Trace(len(_OPEN.traces), threading.get_ident(), repeats)
    _OPEN.traces.append(trace)
    return trace


def leave_trace(trace: Trace) -> None:
    """Close ``trace``: its values can no longer be used."""
    _OPEN.traces.remove(trace)
    trace.closed = True


def is_in_loop(trace: Trace) -> bool:
    """Whether a loop was entered since ``trace`` was opened, so that its values are the same in each step."""
    return any(t.repeats for t in _OPEN.traces[trace.level + 1 :])


def innermost(*traces: Trace) -> Trace:
    """The trace that a result of values of these traces belongs to."""
    return max(traces, key=lambda t: t.level)


def check_usable(trace: Trace, var: Var) -> None:
    """Raise where a value of ``trace`` is used after the trace has ended, or in another thread."""
    if trace.closed:
        raise TracedValueError(
            f"{subject(var)} was made inside a traced function that has returned;"
            " return it from the function instead of keeping it"
        )
    if trace.thread is not None and trace.thread != threading.get_ident():
        raise TracedValueError(
            f"{subject(var)} belongs to a function that another thread is tracing;"
            " pass values between threads as arguments and results of compiled functions"
        )


def subject(var: Var, *, dims: bool = False) -> str:
    """How messages speak of a value: its name, line and, on request, dims: ``t` (model.py:12; time: 365)``."""
    name = f"`{var.name}`" if var.name else "a traced value"
    sizes = ", ".join(f"{d}: {n}" for d, n in zip(var.type.dims, var.type.shape, strict=True))
    details = [str(var.source)] if var.source else []
    if dims:
        details.append(sizes or "no dims")
    return f"{name} ({'; '.join(details)})" if details else name


def fresh(base: object, taken: Container[Any]) -> str:
    """A dim name like ``base`` that is not among ``taken``: ``lat_1``, ``lat_2``, …"""
    for i in itertools.count(1):
        name = f"{base}_{i}"
        if name not in taken:
            return name
    raise AssertionError("unreachable")
