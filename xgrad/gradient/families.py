"""How each family of tensor ops is differentiated, for both modes: one table, a line per family.

The families say what their rules mean (``axes.base``); here the rules become cotangents and tangents. A rule is asked
only about inputs that the derivative needs, and only with cotangents that exist: zero, disconnected and undefined are
the business of the engine in ``expand``.
"""

from collections.abc import Callable, Sequence
from functools import cache
from typing import Any, NamedTuple

from xgrad.axes.base import (
    AbstractElementwise,
    AbstractGeneral,
    AbstractLinear,
    AbstractMultilinear,
    AbstractOpaque,
)
from xgrad.axes.cumulative import AbstractOfParts
from xgrad.axes.elementwise import add, cast, multiply, zeros_like
from xgrad.axes.reduce import AbstractReduction
from xgrad.axes.spread import spread
from xgrad.axes.structural import full
from xgrad.gradient.markers import AbstractMarker, CustomGradient
from xgrad.gradient.masks import harmless, is_cut_off, masked, scale
from xgrad.gradient.ops import JvpCall, VjpCall, cotangent_dtype, cotangent_type
from xgrad.graph import Graph, Node, Op, Var

Vars = Sequence[Var]


class Family(NamedTuple):
    """The two modes of one family.

    ``pullback(node, ins, outs, wanted, cts)`` gives the cotangent of each wanted input; ``pushforward(node, ins,
    outs, tangents)`` the tangent of each output from the tangents that are not zero. ``ins`` and ``outs`` are the
    node's variables where the derivative is built.
    """

    pullback: Callable[[Node, Vars, Vars, Sequence[int], Vars], dict[int, Var]]
    pushforward: Callable[[Node, Vars, Vars, dict[int, Var]], tuple[Var, ...]]


def _pull_elementwise(
    node: Node, ins: Vars, outs: Vars, wanted: Sequence[int], cts: Vars
) -> dict[int, Var]:
    """ct_i = ct * ∂f/∂x_i, with the mask of a masked cotangent outermost."""
    partials = _op(node).partials(outs[0], *ins)
    return {i: scale(cts[0], partials[i]) for i in wanted}


def _push_elementwise(
    node: Node, ins: Vars, outs: Vars, tangents: dict[int, Var]
) -> tuple[Var, ...]:
    """t = Σ_i ∂f/∂x_i * t_i"""
    partials = _op(node).partials(outs[0], *ins)
    return (total([multiply(t, partials[i]) for i, t in tangents.items()]),)


def _pull_linear(
    node: Node, ins: Vars, outs: Vars, wanted: Sequence[int], cts: Vars
) -> dict[int, Var]:
    """ct_i = f_iᵀ ct"""
    return {i: _op(node).transpose(i, cts[0], *ins) for i in wanted}


def _push_linear(node: Node, ins: Vars, outs: Vars, tangents: dict[int, Var]) -> tuple[Var, ...]:
    """t = f(t_1, …, t_n), with zero for the inputs that have no tangent"""
    op = _op(node)
    moved = [
        tangents[i] if i in tangents else zeros_like(x) if op.is_linear_in(i) else x
        for i, x in enumerate(ins)
    ]
    return node.op.apply(*moved)


def _push_multilinear(
    node: Node, ins: Vars, outs: Vars, tangents: dict[int, Var]
) -> tuple[Var, ...]:
    """t = Σ_i f(x_1, …, t_i, …, x_n)"""
    terms = [node.op(*[t if k == i else x for k, x in enumerate(ins)]) for i, t in tangents.items()]
    return (total(terms),)


def _pull_general(
    node: Node, ins: Vars, outs: Vars, wanted: Sequence[int], cts: Vars
) -> dict[int, Var]:
    """The op's own rule, with masks kept."""
    if isinstance(node.op, AbstractReduction):
        return _pull_reduction(node.op, ins, outs, wanted, cts[0])
    if isinstance(node.op, AbstractOfParts) and is_cut_off(cts[0], parts=True):
        return {0: node.op.pullback_of_parts(ins[0], outs[0], cts[0])}
    return _op(node).pullback(wanted, ins, outs, cts)


