"""Loops and branches: ops that hold closed graphs and run them many times, or one of them.

A body takes what is carried, one slice of each sequence, and what stays the same (invariants), in this order; it gives
what is carried on, and one slice of each stacked output. The derivatives are in ``gradient.loops``, since they are
made of the derivatives of the bodies.
"""

from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Any, NamedTuple, Protocol

import numpy as np

from xgrad.axes.base import AbstractTensorOp, Flow, TensorType
from xgrad.axes.flow import CONNECTED, after, beside, graph_flows
from xgrad.axes.interpret import interpreter
from xgrad.graph import Graph, Node, Var


class AbstractControl(AbstractTensorOp):
    """Runs the closed graphs that it holds; differentiated by ``gradient.loops``."""


class Keeps(Protocol):
    """A policy: what of a step derivatives keep."""

    def saves(self, node: Node) -> bool:
        """Whether the outputs of a node of the body are kept."""
        ...


class Parts(NamedTuple):
    """The inputs of a scan, or of its body, by role."""

    carries: tuple[Any, ...]
    sequences: tuple[Any, ...]
    invariants: tuple[Any, ...]


class Scan(AbstractControl):
    """``c, y_t = body(c, x_t, w)`` for t = 0, …, length - 1; from the end where ``reverse``.

    Inputs: the first carries, the sequences ``x`` [length, …], the invariants ``w``. Outputs: the last carries, and
    the stacked ``y`` [length, …], in the order of the sequences. Derivatives keep of a step its carries; and what
    costs much to compute again, or, where ``recompute`` is true, nothing, or what it says.
    ``parallel``: it is to become running totals, which need no loop.
    """

    why = "the loop passes no derivative from it"
    body: Graph
    carries: int
    sequences: int
    length: int
    reverse: bool = False
    unroll: int = 1
    recompute: bool | Keeps = False
    parallel: bool = False

    def parts(self, inputs: Sequence[Any]) -> Parts:
        """The inputs of the loop, or of its body, by role."""
        return split_parts(inputs, self.carries, self.sequences)

    def infer(self, *types: TensorType) -> tuple[TensorType, ...]:
        carries, sequences, invariants = self.parts(types)
        assert all(t.shape[0] == self.length for t in sequences), (self, sequences)
        slices = [TensorType(t.shape[1:], t.dtype) for t in sequences]
        outs = [v.type for v in self.body.outputs]
        assert [*carries, *slices, *invariants] == [v.type for v in self.body.inputs], self
        assert list(carries) == outs[: self.carries], (self, carries, outs)
        stacked = [TensorType((self.length, *t.shape), t.dtype) for t in outs[self.carries :]]
        return (*carries, *stacked)

    def emit(self, xp: Any, *arrays: Any) -> Any:
        step = interpreter(self.body, xp)
        carries, sequences, invariants = self.parts(arrays)
        rows: list[list[Any]] = []
        for t in self.order():
            slices = [xp.asarray(x[t]) for x in sequences]
            results = step(*carries, *slices, *invariants)
            carries = tuple(results[: self.carries])
            rows.append(results[self.carries :])
        stacked = [_stack(xp, [row[k] for row in rows], v.type) for k, v in enumerate(self.stacks)]
        if self.reverse:
            stacked = [xp.flip(y, 0) for y in stacked]
        return unpacked((*carries, *stacked))

    def describe(self) -> str:
        """The loop in a few words; its body is printed after the graph around it."""
        kept = ", recomputed" if self.recompute else ""
        direction = ", from the end" if self.reverse else ""
        return f"Scan({self.length} steps{direction}, {self.carries} carried, {len(self.stacks)} stacked{kept})"

    def order(self) -> Iterable[int]:
        """The steps in the order in which they are taken."""
        steps = range(self.length)
        return reversed(steps) if self.reverse else steps

    @property
    def stacks(self) -> tuple[Var, ...]:
        """The outputs of the body that are stacked."""
        return self.body.outputs[self.carries :]

    def flow(self, i: int, out: int, types: Sequence[TensorType]) -> Flow:
        return scan_flows(self.body, self.carries, self.length, i)[out]


class While(AbstractControl):
    """``c = body(c, w)`` as long as ``condition(c, w)``. Inputs: the carries, the invariants. Outputs: the carries."""

    why = "the loop passes no derivative from it"
    condition: Graph
    body: Graph
    carries: int

    def infer(self, *types: TensorType) -> tuple[TensorType, ...]:
        expected = [v.type for v in self.body.inputs]
        assert list(types) == expected == [v.type for v in self.condition.inputs], self
        assert [v.type for v in self.condition.outputs] == [TensorType((), np.dtype(bool))], self
        assert [v.type for v in self.body.outputs] == expected[: self.carries], self
        return tuple(types[: self.carries])

    def describe(self) -> str:
        """The loop in a few words."""
        return f"While({self.carries} carried)"

    def emit(self, xp: Any, *arrays: Any) -> Any:
        test, step = interpreter(self.condition, xp), interpreter(self.body, xp)
        carries, invariants = arrays[: self.carries], arrays[self.carries :]
        while bool(test(*carries, *invariants)[0]):
            carries = tuple(step(*carries, *invariants))
        return unpacked(carries)

    def flow(self, i: int, out: int, types: Sequence[TensorType]) -> Flow:
        return while_flows(self.condition, self.body, self.carries, i)[out]


