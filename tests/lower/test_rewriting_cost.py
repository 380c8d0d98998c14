"""Rewriting is linear in nodes: counted in patterns that are tried, so that no clock decides."""

import pytest

from benchmarks.rewriting import chain
from xgrad.graph import rewrite, rules
from xgrad.lower.canonical import CANONICAL


def tried(monkeypatch: pytest.MonkeyPatch, length: int) -> tuple[int, int]:
    """The nodes of a chain, and how many patterns are matched to rewrite it."""
    count = [0]
    match = rules.match

    def counted(*args):
        count[0] += 1
        return match(*args)

    monkeypatch.setattr(rules, "match", counted)
    graph = chain(length)
    rewrite(graph, CANONICAL)
    monkeypatch.setattr(rules, "match", match)
    return len(graph.nodes), count[0]


def test_twice_the_nodes_take_twice_the_patterns(monkeypatch: pytest.MonkeyPatch):
    short, long = tried(monkeypatch, 400), tried(monkeypatch, 1600)
    assert long[1] / long[0] <= 1.05 * short[1] / short[0]


def test_few_patterns_are_tried_at_a_node(monkeypatch: pytest.MonkeyPatch):
    nodes, patterns = tried(monkeypatch, 800)
    assert patterns <= 12 * nodes


def test_what_is_settled_is_not_looked_at_again(monkeypatch):
    """Only by the rules that count readers, none of which has a pattern like these."""
    graph = rewrite(chain(100), CANONICAL)
    tried = []
    monkeypatch.setattr("xgrad.graph.rules.match", lambda pattern, var: tried.append(var))
    assert rewrite(graph, CANONICAL) == graph
    assert not tried
