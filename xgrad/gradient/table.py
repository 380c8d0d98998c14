"""The page ``docs/ops.md``: op, input, flow and route of the gradient, asked of the ops themselves.

``python -m xgrad.gradient.table`` prints it; a test compares it with the file.
"""

import dataclasses
import inspect
import pkgutil
from collections.abc import Iterator, Sequence
from importlib import import_module
from typing import Any, NamedTuple

import numpy as np

import xgrad.axes
import xgrad.names
from xgrad.axes.base import (
    AbstractElementwise,
    AbstractGeneral,
    AbstractLinear,
    AbstractMultilinear,
    AbstractOpaque,
    AbstractStep,
    AbstractTensorOp,
    Flow,
    TensorType,
)
from xgrad.axes.elementwise import Cast
from xgrad.axes.opaque import HostCall, JaxCall
from xgrad.axes.random import DiscreteDraw, Draw
from xgrad.gradient.again import Checkpoint, Known
from xgrad.gradient.markers import AbstractMarker, CustomGradient
from xgrad.gradient.ops import AbstractDerivative
from xgrad.gradient.status import DEFINITIONS
from xgrad.graph import Graph, Op
from xgrad.names import At, XType
from xgrad.names.base import AbstractXOp
from xgrad.names.indexing import XIndex, XIndexUpdate
from xgrad.names.structure import XBroadcast, XConcat, XMerge, XPad, XRename, XSplit, XWindow

HEAD = """\
# Ops and their gradients

Made by `python -m xgrad.gradient.table`. For every op: how the values of each input reach the output (the words are
those of `docs/gradients.md`), and where the gradient comes from. This is for inputs of floats: where an input or the
output is of integers or truth values (a sum of integers, an argmax), `value` becomes `step`. Where outputs differ, they
are numbered.
"""

_F8, _I8 = np.dtype(np.float64), np.dtype(np.int64)
_SQUARE = TensorType((2, 2), _F8)
_X, _SCALAR, _INDEX = (
    XType(("x", "y"), (2, 3), _F8),
    XType((), (), _F8),
    XType(("i",), (2,), _I8),
)

ROUTES: dict[type[Op], str] = {
    AbstractElementwise: "partial derivatives, both modes",
    AbstractLinear: "its transpose, both modes",
    AbstractMultilinear: "its transposes, both modes",
    AbstractGeneral: "a rule for each mode",
    AbstractStep: "zeros",
    AbstractOpaque: "left to `jax.vjp` and `jax.jvp`, the op alone",
    AbstractDerivative: "expanded, or left to JAX, before the derivative of it",
    AbstractMarker: "changes the cotangent, or stops it",
    Checkpoint: "that of the graph, computed again in reverse mode",
    Known: "that of x",
    CustomGradient: "the user's rule; the other mode is its transpose",
    AbstractXOp: "that of the tensor ops it is lowered to",
}

# what stands for an op whose parameters decide how values flow
_INSTANCES: dict[type[Op], Op] = {
    Cast: Cast(_F8),
    JaxCall: JaxCall(abs, (_SQUARE,)),
    HostCall: HostCall(abs, (_SQUARE,), abs),
    Draw: Draw(abs, (2,), _F8),
    DiscreteDraw: DiscreteDraw(abs, (2,), _I8),
}


class _Example(NamedTuple):
    """An op on named dims with inputs that fit, each with a name."""

    op: AbstractXOp
    inputs: dict[str, XType]


_XOPS: dict[type[Op], _Example] = {
    type(example.op): example
    for example in (
        _Example(XIndex((("x", At(0)),)), {"x": _X, "index": _INDEX}),
        _Example(XIndexUpdate((("x", At(0)),)), {"x": _X, "values": _SCALAR, "index": _INDEX}),
        _Example(XConcat("x"), {"each": _X}),
        _Example(XPad((("x", 1, 1),)), {"x": _X, "fill": _SCALAR}),
        _Example(XWindow("x", "w", 2), {"x": _X}),
        _Example(XMerge(("x", "y"), "z"), {"x": _X}),
        _Example(XSplit("y", ("a", "b"), (3, 1)), {"x": _X}),
        _Example(XRename((("x", "z"),)), {"x": _X}),
        _Example(XBroadcast(("n", "x", "y"), (4, 2, 3)), {"x": _X}),
    )
}


def page() -> str:
    """The whole page."""
    for package in (xgrad.axes, xgrad.names):
        for module in pkgutil.iter_modules(package.__path__, package.__name__ + "."):
            import_module(module.name)
    ops = [op for op in Op.registry.values() if op.__module__.startswith("xgrad.")]
    sections = (
        ("Ops on named dims", [op for op in ops if issubclass(op, AbstractXOp)]),
        ("Tensor ops", [op for op in ops if issubclass(op, AbstractTensorOp)]),
        ("Derivatives and markers", [op for op in ops if _of_derivatives(op)]),
    )
    parts = [HEAD]
    for title, members in sections:
        rows = [row for op in sorted(members, key=lambda op: op.__name__) for row in _rows(op)]
        table = "\n".join(["| op | input | flow | gradient |", "| --- | --- | --- | --- |", *rows])
        parts.append(f"## {title}\n\n{table}\n")
    return "\n".join(parts)


