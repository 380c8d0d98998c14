"""What the tables about all elementwise ops share: the ops, and a pattern for each."""

from collections.abc import Callable, Sequence
from typing import Any

from xgrad.axes.elementwise import UFUNCS, Cast, IntegerPower, SqrtOfSquares, Where
from xgrad.graph import Rule, Var, rule
from xgrad.graph.core import field_names
from xgrad.lower.rules.patterns import variable

ELEMENTWISE: tuple[type[Any], ...] = tuple(
    dict.fromkeys([*UFUNCS.values(), Where, Cast, IntegerPower, SqrtOfSquares])
)


def arity(op_class: type[Any]) -> int:
    """The number of inputs of an elementwise op."""
    return op_class.emit.__code__.co_argcount - 2


def pattern(op_class: type[Any], inputs: Sequence[Any]) -> Any:
    """The pattern of an elementwise op with any parameters on these inputs."""
    return op_class(**{name: variable(f"field_{name}") for name in field_names(op_class)})(*inputs)


def for_each_op(
    name: str,
    an_input: Callable[[int], Any],
    make: Callable[[Var], Any],
    among: type[Any] | None = None,
) -> tuple[Rule, ...]:
    """One rule per elementwise op, its i-th input matched by ``an_input(i)``; ``make`` gets the matched variable."""
    return tuple(
        [
            rule(
                f"{name}_{op_class.__name__.lower()}",
                pattern(op_class, [an_input(i) for i in range(arity(op_class))]),
                lambda out: make(out),
                among,
            )
            for op_class in ELEMENTWISE
        ]
    )
