"""Pictures of graphs, and the HTML forms of what notebooks show: well formed, complete, and escaped."""

import re
import xml.etree.ElementTree as ET
from html.parser import HTMLParser

import numpy as np
import pytest
import xarray as xr

import xgrad as xg
from xgrad.errors import ArgumentError, UnsupportedTypeError
from xgrad.graph import Op
from xgrad.graph.picture import COLOURS
from xgrad.transforms.graphs.kinds import kind_of

VOID = {"meta", "input", "br", "hr"}


class Balance(HTMLParser):
    """Checks that tags are closed in the order in which they were opened."""

    def __init__(self):
        super().__init__()
        self.open = []

    def handle_starttag(self, tag, attrs):
        self.open += [] if tag in VOID else [tag]

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def check_html(text):
    parser = Balance()
    parser.feed(text)
    parser.close()
    assert parser.open == []


def boxes(picture):
    """The kind and the first line of each box, in a picture that is well-formed SVG."""
    root = ET.fromstring(picture.svg)
    space = {"s": "http://www.w3.org/2000/svg"}
    found = [
        (g.get("class"), g.find("s:text", space)) for g in root.iterfind(".//s:g[@class]", space)
    ]
    return [(kind, text.text) for kind, text in found]


@pytest.fixture
def x():
    return xg.xtensor("x", dims=("time", "city"), shape=(3, 2), coords={"city": ["a", "b"]})


def test_a_graph_of_names(x):
    picture = xg.draw((x**2).sum("time", skipna=False))
    assert sorted(boxes(picture)) == [
        ("constant", "XConstant 2.0"),
        ("elementwise", "XElemwise power"),
        ("input", "x"),
        ("reduction", "XReduce sum(time)"),
        ("result", "result"),
    ]
    assert "float64(time: 3, city: 2)" in picture.svg
    assert re.search(r"<title>XReduce.*\nfloat64\(city: 2\)\ntest_draw.py:\d+</title>", picture.svg)


def test_each_layer_of_a_call(x):
    rain = xr.DataArray(np.ones((3, 2)), dims=("time", "city"))
    stages = xg.jit(lambda rain: (rain * 2).sum("time", skipna=False)).stages(rain)
    assert ("elementwise", "Multiply") in boxes(xg.draw(stages.axes))
    assert ("reduction", "Sum(axes=(0,))") in boxes(xg.draw(stages.axes))
    assert boxes(xg.draw(stages)) == boxes(xg.draw(stages.names))
    assert xg.draw(xg.function(x, x + 1)).svg.count("<title>") == 4


def test_what_ops_hold_is_inside_their_boxes(x):
    def step(level, row):
        return level * 0.5 + row, level.sum()

    def cost(x):
        return xg.scan(step, x.isel(time=0), x, dim="time")[1].sum()

    picture = xg.draw(xg.grad(cost(x), x))
    kinds = [kind for kind, _ in boxes(picture)]
    assert kinds.count("derivative") == kinds.count("loop or branch") == 1
    root = ET.fromstring(picture.svg)
    space = {"s": "http://www.w3.org/2000/svg"}
    nested = root.find(".//s:g[@class='derivative']//s:g[@class='loop or branch']", space)
    assert nested is not None
    assert [t.text for t in nested.iterfind("s:text", space)][-1] == "body"


def test_every_kind_has_a_colour():
    assert {kind_of(object.__new__(op)) for op in Op.registry.values()} <= set(COLOURS)


def test_names_are_escaped():
    picture = xg.draw(xg.xtensor("<b>&", dims="a<b", shape=2) + 1)
    assert ("input", "<b>&") in boxes(picture)
    check_html(picture._repr_html_())


def test_saving(x, tmp_path):
    picture = xg.draw(x + 1, path=tmp_path / "graph.svg")
    assert (tmp_path / "graph.svg").read_text("utf-8") == picture.svg
    picture.save(str(tmp_path / "graph.html"))
    assert picture.svg in (tmp_path / "graph.html").read_text("utf-8")
    with pytest.raises(
        ArgumentError, match=r"written as \.svg or \.html; 'graph\.png' ends in '\.png'"
    ):
        xg.draw(x, path="graph.png")


def test_what_cannot_be_drawn(x):
    with pytest.raises(
        UnsupportedTypeError, match=r"graphs and stages, not a function; of a compiled"
    ):
        xg.draw(lambda x: x)
    long = x
    for _ in range(601):
        long = xg.sin(long)
    with pytest.raises(
        ArgumentError, match="the graph has 601 nodes, and a picture of more than 600"
    ):
        xg.draw(long)


def test_html_of_stages(x):
    stages = xg.jit(lambda x: xg.log(xg.exp(x)).sum()).stages(np.ones(3))
    page = stages._repr_html_()
    check_html(page)
    check_html(stages.names._repr_html_())
    assert "XReduce sum(dim_0)" in stages.names._repr_html_()
    titles = re.findall(r"<summary[^>]*>([^<]*)</summary>", page)
    assert titles[:5] == [
        *[f"{k}: picture" for k in ("names", "axes", "optimised")],
        "names",
        "axes",
    ]
    assert titles[-2:] == ["HLO", f"rewrites ({len(stages.rewrites)})"]
    assert "HloModule" in page and "FileNames" not in page and "FileNames" in stages.hlo
    for fired in stages.rewrites:
        assert f">{fired.rule}</td>" in page


def test_html_of_compiled_graphs_and_explanations(x):
    page = xg.function(x, x * 2)._repr_html_()
    check_html(page)
    assert "names: picture" in page
    check_html(xg.explain((x**2).sum(), x)._repr_html_())
    status = xg.grad_status((x > 1).sum(), x)._repr_html_()
    check_html(status)
    assert "defined" in status


def test_xarray_shows_symbolic_data(x):
    for shown in (x._repr_html_(), xr.Dataset({"x": x})._repr_html_()):
        assert "&lt;TracedArray `x` float64(time: 3" in shown
    assert "XElemwise add: float64(time: 3, city: 2)" in (x + 1)._repr_html_()


def test_long_graphs_are_not_written_out(x):
    for _ in range(300):
        x = xg.sin(x)
    assert "300 operations" in x._repr_html_()
    assert "XElemwise sin" not in x._repr_html_()
