"""Other shapes of repeated values.

Why it ends: each rule takes a repetition away.
"""

from xgrad.axes.structural import Expand, Reshape, reshape
from xgrad.graph import DECLINE, Rules, rule
from xgrad.lower.rules.patterns import A, P, S, X

REPEATED = Rules(
    rule(  # one repeat of x, in any shape, is x in that shape
        "reshape_repeated",
        Reshape(S)(Expand(A, P)(X)),
        lambda out, x, s: reshape(x, s) if x.type.size == out.type.size else DECLINE,
    ),
)
