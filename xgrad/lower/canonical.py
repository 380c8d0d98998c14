"""Canonicalisation: one form for what is written in many ways. Every rule keeps the value to the last bit, or rounds less.

Why it ends: each rule lowers (number of nodes, then nesting of data movement, then number of inputs of a node) in
lexicographic order, and none raises an earlier entry.
"""

from typing import Any

import numpy as np

from xgrad.axes.base import AbstractElementwise
from xgrad.axes.elementwise import (
    Add,
    Cast,
    Divide,
    IntegerPower,
    Multiply,
    Negative,
    Power,
    Reciprocal,
    Sqrt,
    Square,
    Subtract,
    UFUNCS,
    Where,
)
from xgrad.axes.literal import Literal
from xgrad.axes.namespace import numpy_namespace
from xgrad.axes.reduce import Sum
from xgrad.axes.structural import Concat, Expand, Full, Pad, Permute, Reshape, Reverse, Slice
from xgrad.graph import DECLINE, Any_, Rule, Rules, Var, rule
from xgrad.graph.core import field_names

X, Y, M, N = Any_("x"), Any_("y"), Any_("m"), Any_("n")
P, Q, D, S, V, W = Any_("p"), Any_("q"), Any_("d"), Any_("s"), Any_("v"), Any_("w")
A, B, C = Any_("a"), Any_("b"), Any_("c")


def _full(value: Any = V, shape: Any = S) -> Any:
    return Full(shape, value)()


def _is(literal: Literal, number: float) -> bool:
    return literal.value.dtype.kind in "iufc" and literal.value[()] == number


# ---- arithmetic: identities without rounding ---------------------------------------------------------------
ARITHMETIC = Rules(
    rule("multiply_one", Multiply()(X, _full()), lambda x, v: x if _is(v, 1) else DECLINE),  # x * 1 = x
    rule("one_multiply", Multiply()(_full(), X), lambda x, v: x if _is(v, 1) else DECLINE),  # 1 * x = x
    rule("divide_one", Divide()(X, _full()), lambda x, v: x if _is(v, 1) else DECLINE),  # x / 1 = x
    rule("subtract_zero", Subtract()(X, _full()), lambda x, v: x if _plus_zero(v) else DECLINE),  # x - 0 = x
    rule("multiply_minus_one", Multiply()(X, _full()), lambda x, v: _minus(x) if _is(v, -1) else DECLINE),  # x * -1 = -x
    rule("minus_one_multiply", Multiply()(_full(), X), lambda x, v: _minus(x) if _is(v, -1) else DECLINE),  # -1 * x = -x
    rule("negative_twice", Negative()(Negative()(X)), lambda x: x),  # -(-x) = x
    rule("add_negative", Add()(X, Negative()(Y)), lambda x, y: Subtract()(x, y)),  # x + (-y) = x - y
    rule("negative_add", Add()(Negative()(X), Y), lambda x, y: Subtract()(y, x)),  # -x + y = y - x
    rule("subtract_negative", Subtract()(X, Negative()(Y)), lambda x, y: Add()(x, y)),  # x - (-y) = x + y
    rule("multiply_reciprocal", Multiply()(X, Reciprocal()(Y)), lambda x, y: Divide()(x, y)),  # x * (1/y) = x / y
    rule("multiply_negative", Multiply()(X, Negative()(Y)), lambda x, y: _minus(Multiply()(x, y))),  # x * -y = -(x * y)
    rule("power_integer", Power()(X, _full()), lambda x, v: _integer_power(x, v)),  # x ** n by products
    rule("power_half", Power()(X, _full()), lambda x, v: _root(x, v)),  # x ** 0.5 = √x, as NumPy's arrays do
)


def _plus_zero(v: Literal) -> bool:
    return _is(v, 0) and not np.signbit(v.value.real)


def _minus(x: Var) -> Var:
    return Negative()(x)


_LARGEST_POWER = 64  # beyond it, products round more than pow


