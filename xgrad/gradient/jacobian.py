"""Jacobians of variables, block by block: which derivatives are taken in which mode, and how many at a time.

A block is the derivative of one output by one input: the dims of the output, then those of the input under other names.
It is made by sweeps. A forward sweep pushes the unit tangents of one input through to several outputs; a reverse sweep
pulls the unit cotangents of one output back to several inputs. The unit vectors are made inside the batched graph, from
their number, so no identity matrix is handed over. Along a *shared* dim, in which the computation does not mix entries,
one sweep with ones gives the diagonal, which is all there is.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import groupby
from math import prod
from typing import NamedTuple

import numpy as np

from xgrad.axes.elementwise import Equal
from xgrad.gradient.batched import batch
from xgrad.gradient.lazy import lazy_pullback, lazy_pushforward
from xgrad.gradient.markers import Wrt
from xgrad.gradient.oneway import FORWARD, REVERSE, check_mode, has_mode
from xgrad.gradient.ops import cotangent_dtype
from xgrad.graph import Var, toposort
from xgrad.names import Dim, XRename, XType, build

CHUNK_BYTES = 2**30  # what the derivatives computed at a time may take, by our estimate

Pair = tuple[int, int]  # the numbers of an output and of an input


class Block(NamedTuple):
    """What is asked of the derivative of one output by one input.

    ``names``: what each dim of the input is called in the block, those in ``shared`` left out. Where ``connected`` is
    False the block is zero.
    """

    names: Mapping[Dim, Dim]
    shared: frozenset[Dim]
    connected: bool


class Sweep(NamedTuple):
    """Derivatives taken together: of or by variable ``seeded``, along the unit vectors over its ``dims``."""

    seeded: int
    others: tuple[int, ...]
    dims: tuple[Dim, ...]
    size: int


class Plan(NamedTuple):
    """All sweeps of a Jacobian, in one mode."""

    mode: str
    sweeps: tuple[Sweep, ...]
    chunk: int | None
    why: str


def blocks_of(
    outputs: Sequence[Var],
    wrt: Sequence[Var],
    wanted: Mapping[Pair, Block],
    plan: Plan,
    ad: str = "",
) -> dict[Pair, Var]:
    """Every wanted block of the Jacobian of ``outputs`` by ``wrt``, of the dtype of the gradient by the input."""
    made = {
        pair: _zeros(outputs[pair[0]].type, wrt[pair[1]].type, block)
        for pair, block in wanted.items()
        if not block.connected
    }
    for sweep in plan.sweeps:
        if plan.mode == FORWARD:
            made.update(_forward(outputs, wrt, wanted, sweep, plan, ad))
        else:
            made.update(_reverse(outputs, wrt, wanted, sweep, plan, ad))
    return {pair: made[pair] for pair in wanted}


# ---- planning ----------------------------------------------------------------------------------------------------
def plan_for(
    outputs: Sequence[Var],
    wrt: Sequence[Var],
    wanted: Mapping[Pair, Block],
    mode: str = "auto",
    chunk: int | str | None = "auto",
) -> Plan:
    """The sweeps for the wanted blocks: in the mode that needs fewer derivatives, in chunks where memory is short."""
    forward, reverse = _sweeps(wanted, wrt, 1), _sweeps(wanted, outputs, 0)
    ahead, back = sum([s.size for s in forward]), sum([s.size for s in reverse])
    chosen = (
        _chosen(outputs, wrt, FORWARD if ahead <= back else REVERSE) if mode == "auto" else mode
    )
    check_mode(outputs, wrt, chosen)
    sweeps = forward if chosen == FORWARD else reverse
    most = max([s.size for s in sweeps], default=0)
    limit = _chunk(outputs, wrt, most) if chunk == "auto" else chunk
    why = f"{chosen}: {ahead} forward, {back} reverse"
    return Plan(chosen, tuple(sweeps), limit if isinstance(limit, int) else None, why)


def _chosen(outputs: Sequence[Var], wrt: Sequence[Var], cheaper: str) -> str:
    """The cheaper mode; the other one where a host function on the way knows that alone."""
    other = REVERSE if cheaper == FORWARD else FORWARD
    alone = not has_mode(outputs, wrt, cheaper) and has_mode(outputs, wrt, other)
    return other if alone else cheaper


def _sweeps(wanted: Mapping[Pair, Block], seeded: Sequence[Var], side: int) -> list[Sweep]:
    """One sweep per seeded variable and set of shared dims; ``side`` is its place in the pairs."""
    pairs = [pair for pair, block in wanted.items() if block.connected]
    sweeps = []
    for i, v in enumerate(seeded):
        mine = sorted(
            [p for p in pairs if p[side] == i], key=lambda p: _key(wanted[p].shared, v.type.dims)
        )
        for key, group in groupby(mine, key=lambda p: _key(wanted[p].shared, v.type.dims)):
            dims = tuple([d for d, kept in zip(v.type.dims, key, strict=True) if kept])
            size = prod([v.type.sizes[d] for d in dims])
            sweeps.append(Sweep(i, tuple([p[1 - side] for p in group]), dims, size))
    return sweeps


def _key(shared: frozenset[Dim], dims: Sequence[Dim]) -> tuple[bool, ...]:
    """Which dims the unit vectors run over."""
    return tuple([d not in shared for d in dims])


def _chunk(outputs: Sequence[Var], wrt: Sequence[Var], size: int) -> int | None:
    """How many derivatives at a time: None for all where their estimated memory is within ``CHUNK_BYTES``."""
    each = bytes_between(outputs, wrt)
    return None if each * size <= CHUNK_BYTES else max(1, CHUNK_BYTES // each)


def bytes_between(outputs: Sequence[Var], wrt: Sequence[Var]) -> int:
    """The bytes of everything computed from ``wrt`` on the way to ``outputs``: what one derivative takes at most."""
    depends = set(wrt)
    total = sum([_bytes(v.type) for v in wrt])
    for node in toposort(outputs, stop=wrt):
        if any(v in depends for v in node.inputs):
            depends.update(node.outputs)
            total += sum([_bytes(v.type) for v in node.outputs])
    return max(total, 1)


def _bytes(t: XType) -> int:
    return prod(t.shape) * t.dtype.itemsize


# ---- sweeps ------------------------------------------------------------------------------------------------------
def _forward(
    outputs: Sequence[Var],
    wrt: Sequence[Var],
    wanted: Mapping[Pair, Block],
    sweep: Sweep,
    plan: Plan,
    ad: str,
) -> dict[Pair, Var]:
    x = wrt[sweep.seeded]
    targets = [outputs[i] for i in sweep.others]
    about = f"Jacobian by {_called(x)} ({plan.why})"
    tangents, k = _swept(
        x, sweep, lambda unit: lazy_pushforward(targets, [x], [unit], ad=ad), plan.chunk, about
    )
    made = {}
    for i, t in zip(sweep.others, tangents, strict=True):
        block = wanted[i, sweep.seeded]
        sizes = {block.names[d]: x.type.sizes[d] for d in sweep.dims}
        made[i, sweep.seeded] = _finished(_split(t, k, sizes), outputs[i].type, x.type, block)
    return made


def _reverse(
    outputs: Sequence[Var],
    wrt: Sequence[Var],
    wanted: Mapping[Pair, Block],
    sweep: Sweep,
    plan: Plan,
    ad: str,
) -> dict[Pair, Var]:
    y = outputs[sweep.seeded]
    sources = [wrt[j] for j in sweep.others]
    about = f"Jacobian of {_called(y)} ({plan.why})"
    cts, k = _swept(
        y,
        sweep,
        lambda unit: lazy_pullback([y], sources, [unit], ad=ad, mode=REVERSE),
        plan.chunk,
        about,
    )
    made = {}
    for j, ct in zip(sweep.others, cts, strict=True):
        block = wanted[sweep.seeded, j]
        ct = build.rename(
            ct, {d: n for d, n in block.names.items() if d != n and d not in block.shared}
        )
        sizes = {d: y.type.sizes[d] for d in sweep.dims}
        made[sweep.seeded, j] = _finished(_split(ct, k, sizes), y.type, wrt[j].type, block)
    return made


def _swept(
    v: Var,
    sweep: Sweep,
    derivative: Callable[[Var], tuple[Var, ...]],
    chunk: int | None,
    about: str,
) -> tuple[tuple[Var, ...], Dim | None]:
    """The derivatives along every unit vector of ``v``, and the dim along which they lie: None where there is one."""
    if sweep.size == 1:
        return derivative(_ones(v)), None
    number = Var(XType((), (), np.dtype(np.int64)), name="number")
    made = derivative(_unit(v, sweep.dims, number))
    name = _free("unit", {d for u in (v, *made) for d in u.type.dims})
    return batch(made, {number: build.iota(name, sweep.size)}, name, chunk=chunk, about=about), name


def _free(base: str, taken: Iterable[Dim]) -> str:
    """A dim like ``base`` that is not among ``taken``."""
    name = base
    while name in taken:
        name += "_"
    return name


def _ones(v: Var) -> Var:
    one = build.scalar(1, cotangent_dtype(v.type.dtype))
    return build.broadcast(one, v.type.dims, v.type.shape)


def _unit(v: Var, dims: tuple[Dim, ...], number: Var) -> Var:
    """One at entry ``number`` (in row-major order) over ``dims``, zero elsewhere, repeated along the other dims."""
    sizes = {d: v.type.sizes[d] for d in dims}
    entries = build.iota("entry", prod(sizes.values()))
    unit = build.cast(build.elemwise(Equal(), entries, number), cotangent_dtype(v.type.dtype))
    return build.broadcast(build.split(unit, "entry", sizes), v.type.dims, v.type.shape)


def _split(v: Var, number: Dim | None, sizes: Mapping[Dim, int]) -> Var:
    """``v`` with the dim that counts unit vectors laid out along the dims that they run over."""
    if number is None:
        return build.broadcast(v, (*sizes, *v.type.dims), (*sizes.values(), *v.type.shape))
    return build.split(v, number, sizes)


def _finished(v: Var, y: XType, x: XType, block: Block) -> Var:
    """A block with its dims in order, in the dtype of a gradient by ``x``."""
    dims = (*y.dims, *[block.names[d] for d in x.dims if d not in block.shared])
    return build.cast(build.transpose(v, dims), cotangent_dtype(x.dtype))


def _zeros(y: XType, x: XType, block: Block) -> Var:
    kept = {block.names[d]: n for d, n in x.sizes.items() if d not in block.shared}
    zero = build.scalar(0, cotangent_dtype(x.dtype))
    return build.broadcast(zero, (*y.dims, *kept), (*y.shape, *kept.values()))


def _called(v: Var) -> str:
    while v.name is None and isinstance(v.op, Wrt | XRename):
        v = v.inputs[0]
    return f"`{v.name}`" if v.name else "an array"
