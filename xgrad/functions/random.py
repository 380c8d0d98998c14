"""``xgrad.random``: random numbers by key, labeled. The same key gives the numbers of ``jax.random``, bit for bit.

A draw takes a key, sizes by dim, and parameters, which broadcast by name; its dims are those of a batch of keys, then
the sizes, then those of the parameters. ``coords`` label dims (and say their sizes). ``dtype`` is by default that which
float parameters promote to, or float64. Gradients by parameters follow the path of each number (normal, uniform, and
other families of location and scale by their formula; gamma, beta, Dirichlet and Student's t by JAX's implicit
derivatives); discrete draws have none, and no draw has one by its key. A key must not be used twice: within a compiled
function that warns (``KeyReuseWarning``).

>>> import xarray as xr, xgrad as xg
>>> key = xg.random.key(1)
>>> mean = xr.DataArray([0.0, 10.0], {"city": ["Oslo", "Rome"]}, "city")
>>> draw = xg.random.normal(key, {"time": 3}, loc=mean, scale=0.5)
>>> draw.dims, draw.sizes["time"]
(('time', 'city'), 3)
>>> xg.grad(lambda mean: xg.random.normal(key, {"time": 3}, loc=mean).sum())(mean).values
array([3., 3.])
"""

import inspect
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import xarray as xr

from xgrad.errors import ArgumentError
from xgrad.functions.draws import Plan, draw
from xgrad.functions.keys import as_jax_key as as_jax_key
from xgrad.functions.keys import fold_in as fold_in
from xgrad.functions.keys import key as key
from xgrad.functions.keys import split as split
from xgrad.functions.vectors import ball as ball
from xgrad.functions.vectors import categorical as categorical
from xgrad.functions.vectors import choice as choice
from xgrad.functions.vectors import dirichlet as dirichlet
from xgrad.functions.vectors import multinomial as multinomial
from xgrad.functions.vectors import multivariate_normal as multivariate_normal
from xgrad.functions.vectors import orthogonal as orthogonal
from xgrad.functions.vectors import permutation as permutation

Array = Any

_BOOL, _INT64, _UINT64 = np.dtype(bool), np.dtype(np.int64), np.dtype(np.uint64)
REQUIRED = inspect.Parameter.empty


# ---- how parameters that the sampler does not take change its numbers ----------------------------------------------
def _located(z: Array, *, loc: Array = None, scale: Array = None) -> Array:
    """loc + scale z"""
    z = z if scale is None else z * scale
    return z if loc is None else z + loc


def _between(u: Array, *, low: Array = 0.0, high: Array = 1.0) -> Array:
    """low + (high - low) u"""
    return u * (high - low) + low


def _exponentiated(z: Array, *, mean: Array) -> Array:
    """e^mean z"""
    return z * np.exp(mean)


_PLAIN = {"loc": 0.0, "scale": 1.0, "low": 0.0, "high": 1.0, "mean": 0.0}


def _distribution(
    name: str,
    doc: str,
    parameters: Mapping[str, Any] | None = None,
    finish: Callable[..., Array] | None = None,
    changes: tuple[str, ...] = (),
    *,
    sampler: str = "",
    dtype: np.dtype | None = None,
    discrete: bool = False,
) -> Callable[..., xr.DataArray]:
    """A public function: a sampler, its ``parameters`` with their defaults, and those with which ``finish`` goes on."""
    defaults = {**(parameters or {}), **{c: _PLAIN[c] for c in changes}}
    ordered = [c for c in defaults if c not in changes] + list(changes)

    def function(*args: Any, **kwargs: Any) -> xr.DataArray:
        given = _bound(name, signature, defaults, args, kwargs)
        values = {p: given[p] for p in ordered}
        extra = {c: values.pop(c) for c in changes}
        if all(type(v) in (int, float) and v == _PLAIN[c] for c, v in extra.items()):
            extra = {}
        asked = None if given["dtype"] is None else np.dtype(given["dtype"])
        plan = Plan(
            sampler or name,
            cores=((),) * len(values),
            discrete=discrete,
            dtype=(asked or dtype) if discrete else None,
            given=asked,
            finish=finish,
        )
        return draw(plan, given["key"], given["sizes"], given["coords"], values, extra)

    signature = _signature(defaults)
    function.__name__ = function.__qualname__ = name
    function.__doc__ = f"{doc}\n\nSee the module for keys, sizes, coords and dtype."
    function.__signature__ = signature  # pyright: ignore[reportFunctionMemberAccess]
    return function


def _signature(defaults: Mapping[str, Any]) -> inspect.Signature:
    """key, sizes, parameters; coords and dtype by name."""
    kinds = inspect.Parameter
    both, named = kinds.POSITIONAL_OR_KEYWORD, kinds.KEYWORD_ONLY
    parts = [kinds("key", both), kinds("sizes", both, default=None)]
    parts += [
        kinds(p, both, default="required" if d is REQUIRED else d) for p, d in defaults.items()
    ]
    return inspect.Signature(
        [*parts, kinds("coords", named, default=None), kinds("dtype", named, default=None)]
    )


