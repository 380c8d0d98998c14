"""Elementwise ops on truth values and bits: comparisons, tests, logic, bit patterns; and the choice and the cast."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from xgrad.axes.base import (
    AbstractElementwise,
    AbstractGeneral,
    AbstractLinear,
    Flow,
    TensorType,
    is_float,
)
from xgrad.axes.constants import zeros_like
from xgrad.graph import Var


class AbstractTest(AbstractElementwise):
    """A truth value from numbers."""

    why = "a truth value is constant between its jumps"
    result = "bool"

    def partials(self, out: Var, *ins: Var) -> tuple[None, ...]:
        return (None,) * len(ins)


class AbstractBits(AbstractElementwise):
    """Integers from integers."""

    def partials(self, out: Var, *ins: Var) -> tuple[None, ...]:
        return (None,) * len(ins)


class IsNan(AbstractTest):
    def emit(self, xp: Any, x: Any) -> Any:
        return xp.isnan(x)


class IsFinite(AbstractTest):
    def emit(self, xp: Any, x: Any) -> Any:
        return xp.isfinite(x)


class IsInf(AbstractTest):
    def emit(self, xp: Any, x: Any) -> Any:
        return xp.isinf(x)


class Signbit(AbstractTest):
    def emit(self, xp: Any, x: Any) -> Any:
        return xp.signbit(x)


class LogicalNot(AbstractTest):
    def emit(self, xp: Any, x: Any) -> Any:
        return xp.logical_not(x)


class Equal(AbstractTest):
    def emit(self, xp: Any, x: Any, y: Any) -> Any:
        return xp.equal(x, y)


class NotEqual(AbstractTest):
    def emit(self, xp: Any, x: Any, y: Any) -> Any:
        return xp.not_equal(x, y)


class Less(AbstractTest):
    def emit(self, xp: Any, x: Any, y: Any) -> Any:
        return xp.less(x, y)


class LessEqual(AbstractTest):
    def emit(self, xp: Any, x: Any, y: Any) -> Any:
        return xp.less_equal(x, y)


class Greater(AbstractTest):
    def emit(self, xp: Any, x: Any, y: Any) -> Any:
        return xp.greater(x, y)


class GreaterEqual(AbstractTest):
    def emit(self, xp: Any, x: Any, y: Any) -> Any:
        return xp.greater_equal(x, y)


class LogicalAnd(AbstractTest):
    def emit(self, xp: Any, x: Any, y: Any) -> Any:
        return xp.logical_and(x, y)


class LogicalOr(AbstractTest):
    def emit(self, xp: Any, x: Any, y: Any) -> Any:
        return xp.logical_or(x, y)


class LogicalXor(AbstractTest):
    def emit(self, xp: Any, x: Any, y: Any) -> Any:
        return xp.logical_xor(x, y)


class Invert(AbstractBits):
    def emit(self, xp: Any, x: Any) -> Any:
        return xp.invert(x)


class BitwiseAnd(AbstractBits):
    def emit(self, xp: Any, x: Any, y: Any) -> Any:
        return xp.bitwise_and(x, y)


class BitwiseOr(AbstractBits):
    def emit(self, xp: Any, x: Any, y: Any) -> Any:
        return xp.bitwise_or(x, y)


class BitwiseXor(AbstractBits):
    def emit(self, xp: Any, x: Any, y: Any) -> Any:
        return xp.bitwise_xor(x, y)


class LeftShift(AbstractBits):
    def emit(self, xp: Any, x: Any, y: Any) -> Any:
        return xp.left_shift(x, y)


class RightShift(AbstractBits):
    def emit(self, xp: Any, x: Any, y: Any) -> Any:
        return xp.right_shift(x, y)


class BitwiseCount(AbstractBits):
    """How many bits of the absolute value are one."""

    def result_dtype(self, *dtypes: np.dtype) -> np.dtype:
        return np.dtype(np.uint8)

    def emit(self, xp: Any, x: Any) -> Any:
        return xp.bitwise_count(x)


class Gcd(AbstractBits):
    def emit(self, xp: Any, x: Any, y: Any) -> Any:
        return xp.gcd(x, y)


class Lcm(AbstractBits):
    def emit(self, xp: Any, x: Any, y: Any) -> Any:
        return xp.lcm(x, y)


class Where(AbstractGeneral):
    """``x`` where ``c`` holds and ``y`` elsewhere; the cotangent of each is masked, never multiplied by the mask."""

    why = "the condition only chooses between the two"

    def infer(self, c: TensorType, x: TensorType, y: TensorType) -> TensorType:
        assert c.dtype == bool and c.shape == x.shape and x == y, (c, x, y)
        return x

    def emit(self, xp: Any, c: Any, x: Any, y: Any) -> Any:
        return xp.where(c, x, y)

    def flow(self, i: int, out: int, types: Sequence[TensorType]) -> Flow:
        return Flow.VALUE if i > 0 and is_float(types[1].dtype) else Flow.STEP

    def pullback(
        self, wanted: Sequence[int], ins: Sequence[Var], outs: Sequence[Var], cts: Sequence[Var]
    ) -> dict[int, Var]:
        c, (ct,), zero = ins[0], cts, zeros_like(cts[0])
        chosen = {1: (ct, zero), 2: (zero, ct)}
        return {i: where(c, *chosen[i]) for i in wanted}

    def pushforward(
        self, ins: Sequence[Var], outs: Sequence[Var], tangents: dict[int, Var]
    ) -> tuple[Var, ...]:
        zero = zeros_like(outs[0])
        return (where(ins[0], tangents.get(1, zero), tangents.get(2, zero)),)


class Cast(AbstractLinear):
    """The same numbers in another dtype; to an integer or a truth value it is a step."""

    why = "whole numbers and truth values are constant between their jumps"
    dtype: np.dtype

    def infer(self, x: TensorType) -> TensorType:
        return TensorType(x.shape, self.dtype)

    def emit(self, xp: Any, x: Any) -> Any:
        return xp.astype(x, self.dtype)

    def flow(self, i: int, out: int, types: Sequence[TensorType]) -> Flow:
        return Flow.VALUE if is_float(self.dtype) else Flow.STEP

    def transpose(self, i: int, ct: Var, x: Var) -> Var:
        return cast(ct, x.type.dtype) if is_float(x.type.dtype) else ct


def cast(x: Var, dtype: DTypeLike) -> Var:
    """``x`` in another dtype; ``x`` itself where it has it."""
    dtype = np.dtype(dtype)
    return x if x.type.dtype == dtype else Cast(dtype)(x)


def where(c: Var, x: Var, y: Var) -> Var:
    return Where()(c, x, y)


def equal(x: Var, y: Var) -> Var:
    return Equal()(x, y)


def greater(x: Var, y: Var) -> Var:
    return Greater()(x, y)


def less(x: Var, y: Var) -> Var:
    return Less()(x, y)


def logical_and(x: Var, y: Var) -> Var:
    return LogicalAnd()(x, y)


def logical_or(x: Var, y: Var) -> Var:
    return LogicalOr()(x, y)


def is_nan(x: Var) -> Var:
    return IsNan()(x)


def logical_not(x: Var) -> Var:
    return LogicalNot()(x)
