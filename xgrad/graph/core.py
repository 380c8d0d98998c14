"""Op, Node, Var and Graph: the immutable graph that every layer below the labels is made of.

Nothing here knows about arrays, dims or gradients. An ``Op`` is a frozen dataclass whose fields are its static
parameters and its identity. A ``Node`` is an op with input variables. A ``Var`` is an output of a node, or an input
(it has no node). A ``Graph`` is a closed function: every variable that its outputs reach is computed from its inputs.
"""

import dataclasses
import itertools
from collections.abc import Callable, Hashable, Iterator, Sequence
from typing import Any, ClassVar, dataclass_transform

from xgrad.graph.printing import AbstractGraph
from xgrad.graph.source import Source, current_source

Type = Any  # what a layer says of its variables: hashable, comparable, printable


@dataclass_transform(frozen_default=True)
class Op:
    """What a node does; its fields are static parameters and say all there is to its identity.

    Subclasses are made frozen dataclasses as they are defined. A subclass whose name starts with ``Abstract`` is a
    family; every other one is final and enters ``Op.registry``.
    """

    registry: ClassVar[dict[str, type["Op"]]] = {}
    commutes: ClassVar[bool] = False  # two inputs, and their order makes no difference

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        dataclasses.dataclass(frozen=True, repr=False)(cls)
        if not cls.__name__.startswith("Abstract"):
            Op.registry[cls.__name__] = cls

    def infer(self, *types: Type) -> Type | tuple[Type, ...]:
        """The type of the output, or a tuple of types where there are several outputs."""
        raise NotImplementedError(f"{type(self).__name__}.infer")

    def apply(self, *inputs: "Var") -> tuple["Var", ...]:
        """A new node's outputs, always as a tuple."""
        types = self.infer(*[x.type for x in inputs])
        return Node(
            self, inputs, types if type(types) is tuple else (types,), current_source()
        ).outputs

    def __call__(self, *inputs: Any) -> Any:
        """A new node's only output; with pattern variables among the inputs, a pattern (see ``rules``)."""
        parts = inputs or self.parameters.values()
        if any([isinstance(x, AbstractPattern) for x in parts]):
            return OpPattern(self, inputs)
        (output,) = self.apply(*inputs)
        return output

    @property
    def parameters(self) -> dict[str, Any]:
        """The static parameters by name, in the order of declaration."""
        return {name: getattr(self, name) for name in field_names(type(self))}

    def __repr__(self) -> str:
        inside = ", ".join(f"{k}={v}" for k, v in self.parameters.items())
        return f"{type(self).__name__}({inside})" if inside else type(self).__name__


_FIELD_NAMES: dict[type, tuple[str, ...]] = {}


def field_names(op_class: type[Op]) -> tuple[str, ...]:
    """The names of the static parameters of an op class."""
    names = _FIELD_NAMES.get(op_class)
    if names is None:
        names = _FIELD_NAMES[op_class] = tuple(f.name for f in dataclasses.fields(op_class))  # pyright: ignore[reportArgumentType]
    return names


_ORDER = itertools.count()


def moment() -> int:
    """A number above those of all nodes made so far, and below those of all to come."""
    return next(_ORDER)


class Node:
    """An op applied to inputs. Never changed after it is made. ``number`` grows in the order of making."""

    __slots__ = ("inputs", "number", "op", "outputs", "source")

    op: Op
    inputs: tuple["Var", ...]
    outputs: tuple["Var", ...]
    source: Source | None
    number: int

    def __init__(
        self, op: Op, inputs: Sequence["Var"], types: Sequence[Type], source: Source | None
    ) -> None:
        self.op = op
        self.inputs = tuple(inputs)
        self.source = source
        self.number = moment()
        self.outputs = tuple([Var(t, self, i) for i, t in enumerate(types)])


class Var:
    """A value: output ``index`` of ``node``, or an input of a graph where ``node`` is None. Compared by identity."""

    __slots__ = ("__weakref__", "_source", "index", "name", "node", "type")

    def __init__(
        self,
        type: Type,
        node: Node | None = None,
        index: int = 0,
        name: str | None = None,
        source: Source | None = None,
    ) -> None:
        self.type = type
        self.node = node
        self.index = index
        self.name = name
        self._source = source

    @property
    def source(self) -> Source | None:
        """The user's line that made this value, where known."""
        return self._source if self.node is None else self.node.source

    @property
    def op(self) -> Op | None:
        """The op that computes this value; None for an input."""
        return None if self.node is None else self.node.op

    @property
    def inputs(self) -> tuple["Var", ...]:
        """The inputs of the node that computes this value; empty for an input."""
        return () if self.node is None else self.node.inputs

    def __repr__(self) -> str:
        what = self.name or "input" if self.node is None else repr(self.node.op)
        return f"<{what}: {self.type}>"