def _bound(
    name: str,
    signature: inspect.Signature,
    defaults: Mapping[str, Any],
    args: tuple[Any, ...],
    kwargs: dict[str, Any],
) -> dict[str, Any]:
    """The arguments by name."""
    try:
        bound = signature.bind(*args, **kwargs)
    except TypeError as error:
        raise ArgumentError(f"xgrad.random.{name}{signature}: {error}.") from None
    for p, default in defaults.items():
        if default is REQUIRED and p not in bound.arguments:
            raise ArgumentError(f"xgrad.random.{name} takes a parameter {p!r}, and was given none.")
    bound.apply_defaults()
    return bound.arguments


_SCALE = (_located, ("scale",))
_BOTH = (_located, ("loc", "scale"))

# ---- continuous ----------------------------------------------------------------------------------------------------
normal = _distribution("normal", "The normal distribution: loc + scale z.", {}, *_BOTH)
uniform = _distribution(
    "uniform", "The uniform distribution between low and high.", {}, _between, ("low", "high")
)
cauchy = _distribution("cauchy", "The Cauchy distribution.", {}, *_BOTH)
gumbel = _distribution("gumbel", "The Gumbel distribution of maxima.", {}, *_BOTH)
laplace = _distribution("laplace", "The Laplace distribution.", {}, *_BOTH)
logistic = _distribution("logistic", "The logistic distribution.", {}, *_BOTH)
t = _distribution("t", "Student's t with df degrees of freedom.", {"df": REQUIRED}, *_BOTH)
truncated_normal = _distribution(
    "truncated_normal",
    "loc + scale z, where z is standard normal between lower and upper.",
    {"lower": REQUIRED, "upper": REQUIRED},
    *_BOTH,
)
generalized_normal = _distribution(
    "generalized_normal", "Of density proportional to e^(-|x|^p).", {"p": REQUIRED}, *_BOTH
)
exponential = _distribution(
    "exponential", "The exponential distribution of mean scale.", {}, *_SCALE
)
gamma = _distribution("gamma", "The gamma distribution of shape a.", {"a": REQUIRED}, *_SCALE)
loggamma = _distribution(
    "loggamma", "The logarithm of a gamma variable of shape a, exact for small a.", {"a": REQUIRED}
)
chisquare = _distribution("chisquare", "χ² with df degrees of freedom.", {"df": REQUIRED})
beta = _distribution("beta", "The beta distribution.", {"a": REQUIRED, "b": REQUIRED})
f = _distribution(
    "f",
    "Fisher's F with dfnum and dfden degrees of freedom.",
    {"dfnum": REQUIRED, "dfden": REQUIRED},
)
lognormal = _distribution(
    "lognormal", "e^(mean + sigma z).", {"sigma": 1.0}, _exponentiated, ("mean",)
)
pareto = _distribution("pareto", "The Pareto distribution from scale on.", {"b": REQUIRED}, *_SCALE)
rayleigh = _distribution("rayleigh", "The Rayleigh distribution.", {"scale": 1.0})
maxwell = _distribution("maxwell", "The Maxwell distribution.", {}, *_SCALE)
double_sided_maxwell = _distribution(
    "double_sided_maxwell", "A Maxwell variable of either sign, scaled and moved.", {}, *_BOTH
)
weibull_min = _distribution(
    "weibull_min", "The Weibull distribution.", {"scale": 1.0, "concentration": REQUIRED}
)
wald = _distribution("wald", "The Wald (inverse normal) distribution.", {"mean": REQUIRED})
triangular = _distribution(
    "triangular",
    "The triangular distribution from left to right, with its peak at mode.",
    {"left": REQUIRED, "mode": REQUIRED, "right": REQUIRED},
)

# ---- discrete ------------------------------------------------------------------------------------------------------
bernoulli = _distribution(
    "bernoulli", "True with probability p.", {"p": 0.5}, dtype=_BOOL, discrete=True
)
binomial = _distribution(
    "binomial",
    "The number of successes among n, each of probability p.",
    {"n": REQUIRED, "p": REQUIRED},
    dtype=_INT64,
    discrete=True,
)
geometric = _distribution(
    "geometric",
    "The number of trials up to the first success.",
    {"p": REQUIRED},
    dtype=_INT64,
    discrete=True,
)
poisson = _distribution(
    "poisson",
    "The Poisson distribution of mean lam.",
    {"lam": REQUIRED},
    dtype=_INT64,
    discrete=True,
)
rademacher = _distribution("rademacher", "-1 or 1.", {}, dtype=_INT64, discrete=True)
randint = _distribution(
    "randint",
    "Integers from minval up to, not including, maxval.",
    {"minval": REQUIRED, "maxval": REQUIRED},
    dtype=_INT64,
    discrete=True,
)
bits = _distribution("bits", "Random bits, as unsigned integers.", {}, dtype=_UINT64, discrete=True)
