"""After any history, work is handed out by its rule and what is counted along the way is right."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from study.search.cell_search import CellSearch
from study.search.dispatcher import TrialDispatcher
from tests.support.studies.fake_stage import advance, make_dispatcher


@pytest.fixture(autouse=True, scope="module")
def without_waiting_for_the_disk() -> Iterator[None]:
    """No machine loses power in these tests."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("pkd.files.atomic.os.fsync", lambda descriptor: None)
        yield


def due(dispatcher: TrialDispatcher) -> tuple[CellSearch, str] | None:
    """What comes next, found by looking at every trial of every cell; "" is a new trial."""
    for search in dispatcher.searches.values():
        for name, trial in search.trials.items():
            work = (search, name)
            if (
                trial.state == "running"
                and work not in dispatcher.running
                and work not in dispatcher.broken
            ):
                return work
    left = {}
    for search in dispatcher.searches.values():
        useless = sum(t.state == "failed" or t.constant for t in search.trials.values())
        wanted = search.budget + (0 if search.sampler.fixed else min(useless, search.budget))
        left[search] = (wanted - len(search.trials)) * search.epochs * search.cost
    most = max(left, key=lambda search: left[search])
    return (most, "") if left[most] > 0 else None


def epochs_done(search: CellSearch) -> int:
    """Epochs that the cell's trials need not train any more."""
    return sum(
        len(trial.reports) if trial.state == "running" else search.epochs
        for trial in search.trials.values()
    )


@settings(max_examples=25, deadline=None)
@given(history=st.lists(st.integers(0, 20), min_size=5, max_size=60))
def test_work_is_handed_out_by_the_rule_after_any_history(history: list[int]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        dispatcher = make_dispatcher(Path(folder))
        for move in history:
            running = list(dispatcher.running)
            if move < 8 or not running:
                expected, known = (
                    due(dispatcher),
                    {s: set(s.trials) for s in dispatcher.searches.values()},
                )
                work = dispatcher.next()
                assert (work is None) == (expected is None)
                if work is not None and expected is not None:
                    assert work[0] is expected[0]
                    if expected[1]:
                        assert work[1] == expected[1]
                    else:
                        assert work[1] not in known[work[0]]
            elif move == 8:
                dispatcher.break_off(*running[0], "its worker died")
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
