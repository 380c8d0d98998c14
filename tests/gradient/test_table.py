"""The page of all ops is what the ops say now."""

from tests.house.modules import ROOT
from xgrad.gradient.table import page
from xgrad.graph import Op


def test_the_page_is_up_to_date():
    written = (ROOT / "docs/ops.md").read_text(encoding="utf-8")
    assert page() == written, "run: python -m xgrad.gradient.table > docs/ops.md"


def test_the_page_has_every_op():
    text = page()
    ops = [name for name, op in Op.registry.items() if op.__module__.startswith("xgrad.")]
    assert [name for name in ops if f"| `{name}` |" not in text] == []


def test_the_page_is_the_same_every_time():
    assert page() == page()