def _of_derivatives(op: type[Op]) -> bool:
    return issubclass(op, AbstractDerivative | AbstractMarker | CustomGradient | Checkpoint | Known)


def _rows(op: type[Op]) -> list[str]:
    """One row per input; one for the op where all inputs are alike."""
    flows = dict(_flows(op))
    if len(flows) > 1 and len(set(flows.values())) == 1:
        flows = {", ".join(flows): next(iter(flows.values()))}
    return [
        f"| `{op.__name__}` | {name} | {flow} | {_route(op, flow)} |"
        for name, flow in flows.items()
    ]


def _route(op: type[Op], flow: str) -> str:
    if flow == "none":
        return "–"
    if all(word in _WITHOUT for word in flow.split(" ")):
        return _WITHOUT[flow.split(" ")[0]]
    return next(
        (t for family, t in ROUTES.items() if issubclass(op, family)), "a rule for each mode"
    )


_WITHOUT = {
    flow.value: "zeros" if flow is Flow.STEP else f"none: {DEFINITIONS[flow].value}"
    for flow in (Flow.STEP, Flow.POSITION, Flow.MEANINGLESS, Flow.MISSING)
} | {Flow.UNUSED.value: "none: not connected"}


def _flows(op: type[Op]) -> Iterator[tuple[str, str]]:
    """Each input of an op, and how it flows."""
    if op in _XOPS:
        example = _XOPS[op]
        types = list(example.inputs.values())
        for i, name in enumerate(example.inputs):
            yield name, example.op.flow(i, 0, types).value
        return
    names = _input_names(op)
    if not names:
        yield "–", "none"
    elif _holds_something(op):
        yield "each", "as in the op or graph that it holds"
    else:
        yield from _flows_of(_instance(op), names)


def _flows_of(op: Any, names: Sequence[str]) -> Iterator[tuple[str, str]]:
    types: list[Any] = [_X if isinstance(op, AbstractXOp) else _SQUARE] * len(names)
    for i, name in enumerate(names):
        flows = [_flow(op, i, out, types) for out in range(_count_outputs(op, types))]
        if len(set(flows)) == 1:
            yield name, flows[0].value
        else:
            yield name, ", ".join([f"{flow.value} ({out})" for out, flow in enumerate(flows)])


def _flow(op: Any, i: int, out: int, types: Sequence[Any]) -> Flow:
    if not isinstance(op, AbstractXOp) or type(op).flow is not AbstractXOp.flow:
        return op.flow(i, out, types)
    if op.is_position(i):
        return Flow.POSITION
    return Flow.STEP if _is_discrete(op, types) else Flow.VALUE


def _is_discrete(op: Any, types: Sequence[Any]) -> bool:
    """Whether an op gives integers for floats; not where its parameters do not fit what it is shown with."""
    try:
        return op.infer(*types).dtype.kind not in "fc"
    except _MISFITS:
        return False


_MISFITS = (AssertionError, AttributeError, IndexError, KeyError, TypeError, ValueError)


def _count_outputs(op: Any, types: Sequence[Any]) -> int:
    """How many outputs an op has; one where its parameters do not fit matrices."""
    try:
        inferred = op.infer(*types)
    except _MISFITS:
        return 1
    return len(inferred) if type(inferred) is tuple else 1


def _input_names(op: type[Op]) -> list[str]:
    """The inputs as the op's own rules call them."""
    if issubclass(op, AbstractElementwise):
        return list(inspect.signature(op.emit).parameters)[2:]
    parameters = list(inspect.signature(op.infer).parameters.values())[1:]
    return [
        "each" if p.kind is p.VAR_POSITIONAL and len(parameters) == 1 else p.name
        for p in parameters
    ]


def _holds_something(op: type[Op]) -> bool:
    """Whether an op is about another op or a graph."""
    held = [f.type for f in dataclasses.fields(op)]  # pyright: ignore[reportArgumentType]
    return any(inspect.isclass(t) and issubclass(t, Graph | AbstractTensorOp) for t in held) or any(
        t in ("Graph", "AbstractTensorOp") or "Graph" in str(t) for t in held
    )


_PLAIN: dict[Any, Any] = {int: 0, bool: False, float: 0.0, str: "", tuple: (), np.dtype: _F8}


def _instance(op: type[Op]) -> Op:
    """An op with plain parameters: those that its flow does not depend on."""
    if op in _INSTANCES:
        return _INSTANCES[op]
    made = object.__new__(op)
    for field in dataclasses.fields(op):  # pyright: ignore[reportArgumentType]
        base = getattr(field.type, "__origin__", field.type)
        value = field.default if field.default is not dataclasses.MISSING else _PLAIN.get(base, "")
        object.__setattr__(made, field.name, "sum" if field.name == "kind" else value)
    return made


if __name__ == "__main__":
    print(page(), end="")