def _integer_power(x: Var, v: Literal) -> Any:
    exponent = v.value[()]
    if x.type.dtype.kind not in "fc" or exponent != np.round(exponent) or abs(exponent) > _LARGEST_POWER:
        return DECLINE
    n = int(exponent.real)
    simple = {-1: Reciprocal(), 1: None, 2: Square()}
    if n == 0:
        return DECLINE
    if n in simple:
        op = simple[n]
        return x if op is None else op(x)
    return IntegerPower(n)(x)


def _root(x: Var, v: Literal) -> Any:
    return Sqrt()(x) if x.type.dtype.kind == "f" and _is(v, 0.5) else DECLINE


# ---- choice ----------------------------------------------------------------------------------------------------
CHOICE = Rules(
    rule("where_same", Where()(C, X, X), lambda x: x),  # where(c, x, x) = x
    rule("where_constant", Where()(_full(), X, Y), lambda v, x, y: x if v.value else y),  # where(True, x, y) = x
    rule("where_twice", Where()(C, Where()(C, X, Y), N), lambda c, x, n: Where()(c, x, n)),  # c inside c
    rule("where_else_twice", Where()(C, M, Where()(C, X, Y)), lambda c, m, y: Where()(c, m, y)),  # ¬c inside ¬c
    rule(  # where(c, a, 0) + where(c, b, 0) = where(c, a + b, 0)
        "add_masked",
        Add()(Where()(C, A, _full(V)), Where()(C, B, _full(V))),
        lambda c, a, b, v, s: Where()(c, Add()(a, b), _full(v, s)) if _is(v, 0) else DECLINE,
    ),
    rule(  # where(m.p, where(m, a, 0).p, 0) = where(m.p, a.p, 0)
        "where_permuted_mask",
        Where()(Permute(P)(M), Permute(P)(Where()(M, A, B)), N),
        lambda m, p, a, n: Where()(Permute(p)(m), Permute(p)(a), n),
    ),
    rule(  # the same for a reshape
        "where_reshaped_mask",
        Where()(Reshape(P)(M), Reshape(P)(Where()(M, A, B)), N),
        lambda m, p, a, n: Where()(Reshape(p)(m), Reshape(p)(a), n),
    ),
)


# ---- casts -----------------------------------------------------------------------------------------------------
def _widens(source: np.dtype, target: np.dtype) -> bool:
    return np.can_cast(source, target, "safe")


CASTS = Rules(
    rule("cast_same", Cast(D)(X), lambda x, d: x if x.type.dtype == d else DECLINE),  # cast(x, dtype(x)) = x
    rule(  # cast(cast(x, d), e) = cast(x, e) where x fits in d
        "cast_twice",
        Cast(B)(Cast(D)(X)),
        lambda x, d, b: Cast(b)(x) if _widens(x.type.dtype, d) else DECLINE,
    ),
)


# ---- data movement ---------------------------------------------------------------------------------------------
def _identity(perm: tuple[int, ...]) -> bool:
    return perm == tuple(range(len(perm)))


def _compose(p: tuple[int, ...], q: tuple[int, ...]) -> tuple[int, ...]:
    return tuple([p[i] for i in q])


def _whole(x: Var, starts: tuple, stops: tuple, steps: tuple) -> bool:
    return not any(starts) and stops == x.type.shape and all(s == 1 for s in steps)


