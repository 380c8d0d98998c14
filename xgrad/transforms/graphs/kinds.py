"""What kind of op an op is, as pictures colour it; and graphs drawn in these colours."""

from xgrad.axes.spread import All, Any, Sum
from xgrad.graph import Graph, Op, held_graphs
from xgrad.graph.picture import to_svg
from xgrad.names.compute import XCumReduce, XDot, XElemwise, XReduce

MOST_NODES = 600  # of a picture that can still be looked at

_FILES = {  # the files of ops whose members are all of one kind
    "elementwise": "arithmetic gammas integrals logic special stable transcendental",
    "reduction": "contract cumulative partial reduce segment sliding softmax",
    "movement": "index indexing matrices spread structural structure window",
    "loop or branch": "loops recurrence",
    "derivative": "again ops",
}
_KINDS = {file: kind for kind, files in _FILES.items() for file in files.split()}
_CLASSES: dict[type[Op], str] = {
    XElemwise: "elementwise",
    **dict.fromkeys((XReduce, XCumReduce, XDot, Sum, Any, All), "reduction"),
}


def kind_of(op: Op) -> str:
    """The kind of an op of either layer: a key of ``graph.picture.COLOURS``."""
    cls = type(op)
    return _CLASSES.get(cls) or _KINDS.get(cls.__module__.rpartition(".")[2], "other")


def drawn(graph: Graph) -> str:
    """The picture of a graph, as SVG."""
    return to_svg(graph, kind_of)


def nodes_within(graph: Graph) -> int:
    """The number of nodes of a graph, with those of all graphs inside its ops."""
    waiting, count = [graph], 0
    while waiting:
        nodes = waiting.pop().nodes
        count += len(nodes)
        waiting += [held for node in nodes for held in held_graphs(node.op)]
    return count
