"""Time to the first result: tracing, lowering, rewriting and XLA, against hand-written JAX. Every sample is a fresh
function on fresh caches; the two contenders take turns."""

import gc
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import jax
import xarray as xr

import xgrad
from benchmarks.measure import median_ratio, seconds
from benchmarks.programs import Program, programs
from xgrad.jax_backend.executable import executables

ROUNDS = 5


def rows() -> Iterator[tuple[str, str]]:
    """Value and value-with-gradient of each program."""
    for program in programs():
        which = program.argnums
        ours = partial(xgrad.value_and_grad, argnums=which)
        yield f"{program.name}, value", _compare(program, xgrad.jit, jax.jit)
        yield (
            f"{program.name}, value and gradient",
            _compare(program, ours, _jitted_gradient(which)),
        )


def _jitted_gradient(which: tuple[int, ...]) -> Callable[..., Any]:
    return lambda fun: jax.jit(jax.value_and_grad(fun, argnums=which))


def _compare(program: Program, ours: Callable[..., Any], theirs: Callable[..., Any]) -> str:
    pairs = []
    raw = [a.values for a in program.arguments]
    for _ in range(ROUNDS):
        _clear()
        mine = seconds(lambda: ours(_fresh(program.labeled))(*program.arguments))
        _clear()
        pairs.append((mine, seconds(lambda: _by_hand(theirs(_fresh(program.by_hand)), raw))))
    mine, hand = (sorted(side)[ROUNDS // 2] for side in zip(*pairs, strict=True))
    return f"{median_ratio(pairs):.2f}×  ({mine:.2f} s against {hand:.2f} s)"


def _clear() -> None:
    """Empty all caches, and collect what they held: the next sample would pay for it."""
    jax.clear_caches()
    executables.clear()
    gc.collect()


def _by_hand(fun: Callable[..., Any], raw: list[Any]) -> None:
    with jax.enable_x64(True):
        jax.block_until_ready(fun(*raw))


def _fresh(fun: Callable[..., Any]) -> Callable[..., Any]:
    """The same function as a new object, unknown to every cache."""

    def again(*args: xr.DataArray) -> Any:
        return fun(*args)

    return again
