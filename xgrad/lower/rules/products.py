"""Sums of products: in the order that costs least, without what is multiplied only to be summed or cut to a diagonal.

Why it ends: a rule lowers the number of operands of the largest product, or the number of values computed; the order
of factors is changed only for one that needs fewer multiplications, counted without rounding.
"""

import itertools
from collections.abc import Iterable, Sequence
from math import prod
from typing import Any, NamedTuple

import numpy as np

from xgrad.axes.constants import Constant, Full, full_like
from xgrad.axes.contract import Einsum
from xgrad.axes.elementwise import multiply
from xgrad.axes.index import Gather
from xgrad.axes.spread import Expand, Sum, expand, sum_
from xgrad.axes.structural import Permute, permute, reshape
from xgrad.graph import DECLINE, Rule, Rules, Var, rule
from xgrad.lower.rules.mirror import flat_einsum
from xgrad.lower.rules.patterns import A, M, N, P, Q, X, Y, variable

Labels = tuple[int, ...]
Factor = tuple[Var, Labels]

_MOST_FACTORS = 12  # products of more are left as they are
_TRIED_IN_FULL = (
    7  # for up to so many factors every order is weighed; for more, the cheapest pair goes first
)


# ---- the order of factors ------------------------------------------------------------------------------------------
class Plan(NamedTuple):
    """Pairs to be multiplied, as nested tuples of the places of the factors, and the multiplications that it takes."""

    tree: Any
    cost: int


def best_plan(terms: Sequence[Labels], output: Labels, sizes: dict[int, int]) -> Plan:
    """The cheapest way to multiply factors two at a time."""
    if len(terms) > _TRIED_IN_FULL:
        return _greedy(terms, output, sizes)
    everything = range(len(terms))
    best: dict[frozenset[int], Plan] = {frozenset([i]): Plan(i, 0) for i in everything}
    for count in range(2, len(terms) + 1):
        for chosen in map(frozenset, itertools.combinations(everything, count)):
            plans = []
            for one in _halves(chosen):
                other = chosen - one
                cost = _cost(terms, one, other, sizes, output) + best[one].cost + best[other].cost
                plans.append(Plan((best[one].tree, best[other].tree), cost))
            best[chosen] = min(plans, key=lambda plan: plan.cost)
    return best[frozenset(everything)]


def _halves(chosen: frozenset[int]) -> Iterable[frozenset[int]]:
    """Every way to part a set in two, each once."""
    first, *rest = sorted(chosen)
    for count in range(len(rest)):
        for others in itertools.combinations(rest, count):
            yield frozenset((first, *others))


def _greedy(terms: Sequence[Labels], output: Labels, sizes: dict[int, int]) -> Plan:
    """The cheapest pair first, and so on."""
    left: dict[frozenset[int], Plan] = {frozenset([i]): Plan(i, 0) for i in range(len(terms))}
    while len(left) > 1:
        one, other = min(
            itertools.combinations(left, 2), key=lambda pair: _cost(terms, *pair, sizes, output)
        )
        cost = _cost(terms, one, other, sizes, output) + left[one].cost + left[other].cost
        left[one | other] = Plan((left.pop(one).tree, left.pop(other).tree), cost)
    (plan,) = left.values()
    return plan


def _cost(
    terms: Sequence[Labels],
    one: frozenset[int],
    other: frozenset[int],
    sizes: dict[int, int],
    output: Labels,
) -> int:
    """The multiplications for the product of what two sets of factors have come to."""
    labels = {*_left_over(terms, one, output), *_left_over(terms, other, output)}
    return prod([sizes[k] for k in labels])


def _left_over(terms: Sequence[Labels], chosen: frozenset[int], output: Labels) -> list[int]:
    """The labels of the product of some factors that the output or another factor still needs."""
    outside = {k for i, term in enumerate(terms) if i not in chosen for k in term}.union(output)
    return [k for k in dict.fromkeys([k for i in sorted(chosen) for k in terms[i]]) if k in outside]


def label_sizes(factors: Sequence[Factor]) -> dict[int, int]:
    """The size of every label."""
    return {k: n for v, own in factors for k, n in zip(own, v.type.shape, strict=True)}


