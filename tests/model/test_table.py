"""What a model looks like when it is shown: as a table, and as a page in a notebook."""

import numpy as np
import xarray as xr

from xgrad.model import Data, Deterministic, HalfNormal, Model, Normal, Potential


def small() -> Model:
    with Model(coords={"city": ["Oslo", "Rome"]}) as m:
        x = Data("x", xr.DataArray(np.ones(3), dims="time"))
        spread = HalfNormal("spread")
        level = Normal("level", 0.0, spread, dims="city")
        Deterministic("twice", 2 * level)
        Potential("penalty", -(level**2).sum())
        Normal("y", level * x, 1.0, observed=xr.DataArray(np.ones((2, 3)), dims=("city", "time")))
    return m


def test_text():
    assert repr(small()) == (
        "<xgrad.model.Model>\n"
        "  name     is             distribution  dims              support\n"
        "  x        data                         time: 3\n"
        "  spread   free           HalfNormal                      [0, ∞)\n"
        "  level    free           Normal        city: 2           the real numbers\n"
        "  twice    deterministic                city: 2\n"
        "  penalty  potential\n"
        "  y        observed       Normal        city: 2, time: 3  the real numbers"
    )


def test_page():
    page = small()._repr_html_()
    for cell in ("spread", "HalfNormal", "city: 2, time: 3", "[0, ∞)", "<svg", "city (2)"):
        assert cell in page


def test_an_empty_model():
    assert "distribution" in repr(Model())
    assert "Model" in Model()._repr_html_()
