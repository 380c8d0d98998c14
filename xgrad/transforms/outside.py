"""``apply_jax`` and ``apply_host``: functions that know neither xarray nor xgrad, applied along core dims by name.

xarray itself aligns, broadcasts and labels (``xarray.apply_ufunc``); the function is repeated over all other dims. One
op of the graph, with the gradient of JAX, or with that which the user gives.
"""

import dataclasses
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import xarray as xr

from xgrad.axes.base import AbstractTensorOp, TensorType, is_float
from xgrad.axes.opaque import HostCall, HostLoop, JaxCall
from xgrad.errors import ArgumentError, SizeMismatchError
from xgrad.graph import Var, located, user_source
from xgrad.jax_backend.arrays import is_jax_array
from xgrad.jax_backend.calls import Vmapped, returned_types
from xgrad.labels import TracedArray, is_traced
from xgrad.labels.core import is_new, make, real, trace_of
from xgrad.names import build
from xgrad.names.types import Dim
from xgrad.transforms.calls.jit import Compiled, is_symbolic
from xgrad.transforms.derivatives.functions import function_name
from xgrad.transforms.tree import LEAF, Structure, flatten, unflatten

Dims = Sequence[Sequence[Hashable]]


def apply_jax(
    func: Callable[..., Any],
    *args: Any,
    input_core_dims: Dims | None = None,
    output_core_dims: Dims = ((),),
    output_sizes: Mapping[Any, int] | None = None,
) -> Any:
    """Apply a function of JAX arrays to labeled arrays, by core dims; one op, whose gradient is that of ``jax.vjp``.

    ``func`` sees arrays with the core dims of each argument, in that order, and returns an array, or a tuple of them,
    with ``output_core_dims``; it is mapped over all other dims (``jax.vmap``), which come first in the result. Labels,
    alignment and Datasets are as in ``xarray.apply_ufunc``; there the default is no core dims at all, one number at a
    time. ``output_sizes`` names core dims of arguments that come out with another size. Arguments without labels,
    arrays or containers of arrays such as the parameters of a network, are handed over whole.

    Works in compiled functions, on symbolic arrays, and at once on concrete ones. Two calls are the same to the
    compiler where ``func`` is the same object. Raises ArgumentError and SizeMismatchError where core dims do not fit.

    >>> import jax.numpy as jnp, xarray as xr, xgrad as xg
    >>> x = xr.DataArray([[3.0, 4.0], [6.0, 8.0]], dims=("city", "xy"))
    >>> xg.apply_jax(jnp.linalg.norm, x, input_core_dims=[["xy"]]).values
    array([ 5., 10.])
    """
    plan = _JaxPlan(_hashable(func), tuple(map(tuple, output_core_dims)), dict(output_sizes or {}))
    return _apply(plan, args, input_core_dims)


def apply_host(
    func: Callable[..., Any],
    *args: Any,
    input_core_dims: Dims | None = None,
    output_core_dims: Dims = ((),),
    output_sizes: Mapping[Any, int] | None = None,
    output_dtypes: Sequence[Any] | None = None,
    pullback: Callable[..., Any] | None = None,
    pushforward: Callable[..., Any] | None = None,
) -> Any:
    """Apply a function of NumPy arrays to labeled arrays, by core dims, in the middle of a compiled function.

    As ``apply_jax``, but ``func`` runs on the host, each time that the program gets there, once for every place along
    the dims that are no core dims. It must be pure: the compiler may call it again, or not at all. ``output_dtypes``
    (default: the dtype that the arguments promote to) and, for core dims that no argument has, ``output_sizes`` say
    what it returns.

    ``pullback(*arrays, *cotangents)``, a function of NumPy arrays too, returns a tuple with one cotangent per array
    (anything for an integer one); ``pushforward(*arrays, *tangents)`` returns the tangents as ``func`` returns its
    results. Each is for one mode: a gradient takes the pullback, ``xgrad.pushforward`` the pushforward, and a Jacobian
    what there is. Without either there is no derivative, and ``grad`` says so; a second one there never is.

    Raises ArgumentError and SizeMismatchError where core dims do not fit, GradNotImplementedError where a derivative is
    taken in a mode without a rule.

    >>> import numpy as np, xarray as xr, xgrad as xg
    >>> x = xr.DataArray([1.0, 4.0], dims="x")
    >>> root = lambda x: xg.apply_host(np.sqrt, x, pullback=lambda x, ct: (ct / 2 / np.sqrt(x),))
    >>> xg.grad(lambda x: root(x).sum())(x).values
    array([0.5 , 0.25])
    """
    dtypes = None if output_dtypes is None else tuple([np.dtype(d) for d in output_dtypes])
    outs = tuple(map(tuple, output_core_dims))
    plan = _HostPlan(_hashable(func), outs, dict(output_sizes or {}), dtypes, pullback, pushforward)
    return _apply(plan, args, input_core_dims)


