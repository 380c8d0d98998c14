"""4D-Var with Lorenz-96, 1,024 checkpointed steps: the gradient of the labeled program over hand-written JAX."""

from collections.abc import Callable, Iterator
from math import isqrt
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from benchmarks.measure import interleaved
from xgrad.examples.lorenz96 import (
    EVERY,
    FORCING,
    NOISE,
    SPREAD,
    STEP,
    STEPS,
    Study,
    cost_and_gradient,
    simulate,
)


def tendency(x: Any) -> Any:
    return (jnp.roll(x, -1) - jnp.roll(x, 2)) * jnp.roll(x, 1) - x + FORCING


def advance(x: Any, _: Any) -> tuple[Any, Any]:
    k1 = tendency(x)
    k2 = tendency(x + STEP / 2 * k1)
    k3 = tendency(x + STEP / 2 * k2)
    k4 = tendency(x + STEP * k3)
    x = x + STEP / 6 * (k1 + 2 * k2 + 2 * k3 + k4)
    return x, x


@jax.checkpoint  # pyright: ignore[reportUntypedFunctionDecorator]
def segment(x: Any, _: Any) -> tuple[Any, Any]:
    return lax.scan(advance, x, None, length=isqrt(STEPS))


def cost(x: Any, background: Any, observed: Any) -> Any:
    """J, as in the example, with segments of √n steps of which the first state is kept."""
    states = lax.scan(segment, x, None, length=isqrt(STEPS))[1].reshape(STEPS, -1)
    departures = jnp.sum((states[EVERY - 1 :: EVERY, ::2] - observed) ** 2) / NOISE**2
    return 0.5 * (departures + jnp.sum((x - background) ** 2) / SPREAD**2)


cost_and_gradient_by_hand = jax.jit(jax.value_and_grad(cost))


def calls(study: Study) -> dict[str, Callable[[], Any]]:
    """Value and gradient at the background, by labels and by hand."""
    background, observed = study.background, study.observed
    arrays = background.values, background.values, observed.values

    def run_by_hand() -> Any:
        with jax.enable_x64(True):
            return [np.asarray(a) for a in cost_and_gradient_by_hand(*arrays)]

    return {
        "labels": lambda: cost_and_gradient(background, background, observed, study.truth.time),
        "by hand": run_by_hand,
    }


def rows() -> Iterator[tuple[str, str]]:
    """Agreement, and run time as a ratio."""
    run = calls(simulate())
    (value, gradient), (value_by_hand, gradient_by_hand) = run["labels"](), run["by hand"]()
    worst = abs(gradient.values / gradient_by_hand - 1).max()
    yield "largest relative difference of gradients", f"{worst:.0e}"
    timings = interleaved(run, rounds=31, calls=3)
    ratio = timings["labels"].median / timings["by hand"].median
    best = timings["labels"].best / timings["by hand"].best
    milliseconds = 1e3 * timings["labels"].best
    yield "value and gradient", f"{ratio:.2f} (best {best:.2f}; {milliseconds:.1f} ms)"
    assert np.isclose(value, value_by_hand, rtol=1e-9)
