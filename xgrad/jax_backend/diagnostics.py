"""R̂ and effective sample sizes of chains, by blackjax."""

from typing import Any

import jax
import numpy as np

from xgrad.jax_backend.extras import require

KINDS = ("rhat", "ess_bulk", "ess_tail")


def diagnose(draws: np.ndarray) -> dict[str, np.ndarray]:
    """R̂ (rank-normalised, split), and the bulk and tail effective sample sizes, of draws of shape (chain, draw, …).

    Source: Vehtari, Gelman, Simpson, Carpenter, Bürkner (2021), Bayesian Analysis 16(2).
    Raises ImportError where blackjax is missing.
    """
    functions = require("blackjax.diagnostics", "diagnosing chains")
    with jax.enable_x64(True):
        return {kind: _finite(getattr(functions, kind)(draws)) for kind in KINDS}


def _finite(values: Any) -> np.ndarray:
    return np.asarray(values, np.float64)
