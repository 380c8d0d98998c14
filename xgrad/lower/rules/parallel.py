"""Loops whose carries follow from running totals, and so need no loop.

=====================  =================================================
c' = x                 the values one step earlier
c' = c + x             a running total: ``CumSum``
c' = c · x             a running product: ``CumProd``
c' = max(c, x)         a running extreme: ``CumMax``, ``CumMin``
c' = a · c + b         a linear recurrence: ``LinearRecurrence``
c' = A c + b           a recurrence of vectors: ``MatrixRecurrence``
=====================  =================================================

Here x, a and b depend on sequences, on what stays the same, and on carries found before. With the carries of all steps
known, the steps are independent: they become one batch. The order in which numbers are added up is another.

Asked for by ``parallel=True``, every form is used; a recurrence of vectors of d numbers costs d³ for each step, and
d is 64 at most. Not asked for, it is done where it is clearly cheaper: where carries only hold earlier
values and a step is elementwise, so that nothing needs more memory or work than before. Otherwise the loop stays: on a
processor it takes cheap steps at the speed of a running total, or faster.
"""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from xgrad.axes.arithmetic import Add, Divide, Maximum, Minimum, Multiply, Negative, Subtract
from xgrad.axes.base import AbstractElementwise, AbstractLinear, AbstractMultilinear
from xgrad.axes.batched import Batched
from xgrad.axes.constants import Full, full, ones_like, zeros_like
from xgrad.axes.cumulative import CumMax, CumMin, CumProd, CumSum, LinearRecurrence
from xgrad.axes.logic import Where, cast, equal
from xgrad.axes.loops import Scan
from xgrad.axes.recurrence import MatrixRecurrence
from xgrad.axes.spread import Expand
from xgrad.axes.structural import concat, iota, permute, reshape, slice_axis
from xgrad.errors import UnsupportedError
from xgrad.gradient.expand import expand_pushforward
from xgrad.gradient.ops import Pushforward
from xgrad.graph import Graph, Node, Var, held_graphs, substitute
from xgrad.lower.loops import Carry, Loop, Outputs, Uses

_MOST = 64  # numbers in a recurrence of vectors


def parallel(loop: Loop, uses: Uses) -> Outputs | None:
    """loop(c; x) = the outputs of all steps at once, from the carries as running totals of x"""
    if loop.op.length < 2 or not (loop.op.parallel or _is_delay(loop)):
        return None
    states = _States(loop)
    if not states.found_all():
        return None
    stacked = states.everywhere(loop.stacks)
    return [*[states.last[c.before] for c in loop.carries], *stacked]


def _is_delay(loop: Loop) -> bool:
    """Whether the carries only hold values of earlier steps, and the steps are elementwise."""
    cheap = (AbstractElementwise, Full, Expand, Where)
    if not loop.carries or not all(isinstance(n.op, cheap) for n in loop.body.nodes):
        return False
    known: set[Var] = set()
    waiting = list(loop.carries)
    while waiting:
        ready = [c for c in waiting if _read(loop, c.after) <= known]
        if not ready:
            return False
        known |= {c.before for c in ready}
        waiting = [c for c in waiting if c not in ready]
    return True


def _read(loop: Loop, value: Var) -> set[Var]:
    """The carries that a value of the body is computed from."""
    carries = {c.before for c in loop.carries}
    body = Graph(loop.body.inputs, [value])
    return ({v for n in body.nodes for v in n.inputs} | {value}) & carries


def refuse_loops(graph: Graph) -> None:
    """Raise UnsupportedError where a loop is left that was to be parallel."""
    for node in graph.nodes:
        if isinstance(node.op, Scan) and node.op.parallel:
            raise _not_parallel(node)
        for inner in held_graphs(node.op):
            refuse_loops(inner)


def _not_parallel(node: Node) -> UnsupportedError:
    assert isinstance(node.op, Scan)
    states = _States(Loop.of(node.op, node.inputs))
    states.found_all()
    types = ", ".join(sorted({str(c.before.type) for c in states.waiting}))
    where = f" at {node.source}" if node.source else ""
    return UnsupportedError(
        f"xgrad.scan(parallel=True){where}: {len(states.waiting)} of {node.op.carries} carries ({types}) follow no"
        f" sum, product, extreme or linear recurrence (of at most {_MOST} numbers).\n"
        "Write the step as carry + x, carry * x, np.maximum(carry, x) or a * carry + b, where x, a and b do not depend"
        " on the carry; or leave parallel=True away."
    )


