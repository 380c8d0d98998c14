"""Where-safe cotangents: what a mask has cut off stays cut off, whatever the derivative behind it is.

The cotangent of ``f(x)`` in ``where(c, f(x), g(x))`` is ``where(c, ct, 0)``. Multiplied by ``f'(x)`` as it stands, an
infinity of ``f'`` behind the mask would give ``0 * inf = NaN``. So the mask is kept outermost on the way down:
``where(c, ct, 0) * f'`` becomes ``where(c, ct * f', 0)``. A masked cotangent is recognised by its structure, also where
it was moved, spread or scaled by a number since; there is no bookkeeping beside the graph.

Where several masked cotangents were added up, or summed, no one mask says any more what is cut off. There the factor is
guarded instead: one that is not finite counts as zero where the cotangent is zero. Since the cotangent itself stays a
factor, its derivative is right where it is zero by chance.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

from xgrad.axes.base import AbstractLinear
from xgrad.axes.elementwise import (
    Add,
    IsFinite,
    LogicalOr,
    Multiply,
    Negative,
    NotEqual,
    Subtract,
    Where,
    logical_or,
    where,
    zeros_like,
)
from xgrad.axes.index import Scatter
from xgrad.axes.spread import Expand
from xgrad.axes.structural import Full, Pad, Permute, Reshape, Reverse, Slice
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


class Guarded(NamedTuple):
    """``ct * factor``, where a factor that is not finite counts as zero if ``ct`` is zero."""

    ct: Var
    factor: Var

    def product(self) -> Var:
        """The value: the factor is cut off, so that what is behind it is masked in further derivatives."""
        return Multiply()(self.ct, harmless(self.factor, self.ct))


def harmless(x: Var, ct: Var) -> Var:
    """``x``, with zero for what is not finite where ``ct`` is zero."""
    return where(logical_or(IsFinite()(x), NotEqual()(ct, zeros_like(ct))), x, zeros_like(x))


def masked(ct: Var) -> Masked | None:
    """The mask and the value of a masked cotangent, also of one that was moved since; None for any other."""
    found, steps = _below_moves(ct)
    if not isinstance(found.op, Where):
        return None
    mask, yes, no = found.inputs
    if is_zero(no):
        return Masked(_moved(mask, steps), _redone(yes, steps), True)
    if is_zero(yes):
        return Masked(_moved(mask, steps), _redone(no, steps), False)
    return None


def guarded(ct: Var) -> Guarded | None:
    """The two factors of a guarded product, also of one that was moved since; None for anything else."""
    found, steps = _below_moves(ct)
    if not isinstance(found.op, Multiply):
        return None
    for x, safe in (found.inputs, found.inputs[::-1]):
        factor = _guarded_factor(x, safe)
        if factor is not None:
            return Guarded(_moved(x, steps), _redone(factor, steps))
    return None


def _guarded_factor(ct: Var, safe: Var) -> Var | None:
    """The factor in ``where(isfinite(factor) | (ct != 0), factor, 0)``; None for anything else."""
    if not isinstance(safe.op, Where) or not isinstance(safe.inputs[0].op, LogicalOr):
        return None
    test, factor, _ = safe.inputs
    finite = any(isinstance(v.op, IsFinite) and v.inputs[0] is factor for v in test.inputs)
    zero = any(isinstance(v.op, NotEqual) and ct in v.inputs for v in test.inputs)
    return factor if finite and zero else None


_MOVES = (Permute, Reshape, Reverse, Slice, Expand)  # a value of the input for each of the output


def _below_moves(ct: Var) -> tuple[Var, list[Var]]:
    """What ``ct`` is made of by moves, signs and numbers alone, and these steps, last first."""
    steps: list[Var] = []
    while (below := _operand(ct)) is not None:
        steps.append(ct)
        ct = below
    return ct, steps


def _operand(x: Var) -> Var | None:
    """The operand of a move, a sign or a product with a number; None of anything else."""
    if not isinstance(x.op, (*_MOVES, Negative, Multiply)):
        return None
    operands = [v for v in x.inputs if not is_number(v)]
    return operands[0] if len(operands) == 1 else None


def _redone(value: Var, steps: Sequence[Var]) -> Var:
    """The steps, done to ``value``."""
    for step in reversed(steps):
        assert step.op is not None
        value = step.op(*[v if is_number(v) else value for v in step.inputs])
    return value


def _moved(mask: Var, steps: Sequence[Var]) -> Var:
    """The steps, done to a mask: signs and numbers leave it as it is."""
    return _redone(mask, [step for step in steps if isinstance(step.op, _MOVES)])


def is_zero(x: Var) -> bool:
    """Whether ``x`` is the inline constant zero."""
    return isinstance(x.op, Full) and not x.op.value.value.any()


def is_one(x: Var) -> bool:
    """Whether ``x`` is the inline constant one."""
    return isinstance(x.op, Full) and bool(x.op.value.value == 1)


def is_number(x: Var) -> bool:
    """Whether ``x`` is an inline constant, which no cotangent has to be kept from."""
    return isinstance(x.op, Full)


def scale(ct: Var, factor: Var) -> Var:
    """``ct * factor`` with the masks of ``ct`` kept outermost: where(m, a, 0) * f = where(m, a * f, 0)"""
    if is_number(factor):
        return ct if is_one(factor) else Multiply()(ct, factor)
    choice = masked(factor)
    if choice is not None and _is_share(choice.value):
        return choice.around(scale(ct, choice.value))
    return below_masks(ct, lambda d: _product(d, factor))


def _is_share(x: Var) -> bool:
    """Whether ``x`` is one of a few numbers: what ``maximum`` and its like give to the one that is chosen, or ties."""
    return is_number(x) or (isinstance(x.op, Where) and all(map(is_number, x.inputs[1:])))


def _product(ct: Var, factor: Var) -> Var:
    before = guarded(ct)
    if before is not None:
        return Guarded(before.ct, Multiply()(before.factor, factor)).product()
    return Guarded(ct, factor).product() if is_cut_off(ct) else Multiply()(ct, factor)


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


def is_cut_off(ct: Var, *, parts: bool = False) -> bool:
    """Whether masks may have made ``ct`` zero in places: a linear op of what is masked, a sum of such terms alone.

    With ``parts``, so may slices that were taken: zeros stand in for what is outside them.
    """
    todo, seen = [ct], set()
    while todo:
        x = todo.pop()
        if x in seen or is_zero(x) or masked(x) is not None or guarded(x) is not None:
            continue
        if parts and isinstance(x.op, Pad | Scatter):
            continue
        seen.add(x)
        inputs = _linear_inputs(x)
        if not inputs:
            return False
        todo.extend(inputs)
    return True


def _linear_inputs(x: Var) -> Sequence[Var]:
    """What ``x`` is linear in; nothing where it is no linear op."""
    if isinstance(x.op, Add | Subtract):
        return x.inputs
    if isinstance(x.op, Scatter):
        return x.inputs[:2] if x.op.kind == "add" else ()
    if isinstance(x.op, AbstractLinear):
        return [v for i, v in enumerate(x.inputs) if x.op.is_linear_in(i)]
    operand = _operand(x)
    return () if operand is None else [operand]
