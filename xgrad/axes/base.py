"""What a tensor op is: its type inference, its emission on NumPy or JAX, and one gradient declaration for both modes.

An op derives from exactly one family below, which says how it is differentiated:

============================  ==========================================================================================
``AbstractElementwise``       ``partials(out, *ins)``: the derivative of the output by each input, all of one shape
``AbstractLinear``            ``transpose(i, ct, *ins)``: linear in the inputs ``linear_in`` taken together
``AbstractMultilinear``       ``transpose(i, ct, *ins)``: linear in each input with the others held fixed
``AbstractGeneral``           ``pullback`` and ``pushforward`` written by hand
``AbstractStep``              piecewise constant, or without float inputs: gradient zero
``AbstractOpaque``            no rule of ours: the gradient is delegated to JAX
============================  ==========================================================================================

Broadcasting is explicit (``Expand``) and dtypes are equal where an op needs them equal (``Cast``): no rule here ever
un-broadcasts or promotes. Shapes are static.
"""

from collections.abc import Sequence
from enum import Enum
from typing import Any, ClassVar, NamedTuple

import numpy as np

from xgrad.graph import Op, Var


class TensorType(NamedTuple):
    """Static shape and dtype."""

    shape: tuple[int, ...]
    dtype: np.dtype

    def __str__(self) -> str:
        return f"{self.dtype}[{', '.join(map(str, self.shape))}]"

    @property
    def ndim(self) -> int:
        return len(self.shape)

    @property
    def size(self) -> int:
        return int(np.prod(self.shape, dtype=np.int64))


def is_float(dtype: np.dtype) -> bool:
    """Whether a value of this dtype can carry a derivative (floats of every width and bfloat16, complex numbers)."""
    return dtype.kind in "fc" or dtype.name in ("bfloat16", "float8_e4m3fn", "float8_e5m2")


class Flow(Enum):
    """How the values of an input reach an output; see docs/gradients.md."""

    VALUE = "value"
    STEP = "step"
    POSITION = "position"
    MEANINGLESS = "meaningless"
    MISSING = "missing"
    UNUSED = "unused"


def value_flow(type: TensorType) -> Flow:
    """The flow of values that an op passes on in their own dtype: integers and truth values go in steps."""
    return Flow.VALUE if is_float(type.dtype) else Flow.STEP


class AbstractTensorOp(Op):
    """An op on axis numbers."""

    why: ClassVar[str] = (
        ""  # for inputs that do not pass a derivative: the reason, in words a user understands
    )

    def emit(self, xp: Any, *arrays: Any) -> Any:
        """The output (or a tuple of outputs) computed with the functions of ``xp`` and nothing else."""
        raise NotImplementedError(f"{type(self).__name__}.emit")

    def flow(self, i: int, out: int, types: Sequence[TensorType]) -> Flow:
        """How input ``i`` reaches output ``out``, given the types of the inputs."""
        raise NotImplementedError(f"{type(self).__name__}.flow")

    def pullback(
        self, wanted: Sequence[int], ins: Sequence[Var], outs: Sequence[Var], cts: Sequence[Var]
    ) -> dict[int, Var]:
        """Cotangents of the inputs in ``wanted`` from the cotangents of all outputs."""
        raise NotImplementedError(f"{type(self).__name__}.pullback")

    def pushforward(
        self, ins: Sequence[Var], outs: Sequence[Var], tangents: dict[int, Var]
    ) -> tuple[Var, ...]:
        """Tangents of the outputs from the tangents of some inputs (the others are zero)."""
        raise NotImplementedError(f"{type(self).__name__}.pushforward")


