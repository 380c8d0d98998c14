"""Casts and data movement: what moves nothing, and two moves that are one.

Why it ends: each rule lowers the number of nodes.
"""

import numpy as np

from xgrad.axes.elementwise import Cast
from xgrad.axes.reduce import Sum
from xgrad.axes.structural import Concat, Expand, Pad, Permute, Reshape, Reverse, Slice
from xgrad.graph import DECLINE, Rules, Var, rule
from xgrad.lower.rules.patterns import A, B, C, D, P, Q, S, X, Y


def _widens(source: np.dtype, target: np.dtype) -> bool:
    return np.can_cast(source, target, "safe")


def is_identity(perm: tuple[int, ...]) -> bool:
    """Whether a permutation moves nothing."""
    return perm == tuple(range(len(perm)))


def _compose(p: tuple[int, ...], q: tuple[int, ...]) -> tuple[int, ...]:
    return tuple([p[i] for i in q])


def _whole(x: Var, starts: tuple[int, ...], stops: tuple[int, ...], steps: tuple[int, ...]) -> bool:
    return not any(starts) and stops == x.type.shape and all(s == 1 for s in steps)


def _slice_of_slice(x: Var, inner: Slice, outer: Slice) -> Var:
    starts, stops, steps = [], [], []
    for first, a, start, stop, b in zip(
        inner.starts, inner.steps, outer.starts, outer.stops, outer.steps, strict=True
    ):
        count = max(0, -(-(stop - start) // b))
        begin = first + a * start
        starts.append(begin)
        steps.append(a * b)
        stops.append(begin + (count - 1) * a * b + 1 if count else begin)
    return Slice(tuple(starts), tuple(stops), tuple(steps))(x)


CASTS = Rules(
    rule(
        "cast_same", Cast(D)(X), lambda x, d: x if x.type.dtype == d else DECLINE
    ),  # cast(x, dtype(x)) = x
    rule(  # cast(cast(x, d), b) = cast(x, b) where every x fits in d
        "cast_twice",
        Cast(B)(Cast(D)(X)),
        lambda x, d, b: Cast(b)(x) if _widens(x.type.dtype, d) else DECLINE,
    ),
)

MOVEMENT = Rules(
    rule(
        "permute_nothing", Permute(P)(X), lambda x, p: x if is_identity(p) else DECLINE
    ),  # x.id = x
    rule(
        "permute_twice", Permute(Q)(Permute(P)(X)), lambda x, p, q: Permute(_compose(p, q))(x)
    ),  # (x.p).q = x.(p∘q)
    rule(
        "reshape_nothing", Reshape(S)(X), lambda x, s: x if x.type.shape == s else DECLINE
    ),  # the same shape
    rule(
        "reshape_twice", Reshape(S)(Reshape(P)(X)), lambda x, s: Reshape(s)(x)
    ),  # only the last shape counts
    rule(
        "expand_nothing", Expand(S, A)(X), lambda x, s: x if x.type.shape == s else DECLINE
    ),  # no new axis
    rule(  # expand(expand(x, a), b) = expand(x, b∘a)
        "expand_twice",
        Expand(S, B)(Expand(P, A)(X)),
        lambda x, s, a, b: Expand(s, _compose(b, a))(x),
    ),
    rule(  # x[:] = x
        "slice_nothing", Slice(A, B, C)(X), lambda x, a, b, c: x if _whole(x, a, b, c) else DECLINE
    ),
    rule(  # x[a][b] = x[a∘b]
        "slice_twice",
        Slice(P, Q, S)(Slice(A, B, C)(X)),
        lambda out, x: _slice_of_slice(x, out.inputs[0].op, out.op),
    ),
    rule("reverse_twice", Reverse(A)(Reverse(A)(X)), lambda x: x),  # x[::-1][::-1] = x
    rule("concat_one", Concat(A)(X), lambda x: x),  # [x] = x
    rule(  # no border
        "pad_nothing", Pad(A, B, C)(X, Y), lambda x, a, b, c: DECLINE if any([*a, *b, *c]) else x
    ),
    rule("sum_nothing", Sum(())(X), lambda x: x),  # Σ over no axis
)
