"""``jacobian``, ``hessian`` and ``hessian_vector_product``: of functions of labeled arrays, and of symbolic arrays.

The derivatives of all elements are one batched derivative node (``gradient.jacobian``); ``blocks`` puts the labels on.
Along dims in which the computation does not mix entries (``gradient.dependence``) only what is not zero is computed.
"""

import inspect
from collections.abc import Callable, Iterable, Sequence
from functools import wraps
from typing import Any, NamedTuple, get_args

import numpy as np

from xgrad.errors import ArgumentError, DimensionError, nearest
from xgrad.gradient.dependence import Apart, State, dependence
from xgrad.gradient.jacobian import Block, Pair, blocks_of, plan_for
from xgrad.gradient.lazy import Wrt, lazy_pushforward
from xgrad.gradient.status import GradStatus, statuses
from xgrad.graph import Var, located, user_source
from xgrad.names.types import Dim
from xgrad.options import AD
from xgrad.transforms.blocks import Piece, Side, assemble, names_for, side_of, with_vars
from xgrad.transforms.derive import raise_disconnected, raise_undefined
from xgrad.transforms.grad import grad, gradient_of
from xgrad.transforms.jit import Compiled
from xgrad.transforms.tangents import tangent_vars
from xgrad.transforms.tree import flatten, unflatten

MODES = ("auto", "forward", "reverse")
Dims = str | Iterable[Dim]


class Request(NamedTuple):
    """The options of a Jacobian. ``second``: it is one of a gradient, which may be constant and gives no name."""

    mode: str = "auto"
    chunk: int | str | None = "auto"
    pointwise: Dims = ()
    suffix: str = "_wrt"
    ad: str = ""
    second: bool = False


def jacobian(
    target: Any,
    wrt: Any = 0,
    *,
    argnums: Any = None,
    mode: str = "auto",
    chunk: int | str | None = "auto",
    pointwise: Dims = (),
    suffix: str = "_wrt",
    ad: str | None = None,
) -> Any:
    """The derivative of every element of a result by every element of an argument.

    ``jacobian(fun, argnums=0)`` gives a compiled function with the arguments of ``fun``; ``jacobian(expression, wrt)``
    a symbolic array. Its dims are those of the output, then those of the input, with the coords of both; what both
    have gets ``suffix`` on the side of the input. A Dataset on one side gives a Dataset of blocks by its variables, on
    both sides one of blocks called ``u_wrt_a``; other containers nest, those of the inputs inside those of the outputs.

    ``pointwise``: dims along which the computation keeps entries apart ("auto": all such). Along them the zero blocks
    are left out, and what is left costs one entry's Jacobian. ``mode`` is "forward" (one derivative per element of the
    input), "reverse" (per element of the output) or "auto" (the fewer). ``chunk``: how many derivatives are held in
    memory at a time, None for all; "auto" keeps an estimate of their memory within 1 GiB. ``ad`` as in ``jit``.

    Raises DimensionError where a dim in ``pointwise`` is mixed or unknown, DisconnectedInputError where no output
    depends on an argument, GradUndefinedError, GradNotImplementedError, ArgumentError.

    >>> import xgrad as xg, xarray as xr
    >>> x = xr.DataArray([1.0, 2.0], dims="city", coords={"city": ["Oslo", "Rome"]})
    >>> j = xg.jacobian(lambda x: x**2)(x)
    >>> j.dims, j.values.tolist(), j.city_wrt.values.tolist()
    (('city', 'city_wrt'), [[2.0, 0.0], [0.0, 4.0]], ['Oslo', 'Rome'])
    >>> xg.jacobian(lambda x: x**2, pointwise="city")(x).values.tolist()
    [2.0, 4.0]
    """
    request = _checked(Request(mode, chunk, pointwise, suffix, ad or ""))
    which = wrt if argnums is None else argnums
    if callable(target):
        return _of_function(target, which, request)
    return _of_symbols(target, which, request)


