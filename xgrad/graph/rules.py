"""Rewrite rules: a table of named equations, and the driver that applies them bottom-up until none fires.

The left-hand side of a rule is written with the ops themselves on pattern variables::

    rule("permute_twice", Permute(Q)(Permute(P)(X)), lambda x, p, q: ...)   # (x.p).q = x.(p∘q)

Pattern variables are handed to the right-hand side by their names. It returns the replacement, or ``DECLINE``; it never
mutates, prints or reads options. Each table states in its docstring why rewriting with it ends.
"""

import inspect
from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import Any, Final, NamedTuple

from xgrad.errors import XgradError
from xgrad.graph.core import AbstractPattern, Builder, Graph, Node, Op, OpPattern, Var, toposort
from xgrad.graph.source import located

DECLINE: Final = object()  # a right-hand side returns this where its rule does not apply


class Any_(AbstractPattern):
    """A pattern variable: matches any variable (or parameter) and binds it to a name; the same name, the same value."""

    __slots__ = ("name",)

    def __init__(self, name: str) -> None:
        self.name = name


class Rule(NamedTuple):
    """One equation. ``make`` takes what the pattern binds, by name."""

    name: str
    pattern: OpPattern
    make: Callable[..., Any]
    wants: tuple[str, ...]
    below: tuple[
        tuple[int, type[Op]], ...
    ]  # inputs that must be outputs of certain ops: a quick first look

    def may_match(self, node: Node) -> bool:
        """Whether the ops right below ``node`` are those of the pattern."""
        inputs = node.inputs
        return all([i < len(inputs) and type(inputs[i].op) is op for i, op in self.below])


class Fired(NamedTuple):
    """One application of a rule, for showing and for tests."""

    rule: str
    before: Var
    after: Var


def rule(name: str, pattern: Any, make: Callable[..., Any]) -> Rule:
    """A named rule; the parameters of ``make`` are names of pattern variables, or ``out`` for the matched variable."""
    below = [(i, p.op_class) for i, p in enumerate(pattern.inputs) if isinstance(p, OpPattern)]
    return Rule(name, pattern, make, tuple(inspect.signature(make).parameters), tuple(below))


class Rules:
    """A table of rules, indexed by the op at the root of the pattern."""

    def __init__(self, *rules: Rule) -> None:
        self.rules = rules
        self._by_root: dict[type[Op], list[Rule]] = defaultdict(list)
        for r in rules:
            self._by_root[r.pattern.op_class].append(r)

    def __add__(self, other: "Rules") -> "Rules":
        return Rules(*self.rules, *other.rules)

    def without(self, names: Sequence[str]) -> "Rules":
        """The table less some rules, by name."""
        return Rules(*[r for r in self.rules if r.name not in names]) if names else self

    def step(self, var: Var) -> tuple[Rule, Var] | None:
        """The first rule that fires at ``var``, and the replacement."""
        if var.node is None:
            return None
        for r in self._by_root.get(type(var.node.op), ()):
            bound = match(r.pattern, var) if r.may_match(var.node) else None
            if bound is None:
                continue
            bound["out"] = var
            new = r.make(*[bound[w] for w in r.wants])
            if new is not DECLINE:
                return r, new
        return None


def match(pattern: OpPattern, var: Var) -> dict[str, Any] | None:
    """What the pattern variables bind to where ``pattern`` matches ``var``; None where it does not."""
    bound: dict[str, Any] = {}
    todo: list[tuple[Any, Any]] = [(pattern, var)]
    while todo:
        want, found = todo.pop()
        if isinstance(want, Any_):
            if want.name in bound and not _same(bound[want.name], found):
                return None
            bound[want.name] = found
        elif isinstance(want, OpPattern):
            node = found.node if isinstance(found, Var) else None
            if node is None or type(node.op) is not want.op_class:
                return None
            if len(node.inputs) != len(want.inputs):
                return None
            todo.extend(zip(want.inputs, node.inputs, strict=True))
            todo.extend([(value, getattr(node.op, field)) for field, value in want.fields])
        elif not _same(want, found):
            return None
    return bound


def _same(one: Any, other: Any) -> bool:
    return one is other if isinstance(one, Var) else type(one) is type(other) and one == other


class RewriteLoopError(XgradError, RuntimeError):
    """A rule table that does not end: a defect of the table, with the names of the rules that cycle."""


def rewrite(graph: Graph, rules: Rules, fired: list[Fired] | None = None) -> Graph:
    """``graph`` with ``rules`` applied bottom-up, common subexpressions merged, until nothing fires.

    Cost: linear in nodes times the number of rules that fire at a node. What fired is appended to ``fired``.
    """
    while True:
        log: list[Fired] = []
        new = _sweep(graph, rules, log)
        if fired is not None:
            fired.extend(log)
        if not log:
            return new
        graph = new


def _sweep(graph: Graph, rules: Rules, log: list[Fired]) -> Graph:
    builder = Builder()
    new: dict[Var, Var] = {v: v for v in graph.inputs}
    for node in graph.nodes:
        made = builder.node(node.op, [new[v] for v in node.inputs], node)
        for old, out in zip(node.outputs, made.outputs, strict=True):
            new[old] = _settle(out, rules, builder, log)
    return Graph(graph.inputs, [new[v] for v in graph.outputs])


def _settle(var: Var, rules: Rules, builder: Builder, log: list[Fired]) -> Var:
    """Apply rules at ``var`` until none fires there; what a rule makes enters the value numbering."""
    for _ in range(_MOST_AT_ONE_PLACE):
        with located(var.source):
            result = rules.step(var)
        if result is None:
            return var
        r, replacement = result
        after = _intern(replacement, builder)
        log.append(Fired(r.name, var, after))
        if after is var:
            raise RewriteLoopError(f"the rewrite rule {r.name!r} fired and changed nothing")
        var = after
    names = sorted({f.rule for f in log[-_MOST_AT_ONE_PLACE:]})
    raise RewriteLoopError(f"these rewrite rules do not come to an end: {', '.join(names)}")


_MOST_AT_ONE_PLACE = 1000  # a table ends by argument; this only turns a defect into an error


def _intern(var: Var, builder: Builder) -> Var:
    """``var`` with the nodes that a rule made replaced by the builder's own where it has them."""
    if var.node is None:
        return var
    new: dict[Var, Var] = {}
    for node in _fresh_nodes(var, builder):
        made = builder.node(node.op, [new.get(v, v) for v in node.inputs], node)
        new.update(zip(node.outputs, made.outputs, strict=True))
    return new.get(var, var)


def _fresh_nodes(var: Var, builder: Builder) -> list[Node]:
    """The nodes above ``var`` that the builder does not know yet, inputs first."""
    known = [v for v in _frontier(var, builder)]
    return list(toposort([var], stop=known))


def _frontier(var: Var, builder: Builder) -> list[Var]:
    """The variables above ``var`` at which the builder's own nodes begin."""
    found: list[Var] = []
    todo, seen = [var], set()
    while todo:
        v = todo.pop()
        if v in seen:
            continue
        seen.add(v)
        if v.node is None or builder.owns(v.node):
            found.append(v)
        else:
            todo.extend(v.node.inputs)
    return found
