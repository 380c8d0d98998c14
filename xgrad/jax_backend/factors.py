"""A Cholesky factor that may not exist, so that JAX can differentiate what falls back on something else.

Our own gradients never meet it: they are expanded before matrices are factored. But a compiled function can stand
inside ``jax.grad``, and JAX's rule would multiply the zero that comes out of the branch not taken by NaN.
"""

from typing import Any

import jax
import jax.numpy as jnp

from xgrad.axes.linalg import TriedCholesky


@jax.custom_jvp
def _tried(a: Any) -> Any:
    return jnp.linalg.cholesky(a)


@_tried.defjvp
def _tried_jvp(primals: tuple[Any], tangents: tuple[Any]) -> tuple[Any, Any]:
    """L̇ = L Φ(L⁻¹ Ȧ L⁻ᵀ), as for any factor; where there is none, with the identity in its place."""
    (a,), (t,) = primals, tangents
    lower = _tried(a)
    found = jnp.isfinite(lower).all((-2, -1), keepdims=True)
    safe = jnp.where(found, lower, jnp.eye(a.shape[-1], dtype=a.dtype))
    symmetric = (t + jnp.swapaxes(t, -1, -2)) / 2
    left = _solve(safe, symmetric)
    inner = _solve(safe, jnp.swapaxes(left, -1, -2))
    return lower, safe @ ((jnp.tril(inner) + jnp.tril(inner, -1)) / 2)


def _solve(lower: Any, b: Any) -> Any:
    return jax.lax.linalg.triangular_solve(lower, b, left_side=True, lower=True)


def tried_cholesky(op: TriedCholesky, xp: Any, a: Any) -> Any:
    """The factor, or NaN, with a derivative that is finite either way."""
    return _tried(a)
