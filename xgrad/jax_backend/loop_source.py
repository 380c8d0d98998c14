"""Loops and branches as source: the body as a function, and one call of ``lax`` with it.

``body`` is the body of the function that is being written (``source._Body``).
"""

from collections.abc import Sequence
from typing import Any

import jax

from xgrad.axes.loops import Scan, Switch, While
from xgrad.gradient.again import Checkpoint
from xgrad.graph import Graph, Node, Var
from xgrad.jax_backend.recording import Value

Values = Sequence[Value]


def write_scan(body: Any, node: Node, inputs: Values) -> list[Value]:
    """``def step(carry, slices)`` and ``lax.scan(step, ...)``."""
    op = node.op
    assert isinstance(op, Scan)
    carries, sequences, invariants = op.parts(inputs)
    inside = op.parts(op.body.inputs)
    carried, slices = _new(body, inside.carries, "carry"), _new(body, inside.sequences, "row")
    inner = _inner(body)
    _unpack(inner, carried, "carried")
    _unpack(inner, slices, "slices")
    found = [v.name for v in _written(inner, op.body, [*carried, *slices, *invariants])]
    result = f"{_tuple(found[: op.carries])}, {_tuple(found[op.carries :])}"
    name = _define(body, "step", ["carried", "slices"], inner, result)
    step = (
        f"jax.checkpoint({name}, prevent_cse=False{_policy(op.recompute)})"
        if op.recompute
        else name
    )
    last = _new(body, node.outputs[: op.carries], "last")
    stacked = _new(body, node.outputs[op.carries :], "stacked")
    options = f"length={op.length}, reverse={op.reverse}, unroll={op.unroll}"
    given = f"{_row(carries)}, {_row(sequences)}"
    body.line(f"{_row(last)}, {_row(stacked)} = lax.scan({step}, {given}, {options})", _where(node))
    return [*last, *stacked]


def _policy(policy: Any) -> str:
    """A policy by its name in JAX; a function of the user's cannot be written, and only changes what is kept."""
    spelling = getattr(policy, "spelling", None)
    return f", policy={spelling}" if spelling else ""


def write_while(body: Any, node: Node, inputs: Values) -> list[Value]:
    """``def test(carry)``, ``def step(carry)`` and ``lax.while_loop(test, step, ...)``."""
    op = node.op
    assert isinstance(op, While)
    names = []
    for wish, graph in (("test", op.condition), ("step", op.body)):
        carried = _new(body, graph.inputs[: op.carries], "carry")
        inner = _inner(body)
        _unpack(inner, carried, "carried")
        found = [v.name for v in _written(inner, graph, [*carried, *inputs[op.carries :]])]
        names.append(
            _define(body, wish, ["carried"], inner, found[0] if wish == "test" else _tuple(found))
        )
    last = _new(body, node.outputs, "last")
    given = _row(inputs[: op.carries])
    body.line(f"{_row(last)} = lax.while_loop({names[0]}, {names[1]}, {given})", _where(node))
    return last


def write_switch(body: Any, node: Node, inputs: Values) -> list[Value]:
    """One function per branch, and ``lax.switch(index, [...], ...)``."""
    op = node.op
    assert isinstance(op, Switch)
    index, *operands = inputs
    names = []
    for branch in op.branches:
        given = _new(body, branch.inputs, "operand")
        inner = _inner(body)
        found = [v.name for v in _written(inner, branch, given)]
        names.append(_define(body, "branch", [v.name for v in given], inner, _tuple(found)))
    chosen = _new(body, node.outputs, "chosen")
    arguments = ", ".join([index.name, f"[{', '.join(names)}]", *[v.name for v in operands]])
    body.line(f"{_row(chosen)} = lax.switch({arguments})", _where(node))
    return chosen


def write_checkpoint(body: Any, node: Node, inputs: Values) -> list[Value]:
    """``def part(...)`` and ``jax.checkpoint(part)(...)``."""
    op = node.op
    assert isinstance(op, Checkpoint)
    given = _new(body, op.graph.inputs, "operand")
    inner = _inner(body)
    found = [v.name for v in _written(inner, op.graph, given)]
    name = _define(body, "part", [v.name for v in given], inner, _tuple(found))
    made = _new(body, node.outputs, "made")
    call = f"jax.checkpoint({name}{_policy(op.policy)})({', '.join([v.name for v in inputs])})"
    body.line(f"{_row(made)} = {call}", _where(node))
    return made


def _written(inner: Any, graph: Graph, inputs: Values) -> list[Value]:
    """The outputs of ``graph``, written into the function ``inner``."""
    return inner.graph(graph, inputs)


def _inner(body: Any) -> Any:
    return type(body)(body.names, body.depth + 1)


def _unpack(inner: Any, values: Values, whole: str) -> None:
    if values:
        inner.line(f"{_row(values)} = {whole}")


def _define(body: Any, wish: str, params: Sequence[str], inner: Any, result: str) -> str:
    name = body.names.new(wish)
    body.define(name, params, inner, result)
    return name


def _new(body: Any, vars: Sequence[Var], wish: str) -> list[Value]:
    shapes = [jax.ShapeDtypeStruct(v.type.shape, v.type.dtype) for v in vars]
    return [
        Value(s, name=body.names.new(v.name or wish)) for s, v in zip(shapes, vars, strict=True)
    ]


def _row(values: Values) -> str:
    return _tuple([v.name for v in values])


def _tuple(names: Sequence[str]) -> str:
    return f"({names[0]},)" if len(names) == 1 else f"({', '.join(names)})"


def _where(node: Node) -> str:
    return str(node.source) if node.source else ""
