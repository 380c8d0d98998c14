"""The XOps that make, join, split, name and spread dims, and compute nothing."""

import dataclasses
from collections.abc import Mapping, Sequence
from math import prod

import numpy as np

from xgrad.axes.base import Flow
from xgrad.axes.literal import Literal
from xgrad.names.base import AbstractXOp, Renames, arrows, dims_text, renamed, then
from xgrad.names.types import Dim, XType, join_sizes, xtype


class XConstant(AbstractXOp):
    """A concrete array. ``inline`` writes it into the program, which else takes it as an input.

    ``weak`` marks a Python number, whose dtype yields to that of its partner.
    """

    value: Literal
    dims: tuple[Dim, ...] = ()
    weak: bool = False
    inline: bool = False

    def infer(self) -> XType:
        array = self.value.value
        return XType(self.dims, array.shape, array.dtype, self.weak)

    def owned(self, out: int, types: Sequence[XType]) -> frozenset[Dim]:
        return frozenset(self.dims)

    def rename(self, mapping: Mapping[Dim, Dim], out: int) -> "XConstant":
        return dataclasses.replace(self, dims=renamed(self.dims, tuple(mapping.items())))

    def describe(self) -> str:
        return f"XConstant {self.value}"


class XIota(AbstractXOp):
    """0, 1, 2, … along ``dim``."""

    dim: Dim
    size: int
    dtype: np.dtype

    def infer(self) -> XType:
        return XType((self.dim,), (self.size,), self.dtype)

    def owned(self, out: int, types: Sequence[XType]) -> frozenset[Dim]:
        return frozenset((self.dim,))

    def rename(self, mapping: Mapping[Dim, Dim], out: int) -> "XIota":
        return dataclasses.replace(self, dim=mapping[self.dim])

    def arguments(self) -> str:
        return f"{self.dim}: {self.size}"


class XConcat(AbstractXOp):
    """The inputs one after another along ``dim``; other dims broadcast by name.

    An input without ``dim`` counts as one step. Where no input has it, it leads the dims of the
    result.
    """

    dim: Dim
    renames: Renames = ()

    def infer(self, *types: XType) -> XType:
        joined = self.joined(types)
        return joined._replace(dims=renamed(joined.dims, self.renames))

    def joined(self, types: Sequence[XType]) -> XType:
        """The type of the result before its dim is renamed."""
        sizes = join_sizes([without(t, self.dim) for t in types])
        sizes[self.dim] = sum([t.sizes.get(self.dim, 1) for t in types])
        dims = list(dict.fromkeys([d for t in types for d in t.dims]))
        if self.dim not in dims:
            dims.insert(0, self.dim)
        weak = all(t.weak for t in types)
        return xtype({d: sizes[d] for d in dims}, types[0].dtype, weak)

    def owned(self, out: int, types: Sequence[XType]) -> frozenset[Dim]:
        return frozenset(renamed((self.dim,), self.renames))

    def rename(self, mapping: Mapping[Dim, Dim], out: int) -> "XConcat":
        return dataclasses.replace(self, renames=then(self.renames, mapping))

    def arguments(self) -> str:
        return arrows(self.renames) or str(self.dim)


class XPad(AbstractXOp):
    """``x`` with (dim, low, high) more steps before and after it, of the value ``fill``."""

    pads: tuple[tuple[Dim, int, int], ...]
    renames: Renames = ()

    def infer(self, x: XType, fill: XType) -> XType:
        sizes = x.sizes
        for dim, low, high in self.pads:
            sizes[dim] += low + high
        return XType(renamed(x.dims, self.renames), tuple(sizes.values()), x.dtype, x.weak)

    def owned(self, out: int, types: Sequence[XType]) -> frozenset[Dim]:
        return frozenset(renamed([dim for dim, _, _ in self.pads], self.renames))

    def rename(self, mapping: Mapping[Dim, Dim], out: int) -> "XPad":
        return dataclasses.replace(self, renames=then(self.renames, mapping))

    def arguments(self) -> str:
        pads = ", ".join([f"{dim}: {low}+{high}" for dim, low, high in self.pads])
        return f"{pads}, {arrows(self.renames)}" if self.renames else pads


