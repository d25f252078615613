"""Times several functions side by side, so that all of them see the same machine."""

import statistics
import time
from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass
from typing import TypeVar

MIN_REPEATS = 3
# The share of a time limit that goes into warming up: caches, memory pools, a GPU's clock.
_WARM_UP = 0.1

Name = TypeVar("Name", bound=Hashable)


@dataclass(frozen=True)
class Limits:
    """How much is measured.

    Attributes:
        repeats: timed calls of each function at most; at least `MIN_REPEATS`.
        seconds: after so many seconds in the timed calls of the slowest function no more are
            made, once there are `MIN_REPEATS`; > 0.
    """

    repeats: int = 30
    seconds: float = 5.0


def time_interleaved(
    calls: Mapping[Name, Callable[[], object]],
    limits: Limits,
    clock: Callable[[], float] = time.perf_counter,
) -> dict[Name, list[float]]:
    """Calls every function in turn (A B C A B C …), first to warm up, then with the clock.

    A machine that slows down or is used by others in between then does so for all of them: the
    n-th times of two functions belong together, and their ratio is steadier than either.

    Args:
        calls: the functions; each returns when its work is done (a GPU's included).
        limits: how often.
        clock: seconds that only go up.

    Returns:
        The seconds of each timed call, as many for every function.
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
    """Lower quartile, median and upper quartile of two values or more (linear interpolation)."""
    lower, median, upper = statistics.quantiles(times, n=4, method="inclusive")
    return lower, median, upper
