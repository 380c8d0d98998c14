"""What an op costs to compute, and an array to write out and read back: in additions of two numbers, roughly.

Only their order matters: a rule compares them to choose what is kept and what is computed again.
"""

from collections.abc import Callable, Sequence
from math import prod
from typing import Any

from xgrad.axes.arithmetic import (
    AbstractRounding,
    Cbrt,
    Divide,
    FloorDivide,
    Fmod,
    Reciprocal,
    Remainder,
    Rsqrt,
    Sqrt,
    SqrtOfSquares,
)
from xgrad.axes.base import AbstractElementwise, AbstractStep, TensorType
from xgrad.axes.constants import Full, Iota
from xgrad.axes.contract import Einsum
from xgrad.axes.logic import Cast, Where
from xgrad.axes.loops import Scan, Switch
from xgrad.axes.reduce import AbstractReduction
from xgrad.axes.spread import Expand, Sum
from xgrad.axes.structural import AbstractMove, Concat, Pad, Reshape
from xgrad.axes.transcendental import IntegerPower
from xgrad.graph import Graph, Node

_TRANSCENDENTAL = ("xgrad.axes.transcendental", "xgrad.axes.special")
_APART = 64  # a pass of its own over the data, which no other fuses with
_UNKNOWN = 10_000


def cost(node: Node) -> int:
    """The additions that an op is worth."""
    op: Any = node.op
    for classes, rule in _RULES:
        if isinstance(op, classes):
            return rule(node)
    if type(op).__module__ in _TRANSCENDENTAL:
        return 20 * _size(node)
    if isinstance(op, AbstractElementwise | AbstractStep | Cast | Where):
        return _size(node)
    return _UNKNOWN + 20 * _read(node)


def graph_cost(graph: Graph) -> int:
    """The additions that all nodes of a graph are worth."""
    return sum([cost(node) for node in graph.nodes])


def traffic(type: TensorType) -> int:
    """What it costs to write a value out in every step of a loop; reading it costs as much again."""
    return _A_SLICE + 2 * -(-type.size * type.dtype.itemsize // 8)


_A_SLICE = 8  # finding the place, whatever the size


def _size(node: Node) -> int:
    return sum([v.type.size for v in node.outputs])


def _read(node: Node) -> int:
    return sum([v.type.size for v in (*node.inputs, *node.outputs)])


def _contraction(node: Node) -> int:
    """Two for every meeting of entries."""
    sizes: dict[int, int] = {}
    op: Any = node.op
    for labels, v in zip(op.operands, node.inputs, strict=True):
        sizes.update(zip(labels, v.type.shape, strict=True))
    return _APART + 2 * prod(sizes.values())


def _branches(node: Node) -> int:
    op: Any = node.op
    return _APART + max([graph_cost(g) for g in op.branches])


def _loop(node: Node) -> int:
    op: Any = node.op
    return _APART + op.length * (_APART + graph_cost(op.body))


_Rule = Callable[[Node], int]
_RULES: Sequence[tuple[tuple[type, ...], _Rule]] = (
    ((Full, Iota, Expand, Reshape), lambda node: 0),
    ((Concat, Pad), lambda node: 2 * _size(node)),
    ((AbstractMove,), _size),
    ((IntegerPower,), lambda node: 2 * _size(node)),
    ((AbstractRounding,), _size),
    (
        (Divide, Reciprocal, Sqrt, Rsqrt, SqrtOfSquares, FloorDivide, Remainder, Fmod),
        lambda node: 4 * _size(node),
    ),
    ((Cbrt,), lambda node: 20 * _size(node)),
    ((Sum, AbstractReduction), lambda node: _APART + _read(node)),
    ((Einsum,), _contraction),
    ((Scan,), _loop),
    ((Switch,), _branches),
)
