"""Names graphs computed for more than one value of an input at a time: along new dims, which inputs are given.

Ops on names broadcast by name, so most are simply made again on the wider inputs. Those that state all dims of their
result get the new ones too; an op for which that is not enough is batched alone.
"""

from collections.abc import Callable, Mapping, Sequence

from xgrad.errors import DimensionError
from xgrad.gradient.batched import batch
from xgrad.gradient.markers import AbstractMarker
from xgrad.graph import Node, Op, Var, located, toposort
from xgrad.names import (
    Dim,
    XArgsort,
    XBroadcast,
    XConcat,
    XCumReduce,
    XDot,
    XElemwise,
    XIndex,
    XIndexUpdate,
    XMerge,
    XPad,
    XReduce,
    XRename,
    XSort,
    XSplit,
    XWindow,
    build,
)
from xgrad.names.messages import operand

Sizes = dict[Dim, int]
Rule = Callable[[Node, Sequence[Var], Sizes], tuple[Var, ...]]


def widen(outputs: Sequence[Var], wide: Mapping[Var, Var]) -> tuple[Var, ...]:
    """``outputs`` with variables replaced by others of more dims, which come first in whatever depends on them.

    Raises DimensionError where a new dim is one that the graph has already.
    """
    nodes = _dependent(outputs, wide)
    _check_new(nodes, wide)
    new: dict[Var, Var] = dict(wide)
    for node in nodes:
        inputs = [new.get(v, v) for v in node.inputs]
        with located(node.source):
            made = _remade(node, inputs)
        new.update(zip(node.outputs, made, strict=True))
    return tuple([_fronted(new.get(v, v), v) for v in outputs])


def together(outputs: Sequence[Var], wide: Mapping[Var, Var]) -> tuple[Var, ...]:
    """What ``widen`` gives, as one batched graph: for what is computed from first to last, some places at a time."""
    _check_new(_dependent(outputs, wide), wide)
    return _repeated(outputs, wide)


def _dependent(outputs: Sequence[Var], wide: Mapping[Var, Var]) -> list[Node]:
    """The nodes that compute with one of the variables to be replaced."""
    reached, nodes = set(wide), []
    for node in toposort(outputs, stop=tuple(wide)):
        if any(v in reached for v in node.inputs):
            reached.update(node.outputs)
            nodes.append(node)
    return nodes


def _remade(node: Node, inputs: Sequence[Var]) -> tuple[Var, ...]:
    extra = {
        d: n for v, old in zip(inputs, node.inputs, strict=True) for d, n in _extra(v, old).items()
    }
    if isinstance(node.op, AbstractMarker):
        return node.op.apply(*inputs)
    return RULES.get(type(node.op), _batched)(node, inputs, extra)


def _extra(new: Var, old: Var) -> Sizes:
    """The dims that a variable has and the one it stands for has not."""
    return {d: n for d, n in new.type.sizes.items() if d not in old.type.dims}


def _fronted(new: Var, old: Var) -> Var:
    """The new dims first, then the old ones in their order."""
    return build.transpose(new, (*_extra(new, old), *old.type.dims))


# ---- ops ---------------------------------------------------------------------------------------------------------
def _as_it_is(node: Node, inputs: Sequence[Var], extra: Sizes) -> tuple[Var, ...]:
    return node.op.apply(*inputs)


def _broadcast(node: Node, inputs: Sequence[Var], extra: Sizes) -> tuple[Var, ...]:
    (x,), (old,) = inputs, node.outputs
    dims, shape = (*extra, *old.type.dims), (*extra.values(), *old.type.shape)
    return (build.broadcast(x, dims, shape),)


def _index_update(node: Node, inputs: Sequence[Var], extra: Sizes) -> tuple[Var, ...]:
    """What is written into must have every dim of what is written."""
    x, *rest = inputs
    sizes = {**extra, **x.type.sizes}
    return node.op.apply(build.broadcast(x, sizes, sizes.values()), *rest)


def _pad(node: Node, inputs: Sequence[Var], extra: Sizes) -> tuple[Var, ...]:
    """One value surrounds all; another one for each place takes a batch."""
    return _batched(node, inputs, extra) if inputs[1].type.dims else node.op.apply(*inputs)


def _batched(node: Node, inputs: Sequence[Var], extra: Sizes) -> tuple[Var, ...]:
    """The node alone, repeated."""
    pairs = list(zip(inputs, node.inputs, strict=True))
    parts = [Var(old.type) if _extra(v, old) else v for v, old in pairs]
    wide = {part: v for part, (v, old) in zip(parts, pairs, strict=True) if _extra(v, old)}
    return _repeated(node.op.apply(*parts), wide)


def _repeated(outputs: Sequence[Var], wide: Mapping[Var, Var]) -> tuple[Var, ...]:
    """``outputs`` along one new dim after the other, the first one outermost."""
    pairs = [(part, whole, _extra(whole, part)) for part, whole in wide.items()]
    todo = list(dict.fromkeys(d for *_, extra in pairs for d in extra))
    while todo:
        dim = todo.pop()
        slices = {p: _with_dim(p, whole, dim, todo) for p, whole, extra in pairs if dim in extra}
        outputs = batch(outputs, slices, dim)
        pairs = [(slices.get(p, p), whole, extra) for p, whole, extra in pairs]
    return tuple(outputs)


def _with_dim(part: Var, whole: Var, dim: Dim, todo: Sequence[Dim]) -> Var:
    """What ``part`` is one step of along ``dim``: ``whole`` itself where no further dim is to come."""
    t = part.type
    dims, shape = (dim, *t.dims), (whole.type.sizes[dim], *t.shape)
    if any(d in whole.type.dims for d in todo):
        return Var(t._replace(dims=dims, shape=shape))
    return build.transpose(whole, dims)


RULES: dict[type[Op], Rule] = {
    **dict.fromkeys(
        (
            XArgsort,
            XConcat,
            XCumReduce,
            XDot,
            XElemwise,
            XIndex,
            XMerge,
            XReduce,
            XRename,
            XSort,
            XSplit,
            XWindow,
        ),
        _as_it_is,
    ),
    XBroadcast: _broadcast,
    XIndexUpdate: _index_update,
    XPad: _pad,
}


# ---- mistakes ----------------------------------------------------------------------------------------------------
def _check_new(nodes: Sequence[Node], wide: Mapping[Var, Var]) -> None:
    """No new dim may be in the graph already: it would broadcast against it."""
    known: dict[Dim, Var] = {}
    for v in [v for node in nodes for v in (*node.inputs, *node.outputs)]:
        known.update({d: v for d in v.type.dims if d not in known})
    for old, new in wide.items():
        for dim in _extra(new, old):
            if dim in known:
                raise DimensionError(
                    f"the new dim {dim!r} of {operand(old)} is in the graph already, in {operand(known[dim])}.\n"
                    "Rename it in the new array first, with .rename."
                )
