"""What loops and branches hand from one run of the user's code to the next: leaves of traced data, and their types.

A leaf is a DataArray, a Dataset, an array or a number. Its *parts* are the variables behind it. What a step returns is
brought into the form of what it was given: dims in the same order, Python numbers in the dtype of their partner.
"""

import inspect
from collections.abc import Hashable, Sequence
from typing import Any, NamedTuple

import numpy as np
import xarray as xr

from xgrad.errors import (
    ArgumentError,
    DimensionError,
    SizeMismatchError,
    UnsupportedTypeError,
    XgradError,
)
from xgrad.graph import Source, Var, current_source, user_source
from xgrad.graph.source import is_user_file
from xgrad.labels import is_traced, unwrap, wrap
from xgrad.labels.chosen import ChosenLabels
from xgrad.labels.slots import read_variable
from xgrad.names import XType, build
from xgrad.transforms.calls.backing import standard
from xgrad.transforms.calls.leaves import is_array
from xgrad.transforms.parts import with_parts
from xgrad.transforms.tree import Structure, flatten, leaf_paths, unflatten

Dims = tuple[Hashable, ...]


class Words(NamedTuple):
    """How messages speak of the two values that must have one form."""

    verb: str
    before: str
    after: str
    dims: str
    sizes: str
    dtype: str
    same: str
    where: str  # the user's line


def here(source: Source | None = None) -> str:
    """The user's line in brackets, for the end of a sentence: ``source``, or the one that runs now."""
    if source is None or not is_user_file(source.file):  # an argument of a function that we made
        source = current_source() or user_source()
    return f" ({source})" if source else ""


def step_words(verb: str, step: Any) -> Words:
    """For a carry before and after ``step``."""
    return Words(
        verb,
        "before a step",
        "after it",
        "A carry keeps its dims: begin with an array that has them all (xgrad.broadcast), or reduce them.",
        "A carry keeps its sizes: return what grows as an output of the step instead.",
        "A carry keeps its dtype: begin with an array of the wider one, or cast with .astype.",
        "Return from a step what it was given, in the same containers.",
        here(_definition(step)),
    )


def _definition(fun: Any) -> Source | None:
    """The line on which a user's function is defined; None for other callables."""
    code = getattr(inspect.unwrap(fun), "__code__", None)
    if code is None or not is_user_file(code.co_filename):
        return None
    return Source(code.co_filename, code.co_firstlineno)


def branch_words(verb: str) -> Words:
    """For the results of two branches."""
    return Words(
        verb,
        "in the first branch",
        "in another",
        "All branches give the same dims: broadcast, or reduce.",
        "All branches give the same sizes: select, or pad.",
        "All branches give the same dtype: cast with .astype.",
        "Return the same from all branches, in the same containers.",
        here(),
    )


class Part(NamedTuple):
    """One variable of a leaf. ``path`` is how the user writes it; ``dims`` is None where its axes have no names."""

    path: str
    dims: Dims | None
    var: Var


def symbolic(leaf: Any, path: str) -> Any:
    """``leaf`` with all its numbers traced; constants that hold none (None, a string) as they are."""
    if isinstance(leaf, xr.DataArray):
        return leaf.copy(deep=False, data=_traced(leaf.variable, path))
    if isinstance(leaf, xr.Dataset):
        named = leaf.data_vars.items()
        data = {name: _traced(v.variable, f"{path}[{name!r}]") for name, v in named}
        return leaf.copy(deep=False, data=data)
    if is_traced(leaf):
        return leaf
    if isinstance(leaf, bool):
        return wrap(build.scalar(leaf))
    if isinstance(leaf, int | float | complex) and not isinstance(leaf, np.generic):
        return wrap(build.scalar(leaf, weak=True))
    return wrap(unwrap(standard(leaf, path))) if is_array(leaf) else leaf


def _traced(variable: xr.Variable, path: str) -> Any:
    data = read_variable(variable)[0]
    if isinstance(data, ChosenLabels):
        raise UnsupportedTypeError(
            f"`{path}` holds labels of dtype {data.dtype}; loops and branches hand on numbers alone{here()}.\n"
            "Labels stay on as coords: return the array that has them, or numbers made of them beforehand."
        )
    return data if is_traced(data) else wrap(unwrap(standard(data, path), variable.dims))


def parts(leaf: Any, path: str) -> list[Part]:
    """The variables of a leaf that ``symbolic`` made."""
    if isinstance(leaf, xr.DataArray):
        return [_part(leaf.variable, path)]
    if isinstance(leaf, xr.Dataset):
        return [_part(v.variable, f"{path}[{k!r}]") for k, v in leaf.data_vars.items()]
    return [Part(path, None, unwrap(leaf))] if is_traced(leaf) else []


