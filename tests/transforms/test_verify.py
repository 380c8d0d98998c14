"""``verify_grad`` and ``numeric_grad``: they agree with right gradients, and find and name wrong ones."""

import numpy as np
import pytest
import xarray as xr

import xgrad as xg
from tests.transforms.samples import rain, weather
from xgrad.errors import ArgumentError, GradientError

X = xr.DataArray(
    [[0.5, -1.5], [2.0, 0.1]], dims=("time", "city"), coords={"city": ["Oslo", "Rome"]}, name="x"
)


def wrong(factor):
    """The square, with a derivative that is wrong in one place."""
    mask = xr.DataArray([[1.0, 1.0], [factor, 1.0]], dims=("time", "city"))
    return xg.custom_gradient(
        lambda x: x**2, pullback=lambda args, out, ct: (2 * args[0] * ct * mask,)
    )


def test_numeric_grad_keeps_containers_and_labels():
    def cost(p, x):
        return (p["k"] * np.sin(x) * p["d"].wind).sum()

    params = {"k": 1.5, "d": weather()}
    found, dx = xg.numeric_grad(cost, (params, rain()))
    slopes, expected = xg.grad(cost, (0, 1))(params, rain())
    np.testing.assert_allclose(found["k"], slopes["k"], rtol=1e-8)
    xr.testing.assert_allclose(found["d"], slopes["d"], rtol=1e-7)
    xr.testing.assert_allclose(dx, expected, rtol=1e-7)
    xr.testing.assert_identical(dx.copy(data=rain().data), rain())


def test_numeric_grad_of_integers_is_zero():
    dn, _dx = xg.numeric_grad(lambda n, x: (n * x).sum(), (xr.DataArray([1, 2], dims="t"), X[:, 0]))
    np.testing.assert_array_equal(dn, [0.0, 0.0])


RIGHT = {
    "elementwise": lambda x: np.exp(x) * x,
    "several outputs": lambda x: {"a": np.sin(x), "b": [x.mean("time"), x.sum()], "n": 3},
    "a Dataset": lambda x: xr.Dataset({"u": x**2, "v": x.cumsum("time")}),
    "reductions": lambda x: x.std("time") + x.prod("city").sum(),
}


@pytest.mark.parametrize("name", RIGHT)
@pytest.mark.parametrize("order", [1, 2])
def test_right_gradients_pass(name, order):
    report = xg.verify_grad(RIGHT[name], X, n_tests=1, order=order)
    assert report.passed and report.worst.score < 0.5


def test_single_precision_has_its_own_tolerances():
    report = xg.verify_grad(lambda x: np.sin(x) * x, X.astype("float32"))
    assert report.abs_tol == 1e-2


def test_a_wrong_gradient_is_reported_by_its_labels():
    with pytest.raises(GradientError) as error:
        xg.verify_grad(wrong(1.5), X)
    report = error.value.report
    assert report.worst.where == "x[time=1, city='Oslo']"
    assert (report.worst.mode, report.worst.order) == ("reverse", 1)
    np.testing.assert_allclose(report.worst.analytic / report.worst.numeric, 1.5, rtol=1e-6)
    assert report.analytic[0].dims == report.numeric[0].dims == X.dims
    lines = str(error.value).splitlines()
    assert lines[0].startswith(
        "the gradient and finite differences differ; worst at x[time=1, city='Oslo'] (reverse mode, order 1, test "
    )
    assert [line.split()[0] for line in lines[1:]] == ["analytic", "numeric", "absolute"]
    assert str(error.value) == str(report) == repr(report)


def test_forward_mode_alone():
    with pytest.raises(GradientError, match="worst at a random direction \\(forward mode, order 1"):
        xg.verify_grad(wrong(2.0), X, modes=["forward"])


def test_nan_fails():
    nan = xg.custom_gradient(lambda x: x, pullback=lambda args, out, ct: (ct * np.nan,))
    with pytest.raises(GradientError, match="analytic nan"):
        xg.verify_grad(nan, X)


def test_tolerances_and_the_generator_are_the_users():
    assert xg.verify_grad(wrong(1.0 + 1e-4), X, rng=np.random.default_rng(5), rel_tol=1e-2).passed
    with pytest.raises(GradientError):
        xg.verify_grad(wrong(1.0 + 1e-4), X, rng=5)


def test_mistakes():
    with pytest.raises(ArgumentError) as error:
        xg.verify_grad(lambda x: x, xr.DataArray([1, 2], dims="x"))
    assert str(error.value) == "there is no float among the points to differentiate by."
    with pytest.raises(ArgumentError) as error:
        xg.verify_grad(lambda x: x > 0, X)
    assert str(error.value) == "verify_grad: the function returns no float array."
    with pytest.raises(ArgumentError) as error:
        xg.verify_grad(np.sin, X, modes=["backward"])
    assert (
        str(error.value)
        == "modes must be one of 'reverse', 'forward'; got 'backward'; did you mean 'forward'?"
    )
