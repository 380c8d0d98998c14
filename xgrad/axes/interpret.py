"""Running a tensor graph with a namespace of array functions; on NumPy, the reference interpreter.

The same loop serves every namespace (JAX's emission and the source printer use it with overrides
for some ops), so what the reference computes and what is compiled come from one description of each
op.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from xgrad.axes.base import AbstractTensorOp
from xgrad.axes.namespace import numpy_namespace
from xgrad.graph import Graph, Node, Op

Overrides = Mapping[
    type[Op], Callable[..., Any]
]  # {op class: function(op, xp, *arrays)}, in place of op.emit


class Instruction(NamedTuple):
    """One node, ready to run: ``function(xp, *arrays)`` on the values at ``places``."""

    function: Callable[..., Any]
    places: tuple[int, ...]
    single: bool


def evaluate(graph: Graph, arrays: Sequence[Any]) -> list[np.ndarray]:
    """The outputs of ``graph`` computed by NumPy, one op at a time: not fast, but plain."""
    with np.errstate(all="ignore"):
        return [np.asarray(x) for x in interpreter(graph, numpy_namespace)(*arrays)]


def interpreter(
    graph: Graph, xp: Any, overrides: Overrides | None = None
) -> Callable[..., list[Any]]:
    """``graph`` as a function of arrays that computes with ``xp``, by a flat list of instructions.

    Everything is looked up here, once: a run costs one call and two list operations per node, which
    is small beside what JAX takes to trace the op.
    """
    program, results = _assemble(graph, overrides or {})
    count = len(graph.inputs)

    def run(*arrays: Any) -> list[Any]:
        assert len(arrays) == count, f"{len(arrays)} arrays for a graph of {count} inputs"
        values = list(arrays)
        for function, places, single in program:
            result = function(xp, *[values[i] for i in places])
            if single:
                values.append(result)
            else:
                values.extend(result)
        return [values[i] for i in results]

    return run


def _assemble(graph: Graph, overrides: Overrides) -> tuple[list[Instruction], list[int]]:
    """The instructions, and the places of the outputs; values are placed in the order of making."""
    place = {v: i for i, v in enumerate(graph.inputs)}
    program: list[Instruction] = []
    for node in graph.nodes:
        places = tuple([place[v] for v in node.inputs])
        program.append(Instruction(emission(node, overrides), places, len(node.outputs) == 1))
        for out in node.outputs:
            place[out] = len(place)
    return program, [place[v] for v in graph.outputs]


def emission(node: Node, overrides: Overrides) -> Callable[..., Any]:
    """What computes ``node``: a function of the namespace and the arrays."""
    special = overrides.get(type(node.op))
    if special is not None:
        return partial(special, node.op)
    if not isinstance(node.op, AbstractTensorOp):
        raise AssertionError(
            f"{node.op!r} is not a tensor op; lower the graph and expand its gradients first"
        )
    return node.op.emit
