"""What is said in place of xarray's messages: each function one mistake, what was found, and what to change.

A message of xarray often knows less than the call it comes from. So what is said may look at the objects that were
being worked on (``Call``): the sizes of the array, the labels of the index that was searched. ``told`` has the table.
"""

import re
from collections.abc import Iterator, Mapping
from types import FrameType
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import xarray as xr
from xarray.core.indexes import PandasIndex

from xgrad.errors import (
    nearest,
)


class Call(NamedTuple):
    """An error, and the calls below the user's line that led to it, outermost first."""

    error: Exception
    frames: list[FrameType]

    def local(self, name: str) -> Any:
        """What the outermost call that has a variable of this name holds in it; None where none has."""
        found = [f.f_locals[name] for f in self.frames if f.f_locals.get(name) is not None]
        return found[0] if found else None

    def objects(self, cls: type) -> Iterator[Any]:
        """The objects of a class whose methods were called, innermost first."""
        owners = [f.f_locals.get("self") for f in reversed(self.frames)]
        return (o for o in owners if isinstance(o, cls))

    @property
    def sizes(self) -> Mapping[Any, int]:
        """The dims of the array that was worked on, with their sizes."""
        for frame in self.frames:
            owner = frame.f_locals.get("self")
            found = getattr(getattr(owner, "obj", owner), "sizes", None)
            if isinstance(found, Mapping):
                return found
        arrays = [x for x in self.local("arrays") or () if isinstance(x, xr.DataArray)]
        return {dim: n for array in arrays for dim, n in array.sizes.items()}

    def among(self, dim: Any) -> str:
        """That the array has no such dim, and what it has."""
        dims = [str(d) for d in self.sizes]
        return f"there is no dim {dim!r} among ({', '.join(dims)}){nearest(dim, dims) or '.'}"

    def given(self, name: str) -> dict[Any, Any]:
        """What was given by dim, as a mapping or by keywords."""
        by_name, keywords = self.local(name), self.local(f"{name}_kwargs") or self.local("kwargs")
        found = by_name if isinstance(by_name, Mapping) else keywords
        return dict(found) if isinstance(found, Mapping) else {}


def unknown_dim(call: Call, dim: str, known: str = "") -> str:
    dims = re.findall(r"'([^']*)'", known)
    if call.sizes or not dims:
        return call.among(dim)
    return f"there is no dim {dim!r} among ({', '.join(dims)}){nearest(dim, dims) or '.'}"


def sizes_differ(call: Call, dim: str, sizes: str) -> str:
    first, second = re.findall(r"\d+", sizes)[:2]
    return (
        f"dim {dim!r} has size {first} in one array and {second} in another.\n"
        "Select the same entries of both first, or give the dim labels in both, by which they are aligned."
    )


def strings_and_numbers(call: Call, operation: str, *_: str) -> str:
    texts = [t for x in (call.local("self"), call.local("other")) for t in _texts(x)]
    which = f": {' and '.join(texts)}" if texts else ""
    return (
        f"strings and numbers cannot be combined by {operation}{which}.\n"
        "Convert the strings to numbers first, or keep them in a coord."
    )


def _texts(operand: Any) -> Iterator[str]:
    """The strings in an operand, by the names of the variables."""
    if isinstance(operand, str | bytes):
        yield repr(operand)
    arrays = operand.data_vars.values() if isinstance(operand, xr.Dataset) else [operand]
    for array in arrays:
        if isinstance(array, xr.DataArray) and array.dtype.kind in "SU":
            name = "one operand" if array.name is None else f"`{array.name}`"
            yield f"{name} has dtype {array.dtype}"


def unequal_labels(call: Call, dim: str) -> str:
    return (
        f"the labels along dim {dim!r} differ, and this function joins only equal ones.\n"
        "Align the arrays first: a, b = xgrad.align(a, b, join='inner')."
    )


def repeated_label(call: Call, dim: str) -> str:
    objects = call.local("objects") or [
        o for f in call.frames for o in getattr(f.f_locals.get("self"), "objects", ())
    ]
    labels = [o.indexes[dim] for o in objects if dim in getattr(o, "indexes", {})]
    twice = [index[index.duplicated()][0] for index in labels if not index.is_unique]
    which = f" (the first is {twice[0]})" if twice else ""
    return (
        f"labels along dim {dim!r} come more than once{which}, and differ from those of the other array.\n"
        f"Drop the repeated ones, a.drop_duplicates({dim!r}), or align by position: a.drop_vars({dim!r})."
    )


# ---- labels --------------------------------------------------------------------------------------------------------


def not_found(call: Call, dim: str) -> str:
    index = next(call.objects(PandasIndex), None)
    known = pd.Index([]) if index is None else index.index
    missing = list(missing_labels(call, known))
    asked = ", ".join([repr(m) for m in missing[:3]]) or "a label asked for"
    verb = "are" if len(missing) > 1 else "is"
    hint = nearest(missing[0], known) if missing and isinstance(missing[0], str) else ""
    return (
        f"{asked} {verb} not among the labels of dim {dim!r}{hint or '.'}\n"
        f"See .indexes[{dim!r}] for its labels; numbers and dates may also be looked up with method='nearest'."
    )


def missing_labels(call: Call, known: pd.Index) -> Iterator[Any]:
    """The labels that were asked for and are not there."""
    cause = call.error.__cause__
    if isinstance(cause, KeyError) and cause.args:
        yield cause.args[0]
        return
    asked = call.local("labels")
    for label in asked.values() if isinstance(asked, Mapping) else ():
        values = np.atleast_1d(np.asarray(getattr(label, "values", label)))
        yield from values[~pd.Index(values).isin(known)].tolist()


