"""The derivatives of loops and branches: one loop for one loop, made of the lazy derivative of the body.

*Forward*: one scan carries the values and their tangents. *Reverse*: the scan once more, stacking the carries that each
step began with; then one scan in the other direction, which carries the cotangents and, for what stays the same in all
steps, their sum. The repeated forward scans are equal or extend one another, and loop rules make them one. ``expand``
is the engine that called: it differentiates the bodies.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import NamedTuple

from xgrad.axes.arithmetic import add
from xgrad.axes.base import Flow
from xgrad.axes.constants import full
from xgrad.axes.loops import Scan, Switch, While, body_flows, moving, useful
from xgrad.errors import GradNotImplementedError
from xgrad.gradient.masks import is_zero
from xgrad.gradient.ops import Pullback, Pushforward, cotangent_type
from xgrad.graph import Graph, Node, Var

Vars = Sequence[Var]
Expand = Callable[..., tuple[Var, ...]]


# ---- scan, forward -------------------------------------------------------------------------------------------------
def push_scan(
    expand: Expand, node: Node, ins: Vars, outs: Vars, tangents: dict[int, Var]
) -> tuple[Var, ...]:
    """The tangents of the outputs: one scan over values and tangents."""
    op = _scan(node)
    moved = moving(op.body, op.carries, tangents)
    joint = _joint_body(expand, op.body, op.carries, op.sequences, moved)
    reached = _reached(op.body, moved)
    stacked = [k for k in range(op.carries, len(outs)) if k in reached]
    body = Graph(joint.inputs, [*joint.carried, *[joint.tangents[k] for k in stacked]])
    loop = _like(op, body, joint.carries, joint.sequences)
    results = loop.apply(*_joint_inputs(op, ins, tangents, moved))
    found = dict(zip(joint.moving_carries, results[op.carries : joint.carries], strict=True))
    found.update(zip(stacked, results[joint.carries :], strict=True))
    return tuple([found[k] if k in found else zero(out) for k, out in enumerate(outs)])


class _Joint(NamedTuple):
    """The body of a loop with, after the inputs of each role, their tangents."""

    inputs: list[Var]
    carries: int
    sequences: int
    moving_carries: list[int]
    carried: list[Var]
    tangents: tuple[Var, ...]


def _joint_body(
    expand: Expand, body: Graph, carries: int, sequences: int, moved: Sequence[int]
) -> _Joint:
    values = _fresh(body.inputs)
    changes = {i: Var(cotangent_type(values[i].type)) for i in moved}
    primal = body(*values)
    tangents = expand(Pushforward(body, tuple(moved)), (*values, *changes.values()))
    roles = _by_role(range(len(values)), carries, sequences)
    inputs = [v for role in roles for v in _with_tangents(role, values, changes)]
    first, second = [[i for i in role if i in changes] for role in roles[:2]]
    carried = [*primal[:carries], *[tangents[k] for k in first]]
    return _Joint(
        inputs, carries + len(first), sequences + len(second), first, carried, tuple(tangents)
    )


def _joint_inputs(
    op: Scan, ins: Vars, tangents: Mapping[int, Var], moved: Sequence[int]
) -> list[Var]:
    """The inputs of the joint loop: a carry that moves later on has the first tangent zero."""
    given = {i: tangents[i] if i in tangents else zero(ins[i]) for i in moved}
    roles = _by_role(range(len(ins)), op.carries, op.sequences)
    return [v for role in roles for v in _with_tangents(role, ins, given)]


def _with_tangents(role: Iterable[int], values: Vars, tangents: Mapping[int, Var]) -> list[Var]:
    role = list(role)
    return [*[values[i] for i in role], *[tangents[i] for i in role if i in tangents]]


def _by_role(places: Sequence[int], carries: int, sequences: int) -> list[Sequence[int]]:
    first = carries + sequences
    return [places[:carries], places[carries:first], places[first:]]


def _reached(body: Graph, inputs: Iterable[int]) -> set[int]:
    """The outputs of a body that some of its inputs reach with a derivative."""
    flows = [body_flows(body, i) for i in inputs]
    return {k for k in range(len(body.outputs)) if any(found[k] is Flow.VALUE for found in flows)}


# ---- scan, reverse -------------------------------------------------------------------------------------------------
def pull_scan(
    expand: Expand, node: Node, ins: Vars, outs: Vars, wanted: Sequence[int], cts: Vars
) -> dict[int, Var]:
    """The cotangents of the inputs: a scan that stacks the carries, then one scan in the other direction."""
    op = _scan(node)
    plan = _plan(op, wanted, cts)
    back = _Backward(expand, op, plan)
    before = _stacked_carries(op, ins)
    parts = op.parts(ins)
    first = [cts[k] for k in plan.carries]
    sums = [zero(ins[i]) for i in plan.invariants]
    rows = [*before, *parts.sequences, *[cts[k] for k in plan.stacks]]
    loop = _like(op, back.body, len(first) + len(sums), len(rows), reverse=not op.reverse)
    results = loop.apply(*first, *sums, *rows, *parts.invariants)
    return {i: ct for i, ct in zip(plan.wrt_outputs, results, strict=True) if i in wanted}


class _Plan(NamedTuple):
    """What a reverse loop deals with, as places among the inputs and outputs of the forward one."""

    carries: list[int]  # with a cotangent
    stacks: list[int]  # outputs whose cotangent comes in step by step
    sequences: list[int]  # inputs whose cotangent goes out step by step
    invariants: list[int]  # inputs whose cotangents are added up

    @property
    def wrt_outputs(self) -> list[int]:
        """The inputs whose cotangents the reverse loop gives, in its order."""
        return [*self.carries, *self.invariants, *self.sequences]


def _plan(op: Scan, wanted: Sequence[int], cts: Vars) -> _Plan:
    body, carries = op.body, op.carries
    moved = moving(body, carries, wanted)
    reached = _reached(body, moved) | {i for i in moved if i < carries}
    given = [k for k, ct in enumerate(cts) if not is_zero(ct) and k in reached]
    needed = useful(body, carries, given) & reached
    first = carries + op.sequences
    return _Plan(
        [k for k in range(carries) if k in needed and k in moved],
        [k for k in given if k >= carries],
        [i for i in wanted if carries <= i < first],
        [i for i in wanted if i >= first],
    )


class _Backward:
    """The body of the reverse loop.

    [c̄, sums, | c_t, x_t, ȳ_t, | w] -> [c̄ of the step before, sums + w̄_t, | x̄_t]
    """

    def __init__(self, expand: Expand, op: Scan, plan: _Plan) -> None:
        values = _fresh(op.body.inputs)
        parts = op.parts(values)
        cts = {
            k: Var(cotangent_type(op.body.outputs[k].type)) for k in [*plan.carries, *plan.stacks]
        }
        sums = [Var(cotangent_type(values[i].type)) for i in plan.invariants]
        given = [cts[k] if k in cts else zero(out) for k, out in enumerate(op.body.outputs)]
        wrt = tuple(plan.wrt_outputs)
        pulled = dict(zip(wrt, expand(Pullback(op.body, wrt), (*values, *given)), strict=True))
        totals = [add(s, pulled[i]) for s, i in zip(sums, plan.invariants, strict=True)]
        carried = [*[cts[k] for k in plan.carries], *sums]
        rows = [*parts.carries, *parts.sequences, *[cts[k] for k in plan.stacks]]
        self.body = Graph(
            [*carried, *rows, *parts.invariants],
            [*[pulled[k] for k in plan.carries], *totals, *[pulled[i] for i in plan.sequences]],
        )


def _stacked_carries(op: Scan, ins: Vars) -> tuple[Var, ...]:
    """The carries that each step began with: the forward loop with further stacked outputs."""
    body = Graph(op.body.inputs, [*op.body.outputs, *op.body.inputs[: op.carries]])
    return _like(op, body, op.carries, op.sequences).apply(*ins)[len(op.body.outputs) :]


def _like(op: Scan, body: Graph, carries: int, sequences: int, reverse: bool | None = None) -> Scan:
    direction = op.reverse if reverse is None else reverse
    return Scan(body, carries, sequences, op.length, direction, op.unroll, op.recompute)


# ---- while ---------------------------------------------------------------------------------------------------------
def push_while(
    expand: Expand, node: Node, ins: Vars, outs: Vars, tangents: dict[int, Var]
) -> tuple[Var, ...]:
    """The tangents of the carries: one loop over values and tangents, with the condition on the values."""
    op = node.op
    assert isinstance(op, While)
    moved = moving(op.body, op.carries, tangents)
    joint = _joint_body(expand, op.body, op.carries, 0, moved)
    given = {i: tangents[i] if i in tangents else zero(ins[i]) for i in moved}
    roles = _by_role(range(len(ins)), op.carries, 0)
    inputs = [v for role in roles for v in _with_tangents(role, ins, given)]
    values = _fresh(joint.inputs)
    invariants = values[joint.carries : joint.carries + len(ins) - op.carries]
    condition = Graph(values, op.condition(*values[: op.carries], *invariants))
    loop = While(condition, Graph(joint.inputs, joint.carried), joint.carries)
    found = dict(zip(joint.moving_carries, loop.apply(*inputs)[op.carries :], strict=True))
    return tuple([found[k] if k in found else zero(out) for k, out in enumerate(outs)])


def pull_while(
    node: Node, ins: Vars, outs: Vars, wanted: Sequence[int], cts: Vars
) -> dict[int, Var]:
    """There is none: how many steps there are to go back is not known when the program is compiled."""
    where = f" at {node.source}" if node.source else ""
    raise GradNotImplementedError(
        f"the gradient of xgrad.while_loop{where} would go back through steps whose number is not known.\n"
        "Bound it: xgrad.while_loop(cond, body, init, max_steps=...); forward mode (xgrad.pushforward) needs no bound."
    )


# ---- switch --------------------------------------------------------------------------------------------------------
def push_switch(
    expand: Expand, node: Node, ins: Vars, outs: Vars, tangents: dict[int, Var]
) -> tuple[Var, ...]:
    """The tangents of the branch that is taken."""
    op = _switch(node)
    given = {i - 1: t for i, t in tangents.items()}
    branches = []
    for branch in op.branches:
        values = _fresh(branch.inputs)
        changes = [Var(t.type) for t in given.values()]
        moved = expand(Pushforward(branch, tuple(given)), (*values, *changes))
        branches.append(Graph([*values, *changes], moved))
    return Switch(tuple(branches)).apply(*ins, *given.values())


def pull_switch(
    expand: Expand, node: Node, ins: Vars, outs: Vars, wanted: Sequence[int], cts: Vars
) -> dict[int, Var]:
    """The cotangents by the branch that is taken; zero for what it does not use."""
    op = _switch(node)
    given = [k for k, ct in enumerate(cts) if not is_zero(ct)]
    wrt = tuple([i - 1 for i in wanted])
    branches = []
    for branch in op.branches:
        values = _fresh(branch.inputs)
        handed = {k: Var(cts[k].type) for k in given}
        all_cts = [handed[k] if k in handed else zero(out) for k, out in enumerate(branch.outputs)]
        pulled = expand(Pullback(branch, wrt), (*values, *all_cts))
        branches.append(Graph([*values, *handed.values()], pulled))
    pulled = Switch(tuple(branches)).apply(*ins, *[cts[k] for k in given])
    return dict(zip(wanted, pulled, strict=True))


# ---- small parts ---------------------------------------------------------------------------------------------------
def zero(primal: Var) -> Var:
    """A derivative of ``primal`` that is zero."""
    type = cotangent_type(primal.type)
    return full(type.shape, 0, type.dtype)


def _fresh(inputs: Vars) -> list[Var]:
    return [Var(v.type, name=v.name, source=v.source) for v in inputs]


def _scan(node: Node) -> Scan:
    assert isinstance(node.op, Scan)
    return node.op


def _switch(node: Node) -> Switch:
    assert isinstance(node.op, Switch)
    return node.op
