"""``grad`` and ``value_and_grad``: of functions of labeled arrays, and of symbolic arrays inside or outside a trace.

Both make one lazy ``Pullback`` node on the graph as the user wrote it, after checking that there is a derivative; the
compiler expands it much later. A function that is differentiated becomes a compiled function of its own, or part of the
trace it is called in.
"""

import inspect
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import wraps
from typing import Any, NamedTuple

import numpy as np
import xarray as xr

from xgrad.axes.base import is_float
from xgrad.errors import (
    ArgumentError,
    CostNotScalarError,
    DisconnectedInputError,
    GradNotImplementedError,
    GradUndefinedError,
    nearest,
)
from xgrad.gradient.lazy import Wrt, lazy_pullback
from xgrad.gradient.ops import cotangent_dtype
from xgrad.gradient.status import Definition, GradStatus, statuses
from xgrad.graph import Var, located, user_source
from xgrad.labels import is_traced, unwrap, wrap
from xgrad.names import build
from xgrad.transforms.jit import Compiled
from xgrad.transforms.parts import parts_of, with_parts
from xgrad.transforms.tree import flatten, leaf_paths, unflatten


def grad(target: Any, wrt: Any = 0, has_aux: bool = False, *, argnums: Any = None, **options: Any) -> Any:
    """The gradient of a function, or of a symbolic cost.

    ``grad(fun, argnums=0, has_aux=False)`` gives a compiled function with the arguments of ``fun`` that returns the
    gradient of its 0-d result with respect to the arguments ``argnums`` (an int, or a tuple for a tuple of
    gradients), with exactly their dims, coords, name and attrs. Parts of an argument that the cost does not use get
    zeros; an argument of which nothing is connected raises. With ``has_aux`` the function returns ``(cost, aux)`` and
    the gradient function ``(gradient, aux)``.

    ``grad(cost, wrt, ...)`` gives the gradient of one symbolic 0-d array by others (one, a list or a tuple), as
    symbolic arrays; also inside a traced function. See ``gradient_of`` for its options.

    Raises CostNotScalarError, DisconnectedInputError, GradUndefinedError, GradNotImplementedError.

    >>> import xgrad as xg, xarray as xr
    >>> x = xr.DataArray([1.0, 2.0], dims="x", coords={"x": ["a", "b"]})
    >>> xg.grad(lambda x: (x**2).sum())(x)
    <xarray.DataArray (x: 2)> Size: 16B
    array([2., 4.])
    Coordinates:
      * x        (x) <U1 8B 'a' 'b'
    """
    if callable(target):
        which = wrt if argnums is None else argnums
        return _derived(target, which, has_aux, lambda value, grads: grads, "grad", **options)
    return gradient_of(target, wrt, **options)


def value_and_grad(fun: Callable[..., Any], argnums: Any = 0, has_aux: bool = False, *, ad: str = "") -> Any:
    """A compiled function that returns ``(fun(...), gradient)``; arguments and errors as ``grad``.

    With ``has_aux``: ``((cost, aux), gradient)``. The value costs nothing more than the gradient alone.

    >>> import xgrad as xg, xarray as xr
    >>> x = xr.DataArray([1.0, 2.0], dims="x", name="x")
    >>> value, slope = xg.value_and_grad(lambda x: (x**3).sum())(x)
    >>> float(value), slope.values.tolist()
    (9.0, [3.0, 12.0])
    """
    return _derived(fun, argnums, has_aux, lambda value, grads: (value, grads), "value_and_grad", ad=ad)


# ---- functions ---------------------------------------------------------------------------------------------------
def _derived(
    fun: Callable[..., Any],
    argnums: Any,
    has_aux: bool,
    give: Callable[[Any, Any], Any],
    verb: str,
    ad: str | None = "",
) -> Compiled:
    """A compiled function that runs ``fun`` on marked arguments and returns ``give(value, gradients)``."""
    inner = fun.fun if isinstance(fun, Compiled) else fun
    several = isinstance(argnums, tuple | list)
    positions = tuple(argnums) if several else (argnums,)

    @wraps(inner)
    def derived(*args: Any, **kwargs: Any) -> Any:
        marked = [_Marked(args, p, fun) for p in positions]
        given = list(args)
        for m in marked:
            given[m.position] = m.value
        out = inner(*given, **kwargs)
        cost, aux = _cost_and_aux(out, has_aux)
        vars_ = [v for m in marked for v in m.vars]
        cts = iter(_pull_cost(cost, vars_, _Checks(marked), ad or ""))
        grads = [m.gradient(cts) for m in marked]
        result = tuple(grads) if several else grads[0]
        if not has_aux:
            return give(cost, result)
        return (result, aux) if verb == "grad" else ((cost, aux), result)

    return Compiled(derived, **_compile_options(fun))