def _part(variable: xr.Variable, path: str) -> Part:
    return Part(path, variable.dims, unwrap(read_variable(variable)[0], variable.dims))


def _paths(leaf: Any, path: str) -> list[str]:
    """The paths of ``parts``; the values may belong to a trace that is over."""
    if isinstance(leaf, xr.Dataset):
        return [f"{path}[{name!r}]" for name in leaf.data_vars]
    return [path] if is_traced(leaf) else []


class Carry(NamedTuple):
    """A carried leaf: an example with its labels, and the types of its parts."""

    path: str
    example: Any
    types: tuple[XType, ...]

    @classmethod
    def of(cls, leaf: Any, path: str) -> "Carry":
        """The carry that begins with ``leaf``, which is symbolic."""
        return cls(path, leaf, tuple([p.var.type for p in parts(leaf, path)]))

    def enter(self, vars: Sequence[Var]) -> Any:
        """The leaf as a step sees it."""
        return with_parts(self.example, [wrap(v) for v in vars])

    def start(self, leaf: Any) -> list[Var]:
        """The variables of the first value."""
        found = parts(leaf, self.path)
        return [_arranged(p.var, t) for p, t in zip(found, self.types, strict=True)]

    def follow(self, leaf: Any, words: Words) -> list[Var]:
        """The variables of what a step returned for this leaf; raises where they do not fit."""
        after = symbolic(leaf, self.path)
        if not is_traced(after) and not is_traced(self.example):
            self._check_constant(after, words)
            return []
        self._check_kind(after, words)
        names = _paths(self.example, self.path)
        found = {p.path: p for p in parts(after, self.path)}
        if set(found) != set(names):
            raise _structure(words, self.path, _variables(self.example), _variables(after))
        pairs = zip(names, self.types, strict=True)
        return [_fitted(found[name], t, words) for name, t in pairs]

    def settled(self, leaf: Any) -> "Carry":
        """This carry after a step that returned ``leaf``: Python numbers have found their dtype and their labels."""
        after = symbolic(leaf, self.path)
        example = _relabeled(self.example, after)
        found = {p.path: p.var.type for p in parts(after, self.path)}
        pairs = zip(_paths(example, self.path), self.types, strict=True)
        return Carry(self.path, example, tuple([_settled(t, found.get(n, t)) for n, t in pairs]))

    def without_traced_coords(self) -> "Carry":
        """This carry less the coords that were computed in the trace that made it."""
        if not isinstance(self.example, xr.DataArray | xr.Dataset):
            return self
        traced = [name for name, c in self.example.coords.items() if is_traced(c.variable)]
        return self._replace(example=self.example.drop_vars(traced))

    def strong(self) -> "Carry":
        """This carry without the mark of Python numbers."""
        return self._replace(types=tuple([t._replace(weak=False) for t in self.types]))

    def _check_constant(self, after: Any, words: Words) -> None:
        if type(after) is not type(self.example) or after != self.example:
            raise ArgumentError(
                f"xgrad.{words.verb}: `{self.path}` is the constant {self.example!r} {words.before},"
                f" and {after!r} {words.after}{words.where}.\n"
                "Only numbers and arrays may differ: return a number instead."
            )

    def _check_kind(self, after: Any, words: Words) -> None:
        kinds = [_kind(self.example), _kind(after)]
        number = self.types and not self.types[0].dims and isinstance(self.example, xr.DataArray)
        if number and kinds[1] == _PLAIN:  # a number is one with labels and without
            return
        if kinds[0] != kinds[1]:
            raise _structure(words, self.path, *kinds)


def _settled(before: XType, after: XType) -> XType:
    """A Python number takes the dtype of what it becomes; of two Python numbers the wider."""
    if not before.weak:
        return before
    dtype = np.promote_types(before.dtype, after.dtype) if after.weak else after.dtype
    return before._replace(dtype=dtype, weak=after.weak)


def _relabeled(before: Any, after: Any) -> Any:
    """The name is what a step makes of it; and a number that it turns into a 0-d DataArray is one from the start."""
    if isinstance(before, xr.DataArray) and isinstance(after, xr.DataArray):
        return before.rename(after.name) if before.name != after.name else before
    plain = is_traced(before) and _kind(before) == _PLAIN and before.ndim == 0
    if plain and isinstance(after, xr.DataArray) and after.ndim == 0:
        return after.reset_coords(drop=True)
    return before


