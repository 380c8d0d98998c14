"""Distributions with parameters, and SciPy's names for the same."""

from typing import Any, NamedTuple

import numpy as np
from scipy import stats

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
}

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
}
