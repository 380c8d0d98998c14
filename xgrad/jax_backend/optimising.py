"""Loops of optax: one compiled block of steps, run again until all are done.

Between blocks the host sees the losses, and can report how far it is. Blocks have one size, whatever is asked for, so
that everything compiles once; steps beyond the last one do nothing.
"""

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from xgrad.jax_backend.extras import require

BLOCK = 50
_PURPOSE = "xgrad.fit"


class Block(NamedTuple):
    """Some steps: the parameters after them, and the loss before each."""

    params: Any
    losses: np.ndarray


def run(
    loss: Callable[..., Any], start: Any, optimizer: Any, steps: int, key: Any
) -> Iterator[Block]:
    """Follow ``optimizer`` downhill on ``loss(params)``, or on ``loss(params, key)`` with a key of each step's own.

    ``start`` is a pytree of arrays, ``key`` the words of a key, or None.
    """
    optax = require("optax", _PURPOSE)
    optimizer = optax.with_extra_args_support(optimizer)

    def step(carry: Any, i: Any) -> tuple[Any, Any]:
        params, state = carry

        def cost(params: Any) -> Any:
            return loss(params) if key is None else loss(params, _key_of(key, i))

        value, gradient = jax.value_and_grad(cost)(params)
        updates, state = optimizer.update(
            gradient, state, params, value=value, grad=gradient, value_fn=cost
        )
        return (optax.apply_updates(params, updates), state), value

    def block(carry: Any, first: Any) -> tuple[Any, Any]:
        def one(carry: Any, i: Any) -> tuple[Any, Any]:
            rest = lambda carry, i: (carry, jnp.zeros((), like.dtype))  # noqa: E731
            return jax.lax.cond(i < steps, step, rest, carry, i)

        _, like = jax.eval_shape(step, carry, first)
        return jax.lax.scan(one, carry, first + jnp.arange(BLOCK))

    with jax.enable_x64(True):
        params = jax.tree.map(jnp.asarray, start)
        carry = (params, optimizer.init(params))
    compiled = jax.jit(block)
    for first in range(0, steps, BLOCK):
        with jax.enable_x64(True):
            carry, losses = compiled(carry, jnp.asarray(first))
        params = jax.tree.map(np.asarray, carry[0])
        yield Block(params, np.asarray(losses)[: steps - first])


def _key_of(key: Any, step: Any) -> Any:
    """The words of the key of a step."""
    return jax.random.key_data(jax.random.fold_in(jax.random.wrap_key_data(key), step))
