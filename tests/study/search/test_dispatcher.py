"""Which trial comes next, what a report means, and what the ledger records."""

import shutil
from pathlib import Path

import pytest

from study.config.sections import Asha
from study.search.budget import Seeds
from study.search.cell_search import CellSearch
from study.search.dispatcher import TrialDispatcher
from study.search.trial_record import CONTINUE, STOP
from study.storage.ledger import Ledger
from tests.support.studies.dispatchers import dispatcher_of, fixed, report, sampled, take
from tests.support.studies.fake_stage import (
    EPOCHS,
    Unwatched,
    advance,
    chance,
    make_dispatcher,
    run_until_done,
    snapshot,
)

# Cells are independent ------------------------------------------------------------------------


def test_the_scores_of_two_cells_are_never_compared(tmp_path: Path) -> None:
    asha = Asha(grace_epochs=1, reduction_factor=2)
    good, poor = fixed("sst2", 3, 4, asha=asha), fixed("rte", 3, 4, asha=asha)
    dispatcher = dispatcher_of(tmp_path, good, poor)
    handed_out = [take(dispatcher) for _ in range(6)]
    # All of one task are far better than any of the other. Within a cell they come in ascending
    # order, so that ASHA stops none.
    for number in range(3):
        for search, name in handed_out:
            if search.trials[name].number == number:
                score = 0.5 * (search is good) + 0.1 * number
                assert dispatcher.report(search, name, report(1, score)) == CONTINUE
    assert good.winner is None and poor.winner is None


def test_asha_stops_the_worse_trial_of_a_cell(tmp_path: Path) -> None:
    search = fixed("rte", 2, 4, asha=Asha(grace_epochs=1, reduction_factor=2))
    dispatcher = dispatcher_of(tmp_path, search)
    (_, first), (_, second) = take(dispatcher), take(dispatcher)
    assert dispatcher.report(search, first, report(1, 0.8)) == CONTINUE
    assert dispatcher.report(search, second, report(1, 0.4)) == STOP
    assert search.trials[second].state == "stopped"
    end = Ledger(tmp_path).events()[-1]
    assert (end["trial"], end["state"], end["score"], end["epochs"]) == (second, "stopped", 0.4, 1)


def test_without_asha_every_trial_trains_to_its_end(tmp_path: Path) -> None:
    dispatcher = make_dispatcher(tmp_path)
    run_until_done(dispatcher)
    trials = dispatcher.searches["rte-2-kd"].trials.values()
    assert {t.state for t in trials} <= {"complete", "failed"}
    assert all(len(t.reports) == EPOCHS for t in trials if t.state == "complete")


def test_the_cell_with_most_work_left_comes_first(tmp_path: Path) -> None:
    long, short = fixed("mnli", 2, cost=100.0), fixed("rte", 3, cost=1.0)
    dispatcher = dispatcher_of(tmp_path, short, long)
    assert [take(dispatcher).search.cell.task for _ in range(5)] == [
        "mnli",
        "mnli",
        "rte",
        "rte",
        "rte",
    ]
    assert dispatcher.next() is None


# Budgets --------------------------------------------------------------------------------------


def test_every_sampled_cell_gets_the_same_number_of_useful_trials(tmp_path: Path) -> None:
    dispatcher = make_dispatcher(tmp_path, budget=6)
    run_until_done(dispatcher)
    sampled_cells = [s for s in dispatcher.searches.values() if not s.sampler.fixed]
    assert [search.useful for search in sampled_cells] == [6, 6, 6]


def test_a_failed_trial_of_a_sampled_cell_is_replaced(tmp_path: Path) -> None:
    search = sampled("rte", 2)
    dispatcher = dispatcher_of(tmp_path, search)
    dispatcher.fail(*take(dispatcher), "the training loss is not finite")
    assert search.wanted == 3
    while (trial := dispatcher.next()) is not None:
        for epoch in (1, 2):
            dispatcher.report(*trial, report(epoch, 0.5))
    assert search.count("failed") == 1 and search.useful == 2 and dispatcher.done
    failed = [e for e in Ledger(tmp_path).events() if e.get("state") == "failed"]
    assert [e["error"] for e in failed] == ["the training loss is not finite"]
    # A trial that never reported has no score.
    assert failed[0]["score"] is None and failed[0]["epochs"] == 0


def test_the_first_of_equals_wins_even_if_it_was_trained_again(tmp_path: Path) -> None:
    search = fixed("rte", 3, epochs=1)
    dispatcher = dispatcher_of(tmp_path, search)
    handed_out = [take(dispatcher) for _ in range(3)]
    for trial in reversed(handed_out):
        dispatcher.report(*trial, report(1, 0.7))
    assert search.winner == "trial-0000"
    # Its record was damaged and deleted: it is trained after the others now.
    shutil.rmtree(tmp_path / "search" / search.cell.name / "trial-0000")
    again = fixed("rte", 3, epochs=1)
    dispatcher = dispatcher_of(tmp_path, again)
    dispatcher.report(*take(dispatcher), report(1, 0.7))
    assert list(again.trials) == ["trial-0001", "trial-0002", "trial-0000"]
    assert again.winner == "trial-0000"


# Handing out ----------------------------------------------------------------------------------


def test_no_more_run_at_once_than_allowed(tmp_path: Path) -> None:
    search = fixed("rte", 3, epochs=1)
    dispatcher = dispatcher_of(tmp_path, search, max_running=2)
    first, _ = take(dispatcher), take(dispatcher)
    # Not exhausted: a trial comes when one of the two has ended.
    assert dispatcher.next() is None and not dispatcher.exhausted
    dispatcher.report(*first, report(1, 0.5))
    assert take(dispatcher).name == "trial-0002"