def _compile_options(fun: Any) -> dict[str, Any]:
    return fun.compile_options if isinstance(fun, Compiled) else {}


class _Marked:
    """One argument that is differentiated: its traced float and integer parts set apart from other uses of them."""

    def __init__(self, args: Sequence[Any], position: Any, fun: Callable[..., Any]) -> None:
        self.position = _checked_position(position, args, fun)
        leaves, self.structure = flatten(args[self.position])
        self.paths = leaf_paths(self.structure, _argument_name(fun, self.position))
        self.leaves = leaves
        self.vars: list[Var] = []
        self.value = unflatten(self.structure, [with_parts(leaf, self._mark(leaf)) for leaf in leaves])

    def _mark(self, leaf: Any) -> list[Any]:
        parts = [wrap(Wrt()(unwrap(part))) for part in parts_of(leaf)]
        self.vars += [unwrap(part) for part in parts]
        return parts

    def gradient(self, cts: Iterable[Var]) -> Any:
        """The gradient in the containers of the argument, taking from ``cts`` what belongs to it."""
        leaves = []
        for leaf in self.leaves:
            made = [wrap(ct) for _, ct in zip(parts_of(leaf), cts, strict=False)]
            leaves.append(with_parts(leaf, made))
        return unflatten(self.structure, leaves)


def _checked_position(position: Any, args: Sequence[Any], fun: Callable[..., Any]) -> int:
    if not isinstance(position, int | np.integer) or isinstance(position, bool):
        raise ArgumentError(f"argnums must be an int or a tuple of ints, not {position!r}.")
    if not -len(args) <= position < len(args):
        raise ArgumentError(
            f"argnums={position} of {_name(fun)}: it was called with {len(args)} positional arguments.\n"
            "Pass the argument by position, or change argnums."
        )
    return int(position) % len(args)


def _argument_name(fun: Callable[..., Any], position: int) -> str:
    try:
        names = list(inspect.signature(fun).parameters)
    except (TypeError, ValueError):
        names = []
    return names[position] if position < len(names) else f"argument {position}"


def _name(fun: Any) -> str:
    return getattr(fun, "__name__", type(fun).__name__)


def _cost_and_aux(out: Any, has_aux: bool) -> tuple[Any, Any]:
    if not has_aux:
        return out, None
    if not isinstance(out, tuple) or len(out) != 2:
        raise ArgumentError("with has_aux=True the function must return a pair (cost, aux).")
    return out


# ---- variables ---------------------------------------------------------------------------------------------------
def gradient_of(
    cost: Any,
    wrt: Any,
    *,
    consider_constant: Iterable[Any] = (),
    known_grads: Mapping[Any, Any] | None = None,
    disconnected_inputs: str = "raise",
    ad: str | None = None,
) -> Any:
    """The gradient of a symbolic 0-d ``cost`` by the symbolic arrays ``wrt`` (one, a list or a tuple)."""
    several = isinstance(wrt, list | tuple)
    targets = list(wrt) if several else [wrt]
    vars_ = [_var_of(t, "wrt") for t in targets]
    checks = _Named([str(getattr(t, "name", None) or "wrt") for t in targets], disconnected_inputs)
    stop = [_var_of(c, "consider_constant") for c in consider_constant]
    cts = _pull_cost(cost, vars_, checks, ad or "", stop)
    grads = [
        _named_gradient(with_parts(t, [wrap(ct)]), cost, t) for t, ct in zip(targets, cts, strict=True)
    ]
    return type(wrt)(grads) if several else grads[0]


def _var_of(array: Any, role: str) -> Var:
    parts = parts_of(array) if is_traced(array) else []
    if len(parts) != 1:
        raise ArgumentError(
            f"{role} must be a symbolic array (xgrad.xtensor, or a value inside a traced function),"
            f" not {type(array).__name__}."
        )
    return unwrap(parts[0])


def _named_gradient(gradient: Any, cost: Any, wrt: Any) -> Any:
    """``d(cost)/d(wrt)`` as the name, where both have one."""
    if isinstance(gradient, xr.DataArray):
        names = getattr(cost, "name", None), wrt.name
        gradient.name = f"d({names[0]})/d({names[1]})" if None not in names else None
    return gradient


