"""Elementwise arithmetic: the four operations, powers and roots, rounding, minimum and maximum, parts of numbers."""

from typing import Any

import numpy as np

from xgrad.axes.base import AbstractElementwise, AbstractLinear, Flow, TensorType, is_float
from xgrad.axes.constants import full_like, ones_like, zeros_like
from xgrad.axes.logic import cast, equal, greater, is_nan, less, logical_or, where
from xgrad.graph import Var

Partials = tuple[Var | None, ...]


class AbstractRounding(AbstractElementwise):
    """Piecewise constant in its only input."""

    why = "it is constant between its jumps"
    steps = (0,)

    def partials(self, out: Var, x: Var) -> Partials:
        return (None,)


class Negative(AbstractElementwise):
    def emit(self, xp: Any, x: Any) -> Any:
        return xp.negative(x)

    def partials(self, out: Var, x: Var) -> Partials:
        return (full_like(x, -1),)


class Absolute(AbstractElementwise):
    """|x|; the derivative at 0 is 0. Of a complex number, a real; its derivative is left to JAX's own route."""

    why = "the derivative of the absolute value of a complex number is not written"

    def result_dtype(self, *dtypes: np.dtype) -> np.dtype:
        return real_dtype(dtypes[0])

    def emit(self, xp: Any, x: Any) -> Any:
        return xp.absolute(x)

    def partials(self, out: Var, x: Var) -> Partials:
        return (sign(x),)

    def flow(self, i: int, out: int, types: tuple[TensorType, ...]) -> Flow:
        if types[0].dtype.kind == "c":
            return Flow.MISSING
        return Flow.VALUE if is_float(types[0].dtype) else Flow.STEP


class Sign(AbstractRounding):
    def emit(self, xp: Any, x: Any) -> Any:
        return xp.sign(x)


class Floor(AbstractRounding):
    def emit(self, xp: Any, x: Any) -> Any:
        return xp.floor(x) if is_float(x.dtype) else x


class Ceil(AbstractRounding):
    def emit(self, xp: Any, x: Any) -> Any:
        return xp.ceil(x) if is_float(x.dtype) else x


class Trunc(AbstractRounding):
    def emit(self, xp: Any, x: Any) -> Any:
        return xp.trunc(x) if is_float(x.dtype) else x


class Rint(AbstractRounding):
    def emit(self, xp: Any, x: Any) -> Any:
        return xp.rint(x)


class Square(AbstractElementwise):
    def emit(self, xp: Any, x: Any) -> Any:
        return xp.square(x)

    def partials(self, out: Var, x: Var) -> Partials:
        return (scaled(x, 2),)


class Sqrt(AbstractElementwise):
    def emit(self, xp: Any, x: Any) -> Any:
        return xp.sqrt(x)

    def partials(self, out: Var, x: Var) -> Partials:
        return (divide(full_like(x, 0.5), out),)


class SqrtOfSquares(AbstractElementwise):
    """√x of a sum of squares x: where that is 0, so are its terms, and 0 is among the subgradients of the norm."""

    def emit(self, xp: Any, x: Any) -> Any:
        return xp.sqrt(x)

    def partials(self, out: Var, x: Var) -> Partials:
        zero = zeros_like(out)
        at_zero = equal(out, zero)
        return (
            where(at_zero, zero, divide(full_like(x, 0.5), where(at_zero, ones_like(out), out))),
        )


class Rsqrt(AbstractElementwise):
    """1 / √x: d = -out / (2 x)"""

    def emit(self, xp: Any, x: Any) -> Any:
        return xp.lax.rsqrt(x)

    def partials(self, out: Var, x: Var) -> Partials:
        return (scaled(divide(out, x), -0.5),)


class Cbrt(AbstractElementwise):
    """d = 1 / (3 out²)"""

    def emit(self, xp: Any, x: Any) -> Any:
        return xp.cbrt(x)

    def partials(self, out: Var, x: Var) -> Partials:
        return (reciprocal(scaled(square(out), 3)),)


