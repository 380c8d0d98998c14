"""A tensor graph as standalone Python source, which needs NumPy and JAX alone.

The text comes from the emission itself, run on a recording namespace (``recording``): it cannot say
anything else than what is compiled. One statement per node, with the user's line; what an emission
does in several steps stands on lines of its own.
"""

import builtins
import keyword
import re
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

import jax
import numpy as np

from xgrad.axes.base import TensorType, is_float
from xgrad.axes.batched import Batched
from xgrad.axes.interpret import emission
from xgrad.axes.loops import Scan, Switch, While
from xgrad.axes.opaque import HostCall, JaxCall
from xgrad.axes.printed import Printed
from xgrad.axes.random import DiscreteDraw, Draw
from xgrad.gradient.again import Checkpoint
from xgrad.gradient.ops import JvpCall, VjpCall
from xgrad.graph import Graph, Node, Var
from xgrad.jax_backend.batch import chunk_of
from xgrad.jax_backend.calls import host_types
from xgrad.jax_backend.emit import lift
from xgrad.jax_backend.loop_source import write_checkpoint, write_scan, write_switch, write_while
from xgrad.jax_backend.random import Sampler
from xgrad.jax_backend.recording import Call, Function, Name, Recorder, Value, leaves
from xgrad.jax_backend.special import SPECIAL
from xgrad.jax_backend.spelling import IMPORTS, array_text, is_public, public_name, spell

_SMALL = 32  # array literals of up to so many elements are printed; larger ones become arguments
_INDENT = "    "


def to_source(graph: Graph, name: str = "f") -> str:
    """A Python module that defines ``name``: ``graph`` as a function of its inputs.

    It returns the output, or a tuple of several. The docstring of the function says which arrays
    the arguments stand for; ``source_arguments`` gives those that are not inputs.
    """
    with jax.enable_x64(True):
        return _Module(graph, name).text()


def source_arguments(graph: Graph) -> tuple[np.ndarray, ...]:
    """The array literals that the function in the source takes after the inputs, in order."""
    _, arrays = lift(graph)
    return tuple([a for a in arrays if not _printed(a)])


def _printed(array: np.ndarray) -> bool:
    return array.size <= _SMALL


class _Names:
    """Names for a text, each given once, and the users' functions that it calls by name."""

    def __init__(self, *taken: str) -> None:
        self.taken = {*keyword.kwlist, *dir(builtins), "jax", "jnp", "np", "lax", *taken}
        self.count: Counter[str] = Counter()
        self.functions: dict[Callable[..., Any], str] = {}

    def new(self, wish: str) -> str:
        base = re.sub(r"\W+", "_", wish).strip("_") or "x"
        base = f"x_{base}" if base[0].isdigit() else base
        name = base
        while name in self.taken:
            self.count[base] += 1
            name = f"{base}_{self.count[base] + 1}"
        self.taken.add(name)
        return name

    def function(self, function: Callable[..., Any]) -> str:
        """The name of a function: JAX's own, or that of a user's."""
        if is_public(function):
            return public_name(function)
        if function not in self.functions:
            self.functions[function] = self.new(_plain_path(function) or "function")
        return self.functions[function]


class _Module:
    """The whole text: imports, small arrays, the function."""

    def __init__(self, graph: Graph, name: str) -> None:
        self.name = name
        self.names = _Names(name)
        self.graph, self.arrays = lift(graph)
        self.inputs = [
            _value(v, self.names.new(v.name or f"x{i}")) for i, v in enumerate(graph.inputs)
        ]
        lifted = self.graph.inputs[len(graph.inputs) :]
        self.literals = [
            _value(v, self.names.new("CONSTANT" if _printed(a) else "captured"))
            for v, a in zip(lifted, self.arrays, strict=True)
        ]

    def text(self) -> str:
        function = self.function()  # first: it says which functions it needs
        parts = [IMPORTS.splitlines(), self.users_functions(), self.constants(), ["", *function]]
        return "\n".join(line for part in parts if part for line in (*part, ""))

    def users_functions(self) -> list[str]:
        return [_introduction(function, name) for function, name in self.names.functions.items()]

    def constants(self) -> list[str]:
        pairs = zip(self.literals, self.arrays, strict=True)
        return [f"{v.name} = {array_text(a)}" for v, a in pairs if _printed(a)]

    def function(self) -> list[str]:
        captured = [v for v, a in zip(self.literals, self.arrays, strict=True) if not _printed(a)]
        params = [*self.inputs, *captured]
        body = _Body(self.names, 1)
        outputs = body.graph(self.graph, [*self.inputs, *self.literals])
        result = ", ".join(map(body.expression, outputs))
        return [
            "@jax.enable_x64(True)",
            "@jax.jit",
            f"def {self.name}({', '.join(v.name for v in params)}):",
            *self.docstring(captured),
            *body.lines,
            f"{_INDENT}return {result or 'None'}",
        ]

    def docstring(self, captured: Sequence[Value]) -> list[str]:
        rows = [f"{v.name}: {_type_text(v)}" for v in self.inputs]
        rows += [f"{v.name}: {_type_text(v)}, an array that the program captured" for v in captured]
        outputs = ", ".join(str(v.type) for v in self.graph.outputs)
        quote = '"""'
        text = [f"{quote}Returns {outputs}.", *(["", *rows] if rows else []), quote]
        return [_INDENT + row if row else "" for row in text]


