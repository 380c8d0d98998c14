"""The main job: the fit equals its closed form, the figure is written, and a wrong fit is told by the exit status."""

import numpy as np
import pytest

from xgrad.datasets import load_co2
from xgrad.examples import co2 as example


@pytest.fixture(scope="module")
def record():
    return example.with_calendar(load_co2())


def test_the_job_fits_checks_and_draws(tmp_path, capsys):
    figure = tmp_path / "co2.png"
    assert example.main(["--output", str(figure)]) == 0
    assert figure.read_bytes().startswith(b"\x89PNG")
    printed = capsys.readouterr().out
    assert "2284 weeks, 59 without data" in printed
    assert "* month    (month) <U3" in printed
    assert str(figure) in printed


def test_a_fit_that_is_not_the_closed_form_fails(tmp_path, monkeypatch):
    wrong = example.closed_form
    monkeypatch.setattr(example, "closed_form", lambda co2: wrong(co2) + 0.01)
    assert example.main(["--output", str(tmp_path / "co2.png")]) == 1


def test_the_gradient_vanishes_at_the_closed_form(record):
    _, gradient = example.loss_and_gradient(example.closed_form(record), record)
    assert max(float(abs(part).max()) for part in gradient.values()) < 1e-9


def test_the_gradient_is_that_of_differences(record):
    _, gradient = example.loss_and_gradient(example.start(), record)
    flat = np.concatenate([np.ravel(part) for part in gradient.values()])
    np.testing.assert_allclose(flat, example.differences(example.start(), record), rtol=1e-3)


def test_the_seasonal_cycle_is_highest_in_may_and_lowest_in_october(record):
    cycle = example.cycle(example.closed_form(record))
    assert cycle.idxmax().item() == "May"
    assert cycle.idxmin().item() == "Oct"
    assert abs(cycle.mean()) < 1e-12
