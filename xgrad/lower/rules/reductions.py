"""Reductions of repeated values and along axes of one value.

Why it ends: each rule lowers the number of values that are reduced, or takes a reduction away.
"""

import math
from typing import Any

import numpy as np

from xgrad.axes.constants import Full, full, full_like
from xgrad.axes.cumulative import CumMax, CumMin, CumProd, CumSum
from xgrad.axes.elementwise import IntegerPower, Multiply
from xgrad.axes.literal import Literal
from xgrad.axes.reduce import All, Max, Min, Prod, Sum
from xgrad.axes.reduce import Any as AnyOf
from xgrad.axes.structural import Expand, reshape
from xgrad.graph import DECLINE, Rules, Var, rule
from xgrad.lower.rules.patterns import A, B, P, S, X, a_full

_SAME = (Max, Min, AnyOf, All)  # of one value many times: that value


def _repeated_axes(a: tuple, s: tuple, p: tuple) -> tuple[int, ...]:
    """The axes that are reduced and along which values only repeat."""
    return tuple([axis for axis in a if axis not in p])


def _reduce_repeated(out: Var, x: Var, a: tuple, s: tuple, p: tuple) -> Any:
    """reduce(expand x) = expand(reduce x): the repeats that are reduced are left out; 0 of them are no value."""
    repeated = _repeated_axes(a, s, p)
    if not repeated or math.prod([s[axis] for axis in repeated]) == 0:
        return DECLINE
    reduce: Any = type(out.op)
    inner = tuple([k for k, axis in enumerate(p) if axis in a])
    small = reduce(inner)(x) if inner else x
    left = [axis for axis in range(len(s)) if axis not in a]
    axes = tuple([left.index(axis) for axis in p if axis not in a])
    return Expand(out.type.shape, axes)(small)


def _sum_repeated(out: Var, x: Var, a: tuple, s: tuple, p: tuple) -> Any:
    """Σ of n equal values is n times the value: rounded once instead of n times."""
    once = _reduce_repeated(out, x, a, s, p)
    n = math.prod([s[axis] for axis in _repeated_axes(a, s, p)])
    if once is DECLINE or n == 1:
        return once
    count = _count_in(out.type.dtype, n)
    return DECLINE if count is None else Multiply()(once, full_like(out, count))


def _count_in(dtype: np.dtype, n: int) -> np.ndarray | None:
    """``n`` in a dtype: integers wrap around as their sums do; None where a float would round it."""
    if dtype.kind == "b":
        return None
    with np.errstate(over="ignore"):
        count = np.asarray(n).astype(dtype)
    exact = np.isfinite(count) and int(np.real(count)) == n
    return count if dtype.kind in "iu" or exact else None


def _prod_repeated(out: Var, x: Var, a: tuple, s: tuple, p: tuple) -> Any:
    once = _reduce_repeated(out, x, a, s, p)
    n = math.prod([s[axis] for axis in _repeated_axes(a, s, p)])
    if once is DECLINE or n > _LARGEST_POWER:
        return DECLINE
    return once if n == 1 else IntegerPower(n)(once)


_LARGEST_POWER = 64  # beyond it, repeated squaring rounds more than the product


def _sum_full(out: Var, v: Literal, s: tuple, a: tuple) -> Any:
    """Σ v = n v, rounded once."""
    count = _count_in(out.type.dtype, math.prod([s[axis] for axis in a]))
    if count is None:
        return DECLINE
    with np.errstate(all="ignore"):
        total = np.multiply(v.value, count) if count else np.zeros_like(v.value)
    return full(out.type.shape, total, out.type.dtype)


def _same_full(out: Var, v: Literal, s: tuple, a: tuple) -> Any:
    n = math.prod([s[axis] for axis in a])
    return Full(out.type.shape, v)() if n else DECLINE


def _reduce_single(out: Var, x: Var, a: tuple) -> Any:
    """Along axes of one value there is nothing to reduce."""
    left = tuple([axis for axis in a if x.type.shape[axis] != 1])
    if left == a or x.type != out.type._replace(shape=x.type.shape):
        return DECLINE
    kept = [n for axis, n in enumerate(x.type.shape) if axis not in a or axis in left]
    small = reshape(x, kept)
    if not left:
        return small
    reduce: Any = type(out.op)
    places = [axis for axis in range(x.type.ndim) if axis not in a or axis in left]
    return reduce(tuple([places.index(axis) for axis in left]))(small)


def _along_single(out: Var, x: Var) -> Any:
    op: Any = out.op
    return x if x.type.shape[op.axis] == 1 else DECLINE


REDUCTIONS = Rules(
    rule("sum_repeated", Sum(A)(Expand(S, P)(X)), _sum_repeated),  # Σ expand x = n x
    rule("prod_repeated", Prod(A)(Expand(S, P)(X)), _prod_repeated),  # Π expand x = x^n
    *[
        rule(  # max(expand x) = x
            f"{op.__name__.lower()}_repeated", op(A)(Expand(S, P)(X)), _reduce_repeated
        )
        for op in _SAME
    ],
    rule("sum_full", Sum(A)(a_full()), _sum_full),  # Σ v = n v
    *[
        rule(  # max v = v
            f"{op.__name__.lower()}_full", op(A)(a_full()), _same_full
        )
        for op in _SAME
    ],
    *[
        rule(  # the reduction of one value is that value
            f"{op.__name__.lower()}_single", op(A)(X), _reduce_single
        )
        for op in (Sum, Prod, *_SAME)
    ],
    *[
        rule(  # the running total of one value is that value
            f"{name}_single", pattern(X), _along_single
        )
        for name, pattern in {
            "cumsum": CumSum(A, B),
            "cumprod": CumProd(A, B),
            "cummax": CumMax(A, B),
            "cummin": CumMin(A, B),
        }.items()
    ],
)
