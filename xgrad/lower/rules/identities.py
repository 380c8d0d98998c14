"""Identities of single functions that keep every bit: equal operands, signs that are squared away, tests of numbers.

A sum that is zero may change the sign of that zero.

Why it ends: each rule lowers the number of nodes, or moves a test towards the inputs or a sign towards the
outputs.
"""

from typing import Any

import numpy as np

from xgrad.axes.elementwise import (
    Absolute,
    Add,
    Cos,
    Cosh,
    Divide,
    IsFinite,
    LogicalNot,
    Maximum,
    Minimum,
    Multiply,
    Negative,
    NotEqual,
    Square,
)
from xgrad.axes.reduce import Sum
from xgrad.axes.stable import LogCosh
from xgrad.axes.structural import Expand, Reshape
from xgrad.graph import DECLINE, Rules, Var, rule
from xgrad.lower.rules.patterns import A, P, S, X, Y, a_full, is_number

_EVEN = (Square, Absolute, Cos, Cosh, LogCosh)


def _is_real(x: Var) -> bool:
    return x.type.dtype.kind == "f"


def _minus_zero(v: Any) -> bool:
    return v.value.dtype.kind == "f" and v.value == 0 and bool(np.signbit(v.value))


def _holds_numbers(x: Var) -> bool:
    return x.type.dtype.kind != "b"


IDENTITIES = Rules(
    rule(  # isfinite(-x) = isfinite(x)
        "isfinite_negative", IsFinite()(Negative()(X)), lambda x: IsFinite()(x)
    ),
    rule(  # (-x ≠ 0) = (x ≠ 0)
        "not_equal_negative",
        NotEqual()(Negative()(X), a_full()),
        lambda x, v, s: NotEqual()(x, a_full(v, s)) if is_number(v, 0) else DECLINE,
    ),
    *[
        rule(  # f(-x) = f(x)
            f"{op.__name__.lower()}_of_negative",
            op()(Negative()(X)),
            lambda out, x: type(out.op)()(x) if _is_real(x) else DECLINE,
        )
        for op in _EVEN
    ],
    rule(  # |x|² = x²
        "square_of_absolute",
        Square()(Absolute()(X)),
        lambda x: Square()(x) if _is_real(x) else DECLINE,
    ),
    rule(  # ||x|| = |x|
        "absolute_twice", Absolute()(Absolute()(X)), lambda x: Absolute()(x)
    ),
    rule(  # x * x = x²
        "multiply_same", Multiply()(X, X), lambda x: Square()(x) if _holds_numbers(x) else DECLINE
    ),
    rule("sum_negative", Sum(A)(Negative()(X)), lambda x, a: Negative()(Sum(a)(x))),  # Σ -x = -Σ x
    rule(  # x * expand(-y) = -(x * expand y)
        "multiply_repeated_negative",
        Multiply()(X, Expand(S, P)(Negative()(Y))),
        lambda x, y, s, p: Negative()(Multiply()(x, Expand(s, p)(y))),
    ),
    rule(  # reshape(-x) = -reshape(x)
        "reshape_negative", Reshape(S)(Negative()(X)), lambda x, s: Negative()(Reshape(s)(x))
    ),
    rule("maximum_same", Maximum()(X, X), lambda x: x),  # max(x, x) = x
    rule("minimum_same", Minimum()(X, X), lambda x: x),  # min(x, x) = x
    rule(  # ¬¬x = x
        "not_twice", LogicalNot()(LogicalNot()(X)), lambda x: x if x.type.dtype == bool else DECLINE
    ),
    rule(  # x + -0 = x
        "add_minus_zero", Add()(X, a_full()), lambda x, v: x if _minus_zero(v) else DECLINE
    ),
    rule(  # -x / -y = x / y
        "divide_negatives", Divide()(Negative()(X), Negative()(Y)), lambda x, y: Divide()(x, y)
    ),
    rule(  # -x / y = -(x / y)
        "divide_negative", Divide()(Negative()(X), Y), lambda x, y: Negative()(Divide()(x, y))
    ),
    rule(  # x / -y = -(x / y)
        "divide_by_negative", Divide()(X, Negative()(Y)), lambda x, y: Negative()(Divide()(x, y))
    ),
)