class XWindow(AbstractXOp):
    """Every run of ``size`` neighbours along ``dim``, laid out along a new last dim."""

    dim: Dim
    window_dim: Dim
    size: int
    renames: Renames = ()

    def infer(self, x: XType) -> XType:
        sizes = x.sizes
        sizes[self.dim] += 1 - self.size
        dims = (*renamed(x.dims, self.renames), self.window_dim)
        return XType(dims, (*sizes.values(), self.size), x.dtype, x.weak)

    def owned(self, out: int, types: Sequence[XType]) -> frozenset[Dim]:
        return frozenset((*renamed((self.dim,), self.renames), self.window_dim))

    def rename(self, mapping: Mapping[Dim, Dim], out: int) -> "XWindow":
        resized = {d: new for d, new in mapping.items() if d != self.window_dim}
        window_dim = mapping.get(self.window_dim, self.window_dim)
        renames = then(self.renames, resized)
        return dataclasses.replace(self, window_dim=window_dim, renames=renames)

    def arguments(self) -> str:
        return f"{arrows(self.renames) or self.dim}, {self.window_dim}: {self.size}"


class XMerge(AbstractXOp):
    """``dims`` laid out along one dim ``new``, their last running fastest; ``new`` comes last."""

    dims: tuple[Dim, ...]
    new: Dim

    def infer(self, x: XType) -> XType:
        kept = {d: n for d, n in x.sizes.items() if d not in self.dims}
        merged = prod([x.sizes[d] for d in self.dims])
        return XType((*kept, self.new), (*kept.values(), merged), x.dtype, x.weak)

    def owned(self, out: int, types: Sequence[XType]) -> frozenset[Dim]:
        return frozenset((self.new,))

    def rename(self, mapping: Mapping[Dim, Dim], out: int) -> "XMerge":
        return dataclasses.replace(self, new=mapping[self.new])

    def arguments(self) -> str:
        return f"({dims_text(self.dims)})→{self.new}"


class XSplit(AbstractXOp):
    """``dim`` laid out along ``dims`` of ``sizes`` in its place, the last running fastest."""

    dim: Dim
    dims: tuple[Dim, ...]
    sizes: tuple[int, ...]

    def infer(self, x: XType) -> XType:
        at = x.dims.index(self.dim)
        dims = (*x.dims[:at], *self.dims, *x.dims[at + 1 :])
        shape = (*x.shape[:at], *self.sizes, *x.shape[at + 1 :])
        return XType(dims, shape, x.dtype, x.weak)

    def owned(self, out: int, types: Sequence[XType]) -> frozenset[Dim]:
        return frozenset(self.dims)

    def rename(self, mapping: Mapping[Dim, Dim], out: int) -> "XSplit":
        return dataclasses.replace(self, dims=renamed(self.dims, tuple(mapping.items())))

    def arguments(self) -> str:
        parts = ", ".join([f"{d}: {n}" for d, n in zip(self.dims, self.sizes, strict=True)])
        return f"{self.dim}→({parts})"


class XRename(AbstractXOp):
    """``x`` with other names for some dims, all taken at once, so that two names may swap."""

    mapping: Renames

    def infer(self, x: XType) -> XType:
        return x._replace(dims=renamed(x.dims, self.mapping))

    def flow(self, i: int, out: int, types: Sequence[XType]) -> Flow:
        return Flow.VALUE  # of integers too: it is the same value

    def arguments(self) -> str:
        return arrows(self.mapping)


class XBroadcast(AbstractXOp):
    """``x`` with exactly ``dims``, in this order: transposed, and repeated along those it lacks."""

    dims: tuple[Dim, ...]
    shape: tuple[int, ...]

    def infer(self, x: XType) -> XType:
        if any(self.dims.count(d) != 1 for d in x.dims):
            raise AssertionError(f"{self!r}: needs every dim of {x}")
        join_sizes([x, XType(self.dims, self.shape, x.dtype)])
        return XType(self.dims, self.shape, x.dtype, x.weak)

    def owned(self, out: int, types: Sequence[XType]) -> frozenset[Dim]:
        return frozenset(self.dims) - frozenset(types[0].dims)

    def rename(self, mapping: Mapping[Dim, Dim], out: int) -> "XBroadcast":
        return dataclasses.replace(self, dims=renamed(self.dims, tuple(mapping.items())))

    def arguments(self) -> str:
        return ", ".join([f"{d}: {n}" for d, n in zip(self.dims, self.shape, strict=True)])


def without(t: XType, dim: Dim) -> XType:
    """``t`` less one dim, which it may lack."""
    return xtype({d: n for d, n in t.sizes.items() if d != dim}, t.dtype, t.weak)