# ---- all steps at once -----------------------------------------------------------------------------------------------
class _States:
    """The carries of a loop in all steps, found one after the other."""

    def __init__(self, loop: Loop) -> None:
        self.loop, self.waiting = loop, list(loop.carries)
        self.last: dict[Var, Var] = {}
        self._whole: dict[Var, Var] = {r.slice: r.whole for r in loop.rows}
        self._outside = {f.inside: f.outside for f in loop.fixed}

    def found_all(self) -> bool:
        """Find what can be found; whether that is every carry."""
        while self.waiting:
            if not any([self._find(c) for c in list(self.waiting)]) and not self._find_together():
                return False
        return True

    def everywhere(self, values: Sequence[Var]) -> list[Var]:
        """Values of the body in all steps."""
        n = self.loop.op.length
        left = [v for v in dict.fromkeys(values) if v not in self._whole]
        inputs = {**self._whole, **self._outside}
        body = Graph(list(inputs), left)
        read = {v for node in body.nodes for v in node.inputs} | set(left)
        used = [v for v in inputs if v in read]
        mapped = tuple([v in self._whole for v in used])
        found = dict(self._whole)
        if left:
            graph = Graph(used, left)
            batch = Batched(graph, mapped, n).apply(*[inputs[v] for v in used])
            found.update(zip(left, batch, strict=True))
        return [found[v] for v in values]

    def _find(self, carry: Carry) -> bool:
        unknown = _read(self.loop, carry.after) & {c.before for c in self.waiting}
        if not unknown:
            self._know(carry, self._led(carry.start, self.everywhere([carry.after])[0]))
            return True
        form = _form(self.loop, carry) if unknown == {carry.before} else None
        if form is None:
            return False
        self._know(
            carry, form.run(self._led, carry.start, self.everywhere(form.inputs), self._reverse)
        )
        return True

    @property
    def _reverse(self) -> bool:
        return self.loop.op.reverse

    def _led(self, first: Var, rest: Var) -> Var:
        """``rest`` [n, ...] with the value before the first step in front of it."""
        head = reshape(first, (1, *first.type.shape))
        return concat([rest, head] if self._reverse else [head, rest], 0)

    def _know(self, carry: Carry, states: Var) -> None:
        """``states`` are the values of a carry [n + 1, ...]: before the first step, and after each."""
        n = self.loop.op.length
        first, end = (1, 0) if self._reverse else (0, n)
        self._whole[carry.before] = slice_axis(states, 0, first, first + n)
        last = slice_axis(states, 0, end, end + 1)
        self.last[carry.before] = reshape(last, carry.before.type.shape)
        self.waiting.remove(carry)

    def _find_together(self) -> bool:
        """All that are left as one vector, where a step is linear in it."""
        size = sum([c.before.type.size for c in self.waiting])
        if size > _MOST or not _is_affine(self.loop, self.waiting):
            return False
        matrix, shift = self.everywhere(_matrix_form(self.loop, self.waiting))
        start = _flat([c.start for c in self.waiting])
        a = self._led(full((size, size), 0, matrix.type.dtype), matrix)
        states = MatrixRecurrence(self._reverse)(a, self._led(start, shift))
        begin = 0
        for carry in list(self.waiting):
            shape = carry.before.type.shape
            part = slice_axis(states, 1, begin, begin + carry.before.type.size)
            begin += carry.before.type.size
            self._know(carry, reshape(part, (states.type.shape[0], *shape)))
        return True


# ---- one carry -------------------------------------------------------------------------------------------------------
class _Form(NamedTuple):
    """How a carry follows from values of each step: ``run(led, start, inputs everywhere, reverse)``."""

    inputs: list[Var]
    run: Callable[[Callable[[Var, Var], Var], Var, Sequence[Var], bool], Var]


def _form(loop: Loop, carry: Carry) -> _Form | None:
    extreme = _RUNNING.get(type(carry.after.op))
    if extreme is not None and carry.before in carry.after.inputs:
        others = [v for v in carry.after.inputs if v is not carry.before]
        if len(others) == 1 and carry.before not in _read(loop, others[0]):
            return _running(extreme, others[0])
    pair = _affine(loop, carry)
    if pair is None:
        return None
    factor, term = pair
    if factor is None:
        return None
    if _is_one(factor):
        return _running(CumSum, zeros_like(carry.before) if term is None else term)
    if term is None:
        return _running(CumProd, factor)
    return _Form([factor, term], _run_recurrence)


def _running(op: Any, value: Var) -> _Form:
    return _Form([value], lambda led, start, found, reverse: op(0, reverse)(led(start, found[0])))


def _run_recurrence(
    led: Callable[[Var, Var], Var], start: Var, found: Sequence[Var], reverse: bool
) -> Var:
    factor, term = found
    return LinearRecurrence(0, reverse)(led(zeros_like(start), factor), led(start, term))


_RUNNING: dict[Any, Any] = {Maximum: CumMax, Minimum: CumMin}

_Pair = tuple[Var | None, Var | None]  # (a, b) of a c + b; None for zero


