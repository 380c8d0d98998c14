"""Curves fitted pixel by pixel: ``xgrad.curvefit`` against ``DataArray.curvefit``, which calls SciPy for each pixel.

2,000 pixels of 50 times, a tenth of the values missing, two parameters: an exponential decay as it stands, the same
with a bound, and a straight line.
"""

import time
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np
import xarray as xr

import xgrad as xg
from benchmarks.measure import interleaved

PIXELS, TIMES = 2000, 50
TIGHT = {"ftol": 1e-14, "xtol": 1e-14, "gtol": 1e-14, "maxfev": 10_000}


class Case(NamedTuple):
    """A curve, and the options that both sides are called with."""

    curve: Callable[..., Any]
    options: dict[str, Any]


def decay(t: Any, size: Any, rate: Any) -> Any:
    return size * np.exp(-t * rate)


def line(t: Any, level: Any, slope: Any) -> Any:
    return level + slope * t


CASES = {
    "decay": Case(decay, {}),
    "decay, bounded": Case(decay, {"bounds": {"rate": (0.0, 10.0)}}),
    "straight line": Case(line, {}),
}


def data(pixels: int = PIXELS, times: int = TIMES) -> xr.DataArray:
    """Decays with noise and gaps, seeded."""
    rng = np.random.default_rng(0)
    t = np.linspace(0, 5, times)
    size, rate = rng.uniform(1, 3, (pixels, 1)), rng.uniform(0.5, 2, (pixels, 1))
    values = decay(t, size, rate) + 0.05 * rng.normal(size=(pixels, times))
    values[rng.uniform(size=values.shape) < 0.1] = np.nan
    return xr.DataArray(values, dims=("pixel", "time"), coords={"time": t}, name="y")


def difference(ours: xr.Dataset, theirs: xr.Dataset) -> float:
    """The greatest difference of a parameter, relative to it."""
    one, other = ours.curvefit_coefficients, theirs.curvefit_coefficients
    return float(abs(one / other - 1).max())


def rows(rounds: int = 7) -> Iterator[tuple[str, str]]:
    """Per case: how many times faster a warm call is, by the clock and in processor time; how equal the results are."""
    y = data()
    for name, (curve, options) in CASES.items():
        runs = {
            "xgrad": lambda c=curve, o=options: xg.curvefit(y, "time", c, **o),
            "xarray": lambda c=curve, o=options: y.curvefit("time", c, **o),
        }
        times = interleaved(runs, rounds=rounds, calls=1)
        spent = interleaved(runs, rounds=rounds, calls=1, clock=time.process_time)
        tight = {k: v for k, v in TIGHT.items() if "bounds" not in options or k != "maxfev"}
        exact = y.curvefit("time", curve, **options, kwargs=tight)
        yield (
            name,
            f"{times['xarray'].median / times['xgrad'].median:.0f}× faster"
            f" ({times['xgrad'].median * 1e3:.1f} ms against {times['xarray'].median * 1e3:.0f} ms);"
            f" processor time {spent['xarray'].median / spent['xgrad'].median:.0f}×",
        )
        yield (
            f"{name}: greatest relative difference",
            f"{difference(runs['xgrad'](), runs['xarray']()):.0e} at SciPy's tolerance,"
            f" {difference(runs['xgrad'](), exact):.0e} at 1e-14",
        )