class Reciprocal(AbstractElementwise):
    def emit(self, xp: Any, x: Any) -> Any:
        return xp.reciprocal(x)

    def partials(self, out: Var, x: Var) -> Partials:
        return (negative(square(out)),)


class Add(AbstractElementwise):
    commutes = True

    def emit(self, xp: Any, x: Any, y: Any) -> Any:
        return xp.add(x, y)

    def partials(self, out: Var, x: Var, y: Var) -> Partials:
        return (ones_like(x), ones_like(y))


class Subtract(AbstractElementwise):
    def emit(self, xp: Any, x: Any, y: Any) -> Any:
        return xp.subtract(x, y)

    def partials(self, out: Var, x: Var, y: Var) -> Partials:
        return (ones_like(x), full_like(y, -1))


class Multiply(AbstractElementwise):
    commutes = True

    def emit(self, xp: Any, x: Any, y: Any) -> Any:
        return xp.multiply(x, y)

    def partials(self, out: Var, x: Var, y: Var) -> Partials:
        return (y, x)


class Divide(AbstractElementwise):
    def emit(self, xp: Any, x: Any, y: Any) -> Any:
        return xp.divide(x, y)

    def partials(self, out: Var, x: Var, y: Var) -> Partials:
        return (reciprocal(y), negative(divide(out, y)))


class FloorDivide(AbstractElementwise):
    """Rounded down; an integer divided by zero is 0, as in NumPy."""

    why = "it is constant between its jumps"
    steps = (0, 1)

    def emit(self, xp: Any, x: Any, y: Any) -> Any:
        return xp.floor_divide(x, y)

    def partials(self, out: Var, x: Var, y: Var) -> Partials:
        return (None, None)


class Remainder(AbstractElementwise):
    """x - y floor(x / y), with the sign of y; by an integer zero it is 0, as in NumPy."""

    def emit(self, xp: Any, x: Any, y: Any) -> Any:
        return xp.remainder(x, y)

    def partials(self, out: Var, x: Var, y: Var) -> Partials:
        return (ones_like(x), negative(floor_divide(x, y)))


class Fmod(AbstractElementwise):
    """x - y trunc(x / y), with the sign of x; by an integer zero it is 0, as in NumPy."""

    def emit(self, xp: Any, x: Any, y: Any) -> Any:
        return xp.fmod(x, y)

    def partials(self, out: Var, x: Var, y: Var) -> Partials:
        return (ones_like(x), negative(Trunc()(divide(x, y))))


class Maximum(AbstractElementwise):
    """The greater; NaN where either is. Ties share equally."""

    def emit(self, xp: Any, x: Any, y: Any) -> Any:
        return xp.maximum(x, y)

    def partials(self, out: Var, x: Var, y: Var) -> Partials:
        return shares(greater(x, y), x, y)


class Minimum(AbstractElementwise):
    """The lesser; NaN where either is. Ties share equally."""

    def emit(self, xp: Any, x: Any, y: Any) -> Any:
        return xp.minimum(x, y)

    def partials(self, out: Var, x: Var, y: Var) -> Partials:
        return shares(less(x, y), x, y)


class Fmax(AbstractElementwise):
    """The greater; the other where one is NaN. Ties share equally."""

    def emit(self, xp: Any, x: Any, y: Any) -> Any:
        return xp.fmax(x, y)

    def partials(self, out: Var, x: Var, y: Var) -> Partials:
        return shares(logical_or(greater(x, y), is_nan(y)), x, y)


class Fmin(AbstractElementwise):
    """The lesser; the other where one is NaN. Ties share equally."""

    def emit(self, xp: Any, x: Any, y: Any) -> Any:
        return xp.fmin(x, y)

    def partials(self, out: Var, x: Var, y: Var) -> Partials:
        return shares(logical_or(less(x, y), is_nan(y)), x, y)


