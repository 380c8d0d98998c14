"""Labels chosen by traced positions: dates, strings and objects, which no compiled program computes with.

``idxmax`` along dates, or coords taken at traced positions, are such arrays: a table of labels known while tracing, and
the positions in it, which are traced. The labels are looked up when the call returns.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, NoReturn

import numpy as np
from numpy.lib.mixins import NDArrayOperatorsMixin

from xgrad.errors import UnsupportedError
from xgrad.labels.core import AbstractTraced
from xgrad.labels.duck.joining import take
from xgrad.labels.messages.escapes import ARRAY, BOOL, ITEM, escape


class ChosenLabels(NDArrayOperatorsMixin):
    """An array of entries of a 1-d ``table``, at traced positions ``places``; it can be moved about and compared."""

    __slots__ = ("__weakref__", "places", "table")
    __hash__ = None  # pyright: ignore[reportAssignmentType]

    def __init__(self, table: np.ndarray, places: AbstractTraced) -> None:
        self.table = table
        self.places = places

    @property
    def shape(self) -> tuple[int, ...]:
        return self.places.shape

    @property
    def dtype(self) -> np.dtype:
        return self.table.dtype

    @property
    def ndim(self) -> int:
        return self.places.ndim

    @property
    def size(self) -> int:
        return self.places.size

    @property
    def nbytes(self) -> int:
        return self.size * self.dtype.itemsize

    @property
    def T(self) -> "ChosenLabels":
        return ChosenLabels(self.table, np.transpose(self.places))  # pyright: ignore

    def __len__(self) -> int:
        return len(self.places)  # pyright: ignore[reportArgumentType]

    def __getitem__(self, key: Any) -> "ChosenLabels":
        return ChosenLabels(self.table, self.places[key])  # pyright: ignore[reportIndexIssue]

    def copy(self, order: str = "C") -> "ChosenLabels":
        return ChosenLabels(self.table, self.places)

    def __copy__(self) -> "ChosenLabels":
        return self.copy()

    def __deepcopy__(self, memo: dict[int, Any]) -> "ChosenLabels":
        return self.copy()

    def astype(self, dtype: Any, **options: Any) -> Any:
        return choose(self.table.astype(dtype), self.places)

    def reshape(self, *shape: Any, **options: Any) -> "ChosenLabels":
        return ChosenLabels(self.table, self.places.reshape(*shape))  # pyright: ignore

    def transpose(self, *axes: Any) -> "ChosenLabels":
        return ChosenLabels(self.table, self.places.transpose(*axes))  # pyright: ignore

    def __repr__(self) -> str:
        return f"<ChosenLabels {self.dtype}{self.shape} of {len(self.table)}>"

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **kwargs: Any) -> Any:
        """A function of each entry is a function of the table."""
        chosen = [x for x in inputs if isinstance(x, ChosenLabels)]
        alone = len(chosen) == 1 and all(np.ndim(x) == 0 for x in inputs if x is not self)
        if method != "__call__" or kwargs or not alone:
            raise _refusal(f"np.{ufunc.__name__}", self)
        return choose(ufunc(*[x.table if x is self else x for x in inputs]), self.places)

    def __array_function__(
        self, function: Any, types: Any, args: Sequence[Any], kwargs: Mapping[str, Any]
    ) -> Any:
        if function in DESCRIPTIONS or (function in MOVES and args[0] is self):
            result = function(self.places, *args[1:], **kwargs)
            return result if function in DESCRIPTIONS else ChosenLabels(self.table, result)
        raise _refusal(f"np.{function.__name__}", self)

    def __array__(self, *args: Any, **kwargs: Any) -> NoReturn:
        raise escape(self.places, ARRAY)

    def __bool__(self) -> NoReturn:
        raise escape(self.places, BOOL)

    def item(self, *args: Any) -> NoReturn:
        raise escape(self.places, ITEM)


MOVES: Final[frozenset[Callable[..., Any]]] = frozenset(
    {
        np.transpose,
        np.moveaxis,
        np.swapaxes,
        np.reshape,
        np.ravel,
        np.squeeze,
        np.expand_dims,
        np.broadcast_to,
        np.flip,
        np.roll,
        np.repeat,
        np.tile,
        np.take,
        np.copy,
    }
)
DESCRIPTIONS: Final[frozenset[Callable[..., Any]]] = frozenset({np.shape, np.ndim, np.size})


def choose(labels: Any, places: AbstractTraced) -> Any:
    """The ``labels``, a 1-d array, at traced places."""
    table = np.asarray(labels)
    return take(table, places) if table.dtype.kind in "biufc" else ChosenLabels(table, places)


def _refusal(what: str, array: ChosenLabels) -> UnsupportedError:
    return UnsupportedError(
        f"{what} of labels of dtype {array.dtype} that were chosen by traced positions:"
        " a compiled function has no such values, it can only return them.\n"
        "Use the positions (argmax, argmin, argsort), or make the coord numeric first."
    )
