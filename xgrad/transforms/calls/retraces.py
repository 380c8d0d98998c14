"""Why calls of a compiled function were traced anew: which assumption failed against the nearest earlier trace."""

import warnings
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

from xgrad.errors import RecompileWarning
from xgrad.graph import markup, user_source
from xgrad.options import Options
from xgrad.transforms.calls.cache import CacheInfo, Entry

MANY = 50  # traces of one function, after which it is warned
_MOST_SHOWN = 8  # differences of one trace


class Retrace(NamedTuple):
    """One trace after the first: its number, that of the earlier one most like it, and what differed, in words."""

    number: int
    nearest: int
    differences: tuple[str, ...]

    def __str__(self) -> str:
        shown = self.differences[:_MOST_SHOWN]
        more = len(self.differences) - len(shown)
        lines = [*shown, *([f"and {more} more"] if more else [])]
        return "\n".join([f"trace {self.number}, against trace {self.nearest}:", *_indented(lines)])


class Retraces:
    """Why a function was traced more than once; see ``explain_retrace``. Prints as a list."""

    def __init__(self, name: str, info: CacheInfo, retraces: Sequence[Retrace]) -> None:
        self.name = name
        self.info = info
        self.retraces = tuple(retraces)

    @property
    def title(self) -> str:
        i = self.info
        return f"`{self.name}`: {i.traces} traces, {i.compiles} programs compiled, {i.hits} calls that needed neither"

    def __str__(self) -> str:
        return "\n".join([self.title, *map(str, self.retraces)])

    __repr__ = __str__

    def _repr_html_(self) -> str:
        rows = [
            (str(r.number), str(r.nearest), text) for r in self.retraces for text in r.differences
        ]
        return markup.page(self.title, [markup.table(("trace", "against", "what differed"), rows)])


def retraces(
    name: str, info: CacheInfo, entries: Sequence[Entry], argument: Callable[[int], str]
) -> Retraces:
    """The differences of each entry to the earlier one most like it; ``argument(i)`` is a positional one's name."""
    found = [_against_nearest(entries[:i], entries[i], argument) for i in range(1, len(entries))]
    return Retraces(name, info, found)


def warn_of_many(name: str, entries: Sequence[Entry], argument: Callable[[int], str]) -> None:
    """Warn, at the user's line, of a function that is traced again and again."""
    last = _against_nearest(entries[:-1], entries[-1], argument)
    differed = "\n".join(_indented(last.differences[:3]))
    text = (
        f"`{name}` has been traced {last.number} times, which costs more than most calls.\n"
        f"The last time, compared with trace {last.nearest}:\n{differed}\n"
        "Keep this the same between calls, or pass what changes as an array of its own; xgrad.explain_retrace tells of"
        " every trace."
    )
    at = user_source()
    if at is None:
        warnings.warn(text, RecompileWarning, stacklevel=2)
    else:
        warnings.warn_explicit(text, RecompileWarning, at.file, at.line)


def _against_nearest(
    earlier: Sequence[Entry], entry: Entry, argument: Callable[[int], str]
) -> Retrace:
    """``entry`` compared with the one of ``earlier`` that differs least, and of these the last."""
    compared = [(tuple(_differences(old, entry, argument)), old.number) for old in earlier]
    differences, number = min(reversed(compared), key=lambda pair: len(pair[0]))
    return Retrace(entry.number, number, differences)


def _differences(old: Entry, new: Entry, argument: Callable[[int], str]) -> Iterator[str]:
    names = [argument(i) for i in range(len(new.guard.guards))]
    yield from old.guard.differences(new.guard, names)
    yield from _situations(old.situation, new.situation)


def _situations(old: Any, new: Any) -> Iterator[str]:
    """The options in force that differ."""
    (of_xarray, ours), (of_xarray_now, ours_now) = old, new
    if of_xarray != of_xarray_now:
        yield "options of xarray are others"
    for name in Options._fields:
        before, now = getattr(ours, name), getattr(ours_now, name)
        if before != now:
            yield f"the option {name} of xgrad is {now!r}, was {before!r}"


def _indented(lines: Sequence[str]) -> list[str]:
    return [f"  {line}" for line in lines]
