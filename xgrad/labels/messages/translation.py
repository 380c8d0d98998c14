"""xarray's own errors in a traced function, told with the user's line, what was found and what to change.

An error that leaves a traced function and was raised inside xarray is matched with the table in ``told``. What is
raised in its place is of a class of ``xgrad.errors`` and of the class that xarray raised, so ``except`` clauses go on
working.
Errors that the table does not know pass unchanged, with a note of the user's line.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from traceback import walk_tb
from types import TracebackType
from typing import NamedTuple

from xgrad.errors import XgradError
from xgrad.graph import Source, user_source
from xgrad.graph.source import is_user_file
from xgrad.labels.messages.sayings import Call
from xgrad.labels.messages.told import TOLD, bare_key


@contextmanager
def translated(called_by_user: bool = False) -> Iterator[None]:
    """Tell xarray's errors in our words; ``called_by_user``: what is inside was called by the user's own line."""
    try:
        yield
    except XgradError as error:
        _note(error)
        raise
    except Exception as error:
        found = _way_from_user(error) if called_by_user else _way(error)
        told = None if found is None else _told(error, found)
        if told is not None:
            raise told from error
        _note(error)
        raise


class Way(NamedTuple):
    """From the innermost line of the user's own to where an error was raised."""

    line: Source
    call: Call
    own: bool  # the user's line raised it itself


def _way(error: Exception) -> Way | None:
    steps: list[TracebackType] = []
    step = error.__traceback__
    while step is not None:
        steps.append(step)
        step = step.tb_next
    mine = [i for i, s in enumerate(steps) if is_user_file(s.tb_frame.f_code.co_filename)]
    if not mine:
        return None
    last = steps[mine[-1]]
    line = Source(last.tb_frame.f_code.co_filename, last.tb_lineno)
    below = [s.tb_frame for s in steps[mine[-1] + 1 :]]
    return Way(line, Call(error, below), not below)


def _way_from_user(error: Exception) -> Way | None:
    """The same where the user's line is not among those that the error went through, but above them."""
    line = user_source()
    below = [frame for frame, _ in walk_tb(error.__traceback__)]
    return None if line is None else Way(line, Call(error, below), False)


def _told(error: Exception, way: Way) -> XgradError | None:
    text = error.args[0] if error.args and isinstance(error.args[0], str) else str(error)
    for t in TOLD:
        match = re.match(t.pattern, text, re.DOTALL) if isinstance(error, t.found) else None
        if match is not None and (not way.own or "interpreted as an integer" in text):
            try:
                said = t.say(way.call, *match.groups())
            except (AttributeError, LookupError, TypeError, ValueError):
                return None  # the calls below are not as this xarray has them: its own message then
            return _at(way.line, _both(t.error, type(error)), said)
    found = None if way.own else bare_key(way.call)
    return None if found is None else _at(way.line, *found)


@lru_cache(maxsize=256)
def _both(ours: type[XgradError], theirs: type[Exception]) -> type[XgradError]:
    """Our class, as a subclass of the one that was raised: NumPy has private ones."""
    if issubclass(ours, theirs):
        return ours
    plain = {
        "__init__": Exception.__init__,
        "__str__": Exception.__str__,
        "__module__": ours.__module__,
    }
    return type(ours.__name__, (ours, theirs), plain)


def _at(line: Source, error: type[XgradError], text: str) -> XgradError:
    first, *rest = text.split("\n")
    return error("\n".join([f"{line}: {first}", *rest]))


def _note(error: Exception) -> None:
    """Say where the user's program was, unless the message does, or the user's own line raised the error."""
    way = _way(error)
    if way is not None and not way.own and str(way.line) not in str(error):
        error.add_note(f"raised while xgrad traced {way.line}")
