"""What a posterior says of itself: means, spreads, and whether its chains agree."""

import numpy as np
import xarray as xr

from xgrad.model.chains import FEWEST, diagnose
from xgrad.model.notices import notice
from xgrad.model.places import first_place
from xgrad.model.results import posterior_of

_QUANTILES = {"q5": 0.05, "q50": 0.5, "q95": 0.95}
_HIGHEST_RHAT = 1.01  # Vehtari et al. (2021)
_FEWEST = 100  # effective draws a chain, of the same source


def summary(result: xr.DataTree | xr.Dataset) -> xr.Dataset:
    """The posterior in numbers, along the dim ``statistic``: mean, sd, quantiles, and how far its draws can be trusted.

    ``mcse`` is the Monte Carlo standard error of the mean, ``ess_bulk`` and ``ess_tail`` the effective numbers of
    draws, ``rhat`` compares the chains (1: they agree). Raises ArgumentError where there is no posterior.

    >>> import numpy as np, xarray as xr
    >>> draws = xr.Dataset({"x": (("chain", "draw"), np.random.default_rng(0).normal(size=(4, 500)))})
    >>> abs(float(summary(draws).x.sel(statistic="mean"))) < 0.1
    True
    """
    posterior = posterior_of(result)
    return posterior.map(_statistics).drop_vars("quantile", errors="ignore")


def _statistics(draws: xr.DataArray) -> xr.DataArray:
    over = ("chain", "draw")
    ordered = draws.transpose(*over, ...)
    enough = ordered.sizes["chain"] * ordered.sizes["draw"] > 1
    spread = ordered.std(over, ddof=1) if enough else ordered.mean(over) * np.nan
    checks = {k: spread.copy(data=v) for k, v in diagnose(ordered.values).items()}
    found = {
        "mean": ordered.mean(over),
        "sd": spread,
        **{k: ordered.quantile(q, over).drop_vars("quantile") for k, q in _QUANTILES.items()},
        **checks,
    }
    return xr.concat(list(found.values()), "statistic").assign_coords(statistic=list(found))


def warn_of_chains(posterior: xr.Dataset) -> None:
    """Warn (ConvergenceWarning) where chains disagree, or draws are worth few independent ones."""
    if posterior.sizes["chain"] < 2 or posterior.sizes["draw"] < FEWEST:
        return
    found = summary(posterior)
    rhat = found.sel(statistic="rhat", drop=True)
    worst = max(rhat, key=lambda name: float(rhat[name].max()))
    highest = rhat[worst].max()
    if highest > _HIGHEST_RHAT:
        notice(
            f"the chains do not agree on {worst!r}: R̂ is up to {float(highest):.3f}, at"
            f" {first_place(rhat[worst] == highest)} (at most {_HIGHEST_RHAT} is good).\n"
            "Draw more, or warm up for longer (draws=, tune=)."
        )
        return
    ess = found.sel(statistic=["ess_bulk", "ess_tail"]).min("statistic")
    worst = min(ess, key=lambda name: float(ess[name].min()))
    fewest, wanted = ess[worst].min(), _FEWEST * posterior.sizes["chain"]
    if fewest < wanted:
        notice(
            f"the draws of {worst!r} are worth {float(fewest):.0f} independent ones, at"
            f" {first_place(ess[worst] == fewest)} (at least {wanted} are good).\nDraw more (draws=)."
        )