def _slice_of_slice(x: Var, a: Slice, b: Slice) -> Var:
    starts = tuple([i + s * k for i, s, k in zip(a.starts, a.steps, b.starts, strict=True)])
    steps = tuple([s * t for s, t in zip(a.steps, b.steps, strict=True)])
    counts = [
        max(0, -(-(stop - start) // step)) for start, stop, step in zip(b.starts, b.stops, b.steps, strict=True)
    ]
    stops = tuple(
        [
            start + (count - 1) * step + 1 if count else start
            for start, count, step in zip(starts, counts, steps, strict=True)
        ]
    )
    return Slice(starts, stops, steps)(x)


MOVEMENT = Rules(
    rule("permute_nothing", Permute(P)(X), lambda x, p: x if _identity(p) else DECLINE),  # x.id = x
    rule("permute_twice", Permute(Q)(Permute(P)(X)), lambda x, p, q: Permute(_compose(p, q))(x)),  # (x.p).q = x.(p∘q)
    rule("reshape_nothing", Reshape(S)(X), lambda x, s: x if x.type.shape == s else DECLINE),  # same shape
    rule("reshape_twice", Reshape(S)(Reshape(P)(X)), lambda x, s: Reshape(s)(x)),  # only the last shape counts
    rule("expand_nothing", Expand(S, A)(X), lambda x, s: x if x.type.shape == s else DECLINE),  # no new axis
    rule(  # expand(expand(x, a), b) = expand(x, b∘a)
        "expand_twice",
        Expand(S, B)(Expand(P, A)(X)),
        lambda x, s, a, b: Expand(s, tuple([b[i] for i in a]))(x),
    ),
    rule(
        "slice_nothing",
        Slice(A, B, C)(X),
        lambda x, a, b, c: x if _whole(x, a, b, c) else DECLINE,
    ),  # x[:] = x
    rule(
        "slice_twice", Slice(P, Q, S)(Slice(A, B, C)(X)), lambda out, x: _slice_of_slice(x, out.inputs[0].op, out.op)
    ),  # x[a][b] = x[a+b]
    rule("reverse_twice", Reverse(A)(Reverse(A)(X)), lambda x: x),  # x[::-1][::-1] = x
    rule("concat_one", Concat(A)(X), lambda x: x),  # [x] = x
    rule(
        "pad_nothing",
        Pad(A, B, C)(X, Y),
        lambda x, a, b, c: x if not any(a) and not any(b) and not any(c) else DECLINE,
    ),  # no border
    rule("sum_nothing", Sum(())(X), lambda x: x),  # Σ over no axis
)


# ---- constants -------------------------------------------------------------------------------------------------
def _moved_full(out: Var, v: Literal) -> Var:
    return Full(out.type.shape, v)()


def _fold(out: Var) -> Any:
    """An elementwise op on inline constants is an inline constant, computed by the reference emission."""
    values = [x.op.value.value for x in out.inputs]  # pyright: ignore[reportOptionalMemberAccess, reportAttributeAccessIssue]
    with np.errstate(all="ignore"):
        result = np.asarray(out.op.emit(numpy_namespace, *values))  # pyright: ignore[reportOptionalMemberAccess, reportAttributeAccessIssue]
    return Full(out.type.shape, Literal(result.astype(out.type.dtype)))()


def _folding_rules() -> tuple[Rule, ...]:
    """One rule per elementwise op: op(full a, full b, …) = full(op(a, b, …))"""
    rules = []
    for op_class in dict.fromkeys([*UFUNCS.values(), Where, IntegerPower, Cast]):
        fields = {name: Any_(f"field_{name}") for name in field_names(op_class)}
        arguments = [_full(Any_(f"v{i}"), Any_(f"s{i}")) for i in range(_arity(op_class))]
        rules.append(rule(f"fold_{op_class.__name__.lower()}", op_class(**fields)(*arguments), _fold))
    return tuple(rules)


def _arity(op_class: type[AbstractElementwise]) -> int:
    return op_class.emit.__code__.co_argcount - 2


CONSTANTS = Rules(
    *_folding_rules(),
    rule("permute_full", Permute(P)(_full()), _moved_full),  # a constant has no order
    rule("reshape_full", Reshape(P)(_full()), _moved_full),  # … no shape of its own
    rule("expand_full", Expand(P, A)(_full()), _moved_full),  # … spreads as it is
    rule("slice_full", Slice(A, B, C)(_full()), _moved_full),  # … and is the same in every part
    rule("reverse_full", Reverse(A)(_full()), _moved_full),
)

CANONICAL = ARITHMETIC + CHOICE + CASTS + MOVEMENT + CONSTANTS