@dataclasses.dataclass(frozen=True, eq=False)
class Same:
    """A function without a hash, such as a network that holds its weights: equal where it is the same object."""

    function: Callable[..., Any]

    @property
    def __name__(self) -> str:
        return function_name(self.function)

    def __call__(self, *args: Any) -> Any:
        return self.function(*args)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Same) and self.function is other.function

    def __hash__(self) -> int:
        return id(self.function)


def _hashable(func: Callable[..., Any]) -> Callable[..., Any]:
    try:
        hash(func)
    except TypeError:
        return Same(func)
    return func


# ---- the op --------------------------------------------------------------------------------------------------------
class _Core(NamedTuple):
    """The arguments of the function at one place, in its order: their types, and which are repeated over ``batch``."""

    types: list[TensorType]
    sizes: dict[Dim, int]
    mapped: tuple[bool, ...]
    batch: tuple[int, ...]


@dataclasses.dataclass
class _JaxPlan:
    """A JAX function and its core dims."""

    func: Callable[..., Any]
    outs: tuple[tuple[Hashable, ...], ...]
    output_sizes: dict[Any, int]

    def op(self, core: _Core) -> AbstractTensorOp:
        """The op on tensors with batch axes first."""
        types = returned_types(self.func, core.types)
        _check_results(self.func, types, self.outs, {**core.sizes, **self.output_sizes})
        batched = tuple([TensorType((*core.batch, *t.shape), t.dtype) for t in types])
        function = Vmapped(self.func, core.mapped, len(core.batch)) if core.batch else self.func
        return JaxCall(function, batched)


@dataclasses.dataclass
class _HostPlan:
    """A host function, its core dims, what it returns, and its derivative in each mode."""

    func: Callable[..., Any]
    outs: tuple[tuple[Hashable, ...], ...]
    output_sizes: dict[Any, int]
    dtypes: tuple[np.dtype, ...] | None
    rule: Callable[..., Any] | None
    push: Callable[..., Any] | None

    def op(self, core: _Core) -> AbstractTensorOp:
        """The op on tensors with batch axes first."""
        types = self._types(core)
        batched = tuple([TensorType((*core.batch, *t.shape), t.dtype) for t in types])
        ndim = len(core.batch)
        if not ndim:
            return HostCall(self.func, batched, self.rule, self.push)
        looped = HostLoop(self.func, core.mapped, ndim)
        rule = self.rule and HostRule(self.rule, core.mapped, len(types), ndim)
        push = self.push and HostLoop(self.push, (*core.mapped, *core.mapped), ndim)
        return HostCall(looped, batched, rule, push)

    def _types(self, core: _Core) -> list[TensorType]:
        sizes = {**core.sizes, **self.output_sizes}
        name = function_name(self.func)
        for dim in [d for dims in self.outs for d in dims if d not in sizes]:
            raise ArgumentError(
                f"apply_host({name}): the size of the output dim {dim!r} is not known; say output_sizes={{{dim!r}: …}}."
            )
        dtypes = self.dtypes or (_joint_dtype(core.types),) * len(self.outs)
        if len(dtypes) != len(self.outs):
            raise ArgumentError(
                f"apply_host({name}): {len(dtypes)} output_dtypes for {len(self.outs)} outputs; give one each."
            )
        pairs = zip(self.outs, dtypes, strict=True)
        return [TensorType(tuple([sizes[d] for d in dims]), dtype) for dims, dtype in pairs]


def _joint_dtype(types: Sequence[TensorType]) -> np.dtype:
    found = np.result_type(*[t.dtype for t in types]) if types else np.dtype(float)
    return found if is_float(found) else np.dtype(float)


@dataclasses.dataclass(frozen=True)
class HostRule:
    """The gradient of a host function at every place; what all places share gets the sum of their cotangents."""

    rule: Callable[..., Any]
    mapped: tuple[bool, ...]
    outputs: int
    ndim: int

    @property
    def __name__(self) -> str:
        return function_name(self.rule)

    def __call__(self, *arrays: np.ndarray) -> tuple[np.ndarray, ...]:
        loop = HostLoop(self.rule, (*self.mapped, *(True,) * self.outputs), self.ndim)
        found = loop(*arrays)
        places = tuple(range(self.ndim))
        each = found if isinstance(found, tuple) else (found,)
        return tuple([ct if m else ct.sum(places) for ct, m in zip(each, self.mapped, strict=True)])