def test_a_dispatcher_is_exhausted_when_nothing_is_left_and_nothing_runs(tmp_path: Path) -> None:
    dispatcher = dispatcher_of(tmp_path, fixed("rte", 1, epochs=1))
    assert not dispatcher.exhausted and not dispatcher.done
    trial = take(dispatcher)
    # A running trial may fail, and its replacement would be handed out.
    assert dispatcher.next() is None and not dispatcher.exhausted
    dispatcher.report(*trial, report(1, 0.5))
    assert dispatcher.exhausted and dispatcher.done


def test_a_cell_that_waits_for_another_starts_after_it(tmp_path: Path) -> None:
    first, waiting = fixed("rte", 1, epochs=1), fixed("sst2", 1, epochs=1, cost=100.0)
    dispatcher = dispatcher_of(
        tmp_path, waiting, first, ready=lambda search: search is first or first.done
    )
    trial = take(dispatcher)
    assert trial.search is first and dispatcher.next() is None and not dispatcher.exhausted
    dispatcher.report(*trial, report(1, 0.5))
    assert take(dispatcher).search is waiting


def test_an_interrupted_trial_is_left_for_the_next_run(tmp_path: Path) -> None:
    search = fixed("rte", 2, epochs=1)
    dispatcher = dispatcher_of(tmp_path, search)
    interrupted = take(dispatcher)
    dispatcher.mark_interrupted(*interrupted, "out of memory")
    other = take(dispatcher)
    assert other != interrupted
    dispatcher.report(*other, report(1, 0.5))
    # This run has ended, but the cell is not done: no failure is recorded, the next run retries.
    assert dispatcher.exhausted and not dispatcher.done and not search.count("failed")
    again = dispatcher_of(tmp_path, fixed("rte", 2, epochs=1))
    assert take(again).name == interrupted.name


# Reports --------------------------------------------------------------------------------------


def test_an_epoch_that_is_reported_twice_counts_once(tmp_path: Path) -> None:
    # A trial whose worker died reports epochs again that the ledger holds already.
    dispatcher = make_dispatcher(tmp_path)
    search, name = take(dispatcher)
    advance(dispatcher, search, name)
    before, events = snapshot(dispatcher), Ledger(tmp_path).events()
    assert dispatcher.report(search, name, report(1, 0.123)) == search.trials[name].decision
    assert snapshot(dispatcher) == before and Ledger(tmp_path).events() == events


def test_a_report_that_comes_after_the_end_is_ignored(tmp_path: Path) -> None:
    search = fixed("rte", 1, epochs=1)
    dispatcher = dispatcher_of(tmp_path, search)
    trial = take(dispatcher)
    assert dispatcher.report(*trial, report(1, 0.5)) == STOP
    events = len(Ledger(tmp_path).events())
    assert dispatcher.report(*trial, report(1, 0.5)) == STOP
    assert len(Ledger(tmp_path).events()) == events


def test_the_end_event_holds_score_epoch_and_time(tmp_path: Path) -> None:
    dispatcher = dispatcher_of(tmp_path, fixed("rte", 1, epochs=2))
    trial = take(dispatcher)
    dispatcher.report(*trial, report(1, 0.75))
    dispatcher.report(*trial, report(2, 0.5))
    end = Ledger(tmp_path).events()[-1]
    assert end["event"] == "end" and end["state"] == "complete" and end["error"] is None
    assert (end["score"], end["best_epoch"], end["epochs"]) == (0.75, 1, 2)
    # Two epochs of 2 + 1 seconds.
    assert end["seconds"] == 6.0 and end["metrics"] == {"validation": {"f1": 0.75}}


def test_an_end_is_recorded_before_its_checkpoint_is_deleted(tmp_path: Path) -> None:
    checkpoint, seen = tmp_path / "trial.pt", []
    ledger = Ledger(tmp_path / "ledger")

    def on_end(search: CellSearch, trial: str) -> None:
        seen.append((trial, ledger.events()[-1]["event"], checkpoint.exists()))

    search = fixed("rte", 1, epochs=1)
    dispatcher = TrialDispatcher(
        "search",
        [search],
        ledger,
        Unwatched(),
        on_end=on_end,
        checkpoint_of=lambda cell, trial: checkpoint,
    )
    trial = take(dispatcher)
    checkpoint.touch()
    dispatcher.report(*trial, report(1, 0.5))
    assert seen == [("trial-0000", "end", False)]


@pytest.mark.parametrize(("step", "expected"), [(0, [7, 7, 7]), (1, [7, 8, 9])])
def test_trials_share_a_seed_or_have_their_own(
    tmp_path: Path, step: int, expected: list[int]
) -> None:
    dispatcher = dispatcher_of(tmp_path, fixed("rte", 3, seeds=Seeds(7, step)))
    for _ in range(3):
        take(dispatcher)
    assert [event["seed"] for event in Ledger(tmp_path).events()] == expected


def test_the_fake_training_has_good_bad_and_failing_trials(tmp_path: Path) -> None:
    # The tests here and in test_dispatcher_replay.py would show little if all trials were alike.
    dispatcher = make_dispatcher(tmp_path, budget=8)
    run_until_done(dispatcher)
    states = {t.state for s in dispatcher.searches.values() for t in s.trials.values()}
    assert states == {"complete", "stopped", "failed"}
    assert any(search.constant for search in dispatcher.searches.values())
    assert chance("a") != chance("b")
