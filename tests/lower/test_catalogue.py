"""The page of rules: up to date, with every rule and an equation for each."""

import re

from tests.house.modules import ROOT
from xgrad.lower.catalogue import PAGE, entries, page, rule_names


def test_the_page_is_up_to_date():
    written = (ROOT / "docs/rewrites.md").read_text(encoding="utf-8")
    assert page() == written, "run: python -m xgrad.lower.catalogue > docs/rewrites.md"


def test_every_rule_has_an_equation():
    bare = [e.name for _, module in PAGE for e in entries(module) if not e.equation]
    assert bare == []


def test_every_rule_is_on_the_page():
    listed = [e.name for _, module in PAGE for e in entries(module)]
    patterns = [re.compile(re.escape(name).replace("…", r"\w+") + r"(_\w+)?") for name in listed]
    missing = [n for n in rule_names() if not any(p.fullmatch(n) for p in patterns)]
    assert missing == []


def test_every_table_says_why_it_ends():
    for title, module in PAGE:
        assert "Why it ends" in (doc := module.__doc__ or "") or "Why they end" in doc, title