def _fitted(part: Part, want: XType, words: Words) -> Var:
    """A part after a step, in the form it had before."""
    have = part.var.type
    if part.dims is not None and set(have.dims) != set(want.dims):
        raise _mismatch(DimensionError, "dims", part, want, words, words.dims)
    if part.dims is None and have.ndim != want.ndim:
        raise _mismatch(DimensionError, "axes", part, want, words, words.dims)
    sizes = have.sizes
    shape = tuple([sizes[d] for d in want.dims]) if part.dims is not None else have.shape
    if shape != want.shape:
        raise _mismatch(SizeMismatchError, "sizes", part, want, words, words.sizes)
    if have.dtype != want.dtype and not (have.weak and _yields(have.dtype, want.dtype)):
        raise _mismatch(UnsupportedTypeError, "dtype", part, want, words, words.dtype)
    return _arranged(part.var, want, by_position=part.dims is None)


def _yields(weak: np.dtype, to: np.dtype) -> bool:
    """Whether a Python number of one dtype becomes another as NumPy does it: int to float, never back."""
    order = "biufc"
    return order.find(weak.kind) <= order.find(to.kind)


def _arranged(var: Var, want: XType, by_position: bool = False) -> Var:
    """``var`` with the dims of ``want`` in its order, and its dtype (kept weak where it may still change)."""
    if by_position or len(set(var.type.dims) ^ set(want.dims)):
        var = build.rename(var, dict(zip(var.type.dims, want.dims, strict=True)))
    var = build.transpose(var, want.dims)
    return var if var.type == want else build.cast(var, want.dtype)


def _mismatch(
    error: type[XgradError], what: str, part: Part, want: XType, words: Words, advice: str
) -> XgradError:
    have = part.var.type
    if part.dims is None:
        before, after = str(want.shape), str(have.shape)
    else:
        before, after = _sizes(want), _sizes(have)
    if what == "dtype":
        before, after = str(want.dtype), str(have.dtype)
    where = here(part.var.source) if part.var.source else words.where
    shown = "shape" if part.dims is None and what != "dtype" else what
    return error(
        f"xgrad.{words.verb}: `{part.path}` has the {shown} {before} {words.before}"
        f" and {after} {words.after}{where}.\n{advice}"
    )


def _sizes(t: XType) -> str:
    return "(" + ", ".join([f"{d}: {n}" for d, n in t.sizes.items()]) + ")"


def _structure(words: Words, path: str, before: str, after: str) -> ArgumentError:
    return ArgumentError(
        f"xgrad.{words.verb}: `{path}` is {before} {words.before} and {after} {words.after}{words.where}.\n"
        f"{words.same}"
    )


_PLAIN = "an array without labels"


def _kind(leaf: Any) -> str:
    if isinstance(leaf, xr.DataArray):
        return "a DataArray"
    if isinstance(leaf, xr.Dataset):
        return "a Dataset"
    return _PLAIN if is_traced(leaf) else f"the constant {leaf!r}"


def _variables(leaf: Any) -> str:
    return f"a Dataset of {', '.join([repr(k) for k in leaf.data_vars])}"


# ---- the containers around the leaves --------------------------------------------------------------------------------
def leaves_like(value: Any, structure: Structure, words: Words) -> list[Any]:
    """The leaves of ``value``; raises where its containers are others than before."""
    leaves, found = flatten(value)
    if found != structure:
        raise ArgumentError(
            f"xgrad.{words.verb}: the containers are {shape_of(structure)} {words.before}"
            f" and {shape_of(found)} {words.after}{words.where}.\n{words.same}"
        )
    return leaves


def shape_of(structure: Structure) -> str:
    """The containers of a value, for messages.

    >>> shape_of(flatten({"a": 1, "b": (2, 3)})[1])
    "{'a': ., 'b': (., .)}"
    """
    return repr(unflatten(structure, [_Dot()] * len(leaf_paths(structure))))


class _Dot:
    def __repr__(self) -> str:
        return "."


def pair(result: Any, words: Words) -> tuple[Any, Any]:
    """What a step returned, if it is a pair."""
    if isinstance(result, tuple) and len(result) == 2:
        return result
    several = isinstance(result, tuple)
    what = f"a tuple of {len(result)}" if several else f"a {type(result).__name__}"
    raise ArgumentError(
        f"xgrad.{words.verb}: a step returns a pair (carry, output), not {what}{words.where}.\n"
        "Where there is no output, return (carry, None)."
    )
