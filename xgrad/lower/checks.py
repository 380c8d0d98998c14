"""Run-time checks: a tensor graph with one more output, the flags, that says what went wrong and where.

It is made of the graph as it is compiled, so it sees derivatives and the bodies of loops. Every value of floats is
probed for what is not finite, every ``Checked`` mark for its condition. A probe is a row of numbers: the first
offending position in row-major order (-1: none), the value there, then the steps of the loops around it, innermost
first. Nothing leaves the device but these rows; ``findings`` reads them.

A NaN or infinity counts where it was made of finite values and then matters: it reaches a result, or is left out as a
missing value. It does not where the data had it, or where a choice (``where``) did not take it.
"""

import dataclasses
from collections.abc import Callable, Hashable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np

from xgrad.axes.base import AbstractElementwise, TensorType, is_float
from xgrad.axes.batched import Batched
from xgrad.axes.checked import Checked
from xgrad.axes.constants import Constant, Full, Iota, full, full_like, iota, position_dtype
from xgrad.axes.elementwise import (
    Cast,
    IsFinite,
    IsNan,
    Where,
    add,
    cast,
    less,
    logical_and,
    logical_not,
    where,
)
from xgrad.axes.index import take, take_along
from xgrad.axes.loops import Scan, Switch, While
from xgrad.axes.reduce import Argmax, Argmin, Min
from xgrad.axes.spread import Expand, any_, expand
from xgrad.axes.structural import (
    Permute,
    Reshape,
    Reverse,
    concat,
    pad,
    pad_axis,
    reshape,
    slice_axis,
)
from xgrad.gradient.ops import JvpCall, VjpCall
from xgrad.graph import Builder, Graph, Node, Op, Var, located, substitute

_ROW = np.dtype(np.float64)  # positions are exact up to 2**53
MOVES = (Checked, Expand, Permute, Reshape, Reverse)  # all of their input, and nothing else
_SKIPS = (IsNan, Cast, Argmax, Argmin)  # whose results do not show that their input was NaN


class Rows(NamedTuple):
    """Where in the flags of a graph the rows of a graph inside it begin, and how long they are there.

    After them, in the same lines, stands the step of ``loop``: a scan, a while loop, or a batch.
    """

    start: int
    width: int
    layout: "Layout"
    loop: Node | None


