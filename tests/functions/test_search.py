"""Searching, counting and reducing by dim: the values of NumPy, labels, gradients, batches."""

import numpy as np
import pytest
import scipy.special
import xarray as xr

import xgrad as xg
from xgrad.errors import ArgumentError, DimensionError, SizeMismatchError

CITIES = {"city": ["a", "b", "c", "d", "e"]}


@pytest.fixture
def x(rng) -> xr.DataArray:
    return xr.DataArray(rng.normal(size=(3, 5)), CITIES, ("day", "city"))


# ---- searchsorted --------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("side", ["left", "right"])
@pytest.mark.parametrize("size", [5, 50])
def test_places_in_a_table(side, size, x):
    table = xr.DataArray(np.linspace(-2, 2, size), dims="t")
    found = xg.searchsorted(table, x.where(x < 1), side=side)
    assert found.dims == x.dims
    expected = np.searchsorted(table.values, x.where(x < 1).values, side)
    np.testing.assert_array_equal(found, expected)
    np.testing.assert_array_equal(
        xg.jit(lambda t, x: xg.searchsorted(t, x, side=side))(table, x.where(x < 1)), expected
    )


def test_tables_broadcast_by_name(x):
    tables = xr.DataArray([[0.0, 1.0], [-1.0, 0.5], [-3.0, 0.0]], dims=("day", "t"))
    found = xg.searchsorted(tables, x, "t")
    for i in range(3):
        np.testing.assert_array_equal(found[i], np.searchsorted(tables.values[i], x.values[i]))


# ---- histogram -----------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("density", [False, True])
def test_histograms_are_those_of_numpy(density, x):
    edges = np.array([-1.5, -0.5, 0.0, 1.0, 2.0])
    found = xg.histogram(x, edges, density=density)
    expected, _ = np.histogram(x.values, edges, density=density)
    np.testing.assert_allclose(found, expected)
    np.testing.assert_allclose(found.bin, (edges[1:] + edges[:-1]) / 2)
    np.testing.assert_array_equal(found.left, edges[:-1])
    assert found.dtype == expected.dtype
    even = xg.histogram(x, 4, range=(-1, 1))
    np.testing.assert_array_equal(even, np.histogram(x.values, 4, (-1, 1))[0])


def test_histograms_along_a_dim_with_weights_and_their_gradient(x, rng):
    w = xr.DataArray(rng.uniform(size=5), dims="city")

    def counts(x, w):
        return xg.histogram(x, np.array([-1.0, 0.0, 1.0]), "city", weights=w)

    found = xg.jit(counts)(x, w)
    assert found.dims == ("day", "bin")
    for i in range(3):
        expected, _ = np.histogram(x.values[i], [-1, 0, 1], weights=w.values)
        np.testing.assert_allclose(found[i], expected)
    by_x, by_w = xg.grad(lambda x, w: (counts(x, w) ** 2).sum(), (0, 1))(x, w)
    np.testing.assert_array_equal(by_x, np.zeros((3, 5)))
    xg.verify_grad(lambda w: (counts(x, w) ** 2).sum(), [w])
    assert by_w.dims == ("city",)


def test_the_last_bin_is_closed_and_nan_counts_for_nothing():
    x = xr.DataArray([0.0, 1.0, np.nan, -1.0, 2.0, 5.0], dims="x")
    np.testing.assert_array_equal(xg.histogram(x, [0.0, 1.0, 2.0]), [1, 2])


# ---- top_k ---------------------------------------------------------------------------------------------------------
def test_the_greatest_with_their_labels(x):
    found = xg.top_k(x, 2, "city")
    order = np.argsort(-x.values, 1)[:, :2]
    assert found.dims == ("day", "rank")
    np.testing.assert_array_equal(found, np.take_along_axis(x.values, order, 1))
    np.testing.assert_array_equal(found.city, x.city.values[order])
    compiled = xg.jit(lambda x: xg.top_k(x, 2, "city"))(x)
    xr.testing.assert_identical(compiled, found)
    least = xg.top_k(x, 2, "city", largest=False)
    np.testing.assert_array_equal(least, np.sort(x.values, 1)[:, :2])
    whole = xr.DataArray([3, 9, 9, -5], dims="i")
    assert xg.top_k(whole, 3).values.tolist() == [9, 9, 3]
    assert xg.top_k(whole, 2, largest=False).values.tolist() == [-5, 3]
    missing = xr.DataArray([np.nan, 1.0, 2.0], dims="i")
    np.testing.assert_array_equal(xg.top_k(missing, 3), [2, 1, np.nan])


@pytest.mark.parametrize("ad", ["symbolic", "jax"])
def test_the_gradient_goes_to_the_entries_taken(ad, x):
    gradient = xg.grad(xg.jit(lambda x: (xg.top_k(x, 2, "city") ** 2).sum(), ad=ad))(x)
    rank = x.copy(data=np.argsort(np.argsort(-x.values, 1), 1))
    np.testing.assert_allclose(gradient, 2 * x.where(rank < 2, 0))


