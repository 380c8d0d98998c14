"""The models of ``posteriors`` in numpyro, as densities of the same unbounded values.

``python -m benchmarks.posteriors_numpyro`` prints posterior means by long runs of numpyro: those in ``REFERENCE`` of
``tests/model/test_numbers.py``.
"""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import numpyro
import numpyro.distributions as d
from numpyro import infer

from benchmarks.posteriors import (
    ANSWER,
    COUNTIES,
    EFFECT,
    ERROR,
    PLACES,
    PREDICTOR,
    RADON,
    SCHOOLS,
    SERIES,
)


def schools() -> None:
    mu = numpyro.sample("mu", d.Normal(0.0, 5.0))
    tau = numpyro.sample("tau", d.HalfNormal(5.0))
    z = numpyro.sample("theta__offset", d.Normal(0.0, 1.0).expand([len(SCHOOLS)]).to_event(1))
    numpyro.sample("y", d.Normal(mu + tau * z, ERROR.values), obs=EFFECT.values)


def radon() -> None:
    of, floor, uranium = (RADON[k].values for k in ("of", "floor", "uranium"))
    mean_level = numpyro.sample("mean_level", d.Normal(0.0, 5.0))
    mean_slope = numpyro.sample("mean_slope", d.Normal(0.0, 5.0))
    effect = numpyro.sample("effect", d.Normal(0.0, 5.0))
    spread_level = numpyro.sample("spread_level", d.HalfNormal(1.0))
    spread_slope = numpyro.sample("spread_slope", d.HalfNormal(1.0))
    z = numpyro.sample("level__offset", d.Normal(0.0, 1.0).expand([COUNTIES]).to_event(1))
    w = numpyro.sample("slope__offset", d.Normal(0.0, 1.0).expand([COUNTIES]).to_event(1))
    level, slope = mean_level + effect * uranium + spread_level * z, mean_slope + spread_slope * w
    noise = numpyro.sample("noise", d.HalfNormal(1.0))
    mean = level[of] + slope[of] * floor
    numpyro.sample("radon", d.Normal(mean, noise), obs=RADON.radon.values)


def _ordered(name: str, n: int, scale: float) -> Any:
    """An ordered vector in numpyro, with a normal density of its entries."""
    support = d.constraints.ordered_vector
    found = numpyro.sample(name, d.ImproperUniform(support, (), (n,)))
    numpyro.factor(f"{name} density", d.Normal(0.0, scale).log_prob(found).sum())
    return found


def ordered_logistic() -> None:
    slope = numpyro.sample("slope", d.Normal(0.0, 2.0))
    cuts = _ordered("cuts", 3, 5.0)
    numpyro.sample("answer", d.OrderedLogistic(slope * PREDICTOR, cuts), obs=ANSWER)


def autoregression() -> None:
    rho, noise = (
        numpyro.sample("rho", d.Normal(0.0, 0.5)),
        numpyro.sample("noise", d.HalfNormal(1.0)),
    )
    missing = np.nonzero(np.isnan(SERIES))[0]
    support = d.constraints.real_vector
    entries = numpyro.sample("series_missing", d.ImproperUniform(support, (), (missing.size,)))
    x = jnp.asarray(SERIES).at[missing].set(entries)
    numpyro.factor("first", d.Normal(0.0, 1.0).log_prob(x[0]))
    numpyro.factor("steps", d.Normal(rho * x[:-1], noise).log_prob(x[1:]).sum())


def mixture() -> None:
    share = numpyro.sample("share", d.Beta(2.0, 2.0))
    centre = _ordered("centre", 2, 5.0)
    spread = numpyro.sample("spread", d.HalfNormal(2.0).expand([2]).to_event(1))
    weights = d.Categorical(probs=jnp.stack([share, 1.0 - share]))
    numpyro.sample("x", d.MixtureSameFamily(weights, d.Normal(centre, spread)), obs=PLACES)


MODELS: dict[str, Callable[[], None]] = {
    "8 schools": schools,
    "radon": radon,
    "ordered logistic": ordered_logistic,
    "autoregression": autoregression,
    "mixture": mixture,
}


def own_name(key: str, known: Any) -> str:
    """What an unbounded variable is called in numpyro: non-centred ones have our name, others that of the variable."""
    return key if key in known else key.partition("__")[0]


def density(model: Callable[[], None]) -> Callable[[dict[str, Any]], Any]:
    """The log-density of the unbounded values of a model in numpyro."""
    return lambda values: -infer.util.potential_energy(model, (), {}, values)


def sample(
    model: Callable[[], None], draws: int, tune: int, accept: float = 0.8
) -> dict[str, np.ndarray]:
    """Draws of the sampled values, by four chains of numpyro."""
    with jax.enable_x64(True):
        mcmc = infer.MCMC(
            infer.NUTS(model, target_accept_prob=accept),
            num_warmup=tune,
            num_samples=draws,
            num_chains=4,
            chain_method="vectorized",
            progress_bar=False,
        )
        mcmc.run(jax.random.key(0))
        return {k: np.asarray(v) for k, v in mcmc.get_samples().items()}


if __name__ == "__main__":
    for title, model in MODELS.items():
        means = {k: v.mean(0) for k, v in sample(model, 4000, 1000, 0.9).items()}
        print(f"    {title!r}: {{")
        for variable, mean in means.items():
            if mean.size < 10:
                print(f"        {variable!r}: {np.round(mean, 4).tolist()},")
        print("    },", flush=True)
