"""Naive formulas in xarray's own spellings: stable values and gradients, with their labels, in both routes."""

import numpy as np
import pytest
import scipy.special as sp
import xarray as xr

import xgrad as xg

INF, NAN = np.inf, np.nan
BIG = xr.DataArray(
    [[800.0, 801.0, -INF], [-900.0, -901.0, -902.0], [1000.0, NAN, 999.0]],
    dims=("obs", "k"),
    coords={"k": ["a", "b", "c"]},
)
WEIGHTS = xr.DataArray([0.2, 0.3, 0.5], dims="k", coords={"k": ["a", "b", "c"]})
each_route = pytest.mark.parametrize("ad", ["symbolic", "jax"])


def rules_of(f, *args):
    return {fired.rule for fired in xg.jit(f).stages(*args).rewrites}


def stable(x, dim, skipna=True, **options):
    """SciPy's, which knows no missing values."""
    x = x.fillna(-INF) if skipna else x
    return xr.apply_ufunc(
        lambda a: sp.logsumexp(a, axis=tuple(range(-len(dim), 0)), **options),
        x,
        input_core_dims=[dim],
    )


@pytest.mark.parametrize("dim", ["k", "obs", ("obs", "k"), None])
@pytest.mark.parametrize("skipna", [True, False])
def test_logsumexp_over_any_dims(dim, skipna):
    f = xg.jit(lambda x: np.log(np.exp(x).sum(dim, skipna=skipna)))
    dims = list(BIG.dims) if dim is None else [dim] if isinstance(dim, str) else list(dim)
    xr.testing.assert_allclose(f(BIG), stable(BIG, dims, skipna), rtol=1e-15)


def test_logsumexp_of_nothing():
    empty = xr.DataArray(np.zeros((2, 0)), dims=("obs", "k"))
    got = xg.jit(lambda x: np.log(np.exp(x).sum("k")))(empty)
    np.testing.assert_array_equal(got, [-INF, -INF])


@pytest.mark.parametrize(
    "f",
    [
        lambda x, w: np.log((w * np.exp(x)).sum("k")),
        lambda x, w: np.log((np.exp(x) * w).sum("k", skipna=False)),
        lambda x, w: np.log(xr.dot(np.exp(x), w, dim="k")),
        lambda x, w: np.log(np.exp(x).weighted(w).sum("k")),
        lambda x, w: np.log(np.exp(x + np.log(w)).sum("k")),
    ],
)
def test_weighted_sums(f):
    x = BIG.isel(obs=slice(0, 2))
    want = stable(x + np.log(WEIGHTS), ["k"])
    xr.testing.assert_allclose(xg.jit(f)(x, WEIGHTS), want.transpose("obs"), rtol=1e-14)


@each_route
@pytest.mark.parametrize(
    "f",
    [
        lambda x: np.log(np.exp(x).sum("k")),
        lambda x: np.log(np.exp(x).mean("k")),
        lambda x: np.log(xr.dot(np.exp(x), xr.ones_like(x), dim="k")),
        lambda x: np.log(np.sqrt((np.exp(x) ** 1).sum("k"))) * 2,
    ],
)
def test_gradient_is_the_softmax(f, ad):
    x = BIG.isel(obs=slice(0, 2))
    got = xg.grad(lambda x: f(x).sum(), ad=ad)(x)
    xr.testing.assert_allclose(got, x.copy(data=sp.softmax(x.values, axis=1)), rtol=1e-12)


@each_route
def test_a_missing_value_gets_no_gradient(ad):
    got = xg.grad(lambda x: np.log(np.exp(x).sum("k")).sum(), ad=ad)(BIG)
    want = sp.softmax(BIG.fillna(-INF).values, axis=1)
    np.testing.assert_allclose(got, want, rtol=1e-12)


SOFTMAX = {
    "plain": lambda x: np.exp(x) / np.exp(x).sum("k"),
    "of all": lambda x: np.exp(x) / np.exp(x).sum("k", skipna=False),
    "shifted": lambda x: np.exp(x - x.max("k")) / np.exp(x - x.max("k")).sum("k"),
    "once": lambda x: (lambda e: e / e.sum("k"))(np.exp(x)),
}


