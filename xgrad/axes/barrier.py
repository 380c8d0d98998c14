"""A barrier: values as they are, neither merged with equal ones nor made earlier than the others beside them."""

from collections.abc import Sequence
from typing import Any

from xgrad.axes.base import AbstractGeneral, Flow, TensorType, value_flow
from xgrad.axes.constants import full
from xgrad.axes.loops import unpacked
from xgrad.graph import Var


class Barrier(AbstractGeneral):
    """Each output is the input at its place, once all inputs are there."""

    why = "a barrier hands on each value by itself"

    def infer(self, *types: TensorType) -> Any:
        return unpacked(types)

    def emit(self, xp: Any, *arrays: Any) -> Any:
        return unpacked(arrays)

    def flow(self, i: int, out: int, types: Sequence[TensorType]) -> Flow:
        return value_flow(types[i]) if i == out else Flow.UNUSED

    def pullback(
        self, wanted: Sequence[int], ins: Sequence[Var], outs: Sequence[Var], cts: Sequence[Var]
    ) -> dict[int, Var]:
        return {i: cts[i] for i in wanted}

    def pushforward(
        self, ins: Sequence[Var], outs: Sequence[Var], tangents: dict[int, Var]
    ) -> tuple[Var, ...]:
        return tuple(
            [
                tangents[i] if i in tangents else full(x.type.shape, 0, x.type.dtype)
                for i, x in enumerate(ins)
            ]
        )
