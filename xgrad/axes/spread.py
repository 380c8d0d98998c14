"""Spreading along new axes and reducing along axes: the ops that are each other's transposes."""

import typing
from collections.abc import Sequence

from xgrad.axes.base import (
    AbstractGeneral,
    AbstractLinear,
    AbstractStep,
    Flow,
    TensorType,
    value_flow,
)
from xgrad.axes.constants import zeros_like
from xgrad.graph import Var


class Expand(AbstractLinear):
    """Repeat along new axes: axis k of the input becomes axis ``axes[k]``, increasing; the other axes are new."""

    shape: tuple[int, ...]
    axes: tuple[int, ...]

    def infer(self, x: TensorType) -> TensorType:
        assert x.shape == tuple([self.shape[a] for a in self.axes]), (self, x)
        assert list(self.axes) == sorted(set(self.axes)), self
        return TensorType(self.shape, x.dtype)

    def emit(self, xp: typing.Any, x: typing.Any) -> typing.Any:
        return xp.lax.broadcast_in_dim(x, self.shape, self.axes)

    def new_axes(self) -> tuple[int, ...]:
        return other_axes(len(self.shape), self.axes)

    def transpose(self, i: int, ct: Var, x: Var) -> Var:
        return sum_(ct, self.new_axes())


class Sum(AbstractLinear):
    """The sum over some axes, which are dropped; in the dtype of the input."""

    axes: tuple[int, ...]

    def infer(self, x: TensorType) -> TensorType:
        return TensorType(without_axes(x.shape, self.axes), x.dtype)

    def emit(self, xp: typing.Any, x: typing.Any) -> typing.Any:
        return xp.lax.reduce_sum(x, self.axes)

    def transpose(self, i: int, ct: Var, x: Var) -> Var:
        return spread(ct, x.type.shape, self.axes)


class Sums(AbstractGeneral):
    """The sum of each of some vectors of one length, computed together."""

    def infer(self, *types: TensorType) -> tuple[TensorType, ...]:
        (length,) = types[0].shape
        assert all([t.shape == (length,) for t in types]), (self, types)
        return tuple([TensorType((), t.dtype) for t in types])

    def emit(self, xp: typing.Any, *vectors: typing.Any) -> typing.Any:
        found = tuple([xp.lax.reduce_sum(x, (0,)) for x in vectors])
        return found[0] if len(found) == 1 else found

    def flow(self, i: int, out: int, types: Sequence[TensorType]) -> Flow:
        return value_flow(types[i]) if i == out else Flow.UNUSED

    def pullback(
        self, wanted: Sequence[int], ins: Sequence[Var], outs: Sequence[Var], cts: Sequence[Var]
    ) -> dict[int, Var]:
        return {i: spread(cts[i], ins[i].type.shape, (0,)) for i in wanted}

    def pushforward(
        self, ins: Sequence[Var], outs: Sequence[Var], tangents: dict[int, Var]
    ) -> tuple[Var, ...]:
        moved = [tangents[i] if i in tangents else zeros_like(x) for i, x in enumerate(ins)]
        return self.apply(*moved)


class Any(AbstractStep):
    """Whether any truth value along some axes holds."""

    why = "a truth value is constant between its jumps"
    axes: tuple[int, ...]

    def infer(self, x: TensorType) -> TensorType:
        assert x.dtype == bool, x
        return TensorType(without_axes(x.shape, self.axes), x.dtype)

    def emit(self, xp: typing.Any, x: typing.Any) -> typing.Any:
        return xp.lax.reduce_or(x, self.axes)


class All(AbstractStep):
    """Whether all truth values along some axes hold."""

    why = "a truth value is constant between its jumps"
    axes: tuple[int, ...]

    def infer(self, x: TensorType) -> TensorType:
        assert x.dtype == bool, x
        return TensorType(without_axes(x.shape, self.axes), x.dtype)

    def emit(self, xp: typing.Any, x: typing.Any) -> typing.Any:
        return xp.lax.reduce_and(x, self.axes)


def without_axes(shape: Sequence[int], axes: Sequence[int]) -> tuple[int, ...]:
    """``shape`` less some axes."""
    return tuple([n for a, n in enumerate(shape) if a not in axes])


def other_axes(ndim: int, axes: Sequence[int]) -> tuple[int, ...]:
    """The axes of an array of ``ndim`` axes that are not in ``axes``."""
    return tuple([a for a in range(ndim) if a not in axes])


def expand(x: Var, shape: Sequence[int], axes: Sequence[int]) -> Var:
    """``x`` repeated over the axes of ``shape`` that are not in ``axes``; ``x`` itself where there are none."""
    return x if x.type.shape == tuple(shape) else Expand(tuple(shape), tuple(axes))(x)


def spread(x: Var, shape: Sequence[int], axes: Sequence[int]) -> Var:
    """A reduction's result repeated over the ``axes`` that were reduced: the opposite view of ``expand``."""
    return expand(x, shape, other_axes(len(shape), axes))


def sum_(x: Var, axes: Sequence[int]) -> Var:
    """The sum over ``axes``; ``x`` itself where there are none."""
    return Sum(tuple(axes))(x) if axes else x


def any_(x: Var, axes: Sequence[int]) -> Var:
    """Whether any holds over ``axes``; ``x`` itself where there are none."""
    return Any(tuple(axes))(x) if axes else x
