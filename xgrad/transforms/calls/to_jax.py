"""``xgrad.to_jax``: a compiled function as a plain JAX function of arrays, for optax, blackjax and ``jax.vmap``."""

from collections.abc import Callable
from typing import Any

import xarray as xr

from xgrad.errors import ArgumentError, SizeMismatchError
from xgrad.labels.slots import read_variable
from xgrad.transforms.calls.backing import is_known
from xgrad.transforms.calls.jit import Compiled
from xgrad.transforms.tree import Branch, Structure, flatten, leaf_paths, tree_map


def to_jax(fun: Callable[..., Any], *example_args: Any) -> Callable[..., Any]:
    """``fun`` for arguments like ``example_args`` as a JAX function of their arrays.

    The function takes what the examples hold: for a DataArray its array, for a Dataset a dict of arrays, in the same
    containers; constants are taken from the examples, and variables of strings or dates too, which are not passed. It
    returns the arrays of the result likewise. Labels were settled by the examples: only shapes are checked. It can be
    called with NumPy and JAX arrays, and inside ``jax.jit``, ``jax.vmap`` and ``jax.grad``.

    Raises ArgumentError for other containers than the examples', SizeMismatchError for other shapes.

    >>> import jax, numpy as np, xarray as xr
    >>> x = xr.DataArray(np.array([1.0, 2.0], "float32"), dims="time")
    >>> energy = to_jax(lambda x: (x**2).sum("time"), x)
    >>> jax.grad(energy)(np.array([3.0, 4.0], "float32"))
    Array([6., 8.], dtype=float32)
    """
    compiled = fun if isinstance(fun, Compiled) else Compiled(fun)
    program = compiled.program(*example_args)
    arguments = _Arguments(example_args)

    def function(*args: Any) -> Any:
        return program.run_plain(arguments.arrays(args))

    function.__name__ = function.__qualname__ = getattr(compiled, "__name__", "function")
    function.__doc__ = (
        f"The JAX function of the arrays of {function.__name__}; made by xgrad.to_jax."
    )
    return function


class _Array:
    """Stands in the containers of the examples for an array of this shape."""

    def __init__(self, array: Any) -> None:
        self.shape = tuple(getattr(array, "shape", ()))


class _Arguments:
    """What the examples look like without labels, and how to take the arrays out of arguments of that form."""

    def __init__(self, examples: tuple) -> None:
        self._examples = tree_map(_plain, examples)
        leaves, self._structure = flatten(self._examples)
        self._paths = leaf_paths(self._structure, "args")
        self._leaves = leaves

    def arrays(self, args: tuple) -> list[Any]:
        """The arrays in ``args``, in the order of the program's inputs."""
        given, structure = flatten(_ordered_like(self._structure, args))
        if structure != self._structure:
            raise ArgumentError(
                "the arguments must have the containers of the examples given to xgrad.to_jax:"
                f" {_outline(self._examples)}; got {_outline(args)}."
            )
        wanted = zip(self._leaves, given, self._paths, strict=True)
        return [_fitting(a, leaf, path) for leaf, a, path in wanted if isinstance(leaf, _Array)]


def _plain(leaf: Any) -> Any:
    if isinstance(leaf, xr.Dataset):
        arrays = {name: read_variable(v.variable).data for name, v in leaf.data_vars.items()}
        return {name: _Array(data) for name, data in arrays.items() if not is_known(data)}
    if is_known(leaf) or (
        isinstance(leaf, xr.DataArray) and is_known(read_variable(leaf.variable).data)
    ):
        return leaf
    if isinstance(leaf, bool | str) or leaf is None:
        return leaf
    is_array = hasattr(leaf, "dtype") or isinstance(leaf, int | float | complex)
    return _Array(leaf) if is_array else leaf


def _fitting(array: Any, example: _Array, path: str) -> Any:
    shape = tuple(getattr(array, "shape", ()))
    if shape != example.shape:
        raise SizeMismatchError(
            f"`{path}` has shape {shape}, and had {example.shape} in the example given to xgrad.to_jax."
        )
    return array


def _ordered_like(structure: Structure, value: Any) -> Any:
    """``value`` with its dicts in the order of the keys in ``structure``: JAX sorts them."""
    if not isinstance(structure, Branch) or type(value) not in (dict, list, tuple):
        return value
    if isinstance(value, dict):
        if set(value) != set(structure.what):
            return value
        children = zip(structure.what, structure.children, strict=True)
        return {key: _ordered_like(child, value[key]) for key, child in children}
    if len(value) != len(structure.children):
        return value
    children = zip(structure.children, value, strict=True)
    return type(value)([_ordered_like(child, v) for child, v in children])


def _outline(value: Any) -> str:
    """The containers of a value, with a mark for each leaf."""
    return repr(tree_map(lambda leaf: _MARK, value))


class _Mark:
    def __repr__(self) -> str:
        return "·"


_MARK = _Mark()
