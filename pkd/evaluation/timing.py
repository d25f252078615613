"""Timing of several functions side by side, under the same conditions."""

import statistics
import time
from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass
from typing import TypeVar

MIN_REPEATS = 3
# The share of a time limit that is spent on warming up caches, memory pools and a GPU's clock.
_WARM_UP = 0.1

Name = TypeVar("Name", bound=Hashable)


@dataclass(frozen=True)
class Limits:
    """How much to measure.

    Attributes:
        repeats: the largest number of timed calls of each function; at least `MIN_REPEATS`.
        seconds: time limit for the timed calls of the slowest function, > 0; at least
            `MIN_REPEATS` calls are made even if they take longer.
    """

    repeats: int = 30
    seconds: float = 5.0


def time_interleaved(
    calls: Mapping[Name, Callable[[], object]],
    limits: Limits,
    clock: Callable[[], float] = time.perf_counter,
) -> dict[Name, list[float]]:
    """Calls functions in turn (A B C A B C …), first to warm up, then timed.

    If the machine becomes slower in between, it does so for all functions. The n-th times of two
    functions therefore belong together, and their ratio varies less than either of them.

    Args:
        calls: the functions; each returns only when its work is done, on a GPU too.
        limits: how often to call them.
        clock: returns seconds that never decrease.

    Returns:
        The seconds of each timed call; the number of calls is the same for all functions.
    """
    started = clock()
    while True:
        for call in calls.values():
            call()
        if clock() - started >= _WARM_UP * limits.seconds:
            break
    times: dict[Name, list[float]] = {name: [] for name in calls}
    for done in range(limits.repeats):
        if done >= MIN_REPEATS and max(map(sum, times.values())) >= limits.seconds:
            break
        for name, call in calls.items():
            started = clock()
            call()
            times[name].append(clock() - started)
    return times


def quartiles(times: list[float]) -> tuple[float, float, float]:
    """Returns lower quartile, median and upper quartile of at least two values (interpolated)."""
    lower, median, upper = statistics.quantiles(times, n=4, method="inclusive")
    return lower, median, upper
