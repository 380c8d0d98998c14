"""A value that is shown when the program runs."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from xgrad.axes.base import AbstractGeneral, Flow, TensorType, is_float
from xgrad.graph import Var


class Printed(AbstractGeneral):
    """``x``, which ``show`` is given on the host, as a NumPy array, whenever it is computed.

    Derivatives pass by as if it were not there, and show nothing.
    """

    why = "it is only shown"
    show: Callable[[np.ndarray], None]

    def describe(self) -> str:
        """What is shown, without an address, which would be another one in every run."""
        return f"Printed({getattr(self.show, '__name__', 'function')})"

    __repr__ = describe

    def infer(self, x: TensorType) -> TensorType:
        return x

    def emit(self, xp: Any, x: Any) -> Any:
        """Shown here where it is known; JAX calls back when it is."""
        if isinstance(x, np.ndarray | np.generic):
            self.call(x)
        return x

    def call(self, x: Any) -> None:
        """Show an array of any library."""
        self.show(np.asarray(x))

    def flow(self, i: int, out: int, types: Sequence[TensorType]) -> Flow:
        return Flow.VALUE if is_float(types[0].dtype) else Flow.STEP

    def pullback(
        self, wanted: Sequence[int], ins: Sequence[Var], outs: Sequence[Var], cts: Sequence[Var]
    ) -> dict[int, Var]:
        return dict.fromkeys(wanted, cts[0])

    def pushforward(
        self, ins: Sequence[Var], outs: Sequence[Var], tangents: dict[int, Var]
    ) -> tuple[Var, ...]:
        return (tangents[0],)
