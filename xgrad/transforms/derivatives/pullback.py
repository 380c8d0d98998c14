"""``pullback``, ``pushforward`` and ``subgraph_grad``: derivatives along cotangents and tangents that the user gives.

Each works on symbolic arrays; the first two on functions too. ``Lop`` and ``Rop`` are their other names.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

from xgrad.errors import ArgumentError
from xgrad.graph import located, user_source
from xgrad.transforms.calls.jit import Compiled, is_symbolic
from xgrad.transforms.derivatives.derive import (
    Policy,
    Request,
    check_choice,
    check_used,
    checked_mode,
    checked_route,
    names_text,
    pull,
    push,
)
from xgrad.transforms.derivatives.functions import (
    compile_options,
    inner_function,
    marked_arguments,
    value_and_aux,
)
from xgrad.transforms.derivatives.grad import known_pairs, symbolic_gradients
from xgrad.transforms.derivatives.targets import Targets, fitted, marked, symbols

_QUIET = Policy(
    disconnected_inputs="ignore"
)  # of a function all arguments are meant, also the unused


def pullback(
    target: Any,
    *args: Any,
    has_aux: bool = False,
    ad: str | None = None,
    mode: str = "auto",
    **options: Any,
) -> Any:
    """Cotangents of inputs from cotangents of outputs: ``ct -> Jᵀ ct``, for every ``t``: ``<ct, J t> = <Jᵀ ct, t>``.

    ``pullback(fun, *primals)`` gives ``(outputs, pull)``: the result of ``fun`` and a function that takes cotangents in
    the containers of the result and returns a tuple with one for each of the ``primals``, with its labels. What is not
    connected gets zeros. With ``has_aux``, ``fun`` returns ``(outputs, aux)`` and so does the pullback:
    ``(outputs, pull, aux)``. Outside a compiled function each call of ``pull`` runs the forward pass again.

    ``pullback(outputs, wrt, cotangents)`` does so for symbolic arrays: the cotangents of ``wrt``, in its container. Its
    options are those of ``grad``: consider_constant, disconnected_inputs, return_disconnected, null_gradients.
    ``ad`` and ``mode`` as in ``grad``: by one number, the pullback may be taken in forward mode.

    Raises ArgumentError, DimensionError, SizeMismatchError and AlignmentError for cotangents that do not fit,
    DisconnectedInputError, GradUndefinedError and GradNotImplementedError as ``grad`` does.

    >>> import xarray as xr, xgrad as xg
    >>> x = xr.DataArray([1.0, 2.0], dims="x")
    >>> y, pull = xg.pullback(lambda x: x**2, x)
    >>> pull(xr.DataArray([1.0, 10.0], dims="x"))[0].values
    array([ 2., 40.])
    """
    route, way = checked_route(ad), checked_mode(mode)
    if callable(target):
        _check_no_options(options)
        return _pullback_of_function(target, args, has_aux, route, way)
    return _pullback_of_symbols(target, *args, ad=route, mode=way, **options)


Lop = pullback


def pushforward(
    target: Any,
    primals: Any,
    tangents: Any,
    *,
    has_aux: bool = False,
    consider_constant: Any = (),
    disconnected_outputs: str = "raise",
    return_disconnected: str = "zero",
    null_gradients: str = "raise",
    ad: str | None = None,
) -> Any:
    """Tangents of outputs from tangents of inputs: ``t -> J t``, at about the cost of the function itself.

    ``pushforward(fun, primals, tangents)`` gives ``(outputs, their tangents)``; both arguments are tuples (or lists)
    with one entry for each argument of ``fun``. With ``has_aux``: ``(outputs, tangents, aux)``.

    ``pushforward(outputs, wrt, tangents)`` gives the tangents of symbolic ``outputs`` in their container. An output
    that depends on none of ``wrt`` raises; with ``disconnected_outputs`` "warn" or "ignore" it is returned as
    ``return_disconnected`` says. ``consider_constant`` and ``null_gradients`` as in ``grad``.

    Raises what ``pullback`` raises.

    >>> import xarray as xr, xgrad as xg
    >>> x = xr.DataArray([1.0, 2.0], dims="x")
    >>> y, moved = xg.pushforward(lambda x: x**2, (x,), (xr.DataArray([1.0, 10.0], dims="x"),))
    >>> moved.values
    array([ 2., 40.])
    """
    check_choice("disconnected_outputs", disconnected_outputs, ("raise", "warn", "ignore"))
    policy = Policy.of(
        disconnected_inputs=disconnected_outputs,
        return_disconnected=return_disconnected,
        null_gradients=null_gradients,
    )
    route = checked_route(ad)
    if callable(target):
        return _pushforward_of_function(target, tuple(primals), tuple(tangents), has_aux, route)
    return _pushforward_of_symbols(target, primals, tangents, policy, consider_constant, route)


Rop = pushforward


# ---- of functions --------------------------------------------------------------------------------------------------
def _pullback_of_function(
    fun: Callable[..., Any], primals: tuple[Any, ...], has_aux: bool, ad: str, mode: str
) -> tuple[Any, ...]:
    if is_symbolic(primals):
        outputs, pull_back, aux = _traced_pullback(fun, primals, has_aux, ad, mode)
    else:
        outputs, aux = value_and_aux(
            _compiled(inner_function(fun), fun)(*primals), has_aux, "outputs"
        )
        backward = _compiled(
            lambda given, cotangents: _traced_pullback(fun, given, has_aux, ad, mode)[1](
                cotangents
            ),
            fun,
        )
        pull_back = partial(backward, primals)
    return (outputs, pull_back, aux) if has_aux else (outputs, pull_back)


def _traced_pullback(
    fun: Callable[..., Any], primals: Sequence[Any], has_aux: bool, ad: str, mode: str
) -> tuple[Any, Callable[[Any], tuple[Any, ...]], Any]:
    given, targets = marked_arguments(fun, primals, range(len(primals)))
    outputs, aux = value_and_aux(inner_function(fun)(*given), has_aux, "outputs")
    ends = Targets(outputs, "the result")

    def pull_back(cotangents: Any) -> tuple[Any, ...]:
        """The cotangents of the primals."""
        with located(user_source()):
            cts = fitted(cotangents, ends, "cotangents")
            request = Request(ends.vars, ad=ad, mode=mode, what="the result")
            return tuple(_pulled_argument(request, cts, target) for target in targets)

    return outputs, pull_back, aux


def _pulled_argument(request: Request, cts: Sequence[Any], target: Targets) -> Any:
    """The cotangent of one argument; one that holds no numbers comes back as it is."""
    if not target.vars:
        return target.like([])
    return pull(request, cts, [target], _QUIET)[0]


def _pushforward_of_function(
    fun: Callable[..., Any],
    primals: tuple[Any, ...],
    tangents: tuple[Any, ...],
    has_aux: bool,
    ad: str,
) -> Any:
    def moved(primals: Any, tangents: Any) -> Any:
        given = marked(primals)
        inputs = Targets(given, "primals")
        outputs, aux = value_and_aux(inner_function(fun)(*given), has_aux, "outputs")
        ends = Targets(outputs, "the result")
        ts = fitted(tangents, inputs, "tangents")
        result = push(Request(ends.vars, ad=ad), inputs.vars, ts, ends, _QUIET)
        return (outputs, result, aux) if has_aux else (outputs, result)

    with located(user_source()):
        return (
            moved(primals, tangents)
            if is_symbolic(primals, tangents)
            else _compiled(moved, fun)(primals, tangents)
        )


def _compiled(function: Callable[..., Any], like: Any) -> Compiled:
    """``function`` compiled as ``like`` is, but for what is said of its single arguments."""
    kept = {k: v for k, v in compile_options(like).items() if k not in _OF_ARGUMENTS}
    return Compiled(function, **kept)


_OF_ARGUMENTS = ("static_argnums", "static_argnames", "donate_argnums")


def _check_no_options(options: Mapping[str, Any]) -> None:
    if options:
        raise ArgumentError(
            f"pullback of a function takes no option {next(iter(options))!r};"
            " it is one of pullback(outputs, wrt, cotangents)."
        )


# ---- of symbols ----------------------------------------------------------------------------------------------------
def _pullback_of_symbols(
    outputs: Any,
    wrt: Any,
    cotangents: Any,
    *,
    consider_constant: Any = (),
    disconnected_inputs: str = "raise",
    return_disconnected: str = "zero",
    null_gradients: str = "raise",
    ad: str,
    mode: str,
) -> Any:
    policy = Policy.of(
        disconnected_inputs=disconnected_inputs,
        return_disconnected=return_disconnected,
        null_gradients=null_gradients,
    )
    ends, targets = symbols(outputs, "outputs"), symbols(wrt, "wrt")
    held = symbols(list(consider_constant), "consider_constant")
    with located(user_source()):
        check_used("consider_constant", held, ends.vars)
        cts = fitted(cotangents, ends, "cotangents")
        request = Request(
            ends.vars,
            stop=held.vars,
            ad=ad,
            mode=mode,
            what=_what(ends),
            held=names_text(held),
        )
        groups = [Targets(t.leaf, t.name) for t in targets.each]
        return targets.rebuilt(pull(request, cts, groups, policy))


def _what(ends: Targets) -> str:
    return f"`{ends.each[0].name}`" if len(ends.each) == 1 else "any of the outputs"


def _pushforward_of_symbols(
    outputs: Any, wrt: Any, tangents: Any, policy: Policy, consider_constant: Any, ad: str
) -> Any:
    ends, targets = symbols(outputs, "outputs"), symbols(wrt, "wrt")
    held = symbols(list(consider_constant), "consider_constant")
    with located(user_source()):
        check_used("consider_constant", held, ends.vars)
        ts = fitted(tangents, targets, "tangents")
        request = Request(ends.vars, stop=held.vars, ad=ad, what=names_text(targets))
        return push(request, targets.vars, ts, ends, policy)


def subgraph_grad(
    wrt: Any, end: Any, start: Any = None, cost: Any = None, details: bool = False
) -> tuple[Any, ...]:
    """Gradients through a part of a graph: from ``cost``, and from known gradients, down to ``wrt`` and ``end``.

    ``wrt`` and ``end`` are lists of symbolic arrays. Derivatives do not go through those in ``end``, whose gradients
    are returned too: so a long chain can be pulled back piece by piece, or one piece by a formula of one's own.
    ``start`` are pairs ``(array, its gradient)`` to begin with (as ``known_grads`` of ``grad``), ``cost`` is a 0-d
    array to begin with; gradients of both add up. What is disconnected gets zeros.

    Gives ``(gradients of wrt, gradients of end)``; with ``details`` also those of both together that come from
    ``start`` alone and from ``cost`` alone (None for what is not given).

    Raises ArgumentError without ``start`` and ``cost``, and what ``grad`` raises.

    >>> import xgrad as xg
    >>> x = xg.xtensor("x")
    >>> y = x**2
    >>> _, (dy,) = xg.subgraph_grad([], [y], cost=y.sum() * 3)
    >>> (dx,), _ = xg.subgraph_grad([x], [], start=[(y, dy)])
    >>> float(xg.function(x, dx)(5.0))
    30.0
    """
    if start is None and cost is None:
        raise ArgumentError("subgraph_grad needs a cost, or known gradients to start from.")
    first, last = list(wrt), list(end)

    def from_(cost: Any, known: Any) -> list[Any]:
        options: dict[str, Any] = {"known": known_pairs(known), "lenient": True}
        return symbolic_gradients(cost, [*first, *last], _QUIET, "", last, **options)

    from_start = None if start is None else from_(None, start)
    from_cost = None if cost is None else from_(cost, None)
    parts = [part for part in (from_start, from_cost) if part is not None]
    total = parts[0] if len(parts) == 1 else [a + b for a, b in zip(*parts, strict=True)]
    found = total[: len(first)], total[len(first) :]
    return (*found, from_start, from_cost) if details else found
