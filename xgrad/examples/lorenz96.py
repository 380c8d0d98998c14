"""Recover the weather of thirteen days ago from noisy observations of half of it: 4D-Var with Lorenz's model of 1996.

Run as ``python -m xgrad.examples.lorenz96``. The model has a variable at each of 40 sites around a circle of latitude::

    dx_k / dt = (x_{k+1} - x_{k-2}) x_{k-1} - x_k + F,        F = 8, a unit of time is five days

(E. N. Lorenz, "Predictability: a problem partly solved", ECMWF 1996.) It is chaotic: small errors double in two days.
Every other site is observed every six hours, with errors of standard deviation 1. The analysis is the initial state
that minimises

    J(x0) = |x0 - background|² / 2 σ_b²  +  Σ_t |x_t - observed_t|² / 2 σ_o²

where x_t is what 1,024 Runge-Kutta steps make of x0: J is a loop, its gradient another one in the other direction, and
``checkpoint="sqrt"`` keeps 32 states of the way instead of 1,024. Over a window this long J has many minima, so the
window grows: the analysis of the first quarter is where the search over the first half begins, and so on (C. Pires,
R. Vautard and O. Talagrand, "On extending the limits of variational assimilation in nonlinear chaotic systems",
Tellus A 48, 1996).
"""

import argparse
import sys
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import xarray as xr
from scipy.optimize import minimize

import xgrad as xg
from xgrad.examples import lorenz96_figure

