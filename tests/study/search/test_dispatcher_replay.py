"""A dispatcher built from its ledger equals the one that wrote it, after any history."""

import itertools
import shutil
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from study.search.dispatcher import TrialDispatcher
from study.storage.ledger import Ledger
from tests.support.studies.dispatchers import take
from tests.support.studies.fake_stage import (
    Crash,
    CrashingLedger,
    Unwatched,
    advance,
    make_dispatcher,
    report_of,
    run_until_done,
    searches,
    snapshot,
)


@pytest.fixture(autouse=True, scope="module")
def without_waiting_for_the_disk() -> Iterator[None]:
    """Skips `fsync`, which would take most of the time: no machine loses power here."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("pkd.files.atomic.os.fsync", lambda descriptor: None)
        yield


# Each number is a move: 0 takes the next trial, any other runs an epoch of a running one.
moves = st.lists(st.integers(0, 6), min_size=5, max_size=50)


def play(dispatcher: TrialDispatcher, history: list[int]) -> None:
    for move in history:
        running = list(dispatcher.running)
        if move == 0 or not running:
            dispatcher.next()
        else:
            advance(dispatcher, *running[move % len(running)])


@settings(max_examples=25, deadline=None)
@given(history=moves)
def test_replay_gives_the_live_state_and_the_same_future(history: list[int]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        root, copy = Path(folder, "live"), Path(folder, "copy")
        live = make_dispatcher(root)
        play(live, history)
        if root.exists():
            shutil.copytree(root, copy)

        again = make_dispatcher(copy)
        assert snapshot(again) == snapshot(live)

        # What was unfinished is handed out first, each trial once.
        unfinished = {(search.cell.name, name) for search, name in live.running}
        handed_out = [again.next() for _ in unfinished]
        assert {(t.search.cell.name, t.name) for t in handed_out if t is not None} == unfinished
        # From here on both do the same, whatever order the unfinished trials end in.
        order = {(s.cell.name, name): i for i, (s, name) in enumerate(live.running)}
        again.running = dict(
            sorted(again.running.items(), key=lambda item: order[item[0][0].cell.name, item[0][1]])
        )
        assert run_until_done(again) == run_until_done(live)
        assert snapshot(again) == snapshot(live)
        assert again.done and live.done


@settings(max_examples=25, deadline=None)
@given(crashes=st.lists(st.tuples(st.integers(1, 25), st.booleans()), min_size=1, max_size=4))
def test_a_crash_at_any_event_changes_nothing(crashes: list[tuple[int, bool]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        undisturbed = make_dispatcher(Path(folder, "undisturbed"), max_running=1)
        run_until_done(undisturbed)

        root = Path(folder, "crashed")
        for at, written in crashes:
            try:
                run_until_done(
                    make_dispatcher(root, ledger=CrashingLedger(root, at, written), max_running=1)
                )
            except Crash:
                continue
        last = make_dispatcher(root, max_running=1)
        run_until_done(last)

        assert snapshot(last) == snapshot(undisturbed)
        # Each trial has started once and ended once: none twice, none lost.
        events = Counter((e["event"], e["method"], e["trial"]) for e in last.ledger.events())
        for search in last.searches.values():
            for name in search.trials:
                assert events["start", search.cell.method, name] == 1
                assert events["end", search.cell.method, name] == 1


def test_a_clock_that_is_set_back_between_and_within_runs_changes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    undisturbed = make_dispatcher(tmp_path / "undisturbed", max_running=1)
    run_until_done(undisturbed)

    # Every event is two days earlier than the one before it.
    days = itertools.count(20_000, -2)
    monkeypatch.setattr("study.storage.ledger.time.time", lambda: 86400.0 * next(days))
    for at in (7, 20):
        with pytest.raises(Crash):
            root = tmp_path / "set-back"
            run_until_done(
                make_dispatcher(root, ledger=CrashingLedger(root, at, written=True), max_running=1)
            )
    last = make_dispatcher(tmp_path / "set-back", max_running=1)
    run_until_done(last)
    assert snapshot(last) == snapshot(undisturbed)
    times = [event["time"] for event in last.ledger.events()]
    assert times == sorted(times, reverse=True) and len(set(times)) == len(times)


def test_a_crash_between_the_last_report_and_the_end_loses_nothing(tmp_path: Path) -> None:
    # A start and four reports are written, the end is not.
    crashing = CrashingLedger(tmp_path, at=6, written=False)
    dispatcher = make_dispatcher(tmp_path, ledger=crashing, max_running=1)
    search, name = take(dispatcher)
    for epoch in (1, 2, 3):
        dispatcher.report(search, name, report_of(search, name, epoch))
    with pytest.raises(Crash):
        dispatcher.report(search, name, report_of(search, name, 4))
    checkpoint = tmp_path / "checkpoint.pt"
    checkpoint.touch()
    ended: list[str] = []
    again = make_dispatcher(
        tmp_path,
        checkpoint_of=lambda cell, trial: checkpoint,
        on_end=lambda search, trial: ended.append(trial),
    )
    # Everything that belongs to an end has happened, and the trial is not handed out again.
    assert again.searches[search.cell.name].trials[name].state == "complete"
    assert [e["state"] for e in again.ledger.events() if e["event"] == "end"] == ["complete"]
    assert ended == [name] and not checkpoint.exists()
    assert not again.running


def test_a_raised_budget_hands_out_only_the_new_trials(tmp_path: Path) -> None:
    first = make_dispatcher(tmp_path, budget=3)
    run_until_done(first)
    before = {(s.cell.name, n) for s in first.searches.values() for n in s.trials}

    raised = make_dispatcher(tmp_path, budget=5)
    new = run_until_done(raised)
    assert len(new) == len(set(new)) and not before & set(new)
    for search in raised.searches.values():
        useless = search.count("failed") + search.constant
        expected = 3 if search.sampler.fixed else 5 + min(useless, 5)
        assert len(search.trials) == expected
    # The same command again finds nothing to do.
    assert run_until_done(make_dispatcher(tmp_path, budget=5)) == []


def test_a_trial_whose_record_was_deleted_is_trained_again_from_scratch(tmp_path: Path) -> None:
    # This is what the message about a damaged event advises.
    dispatcher = make_dispatcher(tmp_path / "ledger")
    run_until_done(dispatcher)
    before = snapshot(dispatcher)["rte-2-ft"]["trials"]
    shutil.rmtree(tmp_path / "ledger" / "search" / "rte-2-ft" / "trial-0001")
    stale = tmp_path / "trial-0001.pt"
    stale.touch()

    again = make_dispatcher(
        tmp_path / "ledger", checkpoint_of=lambda cell, trial: tmp_path / f"{trial}.pt"
    )
    assert sorted(again.searches["rte-2-ft"].trials) == ["trial-0000", "trial-0002"]
    assert take(again).name == "trial-0001"
    # The others keep their names and settings; the checkpoint of the deleted one is not resumed.
    assert not stale.exists()
    run_until_done(again)
    after = snapshot(again)["rte-2-ft"]["trials"]
    assert {n: t[1] for n, t in after.items()} == {n: t[1] for n, t in before.items()}


def test_a_search_with_a_deleted_record_can_still_propose(tmp_path: Path) -> None:
    run_until_done(make_dispatcher(tmp_path))
    shutil.rmtree(tmp_path / "search" / "rte-2-kd" / "trial-0001")
    again = make_dispatcher(tmp_path, budget=6)
    assert [name for cell, name in run_until_done(again) if cell == "rte-2-kd"][0] == "trial-0001"
    assert again.done


def test_events_of_a_cell_that_is_no_longer_planned_are_ignored(tmp_path: Path) -> None:
    dispatcher = make_dispatcher(tmp_path)
    run_until_done(dispatcher)
    kept = [search for search in searches(budget=5) if search.cell.method == "kd"]
    only = TrialDispatcher("search", kept, Ledger(tmp_path), Unwatched())
    assert snapshot(only) == {"rte-2-kd": snapshot(dispatcher)["rte-2-kd"]}
    assert {cell for cell, _ in run_until_done(only)} == {"rte-2-kd"}