class _Body:
    """The statements of one function, at one depth of indentation."""

    def __init__(self, names: _Names, depth: int) -> None:
        self.names = names
        self.depth = depth
        self.lines: list[str] = []

    def line(self, text: str, comment: str = "") -> None:
        self.lines.append(_INDENT * self.depth + text + (f"  # {comment}" if comment else ""))

    def graph(self, graph: Graph, inputs: Sequence[Value]) -> list[Value]:
        """The statements that compute ``graph`` from ``inputs``; its outputs."""
        values = dict(zip(graph.inputs, inputs, strict=True))
        for node in graph.nodes:
            outputs = self.node(node, [values[v] for v in node.inputs])
            values.update(zip(node.outputs, outputs, strict=True))
        return [values[v] for v in graph.outputs]

    def node(self, node: Node, inputs: Sequence[Value]) -> Sequence[Value]:
        write = _WRITERS.get(type(node.op))
        if write is not None:
            return write(self, node, inputs)
        return self.emitted(node, inputs)

    def emitted(self, node: Node, inputs: Sequence[Value]) -> list[Value]:
        """The statements that the emission of ``node`` makes."""
        recorder = Recorder()
        result = emission(node, SPECIAL)(recorder, *inputs)
        results = [result] if len(node.outputs) == 1 else list(result)
        self.statements(recorder.calls, results, _snake(type(node.op).__name__), _where(node))
        return [
            r if isinstance(r, Value) else self.literal(node, k, r) for k, r in enumerate(results)
        ]

    def literal(self, node: Node, k: int, x: Any) -> Value:
        """The statement for an output of ``node`` that its emission computed by itself."""
        value = _value(node.outputs[k], self.names.new(_snake(type(node.op).__name__)))
        self.line(f"{value.name} = {self.expression(x)}", _where(node))
        return value

    def statements(
        self, calls: Sequence[Call], results: Sequence[Any], wish: str, comment: str
    ) -> None:
        """Name what is a result or is used twice; write the rest where it is used."""
        uses = Counter(id(v) for v in results)
        for call in reversed(calls):
            if any(uses[id(v)] for v in call.values):
                uses.update(id(v) for v in _used_by(call))
        for call in calls:
            self.statement(call, uses, {id(v) for v in results}, wish, comment)

    def statement(
        self, call: Call, uses: Counter[int], results: set[int], wish: str, comment: str
    ) -> None:
        values = call.values
        wanted = [v for v in values if uses[id(v)]]
        inline = len(values) == 1 and uses[id(values[0])] == 1 and id(values[0]) not in results
        if not wanted or inline:
            return
        text = self.call_text(call)
        for v in wanted:
            v.name = self.names.new(wish if id(v) in results else "t")
        targets = [v.name or "_" for v in values]
        single = isinstance(call.result, Value)
        self.line(f"{targets[0] if single else _row(targets)} = {text}", comment)

    def expression(self, x: Any) -> str:
        """``x``, an argument of a call, as text; statements that it needs are written before."""
        if isinstance(x, Value):
            return x.name or self.call_text(_maker(x))
        if isinstance(x, Function):
            return self.function(x)
        return spell(x.real if isinstance(x, Name) else x, self.expression)

    def call_text(self, call: Call) -> str:
        args = [self.expression(a) for a in call.args]
        kwargs = [f"{k}={self.expression(v)}" for k, v in call.kwargs.items()]
        return f"{spell(call.function, self.expression)}({', '.join([*args, *kwargs])})"

    def function(self, function: Function) -> str:
        """Write a function that is handed to JAX; its name."""
        name = self.names.new("step")
        params = [self.names.new("a") for _ in function.params]
        for param, text in zip(function.params, params, strict=True):
            _name_parts(param, text)
        body = _Body(self.names, self.depth + 1)
        body.statements(function.calls, leaves(function.result), "t", "")
        self.define(name, params, body, body.expression(function.result))
        return name

    def define(self, name: str, params: Sequence[str], body: "_Body", result: str) -> None:
        self.lines.append("")
        self.line(f"def {name}({', '.join(params)}):")
        self.lines += body.lines
        body.lines = []
        body.line(f"return {result}")
        self.lines += [*body.lines, ""]

    def inner(
        self,
        graph: Graph,
        at: Sequence[int],
        inputs: Sequence[Value],
        wish: str = "primal",
        parted: int | None = None,
    ) -> str:
        """Write ``graph`` as a function of its inputs ``at`` alone; its name. ``parted``: its results in two parts."""
        name = self.names.new(wish)
        moved = {i: _value(graph.inputs[i], self.names.new(_base(inputs[i].name))) for i in at}
        body = _Body(self.names, self.depth + 1)
        outputs = body.graph(graph, [moved.get(i, v) for i, v in enumerate(inputs)])
        results = list(map(body.expression, outputs))
        text = f"({_row(results)})"
        if parted is not None:
            text = f"({_row(results[:parted])}), ({_row(results[parted:])})"
        self.define(name, [v.name for v in moved.values()], body, text)
        return name


