"""Parts and other shapes of repeated values."""

from typing import Any

from xgrad.axes.structural import Expand, Reshape, Slice, reshape
from xgrad.graph import DECLINE, Rules, Var, rule
from xgrad.lower.rules.patterns import A, B, C, P, S, X


def _slice_repeated(out: Var, x: Var, s: tuple[int, ...], p: tuple[int, ...]) -> Any:
    """A slice across repeated values alone repeats them less often."""
    cut = out.type.shape
    if any(cut[a] != s[a] for a in p):
        return DECLINE
    return Expand(cut, p)(x)


REPEATED = Rules(
    rule(  # repeat(x)[a:b] = repeat(x), less often
        "slice_repeated", Slice(A, B, C)(Expand(S, P)(X)), _slice_repeated
    ),
    rule(  # one repeat of x, in any shape, is x in that shape
        "reshape_repeated",
        Reshape(S)(Expand(A, P)(X)),
        lambda out, x, s: reshape(x, s) if x.type.size == out.type.size else DECLINE,
    ),
)
