"""A progress bar for long runs of several parts: a line of HTML in a notebook, rich in a terminal, none elsewhere."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Lock
from typing import Any

from xgrad.jax_backend.extras import require
from xgrad.transforms.solvers.progress import progress_bar as terminal_bar

Report = Callable[[int, int], None]  # the number of a part, and how many of its steps are done


@contextmanager
def progress_bar(title: str, parts: int, steps: int, wanted: bool | None) -> Iterator[Report]:
    """A bar for ``parts`` (chains) of ``steps`` each, told of their progress by what this yields, from any thread.

    By default there is one in notebooks, and in terminals where rich is installed. Raises ImportError where one is
    wanted for the terminal and rich is missing.
    """
    show = _notebook() if wanted is not False else None
    if show is not None:
        yield _summed(parts, _Line(parts * steps, show).advance)
    else:
        with terminal_bar(title, parts * steps, wanted) as advance:
            yield _summed(parts, lambda n: advance(n, ""))


def _summed(parts: int, advance: Callable[[int], None]) -> Report:
    """A report of each part that advances one bar for all."""
    done, lock = [0] * parts, Lock()

    def report(part: int, now: int) -> None:
        with lock:
            advance(now - done[part])
            done[part] = now

    return report


class _Line:
    """A bar as HTML that replaces itself, a few times a second."""

    def __init__(self, total: int, show: Callable[..., Any]) -> None:
        self._done, self._total = 0, total
        self._began = self._shown = time.monotonic()
        self._handle = show(_Html(self._text()), display_id=True)

    def advance(self, steps: int) -> None:
        """So many steps more are done."""
        self._done += steps
        now = time.monotonic()
        if now - self._shown > 0.2 or self._done == self._total:
            self._shown = now
            self._handle.update(_Html(self._text()))

    def _text(self) -> str:
        bar = f'<progress max="{self._total}" value="{self._done}"></progress>'
        seconds = time.monotonic() - self._began
        return f"{bar} {self._done} of {self._total} steps, {seconds:.0f} s"


class _Html:
    """Text that notebooks show as HTML."""

    def __init__(self, text: str) -> None:
        self._text = text

    def _repr_html_(self) -> str:
        return self._text

    def __repr__(self) -> str:
        return self._text.rpartition("> ")[2]


def _notebook() -> Callable[..., Any] | None:
    """What shows objects in the notebook that we run in, if we do."""
    ipython = sys.modules.get("IPython")
    shell = ipython and ipython.get_ipython()
    if getattr(shell, "kernel", None) is None:
        return None
    return require("IPython.display", "a progress bar in a notebook").display
