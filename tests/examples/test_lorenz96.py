"""4D-Var finds the initial state; its gradient is that of hand-written JAX; the exit status tells a poor analysis."""

import numpy as np
import pytest
import xarray as xr

from benchmarks import lorenz as by_hand
from xgrad.examples import lorenz96 as example


@pytest.fixture(scope="module")
def study() -> example.Study:
    return example.simulate()


def test_the_job_assimilates_checks_and_draws(tmp_path, capsys):
    figure = tmp_path / "lorenz96.png"
    assert example.main(["--output", str(figure)]) == 0
    assert figure.read_bytes().startswith(b"\x89PNG")
    printed = capsys.readouterr().out
    assert "1020 observations, 51 times" in printed
    assert "12.8 days, 1020 observations:  J =" in printed
    assert str(figure) in printed


def test_a_guess_is_no_analysis(study):
    assert not example.is_good(example.evaluate(study, study.background))


def test_the_weather_is_typical_and_labeled(study):
    assert study.truth.dims == ("time", "site") and study.truth.shape == (1024, 40)
    assert float(study.truth.time[-1]) == pytest.approx(12.8)
    assert 3.4 < float(study.truth.std()) < 3.8  # of a long run: 3.64
    assert study.observed.shape == (51, 20)


def test_a_step_is_of_fourth_order(study):
    """Two half steps are nearer to the truth than one by 2⁴, up to the next order."""
    errors = []
    for parts in (1, 2):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(example, "STEP", 0.02 / parts)
            x = study.start
            for _ in range(parts):
                x = example.advance(x)
        errors.append(x)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(example, "STEP", 0.02 / 64)
        exact = study.start
        for _ in range(64):
            exact = example.advance(exact)
    one, two = [float(abs(x - exact).max()) for x in errors]
    assert 12 < one / two < 20


def test_value_and_gradient_are_those_of_hand_written_jax(study):
    run = by_hand.calls(study)
    (value, gradient), (expected, slope) = run["labels"](), run["by hand"]()
    np.testing.assert_allclose(value, expected, rtol=1e-10)
    np.testing.assert_allclose(gradient, slope, rtol=1e-9)
    assert gradient.dims == ("site",)
    np.testing.assert_array_equal(gradient.site, study.start.site)


def test_the_gradient_keeps_few_states_of_the_way(study):
    arguments = study.background, study.background, study.observed, study.truth.time
    program = example.cost_and_gradient.program(*arguments)
    everything = study.truth.nbytes
    assert program.executable.memory().temporaries < 3 * everything  # stacked states and cotangents
    assert program.stages.hlo.count(" while(") <= 5


def test_the_gradient_is_the_slope(study):
    steps = example.times(100)
    observed = study.observed.isel(time=slice(5))
    arguments = study.background, observed, steps
    _, gradient = example.cost_and_gradient(study.background, *arguments)
    direction = xr.zeros_like(study.start) + np.cos(np.arange(40.0))
    values = [
        float(example.cost(study.background + sign * 1e-5 * direction, *arguments))
        for sign in (1, -1)
    ]
    slope = (values[0] - values[1]) / 2e-5
    assert float((gradient * direction).sum()) == pytest.approx(slope, rel=1e-6)