# ---- the derivative ----------------------------------------------------------------------------------------------
def _pull_cost(
    cost: Any, wrt: Sequence[Var], checks: "_Checks | _Named", ad: str, stop: Sequence[Var] = ()
) -> tuple[Var, ...]:
    """The cotangents of ``wrt`` for the cotangent 1 of ``cost``, after checking that they exist."""
    with located(user_source()):
        y = _scalar(cost)
        checks.check([statuses([y], v)[0] for v in wrt], wrt)
        one = build.constant(np.ones((), cotangent_dtype(y.type.dtype)), (), inline=True)
        return lazy_pullback([y], wrt, [one], stop=stop, ad=ad)


def _scalar(cost: Any) -> Var:
    parts = parts_of(cost) if is_traced(cost) else []
    if isinstance(cost, xr.Dataset | xr.DataTree) or len(parts) > 1:
        raise CostNotScalarError(
            f"the cost is a {type(cost).__name__}; a gradient needs one 0-d array.\n"
            "Return one number, for instance the sum of its variables."
        )
    if not parts:
        return unwrap(np.asarray(cost))  # a constant: every wrt is disconnected, and said to be so
    if parts[0].ndim:
        dims = cost.dims if isinstance(cost, xr.DataArray) else tuple(range(parts[0].ndim))
        sizes = dict(zip(dims, parts[0].shape, strict=True))
        raise CostNotScalarError(
            f"the cost has dims {_sizes_text(sizes)}; a gradient needs a 0-d cost.\n"
            "Sum or average over them first, or use xgrad.jacobian for the derivative of every element."
        )
    return unwrap(parts[0])


def _sizes_text(sizes: Mapping[Any, int]) -> str:
    return "(" + ", ".join(f"{d}: {n}" for d, n in sizes.items()) + ")"


class _Named(NamedTuple):
    """Checks for symbolic arrays: each one must be connected, unless told otherwise."""

    names: list[str]
    disconnected_inputs: str

    def check(self, found: Sequence[GradStatus], wrt: Sequence[Var]) -> None:
        choices = ("raise", "ignore")
        if self.disconnected_inputs not in choices:
            raise ArgumentError(
                f"disconnected_inputs must be one of {choices}, not {self.disconnected_inputs!r}"
                f"{nearest(self.disconnected_inputs, choices)}."
            )
        for name, status, var in zip(self.names, found, wrt, strict=True):
            raise_undefined(name, status, var)
            if self.disconnected_inputs == "raise":
                raise_disconnected(name, status, var)


class _Checks(NamedTuple):
    """Checks for function arguments: a part may be unused, a whole argument may not."""

    marked: Sequence[_Marked]

    def check(self, found: Sequence[GradStatus], wrt: Sequence[Var]) -> None:
        rest = iter(zip(found, wrt, strict=True))
        for m in self.marked:
            mine = [next(rest) for _ in m.vars]
            name = m.paths[0] if len(m.paths) == 1 else m.paths[0].split("[")[0]
            for status, var in mine:
                raise_undefined(name, status, var)
            if not any(status.connected for status, _ in mine):
                status, var = mine[0] if mine else (statuses([], Var(None)), Var(None))
                raise_disconnected(name, status, var)


def raise_undefined(name: str, status: GradStatus, var: Var) -> None:
    """Raise where a connected path has no derivative."""
    if not status.connected or status.definition is Definition.DEFINED:
        return
    undefined = status.definition is Definition.UNDEFINED
    error = GradUndefinedError if undefined else GradNotImplementedError
    what = "is undefined" if undefined else "is not implemented"
    raise error(
        f"the gradient with respect to `{name}` {what}: {status.reason}{_at(status)}.\n"
        "Take it out of the arguments that are differentiated, or stop the gradient before that line."
    )


def raise_disconnected(name: str, status: GradStatus, var: Var) -> None:
    """Raise where the cost does not depend on the values of a variable."""
    if status.connected:
        return
    raise DisconnectedInputError(
        f"the cost does not depend on the values of `{name}`: {status.reason}{_at(status)}.\n"
        "Differentiate with respect to something the cost uses, or leave this argument out."
    )


def _at(status: GradStatus) -> str:
    if not status.path:
        return ""
    node = status.path[-1]
    text = getattr(node.op, "describe", lambda: type(node.op).__name__)()
    return f" ({text}, {node.source})" if node.source else f" ({text})"


def is_differentiable(var: Var) -> bool:
    """Whether a variable is of a float dtype."""
    return is_float(var.type.dtype)
