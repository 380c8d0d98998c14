"""Batched graphs: making them of variables, and their derivatives, which batch the derivative of the graph inside."""

from collections.abc import Callable, Mapping, Sequence

from xgrad.axes.batched import Batched
from xgrad.axes.spread import sum_
from xgrad.gradient.lazy import close
from xgrad.gradient.ops import Pullback, Pushforward, cotangent_type
from xgrad.graph import Graph, Node, Var
from xgrad.names import Dim, XBatched, build

Expand = Callable[..., tuple[Var, ...]]
Vars = Sequence[Var]


def batch(
    outputs: Vars, slices: Mapping[Var, Var], dim: Dim, *, chunk: int | None = None, about: str = ""
) -> tuple[Var, ...]:
    """``outputs`` along ``dim``, where each slice among their inputs is one step of the variable that it maps to.

    One node, which holds what depends on the slices; the rest stays outside and is computed once. ``dim`` comes first
    in the results. ``chunk`` steps at a time (None: all at once) bounds the memory.
    """
    graph, captured = close(outputs, list(slices))
    wholes = [build.transpose(whole, (dim, *part.type.dims)) for part, whole in slices.items()]
    mapped = (*(True,) * len(wholes), *(False,) * len(captured))
    size = wholes[0].type.sizes[dim]
    chunk = chunk if chunk is not None and chunk < size else None
    return XBatched(graph, dim, mapped, size, chunk, about).apply(*wholes, *captured)


def pull_batched(
    expand: Expand, node: Node, ins: Vars, outs: Vars, wanted: Sequence[int], cts: Vars
) -> dict[int, Var]:
    """The pullback at every place; what an input shared by all places gets from each is summed."""
    op = _op(node)
    inside = [Var(v.type) for v in op.graph.inputs]
    given = [Var(cotangent_type(v.type)) for v in op.graph.outputs]
    pulled = expand(Pullback(op.graph, tuple(wanted)), (*inside, *given))
    mapped = (*op.mapped, *(True,) * len(given))
    made = Batched(Graph([*inside, *given], pulled), mapped, op.size, op.chunk).apply(*ins, *cts)
    return {i: ct if op.mapped[i] else sum_(ct, (0,)) for i, ct in zip(wanted, made, strict=True)}


def push_batched(
    expand: Expand, node: Node, ins: Vars, outs: Vars, tangents: dict[int, Var]
) -> tuple[Var, ...]:
    """The pushforward at every place; the tangent of an input shared by all places is shared too."""
    op = _op(node)
    inside = [Var(v.type) for v in op.graph.inputs]
    given = [Var(cotangent_type(op.graph.inputs[i].type)) for i in tangents]
    pushed = expand(Pushforward(op.graph, tuple(tangents)), (*inside, *given))
    mapped = (*op.mapped, *[op.mapped[i] for i in tangents])
    made = Batched(Graph([*inside, *given], pushed), mapped, op.size, op.chunk)
    return made.apply(*ins, *tangents.values())


def _op(node: Node) -> Batched:
    assert isinstance(node.op, Batched)
    return node.op
