"""When a cell has all its trials, which one wins, and with which seeds they train."""

import pytest

from study.search.budget import Seeds
from study.search.cell_search import CellSearch
from study.search.samplers import OptunaSampler
from study.search.trial_record import STOP
from tests.support.studies.dispatchers import fixed, report, sampled


def train(search: CellSearch, *scores: float, classes: int = 2) -> str:
    """Starts a trial, reports its epochs, and ends it if it has trained all of them."""
    name = search.propose()
    for epoch, score in enumerate(scores, 1):
        if search.report(name, report(epoch, score, classes).to_dict()) == STOP:
            search.end(name)
    return name


def fail(search: CellSearch) -> str:
    """Starts a trial that diverges in its first epoch."""
    name = search.propose()
    search.end(name, failed=True)
    return name


# Failed trials --------------------------------------------------------------------------------


def test_a_cell_in_which_everything_fails_stops_at_twice_its_budget() -> None:
    search = sampled("rte", 3)
    while len(search.trials) < search.wanted:
        fail(search)
    assert search.count("failed") == 6 and search.done and search.winner is None


def test_a_failed_trial_of_a_fixed_list_is_not_replaced() -> None:
    # The same settings and seed would fail again.
    search = fixed("rte", 2)
    fail(search)
    train(search, 0.5, 0.6)
    assert search.wanted == 2 and search.done and search.useful == 1


def test_a_failed_trial_never_wins() -> None:
    search = fixed("rte", 2)
    first = train(search, 0.9)
    search.end(first, failed=True)
    second = train(search, 0.4, 0.3)
    # The winner's score is that of its best epoch, not of its last.
    assert search.winner == second
    assert (search.trials[second].best or {})["score"] == 0.4


# Constant trials ------------------------------------------------------------------------------


def test_a_constant_trial_is_replaced_and_the_sampler_learns_from_it() -> None:
    search = sampled("rte", 2, epochs=1)
    train(search, 0.5, classes=1)
    assert search.constant == 1 and search.wanted == 3
    while len(search.trials) < search.wanted:
        train(search, 0.4)
    assert search.useful == 2 and len(search.trials) == 3 and search.done
    assert isinstance(search.sampler, OptunaSampler)
    assert [trial.value for trial in search.sampler.trials] == [0.5, 0.4, 0.4]


def test_failed_and_constant_trials_are_replaced_up_to_one_more_budget() -> None:
    search = sampled("rte", 3, epochs=1)
    for number in range(6):
        assert not search.done
        if number % 2:
            fail(search)
        else:
            train(search, 0.5, classes=1)
    assert search.done and search.useful == 0


def test_a_constant_trial_of_a_fixed_list_is_not_replaced() -> None:
    search = fixed("rte", 2, epochs=1)
    train(search, 0.5, classes=1)
    train(search, 0.4)
    assert search.wanted == 2 and search.done


def test_a_constant_trial_wins_only_if_all_are_constant() -> None:
    search = fixed("rte", 3, epochs=1)
    train(search, 0.6, classes=1)
    second = train(search, 0.7, classes=1)
    assert search.winner == second
    third = train(search, 0.1)
    assert search.winner == third


# Names and seeds ------------------------------------------------------------------------------


def test_the_lowest_free_number_is_started_first() -> None:
    search = fixed("rte", 3)
    start = {"event": "start", "settings": {"learning_rate": 1e-5}}
    search.replay(start | {"trial": "trial-0001"})
    assert [search.propose(), search.propose()] == ["trial-0000", "trial-0002"]


@pytest.mark.parametrize(("step", "expected"), [(0, [7, 7, 7]), (1, [7, 8, 9])])
def test_seeds_are_shared_or_counted_up(step: int, expected: list[int]) -> None:
    search = fixed("rte", 3, seeds=Seeds(7, step))
    assert [search.seed_of(number) for number in range(3)] == expected
