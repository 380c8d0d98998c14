"""Nodes, variables, graphs: identity, structure, rebuilding with value numbering, long chains."""

import dataclasses
import sys

import pytest

from tests.graph.toy import ToyAdd, ToyHolds, ToyPair, ToyShift
from xgrad.graph import (
    Graph,
    GraphError,
    Node,
    Op,
    Var,
    check,
    format_graph,
    rebuild,
    substitute,
    toposort,
)


def test_ops_are_frozen_and_compared_by_fields():
    assert ToyShift(2) == ToyShift(2)
    assert ToyShift(2) != ToyShift(3)
    assert hash(ToyShift(2)) == hash(ToyShift(2))
    with pytest.raises(dataclasses.FrozenInstanceError):
        ToyShift(2).by = 3


def test_registry_holds_final_ops_only():
    assert Op.registry["ToyAdd"] is ToyAdd
    assert not any(name.startswith("Abstract") for name in Op.registry)


def test_equal_structure_makes_equal_graphs():
    def build(name):
        x, y = Var("int", name=name), Var("int")
        return Graph([x, y], [ToyAdd()(ToyShift(1)(x), y)])

    assert build("a") == build("b")
    assert hash(build("a")) == hash(build("b"))
    x, y = Var("int"), Var("int")
    assert build("a") != Graph([x, y], [ToyAdd()(y, ToyShift(1)(x))])


def test_structure_tells_outputs_of_one_node_apart():
    x = Var("int")
    first, second = ToyPair().apply(x)
    assert Graph([x], [first]) != Graph([x], [second])


def test_substitute_merges_common_subexpressions():
    x = Var("int")
    out = ToyAdd()(ToyShift(1)(x), ToyShift(1)(x))
    assert len(list(toposort([out]))) == 3
    (merged,) = substitute([out], {})
    assert len(list(toposort([merged]))) == 2


def test_substitute_replaces_intermediates():
    x, y = Var("int"), Var("int")
    inner = ToyShift(1)(x)
    (out,) = substitute([ToyAdd()(inner, x)], {inner: y})
    assert out.inputs == (y, x)


def test_calling_a_graph_copies_it_onto_other_inputs():
    x = Var("int")
    graph = Graph([x], [ToyShift(1)(ToyShift(2)(x))])
    y = Var("int")
    (out,) = graph(y)
    assert Graph([y], [out]) == graph


def test_rebuild_maps_every_node():
    x = Var("int")
    graph = Graph([x], [ToyShift(1)(ToyShift(2)(x))])
    doubled = rebuild(graph, lambda node, ins: ToyShift(2 * node.op.by).apply(*ins))
    assert [n.op.by for n in doubled.nodes] == [4, 2]


def test_a_chain_longer_than_the_recursion_limit():
    x = Var("int")
    out = x
    for i in range(50 * sys.getrecursionlimit()):
        out = ToyShift(i % 3)(out)
    graph = check(Graph([x], [out]))
    (copy,) = substitute([out], {})
    assert Graph([x], [copy]) == graph


def test_check_finds_a_wrong_type():
    x = Var("int")
    wrong = Node(ToyShift(1), [x], ["float"], None).outputs[0]
    with pytest.raises(
        GraphError, match=r"ToyShift\(by=1\) after folding: says \('float',\), infers \('int',\)"
    ):
        check(Graph([x], [wrong]), after="folding")


def test_check_finds_a_variable_from_elsewhere():
    x, stray = Var("int"), Var("int", name="stray")
    with pytest.raises(
        GraphError, match="<stray: int> is neither an input of the graph nor computed in it"
    ):
        check(Graph([x], [ToyAdd()(x, stray)]))


def test_printing_writes_shared_values_once_and_inner_graphs_below():
    x = Var("int", name="x")
    shared = ToyShift(1)(x)
    y = Var("int", name="y")
    inner = Graph([y], [ToyShift(5)(y)])
    out = ToyAdd()(shared, ToyHolds(inner)(shared))
    assert format_graph(Graph([x], [out]), sources=False) == "\n".join(
        [
            "ToyAdd: int",
            "├─ ToyShift(by=1): int [A]",
            "│  └─ x: int",
            "└─ ToyHolds(graph=ToyHolds#0): int",
            "   └─ ToyShift [A] ···",
            "",
            "ToyHolds#0: (y)",
            "ToyShift(by=5): int",
            "└─ y: int",
        ]
    )
