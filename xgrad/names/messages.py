"""What users are told when dims do not fit: what they did, what was found, and what to change."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from xgrad.axes.checked import Violation
from xgrad.errors import (
    DimensionError,
    OutOfRangeError,
    SizeMismatchError,
    UnsupportedTypeError,
    nearest,
)
from xgrad.graph import Op, Var
from xgrad.names.base import op_name
from xgrad.names.types import Dim, XType

_VERBS = {  # what a user does with an elementwise op; others are applied
    "add": "add",
    "subtract": "subtract",
    "multiply": "multiply",
    "divide": "divide",
    "power": "raise to a power",
    "equal": "compare",
    "not_equal": "compare",
    "less": "compare",
    "less_equal": "compare",
    "greater": "compare",
    "greater_equal": "compare",
    "where": "choose with where",
}


class Clash(NamedTuple):
    """A dim that has one size in operand ``i`` and another in operand ``j``."""

    dim: Dim
    i: int
    j: int


def find_clash(types: Sequence[XType]) -> Clash | None:
    """The first dim on whose size two of ``types`` disagree."""
    seen: dict[Dim, tuple[int, int]] = {}
    for j, t in enumerate(types):
        for dim, n in zip(t.dims, t.shape, strict=True):
            size, i = seen.setdefault(dim, (n, j))
            if size != n:
                return Clash(dim, i, j)
    return None


def action(op: Op) -> str:
    """What a user does with an elementwise op.

    >>> from xgrad.axes.elementwise import Add, Hypot
    >>> action(Add()), action(Hypot())
    ('add', 'apply hypot')
    """
    name = op_name(op)
    return _VERBS.get(name, f"apply {name}")


def operand(x: Var, place: int | None = None) -> str:
    """How a message refers to ``x``, operand number ``place``: by name and line where known."""
    title = f"`{x.name}`" if x.name else "the array" if place is None else f"operand {place + 1}"
    return f"{title} ({x.source})" if x.source else title


def dims_of(x: Var) -> str:
    """The dims of ``x`` in words."""
    return f"has the dims {tuple(x.type.dims)}" if x.type.dims else "has no dims"


def unknown_dim(doing: str, dim: Dim, x: Var) -> DimensionError:
    """``doing`` names a dim that ``x`` lacks."""
    hint = nearest(dim, x.type.dims) or "."
    return DimensionError(f"cannot {doing} dim {dim!r}: {operand(x)} {dims_of(x)}{hint}")


def repeated_dim(doing: str, dims: Sequence[Dim]) -> DimensionError:
    """``doing`` would make an array with a dim twice."""
    twice = next(d for d in dims if dims.count(d) > 1)
    return DimensionError(
        f"cannot {doing}: the result would have the dim {twice!r} twice, in {tuple(dims)}.\n"
        "Give one of the two another name first, with .rename."
    )


def missing_dims(doing: str, x: Var, missing: Iterable[Dim]) -> DimensionError:
    """``doing`` has no place for some dims that ``x`` has."""
    names = ", ".join([repr(d) for d in missing])
    return DimensionError(f"cannot {doing}: {operand(x)} {dims_of(x)}, and {names} would be lost.")


def size_clash(doing: str, xs: Sequence[Var], clash: Clash) -> SizeMismatchError:
    """``doing`` meets two sizes of a dim in two of the operands ``xs``."""
    x, y = xs[clash.i], xs[clash.j]
    a, b = (x.name, y.name) if x.name and y.name and x.name != y.name else ("a", "b")
    return SizeMismatchError(
        f"cannot {doing}: dim {clash.dim!r} has size {_size_in(clash.dim, x, clash.i)}"
        f" and {_size_in(clash.dim, y, clash.j)}.\n"
        f"Align them first: {a}, {b} = xgrad.align({a}, {b}, join='inner')."
    )


def _size_in(dim: Dim, x: Var, place: int) -> str:
    return f"{x.type.sizes[dim]} in {operand(x, place)}"


def selection_clash(doing: str, dim: Dim, size: int, selected: int) -> SizeMismatchError:
    """``doing`` meets an array whose size along ``dim`` is not that of the values selected."""
    return SizeMismatchError(
        f"cannot {doing}: dim {dim!r} has size {size}, and the selection has {selected}.\n"
        "Select as many values as there are, or use a dim of another name."
    )


def bad_split(x: Var, dim: Dim, sizes: dict[Dim, int]) -> SizeMismatchError:
    """``dim`` does not have as many steps as the dims that it is to be split into."""
    return SizeMismatchError(
        f"cannot split dim {dim!r} of {operand(x)} into {sizes}: it has size {x.type.sizes[dim]}."
    )


def bad_window(x: Var, dim: Dim, size: int) -> SizeMismatchError:
    """A window that does not fit into ``dim``."""
    return SizeMismatchError(
        f"cannot take windows of {size} along dim {dim!r} of {operand(x)}:"
        f" it has size {x.type.sizes[dim]}."
    )


def bad_broadcast(x: Var, dim: Dim, size: int) -> SizeMismatchError:
    """A size to broadcast to that is not the dim's own."""
    return SizeMismatchError(
        f"cannot broadcast dim {dim!r} of {operand(x)} to size {size}:"
        f" it has size {x.type.sizes[dim]}."
    )


def bad_pad(x: Var, dim: Dim, low: int, high: int) -> SizeMismatchError:
    """A pad by fewer than no steps."""
    return SizeMismatchError(
        f"cannot pad dim {dim!r} of {operand(x)} by ({low}, {high}): widths must not be negative.\n"
        "To drop values, index instead."
    )


def out_of_range(dim: Dim, size: int) -> Violation:
    """A traced position outside a dim, found while the program runs."""
    return Violation(
        "OutOfRangeError",
        f"cannot index dim {dim!r} at {{value}}: it has size {size}",
        f"Positions run from {-size} to {size - 1}; without checks those beyond are taken to be the nearest in range.",
    )


def out_of_bounds(x: Var, dim: Dim, position: int) -> OutOfRangeError:
    """A concrete position outside a dim."""
    return OutOfRangeError(
        f"cannot index dim {dim!r} of {operand(x)} at {position}: it has size {x.type.sizes[dim]}."
    )


def bad_index_dtype(x: Var, dim: Dim, array: Var) -> UnsupportedTypeError:
    """An index array that does not hold integers."""
    advice = (
        "How many values a mask keeps is unknown while tracing: keep the shape, with .where(mask)."
        if array.type.dtype.kind == "b"
        else "Index with integers: .astype(int)."
    )
    return UnsupportedTypeError(
        f"cannot index dim {dim!r} of {operand(x)} with an array of dtype {array.type.dtype}.\n"
        f"{advice}"
    )


def one_dim_needed(kind: str, x: Var, dims: Sequence[Dim]) -> DimensionError:
    """A position is asked for along several dims, or along none."""
    return DimensionError(
        f"cannot take the {kind} over {tuple(dims)} of {operand(x)}: a position is along one dim.\n"
        "Merge the dims first, with .stack."
    )


def core_as_batch(name: str, x: Var, place: int, dim: Dim) -> DimensionError:
    """A dim that is a core dim of one input of a blockwise op and an ordinary dim of another."""
    return DimensionError(
        f"cannot apply {name}: dim {dim!r} of {operand(x, place)} is a core dim of another input.\n"
        "Give one of the two another name first, with .rename."
    )
