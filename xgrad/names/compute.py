"""The XOps that compute: elementwise, reductions, products, sorting, tensor ops on core dims."""

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any, Final

import numpy as np

from xgrad.axes.base import AbstractTensorOp, Flow, TensorType
from xgrad.axes.elementwise import Cast
from xgrad.names.base import AbstractXOp, dims_text, op_name, op_text, renamed
from xgrad.names.types import Dim, XType, join_sizes, xtype

_BOOL: Final = np.dtype(bool)
_INDEX: Final = np.dtype(np.int64)

REDUCTION_DTYPES: Final[dict[str, np.dtype | None]] = {  # None: the dtype of the input
    "sum": None,
    "prod": None,
    "max": None,
    "min": None,
    "any": _BOOL,
    "all": _BOOL,
    "argmax": _INDEX,
    "argmin": _INDEX,
}
POSITION_KINDS: Final = ("argmax", "argmin")  # along exactly one dim
CUMULATIVE_KINDS: Final = ("sum", "prod", "max", "min")


class XElemwise(AbstractXOp):
    """An elementwise op, broadcast by name; the dims come in order of first appearance."""

    op: AbstractTensorOp

    def infer(self, *types: XType) -> XType:
        return _infer_elementwise(self, types)

    def tensor_types(self, types: Sequence[XType]) -> list[TensorType]:
        """What the tensor op is given for inputs of these types."""
        shape = tuple(join_sizes(types).values())
        return [TensorType(shape, t.dtype) for t in types]

    def flow(self, i: int, out: int, types: Sequence[XType]) -> Flow:
        return self.op.flow(i, out, self.tensor_types(types))

    def why(self, i: int) -> str:
        return why_not(self.op)

    def describe(self) -> str:
        return f"XElemwise {op_text(self.op)}"


@lru_cache(maxsize=8192)
def _infer_elementwise(op: XElemwise, types: tuple[XType, ...]) -> XType:
    (inferred,) = outputs_of(op.op, op.tensor_types(types))
    weak = all([t.weak for t in types]) and type(op.op) is not Cast
    return XType(tuple(join_sizes(types)), inferred.shape, inferred.dtype, weak)


class XReduce(AbstractXOp):
    """One value for all those along ``dims``, which vanish; ``REDUCTION_DTYPES`` has the dtype."""

    kind: str
    dims: tuple[Dim, ...]

    def infer(self, x: XType) -> XType:
        kept = {d: n for d, n in x.sizes.items() if d not in self.dims}
        return xtype(kept, REDUCTION_DTYPES[self.kind] or x.dtype, x.weak)

    def describe(self) -> str:
        return f"XReduce {self.kind}({dims_text(self.dims)})"


class XCumReduce(AbstractXOp):
    """The running sum, product, maximum or minimum along ``dim``, from its start or its end."""

    kind: str
    dim: Dim
    reverse: bool = False

    def infer(self, x: XType) -> XType:
        return x

    def describe(self) -> str:
        return f"XCumReduce {self.kind}({self.dim}{', from the end' if self.reverse else ''})"


class XDot(AbstractXOp):
    """The product of all inputs, broadcast by name, summed over ``dims``."""

    dims: tuple[Dim, ...]

    def infer(self, *types: XType) -> XType:
        kept = {d: n for d, n in join_sizes(types).items() if d not in self.dims}
        return xtype(kept, types[0].dtype, all(t.weak for t in types))

    def arguments(self) -> str:
        return dims_text(self.dims)


class XSort(AbstractXOp):
    """The values along ``dim`` in ascending order, NaN last."""

    dim: Dim

    def infer(self, x: XType) -> XType:
        return x


class XArgsort(AbstractXOp):
    """Where along ``dim`` the sorted values stand: NaN last, equal values in their order."""

    dim: Dim

    def infer(self, x: XType) -> XType:
        return x._replace(dtype=_INDEX, weak=False)


class XBlockwise(AbstractXOp):
    """A tensor op on core dims, repeated over all others, which broadcast and come first.

    Inputs in ``shared`` have core dims alone, and are handed to the op as they are: it repeats them itself.
    """

    op: AbstractTensorOp
    in_dims: tuple[tuple[Dim, ...], ...]
    out_dims: tuple[tuple[Dim, ...], ...]
    shared: tuple[int, ...] = ()

    def infer(self, *types: XType) -> tuple[XType, ...]:
        batch = self.batch_sizes(types)
        outputs = outputs_of(self.op, self.core_types(types))
        return tuple(
            [
                XType((*batch, *core), t.shape, t.dtype)
                for core, t in zip(self.out_dims, outputs, strict=True)
            ]
        )

    def batch_sizes(self, types: Sequence[XType]) -> dict[Dim, int]:
        """The dims that are no core dims, in order of first appearance, with their sizes."""
        core = {d for dims in self.in_dims for d in dims}
        return {d: n for d, n in join_sizes(types).items() if d not in core}

    def core_types(self, types: Sequence[XType]) -> list[TensorType]:
        """What the tensor op is given for inputs of these types: batch axes, then core axes."""
        batch = self.batch_sizes(types)
        return [
            TensorType(tuple([{**t.sizes, **batch}[d] for d in dims]), t.dtype)
            for dims, t in zip(self.tensor_dims(batch), types, strict=True)
        ]

    def tensor_dims(self, batch: Iterable[Dim]) -> list[tuple[Dim, ...]]:
        """The dims behind the axes of each tensor that the op is given."""
        return [
            core if k in self.shared else (*batch, *core) for k, core in enumerate(self.in_dims)
        ]

    def flow(self, i: int, out: int, types: Sequence[XType]) -> Flow:
        return self.op.flow(i, out, self.core_types(types))

    def why(self, i: int) -> str:
        return why_not(self.op)

    def owned(self, out: int, types: Sequence[XType]) -> frozenset[Dim]:
        return frozenset(self.out_dims[out])

    def rename(self, mapping: Mapping[Dim, Dim], out: int) -> "XBlockwise":
        dims = list(self.out_dims)
        dims[out] = renamed(dims[out], tuple(mapping.items()))
        return dataclasses.replace(self, out_dims=tuple(dims))

    def describe(self) -> str:
        ins, outs = (
            ", ".join([f"({dims_text(dims)})" for dims in core])
            for core in (self.in_dims, self.out_dims)
        )
        return f"XBlockwise {op_text(self.op)}: {ins} → {outs}"


def outputs_of(op: AbstractTensorOp, types: Sequence[TensorType]) -> tuple[TensorType, ...]:
    """The types of the outputs of a tensor op, as a tuple even where there is one."""
    inferred: Any = op.infer(*types)
    return (inferred,) if isinstance(inferred, TensorType) else inferred


def why_not(op: AbstractTensorOp) -> str:
    """The reason why a tensor op passes no derivative."""
    return op.why or f"{op_name(op)} passes no derivative here"
