"""A progress bar for long runs of several parts, which may report from different threads."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Lock

from xgrad.transforms.solvers import progress

Report = Callable[[int, int], None]  # the number of a part, and how many of its steps are done


@contextmanager
def progress_bar(title: str, parts: int, steps: int, wanted: bool | None) -> Iterator[Report]:
    """A bar for ``parts`` (chains) of ``steps`` each, told of their progress by what this yields, from any thread."""
    with progress.progress_bar(title, parts * steps, wanted) as advance:
        yield _summed(parts, lambda n: advance(n, ""))


def _summed(parts: int, advance: Callable[[int], None]) -> Report:
    """A report of each part that advances one bar for all."""
    done, lock = [0] * parts, Lock()

    def report(part: int, now: int) -> None:
        with lock:
            advance(now - done[part])
            done[part] = now

    return report
