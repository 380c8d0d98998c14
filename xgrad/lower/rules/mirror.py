"""Which matrices are symmetric by construction: A and Aᵀ are the same expression.

Every value is given a number under a permutation of its axes, such that equal expressions get equal numbers: a
transpose is carried up to the inputs, sums and products are taken as unordered, and the sign of a difference is
forgotten below an even function, so that the distances of a kernel come out symmetric. Nothing is computed; a matrix
that is symmetric by its values alone (an argument) is not found.
"""

import itertools
from collections.abc import Callable
from functools import lru_cache
from typing import Any

import numpy as np

from xgrad.axes import elementwise as e
from xgrad.axes.base import AbstractElementwise
from xgrad.axes.constants import Constant, Full, Iota
from xgrad.axes.contract import Einsum
from xgrad.axes.literal import Literal
from xgrad.axes.reduce import Max, Min, Prod, Sum
from xgrad.axes.solving import Inv
from xgrad.axes.spread import Expand
from xgrad.axes.structural import Permute
from xgrad.graph import Var
from xgrad.lower.rules.zeros import Zeros, zeros_of

Perm = tuple[int, ...]
Key = tuple[Var, Perm]  # a value, and the order in which its axes are read

_MOST_VALUES = 2000  # an expression longer than this is not looked through
_DEEPEST_DIAGONAL = 4  # how far is looked for what makes a matrix diagonal
_MOST_LABELS = 4  # summed labels of one product whose every order is tried


def is_symmetric(x: Var) -> bool:
    """Whether the matrices on the last two axes of ``x`` are their own transposes by construction."""
    *batch, rows, columns = range(x.type.ndim)
    if x.type.shape[-1] != x.type.shape[-2]:
        return False
    numbers = _Numbers()
    try:
        same = numbers.of((x, (*batch, rows, columns))) == numbers.of((x, (*batch, columns, rows)))
    except _TooLong:
        return False
    return same


class _TooLong(Exception):
    """An expression of more values than are worth looking at."""


class _Numbers:
    """One look at an expression: the numbers given so far."""

    def __init__(self) -> None:
        self.known: dict[Key, int] = {}
        self.table: dict[Any, int] = {}
        self.content: list[Any] = []

    def of(self, key: Key) -> int:
        """The number of a value; parts before wholes, by an explicit stack."""
        stack = [key]
        while stack:
            here = stack[-1]
            if here in self.known:
                stack.pop()
                continue
            if len(self.known) > _MOST_VALUES:
                raise _TooLong
            parts, finish = _taken_apart(here)
            missing = [p for p in parts if p not in self.known]
            if missing:
                stack += missing
            else:
                found = finish(self, [self.known[p] for p in parts])
                self.known[here] = self.number(found)
                stack.pop()
        return self.known[key]

    def number(self, content: Any) -> int:
        """One number for equal contents."""
        if content not in self.table:
            self.table[content] = len(self.content)
            self.content.append(content)
        return self.table[content]

    def terms(self, number: int, kind: str) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """The parts of a sum (those added, those subtracted) or of a product; of anything else, itself."""
        content = self.content[number]
        return content[1:] if content[0] == kind else ((number,), ())

    def unsigned(self, number: int) -> int:
        """One number for a value and its negative: differences, and what they are multiplied and divided by."""
        kind, *rest = self.content[number]
        if kind == "sum":
            rest.sort()
        elif kind == "product":
            rest[0] = tuple(sorted([self.unsigned(factor) for factor in rest[0]]))
        elif kind == e.Divide():
            rest = [self.unsigned(part) for part in rest]
        elif kind == "expand":
            rest[-1] = self.unsigned(rest[-1])
        return self.number((kind, *rest))


Finish = Callable[[_Numbers, list[int]], Any]
Parts = tuple[list[Key], Finish]


def _taken_apart(key: Key) -> Parts:
    """The parts of a value, and how its content is told from their numbers."""
    x, perm = key
    if isinstance(x.op, e.Where | e.Multiply) and _keeps_matrices(perm):
        if zeros_of(x, _DEEPEST_DIAGONAL) == Zeros(True, True):
            return _leaf(x, (*perm[:-2], *sorted(perm[-2:])))
    taken = _APART.get(type(x.op))
    if taken is not None:
        return taken(x, perm)
    if isinstance(x.op, AbstractElementwise):
        return [(v, perm) for v in x.inputs], lambda table, numbers: (x.op, *numbers)
    return _leaf(x, perm)


