"""Where in the user's program a value was made: found once per traced operation, inherited by what is made of it."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, NamedTuple


class Source(NamedTuple):
    """A line of a user's file.

    >>> str(Source("/home/me/model.py", 12)), str(Source("/tmp/ipykernel_7/123.py", 4))
    ('model.py:12', 'cell:4')
    """

    file: str
    line: int

    def __str__(self) -> str:
        folder, name = os.path.split(self.file)
        in_notebook = os.path.basename(folder).startswith(
            "ipykernel_"
        )  # where the name is a number
        return f"{'cell' if in_notebook else name}:{self.line}"


class Place(Source):
    """A line, and the dims and sizes of the value that was made there; kept for the messages of run-time checks."""

    dims: tuple[Any, ...]
    shape: tuple[int, ...]

    @classmethod
    def at(cls, source: Source, dims: tuple[Any, ...], shape: tuple[int, ...]) -> "Place":
        """``source`` as the line of a value with these dims."""
        place = cls(*source)
        place.dims, place.shape = dims, shape
        return place


_CURRENT: ContextVar[Source | None] = ContextVar("xgrad_source", default=None)

_HERE = os.path.dirname(os.path.dirname(os.path.abspath(__file__))) + os.sep
_EXAMPLES = os.path.join(_HERE, "examples") + os.sep  # programs as a user would write them
_LIBRARIES = ("xarray", "numpy", "pandas", "jax", "scipy", "contextlib.py", "functools.py")
_IS_LIBRARY: dict[str, bool] = {}


def current_source() -> Source | None:
    """The line that nodes made now are credited to."""
    return _CURRENT.get()


@contextmanager
def located(source: Source | None) -> Iterator[None]:
    """Credit the nodes made inside to ``source``."""
    token = _CURRENT.set(source)
    try:
        yield
    finally:
        _CURRENT.reset(token)


def user_source() -> Source | None:
    """The innermost line on the stack that belongs neither to xgrad nor to a library it traces through."""
    frame = sys._getframe(1)
    while frame is not None:
        if is_user_file(frame.f_code.co_filename):
            return Source(frame.f_code.co_filename, frame.f_lineno)
        frame = frame.f_back
    return None


def is_user_file(file: str) -> bool:
    """Whether code in ``file`` is the user's, rather than ours or of a library that traces run through."""
    library = _IS_LIBRARY.get(file)
    if library is None:
        library = _IS_LIBRARY[file] = _is_library(file)
    return not library


def _is_library(file: str) -> bool:
    if file.startswith(_EXAMPLES):
        return False
    if file.startswith(_HERE) or file.startswith("<frozen"):
        return True
    parts = file.replace("\\", "/").split("/")
    if "site-packages" in parts:
        return parts[parts.index("site-packages") + 1] in _LIBRARIES
    return parts[-1] in _LIBRARIES
