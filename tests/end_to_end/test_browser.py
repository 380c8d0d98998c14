"""What notebooks show, in a real browser: no text leaves its box or its picture, and none lies over another.

Runs where Chromium is installed.
"""

import json
import re
import shutil
import subprocess

import numpy as np
import pytest
import xarray as xr

import xgrad as xg
from xgrad.model import Data, Deterministic, HalfNormal, Model, Normal, Potential

BROWSER = next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), ""
)
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not BROWSER, reason="there is no Chromium"),
]

LOOK = """
<pre id="found"></pre>
<script>
  const found = [], box = (e) => e.getBoundingClientRect();
  const within = (a, b) => a.left > b.left - 1 && a.right < b.right + 1 && a.top > b.top - 1 && a.bottom < b.bottom + 1;
  const over = (a, b) =>
    Math.min(a.right, b.right) - Math.max(a.left, b.left) > 2 &&
    Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top) > 4;
  document.querySelectorAll("details").forEach((e) => (e.open = true));
  for (const e of document.querySelectorAll(".xgrad table, .xgrad pre, svg[font-family]"))
    if (box(e).width < 20 || box(e).height < 8) found.push("not seen: " + e.tagName);
  for (const picture of document.querySelectorAll("svg[font-family]")) {
    const texts = [...picture.querySelectorAll("text")];
    texts.forEach((t, i) => {
      if (!within(box(t), box(picture))) found.push("outside of the picture: " + t.textContent);
      const own = t.parentElement.querySelector(":scope > rect");
      if (t.parentElement.matches("g[class]") && !within(box(t), box(own)))
        found.push("wider than its box: " + t.textContent);
      for (const other of texts.slice(0, i))
        if (over(box(t), box(other))) found.push(`over ${other.textContent}: ${t.textContent}`);
    });
  }
  document.getElementById("found").textContent = JSON.stringify(found);
</script>
"""


def faults(page: str, folder) -> list[str]:
    """What the browser sees wrong in some HTML."""
    path = folder / "page.html"
    path.write_text(f"<!DOCTYPE html><meta charset='utf-8'>{page}{LOOK}", encoding="utf-8")
    options = ["--headless=new", "--no-sandbox", "--disable-gpu", f"--user-data-dir={folder}/user"]
    command = [BROWSER, *options, "--window-size=1400,1000", "--dump-dom", path.as_uri()]
    run = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    found = re.search(r'<pre id="found">(.*?)</pre>', run.stdout, re.DOTALL)
    assert found is not None
    return json.loads(found[1])


@pytest.fixture
def x():
    return xg.xtensor("x", dims=("time", "city"), shape=(365, 2), coords={"city": ["<b>", "Rome"]})


@pytest.fixture
def model():
    with Model(coords={"county": list("abc"), "year": [1, 2]}) as m:
        floor = Data("floor", xr.DataArray(np.arange(6.0), dims="home"))
        spread = HalfNormal("spread_of_the_counties", 2.0)
        level = Normal("level", 0.0, spread, dims="county")
        Normal("trend", 0.0, 1.0, dims=("county", "year"))
        mean = Deterministic("mean", level.mean() + floor)
        Potential("pot", -(spread**2))
        Normal("radon", mean, 1.0, observed=xr.DataArray(np.ones(6), dims="home"))
    return m


def test_symbolic_arrays_graphs_and_stages(x, tmp_path):
    def running(x):
        return xg.scan(lambda s, x: (0.5 * s + x, s), x.isel(time=0), x, dim="time")[1].sum()

    rain = xr.DataArray(np.ones((365, 2)), dims=("time", "city"))
    stages = [xg.jit(f).stages(rain) for f in (running, xg.grad(running), lambda x: x.std("time"))]
    shown = [x, xr.Dataset({"x": x, "y": x.mean("time")}), xg.function(x, 2 * x), *stages]
    shown += [stages[0].axes, xg.draw(stages[1].optimised), xg.explain((x**2).sum(), x)]
    assert faults("".join([s._repr_html_() for s in shown]), tmp_path) == []


def test_models(model, tmp_path):
    pictures = model.graph()._repr_mimebundle_()["text/html"]
    page = model._repr_html_() + model.check()._repr_html_() + pictures
    assert faults(page, tmp_path) == []


def test_faults_are_seen(model, tmp_path):
    page = model.graph().svg.replace(">pot<", ">a name that is much longer than its box<")
    assert faults(page, tmp_path)
