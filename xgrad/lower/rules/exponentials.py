"""Values read as w e^x: what the rules on logarithms of sums and products ask."""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from xgrad.axes.constants import Full, full_like, scalar_value
from xgrad.axes.contract import Einsum
from xgrad.axes.elementwise import Add, Cosh, Divide, Exp, Expit, Multiply, Negative, Where
from xgrad.axes.reduce import Sum
from xgrad.axes.softmax import Softmax
from xgrad.axes.special import Erfc, Ndtr
from xgrad.axes.spread import expand
from xgrad.axes.structural import Permute, Reshape, Reverse, Slice, permute
from xgrad.graph import Op, Var


class Exponential(NamedTuple):
    """``weight`` e^``x``; no weight is the weight 1."""

    x: Var
    weight: Var | None


_DEPTH = 6  # how far down a product is read: deeper ones are left as they are, so that reading costs a constant


def as_exponential(v: Var, depth: int = _DEPTH) -> Exponential | None:
    """``v`` as w e^x; None where no exponential is in it."""
    read = _READ.get(type(v.op)) if v.op is not None and depth else None
    return None if read is None else read(v, depth - 1)


def positive_exponent(v: Var) -> Var | None:
    """x where ``v`` is e^x, also for a positive constant; None where it is not, or has weights that may be negative."""
    value = scalar_value(v)
    if value is not None:
        return full_like(v, np.log(value)) if _is_positive(value) else None
    found = as_exponential(v)
    if found is None:
        return None
    return found.x if found.weight is None else _with_factor(found.x, found.weight)


def _with_factor(x: Var, weight: Var) -> Var | None:
    """The exponent of ``weight`` e^x where the weight is a positive constant."""
    value = scalar_value(weight)
    if value is None or not _is_positive(value):
        return None
    return Add()(x, full_like(x, np.log(value)))


def _is_positive(value: Any) -> bool:
    return value.dtype.kind == "f" and 0 < value < np.inf


def is_real(v: Var) -> bool:
    """Whether ``v`` holds real floating-point numbers."""
    return v.type.dtype.kind == "f" or v.type.dtype.name == "bfloat16"


# ---- reading ---------------------------------------------------------------------------------------------------------
def _exp(v: Var, depth: int) -> Exponential | None:
    return Exponential(v.inputs[0], None) if is_real(v) else None


def _times(one: Var | None, other: Var | None) -> Var | None:
    return other if one is None else one if other is None else Multiply()(one, other)


def _multiply(v: Var, depth: int) -> Exponential | None:
    a, b = v.inputs
    one, other = as_exponential(a, depth), as_exponential(b, depth)
    if one and other:
        return Exponential(Add()(one.x, other.x), _times(one.weight, other.weight))
    if one:
        return Exponential(one.x, _times(one.weight, b))
    return Exponential(other.x, _times(a, other.weight)) if other else None


def _divide(v: Var, depth: int) -> Exponential | None:
    """Only of exponentials: one below would be inverted weights."""
    a, b = v.inputs
    one = as_exponential(a, depth)
    if one is None:
        return None
    weight = full_like(b, 1) if one.weight is None else one.weight
    return Exponential(one.x, Divide()(weight, b))


def _negative(v: Var, depth: int) -> Exponential | None:
    one = as_exponential(v.inputs[0], depth)
    if one is None:
        return None
    weight = full_like(v, -1) if one.weight is None else Negative()(one.weight)
    return Exponential(one.x, weight)


def _where(v: Var, depth: int) -> Exponential | None:
    """where(c, 0, w e^x) = w e^where(c, -∞, x)"""
    c, yes, no = v.inputs
    nothing = full_like(v, -np.inf)
    if scalar_value(yes) == 0:
        one = as_exponential(no, depth)
        return one and Exponential(Where()(c, nothing, one.x), one.weight)
    if scalar_value(no) == 0:
        one = as_exponential(yes, depth)
        return one and Exponential(Where()(c, one.x, nothing), one.weight)
    return None


def _moved(v: Var, depth: int) -> Exponential | None:
    one = as_exponential(v.inputs[0], depth)
    if one is None:
        return None
    move: Any = v.op
    return Exponential(move(one.x), None if one.weight is None else move(one.weight))


_READ: dict[type[Op], Callable[[Var, int], Exponential | None]] = {
    Exp: _exp,
    Multiply: _multiply,
    Divide: _divide,
    Negative: _negative,
    Where: _where,
    **dict.fromkeys((Permute, Reshape, Reverse, Slice), _moved),
}