def multiplied(factors: Sequence[Factor], output: Labels, tree: Any) -> Var:
    """The product by a plan, a pair at a time."""
    terms = [own for _, own in factors]

    def part(tree: Any) -> tuple[Var, Labels, frozenset[int]]:
        if isinstance(tree, int):
            return (*factors[tree], frozenset([tree]))
        (x, one, i), (y, other, j) = part(tree[0]), part(tree[1])
        chosen = i | j
        kept = output if len(chosen) == len(terms) else tuple(_left_over(terms, chosen, output))
        return Einsum((one, other), kept)(x, y), kept, chosen

    return part(tree)[0]


def _in_pairs(out: Var) -> Any:
    op: Any = out.op
    factors = list(zip(out.inputs, op.operands, strict=True))
    if len(factors) > _MOST_FACTORS:
        return DECLINE
    plan = best_plan(op.operands, op.output, label_sizes(factors))
    return multiplied(factors, op.output, plan.tree)


# ---- one product ---------------------------------------------------------------------------------------------------
def _turned(out: Var) -> Any:
    """A transpose in a product is another order of labels."""
    op: Any = out.op
    if not any(isinstance(x.op, Permute) for x in out.inputs):
        return DECLINE
    terms, inputs = list(op.operands), list(out.inputs)
    for i, x in enumerate(inputs):
        if isinstance(x.op, Permute):
            own = dict(zip(x.op.perm, terms[i], strict=True))
            terms[i] = tuple([own[a] for a in range(len(own))])
            inputs[i] = x.inputs[0]
    return Einsum(tuple(terms), op.output)(*inputs)


def _summed_before(out: Var) -> Any:
    """What one factor alone has is summed before it is multiplied."""
    op: Any = out.op
    terms, inputs = list(op.operands), list(out.inputs)
    for i, x in enumerate(inputs):
        alone = [
            a
            for a, k in enumerate(terms[i])
            if k not in (*op.output, *terms[1 - i]) and terms[i].count(k) == 1
        ]
        inputs[i] = sum_(x, alone)
        terms[i] = tuple([k for a, k in enumerate(terms[i]) if a not in alone])
    if inputs == list(out.inputs):
        return DECLINE
    return Einsum(tuple(terms), op.output)(*inputs)


def _outer(out: Var) -> Any:
    """A product that sums nothing is elementwise."""
    op: Any = out.op
    one, other = op.operands
    plain = all(len(set(term)) == len(term) for term in (one, other))
    if not plain or set(one) | set(other) != set(op.output):
        return DECLINE
    return multiply(
        *[_spread(x, own, op.output, out) for x, own in zip(out.inputs, op.operands, strict=True)]
    )


def _spread(x: Var, own: Labels, output: Labels, out: Var) -> Var:
    """``x`` with its axes in the order of the output, repeated along the others."""
    places = [output.index(k) for k in own]
    order = sorted(range(len(own)), key=places.__getitem__)
    return expand(permute(x, order), out.type.shape, sorted(places))


def _sums(out: Var) -> Any:
    """An einsum of one operand that only sums and turns."""
    op: Any = out.op
    (own,) = op.operands
    if len(set(own)) < len(own):
        return DECLINE
    kept = [k for k in own if k in op.output]
    summed = sum_(out.inputs[0], [a for a, k in enumerate(own) if k not in kept])
    return permute(summed, [kept.index(k) for k in op.output])


def _sum_of_product(x: Var, a: tuple[int, ...], readers: Any) -> Any:
    """Σ of a product: the labels are left out; of one that is computed anyway, if that takes no product again."""
    op: Any = x.op
    if not isinstance(op, Einsum):
        return DECLINE
    in_all = set(op.operands[0]).intersection(*op.operands[1:])
    if readers(x) > 1 and any(op.output[axis] in in_all for axis in a):
        return DECLINE
    kept = tuple([k for axis, k in enumerate(op.output) if axis not in a])
    return Einsum(op.operands, kept)(*x.inputs)


def _cut_of_product(out: Var) -> Any:
    """The diagonal, or the trace, of a product: labels that the outer einsum has twice become one."""
    inner = out.inputs[0].op
    if not isinstance(inner, Einsum):
        return DECLINE
    factors, output = flat_einsum(out)
    return Einsum(tuple([own for _, own in factors]), output)(*[v for v, _ in factors])