SITES = np.arange(0.0, 360.0, 9.0)  # degrees east
FORCING = 8.0
STEPS, STEP = 1024, 0.0025  # 18 minutes each, 12.8 days together
DAYS = 5.0  # in a unit of time
SPIN_UP = 12000  # steps after which a state is typical
EVERY = 20  # steps between observations
NOISE, SPREAD = (
    1.0,
    2.0,
)  # standard deviations of observations, and of the background; those of the weather are 3.6
WINDOWS = (STEPS // 4, STEPS // 2, STEPS)
ITERATIONS = 40  # of the search, in each window


def main(arguments: list[str] | None = None) -> int:
    """Simulate, assimilate, check and plot; the exit status says whether the analysis is as good as it should be."""
    options = parse(arguments)
    study = simulate(options.seed)
    print(f"{study.observed.size} observations, {study.observed.sizes['time']} times\n")
    analysis = assimilate(study)
    result = evaluate(study, analysis)
    print(f"\n{result.to_pandas().round(3)}\n")
    followed, guessed = [trajectory(x, study.truth.time) for x in (analysis, study.background)]
    figure = lorenz96_figure.draw(study, followed, guessed, analysis)
    figure.savefig(options.output)
    print(f"figure: {options.output.resolve()}")
    return 0 if is_good(result) else 1


def parse(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m xgrad.examples.lorenz96", description=main.__doc__
    )
    parser.add_argument("--output", type=Path, default=Path("lorenz96.png"), help="the PNG")
    parser.add_argument("--seed", type=int, default=0, help="of the weather and its observations")
    return parser.parse_args(arguments)


# ---- the model -----------------------------------------------------------------------------------------------------
def tendency(x: xr.DataArray) -> xr.DataArray:
    """How fast the state changes, in units of it per five days."""
    return (x.roll(site=-1) - x.roll(site=2)) * x.roll(site=1) - x + FORCING


def advance(x: xr.DataArray) -> xr.DataArray:
    """The state one step later, by the classical method of Runge and Kutta."""
    k1 = tendency(x)
    k2 = tendency(x + STEP / 2 * k1)
    k3 = tendency(x + STEP / 2 * k2)
    k4 = tendency(x + STEP * k3)
    return x + STEP / 6 * (k1 + 2 * k2 + 2 * k3 + k4)


def trajectory(x: xr.DataArray, times: xr.DataArray) -> xr.DataArray:
    """The states (time, site) at ``times``, one step each, that follow the state ``x`` (site)."""

    def step(x: xr.DataArray, time: Any) -> tuple[xr.DataArray, xr.DataArray]:
        x = advance(x)
        return x, x

    return xg.scan(step, x, times, dim="time", checkpoint="sqrt")[1]


def times(steps: int) -> xr.DataArray:
    """Days since the start, after each step."""
    days = STEP * DAYS * np.arange(1, steps + 1)
    return xr.DataArray(days, coords={"time": days}, name="time")


# ---- what is known ---------------------------------------------------------------------------------------------------
class Study(NamedTuple):
    """The weather as it was, ``start`` (site) and ``truth`` (time, site), and what is known of it."""

    start: xr.DataArray
    truth: xr.DataArray
    observed: xr.DataArray  # (time, site): every EVERY-th step, every other site
    background: xr.DataArray  # (site): a guess of ``start``


def simulate(seed: int = 0) -> Study:
    """A typical state, what follows from it, and its noisy observations."""
    random = np.random.default_rng(seed)
    rest = xr.DataArray(FORCING + random.normal(size=SITES.size), coords={"site": SITES})
    start = xg.scan(lambda x, _: (advance(x), None), rest, length=SPIN_UP)[0].rename("x")
    truth = trajectory(start, times(STEPS))
    seen = truth.isel(time=slice(EVERY - 1, None, EVERY), site=slice(0, None, 2))
    observed = seen + NOISE * random.normal(size=seen.shape)
    background = start + SPREAD * random.normal(size=start.shape)
    return Study(start, truth, observed, background)


# ---- 4D-Var ----------------------------------------------------------------------------------------------------------
def cost(
    x: xr.DataArray, background: xr.DataArray, observed: xr.DataArray, times: xr.DataArray
) -> xr.DataArray:
    """J of the initial state ``x``: minus the log of its probability, up to a constant."""
    states = trajectory(x, times).sel(time=observed.time, site=observed.site)
    departures = ((states - observed) ** 2).sum() / NOISE**2
    return 0.5 * (departures + ((x - background) ** 2).sum() / SPREAD**2)


cost_and_gradient = xg.value_and_grad(cost)  # compiled at its first call for each window


def assimilate(study: Study, windows: tuple[int, ...] = WINDOWS) -> xr.DataArray:
    """The analysis: the initial state that fits the observations of the last window, found over growing ones."""
    analysis = study.background
    for steps in windows:
        analysis = search(analysis, study, times(steps))
    return analysis.rename("analysis")


def search(first: xr.DataArray, study: Study, times: xr.DataArray) -> xr.DataArray:
    """Minimise J over the window ``times``, beginning with the state ``first``, by L-BFGS."""
    observed = study.observed.sel(time=slice(None, times.time[-1]))

    def objective(vector: np.ndarray) -> tuple[float, np.ndarray]:
        x = first.copy(data=vector)
        value, gradient = cost_and_gradient(x, study.background, observed, times)
        return float(value), gradient.values

    options = {"maxiter": ITERATIONS}
    found = minimize(objective, first.values, jac=True, method="L-BFGS-B", options=options)
    print(
        f"{float(times[-1]):5.1f} days, {observed.size:4d} observations:  J = {found.fun:8.1f}"
        f" after {found.nfev} gradients"
    )
    return first.copy(data=found.x)


# ---- how good is it? -------------------------------------------------------------------------------------------------
def evaluate(study: Study, analysis: xr.DataArray) -> xr.DataArray:
    """Root mean square errors (state, part): of the guess and of the analysis, and at sites that were not observed."""
    unseen = ~study.start.site.isin(study.observed.site)
    states = {"background": study.background, "analysis": analysis}
    rows = []
    for state in states.values():
        followed = trajectory(state, study.truth.time) - study.truth
        start = state - study.start
        parts = (start, start.where(unseen), followed, followed.where(unseen))
        rows.append([float(np.sqrt((part**2).mean())) for part in parts])
    parts = ["start", "start, not observed", "all 13 days", "all 13 days, not observed"]
    return xr.DataArray(rows, coords={"state": list(states), "part": parts}, name="error")


def is_good(result: xr.DataArray) -> bool:
    """Whether the analysis has half the error of the guess, and over the window a third of an observation's."""
    start, followed = result.sel(part="start"), result.sel(part="all 13 days")
    better = start.sel(state="analysis") < start.sel(state="background") / 2
    return bool(better & (followed.sel(state="analysis") < NOISE / 3))


if __name__ == "__main__":
    sys.exit(main())
