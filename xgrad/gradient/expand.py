"""Symbolic differentiation: a Pullback or Pushforward node becomes ordinary tensor ops.

The forward values are the node's graph laid out on the node's own inputs; the value numbering of the next pass merges
them with the same values in the graph around, so nothing is computed twice. Only what lies between ``wrt`` and the
outputs is differentiated.
"""

from collections.abc import Sequence
from functools import partial

from xgrad.axes.base import AbstractLinear, Flow
from xgrad.axes.batched import Batched
from xgrad.axes.elementwise import zeros_like
from xgrad.axes.loops import Scan, Switch, While
from xgrad.axes.structural import full
from xgrad.errors import GradNotImplementedError, GradUndefinedError
from xgrad.gradient.again import Checkpoint, Known, pull_checkpoint, push_checkpoint
from xgrad.gradient.batched import pull_batched, push_batched
from xgrad.gradient.families import Family, family, to_cotangent, total
from xgrad.gradient.loops import (
    pull_scan,
    pull_switch,
    pull_while,
    push_scan,
    push_switch,
    push_while,
)
from xgrad.gradient.ops import Pullback, Pushforward, cotangent_type
from xgrad.gradient.status import op_text, why
from xgrad.gradient.twice import pull_pullback, push_pullback
from xgrad.graph import Builder, Graph, Node, Op, Var, located


def expand_pullback(op: Pullback, inputs: Sequence[Var]) -> tuple[Var, ...]:
    """The cotangents of ``op.wrt``, as ordinary ops. Reverse mode: one walk back over the forward graph."""
    graph = op.graph
    here = lay_out(graph, inputs[: len(graph.inputs)])
    wrt = [graph.inputs[i] for i in op.wrt]
    active = active_vars(graph, wrt)
    cts: dict[Var, list[Var]] = {}
    for out, ct in zip(graph.outputs, inputs[len(graph.inputs) :], strict=True):
        if out in active:
            cts.setdefault(out, []).append(ct)
    for node in reversed(graph.nodes):
        if any(out in cts for out in node.outputs):
            _pull_node(node, here, active, cts)
    return tuple([_finish(cts.get(v), here[v]) for v in wrt])


def _pull_node(
    node: Node, here: dict[Var, Var], active: set[Var], cts: dict[Var, list[Var]]
) -> None:
    """Send the cotangents of the outputs of ``node`` on to its active inputs."""
    wanted = [i for i, v in enumerate(node.inputs) if v in active and _passes(node, i)]
    ins = [here[v] for v in node.inputs]
    outs = [here[v] for v in node.outputs]
    with located(node.source):
        for given in _rounds(node, here, cts):
            found = _family(node).pullback(node, ins, outs, wanted, given)
            for i, ct in found.items():
                cts.setdefault(node.inputs[i], []).append(ct)
    for out in node.outputs:
        cts.pop(out, None)


def _rounds(node: Node, here: dict[Var, Var], cts: dict[Var, list[Var]]) -> list[list[Var]]:
    """The cotangents of the outputs of ``node``, added up; or, where the inputs are smaller, one by one.

    What a broadcast repeats is summed before it is added to what other uses send: adding the large cotangents first
    would hold all of them in memory at once.
    """
    if len(node.outputs) == 1 and isinstance(node.op, AbstractLinear) and _shrinks(node):
        return [[ct] for ct in cts[node.outputs[0]]]
    return [[total(cts[v]) if v in cts else _zero(here[v]) for v in node.outputs]]


def _shrinks(node: Node) -> bool:
    return all(v.type.size < node.outputs[0].type.size for v in node.inputs)


def expand_pushforward(op: Pushforward, inputs: Sequence[Var]) -> tuple[Var, ...]:
    """The tangents of the outputs, as ordinary ops. Forward mode: one walk along the graph."""
    graph = op.graph
    here = lay_out(graph, inputs[: len(graph.inputs)])
    wrt = [graph.inputs[i] for i in op.wrt]
    active = active_vars(graph, wrt)
    tangents = dict(zip(wrt, inputs[len(graph.inputs) :], strict=True))
    for node in graph.nodes:
        given = {
            i: tangents[v] for i, v in enumerate(node.inputs) if v in tangents and _passes(node, i)
        }
        if given and any(out in active for out in node.outputs):
            with located(node.source):
                ins = [here[v] for v in node.inputs]
                outs = [here[v] for v in node.outputs]
                made = _family(node).pushforward(node, ins, outs, given)
            pairs = zip(node.outputs, made, strict=True)
            tangents.update([(out, t) for out, t in pairs if out in active])
    return tuple(
        [_finish([tangents[v]] if v in tangents else None, here[v]) for v in graph.outputs]
    )


