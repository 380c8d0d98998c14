"""Timing that holds on a noisy machine: contenders interleaved in one run, medians, ratios."""

import statistics
import time
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple


class Timing(NamedTuple):
    """Seconds per call: the median over rounds, and the best."""

    median: float
    best: float


def interleaved(
    contenders: Mapping[str, Callable[[], Any]],
    *,
    rounds: int = 15,
    calls: int = 200,
    clock: Callable[[], float] = time.perf_counter,
) -> dict[str, Timing]:
    """Seconds per call of each contender. Every round runs all of them, so slow moments hit all alike."""
    samples: dict[str, list[float]] = {name: [] for name in contenders}
    for run in contenders.values():
        run()
    for _ in range(rounds):
        for name, run in contenders.items():
            start = clock()
            for _ in range(calls):
                run()
            samples[name].append((clock() - start) / calls)
    return {name: Timing(statistics.median(s), min(s)) for name, s in samples.items()}


def median_ratio(pairs: list[tuple[float, float]]) -> float:
    """The median of ours over theirs, pair by pair."""
    return statistics.median(ours / theirs for ours, theirs in pairs)


def seconds(run: Callable[[], Any]) -> float:
    """How long one call takes."""
    start = time.perf_counter()
    run()
    return time.perf_counter() - start
