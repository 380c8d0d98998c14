"""Functions that users bring along: of JAX arrays, and of NumPy arrays on the host."""

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from xgrad.axes.base import AbstractGeneral, AbstractOpaque, Flow, TensorType, is_float
from xgrad.axes.constants import full
from xgrad.graph import Var


class JaxCall(AbstractOpaque):
    """A user's function of JAX arrays; ``out_types`` says what it returns, and JAX differentiates it.

    Two calls are the same only where the function is the same object.
    """

    function: Callable[..., Any]
    out_types: tuple[TensorType, ...]

    def describe(self) -> str:
        """The function by its name: its address would be another one in every run."""
        return f"JaxCall({getattr(self.function, '__name__', 'function')})"

    __repr__ = describe

    def infer(self, *types: TensorType) -> tuple[TensorType, ...]:
        return self.out_types

    def emit(self, xp: Any, *arrays: Any) -> Any:
        results = self.function(*arrays)
        return results[0] if len(self.out_types) == 1 and isinstance(results, tuple) else results


class HostCall(AbstractGeneral):
    """A user's function of NumPy arrays, called on the host in the middle of a program.

    ``rule(*inputs, *cotangents)`` gives the cotangents of all inputs, ``push(*inputs, *tangents)`` the tangents of all
    outputs, on the host too; None: there is no derivative in that mode.
    """

    function: Callable[..., Any]
    out_types: tuple[TensorType, ...]
    rule: Callable[..., Any] | None = None
    push: Callable[..., Any] | None = None

    def describe(self) -> str:
        """The function by its name: its address would be another one in every run."""
        return f"HostCall({getattr(self.function, '__name__', 'function')})"

    __repr__ = describe

    why = "a host function has the gradient that apply_host(..., pullback=...) is given, and by floats alone"

    def lacks(self, mode: str) -> bool:
        """Whether there is a rule, but none for this mode ("forward" or "reverse")."""
        wanted, other = (self.push, self.rule) if mode == "forward" else (self.rule, self.push)
        return wanted is None and other is not None

    def infer(self, *types: TensorType) -> tuple[TensorType, ...]:
        return self.out_types

    def emit(self, xp: Any, *arrays: Any) -> Any:
        """Called by NumPy, here; JAX calls back."""
        results = self.call(*arrays)
        return results[0] if len(results) == 1 else results

    def call(self, *arrays: Any) -> tuple[np.ndarray, ...]:
        """What the function returns, as arrays of the promised types."""
        returned = self.function(*[np.asarray(x) for x in arrays])
        results = returned if isinstance(returned, tuple) else (returned,)
        assert len(results) == len(self.out_types), (self, len(results))
        pairs = zip(results, self.out_types, strict=True)
        return tuple([np.asarray(r, t.dtype).reshape(t.shape) for r, t in pairs])

    def flow(self, i: int, out: int, types: Sequence[TensorType]) -> Flow:
        if not is_float(self.out_types[out].dtype):
            return Flow.STEP
        known = self.rule is not None or self.push is not None
        return Flow.VALUE if known and is_float(types[i].dtype) else Flow.MISSING

    def pullback(
        self, wanted: Sequence[int], ins: Sequence[Var], outs: Sequence[Var], cts: Sequence[Var]
    ) -> dict[int, Var]:
        assert self.rule is not None, self
        found = HostCall(self.rule, tuple([x.type for x in ins])).apply(*ins, *cts)
        return {i: found[i] for i in wanted}

    def pushforward(
        self, ins: Sequence[Var], outs: Sequence[Var], tangents: dict[int, Var]
    ) -> tuple[Var, ...]:
        assert self.push is not None, self
        given = [tangents.get(i, _still(x.type)) for i, x in enumerate(ins)]
        return HostCall(self.push, self.out_types).apply(*ins, *given)


def _still(type: TensorType) -> Var:
    """The tangent of what does not move."""
    return full(type.shape, 0, type.dtype if is_float(type.dtype) else np.float64)


@dataclasses.dataclass(frozen=True)
class Repeated:
    """A function at every place of ``ndim`` batch axes, the first ones of the arrays that are ``mapped``."""

    function: Callable[..., Any]
    mapped: tuple[bool, ...]
    ndim: int

    @property
    def __name__(self) -> str:
        return getattr(self.function, "__name__", "function")


class HostLoop(Repeated):
    """A repeated function of NumPy arrays."""

    def __call__(self, *arrays: np.ndarray) -> Any:
        shape = next(x.shape[: self.ndim] for x, m in zip(arrays, self.mapped, strict=True) if m)
        rows = [
            self.function(*[x[i] if m else x for x, m in zip(arrays, self.mapped, strict=True)])
            for i in np.ndindex(shape)
        ]
        if rows and isinstance(rows[0], tuple):
            return tuple([_stacked(column, shape) for column in zip(*rows, strict=True)])
        return _stacked(rows, shape)


def _stacked(rows: Sequence[Any], shape: tuple[int, ...]) -> np.ndarray:
    stacked = np.stack([np.asarray(row) for row in rows])
    return stacked.reshape(*shape, *stacked.shape[1:])
