"""Distributions with parameters, and SciPy's names for the same."""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import xarray as xr
from scipy import stats
from scipy.special import expit, logsumexp

import xgrad as xg
import xgrad.model as d


class Folded:
    """The absolute value of a variable that is symmetric around 0."""

    def __init__(self, whole: Any) -> None:
        self._whole = whole

    def logpdf(self, x: np.ndarray) -> np.ndarray:
        return np.where(x < 0, -np.inf, self._whole.logpdf(x) + np.log(2.0))

    def cdf(self, x: np.ndarray) -> np.ndarray:
        return np.where(x < 0, 0.0, 2.0 * self._whole.cdf(x) - 1.0)

    def rvs(self, size: int, random_state: Any) -> np.ndarray:
        return np.abs(self._whole.rvs(size, random_state=random_state))


class Formulas:
    """A distribution by the logarithm of its density, its cdf and its draws, functions of SciPy's distributions."""

    def __init__(self, log: Callable, cdf: Callable | None, rvs: Callable, ppf: Any = None) -> None:
        self._log, self.cdf, self._rvs, self.ppf = log, cdf, rvs, ppf

    def logpdf(self, x: np.ndarray) -> np.ndarray:
        with np.errstate(divide="ignore"):
            return self._log(np.asarray(x))

    logpmf = logpdf

    def pmf(self, x: np.ndarray) -> np.ndarray:
        return np.exp(self.logpdf(x))

    def rvs(self, size: int, random_state: Any) -> np.ndarray:
        return self._rvs(size, random_state)


def kumaraswamy(a: float, b: float) -> Formulas:
    """The a-th root of a beta variable of 1 and b."""
    whole = stats.beta(1.0, b)

    def log(x: np.ndarray) -> np.ndarray:
        inner = np.where((x >= 0) & (x <= 1), x, 0.5)
        found = whole.logpdf(inner**a) + np.log(a) + (a - 1.0) * np.log(inner)
        return np.where(inner == x, found, -np.inf)

    return Formulas(
        log,
        lambda x: whole.cdf(np.clip(x, 0.0, None) ** a),
        lambda n, rng: whole.rvs(n, random_state=rng) ** (1.0 / a),
        lambda q: whole.ppf(q) ** (1.0 / a),
    )


def inflated(psi: float, whole: Any) -> Formulas:
    """Zero, and the share ``psi`` of ``whole``."""
    return Formulas(
        lambda x: np.where(
            x == 0, np.log(1 - psi + psi * whole.pmf(0)), np.log(psi) + whole.logpmf(x)
        ),
        lambda x: np.where(x < 0, 0.0, 1 - psi + psi * whole.cdf(x)),
        lambda n, rng: np.where(rng.random(n) < psi, whole.rvs(n, random_state=rng), 0),
    )


def hurdle(psi: float, whole: Any) -> Formulas:
    """Zero, and the share ``psi`` of ``whole`` without its zeros."""
    log = getattr(whole, "logpmf", None) or whole.logpdf
    zero = float(whole.cdf(0))
    return Formulas(
        lambda x: np.where(x == 0, np.log(1 - psi), np.log(psi) + log(x) - np.log1p(-zero)),
        lambda x: np.where(x < 0, 0.0, 1 - psi + psi * (whole.cdf(x) - zero) / (1 - zero)),
        lambda n, rng: np.where(
            rng.random(n) < psi, whole.ppf(zero + (1 - zero) * rng.random(n)), 0
        ),
    )


def truncated(whole: Any, low: float, high: float) -> Formulas:
    """``whole`` from ``low`` to ``high``."""
    counts = hasattr(whole.dist, "pmf")
    log = whole.logpmf if counts else whole.logpdf
    below, above = whole.cdf(low - counts), whole.cdf(high)
    return Formulas(
        lambda x: np.where((x >= low) & (x <= high), log(x) - np.log(above - below), -np.inf),
        lambda x: np.clip((whole.cdf(x) - below) / (above - below), 0.0, 1.0),
        lambda n, rng: whole.ppf(rng.uniform(below, above, n)),
        lambda q: whole.ppf(below + q * (above - below)),
    )


def censored(whole: Any, low: float, high: float) -> Formulas:
    """``whole`` with values beyond ``low`` and ``high`` moved there."""

    def log(x: np.ndarray) -> np.ndarray:
        inner = np.where(x <= low, whole.logcdf(low), whole.logpdf(x))
        inner = np.where(x >= high, whole.logsf(high), inner)
        return np.where((x < low) | (x > high), -np.inf, inner)

    return Formulas(
        log,
        lambda x: np.where(x < low, 0.0, np.where(x >= high, 1.0, whole.cdf(x))),
        lambda n, rng: np.clip(whole.rvs(n, random_state=rng), low, high),
    )