# ---- sums ------------------------------------------------------------------------------------------------------------
class Terms(NamedTuple):
    """Σ over ``axes`` of exponentials."""

    terms: Exponential
    axes: tuple[int, ...]


def as_sum(v: Var) -> Terms | None:
    """``v`` as a sum of exponentials over axes; None where it is something else."""
    if isinstance(v.op, Sum):
        terms = as_exponential(v.inputs[0])
        return terms and Terms(terms, v.op.axes)
    return _as_contraction(v, v.op) if isinstance(v.op, Einsum) else None


def _as_contraction(v: Var, op: Einsum) -> Terms | None:
    """An einsum of two arrays, the first an exponential that has all labels: its terms fit in memory as they are.

    Where the other array has axes of its own the product is one of matrices, and stays one.
    """
    if len(op.operands) != 2:
        return None
    for i in (0, 1):
        labels, others = op.operands[i], op.operands[1 - i]
        terms = as_exponential(v.inputs[i])
        if terms is None or len(set(labels)) < len(labels) or len(set(others)) < len(others):
            continue
        kept = tuple([k for k in labels if k in op.output])
        if set(others) <= set(labels) and kept == op.output:
            return _contracted(terms, labels, v.inputs[1 - i], others, op.output)
    return None


def _contracted(
    terms: Exponential, labels: tuple[int, ...], other: Var, others: tuple[int, ...], output: tuple
) -> Terms:
    order = sorted(range(len(others)), key=lambda i: labels.index(others[i]))
    axes = [labels.index(others[i]) for i in order]
    factor = expand(permute(other, order), terms.x.type.shape, axes)
    second = as_exponential(other)
    summed = tuple([a for a, k in enumerate(labels) if k not in output])
    if second is not None and second.weight is None:
        exponent = expand(permute(second.x, order), terms.x.type.shape, axes)
        return Terms(Exponential(Add()(terms.x, exponent), terms.weight), summed)
    return Terms(Exponential(terms.x, _times(terms.weight, factor)), summed)


# ---- factors ---------------------------------------------------------------------------------------------------------
class Factors(NamedTuple):
    """A fraction as the factors of which logarithms are taken apart: above the line, and below it."""

    above: tuple[Var, ...]
    below: tuple[Var, ...]


_POSITIVE = (Exp, Expit, Cosh, Softmax, Erfc, Ndtr)


def is_positive_with_stable_log(v: Var) -> bool:
    """Whether ``v`` is never negative, and its logarithm has a form of its own that a rule finds."""
    if isinstance(v.op, _POSITIVE):
        return is_real(v)
    if isinstance(v.op, Full) or not isinstance(v.op, Sum | Einsum):
        return False
    found = as_sum(v)
    if found is None or found.terms.weight is None:
        return found is not None
    return _is_positive_constant(found.terms.weight)


def _is_positive_constant(v: Var) -> bool:
    value = scalar_value(v)
    return value is not None and _is_positive(value)


def factors(v: Var) -> Factors | None:
    """``v`` taken apart; None where no factor is positive with a stable logarithm.

    The other factors, whose signs may cancel, stay together: as one product, or one fraction.
    """
    stable: dict[bool, list[Var]] = {True: [], False: []}
    rest: dict[bool, list[Var]] = {True: [], False: []}
    todo = [(v, True, _DEPTH)]
    while todo:
        x, above, depth = todo.pop()
        if is_positive_with_stable_log(x):
            stable[above].append(x)
        elif depth and isinstance(x.op, Multiply):
            todo += [(y, above, depth - 1) for y in x.inputs]
        elif depth and isinstance(x.op, Divide):
            todo += [(x.inputs[0], above, depth - 1), (x.inputs[1], not above, depth - 1)]
        else:
            rest[above].append(x)
    if not stable[True] and not stable[False]:
        return None
    top, bottom = _product(rest[True]), _product(rest[False])
    if top is not None and bottom is not None:
        top, bottom = Divide()(top, bottom), None
    return Factors(_with(stable[True], top), _with(stable[False], bottom))


def _with(values: list[Var], other: Var | None) -> tuple[Var, ...]:
    return tuple(values if other is None else [*values, other])


def _product(values: list[Var]) -> Var | None:
    result = None
    for v in values:
        result = _times(result, v)
    return result
