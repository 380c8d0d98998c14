"""``grad_status`` and ``explain``: whether there is a derivative, and how it flows, without asking for it."""

from collections.abc import Callable
from typing import Any

from xgrad.errors import ArgumentError
from xgrad.gradient.explain import Explanation, Question
from xgrad.gradient.status import UNUSED, GradStatus, statuses, worst
from xgrad.labels import open_trace, wrap
from xgrad.transforms.calls.arguments import CallGuard, guard_of
from xgrad.transforms.calls.jit import is_symbolic
from xgrad.transforms.derivatives.functions import (
    argument_name,
    checked_positions,
    inner_function,
    marked_arguments,
)
from xgrad.transforms.derivatives.targets import Target, Targets, symbols


def grad_status(target: Any, *args: Any, argnums: Any = 0, **kwargs: Any) -> Any:
    """Whether outputs are connected to inputs, and whether the derivative is defined: two independent answers.

    ``grad_status(outputs, wrt)`` speaks of symbolic arrays, ``grad_status(fun, *args, argnums=0)`` of what ``fun``
    returns for such arguments, by the arguments ``argnums``. A ``GradStatus(connected, definition, reason, path)`` for
    each pair: in the containers of the outputs, and within each in those of the inputs. ``path`` is the path that
    decides: every edge with its flow, reason and the user's line. Nothing is differentiated, and nothing raises where
    there is no derivative.

    Of an output that does not use an input, ``definition`` says what it is for the other outputs asked about.

    Raises ArgumentError for what is no symbolic array, or an argument that is not there.

    >>> import xgrad as xg
    >>> x, n = xg.xtensor("x", dims="t", shape=3), xg.xtensor("n", dims="t", shape=3, dtype="int64")
    >>> found = xg.grad_status(x.isel(t=n), n)
    >>> found.connected, found.definition.value, found.reason
    (False, 'undefined', '`n` only decides which values of `x` are taken')
    """
    outputs, inputs = _pairs(target, args, argnums, kwargs)
    found = {v: statuses(outputs.vars, v) for v in inputs.vars}
    number = {v: k for k, v in enumerate(outputs.vars)}

    def of_pair(output: Target, wrt: Target) -> GradStatus | None:
        pairs = [found[v][number[y]] for y in output.vars for v in wrt.vars]
        if not pairs:  # a constant, or an argument that holds no numbers
            return UNUSED if wrt.vars else None
        return worst(pairs)

    return outputs.rebuilt(
        [inputs.rebuilt([of_pair(output, wrt) for wrt in inputs.each]) for output in outputs.each]
    )


def explain(target: Any, *args: Any, argnums: Any = 0, **kwargs: Any) -> Explanation:
    """How a derivative flows, or where and why it stops: a tree of every path, to be printed or shown in a notebook.

    Arguments as ``grad_status``. Every edge says its flow (value, step, position, meaningless, missing, unused), the
    reason where values do not simply pass, and the user's line; lazy derivatives and loops are looked into.

    Raises ArgumentError as ``grad_status`` does.

    >>> import xgrad as xg
    >>> x = xg.xtensor("x", dims="t", shape=3)
    >>> print(xg.explain((xg.floor(x) * x).rename("y"), x))
    y by x: connected, defined: its values pass
    XElemwise multiply  # ...
    ├─ value: XElemwise floor  # ...
    │  └─ step (it is constant between its jumps): x
    └─ value: x
    """
    outputs, inputs = _pairs(target, args, argnums, kwargs)
    questions = [
        Question(y, v, output, wrt)
        for target_ in outputs.each
        for y, output in zip(target_.vars, target_.paths, strict=True)
        for input_ in inputs.each
        for v, wrt in zip(input_.vars, input_.paths, strict=True)
    ]
    return Explanation(questions)


def _pairs(
    target: Any, args: tuple[Any, ...], argnums: Any, kwargs: Any
) -> tuple[Targets, Targets]:
    """The outputs and the inputs that are asked about."""
    if callable(target):
        return _of_function(target, args, argnums, kwargs)
    if len(args) != 1:
        raise ArgumentError(
            "of symbolic arrays, ask for one wrt (or a list of them): (outputs, wrt);"
            f" got {len(args)} arguments after the outputs."
        )
    return symbols(target, "outputs"), symbols(args[0], "wrt")


def _of_function(
    fun: Callable[..., Any], args: tuple[Any, ...], argnums: Any, kwargs: Any
) -> tuple[Targets, Targets]:
    if is_symbolic(args, kwargs):
        return _looked_at(fun, args, argnums, kwargs)
    guards = [guard_of(value, argument_name(fun, i)) for i, value in enumerate(args)]
    guard = CallGuard(guards, {name: guard_of(value, name) for name, value in kwargs.items()})
    with open_trace() as trace:
        traced, keywords = guard.enter(
            args, kwargs, lambda type, name: wrap(trace.input(type, name))
        )
        return _looked_at(fun, tuple(traced), argnums, keywords)


def _looked_at(
    fun: Callable[..., Any], args: tuple[Any, ...], argnums: Any, kwargs: Any
) -> tuple[Targets, Targets]:
    positions, several = checked_positions(argnums)
    given, marked = marked_arguments(fun, args, positions)
    outputs = Targets(inner_function(fun)(*given, **kwargs), "result", own_names=True)
    inputs = Targets(tuple([t.rebuilt([x.leaf for x in t.each]) for t in marked]), "args")
    if not several:
        inputs = marked[0]
    else:
        inputs.each = [target for t in marked for target in t.each]
    return outputs, inputs
