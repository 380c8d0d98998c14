"""Where-safe cotangents: what a mask has cut off stays cut off, whatever the derivative behind it is.

The cotangent of ``f(x)`` in ``where(c, f(x), g(x))`` is ``where(c, ct, 0)``. Multiplied by ``f'(x)`` as it stands, an
infinity of ``f'`` behind the mask would give ``0 * inf = NaN``. So the mask is kept outermost on the way down:
``where(c, ct, 0) * f'`` becomes ``where(c, ct * f', 0)``, and ops that only move values move the mask with them.
A masked cotangent is recognised by its structure; there is no bookkeeping beside the graph. A sum of masked cotangents
is cut off where all of them are.
"""

from collections.abc import Callable, Sequence
from functools import reduce
from typing import Any, NamedTuple

from xgrad.axes.elementwise import (
    Add,
    Multiply,
    Negative,
    Subtract,
    Where,
    logical_and,
    logical_not,
    logical_or,
    where,
    zeros_like,
)
from xgrad.axes.structural import Full
from xgrad.graph import Var


class Masked(NamedTuple):
    """``where(mask, value, 0)``, or ``where(mask, 0, value)`` where ``keep`` is False."""

    mask: Var
    value: Var
    keep: bool

    def around(self, value: Var) -> Var:
        """``value`` behind the same mask."""
        zero = zeros_like(value)
        return where(self.mask, value, zero) if self.keep else where(self.mask, zero, value)


def masked(ct: Var) -> Masked | None:
    """The mask and the value of a masked cotangent; None for any other."""
    if type(ct.op) is not Where:
        return None
    mask, yes, no = ct.inputs
    if is_zero(no):
        return Masked(mask, yes, True)
    if is_zero(yes):
        return Masked(mask, no, False)
    return None


def is_zero(x: Var) -> bool:
    """Whether ``x`` is the inline constant zero."""
    return isinstance(x.op, Full) and not x.op.value.value.any()


def is_one(x: Var) -> bool:
    """Whether ``x`` is the inline constant one."""
    return isinstance(x.op, Full) and bool(x.op.value.value == 1)


def is_number(x: Var) -> bool:
    """Whether ``x`` is an inline constant, which no mask has to be kept from."""
    return isinstance(x.op, Full)


def scale(ct: Var, factor: Var) -> Var:
    """``ct * factor`` with the masks of ``ct`` kept outermost: where(m, a, 0) * f = where(m, a * f, 0)"""
    if is_number(factor):
        return below_masks(ct, lambda d: d if is_one(factor) else Multiply()(d, factor))
    return below_masks(ct, lambda d: behind_common_mask(d, Multiply()(d, factor)))


def below_masks(ct: Var, change: Callable[[Var], Var]) -> Var:
    """``change(ct)`` with the masks of ``ct`` kept outermost; right for a change that leaves zero as it is."""
    layers: list[Masked] = []
    while (layer := masked(ct)) is not None:
        layers.append(layer)
        ct = layer.value
    result = change(ct)
    for layer in reversed(layers):
        result = layer.around(result)
    return result


def behind_common_mask(ct: Var, result: Var) -> Var:
    """``result``, cut off where all terms of the sum ``ct`` are; ``result`` itself where one of them never is."""
    cuts = dict.fromkeys([_cut(term) for term in _terms(ct)])
    if not cuts or None in cuts:
        return result
    return Masked(reduce(logical_and, [c for c in cuts if c is not None]), result, False).around(
        result
    )


def _terms(ct: Var) -> list[Var]:
    """What ``ct`` is the sum of, up to signs and constant factors."""
    found, todo = [], [ct]
    while todo:
        x = todo.pop()
        if isinstance(x.op, Add | Subtract | Negative):
            todo.extend(x.inputs)
        elif isinstance(x.op, Multiply) and any(map(is_number, x.inputs)):
            todo.extend([v for v in x.inputs if not is_number(v)])
        else:
            found.append(x)
    return found


def _cut(term: Var) -> Var | None:
    """Where a masked term is zero whatever it holds; None for a term without a mask."""
    cut: list[Var] = []
    while (layer := masked(term)) is not None:
        cut.append(logical_not(layer.mask) if layer.keep else layer.mask)
        term = layer.value
    return reduce(logical_or, cut) if cut else None


def move(op: Any, i: int, ct: Var, ins: Sequence[Var]) -> Var:
    """``opᵀ ct`` for input ``i``; behind the moved mask where the cotangent is masked and ``op`` only moves values."""
    moved = op.transpose(i, ct, *ins)
    layer = masked(ct)
    if layer is None:
        return moved
    mask = op.move_mask(i, layer.mask if layer.keep else logical_not(layer.mask), *ins)
    return moved if mask is None else Masked(mask, moved, True).around(moved)