def mixture(weights: list[float], wholes: list[Any]) -> Formulas:
    """Several distributions with their probabilities."""
    logs = [getattr(w, "logpmf", None) or w.logpdf for w in wholes]
    return Formulas(
        lambda x: logsumexp(
            [np.log(w) + log(x) for w, log in zip(weights, logs, strict=True)], axis=0
        ),
        lambda x: sum(w * whole.cdf(x) for w, whole in zip(weights, wholes, strict=True)),
        lambda n, rng: np.choose(
            rng.choice(len(weights), n, p=weights),
            [whole.rvs(n, random_state=rng) for whole in wholes],
        ),
    )


def along(*values: float, dim: str = "kind") -> xr.DataArray:
    """An array of numbers along one dim."""
    return xr.DataArray(np.array(values), dims=dim)


class Family(NamedTuple):
    """A distribution, SciPy's frozen one, and points to compare at besides random ones: edges, and beyond."""

    ours: Any
    scipy: Any
    edges: tuple[float, ...] = ()
    has_cdf: bool = True
    has_quantile: bool = True


CONTINUOUS = {
    "Normal": Family(d.Normal.dist(0.3, 1.7), stats.norm(0.3, 1.7)),
    "StudentT": Family(
        d.StudentT.dist(3.5, -1.0, 2.0), stats.t(3.5, -1.0, 2.0), has_quantile=False
    ),
    "Cauchy": Family(d.Cauchy.dist(0.3, 1.7), stats.cauchy(0.3, 1.7)),
    "Laplace": Family(d.Laplace.dist(0.3, 1.7), stats.laplace(0.3, 1.7)),
    "Logistic": Family(d.Logistic.dist(0.3, 1.7), stats.logistic(0.3, 1.7)),
    "Gumbel": Family(d.Gumbel.dist(0.3, 1.7), stats.gumbel_r(0.3, 1.7)),
    "Uniform": Family(d.Uniform.dist(-1.0, 2.5), stats.uniform(-1.0, 3.5), (-1.0, 2.5, -1.1, 2.6)),
    "TruncatedNormal": Family(
        d.TruncatedNormal.dist(0.3, 1.7, -1.0, 2.0),
        stats.truncnorm(-1.3 / 1.7, 1.0, 0.3, 1.7),
        (-1.0, 2.0, -1.5, 3.0),
    ),
    "TruncatedNormal above": Family(
        d.TruncatedNormal.dist(0.3, 1.7, 1.0),
        stats.truncnorm(0.7 / 1.7, np.inf, 0.3, 1.7),
        (1.0, 0.9),
    ),
    "TruncatedNormal far out": Family(
        d.TruncatedNormal.dist(0.0, 1.0, 8.0, 9.0), stats.truncnorm(8.0, 9.0), (8.0, 9.0, 7.0)
    ),
    "VonMises": Family(
        d.VonMises.dist(0.5, 3.0), stats.vonmises(3.0, 0.5), has_cdf=False, has_quantile=False
    ),
    "VonMises around 0": Family(
        d.VonMises.dist(0.0, 3.0), stats.vonmises(3.0), has_cdf=False, has_quantile=False
    ),
    "HalfNormal": Family(d.HalfNormal.dist(1.7), stats.halfnorm(0.0, 1.7), (0.0, -0.1)),
    "HalfStudentT": Family(
        d.HalfStudentT.dist(3.5, 2.0),
        Folded(stats.t(3.5, 0.0, 2.0)),
        (0.0, -0.1),
        has_quantile=False,
    ),
    "HalfCauchy": Family(d.HalfCauchy.dist(1.7), stats.halfcauchy(0.0, 1.7), (0.0, -0.1)),
    "LogNormal": Family(
        d.LogNormal.dist(0.3, 0.7), stats.lognorm(0.7, 0.0, np.exp(0.3)), (0.0, -0.1)
    ),
    "Exponential": Family(d.Exponential.dist(1.7), stats.expon(0.0, 1 / 1.7), (0.0, -0.1)),
    "Gamma": Family(
        d.Gamma.dist(2.5, 1.7), stats.gamma(2.5, 0.0, 1 / 1.7), (0.0, -0.1), has_quantile=False
    ),
    "InverseGamma": Family(
        d.InverseGamma.dist(2.5, 1.7),
        stats.invgamma(2.5, 0.0, 1.7),
        (0.0, -0.1),
        has_quantile=False,
    ),
    "Weibull": Family(d.Weibull.dist(2.5, 1.7), stats.weibull_min(2.5, 0.0, 1.7), (0.0, -0.1)),
    "Pareto": Family(d.Pareto.dist(2.5, 1.7), stats.pareto(2.5, 0.0, 1.7), (1.7, 1.6, -1.0)),
    "Beta": Family(
        d.Beta.dist(2.5, 1.7), stats.beta(2.5, 1.7), (0.0, 1.0, -0.1, 1.1), has_quantile=False
    ),
    "AsymmetricLaplace": Family(
        d.AsymmetricLaplace.dist(1.5, 0.3, 1.7), stats.laplace_asymmetric(1.5, 0.3, 1.7)
    ),
    "AsymmetricLaplace by quantile": Family(
        d.AsymmetricLaplace.dist(q=0.8), stats.laplace_asymmetric(2.0)
    ),
    "SkewNormal": Family(
        d.SkewNormal.dist(0.3, 1.7, 2.5), stats.skewnorm(2.5, 0.3, 1.7), has_quantile=False
    ),
    "ExGaussian": Family(
        d.ExGaussian.dist(0.3, 1.7, 0.8), stats.exponnorm(0.8 / 1.7, 0.3, 1.7), has_quantile=False
    ),
    "ExGaussian with a short tail": Family(
        d.ExGaussian.dist(0.3, 1.7, 0.04), stats.exponnorm(0.04 / 1.7, 0.3, 1.7), has_quantile=False
    ),
    "Wald": Family(
        d.Wald.dist(1.3, 2.1), stats.invgauss(1.3 / 2.1, 0.0, 2.1), (0.0, -0.1), has_quantile=False
    ),
    "Kumaraswamy": Family(
        d.Kumaraswamy.dist(2.5, 1.7), kumaraswamy(2.5, 1.7), (0.0, 1.0, -0.1, 1.1)
    ),
    "Truncated": Family(
        d.Truncated.dist(d.Logistic.dist(0.3, 1.7), -1.0, 2.0),
        truncated(stats.logistic(0.3, 1.7), -1.0, 2.0),
        (-1.0, 2.0, -1.5, 3.0),
    ),
    "Truncated from below": Family(
        d.Truncated.dist(d.Normal.dist(0.3, 1.7), lower=1.0),
        truncated(stats.norm(0.3, 1.7), 1.0, np.inf),
        (1.0, 0.5),
    ),
    "Truncated without quantiles": Family(
        d.Truncated.dist(d.Gamma.dist(2.5, 1.7), upper=2.0),
        truncated(stats.gamma(2.5, 0.0, 1 / 1.7), 0.0, 2.0),
        (0.0, 2.0, -0.5, 3.0),
        has_quantile=False,
    ),
    "Mixture": Family(
        d.Mixture.dist(along(0.3, 0.7), [d.Normal.dist(-1.0, 0.5), d.Laplace.dist(2.0, 1.7)]),
        mixture([0.3, 0.7], [stats.norm(-1.0, 0.5), stats.laplace(2.0, 1.7)]),
        has_quantile=False,
    ),
    "Mixture along a dim": Family(
        d.Mixture.dist(along(0.3, 0.7), d.Gamma.dist(along(2.5, 9.0), 1.7)),
        mixture([0.3, 0.7], [stats.gamma(2.5, 0, 1 / 1.7), stats.gamma(9.0, 0, 1 / 1.7)]),
        (-0.5,),
        has_quantile=False,
    ),
    "Custom": Family(
        d.Custom.dist(
            1.7,
            logp=lambda x, lam: np.log(lam) - lam * x,
            random=lambda key, sizes, lam: xg.random.exponential(key, sizes, 1.0 / lam),
            support=d.Interval(0.0, closed=(True, False)),
        ),
        stats.expon(0.0, 1 / 1.7),
        (0.0, -0.1),
        has_cdf=False,
        has_quantile=False,
    ),
}

