"""What notebooks show of a model: its picture with plates, and the table of its check."""

import xml.etree.ElementTree as ET

import numpy as np
import pytest
import xarray as xr

from xgrad.model import Data, Deterministic, HalfNormal, Model, Normal, Potential


@pytest.fixture
def model():
    with Model(coords={"county": list("abc")}) as m:
        floor = Data("floor", xr.DataArray(np.arange(6.0), dims="home"))
        spread = HalfNormal("spread", 2.0)
        level = Normal("level", 0.0, spread, dims="county")
        mean = Deterministic("mean", level.mean() + floor)
        Potential("pot", -(spread**2))
        Normal("radon", mean, 1.0, observed=xr.DataArray(np.ones(6), dims="home"))
    return m


def test_the_picture_has_every_variable_in_its_plate(model):
    shown = model.graph()._repr_mimebundle_()
    root = ET.fromstring(shown["image/svg+xml"])
    space = {"s": "http://www.w3.org/2000/svg"}
    boxes = {
        g.find("s:text", space).text: g.get("class") for g in root.iterfind(".//s:g[@class]", space)
    }
    assert boxes == {
        "floor": "known",
        "spread": "inferred",
        "level": "inferred",
        "mean": "computed",
        "pot": "potential",
        "radon": "observed",
    }
    texts = [text.text for text in root.iterfind(".//s:text", space)]
    assert {"county (3)", "home (6)", "~ HalfNormal"} <= set(texts)
    assert shown["image/svg+xml"] in shown["text/html"]
    assert "v1 --> v2" in shown["text/plain"]


def test_signs_that_mermaid_reads_are_escaped():
    with Model(coords={'si"te': 2}) as m:
        Normal("<b>", dims='si"te')
    assert '["si#quot;te (2)"]' in m.graph().source
    assert '(["#lt;b#gt; ~ Normal"])' in m.graph().source


def test_an_empty_model_has_a_picture():
    ET.fromstring(Model().graph().svg)


def test_the_table_of_a_check(model):
    report = model.check()
    page = report._repr_html_()
    assert page.count("<tr") == 1 + len(report.rows)
    assert "HalfNormal" not in page and ">spread</td>" in page
    assert repr(report) == str(report)
