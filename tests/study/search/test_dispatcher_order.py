"""After any history, trials are handed out in the right order and all counts are right."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from study.search.cell_search import CellSearch
from study.search.dispatcher import TrialDispatcher, TrialRef
from tests.support.studies.fake_stage import advance, make_dispatcher


@pytest.fixture(autouse=True, scope="module")
def without_waiting_for_the_disk() -> Iterator[None]:
    """Skips `fsync`: no machine loses power in these tests."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("pkd.files.atomic.os.fsync", lambda descriptor: None)
        yield


def due(dispatcher: TrialDispatcher) -> tuple[CellSearch, str] | None:
    """What comes next, found by checking every trial of every cell; "" is a new trial."""
    for search in dispatcher.searches.values():
        for name, trial in search.trials.items():
            ref = TrialRef(search, name)
            if (
                trial.state == "running"
                and ref not in dispatcher.running
                and ref not in dispatcher.interrupted
            ):
                return ref
    left = {}
    for search in dispatcher.searches.values():
        useless = sum(t.state == "failed" or t.constant for t in search.trials.values())
        budget = search.budget
        wanted = budget.trials + (0 if search.sampler.fixed else min(useless, budget.trials))
        left[search] = (wanted - len(search.trials)) * budget.epochs * search.cost
    most = max(left, key=lambda search: left[search])
    return (most, "") if left[most] > 0 else None


def epochs_done(search: CellSearch) -> int:
    """Epochs that the cell's trials need not train any more."""
    return sum(
        len(trial.reports) if trial.state == "running" else search.budget.epochs
        for trial in search.trials.values()
    )


@settings(max_examples=25, deadline=None)
@given(history=st.lists(st.integers(0, 20), min_size=5, max_size=60))
def test_trials_are_handed_out_in_the_right_order_after_any_history(history: list[int]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        dispatcher = make_dispatcher(Path(folder))
        for move in history:
            running = list(dispatcher.running)
            if move < 8 or not running:
                expected, known = (
                    due(dispatcher),
                    {s: set(s.trials) for s in dispatcher.searches.values()},
                )
                trial = dispatcher.next()
                assert (trial is None) == (expected is None)
                if trial is not None and expected is not None:
                    assert trial[0] is expected[0]
                    if expected[1]:
                        assert trial[1] == expected[1]
                    else:
                        assert trial[1] not in known[trial[0]]
            elif move == 8:
                dispatcher.mark_interrupted(*running[0], "its worker died")
            elif move == 9:
                dispatcher.retry(fewer=False)
            elif move == 10:
                dispatcher = make_dispatcher(Path(folder))
            else:
                advance(dispatcher, *running[move % len(running)])
            for search in dispatcher.searches.values():
                for state in ("running", "complete", "stopped", "failed"):
                    held = sum(trial.state == state for trial in search.trials.values())
                    assert search.count(state) == held
                assert search.epochs_done == epochs_done(search)