def _check_results(
    func: Callable[..., Any], types: Sequence[TensorType], outs: Dims, sizes: Mapping[Any, int]
) -> None:
    name = function_name(func)
    if len(types) != len(outs):
        raise ArgumentError(
            f"apply_jax({name}): the function returns {len(types)} arrays,"
            f" and output_core_dims has {len(outs)} entries."
        )
    for t, dims in zip(types, outs, strict=True):
        if t.ndim != len(dims):
            raise ArgumentError(
                f"apply_jax({name}): the function returns an array of shape {t.shape},"
                f" for the output_core_dims {tuple(dims)}."
            )
        for dim, n in zip(dims, t.shape, strict=True):
            if sizes.get(dim, n) != n:
                raise SizeMismatchError(
                    f"apply_jax({name}): the function returns {n} numbers along {dim!r}, which has size {sizes[dim]}.\n"
                    f"Say output_sizes={{{dim!r}: {n}}} where it changes, or give the output dim another name."
                )


Plan = _JaxPlan | _HostPlan


# ---- arguments -----------------------------------------------------------------------------------------------------
def _apply(plan: Plan, args: tuple[Any, ...], input_core_dims: Dims | None) -> Any:
    if not is_symbolic(args):
        return Compiled(lambda *given: _apply_traced(plan, given, input_core_dims))(*args)
    with located(user_source()):
        return _apply_traced(plan, args, input_core_dims)


def _apply_traced(plan: Plan, args: tuple[Any, ...], input_core_dims: Dims | None) -> Any:
    cores = _checked_cores(plan, args, input_core_dims)
    labeled = [k for k, arg in enumerate(args) if _is_labeled(arg)]
    call = _Call(plan, args, cores, labeled)
    if not labeled:
        return call()
    changed = set(plan.output_sizes) & {d for core in cores for d in core}
    return xr.apply_ufunc(
        call,
        *[args[k] for k in labeled],
        input_core_dims=[cores[k] for k in labeled],
        output_core_dims=[list(dims) for dims in plan.outs],
        exclude_dims=changed,
    )


def _is_labeled(arg: Any) -> bool:
    """Whether xarray knows the dims of an argument: a labeled array, or a number."""
    labeled = isinstance(arg, xr.DataArray | xr.Dataset | xr.Variable)
    return labeled or (flatten(arg)[1] == LEAF and _is_array(arg) and np.ndim(arg) == 0)


def _checked_cores(
    plan: Plan, args: tuple[Any, ...], input_core_dims: Dims | None
) -> list[list[Hashable]]:
    if input_core_dims is None:
        return [[] for _ in args]
    if len(input_core_dims) != len(args):
        raise ArgumentError(
            f"{function_name(plan.func)}: input_core_dims has {len(input_core_dims)} entries for {len(args)} arguments;"
            " give one list of dims each."
        )
    for dims in input_core_dims:
        if isinstance(dims, str):
            raise ArgumentError(
                f"{function_name(plan.func)}: input_core_dims must be one list of dims per argument;"
                f" {dims!r} is no list."
            )
    return [list(dims) for dims in input_core_dims]


class _Call:
    """What xarray calls with the data of the labeled arguments: batch axes, which broadcast, then core axes."""

    def __init__(
        self, plan: Plan, args: tuple[Any, ...], cores: list[list[Hashable]], labeled: list[int]
    ) -> None:
        self.plan = plan
        self.args = args
        self.cores = cores
        self.labeled = labeled

    def __call__(self, *data: Any) -> Any:
        given = list(self.args)
        for k, x in zip(self.labeled, data, strict=True):
            given[k] = x
        inputs = self._inputs(given)
        vars_, batch = _aligned(inputs)
        plan = dataclasses.replace(self.plan, func=_of_arrays(self.plan.func, given))
        core = _core(inputs, vars_, batch)
        shared = [k for k, mapped in enumerate(core.mapped) if not mapped]
        outs = build.blockwise(plan.op(core), vars_, [x.core for x in inputs], plan.outs, shared)
        trace = trace_of([x.array for x in inputs])
        dims = [[*batch, *core_dims] for core_dims in plan.outs]
        made = [make(v, names, trace) for v, names in zip(outs, dims, strict=True)]
        return made[0] if len(made) == 1 else tuple(made)

    def _inputs(self, given: list[Any]) -> list["_Input"]:
        """The arrays among the arguments; all axes of those without labels are core axes, with names of their own."""
        inputs: list[_Input] = []
        for k, arg in enumerate(given):
            for j, x in enumerate([leaf for leaf in flatten(arg)[0] if _is_array(leaf)]):
                names: list[Hashable] = [f"{k}.{j}.{axis}" for axis in range(np.ndim(x))]
                inputs.append(_Input(x, list(self.cores[k]) if k in self.labeled else names))
        return inputs


