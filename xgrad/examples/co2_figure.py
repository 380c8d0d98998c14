"""The figure of ``xgrad.examples.co2``: the record with its trend, the seasonal cycle, and what is left over.

Draws labeled arrays with matplotlib and knows nothing of how they were fitted.
"""

import numpy as np
import xarray as xr
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from xgrad.examples.figure_style import ABOVE, BELOW, DATA, FAINT, FIT, INK, QUIET, STYLE


def draw(
    co2: xr.DataArray, trend: xr.DataArray, cycle: xr.DataArray, predicted: xr.DataArray
) -> Figure:
    """Draw the fit; ``trend`` and ``predicted`` have dims ``time``, ``cycle`` has dims ``month``, all in ppm."""
    with rc_context(STYLE):
        figure = Figure(figsize=(10, 7.8), dpi=160)
        figure.set_layout_engine("constrained", w_pad=0.15, h_pad=0.15)
        panels = figure.subplot_mosaic(
            [["record", "record"], ["cycle", "residuals"]], height_ratios=[1.5, 1]
        )
        draw_record(panels["record"], co2, trend, predicted)
        draw_cycle(panels["cycle"], cycle)
        draw_residuals(panels["residuals"], co2 - predicted)
    return figure


def draw_record(
    axes: Axes, co2: xr.DataArray, trend: xr.DataArray, predicted: xr.DataArray
) -> None:
    """Weeks as dots, the fitted curves over them, and a tick at the bottom for every week without data."""
    time, missing = co2.time.values, co2.time.values[co2.isnull().values]
    axes.plot(time, co2, ".", color=DATA, markersize=2.6, label="weekly average")
    axes.plot(time, predicted, color=FIT, linewidth=0.7, label="trend and seasonal cycle")
    axes.plot(time, trend, color=INK, linewidth=1.6, label="trend")
    floor = np.full(missing.shape, float(co2.min()) - 5)
    axes.plot(
        missing,
        floor,
        "|",
        color=QUIET,
        markersize=7,
        markeredgewidth=0.7,
        label="week without data",
    )
    axes.set_title(f"CO₂ in the air at Mauna Loa, {co2.units}")
    axes.margins(x=0.01)
    axes.legend(loc="upper left", markerscale=1.6)


def draw_cycle(axes: Axes, cycle: xr.DataArray) -> None:
    """A bar for each month, with its value at the end that points away from zero."""
    colors = np.where(cycle > 0, ABOVE, BELOW).tolist()
    bars = axes.bar(cycle.month.values, cycle.values, color=colors, width=0.72)
    axes.bar_label(bars, fmt=signed, padding=2, fontsize=8, color=INK)
    axes.axhline(0, color=QUIET, linewidth=0.8)
    axes.set_title("Seasonal cycle, ppm above or below the trend")
    axes.tick_params(axis="x", length=0)
    axes.spines.bottom.set_visible(False)
    axes.margins(x=0.02, y=0.14)


def draw_residuals(axes: Axes, residuals: xr.DataArray) -> None:
    """What the model leaves, with a band of two standard deviations."""
    spread = float(residuals.std())
    axes.axhspan(-2 * spread, 2 * spread, color=FAINT, alpha=0.6, linewidth=0)
    axes.axhline(0, color=QUIET, linewidth=0.8)
    axes.plot(residuals.time.values, residuals, ".", color=DATA, markersize=2.6)
    axes.set_title(f"Residuals, ppm (shaded: two sd, ± {2 * spread:.1f})")
    axes.margins(x=0.01)
    furthest = 1.1 * float(abs(residuals).max())
    axes.set_ylim(-furthest, furthest)


def signed(value: float) -> str:
    """A number to one decimal with its sign, and no sign where it rounds to zero."""
    text = f"{value:+.1f}".replace("-", "−")
    return "0.0" if text[1:] == "0.0" else text
