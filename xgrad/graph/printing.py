"""Graphs as text: a tree with types and the user's lines, every shared value written out once."""

from collections.abc import Sequence
from typing import Any

from xgrad.graph import markup

Var = Any  # of ``core``, which stands on this module
_MOST = 2000  # nodes of a graph that a notebook shows


class AbstractGraph:
    """What a graph is to those who print it; in notebooks it shows itself."""

    __slots__ = ()
    inputs: tuple[Var, ...]
    outputs: tuple[Var, ...]

    @property
    def nodes(self) -> tuple[Any, ...]:
        """What is computed, in order."""
        raise NotImplementedError

    def _repr_html_(self) -> str:
        count = len(self.nodes)
        text = format_graph(self) if count <= _MOST else f"{count} operations"
        return markup.part(repr(self), markup.text(text), opened=True)


def format_graph(graph: AbstractGraph, *, sources: bool = True) -> str:
    """The outputs of ``graph`` as trees; the graphs inside ops (loops, pullbacks) follow under their labels.

    A value used more than once carries a label ``[A]`` where it is first written, and only the label after that.
    """
    return "\n".join(_Printer(sources).document(graph))


class _Printer:
    def __init__(self, sources: bool) -> None:
        self.sources = sources
        self.inner: list[tuple[str, AbstractGraph]] = []

    def document(self, graph: AbstractGraph) -> list[str]:
        lines = self.trees(graph)
        shown = 0
        while shown < len(self.inner):
            label, inner = self.inner[shown]
            lines += ["", f"{label}: ({', '.join(_input_name(v, inner) for v in inner.inputs)})"]
            lines += self.trees(inner)
            shown += 1
        return lines

    def trees(self, graph: AbstractGraph) -> list[str]:
        labels = _shared_labels(graph)
        lines: list[str] = []
        written: set[Any] = set()
        stack: list[tuple[Var, str, str]] = [(v, "", "") for v in reversed(graph.outputs)]
        while stack:
            var, lead, indent = stack.pop()
            node = var.node
            key = var if node is None else node
            again = node is not None and key in written and bool(node.inputs)
            lines.append(lead + self.line(var, graph, labels.get(key, ""), again))
            if node is None or again:
                continue
            written.add(key)
            children = list(node.inputs)
            for i, child in reversed(list(enumerate(children))):
                last = i == len(children) - 1
                stack.append(
                    (
                        child,
                        indent + ("└─ " if last else "├─ "),
                        indent + ("   " if last else "│  "),
                    )
                )
        return lines

    def line(self, var: Var, graph: AbstractGraph, label: str, again: bool) -> str:
        mark = f" [{label}]" if label else ""
        if var.node is None:
            return f"{_input_name(var, graph)}: {var.type}{mark}"
        output = f".{var.index}" if len(var.node.outputs) > 1 else ""
        if again:
            return f"{type(var.node.op).__name__}{output}{mark} ···"
        where = f"  # {var.source}" if self.sources and var.source else ""
        return f"{self.op_text(var.node.op)}{output}: {var.type}{mark}{where}"

    def op_text(self, op: Any) -> str:
        parts = []
        for name, value in op.parameters.items():
            held = value if isinstance(value, tuple) else (value,)
            if held and isinstance(held[0], AbstractGraph):
                parts.append(f"{name}={', '.join([self.held(op, graph) for graph in held])}")
            else:
                parts.append(f"{name}={value}")
        describe = getattr(op, "describe", None)
        if describe is not None:
            return describe()
        return f"{type(op).__name__}({', '.join(parts)})" if parts else type(op).__name__

    def held(self, op: Any, graph: AbstractGraph) -> str:
        """The label of a graph that an op holds; it is written after the graph around it."""
        self.inner.append((f"{type(op).__name__}#{len(self.inner)}", graph))
        return self.inner[-1][0]


def _input_name(var: Var, graph: AbstractGraph) -> str:
    return var.name or (f"in{graph.inputs.index(var)}" if var in graph.inputs else "free")


def _shared_labels(graph: AbstractGraph) -> dict[Any, str]:
    """A label for every node with inputs that is used more than once, in the order of the printout."""
    uses: dict[Any, int] = {}
    for node in graph.nodes:
        for v in node.inputs:
            if v.node is not None and v.node.inputs:
                uses[v.node] = uses.get(v.node, 0) + 1
    for v in _outputs_with_nodes(graph.outputs):
        uses[v.node] = uses.get(v.node, 0) + 1
    shared = [n for n in graph.nodes if uses.get(n, 0) > 1]
    return {n: _letters(i) for i, n in enumerate(shared)}


def _outputs_with_nodes(outputs: Sequence[Var]) -> list[Var]:
    return [v for v in outputs if v.node is not None]


def _letters(i: int) -> str:
    text = ""
    i += 1
    while i:
        i, rest = divmod(i - 1, 26)
        text = chr(65 + rest) + text
    return text
