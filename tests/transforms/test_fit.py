"""``xgrad.fit``, loops of optax with labels, and tied parameters of the solvers."""

import importlib
from types import SimpleNamespace

import numpy as np
import pytest
import xarray as xr

import xgrad as xg
from xgrad.errors import ArgumentError, CostNotScalarError, NonFiniteError

optax = pytest.importorskip("optax")

X = xr.DataArray(np.linspace(-1.0, 1.0, 20), dims="point")
SLOPE = xr.DataArray([2.0, -1.0], {"site": ["a", "b"]}, "site")
Y = SLOPE * X + 0.5


def loss(params, y):
    return ((params["slope"] * X + params["level"] - y) ** 2).mean()


def test_steps_are_those_of_optax():
    import jax  # noqa: PLC0415
    import jax.numpy as jnp  # noqa: PLC0415

    optimizer, steps = optax.adam(0.1), 60
    found = xg.fit(loss, {"slope": 0 * SLOPE, "level": 0}, optimizer, steps, args=(Y,))
    with jax.enable_x64(True):
        x, y = X.values, Y.values
        params = {"slope": jnp.zeros(2), "level": jnp.zeros(())}
        state, losses = optimizer.init(params), []
        cost = jax.value_and_grad(
            lambda p: ((p["slope"][:, None] * x + p["level"] - y) ** 2).mean()
        )
        for _ in range(steps):
            value, gradient = cost(params)
            updates, state = optimizer.update(gradient, state, params)
            params = optax.apply_updates(params, updates)
            losses.append(float(value))
    np.testing.assert_allclose(found.history, losses, rtol=1e-9)
    assert found.history.dims == ("step",) and found.history.sizes["step"] == steps
    assert found.params["slope"].indexes["site"].tolist() == ["a", "b"]
    np.testing.assert_allclose(found.params["slope"], params["slope"], rtol=1e-9)
    np.testing.assert_allclose(found.params["level"], params["level"], rtol=1e-9)


def test_datasets_and_line_searches():
    start = xr.Dataset({"slope": 0 * SLOPE, "level": 0.0})
    found = xg.fit(loss, start, optax.lbfgs(), 12, args=(Y,))
    assert isinstance(found.params, xr.Dataset)
    xr.testing.assert_allclose(found.params.slope, SLOPE, atol=1e-5)


def test_a_key_for_each_step_and_the_same_history_for_the_same_key():
    def noisy(params, y, key):
        return loss(params, y + 0.1 * xg.random.normal(key, {"point": 20}))

    def history(seed):
        start = {"slope": 0 * SLOPE, "level": 0.0}
        return xg.fit(noisy, start, optax.sgd(0.0), 5, args=(Y,), key=xg.random.key(seed)).history

    one = history(0)
    assert len(set(one.values.tolist())) == 5
    xr.testing.assert_identical(one, history(0))
    assert not one.equals(history(1))


def test_the_bar(capsys):
    pytest.importorskip("rich")
    xg.fit(lambda p: p**2, 1.0, optax.sgd(0.1), 3, progress=True)
    shown = capsys.readouterr().err
    assert "3/3" in shown and "loss 0.4096" in shown
    xg.fit(lambda p: p**2, 1.0, optax.sgd(0.1), 3)
    assert capsys.readouterr().err == ""


def test_the_bar_of_notebooks(monkeypatch):
    shown = []
    handle = SimpleNamespace(update=shown.append)
    monkeypatch.setattr(
        "xgrad.transforms.solvers.progress._notebook", lambda: lambda *_, **__: handle
    )
    xg.fit(lambda p: p**2, 1.0, optax.sgd(0.1), 3)
    assert shown[-1]._repr_html_() == (
        '<progress max="3" value="3"></progress> 3 of 3 steps, 0 s, loss 0.4096'
    )


