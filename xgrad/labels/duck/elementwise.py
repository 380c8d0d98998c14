"""Elementwise ops on arrays that meet position by position, as NumPy broadcasts: names are unified, dtypes resolved.

The first array with a dim along an axis names that axis; the others' dims are renamed to it. Dtypes are what
NumPy's own ``ufunc.resolve_dtypes`` says, with Python numbers weak.
"""

from collections.abc import Sequence
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np

from xgrad.axes import gammas, integrals, special
from xgrad.axes.base import AbstractElementwise
from xgrad.axes.elementwise import UFUNCS, Cast, Imag, Real, Where
from xgrad.errors import SizeMismatchError
from xgrad.graph import Var, current_source
from xgrad.labels.constants import NUMBERS, check_dtype, constant, in_seconds, scalar
from xgrad.labels.core import AbstractTraced, Name, New, is_new, make, trace_of
from xgrad.labels.scope import fresh
from xgrad.names import build
from xgrad.names.compute import XElemwise
from xgrad.names.messages import action

SCALARS = (*NUMBERS, np.generic)
Kind = Any  # of an operand: its dtype, or the Python type of a weak one


SCIPY: dict[
    str, type[AbstractElementwise]
] = {  # the ufuncs of scipy.special, by the names they go by
    "gammaln": special.Gammaln,
    "psi": special.Digamma,
    "gamma": gammas.Gamma,
    "gammasgn": gammas.Gammasgn,
    "loggamma": gammas.Loggamma,
    "beta": gammas.Beta,
    "betaln": gammas.Betaln,
    "poch": gammas.Poch,
    "gammainc": gammas.Gammainc,
    "gammaincc": gammas.Gammaincc,
    "betainc": gammas.Betainc,
    "_zeta": gammas.Zeta,
    "spence": gammas.Spence,
    "erf": special.Erf,
    "erfc": special.Erfc,
    "erfcx": integrals.Erfcx,
    "erfinv": special.Erfinv,
    "dawsn": integrals.Dawsn,
    "wofz": integrals.Wofz,
    "owens_t": integrals.OwensT,
    "expit": special.Expit,
    "logit": special.Logit,
    "log_expit": special.LogExpit,
    "exprel": integrals.Exprel,
    "ndtr": special.Ndtr,
    "log_ndtr": special.LogNdtr,
    "ndtri": special.Ndtri,
    "expi": integrals.Expi,
    "exp1": integrals.Exp1,
    "expn": integrals.Expn,
    "hyp1f1": integrals.Hyp1f1,
    "hyp2f1": integrals.Hyp2f1,
    "i0": integrals.I0,
    "i0e": special.I0e,
    "i1": integrals.I1,
    "i1e": special.I1e,
    "entr": integrals.Entr,
    "rel_entr": integrals.RelEntr,
    "kl_div": integrals.KlDiv,
    "xlogy": special.Xlogy,
    "xlog1py": special.Xlog1py,
}

OPS: dict[str, type[AbstractElementwise]] = {**UFUNCS, **SCIPY}  # pyright: ignore[reportAssignmentType]


class Loop(NamedTuple):
    """How a ufunc runs on operands of certain kinds."""

    op: XElemwise
    dtypes: tuple[np.dtype, ...]
    weak: bool


def call_ufunc(ufunc: np.ufunc, operands: Sequence[Any]) -> AbstractTraced:
    """The result of a ufunc for which there is an elementwise op; dates and durations are numbers to it."""
    kinds = tuple([kind_of(x) for x in operands])
    if _has_times(kinds):
        operands = [in_seconds(x) for x in operands]
        kinds = tuple([kind_of(x) for x in operands])
    return elementwise(_loop(ufunc, kinds), operands)


@lru_cache(maxsize=4096)
def _has_times(kinds: tuple[Kind, ...]) -> bool:
    return any([isinstance(kind, np.dtype) and kind.kind in "mM" for kind in kinds])


