"""Rewrite rules: a table of named equations, and the driver that applies them bottom-up until none fires.

The left-hand side of a rule is written with the ops themselves on pattern variables::

    rule("permute_twice", Permute(Q)(Permute(P)(X)), lambda x, p, q: ...)   # (x.p).q = x.(p∘q)

Pattern variables are handed to the right-hand side by their names. It returns the replacement, or ``DECLINE``; it never
mutates, prints or reads options. An op that ``commutes`` is matched in both orders. Each table states in its docstring
why rewriting with it ends.
"""

import inspect
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterator, Sequence
from itertools import product
from typing import Any, Final, NamedTuple
from weakref import WeakSet

from xgrad.errors import XgradError
from xgrad.graph.core import AbstractPattern, Builder, Graph, Node, Op, OpPattern, Var, toposort
from xgrad.graph.source import located

DECLINE: Final = object()  # a right-hand side returns this where its rule does not apply


class Any_(AbstractPattern):
    """A pattern variable: matches any variable (or parameter) and binds it to a name; the same name, the same value."""

    __slots__ = ("name",)

    def __init__(self, name: str) -> None:
        self.name = name


class Form(NamedTuple):
    """A pattern in one order of its inputs."""

    pattern: OpPattern
    below: tuple[
        tuple[int, type[Op]], ...
    ]  # inputs that must be outputs of certain ops: a first look

    def may_match(self, below: Sequence[type | None]) -> bool:
        """Whether the ops right below a node are those of the pattern."""
        return all([i < len(below) and below[i] is op for i, op in self.below])


class Rule(NamedTuple):
    """One equation. ``make`` takes what the pattern binds, by name; ``among`` is the op of at least one input."""

    name: str
    forms: tuple[Form, ...]
    make: Callable[..., Any]
    wants: tuple[str, ...]
    among: type[Op] | None = None

    @property
    def root(self) -> type[Op]:
        """The op at which the rule applies."""
        return self.forms[0].pattern.op_class


class Fired(NamedTuple):
    """One application of a rule, for showing and for tests."""

    rule: str
    before: Var
    after: Var


def rule(name: str, pattern: Any, make: Callable[..., Any], among: type[Op] | None = None) -> Rule:
    """A named rule.

    The parameters of ``make`` are names of pattern variables; or ``out`` for the matched variable; or ``readers``, a
    function that counts the nodes which read a variable. A rule whose pattern does not say which input is of the op
    ``among`` is only looked at where one is.
    """
    forms = tuple([Form(p, _first_look(p)) for p in _orders(pattern)])
    return Rule(name, forms, make, tuple(inspect.signature(make).parameters), among)


def _first_look(pattern: OpPattern) -> tuple[tuple[int, type[Op]], ...]:
    return tuple([(i, p.op_class) for i, p in enumerate(pattern.inputs) if _is_op(p)])


def _orders(pattern: OpPattern) -> list[OpPattern]:
    """``pattern`` with the inputs of ops that commute in either order, where that makes a difference."""
    names = Counter(_variables(pattern))
    return _turned(pattern, {name for name, count in names.items() if count > 1})


def _turned(pattern: OpPattern, repeated: Collection[str]) -> list[OpPattern]:
    """Two plain variables that stand nowhere else need no second order."""
    inputs = list(product(*[_turned(p, repeated) if _is_op(p) else [p] for p in pattern.inputs]))
    plain = all([isinstance(p, Any_) and p.name not in repeated for p in pattern.inputs])
    if pattern.op_class.commutes and not plain:
        inputs += [given[::-1] for given in inputs]
    return [pattern.on(given) for given in inputs]


def _variables(pattern: Any) -> Iterator[str]:
    if isinstance(pattern, Any_):
        yield pattern.name
    elif isinstance(pattern, OpPattern):
        for part in (*pattern.inputs, *[value for _, value in pattern.fields]):
            yield from _variables(part)


def _is_op(pattern: Any) -> bool:
    return isinstance(pattern, OpPattern)