LUMPED = {  # a density, but for one or two values that have a probability
    "HurdleGamma": Family(
        d.HurdleGamma.dist(0.7, 2.5, 1.7), hurdle(0.7, stats.gamma(2.5, 0, 1 / 1.7)), (0.0, -0.1)
    ),
    "HurdleLogNormal": Family(
        d.HurdleLogNormal.dist(0.7, 0.3, 0.7), hurdle(0.7, stats.lognorm(0.7, 0, np.exp(0.3)))
    ),
    "Censored": Family(
        d.Censored.dist(d.Normal.dist(0.3, 1.7), -1.0, 2.0),
        censored(stats.norm(0.3, 1.7), -1.0, 2.0),
        (-1.0, 2.0, -1.1, 2.1),
    ),
    "Censored from above": Family(
        d.Censored.dist(d.Exponential.dist(1.7), upper=1.0),
        censored(stats.expon(0, 1 / 1.7), -1.0, 1.0),
        (1.0, 1.1, 0.0),
    ),
}

SMOOTH = {**CONTINUOUS, **LUMPED}

DISCRETE = {
    "Bernoulli": Family(d.Bernoulli.dist(0.3), stats.bernoulli(0.3), (-1, 0.5, 2)),
    "Bernoulli by logit": Family(
        d.Bernoulli.dist(logit_p=-0.4), stats.bernoulli(1 / (1 + np.exp(0.4))), (-1, 0.5, 2)
    ),
    "Binomial": Family(d.Binomial.dist(12, 0.3), stats.binom(12, 0.3), (-1, 0.5, 13)),
    "Poisson": Family(d.Poisson.dist(3.7), stats.poisson(3.7), (-1, 0.5)),
    "NegativeBinomial": Family(
        d.NegativeBinomial.dist(3.7, 2.1), stats.nbinom(2.1, 2.1 / (2.1 + 3.7)), (-1, 0.5)
    ),
    "Geometric": Family(d.Geometric.dist(0.3), stats.geom(0.3), (-1, 0, 0.5)),
    "DiscreteUniform": Family(d.DiscreteUniform.dist(-2, 5), stats.randint(-2, 6), (-3, 0.5, 6)),
    "BetaBinomial": Family(
        d.BetaBinomial.dist(12, 2.5, 1.7),
        stats.betabinom(12, 2.5, 1.7),
        (-1, 0.5, 13),
        has_cdf=False,
    ),
    "Categorical": Family(
        d.Categorical.dist(along(0.2, 0.5, 0.3)),
        stats.rv_discrete(values=(range(3), (0.2, 0.5, 0.3)))(),
        (-1, 0.5, 3),
    ),
    "Categorical by logit": Family(
        d.Categorical.dist(logit_p=np.log(along(2.0, 5.0, 3.0))),
        stats.rv_discrete(values=(range(3), (0.2, 0.5, 0.3)))(),
        (-1, 0.5, 3),
    ),
    "OrderedLogistic": Family(
        d.OrderedLogistic.dist(0.4, along(-1.0, 0.5, 2.0)),
        stats.rv_discrete(
            values=(range(4), np.diff([0, *expit(np.array([-1.0, 0.5, 2.0]) - 0.4), 1]))
        )(),
        (-1, 0.5, 4),
    ),
    "ZeroInflatedPoisson": Family(
        d.ZeroInflatedPoisson.dist(0.7, 3.7), inflated(0.7, stats.poisson(3.7)), (-1, 0.5, 0)
    ),
    "ZeroInflatedBinomial": Family(
        d.ZeroInflatedBinomial.dist(0.7, 12, 0.3), inflated(0.7, stats.binom(12, 0.3)), (-1, 13, 0)
    ),
    "ZeroInflatedNegativeBinomial": Family(
        d.ZeroInflatedNegativeBinomial.dist(0.7, 3.7, 2.1),
        inflated(0.7, stats.nbinom(2.1, 2.1 / (2.1 + 3.7))),
        (-1, 0.5, 0),
    ),
    "HurdlePoisson": Family(
        d.HurdlePoisson.dist(0.7, 1.7), hurdle(0.7, stats.poisson(1.7)), (-1, 0.5, 0)
    ),
    "HurdleNegativeBinomial": Family(
        d.HurdleNegativeBinomial.dist(0.7, 3.7, 2.1),
        hurdle(0.7, stats.nbinom(2.1, 2.1 / (2.1 + 3.7))),
        (-1, 0.5, 0),
    ),
    "Truncated counts": Family(
        d.Truncated.dist(d.Poisson.dist(3.7), 2, 8),
        truncated(stats.poisson(3.7), 2, 8),
        (1, 9, 2.5),
    ),
    "Mixture of counts": Family(
        d.Mixture.dist(along(0.3, 0.7), d.Poisson.dist(along(2.5, 9.0))),
        mixture([0.3, 0.7], [stats.poisson(2.5), stats.poisson(9.0)]),
        (-1, 0.5),
    ),
}