def elementwise(loop: Loop, operands: Sequence[Any]) -> AbstractTraced:
    """The loop's op on operands cast to its dtypes and broadcast against each other."""
    variables, names = align(operands, loop.dtypes, loop.op)
    return make(loop.op(*build.unspread(variables)), names, trace_of(operands), weak=loop.weak)


_PLAIN_OPS = {"real": XElemwise(Real()), "imag": XElemwise(Imag())}
_WHERE = XElemwise(Where())


def elementwise_op(name: str, x: AbstractTraced) -> AbstractTraced:
    """An elementwise function that is no ufunc, on one array of any dtype."""
    return elementwise(Loop(_PLAIN_OPS[name], (x.dtype,), False), (x,))


def where(condition: Any, x: Any, y: Any) -> AbstractTraced:
    """``x`` where the condition holds, elsewhere ``y``, in the dtype that both promote to."""
    return elementwise(_where_loop((kind_of(x), kind_of(y))), (condition, x, y))


@lru_cache(maxsize=1024)
def _where_loop(kinds: tuple[Kind, ...]) -> Loop:
    dtype = _promoted(kinds)
    return Loop(_WHERE, (np.dtype(bool), dtype, dtype), all(type(k) is type for k in kinds))


def cast_array(array: AbstractTraced, dtype: np.dtype) -> AbstractTraced:
    """``array`` converted to a dtype of its own: no longer weak, and no view."""
    check_dtype("astype", dtype)
    var = cast(array.value, dtype)
    return AbstractTraced.final(make(var, None, array.scope).cell, array.axes)


def cast_to(operand: Any, dtype: np.dtype) -> Any:
    """An operand of either kind in another dtype."""
    traced = isinstance(operand, AbstractTraced)
    return cast_array(operand, dtype) if traced else np.asarray(operand).astype(dtype)


def special_function(op: type[AbstractElementwise], operands: Sequence[Any]) -> AbstractTraced:
    """A special function of operands one of which is traced, in the float dtype that all promote to."""
    return elementwise(_special_loop(op, tuple([kind_of(x) for x in operands])), operands)


@lru_cache(maxsize=4096)
def _special_loop(op: type[AbstractElementwise], kinds: tuple[Kind, ...]) -> Loop:
    """Integers and truth values become float64, float16 becomes float32, as in SciPy."""
    for kind in kinds:
        check_dtype(op.__name__.lower(), np.dtype(kind))
    found = np.result_type(*[k(0) if type(k) is type else k for k in kinds])
    wider = np.float32 if found == np.float16 else np.float64
    dtype = np.dtype(wider) if found.kind in "biu" or found == np.float16 else found
    return Loop(XElemwise(op()), (dtype,) * len(kinds), all(type(k) is type for k in kinds))


@lru_cache(maxsize=4096)
def _loop(ufunc: np.ufunc, kinds: tuple[Kind, ...]) -> Loop:
    """NumPy's own; where a function of SciPy takes operands of several dtypes, all are cast to that of the result."""
    name = ufunc.__name__
    dtypes = resolve(ufunc, kinds)
    given = (dtypes[-1],) * ufunc.nin if name in SCIPY else dtypes[: ufunc.nin]
    return Loop(XElemwise(OPS[name]()), given, all(type(k) is type for k in kinds))


@lru_cache(maxsize=4096)
def resolve(ufunc: np.ufunc, kinds: tuple[Kind, ...]) -> tuple[np.dtype, ...]:
    """The dtypes of the inputs and outputs of the loop that NumPy would choose. Raises as NumPy does."""
    given = [np.dtype(kind) for kind in kinds]
    if any([dtype.kind in "SU" for dtype in given]):
        ufunc.resolve_dtypes((*given, *[None] * ufunc.nout))  # raises, where there is a number too
    for dtype in given:
        check_dtype(ufunc.__name__, dtype)
    if all(type(k) is type for k in kinds):  # Python numbers alone: NumPy wants a dtype among them
        kinds = tuple([np.result_type(k) for k in kinds])
    return ufunc.resolve_dtypes((*kinds, *[None] * ufunc.nout))


