"""Choices and the masks of cotangents: what is chosen twice, by a constant, or around what is zero already.

A zero that is chosen may change its sign.

Why it ends: each rule lowers the number of nodes, or of choices within choices, or moves a sign towards the outputs.
"""

from xgrad.axes.elementwise import Add, Invert, LogicalNot, Negative, Where
from xgrad.graph import DECLINE, Rules, rule
from xgrad.lower.rules.patterns import A, B, C, M, N, X, Y, a_full, is_number

CHOICE = Rules(
    rule("where_same", Where()(C, X, X), lambda x: x),  # where(c, x, x) = x
    rule(
        "where_constant", Where()(a_full(), X, Y), lambda v, x, y: x if v.value else y
    ),  # where(True, x, y) = x
    rule(
        "where_not", Where()(LogicalNot()(C), X, Y), lambda c, x, y: Where()(c, y, x)
    ),  # where(¬c, x, y) = where(c, y, x)
    rule(
        "where_inverted", Where()(Invert()(C), X, Y), lambda c, x, y: Where()(c, y, x)
    ),  # ~ is ¬ on truth values
    rule(
        "where_twice", Where()(C, Where()(C, X, Y), N), lambda c, x, n: Where()(c, x, n)
    ),  # c inside c
    rule(
        "where_else_twice", Where()(C, M, Where()(C, X, Y)), lambda c, m, y: Where()(c, m, y)
    ),  # ¬c inside ¬c
    rule(  # where(c, a, 0) + where(c, b, 0) = where(c, a + b, 0)
        "add_masked",
        Add()(Where()(C, A, a_full()), Where()(C, B, a_full())),
        lambda c, a, b, v, s: Where()(c, Add()(a, b), a_full(v, s)) if is_number(v, 0) else DECLINE,
    ),
    rule(  # where(¬c, a, 0) + where(¬c, b, 0) = where(¬c, a + b, 0)
        "add_else_masked",
        Add()(Where()(C, a_full(), A), Where()(C, a_full(), B)),
        lambda c, a, b, v, s: Where()(c, a_full(v, s), Add()(a, b)) if is_number(v, 0) else DECLINE,
    ),
    rule(  # where(c, -x, 0) = -where(c, x, 0)
        "where_negative",
        Where()(C, Negative()(X), a_full()),
        lambda c, x, v, s: Negative()(Where()(c, x, a_full(v, s))) if is_number(v, 0) else DECLINE,
    ),
    rule(  # where(c, 0, -x) = -where(c, 0, x)
        "where_else_negative",
        Where()(C, a_full(), Negative()(X)),
        lambda c, x, v, s: Negative()(Where()(c, a_full(v, s), x)) if is_number(v, 0) else DECLINE,
    ),
)