class Switch(AbstractControl):
    """``branches[index](operands)``; an index out of range is taken to be the nearest one in it."""

    why = "the index only decides which branch is taken"
    branches: tuple[Graph, ...]

    def infer(self, index: TensorType, *types: TensorType) -> tuple[TensorType, ...]:
        assert index == TensorType((), np.dtype(np.int32)), (self, index)
        assert all([v.type for v in b.inputs] == list(types) for b in self.branches), self
        first, *others = [tuple([v.type for v in b.outputs]) for b in self.branches]
        assert all(types == first for types in others), self
        return first

    def describe(self) -> str:
        """The choice in a few words."""
        return f"Switch({len(self.branches)} branches)"

    def emit(self, xp: Any, index: Any, *operands: Any) -> Any:
        chosen = self.branches[int(np.clip(index, 0, len(self.branches) - 1))]
        return unpacked(interpreter(chosen, xp)(*operands))

    def flow(self, i: int, out: int, types: Sequence[TensorType]) -> Flow:
        return switch_flow(self.branches, i, out)


def split_parts(inputs: Sequence[Any], carries: int, sequences: int) -> Parts:
    """The inputs of a scan, or of its body, by role."""
    first = carries + sequences
    return Parts(tuple(inputs[:carries]), tuple(inputs[carries:first]), tuple(inputs[first:]))


def unpacked(results: Sequence[Any]) -> Any:
    """Results as emissions return them: alone where there is one."""
    return results[0] if len(results) == 1 else tuple(results)


def _stack(xp: Any, rows: Sequence[Any], row: TensorType) -> Any:
    """``rows`` along a new first axis; there may be none."""
    return xp.stack(rows, 0) if rows else xp.zeros((0, *row.shape), dtype=row.dtype)


# ---- how values flow through bodies --------------------------------------------------------------------------------


def body_flows(body: Graph, i: int) -> tuple[Flow, ...]:
    """How input ``i`` of a graph of any layer reaches each of its outputs."""
    return graph_flows(body)[i]


@lru_cache(maxsize=4096)
def scan_flows(body: Graph, carries: int, length: int, i: int) -> tuple[Flow, ...]:
    """How input ``i`` of a loop reaches each of its outputs: the fixed point over the carries."""
    _, outs = _fixed_point(body, carries, i)
    if length == 0:
        return tuple([Flow.VALUE if k == i < carries else Flow.UNUSED for k in range(len(outs))])
    return outs


@lru_cache(maxsize=4096)
def while_flows(condition: Graph, body: Graph, carries: int, i: int) -> tuple[Flow, ...]:
    """How input ``i`` reaches each carry: through the steps, or not at all; and how many there are, in jumps."""
    reached, outs = _fixed_point(body, carries, i)
    tests = beside([after(flow, body_flows(condition, k)[0]) for k, flow in reached.items()])
    jumps = Flow.STEP if tests in CONNECTED else Flow.UNUSED
    kept = [reached.get(k, Flow.UNUSED) for k in range(carries)]
    return tuple([beside([out, was, jumps]) for out, was in zip(outs, kept, strict=True)])


def switch_flow(branches: Sequence[Graph], i: int, out: int) -> Flow:
    """How input ``i`` of a switch reaches an output: the index in jumps, an operand by any branch."""
    return Flow.STEP if i == 0 else beside([body_flows(b, i - 1)[out] for b in branches])


def _fixed_point(body: Graph, carries: int, i: int) -> tuple[dict[int, Flow], tuple[Flow, ...]]:
    """What input ``i`` reaches: inputs of the body (itself and carries), and outputs. Flows only grow stronger."""
    reached = {i: Flow.VALUE}
    while True:
        ways = [[after(flow, out) for out in body_flows(body, k)] for k, flow in reached.items()]
        outs = tuple([beside(column) for column in zip(*ways, strict=True)])
        grown = dict(reached)
        for k in range(carries):
            flow = beside([reached.get(k, Flow.UNUSED), outs[k]])
            if flow is not Flow.UNUSED:
                grown[k] = flow
        if grown == reached:
            return reached, outs
        reached = grown


def moving(body: Graph, carries: int, given: Iterable[int]) -> tuple[int, ...]:
    """The inputs of a body with a derivative by the inputs ``given``: these, and the carries that they reach."""
    found = set(given)
    while True:
        reached = {k for i in found for k in range(carries) if body_flows(body, i)[k] is Flow.VALUE}
        if reached <= found:
            return tuple(sorted(found))
        found |= reached


def useful(body: Graph, carries: int, wanted: Iterable[int]) -> frozenset[int]:
    """The outputs of a body that matter where the outputs ``wanted`` of the loop do: these, and carries on the way."""
    found = set(wanted)
    while True:
        needed = {
            k
            for k in range(carries)
            if any(body_flows(body, k)[out] is Flow.VALUE for out in found)
        }
        if needed <= found:
            return frozenset(found)
        found |= needed