def hessian(
    target: Any,
    wrt: Any = 0,
    *,
    argnums: Any = None,
    chunk: int | str | None = "auto",
    pointwise: Dims = (),
    suffix: str = "_wrt",
    ad: str | None = None,
) -> Any:
    """The second derivatives of a 0-d cost, as the Jacobian of its gradient: forward over reverse.

    ``hessian(fun, argnums=0)`` gives a compiled function, ``hessian(cost, wrt)`` a symbolic array. Dims are those of
    the argument, then the same with ``suffix``, each with its coords. A tuple of arguments gives rows of blocks.
    ``pointwise`` is for dims along which the cost is a sum of terms of one entry each; options and errors otherwise as
    for ``jacobian``, and those of ``grad``.

    >>> import xgrad as xg, xarray as xr
    >>> x = xr.DataArray([1.0, 2.0], dims="x")
    >>> xg.hessian(lambda x: (x**3).sum())(x).values.tolist()
    [[6.0, 0.0], [0.0, 12.0]]
    >>> xg.hessian(lambda x: (x**3).sum(), pointwise="x")(x).values.tolist()
    [6.0, 12.0]
    """
    request = Request("forward", chunk, pointwise, suffix, ad or "", second=True)
    request = _checked(request)
    which = wrt if argnums is None else argnums
    if callable(target):
        return _of_function(grad(target, which, ad=ad or ""), which, request)
    return _of_symbols(gradient_of(target, which, ad=ad or ""), which, request)


def hessian_vector_product(
    target: Any, wrt: Any = 0, p: Any = None, *, argnums: Any = None, ad: str | None = None
) -> Any:
    """The Hessian of a 0-d cost times a direction, forward over reverse: the Hessian itself is never made.

    ``hessian_vector_product(fun, argnums=0)`` gives a compiled function of the arguments of ``fun`` and, last, of the
    direction ``p``, which looks like the argument (a tuple of them for several argnums), as the result does.
    ``hessian_vector_product(cost, wrt, p)`` gives symbolic arrays. The cost is that of about two gradients.

    Raises DimensionError, SizeMismatchError and AlignmentError where ``p`` does not look like the argument, ArgumentError
    where its containers differ, and the errors of ``grad``.

    >>> import xgrad as xg, xarray as xr
    >>> x = xr.DataArray([1.0, 2.0], dims="x")
    >>> xg.hessian_vector_product(lambda x: (x**3).sum())(x, xr.ones_like(x)).values.tolist()
    [6.0, 12.0]
    """
    which = wrt if argnums is None else argnums
    if callable(target):
        return _product_of_function(target, which, ad or "")
    slope = gradient_of(target, which, ad=ad or "")
    return _pushed(slope, side_of(which, "wrt"), which, p, ad or "")


# ---- functions ---------------------------------------------------------------------------------------------------
def _of_function(fun: Callable[..., Any], argnums: Any, request: Request) -> Compiled:
    inner = fun.fun if isinstance(fun, Compiled) else fun

    @wraps(inner)
    def derived(*args: Any, **kwargs: Any) -> Any:
        marked = _Marked(fun, args, argnums)
        out = inner(*marked.args, **kwargs)
        return _jacobian(side_of(out, "result"), marked.side, request)

    return Compiled(derived, **_compile_options(fun))


def _product_of_function(fun: Callable[..., Any], argnums: Any, ad: str) -> Compiled:
    slope = grad(fun, argnums, ad=ad)

    @wraps(slope.fun)
    def product(*args: Any, **kwargs: Any) -> Any:
        if len(args) < 2:
            raise ArgumentError(
                f"the Hessian product of {_name(fun)} takes its arguments and then the direction p, by position;"
                f" it was called with {len(args)} positional arguments."
            )
        *given, p = args
        marked = _Marked(fun, given, argnums)
        return _pushed(slope.fun(*marked.args, **kwargs), marked.side, marked.value, p, ad)

    del product.__wrapped__  # its signature is that of fun and one argument more
    return Compiled(product, **_compile_options(fun))


def _compile_options(fun: Any) -> dict[str, Any]:
    return fun.compile_options if isinstance(fun, Compiled) else {}


