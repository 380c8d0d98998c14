"""Five models with their data, in xgrad and, as densities of the same unbounded values, in numpyro.

``python -m tests.model.programs`` prints posterior means by long runs of numpyro: those in ``REFERENCE``.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import numpyro
import numpyro.distributions as d
import xarray as xr
from numpyro import infer

from tests.model.test_model import EFFECT, ERROR, SCHOOLS, eight_schools
from xgrad.model import (
    AR,
    Beta,
    Data,
    HalfNormal,
    Mixture,
    Model,
    Normal,
    OrderedLogistic,
)

COUNTIES, HOUSES, PEOPLE, STEPS, POINTS = 85, 919, 200, 120, 150


class Program(NamedTuple):
    """A model twice."""

    ours: Callable[[], Model]
    numpyro: Callable[[], None]


def _rng(seed: int) -> np.random.Generator:
    return np.random.default_rng(seed)


def _radon_data() -> xr.Dataset:
    rng = _rng(1)
    county = np.concatenate([np.arange(COUNTIES), rng.integers(0, COUNTIES, HOUSES - COUNTIES)])
    uranium = rng.normal(size=COUNTIES)
    floor = (rng.random(HOUSES) < 0.17).astype(float)
    level = 1.4 + 0.7 * uranium + 0.15 * rng.normal(size=COUNTIES)
    slope = -0.65 + 0.3 * rng.normal(size=COUNTIES)
    radon = level[county] + slope[county] * floor + 0.75 * rng.normal(size=HOUSES)
    return xr.Dataset(
        {
            "of": ("house", county),
            "floor": ("house", floor),
            "uranium": ("county", uranium),
            "radon": ("house", radon),
        },
        {"county": [f"county {i:02}" for i in range(COUNTIES)]},
    )


RADON = _radon_data()


def radon() -> Model:
    with Model() as m:
        of, floor, uranium = (Data(RADON[k]) for k in ("of", "floor", "uranium"))
        mean_level, mean_slope = Normal("mean_level", 0.0, 5.0), Normal("mean_slope", 0.0, 5.0)
        effect = Normal("effect", 0.0, 5.0)
        spread_level, spread_slope = HalfNormal("spread_level"), HalfNormal("spread_slope")
        level = Normal("level", mean_level + effect * uranium, spread_level, noncentered=True)
        slope = Normal("slope", mean_slope, spread_slope, dims="county", noncentered=True)
        here = level.isel(county=of) + slope.isel(county=of) * floor
        Normal("radon", here, HalfNormal("noise"), observed=RADON.radon)
    return m


def radon_by_numpyro() -> None:
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


def schools_by_numpyro() -> None:
    mu = numpyro.sample("mu", d.Normal(0.0, 5.0))
    tau = numpyro.sample("tau", d.HalfNormal(5.0))
    z = numpyro.sample("theta__offset", d.Normal(0.0, 1.0).expand([len(SCHOOLS)]).to_event(1))
    numpyro.sample("y", d.Normal(mu + tau * z, ERROR.values), obs=EFFECT.values)


def _answers() -> tuple[np.ndarray, np.ndarray]:
    rng = _rng(2)
    x = rng.normal(size=PEOPLE)
    latent = 1.2 * x + rng.logistic(size=PEOPLE)
    return x, np.searchsorted([-1.5, 0.0, 1.0], latent)


PREDICTOR, ANSWER = _answers()


def ordered_logistic() -> Model:
    with Model(coords={"cut": ["low", "middle", "high"]}) as m:
        x = Data("x", PREDICTOR, dims="person")
        slope = Normal("slope", 0.0, 2.0)
        cuts = Normal("cuts", 0.0, 5.0, dims="cut", transform="ordered")
        answer = xr.DataArray(ANSWER, dims="person")
        OrderedLogistic("answer", slope * x, cuts, core_dims="cut", observed=answer)
    return m


def _ordered(name: str, n: int, scale: float) -> Any:
    """An ordered vector in numpyro, with a normal density of its entries."""
    support = d.constraints.ordered_vector
    found = numpyro.sample(name, d.ImproperUniform(support, (), (n,)))
    numpyro.factor(f"{name} density", d.Normal(0.0, scale).log_prob(found).sum())
    return found


def ordered_logistic_by_numpyro() -> None:
    slope = numpyro.sample("slope", d.Normal(0.0, 2.0))
    cuts = _ordered("cuts", 3, 5.0)
    numpyro.sample("answer", d.OrderedLogistic(slope * PREDICTOR, cuts), obs=ANSWER)


def _series() -> np.ndarray:
    rng = _rng(3)
    x = np.zeros(STEPS)
    for t in range(1, STEPS):
        x[t] = 0.7 * x[t - 1] + 0.5 * rng.normal()
    x[rng.choice(np.arange(1, STEPS), STEPS // 10, replace=False)] = np.nan
    return x


SERIES = _series()


def autoregression() -> Model:
    with Model() as m:
        rho, noise = Normal("rho", 0.0, 0.5), HalfNormal("noise")
        AR(
            "series",
            rho,
            noise,
            Normal.dist(0.0, 1.0),
            dim="time",
            observed=xr.DataArray(SERIES, dims="time"),
            missing="impute",
        )
    return m


def autoregression_by_numpyro() -> None:
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


def _points() -> np.ndarray:
    rng = _rng(4)
    return np.where(
        rng.random(POINTS) < 0.3, rng.normal(-2.0, 0.5, POINTS), rng.normal(1, 1, POINTS)
    )


PLACES = _points()


def mixture() -> Model:
    with Model(coords={"part": ["left", "right"]}) as m:
        share = Beta("share", 2.0, 2.0)
        centre = Normal("centre", 0.0, 5.0, dims="part", transform="ordered")
        spread = HalfNormal("spread", 2.0, dims="part")
        weights = xr.concat([share, 1.0 - share], "part")
        parts = Normal.dist(centre, spread)
        Mixture("x", weights, parts, "part", observed=xr.DataArray(PLACES, dims="point"))
    return m


def mixture_by_numpyro() -> None:
    share = numpyro.sample("share", d.Beta(2.0, 2.0))
    centre = _ordered("centre", 2, 5.0)
    spread = numpyro.sample("spread", d.HalfNormal(2.0).expand([2]).to_event(1))
    weights = d.Categorical(probs=jnp.stack([share, 1.0 - share]))
    numpyro.sample("x", d.MixtureSameFamily(weights, d.Normal(centre, spread)), obs=PLACES)


PROGRAMS = {
    "8 schools": Program(lambda: eight_schools(True), schools_by_numpyro),
    "radon": Program(radon, radon_by_numpyro),
    "ordered logistic": Program(ordered_logistic, ordered_logistic_by_numpyro),
    "autoregression": Program(autoregression, autoregression_by_numpyro),
    "mixture": Program(mixture, mixture_by_numpyro),
}


def numpyro_name(key: str, known: Any) -> str:
    """What an unbounded variable is called in numpyro: non-centred ones have our name, others that of the variable."""
    return key if key in known else key.partition("__")[0]


def numpyro_density(model: Callable[[], None]) -> Callable[[dict[str, Any]], Any]:
    """The log-density of the unbounded values of a model in numpyro."""
    return lambda values: -infer.util.potential_energy(model, (), {}, values)


def reference(model: Callable[[], None], draws: int = 4000) -> dict[str, np.ndarray]:
    """Posterior means of the sampled values, by four chains of numpyro."""
    with jax.enable_x64(True):
        mcmc = infer.MCMC(
            infer.NUTS(model, target_accept_prob=0.9),
            num_warmup=1000,
            num_samples=draws,
            num_chains=4,
            chain_method="vectorized",
            progress_bar=False,
        )
        mcmc.run(jax.random.key(0))
        return {k: np.asarray(v).mean(0) for k, v in mcmc.get_samples().items()}


if __name__ == "__main__":
    for name, program in PROGRAMS.items():
        means = reference(program.numpyro)
        print(f"    {name!r}: {{")
        for variable, mean in means.items():
            if mean.size < 10:
                print(f"        {variable!r}: {np.round(mean, 4).tolist()},")
        print("    },", flush=True)
