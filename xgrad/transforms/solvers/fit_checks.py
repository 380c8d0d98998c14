"""What is asked of the arguments of ``xgrad.curvefit`` and of the solvers, before anything is traced."""

from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from inspect import Parameter, signature
from typing import Any

import numpy as np
import xarray as xr

from xgrad.errors import (
    AlignmentError,
    ArgumentError,
    DimensionError,
    UnsupportedTypeError,
    in_short,
    nearest,
)
from xgrad.labels import is_traced

_SPREAD = (Parameter.VAR_POSITIONAL, Parameter.VAR_KEYWORD)


def check_fit(
    data: Any,
    coords: Sequence[Any],
    func: Callable[..., Any],
    reduce_dims: Sequence[Hashable],
    param_names: Sequence[str] | None,
    errors: str,
    p0: Any,
    bounds: Any,
    weights: Any,
    sigma: Any,
) -> None:
    """Everything but numbers. ArgumentError, DimensionError, AlignmentError or UnsupportedTypeError."""
    if not isinstance(data, xr.DataArray | xr.Dataset):
        raise ArgumentError(
            f"curvefit: data is a DataArray or a Dataset, not {type(data).__name__}."
        )
    for array in data.values() if isinstance(data, xr.Dataset) else [data]:
        if array.dtype.kind not in "biuf":
            raise UnsupportedTypeError(
                f"curvefit: {in_short(array.name)} has the dtype {array.dtype}; curves are fitted to real numbers."
            )
    if errors not in ("raise", "ignore"):
        raise ArgumentError(f"curvefit: errors is 'raise' or 'ignore', not {errors!r}.")
    along = _check_coords(data, coords, reduce_dims)
    params = _params(func, param_names)
    _check_mapping("p0", p0, params, "{name: first guess}")
    _check_mapping("bounds", bounds, params, "{name: (lower, upper)}")
    for name, pair in dict(bounds or {}).items():
        if not isinstance(pair, tuple | list) or len(pair) != 2:
            raise ArgumentError(
                f"curvefit: the bounds of {name!r} are a pair (lower, upper), None for no bound; not {in_short(pair)}."
            )
    kept = [d for d in data.dims if d not in along]
    for what, value in _given(p0, bounds):
        _check_given(what, value, data, kept, f"other than those fitted along; they are {kept}")
    for what, value in (("weights", weights), ("sigma", sigma)):
        _check_given(what, value, data, list(data.dims), f"of the data; they are {[*data.dims]}")


def _check_coords(
    data: xr.DataArray | xr.Dataset, coords: Sequence[Any], reduce_dims: Sequence[Hashable]
) -> set[Hashable]:
    """The dims that the fit is along."""
    for dim in reduce_dims:
        if dim not in data.dims:
            raise DimensionError(
                f"curvefit: reduce_dims names {dim!r}; the dims of the data are {[*data.dims]}"
                f"{nearest(dim, data.dims) or '.'}"
            )
    along = set(reduce_dims)
    for coord in coords:
        if isinstance(coord, str):
            if coord not in data.coords:
                known = [str(c) for c in data.coords]
                raise ArgumentError(
                    f"curvefit: there is no coord {coord!r}; the data has {known}{nearest(coord, known) or '.'}\n"
                    "Give the dim labels with assign_coords, or pass a DataArray."
                )
            coord = data[coord]
        if not isinstance(coord, xr.DataArray):
            raise ArgumentError(
                f"curvefit: coords are names or DataArrays, not {type(coord).__name__}."
            )
        if coord.dtype.kind not in "biuf":
            raise UnsupportedTypeError(
                f"curvefit: the coord {coord.name!r} has the dtype {coord.dtype}; the curve is a function of numbers.\n"
                "Pass a DataArray of numbers, for dates (time - time[0]) / np.timedelta64(1, 'D'), and reduce_dims."
            )
        along |= {d for d in data.dims if is_of(coord, d, data)}
        _check_given(
            "the coord", coord, data, list(data.dims), f"of the data; they are {[*data.dims]}"
        )
    if not along:
        raise DimensionError(
            f"curvefit: the coords are no dims of the data, which are {[*data.dims]}.\n"
            "Name the dims to fit along with reduce_dims."
        )
    return along


def is_of(coord: xr.DataArray, dim: Hashable, data: xr.DataArray | xr.Dataset) -> bool:
    """Whether a coord is the dim's own, which it may be under another name."""
    if coord.dims != (dim,) or is_traced(coord):
        return False
    return coord.variable is data[dim].variable or coord.equals(data[dim])


def _params(func: Callable[..., Any], param_names: Sequence[str] | None) -> list[str]:
    if param_names is not None:
        return list(param_names)
    if not callable(func):
        raise ArgumentError(
            f"curvefit: func is a function f(x, *params), not {type(func).__name__}."
        )
    found = list(signature(func).parameters.values())[1:]
    if any(p.kind in _SPREAD for p in found):
        raise ArgumentError(
            "curvefit: the function takes any number of parameters; name them with param_names."
        )
    if not found:
        raise ArgumentError("curvefit: the function has no parameters beside the coord.")
    return [p.name for p in found]