def _affine(loop: Loop, carry: Carry) -> _Pair | None:
    """a and b of c' = a c + b, by entry; None where c' is something else."""
    pairs: dict[Var, _Pair] = {carry.before: (ones_like(carry.before), None)}
    for node in Graph(loop.body.inputs, [carry.after]).nodes:
        if not any(v in pairs for v in node.inputs):
            continue
        rule = _AFFINE.get(type(node.op))
        pair = rule(*[pairs.get(v, (None, v)) for v in node.inputs]) if rule else None
        if pair is None:
            return None
        pairs[node.outputs[0]] = pair
    return pairs[carry.after]


def _add(x: _Pair, y: _Pair) -> _Pair:
    return _sum(x[0], y[0]), _sum(x[1], y[1])


def _negative(x: _Pair) -> _Pair:
    a, b = x
    return a and Negative()(a), b and Negative()(b)


def _multiply(x: _Pair, y: _Pair) -> _Pair | None:
    pair, (other, factor) = (y, x) if x[0] is None else (x, y)
    if other is not None or factor is None:
        return None
    return _times(pair[0], factor), _times(pair[1], factor)


def _divide(x: _Pair, y: _Pair) -> _Pair | None:
    divisor = y[1]
    if y[0] is not None or divisor is None:
        return None
    a, b = x
    return a and Divide()(a, divisor), b and Divide()(b, divisor)


def _sum(x: Var | None, y: Var | None) -> Var | None:
    return Add()(x, y) if x is not None and y is not None else x or y


def _times(x: Var | None, factor: Var) -> Var | None:
    if x is None or _is_one(x):
        return x and factor
    return Multiply()(x, factor)


def _is_one(v: Var) -> bool:
    return isinstance(v.op, Full) and v.op.value.value == 1


_AFFINE: dict[Any, Callable[..., _Pair | None]] = {
    Add: _add,
    Subtract: lambda x, y: _add(x, _negative(y)),
    Negative: _negative,
    Multiply: _multiply,
    Divide: _divide,
}


# ---- several carries -------------------------------------------------------------------------------------------------
def _is_affine(loop: Loop, carries: Sequence[Carry]) -> bool:
    """Whether what these carries become is linear in them, but for a term without them."""
    dependent = {c.before for c in carries}
    if len({v.type.dtype for v in dependent}) > 1 or any(
        v.type.dtype.kind != "f" for v in dependent
    ):
        return False
    for node in Graph(loop.body.inputs, [c.after for c in carries]).nodes:
        places = [i for i, v in enumerate(node.inputs) if v in dependent]
        if places and not _is_linear(node, places):
            return False
        if places:
            dependent.update(node.outputs)
    return True


def _is_linear(node: Node, places: Sequence[int]) -> bool:
    """Whether an op is linear, or linear and a term, in these inputs together."""
    op = node.op
    if isinstance(op, Add | Subtract | Negative):
        return True
    if isinstance(op, AbstractLinear):
        return all(op.is_linear_in(i) for i in places)
    if isinstance(op, AbstractMultilinear | Multiply):
        return len(places) == 1
    return isinstance(op, Divide) and list(places) == [0]


def _matrix_form(loop: Loop, carries: Sequence[Carry]) -> list[Var]:
    """A and b of the step c' = A c + b of all these carries in one vector, as values of the body."""
    zeros = {c.before: zeros_like(c.before) for c in carries}
    after = [c.after for c in carries]
    size = sum([c.before.type.size for c in carries])
    shift = _flat(substitute(after, zeros))
    inputs = loop.body.inputs
    wrt = tuple([inputs.index(c.before) for c in carries])
    tangents = [Var(c.before.type) for c in carries]
    primals = [zeros[v] if v in zeros else v for v in inputs]
    pushed = expand_pushforward(Pushforward(Graph(inputs, after), wrt), (*primals, *tangents))
    unit = cast(equal(iota((size, size), 0), iota((size, size), 1)), shift.type.dtype)
    given = [v for v in inputs if v not in zeros]
    graph = Graph([*tangents, *given], [_flat(pushed)])
    mapped = (*(True,) * len(tangents), *(False,) * len(given))
    (images,) = Batched(graph, mapped, size).apply(*_columns(unit, carries), *given)
    return [permute(images, (1, 0)), shift]


def _columns(unit: Var, carries: Sequence[Carry]) -> list[Var]:
    """The part of every unit vector that belongs to each carry."""
    found, begin = [], 0
    for c in carries:
        part = slice_axis(unit, 1, begin, begin + c.before.type.size)
        found.append(reshape(part, (unit.type.shape[0], *c.before.type.shape)))
        begin += c.before.type.size
    return found


def _flat(values: Sequence[Var]) -> Var:
    return concat([reshape(v, (v.type.size,)) for v in values], 0)
