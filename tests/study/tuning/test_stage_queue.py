"""The trials of one stage after another, as one stream."""

import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pkd.errors import DiskFull
from study.config.cell import Cell
from study.search.budget import Budget
from study.search.cell_search import CellSearch
from study.search.dispatcher import TrialDispatcher
from study.search.samplers import ListSampler
from study.storage.ledger import Ledger
from study.trials.study_trial import StudyTrial
from study.tuning.stage_queue import Stage, StageGenerator, StageQueue
from tests.support.studies.fake_stage import Unwatched, report_of

Stages = Callable[[TrialDispatcher, TrialDispatcher], StageGenerator[None]]


def make(tmp_path: Path, stages: Stages) -> tuple[StageQueue, TrialDispatcher, TrialDispatcher]:
    """A queue of two stages, with two trials and with one."""
    ledger = Ledger(tmp_path)

    def dispatcher(stage: str, trials: int) -> TrialDispatcher:
        sampler = ListSampler([{}] * trials)
        search = CellSearch(Cell(stage, "rte", 2, "ft"), sampler, Budget(trials, 1))
        return TrialDispatcher(stage, [search], ledger, Unwatched())

    dispatchers = dispatcher("search", 2), dispatcher("confirm", 1)
    return StageQueue(stages(*dispatchers)), *dispatchers


def stage_of(dispatcher: TrialDispatcher) -> Stage:
    return Stage(dispatcher, StudyTrial, lambda search, trial: f"{dispatcher.stage} {trial}")


def both(first: TrialDispatcher, second: TrialDispatcher) -> StageGenerator[None]:
    yield stage_of(first)
    assert first.done
    yield stage_of(second)


def finish(queue: StageQueue, config: dict[str, Any]) -> None:
    trial = queue.trial_of(config)
    queue.dispatcher.report(*trial, report_of(*trial, 1))


def test_the_next_stage_begins_when_no_trial_of_the_stage_before_runs(tmp_path: Path) -> None:
    queue, first, second = make(tmp_path, both)
    one, two = queue.next(), queue.next()
    assert one is not None and two is not None
    assert {key: one[key] for key in ("stage", "cell", "trial")} == {
        "stage": "search",
        "cell": "rte-2-ft",
        "trial": "trial-0000",
    }
    assert queue.next() is None and not queue.finished  # two trials run
    finish(queue, two)
    assert queue.next() is None and queue.dispatcher is first
    finish(queue, one)
    three = queue.next()
    assert three is not None and three["stage"] == "confirm" and queue.dispatcher is second
    finish(queue, three)
    assert queue.next() is None and queue.finished


def test_a_config_holds_the_packed_trial(tmp_path: Path) -> None:
    queue, _, _ = make(tmp_path, both)
    config = queue.next()
    assert config is not None
    assert set(config) == {"stage", "cell", "trial", "packed"}
    assert pickle.loads(config["packed"]) == (StudyTrial, "search trial-0000")


def test_the_error_of_a_stage_ends_the_study_and_is_raised_unchanged(tmp_path: Path) -> None:
    def breaks(first: TrialDispatcher, second: TrialDispatcher) -> StageGenerator[None]:
        yield stage_of(first)
        raise DiskFull("no space left")

    queue, _, _ = make(tmp_path, breaks)
    for config in (queue.next(), queue.next()):
        assert config is not None
        finish(queue, config)
    # Tune ends; it would replace the error by one of its own.
    assert queue.next() is None and queue.finished
    with pytest.raises(DiskFull, match="no space left"):
        queue.raise_failure()
    # The same if Tune fails while it ends.
    with pytest.raises(DiskFull, match="no space left"):
        queue.throw(RuntimeError("an actor does not stop"))


def test_a_study_with_nothing_left_is_finished(tmp_path: Path) -> None:
    queue, _, _ = make(tmp_path, lambda first, second: (stage for stage in ()))
    assert queue.finished and queue.next() is None
    queue.raise_failure()


def test_a_stage_gets_the_error_of_tune_and_may_go_on(tmp_path: Path) -> None:
    errors = []

    def retries(first: TrialDispatcher, second: TrialDispatcher) -> StageGenerator[None]:
        try:
            yield stage_of(first)
        except RuntimeError as error:
            errors.append(str(error))
            first.retry()
            yield stage_of(first)

    queue, first, _ = make(tmp_path, retries)
    lost = queue.next()
    queue.throw(RuntimeError("the head node is gone"))
    assert errors == ["the head node is gone"] and not queue.finished
    again = queue.next()
    assert again is not None and lost is not None and again["trial"] == lost["trial"]


def test_ctrl_c_reaches_the_stage(tmp_path: Path) -> None:
    queue, _, _ = make(tmp_path, both)
    queue.next()
    with pytest.raises(KeyboardInterrupt):
        queue.throw(KeyboardInterrupt())