_PYTHON_TYPES = {"b": np.dtype(bool), "i": int, "u": int, "f": float, "c": complex}


def kind_of(operand: Any) -> Kind:
    """The dtype of an operand, or its Python type where it is weak."""
    if isinstance(operand, AbstractTraced):
        return _PYTHON_TYPES[operand.dtype.kind] if operand.weak else operand.dtype
    if type(operand) in NUMBERS:
        return np.dtype(bool) if type(operand) is bool else type(operand)
    dtype = getattr(operand, "dtype", None)
    return dtype if isinstance(dtype, np.dtype) else np.asarray(operand).dtype


def result_dtype(operands: Sequence[Any]) -> np.dtype:
    """The dtype that all operands promote to."""
    return _promoted(tuple([kind_of(x) for x in operands]))


@lru_cache(maxsize=4096)
def _promoted(kinds: tuple[Kind, ...]) -> np.dtype:
    for kind in kinds:
        check_dtype("promotion", np.dtype(kind))
    return np.result_type(*[k(0) if type(k) is type else k for k in kinds])


def cast(var: Var, dtype: np.dtype) -> Var:
    """``var`` in another dtype; ``var`` itself where it has it."""
    return var if var.type.dtype == dtype else _cast_op(dtype)(var)


@lru_cache(maxsize=64)
def _cast_op(dtype: np.dtype) -> XElemwise:
    return XElemwise(Cast(dtype))


def align(
    operands: Sequence[Any], dtypes: Sequence[np.dtype], op: XElemwise
) -> tuple[list[Var], tuple[Name, ...]]:
    """The operands as values whose names agree, cast to ``dtypes``; and what the axes of a result of them show."""
    names = _shared_names(operands)
    if names is None:
        shape = common_shape(operands, f"cannot {action(op.op)}")
        names = common_names(operands, shape)
    else:
        shape = None
    return [
        conform(x, names, shape, dtype) for x, dtype in zip(operands, dtypes, strict=True)
    ], names


def _shared_names(operands: Sequence[Any]) -> tuple[Name, ...] | None:
    """The names of the operand with most axes, where the others need no new ones to broadcast to it."""
    shared: tuple[Name, ...] = ()
    shape: tuple[int, ...] = ()
    others: list[tuple[tuple[Name, ...], tuple[int, ...]]] = []
    constants: list[Any] = []
    for x in operands:
        if isinstance(x, AbstractTraced):
            names = x.names
            if names != shared or x.shape != shape:
                if len(names) > len(shared) or New in map(type, shared):
                    others += [(shared, shape)] if shared else []
                    shared, shape = names, x.shape
                elif names:
                    others.append((names, x.shape))
        elif not isinstance(x, SCALARS):
            constants.append(x)
    if New in map(type, shared) or not all([_is_part(*o, shared, shape) for o in others]):
        return None
    fit = not constants or all([np.shape(c) == shape for c in constants])
    return shared if fit else None


def _is_part(
    names: tuple[Name, ...], sizes: tuple[int, ...], whole: tuple[Name, ...], shape: tuple[int, ...]
) -> bool:
    """Whether each axis is that of the ``whole`` at its place from the end, or a single step that is new."""
    lead = len(whole) - len(names)
    if lead < 0:
        return False
    for name, size, dim, steps in zip(names, sizes, whole[lead:], shape[lead:], strict=True):
        if not (size == 1 if type(name) is New else (name == dim and size == steps)):
            return False
    return True


def common_shape(operands: Sequence[Any], failure: str) -> tuple[int, ...]:
    """The shape that the operands broadcast to."""
    try:
        return np.broadcast_shapes(*[np.shape(x) for x in operands])
    except ValueError:
        shapes = " and ".join([_shape_text(x) for x in operands])
        line = current_source()
        raise SizeMismatchError(
            f"{f'{line}: ' if line else ''}{failure}: arrays of {shapes} do not fit together axis by axis."
            " Use named dims (DataArrays), or reshape one of them."
        ) from None


