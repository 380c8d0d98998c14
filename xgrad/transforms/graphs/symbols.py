"""Symbolic arrays made by hand: inputs and constants of graphs that no function was traced for."""

from collections.abc import Hashable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import xarray as xr

from xgrad.errors import DimensionError, UnsupportedTypeError
from xgrad.graph import Var, located, user_source
from xgrad.labels import free_symbol, is_traced
from xgrad.names import build
from xgrad.names.types import XType
from xgrad.transforms.calls.backing import is_numeric, standard

Shape = Sequence[int] | Mapping[Hashable, int] | int


def xtensor(
    name: str,
    dims: str | Sequence[Hashable] = (),
    shape: Shape | None = None,
    dtype: Any = "float64",
    coords: Any = None,
) -> xr.DataArray:
    """A symbolic DataArray: a variable of a graph built by hand, with all that a DataArray has.

    Sizes are static: ``shape`` gives one per dim, in order or by name; sizes that ``coords`` imply may be left out.

    Raises DimensionError where dims and sizes do not go together, UnsupportedTypeError for a dtype that is not numeric.

    >>> x = xtensor("x", dims=("time", "city"), shape=(365, 3))
    >>> x.mean("time").sizes
    Frozen({'city': 3})
    """
    dims = (dims,) if isinstance(dims, str) else tuple(dims)
    sizes = _sizes(name, dims, shape, coords)
    kind = np.dtype(dtype)
    if not is_numeric(kind):
        raise UnsupportedTypeError(
            f"xtensor {name!r}: dtype {kind} is not numeric, and cannot be traced."
        )
    var = Var(XType(dims, tuple([sizes[d] for d in dims]), kind), name=name, source=user_source())
    return xr.DataArray(free_symbol(var), coords, dims, name=name)


def _sizes(
    name: str, dims: tuple[Hashable, ...], shape: Shape | None, coords: Any
) -> dict[Hashable, int]:
    """The size of each dim, from ``shape`` or from coords."""
    if isinstance(shape, int):
        shape = (shape,)
    if isinstance(shape, Mapping):
        sizes = dict(shape)
    elif shape is None:
        sizes = {d: len(coords[d]) for d in dims if coords is not None and d in coords}
    elif len(shape) == len(dims):
        sizes = dict(zip(dims, shape, strict=True))
    else:
        raise DimensionError(
            f"xtensor {name!r}: {len(dims)} dims {dims}, and {len(shape)} sizes {tuple(shape)}; give one size per dim."
        )
    missing = [d for d in dims if d not in sizes]
    if missing or len(set(dims)) != len(dims):
        what = f"no size for dim {missing[0]!r}" if missing else f"a dim twice in {dims}"
        raise DimensionError(f"xtensor {name!r}: {what}; sizes are static: shape={{dim: size}}.")
    return {d: int(sizes[d]) for d in dims}


def constant(value: Any, dims: str | Iterable[Hashable] | None = None) -> xr.DataArray:
    """A symbolic DataArray of known values, with the labels of ``value`` where it has any.

    ``dims`` names the axes of an array without names. Raises DimensionError where it does not fit.

    >>> constant([1.0, 2.0], dims="city").sizes
    Frozen({'city': 2})
    """
    array = value if isinstance(value, xr.DataArray) else _labeled(value, dims)
    data = standard(array.variable.data, str(array.name or "constant"))
    with located(user_source()):
        var = build.constant(np.asarray(data), array.dims)
    return array.copy(deep=False, data=free_symbol(var))


def as_xtensor(value: Any, dims: str | Iterable[Hashable] | None = None, name: Any = None) -> Any:
    """``value`` as a symbolic DataArray: itself where it is one, else a constant.

    >>> as_xtensor(2.0).ndim
    0
    """
    if is_traced(value):
        array = value if isinstance(value, xr.DataArray) else _labeled(value, dims)
    else:
        array = constant(value, dims)
    return array if name is None else array.rename(name)


def _labeled(value: Any, dims: str | Iterable[Hashable] | None) -> xr.DataArray:
    data = value if is_traced(value) else np.asarray(value)
    names = (dims,) if isinstance(dims, str) else tuple(dims or ())
    if len(names) != data.ndim:
        raise DimensionError(
            f"an array with {data.ndim} axes needs as many dim names; got dims={names}."
        )
    return xr.DataArray(data, dims=names)
