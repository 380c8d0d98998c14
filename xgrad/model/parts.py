"""What a model has beside distributions: ``Data``, ``Deterministic`` and ``Potential``."""

from typing import Any

import xarray as xr

from xgrad.errors import ArgumentError
from xgrad.model.context import current_model
from xgrad.model.dims import Dims


def Data(name: str | xr.DataArray, value: Any = None, dims: Dims = None) -> xr.DataArray:
    """Known values as a symbolic array of the model; dims and coords are taken from a DataArray.

    Unlike an array used as it is, it can be exchanged later for other values, also of another size. ``Data(array)``
    takes the name from the DataArray. Strings and dates stay as they are.

    Raises AlignmentError where the labels along a dim are not those of the model, ArgumentError for an array without
    dims, DuplicateNameError.

    >>> import xarray as xr
    >>> from xgrad.model import Data, Model
    >>> with Model() as m:
    ...     depth = Data(xr.DataArray([1.0, 2.0], dims="site", name="depth"))
    >>> m.dims.sizes
    {'site': 2}
    """
    if value is None and isinstance(name, xr.DataArray):
        if name.name is None:
            raise ArgumentError(
                "Data: the array has no name; give one: Data('name', array), or array.rename('name')."
            )
        name, value = str(name.name), name
    if not isinstance(name, str):
        raise ArgumentError(
            f"Data: the first argument is the name, not {type(name).__name__}; write Data('name', values, dims=...), or"
            " Data(array) for a DataArray with a name."
        )
    return current_model(f"Data {name!r}").data(name, value, dims)


def Deterministic(name: str, expression: Any) -> xr.DataArray:
    """A computed value that results keep under ``name``. Its dims are those that the expression has.

    >>> from xgrad.model import Deterministic, HalfNormal, Model
    >>> with Model() as m:
    ...     variance = Deterministic("variance", HalfNormal("sd") ** 2)
    >>> list(m.sites)
    ['sd', 'variance']
    """
    return current_model(f"Deterministic {name!r}").deterministic(name, expression)


def Potential(name: str, expression: Any) -> xr.DataArray:
    """A term added to the log-density: a constraint, a penalty, or a density that no distribution has.

    >>> from xgrad.model import Model, Normal, Potential
    >>> with Model() as m:
    ...     x = Normal("x")
    ...     penalty = Potential("penalty", -abs(x))
    """
    return current_model(f"Potential {name!r}").potential(name, expression)