class Graph(AbstractGraph):
    """A closed function from ``inputs`` to ``outputs``. Equal when the structure is equal, whatever the names."""

    __slots__ = ("_hash", "_nodes", "_structure", "inputs", "outputs")

    def __init__(self, inputs: Sequence[Var], outputs: Sequence[Var]) -> None:
        self.inputs = tuple(inputs)
        self.outputs = tuple(outputs)
        self._nodes: tuple[Node, ...] | None = None
        self._structure: Hashable | None = None
        self._hash: int | None = None

    @property
    def nodes(self) -> tuple[Node, ...]:
        """The nodes in an order in which every input comes before its use."""
        if self._nodes is None:
            self._nodes = tuple(toposort(self.outputs, stop=self.inputs))
        return self._nodes

    @property
    def structure(self) -> tuple:
        """A hashable that is equal for equal graphs: types, ops and wiring, without names and sources."""
        if self._structure is None:
            number: dict[Var, int] = {v: i for i, v in enumerate(self.inputs)}
            rows = []
            for node in self.nodes:
                rows.append((node.op, tuple([number[v] for v in node.inputs])))
                for out in node.outputs:
                    number[out] = len(number)
            self._structure = (
                tuple([v.type for v in self.inputs]),
                tuple(rows),
                tuple([number[v] for v in self.outputs]),
            )
        return self._structure  # pyright: ignore[reportReturnType]

    def __eq__(self, other: object) -> bool:
        if self is other:
            return True
        return (
            isinstance(other, Graph)
            and hash(self) == hash(other)
            and self.structure == other.structure
        )

    def __hash__(self) -> int:
        if self._hash is None:
            self._hash = hash(self.structure)
        return self._hash

    def __repr__(self) -> str:
        return f"<Graph: {len(self.inputs)} inputs, {len(self.nodes)} nodes, {len(self.outputs)} outputs>"

    def __call__(self, *inputs: Var) -> tuple[Var, ...]:
        """The outputs for other inputs: the nodes are copied, with common subexpressions merged."""
        return substitute(self.outputs, dict(zip(self.inputs, inputs, strict=True)))


def held_graphs(op: Op) -> tuple[Graph, ...]:
    """The graphs that an op holds, as fields or in tuples that are fields."""
    fields = [v if isinstance(v, tuple) else (v,) for v in op.parameters.values()]
    return tuple([v for values in fields for v in values if isinstance(v, Graph)])


def toposort(outputs: Sequence[Var], stop: Sequence[Var] = ()) -> Iterator[Node]:
    """Every node that ``outputs`` need, each after its inputs; nothing above the variables in ``stop``.

    Uses an explicit stack: a chain of 100,000 nodes is nothing special.
    """
    done: set[int] = set()
    closed = set(stop)
    stack = [(v.node, False) for v in reversed(outputs) if v not in closed and v.node is not None]
    while stack:
        node, expanded = stack.pop()
        if expanded:
            yield node
            continue
        if id(node) in done:
            continue
        done.add(id(node))
        stack.append((node, True))
        for v in reversed(node.inputs):
            if v.node is not None and v not in closed and id(v.node) not in done:
                stack.append((v.node, False))


class Builder:
    """Value numbering: the same op on the same inputs gives the same node. One Builder per rebuild, no global table."""

    def __init__(self) -> None:
        self._nodes: dict[tuple, Node] = {}
        self._own: set[Node] = set()

    def owns(self, node: Node) -> bool:
        """Whether this builder handed out ``node``."""
        return node in self._own

    def node(self, op: Op, inputs: Sequence[Var], like: Node) -> Node:
        """The node of ``op`` on ``inputs``; made like ``like`` (same types and source) where it does not exist yet."""
        key = (op, *inputs)
        found = self._nodes.get(key)
        if found is None:
            if op is like.op and _same_vars(inputs, like.inputs):
                found = like
            else:
                found = Node(op, inputs, [o.type for o in like.outputs], like.source)
            self._nodes[key] = found
            self._own.add(found)
        return found


def _same_vars(one: Sequence[Var], other: Sequence[Var]) -> bool:
    return all(a is b for a, b in zip(one, other, strict=True))


def substitute(
    outputs: Sequence[Var], mapping: dict[Var, Var], builder: Builder | None = None
) -> tuple[Var, ...]:
    """``outputs`` with every variable in ``mapping`` replaced, rebuilt bottom-up with value numbering."""
    builder = builder or Builder()
    new = dict(mapping)
    for node in toposort(outputs, stop=tuple(mapping)):
        made = builder.node(node.op, [new.get(v, v) for v in node.inputs], node)
        for old, out in zip(node.outputs, made.outputs, strict=True):
            if old not in mapping:
                new[old] = out
    return tuple([new.get(v, v) for v in outputs])


def rebuild(graph: Graph, transform: Callable[[Node, tuple[Var, ...]], tuple[Var, ...]]) -> Graph:
    """A graph made bottom-up: ``transform(node, new inputs)`` gives the new outputs of each node."""
    new: dict[Var, Var] = {v: v for v in graph.inputs}
    for node in graph.nodes:
        outs = transform(node, tuple([new[v] for v in node.inputs]))
        new.update(zip(node.outputs, outs, strict=True))
    return Graph(graph.inputs, [new[v] for v in graph.outputs])


class AbstractPattern:
    """What stands for variables or parameters in the left-hand side of a rule."""


class OpPattern(AbstractPattern):
    """A pattern for the output of a node: an op, whose fields may be pattern variables, on input patterns."""

    __slots__ = ("fields", "inputs", "op_class")

    def __init__(self, op: Op, inputs: Sequence[Any]) -> None:
        self.op_class = type(op)
        self.fields = tuple(op.parameters.items())
        self.inputs = tuple(inputs)

    def on(self, inputs: Sequence[Any]) -> "OpPattern":
        """The same op on other inputs."""
        copy = object.__new__(OpPattern)
        copy.op_class, copy.fields, copy.inputs = self.op_class, self.fields, tuple(inputs)
        return copy
