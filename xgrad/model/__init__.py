"""Models over named dims and coords: declare variables with their distributions, then compile, fit, sample and predict.

Names are looked up when they are first used.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from xgrad.model.definition import define as define
    from xgrad.model.diagnostics import summary as summary
    from xgrad.model.distributions.bijections import Affine as Affine
    from xgrad.model.distributions.bijections import Log as Log
    from xgrad.model.distributions.bijections import Logit as Logit
    from xgrad.model.distributions.categories import Categorical as Categorical
    from xgrad.model.distributions.categories import OrderedLogistic as OrderedLogistic
    from xgrad.model.distributions.combined import Mixture as Mixture
    from xgrad.model.distributions.continuous import Cauchy as Cauchy
    from xgrad.model.distributions.continuous import Flat as Flat
    from xgrad.model.distributions.continuous import Gumbel as Gumbel
    from xgrad.model.distributions.continuous import Laplace as Laplace
    from xgrad.model.distributions.continuous import Logistic as Logistic
    from xgrad.model.distributions.continuous import Normal as Normal
    from xgrad.model.distributions.continuous import StudentT as StudentT
    from xgrad.model.distributions.continuous import TruncatedNormal as TruncatedNormal
    from xgrad.model.distributions.continuous import Uniform as Uniform
    from xgrad.model.distributions.continuous import VonMises as VonMises
    from xgrad.model.distributions.custom import Custom as Custom
    from xgrad.model.distributions.discrete import Bernoulli as Bernoulli
    from xgrad.model.distributions.discrete import BetaBinomial as BetaBinomial
    from xgrad.model.distributions.discrete import Binomial as Binomial
    from xgrad.model.distributions.discrete import DiracDelta as DiracDelta
    from xgrad.model.distributions.discrete import DiscreteUniform as DiscreteUniform
    from xgrad.model.distributions.discrete import Geometric as Geometric
    from xgrad.model.distributions.discrete import NegativeBinomial as NegativeBinomial
    from xgrad.model.distributions.discrete import Poisson as Poisson
    from xgrad.model.distributions.inflated import HurdleGamma as HurdleGamma
    from xgrad.model.distributions.inflated import HurdleLogNormal as HurdleLogNormal
    from xgrad.model.distributions.inflated import HurdleNegativeBinomial as HurdleNegativeBinomial
    from xgrad.model.distributions.inflated import HurdlePoisson as HurdlePoisson
    from xgrad.model.distributions.inflated import ZeroInflatedBinomial as ZeroInflatedBinomial
    from xgrad.model.distributions.inflated import (
        ZeroInflatedNegativeBinomial as ZeroInflatedNegativeBinomial,
    )
    from xgrad.model.distributions.inflated import ZeroInflatedPoisson as ZeroInflatedPoisson
    from xgrad.model.distributions.positive import Beta as Beta
    from xgrad.model.distributions.positive import Exponential as Exponential
    from xgrad.model.distributions.positive import Gamma as Gamma
    from xgrad.model.distributions.positive import HalfCauchy as HalfCauchy
    from xgrad.model.distributions.positive import HalfFlat as HalfFlat
    from xgrad.model.distributions.positive import HalfNormal as HalfNormal
    from xgrad.model.distributions.positive import HalfStudentT as HalfStudentT
    from xgrad.model.distributions.positive import InverseGamma as InverseGamma
    from xgrad.model.distributions.positive import LogNormal as LogNormal
    from xgrad.model.distributions.positive import Pareto as Pareto
    from xgrad.model.distributions.positive import Weibull as Weibull
    from xgrad.model.distributions.skewed import AsymmetricLaplace as AsymmetricLaplace
    from xgrad.model.distributions.skewed import ExGaussian as ExGaussian
    from xgrad.model.distributions.skewed import Kumaraswamy as Kumaraswamy
    from xgrad.model.distributions.skewed import SkewNormal as SkewNormal
    from xgrad.model.distributions.skewed import Wald as Wald
    from xgrad.model.distributions.supports import Integers as Integers
    from xgrad.model.distributions.supports import Interval as Interval
    from xgrad.model.distributions.supports import Real as Real
    from xgrad.model.distributions.timeseries import AR as AR
    from xgrad.model.distributions.timeseries import GaussianRandomWalk as GaussianRandomWalk
    from xgrad.model.distributions.truncated import Censored as Censored
    from xgrad.model.distributions.truncated import Truncated as Truncated
    from xgrad.model.distributions.vector_bijections import CholeskyCorr as CholeskyCorr
    from xgrad.model.distributions.vector_bijections import Ordered as Ordered
    from xgrad.model.distributions.vector_bijections import Simplex as Simplex
    from xgrad.model.distributions.vector_bijections import ZeroSum as ZeroSum
    from xgrad.model.distributions.vectors import Dirichlet as Dirichlet
    from xgrad.model.distributions.vectors import DirichletMultinomial as DirichletMultinomial
    from xgrad.model.distributions.vectors import LKJCholesky as LKJCholesky
    from xgrad.model.distributions.vectors import Multinomial as Multinomial
    from xgrad.model.distributions.vectors import MvNormal as MvNormal
    from xgrad.model.distributions.vectors import ZeroSumNormal as ZeroSumNormal
    from xgrad.model.model import Model as Model
    from xgrad.model.parts import Data as Data
    from xgrad.model.parts import Deterministic as Deterministic
    from xgrad.model.parts import Potential as Potential

_NAMES = {
    "Model": "model",
    "define": "definition",
    "summary": "diagnostics",
    "Data": "parts",
    "Deterministic": "parts",
    "Potential": "parts",
    "Cauchy": "distributions.continuous",
    "Flat": "distributions.continuous",
    "Gumbel": "distributions.continuous",
    "Laplace": "distributions.continuous",
    "Logistic": "distributions.continuous",
    "Normal": "distributions.continuous",
    "StudentT": "distributions.continuous",
    "TruncatedNormal": "distributions.continuous",
    "Uniform": "distributions.continuous",
    "VonMises": "distributions.continuous",
    "Beta": "distributions.positive",
    "Exponential": "distributions.positive",
    "Gamma": "distributions.positive",
    "HalfCauchy": "distributions.positive",
    "HalfFlat": "distributions.positive",
    "HalfNormal": "distributions.positive",
    "HalfStudentT": "distributions.positive",
    "InverseGamma": "distributions.positive",
    "LogNormal": "distributions.positive",
    "Pareto": "distributions.positive",
    "Weibull": "distributions.positive",
    "Bernoulli": "distributions.discrete",
    "Binomial": "distributions.discrete",
    "DiracDelta": "distributions.discrete",
    "DiscreteUniform": "distributions.discrete",
    "Geometric": "distributions.discrete",
    "NegativeBinomial": "distributions.discrete",
    "Poisson": "distributions.discrete",
    "BetaBinomial": "distributions.discrete",
    "Categorical": "distributions.categories",
    "OrderedLogistic": "distributions.categories",
    "Dirichlet": "distributions.vectors",
    "DirichletMultinomial": "distributions.vectors",
    "LKJCholesky": "distributions.vectors",
    "Multinomial": "distributions.vectors",
    "MvNormal": "distributions.vectors",
    "ZeroSumNormal": "distributions.vectors",
    "AsymmetricLaplace": "distributions.skewed",
    "ExGaussian": "distributions.skewed",
    "Kumaraswamy": "distributions.skewed",
    "SkewNormal": "distributions.skewed",
    "Wald": "distributions.skewed",
    "HurdleGamma": "distributions.inflated",
    "HurdleLogNormal": "distributions.inflated",
    "HurdleNegativeBinomial": "distributions.inflated",
    "HurdlePoisson": "distributions.inflated",
    "ZeroInflatedBinomial": "distributions.inflated",
    "ZeroInflatedNegativeBinomial": "distributions.inflated",
    "ZeroInflatedPoisson": "distributions.inflated",
    "AR": "distributions.timeseries",
    "GaussianRandomWalk": "distributions.timeseries",
    "Mixture": "distributions.combined",
    "Censored": "distributions.truncated",
    "Truncated": "distributions.truncated",
    "Custom": "distributions.custom",
    "Integers": "distributions.supports",
    "Interval": "distributions.supports",
    "Real": "distributions.supports",
    "Affine": "distributions.bijections",
    "Log": "distributions.bijections",
    "Logit": "distributions.bijections",
    "CholeskyCorr": "distributions.vector_bijections",
    "Ordered": "distributions.vector_bijections",
    "Simplex": "distributions.vector_bijections",
    "ZeroSum": "distributions.vector_bijections",
}

# for "import *"; a type checker reads the imports above
__all__ = sorted(_NAMES)  # pyright: ignore[reportUnsupportedDunderAll]


def __getattr__(name: str) -> Any:
    if name not in _NAMES:
        raise AttributeError(f"module 'xgrad.model' has no attribute {name!r}")
    value = getattr(import_module(f"xgrad.model.{_NAMES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted([*globals(), *_NAMES])
