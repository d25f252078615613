"""What two searches with one seed share; docs/repeatability.md says it to users."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from study.search.cell_search import CellSearch
from study.search.dispatcher import TrialDispatcher, TrialRef
from study.storage.ledger import Ledger
from tests.support.studies.dispatchers import sampled
from tests.support.studies.fake_stage import (
    Unwatched,
    advance,
    make_dispatcher,
    run_until_done,
    searches,
    snapshot,
)


@pytest.fixture(autouse=True)
def without_waiting_for_the_disk(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Skips `fsync`: no machine loses power in these tests."""
    monkeypatch.setattr("pkd.files.atomic.os.fsync", lambda descriptor: None)
    yield


def at_once(folder: Path, budget: int = 6) -> TrialDispatcher:
    """A search that one worker ran to its end."""
    dispatcher = make_dispatcher(folder, budget)
    run_until_done(dispatcher)
    return dispatcher


def of_cells(folder: Path, cells: Sequence[CellSearch]) -> TrialDispatcher:
    """The same for some cells, in the given order."""
    dispatcher = TrialDispatcher("search", cells, Ledger(folder), Unwatched())
    run_until_done(dispatcher)
    return dispatcher


def two_workers(folder: Path, cell: CellSearch, first: int) -> TrialDispatcher:
    """A search of one cell by two workers, of which one is much faster than the other.

    Args:
        folder: of the ledger.
        cell: the search, with nothing started yet.
        first: which of the two running trials reports first: 0, the older one, or 1.
    """
    dispatcher = TrialDispatcher("search", [cell], Ledger(folder), Unwatched())
    running: list[TrialRef] = []
    while True:
        while len(running) < 2 and (trial := dispatcher.next()) is not None:
            running.append(trial)
        if not running:
            return dispatcher
        trial = running[first % len(running)]
        if not advance(dispatcher, *trial):
            running.remove(trial)


def trainings(dispatcher: TrialDispatcher) -> dict[str, list[tuple[int, float]]]:
    """The epochs and scores of each training, by cell, settings and seed."""
    return {
        f"{search.cell.name} {trial.settings} {search.seed_of(trial.number)}": [
            (report["epoch"], report["score"]) for report in trial.reports
        ]
        for search in dispatcher.searches.values()
        for trial in search.trials.values()
    }


def settings_of(dispatcher: TrialDispatcher) -> list[dict[str, Any]]:
    """The settings of the only cell's trials, in the order of their numbers."""
    (search,) = dispatcher.searches.values()
    return [search.trials[name].settings for name in sorted(search.trials)]


def test_one_worker_gives_the_same_search_twice(tmp_path: Path) -> None:
    first, second = at_once(tmp_path / "first"), at_once(tmp_path / "second")
    assert snapshot(first) == snapshot(second)


def test_a_cell_does_not_depend_on_other_cells_or_their_order(tmp_path: Path) -> None:
    whole = snapshot(at_once(tmp_path / "whole"))
    turned = snapshot(of_cells(tmp_path / "turned", searches(6)[::-1]))
    alone = snapshot(of_cells(tmp_path / "alone", searches(6)[:1]))
    assert turned == whole
    assert alone == {"rte-2-pkd-skip": whole["rte-2-pkd-skip"]}


def test_a_grown_search_equals_one_that_had_its_budget_from_the_start(tmp_path: Path) -> None:
    # Both have two random proposals before TPE begins.
    at_once(tmp_path / "grown", 4)
    assert snapshot(at_once(tmp_path / "grown")) == snapshot(at_once(tmp_path / "whole"))


@pytest.mark.parametrize("cell", range(4))
def test_the_same_settings_and_seed_give_the_same_training(tmp_path: Path, cell: int) -> None:
    ours = trainings(two_workers(tmp_path / "old", searches(8)[cell], first=0))
    theirs = trainings(two_workers(tmp_path / "new", searches(8)[cell], first=1))
    both = ours.keys() & theirs.keys()
    assert both
    for key in both:
        assert all(mine == other for mine, other in zip(ours[key], theirs[key], strict=False))


def test_tpe_proposes_by_the_trials_that_had_ended(tmp_path: Path) -> None:
    first = settings_of(two_workers(tmp_path / "old", searches(8)[1], first=0))
    second = settings_of(two_workers(tmp_path / "new", searches(8)[1], first=1))
    # The two random proposals before TPE begins are the same.
    assert first[:2] == second[:2] and first[2:] != second[2:]


def test_random_search_proposes_the_same_in_any_order(tmp_path: Path) -> None:
    first = settings_of(two_workers(tmp_path / "old", searches(8)[2], first=0))
    second = settings_of(two_workers(tmp_path / "new", searches(8)[2], first=1))
    # Another number of constant trials may have been replaced.
    fewest = min(len(first), len(second))
    assert fewest >= 8 and first[:fewest] == second[:fewest]


def test_asha_stops_by_the_order_of_the_reports(tmp_path: Path) -> None:
    def epochs(first: int) -> dict[str, int]:
        found = trainings(two_workers(tmp_path / str(first), searches(8)[2], first))
        return {key: len(reports) for key, reports in found.items()}

    old, new = epochs(0), epochs(1)
    assert any(old[key] != new[key] for key in old.keys() & new.keys())


def test_random_search_without_asha_is_equal_in_any_order(tmp_path: Path) -> None:
    old = two_workers(tmp_path / "old", sampled("rte", 8, epochs=4), first=0)
    new = two_workers(tmp_path / "new", sampled("rte", 8, epochs=4), first=1)
    assert trainings(old) == trainings(new) and settings_of(old) == settings_of(new)
    assert [search.winner for search in old.searches.values()] == [
        search.winner for search in new.searches.values()
    ]