def _diagonal_taken(out: Var, x: Var) -> Any:
    """x[[0, 1, …], [0, 1, …]] is the diagonal."""
    rows, columns = x.type.shape[:2]
    positions = [_positions(v) for v in out.inputs[1:]]
    if rows != columns or not all(
        p is not None and np.array_equal(p, np.arange(rows)) for p in positions
    ):
        return DECLINE
    rest = tuple(range(1, x.type.ndim - 1))
    return Einsum(((0, 0, *rest),), (0, *rest))(x)


def _positions(x: Var) -> Any:
    return x.op.value.value if isinstance(x.op, Constant) and x.type.ndim == 1 else None


def _without_ones(out: Var) -> Any:
    """A sum over one value is that value."""
    op: Any = out.op
    sizes = label_sizes(list(zip(out.inputs, op.operands, strict=True)))
    ones = {k for k, n in sizes.items() if n == 1 and k not in op.output}
    if not ones:
        return DECLINE
    terms = [tuple([k for k in own if k not in ones]) for own in op.operands]
    inputs = [reshape(x, [sizes[k] for k in own]) for x, own in zip(out.inputs, terms, strict=True)]
    return Einsum(tuple(terms), op.output)(*inputs)


def _number_taken_out(out: Var) -> Any:
    """A number that is repeated along axes is multiplied in at the end, as often as it would be summed."""
    op: Any = out.op
    for i, x in enumerate(out.inputs):
        number = _spread_number(x)
        if number is None:
            continue
        own, other = op.operands[i], op.operands[1 - i]
        counted = {
            k: n for k, n in zip(own, x.type.shape, strict=True) if k not in (*other, *op.output)
        }
        kept = tuple([k for k in op.output if k in other])
        rest = Einsum((other,), kept)(out.inputs[1 - i])
        times = multiply(number, full_like(number, prod(counted.values())))
        places = [a for a, k in enumerate(op.output) if k in kept]
        spread = expand(rest, out.type.shape, places)
        return multiply(expand(times, out.type.shape, ()), spread)
    return DECLINE


def _spread_number(x: Var) -> Var | None:
    if isinstance(x.op, Full):
        return Full((), x.op.value)()
    if isinstance(x.op, Expand) and not x.op.axes:
        return x.inputs[0]
    return None


def an_einsum(count: int) -> Any:
    """The pattern of an einsum of so many operands."""
    return Einsum(P, Q)(*[variable(f"x{i}") for i in range(count)])


def for_counts(name: str, counts: Iterable[int], make: Any) -> tuple[Rule, ...]:
    return tuple([rule(name, an_einsum(n), lambda out: _of_numbers(make, out)) for n in counts])


def _of_numbers(make: Any, out: Var) -> Any:
    """Of truth values a sum is "or", and of nothing it is 0 times NaN as well: these equations are about neither."""
    nothing = any([0 in x.type.shape for x in out.inputs])
    return DECLINE if nothing or out.type.dtype.kind == "b" else make(out)


PRODUCTS = Rules(
    *for_counts(
        "product_order", range(3, _MOST_FACTORS + 1), _in_pairs
    ),  # a b c = a (b c), by cost
    *for_counts("product_of_transpose", (1, 2), _turned),  # xᵀ y: other labels
    *for_counts("sum_of_one", (1, 2), _without_ones),  # Σ over one value
    *for_counts("product_of_number", (2,), _number_taken_out),  # Σ v x = v Σ x
    *for_counts("sum_before_product", (2,), _summed_before),  # Σ_ik a_ij b_jk = Σ_j (Σ_i a) (Σ_k b)
    *for_counts("product_elementwise", (2,), _outer),  # a_i b_j without a sum
    *for_counts("diagonal_of_product", (1,), _cut_of_product),  # diag(a b) = Σ_j a_ij b_ji
    *for_counts("einsum_of_one", (1,), _sums),  # an einsum of one operand is a sum
    rule(  # Σ of a product is a product that is summed
        "sum_of_product",
        Sum(A)(X),
        lambda x, a, readers: _sum_of_product(x, a, readers),
    ),
    rule("diagonal_taken", Gather(0, 2, M)(X, Y, N), _diagonal_taken),  # x[i, i] = diag x
)
