"""Fit a trend and a seasonal cycle to the CO₂ record of Mauna Loa, with labels all the way.

Run as ``python -m xgrad.examples.co2``. The model is plain xarray::

    co2(t) = level + slope τ + curvature τ² + seasonal[month of t] + error,        τ in decades, centred

with one seasonal coefficient per month label. A constant could move from the seasonal cycle into the level, so the
cycle enters as its deviation from its own mean. The raw coefficients then have one direction that the loss does not see
and along which its gradient is zero: both fits below start from zero and end where the coefficients have mean zero.

The squared error is averaged over the weeks that have data (``mean`` skips NaN); xgrad differentiates and compiles it,
and SciPy's L-BFGS minimises it. Least squares also has a closed form, which says whether the fit is right.
"""

import argparse
import itertools
import sys
from collections.abc import Callable
from pathlib import Path
from statistics import median
from timeit import timeit

import numpy as np
import xarray as xr
from scipy.optimize import OptimizeResult, minimize

import xgrad as xg
from xgrad.datasets import load_co2
from xgrad.examples import co2_figure

MONTHS = np.array("Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split())
DECADE = np.timedelta64(87660, "h")
TOLERANCE = 1e-4  # ppm; the instrument resolves 0.1


def main(arguments: list[str] | None = None) -> int:
    """Fit, check, time and plot; the exit status says whether the fit equals the closed form."""
    options = parse(arguments)
    co2 = with_calendar(load_co2())
    print(f"{co2.title}\n{co2.sizes['time']} weeks, {int(co2.isnull().sum())} without data\n")

    fitted = fit(co2)
    show(fitted)
    error = largest_difference(fitted, closed_form(co2))
    print(f"largest difference from the closed form: {error:.1e} ppm (allowed: {TOLERANCE:.0e})\n")

    compare_speed(start(), co2)
    figure = co2_figure.draw(co2, trend(fitted, co2), cycle(fitted), predict(fitted, co2))
    figure.savefig(options.output)
    print(f"figure: {options.output.resolve()}")
    return 0 if error <= TOLERANCE else 1


def parse(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m xgrad.examples.co2", description=main.__doc__)
    parser.add_argument("--output", type=Path, default=Path("co2.png"), help="the PNG to write")
    return parser.parse_args(arguments)


def with_calendar(co2: xr.DataArray) -> xr.DataArray:
    """Add what the model needs to know of each week: its month's label, and decades since the middle of the record."""
    middle = co2.time.mean()
    return co2.assign_coords(
        month=("time", MONTHS[co2.time.dt.month - 1]),
        decades=(co2.time - middle) / DECADE,
    )


def start() -> xr.Dataset:
    """The coefficients before the fit: zeros, with the labels of the model."""
    seasonal = xr.DataArray(np.zeros(12), coords={"month": MONTHS})
    return xr.Dataset({"level": 0.0, "slope": 0.0, "curvature": 0.0, "seasonal": seasonal})


def trend(params: xr.Dataset, co2: xr.DataArray) -> xr.DataArray:
    return params.level + params.slope * co2.decades + params.curvature * co2.decades**2


def cycle(params: xr.Dataset) -> xr.DataArray:
    return params.seasonal - params.seasonal.mean("month")


def predict(params: xr.Dataset, co2: xr.DataArray) -> xr.DataArray:
    return trend(params, co2) + cycle(params).sel(month=co2.month)


def loss(params: xr.Dataset, co2: xr.DataArray) -> xr.DataArray:
    """The mean squared error over the weeks that have data, in ppm²."""
    return ((co2 - predict(params, co2)) ** 2).mean()


loss_and_gradient = xg.value_and_grad(loss)  # compiled at its first call


def fit(co2: xr.DataArray) -> xr.Dataset:
    """Minimise the loss with SciPy, which wants one flat vector: ``ravel`` goes there and ``unravel`` comes back."""
    vector, unravel = xg.ravel(start())
    steps = itertools.count(1)

    def objective(vector: np.ndarray) -> tuple[float, np.ndarray]:
        value, gradient = loss_and_gradient(unravel(vector), co2)
        return float(value), xg.ravel(gradient)[0]

    def progress(intermediate_result: OptimizeResult) -> None:
        print(f"  step {next(steps):3d}   mean squared error {intermediate_result.fun:14.6f} ppm²")

    print("fitting with L-BFGS-B:")
    stop = {"ftol": 0.0, "gtol": 1e-5}  # where the gradient vanishes, not where progress gets slow
    found = minimize(
        objective, vector, jac=True, method="L-BFGS-B", callback=progress, options=stop
    )
    print()
    return unravel(found.x)


def closed_form(co2: xr.DataArray) -> xr.Dataset:
    """The same fit by linear least squares on a design matrix, written with NumPy alone."""
    decades = co2.decades.values
    in_month = (co2.month.values[:, None] == MONTHS).astype(float)
    design = np.column_stack([np.ones_like(decades), decades, decades**2, in_month - 1 / 12])
    observed = np.isfinite(co2.values)
    solution, *_ = np.linalg.lstsq(design[observed], co2.values[observed])
    level, slope, curvature = solution[:3]
    seasonal = xr.DataArray(solution[3:], coords={"month": MONTHS})
    return xr.Dataset(
        {"level": level, "slope": slope, "curvature": curvature, "seasonal": seasonal}
    )


def largest_difference(one: xr.Dataset, other: xr.Dataset) -> float:
    return max(float(abs(difference).max()) for difference in (one - other).values())


def show(params: xr.Dataset) -> None:
    print(f"level      {params.level:9.4f} ppm in the middle of the record")
    print(f"slope      {params.slope:9.4f} ppm per decade")
    print(f"curvature  {params.curvature:9.4f} ppm per decade²")
    print(f"{params.seasonal.round(4)}\n")


def compare_speed(params: xr.Dataset, co2: xr.DataArray) -> None:
    """Print how long eager xarray takes in units of the compiled value and gradient together; medians, interleaved."""
    tasks: dict[str, Callable[[], object]] = {
        "xgrad, value and gradient": lambda: loss_and_gradient(params, co2),
        "eager xarray, value alone": lambda: loss(params, co2),
        "eager xarray, value and gradient by differences": lambda: differences(params, co2),
    }
    seconds: dict[str, list[float]] = {name: [] for name in tasks}
    for _ in range(7):
        for name, task in tasks.items():
            seconds[name].append(timeit(task, number=5) / 5)
    unit = median(seconds["xgrad, value and gradient"])
    print("time per call, xgrad = 1:")
    for name, values in seconds.items():
        print(f"  {name:48s}{median(values) / unit:8.1f}   ({1e3 * median(values):.3g} ms)")
    print()


def differences(params: xr.Dataset, co2: xr.DataArray, step: float = 1e-4) -> np.ndarray:
    """The gradient by forward differences: one more evaluation of the loss for every coefficient."""
    vector, unravel = xg.ravel(params)
    base = float(loss(params, co2))
    moved = [float(loss(unravel(vector + step * unit), co2)) for unit in np.eye(len(vector))]
    return (np.array(moved) - base) / step


if __name__ == "__main__":
    sys.exit(main())
