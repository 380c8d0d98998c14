"""What a posterior says of itself: means, spreads, and whether its chains agree."""

import warnings

import numpy as np
import xarray as xr

from xgrad.errors import ConvergenceWarning
from xgrad.jax_backend.diagnostics import diagnose
from xgrad.model.declaring import first_place
from xgrad.model.results import posterior_of

_QUANTILES = {"q5": 0.05, "q50": 0.5, "q95": 0.95}
_HIGHEST_RHAT = 1.01  # Vehtari et al. (2021)
_FEWEST = 100  # effective draws a chain, of the same source


def summary(result: xr.DataTree | xr.Dataset) -> xr.Dataset:
    """The posterior in numbers, along the dim ``statistic``: mean, sd, quantiles, and how far its draws can be trusted.

    ``mcse`` is the Monte Carlo standard error of the mean, ``ess_bulk`` and ``ess_tail`` the effective numbers of
    draws, ``rhat`` compares the chains (1: they agree). Raises ImportError where blackjax is missing (``pip install
    'xgrad[sample]'``), ArgumentError where there is no posterior.

    >>> import numpy as np, xarray as xr
    >>> draws = xr.Dataset({"x": (("chain", "draw"), np.random.default_rng(0).normal(size=(4, 500)))})
    >>> round(float(summary(draws).x.sel(statistic="mean")), 1)
    0.0
    """
    posterior = posterior_of(result)
    return posterior.map(_statistics).drop_vars("quantile", errors="ignore")


def _statistics(draws: xr.DataArray) -> xr.DataArray:
    over = ("chain", "draw")
    ordered = draws.transpose(*over, ...)
    spread = ordered.std(over, ddof=1)
    checks = {k: spread.copy(data=v) for k, v in diagnose(ordered.values).items()}
    found = {
        "mean": ordered.mean(over),
        "sd": spread,
        **{k: ordered.quantile(q, over).drop_vars("quantile") for k, q in _QUANTILES.items()},
        "mcse": spread / np.sqrt(checks["ess_bulk"]),
        **checks,
    }
    return xr.concat(list(found.values()), "statistic").assign_coords(statistic=list(found))


def warn_of_chains(posterior: xr.Dataset) -> None:
    """Warn (ConvergenceWarning) where chains disagree, or have too few effective draws."""
    for name, statistics in summary(posterior).items():
        rhat = statistics.sel(statistic="rhat", drop=True)
        if bool((rhat > _HIGHEST_RHAT).any()) and posterior.sizes["chain"] > 1:
            worst = rhat == rhat.max()
            warnings.warn(
                f"the chains do not agree on {name!r}: R̂ is up to {float(rhat.max()):.3f}, at {first_place(worst)}"
                f" (at most {_HIGHEST_RHAT} is good).\nDraw more, or warm up for longer (draws=, tune=).",
                ConvergenceWarning,
                stacklevel=4,
            )
            return
