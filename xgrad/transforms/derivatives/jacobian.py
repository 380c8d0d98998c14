"""``jacobian``, ``hessian`` and ``hessian_vector_product``: of functions of labeled arrays, and of symbolic arrays.

The derivatives of all elements are one batched derivative node (``gradient.jacobian``); ``blocks`` puts the labels on.
Along dims in which the computation does not mix entries (``gradient.dependence``) only what is not zero is computed.
"""

from collections.abc import Callable, Iterable, Sequence
from functools import wraps
from math import prod
from typing import Any, NamedTuple

from xgrad.errors import ArgumentError, DimensionError, JacobianSizeError, nearest
from xgrad.gradient.dependence import Apart, State, dependence
from xgrad.gradient.jacobian import Block, Pair, blocks_of, plan_for
from xgrad.gradient.status import op_text, statuses
from xgrad.graph import Var, located, user_source
from xgrad.names import build
from xgrad.names.types import Dim, XType
from xgrad.options import current_options
from xgrad.transforms.calls.jit import Compiled
from xgrad.transforms.derivatives.blocks import (
    Part,
    Piece,
    Side,
    Style,
    leaf_of,
    names_for,
    side_of,
)
from xgrad.transforms.derivatives.derive import (
    Policy,
    Request,
    check_group,
    checked_mode,
    checked_route,
    push,
)
from xgrad.transforms.derivatives.functions import (
    checked_positions,
    compile_options,
    function_name,
    inner_function,
    marked_arguments,
)
from xgrad.transforms.derivatives.grad import grad, symbolic_gradients
from xgrad.transforms.derivatives.targets import Targets, fitted, symbols

Dims = str | Iterable[Dim]


