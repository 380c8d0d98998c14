"""A progress bar for loops that run in blocks, by rich where it is there and someone is looking."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.util import find_spec

from xgrad.jax_backend.extras import require

Report = Callable[[int, str], None]
"""Takes how many steps more are done, and what to say beside the bar."""


@contextmanager
def progress_bar(title: str, total: int, shown: bool | None) -> Iterator[Report]:
    """A report that moves the bar, or does nothing. ``shown=None`` shows it in a terminal, if rich is installed."""
    if shown is None:
        shown = sys.stderr.isatty() and find_spec("rich") is not None
    if not shown:
        yield lambda steps, text: None
        return
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