def _write_vjp(body: _Body, node: Node, inputs: Sequence[Value]) -> list[Value]:
    op = node.op
    assert isinstance(op, VjpCall)
    count = len(op.graph.inputs)
    pulled = len(op.pulled)
    primal = body.inner(op.graph, op.wrt, inputs[:count], parted=pulled if op.aside else None)
    outs = [_value(v, body.names.new("out")) for v in node.outputs[: len(op.graph.outputs)]]
    cts = [_value(v, body.names.new("ct")) for v in node.outputs[len(outs) :]]
    pullback = body.names.new("pullback")
    at = ", ".join(inputs[i].name for i in op.wrt)
    given = [
        v.name if is_float(out.type.dtype) else f"np.zeros({out.type.shape}, jax.dtypes.float0)"
        for v, out in zip(inputs[count:], op.pulled, strict=True)
    ]
    first, aside = (
        f"({_row([v.name for v in outs[:pulled]])})",
        _row([v.name for v in outs[pulled:]]),
    )
    if op.aside:
        line = f"{first}, {pullback}, ({aside}) = jax.vjp({primal}, {at}, has_aux=True)"
    else:
        line = f"{first}, {pullback} = jax.vjp({primal}, {at})"
    body.line(line, _where(node))
    body.line(f"{_row([v.name for v in cts])} = {pullback}(({_row(given)}))")
    return [*outs, *cts]


def _write_jvp(body: _Body, node: Node, inputs: Sequence[Value]) -> list[Value]:
    op = node.op
    assert isinstance(op, JvpCall)
    count = len(op.graph.inputs)
    primal = body.inner(op.graph, op.wrt, inputs[:count])
    outs = [_value(v, body.names.new("out")) for v in node.outputs[: len(op.graph.outputs)]]
    tangents = [_value(v, body.names.new("tangent")) for v in node.outputs[len(outs) :]]
    at = _row([inputs[i].name for i in op.wrt])
    along = _row([v.name for v in inputs[count:]])
    zero = [not is_float(v.type.dtype) for v in op.graph.outputs]  # for which JAX gives float0
    moved = ["_" if z else v.name for v, z in zip(tangents, zero, strict=True)]
    targets = f"({_row([v.name for v in outs])}), ({_row(moved)})"
    body.line(f"{targets} = jax.jvp({primal}, ({at}), ({along}))", _where(node))
    for v in [v for v, z in zip(tangents, zero, strict=True) if z]:
        body.line(f"{v.name} = jnp.zeros({spell(v.shape, str)}, {spell(v.dtype, str)})")
    return [*outs, *tangents]


def _write_batched(body: _Body, node: Node, inputs: Sequence[Value]) -> list[Value]:
    """The graph as a function of what is mapped, and JAX's ``vmap`` (or ``map`` over chunks) of it."""
    op = node.op
    assert isinstance(op, Batched)
    at = [i for i, m in enumerate(op.mapped) if m]
    each = body.inner(op.graph, at, inputs, "each")
    outs = [_value(v, body.names.new("batched")) for v in node.outputs]
    moving = ", ".join(inputs[i].name for i in at)
    chunk = chunk_of(op)
    if chunk is None:
        call = f"jax.vmap({each}, axis_size={op.size})({moving})"
    else:
        call = f"jax.lax.map(lambda x: {each}(*x), ({moving},), batch_size={chunk})"
    body.line(f"{_row([v.name for v in outs])} = {call}", _where(node))
    return outs


