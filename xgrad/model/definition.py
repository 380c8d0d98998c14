"""``define``: a model as a function of its data."""

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import wraps
from typing import Any

import numpy as np
import xarray as xr

from xgrad.errors import ArgumentError
from xgrad.model.model import Model


def define(fun: Callable[..., Any]) -> Callable[..., Model]:
    """A function that declares variables, as a function of data that returns the model.

    Its DataArrays become ``Data`` under the names of its parameters, a Dataset becomes a dict of one ``Data`` for each
    variable; other arguments (numbers, strings, None) are passed as they are. ``coords=`` gives labels of further
    dims. The model knows its definition: ``Model.with_data`` runs it again.

    >>> import xarray as xr
    >>> from xgrad.model import HalfNormal, Normal, define
    >>> @define
    ... def regression(x, y):
    ...     slope = Normal("slope")
    ...     Normal("noisy", slope * x, HalfNormal("noise"), observed=y)
    >>> x = xr.DataArray([1.0, 2.0], dims="time")
    >>> list(regression(x, 2 * x).free)
    ['slope', 'noise']
    """
    signature = inspect.signature(fun)

    @wraps(fun)
    def build(*args: Any, coords: Any = None, **kwargs: Any) -> Model:
        try:
            bound = signature.bind(*args, **kwargs)
        except TypeError as error:
            raise ArgumentError(f"{fun.__name__}{signature}: {error}.") from None
        model = Model(coords)
        arguments = dict(bound.arguments)
        with model:
            for name, value in arguments.items():
                bound.arguments[name] = _declared(model, name, value)
            fun(*bound.args, **bound.kwargs)
        model.definition = Definition(build, arguments, coords)
        return model

    return build


@dataclass(frozen=True)
class Definition:
    """A function that makes a model, and what it was called with."""

    build: Callable[..., Model]
    arguments: Mapping[str, Any]
    coords: Any

    def __call__(self, data: Mapping[str, Any]) -> Model:
        """The model for other arguments."""
        return self.build(**{**self.arguments, **data}, coords=self.coords)


def _declared(model: Model, name: str, value: Any) -> Any:
    if isinstance(value, xr.Dataset):
        return {str(k): model.data(str(k), v) for k, v in value.data_vars.items()}
    return model.data(name, value) if isinstance(value, xr.DataArray | np.ndarray) else value
