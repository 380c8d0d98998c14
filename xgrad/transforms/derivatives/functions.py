"""Functions that are differentiated: which of their arguments, and what they return."""

import inspect
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from xgrad.errors import ArgumentError
from xgrad.transforms.calls.jit import Compiled
from xgrad.transforms.derivatives.targets import Targets, marked

Function = Callable[..., Any]


def inner_function(fun: Any) -> Function:
    """The user's own function, where ``fun`` is a compiled one."""
    return fun.fun if isinstance(fun, Compiled) else fun


def compile_options(fun: Any) -> dict[str, Any]:
    """The options that ``fun`` was compiled with, for what is made of it."""
    return fun.compile_options if isinstance(fun, Compiled) else {}


def marked_arguments(
    fun: Function, args: Sequence[Any], positions: Sequence[Any]
) -> tuple[list[Any], list[Targets]]:
    """``args`` with those at ``positions`` set apart, and these as targets under their names."""
    given, targets = list(args), []
    for p in positions:
        position = checked_position(p, args, fun)
        given[position] = marked(given[position])
        targets.append(Targets(given[position], argument_name(fun, position)))
    return given, targets


def checked_position(position: Any, args: Sequence[Any], fun: Function) -> int:
    """A position from the front. ``ArgumentError`` where the call has no such argument."""
    if not isinstance(position, int | np.integer) or isinstance(position, bool):
        raise ArgumentError(f"argnums must be an int or a tuple of ints, not {position!r}.")
    if not -len(args) <= position < len(args):
        raise ArgumentError(
            f"argnums={position} of {function_name(fun)}: it was called with {len(args)} positional arguments.\n"
            "Pass the argument by position, or change argnums."
        )
    return int(position) % len(args)


def checked_positions(argnums: Any) -> tuple[tuple[Any, ...], bool]:
    """The positions that ``argnums`` names, and whether there may be several."""
    several = isinstance(argnums, tuple | list)
    positions = tuple(argnums) if several else (argnums,)
    if len(set(positions)) < len(positions):
        raise ArgumentError(f"argnums={argnums!r} names an argument twice; name each once.")
    return positions, several


def argument_name(fun: Function, position: int) -> str:
    """What the user calls a positional argument."""
    try:
        names = list(inspect.signature(fun).parameters)
    except (TypeError, ValueError):
        names = []
    return names[position] if position < len(names) else f"argument {position}"


def function_name(fun: Any) -> str:
    return getattr(fun, "__name__", type(fun).__name__)


def value_and_aux(out: Any, has_aux: bool, value: str = "cost") -> tuple[Any, Any]:
    """What is differentiated of a result, and what comes along."""
    if not has_aux:
        return out, None
    if not isinstance(out, tuple) or len(out) != 2:
        raise ArgumentError(f"with has_aux=True the function must return a pair ({value}, aux).")
    return out