def _pull_reduction(
    op: AbstractReduction, ins: Vars, outs: Vars, wanted: Sequence[int], ct: Var
) -> dict[int, Var]:
    """What is behind a mask in the result is so in all that it was made of."""
    shape, axes = ins[0].type.shape, op.axes
    layer = masked(ct)
    found = op.pullback(wanted, ins, outs, [ct if layer is None else layer.value])
    if layer is not None:
        layer = layer._replace(mask=spread(layer.mask, shape, axes))
        return {i: layer.around(d) for i, d in found.items()}
    return {
        i: harmless(d, spread(ct, shape, axes)) if is_cut_off(ct) else d for i, d in found.items()
    }


def _push_general(node: Node, ins: Vars, outs: Vars, tangents: dict[int, Var]) -> tuple[Var, ...]:
    return _op(node).pushforward(ins, outs, tangents)


def _pull_opaque(
    node: Node, ins: Vars, outs: Vars, wanted: Sequence[int], cts: Vars
) -> dict[int, Var]:
    """The op alone is delegated to ``jax.vjp``."""
    results = VjpCall(_alone(node), tuple(wanted)).apply(*ins, *cts)
    return dict(zip(wanted, results[len(node.outputs) :], strict=True))


def _push_opaque(node: Node, ins: Vars, outs: Vars, tangents: dict[int, Var]) -> tuple[Var, ...]:
    """The op alone is delegated to ``jax.jvp``."""
    results = JvpCall(_alone(node), tuple(tangents)).apply(*ins, *tangents.values())
    return results[len(node.outputs) :]


def _pull_marker(
    node: Node, ins: Vars, outs: Vars, wanted: Sequence[int], cts: Vars
) -> dict[int, Var]:
    return {0: _op(node).change(cts[0])}


def _push_marker(node: Node, ins: Vars, outs: Vars, tangents: dict[int, Var]) -> tuple[Var, ...]:
    return (_op(node).change(tangents[0]),)


def _pull_custom(
    node: Node, ins: Vars, outs: Vars, wanted: Sequence[int], cts: Vars
) -> dict[int, Var]:
    """The user's own rule."""
    found = _op(node).pull(*ins, *outs, *cts)
    return {i: found[i] for i in wanted}


def _push_custom(node: Node, ins: Vars, outs: Vars, tangents: dict[int, Var]) -> tuple[Var, ...]:
    """The user's own rule; arguments that do not move have tangents of zero."""
    op = _op(node)
    types = [cotangent_type(x.type) for x in ins[: op.count]]
    given = [tangents.get(i, full(t.shape, 0, t.dtype)) for i, t in enumerate(types)]
    return op.push(*ins, *outs, *given)


FAMILIES: dict[type[Op], Family] = {
    AbstractElementwise: Family(_pull_elementwise, _push_elementwise),
    AbstractLinear: Family(_pull_linear, _push_linear),
    AbstractMultilinear: Family(_pull_linear, _push_multilinear),
    AbstractGeneral: Family(_pull_general, _push_general),
    AbstractOpaque: Family(_pull_opaque, _push_opaque),
    VjpCall: Family(_pull_opaque, _push_opaque),
    JvpCall: Family(_pull_opaque, _push_opaque),
    AbstractMarker: Family(_pull_marker, _push_marker),
    CustomGradient: Family(_pull_custom, _push_custom),
}


@cache
def family(op_class: type[Op]) -> Family:
    """The family of an op class."""
    for base in op_class.__mro__:
        if base in FAMILIES:
            return FAMILIES[base]
    raise AssertionError(f"{op_class.__name__} belongs to no family with a derivative")


def total(terms: Vars) -> Var:
    """The sum of one or more variables of one type."""
    result = terms[0]
    for term in terms[1:]:
        result = add(result, term)
    return result


def to_cotangent(x: Var, primal: Var) -> Var:
    """``x`` in the dtype of a cotangent of ``primal``."""
    return cast(x, cotangent_dtype(primal.type.dtype))


def _alone(node: Node) -> Graph:
    """The closed graph of one node."""
    inputs = [Var(v.type) for v in node.inputs]
    return Graph(inputs, node.op.apply(*inputs))


def _op(node: Node) -> Any:
    return node.op