def _check_mapping(what: str, value: Any, params: Sequence[str], form: str) -> None:
    if value is None:
        return
    if not isinstance(value, Mapping):
        raise ArgumentError(f"curvefit: {what} is a mapping {form}, not {type(value).__name__}.")
    for name in value:
        if name not in params:
            raise ArgumentError(
                f"curvefit: {what} names the parameter {name!r}; they are {list(params)}{nearest(name, params) or '.'}"
            )


def _given(p0: Any, bounds: Any) -> Iterable[tuple[str, Any]]:
    """What has dims of its own, and what it is called."""
    for name, value in dict(p0 or {}).items():
        yield f"the first guess of {name!r}", value
    for name, pair in dict(bounds or {}).items():
        for side, value in zip(("lower", "upper"), pair, strict=True):
            yield f"the {side} bound of {name!r}", value


def _check_given(what: str, value: Any, data: Any, dims: Sequence[Hashable], which: str) -> None:
    """An argument is a number, or its dims and labels are those of the data."""
    if value is None or np.shape(value) == ():
        return
    if not isinstance(value, xr.DataArray):
        raise ArgumentError(
            f"curvefit: {what} is a number or a DataArray, whose dims say what belongs together;"
            f" not {type(value).__name__}."
        )
    for dim in value.dims:
        if dim not in dims:
            raise DimensionError(f"curvefit: {what} has the dim {dim!r}, which is none {which}.")
    check_labels(f"curvefit: {what}", value, data, "the data")


def check_labels(what: str, value: xr.DataArray, other: Any, named: str) -> None:
    """AlignmentError where sizes or labels along a dim are not those of the ``other``, which is ``named`` so."""
    for dim in value.dims:
        if value.sizes[dim] != other.sizes[dim]:
            raise AlignmentError(
                f"{what} has {value.sizes[dim]} entries along {dim!r}, and {named} {other.sizes[dim]}."
            )
        _check_index(what, dim, value.indexes.get(dim), other.indexes.get(dim), named)


def _check_index(what: str, dim: Hashable, one: Any, other: Any, named: str) -> None:
    if one is None or other is None or one.equals(other):
        return
    place = next(i for i, (a, b) in enumerate(zip(one, other, strict=True)) if a != b)
    raise AlignmentError(
        f"{what} has other labels along {dim!r} than {named}: {one[place]!r} where that has"
        f" {other[place]!r}, at position {place}.\nBring them into line with reindex_like or xr.align."
    )


# ---- numbers ---------------------------------------------------------------------------------------------------------
def check_numbers(
    p0: Mapping[str, Any], bounds: Mapping[str, Any], sigma: Any, weights: Any
) -> None:
    """ArgumentError for bounds that cross, first guesses outside of them, and errors that are none."""
    for name, (lower, upper) in bounds.items():
        refuse(
            lower >= upper,
            f"curvefit: the lower bound of {name!r} is not below the upper one",
            lower,
            upper,
        )
    for name in [k for k in p0 if k in bounds]:
        (lower, upper), start = bounds[name], p0[name]
        said = f"curvefit: the first guess of {name!r} lies"
        refuse(start < lower, f"{said} below its lower bound", start, lower)
        refuse(start > upper, f"{said} above its upper bound", start, upper)
    if sigma is not None:
        refuse(sigma <= 0, "curvefit: sigma is not positive", sigma)
    if weights is not None:
        refuse(weights < 0, "curvefit: a weight is negative", weights)


def refuse(wrong: xr.DataArray, said: str, *numbers: xr.DataArray) -> None:
    """ArgumentError where anything is wrong, with the numbers there."""
    if not bool(wrong.any()):
        return
    which = first_place(wrong)
    shown = [f"{float(x.isel({d: i for d, i in which.items() if d in x.dims})):g}" for x in numbers]
    at = f", at {place_of(wrong, which)}" if which else ""
    raise ArgumentError(f"{said}: {' and '.join(shown)}{at}.")


def first_place(mask: xr.DataArray) -> dict[Hashable, int]:
    """The position of the first entry that is true, by dim."""
    places = np.unravel_index(np.argmax(mask.values), mask.shape)
    return {dim: int(place) for dim, place in zip(mask.dims, places, strict=True)}


def place_of(array: xr.DataArray, which: Mapping[Hashable, int]) -> str:
    """An entry by its labels, or by its position along dims without."""
    places = []
    for dim, i in which.items():
        label = array.indexes[dim][i] if dim in array.indexes else None
        shown = repr(label) if isinstance(label, str) else str(label)
        places.append(f"{dim}[{i}]" if label is None else f"{dim}={shown}")
    return ", ".join(places)