# ---- segments ------------------------------------------------------------------------------------------------------
CODES = xr.DataArray([2, 0, -1, 0, 2], CITIES, "city")
EXPECTED = {
    "sum": lambda v: v.sum(-1),
    "prod": lambda v: v.prod(-1),
    "max": lambda v: v.max(-1, initial=-np.inf),
    "min": lambda v: v.min(-1, initial=np.inf),
    "mean": lambda v: v.sum(-1) / (v.shape[-1] or np.nan),
}


@pytest.mark.parametrize("kind", EXPECTED)
def test_groups_by_codes_known_or_not(kind, x):
    function = getattr(xg, f"segment_{kind}")
    expected = np.stack([EXPECTED[kind](x.values[:, CODES.values == g]) for g in range(4)], -1)
    plain, codes = x.drop_vars("city"), CODES.drop_vars("city")
    runs = [
        function(x, CODES, size=4),
        function(plain, codes, size=4),
        xg.jit(lambda x, c: function(x, c, size=4))(x, CODES),
        xg.jit(lambda x: function(x, codes, size=4))(plain),
    ]
    for found in runs:
        assert found.dims == ("day", "segment")
        np.testing.assert_allclose(found, expected, rtol=1e-14)
    xg.verify_grad(lambda x: (function(x, CODES, size=3).sel(segment=[0, 2]) ** 2).sum(), [x])


def test_codes_with_dims_of_their_own_and_labels(x):
    codes = xr.DataArray([[0, 1, 0, 1, 7], [1, 1, 1, 1, 1], [0, 0, 0, 0, 0]], dims=("day", "city"))
    found = xg.segment_sum(x, codes, "city", labels=["low", "high"], new_dim="part")
    assert found.dims == ("day", "part") and found.part.values.tolist() == ["low", "high"]
    np.testing.assert_allclose(found.sel(part="low"), x.where(codes == 0, 0).sum("city"))
    mapped = xg.vmap(lambda x, c: xg.segment_sum(x, c, "city", size=2), "day")(x, codes)
    np.testing.assert_allclose(mapped.transpose("day", ...), found.values)
    assert (
        xg.segment_max(xr.DataArray([1, 2], dims="i"), xr.DataArray([0, 0], dims="i")).item() == 2
    )


# ---- running and NaN-skipping reductions ---------------------------------------------------------------------------
@pytest.mark.parametrize("reverse", [False, True])
def test_running_logsumexp(reverse, x):
    far = x * 500
    found = xg.jit(lambda x: xg.cumlogsumexp(x, "city", reverse=reverse))(far)
    values = far.values[:, ::-1] if reverse else far.values
    expected = np.logaddexp.accumulate(values, axis=1)
    np.testing.assert_allclose(found, expected[:, ::-1] if reverse else expected, rtol=1e-14)
    xr.testing.assert_identical(found.city, x.city)
    xg.verify_grad(lambda x: (xg.cumlogsumexp(x, "city", reverse=reverse) * x).sum(), [x])


def test_reductions_that_skip_nan(x):
    holes = x.where(x < 0.8)
    valid = [row[~np.isnan(row)] for row in holes.values]
    np.testing.assert_allclose(
        xg.nanlogsumexp(holes, "city"), [scipy.special.logsumexp(v) for v in valid]
    )
    for f, eager in ((xg.nanmedian, np.nanmedian), (lambda a, d: xg.nanquantile(a, 0.3, d), None)):
        found = xg.jit(lambda a, f=f: f(a, "city"))(holes)
        expected = eager(holes, 1) if eager else np.nanquantile(holes, 0.3, axis=1)
        np.testing.assert_allclose(found, expected)
    gradient = xg.grad(lambda a: xg.nanlogsumexp(a, "city").sum())(holes)
    assert bool((gradient.where(holes.isnull(), 0) == 0).all())
    xg.verify_grad(lambda a: xg.nanlogsumexp(a.where(x < 0.8), "city").sum(), [x])


# ---- bad input -----------------------------------------------------------------------------------------------------
def test_bad_input(x):
    table = xr.DataArray([0.0, 1.0], dims="city")
    with pytest.raises(DimensionError, match="the values have the dim 'city'"):
        xg.searchsorted(table, x)
    with pytest.raises(ArgumentError, match="side is"):
        xg.searchsorted(table, 0.5, side="both")
    with pytest.raises(ArgumentError, match="needs their range"):
        xg.histogram(x, 10)
    with pytest.raises(ArgumentError, match="ascending edges"):
        xg.histogram(x, [1.0, 0.0])
    with pytest.raises(DimensionError, match="along dim 'cit'"):
        xg.histogram(x, [0.0, 1.0], "cit")
    with pytest.raises(SizeMismatchError, match="from 0 to 5"):
        xg.top_k(x, 6, "city")
    with pytest.raises(DimensionError, match="say which"):
        xg.top_k(x, 1)
    with pytest.raises(ArgumentError, match="not known while tracing"):
        xg.jit(lambda x, c: xg.segment_sum(x, c))(x, CODES)
    with pytest.raises(ArgumentError, match="integers"):
        xg.segment_sum(x, x[0])
    with pytest.raises(ArgumentError, match="there are 2 labels"):
        xg.segment_sum(x, CODES, size=3, labels=["a", "b"])
    with pytest.raises(DimensionError, match="'city'"):
        xg.segment_sum(x.rename(city="town"), CODES, size=3)