def _shape_text(operand: Any) -> str:
    if not isinstance(operand, AbstractTraced):
        return f"shape {np.shape(operand)}"
    sizes = [
        str(n) if is_new(d) else f"{d}: {n}"
        for d, n in zip(operand.names, operand.shape, strict=True)
    ]
    name = operand.cell.content.name
    return f"shape ({', '.join(sizes)}){f' (`{name}`)' if name else ''}"


def common_names(operands: Sequence[Any], shape: Sequence[int | None]) -> tuple[Name, ...]:
    """What each axis of the result shows: the dim of the first operand that has one of full size there.

    A size None stands for any size.
    """
    arrays = [x for x in operands if np.ndim(x)]
    taken = {n for x in arrays if isinstance(x, AbstractTraced) for n in x.names}
    names: list[Name] = []
    for axis, size in enumerate(shape):
        found = [d for d in [find_dim(x, axis - len(shape), size) for x in arrays] if d]
        known = [f.name for f in found if f.name is not None]  # constants take the names of others
        if not found:
            names.append(New(size or 0))
        elif not known or known[0] in names:
            names.append(fresh(known[0] if known else "dim", taken.union(names)))
        else:
            names.append(known[0])
    return tuple(names)


class _Found(NamedTuple):
    """A dim along an axis; None where a constant varies along it, which has no name."""

    name: Any


def find_dim(operand: Any, axis: int, size: int | None) -> _Found | None:
    """What ``operand`` has along ``axis`` (from the end), unless it is repeated there."""
    if -axis > np.ndim(operand) or size not in (None, np.shape(operand)[axis]):
        return None
    if isinstance(operand, AbstractTraced):
        name = operand.names[axis]
        return None if is_new(name) else _Found(name)
    return None if _is_repeated(np.asarray(operand), axis) else _Found(None)


def _is_repeated(values: np.ndarray, axis: int) -> bool:
    """Whether a constant need not be stored along ``axis``; the strides of an empty one mean nothing."""
    size = values.shape[axis]
    return size == 1 or (size > 1 and values.strides[axis] == 0 and values.size > 0)


def conform(
    operand: Any, names: Sequence[Name], shape: Sequence[int] | None, dtype: np.dtype
) -> Var:
    """An operand as a value that broadcasts by name to ``names``; ``shape`` is None where its names are those."""
    if isinstance(operand, AbstractTraced):
        var = operand.value if shape is None else renamed_to(operand, names, shape)
        return cast(var, dtype)
    if np.ndim(operand) == 0:
        return scalar(operand, dtype)
    return named_constant(np.asarray(operand), names, dtype)


def renamed_to(array: AbstractTraced, names: Sequence[Name], shape: Sequence[int]) -> Var:
    """The value with the names of the result by position, less dims of size 1 that are repeated."""
    own, lead = array.names, len(names) - array.ndim
    mapping, repeated = {}, {}
    for axis, name in enumerate(own):
        if is_new(name):
            continue
        if array.shape[axis] != shape[lead + axis]:
            repeated[name] = 0
        elif name != names[lead + axis]:
            mapping[name] = names[lead + axis]
    var = build.index(array.value, repeated) if repeated else array.value
    return build.rename(var, mapping) if mapping else var


def named_constant(values: np.ndarray, names: Sequence[Name], dtype: np.dtype) -> Var:
    own = names[len(names) - values.ndim :]
    kept = [i for i, name in enumerate(own) if not (is_new(name) or _is_repeated(values, i))]
    index = tuple([slice(None) if i in kept else 0 for i in range(values.ndim)])
    return constant(values[index], tuple([own[i] for i in kept]), dtype)


def as_traced(value: Any, like: AbstractTraced) -> AbstractTraced:
    """A concrete array as a traced one of the same trace, with names of its own."""
    if isinstance(value, AbstractTraced):
        return value
    values = np.asarray(value)
    dims = tuple([f"dim_{i}" for i in range(values.ndim)])
    return make(constant(values, dims), dims, like.scope, weak=type(value) in NUMBERS)
