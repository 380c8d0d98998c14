"""The parameters of distributions: their names, defaults and constraints, and how values given are held to them."""

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, ClassVar, NamedTuple

import numpy as np
import xarray as xr

from xgrad.errors import ArgumentError, nearest
from xgrad.labels import is_traced
from xgrad.model.distributions.supports import Support, real
from xgrad.model.places import first_value
from xgrad.transforms.calls.backing import is_numeric

_REQUIRED: Any = object()


class Parameter(NamedTuple):
    """A parameter of a distribution: where its values must lie (None: it is no number), and its default."""

    support: Support | None = real
    default: Any = _REQUIRED


CORE_DIMS = Parameter(None, None)


def table(**parameters: Parameter) -> Mapping[str, Parameter]:
    """The parameters of a distribution, in order."""
    return MappingProxyType(parameters)


class Alternative(NamedTuple):
    """Other names by which a distribution can be given: ``convert(**values)`` has its parameters proper."""

    names: tuple[str, ...]
    convert: Callable[..., Mapping[str, Any]]


class AbstractParametric:
    """What has parameters by name, each as an attribute."""

    parameters: ClassVar[Mapping[str, Parameter]] = table()
    alternatives: ClassVar[tuple[Alternative, ...]] = ()
    either: ClassVar[tuple[str, ...]] = ()  # parameters of which exactly one is given


def converted(cls: type[AbstractParametric], given: Mapping[str, Any]) -> Mapping[str, Any]:
    """The parameters proper, where others were given."""
    for names, convert in cls.alternatives:
        if set(names) <= set(given) and not set(names) <= set(cls.parameters):
            rest = {k: v for k, v in given.items() if k not in names}
            return {**convert(**{k: given[k] for k in names}), **rest}
    return given


def by_name(cls: type[AbstractParametric], args: Sequence[Any], given: Mapping[str, Any]) -> dict:
    """The parameters by name, defaults filled in."""
    names = list(cls.parameters)
    if len(args) > len(names):
        raise ArgumentError(
            f"{cls.__name__} takes the parameters {', '.join(names)}; got {len(args)} values."
        )
    values = dict(zip(names, args, strict=False))
    for name, value in given.items():
        if name not in cls.parameters:
            raise ArgumentError(
                f"{cls.__name__} has no parameter {name!r}{nearest(name, names) or '.'} It takes {_taken(cls)}."
            )
        if name in values:
            raise ArgumentError(f"{cls.__name__}: parameter {name!r} is given twice.")
        values[name] = value
    for name, parameter in cls.parameters.items():
        if name not in values and parameter.default is _REQUIRED:
            raise ArgumentError(f"{cls.__name__} needs the parameter {name!r}.")
        values.setdefault(name, parameter.default)
    if cls.either and sum([values[name] is not None for name in cls.either]) != 1:
        raise ArgumentError(f"{cls.__name__} takes exactly one of {' and '.join(cls.either)}.")
    return {name: values[name] for name in names}


def _taken(cls: type[AbstractParametric]) -> str:
    """The parameters, and others that can stand for them."""
    return "; or ".join(
        [", ".join(names) for names in (cls.parameters, *[a.names for a in cls.alternatives])]
    )


def check_parameters(distribution: AbstractParametric) -> None:
    """Raise ArgumentError where a parameter has no named dims, or lies outside its support as far as that is known."""
    for name, parameter in distribution.parameters.items():
        value = getattr(distribution, name)
        is_absent = value is None and parameter.default is None
        if parameter.support is None or is_absent or is_traced(value):
            continue
        family = type(distribution).__name__
        _check_kind(f"{family}: {name}", value)
        _check_inside(family, name, value, parameter.support)


def _check_kind(what: str, value: Any) -> None:
    if not isinstance(value, xr.DataArray | int | float | np.number):
        raise ArgumentError(
            f"{what} is {described(value)}; give a number, or a DataArray, whose dims are named."
        )
    if isinstance(value, xr.DataArray) and not is_real(value.dtype):
        raise ArgumentError(f"{what} holds {value.dtype}, and not real numbers.")


def _check_inside(family: str, name: str, value: Any, support: Support) -> None:
    inside = support.contains(value)
    if not isinstance(value, xr.DataArray):
        if not inside:
            raise ArgumentError(f"{family}: {name}={value} is not in {support}.")
        return
    outside = ~(inside | value.isnull())
    if outside.any():
        raise ArgumentError(
            f"{family}: {int(outside.sum())} of {value.size} values of {name} are not in {support}; the first is"
            f" {first_value(value, outside)}."
        )


def as_tuple(dims: Any) -> tuple[Any, ...]:
    """One dim, or several, as a tuple."""
    if dims is None:
        return ()
    return tuple(dims) if isinstance(dims, list | tuple) else (dims,)


def core_dims_of(
    distribution: AbstractParametric,
    given: Any,
    array: Any,
    count: int = 1,
    option: str = "core_dims",
) -> tuple[Any, ...]:
    """The core dims as given in ``option``; or all dims of a parameter that has no others.

    Raises ArgumentError where it has.
    """
    family, dims = type(distribution).__name__, getattr(array, "dims", ())
    found = as_tuple(given) or tuple(dims)
    if len(found) != count:
        raise ArgumentError(
            f"{family}: say in {option}= which {count} of the dims {tuple(dims)} a value is made along."
        )
    lacking = [d for d in found if array is not None and d not in dims]
    if lacking:
        raise ArgumentError(
            f"{family}: {option}={found!r}, and the parameter has the dims {tuple(dims)}"
            f"{nearest(lacking[0], dims)}"
        )
    return found


def is_real(dtype: Any) -> bool:
    """Whether values of ``dtype`` are real numbers: no dates, no text, not complex."""
    return is_numeric(dtype) and dtype.kind != "c"


def as_number(value: Any) -> Any:
    """An array of no axes (of NumPy or JAX) as the number that it is."""
    is_bare = is_array(value) and not isinstance(value, xr.DataArray | np.generic)
    return np.asarray(value)[()] if is_bare and np.ndim(value) == 0 else value


def described(value: Any) -> str:
    """What a value is that is no labeled number, for messages."""
    if isinstance(value, np.ndarray | list | tuple) or is_array(value):
        return f"an array of shape {np.shape(value)} without names of dims"
    return "None" if value is None else f"a {type(value).__name__}"


def is_array(value: Any) -> bool:
    return hasattr(value, "dtype")


def short(value: Any) -> str:
    """A parameter in few words: of an array the name and the sizes."""
    if isinstance(value, xr.DataArray):
        dims = ", ".join([f"{d}: {n}" for d, n in value.sizes.items()])
        return f"{value.name or 'array'}({dims})"
    return repr(value)