def _write_jax_call(body: _Body, node: Node, inputs: Sequence[Value]) -> list[Value]:
    op = node.op
    assert isinstance(op, JaxCall)
    name = body.names.function(op.function)
    outs = [_value(v, body.names.new("called")) for v in node.outputs]
    returned = jax.eval_shape(op.function, *[v.aval for v in inputs])
    targets = _row([v.name for v in outs]) if isinstance(returned, tuple) else outs[0].name
    body.line(f"{targets} = {name}({', '.join(v.name for v in inputs)})", _where(node))
    return outs


def _write_draw(body: _Body, node: Node, inputs: Sequence[Value]) -> list[Value]:
    """Call by call for one key; for many, a function of the user's to be."""
    op = node.op
    assert isinstance(op, Draw | DiscreteDraw)
    if inputs[0].ndim == op.core and isinstance(op.sampler, Sampler):
        return body.emitted(node, inputs)
    out = _value(node.outputs[0], body.names.new("drawn"))
    name = body.names.function(op.sampler)
    body.line(f"{out.name} = {name}({', '.join(v.name for v in inputs)})", _where(node))
    return [out]


def _write_printed(body: _Body, node: Node, inputs: Sequence[Value]) -> list[Value]:
    body.line(f'jax.debug.print("{{}}", {inputs[0].name})', _where(node))
    return list(inputs)


def _write_host_call(body: _Body, node: Node, inputs: Sequence[Value]) -> list[Value]:
    op = node.op
    assert isinstance(op, HostCall)
    name = body.names.function(op.function)
    outs = [_value(v, body.names.new("called")) for v in node.outputs]
    types = [
        f"jax.ShapeDtypeStruct({spell(t.shape, str)}, {spell(t.dtype, str)})"
        for t in host_types(op)
    ]
    result = types[0] if len(types) == 1 else f"({_row(types)})"
    targets = _row([v.name for v in outs]) if len(outs) > 1 else outs[0].name
    given = ", ".join([name, result, *[v.name for v in inputs]])
    body.line(f"{targets} = jax.pure_callback({given}, vmap_method='sequential')", _where(node))
    return outs


_WRITERS = {
    HostCall: _write_host_call,
    Printed: _write_printed,
    VjpCall: _write_vjp,
    JvpCall: _write_jvp,
    JaxCall: _write_jax_call,
    Draw: _write_draw,
    DiscreteDraw: _write_draw,
    Batched: _write_batched,
    Scan: write_scan,
    While: write_while,
    Switch: write_switch,
    Checkpoint: write_checkpoint,
}


def _introduction(function: Callable[..., Any], name: str) -> str:
    """The line that makes ``name`` a user's function, or says that the user must."""
    path = _plain_path(function)
    if path and function.__module__ != "__main__":
        return f"from {function.__module__} import {path}" + (f" as {name}" if name != path else "")
    return f"# {name} is {_described(function)}, which cannot be imported: define it here"


def _plain_path(function: Callable[..., Any]) -> str:
    """The name by which a function can be imported; of a lambda or a local function, nothing."""
    path = getattr(function, "__qualname__", "")
    return path if path.isidentifier() else ""


def _described(function: Callable[..., Any]) -> str:
    kind = getattr(function, "__qualname__", f"a {type(function).__qualname__}")
    return f"{kind} of {function.__module__}"


def _value(v: Var, name: str) -> Value:
    return Value(jax.ShapeDtypeStruct(v.type.shape, v.type.dtype), name=name)


def _type_text(v: Value) -> str:
    return str(TensorType(v.aval.shape, v.aval.dtype))


def _maker(v: Value) -> Call:
    assert v.call is not None, "a value without a name is the result of a call"
    return v.call


def _used_by(call: Call) -> list[Value]:
    """The values that a call takes, also inside the functions that are handed to it."""
    found: list[Value] = []
    for x in leaves((call.args, call.kwargs)):
        if isinstance(x, Value):
            found.append(x)
        elif isinstance(x, Function):
            inside = [v for c in x.calls for v in _used_by(c)] + leaves(x.result)
            # more than one use: what a handed function needs must have a name outside it
            found += [v for v in inside if isinstance(v, Value)] * 2
    return found


def _name_parts(param: Any, text: str) -> None:
    """Name the arrays of a parameter, which may be a tuple of them."""
    if isinstance(param, Value):
        param.name = text
        return
    for i, part in enumerate(param):
        _name_parts(part, f"{text}[{i}]")


def _base(name: str) -> str:
    """``name`` without the number that made it unique."""
    return re.sub(r"(_\d+)+$", "", name)


def _row(names: Sequence[str]) -> str:
    return f"{names[0]}," if len(names) == 1 else ", ".join(names)


def _snake(name: str) -> str:
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower().strip("_")


def _where(node: Node) -> str:
    return str(node.source) if node.source else ""