class _Marked:
    """The arguments of a call with those that are differentiated set apart from other uses of the same values."""

    def __init__(self, fun: Callable[..., Any], args: Sequence[Any], argnums: Any) -> None:
        several = isinstance(argnums, tuple | list)
        positions = [_position(p, args, fun) for p in (argnums if several else (argnums,))]
        chosen = tuple([args[p] for p in positions])
        self.value = chosen if several else chosen[0]
        root = "" if several else _argument_name(fun, positions[0])
        self.side = side_of(self.value, root, lambda v: Wrt()(v))
        if several:
            self.side = _renamed(self.side, [_argument_name(fun, p) for p in positions])
        values = with_side(self.side, self.value)
        self.args = list(args)
        for p, value in zip(positions, values if several else (values,), strict=True):
            self.args[p] = value


def with_side(side: Side, value: Any) -> Any:
    """``value``, of which ``side`` was made, around the variables of ``side``."""
    leaves, _ = flatten(value)
    pairs = zip(side.pieces, leaves, strict=True)
    return unflatten(side.structure, [with_vars(piece, leaf, piece.vars) for piece, leaf in pairs])


def _renamed(side: Side, names: Sequence[str]) -> Side:
    """The paths of a tuple of arguments, ``[1].rate``, under the names of the arguments."""
    pieces = []
    for piece in side.pieces:
        number, _, rest = piece.path[1:].partition("]")
        pieces.append(piece._replace(path=names[int(number)] + rest))
    return side._replace(pieces=tuple(pieces))


def _position(position: Any, args: Sequence[Any], fun: Callable[..., Any]) -> int:
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


# ---- variables ---------------------------------------------------------------------------------------------------
def _of_symbols(expression: Any, wrt: Any, request: Request) -> Any:
    outputs, inputs = side_of(expression, "the expression"), side_of(wrt, "wrt")
    for side, role in ((outputs, "the expression"), (inputs, "wrt")):
        if not side.vars:
            raise ArgumentError(
                f"{role} must hold symbolic arrays (xgrad.xtensor, or values inside a traced function)."
            )
    return _jacobian(outputs, inputs, request)


def _jacobian(outputs: Side, wrt: Side, request: Request) -> Any:
    """The Jacobian of all leaves of one side by all of the other."""
    constant = next((piece.path for piece in outputs.pieces if not piece.vars), None)
    if constant is not None:
        raise ArgumentError(f"`{constant}` is a constant; return only what depends on the arguments.")
    if request.second:  # a gradient has the leaves of what it is by
        pairs = zip(outputs.pieces, wrt.pieces, strict=True)
        outputs = outputs._replace(pieces=tuple([y._replace(path=x.path) for y, x in pairs]))
    ys, xs = outputs.vars, wrt.vars
    with located(user_source()):
        found = _statuses(ys, wrt, strict=not request.second)
        wanted = _wanted(outputs, wrt, found, request)
        plan = plan_for(ys, xs, wanted, request.mode, request.chunk)
        made = blocks_of(ys, xs, wanted, plan, request.ad)
        rows = [[made[i, j] for j in range(len(xs))] for i in range(len(ys))]
        return assemble(outputs, wrt, rows, request.suffix, named=not request.second)


def _statuses(ys: Sequence[Var], wrt: Side, *, strict: bool) -> list[list[GradStatus]]:
    """The status of every output for each input, after the checks."""
    found = []
    for piece in wrt.pieces:
        mine = [statuses(ys, v) for v in piece.vars.values()]
        for status, v in zip(mine, piece.vars.values(), strict=True):
            for s in status:
                raise_undefined(piece.path, s)
        worst = [s for status in mine for s in status]
        if strict and worst and not any(s.connected for s in worst):
            raise_disconnected(piece.path, worst[0])
        found += mine
    return found