class Layout:
    """What the rows of the flags of ``graph`` stand for: probes by kind and what is probed, then inner graphs."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.rows: dict[Hashable, int] = {}
        self.inside: dict[Node, list[Rows]] = {}
        self.count = 0

    @property
    def skipped(self) -> list[Var]:
        """Values whose NaN do not show in what is made of them."""
        nodes = [node for node in self.graph.nodes if isinstance(node.op, _SKIPS)]
        return [node.inputs[0] for node in nodes if not is_float(node.outputs[0].type.dtype)]


def with_flags(graph: Graph, kinds: Sequence[str], places: bool) -> tuple[Graph, Layout]:
    """``graph`` with its flags as one more output, the last, and what their rows mean.

    ``kinds``: "finite" probes floats, "marks" probes ``Checked`` marks. Without ``places`` all positions are 0: whether
    something is wrong costs much less than where. The rows are the same.
    """
    making = _Flags(graph, kinds, places)
    outputs = making.run()
    return Graph(graph.inputs, [*outputs, making.flags()]), making.layout


# ---- making the flags ----------------------------------------------------------------------------------------------


class _Flags:
    """One graph on its way to a graph with flags."""

    def __init__(self, graph: Graph, kinds: Sequence[str], places: bool) -> None:
        self.graph = graph
        self.places = places
        self.kinds = kinds
        self.layout = Layout(graph)
        self.new: dict[Var, Var] = {v: v for v in graph.inputs}
        self.builder = Builder()
        self.blocks: list[Var] = []  # rows, of different lengths
        self.bad: dict[Var, Var] = {}  # of each array of floats, where it is not finite

    def run(self) -> list[Var]:
        """The outputs of the graph."""
        for node in self.graph.nodes:
            ins = [self.new[v] for v in node.inputs]
            with located(node.source):
                outs = _HANDLERS.get(type(node.op), _plain)(self, node, ins)
                self.new.update(zip(node.outputs, outs, strict=True))
                if "finite" in self.kinds and not isinstance(node.op, MOVES):
                    self.probe_floats(node)
        return [self.new[v] for v in self.graph.outputs]

    def flags(self) -> Var:
        """All rows, one after another, as long as the longest."""
        if not self.blocks:
            return full((0, 2), 0, _ROW)
        width = max([b.type.shape[1] for b in self.blocks])
        return concat([_widened(b, width) for b in self.blocks], 0)

    def probe(self, key: Hashable, bad: Var, value: Var | None = None) -> None:
        """Add a row: the first place where ``bad`` holds."""
        if bad.type.size:
            self.layout.rows[key] = self.layout.count
            self.add(_first(bad, value) if self.places else _whether(bad))

    def add(self, block: Var) -> None:
        self.blocks.append(block)
        self.layout.count += block.type.shape[0]

    def inner(
        self, node: Node, graph: Graph, loop: Node | None, after: int = 0
    ) -> tuple[list[Var], Var]:
        """The outputs and flags of a graph inside ``node``; its rows come next, ``after`` so many others."""
        making = _Flags(graph, self.kinds, self.places)
        outputs, flags = making.run(), making.flags()
        rows = Rows(self.layout.count + after, flags.type.shape[1], making.layout, loop)
        self.layout.inside.setdefault(node, []).append(rows)
        return outputs, flags

    def probe_floats(self, node: Node) -> None:
        """Where outputs are not finite, and where that begins here; what has no inputs is data."""
        for out in node.outputs if node.inputs else ():
            if not is_float(out.type.dtype) or not out.type.size:
                continue
            bad = self.not_finite(out)
            self.probe(("bad", out), bad)
            if isinstance(node.op, Where):
                self.probe_choice(node)
            else:
                self.probe(("made", out), self.made_here(out, bad), self.new[out])

    def probe_choice(self, node: Node) -> None:
        condition = self.new[node.inputs[0]]
        chosen = (condition, logical_not(condition))
        for branch, taken in zip(node.inputs[1:], chosen, strict=True):
            if _is_data(branch):
                continue  # whose infinities are no concern
            self.probe(("taken", node, branch), logical_and(taken, self.not_finite(branch)))

    def not_finite(self, var: Var) -> Var:
        new = self.new[var]
        if new not in self.bad:
            self.bad[new] = logical_not(IsFinite()(new))
        return self.bad[new]

    def made_here(self, out: Var, bad: Var) -> Var:
        """Where a value is not finite though what it was computed from is: place by place, or as a whole."""
        for v, by_place in dict.fromkeys(_sources(out)):
            if is_float(v.type.dtype) and v.type.size and not _is_finite_data(v):
                theirs = self.not_finite(v)
                if not by_place:
                    theirs = expand(any_(theirs, range(theirs.type.ndim)), bad.type.shape, ())
                bad = logical_and(bad, logical_not(theirs))
        return bad


def _is_data(v: Var) -> bool:
    return isinstance(v.op, Full | Constant | Iota)


def _is_finite_data(v: Var) -> bool:
    """Whether a value is known to be finite: what is known is not computed, and XLA need not fold it."""
    value: Any = v.op.value if isinstance(v.op, Full | Constant) else None
    return value is not None and bool(np.isfinite(value.value.astype(complex)).all())


def _sources(out: Var) -> Iterator[tuple[Var, bool]]:
    """What an output is computed from, and whether place by place or as a whole.

    A derivative that JAX takes has the places of what it is by, or of; how it comes about is not seen.
    """
    node: Any = out.node
    op = node.op
    derivative = isinstance(op, VjpCall | JvpCall)
    k = out.index - len(op.graph.outputs) if derivative else -1
    if derivative and k >= 0:
        yield (node.inputs[op.wrt[k]] if isinstance(op, VjpCall) else node.outputs[k]), True
        yield from [(v, False) for v in node.inputs[len(op.graph.inputs) :]]
    else:
        by_place = isinstance(op, AbstractElementwise | Cast)
        yield from [(v, by_place) for v in node.inputs]


def _whether(bad: Var) -> Var:
    """The row of a probe without the place."""
    found = any_(bad, range(bad.type.ndim))
    position = where(found, full((), 0, _ROW), full((), -1, _ROW))
    return concat([reshape(x, (1, 1)) for x in (position, full((), 0, _ROW))], 1)


def _first(bad: Var, value: Var | None) -> Var:
    """The row of a probe: the first place where ``bad`` holds, and the value there; -1 where there is none."""
    n = bad.type.size
    dtype = position_dtype(n)
    places = where(reshape(bad, (n,)), iota((n,), 0, dtype), full((n,), n, dtype))
    place = Min((0,))(places)
    found = less(place, full_like(place, n))
    row = [cast(where(found, place, full_like(place, -1)), _ROW)]
    if value is not None and value.type.dtype.kind != "c":
        at = where(found, place, full_like(place, 0))
        row.append(cast(take(reshape(value, (n,)), at, 0), _ROW))
    else:
        row.append(full((), 0, _ROW))
    return concat([reshape(x, (1, 1)) for x in row], 1)


def _widened(block: Var, width: int) -> Var:
    return pad_axis(block, 1, 0, width - block.type.shape[1], -1)


# ---- ops that hold graphs, and marks -------------------------------------------------------------------------------


def _plain(making: _Flags, node: Node, ins: Sequence[Var]) -> Sequence[Var]:
    return making.builder.node(node.op, ins, node).outputs


def _mark(making: _Flags, node: Node, ins: Sequence[Var]) -> Sequence[Var]:
    x, ok, value = ins
    if "marks" in making.kinds:
        making.probe(("mark", node), logical_not(ok), value)
    return (x,)


def _delegated(making: _Flags, node: Node, ins: Sequence[Var]) -> Sequence[Var]:
    """JAX differentiates the graph, and shows nothing of it: its values are computed once more, to be probed."""
    op: Any = node.op
    _, flags = making.inner(node, op.graph, None)
    making.add(*substitute([flags], dict(zip(op.graph.inputs, ins, strict=False))))
    return _plain(making, node, ins)


def _scan(making: _Flags, node: Node, ins: Sequence[Var]) -> Sequence[Var]:
    """The rows are carried; a sequence counts the steps along the dim."""
    op: Any = node.op
    outs, flags = making.inner(node, op.body, node)
    state, step = _rows_with_step(flags), Var(TensorType((), np.dtype(np.int64)))
    carries, sequences, invariants = op.parts(op.body.inputs)
    given = op.parts(ins)
    kept = _first_kept(state, flags, step)
    body = Graph(
        [*carries, state, *sequences, step, *invariants],
        [*outs[: op.carries], kept, *outs[op.carries :]],
    )
    looping = dataclasses.replace(op, body=body, carries=op.carries + 1, sequences=op.sequences + 1)
    steps = iota((op.length,), 0, np.int64)
    results = looping.apply(
        *given.carries, _no_rows(state), *given.sequences, steps, *given.invariants
    )
    making.add(results[op.carries])
    return (*results[: op.carries], *results[op.carries + 1 :])


def _while(making: _Flags, node: Node, ins: Sequence[Var]) -> Sequence[Var]:
    """The rows are carried, and so is the count of steps."""
    op: Any = node.op
    outs, flags = making.inner(node, op.body, node)
    state, step = _rows_with_step(flags), Var(TensorType((), np.dtype(np.int64)))
    n = op.carries

    def between(inputs: Sequence[Var], *new: Var) -> list[Var]:
        return [*inputs[:n], *new, *inputs[n:]]

    kept = _first_kept(state, flags, step)
    body = Graph(between(op.body.inputs, state, step), [*outs, kept, add(step, full_like(step, 1))])
    unused = [Var(state.type), Var(step.type)]
    condition = Graph(between(op.condition.inputs, *unused), op.condition.outputs)
    start = [_no_rows(state), full((), 0, np.int64)]
    results = While(condition, body, n + 2).apply(*between(ins, *start))
    making.add(results[n])
    return results[:n]


def _switch(making: _Flags, node: Node, ins: Sequence[Var]) -> Sequence[Var]:
    """Each branch gives its own rows, and none of the others'."""
    op: Any = node.op
    made: list[tuple[list[Var], Var]] = []
    count = 0
    for branch in op.branches:
        made.append(making.inner(node, branch, None, count))
        count += made[-1][1].type.shape[0]
    width = max([flags.type.shape[1] for _, flags in made])
    branches, before = [], 0
    for branch, (outs, flags) in zip(op.branches, made, strict=True):
        own = flags.type.shape[0]
        after = count - before - own
        rows = pad(_widened(flags, width), (before, 0), (after, 0), -1)
        branches.append(Graph(branch.inputs, [*outs, rows]))
        before += own
    *results, flags = Switch(tuple(branches)).apply(*ins)
    making.add(flags)
    return results


