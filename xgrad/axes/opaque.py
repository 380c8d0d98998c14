"""Functions of JAX arrays that users bring along."""

from collections.abc import Callable
from typing import Any

from xgrad.axes.base import AbstractOpaque, TensorType


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
