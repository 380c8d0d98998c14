"""The table of what is said in place of xarray's own messages: by class and form, and as an error of which class."""

from collections.abc import Callable
from typing import Final, NamedTuple

import numpy as np
import xarray as xr

from xgrad.errors import (
    AlignmentError,
    ArgumentError,
    DimensionError,
    LabelNotFoundError,
    OutOfRangeError,
    SizeMismatchError,
    UnsupportedTypeError,
    XgradError,
)
from xgrad.labels.messages import sayings as say
from xgrad.labels.messages.sayings import Call

Say = Callable[..., str]


class VariableNotFoundError(LabelNotFoundError, AttributeError):
    """A variable or attribute that a Dataset or DataArray does not have."""


class ArgumentValueError(ArgumentError, ValueError):
    """An argument with a value that it cannot have."""


class AxisNotFoundError(DimensionError, np.exceptions.AxisError):
    """An axis by a number that the array does not have."""


class DimensionNotFoundError(DimensionError, KeyError):
    """A dim that is unknown, where xarray raises a KeyError."""

    __str__ = Exception.__str__


class LabelsDifferError(AlignmentError, xr.AlignmentError):
    """Labels that xarray could not align."""


class SizesDifferError(SizeMismatchError, xr.AlignmentError):
    """A size mismatch that xarray found while aligning."""


class Told(NamedTuple):
    """One message of xarray: the class it comes with, its form, and what is said: ``say(call, *groups)``."""

    found: type[Exception]
    pattern: str
    error: type[XgradError]
    say: Say


_DATES = "dates cannot be combined by {}: the difference of two is a duration, and a date and a duration add up."