class Options(NamedTuple):
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
    depends on an argument, JacobianSizeError where the result is larger than ``options(jacobian_bytes=...)`` allows,
    GradUndefinedError, GradNotImplementedError, ArgumentError.

    >>> import xgrad as xg, xarray as xr
    >>> x = xr.DataArray([1.0, 2.0], dims="city", coords={"city": ["Oslo", "Rome"]})
    >>> j = xg.jacobian(lambda x: x**2)(x)
    >>> j.dims, j.values.tolist(), j.city_wrt.values.tolist()
    (('city', 'city_wrt'), [[2.0, 0.0], [0.0, 4.0]], ['Oslo', 'Rome'])
    >>> xg.jacobian(lambda x: x**2, pointwise="city")(x).values.tolist()
    [2.0, 4.0]
    """
    options = _checked(Options(mode, chunk, pointwise, suffix, checked_route(ad)))
    which = wrt if argnums is None else argnums
    if callable(target):
        return _of_function(target, which, options)
    return _of_symbols(symbols(target, "the expression"), which, options)


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
    route = checked_route(ad)
    options = _checked(Options("forward", chunk, pointwise, suffix, route, second=True))
    which = wrt if argnums is None else argnums
    if callable(target):
        return _of_function(grad(target, which, ad=route), which, options)
    slope = symbolic_gradients(target, which, Policy(), route)
    return _of_symbols(Targets(slope, "the gradient"), which, options)


def hessian_vector_product(
    target: Any, wrt: Any = 0, p: Any = None, *, argnums: Any = None, ad: str | None = None
) -> Any:
    """The Hessian of a 0-d cost times a direction, forward over reverse: the Hessian itself is never made.

    ``hessian_vector_product(fun, argnums=0)`` gives a compiled function of the arguments of ``fun`` and, last, of the
    direction ``p``, which looks like the argument (a tuple of them for several argnums), as the result does.
    ``hessian_vector_product(cost, wrt, p)`` gives symbolic arrays. The cost is that of about two gradients.

    Raises DimensionError, SizeMismatchError and AlignmentError where ``p`` does not look like the argument,
    ArgumentError where its containers differ, and the errors of ``grad``.

    >>> import xgrad as xg, xarray as xr
    >>> x = xr.DataArray([1.0, 2.0], dims="x")
    >>> xg.hessian_vector_product(lambda x: (x**3).sum())(x, xr.ones_like(x)).values.tolist()
    [6.0, 12.0]
    """
    which, route = wrt if argnums is None else argnums, checked_route(ad)
    if callable(target):
        return _product_of_function(target, which, route)
    slope = symbolic_gradients(target, which, Policy(), route)
    targets = symbols(which, "wrt")
    with located(user_source()):
        return _pushed(slope, targets.vars, fitted(p, targets, "directions"), route)


# ---- functions ---------------------------------------------------------------------------------------------------
def _of_function(fun: Callable[..., Any], argnums: Any, options: Options) -> Compiled:
    positions, several = checked_positions(argnums)

    @wraps(inner_function(fun))
    def derived(*args: Any, **kwargs: Any) -> Any:
        given, targets = marked_arguments(fun, args, positions)
        result = Targets(inner_function(fun)(*given, **kwargs), "result")
        rows = _jacobian(result, targets, options)
        return result.rebuilt([tuple(row) if several else row[0] for row in rows])

    return Compiled(derived, **compile_options(fun))


def _product_of_function(fun: Callable[..., Any], argnums: Any, ad: str) -> Compiled:
    positions, several = checked_positions(argnums)
    slope = grad(fun, argnums, ad=ad)

    @wraps(inner_function(fun))
    def product(*args: Any, **kwargs: Any) -> Any:
        if len(args) < 2:
            raise ArgumentError(
                f"the Hessian product of {function_name(fun)} takes its arguments and then the direction,"
                f" by position; it was called with {len(args)} positional arguments."
            )
        *given, p = args
        given, targets = marked_arguments(fun, given, positions)
        with located(user_source()):
            pairs = _paired(p, targets, several)
            along = [v for value, target in pairs for v in fitted(value, target, "directions")]
            wrt = [v for target in targets for v in target.vars]
            return _pushed(slope.fun(*given, **kwargs), wrt, along, ad)

    del product.__wrapped__  # its signature is that of fun and one argument more
    return Compiled(product, **compile_options(fun))


def _paired(p: Any, targets: Sequence[Targets], several: bool) -> list[tuple[Any, Targets]]:
    """Each direction with the argument that it belongs to."""
    values = p if several else (p,)
    if not isinstance(values, tuple | list) or len(values) != len(targets):
        raise ArgumentError(
            f"the directions must be a tuple with one for each of the {len(targets)} arguments in argnums."
        )
    return list(zip(values, targets, strict=True))


# ---- variables ---------------------------------------------------------------------------------------------------
def _of_symbols(expression: Targets, wrt: Any, options: Options) -> Any:
    targets = symbols(wrt, "wrt")
    groups = [Targets(t.leaf, t.name) for t in targets.each]
    rows = _jacobian(expression, groups, options)
    return expression.rebuilt([targets.rebuilt(row) for row in rows])


def _jacobian(outputs: Targets, wrt: Sequence[Targets], options: Options) -> list[list[Any]]:
    """For each leaf of the outputs, and each group of inputs in its containers, the blocks of the Jacobian.

    A group is what the user asked by: it may be connected in part only.
    """
    constant = next((target.name for target in outputs.each if not target.vars), None)
    if constant is not None:
        raise ArgumentError(
            f"`{constant}` is a constant; return only what depends on the arguments."
        )
    with located(user_source()):
        _check_groups(outputs, wrt, options)
        ys = side_of(outputs)
        xs = Side(tuple([piece for group in wrt for piece in side_of(group).pieces]))
        if options.second:  # a gradient has the leaves of what it is by
            named = [y._replace(path=x.path) for y, x in zip(ys.pieces, xs.pieces, strict=True)]
            ys = Side(tuple(named))
        made = _blocks(ys, xs, options)
        style = Style(options.suffix, named=not options.second)
        rows = []
        for y in ys.pieces:
            leaves = iter([leaf_of(y, x, made(y, x), style) for x in xs.pieces])
            rows.append([group.rebuilt([next(leaves) for _ in group.each]) for group in wrt])
        return rows


def _check_groups(outputs: Targets, wrt: Sequence[Targets], options: Options) -> None:
    request = Request(outputs.vars, what="the result")
    policy = Policy(disconnected_inputs="ignore") if options.second else Policy()
    for group in wrt:
        check_group(group, {v: request.status(v) for v in group.vars}, policy, request.what)


def _blocks(
    ys: Side, xs: Side, options: Options
) -> Callable[[Piece, Piece], dict[tuple[Any, Any], Var]]:
    """The blocks of all arrays, as a function that gives those of two leaves."""
    _check_dims(options.pointwise, xs)
    outputs = [build.rename(part.var, part.shown) for _, part in ys.parts]
    found = [statuses(outputs, part.var) for _, part in xs.parts]
    wanted: dict[Pair, Block] = {}
    for i, (y_piece, _) in enumerate(ys.parts):
        for j, (x_piece, x) in enumerate(xs.parts):
            names = names_for(y_piece, x_piece, options.suffix)
            shared = _shared(outputs[i], x, options.pointwise, _what(y_piece, x_piece, options))
            calls = {d: names[x.shown[d]] for d in x.var.type.dims}
            wanted[i, j] = Block(calls, shared, found[j][i].connected)
    _check_size(
        [(outputs[i].type, xs.parts[j][1].var.type, b.shared) for (i, j), b in wanted.items()]
    )
    plan = plan_for(outputs, xs.vars, wanted, options.mode, options.chunk)
    made = blocks_of(outputs, xs.vars, wanted, plan, options.ad)
    return lambda y, x: {
        (u, a): made[_number(ys, y, u), _number(xs, x, a)] for u in y.parts for a in x.parts
    }


def _number(side: Side, piece: Piece, name: Any) -> int:
    """The number of an array among those of a side."""
    part = piece.parts[name]
    return next(k for k, (_, p) in enumerate(side.parts) if p is part)


def _what(y: Piece, x: Piece, options: Options) -> str:
    if options.second:
        return f"the Hessian by `{y.path}` and `{x.path}`"
    return f"the Jacobian of `{y.path}` by `{x.path}`"


# ---- pointwise dims ----------------------------------------------------------------------------------------------
def _shared(y: Var, x: Part, pointwise: Dims, what: str) -> frozenset[Dim]:
    """The dims of ``x`` along which the block has a diagonal only; a mixing dim that the user named is refused."""
    known = [d for d in x.var.type.dims if x.shown[d] == d]
    asked = known if pointwise == "auto" else [d for d in pointwise if d in known]
    states = {d: dependence([y], x.var, d)[0] for d in asked}
    kept = [d for d, s in states.items() if s == Apart(d) or (s is None and d in y.type.dims)]
    if pointwise != "auto":
        for d, state in states.items():
            if d not in kept and state is not None:
                raise _mixes(d, state, what)
    return frozenset([d for d in kept if y.type.sizes[d] == x.var.type.sizes[d]])


def _mixes(dim: Dim, state: State, what: str) -> DimensionError:
    if isinstance(state, Apart):
        how = f"in the result its entries lie along {state.dim!r}"
    else:
        source = state.node.source
        how = f"{op_text(state.node)} mixes its entries{f' ({source})' if source else ''}"
    return DimensionError(
        f"{what} is not pointwise along {dim!r}: {how}.\n"
        f"Take {dim!r} out of pointwise, or let pointwise='auto' find the dims."
    )


def _check_dims(pointwise: Dims, wrt: Side) -> None:
    known = list(dict.fromkeys(d for _, part in wrt.parts for d in part.sizes))
    for dim in () if pointwise == "auto" else pointwise:
        if dim not in known:
            raise DimensionError(
                f"pointwise names the dim {dim!r}; the inputs have the dims {tuple(known)}"
                f"{nearest(dim, known) or '.'}"
            )


def _check_size(blocks: Sequence[tuple[XType, XType, frozenset[Dim]]]) -> None:
    """Raise where the Jacobian alone would take more memory than the option allows."""
    limit = current_options().jacobian_bytes
    sizes = [
        [*y.shape, *[n for d, n in x.sizes.items() if d not in shared]] for y, x, shared in blocks
    ]
    found = sum([prod(n) * x.dtype.itemsize for n, (_, x, _) in zip(sizes, blocks, strict=True)])
    if found > limit:
        y, x, _ = max(blocks, key=lambda block: prod(block[0].shape) * prod(block[1].shape))
        raise JacobianSizeError(
            f"the Jacobian of {y} by {x} would take {_memory(found)}; the limit is {_memory(limit)}.\n"
            "Name the dims that do not mix (pointwise='auto'), use products with it (xgrad.pushforward, xgrad.pullback,"
            " xgrad.hessian_vector_product), or raise the limit: xgrad.options(jacobian_bytes=...)."
        )


def _memory(size: float) -> str:
    """A number of bytes in the unit that it is told in."""
    units = ["bytes", "KiB", "MiB", "GiB", "TiB"]
    while size >= 1024 and len(units) > 1:
        size, units = size / 1024, units[1:]
    return f"{size:,.0f} bytes" if units[0] == "bytes" else f"{size:,.1f} {units[0]}"


# ---- products and options ----------------------------------------------------------------------------------------
def _pushed(slope: Any, wrt: Sequence[Var], along: Sequence[Var], ad: str) -> Any:
    """The derivative of a gradient along a direction, with the labels of the gradient; zero where there is none."""
    gradient = Targets(slope, "the gradient")
    quiet = Policy(disconnected_inputs="ignore")
    return push(Request(gradient.vars, ad=ad), wrt, along, gradient, quiet)


def _checked(options: Options) -> Options:
    checked_mode(options.mode)
    if not options.suffix:
        raise ArgumentError(
            "suffix must not be empty: it tells the dims of the input from the output's."
        )
    chunk = options.chunk
    if chunk not in ("auto", None) and (not isinstance(chunk, int) or chunk < 1):
        raise ArgumentError(f"chunk must be 'auto', None or a positive int; got {chunk!r}.")
    dims = options.pointwise
    if isinstance(dims, str) and dims != "auto":
        dims = (dims,)
    return options._replace(pointwise=dims if isinstance(dims, str) else tuple(dims))
