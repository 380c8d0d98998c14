"""The figure of ``xgrad.examples.lorenz96``: the state that was sought, the weather, and the errors over time.

Draws labeled arrays with matplotlib and knows nothing of how they were found.
"""

from typing import Any

import numpy as np
import xarray as xr
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from xgrad.examples.figure_style import DATA, FIT, INK, QUIET, STYLE

LARGEST = 8.0  # error that the colors resolve


def draw(
    study: Any, followed: xr.DataArray, guessed: xr.DataArray, analysis: xr.DataArray
) -> Figure:
    """Draw a study, the analysis (site), and what follows from it and from the background (both time, site)."""
    with rc_context(STYLE):
        figure = Figure(figsize=(10, 10), dpi=160)
        figure.set_layout_engine("constrained", w_pad=0.15, h_pad=0.15)
        panels = figure.subplot_mosaic(
            [["start"] * 3, ["truth", "guessed", "followed"], ["errors"] * 3],
            height_ratios=[1, 1.5, 1],
        )
        draw_start(panels["start"], study, analysis)
        draw_weather(panels["truth"], study)
        draw_error(panels["guessed"], guessed - study.truth, "Error from the background")
        image = draw_error(panels["followed"], followed - study.truth, "Error from the analysis")
        figure.colorbar(image, ax=panels["followed"], shrink=0.8, extend="both")
        draw_errors(panels["errors"], study, followed, guessed)
    return figure


def draw_start(axes: Axes, study: Any, analysis: xr.DataArray) -> None:
    """The state that was sought, with what was guessed and what was found."""
    site = study.start.site
    axes.plot(site, study.background, "x", color=DATA, label="background")
    axes.plot(site, study.start, color=INK, linewidth=1.4, label="truth")
    axes.plot(site, analysis, "o", color=FIT, markersize=4, label="analysis")
    floor = np.full(study.observed.sizes["site"], float(study.background.min()) - 1.5)
    axes.plot(study.observed.site, floor, "|", color=QUIET, markersize=7, label="observed site")
    axes.set_title("The state thirteen days ago")
    axes.set_xlabel("degrees east")
    axes.set_xticks(range(0, 360, 45))
    axes.margins(x=0.01, y=0.12)
    axes.legend(loc="upper center", ncols=4, bbox_to_anchor=(0.7, 1.17))


def draw_weather(axes: Axes, study: Any) -> None:
    """The true states, with a dot where and when one was observed."""
    show(axes, study.truth, "viridis", (None, None))
    time, site = xr.broadcast(study.observed.time, study.observed.site)
    axes.plot(site.values.ravel(), time.values.ravel(), ".", color="white", markersize=1)
    axes.set_title("Truth, observed at the dots")
    axes.set_ylabel("days")


def draw_error(axes: Axes, error: xr.DataArray, title: str) -> Any:
    """How far the states of a run are from the true ones."""
    image = show(axes, error, "RdBu_r", (-LARGEST, LARGEST))
    axes.set_title(title)
    return image


def show(
    axes: Axes, states: xr.DataArray, colors: str, limits: tuple[float | None, float | None]
) -> Any:
    """States (time, site) as colors; later ones further up."""
    axes.grid(False)
    axes.set_xlabel("degrees east")
    low, high = limits
    image = axes.pcolormesh(
        states.site, states.time, states, cmap=colors, vmin=low, vmax=high, rasterized=True
    )
    axes.set_xticks([0, 90, 180, 270])
    return image


def draw_errors(axes: Axes, study: Any, followed: xr.DataArray, guessed: xr.DataArray) -> None:
    """The root mean square error over all sites, day by day."""
    for states, color, label in (
        (guessed, DATA, "from the background"),
        (followed, FIT, "from the analysis"),
    ):
        error = np.sqrt(((states - study.truth) ** 2).mean("site"))
        axes.plot(error.time, error, color=color, linewidth=1.8, label=label)
    axes.axhline(1, color=QUIET, linewidth=0.8, linestyle=":")
    axes.text(0.1, 1.07, "error of an observation", color=QUIET, va="bottom")
    axes.set_yscale("log")
    axes.set_yticks([0.1, 0.3, 1, 3], labels=["0.1", "0.3", "1", "3"])
    axes.minorticks_off()
    axes.set_title("Root mean square error")
    axes.set_xlabel("days")
    axes.margins(x=0.01)
    axes.legend(loc="center right", bbox_to_anchor=(1, 0.42))