@pytest.mark.parametrize("spelling", SOFTMAX)
def test_softmax_and_its_logarithm(spelling):
    x = BIG.isel(obs=[1]) * 3 + xr.DataArray([0.0, 5000.0], dims="case")
    want = sp.log_softmax(x.transpose("obs", "case", "k").values, axis=-1)
    got = xg.jit(lambda x: np.log(SOFTMAX[spelling](x)))(x).transpose("obs", "case", "k")
    np.testing.assert_allclose(got, want, rtol=1e-13)
    share = xg.jit(SOFTMAX[spelling])(x).transpose("obs", "case", "k")
    np.testing.assert_allclose(share, np.exp(want), rtol=1e-13)


@each_route
@pytest.mark.parametrize("spelling", SOFTMAX)
def test_cross_entropy(spelling, ad):
    x = xr.DataArray([[900.0, 0.0, 850.0], [1.0, -2.0, 3.0]], dims=("obs", "k"))
    y = xr.DataArray([[0.1, 0.7, 0.2], [0.0, 1.0, 0.0]], dims=("obs", "k"))

    def loss(x):
        return -(y * np.log(SOFTMAX[spelling](x))).sum()

    np.testing.assert_allclose(xg.grad(loss, ad=ad)(x), sp.softmax(x, axis=1) - y, atol=1e-15)


def test_the_gradient_of_a_cross_entropy_prints_as_softmax_less_labels():
    def loss(x, y):
        return -(y * np.log(np.exp(x) / np.exp(x).sum("k", skipna=False))).sum(skipna=False)

    x = xr.DataArray([1.0, 2.0], dims="k", name="x")
    stages = xg.grad(loss).stages(x, x)
    shape = [line.split(":")[0] for line in xg.dprint(stages.optimised, file="str").splitlines()]
    assert shape == ["softmax(x)·Σy - y (axes=(0,))", "├─ x", "└─ y"]


def test_x_log_x_counts_nothing_at_zero():
    p = xr.DataArray([0.0, 0.25, 0.75], dims="k")

    def f(p):
        return -(p * np.log(p)).sum(skipna=False)

    np.testing.assert_allclose(xg.jit(f)(p), sp.entr(p.values).sum())
    assert xg.grad(f)(p).values[0] == INF


def test_variance_from_raw_moments_skips_what_is_missing():
    x = xr.DataArray([[1e9, 1e9 + 1, NAN, 1e9 + 2], [NAN, NAN, NAN, 4.0]], dims=("obs", "k"))
    f = xg.jit(lambda x: (x**2).mean("k") - x.mean("k") ** 2)
    np.testing.assert_allclose(f(x), [2 / 3, 0.0], rtol=1e-12)


def test_a_line_of_the_user_is_beside_every_rewrite():
    f = xg.jit(lambda x: np.log(1 + np.exp(x)))
    (fired, *_) = f.stages(BIG).rewrites
    assert fired.before.source.file == __file__


def test_switched_off_and_on_in_one_function():
    f = xg.jit(lambda x: np.log(np.exp(x).sum(skipna=False)))
    x = xr.DataArray([800.0, 801.0], dims="k")
    assert np.isfinite(f(x))
    with xg.options(disable=("logsumexp",)):
        assert f(x) == INF
    assert np.isfinite(f(x))


def test_fast_math_in_one_function():
    f = xg.jit(lambda x: x - x)
    x = xr.DataArray([INF, 1.0], dims="k")
    np.testing.assert_array_equal(f(x), [NAN, 0.0])
    with xg.options(fast_math=True):
        np.testing.assert_array_equal(f(x), [0.0, 0.0])
    np.testing.assert_array_equal(f(x), [NAN, 0.0])


def test_second_derivatives_of_stable_forms():
    x = xr.DataArray([700.0, 702.0, 701.0], dims="k")
    for f in (
        lambda x: np.log(np.exp(x).sum("k")),
        lambda x: np.log(1 + np.exp(x - 701)).sum("k"),
        lambda x: np.log(1 - np.exp(-x / 100)).sum("k"),
        lambda x: np.log(0.5 * sp.erfc(x / 10)).sum("k"),
    ):
        symbolic = xg.hessian(f)(x)
        step = 1e-4
        for k in range(3):
            moved = xr.DataArray(np.eye(3)[k] * step, dims="k")
            slope = (xg.grad(f)(x + moved) - xg.grad(f)(x - moved)) / (2 * step)
            np.testing.assert_allclose(symbolic.values[k], slope, rtol=1e-5, atol=1e-9)
