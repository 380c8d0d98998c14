"""A JAX function whose derivative is one of our programs, for JAX libraries that differentiate by themselves."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp


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