Readers = Callable[[Var], int]

_MANY = 3  # a first look at no more inputs than any pattern has


class Rules:
    """A table of rules, found by the op at the root of the pattern and the ops right below it."""

    def __init__(self, *rules: Rule) -> None:
        self.rules = rules
        self._by_root: dict[type[Op], list[tuple[Rule, Form]]] = defaultdict(list)
        for r in rules:
            self._by_root[r.root] += [(r, form) for form in r.forms]
        self._near: dict[tuple[type | None, ...], tuple[tuple[Rule, Form], ...]] = {}
        self._less: dict[tuple[str, ...], Rules] = {(): self}
        self._settled: WeakSet[Var] = WeakSet()
        self._counting: Rules | None = None

    def __add__(self, other: "Rules") -> "Rules":
        return Rules(*self.rules, *other.rules)

    def without(self, names: Sequence[str]) -> "Rules":
        """The table less some rules, by name."""
        key = tuple(names)
        if key not in self._less:
            self._less[key] = Rules(*[r for r in self.rules if r.name not in key])
        return self._less[key]

    def settle(self, var: Var) -> None:
        """Remember that no rule fires at ``var``."""
        self._settled.add(var)

    def left_for(self, var: Var) -> "Rules":
        """The rules that may fire at ``var``: once it is settled, those that count readers, which may be others now."""
        return self.counting if var in self._settled else self

    @property
    def counting(self) -> "Rules":
        """The rules that count readers."""
        if self._counting is None:
            self._counting = Rules(*[r for r in self.rules if "readers" in r.wants])
        return self._counting

    def may_fire(self, var: Var) -> bool:
        """Whether a first look finds a rule for ``var``."""
        return var.node is not None and bool(self._candidates(var.node))

    def step(self, var: Var, readers: Readers = lambda v: 1) -> tuple[Rule, Var] | None:
        """The first rule that fires at ``var``, and the replacement."""
        if var.node is None:
            return None
        for r, form in self._candidates(var.node):
            bound = match(form.pattern, var)
            if bound is None:
                continue
            bound["out"], bound["readers"] = var, readers
            new = r.make(*[bound[w] for w in r.wants])
            if new is not DECLINE:
                return r, new
        return None

    def _candidates(self, node: Node) -> tuple[tuple[Rule, Form], ...]:
        """The rules whose patterns begin with the ops that are here; remembered, as most nodes are like others."""
        below = tuple([type(v.op) for v in node.inputs[:_MANY]])
        found = self._near.get((type(node.op), *below))
        if found is None:
            listed = self._by_root.get(type(node.op), ())
            near = [(r, form) for r, form in listed if r.among is None or r.among in below]
            found = tuple([(r, form) for r, form in near if form.may_match(below)])
            self._near[(type(node.op), *below)] = found
        return found


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
    counts = _count_readers(graph)
    here: dict[Var, int] = {v: counts[v] for v in graph.inputs}
    for node in graph.nodes:
        made = builder.node(node.op, [new[v] for v in node.inputs], node)
        for old, out in zip(node.outputs, made.outputs, strict=True):
            new[old] = settled = _settle(out, rules, builder, log, lambda v: here.get(v, 1))
            here[settled] = here.get(settled, 0) + counts[old]
    return Graph(graph.inputs, [new[v] for v in graph.outputs])


def _count_readers(graph: Graph) -> Counter[Var]:
    """How many nodes read each variable; being an output of the graph counts too."""
    counts = Counter(graph.outputs)
    for node in graph.nodes:
        counts.update(node.inputs)
    return counts


def _settle(var: Var, rules: Rules, builder: Builder, log: list[Fired], readers: Readers) -> Var:
    """Apply rules at ``var`` until none fires there; what a rule makes enters the value numbering."""
    for _ in range(_MOST_AT_ONE_PLACE):
        left = rules.left_for(var)
        result = None
        if left.may_fire(var):
            with located(var.source):
                result = left.step(var, readers)
        if result is None:
            if left is rules:
                rules.settle(var)
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
