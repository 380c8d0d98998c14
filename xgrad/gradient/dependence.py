"""Which entries depend on which: whether a names graph keeps the entries along a dim of an input apart.

Each value that depends on the entries along a dim is in one of three states. ``Apart``: entry i along one of its own
dims depends on entry i alone. ``Summed``: it is a sum of terms, each of which depends on one entry alone, so its
gradient is apart although its value is not. ``Mixed``: anything else. The last two remember where the entries met.

An op on names says this almost by itself: a dim that it does not touch stays as it is. So the table at the end has one
short line per op, and an op that is not in it mixes. Only values that carry a derivative count.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from xgrad.axes import elementwise as ew
from xgrad.axes.base import AbstractLinear, Flow
from xgrad.axes.flow import edge_flow
from xgrad.gradient.markers import AbstractMarker
from xgrad.gradient.ops import Pullback, Pushforward
from xgrad.graph import Graph, Node, Op, Var, toposort
from xgrad.names import (
    Dim,
    XBatched,
    XBlockwise,
    XBroadcast,
    XConcat,
    XCumReduce,
    XDot,
    XElemwise,
    XIndex,
    XIndexUpdate,
    XMerge,
    XPad,
    XReduce,
    XRename,
    XScan,
    XSegmentReduce,
    XSegmentTotals,
    XSort,
    XSplit,
    XSwitch,
    XWhile,
    XWindow,
    XWindowReduce,
)


class Apart(NamedTuple):
    """Entry i along ``dim`` depends on entry i alone."""

    dim: Dim


class Summed(NamedTuple):
    """A sum of terms that depend on one entry each; ``node`` added them up."""

    node: Node


class Mixed(NamedTuple):
    """Entries depend on several; ``node`` is where they met."""

    node: Node


State = Apart | Summed | Mixed
States = dict[int, State]  # by the number of the input, of those that depend on the entries
Rule = Callable[[Node, States], State]


def dependence(outputs: Sequence[Var], wrt: Var, dim: Dim) -> list[State | None]:
    """How each output depends on the entries of ``wrt`` along ``dim``; None where it does not."""
    found = spread(toposort(outputs, stop=[wrt]), {wrt: Apart(dim)})
    return [found.get(v) for v in outputs]


def spread(nodes: Iterable[Node], start: Mapping[Var, State]) -> dict[Var, State]:
    """The states of all variables that depend on those in ``start``."""
    found = dict(start)
    for node in nodes:
        if not any(v in found for v in node.inputs):
            continue
        for out in node.outputs:
            states = {
                i: found[v]
                for i, v in enumerate(node.inputs)
                if v in found and edge_flow(node, i, out.index) is Flow.VALUE
            }
            if states and out not in start:
                found[out] = _state(node, out.index, states)
    return found


def _state(node: Node, out: int, states: States) -> State:
    mixed = next((s for s in states.values() if isinstance(s, Mixed)), None)
    if mixed is not None:
        return mixed
    holding = HOLDING.get(type(node.op))
    if holding is not None:
        return holding(node, out, states)
    if isinstance(node.op, AbstractMarker):
        return next(iter(states.values()))
    return RULES.get(type(node.op), _unknown)(node, states)


# ---- what rules are made of ------------------------------------------------------------------------------------
def _common(states: States) -> Dim | None:
    """The dim along which all of these are apart, if there is one."""
    dims = {s.dim if isinstance(s, Apart) else None for s in states.values()}
    return dims.pop() if len(dims) == 1 else None


def _met(node: Node, states: States) -> Node:
    """Where the entries met: in an earlier node, or here."""
    return next((s.node for s in states.values() if isinstance(s, Summed)), node)


def _linear(node: Node, states: States, touched: Iterable[Dim] = ()) -> State:
    """What is linear in all of these together, and combines entries only along the dims ``touched``."""
    dim = _common(states)
    if dim is None or dim in touched:
        return Summed(_met(node, states))
    return Apart(dim)


def _nonlinear(node: Node, states: States, touched: Iterable[Dim] = ()) -> State:
    dim = _common(states)
    if dim is None or dim in touched:
        return Mixed(_met(node, states))
    return Apart(dim)


def _unknown(node: Node, states: States) -> State:
    return Mixed(_met(node, states))


# ---- ops ---------------------------------------------------------------------------------------------------------
# the inputs in which these are linear taken together
_LINEAR_IN: dict[type[Op], tuple[int, ...]] = {
    ew.Add: (0, 1),
    ew.Subtract: (0, 1),
    ew.Negative: (0,),
    ew.Cast: (0,),
    ew.Divide: (0,),
    ew.Where: (1, 2),
}


def _elementwise(node: Node, states: States) -> State:
    op = type(_op(node).op)
    one_factor = op is ew.Multiply and len(states) == 1
    if one_factor or set(states) <= set(_LINEAR_IN.get(op, ())):
        return _linear(node, states) if _common(states) is None else Apart(_common(states))
    return _nonlinear(node, states)


def _reduce(node: Node, states: States) -> State:
    return (_linear if _op(node).kind == "sum" else _nonlinear)(node, states, _op(node).dims)


def _cumreduce(node: Node, states: States) -> State:
    return (_linear if _op(node).kind == "sum" else _nonlinear)(node, states, (_op(node).dim,))


def _dot(node: Node, states: States) -> State:
    """Products entry by entry may be summed; of several factors, sums may not be multiplied."""
    if len(states) > 1 and _common(states) is None:
        return Mixed(_met(node, states))
    return _linear(node, states, _op(node).dims)


def _index(node: Node, states: States) -> State:
    return _renamed(_linear(node, states, dict(_op(node).indexers)), _op(node).renames)


def _index_update(node: Node, states: States) -> State:
    """What is written into stays where it is; what is written moves along the dims that are indexed."""
    moved = () if set(states) == {0} else dict(_op(node).indexers)
    linear = _op(node).kind in ("set", "add") or (len(states) == 1 and _op(node).kind == "multiply")
    return (_linear if linear else _nonlinear)(node, states, moved)


def _rename(node: Node, states: States) -> State:
    return _renamed(_linear(node, states), _op(node).mapping)


def _renamed(state: State, renames: Iterable[tuple[Dim, Dim]]) -> State:
    return Apart(dict(renames).get(state.dim, state.dim)) if isinstance(state, Apart) else state


def _blockwise(node: Node, states: States) -> State:
    core = {d for dims in _op(node).in_dims for d in dims}
    linear = isinstance(_op(node).op, AbstractLinear)
    return (_linear if linear else _nonlinear)(node, states, core)


def _touching(dims: Callable[[Any], Iterable[Dim]]) -> Rule:
    """The rule of a linear op that combines entries only along these dims of it."""
    return lambda node, states: _linear(node, states, tuple(dims(node.op)))


RULES: dict[type[Op], Rule] = {
    XElemwise: _elementwise,
    XReduce: _reduce,
    XCumReduce: _cumreduce,
    XSegmentReduce: _cumreduce,
    XSegmentTotals: lambda node, states: _nonlinear(node, states, (_op(node).dim,)),
    XWindowReduce: _cumreduce,
    XDot: _dot,
    XIndex: _index,
    XIndexUpdate: _index_update,
    XRename: _rename,
    XBlockwise: _blockwise,
    XBroadcast: _touching(lambda op: ()),
    XConcat: _touching(lambda op: (op.dim,)),
    XPad: _touching(lambda op: [dim for dim, _, _ in op.pads]),
    XWindow: _touching(lambda op: (op.dim,)),
    XMerge: _touching(lambda op: op.dims),
    XSplit: _touching(lambda op: (op.dim,)),
    XSort: lambda node, states: _nonlinear(node, states, (_op(node).dim,)),
}


# ---- ops that hold graphs --------------------------------------------------------------------------------------
def _pushforward(node: Node, out: int, states: States) -> State:
    """A tangent is spread as the value is, if it is apart along the same dim."""
    op = _op(node)
    start, tangents = _divided(op.graph, states)
    for k, state in tangents.items():
        i = op.wrt[k]
        primal = start.setdefault(op.graph.inputs[i], state)
        if primal != state:
            return Mixed(_met(node, states))
    found = spread(op.graph.nodes, start)
    return found.get(op.graph.outputs[out]) or _linear(node, {})


def _pullback(node: Node, out: int, states: States) -> State:
    """A cotangent is apart where the value is, or is a sum of terms that are (the gradient of a sum of losses)."""
    op = _op(node)
    graph: Graph = op.graph
    x = graph.inputs[op.wrt[out]]
    start, cts = _divided(graph, states)
    for dim in _candidates(x, start, cts):
        if _explains(graph, x, {**start, x: Apart(dim)}, cts) is None:
            return Apart(dim)
    if x in start:
        return Mixed(_explains(graph, x, start, cts) or node)
    blocked = _explains(graph, x, start, cts)
    return Summed(_met(node, states)) if blocked is None else Mixed(blocked)


def _divided(graph: Graph, states: States) -> tuple[dict[Var, State], States]:
    """The states of the inputs of the graph inside, and of the (co)tangents by their number."""
    count = len(graph.inputs)
    start = {graph.inputs[i]: s for i, s in states.items() if i < count}
    return start, {i - count: s for i, s in states.items() if i >= count}


def _candidates(x: Var, start: Mapping[Var, State], cts: States) -> list[Dim]:
    """The dims of ``x`` along which its cotangent may be apart: its own, or those of the same name elsewhere."""
    if x in start:
        return [s.dim for s in [start[x]] if isinstance(s, Apart)]
    named = [s.dim for s in [*start.values(), *cts.values()] if isinstance(s, Apart)]
    return [d for d in dict.fromkeys(named) if d in x.type.dims]


def _explains(graph: Graph, x: Var, start: Mapping[Var, State], cts: States) -> Node | None:
    """None where every output that ``x`` reaches, times its cotangent, is a sum of terms of one entry each.

    Otherwise the node at which entries meet.
    """
    found = spread(graph.nodes, start)
    reached = spread(graph.nodes, {x: Apart(None)})
    for k, v in enumerate(graph.outputs):
        state, ct = found.get(v), cts.get(k)
        if v not in reached or state is None:
            continue
        if isinstance(state, Mixed) or (ct is not None and ct != state):
            met = next((s for s in (state, ct) if isinstance(s, Summed | Mixed)), None)
            return met.node if met is not None else graph.nodes[-1]
        if isinstance(state, Summed) and ct is not None:
            return state.node
    return None


def _batched(node: Node, out: int, states: States) -> State:
    op = _op(node)
    if _common(states) == op.dim and all(op.mapped[i] for i in states):
        return Apart(op.dim)
    if any(isinstance(s, Apart) and s.dim == op.dim for s in states.values()):
        return Mixed(_met(node, states))
    found = spread(op.graph.nodes, {op.graph.inputs[i]: s for i, s in states.items()})
    return found[op.graph.outputs[out]]


def _scan(node: Node, out: int, states: States) -> State:
    """Entries along another dim go through the loop step by step; those along its own meet in what is carried."""
    op = _op(node)
    body: Graph = op.body
    along = [i for i, s in states.items() if isinstance(s, Apart) and s.dim == op.dim]
    if not along:
        found = _settled(body, op.carries, {body.inputs[i]: s for i, s in states.items()}, node)
        return found[body.outputs[out]]
    reached = spread(body.nodes, {body.inputs[i]: Apart(None) for i in along})
    carried = any(v in reached for v in body.outputs[: op.carries])
    return Mixed(_met(node, states)) if carried or len(along) < len(states) else Apart(op.dim)


def _while(node: Node, out: int, states: States) -> State:
    op = _op(node)
    start = {op.body.inputs[i]: s for i, s in states.items()}
    return _settled(op.body, op.carries, start, node)[op.body.outputs[out]]


def _switch(node: Node, out: int, states: States) -> State:
    """One of the branches: apart where every branch that depends on the entries keeps them apart."""
    made = []
    for branch in _op(node).branches:
        found = spread(branch.nodes, {branch.inputs[i - 1]: s for i, s in states.items()})
        made += [found[v] for v in [branch.outputs[out]] if v in found]
    first, *others = made
    return first if all(s == first for s in others) else Mixed(_met(node, states))


def _settled(body: Graph, carries: int, start: Mapping[Var, State], loop: Node) -> dict[Var, State]:
    """The states in the body of a loop after any number of steps: what is carried on enters the next one."""
    start = dict(start)
    while True:
        found = spread(body.nodes, start)
        later = dict(start)
        for before, after in zip(body.inputs, body.outputs[:carries], strict=False):
            if after in found:
                same = before not in start or start[before] == found[after]
                later[before] = found[after] if same else Mixed(loop)
        if later == start:
            return found
        start = later


HOLDING: dict[type[Op], Callable[[Node, int, States], State]] = {
    Pushforward: _pushforward,
    Pullback: _pullback,
    XBatched: _batched,
    XScan: _scan,
    XSwitch: _switch,
    XWhile: _while,
}


def _op(node: Node) -> Any:
    return node.op