def no_order(call: Call) -> str:
    index = next(call.objects(PandasIndex), None)
    dim = "the dim" if index is None else f"dim {index.dim!r}"
    return (
        f"the labels of {dim} are not sorted, so none is nearest, before or after.\n"
        "Sort them first (.sortby), or look up exact labels, without method=."
    )


def no_labels(call: Call, dim: str) -> str:
    return (
        f"dim {dim!r} has no labels, so method= and tolerance= mean nothing.\n"
        f"Select by position, .isel({dim}=...), or give it labels: .assign_coords({dim}=...)."
    )


def no_variable(call: Call, name: str, *rest: Any) -> str:
    owner = call.local("self")
    known = [str(k) for k in (owner.coords if isinstance(owner, xr.DataArray) else owner.variables)]
    return f"there is no variable {name!r} among ({', '.join(known)}){nearest(name, known) or '.'}"


# ---- positions -----------------------------------------------------------------------------------------------------


def no_position(call: Call, *rest: Any) -> str:
    indexers = call.given("indexers")
    wrong = [(d, i) for d, i in indexers.items() if np.asarray(i).dtype.kind not in "iub"]
    dim, value = wrong[0] if wrong else ("?", "this")
    return (
        f"cannot index dim {dim!r} at {value}: positions are integers.\n"
        f"Convert them, .astype(int), or select by label: .sel({dim}=...)."
    )


def mask_length(call: Call, size: str) -> str:
    masks = [
        (d, call.sizes.get(d))
        for d, i in call.given("indexers").items()
        if np.asarray(i).dtype == bool
    ]
    dim, n = masks[0] if masks else ("?", "another")
    return (
        f"a mask along dim {dim!r} has {size} entries, and the dim has {n}.\n"
        "Make the mask from the array itself, or from its coords."
    )


def pointwise(call: Call, *rest: Any) -> str:
    sizes: dict[Any, set[int]] = {}
    for indexer in call.given("indexers").values():
        for dim, n in getattr(indexer, "sizes", {}).items():
            sizes.setdefault(dim, set()).add(n)
    dim, found = next(((d, n) for d, n in sizes.items() if len(n) > 1), ("?", set()))
    return (
        f"the indexers differ in size along dim {dim!r}: {' and '.join(map(str, sorted(found)))}.\n"
        "Indexers that share a dim are taken point by point; give them different dims to take every combination."
    )


# ---- shapes --------------------------------------------------------------------------------------------------------


def no_axis(call: Call, axis: str, ndim: str) -> str:
    dims = ", ".join(map(str, call.sizes))
    return (
        f"there is no axis {axis} in an array of dims ({dims}).\nName the dim instead: dim='...'."
    )


def permutation(call: Call, given: str, dims: str) -> str:
    left = [d for d in re.findall(r"'([^']*)'", dims) if d not in re.findall(r"'([^']*)'", given)]
    return f"transpose leaves out {', '.join(map(repr, left))}.\nName every dim, or write ... for the others."


def stacked_name(call: Call) -> str:
    new = call.local("new_dim") or next(iter(call.given("dim")), "?")
    return f"stack cannot make a dim {new!r}: there is one of that name.\nGive the new dim another name."


def not_stacked(call: Call, dim: str) -> str:
    return (
        f"cannot unstack dim {dim!r}: its labels are no MultiIndex.\n"
        f"Make one first, with .stack or .set_index({dim}=[...])."
    )


def renamed_twice(call: Call, name: str) -> str:
    return f"cannot rename to {name!r}: there is a dim or coord of that name.\nRename or drop that one as well."


def rename_unknown(call: Call, name: str) -> str:
    return call.among(name)


def expanded_twice(call: Call, dim: str) -> str:
    return (
        f"expand_dims cannot add dim {dim!r}: it is there already.\nUse another name, or broadcast."
    )


def squeezed(call: Call) -> str:
    asked = call.local("dim")
    dims = [asked] if isinstance(asked, str) else list(asked or ())
    long = [(d, call.sizes[d]) for d in dims if call.sizes.get(d, 1) != 1]
    dim, n = long[0] if long else ("?", "several")
    return f"cannot squeeze dim {dim!r}: it has size {n}.\nPick one entry, .isel({dim}=0), or reduce over it."


def coarse(call: Call, size: str, window: str) -> str:
    windows = call.local("windows") or getattr(call.local("self"), "windows", {})
    dims = [
        d for d, w in dict(windows).items() if str(w) == window and str(call.sizes.get(d)) == size
    ]
    dim = repr(dims[0]) if dims else "with the window"
    return (
        f"cannot coarsen dim {dim}: its size {size} is no multiple of {window}.\n"
        "Say what to do with the rest: boundary='trim' or boundary='pad'."
    )


def empty_window(call: Call) -> str:
    windows = call.given("dim") or call.given("windows")
    dim, n = next(((d, n) for d, n in windows.items() if not n or n < 0), ("?", 0))
    return f"cannot roll a window of {n} along dim {dim!r}.\nA window has at least one entry."


def negative_pad(call: Call) -> str:
    widths = call.given("pad_width")
    dim, n = next(((d, n) for d, n in widths.items() if np.min(n) < 0), ("?", "less than 0"))
    return f"cannot pad dim {dim!r} by {n}: widths are not negative.\nTo drop entries, use .isel."


def empty_extreme(call: Call, name: str) -> str:
    empty = [d for d, n in call.sizes.items() if n == 0]
    along = f" along dim {empty[0]!r}, which has size 0" if empty else ""
    return f"there is no {name}{along}.\nSelect at least one entry first."


def reshaped(call: Call, size: str, shape: str) -> str:
    return (
        f"cannot reshape {size} entries to {shape}.\nBy dims: .stack and .unstack know the sizes."
    )
