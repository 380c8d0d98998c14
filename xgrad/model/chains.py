"""Whether chains agree, and how many independent draws they are worth; in NumPy, for all entries at once.

Source: Vehtari, Gelman, Simpson, Carpenter, Bürkner (2021), "Rank-normalization, folding, and localization: an improved
R̂ for assessing convergence of MCMC", Bayesian Analysis 16(2). Arrays are (chain, draw, …).
"""

import numpy as np
from scipy.special import ndtri

Array = np.ndarray
FEWEST = 4
_TAILS = (0.05, 0.95)


def diagnose(draws: Array) -> dict[str, Array]:
    """R̂, the effective numbers of draws in the bulk and in the tails, and the standard error of the mean.

    Fewer than four draws of a chain say nothing: NaN.
    """
    if draws.shape[1] < FEWEST:
        return dict.fromkeys(
            ("mcse", "ess_bulk", "ess_tail", "rhat"), np.full(draws.shape[2:], np.nan)
        )
    halves = _split(draws)
    normal = _rank_normalised(halves)
    folded = _rank_normalised(abs(halves - np.median(halves, (0, 1))))
    tails = [
        _effective(_split(draws <= np.quantile(draws, q, (0, 1))).astype(float)) for q in _TAILS
    ]
    return {
        "mcse": draws.std((0, 1), ddof=1) / np.sqrt(_effective(halves)),
        "ess_bulk": _effective(normal),
        "ess_tail": np.minimum(*tails),
        "rhat": np.maximum(_rhat(normal), _rhat(folded)),
    }


def _split(draws: Array) -> Array:
    """The halves of chains as chains of their own."""
    half = draws.shape[1] // 2
    return np.concatenate([draws[:, :half], draws[:, draws.shape[1] - half :]])


def _rank_normalised(draws: Array) -> Array:
    """What a normal variable of the same ranks would be."""
    flat = draws.reshape(draws.shape[0] * draws.shape[1], -1)
    normal = ndtri((_ranks(flat) - 0.375) / (len(flat) + 0.25))
    return normal.reshape(draws.shape)


def _ranks(columns: Array) -> Array:
    """The ranks within each column, from 1; equal values share the mean of theirs."""
    order = np.argsort(columns, axis=0, kind="stable")
    ordered = np.take_along_axis(columns, order, 0)
    place = np.arange(len(columns))[:, None]
    new = np.ones(columns.shape, bool)
    new[1:] = ordered[1:] != ordered[:-1]
    last = np.ones(columns.shape, bool)
    last[:-1] = new[1:]
    first = np.maximum.accumulate(np.where(new, place, 0), axis=0)
    final = np.minimum.accumulate(np.where(last, place, len(columns))[::-1], axis=0)[::-1]
    ranks = np.empty(columns.shape)
    np.put_along_axis(ranks, order, 0.5 * (first + final) + 1.0, 0)
    return ranks


def _rhat(draws: Array) -> Array:
    """The root of the ratio of the variance of all draws to the mean variance of the chains."""
    n = draws.shape[1]
    within = draws.var(1, ddof=1).mean(0)
    between = draws.mean(1).var(0, ddof=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.sqrt((n - 1) / n + between / within)


def _effective(draws: Array) -> Array:
    """How many independent draws have a mean as certain as that of these; of constants, all.

    Autocorrelations are summed in pairs until one is negative, each pair at most the one before (Geyer 1992).
    """
    chains, n = draws.shape[:2]
    covariance = _autocovariance(draws).mean(0)
    within = covariance[0] * n / (n - 1)
    total = covariance[0] + (draws.mean(1).var(0, ddof=1) if chains > 1 else 0.0)
    with np.errstate(invalid="ignore", divide="ignore"):
        correlation = 1.0 - (within - covariance) / total
    correlation[0] = 1.0
    even, odd = correlation[0 : n - n % 2 : 2], correlation[1::2]
    pairs = even + odd
    counted = np.cumprod(pairs > 0, axis=0, dtype=bool)
    falling = np.minimum.accumulate(np.where(counted, pairs, 0.0), axis=0)
    ends = np.minimum(counted.sum(0), len(even) - 1)[None]
    rest = np.clip(np.take_along_axis(even, ends, 0)[0], 0.0, None)
    time = np.maximum(2.0 * falling.sum(0) - 1.0 + rest, 1.0 / np.log10(chains * n))
    return np.where(total > 0, chains * n / time, chains * n)


def _autocovariance(draws: Array) -> Array:
    """Of each chain at every lag, by Fourier transforms."""
    n = draws.shape[1]
    centred = draws - draws.mean(1, keepdims=True)
    spectrum = np.fft.rfft(centred, 2 * n, axis=1)
    return np.fft.irfft(abs(spectrum) ** 2, 2 * n, axis=1)[:, :n] / n
