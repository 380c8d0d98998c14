"""Every kind of XOp, differentiated once and twice, symbolically and by JAX, against finite differences."""

import numpy as np
import pytest
import xarray as xr

import xgrad as xg

pytestmark = pytest.mark.filterwarnings("ignore::xgrad.errors.LabelsDroppedWarning")

RNG = np.random.default_rng(7)
X = xr.DataArray(
    RNG.uniform(0.4, 1.6, (4, 3)),
    coords={"time": [10, 20, 30, 40], "city": list("abc")},
    dims=("time", "city"),
    name="x",
)
W = xr.DataArray(
    RNG.normal(size=(3, 4)),
    coords={"city": list("cab"), "time": [40, 10, 20, 30]},
    dims=("city", "time"),
)
SPD = xr.DataArray(np.eye(3) + 0.1, dims=("city", "other"))
TRACED_INDEX = xr.DataArray([2, 0, 2], dims="pick")

PROGRAMS = {
    "elementwise": lambda x: np.exp(-x) * np.sin(x) / (1 + x**2) + x**1.5,
    "broadcast by name": lambda x: x * W + x.isel(time=0, drop=True) * x.isel(city=0, drop=True),
    "choice": lambda x: xr.where(x > 1, np.log(x), x**2),
    "clip and extremes": lambda x: np.maximum(x, 0.9) * np.minimum(x, 1.2) + x.clip(0.5, 1.4),
    "sum, mean": lambda x: x.sum("time") * x.mean("city"),
    "prod": lambda x: x.prod("time"),
    "max, min": lambda x: x.max("time") - x.min("city"),
    "var, std": lambda x: x.var("time") + x.std("city", ddof=1),
    "median, quantile": lambda x: x.median("time") + x.quantile([0.2, 0.7], "time").sum("quantile"),
    "cumulative": lambda x: x.cumsum("time") * x.cumprod("city"),
    "dot by name": lambda x: xr.dot(x, W, dim="time") + x.dot(W),
    "matrix product of itself": lambda x: xr.dot(x, x.rename(city="other"), dim="time"),
    "slices": lambda x: (
        x.isel(time=slice(None, None, -2)) * x.isel(city=slice(1, None)).isel(city=0, drop=True)
    ),
    "orthogonal gather": lambda x: x.isel(time=[0, 2, 2], city=[1, 0]),
    "pointwise gather": lambda x: x.isel(time=TRACED_INDEX.clip(0, 3), city=TRACED_INDEX),
    "traced gather": lambda x: (
        x.isel(time=0, drop=True).drop_vars("city").data[(x.argmax("city") + 0).data]
    ),
    "update": lambda x: xg.at(x)[{"time": [0, 2]}].set(x.isel(time=1, drop=True) ** 2),
    "update, adding": lambda x: xg.at(x)[{"time": slice(1, 3)}].add(x.isel(time=0, drop=True)),
    "assignment": lambda x: _assigned(x),
    "concat": lambda x: xr.concat([x, x.isel(time=[1]) ** 2], "time"),
    "concat along a new dim": lambda x: xr.concat([x, x**2], "run"),
    "pad": lambda x: x.drop_vars("time").pad(time=(1, 2), constant_values=2.0) * 2,
    "pad by reflection": lambda x: x.drop_vars("time").pad(time=2, mode="reflect") ** 2,
    "window": lambda x: x.rolling(time=2).construct("w").isel(time=slice(1, None)).prod("w"),
    "merge and split dims": lambda x: x.stack(z=("city", "time")).cumsum("z").unstack("z"),
    "rename and swap": lambda x: (
        x.rename(time="city", city="time")
        * x.drop_vars(["time", "city"]).isel(time=slice(3)).mean()
    ),
    "cast": lambda x: x.astype("float32").astype("float64") ** 2,
    "sort": lambda x: (
        xr.apply_ufunc(np.sort, x, input_core_dims=[["time"]], output_core_dims=[["time"]]) * W
    ),
    "cholesky": lambda x: _cholesky(xr.dot(x, x.rename(city="other"), dim="time") + SPD),
    "solve": lambda x: _solve(SPD + xr.dot(x, x.rename(city="other"), dim="time"), x),
    "determinant": lambda x: _core(np.linalg.det, SPD * x.isel(time=0, drop=True), 0),
    "fourier": lambda x: abs(
        xr.apply_ufunc(np.fft.rfft, x, input_core_dims=[["time"]], output_core_dims=[["f"]])
    )[..., 1],
    "groups": lambda x: (
        (g := x.groupby(xr.DataArray(["u", "v", "u", "v"], dims="time", name="half"))) - g.mean()
    ),
    "nan-skipping": lambda x: x.where(x < 1.3).mean("time") + x.where(x > 0.6).sum("city"),
}


