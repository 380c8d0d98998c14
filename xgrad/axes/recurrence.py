"""Recurrences of vectors, in parallel: each step is a linear map, and maps compose."""

from collections.abc import Sequence
from typing import Any

from xgrad.axes.arithmetic import add
from xgrad.axes.base import AbstractGeneral, TensorType
from xgrad.axes.cumulative import shift
from xgrad.axes.matrices import batched_einsum, transposed
from xgrad.graph import Var


class MatrixRecurrence(AbstractGeneral):
    """y_i = A_i y_{i-1} + b_i from y_{-1} = 0, for A [n, d, d] and b [n, d], from the front or from the back.

    ẏ_i = A_i ẏ_{i-1} + (ḃ_i + Ȧ_i y_{i-1})    and    b̄_i = ȳ_i + A_{i+1}ᵀ b̄_{i+1},  Ā_i = b̄_i y_{i-1}ᵀ
    """

    reverse: bool = False

    def infer(self, a: TensorType, b: TensorType) -> TensorType:
        assert a.shape == (*b.shape, b.shape[1]) and a.dtype == b.dtype, (a, b)
        return b

    def emit(self, xp: Any, a: Any, b: Any) -> Any:
        return xp.matrix_recurrence(a, b, self.reverse)

    def pullback(
        self, wanted: Sequence[int], ins: Sequence[Var], outs: Sequence[Var], cts: Sequence[Var]
    ) -> dict[int, Var]:
        back = transposed(shift(ins[0], 0, not self.reverse))
        b_ct = MatrixRecurrence(not self.reverse)(back, cts[0])
        before = shift(outs[0], 0, self.reverse)
        rules = {0: lambda: batched_einsum("...i,...j->...ij", b_ct, before), 1: lambda: b_ct}
        return {i: rules[i]() for i in wanted}

    def pushforward(
        self, ins: Sequence[Var], outs: Sequence[Var], tangents: dict[int, Var]
    ) -> tuple[Var, ...]:
        terms = []
        if 0 in tangents:
            before = shift(outs[0], 0, self.reverse)
            terms.append(batched_einsum("...ij,...j->...i", tangents[0], before))
        if 1 in tangents:
            terms.append(tangents[1])
        b = terms[0] if len(terms) == 1 else add(*terms)
        return (MatrixRecurrence(self.reverse)(ins[0], b),)