def _keeps_matrices(perm: Perm) -> bool:
    """Whether the last two axes stay the last two, in some order."""
    return len(perm) >= 2 and set(perm[-2:]) == {len(perm) - 2, len(perm) - 1}


def _leaf(x: Var, perm: Perm) -> Parts:
    return [], lambda table, numbers: ("is", x, perm)


def _permute(x: Var, perm: Perm) -> Parts:
    inner: Perm = x.op.perm  # pyright: ignore[reportAttributeAccessIssue, reportOptionalMemberAccess]
    return [(x.inputs[0], tuple([inner[p] for p in perm]))], _same


def _same(table: _Numbers, numbers: list[int]) -> Any:
    return table.content[numbers[0]]


def _constant(x: Var, perm: Perm) -> Parts:
    literal: Literal = x.op.value  # pyright: ignore[reportAttributeAccessIssue, reportOptionalMemberAccess]
    either = len(perm) == 2 and symmetric_content(literal)
    return [], lambda table, numbers: ("constant", literal, (0, 1) if either else perm)


@lru_cache(maxsize=32)
def symmetric_content(literal: Literal) -> bool:
    """Whether an array of two axes is its own transpose."""
    array = literal.value
    return array.shape[0] == array.shape[1] and bool(np.array_equal(array, array.T))


def _full(x: Var, perm: Perm) -> Parts:
    op: Any = x.op
    shape = tuple([op.shape[p] for p in perm])
    return [], lambda table, numbers: ("full", shape, op.value)


def _iota(x: Var, perm: Perm) -> Parts:
    op: Any = x.op
    shape = tuple([op.shape[p] for p in perm])
    return [], lambda table, numbers: ("iota", shape, perm.index(op.axis), op.dtype)


def _expand(x: Var, perm: Perm) -> Parts:
    op: Any = x.op
    places = [perm.index(a) for a in op.axes]
    order = tuple(sorted(range(len(places)), key=places.__getitem__))
    shape = tuple([op.shape[p] for p in perm])
    return [(x.inputs[0], order)], lambda table, numbers: (
        "expand",
        shape,
        tuple(sorted(places)),
        numbers[0],
    )


def _reduced(x: Var, perm: Perm) -> Parts:
    op: Any = x.op
    kept = [a for a in range(x.inputs[0].type.ndim) if a not in op.axes]
    order = (*[kept[p] for p in perm], *op.axes)
    return [(x.inputs[0], order)], lambda table, numbers: (type(op), len(op.axes), numbers[0])


def _inverse(x: Var, perm: Perm) -> Parts:
    """(Aᵀ)⁻¹ = (A⁻¹)ᵀ; the two axes of the matrix must stay the last ones."""
    if not _keeps_matrices(perm):
        return _leaf(x, perm)
    return [(x.inputs[0], perm)], lambda table, numbers: ("inverse", *numbers)


def _unordered(x: Var, perm: Perm) -> Parts:
    return [(v, perm) for v in x.inputs], lambda table, numbers: (x.op, *sorted(numbers))


def _sum(x: Var, perm: Perm) -> Parts:
    """What is added and what is subtracted, in any order."""
    signs = {e.Add: (1, 1), e.Subtract: (1, -1), e.Negative: (-1,)}[type(x.op)]  # pyright: ignore[reportArgumentType]

    def finish(table: _Numbers, numbers: list[int]) -> Any:
        added, taken = [], []
        for sign, number in zip(signs, numbers, strict=True):
            plus, minus = table.terms(number, "sum")
            added += plus if sign > 0 else minus
            taken += minus if sign > 0 else plus
        return ("sum", tuple(sorted(added)), tuple(sorted(taken)))

    return [(v, perm) for v in x.inputs], finish


def _product(x: Var, perm: Perm) -> Parts:
    """The factors in any order; of a difference times itself, the square."""
    if x.inputs[0] is x.inputs[1]:
        return _even(x, perm)

    def finish(table: _Numbers, numbers: list[int]) -> Any:
        factors = [f for number in numbers for f in table.terms(number, "product")[0]]
        return ("product", tuple(sorted(factors)), ())

    return [(v, perm) for v in x.inputs], finish


