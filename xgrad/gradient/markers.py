"""Ops that change nothing but a derivative: their value is that of their input.

They hold for names graphs and tensor graphs alike, carry their parameters in their identity, and are barriers to every
rewrite, since no rule knows them. A derivative that meets one is expanded symbolically on every route (the markers are
ours, not JAX's); after that ``strip_markers`` takes them out.
"""

from collections.abc import Callable, Sequence
from typing import Any, ClassVar

from xgrad.axes.base import Flow, is_float
from xgrad.axes.elementwise import maximum, minimum
from xgrad.axes.structural import full_like
from xgrad.gradient.again import Checkpoint, Known
from xgrad.gradient.masks import below_masks, scale
from xgrad.graph import Builder, Graph, Op, Var, held_graphs


class AbstractMarker(Op):
    """The same value with another derivative; ``passes`` says how values count, ``because`` is the reason in words."""

    passes: ClassVar[Flow] = Flow.VALUE
    because: ClassVar[str] = ""

    def infer(self, x: Any) -> Any:
        return x

    def emit(self, xp: Any, x: Any) -> Any:
        return x

    def flow(self, i: int, out: int, types: Sequence[Any]) -> Flow:
        return self.passes  # of integers too: it is the same value

    def why(self, i: int) -> str:
        """The reason that values do not simply pass."""
        return self.because

    def change(self, d: Var) -> Var:
        """What becomes of a cotangent, and of a tangent."""
        return d

    def describe(self) -> str:
        """What ``dprint`` shows."""
        inside = ", ".join([str(v) for v in self.parameters.values()])
        return f"{type(self).__name__}({inside})" if inside else type(self).__name__


class Wrt(AbstractMarker):
    """The variable at which a function is differentiated: the same value, set apart from other uses of it.

    So ``grad(lambda y: (x * y).sum())(x)`` differentiates by ``y`` alone. Lowering drops it.
    """


class DisconnectedGrad(AbstractMarker):
    """A constant, as far as derivatives go: nothing above it is connected through it."""

    passes = Flow.UNUSED
    because = "disconnected_grad makes it a constant for derivatives"


class ZeroGrad(AbstractMarker):
    """Connected, with a derivative of zero."""

    passes = Flow.STEP
    because = "zero_grad makes the derivative zero"


class UndefinedGrad(AbstractMarker):
    """Connected, with no derivative: asking for one is an error, which gives ``reason``."""

    passes = Flow.MEANINGLESS
    reason: str = "undefined_grad says that it has no derivative"

    def why(self, i: int) -> str:
        return self.reason

    def describe(self) -> str:
        """The reason is said beside it."""
        return type(self).__name__


class GradClip(AbstractMarker):
    """Cotangents (in forward mode, tangents) element by element no lower than ``lo`` and no higher than ``hi``."""

    lo: float
    hi: float

    def change(self, d: Var) -> Var:
        keeps_zero = self.lo <= 0 <= self.hi
        return below_masks(d, self._clip) if keeps_zero else self._clip(d)

    def _clip(self, d: Var) -> Var:
        return minimum(maximum(d, full_like(d, self.lo)), full_like(d, self.hi))


class GradScale(AbstractMarker):
    """Cotangents (in forward mode, tangents) times ``k``."""

    k: float

    def change(self, d: Var) -> Var:
        return scale(d, full_like(d, self.k))


class CustomGradient(Op):
    """``graph`` with derivatives of its own: those that a user gives in place of the chain rule.

    Inputs: the arguments, ``count`` of them, then what ``graph`` and the rules take from outside. ``pull`` takes the
    inputs, the outputs of ``graph`` and their cotangents, and gives the cotangents of the arguments; ``push`` takes the
    inputs, the outputs and tangents of the arguments, and gives tangents of the outputs. ``flows`` says how each
    argument counts, ``reasons`` why one does not.
    """

    graph: Graph
    pull: Graph
    push: Graph
    count: int
    flows: tuple[Flow, ...]
    reasons: tuple[str, ...]
    name: str = "function"

    def infer(self, *types: Any) -> tuple[Any, ...]:
        return tuple([v.type for v in self.graph.outputs])

    def flow(self, i: int, out: int, types: Sequence[Any]) -> Flow:
        flow = self.flows[i] if i < self.count else Flow.MISSING
        discrete = not is_float(self.graph.outputs[out].type.dtype)
        return Flow.STEP if flow is Flow.VALUE and discrete else flow

    def why(self, i: int) -> str:
        """The reason that the user gave; what comes from outside has no rule."""
        if i < self.count:
            return self.reasons[i]
        return (
            f"the rule of `{self.name}` does not say how it depends on what it takes from outside:"
            " make it an argument"
        )

    def describe(self) -> str:
        """What ``dprint`` shows."""
        return f"CustomGradient({self.name})"


def holds_markers(graph: Graph) -> bool:
    """Whether a derivative of ``graph`` meets a marker, also inside the graphs that its ops hold."""
    stack = [graph]
    while stack:
        for node in stack.pop().nodes:
            if isinstance(node.op, AbstractMarker | CustomGradient):
                return True
            stack += held_graphs(node.op)
    return False


def strip_markers(graph: Graph) -> Graph:
    """``graph`` without markers: values as they are, and a custom function as the graph that it holds."""
    builder = Builder()
    new: dict[Var, Var] = {v: v for v in graph.inputs}
    for node in graph.nodes:
        inputs = [new[v] for v in node.inputs]
        strip = _STRIP.get(type(node.op))
        outputs = strip(node.op, inputs) if strip else builder.node(node.op, inputs, node).outputs
        new.update(zip(node.outputs, outputs, strict=True))
    return Graph(graph.inputs, [new[v] for v in graph.outputs])


def _strip_marker(op: Op, inputs: Sequence[Var]) -> tuple[Var, ...]:
    return tuple(inputs)


def _strip_custom(op: Any, inputs: Sequence[Var]) -> tuple[Var, ...]:
    return op.graph(*inputs)


MARKERS = (Wrt, DisconnectedGrad, ZeroGrad, UndefinedGrad, GradClip, GradScale)
_STRIP: dict[type[Op], Callable[..., tuple[Var, ...]]] = {
    **dict.fromkeys(MARKERS, _strip_marker),
    CustomGradient: _strip_custom,
    Checkpoint: _strip_custom,
    Known: lambda op, inputs: (inputs[1],),
}
