"""One function at each layer: what ``f.stages(*args)`` shows."""

from functools import cached_property
from typing import Any

from xgrad.graph import Fired, Graph, Var, format_graph, markup
from xgrad.jax_backend.executable import Cost, Executable
from xgrad.jax_backend.source import source_arguments, to_source
from xgrad.lower.pipeline import Stages as Graphs
from xgrad.transforms.graphs.kinds import MOST_NODES, drawn, nodes_within


class Stages:
    """A compiled call, layer by layer. Printing shows all but the HLO; each part is made when it is first asked for."""

    def __init__(self, name: str, graphs: Graphs, executable: Executable) -> None:
        self._name = name
        self._graphs = graphs
        self._executable = executable

    @property
    def names(self) -> Graph:
        """The graph as traced: ops on named dims."""
        return self._graphs.names

    @property
    def axes(self) -> Graph:
        """The same on axis numbers, before any rewrite."""
        return self._graphs.axes

    @property
    def optimised(self) -> Graph:
        """The tensor graph that is compiled: rewritten, gradients expanded."""
        return self._graphs.optimised

    @property
    def rewrites(self) -> tuple[Fired, ...]:
        """Each application of a rewrite rule, in order."""
        return self._graphs.rewrites

    @property
    def derivatives(self) -> tuple[str, ...]:
        """For each derivative the mode that was chosen, with what it is of and by, and the user's line."""
        return self._graphs.derivatives

    @cached_property
    def source(self) -> str:
        """The program as Python with JAX alone, to be run or read without xgrad."""
        return to_source(self.optimised, _identifier(self._name))

    @property
    def source_arguments(self) -> tuple[Any, ...]:
        """The large constant arrays that the function in ``source`` takes after the arrays of the arguments."""
        return source_arguments(self.optimised)

    @cached_property
    def hlo(self) -> str:
        """The program as XLA optimised it. Compiles."""
        return self._executable.hlo()

    @cached_property
    def cost(self) -> Cost:
        """XLA's estimate of floating point operations and of bytes moved. Compiles."""
        return self._executable.cost()

    def __str__(self) -> str:
        sections = "\n\n".join(f"=== {title} ===\n{text}" for title, text in self._sections())
        return sections.replace("=== ", f"=== {self._name}: ", 1)

    __repr__ = __str__

    def _repr_html_(self) -> str:
        graphs = {"names": self.names, "axes": self.axes, "optimised": self.optimised}
        pictures = [
            markup.part(f"{title}: picture", markup.svg(drawn(graph)))
            for title, graph in graphs.items()
            if nodes_within(graph) <= MOST_NODES
        ]
        rewrites = markup.table(_HEADER, [_row(fired) for fired in self.rewrites])
        texts = [*self._sections(), ("HLO", _without_places(self.hlo))]
        parts = [markup.part(title, markup.text(text)) for title, text in texts]
        rules = f"rewrites ({len(self.rewrites)})"
        return markup.page(self._name, [*pictures, *parts, markup.part(rules, rewrites)])

    def _sections(self) -> list[tuple[str, str]]:
        derivatives = [("derivatives", "\n".join(self.derivatives))] if self.derivatives else []
        return [
            ("names", format_graph(self.names)),
            *derivatives,
            ("axes", format_graph(self.axes)),
            (f"optimised ({len(self.rewrites)} rewrites)", format_graph(self.optimised)),
            ("source", self.source),
            ("cost", _cost_text(self.cost)),
        ]


_PLACES = ("FileNames", "FunctionNames", "FileLocations", "StackFrames")
_HEADER = ("rule", "what it found", "what it made", "line")


def _row(fired: Fired) -> tuple[str, ...]:
    """One rewrite as a row of a table."""
    found, made = (_what(fired.before), _what(fired.after))
    return fired.rule, found, made, str(fired.before.source or "")


def _what(v: Var) -> str:
    return v.name or "input" if v.op is None else type(v.op).__name__


def _without_places(hlo: str) -> str:
    """HLO without its tables of files and stack frames, which are those of the compiler."""
    blocks = hlo.split("\n\n")
    return "\n\n".join([block for block in blocks if not block.lstrip().startswith(_PLACES)])


def _identifier(name: str) -> str:
    return name if name.isidentifier() else "program"


def _cost_text(cost: Any) -> str:
    return f"{cost.flops:,.0f} floating point operations, {cost.bytes_accessed:,.0f} bytes moved"
