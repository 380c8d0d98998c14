"""A progress bar for long runs: a line of HTML in a notebook, rich in a terminal, none elsewhere."""

import html
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from typing import Any

from xgrad.jax_backend.extras import require

Report = Callable[[int, str], None]
"""Takes how many steps more are done, and what to say beside the bar."""


@contextmanager
def progress_bar(title: str, total: int, wanted: bool | None) -> Iterator[Report]:
    """A report that moves the bar, or does nothing where there is none.

    By default there is one in notebooks, and in terminals where rich is installed. Raises ImportError where one is
    wanted for the terminal and rich is missing.
    """
    show = _notebook() if wanted is not False else None
    if show is not None:
        yield _Line(total, show).advance
    elif wanted or (wanted is None and sys.stderr.isatty() and find_spec("rich") is not None):
        with _terminal_bar(title, total) as report:
            yield report
    else:
        yield lambda steps, text: None


@contextmanager
def _terminal_bar(title: str, total: int) -> Iterator[Report]:
    progress = require("rich.progress", "a progress bar")
    columns = [
        progress.TextColumn("{task.description}"),
        progress.BarColumn(),
        progress.MofNCompleteColumn(),
        progress.TextColumn("{task.fields[text]}"),
        progress.TimeRemainingColumn(),
    ]
    console = require("rich.console", "a progress bar").Console(stderr=True)
    with progress.Progress(*columns, console=console) as bar:
        task = bar.add_task(title, total=total, text="")
        yield lambda steps, text: bar.update(task, advance=steps, text=text)


class _Line:
    """A bar as HTML that replaces itself, a few times a second."""

    def __init__(self, total: int, show: Callable[..., Any]) -> None:
        self._done, self._total = 0, total
        self._began = self._shown = time.monotonic()
        self._handle = show(_Html(self._text("")), display_id=True)

    def advance(self, steps: int, text: str) -> None:
        """So many steps more are done."""
        self._done += steps
        now = time.monotonic()
        if now - self._shown > 0.2 or self._done == self._total:
            self._shown = now
            self._handle.update(_Html(self._text(text)))

    def _text(self, text: str) -> str:
        bar = f'<progress max="{self._total}" value="{self._done}"></progress>'
        seconds = time.monotonic() - self._began
        beside = f", {html.escape(text)}" if text else ""
        return f"{bar} {self._done} of {self._total} steps, {seconds:.0f} s{beside}"


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
