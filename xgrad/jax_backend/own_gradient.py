"""JAX functions whose derivatives are our programs, for JAX libraries that differentiate by themselves."""

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, field
from typing import Any

import jax
import jax.numpy as jnp

from xgrad.jax_backend.executable import Executable


def with_gradient(
    value: Callable[[Any], Any], value_and_grad: Callable[[Any], tuple[Any, Any]]
) -> Callable[[Any], Any]:
    """``value``, a scalar function of a pytree of arrays, differentiated by ``value_and_grad`` in either mode.

    JAX's own transformations of the program would lose what ours knows of masked and unstable values.
    """

    @jax.custom_jvp
    def function(x: Any) -> Any:
        return value(x)

    @function.defjvp
    def pushforward(primals: tuple, tangents: tuple) -> tuple[Any, Any]:
        (x,), (t,) = primals, tangents
        out, gradient = value_and_grad(x)
        products = jax.tree.map(lambda g, d: jnp.sum(g * d), gradient, t)
        return out, sum(jax.tree.leaves(products))

    return function


@dataclass(frozen=True)
class Part:
    """An executable of some free arrays and of others. Parts of the same structure are equal, whatever they are of."""

    executable: Executable
    layout: Hashable  # of the result
    plain: Callable[[Any], Any] = field(compare=False)  # the result, out of the outputs

    def __call__(self, free: list[Any], others: Sequence[Any]) -> Any:
        return self.plain(self.executable(*free, *others))


@dataclass(frozen=True)
class Form:
    """A scalar function of arrays under ``keys``, without the data in it: what samplers compile, and find again."""

    keys: tuple[str, ...]
    value: Part
    both: Part  # the value, and a dict of the gradient in the order of the keys

    def bound(self, others: tuple[Any, Any]) -> Callable[[dict[str, Any]], Any]:
        """The function for its data and constants, of the value and of both; they may be tracers of a ``jax.jit``."""
        first, second = others
        return with_gradient(
            lambda x: self.value(self._free(x), first), lambda x: self._both(x, second)
        )

    def _both(self, x: dict[str, Any], others: Any) -> tuple[Any, dict[str, Any]]:
        value, gradient = self.both(self._free(x), others)
        return value, dict(zip(self.keys, gradient.values(), strict=True))

    def _free(self, x: dict[str, Any]) -> list[Any]:
        return [x[key] for key in self.keys]
