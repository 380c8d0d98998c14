"""Derivatives of six loops over hand-written JAX; memory of checkpoints, compile time, many small carries."""

from collections.abc import Callable, Iterator
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import xarray as xr

import xgrad
from benchmarks.loop_programs import LoopProgram, gradient, hessian_product, loop_programs
from benchmarks.measure import interleaved, median_ratio, seconds

Row = tuple[str, str]
Pair = tuple[Callable[..., Any], Callable[..., Any]]


def rows() -> Iterator[Row]:
    """All of it."""
    yield from derivatives("value and gradient", gradient)
    yield from derivatives("product with the Hessian", hessian_product)
    yield from checkpoints()
    yield "1,000 steps over 10", f"compile time {compile_times():.2f}×"
    yield from carries()


# ---- the six programs ------------------------------------------------------------------------------------------------
def derivatives(what: str, make: Callable[[LoopProgram], Pair]) -> Iterator[Row]:
    """Run time of each program, and the median."""
    pairs = []
    for program in loop_programs():
        mine, theirs = run_times(program, *make(program))
        pairs.append((mine, theirs))
        text = f"{mine / theirs:.2f}×  ({mine * 1e6:.0f} µs against {theirs * 1e6:.0f} µs)"
        yield f"{program.name}, {what}", text
    yield f"median of six, {what}", f"{median_ratio(pairs):.2f}×"


def run_times(
    program: LoopProgram, ours: Callable[..., Any], hand: Callable[..., Any]
) -> tuple[float, float]:
    """Seconds of both, on JAX arrays, labels included on our side."""
    with jax.enable_x64(True):
        labeled = [a.copy(data=jnp.asarray(a.values)) for a in program.arguments]
        raw = [a.data for a in labeled]
        found = interleaved(
            {
                "ours": lambda: jax.block_until_ready(_arrays(ours(*labeled))),
                "hand": lambda: jax.block_until_ready(hand(*raw)),
            },
            rounds=21,
            calls=5,
        )
    return found["ours"].median, found["hand"].median


def _arrays(result: Any) -> Any:
    return jax.tree.map(lambda x: getattr(x, "data", x), result)


# ---- long loops ------------------------------------------------------------------------------------------------------
def checkpoints(length: int = 4096, size: int = 256) -> Iterator[Row]:
    """A gradient through many steps that keeps √n carries, over one that keeps all."""
    start = xr.DataArray(np.full(size, 0.1), dims="x")
    found = {how: checkpointed(length, how) for how in (None, "sqrt")}
    kept = {how: temporaries(f, start) for how, f in found.items()}
    yield f"checkpoint='sqrt', {length:,} steps, memory", f"{kept['sqrt'] / kept[None]:.3f}×"
    times = interleaved(
        {str(how): lambda f=f: f(start) for how, f in found.items()}, rounds=9, calls=2
    )
    ratio = times["sqrt"].median / times["None"].median
    yield f"checkpoint='sqrt', {length:,} steps, time", f"{ratio:.2f}×"


def checkpointed(length: int, checkpoint: Any) -> Any:
    """The gradient of a loop of some work in each step."""

    def cost(start: Any) -> Any:
        def step(c: Any, _: Any) -> tuple[Any, None]:
            return c + 0.01 * np.sin(c) * np.cos(c.roll(x=1)), None

        last, _ = xgrad.scan(step, start, length=length, checkpoint=checkpoint)
        return (last**2).sum(skipna=False)

    return xgrad.grad(cost)


def temporaries(compiled: Any, *arguments: Any) -> int:
    """The bytes that the compiled program needs besides its inputs and outputs."""
    return compiled.program(*arguments).executable.memory().temporaries


def compile_times(rounds: int = 7) -> float:
    """From the call to the first gradient, of 1,000 steps over 10, on fresh caches each time."""
    start = xr.DataArray(np.full(8, 0.1), dims="x")
    pairs = []
    for _ in range(rounds):
        times = []
        for length in (1000, 10):
            jax.clear_caches()
            times.append(seconds(lambda n=length: checkpointed(n, None)(start)))
        pairs.append(tuple(times))
    return median_ratio(pairs)


# ---- many small carries ----------------------------------------------------------------------------------------------
def carries(length: int = 1000) -> Iterator[Row]:
    """One, ten and a hundred carried numbers, over JAX with as many."""
    for count in (1, 10, 100):
        start = xr.DataArray(np.linspace(0.1, 0.9, count), dims="p")

        def steps(c: Any, sin: Any, count: int = count) -> list[Any]:
            return [0.5 * sin(c[k]) + 0.1 * c[(k + 1) % count] for k in range(count)]

        def ours(x: Any, count: int = count, steps: Any = steps) -> Any:
            first = [x.isel(p=k) for k in range(count)]
            last, _ = xgrad.scan(lambda c, _: (steps(c, np.sin), None), first, length=length)
            return last[0] + last[-1]

        def hand(x: Any, count: int = count, steps: Any = steps) -> Any:
            step = lambda c, _: (steps(c, jnp.sin), None)  # noqa: E731
            last, _ = jax.lax.scan(step, [x[k] for k in range(count)], length=length)
            return last[0] + last[-1]

        program = LoopProgram(f"{count} scalar carries", ours, hand, (start,))
        mine, theirs = run_times(program, *gradient(program))
        yield f"{count} scalar carries, gradient", f"{mine / theirs:.2f}×  ({mine * 1e6:.0f} µs)"