def _core(inputs: Sequence["_Input"], vars_: Sequence[Var], batch: Sequence[Dim]) -> _Core:
    sizes = {d: n for v in vars_ for d, n in v.type.sizes.items()}
    types = [
        TensorType(tuple([sizes[d] for d in x.core]), v.type.dtype)
        for x, v in zip(inputs, vars_, strict=True)
    ]
    mapped = tuple([any(d in v.type.dims for d in batch) for v in vars_])
    return _Core(types, sizes, mapped, tuple([sizes[d] for d in batch]))


def _aligned(inputs: Sequence["_Input"]) -> tuple[list[Var], list[Dim]]:
    """The inputs as variables of batch dims and core dims, and the batch dims in order.

    The first input that has a batch dim is given all of them: an op takes their order from it.
    """
    names = _batch_names(inputs)
    vars_ = [x.var(names) for x in inputs]
    sizes = {d: n for v in vars_ for d, n in v.type.sizes.items()}
    batch = [d for d in names if d in sizes]
    first = next((k for k, v in enumerate(vars_) if any(d in v.type.dims for d in batch)), None)
    if first is not None:
        dims = [*batch, *inputs[first].core]
        vars_[first] = build.broadcast(vars_[first], dims, [sizes[d] for d in dims])
    return vars_, batch


def _is_array(x: Any) -> bool:
    """Whether a leaf of an argument is an array or a number, rather than a constant such as an activation function."""
    number = isinstance(x, int | float | complex) and not isinstance(x, bool)
    return number or is_traced(x) or isinstance(x, np.ndarray | np.generic) or is_jax_array(x)


class _Input(NamedTuple):
    """One array that the function gets, and what its last axes are called."""

    array: Any
    core: list[Hashable]

    def var(self, batch: Sequence[Dim]) -> Var:
        """The array as a variable: batch dims from the right as ``batch`` says, less those it is repeated along."""
        ndim = np.ndim(self.array) - len(self.core)
        names = [*list(batch)[len(batch) - ndim :], *self.core]
        if isinstance(self.array, TracedArray):
            return _named(self.array, names, ndim)
        values = np.asarray(self.array)
        repeated = tuple([a for a in range(ndim) if values.shape[a] == 1])
        kept = [n for a, n in enumerate(names) if a not in repeated]
        return build.constant(values.squeeze(repeated), kept)


def _named(array: TracedArray, names: list[Any], ndim: int) -> Var:
    if any(map(is_new, array.names[ndim:])):
        var, own = real(array)
        return build.rename(var, dict(zip(own, names, strict=True)))
    pairs = [(own, name) for own, name in zip(array.names, names, strict=True) if not is_new(own)]
    return build.rename(array.value, dict(pairs))


def _batch_names(inputs: Sequence[_Input]) -> list[Dim]:
    """A name for every batch axis: that which the first array with it has, else a new one."""
    count = max([np.ndim(x.array) - len(x.core) for x in inputs], default=0)
    names: list[Dim] = []
    for place in range(count, 0, -1):
        own = [
            x.array.names[-place - len(x.core)]
            for x in inputs
            if isinstance(x.array, TracedArray) and np.ndim(x.array) - len(x.core) >= place
        ]
        real_names = [n for n in own if not is_new(n)]
        names.append(real_names[0] if real_names else f"batch_{place}")
    return names


def _of_arrays(func: Callable[..., Any], args: Sequence[Any]) -> Callable[..., Any]:
    """``func`` as a function of the arrays in its arguments alone."""
    packed = []
    for arg in args:
        leaves, structure = flatten(arg)
        places = tuple([_is_array(leaf) for leaf in leaves])
        constants = tuple(
            [None if place else leaf for place, leaf in zip(places, leaves, strict=True)]
        )
        packed.append(_Packed(structure, places, constants))
    plain = all(p.structure == LEAF and p.places == (True,) for p in packed)
    return func if plain else Packing(func, tuple(packed))


class _Packed(NamedTuple):
    """One argument taken apart: its containers, where its arrays stand, and its other leaves."""

    structure: Structure
    places: tuple[bool, ...]
    constants: tuple[Any, ...]


@dataclasses.dataclass(frozen=True)
class Packing:
    """A user's function of containers as a function of their arrays."""

    function: Callable[..., Any]
    arguments: tuple[_Packed, ...]

    @property
    def __name__(self) -> str:
        return function_name(self.function)

    def __call__(self, *arrays: Any) -> Any:
        rest = iter(arrays)
        return self.function(*[_unpacked(argument, rest) for argument in self.arguments])


def _unpacked(argument: _Packed, arrays: Iterator[Any]) -> Any:
    pairs = zip(argument.places, argument.constants, strict=True)
    return unflatten(argument.structure, [next(arrays) if place else c for place, c in pairs])
