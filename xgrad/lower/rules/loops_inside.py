"""Loops inside a backward step that are those of the forward step: found, so that they can be handed over like values.

A step that is a loop itself (or a batch of loops, or a choice between loops) is in the backward loop once more, and
stacks what its own way back needs. Here the forward step gives that too, and the backward step reads it. Whether this
is cheaper than to run the loop again is for ``rules.residuals`` to say, as of any other value.
"""

from collections.abc import Sequence
from typing import NamedTuple

from xgrad.axes.base import TensorType
from xgrad.graph import Graph, Var, substitute
from xgrad.lower.canonical import CANONICAL
from xgrad.lower.frames import all_loops, held_loops, known_nodes, one_of_each, opened, read_of
from xgrad.lower.loops import Loop, Path, Row, simplify
from xgrad.lower.rules.loops import LOOPS
from xgrad.options import current_options


class Handed(NamedTuple):
    """Two loops, the first of which stacks what the loops inside the second give; ``loops`` of them."""

    one: Loop
    two: Loop
    path: Path
    loops: int


def handed_inside(one: Loop, two: Loop, path: Path, given: dict[Var, Var]) -> Handed | None:
    """Both with the loops of the backward step in the forward step; None where that would be more loops.

    ``given`` are the inputs of the second body that the first knows, as variables of the first.
    """
    body = opened(two.body, list(given))
    nodes = [node for node in known_nodes(body, list(given)) if held_loops(node)]
    wanted = read_of(body, nodes)
    if not wanted:
        return None
    loops = sum(map(held_loops, nodes))
    joint = _settled(Graph(one.body.inputs, [*one.body.outputs, *substitute(wanted, given)]))
    if all_loops([joint]) >= all_loops([one.body]) + loops:
        return None
    slices = {v: Var(v.type, source=v.source) for v in wanted}
    rows = [Row(Var(_stacked(v.type, two.op.length)), v) for v in slices.values()]
    back = _with_outputs(two, substitute(body.outputs, slices))
    first, place = len(two.rows), len(one.stacks)
    direct = path.direct | {first + k: place + k for k in range(len(rows))}
    return Handed(
        _with_outputs(one, joint.outputs),
        back._replace(rows=(*two.rows, *rows)),
        path._replace(direct=direct),
        loops,
    )


def _settled(graph: Graph) -> Graph:
    disabled = current_options().disable
    rules, loop_rules = CANONICAL.without(disabled), LOOPS.without(disabled)

    def simplest(inner: Graph) -> Graph:
        return simplify(inner, rules, loop_rules, [])

    return simplest(one_of_each(simplest(graph), disabled, simplest, []))


def _with_outputs(loop: Loop, outputs: Sequence[Var]) -> Loop:
    count = len(loop.carries)
    carries = [c._replace(after=v) for c, v in zip(loop.carries, outputs[:count], strict=True)]
    return loop._replace(carries=tuple(carries), stacks=tuple(outputs[count:]))


def _stacked(type: TensorType, length: int) -> TensorType:
    return TensorType((length, *type.shape), type.dtype)