TOLD: Final = (
    Told(
        TypeError,
        r"ufunc '(\w+)' did not contain a loop with signature matching types \(.*(?:<U|\|S)",
        UnsupportedTypeError,
        say.strings_and_numbers,
    ),
    Told(
        TypeError,
        r"unsupported operand type\(s\) for (.+?): 'TracedArray' and '(str|bytes)'",
        UnsupportedTypeError,
        say.strings_and_numbers,
    ),
    Told(
        ValueError,
        r"'(.+)' not found in array dimensions \((.*)\)",
        DimensionError,
        say.unknown_dim,
    ),
    Told(
        ValueError,
        r"Dimension(?:s|\(s\)) [\{\(]?'(.+?)'.*? do not exist\. Expected one or more of (.*)",
        DimensionError,
        say.unknown_dim,
    ),
    Told(
        ValueError,
        r"Dimensions? \(?'(.+?)',?\)? not found in data dimensions (.*)",
        DimensionError,
        say.unknown_dim,
    ),
    Told(
        ValueError,
        r"Window dimensions \('(.+?)',.*\) not found in \w+ dimensions (.*)",
        DimensionError,
        say.unknown_dim,
    ),
    Told(
        KeyError,
        r"Window dimensions \('(.+?)',.*\) not found in \w+ dimensions (.*)",
        DimensionNotFoundError,
        say.unknown_dim,
    ),
    Told(
        KeyError,
        r"'(.+)' is not a valid dimension or coordinate",
        DimensionNotFoundError,
        say.unknown_dim,
    ),
    Told(
        xr.AlignmentError,
        r".*along dimension '(.+)' because of conflicting dimension sizes: (\{.*\})",
        SizesDifferError,
        say.sizes_differ,
    ),
    Told(
        xr.AlignmentError,
        r"cannot align objects with join='exact' where index/labels/sizes are not equal along these coordinates "
        r"\(dimensions\): '(.+?)'",
        LabelsDifferError,
        say.unequal_labels,
    ),
    Told(
        ValueError,
        r".*along dimension '(.+)' because the \(pandas\) index has duplicate",
        AlignmentError,
        say.repeated_label,
    ),
    Told(KeyError, r"not all values found in index '(.+?)'", LabelNotFoundError, say.not_found),
    Told(ValueError, r"index must be monotonic", ArgumentValueError, say.no_order),
    Told(
        ValueError,
        r"cannot supply selection options .* for dimension '(.+?)'",
        DimensionError,
        say.no_labels,
    ),
    Told(KeyError, r"No variable named '(.+?)'", LabelNotFoundError, say.no_variable),
    Told(
        AttributeError,
        r"'(?:DataArray|Dataset|DataTree)' object has no attribute '(\w+)'",
        VariableNotFoundError,
        say.no_variable,
    ),
    Told(
        TypeError,
        r"invalid indexer array, does not have integer dtype",
        UnsupportedTypeError,
        say.no_position,
    ),
    Told(
        IndexError, r"arrays used as indices must be of integer", OutOfRangeError, say.no_position
    ),
    Told(
        IndexError, r"Boolean array size (\d+) is used to index", OutOfRangeError, say.mask_length
    ),
    Told(IndexError, r"Dimensions of indexers mismatch", OutOfRangeError, say.pointwise),
    Told(
        np.exceptions.AxisError,
        r"axis (-?\d+) is out of bounds for array of dimension (\d+)",
        AxisNotFoundError,
        say.no_axis,
    ),
    Told(
        ValueError,
        r"\((.*?)\) must be a permuted list of \((.*?)\)",
        DimensionError,
        say.permutation,
    ),
    Told(
        ValueError,
        r"cannot create a new dimension with the same name",
        DimensionError,
        say.stacked_name,
    ),
    Told(
        ValueError,
        r"cannot unstack dimensions that do not have exactly one multi-index: \('(.+?)'",
        DimensionError,
        say.not_stacked,
    ),
    Told(ValueError, r"the new name '(.+)' conflicts", DimensionError, say.renamed_twice),
    Told(
        ValueError,
        r"cannot rename '(.+)' because it is not a variable or dim",
        DimensionError,
        say.rename_unknown,
    ),
    Told(ValueError, r"Dimension (.+) already exists", DimensionError, say.expanded_twice),
    Told(ValueError, r"cannot select a dimension to squeeze out", SizeMismatchError, say.squeezed),
    Told(
        ValueError,
        r"Could not coarsen a dimension of size (\d+) with window (\d+)",
        SizeMismatchError,
        say.coarse,
    ),
    Told(ValueError, r"window must be > 0", ArgumentValueError, say.empty_window),
    Told(ValueError, r"index can't contain negative values", ArgumentValueError, say.negative_pad),
    Told(
        ValueError,
        r"attempt to get (arg\w+) of an empty sequence",
        SizeMismatchError,
        say.empty_extreme,
    ),
    Told(
        ValueError,
        r"cannot reshape array of size (\d+) into shape (.*)",
        SizeMismatchError,
        say.reshaped,
    ),
    Told(
        ValueError,
        r"Quantiles must be in the range",
        ArgumentValueError,
        lambda call: (
            f"a quantile is a share between 0 and 1, not {call.local('q')!r}.\nDivide percentages by 100."
        ),
    ),
    Told(
        ValueError,
        r"order `n` must be non-negative but got (-?\d+)",
        ArgumentValueError,
        lambda call, n: (
            f"diff along dim {call.local('dim')!r} cannot be taken {n} times.\nPass n=1, or more."
        ),
    ),
    Told(
        ValueError,
        r"must supply at least one object to concatenate",
        ArgumentValueError,
        lambda call: (
            f"there is nothing to concatenate along {call.local('dim')!r}.\nPass at least one array."
        ),
    ),
    Told(
        TypeError,
        r"ufunc '(\w+)' cannot use operands with types dtype\('<M8",
        UnsupportedTypeError,
        lambda call, name: (
            f"{_DATES.format(name)}\nSubtract one of them, or convert: (t - t[0]) / np.timedelta64(1, 'D')."
        ),
    ),
    Told(
        TypeError,
        r"'(?:DataArray|TracedArray)' object cannot be interpreted as an integer",
        UnsupportedTypeError,
        lambda call: (
            "range() and sizes need an integer, and the value of an array is not known while the function is traced.\n"
            "Repeat with xgrad.scan or xgrad.while_loop, or pass a number and name it in static_argnames."
        ),
    ),
)


def bare_key(call: Call) -> tuple[type[XgradError], str] | None:
    """What is said of a KeyError that has nothing but the key: a dim or variable that is not there."""
    key = call.error.args[0] if call.error.args else None
    if type(call.error) is not KeyError or not call.sizes or not isinstance(key, str) or " " in key:
        return None
    owner = call.local("self")
    if isinstance(owner, xr.Dataset) and call.local("names") is not None:
        return LabelNotFoundError, say.no_variable(call, key)
    return DimensionNotFoundError, call.among(key)