def _assigned(x):
    y = x * 1.0
    y[{"time": 1}] = x.isel(time=0, drop=True) ** 2
    y.loc[{"city": "b"}] *= 3.0
    return y


def _core(fun, x, outputs):
    core = ["city", "other"]
    return xr.apply_ufunc(
        fun, x, input_core_dims=[core], output_core_dims=[core] if outputs else [[]]
    )


def _cholesky(x):
    return _core(np.linalg.cholesky, x, 2)


def _solve(matrix, x):
    return xr.apply_ufunc(
        np.linalg.solve, matrix, x.transpose("city", "time"), input_core_dims=[["city", "other"], ["city", "time"]],
        output_core_dims=[["other", "time"]],
    )  # fmt: skip


def cost_of(program):
    """A 0-d cost that weighs every output differently."""

    def cost(x):
        out = program(x)
        out = out if isinstance(out, xr.DataArray) else xr.DataArray(out)
        weights = np.cos(np.arange(np.prod(out.shape), dtype=float)).reshape(out.shape)
        return (out * weights).sum()

    return cost


def difference(fun, x, direction, step=1e-5):
    return (fun(x + step * direction) - fun(x - step * direction)) / (2 * step)


@pytest.mark.parametrize("name", PROGRAMS)
def test_first_derivative(name):
    cost = cost_of(PROGRAMS[name])
    direction = xr.zeros_like(X) + RNG.normal(size=X.shape)
    symbolic = xg.grad(cost, ad="symbolic")(X)
    delegated = xg.grad(cost, ad="jax")(X)
    xr.testing.assert_identical(symbolic.copy(data=X), delegated.copy(data=X))
    np.testing.assert_allclose(symbolic, delegated, rtol=1e-10, atol=1e-12)
    if name == "cast":
        return  # differences cannot see through float32
    expected = float(difference(xg.jit(cost), X, direction))
    np.testing.assert_allclose(float((symbolic * direction).sum()), expected, rtol=2e-6, atol=1e-8)


@pytest.mark.parametrize("name", PROGRAMS)
def test_second_derivative(name):
    cost = cost_of(PROGRAMS[name])
    direction = xr.DataArray(RNG.normal(size=X.shape), coords=X.coords, dims=X.dims)

    def slope(ad):
        return lambda x: (xg.grad(cost, ad=ad)(x) * direction).sum() + x.sum()

    symbolic = xg.grad(slope("symbolic"), ad="symbolic")(X)
    delegated = xg.grad(slope("jax"), ad="jax")(X)
    np.testing.assert_allclose(symbolic, delegated, rtol=1e-9, atol=1e-10)
    if name == "cast":
        return  # as above
    expected = difference(xg.jit(slope("symbolic")), X, direction)
    np.testing.assert_allclose(
        float((symbolic * direction).sum()), float(expected), rtol=2e-5, atol=1e-7
    )


@pytest.mark.parametrize("name", PROGRAMS)
def test_reference_interpreter_agrees(name):
    gradient = xg.grad(
        cost_of(PROGRAMS[name]), ad="jax"
    )  # the interpreter has no JAX: it takes our rules
    xr.testing.assert_allclose(gradient.reference(X), gradient(X), rtol=1e-10)
