"""How a derivative flows, as text: a tree from an output down to the variable, with flow, reason and line of each edge.

What does not lead to the variable is left out. A value that is used twice is written out once and then called by its
label. The graphs inside ops (lazy derivatives, loops) follow under their own labels.
"""

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from xgrad.gradient.status import Edge, GradStatus, statuses
from xgrad.graph import Graph, Node, Var, markup, toposort


class Question(NamedTuple):
    """One (output, input) pair, with the names that users know them by."""

    output: Var
    wrt: Var
    output_name: str
    wrt_name: str


class Explanation:
    """How outputs depend on variables: prints as trees, with an HTML form for notebooks; ``status`` has the answers."""

    def __init__(self, questions: Sequence[Question], stop: Sequence[Var] = ()) -> None:
        self._trees = [_Tree(q, stop) for q in questions]

    @property
    def status(self) -> tuple[GradStatus, ...]:
        """The answer for each pair."""
        return tuple([tree.status for tree in self._trees])

    def __str__(self) -> str:
        return "\n\n".join(["\n".join(tree.lines()) for tree in self._trees])

    __repr__ = __str__

    def _repr_html_(self) -> str:
        lines = [tree.lines() for tree in self._trees]
        parts = [
            markup.part(head, markup.text("\n".join(rest)), opened=True) for head, *rest in lines
        ]
        return markup.page("", parts)


class _Tree:
    """The edges between one output and one variable."""

    def __init__(self, question: Question, stop: Sequence[Var]) -> None:
        self.question = question
        self.status = statuses([question.output], question.wrt, stop)[0]
        self.writer = _Writer()
        self.stop = stop

    def lines(self) -> list[str]:
        """The answer, the tree, and the trees of the graphs inside."""
        q, status = self.question, self.status
        answer = "connected" if status.connected else "disconnected"
        head = (
            f"{q.output_name} by {q.wrt_name}: {answer}, {status.definition.value}: {status.reason}"
        )
        self.writer.inner.clear()
        body = self.writer.tree(q.output, q.wrt, q.wrt_name, self.stop)
        return [head, *body, *self.writer.inner_trees()]


class _Inner(NamedTuple):
    """A graph inside an op, and the inputs of it through which the variable comes."""

    label: str
    graph: Graph
    inputs: tuple[int, ...]


class _Writer:
    def __init__(self) -> None:
        self.inner: list[_Inner] = []

    def tree(self, output: Var, wrt: Var, name: str, stop: Sequence[Var]) -> list[str]:
        """The tree of ``output``: each line an edge, or the value at its upper end."""
        depends = _dependents(output, wrt, stop)
        labels = _labels(output, depends)
        lines: list[str] = []
        written: set[Node] = set()
        stack: list[tuple[Var, str, str, str]] = [(output, "", "", "")] if output in depends else []
        while stack:
            v, lead, indent, flow = stack.pop()
            if v is wrt or v.node is None:
                lines.append(f"{lead}{flow}{name}")
                continue
            again = v.node in written
            lines.append(lead + flow + self.value(v, labels.get(v.node, ""), again, depends))
            if again:
                continue
            written.add(v.node)
            edges = [Edge(v.node, i, v.index) for i, x in enumerate(v.node.inputs) if x in depends]
            for k, edge in reversed(list(enumerate(edges))):
                last = k == len(edges) - 1
                mark, below = ("└─ ", "   ") if last else ("├─ ", "│  ")
                child = edge.node.inputs[edge.i]
                stack.append((child, indent + mark, indent + below, _flow_text(edge)))
        return lines

    def value(self, v: Var, label: str, again: bool, depends: set[Var]) -> str:
        node: Any = v.node
        mark = f" [{label}]" if label else ""
        output = f".{v.index}" if len(node.outputs) > 1 else ""
        if again:
            return f"{type(node.op).__name__}{output}{mark} ···"
        held = self.held(node, depends)
        where = f"  # {node.source}" if node.source else ""
        return f"{Edge(node, 0, v.index).op}{output}{held}{mark}{where}"

    def held(self, node: Node, depends: set[Var]) -> str:
        """The labels of the graphs that an op holds, which are then written below."""
        labels = []
        for graph in node.op.parameters.values():
            if isinstance(graph, Graph):
                count = len(graph.inputs)
                inputs = tuple([i for i, v in enumerate(node.inputs[:count]) if v in depends])
                if inputs and graph.outputs:
                    labels.append(f"#{len(self.inner)}")
                    self.inner.append(_Inner(labels[-1], graph, inputs))
        return f" {' '.join(labels)}" if labels else ""

    def inner_trees(self) -> Iterator[str]:
        shown = 0
        while shown < len(self.inner):
            label, graph, inputs = self.inner[shown]
            for out, output in enumerate(graph.outputs):
                for i in inputs:
                    wrt = graph.inputs[i]
                    name = wrt.name or f"in{i}"
                    body = self.tree(output, wrt, name, ())
                    if body:
                        yield ""
                        yield f"{label}: output {out} by {name}"
                        yield from body
            shown += 1


def _flow_text(edge: Edge) -> str:
    reason = f" ({edge.reason})" if edge.reason else ""
    return f"{edge.flow.value}{reason}: "


def _dependents(output: Var, wrt: Var, stop: Sequence[Var]) -> set[Var]:
    """The variables between ``wrt`` and ``output``, whatever the flow."""
    found = {wrt}
    for node in toposort([output], stop=[wrt, *stop]):
        if any(v in found for v in node.inputs):
            found.update(node.outputs)
    return found


def _labels(output: Var, depends: set[Var]) -> dict[Node, str]:
    """A label for each value that leads to the variable and is used more than once."""
    uses: dict[Node, int] = {}
    order = [n for n in toposort([output]) if n.outputs[0] in depends]
    for node in order:
        for v in node.inputs:
            if v.node is not None and v in depends:
                uses[v.node] = uses.get(v.node, 0) + 1
    shared = [n for n in order if uses.get(n, 0) > 1]
    return {n: str(k + 1) for k, n in enumerate(shared)}
