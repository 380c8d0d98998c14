"""``grad`` and ``value_and_grad``: of functions of labeled arrays, and of symbolic arrays inside or outside a trace.

Both make one lazy ``Pullback`` node on the graph as the user wrote it, after checking that there is a derivative; the
compiler expands it much later. A function that is differentiated becomes a compiled function of its own, or part of the
trace it is called in.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import wraps
from typing import Any

import numpy as np
import xarray as xr

from xgrad.errors import ArgumentError, CostNotScalarError
from xgrad.graph import Var, located, user_source
from xgrad.labels import is_traced, unwrap
from xgrad.transforms.calls.jit import Compiled
from xgrad.transforms.derivatives.derive import (
    Policy,
    Request,
    all_vars,
    check_used,
    checked_mode,
    checked_route,
    names_text,
    number,
    pull,
)
from xgrad.transforms.derivatives.functions import (
    checked_positions,
    compile_options,
    function_name,
    inner_function,
    marked_arguments,
    value_and_aux,
)
from xgrad.transforms.derivatives.targets import Targets, fitted, symbols
from xgrad.transforms.parts import parts_of


def grad(
    target: Any,
    wrt: Any = 0,
    has_aux: bool = False,
    *,
    argnums: Any = None,
    consider_constant: Any = (),
    known_grads: Any = None,
    disconnected_inputs: str = "raise",
    return_disconnected: str = "zero",
    null_gradients: str = "raise",
    add_names: bool = True,
    ad: str | None = None,
    mode: str = "auto",
) -> Any:
    """The gradient of a function, or of a symbolic cost.

    ``grad(fun, argnums=0, has_aux=False)`` gives a compiled function with the arguments of ``fun`` that returns the
    gradient of its 0-d result with respect to the arguments ``argnums`` (an int, or a tuple for a tuple of
    gradients), with exactly their dims, coords, name and attrs. Parts of an argument that the cost does not use get
    zeros; an argument of which nothing is connected raises. With ``has_aux`` the function returns ``(cost, aux)`` and
    the gradient function ``(gradient, aux)``.

    ``grad(cost, wrt, ...)`` gives the gradient of one symbolic 0-d array by others (one, or any container of them), as
    symbolic arrays called ``d(cost)/d(wrt)`` (``add_names``); also inside a traced function. ``consider_constant`` are
    arrays that derivatives do not go through. ``known_grads`` are pairs ``(array, its gradient)`` to start from, in
    place of what the cost would send there; ``cost`` may then be None.

    Of functions and symbols alike: ``disconnected_inputs`` is "raise", "warn" or "ignore"; what is disconnected is then
    returned as ``return_disconnected`` says: "zero", "none", or "disconnected" for its ``GradStatus``. With
    ``null_gradients="return"`` a gradient that is undefined or not implemented does not raise: its ``GradStatus`` is
    returned. An integer array has a float gradient. ``ad`` chooses the route: "symbolic", "jax" or "auto"; ``mode`` is
    "reverse", by one number also "forward", or "auto", which takes the cheaper one.

    Raises CostNotScalarError, DisconnectedInputError, GradUndefinedError, GradNotImplementedError; ArgumentError for an
    option that does not exist, or that names an array which is no part of the graph.

    >>> import xgrad as xg, xarray as xr
    >>> x = xr.DataArray([1.0, 2.0], dims="x", coords={"x": ["a", "b"]})
    >>> xg.grad(lambda x: (x**2).sum())(x)
    <xarray.DataArray (x: 2)> Size: 16B
    array([2., 4.])
    Coordinates:
      * x        (x) <U1 8B 'a' 'b'
    """
    policy = Policy.of(
        disconnected_inputs=disconnected_inputs,
        return_disconnected=return_disconnected,
        null_gradients=null_gradients,
    )
    route, way = checked_route(ad), checked_mode(mode)
    if callable(target):
        _check_no_symbols(target, consider_constant, known_grads)
        which = wrt if argnums is None else argnums
        return _derived(target, which, has_aux, lambda value, grads: grads, policy, route, way)
    gradients = symbolic_gradients(
        target, wrt, policy, route, consider_constant, known_pairs(known_grads), mode=way
    )
    return _with_names(gradients, target, wrt) if add_names else gradients


def value_and_grad(
    fun: Callable[..., Any],
    argnums: Any = 0,
    has_aux: bool = False,
    *,
    disconnected_inputs: str = "raise",
    return_disconnected: str = "zero",
    null_gradients: str = "raise",
    ad: str | None = None,
    mode: str = "auto",
) -> Any:
    """A compiled function that returns ``(fun(...), gradient)``; arguments, options and errors as ``grad``.

    With ``has_aux``: ``((cost, aux), gradient)``. The value costs nothing more than the gradient alone.

    >>> import xgrad as xg, xarray as xr
    >>> x = xr.DataArray([1.0, 2.0], dims="x", name="x")
    >>> value, slope = xg.value_and_grad(lambda x: (x**3).sum())(x)
    >>> float(value), slope.values.tolist()
    (9.0, [3.0, 12.0])
    """
    policy = Policy.of(
        disconnected_inputs=disconnected_inputs,
        return_disconnected=return_disconnected,
        null_gradients=null_gradients,
    )
    route, way = checked_route(ad), checked_mode(mode)
    return _derived(fun, argnums, has_aux, _both, policy, route, way, aux_in_value=True)


# ---- functions -----------------------------------------------------------------------------------------------------
def _both(value: Any, grads: Any) -> tuple[Any, Any]:
    return value, grads


def _derived(
    fun: Callable[..., Any],
    argnums: Any,
    has_aux: bool,
    give: Callable[[Any, Any], Any],
    policy: Policy,
    ad: str,
    mode: str,
    *,
    aux_in_value: bool = False,
) -> Compiled:
    """A compiled function that runs ``fun`` on marked arguments and returns ``give(value, gradients)``."""
    inner = inner_function(fun)
    positions, several = checked_positions(argnums)

    @wraps(inner)
    def derived(*args: Any, **kwargs: Any) -> Any:
        given, targets = marked_arguments(fun, args, positions)
        cost, aux = value_and_aux(inner(*given, **kwargs), has_aux)
        grads = _pull_cost(cost, targets, policy, ad, mode)
        result = tuple(grads) if several else grads[0]
        if not has_aux:
            return give(cost, result)
        return give((cost, aux), result) if aux_in_value else (give(cost, result), aux)

    return Compiled(derived, **compile_options(fun))


def _check_no_symbols(fun: Any, consider_constant: Any, known_grads: Any) -> None:
    if len(consider_constant) or known_grads is not None:
        raise ArgumentError(
            "consider_constant and known_grads name symbolic arrays, which"
            f" grad({function_name(fun)}) does not see yet.\n"
            "Use them inside the function, on its arrays; or hold a value constant with xgrad.disconnected_grad(...)."
        )


def _pull_cost(
    cost: Any, targets: Sequence[Targets], policy: Policy, ad: str, mode: str
) -> list[Any]:
    with located(user_source()):
        y = scalar(cost)
        return pull(Request([y], ad=ad, mode=mode), [number(1, y)], targets, policy)


# ---- variables -----------------------------------------------------------------------------------------------------
Known = list[tuple[Targets, Any]]  # arrays with their gradients


def symbolic_gradients(
    cost: Any,
    wrt: Any,
    policy: Policy,
    ad: str = "",
    consider_constant: Any = (),
    known: Known | None = None,
    *,
    lenient: bool = False,
    mode: str = "auto",
) -> Any:
    """See ``grad``; ``lenient`` lets arrays be held constant that the graph does not use."""
    targets = symbols(wrt, "wrt")
    held = symbols(list(consider_constant), "consider_constant")
    with located(user_source()):
        outputs, cts = _sources(cost, known or [])
        if not lenient:
            check_used("consider_constant", held, outputs)
            _check_known_used(known or [], outputs, targets.vars)
        cut = [v for array, _ in known or [] for v in array.vars]
        constant = ", ".join(
            [names_text(t) for t in [held, *[a for a, _ in known or []]] if t.each]
        )
        request = Request(outputs, stop=held.vars, cut=cut, ad=ad, mode=mode, held=constant)
        groups = [Targets(t.leaf, t.name) for t in targets.each]
        return targets.rebuilt(pull(request, cts, groups, policy))


def _sources(cost: Any, known: Known) -> tuple[list[Var], list[Var]]:
    """Where derivatives start: the outputs and their cotangents."""
    outputs: list[Var] = []
    cts: list[Var] = []
    if cost is not None:
        y = scalar(cost)
        outputs.append(y)
        cts.append(number(1, y))
    elif not known:
        raise ArgumentError("grad(None, wrt) needs known_grads to start from; or pass a cost.")
    for array, gradient in known:
        cts += fitted(gradient, array, "known_grads")
        outputs += array.vars
    return outputs, cts


def _check_known_used(known: Known, outputs: Sequence[Var], wrt: Sequence[Var]) -> None:
    """Raise where a known gradient would change nothing: it is not met on the way from the others, nor leads to wrt."""
    for target in [t for array, _ in known for t in array.each]:
        others = [v for v in outputs if v not in target.vars]
        if others and set(wrt).isdisjoint(all_vars(target.vars)):
            check_used("known_grads", Targets(target.leaf, target.name), others)


def known_pairs(known_grads: Any) -> Known:
    """What ``known_grads`` says, checked."""
    if known_grads is None:
        return []
    pairs = known_grads.items() if isinstance(known_grads, Mapping) else known_grads
    if not isinstance(pairs, Iterable) or isinstance(pairs, xr.DataArray | xr.Dataset):
        raise ArgumentError(_PAIRS)
    checked = [tuple(pair) for pair in pairs]
    if any(len(pair) != 2 for pair in checked):
        raise ArgumentError(_PAIRS)
    symbols([array for array, _ in checked], "known_grads")
    return [(symbols(array, "known_grads"), gradient) for array, gradient in checked]


_PAIRS = "known_grads must be pairs (array, its gradient): a list of them, since DataArrays cannot be keys of a dict."


def _with_names(gradients: Any, cost: Any, wrt: Any) -> Any:
    """``gradients``, each DataArray called ``d(cost)/d(wrt)`` where both have a name."""
    given, found = Targets(wrt, "wrt"), Targets(gradients, "gradient")
    if given.structure != found.structure:  # None or a status stands in place of some
        return gradients
    name = getattr(cost, "name", None)
    leaves = [_named(g.leaf, name, t.leaf) for g, t in zip(found.each, given.each, strict=True)]
    return found.rebuilt(leaves)


def _named(gradient: Any, cost: Any, wrt: Any) -> Any:
    if isinstance(gradient, xr.DataArray):
        gradient.name = None if cost is None or wrt.name is None else f"d({cost})/d({wrt.name})"
    return gradient


# ---- the cost ------------------------------------------------------------------------------------------------------
def scalar(cost: Any) -> Var:
    """The variable of a cost. ``CostNotScalarError`` where it is not one 0-d array."""
    parts = parts_of(cost) if is_traced(cost) else []
    if isinstance(cost, xr.Dataset | xr.DataTree) or len(parts) > 1:
        raise CostNotScalarError(
            f"the cost is a {type(cost).__name__}; a gradient needs one 0-d array.\n"
            "Return one number, for instance the sum of its variables."
        )
    if not parts:
        return _constant_cost(cost)
    if parts[0].ndim:
        dims = cost.dims if isinstance(cost, xr.DataArray) else tuple(range(parts[0].ndim))
        raise CostNotScalarError(
            f"the cost has dims {_sizes_text(dims, parts[0].shape)}; a gradient needs a 0-d cost.\n"
            "Sum or average over them first, or use xgrad.jacobian for the derivative of every element."
        )
    return unwrap(parts[0])


def _constant_cost(cost: Any) -> Var:
    """A constant: every wrt is disconnected, and said to be so."""
    value = np.asarray(cost)
    if value.dtype.kind not in "biufc":
        raise CostNotScalarError(
            f"the cost is a {type(cost).__name__}; a gradient needs one 0-d array of numbers.\n"
            "Return the cost itself, and other results beside it with has_aux=True."
        )
    if value.ndim:
        raise CostNotScalarError(
            f"the cost has the shape {value.shape}; a gradient needs a 0-d cost.\n"
            "Sum or average first, or use xgrad.jacobian for the derivative of every element."
        )
    return unwrap(value)


def _sizes_text(dims: Sequence[Any], shape: Sequence[int]) -> str:
    return "(" + ", ".join([f"{d}: {n}" for d, n in zip(dims, shape, strict=True)]) + ")"