def _batched(making: _Flags, node: Node, ins: Sequence[Var]) -> Sequence[Var]:
    """Of the rows at all places the first that has something to tell."""
    op: Any = node.op
    if not op.size:
        return _plain(making, node, ins)
    outs, flags = making.inner(node, op.graph, node)
    graph = Graph(op.graph.inputs, [*outs, flags])
    *results, rows = dataclasses.replace(op, graph=graph).apply(*ins)
    making.add(_first_of_places(rows))
    return results


def _rows_with_step(flags: Var) -> Var:
    count, width = flags.type.shape
    return Var(TensorType((count, width + 1), _ROW))


def _no_rows(state: Var) -> Var:
    return full(state.type.shape, -1, _ROW)


def _first_kept(state: Var, flags: Var, step: Var) -> Var:
    """The rows so far; where they tell nothing, those of this step."""
    count = flags.type.shape[0]
    now = concat([flags, expand(cast(step, _ROW), (count, 1), ())], 1)
    return where(_tells(state), state, now)


def _tells(rows: Var) -> Var:
    """For each number in rows, whether its row tells of something."""
    axis = rows.type.ndim - 1
    position = slice_axis(rows, axis, 0, 1)
    told = less(full_like(position, -1), position)
    shape = told.type.shape[:-1]
    return expand(reshape(told, shape), rows.type.shape, range(axis))


def _first_of_places(rows: Var) -> Var:
    """[places, rows, width] -> [rows, width + 1], the place last"""
    _, count, width = rows.type.shape
    tells = cast(slice_axis(_tells(rows), 2, 0, 1), np.int32)
    place = Argmax(0)(tells) if count else full((0, 1), 0, np.int64)
    at = expand(reshape(place, (count,)), (1, count, width), (1,))
    first = reshape(take_along(rows, at, 0), (count, width))
    return concat([first, cast(reshape(place, (count, 1)), _ROW)], 1)


_HANDLERS: dict[type[Op], Callable[[_Flags, Node, Sequence[Var]], Sequence[Var]]] = {
    Batched: _batched,
    Checked: _mark,
    JvpCall: _delegated,
    Scan: _scan,
    Switch: _switch,
    VjpCall: _delegated,
    While: _while,
}