def shares(first: Var, x: Var, y: Var) -> Partials:
    """1 and 0 where ``first`` holds, 0 and 1 where not, one half each where ``x`` equals ``y``."""
    tie, zero = equal(x, y), zeros_like(x)
    share = where(tie, full_like(x, 0.5), ones_like(x))
    return (where(logical_or(first, tie), share, zero), where(first, zero, share))


class Copysign(AbstractElementwise):
    """|x| with the sign of y: the sign of x turns where the two differ."""

    why = "only the sign of the second argument counts"
    steps = (1,)

    def emit(self, xp: Any, x: Any, y: Any) -> Any:
        return xp.copysign(x, y)

    def partials(self, out: Var, x: Var, y: Var) -> Partials:
        return (multiply(sign(x), copysign(ones_like(x), y)), None)


class Heaviside(AbstractElementwise):
    """0 below zero, 1 above, and ``y`` at zero: the only place where ``y`` counts."""

    why = "it is constant on either side of zero"
    steps = (0,)

    def emit(self, xp: Any, x: Any, y: Any) -> Any:
        return xp.heaviside(x, y)

    def partials(self, out: Var, x: Var, y: Var) -> Partials:
        return (None, cast(equal(x, zeros_like(x)), x.type.dtype))


class AbstractPart(AbstractLinear):
    """Linear over the reals, element by element: cotangents pair as the real part of ``ct * t``."""

    def infer(self, x: TensorType) -> TensorType:
        return TensorType(x.shape, real_dtype(x.dtype))


class Real(AbstractPart):
    def emit(self, xp: Any, x: Any) -> Any:
        return xp.real(x)

    def transpose(self, i: int, ct: Var, x: Var) -> Var:
        return cast(ct, x.type.dtype)


class Imag(AbstractPart):
    """Re(ct' t) = ct Im(t) for ct' = -i ct"""

    def emit(self, xp: Any, x: Any) -> Any:
        return xp.imag(x)

    def transpose(self, i: int, ct: Var, x: Var) -> Var:
        return scaled(cast(ct, x.type.dtype), -1j) if x.type.dtype.kind == "c" else zeros_like(x)


class Conjugate(AbstractPart):
    def infer(self, x: TensorType) -> TensorType:
        return x

    def emit(self, xp: Any, x: Any) -> Any:
        return xp.conjugate(x)

    def transpose(self, i: int, ct: Var, x: Var) -> Var:
        return conjugate(ct)


def real_dtype(dtype: np.dtype) -> np.dtype:
    """The dtype of the real part."""
    return np.real(np.empty((), dtype)).dtype if dtype.kind == "c" else dtype


def scaled(x: Var, factor: Any) -> Var:
    """A scalar multiple of ``x``."""
    return multiply(full_like(x, factor), x)


def negative(x: Var) -> Var:
    return Negative()(x)


def absolute(x: Var) -> Var:
    return Absolute()(x)


def sign(x: Var) -> Var:
    return Sign()(x)


def square(x: Var) -> Var:
    return Square()(x)


def sqrt(x: Var) -> Var:
    return Sqrt()(x)


def rsqrt(x: Var) -> Var:
    return Rsqrt()(x)


def reciprocal(x: Var) -> Var:
    return Reciprocal()(x)


def add(x: Var, y: Var) -> Var:
    return Add()(x, y)


def subtract(x: Var, y: Var) -> Var:
    return Subtract()(x, y)


def multiply(x: Var, y: Var) -> Var:
    return Multiply()(x, y)


def divide(x: Var, y: Var) -> Var:
    return Divide()(x, y)


def floor_divide(x: Var, y: Var) -> Var:
    return FloorDivide()(x, y)


def copysign(x: Var, y: Var) -> Var:
    return Copysign()(x, y)


def maximum(x: Var, y: Var) -> Var:
    return Maximum()(x, y)


def minimum(x: Var, y: Var) -> Var:
    return Minimum()(x, y)


def conjugate(x: Var) -> Var:
    return Conjugate()(x)
