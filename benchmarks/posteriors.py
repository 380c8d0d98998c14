"""Five models with their data, seeded, by which posteriors are compared (``posteriors_numpyro`` has them again)."""

import numpy as np
import xarray as xr

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

SCHOOLS = list("ABCDEFGH")
EFFECT = xr.DataArray([28.0, 8, -3, 7, -1, 1, 18, 12], coords={"school": SCHOOLS}, name="effect")
ERROR = xr.DataArray([15.0, 10, 16, 11, 9, 11, 10, 18], coords={"school": SCHOOLS}, name="error")
COUNTIES, HOUSES, PEOPLE, STEPS, POINTS = 85, 919, 200, 120, 150


def _rng(seed: int) -> np.random.Generator:
    return np.random.default_rng(seed)


def eight_schools(noncentered: bool = True) -> Model:
    with Model() as m:
        error = Data(ERROR)
        mu = Normal("mu", 0.0, 5.0)
        tau = HalfNormal("tau", 5.0)
        theta = Normal("theta", mu, tau, dims="school", noncentered=noncentered)
        Normal("y", theta, error, observed=EFFECT)
    return m


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


MODELS = {
    "8 schools": eight_schools,
    "radon": radon,
    "ordered logistic": ordered_logistic,
    "autoregression": autoregression,
    "mixture": mixture,
}
