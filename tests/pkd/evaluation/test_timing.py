"""Interleaved timing, with a clock that only the timed functions move."""

from collections.abc import Callable

import numpy as np
import pytest

from pkd.evaluation.timing import MIN_REPEATS, Limits, quartiles, time_interleaved


class Machine:
    """Functions of known duration (seconds) and the clock that they move."""

    def __init__(self, **durations: float) -> None:
        self.now = 0.0
        self.log: list[str] = []
        self.calls = {name: self._call(name, seconds) for name, seconds in durations.items()}

    def _call(self, name: str, seconds: float) -> Callable[[], None]:
        def call() -> None:
            self.now += seconds
            self.log.append(name)

        return call

    def times(self, repeats: int, seconds: float) -> dict[str, list[float]]:
        return time_interleaved(self.calls, Limits(repeats, seconds), lambda: self.now)


def test_functions_are_called_in_turn_and_timed_one_by_one() -> None:
    machine = Machine(teacher=4.0, student=1.0)
    times = machine.times(repeats=5, seconds=1000)
    assert times == {"teacher": [4.0] * 5, "student": [1.0] * 5}
    assert machine.log == ["teacher", "student"] * (len(machine.log) // 2)


def test_warming_up_takes_a_tenth_of_the_time_and_is_not_counted() -> None:
    machine = Machine(a=0.5, b=0.5)
    times = machine.times(repeats=4, seconds=30)
    assert len(times["a"]) == 4
    assert len(machine.log) == 2 * (3 + 4)  # three rounds of a second each come first


def test_the_slowest_function_ends_the_measurement() -> None:
    times = Machine(slow=2.0, fast=0.01).times(repeats=100, seconds=9)
    assert len(times["slow"]) == len(times["fast"]) == 5  # 10 seconds; after 8 there was time


def test_a_very_slow_function_is_still_timed_often_enough_for_a_spread() -> None:
    machine = Machine(slow=60.0)
    assert len(machine.times(repeats=100, seconds=1)["slow"]) == MIN_REPEATS
    assert len(machine.log) == 1 + MIN_REPEATS


def test_a_machine_that_slows_down_slows_all_functions_alike() -> None:
    machine = Machine(a=2.0, b=1.0)
    clock = iter([0.0, 1.0, *[0.0, 2.0, 0.0, 1.0], *[0.0, 6.0, 0.0, 3.0], *[0.0, 18.0, 0.0, 9.0]])
    times = time_interleaved(machine.calls, Limits(3, 1), lambda: next(clock))
    assert [a / b for a, b in zip(times["a"], times["b"], strict=True)] == [2.0, 2.0, 2.0]


def test_quartiles_are_numpys() -> None:
    values = [3.0, 1.0, 4.0, 1.5, 9.0]
    assert quartiles(values) == pytest.approx(np.percentile(values, [25, 50, 75]))
