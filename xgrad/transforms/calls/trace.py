"""Running a user's function on symbols: from a call to the names graph and the template of its result."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import xarray as xr
from xarray.indexes import PandasIndex

from xgrad.errors import TracedValueError
from xgrad.functions.checks import Labels
from xgrad.graph import Graph, Source, Var
from xgrad.labels import open_trace, wrap
from xgrad.labels.messages.translation import translated
from xgrad.labels.scope import Trace, subject
from xgrad.names.types import XType
from xgrad.options import option
from xgrad.transforms.calls.arguments import CallGuard, guard_of
from xgrad.transforms.calls.wrap import ResultTemplate
from xgrad.transforms.tree import flatten


class Traced(NamedTuple):
    """A traced call: the graph from its arrays to the arrays of the result, and how these become the result."""

    graph: Graph
    result: ResultTemplate
    labels: Labels = Labels()


def trace_function(fun: Callable[..., Any], args: tuple, kwargs: dict[str, Any]) -> Traced:
    """Trace ``fun`` for arguments like these."""
    guards = [guard_of(value, f"argument {i}") for i, value in enumerate(args)]
    keywords = {name: guard_of(value, name) for name, value in kwargs.items()}
    return trace_call(fun, CallGuard(guards, keywords), args, kwargs)


def trace_call(
    fun: Callable[..., Any], guard: CallGuard, args: tuple, kwargs: dict[str, Any]
) -> Traced:
    """Trace ``fun`` for the arguments that ``guard`` was made of.

    The graph's inputs are all arrays of the arguments, in the order in which the guard collects them.
    """
    with translated(), open_trace() as trace:
        traced_args, traced_kwargs = guard.enter(args, kwargs, _inputs(trace, definition(fun)))
        result = ResultTemplate(fun(*traced_args, **traced_kwargs))
        graph = Graph(trace.inputs, result.outputs)
    _check_closed(graph)
    return Traced(graph, result, Labels([*_indexes_of(args, kwargs), *trace.indexes]))


def _indexes_of(args: tuple, kwargs: dict[str, Any]) -> Iterator[PandasIndex]:
    """The indexes of arguments, where run-time checks may need their labels."""
    leaves = flatten((args, kwargs))[0] if option("checks") else []
    for leaf in leaves:
        if isinstance(leaf, xr.DataArray | xr.Dataset):
            indexes = leaf.xindexes.values()
            yield from [index for index in indexes if isinstance(index, PandasIndex)]


def _inputs(trace: Trace, source: Source | None) -> Callable[[XType, str], Any]:
    def enter(type: XType, name: str) -> Any:
        return wrap(trace.input(type, name, source))

    return enter


def definition(fun: Any) -> Source | None:
    """The line on which a function was written."""
    code = getattr(getattr(fun, "__wrapped__", fun), "__code__", None)
    return None if code is None else Source(code.co_filename, code.co_firstlineno)


def _check_closed(graph: Graph) -> None:
    stranger = next(iter(free_inputs(graph.outputs, graph.inputs)), None)
    if stranger is not None:
        raise TracedValueError(
            f"{subject(stranger)} is symbolic, but not an argument of the compiled function that uses it.\n"
            "Pass it as an argument, or compile the graph it is part of with xgrad.function."
        )


def free_inputs(outputs: Sequence[Var], known: Sequence[Var] = ()) -> list[Var]:
    """The variables that ``outputs`` are computed from and nothing computes, less the ``known`` ones."""
    graph = Graph(known, outputs)
    used = [v for node in graph.nodes for v in node.inputs] + list(outputs)
    seen = set(known)
    return [v for v in dict.fromkeys(used) if v.node is None and v not in seen]
