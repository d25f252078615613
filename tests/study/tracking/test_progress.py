"""The estimate of the time left is near the truth, and it does not jump."""

from pathlib import Path

import pytest

from study.config.cell import Cell
from study.config.sections import Asha
from study.search.budget import ASHA_SHARE, Budget
from study.search.cell_search import CellSearch
from study.search.dispatcher import TrialDispatcher, TrialRef
from study.search.samplers import ListSampler
from study.search.trial_record import STOP
from study.storage.ledger import Ledger
from study.tracking.progress import Progress
from tests.support.studies.dispatchers import report
from tests.support.studies.fake_stage import Unwatched, chance

STARTUP_S, WORKERS = 15.0, 2
# Seconds that a trained epoch really takes, in units of its expected work.
SECONDS = {"teachers": 1.0, "signals": 0.3, "search": 3.0, "confirm": 2.5, "predict": 0.2}


class Clock:
    """Stands for `time.monotonic`."""

    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    found = Clock()
    monkeypatch.setattr("time.monotonic", found)
    return found


def dispatcher_of(root: Path, stage: str, trials: int, epochs: int) -> TrialDispatcher:
    """Three cells, of which the dearest costs ten times as much as the cheapest."""
    asha = Asha(grace_epochs=1, reduction_factor=2) if stage == "search" else None
    cells = [
        CellSearch(
            Cell(stage, task, 2, "ft"),
            ListSampler([{"learning_rate": float(n)} for n in range(trials)]),
            Budget(trials, epochs, asha),
            cost=cost,
        )
        for task, cost in (("mnli", 10.0), ("sst2", 3.0), ("rte", 1.0))
    ]
    return TrialDispatcher(stage, cells, Ledger(root), Unwatched())


def estimates(
    root: Path, clock: Clock, stages: dict[str, tuple[int, int]]
) -> list[tuple[float, float | None]]:
    """Runs a study of fake trials on two workers; returns (time, estimate) at every report."""
    dispatchers = {name: dispatcher_of(root, name, *size) for name, size in stages.items()}
    work = {}
    for name, (trials, epochs) in stages.items():
        share = ASHA_SHARE if name == "search" else 1.0
        work[name] = 14.0 * trials * epochs * share
    progress, found = Progress(work), []
    for name, dispatcher in dispatchers.items():
        progress.begin(dispatcher)
        # When each worker's epoch ends; the first trials wait for the imports.
        due: dict[TrialRef, float] = {}
        late = STARTUP_S
        while True:
            while len(due) < WORKERS and (trial := dispatcher.next()) is not None:
                due[trial] = clock.now + late + _seconds(name, trial)
                if len(due) == WORKERS:
                    late = 0.0
            if not due:
                break
            trial = min(due, key=due.__getitem__)
            clock.now = due.pop(trial)
            search, number = trial
            epoch = len(search.trials[number].reports) + 1
            score = chance(search.cell.name, number, epoch)
            decision = dispatcher.report(search, number, report(epoch, score))
            progress.changed(search, number, "report")
            if decision == STOP:
                progress.changed(search, number, "end")
            else:
                due[trial] = clock.now + _seconds(name, trial)
            found.append((clock.now, progress.seconds_left()))
        progress.finish(name)
    assert progress.share == pytest.approx(1.0)
    return found


def _seconds(stage: str, trial: TrialRef) -> float:
    noise = 0.8 + 0.4 * chance(stage, trial.name, trial.search.cell.name, trial.search.epochs_done)
    return SECONDS[stage] * trial.search.cost * noise


STUDIES = {
    "whole": {
        "teachers": (3, 4), "signals": (1, 1), "search": (8, 4), "confirm": (3, 4),
        "predict": (1, 1),
    },
    "search": {"search": (16, 4), "confirm": (2, 4)},
    "confirm": {"confirm": (8, 3)},
}  # fmt: skip


@pytest.mark.parametrize("study", STUDIES)
def test_the_estimate_does_not_swing_by_more_than_a_factor_of_two_in_a_minute(
    study: str, tmp_path: Path, clock: Clock
) -> None:
    found = estimates(tmp_path, clock, STUDIES[study])
    ends = [(now, now + left) for now, left in found if left is not None and left > 60]
    assert len(ends) > 20
    for now, _ in ends:
        left = [end - then for then, end in ends if now <= then <= now + 60]
        # Down to half of what is left after the minute, or up to the double.
        assert max(left) <= 2.01 * (min(left) + 60)
        assert left[-1] <= 2.01 * left[0]


@pytest.mark.parametrize("study", STUDIES)
def test_the_estimate_is_near_the_truth_once_a_stage_is_measured(
    study: str, tmp_path: Path, clock: Clock
) -> None:
    found = estimates(tmp_path, clock, STUDIES[study])
    begin, end = found[0][0], found[-1][0]
    late = [
        (end - now, left)
        for now, left in found
        if left is not None and begin + 0.6 * (end - begin) < now < begin + 0.9 * (end - begin)
    ]
    assert late and all(0.6 < left / true < 1.7 for true, left in late)


def test_nothing_is_estimated_from_the_first_reports(tmp_path: Path, clock: Clock) -> None:
    found = [left for _, left in estimates(tmp_path, clock, {"confirm": (3, 4)})]
    # The two workers must have had time for two epochs each.
    assert found[:3] == [None] * 3 and None not in found[3:-1]
    # The end is no estimate.
    assert found[-1] is None


@pytest.mark.parametrize(
    ("after_s", "measured", "shown"),
    [
        (60, 100.0, (1000 - 60) / 2),
        (60, 5000.0, 2000.0),
        (60, 1200.0, 1200.0),
        (600, 100.0, 100.0),
        (1200, 40.0, 40.0),
    ],
)
def test_a_wrong_estimate_is_corrected_by_a_factor_of_two_a_minute(
    after_s: float, measured: float, shown: float, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    progress, values = Progress({"search": 1.0}), iter([1000.0, measured])
    monkeypatch.setattr(progress, "_measured_left", lambda: next(values))
    assert progress.seconds_left() == 1000.0
    clock.now += after_s
    assert progress.seconds_left() == pytest.approx(shown)
