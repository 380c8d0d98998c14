"""xarray's own errors in a traced function, told with the user's line, what was found and what to change.

An error that leaves a traced function and was raised inside xarray is matched with the table below. What is raised in
its place is of a class of ``xgrad.errors`` and of the class that xarray raised, so ``except`` clauses go on working.
Errors that the table does not know pass unchanged, with a note of the user's line.
"""

import re
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import NamedTuple

import xarray as xr

from xgrad.errors import (
    AlignmentError,
    DimensionError,
    LabelNotFoundError,
    SizeMismatchError,
    XgradError,
    nearest,
)
from xgrad.graph import Source, user_source
from xgrad.graph.source import is_user_file


class SizesDifferError(SizeMismatchError, xr.AlignmentError):
    """A size mismatch that xarray found while aligning."""


class LabelsDifferError(AlignmentError, xr.AlignmentError):
    """Labels that xarray could not align."""


class Translation(NamedTuple):
    """One message of xarray: the class it comes with, its form, and what we say instead: ``say(error, *groups)``."""

    found: type[Exception]
    pattern: str
    error: type[XgradError]
    say: Callable[..., str]


def _unknown_dim(error: Exception, dim: str, known: str) -> str:
    dims = re.findall(r"'([^']*)'", known)
    return f"there is no dim {dim!r} among ({', '.join(dims)}){nearest(dim, dims) or '.'}"


def _sizes_differ(error: Exception, dim: str, sizes: str) -> str:
    first, second = re.findall(r"\d+", sizes)[:2]
    return (
        f"dim {dim!r} has size {first} in one array and {second} in another.\n"
        "Select the same entries of both first, or give the dim labels in both, by which they are aligned."
    )


def _not_found(error: Exception, dim: str) -> str:
    asked = (
        error.__cause__.args[0] if isinstance(error.__cause__, KeyError) else "a label asked for"
    )
    return (
        f"{asked!r} is not among the labels of dim {dim!r}.\n"
        f"See .indexes[{dim!r}] for its labels; numbers and dates may also be looked up with method='nearest'."
    )


def _unequal_labels(error: Exception, dim: str) -> str:
    return (
        f"the labels along dim {dim!r} differ, and this function joins only equal ones.\n"
        "Align the arrays first: a, b = xgrad.align(a, b, join='inner')."
    )


TRANSLATIONS = (
    Translation(
        ValueError, r"'(.+)' not found in array dimensions \((.*)\)", DimensionError, _unknown_dim
    ),
    Translation(
        ValueError,
        r"Dimensions \{'(.+?)'.*\} do not exist\. Expected one or more of [\(F].*?\(?\{?(.*)[\)\}]",
        DimensionError,
        _unknown_dim,
    ),
    Translation(
        xr.AlignmentError,
        r".*along dimension '(.+)' because of conflicting dimension sizes: (\{.*\})",
        SizesDifferError,
        _sizes_differ,
    ),
    Translation(
        xr.AlignmentError,
        r"cannot align objects with join='exact' where index/labels/sizes are not equal along these coordinates "
        r"\(dimensions\): '(.+?)'",
        LabelsDifferError,
        _unequal_labels,
    ),
    Translation(KeyError, r"not all values found in index '(.+?)'", LabelNotFoundError, _not_found),
)


@contextmanager
def translated(called_by_user: bool = False) -> Iterator[None]:
    """Tell xarray's errors in our words; ``called_by_user``: what is inside was called by the user's own line."""
    try:
        yield
    except XgradError:
        raise
    except Exception as error:
        line = user_source() if called_by_user else _user_line(error)
        told = None if line is None else _told(error, line)
        if told is not None:
            raise told from error
        if line is not None:
            error.add_note(f"raised while xgrad traced {line}")
        raise


def _told(error: Exception, line: Source) -> XgradError | None:
    text = str(error.args[0]) if error.args else ""
    for t in TRANSLATIONS:
        match = re.match(t.pattern, text, re.DOTALL) if isinstance(error, t.found) else None
        if match is not None:
            first, *rest = t.say(error, *match.groups()).split("\n")
            return t.error("\n".join([f"{line}: {first}", *rest]))
    return None


def _user_line(error: Exception) -> Source | None:
    """The innermost line of the user's own on the way to where ``error`` was raised, if a library raised it."""
    frames = traceback.extract_tb(error.__traceback__)
    if not frames or is_user_file(frames[-1].filename):
        return None
    mine = [f for f in frames if is_user_file(f.filename)]
    return Source(mine[-1].filename, mine[-1].lineno or 0) if mine else None
