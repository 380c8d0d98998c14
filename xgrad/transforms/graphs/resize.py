"""A names graph for inputs of other sizes: the ops are made again on the new inputs, and sizes follow from them.

Ops find the sizes of their inputs by themselves; the few that state a size have it replaced where it is that of a dim
that changed. A constant along such a dim belongs to the old size, and cannot follow.
"""

import dataclasses
from collections.abc import Callable, Mapping, Sequence

from xgrad.errors import SizeMismatchError
from xgrad.graph import Node, Var, located, toposort
from xgrad.names.base import AbstractXOp
from xgrad.names.messages import operand
from xgrad.names.structure import XBroadcast, XConstant, XIota
from xgrad.names.types import Dim

Sizes = Mapping[Dim, tuple[int, int]]  # of each dim that changes: before and after


def resize(outputs: Sequence[Var], replace: Mapping[Var, Var]) -> tuple[Var, ...]:
    """``outputs`` with variables replaced by others of the same dims, but of other sizes.

    Raises SizeMismatchError where the graph holds on to an old size: constants along a changed dim, or indexing and
    splitting of it by known numbers.
    """
    changed = _changed(replace)
    new: dict[Var, Var] = dict(replace)
    for node in toposort(outputs, stop=tuple(replace)):
        inputs = tuple([new.get(v, v) for v in node.inputs])
        made = _remade(node, inputs, changed)
        new.update(zip(node.outputs, made, strict=True))
    return tuple([new.get(v, v) for v in outputs])


def _changed(replace: Mapping[Var, Var]) -> dict[Dim, tuple[int, int]]:
    changed: dict[Dim, tuple[int, int]] = {}
    for old, new in replace.items():
        for dim, before in old.type.sizes.items():
            after = new.type.sizes[dim]
            if changed.setdefault(dim, (before, after)) != (before, after):
                raise SizeMismatchError(
                    f"dim {dim!r} has the size {after} in {operand(new)}, and {changed[dim][1]} in another array."
                )
    return {dim: sizes for dim, sizes in changed.items() if sizes[0] != sizes[1]}


def _remade(node: Node, inputs: tuple[Var, ...], changed: Sizes) -> tuple[Var, ...]:
    op = RULES.get(type(node.op), _same)(node.op, changed)
    if op is node.op and inputs == node.inputs:
        if isinstance(op, XConstant) and any(d in changed for d in op.dims):
            raise _fixed(node, changed)
        return node.outputs
    try:
        with located(node.source):
            return op.apply(*inputs)
    except (AssertionError, SizeMismatchError) as error:
        raise _fixed(node, changed) from error


def _same(op: AbstractXOp, changed: Sizes) -> AbstractXOp:
    return op


def _broadcast(op: XBroadcast, changed: Sizes) -> XBroadcast:
    sizes = zip(op.dims, op.shape, strict=True)
    return dataclasses.replace(op, shape=tuple([_resized(d, n, changed) for d, n in sizes]))


def _iota(op: XIota, changed: Sizes) -> XIota:
    return dataclasses.replace(op, size=_resized(op.dim, op.size, changed))


def _resized(dim: Dim, size: int, changed: Sizes) -> int:
    before, after = changed.get(dim, (size, size))
    return after if size == before else size


def _fixed(node: Node, changed: Sizes) -> SizeMismatchError:
    what = ", ".join([f"{d!r} from {old} to {new}" for d, (old, new) in changed.items()])
    return SizeMismatchError(
        f"{operand(node.outputs[0])} was computed for one size, and cannot follow a change of {what}:"
        " it uses labels or numbers known when it was written."
    )


RULES: dict[type, Callable] = {XBroadcast: _broadcast, XIota: _iota}
