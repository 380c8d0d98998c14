"""``xgrad.ravel``: a pytree of labeled arrays as one vector, for SciPy, optax and samplers, and back."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
import xarray as xr

from xgrad.errors import SizeMismatchError, UnsupportedTypeError
from xgrad.labels.slots import read_variable
from xgrad.transforms.calls.backing import backing_of, is_known, is_numeric
from xgrad.transforms.calls.jit import Compiled, is_symbolic
from xgrad.transforms.tree import flatten, leaf_paths, unflatten

_BARE = object()  # stands for an array or number without labels


class _Piece(NamedTuple):
    """Where one array lies in the vector."""

    start: int
    stop: int
    shape: tuple[int, ...]
    dtype: np.dtype

    def cut(self, vector: Any) -> Any:
        return vector[self.start : self.stop].reshape(self.shape).astype(self.dtype)


def ravel(params: Any) -> tuple[Any, Callable[[Any], Any]]:
    """All numbers in ``params`` as one vector, and the function that gives ``params`` back from such a vector.

    ``params`` is a pytree of DataArrays, Datasets, arrays and numbers; constants in it are kept as they are. The vector
    has the dtype that its parts promote to, and lives where they live. ``unravel`` restores labels and dtypes; it can
    be called in a compiled function, on NumPy and JAX arrays and on tracers.

    Raises UnsupportedTypeError for data that is not numeric; ``unravel`` raises SizeMismatchError for another length.

    >>> import xarray as xr
    >>> vector, unravel = ravel({"slope": xr.DataArray([1.0, 2.0], dims="city"), "level": 3.0})
    >>> vector
    array([1., 2., 3.])
    >>> unravel(2 * vector)["slope"].dims
    ('city',)
    """
    leaves, structure = flatten(params)
    paths = leaf_paths(structure, "params")
    parts = [
        _checked(part, path)
        for leaf, path in zip(leaves, paths, strict=True)
        for part in _parts(leaf)
    ]
    unravel = _Unravel(structure, [_without_data(leaf) for leaf in leaves], _pieces(parts))
    if any(backing_of(part) == "jax" for part in parts):
        return Compiled(_joined)(parts), unravel
    return _joined(parts), unravel


def _joined(parts: Sequence[Any]) -> Any:
    if not parts:
        return np.zeros(0)
    return np.concatenate([np.reshape(part, (-1,)) for part in parts])


def _pieces(parts: Sequence[Any]) -> list[_Piece]:
    pieces: list[_Piece] = []
    start = 0
    for part in parts:
        stop = start + int(np.prod(part.shape, dtype=np.int64))
        pieces.append(_Piece(start, stop, tuple(part.shape), part.dtype))
        start = stop
    return pieces


class _Unravel:
    """From a vector to the pytree it was made of."""

    def __init__(self, structure: Any, leaves: list[Any], pieces: list[_Piece]) -> None:
        self._structure = structure
        self._leaves = leaves
        self._pieces = pieces
        self._size = pieces[-1].stop if pieces else 0
        self._compiled = Compiled(self._unravel)

    def __call__(self, vector: Any) -> Any:
        vector = vector.variable.data if isinstance(vector, xr.DataArray) else vector
        vector = np.asarray(vector) if isinstance(vector, list | tuple) else vector
        if vector.shape != (self._size,):
            raise SizeMismatchError(
                f"unravel takes a vector of {self._size} numbers, and got an array of shape {tuple(vector.shape)}."
            )
        if backing_of(vector) == "jax" and not is_symbolic(vector):
            return self._compiled(vector)
        return self._unravel(vector)

    def _unravel(self, vector: Any) -> Any:
        cut = iter([piece.cut(vector) for piece in self._pieces])
        return unflatten(self._structure, [_with_data(leaf, cut) for leaf in self._leaves])


def _parts(leaf: Any) -> list[Any]:
    """The arrays in a leaf, in the order in which ``_with_data`` takes them."""
    if isinstance(leaf, xr.DataArray):
        return [read_variable(leaf.variable)[0]]
    if isinstance(leaf, xr.Dataset):
        data = [read_variable(v.variable)[0] for v in leaf.data_vars.values()]
        return [part for part in data if not is_known(part)]
    if isinstance(leaf, int | float | complex) and not isinstance(leaf, bool):
        return [np.asarray(leaf)]
    return [leaf] if hasattr(leaf, "dtype") else []


def _checked(part: Any, path: str) -> Any:
    if not is_numeric(part.dtype):
        raise UnsupportedTypeError(
            f"`{path}` holds {part.dtype}, and cannot be part of a vector of numbers."
        )
    return part


def _without_data(leaf: Any) -> Any:
    """The labels of a leaf, around an array that takes no memory."""
    if isinstance(leaf, xr.DataArray):
        return leaf.copy(deep=False, data=_nothing(leaf))
    if isinstance(leaf, xr.Dataset):
        bare = {k: v.data if _known(v) else _nothing(v) for k, v in leaf.data_vars.items()}
        return leaf.copy(deep=False, data=bare)
    return _BARE if _parts(leaf) else leaf


def _known(array: xr.DataArray) -> bool:
    """Whether a variable of a Dataset holds what is no part of a vector: strings, dates."""
    return is_known(read_variable(array.variable)[0])


def _nothing(array: Any) -> np.ndarray:
    return np.broadcast_to(np.zeros((), bool), array.shape)


def _with_data(leaf: Any, data: Any) -> Any:
    if isinstance(leaf, xr.DataArray):
        return leaf.copy(deep=False, data=next(data))
    if isinstance(leaf, xr.Dataset):
        whole = {k: v.data if _known(v) else next(data) for k, v in leaf.data_vars.items()}
        return leaf.copy(deep=False, data=whole)
    return next(data) if leaf is _BARE else leaf
