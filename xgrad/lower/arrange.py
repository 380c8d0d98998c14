"""Bring the axes of a tensor into the order that the dims of a result ask for."""

from collections.abc import Hashable, Mapping, Sequence

from xgrad.axes.structural import Expand, Full, permute
from xgrad.graph import Var


def arrange(
    x: Var, have: Sequence[Hashable], want: Sequence[Hashable], sizes: Mapping[Hashable, int]
) -> Var:
    """``x`` of axes ``have`` with axes ``want``: permuted, then repeated along what it lacks.

    A scalar that is written into the program is spread at once: Expand(Full(())) = Full(shape).
    """
    x = permute(x, [have.index(name) for name in want if name in have])
    if len(want) == len(have):
        return x
    shape = tuple([sizes[name] for name in want])
    if isinstance(x.op, Full):
        return Full(shape, x.op.value)()
    return Expand(shape, tuple([i for i, name in enumerate(want) if name in have]))(x)
