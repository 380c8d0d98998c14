"""Six programs around one loop, each on labeled arrays and by hand in JAX."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import xarray as xr
from jax import lax

import xgrad

Cost = Callable[..., Any]


class LoopProgram(NamedTuple):
    """A cost through a loop, twice, to be differentiated by all its arguments."""

    name: str
    labeled: Cost
    by_hand: Cost
    arguments: tuple[xr.DataArray, ...]


def loop_programs() -> list[LoopProgram]:
    """The six, with seeded arguments."""
    rng = np.random.default_rng(0)
    return [
        _rnn(rng),
        _kalman(rng),
        _lorenz(rng),
        _ar2(rng),
        _epidemic(rng),
        _leapfrog(rng),
    ]


def _rnn(rng: np.random.Generator) -> LoopProgram:
    """A recurrent cell of 32 units over 100 steps of 8 sequences with 16 features."""
    data = xr.DataArray(rng.normal(size=(100, 8, 16)), dims=("time", "batch", "feature"))
    inside = xr.DataArray(rng.normal(size=(32, 32)) / 6, dims=("unit", "before"))
    outside = xr.DataArray(rng.normal(size=(32, 16)) / 4, dims=("unit", "feature"))
    bias = xr.DataArray(rng.normal(size=32), dims="unit")
    x = data.values

    def labeled(inside: Any, outside: Any, bias: Any) -> Any:
        def step(state: Any, row: Any) -> tuple[Any, Any]:
            drive = xr.dot(inside, state.rename(unit="before"), dim="before")
            state = np.tanh(drive + xr.dot(outside, row, dim="feature") + bias)
            return state, (state**2).mean(skipna=False)

        start = xr.DataArray(np.zeros((32, 8)), dims=("unit", "batch"))
        return xgrad.scan(step, start, data, dim="time")[1].sum(skipna=False)

    def by_hand(inside: Any, outside: Any, bias: Any) -> Any:
        def step(state: Any, row: Any) -> tuple[Any, Any]:
            state = jnp.tanh(inside @ state + outside @ row.T + bias[:, None])
            return state, jnp.mean(state**2)

        return lax.scan(step, jnp.zeros((32, 8)), x)[1].sum()

    return LoopProgram("RNN cell", labeled, by_hand, (inside, outside, bias))


def _kalman(rng: np.random.Generator) -> LoopProgram:
    """The log-likelihood of 200 observations by a filter of four states."""
    y = np.sin(np.arange(200) / 9) + 0.1 * rng.normal(size=200)
    moves = xr.DataArray(0.9 * np.eye(4) + 0.05 * rng.normal(size=(4, 4)), dims=("to", "state"))
    seen = xr.DataArray(rng.normal(size=4), dims="state")
    noise = xr.DataArray(np.array(-1.0))
    data = xr.DataArray(y, dims="time")
    twin = {"state": "other"}

    def labeled(moves: Any, seen: Any, noise: Any) -> Any:
        shocks = xr.DataArray(np.eye(4), dims=("state", "other"))
        moves_other = moves.rename(state="other", to="to_other")

        def step(carry: Any, y: Any) -> tuple[Any, Any]:
            mean, spread = carry
            mean = xr.dot(moves, mean, dim="state").rename(to="state")
            spread = xr.dot(xr.dot(moves, spread, dim="state"), moves_other, dim="other")
            spread = spread.rename(to="state", to_other="other") + shocks
            gain = xr.dot(spread, seen.rename(twin), dim="other")
            total = xr.dot(gain, seen, dim="state") + np.exp(noise)
            error = y - xr.dot(seen, mean, dim="state")
            mean = mean + gain * error / total
            spread = spread - gain * gain.rename(twin) / total
            return (mean, spread), -0.5 * (np.log(total) + error**2 / total)

        start = xr.DataArray(np.zeros(4), dims="state"), shocks
        return xgrad.scan(step, start, data, dim="time")[1].sum(skipna=False)

    def by_hand(moves: Any, seen: Any, noise: Any) -> Any:
        shocks = jnp.eye(4)

        def step(carry: Any, y: Any) -> tuple[Any, Any]:
            mean, spread = carry
            mean = moves @ mean
            spread = moves @ spread @ moves.T + shocks
            gain = spread @ seen
            total = seen @ gain + jnp.exp(noise)
            error = y - seen @ mean
            mean = mean + gain * error / total
            spread = spread - jnp.outer(gain, gain) / total
            return (mean, spread), -0.5 * (jnp.log(total) + error**2 / total)

        return lax.scan(step, (jnp.zeros(4), shocks), y)[1].sum()

    return LoopProgram("Kalman filter", labeled, by_hand, (moves, seen, noise))


def _lorenz(rng: np.random.Generator) -> LoopProgram:
    """Lorenz-96 with 40 variables: 1,024 steps of Runge-Kutta; how far the way stays from its mean."""
    start = xr.DataArray(8.0 + 0.1 * rng.normal(size=40), dims="site")
    dt = 0.01

    def labeled(start: Any) -> Any:
        def rate(x: Any) -> Any:
            return (x.roll(site=-1) - x.roll(site=2)) * x.roll(site=1) - x + 8.0

        def step(x: Any, _: Any) -> tuple[Any, Any]:
            x = _runge_kutta(rate, x, dt)
            return x, ((x - 2.0) ** 2).mean(skipna=False)

        return xgrad.scan(step, start, length=1024)[1].mean(skipna=False)

    def by_hand(start: Any) -> Any:
        def rate(x: Any) -> Any:
            return (jnp.roll(x, -1) - jnp.roll(x, 2)) * jnp.roll(x, 1) - x + 8.0

        def step(x: Any, _: Any) -> tuple[Any, Any]:
            x = _runge_kutta(rate, x, dt)
            return x, jnp.mean((x - 2.0) ** 2)

        return lax.scan(step, start, length=1024)[1].mean()

    return LoopProgram("Lorenz-96", labeled, by_hand, (start,))


def _runge_kutta(rate: Callable[[Any], Any], x: Any, dt: float) -> Any:
    one = rate(x)
    two = rate(x + dt / 2 * one)
    three = rate(x + dt / 2 * two)
    four = rate(x + dt * three)
    return x + dt / 6 * (one + 2 * two + 2 * three + four)


def _ar2(rng: np.random.Generator) -> LoopProgram:
    """The log-likelihood of 4,000 values of y(t) = a y(t-1) + b y(t-2) + e(t), the last two values carried."""
    values = rng.normal(size=4000).cumsum() / 10
    data = xr.DataArray(values, dims="time")
    arguments = [xr.DataArray(np.array(v)) for v in (0.5, 0.2, -0.3)]

    def step_of(a: Any, b: Any, log_scale: Any, exp: Any) -> Any:
        def step(last: Any, y: Any) -> tuple[Any, Any]:
            one, two = last
            error = (y - a * one - b * two) * exp(-log_scale)
            return (y, one), -0.5 * error**2 - log_scale

        return step

    def labeled(a: Any, b: Any, log_scale: Any) -> Any:
        step = step_of(a, b, log_scale, np.exp)
        return xgrad.scan(step, (0.0, 0.0), data, dim="time")[1].sum(skipna=False)

    def by_hand(a: Any, b: Any, log_scale: Any) -> Any:
        step = step_of(a, b, log_scale, jnp.exp)
        return lax.scan(step, (0.0, 0.0), values)[1].sum()

    return LoopProgram("AR(2) likelihood", labeled, by_hand, tuple(arguments))


def _epidemic(rng: np.random.Generator) -> LoopProgram:
    """Susceptible, infected and recovered in 16 regions over a year; the misfit to what was reported."""
    reported = np.abs(rng.normal(size=(365, 16)))
    data = xr.DataArray(reported, dims=("day", "region"))
    first = np.full(16, 0.01)
    contact = xr.DataArray(0.3 + 0.02 * rng.normal(size=16), dims="region")
    recovery = xr.DataArray(np.array(0.1))

    def step_of(contact: Any, recovery: Any, total: Callable[[Any], Any]) -> Any:
        def step(state: Any, seen: Any) -> tuple[Any, Any]:
            susceptible, infected, recovered = state
            new = contact * susceptible * infected
            healed = recovery * infected
            state = susceptible - new, infected + new - healed, recovered + healed
            return state, total((new - 0.01 * seen) ** 2) + total(state[2]) * 1e-6

        return step

    def labeled(contact: Any, recovery: Any) -> Any:
        region = xr.DataArray(first, dims="region")
        step = step_of(contact, recovery, lambda x: x.sum(skipna=False))
        return xgrad.scan(step, (1 - region, region, 0 * region), data, dim="day")[1].sum(
            skipna=False
        )

    def by_hand(contact: Any, recovery: Any) -> Any:
        step = step_of(contact, recovery, jnp.sum)
        return lax.scan(step, (1 - first, first, 0 * first), reported)[1].sum()

    return LoopProgram("SIR epidemic", labeled, by_hand, (contact, recovery))


def _leapfrog(rng: np.random.Generator) -> LoopProgram:
    """A chain of 64 oscillators with a quartic term over 500 leapfrog steps; where it ends."""
    place = xr.DataArray(rng.normal(size=64), dims="site")
    speed = xr.DataArray(rng.normal(size=64), dims="site")
    dt = 0.02

    def step_of(force: Callable[[Any], Any]) -> Any:
        def step(state: Any, _: Any) -> tuple[Any, None]:
            place, speed = state
            speed = speed + dt / 2 * force(place)
            place = place + dt * speed
            speed = speed + dt / 2 * force(place)
            return (place, speed), None

        return step

    def labeled(place: Any, speed: Any) -> Any:
        def force(q: Any) -> Any:
            return q.roll(site=1) + q.roll(site=-1) - 2 * q - q**3

        (place, speed), _ = xgrad.scan(step_of(force), (place, speed), length=500)
        return (place**2 + speed**2).sum(skipna=False)

    def by_hand(place: Any, speed: Any) -> Any:
        def force(q: Any) -> Any:
            return jnp.roll(q, 1) + jnp.roll(q, -1) - 2 * q - q**3

        (place, speed), _ = lax.scan(step_of(force), (place, speed), length=500)
        return jnp.sum(place**2 + speed**2)

    return LoopProgram("Leapfrog", labeled, by_hand, (place, speed))


def gradient(program: LoopProgram) -> tuple[Cost, Cost]:
    """Value and gradient by all arguments, ours and by hand."""
    which = tuple(range(len(program.arguments)))
    return (
        xgrad.value_and_grad(program.labeled, which),
        jax.jit(jax.value_and_grad(program.by_hand, which)),
    )


def hessian_product(program: LoopProgram) -> tuple[Cost, Cost]:
    """Forward over reverse, ours and by hand. The direction is an input of both, equal to the arguments as it may be:
    where one program were told that it is the same, XLA would compute their products only once.
    """
    which = tuple(range(len(program.arguments)))
    slope = jax.grad(program.by_hand, which)
    ours = xgrad.hessian_vector_product(program.labeled, which)
    hand = jax.jit(lambda arguments, direction: jax.jvp(slope, arguments, direction)[1])
    return (
        lambda *arguments: ours(*arguments, arguments),
        lambda *arguments: hand(arguments, arguments),
    )