def _wanted(
    outputs: Side, wrt: Side, found: Sequence[Sequence[GradStatus]], request: Request
) -> dict[Pair, Block]:
    _check_dims(request.pointwise, wrt)
    ys = [(piece, y) for piece in outputs.pieces for y in piece.vars.values()]
    xs = [(piece, x) for piece in wrt.pieces for x in piece.vars.values()]
    return {
        (i, j): _block(ys[i], xs[j], found[j][i].connected, request)
        for i in range(len(ys))
        for j in range(len(xs))
    }


def _block(
    output: tuple[Piece, Var], wrt: tuple[Piece, Var], connected: bool, request: Request
) -> Block:
    (y_piece, y), (x_piece, x) = output, wrt
    names = names_for(y_piece, x_piece, request.suffix)
    what = f"the Hessian by `{y_piece.path}` and" if request.second else f"the Jacobian of `{y_piece.path}` by"
    shared = _shared(y, x, request.pointwise, f"{what} `{x_piece.path}`")
    return Block({d: names[d] for d in x.type.dims}, shared, connected)


# ---- pointwise dims ----------------------------------------------------------------------------------------------
def _shared(y: Var, x: Var, pointwise: Dims, what: str) -> frozenset[Dim]:
    """The dims of ``x`` along which the block has a diagonal only; a mixing dim that the user named is refused."""
    asked = x.type.dims if pointwise == "auto" else [d for d in pointwise if d in x.type.dims]
    states = {d: dependence([y], x, d)[0] for d in asked}
    kept = [d for d, s in states.items() if s == Apart(d) or (s is None and d in y.type.dims)]
    if pointwise != "auto":
        for d, state in states.items():
            if d not in kept and state is not None:
                raise _mixes(d, state, what)
    return frozenset([d for d in kept if y.type.sizes[d] == x.type.sizes[d]])


def _mixes(dim: Dim, state: State, what: str) -> DimensionError:
    if isinstance(state, Apart):
        how = f"in the result they lie along {state.dim!r}"
    else:
        node = state.node
        text = getattr(node.op, "describe", lambda: type(node.op).__name__)()
        how = f"{text} mixes its entries{f' ({node.source})' if node.source else ''}"
    return DimensionError(
        f"{what} is not pointwise along {dim!r}: {how}.\n"
        f"Take {dim!r} out of pointwise, or let pointwise='auto' find the dims."
    )


def _check_dims(pointwise: Dims, wrt: Side) -> None:
    known = list(dict.fromkeys(d for v in wrt.vars for d in v.type.dims))
    for dim in () if pointwise == "auto" else pointwise:
        if dim not in known:
            raise DimensionError(
                f"pointwise names the dim {dim!r}; the inputs have the dims {tuple(known)}"
                f"{nearest(dim, known) or '.'}"
            )


# ---- products and options ----------------------------------------------------------------------------------------
def _pushed(slope: Any, wrt: Side, value: Any, p: Any, ad: str) -> Any:
    """The derivative of a gradient along ``p``, with the labels of the gradient."""
    gradient = side_of(slope, "gradient")
    with located(user_source()):
        along = tangent_vars(p, wrt)
        made = iter(lazy_pushforward(gradient.vars, wrt.vars, along, ad=ad))
    leaves, _ = flatten(slope)
    done = []
    for piece, leaf in zip(gradient.pieces, leaves, strict=True):
        done.append(with_vars(piece, leaf, {name: next(made) for name in piece.vars}))
    return unflatten(gradient.structure, done)


def _checked(request: Request) -> Request:
    if request.mode not in MODES:
        raise ArgumentError(
            f"mode must be one of {MODES}, not {request.mode!r}{nearest(request.mode, MODES)}."
        )
    if request.ad and request.ad not in get_args(AD):
        raise ArgumentError(f"ad must be one of {get_args(AD)}, not {request.ad!r}.")
    chunk = request.chunk
    if chunk not in ("auto", None) and (not isinstance(chunk, int) or chunk < 1):
        raise ArgumentError(f"chunk must be 'auto', None or a positive int, not {chunk!r}.")
    dims = request.pointwise
    if isinstance(dims, str) and dims != "auto":
        dims = (dims,)
    return request._replace(pointwise=dims if isinstance(dims, str) else tuple(dims))
