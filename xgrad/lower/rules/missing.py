"""Where a value is missing: asked of what it is made of, so that nothing is computed for the question alone.

A cheap function is looked through always; one that costs much only where nothing else needs its values: where they
are there anyway, the question to them costs nothing.

Why it ends: each rule moves the question towards the inputs.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from xgrad.axes.elementwise import (
    Absolute,
    Add,
    Arcsinh,
    Arctan,
    Cast,
    Cbrt,
    Cosh,
    Divide,
    Exp,
    Exp2,
    Expit,
    Expm1,
    IntegerPower,
    IsNan,
    Multiply,
    Negative,
    Reciprocal,
    Sinh,
    Square,
    Subtract,
    Tanh,
)
from xgrad.axes.literal import Literal
from xgrad.axes.special import Erf, Erfc, LogExpit, Ndtr
from xgrad.axes.stable import SinhOverCosh
from xgrad.axes.structural import Full
from xgrad.graph import DECLINE, Rules, Var, rule
from xgrad.lower.rules.patterns import D, N, X, a_full

# NaN for NaN and for nothing else: of real numbers and infinities these are numbers or infinite
_CHEAP = (Negative, Absolute, Square)
_COSTLY = (
    *(Reciprocal, Cbrt, Exp, Exp2, Expm1, Expit, LogExpit),
    *(Sinh, Cosh, Tanh, SinhOverCosh, Arctan, Arcsinh, Erf, Erfc, Ndtr),
)


def says_where_missing(question: Var, x: Var) -> bool:
    """Whether ``question`` is ``isnan(x)``, by the rules below or by itself."""
    return isinstance(question.op, IsNan) and _origin(question.inputs[0]) is _origin(x)


def _origin(x: Var) -> Var:
    """What is NaN just where ``x`` is, as far up as rules go."""
    while _is_real(x) and (below := _looked_through(x)) is not None and _is_real(below):
        x = below
    return x


def _looked_through(x: Var) -> Var | None:
    """The operand that is NaN just where ``x`` is; None where it is not plain."""
    if isinstance(x.op, (*_CHEAP, *_COSTLY, Cast)):
        return x.inputs[0]
    if isinstance(x.op, IntegerPower):
        return x.inputs[0] if x.op.exponent else None
    for i, may_be in _WITH_NUMBER.get(type(x.op), ()):
        number = x.inputs[1 - i].op
        if isinstance(number, Full) and may_be(number.value):
            return x.inputs[i]
    return None


def _is_real(x: Var) -> bool:
    return x.type.dtype.kind == "f"


def _is_finite(v: Literal) -> bool:
    return bool(np.isfinite(v.value))


def _is_factor(v: Literal) -> bool:
    return bool(np.isfinite(v.value) and v.value != 0)


_WITH_NUMBER: dict[type[Any], tuple[tuple[int, Callable[[Literal], bool]], ...]] = {
    Add: ((0, _is_finite), (1, _is_finite)),
    Subtract: ((0, _is_finite), (1, _is_finite)),
    Multiply: ((0, _is_factor), (1, _is_factor)),
    Divide: ((0, _is_factor),),
}


def _ask(x: Var) -> Any:
    return IsNan()(x) if _is_real(x) else DECLINE


def _ask_if_only_asked(out: Var, x: Var, readers: Callable[[Var], int]) -> Any:
    return _ask(x) if readers(out.inputs[0]) == 1 else DECLINE


def _ask_beside(may_be: Callable[[Literal], bool]) -> Callable[..., Any]:
    return lambda x, v: _ask(x) if may_be(v) else DECLINE


MISSING = Rules(
    *[
        rule(
            f"isnan_{op.__name__.lower()}", IsNan()(op()(X)), lambda x: _ask(x)
        )  # isnan(f(x)) = isnan(x)
        for op in _CHEAP
    ],
    *[
        rule(  # isnan(f(x)) = isnan(x), where f(x) is there for nothing else
            f"isnan_{op.__name__.lower()}", IsNan()(op()(X)), _ask_if_only_asked
        )
        for op in _COSTLY
    ],
    rule(  # isnan(x^n) = isnan(x)
        "isnan_power", IsNan()(IntegerPower(N)(X)), lambda x, n: _ask(x) if n else DECLINE
    ),
    rule(  # isnan(cast x) = isnan(x)
        "isnan_cast",
        IsNan()(Cast(D)(X)),
        lambda x, d: _ask(x) if np.dtype(d).kind == "f" else DECLINE,
    ),
    rule(  # isnan(x + v) = isnan(x) for a finite v
        "isnan_plus", IsNan()(Add()(X, a_full())), _ask_beside(_is_finite)
    ),
    rule(  # isnan(x - v) = isnan(x) for a finite v
        "isnan_less", IsNan()(Subtract()(X, a_full())), _ask_beside(_is_finite)
    ),
    rule(  # isnan(v - x) = isnan(x) for a finite v
        "isnan_less_from", IsNan()(Subtract()(a_full(), X)), _ask_beside(_is_finite)
    ),
    rule(  # isnan(v x) = isnan(x) for a finite v that is not 0
        "isnan_times", IsNan()(Multiply()(X, a_full())), _ask_beside(_is_factor)
    ),
    rule(  # isnan(x / v) = isnan(x) for a finite v that is not 0
        "isnan_divided", IsNan()(Divide()(X, a_full())), _ask_beside(_is_factor)
    ),
)
