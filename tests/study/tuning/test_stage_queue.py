"""One stage's work after another's, as one stream."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pkd.errors import DiskFull
from study.config.cell import Cell
from study.search.cell_search import CellSearch
from study.search.dispatcher import TrialDispatcher
from study.search.samplers import ListSampler
from study.storage.layout import Layout
from study.storage.ledger import Ledger
from study.trials.lazy_trainable import LazyTrainable
from study.trials.trainable import StudyTrial
from study.tuning.stage_queue import Stage, StageQueue, StageWork
from tests.support.studies.fake_stage import Unwatched, report_of

Stages = Callable[[TrialDispatcher, TrialDispatcher], StageWork[None]]


def make(tmp_path: Path, stages: Stages) -> tuple[StageQueue, TrialDispatcher, TrialDispatcher]:
    """An queue over two dispatchers, of two trials and of one."""
    layout = Layout(tmp_path)
    ledger = Ledger(layout.ledger)

    def dispatcher(stage: str, trials: int) -> TrialDispatcher:
        sampler = ListSampler([{}] * trials)
        search = CellSearch(Cell(stage, "rte", 2, "ft"), sampler, trials, 1)
        return TrialDispatcher(stage, [search], ledger, Unwatched())

    dispatchers = dispatcher("search", 2), dispatcher("confirm", 1)
    return StageQueue(stages(*dispatchers), layout), *dispatchers


def stage_of(dispatcher: TrialDispatcher) -> Stage:
    return Stage(
        dispatcher, StudyTrial, lambda search, trial: {"trained": f"{dispatcher.stage} {trial}"}
    )


def both(first: TrialDispatcher, second: TrialDispatcher) -> StageWork[None]:
    yield stage_of(first)
    assert first.done
    yield stage_of(second)


def finish(queue: StageQueue, config: dict[str, Any]) -> None:
    work = queue.work_of(config)
    queue.dispatcher.report(*work, report_of(*work, 1))


def test_the_next_stage_begins_when_no_trial_of_the_one_before_it_runs(tmp_path: Path) -> None:
    queue, first, second = make(tmp_path, both)
    one, two = queue.next(), queue.next()
    assert one is not None and two is not None
    assert {key: one[key] for key in ("stage", "cell", "trial")} == {
        "stage": "search",
        "cell": "rte-2-ft",
        "trial": "trial-0000",
    }
    assert queue.next() is None and not queue.over  # two trials run
    finish(queue, two)
    assert queue.next() is None and queue.dispatcher is first
    finish(queue, one)
    three = queue.next()
    assert three is not None and three["stage"] == "confirm" and queue.dispatcher is second
    finish(queue, three)
    assert queue.next() is None and queue.over


def test_a_config_holds_the_trial_packed(tmp_path: Path) -> None:
    queue, _, _ = make(tmp_path, both)
    config = queue.next()
    assert config is not None
    process = LazyTrainable.__new__(LazyTrainable)
    process.setup(config)
    assert b"search trial-0000" in process._packed and b"trial-0000.log" in process._packed


def test_what_a_stage_raises_ends_the_work_and_is_raised_as_it_is(tmp_path: Path) -> None:
    def breaks(first: TrialDispatcher, second: TrialDispatcher) -> StageWork[None]:
        yield stage_of(first)
        raise DiskFull("no space left")

    queue, _, _ = make(tmp_path, breaks)
    for config in (queue.next(), queue.next()):
        assert config is not None
        finish(queue, config)
    # Tune is told that all is over; it would make the error one of its own.
    assert queue.next() is None and queue.over
    with pytest.raises(DiskFull, match="no space left"):
        queue.check()
    # The same if Tune breaks off while it ends.
    with pytest.raises(DiskFull, match="no space left"):
        queue.tell(RuntimeError("an actor does not stop"))


def test_a_study_of_which_nothing_is_left(tmp_path: Path) -> None:
    queue, _, _ = make(tmp_path, lambda first, second: (stage for stage in ()))
    assert queue.over and queue.next() is None
    queue.check()


def test_a_stage_hears_of_tune_s_end_and_may_go_on(tmp_path: Path) -> None:
    heard = []

    def tries_again(first: TrialDispatcher, second: TrialDispatcher) -> StageWork[None]:
        try:
            yield stage_of(first)
        except RuntimeError as error:
            heard.append(str(error))
            first.retry()
            yield stage_of(first)

    queue, first, _ = make(tmp_path, tries_again)
    lost = queue.next()
    queue.tell(RuntimeError("the head node is gone"))
    assert heard == ["the head node is gone"] and not queue.over
    again = queue.next()
    assert again is not None and lost is not None and again["trial"] == lost["trial"]


def test_ctrl_c_reaches_the_stage(tmp_path: Path) -> None:
    queue, _, _ = make(tmp_path, both)
    queue.next()
    with pytest.raises(KeyboardInterrupt):
        queue.tell(KeyboardInterrupt())
