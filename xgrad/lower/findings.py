"""Reading the flags of a program with run-time checks: what went wrong first, and where. See ``checks``."""

from collections.abc import Hashable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np

from xgrad.axes.checked import Checked, Violation
from xgrad.axes.elementwise import (
    Where,
)
from xgrad.axes.loops import Switch
from xgrad.gradient.ops import JvpCall, VjpCall
from xgrad.graph import Node, Var
from xgrad.lower.checks import MOVES, Layout, Rows


class Finding(NamedTuple):
    """Something that a check found: the node, its violation (None: not finite), the place and the value there.

    ``row`` is where it stands in the flags, ``order`` says which of several comes first. ``loops`` has the loops around
    it with the step of each, innermost first.
    """

    row: int
    order: tuple[int, ...]
    node: Node
    shape: tuple[int, ...]
    violation: Violation | None
    position: int
    value: float
    loops: tuple[tuple[Node, int], ...] = ()


def first_finding(layout: Layout, flags: np.ndarray) -> Finding | None:
    """What went wrong first, conditions before values that are not finite; None where all is well."""
    found = list(_marks(layout, flags)) or _Walk(layout, flags).run(layout.graph.outputs)
    return min(found, key=lambda f: f.order) if found else None


def _marks(layout: Layout, flags: np.ndarray) -> Iterator[Finding]:
    """Every condition that is not met."""
    for number, node in enumerate(layout.graph.nodes):
        row = layout.rows.get(("mark", node), -1)
        if row >= 0 and flags[row, 0] >= 0:
            yield _finding(row, number, node.outputs[0], flags)
        for rows in layout.inside.get(node, ()):
            for finding in _marks(rows.layout, _inner(rows, flags)):
                yield _outward(finding, number, rows, flags)


def _finding(row: int, number: int, var: Var, flags: np.ndarray) -> Finding:
    node: Any = var.node
    violation = node.op.violation if isinstance(node.op, Checked) else None
    position, value = flags[row, :2]
    return Finding(row, (number,), node, var.type.shape, violation, int(position), float(value))


def _inner(rows: Rows, flags: np.ndarray) -> np.ndarray:
    """The flags of a graph inside another, as it knows them."""
    return flags[rows.start : rows.start + rows.layout.count, : rows.width]


def _outward(finding: Finding, number: int, rows: Rows, flags: np.ndarray) -> Finding:
    """What was found in a graph inside node ``number``, as the graph around it says it."""
    row = rows.start + finding.row
    if rows.loop is None:
        return finding._replace(row=row, order=(number, *finding.order))
    step = int(flags[row, rows.width])
    loops = (*finding.loops, (rows.loop, step))
    return finding._replace(row=row, order=(number, step, *finding.order), loops=loops)


class _Walk:
    """Back from what matters in a graph to where it became not finite."""

    def __init__(self, layout: Layout, flags: np.ndarray) -> None:
        self.layout = layout
        self.flags = flags
        self.found: list[Finding] = []
        self.reached: set[Var] = set()  # inputs of the graph
        self.number = {node: i for i, node in enumerate(layout.graph.nodes)}

    def run(self, starts: Sequence[Var]) -> list[Finding]:
        """Where ``starts``, and what is skipped in the graph, became not finite."""
        stack = [*starts, *self.layout.skipped]
        for node in self.layout.inside:
            stack += self.enter(node, all_outputs=False)
        seen: set[Var] = set()
        while stack:
            v = stack.pop()
            if v in seen:
                continue
            seen.add(v)
            if v.node is None:
                self.reached.add(v)
            else:
                stack += self.above(v, v.node)
        return list({f.row: f for f in self.found}.values())

    def above(self, v: Var, node: Node) -> Sequence[Var]:
        """The values from which ``v`` may have what is not finite in it; notes it where it was made here."""
        if isinstance(node.op, MOVES):
            return node.inputs[:1]
        if node in self.layout.inside:
            before = len(self.found)
            reached = self.enter(node, all_outputs=True)
            if not isinstance(node.op, VjpCall | JvpCall) or len(self.found) > before:
                return reached
        if not self.tells(("bad", v)):
            return ()
        if isinstance(node.op, Where):
            return [x for x in node.inputs[1:] if self.tells(("taken", node, x))]
        if self.tells(("made", v)):
            row = self.layout.rows["made", v]
            self.found.append(_finding(row, self.number[node], v, self.flags))
            return ()
        return node.inputs

    def tells(self, key: Hashable) -> bool:
        row = self.layout.rows.get(key)
        return row is not None and self.flags[row, 0] >= 0

    def enter(self, node: Node, all_outputs: bool) -> list[Var]:
        """Go on in the graphs that a node holds; the inputs of the node that are reached."""
        stack: list[Var] = []
        for rows in self.layout.inside[node]:
            graph = rows.layout.graph
            inner = _Walk(rows.layout, _inner(rows, self.flags))
            found = inner.run(graph.outputs if all_outputs else ())
            self.found += [_outward(f, self.number[node], rows, self.flags) for f in found]
            given = node.inputs[1:] if isinstance(node.op, Switch) else node.inputs
            pairs = zip(graph.inputs, given, strict=False)
            stack += [outside for inside, outside in pairs if inside in inner.reached]
        return stack