def _even(x: Var, perm: Perm) -> Parts:
    """f(-x) = f(x): a sum and its negative are the same here."""

    def finish(table: _Numbers, numbers: list[int]) -> Any:
        return (x.op, table.unsigned(numbers[0]), *numbers[1:])

    return [(v, perm) for v in dict.fromkeys(x.inputs)], finish


def _even_power(x: Var, perm: Perm) -> Parts:
    exponent = x.inputs[1].op if isinstance(x.op, e.Power) else None
    number = exponent.value.value[()] if isinstance(exponent, Full) else None
    if isinstance(x.op, e.IntegerPower):
        number = x.op.exponent
    if number is not None and number % 2 == 0:
        return _even(x, perm)
    return [(v, perm) for v in x.inputs], lambda table, numbers: (x.op, *numbers)


def _einsum(x: Var, perm: Perm) -> Parts:
    """The factors in any order, each with its axes in the order of its labels; the names of summed labels are free."""
    operands, output = flat_einsum(x)
    place = {output[p]: k for k, p in enumerate(perm)}
    summed = [k for k in dict.fromkeys([k for _, own in operands for k in own]) if k not in place]
    namings = itertools.permutations(range(len(place), len(place) + len(summed)))
    if len(summed) > _MOST_LABELS:
        namings = iter([tuple(range(len(place), len(place) + len(summed)))])
    ways = [
        [
            _in_order(v, own, {**place, **dict(zip(summed, names, strict=True))})
            for v, own in operands
        ]
        for names in namings
    ]

    def finish(table: _Numbers, numbers: list[int]) -> Any:
        known = iter(numbers)
        found = [[(next(known), labels) for _, labels in way] for way in ways]
        return ("einsum", min([_without_signs(table, way) for way in found]))

    return [key for way in ways for key, _ in way], finish


def _without_signs(table: _Numbers, way: list[tuple[int, Perm]]) -> tuple:
    """The sorted factors; of one that stands there twice, the sign does not matter."""
    return tuple(
        sorted([(table.unsigned(f[0]), f[1]) if way.count(f) % 2 == 0 else f for f in way])
    )


def _in_order(x: Var, labels: Perm, names: dict[int, int]) -> tuple[Key, Perm]:
    named = [names[k] for k in labels]
    order = tuple(sorted(range(len(named)), key=named.__getitem__))
    return (x, order), tuple([named[k] for k in order])


def flat_einsum(x: Var) -> tuple[list[tuple[Var, Perm]], Perm]:
    """The factors of a product with their labels, those of factors that are products themselves among them."""
    op: Any = x.op
    fresh = itertools.count(1 + max([k for own in op.operands for k in own], default=0))
    found: list[tuple[Var, Perm]] = []
    todo = list(zip(x.inputs, op.operands, strict=True))[::-1]
    while todo:
        v, own = todo.pop()
        inner = v.op
        if isinstance(inner, Permute):
            turned = {p: k for p, k in zip(inner.perm, own, strict=True)}
            todo.append((v.inputs[0], tuple([turned[a] for a in range(len(own))])))
        elif isinstance(inner, Einsum) and len(set(inner.output)) == len(inner.output):
            names = dict(zip(inner.output, own, strict=True))
            for label in dict.fromkeys([k for term in inner.operands for k in term]):
                names.setdefault(label, -next(fresh))
            pairs = zip(v.inputs, inner.operands, strict=True)
            todo += [(u, tuple([names[k] for k in term])) for u, term in pairs][::-1]
        else:
            found.append((v, own))
    return found, op.output


_APART: dict[type[Any], Callable[[Var, Perm], Parts]] = {
    Permute: _permute,
    Constant: _constant,
    Full: _full,
    Iota: _iota,
    Expand: _expand,
    Einsum: _einsum,
    Inv: _inverse,
    e.Power: _even_power,
    e.IntegerPower: _even_power,
    **dict.fromkeys((Sum, Prod, Max, Min), _reduced),
    **dict.fromkeys((e.Add, e.Subtract, e.Negative), _sum),
    e.Multiply: _product,
    **dict.fromkeys((e.Square, e.Absolute, e.Cos, e.Cosh), _even),
    **dict.fromkeys(
        (
            e.Maximum,
            e.Minimum,
            e.Equal,
            e.NotEqual,
            e.LogicalAnd,
            e.LogicalOr,
            e.Logaddexp,
            e.Hypot,
        ),
        _unordered,
    ),
}