def _push_known(
    node: Node, ins: Sequence[Var], outs: Sequence[Var], tangents: dict[int, Var]
) -> tuple[Var, ...]:
    return (tangents[0],)


HOLDING: dict[type[Op], Family] = {  # ops whose derivatives hold the derivative of a graph
    Batched: Family(
        partial(pull_batched, expand_pullback), partial(push_batched, expand_pushforward)
    ),
    Pullback: Family(pull_pullback, push_pullback),
    Scan: Family(partial(pull_scan, expand_pullback), partial(push_scan, expand_pushforward)),
    While: Family(pull_while, partial(push_while, expand_pushforward)),
    Checkpoint: Family(
        partial(pull_checkpoint, expand_pullback), partial(push_checkpoint, expand_pushforward)
    ),
    Known: Family(lambda node, ins, outs, wanted, cts: {0: cts[0]}, _push_known),
    Switch: Family(partial(pull_switch, expand_pullback), partial(push_switch, expand_pushforward)),
}


def _family(node: Node) -> Family:
    return HOLDING.get(type(node.op)) or family(type(node.op))


def lay_out(graph: Graph, inputs: Sequence[Var]) -> dict[Var, Var]:
    """Every variable of ``graph`` computed from ``inputs`` instead, with common subexpressions merged."""
    builder = Builder()
    here = dict(zip(graph.inputs, inputs, strict=True))
    for node in graph.nodes:
        made = builder.node(node.op, [here[v] for v in node.inputs], node)
        here.update(zip(node.outputs, made.outputs, strict=True))
    return here


def active_vars(graph: Graph, wrt: Sequence[Var]) -> set[Var]:
    """The variables that a derivative with respect to ``wrt`` reaches with something other than zero.

    Raises GradNotImplementedError or GradUndefinedError where it should go on, and there is no rule.
    """
    active = set(wrt)
    for node in graph.nodes:
        passing = [i for i, v in enumerate(node.inputs) if v in active]
        for out in node.outputs:
            if any(_flow(node, i, out.index) is Flow.VALUE for i in passing):
                active.add(out)
        for i in passing:
            _check_rule(node, i)
    return active


def _passes(node: Node, i: int) -> bool:
    return any(_flow(node, i, out.index) is Flow.VALUE for out in node.outputs)


def _check_rule(node: Node, i: int) -> None:
    """Raise where a derivative that ``node`` should pass on has no rule.

    Of what a user wrote this was asked before; what a rule of derivatives is made of may lack one itself.
    """
    flows = {_flow(node, i, out.index) for out in node.outputs}
    for flow in (Flow.MEANINGLESS, Flow.MISSING):
        if flow in flows and Flow.VALUE not in flows:
            raise _without_rule(node, i, flow)


def _without_rule(node: Node, i: int, flow: Flow) -> Exception:
    where = f", {node.source}" if node.source else ""
    reason = f"{why(node, i, flow)} ({op_text(node)}{where})"
    way_out = "Take no further derivative of it, or hold it constant on the way: xgrad.disconnected_grad(...)."
    if flow is Flow.MISSING:
        return GradNotImplementedError(
            f"a higher derivative is not implemented: {reason}.\n{way_out}"
        )
    return GradUndefinedError(f"a higher derivative is undefined: {reason}.\n{way_out}")


def _flow(node: Node, i: int, out: int) -> Flow:
    return node.op.flow(i, out, [v.type for v in node.inputs])  # pyright: ignore[reportAttributeAccessIssue]


def _finish(terms: Sequence[Var] | None, primal: Var) -> Var:
    """The sum of what arrived, in the cotangent's dtype; zero where nothing did."""
    return to_cotangent(total(terms), primal) if terms else _zero(primal)


def _zero(primal: Var) -> Var:
    type = cotangent_type(primal.type)
    return zeros_like(primal) if type == primal.type else full(type.shape, 0, type.dtype)
