"""What a piece of the user's code computed while it was traced, as closed graphs: the bodies of loops and branches.

The piece runs on fresh variables. Every node that was made while it ran belongs to it; values that were there before,
and arrays that it captured, come in from outside.
"""

from collections.abc import Sequence
from typing import NamedTuple

from xgrad.graph import Graph, Var, substitute
from xgrad.names import XConstant


class Closed(NamedTuple):
    """Graphs with the same inputs: first the given ones, then one for each of ``captured``."""

    graphs: tuple[Graph, ...]
    captured: tuple[Var, ...]


def close_over(groups: Sequence[Sequence[Var]], inputs: Sequence[Var], since: int) -> Closed:
    """A closed graph for each group of outputs; ``since`` is the moment at which the code began to run."""
    outputs = [v for group in groups for v in group]
    captured = _frontier(outputs, inputs, since)
    stand_ins = [Var(v.type, name=v.name, source=v.source) for v in captured]
    made = iter(substitute(outputs, dict(zip(captured, stand_ins, strict=True))))
    graphs = [Graph([*inputs, *stand_ins], [next(made) for _ in group]) for group in groups]
    return Closed(tuple(graphs), captured)


def _frontier(outputs: Sequence[Var], inputs: Sequence[Var], since: int) -> tuple[Var, ...]:
    """The values from outside that ``outputs`` are computed from, in the order in which they are met."""
    found: dict[Var, None] = {}
    seen = set(inputs)
    stack = list(reversed(outputs))
    while stack:
        v = stack.pop()
        if v in seen:
            continue
        seen.add(v)
        if _is_outside(v, since):
            found[v] = None
        elif v.node is not None:
            stack.extend(reversed(v.node.inputs))
    return tuple(found)


def _is_outside(v: Var, since: int) -> bool:
    if v.node is None:
        return True
    if v.node.inputs:
        return v.node.number < since
    return isinstance(v.op, XConstant) and not v.op.inline  # data; numbers are part of the formula
