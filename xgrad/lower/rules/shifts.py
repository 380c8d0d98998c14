"""What is subtracted before exponentials are taken and cancels: a softmax and log Σ e^x subtract the greatest anyway.

Why it ends: each rule lowers the number of nodes between the exponentials and what they are taken of.

A value changes only where the formula as written has ∞ - ∞, or 0/0 since all of a row is less than what is subtracted
by infinity.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from xgrad.axes.constants import full_like, scalar_value
from xgrad.axes.elementwise import Add, IsNan, Subtract, Where
from xgrad.axes.reduce import All, Max
from xgrad.axes.softmax import LogSoftmax, Logsumexp, Softmax, WeightedLogsumexp
from xgrad.axes.spread import Expand, other_axes
from xgrad.graph import DECLINE, Rules, Var, rule
from xgrad.lower.rules.missing import says_where_missing
from xgrad.lower.rules.patterns import A, C, D, M, P, S, X, Y, a_full


class Shifted(NamedTuple):
    """``plain`` less ``shift``, which lacks some axes; and ``shift`` spread along them."""

    plain: Var
    shift: Var
    spread: Var
    lacks: tuple[int, ...]


def _as_shifted(v: Var) -> Shifted | None:
    """``v`` as x - c; or the same with -∞ for what is missing, which then is put into x."""
    present = _filled_from(v)
    if present is not None:
        found = _as_shifted(present)
        return found and found._replace(plain=_filled(found.plain))
    if not isinstance(v.op, Subtract) or not isinstance(v.inputs[1].op, Expand):
        return None
    x, wide = v.inputs
    repeat: Any = wide.op
    return Shifted(x, wide.inputs[0], wide, repeat.new_axes())


def _without_shift(out: Var, x: Var) -> Any:
    """NaN where c is NaN, unless x is NaN there anyway."""
    op: Any = out.op
    found = _as_shifted(x)
    if found is None or not set(op.axes) <= set(found.lacks):
        return DECLINE
    share = op(found.plain)
    if _is_greatest(found.shift, found.plain, found.lacks):
        return share
    return Where()(IsNan()(found.spread), full_like(out, np.nan), share)


def _mask_without_shift(x: Var, y: Var, c: Var, s: tuple, p: tuple, m: Any, share: Any) -> Any:
    """For the greatest c only: it is NaN where all x are, and where it is infinite the share is NaN, mask or not."""
    if _filled_from(y) is not x or not np.isnan(m.value):
        return DECLINE
    if not _is_greatest(c, y, other_axes(len(s), p)):
        return DECLINE
    return Where()(IsNan()(x), a_full(m, s), share(y))


def _log_without_shift(log: Var, c: Var, rest: Callable[[Var], Var] = lambda v: v) -> Any:
    """Where ``c`` is added to ``rest`` of a logarithm."""
    op: Any = log.op
    found = _as_shifted(log.inputs[0])
    if found is None or not set(op.axes) <= set(found.lacks) or not _is_spread(c, found.shift):
        return DECLINE
    return Where()(IsNan()(c), c, rest(op(found.plain, *log.inputs[1:])))


def _is_spread(v: Var, c: Var) -> bool:
    return v is c or (isinstance(v.op, Expand) and v.inputs[0] is c)


def _beside(out: Var, c: Var) -> Var:
    """The term that ``c`` is added to."""
    one, other = out.inputs
    return other if one is c else one


def _less(out: Var, c: Var, d: Var) -> Any:
    log = _beside(out, c).inputs[0]
    return _log_without_shift(log, c, lambda v: Subtract()(v, d))


def _plus(out: Var, c: Var, d: Var) -> Any:
    log = _beside(_beside(out, c), d)
    return _log_without_shift(log, c, lambda v: Add()(v, d))


def _is_greatest(c: Var, x: Var, axes: tuple[int, ...]) -> bool:
    """Whether ``c`` is the greatest of ``x`` along ``axes``; also where it is NaN if all is missing."""
    if isinstance(c.op, Where):
        nothing, nan, greatest = c.inputs
        if not _are_all_missing(nothing, x) or not _is_nan(nan):
            return False
        c = greatest
    if not isinstance(c.op, Max) or set(c.op.axes) != set(axes):
        return False
    values = _filled_from(x)
    return c.inputs[0] is x or (values is not None and _filled_from(c.inputs[0]) is values)


def _are_all_missing(v: Var, x: Var) -> bool:
    """Whether ``v`` says where all values are missing for which -∞ stands in ``x``."""
    values = _filled_from(x)
    return isinstance(v.op, All) and values is not None and says_where_missing(v.inputs[0], values)


def _is_nan(x: Var) -> bool:
    value = scalar_value(x)
    return value is not None and bool(np.isnan(value))


def _filled_from(v: Var) -> Var | None:
    """x where ``v`` is x with -∞ for what is missing."""
    if not isinstance(v.op, Where):
        return None
    missing, low, x = v.inputs
    return x if says_where_missing(missing, x) and scalar_value(low) == -np.inf else None


def _filled(x: Var) -> Var:
    return Where()(IsNan()(x), full_like(x, -np.inf), x)


_LOGS = {"": Logsumexp(A)(X), "weighted_": WeightedLogsumexp(A)(X, Y)}

SHIFTS = Rules(
    rule("softmax_shifted", Softmax(A, False)(X), _without_shift),  # softmax(x - c) = softmax(x)
    rule("log_softmax_shifted", LogSoftmax(A)(X), _without_shift),  # the same of its logarithm
    rule(  # what is missing from x - max x is missing from x
        "softmax_mask_shifted",
        Where()(IsNan()(Subtract()(X, Expand(S, P)(C))), a_full(M, S), Softmax(A, False)(Y)),
        lambda x, y, c, s, p, m, a: _mask_without_shift(x, y, c, s, p, m, Softmax(a)),
    ),
    rule(  # the same around the logarithm
        "log_softmax_mask_shifted",
        Where()(IsNan()(Subtract()(X, Expand(S, P)(C))), a_full(M, S), LogSoftmax(A)(Y)),
        lambda x, y, c, s, p, m, a: _mask_without_shift(x, y, c, s, p, m, LogSoftmax(a)),
    ),
    *[
        rule(  # c + log Σ w e^(x - c) = log Σ w e^x
            f"{weighted}logsumexp_shifted",
            Add()(log, C),
            lambda out, c: _log_without_shift(_beside(out, c), c),
        )
        for weighted, log in _LOGS.items()
    ],
    *[
        rule(  # c + (log Σ w e^(x - c) - d) = log Σ w e^x - d
            f"{weighted}logsumexp_shifted_less", Add()(Subtract()(log, D), C), _less
        )
        for weighted, log in _LOGS.items()
    ],
    *[
        rule(  # c + (log Σ w e^(x - c) + d) = log Σ w e^x + d
            f"{weighted}logsumexp_shifted_plus", Add()(Add()(log, D), C), _plus
        )
        for weighted, log in _LOGS.items()
    ],
)