class AbstractElementwise(AbstractTensorOp):
    """One value out for one value of each input; all inputs have the shape of the output."""

    steps: ClassVar[tuple[int, ...]] = ()  # inputs in which the op is piecewise constant
    result: ClassVar[str] = (
        "same"  # "same": the dtype of the first input; "bool"; or a rule of the op's own
    )

    def infer(self, *types: TensorType) -> TensorType:
        shape = types[0].shape
        if any(t.shape != shape for t in types):
            raise AssertionError(
                f"{self!r}: shapes {[t.shape for t in types]} must be equal; Expand first"
            )
        return TensorType(shape, self.result_dtype(*[t.dtype for t in types]))

    def result_dtype(self, *dtypes: np.dtype) -> np.dtype:
        """The dtype of the output for inputs of these dtypes."""
        return np.dtype(bool) if self.result == "bool" else dtypes[0]

    def partials(self, out: Var, *ins: Var) -> tuple["Var | None", ...]:
        """The derivative of the output by each input, of the output's type; None for inputs in ``steps``."""
        raise NotImplementedError(f"{type(self).__name__}.partials")

    def flow(self, i: int, out: int, types: Sequence[TensorType]) -> Flow:
        discrete = i in self.steps or not is_float(self.result_dtype(*[t.dtype for t in types]))
        return Flow.STEP if discrete else Flow.VALUE


class AbstractPartly(AbstractElementwise):
    """An elementwise function with inputs by which it has no derivative, for want of a meaning or of a formula."""

    meaningless: ClassVar[tuple[int, ...]] = ()
    missing: ClassVar[tuple[int, ...]] = ()

    def flow(self, i: int, out: int, types: Sequence[TensorType]) -> Flow:
        if i in self.meaningless:
            return Flow.MEANINGLESS
        return Flow.MISSING if i in self.missing else Flow.VALUE


class AbstractLinear(AbstractTensorOp):
    """``f(a x + b y) = a f(x) + b f(y)`` in the inputs ``linear_in`` (None: all) taken together."""

    linear_in: ClassVar[tuple[int, ...] | None] = None

    def transpose(self, i: int, ct: Var, *ins: Var) -> Var:
        """The cotangent of input ``i``: ``<ct, f(.., t, ..)> = <transpose(i, ct), t>``."""
        raise NotImplementedError(f"{type(self).__name__}.transpose")

    def is_linear_in(self, i: int) -> bool:
        return self.linear_in is None or i in self.linear_in

    def flow(self, i: int, out: int, types: Sequence[TensorType]) -> Flow:
        return value_flow(types[i]) if self.is_linear_in(i) else Flow.POSITION


class AbstractMultilinear(AbstractTensorOp):
    """Linear in each of the inputs ``linear_in`` (None: all) with the others held fixed."""

    linear_in: ClassVar[tuple[int, ...] | None] = None

    def transpose(self, i: int, ct: Var, *ins: Var) -> Var:
        """The cotangent of input ``i`` with the other inputs held fixed."""
        raise NotImplementedError(f"{type(self).__name__}.transpose")

    def flow(self, i: int, out: int, types: Sequence[TensorType]) -> Flow:
        within = self.linear_in is None or i in self.linear_in
        return value_flow(types[i]) if within else Flow.POSITION


class AbstractGeneral(AbstractTensorOp):
    """Pullback and pushforward written by hand; ``differentiable_in`` (None: all) names the inputs that have them."""

    differentiable_in: ClassVar[tuple[int, ...] | None] = None

    def flow(self, i: int, out: int, types: Sequence[TensorType]) -> Flow:
        within = self.differentiable_in is None or i in self.differentiable_in
        return value_flow(types[i]) if within else Flow.POSITION


class AbstractStep(AbstractTensorOp):
    """Piecewise constant (argmax, floor of a sum, searchsorted) or without inputs: every derivative is zero."""

    def flow(self, i: int, out: int, types: Sequence[TensorType]) -> Flow:
        return Flow.STEP


class AbstractOpaque(AbstractTensorOp):
    """Differentiable by JAX alone: the engine delegates this op to ``jax.vjp`` and ``jax.jvp``."""

    why = "JAX gives no derivative by integers and truth values; cast them to floats first"

    def flow(self, i: int, out: int, types: Sequence[TensorType]) -> Flow:
        inferred: Any = self.infer(*types)
        result = inferred if isinstance(inferred, TensorType) else inferred[out]
        if not is_float(result.dtype):
            return Flow.STEP
        return Flow.VALUE if is_float(types[i].dtype) else Flow.MISSING