def test_what_does_not_work(monkeypatch):
    with pytest.raises(CostNotScalarError) as error:
        xg.fit(lambda p: p * X, 1.0, optax.sgd(0.1), 3)
    assert str(error.value).startswith(
        "fit: the loss has the dims ('point',), and must be one number.\n"
        "Reduce it with .sum() or .mean()."
    )
    with pytest.raises(ArgumentError) as error:
        xg.fit(lambda p: p, 1.0, "adam", 3)
    assert str(error.value) == (
        "fit: the optimiser is one of optax, such as optax.adam(1e-2); not 'adam'."
    )
    with pytest.raises(ArgumentError, match="fit: steps is a positive integer, not 0"):
        xg.fit(lambda p: p, 1.0, optax.sgd(0.1), 0)
    with pytest.raises(ArgumentError, match="args is a tuple"):
        xg.fit(lambda p, y: p, 1.0, optax.sgd(0.1), 3, args=Y)
    with pytest.raises(NonFiniteError) as error:
        xg.fit(lambda p: np.log(p), 1.0, optax.sgd(0.6), 9)
    assert str(error.value) == (
        "fit: the loss is nan at step 2.\n"
        "Start elsewhere, take a smaller learning rate, or find the place with xgrad.checks."
    )
    monkeypatch.setattr(importlib.import_module("xgrad.jax_backend.extras"), "import_module", _none)
    with pytest.raises(
        ImportError, match=r"needs optax; install it with: pip install 'xgrad\[fit\]'"
    ):
        xg.fit(lambda p: p**2, 1.0, optax.sgd(0.1), 3)


def _none(name):
    raise ModuleNotFoundError(name)


# ---- tied parameters of root, minimize and least_squares -------------------------------------------------------------
T = xr.DataArray(np.arange(6.0), dims="t")
TWO = 2 * np.exp(-0.5 * T) + 4 * np.exp(-1.0 * T)


def two_decays(p, y):
    return p["a"] * np.exp(-p["k"] * T) + p["b"] * np.exp(-p["twice"] * T) - y


TIED = {"b": lambda p: 2 * p["a"], "twice": lambda p: 2 * p["k"]}


@pytest.mark.parametrize("kind", [dict, xr.Dataset])
def test_tied_parameters_follow_the_others(kind):
    pytest.importorskip("optimistix")
    start = kind({"a": 1.0, "k": 1.0, "b": 7.0})
    found = xg.least_squares(two_decays, start, (TWO,), tied=TIED, bounds={"k": (0, 3)}).value
    assert list(found) == ["a", "k", "b", "twice"]
    np.testing.assert_allclose([float(v) for v in found.values()], [2, 0.5, 4, 1], rtol=1e-6)


def test_gradients_go_through_ties():
    pytest.importorskip("optimistix")

    def tied(y):
        tight = {"rtol": 1e-12, "atol": 1e-12}
        return xg.least_squares(two_decays, {"a": 1.0, "k": 1.0}, (y,), tied=TIED, **tight).value[
            "b"
        ]

    step = 1e-4 * xr.DataArray(np.cos(np.arange(6.0)), dims="t")
    near = (float(tied(TWO + step)) - float(tied(TWO - step))) / 2
    assert float((xg.grad(tied)(TWO) * step).sum()) == pytest.approx(near, rel=1e-5)


@pytest.mark.parametrize(
    "options, message",
    [
        (
            {"tied": {"b": 2}},
            "the tied parameter 'b' is a function of the others, such as lambda p: 2 * p['a']; not 2.",
        ),
        (
            {"tied": {"a": abs}, "fixed": "a"},
            "the parameter 'a' is tied and fixed; it can be one of them.",
        ),
        (
            {"tied": {"a": abs}, "bounds": {"a": (0, 1)}},
            "the parameter 'a' is tied and bounded; it can be one of them.",
        ),
        (
            {"tied": {"a": abs, "k": abs}},
            "all parameters are fixed or tied; there is nothing to seek.",
        ),
    ],
)
def test_ties_that_cannot_be(options, message):
    pytest.importorskip("optimistix")
    with pytest.raises(ArgumentError) as error:
        xg.least_squares(two_decays, {"a": 1.0, "k": 1.0}, (TWO,), **options)
    assert str(error.value) == f"least_squares: {message}"


def test_ties_need_names():
    pytest.importorskip("optimistix")
    with pytest.raises(ArgumentError, match="entries of a dict or Dataset; these have no names"):
        xg.minimize(lambda x: x**2, 1.0, tied={"a": abs})
